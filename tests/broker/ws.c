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

/* One queued message; the bytes stand behind LWS_PRE so that lws may put its header in front. */
struct frame {
	struct frame *next;
	size_t len;
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
};

struct ws_server {
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

/* Writes what the socket takes. False = the connection is to be closed. */
static bool peer_flush(struct ws_peer *peer)
{
	while (peer->first != NULL && !lws_send_pipe_choked(peer->wsi)) {
		struct frame *f = peer->first;
		int written = lws_write(peer->wsi, f->bytes + LWS_PRE, f->len, LWS_WRITE_TEXT);

		if (written < 0)
			return false;
		frame_pop(peer);
	}
	if (peer->first != NULL)
		lws_callback_on_writable(peer->wsi);
	return true;
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

static int on_event(struct lws *wsi, enum lws_callback_reasons what, void *user, void *bytes,
		    size_t bytes_len)
{
	struct session *session = user;
	struct lws_context *context = lws_get_context(wsi);
	struct ws_server *srv = context == NULL ? NULL : lws_context_user(context);
	struct ws_peer *peer;

	switch (what) {
	case LWS_CALLBACK_RAW_RX_FILE:
		srv->calls.awake(srv->calls.arg);
		srv->calls.epoll_ready(srv->calls.arg);
		return 0;
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

static const struct lws_protocols protocols[] = {
	{ "broker", on_event, sizeof(struct session), WS_MESSAGE_SIZE_MAX, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* Nobody is pinged by lws and nobody hung up on: PINGPONG is the session's own business. */
static const lws_retry_bo_t no_policy = { .secs_since_valid_ping = 0, .secs_since_valid_hangup = 0 };

enum reason ws_open(struct clock *clk, uint16_t port, int epoll_fd, const struct ws_calls *calls,
		    struct ws_server **out)
{
	struct lws_context_creation_info info = { 0 };
	lws_sock_file_fd_type rider = { .filefd = dup(epoll_fd) }; /* lws closes what it adopted */
	struct ws_server *srv = calloc(1, sizeof *srv);

	if (srv == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the WebSocket server");
	srv->clk = clk;
	srv->calls = *calls;
	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = protocols;
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
		ws_close(srv);
		return reason_set(REASON_FILE_IO,
				  "WebSocket port %u of 127.0.0.1 cannot be listened on; use --ws-port 0",
				  (unsigned)port);
	}
	srv->port = (uint16_t)lws_get_vhost_listen_port(srv->vhost);
	if (lws_adopt_descriptor_vhost(srv->vhost, LWS_ADOPT_RAW_FILE_DESC, rider, protocols[0].name, NULL) ==
	    NULL) {
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
	while (srv->peers != NULL)
		peer_free(srv->peers);
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
	struct frame *f;

	if (peer->closing)
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
	f->next = NULL;
	f->len = text_len;
	memcpy(f->bytes + LWS_PRE, text, text_len);
	*peer->last = f;
	peer->last = &f->next;
	peer->queued_size += text_len;
	if (clock_is_virtual(peer->srv->clk))
		clock_wire_sent(peer->srv->clk, peer->port, 1);
	lws_callback_on_writable(peer->wsi);
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
