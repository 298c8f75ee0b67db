/*
 * orders - taking, changing, filling and listing orders.
 *
 *   order_place -> (book_enter) -> live --order_fill--> filled
 *               -> (book_stop_add) -> waits --order_trigger--> (book_enter)
 *               -> (orders of other hours, hours.c) -> waits --orders_moment--> matched, or (book_enter)
 *                                   |---- change cancel -> cancelled     (row of its own, its own number)
 *                                   |---- change modify -> replaced      (the new row goes on, same chain)
 *                                   |---- orders_expire -> rejected      (end of the day)
 *
 * A listing shows an order through order_seen, which follows the row with the listing's delay.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define SINGLE_BAND_BP 1000 /* the single price after hours, from the close */

static int64_t times(int64_t price_won, int64_t qty)
{
	int64_t won = 0;

	BUG_IF(!won_mul(price_won, qty, &won), "prices and quantities are bounded on entry");
	return won;
}

/* ---- order types ---- */

enum venue { KRX = 1, NXT = 2, SOR = 4 };
struct order_type {
	char dvsn[EXCH_DVSN_SIZE];
	int venues;
	bool paper, limit, market, opposite_best, own_best, mid, stop, at_once, whole;
	bool closing; /* at a price that is fixed already */
	bool single;
};
/* clang-format off */
static const struct order_type types[] = {
	{ .dvsn = "00", .venues = KRX | NXT | SOR, .limit = true, .paper = true },
	{ .dvsn = "01", .venues = KRX | SOR, .paper = true, .market = true },
	{ .dvsn = "02", .venues = KRX },
	{ .dvsn = "03", .venues = KRX | NXT | SOR, .opposite_best = true },
	{ .dvsn = "04", .venues = KRX | NXT | SOR, .own_best = true },
	{ .dvsn = "05", .venues = KRX, .closing = true },
	{ .dvsn = "06", .venues = KRX, .closing = true },
	{ .dvsn = "07", .venues = KRX, .single = true },
	{ .dvsn = "11", .venues = KRX | NXT | SOR, .limit = true, .at_once = true },
	{ .dvsn = "12", .venues = KRX | NXT | SOR, .limit = true, .at_once = true, .whole = true },
	{ .dvsn = "13", .venues = KRX | NXT | SOR, .market = true, .at_once = true },
	{ .dvsn = "14", .venues = KRX | NXT | SOR, .market = true, .at_once = true, .whole = true },
	{ .dvsn = "15", .venues = KRX | NXT | SOR, .opposite_best = true, .at_once = true },
	{ .dvsn = "16", .venues = KRX | NXT | SOR, .opposite_best = true, .at_once = true, .whole = true },
	{ .dvsn = "21", .venues = KRX | NXT, .mid = true },
	{ .dvsn = "22", .venues = KRX | NXT, .stop = true },
	{ .dvsn = "23", .venues = KRX | NXT, .mid = true, .at_once = true },
	{ .dvsn = "24", .venues = KRX | NXT, .mid = true, .at_once = true, .whole = true },
};
/* clang-format on */

static const struct order_type *type_of(const char *dvsn)
{
	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		if (strcmp(types[i].dvsn, dvsn) == 0)
			return &types[i];
	return NULL;
}

bool order_is_market(const char *dvsn)
{
	const struct order_type *type = type_of(dvsn);

	return type != NULL && type->market;
}

/* ---- numbers ---- */

bool odno_normal(const char *text, char out[static EXCH_ODNO_SIZE])
{
	size_t len = strlen(text);
	bool digits = len > 0;

	while (len > 0 && text[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		digits = digits && text[i] >= '0' && text[i] <= '9';
	if (len == 0 || len >= EXCH_ODNO_SIZE)
		return false;
	memset(out, 0, EXCH_ODNO_SIZE);
	if (digits && len < EXCH_ODNO_SIZE - 2) {
		memset(out, '0', EXCH_ODNO_SIZE - 2 - len);
		memcpy(out + EXCH_ODNO_SIZE - 2 - len, text, len);
	} else {
		memcpy(out, text, len);
	}
	return true;
}

static uint64_t slot_hash(struct kst_day day, const char *odno)
{
	return sim_hash(0, odno, (uint64_t)day.yyyymmdd);
}

static void slots_put(struct exchange *ex, size_t index)
{
	const struct exch_order *row = &ex->orders[index]->row;
	size_t slot = slot_hash(row->day, row->odno) & (ex->slot_cap - 1);

	while (ex->slots[slot] != 0)
		slot = (slot + 1) & (ex->slot_cap - 1);
	ex->slots[slot] = index + 1;
}

static void slots_grow(struct exchange *ex)
{
	if (ex->order_count * 2 < ex->slot_cap)
		return;
	free(ex->slots);
	ex->slot_cap = ex->slot_cap == 0 ? 1024 : ex->slot_cap * 2;
	ex->slots = calloc(ex->slot_cap, sizeof(*ex->slots));
	BUG_IF(ex->slots == NULL, "memory for the index of orders");
	for (size_t i = 0; i < ex->order_count; i++)
		slots_put(ex, i);
}

struct order *order_find(const struct exchange *ex, struct kst_day day, const char *odno)
{
	char normal[EXCH_ODNO_SIZE];
	size_t slot;

	if (ex->slot_cap == 0 || !odno_normal(odno, normal))
		return NULL;
	for (slot = slot_hash(day, normal) & (ex->slot_cap - 1); ex->slots[slot] != 0;
	     slot = (slot + 1) & (ex->slot_cap - 1)) {
		struct order *order = ex->orders[ex->slots[slot] - 1];

		if (kst_day_same(order->row.day, day) && strcmp(order->row.odno, normal) == 0)
			return order;
	}
	return NULL;
}

static void odno_take(struct exchange *ex, const char *excg, char out[static EXCH_ODNO_SIZE])
{
	int64_t step = strcmp(excg, "SOR") == 0 ? ex->config.odno_sor_step : 0;

	if (step > 1)
		ex->odno_next = (ex->odno_next + step - 1) / step * step;
	do {
		snprintf(out, EXCH_ODNO_SIZE, "%010lld", (long long)(ex->odno_next % 10000000000));
		ex->odno_next += ex->config.odno_step;
	} while (order_find(ex, ex->day.day, out) != NULL);
}

/* ---- one order ---- */

struct order *order_add(struct exchange *ex, const struct exch_order *row)
{
	struct order *order = calloc(1, sizeof(*order));

	BUG_IF(order == NULL, "memory for an order");
	order->row = *row;
	order->symbol = core_symbol(ex, row->code);
	order->index = ex->order_count;
	if (order->row.turn == 0)
		order->row.turn = ++ex->turn_next;
	else if (ex->turn_next < order->row.turn)
		ex->turn_next = order->row.turn;
	if (order->row.copies == 0)
		order->row.copies = 1;
	ex->orders = core_grow(ex->orders, &ex->order_cap, ex->order_count, sizeof(struct order *));
	ex->orders[ex->order_count++] = order;
	if (ex->order_count * 2 >= ex->slot_cap)
		slots_grow(ex);
	else
		slots_put(ex, order->index);
	return order;
}

static bool row_fits(const struct exch_order *row)
{
	return row->qty == row->filled_qty + row->cancelled_qty + row->replaced_qty + row->rejected_qty +
				   row->remaining_qty;
}

static void update_apply(struct exchange *ex, const struct update *update)
{
	struct order_seen *seen = &ex->orders[update->order]->seen[update->list];

	if (update->seen.version > seen->version)
		*seen = update->seen;
}

void order_changed(struct exchange *ex, struct order *order)
{
	const struct exch_order *row = &order->row;
	int64_t lag_us[CORE_LISTS] = { [CORE_DAILY] = ex->lags.daily_us, [CORE_OPEN] = ex->lags.open_us };

	BUG_IF(!row->truth && !row_fits(row), "an order's parts make its quantity");
	order->version++;
	for (int list = 0; list < CORE_LISTS; list++) {
		struct update update = { .due = wall_add_us(ex->now, lag_us[list]),
					 .list = (enum core_list)list,
					 .order = order->index,
					 .seen = { .listed = true,
						   .version = order->version,
						   .filled_qty = row->filled_qty,
						   .filled_won = row->filled_won,
						   .cancelled_qty = row->cancelled_qty,
						   .replaced_qty = row->replaced_qty,
						   .rejected_qty = row->rejected_qty,
						   .remaining_qty = row->remaining_qty,
						   .cost_won = row->cost_won,
						   .last_fill_at = row->last_fill_at,
						   .triggered_at = row->triggered_at } };
		size_t place;

		if (lag_us[list] == 0) {
			update_apply(ex, &update);
			continue;
		}
		ex->updates = core_grow(ex->updates, &ex->update_cap, ex->update_count, sizeof(*ex->updates));
		for (place = ex->update_count; place > 0 && ex->updates[place - 1].due.us > update.due.us;
		     place--)
			ex->updates[place] = ex->updates[place - 1];
		ex->updates[place] = update;
		ex->update_count++;
	}
}

static void updates_due(struct exchange *ex, bool all)
{
	size_t done = 0;

	for (; done < ex->update_count && (all || ex->updates[done].due.us <= ex->now.us); done++)
		update_apply(ex, &ex->updates[done]);
	if (done == 0)
		return;
	ex->update_count -= done;
	memmove(ex->updates, ex->updates + done, ex->update_count * sizeof(*ex->updates));
}

void core_pump(struct exchange *ex)
{
	updates_due(ex, false);
	postings_due(ex, false);
}

void core_pump_all(struct exchange *ex)
{
	updates_due(ex, true);
	postings_due(ex, true);
}

/* Orders without a price, and those that lose it in the closing call, reserve at the upper limit. */
static int64_t reserve_won(const struct exchange *ex, size_t account, const struct symbol *symbol,
			   const char *dvsn, int64_t price_won, int64_t qty)
{
	bool upper = symbol != NULL && (order_is_market(dvsn) || strcmp(dvsn, "02") == 0);
	int64_t price = upper ? symbol->quote.upper_won : price_won;
	int64_t amount = times(price, qty);

	return amount + rules_commission_max_won(ex->accounts[account].who.commission_ppm, amount);
}

static bool order_live(const struct exchange *ex, const struct order *order)
{
	return order->row.remaining_qty > 0 && order->row.kind != EXCH_ORDER_CANCEL &&
	       kst_day_same(order->row.day, ex->day.day);
}

void order_reserve(struct exchange *ex, struct order *order)
{
	struct account *account = &ex->accounts[order->row.account];
	bool live = order_live(ex, order);

	if (order->row.side == EXCH_BUY) {
		account->reserve_won -= order->reserve_won;
		order->reserve_won =
			live ? reserve_won(ex, order->row.account, order->symbol, order->row.dvsn,
					   order->row.price_won, order->row.remaining_qty)
			     : 0;
		account->reserve_won += order->reserve_won;
	} else {
		int64_t want = live ? order->row.remaining_qty : 0;
		struct posting posting = { .account = order->row.account,
					   .reserve_qty = want - order->reserve_qty };

		if (posting.reserve_qty == 0)
			return;
		memcpy(posting.code, order->row.code, sizeof(posting.code));
		order->reserve_qty = want;
		posting_put(ex, &posting, order->row.visible_at);
	}
}

void order_fill(struct exchange *ex, struct order *order, int64_t qty, int64_t won, bool tell)
{
	struct exch_order *row = &order->row;
	struct posting posting = { .account = row->account };
	int64_t price_won;

	BUG_IF(qty <= 0 || won < 0 || qty > row->remaining_qty, "a fill takes part of what is open");
	price_won = won / qty;
	memcpy(posting.code, row->code, sizeof(posting.code));
	row->filled_qty += qty;
	row->filled_won += won;
	row->remaining_qty -= qty;
	row->last_fill_at = ex->now;
	row->cost_won = exch_cost_estimate(ex, row->account, row->code, row->side, row->filled_won);
	if (row->side == EXCH_BUY) {
		posting.buy_qty = qty;
		posting.buy_won = won;
	} else {
		int64_t release = order->reserve_qty < qty ? order->reserve_qty : qty;

		posting.sell_qty = qty;
		posting.sell_won = won;
		posting.reserve_qty = -release;
		order->reserve_qty -= release;
	}
	posting_put(ex, &posting, row->visible_at);
	order_reserve(ex, order);
	ex->fills = core_grow(ex->fills, &ex->fill_cap, ex->fill_count, sizeof(*ex->fills));
	ex->fills[ex->fill_count++] = (struct fill){ order->index, ex->now, qty, won };
	order_changed(ex, order);
	resvs_follow(ex, order);
	if (tell) {
		struct exch_event event = {
			.kind = EXCH_EV_FILL, .order = row, .qty = qty, .price_won = price_won
		};

		core_emit(ex, &event);
	}
}

/* ---- taking an order ---- */

static int venue_of(const char *excg)
{
	if (excg[0] == '\0' || strcmp(excg, "KRX") == 0)
		return KRX;
	return strcmp(excg, "NXT") == 0 ? NXT : strcmp(excg, "SOR") == 0 ? SOR : 0;
}

static bool excg_known(const struct exchange *ex, const char *excg)
{
	int venue = venue_of(excg);

	return venue == KRX || (venue != 0 && !ex->config.paper);
}

/* What an order or a modify asks for. */
struct terms {
	enum exch_side side;
	const char *dvsn, *excg;
	int64_t price_won, trigger_won;
};

static enum exch_refusal check_type(const struct exchange *ex, const struct symbol *symbol,
				    const struct terms *terms, const struct order_type *type)
{
	if (type == NULL || (type->venues & venue_of(terms->excg)) == 0 || (ex->config.paper && !type->paper))
		return EXCH_NO_TYPE;
	if (hours_limit_only(ex, terms->excg))
		return type->limit ? EXCH_ACCEPTED : EXCH_NO_LIMIT_TYPE;
	if ((ex->phase != EXCH_PHASE_CONTINUOUS || symbol->quote.vi) &&
	    (type->at_once || type->opposite_best || type->own_best || type->mid))
		return EXCH_NO_TYPE;
	return EXCH_ACCEPTED;
}

static enum exch_refusal check_price(struct rules_grid grid, int64_t price_won, int64_t upper_won,
				     int64_t lower_won, bool any_step)
{
	if (price_won <= 0 || price_won > CORE_PRICE_MAX)
		return EXCH_NO_PRICE;
	if (price_won > upper_won || price_won < lower_won)
		return EXCH_NO_BAND;
	return any_step || rules_on_grid(grid, price_won) ? EXCH_ACCEPTED : EXCH_NO_TICK;
}

/* The limit of an order: what is asked for, or what its type takes from the market. */
static int64_t limit_of(const struct exch_quote *quote, const struct terms *terms,
			const struct order_type *type)
{
	bool buy = terms->side == EXCH_BUY;
	int64_t ask = quote->ask[0].price_won, bid = quote->bid[0].price_won;

	if (type->opposite_best)
		return buy ? ask : bid;
	if (type->own_best)
		return buy ? bid : ask;
	if (type->mid)
		return ask == 0 || bid == 0 ? 0 : (ask + bid) / 2;
	if (type->closing)
		return strcmp(type->dvsn, "05") == 0 ? quote->prev_close_won : quote->last_won;
	return terms->price_won;
}

/* Type, exchange, price. *out_price_won is the limit, 0 for market. */
static enum exch_refusal check_terms(const struct exchange *ex, const struct symbol *symbol,
				     const struct terms *terms, int64_t *out_price_won)
{
	const struct order_type *type = type_of(terms->dvsn);
	const struct exch_quote *quote = &symbol->quote;
	struct rules_grid grid = core_grid(ex, symbol);
	int64_t upper = quote->upper_won, lower = quote->lower_won, price;
	enum exch_refusal refusal = check_type(ex, symbol, terms, type);

	if (refusal != EXCH_ACCEPTED)
		return refusal;
	if (type->market) {
		*out_price_won = 0;
		return EXCH_ACCEPTED;
	}
	price = limit_of(quote, terms, type);
	if (type->single) {
		int64_t up, down;

		rules_band_of(grid, quote->last_won, SINGLE_BAND_BP, &up, &down);
		upper = up < upper ? up : upper;
		lower = down > lower ? down : lower;
	}
	refusal = check_price(grid, price, upper, lower, type->mid || type->closing);
	if (refusal == EXCH_ACCEPTED && type->stop)
		refusal = check_price(grid, terms->trigger_won, upper, lower, false);
	if (refusal == EXCH_ACCEPTED)
		*out_price_won = price;
	return refusal;
}

static enum exch_refusal check_means(const struct exchange *ex, const struct exch_request *request,
				     const struct symbol *symbol, int64_t price_won)
{
	const struct holding *holding;

	if (request->side == EXCH_BUY) {
		int64_t need =
			reserve_won(ex, request->account, symbol, request->dvsn, price_won, request->qty);

		return need > account_cash_now(ex, request->account) ? EXCH_NO_CASH : EXCH_ACCEPTED;
	}
	holding = ledger_find(&ex->accounts[request->account].real, request->code);
	if (holding == NULL || holding->qty <= 0)
		return EXCH_NO_HOLDING;
	return exch_sellable_of(ex, request->account, request->code) < request->qty ? EXCH_NO_SHARES
										    : EXCH_ACCEPTED;
}

static enum exch_refusal check_request(const struct exchange *ex, const struct exch_request *request,
				       bool any_hour, int64_t *out_price_won)
{
	const struct terms terms = { request->side, request->dvsn, request->excg, request->price_won,
				     request->trigger_won };
	const struct symbol *symbol;
	enum exch_refusal refusal;

	BUG_IF(request->account >= ex->account_count, "the caller knows its accounts");
	BUG_IF(request->side != EXCH_BUY && request->side != EXCH_SELL, "the caller says buy or sell");
	if (!ex->day.trading)
		return EXCH_NO_DAY;
	if (!any_hour && !hours_take(ex, request->dvsn, request->excg))
		return EXCH_NO_HOURS;
	symbol = core_symbol(ex, request->code);
	if (symbol == NULL)
		return EXCH_NO_SYMBOL;
	if (!excg_known(ex, request->excg))
		return EXCH_NO_EXCHANGE;
	if (request->qty <= 0 || request->qty > CORE_QTY_MAX)
		return EXCH_NO_QTY;
	if (request->price_won < 0 || request->price_won > CORE_PRICE_MAX)
		return EXCH_NO_PRICE;
	if (symbol->quote.halted)
		return EXCH_NO_HALT;
	refusal = check_terms(ex, symbol, &terms, out_price_won);
	if (refusal != EXCH_ACCEPTED)
		return refusal;
	return check_means(ex, request, symbol, *out_price_won);
}

static void tell(struct exchange *ex, enum exch_event_kind kind, const struct order *order,
		 const struct order *original, int64_t qty, int64_t price_won)
{
	struct exch_event event = { .kind = kind,
				    .order = &order->row,
				    .original = original == NULL ? NULL : &original->row,
				    .qty = qty,
				    .price_won = price_won };

	core_emit(ex, &event);
}

static int64_t key_of(enum exch_side side, bool market, int64_t price_won)
{
	if (!market)
		return price_won;
	return side == EXCH_BUY ? INT64_MAX : 0;
}

static void cancel_rest(struct exchange *ex, struct order *order)
{
	int64_t qty = order->row.remaining_qty;

	if (qty == 0)
		return;
	book_rest_drop(order);
	order->row.cancelled_qty += qty;
	order->row.remaining_qty = 0;
	order_reserve(ex, order);
	order_changed(ex, order);
	tell(ex, EXCH_EV_REST_CANCELLED, order, NULL, qty, order->row.price_won);
}

/* Mid-price orders meet others that nobody sees: as many shares as are drawn, at the middle of the quotes of their
 * arrival. What is left rests at that price, inside the spread. */
static void mid_enter(struct exchange *ex, struct order *order, bool whole)
{
	struct sim_random random = { sim_hash(ex->config.seed, order->row.odno, (uint64_t)ex->now.us) };
	int64_t qty = sim_range(&random, 0, 2 * order->symbol->usual_print);

	if (qty > order->row.remaining_qty)
		qty = order->row.remaining_qty;
	if (qty > 0 && ex->config.fill != EXCH_FILL_NEVER && (!whole || qty == order->row.remaining_qty))
		order_fill(ex, order, qty, times(order->row.price_won, qty), true);
	book_rest_add(ex, order);
}

static bool stop_waits(const struct exch_order *row)
{
	return strcmp(row->dvsn, "22") == 0 && row->trigger_won > 0 && row->triggered_at.us == 0;
}

void order_rest(struct exchange *ex, struct order *order)
{
	if (hours_apart(&order->row) && !ex->apart) {
		ex->apart = true;
		ex->moment_done_us = ex->now.us;
	}
	if (stop_waits(&order->row))
		book_stop_add(order);
	else if (hours_in_book(ex, &order->row))
		book_rest_add(ex, order);
}

/* Orders at the closing price and of the single price, at their matching: whom they meet there is not in any data. */
static void apart_match(struct exchange *ex, struct order *order)
{
	const struct exch_order *row = &order->row;
	int64_t close_won = order->symbol == NULL ? 0 : order->symbol->quote.last_won,
		qty = row->remaining_qty;
	int64_t price_won = strcmp(row->dvsn, "07") == 0 ? close_won : row->price_won;
	struct sim_random random = { sim_hash(ex->config.seed, row->odno, (uint64_t)ex->now.us) };

	if (ex->config.after_fill == EXCH_AFTER_REST || ex->config.fill == EXCH_FILL_NEVER ||
	    order->symbol == NULL || order->symbol->quote.halted)
		return;
	if (row->side == EXCH_BUY ? price_won > row->price_won : price_won < row->price_won)
		return;
	if (ex->config.after_fill == EXCH_AFTER_DRAWN) {
		int64_t drawn = sim_range(&random, 0, 2 * order->symbol->usual_print);

		qty = drawn < qty ? drawn : qty;
	}
	if (qty > 0)
		order_fill(ex, order, qty, times(price_won, qty), true);
}

/* Brings an accepted order to the market: at once, or to wait for the call auction, its trigger or its hours. */
static void order_enter(struct exchange *ex, struct order *order)
{
	const struct order_type *type = type_of(order->row.dvsn);
	bool whole = type != NULL && type->whole;

	BUG_IF(order->symbol == NULL, "requests for codes that are not listed were refused");
	if (ex->phase != EXCH_PHASE_CONTINUOUS || order->symbol->quote.vi || stop_waits(&order->row) ||
	    !hours_in_book(ex, &order->row)) {
		order_rest(ex, order);
		if (hours_match(ex, &order->row, true))
			apart_match(ex, order);
		if (type != NULL && type->at_once) /* NXT outside its main market */
			cancel_rest(ex, order);
		return;
	}
	if (type != NULL && type->mid)
		mid_enter(ex, order, whole);
	else if (!whole ||
		 book_can_fill(order->symbol, order->row.side, order->key_won, order->row.remaining_qty))
		book_enter(ex, order);
	if (type != NULL && type->at_once)
		cancel_rest(ex, order);
}

/* What control prepared for the next order: a number, a fill, a delay. True when there was something. */
static bool next_take(struct exchange *ex, struct exch_next *out)
{
	if (ex->next_count == 0)
		return false;
	*out = ex->nexts[0];
	ex->next_count--;
	memmove(ex->nexts, ex->nexts + 1, ex->next_count * sizeof(*ex->nexts));
	return true;
}

static void next_fill(struct exchange *ex, struct order *order, const struct exch_next *next)
{
	int64_t qty =
		next->filled_qty < order->row.remaining_qty ? next->filled_qty : order->row.remaining_qty;
	int64_t price = order->row.price_won > 0 ? order->row.price_won : order->symbol->quote.last_won;

	if (qty > 0)
		order_fill(ex, order, qty, next->filled_won >= 0 ? next->filled_won : times(price, qty),
			   true);
	if (next->filled_qty > 0 && order->row.remaining_qty > 0)
		order_rest(ex, order);
}

enum exch_refusal order_place(struct exchange *ex, const struct exch_request *request, bool any_hour,
			      struct order **out)
{
	struct exch_next next = { .filled_won = -1 };
	struct exch_order row = { .day = ex->day.day, .account = request->account, .side = request->side };
	struct order *order;
	int64_t price_won = 0;
	enum exch_refusal refusal = check_request(ex, request, any_hour, &price_won);
	bool prepared;

	if (refusal != EXCH_ACCEPTED)
		return refusal;
	prepared = next_take(ex, &next);
	if (core_copy(row.code, sizeof(row.code), request->code, "code") != REASON_OK ||
	    core_copy(row.dvsn, sizeof(row.dvsn), request->dvsn, "type") != REASON_OK ||
	    core_copy(row.excg, sizeof(row.excg), request->excg[0] == '\0' ? "KRX" : request->excg,
		      "exchange") != REASON_OK ||
	    core_copy(row.branch, sizeof(row.branch), ex->accounts[request->account].who.branch, "branch") !=
		    REASON_OK ||
	    core_copy(row.by, sizeof(row.by), request->by[0] == '\0' ? "API" : request->by, "by") !=
		    REASON_OK)
		return EXCH_NO_TYPE;
	if (next.odno[0] == '\0' || !odno_normal(next.odno, row.odno) ||
	    order_find(ex, ex->day.day, row.odno) != NULL)
		odno_take(ex, row.excg, row.odno);
	row.price_won = price_won;
	row.trigger_won = type_of(row.dvsn)->stop ? request->trigger_won : 0;
	row.qty = row.remaining_qty = request->qty;
	row.at = ex->now;
	row.copies = next.copies;
	if (next.visible_after_us > 0)
		row.visible_at = wall_add_us(ex->now, next.visible_after_us);
	order = order_add(ex, &row);
	order->key_won = key_of(row.side, price_won == 0, price_won);
	order_reserve(ex, order);
	order_changed(ex, order);
	tell(ex, EXCH_EV_ORDER_RECEIVED, order, NULL, row.qty, row.price_won);
	if (prepared && next.filled_qty > 0)
		next_fill(ex, order, &next);
	else
		order_enter(ex, order);
	*out = order;
	return EXCH_ACCEPTED;
}

enum exch_refusal exch_order_new(struct exchange *ex, const struct exch_request *request,
				 const struct exch_order **out_order)
{
	struct order *order = NULL;
	enum exch_refusal refusal = order_place(ex, request, false, &order);

	if (refusal == EXCH_ACCEPTED)
		*out_order = &order->row;
	return refusal;
}

enum exch_refusal exch_order_check(struct exchange *ex, const struct exch_request *request)
{
	int64_t price_won;

	return check_request(ex, request, false, &price_won);
}

/* ---- modify and cancel ---- */

static enum exch_refusal check_change(const struct exchange *ex, const struct exch_change *change,
				      struct order **out_original, int64_t *out_qty)
{
	struct order *original;
	bool mine;

	BUG_IF(change->account >= ex->account_count, "the caller knows its accounts");
	if (!ex->day.trading)
		return EXCH_NO_DAY;
	original = order_find(ex, ex->day.day, change->orig);
	mine = original != NULL && original->row.account == change->account;
	if (!hours_take(ex, "00", "KRX") && !(mine && hours_change(ex, &original->row)))
		return EXCH_NO_HOURS;
	if (change->excg != NULL && !excg_known(ex, change->excg))
		return EXCH_NO_EXCHANGE;
	if (!mine)
		return EXCH_NO_ORDER;
	if (change->excg != NULL &&
	    strcmp(change->excg[0] == '\0' ? "KRX" : change->excg, original->row.excg) != 0)
		return EXCH_NO_SAME_EXCHANGE;
	if (ex->config.branch_checked && change->branch[0] != '\0' &&
	    strcmp(change->branch, original->row.branch) != 0)
		return EXCH_NO_BRANCH;
	if (!order_live(ex, original))
		return EXCH_NO_REST;
	if (!change->all && change->qty <= 0)
		return EXCH_NO_QTY;
	if (!change->all && change->qty > original->row.remaining_qty)
		return EXCH_NO_CHANGE_QTY;
	*out_original = original;
	*out_qty = change->all ? original->row.remaining_qty : change->qty;
	return EXCH_ACCEPTED;
}

static int64_t modify_trigger(const struct exch_change *change, const struct exch_order *row)
{
	return change->trigger_won > 0 ? change->trigger_won : row->trigger_won;
}

static enum exch_refusal check_modify(const struct exchange *ex, const struct exch_change *change,
				      const struct order *original, int64_t qty, int64_t *out_price_won)
{
	const struct exch_order *row = &original->row;
	const struct terms terms = { row->side, change->dvsn, row->excg, change->price_won,
				     modify_trigger(change, row) };
	enum exch_refusal refusal;
	int64_t need, freed;

	if (original->symbol == NULL)
		return EXCH_NO_SYMBOL;
	if (original->symbol->quote.halted)
		return EXCH_NO_HALT;
	if (change->price_won < 0 || change->price_won > CORE_PRICE_MAX)
		return EXCH_NO_PRICE;
	if (!hours_take(ex, change->dvsn, row->excg))
		return EXCH_NO_HOURS;
	refusal = check_terms(ex, original->symbol, &terms, out_price_won);
	if (refusal != EXCH_ACCEPTED || row->side == EXCH_SELL)
		return refusal;
	need = reserve_won(ex, row->account, original->symbol, change->dvsn, *out_price_won, qty);
	freed = original->reserve_won - (row->remaining_qty == qty
						 ? 0
						 : reserve_won(ex, row->account, original->symbol, row->dvsn,
							       row->price_won, row->remaining_qty - qty));
	return need - freed > account_cash_now(ex, row->account) ? EXCH_NO_CASH : EXCH_ACCEPTED;
}

static struct order *change_row(struct exchange *ex, const struct exch_change *change,
				const struct order *original, int64_t qty)
{
	struct exch_order row = original->row;

	row.kind = change->cancel ? EXCH_ORDER_CANCEL : EXCH_ORDER_MODIFY;
	memcpy(row.orig, original->row.odno, sizeof(row.orig));
	odno_take(ex, row.excg, row.odno);
	row.qty = qty;
	row.filled_qty = row.filled_won = row.replaced_qty = row.rejected_qty = row.cost_won = 0;
	row.cancelled_qty = change->cancel ? qty : 0;
	row.remaining_qty = change->cancel ? 0 : qty;
	row.at = ex->now;
	row.last_fill_at = row.visible_at = (struct wall){ 0 };
	row.copies = 1;
	row.truth = false;
	row.turn = 0;
	if (core_copy(row.by, sizeof(row.by), change->by[0] == '\0' ? "API" : change->by, "by") != REASON_OK)
		row.by[0] = '\0';
	return order_add(ex, &row);
}

static void do_cancel(struct exchange *ex, struct order *order, struct order *original, int64_t qty)
{
	original->row.remaining_qty -= qty;
	original->row.cancelled_qty += qty;
	if (original->row.remaining_qty == 0)
		book_rest_drop(original);
	order_reserve(ex, original);
	order_changed(ex, original);
	order_changed(ex, order);
	tell(ex, EXCH_EV_ORDER_RECEIVED, order, original, qty, 0);
	tell(ex, EXCH_EV_CANCELLED, order, original, qty, 0);
}

/* A trigger that was reached stays reached, unless the modify names another one. A change of the quantity alone keeps
 * the order's place in the book. */
static void modify_row(struct exch_order *row, const struct order *original, const struct exch_change *change,
		       int64_t price_won)
{
	const struct exch_order *before = &original->row;
	bool same = strcmp(before->dvsn, change->dvsn) == 0, stop = type_of(change->dvsn)->stop;

	BUG_IF(core_copy(row->dvsn, EXCH_DVSN_SIZE, change->dvsn, "type") != REASON_OK,
	       "the type was checked");
	row->price_won = price_won;
	row->trigger_won = stop ? modify_trigger(change, before) : 0;
	if (!stop || row->trigger_won != before->trigger_won)
		row->triggered_at = (struct wall){ 0 };
	if (same && original->resting && price_won == before->price_won &&
	    row->triggered_at.us == before->triggered_at.us)
		row->turn = before->turn;
}

static void do_modify(struct exchange *ex, struct order *order, struct order *original, int64_t qty)
{
	int64_t ahead = original->queue_ahead;

	original->row.remaining_qty -= qty;
	original->row.replaced_qty += qty;
	if (original->row.remaining_qty == 0)
		book_rest_drop(original);
	order_reserve(ex, original);
	order_reserve(ex, order);
	order_changed(ex, original);
	order_changed(ex, order);
	tell(ex, EXCH_EV_ORDER_RECEIVED, order, original, qty, order->row.price_won);
	tell(ex, EXCH_EV_MODIFIED, order, original, qty, order->row.price_won);
	order_enter(ex, order);
	if (order->resting && order->row.turn == original->row.turn)
		order->queue_ahead = ahead;
}

enum exch_refusal exch_order_change(struct exchange *ex, const struct exch_change *change,
				    const struct exch_order **out_order)
{
	struct order *original = NULL, *order;
	int64_t qty = 0, price_won = 0;
	enum exch_refusal refusal = check_change(ex, change, &original, &qty);

	if (refusal == EXCH_ACCEPTED && !change->cancel)
		refusal = check_modify(ex, change, original, qty, &price_won);
	if (refusal != EXCH_ACCEPTED)
		return refusal;
	order = change_row(ex, change, original, qty);
	if (change->cancel) {
		do_cancel(ex, order, original, qty);
	} else {
		modify_row(&order->row, original, change, price_won);
		order->key_won = key_of(order->row.side, price_won == 0, price_won);
		do_modify(ex, order, original, qty);
	}
	*out_order = &order->row;
	return EXCH_ACCEPTED;
}

/* ---- the day's turning points ---- */

void order_trigger(struct exchange *ex, struct order *order)
{
	order->row.triggered_at = ex->now;
	order->row.turn = ++ex->turn_next; /* its place in the book begins now */
	order_changed(ex, order);
	order_enter(ex, order);
}

void orders_moment(struct exchange *ex)
{
	for (size_t i = ex->today_first; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];

		if (!order_live(ex, order) || !hours_apart(&order->row) || order->symbol == NULL ||
		    (order->row.truth && !row_fits(&order->row)))
			continue;
		if (hours_match(ex, &order->row, false))
			apart_match(ex, order);
		else if (order->resting && !hours_in_book(ex, &order->row))
			book_rest_drop(order);
		else if (!order->resting && !order->waiting && hours_in_book(ex, &order->row))
			order_enter(ex, order);
	}
	orders_expire(ex);
}

void orders_expire(struct exchange *ex)
{
	for (size_t i = ex->today_first; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];
		int64_t qty = order->row.remaining_qty;

		if (!order_live(ex, order) || (order->row.truth && !row_fits(&order->row)) ||
		    kst_second_of(ex->now) < hours_end_s(ex, &order->row))
			continue;
		book_rest_drop(order);
		order->row.rejected_qty += qty;
		order->row.remaining_qty = 0;
		order_reserve(ex, order);
		order_changed(ex, order);
		tell(ex, EXCH_EV_EXPIRED, order, NULL, qty, order->row.price_won);
	}
}

void orders_bury(struct exchange *ex, struct kst_day day)
{
	for (size_t i = 0; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];

		if (order->row.remaining_qty <= 0 || order->row.truth ||
		    order->row.day.yyyymmdd >= day.yyyymmdd)
			continue;
		book_rest_drop(order);
		order->row.rejected_qty += order->row.remaining_qty;
		order->row.remaining_qty = 0;
		order_changed(ex, order);
	}
}

void orders_revive(struct exchange *ex)
{
	for (size_t i = 0; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];

		if (!order_live(ex, order))
			continue;
		order->symbol = core_symbol(ex, order->row.code);
		order_reserve(ex, order);
		order_rest(ex, order);
	}
}

void orders_closing_call(struct exchange *ex)
{
	for (size_t i = ex->today_first; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];

		if (order_live(ex, order) && strcmp(order->row.dvsn, "02") == 0)
			book_to_market(ex, order);
	}
}

/* ---- listings ---- */

static int row_order(const void *left, const void *right)
{
	const struct exch_order *a = left, *b = right;

	if (a->day.yyyymmdd != b->day.yyyymmdd)
		return a->day.yyyymmdd < b->day.yyyymmdd ? -1 : 1;
	if (a->at.us != b->at.us)
		return a->at.us < b->at.us ? -1 : 1;
	return strcmp(a->odno, b->odno);
}

static void row_seen(const struct order *order, enum core_list list, struct exch_order *out)
{
	const struct order_seen *seen = &order->seen[list];

	*out = order->row;
	out->filled_qty = seen->filled_qty;
	out->filled_won = seen->filled_won;
	out->cancelled_qty = seen->cancelled_qty;
	out->replaced_qty = seen->replaced_qty;
	out->rejected_qty = seen->rejected_qty;
	out->remaining_qty = seen->remaining_qty;
	out->cost_won = seen->cost_won;
	out->last_fill_at = seen->last_fill_at;
	out->triggered_at = seen->triggered_at;
}

static enum reason rows_list(const struct exchange *ex, size_t account, enum core_list list,
			     struct kst_day from, struct kst_day to, struct exch_order **out,
			     size_t *out_count)
{
	struct exch_order *rows = NULL;
	size_t count = 0, cap = 0;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	rows = core_grow(rows, &cap, 0, sizeof(*rows));
	for (size_t i = 0; i < ex->order_count; i++) {
		const struct order *order = ex->orders[i];
		const struct order_seen *seen = &order->seen[list];

		if (order->row.account != account || !seen->listed || order->row.visible_at.us > ex->now.us ||
		    order->row.day.yyyymmdd < from.yyyymmdd || order->row.day.yyyymmdd > to.yyyymmdd)
			continue;
		if (list == CORE_OPEN && (seen->remaining_qty <= 0 || order->row.kind == EXCH_ORDER_CANCEL))
			continue;
		for (uint32_t copy = 0; copy < order->row.copies; copy++) {
			rows = core_grow(rows, &cap, count, sizeof(*rows));
			row_seen(order, list, &rows[count++]);
		}
	}
	qsort(rows, count, sizeof(*rows), row_order);
	*out = rows;
	*out_count = count;
	return REASON_OK;
}

enum reason exch_daily_list(const struct exchange *ex, size_t account, struct kst_day from, struct kst_day to,
			    struct exch_order **out, size_t *out_count)
{
	return rows_list(ex, account, CORE_DAILY, from, to, out, out_count);
}

enum reason exch_open_list(const struct exchange *ex, size_t account, struct exch_order **out,
			   size_t *out_count)
{
	return rows_list(ex, account, CORE_OPEN, ex->day.day, ex->day.day, out, out_count);
}

const struct exch_order *exch_order_of(const struct exchange *ex, struct kst_day day, const char *odno)
{
	const struct order *order = order_find(ex, day, odno);

	return order == NULL ? NULL : &order->row;
}
