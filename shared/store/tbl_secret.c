#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct secret_row *row = arg;

	row->account_id = stmt_out_number(st);
	stmt_out_text(st, row->name, sizeof(row->name));
	row->version = stmt_out_number(st);
	row->sealed_size = stmt_out_bytes(st, row->sealed, sizeof(row->sealed));
	stmt_out_text(st, row->fingerprint, sizeof(row->fingerprint));
	row->made = stmt_out_wall(st);
	row->expires = stmt_out_wall(st);
	row->run_id = stmt_out_number(st);
}

enum reason tbl_secret_add(struct db *db, const struct secret_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SECRET_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_text(st, row->name);
	stmt_in_number(st, row->version);
	stmt_in_bytes(st, row->sealed, row->sealed_size);
	stmt_in_text(st, row->fingerprint);
	stmt_in_wall(st, row->made);
	stmt_in_wall(st, row->expires);
	stmt_in_number(st, row->run_id);
	return tbl_write(st);
}

enum reason tbl_secret_newest(struct db *db, int64_t account_id, const char *name, struct secret_row *out)
{
	struct secret_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SECRET_NEWEST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_text(st, name);
	why = tbl_one(st, take, &row, "secret of that name; run auth");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_login_attempt_add(struct db *db, int64_t account_id, const char *fingerprint,
				  const char *what, struct wall at)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LOGIN_ATTEMPT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_text(st, fingerprint);
	stmt_in_text(st, what);
	stmt_in_wall(st, at);
	return tbl_write(st);
}

static void take_wall(struct stmt *st, void *arg)
{
	*(struct wall *)arg = stmt_out_wall(st);
}

enum reason tbl_login_attempt_last(struct db *db, const char *fingerprint, const char *what,
				   struct wall *out_at)
{
	struct wall at = { 0 };
	struct stmt *st = NULL;
	bool found = false;
	enum reason why = stmt_begin(db, STMT_LOGIN_ATTEMPT_LAST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, fingerprint);
	stmt_in_text(st, what);
	why = tbl_maybe(st, take_wall, &at, &found);
	if (why == REASON_OK)
		*out_at = at;
	return why;
}
