#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/kis/call.h"
#include "shared/base/banned.h"

#define LOGIN_BODY_SIZE  1024
#define TOKEN_LIFE_S_MAX (93 * 86400) /* corporate customers get three months */

/* One POST with the keys in its body; the reply's tree is the caller's. One attempt, whatever happens. */
static enum reason login_post(struct kis *kis, enum kis_call call, const char *secret_name, struct wall until,
			      struct kis_answer *out)
{
	const struct kis_keys *keys = kis->setup.keys;
	struct http_request request = { 0 };
	struct http_answer raw = HTTP_ANSWER_INIT;
	struct curl_slist *headers = NULL;
	char body[LOGIN_BODY_SIZE], url[sizeof(kis->base) + 64];
	char detail[300];
	enum reason why;
	int len;

	len = snprintf(body, sizeof(body),
		       "{\"grant_type\":\"client_credentials\",\"appkey\":\"%s\",\"%s\":\"%s\"}",
		       keys->appkey, secret_name, keys->appsecret);
	BUG_IF(len < 0 || (size_t)len >= sizeof(body), "keys fit a login body");
	snprintf(url, sizeof(url), "%s%s", kis->base, kis_contracts[call].path);
	why = kis_headers(kis, call, false, false, &headers);
	if (why != REASON_OK)
		goto out;
	why = pace_take(kis->pace, kis_contracts[call].lane, kis->setup.seat, kis->setup.clock, until);
	if (why != REASON_OK)
		goto out;
	request.url = url;
	request.headers = headers;
	request.body = body;
	request.body_len = (size_t)len;
	request.total_ms = kis_left_ms(kis, kis->query_ms, until);
	if (request.total_ms <= 0) {
		why = reason_set(REASON_DEADLINE, "%s: no time is left to ask", kis_contracts[call].name);
		goto out;
	}
	why = kis_send(kis, call, &request, &raw);
	if (why != REASON_OK) {
		snprintf(detail, sizeof(detail), "%s", reason_detail());
		why = reason_set(why, "%s: %s", kis_contracts[call].name, detail);
		goto out;
	}
	why = kis_envelope(kis, call, &raw, out);
	if (why == REASON_BROKER_HTTP && call == CALL_TOKEN && raw.status == 403)
		why = reason_set(REASON_BROKER_TOKEN_WAIT,
				 "token: HTTP 403 without a readable body; wait a minute between "
				 "token requests");
	if (why != REASON_OK)
		goto out;
	/* These replies have no rt_cd: success is the member that was asked for. */
	if (raw.status != 200 || out->msg_cd[0] != '\0') {
		if (out->rt_cd[0] == '\0')
			snprintf(out->rt_cd, sizeof(out->rt_cd), "1");
		why = kis_refusal(call, out);
		/* A refusal inside the minute was also seen as a 403 without any code. */
		if (call == CALL_TOKEN && raw.status == 403 && out->msg_cd[0] == '\0')
			why = reason_set(REASON_BROKER_TOKEN_WAIT,
					 "token: HTTP 403 without a code; wait a minute between "
					 "token requests");
		else if (why == REASON_BROKER_REFUSED || why == REASON_BROKER_TOKEN)
			why = reason_set(REASON_BROKER_LOGIN,
					 "%s: the broker refuses the login: %s %s (HTTP %ld); check "
					 "the sealed keys",
					 kis_contracts[call].name, out->msg_cd, out->msg, out->http_status);
	}
out:
	sodium_memzero(body, sizeof(body));
	http_headers_free(headers);
	http_answer_clear(&raw);
	return why;
}

enum reason kis_token(struct kis *kis, struct wall until, struct kis_login *out)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct kis_login login = { 0 };
	const cJSON *life;
	const char *expires;
	struct wall told;
	enum reason why;

	why = login_post(kis, CALL_TOKEN, "appsecret", until, &answer);
	if (why != REASON_OK)
		goto out;
	if (!json_copy(answer.root, "access_token", login.token, sizeof(login.token)) ||
	    !text_plain(login.token)) {
		why = reason_set(REASON_BROKER_SHAPE, "token: the reply holds no usable access_token");
		goto out;
	}
	/* The shorter of both statements; without either the token's life is not known and it is not used. */
	life = json_member(answer.root, "expires_in");
	if (cJSON_IsNumber(life) && life->valueint > 0 && life->valueint <= TOKEN_LIFE_S_MAX)
		login.token_expires = wall_add_us(clock_wall(kis->setup.clock), life->valueint * US_PER_S);
	expires = json_text(answer.root, "access_token_token_expired");
	if (expires != NULL && kst_wall_parse(expires, &told) &&
	    (login.token_expires.us == 0 || told.us < login.token_expires.us))
		login.token_expires = told;
	if (login.token_expires.us == 0) {
		why = reason_set(REASON_BROKER_SHAPE,
				 "token: the reply does not say how long the token lives");
		goto out;
	}
	*out = login;
out:
	sodium_memzero(&login, sizeof(login));
	kis_answer_clear(&answer);
	return why;
}

enum reason kis_approval(struct kis *kis, struct wall until, char out[static KIS_APPROVAL_SIZE])
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	char key[KIS_APPROVAL_SIZE] = "";
	enum reason why;

	why = login_post(kis, CALL_APPROVAL, "secretkey", until, &answer);
	if (why != REASON_OK)
		goto out;
	if (!json_copy(answer.root, "approval_key", key, sizeof(key)) || !text_plain(key)) {
		why = reason_set(REASON_BROKER_SHAPE, "approval: the reply holds no usable approval_key");
		goto out;
	}
	memcpy(out, key, sizeof(key));
out:
	sodium_memzero(key, sizeof(key));
	kis_answer_clear(&answer);
	return why;
}
