/*
 * truth - what control writes: rows, balances, cash, reservations, and what the next orders take.
 *
 * A row written here is the broker's truth as a story tells it. It is listed as written. While it is live and of
 * today it also reserves cash or shares, can be cancelled, and meets the market like any other order, unless
 * it contradicts itself.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

static bool row_fits(const struct exch_order *row)
{
	return row->remaining_qty >= 0 && row->qty > 0 &&
	       row->qty == row->filled_qty + row->cancelled_qty + row->replaced_qty + row->rejected_qty +
				   row->remaining_qty;
}

/* Takes the row out of the market and out of the reserves. */
static void row_retire(struct exchange *ex, struct order *order)
{
	int64_t remaining = order->row.remaining_qty;

	book_rest_drop(order);
	order->row.remaining_qty = 0;
	order_reserve(ex, order);
	order->row.remaining_qty = remaining;
}

static void row_book(struct exchange *ex, const struct exch_order *row, int64_t qty, int64_t won)
{
	struct posting posting = { .account = row->account };

	if (qty <= 0)
		return;
	memcpy(posting.code, row->code, sizeof(posting.code));
	if (row->side == EXCH_BUY) {
		posting.buy_qty = qty;
		posting.buy_won = won;
	} else {
		posting.sell_qty = qty;
		posting.sell_won = won;
	}
	posting_put(ex, &posting, row->visible_at);
}

enum reason exch_truth_order(struct exchange *ex, const struct exch_order *row, bool book)
{
	struct exch_order mine = *row;
	struct order *order;
	int64_t filled_qty = 0, filled_won = 0;

	BUG_IF(row->account >= ex->account_count, "the caller knows its accounts");
	if (!odno_normal(row->odno, mine.odno) ||
	    (row->orig[0] != '\0' && !odno_normal(row->orig, mine.orig)))
		return reason_set(REASON_BAD_NUMBER, "order number '%s' or '%s' cannot be used", row->odno,
				  row->orig);
	if (mine.day.yyyymmdd == 0 || (mine.side != EXCH_BUY && mine.side != EXCH_SELL) ||
	    mine.code[0] == '\0')
		return reason_set(REASON_BAD_NUMBER, "order %s needs a day, a side and a code", mine.odno);
	if (mine.qty < 0 || mine.qty > CORE_QTY_MAX || mine.price_won < 0 ||
	    mine.price_won > CORE_PRICE_MAX || mine.filled_qty < 0 || mine.filled_qty > CORE_QTY_MAX ||
	    mine.filled_won < 0)
		return reason_set(REASON_BAD_NUMBER, "order %s: quantity, price or fills cannot be",
				  mine.odno);
	if (mine.remaining_qty < 0)
		mine.remaining_qty = mine.qty - mine.filled_qty - mine.cancelled_qty - mine.replaced_qty -
				     mine.rejected_qty;
	if (mine.dvsn[0] == '\0')
		memcpy(mine.dvsn, mine.price_won > 0 ? "00" : "01", 3);
	if (mine.excg[0] == '\0')
		memcpy(mine.excg, "KRX", 4);
	if (mine.branch[0] == '\0')
		memcpy(mine.branch, ex->accounts[mine.account].who.branch, sizeof(mine.branch));
	if (mine.by[0] == '\0')
		memcpy(mine.by, "API", 4);
	if (mine.copies == 0)
		mine.copies = 1;
	mine.truth = true;
	order = order_find(ex, mine.day, mine.odno);
	if (order != NULL) {
		filled_qty = order->row.filled_qty;
		filled_won = order->row.filled_won;
		row_retire(ex, order);
		mine.turn = order->row.turn;
		order->row = mine;
		order->symbol = core_symbol(ex, mine.code);
	} else {
		order = order_add(ex, &mine);
	}
	order->key_won = mine.price_won > 0 ? mine.price_won : mine.side == EXCH_BUY ? INT64_MAX : 0;
	if (book)
		row_book(ex, &mine, mine.filled_qty - filled_qty, mine.filled_won - filled_won);
	if (row_fits(&mine) && mine.kind != EXCH_ORDER_CANCEL && kst_day_same(mine.day, ex->day.day) &&
	    ex->stage < 5) {
		order_reserve(ex, order);
		order_rest(ex, order);
	}
	order_changed(ex, order);
	return REASON_OK;
}

void exch_truth_orders_clear(struct exchange *ex, size_t account)
{
	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	/* Rows are hidden, not removed: the ledger dump and later numbers still know them. */
	for (size_t i = 0; i < ex->order_count; i++) {
		struct order *order = ex->orders[i];

		if (order->row.account != account)
			continue;
		row_retire(ex, order);
		order->row.visible_at = EXCH_NEVER;
		order->row.truth = true;
		order->row.remaining_qty = 0;
		order_changed(ex, order);
	}
}

static void holding_put(struct ledger *ledger, const struct exch_holding *row, int64_t reserved_qty,
			bool remove)
{
	struct holding *holding = ledger_holding(ledger, row->code, true);

	holding->qty = row->qty;
	holding->cost_won = row->cost_won;
	holding->bfdy_buy_qty = row->bfdy_buy_qty;
	holding->bfdy_sell_qty = row->bfdy_sell_qty;
	holding->other_day_qty = row->other_day_qty;
	holding->reserved_qty = reserved_qty;
	holding->frozen_qty = row->sellable_qty < 0 ? 0 : row->qty - reserved_qty - row->sellable_qty;
	holding->empty_since = row->empty_since;
	/* thdt_* stay what the fills here made them: cash columns follow from them. */
	if (remove && reserved_qty == 0 && holding->thdt_buy_won == 0 && holding->thdt_sell_won == 0) {
		size_t place = (size_t)(holding - ledger->holdings);

		ledger->count--;
		memmove(holding, holding + 1, (ledger->count - place) * sizeof(*holding));
	}
}

enum reason exch_truth_holding(struct exchange *ex, size_t account, const struct exch_holding *row,
			       bool remove)
{
	struct account *mine = &ex->accounts[account];
	struct exch_holding put = *row;
	const struct holding *held;
	int64_t reserved;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	if (row->code[0] == '\0' || row->qty < 0 || row->qty > CORE_QTY_MAX || row->cost_won < 0 ||
	    row->cost_won > CORE_AMOUNT_MAX)
		return reason_set(REASON_BAD_NUMBER, "holding '%s': code, quantity or cost cannot be",
				  row->code);
	core_pump_all(ex);
	held = ledger_find(&mine->real, row->code);
	reserved = held == NULL ? 0 : held->reserved_qty;
	if (put.qty == 0 && !remove && put.empty_since.yyyymmdd == 0)
		put.empty_since = ex->day.day;
	holding_put(&mine->real, &put, reserved, remove);
	holding_put(&mine->seen, &put, reserved, remove);
	return REASON_OK;
}

void exch_truth_holdings_clear(struct exchange *ex, size_t account)
{
	struct account *mine = &ex->accounts[account];
	struct ledger *both[2] = { &mine->real, &mine->seen };
	int64_t d1, d2;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	core_pump_all(ex);
	d1 = ledger_d1_won(&mine->real);
	d2 = ledger_d2_won(ex, mine, &mine->real);
	for (int i = 0; i < 2; i++) {
		size_t kept = 0;

		for (size_t j = 0; j < both[i]->count; j++) {
			struct holding *holding = &both[i]->holdings[j];
			struct holding empty = { .reserved_qty = holding->reserved_qty };

			memcpy(empty.code, holding->code, sizeof(empty.code));
			if (empty.reserved_qty > 0)
				both[i]->holdings[kept++] = empty;
		}
		both[i]->count = kept;
	}
	/* Cash is a truth of its own: it does not move because rows were taken away. */
	exch_truth_cash(ex, account, INT64_MIN, d1, d2);
}

void exch_truth_cash(struct exchange *ex, size_t account, int64_t deposit_won, int64_t deposit_d1_won,
		     int64_t deposit_d2_won)
{
	struct account *mine = &ex->accounts[account];
	struct ledger *both[2] = { &mine->real, &mine->seen };

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	core_pump_all(ex);
	for (int i = 0; i < 2; i++) {
		struct ledger *ledger = both[i];
		int64_t d0 = deposit_won == INT64_MIN ? ledger->deposit_won : deposit_won;
		int64_t d1 = deposit_d1_won == INT64_MIN ? ledger_d1_won(ledger) : deposit_d1_won;
		int64_t d2 = deposit_d2_won == INT64_MIN ? ledger_d2_won(ex, mine, ledger) : deposit_d2_won;

		ledger->deposit_won = d0;
		ledger->bfdy_adjust_won += d1 - ledger_d1_won(ledger);
		ledger->thdt_adjust_won += d2 - ledger_d2_won(ex, mine, ledger);
	}
}

/* ---- next ---- */

enum reason exch_truth_next(struct exchange *ex, const struct exch_next *next)
{
	char normal[EXCH_ODNO_SIZE];

	if (next->filled_qty < 0 || next->visible_after_us < 0 ||
	    (next->odno[0] != '\0' && !odno_normal(next->odno, normal)))
		return reason_set(REASON_BAD_NUMBER, "next order: number, filled or visible_after cannot be");
	ex->nexts = core_grow(ex->nexts, &ex->next_cap, ex->next_count, sizeof(*ex->nexts));
	ex->nexts[ex->next_count++] = *next;
	return REASON_OK;
}

void exch_truth_next_clear(struct exchange *ex)
{
	ex->next_count = 0;
}

bool exch_truth_fill(struct exchange *ex, struct kst_day day, const char *odno, int64_t qty,
		     int64_t price_won)
{
	struct order *order = order_find(ex, day, odno);
	int64_t won;

	if (order == NULL || qty <= 0 || qty > order->row.remaining_qty || price_won <= 0 ||
	    price_won > CORE_PRICE_MAX || order->row.kind == EXCH_ORDER_CANCEL)
		return false;
	if (__builtin_mul_overflow(qty, price_won, &won))
		return false;
	if (qty == order->row.remaining_qty)
		book_rest_drop(order);
	order_fill(ex, order, qty, won, true);
	return true;
}

bool exch_truth_reject(struct exchange *ex, struct kst_day day, const char *odno)
{
	struct order *order = order_find(ex, day, odno);
	struct exch_event event = { .kind = EXCH_EV_REJECTED };

	if (order == NULL || order->row.remaining_qty <= 0 || order->row.kind == EXCH_ORDER_CANCEL)
		return false;
	book_rest_drop(order);
	event.order = &order->row;
	event.qty = order->row.remaining_qty;
	event.price_won = order->row.price_won;
	order->row.rejected_qty += order->row.remaining_qty;
	order->row.remaining_qty = 0;
	order_reserve(ex, order);
	order_changed(ex, order);
	core_emit(ex, &event);
	return true;
}

/* ---- reservations ---- */

static enum exch_refusal check_resv(const struct exchange *ex, const struct exch_resv *resv)
{
	const struct symbol *symbol = core_symbol(ex, resv->code);

	BUG_IF(resv->account >= ex->account_count, "the caller knows its accounts");
	if (symbol == NULL)
		return EXCH_NO_SYMBOL;
	if (resv->qty <= 0 || resv->qty > CORE_QTY_MAX)
		return EXCH_NO_QTY;
	if (strcmp(resv->dvsn, "00") != 0 && strcmp(resv->dvsn, "01") != 0 && strcmp(resv->dvsn, "02") != 0 &&
	    strcmp(resv->dvsn, "05") != 0)
		return EXCH_NO_TYPE;
	if (resv->price_won < 0 || (resv->price_won == 0 && (resv->dvsn[1] == '0' || resv->dvsn[1] == '2')))
		return EXCH_NO_PRICE;
	return EXCH_ACCEPTED;
}

static void resv_add(struct exchange *ex, const struct exch_resv *resv, bool truth)
{
	ex->resvs = core_grow(ex->resvs, &ex->resv_cap, ex->resv_count, sizeof(*ex->resvs));
	ex->resv_truth = core_grow(ex->resv_truth, &ex->resv_truth_cap, ex->resv_count, sizeof(bool));
	ex->resvs[ex->resv_count] = *resv;
	ex->resv_truth[ex->resv_count] = truth;
	ex->resv_count++;
}

enum exch_refusal exch_resv_new(struct exchange *ex, const struct exch_resv *resv, int64_t *out_seq)
{
	struct exch_resv mine = *resv;
	enum exch_refusal refusal = check_resv(ex, resv);

	if (refusal != EXCH_ACCEPTED)
		return refusal;
	mine.seq = ex->resv_next++;
	mine.taken_day = kst_day_of(ex->now);
	mine.taken_s = kst_second_of(ex->now);
	mine.processed = mine.cancelled = false;
	mine.filled_qty = mine.filled_won = 0;
	memset(mine.odno, 0, sizeof(mine.odno));
	memset(mine.result, 0, sizeof(mine.result));
	if (mine.by[0] == '\0')
		memcpy(mine.by, "API", 4);
	resv_add(ex, &mine, false);
	*out_seq = mine.seq;
	return EXCH_ACCEPTED;
}

enum exch_refusal exch_resv_change(struct exchange *ex, size_t account, int64_t seq, bool cancel,
				   const struct exch_resv *changed)
{
	for (size_t i = 0; i < ex->resv_count; i++) {
		struct exch_resv *resv = &ex->resvs[i];
		enum exch_refusal refusal;

		if (resv->account != account || resv->seq != seq || resv->cancelled)
			continue;
		/* Of a period reservation that was sent today the days to come can still be stopped. */
		if (resv->processed && (!cancel || resv->period_end.yyyymmdd <= ex->day.day.yyyymmdd))
			continue;
		if (cancel) {
			resv->cancelled = true;
			resv->cancelled_day = kst_day_of(ex->now);
			resv->cancelled_s = kst_second_of(ex->now);
			return EXCH_ACCEPTED;
		}
		refusal = check_resv(ex, changed);
		if (refusal != EXCH_ACCEPTED)
			return refusal;
		memcpy(resv->code, changed->code, sizeof(resv->code));
		memcpy(resv->dvsn, changed->dvsn, sizeof(resv->dvsn));
		resv->side = changed->side;
		resv->qty = changed->qty;
		resv->price_won = changed->price_won;
		resv->period_end = changed->period_end;
		return EXCH_ACCEPTED;
	}
	return EXCH_NO_RESV;
}

enum reason exch_resv_list(const struct exchange *ex, size_t account, struct exch_resv **out,
			   size_t *out_count)
{
	struct exch_resv *rows = calloc(ex->resv_count + 1, sizeof(*rows));
	size_t count = 0;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	if (rows == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for %zu reservations", ex->resv_count);
	for (size_t i = 0; i < ex->resv_count; i++)
		if (ex->resvs[i].account == account && ex->resvs[i].visible_at.us <= ex->now.us)
			rows[count++] = ex->resvs[i];
	*out = rows;
	*out_count = count;
	return REASON_OK;
}

void exch_truth_resv_clear(struct exchange *ex, size_t account)
{
	size_t kept = 0;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	for (size_t i = 0; i < ex->resv_count; i++) {
		if (ex->resvs[i].account == account)
			continue;
		ex->resvs[kept] = ex->resvs[i];
		ex->resv_truth[kept++] = ex->resv_truth[i];
	}
	ex->resv_count = kept;
}

enum reason exch_truth_resv(struct exchange *ex, const struct exch_resv *row)
{
	BUG_IF(row->account >= ex->account_count, "the caller knows its accounts");
	if (row->seq <= 0 || row->code[0] == '\0' || row->qty <= 0)
		return reason_set(REASON_BAD_NUMBER, "reservation %lld needs a number, a code and a quantity",
				  (long long)row->seq);
	for (size_t i = 0; i < ex->resv_count; i++) {
		if (ex->resvs[i].account == row->account && ex->resvs[i].seq == row->seq) {
			ex->resvs[i] = *row;
			ex->resv_truth[i] = true;
			return REASON_OK;
		}
	}
	resv_add(ex, row, true);
	if (row->seq >= ex->resv_next)
		ex->resv_next = row->seq + 1;
	return REASON_OK;
}

/* In the morning the broker sends what was reserved. Rows written by control wait for control. */
void resvs_send(struct exchange *ex)
{
	for (size_t i = 0; i < ex->resv_count; i++) {
		struct exch_resv *resv = &ex->resvs[i];
		struct exch_request request = { .account = resv->account,
						.side = resv->side,
						.code = resv->code,
						.dvsn = resv->dvsn,
						.excg = "",
						.by = "RESV",
						.qty = resv->qty - resv->filled_qty,
						.price_won = resv->price_won };
		struct order *order = NULL;
		enum exch_refusal refusal;

		if (ex->resv_truth[i] || resv->cancelled || request.qty <= 0 ||
		    resv->send_day.yyyymmdd > ex->day.day.yyyymmdd)
			continue;
		if (resv->processed && resv->period_end.yyyymmdd < ex->day.day.yyyymmdd)
			continue;
		refusal = order_place(ex, &request, true, &order);
		resv->processed = true;
		resv->send_day = ex->day.day;
		resv->sent_s = kst_second_of(ex->now);
		memset(resv->result, 0, sizeof(resv->result));
		if (refusal == EXCH_ACCEPTED)
			memcpy(resv->odno, order->row.odno, sizeof(resv->odno));
		else
			snprintf(resv->result, sizeof(resv->result), "%s", exch_refusal_name(refusal));
	}
}

void resvs_follow(struct exchange *ex, const struct order *order)
{
	const struct fill *fill = &ex->fills[ex->fill_count - 1];

	if (strcmp(order->row.by, "RESV") != 0)
		return;
	for (size_t i = 0; i < ex->resv_count; i++) {
		struct exch_resv *resv = &ex->resvs[i];

		if (strcmp(resv->odno, order->row.odno) != 0 || !kst_day_same(resv->send_day, order->row.day))
			continue;
		resv->filled_qty += fill->qty;
		resv->filled_won += fill->won;
	}
}
