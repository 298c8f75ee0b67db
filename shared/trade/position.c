/* position - one fill moves one position; a book of positions is a plain array. */
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/position.h"
#include "shared/base/banned.h"

static enum reason too_large(const struct position *pos)
{
	return reason_set(REASON_OVERFLOW, "position %s: a sum does not fit into 64 bits", pos->lot.symbol);
}

static enum reason bought(struct position *pos, const struct cost_rules *rules, int64_t qty,
			  int64_t amount_won)
{
	struct position next = *pos;
	struct cost cost;

	if (!cost_step(rules, SIDE_BUY, pos->bought_won, amount_won, &cost) ||
	    !won_add(next.lot.qty, qty, &next.lot.qty) || !won_add(next.bought_qty, qty, &next.bought_qty) ||
	    !won_add(next.bought_won, amount_won, &next.bought_won) ||
	    !won_add(next.fee_won, cost.fee_won, &next.fee_won))
		return too_large(pos);
	if (next.lot.cost_won >= 0 && !won_add(next.lot.cost_won, amount_won, &next.lot.cost_won))
		return too_large(pos);
	*pos = next;
	return REASON_OK;
}

static enum reason sold(struct position *pos, const struct cost_rules *rules, int64_t qty, int64_t amount_won)
{
	struct position next = *pos;
	int64_t taken_won = 0, gain_won;
	struct cost cost;

	if (qty > pos->lot.qty)
		return reason_set(
			REASON_POSITION_MISMATCH,
			"position %s: %lld shares sold, %lld held; nothing is made up to close the gap",
			pos->lot.symbol, (long long)qty, (long long)pos->lot.qty);
	if (pos->lot.cost_won >= 0 && qty == pos->lot.qty)
		taken_won = pos->lot.cost_won;
	else if (pos->lot.cost_won >= 0 &&
		 !won_muldiv_floor(pos->lot.cost_won, qty, pos->lot.qty, &taken_won))
		return too_large(pos);
	if (!cost_step(rules, SIDE_SELL, pos->sold_won, amount_won, &cost) ||
	    !won_add(next.sold_qty, qty, &next.sold_qty) ||
	    !won_add(next.sold_won, amount_won, &next.sold_won) ||
	    !won_add(next.fee_won, cost.fee_won, &next.fee_won) ||
	    !won_add(next.tax_won, cost.tax_won, &next.tax_won))
		return too_large(pos);
	next.lot.qty -= qty;
	if (pos->lot.cost_won >= 0) {
		next.lot.cost_won -= taken_won;
		if (!won_sub(amount_won, taken_won, &gain_won) ||
		    !won_add(next.realised_won, gain_won, &next.realised_won))
			return too_large(pos);
	} else if (next.lot.qty == 0) {
		next.lot.cost_won = 0; /* nothing held costs nothing; the result of the sale stays unknown */
	}
	*pos = next;
	return REASON_OK;
}

enum reason position_fill(struct position *pos, const struct cost_rules *rules, enum order_side side,
			  int64_t qty, int64_t amount_won)
{
	if (qty < 1 || amount_won < 1)
		return reason_set(REASON_ROW_INCONSISTENT,
				  "position %s: a fill of %lld shares for %lld won is none", pos->lot.symbol,
				  (long long)qty, (long long)amount_won);
	return side == SIDE_BUY ? bought(pos, rules, qty, amount_won) : sold(pos, rules, qty, amount_won);
}

struct position *position_find(struct position_book *book, const char *symbol, enum order_owner owner)
{
	for (int i = 0; i < book->count; i++) {
		struct position *pos = &book->rows[i];

		if (pos->lot.owner == owner && strcmp(pos->lot.symbol, symbol) == 0)
			return pos;
	}
	return NULL;
}

enum reason position_open(struct position_book *book, const struct lot *lot, struct position **out)
{
	struct position *pos;

	if (lot->qty < 0 || lot->cost_won < LOT_COST_UNKNOWN || !symbol_valid(lot->symbol))
		return reason_set(REASON_ROW_INCONSISTENT,
				  "lot %.11s: %lld shares at a cost of %lld won is not a lot", lot->symbol,
				  (long long)lot->qty, (long long)lot->cost_won);
	if (position_find(book, lot->symbol, lot->owner))
		return reason_set(REASON_ROW_INCONSISTENT, "lot %s comes twice for one owner", lot->symbol);
	if (book->count >= HOLDINGS_MAX)
		return reason_set(REASON_OVERFLOW, "more than %d positions", HOLDINGS_MAX);
	pos = &book->rows[book->count++];
	*pos = (struct position){ .lot = *lot };
	*out = pos;
	return REASON_OK;
}

void position_next_day(struct position_book *book)
{
	int kept = 0;

	for (int i = 0; i < book->count; i++) {
		if (book->rows[i].lot.qty != 0)
			book->rows[kept++] = (struct position){ .lot = book->rows[i].lot };
	}
	book->count = kept;
}
