#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/conf.h"
#include "shared/base/file.h"

#define NEEDED                                                                                               \
	"[gaejang]\nalerts = none\n[paths]\nstate_dir = /s\nkey_dir = /k\nbin_dir = /b\n"                    \
	"calendar_dir = /c\nsql_dir = /q\ndb_socket = /d/sock\n"
#define ACCOUNT(name) "[account " name "]\nenv = paper\nvault = /v/" name "\nstrategy = breakout\n"
#define TEN           "xxxxxxxxxx"
#define HUNDRED       TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static char path[] = "/tmp/gj-conf-XXXXXX";

static int group_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static enum reason load(struct conf *cfg, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0644), REASON_OK);
	return conf_load(cfg, path);
}

static void test_defaults(void **state)
{
	struct conf cfg = CONF_INIT;
	const struct conf_account *account = NULL;

	(void)state;
	assert_int_equal(load(&cfg, NEEDED ACCOUNT("one")), REASON_OK);
	assert_string_equal(cfg.path, path);
	assert_string_equal(conf_text(&cfg, CONF_STATE_DIR), "/s");
	assert_string_equal(conf_text(&cfg, CONF_DB_NAME), "gaejang");
	assert_string_equal(conf_text(&cfg, CONF_LOG_FILE), "");
	assert_int_equal(conf_number(&cfg, CONF_LEASE_S), 20);
	assert_int_equal(conf_number(&cfg, CONF_AT_GATE), 8 * 3600 + 50 * 60);
	assert_int_equal(conf_number(&cfg, CONF_ENTRY_END), 15 * 3600 + 15 * 60);
	assert_int_equal(conf_number(&cfg, CONF_REHEARSAL), 0);
	assert_int_equal(conf_number(&cfg, CONF_FIRST_RUN_BRAKE), 1);
	assert_int_equal(conf_number(&cfg, CONF_ON_WRONG_ACCOUNT), 0);
	assert_int_equal(conf_number(&cfg, CONF_ALERTS), 0);
	assert_true(conf_given(&cfg, CONF_ALERTS));
	assert_false(conf_given(&cfg, CONF_LEASE_S));
	assert_int_equal(cfg.account_count, 1);
	assert_int_equal(conf_account_find(&cfg, NULL, &account), REASON_OK);
	assert_string_equal(account->name, "one");
	assert_string_equal(account->env, "paper");
	assert_string_equal(account->vault, "/v/one");
	assert_string_equal(account->strategy, "breakout");
	conf_clear(&cfg);
	conf_clear(&cfg);
}

static void test_given(void **state)
{
	struct conf cfg = CONF_INIT;

	(void)state;
	assert_int_equal(load(&cfg,
			      "# a comment\n; another\n\n" NEEDED "[worker]\nlease_s=600\nuse_book = no\n"
			      "entry_end\t=\t14:59\n[limits]\non_loss = reduce\norder_won = 1000000000000\n"
			      "[paths]\nlog_file = /l/a b:c=d#e\n[worker]\nlease_renew_s = 007\n"
			      "[rehearsal]\non = yes\nrest = https://127.0.0.1:1"),
			 REASON_OK);
	assert_int_equal(conf_number(&cfg, CONF_LEASE_S), 600);
	assert_int_equal(conf_number(&cfg, CONF_LEASE_RENEW_S), 7);
	assert_int_equal(conf_number(&cfg, CONF_USE_BOOK), 0);
	assert_int_equal(conf_number(&cfg, CONF_ENTRY_END), 14 * 3600 + 59 * 60);
	assert_int_equal(conf_number(&cfg, CONF_ON_LOSS), 1);
	assert_string_equal(conf_text(&cfg, CONF_ON_LOSS), "reduce");
	assert_int_equal(conf_number(&cfg, CONF_LIM_ORDER_WON), INT64_C(1000000000000));
	assert_string_equal(conf_text(&cfg, CONF_LOG_FILE), "/l/a b:c=d#e");
	assert_int_equal(conf_number(&cfg, CONF_REHEARSAL), 1);
	assert_string_equal(conf_text(&cfg, CONF_REHEARSAL_REST), "https://127.0.0.1:1");
	assert_true(conf_given(&cfg, CONF_LEASE_S));
	conf_clear(&cfg);
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *text;
		enum reason want;
		const char *says[3];
	} cases[] = {
		{ "unknown section", "[nonsense]\n", REASON_CONF_UNKNOWN, { ":1:", "[nonsense]", "known:" } },
		{ "unknown key",
		  NEEDED "[worker]\nlease_sec = 5\n",
		  REASON_CONF_UNKNOWN,
		  { ":11:", "lease_sec", "[worker] lease_s?" } },
		{ "key of another section",
		  NEEDED "[worker]\nskew_s = 5\n",
		  REASON_CONF_UNKNOWN,
		  { ":11:", "did you mean [gaejang] skew_s?", "" } },
		{ "nothing like it",
		  NEEDED "[worker]\nqqqqqqqqqqqqqqqqqq = 5\n",
		  REASON_CONF_UNKNOWN,
		  { ":11:", "settings", "" } },
		{ "duplicate",
		  NEEDED "[worker]\nlease_s = 20\n\nlease_s = 20\n",
		  REASON_CONF_DUPLICATE,
		  { ":13:", "line 11", "lease_s" } },
		{ "duplicate in a second section",
		  NEEDED "[worker]\nlease_s = 20\n[limits]\n[worker]\nlease_s = 20\n",
		  REASON_CONF_DUPLICATE,
		  { ":14:", "line 11", "" } },
		{ "under the range",
		  NEEDED "[worker]\nlease_s = 4\n",
		  REASON_CONF_RANGE,
		  { ":11:", "5 to 600, in s", "write lease_s = 20" } },
		{ "over the range",
		  NEEDED "[worker]\nlease_s = 601\n",
		  REASON_CONF_RANGE,
		  { ":11:", "601", "" } },
		{ "not a number",
		  NEEDED "[worker]\nlease_s = 20s\n",
		  REASON_CONF_RANGE,
		  { ":11:", "20s", "" } },
		{ "a fraction",
		  NEEDED "[worker]\nlease_s = 20.0\n",
		  REASON_CONF_RANGE,
		  { ":11:", "whole", "" } },
		{ "empty number",
		  NEEDED "[worker]\nlease_s =\n",
		  REASON_CONF_RANGE,
		  { ":11:", "lease_s", "" } },
		{ "bigger than 64 bits",
		  NEEDED "[worker]\nlease_s = 99999999999999999999\n",
		  REASON_CONF_RANGE,
		  { ":11:", "", "" } },
		{ "no time",
		  NEEDED "[schedule]\ngate = 8:50\n",
		  REASON_CONF_RANGE,
		  { ":11:", "HH:MM", "08:50" } },
		{ "time with seconds",
		  NEEDED "[schedule]\ngate = 08:50:00\n",
		  REASON_CONF_RANGE,
		  { ":11:", "HH:MM", "" } },
		{ "time beyond the day",
		  NEEDED "[schedule]\ngate = 24:00\n",
		  REASON_CONF_RANGE,
		  { ":11:", "24:00", "" } },
		{ "no bool",
		  NEEDED "[worker]\nuse_book = true\n",
		  REASON_CONF_RANGE,
		  { ":11:", "yes or no", "" } },
		{ "no choice",
		  NEEDED "[limits]\non_loss = stop\n",
		  REASON_CONF_RANGE,
		  { ":11:", "halt reduce", "" } },
		{ "half a choice",
		  NEEDED "[limits]\non_loss = hal\n",
		  REASON_CONF_RANGE,
		  { ":11:", "halt reduce", "" } },
		{ "two choices",
		  NEEDED "[limits]\non_loss = halt reduce\n",
		  REASON_CONF_RANGE,
		  { ":11:", "", "" } },
		{ "relative path",
		  NEEDED "[gaejang]\nalert_target = x/y\n",
		  REASON_CONF_RANGE,
		  { ":11:", "absolute path", "" } },
		{ "text too long",
		  NEEDED "[database]\nname = " HUNDRED "\n",
		  REASON_CONF_RANGE,
		  { ":11:", "64 bytes", "" } },
		{ "value too long",
		  NEEDED "[paths]\nlog_file = /" HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN "\n",
		  REASON_CONF_RANGE,
		  { ":11:", "181 bytes", "180" } },
		{ "socket too long",
		  "[paths]\ndb_socket = /" HUNDRED "/sock.ab\n",
		  REASON_SOCKET_PATH_LONG,
		  { ":2:", "109 bytes", "107" } },
		{ "indented",
		  NEEDED "[worker]\nlease_s = 20\n  lease_renew_s = 5\n",
		  REASON_CONF_SYNTAX,
		  { ":12:", "indented", "" } },
		{ "indented by a tab",
		  NEEDED "[worker]\n\tlease_s = 5\n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "indented", "" } },
		{ "no equals",
		  NEEDED "[worker]\nlease_s 20\n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "KEY = VALUE", "" } },
		{ "colon", NEEDED "[worker]\nlease_s: 20\n", REASON_CONF_SYNTAX, { ":11:", "", "" } },
		{ "colon first",
		  NEEDED "[worker]\nlease_s : x = 20\n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "", "" } },
		{ "no key", NEEDED "[worker]\n= 20\n", REASON_CONF_SYNTAX, { ":11:", "", "" } },
		{ "capital", NEEDED "[worker]\nLease_s = 20\n", REASON_CONF_SYNTAX, { ":11:", "", "" } },
		{ "before any section",
		  "lease_s = 20\n",
		  REASON_CONF_SYNTAX,
		  { ":1:", "before the first section", "" } },
		{ "section not closed", "[worker\n", REASON_CONF_SYNTAX, { ":1:", "[NAME]", "" } },
		{ "after the section", "[worker] lease_s = 20\n", REASON_CONF_SYNTAX, { ":1:", "", "" } },
		{ "empty section", "[]\n", REASON_CONF_SYNTAX, { ":1:", "", "" } },
		{ "comment behind",
		  NEEDED "[worker]\nlease_s = 20 ; longer\n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "line of its own", "" } },
		{ "quotes",
		  NEEDED "[database]\nname = \"x\"\n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "quotes", "" } },
		{ "blank at the end",
		  NEEDED "[worker]\nlease_s = 20 \n",
		  REASON_CONF_SYNTAX,
		  { ":11:", "blanks", "" } },
		{ "carriage return",
		  "[worker]\r\nlease_s = 20\r\n",
		  REASON_CONF_SYNTAX,
		  { ":1:", "control", "" } },
		{ "byte order mark",
		  "\xef\xbb\xbf[worker]\n",
		  REASON_CONF_SYNTAX,
		  { ":1:", "byte order mark", "" } },
		{ "required key missing",
		  "[gaejang]\nalerts = none\n",
		  REASON_CONF_MISSING,
		  { "[paths] state_dir", "missing", "absolute path" } },
		{ "alerts missing",
		  "[paths]\nstate_dir = /s\nkey_dir = /k\nbin_dir = /b\ncalendar_dir = /c\n"
		  "sql_dir = /q\ndb_socket = /d\n",
		  REASON_CONF_MISSING,
		  { "[gaejang] alerts", "none file command", "write alerts = none below" } },
		{ "empty file", "", REASON_CONF_MISSING, { "missing", "", "" } },
		{ "lease and renewal",
		  NEEDED "[worker]\nlease_s = 20\nlease_renew_s = 20\n",
		  REASON_CONF_RANGE,
		  { ":12:", "below", "lease_s = 20" } },
		{ "renewal against a default",
		  NEEDED "[worker]\nlease_renew_s = 25\n",
		  REASON_CONF_RANGE,
		  { ":11:", "lease_s = 20", "" } },
		{ "schedule out of order",
		  NEEDED "[schedule]\nauth = 08:11\n",
		  REASON_CONF_RANGE,
		  { ":11:", "[schedule] account = 08:10", "" } },
		{ "alerts without target",
		  "[gaejang]\nalerts = file\n[paths]\nstate_dir = /s\nkey_dir = /k\nbin_dir = /b\n"
		  "calendar_dir = /c\nsql_dir = /q\ndb_socket = /d\n",
		  REASON_CONF_MISSING,
		  { ":2:", "alert_target", "" } },
		{ "account twice",
		  NEEDED ACCOUNT("a") ACCOUNT("a"),
		  REASON_CONF_DUPLICATE,
		  { ":14:", "line 10", "" } },
		{ "account key twice",
		  NEEDED ACCOUNT("a") "env = real\n",
		  REASON_CONF_DUPLICATE,
		  { ":14:", "line 11", "" } },
		{ "account key unknown",
		  NEEDED ACCOUNT("a") "number = 1\n",
		  REASON_CONF_UNKNOWN,
		  { ":14:", "number", "env, vault and strategy" } },
		{ "account env",
		  NEEDED "[account a]\nenv = test\n",
		  REASON_CONF_RANGE,
		  { ":11:", "real or paper", "" } },
		{ "account vault",
		  NEEDED "[account a]\nvault = v\n",
		  REASON_CONF_RANGE,
		  { ":11:", "absolute", "" } },
		{ "account strategy",
		  NEEDED "[account a]\nstrategy = Two Words\n",
		  REASON_CONF_RANGE,
		  { ":11:", "", "" } },
		{ "account incomplete",
		  NEEDED "[account a]\nenv = real\nvault = /v\n",
		  REASON_CONF_MISSING,
		  { ":10:", "strategy", "" } },
		{ "account without name", NEEDED "[account ]\n", REASON_CONF_SYNTAX, { ":10:", "", "" } },
		{ "account with a slash", NEEDED "[account a/b]\n", REASON_CONF_SYNTAX, { ":10:", "", "" } },
		{ "account of 33",
		  NEEDED "[account xxx" TEN TEN TEN "]\n",
		  REASON_CONF_SYNTAX,
		  { ":10:", "32", "" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct conf cfg = CONF_INIT;
		enum reason why = load(&cfg, cases[i].text);

		if (why != cases[i].want)
			fail_msg("%s: got %s: %s", cases[i].name, reason_code(why), reason_detail());
		if (why != REASON_OK) {
			assert_int_equal(reason_exit(why), 78);
			assert_non_null(strstr(reason_detail(), path));
			assert_int_equal(cfg.path[0], '\0'); /* untouched */
			assert_null(cfg.values[0].text);
		}
		for (size_t j = 0; j < 3 && why != REASON_OK; j++)
			if (cases[i].says[j] && !strstr(reason_detail(), cases[i].says[j]))
				fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].name, cases[i].says[j],
					 reason_detail());
		conf_clear(&cfg);
	}
}

static void test_lengths(void **state)
{
	struct conf cfg = CONF_INIT;
	char text[64 * 1024 + 100];
	size_t len;

	(void)state;
	/* The longest value arrives whole: inih would cut it later than we allow. */
	assert_int_equal(load(&cfg, NEEDED "[rehearsal]\nsignals_file = /" HUNDRED TEN TEN TEN TEN TEN TEN TEN
					   "xxxxxxxxx\n"),
			 REASON_OK);
	assert_int_equal(strlen(conf_text(&cfg, CONF_REHEARSAL_SIGNALS)), 180);
	conf_clear(&cfg);
	assert_int_equal(
		load(&cfg,
		     "[paths]\nstate_dir = /s\nkey_dir = /k\nbin_dir = /b\ncalendar_dir = /c\nsql_dir = /q\n"
		     "db_socket = /" HUNDRED "/sock1\n[gaejang]\nalerts = none\n"),
		REASON_OK);
	assert_int_equal(strlen(conf_text(&cfg, CONF_DB_SOCKET)), 107);
	conf_clear(&cfg);
	/* A file that is far too large. */
	len = 64 * 1024 + 1;
	memset(text, '\n', len);
	text[len] = '\0';
	assert_int_equal(load(&cfg, text), REASON_CONF_FILE);
	/* A NUL byte would hide the rest from a reader of strings. */
	assert_int_equal(file_replace(path, NEEDED "\0[worker]\nlease_s = 5\n", sizeof(NEEDED) + 21, 0644),
			 REASON_OK);
	assert_int_equal(conf_load(&cfg, path), REASON_CONF_SYNTAX);
}

static void test_file(void **state)
{
	static const struct {
		mode_t mode;
		enum reason want;
	} cases[] = {
		{ 0600, REASON_OK },        { 0644, REASON_OK },        { 0640, REASON_OK },
		{ 0664, REASON_FILE_MODE }, { 0646, REASON_FILE_MODE }, { 0620, REASON_FILE_MODE },
	};
	struct conf cfg = CONF_INIT;

	(void)state;
	assert_int_equal(load(&cfg, NEEDED), REASON_OK);
	conf_clear(&cfg);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(chmod(path, cases[i].mode), 0);
		assert_int_equal(conf_load(&cfg, path), cases[i].want);
		if (cases[i].want != REASON_OK) {
			assert_non_null(strstr(reason_detail(), "chmod go-w"));
			assert_int_equal(reason_exit(cases[i].want), 77);
		}
		conf_clear(&cfg);
	}
	assert_int_equal(conf_load(&cfg, "/nowhere/gaejang.conf"), REASON_CONF_FILE);
	assert_non_null(strstr(reason_detail(), "/nowhere/gaejang.conf"));
	assert_int_equal(conf_load(&cfg, "/tmp"), REASON_FILE_MODE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(setenv("GAEJANG_CONF", path, 1), 0);
	assert_int_equal(conf_load(&cfg, NULL), REASON_OK);
	assert_string_equal(cfg.path, path);
	conf_clear(&cfg);
	assert_int_equal(unsetenv("GAEJANG_CONF"), 0);
}

static void test_accounts(void **state)
{
	struct conf cfg = CONF_INIT;
	const struct conf_account *account = NULL;

	(void)state;
	assert_int_equal(load(&cfg, NEEDED), REASON_OK);
	assert_int_equal(conf_account_find(&cfg, NULL, &account), REASON_CONF_MISSING);
	conf_clear(&cfg);
	assert_int_equal(load(&cfg, NEEDED ACCOUNT("A-1") ACCOUNT("b_2")), REASON_OK);
	assert_int_equal(conf_account_find(&cfg, "", &account), REASON_BAD_USAGE);
	assert_int_equal(conf_account_find(&cfg, NULL, &account), REASON_BAD_USAGE);
	assert_non_null(strstr(reason_detail(), "A-1 b_2"));
	assert_int_equal(conf_account_find(&cfg, "c", &account), REASON_BAD_USAGE);
	assert_null(account);
	assert_int_equal(conf_account_find(&cfg, "b_2", &account), REASON_OK);
	assert_string_equal(account->vault, "/v/b_2");
	conf_clear(&cfg);
}

static void test_accounts_many(void **state)
{
	struct conf cfg = CONF_INIT;
	char text[4096] = NEEDED;
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i < CONF_ACCOUNTS_MAX + 1; i++) {
		int more;

		if (i == CONF_ACCOUNTS_MAX) { /* full, and not yet one too many */
			assert_int_equal(load(&cfg, text), REASON_OK);
			assert_int_equal(cfg.account_count, CONF_ACCOUNTS_MAX);
			conf_clear(&cfg);
		}
		more = snprintf(text + len, sizeof(text) - len,
				"[account a%02d]\nenv = real\nvault = /v\nstrategy = s\n", i);
		assert_true(more > 0 && (size_t)more < sizeof(text) - len);
		len += (size_t)more;
	}
	assert_int_equal(load(&cfg, text), REASON_CONF_RANGE);
}

static void digest_of(const char *text, uint8_t out[static CONF_DIGEST_SIZE])
{
	struct conf cfg = CONF_INIT;

	if (load(&cfg, text) != REASON_OK)
		fail_msg("%s", reason_detail());
	conf_digest(&cfg, out);
	conf_clear(&cfg);
}

static void test_digest(void **state)
{
	static const struct {
		const char *name, *text;
		bool same;
	} cases[] = {
		{ "comment", "# x\n" NEEDED ACCOUNT("a"), true },
		{ "default written out", NEEDED "[worker]\nlease_s = 20\n" ACCOUNT("a"), true },
		{ "another spelling", NEEDED "[worker]\nlease_s = 0020\n" ACCOUNT("a"), true },
		{ "overlay", NEEDED "[rehearsal]\non = yes\nrest = https://127.0.0.1:5\n" ACCOUNT("a"),
		  true },
		{ "paths", NEEDED "[paths]\nlog_file = /x\n" ACCOUNT("a"), true },
		{ "another number", NEEDED "[worker]\nlease_s = 21\n" ACCOUNT("a"), false },
		{ "another choice", NEEDED "[limits]\non_loss = reduce\n" ACCOUNT("a"), false },
		{ "another time", NEEDED "[schedule]\ngate = 08:51\n" ACCOUNT("a"), false },
		{ "another bool", NEEDED "[limits]\nfirst_run_brake = no\n" ACCOUNT("a"), false },
		{ "another account", NEEDED ACCOUNT("b"), false },
		{ "one account more", NEEDED ACCOUNT("a") ACCOUNT("b"), false },
	};
	uint8_t plain[CONF_DIGEST_SIZE], got[CONF_DIGEST_SIZE];

	(void)state;
	digest_of(NEEDED ACCOUNT("a"), plain);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		digest_of(cases[i].text, got);
		if ((memcmp(got, plain, sizeof(got)) == 0) != cases[i].same)
			fail_msg("%s: wrong digest", cases[i].name);
	}
}

static void test_help(void **state)
{
	static const char *const keys[] = {
#define TEXT(id, section, key, def, max, help)            "\n" key " ",
#define PATH(id, section, key, def, help)                 "\n" key " ",
#define INT(id, section, key, def, low, high, unit, help) "\n" key " ",
#define TIME(id, section, key, def, help)                 "\n" key " ",
#define BOOL(id, section, key, def, help)                 "\n" key " ",
#define CHOICE(id, section, key, def, choices, help)      "\n" key " ",
#include "shared/base/conf_keys.def"
	};
	char *text = NULL;
	size_t text_size = 0;
	FILE *to = open_memstream(&text, &text_size);

	(void)state;
	assert_non_null(to);
	conf_help(to);
	assert_int_equal(fclose(to), 0);
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (!strstr(text, keys[i]))
			fail_msg("help does not list %s", keys[i]);
	assert_non_null(strstr(text, "[worker]\nlease_s "));
	assert_non_null(strstr(text, "a whole number 5 to 600, in s; default 20\n"));
	assert_non_null(strstr(text, "one of: none file command; required\n"));
	assert_non_null(strstr(text, "[account NAME]"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_given),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_file),          cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_accounts_many), cmocka_unit_test(test_digest),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
