/*
 * call - what is behind struct kis: the guard of host, prefix and environment, the headers, and reads with retry.
 *
 * Shape   kis_get() asks once per page and may try again inside `until`; kis_send() is one exchange, ever.
 * Owner   kis_answer_clear ends an answer.
 * Errors  message codes first, HTTP status second. REASON_BROKER_TOKEN is returned at once: the caller decides.
 *         Sentences name the call, the code and the broker's text; never a key, the account or a query.
 */
#ifndef GJ_KIS_CALL_H
#define GJ_KIS_CALL_H

#include "shared/kis/http.h"
#include "shared/kis/json.h"
#include "shared/kis/kis.h"

#define QUERY_SIZE 4096

struct kis {
	struct kis_setup setup;
	char base[200]; /* "https://host:port" */
	char fingerprint[17];
	struct http *http;
	struct pace *pace;
	long order_ms, query_ms;
	int tries;
	int64_t backoff_us;
	bool skew_known;
	int64_t skew_us;
	bool order_turn; /* kis_order_turn() took the lane's turn for the next order */
};

struct kis_answer {
	cJSON *root;
	char rt_cd[4], msg_cd[16];
	char msg[200];
	enum kis_verdict verdict;
	char tr_cont; /* as in struct http_answer */
	long http_status;
};
#define KIS_ANSWER_INIT                                                                                      \
	{                                                                                                    \
		0                                                                                            \
	}
void kis_answer_clear(struct kis_answer *answer);

/* "NAME=value&..." with every value escaped. Too long is REASON_INTERNAL, kept in `why`. */
struct query {
	char text[QUERY_SIZE];
	size_t len;
	enum reason why;
};
void query_add(struct query *query, const char *name, const char *value);
void query_account(struct query *query, const struct kis *kis);

enum reason kis_guard(const struct kis *kis, enum kis_call call);
/* Headers of a call; `paged` adds tr_cont: N. NULL when memory ends or a secret is not plain text. */
enum reason kis_headers(const struct kis *kis, enum kis_call call, bool with_token, bool next_page,
			struct curl_slist **out);
/* One exchange: pacing is the caller's. Tells setup.told. The raw answer is the caller's to clear. */
enum reason kis_send(struct kis *kis, enum kis_call call, const struct http_request *request,
		     struct http_answer *out);
/* Reads envelope and verdict out of a raw answer. REASON_OK also for a refusal: look at verdict. */
enum reason kis_envelope(const struct kis *kis, enum kis_call call, const struct http_answer *raw,
			 struct kis_answer *out);
/* The reason a read ends with, given an answer that is not VERDICT_DONE. */
enum reason kis_refusal(enum kis_call call, const struct kis_answer *answer);
enum reason kis_get(struct kis *kis, enum kis_call call, const struct query *query, bool next_page,
		    struct wall until, struct kis_answer *out);
long kis_left_ms(const struct kis *kis, long wanted_ms, struct wall until);
/* Copies broker text for people, with our account number and keys blotted out. */
void kis_excerpt(const struct kis *kis, const char *text, size_t text_len, char *out, size_t out_size);

#endif
