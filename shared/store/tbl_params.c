#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct param_row *row = arg;

	row->param_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	stmt_out_text(st, row->strategy, sizeof(row->strategy));
	row->strategy_version = stmt_out_number(st);
	stmt_out_text(st, row->body, sizeof(row->body));
	stmt_out_digest(st, &row->digest);
	row->imported = stmt_out_wall(st);
	stmt_out_text(st, row->imported_by, sizeof(row->imported_by));
}

static void take_id(struct stmt *st, void *arg)
{
	*(int64_t *)arg = stmt_out_number(st);
}

static enum reason same_body(struct db *db, const struct param_row *row, int64_t *out_id)
{
	struct stmt *st = NULL;
	int64_t id = 0;
	enum reason why = stmt_begin(db, STMT_PARAM_SAME, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_text(st, row->strategy);
	stmt_in_digest(st, &row->digest);
	why = tbl_one(st, take_id, &id, "parameter set of that body");
	if (why == REASON_OK)
		*out_id = id;
	return why;
}

enum reason tbl_param_add(struct db *db, const struct param_row *row, int64_t *out_id)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PARAM_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_text(st, row->strategy);
	stmt_in_number(st, row->strategy_version);
	stmt_in_text(st, row->body);
	stmt_in_digest(st, &row->digest);
	stmt_in_wall(st, row->imported);
	stmt_in_text(st, row->imported_by);
	why = tbl_insert(st, out_id);
	if (why == REASON_DB_DUPLICATE)
		why = same_body(db, row, out_id);
	return why;
}

enum reason tbl_param_find(struct db *db, int64_t param_id, struct param_row *out)
{
	struct param_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PARAM_FIND, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, param_id);
	why = tbl_one(
		st, take, &row,
		"parameter set of that number; gaejang sql 'SELECT param_id FROM param_set' shows them");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_param_activate(struct db *db, int64_t account_id, int64_t param_id, struct kst_day from,
			       struct kst_day to, struct wall at, const char *person, const char *reason)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PARAM_ACTIVATE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_number(st, param_id);
	stmt_in_day(st, from);
	stmt_in_day(st, to);
	stmt_in_wall(st, at);
	stmt_in_text(st, person);
	stmt_in_text(st, reason);
	return tbl_write(st);
}

enum reason tbl_param_active(struct db *db, int64_t account_id, struct kst_day day, struct param_row *out)
{
	struct param_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PARAM_ACTIVE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_day(st, day);
	why = tbl_one(st, take, &row,
		      "parameter set that is active that day; `gaejang params activate` makes one so");
	if (why == REASON_OK)
		*out = row;
	return why;
}

/* ---- pins ---- */

static void take_pin(struct stmt *st, void *arg)
{
	struct pin_row *row = arg;

	row->run_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->param_id = stmt_out_number(st);
	stmt_out_text(st, row->strategy, sizeof(row->strategy));
	row->strategy_version = stmt_out_number(st);
	stmt_out_text(st, row->body, sizeof(row->body));
	stmt_out_digest(st, &row->digest);
	row->from_previous = stmt_out_number(st) != 0;
}

enum reason tbl_pin_add(struct db *db, const struct pin_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PIN_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->run_id);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->param_id);
	stmt_in_text(st, row->strategy);
	stmt_in_number(st, row->strategy_version);
	stmt_in_text(st, row->body);
	stmt_in_digest(st, &row->digest);
	stmt_in_number(st, row->from_previous);
	return tbl_write(st);
}

enum reason tbl_pin_of_run(struct db *db, int64_t run_id, struct pin_row *out)
{
	struct pin_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PIN_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	why = tbl_one(st, take_pin, &row, "pinned parameters of that run");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_pin_last_before(struct db *db, int64_t account_id, struct kst_day day, struct pin_row *out)
{
	struct pin_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PIN_LAST_BEFORE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	why = tbl_one(st, take_pin, &row, "earlier day with parameters whose gate passed");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_pin_seen_before(struct db *db, int64_t account_id, struct kst_day day,
				const struct digest *params, bool *out_seen)
{
	struct stmt *st = NULL;
	int64_t run_id = 0;
	enum reason why = stmt_begin(db, STMT_PIN_SEEN_BEFORE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_digest(st, params);
	stmt_in_day(st, day);
	return tbl_maybe(st, take_id, &run_id, out_seen);
}
