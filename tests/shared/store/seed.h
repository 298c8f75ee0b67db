/*
 * seed - an account and phase runs in the private database, each row written by the login that may write it.
 */
#ifndef GJ_TEST_SEED_H
#define GJ_TEST_SEED_H

#include "shared/base/bug.h"
#include "shared/store/tables.h"
#include "tests/shared/store/private_db.h"

static const struct kst_day seed_day = { 20210104 };

static inline struct wall seed_at(int32_t second)
{
	return kst_wall(seed_day, second);
}

static inline struct digest seed_digest(const char *text)
{
	struct digest_maker mk;

	digest_begin(&mk, "test");
	digest_text(&mk, "text", text);
	return digest_end(&mk);
}

/* A new account with its lease and control rows. */
static inline int64_t seed_account(const char *name)
{
	struct account_row row = {
		.env = "real", .rehearsal = true, .masked = "50****56-01", .added_by = "tester"
	};
	struct db *db = private_db_open("gj_operator");
	int64_t id = 0;

	memcpy(row.name, name, strlen(name));
	row.fingerprint = seed_digest(name);
	row.added = seed_at(0);
	assert_done(tbl_account_add(db, &row, &id));
	assert_done(tbl_lease_make(db, id, seed_at(0)));
	assert_done(tbl_control_make(db, id, seed_at(0)));
	db_close(db);
	return id;
}

static inline struct phase_run_row seed_run(struct db *db, int64_t account_id, struct kst_day day,
					    enum phase_id phase, bool read_only)
{
	struct phase_run_row run = { .account_id = account_id,
				     .day = day,
				     .phase = phase,
				     .host = "host",
				     .pid = 4711,
				     .boot_id = "00000000-0000-0000-0000-000000000000",
				     .person = "tester",
				     .read_only = read_only };

	run.started = kst_wall(day, 8 * 3600);
	run.deadline = kst_wall(day, 9 * 3600);
	run.build = seed_digest("build");
	run.conf = seed_digest("conf");
	assert_done(tbl_phase_run_add(db, &run));
	return run;
}

static inline void seed_result(struct db *db, const struct phase_run_row *run, enum phase_status status,
			       enum mode mode, const char *content)
{
	struct phase_result_row row = { .run_id = run->run_id,
					.account_id = run->account_id,
					.day = run->day,
					.phase = run->phase,
					.status = status,
					.mode = mode,
					.reason = "ok",
					.detail = "done",
					.took_ms = 12,
					.evidence = "{\"seen\":1}" };

	row.finished = wall_add_us(run->started, 1500000);
	row.content = seed_digest(content);
	assert_done(tbl_phase_result_add(db, &row));
}

/* Run and result of one phase by its own login. */
static inline int64_t seed_phase(int64_t account_id, struct kst_day day, enum phase_id phase,
				 enum phase_status status, enum mode mode)
{
	char login[32];
	struct phase_run_row run;
	struct db *db;

	assert_true(snprintf(login, sizeof(login), "gj_%s", phase_name(phase)) > 0);
	db = private_db_open(login);
	run = seed_run(db, account_id, day, phase, false);
	seed_result(db, &run, status, mode, "content");
	db_close(db);
	return run.run_id;
}

/* A snapshot of one lot and its acceptance. */
static inline int64_t seed_acceptance(int64_t account_id, struct kst_day day)
{
	struct lot lot = { .symbol = "005930", .owner = OWNER_SYS, .qty = 10, .cost_won = 830000 };
	struct snapshot snap = { .day = day,
				 .frozen = kst_wall(day, 30000),
				 .cash_won = 1000000,
				 .lots = &lot,
				 .lot_count = 1,
				 .lot_room = 1 };
	struct acceptance_row row = { .account_id = account_id,
				      .day = day,
				      .accepted = kst_wall(day, 30001) };
	struct db *db = private_db_open("gj_reconcile");
	int64_t id = 0;

	assert_done(tbl_snapshot_add(db, account_id, 1, &snap, "", &row.snapshot_id));
	row.digest = snapshot_digest(&snap);
	row.run_id = 1;
	assert_done(tbl_acceptance_add(db, &row, &id));
	db_close(db);
	return id;
}

#endif
