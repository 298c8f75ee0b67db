#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"

#define UNTOUCHED INT64_C(-424242)

static void test_won_plain(void **state)
{
	static const struct {
		const char *name;
		bool (*work)(int64_t, int64_t, int64_t *);
		int64_t a, b;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "add", won_add, 71200, 800, true, 72000 },
		{ "add up to the top", won_add, INT64_MAX - 1, 1, true, INT64_MAX },
		{ "add over", won_add, INT64_MAX, 1, false, 0 },
		{ "add under", won_add, INT64_MIN, -1, false, 0 },
		{ "sub", won_sub, 800, 71200, true, -70400 },
		{ "sub to the bottom", won_sub, -1, INT64_MAX, true, INT64_MIN },
		{ "sub over", won_sub, 0, INT64_MIN, false, 0 },
		{ "mul", won_mul, 71200, 10, true, 712000 },
		{ "mul by nothing", won_mul, 71200, 0, true, 0 },
		{ "mul a loss", won_mul, -150, 30, true, -4500 },
		{ "mul over", won_mul, INT64_MAX, 2, false, 0 },
		{ "mul the odd one", won_mul, INT64_MIN, -1, false, 0 },
		{ "share", won_share_bp, 10000000, 200, true, 200000 },
		{ "share is cut down", won_share_bp, 9999, 1, true, 0 },
		{ "share of a loss goes down", won_share_bp, -9999, 1, true, -1 },
		{ "share beyond 64 bits between", won_share_bp, INT64_MAX, 10000, true, INT64_MAX },
		{ "share over", won_share_bp, INT64_MAX, 10001, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t got = UNTOUCHED;

		if (cases[i].work(cases[i].a, cases[i].b, &got) != cases[i].ok)
			fail_msg("%s: wrong verdict", cases[i].name);
		if (got != (cases[i].ok ? cases[i].want : UNTOUCHED))
			fail_msg("%s: got %lld", cases[i].name, (long long)got);
	}
}

static void test_won_muldiv(void **state)
{
	static const struct {
		int64_t a, b, c;
		bool ok;
		int64_t floor, ceil;
	} cases[] = {
		{ 7, 3, 2, true, 10, 11 },
		{ 8, 3, 2, true, 12, 12 },
		{ -7, 3, 2, true, -11, -10 },
		{ 7, -3, 2, true, -11, -10 },
		{ -7, -3, 2, true, 10, 11 },
		{ 0, 5, 3, true, 0, 0 },
		{ 1, 1, 3, true, 0, 1 },
		{ -1, 1, 3, true, -1, 0 },
		{ INT64_MAX, INT64_MAX, INT64_MAX, true, INT64_MAX, INT64_MAX },
		{ INT64_MIN, INT64_MAX, INT64_MAX, true, INT64_MIN, INT64_MIN },
		{ INT64_MIN, INT64_MIN, INT64_MAX, false, 0, 0 },
		{ 1, 1, 0, false, 0, 0 },
		{ 1, 1, -1, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t floor = UNTOUCHED, ceil = UNTOUCHED;

		assert_int_equal(won_muldiv_floor(cases[i].a, cases[i].b, cases[i].c, &floor), cases[i].ok);
		assert_int_equal(won_muldiv_ceil(cases[i].a, cases[i].b, cases[i].c, &ceil), cases[i].ok);
		assert_int_equal(floor, cases[i].ok ? cases[i].floor : UNTOUCHED);
		assert_int_equal(ceil, cases[i].ok ? cases[i].ceil : UNTOUCHED);
	}
	{
		int64_t got = UNTOUCHED; /* 2^64 - 1, halved: only the rounding down fits */

		assert_true(won_muldiv_floor(4294967295, 4294967297, 2, &got));
		assert_int_equal(got, INT64_MAX);
		got = UNTOUCHED;
		assert_false(won_muldiv_ceil(4294967295, 4294967297, 2, &got));
		assert_int_equal(got, UNTOUCHED);
	}
}

static void test_num_parse(void **state)
{
	static const struct {
		const char *text;
		bool strict, loose, zeros;
		int64_t want;
	} cases[] = {
		{ "0", true, true, true, 0 },
		{ "-0", true, true, true, 0 },
		{ "71200", true, true, true, 71200 },
		{ "0000000012", true, true, true, 12 },
		{ "-000300", true, true, true, -300 },
		{ "9223372036854775807", true, true, true, INT64_MAX },
		{ "-9223372036854775808", true, true, true, INT64_MIN },
		{ "9223372036854775808", false, false, false, 0 },
		{ "-9223372036854775809", false, false, false, 0 },
		{ "00000000000000000000000000000000000000007", true, true, true, 7 },
		{ "", false, false, false, 0 },
		{ "-", false, false, false, 0 },
		{ "--1", false, false, false, 0 },
		{ "+1", false, false, false, 0 },
		{ "1a", false, false, false, 0 },
		{ "0x10", false, false, false, 0 },
		{ "1,000", false, false, false, 0 },
		{ "1e3", false, false, false, 0 },
		{ " 5", false, true, true, 5 },
		{ "5  ", false, true, true, 5 },
		{ "   ", false, false, false, 0 },
		{ "5 5", false, false, false, 0 },
		{ "30800.0000", false, false, true, 30800 },
		{ " -30800.0 ", false, false, true, -30800 },
		{ "30800.0001", false, false, false, 0 },
		{ "30800.", false, false, false, 0 },
		{ ".0", false, false, false, 0 },
		{ "1.0.0", false, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *text = cases[i].text;
		int64_t strict = UNTOUCHED, loose = UNTOUCHED, zeros = UNTOUCHED;

		if (num_parse(text, strlen(text), &strict) != cases[i].strict ||
		    num_parse_loose(text, strlen(text), false, &loose) != cases[i].loose ||
		    num_parse_loose(text, strlen(text), true, &zeros) != cases[i].zeros)
			fail_msg("\"%s\": wrong verdict", text);
		assert_int_equal(strict, cases[i].strict ? cases[i].want : UNTOUCHED);
		assert_int_equal(loose, cases[i].loose ? cases[i].want : UNTOUCHED);
		assert_int_equal(zeros, cases[i].zeros ? cases[i].want : UNTOUCHED);
	}
	{
		int64_t got = UNTOUCHED; /* the length decides, not a NUL */

		assert_true(num_parse("12345", 3, &got));
		assert_int_equal(got, 123);
		assert_false(num_parse("1\0002", 3, &got));
	}
}

static void test_num_parse_scaled(void **state)
{
	static const struct {
		const char *text;
		int decimals;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "1.44", 2, true, 144 },
		{ "1.4", 2, true, 140 },
		{ "1", 2, true, 100 },
		{ "-0.05", 2, true, -5 },
		{ "-1.44", 4, true, -14400 },
		{ "0.00", 2, true, 0 },
		{ "12", 0, true, 12 },
		{ "1.445", 2, false, 0 },
		{ "1.440", 2, false, 0 },
		{ "1.", 2, false, 0 },
		{ ".5", 2, false, 0 },
		{ "-.5", 2, false, 0 },
		{ "-", 2, false, 0 },
		{ "", 2, false, 0 },
		{ "1.4x", 2, false, 0 },
		{ "1.-4", 2, false, 0 },
		{ "92233720368547758.07", 2, true, INT64_MAX },
		{ "-92233720368547758.08", 2, true, INT64_MIN },
		{ "92233720368547758.08", 2, false, 0 },
		{ "1", 19, false, 0 },
		{ "1", -1, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t got = UNTOUCHED;

		if (num_parse_scaled(cases[i].text, strlen(cases[i].text), cases[i].decimals, &got) !=
		    cases[i].ok)
			fail_msg("\"%s\": wrong verdict", cases[i].text);
		assert_int_equal(got, cases[i].ok ? cases[i].want : UNTOUCHED);
	}
}

static void test_won_text(void **state)
{
	static const struct {
		int64_t won;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 1234567, "1,234,567" },
		{ -1234567, "-1,234,567" },
		{ -100, "-100" },
		{ INT64_MAX, "9,223,372,036,854,775,807" },
		{ INT64_MIN, "-9,223,372,036,854,775,808" },
	};
	char text[WON_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(won_text(cases[i].won, text), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_won_plain), cmocka_unit_test(test_won_muldiv),
		cmocka_unit_test(test_num_parse), cmocka_unit_test(test_num_parse_scaled),
		cmocka_unit_test(test_won_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
