/*
 * store_thread - writes what the engine decided, batched; keeps lease and heartbeat; looks at row, file and alerts for a stop.
 *
 * The engine never waits for it: what the database does not take yet stays in the queue and is written in order when it
 * answers again. A sticky stop goes to the stop file before anything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/log.h"
#include "worker/stop_file.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

#define BATCH_MAX       256
#define DB_RETRY_US     US_PER_S
#define FLUSH_EVERY_US  (100 * 1000)
#define CONTROL_UNKNOWN (-1)

struct store_desk {
	struct worker *w;
	struct clock_seat *seat;
	struct db *db;
	struct store_job batch[BATCH_MAX];
	int batch_count;
	bool db_lost;
	struct wall heartbeat_next, retry_next;
	int row_mode, file_mode, alert_mode; /* last told, CONTROL_UNKNOWN at the start */
	int64_t row_since_us;
	struct engine_status status;
	bool mode_halt_to_store; /* a sticky stop that only reached the file */
	struct stop_word halt;
};

static void tell_db(struct store_desk *desk, bool ok)
{
	struct engine_event event = { .kind = EVENT_DB, .at = clock_wall(desk->w->clock) };

	if (desk->db_lost == !ok)
		return;
	desk->db_lost = !ok;
	event.u.db.ok = ok;
	worker_tell(desk->w, &event);
	log_event(ok ? LOG_INFO : LOG_ERROR, "database", "reason=%s",
		  ok ? "ok" : reason_code(REASON_DB_AWAY));
}

static void tell_control(struct store_desk *desk, enum engine_control_source source, enum mode mode,
			 bool readable, int64_t since_us)
{
	struct engine_event event = { .kind = EVENT_CONTROL, .at = clock_wall(desk->w->clock) };

	event.u.control.source = source;
	event.u.control.mode = mode;
	event.u.control.readable = readable;
	event.u.control.since_us = since_us;
	worker_tell(desk->w, &event);
}

/* ---- rows ---- */
static enum reason write_decision(struct store_desk *desk, const struct store_job *job)
{
	const struct worker *w = desk->w;
	struct decision_row row = {
		.account_id = w->account.account_id,
		.day = w->day,
		.epoch = w->inputs->epoch,
		.seq = (int64_t)job->seq,
		.at = job->at,
		.observed = job->action.u.decision.observed,
		.want = job->action.u.decision.want,
		.last_won = job->action.u.decision.last_won,
	};

	memcpy(row.strategy, w->inputs->strategy, sizeof(row.strategy));
	memcpy(row.signal_code, job->action.u.decision.signal_code, sizeof(row.signal_code));
	(void)snprintf(row.verdict, sizeof(row.verdict), "%s", reason_code(job->action.u.decision.verdict));
	return tbl_decision_add(desk->db, &row, 1);
}

static enum reason write_order_event(struct store_desk *desk, const struct store_job *job)
{
	const struct engine_action *a = &job->action;
	struct order_event_row row = {
		.intent_id = a->u.order_event.intent_id,
		.account_id = desk->w->account.account_id,
		.event = a->u.order_event.event,
		.state = a->u.order_event.state,
		.at = job->at,
		.order_day = desk->w->day,
		.filled_qty = a->u.order_event.filled_qty,
		.filled_won = a->u.order_event.filled_won,
		.by_program = desk->w->program,
		.reason = a->u.order_event.why == REASON_OK ? "" : reason_code(a->u.order_event.why),
		.evidence = a->u.order_event.evidence,
	};

	memcpy(row.odno, a->u.order_event.odno, sizeof(row.odno));
	memcpy(row.orig_odno, a->u.order_event.orig_odno, sizeof(row.orig_odno));
	memcpy(row.branch, a->u.order_event.branch, sizeof(row.branch));
	return tbl_order_event_add(desk->db, &row);
}

static enum reason write_alert(struct store_desk *desk, const struct store_job *job)
{
	const struct engine_action *a = &job->action;
	struct alert_row row = { .account_id = desk->w->account.account_id,
				 .day = desk->w->day,
				 .level = a->u.alert.level,
				 .raised = job->at };

	memcpy(row.code, a->u.alert.code, sizeof(row.code));
	(void)snprintf(row.text, sizeof(row.text), "%s%s%.199s", a->u.alert.symbol,
		       a->u.alert.symbol[0] != '\0' ? ": " : "", a->u.alert.text);
	(void)snprintf(row.by_program, sizeof(row.by_program), "%s", desk->w->program);
	return tbl_alert_raise(desk->db, &row);
}

static enum reason write_sticky(struct store_desk *desk, const struct store_job *job)
{
	enum mode stands;

	return tbl_control_lower(desk->db, desk->w->account.account_id, job->action.u.mode.store,
				 job->action.u.mode.text, desk->w->program, job->at, &stands);
}

static enum reason write_one(struct store_desk *desk, const struct store_job *job)
{
	const struct engine_action *a = &job->action;
	const struct worker *w = desk->w;

	switch (a->kind) {
	case ACTION_DECISION: return write_decision(desk, job);
	case ACTION_ORDER_EVENT: return write_order_event(desk, job);
	case ACTION_EXT_ORDER:
		return tbl_order_ext_add(desk->db, w->account.account_id, a->u.ext.intent_id, &a->u.ext.row,
					 job->at, w->program);
	case ACTION_FILL:
		return tbl_fill_add(desk->db, w->account.account_id, &a->u.fill.fill, &a->u.fill.cost,
				    w->program);
	case ACTION_ALERT: return write_alert(desk, job);
	case ACTION_LOCK:
		return tbl_lock_add(desk->db, w->account.account_id, w->day, a->u.lock.symbol, a->u.lock.side,
				    a->u.lock.locked, reason_code(a->u.lock.why), job->at);
	case ACTION_MODE: return a->u.mode.sticky ? write_sticky(desk, job) : REASON_OK;
	default: return REASON_OK; /* the other kinds are not this thread's */
	}
}

static enum reason write_batch(struct db *db, void *arg)
{
	struct store_desk *desk = arg;
	enum reason why = REASON_OK;

	(void)db;
	for (int i = 0; i < desk->batch_count && why == REASON_OK; i++) {
		why = write_one(desk, &desk->batch[i]);
		/* The same fill or decision from before a lost COMMIT: it is there, which is what was wanted. */
		if (why == REASON_DB_DUPLICATE)
			why = REASON_OK;
	}
	return why;
}

/* One bad row must not hold back the others: alone it is logged and left to the journal. */
static void write_singly(struct store_desk *desk)
{
	struct store_job all[BATCH_MAX];
	int count = desk->batch_count;

	memcpy(all, desk->batch, sizeof(all[0]) * (size_t)count);
	for (int i = 0; i < count; i++) {
		enum reason why;

		desk->batch[0] = all[i];
		desk->batch_count = 1;
		why = db_transact(desk->db, write_batch, desk);
		if (why != REASON_OK)
			log_event(LOG_ERROR, "row-refused", "kind=%d reason=%s", (int)all[i].action.kind,
				  reason_code(why));
	}
	desk->batch_count = 0;
}

static void flush_rows(struct store_desk *desk)
{
	enum reason why;

	if (desk->batch_count == 0)
		return;
	if (!db_open_now(desk->db) && db_reopen(desk->db) != REASON_OK) {
		tell_db(desk, false);
		return;
	}
	why = db_transact(desk->db, write_batch, desk);
	if (why == REASON_DB_AWAY || why == REASON_DB_COMMIT_UNKNOWN || why == REASON_DB_CONFLICT) {
		tell_db(desk, false);
		return;
	}
	if (why != REASON_OK) {
		fprintf(stderr, "%s: rows refused: %s\n", desk->w->program, reason_detail());
		write_singly(desk);
	}
	tell_db(desk, true);
	desk->batch_count = 0;
}

/* The stop reaches the file at once, whatever the database does. */
static void stop_first(struct store_desk *desk, const struct store_job *job)
{
	struct stop_word word = { .mode = job->action.u.mode.store, .at = job->at };

	if (job->action.kind != ACTION_MODE || !job->action.u.mode.sticky)
		return;
	(void)snprintf(word.person, sizeof(word.person), "%s", desk->w->program);
	(void)snprintf(word.reason, sizeof(word.reason), "%.199s", job->action.u.mode.text);
	if (stop_file_write(conf_text(&desk->w->cfg, CONF_STATE_DIR), desk->w->acct->name, &word) !=
	    REASON_OK)
		log_event(LOG_ERROR, "stop-file", "reason=%s", reason_code(REASON_FILE_IO));
}

static void take_rows(struct store_desk *desk)
{
	struct worker *w = desk->w;

	for (;;) {
		while (desk->batch_count < BATCH_MAX &&
		       queue_pop(&w->rows, &desk->batch[desk->batch_count])) {
			stop_first(desk, &desk->batch[desk->batch_count]);
			/* Whoever asked for the mode waits for it in the lease row. */
			if (desk->batch[desk->batch_count].action.kind == ACTION_MODE)
				desk->heartbeat_next = (struct wall){ 0 };
			if (desk->batch[desk->batch_count].action.kind == ACTION_STATUS)
				desk->status = desk->batch[desk->batch_count].action.u.status;
			else
				desk->batch_count++;
		}
		flush_rows(desk);
		if (desk->batch_count > 0 || queue_count(&w->rows) == 0)
			return; /* the database is away, or nothing is left */
	}
}

/* ---- heartbeat and the stop ---- */
static void look_at_row(struct store_desk *desk)
{
	struct control_row row;

	if (tbl_control_read(desk->db, desk->w->account.account_id, &row) != REASON_OK) {
		tell_control(desk, CONTROL_ROW, MODE_HALT, false, 0);
		desk->row_mode = CONTROL_UNKNOWN;
		return;
	}
	if ((int)row.mode == desk->row_mode && row.since.us == desk->row_since_us)
		return;
	desk->row_mode = (int)row.mode;
	desk->row_since_us = row.since.us;
	tell_control(desk, CONTROL_ROW, row.mode, true, row.since.us);
}

static void look_at_file(struct store_desk *desk)
{
	struct stop_word word;
	bool there;
	enum mode mode;

	stop_file_read(conf_text(&desk->w->cfg, CONF_STATE_DIR), desk->w->acct->name, &there, &word);
	mode = there ? word.mode : MODE_TRADE;
	if ((int)mode == desk->file_mode)
		return;
	desk->file_mode = (int)mode;
	tell_control(desk, CONTROL_FILE, mode, true, there ? word.at.us : 0);
}

/* A stop that only reached the file, because the database was away, gets its row as soon as it answers. */
static void file_to_row(struct store_desk *desk)
{
	struct stop_word word;
	struct control_row row;
	enum mode stands;
	bool there;

	if (desk->file_mode == CONTROL_UNKNOWN || desk->file_mode == MODE_TRADE ||
	    tbl_control_read(desk->db, desk->w->account.account_id, &row) != REASON_OK ||
	    (int)row.mode <= desk->file_mode)
		return;
	stop_file_read(conf_text(&desk->w->cfg, CONF_STATE_DIR), desk->w->acct->name, &there, &word);
	/* A row that changed after the file was written is a person's later word. */
	if (there && word.at.us > row.since.us &&
	    tbl_control_lower(desk->db, desk->w->account.account_id, word.mode, word.reason, word.person,
			      word.at, &stands) != REASON_OK)
		log_event(LOG_WARN, "stop-row", "reason=%s", reason_code(REASON_DB_ERROR));
}

/* A CRIT that nobody acknowledged by the alert deadline lowers the mode until somebody does. */
static void look_at_alerts(struct store_desk *desk)
{
	struct alert_row rows[256];
	int count = 0, mode = MODE_TRADE;
	int64_t lead_s =
		conf_number(&desk->w->cfg, CONF_ALERT_DEADLINE) - 9 * 3600; /* before an ordinary open */
	struct wall deadline = wall_add_us(desk->w->inputs->session_open, lead_s * US_PER_S);

	if (clock_wall(desk->w->clock).us >= deadline.us) {
		enum reason why = tbl_alert_open(desk->db, desk->w->account.account_id, desk->w->day, rows,
						 (int)ARRAY_COUNT(rows), &count);

		if (why != REASON_OK && why != REASON_OVERFLOW)
			return; /* the database's absence has its own cause */
		/* More than can be read: one of them may be a CRIT. */
		if (why == REASON_OVERFLOW)
			mode = MODE_OBSERVE;
		for (int i = 0; i < count; i++) {
			if (rows[i].level == FINDING_CRIT && !rows[i].acknowledged)
				mode = MODE_OBSERVE;
		}
	}
	if (mode == desk->alert_mode)
		return;
	desk->alert_mode = mode;
	tell_control(desk, CONTROL_ALERTS, (enum mode)mode, true, 0);
}

static void heartbeat(struct store_desk *desk)
{
	struct worker *w = desk->w;
	struct wall now = clock_wall(w->clock);
	enum reason why;

	if (now.us < desk->heartbeat_next.us)
		return;
	desk->heartbeat_next = wall_add_us(now, conf_number(&w->cfg, CONF_HEARTBEAT_S) * US_PER_S);
	look_at_file(desk);
	if (!db_open_now(desk->db) && db_reopen(desk->db) != REASON_OK) {
		tell_db(desk, false);
		return;
	}
	why = tbl_lease_heartbeat(
		desk->db, &w->lease, engine_state_text((enum engine_state)atomic_load(&w->state_now)),
		(enum mode)atomic_load(&w->mode_now), now, conf_number(&w->cfg, CONF_LEASE_S) * US_PER_S);
	if (why == REASON_LEASE_LOST)
		atomic_store(&w->lease_lost, true);
	tell_db(desk, why != REASON_DB_AWAY && why != REASON_DB_COMMIT_UNKNOWN);
	if (why == REASON_DB_AWAY)
		return;
	file_to_row(desk);
	look_at_row(desk);
	look_at_alerts(desk);
}

static enum reason desk_open(struct store_desk *desk)
{
	enum reason why = worker_thread_enter(desk->w, "store", &desk->seat);

	if (why == REASON_OK)
		why = worker_db(desk->w, &desk->db);
	return why;
}

void *store_thread(void *worker)
{
	struct worker *w = worker;
	struct store_desk *desk = calloc(1, sizeof(*desk));
	enum reason why;

	BUG_IF(desk == NULL, "memory at the start");
	desk->w = w;
	desk->row_mode = desk->file_mode = desk->alert_mode = CONTROL_UNKNOWN;
	why = desk_open(desk);
	if (why != REASON_OK) {
		fprintf(stderr, "%s: store thread: %s\n", w->program, reason_detail());
		tell_db(desk, false);
	}
	while (desk->seat != NULL &&
	       (!atomic_load(&w->stopping) || queue_count(&w->rows) > 0 || desk->batch_count > 0)) {
		struct pollfd fd = { .fd = w->rows.fd, .events = POLLIN, .revents = 0 };
		int ready;

		if (desk->db != NULL) {
			take_rows(desk);
			heartbeat(desk);
		}
		if (w->journal != NULL && journal_flush(w->journal) != REASON_OK)
			log_event(LOG_ERROR, "journal-flush", "reason=%s", reason_code(REASON_FILE_IO));
		if (atomic_load(&w->stopping) && desk->db_lost)
			break; /* the journal holds them; close books what is missing */
		if (desk->batch_count > 0) {
			if (clock_wait_us(desk->seat, DB_RETRY_US) == REASON_CLOCK_STOPPED)
				break;
		} else if (!atomic_load(&w->stopping) && queue_idle(&w->rows)) {
			why = clock_poll(desk->seat, &fd, 1, desk->heartbeat_next, &ready);
			queue_awake(&w->rows);
			if (why == REASON_CLOCK_STOPPED)
				break;
		}
	}
	db_close(desk->db);
	worker_thread_leave(w, desk->seat);
	free(desk);
	return NULL;
}
