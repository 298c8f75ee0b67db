/*
 * kis - talking to the broker over HTTPS: reads that may be repeated, orders that cannot.
 *
 * Shape   one struct kis per thread and account. Two kinds of call in two types: kis_get() returns a struct kis_answer and
 *         may retry inside `until`; kis_post_once() takes a struct kis_order_ticket, which can be spent once, and never
 *         retries, not even inside libcurl (CURLOPT_PREREQFUNCTION refuses a second issue of the same ticket).
 * Units   won, shares; times KST wall of the caller's clock. Time-outs real monotonic (conf [broker]).
 * Owner   kis_open/kis_close; answers by kis_answer_clear; lists' arrays are the caller's (count, room).
 * Errors  every listing says COMPLETE, PARTIAL or FAILED in its state; only COMPLETE proves zero. Message codes come
 *         first, HTTP status second. reason_detail() carries code and text of the broker, never secrets.
 * Rules   host, transaction prefix and environment are compared before a connection is made; with the rehearsal overlay
 *         only 127.0.0.1 is allowed, without it only the contract's hosts. No redirects, no proxy, one CA file.
 */
#ifndef GJ_KIS_KIS_H
#define GJ_KIS_KIS_H

#include <cjson/cJSON.h>

#include "shared/kis/pace.h"
#include "shared/base/digest.h"
#include "shared/trade/guardrail.h"
#include "shared/trade/reconcile.h"

#define KIS_TOKEN_SIZE    400
#define KIS_APPROVAL_SIZE 300

struct kis_keys { /* locked memory of the caller; wiped by the caller */
	char appkey[64];
	char appsecret[256];
	char cano[9], product[3]; /* 8 + 2 digits */
	char hts_id[24];
};
struct kis_login {
	char token[KIS_TOKEN_SIZE];
	struct wall token_expires; /* 0 = none */
};
/* SHA-256-like short name of an app key for files and rows: 16 hex digits of BLAKE2b(env, appkey). */
void kis_fingerprint(enum kis_env env, const char *appkey, char out[static 17]);

struct kis;
struct kis_setup {
	const struct conf *cfg;
	enum kis_env env;
	const struct kis_keys *keys;
	const struct kis_login *login; /* read at each call; may be filled later; NULL for auth */
	struct clock *clock;
	struct clock_seat *seat;
	/* every exchange is told here (NULL = nobody): name, msg_cd, http status, took_us. For evidence rows. */
	void (*told)(void *arg, const char *call, const char *msg_cd, long http, int64_t took_us);
	void *told_arg;
};
enum reason kis_open(const struct kis_setup *setup, struct kis **out);
void kis_close(struct kis *kis);
enum reason kis_warm(struct kis *kis); /* connect and handshake without a business call */
/* Broker's Date header against our clock at the last exchange: theirs - ours; false before the first. */
bool kis_skew_us(const struct kis *kis, int64_t *out_us);

/* ---- login ---- */
enum reason kis_token(struct kis *kis, struct wall until, struct kis_login *out); /* one attempt */
enum reason kis_approval(struct kis *kis, struct wall until, char out[static KIS_APPROVAL_SIZE]);

/* ---- listings; two complete passes are the caller's business (orders_agree, balances_agree) ---- */
enum reason kis_daily_orders(struct kis *kis, struct kst_day from, struct kst_day to, struct wall until,
			     struct broker_order_list *out);
enum reason kis_open_orders(struct kis *kis, struct wall until,
			    struct broker_order_list *out); /* paper: from the daily list */
enum reason kis_balance(struct kis *kis, struct wall until, struct broker_balance *out);
enum reason kis_reservations(struct kis *kis, struct kst_day from, struct kst_day to, struct wall until,
			     struct broker_reservation_list *out);
struct kis_buyable {
	int64_t cash_won; /* ord_psbl_cash */
	int64_t buy_won, buy_qty; /* nrcvb_buy_amt, nrcvb_buy_qty: without credit */
	int64_t calc_price_won;
};
/* symbol NULL: amounts only. price 0: as a market order. */
enum reason kis_buyable(struct kis *kis, const char *symbol, int64_t price_won, struct wall until,
			struct kis_buyable *out);

/* ---- quotations ---- */
struct kis_price {
	char symbol[SYMBOL_SIZE];
	int64_t last_won, base_won, high_limit_won, low_limit_won, open_won, volume_qty;
	int64_t previous_close_won;
	bool halted, vi;
	bool known; /* false: the broker has no such symbol */
};
enum reason kis_price(struct kis *kis, const char *symbol, struct wall until, struct kis_price *out);
/* Any number of symbols, 30 a call; on paper one by one. rows[i] belongs to symbols[i]. */
enum reason kis_prices(struct kis *kis, const char (*symbols)[SYMBOL_SIZE], int symbol_count,
		       struct wall until, struct kis_price *rows);
/* Newest first, adjusted, up to room bars ending at `to` inclusive; several calls of 100. */
enum reason kis_day_bars(struct kis *kis, const char *symbol, struct kst_day to, struct wall until,
			 struct day_bar *rows, int room, int *out_count);
enum reason kis_index_move(struct kis *kis, struct wall until, int64_t *out_move_bp); /* KOSPI; real only */
struct kis_holiday {
	struct kst_day day;
	bool open;
};
enum reason kis_holidays(struct kis *kis, struct kst_day from, struct wall until, struct kis_holiday *rows,
			 int room, int *out_count); /* real only */

/* ---- orders: order.c, linked into the worker only ---- */
struct kis_order_ticket { /* spent by the first kis_post_once, whatever happens */
	int64_t intent_id;
	enum intent_kind kind;
	enum order_side side;
	enum order_type type;
	char symbol[SYMBOL_SIZE];
	int64_t qty, price_won;
	char excg[EXCG_SIZE];
	char orig_odno[ODNO_SIZE], branch[BRANCH_SIZE]; /* cancel */
	struct mono marked; /* clock_real_mono() when the send mark was committed */
	bool spent;
};
enum kis_order_fate { FATE_ACCEPTED, FATE_REFUSED, FATE_DOUBT, FATE_NOT_SENT };
struct kis_order_result {
	enum kis_order_fate fate;
	char odno[ODNO_SIZE], branch[BRANCH_SIZE], time_text[8];
	char msg_cd[16];
	char msg[200];
	char excerpt[512]; /* of the raw answer, for the evidence row */
	long http_status;
	int64_t wire_us; /* POST begun to answer, real time */
};
/* Takes the order lane's turn for the next kis_post_once. Call it before the send mark is committed, so that the wait for
 * the turn (1.1 s on paper) does not age the mark; without it kis_post_once waits for the turn itself. */
enum reason kis_order_turn(struct kis *kis, struct wall until);
/* Never retries. FATE_NOT_SENT only when not one byte left (mark too old, no connection, deadline). */
enum reason kis_post_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			  struct kis_order_result *out);

/* The same for a cancel alone (ticket kind INTENT_CANCEL, anything else is refused unsent): cancel.c, which observer links. */
enum reason kis_cancel_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			    struct kis_order_result *out);

#endif
