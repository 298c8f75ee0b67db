#include "tests/shared/kis/rig.h"

#include <curl/curl.h>
#include <sys/wait.h>

#include "shared/base/bug.h"

#define ACCEPTED                                                                                                   \
	"{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\",\"msg1\":\"주문 전송 완료 되었습니다.\",\"output\":{" \
	"\"KRX_FWDG_ORD_ORGNO\":\"91252\",\"ODNO\":\"0000117057\",\"ORD_TMD\":\"121052\"}}"
#define MARK_MS 1000

static struct kis_order_ticket ticket_buy(void)
{
	struct kis_order_ticket ticket = {
		.intent_id = 7,
		.kind = INTENT_NEW,
		.side = SIDE_BUY,
		.type = TYPE_LIMIT,
		.symbol = "005930",
		.qty = 10,
		.price_won = 81000,
		.excg = "KRX",
		.marked = clock_real_mono(),
	};

	return ticket;
}

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * count;
}

/*
 * The thing this file exists for. The server answers one request, so that the connection is kept; then it reads the
 * whole order and ends the connection without a word. libcurl left to itself sends the order a second time and calls
 * that success.
 */
static void test_silent_resend(void **state)
{
	static const enum step_end ends[] = { END_FIN, END_RST, END_NOTIFY };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		const struct server_step steps[] = {
			{ .head = HEAD_200, .body = "{}" },
			{ .end = ends[i] },
			{ .head = HEAD_200, .body = ACCEPTED },
		};
		struct rig *rig = rig_open(KIS_REAL);
		struct kis_order_ticket ticket;
		struct kis_order_result result;
		char url[128];
		CURL *easy = curl_easy_init();

		/* libcurl alone: two orders, and no error. */
		tls_server_play(rig->server, steps, 3);
		assert_non_null(easy);
		snprintf(url, sizeof(url), "https://127.0.0.1:%u/", rig->server->port);
		curl_easy_setopt(easy, CURLOPT_URL, url);
		curl_easy_setopt(easy, CURLOPT_CAINFO, rig->server->ca_path);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
		assert_int_equal(curl_easy_perform(easy), CURLE_OK);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"ORD_QTY\":\"10\"}");
		assert_int_equal(curl_easy_perform(easy), CURLE_OK);
		assert_int_equal(tls_server_count(rig->server, "POST "), 2);
		assert_non_null(strstr(rig->server->requests[1].text, "{\"ORD_QTY\":\"10\"}"));
		assert_non_null(strstr(rig->server->requests[2].text, "{\"ORD_QTY\":\"10\"}"));
		curl_easy_cleanup(easy);

		/* kis_post_once: one order, and doubt. */
		tls_server_play(rig->server, steps, 3);
		assert_int_equal(kis_warm(rig->kis), REASON_OK);
		ticket = ticket_buy();
		assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_BROKER_DOUBT);
		assert_int_equal(result.fate, FATE_DOUBT);
		assert_string_equal(result.odno, "");
		assert_int_equal(tls_server_count(rig->server, "POST "), 1);
		assert_int_equal(rig->server->requests[1].connection, rig->server->requests[0].connection);
		assert_non_null(strstr(rig->server->requests[1].text, "\"ORD_QTY\":\"10\""));
		assert_true(ticket.spent);
		/* Nor afterwards: a spent ticket sends nothing, and the connection is not haunted by it. */
		assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_INTERNAL);
		assert_int_equal(result.fate, FATE_DOUBT);
		assert_int_equal(kis_warm(rig->kis), REASON_OK);
		assert_int_equal(tls_server_count(rig->server, "POST "), 1);
		/* The next order, of its own ticket, goes through on a new connection. */
		ticket = ticket_buy();
		assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_OK);
		assert_int_equal(result.fate, FATE_ACCEPTED);
		assert_int_equal(tls_server_count(rig->server, "POST "), 2);
		rig_close(rig);
	}
}

struct fate_case {
	const char *name;
	struct server_step step;
	enum kis_order_fate want;
	enum reason want_why;
};

#define BODY(head_, body_)                                                                                   \
	{                                                                                                    \
		.head = head_, .body = body_                                                                 \
	}
#define REFUSAL(rt, code) "{\"rt_cd\":\"" rt "\",\"msg_cd\":\"" code "\",\"msg1\":\"no\"}"
#define NUMBER(odno)                                                                                         \
	"{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\",\"msg1\":\"ok\",\"output\":{\"ODNO\":\"" odno "\"}}"

static void test_fates(void **state)
{
	static const struct fate_case cases[] = {
		{ "accepted", BODY(HEAD_200, ACCEPTED), FATE_ACCEPTED, REASON_OK },
		{ "accepted, lower case",
		  BODY(HEAD_200,
		       "{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\",\"output\":{\"odno\":\"0000117057\"}}"),
		  FATE_ACCEPTED, REASON_OK },
		{ "success without a number",
		  BODY(HEAD_200, "{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\",\"msg1\":\"ok\"}"), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "success with a blank number", BODY(HEAD_200, NUMBER("   ")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "success with number 0", BODY(HEAD_200, NUMBER("0000000000")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "success with letters for a number", BODY(HEAD_200, NUMBER("12A")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "success inside a 500", BODY(HEAD_500, ACCEPTED), FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "no cash", BODY(HEAD_200, REFUSAL("7", "APBK0952")), FATE_REFUSED, REASON_BROKER_REFUSED },
		{ "no cash inside a 500", BODY(HEAD_500, REFUSAL("7", "APBK0952")), FATE_REFUSED,
		  REASON_BROKER_REFUSED },
		{ "paper: off the grid", BODY(HEAD_200, REFUSAL("1", "40030000")), FATE_REFUSED,
		  REASON_BROKER_REFUSED },
		{ "gateway's pace", BODY(HEAD_500, EGW00201), FATE_REFUSED, REASON_BROKER_PACED },
		{ "token expired", BODY(HEAD_500, EGW00123), FATE_REFUSED, REASON_BROKER_TOKEN },
		{ "token invalid", BODY(HEAD_200, REFUSAL("1", "EGW00121")), FATE_REFUSED,
		  REASON_BROKER_TOKEN },
		{ "ledger's pace is doubt", BODY(HEAD_500, EGW00215), FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "time-out behind the gateway", BODY(HEAD_500, REFUSAL("1", "EGW00301")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "code nobody knows", BODY(HEAD_200, REFUSAL("7", "APBK1943")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "known code, unknown envelope", BODY(HEAD_200, REFUSAL("9", "APBK0952")), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "refusal without rt_cd", BODY(HEAD_200, "{\"msg_cd\":\"EGW00201\"}"), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "refusal with a number",
		  BODY(HEAD_200,
		       "{\"rt_cd\":\"7\",\"msg_cd\":\"APBK0952\",\"output\":{\"ODNO\":\"0000117057\"}}"),
		  FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "500 without a body", BODY(HEAD_500, ""), FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "500 with HTML", BODY(HEAD_500, "<html></html>"), FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "malformed", BODY(HEAD_200, "{\"rt_cd\":\"0\",\"output\":{\"ODNO\":\"00001"), FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "refusal cut off",
		  { .head = HEAD_500, .body = EGW00201, .promise = 4000, .end = END_FIN },
		  FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "no answer, FIN", { .end = END_FIN }, FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "no answer, reset", { .end = END_RST }, FATE_DOUBT, REASON_BROKER_DOUBT },
		{ "no answer in time",
		  { .head = HEAD_200, .body = ACCEPTED, .wait_ms = 900 },
		  FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "answer too slow",
		  { .head = HEAD_200, .body = ACCEPTED, .byte_ms = 50 },
		  FATE_DOUBT,
		  REASON_BROKER_DOUBT },
		{ "redirect", BODY("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\n", ""),
		  FATE_DOUBT, REASON_BROKER_DOUBT },
	};
	struct rig *rig = rig_open_with(KIS_REAL, "order_ms = 600\n");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct kis_order_ticket ticket = ticket_buy();
		struct kis_order_result result;
		enum reason why;
		int told_before = rig->told_count;

		tls_server_play(rig->server, &cases[i].step, 1);
		assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
		ticket.marked = clock_real_mono();
		why = kis_post_once(rig->kis, &ticket, 5000, &result);
		if (result.fate != cases[i].want || why != cases[i].want_why)
			fail_msg("%s: fate %d, %s (%s); want %d, %s", cases[i].name, (int)result.fate,
				 reason_code(why), reason_detail(), (int)cases[i].want,
				 reason_code(cases[i].want_why));
		assert_int_equal(tls_server_count(rig->server, "POST "), 1); /* whatever happened: once */
		assert_true((result.odno[0] != '\0') == (why == REASON_OK) || result.fate == FATE_DOUBT);
		assert_int_equal(rig->told_count, told_before + 1);
		assert_string_equal(rig->told[told_before].call, "POST order-cash");
	}
	rig_close(rig);
}

static void test_acceptance_read(void **state)
{
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED };
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_ticket ticket = ticket_buy();
	struct kis_order_result result;
	const char *sent;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_OK);
	assert_string_equal(result.odno, "0000117057");
	assert_string_equal(result.branch, "91252");
	assert_string_equal(result.time_text, "121052");
	assert_string_equal(result.msg_cd, "APBK0013");
	assert_string_equal(result.msg, "주문 전송 완료 되었습니다.");
	assert_string_equal(result.excerpt, ACCEPTED);
	assert_int_equal(result.http_status, 200);
	assert_true(result.wire_us > 0);
	sent = rig->server->requests[0].text;
	assert_non_null(strstr(sent, "POST /uapi/domestic-stock/v1/trading/order-cash HTTP/1.1\r\n"));
	assert_non_null(strstr(sent, "\r\ntr_id: TTTC0012U\r\n"));
	assert_null(strcasestr(sent, "\r\nexpect:"));
	assert_non_null(strstr(sent,
			       "\r\n\r\n{\"CANO\":\"50012345\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\","
			       "\"ORD_DVSN\":\"00\",\"ORD_QTY\":\"10\",\"ORD_UNPR\":\"81000\",\"EXCG_ID_DVSN_"
			       "CD\":\"KRX\"}"));
	/* A market sell on paper, and a cancel. */
	assert_int_equal(rig_kis(rig, KIS_PAPER), REASON_OK);
	ticket = ticket_buy();
	ticket.side = SIDE_SELL;
	ticket.type = TYPE_MARKET;
	ticket.price_won = 0;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_OK);
	sent = rig->server->requests[0].text;
	assert_non_null(strstr(sent, "\r\ntr_id: VTTC0011U\r\n"));
	assert_non_null(strstr(sent, "\"ORD_DVSN\":\"01\",\"ORD_QTY\":\"10\",\"ORD_UNPR\":\"0\""));
	ticket = ticket_buy();
	ticket.kind = INTENT_CANCEL;
	snprintf(ticket.orig_odno, sizeof(ticket.orig_odno), "0000117057");
	snprintf(ticket.branch, sizeof(ticket.branch), "91252");
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_OK);
	sent = rig->server->requests[0].text;
	assert_non_null(strstr(sent, "POST /uapi/domestic-stock/v1/trading/order-rvsecncl HTTP/1.1\r\n"));
	assert_non_null(strstr(sent, "\r\ntr_id: VTTC0013U\r\n"));
	assert_non_null(strstr(
		sent, "\"KRX_FWDG_ORD_ORGNO\":\"91252\",\"ORGN_ODNO\":\"0000117057\",\"ORD_DVSN\":\"00\","
		      "\"RVSE_CNCL_DVSN_CD\":\"02\",\"ORD_QTY\":\"0\",\"ORD_UNPR\":\"0\","
		      "\"QTY_ALL_ORD_YN\":\"Y\",\"EXCG_ID_DVSN_CD\":\"KRX\""));
	rig_close(rig);
}

/* A broker that thinks for most of the time-out is waited for: silence alone is no end. */
static void test_late_answer(void **state)
{
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED, .wait_ms = 2300 };
	struct rig *rig = rig_open_with(KIS_REAL, "order_ms = 3000\n");
	struct kis_order_ticket ticket = ticket_buy();
	struct kis_order_result result;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_OK);
	assert_int_equal(result.fate, FATE_ACCEPTED);
	assert_true(result.wire_us >= 2300000);
	rig_close(rig);
}

/* Cases in which not one byte may leave; the server counts. */
static void test_not_sent(void **state)
{
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED };
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_result result;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	for (int i = 0; i < 12; i++) {
		struct kis_order_ticket ticket = ticket_buy();
		enum reason want = REASON_INTERNAL;

		switch (i) {
		case 0: snprintf(ticket.symbol, sizeof(ticket.symbol), "00593\""); break;
		case 1: ticket.symbol[0] = '\0'; break;
		case 2: ticket.qty = 0; break;
		case 3: ticket.qty = -10; break;
		case 4: ticket.price_won = 0; break;
		case 5: ticket.type = TYPE_MARKET; break; /* with a price */
		case 6: snprintf(ticket.excg, sizeof(ticket.excg), "NXT"); break;
		case 7: ticket.kind = INTENT_CANCEL; break; /* of nothing */
		case 8:
			ticket.marked.ns -= INT64_C(1100000000);
			want = REASON_SEND_MARK_OLD;
			break;
		case 9:
			ticket.marked.ns = 0;
			want = REASON_SEND_MARK_OLD;
			break;
		case 10:
			ticket.marked.ns += INT64_C(60000000000); /* of another boot */
			want = REASON_SEND_MARK_OLD;
			break;
		default:
			rig->login.token[0] = '\0';
			want = REASON_BROKER_TOKEN;
			break;
		}
		assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), want);
		assert_int_equal(result.fate, FATE_NOT_SENT);
		assert_true(ticket.spent);
	}
	assert_int_equal(tls_server_count(rig->server, ""), 0);
	rig_close(rig);
}

/* The mark grows old between the check and the first byte: the handshake takes longer than it may. */
static void test_mark_old_at_the_wire(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_ticket ticket;
	struct kis_order_result result;
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED };

	(void)state;
	tls_server_play(rig->server, &step, 1);
	rig->server->handshake_ms = 600;
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, 300, &result), REASON_SEND_MARK_OLD);
	assert_int_equal(result.fate, FATE_NOT_SENT);
	assert_int_equal(tls_server_count(rig->server, ""), 0);
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, 5000, &result), REASON_OK);
	assert_int_equal(tls_server_count(rig->server, "POST "), 1);
	rig_close(rig);
}

/* Nobody listens, or somebody else's certificate: provably not sent. */
static void test_no_connection(void **state)
{
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_ticket ticket = ticket_buy();
	struct kis_order_result result;
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED };
	char folder[128], rest[64];
	struct tls_server *stranger;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/other", rig->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	stranger = tls_server_start(folder);
	tls_server_play(stranger, &step, 1);
	snprintf(rest, sizeof(rest), "https://127.0.0.1:%u", stranger->port);
	assert_int_equal(rig_conf(rig, "", rest), REASON_OK);
	assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_BROKER_TLS);
	assert_int_equal(result.fate, FATE_NOT_SENT);
	assert_int_equal(tls_server_count(stranger, ""), 0);
	tls_server_stop(stranger);
	assert_int_equal(rig_kis(rig, KIS_REAL), REASON_OK);
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_BROKER_AWAY);
	assert_int_equal(result.fate, FATE_NOT_SENT);
	rig_close(rig);
}

/* On paper a turn is 1.1 s away, more than a mark may age: taken before the mark it costs the mark nothing. */
static void test_turn(void **state)
{
	static const struct server_step step = { .head = HEAD_200, .body = ACCEPTED };
	struct rig *rig = rig_open_with(KIS_PAPER, "");
	struct kis_order_ticket ticket;
	struct kis_order_result result;
	char rest[64];

	(void)state;
	tls_server_play(rig->server, &step, 1);
	snprintf(rest, sizeof(rest), "https://127.0.0.1:%u", rig->server->port);
	assert_int_equal(rig_conf(rig, "", rest), REASON_OK);
	free(rig->cfg.values[CONF_PACE_PAPER_MS].text);
	rig->cfg.values[CONF_PACE_PAPER_MS].text = strdup("400");
	rig->cfg.values[CONF_PACE_PAPER_MS].number = 400;
	assert_int_equal(rig_kis(rig, KIS_PAPER), REASON_OK);
	assert_int_equal(kis_order_turn(rig->kis, rig_until(rig, 5000)), REASON_OK);
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, 200, &result), REASON_OK);
	/* Without a turn of its own the next one has to wait, which its mark does not allow. */
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, 200, &result), REASON_DEADLINE);
	assert_int_equal(result.fate, FATE_NOT_SENT);
	assert_int_equal(tls_server_count(rig->server, "POST "), 1);
	assert_int_equal(kis_order_turn(rig->kis, rig_until(rig, 5000)), REASON_OK);
	ticket = ticket_buy();
	assert_int_equal(kis_post_once(rig->kis, &ticket, 200, &result), REASON_OK);
	rig_close(rig);
}

/* Account and keys never stand in what goes to rows and messages, even when the broker repeats them. */
static void test_blotted(void **state)
{
	static const struct server_step step = {
		.head = HEAD_200,
		.body = "{\"rt_cd\":\"7\",\"msg_cd\":\"APBK0952\",\"msg1\":\"account 50012345-01 "
			"PSTESTAPPKEY000000000000000000000000\"}",
	};
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_ticket ticket = ticket_buy();
	struct kis_order_result result;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	assert_int_equal(kis_post_once(rig->kis, &ticket, MARK_MS, &result), REASON_BROKER_REFUSED);
	assert_string_equal(result.msg, "account ********-01 ************************************");
	assert_null(strstr(result.excerpt, "50012345"));
	assert_null(strstr(reason_detail(), "50012345"));
	assert_null(strstr(reason_detail(), "PSTESTAPPKEY"));
	rig_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_resend),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_acceptance_read),
		cmocka_unit_test(test_not_sent),
		cmocka_unit_test(test_mark_old_at_the_wire),
		cmocka_unit_test(test_no_connection),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_blotted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
