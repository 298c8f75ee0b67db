/*
 * book - the ten levels round a price, and our orders against prints and levels.
 *
 * Rules of the queue (EXCH_FILL_QUEUE)
 *   entering   a marketable order takes the levels up to its limit, best first, as far as they hold.
 *   resting    behind what the level showed on arrival (`queue_ahead`), never before an older own order at the
 *              price. A print through the price fills it whole at its limit. A print at the price from the other
 *              side first eats the queue ahead, then fills in order of time as far as its size goes. The queue
 *              ahead also shrinks to what the level still shows: others cancel too.
 *   auction    better than the auction price: filled whole at that price; at the price: behind a drawn queue.
 *   market     what ten levels could not fill waits for the next book.
 * Own orders never meet each other, and are not shown in the levels.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define THIN_PERCENT      30 /* best levels of a few shares: where partial fills of small orders come from */
#define LEVEL_DEEP_FACTOR 3 /* a level nobody sees holds so many ordinary prints */

static int64_t times(int64_t price_won, int64_t qty)
{
	int64_t won = 0;

	BUG_IF(!won_mul(price_won, qty, &won), "prices and quantities are bounded on entry");
	return won;
}

/* ---- levels ---- */

static void totals(struct exch_quote *quote)
{
	quote->ask_total = quote->bid_total = 0;
	for (int i = 0; i < EXCH_LEVELS; i++) {
		quote->ask_total += quote->ask[i].qty;
		quote->bid_total += quote->bid[i].qty;
	}
}

static int64_t level_qty(struct sim_random *random, int level, int64_t usual)
{
	int64_t qty;

	if (level == 0 && sim_chance(random, THIN_PERCENT))
		return sim_range(random, 1, usual < 20 ? usual : 20);
	qty = usual * (level == 0 ? sim_range(random, 20, 220) : sim_range(random, 60, 500)) / 100;
	return qty < 1 ? 1 : qty;
}

static void levels_fill(struct exchange *ex, struct symbol *symbol, struct sim_random *random, int64_t ask,
			int64_t bid)
{
	struct exch_quote *quote = &symbol->quote;
	struct rules_grid grid = core_grid(ex, symbol);

	for (int i = 0; i < EXCH_LEVELS; i++) {
		int64_t up = rules_price_at(grid, ask + i),
			down = bid - i > 0 ? rules_price_at(grid, bid - i) : 0;
		int64_t up_qty = level_qty(random, i, symbol->usual_print);
		int64_t down_qty = level_qty(random, i, symbol->usual_print);

		quote->ask[i] = (struct exch_level){ 0 };
		quote->bid[i] = (struct exch_level){ 0 };
		if (up <= quote->upper_won)
			quote->ask[i] = (struct exch_level){ up, up_qty };
		if (down >= quote->lower_won && down > 0)
			quote->bid[i] = (struct exch_level){ down, down_qty };
	}
}

static struct sim_random book_random(const struct exchange *ex, struct symbol *symbol)
{
	symbol->book_number++;
	return (struct sim_random){ sim_hash(ex->config.seed ^ (uint64_t)(uint32_t)ex->day.day.yyyymmdd,
					     symbol->quote.code, symbol->book_number) };
}

void book_make(struct exchange *ex, struct symbol *symbol, int64_t price_won, int side)
{
	struct rules_grid grid = core_grid(ex, symbol);
	struct sim_random random = book_random(ex, symbol);
	int64_t ask, bid, gap;

	gap = sim_chance(&random, 10) ? 2 : 1;
	if (side == 0)
		side = sim_chance(&random, 50) ? EXCH_BUY : EXCH_SELL;
	if (side == EXCH_BUY) {
		ask = rules_index_of(grid, price_won);
		if (rules_price_at(grid, ask) < price_won)
			ask++; /* a print between two ticks */
		bid = ask - gap;
	} else {
		bid = rules_index_of(grid, price_won);
		ask = bid + gap;
	}
	levels_fill(ex, symbol, &random, ask, bid);
	totals(&symbol->quote);
}

void book_round(struct exchange *ex, struct symbol *symbol, const struct exch_level *ask,
		const struct exch_level *bid)
{
	struct rules_grid grid = core_grid(ex, symbol);
	struct sim_random random = book_random(ex, symbol);

	levels_fill(ex, symbol, &random, rules_index_of(grid, ask->price_won),
		    rules_index_of(grid, bid->price_won));
	if (ask->qty > 0 && symbol->quote.ask[0].price_won != 0)
		symbol->quote.ask[0].qty = ask->qty;
	if (bid->qty > 0 && symbol->quote.bid[0].price_won != 0)
		symbol->quote.bid[0].qty = bid->qty;
	totals(&symbol->quote);
}

static struct exch_level *levels_against(struct symbol *symbol, enum exch_side side)
{
	return side == EXCH_BUY ? symbol->quote.ask : symbol->quote.bid;
}

static bool reaches(enum exch_side side, int64_t key_won, int64_t price_won)
{
	return side == EXCH_BUY ? price_won <= key_won : price_won >= key_won;
}

/* Shares the market shows at the order's own price, on its own side. */
static int64_t shown_at(const struct symbol *symbol, const struct order *order)
{
	const struct exch_level *own = order->row.side == EXCH_BUY ? symbol->quote.bid : symbol->quote.ask;
	const struct exch_level *last = &own[EXCH_LEVELS - 1];

	for (int i = 0; i < EXCH_LEVELS; i++)
		if (own[i].price_won == order->key_won)
			return own[i].qty;
	if (last->price_won == 0)
		return 0;
	if (order->row.side == EXCH_BUY ? order->key_won < last->price_won : order->key_won > last->price_won)
		return symbol->usual_print * LEVEL_DEEP_FACTOR;
	return 0; /* inside the spread or between levels: first in line */
}

bool book_can_fill(const struct symbol *symbol, enum exch_side side, int64_t key_won, int64_t qty)
{
	const struct exch_level *levels = side == EXCH_BUY ? symbol->quote.ask : symbol->quote.bid;

	for (int i = 0; i < EXCH_LEVELS && qty > 0; i++)
		if (levels[i].qty > 0 && reaches(side, key_won, levels[i].price_won))
			qty -= levels[i].qty;
	return qty <= 0;
}

static void fill(struct exchange *ex, struct order *order, int64_t qty, int64_t price_won)
{
	BUG_IF(!reaches(order->row.side, order->key_won, price_won), "no fill goes through a limit");
	order_fill(ex, order, qty, times(price_won, qty), true);
}

static void emit_book(struct exchange *ex, struct symbol *symbol)
{
	struct exch_event event = { .kind = EXCH_EV_BOOK, .quote = &symbol->quote };

	totals(&symbol->quote);
	core_emit(ex, &event);
	symbol->quote.told_ask_total = symbol->quote.ask_total;
	symbol->quote.told_bid_total = symbol->quote.bid_total;
}

/* Takes levels up to the limit. True when the book changed. */
static bool take_levels(struct exchange *ex, struct order *order)
{
	struct exch_level *levels = levels_against(order->symbol, order->row.side);
	bool took = false;

	for (int i = 0; i < EXCH_LEVELS && order->row.remaining_qty > 0; i++) {
		int64_t qty =
			levels[i].qty < order->row.remaining_qty ? levels[i].qty : order->row.remaining_qty;

		if (levels[i].price_won == 0 || qty == 0)
			continue;
		if (!reaches(order->row.side, order->key_won, levels[i].price_won))
			break;
		levels[i].qty -= qty;
		fill(ex, order, qty, levels[i].price_won);
		took = true;
	}
	return took;
}

/* ---- resting orders ---- */

static size_t side_index(enum exch_side side)
{
	return side == EXCH_BUY ? 1 : 0;
}

static bool comes_before(const struct order *a, const struct order *b)
{
	if (a->key_won != b->key_won)
		return a->row.side == EXCH_BUY ? a->key_won > b->key_won : a->key_won < b->key_won;
	return a->row.turn != b->row.turn ? a->row.turn < b->row.turn : a->index < b->index;
}

void book_stop_add(struct order *order)
{
	struct symbol *symbol = order->symbol;

	if (symbol == NULL || order->waiting || order->row.remaining_qty == 0)
		return;
	symbol->stops =
		core_grow(symbol->stops, &symbol->stop_cap, symbol->stop_count, sizeof(struct order *));
	symbol->stops[symbol->stop_count++] = order;
	order->waiting = true;
}

static void stop_drop(struct order *order)
{
	struct symbol *symbol = order->symbol;
	size_t kept = 0;

	for (size_t i = 0; i < symbol->stop_count; i++)
		if (symbol->stops[i] != order)
			symbol->stops[kept++] = symbol->stops[i];
	BUG_IF(kept + 1 != symbol->stop_count, "a waiting order stands in its list");
	symbol->stop_count = kept;
	order->waiting = false;
}

void book_rest_add(struct exchange *ex, struct order *order)
{
	struct symbol *symbol = order->symbol;
	size_t side = side_index(order->row.side), low = 0, high;

	(void)ex;
	if (symbol == NULL || order->resting || order->row.remaining_qty == 0)
		return;
	symbol->rest[side] = core_grow(symbol->rest[side], &symbol->rest_cap[side], symbol->rest_count[side],
				       sizeof(struct order *));
	high = symbol->rest_count[side];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (comes_before(symbol->rest[side][middle], order))
			low = middle + 1;
		else
			high = middle;
	}
	order->queue_ahead = shown_at(symbol, order);
	if (low > 0 && symbol->rest[side][low - 1]->key_won == order->key_won &&
	    symbol->rest[side][low - 1]->queue_ahead > order->queue_ahead)
		order->queue_ahead = symbol->rest[side][low - 1]->queue_ahead;
	memmove(&symbol->rest[side][low + 1], &symbol->rest[side][low],
		(symbol->rest_count[side] - low) * sizeof(struct order *));
	symbol->rest[side][low] = order;
	symbol->rest_count[side]++;
	order->resting = true;
}

void book_rest_drop(struct order *order)
{
	struct symbol *symbol = order->symbol;
	size_t side = side_index(order->row.side);

	if (order->waiting)
		stop_drop(order);
	if (!order->resting)
		return;
	order->resting = false;
	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		if (symbol->rest[side][i] != order)
			continue;
		symbol->rest_count[side]--;
		memmove(&symbol->rest[side][i], &symbol->rest[side][i + 1],
			(symbol->rest_count[side] - i) * sizeof(struct order *));
		return;
	}
	BUG_IF(true, "a resting order stands in its list");
}

void book_to_market(struct exchange *ex, struct order *order)
{
	book_rest_drop(order);
	order->key_won = order->row.side == EXCH_BUY ? INT64_MAX : 0;
	book_rest_add(ex, order);
}

static void drop_filled(struct symbol *symbol, size_t side)
{
	size_t kept = 0;

	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		struct order *order = symbol->rest[side][i];

		if (order->row.remaining_qty > 0)
			symbol->rest[side][kept++] = order;
		else
			order->resting = false;
	}
	symbol->rest_count[side] = kept;
}

void book_enter(struct exchange *ex, struct order *order)
{
	struct exch_level *levels = levels_against(order->symbol, order->row.side);

	if (ex->config.fill == EXCH_FILL_CROSS && levels[0].price_won > 0 &&
	    reaches(order->row.side, order->key_won, levels[0].price_won)) {
		fill(ex, order, order->row.remaining_qty, levels[0].price_won);
		return;
	}
	if (ex->config.fill == EXCH_FILL_QUEUE && take_levels(ex, order))
		emit_book(ex, order->symbol);
	book_rest_add(ex, order);
}

/* ---- a print against the resting orders of one side ---- */

static void side_auction(struct exchange *ex, struct symbol *symbol, size_t side,
			 const struct path_print *print)
{
	int64_t ours = 0;

	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		struct order *order = symbol->rest[side][i];
		struct sim_random random = { sim_hash(ex->config.seed, order->row.odno,
						      (uint64_t)print->at.us) };
		int64_t ahead, qty = order->row.remaining_qty;

		if (!reaches(order->row.side, order->key_won, print->price_won))
			break;
		if (order->key_won == print->price_won && ex->config.fill == EXCH_FILL_QUEUE) {
			ahead = i > 0 && symbol->rest[side][i - 1]->key_won == order->key_won
					? symbol->rest[side][i - 1]->queue_ahead
					: sim_range(&random, 0, print->qty * 6 / 5);
			order->queue_ahead = ahead;
			if (qty > print->qty - ahead - ours)
				qty = print->qty - ahead - ours;
			if (qty <= 0)
				continue;
			ours += qty;
		}
		fill(ex, order, qty, print->price_won);
	}
}

static void side_print(struct exchange *ex, struct symbol *symbol, size_t side,
		       const struct path_print *print)
{
	enum exch_side own = side == 1 ? EXCH_BUY : EXCH_SELL;
	int64_t ours = 0;

	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		struct order *order = symbol->rest[side][i];
		int64_t qty = order->row.remaining_qty, ahead = order->queue_ahead, reach;

		if (order->key_won == INT64_MAX || order->key_won == 0)
			continue; /* market: takes the new book below */
		if (!reaches(own, order->key_won, print->price_won))
			break;
		if (order->key_won != print->price_won || ex->config.fill == EXCH_FILL_CROSS) {
			fill(ex, order, qty, order->key_won);
			continue;
		}
		if (print->side == (int)own)
			continue; /* the book now stands against it: taken below */
		reach = print->qty - ours;
		order->queue_ahead = reach > ahead ? 0 : ahead - reach;
		if (qty > reach - ahead)
			qty = reach - ahead;
		if (qty <= 0)
			continue;
		ours += qty;
		fill(ex, order, qty, order->key_won);
	}
}

static bool side_levels(struct exchange *ex, struct symbol *symbol, size_t side)
{
	bool took = false;

	for (size_t i = 0; i < symbol->rest_count[side]; i++) {
		struct order *order = symbol->rest[side][i];
		int64_t shown;

		if (order->row.remaining_qty == 0)
			continue;
		took = take_levels(ex, order) || took;
		shown = shown_at(symbol, order);
		if (order->queue_ahead > shown)
			order->queue_ahead = shown;
	}
	return took;
}

static void note_minute(const struct exchange *ex, struct symbol *symbol, const struct path_print *print)
{
	int32_t minute = kst_second_of(print->at) / 60;
	struct exch_bar *bar;

	if (symbol->minutes == NULL)
		symbol->minutes = calloc(CORE_DAY_MINUTES, sizeof(*symbol->minutes));
	BUG_IF(symbol->minutes == NULL, "memory for minute bars");
	bar = &symbol->minutes[minute];
	if (bar->volume == 0)
		*bar = (struct exch_bar){ .day = ex->day.day,
					  .minute_s = minute * 60,
					  .open_won = print->price_won,
					  .high_won = print->price_won,
					  .low_won = print->price_won };
	if (print->price_won > bar->high_won)
		bar->high_won = print->price_won;
	if (print->price_won < bar->low_won)
		bar->low_won = print->price_won;
	bar->close_won = print->price_won;
	bar->volume += print->qty;
	bar->turnover_won += times(print->price_won, print->qty);
}

static void note_print(struct symbol *symbol, const struct path_print *print)
{
	struct exch_quote *quote = &symbol->quote;
	int32_t second = kst_second_of(print->at);

	quote->last_won = print->price_won;
	if (quote->open_won == 0) {
		quote->open_won = print->price_won;
		quote->open_time_s = second;
	}
	if (print->price_won > quote->high_won) {
		quote->high_won = print->price_won;
		quote->high_time_s = second;
	}
	if (quote->low_won == 0 || print->price_won < quote->low_won) {
		quote->low_won = print->price_won;
		quote->low_time_s = second;
	}
	quote->print_at = print->at;
	quote->print_qty = print->qty;
	quote->print_side = print->side;
	quote->print_count++;
	quote->volume += print->qty;
	quote->turnover_won += times(print->price_won, print->qty);
	if (print->side == EXCH_BUY) {
		quote->buy_count++;
		quote->buy_volume += print->qty;
	} else if (print->side == EXCH_SELL) {
		quote->sell_count++;
		quote->sell_volume += print->qty;
	}
}

enum { VI_STATIC = 1, VI_DYNAMIC = 2 };

static void note_vi(struct exchange *ex, const struct exch_quote *quote, int64_t price_won, int kind)
{
	struct exch_vi *vi;

	ex->vis = core_grow(ex->vis, &ex->vi_cap, ex->vi_count, sizeof(*ex->vis));
	vi = &ex->vis[ex->vi_count++];
	*vi = (struct exch_vi){ .kind = kind,
				.won = price_won,
				.base_won = (kind & VI_STATIC) ? quote->vi_base_won : 0,
				.last_won = (kind & VI_DYNAMIC) ? quote->last_won : 0,
				.number = quote->vi_count,
				.from = quote->vi_from,
				.until = quote->vi_until };
	memcpy(vi->code, quote->code, sizeof(vi->code));
}

static bool far_from(int64_t price_won, int64_t from_won, int32_t percent)
{
	int64_t away = price_won > from_won ? price_won - from_won : from_won - price_won;

	return percent > 0 && from_won > 0 && away * 100 >= from_won * percent;
}

/* Static VI: a print that would lie 10 % or more from the last auction price is held back two minutes and a random rest,
 * and then made the auction's own; dynamic VI: one that would lie too far from the print before. Not in the last minutes
 * before the closing call, which is an auction anyway. */
bool book_vi(struct exchange *ex, struct symbol *symbol, struct path_print *print)
{
	struct exch_quote *quote = &symbol->quote;
	struct exch_event event = { .kind = EXCH_EV_STATE, .quote = quote };
	int64_t rest_s = (int64_t)(sim_mix(ex->config.seed ^ (uint64_t)ex->now.us) % (CORE_VI_REST_S + 1));
	struct wall until = wall_add_us(ex->now, (ex->config.vi_s + rest_s) * US_PER_S);
	int kind;

	if (!ex->config.vi || ex->phase != EXCH_PHASE_CONTINUOUS || symbol->tape.count > 0)
		return false;
	if (quote->vi) { /* its end: the held print is the auction */
		quote->vi = false;
		print->side = 0;
		core_emit(ex, &event);
		return false;
	}
	kind = (far_from(print->price_won, quote->vi_base_won, ex->config.vi_percent) ? VI_STATIC : 0) |
	       (quote->print_count > 0 &&
				far_from(print->price_won, quote->last_won, ex->config.vi_dynamic_percent)
			? VI_DYNAMIC
			: 0);
	if (print->side == 0 || kind == 0 ||
	    until.us >= kst_wall(ex->day.day, ex->day.close_s - CORE_CLOSING_S).us)
		return false;
	quote->vi = true;
	quote->vi_count++;
	quote->vi_from = ex->now;
	quote->vi_until = until;
	note_vi(ex, quote, print->price_won, kind);
	core_emit(ex, &event);
	emit_book(ex, symbol);
	return true;
}

/* Resting orders take what the levels now show. */
static void rests_meet_levels(struct exchange *ex, struct symbol *symbol, size_t side, bool *took)
{
	drop_filled(symbol, side);
	if (ex->phase != EXCH_PHASE_CONTINUOUS || ex->config.fill != EXCH_FILL_QUEUE)
		return;
	*took = side_levels(ex, symbol, side) || *took;
	drop_filled(symbol, side);
}

void book_show(struct exchange *ex, struct symbol *symbol)
{
	bool took = false;

	emit_book(ex, symbol);
	if (symbol->rest_count[0] + symbol->rest_count[1] == 0 || symbol->quote.halted || symbol->quote.vi)
		return;
	for (size_t side = 0; side < 2; side++)
		rests_meet_levels(ex, symbol, side, &took);
	if (took)
		emit_book(ex, symbol);
}

/* Stop orders that this trade reaches enter as limit orders, after those that stood in the book. */
static void stops_meet(struct exchange *ex, struct symbol *symbol, int64_t price_won)
{
	for (size_t i = 0; i < symbol->stop_count;) {
		struct order *order = symbol->stops[i];
		bool reached = order->row.side == EXCH_BUY ? price_won >= order->row.trigger_won
							   : price_won <= order->row.trigger_won;

		if (!reached || !hours_in_book(ex, &order->row)) {
			i++;
			continue;
		}
		book_rest_drop(order);
		order_trigger(ex, order);
	}
}

static void rests_meet_print(struct exchange *ex, struct symbol *symbol, const struct path_print *print)
{
	bool took = false;

	for (size_t side = 0; side < 2; side++) {
		if (print->side == 0)
			side_auction(ex, symbol, side, print);
		else
			side_print(ex, symbol, side, print);
		rests_meet_levels(ex, symbol, side, &took);
	}
	if (took)
		emit_book(ex, symbol);
}

void book_print(struct exchange *ex, struct symbol *symbol, const struct path_print *print)
{
	const struct tape_entry *entry =
		symbol->tape.at > 0 ? &symbol->tape.entries[symbol->tape.at - 1] : NULL;
	struct exch_event event = { .kind = EXCH_EV_TRADE, .quote = &symbol->quote };

	note_print(symbol, print);
	if (print->side == 0 && ex->phase != EXCH_PHASE_CLOSING_CALL)
		symbol->quote.vi_base_won = print->price_won;
	if (symbol->quote.opening_qty == 0)
		symbol->quote.opening_qty = print->qty;
	note_minute(ex, symbol, print);
	if (entry != NULL && entry->ask.price_won > 0 && entry->bid.price_won > 0 &&
	    entry->price_won == print->price_won)
		book_round(ex, symbol, &entry->ask, &entry->bid);
	else
		book_make(ex, symbol, print->price_won, print->side);
	core_emit(ex, &event);
	emit_book(ex, symbol);
	if (symbol->quote.halted)
		return;
	/* In a call auction only the auction's own print trades. */
	if (print->side != 0 && (ex->phase != EXCH_PHASE_CONTINUOUS || symbol->quote.vi))
		return;
	if (ex->config.fill != EXCH_FILL_NEVER && symbol->rest_count[0] + symbol->rest_count[1] > 0)
		rests_meet_print(ex, symbol, print);
	if (ex->phase != EXCH_PHASE_CLOSED)
		stops_meet(ex, symbol, print->price_won);
}
