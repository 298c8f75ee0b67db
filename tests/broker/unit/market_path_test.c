/* The generated day: exact figures, grid, order of times; day bars before it; tick grids, limits, taxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define PREVIOUS "tests/data/krx_20201230.csv"
#define TODAY    "tests/data/krx_20210104.csv"
#define OPEN_S   36000
#define CLOSE_S  55800

static const struct kst_day demo_day = { 20210104 };

struct want {
	char code[EXCH_CODE_SIZE];
	struct path_figures figures;
};

/* An own reading of the file, so that the loader is tested too. */
static size_t wants_read(const char *path, struct want *wants, size_t max)
{
	FILE *file = fopen(path, "re");
	char line[512];
	size_t count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL && count < max) {
		struct path_figures *f = &wants[count].figures;
		int64_t columns[7] = { 0 }; /* open, high, low, close, value, change, volume */
		const char *at = line + 13;

		if (strspn(line, "0123456789") != 6 || strncmp(line + 6, ",KOSPI,", 7) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
			size_t len = strcspn(at, ",\n");

			if (i != 4 && i != 5)
				assert_true(num_parse(at, len, &columns[i]));
			at += len + (at[len] == ',' ? 1 : 0);
		}
		memcpy(wants[count].code, line, 6);
		wants[count].code[6] = '\0';
		*f = (struct path_figures){ columns[0], columns[1], columns[2], columns[3], columns[6] };
		count++;
	}
	assert_int_equal(fclose(file), 0);
	return count;
}

static void check_path(const struct want *want, uint64_t seed, int64_t print_count)
{
	struct rules_grid grid = rules_grid(demo_day, false, false);
	struct path path;
	struct path_figures got = { 0 };
	int64_t made = 0, from = kst_wall(demo_day, OPEN_S).us, to = kst_wall(demo_day, CLOSE_S).us,
		last = from;

	assert_true(path_init(&path, seed, want->code, demo_day, grid, &want->figures, OPEN_S, CLOSE_S,
			      print_count));
	for (; path.has_next; path_step(&path)) {
		const struct path_print *print = &path.next;

		assert_true(rules_on_grid(grid, print->price_won));
		assert_true(print->qty > 0);
		assert_true(print->at.us >= last);
		assert_int_equal(print->at.us % 1000, 0);
		last = print->at.us;
		if (made == 0) {
			assert_int_equal(print->at.us, from);
			assert_int_equal(print->side, 0);
			got = (struct path_figures){ print->price_won, print->price_won, print->price_won, 0,
						     0 };
		} else if (print->at.us == to) {
			assert_int_equal(print->side, 0);
		} else {
			assert_true(print->at.us > from && print->at.us < to - INT64_C(600000000));
			assert_true(print->side == 1 || print->side == 2);
		}
		if (print->price_won > got.high_won)
			got.high_won = print->price_won;
		if (print->price_won < got.low_won)
			got.low_won = print->price_won;
		got.close_won = print->price_won;
		got.volume += print->qty;
		made++;
	}
	assert_int_equal(made, print_count);
	assert_int_equal(last, to);
	assert_int_equal(got.open_won, want->figures.open_won);
	assert_int_equal(got.high_won, want->figures.high_won);
	assert_int_equal(got.low_won, want->figures.low_won);
	assert_int_equal(got.close_won, want->figures.close_won);
	assert_int_equal(got.volume, want->figures.volume);
}

static void test_path_exact(void **state)
{
	static const uint64_t seeds[] = { 1, 2, 77, 20210104, UINT64_MAX };
	static const int64_t counts[] = { 4, 5, 60, 900, 5000 };
	struct want wants[32];
	size_t count = wants_read(TODAY, wants, ARRAY_COUNT(wants));

	(void)state;
	assert_int_equal(count, 20);
	for (size_t i = 0; i < count; i++)
		for (size_t seed = 0; seed < ARRAY_COUNT(seeds); seed++)
			for (size_t n = 0; n < ARRAY_COUNT(counts); n++)
				check_path(&wants[i], seeds[seed], counts[n]);
}

static void test_path_edges(void **state)
{
	static const struct {
		const char *name;
		struct path_figures figures;
		int64_t prints;
		bool ok;
		int64_t want_prints;
	} cases[] = {
		{ "one price all day", { 70000, 70000, 70000, 70000, 5000 }, 900, true, 900 },
		{ "fewer shares than prints", { 70000, 70300, 69900, 70100, 37 }, 900, true, 37 },
		{ "four shares", { 70000, 70300, 69900, 70100, 4 }, 900, true, 4 },
		{ "three shares", { 70000, 70300, 69900, 70100, 3 }, 900, false, 0 },
		{ "high below open", { 70000, 69900, 69800, 69900, 5000 }, 900, false, 0 },
		{ "off the grid", { 70050, 70300, 69900, 70100, 5000 }, 900, false, 0 },
		{ "open is the high", { 70300, 70300, 69900, 69900, 100000 }, 300, true, 300 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct want want = { "005930", cases[i].figures };
		struct path path;
		bool ok = path_init(&path, 5, "005930", demo_day, rules_grid(demo_day, false, false),
				    &cases[i].figures, OPEN_S, CLOSE_S, cases[i].prints);

		print_message("  %s\n", cases[i].name);
		assert_int_equal(ok, cases[i].ok);
		if (ok) {
			assert_int_equal(path.print_count, cases[i].want_prints);
			check_path(&want, 5, cases[i].want_prints);
		}
	}
}

static void test_path_same_seed(void **state)
{
	struct want wants[32];
	struct path a, b, other;
	bool differs = false;

	(void)state;
	assert_int_equal(wants_read(TODAY, wants, ARRAY_COUNT(wants)), 20);
	assert_true(path_init(&a, 9, wants[0].code, demo_day, rules_grid(demo_day, false, false),
			      &wants[0].figures, OPEN_S, CLOSE_S, 900));
	b = a;
	assert_true(path_init(&other, 10, wants[0].code, demo_day, rules_grid(demo_day, false, false),
			      &wants[0].figures, OPEN_S, CLOSE_S, 900));
	for (; a.has_next; path_step(&a), path_step(&b), path_step(&other)) {
		assert_int_equal(a.next.at.us, b.next.at.us);
		assert_int_equal(a.next.price_won, b.next.price_won);
		assert_int_equal(a.next.qty, b.next.qty);
		differs = differs || a.next.price_won != other.next.price_won || a.next.qty != other.next.qty;
	}
	assert_false(b.has_next);
	assert_true(differs);
}

static int by_value(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* True range of the last 20 days, as a share of the price, against the median of the same measure over all days. */
static void check_volatility(const struct exch_bar *bars, size_t count)
{
	int64_t share_ppm[CORE_FIRST_BARS + 1], measure[CORE_FIRST_BARS + 1] = { 0 }, newest;
	size_t measures = 0;

	for (size_t i = 1; i < count; i++) {
		int64_t high =
			bars[i].high_won > bars[i - 1].close_won ? bars[i].high_won : bars[i - 1].close_won;
		int64_t low =
			bars[i].low_won < bars[i - 1].close_won ? bars[i].low_won : bars[i - 1].close_won;

		share_ppm[i] = (high - low) * 1000000 / bars[i].close_won;
	}
	for (size_t i = 20; i < count; i++) {
		int64_t sum = 0;

		for (size_t j = i - 19; j <= i; j++)
			sum += share_ppm[j];
		measure[measures++] = sum / 20;
	}
	assert_true(measures > 0);
	newest = measure[measures - 1];
	qsort(measure, measures, sizeof(measure[0]), by_value);
	assert_true(newest > 0);
	assert_true(newest < 2 * measure[measures / 2]);
}

static void test_day_bars(void **state)
{
	static const uint64_t seeds[] = { 1, 7, 4711 };
	struct exch_day day = { demo_day, { 20201230 }, true, OPEN_S, CLOSE_S };

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(seeds); s++) {
		struct exch_config config = { .seed = seeds[s] };
		struct exchange *ex = NULL;

		assert_int_equal(exch_new(&config, NULL, NULL, &ex), REASON_OK);
		assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
		assert_int_equal(exch_load_closed_days(ex, "ops/data/krx_closed_days.csv"), REASON_OK);
		assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo_day, 28800)), REASON_OK);
		assert_int_equal(exch_symbol_count(ex), 20);
		for (size_t i = 0; i < 20; i++) {
			const struct exch_quote *quote = exch_quote_at(ex, i);
			struct exch_bar *bars = NULL;
			size_t count = 0;

			assert_int_equal(exch_day_bars(ex, quote->code, (struct kst_day){ 20190101 },
						       demo_day, &bars, &count),
					 REASON_OK);
			assert_int_equal(count, CORE_FIRST_BARS + 1);
			assert_int_equal(bars[CORE_FIRST_BARS].day.yyyymmdd, 20201230);
			assert_int_equal(bars[CORE_FIRST_BARS - 1].day.yyyymmdd, 20201229);
			assert_int_equal(bars[CORE_FIRST_BARS].close_won, quote->prev_close_won);
			assert_false(bars[CORE_FIRST_BARS].synthetic);
			for (size_t b = 0; b < CORE_FIRST_BARS; b++) {
				struct rules_grid grid = rules_grid(bars[b].day, false, false);

				assert_true(bars[b].synthetic);
				assert_true(bars[b].day.yyyymmdd < bars[b + 1].day.yyyymmdd);
				assert_true(rules_on_grid(grid, bars[b].open_won));
				assert_true(rules_on_grid(grid, bars[b].close_won));
				assert_true(bars[b].high_won >= bars[b].open_won &&
					    bars[b].high_won >= bars[b].close_won);
				assert_true(bars[b].low_won <= bars[b].open_won &&
					    bars[b].low_won <= bars[b].close_won);
				assert_true(bars[b].volume > 0);
				assert_int_not_equal(bars[b].day.yyyymmdd, 20201225);
			}
			check_volatility(bars, count);
			free(bars);
		}
		exch_free(ex);
	}
}

/* The last synthetic close is the base of the first real day: close less change of 2020-12-30. */
static void test_day_bars_join(void **state)
{
	struct exch_config config = { .seed = 3 };
	struct exch_day day = { demo_day, { 20201230 }, true, OPEN_S, CLOSE_S };
	struct exchange *ex = NULL;
	struct exch_bar *bars = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(exch_new(&config, NULL, NULL, &ex), REASON_OK);
	assert_int_equal(exch_load_days(ex, PREVIOUS, TODAY), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &day, kst_wall(demo_day, CLOSE_S + 60)), REASON_OK);
	assert_int_equal(exch_day_bars(ex, "005930", (struct kst_day){ 20201229 }, demo_day, &bars, &count),
			 REASON_OK);
	assert_int_equal(count, 3);
	assert_int_equal(bars[0].close_won, 81000 - 2700);
	assert_int_equal(bars[1].open_won, 77400);
	assert_int_equal(bars[1].volume, 29417421);
	assert_int_equal(bars[2].open_won, 81000);
	assert_int_equal(bars[2].high_won, 84400);
	assert_int_equal(bars[2].low_won, 80200);
	assert_int_equal(bars[2].close_won, 83000);
	assert_int_equal(bars[2].volume, 38655276);
	free(bars);
	exch_free(ex);
}

static void test_ticks(void **state)
{
	static const struct {
		const char *name;
		int32_t day;
		bool kosdaq, etf;
		int64_t price_won, tick_won;
	} cases[] = {
		{ "2021 KOSPI 999", 20210104, false, false, 999, 1 },
		{ "2021 KOSPI 1000", 20210104, false, false, 1000, 5 },
		{ "2021 KOSPI 10000", 20210104, false, false, 10000, 50 },
		{ "2021 KOSPI 83000", 20210104, false, false, 83000, 100 },
		{ "2021 KOSPI 100000", 20210104, false, false, 100000, 500 },
		{ "2021 KOSPI 500000", 20210104, false, false, 500000, 1000 },
		{ "2021 KOSDAQ 500000", 20210104, true, false, 500000, 100 },
		{ "last old day", 20230124, false, false, 15000, 50 },
		{ "first new day", 20230125, false, false, 15000, 10 },
		{ "new 150000", 20260310, false, false, 150000, 100 },
		{ "new KOSDAQ 500000", 20260310, true, false, 500000, 1000 },
		{ "ETF", 20260310, false, true, 30000, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rules_grid grid =
			rules_grid((struct kst_day){ cases[i].day }, cases[i].kosdaq, cases[i].etf);

		print_message("  %s\n", cases[i].name);
		assert_int_equal(rules_tick_won(grid, cases[i].price_won), cases[i].tick_won);
	}
	for (int64_t index = 1; index < 3000; index++) {
		struct rules_grid grid = rules_grid(demo_day, false, false);
		int64_t price = rules_price_at(grid, index);

		assert_int_equal(rules_index_of(grid, price), index);
		assert_true(rules_on_grid(grid, price));
		assert_true(rules_price_at(grid, index + 1) > price);
	}
}

static void test_band(void **state)
{
	static const struct {
		const char *name;
		int32_t day;
		int64_t base_won, upper_won, lower_won;
	} cases[] = {
		{ "a recorded one: base 76,500", 20250915, 76500, 99400, 53600 },
		{ "inside one band", 20210104, 81000, 105000, 56700 },
		{ "upper in a coarser band is cut to its tick", 20210104, 87500, 113500, 61300 },
		{ "lower in a finer band", 20210104, 126000, 163500, 88500 },
		{ "small price", 20210104, 1000, 1300, 700 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t upper = 0, lower = 0;

		print_message("  %s\n", cases[i].name);
		rules_band(rules_grid((struct kst_day){ cases[i].day }, false, false), cases[i].base_won,
			   &upper, &lower);
		assert_int_equal(upper, cases[i].upper_won);
		assert_int_equal(lower, cases[i].lower_won);
	}
}

static void test_taxes(void **state)
{
	static const struct {
		int32_t day;
		bool kosdaq, etf;
		int64_t amount_won, tax_won;
	} cases[] = {
		{ 20210104, false, false, 1000000, 2300 }, { 20210104, true, false, 1000000, 2300 },
		{ 20230301, false, false, 1000000, 2000 }, { 20241231, false, false, 1000000, 1800 },
		{ 20250102, false, false, 1000000, 1500 }, { 20260611, false, false, 294500, 147 + 441 },
		{ 20260611, true, false, 294500, 589 },    { 20260611, false, true, 294500, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(rules_tax_won((struct kst_day){ cases[i].day }, cases[i].kosdaq,
					       cases[i].etf, cases[i].amount_won),
				 cases[i].tax_won);
	assert_int_equal(rules_commission_won(142, 294500), 40);
	assert_int_equal(rules_commission_won(142, 1190500), 160);
	assert_int_equal(rules_commission_max_won(142, 294500), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_exact),     cmocka_unit_test(test_path_edges),
		cmocka_unit_test(test_path_same_seed), cmocka_unit_test(test_day_bars),
		cmocka_unit_test(test_day_bars_join),  cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_band),           cmocka_unit_test(test_taxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
