/*
 * books - a day's fills of ours run through lots: realised result, costs, and the round trips that were closed. Pure.
 *
 * Shape   books_open with the lots of the day's first snapshot, books_fill for every fill in stored order.
 * Units   won, shares. A round trip ends when our shares of a symbol reach zero; its result is after the fees and taxes
 *         that today's fills of the symbol cost since the last time they were zero.
 * Owner   the caller; plain values.
 * Errors  REASON_OVERFLOW, REASON_POSITION_MISMATCH (more sold than held), REASON_ROW_INCONSISTENT.
 */
#ifndef GJ_PHASES_BOOKS_H
#define GJ_PHASES_BOOKS_H

#include "shared/trade/reconcile.h"

#define ROUND_TRIPS_DAY_MAX 1024

struct round_trip {
	char symbol[SYMBOL_SIZE];
	int64_t qty; /* sold in it */
	int64_t result_won;
	struct wall closed;
};
struct books {
	struct position_book positions;
	/* of positions.rows[i], since it was last flat */
	int64_t trip_result_won[HOLDINGS_MAX], trip_qty[HOLDINGS_MAX];
	struct round_trip trips[ROUND_TRIPS_DAY_MAX];
	int trip_count;
	int64_t realised_won, fee_won, tax_won, bought_won, sold_won;
	int64_t fill_count;
};
enum reason books_open(struct books *books,
		       const struct snapshot *snap); /* SYS lots; an empty struct books */
/* Fills of others are passed over. */
enum reason books_fill(struct books *books, const struct fill *fill, enum market market,
		       enum symbol_kind kind, int64_t commission_ppm);

#endif
