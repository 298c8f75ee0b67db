/* worker_open - configuration, account, keys, database, certificate, lease: everything before the frozen inputs. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/won.h"
#include "shared/store/vault.h"
#include "worker/broker_login.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

/* ---- options ---- */
static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct worker_options *opt = state->input;

	switch (key) {
	case 'c': opt->config = arg; break;
	case 'a': opt->account = arg; break;
	case 'C':
		if (!num_parse(arg, strlen(arg), &opt->certificate_id) || opt->certificate_id < 1)
			argp_error(state, "--certificate %s is not a certificate's number", arg);
		break;
	case ARGP_KEY_ARG: argp_error(state, "%s is not an option", arg); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void worker_options(int argc, char **argv, const char *doc, bool certificate, struct worker_options *out)
{
	static const struct argp_option options[] = {
		{ "config", 'c', "FILE", 0,
		  "configuration; default $GAEJANG_CONF, then /etc/gaejang/gaejang.conf", 0 },
		{ "account", 'a', "NAME", 0, "account; not needed when there is only one", 0 },
		{ "certificate", 'C', "NUMBER", 0, "row of the gate's certificate; only the gate gives one",
		  0 },
		{ 0 },
	};
	static const struct argp_option options_observer[] = {
		{ "config", 'c', "FILE", 0,
		  "configuration; default $GAEJANG_CONF, then /etc/gaejang/gaejang.conf", 0 },
		{ "account", 'a', "NAME", 0, "account; not needed when there is only one", 0 },
		{ 0 },
	};
	struct argp argp = {
		certificate ? options : options_observer, parse_option, "", doc, NULL, NULL, NULL
	};

	*out = (struct worker_options){ 0 };
	argp_err_exit_status = 64;
	(void)argp_parse(&argp, argc, argv, 0, NULL, out);
}

/* ---- opening ---- */
static enum reason open_clock(struct worker *w)
{
	const char *file = conf_text(&w->cfg, CONF_REHEARSAL_CLOCK);

	if (conf_number(&w->cfg, CONF_REHEARSAL) != 0 && file[0] != '\0')
		return clock_open_virtual(file, &w->clock);
	return clock_open_real(&w->clock);
}

/* host:pid:boot names one process of one start of one machine. */
static enum reason name_holder(struct worker *w)
{
	char host[65] = "";
	uint8_t *boot = NULL;
	size_t boot_size = 0;
	enum reason why;

	if (gethostname(host, sizeof(host) - 1) != 0)
		return reason_set(REASON_INTERNAL, "gethostname: %s", strerror(errno));
	host[40] = '\0';
	why = file_read("/proc/sys/kernel/random/boot_id", 64, &boot, &boot_size);
	if (why == REASON_OK)
		(void)snprintf(w->holder, sizeof(w->holder), "%.40s:%d:%.36s", host, (int)getpid(),
			       (const char *)boot);
	file_free(boot, boot_size);
	return why;
}

static enum reason open_house(struct worker *w, const struct worker_options *opt)
{
	enum reason why = conf_load(&w->cfg, opt->config);

	if (why == REASON_OK)
		why = conf_account_find(&w->cfg, opt->account, &w->acct);
	if (why == REASON_OK)
		why = open_clock(w);
	if (why == REASON_OK)
		clock_background(w->clock);
	if (why == REASON_OK)
		why = log_open(w->program,
			       conf_text(&w->cfg, CONF_LOG_FILE)[0] != '\0'
				       ? conf_text(&w->cfg, CONF_LOG_FILE)
				       : NULL,
			       w->clock);
	if (why == REASON_OK)
		why = name_holder(w);
	if (why == REASON_OK && !kis_env_parse(w->acct->env, &w->env))
		why = reason_set(REASON_CONF_RANGE, "account %s has env %s; it is real or paper",
				 w->acct->name, w->acct->env);
	if (why == REASON_OK)
		w->day = kst_day_of(clock_wall(w->clock));
	return why;
}

enum reason worker_open(struct worker *w, const struct worker_options *opt)
{
	const struct rlimit no_core = { 0, 0 };
	enum reason why;

	/* Keys and tokens live in this process: no core file, and nobody but root attaches to it. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (sodium_init() < 0)
		return reason_set(REASON_INTERNAL, "libsodium does not start");
	if (pthread_mutex_init(&w->login_lock, NULL) != 0 || pthread_mutex_init(&w->feed_lock, NULL) != 0)
		return reason_set(REASON_NO_MEMORY, "no mutex");
	why = open_house(w, opt);
	if (why == REASON_OK)
		why = login_open(&w->cfg, w->acct, w->role, w->db_user, &w->db);
	if (why == REASON_OK)
		why = tbl_account_find(w->db, w->acct->name, &w->account);
	if (why == REASON_OK)
		why = broker_keys_open(&w->cfg, w->acct, w->role, &w->keys);
	if (why == REASON_OK)
		(void)snprintf(w->account_number, sizeof(w->account_number), "%s%s", w->keys->cano,
			       w->keys->product);
	return why;
}

/* ---- certificate and lease ---- */
static enum reason read_certificate(struct worker *w, int64_t certificate_id, struct certificate_row *row)
{
	enum reason why = tbl_certificate_find(w->db, certificate_id, row);

	if (why == REASON_DB_NOT_FOUND)
		return reason_set(
			REASON_CERT_MISSING,
			"there is no certificate %lld; the gate starts the worker: gaejang run gate",
			(long long)certificate_id);
	if (why != REASON_OK)
		return why;
	why = vault_verify(conf_text(&w->cfg, CONF_KEY_DIR), row->body, strlen(row->body), row->signature);
	if (why != REASON_OK) {
		char detail[200];

		(void)snprintf(detail, sizeof(detail), "%s", reason_detail());
		return reason_set(REASON_CERT_SIGNATURE,
				  "certificate %lld is not what the gate signed (%s); nothing is started. "
				  "Run the gate again: "
				  "gaejang rerun gate",
				  (long long)certificate_id, detail);
	}
	return certificate_read(row->body, strlen(row->body), &w->cert);
}

/* Digests of what the worker itself would trade on, against those the gate signed. */
static enum reason check_certificate(struct worker *w)
{
	struct certificate_facts facts = {
		.account = w->acct->name,
		.env = w->acct->env,
		.today = w->day,
		.now = clock_wall(w->clock),
	};
	enum reason why = digest_self(&facts.executable);

	if (why == REASON_OK)
		why = worker_inputs(w);
	if (why != REASON_OK)
		return why;
	facts.snapshot = w->inputs->snapshot_digest;
	facts.params = w->inputs->params_digest;
	facts.limits = w->inputs->limits_digest;
	facts.universe = w->inputs->universe_digest;
	return certificate_check(&w->cert, &facts);
}

enum reason worker_take_certificate(struct worker *w, int64_t certificate_id)
{
	struct certificate_row row;
	struct wall now = clock_wall(w->clock);
	enum reason why;

	if (certificate_id == 0)
		return reason_set(
			REASON_CERT_MISSING,
			"the worker runs on the gate's certificate only; start it with: gaejang run gate");
	why = read_certificate(w, certificate_id, &row);
	if (why == REASON_OK && row.consumed.us != 0)
		why = reason_set(REASON_CERT_CONSUMED,
				 "certificate %lld was used before, by %s; it starts one worker once. Run "
				 "the gate again: "
				 "gaejang rerun gate",
				 (long long)certificate_id, row.consumed_by);
	w->certified = why == REASON_OK;
	if (why == REASON_OK)
		why = check_certificate(w);
	if (why == REASON_OK)
		why = tbl_certificate_consume(w->db, certificate_id, w->holder, now);
	if (why == REASON_DB_REFUSED)
		why = reason_set(REASON_CERT_CONSUMED,
				 "certificate %lld was used by another worker at this moment",
				 (long long)certificate_id);
	if (why == REASON_OK)
		why = tbl_lease_take(w->db, w->account.account_id, LEASE_TRADE, w->holder, w->program, now,
				     conf_number(&w->cfg, CONF_LEASE_S) * US_PER_S, &w->lease);
	if (why != REASON_OK)
		return why;
	w->lease_ours = true;
	if (w->lease.epoch != w->cert.epoch)
		return reason_set(REASON_CERT_EXPIRED,
				  "somebody held the account between the gate and this worker (lease epoch "
				  "%lld, certificate %lld); "
				  "run the gate again: gaejang rerun gate",
				  (long long)w->lease.epoch, (long long)w->cert.epoch);
	return REASON_OK;
}

enum reason worker_take_lease(struct worker *w)
{
	enum reason why = tbl_lease_take(w->db, w->account.account_id, LEASE_TRADE, w->holder, w->program,
					 clock_wall(w->clock), conf_number(&w->cfg, CONF_LEASE_S) * US_PER_S,
					 &w->lease);

	w->lease_ours = why == REASON_OK;
	return why;
}

enum reason worker_read_login(struct worker *w, struct db *db)
{
	struct kis_login login = { 0 };
	enum reason why = broker_token_read(&w->cfg, w->acct, w->role, db, w->account.account_id,
					    clock_wall(w->clock), &login);

	if (why == REASON_OK) {
		(void)pthread_mutex_lock(&w->login_lock);
		if (strcmp(w->login.token, login.token) != 0)
			atomic_fetch_add(&w->login_version, 1);
		w->login = login;
		(void)pthread_mutex_unlock(&w->login_lock);
	}
	sodium_memzero(&login, sizeof(login));
	return why;
}

bool worker_login(struct worker *w, struct kis_login *mine, int *version)
{
	int newest = atomic_load(&w->login_version);

	if (newest == *version)
		return false;
	(void)pthread_mutex_lock(&w->login_lock);
	*mine = w->login;
	(void)pthread_mutex_unlock(&w->login_lock);
	*version = newest;
	return true;
}

void worker_refuse(struct worker *w, enum reason why)
{
	struct alert_row alert = { .level = FINDING_CRIT, .day = w->day };

	fprintf(stderr, "%s: %s\n", w->program, reason_detail());
	if (w->db == NULL || w->account.account_id == 0)
		return;
	alert.account_id = w->account.account_id;
	alert.raised = clock_wall(w->clock);
	(void)snprintf(alert.code, sizeof(alert.code), "%s", reason_code(why));
	(void)snprintf(alert.text, sizeof(alert.text), "%s refused to start: %.400s", w->program,
		       reason_detail());
	(void)snprintf(alert.by_program, sizeof(alert.by_program), "%s", w->program);
	log_event(LOG_ERROR, "refused", "reason=%s", reason_code(why));
	if (db_open_now(w->db) && tbl_alert_raise(w->db, &alert) != REASON_OK)
		fprintf(stderr, "%s: and no alert row could be written: %s\n", w->program, reason_detail());
}

enum reason worker_db(struct worker *w, struct db **out)
{
	return login_open(&w->cfg, w->acct, w->role, w->db_user, out);
}

enum reason worker_kis(struct worker *w, struct clock_seat *seat, struct kis_login *login, struct kis **out)
{
	const struct kis_setup setup = {
		.cfg = &w->cfg,
		.env = w->env,
		.keys = w->keys,
		.login = login,
		.clock = w->clock,
		.seat = seat,
	};

	return kis_open(&setup, out);
}

void worker_close(struct worker *w)
{
	if (w->journal != NULL && journal_close(w->journal) != REASON_OK)
		fprintf(stderr, "%s: %s\n", w->program, reason_detail());
	engine_free(w->engine);
	free(w->inputs);
	if (w->lease_ours && w->db != NULL &&
	    tbl_lease_give_back(w->db, &w->lease, clock_wall(w->clock)) != REASON_OK)
		fprintf(stderr, "%s: the lease could not be given back and will expire: %s\n", w->program,
			reason_detail());
	db_close(w->db);
	sodium_memzero(&w->login, sizeof(w->login));
	broker_keys_close(w->keys);
	log_close();
	clock_close(w->clock);
	conf_clear(&w->cfg);
}
