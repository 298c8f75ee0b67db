#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/kis/http.h"
#include "shared/base/banned.h"

#define BODY_ROOM_FIRST    16384
#define HEADER_LINE_SIZE   2048
#define UPLOAD_BUFFER_SIZE 16384L

struct http {
	CURL *easy;
	bool only_ip;
	char ip[64];
	const struct http_request *request; /* of the exchange under way */
	struct http_answer *answer;
	struct mono let_out;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

static void curl_start(void)
{
	curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/*
 * libcurl calls this between "connected" and "first byte of the request", on every issue of it. When a kept
 * connection dies before the first byte of an answer, libcurl issues the same request again on a new one and reports
 * no error: the broker has two orders. So the second issue is refused, and the caller is told of one that may have
 * arrived.
 */
static int before_send(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct http *http = arg;
	const struct http_request *request = http->request;

	(void)own_ip;
	(void)peer_port;
	(void)own_port;
	if (http->only_ip && (peer_ip == NULL || strcmp(peer_ip, http->ip) != 0)) {
		http->answer->wrong_peer = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (http->answer->issues > 0) {
		http->answer->dropped = true;
		return CURL_PREREQFUNC_ABORT;
	}
	http->let_out = clock_real_mono();
	if (request->mark_age_max_ms > 0 &&
	    http->let_out.ns - request->marked.ns > request->mark_age_max_ms * INT64_C(1000000)) {
		http->answer->mark_old = true;
		return CURL_PREREQFUNC_ABORT;
	}
	http->answer->issues = 1;
	return CURL_PREREQFUNC_OK;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_answer *answer = arg;
	size_t len = size * count, room = answer->body_room;
	char *grown;

	if (len > BODY_SIZE_MAX || answer->body_len > BODY_SIZE_MAX - len) {
		answer->too_large = true;
		return 0;
	}
	while (room < answer->body_len + len + 1)
		room = room == 0 ? BODY_ROOM_FIRST : room * 2;
	if (room != answer->body_room) {
		grown = malloc(room);
		if (grown == NULL)
			return 0;
		if (answer->body != NULL) {
			memcpy(grown, answer->body, answer->body_len);
			sodium_memzero(answer->body, answer->body_len);
			free(answer->body);
		}
		answer->body = grown;
		answer->body_room = room;
	}
	memcpy(answer->body + answer->body_len, bytes, len);
	answer->body_len += len;
	answer->body[answer->body_len] = '\0';
	return len;
}

static bool header_is(const char *line, size_t line_len, const char *name, const char **out_value,
		      size_t *out_len)
{
	size_t name_len = strlen(name);
	const char *value, *end = line + line_len;

	if (line_len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return false;
	value = line + name_len + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
		end--;
	*out_value = value;
	*out_len = (size_t)(end - value);
	return true;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_answer *answer = arg;
	size_t line_len = size * count, value_len;
	const char *value;
	char date[64];

	if (line_len > 5 &&
	    strncasecmp(line, "HTTP/", 5) == 0) { /* a new block, after a 1xx one for instance */
		answer->tr_cont = '\0';
		answer->date_s = 0;
	} else if (header_is(line, line_len, "tr_cont", &value, &value_len)) {
		char letter = value_len == 0 ? ' ' : value[0];

		if (value_len > 1 || (answer->tr_cont != '\0' && answer->tr_cont != letter))
			letter = '?'; /* no known letter: the pager refuses it */
		answer->tr_cont = letter;
	} else if (header_is(line, line_len, "date", &value, &value_len) && value_len < sizeof(date)) {
		time_t told;

		memcpy(date, value, value_len);
		date[value_len] = '\0';
		told = curl_getdate(date, NULL);
		answer->date_s = told > 0 ? (int64_t)told : 0;
	}
	return line_len;
}

/* What holds for every exchange: strict TLS, one CA file, no way around the address that was asked for. */
static CURLcode options_set(CURL *easy, const struct http_setup *setup, struct http *http)
{
	CURLcode code = CURLE_OK;

#define SET(option, value)                                                                                   \
	do {                                                                                                 \
		if (code == CURLE_OK)                                                                        \
			code = curl_easy_setopt(easy, option, value);                                        \
	} while (0)
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAINFO, setup->ca_file);
	SET(CURLOPT_CAPATH, NULL); /* a folder disables libcurl's CA cache: 20 ms at every connection */
	SET(CURLOPT_CONNECTTIMEOUT_MS, setup->connect_ms);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_ACCEPT_ENCODING, NULL);
	/* No low-speed limit: it counts the broker's thinking as slowness and would cut a late answer short. The total
	 * time-out that every request has ends a body that drips. */
	SET(CURLOPT_LOW_SPEED_LIMIT, 0L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE);
	SET(CURLOPT_PREREQFUNCTION, before_send);
	SET(CURLOPT_PREREQDATA, http);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_HEADERFUNCTION, take_header);
#undef SET
	return code;
}

enum reason http_open(const struct http_setup *setup, struct http **out)
{
	struct http *http = NULL;
	enum reason why;
	CURLcode code;

	pthread_once(&curl_once, curl_start);
	if (curl_started != CURLE_OK)
		return reason_set(REASON_INTERNAL, "libcurl does not start: %s",
				  curl_easy_strerror(curl_started));
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for a connection to the broker");
	http->easy = curl_easy_init();
	if (http->easy == NULL) {
		why = reason_set(REASON_NO_MEMORY, "libcurl has no memory for a connection to the broker");
		goto out;
	}
	if (setup->only_ip != NULL) {
		BUG_IF(strlen(setup->only_ip) >= sizeof(http->ip), "an address fits");
		memcpy(http->ip, setup->only_ip, strlen(setup->only_ip) + 1);
		http->only_ip = true;
	}
	code = options_set(http->easy, setup, http);
	if (code != CURLE_OK) {
		why = reason_set(REASON_INTERNAL, "libcurl refuses an option: %s", curl_easy_strerror(code));
		goto out;
	}
	*out = http;
	http = NULL;
	why = REASON_OK;
out:
	http_close(http);
	return why;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->easy);
	free(http);
}

static enum reason reason_of(CURLcode code, const struct http_answer *answer)
{
	const char *text = curl_easy_strerror(code);

	if (answer->too_large)
		return reason_set(REASON_BROKER_BODY_SIZE,
				  "the broker's answer exceeds %d bytes; it is not read", BODY_SIZE_MAX);
	if (answer->wrong_peer)
		return reason_set(REASON_BROKER_ENV,
				  "a rehearsal may speak to 127.0.0.1 only; nothing was sent");
	if (answer->mark_old)
		return reason_set(REASON_SEND_MARK_OLD,
				  "the send mark was too old when the first byte was due; "
				  "nothing was sent");
	if (answer->dropped)
		return reason_set(REASON_BROKER_AWAY, "the broker closed the connection before it answered");
	switch (code) {
	case CURLE_OK: return REASON_OK;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return reason_set(REASON_BROKER_TLS,
				  "no trusted TLS connection to the broker (%s); check the "
				  "ca_file and the host's clock",
				  text);
	case CURLE_OUT_OF_MEMORY: return reason_set(REASON_NO_MEMORY, "libcurl has no memory");
	default:
		return reason_set(REASON_BROKER_AWAY,
				  "the broker does not answer: %s (curl %d); look at the "
				  "network and the broker's notices",
				  text, (int)code);
	}
}

static CURLcode request_set(CURL *easy, const struct http_request *request, struct http_answer *answer)
{
	/* libcurl only reads the list, but its option wants it writable. */
	union {
		const struct curl_slist *given;
		struct curl_slist *wanted;
	} headers = { request->headers };
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, request->url);

#define SET(option, value)                                                                                   \
	do {                                                                                                 \
		if (code == CURLE_OK)                                                                        \
			code = curl_easy_setopt(easy, option, value);                                        \
	} while (0)
	SET(CURLOPT_HTTPHEADER, headers.wanted);
	SET(CURLOPT_TIMEOUT_MS, request->total_ms);
	SET(CURLOPT_WRITEDATA, answer);
	SET(CURLOPT_HEADERDATA, answer);
	if (request->body != NULL) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		SET(CURLOPT_POSTFIELDS, request->body);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
#undef SET
	return code;
}

enum reason http_exchange(struct http *http, const struct http_request *request, struct http_answer *out)
{
	CURLcode code;

	BUG_IF(request->total_ms <= 0, "every exchange has a time-out");
	*out = (struct http_answer)HTTP_ANSWER_INIT;
	http->request = request;
	http->answer = out;
	http->let_out = clock_real_mono();
	code = request_set(http->easy, request, out);
	if (code != CURLE_OK)
		return reason_set(REASON_INTERNAL, "libcurl refuses a request: %s", curl_easy_strerror(code));
	code = curl_easy_perform(http->easy);
	out->took_us = (clock_real_mono().ns - http->let_out.ns) / 1000;
	out->code = (int)code;
	if (curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &out->status) != CURLE_OK)
		out->status = 0;
	/* Nothing of this exchange may be reached from the handle afterwards. */
	curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
	http->request = NULL;
	http->answer = NULL;
	return reason_of(code, out);
}

void http_answer_clear(struct http_answer *answer)
{
	if (answer->body != NULL) {
		sodium_memzero(answer->body, answer->body_room);
		free(answer->body);
	}
	*answer = (struct http_answer)HTTP_ANSWER_INIT;
}

bool http_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_LINE_SIZE];
	struct curl_slist *grown = NULL;
	int len;

	/* "name;" is libcurl's way of sending a header without a value. */
	len = value[0] != '\0' ? snprintf(line, sizeof(line), "%s: %s", name, value)
			       : snprintf(line, sizeof(line), "%s;", name);
	if (len > 0 && (size_t)len < sizeof(line))
		grown = curl_slist_append(*list, line);
	sodium_memzero(line, sizeof(line));
	if (grown == NULL) {
		http_headers_free(*list);
		*list = NULL;
		return false;
	}
	*list = grown;
	return true;
}

void http_headers_free(struct curl_slist *list)
{
	for (struct curl_slist *line = list; line != NULL; line = line->next)
		sodium_memzero(line->data, strlen(line->data));
	curl_slist_free_all(list);
}
