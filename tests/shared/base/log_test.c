#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/log.h"

#define THREADS      4
#define THREAD_LINES 200
#define PREFIX_LEN   26 /* 2021-01-04T08:00:00.000000 */

static char path[] = "/tmp/gj-log-XXXXXX";

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

static void begin(void)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open("preflight", path, NULL), REASON_OK);
}

/* What was logged since begin(), without the time of the first line. */
static char *written(void)
{
	static char text[400000];
	uint8_t *bytes = NULL;
	size_t size = 0;
	struct wall at;

	log_close();
	assert_int_equal(file_read(path, sizeof(text) - 1, &bytes, &size), REASON_OK);
	assert_true(size > PREFIX_LEN);
	assert_int_equal(bytes[10], 'T');
	bytes[10] = ' ';
	bytes[PREFIX_LEN] = '\0';
	assert_true(kst_wall_parse((char *)bytes, &at)); /* the time is one */
	memcpy(text, bytes + PREFIX_LEN + 1, size - PREFIX_LEN);
	file_free(bytes, size);
	return text;
}

static void test_lines(void **state)
{
	begin();
	(void)state;
	log_event(LOG_INFO, "phase-end", "phase=%s status=%s took_ms=%lld", "auth", "PASS", 143LL);
	assert_string_equal(written(), "info preflight event=phase-end phase=auth status=PASS took_ms=143\n");
	begin();
	log_event(LOG_WARN, "start", " ");
	assert_string_equal(written(), "warn preflight event=start\n");
	begin();
	log_event(LOG_ERROR, "end", "reason=%s  detail=\"%s\"", "db-away", "no answer; start it");
	assert_string_equal(written(),
			    "error preflight event=end reason=db-away detail=\"no answer; start it\"\n");
	begin();
	log_event(LOG_BUG, "x", "detail=%s file=%s", "", "/a/b");
	assert_string_equal(written(), "bug preflight event=x detail=\"\" file=/a/b\n");
}

static void test_values(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "word", "word" },
		{ "two words", "\"two words\"" },
		{ "line\nbreak", "\"line\\nbreak\"" },
		{ "bell\a", "\"bell\\x07\"" },
		{ "del\x7f", "\"del\\x7f\"" },
		{ "say \"no\"", "\"say \\\"no\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "a=b", "\"a=b\"" },
		{ "x secret=5", "\"x secret=5\"" },
		{ "\xea\xb0\x9c\xec\x9e\xa5", "\xea\xb0\x9c\xec\x9e\xa5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char want[128];

		begin();
		log_event(LOG_INFO, "e", "detail=%s day=%d", cases[i].value, 20210104);
		assert_true(snprintf(want, sizeof(want), "info preflight event=e detail=%s day=20210104\n",
				     cases[i].want) > 0);
		assert_string_equal(written(), want);
	}
}

static void test_keys(void **state)
{
	static const struct {
		const char *fmt, *want;
	} cases[] = {
		{ "appkey=%s", "info preflight event=e appkey=?\n" },
		{ "day=1 token=%s status=PASS", "info preflight event=e day=1 token=? status=PASS\n" },
		{ "Bearer=%s", "info preflight event=e =?\n" },
		{ "%s", "info preflight event=e ?\n" },
		{ "day=%s", "info preflight event=e day=abcdefgh\n" },
		{ "days=%s", "info preflight event=e days=?\n" },
		{ "da=%s", "info preflight event=e da=?\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		begin();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		log_event(LOG_INFO, "e", cases[i].fmt, "abcdefgh");
#pragma GCC diagnostic pop
		assert_string_equal(written(), cases[i].want);
	}
}

static void test_key_list(void **state)
{
	static const char *const keys[] = {
#define LOG_KEY(name) #name,
#include "shared/base/log_keys.def"
#undef LOG_KEY
	};
	static const char *const never[] = { "secret",    "token",        "password", "appkey",
					     "appsecret", "approval_key", "cano" };

	(void)state;
	for (size_t i = 1; i < ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i - 1], keys[i]) >= 0)
			fail_msg("%s is not after %s", keys[i], keys[i - 1]);
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		for (size_t j = 0; j < ARRAY_COUNT(never); j++)
			assert_string_not_equal(keys[i], never[j]);
}

static void test_secrets(void **state)
{
	static const char secret[] = "PSxk/3d+9Qm=2vL", account[] = "12345678";
	static const struct {
		const char *value;
		bool sealed;
	} cases[] = {
		{ "PSxk/3d+9Qm=2vL", true },
		{ "Bearer PSxk/3d+9Qm=2vL", true },
		{ "{\"appsecret\":\"PSxk/3d+9Qm=2vL\"}", true },
		{ "https://x/?k=PSxk/3d+9Qm=2vL&y=1", true },
		{ "CANO=12345678-01", true },
		{ "PSxk/3d+9Qm=2v", false }, /* not all of it */
		{ "1234567", false },
		{ "", false },
	};

	(void)state;
	log_secret(secret, strlen(secret));
	log_secret(account, strlen(account));
	log_secret(account, strlen(account)); /* twice is once */
	log_secret("abc", 3); /* too short to mask */
	log_secret(NULL, 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *text;

		begin();
		log_event(LOG_INFO, "e", "detail=%s", cases[i].value);
		text = written();
		if ((strstr(text, "detail=[sealed]\n") != NULL) != cases[i].sealed)
			fail_msg("\"%s\" became %s", cases[i].value, text);
		assert_null(strstr(text, secret));
		assert_null(strstr(text, account));
	}
	begin();
	log_event(LOG_INFO, "e", "detail=%s", "abc");
	assert_string_equal(written(), "info preflight event=e detail=abc\n");
}

static void test_refused(void **state)
{
	char value[2000];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	begin();
	log_event(LOG_INFO, "big", "detail=%s", value);
	assert_string_equal(written(), "warn preflight event=log-refused refused=big size=2006 limit=1024\n");
	/* The longest line that still goes: 1,024 bytes with its end. */
	value[1024 - 1 - PREFIX_LEN - strlen(" info preflight event=big detail=")] = '\0';
	begin();
	log_event(LOG_INFO, "big", "detail=%s", value);
	assert_int_equal(strlen(written()), 1024 - PREFIX_LEN - 1);
	value[strlen(value)] = 'v';
	begin();
	log_event(LOG_ERROR, "big", "detail=%s", value);
	assert_non_null(strstr(written(), "error preflight event=log-refused refused=big"));
	/* A value that holds the inner separator cannot forge a pair. */
	begin();
	log_event(LOG_INFO, "forged", "detail=%s",
		  "x\x1f"
		  "status=PASS");
	assert_non_null(strstr(written(), "event=log-refused refused=forged"));
}

static void test_lost(void **state)
{
	uint64_t before = log_lost();

	(void)state;
	assert_int_equal(log_open("preflight", "/dev/full", NULL), REASON_OK);
	errno = 5;
	log_event(LOG_INFO, "e", "day=%d", 1);
	assert_int_equal(errno, 5); /* logging never disturbs its caller */
	assert_int_equal(log_lost(), before + 1);
	log_close();
	assert_int_not_equal(log_open("preflight", "/nowhere/at/all", NULL), REASON_OK);
	assert_non_null(strstr(reason_detail(), "/nowhere/at/all"));
	assert_int_equal(log_open("", path, NULL), REASON_INTERNAL);
}

static void test_mode(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(log_open("preflight", path, NULL), REASON_OK);
	log_close();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0); /* others may not read, the group may not write */
}

static void *thread_lines(void *arg)
{
	for (int i = 0; i < THREAD_LINES; i++)
		log_event(LOG_INFO, "t", "thread=%d n=%d detail=%s", *(int *)arg, i,
			  "some words that are long enough");
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	int next[THREADS] = { 0 }, number[THREADS], line_count = 0;
	char *text, *line, *end;

	(void)state;
	begin();
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, thread_lines, &number[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	text = written();
	for (line = text; *line; line = end + 1, line_count++) {
		char want[128];
		unsigned thread;

		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		line = strstr(line, " event=t thread="); /* every line is whole, and in its thread's order */
		assert_non_null(line);
		thread = (unsigned)(line[16] - '0');
		assert_true(thread < THREADS);
		assert_true(snprintf(want, sizeof(want),
				     " event=t thread=%u n=%d detail=\"some words that are long enough\"",
				     thread, next[thread]++) > 0);
		assert_string_equal(line, want);
	}
	assert_int_equal(line_count, THREADS * THREAD_LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_values),
		cmocka_unit_test(test_keys),    cmocka_unit_test(test_key_list),
		cmocka_unit_test(test_secrets), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lost),    cmocka_unit_test(test_threads),
		cmocka_unit_test(test_mode),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
