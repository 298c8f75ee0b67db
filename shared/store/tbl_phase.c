#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

#define ATTEMPT_TRIES                                                                                        \
	10 /* two programs of one phase at once ask for the same number; more than a few is no accident */

static void take_run(struct stmt *st, void *arg)
{
	struct phase_run_row *row = arg;

	row->run_id = stmt_out_number(st);
	row->attempt = (int)stmt_out_number(st);
}

static enum reason run_insert(struct db *db, struct phase_run_row *row)
{
	struct phase_run_row given = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PHASE_RUN_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, phase_name(row->phase));
	stmt_in_wall(st, row->started);
	stmt_in_wall(st, row->deadline);
	stmt_in_number(st, row->scheduled);
	stmt_in_number(st, row->read_only);
	stmt_in_text(st, row->host);
	stmt_in_number(st, row->pid);
	stmt_in_text(st, row->boot_id);
	stmt_in_digest(st, &row->build);
	stmt_in_digest(st, &row->conf);
	stmt_in_text(st, row->person);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, phase_name(row->phase));
	why = tbl_one(st, take_run, &given, "new phase_run");
	if (why == REASON_OK) {
		row->run_id = given.run_id;
		row->attempt = given.attempt;
	}
	return why;
}

enum reason tbl_phase_run_add(struct db *db, struct phase_run_row *row)
{
	enum reason why = REASON_DB_DUPLICATE;

	for (int tries = 0; tries < ATTEMPT_TRIES && why == REASON_DB_DUPLICATE; tries++)
		why = run_insert(db, row);
	return why;
}

enum reason tbl_phase_result_add(struct db *db, const struct phase_result_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PHASE_RESULT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->run_id);
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, phase_name(row->phase));
	stmt_in_text(st, status_text(row->status));
	stmt_in_text(st, mode_text(row->mode));
	stmt_in_text(st, row->reason);
	stmt_in_text(st, row->detail);
	stmt_in_wall(st, row->finished);
	stmt_in_number(st, row->took_ms);
	stmt_in_digest(st, &row->content);
	stmt_in_text(st, row->evidence ? row->evidence : "{}");
	return tbl_write(st);
}

enum reason tbl_phase_input_add(struct db *db, int64_t run_id, const struct phase_input *input)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PHASE_INPUT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, phase_name(input->upstream));
	stmt_in_number(st, input->run_id);
	stmt_in_digest(st, &input->digest);
	return tbl_write(st);
}

struct record_row {
	enum phase_id phase;
	struct phase_record record;
};

static enum phase_id out_phase(struct stmt *st)
{
	enum phase_id phase = PHASE_PREFLIGHT;
	char text[17];

	stmt_out_text(st, text, sizeof(text));
	if (!phase_parse(text, &phase))
		stmt_refuse(st, "phase", text);
	return phase;
}

static void take_record(struct stmt *st, void *arg)
{
	struct record_row *row = arg;
	struct phase_record *rec = &row->record;
	char text[16];

	row->phase = out_phase(st);
	rec->present = true;
	rec->run_id = stmt_out_number(st);
	rec->attempt = (int)stmt_out_number(st);
	stmt_out_text(st, text, sizeof(text));
	if (!status_parse(text, &rec->status))
		stmt_refuse(st, "status", text);
	rec->mode = tbl_out_mode(st);
	stmt_out_text(st, rec->reason, sizeof(rec->reason));
	stmt_out_text(st, rec->detail, sizeof(rec->detail));
	rec->started = stmt_out_wall(st);
	rec->finished = stmt_out_wall(st);
	rec->took_ms = stmt_out_number(st);
	stmt_out_digest(st, &rec->content);
}

static void take_input(struct stmt *st, void *arg)
{
	struct phase_input *in = arg;

	in->upstream = out_phase(st);
	in->run_id = stmt_out_number(st);
	stmt_out_digest(st, &in->digest);
}

static enum reason inputs_of(struct db *db, struct phase_record *rec)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PHASE_INPUTS, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, rec->run_id);
	stmt_in_number(st, PHASE_COUNT + 1);
	return tbl_rows(st, take_input, rec->inputs, sizeof(rec->inputs[0]), PHASE_COUNT, &rec->input_count);
}

enum reason tbl_phase_records(struct db *db, int64_t account_id, struct kst_day day,
			      struct phase_record records[static PHASE_COUNT])
{
	struct record_row rows[PHASE_COUNT] = { 0 };
	struct phase_record *rec;
	struct stmt *st = NULL;
	enum reason why;
	int count = 0;

	why = stmt_begin(db, STMT_PHASE_RECORDS, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, PHASE_COUNT + 1);
	why = tbl_rows(st, take_record, rows, sizeof(rows[0]), PHASE_COUNT, &count);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = inputs_of(db, &rows[i].record);
	if (why != REASON_OK)
		return why;
	memset(records, 0, sizeof(*records) * PHASE_COUNT);
	for (int i = 0; i < count; i++) {
		rec = &records[rows[i].phase];
		*rec = rows[i].record;
	}
	return REASON_OK;
}

static void take_wall(struct stmt *st, void *arg)
{
	*(struct wall *)arg = stmt_out_wall(st);
}

static void take_day(struct stmt *st, void *arg)
{
	*(struct kst_day *)arg = stmt_out_day(st);
}

static void take_number(struct stmt *st, void *arg)
{
	*(int64_t *)arg = stmt_out_number(st);
}

enum reason tbl_phase_running(struct db *db, int64_t account_id, struct kst_day day, enum phase_id phase,
			      struct wall now, bool *out_running, struct wall *out_deadline)
{
	struct wall deadline = { 0 };
	struct stmt *st = NULL;
	bool found = false;
	enum reason why = stmt_begin(db, STMT_PHASE_RUNNING, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_text(st, phase_name(phase));
	stmt_in_wall(st, now);
	why = tbl_maybe(st, take_wall, &deadline, &found);
	if (why == REASON_OK) {
		*out_running = found;
		*out_deadline = deadline;
	}
	return why;
}

enum reason tbl_phase_last_pass_before(struct db *db, int64_t account_id, enum phase_id phase,
				       struct kst_day day, struct kst_day *out_day)
{
	struct kst_day found = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_PHASE_LAST_PASS_BEFORE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_text(st, phase_name(phase));
	stmt_in_day(st, day);
	why = tbl_one(st, take_day, &found, "earlier PASS of that phase");
	if (why == REASON_OK)
		*out_day = found;
	return why;
}

enum reason tbl_last_traded_day(struct db *db, int64_t account_id, struct kst_day before,
				struct kst_day *out_day)
{
	struct kst_day found = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LAST_TRADED_DAY, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, before);
	stmt_in_number(st, account_id);
	stmt_in_day(st, before);
	why = tbl_one(st, take_day, &found, "earlier day that was traded");
	if (why == REASON_OK)
		*out_day = found;
	return why;
}

enum reason tbl_day_traded(struct db *db, int64_t account_id, struct kst_day day, bool *out_traded)
{
	struct kst_day found;
	enum reason why = tbl_last_traded_day(db, account_id, day, &found);

	if (why != REASON_OK && why != REASON_DB_NOT_FOUND)
		return why;
	*out_traded = why == REASON_OK;
	return REASON_OK;
}

enum reason tbl_phase_seen_before(struct db *db, int64_t account_id, struct kst_day day,
				  const struct digest *build, bool *out_seen)
{
	struct stmt *st = NULL;
	int64_t run_id = 0;
	enum reason why = stmt_begin(db, STMT_PHASE_SEEN_BEFORE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_digest(st, build);
	stmt_in_day(st, day);
	return tbl_maybe(st, take_number, &run_id, out_seen);
}
