/* books: realised result, costs and round trips of a day, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "phases/books.h"
#include "phases/settle.h"
#include "shared/base/bug.h"
#include "shared/base/banned.h"

#define DAY ((struct kst_day){ 20210104 })

static struct fill fill_of(const char *symbol, enum order_side side, int64_t from, int64_t to,
			   int64_t amount_won, int minute)
{
	struct fill fill = { .day = DAY,
			     .side = side,
			     .owner = OWNER_SYS,
			     .from_qty = from,
			     .to_qty = to,
			     .amount_won = amount_won,
			     .at = kst_wall(DAY, 36000 + minute * 60) };

	memcpy(fill.symbol, symbol, strlen(symbol) + 1);
	return fill;
}

static enum reason take(struct books *books, struct fill fill)
{
	return books_fill(books, &fill, MARKET_KOSPI, SYMBOL_STOCK, 142);
}

/* Buy 10 at 80,000, sell 4 at 81,000 and 6 at 82,000: realised 4 x 1,000 + 6 x 2,000 = 16,000.
 * Commission 0.0142 % of the day's cumulative, cut to 10 won: 800,000 -> 113.6 -> 110; 816,000 -> 115.87 -> 110.
 * Tax 2021 KOSPI 0.08 % + 0.15 % of 816,000 = 652 + 1,224 = 1,876. Result 16,000 - 220 - 1,876 = 13,904. */
static void test_round_trip(void **state)
{
	struct books *books = calloc(1, sizeof(*books));
	struct snapshot none = { 0 };

	(void)state;
	assert_int_equal(books_open(books, &none), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_BUY, 0, 10, 800000, 1)), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_SELL, 0, 4, 324000, 2)), REASON_OK);
	assert_int_equal(books->trip_count, 0);
	assert_int_equal(take(books, fill_of("005930", SIDE_SELL, 4, 10, 492000, 3)), REASON_OK);
	assert_int_equal(books->realised_won, 16000);
	assert_int_equal(books->fee_won, 220);
	assert_int_equal(books->tax_won, 1876);
	assert_int_equal(books->bought_won, 800000);
	assert_int_equal(books->sold_won, 816000);
	assert_int_equal(books->fill_count, 3);
	assert_int_equal(books->trip_count, 1);
	assert_string_equal(books->trips[0].symbol, "005930");
	assert_int_equal(books->trips[0].qty, 10);
	assert_int_equal(books->trips[0].result_won, 13904);
	assert_int_equal(books->trips[0].closed.us, kst_wall(DAY, 36180).us);
	free(books);
}

/* Two trips of one symbol: costs of the second are what the day's cumulative adds, not a second start. */
static void test_two_trips(void **state)
{
	struct books *books = calloc(1, sizeof(*books));
	struct snapshot none = { 0 };

	(void)state;
	assert_int_equal(books_open(books, &none), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_BUY, 0, 10, 800000, 1)), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_SELL, 0, 10, 810000, 2)), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_BUY, 0, 10, 800000, 3)), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_SELL, 0, 10, 790000, 4)), REASON_OK);
	assert_int_equal(books->trip_count, 2);
	/* 1,600,000 x 0.0142 % = 227.2 -> 220 on each side; tax on 1,600,000: 1,280 + 2,400 */
	assert_int_equal(books->fee_won, 440);
	assert_int_equal(books->tax_won, 3680);
	assert_int_equal(books->realised_won, 0);
	assert_int_equal(books->trips[0].result_won + books->trips[1].result_won, -4120);
	assert_true(books->trips[0].result_won > 0);
	free(books);
}

static void test_held_before(void **state)
{
	struct lot lots[2] = { { "005930", OWNER_SYS, 100, 7000000 }, { "000660", OWNER_EXT, 50, 5000000 } };
	struct snapshot snap = { .lots = lots, .lot_count = 2, .lot_room = 2 };
	struct books *books = calloc(1, sizeof(*books));

	(void)state;
	assert_int_equal(books_open(books, &snap), REASON_OK);
	assert_int_equal(take(books, fill_of("005930", SIDE_SELL, 0, 100, 8000000, 1)), REASON_OK);
	assert_int_equal(books->realised_won, 1000000);
	assert_int_equal(books->trip_count, 1);
	/* shares of others are no shares of ours */
	assert_int_equal(take(books, fill_of("000660", SIDE_SELL, 0, 1, 100000, 2)),
			 REASON_POSITION_MISMATCH);
	free(books);
}

static void test_fills_of_others(void **state)
{
	struct books *books = calloc(1, sizeof(*books));
	struct snapshot none = { 0 };
	struct fill fill = fill_of("005930", SIDE_SELL, 0, 10, 800000, 1);

	(void)state;
	fill.owner = OWNER_EXT;
	assert_int_equal(books_open(books, &none), REASON_OK);
	assert_int_equal(books_fill(books, &fill, MARKET_KOSPI, SYMBOL_STOCK, 142), REASON_OK);
	assert_int_equal(books->fill_count, 0);
	assert_int_equal(books->sold_won, 0);
	free(books);
}

/* An id of ours is day, epoch (six digits), counter (five): an EXT id has an epoch that no lease reaches. */
static void test_ext_id(void **state)
{
	(void)state;
	assert_int_equal(settle_ext_id(DAY, "0000012345"), INT64_C(2021010490000012345));
	assert_int_equal(settle_ext_id(DAY, "9999999999"), INT64_C(2021010499999999999));
	assert_true(settle_ext_id(DAY, "0000000001") !=
		    settle_ext_id((struct kst_day){ 20210105 }, "0000000001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_two_trips),
		cmocka_unit_test(test_held_before), cmocka_unit_test(test_fills_of_others),
		cmocka_unit_test(test_ext_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
