#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

#define DECISIONS_AT_ONCE 100 /* in one message; more go in several of one transaction */

struct decision_work {
	const struct decision_row *rows;
	int count;
};

static void in_row(struct stmt *st, const struct decision_row *row)
{
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->epoch);
	stmt_in_number(st, row->seq);
	stmt_in_wall(st, row->at);
	stmt_in_number(st, row->observed);
	stmt_in_text(st, row->strategy);
	stmt_in_text(st, row->signal_code);
	stmt_in_text(st, row->want.symbol);
	stmt_in_text(st, order_side_text(row->want.side));
	stmt_in_text(st, tbl_type_text(row->want.type));
	stmt_in_number(st, row->want.qty);
	stmt_in_number(st, row->want.price_won);
	stmt_in_number(st, row->last_won);
	stmt_in_text(st, row->verdict);
}

static enum reason add(struct db *db, void *arg)
{
	const struct decision_work *work = arg;
	struct stmt *st = NULL;
	enum reason why = REASON_OK;
	int some;

	for (int at = 0; at < work->count && why == REASON_OK; at += some) {
		some = work->count - at < DECISIONS_AT_ONCE ? work->count - at : DECISIONS_AT_ONCE;
		why = stmt_begin(db, STMT_DECISION_ADD, &st);
		if (why != REASON_OK)
			return why;
		stmt_rows(st, some);
		for (int i = 0; i < some; i++)
			in_row(st, &work->rows[at + i]);
		why = tbl_write(st);
	}
	return why;
}

enum reason tbl_decision_add(struct db *db, const struct decision_row *rows, int count)
{
	struct decision_work work = { .rows = rows, .count = count };

	if (count == 0)
		return REASON_OK;
	return db_atomic(db, add, &work);
}
