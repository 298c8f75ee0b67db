/*
 * feed - the socket thread: one WebSocket to the broker, registrations, frames into events. Nothing here decides.
 *
 * Order of a connection: fresh approval key over HTTPS, connect, the fill notice first, then trades (and book) of each
 * symbol, one request per writeable callback, an acknowledgement demanded for each. PINGPONG is echoed as it came; we send
 * no pings of our own. No frame at all for silence_s closes and connects again, with growing waits and a daily budget.
 *
 * libwebsockets waits inside lws_service(); the seat is idle meanwhile. The connect and every request that waits for its
 * acknowledgement hold the clock, for at most HOLD_REAL_US of real time: a broker that never answers must not stop it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/base/bug.h"
#include "shared/base/log.h"
#include "shared/base/won.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

#define GARBAGE_TOLD_MAX 3 /* alerts; a flood of it is told by the count in the log */
#define HOLD_REAL_US     (2 * LWS_US_PER_SEC)
#define APPROVAL_US      (15 * US_PER_S)
#define ACK_US           (10 * US_PER_S)
#define CALM_US          (300 * US_PER_S) /* a connection that lived so long starts the waits anew */
#define SLOT_WAIT_S      60
#define SLOT_PATIENCE    3 /* refusals in a row that may be our own slot of a moment ago */
#define WRITE_ROOM       2048
#define GOODBYE_MS       300
#define ECHO_MAX         1024

enum ack_state { ACK_NONE, ACK_ASKED, ACK_YES, ACK_NO };
struct registration {
	enum stream_channel channel;
	char key[24];
	enum ack_state state;
	struct wall asked;
};
struct feed {
	struct worker *w;
	struct clock_seat *seat;
	struct kis *kis;
	struct kis_login login;
	int login_version;
	struct lws_context *context;
	struct lws *wsi; /* NULL = no connection or attempt */
	struct clock_wire *wire;
	bool up, connecting, closing;
	bool goodbye; /* the worker ends: a close frame, so that the broker frees the slot at once */
	lws_sorted_usec_list_t hold_timer;
	bool hold_timer_on;
	int holds; /* taken by us, see above */
	char address[128];
	int port;
	char approval[KIS_APPROVAL_SIZE];
	struct registration regs[2 * UNIVERSE_MAX + 1];
	int reg_count, reg_next;
	struct notice_key key;
	char echo[ECHO_MAX];
	size_t echo_len;
	uint8_t *bytes; /* one message in the making */
	size_t bytes_len;
	bool too_long;
	struct trade_tick *trades;
	struct book_view *books;
	struct notice *notices;
	struct wall connect_at, connected_at, heard_at;
	int64_t wait_s;
	int slot_refusals; /* in a row */
	int reconnects;
	bool budget_told, extra_told;
	int garbage;
};

/* ---- to the engine ---- */
static void tell_feed(struct feed *f, enum engine_feed what, const char *symbol)
{
	struct engine_event event = { .kind = EVENT_FEED, .at = clock_wall(f->w->clock) };

	event.u.feed.what = what;
	(void)snprintf(event.u.feed.symbol, sizeof(event.u.feed.symbol), "%.11s",
		       symbol != NULL ? symbol : "");
	worker_tell(f->w, &event);
}

static void raise_alert(struct feed *f, enum finding_level level, const char *code, const char *text)
{
	struct store_job job = { .at = clock_wall(f->w->clock) };

	job.action.kind = ACTION_ALERT;
	job.action.u.alert.level = level;
	(void)snprintf(job.action.u.alert.code, sizeof(job.action.u.alert.code), "%s", code);
	(void)snprintf(job.action.u.alert.text, sizeof(job.action.u.alert.text), "%.199s", text);
	(void)queue_push(&f->w->rows, &job);
	log_event(LOG_WARN, "feed-alert", "code=%s", code);
}

/* ---- holds ---- */
static void release_holds(struct feed *f)
{
	while (f->holds > 0) {
		f->holds--;
		clock_unhold(f->w->clock);
	}
	if (f->hold_timer_on)
		lws_sul_cancel(&f->hold_timer);
	f->hold_timer_on = false;
}

static void hold_expired(lws_sorted_usec_list_t *sul)
{
	struct feed *f = lws_container_of(sul, struct feed, hold_timer);

	f->hold_timer_on = false;
	release_holds(f);
}

static void take_hold(struct feed *f)
{
	clock_hold(f->w->clock);
	f->holds++;
	lws_sul_schedule(f->context, 0, &f->hold_timer, hold_expired, HOLD_REAL_US);
	f->hold_timer_on = true;
}

static void give_hold(struct feed *f)
{
	if (f->holds == 0)
		return;
	f->holds--;
	clock_unhold(f->w->clock);
	if (f->holds == 0)
		release_holds(f);
}

/* ---- messages in ---- */
static void take_trades(struct feed *f, const struct frame *frame)
{
	struct engine_event event = { .kind = EVENT_TICK, .at = clock_wall(f->w->clock) };
	int count = 0;

	if (frame_trades(frame, f->trades, FRAME_RECORDS_MAX, &count) != REASON_OK) {
		tell_feed(f, FEED_SHAPE, NULL);
		raise_alert(f, FINDING_WARN, "format-changed", reason_detail());
		return;
	}
	for (int i = 0; i < count; i++) {
		event.u.tick = f->trades[i];
		worker_tell(f->w, &event);
	}
}

static void take_books(struct feed *f, const struct frame *frame)
{
	struct engine_event event = { .kind = EVENT_BOOK, .at = clock_wall(f->w->clock) };
	int count = 0;

	if (frame_books(frame, f->books, FRAME_RECORDS_MAX, &count) != REASON_OK) {
		tell_feed(f, FEED_SHAPE, NULL);
		raise_alert(f, FINDING_WARN, "format-changed", reason_detail());
		return;
	}
	for (int i = 0; i < count; i++) {
		memcpy(event.u.book.symbol, f->books[i].symbol, sizeof(event.u.book.symbol));
		event.u.book.ask_won = f->books[i].ask_won[0];
		event.u.book.bid_won = f->books[i].bid_won[0];
		event.u.book.ask_qty = f->books[i].ask_qty[0];
		event.u.book.bid_qty = f->books[i].bid_qty[0];
		worker_tell(f->w, &event);
	}
}

static void take_notices(struct feed *f, const struct frame *frame)
{
	struct engine_event event = { .kind = EVENT_NOTICE, .at = clock_wall(f->w->clock) };
	int count = 0;

	if (notice_read(frame, &f->key, f->notices, FRAME_RECORDS_MAX, &count) != REASON_OK) {
		/* A hint less; the listings are the truth. A plain one may be forged: the socket has no TLS. */
		raise_alert(f, FINDING_WARN, "notice-dropped", reason_detail());
		return;
	}
	for (int i = 0; i < count; i++) {
		if (strcmp(f->notices[i].account, f->w->account_number) != 0)
			continue;
		event.u.notice = f->notices[i];
		worker_tell(f->w, &event);
	}
}

static struct registration *find_registration(struct feed *f, const struct stream_message *message)
{
	for (int i = 0; i < f->reg_count; i++) {
		if (message->channel_known && f->regs[i].channel == message->channel &&
		    strcmp(f->regs[i].key, message->key) == 0)
			return &f->regs[i];
	}
	/* Some refusals name nothing; requests are answered in order, so it is the oldest unanswered one. */
	for (int i = 0; i < f->reg_next; i++) {
		if (f->regs[i].state == ACK_ASKED)
			return &f->regs[i];
	}
	return NULL;
}

static void take_refusal(struct feed *f, struct registration *reg, const struct stream_message *message)
{
	char text[200];

	reg->state = ACK_NO;
	(void)snprintf(text, sizeof(text), "the broker refuses a registration (%s) of channel %d",
		       message->msg_cd, (int)reg->channel);
	if (message->slot_taken) {
		/* The broker keeps a slot for a while after its session's end: a worker that was started anew meets its own.
		 * Only when that goes on is it somebody else, which a person must look at. */
		if (++f->slot_refusals <= SLOT_PATIENCE) {
			raise_alert(
				f, FINDING_WARN, "feed-slot-taken",
				"the broker still counts a session of this app key; tried again in seconds");
		} else {
			raise_alert(
				f, FINDING_CRIT, "feed-slot-taken",
				"another session uses the app key; nothing is sent until the slot is free");
			f->wait_s = SLOT_WAIT_S;
		}
		f->closing = true;
	} else if (message->bad_approval || reg->channel == STREAM_NOTICES) {
		raise_alert(f, FINDING_WARN, "feed-refused", text);
		f->closing = true; /* without the notice channel there is no feed */
	} else {
		raise_alert(f, FINDING_WARN, "feed-refused", text);
		if (reg->channel == STREAM_TRADES)
			tell_feed(f, FEED_SYMBOL_MISSING, reg->key);
	}
}

static void take_ack(struct feed *f, const struct stream_message *message)
{
	struct registration *reg = find_registration(f, message);

	give_hold(f);
	if (reg == NULL || reg->state == ACK_YES)
		return;
	if (!message->accepted) {
		take_refusal(f, reg, message);
		return;
	}
	reg->state = ACK_YES;
	if (reg->channel == STREAM_NOTICES) {
		if (message->notice_key.known)
			f->key = message->notice_key;
		f->up = true;
		f->slot_refusals = 0;
		tell_feed(f, FEED_UP, NULL);
	} else if (reg->channel == STREAM_TRADES) {
		tell_feed(f, FEED_SYMBOL_UP, reg->key);
	}
}

static void take_data(struct feed *f)
{
	struct frame frame;
	enum reason why = frame_split((const char *)f->bytes, f->bytes_len, &frame);

	if (why != REASON_OK) {
		if (why == REASON_FRAME_SHAPE)
			tell_feed(f, FEED_SHAPE, NULL);
		if (f->garbage++ < GARBAGE_TOLD_MAX)
			raise_alert(f, FINDING_WARN, reason_code(why), reason_detail());
		log_event(LOG_WARN, "garbage", "count=%d", f->garbage);
		return;
	}
	if (frame.extra > 0 && !f->extra_told) {
		f->extra_told = true;
		raise_alert(f, FINDING_WARN, "format-changed",
			    "frames carry more trailing fields than known; they are ignored");
	}
	switch (frame.channel) {
	case CHANNEL_TRADE: take_trades(f, &frame); break;
	case CHANNEL_BOOK: take_books(f, &frame); break;
	case CHANNEL_NOTICE: take_notices(f, &frame); break;
	case CHANNEL_OTHER: break;
	}
}

static void take_message(struct feed *f)
{
	struct stream_message message;
	enum reason why;

	f->heard_at = clock_wall(f->w->clock);
	why = stream_read((const char *)f->bytes, f->bytes_len, &message);
	if (why != REASON_OK) {
		if (f->garbage++ < GARBAGE_TOLD_MAX)
			raise_alert(f, FINDING_WARN, reason_code(why), reason_detail());
		log_event(LOG_WARN, "garbage", "count=%d", f->garbage);
		return;
	}
	switch (message.kind) {
	case STREAM_DATA: take_data(f); break;
	case STREAM_ACK: take_ack(f, &message); break;
	case STREAM_PINGPONG:
		if (f->bytes_len < sizeof(f->echo)) {
			memcpy(f->echo, f->bytes, f->bytes_len);
			f->echo_len = f->bytes_len;
			(void)lws_callback_on_writable(f->wsi);
		}
		break;
	}
}

/* Frames over the receive buffer arrive in pieces. */
static void receive(struct feed *f, struct lws *wsi, const void *in, size_t len)
{
	lws_validity_confirmed(wsi);
	if (lws_is_first_fragment(wsi)) {
		f->bytes_len = 0;
		f->too_long = false;
	}
	if (len > FRAME_SIZE_MAX - f->bytes_len) {
		f->too_long = true;
	} else {
		memcpy(f->bytes + f->bytes_len, in, len);
		f->bytes_len += len;
	}
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) != 0)
		return;
	if (f->too_long)
		raise_alert(f, FINDING_WARN, "format-changed",
			    "a message longer than the room for one was dropped");
	else
		take_message(f);
	f->bytes_len = 0;
	if (f->wire != NULL)
		clock_wire_done(f->wire, 1);
}

/* ---- messages out ---- */
static bool write_text(struct lws *wsi, const char *text, size_t len)
{
	uint8_t room[LWS_PRE + WRITE_ROOM];

	BUG_IF(len > WRITE_ROOM, "a request is short");
	memcpy(room + LWS_PRE, text, len);
	return lws_write(wsi, room + LWS_PRE, len, LWS_WRITE_TEXT) == (int)len;
}

/* One message per call; false closes the connection. */
static bool write_next(struct feed *f, struct lws *wsi)
{
	char request[STREAM_REQUEST_SIZE];
	size_t len;

	if (f->echo_len > 0) {
		len = f->echo_len;
		f->echo_len = 0;
		if (!write_text(wsi, f->echo, len))
			return false;
	} else if (f->reg_next < f->reg_count) {
		struct registration *reg = &f->regs[f->reg_next++];

		if (stream_request(f->w->env, reg->channel, reg->key, true, f->approval, request, &len) !=
		    REASON_OK)
			return false;
		reg->state = ACK_ASKED;
		reg->asked = clock_wall(f->w->clock);
		take_hold(f);
		if (!write_text(wsi, request, len))
			return false;
	}
	if (f->echo_len > 0 || f->reg_next < f->reg_count)
		(void)lws_callback_on_writable(wsi);
	return true;
}

/* ---- the connection ---- */
static uint16_t local_port(struct lws *wsi)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .v6 = { 0 } };
	socklen_t address_size = sizeof(address);

	if (getsockname(lws_get_socket_fd(wsi), &address.any, &address_size) != 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static void connected(struct feed *f, struct lws *wsi)
{
	f->connecting = false;
	f->connected_at = f->heard_at = clock_wall(f->w->clock);
	if (clock_is_virtual(f->w->clock) &&
	    clock_wire_open(f->w->clock, local_port(wsi), &f->wire) != REASON_OK)
		log_event(LOG_WARN, "wire", "reason=%s", reason_code(REASON_CLOCK_FILE));
	f->key = (struct notice_key){ 0 };
	(void)lws_callback_on_writable(wsi);
	give_hold(f); /* of the connect; the first request takes its own */
}

static void disconnected(struct feed *f)
{
	struct wall now = clock_wall(f->w->clock);
	bool calm = f->up && wall_diff_us(now, f->connected_at) > CALM_US;

	if (f->wire != NULL)
		clock_wire_close(f->wire);
	f->wire = NULL;
	f->wsi = NULL;
	if (f->up)
		tell_feed(f, FEED_DOWN, NULL);
	f->up = f->connecting = f->closing = false;
	f->echo_len = f->bytes_len = 0;
	/* What was asked for and not answered is asked anew; left standing, its deadline would keep the next attempt from service. */
	for (int i = 0; i < f->reg_count; i++)
		f->regs[i].state = ACK_NONE;
	f->reg_next = 0;
	release_holds(f);
	if (calm)
		f->wait_s = conf_number(&f->w->cfg, CONF_RECONNECT_S);
	f->connect_at = wall_add_us(now, f->wait_s * US_PER_S);
	log_event(LOG_WARN, "feed-down", "wait_s=%lld reconnects=%d", (long long)f->wait_s, f->reconnects);
	/* A close by a timer of libwebsockets does not end lws_service(), and what it waits for is another time now. */
	lws_cancel_service(f->context);
	f->wait_s *= 2;
	if (f->wait_s > conf_number(&f->w->cfg, CONF_RECONNECT_MAX_S))
		f->wait_s = conf_number(&f->w->cfg, CONF_RECONNECT_MAX_S);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct feed *f = lws_context_user(lws_get_context(wsi));

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED: connected(f, wsi); break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		receive(f, wsi, in, len);
		if (f->closing)
			return -1;
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		if (f->goodbye)
			lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		if (f->goodbye || f->closing || !write_next(f, wsi))
			return -1;
		break;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (wsi == f->wsi || f->connecting)
			disconnected(f);
		break;
	default: break;
	}
	return 0;
}

static bool connect_now(struct feed *f)
{
	struct lws_client_connect_info info = { 0 };
	struct wall until = wall_add_us(clock_wall(f->w->clock), APPROVAL_US);

	(void)worker_login(f->w, &f->login, &f->login_version);
	/* A fresh approval key before each attempt: an old one may look registered and stay silent. */
	if (kis_approval(f->kis, until, f->approval) != REASON_OK) {
		log_event(LOG_WARN, "approval", "reason=%s", reason_code(REASON_BROKER_LOGIN));
		return false;
	}
	info.context = f->context;
	info.address = f->address;
	info.port = f->port;
	info.path = "/tryitout";
	info.host = f->address;
	info.origin = f->address;
	info.ietf_version_or_minus_one = -1;
	info.local_protocol_name = "feed";
	info.pwsi = &f->wsi;
	f->connecting = true;
	take_hold(f);
	return lws_client_connect_via_info(&info) != NULL;
}

/* ---- timers ---- */
static void begin_connect(struct feed *f)
{
	if (f->reconnects > conf_number(&f->w->cfg, CONF_RECONNECTS_DAY)) {
		if (!f->budget_told) {
			tell_feed(f, FEED_BUDGET, NULL);
			raise_alert(f, FINDING_CRIT, "feed-budget",
				    "too many reconnects today; nothing is sent until a person restarts the "
				    "worker");
		}
		f->budget_told = true;
		f->connect_at = CLOCK_NEVER;
		return;
	}
	f->reconnects++;
	if (!connect_now(f) && !(f->wsi != NULL && f->connecting)) {
		if (f->connect_at.us <=
		    clock_wall(f->w->clock).us) /* not already set by the error callback */
			disconnected(f);
	}
}

static void check_timers(struct feed *f)
{
	struct wall now = clock_wall(f->w->clock);

	if (f->wsi == NULL && !f->connecting && now.us >= f->connect_at.us) {
		begin_connect(f);
		return;
	}
	if (f->wsi == NULL || f->connecting || f->closing)
		return;
	if (wall_diff_us(now, f->heard_at) >= conf_number(&f->w->cfg, CONF_SILENCE_S) * US_PER_S) {
		tell_feed(f, FEED_SILENT, NULL);
		raise_alert(f, FINDING_WARN, "feed-silent", "no frame of any kind; connecting again");
		f->closing = true;
	}
	for (int i = 0; i < f->reg_next; i++) {
		struct registration *reg = &f->regs[i];

		if (reg->state != ACK_ASKED || wall_diff_us(now, reg->asked) < ACK_US)
			continue;
		reg->state = ACK_NO;
		if (reg->channel == STREAM_NOTICES)
			f->closing = true;
		else if (reg->channel == STREAM_TRADES)
			tell_feed(f, FEED_SYMBOL_MISSING, reg->key);
	}
	if (f->closing) {
		take_hold(f); /* of the close, given back when it is down */
		lws_set_timeout(f->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
	}
}

static struct wall next_deadline(const struct feed *f)
{
	struct wall next = CLOCK_NEVER;

	if (f->wsi == NULL && !f->connecting)
		return f->connect_at;
	if (f->closing)
		return CLOCK_NEVER; /* its end comes from libwebsockets; a deadline of the past would spin */
	if (f->wsi != NULL && !f->connecting)
		next = wall_add_us(f->heard_at, conf_number(&f->w->cfg, CONF_SILENCE_S) * US_PER_S);
	for (int i = 0; i < f->reg_next; i++) {
		struct wall asked = wall_add_us(f->regs[i].asked, ACK_US);

		if (f->regs[i].state == ACK_ASKED && asked.us < next.us)
			next = asked;
	}
	return next;
}

/* ---- opening ---- */
static void add_registration(struct feed *f, enum stream_channel channel, const char *key)
{
	struct registration *reg = &f->regs[f->reg_count++];

	*reg = (struct registration){ .channel = channel };
	(void)snprintf(reg->key, sizeof(reg->key), "%s", key);
}

static void plan_registrations(struct feed *f)
{
	const struct engine_inputs *in = f->w->inputs;
	bool book = conf_number(&f->w->cfg, CONF_USE_BOOK) != 0;
	int room = REGISTRATIONS_MAX - 1;

	add_registration(f, STREAM_NOTICES, f->w->keys->hts_id);
	for (int i = 0; i < in->symbol_count && room > (book ? 1 : 0); i++) {
		if (!in->symbols[i].member)
			continue;
		add_registration(f, STREAM_TRADES, in->symbols[i].symbol);
		room--;
		if (book) {
			add_registration(f, STREAM_BOOK, in->symbols[i].symbol);
			room--;
		}
	}
}

static enum reason parse_address(struct feed *f)
{
	const char *url = conf_number(&f->w->cfg, CONF_REHEARSAL) != 0
				  ? conf_text(&f->w->cfg, CONF_REHEARSAL_WS)
				  : kis_hosts[f->w->env].ws;
	const char *host = strncmp(url, "ws://", 5) == 0 ? url + 5 : NULL;
	const char *colon = host != NULL ? strchr(host, ':') : NULL;
	int64_t port = 0;

	if (colon == NULL || (size_t)(colon - host) >= sizeof(f->address) ||
	    !num_parse(colon + 1, strlen(colon + 1), &port) || port < 1 || port > 65535)
		return reason_set(REASON_CONF_RANGE, "[rehearsal] ws = %s is not ws://HOST:PORT", url);
	memcpy(f->address, host, (size_t)(colon - host));
	f->port = (int)port;
	if (conf_number(&f->w->cfg, CONF_REHEARSAL) != 0 && strcmp(f->address, "127.0.0.1") != 0)
		return reason_set(REASON_BROKER_ENV, "a rehearsal talks to 127.0.0.1 only, not to %s",
				  f->address);
	return REASON_OK;
}

static void wake(void *context)
{
	lws_cancel_service(context);
}

void feed_wake(struct worker *w)
{
	/* Under the lock the feed thread cannot destroy the context between the look and the call. */
	(void)pthread_mutex_lock(&w->feed_lock);
	if (w->feed_context != NULL)
		lws_cancel_service(w->feed_context);
	(void)pthread_mutex_unlock(&w->feed_lock);
}

static void publish_context(struct feed *f, void *context)
{
	(void)pthread_mutex_lock(&f->w->feed_lock);
	f->w->feed_context = context;
	(void)pthread_mutex_unlock(&f->w->feed_lock);
}

static enum reason feed_open(struct feed *f)
{
	static const struct lws_protocols protocols[] = { { "feed", callback, 0, 65536, 0, NULL, 0 },
							  { NULL, NULL, 0, 0, 0, NULL, 0 } };
	/* No pings of ours, no hang-up by theirs: the application's PINGPONG and our silence timer do that. */
	static const lws_retry_bo_t policy = { .secs_since_valid_ping = 65000,
					       .secs_since_valid_hangup = 65500 };
	struct lws_context_creation_info info = { 0 };
	enum reason why = worker_thread_enter(f->w, "feed", &f->seat);

	f->bytes = malloc(FRAME_SIZE_MAX);
	f->trades = calloc(FRAME_RECORDS_MAX, sizeof(*f->trades));
	f->books = calloc(FRAME_RECORDS_MAX, sizeof(*f->books));
	f->notices = calloc(FRAME_RECORDS_MAX, sizeof(*f->notices));
	if (why == REASON_OK &&
	    (f->bytes == NULL || f->trades == NULL || f->books == NULL || f->notices == NULL))
		why = reason_set(REASON_NO_MEMORY, "no memory for frames");
	if (why == REASON_OK)
		why = parse_address(f);
	if (why == REASON_OK) {
		(void)worker_login(f->w, &f->login, &f->login_version);
		why = worker_kis(f->w, f->seat, &f->login, &f->kis);
	}
	if (why != REASON_OK)
		return why;
	plan_registrations(f);
	f->wait_s = conf_number(&f->w->cfg, CONF_RECONNECT_S);
	f->connect_at = clock_wall(f->w->clock);
	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.user = f;
	info.pt_serv_buf_size = 65536;
	info.retry_and_idle_policy = &policy;
	f->context = lws_create_context(&info);
	if (f->context == NULL)
		return reason_set(REASON_NO_MEMORY, "libwebsockets does not start");
	publish_context(f, f->context);
	return REASON_OK;
}

/* In real time libwebsockets must be made to return at the deadline; its own timer does that. */
static void deadline_passed(lws_sorted_usec_list_t *sul)
{
	(void)sul;
}

/* The broker may keep the slot of a session that broke off. Bounded in real time: whoever ends does not wait for a silent peer. */
static void say_goodbye(struct feed *f)
{
	struct mono until = clock_real_mono();

	until.ns += GOODBYE_MS * INT64_C(1000000);
	if (f->wsi == NULL || !f->up)
		return;
	f->goodbye = true;
	(void)lws_callback_on_writable(f->wsi);
	while (f->wsi != NULL && clock_real_mono().ns < until.ns) {
		lws_sorted_usec_list_t timer = { 0 };

		lws_sul_schedule(f->context, 0, &timer, deadline_passed, GOODBYE_MS * LWS_US_PER_SEC / 1000);
		(void)lws_service(f->context, 0);
		lws_sul_cancel(&timer);
	}
}

static void wait_inside(struct feed *f)
{
	struct wall until = next_deadline(f);
	lws_sorted_usec_list_t timer = { 0 };
	int64_t left_us = wall_diff_us(until, clock_wall(f->w->clock));

	if (left_us <= 0)
		return;
	if (!clock_is_virtual(f->w->clock) && until.us != INT64_MAX)
		lws_sul_schedule(f->context, 0, &timer, deadline_passed, left_us);
	clock_idle_begin(f->seat, until, wake, f->context);
	(void)lws_service(f->context, 0);
	clock_idle_end(f->seat);
	lws_sul_cancel(&timer);
}

void *feed_thread(void *worker)
{
	struct worker *w = worker;
	struct feed *f = calloc(1, sizeof(*f));
	enum reason why;

	BUG_IF(f == NULL, "memory at the start");
	f->w = w;
	f->login_version = -1;
	why = feed_open(f);
	if (why != REASON_OK) {
		fprintf(stderr, "%s: feed thread: %s\n", w->program, reason_detail());
		if (f->seat != NULL)
			tell_feed(f, FEED_BUDGET, NULL);
	}
	while (why == REASON_OK && !atomic_load(&w->stopping)) {
		check_timers(f);
		wait_inside(f);
	}
	if (f->context != NULL)
		say_goodbye(f);
	publish_context(f, NULL);
	f->connect_at = CLOCK_NEVER;
	if (f->context != NULL)
		lws_context_destroy(f->context);
	release_holds(f);
	if (f->wire != NULL)
		clock_wire_close(f->wire);
	kis_close(f->kis);
	free(f->bytes);
	free(f->trades);
	free(f->books);
	free(f->notices);
	worker_thread_leave(w, f->seat);
	sodium_memzero(f, sizeof(*f));
	free(f);
	return NULL;
}
