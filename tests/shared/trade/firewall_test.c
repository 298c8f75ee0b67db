/* firewall: every reason at its boundary: the last order that passes and the first that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/firewall.h"
#include "tests/shared/trade/limits_sample.h"

static struct limit_set limits;
static struct firewall_view view;
static struct wanted_order buy, sell;

static struct wall clock_at(int hour, int minute, int second)
{
	return kst_wall((struct kst_day){ 20260310 }, hour * 3600 + minute * 60 + second);
}

/* A surrounding in which buying 10 and selling 10 of 005930 at 70,000 both pass. */
static void lay(void)
{
	limits = limits_sample;
	limits.equity_won = 17000000;
	limits.cash_won = 10000000;
	limits.loss_day_won = 340000;
	limits.exposure_symbol_won = 10000000;
	limits.exposure_gross_won = 17000000;
	limits.positions_max = 3;
	limits.order_value_won = 1700000;
	limits.day_value_won = 5000000;
	view = (struct firewall_view){ .now = clock_at(10, 0, 0),
				       .day = { 20260310 },
				       .mode = MODE_TRADE,
				       .limits = &limits,
				       .member = true,
				       .market = MARKET_KOSPI,
				       .kind = SYMBOL_STOCK,
				       .last_won = 70000,
				       .previous_close_won = 70000,
				       .band = { 49000, 91000 },
				       .tick_at = clock_at(9, 59, 59),
				       .rest_price_won = 70000,
				       .rest_at = clock_at(9, 59, 30),
				       .volume_average_qty = 1000000,
				       .session_open = clock_at(9, 0, 0),
				       .entry_end = clock_at(15, 15, 0),
				       .session_end = clock_at(15, 30, 0),
				       .cash_free_won = 10000000,
				       .exposure_symbol_won = 7000000,
				       .exposure_gross_won = 7000000,
				       .own_qty = 100,
				       .own_sellable_qty = 100,
				       .positions_count = 1,
				       .symbol_held_or_open = true,
				       .costs = { 142, 500, 1500 } };
	buy = (struct wanted_order){ "005930", SIDE_BUY, TYPE_LIMIT, 10, 70000 };
	sell = (struct wanted_order){ "005930", SIDE_SELL, TYPE_LIMIT, 10, 70000 };
}

/* Both answers at once: what it does to the purchase and to the sale. */
#define EXPECT(want_buy, want_sell)                                                                          \
	do {                                                                                                 \
		assert_string_equal(reason_code(firewall_check(&buy, &view)), reason_code(want_buy));        \
		assert_string_equal(reason_code(firewall_check(&sell, &view)), reason_code(want_sell));      \
	} while (0)
#define OK REASON_OK

static void test_nothing_wrong(void **state)
{
	(void)state;
	lay();
	EXPECT(OK, OK);
	buy.type = sell.type = TYPE_MARKET;
	buy.price_won = sell.price_won = 0;
	EXPECT(OK, OK);
}

static void test_standing(void **state)
{
	(void)state;
	lay();
	view.mode = MODE_REDUCE;
	EXPECT(REASON_FW_MODE, OK);
	view.mode = MODE_OBSERVE;
	EXPECT(REASON_FW_MODE, REASON_FW_MODE);
	view.mode = MODE_HALT;
	EXPECT(REASON_FW_MODE, REASON_FW_MODE);
	lay();
	view.locked_buy = true;
	EXPECT(REASON_FW_LOCKED, OK);
	lay();
	view.locked_sell = true;
	EXPECT(OK, REASON_FW_LOCKED);
	lay();
	view.halted = true;
	EXPECT(REASON_FW_HALTED, REASON_FW_HALTED);
	lay();
	view.volatile_now = true;
	EXPECT(REASON_FW_VOLATILE, OK);
	lay();
	view.member = false;
	EXPECT(REASON_FW_NOT_MEMBER, OK);
	lay();
	memcpy(buy.symbol, "00593", 6);
	memcpy(sell.symbol, "00593", 6);
	EXPECT(REASON_FW_NOT_MEMBER, REASON_FW_NOT_MEMBER);
}

static void test_session(void **state)
{
	static const struct {
		int hour, minute, second, plus_us;
		enum reason want_buy, want_sell;
	} cases[] = {
		{ 9, 0, 0, -1, REASON_FW_SESSION, REASON_FW_SESSION },
		{ 9, 0, 0, 0, OK, OK },
		{ 15, 15, 0, -1, OK, OK },
		{ 15, 15, 0, 0, REASON_FW_SESSION, OK },
		{ 15, 30, 0, -1, REASON_FW_SESSION, OK },
		{ 15, 30, 0, 0, REASON_FW_SESSION, REASON_FW_SESSION },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay();
		view.now = wall_add_us(clock_at(cases[i].hour, cases[i].minute, cases[i].second),
				       cases[i].plus_us);
		view.tick_at = view.rest_at = view.now;
		EXPECT(cases[i].want_buy, cases[i].want_sell);
	}
}

static void test_prices(void **state)
{
	static const struct {
		int64_t price_won;
		enum reason want_buy, want_sell;
	} cases[] = {
		{ 70050, REASON_FW_TICK_SIZE, REASON_FW_TICK_SIZE },
		{ 70100, OK, OK },
		{ 72100, OK, OK },
		{ 72200, REASON_FW_COLLAR, OK }, /* 3 % is 2,100; a dear sale rests and hurts nobody */
		{ 67900, OK, OK },
		{ 67800, REASON_FW_COLLAR, REASON_FW_COLLAR }, /* shares given away */
		{ 91000, REASON_FW_COLLAR, OK },
		{ 91100, REASON_FW_BAND, REASON_FW_BAND },
		{ 49000, REASON_FW_COLLAR, REASON_FW_COLLAR },
		{ 48950, REASON_FW_BAND, REASON_FW_BAND },
		{ 7000, REASON_FW_BAND, REASON_FW_BAND },
		{ 1, REASON_FW_BAND, REASON_FW_BAND },
		{ 0, REASON_FW_BAND, REASON_FW_BAND },
		{ -70000, REASON_FW_BAND, REASON_FW_BAND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lay();
		buy.price_won = sell.price_won = cases[i].price_won;
		EXPECT(cases[i].want_buy, cases[i].want_sell);
	}
	/* round the previous close: 15 % of 61,000 is 9,150 */
	lay();
	view.previous_close_won = 61000;
	buy.price_won = 70100;
	EXPECT(OK, OK);
	buy.price_won = 70200;
	EXPECT(REASON_FW_COLLAR, OK);
	view.previous_close_won = 0;
	buy.price_won = 70000;
	EXPECT(REASON_FW_COLLAR, OK);
	/* after a crash the exit still goes, at the price of now */
	lay();
	view.last_won = view.rest_price_won = 52000;
	sell.price_won = 51900;
	buy.price_won = 52000;
	EXPECT(REASON_FW_COLLAR, OK);
	/* without a band: no purchase */
	lay();
	view.band = (struct price_band){ 0, 0 };
	EXPECT(REASON_FW_BAND, OK);
	/* a market order has no price */
	lay();
	buy.type = sell.type = TYPE_MARKET;
	EXPECT(REASON_FW_TICK_SIZE, REASON_FW_TICK_SIZE);
}

static void test_feed(void **state)
{
	(void)state;
	lay();
	view.tick_at = wall_add_us(view.now, -30 * US_PER_S);
	EXPECT(OK, OK);
	view.tick_at.us--;
	EXPECT(REASON_FW_STALE_TICK, OK);
	view.tick_at.us = 0;
	EXPECT(REASON_FW_STALE_TICK, OK);
	view.tick_at = wall_add_us(view.now, 1);
	EXPECT(REASON_FW_STALE_TICK, OK);
	lay();
	view.last_won = 0;
	EXPECT(REASON_FW_STALE_TICK, OK);
	lay();
	view.rest_at = wall_add_us(view.now, -60 * US_PER_S);
	EXPECT(OK, OK);
	view.rest_at.us--;
	EXPECT(REASON_FW_UNCONFIRMED, OK);
	lay();
	view.rest_price_won = 0;
	EXPECT(REASON_FW_UNCONFIRMED, OK);
	view.rest_price_won = 68000; /* 3 % of it are 2,040 */
	EXPECT(OK, OK);
	view.rest_price_won = 67900;
	EXPECT(REASON_FW_UNCONFIRMED, OK);
	/* an old tick says nothing about a price: the exit's collar is not asked */
	lay();
	view.tick_at.us = 0;
	sell.price_won = 60000;
	EXPECT(REASON_FW_STALE_TICK, OK);
}

static void test_size(void **state)
{
	(void)state;
	lay();
	buy.qty = sell.qty = 0;
	EXPECT(REASON_FW_QTY, REASON_FW_QTY);
	buy.qty = sell.qty = -1;
	EXPECT(REASON_FW_QTY, REASON_FW_QTY);
	lay();
	limits.order_value_won = 700000;
	EXPECT(OK, OK);
	limits.order_value_won = 699999;
	sell.qty = 100;
	EXPECT(REASON_FW_VALUE, OK);
	lay();
	view.value_today_won = 5000000 - 700000;
	EXPECT(OK, OK);
	view.value_today_won++;
	EXPECT(REASON_FW_VALUE, OK);
	limits.day_value_won = 0; /* off */
	EXPECT(OK, OK);
	lay();
	view.volume_average_qty = 100;
	EXPECT(OK, OK);
	view.volume_average_qty = 99;
	EXPECT(REASON_FW_QTY, OK);
	view.volume_average_qty = 0;
	EXPECT(REASON_FW_QTY, OK);
	lay();
	buy.qty = INT64_MAX / 2;
	EXPECT(REASON_FW_VALUE, OK);
	lay();
	view.limits = NULL;
	EXPECT(REASON_FW_VALUE, OK);
	lay();
	limits.equity_won = 0;
	EXPECT(REASON_FW_VALUE, OK);
}

static void test_capital(void **state)
{
	(void)state;
	lay();
	view.cash_free_won =
		700000 + 90 + 10; /* 99.4 won of fee cut to 90, and one step that the day's sum may take */
	EXPECT(OK, OK);
	view.cash_free_won--;
	EXPECT(REASON_FW_CASH, OK);
	view.cash_free_won = -1;
	EXPECT(REASON_FW_CASH, OK);
	/* a market purchase is counted at the upper edge of the band */
	lay();
	buy.type = TYPE_MARKET;
	buy.price_won = 0;
	view.cash_free_won = 910000 + 120 + 10;
	EXPECT(OK, OK);
	view.cash_free_won--;
	EXPECT(REASON_FW_CASH, OK);
	lay();
	view.exposure_symbol_won = 10000000 - 700000;
	view.exposure_gross_won = view.exposure_symbol_won;
	EXPECT(OK, OK);
	view.exposure_symbol_won++;
	EXPECT(REASON_FW_EXPOSURE_SYMBOL, OK);
	view.exposure_symbol_won = -1;
	EXPECT(REASON_FW_EXPOSURE_SYMBOL, OK);
	lay();
	view.exposure_gross_won = 17000000 - 700000;
	EXPECT(OK, OK);
	view.exposure_gross_won++;
	EXPECT(REASON_FW_EXPOSURE_GROSS, OK);
	lay();
	view.symbol_held_or_open = false;
	view.positions_count = 2;
	EXPECT(OK, OK);
	view.positions_count = 3;
	EXPECT(REASON_FW_POSITIONS, OK);
	view.symbol_held_or_open = true;
	EXPECT(OK, OK);
}

static void test_own_lots(void **state)
{
	(void)state;
	lay();
	sell.qty = 100;
	EXPECT(OK, OK);
	sell.qty = 101;
	EXPECT(OK, REASON_FW_NOT_OURS);
	sell.qty = 100;
	view.own_sellable_qty = 99; /* one rests in another sale */
	EXPECT(OK, REASON_FW_NOT_OURS);
	view.own_sellable_qty = 1000; /* others' shares do not count */
	sell.qty = 101;
	EXPECT(OK, REASON_FW_NOT_OURS);
}

static void test_own_orders(void **state)
{
	(void)state;
	lay();
	view.undecided_same_side = true;
	EXPECT(REASON_FW_UNDECIDED, REASON_FW_UNDECIDED);
	lay();
	view.live_same_side_same_price = true;
	EXPECT(REASON_FW_DUPLICATE, REASON_FW_DUPLICATE);
	lay();
	view.lowest_own_sell_won = 70100;
	EXPECT(OK, OK);
	view.lowest_own_sell_won = 70000;
	EXPECT(REASON_FW_SELF_CROSS, OK);
	view.lowest_own_sell_won = 90000;
	buy.type = TYPE_MARKET;
	buy.price_won = 0;
	EXPECT(REASON_FW_SELF_CROSS, OK);
	lay();
	view.highest_own_buy_won = 69900;
	EXPECT(OK, OK);
	view.highest_own_buy_won = 70000;
	EXPECT(OK, REASON_FW_SELF_CROSS);
}

static void test_counts(void **state)
{
	(void)state;
	lay();
	view.orders_last_minute = 9;
	EXPECT(OK, OK);
	view.orders_last_minute = 10;
	EXPECT(REASON_FW_RATE_MINUTE, REASON_FW_RATE_MINUTE);
	lay();
	view.equal_orders_60s = 2;
	EXPECT(OK, OK);
	view.equal_orders_60s = 3;
	EXPECT(REASON_FW_REPEATED, REASON_FW_REPEATED);
	lay();
	view.repeated_locked = true;
	EXPECT(REASON_FW_REPEATED, OK);
	lay();
	view.orders_symbol_today = 5;
	EXPECT(OK, OK);
	view.orders_symbol_today = 6;
	EXPECT(REASON_FW_RATE_SYMBOL, OK);
	lay();
	view.orders_today = 199;
	EXPECT(OK, OK);
	view.orders_today = 200;
	EXPECT(REASON_FW_RATE_DAY, OK);
	lay();
	view.day_result_won = -339999;
	EXPECT(OK, OK);
	view.day_result_won = -340000;
	EXPECT(REASON_FW_LOSS, OK);
	lay();
	limits.loss_day_won = 0; /* a limit that is not there is reached */
	EXPECT(REASON_FW_LOSS, OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_wrong), cmocka_unit_test(test_standing),
		cmocka_unit_test(test_session),       cmocka_unit_test(test_prices),
		cmocka_unit_test(test_feed),          cmocka_unit_test(test_size),
		cmocka_unit_test(test_capital),       cmocka_unit_test(test_own_lots),
		cmocka_unit_test(test_own_orders),    cmocka_unit_test(test_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
