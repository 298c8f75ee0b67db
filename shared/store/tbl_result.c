#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take_daily(struct stmt *st, void *arg)
{
	struct daily_row *row = arg;

	row->run_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->equity_start_won = stmt_out_number(st);
	row->equity_end_won = stmt_out_number(st);
	row->cash_end_won = stmt_out_number(st);
	row->realised_won = stmt_out_number(st);
	row->fee_won = stmt_out_number(st);
	row->tax_won = stmt_out_number(st);
	row->bought_won = stmt_out_number(st);
	row->sold_won = stmt_out_number(st);
	row->orders = stmt_out_number(st);
	row->fills = stmt_out_number(st);
	row->replay_same = stmt_out_number(st) != 0;
}

enum reason tbl_daily_add(struct db *db, const struct daily_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_DAILY_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->run_id);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->equity_start_won);
	stmt_in_number(st, row->equity_end_won);
	stmt_in_number(st, row->cash_end_won);
	stmt_in_number(st, row->realised_won);
	stmt_in_number(st, row->fee_won);
	stmt_in_number(st, row->tax_won);
	stmt_in_number(st, row->bought_won);
	stmt_in_number(st, row->sold_won);
	stmt_in_number(st, row->orders);
	stmt_in_number(st, row->fills);
	stmt_in_number(st, row->replay_same);
	return tbl_write(st);
}

/* As many of the newest as there is room for: more days than that is no mistake. */
enum reason tbl_daily_newest(struct db *db, int64_t account_id, struct kst_day before_or_on,
			     struct daily_row *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_DAILY_NEWEST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, before_or_on);
	stmt_in_number(st, room);
	return tbl_rows(st, take_daily, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_round_trip_add(struct db *db, int64_t run_id, int64_t account_id, struct kst_day day, int seq,
			       const char *symbol, int64_t qty, int64_t result_won, struct wall closed)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ROUND_TRIP_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_number(st, seq);
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_text(st, symbol);
	stmt_in_number(st, qty);
	stmt_in_number(st, result_won);
	stmt_in_wall(st, closed);
	return tbl_write(st);
}

static void take_number(struct stmt *st, void *arg)
{
	*(int64_t *)arg = stmt_out_number(st);
}

enum reason tbl_round_trip_newest(struct db *db, int64_t account_id, int64_t *results_won, int room,
				  int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ROUND_TRIP_NEWEST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_number(st, room);
	return tbl_rows(st, take_number, results_won, sizeof(*results_won), room, out_count);
}

enum reason tbl_selection_add(struct db *db, int64_t run_id, struct kst_day for_day, const char *symbol,
			      int rank)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SELECTION_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, symbol);
	stmt_in_day(st, for_day);
	stmt_in_number(st, rank);
	return tbl_write(st);
}

static void take_symbol(struct stmt *st, void *arg)
{
	stmt_out_text(st, arg, SYMBOL_SIZE);
}

enum reason tbl_selection_for(struct db *db, int64_t account_id, struct kst_day day,
			      char (*rows)[SYMBOL_SIZE], int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SELECTION_FOR, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_day(st, day);
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_symbol, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_journal_add(struct db *db, int64_t account_id, struct kst_day day, int64_t epoch,
			    const char *path, struct wall at)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_JOURNAL_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, epoch);
	stmt_in_text(st, path);
	stmt_in_wall(st, at);
	return tbl_write(st);
}

static void take_path(struct stmt *st, void *arg)
{
	stmt_out_text(st, arg, 500);
}

enum reason tbl_journal_of_day(struct db *db, int64_t account_id, struct kst_day day, char (*paths)[500],
			       int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_JOURNAL_OF_DAY, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_path, paths, sizeof(*paths), room, out_count);
}
