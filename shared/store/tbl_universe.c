#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take_symbol(struct stmt *st, void *arg)
{
	stmt_out_text(st, arg, SYMBOL_SIZE);
}

enum reason tbl_universe_list_set(struct db *db, int64_t account_id, const char *symbol, bool listed,
				  struct wall at, const char *person)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_UNIVERSE_LIST_SET, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_text(st, symbol);
	stmt_in_number(st, listed);
	stmt_in_wall(st, at);
	stmt_in_text(st, person);
	return tbl_write(st);
}

enum reason tbl_universe_list(struct db *db, int64_t account_id, char (*rows)[SYMBOL_SIZE], int room,
			      int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_UNIVERSE_LIST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_number(st, account_id);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_symbol, rows, sizeof(*rows), room, out_count);
}

static void take(struct stmt *st, void *arg)
{
	struct universe_row *row = arg;

	stmt_out_text(st, row->symbol, sizeof(row->symbol));
	row->rank = (int)stmt_out_number(st);
	stmt_out_text(st, row->why, sizeof(row->why));
	row->market = tbl_out_market(st);
	row->kind = tbl_out_kind(st);
	row->previous_close_won = stmt_out_number(st);
	row->previous_high_won = stmt_out_number(st);
	row->previous_low_won = stmt_out_number(st);
	row->band.low_won = stmt_out_number(st);
	row->band.high_won = stmt_out_number(st);
	row->entry_allowed = stmt_out_number(st) != 0;
}

enum reason tbl_universe_add(struct db *db, int64_t run_id, const struct universe_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_UNIVERSE_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, row->symbol);
	stmt_in_number(st, row->rank);
	stmt_in_text(st, row->why);
	stmt_in_text(st, market_text(row->market));
	stmt_in_text(st, symbol_kind_text(row->kind));
	stmt_in_number(st, row->previous_close_won);
	stmt_in_number(st, row->previous_high_won);
	stmt_in_number(st, row->previous_low_won);
	stmt_in_number(st, row->band.low_won);
	stmt_in_number(st, row->band.high_won);
	stmt_in_number(st, row->entry_allowed);
	return tbl_write(st);
}

enum reason tbl_universe_out_add(struct db *db, int64_t run_id, const char *symbol, const char *why_out)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_UNIVERSE_OUT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, symbol);
	stmt_in_text(st, why_out);
	return tbl_write(st);
}

enum reason tbl_universe_of_run(struct db *db, int64_t run_id, struct universe_row *rows, int room,
				int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_UNIVERSE_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
