#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

enum reason tbl_limits_add(struct db *db, int64_t run_id, const struct limit_set *set)
{
	struct stmt *st = NULL;
	const char *name;
	int64_t value;
	int count = 0;
	enum reason why;

	while (limit_set_at(set, count, &name, &value))
		count++;
	BUG_IF(count == 0 || count > LIMITS_ROWS_MAX, "a limit set has members");
	why = stmt_begin(db, STMT_LIMIT_ADD, &st);
	if (why != REASON_OK)
		return why;
	stmt_rows(st, count);
	for (int i = 0; i < count && limit_set_at(set, i, &name, &value); i++) {
		stmt_in_number(st, run_id);
		stmt_in_text(st, name);
		stmt_in_number(st, value);
	}
	return tbl_write(st);
}

enum reason tbl_limits_of_run(struct db *db, int64_t run_id, struct limit_set *out)
{
	struct limit_set set = { 0 };
	struct stmt *st = NULL;
	const char *known;
	char name[33];
	int64_t value;
	enum reason why;
	bool row = false;
	int count = 0, want = 0;

	while (limit_set_at(&set, want, &known, &value))
		want++;
	why = stmt_begin(db, STMT_LIMIT_OF_RUN, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_number(st, LIMITS_ROWS_MAX + 1);
	if (stmt_run(st) == REASON_OK) {
		while (stmt_next(st, &row) == REASON_OK && row) {
			stmt_out_text(st, name, sizeof(name));
			value = stmt_out_number(st);
			if (!limit_set_put(&set, name, value))
				stmt_refuse(st, "limit", name);
			count++;
		}
	}
	why = stmt_end(st);
	if (why == REASON_OK && count == 0)
		why = reason_set(REASON_DB_NOT_FOUND, "the database has no limits of run %lld",
				 (long long)run_id);
	/* A limit that is not there would be no limit. */
	if (why == REASON_OK && count != want)
		why = reason_set(REASON_DB_SHAPE,
				 "run %lld has %d limits, this build knows %d; rerun guardrail",
				 (long long)run_id, count, want);
	if (why == REASON_OK)
		*out = set;
	return why;
}

static void take_risk(struct stmt *st, void *arg)
{
	struct symbol_risk *row = arg;

	stmt_out_text(st, row->symbol, sizeof(row->symbol));
	row->volatile_now = stmt_out_number(st) != 0;
	row->atr_ppm = stmt_out_number(st);
	row->atr_median_ppm = stmt_out_number(st);
	row->volume_average_qty = stmt_out_number(st);
}

enum reason tbl_symbol_risk_add(struct db *db, int64_t run_id, const struct symbol_risk *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SYMBOL_RISK_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, row->symbol);
	stmt_in_number(st, row->volatile_now);
	stmt_in_number(st, row->atr_ppm);
	stmt_in_number(st, row->atr_median_ppm);
	stmt_in_number(st, row->volume_average_qty);
	return tbl_write(st);
}

enum reason tbl_symbol_risk_of_run(struct db *db, int64_t run_id, struct symbol_risk *rows, int room,
				   int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SYMBOL_RISK_OF_RUN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_risk, rows, sizeof(*rows), room, out_count);
}
