/* order: every pair of state and event against the drawn life, order numbers, fills from cumulatives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/trade/order.h"

/* The drawing, written down a second time. Every pair that is not here must be refused. */
static const struct {
	enum order_state from;
	enum order_event event;
	enum order_state to;
} moves[] = {
	{ ORDER_NONE, OEV_RECORD, ORDER_RECORDED },
	{ ORDER_RECORDED, OEV_SEND_MARK, ORDER_SENDING },
	{ ORDER_RECORDED, OEV_NEVER_SENT, ORDER_NEVER_SENT },
	{ ORDER_SENDING, OEV_NEVER_SENT, ORDER_NEVER_SENT },
	{ ORDER_SENDING, OEV_ACCEPTED, ORDER_OPEN },
	{ ORDER_SENDING, OEV_REFUSED, ORDER_REJECTED },
	{ ORDER_SENDING, OEV_DOUBT, ORDER_IN_DOUBT },
	{ ORDER_SENDING, OEV_FOUND, ORDER_OPEN },
	{ ORDER_SENDING, OEV_PARTIAL_FILL, ORDER_PARTIAL },
	{ ORDER_SENDING, OEV_COMPLETE_FILL, ORDER_FILLED },
	{ ORDER_SENDING, OEV_CANCEL_DONE, ORDER_CANCELLED },
	{ ORDER_SENDING, OEV_EXPIRE, ORDER_EXPIRED },
	{ ORDER_SENDING, OEV_REJECTED_LATE, ORDER_REJECTED },
	{ ORDER_SENDING, OEV_ABSENT, ORDER_NEVER_ARRIVED },
	{ ORDER_IN_DOUBT, OEV_ACCEPTED, ORDER_OPEN },
	{ ORDER_IN_DOUBT, OEV_REFUSED, ORDER_REJECTED },
	{ ORDER_IN_DOUBT, OEV_DOUBT, ORDER_IN_DOUBT },
	{ ORDER_IN_DOUBT, OEV_FOUND, ORDER_OPEN },
	{ ORDER_IN_DOUBT, OEV_PARTIAL_FILL, ORDER_PARTIAL },
	{ ORDER_IN_DOUBT, OEV_COMPLETE_FILL, ORDER_FILLED },
	{ ORDER_IN_DOUBT, OEV_CANCEL_DONE, ORDER_CANCELLED },
	{ ORDER_IN_DOUBT, OEV_EXPIRE, ORDER_EXPIRED },
	{ ORDER_IN_DOUBT, OEV_REJECTED_LATE, ORDER_REJECTED },
	{ ORDER_IN_DOUBT, OEV_ABSENT, ORDER_NEVER_ARRIVED },
	{ ORDER_OPEN, OEV_FOUND, ORDER_OPEN },
	{ ORDER_OPEN, OEV_PARTIAL_FILL, ORDER_PARTIAL },
	{ ORDER_OPEN, OEV_COMPLETE_FILL, ORDER_FILLED },
	{ ORDER_OPEN, OEV_CANCEL_DONE, ORDER_CANCELLED },
	{ ORDER_OPEN, OEV_EXPIRE, ORDER_EXPIRED },
	{ ORDER_OPEN, OEV_REJECTED_LATE, ORDER_REJECTED },
	{ ORDER_PARTIAL, OEV_FOUND, ORDER_PARTIAL },
	{ ORDER_PARTIAL, OEV_PARTIAL_FILL, ORDER_PARTIAL },
	{ ORDER_PARTIAL, OEV_COMPLETE_FILL, ORDER_FILLED },
	{ ORDER_PARTIAL, OEV_CANCEL_DONE, ORDER_CANCELLED },
	{ ORDER_PARTIAL, OEV_EXPIRE, ORDER_EXPIRED },
};

static enum order_state drawn(int from, int event)
{
	for (size_t i = 0; i < ARRAY_COUNT(moves); i++) {
		if ((int)moves[i].from == from && (int)moves[i].event == event)
			return moves[i].to;
	}
	return ORDER_NONE;
}

static void test_every_pair(void **state)
{
	int allowed = 0;

	(void)state;
	for (int from = 0; from < ORDER_STATE_COUNT; from++) {
		for (int event = 0; event < ORDER_EVENT_COUNT; event++) {
			enum order_state want = drawn(from, event), got = ORDER_STATE_COUNT;
			enum reason why = order_move((enum order_state)from, (enum order_event)event, &got);

			if (want == ORDER_NONE) {
				assert_int_equal(why, REASON_ORDER_FORBIDDEN);
				assert_int_equal(got, ORDER_STATE_COUNT);
			} else {
				assert_int_equal(why, REASON_OK);
				assert_int_equal(got, want);
				allowed++;
			}
			if (order_final((enum order_state)from))
				assert_int_equal(why, REASON_ORDER_FORBIDDEN);
		}
	}
	assert_int_equal(allowed, ARRAY_COUNT(moves));
	assert_int_equal(order_move((enum order_state)77, OEV_FOUND, &(enum order_state){ 0 }),
			 REASON_ORDER_FORBIDDEN);
}

static void test_kinds_of_state(void **state)
{
	static const struct {
		enum order_state s;
		bool final, live, undecided;
	} cases[] = {
		{ ORDER_NONE, false, false, false },      { ORDER_RECORDED, false, false, true },
		{ ORDER_SENDING, false, true, true },     { ORDER_IN_DOUBT, false, true, true },
		{ ORDER_OPEN, false, true, false },       { ORDER_PARTIAL, false, true, false },
		{ ORDER_FILLED, true, false, false },     { ORDER_CANCELLED, true, false, false },
		{ ORDER_EXPIRED, true, false, false },    { ORDER_REJECTED, true, false, false },
		{ ORDER_NEVER_SENT, true, false, false }, { ORDER_NEVER_ARRIVED, true, false, false },
	};

	(void)state;
	assert_int_equal(ARRAY_COUNT(cases), ORDER_STATE_COUNT);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum order_state back = ORDER_NONE;

		assert_int_equal(order_final(cases[i].s), cases[i].final);
		assert_int_equal(order_live(cases[i].s), cases[i].live);
		assert_int_equal(order_undecided(cases[i].s), cases[i].undecided);
		assert_true(order_state_parse(order_state_text(cases[i].s), &back));
		assert_int_equal(back, cases[i].s);
	}
	assert_false(order_state_parse("open", &(enum order_state){ 0 }));
	assert_false(order_state_parse(NULL, &(enum order_state){ 0 }));
	for (int e = 0; e < ORDER_EVENT_COUNT; e++) {
		enum order_event back = ORDER_EVENT_COUNT;

		assert_true(order_event_parse(order_event_text((enum order_event)e), &back));
		assert_int_equal(back, e);
	}
	assert_false(order_event_parse("x", &(enum order_event){ 0 }));
	assert_string_equal(order_side_text(SIDE_SELL), "SELL");
	enum order_side side = SIDE_SELL;
	assert_true(order_side_parse("BUY", &side));
	assert_int_equal(side, SIDE_BUY);
	assert_false(order_side_parse("buy", &side));
}

static void test_odno_normal(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "0000117057", "0000117057" },
		{ "117057", "0000117057" },
		{ "        762", "0000000762" },
		{ "762  ", "0000000762" },
		{ "9999999999", "9999999999" },
		{ "00000000001", "0000000001" },
		{ "12345678901", NULL },
		{ "", NULL },
		{ "   ", NULL },
		{ "0000000000", NULL },
		{ "12a4", NULL },
		{ "-12", NULL },
		{ "1 2", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char out[ODNO_SIZE] = "untouched";

		assert_int_equal(odno_normal(cases[i].text, strlen(cases[i].text), out),
				 cases[i].want != NULL);
		assert_string_equal(out, cases[i].want ? cases[i].want : "untouched");
	}
	assert_false(odno_normal(NULL, 3, (char[ODNO_SIZE]){ 0 }));
}

static void test_fill_advance(void **state)
{
	static const struct {
		const char *name;
		int64_t held_qty, held_won, cum_qty, cum_won;
		enum reason why;
		bool any;
		int64_t amount_won;
	} cases[] = {
		{ "first", 0, 0, 3, 210000, REASON_OK, true, 210000 },
		{ "grows", 3, 210000, 7, 490000, REASON_OK, true, 280000 },
		{ "complete", 7, 490000, 10, 700000, REASON_OK, true, 210000 },
		{ "nothing new", 7, 490000, 7, 490000, REASON_OK, false, -1 },
		{ "nothing at all", 0, 0, 0, 0, REASON_OK, false, -1 },
		{ "one share more than ordered", 10, 700000, 11, 770000, REASON_OVERFILL, false, -1 },
		{ "shares fell", 7, 490000, 6, 490000, REASON_CUM_DECREASED, false, -1 },
		{ "amount fell", 7, 490000, 8, 489999, REASON_CUM_DECREASED, false, -1 },
		{ "shares without won", 7, 490000, 8, 490000, REASON_ROW_INCONSISTENT, false, -1 },
		{ "won without shares", 7, 490000, 7, 490001, REASON_ROW_INCONSISTENT, false, -1 },
		{ "below zero", -1, 0, 5, 350000, REASON_ROW_INCONSISTENT, false, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct order order = { .intent_id = 5,
				       .day = { 20260310 },
				       .symbol = "005930",
				       .side = SIDE_BUY,
				       .qty = 10,
				       .price_won = 70000,
				       .state = ORDER_OPEN,
				       .odno = "0000123001",
				       .filled_qty = cases[i].held_qty,
				       .filled_won = cases[i].held_won };
		struct fill fill = { .amount_won = -1 };
		bool any = false;

		assert_int_equal(fill_advance(&order, cases[i].cum_qty, cases[i].cum_won, (struct wall){ 99 },
					      &fill, &any),
				 cases[i].why);
		assert_int_equal(any, cases[i].any);
		assert_int_equal(fill.amount_won, cases[i].amount_won);
		if (any) {
			assert_int_equal(fill.intent_id, 5);
			assert_int_equal(fill.from_qty, cases[i].held_qty);
			assert_int_equal(fill.to_qty, cases[i].cum_qty);
			assert_int_equal(fill.at.us, 99);
			assert_string_equal(fill.odno, "0000123001");
			assert_string_equal(fill.symbol, "005930");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_kinds_of_state),
		cmocka_unit_test(test_odno_normal),
		cmocka_unit_test(test_fill_advance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
