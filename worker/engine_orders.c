/*
 * engine_orders - own orders inside the engine: what the order thread reports, what a complete listing proves, cancels.
 *
 * Truth about fills is a complete listing's cumulative per order number. A doubtful order ends by a row that is provably its
 * own, or by the absence rule; never by time alone.
 */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "worker/engine_inner.h"
#include "shared/base/banned.h"

#define DOUBT_LASTS_TIMES 5 /* a doubt this many T_ABS old calls a person again */

/* ---- the table ---- */

int64_t eng_intent_id(struct engine *eng)
{
	if (eng->counter >= ENGINE_COUNTER_MAX)
		return 0;
	eng->counter++;
	return (int64_t)eng->in->day.yyyymmdd * INT64_C(100000000000) + eng->in->epoch * 100000 +
	       eng->counter;
}

void eng_order_live(struct engine *eng, int index, bool live)
{
	for (int i = 0; i < eng->live_count; i++) {
		if (eng->live[i] != index)
			continue;
		if (!live) {
			memmove(&eng->live[i], &eng->live[i + 1],
				(size_t)(eng->live_count - i - 1) * sizeof(eng->live[0]));
			eng->live_count--;
		}
		return;
	}
	if (live)
		eng->live[eng->live_count++] = index;
}

int eng_order_add(struct engine *eng, const struct order *order)
{
	struct eng_order *ord;

	if (eng->order_count >= ORDERS_DAY_MAX)
		return INDEX_NONE;
	ord = &eng->orders[eng->order_count];
	*ord = (struct eng_order){ .o = *order, .cancel_live = INDEX_NONE, .made = eng->now };
	ord->sym = eng_symbol_index(eng, order->symbol);
	eng->order_count++;
	if (order->owner == OWNER_SYS && !order_final(order->state))
		eng_order_live(eng, eng->order_count - 1, true);
	return eng->order_count - 1;
}

static int by_intent(const struct engine *eng, int64_t intent_id)
{
	for (int i = eng->order_count - 1; i >= 0; i--) {
		if (eng->orders[i].o.intent_id == intent_id)
			return i;
	}
	return INDEX_NONE;
}

static int by_number(const struct engine *eng, const char *odno, enum order_owner owner,
		     enum intent_kind kind)
{
	if (odno[0] == '\0')
		return INDEX_NONE;
	for (int i = 0; i < eng->order_count; i++) {
		const struct order *o = &eng->orders[i].o;

		if (o->owner == owner && o->kind == kind && strcmp(o->odno, odno) == 0)
			return i;
	}
	return INDEX_NONE;
}

static bool is_new(const struct eng_order *ord)
{
	return ord->o.kind == INTENT_NEW && ord->o.owner == OWNER_SYS;
}

static bool is_open(const struct eng_order *ord)
{
	return ord->o.state == ORDER_OPEN || ord->o.state == ORDER_PARTIAL;
}

/* ---- fills ---- */

static void round_trip(struct engine *eng, struct eng_symbol *sym, enum order_side side, int64_t qty,
		       int64_t net_won)
{
	sym->trip_qty += side == SIDE_BUY ? qty : -qty;
	sym->trip_won += net_won;
	if (sym->trip_qty > 0)
		return;
	if (side == SIDE_SELL)
		eng->losing_streak = sym->trip_won < 0 ? eng->losing_streak + 1 : 0;
	sym->trip_qty = sym->trip_won = 0;
}

/* Before the snapshot: the day's sums move, the shares and the cash have it already. */
static enum reason fill_before(struct position *pos, enum order_side side, int64_t qty, int64_t amount_won,
			       const struct cost *cost)
{
	if (side == SIDE_BUY) {
		pos->bought_qty += qty;
		pos->bought_won += amount_won;
	} else {
		pos->sold_qty += qty;
		pos->sold_won += amount_won;
	}
	pos->fee_won += cost->fee_won;
	pos->tax_won += cost->tax_won;
	return REASON_OK;
}

enum reason eng_fill(struct engine *eng, int index, enum order_side side, int64_t qty, int64_t amount_won,
		     struct wall at, bool counts, struct cost *out_cost)
{
	struct eng_symbol *sym = &eng->symbols[index];
	struct cost cost = { 0 };
	int64_t net_won;
	enum reason why;

	if (!sym->pos) {
		struct lot none = { .owner = OWNER_SYS };

		memcpy(none.symbol, sym->row.symbol, sizeof(none.symbol));
		why = position_open(&eng->book, &none, &sym->pos);
		if (why != REASON_OK)
			return why;
	}
	if (!cost_step(&sym->costs, side, side == SIDE_BUY ? sym->pos->bought_won : sym->pos->sold_won,
		       amount_won, &cost))
		return reason_set(REASON_OVERFLOW, "fill of %s: its cost does not fit", sym->row.symbol);
	*out_cost = cost;
	why = counts ? position_fill(sym->pos, &sym->costs, side, qty, amount_won)
		     : fill_before(sym->pos, side, qty, amount_won, &cost);
	net_won = (side == SIDE_BUY ? -amount_won : amount_won) - cost.fee_won - cost.tax_won;
	if (counts)
		eng->cash_won += net_won;
	if (why != REASON_OK)
		return why;
	round_trip(eng, sym, side, qty, net_won);
	if (at.us > sym->last_fill_at.us)
		sym->last_fill_at = at;
	eng->fills_today++;
	return REASON_OK;
}

/* ---- moves ---- */

static void cancels_of(struct engine *eng, int target, struct engine_actions *out);
static void cancel_send(struct engine *eng, int target, struct engine_actions *out);

/* The order left the table of the living, or entered a state in which a wanted cancel can go out. */
static void moved(struct engine *eng, int index, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];

	if (order_final(ord->o.state))
		eng_order_live(eng, index, false);
	if (is_new(ord)) {
		if (order_final(ord->o.state))
			cancels_of(eng, index, out);
		else if (is_open(ord) && ord->o.cancel_wanted && ord->cancel_tries == 0)
			cancel_send(eng, index, out);
	}
	if (ord->sym != INDEX_NONE)
		eng_refresh(eng, ord->sym);
}

/* A move that a listing or the start proves: state, row for the store, what follows. */
static void move(struct engine *eng, int index, enum order_event event, enum reason cause,
		 const char *evidence, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	struct engine_action *act;
	enum order_state to;

	if (order_move(ord->o.state, event, &to) != REASON_OK)
		return;
	ord->o.state = to;
	act = eng_take(eng, out, ACTION_ORDER_EVENT);
	act->u.order_event.intent_id = ord->o.intent_id;
	act->u.order_event.event = event;
	act->u.order_event.state = to;
	memcpy(act->u.order_event.odno, ord->o.odno, sizeof(act->u.order_event.odno));
	memcpy(act->u.order_event.orig_odno, ord->o.orig_odno, sizeof(act->u.order_event.orig_odno));
	memcpy(act->u.order_event.branch, ord->o.branch, sizeof(act->u.order_event.branch));
	act->u.order_event.filled_qty = ord->o.filled_qty;
	act->u.order_event.filled_won = ord->o.filled_won;
	act->u.order_event.why = cause;
	act->u.order_event.evidence = evidence;
	moved(eng, index, out);
}

/* A move whose row the order thread has written. */
static bool move_silent(struct engine *eng, int index, enum order_event event)
{
	enum order_state to;

	if (order_move(eng->orders[index].o.state, event, &to) != REASON_OK)
		return false;
	eng->orders[index].o.state = to;
	return true;
}

/* ---- cancels ---- */

static void cancel_send(struct engine *eng, int target, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[target];
	struct engine_action *act;
	struct order o = {
		.intent_id = eng_intent_id(eng),
		.day = eng->in->day,
		.owner = OWNER_SYS,
		.kind = INTENT_CANCEL,
		.target_intent_id = ord->o.intent_id,
		.side = ord->o.side,
		.type = ord->o.type,
		.qty = ord->o.qty - ord->o.filled_qty,
		.price_won = ord->o.price_won,
		.state = ORDER_NONE,
		.recorded = eng->now,
	};
	int at;

	memcpy(o.symbol, ord->o.symbol, sizeof(o.symbol));
	memcpy(o.excg, ord->o.excg, sizeof(o.excg));
	memcpy(o.orig_odno, ord->o.odno, sizeof(o.orig_odno));
	memcpy(o.branch, ord->o.branch, sizeof(o.branch));
	at = o.intent_id > 0 ? eng_order_add(eng, &o) : INDEX_NONE;
	if (at == INDEX_NONE) {
		eng_cause(eng, CAUSE_ROOM, true, "a cancel has no room left in the day's orders");
		return;
	}
	ord->cancel_live = at;
	ord->cancel_tries++;
	ord->cancel_at = eng->now;
	act = eng_take(eng, out, ACTION_INTENT);
	act->u.intent.order = o;
	act->u.intent.reduces_risk = true;
	snprintf(act->u.intent.signal_code, sizeof(act->u.intent.signal_code), "cancel");
}

void eng_cancel_wanted(struct engine *eng, int index, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];

	ord->o.cancel_wanted = true;
	if (is_open(ord) && ord->o.odno[0] != '\0' && ord->cancel_tries == 0)
		cancel_send(eng, index, out);
}

/* The target is over, so its cancels are: CANCELLED when they did it, EXPIRED when there was nothing left to cancel. */
static void cancels_of(struct engine *eng, int target, struct engine_actions *out)
{
	int64_t id = eng->orders[target].o.intent_id;
	bool done = eng->orders[target].o.state == ORDER_CANCELLED;

	for (int i = 0; i < eng->live_count;) {
		int at = eng->live[i];
		const struct order *o = &eng->orders[at].o;

		if (o->kind == INTENT_CANCEL && o->target_intent_id == id &&
		    (o->state == ORDER_OPEN || o->state == ORDER_IN_DOUBT))
			move(eng, at, done ? OEV_CANCEL_DONE : OEV_EXPIRE, REASON_OK, "target",
			     out); /* leaves `live` */
		else
			i++;
	}
	eng->orders[target].cancel_live = INDEX_NONE;
}

/* A complete listing, asked long enough after the last cancel, still shows the remainder. */
static void cancel_again(struct engine *eng, int index, struct wall asked, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	enum order_state state;

	if (!ord->o.cancel_wanted || !is_open(ord) || asked.us < ord->cancel_at.us + eng->in->cancel_gap_us)
		return;
	if (ord->cancel_live != INDEX_NONE) {
		state = eng->orders[ord->cancel_live].o.state;
		if (state == ORDER_NONE || state == ORDER_RECORDED || state == ORDER_SENDING)
			return; /* its answer is still to come */
	}
	if (ord->cancel_tries < eng->in->cancel_tries) {
		cancel_send(eng, index, out);
	} else if (!ord->told_cancel) {
		ord->told_cancel = true;
		eng_alert(eng, out, FINDING_CRIT, "cancel-fails", ord->o.symbol,
			  "order %s is still alive after %d cancels; cancel it in the broker's app",
			  ord->o.odno, ord->cancel_tries);
	}
}

/* ---- start ---- */

void eng_orders_start(struct engine *eng, struct engine_actions *out)
{
	for (int i = 0; i < eng->order_count; i++) {
		struct eng_order *ord = &eng->orders[i];
		int target;

		ord->decided_at = eng->now;
		if (ord->o.owner != OWNER_SYS || ord->o.kind != INTENT_CANCEL)
			continue;
		target = by_intent(eng, ord->o.target_intent_id);
		if (target == INDEX_NONE)
			continue;
		eng->orders[target].cancel_tries++;
		eng->orders[target].cancel_at = eng->now;
		if (!order_final(ord->o.state))
			eng->orders[target].cancel_live = i;
	}
	for (int i = 0; i < eng->order_count; i++) {
		struct eng_order *ord = &eng->orders[i];

		if (ord->o.owner != OWNER_SYS)
			continue;
		/* Their sender is gone with the process that made them. */
		if (ord->o.state == ORDER_RECORDED)
			move(eng, i, OEV_NEVER_SENT, REASON_OK, "start", out);
		else if (ord->o.state == ORDER_SENDING)
			move(eng, i, OEV_DOUBT, REASON_IN_DOUBT, "start", out);
	}
	eng_doubt_look(eng);
}

/* ---- outcomes of the order thread ---- */

void eng_doubt_look(struct engine *eng)
{
	int doubts = 0;
	const char *symbol = "";

	for (int i = 0; i < eng->live_count; i++) {
		struct eng_order *ord = &eng->orders[eng->live[i]];
		bool waits = ord->o.state == ORDER_NONE || ord->o.state == ORDER_RECORDED ||
			     ord->o.state == ORDER_SENDING;

		if (!is_new(ord))
			continue;
		if (ord->o.state == ORDER_IN_DOUBT ||
		    (waits && eng->now.us - ord->made.us > UNDECIDED_S_MAX * US_PER_S)) {
			doubts++;
			symbol = ord->o.symbol;
		}
	}
	if (doubts > 0)
		eng_cause(eng, CAUSE_DOUBT, true, "%s: whether an order lives at the broker is not known",
			  symbol);
	else
		eng_cause(eng, CAUSE_DOUBT, false, "no order is in doubt");
}

static void doubt_lasts(struct engine *eng, struct engine_actions *out)
{
	for (int i = 0; i < eng->live_count; i++) {
		struct eng_order *ord = &eng->orders[eng->live[i]];

		if (ord->o.state != ORDER_IN_DOUBT || ord->told_doubt ||
		    eng->now.us - ord->decided_at.us < DOUBT_LASTS_TIMES * eng->in->t_abs_us)
			continue;
		ord->told_doubt = true;
		eng_alert(eng, out, FINDING_CRIT, "doubt-lasts", ord->o.symbol,
			  "intent %lld is in doubt for %lld s; look into the broker's app",
			  (long long)ord->o.intent_id,
			  (long long)((eng->now.us - ord->decided_at.us) / US_PER_S));
	}
}

/* It never reached the broker: it does not count as a buy of the day. */
static void never_there(struct engine *eng, const struct eng_order *ord)
{
	if (is_new(ord) && ord->o.side == SIDE_BUY && eng->symbols[ord->sym].buys_today > 0)
		eng->symbols[ord->sym].buys_today--;
}

static void cancel_outcome(struct engine *eng, int index, enum engine_outcome outcome)
{
	int target = by_intent(eng, eng->orders[index].o.target_intent_id);

	if (target == INDEX_NONE)
		return;
	eng->orders[target].cancel_at = eng->now;
	if (outcome == OUTCOME_NOT_SENT && eng->orders[target].cancel_tries > 0)
		eng->orders[target].cancel_tries--; /* nothing went out; the next listing tries again */
	if (order_final(eng->orders[index].o.state) && eng->orders[target].cancel_live == index)
		eng->orders[target].cancel_live = INDEX_NONE;
}

static void accepted(struct engine *eng, int index, const struct engine_event *event,
		     struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	int other = by_number(eng, event->u.order.odno, OWNER_SYS, ord->o.kind);

	if (event->u.order.odno[0] == '\0' || (other != INDEX_NONE && other != index)) {
		move_silent(eng, index, OEV_DOUBT);
		eng_alert(eng, out, FINDING_CRIT, "row-inconsistent", ord->o.symbol,
			  "intent %lld was accepted under the number '%s', which is none or another order's",
			  (long long)ord->o.intent_id, event->u.order.odno);
		return;
	}
	if (!move_silent(eng, index, OEV_ACCEPTED))
		return;
	memcpy(ord->o.odno, event->u.order.odno, sizeof(ord->o.odno));
	memcpy(ord->o.branch, event->u.order.branch, sizeof(ord->o.branch));
}

static void sent(struct engine *eng, int index, const struct engine_event *event, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	enum engine_outcome outcome = event->u.order.outcome;

	if (order_final(ord->o.state) || is_open(ord))
		return; /* the last word was heard */
	ord->decided_at = eng->now;
	if (outcome != OUTCOME_NOT_SENT) {
		/* The marks are durable before a byte leaves, so an answer proves them. */
		if (ord->o.state == ORDER_NONE)
			move_silent(eng, index, OEV_RECORD);
		if (ord->o.state == ORDER_RECORDED) {
			move_silent(eng, index, OEV_SEND_MARK);
			ord->o.sent = eng->now;
		}
	}
	switch (outcome) {
	case OUTCOME_ACCEPTED: accepted(eng, index, event, out); break;
	case OUTCOME_REFUSED:
		move_silent(eng, index, OEV_REFUSED);
		never_there(eng, ord);
		eng_alert(eng, out, FINDING_WARN, "order-refused", ord->o.symbol,
			  "intent %lld: the broker refuses it (%s)", (long long)ord->o.intent_id,
			  reason_code(event->u.order.why));
		break;
	case OUTCOME_DOUBT: move_silent(eng, index, OEV_DOUBT); break;
	case OUTCOME_NOT_SENT:
		if (ord->o.state == ORDER_NONE)
			move_silent(eng, index, OEV_RECORD);
		move_silent(eng, index, OEV_NEVER_SENT);
		never_there(eng, ord);
		eng_alert(eng, out, FINDING_WARN, "order-not-sent", ord->o.symbol,
			  "intent %lld was not sent (%s)", (long long)ord->o.intent_id,
			  reason_code(event->u.order.why));
		break;
	}
	if (ord->o.kind == INTENT_CANCEL)
		cancel_outcome(eng, index, outcome);
	moved(eng, index, out);
	if (ord->o.kind == INTENT_CANCEL) {
		int target = by_intent(eng, ord->o.target_intent_id);

		if (target != INDEX_NONE && order_final(eng->orders[target].o.state))
			cancels_of(eng, target, out);
	}
	if (outcome != OUTCOME_NOT_SENT)
		eng_want_listing(eng, out);
}

void eng_outcome(struct engine *eng, const struct engine_event *event, struct engine_actions *out)
{
	int index = by_intent(eng, event->u.order.intent_id);

	if (index == INDEX_NONE || eng->orders[index].o.owner != OWNER_SYS)
		return;
	if (event->kind == EVENT_ORDER_RECORDED) {
		if (eng->orders[index].o.state == ORDER_NONE)
			move_silent(eng, index, OEV_RECORD);
		return;
	}
	if (event->kind == EVENT_ORDER_MARKED) {
		if (eng->orders[index].o.state == ORDER_NONE)
			move_silent(eng, index, OEV_RECORD);
		if (eng->orders[index].o.state == ORDER_RECORDED && move_silent(eng, index, OEV_SEND_MARK))
			eng->orders[index].o.sent = eng->now;
		return;
	}
	sent(eng, index, event, out);
	eng_doubt_look(eng);
}

/* ---- listings ---- */

static void contradiction(struct engine *eng, const struct eng_order *ord, const char *what)
{
	eng_cause(eng, CAUSE_MISMATCH, true, "%s order %s: %s", ord->o.symbol, ord->o.odno, what);
}

/* The growth of the cumulative becomes a fill record, whatever state we thought the order in. */
static bool take_fill(struct engine *eng, int index, const struct broker_order *row,
		      struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	struct engine_action *act;
	struct fill fill;
	struct cost cost = { 0 };
	bool any = false;

	if (row->filled_qty == ord->o.filled_qty && row->filled_won == ord->o.filled_won)
		return false;
	if (fill_advance(&ord->o, row->filled_qty, row->filled_won, eng->now, &fill, &any) != REASON_OK) {
		contradiction(eng, ord, reason_detail());
		return false;
	}
	if (!any)
		return false;
	if (order_final(ord->o.state) && !ord->told_final) {
		ord->told_final = true;
		contradiction(eng, ord, "it was over by our books, and filled more");
	}
	if (eng_fill(eng, ord->sym, ord->o.side, fill.to_qty - fill.from_qty, fill.amount_won, eng->now, true,
		     &cost) != REASON_OK)
		contradiction(eng, ord, reason_detail());
	ord->o.filled_qty = row->filled_qty;
	ord->o.filled_won = row->filled_won;
	act = eng_take(eng, out, ACTION_FILL);
	act->u.fill.fill = fill;
	act->u.fill.cost = cost;
	return true;
}

static void take_row(struct engine *eng, int index, const struct broker_order *row, struct wall asked,
		     const char *evidence, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	bool grew, over;

	ord->in_listing = true;
	if (strcmp(row->symbol, ord->o.symbol) != 0 || row->side != ord->o.side || row->qty != ord->o.qty) {
		contradiction(eng, ord, "the broker's row has another symbol, side or quantity");
		return;
	}
	grew = take_fill(eng, index, row, out);
	if (order_final(ord->o.state)) {
		if (ord->sym != INDEX_NONE)
			eng_refresh(eng, ord->sym);
		return;
	}
	over = row->open_qty == 0;
	if (ord->o.filled_qty >= ord->o.qty)
		move(eng, index, OEV_COMPLETE_FILL, REASON_OK, evidence, out);
	else if (over && row->rejected_qty > 0 && ord->o.filled_qty == 0 &&
		 eng->now.us < eng->in->session_end.us)
		move(eng, index, OEV_REJECTED_LATE, REASON_OK, evidence, out);
	else if (over && row->rejected_qty > 0)
		move(eng, index, OEV_EXPIRE, REASON_OK, evidence, out);
	else if (over && row->cancelled_qty > 0 && row->cancelled_qty + row->filled_qty >= ord->o.qty)
		move(eng, index, OEV_CANCEL_DONE, REASON_OK, evidence, out);
	else if (grew || (ord->o.state != ORDER_PARTIAL && ord->o.filled_qty > 0))
		move(eng, index, OEV_PARTIAL_FILL, REASON_OK, evidence, out);
	else if (ord->o.state == ORDER_IN_DOUBT)
		move(eng, index, OEV_FOUND, REASON_OK, evidence, out);
	else if (ord->sym != INDEX_NONE)
		eng_refresh(eng, ord->sym);
	if (row->open_qty > 0)
		cancel_again(eng, index, asked, out);
}

/* A row that ends or changes another order. */
static void take_request(struct engine *eng, const struct broker_order *row, struct engine_actions *out)
{
	int target = by_number(eng, row->orig_odno, OWNER_SYS, INTENT_NEW);
	struct eng_order *ord;

	if (target == INDEX_NONE || by_number(eng, row->odno, OWNER_SYS, INTENT_CANCEL) != INDEX_NONE)
		return; /* not about an order of ours, or our own cancel by its number */
	ord = &eng->orders[target];
	for (int i = 0; row->is_cancel && i < eng->order_count; i++) {
		struct order *o = &eng->orders[i].o;

		if (o->kind != INTENT_CANCEL || o->target_intent_id != ord->o.intent_id || o->odno[0] != '\0')
			continue;
		if (o->state == ORDER_IN_DOUBT) {
			memcpy(o->odno, row->odno, sizeof(o->odno));
			move(eng, i, OEV_FOUND, REASON_OK, "row", out);
			return;
		}
		if (!order_final(o->state))
			return; /* its answer will name the number */
	}
	if (ord->told_ext_cancel)
		return;
	ord->told_ext_cancel = true;
	if (row->is_cancel)
		eng_alert(eng, out, FINDING_WARN, "ext-cancel", ord->o.symbol,
			  "order %s was cancelled from outside the system", ord->o.odno);
	else
		contradiction(eng, ord, "it was changed from outside the system");
}

static void hold_for_ext(struct engine *eng, struct eng_order *ord, const struct broker_order *row)
{
	int64_t price_won = row->price_won, open_won = 0, held_won;

	if (ord->sym != INDEX_NONE) {
		int64_t grew = row->filled_qty - ord->o.filled_qty;

		eng->symbols[ord->sym].ext_qty += row->side == SIDE_BUY ? grew : -grew;
		eng->symbols[ord->sym].ext_today = true;
		if (price_won == 0)
			price_won = eng->symbols[ord->sym].row.band.high_won;
	}
	ord->o.filled_qty = row->filled_qty;
	ord->o.filled_won = row->filled_won;
	if (row->side != SIDE_BUY || ord->made.us == 0)
		return; /* known before the start: held back by the frozen inputs */
	if (!won_mul(price_won, row->open_qty, &open_won))
		open_won = INT64_MAX / 1024;
	held_won = open_won + row->filled_won;
	eng->ext_held_won += held_won - ord->ext_held_won;
	ord->ext_held_won = held_won;
}

static void take_ext(struct engine *eng, const struct broker_order *row, struct engine_actions *out)
{
	struct engine_action *act;
	struct order o = {
		.intent_id = eng_intent_id(eng),
		.day = row->day,
		.owner = OWNER_EXT,
		.kind = INTENT_NEW,
		.side = row->side,
		.type = row->type,
		.qty = row->qty,
		.price_won = row->price_won,
		.state = ORDER_OPEN,
		.recorded = eng->now,
	};
	int at;

	memcpy(o.symbol, row->symbol, sizeof(o.symbol));
	memcpy(o.odno, row->odno, sizeof(o.odno));
	memcpy(o.branch, row->branch, sizeof(o.branch));
	memcpy(o.excg, row->excg, sizeof(o.excg));
	at = o.intent_id > 0 ? eng_order_add(eng, &o) : INDEX_NONE;
	if (at == INDEX_NONE) {
		eng_cause(eng, CAUSE_ROOM, true, "more orders from outside than the engine has room for");
		return;
	}
	act = eng_take(eng, out, ACTION_EXT_ORDER);
	act->u.ext.intent_id = o.intent_id;
	act->u.ext.row = *row;
	eng_alert(eng, out, FINDING_WARN, "ext-order", row->symbol,
		  "order %s (%s %lld shares) is not ours; it is left alone and its cash held back", row->odno,
		  order_side_text(row->side), (long long)row->qty);
	hold_for_ext(eng, &eng->orders[at], row);
}

/* ---- doubt ---- */

static bool alike(const struct engine *eng, const struct order *o, const struct broker_order *row)
{
	return strcmp(row->symbol, o->symbol) == 0 && row->side == o->side && row->qty == o->qty &&
	       row->type == o->type && row->price_won == o->price_won &&
	       (row->excg[0] == '\0' || strcmp(row->excg, o->excg) == 0) &&
	       kst_day_same(row->day, eng->in->day);
}

/* Whole seconds of the broker's clock against ours, with the tolerated skew. */
static bool in_window(const struct engine *eng, const struct eng_order *ord, const struct broker_order *row)
{
	int64_t from_us = (ord->o.sent.us != 0 ? ord->o.sent.us : ord->made.us) - eng->in->skew_us - US_PER_S;
	int64_t to_us = ord->decided_at.us + eng->in->skew_us;

	return row->at.us >= from_us && row->at.us <= to_us;
}

static bool same_intent(const struct order *a, const struct order *b)
{
	return strcmp(a->symbol, b->symbol) == 0 && a->side == b->side && a->qty == b->qty &&
	       a->type == b->type && a->price_won == b->price_won && strcmp(a->excg, b->excg) == 0;
}

static bool side_of(const struct order *o, const struct broker_order *row)
{
	return strcmp(row->symbol, o->symbol) == 0 && row->side == o->side;
}

static void bind_row(struct engine *eng, int index, const struct broker_order *row, struct wall asked,
		     struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];

	memcpy(ord->o.odno, row->odno, sizeof(ord->o.odno));
	memcpy(ord->o.branch, row->branch, sizeof(ord->o.branch));
	ord->o.bound = eng->now;
	take_row(eng, index, row, asked, "likeness", out);
}

static void absent(struct engine *eng, int index, struct wall asked, struct engine_actions *out)
{
	struct eng_order *ord = &eng->orders[index];
	struct eng_symbol *sym = &eng->symbols[ord->sym];
	struct engine_action *act;
	enum order_side side = ord->o.side;

	if (asked.us < ord->decided_at.us)
		return; /* asked before the doubt began: proves nothing */
	if (ord->absent_count == 0)
		ord->absent_first = asked;
	ord->absent_count++;
	if (ord->absent_count < eng->in->n_abs || asked.us - ord->absent_first.us < eng->in->t_abs_us)
		return;
	never_there(eng, ord);
	move(eng, index, OEV_ABSENT, REASON_OK, "absence", out);
	sym->locked[side] = true;
	sym->lock_lifts |= side == SIDE_SELL;
	act = eng_take(eng, out, ACTION_LOCK);
	memcpy(act->u.lock.symbol, sym->row.symbol, sizeof(act->u.lock.symbol));
	act->u.lock.side = side;
	act->u.lock.locked = true;
	act->u.lock.why = REASON_FW_LOCKED;
	eng_alert(eng, out, FINDING_WARN, "never-arrived", sym->row.symbol,
		  "intent %lld never arrived: %d complete listings over %lld s without it; %s is locked for "
		  "the day",
		  (long long)ord->o.intent_id, ord->absent_count,
		  (long long)((asked.us - ord->absent_first.us) / US_PER_S), order_side_text(side));
}

static void ambiguous(struct engine *eng, struct eng_order *ord, int intents, int rows,
		      struct engine_actions *out)
{
	ord->absent_count = 0;
	if (ord->told_ambiguous)
		return;
	ord->told_ambiguous = true;
	eng_alert(eng, out, FINDING_CRIT, "ambiguous-match", ord->o.symbol,
		  "intent %lld: %d intents alike, %d rows alike; nothing is bound, a person must say which",
		  (long long)ord->o.intent_id, intents, rows);
}

/* All doubtful intents that are alike, against the rows that are alike: equal counts bind in order, anything else nothing. */
static void settle_group(struct engine *eng, const int *group, int intents,
			 const struct broker_order_list *list, int unowned_count, struct engine_actions *out)
{
	const struct order *first = &eng->orders[group[0]].o;
	int rows[ENGINE_SYMBOLS_MAX], row_count = 0;
	bool near = false;

	for (int i = 0; i < unowned_count; i++) {
		const struct broker_order *row;
		bool window = false;

		if (eng->unowned[i] == INDEX_NONE)
			continue;
		row = &list->rows[eng->unowned[i]];
		for (int n = 0; n < intents && !window; n++)
			window = in_window(eng, &eng->orders[group[n]], row);
		if (alike(eng, first, row) && window) {
			if (row_count < (int)ARRAY_COUNT(rows))
				rows[row_count] = i;
			row_count++;
		} else if (side_of(first, row)) {
			near = true;
		}
	}
	if (row_count == intents && row_count <= (int)ARRAY_COUNT(rows)) {
		for (int n = 0; n < intents; n++) {
			int at = eng->unowned[rows[n]];

			eng->unowned[rows[n]] = INDEX_NONE;
			bind_row(eng, group[n], &list->rows[at], list->asked, out);
		}
		return;
	}
	for (int n = 0; n < intents; n++) {
		struct eng_order *ord = &eng->orders[group[n]];

		if (row_count > 0) {
			ambiguous(eng, ord, intents, row_count, out);
		} else if (near) {
			ord->absent_count = 0;
			if (!ord->told_near)
				eng_alert(eng, out, FINDING_CRIT, "near-miss", ord->o.symbol,
					  "intent %lld is in doubt and a row of that symbol and side is "
					  "nobody's: a person "
					  "must look",
					  (long long)ord->o.intent_id);
			ord->told_near = true;
		} else {
			absent(eng, group[n], list->asked, out);
		}
	}
}

static void settle_doubts(struct engine *eng, const struct broker_order_list *list, int unowned_count,
			  struct engine_actions *out)
{
	int doubtful[ENGINE_SYMBOLS_MAX], count = 0;

	for (int i = 0; i < eng->order_count && count < (int)ARRAY_COUNT(doubtful); i++) {
		if (is_new(&eng->orders[i]) && eng->orders[i].o.state == ORDER_IN_DOUBT &&
		    !eng->orders[i].in_listing)
			doubtful[count++] = i;
	}
	for (int i = 0; i < count; i++) {
		int group[ENGINE_SYMBOLS_MAX] = { 0 }, intents = 0;

		if (doubtful[i] == INDEX_NONE)
			continue;
		for (int j = i; j < count; j++) {
			if (doubtful[j] == INDEX_NONE ||
			    !same_intent(&eng->orders[doubtful[i]].o, &eng->orders[doubtful[j]].o))
				continue;
			group[intents++] = doubtful[j];
			if (j != i)
				doubtful[j] = INDEX_NONE;
		}
		settle_group(eng, group, intents, list, unowned_count, out);
	}
}

/* A binding by likeness stays watched: one more candidate within T_ABS makes it doubtful which was ours. */
static void watch_bound(struct engine *eng, const struct broker_order *row, struct engine_actions *out)
{
	for (int i = 0; i < eng->order_count; i++) {
		struct eng_order *ord = &eng->orders[i];

		if (!is_new(ord) || ord->o.bound.us == 0 ||
		    eng->now.us - ord->o.bound.us > eng->in->t_abs_us || !alike(eng, &ord->o, row) ||
		    !in_window(eng, ord, row))
			continue;
		ambiguous(eng, ord, 1, 2, out);
		eng_cause(eng, CAUSE_AMBIGUOUS, true, "%s: order %s was bound by likeness, and %s is as like",
			  ord->o.symbol, ord->o.odno, row->odno);
	}
}

/* While an intent of that symbol and side has no number yet, a row of nobody may be its own. */
static bool may_be_ours(const struct engine *eng, const struct broker_order *row)
{
	for (int i = 0; i < eng->live_count; i++) {
		const struct eng_order *ord = &eng->orders[eng->live[i]];

		if (is_new(ord) && side_of(&ord->o, row) &&
		    (ord->o.state == ORDER_NONE || order_undecided(ord->o.state)))
			return true;
	}
	return false;
}

static void missing(struct engine *eng, struct wall asked, struct engine_actions *out)
{
	for (int i = 0; i < eng->live_count; i++) {
		struct eng_order *ord = &eng->orders[eng->live[i]];

		if (!is_new(ord) || !is_open(ord) || ord->in_listing || ord->told_missing ||
		    asked.us < ord->decided_at.us + eng->in->t_lag_us)
			continue;
		ord->told_missing = true;
		eng_alert(eng, out, FINDING_CRIT, "own-order-missing", ord->o.symbol,
			  "order %s is not in a complete listing", ord->o.odno);
		contradiction(eng, ord, "it is missing in a complete listing");
	}
}

void eng_listing(struct engine *eng, const struct broker_order_list *list, struct engine_actions *out)
{
	int unowned_count = 0;

	for (int i = 0; i < eng->order_count; i++)
		eng->orders[i].in_listing = false;
	for (int i = 0; i < list->count; i++) {
		const struct broker_order *row = &list->rows[i];
		int own;

		if (!kst_day_same(row->day, eng->in->day))
			continue;
		if (row->is_cancel || row->is_modify) {
			take_request(eng, row, out);
			continue;
		}
		own = by_number(eng, row->odno, OWNER_SYS, INTENT_NEW);
		if (own != INDEX_NONE) {
			take_row(eng, own, row, list->asked, "row", out);
			continue;
		}
		own = by_number(eng, row->odno, OWNER_EXT, INTENT_NEW);
		if (own != INDEX_NONE)
			hold_for_ext(eng, &eng->orders[own], row);
		else if (unowned_count < ORDERS_DAY_MAX)
			eng->unowned[unowned_count++] = i;
	}
	settle_doubts(eng, list, unowned_count, out);
	for (int i = 0; i < unowned_count; i++) {
		const struct broker_order *row;

		if (eng->unowned[i] == INDEX_NONE)
			continue;
		row = &list->rows[eng->unowned[i]];
		watch_bound(eng, row, out);
		if (!may_be_ours(eng, row))
			take_ext(eng, row, out);
	}
	missing(eng, list->asked, out);
	for (int i = 0; i < eng->symbol_count; i++) {
		if (eng->symbols[i].ext_hint_at.us != 0 && list->asked.us >= eng->symbols[i].ext_hint_at.us)
			eng->symbols[i].ext_hint_at.us = 0;
	}
	eng_doubt_look(eng);
	doubt_lasts(eng, out);
}

/* ---- notices and balances ---- */

void eng_notice(struct engine *eng, const struct notice *notice, struct engine_actions *out)
{
	int index = eng_symbol_index(eng, notice->symbol);
	bool known = by_number(eng, notice->odno, OWNER_SYS, INTENT_NEW) != INDEX_NONE ||
		     by_number(eng, notice->odno, OWNER_SYS, INTENT_CANCEL) != INDEX_NONE ||
		     by_number(eng, notice->odno, OWNER_EXT, INTENT_NEW) != INDEX_NONE ||
		     by_number(eng, notice->orig_odno, OWNER_SYS, INTENT_NEW) != INDEX_NONE;

	/* The notice of our own order may come before the answer that names it. */
	for (int i = 0; i < eng->live_count && !known; i++)
		known = eng->orders[eng->live[i]].sym == index && eng->orders[eng->live[i]].o.odno[0] == '\0';
	if (!known && index != INDEX_NONE)
		eng->symbols[index].ext_hint_at = eng->now;
	eng_want_listing(eng, out);
}

void eng_balance(struct engine *eng, const struct broker_balance *balance, struct engine_actions *out)
{
	if (balance->state != LISTING_COMPLETE)
		return;
	for (int i = 0; i < eng->symbol_count; i++) {
		struct eng_symbol *sym = &eng->symbols[i];
		int64_t books_qty = (sym->pos ? sym->pos->lot.qty : 0) + sym->ext_qty, qty = 0,
			sellable_qty = 0;

		for (int n = 0; n < balance->count; n++) {
			if (strcmp(balance->rows[n].symbol, sym->row.symbol) == 0) {
				qty += balance->rows[n].qty;
				sellable_qty += balance->rows[n].sellable_qty;
			}
		}
		/* A symbol that traded within T_LAG, or in which somebody else trades, is not judged here. */
		if (qty != books_qty && !sym->ext_today && sym->open_buy_qty == 0 &&
		    sym->open_sell_qty == 0 &&
		    (sym->last_fill_at.us == 0 ||
		     balance->asked.us - sym->last_fill_at.us > eng->in->t_lag_us))
			eng_cause(eng, CAUSE_MISMATCH, true,
				  "%s: the broker holds %lld shares, our books %lld", sym->row.symbol,
				  (long long)qty, (long long)books_qty);
		if (sym->lock_lifts && sellable_qty == books_qty - sym->open_sell_qty && qty == books_qty) {
			struct engine_action *act = eng_take(eng, out, ACTION_LOCK);

			sym->lock_lifts = false;
			sym->locked[SIDE_SELL] = false;
			memcpy(act->u.lock.symbol, sym->row.symbol, sizeof(act->u.lock.symbol));
			act->u.lock.side = SIDE_SELL;
			act->u.lock.why = REASON_OK;
		}
	}
}
