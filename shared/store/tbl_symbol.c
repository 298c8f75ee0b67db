#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct symbol_row *row = arg;

	stmt_out_text(st, row->symbol, sizeof(row->symbol));
	row->market = tbl_out_market(st);
	row->kind = tbl_out_kind(st);
	stmt_out_text(st, row->name, sizeof(row->name));
}

static enum reason insert(struct db *db, const struct symbol_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SYMBOL_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, row->symbol);
	stmt_in_text(st, market_text(row->market));
	stmt_in_text(st, symbol_kind_text(row->kind));
	stmt_in_text(st, row->name);
	return tbl_write(st);
}

enum reason tbl_symbol_add(struct db *db, const struct symbol_row *row)
{
	struct symbol_row there = { 0 };
	enum reason why = insert(db, row);

	if (why != REASON_DB_DUPLICATE)
		return why;
	why = tbl_symbol_find(db, row->symbol, &there);
	if (why != REASON_OK)
		return why;
	/* The name is for people and may differ; tick, band and tax follow from the other two. */
	if (there.market != row->market || there.kind != row->kind)
		return reason_set(REASON_DB_DUPLICATE,
				  "%s is stored as %s %s, not %s %s; look which is right", row->symbol,
				  market_text(there.market), symbol_kind_text(there.kind),
				  market_text(row->market), symbol_kind_text(row->kind));
	return REASON_OK;
}

enum reason tbl_symbol_find(struct db *db, const char *symbol, struct symbol_row *out)
{
	struct symbol_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SYMBOL_FIND, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, symbol);
	why = tbl_one(st, take, &row, "such symbol; add it with `gaejang universe add`");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_symbol_all(struct db *db, struct symbol_row *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SYMBOL_ALL, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
