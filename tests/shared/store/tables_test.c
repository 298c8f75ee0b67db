/* Every table module: what goes in comes out, in its order, and every named statement is one the server takes. */
#include <pthread.h>
#include <time.h>

#include "shared/store/db_stmt.h"
#include "shared/store/frozen.h"
#include "tests/shared/store/seed.h"

static int64_t account;
static struct db *logins[PHASE_COUNT], *person;

static int set_up(void **state)
{
	if (private_db_start(state) != 0)
		return -1;
	account = seed_account("main");
	person = private_db_open("gj_operator");
	for (int p = 0; p < PHASE_COUNT; p++) {
		char login[32];

		if (snprintf(login, sizeof(login), "gj_%s", phase_name((enum phase_id)p)) < 0)
			return -1;
		logins[p] = private_db_open(login);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (int p = 0; p < PHASE_COUNT; p++)
		db_close(logins[p]);
	db_close(person);
	return private_db_stop(state);
}

static void test_every_statement_prepares(void **state)
{
	struct db *db = private_db_open("gj_migrate");

	(void)state;
	assert_in_range(STMT_NAME_COUNT, 70, 200);
	for (int name = 0; name < STMT_NAME_COUNT; name++) {
		struct stmt *st = NULL;
		enum reason why = stmt_begin(db, (enum stmt_name)name, &st);

		if (why != REASON_OK)
			fail_msg("%s: %s", stmt_label[name], reason_detail());
		assert_done(stmt_end(st));
		assert_null(strstr(stmt_text[name], "SELECT *"));
		if (strncmp(stmt_text[name], "SELECT", 6) == 0 && !strstr(stmt_text[name], "LIMIT"))
			fail_msg("%s has no LIMIT", stmt_label[name]);
	}
	db_close(db);
}

static void test_account_and_symbols(void **state)
{
	struct account_row row, rows[4];
	struct symbol_row symbol = { .symbol = "005930",
				     .market = MARKET_KOSPI,
				     .kind = SYMBOL_STOCK,
				     .name = "삼성전자" },
			  got;
	struct symbol_row symbols[4];
	int count = 0;

	(void)state;
	assert_done(tbl_account_find(person, "main", &row));
	assert_int_equal(row.account_id, account);
	assert_string_equal(row.env, "real");
	assert_true(row.rehearsal);
	assert_string_equal(row.masked, "50****56-01");
	assert_reason(tbl_account_find(person, "MAIN", &row), REASON_DB_NOT_FOUND);
	assert_reason(tbl_account_add(person, &row, NULL), REASON_DB_DUPLICATE);
	assert_done(tbl_account_all(person, rows, 4, &count));
	assert_int_equal(count, 1);
	assert_done(tbl_symbol_add(person, &symbol));
	assert_done(tbl_symbol_add(person, &symbol));
	memcpy(symbol.name, "other", 6);
	assert_done(tbl_symbol_add(person, &symbol));
	symbol.market = MARKET_KOSDAQ;
	assert_reason(tbl_symbol_add(person, &symbol), REASON_DB_DUPLICATE);
	assert_done(tbl_symbol_find(person, "005930", &got));
	assert_int_equal(got.market, MARKET_KOSPI);
	assert_string_equal(got.name, "삼성전자");
	memcpy(symbol.symbol, "000660", 7);
	assert_done(tbl_symbol_add(person, &symbol));
	assert_done(tbl_symbol_all(person, symbols, 4, &count));
	assert_int_equal(count, 2);
	assert_string_equal(symbols[0].symbol, "000660");
	assert_reason(tbl_symbol_all(person, symbols, 1, &count), REASON_OVERFLOW);
	assert_reason(tbl_symbol_find(person, "999999", &got), REASON_DB_NOT_FOUND);
}

static void test_phases(void **state)
{
	struct kst_day day = { 20200601 }, found, next = { 20200602 };
	struct db *db = logins[PHASE_ACCOUNT], *gate = logins[PHASE_GATE];
	struct phase_run_row one = seed_run(db, account, day, PHASE_ACCOUNT, false), two, read_only;
	struct phase_input in = { .upstream = PHASE_AUTH, .run_id = 77 };
	struct phase_record records[PHASE_COUNT];
	struct digest build = seed_digest("build"), other = seed_digest("other build");
	struct wall deadline;
	bool running = false, seen = true, traded = true;

	(void)state;
	assert_int_equal(one.attempt, 1);
	assert_done(tbl_phase_running(db, account, day, PHASE_ACCOUNT, one.started, &running, &deadline));
	assert_true(running);
	assert_int_equal(deadline.us, one.deadline.us);
	assert_done(tbl_phase_running(db, account, day, PHASE_ACCOUNT, one.deadline, &running, &deadline));
	assert_false(running);
	in.digest = seed_digest("auth");
	assert_done(tbl_phase_input_add(db, one.run_id, &in));
	assert_done(tbl_phase_records(db, account, day, records));
	assert_false(records[PHASE_ACCOUNT].present);
	seed_result(db, &one, STATUS_PASS, MODE_OBSERVE, "content");
	assert_done(tbl_phase_running(db, account, day, PHASE_ACCOUNT, one.started, &running, &deadline));
	assert_false(running);
	/* a read-only answer takes nobody's place */
	read_only = seed_run(db, account, day, PHASE_ACCOUNT, true);
	assert_int_equal(read_only.attempt, 2);
	seed_result(db, &read_only, STATUS_FAIL, MODE_HALT, "other");
	assert_done(tbl_phase_records(db, account, day, records));
	assert_true(records[PHASE_ACCOUNT].present);
	assert_false(records[PHASE_AUTH].present);
	assert_int_equal(records[PHASE_ACCOUNT].run_id, one.run_id);
	assert_int_equal(records[PHASE_ACCOUNT].status, STATUS_PASS);
	assert_int_equal(records[PHASE_ACCOUNT].mode, MODE_OBSERVE);
	assert_int_equal(records[PHASE_ACCOUNT].finished.us, one.started.us + 1500000);
	assert_int_equal(records[PHASE_ACCOUNT].took_ms, 12);
	assert_int_equal(records[PHASE_ACCOUNT].input_count, 1);
	assert_int_equal(records[PHASE_ACCOUNT].inputs[0].upstream, PHASE_AUTH);
	assert_int_equal(records[PHASE_ACCOUNT].inputs[0].run_id, 77);
	assert_true(digest_same(&records[PHASE_ACCOUNT].inputs[0].digest, &in.digest));
	two = seed_run(db, account, day, PHASE_ACCOUNT, false);
	seed_result(db, &two, STATUS_FAIL, MODE_TRADE, "content");
	assert_done(tbl_phase_records(db, account, day, records));
	assert_int_equal(records[PHASE_ACCOUNT].attempt, 3);
	assert_int_equal(records[PHASE_ACCOUNT].status, STATUS_FAIL);
	assert_done(tbl_phase_last_pass_before(db, account, PHASE_ACCOUNT, next, &found));
	assert_int_equal(found.yyyymmdd, day.yyyymmdd);
	assert_reason(tbl_phase_last_pass_before(db, account, PHASE_ACCOUNT, day, &found),
		      REASON_DB_NOT_FOUND);
	/* seen: that build ran on an earlier day whose gate passed */
	assert_done(tbl_phase_seen_before(db, account, next, &build, &seen));
	assert_false(seen);
	one = seed_run(gate, account, day, PHASE_GATE, false);
	seed_result(gate, &one, STATUS_PASS, MODE_TRADE, "content");
	assert_done(tbl_phase_seen_before(db, account, next, &build, &seen));
	assert_true(seen);
	assert_done(tbl_phase_seen_before(db, account, day, &build, &seen));
	assert_false(seen);
	assert_done(tbl_phase_seen_before(db, account, next, &other, &seen));
	assert_false(seen);
	assert_done(tbl_day_traded(db, account, next, &traded));
	assert_false(traded);
	assert_reason(tbl_last_traded_day(db, account, next, &found), REASON_DB_NOT_FOUND);
}

/* Two runs at once: the second number may have had the lease first. What was written last is the newest, everywhere. */
static void test_newest_is_written_last(void **state)
{
	struct kst_day day = { 20200608 };
	struct db *db = logins[PHASE_RECONCILE];
	struct phase_run_row first = seed_run(db, account, day, PHASE_RECONCILE, false);
	struct phase_run_row second = seed_run(db, account, day, PHASE_RECONCILE, false);
	struct mismatch odd = { .symbol = "005930", .since = first.started }, found[2];
	struct phase_record records[PHASE_COUNT];
	int count = -1;

	(void)state;
	assert_true(first.run_id < second.run_id);
	assert_done(tbl_mismatch_add(db, second.run_id, &odd));
	seed_result(db, &second, STATUS_FAIL, MODE_HALT, "second");
	seed_result(db, &first, STATUS_PASS, MODE_TRADE, "first");
	assert_done(tbl_phase_records(db, account, day, records));
	assert_int_equal(records[PHASE_RECONCILE].run_id, first.run_id);
	assert_int_equal(records[PHASE_RECONCILE].status, STATUS_PASS);
	assert_done(tbl_mismatch_newest(db, account, day, found, 2, &count));
	assert_int_equal(count, 0);
}

static void *commit_soon(void *arg)
{
	struct timespec wait = { .tv_nsec = 200000000 };

	return nanosleep(&wait, NULL) == 0 && db_commit(arg) == REASON_OK ? arg : NULL;
}

/* The second asks for the number that the first has not committed yet: it waits, and gets the next one. */
static void test_two_attempts_at_once(void **state)
{
	struct kst_day day = { 20200615 };
	struct db *one = logins[PHASE_AUTH], *two = private_db_open("gj_auth");
	struct phase_run_row a, b;
	pthread_t thread;
	void *committed = NULL;

	(void)state;
	assert_done(db_begin(one));
	a = seed_run(one, account, day, PHASE_AUTH, false);
	assert_int_equal(pthread_create(&thread, NULL, commit_soon, one), 0);
	b = seed_run(two, account, day, PHASE_AUTH, false);
	assert_int_equal(pthread_join(thread, &committed), 0);
	assert_ptr_equal(committed, one);
	assert_int_equal(a.attempt, 1);
	assert_int_equal(b.attempt, 2);
	assert_true(b.run_id > a.run_id);
	db_close(two);
}

static void test_morning_products(void **state)
{
	struct session_row session = { .run_id = 501,
				       .account_id = account,
				       .day = seed_day,
				       .previous = { 20201230 },
				       .shift_s = 3600 },
			   got_session;
	struct cash_row cash = { 502, account, seed_day, true, 1, 2, 3, 4, 5, INT64_C(9000000000000) },
			got_cash;
	struct broker_holding holding = { .symbol = "005930",
					  .name = "삼성전자",
					  .qty = 10,
					  .sellable_qty = 9,
					  .cost_won = -1,
					  .price_won = 83000,
					  .value_won = 830000 },
			      holdings[2];
	struct listing_row listing = { .account_id = account,
				       .day = seed_day,
				       .from = seed_day,
				       .to = seed_day,
				       .kind = "orders",
				       .state = LISTING_COMPLETE,
				       .row_count = 3,
				       .by_program = "account" };
	struct sighting sightings[3];
	int count = 0;

	(void)state;
	session.open = seed_at(36000);
	session.close = seed_at(55800);
	session.entry_end = seed_at(55200);
	assert_done(tbl_session_add(logins[PHASE_PREFLIGHT], &session));
	assert_done(tbl_session_of_run(logins[PHASE_GATE], 501, &got_session));
	assert_memory_equal(&got_session, &session, sizeof(session));
	assert_reason(tbl_session_of_run(logins[PHASE_GATE], 9, &got_session), REASON_DB_NOT_FOUND);
	assert_done(tbl_cash_add(logins[PHASE_ACCOUNT], &cash));
	assert_done(tbl_cash_of_run(logins[PHASE_RECONCILE], 502, &got_cash));
	assert_int_equal(got_cash.equity_won, INT64_C(9000000000000));
	assert_int_equal(got_cash.cash_d2_won, 3);
	assert_true(got_cash.account_match);
	assert_done(tbl_holding_add(logins[PHASE_ACCOUNT], 502, &holding));
	assert_done(tbl_holding_of_run(logins[PHASE_RECONCILE], 502, holdings, 2, &count));
	assert_int_equal(count, 1);
	assert_string_equal(holdings[0].name, "삼성전자");
	assert_int_equal(holdings[0].cost_won, -1);
	assert_int_equal(holdings[0].sellable_qty, 9);
	/* only complete lists of orders that cover the day, since then, are sightings */
	for (int i = 0; i < 5; i++) {
		listing.asked = seed_at(40000 + 10 * i);
		listing.answered = seed_at(40001 + 10 * i);
		listing.state = i == 1 ? LISTING_PARTIAL : LISTING_COMPLETE;
		listing.kind = i == 2 ? "balance" : "orders";
		assert_done(tbl_listing_add(logins[PHASE_RECONCILE], &listing));
	}
	assert_done(tbl_listing_sightings(logins[PHASE_RECONCILE], account, seed_day, seed_at(40001),
					  sightings, 3, &count));
	assert_int_equal(count, 3);
	assert_int_equal(sightings[0].answered.us, seed_at(40001).us);
	assert_int_equal(sightings[1].answered.us, seed_at(40031).us);
	assert_done(tbl_listing_sightings(logins[PHASE_RECONCILE], account, seed_day, seed_at(40002),
					  sightings, 3, &count));
	assert_int_equal(count, 2);
	assert_done(tbl_listing_sightings(logins[PHASE_RECONCILE], account, kst_day_add(seed_day, 1),
					  seed_at(1), sightings, 3, &count));
	assert_int_equal(count, 0);
}

static void test_params(void **state)
{
	struct param_row row = { .account_id = account,
				 .strategy = "breakout",
				 .strategy_version = 2,
				 .body = "a=1\nb=2\n",
				 .imported_by = "kim" },
			 got;
	struct pin_row pin = { .run_id = 601,
			       .account_id = account,
			       .day = { 20200701 },
			       .strategy = "breakout",
			       .strategy_version = 2,
			       .body = "a=1\n",
			       .from_previous = true },
		       got_pin;
	struct kst_day day = { 20200701 }, forever = { 99991231 }, next = { 20200702 };
	struct db *params = logins[PHASE_PARAMS];
	int64_t first = 0, again = 0, second = 0;
	bool seen = true;

	(void)state;
	row.digest = seed_digest("one");
	row.imported = seed_at(1);
	assert_done(tbl_param_add(person, &row, &first));
	assert_done(tbl_param_add(person, &row, &again));
	assert_int_equal(first, again);
	row.digest = seed_digest("two");
	assert_done(tbl_param_add(person, &row, &second));
	assert_int_not_equal(first, second);
	assert_reason(tbl_param_active(params, account, day, &got), REASON_DB_NOT_FOUND);
	assert_done(tbl_param_activate(person, account, first, day, forever, seed_at(2), "kim", "begin"));
	assert_done(tbl_param_activate(person, account, second, next, next, seed_at(3), "kim", "one day"));
	assert_done(tbl_param_active(params, account, day, &got));
	assert_int_equal(got.param_id, first);
	assert_string_equal(got.body, "a=1\nb=2\n");
	assert_int_equal(got.strategy_version, 2);
	assert_done(tbl_param_active(params, account, next, &got));
	assert_int_equal(got.param_id, second);
	assert_done(tbl_param_find(person, second, &got));
	assert_true(digest_same(&got.digest, &row.digest));
	pin.param_id = first;
	pin.digest = seed_digest("pin");
	assert_done(tbl_pin_add(params, &pin));
	assert_done(tbl_pin_of_run(logins[PHASE_GATE], 601, &got_pin));
	assert_true(got_pin.from_previous);
	assert_string_equal(got_pin.body, "a=1\n");
	assert_reason(tbl_pin_last_before(params, account, next, &got_pin), REASON_DB_NOT_FOUND);
	assert_done(tbl_pin_seen_before(logins[PHASE_GUARDRAIL], account, next, &pin.digest, &seen));
	assert_false(seen);
	(void)seed_phase(account, day, PHASE_GATE, STATUS_PASS, MODE_TRADE);
	assert_done(tbl_pin_last_before(params, account, next, &got_pin));
	assert_int_equal(got_pin.run_id, 601);
	assert_done(tbl_pin_seen_before(logins[PHASE_GUARDRAIL], account, next, &pin.digest, &seen));
	assert_true(seen);
}

static void test_snapshots_and_locks(void **state)
{
	struct lot lots[3] = { { "005930", OWNER_SYS, 10, 830000 },
			       { "005930", OWNER_EXT, 5, LOT_COST_UNKNOWN },
			       { "000660", OWNER_SYS, 1, 118000 } },
		   got_lots[3];
	struct snapshot snap = {
		.day = seed_day, .cash_won = 77, .lots = lots, .lot_count = 3, .lot_room = 3
	};
	struct snapshot got = { .lots = got_lots, .lot_room = 3 },
			small = { .lots = got_lots, .lot_room = 2 }, empty = snap;
	struct acceptance_row accepted = { .account_id = account, .day = seed_day, .run_id = 700 }, first;
	struct mismatch mismatch = { .symbol = "005930" }, mismatches[2];
	struct db *db = logins[PHASE_RECONCILE];
	struct symbol_lock locks[2];
	struct phase_run_row run;
	int count = 0;

	(void)state;
	snap.frozen = seed_at(31000);
	empty.frozen = seed_at(31000);
	empty.lot_count = 0;
	assert_reason(tbl_snapshot_accepted(db, account, &got), REASON_DB_NOT_FOUND);
	assert_done(tbl_snapshot_add(db, account, 700, &empty, NULL, &accepted.snapshot_id));
	assert_done(tbl_acceptance_add(db, &accepted, &accepted.acceptance_id));
	first = accepted;
	assert_done(tbl_snapshot_add(db, account, 700, &snap, "", &accepted.snapshot_id));
	accepted.digest = snapshot_digest(&snap);
	accepted.accepted = seed_at(31001);
	assert_done(tbl_acceptance_add(db, &accepted, &accepted.acceptance_id));
	assert_done(tbl_snapshot_accepted(logins[PHASE_GATE], account, &got));
	assert_int_equal(got.snapshot_id, accepted.snapshot_id);
	assert_int_equal(got.lot_count, 3);
	assert_int_equal(got.cash_won, 77);
	assert_int_equal(got.frozen.us, seed_at(31000).us);
	assert_string_equal(got.lots[0].symbol, "000660");
	assert_int_equal(got.lots[2].owner, OWNER_EXT);
	assert_int_equal(got.lots[2].cost_won, LOT_COST_UNKNOWN);
	assert_reason(tbl_snapshot_find(db, accepted.snapshot_id, &small), REASON_OVERFLOW);
	assert_int_equal(small.lot_room, 2);
	assert_done(tbl_acceptance_first_of_day(db, account, seed_day, &first));
	assert_int_equal(first.acceptance_id, accepted.acceptance_id - 1);
	assert_done(tbl_acceptance_newest(db, account, &first));
	assert_int_equal(first.accepted.us, seed_at(31001).us);
	assert_true(digest_same(&first.digest, &accepted.digest));
	/* what an attempt left, until the next one that ended */
	run = seed_run(db, account, seed_day, PHASE_RECONCILE, false);
	mismatch.since = seed_at(5);
	assert_done(tbl_mismatch_add(db, run.run_id, &mismatch));
	seed_result(db, &run, STATUS_FAIL, MODE_HALT, "content");
	assert_done(tbl_mismatch_newest(db, account, seed_day, mismatches, 2, &count));
	assert_int_equal(count, 1);
	assert_int_equal(mismatches[0].since.us, seed_at(5).us);
	run = seed_run(db, account, seed_day, PHASE_RECONCILE, false);
	seed_result(db, &run, STATUS_PASS, MODE_TRADE, "content");
	assert_done(tbl_mismatch_newest(db, account, seed_day, mismatches, 2, &count));
	assert_int_equal(count, 0);
	/* locks: the newest row of each side decides */
	assert_done(tbl_lock_add(db, account, seed_day, "005930", SIDE_BUY, true, "absent", seed_at(6)));
	assert_done(tbl_lock_add(db, account, seed_day, "005930", SIDE_SELL, true, "absent", seed_at(6)));
	assert_done(tbl_lock_add(db, account, seed_day, "000660", SIDE_SELL, true, "absent", seed_at(6)));
	assert_done(tbl_lock_add(db, account, seed_day, "005930", SIDE_SELL, false, "sellable", seed_at(7)));
	assert_done(tbl_lock_of_day(logins[PHASE_GATE], account, seed_day, locks, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(locks[0].symbol, "000660");
	assert_true(locks[0].sell && !locks[0].buy);
	assert_string_equal(locks[1].symbol, "005930");
	assert_true(locks[1].buy && !locks[1].sell);
	assert_reason(tbl_lock_of_day(logins[PHASE_GATE], account, seed_day, locks, 1, &count),
		      REASON_OVERFLOW);
}

static void test_limits_and_universe(void **state)
{
	struct limit_set set = { .equity_won = 10000000,
				 .positions_max = 10,
				 .on_loss_reduce = true,
				 .halved = false,
				 .losing_streak = 5 },
			 got;
	struct symbol_risk risk = { "005930", true, -1, 30000, 1234567 }, risks[2];
	struct universe_row row = { .symbol = "005930",
				    .rank = 2,
				    .why = "list",
				    .market = MARKET_KOSPI,
				    .kind = SYMBOL_ETF,
				    .previous_close_won = 81000,
				    .previous_high_won = 82000,
				    .previous_low_won = 80000,
				    .band = { 56700, 105300 },
				    .entry_allowed = true },
			    rows[2];
	struct digest before, after;
	char symbols[2][SYMBOL_SIZE];
	int count = 0;

	(void)state;
	assert_reason(tbl_limits_of_run(logins[PHASE_GATE], 801, &got), REASON_DB_NOT_FOUND);
	assert_done(tbl_limits_add(logins[PHASE_GUARDRAIL], 801, &set));
	assert_done(tbl_limits_of_run(logins[PHASE_GATE], 801, &got));
	assert_int_equal(got.equity_won, 10000000);
	assert_true(got.on_loss_reduce);
	assert_false(got.halved);
	assert_int_equal(got.losing_streak, 5);
	assert_done(tbl_symbol_risk_add(logins[PHASE_GUARDRAIL], 801, &risk));
	assert_done(tbl_symbol_risk_of_run(logins[PHASE_UNIVERSE], 801, risks, 2, &count));
	assert_int_equal(count, 1);
	assert_true(risks[0].volatile_now);
	assert_int_equal(risks[0].atr_ppm, -1);
	before = frozen_limits(&set, &risk, 1);
	after = frozen_limits(&got, risks, 1);
	assert_true(digest_same(&before, &after));
	/* a limit that this build does not know is refused, not dropped */
	assert_done(db_query(logins[PHASE_GUARDRAIL], "INSERT INTO risk_limit VALUES (802, 'unheard_of', 1)",
			     NULL, NULL));
	assert_reason(tbl_limits_of_run(logins[PHASE_GATE], 802, &got), REASON_DB_SHAPE);
	assert_done(db_query(logins[PHASE_GUARDRAIL], "INSERT INTO risk_limit VALUES (803, 'equity_won', 1)",
			     NULL, NULL));
	assert_reason(tbl_limits_of_run(logins[PHASE_GATE], 803, &got), REASON_DB_SHAPE);
	assert_done(tbl_universe_list_set(person, account, "005930", true, seed_at(1), "kim"));
	assert_done(tbl_universe_list_set(person, account, "000660", true, seed_at(1), "kim"));
	assert_done(tbl_universe_list_set(person, account, "035420", true, seed_at(1), "kim"));
	assert_done(tbl_universe_list_set(person, account, "000660", false, seed_at(2), "kim"));
	assert_done(tbl_universe_list(logins[PHASE_UNIVERSE], account, symbols, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(symbols[0], "005930");
	assert_string_equal(symbols[1], "035420");
	assert_done(tbl_universe_add(logins[PHASE_UNIVERSE], 901, &row));
	memcpy(row.symbol, "035420", 7);
	row.rank = 1;
	row.entry_allowed = false;
	assert_done(tbl_universe_add(logins[PHASE_UNIVERSE], 901, &row));
	assert_done(tbl_universe_out_add(logins[PHASE_UNIVERSE], 901, "000660", "not-listed"));
	assert_done(tbl_universe_of_run(logins[PHASE_GATE], 901, rows, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].symbol, "035420");
	assert_false(rows[0].entry_allowed);
	assert_true(rows[1].entry_allowed);
	assert_int_equal(rows[1].band.high_won, 105300);
	assert_int_equal(rows[1].kind, SYMBOL_ETF);
	before = frozen_universe(rows, 2);
	rows[0].band.low_won++;
	after = frozen_universe(rows, 2);
	assert_false(digest_same(&before, &after));
}

static void test_secrets_and_alerts(void **state)
{
	struct secret_row row = { .account_id = account,
				  .name = "token",
				  .version = 1,
				  .sealed_size = 300,
				  .fingerprint = "0123456789abcdef",
				  .run_id = 5 },
			  got;
	struct alert_row alert = { .account_id = account,
				   .day = seed_day,
				   .level = FINDING_WARN,
				   .code = "a-code",
				   .text = "what happened",
				   .by_program = "auth" },
			 alerts[3];
	struct db *auth = logins[PHASE_AUTH], *mailer = private_db_open("gj_alerts");
	struct wall at = { 5 };
	int64_t first;
	int count = 0;

	(void)state;
	for (int i = 0; i < 300; i++)
		row.sealed[i] = (uint8_t)i;
	row.made = seed_at(1);
	row.expires = seed_at(86399);
	assert_reason(tbl_secret_newest(auth, account, "token", &got), REASON_DB_NOT_FOUND);
	assert_done(tbl_secret_add(auth, &row));
	assert_reason(tbl_secret_add(auth, &row), REASON_DB_DUPLICATE);
	row.version = 2;
	assert_done(tbl_secret_add(auth, &row));
	assert_done(tbl_secret_newest(logins[PHASE_RECONCILE], account, "token", &got));
	assert_int_equal(got.version, 2);
	assert_int_equal(got.sealed_size, 300);
	assert_memory_equal(got.sealed, row.sealed, 300);
	assert_int_equal(got.expires.us, seed_at(86399).us);
	assert_done(tbl_login_attempt_last(auth, "0123456789abcdef", "token", &at));
	assert_int_equal(at.us, 0);
	assert_done(tbl_login_attempt_add(auth, account, "0123456789abcdef", "token", seed_at(3)));
	assert_done(tbl_login_attempt_add(auth, account, "0123456789abcdef", "approval", seed_at(4)));
	assert_done(tbl_login_attempt_last(auth, "0123456789abcdef", "token", &at));
	assert_int_equal(at.us, seed_at(3).us);
	alert.raised = seed_at(5);
	assert_done(tbl_alert_raise(auth, &alert));
	first = alert.alert_id;
	assert_true(first > 0);
	alert.level = FINDING_CRIT;
	assert_done(tbl_alert_raise(auth, &alert));
	assert_done(tbl_alert_unsent(mailer, alerts, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(alerts[0].alert_id, first);
	assert_int_equal(alerts[0].level, FINDING_WARN);
	assert_done(tbl_alert_event(mailer, first, "SENT", seed_at(6), "alerts", ""));
	assert_done(tbl_alert_event(person, alert.alert_id, "ACKNOWLEDGED", seed_at(7), "kim", "seen"));
	assert_done(tbl_alert_open(auth, account, seed_day, alerts, 3, &count));
	assert_int_equal(count, 2);
	assert_true(alerts[0].sent && !alerts[0].acknowledged);
	assert_true(!alerts[1].sent && alerts[1].acknowledged);
	assert_int_equal(alerts[1].level, FINDING_CRIT);
	assert_string_equal(alerts[1].text, "what happened");
	assert_done(tbl_alert_event(auth, first, "CLOSED", seed_at(8), "auth", ""));
	assert_done(tbl_alert_open(auth, account, seed_day, alerts, 3, &count));
	assert_int_equal(count, 1);
	assert_done(tbl_alert_unsent(mailer, alerts, 3, &count));
	assert_int_equal(count, 1);
	assert_reason(tbl_alert_event(mailer, first, "NONSENSE", seed_at(9), "x", ""), REASON_DB_ERROR);
	assert_done(
		tbl_operator_add(person, account, seed_at(9), "kim", "resume", "control", "looked at it"));
	db_close(mailer);
}

static void test_results(void **state)
{
	struct daily_row row = { .run_id = 0,
				 .account_id = account,
				 .day = { 20200801 },
				 .equity_start_won = 100,
				 .equity_end_won = 110,
				 .realised_won = -10,
				 .orders = 20,
				 .fills = 30,
				 .replay_same = true },
			 rows[3];
	struct db *db = logins[PHASE_CLOSE], *worker = private_db_open("gj_worker");
	struct kst_day one = { 20200801 }, two = { 20200802 };
	struct phase_run_row run, runs[2];
	char symbols[3][SYMBOL_SIZE], paths[2][500];
	int64_t trips[4];
	int count = 0;

	(void)state;
	/* the day is closed twice: the newest close counts */
	for (int i = 0; i < 2; i++)
		runs[i] = seed_run(db, account, one, PHASE_CLOSE, false);
	for (int i = 0; i < 2; i++) {
		run = runs[1 - i]; /* the newest is what was written last, not the highest number */
		row.run_id = run.run_id;
		row.equity_end_won = 110 + i;
		assert_done(tbl_daily_add(db, &row));
		assert_done(tbl_round_trip_add(db, run.run_id, account, one, 1, "005930", 5, -100 - i,
					       seed_at(1)));
		assert_done(tbl_round_trip_add(db, run.run_id, account, one, 2, "000660", 5, 200 + i,
					       seed_at(2)));
		assert_done(tbl_selection_add(db, run.run_id, two, i ? "000660" : "035420", 2));
		assert_done(tbl_selection_add(db, run.run_id, two, "005930", 1));
		seed_result(db, &run, STATUS_PASS, MODE_TRADE, "content");
	}
	run = seed_run(db, account, two, PHASE_CLOSE, false);
	row.run_id = run.run_id;
	row.day = two;
	assert_done(tbl_daily_add(db, &row));
	assert_done(tbl_round_trip_add(db, run.run_id, account, two, 1, "005930", 5, -300, seed_at(1)));
	seed_result(db, &run, STATUS_PASS, MODE_TRADE, "content");
	assert_done(tbl_daily_newest(logins[PHASE_GUARDRAIL], account, two, rows, 3, &count));
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].day.yyyymmdd, 20200802);
	assert_int_equal(rows[1].equity_end_won, 111);
	assert_int_equal(rows[1].realised_won, -10);
	assert_true(rows[1].replay_same);
	assert_done(tbl_daily_newest(logins[PHASE_GUARDRAIL], account, one, rows, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].fills, 30);
	assert_done(tbl_round_trip_newest(logins[PHASE_GUARDRAIL], account, trips, 4, &count));
	assert_int_equal(count, 3);
	assert_int_equal(trips[0], -300);
	assert_int_equal(trips[1], 201);
	assert_int_equal(trips[2], -101);
	assert_done(tbl_selection_for(logins[PHASE_UNIVERSE], account, two, symbols, 3, &count));
	assert_int_equal(count, 2);
	assert_string_equal(symbols[0], "005930");
	assert_string_equal(symbols[1], "000660");
	assert_done(tbl_journal_add(worker, account, one, 3, "/var/lib/x/journal.1", seed_at(3)));
	assert_done(tbl_journal_add(worker, account, one, 4, "/var/lib/x/journal.2", seed_at(4)));
	assert_done(tbl_journal_of_day(db, account, one, paths, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(paths[1], "/var/lib/x/journal.2");
	db_close(worker);
}

static void test_values_at_the_edge(void **state)
{
	struct cash_row cash = { .run_id = 551,
				 .account_id = account,
				 .day = seed_day,
				 .cash_d0_won = INT64_MIN,
				 .cash_d1_won = INT64_MAX },
			got;
	struct session_row session = { .run_id = 552,
				       .account_id = account,
				       .day = seed_day,
				       .previous = { 20201230 } },
			   got_session;
	struct param_row param = { .account_id = account, .strategy = "s", .imported_by = "x" };
	int64_t id;

	(void)state;
	assert_done(tbl_cash_add(logins[PHASE_ACCOUNT], &cash));
	assert_done(tbl_cash_of_run(logins[PHASE_GATE], 551, &got));
	assert_true(got.cash_d0_won == INT64_MIN && got.cash_d1_won == INT64_MAX);
	/* the last microsecond of a day keeps its day */
	session.open = (struct wall){ seed_at(86400).us - 1 };
	session.close = seed_at(0);
	session.entry_end = (struct wall){ seed_at(0).us + 1 };
	assert_done(tbl_session_add(logins[PHASE_PREFLIGHT], &session));
	assert_done(tbl_session_of_run(logins[PHASE_GATE], 552, &got_session));
	assert_memory_equal(&got_session, &session, sizeof(session));
	session.run_id = 553;
	session.close = (struct wall){ INT64_MAX };
	assert_reason(tbl_session_add(logins[PHASE_PREFLIGHT], &session), REASON_OVERFLOW);
	session.close = (struct wall){ -1 };
	assert_reason(tbl_session_add(logins[PHASE_PREFLIGHT], &session), REASON_OVERFLOW);
	session.close = seed_at(0);
	session.previous = (struct kst_day){ 0 };
	assert_reason(tbl_session_add(logins[PHASE_PREFLIGHT], &session), REASON_BAD_DAY);
	session.previous = (struct kst_day){ 20210230 };
	assert_reason(tbl_session_add(logins[PHASE_PREFLIGHT], &session), REASON_DB_ERROR);
	/* too long for its column: refused, not cut */
	memset(param.strategy, 's', sizeof(param.strategy) - 1);
	memset(param.imported_by, 'x', sizeof(param.imported_by) - 1);
	param.imported = seed_at(1);
	assert_done(tbl_param_add(person, &param, &id));
	assert_reason(tbl_operator_add(person, account, seed_at(1), "kim",
				       "an action with a name over the column's limit", "", "r"),
		      REASON_DB_ERROR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_statement_prepares),
		cmocka_unit_test(test_account_and_symbols),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_newest_is_written_last),
		cmocka_unit_test(test_two_attempts_at_once),
		cmocka_unit_test(test_morning_products),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_snapshots_and_locks),
		cmocka_unit_test(test_limits_and_universe),
		cmocka_unit_test(test_secrets_and_alerts),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_values_at_the_edge),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
