/*
 * http - one HTTPS exchange over a kept connection. No retry of any kind, not even the one inside libcurl.
 *
 * Shape   one struct http per struct kis: an easy handle that keeps its connection, TLS session and CA cache.
 * Units   time-outs in real milliseconds; took_us real.
 * Owner   http_open/http_close; http_answer_clear wipes and frees the body (it may hold a token).
 * Errors  REASON_BROKER_AWAY, _TLS, _BODY_SIZE; an HTTP status is never an error here. `issues` says how often the request
 *         was let onto a connection: 0 = not one byte of it left, 1 = it may have arrived, whatever the reason says.
 */
#ifndef GJ_KIS_HTTP_H
#define GJ_KIS_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "shared/base/clock.h"
#include "shared/base/limits.h"
#include "shared/base/reason.h"

#define HTTP_URL_SIZE 8192

struct http;
struct http_setup {
	const char *ca_file;
	long connect_ms;
	const char *only_ip; /* rehearsal: no other peer may be spoken to; NULL = any */
};
struct http_request {
	const char *url;
	const struct curl_slist *headers;
	const char *body; /* NULL = GET */
	size_t body_len;
	long total_ms;
	/* A send mark older than this at the moment the first byte would leave stops the request; 0 = not asked. */
	struct mono marked;
	int64_t mark_age_max_ms;
};
struct http_answer {
	long status; /* 0 = no answer */
	char *body; /* ends with NUL; NULL before the first byte */
	size_t body_len, body_room;
	bool too_large;
	char tr_cont; /* the header's letter; ' ' = there but empty, '\0' = missing or contradictory */
	int64_t date_s; /* Date header, seconds since 1970; 0 = none */
	int issues;
	bool mark_old; /* the send mark was too old: nothing left */
	bool dropped; /* a kept connection died; libcurl's second issue was refused */
	bool wrong_peer; /* rehearsal: another address than 127.0.0.1: nothing left */
	int code; /* CURLcode */
	int64_t took_us; /* from the first byte let out (or the attempt) to the end */
};
#define HTTP_ANSWER_INIT                                                                                     \
	{                                                                                                    \
		0                                                                                            \
	}

enum reason http_open(const struct http_setup *setup, struct http **out);
void http_close(struct http *http);
enum reason http_exchange(struct http *http, const struct http_request *request, struct http_answer *out);
void http_answer_clear(struct http_answer *answer);
/* Adds "name: value"; the list is freed, and *list set to NULL, when memory ends. */
bool http_header(struct curl_slist **list, const char *name, const char *value);
void http_headers_free(struct curl_slist *list); /* wipes every line first */

#endif
