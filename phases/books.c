#include "phases/books.h"

#include <string.h>

#include "shared/base/won.h"
#include "shared/base/banned.h"

static enum reason no_fit(const char *symbol)
{
	return reason_set(REASON_OVERFLOW, "the day's sums of %s do not fit", symbol);
}

enum reason books_open(struct books *books, const struct snapshot *snap)
{
	struct position *pos;
	enum reason why = REASON_OK;

	for (int i = 0; i < snap->lot_count && why == REASON_OK; i++) {
		if (snap->lots[i].owner == OWNER_SYS)
			why = position_open(&books->positions, &snap->lots[i], &pos);
	}
	return why;
}

static enum reason position_of(struct books *books, const struct fill *fill, struct position **out)
{
	struct lot lot = { .owner = OWNER_SYS };

	*out = position_find(&books->positions, fill->symbol, OWNER_SYS);
	if (*out)
		return REASON_OK;
	memcpy(lot.symbol, fill->symbol, sizeof(lot.symbol));
	return position_open(&books->positions, &lot, out);
}

static bool sums_add(struct books *books, const struct fill *fill, int64_t realised_won, int64_t fee_won,
		     int64_t tax_won)
{
	int64_t *side_won = fill->side == SIDE_BUY ? &books->bought_won : &books->sold_won;

	return won_add(books->realised_won, realised_won, &books->realised_won) &&
	       won_add(books->fee_won, fee_won, &books->fee_won) &&
	       won_add(books->tax_won, tax_won, &books->tax_won) &&
	       won_add(*side_won, fill->amount_won, side_won);
}

static enum reason trip_close(struct books *books, const struct fill *fill, ptrdiff_t at)
{
	struct round_trip *trip;

	if (books->trip_count == ROUND_TRIPS_DAY_MAX)
		return reason_set(REASON_OVERFLOW, "more than %d round trips in a day", ROUND_TRIPS_DAY_MAX);
	trip = &books->trips[books->trip_count++];
	*trip = (struct round_trip){ .qty = books->trip_qty[at],
				     .result_won = books->trip_result_won[at],
				     .closed = fill->at };
	memcpy(trip->symbol, fill->symbol, sizeof(trip->symbol));
	books->trip_qty[at] = 0;
	books->trip_result_won[at] = 0;
	return REASON_OK;
}

enum reason books_fill(struct books *books, const struct fill *fill, enum market market,
		       enum symbol_kind kind, int64_t commission_ppm)
{
	int64_t qty = fill->to_qty - fill->from_qty, realised_won, fee_won, tax_won, result_won;
	struct cost_rules rules;
	struct position before, *pos;
	ptrdiff_t at;
	enum reason why;

	if (fill->owner != OWNER_SYS)
		return REASON_OK;
	if (!cost_rules_for(fill->day, market, kind, commission_ppm, &rules))
		return reason_set(REASON_ROW_INCONSISTENT,
				  "a fill in %s is of a day the tax table does not know", fill->symbol);
	why = position_of(books, fill, &pos);
	if (why != REASON_OK)
		return why;
	at = pos - books->positions.rows;
	before = *pos;
	why = position_fill(pos, &rules, fill->side, qty, fill->amount_won);
	if (why != REASON_OK)
		return why;
	realised_won = pos->realised_won - before.realised_won;
	fee_won = pos->fee_won - before.fee_won;
	tax_won = pos->tax_won - before.tax_won;
	if (!sums_add(books, fill, realised_won, fee_won, tax_won) ||
	    !won_sub(realised_won, fee_won + tax_won, &result_won) ||
	    !won_add(books->trip_result_won[at], result_won, &books->trip_result_won[at]))
		return no_fit(fill->symbol);
	books->fill_count++;
	if (fill->side == SIDE_BUY)
		return REASON_OK;
	books->trip_qty[at] += qty;
	return pos->lot.qty == 0 ? trip_close(books, fill, at) : REASON_OK;
}
