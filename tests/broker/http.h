/*
 * http - HTTP/1.1 over TLS, one thread, non-blocking, driven by an epoll descriptor of the caller.
 *
 * Shape   up to HTTP_CONNS_MAX connections; keep-alive; one request at a time per connection; bodies by
 *         Content-Length or in chunks. A handler fills a reply at once; the reply may leave late or broken (faults).
 * Units   *_ms are real milliseconds: what is late here is late on the host, whatever the virtual clock says.
 * Owner   http_open/http_close. Request and reply are the server's; they live until the handler returns.
 * Errors  bad requests are answered with 400, 405, 408, 411, 413, 431 or 501 and closed; never fatal.
 */
#ifndef GJ_BROKER_HTTP_H
#define GJ_BROKER_HTTP_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "shared/base/reason.h"
#include "tests/broker/buf.h"
#include "tests/broker/toxics.h"

#define HTTP_CONNS_MAX      1024
#define HTTP_HEAD_SIZE_MAX  (32 * 1024)
#define HTTP_BODY_SIZE_MAX  (1024 * 1024)
#define HTTP_FIELDS_MAX     64
#define HTTP_PARAMS_MAX     96
#define HTTP_IDLE_MS_MAX    (120 * 1000) /* a connection that says nothing is closed */
#define HTTP_REQUEST_MS_MAX (30 * 1000) /* a request must be complete by then */

struct http_pair {
	char *name, *value;
};
struct http_request {
	const char *method, *path;
	struct http_pair fields[HTTP_FIELDS_MAX]; /* header fields */
	size_t field_count;
	struct http_pair params[HTTP_PARAMS_MAX]; /* query, percent-decoded */
	size_t param_count;
	const char *body; /* NUL-terminated */
	size_t body_len;
};
const char *http_field(const struct http_request *rq, const char *name); /* any case; NULL when absent */

enum http_how {
	HTTP_SEND,
	HTTP_SEND_SLOWLY, /* a few bytes at a time */
	HTTP_SILENCE, /* never an answer; the connection stays until the client gives up */
	HTTP_RESET, /* RST instead of an answer */
	HTTP_CUT, /* half of the body, then the end */
};
struct http_reply {
	int status;
	const char *type; /* Content-Type; NULL = JSON; "" = none, for a body of nothing */
	struct buf head; /* further header lines, each with CRLF, in the case they are to have */
	struct buf body;
	enum http_how how;
	int64_t delay_ms; /* before the first byte */
	struct toxics tox; /* obeyed when tox.on */
};

struct http_server;
typedef void (*http_handler)(void *arg, const struct http_request *rq, struct http_reply *reply);
/* The text of the Date header, by the broker's clock. */
typedef void (*http_date)(void *arg, char out[static 40]);

enum reason http_open(SSL_CTX *tls, int epoll_fd, uint16_t port, http_handler handle, http_date date,
		      void *arg, struct http_server **out);
void http_close(struct http_server *srv);
uint16_t http_port(const struct http_server *srv);
/* One epoll event whose data.ptr was ours; http_owns tells. */
bool http_owns(const struct http_server *srv, const void *epoll_data);
void http_event(struct http_server *srv, void *epoll_data, uint32_t events);
/* Real milliseconds until http_tick wants to be called again; -1 = no need. */
int64_t http_wait_ms(const struct http_server *srv);
void http_tick(struct http_server *srv);

#endif
