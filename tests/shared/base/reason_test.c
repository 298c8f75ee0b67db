#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>

#include "shared/base/bug.h"
#include "shared/base/limits.h"
#include "shared/base/reason.h"

static const struct {
	int number;
	const char *name, *code, *text;
} all[] = {
#define X(name, number, kind, code, text) { number, #name, code, text },
	REASONS(X)
#include "shared/base/reason_trade.h"
#include "shared/base/reason_phase.h"
#include "shared/base/reason_worker.h"
#include "shared/base/reason_ops.h"
#undef X
};

static void test_reason_list(void **state)
{
	(void)state;
	assert_true(ARRAY_COUNT(all) > 150);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		enum reason why = (enum reason)all[i].number;

		assert_string_equal(reason_code(why), all[i].code);
		assert_string_equal(reason_text(why), all[i].text);
		assert_true(strlen(all[i].code) < REASON_CODE_SIZE);
		assert_int_equal(strspn(all[i].code, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(all[i].code));
		assert_true(all[i].number >= 0 && all[i].number < 700);
		for (size_t j = i + 1; j < ARRAY_COUNT(all); j++) {
			assert_int_not_equal(all[i].number, all[j].number);
			assert_string_not_equal(all[i].code, all[j].code);
		}
	}
}

static void test_reason_exit(void **state)
{
	static const struct {
		enum reason why;
		enum reason_kind kind;
		int exit;
	} cases[] = {
		{ REASON_OK, KIND_DONE, 0 },
		{ REASON_MARKET_CLOSED, KIND_DONE, 0 },
		{ REASON_BAD_NUMBER, KIND_FAIL, 1 },
		{ REASON_BAD_USAGE, KIND_USAGE, 64 },
		{ REASON_DB_AWAY, KIND_AWAY, 69 },
		{ REASON_BROKER_AWAY, KIND_AWAY, 69 },
		{ REASON_INTERNAL, KIND_BUG, 70 },
		{ REASON_DEADLINE, KIND_UNKNOWN, 75 },
		{ REASON_FILE_MODE, KIND_RIGHTS, 77 },
		{ REASON_CONF_MISSING, KIND_CONFIG, 78 },
		{ (enum reason)9999, KIND_UNKNOWN,
		  75 }, /* a newer build's number is trouble, never success */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(reason_kind(cases[i].why), cases[i].kind);
		assert_int_equal(reason_exit(cases[i].why), cases[i].exit);
	}
}

static void test_reason_unknown(void **state)
{
	(void)state;
	assert_string_equal(reason_code((enum reason)9999), "reason-9999");
	assert_string_equal(reason_code((enum reason) - 3), "reason--3");
	assert_true(strlen(reason_text((enum reason)9999)) > 0);
}

static void test_reason_set(void **state)
{
	(void)state;
	reason_clear();
	assert_string_equal(reason_detail(), "");
	assert_int_equal(reason_set(REASON_DEADLINE, "waited %d s for %s", 5, "auth"), REASON_DEADLINE);
	assert_string_equal(reason_detail(), "waited 5 s for auth");
	assert_int_equal(reason_set(REASON_UPSTREAM, "params: %s; rerun auth", reason_detail()),
			 REASON_UPSTREAM);
	assert_string_equal(reason_detail(), "params: waited 5 s for auth; rerun auth");
	reason_clear();
	assert_string_equal(reason_detail(), "");
}

static void test_reason_long(void **state)
{
	char text[DETAIL_SIZE * 2];
	size_t text_len = 0;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[DETAIL_SIZE - 1] = '\0'; /* fits to the byte */
	reason_set(REASON_INTERNAL, "%s", text);
	assert_string_equal(reason_detail(), text);

	memset(text, 'a', sizeof(text));
	text[DETAIL_SIZE] = '\0'; /* one too many */
	reason_set(REASON_INTERNAL, "%s", text);
	assert_int_equal(strlen(reason_detail()), DETAIL_SIZE - 1);
	assert_string_equal(reason_detail() + DETAIL_SIZE - 4, "...");

	for (size_t shift = 0; shift < 3; shift++) { /* Korean text is never cut inside a character */
		const unsigned char *got;

		memset(text, 'x', shift);
		for (text_len = shift; text_len + 3 < sizeof(text); text_len += 3)
			memcpy(text + text_len, "\xea\xb0\x9c", 3);
		text[text_len] = '\0';
		reason_set(REASON_INTERNAL, "%s", text);
		got = (const unsigned char *)reason_detail();
		text_len = strlen((const char *)got);
		assert_true(text_len < DETAIL_SIZE && text_len > DETAIL_SIZE - 8);
		assert_string_equal((const char *)got + text_len - 3, "...");
		assert_int_equal((text_len - 3 - shift) % 3, 0);
		assert_int_equal(got[text_len - 4], 0x9c);
	}
}

static void *other_thread(void *arg)
{
	bool *fresh = arg;

	*fresh = reason_detail()[0] == '\0';
	reason_set(REASON_INTERNAL, "from the other thread");
	return NULL;
}

static void test_reason_threads(void **state)
{
	pthread_t other;
	bool fresh = false;

	(void)state;
	reason_set(REASON_DEADLINE, "from the first thread");
	assert_int_equal(pthread_create(&other, NULL, other_thread, &fresh), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_true(fresh);
	assert_string_equal(reason_detail(), "from the first thread");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason_list),    cmocka_unit_test(test_reason_exit),
		cmocka_unit_test(test_reason_unknown), cmocka_unit_test(test_reason_set),
		cmocka_unit_test(test_reason_long),    cmocka_unit_test(test_reason_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
