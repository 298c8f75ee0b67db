/* phase_result - the end of a phase: its answer, its alerts, the rows of one transaction, the line on the screen. */
#include "phases/phase.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/banned.h"

#define OPEN_ALERTS_MAX 256

static void copy_text(char *out, size_t out_size, const char *text)
{
	(void)snprintf(out, out_size, "%s", text);
}

static enum phase_status status_of(enum reason why)
{
	if (why == REASON_OK)
		return STATUS_PASS;
	if (why == REASON_MARKET_CLOSED)
		return STATUS_CLOSED;
	switch (reason_kind(why)) {
	case KIND_FAIL:
	case KIND_USAGE:
	case KIND_RIGHTS:
	case KIND_CONFIG: return STATUS_FAIL;
	default: return STATUS_UNKNOWN;
	}
}

void phase_answer_set(struct phase *ph, enum reason why)
{
	static const enum mode ceilings[] = {
		[STATUS_UNKNOWN] = MODE_OBSERVE,
		[STATUS_FAIL] = MODE_HALT,
		[STATUS_CLOSED] = MODE_HALT,
		[STATUS_PASS] = MODE_TRADE,
	};
	struct phase_answer *answer = &ph->answer;
	const char *detail = reason_detail();

	answer->why = why;
	answer->status = status_of(why);
	answer->mode = mode_lower(answer->mode, ceilings[answer->status]);
	if (why == REASON_OK)
		return;
	answer->content = (struct digest){ 0 };
	copy_text(answer->detail, sizeof(answer->detail), detail[0] ? detail : reason_text(why));
}

static void evidence_calls(struct phase *ph)
{
	cJSON *calls, *row;

	if (ph->call_count == 0)
		return;
	calls = cJSON_AddArrayToObject(ph->evidence, "calls");
	for (int i = 0; i < ph->call_count && calls; i++) {
		row = cJSON_CreateObject();
		(void)cJSON_AddStringToObject(row, "call", ph->calls[i].name);
		(void)cJSON_AddNumberToObject(row, "count", (double)ph->calls[i].count);
		(void)cJSON_AddStringToObject(row, "msg_cd", ph->calls[i].msg_cd);
		(void)cJSON_AddNumberToObject(row, "http", (double)ph->calls[i].http);
		(void)cJSON_AddNumberToObject(row, "took_us_max", (double)ph->calls[i].took_us_max);
		(void)cJSON_AddItemToArray(calls, row);
	}
}

static char *evidence_text(struct phase *ph)
{
	char *text = cJSON_PrintUnformatted(ph->evidence);

	if (text && strlen(text) < EVIDENCE_SIZE_MAX)
		return text;
	cJSON_free(text);
	return strdup("{\"left_out\":\"evidence was larger than a row may be\"}");
}

int64_t phase_took_ms(const struct phase *ph)
{
	return (clock_real_mono().ns - ph->started_real.ns) / 1000000;
}

/* Troubles that a later PASS of the same phase ends by itself; findings about orders and money stay until a person acts. */
static bool heals(const char *code)
{
	static const char *const codes[] = { "broker-",    "db-",        "listing-",   "deadline",
					     "upstream",   "lease-held", "token-",     "interrupted",
					     "gate-phase", "gate-stale", "worker-runs" };

	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		if (strncmp(code, codes[i], strlen(codes[i])) == 0)
			return true;
	}
	return false;
}

static enum reason alerts_close(struct phase *ph, struct db *db, const struct alert_row *open, int open_count)
{
	enum reason why = REASON_OK;

	for (int i = 0; i < open_count && why == REASON_OK; i++) {
		if (strcmp(open[i].by_program, phase_name(ph->def->id)) == 0 && heals(open[i].code))
			why = tbl_alert_event(db, open[i].alert_id, "CLOSED", phase_now(ph),
					      phase_name(ph->def->id), "passed later");
	}
	return why;
}

enum reason phase_alerts_write(struct phase *ph, struct db *db)
{
	struct alert_row *open = calloc(OPEN_ALERTS_MAX, sizeof(*open));
	int open_count = 0;
	enum reason why;

	if (!open)
		return reason_set(REASON_NO_MEMORY, "no memory for alerts");
	why = tbl_alert_open(db, ph->account.account_id, ph->day.day, open, OPEN_ALERTS_MAX, &open_count);
	if (why == REASON_OVERFLOW) {
		why = REASON_OK; /* so many are open that one more or less says nothing */
		open_count = OPEN_ALERTS_MAX;
	}
	if (why == REASON_OK && ph->answer.status == STATUS_PASS)
		why = alerts_close(ph, db, open, open_count);
	for (int n = 0; n < ph->note_count && why == REASON_OK; n++) {
		const struct phase_note *note = &ph->notes[n];
		struct alert_row row = { .account_id = ph->account.account_id,
					 .day = ph->day.day,
					 .level = note->level };
		bool there = false;

		for (int i = 0; i < open_count; i++)
			there = there || (strcmp(open[i].code, note->code) == 0 &&
					  strcmp(open[i].text, note->text) == 0);
		if (there)
			continue;
		copy_text(row.code, sizeof(row.code), note->code);
		copy_text(row.text, sizeof(row.text), note->text);
		copy_text(row.by_program, sizeof(row.by_program), phase_name(ph->def->id));
		row.raised = phase_now(ph);
		why = tbl_alert_raise(db, &row);
	}
	free(open);
	return why;
}

/* The phase's own failure, unless a finding says the same already. */
void phase_alert_failure(struct phase *ph)
{
	const struct phase_answer *answer = &ph->answer;
	const char *code = reason_code(answer->why);

	if (answer->status != STATUS_FAIL && answer->status != STATUS_UNKNOWN)
		return;
	for (int n = 0; n < ph->note_count; n++) {
		if (strcmp(ph->notes[n].code, code) == 0)
			return;
	}
	phase_alert(ph, answer->status == STATUS_FAIL ? FINDING_CRIT : FINDING_WARN, code, "%s: %.*s",
		    phase_name(ph->def->id), DETAIL_SIZE - 24, answer->detail);
}

static enum reason result_work(struct db *db, void *arg)
{
	struct phase *ph = arg;
	struct phase_result_row row = { .run_id = ph->run.run_id,
					.account_id = ph->account.account_id,
					.day = ph->day.day,
					.phase = ph->def->id };
	char *evidence = NULL;
	int spooled = 0;
	enum reason why = REASON_OK;

	if (ph->products && (ph->lease_ours || ph->lease_beside))
		why = tbl_lease_touch(db, &ph->lease, phase_now(ph));
	if (why == REASON_OK && ph->products && ph->def->commit)
		why = ph->def->commit(ph, ph->work);
	for (int i = 0; i < ph->input_count && why == REASON_OK; i++)
		why = tbl_phase_input_add(db, ph->run.run_id, &ph->inputs[i]);
	if (why == REASON_OK)
		why = phase_spool_drain(ph, &spooled);
	if (why == REASON_OK)
		why = phase_alerts_write(ph, db);
	if (why != REASON_OK)
		return why;
	evidence = evidence_text(ph);
	if (!evidence)
		return reason_set(REASON_NO_MEMORY, "no memory for the evidence");
	row.status = ph->answer.status;
	row.mode = ph->answer.mode;
	copy_text(row.reason, sizeof(row.reason), reason_code(ph->answer.why));
	copy_text(row.detail, sizeof(row.detail), ph->answer.detail);
	row.finished = phase_now(ph);
	row.took_ms = phase_took_ms(ph);
	row.content = ph->answer.content;
	row.evidence = evidence;
	why = tbl_phase_result_add(db, &row);
	free(evidence);
	return why;
}

/* COMMIT was sent and its answer lost: the row itself says what became of it. */
static enum reason result_read_back(struct phase *ph)
{
	struct phase_record records[PHASE_COUNT];
	enum reason why = db_reopen(ph->db);

	if (why == REASON_OK)
		why = tbl_phase_records(ph->db, ph->account.account_id, ph->day.day, records);
	if (why == REASON_OK && records[ph->def->id].present && records[ph->def->id].run_id == ph->run.run_id)
		return REASON_OK;
	return why == REASON_OK
		       ? reason_set(REASON_DB_AWAY, "the result was lost with the database; run it again")
		       : why;
}

static enum reason result_write(struct phase *ph)
{
	enum reason why = db_transact(ph->db, result_work, ph);

	if (why == REASON_DB_COMMIT_UNKNOWN)
		why = result_read_back(ph);
	if (why == REASON_OK || why == REASON_DB_AWAY || why == REASON_DB_LOGIN)
		return why;
	/* The products are not there; the answer becomes that trouble, and is a row of its own. */
	if (why == REASON_LEASE_LOST)
		why = reason_set(REASON_LEASE_HELD,
				 "another program took the account's lease meanwhile; run it again");
	ph->answer.mode = MODE_TRADE;
	phase_answer_set(ph, why);
	phase_alert_failure(ph);
	ph->products = false;
	return db_transact(ph->db, result_work, ph);
}

enum reason phase_result(struct phase *ph)
{
	enum reason why;

	evidence_calls(ph);
	if (!phase_writes(ph) || ph->run.run_id == 0)
		return REASON_OK;
	if (ph->def->id != PHASE_PREFLIGHT || ph->answer.status != STATUS_CLOSED)
		phase_alert_failure(ph);
	why = result_write(ph);
	if (why == REASON_OK)
		phase_spool_done(ph);
	return why;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

static void print_json(const struct phase *ph)
{
	cJSON *root = cJSON_CreateObject();
	char day[KST_TEXT_SIZE], *text;

	(void)cJSON_AddStringToObject(root, "phase", phase_name(ph->def->id));
	(void)cJSON_AddStringToObject(root, "status", status_text(ph->answer.status));
	(void)cJSON_AddStringToObject(root, "mode", mode_text(ph->answer.mode));
	(void)cJSON_AddStringToObject(root, "reason", reason_code(ph->answer.why));
	(void)cJSON_AddStringToObject(root, "detail", ph->answer.detail);
	(void)cJSON_AddStringToObject(root, "account", ph->acct ? ph->acct->name : "");
	(void)cJSON_AddStringToObject(root, "day",
				      ph->day.day.yyyymmdd ? kst_day_text(ph->day.day, day) : "");
	(void)cJSON_AddNumberToObject(root, "run_id", (double)ph->run.run_id);
	(void)cJSON_AddNumberToObject(root, "attempt", ph->run.attempt);
	(void)cJSON_AddBoolToObject(root, "read_only", ph->read_only);
	(void)cJSON_AddBoolToObject(root, "dry_run", ph->opt.dry_run);
	(void)cJSON_AddNumberToObject(root, "took_ms", (double)phase_took_ms(ph));
	if (ph->evidence)
		(void)cJSON_AddItemToObject(root, "evidence", cJSON_Duplicate(ph->evidence, true));
	text = cJSON_PrintUnformatted(root);
	if (text)
		printf("%s\n", text);
	cJSON_free(text);
	cJSON_Delete(root);
}

void phase_print(const struct phase *ph)
{
	const struct phase_answer *answer = &ph->answer;
	const char *how = ph->opt.dry_run ? " (dry run: nothing written)"
			  : ph->read_only ? " (read-only: nothing frozen)"
					  : "";

	if (ph->opt.json) {
		print_json(ph);
		return;
	}
	if (ph->quiet)
		return;
	if (answer->why == REASON_OK || answer->status == STATUS_CLOSED)
		printf("%s %s: %s; mode %s%s\n", status_text(answer->status), phase_name(ph->def->id),
		       answer->detail, mode_text(answer->mode), how);
	else
		printf("%s %s: %s: %s%s\n", status_text(answer->status), phase_name(ph->def->id),
		       reason_code(answer->why), answer->detail, how);
}
