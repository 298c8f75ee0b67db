#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct sighting *row = arg;

	row->day = stmt_out_day(st);
	row->answered = stmt_out_wall(st);
}

enum reason tbl_listing_add(struct db *db, const struct listing_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LISTING_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, row->kind);
	stmt_in_day(st, row->from);
	stmt_in_day(st, row->to);
	stmt_in_text(st, listing_state_text(row->state));
	stmt_in_wall(st, row->asked);
	stmt_in_wall(st, row->answered);
	stmt_in_number(st, row->row_count);
	stmt_in_digest(st, &row->digest);
	stmt_in_text(st, row->by_program);
	stmt_in_text(st, row->reason ? row->reason : "");
	return tbl_write(st);
}

enum reason tbl_listing_sightings(struct db *db, int64_t account_id, struct kst_day from, struct wall since,
				  struct sighting *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LISTING_SIGHTINGS, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, from);
	stmt_in_wall(st, since);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
