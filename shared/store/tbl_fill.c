#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

enum reason tbl_fill_add(struct db *db, int64_t account_id, const struct fill *fill, const struct cost *cost,
			 const char *by_program)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_FILL_ADD, &st);

	if (why != REASON_OK)
		return why;
	if (fill->intent_id != 0)
		stmt_in_number(st, fill->intent_id);
	else
		stmt_in_null(st);
	stmt_in_number(st, account_id);
	stmt_in_day(st, fill->day);
	stmt_in_text(st, fill->odno);
	stmt_in_text(st, fill->symbol);
	stmt_in_text(st, order_side_text(fill->side));
	stmt_in_text(st, tbl_owner_text(fill->owner));
	stmt_in_number(st, fill->from_qty);
	stmt_in_number(st, fill->to_qty);
	stmt_in_number(st, fill->amount_won);
	stmt_in_number(st, cost->fee_won);
	stmt_in_number(st, cost->tax_won);
	stmt_in_wall(st, fill->at);
	stmt_in_text(st, by_program);
	return tbl_write(st);
}

static void take(struct stmt *st, void *arg)
{
	struct fill *fill = arg;

	fill->fill_id = stmt_out_number(st);
	fill->intent_id = stmt_out_number(st);
	fill->day = stmt_out_day(st);
	stmt_out_text(st, fill->odno, sizeof(fill->odno));
	stmt_out_text(st, fill->symbol, sizeof(fill->symbol));
	fill->side = tbl_out_side(st);
	fill->owner = tbl_out_owner(st);
	fill->from_qty = stmt_out_number(st);
	fill->to_qty = stmt_out_number(st);
	fill->amount_won = stmt_out_number(st);
	fill->at = stmt_out_wall(st);
}

enum reason tbl_fills_since(struct db *db, int64_t account_id, struct wall since, struct fill *rows, int room,
			    int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_FILLS_SINCE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_wall(st, since);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_fills_of_day(struct db *db, int64_t account_id, struct kst_day day, struct fill *rows,
			     int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_FILLS_OF_DAY, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}

static void take_cost(struct stmt *st, void *arg)
{
	struct cost *cost = arg;

	cost->fee_won = stmt_out_number(st);
	cost->tax_won = stmt_out_number(st);
}

enum reason tbl_fill_costs_of_day(struct db *db, int64_t account_id, struct kst_day day, struct cost *out)
{
	struct cost cost = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_FILL_COSTS_OF_DAY, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	why = tbl_one(st, take_cost, &cost, "sum of costs");
	if (why == REASON_OK)
		*out = cost;
	return why;
}
