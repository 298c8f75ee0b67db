#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>

#include "shared/base/bug.h"
#include "shared/base/kst.h"

static void test_day_parse(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int32_t want;
	} cases[] = {
		{ "2021-01-04", true, 20210104 },
		{ "20210104", true, 20210104 },
		{ "2020-02-29", true, 20200229 },
		{ "2021-02-29", false, 0 },
		{ "1900-02-29", false, 0 },
		{ "2000-02-29", true, 20000229 },
		{ "2021-04-31", false, 0 },
		{ "2021-13-01", false, 0 },
		{ "2021-00-10", false, 0 },
		{ "2021-01-00", false, 0 },
		{ "0000-01-01", false, 0 },
		{ "0001-01-01", true, 10101 },
		{ "9999-12-31", true, 99991231 },
		{ "2021-1-4", false, 0 },
		{ "2021/01/04", false, 0 },
		{ " 2021-01-04", false, 0 },
		{ "2021-01-04 ", false, 0 },
		{ "", false, 0 },
		{ "-0210104", false, 0 },
		{ "today", false, 0 },
		{ NULL, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct kst_day got = { -1 };

		if (kst_day_parse(cases[i].text, &got) != cases[i].ok)
			fail_msg("%s: wrong verdict", cases[i].text ? cases[i].text : "NULL");
		assert_int_equal(got.yyyymmdd, cases[i].ok ? cases[i].want : -1);
	}
}

static void test_time_parse(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int32_t want;
	} cases[] = {
		{ "00:00", true, 0 },      { "09:00", true, 32400 }, { "23:59:59", true, 86399 },
		{ "153000", true, 55800 }, { "24:00", false, 0 },    { "23:60", false, 0 },
		{ "23:59:60", false, 0 },  { "9:00", false, 0 },     { "090000x", false, 0 },
		{ "", false, 0 },          { "09-00", false, 0 },    { "09:00:0", false, 0 },
		{ "-1:00", false, 0 },     { NULL, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int32_t got = -1;

		if (kst_time_parse(cases[i].text, &got) != cases[i].ok)
			fail_msg("%s: wrong verdict", cases[i].text ? cases[i].text : "NULL");
		assert_int_equal(got, cases[i].ok ? cases[i].want : -1);
	}
}

static void test_wall(void **state)
{
	/* The reference instants come from `date -d '... +0900' +%s`. */
	static const struct {
		int64_t us;
		int32_t day, second;
		const char *text;
	} cases[] = {
		{ 0, 19700101, 32400, "1970-01-01 09:00:00.000000" },
		{ INT64_C(1609722000000000), 20210104, 36000, "2021-01-04 10:00:00.000000" },
		{ INT64_C(1609685999999999), 20210103, 86399, "2021-01-03 23:59:59.999999" },
		{ INT64_C(1609686000000000), 20210104, 0, "2021-01-04 00:00:00.000000" },
		{ INT64_C(-1), 19700101, 32399, "1970-01-01 08:59:59.999999" },
		{ INT64_C(-32400000001), 19691231, 86399, "1969-12-31 23:59:59.999999" },
		{ INT64_C(951750000000000), 20000229, 0, "2000-02-29 00:00:00.000000" },
		{ INT64_C(4107423600000000), 21000228, 0, "2100-02-28 00:00:00.000000" },
		{ INT64_C(4107510000000000), 21000301, 0, "2100-03-01 00:00:00.000000" },
	};
	char text[KST_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct wall at = { cases[i].us }, back = { -7 };

		assert_int_equal(kst_day_of(at).yyyymmdd, cases[i].day);
		assert_int_equal(kst_second_of(at), cases[i].second);
		assert_string_equal(kst_wall_text(at, text), cases[i].text);
		assert_true(kst_wall_parse(text, &back));
		assert_int_equal(back.us, cases[i].us);
	}
	assert_string_equal(kst_wall_text((struct wall){ INT64_MAX }, text), "never");
	assert_string_equal(kst_wall_text((struct wall){ INT64_MIN }, text), "long ago");
	assert_int_equal(kst_day_of((struct wall){ INT64_MAX }).yyyymmdd, 0);
	assert_int_equal(kst_wall((struct kst_day){ 20210104 }, 36000).us, INT64_C(1609722000000000));
	assert_int_equal(kst_wall((struct kst_day){ 20210103 }, 86400 + 36000).us, INT64_C(1609722000000000));
	assert_int_equal(kst_wall((struct kst_day){ 20210104 }, -1).us, INT64_C(1609685999000000));
}

static void test_wall_parse(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want_us;
	} cases[] = {
		{ "2021-01-04 10:00:00", true, INT64_C(1609722000000000) },
		{ "2021-01-04 10:00:00.5", true, INT64_C(1609722000500000) },
		{ "2021-01-04 10:00:00.000001", true, INT64_C(1609722000000001) },
		{ "2021-01-04 10:00:00.", false, 0 },
		{ "2021-01-04 10:00:00.1234567", false, 0 },
		{ "2021-01-04 10:00:00.12a", false, 0 },
		{ "2021-01-04T10:00:00", false, 0 },
		{ "2021-01-04 10:00", false, 0 },
		{ "2021-01-04 25:00:00", false, 0 },
		{ "2021-02-30 10:00:00", false, 0 },
		{ "", false, 0 },
		{ NULL, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct wall got = { -7 };

		if (kst_wall_parse(cases[i].text, &got) != cases[i].ok)
			fail_msg("%s: wrong verdict", cases[i].text ? cases[i].text : "NULL");
		assert_int_equal(got.us, cases[i].ok ? cases[i].want_us : -7);
	}
}

/* Walks every day of 300 years with the simplest possible calendar beside. */
static void test_day_walk(void **state)
{
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct kst_day first = { 19000101 }, day = first;
	int year = 1900, month = 1, mday = 1, weekday = 1; /* a Monday */
	int32_t number = 0;

	(void)state;
	while (year < 2200) {
		int last = month_days[month - 1] +
			   (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

		assert_int_equal(day.yyyymmdd, year * 10000 + month * 100 + mday);
		assert_int_equal(kst_weekday(day), weekday);
		assert_int_equal(kst_day_diff(day, first), number);
		assert_int_equal(kst_day_add(first, number).yyyymmdd, day.yyyymmdd);
		day = kst_day_add(day, 1);
		number++;
		weekday = (weekday + 1) % 7;
		if (++mday > last) {
			mday = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
	assert_int_equal(number, 109573);
	assert_int_equal(kst_day_add((struct kst_day){ 20210104 }, -5).yyyymmdd, 20201230);
	assert_int_equal(kst_day_add((struct kst_day){ 99991231 }, 1).yyyymmdd, 0);
	assert_int_equal(kst_day_diff((struct kst_day){ 20201230 }, (struct kst_day){ 20210104 }), -5);
	assert_int_equal(kst_weekday((struct kst_day){ 20210104 }), 1);
	assert_int_equal(kst_weekday((struct kst_day){ 20210103 }), 0);
}

static void test_texts(void **state)
{
	char text[KST_TEXT_SIZE];

	(void)state;
	assert_string_equal(kst_day_text((struct kst_day){ 20210104 }, text), "2021-01-04");
	assert_string_equal(kst_day_digits((struct kst_day){ 20210104 }, text), "20210104");
	assert_string_equal(kst_day_text((struct kst_day){ 0 }, text), "0000-00-00");
	assert_string_equal(kst_time_text(0, text), "00:00:00");
	assert_string_equal(kst_time_text(36000, text), "10:00:00");
	assert_string_equal(kst_time_text(86399, text), "23:59:59");
	assert_string_equal(kst_time_text(90000, text), "25:00:00");
	assert_true(kst_day_same((struct kst_day){ 20210104 }, (struct kst_day){ 20210104 }));
	assert_false(kst_day_same((struct kst_day){ 20210104 }, (struct kst_day){ 20210105 }));
	assert_int_equal(wall_diff_us(wall_add_us((struct wall){ 5 }, 7), (struct wall){ 5 }), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day_parse), cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_wall),      cmocka_unit_test(test_wall_parse),
		cmocka_unit_test(test_day_walk),  cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
