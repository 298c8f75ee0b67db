/*
 * engine_codec - inputs, events and actions as bytes. Each struct has one function that says its fields in order; it writes or
 * reads, whatever the codec is for, so the two cannot drift apart.
 *
 * The layout is part of journals: append fields at the end of a struct only together with JOURNAL_VERSION (journal.c).
 */
#include <string.h>

#include "shared/base/bug.h"
#include "worker/codec.h"
#include "worker/engine.h"
#include "shared/base/banned.h"

static void num(struct codec *c, int64_t *value)
{
	if (c->to)
		put_i64(c, *value);
	else
		*value = get_i64(c);
}

static void num32(struct codec *c, int32_t *value)
{
	if (c->to)
		put_i64(c, *value);
	else
		*value = (int32_t)get_range(c, INT32_MIN, INT32_MAX);
}

static void count(struct codec *c, int *value, int high)
{
	if (c->to)
		put_i64(c, *value);
	else
		*value = (int)get_range(c, 0, high);
}

static void flag(struct codec *c, bool *value)
{
	if (c->to)
		put_i64(c, *value);
	else
		*value = get_bool(c);
}

static void one(struct codec *c, char *value)
{
	if (c->to)
		put_i64(c, *value);
	else
		*value = (char)get_range(c, CHAR_MIN, CHAR_MAX);
}

static void digest(struct codec *c, struct digest *d)
{
	if (c->to)
		put_bytes(c, d->bytes, sizeof(d->bytes));
	else
		get_bytes(c, d->bytes, sizeof(d->bytes));
}

static void text(struct codec *c, char *at, size_t size)
{
	if (c->to)
		put_text(c, at, size);
	else
		get_text(c, at, size);
}

#define TEXT(c, array) text(c, array, sizeof(array))
#define WALL(c, wall)  num(c, &(wall).us)
/* An enum that must lie in 0..high. */
#define ENUM(c, value, high)                                                                                 \
	do {                                                                                                 \
		if ((c)->to)                                                                                 \
			put_i64(c, (int64_t)(value));                                                        \
		else                                                                                         \
			(value) = (__typeof__(value))get_range(c, 0, high);                                  \
	} while (0)
#define REASON_HIGH 9999

static enum reason finish(const struct codec *c, const char *what, size_t *out_len)
{
	if (c->bad && c->to)
		return reason_set(REASON_OVERFLOW, "%s does not fit into %zu bytes", what, c->room);
	if (c->bad || (!c->to && c->used != c->room))
		return reason_set(REASON_FILE_SHAPE, "%s is not what this build writes (byte %zu of %zu)",
				  what, c->used, c->room);
	if (out_len)
		*out_len = c->used;
	return REASON_OK;
}

/* ---- shared rows ---- */

static void order_row(struct codec *c, struct order *o)
{
	num(c, &o->intent_id);
	num32(c, &o->day.yyyymmdd);
	ENUM(c, o->owner, OWNER_EXT);
	ENUM(c, o->kind, INTENT_CANCEL);
	num(c, &o->target_intent_id);
	TEXT(c, o->symbol);
	ENUM(c, o->side, SIDE_SELL);
	ENUM(c, o->type, TYPE_MARKET);
	num(c, &o->qty);
	num(c, &o->price_won);
	TEXT(c, o->excg);
	ENUM(c, o->state, ORDER_STATE_COUNT - 1);
	TEXT(c, o->odno);
	TEXT(c, o->orig_odno);
	TEXT(c, o->branch);
	num(c, &o->filled_qty);
	num(c, &o->filled_won);
	WALL(c, o->recorded);
	WALL(c, o->sent);
	WALL(c, o->bound);
	flag(c, &o->cancel_wanted);
}

static void fill_row(struct codec *c, struct fill *f)
{
	num(c, &f->fill_id);
	num(c, &f->intent_id);
	num32(c, &f->day.yyyymmdd);
	TEXT(c, f->odno);
	TEXT(c, f->symbol);
	ENUM(c, f->side, SIDE_SELL);
	ENUM(c, f->owner, OWNER_EXT);
	num(c, &f->from_qty);
	num(c, &f->to_qty);
	num(c, &f->amount_won);
	WALL(c, f->at);
}

static void broker_row(struct codec *c, struct broker_order *r)
{
	num32(c, &r->day.yyyymmdd);
	TEXT(c, r->odno);
	TEXT(c, r->orig_odno);
	TEXT(c, r->branch);
	TEXT(c, r->symbol);
	ENUM(c, r->side, SIDE_SELL);
	ENUM(c, r->type, TYPE_MARKET);
	flag(c, &r->is_cancel);
	flag(c, &r->is_modify);
	num(c, &r->qty);
	num(c, &r->price_won);
	num(c, &r->filled_qty);
	num(c, &r->filled_won);
	num(c, &r->open_qty);
	num(c, &r->cancelled_qty);
	num(c, &r->rejected_qty);
	WALL(c, r->at);
	TEXT(c, r->excg);
	flag(c, &r->by_api);
}

static void holding_row(struct codec *c, struct broker_holding *h)
{
	TEXT(c, h->symbol);
	num(c, &h->qty);
	num(c, &h->sellable_qty);
}

/* ---- inputs ---- */

static void limits(struct codec *c, struct limit_set *set)
{
	const char *name;
	int64_t value;

	for (int i = 0; limit_set_at(set, i, &name, &value); i++) {
		num(c, &value);
		if (!c->to && !limit_set_put(set, name, value))
			c->bad = true;
	}
}

static void symbol_row(struct codec *c, struct engine_symbol *s)
{
	TEXT(c, s->symbol);
	flag(c, &s->member);
	flag(c, &s->entry_allowed);
	flag(c, &s->volatile_now);
	ENUM(c, s->market, MARKET_KOSDAQ);
	ENUM(c, s->kind, SYMBOL_ETF);
	num(c, &s->previous_close_won);
	num(c, &s->previous_high_won);
	num(c, &s->previous_low_won);
	num(c, &s->band.low_won);
	num(c, &s->band.high_won);
	num(c, &s->volume_average_qty);
}

static void lot_row(struct codec *c, struct lot *l)
{
	TEXT(c, l->symbol);
	ENUM(c, l->owner, OWNER_EXT);
	num(c, &l->qty);
	num(c, &l->cost_won);
}

static void signal_row(struct codec *c, struct strategy_signal *s)
{
	WALL(c, s->at);
	TEXT(c, s->symbol);
	ENUM(c, s->side, SIDE_SELL);
	ENUM(c, s->type, TYPE_MARKET);
	num(c, &s->qty);
	num(c, &s->price_won);
	TEXT(c, s->code);
}

static void times(struct codec *c, struct engine_inputs *in)
{
	num(c, &in->t_abs_us);
	num(c, &in->n_abs);
	num(c, &in->t_lag_us);
	num(c, &in->skew_us);
	num(c, &in->listing_us);
	num(c, &in->listing_live_us);
	num(c, &in->price_us);
	num(c, &in->cancel_gap_us);
	num(c, &in->cancel_tries);
	num(c, &in->opening_print_us);
	num(c, &in->end_margin_us);
	num(c, &in->end_wait_us);
	num(c, &in->heartbeat_us);
}

static void inputs(struct codec *c, struct engine_inputs *in)
{
	TEXT(c, in->account);
	TEXT(c, in->env);
	flag(c, &in->rehearsal);
	flag(c, &in->observer);
	num32(c, &in->day.yyyymmdd);
	num(c, &in->epoch);
	ENUM(c, in->certificate_mode, MODE_TRADE);
	WALL(c, in->session_open);
	WALL(c, in->entry_end);
	WALL(c, in->session_end);
	digest(c, &in->params_digest);
	digest(c, &in->limits_digest);
	digest(c, &in->universe_digest);
	digest(c, &in->snapshot_digest);
	digest(c, &in->build_digest);
	TEXT(c, in->strategy);
	num(c, &in->strategy_version);
	for (size_t i = 0; i < ARRAY_COUNT(in->params.values); i++)
		num(c, &in->params.values[i]);
	limits(c, &in->limits);
	num(c, &in->commission_ppm);
	times(c, in);
	count(c, &in->symbol_count, ENGINE_SYMBOLS_MAX);
	for (int i = 0; i < in->symbol_count && !c->bad; i++)
		symbol_row(c, &in->symbols[i]);
	WALL(c, in->snapshot_frozen);
	num(c, &in->cash_won);
	num(c, &in->ext_cash_held_won);
	count(c, &in->lot_count, HOLDINGS_MAX);
	for (int i = 0; i < in->lot_count && !c->bad; i++)
		lot_row(c, &in->lots[i]);
	count(c, &in->order_count, ORDERS_DAY_MAX);
	for (int i = 0; i < in->order_count && !c->bad; i++)
		order_row(c, &in->orders[i]);
	count(c, &in->fill_count, FILLS_DAY_MAX);
	for (int i = 0; i < in->fill_count && !c->bad; i++)
		fill_row(c, &in->fills[i]);
	count(c, &in->lock_count, ENGINE_LOCKS_MAX);
	for (int i = 0; i < in->lock_count && !c->bad; i++) {
		TEXT(c, in->locks[i].symbol);
		ENUM(c, in->locks[i].side, SIDE_SELL);
	}
	count(c, &in->signal_count, ENGINE_SIGNALS_MAX);
	for (int i = 0; i < in->signal_count && !c->bad; i++)
		signal_row(c, &in->signals[i]);
	num(c, &in->losing_streak_before);
}

/* A function that both writes and reads takes its struct as not const; writing does not change it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
enum reason engine_inputs_write(const struct engine_inputs *in, uint8_t *bytes, size_t room, size_t *out_len)
{
	struct codec c = { .to = bytes, .room = room };

	inputs(&c, (struct engine_inputs *)in);
	return finish(&c, "frozen inputs", out_len);
}

enum reason engine_inputs_read(const uint8_t *bytes, size_t len, struct engine_inputs *out)
{
	struct codec c = { .from = bytes, .room = len };

	memset(out, 0, sizeof(*out));
	inputs(&c, out);
	return finish(&c, "frozen inputs", NULL);
}

/* ---- events ---- */

static void tick(struct codec *c, struct trade_tick *t)
{
	TEXT(c, t->symbol);
	num32(c, &t->time_s);
	num(c, &t->price_won);
	num(c, &t->qty);
	num(c, &t->volume_qty);
	num(c, &t->ask_won);
	num(c, &t->bid_won);
	num(c, &t->open_won);
	num(c, &t->high_won);
	num(c, &t->low_won);
	flag(c, &t->halted);
	one(c, &t->market_phase);
	one(c, &t->aggressor);
}

static void book(struct codec *c, struct engine_book *b)
{
	TEXT(c, b->symbol);
	num(c, &b->ask_won);
	num(c, &b->bid_won);
	num(c, &b->ask_qty);
	num(c, &b->bid_qty);
}

static void notice(struct codec *c, struct notice *n)
{
	ENUM(c, n->kind, NOTICE_OTHER);
	TEXT(c, n->odno);
	TEXT(c, n->orig_odno);
	TEXT(c, n->branch);
	TEXT(c, n->symbol);
	ENUM(c, n->side, SIDE_SELL);
	num(c, &n->qty);
	num(c, &n->price_won);
	num(c, &n->order_qty);
	num32(c, &n->time_s);
}

static void listing(struct codec *c, struct broker_order_list *list, struct engine_event_room *room)
{
	ENUM(c, list->state, LISTING_COMPLETE);
	num32(c, &list->from.yyyymmdd);
	num32(c, &list->to.yyyymmdd);
	WALL(c, list->asked);
	WALL(c, list->answered);
	count(c, &list->count, ORDERS_DAY_MAX);
	if (room) { /* reading */
		list->rows = room->orders;
		list->room = ORDERS_DAY_MAX;
	}
	for (int i = 0; i < list->count && !c->bad; i++)
		broker_row(c, &list->rows[i]);
}

/* What the engine judges of a balance: shares. Cash and valuations are not journalled. */
static void balance(struct codec *c, struct broker_balance *b, struct engine_event_room *room)
{
	ENUM(c, b->state, LISTING_COMPLETE);
	WALL(c, b->asked);
	WALL(c, b->answered);
	count(c, &b->count, HOLDINGS_MAX);
	if (room) { /* reading */
		b->rows = room->holdings;
		b->room = HOLDINGS_MAX;
	}
	for (int i = 0; i < b->count && !c->bad; i++)
		holding_row(c, &b->rows[i]);
}

static void event_body(struct codec *c, struct engine_event *e, struct engine_event_room *room)
{
	switch (e->kind) {
	case EVENT_START:
	case EVENT_TIMER:
	case EVENT_STOP:
	case EVENT_KIND_COUNT: break;
	case EVENT_TICK: tick(c, &e->u.tick); break;
	case EVENT_BOOK: book(c, &e->u.book); break;
	case EVENT_NOTICE: notice(c, &e->u.notice); break;
	case EVENT_LISTING: listing(c, &e->u.listing, room); break;
	case EVENT_LISTING_TROUBLE: ENUM(c, e->u.trouble.why, REASON_HIGH); break;
	case EVENT_REST_PRICE:
		TEXT(c, e->u.price.symbol);
		num(c, &e->u.price.price_won);
		break;
	case EVENT_BALANCE: balance(c, &e->u.balance, room); break;
	case EVENT_ORDER_RECORDED:
	case EVENT_ORDER_MARKED:
	case EVENT_ORDER_SENT:
		num(c, &e->u.order.intent_id);
		ENUM(c, e->u.order.outcome, OUTCOME_NOT_SENT);
		ENUM(c, e->u.order.why, REASON_HIGH);
		TEXT(c, e->u.order.odno);
		TEXT(c, e->u.order.branch);
		break;
	case EVENT_CONTROL:
		ENUM(c, e->u.control.source, CONTROL_SOURCE_COUNT - 1);
		ENUM(c, e->u.control.mode, MODE_TRADE);
		flag(c, &e->u.control.readable);
		num(c, &e->u.control.since_us);
		break;
	case EVENT_FEED:
		ENUM(c, e->u.feed.what, FEED_BUDGET);
		TEXT(c, e->u.feed.symbol);
		break;
	case EVENT_DB: flag(c, &e->u.db.ok); break;
	case EVENT_JOURNAL:
		flag(c, &e->u.journal.late);
		flag(c, &e->u.journal.full);
		break;
	case EVENT_RING_FULL: num(c, &e->u.ring.lost); break;
	case EVENT_MARKET: flag(c, &e->u.market.halted); break;
	}
}

/* seq and at stand in the journal's record too; here they make an event's bytes complete by themselves. */
static void event_all(struct codec *c, struct engine_event *e, struct engine_event_room *room)
{
	if (c->to) {
		put_u64(c, (uint64_t)e->kind);
		put_u64(c, e->seq);
	} else {
		uint64_t kind = get_u64(c);

		if (kind < EVENT_START || kind >= EVENT_KIND_COUNT) {
			c->bad = true;
			return;
		}
		e->kind = (enum engine_event_kind)kind;
		e->seq = get_u64(c);
	}
	WALL(c, e->at);
	event_body(c, e, room);
}

enum reason engine_event_write(const struct engine_event *event, uint8_t *bytes, size_t room, size_t *out_len)
{
	struct codec c = { .to = bytes, .room = room };

	BUG_IF(!bytes, "there is room to write into");
	event_all(&c, (struct engine_event *)event, NULL);
	return finish(&c, "an event", out_len);
}

enum reason engine_event_read(const uint8_t *bytes, size_t len, struct engine_event_room *room,
			      struct engine_event *out)
{
	struct codec c = { .from = bytes, .room = len };

	memset(out, 0, sizeof(*out));
	event_all(&c, out, room);
	return finish(&c, "an event", NULL);
}

/* ---- actions: written only; a replay makes its own and compares ---- */

static void action(struct codec *c, struct engine_action *a)
{
	struct engine_status *st = &a->u.status;

	put_u64(c, (uint64_t)a->kind);
	switch (a->kind) {
	case ACTION_INTENT:
		order_row(c, &a->u.intent.order);
		flag(c, &a->u.intent.reduces_risk);
		TEXT(c, a->u.intent.signal_code);
		break;
	case ACTION_ORDER_EVENT:
		num(c, &a->u.order_event.intent_id);
		ENUM(c, a->u.order_event.event, ORDER_EVENT_COUNT - 1);
		ENUM(c, a->u.order_event.state, ORDER_STATE_COUNT - 1);
		TEXT(c, a->u.order_event.odno);
		TEXT(c, a->u.order_event.orig_odno);
		TEXT(c, a->u.order_event.branch);
		num(c, &a->u.order_event.filled_qty);
		num(c, &a->u.order_event.filled_won);
		ENUM(c, a->u.order_event.why, REASON_HIGH);
		put_text(c, a->u.order_event.evidence, 64);
		break;
	case ACTION_EXT_ORDER:
		num(c, &a->u.ext.intent_id);
		broker_row(c, &a->u.ext.row);
		break;
	case ACTION_FILL:
		fill_row(c, &a->u.fill.fill);
		num(c, &a->u.fill.cost.fee_won);
		num(c, &a->u.fill.cost.tax_won);
		break;
	case ACTION_DECISION:
		flag(c, &a->u.decision.observed);
		TEXT(c, a->u.decision.signal_code);
		TEXT(c, a->u.decision.want.symbol);
		ENUM(c, a->u.decision.want.side, SIDE_SELL);
		ENUM(c, a->u.decision.want.type, TYPE_MARKET);
		num(c, &a->u.decision.want.qty);
		num(c, &a->u.decision.want.price_won);
		num(c, &a->u.decision.last_won);
		ENUM(c, a->u.decision.verdict, REASON_HIGH);
		break;
	case ACTION_ALERT:
		ENUM(c, a->u.alert.level, FINDING_CRIT);
		TEXT(c, a->u.alert.code);
		TEXT(c, a->u.alert.symbol);
		TEXT(c, a->u.alert.text);
		break;
	case ACTION_LOCK:
		TEXT(c, a->u.lock.symbol);
		ENUM(c, a->u.lock.side, SIDE_SELL);
		flag(c, &a->u.lock.locked);
		ENUM(c, a->u.lock.why, REASON_HIGH);
		break;
	case ACTION_MODE:
		ENUM(c, a->u.mode.from, MODE_TRADE);
		ENUM(c, a->u.mode.to, MODE_TRADE);
		flag(c, &a->u.mode.sticky);
		ENUM(c, a->u.mode.store, MODE_TRADE);
		TEXT(c, a->u.mode.code);
		TEXT(c, a->u.mode.text);
		break;
	case ACTION_STATUS:
		ENUM(c, st->state, ENGINE_STOPPED);
		ENUM(c, st->mode, MODE_TRADE);
		num(c, &st->orders_new);
		num(c, &st->orders_live);
		num(c, &st->orders_doubt);
		num(c, &st->fills);
		num(c, &st->positions);
		num(c, &st->decisions);
		num(c, &st->decisions_equal);
		num(c, &st->ticks);
		num(c, &st->ring_lost);
		num(c, &st->cash_free_won);
		num(c, &st->day_result_won);
		num(c, &st->exposure_gross_won);
		break;
	case ACTION_WANT_LISTING:
	case ACTION_WANT_PRICES:
	case ACTION_WANT_BALANCE:
	case ACTION_DONE: break;
	}
}

enum reason engine_actions_write(const struct engine_actions *actions, uint8_t *bytes, size_t room,
				 size_t *out_len)
{
	struct codec c = { .to = bytes, .room = room };

	put_u64(&c, actions->seq);
	put_i64(&c, actions->at.us);
	put_i64(&c, actions->count);
	put_i64(&c, actions->overflow);
	for (int i = 0; i < actions->count && !c.bad; i++)
		action(&c, (struct engine_action *)&actions->rows[i]);
	return finish(&c, "actions", out_len);
}
#pragma GCC diagnostic pop
