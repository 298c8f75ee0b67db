/*
 * preflight - is today a trading day, and is this house fit to prove anything? Reads nothing from the broker.
 * Writes the session row: the day's hours, from which every later phase and the worker take theirs.
 */
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "phases/phase.h"
#include "shared/base/file.h"
#include "shared/store/migrate.h"
#include "shared/store/vault.h"
#include "shared/base/banned.h"

struct preflight {
	struct session_row session;
};

/* ---- the host -------------------------------------------------------------------------------------------------- */

static enum reason check_disk(struct phase *ph)
{
	int64_t wanted_mb = conf_number(&ph->cfg, CONF_DISK_FREE_MB) + conf_number(&ph->cfg, CONF_JOURNAL_MB),
		free_mb = 0;
	const char *folder = conf_text(&ph->cfg, CONF_STATE_DIR);
	enum reason why = file_free_mb(folder, &free_mb);

	if (why != REASON_OK)
		return why;
	phase_fact_number(ph, "free_mb", free_mb);
	if (free_mb < wanted_mb)
		return reason_set(
			REASON_DISK_FULL,
			"%s has %lld MiB free, %lld are needed (disk_free_mb and today's journal); make room",
			folder, (long long)free_mb, (long long)wanted_mb);
	return REASON_OK;
}

/* A rehearsal's clock is made up, and a container's kernel clock always reads as unsynchronised: the named exception. */
static enum reason check_clock(struct phase *ph)
{
	struct timex kernel = { 0 };
	int state;

	if (conf_number(&ph->cfg, CONF_REHEARSAL) != 0) {
		phase_fact_text(ph, "clock", "rehearsal: not checked");
		return REASON_OK;
	}
	state = adjtimex(&kernel);
	phase_fact_text(ph, "clock", state < 0 || state == TIME_ERROR ? "unsynchronised" : "synchronised");
	if (state < 0 || state == TIME_ERROR)
		return reason_set(REASON_CLOCK_SKEW, "the kernel says its clock is not synchronised; start a "
						     "time service and look again: timedatectl");
	if (kernel.maxerror / 1000000 > conf_number(&ph->cfg, CONF_SKEW_S))
		return reason_set(
			REASON_CLOCK_SKEW,
			"the clock may be wrong by %ld ms, skew_s allows %lld s; look at the time service",
			kernel.maxerror / 1000, (long long)conf_number(&ph->cfg, CONF_SKEW_S));
	return REASON_OK;
}

/* That a channel is named and has a target, the configuration's own rules have made sure of. */
static enum reason check_alerts(struct phase *ph)
{
	phase_fact_text(ph, "alerts", conf_text(&ph->cfg, CONF_ALERTS));
	return REASON_OK;
}

static enum reason check_programs(struct phase *ph)
{
	static const char *const names[] = { "worker", "observer", "replay" };
	char path[FILE_PATH_SIZE];
	enum reason why = REASON_OK;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && why == REASON_OK; i++) {
		why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), names[i], path);
		if (why == REASON_OK && !file_exists(path))
			why = reason_set(REASON_FILE_MISSING,
					 "%s is missing; build and install it: make install", path);
	}
	return why;
}

/* ---- the database ---------------------------------------------------------------------------------------------- */

/* A login that may do what is not its own has been given too much. Nothing of it stays: the transaction is rolled back. */
static enum reason check_grants(struct phase *ph)
{
	enum reason why = db_begin(ph->db), probe;

	if (why != REASON_OK)
		return why;
	probe = tbl_login_attempt_add(ph->db, ph->account.account_id, "probe", "token", phase_now(ph));
	db_rollback(ph->db);
	if (probe == REASON_DB_DENIED)
		return REASON_OK;
	if (probe != REASON_OK)
		return probe;
	return reason_set(
		REASON_SCHEMA_GRANTS,
		"login gj_preflight may write what belongs to auth; state the grants anew: gaejang migrate");
}

static enum reason check_vault(struct phase *ph)
{
	struct digest found;
	bool same;
	enum reason why = phase_keys(ph);

	if (why == REASON_OK)
		why = phase_fingerprint(ph, &found);
	if (why != REASON_OK)
		return why;
	same = digest_same(&found, &ph->account.fingerprint);
	phase_fact_bool(ph, "vault_is_registered_account", same);
	if (!same) {
		/* account repeats this as its answer, with the ceiling; here it is only told early. */
		phase_alert(ph, FINDING_CRIT, reason_code(REASON_WRONG_ACCOUNT),
			    "the vault of account %s holds another account's number than the registered %s",
			    ph->acct->name, ph->account.masked);
	}
	return REASON_OK;
}

/* The last day on which something could have been traded must have been closed. */
static enum reason check_closed(struct phase *ph)
{
	char traded[KST_TEXT_SIZE];
	struct kst_day last, passed;
	enum reason why = tbl_last_traded_day(ph->db, ph->account.account_id, ph->day.day, &last);

	if (why == REASON_DB_NOT_FOUND) {
		phase_fact_text(ph, "last_traded_day", "never");
		return REASON_OK;
	}
	if (why != REASON_OK)
		return why;
	phase_fact_text(ph, "last_traded_day", kst_day_text(last, traded));
	why = tbl_phase_last_pass_before(ph->db, ph->account.account_id, PHASE_CLOSE, ph->day.day, &passed);
	if (why == REASON_OK && passed.yyyymmdd >= last.yyyymmdd)
		return REASON_OK;
	if (why != REASON_OK && why != REASON_DB_NOT_FOUND)
		return why;
	return reason_set(REASON_NOT_CLOSED_BEFORE,
			  "%s traded and was not closed; run: gaejang run close --day %s", traded, traded);
}

/* ---- the day --------------------------------------------------------------------------------------------------- */

static enum reason session_fill(struct phase *ph, struct session_row *row)
{
	char opens[KST_TEXT_SIZE], closes[KST_TEXT_SIZE];
	enum reason why = phase_session(ph, row, &ph->answer.content);

	if (why != REASON_OK)
		return why;
	row->run_id = ph->run.run_id;
	phase_fact_text(ph, "day_name", ph->day.name);
	phase_fact_bool(ph, "calendar_certain", ph->day.certain);
	phase_say(ph, "trading day %s-%s%s%s", kst_time_text(ph->day.open_s, opens),
		  kst_time_text(ph->day.close_s, closes), ph->day.name[0] ? ", " : "", ph->day.name);
	return REASON_OK;
}

static enum reason run(struct phase *ph, void *work)
{
	static enum reason (*const checks[])(struct phase * ph) = {
		check_disk, check_clock, check_alerts, check_programs, check_grants, check_vault, check_closed
	};
	struct preflight *pre = work;
	enum reason why = REASON_OK;

	if (!ph->day.trading)
		return reason_set(REASON_MARKET_CLOSED, "not a trading day%s%s", ph->day.name[0] ? ": " : "",
				  ph->day.name);
	why = migrate_check(ph->db, conf_text(&ph->cfg, CONF_SQL_DIR));
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && why == REASON_OK; i++)
		why = checks[i](ph);
	if (why == REASON_OK)
		why = session_fill(ph, &pre->session);
	return why;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct preflight *pre = work;

	return ph->answer.status == STATUS_PASS ? tbl_session_add(ph->db, &pre->session) : REASON_OK;
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_PREFLIGHT,
		0,
		"preflight - trading day, hours, disk, clock, schema, grants, alerts, yesterday closed?",
		sizeof(struct preflight),
		run,
		commit,
		NULL
	};

	return phase_main(argc, argv, &def);
}
