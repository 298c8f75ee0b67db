/* The frame, by the real bin/preflight, bin/auth, bin/account and bin/params on a real private database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/file.h"
#include "tests/phases/house.h"
#include "shared/base/banned.h"

static struct test_house house;

#define assert_out(text)                                                                                     \
	do {                                                                                                 \
		if (!strstr(house.out, text))                                                                \
			fail_msg("wanted '%s' in: %s", text, house.out);                                     \
	} while (0)
#define assert_sql(query, want) assert_string_equal(house_sql(&house, query), want)

static void expect(int want, const char *program, const char *args)
{
	int status = house_run(&house, program, args);

	if (status != want)
		fail_msg("%s %s: exit %d, wanted %d: %s", program, args, status, want, house.out);
}

static int set_up(void **state)
{
	(void)state;
	/* 2021-01-04 opened at 10:00: everything is an hour later, preflight at 09:00. */
	house_open(&house, "2021-01-04 08:50:00");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	house_close(&house);
	return 0;
}

static void test_options(void **state)
{
	(void)state;
	expect(64, "preflight", "--bogus");
	expect(64, "preflight", "a-word");
	expect(0, "preflight", "--help");
	assert_out("--scheduled");
	expect(64, "preflight", "--day 2021-01-05");
	assert_out("not today");
	expect(64, "preflight", "--day soon");
	assert_sql("SELECT COUNT(*) FROM phase_run", "0");
}

static void test_configuration(void **state)
{
	(void)state;
	house_conf(&house, "");
	expect(78, "preflight", "");
	assert_out("alerts");
	house_conf(&house, "alerts = none\nalerts = none");
	expect(78, "preflight", "");
	house_conf(&house, "alerts = file");
	expect(78, "preflight", "");
	assert_out("alert_target");
	assert_sql("SELECT COUNT(*) FROM phase_run", "0");
	house_conf(&house, "alerts = none\ndisk_free_mb = 1048576");
	expect(1, "preflight", "");
	assert_sql("SELECT CONCAT(status, ' ', reason) FROM phase_result", "FAIL disk-full");
	assert_sql("SELECT CONCAT(level, ' ', code) FROM alert ORDER BY alert_id DESC LIMIT 1",
		   "CRIT disk-full");
	house_conf(&house, "alerts = none");
}

static void test_not_due(void **state)
{
	(void)state;
	expect(0, "preflight", "--scheduled");
	assert_string_equal(house.out, "");
	assert_sql("SELECT COUNT(*) FROM phase_run WHERE scheduled", "0");
}

static void test_dry_run(void **state)
{
	(void)state;
	expect(0, "preflight", "--dry-run --json");
	assert_out("\"status\":\"PASS\"");
	assert_out("\"dry_run\":true");
	assert_sql("SELECT COUNT(*) FROM session", "0");
	assert_sql("SELECT COUNT(*) FROM phase_run", "1"); /* of the configuration test */
}

static void test_pass(void **state)
{
	(void)state;
	house_clock(&house, "2021-01-04 09:00:00");
	expect(0, "preflight", "--scheduled");
	assert_out("PASS preflight: trading day 10:00:00-15:30:00");
	assert_sql("SELECT CONCAT_WS(' ', s.status, s.mode, s.reason, r.attempt, r.scheduled) FROM "
		   "phase_result s JOIN phase_run r "
		   "USING (run_id) ORDER BY run_id DESC LIMIT 1",
		   "PASS TRADE ok 2 1");
	assert_sql("SELECT CONCAT_WS(' ', previous_date, open_kst, shift_s) FROM session",
		   "2020-12-30 2021-01-04 10:00:00.000000 3600");
	assert_sql("SELECT CONCAT_WS(' ', kind, clean) FROM lease", "NONE 1");
	expect(0, "preflight", "--scheduled"); /* already fresh */
	assert_string_equal(house.out, "");
	assert_sql("SELECT COUNT(*) FROM phase_run", "2");
}

static void test_upstream(void **state)
{
	(void)state;
	expect(75, "account", "");
	assert_out("upstream: auth has no result today");
	assert_sql("SELECT CONCAT_WS(' ', status, mode, reason) FROM phase_result WHERE phase = 'account'",
		   "UNKNOWN OBSERVE upstream");
	/* An upstream that runs is waited for: here a dead one, until its deadline of ten minutes is over. */
	assert_int_equal(house_run_signal(&house, "auth", "", SIGKILL), 128 + SIGKILL);
	assert_sql("SELECT COUNT(*) FROM phase_run WHERE phase = 'auth'", "1");
	house_clock(&house, "2021-01-04 09:05:00");
	expect(75, "account", "");
	assert_out("auth has no result today");
	assert_sql("SELECT finished_kst BETWEEN '2021-01-04 09:10:00' AND '2021-01-04 09:10:02' FROM "
		   "phase_result WHERE phase = "
		   "'account' ORDER BY run_id DESC LIMIT 1",
		   "1");
	expect(0, "preflight", "");
	assert_sql("SELECT COUNT(*) FROM phase_input", "0");
}

static void test_broker_away(void **state)
{
	(void)state;
	expect(69, "auth", "");
	assert_out("UNKNOWN auth: broker-");
	assert_sql("SELECT CONCAT_WS(' ', status, mode) FROM phase_result WHERE phase = 'auth'",
		   "UNKNOWN OBSERVE");
	assert_sql("SELECT COUNT(*) > 0 FROM login_attempt", "1");
	assert_sql("SELECT COUNT(*) FROM phase_input WHERE upstream = 'preflight'", "1");
	assert_sql("SELECT COUNT(*) FROM phase_result WHERE CONCAT(detail, evidence) REGEXP "
		   "'PSTESTKEY|SECRETSECRET|50123456'",
		   "0");
}

static void test_params(void **state)
{
	(void)state;
	expect(1, "params", "");
	assert_out("FAIL params: params-none");
	assert_sql("SELECT CONCAT_WS(' ', status, mode, reason) FROM phase_result WHERE phase = 'params'",
		   "FAIL HALT params-none");
	house_conf(&house, "alerts = none\non_params_none = approval");
	expect(75, "params", "");
	assert_out("changed since preflight looked");
	expect(0, "preflight", "");
	expect(75, "params", "");
	assert_out("params-approval");
	house_conf(&house, "alerts = none");
	expect(0, "preflight", "");
}

static void test_too_late(void **state)
{
	(void)state;
	house_clock(&house, "2021-01-04 09:35:00");
	expect(1, "params", "--scheduled");
	assert_out("too-late");
	expect(1, "params", "--scheduled");
	assert_string_equal(house.out, "");
	assert_sql("SELECT COUNT(*) FROM phase_result WHERE phase = 'params' AND reason = 'too-late'", "1");
}

static void test_leases(void **state)
{
	(void)state;
	/* Another phase holds it: waited for, then taken. */
	(void)house_sql(&house, "UPDATE lease SET kind = 'PHASE', holder = 'other:2:b', program = 'auth', "
				"epoch = epoch + 1, clean = 0, "
				"expires_kst = '2021-01-04 09:35:40'");
	expect(0, "preflight", "");
	assert_sql(
		"SELECT finished_kst >= '2021-01-04 09:35:40' FROM phase_result ORDER BY run_id DESC LIMIT 1",
		"1");
	/* Past the deadline of a run by hand (ten minutes). */
	house_clock(&house, "2021-01-04 09:36:00");
	(void)house_sql(&house, "UPDATE lease SET kind = 'PHASE', holder = 'other:2:b', program = 'auth', "
				"epoch = epoch + 1, clean = 0, "
				"expires_kst = '2021-01-04 12:00:00'");
	expect(75, "preflight", "");
	assert_out("lease-held: auth holds the account's lease");
	/* A worker trades: read-only. */
	(void)house_sql(&house, "UPDATE lease SET kind = 'TRADE', program = 'worker'");
	expect(0, "preflight", "");
	assert_out("read-only");
	assert_sql("SELECT r.read_only + (s.run_id IS NULL) FROM phase_run r LEFT JOIN phase_result s USING "
		   "(run_id) ORDER BY r.run_id "
		   "DESC LIMIT 1",
		   "2");
	/* An observer only watches: the phase writes beside it. */
	(void)house_sql(&house, "UPDATE lease SET program = 'observer'");
	expect(0, "preflight", "");
	assert_sql("SELECT CONCAT_WS(' ', kind, program) FROM lease", "TRADE observer");
	assert_sql("SELECT status FROM phase_result ORDER BY run_id DESC LIMIT 1", "PASS");
	(void)house_sql(&house, "UPDATE lease SET kind = 'NONE', clean = 1");
}

static void lease_of_another(void)
{
	(void)house_sql(&house, "UPDATE lease SET kind = 'PHASE', holder = 'other:2:b', program = 'auth', "
				"epoch = epoch + 1, clean = 0, "
				"expires_kst = '2021-01-04 12:00:00'");
}

static void preflight_overtakes(struct test_house *held)
{
	(void)house_sql(held, "UPDATE lease SET kind = 'NONE', clean = 1");
	assert_int_equal(house_run(held, "preflight", ""), 0);
}

/* Of two runs the one that ended last is the newest, whatever their numbers: its products were written last too. */
static void test_overtaken(void **state)
{
	char number[32];

	(void)state;
	(void)snprintf(number, sizeof(number), "%.31s",
		       house_sql(&house, "SELECT MAX(run_id) + 1 FROM phase_run"));
	lease_of_another();
	assert_int_equal(house_run_held(&house, "preflight", "", preflight_overtakes), 0);
	assert_sql("SELECT MAX(run_id) FROM phase_result",
		   house_sql(&house, "SELECT MAX(run_id) FROM phase_run"));
	assert_sql("SELECT run_id FROM v_today WHERE phase = 'preflight'", number);
	assert_sql("SELECT run_id FROM session WHERE run_id = (SELECT run_id FROM v_today WHERE phase = "
		   "'preflight')",
		   number);
}

/* What a run read before it waited for the lease may be old by then: it reads again. */
static void test_upstream_moved(void **state)
{
	(void)state;
	lease_of_another();
	assert_int_equal(house_run_held(&house, "params", "", preflight_overtakes), 1);
	assert_out("FAIL params: params-none");
	assert_sql("SELECT upstream_run FROM phase_input WHERE run_id = (SELECT run_id FROM v_today WHERE "
		   "phase = "
		   "'params')",
		   house_sql(&house, "SELECT MAX(run_id) FROM phase_result WHERE phase = 'preflight'"));
	assert_sql("SELECT COUNT(*) FROM v_today WHERE phase = 'params' AND fresh = 'not-pass'", "1");
}

static void test_signal(void **state)
{
	int status;

	(void)state;
	(void)house_sql(&house, "UPDATE lease SET kind = 'PHASE', holder = 'other:2:b', program = 'auth', "
				"epoch = epoch + 1, clean = 0, "
				"expires_kst = '2021-01-04 12:00:00'");
	status = house_run_signal(&house, "preflight", "", SIGTERM);
	assert_int_equal(status, 75);
	assert_out("interrupted");
	assert_sql("SELECT CONCAT_WS(' ', status, reason) FROM phase_result ORDER BY run_id DESC LIMIT 1",
		   "UNKNOWN interrupted");
	(void)house_sql(&house, "UPDATE lease SET kind = 'NONE', clean = 1");
	expect(0, "preflight", "");
	/* The alert of a trouble that passed is closed by the PASS. */
	assert_sql("SELECT COUNT(*) FROM alert a WHERE a.code = 'interrupted' AND NOT EXISTS (SELECT 1 FROM "
		   "alert_event e WHERE "
		   "e.alert_id = a.alert_id AND e.event = 'CLOSED')",
		   "0");
}

static void test_database_away(void **state)
{
	char path[160];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/state/spool/phases-demo.jsonl", house.dir);
	house_db(&house, "kill");
	expect(69, "preflight", "");
	assert_out("db-away");
	assert_true(file_exists(path));
	expect(69, "params", "");
	house_db(&house, "start");
	expect(0, "preflight", "");
	assert_false(file_exists(path));
	assert_sql("SELECT COUNT(*) FROM alert WHERE code = 'db-away' AND level = 'WARN'", "2");
	expect(0, "preflight", "");
	assert_sql("SELECT COUNT(*) FROM alert WHERE code = 'db-away'", "2");
}

static void test_not_closed(void **state)
{
	(void)state;
	(void)house_sql(&house, "INSERT INTO certificate (account_id, trade_date, run_id, mode, epoch, body, "
				"signature, issued_kst, "
				"expires_kst) VALUES (1, '2020-12-30', 0, 'TRADE', 1, '', '', '2020-12-30 "
				"08:50:00', '2020-12-30 08:52:00')");
	expect(1, "preflight", "");
	assert_out("gaejang run close --day 2020-12-30");
}

static void test_closed_day(void **state)
{
	(void)state;
	house_clock(&house, "2021-01-01 08:00:00");
	expect(75, "auth", "");
	expect(0, "preflight", "--scheduled");
	assert_out("CLOSED preflight");
	expect(0, "preflight", "--scheduled");
	assert_string_equal(house.out, "");
	expect(0, "auth", "");
	assert_out("CLOSED auth");
	assert_sql("SELECT COUNT(*) FROM phase_result WHERE trade_date = '2021-01-01' AND status = 'CLOSED'",
		   "2");
	expect(0, "gate", "--scheduled");
	assert_sql("SELECT COUNT(*) FROM phase_run WHERE phase = 'gate'", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),     cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_not_due),     cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_pass),        cmocka_unit_test(test_upstream),
		cmocka_unit_test(test_broker_away), cmocka_unit_test(test_params),
		cmocka_unit_test(test_too_late),    cmocka_unit_test(test_leases),
		cmocka_unit_test(test_overtaken),   cmocka_unit_test(test_upstream_moved),
		cmocka_unit_test(test_signal),      cmocka_unit_test(test_database_away),
		cmocka_unit_test(test_not_closed),  cmocka_unit_test(test_closed_day),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
