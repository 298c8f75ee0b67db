#include "tests/shared/kis/rig.h"

/* A weak reference pulls nothing out of an archive: it is NULL unless something else in here brought order.c in. */
extern enum reason kis_post_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
				 struct kis_order_result *out) __attribute__((weak));

#define CANCELLED                                                                                            \
	"{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\",\"msg1\":\"ok\",\"output\":{\"KRX_FWDG_ORD_ORGNO\":"       \
	"\"03930\","                                                                                         \
	"\"ODNO\":\"0000503800\",\"ORD_TMD\":\"152400\"}}"

static struct kis_order_ticket ticket_cancel(void)
{
	struct kis_order_ticket ticket = {
		.kind = INTENT_CANCEL,
		.side = SIDE_SELL,
		.symbol = "088350",
		.excg = "KRX",
		.orig_odno = "0000457500",
		.branch = "03930",
		.marked = clock_real_mono(),
	};

	return ticket;
}

/* A program that cancels holds no code that could place an order. */
static void test_no_placing_linked(void **state)
{
	(void)state;
	assert_null(kis_post_once);
}

static void test_cancel(void **state)
{
	static const struct server_step steps[] = {
		{ .head = HEAD_200, .body = CANCELLED },
		{ .head = HEAD_200,
		  .body = "{\"rt_cd\":\"7\",\"msg_cd\":\"APBK0927\",\"msg1\":\"정정취소 가능수량이 "
			  "없습니다.\"}" },
		{ .end = END_RST },
	};
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_ticket ticket = ticket_cancel();
	struct kis_order_result result;

	(void)state;
	tls_server_play(rig->server, steps, 3);
	assert_int_equal(kis_cancel_once(rig->kis, &ticket, 1000, &result), REASON_OK);
	assert_int_equal(result.fate, FATE_ACCEPTED);
	assert_string_equal(result.odno, "0000503800"); /* a cancel has a number of its own */
	assert_non_null(strstr(rig->server->requests[0].text, "\"ORGN_ODNO\":\"0000457500\""));
	assert_non_null(strstr(rig->server->requests[0].text, "\r\ntr_id: TTTC0013U\r\n"));
	/* Spent: the same ticket sends nothing more. */
	assert_int_equal(kis_cancel_once(rig->kis, &ticket, 1000, &result), REASON_INTERNAL);
	assert_int_equal(result.fate, FATE_DOUBT);
	ticket = ticket_cancel();
	assert_int_equal(kis_cancel_once(rig->kis, &ticket, 1000, &result), REASON_BROKER_REFUSED);
	assert_int_equal(result.fate, FATE_REFUSED);
	ticket = ticket_cancel();
	assert_int_equal(kis_cancel_once(rig->kis, &ticket, 1000, &result), REASON_BROKER_DOUBT);
	assert_int_equal(result.fate, FATE_DOUBT);
	assert_int_equal(tls_server_count(rig->server, "POST "), 3);
	rig_close(rig);
}

static void test_refused_unsent(void **state)
{
	static const struct server_step step = { .head = HEAD_200, .body = CANCELLED };
	struct rig *rig = rig_open(KIS_REAL);
	struct kis_order_result result;

	(void)state;
	tls_server_play(rig->server, &step, 1);
	for (int i = 0; i < 5; i++) {
		struct kis_order_ticket ticket = ticket_cancel();

		switch (i) {
		case 0:
			ticket.kind = INTENT_NEW;
			ticket.qty = 1;
			ticket.price_won = 2900;
			break;
		case 1: ticket.orig_odno[0] = '\0'; break;
		case 2:
			snprintf(ticket.orig_odno, sizeof(ticket.orig_odno), "457500");
			break; /* not the normal form */
		case 3: snprintf(ticket.branch, sizeof(ticket.branch), "03\"30"); break;
		default: ticket.excg[0] = '\0'; break;
		}
		assert_int_equal(kis_cancel_once(rig->kis, &ticket, 1000, &result), REASON_INTERNAL);
		assert_int_equal(result.fate, FATE_NOT_SENT);
		assert_true(ticket.spent);
	}
	assert_int_equal(tls_server_count(rig->server, ""), 0);
	rig_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_placing_linked),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_refused_unsent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
