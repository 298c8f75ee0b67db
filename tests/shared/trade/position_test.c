/* position: cases to the won, and what must hold of any day of trades (seeded, 2,000 days). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/position.h"

static const struct cost_rules rules_2026 = { 142, 500, 1500 };

static void test_fills(void **state)
{
	static const struct {
		const char *name;
		int64_t held_qty, held_won;
		enum order_side side;
		int64_t qty, amount_won;
		enum reason why;
		int64_t qty_after, cost_after_won, realised_won;
	} cases[] = {
		{ "first purchase", 0, 0, SIDE_BUY, 10, 700000, REASON_OK, 10, 700000, 0 },
		{ "more of it", 100, 7000000, SIDE_BUY, 10, 704500, REASON_OK, 110, 7704500, 0 },
		{ "part sold", 100, 7000000, SIDE_SELL, 10, 708000, REASON_OK, 90, 6300000, 8000 },
		{ "the cost taken is cut", 3, 100, SIDE_SELL, 1, 50, REASON_OK, 2, 67, 17 },
		{ "all sold takes all", 3, 100, SIDE_SELL, 3, 90, REASON_OK, 0, 0, -10 },
		{ "one more than held", 100, 7000000, SIDE_SELL, 101, 7000000, REASON_POSITION_MISMATCH, 100,
		  7000000, 0 },
		{ "no shares", 100, 7000000, SIDE_SELL, 0, 70000, REASON_ROW_INCONSISTENT, 100, 7000000, 0 },
		{ "no won", 100, 7000000, SIDE_BUY, 1, 0, REASON_ROW_INCONSISTENT, 100, 7000000, 0 },
		{ "does not fit", 1, INT64_MAX, SIDE_BUY, 1, 1, REASON_OVERFLOW, 1, INT64_MAX, 0 },
		{ "unknown cost stays unknown", 20, LOT_COST_UNKNOWN, SIDE_BUY, 5, 900, REASON_OK, 25,
		  LOT_COST_UNKNOWN, 0 },
		{ "and gives no result", 20, LOT_COST_UNKNOWN, SIDE_SELL, 5, 900, REASON_OK, 15,
		  LOT_COST_UNKNOWN, 0 },
		{ "until none are left", 20, LOT_COST_UNKNOWN, SIDE_SELL, 20, 900, REASON_OK, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct position pos = { .lot = { "005930", OWNER_SYS, cases[i].held_qty,
						 cases[i].held_won } };
		struct position before = pos;

		assert_int_equal(
			position_fill(&pos, &rules_2026, cases[i].side, cases[i].qty, cases[i].amount_won),
			cases[i].why);
		assert_int_equal(pos.lot.qty, cases[i].qty_after);
		assert_int_equal(pos.lot.cost_won, cases[i].cost_after_won);
		assert_int_equal(pos.realised_won, cases[i].realised_won);
		if (cases[i].why != REASON_OK)
			assert_memory_equal(&pos, &before, sizeof(pos));
	}
}

static void test_book(void **state)
{
	static struct position_book book;
	struct lot lot = { "005930", OWNER_SYS, 100, 7000000 };
	struct position *pos = NULL;

	(void)state;
	book.count = 0;
	assert_int_equal(position_open(&book, &lot, &pos), REASON_OK);
	assert_ptr_equal(position_find(&book, "005930", OWNER_SYS), pos);
	assert_null(position_find(&book, "005930", OWNER_EXT));
	assert_null(position_find(&book, "000660", OWNER_SYS));
	assert_int_equal(position_open(&book, &lot, &pos), REASON_ROW_INCONSISTENT); /* twice */
	lot.owner = OWNER_EXT;
	lot.cost_won = LOT_COST_UNKNOWN;
	assert_int_equal(position_open(&book, &lot, &pos), REASON_OK);
	lot = (struct lot){ "000660", OWNER_SYS, -1, 0 };
	assert_int_equal(position_open(&book, &lot, &pos), REASON_ROW_INCONSISTENT);
	lot = (struct lot){ "000660", OWNER_SYS, 1, -2 };
	assert_int_equal(position_open(&book, &lot, &pos), REASON_ROW_INCONSISTENT);
	assert_int_equal(book.count, 2);
	for (int i = 0; i < HOLDINGS_MAX - 2; i++) {
		lot = (struct lot){ .owner = OWNER_SYS, .qty = 1, .cost_won = 1 };
		memcpy(lot.symbol,
		       (char[]){ 'A', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10),
				 '0', '0', 0 },
		       7);
		assert_int_equal(position_open(&book, &lot, &pos), REASON_OK);
	}
	memcpy(lot.symbol, "ZZZZZZ", 7);
	assert_int_equal(position_open(&book, &lot, &pos), REASON_OVERFLOW);
}

static uint64_t seed;
static int64_t roll(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

/*
 * Of any day: shares = bought - sold; cost never negative and 0 with no shares; money put in = cost left +
 * cost taken, so cost + sold - realised = bought; fees and taxes of the day = those of its two sums.
 */
static void test_any_day(void **state)
{
	int sales = 0;

	(void)state;
	seed = 20260310;
	for (int day = 0; day < 2000; day++) {
		struct position pos = { .lot = { "005930", OWNER_SYS, 0, 0 } };
		int64_t bought_won = 0, sold_won = 0, shares = 0;
		struct cost buy, sell;

		for (int n = 0; n < 30; n++) {
			enum order_side side = roll(2) ? SIDE_BUY : SIDE_SELL;
			int64_t qty = 1 + roll(500), amount_won = qty * (1 + roll(900000));
			bool fits = side == SIDE_BUY || qty <= shares;

			assert_int_equal(position_fill(&pos, &rules_2026, side, qty, amount_won),
					 fits ? REASON_OK : REASON_POSITION_MISMATCH);
			if (fits && side == SIDE_BUY) {
				bought_won += amount_won;
				shares += qty;
			} else if (fits) {
				sold_won += amount_won;
				shares -= qty;
				sales++;
			}
			assert_int_equal(pos.lot.qty, shares);
			assert_true(pos.lot.cost_won >= 0);
			assert_true(shares > 0 || pos.lot.cost_won == 0);
			assert_int_equal(pos.lot.cost_won + sold_won - pos.realised_won, bought_won);
			assert_int_equal(pos.bought_won, bought_won);
			assert_int_equal(pos.sold_won, sold_won);
			assert_int_equal(pos.bought_qty - pos.sold_qty, shares);
		}
		assert_true(cost_of(&rules_2026, SIDE_BUY, bought_won, &buy));
		assert_true(cost_of(&rules_2026, SIDE_SELL, sold_won, &sell));
		assert_int_equal(pos.fee_won, buy.fee_won + sell.fee_won);
		assert_int_equal(pos.tax_won, sell.tax_won);
	}
	assert_true(sales > 10000);
}

static void test_next_day(void **state)
{
	static struct position_book book;
	struct lot held = { .symbol = "005930", .owner = OWNER_SYS, .qty = 10, .cost_won = 700000 };
	struct lot gone = { .symbol = "000660", .owner = OWNER_SYS, .qty = 5, .cost_won = 500000 };
	struct lot other = { .symbol = "035420", .owner = OWNER_EXT, .qty = 7, .cost_won = 100 };
	struct position *pos;

	(void)state;
	book.count = 0;
	assert_int_equal(position_open(&book, &held, &pos), REASON_OK);
	assert_int_equal(position_fill(pos, &rules_2026, SIDE_SELL, 4, 300000), REASON_OK);
	assert_int_equal(position_open(&book, &gone, &pos), REASON_OK);
	assert_int_equal(position_fill(pos, &rules_2026, SIDE_SELL, 5, 490000), REASON_OK);
	assert_int_equal(position_open(&book, &other, &pos), REASON_OK);
	position_next_day(&book);
	assert_int_equal(book.count, 2);
	assert_null(position_find(&book, "000660", OWNER_SYS));
	assert_int_equal(position_find(&book, "035420", OWNER_EXT)->lot.qty, 7);
	pos = position_find(&book, "005930", OWNER_SYS);
	assert_int_equal(pos->lot.qty, 6);
	assert_int_equal(pos->lot.cost_won, 420000);
	assert_int_equal(pos->sold_qty, 0);
	assert_int_equal(pos->sold_won, 0);
	assert_int_equal(pos->realised_won, 0);
	assert_int_equal(pos->fee_won, 0);
	assert_int_equal(pos->tax_won, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills),
		cmocka_unit_test(test_book),
		cmocka_unit_test(test_any_day),
		cmocka_unit_test(test_next_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
