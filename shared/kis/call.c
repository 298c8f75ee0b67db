#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/kis/call.h"
#include "shared/base/banned.h"

#define PACED_BACK_US  INT64_C(1100000) /* recovery after a pace refusal was measured at 1.09 s */
#define LEDGER_BACK_US INT64_C(2200000) /* the ledger's own limit: one bot needs 2.1 s between balances */
#define LOOPBACK       "127.0.0.1"

void kis_fingerprint(enum kis_env env, const char *appkey, char out[static 17])
{
	struct digest_maker mk;
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	digest_begin(&mk, "kis-app-key");
	digest_text(&mk, "env", kis_env_text(env));
	digest_text(&mk, "appkey", appkey);
	digest = digest_end(&mk);
	memcpy(out, digest_hex(&digest, hex), 16);
	out[16] = '\0';
}

/* Rehearsal is an overlay: with it only https://127.0.0.1:PORT, without it only the contract's host. */
static enum reason base_choose(const struct kis_setup *setup, char out[static 200])
{
	const char *rest = kis_hosts[setup->env].rest;

	if (conf_number(setup->cfg, CONF_REHEARSAL) != 0) {
		static const char wanted[] = "https://" LOOPBACK ":";
		int64_t port;

		rest = conf_text(setup->cfg, CONF_REHEARSAL_REST);
		if (strncmp(rest, wanted, sizeof(wanted) - 1) != 0 ||
		    !num_parse(rest + sizeof(wanted) - 1, strlen(rest + sizeof(wanted) - 1), &port) ||
		    port < 1 || port > 65535)
			return reason_set(REASON_BROKER_ENV,
					  "[rehearsal] rest must be %sPORT; a rehearsal speaks "
					  "to no other address",
					  wanted);
	}
	BUG_IF(strlen(rest) >= 200, "a host fits");
	memcpy(out, rest, strlen(rest) + 1);
	return REASON_OK;
}

static bool keys_usable(const struct kis_keys *keys)
{
	return keys->appkey[0] != '\0' && keys->appsecret[0] != '\0' && text_plain(keys->appkey) &&
	       text_plain(keys->appsecret) && strlen(keys->cano) == 8 && strlen(keys->product) == 2 &&
	       strspn(keys->cano, "0123456789") == 8 && strspn(keys->product, "0123456789") == 2;
}

enum reason kis_open(const struct kis_setup *setup, struct kis **out)
{
	struct kis *kis = NULL;
	struct http_setup wire = { 0 };
	bool rehearsal = conf_number(setup->cfg, CONF_REHEARSAL) != 0;
	enum reason why;

	kis = calloc(1, sizeof(*kis));
	if (kis == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for a broker connection");
	kis->setup = *setup;
	if (!keys_usable(setup->keys)) {
		why = reason_set(REASON_BROKER_ENV,
				 "the account's keys are incomplete or hold characters that "
				 "cannot be sent; seal them again");
		goto out;
	}
	why = base_choose(setup, kis->base);
	if (why != REASON_OK)
		goto out;
	kis->order_ms = (long)conf_number(setup->cfg, CONF_BROKER_ORDER_MS);
	kis->query_ms = (long)conf_number(setup->cfg, CONF_BROKER_QUERY_MS);
	kis->tries = (int)conf_number(setup->cfg, CONF_BROKER_TRIES);
	kis->backoff_us = conf_number(setup->cfg, CONF_BROKER_BACKOFF_MS) * 1000;
	kis_fingerprint(setup->env, setup->keys->appkey, kis->fingerprint);
	why = pace_open(conf_text(setup->cfg, CONF_STATE_DIR), setup->env, kis->fingerprint, setup->cfg,
			&kis->pace);
	if (why != REASON_OK)
		goto out;
	wire.ca_file = conf_text(setup->cfg, rehearsal ? CONF_REHEARSAL_CA : CONF_BROKER_CA);
	wire.connect_ms = (long)conf_number(setup->cfg, CONF_BROKER_CONNECT_MS);
	wire.only_ip = rehearsal ? LOOPBACK : NULL;
	why = http_open(&wire, &kis->http);
	if (why != REASON_OK)
		goto out;
	*out = kis;
	kis = NULL;
out:
	kis_close(kis);
	return why;
}

void kis_close(struct kis *kis)
{
	if (kis == NULL)
		return;
	http_close(kis->http);
	pace_close(kis->pace);
	free(kis);
}

bool kis_skew_us(const struct kis *kis, int64_t *out_us)
{
	if (!kis->skew_known)
		return false;
	*out_us = kis->skew_us;
	return true;
}

enum reason kis_guard(const struct kis *kis, enum kis_call call)
{
	const struct kis_contract *row = &kis_contracts[call];
	const char *tr = row->tr[kis->setup.env];

	if (tr == NULL)
		return reason_set(REASON_BROKER_UNSUPPORTED, "%s is not offered in %s trading", row->name,
				  kis_env_text(kis->setup.env));
	/* Quotation ids begin with F in both; every other id tells its environment by its first letter. */
	if (tr[0] != '\0' && tr[0] != 'F' && (tr[0] == 'V') != (kis->setup.env == KIS_PAPER))
		return reason_set(REASON_BROKER_ENV,
				  "%s: transaction id and environment %s do not belong together", row->name,
				  kis_env_text(kis->setup.env));
	if (conf_number(kis->setup.cfg, CONF_REHEARSAL) == 0 &&
	    strcmp(kis->base, kis_hosts[kis->setup.env].rest) != 0)
		return reason_set(REASON_BROKER_ENV, "%s: host and environment %s do not belong together",
				  row->name, kis_env_text(kis->setup.env));
	return REASON_OK;
}

enum reason kis_headers(const struct kis *kis, enum kis_call call, bool with_token, bool next_page,
			struct curl_slist **out)
{
	const struct kis_keys *keys = kis->setup.keys;
	const struct kis_login *login = kis->setup.login;
	const char *tr = kis_contracts[call].tr[kis->setup.env];
	struct curl_slist *list = NULL;
	char bearer[KIS_TOKEN_SIZE + 8];
	bool made;

	if (with_token && (login == NULL || login->token[0] == '\0' || !text_plain(login->token)))
		return reason_set(REASON_BROKER_TOKEN, "%s: there is no token; run auth",
				  kis_contracts[call].name);
	made = http_header(&list, "Content-Type", "application/json; charset=utf-8") &&
	       http_header(&list, "Accept", "application/json");
	if (made && with_token) {
		snprintf(bearer, sizeof(bearer), "Bearer %s", login->token);
		made = http_header(&list, "authorization", bearer) &&
		       http_header(&list, "appkey", keys->appkey) &&
		       http_header(&list, "appsecret", keys->appsecret) && http_header(&list, "tr_id", tr) &&
		       http_header(&list, "custtype", "P") &&
		       http_header(&list, "tr_cont", next_page ? "N" : "");
		sodium_memzero(bearer, sizeof(bearer));
	}
	if (!made)
		return reason_set(REASON_NO_MEMORY, "no memory for request headers");
	*out = list;
	return REASON_OK;
}

void query_add(struct query *query, const char *name, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t name_len = strlen(name), room = sizeof(query->text) - 1;

	if (query->len + name_len + 2 > room)
		goto full;
	if (query->len > 0)
		query->text[query->len++] = '&';
	memcpy(query->text + query->len, name, name_len);
	query->len += name_len;
	query->text[query->len++] = '=';
	for (const unsigned char *at = (const unsigned char *)value; *at != '\0'; at++) {
		bool plain = (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') ||
			     (*at >= 'a' && *at <= 'z') || *at == '-' || *at == '_' || *at == '.' ||
			     *at == '~';

		if (query->len + 3 > room)
			goto full;
		if (plain) {
			query->text[query->len++] = (char)*at;
		} else {
			query->text[query->len++] = '%';
			query->text[query->len++] = hex[*at >> 4];
			query->text[query->len++] = hex[*at & 15];
		}
	}
	query->text[query->len] = '\0';
	return;
full:
	query->text[query->len] = '\0';
	query->why = REASON_INTERNAL;
}

void query_account(struct query *query, const struct kis *kis)
{
	query_add(query, "CANO", kis->setup.keys->cano);
	query_add(query, "ACNT_PRDT_CD", kis->setup.keys->product);
}

/* Time-outs are real time; only a real clock's deadline can shorten them. */
long kis_left_ms(const struct kis *kis, long wanted_ms, struct wall until)
{
	int64_t left_us;

	if (clock_is_virtual(kis->setup.clock) || until.us == CLOCK_NEVER.us)
		return wanted_ms;
	left_us = wall_diff_us(until, clock_wall(kis->setup.clock));
	if (left_us < 1000)
		return 0;
	return left_us / 1000 < wanted_ms ? (long)(left_us / 1000) : wanted_ms;
}

static void blot(char *text, const char *secret)
{
	size_t secret_len = strlen(secret);

	if (secret_len < 8)
		return;
	for (char *at = strstr(text, secret); at != NULL; at = strstr(at, secret)) {
		memset(at, '*', secret_len);
		at += secret_len;
	}
}

void kis_excerpt(const struct kis *kis, const char *text, size_t text_len, char *out, size_t out_size)
{
	text_excerpt(text, text_len, out, out_size);
	blot(out, kis->setup.keys->cano);
	blot(out, kis->setup.keys->appkey);
	blot(out, kis->setup.keys->appsecret);
}

static void skew_note(struct kis *kis, const struct http_answer *raw)
{
	if (raw->date_s == 0)
		return;
	kis->skew_us = raw->date_s * US_PER_S - clock_wall(kis->setup.clock).us;
	kis->skew_known = true;
}

enum reason kis_send(struct kis *kis, enum kis_call call, const struct http_request *request,
		     struct http_answer *out)
{
	enum reason why;

	why = kis_guard(kis, call);
	if (why != REASON_OK)
		return why;
	why = http_exchange(kis->http, request, out);
	skew_note(kis, out);
	return why;
}

static void told(const struct kis *kis, enum kis_call call, const char *msg_cd, const struct http_answer *raw)
{
	char code[16];

	if (kis->setup.told == NULL)
		return;
	if (msg_cd[0] == '\0' && raw->code != 0) {
		snprintf(code, sizeof(code), "curl-%d", raw->code);
		msg_cd = code;
	}
	kis->setup.told(kis->setup.told_arg, kis_contracts[call].name, msg_cd, raw->status, raw->took_us);
}

enum reason kis_envelope(const struct kis *kis, enum kis_call call, const struct http_answer *raw,
			 struct kis_answer *out)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	enum reason why = REASON_OK;
	char detail[200];

	answer.http_status = raw->status;
	answer.tr_cont = raw->tr_cont;
	if (raw->body == NULL)
		why = reason_set(REASON_BROKER_SHAPE, "the broker's answer is empty");
	else
		why = json_parse(raw->body, raw->body_len, &answer.root);
	if (why != REASON_OK) {
		told(kis, call, "", raw);
		snprintf(detail, sizeof(detail), "%s", reason_detail());
		/* Without a readable body the status is all there is. */
		if (why == REASON_BROKER_SHAPE && raw->status != 200)
			return reason_set(REASON_BROKER_HTTP, "%s: HTTP %ld, and %s; nothing is concluded",
					  kis_contracts[call].name, raw->status, detail);
		return reason_set(why, "%s: %s; nothing is concluded", kis_contracts[call].name, detail);
	}
	if (!json_copy(answer.root, "rt_cd", answer.rt_cd, sizeof(answer.rt_cd)))
		answer.rt_cd[0] = '\0';
	if (!json_copy(answer.root, "msg_cd", answer.msg_cd, sizeof(answer.msg_cd)))
		json_copy(answer.root, "error_code", answer.msg_cd, sizeof(answer.msg_cd));
	{
		const char *msg = json_text(answer.root, "msg1");

		if (msg == NULL)
			msg = json_text(answer.root, "error_description");
		if (msg != NULL)
			kis_excerpt(kis, msg, strlen(msg), answer.msg, sizeof(answer.msg));
	}
	if (!text_plain(answer.msg_cd))
		answer.msg_cd[0] = '\0';
	answer.verdict = kis_verdict_of(answer.rt_cd, answer.msg_cd);
	told(kis, call, answer.msg_cd, raw);
	*out = answer;
	return REASON_OK;
}

void kis_answer_clear(struct kis_answer *answer)
{
	json_free(answer->root);
	*answer = (struct kis_answer)KIS_ANSWER_INIT;
}

enum reason kis_refusal(enum kis_call call, const struct kis_answer *answer)
{
	static const struct {
		const char *msg_cd;
		enum reason why;
		const char *advice;
	} known[] = {
		{ "EGW00201", REASON_BROKER_PACED, "too many calls; they are spaced further" },
		{ "EGW00215", REASON_BROKER_PACED, "too many ledger calls; they are spaced further" },
		{ "EGW00121", REASON_BROKER_TOKEN, "run auth" },
		{ "EGW00123", REASON_BROKER_TOKEN, "run auth" },
		{ "EGW00133", REASON_BROKER_TOKEN_WAIT, "wait a minute between token requests" },
		{ "EGW00103", REASON_BROKER_LOGIN, "check the sealed app key" },
		{ "EGW00105", REASON_BROKER_LOGIN, "check the sealed app secret" },
		{ "EGW02004", REASON_BROKER_ENV, "check the account's environment" },
		{ "EGW02005", REASON_BROKER_ENV, "check the account's environment" },
		{ "EGW02006", REASON_BROKER_UNSUPPORTED, "paper trading lacks this call" },
		{ "90000000", REASON_BROKER_UNSUPPORTED, "paper trading lacks this call" },
		{ "OPSQ0002", REASON_BROKER_UNSUPPORTED, "the transaction id is not served" },
		{ "SYDB0050", REASON_BROKER_PARTIAL, "the data changed while it was read; it is read again" },
		{ "EGW00001", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00002", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00202", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00203", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00204", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00300", REASON_BROKER_AWAY, "trouble at the gateway" },
		{ "EGW00301", REASON_BROKER_AWAY, "time-out behind the gateway" },
		{ "EGW00302", REASON_BROKER_AWAY, "time-out behind the gateway" },
	};
	const char *name = kis_contracts[call].name;

	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (strcmp(known[i].msg_cd, answer->msg_cd) == 0)
			return reason_set(known[i].why, "%s: %s %s (HTTP %ld): %s", name, answer->msg_cd,
					  answer->msg, answer->http_status, known[i].advice);
	}
	if (answer->rt_cd[0] == '\0')
		return reason_set(REASON_BROKER_SHAPE,
				  "%s: HTTP %ld, JSON without rt_cd; nothing is concluded", name,
				  answer->http_status);
	if (answer->http_status >= 500)
		return reason_set(REASON_BROKER_AWAY, "%s: HTTP %ld with rt_cd %s %s %s", name,
				  answer->http_status, answer->rt_cd, answer->msg_cd, answer->msg);
	return reason_set(REASON_BROKER_REFUSED, "%s: the broker refuses: rt_cd %s %s %s (HTTP %ld)", name,
			  answer->rt_cd, answer->msg_cd, answer->msg, answer->http_status);
}

/* Would the same question, asked a little later, perhaps be answered? */
static bool worth_again(enum reason why, const struct kis_answer *answer, bool next_page)
{
	if (strcmp(answer->msg_cd, "SYDB0050") == 0)
		return !next_page; /* in the middle of a listing the pages before are void: the pager starts over */
	return why == REASON_BROKER_AWAY || why == REASON_BROKER_HTTP || why == REASON_BROKER_SHAPE ||
	       why == REASON_BROKER_PACED || why == REASON_BROKER_TLS;
}

static enum reason get_once(struct kis *kis, enum kis_call call, const struct http_request *request,
			    struct kis_answer *out, bool *out_dropped)
{
	struct http_answer raw = HTTP_ANSWER_INIT;
	struct kis_answer answer = KIS_ANSWER_INIT;
	enum reason why;
	char detail[300];

	*out_dropped = false;
	why = kis_send(kis, call, request, &raw);
	if (why != REASON_OK) {
		snprintf(detail, sizeof(detail), "%s", reason_detail());
		if (raw.code != 0)
			told(kis, call, "", &raw);
		*out_dropped = raw.dropped;
		why = reason_set(why, "%s: %s", kis_contracts[call].name, detail);
		goto out;
	}
	why = kis_envelope(kis, call, &raw, &answer);
	if (why != REASON_OK)
		goto out;
	if (answer.verdict != VERDICT_DONE)
		why = kis_refusal(call, &answer);
	else if (raw.status != 200)
		why = reason_set(REASON_BROKER_SHAPE, "%s: rt_cd 0 inside HTTP %ld; nothing is concluded",
				 kis_contracts[call].name, raw.status);
	*out = answer;
	answer = (struct kis_answer)KIS_ANSWER_INIT;
out:
	kis_answer_clear(&answer);
	http_answer_clear(&raw);
	return why;
}

static void lane_spare(struct kis *kis, enum kis_call call, const char *msg_cd)
{
	int64_t back_us = strcmp(msg_cd, "EGW00215") == 0 ? LEDGER_BACK_US : PACED_BACK_US;

	pace_push_back(kis->pace, kis_contracts[call].lane,
		       wall_add_us(clock_wall(kis->setup.clock), back_us));
}

enum reason kis_get(struct kis *kis, enum kis_call call, const struct query *query, bool next_page,
		    struct wall until, struct kis_answer *out)
{
	struct http_request request = { 0 };
	struct curl_slist *headers = NULL;
	struct kis_answer answer = KIS_ANSWER_INIT;
	char *url = NULL;
	int64_t backoff_us = kis->backoff_us;
	enum reason why, last = REASON_OK;
	char detail[DETAIL_SIZE] = "";
	bool dropped = false;

	why = kis_guard(kis, call);
	if (why == REASON_OK)
		why = kis_headers(kis, call, true, next_page, &headers);
	if (why != REASON_OK)
		return why;
	if (query->why != REASON_OK) {
		why = reason_set(query->why, "%s: the question is too long", kis_contracts[call].name);
		goto out;
	}
	url = malloc(HTTP_URL_SIZE);
	if (url == NULL) {
		why = reason_set(REASON_NO_MEMORY, "no memory for a question to the broker");
		goto out;
	}
	snprintf(url, HTTP_URL_SIZE, "%s%s?%s", kis->base, kis_contracts[call].path, query->text);
	request.url = url;
	request.headers = headers;
	for (int try = 1; try <= kis->tries; try++) {
		struct wall now = clock_wall(kis->setup.clock);

		/* Asking again is only worth it while there is time left for an answer. */
		if (try > 1 && !dropped) {
			if (wall_diff_us(until, now) <= backoff_us)
				break;
			why = clock_wait_until(kis->setup.seat, wall_add_us(now, backoff_us));
			if (why != REASON_OK)
				goto out;
			backoff_us *= 2;
		}
		why = pace_take(kis->pace, kis_contracts[call].lane, kis->setup.seat, kis->setup.clock,
				until);
		if (why != REASON_OK && last != REASON_OK)
			break;
		if (why != REASON_OK)
			goto out;
		request.total_ms = kis_left_ms(kis, kis->query_ms, until);
		if (request.total_ms <= 0) {
			if (last != REASON_OK)
				break;
			why = reason_set(REASON_DEADLINE, "%s: no time is left to ask",
					 kis_contracts[call].name);
			goto out;
		}
		kis_answer_clear(&answer);
		why = get_once(kis, call, &request, &answer, &dropped);
		if (why == REASON_OK)
			goto out;
		if (why == REASON_BROKER_PACED)
			lane_spare(kis, call, answer.msg_cd);
		last = why;
		snprintf(detail, sizeof(detail), "%s", reason_detail());
		if (!worth_again(why, &answer, next_page))
			break;
	}
	why = reason_set(last, "%s", detail);
out:
	http_headers_free(headers);
	if (url != NULL)
		sodium_memzero(url, HTTP_URL_SIZE);
	free(url);
	*out = answer;
	return why;
}

enum reason kis_warm(struct kis *kis)
{
	struct http_request request = { 0 };
	struct http_answer raw = HTTP_ANSWER_INIT;
	char url[sizeof(kis->base) + 2];
	enum reason why;

	why = kis_guard(kis, CALL_APPROVAL);
	if (why != REASON_OK)
		return why;
	/* Any answer will do, a 404 as well: connection and session are then kept for the next exchange. */
	snprintf(url, sizeof(url), "%s/", kis->base);
	request.url = url;
	request.total_ms = kis->query_ms;
	why = http_exchange(kis->http, &request, &raw);
	skew_note(kis, &raw);
	http_answer_clear(&raw);
	return why;
}
