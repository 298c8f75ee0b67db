/* The freshness rule is said twice, in shared/trade/phases.c and in v_today: both must give the same word, always. */
#include <time.h>

#include "shared/trade/phases.h"
#include "tests/shared/store/seed.h"

#define DAYS_TESTED 300
#define CONTENTS    3

static const struct kst_day first_day = { 20240101 };
static struct db *logins[PHASE_COUNT];
static uint64_t random_state;

/* xorshift: the same numbers on every machine, for the seed that a failure names */
static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 11) % bound);
}

static struct digest content_of(uint32_t n)
{
	static const char *const texts[CONTENTS] = { "one", "two", "three" };

	return seed_digest(texts[n]);
}

/* Some attempts of one phase: read-only ones, dead ones, overtaken ones, any status; inputs right, old, or not said at all. */
static void seed_attempts(int64_t account, struct kst_day day, enum phase_id phase)
{
	static const enum phase_status statuses[] = { STATUS_PASS, STATUS_PASS,    STATUS_PASS,
						      STATUS_PASS, STATUS_PASS,    STATUS_PASS,
						      STATUS_FAIL, STATUS_UNKNOWN, STATUS_CLOSED };
	int attempts = (int)random_below(8) == 0 ? 0 : 1 + (int)random_below(2);
	bool overtaken = random_below(4) == 0; /* two at once: the second number ends first */
	struct phase_run_row runs[2];

	for (int i = 0; i < attempts; i++)
		runs[i] = seed_run(logins[phase], account, day, phase, random_below(8) == 0);
	for (int i = 0; i < attempts; i++) {
		struct phase_run_row run = runs[overtaken ? attempts - 1 - i : i];
		struct phase_result_row row = { .run_id = run.run_id,
						.account_id = account,
						.day = day,
						.phase = phase,
						.mode = MODE_TRADE,
						.reason = "ok",
						.detail = "" };

		if (random_below(10) == 0)
			continue;
		for (int up = 0; up < PHASE_COUNT; up++) {
			struct phase_input in = { .upstream = (enum phase_id)up, .run_id = 1 };

			if (!(phase_table[phase].reads & (1u << up)) || random_below(20) == 0)
				continue;
			in.digest = content_of(random_below(10) == 0 ? 1 : 0);
			assert_done(tbl_phase_input_add(logins[phase], run.run_id, &in));
		}
		row.status = statuses[random_below(ARRAY_COUNT(statuses))];
		row.content = content_of(random_below(10) == 0 ? 1 : 0);
		row.finished = wall_add_us(run.started, US_PER_S);
		assert_done(tbl_phase_result_add(logins[phase], &row));
	}
}

struct view_answer {
	char fresh[PHASE_COUNT][20], status[PHASE_COUNT][16];
	int attempt[PHASE_COUNT];
	int rows;
};

static bool take(void *arg, int column_count, const char *const *names, const char *const *values)
{
	struct view_answer *answer = arg;
	enum phase_id phase;

	(void)names;
	assert_int_equal(column_count, 4);
	if (!values)
		return true;
	assert_true(phase_parse(values[0], &phase));
	assert_true(snprintf(answer->fresh[phase], 20, "%s", values[1]) > 0);
	assert_true(snprintf(answer->status[phase], 16, "%s", values[2]) > 0);
	answer->attempt[phase] = (int)strtol(values[3], NULL, 10);
	answer->rows++;
	return true;
}

static void test_same_words(void **state)
{
	static const int64_t no_ages[PHASE_COUNT] = { 0 };
	int64_t account = seed_account("freshness");
	struct db *reader = private_db_open("gj_reader");
	int counts[6] = { 0 };

	(void)state;
	random_state = 20210104;
	for (int p = 0; p < PHASE_COUNT; p++) {
		char login[32];

		assert_true(snprintf(login, sizeof(login), "gj_%s", phase_name((enum phase_id)p)) > 0);
		logins[p] = private_db_open(login);
	}
	for (int n = 0; n < DAYS_TESTED; n++) {
		struct kst_day day = kst_day_add(first_day, n);
		struct phase_record records[PHASE_COUNT];
		struct view_answer answer = { 0 };

		/* the day is the newest once preflight has begun */
		(void)seed_run(logins[PHASE_PREFLIGHT], account, day, PHASE_PREFLIGHT, false);
		for (int p = 0; p < PHASE_COUNT; p++)
			seed_attempts(account, day, (enum phase_id)p);
		assert_done(tbl_phase_records(reader, account, day, records));
		assert_done(db_query(
			reader,
			"SELECT phase, fresh, status, attempt FROM v_today WHERE account = 'freshness'", take,
			&answer));
		assert_int_equal(answer.rows, PHASE_COUNT);
		for (int p = 0; p < PHASE_COUNT; p++) {
			enum freshness fresh =
				phase_fresh((enum phase_id)p, records, no_ages, (struct wall){ 0 });

			if (strcmp(answer.fresh[p], freshness_text(fresh)) != 0)
				fail_msg("day %d, %s: the view says %s, phases.c says %s", n,
					 phase_name((enum phase_id)p), answer.fresh[p],
					 freshness_text(fresh));
			assert_string_equal(answer.status[p],
					    records[p].present ? status_text(records[p].status) : "NONE");
			assert_int_equal(answer.attempt[p], records[p].attempt);
			counts[fresh]++;
		}
	}
	/* the configurations were worth something: every word but too-old came up often */
	for (int f = 0; f < 6; f++) {
		if (f != STALE_TOO_OLD && counts[f] < 50)
			fail_msg("%s came up %d times only", freshness_text((enum freshness)f), counts[f]);
	}
	assert_int_equal(counts[STALE_TOO_OLD], 0);
	for (int p = 0; p < PHASE_COUNT; p++)
		db_close(logins[p]);
	db_close(reader);
}

struct why_answer {
	char phase[20], command[100];
	int rows;
};

static bool take_why(void *arg, int column_count, const char *const *names, const char *const *values)
{
	struct why_answer *answer = arg;

	(void)names;
	if (!values)
		return true;
	assert_int_equal(column_count, 2);
	assert_true(snprintf(answer->phase, sizeof(answer->phase), "%s", values[0]) > 0);
	assert_true(snprintf(answer->command, sizeof(answer->command), "%s", values[1]) > 0);
	answer->rows++;
	return true;
}

static struct why_answer why_of(struct db *reader)
{
	struct why_answer answer = { 0 };

	assert_done(db_query(reader, "SELECT phase, command FROM v_why WHERE account = 'why'", take_why,
			     &answer));
	return answer;
}

static void test_why(void **state)
{
	int64_t account = seed_account("why");
	struct db *reader = private_db_open("gj_reader"), *worker = private_db_open("gj_worker"), *db;
	struct phase_run_row run;
	struct why_answer answer;
	enum mode stands;

	(void)state;
	assert_int_equal(why_of(reader).rows, 0); /* nothing has begun */
	(void)seed_phase(account, seed_day, PHASE_PREFLIGHT, STATUS_PASS, MODE_TRADE);
	answer = why_of(reader);
	assert_int_equal(answer.rows, 1);
	assert_string_equal(answer.phase, "auth");
	assert_string_equal(answer.command, "gaejang rerun auth --downstream --account why");
	for (int p = PHASE_AUTH; p <= PHASE_GATE; p++) {
		char login[32];

		assert_true(snprintf(login, sizeof(login), "gj_%s", phase_name((enum phase_id)p)) > 0);
		db = private_db_open(login);
		run = seed_run(db, account, seed_day, (enum phase_id)p, false);
		for (int up = 0; up < p; up++) {
			struct phase_input in = { .upstream = (enum phase_id)up,
						  .run_id = 1,
						  .digest = seed_digest("content") };

			if (phase_table[p].reads & (1u << up))
				assert_done(tbl_phase_input_add(db, run.run_id, &in));
		}
		seed_result(db, &run, STATUS_PASS, p == PHASE_GUARDRAIL ? MODE_REDUCE : MODE_TRADE,
			    "content");
		db_close(db);
	}
	/* everything fresh: then a ceiling below TRADE, then the stop, is what stands in the way */
	answer = why_of(reader);
	assert_int_equal(answer.rows, 1);
	assert_string_equal(answer.phase, "guardrail");
	assert_done(tbl_control_lower(worker, account, MODE_HALT, "a test", "worker", seed_at(1), &stands));
	db = private_db_open("gj_guardrail");
	run = seed_run(db, account, seed_day, PHASE_GUARDRAIL, false);
	for (int up = 0; up < PHASE_GUARDRAIL; up++) {
		struct phase_input in = { .upstream = (enum phase_id)up,
					  .run_id = 1,
					  .digest = seed_digest("content") };

		if (phase_table[PHASE_GUARDRAIL].reads & (1u << up))
			assert_done(tbl_phase_input_add(db, run.run_id, &in));
	}
	seed_result(db, &run, STATUS_PASS, MODE_TRADE, "content");
	db_close(db);
	answer = why_of(reader);
	assert_string_equal(answer.phase, "control");
	assert_string_equal(answer.command, "gaejang resume --reason \"...\" --account why");
	/* a closed day has nothing in its way */
	(void)seed_phase(account, kst_day_add(seed_day, 1), PHASE_PREFLIGHT, STATUS_CLOSED, MODE_HALT);
	assert_string_equal(why_of(reader).phase, "control");
	db_close(reader);
	db_close(worker);
}

/* Each view answers, with the rights of the reader. */
static bool count_rows(void *arg, int column_count, const char *const *names, const char *const *values)
{
	(void)column_count;
	(void)names;
	if (values)
		(*(int *)arg)++;
	return true;
}

static void test_every_view_answers(void **state)
{
	static const struct {
		const char *text;
		int want; /* rows of the account seeded here */
	} cases[] = {
		{ "SELECT * FROM v_phase_history WHERE account = 'views'", 3 },
		{ "SELECT * FROM v_orders_open WHERE account = 'views'", 1 },
		{ "SELECT * FROM v_orders_unknown WHERE account = 'views'", 1 },
		{ "SELECT * FROM v_fills WHERE account = 'views' AND qty = 4", 1 },
		{ "SELECT * FROM v_positions_diff WHERE account = 'views' AND ours_qty = 14 AND broker_qty = "
		  "15 AND diff_qty = -1",
		  1 },
		{ "SELECT * FROM v_lease WHERE account = 'views' AND kind = 'TRADE' AND control_mode = "
		  "'OBSERVE'",
		  1 },
		{ "SELECT * FROM v_audit WHERE account = 'views'", 5 },
		{ "SELECT * FROM v_audit WHERE account = 'views' AND what = 'TRADE -> OBSERVE' AND person = "
		  "'worker'",
		  1 },
	};
	int64_t account = seed_account("views"), run_id;
	struct db *worker = private_db_open("gj_worker"), *person = private_db_open("gj_operator");
	struct db *reader = private_db_open("gj_reader"), *login = private_db_open("gj_account");
	struct order order = { .intent_id = 9001,
			       .day = seed_day,
			       .symbol = "005930",
			       .qty = 10,
			       .price_won = 82000,
			       .excg = "KRX" };
	struct fill fill = { .intent_id = 9001,
			     .day = seed_day,
			     .odno = "0000009001",
			     .symbol = "005930",
			     .to_qty = 4,
			     .amount_won = 328000 };
	struct alert_row alert = { .account_id = account,
				   .day = seed_day,
				   .level = FINDING_CRIT,
				   .code = "a-code",
				   .text = "text",
				   .by_program = "worker" };
	struct cash_row cash = { .account_id = account, .day = seed_day, .account_match = true };
	struct broker_holding holding = { .symbol = "005930", .name = "name", .qty = 15 };
	struct phase_run_row run;
	struct lease_row mine;
	enum mode stands;

	(void)state;
	(void)seed_acceptance(account, seed_day);
	assert_done(tbl_lease_take(worker, account, LEASE_TRADE, "h:1:b", "worker", seed_at(36000),
				   1000 * US_PER_S, &mine));
	assert_done(tbl_intent_record(worker, &mine, &order, "s", "x", false, seed_at(36001)));
	assert_done(tbl_intent_mark(worker, &mine, 9001, false, seed_at(36002)));
	assert_done(tbl_order_event_add(worker, &(struct order_event_row){ .intent_id = 9001,
									   .account_id = account,
									   .event = OEV_ACCEPTED,
									   .state = ORDER_OPEN,
									   .at = seed_at(36003),
									   .odno = "0000009001",
									   .by_program = "worker" }));
	order.intent_id = 9002;
	assert_done(tbl_intent_record(worker, &mine, &order, "s", "x", false, seed_at(36001)));
	fill.at = seed_at(36004);
	assert_done(tbl_fill_add(worker, account, &fill, &(struct cost){ 40, 0 }, "worker"));
	alert.raised = seed_at(36005);
	assert_done(tbl_alert_raise(worker, &alert));
	assert_done(tbl_alert_event(person, alert.alert_id, "ACKNOWLEDGED", seed_at(36006), "kim", "seen"));
	assert_done(tbl_operator_add(person, account, seed_at(36007), "kim", "resume", "", "looked"));
	assert_done(tbl_control_lower(worker, account, MODE_OBSERVE, "a test", "worker", seed_at(36008),
				      &stands));
	/* the broker's list came after that fill */
	run = seed_run(login, account, seed_day, PHASE_ACCOUNT, false);
	run.started = seed_at(36010);
	run_id = cash.run_id = run.run_id;
	assert_done(tbl_cash_add(login, &cash));
	assert_done(tbl_holding_add(login, run_id, &holding));
	seed_result(login, &run, STATUS_PASS, MODE_TRADE, "content");
	(void)seed_run(login, account, seed_day, PHASE_ACCOUNT, false);
	(void)seed_run(login, account, seed_day, PHASE_ACCOUNT, true);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int rows = 0;

		assert_done(db_query(reader, cases[i].text, count_rows, &rows));
		if (rows != cases[i].want)
			fail_msg("%s: %d rows instead of %d", cases[i].text, rows, cases[i].want);
	}
	db_close(worker);
	db_close(person);
	db_close(reader);
	db_close(login);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_words),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_every_view_answers),
	};

	return cmocka_run_group_tests(tests, private_db_start, private_db_stop);
}
