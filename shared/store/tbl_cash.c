#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct cash_row *row = arg;

	row->run_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->account_match = stmt_out_number(st) != 0;
	row->cash_d0_won = stmt_out_number(st);
	row->cash_d1_won = stmt_out_number(st);
	row->cash_d2_won = stmt_out_number(st);
	row->orderable_won = stmt_out_number(st);
	row->stock_value_won = stmt_out_number(st);
	row->equity_won = stmt_out_number(st);
}

enum reason tbl_cash_add(struct db *db, const struct cash_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CASH_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->run_id);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->account_match);
	stmt_in_number(st, row->cash_d0_won);
	stmt_in_number(st, row->cash_d1_won);
	stmt_in_number(st, row->cash_d2_won);
	stmt_in_number(st, row->orderable_won);
	stmt_in_number(st, row->stock_value_won);
	stmt_in_number(st, row->equity_won);
	return tbl_write(st);
}

enum reason tbl_cash_of_run(struct db *db, int64_t run_id, struct cash_row *out)
{
	struct cash_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CASH_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	why = tbl_one(st, take, &row, "account snapshot of that run");
	if (why == REASON_OK)
		*out = row;
	return why;
}

static void take_holding(struct stmt *st, void *arg)
{
	struct broker_holding *row = arg;

	*row = (struct broker_holding){ 0 };
	stmt_out_text(st, row->symbol, sizeof(row->symbol));
	stmt_out_text(st, row->name, sizeof(row->name));
	row->qty = stmt_out_number(st);
	row->sellable_qty = stmt_out_number(st);
	row->cost_won = stmt_out_number(st);
	row->price_won = stmt_out_number(st);
	row->value_won = stmt_out_number(st);
}

enum reason tbl_holding_add(struct db *db, int64_t run_id, const struct broker_holding *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_HOLDING_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, row->symbol);
	stmt_in_text(st, row->name);
	stmt_in_number(st, row->qty);
	stmt_in_number(st, row->sellable_qty);
	stmt_in_number(st, row->cost_won);
	stmt_in_number(st, row->price_won);
	stmt_in_number(st, row->value_won);
	return tbl_write(st);
}

enum reason tbl_holding_of_run(struct db *db, int64_t run_id, struct broker_holding *rows, int room,
			       int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_HOLDING_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_holding, rows, sizeof(*rows), room, out_count);
}
