/* engine - every rule as a case with the actions it must cause, a day of random events, and the same bytes twice. */
#include "tests/worker/engine_rig.h"
#include "shared/base/banned.h"

#define SAMSUNG "005930"
#define HYNIX   "000660"

static struct rig *two_symbols(void)
{
	struct rig *rig = rig_new();

	rig_symbol(rig, SAMSUNG, 81000, 81300, 77300);
	rig_symbol(rig, HYNIX, 118500, 118500, 114500);
	return rig;
}

/* A day with one buy of 10 shares signalled at 10:01. */
static struct rig *one_buy(void)
{
	struct rig *rig = two_symbols();

	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_BUY, 10, 81000);
	return rig;
}

static struct rig_intent *go(struct rig *rig)
{
	rig->now = rig_at(10, 1, 0);
	rig_prices(rig);
	rig_tick(rig, SAMSUNG, 81000);
	return rig_intent(rig);
}

static void test_start(void **state)
{
	struct rig *rig = one_buy();
	struct engine_event start = { .kind = EVENT_START };

	(void)state;
	assert_int_equal(engine_new(&rig->in, &rig->eng), REASON_OK);
	rig_tick(rig, SAMSUNG, 81000);
	assert_int_equal(rig->out.count, 0); /* nothing before START */
	rig_step(rig, &start);
	assert_non_null(rig_action(rig, ACTION_WANT_LISTING));
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_control(rig, CONTROL_ROW, MODE_TRADE, true);
	rig_listing(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE); /* the stop file was not looked at yet */
	rig_control(rig, CONTROL_FILE, MODE_TRADE, true);
	/* ready, and without a connection it can only look on; that is no trouble yet */
	assert_int_equal(rig_action(rig, ACTION_STATUS)->u.status.state, ENGINE_OBSERVING);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	assert_null(rig_alert(rig, "feed-down"));
	rig_feed(rig, FEED_UP, "");
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	assert_int_equal(rig_action(rig, ACTION_STATUS)->u.status.state, ENGINE_READY);
	assert_null(rig_alert(rig, "feed-down"));
	rig_feed(rig, FEED_DOWN, "");
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	assert_non_null(rig_alert(rig, "feed-down"));
	rig_feed(rig, FEED_UP, "");
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	assert_non_null(rig_alert(rig, "feed-down")); /* its end is told */
	rig_free(rig);
}

static void test_buy_to_fill(void **state)
{
	struct rig *rig = one_buy();
	const struct engine_action *act;
	struct rig_intent *it;
	struct broker_order *row;

	(void)state;
	rig_open(rig);
	it = go(rig);
	assert_non_null(it);
	act = rig_action(rig, ACTION_DECISION);
	assert_int_equal(act->u.decision.verdict, REASON_OK);
	assert_false(act->u.decision.observed);
	assert_true(it->order.intent_id == INT64_C(2021010400000900001));
	assert_int_equal(it->order.qty, 10);
	assert_string_equal(it->order.excg, "KRX");
	assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000 - 810000 - 116);
	row = rig_accept(rig, it);
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_OPEN);
	rig_fill_row(row, 4, 81000);
	rig_pass(rig, 5);
	rig_listing(rig);
	act = rig_action(rig, ACTION_FILL);
	assert_int_equal(act->u.fill.fill.from_qty, 0);
	assert_int_equal(act->u.fill.fill.to_qty, 4);
	assert_int_equal(act->u.fill.fill.amount_won, 324000);
	assert_int_equal(act->u.fill.cost.fee_won, 40); /* 46.008 cut to 10 won */
	act = rig_action(rig, ACTION_ORDER_EVENT);
	assert_int_equal(act->u.order_event.event, OEV_PARTIAL_FILL);
	assert_int_equal(act->u.order_event.state, ORDER_PARTIAL);
	assert_int_equal(act->u.order_event.filled_qty, 4);
	rig_listing(rig);
	assert_null(rig_action(rig, ACTION_FILL)); /* told twice, booked once */
	rig_fill_row(row, 6, 81000);
	rig_listing(rig);
	assert_int_equal(rig_action(rig, ACTION_FILL)->u.fill.cost.fee_won,
			 70); /* of the day's sum: 110 less 40 */
	assert_int_equal(rig_action(rig, ACTION_ORDER_EVENT)->u.order_event.event, OEV_COMPLETE_FILL);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.qty, 10);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.cost_won, 810000);
	assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000 - 810000 - 110);
	assert_int_equal(engine_status(rig->eng).orders_live, 0);
	rig_free(rig);
}

static void test_one_undecided(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it;

	(void)state;
	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_BUY, 5, 80900);
	rig_open(rig);
	it = go(rig);
	assert_non_null(it);
	rig_tick(rig, SAMSUNG, 81000); /* the second signal, while the first is not even recorded */
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_UNDECIDED);
	assert_null(rig_action(rig, ACTION_INTENT));
	rig_free(rig);
}

/* ---- doubt ---- */

static struct rig_intent *into_doubt(struct rig *rig)
{
	struct rig_intent *it;

	rig_open(rig);
	it = go(rig);
	assert_non_null(it);
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_RECORDED, OUTCOME_ACCEPTED, "");
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_MARKED, OUTCOME_ACCEPTED, "");
	rig_pass(rig, 5);
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_DOUBT, "");
	return it;
}

static void test_doubt_found(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it;

	(void)state;
	rig_signal(rig, rig_at(10, 1, 10), HYNIX, SIDE_BUY, 5, 118500);
	it = into_doubt(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	assert_non_null(rig_alert(rig, "in-doubt"));
	assert_non_null(rig_action(rig, ACTION_WANT_LISTING));
	rig->now = rig_at(10, 1, 10);
	rig_tick(rig, HYNIX, 118500);
	assert_true(rig_action(rig, ACTION_DECISION)->u.decision.observed);
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_OK);
	assert_null(rig_action(rig, ACTION_INTENT));
	rig->now = rig_at(10, 1, 2);
	rig_row(rig, &it->order)->filled_qty = 0;
	rig->now = rig_at(10, 1, 15);
	rig_listing(rig);
	assert_int_equal(rig_action(rig, ACTION_ORDER_EVENT)->u.order_event.event, OEV_FOUND);
	assert_string_equal(rig_action(rig, ACTION_ORDER_EVENT)->u.order_event.evidence, "likeness");
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_OPEN);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	/* Within T_ABS one more row as like as that one: which was ours? */
	rig->now = rig_at(10, 1, 3);
	rig_row(rig, &it->order);
	rig->now = rig_at(10, 1, 40);
	rig_listing(rig);
	assert_non_null(rig_alert(rig, "ambiguous-match"));
	assert_true(rig_action(rig, ACTION_MODE)->u.mode.sticky);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

static void test_doubt_found_filled(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it = into_doubt(rig);
	struct broker_order *row = rig_row(rig, &it->order);

	(void)state;
	rig_fill_row(row, 10, 80900);
	rig_pass(rig, 5);
	rig_listing(rig);
	assert_int_equal(rig_action(rig, ACTION_FILL)->u.fill.fill.to_qty, 10);
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_FILLED);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.cost_won, 809000);
	rig_free(rig);
}

static void test_absence(void **state)
{
	static const struct {
		const char *name;
		int gaps[5]; /* seconds before each listing; negative: that one fails */
		int count;
		enum order_state want;
	} cases[] = {
		{ "three over 120 s", { 5, 60, 60 }, 3, ORDER_NEVER_ARRIVED },
		{ "three, but too soon", { 5, 20, 20 }, 3, ORDER_IN_DOUBT },
		{ "two over 120 s", { 5, 130 }, 2, ORDER_IN_DOUBT },
		{ "failed asks count zero", { 5, -60, -60, 10 }, 4, ORDER_IN_DOUBT },
		{ "a failed one between", { 5, 60, -30, 30 }, 4, ORDER_NEVER_ARRIVED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *rig = one_buy();
		struct rig_intent *it;

		print_message("%s\n", cases[i].name);
		rig_signal(rig, rig_at(10, 10, 0), SAMSUNG, SIDE_BUY, 1, 81000);
		it = into_doubt(rig);
		for (int n = 0; n < cases[i].count; n++) {
			rig_pass(rig, abs(cases[i].gaps[n]));
			if (cases[i].gaps[n] < 0)
				rig_listing_trouble(rig);
			else
				rig_listing(rig);
		}
		assert_int_equal(rig_order(rig, it->order.intent_id)->state, cases[i].want);
		if (cases[i].want == ORDER_NEVER_ARRIVED) {
			assert_true(rig_action(rig, ACTION_LOCK)->u.lock.locked);
			assert_int_equal(rig_action(rig, ACTION_LOCK)->u.lock.side, SIDE_BUY);
			assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
			rig->now = rig_at(10, 10, 0);
			rig_price(rig, SAMSUNG, 81000);
			rig_tick(rig, SAMSUNG, 81000);
			assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict,
					 REASON_FW_LOCKED);
		} else {
			assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
		}
		rig_free(rig);
	}
}

static void test_near_miss(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it = into_doubt(rig);
	struct broker_order *row = rig_row(rig, &it->order);

	(void)state;
	row->qty = row->open_qty = 9; /* same symbol and side, another quantity */
	for (int n = 0; n < 6; n++) {
		rig_pass(rig, 60);
		rig_listing(rig);
		if (n == 0)
			assert_non_null(rig_alert(rig, "near-miss"));
		assert_null(rig_action(rig, ACTION_EXT_ORDER)); /* it may be ours: not walled off */
	}
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_IN_DOUBT);
	rig_free(rig);
}

static void test_ambiguous(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it = into_doubt(rig);

	(void)state;
	rig_row(rig, &it->order);
	rig_row(rig, &it->order);
	for (int n = 0; n < 4; n++) {
		rig_pass(rig, 60);
		rig_listing(rig);
	}
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_IN_DOUBT);
	assert_string_equal(rig_order(rig, it->order.intent_id)->odno, "");
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

static void test_window(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it = into_doubt(rig);
	struct broker_order *row = rig_row(rig, &it->order);

	(void)state;
	row->at.us -= 60 * SEC; /* alike, but a minute before the send: not this intent's */
	rig_pass(rig, 5);
	rig_listing(rig);
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_IN_DOUBT);
	rig_free(rig);
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *name;
		bool recorded, marked;
		enum engine_outcome outcome;
		enum order_state want;
	} cases[] = {
		{ "refused", true, true, OUTCOME_REFUSED, ORDER_REJECTED },
		{ "never recorded", false, false, OUTCOME_NOT_SENT, ORDER_NEVER_SENT },
		{ "recorded, not marked", true, false, OUTCOME_NOT_SENT, ORDER_NEVER_SENT },
		{ "marked, but the mark was too old", true, true, OUTCOME_NOT_SENT, ORDER_NEVER_SENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *rig = one_buy();
		struct rig_intent *it;

		print_message("%s\n", cases[i].name);
		rig_open(rig);
		it = go(rig);
		if (cases[i].recorded)
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_RECORDED, OUTCOME_ACCEPTED, "");
		if (cases[i].marked)
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_MARKED, OUTCOME_ACCEPTED, "");
		rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, cases[i].outcome, "");
		assert_int_equal(rig_order(rig, it->order.intent_id)->state, cases[i].want);
		assert_null(rig_action(rig, ACTION_ORDER_EVENT)); /* the order thread wrote that row */
		assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
		assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000);
		rig_free(rig);
	}
}

static void test_silence_of_the_order_thread(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it;

	(void)state;
	rig_open(rig);
	it = go(rig);
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_RECORDED, OUTCOME_ACCEPTED, "");
	rig_pass(rig, 29);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_pass(rig, 2);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

/* ---- others at the same account ---- */

static void test_ext(void **state)
{
	struct rig *rig = two_symbols();
	struct order theirs = { .side = SIDE_BUY, .qty = 100, .price_won = 80000, .symbol = SAMSUNG };
	const struct engine_action *act;
	struct broker_order *row;

	(void)state;
	rig_open(rig);
	row = rig_row(rig, &theirs);
	rig_listing(rig);
	act = rig_action(rig, ACTION_EXT_ORDER);
	assert_non_null(act);
	assert_string_equal(act->u.ext.row.odno, row->odno);
	assert_non_null(rig_alert(rig, "ext-order"));
	assert_int_equal(engine_status(rig->eng).cash_free_won, 92000000);
	rig_fill_row(row, 50, 79000);
	rig_listing(rig);
	assert_null(rig_action(rig, ACTION_EXT_ORDER)); /* known now */
	assert_null(rig_action(rig, ACTION_FILL)); /* and no fill of ours */
	assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000 - 50 * 79000 - 50 * 80000);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_free(rig);
}

static void test_notice(void **state)
{
	struct rig *rig = one_buy();
	struct engine_event ev = { .kind = EVENT_NOTICE };

	(void)state;
	rig_open(rig);
	ev.u.notice.kind = NOTICE_FILL;
	snprintf(ev.u.notice.odno, sizeof(ev.u.notice.odno), "0000000777");
	snprintf(ev.u.notice.symbol, sizeof(ev.u.notice.symbol), SAMSUNG);
	rig_timer(rig);
	rig_listing(rig);
	rig_pass(rig, 1);
	rig_step(rig, &ev);
	assert_non_null(rig_action(rig, ACTION_WANT_LISTING));
	assert_null(rig_action(rig, ACTION_FILL)); /* a notice never is fill truth */
	assert_null(go(rig));
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_LOCKED);
	rig_listing(rig);
	rig_signal(rig, rig_at(10, 1, 1), SAMSUNG, SIDE_BUY, 1, 81000);
	rig_free(rig);
}

static void test_ext_lots_are_not_sold(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	rig->in.lots[rig->in.lot_count++] =
		(struct lot){ .symbol = SAMSUNG, .owner = OWNER_EXT, .qty = 100, .cost_won = 7000000 };
	rig->in.lots[rig->in.lot_count++] =
		(struct lot){ .symbol = SAMSUNG, .owner = OWNER_SYS, .qty = 10, .cost_won = 800000 };
	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_SELL, 11, 81000);
	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_SELL, 10, 81000);
	rig_open(rig);
	assert_null(go(rig));
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_NOT_OURS);
	rig_tick(rig, SAMSUNG, 81000);
	assert_non_null(rig_intent(rig));
	rig_free(rig);
}

/* ---- cancels and the end ---- */

static void test_end(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *it, *cancel;
	struct broker_order *row;

	(void)state;
	rig_open(rig);
	it = go(rig);
	row = rig_accept(rig, it);
	rig_fill_row(row, 3, 81000);
	rig_listing(rig);
	rig->now = rig_at(15, 29, 0);
	rig_timer(rig);
	assert_int_equal(rig_action(rig, ACTION_STATUS)->u.status.state, ENGINE_STOPPING);
	for (int n = 0; n < 3; n++) {
		cancel = rig_intent(rig);
		assert_non_null(cancel);
		assert_int_equal(cancel->order.kind, INTENT_CANCEL);
		assert_int_equal(cancel->order.qty, 7);
		assert_string_equal(cancel->order.orig_odno, row->odno);
		rig_accept(rig, cancel);
		rig_pass(rig, 4);
		rig_listing(rig); /* too soon to judge */
		assert_null(rig_action(rig, ACTION_INTENT));
		rig_pass(rig, 2);
		rig_listing(rig);
	}
	assert_null(rig_intent(rig)); /* three in all */
	assert_non_null(rig_alert(rig, "cancel-fails"));
	assert_int_equal(rig->dones, 0);
	row = rig_find(rig, rig_order(rig, it->order.intent_id)->odno);
	row->cancelled_qty = 7;
	row->open_qty = 0;
	rig_pass(rig, 5);
	rig_listing(rig);
	assert_int_equal(rig_order(rig, it->order.intent_id)->state, ORDER_CANCELLED);
	assert_int_equal(rig_order(rig, cancel->order.intent_id)->state, ORDER_CANCELLED);
	assert_int_equal(rig->dones, 1);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.qty, 3);
	rig_tick(rig, SAMSUNG, 82000);
	assert_int_equal(rig->out.count, 0); /* over is over */
	rig_free(rig);
}

static void test_end_unconfirmed(void **state)
{
	struct rig *rig = one_buy();

	(void)state;
	rig_open(rig);
	rig_accept(rig, go(rig));
	rig->now = rig_at(15, 29, 0);
	rig_timer(rig);
	rig->now = rig_at(15, 40, 0);
	rig_timer(rig);
	assert_non_null(rig_alert(rig, "end-unconfirmed"));
	assert_int_equal(rig->dones, 1);
	rig_free(rig);
}

static void test_stop_by_signal(void **state)
{
	struct rig *rig = one_buy();
	struct engine_event ev = { .kind = EVENT_STOP };

	(void)state;
	rig_open(rig);
	rig_listing(rig);
	rig_pass(rig, 1);
	rig_step(rig, &ev);
	assert_non_null(rig_action(rig, ACTION_WANT_LISTING));
	rig_listing(rig);
	assert_int_equal(rig->dones, 1);
	rig_free(rig);
}

static void test_cancel_not_sent_is_no_try(void **state)
{
	struct rig *rig = one_buy();
	struct rig_intent *cancel;

	(void)state;
	rig_open(rig);
	rig_accept(rig, go(rig));
	rig_control(rig, CONTROL_ROW, MODE_HALT, true);
	for (int n = 0; n < 5; n++) {
		cancel = rig_intent(rig);
		assert_non_null(cancel);
		rig_outcome(rig, cancel->order.intent_id, EVENT_ORDER_SENT, OUTCOME_NOT_SENT, "");
		rig_pass(rig, 6);
		rig_listing(rig);
	}
	rig_free(rig);
}

/* ---- modes ---- */

struct brake {
	const char *name;
	struct engine_event event;
	enum mode want;
	bool sticky;
	struct engine_event over; /* kind 0: does not end by itself */
};

static void test_brakes(void **state)
{
	static const struct brake cases[] = {
		{ "feed down",
		  { .kind = EVENT_FEED, .u.feed.what = FEED_DOWN },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_FEED, .u.feed.what = FEED_UP } },
		{ "feed silent",
		  { .kind = EVENT_FEED, .u.feed.what = FEED_SILENT },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_FEED, .u.feed.what = FEED_UP } },
		{ "layout of frames changed",
		  { .kind = EVENT_FEED, .u.feed.what = FEED_SHAPE },
		  MODE_OBSERVE,
		  true,
		  { 0 } },
		{ "database lost",
		  { .kind = EVENT_DB, .u.db.ok = false },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_DB, .u.db.ok = true } },
		{ "journal late",
		  { .kind = EVENT_JOURNAL, .u.journal.late = true },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_JOURNAL } },
		{ "journal full", { .kind = EVENT_JOURNAL, .u.journal.full = true }, MODE_HALT, true, { 0 } },
		{ "ring full", { .kind = EVENT_RING_FULL, .u.ring.lost = 7 }, MODE_OBSERVE, true, { 0 } },
		{ "market halted",
		  { .kind = EVENT_MARKET, .u.market.halted = true },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_MARKET } },
		{ "row says HALT",
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ROW, MODE_HALT, true, 1 } },
		  MODE_HALT,
		  false,
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ROW, MODE_TRADE, true, INT64_MAX } } },
		{ "row unreadable",
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ROW, MODE_TRADE, false, 1 } },
		  MODE_HALT,
		  false,
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ROW, MODE_TRADE, true, INT64_MAX } } },
		{ "file unreadable",
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_FILE, MODE_TRADE, false, 1 } },
		  MODE_HALT,
		  false,
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_FILE, MODE_TRADE, true, 1 } } },
		{ "alert not acknowledged",
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ALERTS, MODE_OBSERVE, true, 1 } },
		  MODE_OBSERVE,
		  false,
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_ALERTS, MODE_TRADE, true, 1 } } },
		{ "signal",
		  { .kind = EVENT_CONTROL, .u.control = { CONTROL_SIGNAL, MODE_HALT, true, 1 } },
		  MODE_HALT,
		  false,
		  { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *rig = one_buy();
		struct engine_event ev = cases[i].event;
		const struct engine_action *act;
		bool sticky = false;

		print_message("%s\n", cases[i].name);
		rig_open(rig);
		rig_accept(rig, go(rig));
		rig_step(rig, &ev);
		assert_int_equal(engine_mode(rig->eng), cases[i].want);
		for (int n = 0; n < rig->out.count; n++) {
			act = &rig->out.rows[n];
			sticky = sticky || (act->kind == ACTION_MODE && act->u.mode.sticky);
		}
		assert_int_equal(sticky, cases[i].sticky);
		act = rig_action(rig,
				 ACTION_INTENT); /* the live buy is taken back, after the mode was told */
		assert_int_equal(act->u.intent.order.kind, INTENT_CANCEL);
		assert_int_equal(rig->out.rows[0].kind, ACTION_MODE);
		if (cases[i].over.kind != 0) {
			ev = cases[i].over;
			rig_step(rig, &ev);
			assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
		}
		rig_free(rig);
	}
}

static void test_signal_is_not_taken_back(void **state)
{
	struct rig *rig = one_buy();

	(void)state;
	rig_open(rig);
	rig_control(rig, CONTROL_SIGNAL, MODE_HALT, true);
	rig_control(rig, CONTROL_SIGNAL, MODE_TRADE, true);
	assert_int_equal(engine_mode(rig->eng), MODE_HALT);
	rig_free(rig);
}

static void test_resume(void **state)
{
	struct rig *rig = one_buy();
	struct engine_event ev = { .kind = EVENT_RING_FULL, .u.ring.lost = 1 };

	(void)state;
	rig_open(rig);
	rig_step(rig, &ev);
	rig_control(rig, CONTROL_ROW, MODE_OBSERVE, true); /* our own lowering, stored */
	rig_pass(rig, 60);
	rig_control(rig, CONTROL_ROW, MODE_TRADE, true); /* a person, later, higher */
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_free(rig);
}

static void test_certificate_is_the_ceiling(void **state)
{
	struct rig *rig = one_buy();

	(void)state;
	rig->in.certificate_mode = MODE_REDUCE;
	rig->in.lots[rig->in.lot_count++] = (struct lot){ .symbol = HYNIX, .qty = 10, .cost_won = 1180000 };
	rig_signal(rig, rig_at(10, 1, 0), HYNIX, SIDE_SELL, 10, 118500);
	rig_open(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_REDUCE);
	assert_null(go(rig));
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_MODE);
	rig_tick(rig, HYNIX, 118500);
	assert_int_equal(rig_intent(rig)->order.side, SIDE_SELL);
	rig_free(rig);
}

static void test_observer(void **state)
{
	struct rig *rig = one_buy();

	(void)state;
	rig->in.observer = true;
	rig_open(rig);
	assert_null(go(rig));
	assert_true(rig_action(rig, ACTION_DECISION)->u.decision.observed);
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_OK);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

static void test_observer_without_universe(void **state)
{
	struct rig *rig = rig_new();
	struct engine_event ev = { .kind = EVENT_STOP };

	(void)state;
	rig->in.observer = true;
	rig->in.limits = (struct limit_set){ 0 };
	rig_open(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_pass(rig, 1);
	rig_step(rig, &ev);
	rig_listing(rig);
	assert_int_equal(rig->dones, 1);
	rig_free(rig);
}

/* ---- losses ---- */

static struct rig *held(bool on_loss_reduce)
{
	struct rig *rig = two_symbols();

	rig->in.lots[rig->in.lot_count++] =
		(struct lot){ .symbol = SAMSUNG, .qty = 200, .cost_won = 16000000 };
	rig->in.limits.on_loss_reduce = on_loss_reduce;
	rig_signal(rig, rig_at(10, 5, 0), SAMSUNG, SIDE_SELL, 200, 0);
	rig_signal(rig, rig_at(10, 5, 0), HYNIX, SIDE_BUY, 1, 118500);
	rig_open(rig);
	return rig;
}

static void test_loss(void **state)
{
	struct rig *rig = held(false);

	(void)state;
	/* Since the previous close: 200 shares x 10,000 won. */
	rig_tick(rig, SAMSUNG, 71100);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_tick(rig, SAMSUNG, 71000);
	assert_int_equal(engine_status(rig->eng).day_result_won, -2000000);
	assert_int_equal(engine_mode(rig->eng), MODE_HALT);
	assert_non_null(rig_alert(rig, "guard-loss"));
	assert_int_equal(rig_action(rig, ACTION_MODE)->u.mode.store, MODE_HALT);
	rig->now = rig_at(10, 5, 0);
	rig_tick(rig, SAMSUNG, 71000);
	assert_null(rig_intent(rig)); /* exits included */
	rig_free(rig);

	rig = held(true);
	rig_tick(rig, SAMSUNG, 71000);
	assert_int_equal(engine_mode(rig->eng), MODE_REDUCE);
	rig->now = rig_at(10, 5, 0);
	rig_price(rig, HYNIX, 118500);
	rig_tick(rig, HYNIX, 118500);
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_MODE);
	rig_tick(rig, SAMSUNG, 71000);
	assert_int_equal(rig_intent(rig)->order.side, SIDE_SELL);
	rig_free(rig);
}

static void test_streak(void **state)
{
	struct rig *rig = held(false);
	struct rig_intent *it;

	(void)state;
	engine_free(rig->eng);
	rig->mode = MODE_OBSERVE;
	rig->in.losing_streak_before = 4;
	rig_open(rig);
	rig->now = rig_at(10, 5, 0);
	rig_price(rig, HYNIX, 118500);
	rig_tick(rig, SAMSUNG, 80900);
	it = rig_intent(rig);
	assert_int_equal(it->order.type, TYPE_MARKET);
	rig_fill_row(rig_accept(rig, it), 200,
		     80900); /* below the previous close: a losing round trip, the fifth */
	rig_pass(rig, 5);
	rig_listing(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_HALT);
	assert_non_null(rig_alert(rig, "guard-streak"));
	rig_free(rig);
}

/* ---- the firewall as the engine feeds it ---- */

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		int64_t qty, price_won;
		int tick_age_s, rest_age_s;
		int64_t rest_won;
		int at_s; /* after 10:01 */
		enum reason want;
	} cases[] = {
		{ "in order", 10, 81000, 0, 0, 81000, 0, REASON_OK },
		{ "off the grid", 10, 81050, 0, 0, 81000, 0, REASON_FW_TICK_SIZE },
		{ "over the band", 10, 106000, 0, 0, 81000, 0, REASON_FW_BAND },
		{ "outside the collar", 10, 84000, 0, 0, 81000, 0, REASON_FW_COLLAR },
		{ "over the order's value", 124, 81000, 0, 0, 81000, 0, REASON_FW_VALUE },
		{ "stale tick", 10, 81000, 31, 0, 81000, 0, REASON_FW_STALE_TICK },
		{ "no REST price for 61 s", 10, 81000, 0, 61, 81000, 0, REASON_FW_UNCONFIRMED },
		{ "REST price far away", 10, 81000, 0, 0, 78000, 0, REASON_FW_UNCONFIRMED },
		{ "after the end of entries", 10, 81000, 0, 0, 81000, 19000, REASON_FW_SESSION },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *rig = two_symbols();
		const struct engine_action *act;
		struct wall due = { rig_at(10, 1, 40).us + cases[i].at_s * SEC };

		print_message("%s\n", cases[i].name);
		rig_signal(rig, due, SAMSUNG, SIDE_BUY, cases[i].qty, cases[i].price_won);
		rig_open(rig);
		if (cases[i].tick_age_s > 0) {
			rig->now.us = due.us - cases[i].tick_age_s * SEC;
			rig_tick(rig, SAMSUNG, 81000);
		}
		rig->now.us = due.us - cases[i].rest_age_s * SEC;
		rig_price(rig, SAMSUNG, cases[i].rest_won);
		rig->now = due;
		if (cases[i].tick_age_s > 0)
			rig_timer(rig);
		else
			rig_tick(rig, SAMSUNG, 81000);
		act = rig_action(rig, ACTION_DECISION);
		assert_non_null(act);
		assert_int_equal(act->u.decision.verdict, cases[i].want);
		assert_int_equal(rig_intent(rig) != NULL, cases[i].want == REASON_OK);
		rig_free(rig);
	}
}

static void test_band_refusals(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_BUY, 1, 106000);
	rig_signal(rig, rig_at(10, 2, 30), SAMSUNG, SIDE_BUY, 1, 106000);
	rig_open(rig);
	assert_null(go(rig));
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig->now = rig_at(10, 2, 30);
	rig_tick(rig, SAMSUNG, 81000);
	assert_int_equal(engine_mode(rig->eng), MODE_HALT);
	assert_non_null(rig_alert(rig, "band-refusals"));
	rig_free(rig);
}

static void test_repeated(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	for (int n = 0; n < 4; n++)
		rig_signal(rig, rig_at(10, 1, n), SAMSUNG, SIDE_BUY, 1, 81000);
	rig_open(rig);
	rig_prices(rig);
	for (int n = 0; n < 4; n++) {
		rig->now = rig_at(10, 1, n);
		rig_tick(rig, SAMSUNG, 81000);
		if (n < 3) { /* each fills at once, so nothing but the repetition speaks against the next */
			rig_fill_row(rig_accept(rig, rig_intent(rig)), 1, 81000);
			rig_listing(rig);
			assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
		}
	}
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_REPEATED);
	assert_int_equal(engine_mode(rig->eng), MODE_REDUCE);
	assert_true(rig_action(rig, ACTION_MODE)->u.mode.sticky);
	rig_free(rig);
}

static void test_equal_refusals_are_one_row(void **state)
{
	struct rig *rig = two_symbols();
	int rows = 0;

	(void)state;
	rig_params(rig, "breakout", "wait_s = 0\n");
	rig->in.limits.positions_max = 0;
	rig_open(rig);
	for (int n = 0; n < 90; n++) {
		struct engine_event ev = { .kind = EVENT_TICK };

		rig->now = (struct wall){ rig_at(10, 1, 0).us + n * SEC };
		rig_price(rig, SAMSUNG, 83000);
		ev.u.tick = (struct trade_tick){ .symbol = SAMSUNG,
						 .price_won = 83000,
						 .open_won = 81000,
						 .high_won = 83000,
						 .low_won = 81000 };
		rig_step(rig, &ev);
		rows += rig_action(rig, ACTION_DECISION) != NULL;
	}
	assert_int_equal(rows, 2);
	assert_int_equal(engine_status(rig->eng).decisions_equal, 88);
	rig_free(rig);
}

static void test_opening_print(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	rig_begin(rig);
	rig_feed(rig, FEED_UP, "");
	rig_listing(rig);
	rig->now = rig_at(10, 0, 59);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig->now = rig_at(10, 1, 0);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	assert_non_null(rig_alert(rig, "no-opening-print"));
	rig_tick(rig, SAMSUNG, 81000);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_free(rig);
}

/* A worker that starts in the day gives the feed its time from then on. */
static void test_opening_print_after_a_restart(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	rig->now = rig_at(11, 0, 0);
	rig_begin(rig);
	rig_feed(rig, FEED_UP, "");
	rig_listing(rig);
	rig->now = rig_at(11, 0, 59);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig->now = rig_at(11, 1, 0);
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

static void test_listing_trouble(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	rig_open(rig);
	for (int n = 0; n < 3; n++) {
		rig_pass(rig, 10);
		rig_tick(rig, SAMSUNG, 81000);
		rig_listing_trouble(rig);
	}
	rig_timer(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_listing(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_TRADE);
	rig_free(rig);
}

static void test_listing_pace(void **state)
{
	struct rig *rig = two_symbols();
	int wanted;

	(void)state;
	rig_signal(rig, rig_at(10, 1, 40), SAMSUNG, SIDE_BUY, 10, 81000);
	rig_open(rig);
	rig_listing(rig);
	wanted = rig->listings_wanted;
	for (int n = 0; n < 59; n++) {
		rig_pass(rig, 1);
		rig_timer(rig);
	}
	assert_int_equal(rig->listings_wanted, wanted);
	rig_pass(rig, 1);
	rig_timer(rig);
	assert_int_equal(rig->listings_wanted, wanted + 1); /* every 60 s */
	rig_listing(rig);
	rig->now = rig_at(10, 1, 40);
	rig_prices(rig);
	rig_tick(rig, SAMSUNG, 81000);
	rig_accept(rig, rig_intent(rig));
	rig_listing(rig);
	rig_listing(rig);
	wanted = rig->listings_wanted;
	for (int n = 0; n < 5; n++) {
		rig_pass(rig, 1);
		rig_timer(rig);
	}
	assert_int_equal(rig->listings_wanted, wanted + 1); /* every 5 s while an own order lives */
	rig_free(rig);
}

/* ---- contradictions ---- */

static void test_contradictions(void **state)
{
	static const struct {
		const char *name;
		int64_t qty, filled_qty, filled_won;
	} cases[] = {
		{ "the cumulative falls", 10, 3, 243000 },
		{ "more filled than ordered", 10, 11, 891000 },
		{ "shares without won", 10, 5, 324000 },
		{ "another quantity", 20, 4, 324000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *rig = one_buy();
		struct broker_order *row;

		print_message("%s\n", cases[i].name);
		rig_open(rig);
		row = rig_accept(rig, go(rig));
		rig_fill_row(row, 4, 81000);
		rig_listing(rig);
		row->qty = cases[i].qty;
		row->filled_qty = cases[i].filled_qty;
		row->filled_won = cases[i].filled_won;
		rig_listing(rig);
		assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
		assert_non_null(rig_alert(rig, "position-mismatch"));
		assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.qty, 4);
		rig_free(rig);
	}
}

static void test_balance(void **state)
{
	struct rig *rig = two_symbols();
	struct broker_holding rows[2] = { { .symbol = SAMSUNG, .qty = 10, .sellable_qty = 10 } };
	struct engine_event ev = { .kind = EVENT_BALANCE };

	(void)state;
	rig->in.lots[rig->in.lot_count++] = (struct lot){ .symbol = SAMSUNG, .qty = 10, .cost_won = 800000 };
	rig->in.locks[rig->in.lock_count++] = (struct engine_lock){ SAMSUNG, SIDE_SELL };
	rig_signal(rig, rig_at(10, 1, 0), SAMSUNG, SIDE_SELL, 10, 81000);
	rig_signal(rig, rig_at(10, 3, 0), SAMSUNG, SIDE_SELL, 10, 81000);
	rig_open(rig);
	assert_null(go(rig));
	assert_int_equal(rig_action(rig, ACTION_DECISION)->u.decision.verdict, REASON_FW_LOCKED);
	ev.u.balance = (struct broker_balance){
		.state = LISTING_COMPLETE, .asked = rig->now, .rows = rows, .count = 1, .room = 2
	};
	rig_step(rig, &ev);
	assert_false(rig_action(rig, ACTION_LOCK)->u.lock.locked);
	rig->now = rig_at(10, 3, 0);
	rig_tick(rig, SAMSUNG, 81000);
	assert_non_null(rig_intent(rig));
	rig_free(rig);

	rig = two_symbols();
	rig_open(rig);
	ev.u.balance.asked = rig->now;
	rig_step(rig, &ev); /* ten shares that no book knows */
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE);
	rig_free(rig);
}

/* ---- a restart in the day ---- */

static void test_restart(void **state)
{
	struct rig *rig = two_symbols();
	struct order o = { .day.yyyymmdd = RIG_DAY,
			   .symbol = SAMSUNG,
			   .side = SIDE_BUY,
			   .qty = 10,
			   .price_won = 81000,
			   .excg = "KRX" };
	struct order *rows = rig->in.orders;
	int events = 0;

	(void)state;
	rig->in.snapshot_frozen = rig_at(9, 20, 0);
	rig->now = rig_at(11, 0, 0);
	for (int i = 0; i < 3; i++) {
		rows[i] = o;
		rows[i].intent_id = INT64_C(2021010400000800001) + i;
		rows[i].recorded = rig_at(10, 30 + i, 0);
	}
	rows[0].state = ORDER_FILLED;
	rows[0].filled_qty = 10;
	rows[0].filled_won = 810000;
	snprintf(rows[0].odno, sizeof(rows[0].odno), "0000000001");
	rows[1].state = ORDER_RECORDED;
	rows[2].state = ORDER_SENDING;
	rows[2].side = SIDE_SELL;
	rows[2].sent = rig_at(10, 32, 0);
	rig->in.order_count = 3;
	rig->in.fills[0] = (struct fill){ .intent_id = rows[0].intent_id,
					  .day.yyyymmdd = RIG_DAY,
					  .odno = "0000000001",
					  .symbol = SAMSUNG,
					  .side = SIDE_BUY,
					  .to_qty = 10,
					  .amount_won = 810000,
					  .at = rig_at(10, 30, 5) };
	rig->in.fill_count = 1;
	assert_int_equal(engine_new(&rig->in, &rig->eng), REASON_OK);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.qty, 10);
	assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000 - 810000 - 110 - 810000 - 116);
	{
		struct engine_event start = { .kind = EVENT_START };

		rig_step(rig, &start);
	}
	for (int i = 0; i < rig->out.count; i++) {
		const struct engine_action *act = &rig->out.rows[i];

		if (act->kind != ACTION_ORDER_EVENT)
			continue;
		events++;
		if (act->u.order_event.intent_id == rows[1].intent_id)
			assert_int_equal(act->u.order_event.state, ORDER_NEVER_SENT);
		else
			assert_int_equal(act->u.order_event.state, ORDER_IN_DOUBT);
	}
	assert_int_equal(events, 2);
	assert_int_equal(engine_status(rig->eng).orders_doubt, 1);
	assert_int_equal(engine_status(rig->eng).cash_free_won, 100000000 - 810000 - 110);
	rig_control(rig, CONTROL_ROW, MODE_TRADE, true);
	rig_control(rig, CONTROL_FILE, MODE_TRADE, true);
	rig_listing(rig);
	assert_int_equal(engine_mode(rig->eng), MODE_OBSERVE); /* in doubt */
	rig_free(rig);
}

static void test_snapshot_in_the_day(void **state)
{
	struct rig *rig = two_symbols();

	(void)state;
	/* Accepted at 11:00 with the shares bought at 10:30: they are not counted twice, their costs still make the day's sum. */
	rig->in.snapshot_frozen = rig_at(11, 0, 0);
	rig->in.cash_won = 99189890;
	rig->in.lots[rig->in.lot_count++] = (struct lot){ .symbol = SAMSUNG, .qty = 10, .cost_won = 810000 };
	rig->in.fills[0] = (struct fill){ .day.yyyymmdd = RIG_DAY,
					  .symbol = SAMSUNG,
					  .side = SIDE_BUY,
					  .to_qty = 10,
					  .amount_won = 810000,
					  .at = rig_at(10, 30, 5) };
	rig->in.fill_count = 1;
	assert_int_equal(engine_new(&rig->in, &rig->eng), REASON_OK);
	assert_int_equal(engine_position(rig->eng, SAMSUNG)->lot.qty, 10);
	assert_int_equal(engine_status(rig->eng).cash_free_won, 99189890);
	assert_int_equal(engine_status(rig->eng).day_result_won, -110);
	rig_free(rig);
}

static void test_bad_inputs(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		static const enum reason want[] = { REASON_CONF_RANGE,       REASON_CONF_RANGE,
						    REASON_OVERFLOW,         REASON_ROW_INCONSISTENT,
						    REASON_ROW_INCONSISTENT, REASON_STRATEGY_REHEARSAL,
						    REASON_PARAMS_RANGE,     REASON_ROW_INCONSISTENT };
		struct rig *rig = two_symbols();

		switch (i) {
		case 0: rig->in.epoch = 0; break;
		case 1: rig->in.session_open = rig->in.session_end; break;
		case 2: rig->in.symbol_count = 0; break;
		case 3: rig->in.symbols[1] = rig->in.symbols[0]; break;
		case 4: rig->in.symbols[0].previous_close_won = 0; break;
		case 5: rig->in.rehearsal = false; break;
		case 6: rig->in.strategy_version++; break;
		case 7:
			rig->in.lots[rig->in.lot_count++] = (struct lot){ .symbol = "999999", .qty = 1 };
			break;
		}
		assert_int_equal(engine_new(&rig->in, &rig->eng), want[i]);
		assert_null(rig->eng);
		rig_free(rig);
	}
}

/* ---- bytes ---- */

static void test_codec(void **state)
{
	static uint8_t bytes[ENGINE_EVENT_SIZE_MAX], again[ENGINE_EVENT_SIZE_MAX];
	struct engine_event_room *room = calloc(1, sizeof(*room));
	struct broker_order row = { .day.yyyymmdd = RIG_DAY,
				    .odno = "0000000042",
				    .symbol = SAMSUNG,
				    .qty = 10,
				    .open_qty = 10,
				    .excg = "KRX" };
	struct broker_holding holding = { .symbol = SAMSUNG, .qty = 10, .sellable_qty = 9 };

	(void)state;
	for (int kind = EVENT_START; kind < EVENT_KIND_COUNT; kind++) {
		struct engine_event ev = { .kind = (enum engine_event_kind)kind,
					   .seq = 77,
					   .at = rig_at(10, 0, 0) },
				    back;
		size_t len = 0, len2 = 0;

		if (kind == EVENT_TICK)
			ev.u.tick = (struct trade_tick){
				.symbol = SAMSUNG, .price_won = 81000, .market_phase = '2', .halted = true
			};
		if (kind == EVENT_LISTING)
			ev.u.listing = (struct broker_order_list){
				.state = LISTING_COMPLETE, .rows = &row, .count = 1, .room = 1
			};
		if (kind == EVENT_BALANCE)
			ev.u.balance = (struct broker_balance){
				.state = LISTING_COMPLETE, .rows = &holding, .count = 1, .room = 1
			};
		if (kind == EVENT_ORDER_SENT)
			ev.u.order.intent_id = INT64_C(2021010400000900001);
		assert_int_equal(engine_event_write(&ev, bytes, sizeof(bytes), &len), REASON_OK);
		assert_int_equal(engine_event_read(bytes, len, room, &back), REASON_OK);
		assert_int_equal(engine_event_write(&back, again, sizeof(again), &len2), REASON_OK);
		assert_int_equal(len, len2);
		assert_memory_equal(bytes, again, len);
		assert_int_equal(engine_event_read(bytes, len - 1, room, &back), REASON_FILE_SHAPE);
		assert_int_equal(engine_event_write(&ev, bytes, len - 1, &len2), REASON_OVERFLOW);
	}
	bytes[0] = EVENT_KIND_COUNT;
	{
		struct engine_event back;

		assert_int_equal(engine_event_read(bytes, 3, room, &back), REASON_FILE_SHAPE);
	}
	free(room);
}

static void test_inputs_codec(void **state)
{
	struct rig *rig = one_buy();
	struct engine_inputs *back = malloc(sizeof(*back));
	uint8_t *bytes = malloc(ENGINE_INPUTS_SIZE_MAX), *again = malloc(ENGINE_INPUTS_SIZE_MAX);
	size_t len = 0, len2 = 0;

	(void)state;
	rig->in.lots[rig->in.lot_count++] = (struct lot){ .symbol = SAMSUNG, .qty = 10, .cost_won = -1 };
	rig->in.limits.on_loss_reduce = true;
	assert_int_equal(engine_inputs_write(&rig->in, bytes, ENGINE_INPUTS_SIZE_MAX, &len), REASON_OK);
	assert_int_equal(engine_inputs_read(bytes, len, back), REASON_OK);
	assert_int_equal(back->limits.order_value_won, 10000000);
	assert_true(back->limits.on_loss_reduce);
	assert_string_equal(back->symbols[1].symbol, HYNIX);
	assert_int_equal(back->lots[0].cost_won, -1);
	assert_int_equal(engine_inputs_write(back, again, ENGINE_INPUTS_SIZE_MAX, &len2), REASON_OK);
	assert_int_equal(len, len2);
	assert_memory_equal(bytes, again, len);
	for (size_t cut = 0; cut < len; cut += 7)
		assert_int_equal(engine_inputs_read(bytes, cut, back), REASON_FILE_SHAPE);
	free(bytes);
	free(again);
	free(back);
	rig_free(rig);
}

/* ---- a day of random events ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void random_broker(struct rig *rig, uint64_t *seed)
{
	struct rig_intent *it;
	struct broker_order *row;

	/* The order thread: one intent at a time gets some outcome. */
	if (next_random(seed) % 3 == 0 && (it = rig_intent(rig)) != NULL) {
		switch (next_random(seed) % 12) {
		case 0: rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_NOT_SENT, ""); break;
		case 1:
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_RECORDED, OUTCOME_ACCEPTED, "");
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_REFUSED, "");
			break;
		case 2: /* lost, and it arrived */
			rig_row(rig, &it->order)->is_cancel = it->order.kind == INTENT_CANCEL;
			memcpy(rig->rows[rig->row_count - 1].orig_odno, it->order.orig_odno, ODNO_SIZE);
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_MARKED, OUTCOME_ACCEPTED, "");
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_DOUBT, "");
			break;
		case 3: /* lost, and it did not */
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_MARKED, OUTCOME_ACCEPTED, "");
			rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_DOUBT, "");
			break;
		default:
			row = rig_accept(rig, it);
			if (row->is_cancel && next_random(seed) % 2) {
				struct broker_order *target = rig_find(rig, row->orig_odno);

				if (target && target->open_qty > 0) {
					target->cancelled_qty = target->open_qty;
					target->open_qty = 0;
				}
			}
			break;
		}
	}
	/* The exchange. */
	for (int i = 0; i < rig->row_count; i++) {
		row = &rig->rows[i];
		if (row->is_cancel || row->open_qty == 0 || next_random(seed) % 8 != 0)
			continue;
		rig_fill_row(row, 1 + (int64_t)(next_random(seed) % (uint64_t)row->open_qty),
			     row->price_won > 0 ? row->price_won : 80000);
	}
}

static struct digest random_day(uint64_t seed, int events, int64_t *out_orders)
{
	struct rig *rig = rig_new();
	struct digest chain;

	static const char *const symbols[] = { "000001", "000002", "000003", "000004", "000005", "000006" };
	int64_t price[ARRAY_COUNT(symbols)], open[ARRAY_COUNT(symbols)];

	for (size_t i = 0; i < ARRAY_COUNT(symbols); i++) {
		rig_symbol(rig, symbols[i], 80000, 80500, 79500);
		price[i] = open[i] = 80000;
	}
	rig_params(rig, "breakout", "wait_s=0\nk_bp=1000\nstop_bp=60\ntarget_bp=60\npause_s=0\nentries=3\n");
	rig->in.limits.losing_streak = 50;
	rig->in.limits.loss_day_won = 10000000;
	rig_open(rig);
	for (int n = 0; n < events; n++) {
		size_t s = next_random(&seed) % ARRAY_COUNT(symbols);

		rig->now.us += (int64_t)(next_random(&seed) % (2 * SEC));
		if (next_random(&seed) % 40 == 0)
			rig->now.us -= (int64_t)(next_random(&seed) % SEC); /* an event that comes late */
		switch (next_random(&seed) % 64) {
		case 0: rig_feed(rig, FEED_DOWN, ""); break;
		case 1:
		case 2:
			rig_feed(rig, FEED_UP, "");
			for (size_t i = 0; i < ARRAY_COUNT(symbols); i++)
				rig_feed(rig, FEED_SYMBOL_UP, symbols[i]);
			break;
		case 3: rig_listing_trouble(rig); break;
		case 4: rig_control(rig, CONTROL_ROW, (enum mode)(next_random(&seed) % 4), true); break;
		case 5:
		case 6: rig_control(rig, CONTROL_ROW, MODE_TRADE, true); break;
		case 7: rig_control(rig, CONTROL_FILE, MODE_TRADE, next_random(&seed) % 4 != 0); break;
		case 8:
		case 9:
		case 10: rig_timer(rig); break;
		case 11:
		case 12:
		case 13:
		case 14: rig_listing(rig); break;
		case 15:
		case 16:
			for (size_t i = 0; i < ARRAY_COUNT(symbols); i++)
				rig_price(rig, symbols[i], price[i]);
			break;
		default: {
			struct engine_event ev = { .kind = EVENT_TICK };

			price[s] += ((int64_t)(next_random(&seed) % 5) - 2) * 100;
			if (price[s] < 70000 || price[s] > 90000)
				price[s] = 80000;
			memcpy(ev.u.tick.symbol, symbols[s], 7);
			ev.u.tick.price_won = price[s];
			ev.u.tick.open_won = open[s];
			ev.u.tick.high_won = ev.u.tick.low_won = price[s];
			rig_step(rig, &ev);
			break;
		}
		}
		random_broker(rig, &seed);
	}
	chain = rig->chain;
	if (out_orders)
		*out_orders += rig->intent_count;
	rig_free(rig);
	return chain;
}

/* The rules of rig_invariants hold after each of them, under the sanitizers when those are built in. */
static void test_random_days(void **state)
{
	int64_t orders = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++)
		random_day(seed * 0x9E3779B97F4A7C15u, 6000, &orders);
	print_message("%lld intents\n", (long long)orders);
	assert_true(orders > 200);
}

static void test_same_bytes_twice(void **state)
{
	struct digest a, b, c;

	(void)state;
	a = random_day(42, 4000, NULL);
	b = random_day(42, 4000, NULL);
	c = random_day(43, 4000, NULL);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_buy_to_fill),
		cmocka_unit_test(test_one_undecided),
		cmocka_unit_test(test_doubt_found),
		cmocka_unit_test(test_doubt_found_filled),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_near_miss),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_silence_of_the_order_thread),
		cmocka_unit_test(test_ext),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_ext_lots_are_not_sold),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_unconfirmed),
		cmocka_unit_test(test_stop_by_signal),
		cmocka_unit_test(test_cancel_not_sent_is_no_try),
		cmocka_unit_test(test_brakes),
		cmocka_unit_test(test_signal_is_not_taken_back),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_certificate_is_the_ceiling),
		cmocka_unit_test(test_observer),
		cmocka_unit_test(test_observer_without_universe),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_streak),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_band_refusals),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_equal_refusals_are_one_row),
		cmocka_unit_test(test_opening_print),
		cmocka_unit_test(test_opening_print_after_a_restart),
		cmocka_unit_test(test_listing_trouble),
		cmocka_unit_test(test_listing_pace),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_snapshot_in_the_day),
		cmocka_unit_test(test_bad_inputs),
		cmocka_unit_test(test_codec),
		cmocka_unit_test(test_inputs_codec),
		cmocka_unit_test(test_random_days),
		cmocka_unit_test(test_same_bytes_twice),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
