/* phase - see phase.h. Reads top down: helpers for run(), opening, upstream, lease, main. */
#include "phases/phase.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/store/login.h"
#include "shared/base/banned.h"

#define BIT(id)     (UINT32_C(1) << (id))
#define HARD_KILL_S 60 /* real clock only: a phase that hangs past its deadline is ended by the kernel */

static volatile sig_atomic_t stop_signal;

static void on_stop(int signal_number)
{
	stop_signal = signal_number;
}

static void on_abort(int signal_number)
{
	(void)signal_number;
	_exit(70);
}

/* ---- for run() --------------------------------------------------------------------------------------------- */

struct wall phase_now(const struct phase *ph)
{
	return clock_wall(ph->clock);
}

bool phase_writes(const struct phase *ph)
{
	return !ph->opt.dry_run && !ph->read_only;
}

static void copy_text(char *out, size_t out_size, const char *text)
{
	(void)snprintf(out, out_size, "%s", text);
}

void phase_say(struct phase *ph, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(ph->answer.detail, sizeof(ph->answer.detail), fmt, args);
	va_end(args);
}

void phase_alert(struct phase *ph, enum finding_level level, const char *code, const char *fmt, ...)
{
	struct phase_note *note;
	va_list args;

	if (ph->note_count == PHASE_ALERTS_MAX)
		return; /* the first 64 say enough; the answer does not depend on them */
	note = &ph->notes[ph->note_count++];
	note->level = level;
	copy_text(note->code, sizeof(note->code), code);
	va_start(args, fmt);
	(void)vsnprintf(note->text, sizeof(note->text), fmt, args);
	va_end(args);
}

void phase_lower(struct phase *ph, enum mode mode)
{
	ph->answer.mode = mode_lower(ph->answer.mode, mode);
}

/* Raw text keeps 64 bits; a cJSON number is a double. */
void phase_fact_number(struct phase *ph, const char *name, int64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, number);
	(void)cJSON_AddRawToObject(ph->evidence, name, text);
}

void phase_fact_text(struct phase *ph, const char *name, const char *text)
{
	(void)cJSON_AddStringToObject(ph->evidence, name, text);
}

void phase_fact_bool(struct phase *ph, const char *name, bool value)
{
	(void)cJSON_AddBoolToObject(ph->evidence, name, value);
}

int64_t phase_run_of(const struct phase *ph, enum phase_id upstream)
{
	return ph->records[upstream].present ? ph->records[upstream].run_id : 0;
}

struct wall phase_session_open(const struct phase *ph)
{
	return kst_wall(ph->day.day, ph->day.open_s);
}

struct wall phase_session_end(const struct phase *ph)
{
	return kst_wall(ph->day.day, ph->day.close_s);
}

/* The configured end of entries belongs to an ordinary close and moves with another one; never into the closing call. */
struct wall phase_entry_end(const struct phase *ph)
{
	int64_t before_close_s = 15 * 3600 + 30 * 60 - conf_number(&ph->cfg, CONF_ENTRY_END);
	int64_t end_s = ph->day.close_s - (before_close_s > 0 ? before_close_s : 0);

	return kst_wall(ph->day.day, end_s < ph->day.entry_end_s ? end_s : ph->day.entry_end_s);
}

enum reason phase_session(struct phase *ph, struct session_row *out, struct digest *out_content)
{
	struct digest_maker mk;
	struct kst_day previous;
	enum reason why = calendar_previous(&ph->cal, ph->day.day, &previous);

	if (why != REASON_OK)
		return why;
	out->account_id = ph->account.account_id;
	out->day = ph->day.day;
	out->previous = previous;
	out->open = phase_session_open(ph);
	out->close = phase_session_end(ph);
	out->entry_end = phase_entry_end(ph);
	out->shift_s = ph->day.shift_s;
	digest_begin(&mk, "preflight");
	digest_text(&mk, "account", ph->account.name);
	digest_text(&mk, "env", ph->account.env);
	digest_bytes(&mk, "fingerprint", ph->account.fingerprint.bytes, DIGEST_SIZE);
	digest_bytes(&mk, "conf", ph->run.conf.bytes, DIGEST_SIZE);
	digest_number(&mk, "day", out->day.yyyymmdd);
	digest_number(&mk, "previous", out->previous.yyyymmdd);
	digest_number(&mk, "open_us", out->open.us);
	digest_number(&mk, "close_us", out->close.us);
	digest_number(&mk, "entry_end_us", out->entry_end.us);
	*out_content = digest_end(&mk);
	return REASON_OK;
}

static enum reason lease_keep(struct phase *ph)
{
	struct wall now = phase_now(ph);
	enum reason why;

	if (!ph->lease_ours ||
	    wall_diff_us(now, ph->lease_renewed) < conf_number(&ph->cfg, CONF_LEASE_RENEW_S) * US_PER_S)
		return REASON_OK;
	why = tbl_lease_renew(ph->db, &ph->lease, now, conf_number(&ph->cfg, CONF_LEASE_S) * US_PER_S);
	if (why == REASON_OK)
		ph->lease_renewed = now;
	return why;
}

static enum reason deadline_reason(const struct phase *ph)
{
	char text[KST_TEXT_SIZE];

	return reason_set(REASON_DEADLINE,
			  "the deadline %s passed before there was an answer; ask again: gaejang run %s",
			  kst_wall_text(ph->deadline, text), phase_name(ph->def->id));
}

enum reason phase_check(struct phase *ph)
{
	if (stop_signal)
		return reason_set(REASON_INTERRUPTED,
				  "signal %d ended it before there was an answer; run it again",
				  (int)stop_signal);
	if (phase_now(ph).us > ph->deadline.us)
		return deadline_reason(ph);
	return lease_keep(ph);
}

enum reason phase_wait_until(struct phase *ph, struct wall until)
{
	enum reason why;

	for (;;) {
		struct wall now = phase_now(ph), next = wall_add_us(now, PHASE_WAIT_US);

		why = phase_check(ph);
		if (why != REASON_OK || now.us >= until.us)
			return why;
		if (until.us > ph->deadline.us && next.us > ph->deadline.us)
			return deadline_reason(ph);
		why = clock_wait_until(ph->seat, next.us < until.us ? next : until);
		if (why != REASON_OK && why != REASON_INTERRUPTED)
			return why;
	}
}

enum reason phase_lease_give_back(struct phase *ph)
{
	enum reason why;

	if (!ph->lease_ours)
		return REASON_OK;
	why = tbl_lease_give_back(ph->db, &ph->lease, phase_now(ph));
	ph->lease_ours = false;
	return why;
}

enum reason phase_frozen(struct phase *ph, struct certificate *out, bool *out_found)
{
	struct certificate_row *row = calloc(1, sizeof(*row));
	enum reason why;

	*out_found = false;
	if (!row)
		return reason_set(REASON_NO_MEMORY, "no memory for a certificate row");
	why = tbl_certificate_used(ph->db, ph->account.account_id, ph->day.day, row);
	if (why == REASON_DB_NOT_FOUND) {
		why = REASON_OK;
		goto out;
	}
	if (why != REASON_OK)
		goto out;
	why = certificate_read(row->body, strlen(row->body), out);
	if (why == REASON_OK)
		*out_found = true;
out:
	free(row);
	return why;
}

/* ---- options ------------------------------------------------------------------------------------------------ */

static const struct argp_option option_table[] = {
	{ "account", 'a', "NAME", 0, "account; needed when the configuration has several", 0 },
	{ "day", 'd', "YYYY-MM-DD", 0, "trading day; default today by the clock", 0 },
	{ "scheduled", 's', NULL, 0, "run by the schedule: not due, not needed or already fresh ends at once",
	  0 },
	{ "read-only", 'r', NULL, 0, "answer, but freeze nothing", 0 },
	{ "dry-run", 'n', NULL, 0, "compute and print, write nothing", 0 },
	{ "json", 'j', NULL, 0, "print one JSON object", 0 },
	{ "config", 'c', "FILE", 0, "configuration; default $GAEJANG_CONF, then /etc/gaejang/gaejang.conf",
	  0 },
	{ 0 },
};

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct phase_options *opt = state->input;

	switch (key) {
	case 'a': opt->account = arg; break;
	case 'd': opt->day = arg; break;
	case 's': opt->scheduled = true; break;
	case 'r': opt->read_only = true; break;
	case 'n': opt->dry_run = true; break;
	case 'j': opt->json = true; break;
	case 'c': opt->config = arg; break;
	case ARGP_KEY_ARG: argp_error(state, "%s takes options only", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void options_read(int argc, char **argv, const struct phase_def *def, struct phase_options *out)
{
	char doc[600];
	struct argp argp = { option_table, option_take, NULL, doc, NULL, NULL, NULL };

	(void)snprintf(
		doc, sizeof(doc),
		"%s\vExit status: 0 PASS or CLOSED, 1 FAIL, 64 usage, 69 broker or database away, 70 defect, "
		"75 UNKNOWN (may be asked again), 77 rights, 78 configuration.",
		def->doc);
	argp_err_exit_status = 64;
	(void)argp_parse(&argp, argc, argv, 0, NULL, out); /* ends with 64 by itself */
}

/* ---- process ------------------------------------------------------------------------------------------------ */

static enum reason process_harden(void)
{
	struct rlimit none = { 0, 0 };
	struct sigaction stop = { 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return reason_set(REASON_INTERNAL, "core dumps cannot be switched off: %s", strerror(errno));
	stop.sa_handler = on_stop;
	if (sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0)
		return reason_set(REASON_INTERNAL, "signals cannot be caught: %s", strerror(errno));
	stop.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &stop, NULL);
	stop.sa_handler = on_abort;
	(void)sigaction(SIGABRT, &stop, NULL);
	if (sodium_init() < 0)
		return reason_set(REASON_INTERNAL, "libsodium cannot be initialised");
	return REASON_OK;
}

static void host_name(char *out, size_t out_size)
{
	if (gethostname(out, out_size) != 0)
		copy_text(out, out_size, "unknown");
	out[out_size - 1] = '\0';
}

static void boot_id(char *out, size_t out_size)
{
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;

	copy_text(out, out_size, "unknown");
	if (file_read("/proc/sys/kernel/random/boot_id", 64, &bytes, &bytes_size) == REASON_OK) {
		(void)snprintf(out, out_size, "%.*s", (int)strcspn((char *)bytes, "\n"), (char *)bytes);
		file_free(bytes, bytes_size);
	}
}

static enum reason open_clock(struct phase *ph)
{
	const char *file = conf_text(&ph->cfg, CONF_REHEARSAL_CLOCK);
	enum reason why;

	if (conf_number(&ph->cfg, CONF_REHEARSAL) != 0 && file[0] != '\0')
		why = clock_open_virtual(file, &ph->clock);
	else
		why = clock_open_real(&ph->clock);
	if (why == REASON_OK)
		why = clock_join(ph->clock, phase_name(ph->def->id), &ph->seat);
	return why;
}

/* The day the run is for. Only close may look back. */
static enum reason open_day(struct phase *ph)
{
	struct kst_day today = kst_day_of(ph->started), day = today;
	enum reason why;

	if (ph->opt.day && !kst_day_parse(ph->opt.day, &day))
		return reason_set(REASON_BAD_USAGE, "--day %s is not a date; write it as 2021-01-04",
				  ph->opt.day);
	if (!kst_day_same(day, today) && (ph->def->id != PHASE_CLOSE || day.yyyymmdd > today.yyyymmdd))
		return reason_set(
			REASON_BAD_USAGE,
			"--day %s is not today; a morning is proven on its own day (only close looks back)",
			ph->opt.day);
	why = calendar_load(&ph->cal, conf_text(&ph->cfg, CONF_CALENDAR_DIR));
	if (why == REASON_OK)
		why = calendar_at(&ph->cal, day, &ph->day);
	return why;
}

static void set_deadline(struct phase *ph)
{
	if (ph->opt.scheduled)
		ph->deadline = phase_window(ph->def->id, &ph->cfg, &ph->day).deadline;
	else
		ph->deadline = wall_add_us(ph->started,
					   conf_number(&ph->cfg, CONF_HAND_DEADLINE_MIN) * 60 * US_PER_S);
	if (!clock_is_virtual(ph->clock) && ph->deadline.us > ph->started.us)
		(void)alarm((unsigned)(wall_diff_us(ph->deadline, ph->started) / US_PER_S) + HARD_KILL_S);
}

static enum reason open_base(struct phase *ph, int argc, char **argv)
{
	enum reason why;

	options_read(argc, argv, ph->def, &ph->opt);
	ph->started_real = clock_real_mono();
	why = process_harden();
	if (why == REASON_OK)
		why = conf_load(&ph->cfg, ph->opt.config);
	if (why == REASON_OK)
		why = conf_account_find(&ph->cfg, ph->opt.account, &ph->acct);
	if (why == REASON_OK)
		why = open_clock(ph);
	if (why != REASON_OK)
		return why;
	ph->started = phase_now(ph);
	why = log_open(phase_name(ph->def->id),
		       conf_text(&ph->cfg, CONF_LOG_FILE)[0] ? conf_text(&ph->cfg, CONF_LOG_FILE) : NULL,
		       ph->clock);
	if (why == REASON_OK)
		why = open_day(ph);
	if (why == REASON_OK)
		set_deadline(ph);
	return why;
}

static enum reason open_account(struct phase *ph)
{
	bool rehearsal = conf_number(&ph->cfg, CONF_REHEARSAL) != 0;
	enum reason why = tbl_account_find(ph->db, ph->acct->name, &ph->account);

	if (why == REASON_DB_NOT_FOUND)
		return reason_set(REASON_ACCOUNT_UNKNOWN,
				  "account %s stands in the configuration but is not registered; run: "
				  "gaejang account add %s",
				  ph->acct->name, ph->acct->name);
	if (why != REASON_OK)
		return why;
	if (strcmp(ph->account.env, ph->acct->env) != 0)
		return reason_set(
			REASON_ACCOUNT_RECORD,
			"account %s is registered as %s but configured as %s; correct [account %s] env",
			ph->acct->name, ph->account.env, ph->acct->env, ph->acct->name);
	if (ph->account.rehearsal != rehearsal)
		return reason_set(REASON_ACCOUNT_RECORD,
				  "account %s is registered %s rehearsal but the configuration is %s; use "
				  "the other account",
				  ph->acct->name, ph->account.rehearsal ? "for" : "outside",
				  rehearsal ? "one" : "not one");
	return REASON_OK;
}

static enum reason open_database(struct phase *ph)
{
	char user[64];
	enum reason why;

	(void)snprintf(user, sizeof(user), "gj_%s", phase_name(ph->def->id));
	why = login_open(&ph->cfg, ph->acct, ROLE_PHASE, user, &ph->db);
	if (why == REASON_OK)
		why = open_account(ph);
	if (why == REASON_OK)
		why = tbl_phase_records(ph->db, ph->account.account_id, ph->day.day, ph->records);
	if (why == REASON_OK)
		why = tbl_lease_read(ph->db, ph->account.account_id, &ph->lease);
	return why;
}

/* ---- is there anything to do? ------------------------------------------------------------------------------- */

bool phase_trade_alive(const struct phase *ph)
{
	return ph->lease.kind == LEASE_TRADE && ph->lease.expires.us > phase_now(ph).us;
}

bool phase_observer_alive(const struct phase *ph)
{
	/* A worker that a person halted places nothing until it is started again: to the morning it is an observer. */
	bool halted = ph->lease.mode == MODE_HALT && strcmp(ph->lease.state, "OBSERVING") == 0;

	return phase_trade_alive(ph) && (halted || strcmp(ph->lease.program, "observer") == 0);
}

static void ages_of(const struct phase *ph, int64_t out_s[static PHASE_COUNT])
{
	for (int id = 0; id < PHASE_COUNT; id++)
		out_s[id] =
			id < PHASE_MORNING_COUNT ? conf_number(&ph->cfg, phase_table[id].age_key) * 60 : 0;
}

static enum reason end_quietly(struct phase *ph, enum reason why, const char *detail)
{
	ph->quiet = true;
	return reason_set(why, "%s", detail);
}

/* What a scheduled run can know without the database. */
static enum reason due(struct phase *ph)
{
	struct phase_window win = phase_window(ph->def->id, &ph->cfg, &ph->day);

	if (!ph->opt.scheduled)
		return REASON_OK;
	if (ph->started.us < win.start.us)
		return end_quietly(ph, REASON_NOT_DUE, "not due yet");
	if (!ph->day.trading && ph->def->id != PHASE_PREFLIGHT)
		return end_quietly(ph, REASON_MARKET_CLOSED, "not a trading day");
	return REASON_OK;
}

/* What a scheduled run finds in the rows: done, too late, or nothing to do while a worker trades. */
static enum reason needed(struct phase *ph, bool *out_late)
{
	const struct phase_record *mine = &ph->records[ph->def->id];
	int64_t ages_s[PHASE_COUNT];

	if (!ph->opt.scheduled)
		return REASON_OK;
	ages_of(ph, ages_s);
	if (mine->present && mine->status == STATUS_CLOSED)
		return end_quietly(ph, REASON_MARKET_CLOSED, "not a trading day");
	if (phase_fresh(ph->def->id, ph->records, ages_s, phase_now(ph)) == FRESH)
		return end_quietly(ph, REASON_ALREADY_FRESH, "a fresh PASS of today is there already");
	if (phase_trade_alive(ph) && !phase_observer_alive(ph) && !(ph->def->flags & PHASE_AFTER_WORKER))
		return end_quietly(ph, REASON_ALREADY_FRESH, "a worker trades on today's proofs");
	*out_late = ph->started.us > ph->deadline.us;
	/* Said once, in a row; later wakes only repeat the exit status. */
	if (*out_late && mine->present && strcmp(mine->reason, reason_code(REASON_TOO_LATE)) == 0)
		return end_quietly(ph, REASON_TOO_LATE, "woke after its deadline, as a row says already");
	return REASON_OK;
}

static bool session_over(const struct phase *ph)
{
	return ph->day.trading && ph->started.us >= phase_session_end(ph).us;
}

/* By hand beside a trading worker, or after the session: an answer, and nothing that could move today's proofs. */
static void choose_read_only(struct phase *ph)
{
	if (ph->opt.read_only)
		ph->read_only = true;
	else if (!(ph->def->flags & PHASE_AFTER_WORKER))
		ph->read_only = (phase_trade_alive(ph) && !phase_observer_alive(ph)) || session_over(ph);
}

static enum reason run_row(struct phase *ph)
{
	struct phase_run_row *run = &ph->run;
	const struct passwd *pw = getpwuid(getuid());
	char worker[FILE_PATH_SIZE];
	enum reason why;

	run->account_id = ph->account.account_id;
	run->day = ph->day.day;
	run->phase = ph->def->id;
	run->started = ph->started;
	run->deadline = ph->deadline;
	run->scheduled = ph->opt.scheduled;
	run->read_only = ph->read_only;
	run->pid = getpid();
	host_name(run->host, sizeof(run->host));
	boot_id(run->boot_id, sizeof(run->boot_id));
	copy_text(run->person, sizeof(run->person), pw ? pw->pw_name : "unknown");
	conf_digest(&ph->cfg, run->conf.bytes);
	(void)snprintf(ph->holder, sizeof(ph->holder), "%.40s:%" PRId64 ":%.36s", run->host, run->pid,
		       run->boot_id);
	/* The gate's build is that of the worker it launches: the first-run brake asks for it. */
	if (ph->def->id == PHASE_GATE) {
		why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), "worker", worker);
		if (why == REASON_OK)
			why = digest_file(worker, &run->build);
	} else {
		why = digest_self(&run->build);
	}
	if (why != REASON_OK || ph->opt.dry_run)
		return why;
	return tbl_phase_run_add(ph->db, run);
}

/* ---- upstream ------------------------------------------------------------------------------------------------ */

static enum reason upstream_running(struct phase *ph, bool *out_running, enum phase_id *out_id)
{
	struct wall until;
	enum reason why = REASON_OK;

	*out_running = false;
	for (int id = 0; id < PHASE_COUNT && why == REASON_OK && !*out_running; id++) {
		if (!(phase_table[ph->def->id].reads & BIT(id)))
			continue;
		why = tbl_phase_running(ph->db, ph->account.account_id, ph->day.day, (enum phase_id)id,
					phase_now(ph), out_running, &until);
		*out_id = (enum phase_id)id;
	}
	return why;
}

static enum reason upstream_wait(struct phase *ph)
{
	enum phase_id id = PHASE_COUNT;
	bool running;
	enum reason why;

	for (;;) {
		why = upstream_running(ph, &running, &id);
		if (why != REASON_OK || !running)
			return why;
		why = phase_wait_until(ph, wall_add_us(phase_now(ph), PHASE_WAIT_US));
		if (why == REASON_DEADLINE)
			return reason_set(REASON_UPSTREAM,
					  "%s was still running at the deadline; look at it: gaejang why",
					  phase_name(id));
		if (why != REASON_OK)
			return why;
	}
}

static enum reason upstream_say(const struct phase *ph, enum phase_id id, enum freshness fresh)
{
	const struct phase_record *up = &ph->records[id];

	if (fresh == STALE_MISSING)
		return reason_set(REASON_UPSTREAM, "%s has no result today; run it first: gaejang run %s",
				  phase_name(id), phase_name(id));
	if (fresh == STALE_STATUS)
		return reason_set(REASON_UPSTREAM,
				  "%s is %s (%s); mend it, then: gaejang rerun %s --downstream",
				  phase_name(id), status_text(up->status), up->reason, phase_name(id));
	return reason_set(REASON_UPSTREAM, "%s is stale (%s); run: gaejang rerun %s", phase_name(id),
			  freshness_text(fresh), phase_name(id));
}

/* Who reads the file now must read what preflight looked at; a change in between is for preflight to look at first. */
enum reason phase_unchanged(struct phase *ph)
{
	const struct phase_record *pre = &ph->records[PHASE_PREFLIGHT];
	struct session_row session;
	struct digest now;
	enum reason why;

	if (ph->def->id == PHASE_PREFLIGHT || ph->def->id == PHASE_CLOSE || !pre->present ||
	    pre->status != STATUS_PASS)
		return REASON_OK;
	why = phase_session(ph, &session, &now);
	if (why != REASON_OK || digest_same(&now, &pre->content))
		return why;
	return reason_set(REASON_UPSTREAM, "configuration, calendar or account changed since preflight "
					   "looked; run: gaejang rerun preflight --downstream");
}

static enum reason upstream_read(struct phase *ph)
{
	static const int64_t no_ages[PHASE_COUNT];
	enum reason why = tbl_phase_records(ph->db, ph->account.account_id, ph->day.day, ph->records);

	if (why != REASON_OK)
		return why;
	ph->input_count = 0;
	for (int id = 0; id < PHASE_COUNT; id++) {
		const struct phase_record *up = &ph->records[id];
		enum freshness fresh;

		if (!(phase_table[ph->def->id].reads & BIT(id)))
			continue;
		if (up->present && up->status == STATUS_CLOSED)
			return reason_set(REASON_MARKET_CLOSED, "not a trading day, says %s",
					  phase_name((enum phase_id)id));
		if (up->present)
			ph->inputs[ph->input_count++] =
				(struct phase_input){ (enum phase_id)id, up->run_id, up->content };
		if (ph->def->flags & PHASE_JUDGES)
			continue;
		fresh = phase_fresh((enum phase_id)id, ph->records, no_ages, (struct wall){ 0 });
		if (fresh != FRESH)
			return upstream_say(ph, (enum phase_id)id, fresh);
	}
	return ph->def->flags & PHASE_JUDGES ? REASON_OK : phase_unchanged(ph);
}

/* ---- lease --------------------------------------------------------------------------------------------------- */

/* A worker that vanished may still have a POST on the wire: nobody judges before lease + 1 s + the HTTP time-out. */
static enum reason lease_settle(struct phase *ph)
{
	int64_t order_us = conf_number(&ph->cfg, CONF_BROKER_ORDER_MS) * 1000;

	if (ph->lease.kind != LEASE_TRADE || ph->lease.clean)
		return REASON_OK;
	return phase_wait_until(ph, wall_add_us(ph->lease.expires, US_PER_S + order_us));
}

enum reason phase_lease_take(struct phase *ph)
{
	int64_t life_us = conf_number(&ph->cfg, CONF_LEASE_S) * US_PER_S;
	char held[DETAIL_SIZE];
	enum reason why;

	if (!phase_writes(ph))
		return REASON_OK;
	for (;;) {
		why = tbl_lease_read(ph->db, ph->account.account_id, &ph->lease);
		if (why != REASON_OK)
			return why;
		if (phase_observer_alive(ph) && !(ph->def->flags & (PHASE_JUDGES | PHASE_AFTER_WORKER))) {
			ph->lease_beside = true;
			return REASON_OK;
		}
		/* The gate stops an observer itself and answers when a worker trades. */
		if (phase_trade_alive(ph) && (ph->def->flags & PHASE_JUDGES))
			return REASON_OK;
		if (!phase_trade_alive(ph)) {
			why = lease_settle(ph);
			if (why != REASON_OK)
				return why;
			why = tbl_lease_take(ph->db, ph->account.account_id, LEASE_PHASE, ph->holder,
					     phase_name(ph->def->id), phase_now(ph), life_us, &ph->lease);
			if (why == REASON_OK) {
				ph->lease_ours = true;
				ph->lease_renewed = phase_now(ph);
			}
			if (why != REASON_LEASE_HELD)
				return why;
		}
		(void)snprintf(held, sizeof(held), "%s holds the account's lease (%s)", ph->lease.program,
			       ph->lease.holder);
		why = phase_wait_until(ph, wall_add_us(phase_now(ph), PHASE_WAIT_US));
		if (why == REASON_DEADLINE)
			return reason_set(phase_trade_alive(ph) ? REASON_WORKER_RUNS : REASON_LEASE_HELD,
					  "%s; run it again when it has ended", held);
		if (why != REASON_OK)
			return why;
	}
}

/* ---- main ---------------------------------------------------------------------------------------------------- */

static enum reason walk(struct phase *ph)
{
	enum reason why = upstream_wait(ph);

	if (why == REASON_OK)
		why = upstream_read(ph);
	if (why == REASON_OK && !ph->day.trading && ph->def->id != PHASE_PREFLIGHT)
		why = reason_set(REASON_MARKET_CLOSED, "not a trading day");
	if (why == REASON_OK)
		why = phase_lease_take(ph);
	/* Whoever held the lease meanwhile may have replaced what was read. */
	if (why == REASON_OK)
		why = upstream_read(ph);
	if (why != REASON_OK)
		return why;
	ph->products = true;
	why = ph->def->run(ph, ph->work);
	if (why == REASON_OK && stop_signal)
		why = reason_set(REASON_INTERRUPTED,
				 "signal %d ended it before the result was written; run it again",
				 (int)stop_signal);
	if (why == REASON_OK && phase_now(ph).us > ph->deadline.us)
		why = deadline_reason(ph);
	return why;
}

static enum reason too_late(const struct phase *ph)
{
	return reason_set(
		REASON_TOO_LATE,
		"woke after its deadline; a scheduled run does not catch up. By hand: gaejang run %s",
		phase_name(ph->def->id));
}

/* From the rows to the result. Returns what kept the result from being written; the answer itself is in ph->answer. */
static enum reason attend(struct phase *ph)
{
	bool late = false;
	enum reason why = needed(ph, &late);

	if (ph->quiet || why != REASON_OK)
		return why;
	choose_read_only(ph);
	why = run_row(ph);
	if (why != REASON_OK)
		return why;
	phase_answer_set(ph, late ? too_late(ph) : walk(ph));
	return phase_result(ph);
}

static void phase_end(struct phase *ph)
{
	(void)phase_lease_give_back(ph);
	if (ph->work && ph->def->clear)
		ph->def->clear(ph->work);
	free(ph->work);
	phase_broker_close(ph);
	db_close(ph->db);
	cJSON_Delete(ph->evidence);
	/* The seat is not left: the clock stands until whoever waits for this process has seen it end. */
	if (ph->clock)
		clock_close(ph->clock);
	calendar_clear(&ph->cal);
	conf_clear(&ph->cfg);
}

/* The database is away: one line for a person, one for the next run. */
static void could_not_write(struct phase *ph, enum reason why)
{
	char detail[DETAIL_SIZE];

	copy_text(detail, sizeof(detail), reason_detail()[0] ? reason_detail() : reason_text(why));
	phase_answer_set(ph, why);
	copy_text(ph->answer.detail, sizeof(ph->answer.detail), detail);
	if (reason_kind(why) == KIND_AWAY && !ph->opt.dry_run)
		phase_spool(ph, why, detail);
}

/* What keeps a phase from starting is told through the alert outbox too, where the database answers. */
static enum reason alert_before_start(struct db *db, void *arg)
{
	return phase_alerts_write(arg, db);
}

int phase_main(int argc, char **argv, const struct phase_def *def)
{
	struct phase *ph = calloc(1, sizeof(*ph));
	enum reason why;
	int status;

	if (!ph)
		return reason_exit(REASON_NO_MEMORY);
	ph->def = def;
	ph->answer.mode = MODE_TRADE;
	ph->evidence = cJSON_CreateObject();
	ph->work = calloc(1, def->work_size ? def->work_size : 1);
	why = open_base(ph, argc, argv);
	if (why == REASON_OK && (!ph->evidence || !ph->work))
		why = reason_set(REASON_NO_MEMORY, "no memory to start");
	if (why == REASON_OK)
		why = due(ph);
	if (why == REASON_OK)
		why = open_database(ph);
	if (why == REASON_OK)
		why = attend(ph);
	if (ph->quiet)
		phase_answer_set(ph, why);
	else if (why != REASON_OK)
		could_not_write(ph, why);
	if (why != REASON_OK && !ph->quiet && ph->account.account_id != 0 &&
	    reason_kind(why) == KIND_CONFIG && phase_writes(ph)) {
		phase_alert_failure(ph);
		(void)db_transact(ph->db, alert_before_start, ph);
	}
	if (ph->acct && ph->clock && !ph->quiet)
		log_event(ph->answer.status == STATUS_PASS || ph->answer.status == STATUS_CLOSED ? LOG_INFO
												 : LOG_ERROR,
			  "phase-end", "phase=%s account=%s status=%s mode=%s reason=%s took_ms=%" PRId64,
			  phase_name(def->id), ph->acct->name, status_text(ph->answer.status),
			  mode_text(ph->answer.mode), reason_code(ph->answer.why), phase_took_ms(ph));
	phase_print(ph);
	status = reason_exit(ph->answer.why);
	phase_end(ph);
	free(ph);
	log_close();
	return status;
}
