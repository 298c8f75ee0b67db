/* rest_oauth - tokens, approval keys, hash keys. Source: the broker's pages on authentication. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/base/bug.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

/* OAuth errors have their own envelope. */
static void oauth_refuse(struct call *call, int number, const char *text)
{
	buf_reset(&call->reply->body);
	call->j = (struct json_out)JSON_OUT_INIT(&call->reply->body);
	json_open(&call->j, NULL, '{');
	json_fmt(&call->j, "error_code", "EGW%05d", number);
	json_text(&call->j, "error_description", text);
	json_close(&call->j, '}');
	call->reply->status = 403;
	snprintf(call->msg_cd, sizeof call->msg_cd, "EGW%05d", number);
	call->done = true;
}

static void oauth_done(struct call *call)
{
	json_close(&call->j, '}');
	call->done = true;
}

static struct login *oauth_login(struct call *call, const char *secret_name)
{
	const char *grant = rest_text(call, "grant_type"), *secret = rest_text(call, secret_name);
	struct login *who = gateway_login(call->b, rest_text(call, "appkey"));

	if (*grant == '\0')
		oauth_refuse(call, 115, "grant_type은 필수입니다.");
	else if (strcmp(grant, "client_credentials") != 0)
		oauth_refuse(call, 116, "지원하지 않는 grant_type입니다.");
	else if (who == NULL)
		oauth_refuse(call, 103, "유효하지 않은 AppKey입니다.");
	else if (strcmp(secret, who->appsecret) != 0)
		oauth_refuse(call, 105, "유효하지 않은 AppSecret입니다.");
	else
		return call->who = who;
	return NULL;
}

/* The end of a token's life as its holder's clock will show it: of a day that is played from the past, a client on
 * the host's clock would take every token for expired. */
static struct wall expiry_told(const struct broker *b, const struct token *token)
{
	int64_t whose = setting(&b->set, SET_token_expiry_clock);
	struct timespec now;

	if (whose == 1 || (whose == 0 && !b->host_clients) || clock_gettime(CLOCK_REALTIME, &now) != 0)
		return token->expires_at;
	return wall_add_us((struct wall){ (int64_t)now.tv_sec * US_PER_S },
			   token->expires_at.us - broker_now(b).us);
}

void answer_token(struct call *call)
{
	struct login *who = oauth_login(call, "appsecret");
	const struct token *token;
	char until[KST_TEXT_SIZE], left[24];

	if (who == NULL)
		return;
	token = gateway_token_issue(call->b, who);
	if (token == NULL) {
		oauth_refuse(call, 133, "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)");
		if (setting(&call->b->set, SET_token_wait_body) == 0)
			buf_reset(&call->reply->body);
		return;
	}
	json_text(&call->j, "access_token", token->text);
	kst_wall_text(expiry_told(call->b, token), until);
	json_fmt(&call->j, "access_token_token_expired", "%.19s", until);
	json_text(&call->j, "token_type", "Bearer");
	snprintf(left, sizeof left, "%lld",
		 (long long)((token->expires_at.us - broker_now(call->b).us) / US_PER_S));
	json_bare(&call->j, "expires_in", left);
	oauth_done(call);
}

void answer_revoke(struct call *call)
{
	struct login *who = gateway_login(call->b, rest_text(call, "appkey"));

	if (who == NULL || strcmp(rest_text(call, "appsecret"), who->appsecret) != 0) {
		oauth_refuse(call, who == NULL ? 103 : 105,
			     who == NULL ? "유효하지 않은 AppKey입니다." : "유효하지 않은 AppSecret입니다.");
		return;
	}
	call->who = who;
	if (!gateway_token_revoke(call->b, who, rest_text(call, "token"))) {
		oauth_refuse(call, 121, "유효하지 않은 token 입니다.");
		return;
	}
	json_text(&call->j, "code", "200");
	json_text(&call->j, "message", "접근토큰 폐기에 성공하였습니다");
	oauth_done(call);
}

void answer_approval(struct call *call)
{
	struct login *who = oauth_login(call, "secretkey");

	if (who == NULL)
		return;
	json_text(&call->j, "approval_key", gateway_approval_issue(call->b, who)->text);
	oauth_done(call);
}

const char *hash_of_body(const char *body, size_t body_len, char out[static 72])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_size = 0;

	BUG_IF(EVP_Digest(body, body_len, hash, &hash_size, EVP_sha256(), NULL) != 1, "SHA-256 is there");
	for (unsigned int i = 0; i < hash_size && i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return out;
}

void answer_hashkey(struct call *call)
{
	char hash[72];

	json_bare(&call->j, setting(&call->b->set, SET_hashkey_json_body) != 0 ? "JsonBody" : "BODY",
		  call->rq->body);
	json_text(&call->j, "HASH", hash_of_body(call->rq->body, call->rq->body_len, hash));
	oauth_done(call);
}
