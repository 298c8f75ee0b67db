/*
 * firewall - the last word before an intent is recorded; out of a strategy's reach. Pure.
 *
 * Shape   one question (a wanted order in its surroundings) -> one reason. REASON_OK lets it pass.
 * Rule    guards are per side: what limits new risk never blocks reducing it while the mode allows orders. Unknown
 *         or non-positive surroundings block new risk.
 */
#ifndef GJ_TRADE_FIREWALL_H
#define GJ_TRADE_FIREWALL_H

#include "shared/trade/guardrail.h"

struct wanted_order {
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	enum order_type type;
	int64_t qty, price_won; /* market: price_won 0 */
};
struct firewall_view {
	struct wall now;
	struct kst_day day;
	enum mode mode;
	const struct limit_set *limits;
	/* the symbol */
	bool member, halted, locked_buy, locked_sell, volatile_now;
	enum market market;
	enum symbol_kind kind;
	int64_t last_won, previous_close_won;
	struct price_band band;
	struct wall tick_at; /* newest tick, our clock; 0 = none */
	int64_t rest_price_won; /* newest REST price; 0 = none */
	struct wall rest_at;
	int64_t volume_average_qty;
	/* session */
	struct wall session_open, entry_end, session_end;
	/* the account */
	int64_t cash_free_won; /* after fills, open, doubtful and EXT orders, costs included */
	int64_t exposure_symbol_won, exposure_gross_won; /* with open and doubtful buys */
	int64_t own_qty, own_sellable_qty;
	int positions_count;
	bool symbol_held_or_open;
	bool undecided_same_side; /* RECORDED, SENDING, IN_DOUBT of this symbol and side */
	bool live_same_side_same_price;
	int64_t lowest_own_sell_won, highest_own_buy_won; /* live, 0 = none */
	int64_t orders_last_minute, orders_symbol_today, orders_today;
	int64_t value_today_won;
	int64_t equal_orders_60s;
	bool repeated_locked; /* re-enabled by a person */
	int64_t day_result_won; /* realised + open, after costs */
	struct cost_rules costs;
};
enum reason firewall_check(const struct wanted_order *want, const struct firewall_view *view);

#endif
