/*
 * tables - what may be asked of and written to each table; one module per table (tbl_*.c), declared together here
 * because their shapes are shared. Nothing here decides anything: rows in, rows out.
 *
 * Owner   the caller gives arrays (rows, room); *out_count says how many; more rows than room is REASON_OVERFLOW.
 * Errors  REASON_DB_* as in db.h. "find" of one row: REASON_DB_NOT_FOUND when there is none.
 */
#ifndef GJ_STORE_TABLES_H
#define GJ_STORE_TABLES_H

#include "shared/store/db.h"
#include "shared/trade/firewall.h"
#include "shared/trade/phases.h"
#include "shared/trade/reconcile.h"

/* ---- account, symbol (tbl_account.c, tbl_symbol.c) ---- */
struct account_row {
	int64_t account_id;
	char name[33], env[8], masked[17];
	bool rehearsal;
	struct digest fingerprint;
	struct wall added;
	char added_by[PERSON_SIZE];
};
enum reason tbl_account_add(struct db *db, const struct account_row *row, int64_t *out_id);
enum reason tbl_account_find(struct db *db, const char *name, struct account_row *out);
enum reason tbl_account_all(struct db *db, struct account_row *rows, int room, int *out_count);
struct symbol_row {
	char symbol[SYMBOL_SIZE];
	enum market market;
	enum symbol_kind kind;
	char name[SYMBOL_NAME_SIZE];
};
/* the same again is fine; a difference is refused */
enum reason tbl_symbol_add(struct db *db, const struct symbol_row *row);
enum reason tbl_symbol_find(struct db *db, const char *symbol, struct symbol_row *out);
enum reason tbl_symbol_all(struct db *db, struct symbol_row *rows, int room, int *out_count);

/* ---- phases (tbl_phase.c) ---- */
struct phase_run_row {
	int64_t run_id, account_id;
	struct kst_day day;
	enum phase_id phase;
	int attempt; /* given by the insert */
	struct wall started, deadline;
	bool scheduled, read_only;
	char host[65];
	int64_t pid;
	char boot_id[37];
	struct digest build, conf;
	char person[PERSON_SIZE];
};
enum reason tbl_phase_run_add(struct db *db, struct phase_run_row *row); /* fills run_id and attempt */
struct phase_result_row {
	int64_t run_id, account_id;
	struct kst_day day;
	enum phase_id phase;
	enum phase_status status;
	enum mode mode;
	char reason[REASON_CODE_SIZE], detail[DETAIL_SIZE];
	struct wall finished;
	int64_t took_ms;
	struct digest content;
	const char *evidence; /* JSON text */
};
enum reason tbl_phase_result_add(struct db *db, const struct phase_result_row *row);
/* Evidence (JSON text) of the newest result of a phase of a day (tbl_evidence.c). */
enum reason tbl_phase_evidence(struct db *db, int64_t account_id, struct kst_day day, enum phase_id phase,
			       char *out, size_t out_size);
enum reason tbl_phase_input_add(struct db *db, int64_t run_id, const struct phase_input *input);
/* Newest result per phase of a day with its inputs, into records[phase_id]; absent ones have present = false. */
enum reason tbl_phase_records(struct db *db, int64_t account_id, struct kst_day day,
			      struct phase_record records[static PHASE_COUNT]);
/* Newest start without a result whose deadline is not past: is it running now? */
enum reason tbl_phase_running(struct db *db, int64_t account_id, struct kst_day day, enum phase_id phase,
			      struct wall now, bool *out_running, struct wall *out_deadline);
/* Newest PASS of `phase` on any day before `day`. */
enum reason tbl_phase_last_pass_before(struct db *db, int64_t account_id, enum phase_id phase,
				       struct kst_day day, struct kst_day *out_day);
/* Has a TRADE certificate or an intent ever existed before `day` (was there anything to close)? */
enum reason tbl_day_traded(struct db *db, int64_t account_id, struct kst_day day, bool *out_traded);
/* NOT_FOUND = never */
enum reason tbl_last_traded_day(struct db *db, int64_t account_id, struct kst_day before,
				struct kst_day *out_day);
/* Has this build (of the phase that asks), or have these parameters, passed a gate on an earlier day? For the first-run brake. */
enum reason tbl_pin_seen_before(struct db *db, int64_t account_id, struct kst_day day,
				const struct digest *params, bool *out_seen);
enum reason tbl_phase_seen_before(struct db *db, int64_t account_id, struct kst_day day,
				  const struct digest *build, bool *out_seen);

/* ---- products (tbl_session.c, tbl_cash.c, tbl_params.c, tbl_listing.c, tbl_snapshot.c, tbl_limits.c, tbl_universe.c) ---- */
struct session_row {
	int64_t run_id, account_id;
	struct kst_day day, previous;
	struct wall open, close, entry_end;
	int64_t shift_s;
};
enum reason tbl_session_add(struct db *db, const struct session_row *row);
enum reason tbl_session_of_run(struct db *db, int64_t run_id, struct session_row *out);
struct cash_row {
	int64_t run_id, account_id;
	struct kst_day day;
	bool account_match;
	int64_t cash_d0_won, cash_d1_won, cash_d2_won, orderable_won, stock_value_won, equity_won;
};
enum reason tbl_cash_add(struct db *db, const struct cash_row *row);
enum reason tbl_cash_of_run(struct db *db, int64_t run_id, struct cash_row *out);
enum reason tbl_holding_add(struct db *db, int64_t run_id, const struct broker_holding *row);
enum reason tbl_holding_of_run(struct db *db, int64_t run_id, struct broker_holding *rows, int room,
			       int *out_count);
struct param_row {
	int64_t param_id, account_id;
	char strategy[33];
	int64_t strategy_version;
	char body[4096];
	struct digest digest;
	struct wall imported;
	char imported_by[PERSON_SIZE];
};
/* same body: its id */
enum reason tbl_param_add(struct db *db, const struct param_row *row, int64_t *out_id);
enum reason tbl_param_find(struct db *db, int64_t param_id, struct param_row *out);
enum reason tbl_param_activate(struct db *db, int64_t account_id, int64_t param_id, struct kst_day from,
			       struct kst_day to, struct wall at, const char *person, const char *reason);
enum reason tbl_param_active(struct db *db, int64_t account_id, struct kst_day day, struct param_row *out);
struct pin_row {
	int64_t run_id, account_id;
	struct kst_day day;
	int64_t param_id;
	char strategy[33];
	int64_t strategy_version;
	char body[4096];
	struct digest digest;
	bool from_previous;
};
enum reason tbl_pin_add(struct db *db, const struct pin_row *row);
enum reason tbl_pin_of_run(struct db *db, int64_t run_id, struct pin_row *out);
/* of a day whose gate passed */
enum reason tbl_pin_last_before(struct db *db, int64_t account_id, struct kst_day day, struct pin_row *out);
struct listing_row {
	int64_t account_id;
	struct kst_day day, from, to;
	const char *kind; /* "orders", "balance", "reservations" */
	enum listing_state state;
	struct wall asked, answered;
	int row_count;
	struct digest digest;
	const char *by_program;
	const char *reason;
};
enum reason tbl_listing_add(struct db *db, const struct listing_row *row);
enum reason tbl_listing_sightings(struct db *db, int64_t account_id, struct kst_day from, struct wall since,
				  struct sighting *rows, int room, int *out_count);
/* lots too */
enum reason tbl_snapshot_add(struct db *db, int64_t account_id, int64_t run_id, const struct snapshot *snap,
			     const char *signed_by, int64_t *out_id);
struct acceptance_row {
	int64_t acceptance_id, account_id, snapshot_id, run_id;
	struct kst_day day;
	struct digest digest;
	struct wall accepted;
};
enum reason tbl_acceptance_add(struct db *db, const struct acceptance_row *row, int64_t *out_id);
enum reason tbl_acceptance_newest(struct db *db, int64_t account_id, struct acceptance_row *out);
enum reason tbl_acceptance_first_of_day(struct db *db, int64_t account_id, struct kst_day day,
					struct acceptance_row *out);
/* Newest of that day or an earlier one. */
enum reason tbl_acceptance_until(struct db *db, int64_t account_id, struct kst_day day,
				 struct acceptance_row *out);
/* Snapshot of the newest acceptance, lots into out->lots (room given). */
enum reason tbl_snapshot_accepted(struct db *db, int64_t account_id, struct snapshot *out);
enum reason tbl_snapshot_find(struct db *db, int64_t snapshot_id, struct snapshot *out);
/* What reconcile leaves for its next attempt of the day: what disagreed with the balance, and since when. */
enum reason tbl_mismatch_add(struct db *db, int64_t run_id, const struct mismatch *row);
enum reason tbl_mismatch_newest(struct db *db, int64_t account_id, struct kst_day day, struct mismatch *rows,
				int room, int *out_count);
enum reason tbl_lock_add(struct db *db, int64_t account_id, struct kst_day day, const char *symbol,
			 enum order_side side, bool locked, const char *reason, struct wall at);
enum reason tbl_lock_of_day(struct db *db, int64_t account_id, struct kst_day day, struct symbol_lock *rows,
			    int room, int *out_count);
enum reason tbl_limits_add(struct db *db, int64_t run_id, const struct limit_set *set);
enum reason tbl_limits_of_run(struct db *db, int64_t run_id, struct limit_set *out);
enum reason tbl_symbol_risk_add(struct db *db, int64_t run_id, const struct symbol_risk *row);
enum reason tbl_symbol_risk_of_run(struct db *db, int64_t run_id, struct symbol_risk *rows, int room,
				   int *out_count);
enum reason tbl_universe_list_set(struct db *db, int64_t account_id, const char *symbol, bool listed,
				  struct wall at, const char *person);
/* by symbol */
enum reason tbl_universe_list(struct db *db, int64_t account_id, char (*rows)[SYMBOL_SIZE], int room,
			      int *out_count);
struct universe_row {
	char symbol[SYMBOL_SIZE];
	int rank;
	char why[17];
	enum market market;
	enum symbol_kind kind;
	int64_t previous_close_won, previous_high_won, previous_low_won;
	struct price_band band;
	bool entry_allowed;
};
enum reason tbl_universe_add(struct db *db, int64_t run_id, const struct universe_row *row);
enum reason tbl_universe_out_add(struct db *db, int64_t run_id, const char *symbol, const char *why);
/* by rank */
enum reason tbl_universe_of_run(struct db *db, int64_t run_id, struct universe_row *rows, int room,
				int *out_count);

/* ---- secrets (tbl_secret.c) ---- */
struct secret_row {
	int64_t account_id;
	char name[33];
	int64_t version;
	uint8_t sealed[8192];
	size_t sealed_size;
	char fingerprint[17];
	struct wall made, expires;
	int64_t run_id;
};
/* DUPLICATE: another wrote that version first */
enum reason tbl_secret_add(struct db *db, const struct secret_row *row);
enum reason tbl_secret_newest(struct db *db, int64_t account_id, const char *name, struct secret_row *out);
enum reason tbl_login_attempt_add(struct db *db, int64_t account_id, const char *fingerprint,
				  const char *what, struct wall at);
/* us 0 = never */
enum reason tbl_login_attempt_last(struct db *db, const char *fingerprint, const char *what,
				   struct wall *out_at);

/* ---- certificate, lease, control (tbl_certificate.c, tbl_lease.c, tbl_control.c) ---- */
struct certificate_row {
	int64_t certificate_id, account_id, run_id;
	struct kst_day day;
	enum mode mode;
	int64_t epoch;
	char body[4096];
	char signature[129];
	struct wall issued, expires, consumed; /* consumed.us 0 = not yet */
	char consumed_by[97];
};
enum reason tbl_certificate_add(struct db *db, const struct certificate_row *row, int64_t *out_id);
enum reason tbl_certificate_find(struct db *db, int64_t certificate_id, struct certificate_row *out);
enum reason tbl_certificate_newest(struct db *db, int64_t account_id, struct kst_day day,
				   struct certificate_row *out);
/* newest consumed */
enum reason tbl_certificate_used(struct db *db, int64_t account_id, struct kst_day day,
				 struct certificate_row *out);
/* DB_REFUSED: was consumed */
enum reason tbl_certificate_consume(struct db *db, int64_t certificate_id, const char *by, struct wall at);

enum lease_kind { LEASE_NONE, LEASE_PHASE, LEASE_TRADE };
struct lease_row {
	int64_t account_id;
	enum lease_kind kind;
	char holder[97], program[17], state[17];
	int64_t epoch;
	struct wall expires, heartbeat;
	bool clean;
	enum mode mode;
};
/* Takes a free or expired lease (a PHASE lease gives way to nobody while young; TRADE never gives way to PHASE). epoch + 1 when
 * another holder or kind takes it. REASON_LEASE_HELD says by whom. */
enum reason tbl_lease_take(struct db *db, int64_t account_id, enum lease_kind kind, const char *holder,
			   const char *program, struct wall now, int64_t life_us, struct lease_row *out);
/* LEASE_LOST */
enum reason tbl_lease_renew(struct db *db, const struct lease_row *mine, struct wall now, int64_t life_us);
/* renews too */
enum reason tbl_lease_heartbeat(struct db *db, const struct lease_row *mine, const char *state,
				enum mode mode, struct wall now, int64_t life_us);
enum reason tbl_lease_give_back(struct db *db, const struct lease_row *mine, struct wall now);
enum reason tbl_lease_read(struct db *db, int64_t account_id, struct lease_row *out);
enum reason tbl_lease_make(struct db *db, int64_t account_id, struct wall now); /* with the account */
/* Writes the lease row inside the caller's transaction: the guard of every intent and mark. LEASE_LOST if not ours. */
enum reason tbl_lease_touch(struct db *db, const struct lease_row *mine, struct wall now);

struct control_row {
	int64_t account_id;
	enum mode mode;
	char reason[200], person[PERSON_SIZE];
	struct wall since;
	int64_t acceptance_needed;
};
enum reason tbl_control_make(struct db *db, int64_t account_id, struct wall now);
enum reason tbl_control_read(struct db *db, int64_t account_id, struct control_row *out);
/* Lowers only: a higher mode than the stored one changes nothing (*out_mode tells what stands). */
enum reason tbl_control_lower(struct db *db, int64_t account_id, enum mode mode, const char *reason,
			      const char *person, struct wall at, enum mode *out_mode);
/* A person raises it, with a reason; from HALT a later acceptance is needed. */
enum reason tbl_control_resume(struct db *db, int64_t account_id, enum mode mode, const char *reason,
			       const char *person, struct wall at);

/* ---- orders (tbl_decision.c, tbl_order.c, tbl_fill.c) ---- */
struct decision_row {
	int64_t account_id;
	struct kst_day day;
	int64_t epoch, seq;
	struct wall at;
	bool observed;
	char strategy[33], signal_code[33];
	struct wanted_order want;
	int64_t last_won;
	char verdict[REASON_CODE_SIZE];
};
/* Array binding inside one transaction. */
enum reason tbl_decision_add(struct db *db, const struct decision_row *rows, int count);
/* First mark. In one transaction: lease touched, control and acceptance checked (mode must allow `reduces_risk`), intent +
 * RECORDED event. The same id again is REASON_DB_DUPLICATE. */
enum reason tbl_intent_record(struct db *db, const struct lease_row *mine, const struct order *order,
			      const char *strategy, const char *signal_code, bool reduces_risk,
			      struct wall now);
/* Second mark, same checks: send_mark row (once ever) + SENDING event. */
enum reason tbl_intent_mark(struct db *db, const struct lease_row *mine, int64_t intent_id, bool reduces_risk,
			    struct wall now);
struct order_event_row {
	int64_t intent_id, account_id;
	enum order_event event;
	enum order_state state;
	struct wall at;
	char odno[ODNO_SIZE], orig_odno[ODNO_SIZE], branch[BRANCH_SIZE];
	struct kst_day order_day;
	int64_t filled_qty, filled_won; /* cumulative */
	int64_t qty, price_won; /* ordered, after a change; 0 = as before */
	const char *by_program, *reason; /* NULL reason = none */
	/* "likeness" of a FOUND event is what struct order.bound comes from; NULL = none */
	const char *evidence;
};
enum reason tbl_order_event_add(struct db *db, const struct order_event_row *row);
/* An order of somebody else, seen at the broker: an intent row with owner EXT and its first event. */
enum reason tbl_order_ext_add(struct db *db, int64_t account_id, int64_t intent_id,
			      const struct broker_order *row, struct wall at, const char *by_program);
/* Every order of the days, in intent order, with its newest state. */
enum reason tbl_orders_between(struct db *db, int64_t account_id, struct kst_day from, struct kst_day to,
			       struct order *rows, int room, int *out_count);
/* any day, not final */
enum reason tbl_orders_undecided(struct db *db, int64_t account_id, struct order *rows, int room,
				 int *out_count);
enum reason tbl_fill_add(struct db *db, int64_t account_id, const struct fill *fill, const struct cost *cost,
			 const char *by_program);
enum reason tbl_fills_since(struct db *db, int64_t account_id, struct wall since, struct fill *rows, int room,
			    int *out_count);
enum reason tbl_fill_costs_of_day(struct db *db, int64_t account_id, struct kst_day day, struct cost *out);
enum reason tbl_fills_of_day(struct db *db, int64_t account_id, struct kst_day day, struct fill *rows,
			     int room, int *out_count);

/* ---- people (tbl_alert.c, tbl_operator.c) ---- */
struct alert_row {
	int64_t alert_id, account_id;
	struct kst_day day;
	enum finding_level level;
	char code[REASON_CODE_SIZE], text[DETAIL_SIZE];
	char by_program[17];
	struct wall raised;
	bool sent, acknowledged, closed;
};
enum reason tbl_alert_raise(struct db *db, struct alert_row *row); /* fills alert_id */
enum reason tbl_alert_event(struct db *db, int64_t alert_id, const char *event, struct wall at,
			    const char *person, const char *text);
/* not closed */
enum reason tbl_alert_open(struct db *db, int64_t account_id, struct kst_day day, struct alert_row *rows,
			   int room, int *out_count);
enum reason tbl_alert_unsent(struct db *db, struct alert_row *rows, int room, int *out_count);
enum reason tbl_operator_add(struct db *db, int64_t account_id, struct wall at, const char *person,
			     const char *action, const char *target, const char *reason);

/* ---- results (tbl_result.c) ---- */
struct daily_row {
	int64_t run_id, account_id;
	struct kst_day day;
	int64_t equity_start_won, equity_end_won, cash_end_won, realised_won, fee_won, tax_won, bought_won,
		sold_won;
	int64_t orders, fills;
	bool replay_same;
};
enum reason tbl_daily_add(struct db *db, const struct daily_row *row);
enum reason tbl_daily_newest(struct db *db, int64_t account_id, struct kst_day before_or_on,
			     struct daily_row *rows, int room, int *out_count);
enum reason tbl_round_trip_add(struct db *db, int64_t run_id, int64_t account_id, struct kst_day day, int seq,
			       const char *symbol, int64_t qty, int64_t result_won, struct wall closed);
enum reason tbl_round_trip_newest(struct db *db, int64_t account_id, int64_t *results_won, int room,
				  int *out_count);
enum reason tbl_selection_add(struct db *db, int64_t run_id, struct kst_day for_day, const char *symbol,
			      int rank);
enum reason tbl_selection_for(struct db *db, int64_t account_id, struct kst_day day,
			      char (*rows)[SYMBOL_SIZE], int room, int *out_count);
enum reason tbl_journal_add(struct db *db, int64_t account_id, struct kst_day day, int64_t epoch,
			    const char *path, struct wall at);
enum reason tbl_journal_of_day(struct db *db, int64_t account_id, struct kst_day day, char (*paths)[500],
			       int room, int *out_count);

#endif
