#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

enum reason tbl_write(struct stmt *st)
{
	(void)stmt_run(st); /* its trouble stays in the statement */
	return stmt_end(st);
}

enum reason tbl_insert(struct stmt *st, int64_t *out_id)
{
	enum reason why;
	int64_t id = 0;

	if (stmt_run(st) == REASON_OK)
		id = stmt_new_id(st);
	why = stmt_end(st);
	if (why == REASON_OK && out_id)
		*out_id = id;
	return why;
}

enum reason tbl_maybe(struct stmt *st, tbl_take_fn *take, void *row, bool *out_found)
{
	bool found = false;
	enum reason why;

	if (stmt_run(st) == REASON_OK && stmt_next(st, &found) == REASON_OK && found)
		take(st, row);
	why = stmt_end(st);
	if (why == REASON_OK)
		*out_found = found;
	return why;
}

enum reason tbl_one(struct stmt *st, tbl_take_fn *take, void *row, const char *what)
{
	bool found = false;
	enum reason why = tbl_maybe(st, take, row, &found);

	if (why == REASON_OK && !found)
		why = reason_set(REASON_DB_NOT_FOUND, "the database has no %s", what);
	return why;
}

enum reason tbl_rows(struct stmt *st, tbl_take_fn *take, void *rows, size_t row_size, int room,
		     int *out_count)
{
	enum reason why;
	bool row = false, full = false;
	int count = 0;

	if (stmt_run(st) == REASON_OK) {
		while (stmt_next(st, &row) == REASON_OK && row) {
			full = count == room;
			if (full)
				break;
			take(st, (char *)rows + (size_t)count * row_size);
			count++;
		}
	}
	why = stmt_end(st);
	if (why == REASON_OK && full)
		why = reason_set(REASON_OVERFLOW, "the database has more than %d rows where %d are the limit",
				 room, room);
	if (why == REASON_OK)
		*out_count = count;
	return why;
}

enum mode tbl_out_mode(struct stmt *st)
{
	enum mode mode = MODE_HALT;
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (!mode_parse(text, &mode))
		stmt_refuse(st, "mode", text);
	return mode;
}

enum order_side tbl_out_side(struct stmt *st)
{
	enum order_side side = SIDE_BUY;
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (!order_side_parse(text, &side))
		stmt_refuse(st, "side", text);
	return side;
}

enum order_type tbl_out_type(struct stmt *st)
{
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (strcmp(text, "LIMIT") == 0)
		return TYPE_LIMIT;
	if (strcmp(text, "MARKET") != 0)
		stmt_refuse(st, "order type", text);
	return TYPE_MARKET;
}

enum order_owner tbl_out_owner(struct stmt *st)
{
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (strcmp(text, "SYS") == 0)
		return OWNER_SYS;
	if (strcmp(text, "EXT") != 0)
		stmt_refuse(st, "owner", text);
	return OWNER_EXT;
}

enum market tbl_out_market(struct stmt *st)
{
	enum market market = MARKET_KOSPI;
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (!market_parse(text, &market))
		stmt_refuse(st, "market", text);
	return market;
}

enum symbol_kind tbl_out_kind(struct stmt *st)
{
	enum symbol_kind kind = SYMBOL_STOCK;
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	if (!symbol_kind_parse(text, &kind))
		stmt_refuse(st, "kind of symbol", text);
	return kind;
}

const char *tbl_type_text(enum order_type type)
{
	return type == TYPE_LIMIT ? "LIMIT" : "MARKET";
}

const char *tbl_owner_text(enum order_owner owner)
{
	return owner == OWNER_SYS ? "SYS" : "EXT";
}
