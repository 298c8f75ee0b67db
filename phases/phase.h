/*
 * phase - the frame every recorded phase runs in: options, configuration, clock, database, upstream, lease, answer.
 *
 * Shape   main() of a phase is `return phase_main(argc, argv, &definition)`. The definition's run() reads and computes;
 *         its commit() writes the products, inside the transaction that ends with the phase_result row. run() has no other
 *         way to make something visible, except where a phase says so (auth stores a token at once, reconcile stores
 *         listings at once, the gate stores its certificate before the launch).
 * Units   times are struct wall of the program's clock; took_ms real time.
 * Owner   phase_main opens and closes everything in struct phase; run() borrows it. `work` is zeroed memory of the
 *         definition's size, cleared by its clear().
 * Errors  run() returns REASON_OK for PASS; another reason becomes the status by its kind: FAIL, RIGHTS, CONFIG -> FAIL;
 *         AWAY, UNKNOWN, BUG -> UNKNOWN; REASON_MARKET_CLOSED -> CLOSED. The exit status is the reason's.
 * Source  phases/README.md says what each phase's content digest covers.
 */
#ifndef GJ_PHASES_PHASE_H
#define GJ_PHASES_PHASE_H

#include <cjson/cJSON.h>

#include "shared/base/calendar.h"
#include "shared/base/clock.h"
#include "shared/base/conf.h"
#include "shared/kis/kis.h"
#include "shared/store/db.h"
#include "shared/store/tables.h"
#include "shared/trade/certificate.h"

#define PHASE_ALERTS_MAX 64
#define PHASE_CALLS_MAX  24 /* different broker calls told about in the evidence */
#define PHASE_WAIT_US    US_PER_S /* how often a wait looks up: for signals, leases, upstream results */

struct phase;

enum phase_flag {
	PHASE_JUDGES = 1, /* reads the upstream results itself, whatever they say: the gate */
	PHASE_AFTER_WORKER = 2, /* waits until the worker has given back its lease: close */
};
struct phase_def {
	enum phase_id id;
	unsigned flags;
	const char *doc; /* for --help */
	size_t work_size;
	enum reason (*run)(struct phase *ph, void *work);
	/* Writes products. Called for every status; looks at ph->answer. NULL = no products. */
	enum reason (*commit)(struct phase *ph, void *work);
	void (*clear)(void *work);
};

struct phase_options {
	const char *account, *day, *config;
	bool scheduled, read_only, dry_run, json;
};
struct phase_answer {
	enum phase_status status;
	enum mode mode; /* ceiling */
	enum reason why;
	char detail[DETAIL_SIZE];
	struct digest content; /* of what downstream reads; zero unless PASS */
};
struct phase_call { /* one broker call in the evidence */
	char name[32], msg_cd[16];
	long http;
	int64_t count, took_us_max;
};
struct phase_note { /* an alert to be raised with the result */
	enum finding_level level;
	char code[REASON_CODE_SIZE], text[DETAIL_SIZE];
};

struct phase {
	const struct phase_def *def;
	struct phase_options opt;
	struct conf cfg;
	const struct conf_account *acct;
	struct clock *clock;
	struct clock_seat *seat;
	struct db *db;
	struct account_row account;
	struct calendar cal;
	struct calendar_day day;
	struct wall started, deadline;
	struct mono started_real;
	bool read_only; /* answers, freezes nothing */
	bool quiet; /* not due, not needed: no row, no line */
	struct phase_run_row run; /* run_id 0 until written */
	struct phase_record records[PHASE_COUNT];
	struct phase_input inputs[PHASE_COUNT];
	int input_count;
	struct lease_row lease;
	bool lease_ours; /* a PHASE lease of this process */
	bool lease_beside; /* an observer holds the lease; its row is only compared */
	char holder[97];
	struct wall lease_renewed;
	struct kis_keys *keys; /* locked; NULL until phase_keys */
	struct kis_login *broker_login; /* locked */
	struct kis *kis;
	cJSON *evidence;
	struct phase_call calls[PHASE_CALLS_MAX];
	int call_count;
	struct phase_note notes[PHASE_ALERTS_MAX];
	int note_count;
	struct phase_answer answer;
	void *work;
	bool products; /* commit() takes part in the result's transaction */
};

int phase_main(int argc, char **argv, const struct phase_def *def);

/* ---- for run() ---- */
struct wall phase_now(const struct phase *ph);
/* REASON_OK, REASON_INTERRUPTED or REASON_DEADLINE; keeps the lease young on the way. */
enum reason phase_check(struct phase *ph);
/* Sleeps, looking up once a second; as phase_check when cut short. */
enum reason phase_wait_until(struct phase *ph, struct wall until);
bool phase_writes(const struct phase *ph); /* neither --dry-run nor read-only */
/* The sentence of a PASS. */
void phase_say(struct phase *ph, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Raised with the result; the same open alert of today is not raised twice. */
void phase_alert(struct phase *ph, enum finding_level level, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void phase_lower(struct phase *ph, enum mode mode); /* lowers the ceiling of a PASS */
void phase_fact_number(struct phase *ph, const char *name, int64_t number);
void phase_fact_text(struct phase *ph, const char *name, const char *text);
void phase_fact_bool(struct phase *ph, const char *name, bool value);
int64_t phase_run_of(const struct phase *ph, enum phase_id upstream); /* run id that was read */
struct wall phase_session_open(const struct phase *ph);
struct wall phase_session_end(const struct phase *ph);
struct wall phase_entry_end(const struct phase *ph);
/* The day's hours as this configuration and calendar have them (run_id left alone), and preflight's content digest of them. */
enum reason phase_session(struct phase *ph, struct session_row *out, struct digest *out_content);
/* REASON_UPSTREAM when configuration, calendar or account are not those that preflight looked at. The frame has asked. */
enum reason phase_unchanged(struct phase *ph);
/* Takes the lease, waiting for a young one up to the deadline; the frame has done so before run(), except for a gate that
 * found a TRADE lease. */
enum reason phase_lease_take(struct phase *ph);
bool phase_trade_alive(const struct phase *ph); /* by the lease row read last */
bool phase_observer_alive(const struct phase *ph);
/* The gate's: after this the result is written without the lease. */
enum reason phase_lease_give_back(struct phase *ph);
/* The certificate that was consumed today, if any: what it froze stays as it is until the close. */
enum reason phase_frozen(struct phase *ph, struct certificate *out, bool *out_found);

/* ---- broker (phase_broker.c) ---- */
enum reason phase_keys(struct phase *ph); /* opens the account's keys; again is fine */
/* Client with the newest stored token; UNKNOWN when there is none. */
enum reason phase_kis(struct phase *ph);
/* Client without a token, for auth. */
enum reason phase_kis_bare(struct phase *ph);
void phase_broker_close(struct phase *ph);
/* The keyed name of an account: what the row `account.fingerprint` must hold for these numbers. */
enum reason phase_fingerprint(const struct phase *ph, struct digest *out);
/* Two complete balances that agree; every pass is stored as a listing row when `store` and writing is allowed. out->rows is
 * heap memory of out->room rows; it may come back as another array of that size (two passes change places). */
enum reason phase_balance(struct phase *ph, bool store, struct broker_balance *out);
enum reason phase_orders(struct phase *ph, struct kst_day from, struct kst_day to, bool store,
			 struct broker_order_list *out);
enum reason phase_reservations(struct phase *ph, struct kst_day from, struct kst_day to, bool store,
			       struct broker_reservation_list *out);

/* ---- the end (phase_result.c) ---- */
void phase_answer_set(struct phase *ph, enum reason why); /* status and ceiling by the reason's kind */
/* The phase's own failure as an alert, unless a finding says the same already. */
void phase_alert_failure(struct phase *ph);
/* Inside a transaction: raises the notes, closes what a PASS has mended. */
enum reason phase_alerts_write(struct phase *ph, struct db *db);
/* Evidence, alerts, products and result in one transaction; the trouble itself becomes a row where that fails. */
enum reason phase_result(struct phase *ph);
int64_t phase_took_ms(const struct phase *ph);
void phase_print(const struct phase *ph);

/* ---- spool (phase_spool.c): what could not be written to the database ---- */
void phase_spool(struct phase *ph, enum reason why, const char *detail);
/* Turns spooled lines of this account into alerts, inside the caller's transaction; phase_spool_done after COMMIT. */
enum reason phase_spool_drain(struct phase *ph, int *out_count);
void phase_spool_done(struct phase *ph);

#endif
