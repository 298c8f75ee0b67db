#include "tests/shared/kis/samples.h"

#include "shared/base/bug.h"
#include "shared/kis/stream.h"

#define APPROVAL "00000000-0000-0000-0000-000000000000"

static void test_requests(void **state)
{
	static const struct {
		const char *name;
		bool subscribe;
	} cases[] = { { "ws_request_subscribe.json", true }, { "ws_request_unsubscribe.json", false } };
	char out[STREAM_REQUEST_SIZE];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		cJSON *want = sample_json(cases[i].name), *got;

		assert_int_equal(stream_request(KIS_REAL, STREAM_TRADES, "005930", cases[i].subscribe,
						APPROVAL, out, &len),
				 REASON_OK);
		assert_int_equal(len, strlen(out));
		got = cJSON_Parse(out);
		assert_non_null(got);
		assert_true(cJSON_Compare(want, got, true));
		cJSON_Delete(want);
		cJSON_Delete(got);
	}
	assert_int_equal(stream_request(KIS_REAL, STREAM_NOTICES, "myhts", true, APPROVAL, out, &len),
			 REASON_OK);
	assert_non_null(strstr(out, "\"H0STCNI0\""));
	assert_int_equal(stream_request(KIS_PAPER, STREAM_NOTICES, "myhts", true, APPROVAL, out, &len),
			 REASON_OK);
	assert_non_null(strstr(out, "\"H0STCNI9\""));
	assert_int_equal(stream_request(KIS_PAPER, STREAM_BOOK, "005930", true, APPROVAL, out, &len),
			 REASON_OK);
	assert_non_null(strstr(out, "\"H0STASP0\""));
	assert_int_equal(stream_request(KIS_REAL, STREAM_TRADES, "", true, APPROVAL, out, &len),
			 REASON_INTERNAL);
	assert_int_equal(stream_request(KIS_REAL, STREAM_TRADES, "00\"5930", true, APPROVAL, out, &len),
			 REASON_INTERNAL);
	assert_int_equal(stream_request(KIS_REAL, STREAM_TRADES, "005930", true, "", out, &len),
			 REASON_INTERNAL);
}

#define ACK(code, key)                                                                                       \
	"{\"header\":{\"tr_id\":\"H0STCNT0\",\"tr_key\":\"" key                                              \
	"\"},\"body\":{\"rt_cd\":\"1\",\"msg_cd\":\"" code "\"}}"

static void test_messages(void **state)
{
	static const struct {
		const char *name, *bytes;
		enum reason want;
		enum stream_kind kind;
		bool accepted, slot, budget, approval;
	} cases[] = {
		{ "data", "0|H0STCNT0|001|x", REASON_OK, STREAM_DATA, false, false, false, false },
		{ "encrypted data", "1|H0STCNI0|001|x", REASON_OK, STREAM_DATA, false, false, false, false },
		{ "released", ACK("OPSP0001", "005930"), REASON_OK, STREAM_ACK, true, false, false, false },
		{ "already there", ACK("OPSP0002", "005930"), REASON_OK, STREAM_ACK, true, false, false,
		  false },
		{ "not found", ACK("OPSP0003", "005930"), REASON_OK, STREAM_ACK, false, false, false, false },
		{ "over budget", ACK("OPSP0008", "005930"), REASON_OK, STREAM_ACK, false, false, true,
		  false },
		{ "approval key", ACK("OPSP0011", "005930"), REASON_OK, STREAM_ACK, false, false, false,
		  true },
		{ "slot taken", ACK("OPSP8996", ""), REASON_OK, STREAM_ACK, false, true, false, false },
		{ "key too long", ACK("OPSP0000", "0123456789012345678901234"), REASON_FRAME_GARBAGE, 0, 0, 0,
		  0, 0 },
		{ "no code", "{\"header\":{\"tr_id\":\"H0STCNT0\"},\"body\":{}}", REASON_FRAME_GARBAGE, 0, 0,
		  0, 0, 0 },
		{ "no body", "{\"header\":{\"tr_id\":\"H0STCNT0\"}}", REASON_FRAME_GARBAGE, 0, 0, 0, 0, 0 },
		{ "cut", "{\"header\":{\"tr_id\":", REASON_FRAME_GARBAGE, 0, 0, 0, 0, 0 },
		{ "text", "hello", REASON_FRAME_GARBAGE, 0, 0, 0, 0, 0 },
		{ "digit alone", "0", REASON_FRAME_GARBAGE, 0, 0, 0, 0, 0 },
		{ "nothing", "", REASON_FRAME_GARBAGE, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct stream_message msg = { 0 };
		enum reason why = stream_read(cases[i].bytes, strlen(cases[i].bytes), &msg);

		if (why != cases[i].want)
			fail_msg("%s: %s, want %s", cases[i].name, reason_code(why),
				 reason_code(cases[i].want));
		if (why != REASON_OK)
			continue;
		assert_int_equal(msg.kind, cases[i].kind);
		assert_int_equal(msg.accepted, cases[i].accepted);
		assert_int_equal(msg.slot_taken, cases[i].slot);
		assert_int_equal(msg.over_budget, cases[i].budget);
		assert_int_equal(msg.bad_approval, cases[i].approval);
		assert_false(msg.notice_key.known);
	}
}

static void test_samples(void **state)
{
	struct stream_message msg;
	size_t len;
	char *text = sample_line("ws_ack_subscribe_success.json", &len);

	(void)state;
	assert_int_equal(stream_read(text, len, &msg), REASON_OK);
	assert_int_equal(msg.kind, STREAM_ACK);
	assert_true(msg.accepted);
	assert_true(msg.channel_known);
	assert_int_equal(msg.channel, STREAM_BOOK);
	assert_string_equal(msg.key, "000660");
	assert_true(msg.notice_key.known);
	assert_string_equal(msg.notice_key.key, "abcdefghijklmnopqrstuvwxyz012345");
	assert_string_equal(msg.notice_key.iv, "0123456789abcdef");
	free(text);
	text = sample_line("ws_ack_error_already_in_use.json", &len);
	assert_int_equal(stream_read(text, len, &msg), REASON_OK);
	assert_true(msg.slot_taken);
	assert_false(msg.channel_known);
	free(text);
	text = sample_line("ws_ack_error_max_subscribe.json", &len);
	assert_int_equal(stream_read(text, len, &msg), REASON_OK);
	assert_true(msg.over_budget);
	assert_string_equal(msg.key, "005930");
	free(text);
	text = sample_line("ws_pingpong.json", &len);
	assert_int_equal(stream_read(text, len, &msg), REASON_OK);
	assert_int_equal(msg.kind, STREAM_PINGPONG);
	/* Every shorter piece of it is refused, none is taken for something else. */
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(stream_read(text, cut, &msg), REASON_FRAME_GARBAGE);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
