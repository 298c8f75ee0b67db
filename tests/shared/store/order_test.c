/* Lease, stop and the two marks of an order, on a real database. */
#include "tests/shared/store/seed.h"

#define LIFE_US (20 * US_PER_S)

static struct wall at(int32_t second)
{
	return seed_at(10 * 3600 + second);
}

static struct lease_row take(struct db *db, int64_t account, const char *holder, enum lease_kind kind,
			     struct wall now)
{
	struct lease_row lease = { 0 };

	assert_done(tbl_lease_take(db, account, kind, holder, kind == LEASE_TRADE ? "worker" : "reconcile",
				   now, LIFE_US, &lease));
	return lease;
}

static void test_lease(void **state)
{
	int64_t account = seed_account("lease");
	struct db *one = private_db_open("gj_worker"), *two = private_db_open("gj_reconcile");
	struct lease_row mine, theirs, read;
	enum reason why;

	(void)state;
	mine = take(one, account, "h:1:b", LEASE_TRADE, at(0));
	assert_int_equal(mine.epoch, 1);
	/* held: nobody else gets it, and the answer says by whom */
	assert_reason(
		tbl_lease_take(two, account, LEASE_PHASE, "h:2:b", "reconcile", at(19), LIFE_US, &theirs),
		REASON_LEASE_HELD);
	assert_non_null(strstr(reason_detail(), "worker (h:1:b)"));
	assert_reason(tbl_lease_take(two, account, LEASE_TRADE, "h:2:b", "worker", at(19), LIFE_US, &theirs),
		      REASON_LEASE_HELD);
	/* the same holder again: the same epoch; TRADE does not give way to PHASE even then */
	mine = take(one, account, "h:1:b", LEASE_TRADE, at(1));
	assert_int_equal(mine.epoch, 1);
	assert_reason(tbl_lease_take(one, account, LEASE_PHASE, "h:1:b", "x", at(1), LIFE_US, &theirs),
		      REASON_LEASE_HELD);
	assert_done(tbl_lease_renew(one, &mine, at(10), LIFE_US));
	assert_done(tbl_lease_heartbeat(one, &mine, "READY", MODE_TRADE, at(12), LIFE_US));
	assert_done(tbl_lease_read(two, account, &read));
	assert_int_equal(read.kind, LEASE_TRADE);
	assert_int_equal(read.expires.us, at(32).us);
	assert_int_equal(read.heartbeat.us, at(12).us);
	assert_string_equal(read.state, "READY");
	assert_int_equal(read.mode, MODE_TRADE);
	assert_false(read.clean);
	/* it ran out: taken over with the next epoch, and the old holder has lost it for good */
	assert_reason(tbl_lease_renew(one, &mine, at(32), LIFE_US), REASON_LEASE_LOST);
	theirs = take(two, account, "h:2:b", LEASE_PHASE, at(32));
	assert_int_equal(theirs.epoch, 2);
	assert_reason(tbl_lease_renew(one, &mine, at(31), LIFE_US), REASON_LEASE_LOST);
	assert_reason(tbl_lease_heartbeat(one, &mine, "READY", MODE_TRADE, at(31), LIFE_US),
		      REASON_LEASE_LOST);
	assert_reason(tbl_lease_give_back(one, &mine, at(33)), REASON_LEASE_LOST);
	assert_done(db_begin(one));
	why = tbl_lease_touch(one, &mine, at(33));
	db_rollback(one);
	assert_reason(why, REASON_LEASE_LOST);
	/* given back in order: free at once, the next one has the next epoch */
	assert_done(tbl_lease_give_back(two, &theirs, at(34)));
	assert_done(tbl_lease_read(two, account, &read));
	assert_int_equal(read.kind, LEASE_NONE);
	assert_true(read.clean);
	mine = take(one, account, "h:1:b", LEASE_TRADE, at(34));
	assert_int_equal(mine.epoch, 3);
	db_close(one);
	db_close(two);
}

static struct order order_of(int64_t intent_id)
{
	struct order order = { .intent_id = intent_id,
			       .day = seed_day,
			       .kind = INTENT_NEW,
			       .symbol = "005930",
			       .side = SIDE_BUY,
			       .type = TYPE_LIMIT,
			       .qty = 10,
			       .price_won = 82000,
			       .excg = "KRX" };

	return order;
}

static enum order_state state_of(struct db *db, int64_t account, int64_t intent_id, struct order *out)
{
	struct order orders[100];
	int count = 0;

	assert_done(tbl_orders_between(db, account, seed_day, seed_day, orders, 100, &count));
	for (int i = 0; i < count; i++) {
		if (orders[i].intent_id == intent_id) {
			if (out)
				*out = orders[i];
			return orders[i].state;
		}
	}
	return ORDER_NONE;
}

static void test_marks(void **state)
{
	int64_t account = seed_account("marks");
	struct db *db = private_db_open("gj_worker");
	struct order order = order_of(1001), got = { 0 };
	struct lease_row mine, stale;

	(void)state;
	mine = take(db, account, "h:1:b", LEASE_TRADE, at(0));
	/* no snapshot was accepted today */
	assert_reason(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(1)),
		      REASON_NO_BASE);
	assert_int_equal(state_of(db, account, 1001, NULL), ORDER_NONE);
	(void)seed_acceptance(account, seed_day);
	assert_done(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(1)));
	assert_int_equal(state_of(db, account, 1001, &got), ORDER_RECORDED);
	assert_int_equal(got.recorded.us, at(1).us);
	assert_int_equal(got.sent.us, 0);
	assert_int_equal(got.qty, 10);
	assert_int_equal(got.price_won, 82000);
	assert_string_equal(got.symbol, "005930");
	assert_string_equal(got.excg, "KRX");
	assert_int_equal(got.owner, OWNER_SYS);
	/* the same intent again, and the same mark again: once ever */
	assert_reason(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(2)),
		      REASON_DB_DUPLICATE);
	assert_done(tbl_intent_mark(db, &mine, 1001, false, at(2)));
	assert_int_equal(state_of(db, account, 1001, &got), ORDER_SENDING);
	assert_int_equal(got.sent.us, at(2).us);
	assert_reason(tbl_intent_mark(db, &mine, 1001, false, at(3)), REASON_DB_DUPLICATE);
	assert_reason(tbl_intent_mark(db, &mine, 4444, false, at(3)), REASON_DB_REFUSED);
	/* an intent that was judged NEVER_SENT meanwhile is not sent any more */
	order.intent_id = 1002;
	assert_done(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(3)));
	assert_done(tbl_order_event_add(db, &(struct order_event_row){ .intent_id = 1002,
								       .account_id = account,
								       .event = OEV_NEVER_SENT,
								       .state = ORDER_NEVER_SENT,
								       .at = at(3),
								       .by_program = "reconcile" }));
	assert_reason(tbl_intent_mark(db, &mine, 1002, false, at(4)), REASON_DB_REFUSED);
	assert_int_equal(state_of(db, account, 1002, &got), ORDER_NEVER_SENT);
	assert_int_equal(got.sent.us, 0);
	/* a lease that ran out, or of an earlier epoch */
	order.intent_id = 1003;
	assert_reason(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(20)),
		      REASON_LEASE_LOST);
	stale = mine;
	mine = take(db, account, "h:2:b", LEASE_TRADE, at(30));
	assert_int_equal(mine.epoch, stale.epoch + 1);
	assert_reason(tbl_intent_record(db, &stale, &order, "breakout", "entry", false, at(31)),
		      REASON_LEASE_LOST);
	assert_done(tbl_intent_record(db, &mine, &order, "breakout", "entry", false, at(31)));
	assert_reason(tbl_intent_mark(db, &stale, 1003, false, at(31)), REASON_DB_REFUSED);
	assert_int_equal(state_of(db, account, 1003, NULL), ORDER_RECORDED);
	db_close(db);
}

static void test_stop(void **state)
{
	static const struct {
		const char *name;
		enum mode mode;
		bool reduces, cancel;
		enum reason want;
	} cases[] = {
		{ "trade, new risk", MODE_TRADE, false, false, REASON_OK },
		{ "reduce, less risk", MODE_REDUCE, true, false, REASON_OK },
		{ "reduce, new risk", MODE_REDUCE, false, false, REASON_FW_MODE },
		{ "reduce, cancel", MODE_REDUCE, false, true, REASON_OK },
		{ "observe, less risk", MODE_OBSERVE, true, false, REASON_FW_MODE },
		{ "observe, cancel", MODE_OBSERVE, false, true, REASON_OK },
		{ "halt, less risk", MODE_HALT, true, false, REASON_FW_MODE },
		{ "halt, cancel", MODE_HALT, false, true, REASON_OK },
	};
	int64_t account = seed_account("stop");
	struct db *db = private_db_open("gj_worker"), *person = private_db_open("gj_operator");
	struct control_row control;
	enum mode stands = MODE_HALT;
	struct lease_row mine;
	struct order order;

	(void)state;
	(void)seed_acceptance(account, seed_day);
	mine = take(db, account, "h:1:b", LEASE_TRADE, at(0));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (cases[i].mode != MODE_TRADE) {
			assert_done(tbl_control_lower(db, account, cases[i].mode, "a test", "worker", at(1),
						      &stands));
			assert_int_equal(stands, cases[i].mode);
		}
		order = order_of(2000 + (int64_t)i);
		if (cases[i].cancel) {
			order.kind = INTENT_CANCEL;
			order.target_intent_id = 2000;
		}
		if (tbl_intent_record(db, &mine, &order, "s", "x", cases[i].reduces, at(2)) != cases[i].want)
			fail_msg("%s: %s", cases[i].name, reason_detail());
		if (cases[i].want == REASON_OK)
			assert_done(tbl_intent_mark(db, &mine, order.intent_id, cases[i].reduces, at(3)));
	}
	/* the order that cancels point at is marked as wanted away */
	assert_int_equal(state_of(db, account, 2000, &order), ORDER_SENDING);
	assert_true(order.cancel_wanted);
	/* lowering never raises; a program cannot raise; a person can, and then a later acceptance is needed */
	assert_done(tbl_control_lower(db, account, MODE_TRADE, "a test", "worker", at(4), &stands));
	assert_int_equal(stands, MODE_HALT);
	assert_reason(tbl_control_resume(db, account, MODE_TRADE, "please", "worker", at(4)),
		      REASON_DB_REFUSED);
	assert_reason(tbl_control_resume(person, account, MODE_TRADE, "", "kim", at(4)), REASON_NEEDS_REASON);
	assert_done(tbl_control_resume(person, account, MODE_TRADE, "looked at it", "kim", at(5)));
	assert_done(tbl_control_read(db, account, &control));
	assert_int_equal(control.mode, MODE_TRADE);
	assert_string_equal(control.person, "kim");
	order = order_of(2100);
	assert_reason(tbl_intent_record(db, &mine, &order, "s", "x", false, at(6)), REASON_NO_BASE);
	(void)seed_acceptance(account, seed_day);
	assert_done(tbl_intent_record(db, &mine, &order, "s", "x", false, at(6)));
	/* a stop that is explained at length is stored all the same */
	assert_done(tbl_control_lower(
		db, account, MODE_HALT,
		"a long reason a long reason a long reason a long reason a long reason a long reason a long "
		"reason a long reason a long reason a long reason a long reason a long reason a long reason "
		"a long reason a long reason a long reason",
		"worker", at(7), &stands));
	assert_int_equal(stands, MODE_HALT);
	db_close(db);
	db_close(person);
}

static void test_events(void **state)
{
	int64_t account = seed_account("events");
	struct db *db = private_db_open("gj_worker");
	struct order order = order_of(3001), got = { 0 }, rows[10];
	struct order_event_row event = { .intent_id = 3001,
					 .account_id = account,
					 .event = OEV_FOUND,
					 .state = ORDER_PARTIAL,
					 .odno = "0000001234",
					 .branch = "06010",
					 .filled_qty = 4,
					 .filled_won = 328000,
					 .by_program = "worker",
					 .evidence = "likeness" };
	struct lease_row mine;
	int count = 0;

	(void)state;
	(void)seed_acceptance(account, seed_day);
	mine = take(db, account, "h:1:b", LEASE_TRADE, at(0));
	assert_done(tbl_intent_record(db, &mine, &order, "s", "x", false, at(1)));
	assert_done(tbl_intent_mark(db, &mine, 3001, false, at(2)));
	event.at = at(5);
	assert_done(tbl_order_event_add(db, &event));
	assert_int_equal(state_of(db, account, 3001, &got), ORDER_PARTIAL);
	assert_string_equal(got.odno, "0000001234");
	assert_string_equal(got.branch, "06010");
	assert_int_equal(got.filled_qty, 4);
	assert_int_equal(got.filled_won, 328000);
	assert_int_equal(got.bound.us, at(5).us);
	/* a change brought another quantity and price; a later event that does not repeat the number keeps it */
	assert_done(tbl_order_event_add(db, &(struct order_event_row){ .intent_id = 3001,
								       .account_id = account,
								       .event = OEV_PARTIAL_FILL,
								       .state = ORDER_PARTIAL,
								       .at = at(6),
								       .filled_qty = 5,
								       .filled_won = 410000,
								       .qty = 7,
								       .price_won = 81900,
								       .by_program = "worker" }));
	assert_int_equal(state_of(db, account, 3001, &got), ORDER_PARTIAL);
	assert_string_equal(got.odno, "0000001234");
	assert_int_equal(got.qty, 7);
	assert_int_equal(got.price_won, 81900);
	assert_int_equal(got.filled_qty, 5);
	assert_done(tbl_orders_undecided(db, account, rows, 10, &count));
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].intent_id, 3001);
	assert_done(tbl_order_event_add(db, &(struct order_event_row){ .intent_id = 3001,
								       .account_id = account,
								       .event = OEV_CANCEL_DONE,
								       .state = ORDER_CANCELLED,
								       .at = at(7),
								       .filled_qty = 5,
								       .filled_won = 410000,
								       .by_program = "worker" }));
	assert_done(tbl_orders_undecided(db, account, rows, 10, &count));
	assert_int_equal(count, 0);
	assert_reason(tbl_orders_between(db, account, seed_day, seed_day, rows, 0, &count), REASON_OVERFLOW);
	db_close(db);
}

static void test_strangers(void **state)
{
	static const struct {
		const char *name;
		int64_t qty, open, filled, rejected;
		enum order_state want;
	} cases[] = {
		{ "open", 10, 10, 0, 0, ORDER_OPEN },          { "partial", 10, 6, 4, 0, ORDER_PARTIAL },
		{ "filled", 10, 0, 10, 0, ORDER_FILLED },      { "rejected", 10, 0, 0, 10, ORDER_REJECTED },
		{ "cancelled", 10, 0, 3, 0, ORDER_CANCELLED },
	};
	int64_t account = seed_account("strangers");
	struct db *db = private_db_open("gj_reconcile"), *observer = private_db_open("gj_observer");
	struct fill fill = { .day = seed_day,
			     .odno = "0000007000",
			     .symbol = "005930",
			     .side = SIDE_BUY,
			     .owner = OWNER_EXT,
			     .from_qty = 0,
			     .to_qty = 4,
			     .amount_won = 328000 };
	struct fill fills[10];
	struct cost cost = { 40, 0 }, day_cost;
	struct order got = { 0 };
	int count = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct broker_order row = { .day = seed_day,
					    .symbol = "005930",
					    .side = SIDE_SELL,
					    .type = TYPE_LIMIT,
					    .odno = "0000007000",
					    .branch = "06010",
					    .qty = cases[i].qty,
					    .price_won = 82000,
					    .filled_qty = cases[i].filled,
					    .filled_won = cases[i].filled * 82000,
					    .open_qty = cases[i].open,
					    .rejected_qty = cases[i].rejected,
					    .excg = "KRX" };

		assert_done(tbl_order_ext_add(i % 2 ? db : observer, account, 7000 + (int64_t)i, &row, at(1),
					      "reconcile"));
		assert_int_equal(state_of(db, account, 7000 + (int64_t)i, &got), cases[i].want);
		assert_int_equal(got.owner, OWNER_EXT);
		assert_int_equal(got.filled_qty, cases[i].filled);
	}
	/* fills: one step of a cumulative once, for strangers' orders by their number */
	fill.at = at(2);
	assert_done(tbl_fill_add(db, account, &fill, &cost, "reconcile"));
	assert_reason(tbl_fill_add(db, account, &fill, &cost, "reconcile"), REASON_DB_DUPLICATE);
	memcpy(fill.odno, "0000007001", 11);
	assert_done(tbl_fill_add(db, account, &fill, &cost, "reconcile"));
	fill.intent_id = 7000;
	memcpy(fill.odno, "0000007002", 11);
	fill.at = at(3);
	assert_done(tbl_fill_add(db, account, &fill, &cost, "reconcile"));
	memcpy(fill.odno, "0000007003", 11);
	assert_reason(tbl_fill_add(db, account, &fill, &cost, "reconcile"), REASON_DB_DUPLICATE);
	assert_done(tbl_fills_since(db, account, at(2), fills, 10, &count));
	assert_int_equal(count, 1);
	assert_int_equal(fills[0].intent_id, 7000);
	assert_int_equal(fills[0].at.us, at(3).us);
	assert_done(tbl_fills_of_day(db, account, seed_day, fills, 10, &count));
	assert_int_equal(count, 3);
	assert_int_equal(fills[0].intent_id, 0);
	assert_string_equal(fills[0].odno, "0000007000");
	assert_int_equal(fills[0].amount_won, 328000);
	assert_done(tbl_fill_costs_of_day(db, account, seed_day, &day_cost));
	assert_int_equal(day_cost.fee_won, 120);
	assert_int_equal(day_cost.tax_won, 0);
	db_close(db);
	db_close(observer);
}

static void test_decisions_in_one_message(void **state)
{
	int64_t account = seed_account("decisions");
	struct decision_row *rows = calloc(250, sizeof(*rows));
	struct db *db = private_db_open("gj_worker");

	(void)state;
	assert_non_null(rows);
	for (int i = 0; i < 250; i++) {
		rows[i] = (struct decision_row){ .account_id = account,
						 .day = seed_day,
						 .epoch = 1,
						 .seq = i,
						 .at = at(i % 60),
						 .strategy = "breakout",
						 .signal_code = "entry",
						 .last_won = 82000,
						 .verdict = "ok" };
		rows[i].want = (struct wanted_order){ .symbol = "005930",
						      .side = SIDE_BUY,
						      .type = TYPE_LIMIT,
						      .qty = 1 + i,
						      .price_won = 82000 };
	}
	assert_done(tbl_decision_add(db, rows, 0));
	assert_done(tbl_decision_add(db, rows, 250));
	/* one of them again: none of the batch stands */
	for (int i = 0; i < 10; i++)
		rows[i].seq = 1000 + i;
	rows[9].seq = 100;
	assert_reason(tbl_decision_add(db, rows, 10), REASON_DB_DUPLICATE);
	rows[9].seq = 1009;
	assert_done(tbl_decision_add(db, rows, 10));
	free(rows);
	db_close(db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),     cmocka_unit_test(test_marks),
		cmocka_unit_test(test_stop),      cmocka_unit_test(test_events),
		cmocka_unit_test(test_strangers), cmocka_unit_test(test_decisions_in_one_message),
	};

	return cmocka_run_group_tests(tests, private_db_start, private_db_stop);
}
