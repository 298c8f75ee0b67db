/* phases: the table, windows with a late open, the freshness rule case by case, what rests on what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/phases.h"

#define BIT(id) (UINT32_C(1) << (id))

static struct conf cfg;

static void set_times(void)
{
	static const struct {
		enum conf_key key;
		int64_t number;
	} keys[] = {
		{ CONF_AT_PREFLIGHT, 8 * 3600 },         { CONF_AT_AUTH, 8 * 3600 + 300 },
		{ CONF_AT_ACCOUNT, 8 * 3600 + 600 },     { CONF_AT_PARAMS, 8 * 3600 + 900 },
		{ CONF_AT_RECONCILE, 8 * 3600 + 1200 },  { CONF_AT_GUARDRAIL, 8 * 3600 + 2400 },
		{ CONF_AT_UNIVERSE, 8 * 3600 + 2700 },   { CONF_AT_GATE, 8 * 3600 + 3000 },
		{ CONF_GATE_DEADLINE, 8 * 3600 + 3480 }, { CONF_CLOSE_AFTER_MIN, 15 },
		{ CONF_CLOSE_DEADLINE_MIN, 120 },
	};

	static char unread[] = ""; /* only the numbers are asked for */

	memset(&cfg, 0, sizeof(cfg));
	for (int key = 0; key < CONF_KEY_COUNT; key++)
		cfg.values[key].text = unread;
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		cfg.values[keys[i].key].number = keys[i].number;
}

static void test_words(void **state)
{
	(void)state;
	for (int id = 0; id < PHASE_COUNT; id++) {
		enum phase_id back = PHASE_COUNT;

		assert_true(phase_parse(phase_name((enum phase_id)id), &back));
		assert_int_equal(back, id);
	}
	for (int s = STATUS_UNKNOWN; s <= STATUS_PASS; s++) {
		enum phase_status back = STATUS_FAIL;

		assert_true(status_parse(status_text((enum phase_status)s), &back));
		assert_int_equal(back, s);
	}
	assert_false(phase_parse("Gate", &(enum phase_id){ 0 }));
	assert_false(phase_parse(NULL, &(enum phase_id){ 0 }));
	assert_false(status_parse("pass", &(enum phase_status){ 0 }));
	assert_string_equal(status_text((enum phase_status)9), "UNKNOWN");
	assert_string_equal(freshness_text(FRESH), "fresh");
	assert_string_equal(freshness_text(STALE_CHAIN), "upstream-stale");
}

static void test_windows(void **state)
{
	static const struct {
		enum phase_id id;
		int32_t start_s, deadline_s; /* on an ordinary day */
	} cases[] = {
		{ PHASE_PREFLIGHT, 28800, 29100 }, { PHASE_AUTH, 29100, 29400 },
		{ PHASE_ACCOUNT, 29400, 29700 },   { PHASE_PARAMS, 29700, 30000 },
		{ PHASE_RECONCILE, 30000, 31200 }, { PHASE_GUARDRAIL, 31200, 31500 },
		{ PHASE_UNIVERSE, 31500, 31800 },  { PHASE_GATE, 31800, 32280 },
	};
	struct calendar_day day = { .day = { 20210105 }, .trading = true, .open_s = 32400, .close_s = 55800 };
	struct calendar_day late = {
		.day = { 20210104 }, .trading = true, .open_s = 36000, .close_s = 59400, .shift_s = 3600
	};
	struct calendar_day closed = { .day = { 20210101 } };
	struct phase_window win;

	(void)state;
	set_times();
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		win = phase_window(cases[i].id, &cfg, &day);
		assert_int_equal(win.start.us, kst_wall(day.day, cases[i].start_s).us);
		assert_int_equal(win.deadline.us, kst_wall(day.day, cases[i].deadline_s).us);
		win = phase_window(cases[i].id, &cfg, &late);
		assert_int_equal(win.start.us, kst_wall(late.day, cases[i].start_s + 3600).us);
		assert_int_equal(win.deadline.us, kst_wall(late.day, cases[i].deadline_s + 3600).us);
	}
	/* close follows the day's own end, which is late already */
	win = phase_window(PHASE_CLOSE, &cfg, &day);
	assert_int_equal(win.start.us, kst_wall(day.day, 15 * 3600 + 45 * 60).us);
	assert_int_equal(win.deadline.us, kst_wall(day.day, 17 * 3600 + 45 * 60).us);
	win = phase_window(PHASE_CLOSE, &cfg, &late);
	assert_int_equal(win.start.us, kst_wall(late.day, 16 * 3600 + 45 * 60).us);
	win = phase_window(PHASE_CLOSE, &cfg, &closed);
	assert_int_equal(win.start.us, kst_wall(closed.day, 15 * 3600 + 45 * 60).us);
}

/* A morning in which everything passed, each phase a minute after the one before. */
static void morning(struct phase_record records[static PHASE_COUNT])
{
	memset(records, 0, sizeof(records[0]) * PHASE_COUNT);
	for (int id = 0; id <= PHASE_GATE; id++) {
		struct phase_record *r = &records[id];

		r->present = true;
		r->run_id = 100 + id;
		r->status = STATUS_PASS;
		r->finished = (struct wall){ (id + 1) * 60 * US_PER_S };
		memset(r->content.bytes, id + 1, DIGEST_SIZE);
		for (int up = 0; up < PHASE_COUNT; up++) {
			if (phase_table[id].reads & BIT(up))
				r->inputs[r->input_count++] =
					(struct phase_input){ (enum phase_id)up, 100 + up,
							      records[up].content };
		}
	}
}

static void test_freshness(void **state)
{
	static const int64_t ages[PHASE_COUNT] = { 10800, 10800, 3600, 10800, 2700, 1800, 1800, 0, 0 };
	struct phase_record r[PHASE_COUNT];
	struct wall now = { 8 * 60 * US_PER_S };

	(void)state;
	morning(r);
	for (int id = 0; id <= PHASE_GATE; id++)
		assert_int_equal(phase_fresh((enum phase_id)id, r, ages, now), FRESH);
	assert_int_equal(phase_fresh(PHASE_CLOSE, r, ages, now), STALE_MISSING);

	/* another attempt with the same content changes nothing; other content turns what rests on it */
	r[PHASE_ACCOUNT].run_id = 900;
	assert_int_equal(phase_fresh(PHASE_GATE, r, ages, now), FRESH);
	r[PHASE_ACCOUNT].content.bytes[5] ^= 1;
	assert_int_equal(phase_fresh(PHASE_ACCOUNT, r, ages, now), FRESH);
	assert_int_equal(phase_fresh(PHASE_RECONCILE, r, ages, now), STALE_CONTENT);
	assert_int_equal(phase_fresh(PHASE_GUARDRAIL, r, ages, now), STALE_CONTENT);
	assert_int_equal(phase_fresh(PHASE_UNIVERSE, r, ages, now), STALE_CHAIN); /* through reconcile only */
	assert_int_equal(phase_fresh(PHASE_PARAMS, r, ages, now), FRESH);
	assert_int_equal(phase_fresh(PHASE_GATE, r, ages, now), STALE_CONTENT);

	/* not PASS, each status */
	for (int s = STATUS_UNKNOWN; s < STATUS_PASS; s++) {
		morning(r);
		r[PHASE_AUTH].status = (enum phase_status)s;
		assert_int_equal(phase_fresh(PHASE_AUTH, r, ages, now), STALE_STATUS);
		assert_int_equal(phase_fresh(PHASE_ACCOUNT, r, ages, now), STALE_CHAIN);
		assert_int_equal(phase_fresh(PHASE_PARAMS, r, ages, now), FRESH);
	}
	/* an upstream without a result of today */
	morning(r);
	r[PHASE_PARAMS].present = false;
	assert_int_equal(phase_fresh(PHASE_PARAMS, r, ages, now), STALE_MISSING);
	assert_int_equal(phase_fresh(PHASE_UNIVERSE, r, ages, now), STALE_CHAIN);
	/* a result that does not say what it read rests on nothing */
	morning(r);
	r[PHASE_UNIVERSE].input_count = 2;
	assert_int_equal(phase_fresh(PHASE_UNIVERSE, r, ages, now), STALE_CONTENT);
	/* the age, to the microsecond; not asked without a time */
	morning(r);
	now.us = r[PHASE_GUARDRAIL].finished.us + 1800 * US_PER_S;
	assert_int_equal(phase_fresh(PHASE_GUARDRAIL, r, ages, now), FRESH);
	now.us++;
	assert_int_equal(phase_fresh(PHASE_GUARDRAIL, r, ages, now), STALE_TOO_OLD);
	assert_int_equal(phase_fresh(PHASE_GATE, r, ages, now), STALE_CHAIN);
	assert_int_equal(phase_fresh(PHASE_GUARDRAIL, r, ages, (struct wall){ 0 }), FRESH);
	/* a result from the future is not believed */
	now.us = r[PHASE_UNIVERSE].finished.us - 1;
	assert_int_equal(phase_fresh(PHASE_UNIVERSE, r, ages, now), STALE_TOO_OLD);
}

static void test_downstream(void **state)
{
	uint32_t gate = BIT(PHASE_GATE);
	uint32_t late = BIT(PHASE_GUARDRAIL) | BIT(PHASE_UNIVERSE) | gate;

	(void)state;
	assert_int_equal(phase_downstream(PHASE_PREFLIGHT), BIT(PHASE_CLOSE) - 1);
	assert_int_equal(phase_downstream(PHASE_AUTH),
			 BIT(PHASE_AUTH) | BIT(PHASE_ACCOUNT) | BIT(PHASE_RECONCILE) | late);
	assert_int_equal(phase_downstream(PHASE_ACCOUNT), BIT(PHASE_ACCOUNT) | BIT(PHASE_RECONCILE) | late);
	assert_int_equal(phase_downstream(PHASE_PARAMS), BIT(PHASE_PARAMS) | late);
	assert_int_equal(phase_downstream(PHASE_RECONCILE), BIT(PHASE_RECONCILE) | late);
	assert_int_equal(phase_downstream(PHASE_GUARDRAIL), BIT(PHASE_GUARDRAIL) | gate);
	assert_int_equal(phase_downstream(PHASE_GATE), gate);
	assert_int_equal(phase_downstream(PHASE_CLOSE), BIT(PHASE_CLOSE));
	assert_int_equal(phase_table[PHASE_GATE].reads, BIT(PHASE_GATE) - 1);
	/* the running order is a reading order */
	for (int id = 0; id < PHASE_COUNT; id++)
		assert_int_equal(phase_table[id].reads >> id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_downstream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
