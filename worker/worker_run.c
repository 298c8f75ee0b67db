/*
 * worker_run - the main thread: takes events from the queue, journals and steps them, hands the actions to the threads.
 *
 * The tick path is: queue_pop, journal_step, queue_push. No database, no disk, no HTTP here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/log.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

#define EVENTS_ROOM   32768
#define ORDERS_ROOM   1024
#define WANTS_ROOM    64
#define ROWS_ROOM     65536
#define TIMER_US      US_PER_S
#define SEAL_EVERY_NS (100 * INT64_C(1000000))

struct bench { /* of the main thread */
	struct worker *w;
	struct clock_seat *seat;
	struct engine_actions *actions;
	struct wall timer_next;
	struct mono sealed;
	struct mono stepped; /* the event in work was taken */
	int signal_fd;
	uint64_t refused_told;
	bool journal_late, done, lease_told;
};

void worker_tell(struct worker *w, const struct engine_event *event)
{
	/* A refused event is counted by the queue; the main thread tells the engine, which stops trading. */
	(void)queue_push(&w->events, event);
}

enum reason worker_thread_enter(struct worker *w, const char *name, struct clock_seat **out_seat)
{
	enum reason why = clock_join(w->clock, name, out_seat);

	clock_unhold(w->clock);
	return why;
}

void worker_thread_leave(struct worker *w, struct clock_seat *seat)
{
	clock_hold(w->clock);
	clock_leave(seat);
}

static void hand_out(struct bench *b, const struct engine_action *action)
{
	struct worker *w = b->w;
	struct order_job order;
	struct ledger_job want;
	struct store_job row;

	switch (action->kind) {
	case ACTION_INTENT:
		order.order = action->u.intent.order;
		order.reduces_risk = action->u.intent.reduces_risk;
		memcpy(order.signal_code, action->u.intent.signal_code, sizeof(order.signal_code));
		order.stepped = b->stepped;
		order.queued = clock_real_mono();
		(void)queue_push(&w->orders, &order);
		return;
	case ACTION_WANT_LISTING:
	case ACTION_WANT_PRICES:
	case ACTION_WANT_BALANCE:
		want.want = action->kind == ACTION_WANT_LISTING  ? LEDGER_ORDERS
			    : action->kind == ACTION_WANT_PRICES ? LEDGER_PRICES
								 : LEDGER_BALANCE;
		(void)queue_push(&w->wants, &want);
		return;
	case ACTION_DONE: b->done = true; return;
	case ACTION_STATUS:
		atomic_store(&w->state_now, (int)action->u.status.state);
		atomic_store(&w->mode_now, (int)action->u.status.mode);
		break;
	case ACTION_MODE:
		atomic_store(&w->mode_now, (int)action->u.mode.to);
		log_event(LOG_INFO, "mode", "from=%s to=%s code=%s", mode_text(action->u.mode.from),
			  mode_text(action->u.mode.to), action->u.mode.code);
		break;
	case ACTION_ALERT:
		log_event(LOG_WARN, "alert", "code=%s symbol=%s", action->u.alert.code,
			  action->u.alert.symbol);
		break;
	default: break;
	}
	row.at = b->actions->at;
	row.seq = b->actions->seq;
	row.action = *action;
	(void)queue_push(&w->rows, &row);
}

static void step(struct bench *b, struct engine_event *event)
{
	struct worker *w = b->w;
	enum engine_event_kind kind = event->kind;
	enum reason why;

	b->stepped = clock_real_mono();
	why = journal_step(w->journal, w->engine, event, b->actions);

	if (why != REASON_OK)
		log_event(LOG_ERROR, "journal", "reason=%s", reason_code(why));
	for (int i = 0; i < b->actions->count; i++)
		hand_out(b, &b->actions->rows[i]);
	if (why == REASON_JOURNAL_FULL &&
	    b->actions->count > 0) { /* what the engine did about it; now the event itself */
		why = journal_step(w->journal, w->engine, event, b->actions);
		for (int i = 0; i < b->actions->count; i++)
			hand_out(b, &b->actions->rows[i]);
	}
	if (kind == EVENT_LISTING || kind == EVENT_BALANCE) { /* its rows may be overwritten now */
		uint64_t one = 1;

		atomic_store(&w->listing_read, 1);
		if (write(w->rows_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			log_event(LOG_BUG, "rows-fd", "reason=%s", reason_code(REASON_INTERNAL));
	}
	/* A journal without any room left cannot record another decision: there must be none. */
	if (why == REASON_JOURNAL_FULL && b->actions->count == 0)
		b->done = true;
}

static void step_kind(struct bench *b, enum engine_event_kind kind)
{
	struct engine_event event = { .kind = kind, .at = clock_wall(b->w->clock) };

	step(b, &event);
}

/* Trouble of our own that the engine must know: full queues, a late journal, a lost lease. */
static void look_inside(struct bench *b)
{
	struct worker *w = b->w;
	uint64_t refused = queue_refused(&w->events) + queue_refused(&w->orders) + queue_refused(&w->rows);
	int64_t late_ms = journal_late_ms(w->journal);
	bool late = late_ms > conf_number(&w->cfg, CONF_JOURNAL_FLUSH_MS);
	struct engine_event event = { .at = clock_wall(w->clock) };

	if (refused != b->refused_told) {
		b->refused_told = refused;
		event.kind = EVENT_RING_FULL;
		event.u.ring.lost = (int64_t)refused;
		step(b, &event);
	}
	if (late != b->journal_late) {
		b->journal_late = late;
		event.kind = EVENT_JOURNAL;
		event.u.journal.late = late;
		step(b, &event);
	}
	if (atomic_load(&w->lease_lost) && !b->lease_told) {
		b->lease_told = true;
		event.kind = EVENT_CONTROL;
		event.u.control.source = CONTROL_SIGNAL;
		event.u.control.mode = MODE_HALT;
		event.u.control.readable = true;
		step(b, &event);
		fprintf(stderr,
			"%s: the account's lease was lost to another holder; nothing more is sent from "
			"here\n",
			w->program);
	}
}

static void read_signals(struct bench *b)
{
	struct signalfd_siginfo info;

	while (read(b->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct engine_event event = { .kind = EVENT_STOP, .at = clock_wall(b->w->clock) };

		if (info.ssi_signo == SIGUSR1) { /* gaejang kill */
			event.kind = EVENT_CONTROL;
			event.u.control.source = CONTROL_SIGNAL;
			event.u.control.mode = MODE_HALT;
			event.u.control.readable = true;
		}
		log_event(LOG_WARN, "signal", "signal=%d", (int)info.ssi_signo);
		step(b, &event);
	}
}

static void timers(struct bench *b)
{
	struct wall now = clock_wall(b->w->clock);
	struct mono real = clock_real_mono();

	if (now.us >= b->timer_next.us) {
		b->timer_next = (struct wall){ (now.us / TIMER_US + 1) * TIMER_US };
		step_kind(b, EVENT_TIMER);
	}
	if (real.ns - b->sealed.ns >= SEAL_EVERY_NS) {
		b->sealed = real;
		journal_seal(b->w->journal);
		queue_kick(&b->w->rows); /* the store thread flushes it */
	}
}

static void run_loop(struct bench *b)
{
	struct worker *w = b->w;
	struct engine_event event;
	enum reason why;

	step_kind(b, EVENT_START);
	while (!b->done) {
		struct pollfd fds[2] = { { .fd = w->events.fd, .events = POLLIN, .revents = 0 },
					 { .fd = b->signal_fd, .events = POLLIN, .revents = 0 } };
		int ready;

		while (!b->done && queue_pop(&w->events, &event))
			step(b, &event);
		read_signals(b);
		look_inside(b);
		timers(b);
		if (b->done || !queue_idle(&w->events))
			continue;
		why = clock_poll(b->seat, fds, 2, b->timer_next, &ready);
		queue_awake(&w->events);
		if (why == REASON_CLOCK_STOPPED)
			break;
	}
	journal_seal(w->journal);
}

static enum reason open_queues(struct worker *w)
{
	enum reason why = queue_open(&w->events, w->clock, sizeof(struct engine_event), EVENTS_ROOM);

	if (why == REASON_OK)
		why = queue_open(&w->orders, w->clock, sizeof(struct order_job), ORDERS_ROOM);
	if (why == REASON_OK)
		why = queue_open(&w->wants, w->clock, sizeof(struct ledger_job), WANTS_ROOM);
	if (why == REASON_OK)
		why = queue_open(&w->rows, w->clock, sizeof(struct store_job), ROWS_ROOM);
	atomic_store(&w->listing_read, 1);
	w->rows_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (why == REASON_OK && w->rows_fd < 0)
		why = reason_set(REASON_NO_MEMORY, "eventfd: %s", strerror(errno));
	return why;
}

static enum reason open_journal(struct worker *w)
{
	enum reason why =
		journal_path(conf_text(&w->cfg, CONF_STATE_DIR), w->day, w->inputs->epoch, w->journal_path);

	if (why == REASON_OK)
		why = journal_create(w->journal_path, conf_number(&w->cfg, CONF_JOURNAL_MB), w->inputs,
				     &w->journal);
	if (why == REASON_OK)
		why = tbl_journal_add(w->db, w->account.account_id, w->day, w->inputs->epoch, w->journal_path,
				      clock_wall(w->clock));
	return why;
}

static enum reason bench_open(struct bench *b)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGUSR1);
	(void)signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
	    (b->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0)
		return reason_set(REASON_INTERNAL, "signalfd: %s", strerror(errno));
	b->actions = calloc(1, sizeof(*b->actions));
	if (b->actions == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for actions");
	b->sealed = clock_real_mono();
	return clock_join(b->w->clock, "engine", &b->seat);
}

enum reason worker_run(struct worker *w)
{
	static void *(*const bodies[])(void *) = { store_thread, order_thread, ledger_thread, feed_thread };
	pthread_t threads[ARRAY_COUNT(bodies)];
	size_t started = 0;
	struct bench b = { .w = w, .signal_fd = -1 };
	enum reason why;

	w->inputs->epoch = w->lease.epoch;
	why = bench_open(&b);
	if (why == REASON_OK)
		why = open_queues(w);
	if (why == REASON_OK)
		why = worker_read_login(w, w->db);
	if (why == REASON_OK)
		why = engine_new(w->inputs, &w->engine);
	if (why == REASON_OK)
		why = open_journal(w);
	atomic_store(&w->state_now, ENGINE_STARTING);
	atomic_store(&w->mode_now, MODE_OBSERVE);
	for (; why == REASON_OK && started < ARRAY_COUNT(bodies); started++) {
		clock_hold(w->clock); /* until worker_thread_enter */
		if (pthread_create(&threads[started], NULL, bodies[started], w) != 0) {
			clock_unhold(w->clock);
			why = reason_set(REASON_NO_MEMORY, "a thread cannot be started: %s", strerror(errno));
			break;
		}
	}
	if (why == REASON_OK) {
		log_event(LOG_INFO, "running", "epoch=%lld mode=%s", (long long)w->lease.epoch,
			  mode_text(w->inputs->certificate_mode));
		run_loop(&b);
	}
	atomic_store(&w->stopping, true);
	queue_kick(&w->orders);
	queue_kick(&w->wants);
	queue_kick(&w->rows);
	queue_kick(&w->events);
	feed_wake(w);
	/* Joining waits in real time: give up the seat, or virtual time would stand while threads still need it. */
	clock_leave(b.seat);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	/* And take one again, so that the clock stands until whoever waits for this process has seen it end. */
	if (clock_join(w->clock, "engine", &b.seat) != REASON_OK)
		log_event(LOG_WARN, "clock", "reason=%s", reason_code(REASON_CLOCK_STOPPED));
	for (size_t i = 0; i < started; i++)
		clock_unhold(w->clock); /* of worker_thread_leave */
	queue_close(&w->events);
	queue_close(&w->orders);
	queue_close(&w->wants);
	queue_close(&w->rows);
	if (b.signal_fd >= 0)
		(void)close(b.signal_fd);
	free(b.actions);
	return why;
}
