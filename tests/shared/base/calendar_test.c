#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "shared/base/bug.h"
#include "shared/base/calendar.h"
#include "shared/base/file.h"

#define TABLES "ops/data"

static void test_days(void **state)
{
	static const struct {
		int32_t day;
		bool trading, certain;
		int32_t open_hm, close_hm;
		const char *name;
	} cases[] = {
		{ 20210104, true, true, 1000, 1530, "first-trading-day" },
		{ 20210105, true, true, 900, 1530, "" },
		{ 20201230, true, true, 900, 1530, "" },
		{ 20201231, false, true, 0, 0, "year-end" },
		{ 20210101, false, true, 0, 0, "new-year" },
		{ 20210102, false, true, 0, 0, "" }, /* Saturday */
		{ 20210103, false, true, 0, 0, "" }, /* Sunday */
		{ 20211118, true, true, 1000, 1630, "csat" },
		{ 20160729, true, true, 900, 1500, "" }, /* last Friday of the shorter session */
		{ 20160801, true, true, 900, 1530, "" },
		{ 20150102, true, true, 1000, 1500, "first-trading-day" },
		{ 20200817, false, true, 0, 0, "covid-rest-day" },
		{ 20260717, false, true, 0, 0, "constitution-day" },
		{ 20270503, false, false, 0, 0, "labor-day-substitute" },
		{ 20270719, false, false, 0, 0, "constitution-day-substitute" },
		{ 20271118, true, false, 900, 1530, "" }, /* an exam Thursday not yet announced */
		{ 20271117, true, true, 900, 1530, "" },
		{ 20261112, true, true, 900, 1530, "" }, /* 2026's exam is in the table */
		{ 20150101, false, true, 0, 0, "new-year" },
		{ 20271231, false, true, 0, 0, "year-end" },
	};
	struct calendar cal = CALENDAR_INIT;

	(void)state;
	assert_int_equal(calendar_load(&cal, TABLES), REASON_OK);
	assert_int_equal(cal.closed_count, 203);
	assert_int_equal(cal.from.yyyymmdd, 20150101);
	assert_int_equal(cal.to.yyyymmdd, 20271231);
	assert_int_equal(cal.open_s, 9 * 3600);
	assert_int_equal(cal.close_s, 15 * 3600 + 1800);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int32_t open_s = cases[i].open_hm / 100 * 3600 + cases[i].open_hm % 100 * 60;
		int32_t close_s = cases[i].close_hm / 100 * 3600 + cases[i].close_hm % 100 * 60;
		struct calendar_day it;

		assert_int_equal(calendar_at(&cal, (struct kst_day){ cases[i].day }, &it), REASON_OK);
		if (it.trading != cases[i].trading || it.certain != cases[i].certain)
			fail_msg("%d: trading %d certain %d", cases[i].day, it.trading, it.certain);
		assert_string_equal(it.name, cases[i].name);
		assert_int_equal(it.day.yyyymmdd, cases[i].day);
		assert_int_equal(it.open_s, open_s);
		assert_int_equal(it.close_s, close_s);
		assert_int_equal(it.shift_s, it.trading ? open_s - 32400 : 0);
		assert_int_equal(it.entry_end_s, it.trading ? close_s - 600 : 0);
	}
	calendar_clear(&cal);
	calendar_clear(&cal);
}

static void test_neighbours(void **state)
{
	static const struct {
		int32_t day, previous, next;
	} cases[] = {
		{ 20210104, 20201230, 20210105 },
		{ 20201231, 20201230, 20210104 },
		{ 20210102, 20201230, 20210104 },
		{ 20210215, 20210210, 20210216 }, /* Seollal and a weekend before */
		{ 20171010, 20170929, 20171011 }, /* the longest closed run of the tables: ten days */
	};
	struct calendar cal = CALENDAR_INIT;
	struct kst_day got;

	(void)state;
	assert_int_equal(calendar_load(&cal, TABLES), REASON_OK);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(calendar_previous(&cal, (struct kst_day){ cases[i].day }, &got), REASON_OK);
		assert_int_equal(got.yyyymmdd, cases[i].previous);
		assert_int_equal(calendar_next(&cal, (struct kst_day){ cases[i].day }, &got), REASON_OK);
		assert_int_equal(got.yyyymmdd, cases[i].next);
	}
	calendar_clear(&cal);
}

static void test_distance(void **state)
{
	static const struct {
		int32_t earlier, later;
		enum reason want;
		int32_t days;
	} cases[] = {
		{ 20210104, 20210104, REASON_OK, 0 },
		{ 20201230, 20210104, REASON_OK, 1 },
		{ 20201230, 20210103, REASON_OK, 0 },
		{ 20210104, 20210108, REASON_OK, 4 },
		/* All traded days 2015-01-01 to 2024-12-16: 2,449 by the record of trades. */
		{ 20150101, 20241216, REASON_OK, 2449 },
		{ 20210105, 20210104, REASON_BAD_DAY, -9 },
		{ 20271230, 20280104, REASON_CALENDAR_UNKNOWN, -9 },
	};
	struct calendar cal = CALENDAR_INIT;

	(void)state;
	assert_int_equal(calendar_load(&cal, TABLES), REASON_OK);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int32_t got = -9;

		assert_int_equal(calendar_distance(&cal, (struct kst_day){ cases[i].earlier },
						   (struct kst_day){ cases[i].later }, &got),
				 cases[i].want);
		assert_int_equal(got, cases[i].days);
	}
	calendar_clear(&cal);
}

static void test_outside(void **state)
{
	static const int32_t days[] = { 20141231, 20280101, 10101, 99991231 };
	struct calendar cal = CALENDAR_INIT;
	struct calendar_day it = { .trading = true };
	struct kst_day got = { 7 };

	(void)state;
	/* Not loaded: knows nothing. */
	assert_int_equal(calendar_at(&cal, (struct kst_day){ 20210104 }, &it), REASON_CALENDAR_UNKNOWN);
	assert_int_equal(calendar_load(&cal, TABLES), REASON_OK);
	for (size_t i = 0; i < ARRAY_COUNT(days); i++)
		assert_int_equal(calendar_at(&cal, (struct kst_day){ days[i] }, &it),
				 REASON_CALENDAR_UNKNOWN);
	assert_int_equal(calendar_previous(&cal, (struct kst_day){ 20150102 }, &got),
			 REASON_CALENDAR_UNKNOWN);
	assert_int_equal(calendar_next(&cal, (struct kst_day){ 20271230 }, &got), REASON_CALENDAR_UNKNOWN);
	assert_int_equal(got.yyyymmdd, 7);
	calendar_clear(&cal);
}

static const char closed_good[] = "date,weekday,name,kind,certainty,source\n"
				  "2021-01-01,Fri,new-year,public,listed,A\n";
static const char hours_good[] =
	"date,open,close,reason,source\n2021-01-04,10:00,15:30,first-trading-day,A\n";
static const char sessions_good[] = "from,to,venue,session,start,end,matching,certainty,note\n"
				    "2016-08-01,,KRX,regular,09:00,15:30,\"continuous, calls\",A,\n";

static void test_tables(void **state)
{
	static const struct {
		const char *name, *closed, *hours, *sessions;
		enum reason want;
		const char *says;
	} cases[] = {
		{ "good", closed_good, hours_good, sessions_good, REASON_OK, "" },
		{ "no special hours", closed_good, "date,open,close,reason,source\n", sessions_good,
		  REASON_OK, "" },
		{ "CRLF", "date,weekday,name,kind,certainty,source\r\n2021-01-01,Fri,x,public,listed,A\r\n",
		  hours_good, sessions_good, REASON_OK, "" },
		{ "missing", NULL, hours_good, sessions_good, REASON_CALENDAR_FILE, "krx_closed_days.csv" },
		{ "empty", "", hours_good, sessions_good, REASON_CALENDAR_FILE, "empty" },
		{ "no rows", "date,weekday,name,kind,certainty,source\n", hours_good, sessions_good,
		  REASON_CALENDAR_FILE, "no rows" },
		{ "column renamed",
		  "day,weekday,name,kind,certainty,source\n2021-01-01,Fri,x,public,listed,A\n", hours_good,
		  sessions_good, REASON_CALENDAR_FILE, "unknown column" },
		{ "column more", "date,weekday,name,kind,certainty,source,more\n", hours_good, sessions_good,
		  REASON_CALENDAR_FILE, "number of columns" },
		{ "cell missing", "date,weekday,name,kind,certainty,source\n2021-01-01,Fri,x,public,listed\n",
		  hours_good, sessions_good, REASON_CALENDAR_FILE, "krx_closed_days.csv:2" },
		{ "not a date", "date,weekday,name,kind,certainty,source\n2021-02-30,Fri,x,public,listed,A\n",
		  hours_good, sessions_good, REASON_CALENDAR_FILE, "date" },
		{ "wrong weekday",
		  "date,weekday,name,kind,certainty,source\n2021-01-01,Thu,x,public,listed,A\n", hours_good,
		  sessions_good, REASON_CALENDAR_FILE, "weekday" },
		{ "unknown certainty",
		  "date,weekday,name,kind,certainty,source\n2021-01-01,Fri,x,public,hearsay,A\n", hours_good,
		  sessions_good, REASON_CALENDAR_FILE, "certainty" },
		{ "twice",
		  "date,weekday,name,kind,certainty,source\n2021-01-01,Fri,x,public,listed,A\n"
		  "2021-01-01,Fri,x,public,listed,A\n",
		  hours_good, sessions_good, REASON_CALENDAR_FILE, "krx_closed_days.csv:3" },
		{ "cut off", "date,weekday,name,kind,certainty,source\n2021-01-01,Fri,x,public,listed,A",
		  hours_good, sessions_good, REASON_CALENDAR_FILE, "cut off" },
		{ "hours backwards", closed_good,
		  "date,open,close,reason,source\n2021-01-04,15:30,10:00,x,A\n", sessions_good,
		  REASON_CALENDAR_FILE, "krx_special_hours.csv:2" },
		{ "no session", closed_good, hours_good,
		  "from,to,venue,session,start,end,matching,certainty,note\n", REASON_CALENDAR_FILE,
		  "regular session" },
		{ "session with a gap", closed_good, hours_good,
		  "from,to,venue,session,start,end,matching,certainty,note\n"
		  "2000-01-01,2016-07-30,KRX,regular,09:00,15:00,x,A,\n2016-08-01,,KRX,regular,09:00,15:30,x,"
		  "A,\n",
		  REASON_CALENDAR_FILE, "krx_sessions.csv:3" },
		{ "open quote", closed_good, hours_good,
		  "from,to,venue,session,start,end,matching,certainty,note\n"
		  "2016-08-01,,KRX,regular,09:00,15:30,\"x,A,\n",
		  REASON_CALENDAR_FILE, "krx_sessions.csv:2" },
	};
	static const char *const names[] = { "krx_closed_days.csv", "krx_special_hours.csv",
					     "krx_sessions.csv" };
	char folder[] = "/tmp/gj-calendar-XXXXXX", path[FILE_PATH_SIZE];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *texts[] = { cases[i].closed, cases[i].hours, cases[i].sessions };
		struct calendar cal = CALENDAR_INIT;

		for (size_t table = 0; table < ARRAY_COUNT(names); table++) {
			assert_int_equal(file_join(folder, names[table], path), REASON_OK);
			if (texts[table])
				assert_int_equal(file_replace(path, texts[table], strlen(texts[table]), 0644),
						 REASON_OK);
			else
				remove(path);
		}
		if (calendar_load(&cal, folder) != cases[i].want)
			fail_msg("%s: wrong verdict: %s", cases[i].name, reason_detail());
		if (cases[i].want == REASON_OK) {
			assert_int_equal(cal.closed_count, 1);
		} else {
			if (!strstr(reason_detail(), cases[i].says))
				fail_msg("%s: says \"%s\"", cases[i].name, reason_detail());
			assert_int_equal(cal.closed_count, 0);
			assert_null(cal.closed);
		}
		calendar_clear(&cal);
	}
	for (size_t table = 0; table < ARRAY_COUNT(names); table++) {
		assert_int_equal(file_join(folder, names[table], path), REASON_OK);
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(remove(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),     cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_outside),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
