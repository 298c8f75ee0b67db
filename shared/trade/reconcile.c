/*
 * reconcile - the order of work.
 *
 *   1. Which listings may be used? An incomplete one concludes nothing.
 *   2. Rows of the list (reconcile_rows.c): equal ones folded, contradictory ones refused; bound to our orders by
 *      number, then doubtful orders by exact likeness; what fits too well or too badly is kept for a person.
 *   3. What each bound row, or its absence, means for its order (reconcile_judge.c).
 *   4. Rows that are nobody's become EXT orders (reconcile_judge.c).
 *   5. Snapshot lots + fills against the balance, to the share; cash within the tolerance (reconcile_books.c).
 *   6. Money and symbols held back for what others do; acceptance.
 *
 * The answer starts from accepted and TRADE; every doubt on the way refuses, nothing takes a refusal back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/reconcile_parts.h"
#include "shared/base/banned.h"

const char *listing_state_text(enum listing_state state)
{
	switch (state) {
	case LISTING_COMPLETE: return "COMPLETE";
	case LISTING_PARTIAL: return "PARTIAL";
	case LISTING_FAILED: return "FAILED";
	}
	return "?";
}

/* ---- saying ---- */

static void no_room(struct reconcile_work *w, const char *what, int room)
{
	if (w->trouble == REASON_OK)
		w->trouble = reason_set(REASON_OVERFLOW,
					"reconcile: more than %d %s; the caller's array is full", room, what);
}

void rec_finding(struct reconcile_work *w, enum finding_level level, const char *code, const char *symbol,
		 const char *fmt, ...)
{
	struct reconcile_out *out = w->out;
	struct finding *f;
	va_list args;

	if (out->finding_count >= out->finding_room) {
		no_room(w, "findings", out->finding_room);
		return;
	}
	f = &out->findings[out->finding_count++];
	*f = (struct finding){ .level = level };
	snprintf(f->code, sizeof(f->code), "%s", code);
	snprintf(f->symbol, sizeof(f->symbol), "%s", symbol);
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
}

void rec_refuse(struct reconcile_work *w, enum reason why)
{
	enum mode ceiling = reason_kind(why) == KIND_FAIL ? MODE_HALT : MODE_OBSERVE;

	w->out->accepted = false;
	if (w->out->refusal != REASON_OK && w->out->ceiling <= ceiling)
		return;
	w->out->refusal = why;
	w->out->ceiling = ceiling;
}

void rec_lock(struct reconcile_work *w, const char *symbol, bool buy, bool sell)
{
	struct reconcile_out *out = w->out;
	struct symbol_lock *lock = NULL;

	if (!buy && !sell)
		return;
	for (int i = 0; i < out->lock_count && !lock; i++) {
		if (strcmp(out->locks[i].symbol, symbol) == 0)
			lock = &out->locks[i];
	}
	if (!lock) {
		if (out->lock_count >= out->lock_room) {
			no_room(w, "locks", out->lock_room);
			return;
		}
		lock = &out->locks[out->lock_count++];
		*lock = (struct symbol_lock){ 0 };
		snprintf(lock->symbol, sizeof(lock->symbol), "%s", symbol);
	}
	lock->buy = lock->buy || buy;
	lock->sell = lock->sell || sell;
}

struct resolution *rec_resolve(struct reconcile_work *w, int order_index, enum order_event event,
			       const struct broker_order *row, const char *evidence)
{
	struct reconcile_out *out = w->out;
	enum order_state from = ORDER_SENDING; /* a new EXT order was sent by somebody, somewhere */
	struct resolution *res;
	enum order_state to;

	if (order_index >= 0)
		from = w->ours->orders[order_index].state;
	if (out->resolution_count >= out->resolution_room) {
		no_room(w, "resolutions", out->resolution_room);
		return NULL;
	}
	if (order_move(from, event, &to) != REASON_OK) {
		/* The judge asks for moves of the table only; anything else is a defect of ours. */
		w->trouble = REASON_ORDER_FORBIDDEN;
		return NULL;
	}
	res = &out->resolutions[out->resolution_count];
	*res = (struct resolution){
		.order_index = order_index, .event = event, .to = to, .evidence = evidence
	};
	if (row) {
		res->ext = *row;
		memcpy(res->odno, row->odno, sizeof(res->odno));
		memcpy(res->branch, row->branch, sizeof(res->branch));
	}
	if (order_index >= 0) {
		res->by_likeness = w->by_likeness[order_index];
		w->resolution_of[order_index] = out->resolution_count;
	}
	out->resolution_count++;
	return res;
}

/* ---- small questions ---- */

const struct symbol_rule *rec_symbol_rule(const struct reconcile_work *w, const char *symbol)
{
	for (int i = 0; i < w->ours->symbol_count; i++) {
		if (strcmp(w->ours->symbols[i].symbol, symbol) == 0)
			return &w->ours->symbols[i];
	}
	return NULL;
}

/* ---- 1. listings ---- */

static bool counts_fit(const struct ours *ours, const struct theirs *theirs)
{
	return ours->order_count >= 0 && ours->order_count <= ORDERS_DAY_MAX && ours->fill_count >= 0 &&
	       ours->fill_count <= FILLS_DAY_MAX && theirs->orders.count >= 0 &&
	       theirs->orders.count <= ORDERS_DAY_MAX && theirs->balance.count >= 0 &&
	       theirs->balance.count <= HOLDINGS_MAX;
}

static void listings_usable(struct reconcile_work *w)
{
	const struct {
		const char *name;
		enum listing_state state;
	} parts[] = {
		{ "orders", w->theirs->orders.state },
		{ "balance", w->theirs->balance.state },
		{ "reservations", w->theirs->reservations.state },
	};

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		if (parts[i].state == LISTING_COMPLETE)
			continue;
		rec_finding(w, FINDING_WARN, "listing-incomplete", "",
			    "the list of %s is %s; nothing is concluded from it", parts[i].name,
			    listing_state_text(parts[i].state));
		rec_refuse(w, REASON_BROKER_PARTIAL);
	}
	w->orders_usable = w->theirs->orders.state == LISTING_COMPLETE;
	w->balance_usable = w->theirs->balance.state == LISTING_COMPLETE;
}

/* Maintenance answers with empty success: an empty list where we know of something is no list. */
static void empty_contradicts(struct reconcile_work *w)
{
	int live = 0;

	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		live += (o->state == ORDER_OPEN || o->state == ORDER_PARTIAL) && o->odno[0] &&
			o->day.yyyymmdd >= w->theirs->orders.from.yyyymmdd && o->kind == INTENT_NEW;
	}
	if (w->orders_usable && w->theirs->orders.count == 0 && live > 0) {
		rec_finding(w, FINDING_WARN, "empty-contradicts", "",
			    "the list of orders is empty, yet the broker gave numbers to %d that live", live);
		rec_refuse(w, REASON_EMPTY_CONTRADICTS);
		w->orders_usable = false;
	}
}

static void doubt_who_was_sending(struct reconcile_work *w)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		if (o->state == ORDER_SENDING)
			rec_resolve(w, i, OEV_DOUBT, NULL, "no-answer");
		if (order_undecided(o->state) && o->kind == INTENT_NEW)
			rec_lock(w, o->symbol, o->side == SIDE_BUY, o->side == SIDE_SELL);
	}
}

/* ---- 6. held back for others ---- */

static void hold(struct reconcile_work *w, int64_t qty, int64_t price_won)
{
	int64_t won;

	/* A market buy may take everything there is: what it costs is not known before it is filled. */
	if (price_won <= 0)
		won = w->theirs->balance.cash_d2_won > 0 ? w->theirs->balance.cash_d2_won : 0;
	else if (!won_mul(price_won, qty, &won))
		won = INT64_MAX;
	if (!won_add(w->out->held_cash_won, won, &w->out->held_cash_won))
		w->out->held_cash_won = INT64_MAX;
}

static void hold_external_order(struct reconcile_work *w, const struct broker_order *row)
{
	if (row->open_qty <= 0 || rec_day_dead(w, row->day))
		return;
	rec_lock(w, row->symbol, true, true);
	if (row->side == SIDE_BUY)
		hold(w, row->open_qty, row->price_won);
}

static void hold_for_others(struct reconcile_work *w)
{
	const struct broker_reservation_list *resv = &w->theirs->reservations;

	for (int i = 0; w->orders_usable && i < w->theirs->orders.count; i++) {
		int owner = w->row_owner[i];

		if (owner == ROW_FREE || owner == ROW_KEPT ||
		    (owner >= 0 && w->ours->orders[owner].owner == OWNER_EXT))
			hold_external_order(w, rec_row(w, i));
	}
	for (int i = 0; resv->state == LISTING_COMPLETE && i < resv->count; i++) {
		const struct broker_reservation *r = &resv->rows[i];

		if (r->converted || r->cancelled)
			continue;
		rec_finding(w, FINDING_WARN, "ext-reservation", r->symbol,
			    "reservation %s: %s %lld of %s at %lld won is none of ours; it becomes an order "
			    "without a message",
			    r->seq, order_side_text(r->side), (long long)r->qty, r->symbol,
			    (long long)r->price_won);
		rec_lock(w, r->symbol, r->side == SIDE_BUY, r->side == SIDE_SELL);
		if (r->side == SIDE_BUY)
			hold(w, r->qty, r->price_won);
	}
}

enum reason reconcile(const struct ours *ours, const struct theirs *theirs,
		      const struct reconcile_rules *rules, struct wall now, struct reconcile_out *out)
{
	struct reconcile_work w = { .ours = ours, .theirs = theirs, .rules = rules, .now = now, .out = out };

	if (!counts_fit(ours, theirs))
		return reason_set(REASON_OVERFLOW,
				  "reconcile: %d orders, %d fills, %d rows or %d holdings are too many",
				  ours->order_count, ours->fill_count, theirs->orders.count,
				  theirs->balance.count);
	out->resolution_count = out->finding_count = out->lock_count = out->mismatch_count = 0;
	out->held_cash_won = 0;
	out->accepted = true;
	out->refusal = REASON_OK;
	out->ceiling = MODE_TRADE;

	listings_usable(&w);
	empty_contradicts(&w);
	if (w.orders_usable) {
		rec_rows_fold(&w);
		rec_bind_numbers(&w);
		rec_bind_likeness(&w);
		rec_watch(&w);
		rec_judge_orders(&w);
		rec_take_external(&w);
	} else {
		doubt_who_was_sending(&w);
	}
	rec_books(&w);
	hold_for_others(&w);
	rec_snapshot(&w);
	return w.trouble;
}

/* ---- two passes ---- */

static bool order_rows_agree(const struct broker_order *a, const struct broker_order *b, bool may_grow)
{
	if (strcmp(a->symbol, b->symbol) != 0 || a->side != b->side || a->qty != b->qty ||
	    a->price_won != b->price_won)
		return false;
	if (may_grow)
		return b->filled_qty >= a->filled_qty && b->filled_won >= a->filled_won &&
		       b->cancelled_qty >= a->cancelled_qty && b->rejected_qty >= a->rejected_qty &&
		       b->open_qty <= a->open_qty;
	return b->filled_qty == a->filled_qty && b->filled_won == a->filled_won &&
	       b->open_qty == a->open_qty && b->cancelled_qty == a->cancelled_qty &&
	       b->rejected_qty == a->rejected_qty;
}

/* Is every row of `of` in `in`? `earlier` says on which side of the comparison the rows of `of` stand. */
static bool rows_within(const struct broker_order_list *of, const struct broker_order_list *in, bool earlier,
			bool may_grow)
{
	for (int i = 0; i < of->count; i++) {
		const struct broker_order *row = &of->rows[i];
		bool found = false;

		for (int j = 0; j < in->count && !found; j++) {
			const struct broker_order *other = &in->rows[j];

			found = kst_day_same(row->day, other->day) && strcmp(row->odno, other->odno) == 0 &&
				(earlier ? order_rows_agree(row, other, may_grow)
					 : order_rows_agree(other, row, may_grow));
		}
		if (!found)
			return false;
	}
	return true;
}

/* In session `b` may hold orders that `a` could not know: only the rows of `a` are looked for. */
bool orders_agree(const struct broker_order_list *a, const struct broker_order_list *b, bool may_grow)
{
	if (a->state != LISTING_COMPLETE || b->state != LISTING_COMPLETE)
		return false;
	if (!kst_day_same(a->from, b->from) || !kst_day_same(a->to, b->to))
		return false;
	return rows_within(a, b, true, may_grow) && (may_grow || rows_within(b, a, false, may_grow));
}

static bool holdings_within(const struct broker_balance *of, const struct broker_balance *in)
{
	for (int i = 0; i < of->count; i++) {
		bool found = false;

		for (int j = 0; j < in->count && !found; j++)
			found = strcmp(of->rows[i].symbol, in->rows[j].symbol) == 0 &&
				of->rows[i].qty == in->rows[j].qty;
		if (!found)
			return false;
	}
	return true;
}

bool balances_agree(const struct broker_balance *a, const struct broker_balance *b)
{
	if (a->state != LISTING_COMPLETE || b->state != LISTING_COMPLETE)
		return false;
	if (a->cash_d0_won != b->cash_d0_won || a->cash_d1_won != b->cash_d1_won ||
	    a->cash_d2_won != b->cash_d2_won)
		return false;
	return holdings_within(a, b) && holdings_within(b, a);
}
