/* ws - see ws.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "tests/broker/buf.h"
#include "tests/broker/ws.h"

#include "shared/base/banned.h"

/* One queued message; the bytes stand behind LWS_PRE so that a header fits in front, lws's or ours. */
struct frame {
	struct frame *next;
	size_t len;
	struct toxics tox; /* on = we write the bytes to the socket ourselves */
	int64_t from_ms; /* its turn came; 0 = not yet */
	size_t sent; /* header included */
	unsigned char bytes[];
};

struct ws_peer {
	struct lws *wsi;
	struct ws_server *srv;
	struct ws_peer *next, **link;
	struct frame *first, **last;
	size_t queued_size;
	struct buf in;
	void *user;
	uint16_t port; /* the peer's own */
	bool closing, hard;
	bool said_goodbye; /* a close frame came */
	bool mute; /* nothing is taken any more; ends at end_ms, by RST or FIN; 0 = never */
	bool end_reset;
	int64_t end_ms;
};

struct ws_server {
	struct lws_protocols
		protocols[3]; /* ours, under a name nobody can offer; the one just offered; the end */
	char asked[64]; /* name of the second */
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct clock *clk;
	struct ws_calls calls;
	struct ws_peer *peers;
	size_t peer_count;
	uint16_t port;
};

/* What lws keeps per connection: a pointer to ours. */
struct session {
	struct ws_peer *peer;
};

static uint16_t remote_port(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t at_size = sizeof at;

	return getpeername(fd, (struct sockaddr *)&at, &at_size) == 0 ? ntohs(at.sin_port) : 0;
}

static void frame_pop(struct ws_peer *peer)
{
	struct frame *f = peer->first;

	peer->first = f->next;
	if (peer->first == NULL)
		peer->last = &peer->first;
	peer->queued_size -= f->len;
	free(f);
}

static void peer_free(struct ws_peer *peer)
{
	while (peer->first != NULL)
		frame_pop(peer);
	*peer->link = peer->next;
	if (peer->next != NULL)
		peer->next->link = peer->link;
	peer->srv->peer_count--;
	buf_clear(&peer->in);
	free(peer);
}

static bool peer_open(struct ws_server *srv, struct lws *wsi, struct session *session)
{
	struct ws_peer *peer = srv->peer_count < WS_PEERS_MAX ? calloc(1, sizeof *peer) : NULL;
	int one = 1, fd = lws_get_socket_fd(wsi);

	if (peer == NULL)
		return false;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	peer->wsi = wsi;
	peer->srv = srv;
	peer->last = &peer->first;
	peer->port = remote_port(fd);
	peer->next = srv->peers;
	peer->link = &srv->peers;
	if (peer->next != NULL)
		peer->next->link = &peer->next;
	srv->peers = peer;
	srv->peer_count++;
	session->peer = peer;
	srv->calls.opened(srv->calls.arg, peer);
	return true;
}

/* ---- a bad line: frames of which we write the bytes ---- */

static int64_t real_ms(void)
{
	return clock_real_mono().ns / 1000000;
}

static void wake_at(struct ws_peer *peer, int64_t at_ms)
{
	int64_t wait_ms = at_ms - real_ms();

	lws_set_timer_usecs(peer->wsi, (wait_ms > 0 ? wait_ms : 0) * 1000 + 1);
}

/* A server's text frame: no mask, one fragment. Returns the size of the header put before the payload. */
static size_t frame_head(struct frame *f)
{
	unsigned char *payload = f->bytes + LWS_PRE;

	if (f->len < 126) {
		payload[-2] = 0x81;
		payload[-1] = (unsigned char)f->len;
		return 2;
	}
	if (f->len < 65536) {
		payload[-4] = 0x81;
		payload[-3] = 126;
		payload[-2] = (unsigned char)(f->len >> 8);
		payload[-1] = (unsigned char)f->len;
		return 4;
	}
	payload[-10] = 0x81;
	payload[-9] = 127;
	for (int i = 0; i < 8; i++)
		payload[-1 - i] = (unsigned char)(f->len >> (8 * i));
	return 10;
}

/* The connection ends once the frame is out: a close frame, then the socket `slow_close` later. */
static void end_slowly(struct ws_peer *peer, const struct toxics *tox)
{
	static const unsigned char close_frame[2] = { 0x88, 0x00 };

	if (send(lws_get_socket_fd(peer->wsi), close_frame, sizeof close_frame, MSG_NOSIGNAL | MSG_DONTWAIT) <
	    0)
		ws_drop_hard(peer); /* nobody is there to be told */
	peer->mute = true;
	peer->end_ms = real_ms() + tox->slow_close_ms;
	wake_at(peer, peer->end_ms);
}

enum bad_end { BAD_DONE, BAD_HELD, BAD_OVER };

/* Sends what the first frame may send now. While a frame is under way nothing is read, so that lws has no pong
 * to put into the middle of it. */
static enum bad_end frame_badly(struct ws_peer *peer, struct frame *f)
{
	size_t head_len = frame_head(f), total = head_len + f->len, allowed;
	const unsigned char *bytes = f->bytes + LWS_PRE - head_len;
	int64_t next_ms;

	if (f->from_ms == 0) {
		f->from_ms = real_ms();
		lws_rx_flow_control(peer->wsi, 0);
	}
	allowed = toxics_allow(&f->tox, total, f->from_ms, real_ms(), &next_ms);
	while (f->sent < allowed) {
		ssize_t sent = send(lws_get_socket_fd(peer->wsi), bytes + f->sent,
				    toxics_piece(&f->tox, allowed - f->sent), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return BAD_OVER;
		if (sent < 0) {
			lws_callback_on_writable(peer->wsi);
			return BAD_HELD;
		}
		f->sent += (size_t)sent;
	}
	if (f->sent < total) {
		if (f->tox.limit_bytes >= 0 && f->sent == (size_t)f->tox.limit_bytes)
			return BAD_OVER;
		if (next_ms != INT64_MAX)
			wake_at(peer, next_ms);
		return BAD_HELD;
	}
	lws_rx_flow_control(peer->wsi, 1);
	if (f->tox.slow_close_ms >= 0)
		end_slowly(peer, &f->tox);
	return BAD_DONE;
}

/* Writes what the socket takes. False = the connection is to be closed. */
static bool peer_flush(struct ws_peer *peer)
{
	while (peer->first != NULL && !peer->hard && !lws_send_pipe_choked(peer->wsi)) {
		struct frame *f = peer->first;

		if (f->tox.on) {
			enum bad_end end = frame_badly(peer, f);

			if (end == BAD_HELD)
				return true;
			if (end == BAD_OVER) {
				/* no close frame: the stream just ends */
				shutdown(lws_get_socket_fd(peer->wsi), SHUT_RDWR);
				return false;
			}
		} else if (lws_write(peer->wsi, f->bytes + LWS_PRE, f->len, LWS_WRITE_TEXT) < 0) {
			return false;
		}
		frame_pop(peer);
	}
	if (peer->first != NULL)
		lws_callback_on_writable(peer->wsi);
	return true;
}

/* False = the connection is to be closed. */
static bool peer_timer(struct ws_peer *peer)
{
	if (peer->mute && peer->end_ms != 0 && peer->end_ms <= real_ms()) {
		if (!peer->end_reset)
			return false;
		ws_drop_hard(peer);
		return true;
	}
	if (peer->mute && peer->end_ms != 0)
		wake_at(peer, peer->end_ms);
	return peer_flush(peer);
}

static int peer_receive(struct ws_peer *peer, const void *bytes, size_t bytes_len)
{
	struct ws_server *srv = peer->srv;

	buf_add(&peer->in, bytes, bytes_len);
	if (peer->in.failed || peer->in.len > WS_MESSAGE_SIZE_MAX)
		return -1;
	if (!lws_is_final_fragment(peer->wsi) || lws_remaining_packet_payload(peer->wsi) != 0)
		return 0;
	srv->calls.text(srv->calls.arg, peer, buf_text(&peer->in), peer->in.len);
	buf_reset(&peer->in);
	return 0;
}

/* A client may offer protocols, the service knows none and does not mind. lws closes the connection unless it knows
 * one of them by name, so the first that is offered gets its name for as long as the handshake takes... */
static void protocol_known(struct ws_server *srv, struct lws *wsi)
{
	char offered[128];
	struct lws_tokenize ts;
	int len = lws_hdr_copy(wsi, offered, sizeof offered - 1, WSI_TOKEN_PROTOCOL);

	if (len <= 0)
		return;
	/* as lws itself reads that field */
	lws_tokenize_init(&ts, offered,
			  LWS_TOKENIZE_F_COMMA_SEP_LIST | LWS_TOKENIZE_F_MINUS_NONTERM |
				  LWS_TOKENIZE_F_DOT_NONTERM | LWS_TOKENIZE_F_RFC7230_DELIMS);
	ts.len = (size_t)len;
	if (lws_tokenize(&ts) != LWS_TOKZE_TOKEN ||
	    lws_tokenize_cstr(&ts, srv->asked, sizeof srv->asked) != 0)
		srv->asked[0] = '\0';
}

/* ...and none when the answer is written: what has no name is not chosen. */
static void protocol_forgotten(struct ws_server *srv)
{
	srv->asked[0] = '\0';
}

static int on_event(struct lws *wsi, enum lws_callback_reasons what, void *user, void *bytes,
		    size_t bytes_len)
{
	struct session *session = user;
	struct lws_context *context = lws_get_context(wsi);
	struct ws_server *srv = context == NULL ? NULL : lws_context_user(context);
	struct ws_peer *peer;

	if (srv == NULL)
		return 0; /* lws about itself, no peer of ours */
	switch (what) {
	case LWS_CALLBACK_RAW_RX_FILE:
		srv->calls.awake(srv->calls.arg);
		srv->calls.epoll_ready(srv->calls.arg);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: protocol_known(srv, wsi); return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: protocol_forgotten(srv); return 0;
	case LWS_CALLBACK_ESTABLISHED:
		srv->calls.awake(srv->calls.arg);
		return peer_open(srv, wsi, session) ? 0 : -1;
	case LWS_CALLBACK_RECEIVE:
		srv->calls.awake(srv->calls.arg);
		peer = session->peer;
		if (peer == NULL || peer->closing)
			return -1;
		return peer_receive(peer, bytes, bytes_len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		peer = session->peer;
		if (peer == NULL)
			return -1;
		if (peer->closing && (peer->hard || peer->first == NULL))
			return -1;
		return peer_flush(peer) ? 0 : -1;
	case LWS_CALLBACK_TIMER:
		peer = session == NULL ? NULL : session->peer;
		if (peer == NULL)
			return 0;
		srv->calls.awake(srv->calls.arg);
		return peer_timer(peer) ? 0 : -1;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (session->peer != NULL)
			session->peer->said_goodbye = true;
		return 0;
	case LWS_CALLBACK_CLOSED:
		if (session->peer != NULL) {
			srv->calls.awake(srv->calls.arg);
			srv->calls.closed(srv->calls.arg, session->peer);
			peer_free(session->peer);
			session->peer = NULL;
		}
		return 0;
	case LWS_CALLBACK_HTTP: return -1; /* not a WebSocket */
	default: return 0;
	}
}

/* Nobody is pinged by lws and nobody hung up on: PINGPONG is the session's own business. */
static const lws_retry_bo_t no_policy = { .secs_since_valid_ping = 0, .secs_since_valid_hangup = 0 };

enum reason ws_open(struct clock *clk, uint16_t port, int epoll_fd, const struct ws_calls *calls,
		    struct ws_server **out)
{
	struct lws_context_creation_info info = { 0 };
	lws_sock_file_fd_type rider = { .filefd = dup(epoll_fd) }; /* lws closes what it adopted */
	struct ws_server *srv = calloc(1, sizeof *srv);

	if (srv == NULL || rider.filefd < 0) {
		if (rider.filefd >= 0)
			close(rider.filefd);
		free(srv);
		return reason_set(REASON_NO_MEMORY, "no memory or descriptor for the WebSocket server");
	}
	srv->clk = clk;
	srv->calls = *calls;
	srv->protocols[0] =
		(struct lws_protocols){ "(service)", on_event, sizeof(struct session), WS_MESSAGE_SIZE_MAX, 0,
					NULL,        0 };
	srv->protocols[1] = srv->protocols[0];
	srv->protocols[1].name = srv->asked;
	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = srv->protocols;
	info.gid = -1;
	info.uid = -1;
	info.user = srv;
	info.pt_serv_buf_size = WS_MESSAGE_SIZE_MAX;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6;
	info.retry_and_idle_policy = &no_policy;
	srv->context = lws_create_context(&info);
	if (srv->context != NULL) {
		info.port = port; /* 0 = a free one */
		info.iface = "127.0.0.1";
		info.vhost_name = "broker";
		srv->vhost = lws_create_vhost(srv->context, &info);
	}
	if (srv->vhost == NULL || lws_get_vhost_listen_port(srv->vhost) <= 0) {
		close(rider.filefd);
		ws_close(srv);
		return reason_set(REASON_FILE_IO,
				  "WebSocket port %u of 127.0.0.1 cannot be listened on; use --ws-port 0",
				  (unsigned)port);
	}
	srv->port = (uint16_t)lws_get_vhost_listen_port(srv->vhost);
	if (lws_adopt_descriptor_vhost(srv->vhost, LWS_ADOPT_RAW_FILE_DESC, rider, srv->protocols[0].name,
				       NULL) == NULL) {
		ws_close(srv);
		return reason_set(REASON_INTERNAL, "libwebsockets does not take the epoll descriptor");
	}
	*out = srv;
	return REASON_OK;
}

void ws_close(struct ws_server *srv)
{
	if (srv == NULL)
		return;
	if (srv->context != NULL)
		lws_context_destroy(srv->context);
	while (srv->peers != NULL) {
		struct ws_peer *first = srv->peers;

		peer_free(first);
		BUG_IF(srv->peers == first, "a peer that is freed leaves the list");
	}
	free(srv);
}

uint16_t ws_port(const struct ws_server *srv)
{
	return srv->port;
}

void ws_service(struct ws_server *srv, bool wait)
{
	lws_service(srv->context, wait ? 0 : -1);
}

void ws_wake(void *srv)
{
	lws_cancel_service(((struct ws_server *)srv)->context);
}

void ws_user_set(struct ws_peer *peer, void *user)
{
	peer->user = user;
}

void *ws_user(const struct ws_peer *peer)
{
	return peer->user;
}

void ws_send(struct ws_peer *peer, const char *text, size_t text_len)
{
	static const struct toxics none = TOXICS_NONE;

	ws_send_badly(peer, text, text_len, &none);
}

/* timeout and reset_peer end the sending as soon as they are asked for: what waits still leaves. */
static bool goes_mute(struct ws_peer *peer, const struct toxics *tox)
{
	if (!tox->on || (tox->timeout_ms < 0 && tox->reset_ms < 0))
		return false;
	peer->mute = true;
	peer->end_reset = tox->reset_ms >= 0;
	if (tox->reset_ms >= 0 || tox->timeout_ms > 0) {
		peer->end_ms = real_ms() + (tox->reset_ms >= 0 ? tox->reset_ms : tox->timeout_ms);
		wake_at(peer, peer->end_ms);
	}
	return true;
}

void ws_send_badly(struct ws_peer *peer, const char *text, size_t text_len, const struct toxics *tox)
{
	struct frame *f;

	if (peer->closing || peer->mute || goes_mute(peer, tox))
		return;
	if (peer->queued_size + text_len > WS_QUEUE_SIZE_MAX) {
		ws_drop_hard(peer);
		return;
	}
	f = malloc(sizeof *f + LWS_PRE + text_len);
	if (f == NULL) {
		ws_drop_hard(peer);
		return;
	}
	*f = (struct frame){ .len = text_len, .tox = *tox };
	memcpy(f->bytes + LWS_PRE, text, text_len);
	*peer->last = f;
	peer->last = &f->next;
	peer->queued_size += text_len;
	if (clock_is_virtual(peer->srv->clk))
		clock_wire_sent(peer->srv->clk, peer->port, 1);
	lws_callback_on_writable(peer->wsi);
}

bool ws_said_goodbye(const struct ws_peer *peer)
{
	return peer->said_goodbye;
}

void ws_drop(struct ws_peer *peer)
{
	peer->closing = true;
	lws_callback_on_writable(peer->wsi);
}

void ws_drop_hard(struct ws_peer *peer)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (peer->hard)
		return;
	setsockopt(lws_get_socket_fd(peer->wsi), SOL_SOCKET, SO_LINGER, &now, sizeof now);
	peer->closing = true;
	peer->hard = true;
	lws_set_timeout(peer->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
}

uint64_t ws_bytes_received(const struct ws_peer *peer)
{
	struct tcp_info info = { 0 };
	socklen_t info_size = sizeof info;

	if (getsockopt(lws_get_socket_fd(peer->wsi), IPPROTO_TCP, TCP_INFO, &info, &info_size) != 0)
		return 0;
	return info.tcpi_bytes_received;
}
