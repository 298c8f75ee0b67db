/* http - see http.h. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "shared/base/won.h"
#include "tests/broker/http.h"

#include "shared/base/banned.h"

#define SLOW_STEP_MS    200
#define SLOW_STEP_BYTES 16
#define DRAIN_MS        1000 /* after our last byte the client's are read away so long */

enum conn_state { CONN_SHAKING, CONN_READING, CONN_WAITING, CONN_WRITING, CONN_MUTE };

struct conn {
	struct http_server *srv;
	struct conn *next, **link;
	SSL *ssl;
	int fd;
	enum conn_state state;
	struct buf in, out;
	size_t out_sent, out_allowed; /* out_allowed < out.len while a reply leaves slowly */
	struct toxics tox; /* of the reply that leaves */
	int64_t from_ms; /* its first byte could leave */
	int64_t since_ms; /* of this state */
	int64_t due_ms; /* delayed or slow reply: next step; 0 = none */
	enum http_how how;
	bool close_after, dead;
	bool draining; /* all is said; what still comes is not looked at */
	uint32_t watched;
};

struct http_server {
	SSL_CTX *tls;
	int epoll_fd, listen_fd;
	uint16_t port;
	http_handler handle;
	http_date date;
	void *arg;
	struct conn *conns;
	size_t conn_count;
	struct http_request rq; /* of the request being handled */
};

static int64_t now_ms(void)
{
	return clock_real_mono().ns / 1000000;
}

const char *http_field(const struct http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->field_count; i++) {
		if (strcasecmp(rq->fields[i].name, name) == 0)
			return rq->fields[i].value;
	}
	return NULL;
}

/* ---- connections ---- */

static void conn_free(struct conn *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	c->srv->conn_count--;
	epoll_ctl(c->srv->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	SSL_free(c->ssl);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	free(c);
}

static void conn_watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->watched == events)
		return;
	if (epoll_ctl(c->srv->epoll_fd, c->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) != 0)
		c->dead = true;
	c->watched = events;
}

static void conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	c->dead = true;
}

static void conn_state(struct conn *c, enum conn_state state)
{
	c->state = state;
	c->since_ms = now_ms();
}

static void conn_accept(struct http_server *srv)
{
	for (;;) {
		int fd = accept4(srv->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
		struct conn *c;

		if (fd < 0)
			return;
		c = srv->conn_count < HTTP_CONNS_MAX ? calloc(1, sizeof *c) : NULL;
		if (c == NULL || (c->ssl = SSL_new(srv->tls)) == NULL) {
			free(c);
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->srv = srv;
		c->fd = fd;
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
		c->next = srv->conns;
		c->link = &srv->conns;
		if (c->next != NULL)
			c->next->link = &c->next;
		srv->conns = c;
		srv->conn_count++;
		conn_state(c, CONN_SHAKING);
		conn_watch(c, EPOLLIN);
		if (c->dead)
			conn_free(c);
	}
}

/* What an unfinished TLS call waits for. False = the connection is over. */
static bool tls_again(struct conn *c, int result)
{
	int error = SSL_get_error(c->ssl, result);

	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ) {
		conn_watch(c, EPOLLIN);
		return true;
	}
	if (error == SSL_ERROR_WANT_WRITE) {
		conn_watch(c, EPOLLIN | EPOLLOUT);
		return true;
	}
	c->dead = true;
	return false;
}

/* ---- writing ---- */

static void reply_bytes(struct conn *c, struct http_reply *reply, const char *reason_phrase)
{
	const char *type = reply->type != NULL ? reply->type : "application/json; charset=utf-8";
	char date[40];

	c->srv->date(c->srv->arg, date);
	buf_reset(&c->out);
	buf_fmt(&c->out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", reply->status, reason_phrase, date);
	if (*type != '\0')
		buf_fmt(&c->out, "Content-Type: %s\r\n", type);
	buf_fmt(&c->out, "Content-Length: %zu\r\n", reply->body.len);
	buf_add(&c->out, reply->head.bytes, reply->head.len);
	buf_fmt(&c->out, "Connection: %s\r\n\r\n", c->close_after ? "close" : "keep-alive");
	if (reply->how == HTTP_CUT) {
		buf_add(&c->out, reply->body.bytes, reply->body.len / 2);
		c->close_after = true;
	} else {
		buf_add(&c->out, reply->body.bytes, reply->body.len);
	}
	if (c->out.failed)
		c->dead = true;
	c->out_sent = 0;
}

static void conn_read(struct conn *c);

/* A socket closed over bytes nobody read is reset, and the client may lose the answer it was sent. */
static void conn_drain(struct conn *c)
{
	SSL_shutdown(c->ssl);
	if (shutdown(c->fd, SHUT_WR) != 0) {
		c->dead = true;
		return;
	}
	c->draining = true;
	c->due_ms = now_ms() + DRAIN_MS;
	conn_state(c, CONN_MUTE);
	conn_watch(c, EPOLLIN);
}

static void conn_write(struct conn *c)
{
	int64_t next_ms;

	c->out_allowed = toxics_allow(&c->tox, c->out.len, c->from_ms, now_ms(), &next_ms);
	while (!c->dead && c->out_sent < c->out_allowed) {
		size_t written = 0;
		int result = SSL_write_ex(c->ssl, c->out.bytes + c->out_sent,
					  toxics_piece(&c->tox, c->out_allowed - c->out_sent), &written);

		if (result != 1) {
			tls_again(c, result);
			return;
		}
		c->out_sent += written;
	}
	if (c->dead)
		return;
	if (c->out_sent < c->out.len) {
		if (c->tox.limit_bytes >= 0 && c->out_sent == (size_t)c->tox.limit_bytes)
			c->dead = true;
		c->due_ms = next_ms;
		conn_watch(c, EPOLLIN);
		return;
	}
	c->due_ms = 0;
	if (c->tox.slow_close_ms >= 0) {
		conn_state(c, CONN_MUTE);
		c->due_ms = now_ms() + c->tox.slow_close_ms;
		conn_watch(c, EPOLLIN);
		return;
	}
	if (c->close_after) {
		conn_drain(c);
		return;
	}
	conn_watch(c, EPOLLIN);
	conn_state(c, CONN_READING);
}

static void conn_reply_leaves(struct conn *c)
{
	c->due_ms = 0;
	c->from_ms = now_ms();
	conn_state(c, CONN_WRITING);
	conn_write(c);
}

static const char *phrase_of(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 411, "Length Required" },
		{ 413, "Payload Too Large" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Status";
}

static void conn_reply(struct conn *c, struct http_reply *reply)
{
	if (reply->head.failed || reply->body.failed) {
		c->dead = true;
		return;
	}
	if (reply->how == HTTP_RESET && reply->delay_ms == 0) {
		conn_reset(c);
		return;
	}
	c->how = reply->how;
	c->tox = reply->tox.on ? reply->tox : (struct toxics)TOXICS_NONE;
	if (reply->how == HTTP_SEND_SLOWLY) {
		c->tox.slice_bytes = SLOW_STEP_BYTES;
		c->tox.slice_pause_ms = SLOW_STEP_MS;
	}
	if (reply->how == HTTP_SILENCE || c->tox.timeout_ms >= 0 || c->tox.reset_ms >= 0) {
		conn_state(c, CONN_MUTE);
		conn_watch(c, EPOLLIN);
		if (c->tox.reset_ms >= 0) {
			c->how = HTTP_RESET;
			c->due_ms = now_ms() + c->tox.reset_ms;
		} else if (c->tox.timeout_ms > 0) {
			c->due_ms = now_ms() + c->tox.timeout_ms;
		}
		return;
	}
	if (c->tox.slow_close_ms >= 0)
		c->close_after = true;
	reply_bytes(c, reply, phrase_of(reply->status));
	conn_state(c, CONN_WAITING);
	if (reply->delay_ms > 0) {
		c->due_ms = now_ms() + reply->delay_ms;
		conn_watch(c, EPOLLIN);
		return;
	}
	conn_reply_leaves(c);
}

static void conn_refuse(struct conn *c, int status)
{
	struct http_reply reply = { .status = status, .type = "" };

	c->close_after = true;
	conn_reply(c, &reply);
	buf_clear(&reply.head);
	buf_clear(&reply.body);
}

/* ---- reading ---- */

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)tolower((unsigned char)ch);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Percent-decoding in place; a NUL or a broken escape makes the request bad. */
static bool decode(char *text)
{
	char *to = text;

	for (char *p = text; *p != '\0'; p++) {
		if (*p == '+') {
			*to++ = ' ';
		} else if (*p == '%') {
			int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);

			if (low < 0 || high * 16 + low == 0)
				return false;
			*to++ = (char)(high * 16 + low);
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return true;
}

static bool parse_query(struct http_request *rq, char *query)
{
	while (query != NULL && *query != '\0') {
		char *next = strchr(query, '&'), *value;

		if (next != NULL)
			*next++ = '\0';
		if (*query != '\0') {
			if (rq->param_count == HTTP_PARAMS_MAX)
				return false;
			value = strchr(query, '=');
			if (value != NULL)
				*value++ = '\0';
			else
				value = query + strlen(query);
			if (!decode(query) || !decode(value))
				return false;
			rq->params[rq->param_count++] = (struct http_pair){ query, value };
		}
		query = next;
	}
	return true;
}

/* Takes the head (NUL-terminated, without its empty line) apart. Returns 0 or the status of a refusal. */
static int parse_head(struct http_request *rq, char *head)
{
	char *line = head, *end = strstr(line, "\r\n"), *target, *version, *query;

	if (end == NULL)
		return 400;
	*end = '\0';
	rq->method = line;
	target = strchr(line, ' ');
	if (target == NULL)
		return 400;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || *target != '/')
		return 400;
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 400;
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	rq->path = target;
	if (!decode(target) || !parse_query(rq, query))
		return 400;
	for (line = end + 2; *line != '\0'; line = end + 2) {
		char *value, *tail;

		end = strstr(line, "\r\n");
		if (end == NULL)
			return 400;
		*end = '\0';
		value = strchr(line, ':');
		if (value == NULL || value == line)
			return 400;
		if (rq->field_count == HTTP_FIELDS_MAX)
			return 431;
		*value++ = '\0';
		value += strspn(value, " \t");
		tail = value + strlen(value);
		while (tail > value && (tail[-1] == ' ' || tail[-1] == '\t'))
			*--tail = '\0';
		rq->fields[rq->field_count++] = (struct http_pair){ line, value };
	}
	return 0;
}

static void handle_request(struct conn *c, struct http_request *rq)
{
	struct http_reply reply = { .status = 200 };
	const char *connection = http_field(rq, "connection");

	c->close_after = connection != NULL && strcasecmp(connection, "close") == 0;
	c->srv->handle(c->srv->arg, rq, &reply);
	conn_reply(c, &reply);
	buf_clear(&reply.head);
	buf_clear(&reply.body);
}

/* One request's body as it lies in the bytes that came. */
struct body_found {
	int status; /* of a refusal; 0 = none */
	bool whole;
	size_t wire_len; /* its bytes on the wire, when whole */
	struct buf text; /* decoded, when whole */
};

/* A line of `text`, up to its CRLF; NULL = not all of it is there yet. */
static const char *line_end(const char *text, const char *end)
{
	return memmem(text, (size_t)(end - text), "\r\n", 2);
}

/* The size a chunk begins with; what follows a semicolon is of no interest. -1 = no size. */
static int64_t chunk_size(const char *line, const char *end)
{
	int64_t size = 0;
	const char *p = line;

	for (; p < end && hex_digit(*p) >= 0; p++) {
		if (size > HTTP_BODY_SIZE_MAX)
			break; /* more digits only make it larger still */
		size = size * 16 + hex_digit(*p);
	}
	if (p == line)
		return -1;
	if (size > HTTP_BODY_SIZE_MAX)
		return size;
	p += strspn(p, " \t");
	return p == end || *p == ';' ? size : -1;
}

/* RFC 9112, 7.1: sizes in hexadecimal and their bytes, a size of 0, further fields that nobody reads, an empty
 * line. Taken apart anew each time more has come; the caps on both sizes bound that. */
static void body_chunked(const char *bytes, size_t bytes_len, struct body_found *out)
{
	const char *p = bytes, *end = bytes + bytes_len, *line;
	int64_t size;

	for (;;) {
		line = line_end(p, end);
		if (line == NULL)
			break;
		size = chunk_size(p, line);
		p = line + 2;
		if (size < 0) {
			out->status = 400;
			return;
		}
		if (size == 0)
			break;
		if ((int64_t)out->text.len + size > HTTP_BODY_SIZE_MAX) {
			out->status = 413;
			return;
		}
		if (end - p < size + 2) {
			line = NULL;
			break;
		}
		buf_add(&out->text, p, (size_t)size);
		if (p[size] != '\r' || p[size + 1] != '\n') {
			out->status = 400;
			return;
		}
		p += size + 2;
	}
	for (; line != NULL && (line = line_end(p, end)) != NULL && line > p; p = line + 2)
		;
	if (line != NULL) {
		out->whole = true;
		out->wire_len = (size_t)(line + 2 - bytes);
	} else if (bytes_len > 2 * HTTP_BODY_SIZE_MAX) { /* sizes and fields may take as much as the body */
		out->status = 413;
	}
}

/* By Content-Length or in chunks; the caller clears out->text. */
static void body_find(const struct http_request *rq, const char *bytes, size_t bytes_len,
		      struct body_found *out)
{
	const char *length = http_field(rq, "content-length"), *coding = http_field(rq, "transfer-encoding");
	int64_t number = 0;

	*out = (struct body_found){ 0 };
	if (coding != NULL) {
		if (strcasecmp(coding, "chunked") != 0)
			out->status = 501;
		else if (length != NULL) /* two sizes: whose is right is not ours to guess */
			out->status = 400;
		else
			body_chunked(bytes, bytes_len, out);
		return;
	}
	if (length != NULL && (!num_parse(length, strlen(length), &number) || number < 0)) {
		out->status = 400;
	} else if (number > HTTP_BODY_SIZE_MAX) {
		out->status = 413;
	} else if (bytes_len >= (size_t)number) {
		out->whole = true;
		out->wire_len = (size_t)number;
		buf_add(&out->text, bytes, out->wire_len);
	}
}

/* Thirty bytes into a fresh socket buffer; a client that stalls here sends anyway. */
static void tell_continue(struct conn *c, const struct http_request *rq)
{
	const char *expect = http_field(rq, "expect");
	size_t written;

	if (expect == NULL || strcasecmp(expect, "100-continue") != 0)
		return;
	SSL_write_ex(c->ssl, "HTTP/1.1 100 Continue\r\n\r\n", 25, &written);
	ERR_clear_error();
}

/* Works off one whole request of c->in, if there is one. False = nothing more to do now. */
static bool conn_request(struct conn *c)
{
	struct http_request *rq = &c->srv->rq;
	char *head_end = c->in.len == 0 ? NULL : memmem(c->in.bytes, c->in.len, "\r\n\r\n", 4);
	struct body_found body = { 0 };
	struct buf copy = BUF_INIT;
	size_t head_len;
	int status;

	if (head_end == NULL) {
		if (c->in.len > HTTP_HEAD_SIZE_MAX)
			conn_refuse(c, 431);
		return false;
	}
	head_len = (size_t)(head_end - c->in.bytes) + 4;
	if (head_len > HTTP_HEAD_SIZE_MAX || memchr(c->in.bytes, '\0', head_len) != NULL) {
		conn_refuse(c, head_len > HTTP_HEAD_SIZE_MAX ? 431 : 400);
		return false;
	}
	/* The head is taken apart in a copy, so that a body still under way finds it whole the next time. */
	buf_add(&copy, c->in.bytes, head_len - 2);
	buf_text(&copy);
	rq->field_count = 0;
	rq->param_count = 0;
	status = copy.failed ? 500 : parse_head(rq, copy.bytes);
	if (status == 0) {
		body_find(rq, c->in.bytes + head_len, c->in.len - head_len, &body);
		status = body.status;
	}
	if (status != 0) {
		conn_refuse(c, status);
	} else if (!body.whole) {
		if (c->in.len == head_len)
			tell_continue(c, rq);
	} else {
		rq->body = buf_text(&body.text);
		rq->body_len = body.text.len;
		buf_drop_front(&c->in, head_len + body.wire_len);
		if (body.text.failed)
			c->dead = true;
		else
			handle_request(c, rq);
	}
	buf_clear(&body.text);
	buf_clear(&copy);
	return body.whole && status == 0 && !c->dead && c->state == CONN_READING;
}

static void conn_read(struct conn *c)
{
	char bytes[16384];

	while (!c->dead && c->state == CONN_READING) {
		size_t got = 0;
		int result;

		if (conn_request(c))
			continue;
		if (c->dead || c->state != CONN_READING)
			return;
		result = SSL_read_ex(c->ssl, bytes, sizeof bytes, &got);
		if (result != 1) {
			tls_again(c, result);
			return;
		}
		if (c->in.len == 0)
			c->since_ms = now_ms();
		buf_add(&c->in, bytes, got);
		if (c->in.failed)
			c->dead = true;
	}
}

/* While a reply is held back nothing is expected but the client's going away. */
static void conn_listen(struct conn *c)
{
	char bytes[4096];
	size_t got = 0;
	int result = SSL_read_ex(c->ssl, bytes, sizeof bytes, &got);

	while (c->draining && result == 1)
		result = SSL_read_ex(c->ssl, bytes, sizeof bytes, &got);
	if (result != 1) {
		tls_again(c, result);
		return;
	}
	buf_add(&c->in, bytes, got);
	if (c->in.failed || c->in.len > HTTP_BODY_SIZE_MAX)
		c->dead = true;
}

static void conn_go(struct conn *c, uint32_t events)
{
	if (c->state == CONN_SHAKING) {
		int result = SSL_do_handshake(c->ssl);

		if (result != 1) {
			tls_again(c, result);
			return;
		}
		conn_state(c, CONN_READING);
		conn_watch(c, EPOLLIN);
	}
	switch (c->state) {
	case CONN_READING: conn_read(c); break;
	case CONN_WRITING:
		conn_write(c);
		if (!c->dead && c->state == CONN_READING)
			conn_read(c);
		break;
	case CONN_WAITING:
	case CONN_MUTE:
		if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			conn_listen(c);
		break;
	case CONN_SHAKING: break;
	}
}

/* ---- server ---- */

enum reason http_open(SSL_CTX *tls, int epoll_fd, uint16_t port, http_handler handle, http_date date,
		      void *arg, struct http_server **out)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t at_size = sizeof at;
	struct http_server *srv = calloc(1, sizeof *srv);
	struct epoll_event ev = { .events = EPOLLIN };
	int one = 1;
	enum reason why = REASON_OK;

	if (srv == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the REST server");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	srv->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (srv->listen_fd < 0 ||
	    setsockopt(srv->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(srv->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(srv->listen_fd, 256) != 0 ||
	    getsockname(srv->listen_fd, (struct sockaddr *)&at, &at_size) != 0) {
		why = reason_set(REASON_FILE_IO,
				 "REST port %u of 127.0.0.1 cannot be listened on: %s; use --rest-port 0",
				 (unsigned)port, strerror(errno));
		goto out;
	}
	srv->tls = tls;
	srv->epoll_fd = epoll_fd;
	srv->port = ntohs(at.sin_port);
	srv->handle = handle;
	srv->date = date;
	srv->arg = arg;
	ev.data.ptr = srv;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, srv->listen_fd, &ev) != 0) {
		why = reason_set(REASON_INTERNAL, "epoll refuses the REST port: %s", strerror(errno));
		goto out;
	}
	*out = srv;
	return REASON_OK;
out:
	if (srv->listen_fd >= 0)
		close(srv->listen_fd);
	free(srv);
	return why;
}

void http_close(struct http_server *srv)
{
	if (srv == NULL)
		return;
	while (srv->conns != NULL) {
		struct conn *first = srv->conns;

		conn_free(first);
		BUG_IF(srv->conns == first, "a connection that is freed leaves the list");
	}
	close(srv->listen_fd);
	free(srv);
}

uint16_t http_port(const struct http_server *srv)
{
	return srv->port;
}

bool http_owns(const struct http_server *srv, const void *epoll_data)
{
	if (epoll_data == srv)
		return true;
	for (const struct conn *c = srv->conns; c != NULL; c = c->next) {
		if (c == epoll_data)
			return true;
	}
	return false;
}

void http_event(struct http_server *srv, void *epoll_data, uint32_t events)
{
	if (epoll_data == srv) {
		conn_accept(srv);
		return;
	}
	struct conn *c = epoll_data;

	conn_go(c, events);
	if (c->dead)
		conn_free(c);
}

static int64_t conn_deadline(const struct conn *c)
{
	if (c->due_ms != 0)
		return c->due_ms;
	if (c->state == CONN_MUTE || c->state == CONN_WAITING)
		return c->since_ms + 10 * (int64_t)HTTP_IDLE_MS_MAX;
	if (c->state == CONN_READING && c->in.len == 0)
		return c->since_ms + HTTP_IDLE_MS_MAX;
	return c->since_ms + HTTP_REQUEST_MS_MAX;
}

int64_t http_wait_ms(const struct http_server *srv)
{
	int64_t first = INT64_MAX, now = now_ms();

	for (const struct conn *c = srv->conns; c != NULL; c = c->next) {
		int64_t at = conn_deadline(c);

		if (at < first)
			first = at;
	}
	if (first == INT64_MAX)
		return -1;
	return first > now ? first - now : 0;
}

void http_tick(struct http_server *srv)
{
	int64_t now = now_ms();
	struct conn *next;

	for (struct conn *c = srv->conns; c != NULL; c = next) {
		next = c->next;
		if (now < conn_deadline(c))
			continue;
		if (c->due_ms == 0) {
			c->dead = true;
		} else if (c->how == HTTP_RESET) {
			conn_reset(c);
		} else if (c->state == CONN_MUTE) {
			c->dead = true;
		} else if (c->state == CONN_WAITING) {
			conn_reply_leaves(c);
		} else { /* slowly */
			c->due_ms = 0;
			c->since_ms = now;
			conn_write(c);
		}
		if (!c->dead && c->state == CONN_READING)
			conn_read(c);
		if (c->dead)
			conn_free(c);
	}
}
