#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct session_row *row = arg;

	row->run_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->previous = stmt_out_day(st);
	row->open = stmt_out_wall(st);
	row->close = stmt_out_wall(st);
	row->entry_end = stmt_out_wall(st);
	row->shift_s = stmt_out_number(st);
}

enum reason tbl_session_add(struct db *db, const struct session_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SESSION_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->run_id);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_day(st, row->previous);
	stmt_in_wall(st, row->open);
	stmt_in_wall(st, row->close);
	stmt_in_wall(st, row->entry_end);
	stmt_in_number(st, row->shift_s);
	return tbl_write(st);
}

enum reason tbl_session_of_run(struct db *db, int64_t run_id, struct session_row *out)
{
	struct session_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SESSION_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	why = tbl_one(st, take, &row, "session of that run");
	if (why == REASON_OK)
		*out = row;
	return why;
}
