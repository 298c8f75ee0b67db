/*
 * engine_rig - a day in memory for tests: frozen inputs, a clock that the test moves, a small broker's list.
 *
 * The list here is a plain table that the test writes into; nothing of shared/kis is involved. rig_step() checks after every
 * event what must always hold, so every test of the engine is one of these rules too.
 */
#ifndef GJ_TESTS_ENGINE_RIG_H
#define GJ_TESTS_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/worker/engine_day.h"
#include "worker/engine.h"
#include "worker/journal.h"

#define RIG_DAY     20210104
#define RIG_INTENTS 4096
#define RIG_ROWS    2048
#define SEC         US_PER_S

struct rig_intent {
	struct order order;
	struct wall at;
	bool taken; /* the test has dealt with it */
};
struct rig {
	struct engine_inputs in;
	struct engine *eng;
	struct engine_actions out;
	struct journal *jrn; /* NULL: stepped without one */
	struct wall now;
	uint64_t seq;
	enum mode mode; /* as the MODE actions told it */
	struct rig_intent intents[RIG_INTENTS];
	int intent_count;
	struct broker_order rows[RIG_ROWS];
	int row_count;
	int64_t odno_next;
	int listings_wanted, dones, alerts, fills;
	bool ext_seen; /* somebody else buys too: our free cash may fall below zero */
	char last_alert[REASON_CODE_SIZE];
	struct digest chain;
	uint8_t *bytes;
};

static inline struct wall rig_at(int hour, int minute, int second)
{
	return kst_wall((struct kst_day){ RIG_DAY }, hour * 3600 + minute * 60 + second);
}

static inline void rig_symbol(struct rig *rig, const char *symbol, int64_t close_won, int64_t high_won,
			      int64_t low_won)
{
	struct engine_symbol *row = &rig->in.symbols[rig->in.symbol_count++];

	snprintf(row->symbol, sizeof(row->symbol), "%.11s", symbol);
	row->member = row->entry_allowed = true;
	row->market = MARKET_KOSPI;
	row->previous_close_won = close_won;
	row->previous_high_won = high_won;
	row->previous_low_won = low_won;
	row->volume_average_qty = 1000000;
	assert_true(price_band(rig->in.day, row->market, row->kind, close_won, &row->band));
}

static inline void rig_params(struct rig *rig, const char *strategy, const char *body)
{
	const struct strategy *st = strategy_find(strategy);

	assert_non_null(st);
	snprintf(rig->in.strategy, sizeof(rig->in.strategy), "%s", strategy);
	rig->in.strategy_version = st->version;
	assert_int_equal(strategy_params_read(st, body, &rig->in.params), REASON_OK);
	rig->in.params_digest = strategy_params_digest(st, &rig->in.params);
}

/* The starting values of the configuration for an account of 100,000,000 won. */
static inline void rig_inputs(struct rig *rig)
{
	struct engine_inputs *in = &rig->in;

	engine_day_inputs(in);
	in->epoch = 9;
	rig_params(rig, "scripted", "");
}

static inline struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->bytes = malloc(ENGINE_ACTIONS_SIZE_MAX);
	assert_non_null(rig->bytes);
	rig->now = rig_at(9, 50, 0);
	rig->odno_next = 100;
	rig->mode = MODE_OBSERVE;
	rig_inputs(rig);
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	engine_free(rig->eng);
	free(rig->bytes);
	free(rig);
}

static inline void rig_signal(struct rig *rig, struct wall at, const char *symbol, enum order_side side,
			      int64_t qty, int64_t price_won)
{
	struct strategy_signal *sig = &rig->in.signals[rig->in.signal_count++];

	*sig = (struct strategy_signal){ .at = at, .side = side, .qty = qty, .price_won = price_won };
	sig->type = price_won == 0 ? TYPE_MARKET : TYPE_LIMIT;
	snprintf(sig->symbol, sizeof(sig->symbol), "%.11s", symbol);
	snprintf(sig->code, sizeof(sig->code), "signal");
}

/* ---- what must always hold ---- */

static inline bool rig_waits(enum order_state state)
{
	return state == ORDER_NONE || order_undecided(state);
}

static inline void rig_invariants(struct rig *rig)
{
	struct engine_status st = engine_status(rig->eng);
	int count = engine_order_count(rig->eng);

	for (int i = 0; i < count; i++) {
		const struct order *a = engine_order_at(rig->eng, i);
		int64_t selling = 0;

		if (a->owner != OWNER_SYS || a->kind != INTENT_NEW)
			continue;
		assert_true(a->filled_qty >= 0 && a->filled_qty <= a->qty);
		if (order_final(a->state))
			continue;
		for (int j = 0; j < count; j++) {
			const struct order *b = engine_order_at(rig->eng, j);

			if (b->owner != OWNER_SYS || b->kind != INTENT_NEW || order_final(b->state) ||
			    strcmp(a->symbol, b->symbol) != 0 || a->side != b->side)
				continue;
			assert_false(i != j && rig_waits(a->state) && rig_waits(b->state));
			if (b->side == SIDE_SELL)
				selling += b->qty - b->filled_qty;
		}
		if (a->side == SIDE_SELL) {
			const struct position *pos = engine_position(rig->eng, a->symbol);

			assert_non_null(pos);
			assert_true(selling <= pos->lot.qty);
		}
	}
	assert_true(st.cash_free_won >= 0 || rig->in.ext_cash_held_won != 0 || rig->ext_seen);
	assert_int_equal(st.mode, engine_mode(rig->eng));
}

static inline void rig_take(struct rig *rig)
{
	size_t len = 0;

	for (int i = 0; i < rig->out.count; i++) {
		const struct engine_action *act = &rig->out.rows[i];

		switch (act->kind) {
		case ACTION_INTENT:
			assert_true(rig->intent_count < RIG_INTENTS);
			if (act->u.intent.order.kind == INTENT_NEW)
				assert_true(mode_allows(rig->mode, act->u.intent.reduces_risk));
			if (rig->intent_count > 0)
				assert_true(act->u.intent.order.intent_id >
					    rig->intents[rig->intent_count - 1].order.intent_id);
			rig->intents[rig->intent_count++] =
				(struct rig_intent){ .order = act->u.intent.order, .at = rig->now };
			break;
		case ACTION_MODE:
			assert_int_equal(act->u.mode.from, rig->mode);
			if (!act->u.mode.sticky)
				rig->mode = act->u.mode.to;
			break;
		case ACTION_WANT_LISTING: rig->listings_wanted++; break;
		case ACTION_ALERT:
			rig->alerts++;
			memcpy(rig->last_alert, act->u.alert.code, sizeof(rig->last_alert));
			break;
		case ACTION_FILL: rig->fills++; break;
		case ACTION_EXT_ORDER: rig->ext_seen = true; break;
		case ACTION_DONE: rig->dones++; break;
		default: break;
		}
	}
	assert_int_equal(rig->mode, engine_mode(rig->eng));
	if (rig->out.count == 0)
		return;
	assert_int_equal(engine_actions_write(&rig->out, rig->bytes, ENGINE_ACTIONS_SIZE_MAX, &len),
			 REASON_OK);
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, DIGEST_SIZE);
	crypto_generichash_update(&state, rig->chain.bytes, DIGEST_SIZE);
	crypto_generichash_update(&state, rig->bytes, len);
	crypto_generichash_final(&state, rig->chain.bytes, DIGEST_SIZE);
}

static inline void rig_step_fast(struct rig *rig, struct engine_event *event)
{
	event->at = rig->now;
	if (rig->jrn) {
		enum reason why = journal_step(rig->jrn, rig->eng, event, &rig->out);

		assert_int_equal(why, REASON_OK);
	} else {
		event->seq = ++rig->seq;
		engine_step(rig->eng, event, &rig->out);
	}
	rig_take(rig);
}

static inline void rig_step(struct rig *rig, struct engine_event *event)
{
	rig_step_fast(rig, event);
	rig_invariants(rig);
}

/* ---- events ---- */

static inline void rig_timer(struct rig *rig)
{
	struct engine_event ev = { .kind = EVENT_TIMER };

	rig_step(rig, &ev);
}

static inline void rig_tick(struct rig *rig, const char *symbol, int64_t price_won)
{
	struct engine_event ev = { .kind = EVENT_TICK };

	snprintf(ev.u.tick.symbol, sizeof(ev.u.tick.symbol), "%.11s", symbol);
	ev.u.tick.price_won = price_won;
	ev.u.tick.open_won = ev.u.tick.high_won = ev.u.tick.low_won = price_won;
	ev.u.tick.qty = 1;
	rig_step(rig, &ev);
}

static inline void rig_price(struct rig *rig, const char *symbol, int64_t price_won)
{
	struct engine_event ev = { .kind = EVENT_REST_PRICE };

	snprintf(ev.u.price.symbol, sizeof(ev.u.price.symbol), "%.11s", symbol);
	ev.u.price.price_won = price_won;
	rig_step(rig, &ev);
}

static inline void rig_control(struct rig *rig, enum engine_control_source source, enum mode mode,
			       bool readable)
{
	struct engine_event ev = { .kind = EVENT_CONTROL };

	ev.u.control.source = source;
	ev.u.control.mode = mode;
	ev.u.control.readable = readable;
	ev.u.control.since_us = rig->now.us;
	rig_step(rig, &ev);
}

static inline void rig_feed(struct rig *rig, enum engine_feed what, const char *symbol)
{
	struct engine_event ev = { .kind = EVENT_FEED };

	ev.u.feed.what = what;
	snprintf(ev.u.feed.symbol, sizeof(ev.u.feed.symbol), "%.11s", symbol);
	rig_step(rig, &ev);
}

static inline void rig_listing(struct rig *rig)
{
	struct engine_event ev = { .kind = EVENT_LISTING };

	ev.u.listing = (struct broker_order_list){ .state = LISTING_COMPLETE,
						   .from = rig->in.day,
						   .to = rig->in.day,
						   .asked = rig->now,
						   .answered = rig->now,
						   .rows = rig->rows,
						   .count = rig->row_count,
						   .room = RIG_ROWS };
	rig_step(rig, &ev);
}

static inline void rig_listing_trouble(struct rig *rig)
{
	struct engine_event ev = { .kind = EVENT_LISTING_TROUBLE };

	ev.u.trouble.why = REASON_BROKER_PARTIAL;
	rig_step(rig, &ev);
}

static inline void rig_pass(struct rig *rig, int64_t seconds)
{
	rig->now.us += seconds * SEC;
}

static inline void rig_outcome(struct rig *rig, int64_t intent_id, enum engine_event_kind kind,
			       enum engine_outcome outcome, const char *odno)
{
	struct engine_event ev = { .kind = kind };

	ev.u.order.intent_id = intent_id;
	ev.u.order.outcome = outcome;
	ev.u.order.why = outcome == OUTCOME_ACCEPTED ? REASON_OK : REASON_BROKER_REFUSED;
	snprintf(ev.u.order.odno, sizeof(ev.u.order.odno), "%s", odno);
	snprintf(ev.u.order.branch, sizeof(ev.u.order.branch), "06010");
	rig_step(rig, &ev);
}

/* ---- the broker's table ---- */

static inline struct broker_order *rig_row(struct rig *rig, const struct order *o)
{
	struct broker_order *row = &rig->rows[rig->row_count++];

	assert_true(rig->row_count <= RIG_ROWS);
	*row = (struct broker_order){ .day = rig->in.day,
				      .side = o->side,
				      .type = o->type,
				      .qty = o->qty,
				      .price_won = o->price_won,
				      .open_qty = o->qty,
				      .at = { rig->now.us / SEC * SEC },
				      .by_api = true };
	memcpy(row->symbol, o->symbol, sizeof(row->symbol));
	snprintf(row->excg, sizeof(row->excg), "KRX");
	snprintf(row->branch, sizeof(row->branch), "06010");
	snprintf(row->odno, sizeof(row->odno), "%010lld", (long long)rig->odno_next++);
	return row;
}

static inline void rig_fill_row(struct broker_order *row, int64_t qty, int64_t price_won)
{
	row->filled_qty += qty;
	row->open_qty -= qty;
	row->filled_won += qty * price_won;
	assert_true(row->open_qty >= 0);
}

static inline struct broker_order *rig_find(struct rig *rig, const char *odno)
{
	for (int i = 0; i < rig->row_count; i++) {
		if (strcmp(rig->rows[i].odno, odno) == 0)
			return &rig->rows[i];
	}
	return NULL;
}

/* The newest intent that the test has not dealt with. */
static inline struct rig_intent *rig_intent(struct rig *rig)
{
	for (int i = 0; i < rig->intent_count; i++) {
		if (!rig->intents[i].taken) {
			rig->intents[i].taken = true;
			return &rig->intents[i];
		}
	}
	return NULL;
}

/* The order thread and the broker on a good day: marks, an accepted POST, a row in the list. */
static inline struct broker_order *rig_accept(struct rig *rig, struct rig_intent *it)
{
	struct broker_order *row;

	assert_non_null(it);
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_RECORDED, OUTCOME_ACCEPTED, "");
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_MARKED, OUTCOME_ACCEPTED, "");
	row = rig_row(rig, &it->order);
	if (it->order.kind == INTENT_CANCEL) {
		row->is_cancel = true;
		row->open_qty = 0;
		memcpy(row->orig_odno, it->order.orig_odno, sizeof(row->orig_odno));
	}
	rig_outcome(rig, it->order.intent_id, EVENT_ORDER_SENT, OUTCOME_ACCEPTED, row->odno);
	return row;
}

static inline const struct order *rig_order(struct rig *rig, int64_t intent_id)
{
	for (int i = 0; i < engine_order_count(rig->eng); i++) {
		if (engine_order_at(rig->eng, i)->intent_id == intent_id)
			return engine_order_at(rig->eng, i);
	}
	return NULL;
}

static inline const struct engine_action *rig_action(const struct rig *rig, enum engine_action_kind kind)
{
	for (int i = 0; i < rig->out.count; i++) {
		if (rig->out.rows[i].kind == kind)
			return &rig->out.rows[i];
	}
	return NULL;
}

static inline const struct engine_action *rig_alert(const struct rig *rig, const char *code)
{
	for (int i = 0; i < rig->out.count; i++) {
		if (rig->out.rows[i].kind == ACTION_ALERT && strcmp(rig->out.rows[i].u.alert.code, code) == 0)
			return &rig->out.rows[i];
	}
	return NULL;
}

/* ---- a running day ---- */

static inline void rig_prices(struct rig *rig)
{
	for (int i = 0; i < rig->in.symbol_count; i++)
		rig_price(rig, rig->in.symbols[i].symbol, rig->in.symbols[i].previous_close_won);
}

/* A new engine is told to start and that nobody stops it. */
static inline void rig_begin(struct rig *rig)
{
	struct engine_event start = { .kind = EVENT_START };

	assert_int_equal(engine_new(&rig->in, &rig->eng), REASON_OK);
	rig_step(rig, &start);
	rig_control(rig, CONTROL_ROW, MODE_TRADE, true);
	rig_control(rig, CONTROL_FILE, MODE_TRADE, true);
}

/* Started, controls read, registered, one complete listing: TRADE, at 10:01. */
static inline void rig_open(struct rig *rig)
{
	rig_begin(rig);
	rig_feed(rig, FEED_UP, "");
	for (int i = 0; i < rig->in.symbol_count; i++) {
		if (rig->in.symbols[i].member)
			rig_feed(rig, FEED_SYMBOL_UP, rig->in.symbols[i].symbol);
	}
	rig_listing(rig);
	rig->now = rig_at(10, 0, 30);
	rig_prices(rig);
	for (int i = 0; i < rig->in.symbol_count; i++)
		rig_tick(rig, rig->in.symbols[i].symbol, rig->in.symbols[i].previous_close_won);
	rig_timer(rig);
	rig_listing(rig); /* answers what the timer wanted */
}

#endif
