/*
 * auth - a token and a WebSocket approval key that outlive the session, proven by one authenticated read.
 *
 * One issuer: the attempt's row is committed before the call, and no program asks within login_gap_s of the newest row.
 * A token is stored (sealed) the moment it is there: if this run then dies, the next one adopts it instead of asking again.
 * The broker answers the same token for six hours after its issue, so asking again within them cannot make it live longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phases/phase.h"
#include "shared/base/log.h"
#include "shared/store/vault.h"
#include "shared/base/banned.h"

#define SAME_TOKEN_S    (6 * 3600) /* kis README 2.1: a repeated call within six hours returns the same token */
#define APPROVAL_LIFE_S (24 * 3600) /* kis README 2.3 */
#define HOLIDAY_ROWS    32
#define SECRET_ROLES                                                                                         \
	((1u << ROLE_PHASE) | (1u << ROLE_WORKER) | (1u << ROLE_OBSERVER) | (1u << ROLE_OPERATOR))

struct auth {
	char fingerprint[17];
	struct wall needed_until; /* a secret must live past this */
	struct secret_row newest; /* stored one; version 0 = none */
	char secret[KIS_TOKEN_SIZE];
	struct wall expires;
	bool adopted;
	int64_t refused_version; /* stored one that the broker did not take */
};

/* ---- stored secrets -------------------------------------------------------------------------------------------- */

static enum reason newest_read(struct phase *ph, struct auth *auth, const char *name)
{
	enum reason why = tbl_secret_newest(ph->db, ph->account.account_id, name, &auth->newest);

	if (why == REASON_DB_NOT_FOUND) {
		auth->newest.version = 0;
		return REASON_OK;
	}
	return why;
}

static bool newest_lives(const struct auth *auth)
{
	return auth->newest.version > auth->refused_version &&
	       auth->newest.expires.us > auth->needed_until.us &&
	       strcmp(auth->newest.fingerprint, auth->fingerprint) == 0;
}

static enum reason newest_open(struct phase *ph, struct auth *auth, const char *name)
{
	struct vault_value value = VAULT_VALUE_INIT;
	struct vault_name record = { ph->acct->env, ph->acct->name, name, (uint64_t)auth->newest.version };
	enum reason why;

	why = vault_open_blob(conf_text(&ph->cfg, CONF_KEY_DIR), ROLE_PHASE, &record, auth->newest.sealed,
			      auth->newest.sealed_size, &value);
	if (why == REASON_OK && value.bytes_size >= sizeof(auth->secret))
		why = reason_set(REASON_VAULT_BROKEN, "the stored %s is longer than one can be", name);
	if (why == REASON_OK) {
		memcpy(auth->secret, value.bytes, value.bytes_size);
		auth->secret[value.bytes_size] = '\0';
		auth->expires = auth->newest.expires;
		auth->adopted = true;
	}
	vault_value_clear(&value);
	return why;
}

/* *out_stored false: another program stored that version first; it is read instead. */
static enum reason secret_store(struct phase *ph, struct auth *auth, const char *name, bool *out_stored)
{
	struct secret_row *row = calloc(1, sizeof(*row));
	struct vault_name record = { ph->acct->env, ph->acct->name, name,
				     (uint64_t)auth->newest.version + 1 };
	enum reason why;

	*out_stored = false;
	if (!row)
		return reason_set(REASON_NO_MEMORY, "no memory for a secret's row");
	row->account_id = ph->account.account_id;
	(void)snprintf(row->name, sizeof(row->name), "%s", name);
	row->version = auth->newest.version + 1;
	memcpy(row->fingerprint, auth->fingerprint, sizeof(row->fingerprint));
	row->made = phase_now(ph);
	row->expires = auth->expires;
	row->run_id = ph->run.run_id;
	why = vault_seal(conf_text(&ph->cfg, CONF_KEY_DIR), &record, SECRET_ROLES, auth->secret,
			 strlen(auth->secret), row->sealed, sizeof(row->sealed), &row->sealed_size);
	if (why == REASON_OK)
		why = tbl_secret_add(ph->db, row);
	if (why == REASON_OK)
		*out_stored = true;
	if (why == REASON_DB_DUPLICATE)
		why = REASON_OK;
	free(row);
	return why;
}

/* ---- asking the broker ----------------------------------------------------------------------------------------- */

/* Waits until nobody has asked for login_gap_s, then writes the attempt. *out_adopt: a living secret appeared meanwhile. */
static enum reason attempt(struct phase *ph, struct auth *auth, const char *name, bool *out_adopt)
{
	int64_t gap_us = conf_number(&ph->cfg, CONF_LOGIN_GAP_S) * US_PER_S;
	struct wall last;
	enum reason why;

	*out_adopt = false;
	why = tbl_login_attempt_last(ph->db, auth->fingerprint, name, &last);
	if (why != REASON_OK)
		return why;
	if (last.us != 0 && wall_diff_us(phase_now(ph), last) < gap_us) {
		why = phase_wait_until(ph, wall_add_us(last, gap_us));
		if (why == REASON_DEADLINE)
			return reason_set(REASON_BROKER_TOKEN_WAIT,
					  "a %s was asked for less than %lld s ago and the deadline is "
					  "before the next turn; run auth again",
					  name, (long long)(gap_us / US_PER_S));
		if (why != REASON_OK)
			return why;
	}
	why = newest_read(ph, auth, name);
	if (why != REASON_OK)
		return why;
	*out_adopt = newest_lives(auth);
	if (*out_adopt)
		return REASON_OK;
	return tbl_login_attempt_add(ph->db, ph->account.account_id, auth->fingerprint, name, phase_now(ph));
}

static enum reason ask_token(struct phase *ph, struct auth *auth)
{
	struct kis_login login = { 0 };
	enum reason why = kis_token(ph->kis, ph->deadline, &login);

	if (why == REASON_OK) {
		memcpy(auth->secret, login.token, sizeof(login.token));
		auth->expires = login.token_expires;
	}
	sodium_memzero(&login, sizeof(login));
	return why;
}

static enum reason ask_approval(struct phase *ph, struct auth *auth)
{
	char key[KIS_APPROVAL_SIZE] = "";
	enum reason why = kis_approval(ph->kis, ph->deadline, key);

	if (why == REASON_OK) {
		(void)snprintf(auth->secret, sizeof(auth->secret), "%s", key);
		auth->expires = wall_add_us(phase_now(ph), APPROVAL_LIFE_S * US_PER_S);
	}
	sodium_memzero(key, sizeof(key));
	return why;
}

static bool worth_another_try(enum reason why)
{
	return reason_kind(why) == KIND_AWAY || why == REASON_BROKER_PACED ||
	       why == REASON_BROKER_TOKEN_WAIT || why == REASON_BROKER_SHAPE;
}

static enum reason obtain(struct phase *ph, struct auth *auth, const char *name,
			  enum reason (*ask)(struct phase *, struct auth *))
{
	int64_t tries = conf_number(&ph->cfg, CONF_LOGIN_TRIES);
	bool adopt = false, stored = false;
	enum reason why = REASON_OK;

	for (int64_t i = 0; i < tries; i++) {
		why = attempt(ph, auth, name, &adopt);
		if (why != REASON_OK)
			return why;
		if (adopt)
			return newest_open(ph, auth, name);
		why = ask(ph, auth);
		if (why == REASON_OK)
			break;
		if (!worth_another_try(why))
			return why;
	}
	if (why != REASON_OK)
		return why;
	why = secret_store(ph, auth, name, &stored);
	if (why == REASON_OK && !stored) {
		why = newest_read(ph, auth, name);
		if (why == REASON_OK)
			why = newest_open(ph, auth, name);
	}
	return why;
}

/* A living token of the last six hours would only be answered again. */
static bool asking_is_vain(const struct phase *ph, const struct auth *auth, const char *name)
{
	return strcmp(name, "token") == 0 && auth->newest.version > auth->refused_version &&
	       strcmp(auth->newest.fingerprint, auth->fingerprint) == 0 &&
	       auth->newest.expires.us > phase_now(ph).us &&
	       wall_diff_us(phase_now(ph), auth->newest.made) < SAME_TOKEN_S * US_PER_S;
}

/* The newest stored one if it lives long enough, else a new one, in auth->secret. */
static enum reason hold(struct phase *ph, struct auth *auth, const char *name,
			enum reason (*ask)(struct phase *, struct auth *))
{
	enum reason why = newest_read(ph, auth, name);

	auth->adopted = false;
	if (why != REASON_OK)
		return why;
	if (newest_lives(auth) || asking_is_vain(ph, auth, name))
		return newest_open(ph, auth, name);
	if (!phase_writes(ph))
		return reason_set(REASON_BROKER_TOKEN,
				  "no stored %s outlives the session, and this run may not ask for one",
				  name);
	return obtain(ph, auth, name, ask);
}

/* ---- proof ------------------------------------------------------------------------------------------------------ */

static enum reason token_lives_long(const struct auth *auth)
{
	char dies[KST_TEXT_SIZE], wanted[KST_TEXT_SIZE];

	if (auth->expires.us > auth->needed_until.us)
		return REASON_OK;
	return reason_set(REASON_TOKEN_DIES,
			  "the token dies %s, it must live past %s (session end and token_margin_min); a new "
			  "one is given six hours "
			  "after the issue of this one: run auth again then",
			  kst_wall_text(auth->expires, dies), kst_wall_text(auth->needed_until, wanted));
}

static enum reason proof(struct phase *ph)
{
	struct kis_buyable buyable = { 0 };
	enum reason why = kis_buyable(ph->kis, NULL, 0, ph->deadline, &buyable);

	if (why == REASON_OK)
		phase_fact_text(ph, "proven_by", "buying power");
	return why;
}

static enum reason token(struct phase *ph, struct auth *auth)
{
	enum reason why = REASON_OK;

	for (int round = 0; round < 2; round++) {
		why = hold(ph, auth, "token", ask_token);
		if (why == REASON_OK)
			why = token_lives_long(auth);
		if (why != REASON_OK)
			return why;
		memcpy(ph->broker_login->token, auth->secret, sizeof(ph->broker_login->token));
		ph->broker_login->token_expires = auth->expires;
		log_secret(auth->secret, strlen(auth->secret));
		why = proof(ph);
		/* A stored token the broker no longer takes (revoked, other keys): a new one is asked for, once. */
		if (why != REASON_BROKER_TOKEN || !auth->adopted || !phase_writes(ph))
			break;
		auth->refused_version = auth->newest.version;
		phase_fact_number(ph, "stored_token_refused", auth->refused_version);
	}
	phase_fact_bool(ph, "token_adopted", auth->adopted);
	return why;
}

/* ---- the broker's calendar --------------------------------------------------------------------------------------- */

static enum reason holidays(struct phase *ph)
{
	struct kis_holiday rows[HOLIDAY_ROWS];
	char day[KST_TEXT_SIZE];
	int count = 0;
	enum reason why;

	if (strcmp(ph->acct->env, "real") != 0) {
		phase_fact_text(ph, "broker_calendar", "not offered on paper");
		return REASON_OK;
	}
	why = kis_holidays(ph->kis, ph->day.day, ph->deadline, rows, HOLIDAY_ROWS, &count);
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < count; i++) {
		if (!kst_day_same(rows[i].day, ph->day.day))
			continue;
		phase_fact_text(ph, "broker_calendar", rows[i].open ? "open" : "closed");
		if (rows[i].open == ph->day.trading)
			return REASON_OK;
		return reason_set(REASON_CALENDAR_DISAGREES,
				  "our calendar says %s is %s, the broker says %s; find out which, correct "
				  "ops/data, run preflight again",
				  kst_day_text(ph->day.day, day), ph->day.trading ? "open" : "closed",
				  rows[i].open ? "open" : "closed");
	}
	return reason_set(REASON_CALENDAR_DISAGREES, "the broker's calendar does not name %s; run auth again",
			  kst_day_text(ph->day.day, day));
}

static struct digest content(const struct phase *ph, const struct auth *auth)
{
	struct digest_maker mk;

	/* Not the token itself: a new one changes nothing for those who read with it. */
	digest_begin(&mk, "auth");
	digest_text(&mk, "env", ph->acct->env);
	digest_text(&mk, "fingerprint", auth->fingerprint);
	return digest_end(&mk);
}

static enum reason run(struct phase *ph, void *work)
{
	struct auth *auth = work;
	char text[KST_TEXT_SIZE];
	enum kis_env env;
	enum reason why = phase_kis_bare(ph);

	if (why != REASON_OK)
		return why;
	if (!kis_env_parse(ph->acct->env, &env))
		return reason_set(REASON_BROKER_ENV, "env %s is neither real nor paper", ph->acct->env);
	kis_fingerprint(env, ph->keys->appkey, auth->fingerprint);
	auth->needed_until = wall_add_us(phase_session_end(ph),
					 conf_number(&ph->cfg, CONF_TOKEN_MARGIN_MIN) * 60 * US_PER_S);
	why = token(ph, auth);
	if (why != REASON_OK)
		return why;
	phase_fact_text(ph, "token_expires", kst_wall_text(auth->expires, text));
	phase_say(ph, "token lives until %.19s%s", text, auth->adopted ? " (stored one)" : "");
	why = holidays(ph);
	if (why == REASON_OK)
		why = hold(ph, auth, "approval", ask_approval);
	if (why != REASON_OK)
		return why;
	phase_fact_text(ph, "approval_expires", kst_wall_text(auth->expires, text));
	ph->answer.content = content(ph, auth);
	return REASON_OK;
}

static void clear(void *work)
{
	sodium_memzero(work, sizeof(struct auth));
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_AUTH,
		0,
		"auth - access token and WebSocket approval key, alive past the close, proven by a read",
		sizeof(struct auth),
		run,
		NULL,
		clear
	};

	return phase_main(argc, argv, &def);
}
