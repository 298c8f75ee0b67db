/*
 * reconcile_rows - whose is which row of the broker's list? By number if we know one, else by exact likeness,
 * else nobody's.
 *
 * The broker takes no order id of ours, so likeness is all there is after a lost answer: symbol, side,
 * quantity, price, exchange and a send window. It binds only when the counts leave no choice.
 */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/trade/reconcile_parts.h"
#include "shared/base/banned.h"

/* ---- one row ---- */

static bool same_key(const struct broker_order *a, const struct broker_order *b)
{
	return kst_day_same(a->day, b->day) && strcmp(a->odno, b->odno) == 0;
}

static bool same_row(const struct broker_order *a, const struct broker_order *b)
{
	return strcmp(a->symbol, b->symbol) == 0 && a->side == b->side && a->type == b->type &&
	       a->qty == b->qty && a->price_won == b->price_won && a->filled_qty == b->filled_qty &&
	       a->filled_won == b->filled_won && a->open_qty == b->open_qty &&
	       a->cancelled_qty == b->cancelled_qty && a->rejected_qty == b->rejected_qty &&
	       strcmp(a->orig_odno, b->orig_odno) == 0;
}

/* Parts never exceed the whole; a request row repeats quantities of its target and is not looked at. */
static bool row_sane(const struct broker_order *r)
{
	if (r->odno[0] == '\0' || !symbol_valid(r->symbol) || r->qty < 1 || r->price_won < 0)
		return false;
	if (r->filled_qty < 0 || r->filled_won < 0 || r->open_qty < 0 || r->cancelled_qty < 0 ||
	    r->rejected_qty < 0)
		return false;
	if (r->open_qty > r->qty || r->cancelled_qty > r->qty || r->rejected_qty > r->qty)
		return false;
	return (r->filled_qty > 0) == (r->filled_won > 0);
}

static bool is_request(const struct broker_order *r)
{
	if (r->is_cancel)
		return true;
	/* Without a mark of its own, a row that names an original and holds no shares is a request too. */
	return r->orig_odno[0] && !r->is_modify && r->open_qty == 0 && r->filled_qty == 0;
}

void rec_rows_fold(struct reconcile_work *w)
{
	int folded = 0;

	for (int i = 0; i < w->theirs->orders.count; i++) {
		const struct broker_order *r = rec_row(w, i);

		w->row_owner[i] = is_request(r) ? ROW_REQUEST : ROW_FREE;
		if (w->row_owner[i] == ROW_FREE && !row_sane(r)) {
			rec_finding(w, FINDING_WARN, "row-inconsistent", r->symbol,
				    "row %s contradicts itself: %lld ordered, %lld filled for %lld won, %lld "
				    "open, %lld cancelled, "
				    "%lld rejected",
				    r->odno, (long long)r->qty, (long long)r->filled_qty,
				    (long long)r->filled_won, (long long)r->open_qty,
				    (long long)r->cancelled_qty, (long long)r->rejected_qty);
			rec_refuse(w, REASON_ROW_INCONSISTENT);
			w->row_owner[i] = ROW_KEPT;
		}
		for (int j = 0; j < i; j++) {
			if (w->row_owner[j] == ROW_FOLDED || !same_key(r, rec_row(w, j)))
				continue;
			if (same_row(r, rec_row(w, j))) {
				w->row_owner[i] = ROW_FOLDED;
				folded++;
				break;
			}
			rec_finding(w, FINDING_WARN, "row-inconsistent", r->symbol,
				    "number %s comes twice with different content; neither row is believed",
				    r->odno);
			rec_refuse(w, REASON_ROW_INCONSISTENT);
			w->row_owner[i] = w->row_owner[j] = ROW_KEPT;
		}
	}
	if (folded > 0)
		rec_finding(w, FINDING_WARN, "dup-row", "", "%d equal rows of the list of orders were folded",
			    folded);
}

/* ---- by number ---- */

/* A change gives a new number and names the old one: follow the chain to its last leg. */
static int last_leg(struct reconcile_work *w, int order_index, int row_index)
{
	for (int step = 0; step < w->theirs->orders.count; step++) {
		const struct broker_order *leg = rec_row(w, row_index);
		int next = NO_ROW;

		for (int i = 0; i < w->theirs->orders.count; i++) {
			const struct broker_order *r = rec_row(w, i);

			if (w->row_owner[i] == ROW_FREE && i != row_index && kst_day_same(r->day, leg->day) &&
			    strcmp(r->orig_odno, leg->odno) == 0)
				next = i;
		}
		if (next == NO_ROW)
			return row_index;
		w->row_owner[next] = order_index;
		row_index = next;
	}
	return row_index;
}

/* The legs that an order of ours had before the number we know: its row names the one before it. */
static void claim_earlier_legs(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];
	const char *before = rec_row(w, w->order_row[order_index])->orig_odno;

	if (!before[0])
		before = o->orig_odno;
	for (int step = 0; before[0] && step < w->theirs->orders.count; step++) {
		const char *earlier = "";

		for (int j = 0; j < w->theirs->orders.count; j++) {
			const struct broker_order *r = rec_row(w, j);

			if (w->row_owner[j] != ROW_FREE || !kst_day_same(r->day, o->day) ||
			    strcmp(r->odno, before) != 0)
				continue;
			w->row_owner[j] = order_index;
			w->first_leg[order_index] = j;
			earlier = r->orig_odno;
		}
		before = earlier;
	}
}

void rec_bind_numbers(struct reconcile_work *w)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		w->order_row[i] = w->first_leg[i] = w->resolution_of[i] = NO_ROW;
		for (int j = 0; o->odno[0] && j < w->theirs->orders.count; j++) {
			const struct broker_order *r = rec_row(w, j);

			if (w->row_owner[j] == ROW_FOLDED || !kst_day_same(r->day, o->day) ||
			    strcmp(r->odno, o->odno) != 0)
				continue;
			if (w->row_owner[j] == ROW_KEPT)
				w->blocked[i] = true;
			else if (w->row_owner[j] == ROW_FREE)
				w->row_owner[j] = i;
			w->order_row[i] = w->first_leg[i] = j;
		}
	}
	/* Chains only after every number we know has found its row: a leg that is an order of ours already
	 * stays it. */
	for (int i = 0; i < w->ours->order_count; i++) {
		if (w->order_row[i] == NO_ROW || w->row_owner[w->order_row[i]] != i ||
		    w->ours->orders[i].kind != INTENT_NEW)
			continue;
		claim_earlier_legs(w, i);
		w->order_row[i] = last_leg(w, i, w->order_row[i]);
	}
}

bool rec_cancel_is_ours(const struct reconcile_work *w, int order_index)
{
	const struct order *target = &w->ours->orders[order_index];

	if (target->cancel_wanted)
		return true;
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		if (o->kind == INTENT_CANCEL && o->owner == OWNER_SYS &&
		    o->target_intent_id == target->intent_id && o->state != ORDER_NEVER_SENT &&
		    o->state != ORDER_RECORDED)
			return true;
	}
	return false;
}

int rec_cancel_by_others(const struct reconcile_work *w, int order_index)
{
	const struct order *target = &w->ours->orders[order_index];

	if (target->odno[0] == '\0' || rec_cancel_is_ours(w, order_index))
		return NO_ROW;
	for (int i = 0; i < w->theirs->orders.count; i++) {
		const struct broker_order *r = rec_row(w, i);

		if (w->row_owner[i] == ROW_REQUEST && kst_day_same(r->day, target->day) &&
		    strcmp(r->orig_odno, target->odno) == 0)
			return i;
	}
	return NO_ROW;
}

/* ---- by likeness ---- */

/* Does this order wait for a row that we can only know by its likeness? */
static bool wants_likeness(const struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];

	if (o->kind != INTENT_NEW || o->owner != OWNER_SYS || o->odno[0])
		return false;
	(void)w;
	return o->state == ORDER_SENDING || o->state == ORDER_IN_DOUBT || o->state == ORDER_OPEN ||
	       o->state == ORDER_PARTIAL;
}

static bool same_terms(const struct order *o, const struct broker_order *r)
{
	if (strcmp(o->symbol, r->symbol) != 0 || o->side != r->side || o->qty != r->qty || o->type != r->type)
		return false;
	if (o->type == TYPE_LIMIT && o->price_won != r->price_won)
		return false;
	return !o->excg[0] || !r->excg[0] || strcmp(o->excg, r->excg) == 0;
}

/* The broker's times are whole seconds: the second in which the window opens belongs to it. */
static bool in_window(const struct reconcile_work *w, const struct order *o, const struct broker_order *r)
{
	struct wall mark = o->sent.us != 0 ? o->sent : o->recorded;
	int64_t opens_us = mark.us - w->rules->skew_us;
	int64_t closes_us = mark.us + w->rules->order_timeout_us + w->rules->skew_us;

	return r->at.us + US_PER_S > opens_us && r->at.us <= closes_us;
}

static bool could_be(const struct reconcile_work *w, int order_index, int row_index)
{
	const struct order *o = &w->ours->orders[order_index];
	const struct broker_order *r = rec_row(w, row_index);

	return w->row_owner[row_index] == ROW_FREE && !r->orig_odno[0] && kst_day_same(o->day, r->day) &&
	       same_terms(o, r) && in_window(w, o, r);
}

/* A knot: doubtful orders and free rows that hang together, because each row could be more than one of them.
 */
struct knot {
	bool has_order[ORDERS_DAY_MAX], has_row[ORDERS_DAY_MAX];
	int orders[ORDERS_DAY_MAX], rows[ORDERS_DAY_MAX]; /* in the order they were sent, and entered */
	int order_count, row_count;
};

static bool sent_before(const struct order *a, const struct order *b)
{
	return a->sent.us != b->sent.us ? a->sent.us < b->sent.us : a->intent_id < b->intent_id;
}

static bool entered_before(const struct broker_order *a, const struct broker_order *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : strcmp(a->odno, b->odno) < 0;
}

static void knot_add_order(const struct reconcile_work *w, struct knot *knot, int order_index)
{
	int at = knot->order_count++;

	while (at > 0 && sent_before(&w->ours->orders[order_index], &w->ours->orders[knot->orders[at - 1]])) {
		knot->orders[at] = knot->orders[at - 1];
		at--;
	}
	knot->orders[at] = order_index;
	knot->has_order[order_index] = true;
}

static void knot_add_row(const struct reconcile_work *w, struct knot *knot, int row_index)
{
	int at = knot->row_count++;

	while (at > 0 && entered_before(rec_row(w, row_index), rec_row(w, knot->rows[at - 1]))) {
		knot->rows[at] = knot->rows[at - 1];
		at--;
	}
	knot->rows[at] = row_index;
	knot->has_row[row_index] = true;
}

static void knot_tie(const struct reconcile_work *w, struct knot *knot, int order_index)
{
	bool grew = true;

	knot->order_count = knot->row_count = 0;
	memset(knot->has_order, 0, sizeof(knot->has_order));
	memset(knot->has_row, 0, sizeof(knot->has_row));
	knot_add_order(w, knot, order_index);
	while (grew) {
		grew = false;
		for (int r = 0; r < w->theirs->orders.count; r++) {
			for (int k = 0; k < knot->order_count && !knot->has_row[r]; k++) {
				if (could_be(w, knot->orders[k], r)) {
					knot_add_row(w, knot, r);
					grew = true;
				}
			}
		}
		for (int o = 0; o < w->ours->order_count; o++) {
			if (knot->has_order[o] || !wants_likeness(w, o) || w->order_row[o] != NO_ROW ||
			    w->blocked[o])
				continue;
			for (int k = 0; k < knot->row_count && !knot->has_order[o]; k++) {
				if (could_be(w, o, knot->rows[k])) {
					knot_add_order(w, knot, o);
					grew = true;
				}
			}
		}
	}
}

static void name_rows(const struct reconcile_work *w, const int *rows, int row_count, char out[static 128])
{
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < row_count && used + ODNO_SIZE + 2 < 128; i++)
		used += (size_t)snprintf(out + used, 128 - used, "%s%s", i ? " " : "",
					 rec_row(w, rows[i])->odno);
}

/* Several could be it, or the counts leave a choice: nobody is bound, a person reads the numbers. */
static void knot_refuse(struct reconcile_work *w, const struct knot *knot)
{
	const struct order *o = &w->ours->orders[knot->orders[0]];
	char names[128];

	name_rows(w, knot->rows, knot->row_count, names);
	rec_finding(w, FINDING_CRIT, "ambiguous-match", o->symbol,
		    "%d rows could be %d orders in doubt (%s %lld of %s): %s; say which are not ours",
		    knot->row_count, knot->order_count, order_side_text(o->side), (long long)o->qty,
		    o->symbol, names);
	rec_refuse(w, REASON_AMBIGUOUS_MATCH);
	for (int k = 0; k < knot->order_count; k++)
		w->blocked[knot->orders[k]] = true;
	for (int k = 0; k < knot->row_count; k++)
		w->row_owner[knot->rows[k]] = ROW_KEPT;
}

static bool knot_fits(const struct reconcile_work *w, const struct knot *knot)
{
	if (knot->order_count != knot->row_count)
		return false;
	for (int k = 0; k < knot->order_count; k++) {
		if (!could_be(w, knot->orders[k], knot->rows[k]))
			return false;
	}
	return true;
}

/* No row of this likeness, but one of this symbol and side that is nobody's: too near to call it absent. */
static void near_miss(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];

	for (int i = 0; i < w->theirs->orders.count; i++) {
		const struct broker_order *r = rec_row(w, i);

		if (w->row_owner[i] != ROW_FREE || !kst_day_same(o->day, r->day) || o->side != r->side ||
		    strcmp(o->symbol, r->symbol) != 0)
			continue;
		rec_finding(w, FINDING_CRIT, "ambiguous-match", o->symbol,
			    "order %lld in doubt (%s %lld at %lld) has no row of its likeness, but %s (%lld "
			    "at %lld) is nobody's",
			    (long long)o->intent_id, order_side_text(o->side), (long long)o->qty,
			    (long long)o->price_won, r->odno, (long long)r->qty, (long long)r->price_won);
		rec_refuse(w, REASON_AMBIGUOUS_MATCH);
		w->blocked[order_index] = true;
		w->row_owner[i] = ROW_KEPT;
	}
}

void rec_bind_likeness(struct reconcile_work *w)
{
	struct knot knot;

	for (int i = 0; i < w->ours->order_count; i++) {
		if (!wants_likeness(w, i) || w->order_row[i] != NO_ROW || w->blocked[i])
			continue;
		knot_tie(w, &knot, i);
		if (knot.order_count > 1)
			rec_finding(w, FINDING_WARN, "identical-in-doubt", w->ours->orders[i].symbol,
				    "%d look-alike orders are in doubt at once", knot.order_count);
		if (knot.row_count == 0)
			continue;
		if (!knot_fits(w, &knot)) {
			knot_refuse(w, &knot);
			continue;
		}
		for (int k = 0; k < knot.order_count; k++) {
			int o = knot.orders[k];

			w->row_owner[knot.rows[k]] = o;
			w->by_likeness[o] = true;
			w->first_leg[o] = knot.rows[k];
			w->order_row[o] = last_leg(w, o, knot.rows[k]);
		}
	}
	for (int i = 0; i < w->ours->order_count; i++) {
		if (wants_likeness(w, i) && w->order_row[i] == NO_ROW && !w->blocked[i])
			near_miss(w, i);
	}
}

/* ---- rows that should not be there ---- */

static void watch_one(struct reconcile_work *w, int order_index, const char *code, enum reason why,
		      const char *told)
{
	const struct order *o = &w->ours->orders[order_index];

	for (int i = 0; i < w->theirs->orders.count; i++) {
		if (!could_be(w, order_index, i))
			continue;
		rec_finding(w, FINDING_CRIT, code, o->symbol,
			    "order %lld (%s %lld of %s) %s, yet row %s has its likeness",
			    (long long)o->intent_id, order_side_text(o->side), (long long)o->qty, o->symbol,
			    told, rec_row(w, i)->odno);
		rec_refuse(w, why);
		w->blocked[order_index] = true;
		w->row_owner[i] = ROW_KEPT;
	}
}

/* Runs after all binding: what is still free belongs to none of our live orders. */
void rec_watch(struct reconcile_work *w)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		if (o->kind != INTENT_NEW || o->owner != OWNER_SYS)
			continue;
		if (o->bound.us != 0 && wall_diff_us(w->now, o->bound) < w->rules->t_abs_us)
			watch_one(w, i, "ambiguous-match", REASON_AMBIGUOUS_MATCH, "was bound by likeness");
		if (o->odno[0])
			continue;
		if (o->state == ORDER_RECORDED || o->state == ORDER_NEVER_SENT)
			watch_one(w, i, "journal-broken", REASON_JOURNAL_BROKEN, "has no send mark");
		else if (o->state == ORDER_REJECTED)
			watch_one(w, i, "contradiction", REASON_CONTRADICTION, "was refused");
		else if (o->state == ORDER_NEVER_ARRIVED)
			watch_one(w, i, "final-state-overturned", REASON_FINAL_OVERTURNED,
				  "counted as never arrived");
	}
}
