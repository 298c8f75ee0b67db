/*
 * reconcile_judge - what the broker's row, or its absence, means for an order.
 *
 * Shares come from the cumulative of the row, against what the fill records hold. States come from what is
 * left open. An order that a finding stands against is not judged: it keeps its state until a person has
 * looked.
 */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/reconcile_parts.h"
#include "shared/base/banned.h"

static bool in_doubt(enum order_state state)
{
	return state == ORDER_SENDING || state == ORDER_IN_DOUBT;
}

static bool session_over(const struct reconcile_work *w)
{
	return w->now.us >= w->rules->session_end.us;
}

static void resolved(struct reconcile_work *w, int order_index, const char *how)
{
	const struct order *o = &w->ours->orders[order_index];

	rec_finding(w, FINDING_INFO, "in-doubt-resolved", o->symbol, "order %lld (%s %lld of %s): %s",
		    (long long)o->intent_id, order_side_text(o->side), (long long)o->qty, o->symbol, how);
}

static void still_in_doubt(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];

	if (o->state == ORDER_SENDING)
		rec_resolve(w, order_index, OEV_DOUBT, NULL, "no-answer");
	rec_lock(w, o->symbol, o->side == SIDE_BUY, o->side == SIDE_SELL);
	rec_refuse(w, REASON_IN_DOUBT);
}

/* ---- what we hold of an order ---- */

static bool fill_is_of(const struct fill *f, const struct order *o)
{
	if (f->intent_id != 0)
		return f->intent_id == o->intent_id;
	return o->owner == OWNER_EXT && kst_day_same(f->day, o->day) && strcmp(f->odno, o->odno) == 0;
}

/* The fill records are the truth about what we hold; the sum stored with the order is a marker that may have
 * been torn. */
static void count_held(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];
	int64_t qty = 0, won = 0;
	bool any = false, whole = false;

	for (int i = 0; i < w->ours->fill_count; i++) {
		const struct fill *f = &w->ours->fills[i];

		if (!fill_is_of(f, o))
			continue;
		any = true;
		whole = whole || f->from_qty == 0;
		qty = f->to_qty > qty ? f->to_qty : qty;
		if (!won_add(won, f->amount_won, &won))
			w->trouble = REASON_OVERFLOW;
	}
	w->held_qty[order_index] = o->filled_qty;
	w->held_won[order_index] = o->filled_won;
	/*
	 * No record: the marker holds for an order older than the snapshot, whose fills need not be here, and
	 * for an EXT order, which may have been filled before anybody here saw it.
	 */
	if (!any && o->owner == OWNER_EXT)
		return;
	if (any ? !whole : !w->ours->snapshot_known || o->recorded.us <= w->ours->snapshot.frozen.us)
		return;
	if (qty != o->filled_qty || won != o->filled_won)
		rec_finding(w, FINDING_WARN, "marker-disagrees", o->symbol,
			    "order %lld: stored %lld shares for %lld won, its fill records say %lld for "
			    "%lld; the records count",
			    (long long)o->intent_id, (long long)o->filled_qty, (long long)o->filled_won,
			    (long long)qty, (long long)won);
	w->held_qty[order_index] = qty;
	w->held_won[order_index] = won;
}

/* ---- a bound row ---- */

/* One order as the list tells it: all legs of a change together. */
struct told {
	const struct broker_order *row; /* the newest leg */
	int64_t qty, cum_qty, cum_won;
	int live_legs;
	bool changed; /* the newest leg has another number than we know */
};

static bool tell(const struct reconcile_work *w, int order_index, struct told *out)
{
	const struct order *o = &w->ours->orders[order_index];
	struct told told = { .row = rec_row(w, w->order_row[order_index]) };
	int64_t old_qty = 0;

	for (int i = 0; i < w->theirs->orders.count; i++) {
		const struct broker_order *r = rec_row(w, i);

		if (w->row_owner[i] != order_index)
			continue;
		if (!won_add(told.cum_qty, r->filled_qty, &told.cum_qty) ||
		    !won_add(told.cum_won, r->filled_won, &told.cum_won))
			return false;
		if (r != told.row)
			old_qty += r->filled_qty; /* fits: it is a part of the sum above */
		told.live_legs += r->open_qty > 0 && !rec_day_dead(w, r->day);
	}
	told.qty = w->first_leg[order_index] == w->order_row[order_index] ? o->qty : old_qty + told.row->qty;
	told.changed = o->odno[0] && strcmp(o->odno, told.row->odno) != 0;
	*out = told;
	return true;
}

static void row_contradicts(struct reconcile_work *w, int order_index, const char *what)
{
	const struct order *o = &w->ours->orders[order_index];

	rec_finding(w, FINDING_WARN, "row-inconsistent", o->symbol, "row %s against order %lld: %s", o->odno,
		    (long long)o->intent_id, what);
	rec_refuse(w, REASON_ROW_INCONSISTENT);
}

static bool told_fits(struct reconcile_work *w, int order_index, const struct told *told)
{
	const struct order *o = &w->ours->orders[order_index];

	if (strcmp(o->symbol, told->row->symbol) != 0 || o->side != told->row->side) {
		row_contradicts(w, order_index, "symbol or side is another");
		return false;
	}
	if (!told->changed && w->first_leg[order_index] == w->order_row[order_index] &&
	    o->qty != told->row->qty) {
		row_contradicts(w, order_index, "the ordered quantity is another");
		return false;
	}
	if (told->live_legs > 1) {
		rec_finding(w, FINDING_CRIT, "two-live-legs", o->symbol,
			    "order %lld was changed and both numbers, %s and %s, are live",
			    (long long)o->intent_id, rec_row(w, w->first_leg[order_index])->odno,
			    told->row->odno);
		rec_refuse(w, REASON_TWO_LIVE_LEGS);
		return false;
	}
	return true;
}

/* New shares of this row. False: the cumulative cannot be; a finding was made. */
static bool advance(struct reconcile_work *w, int order_index, const struct told *told, struct fill *fill,
		    bool *any)
{
	struct order o = w->ours->orders[order_index];
	enum reason why;

	memcpy(o.odno, told->row->odno, sizeof(o.odno));
	o.qty = told->qty;
	o.filled_qty = w->held_qty[order_index];
	o.filled_won = w->held_won[order_index];
	why = fill_advance(&o, told->cum_qty, told->cum_won, w->now, fill, any);
	if (why == REASON_OK)
		return true;
	rec_finding(w, why == REASON_ROW_INCONSISTENT ? FINDING_WARN : FINDING_CRIT, reason_code(why),
		    o.symbol, "%s", reason_detail());
	rec_refuse(w, why);
	return false;
}

/* A final order whose row moved: never a move of ours, always a person's. */
static void judge_final(struct reconcile_work *w, int order_index, const struct told *told, bool any)
{
	const struct order *o = &w->ours->orders[order_index];
	bool live = told->live_legs > 0 && !session_over(w);

	if (any || live) {
		rec_finding(w, FINDING_CRIT, "final-state-overturned", o->symbol,
			    "order %lld is %s with %lld filled here; the broker has %lld filled and %lld "
			    "open under %s",
			    (long long)o->intent_id, order_state_text(o->state),
			    (long long)w->held_qty[order_index], (long long)told->cum_qty,
			    (long long)told->row->open_qty, told->row->odno);
		rec_refuse(w, REASON_FINAL_OVERTURNED);
	}
	/* A symbol in which somebody cancelled ours stays locked for the day, on every later look too. */
	if (o->owner == OWNER_SYS && o->state == ORDER_CANCELLED && !rec_day_dead(w, o->day) &&
	    rec_cancel_by_others(w, order_index) != NO_ROW)
		rec_lock(w, o->symbol, true, true);
}

/* Who ended it? We, somebody at the broker's own screen, or nobody: then the exchange lost it. */
static void judge_cancel_cause(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];
	int by = rec_cancel_by_others(w, order_index);

	if (o->owner != OWNER_SYS || rec_day_dead(w, o->day) || rec_cancel_is_ours(w, order_index))
		return;
	if (by != NO_ROW) {
		rec_finding(w, FINDING_WARN, "ext-order", o->symbol,
			    "order %lld was cancelled by request %s, which is none of ours",
			    (long long)o->intent_id, rec_row(w, by)->odno);
		rec_lock(w, o->symbol, true, true);
		return;
	}
	rec_finding(w, FINDING_CRIT, "exchange-cancel", o->symbol,
		    "order %lld was cancelled and nobody asked for it: the exchange may have lost its "
		    "resting orders",
		    (long long)o->intent_id);
	rec_refuse(w, REASON_NEEDS_PERSON);
}

/* The event of a live order whose remainder is gone. False: the row does not say where it went. */
static bool ended_event(struct reconcile_work *w, int order_index, const struct told *told,
			enum order_event *out)
{
	const struct order *o = &w->ours->orders[order_index];
	bool was_open = o->state == ORDER_OPEN || o->state == ORDER_PARTIAL;
	bool dead = rec_day_dead(w, told->row->day);

	if (told->row->cancelled_qty > 0) {
		judge_cancel_cause(w, order_index);
		*out = OEV_CANCEL_DONE;
	} else if (told->row->rejected_qty > 0 && was_open && (dead || session_over(w))) {
		*out = OEV_EXPIRE; /* measured: day orders left at the close are listed as rejected in full */
	} else if (told->row->rejected_qty > 0 && (told->cum_qty > 0 || o->state == ORDER_PARTIAL)) {
		*out = OEV_CANCEL_DONE; /* what was filled stays; the rest was refused */
	} else if (told->row->rejected_qty > 0) {
		*out = OEV_REJECTED_LATE;
		rec_finding(w, FINDING_WARN, "late-reject", o->symbol,
			    "order %lld (%s %lld of %s) was accepted and refused later",
			    (long long)o->intent_id, order_side_text(o->side), (long long)o->qty, o->symbol);
	} else if (dead) {
		*out = OEV_EXPIRE;
	} else {
		row_contradicts(w, order_index, "nothing is open, filled to the end, cancelled or rejected");
		return false;
	}
	if (*out == OEV_EXPIRE)
		rec_finding(w, FINDING_INFO, "order-expired", o->symbol, "order %lld ended with its day",
			    (long long)o->intent_id);
	return true;
}

static bool live_event(struct reconcile_work *w, int order_index, const struct told *told, bool any,
		       enum order_event *out)
{
	const struct order *o = &w->ours->orders[order_index];

	if (told->cum_qty >= told->qty) {
		*out = OEV_COMPLETE_FILL;
		return true;
	}
	if (told->row->open_qty == 0)
		return ended_event(w, order_index, told, out);
	if (rec_day_dead(w, told->row->day)) {
		rec_finding(w, FINDING_INFO, "order-expired", o->symbol, "order %lld ended with its day",
			    (long long)o->intent_id);
		*out = OEV_EXPIRE;
		return true;
	}
	*out = any ? OEV_PARTIAL_FILL : OEV_FOUND;
	return any || in_doubt(o->state) || told->changed || o->odno[0] == '\0';
}

static void judge_live(struct reconcile_work *w, int order_index, const struct told *told,
		       const struct fill *fill, bool any)
{
	const struct order *o = &w->ours->orders[order_index];
	struct resolution *res;
	enum order_event event;

	if (!live_event(w, order_index, told, any, &event))
		return;
	res = rec_resolve(w, order_index, event, told->row, w->by_likeness[order_index] ? "likeness" : "row");
	if (res && any) {
		res->has_fill = true;
		res->fill = *fill;
	}
	if (in_doubt(o->state))
		resolved(w, order_index, order_event_text(event));
	if (o->owner == OWNER_SYS && !in_doubt(o->state) && o->odno[0] == '\0') {
		rec_finding(w, FINDING_CRIT, "parser-defect", o->symbol,
			    "order %lld was accepted, but its number %s was not read from the answer",
			    (long long)o->intent_id, told->row->odno);
		rec_refuse(w, REASON_NEEDS_PERSON);
	}
	if (o->owner == OWNER_SYS && told->changed && !o->modify_wanted) {
		rec_finding(w, FINDING_WARN, "ext-order", o->symbol,
			    "order %lld was changed by somebody outside: %s became %s",
			    (long long)o->intent_id, o->odno, told->row->odno);
		rec_lock(w, o->symbol, true, true);
	}
}

static void judge_bound(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];
	struct fill fill;
	struct told told;
	bool any = false;

	if (!tell(w, order_index, &told)) {
		row_contradicts(w, order_index, "its sums do not fit");
		return;
	}
	if (!told_fits(w, order_index, &told))
		return;
	if (!advance(w, order_index, &told, &fill, &any))
		return;
	if (order_final(o->state))
		judge_final(w, order_index, &told, any);
	else
		judge_live(w, order_index, &told, &fill, any);
}

/* ---- no row ---- */

/*
 * The absence rule: at least n_abs complete listings, each answered after the send mark and the tolerated
 * skew, the first and the last at least t_abs apart. Failed and partial asks count nothing: they are not
 * among the sightings.
 */
static bool absent(const struct reconcile_work *w, const struct order *o)
{
	const struct wall after = wall_add_us(o->sent, w->rules->skew_us);
	struct wall first = w->theirs->orders.answered, last = first;
	int seen = 0;

	if (w->theirs->orders.asked.us < after.us)
		return false;
	seen = 1;
	for (int i = 0; i < w->ours->sighting_count; i++) {
		const struct sighting *s = &w->ours->sightings[i];

		if (!kst_day_same(s->day, o->day) || s->answered.us < after.us ||
		    s->answered.us >= w->theirs->orders.answered.us)
			continue;
		seen++;
		first = s->answered.us < first.us ? s->answered : first;
	}
	return seen >= w->rules->n_abs && wall_diff_us(last, first) >= w->rules->t_abs_us;
}

static void judge_missing(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];

	if (o->day.yyyymmdd < w->theirs->orders.from.yyyymmdd ||
	    o->day.yyyymmdd > w->theirs->orders.to.yyyymmdd) {
		rec_finding(w, FINDING_CRIT, "unresolved-out-of-range", o->symbol,
			    "order %lld of %d lies outside the days that the list covers",
			    (long long)o->intent_id, (int)o->day.yyyymmdd);
		rec_refuse(w, REASON_OUT_OF_RANGE);
		if (in_doubt(o->state))
			still_in_doubt(w, order_index);
	} else if (in_doubt(o->state) && !w->blocked[order_index] && absent(w, o)) {
		rec_resolve(w, order_index, OEV_ABSENT, NULL, "absence");
		resolved(w, order_index, "absent from every list; it never arrived");
	} else if (in_doubt(o->state) || o->odno[0] == '\0') {
		still_in_doubt(w, order_index);
	} else {
		rec_finding(w, FINDING_WARN, "empty-contradicts", o->symbol,
			    "order %lld has the number %s, yet a complete list does not have it",
			    (long long)o->intent_id, o->odno);
		rec_refuse(w, REASON_EMPTY_CONTRADICTS);
	}
}

static void judge_recorded(struct reconcile_work *w, int order_index)
{
	const struct order *o = &w->ours->orders[order_index];

	if (w->blocked[order_index])
		return;
	if (o->sent.us != 0) { /* the marks contradict the state: nothing is concluded from half a record */
		rec_finding(w, FINDING_CRIT, "journal-broken", o->symbol,
			    "order %lld is RECORDED, yet has a send mark", (long long)o->intent_id);
		rec_refuse(w, REASON_JOURNAL_BROKEN);
		return;
	}
	if (rec_resolve(w, order_index, OEV_NEVER_SENT, NULL, "no-mark"))
		rec_finding(w, FINDING_INFO, "never-sent", o->symbol,
			    "order %lld was recorded and never sent", (long long)o->intent_id);
}

/* ---- cancels of ours ---- */

static enum order_state state_after(const struct reconcile_work *w, int order_index)
{
	int res = w->resolution_of[order_index];

	return res == NO_ROW ? w->ours->orders[order_index].state : w->out->resolutions[res].to;
}

/* A cancel is settled by what became of its target; while the target rests it waits and blocks nothing. */
static void judge_cancel(struct reconcile_work *w, int order_index)
{
	const struct order *c = &w->ours->orders[order_index];
	enum order_state target = ORDER_NONE;

	if (order_final(c->state) || c->state == ORDER_NONE || c->state == ORDER_PARTIAL)
		return;
	if (c->state == ORDER_RECORDED) {
		rec_resolve(w, order_index, OEV_NEVER_SENT, NULL, "no-mark");
		return;
	}
	for (int i = 0; i < w->ours->order_count; i++) {
		if (w->ours->orders[i].intent_id == c->target_intent_id &&
		    w->ours->orders[i].kind == INTENT_NEW)
			target = state_after(w, i);
	}
	if (target == ORDER_CANCELLED)
		rec_resolve(w, order_index, OEV_CANCEL_DONE, NULL, "target");
	else if (order_final(target))
		rec_resolve(w, order_index, in_doubt(c->state) ? OEV_REFUSED : OEV_REJECTED_LATE, NULL,
			    "target");
	else if (c->state == ORDER_SENDING)
		rec_resolve(w, order_index, OEV_DOUBT, NULL, "no-answer");
}

void rec_judge_orders(struct reconcile_work *w)
{
	for (int i = 0; i < w->ours->order_count; i++) {
		const struct order *o = &w->ours->orders[i];

		count_held(w, i);
		if (o->kind == INTENT_CANCEL)
			continue;
		if (o->state == ORDER_RECORDED)
			judge_recorded(w, i);
		else if (w->order_row[i] != NO_ROW && !w->blocked[i])
			judge_bound(w, i);
		else if (w->blocked[i] && in_doubt(o->state))
			still_in_doubt(w, i);
		else if (!order_final(o->state) && w->order_row[i] == NO_ROW)
			judge_missing(w, i);
	}
	for (int i = 0; i < w->ours->order_count; i++) {
		if (w->ours->orders[i].kind == INTENT_CANCEL)
			judge_cancel(w, i);
	}
}

/* ---- rows that are nobody's ---- */

static enum order_event external_event(const struct reconcile_work *w, const struct broker_order *r)
{
	if (r->filled_qty >= r->qty)
		return OEV_COMPLETE_FILL;
	if (r->open_qty > 0 && !rec_day_dead(w, r->day))
		return r->filled_qty > 0 ? OEV_PARTIAL_FILL : OEV_FOUND;
	if (r->cancelled_qty > 0)
		return OEV_CANCEL_DONE;
	if (rec_day_dead(w, r->day))
		return OEV_EXPIRE;
	return r->rejected_qty > 0 && r->filled_qty == 0 ? OEV_REJECTED_LATE : OEV_CANCEL_DONE;
}

static void take_one(struct reconcile_work *w, const struct broker_order *r)
{
	struct order o = { .day = r->day, .owner = OWNER_EXT, .side = r->side, .qty = r->qty };
	struct resolution *res;
	struct fill fill;
	bool any = false;
	enum reason why;

	memcpy(o.odno, r->odno, sizeof(o.odno));
	memcpy(o.symbol, r->symbol, sizeof(o.symbol));
	why = fill_advance(&o, r->filled_qty, r->filled_won, w->now, &fill, &any);
	if (why != REASON_OK) {
		rec_finding(w, FINDING_WARN, "row-inconsistent", r->symbol, "%s", reason_detail());
		rec_refuse(w, REASON_ROW_INCONSISTENT);
		return;
	}
	res = rec_resolve(w, -1, external_event(w, r), r, "row");
	/* Entered before the freeze: what it filled is in the snapshot; if not, the shares will not agree. */
	if (res && any && !(w->ours->snapshot_known && r->at.us < w->ours->snapshot.frozen.us)) {
		res->has_fill = true;
		res->fill = fill;
	}
	rec_finding(w, FINDING_WARN, "ext-order", r->symbol,
		    "order %s (%s %lld of %s at %lld won) is none of ours", r->odno, order_side_text(r->side),
		    (long long)r->qty, r->symbol, (long long)r->price_won);
}

void rec_take_external(struct reconcile_work *w)
{
	for (int i = 0; i < w->theirs->orders.count; i++) {
		if (w->row_owner[i] == ROW_FREE)
			take_one(w, rec_row(w, i));
	}
}
