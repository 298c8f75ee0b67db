/*
 * exchange - the core of the broker simulator: market, order book, accounts, ledger. No wire, no clock, no I/O
 * beyond the data files it is told to read.
 *
 * Shape   one struct exchange, one thread. Time enters through exch_advance() only and never goes back;
 *         everything else happens at exch_now(). Equal seed, equal calls, equal results.
 *         The caller (REST and WebSocket side) does: sleep until exch_next_event() or a request,
 *         exch_advance(now), then the request. What happened comes out through the sink, in order.
 * Units   *_won whole won; qty shares; *_ppm millionths; struct wall KST instants; *_s seconds of day.
 * Owner   exch_new / exch_free. Returned const pointers live until the next call that is not a plain read.
 *         Lists (exch_*_list) are malloc'ed arrays that the caller frees with free().
 * Errors  orders are answered with enum exch_refusal (the wire maps it to the broker's codes); loading with
 *         enum reason. Broken use (unknown account index) is a bug and aborts.
 * Source  the broker's documents (order types, fees, market rules, balance columns) and KRX's rules; written
 *         here a second time on purpose, so that a wrong reading in the product is not repeated here.
 *
 * What is made up and how: market_path.h, daybars.h. Own orders do not move the generated market: a day's
 * open, high, low, close and volume stay exactly those of the data. Resting fills are part of the prints they
 * are filled from; what an order takes from the book is not printed again.
 */
#ifndef GJ_BROKER_EXCHANGE_H
#define GJ_BROKER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/kst.h"
#include "shared/base/reason.h"

#define EXCH_CODE_SIZE    12 /* six characters, seven for ETN, nine for rights; plus NUL */
#define EXCH_NAME_SIZE    64
#define EXCH_ODNO_SIZE    12 /* ten digits plus NUL */
#define EXCH_BRANCH_SIZE  8
#define EXCH_EXCG_SIZE    4 /* KRX NXT SOR */
#define EXCH_DVSN_SIZE    4 /* two digits */
#define EXCH_BY_SIZE      8 /* API HAND BROKER */
#define EXCH_ACCOUNT_SIZE 16 /* "50123456-01" */
#define EXCH_LEVELS       10
#define EXCH_ACCOUNTS_MAX 16
#define EXCH_SYMBOLS_MAX  4096

#define EXCH_NEVER ((struct wall){ INT64_MAX })

struct exchange;

enum exch_side { EXCH_SELL = 1, EXCH_BUY = 2 }; /* the broker's 01 / 02 */
enum exch_market_kind {
	EXCH_MARKET_PATH, /* generated prints between the day's real figures */
	EXCH_MARKET_STILL, /* every watched symbol ticks once a second at its last price */
};
enum exch_fill_rule {
	EXCH_FILL_QUEUE, /* book levels, queue position, partial fills */
	EXCH_FILL_CROSS, /* complete and at once as soon as the limit is reached (how paper was measured) */
	EXCH_FILL_NEVER, /* accepted orders rest; only control moves them */
};
enum exch_after_fill { /* orders at the closing price and of the single price: 05 06 07 */
		       EXCH_AFTER_REST, /* nobody knows who stood against them: they rest until they end */
		       EXCH_AFTER_DRAWN, /* up to twice an ordinary print at each matching, drawn by the seed */
		       EXCH_AFTER_WHOLE,
};
enum exch_phase {
	EXCH_PHASE_CLOSED, /* before the opening call and after the close, or no trading day */
	EXCH_PHASE_OPENING_CALL, /* open - 30 min .. open */
	EXCH_PHASE_CONTINUOUS,
	EXCH_PHASE_CLOSING_CALL, /* close - 10 min .. close */
};

/* ---- refusals: the wire turns them into rt_cd / msg_cd / msg1 of real or paper ---- */
enum exch_refusal {
	EXCH_ACCEPTED = 0,
	EXCH_NO_DAY, /* not a trading day (APBK0919) */
	EXCH_NO_HOURS, /* outside the hours (APBK0918, 40580000) */
	EXCH_NO_SYMBOL, /* unknown code (40070000) */
	EXCH_NO_TYPE, /* ORD_DVSN unknown or not offered here */
	EXCH_NO_EXCHANGE, /* EXCG_ID_DVSN_CD unknown or not offered here */
	EXCH_NO_QTY, /* quantity not positive or absurd */
	EXCH_NO_PRICE, /* price missing for a limit order, or given for a market order */
	EXCH_NO_TICK, /* off the tick grid (40030000) */
	EXCH_NO_BAND, /* outside the daily price limits */
	EXCH_NO_CASH, /* buying power (APBK0952) */
	EXCH_NO_HOLDING, /* sells what is not held at all (40240000) */
	EXCH_NO_SHARES, /* held, but too few sellable (APBK0400) */
	EXCH_NO_HALT, /* the symbol is halted */
	EXCH_NO_ORDER, /* original order number unknown */
	EXCH_NO_REST, /* nothing left to change (APBK0927, 40330000) */
	EXCH_NO_CHANGE_QTY, /* more than what is open (40430000) */
	EXCH_NO_BRANCH, /* organisation number given and wrong */
	EXCH_NO_RESV, /* unknown, processed or cancelled reservation */
	EXCH_NO_LIMIT_TYPE, /* outside NXT's main market only limit orders are taken (APBK3013) */
	EXCH_NO_SAME_EXCHANGE, /* a change names another exchange than its order's */
	EXCH_REFUSAL_COUNT
};
const char *exch_refusal_name(enum exch_refusal refusal); /* "no-cash" */

/* ---- set-up ---- */
struct exch_config {
	uint64_t seed;
	enum exch_market_kind market;
	enum exch_fill_rule fill;
	bool paper; /* order types and exchanges of paper; the codes are the wire's business */
	int32_t prints_per_symbol; /* 0 = 900 */
	int64_t odno_start; /* first number of a day; 0 = 4126 */
	int64_t odno_step; /* 0 = 1; larger leaves the gaps of other customers */
	int64_t odno_sor_step; /* numbers of SOR orders are multiples of it; 0 = of 1 */
	int32_t sor_end_s; /* SOR and NXT orders live till then; 0 or earlier than the close = the close */
	bool fee_per_account; /* truncate fees per account and day; default per symbol */
	bool drop_zero_rows; /* sold-out holdings leave the balance at once; default they stay until D+2 */
	bool vi; /* stops of volatility */
	int32_t vi_percent; /* static: so far from the last auction price */
	int32_t vi_s; /* they last so long, and a random rest */
	int32_t vi_dynamic_percent; /* so does a trade so far from the one before; 0 = does not */
	int32_t mid_prints_ppm; /* share of generated prints between the quotes, half a tick off the grid */
	bool branch_checked; /* a wrong organisation number is refused (an empty one never is) */
	enum exch_after_fill after_fill;
	bool nxt_pre_late; /* NXT's pre-market is held, shifted, on a day of a late open; else there is none */
	int32_t nxt_main_s; /* NXT's main market begins so long after the open */
	int32_t single_price_end; /* last day of the single price after hours, YYYYMMDD; 0 = goes on */
};
struct exch_lags { /* virtual microseconds until a change is seen */
	int64_t daily_us, open_us, balance_us;
};
struct exch_day { /* one calendar day of the exchange */
	struct kst_day day;
	struct kst_day previous; /* trading day before */
	bool trading;
	int32_t open_s, close_s; /* 36000 and 55800 on 2021-01-04 */
};

/* What happened, in order. Called from inside exch_ calls; it may read the exchange but not change it. */
struct exch_event;
typedef void exch_sink(void *arg, const struct exch_event *event);

enum reason exch_new(const struct exch_config *config, exch_sink *sink, void *sink_arg,
		     struct exchange **out);
void exch_free(struct exchange *ex);
void exch_lags_set(struct exchange *ex, const struct exch_lags *lags);
void exch_fill_set(struct exchange *ex, enum exch_fill_rule fill);
const struct exch_config *exch_config_of(const struct exchange *ex);

/* Day figures in the columns of tests/data/krx_YYYYMMDD.csv (comment lines start with '#'). `previous` gives
 * yesterday's figures, `today` (NULL = unknown, invented) those the day's path must hit; symbols are those of
 * `previous`. */
enum reason exch_load_days(struct exchange *ex, const char *previous_csv, const char *today_csv);
/* Figures of the next day that begins, in the same columns; without them that day is invented. */
enum reason exch_load_next(struct exchange *ex, const char *csv);
/* A file of recorded frames, one a line (H0STCNT0 and H0STASP0 as they came): its symbols trade what it holds, at
 * its times of the day, whatever day is played. A symbol nobody loaded before is made from the frames. */
enum reason exch_load_frames(struct exchange *ex, const char *path, size_t *out_records);
/* Weekdays without trading, first column a date (ops/data/krx_closed_days.csv): only for the dates of the
 * synthetic day bars. Optional; without it every weekday has a bar. */
enum reason exch_load_closed_days(struct exchange *ex, const char *csv);
/* One symbol by hand (scenarios): figures of yesterday = its close; today unknown. Replaces an existing one's
 * previous close and last price. */
enum reason exch_symbol_put(struct exchange *ex, const char *code, const char *name, bool kosdaq, bool etf,
			    int64_t prev_close_won, int64_t last_won);

/* Starts a day: rolls cash, holdings and numbers of every account when it is later than the one before. The part
 * of the day before `at` passes silently: no events, no fills. Call after loading and after exch_state_load. */
enum reason exch_day_begin(struct exchange *ex, const struct exch_day *day, struct wall at);

/* ---- time ---- */
struct wall exch_now(const struct exchange *ex);
const struct exch_day *exch_today(const struct exchange *ex);
enum exch_phase exch_phase(const struct exchange *ex);
const char *exch_phase_name(enum exch_phase phase);
/* Next instant at which something happens that somebody watches or waits for; EXCH_NEVER if nothing. */
struct wall exch_next_event(const struct exchange *ex);
/* Does everything due up to and including `at`. An earlier instant than now does nothing. */
void exch_advance(struct exchange *ex, struct wall at);
/* A watched symbol wakes exch_next_event at its prints; others are advanced along without waking. Counted:
 * every true needs its false. False when the symbol is unknown. */
bool exch_watch(struct exchange *ex, const char *code, bool on);
/* The same for EXCH_EV_EXPECTED: once in 5 s of a call auction, for watched symbols only. */
bool exch_expect(struct exchange *ex, const char *code, bool on);

/* ---- events ---- */
enum exch_event_kind {
	EXCH_EV_PHASE, /* .phase */
	EXCH_EV_TRADE, /* a print: .quote holds the state after it */
	EXCH_EV_BOOK, /* the ten levels changed: .quote (follows each trade) */
	EXCH_EV_STATE, /* halted, or not any more, or a VI began or ended: .quote */
	EXCH_EV_EXPECTED, /* price of the call auction if it were now: .quote, .qty and .price_won */
	EXCH_EV_ORDER_RECEIVED, /* new, modify or cancel taken: .order (its own row), .qty, .price_won */
	EXCH_EV_FILL, /* .order, .qty and .price_won of this fill */
	EXCH_EV_MODIFIED, /* .order = the modify row, .original = the order it replaces, .qty .price_won */
	EXCH_EV_CANCELLED, /* .order = the cancel row, .original = the order, .qty cancelled */
	EXCH_EV_REST_CANCELLED, /* remainder of IOC / FOK: .order, .qty */
	EXCH_EV_REJECTED, /* refused later by the exchange (control): .order, .qty */
	EXCH_EV_EXPIRED, /* day order died at the close: .order, .qty */
};
struct exch_order;
struct exch_quote;
struct exch_event {
	enum exch_event_kind kind;
	struct wall at;
	enum exch_phase phase;
	const struct exch_quote *quote;
	const struct exch_order *order, *original;
	int64_t qty, price_won;
};

/* ---- market data ---- */
struct exch_level {
	int64_t price_won, qty; /* 0, 0 = no level (beyond the daily limit) */
};
struct exch_quote {
	char code[EXCH_CODE_SIZE];
	char name[EXCH_NAME_SIZE];
	bool kosdaq, etf, halted;
	int64_t shares; /* listed shares */
	int64_t prev_close_won, prev_volume, prev_turnover_won;
	int64_t upper_won, lower_won;
	int64_t last_won; /* previous close before the first print */
	int64_t open_won, high_won, low_won; /* 0 before the first print */
	int32_t open_time_s, high_time_s, low_time_s;
	bool vi; /* halted for a call auction now; each change comes as EXCH_EV_BOOK */
	int64_t vi_base_won; /* reference: price of the last auction; previous close before */
	int64_t vi_count; /* of today */
	struct wall vi_from, vi_until; /* newest; us 0 = none today */
	struct wall print_at; /* of the newest print */
	int64_t print_qty; /* its size */
	int print_side; /* aggressor: EXCH_BUY, EXCH_SELL, 0 = call auction */
	int64_t print_count;
	int64_t volume, turnover_won;
	int64_t sell_count, buy_count, sell_volume, buy_volume;
	struct exch_level ask[EXCH_LEVELS], bid[EXCH_LEVELS]; /* best first */
	int64_t ask_total, bid_total;
	int64_t told_ask_total, told_bid_total; /* of the book before */
	int64_t opening_qty; /* of the opening call */
};
struct exch_bar { /* one day or one minute */
	struct kst_day day;
	int32_t minute_s; /* start of the minute; 0 for day bars */
	int64_t open_won, high_won, low_won, close_won, volume, turnover_won;
	bool synthetic;
};
size_t exch_symbol_count(const struct exchange *ex);
const struct exch_quote *exch_quote_at(const struct exchange *ex, size_t index);
const struct exch_quote *exch_quote_of(const struct exchange *ex, const char *code); /* NULL = unknown */
int64_t exch_tick_won(const struct exchange *ex, const char *code,
		      int64_t price_won); /* tick size at a price */
/* Day bars from..to inclusive, oldest first. Today's own bar is included once it has prints. 300 days before the
 * first data day are synthetic and marked. Caller frees *out. */
enum reason exch_day_bars(const struct exchange *ex, const char *code, struct kst_day from, struct kst_day to,
			  struct exch_bar **out, size_t *out_count);
struct exch_vi { /* one stop of today */
	char code[EXCH_CODE_SIZE];
	int kind; /* 1 static, 2 dynamic, 3 both */
	int64_t won; /* the price that stopped it */
	int64_t base_won, last_won; /* what it was measured against: static, dynamic; 0 = not */
	int64_t number; /* of this symbol and day, from 1 */
	struct wall from, until;
};
/* Stops of today, oldest first. Caller frees *out. */
enum reason exch_vi_list(const struct exchange *ex, struct exch_vi **out, size_t *out_count);
/* Minutes of today that have prints, oldest first. */
enum reason exch_minute_bars(const struct exchange *ex, const char *code, struct exch_bar **out,
			     size_t *out_count);
/* A trade from outside (control, scenarios): becomes the last price, emits TRADE and BOOK, meets resting
 * orders by the fill rule. The generated path, if any, goes on from its own next print. */
bool exch_push_tick(struct exchange *ex, const char *code, int64_t price_won, int64_t qty);
bool exch_halt(struct exchange *ex, const char *code, bool on);

/* ---- accounts ---- */
struct exch_account {
	char number[EXCH_ACCOUNT_SIZE];
	int64_t cash_won; /* settled deposit at the start */
	int64_t commission_ppm; /* each side; 142 = 0.0142 % */
	char branch[EXCH_BRANCH_SIZE]; /* numbers its orders; "" = 00950 on paper, else one by its place */
};
enum reason exch_account_add(struct exchange *ex, const struct exch_account *account, size_t *out_index);
size_t exch_account_count(const struct exchange *ex);
const struct exch_account *exch_account_at(const struct exchange *ex, size_t account);

struct exch_holding { /* one row of the balance, as seen through the balance lag */
	char code[EXCH_CODE_SIZE];
	int64_t qty, sellable_qty;
	int64_t cost_won; /* purchase amount without fees */
	int64_t bfdy_buy_qty, bfdy_sell_qty, thdt_buy_qty, thdt_sell_qty;
	int64_t other_day_qty; /* of qty, signed: from the day before; left out by PRCS_DVSN 01 */
	int64_t thdt_realised_won; /* before fees */
	int64_t price_won; /* last price; 0 for a code the exchange does not know */
	struct kst_day empty_since; /* 0 while held */
};
struct exch_cash { /* account totals, as seen through the balance lag */
	int64_t deposit_won; /* dnca_tot_amt: D+0 */
	int64_t deposit_d1_won; /* nxdy_excc_amt: with yesterday's trades */
	int64_t deposit_d2_won; /* prvs_rcdl_excc_amt: with today's trades, fees and taxes */
	int64_t thdt_buy_won, thdt_sell_won, thdt_cost_won; /* cost = fees and taxes */
	int64_t bfdy_buy_won, bfdy_sell_won, bfdy_cost_won;
	int64_t holdings_cost_won, holdings_value_won;
	int64_t total_won; /* deposit_d2 + value */
	int64_t bfdy_total_won; /* total at the end of the day before */
};
/* Rows in order of code. `with_other_day` false = PRCS_DVSN 01. Caller frees *out. */
enum reason exch_holdings_list(const struct exchange *ex, size_t account, bool with_other_day,
			       struct exch_holding **out, size_t *out_count);
void exch_cash_of(const struct exchange *ex, size_t account, struct exch_cash *out);

struct exch_power {
	int64_t cash_won; /* ord_psbl_cash: D+2 cash less what open buys reserve; never lagged */
	int64_t reuse_won; /* sales of yesterday and today in it */
	int64_t calc_price_won; /* upper limit for market-type orders; 0 without a code */
	int64_t qty; /* shares affordable at calc_price with fees; 0 without a code */
	int64_t amount_won; /* cash less fees on it: nrcvb_buy_amt */
};
/* code "" = amounts only; price 0 or a market type = upper limit. */
void exch_power_of(const struct exchange *ex, size_t account, const char *code, const char *dvsn,
		   int64_t price_won, struct exch_power *out);
/* Sellable shares right now (not lagged). */
int64_t exch_sellable_of(const struct exchange *ex, size_t account, const char *code);
/* Fees and taxes of one order by itself, for estimates (prsm_tlex_smtl). */
int64_t exch_cost_estimate(const struct exchange *ex, size_t account, const char *code, enum exch_side side,
			   int64_t amount_won);

/* ---- orders ---- */
enum exch_order_kind { EXCH_ORDER_NEW, EXCH_ORDER_MODIFY, EXCH_ORDER_CANCEL };
struct exch_order { /* one row of the daily list; key day + odno */
	struct kst_day day;
	char odno[EXCH_ODNO_SIZE];
	char orig[EXCH_ODNO_SIZE]; /* "" for a plain order */
	enum exch_order_kind kind;
	size_t account;
	enum exch_side side;
	char code[EXCH_CODE_SIZE];
	char dvsn[EXCH_DVSN_SIZE];
	char excg[EXCH_EXCG_SIZE];
	char branch[EXCH_BRANCH_SIZE];
	char by[EXCH_BY_SIZE];
	int64_t price_won; /* 0 for market */
	int64_t trigger_won; /* stop limit: waits for a trade here or beyond; 0 = none */
	struct wall triggered_at; /* us 0 = it still waits */
	int64_t turn; /* time priority, lower stands first; a change of the quantity alone keeps it */
	int64_t qty;
	/* qty = filled + cancelled + replaced + rejected + remaining. A cancel row has cancelled = qty. */
	int64_t filled_qty, filled_won;
	int64_t cancelled_qty;
	int64_t replaced_qty; /* taken over by a modify order; a listing shows it as cancelled */
	int64_t rejected_qty; /* expired at the close, or refused later */
	int64_t remaining_qty; /* > 0 = alive */
	struct wall at; /* accepted */
	struct wall last_fill_at; /* us 0 = none */
	struct wall visible_at; /* hidden from every list before */
	uint32_t copies; /* how often the lists carry the row; 1 ordinarily */
	bool truth; /* written by control */
	int64_t cost_won; /* fees and taxes of its fills, estimated alone */
};
struct exch_request {
	size_t account;
	enum exch_side side;
	const char *code;
	const char *dvsn; /* ORD_DVSN */
	const char *excg; /* "" = KRX */
	const char *by; /* "" = API */
	int64_t qty, price_won;
	int64_t trigger_won; /* CNDT_PRIC of a stop limit; 0 = not given */
};
/* On EXCH_ACCEPTED *out_order is the new row. Events come before it returns, RECEIVED first. */
enum exch_refusal exch_order_new(struct exchange *ex, const struct exch_request *request,
				 const struct exch_order **out_order);
/* The same checks without taking the order (dry run of the wire's own rules). */
enum exch_refusal exch_order_check(struct exchange *ex, const struct exch_request *request);

struct exch_change {
	size_t account;
	bool cancel; /* false = modify */
	const char *orig; /* ORGN_ODNO, padded or not */
	const char *branch; /* "" = not given */
	const char *excg; /* must be the order's; "" = KRX, NULL = not looked at */
	bool all; /* QTY_ALL_ORD_YN Y */
	int64_t qty;
	const char *dvsn; /* modify: type wanted */
	int64_t price_won;
	int64_t trigger_won; /* modify of a stop limit; 0 = as it was */
	const char *by;
};
enum exch_refusal exch_order_change(struct exchange *ex, const struct exch_change *change,
				    const struct exch_order **out_order);

/* Rows of order days from..to of one account, oldest first, through the daily lag. Caller frees *out. */
enum reason exch_daily_list(const struct exchange *ex, size_t account, struct kst_day from, struct kst_day to,
			    struct exch_order **out, size_t *out_count);
/* Rows of today with something left, through the open lag. */
enum reason exch_open_list(const struct exchange *ex, size_t account, struct exch_order **out,
			   size_t *out_count);
/* The row as it really is, NULL = none. odno padded or not. */
const struct exch_order *exch_order_of(const struct exchange *ex, struct kst_day day, const char *odno);

/* ---- reservations ---- */
struct exch_resv {
	size_t account;
	int64_t seq; /* rsvn_ord_seq */
	struct kst_day taken_day; /* rsvn_ord_rcit_dt */
	int32_t taken_s;
	struct kst_day send_day; /* rsvn_ord_ord_dt */
	struct kst_day period_end; /* 0 = one attempt */
	enum exch_side side;
	char code[EXCH_CODE_SIZE];
	char dvsn[EXCH_DVSN_SIZE];
	int64_t qty, price_won;
	bool processed, cancelled;
	struct kst_day cancelled_day; /* 0 = it is not */
	int32_t cancelled_s;
	char odno[EXCH_ODNO_SIZE]; /* once sent */
	int32_t sent_s;
	int64_t filled_qty, filled_won;
	char result[64]; /* rjct_rson2 */
	char by[EXCH_BY_SIZE];
	struct wall visible_at;
};
enum exch_refusal exch_resv_new(struct exchange *ex, const struct exch_resv *resv, int64_t *out_seq);
enum exch_refusal exch_resv_change(struct exchange *ex, size_t account, int64_t seq, bool cancel,
				   const struct exch_resv *changed);
enum reason exch_resv_list(const struct exchange *ex, size_t account, struct exch_resv **out,
			   size_t *out_count);

/* ---- truth: control and scenarios write what the broker believes ---- */
/* Writes one row; day + odno names it and replaces an existing row wholly (to merge: exch_order_of, change the
 * copy, write it). Numbers are normalised to ten digits. `book` true also books the difference of filled shares
 * into holdings and cash. remaining_qty < 0 is computed. A row may contradict
 * itself (that is a story too): it is kept as written, and no rule of the market touches it. */
enum reason exch_truth_order(struct exchange *ex, const struct exch_order *row, bool book);
void exch_truth_orders_clear(struct exchange *ex, size_t account);
/* Sets one holding; sellable_qty < 0 = computed from open sells. Orders first, then balance. qty 0 = a zero row
 * unless `remove`. */
enum reason exch_truth_holding(struct exchange *ex, size_t account, const struct exch_holding *row,
			       bool remove);
void exch_truth_holdings_clear(struct exchange *ex, size_t account);
/* INT64_MIN leaves a column alone. */
void exch_truth_cash(struct exchange *ex, size_t account, int64_t deposit_won, int64_t deposit_d1_won,
		     int64_t deposit_d2_won);
void exch_truth_resv_clear(struct exchange *ex, size_t account);
enum reason exch_truth_resv(struct exchange *ex, const struct exch_resv *row);
/* What the next accepted new order of any account takes; queued, first in first out. */
struct exch_next {
	char odno[EXCH_ODNO_SIZE]; /* "" = a free number */
	int64_t filled_qty; /* 0 = rests */
	int64_t filled_won; /* < 0 = filled at the order's price, or last for market */
	int64_t visible_after_us; /* row and its balance are hidden so long after acceptance */
	uint32_t copies; /* 0 = 1 */
};
enum reason exch_truth_next(struct exchange *ex, const struct exch_next *next);
void exch_truth_next_clear(struct exchange *ex);
/* Moves one live order by control: fills qty at price (event FILL), or rejects its remainder (event REJECTED). */
bool exch_truth_fill(struct exchange *ex, struct kst_day day, const char *odno, int64_t qty,
		     int64_t price_won);
bool exch_truth_reject(struct exchange *ex, struct kst_day day, const char *odno);

/* ---- ledger and state ---- */
/* Every order, fill, holding and cash total of every account and day as one JSON text; caller frees. NULL = no
 * memory. */
char *exch_ledger_json(const struct exchange *ex);
/* Accounts, holdings, cash, orders, fills, reservations, numbers. Market data are not in it: they come from the
 * data files and the seed. Load into a fresh exchange after its accounts were added (matched by number; unknown
 * ones are added). */
enum reason exch_state_save(const struct exchange *ex, const char *path);
enum reason exch_state_load(struct exchange *ex, const char *path);

#endif
