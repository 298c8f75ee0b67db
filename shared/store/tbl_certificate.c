#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct certificate_row *row = arg;

	row->certificate_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	row->run_id = stmt_out_number(st);
	row->mode = tbl_out_mode(st);
	row->epoch = stmt_out_number(st);
	stmt_out_text(st, row->body, sizeof(row->body));
	stmt_out_text(st, row->signature, sizeof(row->signature));
	row->issued = stmt_out_wall(st);
	row->expires = stmt_out_wall(st);
	row->consumed = stmt_out_wall(st);
	stmt_out_text(st, row->consumed_by, sizeof(row->consumed_by));
}

enum reason tbl_certificate_add(struct db *db, const struct certificate_row *row, int64_t *out_id)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CERTIFICATE_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->run_id);
	stmt_in_text(st, mode_text(row->mode));
	stmt_in_number(st, row->epoch);
	stmt_in_text(st, row->body);
	stmt_in_text(st, row->signature);
	stmt_in_wall(st, row->issued);
	stmt_in_wall(st, row->expires);
	return tbl_insert(st, out_id);
}

enum reason tbl_certificate_find(struct db *db, int64_t certificate_id, struct certificate_row *out)
{
	struct certificate_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CERTIFICATE_FIND, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, certificate_id);
	why = tbl_one(st, take, &row, "certificate of that number");
	if (why == REASON_OK)
		*out = row;
	return why;
}

static enum reason of_day(struct db *db, enum stmt_name name, int64_t account_id, struct kst_day day,
			  struct certificate_row *out)
{
	struct certificate_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, name, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	why = tbl_one(st, take, &row, "certificate of that day");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_certificate_newest(struct db *db, int64_t account_id, struct kst_day day,
				   struct certificate_row *out)
{
	return of_day(db, STMT_CERTIFICATE_NEWEST, account_id, day, out);
}

enum reason tbl_certificate_used(struct db *db, int64_t account_id, struct kst_day day,
				 struct certificate_row *out)
{
	return of_day(db, STMT_CERTIFICATE_USED, account_id, day, out);
}

enum reason tbl_certificate_consume(struct db *db, int64_t certificate_id, const char *by, struct wall at)
{
	struct stmt *st = NULL;
	int64_t changed = 0;
	enum reason why = stmt_begin(db, STMT_CERTIFICATE_CONSUME, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_wall(st, at);
	stmt_in_text(st, by);
	stmt_in_number(st, certificate_id);
	if (stmt_run(st) == REASON_OK)
		changed = stmt_changed(st);
	why = stmt_end(st);
	if (why == REASON_OK && changed != 1)
		why = reason_set(
			REASON_DB_REFUSED,
			"certificate %lld was used before, or there is none; only the gate makes a new one",
			(long long)certificate_id);
	return why;
}
