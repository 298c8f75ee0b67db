/*
 * engine_inner - what the files of the engine share; nobody else includes it.
 *
 * Sums over the account (gross, value, reserve, result) are kept up to date by symbol_refresh(): every change of a symbol's
 * price, orders or shares ends with it, so that a tick costs the same however many symbols there are.
 */
#ifndef GJ_WORKER_ENGINE_INNER_H
#define GJ_WORKER_ENGINE_INNER_H

#include "worker/engine.h"

#define INDEX_NONE      (-1)
#define SYMBOL_SLOTS    512 /* hash slots, a power of two over twice ENGINE_SYMBOLS_MAX */
#define INTENT_RING     2048 /* newest intents, for rates; at least ORDERS_DAY_MAX, so none of today is lost */
#define UNDECIDED_S_MAX 30 /* an intent without an outcome for so long counts as doubt */
#define EQUAL_US        (60 * US_PER_S)
#define MINUTE_US       (60 * US_PER_S)

struct eng_decided { /* the newest decision of a symbol and side that was not sent */
	char code[33];
	enum reason verdict;
	struct wall at;
	bool any;
};
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): grouped by meaning, one of each lives */
struct eng_symbol {
	struct engine_symbol row;
	struct cost_rules costs;
	/* the feed's picture */
	int64_t last_won, open_won, high_won, low_won, volume_qty, ask_won, bid_won;
	struct wall tick_at;
	bool halted, feed_up;
	int64_t rest_price_won;
	struct wall rest_at;
	/* brakes */
	bool locked[2]; /* by side */
	bool lock_lifts; /* SELL: when the broker's sellable equals our lots */
	struct wall
		ext_hint_at; /* a notice of an order that is not ours: no new orders before a later listing */
	bool repeated[2];
	/* shares */
	struct position *pos; /* own lots, NULL = none yet */
	int64_t ext_qty;
	bool ext_today;
	int64_t start_qty; /* own, at the start of the day */
	int64_t trip_qty, trip_won;
	struct wall last_fill_at;
	int64_t orders_today, buys_today;
	/* derived, by symbol_refresh */
	int64_t open_buy_qty, open_sell_qty;
	struct wall open_buy_at, open_sell_at;
	int64_t lowest_sell_won, highest_buy_won;
	int64_t value_won, exposure_won, reserve_won, result_won;
	bool counted; /* held or open */
	/* strategy */
	struct eng_decided decided[2];
	int due_next; /* first signal not yet offered */
	_Alignas(8) uint8_t state[STRATEGY_STATE_MAX];
};
struct eng_order {
	struct order o;
	int sym; /* index, INDEX_NONE for an EXT order of a symbol that is not ours */
	struct wall made; /* of the intent */
	struct wall decided_at; /* accepted or doubt; absence and missing count from here */
	int absent_count;
	struct wall absent_first;
	int cancel_tries; /* of a target */
	struct wall cancel_at; /* newest cancel's end */
	int cancel_live; /* index of a cancel under way, INDEX_NONE */
	bool told_near, told_ambiguous, told_missing, told_cancel, told_ext_cancel, told_doubt, told_final;
	int64_t ext_held_won; /* EXT: held back from our cash */
	bool in_listing; /* seen in the listing being worked off */
};
struct eng_intent { /* for rates and repeated execution */
	struct wall at;
	int sym;
	enum order_side side;
	int64_t qty, price_won;
};
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): grouped by meaning, one of each lives */
struct engine {
	struct engine_inputs *in; /* own copy; orders and fills of it are not read after the start */
	const struct strategy *strategy;
	struct wall now;
	bool started, stopping, stopped, stop_asked;
	struct wall started_at;
	struct wall stopping_at;

	struct eng_symbol symbols[ENGINE_SYMBOLS_MAX];
	int symbol_count;
	int16_t slots[SYMBOL_SLOTS];
	struct position_book book;

	struct eng_order orders[ORDERS_DAY_MAX];
	int order_count;
	int live[ORDERS_DAY_MAX]; /* own orders that are not final, cancels too */
	int live_count;
	int64_t counter;

	struct eng_intent intents[INTENT_RING];
	int64_t intent_total;

	/* account */
	int64_t cash_won; /* after every fill since the snapshot and its costs */
	int64_t ext_held_won;
	int64_t gross_won, reserve_won, result_won;
	int positions;
	int64_t value_today_won, orders_today, fills_today;
	int64_t losing_streak, band_streak;

	/* modes */
	enum mode mode;
	enum mode source_mode[CONTROL_SOURCE_COUNT];
	bool source_known[CONTROL_SOURCE_COUNT];
	int64_t row_since_us;
	bool cause[CAUSE_COUNT];
	bool cause_new[CAUSE_COUNT], cause_over[CAUSE_COUNT];
	char cause_note[CAUSE_COUNT][160];
	enum engine_state state;

	/* reads under way */
	bool listing_asked, listing_again, listing_once;
	struct wall listing_asked_at, listing_done_at;
	int listing_troubles;
	struct wall prices_at, balance_at;
	bool feed_up, feed_seen, any_print;

	int64_t decisions, decisions_equal, ticks, ring_lost;
	struct wall status_at;
	enum mode status_mode;
	enum engine_state status_state;
	bool room_out; /* the actions of this event did not fit */

	int unowned[ORDERS_DAY_MAX]; /* scratch of one listing: rows that are nobody's yet */
};

/* engine.c */
struct engine_action *eng_take(struct engine *eng, struct engine_actions *out, enum engine_action_kind kind);
void eng_alert(struct engine *eng, struct engine_actions *out, enum finding_level level, const char *code,
	       const char *symbol, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void eng_cause(struct engine *eng, enum engine_cause cause, bool on, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void eng_settle(struct engine *eng, struct engine_actions *out);
void eng_refresh(struct engine *eng, int sym);
int eng_symbol_index(const struct engine *eng, const char *symbol); /* INDEX_NONE */
void eng_want_listing(struct engine *eng, struct engine_actions *out);
int64_t eng_cash_free(const struct engine *eng);

/* engine_orders.c */
int eng_order_add(struct engine *eng, const struct order *order); /* INDEX_NONE: no room */
void eng_order_live(struct engine *eng, int index, bool live);
int64_t eng_intent_id(struct engine *eng); /* 0: the counter is used up */
void eng_orders_start(struct engine *eng, struct engine_actions *out);
void eng_outcome(struct engine *eng, const struct engine_event *event, struct engine_actions *out);
void eng_listing(struct engine *eng, const struct broker_order_list *list, struct engine_actions *out);
void eng_balance(struct engine *eng, const struct broker_balance *balance, struct engine_actions *out);
void eng_notice(struct engine *eng, const struct notice *notice, struct engine_actions *out);
void eng_cancel_wanted(struct engine *eng, int index, struct engine_actions *out);
void eng_doubt_look(struct engine *eng);
/* One fill into shares, cash and round trips. `counts`: after the snapshot. */
enum reason eng_fill(struct engine *eng, int sym, enum order_side side, int64_t qty, int64_t amount_won,
		     struct wall at, bool counts, struct cost *out_cost);

#endif
