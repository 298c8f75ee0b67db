/* The day and the matcher: sessions, refusals, changes, auctions, queue, properties under random orders, load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/bug.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define PREVIOUS   "tests/data/krx_20201230.csv"
#define TODAY      "tests/data/krx_20210104.csv"
#define OPEN_S     36000
#define CLOSE_S    55800
#define EVENTS_MAX 64
#define CASH_WON   INT64_C(2000000000)

static const struct kst_day demo = { 20210104 };

/* ---- a sink that judges every event as it comes ---- */

struct judge {
	struct exchange *ex;
	int64_t count[EXCH_EV_EXPIRED + 1];
	int64_t partial_fills; /* fills that left something open */
	int64_t last_us;
	bool orders_only; /* keep the kinds of the newest order events */
	enum exch_event_kind kinds[EVENTS_MAX];
	int64_t qty[EVENTS_MAX], price_won[EVENTS_MAX];
	size_t kept;
	uint64_t digest; /* of everything told, for comparing two runs */
};

static void judge_quote(const struct exch_quote *quote)
{
	int64_t ask_total = 0, bid_total = 0;

	for (int i = 0; i < EXCH_LEVELS; i++) {
		const struct exch_level *ask = &quote->ask[i], *bid = &quote->bid[i];

		ask_total += ask->qty;
		bid_total += bid->qty;
		assert_true(ask->qty >= 0 && bid->qty >= 0);
		assert_true(ask->price_won == 0 || ask->price_won <= quote->upper_won);
		assert_true(bid->price_won == 0 || bid->price_won >= quote->lower_won);
		if (i > 0 && ask->price_won != 0)
			assert_true(ask->price_won > quote->ask[i - 1].price_won);
		if (i > 0 && bid->price_won != 0)
			assert_true(bid->price_won < quote->bid[i - 1].price_won);
	}
	assert_int_equal(ask_total, quote->ask_total);
	assert_int_equal(bid_total, quote->bid_total);
	assert_true(quote->high_won >= quote->last_won && quote->low_won <= quote->last_won);
	if (quote->ask[0].price_won != 0)
		assert_true(quote->bid[0].price_won < quote->ask[0].price_won);
}

static void judge_trade(const struct exch_quote *quote)
{
	judge_quote(quote);
	if (quote->ask[0].price_won != 0)
		assert_true(quote->last_won <= quote->ask[0].price_won);
	if (quote->bid[0].price_won != 0)
		assert_true(quote->last_won >= quote->bid[0].price_won);
	if (quote->print_side == EXCH_BUY)
		assert_int_equal(quote->last_won, quote->ask[0].price_won);
	if (quote->print_side == EXCH_SELL)
		assert_int_equal(quote->last_won, quote->bid[0].price_won);
}

/* No other live own order of the side stands before the one that was filled. */
static void judge_priority(const struct judge *judge, const struct order *filled)
{
	const struct symbol *symbol = filled->symbol;
	size_t side = filled->row.side == EXCH_BUY ? 1 : 0;

	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		const struct order *other = symbol->rest[side][i];

		if (other == filled)
			return; /* the list is in order of priority, which core_check asserts */
		if (other->row.remaining_qty == 0)
			continue;
		/* an order that just came in may pass one that waits for prices it does not reach itself */
		if (filled->row.side == EXCH_BUY)
			assert_true(other->key_won <
					    judge->ex->fills[judge->ex->fill_count - 1].won /
						    judge->ex->fills[judge->ex->fill_count - 1].qty ||
				    !filled->resting);
		else
			assert_true(other->key_won >
					    judge->ex->fills[judge->ex->fill_count - 1].won /
						    judge->ex->fills[judge->ex->fill_count - 1].qty ||
				    !filled->resting);
	}
}

static void judge_fill(struct judge *judge, const struct exch_event *event)
{
	const struct exch_order *row = event->order;
	const struct order *order = order_find(judge->ex, row->day, row->odno);

	assert_non_null(order);
	assert_true(event->qty > 0);
	/* a conditional limit order has no limit any more in the closing call */
	if (row->price_won > 0 && (strcmp(row->dvsn, "02") != 0 || event->phase == EXCH_PHASE_CONTINUOUS)) {
		if (row->side == EXCH_BUY)
			assert_true(event->price_won <= row->price_won);
		else
			assert_true(event->price_won >= row->price_won);
	}
	assert_true(row->filled_qty >= event->qty);
	assert_true(row->filled_qty + row->remaining_qty <= row->qty);
	judge_priority(judge, order);
	if (row->remaining_qty > 0)
		judge->partial_fills++;
}

static void judge_sink(void *arg, const struct exch_event *event)
{
	struct judge *judge = arg;

	assert_true(event->at.us >= judge->last_us);
	judge->last_us = event->at.us;
	judge->count[event->kind]++;
	judge->digest = sim_mix(judge->digest ^ (uint64_t)event->at.us);
	judge->digest = sim_mix(judge->digest ^ ((uint64_t)event->kind + ((uint64_t)event->qty << 8) +
						 ((uint64_t)event->price_won << 24)));
	if (event->kind == EXCH_EV_TRADE)
		judge_trade(event->quote);
	if (event->kind == EXCH_EV_BOOK)
		judge_quote(event->quote);
	if (event->kind == EXCH_EV_FILL)
		judge_fill(judge, event);
	if (event->order != NULL && judge->kept < EVENTS_MAX) {
		judge->kinds[judge->kept] = event->kind;
		judge->qty[judge->kept] = event->qty;
		judge->price_won[judge->kept++] = event->price_won;
	}
}

/* ---- a day ---- */

static struct exchange *demo_with(struct judge *judge, const struct exch_config *config, int32_t at_s)
{
	struct exch_day day = { demo, { 20201230 }, true, OPEN_S, CLOSE_S };
	struct exch_account account = { "50123456-01", CASH_WON, 142, "" };

	*judge = (struct judge){ 0 };
	assert_int_equal(exch_new(config, judge_sink, judge, &judge->ex), REASON_OK);
	assert_int_equal(exch_load_days(judge->ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_account_add(judge->ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(judge->ex, &day, kst_wall(demo, at_s)), REASON_OK);
	return judge->ex;
}

static struct exchange *demo_exchange(struct judge *judge, uint64_t seed, int32_t at_s, bool paper)
{
	struct exch_config config = { .seed = seed, .paper = paper, .branch_checked = true };

	return demo_with(judge, &config, at_s);
}

static void give(struct exchange *ex, size_t account, const char *code, int64_t qty, int64_t cost_won)
{
	struct exch_holding holding = { .qty = qty, .cost_won = cost_won, .sellable_qty = -1 };

	assert_true(strlen(code) < sizeof(holding.code));
	memcpy(holding.code, code, strlen(code));
	assert_int_equal(exch_truth_holding(ex, account, &holding, false), REASON_OK);
}

static enum exch_refusal order(struct exchange *ex, enum exch_side side, const char *code, const char *dvsn,
			       int64_t qty, int64_t price_won, const struct exch_order **out)
{
	struct exch_request request = { 0, side, code, dvsn, "", "", qty, price_won, 0 };
	const struct exch_order *row = NULL;
	enum exch_refusal refusal = exch_order_new(ex, &request, &row);

	if (out != NULL)
		*out = row;
	return refusal;
}

static void test_whole_day(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 30000, false);
	const struct exch_quote *quote = exch_quote_of(ex, "005930");
	struct exch_bar *minutes = NULL;
	int64_t volume = 0;
	size_t count = 0;

	(void)state;
	assert_int_equal(exch_phase(ex), EXCH_PHASE_CLOSED);
	assert_int_equal(quote->last_won, 81000);
	assert_int_equal(quote->upper_won, 105000);
	exch_advance(ex, kst_wall(demo, OPEN_S - 1800));
	assert_int_equal(exch_phase(ex), EXCH_PHASE_OPENING_CALL);
	assert_int_equal(exch_next_event(ex).us, kst_wall(demo, OPEN_S).us); /* nobody watches a symbol */
	exch_advance(ex, kst_wall(demo, OPEN_S));
	assert_int_equal(exch_phase(ex), EXCH_PHASE_CONTINUOUS);
	assert_int_equal(judge.count[EXCH_EV_TRADE], 20);
	assert_int_equal(quote->open_won, 81000);
	exch_advance(ex, kst_wall(demo, CLOSE_S - 600));
	assert_int_equal(exch_phase(ex), EXCH_PHASE_CLOSING_CALL);
	assert_int_equal(judge.count[EXCH_EV_TRADE], 20 * 899);
	exch_advance(ex, kst_wall(demo, CLOSE_S));
	assert_int_equal(exch_phase(ex), EXCH_PHASE_CLOSED);
	assert_int_equal(judge.count[EXCH_EV_TRADE], 20 * 900);
	assert_int_equal(judge.count[EXCH_EV_PHASE], 4);
	assert_int_equal(quote->last_won, 83000);
	assert_int_equal(quote->high_won, 84400);
	assert_int_equal(quote->low_won, 80200);
	assert_int_equal(quote->volume, 38655276);
	assert_true(quote->sell_volume + quote->buy_volume < quote->volume);
	assert_int_equal(exch_minute_bars(ex, "005930", &minutes, &count), REASON_OK);
	assert_true(count > 300 && count <= 391);
	for (size_t i = 0; i < count; i++)
		volume += minutes[i].volume;
	assert_int_equal(volume, 38655276);
	assert_int_equal(minutes[0].open_won, 81000);
	assert_int_equal(minutes[0].minute_s, OPEN_S);
	assert_int_equal(minutes[count - 1].minute_s, CLOSE_S);
	free(minutes);
	assert_int_equal(exch_next_event(ex).us, INT64_MAX);
	exch_free(ex);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		int32_t at_s;
		bool paper;
		enum exch_side side;
		const char *code, *dvsn, *excg;
		int64_t qty, price_won;
		enum exch_refusal want;
	} cases[] = {
		{ "before the call", 34199, false, EXCH_BUY, "005930", "00", "", 1, 81000, EXCH_NO_HOURS },
		{ "in the call", 34200, false, EXCH_BUY, "005930", "00", "", 1, 81000, EXCH_ACCEPTED },
		{ "in the call, paper", 34200, true, EXCH_BUY, "005930", "00", "", 1, 81000, EXCH_NO_HOURS },
		{ "in the session, paper", 36000, true, EXCH_BUY, "005930", "00", "", 1, 80000,
		  EXCH_ACCEPTED },
		{ "after the close", 55800, false, EXCH_BUY, "005930", "00", "", 1, 81000, EXCH_NO_HOURS },
		{ "unknown code", 40000, false, EXCH_BUY, "999999", "00", "", 1, 81000, EXCH_NO_SYMBOL },
		{ "no quantity", 40000, false, EXCH_BUY, "005930", "00", "", 0, 81000, EXCH_NO_QTY },
		{ "minus", 40000, false, EXCH_BUY, "005930", "00", "", -5, 81000, EXCH_NO_QTY },
		{ "no price", 40000, false, EXCH_BUY, "005930", "00", "", 1, 0, EXCH_NO_PRICE },
		{ "off the tick", 40000, false, EXCH_BUY, "005930", "00", "", 1, 80050, EXCH_NO_TICK },
		{ "upper limit", 40000, false, EXCH_BUY, "005930", "00", "", 1, 105000, EXCH_ACCEPTED },
		{ "over it", 40000, false, EXCH_BUY, "005930", "00", "", 1, 105500, EXCH_NO_BAND },
		{ "under the lower", 40000, false, EXCH_BUY, "005930", "00", "", 1, 56600, EXCH_NO_BAND },
		{ "too dear", 40000, false, EXCH_BUY, "005930", "00", "", 30000, 81000, EXCH_NO_CASH },
		{ "market at the upper limit", 40000, false, EXCH_BUY, "005930", "01", "", 19044, 0,
		  EXCH_ACCEPTED },
		{ "one more", 40000, false, EXCH_BUY, "005930", "01", "", 19045, 0, EXCH_NO_CASH },
		{ "holds none", 40000, false, EXCH_SELL, "000660", "00", "", 1, 120000, EXCH_NO_HOLDING },
		{ "holds too few", 40000, false, EXCH_SELL, "005930", "00", "", 11, 81000, EXCH_NO_SHARES },
		{ "all of it", 40000, false, EXCH_SELL, "005930", "01", "", 10, 0, EXCH_ACCEPTED },
		{ "type unknown", 40000, false, EXCH_BUY, "005930", "99", "", 1, 81000, EXCH_NO_TYPE },
		{ "IOC on paper", 40000, true, EXCH_BUY, "005930", "11", "", 1, 81000, EXCH_NO_TYPE },
		{ "IOC in the call", 34300, false, EXCH_BUY, "005930", "11", "", 1, 81000, EXCH_NO_TYPE },
		{ "after-hours type now", 40000, false, EXCH_BUY, "005930", "06", "", 1, 81000,
		  EXCH_NO_HOURS },
		{ "SOR", 40000, false, EXCH_BUY, "005930", "00", "SOR", 1, 81000, EXCH_ACCEPTED },
		{ "SOR on paper", 40000, true, EXCH_BUY, "005930", "00", "SOR", 1, 81000, EXCH_NO_EXCHANGE },
		{ "exchange unknown", 40000, false, EXCH_BUY, "005930", "00", "XXX", 1, 81000,
		  EXCH_NO_EXCHANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct judge judge;
		struct exchange *ex = demo_exchange(&judge, 4, cases[i].at_s, cases[i].paper);
		struct exch_request request = { 0,
						cases[i].side,
						cases[i].code,
						cases[i].dvsn,
						cases[i].excg,
						"",
						cases[i].qty,
						cases[i].price_won,
						0 };
		const struct exch_order *row = NULL;

		print_message("  %s\n", cases[i].name);
		give(ex, 0, "005930", 10, 810000);
		assert_int_equal(exch_order_check(ex, &request), cases[i].want);
		assert_int_equal(exch_order_new(ex, &request, &row), cases[i].want);
		assert_int_equal(judge.count[EXCH_EV_ORDER_RECEIVED], cases[i].want == EXCH_ACCEPTED ? 1 : 0);
		core_check(ex);
		exch_free(ex);
	}
}

static void test_other_days(void **state)
{
	struct exch_config config = { .seed = 1 };
	struct exch_day closed = { { 20210102 }, { 20201230 }, false, 0, 0 };
	struct exch_day wrong = { { 20210104 }, { 20201230 }, true, 36000, 36100 };
	struct exch_account account = { "1", 1000000, 142, "" };
	struct exchange *ex = NULL;
	struct exch_request request = { 0, EXCH_BUY, "005930", "00", "", "", 1, 81000, 0 };

	(void)state;
	assert_int_equal(exch_new(&config, NULL, NULL, &ex), REASON_OK);
	assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &closed, kst_wall(closed.day, 40000)), REASON_OK);
	assert_int_equal(exch_order_check(ex, &request), EXCH_NO_DAY);
	assert_int_equal(exch_next_event(ex).us, INT64_MAX);
	assert_int_equal(exch_day_begin(ex, &wrong, kst_wall(wrong.day, 40000)), REASON_CONF_RANGE);
	assert_int_equal(exch_load_days(ex, "tests/data/none.csv", NULL), REASON_FILE_MISSING);
	assert_int_equal(exch_load_days(ex, "ops/data/krx_sessions.csv", NULL), REASON_FILE_SHAPE);
	exch_free(ex);
}

static void change(struct exchange *ex, bool cancel, const char *orig, int64_t qty, int64_t price_won,
		   const char *branch, enum exch_refusal want, const struct exch_order **out)
{
	struct exch_change request = { .account = 0,
				       .cancel = cancel,
				       .orig = orig,
				       .branch = branch,
				       .all = qty == 0,
				       .qty = qty,
				       .dvsn = "00",
				       .price_won = price_won,
				       .by = "" };
	const struct exch_order *row = NULL;

	assert_int_equal(exch_order_change(ex, &request, &row), want);
	if (out != NULL)
		*out = row;
}

static void test_changes(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 34300, false);
	const struct exch_order *first, *second, *third;
	struct exch_order *rows = NULL;
	struct exch_power power;
	size_t count = 0;

	(void)state;
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &first), EXCH_ACCEPTED);
	assert_string_equal(first->odno, "0000004126");
	change(ex, true, "4999", 0, 0, "", EXCH_NO_ORDER, NULL);
	change(ex, true, first->odno, 11, 0, "", EXCH_NO_CHANGE_QTY, NULL);
	change(ex, true, first->odno, 0, 0, "00001", EXCH_NO_BRANCH, NULL);
	change(ex, true, first->odno, -1, 0, "", EXCH_NO_QTY, NULL);
	change(ex, false, first->odno, 0, 70050, "", EXCH_NO_TICK, NULL);
	change(ex, false, first->odno, 0, 200000, "", EXCH_NO_BAND, NULL);
	change(ex, true, "4126", 3, 0, "06010", EXCH_ACCEPTED, &second); /* unpadded, part of it */
	assert_string_equal(second->orig, "0000004126");
	assert_int_equal(second->kind, EXCH_ORDER_CANCEL);
	assert_int_equal(second->cancelled_qty, 3);
	assert_int_equal(first->remaining_qty, 7);
	change(ex, false, first->odno, 5, 71000, "", EXCH_ACCEPTED, &third);
	assert_int_equal(third->remaining_qty, 5);
	assert_int_equal(first->replaced_qty, 5);
	assert_int_equal(first->remaining_qty, 2);
	exch_power_of(ex, 0, "", "00", 0, &power);
	assert_int_equal(power.cash_won, CASH_WON - 140000 - 20 - 355000 - 60);
	change(ex, true, second->odno, 0, 0, "", EXCH_NO_REST, NULL);
	change(ex, false, first->odno, 0, 72000, "", EXCH_ACCEPTED, NULL);
	change(ex, true, first->odno, 0, 0, "", EXCH_NO_REST, NULL); /* replaced: the old number is dead */
	assert_int_equal(exch_open_list(ex, 0, &rows, &count), REASON_OK);
	assert_int_equal(count, 2);
	free(rows);
	assert_int_equal(exch_daily_list(ex, 0, demo, demo, &rows, &count), REASON_OK);
	assert_int_equal(count, 4);
	assert_int_equal(rows[0].replaced_qty, 7);
	assert_int_equal(rows[0].cancelled_qty, 3);
	free(rows);
	assert_int_equal(judge.count[EXCH_EV_MODIFIED], 2);
	assert_int_equal(judge.count[EXCH_EV_CANCELLED], 1);
	assert_int_equal(judge.kinds[1], EXCH_EV_ORDER_RECEIVED);
	assert_int_equal(judge.kinds[2], EXCH_EV_CANCELLED);
	assert_int_equal(judge.qty[2], 3);
	core_check(ex);
	exch_free(ex);
}

/* Each account's orders carry its branch: as given, or by its place; paper has one for all. */
static void test_branches(void **state)
{
	static const struct {
		const char *name;
		bool paper;
		const char *given, *first, *second;
	} cases[] = {
		{ "by place", false, "", "06010", "91252" },
		{ "given", false, "03930", "06010", "03930" },
		{ "paper", true, "", "00950", "00950" },
		{ "paper, given", true, "12345", "00950", "12345" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct judge judge;
		struct exchange *ex = demo_exchange(&judge, 4, 40000, cases[i].paper);
		struct exch_account second = { "50123457-01", CASH_WON, 142, "" };
		struct exch_request request = { .account = 1,
						.side = EXCH_BUY,
						.code = "005930",
						.dvsn = "00",
						.excg = "",
						.by = "",
						.qty = 1,
						.price_won = 70000 };
		const struct exch_order *mine, *other = NULL;

		print_message("  %s\n", cases[i].name);
		memcpy(second.branch, cases[i].given, strlen(cases[i].given));
		assert_int_equal(exch_account_add(ex, &second, NULL), REASON_OK);
		assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 1, 70000, &mine), EXCH_ACCEPTED);
		assert_int_equal(exch_order_new(ex, &request, &other), EXCH_ACCEPTED);
		assert_string_equal(mine->branch, cases[i].first);
		assert_string_equal(other->branch, cases[i].second);
		if (strcmp(cases[i].first, cases[i].second) != 0)
			change(ex, true, mine->odno, 0, 0, cases[i].second, EXCH_NO_BRANCH, NULL);
		change(ex, true, mine->odno, 0, 0, cases[i].first, EXCH_ACCEPTED, NULL);
		exch_free(ex);
	}
}

/* A change must go to the exchange of its order; absent is KRX. */
static void test_change_exchange(void **state)
{
	static const struct {
		const char *name;
		bool paper, cancel;
		const char *order, *change;
		enum exch_refusal want;
	} cases[] = {
		{ "KRX, absent", false, true, "KRX", "", EXCH_ACCEPTED },
		{ "KRX, KRX", false, true, "", "KRX", EXCH_ACCEPTED },
		{ "KRX, NXT", false, true, "", "NXT", EXCH_NO_SAME_EXCHANGE },
		{ "NXT, absent", false, true, "NXT", "", EXCH_NO_SAME_EXCHANGE },
		{ "NXT, KRX", false, true, "NXT", "KRX", EXCH_NO_SAME_EXCHANGE },
		{ "NXT, SOR", false, false, "NXT", "SOR", EXCH_NO_SAME_EXCHANGE },
		{ "NXT, NXT", false, false, "NXT", "NXT", EXCH_ACCEPTED },
		{ "SOR, SOR", false, true, "SOR", "SOR", EXCH_ACCEPTED },
		{ "SOR, absent", false, false, "SOR", "", EXCH_NO_SAME_EXCHANGE },
		{ "SOR, not looked at", false, true, "SOR", NULL, EXCH_ACCEPTED },
		{ "unknown", false, true, "KRX", "XXX", EXCH_NO_EXCHANGE },
		{ "paper, KRX", true, true, "", "KRX", EXCH_ACCEPTED },
		{ "paper, NXT", true, true, "", "NXT", EXCH_NO_EXCHANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct judge judge;
		struct exchange *ex = demo_exchange(&judge, 4, 40000, cases[i].paper);
		struct exch_request request = { .account = 0,
						.side = EXCH_BUY,
						.code = "005930",
						.dvsn = "00",
						.excg = cases[i].order,
						.by = "",
						.qty = 5,
						.price_won = 70000 };
		struct exch_change again = { .account = 0,
					     .cancel = cases[i].cancel,
					     .branch = "",
					     .excg = cases[i].change,
					     .all = true,
					     .dvsn = "00",
					     .price_won = 71000,
					     .by = "" };
		const struct exch_order *row = NULL, *changed = NULL;

		print_message("  %s\n", cases[i].name);
		assert_int_equal(exch_order_new(ex, &request, &row), EXCH_ACCEPTED);
		again.orig = row->odno;
		for (int k = 0; k < 2; k++) { /* refused again and again, and nothing has changed */
			assert_int_equal(exch_order_change(ex, &again, &changed), cases[i].want);
			assert_int_equal(row->remaining_qty, cases[i].want == EXCH_ACCEPTED ? 0 : 5);
			if (cases[i].want == EXCH_ACCEPTED)
				break;
		}
		core_check(ex);
		exch_free(ex);
	}
}

/* A change of the quantity alone keeps the place in the queue, of the price loses it. */
static void test_priority(void **state)
{
	static const struct {
		const char *name;
		int64_t qty; /* 0 = all */
		int64_t price_won, back_won;
		bool first; /* the changed order still stands first */
	} cases[] = {
		{ "all of it, price as it was", 0, 70000, 0, true },
		{ "fewer, price as it was", 6, 70000, 0, true },
		{ "another price and back", 0, 69900, 70000, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL };
		struct exch_day day = { { 20260310 }, { 20260309 }, true, 32400, 55800 };
		struct exch_account account = { "1", CASH_WON, 142, "" };
		struct judge judge = { 0 };
		struct exchange *ex = NULL;
		const struct exch_order *a, *b, *c;
		int64_t ahead, qty = cases[i].qty == 0 ? 10 : cases[i].qty;

		print_message("  %s\n", cases[i].name);
		assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
		ex = judge.ex;
		assert_int_equal(exch_symbol_put(ex, "005930", "삼성전자", false, false, 70000, 70000),
				 REASON_OK);
		assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
		assert_int_equal(exch_day_begin(ex, &day, kst_wall(day.day, 36000)), REASON_OK);
		assert_true(exch_push_tick(ex, "005930", 70100, 10));
		assert_true(exch_push_tick(ex, "005930", 70000, 10));
		assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &a), EXCH_ACCEPTED);
		ahead = order_find(ex, day.day, a->odno)->queue_ahead;
		assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &b), EXCH_ACCEPTED);
		change(ex, false, a->odno, cases[i].qty, cases[i].price_won, "", EXCH_ACCEPTED, &c);
		if (cases[i].back_won > 0)
			change(ex, false, c->odno, 0, cases[i].back_won, "", EXCH_ACCEPTED, &c);
		assert_int_equal(c->remaining_qty, qty);
		assert_int_equal(a->remaining_qty, 10 - qty);
		assert_int_equal(c->turn == a->turn, cases[i].first);
		if (cases[i].first)
			assert_int_equal(order_find(ex, day.day, c->odno)->queue_ahead, ahead);
		core_check(ex);
		/* the queue is eaten, then three shares come: who stands first has them */
		assert_true(exch_push_tick(ex, "005930", 70100, 1));
		ahead = order_find(ex, day.day, cases[i].first ? c->odno : b->odno)->queue_ahead;
		assert_true(exch_push_tick(ex, "005930", 70000, ahead + 3));
		assert_int_equal(a->filled_qty + c->filled_qty, cases[i].first ? 3 : 0);
		assert_int_equal(b->filled_qty, cases[i].first ? 0 : 3);
		exch_free(ex);
	}
}

/* ---- types of order, exchanges, hours ---- */

static enum exch_refusal send(struct exchange *ex, enum exch_side side, const char *dvsn, const char *excg,
			      int64_t qty, int64_t price_won, int64_t trigger_won,
			      const struct exch_order **out)
{
	struct exch_request request = { .account = 0,
					.side = side,
					.code = "005930",
					.dvsn = dvsn,
					.excg = excg,
					.by = "",
					.qty = qty,
					.price_won = price_won,
					.trigger_won = trigger_won };
	const struct exch_order *row = NULL;
	enum exch_refusal refusal = exch_order_new(ex, &request, &row);

	if (out != NULL)
		*out = row;
	return refusal;
}

/* The broker's table of types and exchanges, in the session: "KNS" = where a type is taken. */
static void test_types(void **state)
{
	static const struct {
		const char *dvsn, *taken;
		int64_t price_won, trigger_won;
	} cases[] = {
		{ "00", "KNS", 80000, 0 }, { "01", "KS", 0, 0 },         { "02", "K", 80000, 0 },
		{ "03", "KNS", 0, 0 },     { "04", "KNS", 0, 0 },        { "05", "", 0, 0 },
		{ "06", "", 0, 0 },        { "07", "", 80000, 0 },       { "08", "", 80000, 0 },
		{ "11", "KNS", 80000, 0 }, { "12", "KNS", 80000, 0 },    { "13", "KNS", 0, 0 },
		{ "14", "KNS", 0, 0 },     { "15", "KNS", 0, 0 },        { "16", "KNS", 0, 0 },
		{ "21", "KN", 0, 0 },      { "22", "KN", 90000, 85000 }, { "23", "KN", 0, 0 },
		{ "24", "KN", 0, 0 },
	};
	static const char *const venues[] = { "KRX", "NXT", "SOR" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t v = 0; v < ARRAY_COUNT(venues); v++) {
			struct judge judge;
			struct exchange *ex = demo_exchange(&judge, 4, 40000, false);
			const char *dvsn = cases[i].dvsn;
			bool later = v == 0 && dvsn[0] == '0' && dvsn[1] >= '5' && dvsn[1] <= '7';
			enum exch_refusal want = strchr(cases[i].taken, venues[v][0]) != NULL ? EXCH_ACCEPTED
						 : later                                      ? EXCH_NO_HOURS
											      : EXCH_NO_TYPE;

			print_message("  %s on %s\n", dvsn, venues[v]);
			assert_int_equal(send(ex, EXCH_BUY, dvsn, venues[v], 1, cases[i].price_won,
					      cases[i].trigger_won, NULL),
					 want);
			core_check(ex);
			exch_free(ex);
		}
	}
}

/* A day of any hours; NXT's main market 30 s after the open, NXT and SOR until 20:00. */
static struct exchange *hours_exchange(struct judge *judge, struct exch_config config, int32_t open_s,
				       int32_t close_s, int32_t at_s)
{
	struct exch_day day = { demo, { 20201230 }, true, open_s, close_s };
	struct exch_account account = { "50123456-01", CASH_WON, 142, "" };

	*judge = (struct judge){ 0 };
	config.seed = 4;
	config.nxt_main_s = 30;
	config.sor_end_s = 72000;
	assert_int_equal(exch_new(&config, judge_sink, judge, &judge->ex), REASON_OK);
	assert_int_equal(exch_load_days(judge->ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_account_add(judge->ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(judge->ex, &day, kst_wall(demo, at_s)), REASON_OK);
	return judge->ex;
}

static int32_t clock_s(const char *text) /* "08:30:00" */
{
	return (text[0] - '0') * 36000 + (text[1] - '0') * 3600 + (text[3] - '0') * 600 +
	       (text[4] - '0') * 60 + (text[6] - '0') * 10 + (text[7] - '0');
}

static void test_hours(void **state)
{
	static const struct {
		const char *at, *excg, *dvsn;
		enum exch_refusal want;
	} cases[] = {
		{ "08:29:59", "KRX", "05", EXCH_NO_HOURS },
		{ "08:30:00", "KRX", "05", EXCH_ACCEPTED },
		{ "08:39:59", "KRX", "05", EXCH_ACCEPTED },
		{ "08:40:00", "KRX", "05", EXCH_NO_HOURS },
		{ "15:29:59", "KRX", "06", EXCH_NO_HOURS },
		{ "15:30:00", "KRX", "06", EXCH_ACCEPTED },
		{ "15:59:59", "KRX", "06", EXCH_ACCEPTED },
		{ "16:00:00", "KRX", "06", EXCH_NO_HOURS },
		{ "15:59:59", "KRX", "07", EXCH_NO_HOURS },
		{ "16:00:00", "KRX", "07", EXCH_ACCEPTED },
		{ "17:59:59", "KRX", "07", EXCH_ACCEPTED },
		{ "18:00:00", "KRX", "07", EXCH_NO_HOURS },
		{ "08:29:59", "KRX", "00", EXCH_NO_HOURS },
		{ "08:30:00", "KRX", "00", EXCH_ACCEPTED },
		{ "15:29:59", "KRX", "01", EXCH_ACCEPTED },
		{ "15:30:00", "KRX", "00", EXCH_NO_HOURS },
		{ "07:59:59", "NXT", "00", EXCH_NO_HOURS },
		{ "08:00:00", "NXT", "00", EXCH_ACCEPTED },
		{ "08:49:59", "NXT", "00", EXCH_ACCEPTED },
		{ "08:50:00", "NXT", "00", EXCH_NO_HOURS },
		{ "09:00:29", "NXT", "00", EXCH_NO_HOURS },
		{ "09:00:30", "NXT", "00", EXCH_ACCEPTED },
		{ "15:19:59", "NXT", "21", EXCH_ACCEPTED },
		{ "15:20:00", "NXT", "00", EXCH_NO_HOURS },
		{ "15:29:59", "NXT", "00", EXCH_NO_HOURS },
		{ "15:30:00", "NXT", "00", EXCH_ACCEPTED },
		{ "19:59:59", "NXT", "00", EXCH_ACCEPTED },
		{ "20:00:00", "NXT", "00", EXCH_NO_HOURS },
		{ "08:10:00", "NXT", "22", EXCH_NO_LIMIT_TYPE },
		{ "08:10:00", "NXT", "01", EXCH_NO_TYPE },
		{ "16:10:00", "NXT", "03", EXCH_NO_LIMIT_TYPE },
		{ "16:10:00", "NXT", "11", EXCH_ACCEPTED },
		{ "16:10:00", "NXT", "13", EXCH_NO_LIMIT_TYPE },
		{ "07:59:59", "SOR", "00", EXCH_NO_HOURS },
		{ "08:00:00", "SOR", "00", EXCH_ACCEPTED },
		{ "08:10:00", "SOR", "01", EXCH_NO_LIMIT_TYPE },
		{ "08:30:00", "SOR", "01", EXCH_ACCEPTED },
		{ "08:55:00", "SOR", "00", EXCH_ACCEPTED },
		{ "15:25:00", "SOR", "01", EXCH_ACCEPTED },
		{ "15:30:00", "SOR", "01", EXCH_NO_LIMIT_TYPE },
		{ "19:59:59", "SOR", "00", EXCH_ACCEPTED },
		{ "20:00:00", "SOR", "00", EXCH_NO_HOURS },
		{ "15:40:00", "SOR", "06", EXCH_NO_TYPE },
	};
	static const struct {
		const char *name;
		int32_t later_open_s, later_close_s;
		bool nxt_pre_late;
	} days[] = {
		{ "an ordinary day", 0, 0, false },
		{ "an hour later", 3600, 3600, true },
		{ "closes early", 0, -1800, false },
	};

	(void)state;
	for (size_t d = 0; d < ARRAY_COUNT(days); d++) {
		for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
			struct exch_config config = { .nxt_pre_late = days[d].nxt_pre_late };
			int32_t at_s = clock_s(cases[i].at);
			struct judge judge;
			struct exchange *ex;

			if (at_s > 43200 && at_s < 71000)
				at_s += days[d].later_close_s;
			else if (at_s < 43200)
				at_s += days[d].later_open_s;
			print_message("  %s, %s: %s on %s\n", days[d].name, cases[i].at, cases[i].dvsn,
				      cases[i].excg);
			ex = hours_exchange(&judge, config, 32400 + days[d].later_open_s,
					    55800 + days[d].later_close_s, at_s);
			assert_int_equal(send(ex, EXCH_BUY, cases[i].dvsn, cases[i].excg, 1,
					      exch_quote_of(ex, "005930")->last_won, 80000, NULL),
					 cases[i].want);
			core_check(ex);
			exch_free(ex);
		}
	}
}

/* What the switches turn: no pre-market on a late day, the last day of the single price. */
static void test_hours_switches(void **state)
{
	struct exch_config ended = { .single_price_end = 20201231 };
	struct exch_config goes_on = { .single_price_end = 20210104 };
	struct judge judge;
	struct exchange *ex;

	(void)state;
	ex = hours_exchange(&judge, (struct exch_config){ 0 }, OPEN_S, CLOSE_S, OPEN_S - 3000);
	assert_int_equal(send(ex, EXCH_BUY, "00", "NXT", 1, 81000, 0, NULL), EXCH_NO_HOURS);
	exch_free(ex);
	ex = hours_exchange(&judge, ended, OPEN_S, CLOSE_S, CLOSE_S + 2000);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 83000, 0, NULL), EXCH_NO_HOURS);
	exch_free(ex);
	ex = hours_exchange(&judge, goes_on, OPEN_S, CLOSE_S, CLOSE_S + 2000);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 83000, 0, NULL), EXCH_ACCEPTED);
	exch_free(ex);
}

/* Orders at a fixed price and of the single price: what they meet, at which price and instant, and their end. */
static void test_after_hours(void **state)
{
	static const struct {
		const char *name, *dvsn;
		int32_t at_s, matched_s, end_s; /* 32400 .. 55800 */
		int64_t price_won, want_won;
		bool waits; /* until matched_s; else it is matched on arrival */
		bool reached;
	} cases[] = {
		{ "05", "05", 30700, 30700, 31200, 0, 81000, false, true },
		{ "06 before its matching", "06", 55900, 56400, 57600, 0, 83000, true, true },
		{ "06 in its matching", "06", 56500, 56500, 57600, 0, 83000, false, true },
		{ "07", "07", 57700, 58200, 64800, 84000, 83000, true, true },
		{ "07 at the close", "07", 58200, 58800, 64800, 83000, 83000, true, true },
		{ "07 below the close", "07", 57700, 58200, 64800, 82900, 83000, true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (int fill = EXCH_AFTER_REST; fill <= EXCH_AFTER_WHOLE; fill++) {
			struct exch_config config = { .after_fill = (enum exch_after_fill)fill };
			struct judge judge;
			struct exchange *ex = hours_exchange(&judge, config, 32400, 55800, cases[i].at_s);
			const struct exch_order *row;
			struct exch_power power;
			int64_t cost;

			print_message("  %s, fill rule %d\n", cases[i].name, fill);
			assert_int_equal(
				send(ex, EXCH_BUY, cases[i].dvsn, "", 100, cases[i].price_won, 0, &row),
				EXCH_ACCEPTED);
			if (cases[i].price_won == 0)
				assert_int_equal(row->price_won, cases[i].want_won);
			exch_power_of(ex, 0, "", "00", 0, &power);
			cost = row->price_won * 100;
			assert_in_range(CASH_WON - power.cash_won, cost, cost + cost / 5000);
			if (cases[i].waits) {
				assert_int_equal(exch_next_event(ex).us,
						 kst_wall(demo, cases[i].matched_s).us);
				assert_int_equal(row->filled_qty, 0);
			}
			exch_advance(ex, kst_wall(demo, cases[i].matched_s));
			if (fill == EXCH_AFTER_WHOLE)
				assert_int_equal(row->filled_qty, cases[i].reached ? 100 : 0);
			if (fill == EXCH_AFTER_REST || !cases[i].reached)
				assert_int_equal(row->filled_qty, 0);
			assert_int_equal(row->filled_won, row->filled_qty * cases[i].want_won);
			exch_advance(ex, kst_wall(demo, cases[i].end_s - 1));
			assert_int_equal(row->rejected_qty, 0);
			exch_advance(ex, kst_wall(demo, cases[i].end_s));
			assert_int_equal(row->rejected_qty, 100 - row->filled_qty);
			assert_int_equal(row->remaining_qty, 0);
			assert_int_equal(ex->accounts[0].reserve_won, 0);
			core_check(ex);
			exch_free(ex);
		}
	}
}

/* A reservation of type 05 is sent before its hours and waits for them. */
static void test_reserved_before_hours(void **state)
{
	static const struct {
		enum exch_after_fill fill;
		int64_t filled_qty;
	} cases[] = { { EXCH_AFTER_REST, 0 }, { EXCH_AFTER_WHOLE, 3 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct exch_config config = { .after_fill = cases[i].fill };
		struct judge judge;
		struct exchange *ex = hours_exchange(&judge, config, 32400, 55800, 20000);
		struct exch_resv resv = { .send_day = demo,
					  .side = EXCH_BUY,
					  .code = "005930",
					  .dvsn = "05",
					  .qty = 3,
					  .price_won = 81000 };
		int64_t seq = 0;

		assert_int_equal(exch_resv_new(ex, &resv, &seq), EXCH_ACCEPTED);
		exch_advance(ex, kst_wall(demo, 30599));
		assert_int_equal(ex->order_count, 1);
		assert_int_equal(ex->orders[0]->row.filled_qty, 0);
		exch_advance(ex, kst_wall(demo, 30600));
		assert_int_equal(ex->orders[0]->row.filled_qty, cases[i].filled_qty);
		exch_advance(ex, kst_wall(demo, 31200));
		assert_int_equal(ex->orders[0]->row.rejected_qty, 3 - cases[i].filled_qty);
		exch_free(ex);
	}
}

/* What was open of other hours over a restart: matched in its hours, ended after them. */
static void test_hours_restart(void **state)
{
	char path[] = "/tmp/gj-hours-state-XXXXXX";
	int fd = mkstemp(path);
	static const struct {
		const char *name;
		int32_t again_s;
		int64_t filled_qty, rejected_qty;
	} cases[] = {
		{ "before the matching", 56000, 0, 0 },
		{ "in it", 56500, 7, 0 },
		{ "after it", 57700, 0, 7 },
	};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct exch_config config = { .after_fill = EXCH_AFTER_WHOLE, .seed = 4 };
		struct exch_day day = { demo, { 20201230 }, true, 32400, 55800 };
		struct judge judge;
		struct exchange *ex = hours_exchange(&judge, config, 32400, 55800, 55900);
		const struct exch_order *row;
		char odno[EXCH_ODNO_SIZE];

		print_message("  %s\n", cases[i].name);
		assert_int_equal(send(ex, EXCH_BUY, "06", "", 7, 0, 0, &row), EXCH_ACCEPTED);
		memcpy(odno, row->odno, sizeof(odno));
		assert_int_equal(exch_state_save(ex, path), REASON_OK);
		exch_free(ex);
		judge = (struct judge){ 0 };
		assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
		ex = judge.ex;
		assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
		assert_int_equal(exch_state_load(ex, path), REASON_OK);
		assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo, cases[i].again_s)), REASON_OK);
		row = exch_order_of(ex, demo, odno);
		assert_int_equal(row->filled_qty, cases[i].filled_qty);
		assert_int_equal(row->filled_won, cases[i].filled_qty * 83000);
		assert_int_equal(row->rejected_qty, cases[i].rejected_qty);
		exch_advance(ex, kst_wall(demo, 56400));
		if (cases[i].again_s < 56400)
			assert_int_equal(row->filled_qty, 7);
		exch_free(ex);
	}
	assert_int_equal(remove(path), 0);
}

/* The single price keeps within ten per cent of the close and within the daily limits; its orders can be changed. */
static void test_single_price(void **state)
{
	struct judge judge;
	struct exchange *ex =
		hours_exchange(&judge, (struct exch_config){ 0 }, 32400, 55800, 57600); /* close 83,000 */
	const struct exch_order *row;
	struct exch_quote *quote = &core_symbol(ex, "005930")->quote;

	(void)state;
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 91300, 0, NULL), EXCH_ACCEPTED);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 91400, 0, NULL), EXCH_NO_BAND);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 74700, 0, &row), EXCH_ACCEPTED);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 74600, 0, NULL), EXCH_NO_BAND);
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 80050, 0, NULL), EXCH_NO_TICK);
	quote->upper_won = 90000;
	assert_int_equal(send(ex, EXCH_BUY, "07", "", 1, 90100, 0, NULL), EXCH_NO_BAND);
	quote->upper_won = 105000;
	{
		struct exch_change again = { .account = 0,
					     .orig = row->odno,
					     .branch = "",
					     .all = true,
					     .dvsn = "07",
					     .price_won = 91400,
					     .by = "" };
		const struct exch_order *changed = NULL;

		assert_int_equal(exch_order_change(ex, &again, &changed), EXCH_NO_BAND);
		again.price_won = 80000;
		assert_int_equal(exch_order_change(ex, &again, &changed), EXCH_ACCEPTED);
		again.orig = changed->odno;
		again.cancel = true;
		assert_int_equal(exch_order_change(ex, &again, &changed), EXCH_ACCEPTED);
	}
	assert_int_equal(judge.count[EXCH_EV_CANCELLED], 1);
	core_check(ex);
	exch_free(ex);
}

/* Orders for NXT stand in the book in its main market only: KRX's auctions do not fill them. */
static void test_nxt(void **state)
{
	struct judge judge;
	struct exchange *ex = hours_exchange(&judge, (struct exch_config){ 0 }, 32400, 55800, 29000);
	const struct exch_order *early, *both, *late, *gone;

	(void)state;
	assert_int_equal(send(ex, EXCH_BUY, "00", "NXT", 3, 105000, 0, &early), EXCH_ACCEPTED);
	assert_int_equal(send(ex, EXCH_BUY, "00", "SOR", 4, 105000, 0, &both), EXCH_ACCEPTED);
	assert_int_equal(send(ex, EXCH_BUY, "11", "NXT", 5, 105000, 0, &gone), EXCH_ACCEPTED);
	assert_int_equal(gone->cancelled_qty, 5); /* nobody stands against it before the market */
	exch_advance(ex, kst_wall(demo, 32400));
	assert_int_equal(both->filled_won, 4 * 81000); /* SOR goes through KRX's opening call */
	exch_advance(ex, kst_wall(demo, 32429));
	assert_int_equal(early->filled_qty, 0);
	exch_advance(ex, kst_wall(demo, 32430));
	assert_int_equal(early->filled_qty, 3);
	exch_advance(ex, kst_wall(demo, 55000));
	assert_int_equal(send(ex, EXCH_BUY, "00", "NXT", 2, 80500, 0, &late), EXCH_ACCEPTED);
	assert_true(order_find(ex, demo, late->odno)->resting);
	exch_advance(ex, kst_wall(demo, 55200));
	assert_false(order_find(ex, demo, late->odno)->resting);
	exch_advance(ex, kst_wall(demo, 71999));
	assert_int_equal(late->remaining_qty, 2);
	exch_advance(ex, kst_wall(demo, 72000));
	assert_int_equal(late->rejected_qty, 2);
	core_check(ex);
	exch_free(ex);
}

/* ---- stop limit ---- */

static struct exchange *stop_exchange(struct judge *judge, enum exch_fill_rule fill)
{
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL, .fill = fill };
	struct exch_day day = { { 20260310 }, { 20260309 }, true, 32400, 55800 };
	struct exch_account account = { "1", CASH_WON, 142, "" };

	*judge = (struct judge){ 0 };
	assert_int_equal(exch_new(&config, judge_sink, judge, &judge->ex), REASON_OK);
	assert_int_equal(exch_symbol_put(judge->ex, "005930", "삼성전자", false, false, 70000, 70000),
			 REASON_OK);
	assert_int_equal(exch_account_add(judge->ex, &account, NULL), REASON_OK);
	give(judge->ex, 0, "005930", 100, 7000000);
	assert_int_equal(exch_day_begin(judge->ex, &day, kst_wall(day.day, 36000)), REASON_OK);
	return judge->ex;
}

static void test_stop_refusals(void **state)
{
	static const struct {
		const char *name, *excg;
		int64_t price_won, trigger_won;
		enum exch_refusal want;
	} cases[] = {
		{ "as it should be", "", 70500, 70300, EXCH_ACCEPTED },
		{ "on NXT", "NXT", 70500, 70300, EXCH_ACCEPTED },
		{ "on SOR", "SOR", 70500, 70300, EXCH_NO_TYPE },
		{ "no trigger", "", 70500, 0, EXCH_NO_PRICE },
		{ "a trigger below nothing", "", 70500, -100, EXCH_NO_PRICE },
		{ "trigger off the tick", "", 70500, 70350, EXCH_NO_TICK },
		{ "trigger beyond the limits", "", 70500, 91100, EXCH_NO_BAND },
		{ "an absurd trigger", "", 70500, INT64_MAX, EXCH_NO_PRICE },
		{ "no price", "", 0, 70300, EXCH_NO_PRICE },
		{ "price off the tick", "", 70550, 70300, EXCH_NO_TICK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct judge judge;
		struct exchange *ex = stop_exchange(&judge, EXCH_FILL_QUEUE);

		print_message("  %s\n", cases[i].name);
		assert_int_equal(send(ex, EXCH_BUY, "22", cases[i].excg, 1, cases[i].price_won,
				      cases[i].trigger_won, NULL),
				 cases[i].want);
		core_check(ex);
		exch_free(ex);
	}
}

static void test_stop(void **state)
{
	static const struct {
		const char *name;
		enum exch_side side;
		enum exch_fill_rule fill;
		int64_t limit_won, trigger_won, short_won, reach_won, want_qty;
	} cases[] = {
		{ "buy, taken", EXCH_BUY, EXCH_FILL_CROSS, 70500, 70300, 70200, 70300, 10 },
		{ "buy, over the trigger", EXCH_BUY, EXCH_FILL_CROSS, 70500, 70300, 70200, 70400, 10 },
		{ "buy, limit below the market", EXCH_BUY, EXCH_FILL_CROSS, 70100, 70300, 70200, 70300, 0 },
		{ "sell, taken", EXCH_SELL, EXCH_FILL_CROSS, 69500, 69700, 69800, 69700, 10 },
		{ "sell, under the trigger", EXCH_SELL, EXCH_FILL_CROSS, 69500, 69700, 69800, 69600, 10 },
		{ "buy, in the queue", EXCH_BUY, EXCH_FILL_QUEUE, 70900, 70300, 70200, 70300, 10 },
		{ "sell, in the queue", EXCH_SELL, EXCH_FILL_QUEUE, 69100, 69700, 69800, 69700, 10 },
		{ "nothing fills", EXCH_BUY, EXCH_FILL_NEVER, 70500, 70300, 70200, 70300, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct judge judge;
		struct exchange *ex = stop_exchange(&judge, cases[i].fill);
		const struct exch_order *row;
		struct exch_order *rows = NULL;
		size_t count = 0;

		print_message("  %s\n", cases[i].name);
		assert_int_equal(
			send(ex, cases[i].side, "22", "", 10, cases[i].limit_won, cases[i].trigger_won, &row),
			EXCH_ACCEPTED);
		/* it reserves from here on, is listed, and stands in no book */
		if (cases[i].side == EXCH_BUY)
			assert_true(ex->accounts[0].reserve_won > 10 * cases[i].limit_won);
		else
			assert_int_equal(exch_sellable_of(ex, 0, "005930"), 90);
		assert_int_equal(exch_open_list(ex, 0, &rows, &count), REASON_OK);
		assert_int_equal(count, 1);
		assert_int_equal(rows[0].trigger_won, cases[i].trigger_won);
		assert_int_equal(rows[0].triggered_at.us, 0);
		free(rows);
		assert_false(order_find(ex, row->day, row->odno)->resting);
		assert_true(exch_push_tick(ex, "005930", cases[i].short_won, 1000000));
		assert_int_equal(row->filled_qty, 0);
		assert_int_equal(row->triggered_at.us, 0);
		core_check(ex);
		assert_true(exch_push_tick(ex, "005930", cases[i].reach_won, 10));
		assert_int_equal(row->triggered_at.us, exch_now(ex).us);
		assert_int_equal(row->filled_qty, cases[i].want_qty);
		assert_int_equal(order_find(ex, row->day, row->odno)->resting, cases[i].want_qty == 0);
		exch_advance(ex, kst_wall(row->day, 55800));
		assert_int_equal(row->rejected_qty, 10 - cases[i].want_qty);
		assert_int_equal(ex->accounts[0].reserve_won, 0);
		core_check(ex);
		exch_free(ex);
	}
}

/* While it waits: a modify keeps the trigger or names another, any other type enters at once, a cancel gives back. */
static void test_stop_changes(void **state)
{
	struct judge judge;
	struct exchange *ex = stop_exchange(&judge, EXCH_FILL_CROSS);
	struct exch_change again = {
		.account = 0, .branch = "", .excg = "", .all = true, .dvsn = "22", .by = ""
	};
	const struct exch_order *row, *second = NULL, *third = NULL, *plain = NULL, *part;

	(void)state;
	assert_int_equal(send(ex, EXCH_BUY, "22", "", 10, 70500, 70300, &row), EXCH_ACCEPTED);
	again.orig = row->odno;
	again.price_won = 70600;
	assert_int_equal(exch_order_change(ex, &again, &second), EXCH_ACCEPTED);
	assert_int_equal(second->trigger_won, 70300);
	assert_int_equal(second->triggered_at.us, 0);
	assert_int_equal(row->replaced_qty, 10);
	again.orig = second->odno;
	again.trigger_won = 70450;
	assert_int_equal(exch_order_change(ex, &again, &third), EXCH_NO_TICK);
	again.trigger_won = 70400;
	again.all = false;
	again.qty = 4;
	assert_int_equal(exch_order_change(ex, &again, &third), EXCH_ACCEPTED);
	assert_int_equal(third->trigger_won, 70400);
	assert_int_equal(second->remaining_qty, 6);
	core_check(ex);
	assert_true(exch_push_tick(ex, "005930", 70300, 1));
	assert_int_equal(second->filled_qty, 6);
	assert_int_equal(third->filled_qty, 0);
	/* a limit order instead: no trigger any more, at once in the book */
	again = (struct exch_change){ .account = 0,
				      .orig = third->odno,
				      .branch = "",
				      .all = true,
				      .dvsn = "00",
				      .price_won = 60000,
				      .by = "" };
	assert_int_equal(exch_order_change(ex, &again, &plain), EXCH_ACCEPTED);
	assert_int_equal(plain->trigger_won, 0);
	assert_true(order_find(ex, plain->day, plain->odno)->resting);
	/* part of a sale back, then all of it */
	assert_int_equal(send(ex, EXCH_SELL, "22", "", 10, 69000, 69500, &row), EXCH_ACCEPTED);
	assert_int_equal(exch_sellable_of(ex, 0, "005930"), 96);
	change(ex, true, row->odno, 3, 0, "", EXCH_ACCEPTED, &part);
	assert_int_equal(exch_sellable_of(ex, 0, "005930"), 99);
	change(ex, true, row->odno, 0, 0, "", EXCH_ACCEPTED, &part);
	assert_int_equal(exch_sellable_of(ex, 0, "005930"), 106);
	change(ex, true, row->odno, 0, 0, "", EXCH_NO_REST, NULL);
	assert_true(exch_push_tick(ex, "005930", 69000, 1));
	assert_int_equal(row->filled_qty, 0);
	core_check(ex);
	exch_free(ex);
}

/* Over a restart the one still waits, the other is still triggered. */
static void test_stop_state(void **state)
{
	char path[] = "/tmp/gj-stop-state-XXXXXX";
	int fd = mkstemp(path);
	struct judge judge, later_judge;
	struct exchange *ex = stop_exchange(&judge, EXCH_FILL_QUEUE), *later;
	const struct exch_order *waits, *rests;
	char waits_odno[EXCH_ODNO_SIZE], rests_odno[EXCH_ODNO_SIZE];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(send(ex, EXCH_BUY, "22", "", 10, 70900, 70800, &waits), EXCH_ACCEPTED);
	assert_int_equal(send(ex, EXCH_BUY, "22", "", 5, 69000, 70200, &rests), EXCH_ACCEPTED);
	assert_true(exch_push_tick(ex, "005930", 70200, 1));
	assert_true(rests->triggered_at.us != 0);
	memcpy(waits_odno, waits->odno, sizeof(waits_odno));
	memcpy(rests_odno, rests->odno, sizeof(rests_odno));
	assert_int_equal(exch_state_save(ex, path), REASON_OK);
	{
		struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL };
		struct exch_day day = { { 20260310 }, { 20260309 }, true, 32400, 55800 };

		later_judge = (struct judge){ 0 };
		assert_int_equal(exch_new(&config, judge_sink, &later_judge, &later_judge.ex), REASON_OK);
		later = later_judge.ex;
		assert_int_equal(exch_symbol_put(later, "005930", "삼성전자", false, false, 70000, 70000),
				 REASON_OK);
		assert_int_equal(exch_state_load(later, path), REASON_OK);
		assert_int_equal(exch_day_begin(later, &day, kst_wall(day.day, 36060)), REASON_OK);
	}
	waits = exch_order_of(later, waits->day, waits_odno);
	rests = exch_order_of(later, waits->day, rests_odno);
	assert_int_equal(waits->trigger_won, 70800);
	assert_true(order_find(later, waits->day, waits_odno)->waiting);
	assert_true(order_find(later, waits->day, rests_odno)->resting);
	assert_true(rests->triggered_at.us != 0);
	assert_string_equal(exch_account_at(later, 0)->branch, "06010");
	assert_true(later->accounts[0].reserve_won > 10 * 70900 + 5 * 69000);
	assert_true(exch_push_tick(later, "005930", 70700, 1));
	assert_int_equal(waits->filled_qty, 0);
	assert_true(exch_push_tick(later, "005930", 70800, 1));
	assert_true(waits->triggered_at.us != 0);
	core_check(later);
	exch_free(later);
	exch_free(ex);
	assert_int_equal(remove(path), 0);
}

static void test_auctions(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 34300, false);
	const struct exch_order *over, *market, *under, *late, *sell, *conditional;

	(void)state;
	give(ex, 0, "005930", 50, 50 * 80000);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 82000, &over), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "01", 20, 0, &market), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 30, 79000, &under), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_SELL, "005930", "00", 5, 84500, &sell), EXCH_ACCEPTED);
	assert_int_equal(over->filled_qty, 0);
	exch_advance(ex, kst_wall(demo, OPEN_S));
	assert_int_equal(over->filled_qty, 10);
	assert_int_equal(over->filled_won, 10 * 81000); /* at the opening price, not at the limit */
	assert_int_equal(over->last_fill_at.us, kst_wall(demo, OPEN_S).us);
	assert_int_equal(market->filled_won, 20 * 81000);
	assert_int_equal(under->filled_qty, 0);
	exch_advance(ex, kst_wall(demo, CLOSE_S - 300));
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 7, 84000, &late), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_SELL, "005930", "01", 9, 0, &conditional), EXCH_ACCEPTED);
	assert_int_equal(late->filled_qty, 0);
	exch_advance(ex, kst_wall(demo, CLOSE_S));
	assert_int_equal(late->filled_won, 7 * 83000);
	assert_int_equal(conditional->filled_won, 9 * 83000);
	assert_int_equal(under->rejected_qty, 30); /* the day's low was 80,200: it dies at the close */
	assert_int_equal(under->remaining_qty, 0);
	assert_int_equal(sell->rejected_qty, 5);
	assert_int_equal(judge.count[EXCH_EV_EXPIRED], 2);
	assert_int_equal(exch_sellable_of(ex, 0, "005930"), 50 + 10 + 20 + 7 - 9);
	core_check(ex);
	exch_free(ex);
}

static void test_levels(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 40000, false);
	const struct exch_quote *quote = exch_quote_of(ex, "207940");
	int64_t first = quote->ask[0].qty, second = quote->ask[1].qty, price = quote->ask[1].price_won;
	int64_t best = quote->ask[0].price_won;
	const struct exch_order *row;

	(void)state;
	/* both levels and one share more: the rest waits at its limit */
	assert_int_equal(order(ex, EXCH_BUY, "207940", "00", 1, best, &row), EXCH_ACCEPTED);
	assert_int_equal(row->filled_qty, 1);
	assert_int_equal(quote->ask[0].qty, first - 1);
	assert_int_equal(order(ex, EXCH_BUY, "207940", "00", first + second, price, &row), EXCH_ACCEPTED);
	assert_int_equal(row->filled_qty, first - 1 + second);
	assert_int_equal(row->filled_won, (first - 1) * best + second * price);
	assert_int_equal(row->remaining_qty, 1);
	assert_int_equal(quote->ask[0].qty, 0);
	/* IOC leaves nothing, FOK takes all or nothing */
	assert_int_equal(order(ex, EXCH_BUY, "207940", "11", 5, price, &row), EXCH_ACCEPTED);
	assert_int_equal(row->filled_qty, 0);
	assert_int_equal(row->cancelled_qty, 5);
	assert_int_equal(judge.kinds[judge.kept - 1], EXCH_EV_REST_CANCELLED);
	first = quote->ask[2].qty;
	price = quote->ask[2].price_won;
	assert_int_equal(order(ex, EXCH_BUY, "207940", "12", first + 1, price, &row), EXCH_ACCEPTED);
	assert_int_equal(row->filled_qty, 0);
	assert_int_equal(row->cancelled_qty, first + 1);
	assert_int_equal(order(ex, EXCH_BUY, "207940", "12", first, price, &row), EXCH_ACCEPTED);
	assert_int_equal(row->filled_qty, first);
	core_check(ex);
	exch_free(ex);
}

static void test_queue(void **state)
{
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL };
	struct exch_day day = { { 20260310 }, { 20260309 }, true, 32400, 55800 };
	struct exch_account account = { "1", CASH_WON, 142, "" };
	struct judge judge = { 0 };
	struct exchange *ex = NULL;
	const struct exch_order *a, *b, *deep;
	int64_t ahead;

	(void)state;
	assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
	ex = judge.ex;
	assert_int_equal(exch_symbol_put(ex, "005930", "삼성전자", false, false, 70000, 70000), REASON_OK);
	assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(day.day, 36000)), REASON_OK);
	/* a sell print at 70,000 makes 70,000 the best bid; we join behind what it shows */
	assert_true(exch_push_tick(ex, "005930", 70100, 10));
	assert_true(exch_push_tick(ex, "005930", 70000, 10));
	ahead = exch_quote_of(ex, "005930")->bid[0].qty;
	assert_int_equal(exch_quote_of(ex, "005930")->bid[0].price_won, 70000);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &a), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &b), EXCH_ACCEPTED);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 69900, &deep), EXCH_ACCEPTED);
	assert_int_equal(order_find(ex, day.day, a->odno)->queue_ahead, ahead);
	/* an up tick and back: a push below the last price is a sale. First one share short of our turn ... */
	assert_true(exch_push_tick(ex, "005930", 70100, 1));
	ahead = order_find(ex, day.day, a->odno)->queue_ahead;
	if (ahead > 0) {
		assert_true(exch_push_tick(ex, "005930", 70000, ahead));
		assert_int_equal(a->filled_qty, 0);
	}
	/* ... then part of the first */
	assert_true(exch_push_tick(ex, "005930", 70100, 1));
	ahead = order_find(ex, day.day, a->odno)->queue_ahead;
	assert_true(exch_push_tick(ex, "005930", 70000, ahead + 4));
	assert_int_equal(a->filled_qty, 4);
	assert_int_equal(b->filled_qty, 0);
	/* a print through the price: all at the limit, the deeper one not */
	assert_true(exch_push_tick(ex, "005930", 69900, 1));
	assert_int_equal(a->filled_qty, 10);
	assert_int_equal(b->filled_qty, 10);
	assert_int_equal(b->filled_won, 700000);
	assert_int_equal(deep->filled_qty, 0);
	core_check(ex);
	exch_free(ex);
}

static void test_still(void **state)
{
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL, .fill = EXCH_FILL_CROSS };
	struct exch_day day = { { 20260310 }, { 20260309 }, true, 32400, 55800 };
	struct exch_account account = { "1", 10000000, 142, "" };
	struct judge judge = { 0 };
	struct exchange *ex;
	const struct exch_order *row;

	(void)state;
	assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
	ex = judge.ex;
	assert_int_equal(exch_symbol_put(ex, "005930", "삼성전자", false, false, 70000, 70000), REASON_OK);
	assert_int_equal(exch_symbol_put(ex, "000660", "SK하이닉스", false, false, 180000, 0), REASON_OK);
	assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(day.day, 30000)), REASON_OK);
	exch_advance(ex, kst_wall(day.day, 32500));
	assert_int_equal(judge.count[EXCH_EV_TRADE], 0); /* nobody watches */
	assert_true(exch_watch(ex, "005930", true));
	assert_false(exch_watch(ex, "999999", true));
	assert_false(exch_watch(ex, "000660", false));
	assert_int_equal(exch_next_event(ex).us, kst_wall(day.day, 32500).us);
	exch_advance(ex, kst_wall(day.day, 32599));
	assert_int_equal(judge.count[EXCH_EV_TRADE], 100);
	assert_int_equal(exch_quote_of(ex, "005930")->last_won, 70000);
	assert_int_equal(exch_quote_of(ex, "000660")->volume, 0);
	/* paper's way of filling: the whole order at its limit once the price is there */
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 20, 69000, &row), EXCH_ACCEPTED);
	assert_true(exch_push_tick(ex, "005930", 69100, 1));
	assert_int_equal(row->filled_qty, 0);
	assert_true(exch_push_tick(ex, "005930", 69000, 1));
	assert_int_equal(row->filled_won, 20 * 69000);
	exch_fill_set(ex, EXCH_FILL_NEVER);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "01", 1, 0, &row), EXCH_ACCEPTED);
	assert_true(exch_push_tick(ex, "005930", 60000, 1000));
	assert_int_equal(row->filled_qty, 0);
	assert_true(exch_watch(ex, "005930", false));
	assert_int_equal(exch_next_event(ex).us, kst_wall(day.day, 55200).us);
	exch_free(ex);
}

static void test_late_start(void **state)
{
	struct judge early_judge, late_judge;
	struct exchange *early = demo_exchange(&early_judge, 4, 30000, false);
	struct exchange *late = demo_exchange(&late_judge, 4, 45000, false);
	const struct exch_quote *a = exch_quote_of(early, "000660"), *b = exch_quote_of(late, "000660");

	(void)state;
	assert_int_equal(late_judge.count[EXCH_EV_TRADE] + late_judge.count[EXCH_EV_PHASE],
			 0); /* the past is silent */
	assert_int_equal(exch_phase(late), EXCH_PHASE_CONTINUOUS);
	exch_advance(early, kst_wall(demo, 45000));
	assert_true(b->volume > 0);
	assert_memory_equal(a->ask, b->ask, sizeof(a->ask));
	assert_int_equal(a->volume, b->volume);
	assert_int_equal(a->last_won, b->last_won);
	exch_advance(late, kst_wall(demo, CLOSE_S));
	assert_int_equal(b->volume, 7995016);
	assert_int_equal(b->last_won, 126000);
	exch_free(early);
	exch_free(late);
}

/* 096770 went from 203,000 to 237,500 that day: over 10 % from its opening auction. */
static void test_vi(void **state)
{
	struct exch_config config = { .seed = 4, .vi = true, .vi_percent = 10, .vi_s = 120 };
	struct exch_day day = { demo, { 20201230 }, true, OPEN_S, CLOSE_S };
	struct exch_account account = { "1", CASH_WON, 142, "" };
	struct judge judge = { 0 };
	struct exchange *ex = NULL;
	const struct exch_quote *quote;
	const struct exch_order *row = NULL;
	struct exch_vi *stops = NULL;
	const struct exch_vi *stop;
	size_t stop_count = 0;
	int64_t volume;

	(void)state;
	assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
	ex = judge.ex;
	assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo, OPEN_S - 1)), REASON_OK);
	assert_true(exch_watch(ex, "096770", true));
	quote = exch_quote_of(ex, "096770");
	while (!quote->vi && exch_now(ex).us < kst_wall(demo, CLOSE_S - 600).us)
		exch_advance(ex, exch_next_event(ex));
	assert_true(quote->vi);
	assert_int_equal(quote->vi_base_won, 203000);
	assert_true(quote->vi_until.us >= quote->vi_from.us + 120 * US_PER_S);
	assert_true(quote->vi_until.us <= quote->vi_from.us + 138 * US_PER_S);
	assert_int_equal(exch_vi_list(ex, &stops, &stop_count), REASON_OK);
	assert_true(stop_count >= 1);
	stop = &stops[stop_count - 1];
	assert_string_equal(stop->code, "096770");
	assert_int_equal(stop->kind, 1);
	assert_int_equal(stop->base_won, 203000);
	assert_int_equal(stop->last_won, 0);
	assert_true(stop->won >= 203000 * 11 / 10);
	free(stops);
	volume = quote->volume;
	assert_int_equal(order(ex, EXCH_BUY, "096770", "11", 5, quote->last_won, NULL), EXCH_NO_TYPE);
	assert_int_equal(order(ex, EXCH_BUY, "096770", "01", 5, 0, &row), EXCH_ACCEPTED);
	exch_advance(ex, wall_add_us(quote->vi_until, -1));
	assert_int_equal(quote->volume, volume);
	assert_int_equal(row->filled_qty, 0);
	exch_advance(ex, quote->vi_until);
	assert_false(quote->vi);
	assert_true(quote->volume > volume);
	assert_int_equal(row->filled_won, 5 * quote->vi_base_won); /* the auction's own price */
	assert_true(quote->vi_base_won >= 203000 * 11 / 10);
	exch_advance(ex, kst_wall(demo, CLOSE_S));
	assert_int_equal(quote->volume, 4269290);
	assert_int_equal(quote->high_won, 237500);
	assert_int_equal(quote->low_won, 199500);
	assert_int_equal(quote->last_won, 231000);
	assert_int_equal(quote->print_count, 900);
	assert_true(quote->vi_count >= 1 && quote->vi_count < 5);
	assert_int_equal(exch_quote_of(ex, "017670")->vi_count, 0);
	core_check(ex);
	exch_free(ex);
}

/* Few prints a day lie far from each other: each step over the bound stops the symbol, and is the auction's price after. */
static void test_dynamic_vi(void **state)
{
	struct exch_config config = { .seed = 4,
				      .vi = true,
				      .vi_percent = 10,
				      .vi_s = 120,
				      .vi_dynamic_percent = 3,
				      .prints_per_symbol = 12 };
	struct exch_day day = { demo, { 20201230 }, true, OPEN_S, CLOSE_S };
	struct judge judge = { 0 };
	struct exchange *ex = NULL;
	const struct exch_quote *quote;
	struct exch_vi *stops = NULL;
	const struct exch_vi *stop;
	size_t stop_count = 0;
	int64_t before_won = 0;

	(void)state;
	assert_int_equal(exch_new(&config, judge_sink, &judge, &judge.ex), REASON_OK);
	ex = judge.ex;
	assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo, OPEN_S - 1)), REASON_OK);
	assert_true(exch_watch(ex, "096770", true));
	quote = exch_quote_of(ex, "096770");
	while (!quote->vi && exch_now(ex).us < kst_wall(demo, CLOSE_S - 600).us) {
		before_won = quote->last_won;
		exch_advance(ex, exch_next_event(ex));
	}
	assert_true(quote->vi);
	assert_int_equal(exch_vi_list(ex, &stops, &stop_count), REASON_OK);
	assert_true(stop_count >= 1);
	stop = &stops[stop_count - 1];
	assert_string_equal(stop->code, "096770");
	assert_int_equal(stop->kind, 2);
	assert_int_equal(stop->base_won, 0);
	assert_int_equal(stop->last_won, before_won);
	assert_true(llabs(stop->won - before_won) * 100 >= before_won * 3);
	assert_int_equal(quote->last_won, before_won);
	exch_advance(ex, quote->vi_until);
	assert_false(quote->vi);
	assert_int_equal(quote->last_won, stop->won);
	assert_int_equal(quote->vi_base_won, stop->won);
	free(stops);
	core_check(ex);
	exch_free(ex);
}

static void test_reservations(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 20000, false);
	struct exch_resv good = { .send_day = demo,
				  .side = EXCH_BUY,
				  .code = "005930",
				  .dvsn = "00",
				  .qty = 3,
				  .price_won = 82000 };
	struct exch_resv dear = good, gone = good, story = good, none = good;
	struct exch_resv *rows = NULL;
	int64_t seq = 0, gone_seq = 0;
	size_t count = 0;

	(void)state;
	none.qty = 0;
	assert_int_equal(exch_resv_new(ex, &none, &seq), EXCH_NO_QTY);
	assert_int_equal(exch_resv_new(ex, &good, &seq), EXCH_ACCEPTED);
	dear.qty = 100000;
	assert_int_equal(exch_resv_new(ex, &dear, &seq), EXCH_ACCEPTED); /* cash is looked at on the day */
	assert_int_equal(exch_resv_new(ex, &gone, &gone_seq), EXCH_ACCEPTED);
	assert_int_equal(exch_resv_change(ex, 0, gone_seq, true, NULL), EXCH_ACCEPTED);
	assert_int_equal(exch_resv_change(ex, 0, gone_seq, true, NULL), EXCH_NO_RESV);
	assert_int_equal(exch_resv_change(ex, 0, 1, true, NULL), EXCH_NO_RESV);
	story.seq = 9000;
	assert_int_equal(exch_truth_resv(ex, &story), REASON_OK);
	exch_advance(ex, kst_wall(demo, OPEN_S - 2340));
	assert_int_equal(judge.count[EXCH_EV_ORDER_RECEIVED], 1);
	exch_advance(ex, kst_wall(demo, OPEN_S));
	assert_int_equal(exch_resv_list(ex, 0, &rows, &count), REASON_OK);
	assert_int_equal(count, 4);
	assert_true(rows[0].processed);
	assert_int_equal(rows[0].sent_s, OPEN_S - 2340);
	assert_int_equal(rows[0].filled_qty, 3);
	assert_int_equal(rows[0].filled_won, 3 * 81000);
	assert_int_equal(exch_order_of(ex, demo, rows[0].odno)->filled_qty, 3);
	assert_true(rows[1].processed);
	assert_string_equal(rows[1].result, "no-cash");
	assert_true(rows[2].cancelled && !rows[2].processed);
	assert_false(rows[3].processed); /* a story's reservation waits for the story */
	free(rows);
	exch_truth_resv_clear(ex, 0);
	assert_int_equal(exch_resv_list(ex, 0, &rows, &count), REASON_OK);
	assert_int_equal(count, 0);
	free(rows);
	exch_free(ex);
}

static void test_control_moves(void **state)
{
	struct judge judge;
	struct exchange *ex = demo_exchange(&judge, 4, 40000, false);
	const struct exch_order *row;
	struct exch_order own = { 0 };

	(void)state;
	exch_fill_set(ex, EXCH_FILL_NEVER);
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, &row), EXCH_ACCEPTED);
	assert_false(exch_truth_fill(ex, demo, row->odno, 11, 70000));
	assert_false(exch_truth_fill(ex, demo, "77", 1, 70000));
	assert_true(exch_truth_fill(ex, demo, row->odno, 4, 69000));
	assert_int_equal(row->filled_won, 4 * 69000);
	assert_true(exch_truth_reject(ex, demo, row->odno));
	assert_int_equal(row->rejected_qty, 6);
	assert_false(exch_truth_reject(ex, demo, row->odno));
	assert_int_equal(judge.count[EXCH_EV_REJECTED], 1);
	/* a halted symbol takes no orders; what the path held back comes at once afterwards */
	assert_true(exch_halt(ex, "005930", true));
	assert_int_equal(order(ex, EXCH_BUY, "005930", "00", 10, 70000, NULL), EXCH_NO_HALT);
	exch_advance(ex, kst_wall(demo, 45000));
	assert_true(exch_quote_of(ex, "005930")->print_at.us <= kst_wall(demo, 40000).us);
	assert_true(exch_halt(ex, "005930", false));
	exch_advance(ex, kst_wall(demo, 45000));
	assert_int_equal(exch_quote_of(ex, "005930")->print_at.us, kst_wall(demo, 45000).us);
	/* a row that contradicts itself is kept as written and left alone */
	own = *row;
	own.qty = 5;
	own.filled_qty = 7;
	own.remaining_qty = 3;
	assert_int_equal(exch_truth_order(ex, &own, false), REASON_OK);
	exch_advance(ex, kst_wall(demo, CLOSE_S + 1));
	assert_int_equal(exch_order_of(ex, demo, own.odno)->filled_qty, 7);
	assert_int_equal(exch_order_of(ex, demo, own.odno)->remaining_qty, 3);
	own.qty = INT64_MAX;
	assert_int_equal(exch_truth_order(ex, &own, false), REASON_BAD_NUMBER);
	exch_free(ex);
}

/* ---- properties under random orders ---- */

struct tally {
	int64_t orders, fills, partial, triggered, stops;
	uint64_t digest;
};

struct variant {
	const char *name;
	struct exch_config config;
	int64_t orders_min, fills_min, partial_min, triggered_min, stops_min;
};

/* What an order had come to when it was last looked at. */
struct order_before {
	int64_t filled_qty, filled_won, cancelled_qty, replaced_qty, rejected_qty, triggered_us;
};

static void never_falls(const struct exchange *ex, struct order_before *before)
{
	for (size_t i = 0; i < ex->order_count; i++) {
		const struct exch_order *row = &ex->orders[i]->row;
		struct order_before *b = &before[i];

		assert_true(row->filled_qty >= b->filled_qty && row->filled_won >= b->filled_won);
		assert_int_equal(row->filled_qty > b->filled_qty, row->filled_won > b->filled_won);
		assert_true(row->cancelled_qty >= b->cancelled_qty && row->replaced_qty >= b->replaced_qty &&
			    row->rejected_qty >= b->rejected_qty);
		assert_true(b->triggered_us == 0 || row->triggered_at.us == b->triggered_us);
		*b = (struct order_before){ row->filled_qty,   row->filled_won,   row->cancelled_qty,
					    row->replaced_qty, row->rejected_qty, row->triggered_at.us };
	}
}

static void random_change(struct exchange *ex, struct sim_random *random)
{
	const struct order *target = ex->orders[sim_range(random, 0, (int64_t)ex->order_count - 1)];
	const struct exch_quote *quote = exch_quote_of(ex, target->row.code);
	struct exch_change request = { .account = target->row.account,
				       .cancel = sim_chance(random, 60),
				       .orig = target->row.odno,
				       .branch = "",
				       .all = sim_chance(random, 70),
				       .qty = sim_range(random, 1, 40),
				       .dvsn = sim_chance(random, 50) ? target->row.dvsn : "00",
				       .price_won = sim_chance(random, 30)
							    ? target->row.price_won
							    : quote->bid[sim_range(random, 0, 3)].price_won,
				       .by = "" };
	const struct exch_order *row = NULL;

	(void)exch_order_change(ex, &request, &row);
}

static void random_order(struct exchange *ex, struct sim_random *random)
{
	static const char *const kinds[] = { "00", "00", "00", "00", "00", "00", "01", "02", "03", "04", "11",
					     "12", "13", "14", "15", "16", "21", "22", "22", "23", "24" };
	const struct exch_quote *quote = exch_quote_at(ex, (size_t)sim_range(random, 0, 19));
	bool buy = sim_chance(random, 55);
	const struct exch_level *levels = sim_chance(random, 50) ? quote->ask : quote->bid;
	const struct exch_level *beyond = buy ? quote->ask : quote->bid;
	struct exch_request request = { .account = (size_t)sim_range(random, 0, 1),
					.side = buy ? EXCH_BUY : EXCH_SELL,
					.code = quote->code,
					.dvsn = kinds[sim_range(random, 0, ARRAY_COUNT(kinds) - 1)],
					.excg = "",
					.by = "",
					.qty = sim_range(random, 1, 60),
					.price_won = levels[sim_range(random, 0, 4)].price_won,
					.trigger_won = beyond[sim_range(random, 0, 6)].price_won };
	const struct exch_order *row = NULL;

	(void)exch_order_new(ex, &request, &row);
}

static void check_conserved(const struct exchange *ex, size_t account, const struct exch_holding *start,
			    size_t start_count, int64_t start_won)
{
	struct exch_cash cash;
	int64_t buys = 0, sells = 0;

	exch_cash_of(ex, account, &cash);
	for (size_t i = 0; i < ex->symbol_count; i++) {
		const char *code = ex->symbols[i]->quote.code;
		const struct holding *holding = ledger_find(&ex->accounts[account].real, code);
		int64_t qty = 0;

		for (size_t j = 0; j < start_count; j++)
			if (strcmp(start[j].code, code) == 0)
				qty += start[j].qty;
		for (size_t f = 0; f < ex->fill_count; f++) {
			const struct exch_order *row = &ex->orders[ex->fills[f].order]->row;

			if (row->account != account || strcmp(row->code, code) != 0)
				continue;
			qty += row->side == EXCH_BUY ? ex->fills[f].qty : -ex->fills[f].qty;
			*(row->side == EXCH_BUY ? &buys : &sells) += ex->fills[f].won;
		}
		assert_int_equal(holding == NULL ? 0 : holding->qty, qty);
		assert_true(qty >= 0);
	}
	assert_int_equal(cash.thdt_buy_won, buys);
	assert_int_equal(cash.thdt_sell_won, sells);
	assert_int_equal(cash.deposit_d2_won, start_won - buys + sells - cash.thdt_cost_won);
	assert_true(cash.deposit_d2_won >= 0);
	assert_int_equal(cash.deposit_won, start_won);
	assert_int_equal(cash.deposit_d1_won, start_won);
}

static struct tally random_day(struct exch_config config, uint64_t seed, bool one_jump)
{
	static struct order_before before[2000];
	struct judge judge;
	struct exchange *ex;
	struct exch_account poor = { "50999999-01", 30000000, 142, "" };
	struct sim_random random = { seed * 31 };
	struct exch_holding *start[2];
	size_t start_count[2];
	struct tally tally = { 0 };

	config.seed = seed;
	ex = demo_with(&judge, &config, 34200);
	memset(before, 0, sizeof(before));
	assert_int_equal(exch_account_add(ex, &poor, NULL), REASON_OK);
	for (size_t i = 0; i < 20; i += 2)
		give(ex, i % 4 == 0 ? 0 : 1, exch_quote_at(ex, i)->code, 500,
		     500 * exch_quote_at(ex, i)->last_won);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(exch_holdings_list(ex, i, true, &start[i], &start_count[i]), REASON_OK);
	for (int i = 0; i < 1500; i++) {
		struct wall at = kst_wall(demo, 34200 + (CLOSE_S - 34200) * i / 1500);

		while (!one_jump && exch_next_event(ex).us < at.us)
			exch_advance(ex, exch_next_event(ex));
		exch_advance(ex, at);
		if (ex->order_count > 0 && sim_chance(&random, 30))
			random_change(ex, &random);
		else
			random_order(ex, &random);
		if (i % 50 == 0)
			core_check(ex);
		assert_true(ex->order_count < ARRAY_COUNT(before));
		never_falls(ex, before);
	}
	exch_advance(ex, kst_wall(demo, CLOSE_S));
	never_falls(ex, before);
	core_check(ex);
	for (size_t i = 0; i < 2; i++) {
		check_conserved(ex, i, start[i], start_count[i], i == 0 ? CASH_WON : poor.cash_won);
		free(start[i]);
	}
	for (size_t j = 0; j < ex->order_count; j++) {
		assert_int_equal(ex->orders[j]->row.remaining_qty, 0);
		tally.triggered += ex->orders[j]->row.triggered_at.us != 0 ? 1 : 0;
	}
	assert_int_equal(ex->accounts[0].reserve_won, 0);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(exch_quote_at(ex, i)->volume, ex->symbols[i]->today.volume);
		tally.stops += exch_quote_at(ex, i)->vi_count;
	}
	tally.orders = (int64_t)ex->order_count;
	tally.fills = judge.count[EXCH_EV_FILL];
	tally.partial = judge.partial_fills;
	tally.digest = judge.digest;
	exch_free(ex);
	return tally;
}

static void test_properties(void **state)
{
	static const struct variant variants[] = {
		{ "queue", { .fill = EXCH_FILL_QUEUE }, 600, 300, 20, 10, 0 },
		{ "cross", { .fill = EXCH_FILL_CROSS }, 600, 300, 0, 10, 0 },
		{ "paper", { .paper = true, .fill = EXCH_FILL_CROSS }, 200, 100, 0, 0, 0 },
		{ "VI",
		  { .vi = true, .vi_percent = 10, .vi_s = 120, .vi_dynamic_percent = 1 },
		  600,
		  300,
		  20,
		  10,
		  5 },
	};

	(void)state;
	for (size_t v = 0; v < ARRAY_COUNT(variants); v++) {
		const struct variant *variant = &variants[v];

		for (uint64_t seed = 1; seed <= 8; seed++) {
			struct tally steps = random_day(variant->config, seed, false);
			struct tally jumps = random_day(variant->config, seed, true);

			print_message("  %s, seed %d: %lld orders, %lld fills, %lld partial, %lld triggered, "
				      "%lld stops\n",
				      variant->name, (int)seed, (long long)steps.orders,
				      (long long)steps.fills, (long long)steps.partial,
				      (long long)steps.triggered, (long long)steps.stops);
			assert_true(steps.orders > variant->orders_min);
			assert_true(steps.fills > variant->fills_min);
			assert_true(steps.partial >= variant->partial_min);
			assert_true(steps.triggered >= variant->triggered_min);
			assert_true(steps.stops >= variant->stops_min);
			assert_int_equal(steps.digest, jumps.digest); /* how time is cut does not matter */
		}
	}
}

/* ---- load: 40 symbols, a million prints, ten thousand orders ---- */

static void count_sink(void *arg, const struct exch_event *event)
{
	int64_t *counts = arg;

	counts[event->kind]++;
}

static void test_load(void **state)
{
	struct exch_config config = { .seed = 2, .prints_per_symbol = 25000 };
	struct exch_day day = { demo, { 20201230 }, true, OPEN_S, CLOSE_S };
	struct exch_account account = { "1", CASH_WON * 1000, 142, "" };
	int64_t counts[EXCH_EV_EXPIRED + 1] = { 0 };
	struct timespec from, to;
	struct exchange *ex = NULL;
	double took;

	(void)state;
	assert_int_equal(exch_new(&config, count_sink, counts, &ex), REASON_OK);
	assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
	for (int i = 0; i < 20; i++) {
		char code[EXCH_CODE_SIZE];

		snprintf(code, sizeof(code), "9%05d", i);
		assert_int_equal(exch_symbol_put(ex, code, "load", false, false, 50000 + 1000 * i, 0),
				 REASON_OK);
	}
	assert_int_equal(exch_account_add(ex, &account, NULL), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo, OPEN_S - 60)), REASON_OK);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &from), 0);
	for (int64_t i = 0; i < 10000; i++) {
		const struct exch_quote *quote = exch_quote_at(ex, (size_t)(i % 40));

		exch_advance(ex, kst_wall(demo, OPEN_S + i * (CLOSE_S - 600 - OPEN_S) / 10000));
		assert_int_equal(
			order(ex, EXCH_BUY, quote->code, "00", 10, quote->bid[i % 7].price_won, NULL),
			EXCH_ACCEPTED);
	}
	exch_advance(ex, kst_wall(demo, CLOSE_S));
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &to), 0);
	took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("  1,000,000 prints, 10,000 orders: %.2f s\n", took);
	assert_int_equal(counts[EXCH_EV_TRADE], 1000000);
	assert_int_equal(counts[EXCH_EV_ORDER_RECEIVED], 10000);
	assert_true(counts[EXCH_EV_FILL] > 1000);
	assert_true(took < 120);
	core_check(ex);
	exch_free(ex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_day),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_other_days),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_change_exchange),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_hours_switches),
		cmocka_unit_test(test_after_hours),
		cmocka_unit_test(test_single_price),
		cmocka_unit_test(test_reserved_before_hours),
		cmocka_unit_test(test_hours_restart),
		cmocka_unit_test(test_nxt),
		cmocka_unit_test(test_stop_refusals),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_changes),
		cmocka_unit_test(test_stop_state),
		cmocka_unit_test(test_auctions),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_late_start),
		cmocka_unit_test(test_vi),
		cmocka_unit_test(test_dynamic_vi),
		cmocka_unit_test(test_reservations),
		cmocka_unit_test(test_control_moves),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
