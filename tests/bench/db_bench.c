/*
 * db_bench - the two durable marks of an order, against a bare one-row commit and against append + fdatasync.
 *
 *   db_bench FOLDER     FOLDER is that of a private server that ops/db has started
 *
 * Per order and in turn: bare commit, tbl_intent_record, tbl_intent_mark, tbl_order_event_add, each as the worker calls
 * it, with the worker's login and rights. After the orders of a round, as many appends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/store/migrate.h"
#include "shared/store/tables.h"
#include "tests/bench/bare_commit.h"
#include "tests/bench/figure.h"
#include "shared/base/banned.h"

#define ROUNDS     7
#define ORDERS     150
#define WARM       50
#define APPEND_LEN 200
#define PASSWORD   "password-of-a-benchmark"

enum way { WAY_BARE, WAY_APPEND, WAY_RECORD, WAY_MARK, WAY_EVENT, WAY_COUNT };

static const struct kst_day day = { 20210104 };
static struct conf cfg;
static struct lease_row lease;
static int append_fd;

static void must(enum reason why)
{
	if (why == REASON_OK)
		return;
	fprintf(stderr, "db_bench: %s: %s\n", reason_code(why), reason_detail());
	exit(1);
}

static struct wall now(void)
{
	return kst_wall(day, 10 * 3600);
}

static void configure(const char *folder)
{
	static char socket[300], schema[] = "gaejang", ms[] = "4000";

	(void)snprintf(socket, sizeof(socket), "%s/db.sock", folder);
	cfg.values[CONF_DB_SOCKET].text = socket;
	cfg.values[CONF_DB_NAME].text = schema;
	cfg.values[CONF_DB_CONNECT_MS].text = cfg.values[CONF_DB_STATEMENT_MS].text = ms;
	cfg.values[CONF_DB_CONNECT_MS].number = cfg.values[CONF_DB_STATEMENT_MS].number = 4000;
}

static struct db *enter(const char *user)
{
	struct db_login login = { 0 };
	struct db *db = NULL;

	(void)snprintf(login.user, sizeof(login.user), "%s", user);
	(void)snprintf(login.password, sizeof(login.password), "%s",
		       strcmp(user, "root") == 0 ? "" : PASSWORD);
	must(db_open(&cfg, &login, &db));
	return db;
}

static void make_schema(void)
{
	static const char *const logins[] = { "gj_operator", "gj_reconcile", "gj_worker" };
	struct migrate_report report;
	struct db *db = enter("root");

	must(migrate_up(db, "sql", &report));
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++)
		must(migrate_login(db, logins[i], PASSWORD));
	db_close(db);
}

/* An account that may trade: lease, mode TRADE, an accepted snapshot. Each row by the login that may write it. */
static void make_account(void)
{
	struct account_row account = {
		.name = "bench", .env = "real", .rehearsal = true, .masked = "****56-01", .added_by = "bench"
	};
	struct snapshot snap = { .day = day, .frozen = now(), .cash_won = 1000000 };
	struct acceptance_row acceptance = { .day = day, .accepted = now(), .run_id = 1 };
	struct db *db = enter("gj_operator");
	int64_t id = 0;

	account.added = now();
	must(tbl_account_add(db, &account, &account.account_id));
	must(tbl_lease_make(db, account.account_id, now()));
	must(tbl_control_make(db, account.account_id, now()));
	db_close(db);
	db = enter("gj_reconcile");
	must(tbl_snapshot_add(db, account.account_id, 1, &snap, "", &acceptance.snapshot_id));
	acceptance.account_id = account.account_id;
	acceptance.digest = snapshot_digest(&snap);
	must(tbl_acceptance_add(db, &acceptance, &id));
	db_close(db);
	db = enter("gj_worker");
	must(tbl_lease_take(db, account.account_id, LEASE_TRADE, "bench:1:b", "worker", now(),
			    3600 * US_PER_S, &lease));
	db_close(db);
}

static double since_us(struct mono begun)
{
	return (double)(clock_real_mono().ns - begun.ns) / 1000;
}

static double append_us(void)
{
	static const char line[APPEND_LEN] = "one record of a plain journal";
	struct mono begun = clock_real_mono();

	if (write(append_fd, line, sizeof(line)) != (ssize_t)sizeof(line) || fdatasync(append_fd) != 0) {
		perror("db_bench: append");
		exit(1);
	}
	return since_us(begun);
}

static void one_order(struct db *db, struct bare *bare, int64_t n, double out_us[static WAY_COUNT])
{
	struct order order = { .intent_id = n,
			       .day = day,
			       .kind = INTENT_NEW,
			       .symbol = "005930",
			       .side = SIDE_BUY,
			       .type = TYPE_LIMIT,
			       .qty = 10,
			       .price_won = 82000,
			       .excg = "KRX" };
	struct order_event_row event = { .intent_id = n,
					 .account_id = lease.account_id,
					 .event = OEV_ACCEPTED,
					 .state = ORDER_OPEN,
					 .at = now(),
					 .odno = "0000004711",
					 .branch = "91252",
					 .order_day = day,
					 .by_program = "worker",
					 .evidence = "{\"rt_cd\":\"0\",\"msg_cd\":\"APBK0013\"}" };
	struct mono begun;

	out_us[WAY_BARE] = bare_commit_us(bare, n);
	begun = clock_real_mono();
	must(tbl_intent_record(db, &lease, &order, "breakout", "entry", false, now()));
	out_us[WAY_RECORD] = since_us(begun);
	begun = clock_real_mono();
	must(tbl_intent_mark(db, &lease, n, false, now()));
	out_us[WAY_MARK] = since_us(begun);
	begun = clock_real_mono();
	must(tbl_order_event_add(db, &event));
	out_us[WAY_EVENT] = since_us(begun);
}

int main(int argc, char **argv)
{
	static const char *const names[WAY_COUNT][2] = {
		{ "bare_commit_p50", "bare_commit_p99" },     { "append_sync_p50", "append_sync_p99" },
		{ "intent_record_p50", "intent_record_p99" }, { "intent_mark_p50", "intent_mark_p99" },
		{ "order_event_p50", "order_event_p99" },
	};
	static struct figure figures[WAY_COUNT][2];
	static double times[WAY_COUNT][ORDERS];
	char path[400];
	struct bare bare;
	struct db *db;
	int64_t n = 2021010400000100000;

	if (argc != 2) {
		fprintf(stderr, "usage: db_bench FOLDER (of a server started by ops/db)\n");
		return 64;
	}
	(void)snprintf(path, sizeof(path), "%s/append", argv[1]);
	append_fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	if (append_fd < 0) {
		perror(path);
		return 1;
	}
	configure(argv[1]);
	make_schema();
	make_account();
	bare_open(&bare, conf_text(&cfg, CONF_DB_SOCKET));
	db = enter("gj_worker");
	for (int way = 0; way < WAY_COUNT; way++) {
		for (int k = 0; k < 2; k++)
			figures[way][k] = (struct figure){ .name = names[way][k], .unit = "us" };
	}
	for (int round = -1; round < ROUNDS; round++) { /* round -1 warms plans and pages */
		int orders = round < 0 ? WARM : ORDERS;

		for (int i = 0; i < orders; i++) {
			double us[WAY_COUNT] = { 0 };

			one_order(db, &bare, n++, us);
			for (int way = 0; way < WAY_COUNT; way++)
				times[way][i] = us[way];
		}
		/* Apart from the others: a wait for the disk in front of one of them would let it start cold. */
		for (int i = 0; i < orders; i++)
			times[WAY_APPEND][i] = append_us();
		for (int way = 0; way < WAY_COUNT && round >= 0; way++) {
			figure_add(&figures[way][0], figure_percentile(times[way], orders, 50));
			figure_add(&figures[way][1], figure_percentile(times[way], orders, 99));
		}
	}
	for (int way = WAY_RECORD; way < WAY_COUNT; way++) {
		figure_tell(&figures[way][0], &figures[WAY_BARE][0]);
		figure_tell(&figures[way][1], &figures[WAY_BARE][1]);
	}
	figure_tell(&figures[WAY_BARE][0], &figures[WAY_APPEND][0]);
	figure_tell(&figures[WAY_BARE][1], &figures[WAY_APPEND][1]);
	figure_tell(&figures[WAY_APPEND][0], NULL);
	figure_tell(&figures[WAY_APPEND][1], NULL);
	db_close(db);
	bare_close(&bare);
	(void)close(append_fd);
	return 0;
}
