/*
 * reconcile_books - the last accepted snapshot and every fill since, against the broker's balance: to the
 * share, and the cash within the tolerance. Nothing is made up to close a gap.
 *
 * The balance trails the list by up to T_LAG: a symbol that disagrees is refused at once, but called a
 * mismatch only when it lies outside what its young fills could explain and has done so for T_LAG.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/reconcile_parts.h"
#include "shared/base/banned.h"

/* ---- fills, stored ones and new ones, in one row ---- */

static int all_fills(const struct reconcile_work *w)
{
	return w->ours->fill_count + w->out->resolution_count;
}

static const struct fill *fill_at(const struct reconcile_work *w, int index)
{
	const struct resolution *res;

	if (index < w->ours->fill_count)
		return &w->ours->fills[index];
	res = &w->out->resolutions[index - w->ours->fill_count];
	return res->has_fill ? &res->fill : NULL;
}

static bool since_snapshot(const struct reconcile_work *w, const struct fill *f)
{
	return f->at.us > w->ours->snapshot.frozen.us;
}

static struct cost_rules rules_of(const struct reconcile_work *w, const struct fill *f)
{
	const struct symbol_rule *known = rec_symbol_rule(w, f->symbol);
	struct cost_rules rules = { 0 };

	/* A day without a row in the tax table costs nothing here; the cash then disagrees and says so. */
	(void)cost_rules_for(f->day, known ? known->market : MARKET_KOSPI, known ? known->kind : SYMBOL_STOCK,
			     w->rules->commission_ppm, &rules);
	return rules;
}

/* ---- shares ---- */

static struct position *position_of(struct reconcile_work *w, const char *symbol, enum order_owner owner)
{
	struct position *pos = position_find(&w->book, symbol, owner);
	struct lot lot = { .owner = owner };

	if (pos)
		return pos;
	memcpy(lot.symbol, symbol, sizeof(lot.symbol));
	if (position_open(&w->book, &lot, &pos) != REASON_OK)
		w->trouble = REASON_OVERFLOW;
	return pos;
}

/* The day's sums of a position belong to one day; the next day's first fill starts them anew. */
static void apply(struct reconcile_work *w, struct position *pos, const struct fill *f, int64_t qty,
		  int64_t amount_won)
{
	const struct cost_rules rules = rules_of(w, f);
	ptrdiff_t at = pos - w->book.rows;

	if (!kst_day_same(w->book_day[at], f->day)) {
		*pos = (struct position){ .lot = pos->lot };
		w->book_day[at] = f->day;
	}
	if (qty > 0 && position_fill(pos, &rules, f->side, qty, amount_won) != REASON_OK) {
		rec_finding(w, FINDING_WARN, "row-inconsistent", f->symbol, "%s", reason_detail());
		rec_refuse(w, REASON_ROW_INCONSISTENT);
	}
}

static bool broker_sold(const struct reconcile_work *w, const struct fill *f)
{
	for (int i = 0; w->orders_usable && i < w->theirs->orders.count; i++) {
		const struct broker_order *r = rec_row(w, i);

		if (kst_day_same(r->day, f->day) && strcmp(r->odno, f->odno) == 0)
			return r->by_broker;
	}
	return false;
}

/* More was sold than this owner held: the rest came out of the other's lot, and a person must know. */
static void oversold(struct reconcile_work *w, struct position *pos, const struct fill *f)
{
	enum order_owner other = f->owner == OWNER_SYS ? OWNER_EXT : OWNER_SYS;
	int64_t qty = f->to_qty - f->from_qty, own_qty = pos->lot.qty, own_won = 0, rest_qty, rest_won;
	struct position *from;

	if (!won_muldiv_floor(f->amount_won, own_qty, qty, &own_won))
		w->trouble = REASON_OVERFLOW;
	apply(w, pos, f, own_qty, own_won);
	rest_qty = qty - own_qty;
	rest_won = f->amount_won - own_won;
	from = position_of(w, f->symbol, other);
	if (f->owner == OWNER_EXT) {
		bool forced = broker_sold(w, f);

		rec_finding(w, FINDING_CRIT, forced ? "forced-sale" : "ext-reduced-ours", f->symbol,
			    "order %s, none of ours, sold %lld shares of %s, %lld of them ours", f->odno,
			    (long long)qty, f->symbol, (long long)rest_qty);
		rec_refuse(w, REASON_EXT_REDUCED_OURS);
	} else {
		rec_finding(w, FINDING_CRIT, "position-mismatch", f->symbol,
			    "order %s sold %lld shares of %s, the system owned %lld", f->odno, (long long)qty,
			    f->symbol, (long long)own_qty);
		rec_refuse(w, REASON_OVERSOLD);
	}
	if (from && from->lot.qty >= rest_qty)
		apply(w, from, f, rest_qty, rest_won);
	else if (from && from->lot.qty > 0)
		apply(w, from, f, from->lot.qty, rest_won);
}

static bool fill_sane(struct reconcile_work *w, const struct fill *f)
{
	if (f->from_qty >= 0 && f->to_qty > f->from_qty && f->amount_won > 0 && symbol_valid(f->symbol))
		return true;
	rec_finding(w, FINDING_WARN, "row-inconsistent", f->symbol,
		    "fill record %lld is none: %lld to %lld for %lld won", (long long)f->fill_id,
		    (long long)f->from_qty, (long long)f->to_qty, (long long)f->amount_won);
	rec_refuse(w, REASON_ROW_INCONSISTENT);
	return false;
}

/* Twice: a sale that does not fit yet may stand before the purchase it sold; only the second time it is an
 * oversell. */
static void apply_fills(struct reconcile_work *w)
{
	bool done[FILLS_DAY_MAX + 2 * ORDERS_DAY_MAX] = { false };
	int count = all_fills(w);

	if ((size_t)count > ARRAY_COUNT(done)) {
		w->trouble = REASON_OVERFLOW;
		return;
	}
	for (int pass = 1; pass <= 2; pass++) {
		for (int i = 0; i < count && w->trouble == REASON_OK; i++) {
			const struct fill *f = fill_at(w, i);
			struct position *pos;

			if (!f || done[i] || !since_snapshot(w, f))
				continue;
			if (pass == 1 && !fill_sane(w, f)) {
				done[i] = true;
				continue;
			}
			pos = position_of(w, f->symbol, f->owner);
			if (!pos)
				return;
			if (f->side == SIDE_BUY || f->to_qty - f->from_qty <= pos->lot.qty)
				apply(w, pos, f, f->to_qty - f->from_qty, f->amount_won);
			else if (pass == 2)
				oversold(w, pos, f);
			else
				continue;
			done[i] = true;
		}
	}
}

/* ---- comparing ---- */

static struct wall since_when(const struct reconcile_work *w, const char *symbol)
{
	for (int i = 0; i < w->ours->mismatch_count; i++) {
		if (strcmp(w->ours->mismatches[i].symbol, symbol) == 0)
			return w->ours->mismatches[i].since;
	}
	return w->now;
}

/* Remembers the disagreement for the next attempt. True: it has lasted longer than a lag. */
static bool lasts(struct reconcile_work *w, const char *symbol)
{
	struct reconcile_out *out = w->out;
	struct wall since = since_when(w, symbol);

	if (out->mismatch_count >= out->mismatch_room) {
		w->trouble =
			reason_set(REASON_OVERFLOW, "reconcile: more than %d mismatches", out->mismatch_room);
		return false;
	}
	out->mismatches[out->mismatch_count] = (struct mismatch){ .since = since };
	memcpy(out->mismatches[out->mismatch_count++].symbol, symbol, strlen(symbol) + 1);
	return wall_diff_us(w->now, since) >= w->rules->t_lag_us;
}

static int64_t book_qty(struct reconcile_work *w, const char *symbol)
{
	const struct position *sys = position_find(&w->book, symbol, OWNER_SYS);
	const struct position *ext = position_find(&w->book, symbol, OWNER_EXT);

	return (sys ? sys->lot.qty : 0) + (ext ? ext->lot.qty : 0);
}

/* What the balance may still show, given the fills that it may not know yet. */
static bool within_young_fills(const struct reconcile_work *w, const char *symbol, int64_t ours_qty,
			       int64_t theirs_qty)
{
	int64_t low = ours_qty, high = ours_qty;

	for (int i = 0; i < all_fills(w); i++) {
		const struct fill *f = fill_at(w, i);

		if (!f || strcmp(f->symbol, symbol) != 0 || wall_diff_us(w->now, f->at) >= w->rules->t_lag_us)
			continue;
		if (f->side == SIDE_BUY)
			low -= f->to_qty - f->from_qty;
		else
			high += f->to_qty - f->from_qty;
	}
	return theirs_qty >= low && theirs_qty <= high;
}

static bool own_order_in(const struct reconcile_work *w, const char *symbol)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		if (o->owner == OWNER_SYS && strcmp(o->symbol, symbol) == 0 &&
		    (!order_final(o->state) || o->recorded.us > w->ours->snapshot.frozen.us))
			return true;
	}
	return false;
}

/* More than the whole account was worth cannot have come in overnight; a split does not change what shares
 * are worth. */
static bool implausible(struct reconcile_work *w, const struct broker_holding *h, int64_t ours_qty)
{
	int64_t worth_won = w->cash_won, extra_won;

	for (int i = 0; i < w->book.count; i++) {
		if (w->book.rows[i].lot.cost_won > 0 &&
		    !won_add(worth_won, w->book.rows[i].lot.cost_won, &worth_won))
			return false;
	}
	if (!h || h->qty <= ours_qty)
		return false;
	if (h->price_won > 0)
		return !won_mul(h->price_won, h->qty - ours_qty, &extra_won) || extra_won > worth_won;
	return h->cost_won > 0 && h->cost_won > worth_won;
}

/*
 * Takes back what would end an order of this symbol (NULL: of any). The list says the order is over, the
 * balance says the list is not the whole truth: what was filled is kept, the order stays live.
 */
static void withhold_endings(struct reconcile_work *w, const char *symbol)
{
	struct reconcile_out *out = w->out;
	int kept = 0;

	for (int i = 0; i < out->resolution_count; i++) {
		struct resolution *res = &out->resolutions[i];
		const struct order *o = res->order_index >= 0 ? &w->ours->orders[res->order_index] : NULL;
		enum order_event event = res->event;
		bool ends = event == OEV_CANCEL_DONE || event == OEV_EXPIRE || event == OEV_REJECTED_LATE;

		if (o && o->owner == OWNER_SYS && ends && (!symbol || strcmp(o->symbol, symbol) == 0)) {
			if (res->has_fill)
				event = OEV_PARTIAL_FILL;
			else if (o->kind == INTENT_CANCEL && o->state == ORDER_SENDING)
				event = OEV_DOUBT;
			else if (o->kind == INTENT_NEW && order_undecided(o->state))
				event = OEV_FOUND;
			else
				continue; /* it keeps its state: nothing to apply */
			res->event = event;
			if (order_move(o->state, event, &res->to) != REASON_OK)
				w->trouble = REASON_ORDER_FORBIDDEN;
		}
		out->resolutions[kept++] = *res;
	}
	out->resolution_count = kept;
}

static void disagree(struct reconcile_work *w, const char *symbol, const struct broker_holding *h,
		     int64_t ours_qty)
{
	int64_t theirs_qty = h ? h->qty : 0;
	bool young = within_young_fills(w, symbol, ours_qty, theirs_qty);
	bool old = lasts(w, symbol);

	if (implausible(w, h, ours_qty)) {
		rec_finding(
			w, FINDING_CRIT, "implausible-balance", symbol,
			"the broker shows %lld shares of %s, we hold %lld: worth more than the whole account",
			(long long)theirs_qty, symbol, (long long)ours_qty);
		rec_refuse(w, REASON_IMPLAUSIBLE_BALANCE);
	} else if (old && !young) {
		bool own = own_order_in(w, symbol);

		rec_finding(w, FINDING_CRIT, own ? "position-mismatch" : "mismatch-without-fill", symbol,
			    "the broker shows %lld shares of %s, our books %lld; %s", (long long)theirs_qty,
			    symbol, (long long)ours_qty,
			    own ? "an own order could be the cause" : "no order of ours explains it");
	} else {
		rec_finding(
			w, FINDING_INFO, "balance-lags", symbol,
			"the broker shows %lld shares of %s, our books %lld; not accepted until they agree",
			(long long)theirs_qty, symbol, (long long)ours_qty);
	}
	rec_refuse(w, REASON_POSITION_MISMATCH);
	withhold_endings(w, symbol);
}

/* ---- the balance ---- */

static void fold_holdings(struct reconcile_work *w)
{
	const struct broker_balance *bal = &w->theirs->balance;
	int folded = 0;

	for (int i = 0; i < bal->count; i++) {
		const struct broker_holding *h = &bal->rows[i];
		bool wrong = !symbol_valid(h->symbol) || h->qty < 0;

		for (int j = 0; j < i && !w->holding_bad[i]; j++) {
			if (strcmp(h->symbol, bal->rows[j].symbol) != 0)
				continue;
			w->holding_bad[i] = true;
			if (h->qty == bal->rows[j].qty && h->sellable_qty == bal->rows[j].sellable_qty)
				folded++;
			else
				wrong = w->holding_bad[j] = true;
		}
		if (!wrong)
			continue;
		w->holding_bad[i] = true;
		rec_finding(w, FINDING_WARN, "row-inconsistent", h->symbol,
			    "the balance contradicts itself in %.11s; none of its rows is believed",
			    h->symbol);
		rec_refuse(w, REASON_ROW_INCONSISTENT);
	}
	if (folded > 0)
		rec_finding(w, FINDING_WARN, "dup-row", "", "%d equal rows of the balance were folded",
			    folded);
}

/* The believed row of a symbol; *out_bad: there are rows, but none to be believed. */
static const struct broker_holding *holding_of(const struct reconcile_work *w, const char *symbol,
					       bool *out_bad)
{
	const struct broker_balance *bal = &w->theirs->balance;

	*out_bad = false;
	for (int i = 0; i < bal->count; i++) {
		if (strcmp(bal->rows[i].symbol, symbol) != 0)
			continue;
		if (!w->holding_bad[i])
			return &bal->rows[i];
		*out_bad = true;
	}
	return NULL;
}

static bool compare_symbol(struct reconcile_work *w, const char *symbol)
{
	int64_t ours_qty = book_qty(w, symbol);
	const struct broker_holding *h;
	bool bad;

	h = holding_of(w, symbol, &bad);
	if (!h && bad) {
		withhold_endings(w, symbol);
		return false;
	}
	if ((ours_qty > 0 || (h && h->qty > 0)) && !rec_symbol_rule(w, symbol)) {
		rec_finding(w, FINDING_WARN, "unmapped-symbol", symbol,
			    "%s is held, but not in the symbol table", symbol);
		rec_lock(w, symbol, true, true);
	}
	if ((h ? h->qty : 0) == ours_qty)
		return true;
	disagree(w, symbol, h, ours_qty);
	return false;
}

static bool compare_shares(struct reconcile_work *w)
{
	const struct broker_balance *bal = &w->theirs->balance;
	bool same = true;
	int held = 0;

	for (int i = 0; i < w->book.count; i++)
		held += w->book.rows[i].lot.qty > 0;
	if (bal->count == 0 && held > 0) {
		rec_finding(w, FINDING_WARN, "empty-contradicts", "",
			    "the balance is empty, our books hold %d lots", held);
		rec_refuse(w, REASON_EMPTY_CONTRADICTS);
		withhold_endings(w, NULL);
		return false;
	}
	fold_holdings(w);
	for (int i = 0; i < w->book.count; i++) {
		const struct lot *lot = &w->book.rows[i].lot;

		/* Both owners of a symbol are one row at the broker: ask at the first of them. */
		if (position_find(&w->book, lot->symbol, OWNER_SYS) == &w->book.rows[i] ||
		    !position_find(&w->book, lot->symbol, OWNER_SYS))
			same = compare_symbol(w, lot->symbol) && same;
	}
	for (int i = 0; i < bal->count; i++) {
		const char *symbol = bal->rows[i].symbol;

		if (!w->holding_bad[i] && !position_find(&w->book, symbol, OWNER_SYS) &&
		    !position_find(&w->book, symbol, OWNER_EXT))
			same = compare_symbol(w, symbol) && same;
	}
	return same;
}

/* ---- cash ---- */

/* Sum of a day's amounts of the symbol and side of fill `of`, which is number `index`, before it: fees and taxes follow
 * this cumulative. */
static int64_t cum_before(const struct reconcile_work *w, const struct fill *of, int index)
{
	int64_t sum_won = 0;

	for (int i = 0; i < index; i++) {
		const struct fill *f = fill_at(w, i);

		if (f && f->side == of->side && kst_day_same(f->day, of->day) &&
		    strcmp(f->symbol, of->symbol) == 0 && !won_add(sum_won, f->amount_won, &sum_won))
			return -1;
	}
	return sum_won;
}

static bool count_cash(struct reconcile_work *w)
{
	int64_t cash_won = w->ours->snapshot.cash_won;

	for (int i = 0; i < all_fills(w); i++) {
		const struct fill *f = fill_at(w, i);
		struct cost_rules rules;
		struct cost cost;

		if (!f || !since_snapshot(w, f))
			continue;
		rules = rules_of(w, f);
		if (!cost_step(&rules, f->side, cum_before(w, f, i), f->amount_won, &cost))
			return false;
		if (f->side == SIDE_BUY ? !won_sub(cash_won, f->amount_won, &cash_won)
					: !won_add(cash_won, f->amount_won, &cash_won))
			return false;
		cash_won -= cost.fee_won + cost.tax_won; /* both are below the amount that was just moved */
	}
	w->cash_won = cash_won;
	return true;
}

/*
 * Without a fill since the snapshot neither fees nor taxes can be the cause: the account's owner paid in or drew out. More
 * than the whole account was worth is not believed to be that.
 */
static bool owner_moved(const struct reconcile_work *w, int64_t diff_won)
{
	int64_t worth_won = w->cash_won;

	for (int i = 0; i < all_fills(w); i++) {
		const struct fill *f = fill_at(w, i);

		if (f && since_snapshot(w, f))
			return false;
	}
	for (int i = 0; i < w->book.count; i++) {
		if (w->book.rows[i].lot.cost_won > 0 &&
		    !won_add(worth_won, w->book.rows[i].lot.cost_won, &worth_won))
			return false;
	}
	return w->theirs->balance.cash_d2_won >= 0 && diff_won <= worth_won;
}

static void compare_cash(struct reconcile_work *w)
{
	int64_t theirs_won = w->theirs->balance.cash_d2_won, diff_won;
	char theirs[WON_TEXT_SIZE], ours[WON_TEXT_SIZE], apart[WON_TEXT_SIZE], tolerance[WON_TEXT_SIZE];

	(void)won_text(theirs_won, theirs);
	(void)won_text(w->cash_won, ours);
	if (!won_sub(theirs_won, w->cash_won, &diff_won)) {
		w->trouble = REASON_OVERFLOW;
		return;
	}
	if (diff_won == 0)
		return;
	(void)won_text(diff_won, apart);
	if (diff_won >= -w->rules->costs_tolerance_won && diff_won <= w->rules->costs_tolerance_won) {
		rec_finding(w, FINDING_INFO, "fee-drift", "",
			    "the broker's D+2 cash is %s won, our books say %s: %s apart, within the "
			    "tolerance",
			    theirs, ours, apart);
		w->cash_won = theirs_won; /* drift is settled each day, else it would add up to a refusal */
		return;
	}
	if (owner_moved(w, diff_won)) {
		rec_finding(w, FINDING_WARN, "cash-moved", "",
			    "the broker's D+2 cash is %s won, our books said %s, and nothing was traded "
			    "since: %s won came "
			    "in or went out",
			    theirs, ours, apart);
		w->cash_won = theirs_won;
		return;
	}
	rec_finding(w, lasts(w, "") ? FINDING_CRIT : FINDING_INFO, "cash-mismatch", "",
		    "the broker's D+2 cash is %s won, our books say %s: %s apart, the tolerance is %s",
		    theirs, ours, apart, won_text(w->rules->costs_tolerance_won, tolerance));
	rec_refuse(w, REASON_COSTS_DIFFER);
}

/* ---- after an order that never arrived ---- */

/* BUY stays locked for the day; SELL unlocks when the broker would sell exactly what is ours and not resting.
 */
static void lock_absent(struct reconcile_work *w)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];
		const struct broker_holding *h = NULL;
		int64_t free_qty;
		bool bad = true, gone = o->state == ORDER_NEVER_ARRIVED;

		for (int k = 0; k < w->out->resolution_count; k++)
			gone = gone || (w->out->resolutions[k].order_index == i &&
					w->out->resolutions[k].to == ORDER_NEVER_ARRIVED);
		if (!gone || o->kind != INTENT_NEW || rec_day_dead(w, o->day))
			continue;
		free_qty = book_qty(w, o->symbol);
		for (int r = 0; w->orders_usable && r < w->theirs->orders.count; r++) {
			const struct broker_order *row = rec_row(w, r);

			if (w->row_owner[r] >= ROW_FREE && row->side == SIDE_SELL &&
			    !rec_day_dead(w, row->day) && strcmp(row->symbol, o->symbol) == 0)
				free_qty -= row->open_qty;
		}
		if (w->balance_usable)
			h = holding_of(w, o->symbol, &bad);
		rec_lock(w, o->symbol, o->side == SIDE_BUY,
			 o->side == SIDE_SELL && (!h || h->sellable_qty != free_qty));
	}
}

void rec_books(struct reconcile_work *w)
{
	struct position *pos;

	if (!w->balance_usable)
		withhold_endings(w, NULL);
	if (!w->ours->snapshot_known) {
		rec_finding(
			w, FINDING_CRIT, "no-base", "",
			"there never was an accepted position; an operator signs the opening (sign-opening)");
		rec_refuse(w, REASON_NO_BASE);
		lock_absent(w);
		return;
	}
	for (int i = 0; i < w->ours->snapshot.lot_count; i++) {
		if (position_open(&w->book, &w->ours->snapshot.lots[i], &pos) != REASON_OK) {
			w->trouble = REASON_ROW_INCONSISTENT;
			return;
		}
	}
	apply_fills(w);
	if (!count_cash(w)) {
		w->trouble = reason_set(REASON_OVERFLOW, "reconcile: the cash of our books does not fit");
		return;
	}
	if (w->orders_usable && w->balance_usable && compare_shares(w))
		compare_cash(w);
	lock_absent(w);
}

/* ---- the snapshot ---- */

static int lot_order(const void *a, const void *b)
{
	const struct lot *x = a, *y = b;
	int by_symbol = strcmp(x->symbol, y->symbol);

	return by_symbol ? by_symbol : (int)x->owner - (int)y->owner;
}

void rec_snapshot(struct reconcile_work *w)
{
	struct snapshot *snap = &w->out->snapshot;

	snap->snapshot_id = 0;
	snap->day = w->rules->day;
	snap->frozen = w->now;
	snap->cash_won = w->cash_won;
	snap->lot_count = 0;
	for (int i = 0; i < w->book.count; i++) {
		if (w->book.rows[i].lot.qty == 0)
			continue;
		if (snap->lot_count >= snap->lot_room) {
			w->trouble =
				reason_set(REASON_OVERFLOW, "reconcile: more than %d lots", snap->lot_room);
			return;
		}
		snap->lots[snap->lot_count++] = w->book.rows[i].lot;
	}
	if (snap->lot_count > 1)
		qsort(snap->lots, (size_t)snap->lot_count, sizeof(snap->lots[0]), lot_order);
}

struct digest snapshot_digest(const struct snapshot *snap)
{
	struct digest_maker mk;

	digest_begin(&mk, "snapshot");
	digest_number(&mk, "day", snap->day.yyyymmdd);
	digest_number(&mk, "cash_won", snap->cash_won);
	for (int i = 0; i < snap->lot_count; i++) {
		digest_text(&mk, "symbol", snap->lots[i].symbol);
		digest_number(&mk, "owner", snap->lots[i].owner);
		digest_number(&mk, "qty", snap->lots[i].qty);
		digest_number(&mk, "cost_won", snap->lots[i].cost_won);
	}
	return digest_end(&mk);
}
