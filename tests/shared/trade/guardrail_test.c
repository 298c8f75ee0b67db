/* guardrail: limits from shares, what lowers the ceiling at its boundary, and how much a symbol moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/guardrail.h"

static struct conf cfg;
static char on_loss[8];

/* The defaults of the settings that guardrail reads. */
static void set_defaults(void)
{
	static const struct {
		enum conf_key key;
		int64_t number;
	} keys[] = {
		{ CONF_LIM_LOSS_BP, 200 },
		{ CONF_LIM_STREAK, 5 },
		{ CONF_LIM_DRAWDOWN_BP, 500 },
		{ CONF_LIM_EXPOSURE_SYMBOL_BP, 2000 },
		{ CONF_LIM_EXPOSURE_GROSS_BP, 10000 },
		{ CONF_LIM_POSITIONS, 10 },
		{ CONF_LIM_ORDER_BP, 1000 },
		{ CONF_LIM_VOLUME_BP, 1000 },
		{ CONF_LIM_COLLAR_LAST_BP, 300 },
		{ CONF_LIM_COLLAR_PREV_BP, 1500 },
		{ CONF_LIM_RATE_MINUTE, 10 },
		{ CONF_LIM_RATE_SYMBOL, 6 },
		{ CONF_LIM_RATE_DAY, 200 },
		{ CONF_LIM_REPEATED, 3 },
		{ CONF_LIM_BAND_REFUSALS, 2 },
		{ CONF_LIM_FEED_CONFIRM_BP, 300 },
		{ CONF_LIM_FEED_CONFIRM_S, 60 },
		{ CONF_TICK_SILENCE_S, 30 },
		{ CONF_LIM_INDEX_BP, 300 },
	};

	static char unread[] = ""; /* only the numbers are asked for */

	memset(&cfg, 0, sizeof(cfg));
	for (int key = 0; key < CONF_KEY_COUNT; key++)
		cfg.values[key].text = unread;
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		cfg.values[keys[i].key].number = keys[i].number;
	snprintf(on_loss, sizeof(on_loss), "halt");
	cfg.values[CONF_ON_LOSS].text = on_loss;
}

static struct guardrail_in quiet(void)
{
	return (struct guardrail_in){ .cfg = &cfg, .equity_won = 17000000, .cash_won = 10000000 };
}

static void test_limits(void **state)
{
	static const struct {
		const char *name;
		int64_t full, half;
	} rows[] = {
		{ "equity_won", 17000000, 17000000 },
		{ "cash_won", 10000000, 10000000 },
		{ "loss_day_won", 340000, 170000 },
		{ "exposure_symbol_won", 3400000, 1700000 },
		{ "exposure_gross_won", 17000000, 8500000 },
		{ "positions_max", 10, 5 },
		{ "order_value_won", 1700000, 850000 },
		{ "day_value_won", 0, 0 },
		{ "order_volume_bp", 1000, 500 },
		{ "collar_last_bp", 300, 300 },
		{ "collar_previous_bp", 1500, 1500 },
		{ "rate_minute", 10, 5 },
		{ "rate_symbol_day", 6, 3 },
		{ "rate_day", 200, 100 },
		{ "repeated_orders", 3, 3 },
		{ "band_refusals", 2, 2 },
		{ "feed_confirm_bp", 300, 300 },
		{ "feed_confirm_s", 60, 60 },
		{ "tick_silence_s", 30, 30 },
		{ "losing_streak", 5, 3 },
		{ "on_loss_reduce", 0, 0 },
		{ "halved", 0, 1 },
	};
	struct guardrail_in in;
	struct guardrail_out out;
	struct limit_set copy = { 0 };
	const char *name;
	int64_t value;

	(void)state;
	set_defaults();
	for (int half = 0; half < 2; half++) {
		in = quiet();
		in.halve = half;
		assert_int_equal(guardrail(&in, &out), REASON_OK);
		assert_int_equal(out.reason, REASON_OK);
		assert_int_equal(out.ceiling, MODE_TRADE);
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
			assert_true(limit_set_at(&out.limits, (int)i, &name, &value));
			assert_string_equal(name, rows[i].name);
			assert_int_equal(value, half ? rows[i].half : rows[i].full);
			assert_true(limit_set_put(&copy, name, value));
		}
		assert_false(limit_set_at(&out.limits, (int)ARRAY_COUNT(rows), &name, &value));
		assert_false(limit_set_at(&out.limits, -1, &name, &value));
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++) { /* there and back through rows */
			assert_true(limit_set_at(&copy, (int)i, &name, &value));
			assert_int_equal(value, half ? rows[i].half : rows[i].full);
		}
	}
	assert_false(limit_set_put(&copy, "no_such_limit", 1));
	assert_false(limit_set_put(&copy, "halved", 2));
	assert_false(limit_set_put(&copy, NULL, 1));
	/* a limit in won counts where it is the lower one */
	cfg.values[CONF_LIM_ORDER_WON].number = 1000000;
	cfg.values[CONF_LIM_LOSS_WON].number = 500000;
	snprintf(on_loss, sizeof(on_loss), "reduce");
	in = quiet();
	assert_int_equal(guardrail(&in, &out), REASON_OK);
	assert_int_equal(out.limits.order_value_won, 1000000);
	assert_int_equal(out.limits.loss_day_won, 340000);
	assert_true(out.limits.on_loss_reduce);
}

static void test_ceilings(void **state)
{
	static const int64_t trips[][6] = {
		{ -1, -1, -1, -1, -1, 5 },
		{ -1, -1, -1, -1, 0, -1 },
		{ 3, -1, -1, -1, -1, -1 },
	};
	static const int64_t high[] = { 17500000, 17894736, 1 }, higher[] = { 17500000, 17894738, 1 };
	static const struct {
		const char *name;
		int64_t equity_won, index_bp;
		const int64_t *trips, *history;
		enum conf_key key;
		int64_t setting;
		enum reason why;
		enum mode ceiling;
	} cases[] = {
		{ "fine", 17000000, 0, NULL, NULL, 0, 0, REASON_OK, MODE_TRADE },
		{ "no equity", 0, 0, NULL, NULL, 0, 0, REASON_GUARD_EQUITY, MODE_OBSERVE },
		{ "unknown equity", -1, 0, NULL, NULL, 0, 0, REASON_GUARD_EQUITY, MODE_OBSERVE },
		{ "index at its limit", 17000000, -300, NULL, NULL, 0, 0, REASON_OK, MODE_TRADE },
		{ "index over it", 17000000, 301, NULL, NULL, 0, 0, REASON_GUARD_VOLATILITY, MODE_REDUCE },
		{ "index under it", 17000000, -301, NULL, NULL, 0, 0, REASON_GUARD_VOLATILITY, MODE_REDUCE },
		{ "index not known", 17000000, INT64_MIN, NULL, NULL, 0, 0, REASON_GUARD_VOLATILITY,
		  MODE_REDUCE },
		{ "five losses", 17000000, 0, trips[0], NULL, 0, 0, REASON_GUARD_STREAK, MODE_REDUCE },
		{ "four and a draw", 17000000, 0, trips[1], NULL, 0, 0, REASON_OK, MODE_TRADE },
		{ "a win after five", 17000000, 0, trips[2], NULL, 0, 0, REASON_OK, MODE_TRADE },
		{ "4.99 % below the high", 17000000, 0, NULL, high, 0, 0, REASON_OK, MODE_TRADE },
		{ "5 % below the high", 17000000, 0, NULL, higher, 0, 0, REASON_GUARD_DRAWDOWN, MODE_REDUCE },
		{ "order limit of twice the equity", 17000000, 0, NULL, NULL, CONF_LIM_ORDER_WON, 34000000,
		  REASON_OK, MODE_TRADE },
		{ "one won over it", 17000000, 0, NULL, NULL, CONF_LIM_ORDER_WON, 34000001,
		  REASON_GUARD_LIMIT, MODE_OBSERVE },
		{ "day limit over it", 17000000, 0, NULL, NULL, CONF_LIM_DAY_WON, INT64_C(1000000000000),
		  REASON_GUARD_LIMIT, MODE_OBSERVE },
		{ "count at its most", 17000000, 0, NULL, NULL, CONF_LIM_RATE_DAY, 1000, REASON_OK,
		  MODE_TRADE },
		{ "count over it", 17000000, 0, NULL, NULL, CONF_LIM_RATE_DAY, 1001, REASON_GUARD_LIMIT,
		  MODE_OBSERVE },
		{ "two causes: the lower ceiling tells", 17000000, 400, trips[0], NULL, CONF_LIM_ORDER_WON,
		  34000001, REASON_GUARD_LIMIT, MODE_OBSERVE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct guardrail_in in;
		struct guardrail_out out;

		set_defaults();
		if (cases[i].setting)
			cfg.values[cases[i].key].number = cases[i].setting;
		in = quiet();
		in.equity_won = cases[i].equity_won;
		in.index_move_bp = cases[i].index_bp;
		in.round_trips_won = cases[i].trips;
		in.round_trip_count = cases[i].trips ? 6 : 0;
		in.equity_history_won = cases[i].history;
		in.equity_history_count = cases[i].history ? 3 : 0;
		assert_int_equal(guardrail(&in, &out), REASON_OK);
		assert_string_equal(reason_code(out.reason), reason_code(cases[i].why));
		assert_int_equal(out.ceiling, cases[i].ceiling);
		assert_true(strlen(out.text) > 0);
		if (cases[i].equity_won <= 0) {
			assert_int_equal(out.limits.order_value_won, 0);
			assert_int_equal(out.limits.rate_minute, 0);
		}
	}
}

#define BARS 270
static struct day_bar bars[BARS];

/* Every day ranges `range` won round 10,000; the newest 20 days `range_now`. */
static struct symbol_history history(int64_t range, int64_t range_now)
{
	struct symbol_history h = { .symbol = "005930", .bars = bars, .bar_count = BARS };
	struct kst_day day = { 20260309 };

	for (int i = 0; i < BARS; i++) {
		int64_t half = (i < 20 ? range_now : range) / 2;

		bars[i] = (struct day_bar){ day, 10000, 10000 + half, 10000 - half, 10000, 1000 + i };
		day = kst_day_add(day, -1);
	}
	return h;
}

static void test_symbol_risk(void **state)
{
	struct symbol_history h = history(200, 200);
	struct symbol_risk r = symbol_risk_of(&h, 300);

	(void)state;
	assert_string_equal(r.symbol, "005930");
	assert_int_equal(r.atr_ppm, 20000);
	assert_int_equal(r.atr_median_ppm, 20000);
	assert_false(r.volatile_now);
	assert_int_equal(r.volume_average_qty, 1009);
	/* three times the median passes, more does not */
	h = history(200, 600);
	r = symbol_risk_of(&h, 300);
	assert_int_equal(r.atr_ppm, 60000);
	assert_int_equal(r.atr_median_ppm, 20000);
	assert_false(r.volatile_now);
	h = history(200, 602);
	r = symbol_risk_of(&h, 300);
	assert_int_equal(r.atr_ppm, 60200);
	assert_true(r.volatile_now);
	/* a gap over night counts: from 10,000 down to 9,000 +- 100 */
	h = history(200, 200);
	bars[0] = (struct day_bar){ bars[0].day, 9000, 9100, 8900, 9000, 1000 };
	r = symbol_risk_of(&h, 300);
	assert_int_equal(r.atr_ppm, (19 * 200 + 1100) * INT64_C(1000000) / (20 * 9000));
	/* what is not known moves too much */
	h = history(200, 200);
	h.bar_count = BARS - 1;
	r = symbol_risk_of(&h, 300);
	assert_true(r.volatile_now);
	assert_int_equal(r.atr_ppm, -1);
	assert_int_equal(r.volume_average_qty, 1009);
	h.bar_count = 19;
	r = symbol_risk_of(&h, 300);
	assert_int_equal(r.volume_average_qty, 0);
	h = history(200, 200);
	bars[100].low_won = 0;
	assert_true(symbol_risk_of(&h, 300).volatile_now);
	h = history(200, 200);
	bars[100].day = bars[99].day; /* a day twice */
	assert_true(symbol_risk_of(&h, 300).volatile_now);
	h = history(200, 200);
	assert_true(symbol_risk_of(&h, 0).volatile_now);
}

static void test_market_move(void **state)
{
	static const struct {
		const char *name;
		int64_t last_won[7], base_won[7];
		int count;
		bool known;
		int64_t want_bp;
	} cases[] = {
		{ "nothing moved", { 100, 200, 300, 400, 500 }, { 100, 200, 300, 400, 500 }, 5, true, 0 },
		{ "the middle one",
		  { 10500, 10100, 9000, 10200, 10300 },
		  { 10000, 10000, 10000, 10000, 10000 },
		  5,
		  true,
		  200 },
		{ "one wild symbol does not matter",
		  { 10000, 10000, 13000, 10000, 10000 },
		  { 10000, 10000, 10000, 10000, 10000 },
		  5,
		  true,
		  0 },
		{ "downwards",
		  { 9700, 9600, 9500, 9900, 9400 },
		  { 10000, 10000, 10000, 10000, 10000 },
		  5,
		  true,
		  -400 },
		{ "too few", { 100, 200, 300, 400 }, { 100, 200, 300, 400 }, 4, false, -1 },
		{ "unknown ones do not count",
		  { 100, 0, 300, 400, 500 },
		  { 100, 200, 300, 0, 500 },
		  5,
		  false,
		  -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t got_bp = -1;

		assert_int_equal(
			market_move_of(cases[i].last_won, cases[i].base_won, cases[i].count, &got_bp),
			cases[i].known);
		assert_int_equal(got_bp, cases[i].want_bp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_market_move),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_symbol_risk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
