/*
 * gate - the last of the morning. Starts from NO: reads the seven results, takes the lowest ceiling, and only when every
 * proof holds signs a certificate and launches the worker. The certificate is committed before the launch, the gate's own
 * result after it: a gate that dies between leaves a certificate that expires in two minutes.
 *
 *   all PASS and fresh  TRADE, REDUCE -> worker with certificate; OBSERVE -> observer
 *   any UNKNOWN, stale  observer, without certificate; the answer is UNKNOWN
 *   any FAIL, or HALT   nothing; the answer is FAIL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phases/launch.h"
#include "shared/base/file.h"
#include "shared/store/frozen.h"
#include "shared/store/vault.h"
#include "worker/stop_file.h"
#include "shared/base/banned.h"

#define CERTIFICATE_LIFE_S 120
#define ALERTS_MAX         256
#define RISKS_MAX          1024

struct gate {
	enum mode mode;
	char lowered_by[80]; /* what made the ceiling as low as it is; "" = nothing */
	struct certificate cert;
	struct certificate_row row;
	int64_t certificate_id;
	struct pin_row pin;
	struct limit_set limits;
	struct symbol_risk risks[RISKS_MAX];
	struct universe_row universe[UNIVERSE_MAX];
	struct lot lots[HOLDINGS_MAX];
	struct alert_row alerts[ALERTS_MAX];
};

/* ---- the seven ----------------------------------------------------------------------------------------------------- */

static void lower(struct gate *gate, enum mode mode, const char *by)
{
	if (mode >= gate->mode)
		return;
	gate->mode = mode;
	(void)snprintf(gate->lowered_by, sizeof(gate->lowered_by), "%s", by);
}

static enum reason judge_fails(const struct phase *ph)
{
	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		const struct phase_record *rec = &ph->records[id];

		if (rec->present && rec->status == STATUS_FAIL)
			return reason_set(REASON_GATE_PHASE,
					  "%s is FAIL (%s); nothing is started. Mend it, then: gaejang rerun "
					  "%s --downstream",
					  phase_name((enum phase_id)id), rec->reason,
					  phase_name((enum phase_id)id));
	}
	return REASON_OK;
}

static enum reason judge_fresh(struct phase *ph)
{
	int64_t ages_s[PHASE_COUNT] = { 0 };
	struct wall now = phase_now(ph);

	for (int id = 0; id < PHASE_MORNING_COUNT; id++)
		ages_s[id] = conf_number(&ph->cfg, phase_table[id].age_key) * 60;
	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		enum freshness fresh = phase_fresh((enum phase_id)id, ph->records, ages_s, now);
		const char *name = phase_name((enum phase_id)id);

		if (fresh == FRESH)
			continue;
		if (fresh == STALE_STATUS)
			return reason_set(REASON_UPSTREAM,
					  "%s is %s (%s); mend it, then: gaejang rerun %s --downstream", name,
					  status_text(ph->records[id].status), ph->records[id].reason, name);
		return reason_set(REASON_GATE_STALE,
				  "%s is not fresh (%s); run: gaejang rerun %s --downstream", name,
				  freshness_text(fresh), name);
	}
	return REASON_OK;
}

/* What a worker did after the snapshot is in no certificate made from it: reconcile has to look again. */
static enum reason judge_after_worker(struct phase *ph, struct gate *gate)
{
	enum reason why = tbl_certificate_used(ph->db, ph->account.account_id, ph->day.day, &gate->row);
	struct wall used = gate->row.consumed;

	gate->row = (struct certificate_row){ 0 };
	if (why == REASON_DB_NOT_FOUND)
		return REASON_OK;
	if (why == REASON_OK && ph->records[PHASE_RECONCILE].started.us <= used.us)
		why = reason_set(
			REASON_GATE_STALE,
			"a worker has run since reconcile looked; run: gaejang rerun reconcile --downstream");
	return why;
}

static enum reason judge(struct phase *ph, struct gate *gate)
{
	enum reason why = judge_fails(ph);

	if (why == REASON_OK)
		why = judge_fresh(ph);
	if (why == REASON_OK)
		why = phase_unchanged(ph);
	if (why == REASON_OK && (!phase_trade_alive(ph) || phase_observer_alive(ph)))
		why = judge_after_worker(ph, gate);
	for (int id = 0; id < PHASE_MORNING_COUNT && why == REASON_OK; id++)
		lower(gate, ph->records[id].mode, phase_name((enum phase_id)id));
	return why;
}

/* ---- the stop, and what nobody has acknowledged --------------------------------------------------------------------- */

static enum reason judge_control(struct phase *ph, struct gate *gate)
{
	struct control_row control;
	struct acceptance_row newest;
	struct stop_word word;
	bool stopped = false;
	enum reason why = tbl_control_read(ph->db, ph->account.account_id, &control);

	if (why != REASON_OK)
		return why;
	lower(gate, control.mode, "control row");
	stop_file_read(conf_text(&ph->cfg, CONF_STATE_DIR), ph->acct->name, &stopped, &word);
	if (stopped)
		lower(gate, word.mode, "stop file");
	if (control.acceptance_needed == 0)
		return REASON_OK;
	why = tbl_acceptance_newest(ph->db, ph->account.account_id, &newest);
	if (why == REASON_DB_NOT_FOUND ||
	    (why == REASON_OK && newest.acceptance_id <= control.acceptance_needed)) {
		lower(gate, MODE_OBSERVE, "no acceptance since the last stop");
		why = REASON_OK;
	}
	return why;
}

static enum reason judge_alerts(struct phase *ph, struct gate *gate)
{
	struct wall deadline =
		kst_wall(ph->day.day, conf_number(&ph->cfg, CONF_ALERT_DEADLINE) + ph->day.shift_s);
	int count = 0;
	enum reason why;

	if (phase_now(ph).us < deadline.us)
		return REASON_OK;
	why = tbl_alert_open(ph->db, ph->account.account_id, ph->day.day, gate->alerts, ALERTS_MAX, &count);
	if (why == REASON_OVERFLOW) {
		lower(gate, MODE_OBSERVE, "more open alerts than can be read");
		return REASON_OK;
	}
	for (int i = 0; i < count && why == REASON_OK; i++) {
		if (gate->alerts[i].level == FINDING_CRIT && !gate->alerts[i].acknowledged)
			lower(gate, MODE_OBSERVE, gate->alerts[i].code);
	}
	return why;
}

/* ---- the certificate -------------------------------------------------------------------------------------------------- */

static enum reason cert_snapshot(struct phase *ph, struct gate *gate)
{
	struct snapshot snap = { .lots = gate->lots, .lot_room = HOLDINGS_MAX };
	struct acceptance_row acceptance;
	enum reason why = tbl_acceptance_newest(ph->db, ph->account.account_id, &acceptance);

	if (why == REASON_DB_NOT_FOUND ||
	    (why == REASON_OK && (acceptance.run_id != ph->records[PHASE_RECONCILE].run_id ||
				  !kst_day_same(acceptance.day, ph->day.day))))
		return reason_set(REASON_GATE_STALE,
				  "the newest accepted snapshot is not that of reconcile's result; run: "
				  "gaejang rerun reconcile --downstream");
	if (why == REASON_OK)
		why = tbl_snapshot_find(ph->db, acceptance.snapshot_id, &snap);
	if (why != REASON_OK)
		return why;
	gate->cert.snapshot = snapshot_digest(&snap);
	if (!digest_same(&gate->cert.snapshot, &acceptance.digest))
		return reason_set(REASON_CERT_DIGEST,
				  "snapshot %lld is not what was accepted: its digest differs",
				  (long long)acceptance.snapshot_id);
	gate->cert.snapshot_id = acceptance.snapshot_id;
	gate->cert.acceptance_id = acceptance.acceptance_id;
	return REASON_OK;
}

static enum reason cert_frozen(struct phase *ph, struct gate *gate)
{
	int64_t guardrail_run = ph->records[PHASE_GUARDRAIL].run_id;
	char path[FILE_PATH_SIZE];
	int risk_count = 0, row_count = 0;
	enum reason why = tbl_pin_of_run(ph->db, ph->records[PHASE_PARAMS].run_id, &gate->pin);

	if (why == REASON_OK)
		why = tbl_limits_of_run(ph->db, guardrail_run, &gate->limits);
	if (why == REASON_OK)
		why = tbl_symbol_risk_of_run(ph->db, guardrail_run, gate->risks, RISKS_MAX, &risk_count);
	if (why == REASON_OK)
		why = tbl_universe_of_run(ph->db, ph->records[PHASE_UNIVERSE].run_id, gate->universe,
					  UNIVERSE_MAX, &row_count);
	if (why == REASON_OK)
		why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), "worker", path);
	if (why == REASON_OK)
		why = digest_file(path, &gate->cert.executable);
	if (why != REASON_OK)
		return why;
	gate->cert.params = gate->pin.digest;
	gate->cert.limits = frozen_limits(&gate->limits, gate->risks, risk_count);
	gate->cert.universe = frozen_universe(gate->universe, row_count);
	if (!digest_same(&gate->cert.limits, &ph->records[PHASE_GUARDRAIL].content) ||
	    !digest_same(&gate->cert.universe, &ph->records[PHASE_UNIVERSE].content))
		return reason_set(REASON_CERT_DIGEST,
				  "the rows of limits or universe are not those their phase digested");
	return REASON_OK;
}

static enum reason cert_make(struct phase *ph, struct gate *gate)
{
	struct certificate *cert = &gate->cert;
	struct certificate_row *row = &gate->row;
	size_t body_len = 0;
	enum reason why;

	(void)snprintf(cert->account, sizeof(cert->account), "%s", ph->acct->name);
	(void)snprintf(cert->env, sizeof(cert->env), "%s", ph->acct->env);
	cert->day = ph->day.day;
	cert->mode = gate->mode;
	cert->epoch = ph->lease.epoch + 1;
	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		cert->run_ids[id] = ph->records[id].run_id;
		cert->results[id] = ph->records[id].content;
	}
	cert->issued = phase_now(ph);
	cert->expires = wall_add_us(cert->issued, CERTIFICATE_LIFE_S * US_PER_S);
	cert->session_open = phase_session_open(ph);
	cert->session_end = phase_session_end(ph);
	cert->entry_end = phase_entry_end(ph);
	why = certificate_write(cert, row->body, &body_len);
	if (why == REASON_OK)
		why = vault_sign(conf_text(&ph->cfg, CONF_KEY_DIR), row->body, body_len, row->signature);
	row->account_id = ph->account.account_id;
	row->run_id = ph->run.run_id;
	row->day = cert->day;
	row->mode = cert->mode;
	row->epoch = cert->epoch;
	row->issued = cert->issued;
	row->expires = cert->expires;
	return why;
}

static enum reason cert_store(struct db *db, void *arg)
{
	struct phase *ph = arg;
	struct gate *gate = ph->work;
	enum reason why = tbl_lease_touch(db, &ph->lease, phase_now(ph));

	return why == REASON_OK ? tbl_certificate_add(db, &gate->row, &gate->certificate_id) : why;
}

/* ---- acting ------------------------------------------------------------------------------------------------------------ */

static enum reason hold_lease(struct phase *ph)
{
	enum reason why = REASON_OK;

	if (phase_observer_alive(ph))
		why = launch_stop_observer(ph);
	if (why == REASON_OK && !ph->lease_ours)
		why = phase_lease_take(ph);
	if (why == REASON_OK && !ph->lease_ours)
		why = reason_set(REASON_WORKER_RUNS, "a worker took the lease meanwhile (%s)",
				 ph->lease.holder);
	return why;
}

static enum reason start_worker(struct phase *ph, struct gate *gate)
{
	struct launch what = { .program = "worker" };
	pid_t pid = 0;
	enum reason why = hold_lease(ph);

	if (why == REASON_OK)
		why = cert_make(ph, gate);
	if (why == REASON_OK)
		why = db_transact(ph->db, cert_store, ph);
	if (why == REASON_OK)
		why = phase_lease_give_back(ph);
	if (why != REASON_OK)
		return why;
	what.certificate_id = gate->certificate_id;
	what.epoch = gate->cert.epoch;
	phase_fact_number(ph, "certificate_id", gate->certificate_id);
	why = launch(ph, &what, &pid);
	if (why != REASON_OK)
		return why;
	phase_fact_number(ph, "pid", pid);
	phase_say(ph, "worker runs as pid %d on certificate %lld%s%s", (int)pid,
		  (long long)gate->certificate_id, gate->lowered_by[0] ? "; lowered by " : "",
		  gate->lowered_by);
	return REASON_OK;
}

static enum reason start_observer(struct phase *ph)
{
	struct launch what = { .program = "observer" };
	pid_t pid = 0;
	enum reason why;

	if (phase_observer_alive(ph))
		return REASON_OK; /* the one that runs will do */
	why = phase_lease_give_back(ph);
	if (why == REASON_OK)
		why = launch(ph, &what, &pid);
	if (why == REASON_OK)
		phase_fact_number(ph, "pid", pid);
	return why;
}

/* An UNKNOWN morning is watched, not traded. The answer stays what it was, whether or not the observer comes up. */
static enum reason observe_unknown(struct phase *ph, enum reason unknown)
{
	char detail[DETAIL_SIZE];

	(void)snprintf(detail, sizeof(detail), "%s", reason_detail());
	if (start_observer(ph) != REASON_OK)
		phase_alert(ph, FINDING_CRIT, reason_code(REASON_GATE_LAUNCH), "%s", reason_detail());
	return reason_set(unknown, "%s", detail);
}

static enum reason decide(struct phase *ph, struct gate *gate)
{
	enum reason why = judge(ph, gate);

	if (why == REASON_OK)
		why = judge_control(ph, gate);
	if (why == REASON_OK)
		why = judge_alerts(ph, gate);
	if (why == REASON_OK && gate->mode == MODE_HALT)
		why = reason_set(REASON_GATE_HALT,
				 "the mode is HALT by %s; nothing is started. Look at it: gaejang why",
				 gate->lowered_by);
	if (why == REASON_OK && gate->mode > MODE_OBSERVE)
		why = cert_snapshot(ph, gate);
	if (why == REASON_OK && gate->mode > MODE_OBSERVE)
		why = cert_frozen(ph, gate);
	return why;
}

static struct digest content(const struct gate *gate)
{
	struct digest_maker mk;

	digest_begin(&mk, "gate");
	digest_text(&mk, "mode", mode_text(gate->mode));
	digest_text(&mk, "certificate", gate->row.body);
	return digest_end(&mk);
}

static enum reason run(struct phase *ph, void *work)
{
	struct gate *gate = work;
	bool trading = phase_trade_alive(ph) && !phase_observer_alive(ph);
	enum reason why;

	gate->mode = MODE_TRADE;
	if (trading && phase_writes(ph))
		return reason_set(REASON_WORKER_RUNS,
				  "a worker trades already (%s, epoch %lld); stop it first: gaejang kill",
				  ph->lease.holder, (long long)ph->lease.epoch);
	why = decide(ph, gate);
	phase_fact_text(ph, "verdict_mode", mode_text(gate->mode));
	phase_fact_text(ph, "lowered_by", gate->lowered_by);
	if (!phase_writes(ph)) {
		phase_lower(ph, gate->mode);
		phase_say(ph, "every phase holds, nothing is launched%s%s",
			  trading ? ": a worker trades already as " : "", trading ? ph->lease.holder : "");
		return why;
	}
	if (why != REASON_OK) {
		enum reason_kind kind = reason_kind(why);

		return kind == KIND_UNKNOWN || kind == KIND_AWAY ? observe_unknown(ph, why) : why;
	}
	phase_lower(ph, gate->mode);
	if (gate->mode > MODE_OBSERVE) {
		why = start_worker(ph, gate);
	} else {
		why = start_observer(ph);
		if (why == REASON_OK)
			phase_say(ph, "observer runs; the mode is OBSERVE by %s", gate->lowered_by);
	}
	if (why == REASON_OK)
		ph->answer.content = content(gate);
	return why;
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_GATE,
		PHASE_JUDGES,
		"gate - every phase PASS, fresh, consistent? signs a certificate and launches the worker",
		sizeof(struct gate),
		run,
		NULL,
		NULL
	};

	return phase_main(argc, argv, &def);
}
