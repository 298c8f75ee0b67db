#include "tests/shared/kis/samples.h"

#include "shared/base/bug.h"
#include "shared/kis/contract.h"

static void test_verdicts(void **state)
{
	static const struct {
		const char *name, *rt_cd, *msg_cd;
		enum kis_verdict want;
	} cases[] = {
		{ "accepted", "0", "APBK0013", VERDICT_DONE },
		{ "accepted on paper", "0", "40600000", VERDICT_DONE },
		{ "success with an unknown code", "0", "", VERDICT_DONE },
		{ "gateway pace", "1", "EGW00201", VERDICT_PACED },
		{ "token invalid", "1", "EGW00121", VERDICT_TOKEN },
		{ "token expired", "1", "EGW00123", VERDICT_TOKEN },
		{ "ledger pace is not proven", "1", "EGW00215", VERDICT_DOUBT },
		{ "gateway time-out", "1", "EGW00301", VERDICT_DOUBT },
		{ "trade time-out", "1", "EGW00302", VERDICT_DOUBT },
		{ "temporary", "1", "EGW00001", VERDICT_DOUBT },
		{ "cash", "7", "APBK0952", VERDICT_DEFINITE_NO },
		{ "cash in another envelope", "1", "APBK0952", VERDICT_DOUBT },
		{ "shares", "7", "APBK0400", VERDICT_DEFINITE_NO },
		{ "market hours", "7", "APBK0918", VERDICT_DEFINITE_NO },
		{ "operating date", "7", "APBK0919", VERDICT_DEFINITE_NO },
		{ "nothing to cancel", "7", "APBK0927", VERDICT_DEFINITE_NO },
		{ "order type", "7", "APBK0963", VERDICT_DEFINITE_NO },
		{ "no such symbol", "7", "APBK0656", VERDICT_DEFINITE_NO },
		{ "off the grid", "7", "APBK0506", VERDICT_DEFINITE_NO },
		{ "ledger code nobody proved", "7", "APBK1943", VERDICT_DOUBT },
		{ "paper off the grid", "1", "40030000", VERDICT_DEFINITE_NO },
		{ "paper untradable", "1", "40070000", VERDICT_DEFINITE_NO },
		{ "paper nothing held", "1", "40240000", VERDICT_DEFINITE_NO },
		{ "paper nothing to cancel", "1", "40330000", VERDICT_DEFINITE_NO },
		{ "paper cancels too much", "1", "40430000", VERDICT_DEFINITE_NO },
		{ "paper closed", "1", "40580000", VERDICT_DEFINITE_NO },
		{ "paper not offered", "1", "90000000", VERDICT_DOUBT },
		{ "no rt_cd", "", "EGW00201", VERDICT_DOUBT },
		{ "NULL", NULL, NULL, VERDICT_DOUBT },
		{ "two letters", "00", "APBK0013", VERDICT_DOUBT },
		{ "prefix of a known code", "1", "EGW0020", VERDICT_DOUBT },
		{ "known code with more behind", "1", "EGW002011", VERDICT_DOUBT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (kis_verdict_of(cases[i].rt_cd, cases[i].msg_cd) != cases[i].want)
			fail_msg("%s: verdict %d, want %d", cases[i].name,
				 (int)kis_verdict_of(cases[i].rt_cd, cases[i].msg_cd), (int)cases[i].want);
	}
}

/* Every refusal that was published with its envelope is definite. */
static void test_published_refusals(void **state)
{
	cJSON *paper = sample_json("order_reject_paper_catalog.json");
	const cJSON *row;
	int count = 0;

	(void)state;
	cJSON_ArrayForEach(row, paper)
	{
		assert_int_equal(kis_verdict_of(cJSON_GetObjectItem(row, "rt_cd")->valuestring,
						cJSON_GetObjectItem(row, "msg_cd")->valuestring),
				 VERDICT_DEFINITE_NO);
		count++;
	}
	assert_int_equal(count, 5);
	cJSON_Delete(paper);
}

static void test_table(void **state)
{
	(void)state;
	for (int call = 0; call < CALL_COUNT; call++) {
		const struct kis_contract *row = &kis_contracts[call];
		const char *real = row->tr[KIS_REAL], *paper = row->tr[KIS_PAPER];

		assert_non_null(row->name);
		assert_int_equal(row->path[0], '/');
		assert_int_equal(strlen(row->since), 10);
		assert_non_null(real);
		assert_true(strcmp(row->method, "GET") == 0 || strcmp(row->method, "POST") == 0);
		if (real[0] == '\0')
			continue; /* login calls have no id */
		assert_int_not_equal(real[0], 'V');
		/* Quotation ids are the same in both; every other paper id is the real one with a V in front. */
		if (paper != NULL && real[0] == 'F')
			assert_string_equal(paper, real);
		else if (paper != NULL) {
			assert_int_equal(paper[0], 'V');
			assert_string_equal(paper + 1, real + 1);
		}
		if (paper == NULL)
			assert_int_equal(row->page_rows[KIS_PAPER], 0);
	}
	assert_string_equal(kis_contracts[CALL_ORDER_BUY].tr[KIS_REAL], "TTTC0012U");
	assert_string_equal(kis_contracts[CALL_ORDER_SELL].tr[KIS_REAL], "TTTC0011U");
	assert_string_equal(kis_contracts[CALL_ORDER_CHANGE].tr[KIS_PAPER], "VTTC0013U");
	assert_int_equal(kis_contracts[CALL_DAILY_ORDERS].page_rows[KIS_REAL], 100);
	assert_int_equal(kis_contracts[CALL_DAILY_ORDERS].page_rows[KIS_PAPER], 15);
	assert_int_equal(kis_contracts[CALL_BALANCE].page_rows[KIS_PAPER], 20);
	assert_null(kis_contracts[CALL_OPEN_ORDERS].tr[KIS_PAPER]);
	assert_null(kis_contracts[CALL_HOLIDAY].tr[KIS_PAPER]);
	assert_string_equal(kis_hosts[KIS_REAL].rest, "https://openapi.koreainvestment.com:9443");
	assert_string_equal(kis_hosts[KIS_PAPER].rest, "https://openapivts.koreainvestment.com:29443");
}

static void test_env(void **state)
{
	enum kis_env env = KIS_PAPER;

	(void)state;
	assert_true(kis_env_parse("real", &env));
	assert_int_equal(env, KIS_REAL);
	assert_true(kis_env_parse(kis_env_text(KIS_PAPER), &env));
	assert_int_equal(env, KIS_PAPER);
	assert_false(kis_env_parse("Real", &env));
	assert_false(kis_env_parse("", &env));
	assert_false(kis_env_parse(NULL, &env));
	assert_int_equal(env, KIS_PAPER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_published_refusals),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
