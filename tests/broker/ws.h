/*
 * ws - the WebSocket port, on libwebsockets, whose loop is the loop of the whole program.
 *
 * Shape   any path is taken, offered sub-protocols are not looked at; text frames; an epoll descriptor of the caller rides along as a raw file, so that
 *         one ws_service() waits for everything. Frames to a peer are queued and counted on the virtual clock
 *         as under way from the moment they are queued (clock_wire_sent).
 * Owner   ws_open/ws_close. Peers belong to the server; `user` of a peer belongs to the caller and is given
 *         back in the closed callback.
 * Errors  a peer that does not read is dropped at WS_QUEUE_SIZE_MAX; a too long message drops its peer.
 */
#ifndef GJ_BROKER_WS_H
#define GJ_BROKER_WS_H

#include "shared/base/clock.h"
#include "shared/base/reason.h"
#include "tests/broker/toxics.h"

#define WS_PEERS_MAX        256
#define WS_QUEUE_SIZE_MAX   (64u * 1024u * 1024u)
#define WS_MESSAGE_SIZE_MAX (64 * 1024)

struct ws_server;
struct ws_peer;

struct ws_calls {
	void (*awake)(void *arg); /* first thing after any wait */
	void (*opened)(void *arg, struct ws_peer *peer);
	void (*text)(void *arg, struct ws_peer *peer, const char *text, size_t text_len); /* NUL-terminated */
	void (*closed)(void *arg, struct ws_peer *peer);
	void (*epoll_ready)(void *arg); /* the caller's epoll descriptor has events */
	void *arg;
};

enum reason ws_open(struct clock *clk, uint16_t port, int epoll_fd, const struct ws_calls *calls,
		    struct ws_server **out);
void ws_close(struct ws_server *srv);
uint16_t ws_port(const struct ws_server *srv);
void ws_service(struct ws_server *srv, bool wait); /* wait = until something happens or ws_wake() */
void ws_wake(void *srv); /* from any thread */

void ws_user_set(struct ws_peer *peer, void *user);
void *ws_user(const struct ws_peer *peer);
void ws_send(struct ws_peer *peer, const char *text, size_t text_len);
/* The same over a bad line: once it is this frame's turn its bytes obey `tox`, what is behind it waits. */
void ws_send_badly(struct ws_peer *peer, const char *text, size_t text_len, const struct toxics *tox);
bool ws_said_goodbye(const struct ws_peer *peer); /* it closed with a close frame */
void ws_drop(struct ws_peer *peer); /* orderly close */
void ws_drop_hard(struct ws_peer *peer); /* RST, no close frame */
uint64_t ws_bytes_received(const struct ws_peer *peer); /* of the TCP connection, control frames too */

#endif
