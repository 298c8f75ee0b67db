/*
 * db_stmt - one prepared statement: values in, rows out.
 *
 * The first trouble stays: every later call on the statement does nothing, and stmt_end() reports it. A statement is prepared
 * once per connection and kept; stmt_begin() of one that is still in use is a bug.
 *
 * Several rows at once (stmt_rows): the values of all rows are given one after the other and go to the server in one message.
 */
#include <stdlib.h>
#include <string.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "shared/base/bug.h"
#include "shared/store/db_inner.h"
#include "shared/base/banned.h"

#define PARAMS_MAX_STMT  40
#define COLUMNS_MAX_STMT 40
#define US_PER_MS_TIME   1000

enum cell_kind { CELL_NUMBER, CELL_BYTES, CELL_TIME, CELL_DAY };

struct param { /* one column of values, `rows` of them */
	int64_t *numbers;
	MYSQL_TIME *times;
	const void **pointers;
	unsigned long *lengths;
	char *marks; /* STMT_INDICATOR_* */
	char (*hex)[DIGEST_HEX_SIZE];
	enum enum_field_types type;
	bool typed;
};
struct column {
	enum cell_kind kind;
	int64_t number;
	MYSQL_TIME time;
	unsigned long length;
	my_bool null, cut;
};
struct stmt {
	struct db *db;
	MYSQL_STMT *handle;
	const char *label;
	enum stmt_name name;
	enum reason why;
	bool in_use, ran, spoilt;
	int param_count, param_at;
	int rows, row_at, rows_room;
	struct param params[PARAMS_MAX_STMT];
	int column_count, column_at;
	struct column columns[COLUMNS_MAX_STMT];
	MYSQL_BIND in[PARAMS_MAX_STMT], out[COLUMNS_MAX_STMT];
	bool was_null, on_row;
	int64_t changed, new_id;
};

static enum reason fail_here(struct stmt *st)
{
	st->why = db_trouble(st->db, mysql_stmt_errno(st->handle), mysql_stmt_error(st->handle), st->label);
	return st->why;
}

static void params_free(struct stmt *st)
{
	for (int i = 0; i < PARAMS_MAX_STMT; i++) {
		struct param *p = &st->params[i];

		free(p->numbers);
		free(p->times);
		free(p->pointers);
		free(p->lengths);
		free(p->marks);
		free(p->hex);
		*p = (struct param){ 0 };
	}
	st->rows_room = 0;
}

void stmt_forget(struct stmt *st)
{
	if (!st)
		return;
	/* Its answer tells nothing: the connection goes with it. */
	if (st->handle)
		(void)mysql_stmt_close(st->handle);
	params_free(st);
	free(st);
}

static enum reason params_make(struct stmt *st, int rows)
{
	size_t n = (size_t)rows;

	if (rows <= st->rows_room)
		return REASON_OK;
	params_free(st);
	for (int i = 0; i < st->param_count; i++) {
		struct param *p = &st->params[i];

		p->numbers = calloc(n, sizeof(*p->numbers));
		p->times = calloc(n, sizeof(*p->times));
		p->pointers = calloc(n, sizeof(*p->pointers));
		p->lengths = calloc(n, sizeof(*p->lengths));
		p->marks = calloc(n, sizeof(*p->marks));
		p->hex = calloc(n, sizeof(*p->hex));
		if (!p->numbers || !p->times || !p->pointers || !p->lengths || !p->marks || !p->hex)
			return reason_set(REASON_NO_MEMORY, "%s: no memory for %d rows; free some", st->label,
					  rows);
	}
	st->rows_room = rows;
	return REASON_OK;
}

static enum cell_kind kind_of(enum enum_field_types type)
{
	switch (type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_NULL: return CELL_NUMBER;
	case MYSQL_TYPE_DATE:
	case MYSQL_TYPE_NEWDATE: return CELL_DAY;
	case MYSQL_TYPE_DATETIME:
	case MYSQL_TYPE_TIMESTAMP: return CELL_TIME;
	default:
		return CELL_BYTES; /* DECIMAL too: a sum comes as CAST(... AS SIGNED) or it is a bug found by the test */
	}
}

static enum reason columns_bind(struct stmt *st)
{
	MYSQL_RES *meta;
	MYSQL_FIELD *fields;

	st->column_count = (int)mysql_stmt_field_count(st->handle);
	if (st->column_count == 0)
		return REASON_OK;
	BUG_IF(st->column_count > COLUMNS_MAX_STMT, "a statement has few columns");
	meta = mysql_stmt_result_metadata(st->handle);
	if (!meta)
		return fail_here(st);
	fields = mysql_fetch_fields(meta);
	memset(st->out, 0, sizeof(st->out));
	for (int i = 0; i < st->column_count; i++) {
		struct column *c = &st->columns[i];
		MYSQL_BIND *b = &st->out[i];

		c->kind = kind_of(fields[i].type);
		b->is_null = &c->null;
		b->error = &c->cut;
		b->length = &c->length;
		if (c->kind == CELL_NUMBER) {
			b->buffer_type = MYSQL_TYPE_LONGLONG;
			b->buffer = &c->number;
		} else if (c->kind == CELL_BYTES) {
			b->buffer_type =
				MYSQL_TYPE_BLOB; /* length only; the bytes are fetched into the caller's room */
		} else {
			b->buffer_type = c->kind == CELL_DAY ? MYSQL_TYPE_DATE : MYSQL_TYPE_DATETIME;
			b->buffer = &c->time;
		}
	}
	mysql_free_result(meta);
	return REASON_OK;
}

static enum reason prepare(struct db *db, enum stmt_name name, struct stmt **out)
{
	struct stmt *st = calloc(1, sizeof(*st));
	enum reason why;

	if (!st)
		return reason_set(REASON_NO_MEMORY, "no memory for a statement; free some");
	st->db = db;
	st->label = stmt_label[name];
	st->name = name;
	st->handle = mysql_stmt_init(db->my);
	if (!st->handle) {
		free(st);
		return reason_set(REASON_NO_MEMORY, "no memory for a statement; free some");
	}
	if (mysql_stmt_prepare(st->handle, stmt_text[name], (unsigned long)strlen(stmt_text[name])) != 0) {
		why = fail_here(st);
		goto out;
	}
	st->param_count = (int)mysql_stmt_param_count(st->handle);
	BUG_IF(st->param_count > PARAMS_MAX_STMT, "a statement has few parameters");
	why = params_make(st, 1);
out:
	if (why == REASON_OK)
		*out = st;
	else
		stmt_forget(st);
	return why;
}

enum reason stmt_begin(struct db *db, enum stmt_name name, struct stmt **out)
{
	struct stmt *st;
	enum reason why;

	BUG_IF((unsigned)name >= STMT_NAME_COUNT, "a statement is one of the list");
	if (!db->my)
		return db_trouble(db, CR_SERVER_GONE_ERROR, "not connected", stmt_label[name]);
	/* The server may have ended the transaction already: what came now would be committed alone. */
	if (db->gone)
		return reason_set(REASON_DB_CONFLICT, "%s: the transaction was lost before; repeat it whole",
				  stmt_label[name]);
	if (!db->stmts[name]) {
		why = prepare(db, name, &db->stmts[name]);
		if (why != REASON_OK)
			return why;
	}
	st = db->stmts[name];
	BUG_IF(st->in_use, "a statement is ended before it begins again");
	st->in_use = true;
	st->ran = false;
	st->on_row = false;
	st->why = REASON_OK;
	st->rows = 1;
	st->row_at = 0;
	st->param_at = 0;
	st->changed = 0;
	st->new_id = 0;
	*out = st;
	return REASON_OK;
}

/* ---- in ---- */

void stmt_rows(struct stmt *st, int rows)
{
	BUG_IF(st->ran || st->param_at > 0 || rows < 1, "rows are announced first");
	if (st->why == REASON_OK)
		st->why = params_make(st, rows);
	st->rows = rows;
}

/* The next value's place; after the last parameter of a row comes the first of the next row. */
static struct param *param_next(struct stmt *st, enum enum_field_types type, int *out_row)
{
	struct param *p;

	BUG_IF(st->ran, "values are given before the statement runs");
	if (st->param_at == st->param_count) {
		st->param_at = 0;
		st->row_at++;
	}
	BUG_IF(st->param_count == 0 || st->row_at >= st->rows, "the statement has that many parameters");
	p = &st->params[st->param_at++];
	if (st->row_at == 0)
		p->typed = false;
	BUG_IF(p->typed && type != MYSQL_TYPE_NULL && p->type != type, "a column has one type in all rows");
	if (type != MYSQL_TYPE_NULL) {
		p->type = type;
		p->typed = true;
	} else if (!p->typed) {
		p->type = MYSQL_TYPE_NULL;
	}
	*out_row = st->row_at;
	return p;
}

void stmt_in_number(struct stmt *st, int64_t value)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	p = param_next(st, MYSQL_TYPE_LONGLONG, &row);
	p->numbers[row] = value;
	p->marks[row] = STMT_INDICATOR_NONE;
}

void stmt_in_bytes(struct stmt *st, const void *bytes, size_t bytes_size)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	p = param_next(st, MYSQL_TYPE_BLOB, &row);
	p->pointers[row] = bytes;
	p->lengths[row] = bytes_size;
	p->marks[row] = STMT_INDICATOR_NONE;
}

void stmt_in_text(struct stmt *st, const char *text)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	BUG_IF(!text, "a text is given; stmt_in_null gives none");
	p = param_next(st, MYSQL_TYPE_STRING, &row);
	p->pointers[row] = text;
	p->lengths[row] = strlen(text);
	p->marks[row] = STMT_INDICATOR_NONE;
}

void stmt_in_null(struct stmt *st)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	p = param_next(st, MYSQL_TYPE_NULL, &row);
	p->marks[row] = STMT_INDICATOR_NULL;
}

void stmt_in_digest(struct stmt *st, const struct digest *d)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	p = param_next(st, MYSQL_TYPE_STRING, &row);
	p->pointers[row] = digest_hex(d, p->hex[row]);
	p->lengths[row] = DIGEST_HEX_SIZE - 1;
	p->marks[row] = STMT_INDICATOR_NONE;
}

void stmt_in_day(struct stmt *st, struct kst_day day)
{
	struct param *p;
	int row;

	if (st->why != REASON_OK)
		return;
	if (day.yyyymmdd < 10000101 || day.yyyymmdd > 99991231) {
		st->why = reason_set(REASON_BAD_DAY, "%s: %d is no day a row can hold", st->label,
				     (int)day.yyyymmdd);
		return;
	}
	p = param_next(st, MYSQL_TYPE_DATE, &row);
	p->times[row] = (MYSQL_TIME){
		.year = (unsigned)day.yyyymmdd / 10000,
		.month = (unsigned)day.yyyymmdd / 100 % 100,
		.day = (unsigned)day.yyyymmdd % 100,
		.time_type = MYSQL_TIMESTAMP_DATE,
	};
	p->marks[row] = STMT_INDICATOR_NONE;
}

void stmt_in_wall(struct stmt *st, struct wall at)
{
	/* 1970-01-01 to 9999-12-31: what a column can hold and a clock can mean. */
	static const struct kst_day last_day = { 99991231 };
	struct kst_day day;
	struct param *p;
	int32_t second;
	int row;

	if (st->why != REASON_OK)
		return;
	if (at.us < 0 || at.us >= kst_wall(last_day, 86400).us) {
		st->why = reason_set(REASON_OVERFLOW, "%s: %lld us is no time a row can hold", st->label,
				     (long long)at.us);
		return;
	}
	day = kst_day_of(at);
	second = kst_second_of(at);
	p = param_next(st, MYSQL_TYPE_DATETIME, &row);
	p->times[row] = (MYSQL_TIME){
		.year = (unsigned)day.yyyymmdd / 10000,
		.month = (unsigned)day.yyyymmdd / 100 % 100,
		.day = (unsigned)day.yyyymmdd % 100,
		.hour = (unsigned)second / 3600,
		.minute = (unsigned)second / 60 % 60,
		.second = (unsigned)second % 60,
		.second_part = (unsigned long)(at.us % US_PER_S),
		.time_type = MYSQL_TIMESTAMP_DATETIME,
	};
	p->marks[row] = STMT_INDICATOR_NONE;
}

/* One row: plain buffers. Several: numbers lie in an array, everything else in arrays of pointers. */
static void params_bind(struct stmt *st)
{
	memset(st->in, 0, sizeof(st->in));
	for (int i = 0; i < st->param_count; i++) {
		struct param *p = &st->params[i];
		MYSQL_BIND *b = &st->in[i];

		b->buffer_type = p->type;
		b->length = p->lengths;
		b->u.indicator = p->marks;
		if (p->type == MYSQL_TYPE_LONGLONG) {
			b->buffer = p->numbers;
		} else if (p->type == MYSQL_TYPE_DATE || p->type == MYSQL_TYPE_DATETIME) {
			for (int row = 0; row < st->rows; row++)
				p->pointers[row] = &p->times[row];
			b->buffer = st->rows > 1 ? (void *)p->pointers : (void *)p->times;
		} else if (p->type != MYSQL_TYPE_NULL) {
			b->buffer = st->rows > 1 ? (void *)p->pointers : (void *)(uintptr_t)p->pointers[0];
		}
		if (st->rows == 1) {
			/* The indicator belongs to array binding; a single row says NULL by its type. */
			b->u.indicator = NULL;
			if (p->marks[0] == STMT_INDICATOR_NULL)
				b->buffer_type = MYSQL_TYPE_NULL;
		}
	}
}

enum reason stmt_run(struct stmt *st)
{
	unsigned rows = st->rows > 1 ? (unsigned)st->rows : 0;
	bool writes;

	BUG_IF(st->ran, "a statement runs once between begin and end");
	st->ran = true;
	if (st->why != REASON_OK)
		return st->why;
	BUG_IF(st->param_count > 0 && (st->row_at != st->rows - 1 || st->param_at != st->param_count),
	       "every parameter was given");
	params_bind(st);
	if (mysql_stmt_attr_set(st->handle, STMT_ATTR_ARRAY_SIZE, &rows) != 0)
		return fail_here(st);
	if (st->param_count > 0 && mysql_stmt_bind_param(st->handle, st->in) != 0)
		return fail_here(st);
	writes = mysql_stmt_field_count(st->handle) == 0;
	if (mysql_stmt_execute(st->handle) != 0) {
		unsigned number = mysql_stmt_errno(st->handle);

		if (!st->db->in_transaction && writes &&
		    (number == CR_SERVER_LOST || number == ER_CONNECTION_KILLED)) {
			/* It went out whole and was its own transaction: whether it stands, only the rows can tell. */
			(void)fail_here(st);
			st->why = reason_set(REASON_DB_COMMIT_UNKNOWN,
					     "%s: the database went away before it answered (%u); connect "
					     "again and read back whether "
					     "the rows are there",
					     st->label, number);
			return st->why;
		}
		return fail_here(st);
	}
	if (columns_bind(st) != REASON_OK)
		return st->why;
	if (st->column_count == 0) {
		st->changed = (int64_t)mysql_stmt_affected_rows(st->handle);
		st->new_id = (int64_t)mysql_stmt_insert_id(st->handle);
		return REASON_OK;
	}
	if (mysql_stmt_bind_result(st->handle, st->out) != 0 || mysql_stmt_store_result(st->handle) != 0) {
		/* An error after the columns were announced (a lock wait, a duplicate with RETURNING): the library
		 * believes that rows are still to come and would wait for them until the time-out. */
		st->spoilt = true;
		return fail_here(st);
	}
	return REASON_OK;
}

int64_t stmt_changed(const struct stmt *st)
{
	return st->changed;
}

int64_t stmt_new_id(const struct stmt *st)
{
	return st->new_id;
}

/* ---- out ---- */

enum reason stmt_next(struct stmt *st, bool *out_row)
{
	int got;

	*out_row = false;
	if (st->why != REASON_OK)
		return st->why;
	BUG_IF(!st->ran || st->column_count == 0, "rows come from a SELECT that ran");
	got = mysql_stmt_fetch(st->handle);
	st->column_at = 0;
	/* Cut is what a text without a buffer always is. Numbers and times have room for everything the schema holds. */
	st->on_row = got == 0 || got == MYSQL_DATA_TRUNCATED;
	if (got == 1)
		return fail_here(st);
	*out_row = st->on_row;
	return REASON_OK;
}

static struct column *column_next(struct stmt *st, enum cell_kind kind)
{
	struct column *c;

	BUG_IF(!st->on_row, "a value belongs to a row");
	BUG_IF(st->column_at >= st->column_count, "the row has that many columns");
	c = &st->columns[st->column_at++];
	st->was_null = c->null;
	BUG_IF(!c->null && c->kind != kind, "the column is of that type");
	return c;
}

int64_t stmt_out_number(struct stmt *st)
{
	struct column *c;

	if (st->why != REASON_OK)
		return 0;
	c = column_next(st, CELL_NUMBER);
	return c->null ? 0 : c->number;
}

bool stmt_out_was_null(const struct stmt *st)
{
	return st->was_null;
}

/* Fetches the current column's bytes; false when they do not fit (trouble recorded). */
static bool bytes_take(struct stmt *st, const struct column *c, void *out, size_t out_room)
{
	int index = (int)(c - st->columns);
	unsigned long length = 0;
	my_bool null = 0, cut = 0;
	MYSQL_BIND b = { .buffer_type = MYSQL_TYPE_BLOB, .buffer = out, .buffer_length = out_room };

	if (c->length > out_room) {
		st->why = reason_set(
			REASON_DB_SHAPE,
			"%s: column %d holds %lu bytes, this build takes %zu; run `gaejang migrate`",
			st->label, index + 1, c->length, out_room);
		return false;
	}
	if (c->length == 0)
		return true;
	b.length = &length;
	b.is_null = &null;
	b.error = &cut;
	if (mysql_stmt_fetch_column(st->handle, &b, (unsigned)index, 0) != 0) {
		(void)fail_here(st);
		return false;
	}
	return true;
}

void stmt_out_text(struct stmt *st, char *out, size_t out_size)
{
	struct column *c;

	BUG_IF(out_size == 0, "a text has room for its NUL");
	out[0] = '\0';
	if (st->why != REASON_OK)
		return;
	c = column_next(st, CELL_BYTES);
	if (!c->null && bytes_take(st, c, out, out_size - 1))
		out[c->length] = '\0';
}

size_t stmt_out_bytes(struct stmt *st, void *out, size_t out_size)
{
	struct column *c;

	if (st->why != REASON_OK)
		return 0;
	c = column_next(st, CELL_BYTES);
	if (c->null || !bytes_take(st, c, out, out_size))
		return 0;
	return c->length;
}

static struct kst_day day_of(const MYSQL_TIME *t)
{
	return (struct kst_day){ (int32_t)(t->year * 10000 + t->month * 100 + t->day) };
}

struct kst_day stmt_out_day(struct stmt *st)
{
	struct column *c;

	if (st->why != REASON_OK)
		return (struct kst_day){ 0 };
	c = column_next(st, CELL_DAY);
	if (c->null)
		return (struct kst_day){ 0 };
	return day_of(&c->time);
}

struct wall stmt_out_wall(struct stmt *st)
{
	struct column *c;
	const MYSQL_TIME *t;

	if (st->why != REASON_OK)
		return (struct wall){ 0 };
	c = column_next(st, CELL_TIME);
	t = &c->time;
	if (c->null)
		return (struct wall){ 0 };
	return wall_add_us(kst_wall(day_of(t), (int64_t)t->hour * 3600 + t->minute * 60 + t->second),
			   (int64_t)t->second_part);
}

void stmt_out_digest(struct stmt *st, struct digest *out)
{
	char hex[DIGEST_HEX_SIZE];

	*out = (struct digest){ { 0 } };
	stmt_out_text(st, hex, sizeof(hex));
	if (st->why == REASON_OK && !st->was_null && !digest_from_hex(hex, out))
		st->why = reason_set(REASON_DB_SHAPE, "%s: column %d is not a digest", st->label,
				     st->column_at);
}

void stmt_refuse(struct stmt *st, const char *what, const char *text)
{
	if (st->why == REASON_OK)
		st->why = reason_set(
			REASON_DB_SHAPE,
			"%s: column %d holds \"%.40s\", which is no %s of this build; run `gaejang migrate`",
			st->label, st->column_at, text, what);
}

enum reason stmt_end(struct stmt *st)
{
	enum reason why;

	if (!st)
		return REASON_OK;
	why = st->why;
	st->in_use = false;
	st->on_row = false;
	if (st->spoilt) {
		st->db->stmts[st->name] = NULL; /* prepared anew on its next use */
		stmt_forget(st);
	} else if (st->ran && st->column_count > 0) {
		(void)mysql_stmt_free_result(st->handle); /* what was read is read */
	}
	return why;
}
