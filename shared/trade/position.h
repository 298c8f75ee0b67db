/*
 * position - shares and their cost in integers; weighted average, no fractions kept anywhere.
 *
 * Units   cost_won: gross won paid for the shares held. Selling takes floor(cost x sold / held) of it; selling all takes all.
 *         LOT_COST_UNKNOWN (shares that came from outside): it stays unknown until all are sold, and gives no realised result.
 * Owner   the caller; plain values.
 * Errors  REASON_OVERFLOW; REASON_POSITION_MISMATCH when more is sold than held. Nothing is made up to close a gap.
 */
#ifndef GJ_TRADE_POSITION_H
#define GJ_TRADE_POSITION_H

#include "shared/trade/market.h"

#define LOT_COST_UNKNOWN (-1)
struct lot { /* what one owner holds of one symbol */
	char symbol[SYMBOL_SIZE];
	enum order_owner owner;
	int64_t qty, cost_won;
};
struct position { /* a lot and what today did to it */
	struct lot lot;
	int64_t bought_qty, bought_won; /* today, gross */
	int64_t sold_qty, sold_won;
	int64_t realised_won; /* today: sale amounts less cost taken, before fees and tax */
	int64_t fee_won, tax_won; /* today */
};
enum reason position_fill(struct position *pos, const struct cost_rules *rules, enum order_side side,
			  int64_t qty, int64_t amount_won);
/* Snapshot lots + fills = positions. Fills of unknown symbols open new positions. `rules_for` per symbol. */
struct position_book {
	struct position rows[HOLDINGS_MAX];
	int count;
};
struct position *position_find(struct position_book *book, const char *symbol, enum order_owner owner);
enum reason position_open(struct position_book *book, const struct lot *lot, struct position **out);
/* Another day begins: the lots stay, what the day did to them is forgotten, positions without shares go. */
void position_next_day(struct position_book *book);

#endif
