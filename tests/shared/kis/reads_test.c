#include "tests/shared/kis/rig.h"

#include "shared/base/bug.h"

#define ROOM 512

/* One row of the order list as the broker writes it. */
#define ROW(odno, filled)                                                                                     \
	"{\"ord_dt\":\"20251217\",\"ord_gno_brno\":\"03930\",\"odno\":\"" odno                                \
	"\",\"orgn_odno\":\"\",\"ord_dvsn_name\":\"지정가\",\"sll_buy_dvsn_cd\":\"02\",\"sll_buy_dvsn_cd_" \
	"name\":\"현금매수\","                                                                            \
	"\"pdno\":\"088350\",\"ord_qty\":\"10\",\"ord_unpr\":\"2900\",\"ord_tmd\":\"094414\",\"tot_ccld_"     \
	"qty\":\"" filled "\",\"tot_ccld_amt\":\"" filled                                                     \
	"\",\"ordr_empno\":\"OpnAPI\",\"ord_dvsn_cd\":\"00\",\"cncl_cfrm_qty\":\"0\",\"rmn_qty\":\"0\","      \
	"\"rjct_qty\":\"0\","                                                                                 \
	"\"excg_id_dvsn_cd\":\"KRX\"}"
#define LIST(rows, fk, nk, filled, code)                                                                     \
	"{\"ctx_area_fk100\":\"" fk "\",\"ctx_area_nk100\":\"" nk "\",\"output1\":[" rows                    \
	"],\"output2\":{\"tot_ord_qty\":\"" filled "\",\"tot_ccld_qty\":\"" filled                           \
	"\",\"tot_ccld_amt\":\"" filled "\"},\"rt_cd\":\"0\",\"msg_cd\":\"" code                             \
	"\",\"msg1\":\"조회가 완료되었습니다\"}"

static struct broker_order order_rows[ROOM];

static enum reason daily(struct rig *rig, struct broker_order_list *list)
{
	struct kst_day day = { 20251217 };

	*list = (struct broker_order_list){ .rows = order_rows, .room = ROOM };
	return kis_daily_orders(rig->kis, day, day, rig_until(rig, 20000), list);
}

struct listing_case {
	const char *name;
	struct server_step steps[4];
	int step_count;
	enum reason want;
	enum listing_state want_state;
	int want_rows, want_requests;
};

static void listing_cases(const struct listing_case *cases, size_t case_count)
{
	struct rig *rig = rig_open_with(KIS_REAL, "query_ms = 1500\n");

	for (size_t i = 0; i < case_count; i++) {
		struct broker_order_list list;
		enum reason why;
		int requests;

		tls_server_play(rig->server, cases[i].steps, cases[i].step_count);
		assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
		why = daily(rig, &list);
		requests = tls_server_count(rig->server, "GET ");
		if (why != cases[i].want || list.state != cases[i].want_state ||
		    list.count != cases[i].want_rows || requests != cases[i].want_requests)
			fail_msg("%s: %s (%s), state %d, %d rows, %d requests; want %s, %d, %d, %d",
				 cases[i].name, reason_code(why), reason_detail(), (int)list.state,
				 list.count, requests, reason_code(cases[i].want), (int)cases[i].want_state,
				 cases[i].want_rows, cases[i].want_requests);
		assert_true(list.answered.us >= list.asked.us);
		/* Never a key, the account or a query in a sentence. */
		assert_null(strstr(reason_detail(), rig->keys.cano));
		assert_null(strstr(reason_detail(), rig->keys.appkey));
		assert_null(strstr(reason_detail(), rig->keys.appsecret));
		assert_null(strstr(reason_detail(), "INQR_"));
	}
	rig_close(rig);
}

#define P1M                                                                                                  \
	{                                                                                                    \
		.head = PAGE("M"), .body = LIST(ROW("0000000001", "10") "," ROW("0000000002", "0"), "fk",    \
						"1", "20", "KIOK0500")                                       \
	}
#define P2D                                                                                                  \
	{                                                                                                    \
		.head = PAGE("D"), .body = LIST(ROW("0000000003", "10"), "fk", " ", "20", "KIOK0460")        \
	}
#define ONE LIST(ROW("0000000001", "10"), "fk", " ", "10", "KIOK0460")

static void test_pages(void **state)
{
	static const struct listing_case cases[] = {
		{ "one page", { { .head = PAGE("D"), .body = ONE } }, 1, REASON_OK, LISTING_COMPLETE, 1, 1 },
		{ "end E", { { .head = PAGE("E"), .body = ONE } }, 1, REASON_OK, LISTING_COMPLETE, 1, 1 },
		{ "empty header, page not full",
		  { { .head = PAGE(""), .body = ONE } },
		  1,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  1 },
		{ "two pages", { P1M, P2D }, 2, REASON_OK, LISTING_COMPLETE, 3, 2 },
		{ "F means more too",
		  { { .head = PAGE("F"), .body = LIST(ROW("0000000001", "10"), "fk", "1", "20", "KIOK0500") },
		    P2D },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  2,
		  2 },
		{ "a cursor that is not blank on the last page",
		  { { .head = PAGE("D"),
		      .body = LIST(ROW("0000000001", "10"), "fk", "left over", "10", "KIOK0460") } },
		  1,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  1 },
		{ "proved empty",
		  { { .head = PAGE("D"), .body = LIST("", "", "", "0", "KIOK0510") } },
		  1,
		  REASON_OK,
		  LISTING_COMPLETE,
		  0,
		  1 },
		{ "rows told twice are kept",
		  { { .head = PAGE("D"),
		      .body = LIST(ROW("0000000001", "10") "," ROW("0000000001", "10"), "", "", "10",
				   "KIOK0460") } },
		  1,
		  REASON_OK,
		  LISTING_COMPLETE,
		  2,
		  1 },
		{ "a row of page 1 again inside page 2",
		  { P1M,
		    { .head = PAGE("D"),
		      .body = LIST(ROW("0000000003", "10") "," ROW("0000000002", "0"), "", "", "20",
				   "KIOK0460") } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  4,
		  2 },
		{ "header missing",
		  { { .head = HEAD_200, .body = ONE } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  1,
		  1 },
		{ "header missing on page 2",
		  { P1M, { .head = HEAD_200, .body = ONE } },
		  2,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  2,
		  2 },
		{ "header of no known kind",
		  { { .head = PAGE("X"), .body = ONE } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  1,
		  1 },
		{ "two headers that differ",
		  { { .head = PAGE("D") "tr_cont: M\r\n", .body = ONE } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  1,
		  1 },
		{ "last by the header, more by the code",
		  { { .head = PAGE("D"),
		      .body = LIST(ROW("0000000001", "10"), "fk", "1", "10", "KIOK0500") } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  1,
		  1 },
		{ "page repeated",
		  { P1M,
		    { .head = PAGE("M"),
		      .body = LIST(ROW("0000000001", "10"), "fk", "2", "20", "KIOK0500") } },
		  2,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  2,
		  2 },
		{ "page repeated for ever", { P1M }, 1, REASON_BROKER_PARTIAL, LISTING_PARTIAL, 2, 2 },
		{ "cursor repeated",
		  { P1M,
		    { .head = PAGE("M"),
		      .body = LIST(ROW("0000000009", "10"), "fk", "1", "20", "KIOK0500") } },
		  2,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  3,
		  2 },
		{ "more follows but the page is empty",
		  { { .head = PAGE("M"), .body = LIST("", "fk", "1", "0", "KIOK0500") } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  0,
		  1 },
		{ "page 2 fails",
		  { P1M, { .head = HEAD_500, .body = "" } },
		  2,
		  REASON_BROKER_HTTP,
		  LISTING_PARTIAL,
		  2,
		  4 },
		{ "page 2 broken once is asked again",
		  { P1M, { .head = HEAD_500, .body = "" }, P2D },
		  3,
		  REASON_OK,
		  LISTING_COMPLETE,
		  3,
		  3 },
		{ "data changed between pages: from the start",
		  { P1M,
		    { .head = HEAD_200, .body = "{\"rt_cd\":\"1\",\"msg_cd\":\"SYDB0050\",\"msg1\":\"x\"}" },
		    P1M,
		    P2D },
		  4,
		  REASON_OK,
		  LISTING_COMPLETE,
		  3,
		  4 },
		{ "rows missing, totals right",
		  { { .head = PAGE("D"), .body = LIST("", "", "", "5", "70070000") } },
		  1,
		  REASON_EMPTY_CONTRADICTS,
		  LISTING_PARTIAL,
		  0,
		  1 },
		{ "one row of two missing",
		  { { .head = PAGE("D"), .body = LIST(ROW("0000000001", "10"), "", "", "20", "KIOK0460") } },
		  1,
		  REASON_EMPTY_CONTRADICTS,
		  LISTING_PARTIAL,
		  1,
		  1 },
		{ "success without a list",
		  { { .head = PAGE("D"),
		      .body = "{\"rt_cd\":\"0\",\"msg_cd\":\"KIOK0510\",\"msg1\":\"\"}" } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  0,
		  1 },
		{ "a row without a number",
		  { { .head = PAGE("D"), .body = LIST(ROW("", "10"), "", "", "10", "KIOK0460") } },
		  1,
		  REASON_BROKER_SHAPE,
		  LISTING_PARTIAL,
		  0,
		  1 },
		{ "a row with a quantity of letters",
		  { { .head = PAGE("D"), .body = LIST(ROW("0000000001", "ten"), "", "", "10", "KIOK0460") } },
		  1,
		  REASON_BROKER_SHAPE,
		  LISTING_PARTIAL,
		  0,
		  1 },
		{ "a row that is no row",
		  { { .head = PAGE("D"), .body = LIST("5", "", "", "0", "KIOK0460") } },
		  1,
		  REASON_BROKER_PARTIAL,
		  LISTING_PARTIAL,
		  0,
		  1 },
	};

	(void)state;
	listing_cases(cases, ARRAY_COUNT(cases));
}

static char huge[BODY_SIZE_MAX + 4096];
static char deep[256];

static void test_bodies(void **state)
{
	struct listing_case cases[] = {
		{ "500 without a body",
		  { { .head = HEAD_500, .body = "" } },
		  1,
		  REASON_BROKER_HTTP,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "500 with a page of HTML",
		  { { .head = HEAD_500, .body = "<html>bad gateway</html>" } },
		  1,
		  REASON_BROKER_HTTP,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "500 with the pace code",
		  { { .head = HEAD_500, .body = EGW00201 } },
		  1,
		  REASON_BROKER_PACED,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "pace code once",
		  { { .head = HEAD_500, .body = EGW00201 }, { .head = PAGE("D"), .body = ONE } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  2 },
		{ "pace code with 200",
		  { { .head = HEAD_200, .body = EGW00201 }, { .head = PAGE("D"), .body = ONE } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  2 },
		{ "ledger's pace",
		  { { .head = HEAD_500, .body = EGW00215 }, { .head = PAGE("D"), .body = ONE } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  2 },
		{ "token expired is told at once",
		  { { .head = HEAD_500, .body = EGW00123 } },
		  1,
		  REASON_BROKER_TOKEN,
		  LISTING_FAILED,
		  0,
		  1 },
		{ "wrong account is told at once",
		  { { .head = HEAD_200,
		      .body = "{\"rt_cd\":\"2\",\"msg_cd\":\"OPSQ2000\",\"msg1\":\"ERROR : INPUT "
			      "INVALID_CHECK_ACNO 50012345\"}" } },
		  1,
		  REASON_BROKER_REFUSED,
		  LISTING_FAILED,
		  0,
		  1 },
		{ "wrong key for the host",
		  { { .head = HEAD_500,
		      .body = "{\"rt_cd\":\"1\",\"msg_cd\":\"EGW02004\",\"msg1\":\"x\"}" } },
		  1,
		  REASON_BROKER_ENV,
		  LISTING_FAILED,
		  0,
		  1 },
		{ "malformed",
		  { { .head = PAGE("D"), .body = "{\"rt_cd\":\"0\",\"output1\":[{]}" } },
		  1,
		  REASON_BROKER_SHAPE,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "malformed once",
		  { { .head = PAGE("D"), .body = "{\"rt_cd\":\"0\"" }, { .head = PAGE("D"), .body = ONE } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  2 },
		{ "no rt_cd",
		  { { .head = PAGE("D"), .body = "{\"output1\":[]}" } },
		  1,
		  REASON_BROKER_SHAPE,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "success inside a 500",
		  { { .head = HEAD_500, .body = ONE } },
		  1,
		  REASON_BROKER_SHAPE,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "too large",
		  { { .head = PAGE("D"), .body = huge } },
		  1,
		  REASON_BROKER_BODY_SIZE,
		  LISTING_FAILED,
		  0,
		  1 },
		{ "too deep",
		  { { .head = PAGE("D"), .body = deep } },
		  1,
		  REASON_BROKER_BODY_SIZE,
		  LISTING_FAILED,
		  0,
		  1 },
		{ "cut by FIN",
		  { { .head = PAGE("D"), .body = ONE, .promise = 9000, .end = END_FIN } },
		  1,
		  REASON_BROKER_AWAY,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "no answer, FIN", { { .end = END_FIN } }, 1, REASON_BROKER_AWAY, LISTING_FAILED, 0, 3 },
		{ "no answer, reset", { { .end = END_RST } }, 1, REASON_BROKER_AWAY, LISTING_FAILED, 0, 3 },
		{ "no answer once",
		  { { .end = END_RST }, { .head = PAGE("D"), .body = ONE } },
		  2,
		  REASON_OK,
		  LISTING_COMPLETE,
		  1,
		  2 },
		{ "a byte now and then",
		  { { .head = PAGE("D"), .body = ONE, .byte_ms = 300, .end = END_FIN } },
		  1,
		  REASON_BROKER_AWAY,
		  LISTING_FAILED,
		  0,
		  3 },
		{ "redirect is not followed",
		  { { .head = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:9/\r\n", .body = "" } },
		  1,
		  REASON_BROKER_HTTP,
		  LISTING_FAILED,
		  0,
		  3 },
	};

	(void)state;
	memset(huge, ' ', sizeof(huge) - 1);
	memcpy(deep, "{\"a\":", 5);
	memset(deep + 5, '[', 40);
	memset(deep + 45, ']', 40);
	deep[85] = '}';
	listing_cases(cases, ARRAY_COUNT(cases));
}

/* Page after page without end: stopped at the bound, and nothing concluded. */
static void test_page_cap(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	static struct server_step steps[PAGES_MAX + 4];
	static char bodies[PAGES_MAX + 4][2048];
	struct broker_order_list list;

	(void)state;
	for (int i = 0; i < PAGES_MAX + 4; i++) {
		snprintf(bodies[i], sizeof(bodies[i]), LIST(ROW("%010d", "0"), "fk", "%d", "0", "KIOK0500"),
			 i, i + 1);
		steps[i] = (struct server_step){ .head = PAGE("M"), .body = bodies[i] };
	}
	tls_server_play(rig->server, steps, PAGES_MAX + 4);
	assert_int_equal(daily(rig, &list), REASON_BROKER_PARTIAL);
	assert_int_equal(list.state, LISTING_PARTIAL);
	assert_int_equal(list.count, PAGES_MAX);
	assert_int_equal(tls_server_count(rig->server, "GET "), PAGES_MAX);
	/* More rows than the caller has room for. */
	tls_server_play(rig->server, steps, PAGES_MAX + 4);
	list = (struct broker_order_list){ .rows = order_rows, .room = 3 };
	assert_int_equal(kis_daily_orders(rig->kis, (struct kst_day){ 20251217 },
					  (struct kst_day){ 20251217 }, rig_until(rig, 20000), &list),
			 REASON_OVERFLOW);
	assert_int_equal(list.state, LISTING_PARTIAL);
	rig_close(rig);
}

static struct server_step file_step(const char *name, const char *head)
{
	struct server_step step = { .head = head, .body = sample_read(name, NULL) };

	return step;
}

static void step_free(struct server_step *step)
{
	free((void *)(uintptr_t)step->body);
}

static void test_daily_sample(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct server_step step = file_step("daily_ccld_real.json", PAGE("D"));
	struct broker_order_list list;
	const struct broker_order *row = &order_rows[0];
	const char *sent;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(daily(rig, &list), REASON_OK);
	assert_int_equal(list.state, LISTING_COMPLETE);
	assert_int_equal(list.count, 1);
	assert_int_equal(row->day.yyyymmdd, 20251217);
	assert_string_equal(row->odno, "0000085100");
	assert_string_equal(row->orig_odno, "");
	assert_string_equal(row->branch, "03930");
	assert_string_equal(row->symbol, "088350");
	assert_int_equal(row->side, SIDE_BUY);
	assert_int_equal(row->type, TYPE_MARKET);
	assert_int_equal(row->qty, 1);
	assert_int_equal(row->price_won, 0);
	assert_int_equal(row->filled_qty, 1);
	assert_int_equal(row->filled_won, 3145);
	assert_int_equal(row->open_qty, 0);
	assert_string_equal(row->excg, "SOR");
	assert_true(row->by_api);
	assert_false(row->is_cancel || row->is_modify);
	assert_int_equal(row->at.us, kst_wall(row->day, 9 * 3600 + 44 * 60 + 14).us);
	/* What went out: headers and question. */
	sent = rig->server->requests[0].text;
	assert_non_null(strstr(
		sent,
		"GET /uapi/domestic-stock/v1/trading/inquire-daily-ccld?CANO=50012345&ACNT_PRDT_CD=01&"));
	assert_non_null(strstr(sent, "&INQR_STRT_DT=20251217&INQR_END_DT=20251217&"));
	assert_non_null(strstr(sent, "&EXCG_ID_DVSN_CD=ALL&"));
	assert_non_null(strstr(sent, "\r\ntr_id: TTTC0081R\r\n"));
	assert_non_null(strstr(sent, "\r\nauthorization: Bearer test.token.value\r\n"));
	assert_non_null(strstr(sent, "\r\ncusttype: P\r\n"));
	assert_non_null(strstr(sent, "\r\ntr_cont:\r\n"));
	assert_null(strcasestr(sent, "expect:"));
	assert_int_equal(rig->told_count, 1);
	assert_string_equal(rig->told[0].call, "daily-ccld");
	assert_string_equal(rig->told[0].msg_cd, "KIOK0460");
	assert_int_equal(rig->told[0].http, 200);
	step_free(&step);
	rig_close(rig);
}

/* The second page is asked for with the cursors of the first, as they came, padding included. */
static void test_cursor_sent_back(void **state)
{
	static const struct server_step steps[] = {
		{ .head = PAGE("M"),
		  .body = LIST(ROW("0000000001", "0"), "50012345!^01!^  ", "N^1 ", "0", "KIOK0500") },
		P2D,
	};
	struct rig *rig = rig_open(KIS_REAL);
	struct broker_order_list list;

	(void)state;
	tls_server_play(rig->server, steps, 2);
	assert_int_equal(daily(rig, &list), REASON_OK);
	assert_non_null(
		strstr(rig->server->requests[1].text,
		       "&CTX_AREA_FK100=50012345%21%5E01%21%5E%20%20&CTX_AREA_NK100=N%5E1%20 HTTP/1.1"));
	assert_non_null(strstr(rig->server->requests[1].text, "\r\ntr_cont: N\r\n"));
	assert_int_equal(rig->server->requests[0].connection, rig->server->requests[1].connection);
	rig_close(rig);
}

static void test_changes_and_paper(void **state)
{
#define CHANGE(odno, orig, name, filled, open)                                                               \
	"{\"ord_dt\":\"20260805\",\"odno\":\"" odno "\",\"orgn_odno\":\"" orig                               \
	"\",\"sll_buy_dvsn_cd\":\"02\",\"sll_buy_dvsn_cd_name\":\"" name                                     \
	"\",\"pdno\":\"A032820\",\"ord_qty\":\"5\",\"ord_unpr\":\"0\",\"ord_tmd\":\"090822\",\"tot_ccld_"    \
	"qty\":\"" filled "\",\"tot_ccld_amt\":\"" filled "\",\"rmn_qty\":\"" open                           \
	"\",\"cncl_yn\":\"N\",\"rjct_qty\":\"0\"}"
	static const struct server_step step = {
		.head = PAGE("D"),
		.body = LIST(
			CHANGE("0000004787", "0000000000", "현금매수", "0", "5") "," CHANGE(
				"4788", "0000004787", "매수취소", "0",
				"0") "," CHANGE("    4789", "0000004787", "매수정정*", "0",
						"0") "," CHANGE("4790", "4787", "", "0",
								"2") "," CHANGE("4791", "4787", "", "0", "0"),
			"", "", "0", "20310000"),
	};
	struct rig *rig = rig_open(KIS_PAPER);
	struct broker_order_list list = { .rows = order_rows, .room = ROOM };

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(daily(rig, &list), REASON_OK);
	assert_int_equal(list.count, 5);
	assert_string_equal(order_rows[0].orig_odno, "");
	assert_string_equal(order_rows[0].symbol, "032820");
	assert_string_equal(order_rows[0].excg, "KRX");
	assert_true(order_rows[1].is_cancel && !order_rows[1].is_modify);
	assert_string_equal(order_rows[1].odno, "0000004788");
	assert_string_equal(order_rows[1].orig_odno, "0000004787");
	assert_true(order_rows[2].is_modify);
	assert_string_equal(order_rows[2].odno, "0000004789");
	assert_true(order_rows[3].is_modify); /* it still rests */
	assert_true(order_rows[4].is_cancel);
	assert_non_null(strstr(rig->server->requests[0].text, "\r\ntr_id: VTTC0081R\r\n"));
	assert_non_null(strstr(rig->server->requests[0].text, "&EXCG_ID_DVSN_CD=KRX&"));
	/* Open orders are not offered on paper: sifted from the daily list, never "none". */
	tls_server_play(rig->server, &step, 1);
	list = (struct broker_order_list){ .rows = order_rows, .room = ROOM };
	assert_int_equal(kis_open_orders(rig->kis, rig_until(rig, 20000), &list), REASON_OK);
	assert_int_equal(list.state, LISTING_COMPLETE);
	assert_int_equal(list.count, 2);
	assert_string_equal(order_rows[0].odno, "0000004787");
	assert_string_equal(order_rows[1].odno, "0000004790");
	rig_close(rig);
}

static void test_open_orders(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct server_step step = file_step("psbl_rvsecncl_real.json", PAGE(""));
	struct broker_order_list list = { .rows = order_rows, .room = ROOM };

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_open_orders(rig->kis, rig_until(rig, 20000), &list), REASON_OK);
	assert_int_equal(list.state, LISTING_COMPLETE);
	assert_int_equal(list.count, 2);
	assert_string_equal(order_rows[0].odno, "0000457500");
	assert_string_equal(order_rows[0].branch, "03930");
	assert_int_equal(order_rows[0].open_qty, 1);
	assert_int_equal(order_rows[0].price_won, 2900);
	assert_int_equal(order_rows[0].type, TYPE_LIMIT);
	assert_int_equal(order_rows[1].at.us, kst_wall(order_rows[1].day, 15 * 3600 + 18 * 60 + 49).us);
	step_free(&step);
	rig_close(rig);
}

static struct broker_holding holdings[ROOM];

static void test_balance(void **state)
{
#define SUMMARY(stock)                                                                                       \
	"\"output2\":[{\"dnca_tot_amt\":\"100\",\"nxdy_excc_amt\":\"90\",\"prvs_rcdl_excc_amt\":\"80\","     \
	"\"thdt_buy_amt\":\"5\","                                                                            \
	"\"thdt_sll_amt\":\"6\",\"thdt_tlex_amt\":\"1\",\"scts_evlu_amt\":\"" stock                          \
	"\",\"tot_evlu_amt\":\"80\","                                                                        \
	"\"pchs_amt_smtl_amt\":\"" stock "\",\"evlu_amt_smtl_amt\":\"" stock                                 \
	"\"}],\"rt_cd\":\"0\",\"msg_cd\":\"20310000\"}"
	static const struct {
		const char *name, *body;
		enum reason want;
		enum listing_state want_state;
	} cases[] = {
		{ "no holdings, totals of zero", "{\"output1\":[]," SUMMARY("0"), REASON_OK,
		  LISTING_COMPLETE },
		{ "no holdings, totals", "{\"output1\":[]," SUMMARY("7"), REASON_EMPTY_CONTRADICTS,
		  LISTING_PARTIAL },
		{ "no summary", "{\"output1\":[],\"output2\":[],\"rt_cd\":\"0\",\"msg_cd\":\"20310000\"}",
		  REASON_BROKER_SHAPE, LISTING_PARTIAL },
		{ "summary without cash",
		  "{\"output1\":[],\"output2\":[{\"dnca_tot_amt\":\"\"}],\"rt_cd\":\"0\",\"msg_cd\":\"\"}",
		  REASON_BROKER_SHAPE, LISTING_PARTIAL },
		{ "no list", "{" SUMMARY("0"), REASON_BROKER_PARTIAL, LISTING_PARTIAL },
	};
	struct rig *rig = rig_open(KIS_PAPER);
	struct server_step step = file_step("balance_paper.json", PAGE("D"));
	struct broker_balance balance = { .rows = holdings, .room = ROOM };

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_balance(rig->kis, rig_until(rig, 20000), &balance), REASON_OK);
	assert_int_equal(balance.state, LISTING_COMPLETE);
	assert_int_equal(balance.count, 2);
	assert_string_equal(holdings[0].symbol, "000660");
	assert_string_equal(holdings[0].name, "SK하이닉스");
	assert_int_equal(holdings[1].qty, 35);
	assert_int_equal(holdings[1].sellable_qty, 35);
	assert_int_equal(holdings[1].cost_won, 156875);
	assert_int_equal(holdings[1].price_won, 4290);
	assert_int_equal(holdings[1].value_won, 150150);
	assert_int_equal(balance.cash_d0_won, 9644485);
	assert_int_equal(balance.cash_d2_won, 9644485);
	assert_int_equal(balance.stock_value_won, 365650);
	assert_int_equal(balance.total_value_won, 10010135);
	assert_non_null(strstr(rig->server->requests[0].text, "&PRCS_DVSN=00&"));
	assert_non_null(strstr(rig->server->requests[0].text, "tr_id: VTTC8434R"));
	step_free(&step);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct server_step one = { .head = PAGE("D"), .body = cases[i].body };
		enum reason why;

		tls_server_play(rig->server, &one, 1);
		balance = (struct broker_balance){ .rows = holdings, .room = ROOM };
		why = kis_balance(rig->kis, rig_until(rig, 20000), &balance);
		if (why != cases[i].want || balance.state != cases[i].want_state)
			fail_msg("%s: %s, state %d", cases[i].name, reason_code(why), (int)balance.state);
	}
	rig_close(rig);
}

static void test_other_reads(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct server_step price = file_step("inquire_price_real.json", HEAD_200);
	struct server_step buyable = file_step("psbl_order_doc_example.json", HEAD_200);
	struct server_step reserved = file_step("order_resv_ccnl_doc_example.json", PAGE("D"));
	static const struct server_step unknown = {
		.head = HEAD_200,
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"MCA00000\",\"output\":{\"stck_prpr\":\"0\"}}"
	};
	static const struct server_step many = {
		.head = HEAD_200,
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"MCA00000\",\"output\":[{\"inter_shrn_iscd\":"
			"\"000660\",\"inter2_prpr\":\"124500\","
			"\"inter2_sdpr\":\"118500\",\"inter2_prdy_clpr\":\"118500\",\"acml_vol\":\"5\","
			"\"mrkt_trtm_cls_name\":\"거래정지\"},"
			"{\"inter_shrn_iscd\":\"\",\"inter2_prpr\":\"\"}]}",
	};
	static const struct server_step index = {
		.head = HEAD_200,
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"MCA00000\",\"output\":{\"bstp_nmix_prdy_ctrt\":\"2."
			"45\",\"prdy_vrss_sign\":\"5\"}}",
	};
	static const struct server_step holidays = {
		.head = PAGE("M"),
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"KIOK0500\",\"output\":[{\"bass_dt\":\"20210101\","
			"\"bzdy_yn\":\"Y\",\"opnd_yn\":\"N\"},"
			"{\"bass_dt\":\"20210102\",\"opnd_yn\":\"N\"},{\"bass_dt\":\"20210103\",\"opnd_yn\":"
			"\"N\"},"
			"{\"bass_dt\":\"20210104\",\"opnd_yn\":\"Y\"}]}",
	};
	static const struct server_step gap = {
		.head = PAGE("M"),
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"KIOK0500\",\"output\":[{\"bass_dt\":\"20210101\","
			"\"opnd_yn\":\"N\"},"
			"{\"bass_dt\":\"20210103\",\"opnd_yn\":\"N\"}]}",
	};
	/* The documents call the output an object; then it can hold the day asked for alone. */
	static const struct server_step one_day = {
		.head = PAGE("M"),
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"KIOK0500\",\"output\":{\"bass_dt\":\"20210104\","
			"\"opnd_yn\":\"Y\"}}",
	};
	static const struct server_step no_day = {
		.head = PAGE("M"),
		.body = "{\"rt_cd\":\"0\",\"msg_cd\":\"KIOK0500\",\"output\":{}}",
	};
	struct kis_price one;
	struct kis_buyable cash;
	struct broker_reservation rsv[8] = { 0 };
	struct broker_reservation_list list = { .rows = rsv, .room = 8 };
	static const char symbols[2][SYMBOL_SIZE] = { "005930", "000660" };
	struct kis_price two[2];
	struct kis_holiday days[24];
	int64_t move_bp = 0;
	int count = -1;
	struct wall until = rig_until(rig, 20000);

	(void)state;
	tls_server_play(rig->server, &price, 1);
	assert_int_equal(kis_price(rig->kis, "005930", until, &one), REASON_OK);
	assert_true(one.known && !one.halted && !one.vi);
	assert_int_equal(one.last_won, 77600);
	assert_int_equal(one.base_won, 76500);
	assert_int_equal(one.previous_close_won, 76500);
	assert_int_equal(one.high_limit_won, 99400);
	assert_int_equal(one.low_limit_won, 53600);
	assert_int_equal(one.open_won, 76900);
	assert_int_equal(one.volume_qty, 5906709);
	tls_server_play(rig->server, &unknown, 1);
	assert_int_equal(kis_price(rig->kis, "999999", until, &one), REASON_OK);
	assert_false(one.known);
	tls_server_play(rig->server, &many, 1);
	assert_int_equal(kis_prices(rig->kis, symbols, 2, until, two), REASON_OK);
	assert_false(two[0].known);
	assert_true(two[1].known && two[1].halted);
	assert_int_equal(two[1].last_won, 124500);
	assert_int_equal(two[1].base_won, 118500);
	assert_non_null(strstr(rig->server->requests[0].text, "&FID_INPUT_ISCD_2=000660 "));
	tls_server_play(rig->server, &buyable, 1);
	assert_int_equal(kis_buyable(rig->kis, NULL, 0, until, &cash), REASON_OK);
	assert_int_equal(cash.cash_won, 741191178);
	assert_int_equal(cash.buy_won, 107177377); /* never the columns with credit */
	assert_int_equal(cash.buy_qty, 1531);
	tls_server_play(rig->server, &reserved, 1);
	assert_int_equal(kis_reservations(rig->kis, (struct kst_day){ 20220501 },
					  (struct kst_day){ 20220601 }, until, &list),
			 REASON_OK);
	assert_int_equal(list.state, LISTING_COMPLETE);
	assert_true(list.offered);
	assert_int_equal(list.count, 3);
	assert_string_equal(rsv[0].seq, "42401");
	assert_int_equal(rsv[0].price_won, 6000);
	assert_int_equal(rsv[0].order_day.yyyymmdd, 20220523);
	assert_int_equal(rsv[1].end_day.yyyymmdd, 0);
	assert_false(rsv[0].converted || rsv[0].cancelled);
	tls_server_play(rig->server, &index, 1);
	assert_int_equal(kis_index_move(rig->kis, until, &move_bp), REASON_OK);
	assert_int_equal(move_bp, -245);
	tls_server_play(rig->server, &holidays, 1);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210101 }, until, days, 24, &count),
			 REASON_OK);
	assert_int_equal(count, 4);
	assert_false(days[0].open);
	assert_true(days[3].open);
	assert_int_equal(days[3].day.yyyymmdd, 20210104);
	tls_server_play(rig->server, &gap, 1);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210101 }, until, days, 24, &count),
			 REASON_BROKER_SHAPE);
	tls_server_play(rig->server, &one_day, 1);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210104 }, until, days, 24, &count),
			 REASON_OK);
	assert_int_equal(count, 1);
	assert_true(days[0].open);
	tls_server_play(rig->server, &one_day, 1);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210103 }, until, days, 24, &count),
			 REASON_BROKER_SHAPE);
	tls_server_play(rig->server, &no_day, 1);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210104 }, until, days, 24, &count),
			 REASON_BROKER_SHAPE);
	/* Paper: what is not offered is said, not made up. */
	assert_int_equal(rig_kis(rig, KIS_PAPER), REASON_OK);
	tls_server_play(rig->server, &index, 1);
	assert_int_equal(kis_index_move(rig->kis, until, &move_bp), REASON_BROKER_UNSUPPORTED);
	assert_int_equal(kis_holidays(rig->kis, (struct kst_day){ 20210101 }, until, days, 24, &count),
			 REASON_BROKER_UNSUPPORTED);
	assert_int_equal(kis_reservations(rig->kis, (struct kst_day){ 20220501 },
					  (struct kst_day){ 20220601 }, until, &list),
			 REASON_OK);
	assert_int_equal(list.state, LISTING_COMPLETE);
	assert_false(list.offered);
	assert_int_equal(list.count, 0);
	assert_int_equal(tls_server_count(rig->server, "GET "), 0);
	step_free(&price);
	step_free(&buyable);
	step_free(&reserved);
	rig_close(rig);
}

static void test_bars(void **state)
{
#define BAR(day, close)                                                                                      \
	"{\"stck_bsop_date\":\"" day "\",\"stck_clpr\":\"" close "\",\"stck_oprc\":\"" close                 \
	"\",\"stck_hgpr\":\"" close "\",\"stck_lwpr\":\"" close "\",\"acml_vol\":\"100\"}"
#define BARS(rows) "{\"rt_cd\":\"0\",\"msg_cd\":\"MCA00000\",\"output1\":{},\"output2\":[" rows "]}"
	static const struct server_step steps[] = {
		{ .head = HEAD_200,
		  .body = BARS(BAR("20201230", "81000") "," BAR("20201229",
								"78300") ",{},{\"stck_bsop_date\":\"\"}") },
		{ .head = HEAD_200, .body = BARS(BAR("20200701", "52600")) },
		{ .head = HEAD_200, .body = BARS("") },
	};
	static const struct server_step wrong_order = {
		.head = HEAD_200, .body = BARS(BAR("20201229", "1") "," BAR("20201230", "1"))
	};
	struct rig *rig = rig_open(KIS_REAL);
	struct day_bar rows[10];
	int count = -1;

	(void)state;
	tls_server_play(rig->server, steps, 3);
	assert_int_equal(kis_day_bars(rig->kis, "005930", (struct kst_day){ 20201230 }, rig_until(rig, 20000),
				      rows, 10, &count),
			 REASON_OK);
	assert_int_equal(count, 3);
	assert_int_equal(rows[0].day.yyyymmdd, 20201230);
	assert_int_equal(rows[0].close_won, 81000);
	assert_int_equal(rows[2].day.yyyymmdd, 20200701);
	assert_int_equal(tls_server_count(rig->server, "GET "), 3);
	assert_non_null(strstr(rig->server->requests[0].text,
			       "FID_INPUT_DATE_1=20200813&FID_INPUT_DATE_2=20201230&"));
	assert_non_null(strstr(rig->server->requests[1].text, "&FID_INPUT_DATE_2=20200812&"));
	/* Room for one: one call, one bar. */
	tls_server_play(rig->server, steps, 3);
	assert_int_equal(kis_day_bars(rig->kis, "005930", (struct kst_day){ 20201230 }, rig_until(rig, 20000),
				      rows, 1, &count),
			 REASON_OK);
	assert_int_equal(count, 1);
	tls_server_play(rig->server, &wrong_order, 1);
	assert_int_equal(kis_day_bars(rig->kis, "005930", (struct kst_day){ 20201230 }, rig_until(rig, 20000),
				      rows, 10, &count),
			 REASON_BROKER_SHAPE);
	rig_close(rig);
}

static void test_login(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct server_step token = file_step("auth_tokenP_success.json", HEAD_200);
	struct server_step wait = file_step("auth_tokenP_error_EGW00133_http403.json", HEAD_403);
	struct server_step approval = file_step("auth_approval_success.json", HEAD_200);
	static const struct {
		const char *name, *head, *body;
		enum reason want;
	} cases[] = {
		{ "wrong key", HEAD_403, "{\"error_code\":\"EGW00103\",\"error_description\":\"x\"}",
		  REASON_BROKER_LOGIN },
		{ "wrong key in another envelope", HEAD_500,
		  "{\"rt_cd\":\"1\",\"msg_cd\":\"EGW00105\",\"msg1\":\"x\"}", REASON_BROKER_LOGIN },
		{ "a code nobody knows", HEAD_403,
		  "{\"error_code\":\"EGW00999\",\"error_description\":\"x\"}", REASON_BROKER_LOGIN },
		{ "403 without a code", HEAD_403, "{}", REASON_BROKER_TOKEN_WAIT },
		{ "403 without a body", HEAD_403, "", REASON_BROKER_TOKEN_WAIT },
		{ "500 without a body", HEAD_500, "", REASON_BROKER_HTTP },
		{ "no token", HEAD_200, "{\"expires_in\":86400}", REASON_BROKER_SHAPE },
		{ "token that would break a header", HEAD_200,
		  "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":86400}", REASON_BROKER_SHAPE },
		{ "token without a life", HEAD_200, "{\"access_token\":\"abc\"}", REASON_BROKER_SHAPE },
		{ "token with a life of 0", HEAD_200, "{\"access_token\":\"abc\",\"expires_in\":0}",
		  REASON_BROKER_SHAPE },
	};
	struct kis_login login = { 0 };
	char key[KIS_APPROVAL_SIZE] = "";
	struct wall want, until = rig_until(rig, 20000);

	(void)state;
	tls_server_play(rig->server, &token, 1);
	assert_int_equal(kis_token(rig->kis, until, &login), REASON_OK);
	assert_string_equal(login.token, "FAKE.ACCESS.TOKEN");
	assert_true(kst_wall_parse("2026-01-02 09:00:00", &want));
	/* The shorter of "86400 s" and the instant told. */
	if (want.us > clock_wall(rig->clock).us + 86400 * US_PER_S)
		want.us = clock_wall(rig->clock).us + 86400 * US_PER_S;
	assert_true(login.token_expires.us <= want.us && login.token_expires.us > want.us - 20 * US_PER_S);
	assert_non_null(strstr(rig->server->requests[0].text, "POST /oauth2/tokenP HTTP/1.1\r\n"));
	assert_non_null(strstr(rig->server->requests[0].text, "\"appsecret\":\"testsecret/"));
	assert_null(strstr(rig->server->requests[0].text, "authorization:"));
	tls_server_play(rig->server, &wait, 1);
	assert_int_equal(kis_token(rig->kis, until, &login), REASON_BROKER_TOKEN_WAIT);
	assert_string_equal(login.token, "FAKE.ACCESS.TOKEN"); /* untouched: the held token stays good */
	tls_server_play(rig->server, &approval, 1);
	assert_int_equal(kis_approval(rig->kis, until, key), REASON_OK);
	assert_string_equal(key, "00000000-0000-0000-0000-000000000000");
	assert_non_null(strstr(rig->server->requests[0].text, "\"secretkey\":\"testsecret/"));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct server_step one = { .head = cases[i].head, .body = cases[i].body };
		enum reason why;

		tls_server_play(rig->server, &one, 1);
		why = kis_token(rig->kis, until, &login);
		if (why != cases[i].want)
			fail_msg("%s: %s, want %s", cases[i].name, reason_code(why),
				 reason_code(cases[i].want));
		assert_int_equal(tls_server_count(rig->server, "POST "), 1); /* one attempt, always */
		assert_null(strstr(reason_detail(), rig->keys.appkey));
		assert_null(strstr(reason_detail(), "testsecret"));
	}
	step_free(&token);
	step_free(&wait);
	step_free(&approval);
	rig_close(rig);
}

/* Host, prefix and environment; the certificate; the deadline. */
static void test_guards(void **state)
{
	static const char *const rests[] = {
		"https://openapi.koreainvestment.com:9443",
		"https://127.0.0.1",
		"https://127.0.0.1:0",
		"https://127.0.0.1:70000",
		"http://127.0.0.1:9443",
		"https://127.0.0.1:9443/path",
		"https://127.0.0.2:9443",
		"https://127.0.0.1:9443@example.org",
	};
	static const struct server_step step = { .head = PAGE("D"), .body = ONE };
	struct rig *rig = rig_open(KIS_REAL);
	struct broker_order_list list;
	char good[64], other[128], same[128], command[300];
	struct tls_server *stranger;
	struct server_step slow = { .head = PAGE("D"), .body = ONE, .wait_ms = 700 };
	struct wall asked;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	snprintf(good, sizeof(good), "https://127.0.0.1:%u", rig->server->port);
	for (size_t i = 0; i < ARRAY_COUNT(rests); i++) {
		assert_int_equal(rig_conf(rig, "", rests[i]), REASON_OK);
		assert_int_equal(rig_kis(rig, KIS_REAL), REASON_BROKER_ENV);
	}
	assert_int_equal(rig_conf(rig, "", good), REASON_OK);
	assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
	/* No token: nothing leaves. */
	rig->login.token[0] = '\0';
	assert_int_equal(daily(rig, &list), REASON_BROKER_TOKEN);
	assert_int_equal(tls_server_count(rig->server, "GET "), 0);
	snprintf(rig->login.token, sizeof(rig->login.token), "t");
	/* A deadline shorter than the answer, on the real clock. */
	tls_server_play(rig->server, &slow, 1);
	list = (struct broker_order_list){ .rows = order_rows, .room = ROOM };
	asked = clock_wall(rig->clock);
	assert_int_equal(kis_daily_orders(rig->kis, (struct kst_day){ 20251217 },
					  (struct kst_day){ 20251217 }, rig_until(rig, 300), &list),
			 REASON_BROKER_AWAY);
	assert_int_equal(list.state, LISTING_FAILED);
	assert_true(wall_diff_us(clock_wall(rig->clock), asked) < 650000);
	assert_int_equal(daily(rig, &list), REASON_OK);
	/* Another server's certificate is not ours: same address, other key. */
	snprintf(other, sizeof(other), "%s/other", rig->folder);
	assert_int_equal(mkdir(other, 0700), 0);
	stranger = tls_server_start(other);
	tls_server_play(stranger, &step, 1);
	snprintf(same, sizeof(same), "https://127.0.0.1:%u", stranger->port);
	assert_int_equal(rig_conf(rig, "", same), REASON_OK);
	assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
	assert_int_equal(daily(rig, &list), REASON_BROKER_TLS);
	assert_int_equal(tls_server_count(stranger, "GET "), 0);
	tls_server_stop(stranger);
	/* Nobody there any more. */
	assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
	assert_int_equal(daily(rig, &list), REASON_BROKER_AWAY);
	snprintf(command, sizeof(command), "rm -rf %s", other);
	assert_int_equal(system(command), 0);
	rig_close(rig);
}

static void test_skew_and_warm(void **state)
{
	static const struct server_step steps[] = {
		{ .head = "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", .body = "{}" },
		{ .head = PAGE("D"), .body = ONE },
	};
	struct rig *rig = rig_open(KIS_REAL);
	struct broker_order_list list;
	int64_t skew_us = 0;

	(void)state;
	assert_false(kis_skew_us(rig->kis, &skew_us));
	tls_server_play(rig->server, steps, 2);
	assert_int_equal(kis_warm(rig->kis), REASON_OK);
	assert_true(kis_skew_us(rig->kis, &skew_us));
	assert_true(skew_us < -(INT64_C(784111777) * US_PER_S) / 2);
	assert_true(llabs(skew_us + clock_wall(rig->clock).us - INT64_C(784111777) * US_PER_S) <
		    5 * US_PER_S);
	assert_null(strstr(rig->server->requests[0].text, "appkey"));
	assert_int_equal(daily(rig, &list), REASON_OK);
	assert_int_equal(rig->server->requests[1].connection, rig->server->requests[0].connection);
	rig_close(rig);
}

static void test_fingerprint(void **state)
{
	char a[17], b[17];

	(void)state;
	kis_fingerprint(KIS_REAL, "PSTESTAPPKEY", a);
	kis_fingerprint(KIS_PAPER, "PSTESTAPPKEY", b);
	assert_int_equal(strlen(a), 16);
	assert_string_not_equal(a, b);
	kis_fingerprint(KIS_REAL, "PSTESTAPPKEZ", b);
	assert_string_not_equal(a, b);
	kis_fingerprint(KIS_REAL, "PSTESTAPPKEY", b);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_page_cap),
		cmocka_unit_test(test_daily_sample),
		cmocka_unit_test(test_cursor_sent_back),
		cmocka_unit_test(test_changes_and_paper),
		cmocka_unit_test(test_open_orders),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_other_reads),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_skew_and_warm),
		cmocka_unit_test(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
