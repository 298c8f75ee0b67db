/*
 * core - what the files of the exchange share with each other; nobody outside them includes it.
 *
 * Shape   symbols sorted by code, each with its path and its resting own orders; orders in order of arrival,
 *         each allocated by itself so that pointers to rows stay; two ledgers per account: what is (`real`) and
 *         what the balance shows (`seen`), fed by the same postings, the second with a delay.
 * Invariant, core_check() asserts it: for every order qty = filled + cancelled + replaced + rejected +
 *         remaining; an account's reserve is the sum of its live buys' reserves; a holding's reserved shares
 *         the sum of its live sells; resting lists hold today's live orders of the symbol that the book may fill,
 *         best first; stop orders wait in a list of their own, orders of other hours (hours.c) in none.
 */
#ifndef GJ_BROKER_CORE_H
#define GJ_BROKER_CORE_H

#include "tests/broker/exchange.h"
#include "tests/broker/market_path.h"

#define CORE_PRINTS_DEFAULT 900
#define CORE_ODNO_DEFAULT   4126
#define CORE_RESV_FIRST     4657
#define CORE_AUCTION_S      1800 /* opening call: so long before the open */
#define CORE_VI_REST_S      18 /* recorded ones took up to 138 s */
#define CORE_EXPECT_S       5 /* expected prices of a call auction come so often */
#define CORE_CLOSING_S      600
#define CORE_RESV_BEFORE_S  2340 /* reservations are sent at 08:21 of an ordinary day */
#define CORE_QTY_MAX        INT64_C(1000000000)
#define CORE_PRICE_MAX      INT64_C(1000000000)
#define CORE_AMOUNT_MAX     INT64_C(1000000000000000)
#define CORE_DAY_MINUTES    1440
#define CORE_FIRST_BARS     300 /* synthetic day bars */
#define CORE_EMPTY_ROLLS    2 /* sold-out rows stay in the balance for so many days */

/* ---- growing arrays: false when memory is exhausted, which ends the simulator ---- */
void *core_grow(void *array, size_t *cap, size_t count, size_t item_size);

struct order_seen { /* an order as one listing shows it */
	bool listed;
	uint64_t version;
	int64_t filled_qty, filled_won, cancelled_qty, replaced_qty, rejected_qty, remaining_qty;
	int64_t cost_won;
	struct wall last_fill_at, triggered_at;
};
enum core_list { CORE_DAILY, CORE_OPEN, CORE_LISTS };

struct symbol;
struct order {
	struct exch_order row;
	struct order_seen seen[CORE_LISTS];
	uint64_t version;
	struct symbol *symbol; /* NULL for a code the exchange does not know (truth only) */
	size_t index;
	int64_t key_won; /* price for priority; market: INT64_MAX buys, 0 sells */
	int64_t queue_ahead; /* market shares before it at its price */
	int64_t reserve_won; /* buys */
	int64_t reserve_qty; /* sells */
	int64_t sees_after_us; /* balance of its fills is hidden so much longer (control) */
	bool resting;
	bool waiting; /* a stop order before its trigger */
};
struct fill {
	size_t order;
	struct wall at;
	int64_t qty, won;
};

/* One record of a file of frames: a trade, or a book when qty is 0. */
struct tape_entry {
	int32_t ms_of_day;
	int side;
	int64_t price_won, qty;
	struct exch_level ask, bid; /* best, beside a trade; price 0 = the record did not tell */
	size_t levels; /* place of a book's 2 x EXCH_LEVELS in tape.levels */
};
struct tape {
	struct tape_entry *entries;
	size_t count, cap, at;
	struct exch_level *levels;
	size_t level_count, level_cap;
	struct exch_quote start; /* what had happened before the first entry */
};

struct symbol {
	struct exch_quote quote;
	struct path path; /* path.next is the next print, also of a tape */
	bool path_live;
	struct tape tape; /* count 0 = the path is generated */
	struct path_figures today, next; /* figures the path must hit */
	bool has_today, has_next;
	int64_t next_base_won;
	int expect_count; /* how many watch expected prices */
	struct exch_bar first_bar; /* yesterday of the first day; volume 0 = none */
	int64_t first_base_won; /* close before first_bar */
	struct exch_bar *later_bars; /* days that ran here */
	size_t later_count, later_cap;
	struct exch_bar *minutes; /* CORE_DAY_MINUTES, allocated at the first print */
	int64_t usual_print; /* mean size of a print, for the book */
	uint64_t book_number; /* of the book now shown */
	int watch_count;
	size_t heap_at; /* position in the heap + 1; 0 = not in it */
	struct order **rest[2]; /* [0] sells, [1] buys; best first */
	size_t rest_count[2], rest_cap[2];
	struct order **stops; /* in order of arrival */
	size_t stop_count, stop_cap;
};

struct holding {
	char code[EXCH_CODE_SIZE];
	int64_t qty, cost_won, reserved_qty, frozen_qty;
	int64_t bfdy_buy_qty, bfdy_sell_qty, thdt_buy_qty, thdt_sell_qty;
	int64_t thdt_buy_won, thdt_sell_won, realised_won;
	int64_t other_day_qty;
	int32_t empty_rolls;
	struct kst_day empty_since;
};
struct ledger {
	int64_t deposit_won;
	int64_t bfdy_buy_won, bfdy_sell_won, bfdy_cost_won, bfdy_adjust_won;
	int64_t thdt_adjust_won;
	int64_t bfdy_total_won;
	struct holding *holdings; /* sorted by code */
	size_t count, cap;
};
struct posting { /* one change of a ledger */
	struct wall due;
	size_t account;
	char code[EXCH_CODE_SIZE];
	int64_t buy_qty, buy_won, sell_qty, sell_won, reserve_qty;
};
struct update { /* one change of a listing */
	struct wall due;
	enum core_list list;
	size_t order;
	struct order_seen seen;
};
struct account {
	struct exch_account who;
	struct ledger real, seen;
	int64_t reserve_won; /* of live buys */
};

struct exchange {
	struct exch_config config;
	struct exch_lags lags;
	exch_sink *sink;
	void *sink_arg;
	struct wall now;
	struct exch_day day;
	bool day_begun;
	enum exch_phase phase;
	int32_t stage; /* boundaries of the day already passed */
	int64_t still_done_s, expect_done_s;
	bool apart; /* an order of other hours than KRX's session was taken today */
	int64_t moment_done_us; /* moments up to here are done */
	bool silent; /* the past of the day is made up: no events, no fills */
	struct kst_day ledger_day; /* day the accounts stand at; 0 = none yet */
	struct kst_day first_previous; /* trading day before the first day that ran here */
	int64_t watch_total, expect_total;
	struct exch_vi *vis; /* of today */
	size_t vi_count, vi_cap;

	struct symbol **symbols;
	size_t symbol_count, symbol_cap;
	struct symbol **heap;
	size_t heap_count, heap_cap;
	int32_t *closed_days; /* sorted */
	size_t closed_count, closed_cap;

	struct account accounts[EXCH_ACCOUNTS_MAX];
	size_t account_count;
	struct order **orders;
	size_t order_count, order_cap;
	size_t today_first; /* index of the first order of today or later truth */
	size_t *slots; /* hash of day + odno: index + 1 */
	size_t slot_cap;
	struct fill *fills;
	size_t fill_count, fill_cap;
	struct posting *postings; /* waiting for the balance lag, by due */
	size_t posting_count, posting_cap;
	struct update *updates; /* waiting for list lags, by due */
	size_t update_count, update_cap;
	int64_t odno_next, turn_next;
	struct exch_resv *resvs;
	size_t resv_count, resv_cap;
	bool *resv_truth; /* beside resvs: written by control, never sent by itself */
	size_t resv_truth_cap;
	int64_t resv_next;
	struct exch_next *nexts;
	size_t next_count, next_cap;
};

/* ---- exchange.c ---- */
void core_emit(struct exchange *ex, const struct exch_event *event);
struct symbol *core_symbol(const struct exchange *ex, const char *code);
struct rules_grid core_grid(const struct exchange *ex, const struct symbol *symbol);
enum reason core_symbol_make(struct exchange *ex, const char *code, const char *name, struct symbol **out);
enum reason core_copy(char *out, size_t out_size, const char *text, const char *what);
void core_pump(struct exchange *ex); /* lagged changes that are due */
void core_pump_all(struct exchange *ex); /* all of them, for the end of a day */
void core_check(const struct exchange *ex); /* aborts when an invariant is broken */

/* ---- book.c ---- */
void book_make(struct exchange *ex, struct symbol *symbol, int64_t price_won, int side);
void book_show(struct exchange *ex, struct symbol *symbol); /* tells the levels as they are, meets them */
/* Levels round a best ask and bid; quantities of the best as given, 0 = drawn. */
void book_round(struct exchange *ex, struct symbol *symbol, const struct exch_level *ask,
		const struct exch_level *bid);
bool book_vi(struct exchange *ex, struct symbol *symbol, struct path_print *print); /* true: held back */
void book_print(struct exchange *ex, struct symbol *symbol, const struct path_print *print);
void book_enter(struct exchange *ex, struct order *order); /* takes what it can, then rests */
bool book_can_fill(const struct symbol *symbol, enum exch_side side, int64_t key_won, int64_t qty);
void book_rest_add(struct exchange *ex, struct order *order);
void book_stop_add(struct order *order); /* waits for its trigger, unseen */
void book_rest_drop(struct order *order); /* out of whichever list it stands in */
void book_to_market(struct exchange *ex, struct order *order); /* conditional limit in the closing call */

/* ---- tape.c ---- */
void tape_free(struct tape *tape);
void tape_begin(struct exchange *ex, struct symbol *symbol); /* rewinds; path.next is the first record */
bool tape_step(struct exchange *ex, struct symbol *symbol); /* false = that was the last */
void tape_book(struct symbol *symbol, const struct tape_entry *entry); /* shows a recorded book */

/* ---- orders.c ---- */
struct order *order_add(struct exchange *ex, const struct exch_order *row);
struct order *order_find(const struct exchange *ex, struct kst_day day, const char *odno);
void order_changed(struct exchange *ex, struct order *order);
void order_reserve(struct exchange *ex, struct order *order); /* recomputes what it reserves */
void order_fill(struct exchange *ex, struct order *order, int64_t qty, int64_t won, bool tell);
void order_rest(struct exchange *ex, struct order *order); /* waits where it belongs, takes nothing */
void order_trigger(struct exchange *ex, struct order *order);
void orders_expire(struct exchange *ex); /* those whose hours are over */
void orders_moment(struct exchange *ex); /* those of other hours than KRX's session */
void orders_bury(struct exchange *ex, struct kst_day day); /* what is open from days before */
void orders_revive(struct exchange *ex); /* today's live rows back to the market */
void orders_closing_call(struct exchange *ex);
enum exch_refusal order_place(struct exchange *ex, const struct exch_request *request, bool any_hour,
			      struct order **out);
bool odno_normal(const char *text, char out[static EXCH_ODNO_SIZE]);
bool order_is_market(const char *dvsn);

/* ---- hours.c ---- */
bool hours_take(const struct exchange *ex, const char *dvsn, const char *excg); /* new orders, now */
bool hours_limit_only(const struct exchange *ex, const char *excg);
bool hours_change(const struct exchange *ex, const struct exch_order *row);
int32_t hours_end_s(const struct exchange *ex, const struct exch_order *row);
bool hours_in_book(const struct exchange *ex, const struct exch_order *row);
bool hours_apart(const struct exch_order *row); /* moments concern it */
/* Outside the book, now: on arrival, or at a moment. */
bool hours_match(const struct exchange *ex, const struct exch_order *row, bool arriving);
int64_t hours_moment_us(const struct exchange *ex); /* the next one, INT64_MAX = nobody waits for any */

/* ---- accounts.c ---- */
struct holding *ledger_holding(struct ledger *ledger, const char *code, bool make);
const struct holding *ledger_find(const struct ledger *ledger, const char *code);
void ledger_clear(struct ledger *ledger);
/* Books it in what is, and later, not before `not_before`, in what the balance shows. */
void posting_put(struct exchange *ex, const struct posting *posting, struct wall not_before);
void postings_due(struct exchange *ex, bool all);
int64_t account_cash_now(const struct exchange *ex, size_t account); /* D+2 less reserves */
int64_t ledger_cost_won(const struct exchange *ex, const struct account *account,
			const struct ledger *ledger);
int64_t ledger_d1_won(const struct ledger *ledger);
int64_t ledger_d2_won(const struct exchange *ex, const struct account *account, const struct ledger *ledger);
void accounts_roll(struct exchange *ex); /* cash one column on, today becomes yesterday */
void accounts_release(struct exchange *ex); /* nothing is reserved any more */

/* ---- reservations, truth.c ---- */
void resvs_send(struct exchange *ex);
void resvs_follow(struct exchange *ex, const struct order *order);

#endif
