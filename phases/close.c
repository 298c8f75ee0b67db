/*
 * close - the day is over: the worker has gone, every order is final, fills, cash and shares agree with the broker, the
 * recorded day replays to the same decisions. Leaves the day's result, its round trips, and a selection for the next day.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "phases/books.h"
#include "phases/settle.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define ASK_AGAIN_S    30
#define JOURNALS_MAX   64
#define REPLAY_S_MAX   600 /* real time, of all journals of a day */
#define SELECTION_ROWS 10

struct close_phase {
	struct settle settle;
	bool asked;
	struct daily_row daily;
	struct cash_row cash;
	struct books books;
	struct fill *fills;
	int fill_count;
	char journals[JOURNALS_MAX][500];
	char selected[UNIVERSE_MAX][SYMBOL_SIZE];
	int selected_count;
	struct kst_day next;
};

/* ---- both sides ------------------------------------------------------------------------------------------------------ */

static bool waiting_helps(const struct settle *st)
{
	return !st->out.accepted && !settle_crit(st) &&
	       (st->out.refusal == REASON_IN_DOUBT || st->out.refusal == REASON_POSITION_MISMATCH ||
		st->out.refusal == REASON_COSTS_DIFFER || st->out.refusal == REASON_EMPTY_CONTRADICTS);
}

static enum reason ask(struct phase *ph, struct close_phase *cl)
{
	struct settle *st = &cl->settle;
	enum reason why;

	for (;;) {
		struct wall next;

		why = settle_ask(ph, st);
		if (why != REASON_OK)
			return why;
		cl->asked = true;
		next = wall_add_us(phase_now(ph), ASK_AGAIN_S * US_PER_S);
		if (!phase_writes(ph) || !waiting_helps(st) ||
		    wall_add_us(next, ASK_AGAIN_S * US_PER_S).us > ph->deadline.us)
			return REASON_OK;
		why = phase_wait_until(ph, next);
		if (why != REASON_OK)
			return why;
	}
}

static enum order_state state_after(const struct settle *st, int order_index)
{
	enum order_state state = st->orders[order_index].state;

	for (int i = 0; i < st->out.resolution_count; i++) {
		if (st->out.resolutions[i].order_index == order_index)
			state = st->out.resolutions[i].to;
	}
	return state;
}

static enum reason all_final(const struct phase *ph, const struct settle *st)
{
	for (int i = 0; i < st->ours.order_count; i++) {
		const struct order *order = &st->orders[i];

		if (kst_day_same(order->day, ph->day.day) && !order_final(state_after(st, i)))
			return reason_set(
				REASON_LEDGER_DIFFERS,
				"order %lld (%s %s) is still %s after the session; look at it: gaejang sql "
				"'SELECT * FROM v_orders_unknown'",
				(long long)order->intent_id, order->symbol, order_side_text(order->side),
				order_state_text(state_after(st, i)));
	}
	return REASON_OK;
}

static enum reason ledger(struct phase *ph, struct close_phase *cl)
{
	struct settle *st = &cl->settle;
	const char *text;
	enum reason why = settle_open(ph, st);

	if (why == REASON_OK)
		why = ask(ph, cl);
	if (why != REASON_OK)
		return why;
	settle_tell(ph, st);
	if (st->out.accepted)
		return all_final(ph, st);
	text = st->out.finding_count > 0 ? st->out.findings[0].text : reason_text(st->out.refusal);
	if (reason_kind(st->out.refusal) == KIND_FAIL)
		return reason_set(REASON_LEDGER_DIFFERS, "%s (%s)", text, reason_code(st->out.refusal));
	return reason_set(st->out.refusal, "%s", text);
}

/* ---- the day in numbers ----------------------------------------------------------------------------------------------- */

/* Today's fills: those stored and those this run is about to store. */
static enum reason fills_gather(struct phase *ph, struct close_phase *cl)
{
	const struct settle *st = &cl->settle;
	enum reason why;

	cl->fills = calloc(FILLS_DAY_MAX + 2 * ORDERS_DAY_MAX, sizeof(*cl->fills));
	if (!cl->fills)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's fills");
	why = tbl_fills_of_day(ph->db, ph->account.account_id, ph->day.day, cl->fills, FILLS_DAY_MAX,
			       &cl->fill_count);
	for (int i = 0; i < st->out.resolution_count && why == REASON_OK; i++) {
		const struct resolution *res = &st->out.resolutions[i];

		if (res->has_fill && kst_day_same(res->fill.day, ph->day.day))
			cl->fills[cl->fill_count++] = res->fill;
	}
	return why;
}

/* The books start from the first snapshot accepted today: a later one already holds part of the day. */
static enum reason books_start(struct phase *ph, struct close_phase *cl)
{
	struct snapshot snap = { .lot_room = HOLDINGS_MAX };
	struct acceptance_row first;
	enum reason why = tbl_acceptance_first_of_day(ph->db, ph->account.account_id, ph->day.day, &first);

	snap.lots = calloc(HOLDINGS_MAX, sizeof(*snap.lots));
	if (!snap.lots)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's first snapshot");
	if (why == REASON_OK)
		why = tbl_snapshot_find(ph->db, first.snapshot_id, &snap);
	else if (why == REASON_DB_NOT_FOUND)
		why = tbl_snapshot_accepted(ph->db, ph->account.account_id, &snap);
	if (why == REASON_OK)
		why = books_open(&cl->books, &snap);
	free(snap.lots);
	return why;
}

static enum reason books_run(struct phase *ph, struct close_phase *cl)
{
	const struct settle *st = &cl->settle;
	enum reason why = fills_gather(ph, cl);

	if (why == REASON_OK)
		why = books_start(ph, cl);
	for (int i = 0; i < cl->fill_count && why == REASON_OK; i++) {
		enum market market = MARKET_KOSPI;
		enum symbol_kind kind = SYMBOL_STOCK;

		for (int s = 0; s < st->ours.symbol_count; s++) {
			if (strcmp(st->symbols[s].symbol, cl->fills[i].symbol) == 0) {
				market = st->symbols[s].market;
				kind = st->symbols[s].kind;
			}
		}
		why = books_fill(&cl->books, &cl->fills[i], market, kind, st->rules.commission_ppm);
	}
	return why;
}

static enum reason equity_start(struct phase *ph, struct close_phase *cl)
{
	struct cash_row morning;
	enum reason why = tbl_cash_of_run(ph->db, phase_run_of(ph, PHASE_ACCOUNT), &morning);

	if (why == REASON_DB_NOT_FOUND)
		return REASON_OK; /* a day without a morning has no start of its own: 0 */
	if (why == REASON_OK)
		cl->daily.equity_start_won = morning.equity_won;
	return why;
}

static enum reason numbers(struct phase *ph, struct close_phase *cl)
{
	const struct broker_balance *balance = &cl->settle.theirs.balance;
	struct daily_row *day = &cl->daily;
	enum reason why = books_run(ph, cl);

	if (why == REASON_OK)
		why = equity_start(ph, cl);
	if (why != REASON_OK)
		return why;
	day->run_id = ph->run.run_id;
	day->account_id = ph->account.account_id;
	day->day = ph->day.day;
	day->cash_end_won = balance->cash_d2_won;
	if (!won_add(balance->cash_d2_won, balance->stock_value_won, &day->equity_end_won))
		return reason_set(REASON_OVERFLOW, "cash and stock value do not fit together");
	day->realised_won = cl->books.realised_won;
	day->fee_won = cl->books.fee_won;
	day->tax_won = cl->books.tax_won;
	day->bought_won = cl->books.bought_won;
	day->sold_won = cl->books.sold_won;
	day->fills = cl->books.fill_count;
	for (int i = 0; i < cl->settle.ours.order_count; i++) {
		const struct order *order = &cl->settle.orders[i];

		day->orders += kst_day_same(order->day, ph->day.day) && order->owner == OWNER_SYS &&
			       order->kind == INTENT_NEW && order->sent.us != 0;
	}
	cl->cash = (struct cash_row){ .run_id = day->run_id,
				      .account_id = day->account_id,
				      .day = day->day,
				      .account_match = true,
				      .cash_d0_won = balance->cash_d0_won,
				      .cash_d1_won = balance->cash_d1_won,
				      .cash_d2_won = balance->cash_d2_won,
				      .orderable_won = balance->cash_d2_won,
				      .stock_value_won = balance->stock_value_won,
				      .equity_won = day->equity_end_won };
	return REASON_OK;
}

/* ---- replay --------------------------------------------------------------------------------------------------------------- */

static void replay_exec(const char *program, char *journal)
{
	char name[] = "replay";
	char *argv[] = { name, journal, NULL };
	int null_fd = open("/dev/null", O_RDWR);

	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0)
		_exit(75);
	execv(program, argv);
	_exit(78);
}

/* Real time: replay knows no clock. The lease is kept young meanwhile. */
static enum reason replay_wait(struct phase *ph, pid_t pid, int *out_status)
{
	struct timespec step = { 0, 20000000 };
	struct mono until = clock_real_mono();
	enum reason why;

	until.ns += (int64_t)REPLAY_S_MAX * 1000000000;
	for (;;) {
		pid_t got = waitpid(pid, out_status, WNOHANG);

		if (got == pid)
			return REASON_OK;
		why = phase_check(ph);
		if (why == REASON_OK && got < 0 && errno != EINTR)
			why = reason_set(REASON_INTERNAL, "waiting for replay: %s", strerror(errno));
		if (why == REASON_OK && clock_real_mono().ns > until.ns)
			why = reason_set(REASON_DEADLINE, "replay took longer than %d s", REPLAY_S_MAX);
		if (why != REASON_OK) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, out_status, 0);
			return why;
		}
		(void)nanosleep(&step, NULL);
	}
}

static enum reason replay_one(struct phase *ph, const char *program, char *journal)
{
	int status = 0;
	pid_t pid;
	enum reason why;

	if (!file_exists(journal))
		return reason_set(REASON_REPLAY_DIFFERS,
				  "journal %s of this day is missing; it is evidence, find it", journal);
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return reason_set(REASON_NO_MEMORY, "fork for replay: %s", strerror(errno));
	if (pid == 0)
		replay_exec(program, journal);
	why = replay_wait(ph, pid, &status);
	if (why != REASON_OK)
		return why;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return reason_set(REASON_REPLAY_DIFFERS,
				  "the journal does not replay to the same decisions (exit %d); look: %s %s",
				  WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), program,
				  journal);
	return REASON_OK;
}

static enum reason replay(struct phase *ph, struct close_phase *cl)
{
	char program[FILE_PATH_SIZE];
	int count = 0;
	enum reason why = tbl_journal_of_day(ph->db, ph->account.account_id, ph->day.day, cl->journals,
					     JOURNALS_MAX, &count);

	if (why == REASON_OK)
		why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), "replay", program);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = replay_one(ph, program, cl->journals[i]);
	phase_fact_number(ph, "journals", count);
	cl->daily.replay_same = why == REASON_OK;
	return why;
}

/* ---- tomorrow ---------------------------------------------------------------------------------------------------------------- */

struct turnover {
	char symbol[SYMBOL_SIZE];
	int64_t won;
};

static int by_turnover(const void *a, const void *b)
{
	const struct turnover *x = a, *y = b;

	return x->won == y->won ? strcmp(x->symbol, y->symbol) : x->won < y->won ? 1 : -1;
}

/* The ten symbols of today's universe with the largest turnover. */
static enum reason select_next(struct phase *ph, struct close_phase *cl)
{
	struct universe_row rows[UNIVERSE_MAX];
	struct kis_price prices[UNIVERSE_MAX];
	struct turnover order[UNIVERSE_MAX];
	int count = 0;
	enum reason why = calendar_next(&ph->cal, ph->day.day, &cl->next);

	if (why == REASON_OK && phase_run_of(ph, PHASE_UNIVERSE) != 0)
		why = tbl_universe_of_run(ph->db, phase_run_of(ph, PHASE_UNIVERSE), rows, UNIVERSE_MAX,
					  &count);
	if (why != REASON_OK || count == 0)
		return why;
	for (int i = 0; i < count; i++)
		memcpy(cl->selected[i], rows[i].symbol, SYMBOL_SIZE);
	why = kis_prices(ph->kis, cl->selected, count, ph->deadline, prices);
	for (int i = 0; i < count && why == REASON_OK; i++) {
		memcpy(order[i].symbol, rows[i].symbol, SYMBOL_SIZE);
		if (!prices[i].known || !won_mul(prices[i].last_won, prices[i].volume_qty, &order[i].won))
			order[i].won = 0;
	}
	if (why != REASON_OK)
		return why;
	qsort(order, (size_t)count, sizeof(order[0]), by_turnover);
	cl->selected_count = count < SELECTION_ROWS ? count : SELECTION_ROWS;
	for (int i = 0; i < cl->selected_count; i++)
		memcpy(cl->selected[i], order[i].symbol, SYMBOL_SIZE);
	return REASON_OK;
}

/* ---- the program -------------------------------------------------------------------------------------------------------------- */

static struct digest content(const struct close_phase *cl)
{
	const struct daily_row *day = &cl->daily;
	struct digest_maker mk;

	digest_begin(&mk, "close");
	digest_number(&mk, "day", day->day.yyyymmdd);
	digest_number(&mk, "cash_end_won", day->cash_end_won);
	digest_number(&mk, "realised_won", day->realised_won);
	digest_number(&mk, "fee_won", day->fee_won);
	digest_number(&mk, "tax_won", day->tax_won);
	digest_number(&mk, "fills", day->fills);
	return digest_end(&mk);
}

static enum reason run(struct phase *ph, void *work)
{
	struct close_phase *cl = work;
	char realised[WON_TEXT_SIZE], costs[WON_TEXT_SIZE], end[KST_TEXT_SIZE];
	enum reason why;

	if (phase_now(ph).us < phase_session_end(ph).us)
		return reason_set(REASON_SESSION_OPEN, "the session ends %s; close runs after it",
				  kst_wall_text(phase_session_end(ph), end));
	why = ledger(ph, cl);
	if (why == REASON_OK)
		why = numbers(ph, cl);
	if (why == REASON_OK)
		why = replay(ph, cl);
	if (why == REASON_OK)
		why = select_next(ph, cl);
	if (why != REASON_OK)
		return why;
	phase_fact_number(ph, "orders", cl->daily.orders);
	phase_fact_number(ph, "fills", cl->daily.fills);
	phase_fact_number(ph, "round_trips", cl->books.trip_count);
	phase_fact_number(ph, "costs_told_by_broker_won", cl->settle.theirs.balance.costs_today_won);
	ph->answer.content = content(cl);
	phase_say(ph,
		  "%lld orders, %lld fills, realised %s won before %s won of fees and tax; the day replays",
		  (long long)cl->daily.orders, (long long)cl->daily.fills,
		  won_text(cl->daily.realised_won, realised),
		  won_text(cl->daily.fee_won + cl->daily.tax_won, costs));
	return REASON_OK;
}

static enum reason day_write(struct phase *ph, struct close_phase *cl)
{
	const struct broker_balance *balance = &cl->settle.theirs.balance;
	enum reason why = tbl_cash_add(ph->db, &cl->cash);

	for (int i = 0; i < balance->count && why == REASON_OK; i++) {
		if (balance->rows[i].qty > 0)
			why = tbl_holding_add(ph->db, ph->run.run_id, &balance->rows[i]);
	}
	if (why == REASON_OK)
		why = tbl_daily_add(ph->db, &cl->daily);
	for (int i = 0; i < cl->books.trip_count && why == REASON_OK; i++) {
		const struct round_trip *trip = &cl->books.trips[i];

		why = tbl_round_trip_add(ph->db, ph->run.run_id, ph->account.account_id, ph->day.day, i + 1,
					 trip->symbol, trip->qty, trip->result_won, trip->closed);
	}
	for (int i = 0; i < cl->selected_count && why == REASON_OK; i++)
		why = tbl_selection_add(ph->db, ph->run.run_id, cl->next, cl->selected[i], i + 1);
	return why;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct close_phase *cl = work;
	enum reason why;

	if (!cl->asked)
		return REASON_OK;
	why = settle_apply(ph, &cl->settle);
	if (why == REASON_OK && ph->answer.status == STATUS_PASS)
		why = day_write(ph, cl);
	return why;
}

static void clear(void *work)
{
	struct close_phase *cl = work;

	free(cl->fills);
	settle_clear(&cl->settle);
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_CLOSE,
		PHASE_AFTER_WORKER,
		"close - fills, cash and journal agree? the day's result, tomorrow's selection",
		sizeof(struct close_phase),
		run,
		commit,
		clear
	};

	return phase_main(argc, argv, &def);
}
