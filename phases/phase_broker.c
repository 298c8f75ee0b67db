/* phase_broker - the broker as a phase sees it: keys out of the vault, a client on demand, listings in agreeing pairs. */
#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include "phases/phase.h"
#include "worker/broker_login.h"
#include "shared/base/log.h"
#include "shared/store/fingerprint.h"
#include "shared/store/vault.h"
#include "shared/base/banned.h"

#define PASSES_MAX 6 /* passes until two in a row agree; the deadline usually ends it first */

/* ---- keys and client ----------------------------------------------------------------------------------------- */

enum reason phase_keys(struct phase *ph)
{
	return ph->keys ? REASON_OK : broker_keys_open(&ph->cfg, ph->acct, ROLE_PHASE, &ph->keys);
}

enum reason phase_fingerprint(const struct phase *ph, struct digest *out)
{
	char masked[17];

	return fingerprint_of(&ph->cfg, ph->acct, ROLE_PHASE, out, masked);
}

/* Every exchange: into the evidence, and a chance to keep the lease young (its loss shows at the commit). */
static void told(void *arg, const char *name, const char *msg_cd, long http, int64_t took_us)
{
	struct phase *ph = arg;
	struct phase_call *call = NULL;

	for (int i = 0; i < ph->call_count && !call; i++) {
		if (strcmp(ph->calls[i].name, name) == 0)
			call = &ph->calls[i];
	}
	if (!call && ph->call_count < PHASE_CALLS_MAX) {
		call = &ph->calls[ph->call_count++];
		(void)snprintf(call->name, sizeof(call->name), "%s", name);
	}
	if (call) {
		(void)snprintf(call->msg_cd, sizeof(call->msg_cd), "%s", msg_cd ? msg_cd : "");
		call->http = http;
		call->count++;
		if (took_us > call->took_us_max)
			call->took_us_max = took_us;
	}
	(void)phase_check(ph);
}

static enum reason client_open(struct phase *ph, bool with_login)
{
	struct kis_setup setup = { 0 };
	enum reason why = phase_keys(ph);

	if (why != REASON_OK)
		return why;
	if (!kis_env_parse(ph->acct->env, &setup.env))
		return reason_set(REASON_BROKER_ENV, "account %s: env %s is neither real nor paper",
				  ph->acct->name, ph->acct->env);
	setup.cfg = &ph->cfg;
	setup.keys = ph->keys;
	setup.login = with_login ? ph->broker_login : NULL;
	setup.clock = ph->clock;
	setup.seat = ph->seat;
	setup.told = told;
	setup.told_arg = ph;
	kis_close(ph->kis);
	ph->kis = NULL;
	return kis_open(&setup, &ph->kis);
}

static enum reason login_memory(struct phase *ph)
{
	if (ph->broker_login)
		return REASON_OK;
	ph->broker_login = sodium_malloc(sizeof(*ph->broker_login));
	if (!ph->broker_login)
		return reason_set(REASON_NO_MEMORY, "no locked memory for the token; raise ulimit -l");
	sodium_memzero(ph->broker_login, sizeof(*ph->broker_login));
	return REASON_OK;
}

enum reason phase_kis_bare(struct phase *ph)
{
	enum reason why = login_memory(ph);

	return why == REASON_OK ? client_open(ph, true) : why;
}

enum reason phase_kis(struct phase *ph)
{
	enum reason why;

	if (ph->kis)
		return REASON_OK;
	why = login_memory(ph);
	if (why == REASON_OK)
		why = broker_token_read(&ph->cfg, ph->acct, ROLE_PHASE, ph->db, ph->account.account_id,
					phase_now(ph), ph->broker_login);
	return why == REASON_OK ? client_open(ph, true) : why;
}

void phase_broker_close(struct phase *ph)
{
	kis_close(ph->kis);
	ph->kis = NULL;
	broker_keys_close(ph->keys);
	sodium_free(ph->broker_login);
	ph->keys = NULL;
	ph->broker_login = NULL;
}

/* ---- listings ------------------------------------------------------------------------------------------------- */

static enum reason listing_store(struct phase *ph, const char *kind, struct kst_day from, struct kst_day to,
				 enum listing_state state, struct wall asked, struct wall answered,
				 int row_count, const struct digest *digest, enum reason why)
{
	struct listing_row row = { .account_id = ph->account.account_id,
				   .day = ph->day.day,
				   .from = from,
				   .to = to,
				   .kind = kind,
				   .state = state,
				   .asked = asked,
				   .answered = answered,
				   .row_count = row_count,
				   .digest = *digest,
				   .by_program = phase_name(ph->def->id),
				   .reason = reason_code(why) };

	return tbl_listing_add(ph->db, &row);
}

static struct digest orders_digest(const struct broker_order_list *list)
{
	struct digest_maker mk;

	digest_begin(&mk, "orders");
	for (int i = 0; i < list->count; i++) {
		const struct broker_order *row = &list->rows[i];

		digest_number(&mk, "day", row->day.yyyymmdd);
		digest_text(&mk, "odno", row->odno);
		digest_number(&mk, "filled_qty", row->filled_qty);
		digest_number(&mk, "filled_won", row->filled_won);
		digest_number(&mk, "open_qty", row->open_qty);
	}
	return digest_end(&mk);
}

static struct digest balance_digest(const struct broker_balance *balance)
{
	struct digest_maker mk;

	digest_begin(&mk, "balance");
	digest_number(&mk, "cash_d2_won", balance->cash_d2_won);
	for (int i = 0; i < balance->count; i++) {
		digest_text(&mk, "symbol", balance->rows[i].symbol);
		digest_number(&mk, "qty", balance->rows[i].qty);
	}
	return digest_end(&mk);
}

static enum reason disagree(const char *what)
{
	return reason_set(REASON_BROKER_DISAGREES,
			  "%d passes over the broker's %s did not agree in a row; ask again in a minute",
			  PASSES_MAX, what);
}

static enum reason balance_pass(struct phase *ph, bool store, struct broker_balance *out)
{
	struct digest digest;
	enum reason why, stored = REASON_OK;

	out->count = 0;
	out->state = LISTING_FAILED;
	out->asked = phase_now(ph);
	out->answered = (struct wall){ 0 };
	why = kis_balance(ph->kis, ph->deadline, out);
	if (out->answered.us == 0)
		out->answered = phase_now(ph);
	digest = balance_digest(out);
	if (store && phase_writes(ph))
		stored = listing_store(ph, "balance", ph->day.day, ph->day.day, out->state, out->asked,
				       out->answered, out->count, &digest, why);
	if (why == REASON_OK && out->state != LISTING_COMPLETE)
		why = reason_set(REASON_BROKER_PARTIAL,
				 "the balance broke off after %d holdings; nothing is concluded from it",
				 out->count);
	return why != REASON_OK ? why : stored;
}

enum reason phase_balance(struct phase *ph, bool store, struct broker_balance *out)
{
	struct broker_balance before = { .room = out->room };
	enum reason why = REASON_OK;

	before.rows = calloc((size_t)out->room, sizeof(*before.rows));
	if (!before.rows)
		return reason_set(REASON_NO_MEMORY, "no memory for a balance");
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		struct broker_balance swap = before;

		why = phase_check(ph);
		if (why == REASON_OK)
			why = balance_pass(ph, store, out);
		if (why != REASON_OK)
			goto out;
		if (pass > 0 && balances_agree(&before, out))
			goto out;
		if (pass + 1 < PASSES_MAX) {
			before =
				*out; /* the newest pass becomes the one to agree with; the arrays change places */
			*out = swap;
			out->room = before.room;
		}
	}
	why = disagree("balance");
out:
	free(before.rows);
	return why;
}

static enum reason orders_pass(struct phase *ph, struct kst_day from, struct kst_day to, bool store,
			       struct broker_order_list *out)
{
	struct digest digest;
	enum reason why, stored = REASON_OK;

	out->count = 0;
	out->state = LISTING_FAILED;
	out->from = from;
	out->to = to;
	out->asked = phase_now(ph);
	out->answered = (struct wall){ 0 };
	why = kis_daily_orders(ph->kis, from, to, ph->deadline, out);
	if (out->answered.us == 0)
		out->answered = phase_now(ph);
	digest = orders_digest(out);
	if (store && phase_writes(ph))
		stored = listing_store(ph, "orders", from, to, out->state, out->asked, out->answered,
				       out->count, &digest, why);
	if (why == REASON_OK && out->state != LISTING_COMPLETE)
		why = reason_set(REASON_BROKER_PARTIAL,
				 "the list of orders broke off after %d rows; nothing is concluded from it",
				 out->count);
	return why != REASON_OK ? why : stored;
}

static bool in_session(const struct phase *ph)
{
	struct wall now = phase_now(ph);

	return ph->day.trading && now.us >= phase_session_open(ph).us && now.us < phase_session_end(ph).us;
}

enum reason phase_orders(struct phase *ph, struct kst_day from, struct kst_day to, bool store,
			 struct broker_order_list *out)
{
	struct broker_order_list before = { .room = out->room };
	enum reason why = REASON_OK;

	before.rows = calloc((size_t)out->room, sizeof(*before.rows));
	if (!before.rows)
		return reason_set(REASON_NO_MEMORY, "no memory for a list of orders");
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		struct broker_order_list swap = before;

		why = phase_check(ph);
		if (why == REASON_OK)
			why = orders_pass(ph, from, to, store, out);
		if (why != REASON_OK)
			goto out;
		if (pass > 0 && orders_agree(&before, out, in_session(ph)))
			goto out;
		if (pass + 1 < PASSES_MAX) {
			before = *out;
			*out = swap;
			out->room = before.room;
		}
	}
	why = disagree("orders");
out:
	free(before.rows);
	return why;
}

enum reason phase_reservations(struct phase *ph, struct kst_day from, struct kst_day to, bool store,
			       struct broker_reservation_list *out)
{
	struct digest none = { 0 };
	struct wall asked = phase_now(ph);
	enum reason why, stored = REASON_OK;

	out->count = 0;
	out->state = LISTING_FAILED;
	why = kis_reservations(ph->kis, from, to, ph->deadline, out);
	if (store && phase_writes(ph))
		stored = listing_store(ph, "reservations", from, to, out->state, asked, phase_now(ph),
				       out->count, &none, why);
	if (why == REASON_OK && out->state != LISTING_COMPLETE)
		why = reason_set(REASON_BROKER_PARTIAL,
				 "the list of reservations broke off; nothing is concluded from it");
	return why != REASON_OK ? why : stored;
}
