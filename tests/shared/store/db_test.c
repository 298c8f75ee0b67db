/* What an error number becomes, tried on a real server: conflicts, lost connections, a killed server, a commit without answer. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "shared/store/db_inner.h"
#include "tests/shared/store/seed.h"

static int64_t account_a, account_b;

static void pause_ms(int64_t ms)
{
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

	assert_int_equal(nanosleep(&wait, NULL), 0);
}

static int64_t now_ms(void)
{
	struct timespec at;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &at), 0);
	return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static bool take_text(void *arg, int column_count, const char *const *names, const char *const *values)
{
	(void)column_count;
	(void)names;
	if (values)
		assert_true(snprintf(arg, 100, "%s", values[0] ? values[0] : "NULL") >= 0);
	return true;
}

static const char *text_of(struct db *db, const char *query)
{
	static char text[100];

	text[0] = '\0';
	assert_done(db_query(db, query, take_text, text));
	return text;
}

static int set_up(void **state)
{
	if (private_db_start(state) != 0)
		return -1;
	account_a = seed_account("first");
	account_b = seed_account("second");
	return 0;
}

static enum reason heart(struct db *db, int64_t account, struct lease_row *mine)
{
	return tbl_lease_take(db, account, LEASE_TRADE, "h:1:b", "worker", seed_at(1), 86000 * US_PER_S,
			      mine);
}

static void test_session_settings(void **state)
{
	struct db *db = private_db_open("gj_worker");

	(void)state;
	assert_string_equal(db_user(db), "gj_worker");
	assert_string_equal(text_of(db, "SELECT @@session.time_zone"), "+09:00");
	assert_string_equal(text_of(db, "SELECT @@session.tx_isolation"), "READ-COMMITTED");
	assert_string_equal(text_of(db, "SELECT @@session.sql_mode LIKE '%STRICT_ALL_TABLES%'"), "1");
	assert_string_equal(text_of(db, "SELECT @@skip_networking"), "1");
	assert_string_equal(text_of(db, "SELECT @@innodb_flush_log_at_trx_commit"), "1");
	assert_string_equal(text_of(db, "SELECT NULL"), "NULL");
	assert_done(db_ping(db));
	db_close(db);
	db_close(NULL);
}

static void test_open_refusals(void **state)
{
	char too_long[130], kept[200];
	struct db *db = NULL;
	char other[] = "other";

	(void)state;
	memcpy(kept, private_db.socket, sizeof(kept));
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	too_long[108] = '\0';
	memcpy(private_db.socket, too_long, 109);
	assert_reason(private_db_try("root", "", &db), REASON_SOCKET_PATH_LONG);
	private_db.socket[107] = '\0'; /* 107 bytes: the kernel takes it, nobody is there */
	assert_reason(private_db_try("root", "", &db), REASON_DB_AWAY);
	assert_non_null(strstr(reason_detail(), "db_socket"));
	memcpy(private_db.socket, kept, sizeof(kept));
	assert_reason(private_db_try("gj_nobody", "x", &db), REASON_DB_LOGIN);
	private_db.cfg.values[CONF_DB_NAME].text = other;
	assert_reason(private_db_try("root", "", &db), REASON_DB_SHAPE);
	assert_reason(private_db_try("gj_auth", PRIVATE_PASSWORD, &db), REASON_DB_DENIED);
	private_db_conf();
	assert_null(db);
}

static void test_numbers(void **state)
{
	static const struct {
		unsigned number;
		enum reason want;
	} cases[] = {
		{ 1205, REASON_DB_CONFLICT },  { 1213, REASON_DB_CONFLICT }, { 1047, REASON_DB_CONFLICT },
		{ 1020, REASON_DB_CONFLICT },  { 2002, REASON_DB_AWAY },     { 2003, REASON_DB_AWAY },
		{ 2006, REASON_DB_AWAY },      { 2013, REASON_DB_AWAY },     { 1927, REASON_DB_AWAY },
		{ 1040, REASON_DB_AWAY },      { 1142, REASON_DB_DENIED },   { 1143, REASON_DB_DENIED },
		{ 1044, REASON_DB_DENIED },    { 1045, REASON_DB_LOGIN },    { 1698, REASON_DB_LOGIN },
		{ 1062, REASON_DB_DUPLICATE }, { 1644, REASON_DB_REFUSED },  { 1290, REASON_DB_READ_ONLY },
		{ 1146, REASON_DB_SHAPE },     { 1054, REASON_DB_SHAPE },    { 1305, REASON_DB_SHAPE },
		{ 1064, REASON_DB_ERROR },     { 1406, REASON_DB_ERROR },    { 31001, REASON_LEASE_LOST },
		{ 31002, REASON_FW_MODE },     { 31003, REASON_NO_BASE },
	};
	struct db *db = private_db_open("gj_worker");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (db_trouble(db, cases[i].number, "m", "s") != cases[i].want)
			fail_msg("%u: %s", cases[i].number, reason_detail());
	}
	db_close(db);
}

static void test_lock_wait(void **state)
{
	struct db *one = private_db_open("gj_worker"), *two = NULL;
	struct lease_row mine, got;
	int64_t began;

	(void)state;
	private_db.cfg.values[CONF_DB_STATEMENT_MS].number = 1000;
	two = private_db_open("gj_worker");
	private_db_conf();
	assert_done(heart(one, account_a, &mine));
	assert_done(db_begin(one));
	assert_done(tbl_lease_touch(one, &mine, seed_at(2)));
	assert_done(db_begin(two));
	assert_reason(tbl_lease_touch(two, &mine, seed_at(2)), REASON_DB_CONFLICT); /* 1205 */
	/* nothing more is accepted in a transaction that was lost: it would be committed alone */
	assert_reason(tbl_lease_read(two, account_a, &got), REASON_DB_CONFLICT);
	assert_reason(db_commit(two), REASON_DB_CONFLICT);
	/* a SELECT ... FOR UPDATE fails after its columns were announced: 1205 all the same, and the connection lives on */
	assert_done(db_begin(two));
	began = now_ms();
	assert_reason(
		tbl_lease_take(two, account_a, LEASE_PHASE, "h:2:b", "auth", seed_at(2), US_PER_S, &got),
		REASON_DB_CONFLICT);
	assert_in_range(now_ms() - began, 500, 1900);
	db_rollback(two);
	assert_done(db_ping(two));
	assert_done(db_commit(one));
	assert_reason(
		tbl_lease_take(two, account_a, LEASE_PHASE, "h:2:b", "auth", seed_at(2), US_PER_S, &got),
		REASON_LEASE_HELD);
	assert_done(db_begin(two));
	assert_done(tbl_lease_touch(two, &mine, seed_at(2)));
	assert_done(db_commit(two));
	db_close(one);
	db_close(two);
}

struct cross {
	struct db *db;
	struct lease_row first, second;
	pthread_barrier_t *barrier;
	int runs;
	enum reason why;
};

static enum reason cross_work(struct db *db, void *arg)
{
	struct cross *cross = arg;
	enum reason why;

	cross->runs++;
	why = tbl_lease_touch(db, &cross->first, seed_at(2));
	if (why != REASON_OK)
		return why;
	if (cross->runs == 1)
		(void)pthread_barrier_wait(cross->barrier);
	return tbl_lease_touch(db, &cross->second, seed_at(2));
}

static void *cross_thread(void *arg)
{
	struct cross *cross = arg;

	cross->why = db_transact(cross->db, cross_work, cross);
	return NULL;
}

static void test_deadlock_is_repeated(void **state)
{
	struct cross crosses[2] = { 0 };
	pthread_barrier_t barrier;
	pthread_t thread;
	struct lease_row a, b;

	(void)state;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	for (int i = 0; i < 2; i++) {
		crosses[i].db = private_db_open("gj_worker");
		crosses[i].barrier = &barrier;
	}
	assert_done(heart(crosses[0].db, account_a, &a));
	assert_done(heart(crosses[0].db, account_b, &b));
	crosses[0].first = crosses[1].second = a;
	crosses[0].second = crosses[1].first = b;
	assert_int_equal(pthread_create(&thread, NULL, cross_thread, &crosses[1]), 0);
	(void)cross_thread(&crosses[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(crosses[0].why, REASON_OK);
	assert_int_equal(crosses[1].why, REASON_OK);
	assert_int_equal(crosses[0].runs + crosses[1].runs, 3); /* 1213: one of the two ran again */
	for (int i = 0; i < 2; i++)
		db_close(crosses[i].db);
	assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

static void kill_connection(struct db *victim)
{
	struct db *root = private_db_open("root");
	char text[60];

	assert_true(snprintf(text, sizeof(text), "KILL CONNECTION %s",
			     text_of(victim, "SELECT CONNECTION_ID()")) > 0);
	assert_done(db_query(root, text, NULL, NULL));
	db_close(root);
}

static enum reason lose_and_touch(struct db *db, void *arg)
{
	kill_connection(db);
	return tbl_lease_touch(db, arg, seed_at(2));
}

static void test_killed_connection(void **state)
{
	struct db *db = private_db_open("gj_worker");
	struct lease_row mine, got;

	(void)state;
	assert_done(heart(db, account_a, &mine));
	kill_connection(db);
	assert_reason(tbl_lease_read(db, account_a, &got), REASON_DB_AWAY);
	assert_reason(tbl_lease_read(db, account_a, &got),
		      REASON_DB_AWAY); /* it does not come back by itself */
	assert_done(db_reopen(db));
	assert_done(tbl_lease_read(db, account_a, &got)); /* prepared again */
	assert_int_equal(got.epoch, mine.epoch);
	assert_reason(db_transact(db, lose_and_touch, &mine), REASON_DB_AWAY);
	assert_done(db_reopen(db));
	/* killed just before COMMIT: whether it stands is not known, and is read back */
	assert_done(db_begin(db));
	assert_done(tbl_lease_touch(db, &mine, seed_at(2)));
	kill_connection(db);
	assert_reason(db_commit(db), REASON_DB_COMMIT_UNKNOWN);
	assert_done(db_reopen(db));
	assert_done(tbl_lease_read(db, account_a, &got));
	db_close(db);
}

/* The signal is sent at once and taken a moment later, by every thread for itself. */
static void stopped_now(pid_t pid)
{
	for (int tries = 0; tries < 500; tries++) {
		char path[64], line[256] = "";
		const char *after_name;
		FILE *from;

		assert_true(snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid) > 0);
		from = fopen(path, "r");
		assert_non_null(from);
		assert_non_null(fgets(line, sizeof(line), from));
		assert_int_equal(fclose(from), 0);
		after_name = strrchr(line, ')');
		assert_non_null(after_name);
		if (after_name[2] == 'T')
			return;
		pause_ms(10);
	}
	fail_msg("process %d does not stop", (int)pid);
}

static void test_frozen_server(void **state)
{
	struct db *db;
	char status[60] = "", path[120];
	int64_t began;
	FILE *from;
	pid_t server;

	(void)state;
	private_db.cfg.values[CONF_DB_STATEMENT_MS].number = 1000;
	db = private_db_open("gj_worker");
	private_db_conf();
	assert_true(snprintf(path, sizeof(path), "%s/mariadb.pid", private_db.folder) > 0);
	from = fopen(path, "r");
	assert_non_null(from);
	assert_non_null(fgets(status, sizeof(status), from));
	assert_int_equal(fclose(from), 0);
	server = (pid_t)strtol(status, NULL, 10);
	assert_true(server > 1);
	assert_int_equal(kill(server, SIGSTOP), 0);
	stopped_now(server);
	began = now_ms();
	assert_reason(db_ping(db), REASON_DB_AWAY);
	assert_in_range(now_ms() - began, 900, 6000);
	assert_int_equal(kill(server, SIGCONT), 0);
	db_close(db);
}

static enum reason count_intents(struct db *db, int64_t account, int *out_count)
{
	struct order orders[50];

	return tbl_orders_between(db, account, seed_day, seed_day, orders, 50, out_count);
}

static void *kill_server_soon(void *arg)
{
	(void)arg;
	pause_ms(300);
	return private_db_say("kill") == 0 ? arg : NULL;
}

static void test_killed_server(void **state)
{
	struct order order = { .intent_id = 801,
			       .day = seed_day,
			       .symbol = "005930",
			       .qty = 1,
			       .price_won = 82000,
			       .excg = "KRX" };
	struct db *db = private_db_open("gj_worker"), *blocker = private_db_open("gj_worker");
	struct lease_row mine;
	pthread_t killer;
	void *killed = NULL;
	int count = -1;

	(void)state;
	(void)seed_acceptance(account_a, seed_day);
	assert_done(heart(db, account_a, &mine));
	assert_done(tbl_intent_record(db, &mine, &order, "s", "x", false, seed_at(2)));
	/* a mark that waits for the lease row when the server dies under it: nobody knows, so it is asked */
	assert_done(db_begin(blocker));
	assert_done(tbl_lease_touch(blocker, &mine, seed_at(2)));
	assert_int_equal(pthread_create(&killer, NULL, kill_server_soon, &killed), 0);
	assert_reason(tbl_intent_mark(db, &mine, 801, false, seed_at(3)), REASON_DB_COMMIT_UNKNOWN);
	assert_reason(tbl_lease_renew(db, &mine, seed_at(3), US_PER_S), REASON_DB_AWAY);
	assert_int_equal(pthread_join(killer, &killed), 0);
	assert_non_null(killed);
	assert_reason(db_commit(blocker), REASON_DB_COMMIT_UNKNOWN);
	assert_reason(db_reopen(db), REASON_DB_AWAY);
	assert_false(db_open_now(db));
	assert_reason(db_ping(db), REASON_DB_AWAY);
	assert_reason(db_begin(db), REASON_DB_AWAY);
	assert_reason(count_intents(db, account_a, &count), REASON_DB_AWAY);
	/* back again: what was committed is there, what was not is not */
	assert_int_equal(private_db_say("start"), 0);
	assert_done(db_reopen(db));
	assert_done(count_intents(db, account_a, &count));
	assert_int_equal(count, 1);
	assert_string_equal(text_of(db, "SELECT COUNT(*) FROM send_mark WHERE intent_id = 801"), "0");
	assert_done(tbl_intent_mark(db, &mine, 801, false, seed_at(4)));
	/* kill -9 right after the answer: the second mark stays */
	assert_int_equal(private_db_say("kill"), 0);
	assert_int_equal(private_db_say("start"), 0);
	assert_done(db_reopen(db));
	assert_string_equal(text_of(db, "SELECT COUNT(*) FROM send_mark WHERE intent_id = 801"), "1");
	assert_string_equal(
		text_of(db,
			"SELECT state FROM order_event WHERE intent_id = 801 ORDER BY event_id DESC LIMIT 1"),
		"SENDING");
	db_close(db);
	db_close(blocker);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_settings),
		cmocka_unit_test(test_open_refusals),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lock_wait),
		cmocka_unit_test(test_deadlock_is_repeated),
		cmocka_unit_test(test_killed_connection),
		cmocka_unit_test(test_frozen_server),
		cmocka_unit_test(test_killed_server),
	};

	return cmocka_run_group_tests(tests, set_up, private_db_stop);
}
