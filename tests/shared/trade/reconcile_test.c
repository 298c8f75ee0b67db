/*
 * reconcile: situations that have cost other systems money, each as one question and its whole answer.
 *
 * The account: 100 shares of 005930 for 7,000,000 won and 10,000,000 won of cash, accepted on Mon 2026-03-09
 * at 08:49. A case says what differs from that, and everything that must be in the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/reconcile.h"

#define P   20260309
#define D   20260310
#define KRX "KRX"

static struct wall at(int32_t day, int hour, int minute, int second)
{
	return kst_wall((struct kst_day){ day }, hour * 3600 + minute * 60 + second);
}

/* ---- the table in which a case is laid out ---- */

struct desk {
	struct order orders[64];
	struct fill fills[64];
	struct sighting sightings[16];
	struct mismatch mismatches_in[16];
	struct symbol_rule symbols[4];
	struct lot lots_in[16];
	struct broker_order rows[64];
	struct broker_holding holdings[16];
	struct broker_reservation resv[4];
	struct ours ours;
	struct theirs theirs;
	struct reconcile_rules rules;
	struct wall now;

	struct resolution res[128];
	struct finding findings[64];
	struct symbol_lock locks[32];
	struct mismatch mismatches[32];
	struct lot lots[32];
	struct reconcile_out out;
	enum reason why;
};
static struct desk d;

static void lay(struct wall now)
{
	static const struct symbol_rule symbols[] = {
		{ "005930", MARKET_KOSPI, SYMBOL_STOCK },
		{ "000660", MARKET_KOSPI, SYMBOL_STOCK },
		{ "035720", MARKET_KOSPI, SYMBOL_STOCK },
	};

	memset(&d, 0, sizeof(d));
	memcpy(d.symbols, symbols, sizeof(symbols));
	d.now = now;
	d.lots_in[0] = (struct lot){ "005930", OWNER_SYS, 100, 7000000 };
	d.ours = (struct ours){
		.snapshot_known = true,
		.snapshot = { .snapshot_id = 1,
			      .day = { P },
			      .frozen = at(P, 8, 49, 0),
			      .cash_won = 10000000,
			      .lots = d.lots_in,
			      .lot_count = 1,
			      .lot_room = 16 },
		.orders = d.orders,
		.fills = d.fills,
		.sightings = d.sightings,
		.mismatches = d.mismatches_in,
		.symbols = d.symbols,
		.symbol_count = 3,
	};
	d.holdings[0] = (struct broker_holding){
		.symbol = "005930", .qty = 100, .sellable_qty = 100, .cost_won = 7000000, .price_won = 70000
	};
	d.theirs = (struct theirs){
		.orders = { .state = LISTING_COMPLETE,
			    .from = { P },
			    .to = { D },
			    .asked = now,
			    .answered = now,
			    .rows = d.rows,
			    .room = 64 },
		.balance = { .state = LISTING_COMPLETE,
			     .asked = now,
			     .answered = now,
			     .rows = d.holdings,
			     .count = 1,
			     .room = 16,
			     .cash_d2_won = INT64_MIN },
		.reservations = { .state = LISTING_COMPLETE, .offered = true, .rows = d.resv, .room = 4 },
	};
	d.rules = (struct reconcile_rules){
		.t_abs_us = 120 * US_PER_S,
		.t_lag_us = 180 * US_PER_S,
		.skew_us = 2 * US_PER_S,
		.order_timeout_us = 5 * US_PER_S,
		.n_abs = 3,
		.costs_tolerance_won = 1000,
		.commission_ppm = 142,
		.day = { D },
		.session_end = at(D, 15, 30, 0),
	};
}

/* The snapshot of this day's morning in place of yesterday's. */
static void lay_in_session(struct wall now)
{
	lay(now);
	d.ours.snapshot.day = (struct kst_day){ D };
	d.ours.snapshot.frozen = at(D, 8, 49, 0);
	d.theirs.orders.from = (struct kst_day){ D };
}

static struct order *order(int64_t id, enum order_side side, const char *symbol, int64_t qty,
			   int64_t price_won, enum order_state state, const char *odno, struct wall sent)
{
	struct order *o = &d.orders[d.ours.order_count++];

	*o = (struct order){ .intent_id = id,
			     .day = kst_day_of(sent),
			     .side = side,
			     .qty = qty,
			     .price_won = price_won,
			     .excg = KRX,
			     .state = state,
			     .recorded = wall_add_us(sent, -40000),
			     .sent = sent };
	snprintf(o->symbol, sizeof(o->symbol), "%s", symbol);
	snprintf(o->odno, sizeof(o->odno), "%s", odno);
	return o;
}

static struct broker_order *row(const char *odno, enum order_side side, const char *symbol, int64_t qty,
				int64_t price_won, int64_t filled, int64_t amount, int64_t cancelled,
				int64_t open, int64_t rejected, struct wall when)
{
	struct broker_order *r = &d.rows[d.theirs.orders.count++];

	*r = (struct broker_order){ .day = kst_day_of(when),
				    .side = side,
				    .qty = qty,
				    .price_won = price_won,
				    .filled_qty = filled,
				    .filled_won = amount,
				    .open_qty = open,
				    .cancelled_qty = cancelled,
				    .rejected_qty = rejected,
				    .at = when,
				    .excg = KRX,
				    .branch = "06010",
				    .by_api = true };
	snprintf(r->odno, sizeof(r->odno), "%s", odno);
	snprintf(r->symbol, sizeof(r->symbol), "%s", symbol);
	return r;
}

static void fill(int64_t id, const struct order *o, int64_t from, int64_t to, int64_t amount,
		 struct wall when)
{
	struct fill *f = &d.fills[d.ours.fill_count++];

	*f = (struct fill){ .fill_id = id,
			    .intent_id = o->intent_id,
			    .day = o->day,
			    .side = o->side,
			    .owner = o->owner,
			    .from_qty = from,
			    .to_qty = to,
			    .amount_won = amount,
			    .at = when };
	snprintf(f->symbol, sizeof(f->symbol), "%s", o->symbol);
	snprintf(f->odno, sizeof(f->odno), "%s", o->odno);
}

static void holding(const char *symbol, int64_t qty, int64_t sellable)
{
	struct broker_holding *h = &d.holdings[d.theirs.balance.count++];

	*h = (struct broker_holding){
		.qty = qty, .sellable_qty = sellable, .cost_won = -1, .price_won = 70000
	};
	snprintf(h->symbol, sizeof(h->symbol), "%s", symbol);
}

/* The broker's cash not named = what our books expect, found by asking once. */
static void ask(void)
{
	bool told = d.theirs.balance.cash_d2_won != INT64_MIN;

	for (int pass = told ? 2 : 1; pass <= 2; pass++) {
		memset(&d.out, 0, sizeof(d.out));
		d.out = (struct reconcile_out){
			.resolutions = d.res,
			.resolution_room = 128,
			.findings = d.findings,
			.finding_room = 64,
			.locks = d.locks,
			.lock_room = 32,
			.mismatches = d.mismatches,
			.mismatch_room = 32,
			.snapshot = { .lots = d.lots, .lot_room = 32 },
		};
		if (pass == 1) {
			int64_t tolerance_won = d.rules.costs_tolerance_won;

			d.rules.costs_tolerance_won = 0;
			d.theirs.balance.cash_d2_won = -1; /* never believed: our own figure stays */
			d.why = reconcile(&d.ours, &d.theirs, &d.rules, d.now, &d.out);
			d.rules.costs_tolerance_won = tolerance_won;
			d.theirs.balance.cash_d2_won = d.out.snapshot.cash_won;
		} else {
			d.why = reconcile(&d.ours, &d.theirs, &d.rules, d.now, &d.out);
		}
	}
	if (!told)
		d.theirs.balance.cash_d2_won = INT64_MIN;
	assert_int_equal(d.why, REASON_OK);
	/* True of every answer. */
	if (d.out.accepted) {
		assert_int_equal(d.out.refusal, REASON_OK);
		assert_int_equal(d.out.ceiling, MODE_TRADE);
	} else {
		assert_int_equal(d.out.ceiling,
				 reason_kind(d.out.refusal) == KIND_FAIL ? MODE_HALT : MODE_OBSERVE);
	}
	for (int i = 0; i < d.out.resolution_count; i++) {
		enum order_state from = ORDER_SENDING, to;

		if (d.res[i].order_index >= 0)
			from = d.orders[d.res[i].order_index].state;
		assert_int_equal(order_move(from, d.res[i].event, &to), REASON_OK);
		assert_int_equal(d.res[i].to, to);
	}
}

/* Stores the answer as the phase does, and lets time pass. */
static void apply_and_wait(int seconds)
{
	for (int i = 0; i < d.out.resolution_count; i++) {
		const struct resolution *r = &d.res[i];
		struct order *o;

		if (r->order_index >= 0) {
			o = &d.orders[r->order_index];
		} else {
			o = order(0, r->ext.side, r->ext.symbol, r->ext.qty, r->ext.price_won, r->to, r->odno,
				  r->ext.at);
			o->owner = OWNER_EXT;
			o->recorded = d.now;
			o->filled_qty = r->ext.filled_qty;
			o->filled_won = r->ext.filled_won;
		}
		o->state = r->to;
		if (r->odno[0]) {
			if (o->odno[0] && strcmp(o->odno, r->odno) != 0)
				memcpy(o->orig_odno, o->odno, sizeof(o->odno));
			memcpy(o->odno, r->odno, sizeof(o->odno));
			o->qty = r->ext.qty;
			o->price_won = r->ext.price_won;
		}
		if (r->by_likeness)
			o->bound = d.now;
		if (r->has_fill) {
			o->filled_qty = r->fill.to_qty;
			if (r->order_index >= 0)
				o->filled_won += r->fill.amount_won;
			d.fills[d.ours.fill_count++] = r->fill;
		}
	}
	memcpy(d.mismatches_in, d.mismatches, sizeof(d.mismatches_in));
	d.ours.mismatch_count = d.out.mismatch_count;
	d.sightings[d.ours.sighting_count++] = (struct sighting){ { D }, d.now };
	d.now = wall_add_us(d.now, seconds * US_PER_S);
	d.theirs.orders.asked = d.theirs.orders.answered = d.theirs.balance.answered = d.now;
}

/* ---- reading the answer ---- */

static const struct resolution *res_of(int order_index)
{
	const struct resolution *found = NULL;

	for (int i = 0; i < d.out.resolution_count; i++) {
		if (d.res[i].order_index != order_index)
			continue;
		assert_null(found); /* one order, one resolution */
		found = &d.res[i];
	}
	return found;
}

static void expect_move(int order_index, enum order_state to, const char *odno)
{
	const struct resolution *r = res_of(order_index);

	assert_non_null(r);
	assert_int_equal(r->to, to);
	assert_string_equal(r->odno, odno);
	assert_non_null(r->evidence);
}

static void expect_fill(int order_index, int64_t from, int64_t to, int64_t amount)
{
	const struct resolution *r = res_of(order_index);

	assert_non_null(r);
	assert_true(r->has_fill);
	assert_int_equal(r->fill.from_qty, from);
	assert_int_equal(r->fill.to_qty, to);
	assert_int_equal(r->fill.amount_won, amount);
}

static int findings(const char *code)
{
	int n = 0;

	for (int i = 0; i < d.out.finding_count; i++)
		n += strcmp(d.findings[i].code, code) == 0;
	return n;
}

static int level_count(enum finding_level level)
{
	int n = 0;

	for (int i = 0; i < d.out.finding_count; i++)
		n += d.findings[i].level == level;
	return n;
}

static void expect_accepted(int warn, int crit)
{
	assert_int_equal(d.out.refusal, REASON_OK);
	assert_true(d.out.accepted);
	assert_int_equal(level_count(FINDING_WARN), warn);
	assert_int_equal(level_count(FINDING_CRIT), crit);
}

static void expect_refused(enum reason why, enum mode ceiling)
{
	assert_false(d.out.accepted);
	assert_string_equal(reason_code(d.out.refusal), reason_code(why));
	assert_int_equal(d.out.ceiling, ceiling);
}

static void expect_lot(const char *symbol, enum order_owner owner, int64_t qty, int64_t cost_won)
{
	for (int i = 0; i < d.out.snapshot.lot_count; i++) {
		const struct lot *l = &d.lots[i];

		if (strcmp(l->symbol, symbol) != 0 || l->owner != owner)
			continue;
		assert_int_equal(l->qty, qty);
		assert_int_equal(l->cost_won, cost_won);
		return;
	}
	assert_int_equal(qty, 0);
}

static void expect_lock(const char *symbol, bool buy, bool sell)
{
	for (int i = 0; i < d.out.lock_count; i++) {
		if (strcmp(d.locks[i].symbol, symbol) != 0)
			continue;
		assert_int_equal(d.locks[i].buy, buy);
		assert_int_equal(d.locks[i].sell, sell);
		return;
	}
	assert_false(buy || sell);
}

/* ---- nothing happened ---- */

static void test_quiet_morning(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.resolution_count, 0);
	assert_int_equal(d.out.lock_count, 0);
	assert_int_equal(d.out.held_cash_won, 0);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	assert_int_equal(d.out.snapshot.day.yyyymmdd, D);
	assert_int_equal(d.out.snapshot.cash_won, 10000000);
	assert_int_equal(d.out.snapshot.frozen.us, d.now.us);
	struct digest first = snapshot_digest(&d.out.snapshot), again;
	apply_and_wait(60);
	ask();
	again = snapshot_digest(&d.out.snapshot);
	assert_true(digest_same(&first, &again)); /* another time, the same content */
	d.lots[0].cost_won++;
	again = snapshot_digest(&d.out.snapshot);
	assert_false(digest_same(&first, &again));
}

static void test_no_base(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	d.ours.snapshot_known = false;
	d.theirs.balance.count = 0;
	ask();
	expect_refused(REASON_NO_BASE, MODE_OBSERVE);
	assert_int_equal(findings("no-base"), 1);
	assert_int_equal(d.out.snapshot.lot_count, 0);
	/* an account that is really empty, with a base */
	lay(at(D, 8, 20, 0));
	d.ours.snapshot.lot_count = 0;
	d.theirs.balance.count = 0;
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.snapshot.lot_count, 0);
}

/* ---- doubt ---- */

static void test_answer_lost_order_lives(void **state)
{
	(void)state;
	lay(at(D, 8, 35, 0));
	order(1, SIDE_BUY, "005930", 10, 70000, ORDER_SENDING, "", at(D, 8, 31, 2));
	row("0000117057", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 8, 31, 2));
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_OPEN, "0000117057");
	assert_true(res_of(0)->by_likeness);
	assert_false(res_of(0)->has_fill);
	assert_string_equal(res_of(0)->branch, "06010");
	assert_int_equal(findings("in-doubt-resolved"), 1);
	assert_int_equal(findings("ext-order"), 0);
}

static void test_never_sent(void **state)
{
	(void)state;
	lay_in_session(at(D, 9, 5, 0));
	order(2, SIDE_SELL, "005930", 20, 71000, ORDER_RECORDED, "", at(D, 9, 3, 0))->sent.us = 0;
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_NEVER_SENT, "");
	assert_int_equal(level_count(FINDING_INFO), 1);
	/* no send mark, yet the broker has it */
	lay_in_session(at(D, 9, 5, 0));
	order(2, SIDE_SELL, "005930", 20, 71000, ORDER_RECORDED, "", at(D, 9, 3, 0))->sent.us = 0;
	row("0000118001", SIDE_SELL, "005930", 20, 71000, 0, 0, 0, 20, 0, at(D, 9, 3, 1));
	ask();
	expect_refused(REASON_JOURNAL_BROKEN, MODE_HALT);
	assert_null(res_of(0));
	assert_int_equal(findings("journal-broken"), 1);
	assert_int_equal(d.out.resolution_count, 0);
	/* a send mark on a RECORDED order is half a record */
	lay_in_session(at(D, 9, 5, 0));
	order(2, SIDE_SELL, "005930", 20, 71000, ORDER_RECORDED, "", at(D, 9, 3, 0));
	ask();
	expect_refused(REASON_JOURNAL_BROKEN, MODE_HALT);
	assert_null(res_of(0));
}

static void test_absent_then_there(void **state)
{
	(void)state;
	lay_in_session(at(D, 9, 0, 7));
	order(4, SIDE_BUY, "000660", 5, 180000, ORDER_IN_DOUBT, "", at(D, 9, 0, 3));
	ask();
	expect_refused(REASON_IN_DOUBT, MODE_OBSERVE);
	assert_null(res_of(0));
	expect_lock("000660", true, false);
	apply_and_wait(28);
	row("0000003321", SIDE_BUY, "000660", 5, 180000, 5, 899500, 0, 0, 0, at(D, 9, 0, 3));
	holding("000660", 5, 5);
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_FILLED, "0000003321"); /* in one step: it never was OPEN */
	expect_fill(0, 0, 5, 899500);
	expect_lock("000660", false, false);
	expect_lot("000660", OWNER_SYS, 5, 899500);
}

static void test_absence_rule(void **state)
{
	static const struct {
		const char *name;
		int first_s, gap_s, listings; /* after the send; between; how many before the one that asks */
		bool gone;
	} cases[] = {
		{ "three over 120 s", 5, 60, 2, true },
		{ "three over 119 s", 5, 59, 2, false },
		{ "two over 300 s", 5, 300, 1, false },
		{ "one after an hour", 3600, 0, 0, false },
		{ "three, the first inside the skew", 1, 60, 2, false },
		{ "four, the first inside the skew", 1, 60, 3, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct wall sent = at(D, 9, 30, 0);

		lay_in_session(sent);
		order(1, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", sent);
		for (int k = 0; k < cases[i].listings; k++)
			d.sightings[d.ours.sighting_count++] = (struct sighting){
				{ D }, wall_add_us(sent, (cases[i].first_s + k * cases[i].gap_s) * US_PER_S)
			};
		d.now = wall_add_us(sent, (cases[i].first_s + cases[i].listings * cases[i].gap_s) * US_PER_S);
		d.theirs.orders.asked = d.theirs.orders.answered = d.now;
		ask();
		expect_lock("005930", true, false); /* in doubt or never arrived: BUY stays locked */
		if (cases[i].gone) {
			expect_accepted(0, 0);
			expect_move(0, ORDER_NEVER_ARRIVED, "");
			assert_string_equal(res_of(0)->evidence, "absence");
		} else {
			expect_refused(REASON_IN_DOUBT, MODE_OBSERVE);
			assert_null(res_of(0));
		}
	}
	/* later that day: final, and BUY still locked */
	lay_in_session(at(D, 11, 0, 0));
	order(1, SIDE_BUY, "005930", 10, 70000, ORDER_NEVER_ARRIVED, "", at(D, 9, 30, 0));
	ask();
	expect_accepted(0, 0);
	expect_lock("005930", true, false);
	/* SELL is unlocked by a sellable quantity that is ours to the share, and by nothing else */
	for (int sellable = 89; sellable <= 101; sellable++) {
		lay_in_session(at(D, 11, 0, 0));
		order(1, SIDE_SELL, "005930", 10, 71000, ORDER_NEVER_ARRIVED, "", at(D, 9, 30, 0));
		d.holdings[0].sellable_qty = sellable;
		ask();
		expect_accepted(0, 0);
		expect_lock("005930", false, sellable != 100);
	}
	/* the next day it is over */
	lay(at(D, 8, 20, 0));
	order(1, SIDE_BUY, "005930", 10, 70000, ORDER_NEVER_ARRIVED, "", at(P, 9, 30, 0));
	ask();
	expect_accepted(0, 0);
	expect_lock("005930", false, false);
}

static void test_near_miss_calls_a_person(void **state)
{
	static const struct {
		const char *name;
		enum order_side side;
		const char *symbol;
		int64_t qty, price_won;
		int second;
		bool bound, near;
	} cases[] = {
		{ "the very same", SIDE_BUY, "005930", 10, 70000, 0, true, false },
		{ "the last second of the window", SIDE_BUY, "005930", 10, 70000, 7, true, false },
		{ "a second after the window", SIDE_BUY, "005930", 10, 70000, 8, false, true },
		{ "the second before, inside the skew", SIDE_BUY, "005930", 10, 70000, -2, true, false },
		{ "before the skew", SIDE_BUY, "005930", 10, 70000, -3, false, true },
		{ "another price", SIDE_BUY, "005930", 10, 70100, 0, false, true },
		{ "another quantity", SIDE_BUY, "005930", 11, 70000, 0, false, true },
		{ "the other side", SIDE_SELL, "005930", 10, 70000, 0, false, false },
		{ "another symbol", SIDE_BUY, "000660", 10, 70000, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay_in_session(at(D, 9, 40, 0));
		order(1, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", at(D, 9, 30, 0));
		for (int k = 0; k < 3; k++)
			d.sightings[d.ours.sighting_count++] =
				(struct sighting){ { D }, at(D, 9, 32 + 2 * k, 0) };
		row("0000020001", cases[i].side, cases[i].symbol, cases[i].qty, cases[i].price_won, 0, 0, 0,
		    cases[i].qty, 0, wall_add_us(at(D, 9, 30, 0), cases[i].second * US_PER_S));
		ask();
		if (cases[i].bound) {
			expect_accepted(0, 0);
			expect_move(0, ORDER_OPEN, "0000020001");
		} else if (cases[i].near) {
			expect_refused(REASON_AMBIGUOUS_MATCH, MODE_HALT);
			assert_null(res_of(0));
			assert_null(res_of(-1)); /* nor is the row called somebody else's */
			assert_int_equal(findings("ambiguous-match"), 1);
		} else {
			expect_accepted(1, 0); /* the other row is an EXT order, ours is proven absent */
			expect_move(0, ORDER_NEVER_ARRIVED, "");
			assert_int_equal(findings("ext-order"), 1);
		}
	}
}

/* The broker's clock tells whole seconds: 58.9 and later is told as 58. */
static void test_window_opens_inside_a_second(void **state)
{
	struct wall sent = wall_add_us(at(D, 9, 30, 0), 900000);

	(void)state;
	for (int second = 57; second <= 58; second++) {
		lay_in_session(at(D, 9, 30, 30));
		order(1, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", sent);
		row("0000020001", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 9, 29, second));
		ask();
		if (second == 58)
			expect_move(0, ORDER_OPEN, "0000020001");
		else
			expect_refused(REASON_AMBIGUOUS_MATCH, MODE_HALT);
	}
}

static void test_equal_orders_in_doubt(void **state)
{
	/* rows 0..3 against two equal intents 0.5 s apart */
	static const struct {
		int rows;
		enum reason why;
	} cases[] = {
		{ 0, REASON_IN_DOUBT },
		{ 1, REASON_AMBIGUOUS_MATCH },
		{ 2, REASON_OK },
		{ 3, REASON_AMBIGUOUS_MATCH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		static const char *const odno[] = { "0000025031", "0000025032", "0000025033" };
		struct wall sent = wall_add_us(at(D, 9, 15, 0), 100000);

		lay_in_session(at(D, 9, 15, 30));
		order(71, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", sent);
		order(72, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", wall_add_us(sent, 500000));
		/* the list may come in any order: the bind is by time, then number */
		for (int k = cases[i].rows - 1; k >= 0; k--)
			row(odno[k], SIDE_BUY, "005930", 10, 70000, k == 1 ? 10 : 0, k == 1 ? 700000 : 0, 0,
			    k == 1 ? 0 : 10, 0, at(D, 9, 15, 0));
		if (cases[i].rows > 1)
			d.holdings[0].qty = 110;
		ask();
		if (cases[i].why == REASON_OK) {
			expect_accepted(1, 0);
			assert_int_equal(findings("identical-in-doubt"), 1);
			expect_move(0, ORDER_OPEN, "0000025031");
			expect_move(1, ORDER_FILLED, "0000025032");
			expect_fill(1, 0, 10, 700000);
			expect_lot("005930", OWNER_SYS, 110, 7700000);
			continue;
		}
		expect_refused(cases[i].why, cases[i].why == REASON_IN_DOUBT ? MODE_OBSERVE : MODE_HALT);
		assert_null(res_of(0));
		assert_null(res_of(1));
		assert_null(res_of(-1));
		if (cases[i].rows == 3) {
			const char *text = NULL;

			for (int k = 0; k < d.out.finding_count; k++) {
				if (strcmp(d.findings[k].code, "ambiguous-match") == 0)
					text = d.findings[k].text;
			}
			assert_non_null(text);
			for (int k = 0; k < 3; k++)
				assert_non_null(strstr(text, odno[k]));
			/* a person says that the third is not ours: the other two bind */
			order(0, SIDE_BUY, "005930", 10, 70000, ORDER_OPEN, "0000025033", at(D, 9, 15, 0))
				->owner = OWNER_EXT;
			ask();
			expect_accepted(1, 0);
			expect_move(0, ORDER_OPEN, "0000025031");
			expect_move(1, ORDER_FILLED, "0000025032");
			assert_int_equal(d.out.held_cash_won, 700000);
		}
	}
	/* an hour apart they are not alike: each has its own row or none */
	lay_in_session(at(D, 10, 30, 0));
	order(71, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", at(D, 9, 15, 0));
	order(72, SIDE_BUY, "005930", 10, 70000, ORDER_IN_DOUBT, "", at(D, 10, 15, 0));
	row("0000025031", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 10, 15, 0));
	ask();
	expect_refused(REASON_IN_DOUBT, MODE_OBSERVE);
	assert_null(res_of(0));
	expect_move(1, ORDER_OPEN, "0000025031");
}

static void test_bound_by_likeness_is_watched(void **state)
{
	static const struct {
		int seconds_since;
		bool watched;
	} cases[] = { { 0, true }, { 119, true }, { 120, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay_in_session(at(D, 9, 40, 0));
		order(1, SIDE_BUY, "005930", 10, 70000, ORDER_OPEN, "0000020001", at(D, 9, 30, 0))->bound =
			wall_add_us(d.now, -cases[i].seconds_since * US_PER_S);
		row("0000020001", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 9, 30, 0));
		row("0000020002", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 9, 30, 1));
		ask();
		if (cases[i].watched) {
			expect_refused(REASON_AMBIGUOUS_MATCH, MODE_HALT);
			assert_null(res_of(-1));
		} else {
			expect_accepted(1, 0);
			assert_int_equal(findings("ext-order"), 1);
		}
	}
}

static void test_refused_but_listed(void **state)
{
	(void)state;
	lay_in_session(at(D, 9, 31, 0));
	order(9, SIDE_BUY, "035720", 10, 45000, ORDER_REJECTED, "", at(D, 9, 30, 0));
	row("0000040002", SIDE_BUY, "035720", 10, 45000, 0, 0, 0, 10, 0, at(D, 9, 30, 0));
	ask();
	expect_refused(REASON_CONTRADICTION, MODE_HALT);
	assert_int_equal(findings("contradiction"), 1);
	assert_int_equal(d.out.resolution_count, 0);
	/* what never arrived turns up after all */
	d.orders[0].state = ORDER_NEVER_ARRIVED;
	ask();
	expect_refused(REASON_FINAL_OVERTURNED, MODE_HALT);
	assert_int_equal(findings("final-state-overturned"), 1);
}

static void test_number_not_read(void **state)
{
	(void)state;
	lay_in_session(at(D, 9, 40, 0));
	order(10, SIDE_SELL, "005930", 10, 70800, ORDER_OPEN, "", at(D, 9, 35, 1));
	row("0000050001", SIDE_SELL, "005930", 10, 70800, 10, 708000, 0, 0, 0, at(D, 9, 35, 1));
	d.holdings[0].qty = d.holdings[0].sellable_qty = 90;
	ask();
	expect_refused(REASON_NEEDS_PERSON, MODE_OBSERVE);
	expect_move(0, ORDER_FILLED, "0000050001");
	expect_fill(0, 0, 10, 708000);
	assert_int_equal(findings("parser-defect"), 1);
	expect_lot("005930", OWNER_SYS, 90, 6300000);
	apply_and_wait(1);
	ask();
	expect_accepted(0, 0);
	expect_lot("005930", OWNER_SYS, 90, 6300000);
}

static void test_out_of_range(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	order(105, SIDE_SELL, "005930", 10, 70000, ORDER_IN_DOUBT, "", at(20260303, 15, 19, 0));
	d.theirs.orders.from = (struct kst_day){ 20260305 };
	for (int k = 0; k < 3; k++)
		d.sightings[d.ours.sighting_count++] =
			(struct sighting){ { 20260303 }, at(D, 7, 30 + 10 * k, 0) };
	ask();
	expect_refused(REASON_OUT_OF_RANGE, MODE_OBSERVE);
	assert_null(res_of(0));
	assert_int_equal(findings("unresolved-out-of-range"), 1);
	/* reached: found after a week */
	lay(at(D, 8, 20, 0));
	d.ours.snapshot.frozen = at(20260303, 8, 49, 0);
	order(105, SIDE_SELL, "005930", 10, 70000, ORDER_IN_DOUBT, "", at(20260303, 15, 19, 0))->excg[0] =
		'\0';
	d.theirs.orders.from = (struct kst_day){ 20260303 };
	row("0000009903", SIDE_SELL, "005930", 10, 70000, 10, 700000, 0, 0, 0, at(20260303, 15, 19, 1));
	d.holdings[0].qty = d.holdings[0].sellable_qty = 90;
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_FILLED, "0000009903");
	expect_lot("005930", OWNER_SYS, 90, 6300000);
}

/* ---- listings ---- */

static void test_listings_that_prove_nothing(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		for (int s = LISTING_FAILED; s <= LISTING_PARTIAL; s++) {
			enum listing_state *states[] = { &d.theirs.orders.state, &d.theirs.balance.state,
							 &d.theirs.reservations.state };

			lay(at(D, 8, 35, 0));
			order(1, SIDE_BUY, "005930", 10, 70000, ORDER_SENDING, "", at(D, 8, 31, 2));
			order(2, SIDE_BUY, "000660", 1, 180000, ORDER_OPEN, "0000000002", at(P, 10, 0, 0));
			for (int k = 0; k < 5; k++)
				d.sightings[d.ours.sighting_count++] =
					(struct sighting){ { D }, at(D, 8, 31, 30 + 5 * k) };
			if (which != 0)
				row("0000000002", SIDE_BUY, "000660", 1, 180000, 0, 0, 0, 1, 0,
				    at(P, 10, 0, 0));
			*states[which] = (enum listing_state)s;
			ask();
			assert_int_equal(findings("listing-incomplete"), 1);
			assert_false(d.out.accepted);
			assert_int_equal(d.out.ceiling, MODE_OBSERVE);
			if (which == 0) {
				expect_refused(REASON_BROKER_PARTIAL, MODE_OBSERVE);
				expect_move(0, ORDER_IN_DOUBT,
					    ""); /* a dead sender's order is in doubt, no more */
				assert_null(res_of(1));
				expect_lock("005930", true, false);
			} else if (which == 1) {
				assert_null(res_of(1)); /* without a balance no order is called over */
			} else {
				expect_move(1, ORDER_EXPIRED, "0000000002");
			}
		}
	}
	assert_string_equal(listing_state_text(LISTING_PARTIAL), "PARTIAL");
}

static void test_empty_success(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	order(21, SIDE_SELL, "005930", 10, 71000, ORDER_OPEN, "0000090001", at(D, 8, 5, 0));
	d.theirs.balance.count = 0;
	ask();
	expect_refused(REASON_EMPTY_CONTRADICTS, MODE_OBSERVE);
	assert_int_equal(d.out.resolution_count, 0);
	assert_true(findings("empty-contradicts") >= 1);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	/* the balance alone */
	lay(at(D, 8, 20, 0));
	d.theirs.balance.count = 0;
	ask();
	expect_refused(REASON_EMPTY_CONTRADICTS, MODE_OBSERVE);
	/* not empty, but without the row that has a number */
	lay(at(D, 8, 20, 0));
	order(21, SIDE_SELL, "005930", 10, 71000, ORDER_OPEN, "0000090001", at(D, 8, 5, 0));
	row("0000090002", SIDE_BUY, "000660", 1, 180000, 0, 0, 0, 1, 0, at(D, 8, 6, 0));
	ask();
	expect_refused(REASON_EMPTY_CONTRADICTS, MODE_OBSERVE);
	assert_null(res_of(0));
}

static void test_rows_twice(void **state)
{
	(void)state;
	lay(at(D, 8, 35, 0));
	order(26, SIDE_SELL, "005930", 10, 71000, ORDER_OPEN, "0000090001", at(D, 8, 31, 0));
	for (int k = 0; k < 3; k++)
		row("0000090001", SIDE_SELL, "005930", 10, 71000, 0, 0, 0, 10, 0, at(D, 8, 31, 0));
	holding("005930", 100, 100);
	ask();
	expect_accepted(2, 0);
	assert_int_equal(findings("dup-row"), 2); /* one for either list */
	assert_int_equal(d.out.resolution_count, 0);
	/* the same number with other content */
	lay(at(D, 8, 35, 0));
	order(26, SIDE_SELL, "005930", 10, 71000, ORDER_OPEN, "0000090001", at(D, 8, 31, 0));
	row("0000090001", SIDE_SELL, "005930", 10, 71000, 0, 0, 0, 10, 0, at(D, 8, 31, 0));
	row("0000090001", SIDE_SELL, "005930", 10, 71000, 10, 710000, 0, 0, 0, at(D, 8, 31, 0));
	ask();
	expect_refused(REASON_ROW_INCONSISTENT, MODE_OBSERVE);
	assert_int_equal(d.out.resolution_count, 0);
	/* two balance rows of one symbol that differ: neither 180 nor one of them */
	lay(at(D, 8, 35, 0));
	holding("005930", 80, 70);
	ask();
	expect_refused(REASON_ROW_INCONSISTENT, MODE_OBSERVE);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	assert_int_equal(findings("row-inconsistent"), 1);
	/* the same number on two days is two orders */
	lay(at(D, 9, 5, 0));
	order(73, SIDE_SELL, "005930", 10, 71000, ORDER_EXPIRED, "0000000123", at(P, 9, 0, 5));
	order(74, SIDE_BUY, "000660", 5, 180000, ORDER_OPEN, "0000000123", at(D, 9, 0, 5));
	row("0000000123", SIDE_SELL, "005930", 10, 71000, 0, 0, 0, 10, 0, at(P, 9, 0, 5));
	row("0000000123", SIDE_BUY, "000660", 5, 180000, 5, 900000, 0, 0, 0, at(D, 9, 0, 5));
	holding("000660", 5, 5);
	ask();
	expect_accepted(0, 0);
	assert_null(res_of(0));
	expect_move(1, ORDER_FILLED, "0000000123");
}

static void test_rows_that_contradict(void **state)
{
	static const struct {
		const char *name;
		const char *symbol;
		int64_t qty, filled, amount, cancelled, open, rejected;
		enum reason why;
		enum mode ceiling;
	} cases[] = {
		{ "fine", "005930", 10, 2, 140000, 0, 8, 0, REASON_OK, MODE_TRADE },
		{ "shares without won", "005930", 10, 2, 0, 0, 8, 0, REASON_ROW_INCONSISTENT, MODE_OBSERVE },
		{ "negative", "005930", 10, 0, 0, 0, -1, 0, REASON_ROW_INCONSISTENT, MODE_OBSERVE },
		{ "open more than ordered", "005930", 10, 0, 0, 0, 11, 0, REASON_ROW_INCONSISTENT,
		  MODE_OBSERVE },
		{ "another symbol", "000660", 10, 0, 0, 0, 10, 0, REASON_ROW_INCONSISTENT, MODE_OBSERVE },
		{ "another quantity", "005930", 12, 0, 0, 0, 12, 0, REASON_ROW_INCONSISTENT, MODE_OBSERVE },
		{ "dead, and nobody says why", "005930", 10, 2, 140000, 0, 0, 0, REASON_ROW_INCONSISTENT,
		  MODE_OBSERVE },
		{ "filled more than ordered", "005930", 10, 11, 770000, 0, 0, 0, REASON_OVERFILL, MODE_HALT },
		{ "fewer shares than before", "005930", 10, 1, 70000, 0, 9, 0, REASON_CUM_DECREASED,
		  MODE_HALT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct order *o;

		lay_in_session(at(D, 9, 20, 0));
		o = order(1, SIDE_BUY, "005930", 10, 70000, ORDER_PARTIAL, "0000000009", at(D, 9, 10, 0));
		o->filled_qty = 2;
		o->filled_won = 140000;
		fill(1, o, 0, 2, 140000, at(D, 9, 11, 0));
		row("0000000009", SIDE_BUY, cases[i].symbol, cases[i].qty, 70000, cases[i].filled,
		    cases[i].amount, cases[i].cancelled, cases[i].open, cases[i].rejected, at(D, 9, 10, 0));
		d.holdings[0].qty = 102;
		ask();
		assert_null(res_of(0));
		if (cases[i].why == REASON_OK)
			expect_accepted(0, 0);
		else
			expect_refused(cases[i].why, cases[i].ceiling);
	}
}

/* ---- what becomes of orders ---- */

static void test_running_totals(void **state)
{
	static const int64_t steps[][2] = { { 3, 210000 }, { 7, 490000 }, { 10, 700000 } };

	(void)state;
	lay_in_session(at(D, 9, 20, 0));
	order(49, SIDE_BUY, "005930", 10, 70000, ORDER_OPEN, "0000123001", at(D, 9, 18, 0));
	row("0000123001", SIDE_BUY, "005930", 10, 70000, 0, 0, 0, 10, 0, at(D, 9, 18, 0));
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		int64_t before_qty = i ? steps[i - 1][0] : 0, before_won = i ? steps[i - 1][1] : 0;

		d.rows[0].filled_qty = steps[i][0];
		d.rows[0].filled_won = steps[i][1];
		d.rows[0].open_qty = 10 - steps[i][0];
		d.holdings[0].qty = 100 + steps[i][0];
		ask();
		expect_accepted(0, 0);
		expect_move(0, steps[i][0] == 10 ? ORDER_FILLED : ORDER_PARTIAL, "0000123001");
		expect_fill(0, before_qty, steps[i][0], steps[i][1] - before_won);
		expect_lot("005930", OWNER_SYS, 100 + steps[i][0], 7000000 + steps[i][1]);
		apply_and_wait(20);
	}
	assert_int_equal(d.orders[0].filled_qty, 10);
	assert_int_equal(d.orders[0].filled_won, 700000);
	ask(); /* asking again changes nothing */
	expect_accepted(0, 0);
	assert_int_equal(d.out.resolution_count, 0);
	expect_lot("005930", OWNER_SYS, 110, 7700000);
}

static void test_ends(void **state)
{
	static const struct {
		const char *name;
		int32_t day;
		enum order_state from;
		bool cancel_wanted;
		int64_t filled, cancelled, open, rejected;
		int hour;
		enum order_state to; /* ORDER_NONE: stays */
		enum reason why;
		int warn, crit;
	} cases[] = {
		{ "rests", D, ORDER_OPEN, false, 0, 0, 10, 0, 10, ORDER_NONE, REASON_OK, 0, 0 },
		{ "our cancel, unanswered, worked", D, ORDER_OPEN, true, 0, 10, 0, 0, 10, ORDER_CANCELLED,
		  REASON_OK, 0, 0 },
		{ "our cancel, unanswered, rests on", D, ORDER_OPEN, true, 0, 0, 10, 0, 10, ORDER_NONE,
		  REASON_OK, 0, 0 },
		{ "our cancel came too late", D, ORDER_OPEN, true, 10, 0, 0, 0, 10, ORDER_FILLED, REASON_OK,
		  0, 0 },
		{ "part filled, the rest cancelled", D, ORDER_OPEN, true, 3, 7, 0, 0, 10, ORDER_CANCELLED,
		  REASON_OK, 0, 0 },
		{ "the exchange lost it", D, ORDER_OPEN, false, 0, 10, 0, 0, 10, ORDER_CANCELLED,
		  REASON_NEEDS_PERSON, 0, 1 },
		{ "refused by the exchange", D, ORDER_OPEN, false, 0, 0, 0, 10, 10, ORDER_REJECTED, REASON_OK,
		  1, 0 },
		{ "refused, after a lost answer", D, ORDER_IN_DOUBT, false, 0, 0, 0, 10, 10, ORDER_REJECTED,
		  REASON_OK, 1, 0 },
		{ "listed as refused after the close", D, ORDER_OPEN, false, 0, 0, 0, 10, 16, ORDER_EXPIRED,
		  REASON_OK, 0, 0 },
		{ "partly filled, rest listed as refused", D, ORDER_OPEN, false, 4, 0, 0, 6, 16,
		  ORDER_EXPIRED, REASON_OK, 0, 0 },
		{ "yesterday's, still listed as open", P, ORDER_OPEN, false, 0, 0, 10, 0, 8, ORDER_EXPIRED,
		  REASON_OK, 0, 0 },
		{ "yesterday's, listed as refused", P, ORDER_OPEN, false, 0, 0, 0, 10, 8, ORDER_EXPIRED,
		  REASON_OK, 0, 0 },
		{ "yesterday's, cancelled", P, ORDER_OPEN, false, 0, 10, 0, 0, 8, ORDER_CANCELLED, REASON_OK,
		  0, 0 },
		{ "yesterday's, filled", P, ORDER_OPEN, false, 10, 0, 0, 0, 8, ORDER_FILLED, REASON_OK, 0,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		bool doubt = cases[i].from == ORDER_IN_DOUBT;
		struct wall sent = at(cases[i].day, 9, 10, 0);

		lay(at(D, cases[i].hour, 30, 0));
		d.ours.snapshot.frozen = at(cases[i].day, 8, 49, 0);
		order(62, SIDE_BUY, "005930", 10, 69000, cases[i].from, doubt ? "" : "0000150001", sent)
			->cancel_wanted = cases[i].cancel_wanted;
		row("0000150001", SIDE_BUY, "005930", 10, 69000, cases[i].filled, cases[i].filled * 69000,
		    cases[i].cancelled, cases[i].open, cases[i].rejected, sent);
		d.holdings[0].qty = 100 + cases[i].filled;
		ask();
		if (cases[i].to == ORDER_NONE)
			assert_null(res_of(0));
		else
			expect_move(0, cases[i].to, "0000150001");
		if (cases[i].filled > 0)
			expect_fill(0, 0, cases[i].filled, cases[i].filled * 69000);
		if (cases[i].why == REASON_OK)
			expect_accepted(cases[i].warn, cases[i].crit);
		else
			expect_refused(cases[i].why, MODE_OBSERVE);
		expect_lot("005930", OWNER_SYS, 100 + cases[i].filled, 7000000 + cases[i].filled * 69000);
	}
}

static void test_cancel_requests(void **state)
{
	struct broker_order *request;

	(void)state;
	/* ours: the request row is no order and no trade, though it repeats quantities */
	lay_in_session(at(D, 9, 30, 0));
	order(54, SIDE_BUY, "005930", 10, 69000, ORDER_OPEN, "0000130001", at(D, 9, 26, 0))->cancel_wanted =
		true;
	row("0000130001", SIDE_BUY, "005930", 10, 69000, 0, 0, 10, 0, 0, at(D, 9, 26, 0));
	request = row("0000130050", SIDE_BUY, "005930", 10, 0, 0, 0, 10, 0, 0, at(D, 9, 28, 0));
	memcpy(request->orig_odno, "0000130001", 11);
	request->is_cancel = true;
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_CANCELLED, "0000130001");
	assert_null(res_of(-1));
	/* somebody's: locked for the day, and on the next look too */
	d.orders[0].cancel_wanted = false;
	ask();
	expect_accepted(1, 0);
	expect_move(0, ORDER_CANCELLED, "0000130001");
	expect_lock("005930", true, true);
	apply_and_wait(60);
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.resolution_count, 0);
	expect_lock("005930", true, true);
	/* a cancel intent of its own is settled by what became of its target */
	static const struct {
		enum order_state from, to;
		int64_t filled, cancelled, open;
	} cases[] = {
		{ ORDER_RECORDED, ORDER_NEVER_SENT, 0, 0, 10 }, { ORDER_SENDING, ORDER_IN_DOUBT, 0, 0, 10 },
		{ ORDER_IN_DOUBT, ORDER_NONE, 0, 0, 10 },       { ORDER_OPEN, ORDER_NONE, 0, 0, 10 },
		{ ORDER_SENDING, ORDER_CANCELLED, 0, 10, 0 },   { ORDER_OPEN, ORDER_CANCELLED, 0, 10, 0 },
		{ ORDER_IN_DOUBT, ORDER_REJECTED, 10, 0, 0 },   { ORDER_OPEN, ORDER_REJECTED, 10, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct order *c;

		lay_in_session(at(D, 9, 30, 0));
		order(54, SIDE_BUY, "005930", 10, 69000, ORDER_OPEN, "0000130001", at(D, 9, 26, 0));
		c = order(55, SIDE_BUY, "005930", 10, 0, cases[i].from, "", at(D, 9, 28, 0));
		c->kind = INTENT_CANCEL;
		c->target_intent_id = 54;
		row("0000130001", SIDE_BUY, "005930", 10, 69000, cases[i].filled, cases[i].filled * 69000,
		    cases[i].cancelled, cases[i].open, 0, at(D, 9, 26, 0));
		d.holdings[0].qty += cases[i].filled;
		ask();
		expect_accepted(0, 0); /* a cancel in doubt blocks nothing */
		if (cases[i].to == ORDER_NONE)
			assert_null(res_of(1));
		else
			expect_move(1, cases[i].to, "");
	}
}

static void test_changes(void **state)
{
	struct broker_order *leg;

	(void)state;
	lay_in_session(at(D, 10, 30, 0));
	order(66, SIDE_BUY, "005930", 100, 69000, ORDER_OPEN, "0000180001", at(D, 9, 30, 0))->modify_wanted =
		true;
	row("0000180001", SIDE_BUY, "005930", 100, 69000, 0, 0, 0, 0, 0, at(D, 9, 30, 0));
	leg = row("0000180090", SIDE_BUY, "005930", 100, 69300, 0, 0, 0, 100, 0, at(D, 9, 40, 0));
	memcpy(leg->orig_odno, "0000180001", 11);
	leg->is_modify = true;
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_OPEN, "0000180090");
	assert_int_equal(res_of(0)->ext.price_won, 69300);
	assert_null(res_of(-1));
	/* once the new number is ours, the old row belongs to it */
	apply_and_wait(60);
	assert_string_equal(d.orders[0].orig_odno, "0000180001");
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.resolution_count, 0);
	d.orders[0].orig_odno[0] = '\0'; /* the new row names the old one, whether we stored it or not */
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.resolution_count, 0);
	/* changed by somebody else */
	memcpy(d.orders[0].odno, "0000180001", 11);
	d.orders[0].orig_odno[0] = '\0';
	d.orders[0].price_won = 69000;
	d.orders[0].modify_wanted = false;
	ask();
	expect_accepted(1, 0);
	expect_move(0, ORDER_OPEN, "0000180090");
	expect_lock("005930", true, true);
	/* both ends live */
	d.rows[0].open_qty = 100;
	ask();
	expect_refused(REASON_TWO_LIVE_LEGS, MODE_HALT);
	assert_null(res_of(0));
	assert_int_equal(findings("two-live-legs"), 1);
}

static void test_final_state_overturned(void **state)
{
	static const struct {
		const char *name;
		enum order_state from;
		int64_t filled, open, cancelled;
		int hour;
		bool moved;
	} cases[] = {
		{ "as it was", ORDER_CANCELLED, 0, 0, 10, 10, false },
		{ "filled after all", ORDER_CANCELLED, 10, 0, 0, 10, true },
		{ "rests after all", ORDER_REJECTED, 0, 10, 0, 10, true },
		{ "rests in a list after the close", ORDER_EXPIRED, 0, 10, 0, 16, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay_in_session(at(D, cases[i].hour, 0, 0));
		order(1, SIDE_BUY, "005930", 10, 69000, cases[i].from, "0000150001", at(D, 9, 10, 0))
			->cancel_wanted = true;
		row("0000150001", SIDE_BUY, "005930", 10, 69000, cases[i].filled, cases[i].filled * 69000,
		    cases[i].cancelled, cases[i].open, 0, at(D, 9, 10, 0));
		ask();
		assert_null(res_of(0));
		if (cases[i].moved) {
			expect_refused(REASON_FINAL_OVERTURNED, MODE_HALT);
			assert_int_equal(findings("final-state-overturned"), 1);
		} else {
			expect_accepted(0, 0);
		}
		expect_lot("005930", OWNER_SYS, 100, 7000000); /* and nothing is booked */
	}
}

static void test_marker_disagrees(void **state)
{
	struct order *o;

	(void)state;
	lay_in_session(at(D, 9, 20, 0));
	o = order(1, SIDE_BUY, "005930", 10, 70000, ORDER_PARTIAL, "0000000009", at(D, 9, 10, 0));
	o->filled_qty = 5; /* torn: the records have three */
	o->filled_won = 350000;
	fill(1, o, 0, 3, 210000, at(D, 9, 11, 0));
	row("0000000009", SIDE_BUY, "005930", 10, 70000, 5, 350000, 0, 5, 0, at(D, 9, 10, 0));
	d.holdings[0].qty = 105;
	ask();
	expect_accepted(1, 0);
	assert_int_equal(findings("marker-disagrees"), 1);
	expect_fill(0, 3, 5, 140000);
	expect_lot("005930", OWNER_SYS, 105, 7350000);
}

/* ---- books ---- */

static void test_balance_trails(void **state)
{
	(void)state;
	/* the balance is ahead of the list */
	lay_in_session(at(D, 9, 30, 0));
	order(28, SIDE_SELL, "005930", 100, 71000, ORDER_OPEN, "0000014000", at(D, 9, 25, 0));
	row("0000014000", SIDE_SELL, "005930", 100, 71000, 0, 0, 0, 100, 0, at(D, 9, 25, 0));
	d.holdings[0].qty = d.holdings[0].sellable_qty = 0;
	ask();
	expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
	assert_int_equal(level_count(FINDING_CRIT), 0);
	assert_int_equal(d.out.resolution_count, 0); /* no fill is made up from a balance */
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	assert_int_equal(d.out.mismatch_count, 1);
	apply_and_wait(20);
	d.rows[0].filled_qty = 100;
	d.rows[0].filled_won = 7100000;
	d.rows[0].open_qty = 0;
	ask();
	expect_accepted(0, 0);
	expect_move(0, ORDER_FILLED, "0000014000");
	expect_lot("005930", OWNER_SYS, 0, 0);
	assert_int_equal(d.out.mismatch_count, 0);
	/* the list is ahead of the balance */
	d.holdings[0].qty = 100;
	d.ours.mismatch_count = 0;
	ask();
	expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
	assert_int_equal(level_count(FINDING_CRIT), 0);
	expect_move(0, ORDER_FILLED, "0000014000"); /* the list is the truth about fills */
	apply_and_wait(179);
	ask();
	expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
	assert_int_equal(level_count(FINDING_CRIT), 0);
	apply_and_wait(1);
	ask();
	assert_int_equal(findings("position-mismatch"), 1);
}

static void test_never_agree(void **state)
{
	static const struct {
		const char *name;
		bool own_order;
		int64_t qty;
		const char *other;
		const char *code;
	} cases[] = {
		{ "an own order could be it", true, 0, NULL, "position-mismatch" },
		{ "shares left", false, 70, NULL, "mismatch-without-fill" },
		{ "shares came", false, 100, "000660", "mismatch-without-fill" },
		{ "sold out without a sale", false, 0, NULL, "mismatch-without-fill" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay_in_session(at(D, 9, 30, 0));
		if (cases[i].own_order) {
			order(28, SIDE_SELL, "005930", 100, 71000, ORDER_OPEN, "0000014000", at(D, 9, 25, 0));
			row("0000014000", SIDE_SELL, "005930", 100, 71000, 0, 0, 0, 100, 0, at(D, 9, 25, 0));
		}
		d.holdings[0].qty = cases[i].qty;
		if (cases[i].other)
			holding(cases[i].other, 20, 20);
		for (int k = 0; k < 3; k++) {
			ask();
			expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
			assert_int_equal(findings(cases[i].code), 0);
			apply_and_wait(k < 2 ? 70 : 40); /* 0, 70, 140 s, then 180 s */
		}
		ask();
		expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
		assert_int_equal(findings(cases[i].code), 1);
		assert_int_equal(level_count(FINDING_CRIT), 1);
		expect_lot("005930", OWNER_SYS, 100, 7000000);
		expect_lot("000660", OWNER_SYS, 0, 0);
	}
	/* missing equals zero only where our books say zero */
	lay(at(D, 8, 20, 0));
	d.lots_in[1] = (struct lot){ "000660", OWNER_SYS, 10, 1800000 };
	d.ours.snapshot.lot_count = 2;
	ask();
	expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
	expect_lot("000660", OWNER_SYS, 10, 1800000);
}

static void test_implausible(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	d.holdings[0].qty = 100000;
	ask();
	expect_refused(REASON_IMPLAUSIBLE_BALANCE, MODE_HALT);
	assert_int_equal(findings("implausible-balance"), 1);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	/* 50 for 1 at a 50th of the price is a mismatch, not a miracle */
	d.holdings[0].qty = 5000;
	d.holdings[0].price_won = 1400;
	ask();
	expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
	assert_int_equal(findings("implausible-balance"), 0);
}

static void test_sold_out_before(void **state)
{
	(void)state;
	for (int row_of_zero = 0; row_of_zero < 2; row_of_zero++) {
		struct order *o;

		lay(at(D, 8, 20, 0));
		d.lots_in[1] = (struct lot){ "000660", OWNER_SYS, 10, 1800000 };
		d.ours.snapshot.lot_count = 2;
		o = order(30, SIDE_SELL, "000660", 10, 181000, ORDER_FILLED, "0000210777", at(P, 10, 0, 0));
		o->filled_qty = 10;
		o->filled_won = 1810000;
		fill(1, o, 0, 10, 1810000, at(P, 10, 0, 5));
		row("0000210777", SIDE_SELL, "000660", 10, 181000, 10, 1810000, 0, 0, 0, at(P, 10, 0, 0));
		if (row_of_zero)
			holding("000660", 0, 0);
		ask();
		expect_accepted(0, 0);
		expect_lot("000660", OWNER_SYS, 0, 0);
		/* 1,810,000 less fee 250 (257.02 cut), tax 905 and rural tax 2,715 */
		assert_int_equal(d.out.snapshot.cash_won, 10000000 + 1810000 - 250 - 905 - 2715);
	}
}

static void test_listed_as_cancelled_but_the_shares_are_there(void **state)
{
	(void)state;
	lay_in_session(at(D, 10, 20, 0));
	order(64, SIDE_BUY, "035720", 200, 45000, ORDER_OPEN, "0000165001", at(D, 9, 30, 0))->cancel_wanted =
		true;
	row("0000165001", SIDE_BUY, "035720", 200, 45000, 0, 0, 200, 0, 0, at(D, 9, 30, 0));
	holding("035720", 200, 200);
	for (int k = 0; k < 2; k++) {
		ask();
		expect_refused(REASON_POSITION_MISMATCH, MODE_OBSERVE);
		assert_null(res_of(0)); /* no end is drawn from a list that the balance contradicts */
		apply_and_wait(190);
	}
	ask();
	assert_int_equal(findings("position-mismatch"), 1);
	expect_lot("035720", OWNER_SYS, 0, 0);
	/* a part was filled, the end is withheld, the shares are not */
	d.rows[0].filled_qty = 50;
	d.rows[0].filled_won = 2250000;
	d.rows[0].cancelled_qty = 150;
	ask();
	expect_move(0, ORDER_PARTIAL, "0000165001");
	expect_fill(0, 0, 50, 2250000);
	/* in doubt: found, but not ended */
	lay_in_session(at(D, 10, 20, 0));
	order(64, SIDE_BUY, "035720", 200, 45000, ORDER_IN_DOUBT, "", at(D, 9, 30, 0));
	row("0000165001", SIDE_BUY, "035720", 200, 45000, 0, 0, 200, 0, 0, at(D, 9, 30, 0));
	holding("035720", 200, 200);
	ask();
	expect_move(0, ORDER_OPEN, "0000165001");
}

/* A purchase of 10 at 70,000, known to both sides: 700,000 and 90 won of fees are gone. */
static void lay_traded(void)
{
	struct order *o;

	lay_in_session(at(D, 11, 0, 0));
	o = order(1, SIDE_BUY, "005930", 10, 70000, ORDER_FILLED, "0000000001", at(D, 9, 30, 0));
	fill(1, o, 0, 10, 700000, at(D, 9, 40, 0));
	o->filled_qty = 10;
	o->filled_won = 700000;
	row("0000000001", SIDE_BUY, "005930", 10, 70000, 10, 700000, 0, 0, 0, at(D, 9, 30, 0));
	d.holdings[0].qty = 110;
}

static void test_cash(void **state)
{
	static const struct {
		bool traded;
		int64_t drift_won;
		bool accepted;
		int drift_findings, moved_findings;
	} cases[] = {
		{ false, 0, true, 0, 0 },
		{ false, -3, true, 1, 0 },
		{ false, -1000, true, 1, 0 },
		{ false, 1000, true, 1, 0 },
		{ false, -1001, true, 0, 1 },
		{ false, 1001, true, 0, 1 },
		/* paid in at most what the account was worth, drawn out at most what there was */
		{ false, 17000000, true, 0, 1 },
		{ false, 17000001, false, 0, 0 },
		{ false, -10000000, true, 0, 1 },
		{ false, -10000001, false, 0, 0 },
		/* after a trade it may be the costs: nobody is believed */
		{ true, -1000, true, 1, 0 },
		{ true, -1001, false, 0, 0 },
		{ true, 1001, false, 0, 0 },
		{ true, -25000, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t books_won = 10000000 - (cases[i].traded ? 700090 : 0);

		if (cases[i].traded)
			lay_traded();
		else
			lay(at(D, 8, 20, 0));
		d.theirs.balance.cash_d2_won = books_won + cases[i].drift_won;
		ask();
		assert_int_equal(d.out.accepted, cases[i].accepted);
		assert_int_equal(findings("fee-drift"), cases[i].drift_findings);
		assert_int_equal(findings("cash-moved"), cases[i].moved_findings);
		expect_lot("005930", OWNER_SYS, cases[i].traded ? 110 : 100,
			   cases[i].traded ? 7700000 : 7000000);
		if (cases[i].accepted) {
			assert_int_equal(d.out.snapshot.cash_won, books_won + cases[i].drift_won);
			continue;
		}
		expect_refused(REASON_COSTS_DIFFER, MODE_OBSERVE);
		assert_int_equal(d.out.snapshot.cash_won, books_won);
		assert_int_equal(level_count(FINDING_CRIT), 0);
		apply_and_wait(180);
		ask();
		assert_int_equal(level_count(FINDING_CRIT), 1);
		assert_int_equal(findings("cash-mismatch"), 1);
	}
	/* costs follow the day's sum per symbol and side, also over a snapshot frozen in between */
	struct order *o;

	lay_in_session(at(D, 11, 0, 0));
	d.ours.snapshot.frozen = at(D, 10, 0, 0);
	o = order(1, SIDE_BUY, "005930", 10, 70000, ORDER_OPEN, "0000000001", at(D, 9, 30, 0));
	fill(1, o, 0, 5, 350000, at(D, 9, 40, 0));
	fill(2, o, 5, 10, 350000, at(D, 10, 10, 0));
	o->state = ORDER_FILLED;
	o->filled_qty = 10;
	o->filled_won = 700000;
	row("0000000001", SIDE_BUY, "005930", 10, 70000, 10, 700000, 0, 0, 0, at(D, 9, 30, 0));
	d.holdings[0].qty = 105;
	ask();
	expect_accepted(0, 0);
	/* 700,000: 99.4 cut to 90; 350,000: 49.7 cut to 40; the step is 50 */
	assert_int_equal(d.out.snapshot.cash_won, 10000000 - 350000 - 50);
	expect_lot("005930", OWNER_SYS, 105, 7350000);
}

static void test_sale_found_before_its_purchase(void **state)
{
	(void)state;
	lay_in_session(at(D, 11, 0, 0));
	order(1, SIDE_SELL, "000660", 5, 181000, ORDER_OPEN, "0000000002", at(D, 10, 0, 0));
	order(2, SIDE_BUY, "000660", 5, 180000, ORDER_OPEN, "0000000001", at(D, 9, 30, 0));
	row("0000000002", SIDE_SELL, "000660", 5, 181000, 5, 905000, 0, 0, 0, at(D, 10, 0, 0));
	row("0000000001", SIDE_BUY, "000660", 5, 180000, 5, 900000, 0, 0, 0, at(D, 9, 30, 0));
	ask();
	expect_accepted(0, 0);
	expect_lot("000660", OWNER_SYS, 0, 0);
}

/* ---- others ---- */

static void test_external_orders(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	row("0000220009", SIDE_BUY, "035720", 30, 45000, 0, 0, 0, 30, 0, at(D, 8, 5, 0));
	for (int k = 0; k < 2; k++) { /* new, then known */
		ask();
		expect_accepted(k == 0, 0);
		assert_int_equal(findings("ext-order"), k == 0);
		assert_int_equal(d.out.held_cash_won, 1350000);
		expect_lock("035720", true, true);
		if (k == 0) {
			assert_non_null(res_of(-1));
			assert_int_equal(res_of(-1)->to, ORDER_OPEN);
			assert_string_equal(res_of(-1)->ext.odno, "0000220009");
		} else {
			assert_int_equal(d.out.resolution_count, 0);
		}
		apply_and_wait(190);
	}
	/* it fills: their shares, not ours */
	d.rows[0].filled_qty = 30;
	d.rows[0].filled_won = 1350000;
	d.rows[0].open_qty = 0;
	holding("035720", 30, 30);
	ask();
	expect_accepted(0, 0);
	assert_int_equal(d.out.held_cash_won, 0);
	expect_lot("035720", OWNER_EXT, 30, 1350000);
	expect_lot("035720", OWNER_SYS, 0, 0);
	expect_lock("035720", false, false);
	apply_and_wait(60);
	ask();
	expect_accepted(0, 0);
	expect_lot("035720", OWNER_EXT, 30, 1350000);
	/* more of what we hold, bought by hand yesterday */
	lay(at(D, 8, 20, 0));
	row("0000232001", SIDE_BUY, "005930", 50, 66000, 50, 3300000, 0, 0, 0, at(P, 13, 10, 0));
	d.holdings[0].qty = 150;
	ask();
	expect_accepted(1, 0);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	expect_lot("005930", OWNER_EXT, 50, 3300000);
	/* a symbol that the table does not know */
	lay(at(D, 8, 20, 0));
	row("0000211555", SIDE_BUY, "0123A0", 15, 10000, 15, 150000, 0, 0, 0, at(P, 13, 0, 0));
	holding("0123A0", 15, 15);
	ask();
	expect_accepted(2, 0);
	assert_int_equal(findings("unmapped-symbol"), 1);
	expect_lock("0123A0", true, true);
	expect_lot("0123A0", OWNER_EXT, 15, 150000);
	/* a market buy may take all there is */
	lay(at(D, 8, 20, 0));
	row("0000220010", SIDE_BUY, "035720", 30, 0, 0, 0, 0, 30, 0, at(D, 8, 5, 0))->type = TYPE_MARKET;
	ask();
	assert_int_equal(d.out.held_cash_won, 10000000);
	/* entered before a snapshot that a person signed since: its shares are in the base already */
	lay(at(D, 10, 30, 0));
	d.ours.snapshot.frozen = at(D, 10, 0, 0);
	row("0000232002", SIDE_BUY, "005930", 50, 66000, 50, 3300000, 0, 0, 0, at(D, 9, 10, 0));
	ask();
	expect_accepted(1, 0);
	expect_lot("005930", OWNER_SYS, 100, 7000000);
	expect_lot("005930", OWNER_EXT, 0, 0);
	apply_and_wait(60);
	ask();
	expect_accepted(0, 0);
	expect_lot("005930", OWNER_EXT, 0, 0);
}

static void test_ours_sold_by_others(void **state)
{
	static const struct {
		bool by_broker;
		int64_t ext_qty;
		enum reason why;
		const char *code;
		int64_t ours_qty, ours_cost_won;
	} cases[] = {
		{ true, 0, REASON_EXT_REDUCED_OURS, "forced-sale", 60, 4200000 },
		{ false, 0, REASON_EXT_REDUCED_OURS, "ext-reduced-ours", 60, 4200000 },
		{ false, 39, REASON_EXT_REDUCED_OURS, "ext-reduced-ours", 99, 6930000 },
		{ false, 40, REASON_OK, "ext-reduced-ours", 100, 7000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay_in_session(at(D, 9, 1, 0));
		if (cases[i].ext_qty > 0) {
			d.lots_in[1] =
				(struct lot){ "005930", OWNER_EXT, cases[i].ext_qty, LOT_COST_UNKNOWN };
			d.ours.snapshot.lot_count = 2;
		}
		row("0000000002", SIDE_SELL, "005930", 40, 0, 40, 2780000, 0, 0, 0, at(D, 9, 0, 0))
			->by_broker = cases[i].by_broker;
		d.rows[0].type = TYPE_MARKET;
		d.holdings[0].qty = 60 + cases[i].ext_qty;
		for (int k = 0; k < 2; k++) { /* the refusal stands on the second look too */
			ask();
			expect_lot("005930", OWNER_SYS, cases[i].ours_qty, cases[i].ours_cost_won);
			expect_lot("005930", OWNER_EXT, 0, 0);
			assert_int_equal(findings(cases[i].code), cases[i].why != REASON_OK);
			if (cases[i].why == REASON_OK)
				expect_accepted(k == 0, 0);
			else
				expect_refused(cases[i].why, MODE_HALT);
			apply_and_wait(10);
		}
	}
	/* own sales found after a crash exceed what the system owned; the holding comes out right, a person
	 * must look */
	lay(at(D, 8, 20, 0));
	d.lots_in[1] = (struct lot){ "005930", OWNER_EXT, 30, 1980000 };
	d.ours.snapshot.lot_count = 2;
	order(91, SIDE_SELL, "005930", 60, 71000, ORDER_OPEN, "0000400011", at(P, 15, 1, 20));
	order(92, SIDE_SELL, "005930", 60, 71200, ORDER_IN_DOUBT, "", at(P, 15, 10, 5));
	row("0000400011", SIDE_SELL, "005930", 60, 71000, 60, 4260000, 0, 0, 0, at(P, 15, 1, 20));
	row("0000400012", SIDE_SELL, "005930", 60, 71200, 60, 4272000, 0, 0, 0, at(P, 15, 10, 5));
	d.holdings[0].qty = d.holdings[0].sellable_qty = 10;
	ask();
	expect_refused(REASON_OVERSOLD, MODE_HALT);
	expect_move(0, ORDER_FILLED, "0000400011");
	expect_move(1, ORDER_FILLED, "0000400012");
	expect_lot("005930", OWNER_SYS, 0, 0);
	expect_lot("005930", OWNER_EXT, 10, 660000);
}

static void test_reservations(void **state)
{
	(void)state;
	lay(at(D, 8, 20, 0));
	d.resv[0] = (struct broker_reservation){ .seq = "0000000071",
						 .symbol = "005930",
						 .side = SIDE_BUY,
						 .qty = 100,
						 .price_won = 70000,
						 .order_day = { P } };
	d.resv[1] = (struct broker_reservation){ .seq = "0000000072",
						 .symbol = "000660",
						 .side = SIDE_BUY,
						 .qty = 1,
						 .price_won = 180000,
						 .cancelled = true };
	d.theirs.reservations.count = 2;
	ask();
	expect_accepted(1, 0);
	assert_int_equal(findings("ext-reservation"), 1);
	assert_int_equal(d.out.held_cash_won, 7000000);
	expect_lock("005930", true, false);
	expect_lock("000660", false, false);
	d.theirs.reservations.state = LISTING_FAILED;
	ask();
	expect_refused(REASON_BROKER_PARTIAL, MODE_OBSERVE);
}

/* ---- room ---- */

static void test_no_room(void **state)
{
	struct reconcile_out out = { 0 };

	(void)state;
	lay(at(D, 8, 20, 0));
	d.theirs.balance.cash_d2_won = 10000000;
	assert_int_equal(reconcile(&d.ours, &d.theirs, &d.rules, d.now, &out),
			 REASON_OVERFLOW); /* not one lot fits */
	d.ours.order_count = ORDERS_DAY_MAX + 1;
	assert_int_equal(reconcile(&d.ours, &d.theirs, &d.rules, d.now, &out), REASON_OVERFLOW);
}

/* ---- two passes ---- */

static void test_two_passes(void **state)
{
	struct broker_order a_rows[2] = {
		{ .odno = "0000000001", .symbol = "005930", .qty = 10, .open_qty = 10 },
		{ .odno = "0000000002", .symbol = "005930", .qty = 5, .open_qty = 5 }
	};
	struct broker_order b_rows[2];
	struct broker_order_list a = { .state = LISTING_COMPLETE, .rows = a_rows, .count = 2 }, b = a;
	struct broker_holding h[2] = { { .symbol = "005930", .qty = 1, .price_won = 5 },
				       { .symbol = "000660" } };
	struct broker_balance x = { .state = LISTING_COMPLETE, .rows = h, .count = 2, .cash_d2_won = 7 },
			      y = x;
	struct broker_holding h2[2];

	(void)state;
	b.rows = memcpy(b_rows, a_rows, sizeof(a_rows));
	assert_true(orders_agree(&a, &b, false));
	b_rows[0].filled_qty = 3;
	b_rows[0].filled_won = 30;
	b_rows[0].open_qty = 7;
	assert_false(orders_agree(&a, &b, false));
	assert_true(orders_agree(&a, &b, true));
	assert_false(orders_agree(&b, &a, true)); /* nothing shrinks */
	memcpy(b_rows, a_rows, sizeof(a_rows));
	b.count = 1;
	assert_false(orders_agree(&a, &b, true)); /* a row vanished */
	assert_true(orders_agree(&b, &a, true)); /* a row appeared */
	assert_false(orders_agree(&b, &a, false));
	b.count = 2;
	b_rows[1].price_won = 1;
	assert_false(orders_agree(&a, &b, true));
	b_rows[1].price_won = 0;
	b.state = LISTING_PARTIAL;
	assert_false(orders_agree(&a, &b, true));
	y.rows = memcpy(h2, h, sizeof(h));
	h2[0].price_won = 6; /* valuations are stored, not compared */
	assert_true(balances_agree(&x, &y));
	h2[0].qty = 2;
	assert_false(balances_agree(&x, &y));
	h2[0].qty = 1;
	y.cash_d2_won = 8;
	assert_false(balances_agree(&x, &y));
	y.cash_d2_won = 7;
	y.count = 1;
	assert_false(balances_agree(&x, &y));
	assert_false(balances_agree(&y, &x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet_morning),
		cmocka_unit_test(test_no_base),
		cmocka_unit_test(test_answer_lost_order_lives),
		cmocka_unit_test(test_never_sent),
		cmocka_unit_test(test_absent_then_there),
		cmocka_unit_test(test_absence_rule),
		cmocka_unit_test(test_near_miss_calls_a_person),
		cmocka_unit_test(test_window_opens_inside_a_second),
		cmocka_unit_test(test_equal_orders_in_doubt),
		cmocka_unit_test(test_bound_by_likeness_is_watched),
		cmocka_unit_test(test_refused_but_listed),
		cmocka_unit_test(test_number_not_read),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_listings_that_prove_nothing),
		cmocka_unit_test(test_empty_success),
		cmocka_unit_test(test_rows_twice),
		cmocka_unit_test(test_rows_that_contradict),
		cmocka_unit_test(test_running_totals),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_cancel_requests),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_final_state_overturned),
		cmocka_unit_test(test_marker_disagrees),
		cmocka_unit_test(test_balance_trails),
		cmocka_unit_test(test_never_agree),
		cmocka_unit_test(test_implausible),
		cmocka_unit_test(test_sold_out_before),
		cmocka_unit_test(test_listed_as_cancelled_but_the_shares_are_there),
		cmocka_unit_test(test_cash),
		cmocka_unit_test(test_sale_found_before_its_purchase),
		cmocka_unit_test(test_external_orders),
		cmocka_unit_test(test_ours_sold_by_others),
		cmocka_unit_test(test_reservations),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_two_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
