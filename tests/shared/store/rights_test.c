/* What no login may do, tried: rows that are evidence stay as they are, and a program writes its own rows only. */
#include "tests/shared/store/seed.h"

#define TABLES_MAX 60

static const char *const logins[] = { "gj_preflight", "gj_auth",      "gj_account",  "gj_params",
				      "gj_reconcile", "gj_guardrail", "gj_universe", "gj_gate",
				      "gj_close",     "gj_worker",    "gj_observer", "gj_operator",
				      "gj_alerts",    "gj_deadman",   "gj_reader" };
static struct {
	char name[40], column[40];
} tables[TABLES_MAX];
static int table_count;

static bool take_table(void *arg, int column_count, const char *const *names, const char *const *values)
{
	(void)arg;
	(void)column_count;
	(void)names;
	if (!values)
		return true;
	assert_true(table_count < TABLES_MAX);
	assert_true(snprintf(tables[table_count].name, 40, "%s", values[0]) > 0);
	assert_true(snprintf(tables[table_count].column, 40, "%s", values[1]) > 0);
	table_count++;
	return true;
}

static void find_tables(void)
{
	struct db *db = private_db_open("gj_migrate");

	table_count = 0;
	assert_done(db_query(
		db,
		"SELECT t.table_name, c.column_name FROM information_schema.tables t "
		"JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = "
		"t.table_name "
		"AND c.ordinal_position = 1 WHERE t.table_schema = 'gaejang' AND t.table_type = 'BASE TABLE' "
		"ORDER BY t.table_name",
		take_table, NULL));
	assert_in_range(table_count, 39, TABLES_MAX);
	db_close(db);
}

/* The statement with @ replaced by `table` and # by `column`. */
static enum reason say(struct db *db, const char *form, const char *table, const char *column)
{
	char text[600];
	const char *word;
	size_t at = 0;

	for (; *form; form++) {
		word = *form == '@' ? table : *form == '#' ? column : NULL;
		assert_true(at + (word ? strlen(word) : 1) < sizeof(text) - 1);
		if (word) {
			memcpy(text + at, word, strlen(word));
			at += strlen(word);
		} else {
			text[at++] = *form;
		}
	}
	text[at] = '\0';
	return db_query(db, text, NULL, NULL);
}

static void test_no_login_changes_rows(void **state)
{
	(void)state;
	find_tables();
	for (size_t l = 0; l < ARRAY_COUNT(logins); l++) {
		struct db *db = private_db_open(logins[l]);

		for (int t = 0; t < table_count; t++) {
			enum reason up = say(db, "UPDATE @ SET # = #", tables[t].name, tables[t].column);
			enum reason del = say(db, "DELETE FROM @", tables[t].name, NULL);
			enum reason gone = say(db, "TRUNCATE TABLE @", tables[t].name, NULL);
			enum reason drop = say(db, "DROP TABLE @", tables[t].name, NULL);

			if (up != REASON_DB_DENIED || del != REASON_DB_DENIED || gone != REASON_DB_DENIED ||
			    drop != REASON_DB_DENIED)
				fail_msg("%s on %s: UPDATE %s, DELETE %s, TRUNCATE %s, DROP %s", logins[l],
					 tables[t].name, reason_code(up), reason_code(del), reason_code(gone),
					 reason_code(drop));
		}
		db_close(db);
	}
}

/* A row in every table, so that a trigger has one to refuse; foreign keys and guards of inserts are out of the way here. */
static void fill_tables(struct db *root)
{
	static const char *const texts[] = {
		"SET SESSION foreign_key_checks = 0",
		"INSERT INTO session VALUES (1, 1, '2021-01-04', '2020-12-30', '2021-01-04 10:00', "
		"'2021-01-04 15:30', '2021-01-04 15:20', 0)",
		"INSERT INTO secret VALUES (1, 1, 'token', 1, 'x', 'x', '2021-01-04', '2021-01-05', 1)",
		"INSERT INTO login_attempt VALUES (1, 1, 'x', 'token', '2021-01-04')",
		"INSERT INTO cash_snapshot VALUES (1, 1, '2021-01-04', 1, 1, 1, 1, 1, 1, 1)",
		"INSERT INTO holding VALUES (1, '005930', '', 1, 1, 1, 1, 1)",
		"INSERT INTO param_set VALUES (1, 1, 's', 1, 'b', 'd', '2021-01-04', 'p')",
		"INSERT INTO param_activation VALUES (1, 1, 1, '2021-01-04', '9999-12-31', '2021-01-04', "
		"'p', 'r')",
		"INSERT INTO pin VALUES (1, 1, '2021-01-04', 1, 's', 1, 'b', 'd', 0)",
		"INSERT INTO listing VALUES (1, 1, '2021-01-04', 'orders', '2021-01-04', '2021-01-04', "
		"'COMPLETE', '2021-01-04', '2021-01-04', 0, 'd', 'p', '')",
		"INSERT INTO symbol_lock VALUES (1, 1, '2021-01-04', '005930', 'BUY', 1, 'r', '2021-01-04')",
		"INSERT INTO risk_limit VALUES (1, 'n', 1)",
		"INSERT INTO symbol_risk VALUES (1, '005930', 0, 1, 1, 1)",
		"INSERT INTO universe_list VALUES (1, 1, '005930', 1, '2021-01-04', 'p')",
		"INSERT INTO universe VALUES (1, '005930', 1, 'list', 'KOSPI', 'STOCK', 1, 1, 1, 1, 1, 1)",
		"INSERT INTO universe_out VALUES (1, '000660', 'x')",
		"INSERT INTO mismatch VALUES (1, '005930', '2021-01-04')",
		"INSERT INTO symbol VALUES ('005930', 'KOSPI', 'STOCK', 'x')",
		"INSERT INTO certificate VALUES (1, 1, '2021-01-04', 1, 'TRADE', 1, 'b', 's', '2021-01-04', "
		"'2021-01-05', NULL, '')",
		"INSERT INTO decision VALUES (1, 1, '2021-01-04', 1, 1, '2021-01-04', 0, 's', 'x', '005930', "
		"'BUY', 'LIMIT', 1, 1, 1, 'ok')",
		"INSERT INTO fill VALUES (1, NULL, 1, '2021-01-04', '1', '005930', 'BUY', 'EXT', 0, 1, 1, 0, "
		"0, '2021-01-04', 'p')",
		"INSERT INTO alert VALUES (1, 1, '2021-01-04', 'INFO', 'c', 't', 'p', '2021-01-04')",
		"INSERT INTO alert_event VALUES (1, 1, 'SENT', '2021-01-04', 'p', '')",
		"INSERT INTO operator_action VALUES (1, 1, '2021-01-04', 'p', 'a', '', 'r')",
		"INSERT INTO daily_result VALUES (1, 1, '2021-01-04', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)",
		"INSERT INTO round_trip VALUES (1, 1, 1, '2021-01-04', '005930', 1, 1, '2021-01-04')",
		"INSERT INTO selection VALUES (1, '005930', '2021-01-05', 1)",
		"INSERT INTO journal_file VALUES (1, 1, '2021-01-04', 1, '/x', '2021-01-04')",
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_done(db_query(root, texts[i], NULL, NULL));
}

static void test_triggers_refuse_everybody(void **state)
{
	static const char *const updatable[] = { "lease", "control", "certificate", "schema_migrations",
						 "schema_stated" };
	struct db *db = private_db_open("root"), *worker = private_db_open("gj_worker"),
		  *auth = private_db_open("gj_auth");
	struct order order = {
		.intent_id = 1, .day = seed_day, .symbol = "005930", .qty = 1, .price_won = 1, .excg = "KRX"
	};
	int64_t account = seed_account("triggers");
	struct phase_input in = { .upstream = PHASE_PREFLIGHT, .run_id = 1 };
	struct phase_run_row run;
	struct lease_row mine;
	int refused = 0;

	(void)state;
	fill_tables(db);
	(void)seed_acceptance(account, seed_day);
	assert_done(
		tbl_lease_take(worker, account, LEASE_TRADE, "h:1:b", "worker", seed_at(0), US_PER_S, &mine));
	assert_done(tbl_intent_record(worker, &mine, &order, "s", "x", false, seed_at(0)));
	assert_done(tbl_intent_mark(worker, &mine, 1, false, seed_at(0)));
	run = seed_run(auth, account, seed_day, PHASE_AUTH, false);
	assert_done(tbl_phase_input_add(auth, run.run_id, &in));
	seed_result(auth, &run, STATUS_PASS, MODE_TRADE, "content");
	for (int t = 0; t < table_count; t++) {
		bool insert_only = true;

		for (size_t u = 0; u < ARRAY_COUNT(updatable); u++)
			insert_only = insert_only && strcmp(tables[t].name, updatable[u]) != 0;
		if (!insert_only)
			continue;
		if (say(db, "UPDATE @ SET # = # LIMIT 1", tables[t].name, tables[t].column) !=
			    REASON_DB_REFUSED ||
		    say(db, "DELETE FROM @ LIMIT 1", tables[t].name, NULL) != REASON_DB_REFUSED)
			fail_msg("%s: a row was changed, or there was none: %s", tables[t].name,
				 reason_detail());
		refused++;
	}
	assert_int_equal(refused, table_count - (int)ARRAY_COUNT(updatable));
	for (int t = 0; t < 3; t++)
		assert_reason(say(db, "DELETE FROM @ LIMIT 1", updatable[t], NULL), REASON_DB_REFUSED);
	db_close(db);
	db_close(worker);
	db_close(auth);
}

static void test_own_phase_only(void **state)
{
	int64_t account = seed_account("own phase");
	struct db *auth = private_db_open("gj_auth"), *gate = private_db_open("gj_gate"),
		  *worker = private_db_open("gj_worker");
	struct phase_run_row run = seed_run(auth, account, seed_day, PHASE_AUTH, false), other = run;
	struct phase_result_row result = { .run_id = run.run_id,
					   .account_id = account,
					   .day = seed_day,
					   .phase = PHASE_AUTH,
					   .status = STATUS_PASS,
					   .mode = MODE_TRADE,
					   .reason = "ok",
					   .detail = "" };
	struct phase_input in = { .upstream = PHASE_PREFLIGHT, .run_id = 1 };

	(void)state;
	result.finished = seed_at(1);
	other.phase = PHASE_ACCOUNT;
	assert_reason(tbl_phase_run_add(auth, &other), REASON_DB_REFUSED);
	assert_reason(tbl_phase_run_add(worker, &other), REASON_DB_DENIED);
	/* another login, even one that may write results, does not end this run */
	assert_reason(tbl_phase_result_add(gate, &result), REASON_DB_REFUSED);
	assert_reason(tbl_phase_result_add(worker, &result), REASON_DB_DENIED);
	assert_reason(tbl_phase_input_add(gate, run.run_id, &in), REASON_DB_REFUSED);
	/* nor does its own login claim another phase, day or account */
	result.phase = PHASE_GATE;
	assert_reason(tbl_phase_result_add(auth, &result), REASON_DB_REFUSED);
	result.phase = PHASE_AUTH;
	result.day = kst_day_add(seed_day, 1);
	assert_reason(tbl_phase_result_add(auth, &result), REASON_DB_REFUSED);
	result.day = seed_day;
	result.account_id = account + 1;
	assert_reason(tbl_phase_result_add(auth, &result), REASON_DB_REFUSED);
	result.account_id = account;
	assert_done(tbl_phase_result_add(auth, &result));
	assert_reason(tbl_phase_result_add(auth, &result), REASON_DB_DUPLICATE);
	db_close(auth);
	db_close(gate);
	db_close(worker);
}

static void test_orders_of_ours(void **state)
{
	static const char insert[] =
		"INSERT INTO intent (intent_id, account_id, trade_date, epoch, kind, strategy, signal_code, "
		"symbol, side, type, qty, price_won, excg, owner, recorded_kst) VALUES "
		"(@, (SELECT account_id FROM account WHERE name = 'ours'), '2021-01-04', 1, 'NEW', 's', "
		"'x', "
		"'005930', 'BUY', 'LIMIT', 1, 1, 'KRX', 'SYS', '2021-01-04 10:00:00')";
	static const char mark[] = "INSERT INTO send_mark SELECT @, account_id, 1, '2021-01-04 10:00:00' "
				   "FROM account WHERE name = 'ours'";
	static const char insert_now[] =
		"INSERT INTO intent (intent_id, account_id, trade_date, epoch, kind, strategy, signal_code, "
		"symbol, side, type, qty, price_won, excg, owner, recorded_kst) VALUES "
		"(@, (SELECT account_id FROM account WHERE name = 'ours'), '2021-01-04', 2, '#', 's', "
		"'x', "
		"'005930', 'BUY', 'LIMIT', 1, 1, 'KRX', 'SYS', '2021-01-04 10:00:00')";
	static const char mark_now[] = "INSERT INTO send_mark SELECT @, account_id, 2, '2021-01-04 10:00:00' "
				       "FROM account WHERE name = 'ours'";
	int64_t account = seed_account("ours");
	struct db *worker = private_db_open("gj_worker"), *observer = private_db_open("gj_observer");
	struct db *reconcile = private_db_open("gj_reconcile"), *close_login = private_db_open("gj_close");
	struct lease_row mine;

	(void)state;
	/* no TRADE lease: not even the worker, however it writes the row */
	assert_reason(say(worker, insert, "601", NULL), REASON_DB_REFUSED);
	assert_done(tbl_lease_take(worker, account, LEASE_PHASE, "h:1:b", "worker", seed_at(35999),
				   100 * US_PER_S, &mine));
	assert_reason(say(worker, insert, "601", NULL), REASON_DB_REFUSED);
	assert_done(tbl_lease_give_back(worker, &mine, seed_at(35999)));
	assert_done(tbl_lease_take(worker, account, LEASE_TRADE, "h:1:b", "worker", seed_at(35999),
				   100 * US_PER_S, &mine));
	assert_int_equal(mine.epoch, 2);
	assert_reason(say(worker, insert, "601", NULL), REASON_DB_REFUSED); /* epoch 1 */
	assert_reason(say(observer, insert, "601", NULL), REASON_DB_REFUSED);
	assert_reason(say(reconcile, insert, "601", NULL), REASON_DB_REFUSED);
	assert_reason(say(close_login, insert, "601", NULL), REASON_DB_REFUSED);
	assert_reason(say(worker, mark, "601", NULL), REASON_DB_REFUSED);
	assert_reason(say(reconcile, mark, "601", NULL), REASON_DB_DENIED);
	assert_reason(db_query(reconcile, "CALL intent_mark(1, 'h', 1, '2021-01-04', 0, 1, 'p')", NULL, NULL),
		      REASON_DB_DENIED);
	/* under the right epoch the observer ends orders and begins none, whatever it writes */
	assert_reason(say(observer, insert_now, "602", "NEW"), REASON_DB_REFUSED);
	assert_done(say(observer, insert_now, "603", "CANCEL"));
	assert_done(say(worker, insert_now, "604", "NEW"));
	assert_reason(say(observer, mark_now, "604", NULL), REASON_DB_REFUSED);
	assert_done(say(observer, mark_now, "603", NULL));
	assert_done(say(worker, mark_now, "604", NULL));
	db_close(worker);
	db_close(observer);
	db_close(reconcile);
	db_close(close_login);
}

static void test_certificate_once(void **state)
{
	int64_t account = seed_account("certificate"), id = 0;
	struct db *gate = private_db_open("gj_gate"), *worker = private_db_open("gj_worker"),
		  *root = private_db_open("root");
	struct certificate_row row = { .account_id = account,
				       .day = seed_day,
				       .run_id = 5,
				       .mode = MODE_TRADE,
				       .epoch = 3,
				       .body = "body",
				       .signature = "signature" },
			       got;

	(void)state;
	row.issued = seed_at(32000);
	row.expires = seed_at(33000);
	assert_reason(tbl_certificate_newest(worker, account, seed_day, &got), REASON_DB_NOT_FOUND);
	assert_reason(tbl_certificate_add(worker, &row, &id), REASON_DB_DENIED);
	assert_done(tbl_certificate_add(gate, &row, &id));
	assert_done(tbl_certificate_newest(worker, account, seed_day, &got));
	assert_int_equal(got.certificate_id, id);
	assert_int_equal(got.consumed.us, 0);
	assert_int_equal(got.epoch, 3);
	assert_int_equal(got.mode, MODE_TRADE);
	assert_string_equal(got.body, "body");
	assert_reason(db_query(worker, "UPDATE certificate SET expires_kst = '2031-01-01'", NULL, NULL),
		      REASON_DB_DENIED);
	assert_reason(db_query(root,
			       "UPDATE certificate SET expires_kst = '2031-01-01' WHERE consumed_kst IS NULL",
			       NULL, NULL),
		      REASON_DB_REFUSED);
	assert_done(tbl_certificate_consume(worker, id, "h:1:b", seed_at(32100)));
	assert_reason(tbl_certificate_consume(worker, id, "h:2:b", seed_at(32101)), REASON_DB_REFUSED);
	assert_reason(tbl_certificate_consume(worker, 999999, "h:2:b", seed_at(32101)), REASON_DB_REFUSED);
	assert_reason(db_query(worker,
			       "UPDATE certificate SET consumed_kst = NULL WHERE consumed_kst IS NOT NULL",
			       NULL, NULL),
		      REASON_DB_REFUSED);
	assert_done(tbl_certificate_find(worker, id, &got));
	assert_int_equal(got.consumed.us, seed_at(32100).us);
	assert_string_equal(got.consumed_by, "h:1:b");
	db_close(gate);
	db_close(worker);
	db_close(root);
}

static void test_stop_and_epoch(void **state)
{
	int64_t account = seed_account("sticky");
	struct db *worker = private_db_open("gj_worker"), *root = private_db_open("root"),
		  *person = private_db_open("gj_operator");
	enum mode stands;

	(void)state;
	assert_done(tbl_control_lower(worker, account, MODE_OBSERVE, "x", "worker", seed_at(1), &stands));
	assert_reason(db_query(root, "UPDATE control SET mode = 'TRADE' WHERE mode = 'OBSERVE'", NULL, NULL),
		      REASON_DB_REFUSED);
	assert_done(db_query(person, "UPDATE control SET mode = 'TRADE', reason = 'r' WHERE mode = 'OBSERVE'",
			     NULL, NULL));
	assert_reason(db_query(root, "UPDATE lease SET epoch = epoch + 1; ", NULL, NULL), REASON_OK);
	assert_reason(db_query(root, "UPDATE lease SET epoch = epoch - 1", NULL, NULL), REASON_DB_REFUSED);
	assert_reason(db_query(worker, "UPDATE lease SET account_id = 99", NULL, NULL), REASON_DB_DENIED);
	db_close(worker);
	db_close(root);
	db_close(person);
}

static void test_secrets_stay_sealed(void **state)
{
	static const char *const blind[] = { "gj_preflight", "gj_params",  "gj_gate",
					     "gj_alerts",    "gj_deadman", "gj_reader" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(blind); i++) {
		struct db *db = private_db_open(blind[i]);

		assert_reason(db_query(db, "SELECT sealed FROM secret", NULL, NULL), REASON_DB_DENIED);
		assert_reason(db_query(db, "SELECT * FROM mysql.user", NULL, NULL), REASON_DB_DENIED);
		assert_reason(db_query(db, "CREATE TABLE x (a INT)", NULL, NULL), REASON_DB_DENIED);
		db_close(db);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_login_changes_rows),
		cmocka_unit_test(test_triggers_refuse_everybody),
		cmocka_unit_test(test_own_phase_only),
		cmocka_unit_test(test_orders_of_ours),
		cmocka_unit_test(test_certificate_once),
		cmocka_unit_test(test_stop_and_epoch),
		cmocka_unit_test(test_secrets_stay_sealed),
	};

	return cmocka_run_group_tests(tests, private_db_start, private_db_stop);
}
