/* gateway - logins, tokens, approval keys and the limits on calls per second. See broker.h. */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/broker.h"

#include "shared/base/banned.h"

void gateway_secret(size_t len, char *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[512];

	BUG_IF(len > sizeof bytes, "secrets are short");
	BUG_IF(RAND_bytes(bytes, (int)len) != 1, "the host gives random bytes");
	for (size_t i = 0; i < len; i++)
		out[i] = letters[bytes[i] % 64];
	out[len] = '\0';
}

struct login *gateway_login(struct broker *b, const char *appkey)
{
	for (size_t i = 0; i < b->login_count; i++) {
		if (strcmp(b->logins[i].appkey, appkey) == 0)
			return &b->logins[i];
	}
	return NULL;
}

/* ---- tokens ---- */

static struct token *newest_token(struct broker *b, const struct login *who)
{
	struct token *best = NULL;
	size_t login = (size_t)(who - b->logins);

	for (size_t i = 0; i < TOKENS_MAX; i++) {
		struct token *t = &b->tokens[i];

		if (t->text[0] != '\0' && t->login == login && !t->revoked &&
		    (best == NULL || t->issued_at.us >= best->issued_at.us))
			best = t;
	}
	return best;
}

enum gate_code gateway_token_check(struct broker *b, const struct login *who, const char *authorization)
{
	if (authorization == NULL)
		return GATE_TOKEN_MISSING;
	if (strncmp(authorization, "Bearer ", 7) != 0)
		return GATE_TOKEN_BAD;
	for (size_t i = 0; i < TOKENS_MAX; i++) {
		const struct token *t = &b->tokens[i];

		if (t->text[0] == '\0' || t->login != (size_t)(who - b->logins) ||
		    strcmp(t->text, authorization + 7) != 0)
			continue;
		if (t->revoked)
			return GATE_TOKEN_BAD;
		return broker_now(b).us < t->expires_at.us ? GATE_GOOD : GATE_TOKEN_EXPIRED;
	}
	return GATE_TOKEN_BAD;
}

const struct token *gateway_token_issue(struct broker *b, struct login *who)
{
	struct wall now = broker_now(b);
	struct token *held = newest_token(b, who), *fresh;
	int64_t wait_us = setting(&b->set, SET_token_wait_s) * US_PER_S;
	char secret[128];

	if (who->token_called_at.us != 0 && now.us - who->token_called_at.us < wait_us) {
		who->token_refusals++;
		return NULL;
	}
	who->token_called_at = now;
	if (held != NULL && now.us < held->expires_at.us &&
	    now.us - held->issued_at.us < setting(&b->set, SET_token_same_s) * US_PER_S) {
		who->token_returns++;
		return held;
	}
	if (held != NULL && setting(&b->set, SET_token_old_dies) != 0)
		held->revoked = true;
	fresh = &b->tokens[b->token_next++ % TOKENS_MAX];
	*fresh = (struct token){ .login = (size_t)(who - b->logins), .issued_at = now };
	fresh->expires_at = wall_add_us(now, setting(&b->set, SET_token_life_s) * US_PER_S);
	gateway_secret(120, secret);
	snprintf(fresh->text, sizeof fresh->text, "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.%s", secret);
	gateway_secret(86, secret);
	snprintf(fresh->text + strlen(fresh->text), sizeof fresh->text - strlen(fresh->text), ".%s", secret);
	who->token_issues++;
	return fresh;
}

bool gateway_token_revoke(struct broker *b, const struct login *who, const char *text)
{
	for (size_t i = 0; i < TOKENS_MAX; i++) {
		struct token *t = &b->tokens[i];

		if (t->text[0] != '\0' && t->login == (size_t)(who - b->logins) &&
		    strcmp(t->text, text) == 0 && !t->revoked) {
			t->revoked = true;
			return true;
		}
	}
	return false;
}

/* ---- approval keys ---- */

const struct approval *gateway_approval_issue(struct broker *b, struct login *who)
{
	struct approval *a = &b->approvals[b->approval_next++ % APPROVALS_MAX];
	unsigned char u[16];

	BUG_IF(RAND_bytes(u, sizeof u) != 1, "the host gives random bytes");
	u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
	u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
	snprintf(a->text, sizeof a->text,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
		 u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	a->login = (size_t)(who - b->logins);
	a->expires_at = wall_add_us(broker_now(b), setting(&b->set, SET_approval_life_s) * US_PER_S);
	return a;
}

const struct approval *gateway_approval_of(struct broker *b, const char *text)
{
	for (size_t i = 0; i < APPROVALS_MAX; i++) {
		const struct approval *a = &b->approvals[i];

		if (a->text[0] != '\0' && strcmp(a->text, text) == 0)
			return broker_now(b).us < a->expires_at.us ? a : NULL;
	}
	return NULL;
}

/* ---- pacing ---- */

bool gateway_pace(struct broker *b, struct login *who, int kind)
{
	int64_t limit = setting(&b->set, kind == 0 ? SET_rest_per_s : SET_ledger_per_s);
	int64_t early = setting(&b->set, SET_early_refusal_ppm), count = 0;
	struct wall now = broker_now(b);
	int64_t from_us = now.us - US_PER_S;

	if (kind == 0 && early > 0 && (int64_t)(broker_random(b) % 1000000) < early)
		return false;
	if (limit == 0)
		return true;
	if (setting(&b->set, SET_rest_window) == 1)
		from_us = now.us - now.us % US_PER_S - 1;
	for (size_t i = 0; i < b->login_count; i++) {
		const struct login *l = &b->logins[i];

		if (l != who && (setting(&b->set, SET_rest_scope) == 0 || l->account != who->account))
			continue;
		for (size_t k = 0; k < CALLS_KEPT; k++)
			count += l->calls[kind][k].us > from_us;
	}
	if (count >= limit)
		return false;
	who->calls[kind][who->call_next[kind]++ % CALLS_KEPT] = now;
	return true;
}
