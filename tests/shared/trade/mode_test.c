/* mode: names there and back, what each permits, the lower of two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/mode.h"

static void test_mode_names(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		enum mode want;
	} cases[] = {
		{ "TRADE", true, MODE_TRADE },     { "REDUCE", true, MODE_REDUCE },
		{ "OBSERVE", true, MODE_OBSERVE }, { "HALT", true, MODE_HALT },
		{ "trade", false, MODE_HALT },     { "", false, MODE_HALT },
		{ "TRADE ", false, MODE_HALT },    { NULL, false, MODE_HALT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum mode got = MODE_TRADE;

		assert_int_equal(mode_parse(cases[i].text, &got), cases[i].ok);
		assert_int_equal(got, cases[i].want);
		if (cases[i].ok)
			assert_string_equal(mode_text(got), cases[i].text);
	}
	assert_string_equal(mode_text((enum mode)99), "HALT");
}

static void test_mode_permits(void **state)
{
	static const struct {
		enum mode mode;
		bool risk, reducing;
	} cases[] = {
		{ MODE_TRADE, true, true },
		{ MODE_REDUCE, false, true },
		{ MODE_OBSERVE, false, false },
		{ MODE_HALT, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(mode_allows(cases[i].mode, false), cases[i].risk);
		assert_int_equal(mode_allows(cases[i].mode, true), cases[i].reducing);
	}
	assert_int_equal(mode_lower(MODE_TRADE, MODE_OBSERVE), MODE_OBSERVE);
	assert_int_equal(mode_lower(MODE_HALT, MODE_REDUCE), MODE_HALT);
	assert_int_equal(mode_lower(MODE_REDUCE, MODE_REDUCE), MODE_REDUCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode_names),
		cmocka_unit_test(test_mode_permits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
