#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct account_row *row = arg;

	row->account_id = stmt_out_number(st);
	stmt_out_text(st, row->name, sizeof(row->name));
	stmt_out_text(st, row->env, sizeof(row->env));
	row->rehearsal = stmt_out_number(st) != 0;
	stmt_out_text(st, row->masked, sizeof(row->masked));
	stmt_out_digest(st, &row->fingerprint);
	row->added = stmt_out_wall(st);
	stmt_out_text(st, row->added_by, sizeof(row->added_by));
}

enum reason tbl_account_add(struct db *db, const struct account_row *row, int64_t *out_id)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ACCOUNT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, row->name);
	stmt_in_text(st, row->env);
	stmt_in_number(st, row->rehearsal);
	stmt_in_text(st, row->masked);
	stmt_in_digest(st, &row->fingerprint);
	stmt_in_wall(st, row->added);
	stmt_in_text(st, row->added_by);
	return tbl_insert(st, out_id);
}

enum reason tbl_account_find(struct db *db, const char *name, struct account_row *out)
{
	struct account_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ACCOUNT_FIND, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, name);
	why = tbl_one(st, take, &row, "account of that name; register it with `gaejang account add`");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_account_all(struct db *db, struct account_row *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ACCOUNT_ALL, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
