/* market: ticks and bands at every edge, and a real paper account's fees and taxes to the won. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/market.h"

#define D(n) ((struct kst_day){ n })

static void test_words(void **state)
{
	enum market market = MARKET_KOSDAQ;
	enum symbol_kind kind = SYMBOL_ETF;

	(void)state;
	assert_true(market_parse("KOSPI", &market));
	assert_int_equal(market, MARKET_KOSPI);
	assert_string_equal(market_text(MARKET_KOSDAQ), "KOSDAQ");
	assert_false(market_parse("kospi", &market));
	assert_false(market_parse(NULL, &market));
	assert_true(symbol_kind_parse("STOCK", &kind));
	assert_int_equal(kind, SYMBOL_STOCK);
	assert_string_equal(symbol_kind_text(SYMBOL_ETF), "ETF");
	assert_false(symbol_kind_parse("ETN", &kind));
	assert_true(symbol_valid("005930"));
	assert_true(symbol_valid("0123A0"));
	assert_true(symbol_valid("Q530031"));
	assert_true(symbol_valid("J00593012"));
	assert_false(symbol_valid("00593"));
	assert_false(symbol_valid("J005930123"));
	assert_false(symbol_valid("00593a"));
	assert_false(symbol_valid("00593 "));
	assert_false(symbol_valid(""));
	assert_false(symbol_valid(NULL));
}

static void test_ticks(void **state)
{
	static const struct {
		int32_t day;
		enum market market;
		enum symbol_kind kind;
		int64_t price_won, tick_won, down_won, up_won;
	} cases[] = {
		/* the table of 2023-01-25, both markets, either side of each edge */
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 1, 1, 1, 1 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 1999, 1, 1999, 1999 },
		{ 20230125, MARKET_KOSDAQ, SYMBOL_STOCK, 2000, 5, 2000, 2000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 4999, 5, 4995, 5000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 5001, 10, 5000, 5010 },
		{ 20230125, MARKET_KOSDAQ, SYMBOL_STOCK, 19999, 10, 19990, 20000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 20000, 50, 20000, 20000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 49999, 50, 49950, 50000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 50001, 100, 50000, 50100 },
		{ 20260722, MARKET_KOSPI, SYMBOL_STOCK, 77600, 100, 77600, 77600 },
		{ 20230125, MARKET_KOSDAQ, SYMBOL_STOCK, 199999, 100, 199900, 200000 },
		{ 20230125, MARKET_KOSDAQ, SYMBOL_STOCK, 200000, 500, 200000, 200000 },
		{ 20260722, MARKET_KOSPI, SYMBOL_STOCK, 273000, 500, 273000, 273000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 499999, 500, 499500, 500000 },
		{ 20230125, MARKET_KOSPI, SYMBOL_STOCK, 500001, 1000, 500000, 501000 },
		/* the last day of the old tables */
		{ 20230124, MARKET_KOSPI, SYMBOL_STOCK, 999, 1, 999, 999 },
		{ 20230124, MARKET_KOSPI, SYMBOL_STOCK, 1001, 5, 1000, 1005 },
		{ 20230124, MARKET_KOSPI, SYMBOL_STOCK, 5001, 10, 5000, 5010 },
		{ 20230124, MARKET_KOSPI, SYMBOL_STOCK, 10001, 50, 10000, 10050 },
		{ 20210104, MARKET_KOSPI, SYMBOL_STOCK, 83000, 100, 83000, 83000 },
		{ 20210104, MARKET_KOSPI, SYMBOL_STOCK, 118500, 500, 118500, 118500 },
		{ 20210104, MARKET_KOSPI, SYMBOL_STOCK, 118400, 500, 118000, 118500 },
		{ 20230124, MARKET_KOSPI, SYMBOL_STOCK, 500001, 1000, 500000, 501000 },
		{ 20230124, MARKET_KOSDAQ, SYMBOL_STOCK, 118400, 100, 118400, 118400 },
		{ 20230124, MARKET_KOSDAQ, SYMBOL_STOCK, 612300, 100, 612300, 612300 },
		{ 20230124, MARKET_KOSDAQ, SYMBOL_STOCK, 49999, 50, 49950, 50000 },
		/* ETF */
		{ 20231210, MARKET_KOSPI, SYMBOL_ETF, 1998, 5, 1995, 2000 },
		{ 20231211, MARKET_KOSPI, SYMBOL_ETF, 1998, 1, 1998, 1998 },
		{ 20231211, MARKET_KOSPI, SYMBOL_ETF, 2001, 5, 2000, 2005 },
		{ 20210104, MARKET_KOSPI, SYMBOL_ETF, 39453, 5, 39450, 39455 },
		/* no price */
		{ 20260722, MARKET_KOSPI, SYMBOL_STOCK, 0, 0, 0, 0 },
		{ 20260722, MARKET_KOSPI, SYMBOL_STOCK, -5, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct kst_day day = D(cases[i].day);

		assert_int_equal(tick_size(day, cases[i].market, cases[i].kind, cases[i].price_won),
				 cases[i].tick_won);
		assert_int_equal(tick_down(day, cases[i].market, cases[i].kind, cases[i].price_won),
				 cases[i].down_won);
		assert_int_equal(tick_up(day, cases[i].market, cases[i].kind, cases[i].price_won),
				 cases[i].up_won);
		assert_int_equal(tick_on_grid(day, cases[i].market, cases[i].kind, cases[i].price_won),
				 cases[i].price_won > 0 && cases[i].down_won == cases[i].price_won);
	}
	assert_int_equal(tick_up(D(20260722), MARKET_KOSPI, SYMBOL_STOCK, INT64_MAX), 0);
}

static void test_bands(void **state)
{
	static const struct {
		const char *name;
		int32_t day;
		enum market market;
		enum symbol_kind kind;
		int64_t base_won;
		bool ok;
		int64_t low_won, high_won;
	} cases[] = {
		{ "captured quote of 2025-09-16", 20250916, MARKET_KOSPI, SYMBOL_STOCK, 76500, true, 53600,
		  99400 },
		{ "2021-01-04, base 81,000 with the old ticks", 20210104, MARKET_KOSPI, SYMBOL_STOCK, 81000,
		  true, 56700, 105000 }, /* 105,300 lies on the 500 won grid above 100,000 */
		{ "low edge falls into a finer grid", 20250916, MARKET_KOSPI, SYMBOL_STOCK, 50000, true,
		  35000, 65000 },
		{ "the width is cut to the tick of the base, not of the edge", 20250916, MARKET_KOSPI,
		  SYMBOL_STOCK, 50300, true, 35300, 65300 },
		{ "high edge moves to a coarser grid", 20250916, MARKET_KOSPI, SYMBOL_STOCK, 4500, true, 3150,
		  5850 },
		{ "one won", 20250916, MARKET_KOSPI, SYMBOL_STOCK, 1, true, 1, 1 },
		{ "no base", 20250916, MARKET_KOSPI, SYMBOL_STOCK, 0, false, -7, -7 },
		{ "does not fit", 20250916, MARKET_KOSPI, SYMBOL_STOCK, INT64_MAX, false, -7, -7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct price_band band = { -7, -7 };

		assert_int_equal(
			price_band(D(cases[i].day), cases[i].market, cases[i].kind, cases[i].base_won, &band),
			cases[i].ok);
		assert_int_equal(band.low_won, cases[i].low_won);
		assert_int_equal(band.high_won, cases[i].high_won);
	}
	/* Edges are on the grid and never wider than 30 %, for every base on the grid. */
	for (int64_t base_won = 100; base_won < 900000;
	     base_won = tick_up(D(20260722), MARKET_KOSPI, SYMBOL_STOCK, base_won + 1)) {
		struct price_band band;

		assert_true(price_band(D(20260722), MARKET_KOSPI, SYMBOL_STOCK, base_won, &band));
		assert_true(tick_on_grid(D(20260722), MARKET_KOSPI, SYMBOL_STOCK, band.low_won));
		assert_true(tick_on_grid(D(20260722), MARKET_KOSPI, SYMBOL_STOCK, band.high_won));
		assert_true(band.low_won * 10 >= base_won * 7);
		assert_true(band.high_won * 10 <= base_won * 13);
	}
}

static void test_rates_by_date(void **state)
{
	static const struct {
		int32_t day;
		enum market market;
		enum symbol_kind kind;
		bool ok;
		int64_t tax_ppm, rural_ppm;
	} cases[] = {
		{ 20201231, MARKET_KOSPI, SYMBOL_STOCK, false, -1, -1 },
		{ 20210101, MARKET_KOSPI, SYMBOL_STOCK, true, 800, 1500 },
		{ 20221231, MARKET_KOSDAQ, SYMBOL_STOCK, true, 2300, 0 },
		{ 20230101, MARKET_KOSPI, SYMBOL_STOCK, true, 500, 1500 },
		{ 20231231, MARKET_KOSDAQ, SYMBOL_STOCK, true, 2000, 0 },
		{ 20240101, MARKET_KOSPI, SYMBOL_STOCK, true, 300, 1500 },
		{ 20240101, MARKET_KOSDAQ, SYMBOL_STOCK, true, 1800, 0 },
		{ 20251231, MARKET_KOSPI, SYMBOL_STOCK, true, 0, 1500 },
		{ 20251231, MARKET_KOSDAQ, SYMBOL_STOCK, true, 1500, 0 },
		{ 20260101, MARKET_KOSPI, SYMBOL_STOCK, true, 500, 1500 },
		{ 20260101, MARKET_KOSDAQ, SYMBOL_STOCK, true, 2000, 0 },
		{ 20260101, MARKET_KOSPI, SYMBOL_ETF, true, 0, 0 },
	};
	struct cost_rules rules;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		rules = (struct cost_rules){ -1, -1, -1 };
		assert_int_equal(cost_rules_for(D(cases[i].day), cases[i].market, cases[i].kind, 142, &rules),
				 cases[i].ok);
		assert_int_equal(rules.tax_ppm, cases[i].tax_ppm);
		assert_int_equal(rules.rural_ppm, cases[i].rural_ppm);
		assert_int_equal(rules.commission_ppm, cases[i].ok ? 142 : -1);
	}
	assert_false(cost_rules_for(D(20260101), MARKET_KOSPI, SYMBOL_STOCK, -1, &rules));
	assert_false(cost_rules_for(D(20260101), MARKET_KOSPI, SYMBOL_STOCK, 1000001, &rules));
}

static void test_cuts(void **state)
{
	static const struct {
		const char *name;
		enum order_side side;
		int64_t cum_won;
		bool ok;
		int64_t fee_won, tax_won;
	} cases[] = {
		{ "nothing", SIDE_BUY, 0, true, 0, 0 },
		{ "41.819 is cut to 40", SIDE_BUY, 294500, true, 40, 0 },
		{ "a sale: 147.25 and 441.75 are cut one by one", SIDE_SELL, 294500, true, 40, 147 + 441 },
		{ "just below ten won of fee", SIDE_BUY, 70422, true, 0, 0 },
		{ "ten won of fee", SIDE_BUY, 70423, true, 10, 0 },
		{ "negative", SIDE_BUY, -1, false, -1, -1 },
	};
	struct cost_rules rules;
	struct cost cost;

	(void)state;
	assert_true(cost_rules_for(D(20260611), MARKET_KOSPI, SYMBOL_STOCK, 142, &rules));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		cost = (struct cost){ -1, -1 };
		assert_int_equal(cost_of(&rules, cases[i].side, cases[i].cum_won, &cost), cases[i].ok);
		assert_int_equal(cost.fee_won, cases[i].fee_won);
		assert_int_equal(cost.tax_won, cases[i].tax_won);
	}
	/* a step is the difference of two cumulatives: two halves of 10.0 won of fee are 0 and 10 */
	assert_true(cost_step(&rules, SIDE_BUY, 0, 35212, &cost));
	assert_int_equal(cost.fee_won, 0);
	assert_true(cost_step(&rules, SIDE_BUY, 35212, 35211, &cost));
	assert_int_equal(cost.fee_won, 10);
	assert_false(cost_step(&rules, SIDE_BUY, 0, -1, &cost));
	assert_false(cost_step(&rules, SIDE_BUY, INT64_MAX, 1, &cost));
}

/* 27 states of a real paper account: costs and D+2 cash must come out to the won, from the cumulatives and
 * step by step. */
static void test_paper_account(void **state)
{
	FILE *f = fopen("tests/data/paper_costs_20260611.csv", "r");
	int64_t bought_won = 0, sold_won = 0, costs_won = 0;
	struct cost_rules rules;
	char line[256];
	int rows = 0;

	(void)state;
	assert_non_null(f);
	assert_true(cost_rules_for(D(20260611), MARKET_KOSPI, SYMBOL_STOCK, 142, &rules));
	while (fgets(line, sizeof(line), f)) {
		int64_t bought = 0, sold = 0, told = 0, d2 = 0, d0 = 0;
		int64_t *const columns[] = { &bought, &sold, &told, &d2, &d0 };
		const char *at = strchr(line, ',');
		struct cost buy, sell, step;

		if (strncmp(line, "2026-06-11 ", 11) != 0)
			continue;
		for (size_t i = 0; i < 5; i++) {
			size_t len;

			assert_non_null(at);
			len = strcspn(at + 1, ",\n");
			assert_true(num_parse(at + 1, len, columns[i]));
			at = strchr(at + 1 + len, ',');
		}
		assert_null(at);
		assert_true(cost_of(&rules, SIDE_BUY, bought, &buy));
		assert_true(cost_of(&rules, SIDE_SELL, sold, &sell));
		assert_int_equal(buy.fee_won + sell.fee_won + sell.tax_won, told);
		assert_int_equal(d0 - bought + sold - told, d2);
		assert_true(cost_step(&rules, SIDE_BUY, bought_won, bought - bought_won, &step));
		costs_won += step.fee_won + step.tax_won;
		assert_true(cost_step(&rules, SIDE_SELL, sold_won, sold - sold_won, &step));
		costs_won += step.fee_won + step.tax_won;
		assert_int_equal(costs_won, told);
		bought_won = bought;
		sold_won = sold;
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_bands), cmocka_unit_test(test_rates_by_date),
		cmocka_unit_test(test_cuts),  cmocka_unit_test(test_paper_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
