#include "tests/shared/kis/samples.h"

#include "shared/base/bug.h"
#include "shared/kis/json.h"

static void test_parse(void **state)
{
	static const struct {
		const char *name, *body;
		enum reason want;
	} cases[] = {
		{ "object", "{\"rt_cd\":\"0\"}", REASON_OK },
		{ "blanks round it", " \r\n{} \n", REASON_OK },
		{ "empty", "", REASON_BROKER_SHAPE },
		{ "html", "<html><body>502</body></html>", REASON_BROKER_SHAPE },
		{ "cut in a text", "{\"rt_cd\":\"0\",\"msg1\":\"abc", REASON_BROKER_SHAPE },
		{ "cut before the end", "{\"rt_cd\":\"0\"", REASON_BROKER_SHAPE },
		{ "two values", "{}{}", REASON_BROKER_SHAPE },
		{ "array", "[]", REASON_BROKER_SHAPE },
		{ "text", "\"0\"", REASON_BROKER_SHAPE },
		{ "escaped NUL", "{\"rt_cd\":\"0\\u0000\"}", REASON_BROKER_SHAPE },
		{ "brackets inside a text do not nest",
		  "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", REASON_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		cJSON *root = NULL;
		enum reason why = json_parse(cases[i].body, strlen(cases[i].body), &root);

		if (why != cases[i].want)
			fail_msg("%s: %s, want %s", cases[i].name, reason_code(why),
				 reason_code(cases[i].want));
		assert_true((root != NULL) == (why == REASON_OK));
		json_free(root);
	}
}

static void test_depth(void **state)
{
	(void)state;
	for (int depth = 30; depth <= 34; depth++) {
		char body[128] = "{\"a\":";
		size_t len = strlen(body);
		cJSON *root = NULL;

		for (int i = 1; i < depth; i++)
			body[len++] = '[';
		for (int i = 1; i < depth; i++)
			body[len++] = ']';
		body[len++] = '}';
		body[len] = '\0';
		assert_int_equal(json_parse(body, len, &root),
				 depth <= 32 ? REASON_OK : REASON_BROKER_BODY_SIZE);
		json_free(root);
	}
	{
		cJSON *root = NULL;

		assert_int_equal(json_parse("{\"a\":1}\0{}", 10, &root), REASON_BROKER_SHAPE);
		assert_null(root);
	}
}

static void test_getters(void **state)
{
	static const char body[] =
		"{\"ODNO\":\"0000085100\",\"qty\":\"10\",\"empty\":\"\",\"blank\":\"   "
		"\",\"null\":null,\"number\":5,"
		"\"price\":\"54388.0000\",\"odd\":\"54388.4874\",\"rate\":\"-2.45\",\"sep\":\"1,000\","
		"\"plus\":\"+5\","
		"\"yes\":\"Y\",\"no\":\"N\",\"maybe\":\"X\",\"day\":\"20210104\",\"baddday\":\"20210231\","
		"\"padded\":\"  abc  \",\"twice\":\"1\",\"TWICE\":\"2\",\"same\":\"3\",\"SAME\":\"3\","
		"\"huge\":\"99999999999999999999\"}";
	cJSON *root = NULL;
	int64_t number = -1;
	bool flag = false;
	struct kst_day day = { 0 };
	char text[8];

	(void)state;
	assert_int_equal(json_parse(body, strlen(body), &root), REASON_OK);
	assert_string_equal(json_text(root, "odno"), "0000085100");
	assert_true(json_number(root, "QTY", &number));
	assert_int_equal(number, 10);
	assert_null(json_text(root, "empty"));
	assert_null(json_text(root, "blank"));
	assert_null(json_text(root, "null"));
	assert_null(json_text(root, "number"));
	assert_null(json_text(root, "absent"));
	number = -1;
	assert_false(json_number(root, "empty", &number));
	assert_false(json_number(root, "odd", &number));
	assert_false(json_number(root, "sep", &number));
	assert_false(json_number(root, "plus", &number));
	assert_false(json_number(root, "huge", &number));
	assert_int_equal(number, -1);
	assert_true(json_number(root, "price", &number));
	assert_int_equal(number, 54388);
	assert_true(json_scaled(root, "rate", 2, &number));
	assert_int_equal(number, -245);
	assert_true(json_flag(root, "yes", &flag) && flag);
	assert_true(json_flag(root, "no", &flag) && !flag);
	assert_false(json_flag(root, "maybe", &flag));
	assert_true(json_day(root, "day", &day));
	assert_int_equal(day.yyyymmdd, 20210104);
	assert_false(json_day(root, "baddday", &day));
	assert_true(json_copy(root, "padded", text, sizeof(text)));
	assert_string_equal(text, "abc");
	assert_false(json_copy(root, "odno", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_null(json_text(root, "twice"));
	assert_string_equal(json_text(root, "same"), "3");
	assert_null(json_member(NULL, "a"));
	json_free(root);
}

static void test_excerpt(void **state)
{
	static const struct {
		const char *name, *text;
		size_t out_size;
		const char *want;
	} cases[] = {
		{ "plain", "abc", 8, "abc" },
		{ "blanks round it", "  abc   ", 8, "abc" },
		{ "cut", "abcdefgh", 5, "abcd" },
		{ "cut between characters", "가나다", 8, "가나" },
		{ "broken bytes", "a\xff\x62\xea\xb0", 8, "a?b??" },
		{ "overlong", "\xc0\xaf", 8, "??" },
		{ "control bytes",
		  "a\x01\x7f"
		  "b",
		  8, "a??b" },
		{ "lines become one", "a\nb\tc", 8, "a b c" },
		{ "nothing", "", 8, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char out[16];

		text_excerpt(cases[i].text, strlen(cases[i].text), out, cases[i].out_size);
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("%s: \"%s\", want \"%s\"", cases[i].name, out, cases[i].want);
	}
	assert_true(text_plain("Bearer.abc-_"));
	assert_false(text_plain("a b"));
	assert_false(text_plain("a\"b"));
	assert_false(text_plain("a\r\nb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_excerpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
