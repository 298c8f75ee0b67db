/*
 * ledger_thread - asks the broker what is true: the day's orders (two complete passes that agree), prices, the balance.
 *
 * Shape   one want at a time, each answered by an event. The rows of a listing lie here; the engine says when it has worked
 *         them off (listing_read), then they may be overwritten. Every inquiry leaves its row in `listing`.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

#define ASK_WAIT_US    (20 * US_PER_S)
#define STEP_BACK_US   (US_PER_S / 5)
#define STEPS_BACK_MAX 50

struct ledger_desk {
	struct worker *w;
	struct clock_seat *seat;
	struct db *db;
	struct kis *kis;
	struct kis_login login;
	int login_version;
	struct broker_order *rows[2];
	struct broker_holding *holdings;
	int price_next; /* index of the next symbol to ask for; symbol_count = none is due */
};

static struct wall ask_until(const struct ledger_desk *desk)
{
	return wall_add_us(clock_wall(desk->w->clock), ASK_WAIT_US);
}

static void store_listing(struct ledger_desk *desk, const char *kind, enum listing_state state,
			  struct wall asked, struct wall answered, int row_count, enum reason why)
{
	struct listing_row row = {
		.account_id = desk->w->account.account_id,
		.day = desk->w->day,
		.from = desk->w->day,
		.to = desk->w->day,
		.kind = kind,
		.state = state,
		.asked = asked,
		.answered = answered,
		.row_count = row_count,
		.by_program = desk->w->program,
		.reason = why == REASON_OK ? "" : reason_code(why),
	};

	if (!db_open_now(desk->db) && db_reopen(desk->db) != REASON_OK)
		return; /* the store thread tells the engine about a lost database */
	if (tbl_listing_add(desk->db, &row) != REASON_OK)
		log_event(LOG_WARN, "listing-row", "reason=%s", reason_code(REASON_DB_ERROR));
}

static void tell_trouble(struct ledger_desk *desk, enum reason why)
{
	struct engine_event event = { .kind = EVENT_LISTING_TROUBLE, .at = clock_wall(desk->w->clock) };

	event.u.trouble.why = why;
	worker_tell(desk->w, &event);
	log_event(LOG_WARN, "listing-trouble", "reason=%s", reason_code(why));
}

/* On paper every call shares one lane: an order that waits for its turn goes first. */
static void step_back(struct ledger_desk *desk)
{
	for (int i = 0; i < STEPS_BACK_MAX && desk->w->env == KIS_PAPER && atomic_load(&desk->w->order_waits);
	     i++) {
		if (clock_wait_us(desk->seat, STEP_BACK_US) != REASON_OK)
			return;
	}
}

/* A refused token is read again from the database: auth may have stored a newer one. */
static void renew_login(struct ledger_desk *desk, enum reason why)
{
	if (why == REASON_BROKER_TOKEN && (db_open_now(desk->db) || db_reopen(desk->db) == REASON_OK))
		(void)worker_read_login(desk->w, desk->db);
	(void)worker_login(desk->w, &desk->login, &desk->login_version);
}

static enum reason list_orders(struct ledger_desk *desk, int pass, struct broker_order_list *out)
{
	enum reason why;

	step_back(desk);
	*out = (struct broker_order_list){ .rows = desk->rows[pass], .room = ORDERS_DAY_MAX };
	why = kis_daily_orders(desk->kis, desk->w->day, desk->w->day, ask_until(desk), out);
	store_listing(desk, "orders", out->state, out->asked, out->answered, out->count, why);
	renew_login(desk, why);
	if (why == REASON_OK && out->state != LISTING_COMPLETE)
		why = REASON_BROKER_PARTIAL;
	return why;
}

static void want_orders(struct ledger_desk *desk)
{
	struct broker_order_list first, second;
	struct engine_event event = { .kind = EVENT_LISTING };
	enum reason why = list_orders(desk, 0, &first);

	if (why == REASON_OK)
		why = list_orders(desk, 1, &second);
	/* In session cumulatives may grow between the passes; anything else that differs proves nothing. */
	if (why == REASON_OK && !orders_agree(&first, &second, true))
		why = REASON_BROKER_DISAGREES;
	if (why != REASON_OK) {
		tell_trouble(desk, why);
		return;
	}
	event.at = clock_wall(desk->w->clock);
	event.u.listing = second;
	atomic_store(&desk->w->listing_read, 0);
	worker_tell(desk->w, &event);
}

/*
 * The next few of the members whose prices are still to be asked for: all that one call takes on real rules, one on paper, so
 * that a listing that is wanted meanwhile does not wait behind twenty calls.
 */
static void ask_prices(struct ledger_desk *desk)
{
	const struct engine_inputs *in = desk->w->inputs;
	int room = desk->w->env == KIS_PAPER ? 1 : UNIVERSE_MAX, count = 0;
	char symbols[UNIVERSE_MAX][SYMBOL_SIZE];
	struct kis_price prices[UNIVERSE_MAX];
	enum reason why;

	for (; desk->price_next < in->symbol_count && count < room; desk->price_next++) {
		if (in->symbols[desk->price_next].member)
			memcpy(symbols[count++], in->symbols[desk->price_next].symbol, SYMBOL_SIZE);
	}
	if (count == 0)
		return;
	step_back(desk);
	why = kis_prices(desk->kis, symbols, count, ask_until(desk), prices);
	renew_login(desk, why);
	if (why != REASON_OK) {
		log_event(LOG_WARN, "prices", "reason=%s", reason_code(why));
		return; /* prices that are not confirmed block new risk by themselves */
	}
	for (int i = 0; i < count; i++) {
		struct engine_event event = { .kind = EVENT_REST_PRICE, .at = clock_wall(desk->w->clock) };

		if (!prices[i].known || prices[i].last_won <= 0)
			continue;
		memcpy(event.u.price.symbol, symbols[i], SYMBOL_SIZE);
		event.u.price.price_won = prices[i].last_won;
		worker_tell(desk->w, &event);
	}
}

static void want_balance(struct ledger_desk *desk)
{
	struct engine_event event = { .kind = EVENT_BALANCE };
	struct broker_balance balance = { .rows = desk->holdings, .room = HOLDINGS_MAX };
	enum reason why = kis_balance(desk->kis, ask_until(desk), &balance);

	store_listing(desk, "balance", balance.state, balance.asked, balance.answered, balance.count, why);
	renew_login(desk, why);
	if (why != REASON_OK || balance.state != LISTING_COMPLETE)
		return;
	event.at = clock_wall(desk->w->clock);
	event.u.balance = balance;
	atomic_store(&desk->w->listing_read, 0);
	worker_tell(desk->w, &event);
}

static enum reason desk_open(struct ledger_desk *desk)
{
	enum reason why = worker_thread_enter(desk->w, "ledger", &desk->seat);

	desk->rows[0] = calloc(ORDERS_DAY_MAX, sizeof(*desk->rows[0]));
	desk->rows[1] = calloc(ORDERS_DAY_MAX, sizeof(*desk->rows[1]));
	desk->holdings = calloc(HOLDINGS_MAX, sizeof(*desk->holdings));
	if (why == REASON_OK && (desk->rows[0] == NULL || desk->rows[1] == NULL || desk->holdings == NULL))
		why = reason_set(REASON_NO_MEMORY, "no memory for listings");
	if (why == REASON_OK)
		why = worker_db(desk->w, &desk->db);
	if (why == REASON_OK) {
		(void)worker_login(desk->w, &desk->login, &desk->login_version);
		why = worker_kis(desk->w, desk->seat, &desk->login, &desk->kis);
	}
	return why;
}

static void desk_close(struct ledger_desk *desk)
{
	kis_close(desk->kis);
	db_close(desk->db);
	free(desk->rows[0]);
	free(desk->rows[1]);
	free(desk->holdings);
	worker_thread_leave(desk->w, desk->seat);
}

/* Rows given to the engine are its until it has read them; then it writes rows_fd. */
static bool rows_free(struct ledger_desk *desk)
{
	uint64_t counter;

	if (atomic_load(&desk->w->listing_read) != 0)
		return true;
	if (read(desk->w->rows_fd, &counter, sizeof(counter)) < 0 && errno != EAGAIN)
		log_event(LOG_BUG, "rows-fd", "reason=%s", reason_code(REASON_INTERNAL));
	return atomic_load(&desk->w->listing_read) != 0;
}

static void ask(struct ledger_desk *desk, enum ledger_want want)
{
	switch (want) {
	case LEDGER_ORDERS: want_orders(desk); break;
	case LEDGER_PRICES: desk->price_next = 0; break;
	case LEDGER_BALANCE: want_balance(desk); break;
	}
}

void *ledger_thread(void *worker)
{
	struct worker *w = worker;
	struct ledger_desk desk = { .w = w, .login_version = -1, .price_next = INT_MAX };
	struct ledger_job job;
	enum reason why = desk_open(&desk), why_wait;

	if (why != REASON_OK) {
		fprintf(stderr, "%s: ledger thread: %s\n", w->program, reason_detail());
		tell_trouble(&desk, why);
	}
	while (!atomic_load(&w->stopping) && desk.seat != NULL) {
		bool free_rows = rows_free(&desk);
		struct pollfd fd = { .fd = free_rows ? w->wants.fd : w->rows_fd,
				     .events = POLLIN,
				     .revents = 0 };
		int ready;

		if (free_rows && queue_pop(&w->wants, &job)) {
			if (why == REASON_OK)
				ask(&desk, job.want);
			else
				tell_trouble(&desk, why);
			continue;
		}
		if (why == REASON_OK && desk.price_next < w->inputs->symbol_count) {
			ask_prices(&desk);
			continue;
		}
		if (free_rows && !queue_idle(&w->wants))
			continue;
		why_wait = clock_poll(desk.seat, &fd, 1, CLOCK_NEVER, &ready);
		queue_awake(&w->wants);
		if (why_wait == REASON_CLOCK_STOPPED)
			break;
	}
	desk_close(&desk);
	return NULL;
}
