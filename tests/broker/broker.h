/*
 * broker - what the simulator's parts share: one struct, one thread, one loop (main.c).
 *
 * Shape   gateway.c: logins, tokens, approval keys, pacing. rest.c: routes and the frame of an answer;
 *         rest_oauth.c rest_trade.c rest_quote.c: the answers. feed.c: WebSocket sessions, frames, notices.
 *         control.c: the control socket. trace.c: what reached each endpoint.
 * Owner   main.c fills and empties it.
 * Errors  see the functions.
 */
#ifndef GJ_BROKER_BROKER_H
#define GJ_BROKER_BROKER_H

#include <cjson/cJSON.h>

#include "shared/base/calendar.h"
#include "shared/base/clock.h"
#include "shared/base/kst.h"
#include "shared/base/reason.h"
#include "tests/broker/buf.h"
#include "tests/broker/exchange.h"
#include "tests/broker/faults.h"
#include "tests/broker/http.h"
#include "tests/broker/settings.h"
#include "tests/broker/ws.h"

#define APPKEY_LEN        36
#define APPSECRET_LEN     180
#define LOGINS_MAX        EXCH_ACCOUNTS_MAX
#define TOKENS_MAX        256
#define APPROVALS_MAX     1024
#define CALLS_KEPT        4096 /* instants of recent calls kept for pacing, per login and kind */
#define RIGHTS_MAX        256
#define CALENDAR_EDITS    512
#define TRACE_ENTRIES_MAX 200000
#define FUTURE            ((struct wall){ INT64_MAX })

/* One app key with its account. `foreign` = a key of the other environment. */
struct login {
	char appkey[APPKEY_LEN + 1], appsecret[APPSECRET_LEN + 1];
	char htsid[32], name[64];
	size_t account; /* index in the exchange */
	bool foreign;
	struct wall token_called_at; /* last answered token call */
	struct wall calls[2][CALLS_KEPT]; /* ring of recent calls: all, ledger */
	size_t call_next[2];
	uint16_t slot_peer; /* WebSocket sessions alive */
	struct wall slot_free_at; /* held after a drop */
	int64_t token_issues, token_returns, token_refusals;
};
struct token {
	char text[352];
	size_t login;
	struct wall issued_at, expires_at;
	bool revoked;
};
struct approval {
	char text[40];
	size_t login;
	struct wall expires_at;
};

struct right_row { /* corporate rights, set by control */
	size_t account;
	char code[EXCH_CODE_SIZE];
	char type[4]; /* two digits */
	struct kst_day day;
	int64_t qty_before, qty_after;
};
struct calendar_edit {
	struct kst_day day;
	bool open;
};

struct feed;
struct control;
struct trace;

struct broker {
	struct settings set;
	bool paper;
	bool host_clients; /* whoever calls lives by the host's clock, not by ours */
	struct clock *clk;
	struct clock_seat *seat;
	bool idle; /* between clock_idle_begin and clock_idle_end */
	struct exchange *ex;
	struct calendar calendar;
	const char *data_folder; /* krx_YYYYMMDD.csv */
	struct calendar_edit calendar_edits[CALENDAR_EDITS];
	size_t calendar_edit_count;
	struct login *logins;
	size_t login_count;
	struct token tokens[TOKENS_MAX]; /* ring, newest overwrites oldest */
	size_t token_next;
	struct approval approvals[APPROVALS_MAX];
	size_t approval_next;
	struct right_row rights[RIGHTS_MAX];
	size_t right_count;
	struct faults faults;
	struct http_server *http;
	struct ws_server *ws;
	struct feed *feed;
	struct control *control;
	struct trace *trace;
	uint64_t random;
	bool stop;
};

struct wall
broker_now(const struct broker *b); /* the broker's clock: the program's, less a clock_skew fault */
/* Advances the exchange to now and sends what came of it. */
void broker_advance(struct broker *b);
uint64_t broker_random(struct broker *b);
/* Hands the settings that belong to the exchange on to it; at start and when one was changed. */
void broker_exchange_settings(struct broker *b);

/* ---- gateway.c ---- */
enum gate_code { GATE_GOOD, GATE_TOKEN_MISSING, GATE_TOKEN_BAD, GATE_TOKEN_EXPIRED };
void gateway_secret(size_t len, char *out); /* random letters and digits, NUL added */
struct login *gateway_login(struct broker *b, const char *appkey);
enum gate_code gateway_token_check(struct broker *b, const struct login *who, const char *authorization);
/* NULL = refused for now (one a minute). */
const struct token *gateway_token_issue(struct broker *b, struct login *who);
bool gateway_token_revoke(struct broker *b, const struct login *who, const char *text);
const struct approval *gateway_approval_issue(struct broker *b, struct login *who);
const struct approval *gateway_approval_of(struct broker *b, const char *text);
/* Counts one call. False = over the limit of its kind (0 all calls, 1 ledger calls). */
bool gateway_pace(struct broker *b, struct login *who, int kind);

/* ---- rest.c ---- */
void rest_handle(void *arg, const struct http_request *rq, struct http_reply *reply);
void rest_date(void *arg, char out[static 40]);
void rest_routes_help(FILE *out);

/* ---- feed.c ---- */
enum reason feed_open(struct broker *b, struct feed **out);
void feed_close(struct feed *feed);
void feed_opened(void *arg, struct ws_peer *peer);
void feed_text(void *arg, struct ws_peer *peer, const char *text, size_t text_len);
void feed_closed(void *arg, struct ws_peer *peer);
void feed_event(void *arg, const struct exch_event *event); /* the exchange's sink */
void feed_flush(struct feed *feed); /* frames of this instant, notices that are due */
/* Around an order: its notices come up to so long before or after its reply, drawn by the seed (settings). Ends
 * says how many real milliseconds the reply has to wait because its notices went out. */
void feed_order_begins(struct feed *feed);
int64_t feed_order_ends(struct feed *feed, bool notice_first);
void feed_tick(struct feed *feed, struct wall now); /* PINGPONG and its deadlines */
struct wall feed_next(const struct feed *feed);
void feed_drop_all(struct feed *feed);
/* A notice made by control: plain text of one record, to every session of the account's HTS id. */
void feed_notice_push(struct feed *feed, size_t account, const char *plain);
void feed_frame_push(struct feed *feed, const char *frame); /* raw text to every session */
void feed_report(const struct feed *feed, struct json_out *j);

/* ---- control.c ---- */
/* Merges one order row of a scenario into the truth. */
enum reason control_truth_order(struct broker *b, const cJSON *row);
enum reason control_open(struct broker *b, int epoll_fd, const char *path, struct control **out);
void control_close(struct control *ctl);
bool control_owns(const struct control *ctl, const void *epoll_data);
void control_event(struct control *ctl, void *epoll_data, uint32_t events);

/* ---- trace.c ---- */
enum reason trace_open(const char *path, struct trace **out); /* path NULL = memory only */
void trace_close(struct trace *tr);
/* One JSON object per request, without its newline. */
void trace_add(struct trace *tr, const char *endpoint, const char *line, size_t line_len);
void trace_dump(const struct trace *tr, struct json_out *j); /* "counts" and "requests" */
void trace_reset(struct trace *tr);

#endif
