/*
 * order_thread - one intent at a time: first mark, second mark, one POST, its record. Nothing here decides.
 *
 * Every step is told to the engine, and told after it is durable. What is recorded here: RECORDED and SENDING (with the
 * marks), then ACCEPTED, REFUSED, DOUBT or NEVER_SENT. An answer that the database does not take at once is kept and
 * written before the next order; the engine knows it meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

#define TURN_WAIT_US  (5 * US_PER_S)
#define UNSAVED_MAX   64
#define RETRY_WAIT_US US_PER_S

/* Real time of one order, for the `sent` line: how long each step between the engine and the wire took. */
struct order_times {
	struct mono taken, recorded, turned, marked, answered;
};
struct unsaved { /* an answer that is not in the database yet */
	struct order_event_row row;
	char reason[REASON_CODE_SIZE];
	char evidence[600];
};
struct order_desk {
	struct worker *w;
	struct clock_seat *seat;
	struct db *db;
	struct kis *kis;
	struct kis_login login;
	int login_version;
	bool db_told_lost;
	struct unsaved unsaved[UNSAVED_MAX];
	int unsaved_count;
};

static void tell(struct order_desk *desk, enum engine_event_kind kind, const struct order *order,
		 enum engine_outcome outcome, enum reason why, const struct kis_order_result *result)
{
	struct engine_event event = { .kind = kind, .at = clock_wall(desk->w->clock) };

	event.u.order.intent_id = order->intent_id;
	event.u.order.outcome = outcome;
	event.u.order.why = why;
	if (result != NULL) {
		memcpy(event.u.order.odno, result->odno, sizeof(event.u.order.odno));
		memcpy(event.u.order.branch, result->branch, sizeof(event.u.order.branch));
	}
	worker_tell(desk->w, &event);
}

static void tell_db(struct order_desk *desk, bool ok)
{
	struct engine_event event = { .kind = EVENT_DB, .at = clock_wall(desk->w->clock) };

	if (ok == !desk->db_told_lost)
		return;
	desk->db_told_lost = !ok;
	event.u.db.ok = ok;
	worker_tell(desk->w, &event);
}

/* Orders numbers of this day in a local file: `gaejang kill` can cancel by them when the database is away. */
static void note_own_order(struct order_desk *desk, const struct order *order,
			   const struct kis_order_result *result)
{
	char name[64], path[FILE_PATH_SIZE], line[160], day[KST_TEXT_SIZE];

	(void)snprintf(name, sizeof(name), "own-orders-%s-%.20s", kst_day_digits(desk->w->day, day),
		       desk->w->acct->name);
	(void)snprintf(line, sizeof(line), "%lld %s %s %s %lld %s", (long long)order->intent_id, result->odno,
		       result->branch, order->symbol, (long long)order->qty, order_side_text(order->side));
	if (file_join(conf_text(&desk->w->cfg, CONF_STATE_DIR), name, path) != REASON_OK ||
	    file_append_line(path, line) != REASON_OK)
		log_event(LOG_WARN, "own-order-index", "reason=%s", reason_code(REASON_FILE_IO));
}

static enum reason save(struct order_desk *desk, struct unsaved *one)
{
	one->row.reason = one->reason;
	one->row.evidence = one->evidence;
	return tbl_order_event_add(desk->db, &one->row);
}

/* Answers first, in their order: a later mark must not stand before an earlier answer. */
static enum reason save_kept(struct order_desk *desk)
{
	enum reason why = REASON_OK;
	int done = 0;

	if (!db_open_now(desk->db))
		why = db_reopen(desk->db);
	while (why == REASON_OK && done < desk->unsaved_count) {
		why = save(desk, &desk->unsaved[done]);
		done += why == REASON_OK;
	}
	memmove(desk->unsaved, desk->unsaved + done,
		sizeof(desk->unsaved[0]) * (size_t)(desk->unsaved_count - done));
	desk->unsaved_count -= done;
	tell_db(desk, why == REASON_OK);
	return why;
}

static void keep(struct order_desk *desk, const struct order *order, enum order_event event,
		 enum order_state state, enum reason why, const struct kis_order_result *result)
{
	struct unsaved one = { 0 };

	one.row.intent_id = order->intent_id;
	one.row.account_id = desk->w->account.account_id;
	one.row.event = event;
	one.row.state = state;
	one.row.at = clock_wall(desk->w->clock);
	one.row.order_day = order->day;
	one.row.by_program = desk->w->program;
	(void)snprintf(one.reason, sizeof(one.reason), "%s", why == REASON_OK ? "" : reason_code(why));
	if (result != NULL) {
		memcpy(one.row.odno, result->odno, sizeof(one.row.odno));
		memcpy(one.row.branch, result->branch, sizeof(one.row.branch));
		memcpy(one.row.orig_odno, order->orig_odno, sizeof(one.row.orig_odno));
		(void)snprintf(one.evidence, sizeof(one.evidence), "%s", result->excerpt);
	}
	/* The engine holds at most a few undecided intents, so this room is never used up; if it were, the order is in the engine's
	 * journal and in doubt for everybody else, which is the safe reading. */
	if (desk->unsaved_count < UNSAVED_MAX)
		desk->unsaved[desk->unsaved_count++] = one;
	if (save_kept(desk) != REASON_OK)
		log_event(LOG_WARN, "answer-kept", "intent=%lld reason=%s", (long long)order->intent_id,
			  reason_code(REASON_DB_AWAY));
}

/* First mark. False: nothing was sent and nothing will be. */
static bool record(struct order_desk *desk, const struct order_job *job)
{
	struct order order = job->order;
	enum reason why = save_kept(desk);

	order.recorded = clock_wall(desk->w->clock);
	if (why == REASON_OK)
		why = tbl_intent_record(desk->db, &desk->w->lease, &order, desk->w->inputs->strategy,
					job->signal_code, job->reduces_risk, order.recorded);
	if (why == REASON_OK) {
		tell(desk, EVENT_ORDER_RECORDED, &order, OUTCOME_ACCEPTED, REASON_OK, NULL);
		return true;
	}
	if (why == REASON_LEASE_LOST)
		atomic_store(&desk->w->lease_lost, true);
	tell_db(desk, !(why == REASON_DB_AWAY || why == REASON_DB_COMMIT_UNKNOWN));
	log_event(LOG_WARN, "not-recorded", "intent=%lld reason=%s", (long long)order.intent_id,
		  reason_code(why));
	tell(desk, EVENT_ORDER_SENT, &order, OUTCOME_NOT_SENT, why, NULL);
	return false;
}

/* Second mark. A COMMIT whose answer was lost counts as marked for everybody who reads rows, and is not sent by us. */
static bool mark(struct order_desk *desk, const struct order_job *job, struct order_times *times)
{
	enum reason why;

	atomic_store(&desk->w->order_waits, true);
	why = kis_order_turn(desk->kis, wall_add_us(clock_wall(desk->w->clock), TURN_WAIT_US));
	atomic_store(&desk->w->order_waits, false);
	times->turned = clock_real_mono();
	if (why == REASON_OK)
		why = tbl_intent_mark(desk->db, &desk->w->lease, job->order.intent_id, job->reduces_risk,
				      clock_wall(desk->w->clock));
	if (why == REASON_OK) {
		times->marked = clock_real_mono();
		tell(desk, EVENT_ORDER_MARKED, &job->order, OUTCOME_ACCEPTED, REASON_OK, NULL);
		return true;
	}
	if (why == REASON_LEASE_LOST)
		atomic_store(&desk->w->lease_lost, true);
	log_event(LOG_WARN, "not-marked", "intent=%lld reason=%s", (long long)job->order.intent_id,
		  reason_code(why));
	if (why == REASON_DB_COMMIT_UNKNOWN)
		tell_db(desk, false);
	else
		keep(desk, &job->order, OEV_NEVER_SENT, ORDER_NEVER_SENT, why, NULL);
	tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_NOT_SENT, why, NULL);
	return false;
}

static void fill_ticket(const struct order_job *job, struct mono marked, struct kis_order_ticket *ticket)
{
	const struct order *o = &job->order;

	*ticket = (struct kis_order_ticket){ .intent_id = o->intent_id,
					     .kind = o->kind,
					     .side = o->side,
					     .type = o->type,
					     .qty = o->qty,
					     .price_won = o->price_won,
					     .marked = marked };
	memcpy(ticket->symbol, o->symbol, sizeof(ticket->symbol));
	memcpy(ticket->excg, o->excg, sizeof(ticket->excg));
	memcpy(ticket->orig_odno, o->orig_odno, sizeof(ticket->orig_odno));
	memcpy(ticket->branch, o->branch, sizeof(ticket->branch));
}

static int64_t between_us(struct mono from, struct mono to)
{
	return (to.ns - from.ns) / 1000;
}

static void log_sent(const struct order_job *job, const struct order_times *times,
		     const struct kis_order_result *result, enum reason why)
{
	const struct order *o = &job->order;

	log_event(LOG_INFO, "sent",
		  "intent=%lld symbol=%s side=%s qty=%lld price_won=%lld odno=%s reason=%s step_ns=%lld "
		  "wake_us=%lld record_us=%lld turn_us=%lld mark_us=%lld send_us=%lld wire_us=%lld",
		  (long long)o->intent_id, o->symbol, order_side_text(o->side), (long long)o->qty,
		  (long long)o->price_won, result->odno, reason_code(why),
		  (long long)(job->queued.ns - job->stepped.ns),
		  (long long)between_us(job->queued, times->taken),
		  (long long)between_us(times->taken, times->recorded),
		  (long long)between_us(times->recorded, times->turned),
		  (long long)between_us(times->turned, times->marked),
		  (long long)between_us(times->marked, times->answered), (long long)result->wire_us);
}

static void send(struct order_desk *desk, const struct order_job *job, struct order_times *times)
{
	struct kis_order_ticket ticket;
	struct kis_order_result result = { .fate = FATE_NOT_SENT };
	int64_t age_ms = conf_number(&desk->w->cfg, CONF_SEND_MARK_MS);
	enum reason why;

	fill_ticket(job, times->marked, &ticket);
	(void)worker_login(desk->w, &desk->login, &desk->login_version);
	if (job->order.kind == INTENT_CANCEL)
		why = kis_cancel_once(desk->kis, &ticket, age_ms, &result);
	else
		why = desk->w->place(desk->kis, &ticket, age_ms, &result);
	times->answered = clock_real_mono();
	log_sent(job, times, &result, why);
	switch (result.fate) {
	case FATE_ACCEPTED:
		note_own_order(desk, &job->order, &result);
		keep(desk, &job->order, OEV_ACCEPTED, ORDER_OPEN, REASON_OK, &result);
		tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_ACCEPTED, REASON_OK, &result);
		break;
	case FATE_REFUSED:
		keep(desk, &job->order, OEV_REFUSED, ORDER_REJECTED, why, &result);
		tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_REFUSED, why, &result);
		break;
	case FATE_DOUBT:
		keep(desk, &job->order, OEV_DOUBT, ORDER_IN_DOUBT, why, &result);
		tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_DOUBT, why, &result);
		break;
	case FATE_NOT_SENT:
		keep(desk, &job->order, OEV_NEVER_SENT, ORDER_NEVER_SENT, why, &result);
		tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_NOT_SENT, why, NULL);
		break;
	}
}

static void carry_out(struct order_desk *desk, const struct order_job *job)
{
	struct order_times times = { .taken = clock_real_mono() };

	/* A program without `place` can end orders but not begin one; the engine never asks it to, this is the second lock. */
	if (job->order.kind == INTENT_NEW && desk->w->place == NULL) {
		tell(desk, EVENT_ORDER_SENT, &job->order, OUTCOME_NOT_SENT, REASON_FW_MODE, NULL);
		return;
	}
	if (!record(desk, job))
		return;
	times.recorded = clock_real_mono();
	if (mark(desk, job, &times))
		send(desk, job, &times);
}

static enum reason desk_open(struct order_desk *desk)
{
	enum reason why = worker_thread_enter(desk->w, "order", &desk->seat);

	if (why == REASON_OK)
		why = worker_db(desk->w, &desk->db);
	if (why == REASON_OK) {
		(void)worker_login(desk->w, &desk->login, &desk->login_version);
		why = worker_kis(desk->w, desk->seat, &desk->login, &desk->kis);
	}
	/* The first order of the day should not pay for the handshake. */
	if (why == REASON_OK && kis_warm(desk->kis) != REASON_OK)
		log_event(LOG_WARN, "order-connection-cold", "reason=%s", reason_code(REASON_BROKER_AWAY));
	return why;
}

void *order_thread(void *worker)
{
	struct worker *w = worker;
	struct order_desk desk = { .w = w, .login_version = -1 };
	struct order_job job;
	enum reason why = desk_open(&desk), why_wait;

	if (why != REASON_OK) {
		log_event(LOG_ERROR, "order-thread", "reason=%s", reason_code(why));
		fprintf(stderr, "%s: order thread: %s\n", w->program, reason_detail());
		tell_db(&desk, false);
	}
	while (!atomic_load(&w->stopping) || queue_count(&w->orders) > 0 || desk.unsaved_count > 0) {
		struct pollfd fd = { .fd = w->orders.fd, .events = POLLIN, .revents = 0 };
		struct wall until = desk.unsaved_count > 0 || desk.db_told_lost
					    ? wall_add_us(clock_wall(w->clock), RETRY_WAIT_US)
					    : CLOCK_NEVER;
		int ready;

		while (queue_pop(&w->orders, &job)) {
			if (why == REASON_OK)
				carry_out(&desk, &job);
			else
				tell(&desk, EVENT_ORDER_SENT, &job.order, OUTCOME_NOT_SENT, why, NULL);
		}
		if (desk.db != NULL && (desk.unsaved_count > 0 || desk.db_told_lost))
			(void)save_kept(&desk);
		if (atomic_load(&w->stopping) && desk.db_told_lost)
			break; /* the journal has it; close settles it from the broker */
		if (desk.seat == NULL)
			break;
		if (atomic_load(&w->stopping) || !queue_idle(&w->orders))
			continue;
		why_wait = clock_poll(desk.seat, &fd, 1, until, &ready);
		queue_awake(&w->orders);
		if (why_wait == REASON_CLOCK_STOPPED)
			break;
	}
	kis_close(desk.kis);
	db_close(desk.db);
	worker_thread_leave(w, desk.seat);
	return NULL;
}
