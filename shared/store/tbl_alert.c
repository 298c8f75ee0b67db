#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static const char *const level_texts[] = {
	[FINDING_INFO] = "INFO", [FINDING_WARN] = "WARN", [FINDING_CRIT] = "CRIT"
};

enum reason tbl_alert_raise(struct db *db, struct alert_row *row)
{
	struct stmt *st = NULL;
	enum reason why;

	BUG_IF((unsigned)row->level >= ARRAY_COUNT(level_texts), "an alert has a level");
	why = stmt_begin(db, STMT_ALERT_ADD, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, level_texts[row->level]);
	stmt_in_text(st, row->code);
	stmt_in_text(st, row->text);
	stmt_in_text(st, row->by_program);
	stmt_in_wall(st, row->raised);
	return tbl_insert(st, &row->alert_id);
}

enum reason tbl_alert_event(struct db *db, int64_t alert_id, const char *event, struct wall at,
			    const char *person, const char *text)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ALERT_EVENT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, alert_id);
	stmt_in_text(st, event);
	stmt_in_wall(st, at);
	stmt_in_text(st, person);
	stmt_in_text(st, text ? text : "");
	return tbl_write(st);
}

static void take(struct stmt *st, void *arg)
{
	struct alert_row *row = arg;
	char text[16];

	row->alert_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->level = FINDING_CRIT;
	stmt_out_text(st, text, sizeof(text));
	for (unsigned i = 0; i < ARRAY_COUNT(level_texts); i++) {
		if (strcmp(text, level_texts[i]) == 0)
			row->level = (enum finding_level)i;
	}
	stmt_out_text(st, row->code, sizeof(row->code));
	stmt_out_text(st, row->text, sizeof(row->text));
	stmt_out_text(st, row->by_program, sizeof(row->by_program));
	row->raised = stmt_out_wall(st);
	row->sent = stmt_out_number(st) != 0;
	row->acknowledged = stmt_out_number(st) != 0;
	row->closed = stmt_out_number(st) != 0;
}

enum reason tbl_alert_open(struct db *db, int64_t account_id, struct kst_day day, struct alert_row *rows,
			   int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ALERT_OPEN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_alert_unsent(struct db *db, struct alert_row *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ALERT_UNSENT, &st);

	if (why != REASON_OK)
		return why;
	/* The oldest ones that fit: the rest comes with the next asking. */
	stmt_in_number(st, room);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
