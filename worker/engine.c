/* engine - events in, actions out: the account's sums, the modes, the decisions. Orders and listings are engine_orders.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "worker/engine_inner.h"
#include "shared/base/banned.h"

_Static_assert(INTENT_RING >= ORDERS_DAY_MAX, "a rate over the day must see every order of the day");

/* clang-format off */
static const struct {
	const char *text;
	enum mode ceiling;
	bool sticky;               /* stored; ends only when a person resumes */
	bool forever;              /* not even then: of this process */
	enum finding_level level;
} causes[CAUSE_COUNT] = {
	[CAUSE_START]        = { "starting",          MODE_OBSERVE, false, false, FINDING_INFO },
	[CAUSE_DOUBT]        = { "in-doubt",          MODE_OBSERVE, false, false, FINDING_CRIT },
	[CAUSE_FEED]         = { "feed-down",         MODE_OBSERVE, false, false, FINDING_WARN },
	[CAUSE_FORMAT]       = { "format-changed",    MODE_OBSERVE, true,  false, FINDING_CRIT },
	[CAUSE_OPENING]      = { "no-opening-print",  MODE_OBSERVE, false, false, FINDING_CRIT },
	[CAUSE_LISTING]      = { "listing-trouble",   MODE_OBSERVE, false, false, FINDING_CRIT },
	[CAUSE_DB]           = { "db-away",           MODE_OBSERVE, false, false, FINDING_CRIT },
	[CAUSE_JOURNAL]      = { "journal-late",      MODE_OBSERVE, false, false, FINDING_CRIT },
	[CAUSE_JOURNAL_FULL] = { "journal-full",      MODE_HALT,    true,  true,  FINDING_CRIT },
	[CAUSE_RING]         = { "ring-full",         MODE_OBSERVE, true,  false, FINDING_CRIT },
	[CAUSE_MISMATCH]     = { "position-mismatch", MODE_OBSERVE, true,  false, FINDING_CRIT },
	[CAUSE_AMBIGUOUS]    = { "ambiguous-match",   MODE_OBSERVE, true,  false, FINDING_CRIT },
	[CAUSE_LOSS]         = { "guard-loss",        MODE_HALT,    true,  false, FINDING_CRIT },
	[CAUSE_STREAK]       = { "guard-streak",      MODE_HALT,    true,  false, FINDING_CRIT },
	[CAUSE_BAND]         = { "band-refusals",     MODE_HALT,    true,  false, FINDING_CRIT },
	[CAUSE_REPEATED]     = { "fw-repeated",       MODE_REDUCE,  true,  false, FINDING_CRIT },
	[CAUSE_MARKET]       = { "market-halted",     MODE_OBSERVE, false, false, FINDING_WARN },
	[CAUSE_ROOM]         = { "engine-full",       MODE_HALT,    true,  true,  FINDING_CRIT },
};
/* clang-format on */
static const char *const state_texts[] = {
	[ENGINE_STARTING] = "STARTING",   [ENGINE_READY] = "READY",       [ENGINE_TRADING] = "TRADING",
	[ENGINE_OBSERVING] = "OBSERVING", [ENGINE_STOPPING] = "STOPPING", [ENGINE_STOPPED] = "STOPPED",
};

const char *engine_cause_text(enum engine_cause cause)
{
	return (size_t)cause < CAUSE_COUNT ? causes[cause].text : "?";
}

const char *engine_state_text(enum engine_state state)
{
	return (size_t)state < ARRAY_COUNT(state_texts) ? state_texts[state] : "?";
}

/* ---- actions ---- */

/* A row of the list. When the room is used up the last row is handed out again and the engine halts. */
struct engine_action *eng_take(struct engine *eng, struct engine_actions *out, enum engine_action_kind kind)
{
	struct engine_action *act;

	if (out->count >= ENGINE_ACTIONS_MAX) {
		out->overflow = true;
		eng->room_out = true;
		out->count = ENGINE_ACTIONS_MAX - 1;
	}
	act = &out->rows[out->count++];
	memset(act, 0, sizeof(*act));
	act->kind = kind;
	return act;
}

void eng_alert(struct engine *eng, struct engine_actions *out, enum finding_level level, const char *code,
	       const char *symbol, const char *fmt, ...)
{
	struct engine_action *act = eng_take(eng, out, ACTION_ALERT);
	va_list args;

	act->u.alert.level = level;
	snprintf(act->u.alert.code, sizeof(act->u.alert.code), "%s", code);
	snprintf(act->u.alert.symbol, sizeof(act->u.alert.symbol), "%s", symbol);
	va_start(args, fmt);
	vsnprintf(act->u.alert.text, sizeof(act->u.alert.text), fmt, args);
	va_end(args);
}

/* Sets or lifts a cause; the mode, the cancels and the alerts follow in eng_settle. */
void eng_cause(struct engine *eng, enum engine_cause cause, bool on, const char *fmt, ...)
{
	va_list args;

	if (eng->cause[cause] == on)
		return;
	eng->cause[cause] = on;
	eng->cause_new[cause] = on;
	eng->cause_over[cause] = !on;
	va_start(args, fmt);
	vsnprintf(eng->cause_note[cause], sizeof(eng->cause_note[cause]), fmt, args);
	va_end(args);
}

static enum mode cause_ceiling(const struct engine *eng, enum engine_cause cause)
{
	if (cause == CAUSE_LOSS && eng->in->limits.on_loss_reduce)
		return MODE_REDUCE;
	return causes[cause].ceiling;
}

static enum mode mode_now(const struct engine *eng)
{
	enum mode mode = eng->in->certificate_mode;

	if (eng->in->observer)
		mode = mode_lower(mode, MODE_OBSERVE);
	for (int i = 0; i < CONTROL_SOURCE_COUNT; i++) {
		if (eng->source_known[i])
			mode = mode_lower(mode, eng->source_mode[i]);
	}
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (eng->cause[i])
			mode = mode_lower(mode, cause_ceiling(eng, (enum engine_cause)i));
	}
	return mode;
}

/* What the mode in force takes back: below TRADE the buys, in HALT and at the end everything. */
static void cancel_by_mode(struct engine *eng, struct engine_actions *out)
{
	bool all = eng->mode == MODE_HALT || eng->stopping;

	if (eng->mode == MODE_TRADE && !all)
		return;
	for (int i = 0; i < eng->live_count; i++) {
		const struct eng_order *ord = &eng->orders[eng->live[i]];

		if (ord->o.kind == INTENT_NEW && !ord->o.cancel_wanted && (all || ord->o.side == SIDE_BUY))
			eng_cancel_wanted(eng, eng->live[i], out);
	}
}

static enum engine_state state_now(const struct engine *eng)
{
	if (eng->stopped)
		return ENGINE_STOPPED;
	if (eng->stopping)
		return ENGINE_STOPPING;
	if (eng->cause[CAUSE_START])
		return ENGINE_STARTING;
	if (eng->mode <= MODE_OBSERVE)
		return ENGINE_OBSERVING;
	return eng->now.us < eng->in->session_open.us ? ENGINE_READY : ENGINE_TRADING;
}

/* The stop is stored first, then come the cancels, then people are told. */
void eng_settle(struct engine *eng, struct engine_actions *out)
{
	enum mode next;

	if (eng->room_out)
		eng_cause(eng, CAUSE_ROOM, true, "more actions than the engine has room for");
	next = mode_now(eng);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		struct engine_action *act;

		if (!eng->cause_new[i] || !causes[i].sticky)
			continue;
		act = eng_take(eng, out, ACTION_MODE);
		act->u.mode.from = eng->mode;
		act->u.mode.to = next;
		act->u.mode.sticky = true;
		act->u.mode.store = cause_ceiling(eng, (enum engine_cause)i);
		snprintf(act->u.mode.code, sizeof(act->u.mode.code), "%s", causes[i].text);
		snprintf(act->u.mode.text, sizeof(act->u.mode.text), "%s", eng->cause_note[i]);
	}
	if (next != eng->mode) {
		struct engine_action *act = eng_take(eng, out, ACTION_MODE);
		const char *code = "control", *text = "";

		for (int i = 0; i < CAUSE_COUNT; i++) {
			if (eng->cause[i] && cause_ceiling(eng, (enum engine_cause)i) == next) {
				code = causes[i].text;
				text = eng->cause_note[i];
				break;
			}
		}
		act->u.mode.from = eng->mode;
		act->u.mode.to = next;
		act->u.mode.store = next;
		snprintf(act->u.mode.code, sizeof(act->u.mode.code), "%s", code);
		snprintf(act->u.mode.text, sizeof(act->u.mode.text), "%s", text);
		eng->mode = next;
	}
	cancel_by_mode(eng, out);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (eng->cause_new[i] && i != CAUSE_START)
			eng_alert(eng, out, causes[i].level, causes[i].text, "", "%s", eng->cause_note[i]);
		if (eng->cause_over[i] && i != CAUSE_START)
			eng_alert(eng, out, FINDING_INFO, causes[i].text, "", "over: %s", eng->cause_note[i]);
		eng->cause_new[i] = eng->cause_over[i] = false;
	}
	eng->state = state_now(eng);
}

/* ---- sums ---- */

int eng_symbol_index(const struct engine *eng, const char *symbol)
{
	uint32_t hash = 2166136261u;

	for (const char *c = symbol; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (uint32_t i = 0; i < SYMBOL_SLOTS; i++) {
		int at = eng->slots[(hash + i) & (SYMBOL_SLOTS - 1)];

		if (at == INDEX_NONE)
			return INDEX_NONE;
		if (strcmp(eng->symbols[at].row.symbol, symbol) == 0)
			return at;
	}
	return INDEX_NONE;
}

static void symbol_slot(struct engine *eng, int index)
{
	uint32_t hash = 2166136261u;

	for (const char *c = eng->symbols[index].row.symbol; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	while (eng->slots[hash & (SYMBOL_SLOTS - 1)] != INDEX_NONE)
		hash++;
	eng->slots[hash & (SYMBOL_SLOTS - 1)] = (int16_t)index;
}

/* Sums of outside numbers stay far below 2^63 because every one of them was checked on its way in; should a product not
 * fit all the same, the largest value blocks new risk. */
static int64_t product(int64_t price_won, int64_t qty)
{
	int64_t won;

	return won_mul(price_won, qty, &won) && won < INT64_MAX / 1024 ? won : INT64_MAX / 1024;
}

/* The most a live buy may still take from the cash. */
static int64_t buy_reserve(const struct eng_symbol *sym, const struct order *o)
{
	int64_t price_won = o->type == TYPE_LIMIT ? o->price_won : sym->row.band.high_won;
	int64_t won = product(price_won, o->qty - o->filled_qty), fee_won;

	if (!won_muldiv_ceil(won, sym->costs.commission_ppm, 1000000, &fee_won))
		fee_won = 0;
	return won + fee_won;
}

static void open_orders(struct engine *eng, int index)
{
	struct eng_symbol *sym = &eng->symbols[index];

	sym->open_buy_qty = sym->open_sell_qty = sym->reserve_won = 0;
	sym->open_buy_at = sym->open_sell_at = (struct wall){ 0 };
	sym->lowest_sell_won = sym->highest_buy_won = 0;
	for (int i = 0; i < eng->live_count; i++) {
		const struct eng_order *ord = &eng->orders[eng->live[i]];
		const struct order *o = &ord->o;
		int64_t left_qty = o->qty - o->filled_qty, price_won = o->price_won;

		if (ord->sym != index || o->kind != INTENT_NEW || o->owner != OWNER_SYS)
			continue;
		if (o->side == SIDE_BUY) {
			if (o->type == TYPE_MARKET)
				price_won = sym->row.band.high_won;
			sym->open_buy_qty += left_qty;
			sym->reserve_won += buy_reserve(sym, o);
			if (sym->open_buy_at.us == 0 || ord->made.us < sym->open_buy_at.us)
				sym->open_buy_at = ord->made;
			if (price_won > sym->highest_buy_won)
				sym->highest_buy_won = price_won;
		} else {
			if (o->type == TYPE_MARKET)
				price_won = sym->row.band.low_won;
			sym->open_sell_qty += left_qty;
			if (sym->open_sell_at.us == 0 || ord->made.us < sym->open_sell_at.us)
				sym->open_sell_at = ord->made;
			if (sym->lowest_sell_won == 0 || price_won < sym->lowest_sell_won)
				sym->lowest_sell_won = price_won;
		}
	}
}

static void symbol_value(struct engine *eng, struct eng_symbol *sym)
{
	const struct position *pos = sym->pos;
	int64_t base_won = sym->row.previous_close_won;
	int64_t price_won = sym->last_won > 0 ? sym->last_won : base_won;
	int64_t qty = pos ? pos->lot.qty : 0;
	bool counted = qty > 0 || sym->open_buy_qty > 0;

	sym->value_won = product(price_won, qty);
	sym->exposure_won = sym->value_won + sym->reserve_won;
	sym->result_won = sym->value_won - product(base_won, sym->start_qty);
	if (pos)
		sym->result_won += pos->sold_won - pos->bought_won - pos->fee_won - pos->tax_won;
	if (counted != sym->counted)
		eng->positions += counted ? 1 : -1;
	sym->counted = counted;
}

/* After any change of a symbol's price, orders or shares. */
void eng_refresh(struct engine *eng, int index)
{
	struct eng_symbol *sym = &eng->symbols[index];

	eng->gross_won -= sym->exposure_won;
	eng->reserve_won -= sym->reserve_won;
	eng->result_won -= sym->result_won;
	open_orders(eng, index);
	symbol_value(eng, sym);
	eng->gross_won += sym->exposure_won;
	eng->reserve_won += sym->reserve_won;
	eng->result_won += sym->result_won;
}

/* As eng_refresh when only the price moved: the live orders need no walk. */
static void refresh_price(struct engine *eng, struct eng_symbol *sym)
{
	eng->gross_won -= sym->exposure_won;
	eng->result_won -= sym->result_won;
	symbol_value(eng, sym);
	eng->gross_won += sym->exposure_won;
	eng->result_won += sym->result_won;
}

int64_t eng_cash_free(const struct engine *eng)
{
	return eng->cash_won - eng->reserve_won - eng->ext_held_won;
}

/* ---- reads wanted ---- */

void eng_want_listing(struct engine *eng, struct engine_actions *out)
{
	if (eng->listing_asked) {
		eng->listing_again = true;
		return;
	}
	eng->listing_asked = true;
	eng->listing_asked_at = eng->now;
	eng_take(eng, out, ACTION_WANT_LISTING);
}

/* ---- decisions ---- */

static void rates(const struct engine *eng, int sym, const struct wanted_order *want,
		  struct firewall_view *view)
{
	for (int64_t n = eng->intent_total - 1; n >= 0 && n >= eng->intent_total - INTENT_RING; n--) {
		const struct eng_intent *it = &eng->intents[n % INTENT_RING];

		if (eng->now.us - it->at.us >= MINUTE_US && eng->now.us - it->at.us >= EQUAL_US)
			break;
		if (eng->now.us - it->at.us < MINUTE_US)
			view->orders_last_minute++;
		if (eng->now.us - it->at.us < EQUAL_US && it->sym == sym && it->side == want->side &&
		    it->qty == want->qty && it->price_won == want->price_won)
			view->equal_orders_60s++;
	}
}

static void fill_view(const struct engine *eng, int index, const struct wanted_order *want, enum mode mode,
		      struct firewall_view *view)
{
	const struct eng_symbol *sym = &eng->symbols[index];

	*view = (struct firewall_view){
		.now = eng->now,
		.day = eng->in->day,
		.mode = mode,
		.limits = &eng->in->limits,
		.member = sym->row.member && sym->feed_up &&
			  (sym->row.entry_allowed || want->side == SIDE_SELL),
		.halted = sym->halted || eng->cause[CAUSE_MARKET],
		.locked_buy = sym->locked[SIDE_BUY] || sym->ext_hint_at.us != 0,
		.locked_sell = sym->locked[SIDE_SELL],
		.volatile_now = sym->row.volatile_now,
		.market = sym->row.market,
		.kind = sym->row.kind,
		.last_won = sym->last_won,
		.previous_close_won = sym->row.previous_close_won,
		.band = sym->row.band,
		.tick_at = sym->tick_at,
		.rest_price_won = sym->rest_price_won,
		.rest_at = sym->rest_at,
		.volume_average_qty = sym->row.volume_average_qty,
		.session_open = eng->in->session_open,
		.entry_end = eng->in->entry_end,
		.session_end = eng->in->session_end,
		.cash_free_won = eng_cash_free(eng),
		.exposure_symbol_won = sym->exposure_won,
		.exposure_gross_won = eng->gross_won,
		.own_qty = sym->pos ? sym->pos->lot.qty : 0,
		.positions_count = eng->positions,
		.symbol_held_or_open = sym->counted,
		.lowest_own_sell_won = sym->lowest_sell_won,
		.highest_own_buy_won = sym->highest_buy_won,
		.orders_symbol_today = sym->orders_today,
		.orders_today = eng->orders_today,
		.value_today_won = eng->value_today_won,
		.repeated_locked = sym->repeated[want->side],
		.day_result_won = eng->result_won,
		.costs = sym->costs,
	};
	view->own_sellable_qty = view->own_qty - sym->open_sell_qty;
	for (int i = 0; i < eng->live_count; i++) {
		const struct eng_order *ord = &eng->orders[eng->live[i]];

		if (ord->sym != index || ord->o.kind != INTENT_NEW || ord->o.side != want->side)
			continue;
		if (ord->o.state == ORDER_NONE || order_undecided(ord->o.state))
			view->undecided_same_side = true;
		if (ord->o.type == want->type && ord->o.price_won == want->price_won)
			view->live_same_side_same_price = true;
	}
	rates(eng, index, want, view);
}

static bool decided_before(struct engine *eng, struct eng_symbol *sym, const struct wanted_order *want,
			   const char *code, enum reason verdict)
{
	struct eng_decided *old = &sym->decided[want->side];

	if (old->any && old->verdict == verdict && strcmp(old->code, code) == 0 &&
	    eng->now.us - old->at.us < MINUTE_US) {
		eng->decisions_equal++;
		return true;
	}
	old->any = true;
	old->verdict = verdict;
	old->at = eng->now;
	snprintf(old->code, sizeof(old->code), "%s", code);
	return false;
}

static void place(struct engine *eng, int index, const struct wanted_order *want, const char *code,
		  struct engine_actions *out)
{
	struct eng_symbol *sym = &eng->symbols[index];
	struct engine_action *act;
	struct order o = {
		.intent_id = eng_intent_id(eng),
		.day = eng->in->day,
		.owner = OWNER_SYS,
		.kind = INTENT_NEW,
		.side = want->side,
		.type = want->type,
		.qty = want->qty,
		.price_won = want->price_won,
		.excg = "KRX",
		.state = ORDER_NONE,
		.recorded = eng->now,
	};
	int at;

	memcpy(o.symbol, sym->row.symbol, sizeof(o.symbol));
	at = o.intent_id > 0 ? eng_order_add(eng, &o) : INDEX_NONE;
	if (at == INDEX_NONE) {
		eng_cause(eng, CAUSE_ROOM, true, "the day has more orders than the engine has room for");
		return;
	}
	eng->intents[eng->intent_total++ % INTENT_RING] =
		(struct eng_intent){ eng->now, index, want->side, want->qty, want->price_won };
	sym->orders_today++;
	if (want->side == SIDE_BUY)
		sym->buys_today++;
	eng->orders_today++;
	eng->value_today_won +=
		product(want->type == TYPE_LIMIT ? want->price_won : sym->last_won, want->qty);
	sym->decided[want->side].any = false;
	eng_refresh(eng, index);
	act = eng_take(eng, out, ACTION_INTENT);
	act->u.intent.order = o;
	act->u.intent.reduces_risk = want->side == SIDE_SELL;
	snprintf(act->u.intent.signal_code, sizeof(act->u.intent.signal_code), "%s", code);
}

/* From a wish to a row, and to an intent if nothing speaks against it. */
static void decide(struct engine *eng, int index, const struct strategy_decision *wish,
		   struct engine_actions *out)
{
	struct eng_symbol *sym = &eng->symbols[index];
	struct wanted_order want = {
		.side = wish->want == WANT_BUY ? SIDE_BUY : SIDE_SELL,
		.type = wish->type,
		.qty = wish->qty,
		.price_won = wish->type == TYPE_LIMIT ? wish->price_won : 0,
	};
	bool observed = eng->mode <= MODE_OBSERVE;
	struct engine_action *act;
	struct firewall_view view;
	enum reason verdict;

	memcpy(want.symbol, sym->row.symbol, sizeof(want.symbol));
	fill_view(eng, index, &want, observed ? MODE_TRADE : eng->mode, &view);
	verdict = firewall_check(&want, &view);
	if (verdict == REASON_FW_REPEATED && !observed) {
		sym->repeated[want.side] = true;
		eng_cause(eng, CAUSE_REPEATED, true, "%s: equal orders within 60 s; a person must allow more",
			  sym->row.symbol);
	}
	if ((verdict != REASON_OK || observed) && decided_before(eng, sym, &want, wish->code, verdict))
		return;
	eng->decisions++;
	act = eng_take(eng, out, ACTION_DECISION);
	act->u.decision.observed = observed;
	act->u.decision.want = want;
	act->u.decision.last_won = sym->last_won;
	act->u.decision.verdict = verdict;
	snprintf(act->u.decision.signal_code, sizeof(act->u.decision.signal_code), "%s", wish->code);
	eng->band_streak = verdict == REASON_FW_BAND ? eng->band_streak + 1 : 0;
	if (eng->band_streak >= eng->in->limits.band_refusals && eng->in->limits.band_refusals > 0)
		eng_cause(eng, CAUSE_BAND, true, "%lld refusals in a row by the price band, the last for %s",
			  (long long)eng->band_streak, sym->row.symbol);
	if (verdict == REASON_OK && !observed)
		place(eng, index, &want, wish->code, out);
}

/* The most one entry may cost now: the order limit, free cash less commission, and the room of both exposures. */
static int64_t budget(const struct engine *eng, const struct eng_symbol *sym)
{
	const struct limit_set *lim = &eng->in->limits;
	int64_t cash_won = eng_cash_free(eng), fee_won, room_won, won = lim->order_value_won;

	if (cash_won <= 0 || !won_muldiv_ceil(cash_won, sym->costs.commission_ppm, 1000000, &fee_won))
		return 0;
	cash_won -= fee_won;
	if (cash_won < won)
		won = cash_won;
	room_won = lim->exposure_symbol_won - sym->exposure_won;
	if (room_won < won)
		won = room_won;
	room_won = lim->exposure_gross_won - eng->gross_won;
	if (room_won < won)
		won = room_won;
	return won > 0 ? won : 0;
}

static void cancel_side(struct engine *eng, int index, enum order_side side, struct engine_actions *out)
{
	for (int i = 0; i < eng->live_count; i++) {
		const struct eng_order *ord = &eng->orders[eng->live[i]];

		if (ord->sym == index && ord->o.kind == INTENT_NEW && ord->o.side == side &&
		    !ord->o.cancel_wanted)
			eng_cancel_wanted(eng, eng->live[i], out);
	}
}

static const struct strategy_signal *signal_due(struct engine *eng, int index)
{
	struct eng_symbol *sym = &eng->symbols[index];

	for (; sym->due_next < eng->in->signal_count; sym->due_next++) {
		const struct strategy_signal *sig = &eng->in->signals[sym->due_next];

		if (sig->at.us > eng->now.us)
			return NULL;
		if (strcmp(sig->symbol, sym->row.symbol) == 0) {
			sym->due_next++;
			return sig;
		}
	}
	return NULL;
}

static bool deciding(const struct engine *eng)
{
	return eng->started && !eng->stopping && !eng->stopped && !eng->cause[CAUSE_START] &&
	       eng->now.us >= eng->in->session_open.us && eng->now.us < eng->in->session_end.us;
}

static void strategy_on(struct engine *eng, int index, struct engine_actions *out)
{
	struct eng_symbol *sym = &eng->symbols[index];
	const struct position *pos = sym->pos;
	struct strategy_decision wish;
	struct strategy_view view = {
		.now = eng->now,
		.session_open = eng->in->session_open,
		.entry_end = eng->in->entry_end,
		.session_end = eng->in->session_end,
		.last_won = sym->last_won,
		.open_won = sym->open_won,
		.high_won = sym->high_won,
		.low_won = sym->low_won,
		.volume_qty = sym->volume_qty,
		.ask_won = sym->ask_won,
		.bid_won = sym->bid_won,
		.previous_close_won = sym->row.previous_close_won,
		.previous_high_won = sym->row.previous_high_won,
		.previous_low_won = sym->row.previous_low_won,
		.tick_won = tick_size(eng->in->day, sym->row.market, sym->row.kind, sym->last_won),
		.own_qty = pos ? pos->lot.qty : 0,
		.own_cost_won = pos ? pos->lot.cost_won : 0,
		.open_buy_qty = sym->open_buy_qty,
		.open_sell_qty = sym->open_sell_qty,
		.budget_won = budget(eng, sym),
		.entry_allowed =
			sym->row.entry_allowed &&
					eng->now.us<eng->in->entry_end.us, .open_buy_at = sym->open_buy_at,
						    .open_sell_at = sym->open_sell_at,
						    .last_fill_at = sym->last_fill_at,
						    .buys_today = sym->buys_today,
						    .due = eng->in->signal_count> 0
				? signal_due(eng, index)
				: NULL,
	};

	memcpy(view.symbol, sym->row.symbol, sizeof(view.symbol));
	view.sellable_qty = view.own_qty - view.open_sell_qty;
	wish = eng->strategy->step(&eng->in->params, &view, sym->state);
	switch (wish.want) {
	case WANT_NOTHING: break;
	case WANT_BUY:
	case WANT_SELL: decide(eng, index, &wish, out); break;
	case WANT_CANCEL_BUYS: cancel_side(eng, index, SIDE_BUY, out); break;
	case WANT_CANCEL_SELLS: cancel_side(eng, index, SIDE_SELL, out); break;
	}
}

/* ---- events ---- */

static void look_at_loss(struct engine *eng)
{
	const struct limit_set *lim = &eng->in->limits;

	if (lim->loss_day_won > 0 && eng->result_won <= -lim->loss_day_won)
		eng_cause(eng, CAUSE_LOSS, true, "the day's result is %lld won, the limit -%lld won",
			  (long long)eng->result_won, (long long)lim->loss_day_won);
	if (lim->losing_streak > 0 && eng->losing_streak >= lim->losing_streak)
		eng_cause(eng, CAUSE_STREAK, true, "%lld losing round trips in a row",
			  (long long)eng->losing_streak);
}

/* A price that cannot be one is not taken over; the tick then goes stale by itself. */
static void on_tick(struct engine *eng, const struct trade_tick *tick, struct engine_actions *out)
{
	int index = eng_symbol_index(eng, tick->symbol);
	struct eng_symbol *sym;
	bool moved;

	if (index == INDEX_NONE)
		return;
	sym = &eng->symbols[index];
	if (!sym->row.member || tick->price_won < 1 || tick->price_won < sym->row.band.low_won ||
	    tick->price_won > sym->row.band.high_won)
		return;
	eng->ticks++;
	moved = tick->price_won != sym->last_won;
	sym->last_won = tick->price_won;
	sym->open_won = tick->open_won;
	sym->high_won = tick->high_won;
	sym->low_won = tick->low_won;
	sym->volume_qty = tick->volume_qty;
	sym->ask_won = tick->ask_won;
	sym->bid_won = tick->bid_won;
	sym->halted = tick->halted;
	sym->tick_at = eng->now;
	if (!eng->any_print && eng->now.us >= eng->in->session_open.us) {
		eng->any_print = true;
		eng_cause(eng, CAUSE_OPENING, false, "the first print came");
	}
	if (moved && sym->counted) {
		refresh_price(eng, sym);
		look_at_loss(eng);
		eng_settle(eng, out);
	}
	if (deciding(eng))
		strategy_on(eng, index, out);
}

static void on_book(struct engine *eng, const struct engine_book *book)
{
	int index = eng_symbol_index(eng, book->symbol);

	if (index == INDEX_NONE)
		return;
	eng->symbols[index].ask_won = book->ask_won;
	eng->symbols[index].bid_won = book->bid_won;
}

static void resume_by_person(struct engine *eng)
{
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (causes[i].sticky && !causes[i].forever)
			eng_cause(eng, (enum engine_cause)i, false, "a person resumed");
	}
	for (int i = 0; i < eng->symbol_count; i++)
		eng->symbols[i].repeated[SIDE_BUY] = eng->symbols[i].repeated[SIDE_SELL] = false;
	eng->band_streak = 0;
	eng->losing_streak = 0;
}

static void on_control(struct engine *eng, const struct engine_event *event)
{
	enum engine_control_source source = event->u.control.source;
	enum mode mode = event->u.control.readable ? event->u.control.mode : MODE_HALT;
	bool known;

	if ((unsigned)source >= CONTROL_SOURCE_COUNT)
		return;
	known = eng->source_known[source];
	if (source == CONTROL_SIGNAL && known)
		mode = mode_lower(mode, eng->source_mode[source]); /* a signal is never taken back */
	if (source == CONTROL_ROW && event->u.control.readable) {
		if (known && mode > eng->source_mode[source] && event->u.control.since_us > eng->row_since_us)
			resume_by_person(eng);
		eng->row_since_us = event->u.control.since_us;
	}
	eng->source_mode[source] = mode;
	eng->source_known[source] = true;
}

static void start_look(struct engine *eng)
{
	if (eng->started && eng->cause[CAUSE_START] && eng->source_known[CONTROL_ROW] &&
	    eng->source_known[CONTROL_FILE] && eng->listing_once)
		eng_cause(eng, CAUSE_START, false, "ready");
}

static void on_feed(struct engine *eng, const struct engine_event *event)
{
	int index;

	switch (event->u.feed.what) {
	case FEED_UP:
		eng->feed_up = true;
		if (!eng->feed_seen)
			eng->cause[CAUSE_FEED] =
				false; /* the first connection ends no trouble, so nobody is told */
		eng->feed_seen = true;
		eng_cause(eng, CAUSE_FEED, false, "connected");
		break;
	case FEED_DOWN:
	case FEED_SILENT:
	case FEED_BUDGET:
		eng->feed_up = false;
		for (int i = 0; i < eng->symbol_count; i++)
			eng->symbols[i].feed_up = false; /* a new connection registers each again */
		eng_cause(eng, CAUSE_FEED, true, "%s",
			  event->u.feed.what == FEED_SILENT   ? "no frame at all"
			  : event->u.feed.what == FEED_BUDGET ? "no reconnects are left today"
							      : "the connection is gone");
		break;
	case FEED_SHAPE: eng_cause(eng, CAUSE_FORMAT, true, "a frame is not of the known layout"); break;
	case FEED_SYMBOL_UP:
	case FEED_SYMBOL_MISSING:
		index = eng_symbol_index(eng, event->u.feed.symbol);
		if (index != INDEX_NONE)
			eng->symbols[index].feed_up = event->u.feed.what == FEED_SYMBOL_UP;
		break;
	}
}

static bool any_live(const struct engine *eng)
{
	return eng->live_count > 0;
}

static void stop_begin(struct engine *eng)
{
	if (eng->stopping)
		return;
	eng->stopping = true;
	eng->stopping_at = eng->now;
}

static void done(struct engine *eng, struct engine_actions *out)
{
	eng->stopped = true;
	eng->state = ENGINE_STOPPED;
	eng_take(eng, out, ACTION_DONE);
}

/* The end is confirmed by a complete listing asked after it began, with nothing of ours alive. */
static void stop_look(struct engine *eng, bool listing_after, struct engine_actions *out)
{
	int64_t last_us =
		(eng->stop_asked ? eng->stopping_at.us : eng->in->session_end.us) + eng->in->end_wait_us;

	if (!eng->stopping || eng->stopped)
		return;
	if (listing_after && !any_live(eng)) {
		done(eng, out);
		return;
	}
	if (eng->now.us >= last_us) {
		eng_alert(
			eng, out, FINDING_CRIT, "end-unconfirmed", "",
			"the day ends with %d orders of ours not confirmed as over; reconcile will ask again",
			eng->live_count);
		done(eng, out);
	}
}

static void reads_due(struct engine *eng, struct engine_actions *out)
{
	const struct engine_inputs *in = eng->in;
	int64_t every_us = any_live(eng) || eng->stopping ? in->listing_live_us : in->listing_us;
	bool sell_locked = false;

	if (eng->listing_asked && eng->now.us - eng->listing_asked_at.us > in->listing_us + MINUTE_US) {
		eng->listing_asked = false; /* nobody answered: counts as trouble and is asked again */
		eng->listing_troubles++;
	}
	if (!eng->listing_asked && eng->now.us - eng->listing_done_at.us >= every_us)
		eng_want_listing(eng, out);
	if (eng->now.us >= in->session_open.us - in->price_us && !eng->stopping &&
	    (eng->prices_at.us == 0 || eng->now.us - eng->prices_at.us >= in->price_us)) {
		eng->prices_at = eng->now;
		eng_take(eng, out, ACTION_WANT_PRICES);
	}
	for (int i = 0; i < eng->symbol_count; i++)
		sell_locked = sell_locked || eng->symbols[i].lock_lifts;
	if (sell_locked && (eng->balance_at.us == 0 || eng->now.us - eng->balance_at.us >= MINUTE_US)) {
		eng->balance_at = eng->now;
		eng_take(eng, out, ACTION_WANT_BALANCE);
	}
}

static void on_timer(struct engine *eng, struct engine_actions *out)
{
	const struct engine_inputs *in = eng->in;
	int64_t prints_from_us =
		in->session_open.us > eng->started_at.us ? in->session_open.us : eng->started_at.us;

	if (eng->listing_troubles >= 3)
		eng_cause(eng, CAUSE_LISTING, true, "three listings in a row brought no complete answer");
	if (!eng->any_print && !eng->stopping && eng->now.us >= prints_from_us + in->opening_print_us)
		eng_cause(eng, CAUSE_OPENING, true, "no print %lld s after the open or our start",
			  (long long)(in->opening_print_us / US_PER_S));
	if (eng->now.us >= in->session_end.us - in->end_margin_us)
		stop_begin(eng);
	eng_doubt_look(eng);
	eng_settle(eng, out);
	if (deciding(eng)) {
		for (int i = 0; i < eng->symbol_count; i++) {
			const struct eng_symbol *sym = &eng->symbols[i];

			if (sym->row.member && ((sym->last_won > 0 && sym->counted) || in->signal_count > 0))
				strategy_on(eng, i, out);
		}
	}
	reads_due(eng, out);
	stop_look(eng, false, out);
}

static void on_listing(struct engine *eng, const struct broker_order_list *list, struct engine_actions *out)
{
	eng->listing_asked = false;
	eng->listing_done_at = eng->now;
	if (list->state != LISTING_COMPLETE) {
		eng->listing_troubles++;
	} else {
		eng->listing_troubles = 0;
		eng->listing_once = true;
		eng_cause(eng, CAUSE_LISTING, false, "a complete listing came");
		eng_listing(eng, list, out);
		start_look(eng);
		look_at_loss(eng);
		eng_settle(eng, out);
		stop_look(eng, list->asked.us >= eng->stopping_at.us, out);
	}
	if (eng->listing_again && !eng->stopped) {
		eng->listing_again = false;
		eng_want_listing(eng, out);
	}
}

static void on_start(struct engine *eng, struct engine_actions *out)
{
	if (eng->started)
		return;
	eng->started = true;
	eng->started_at = eng->now;
	eng_orders_start(eng, out);
	look_at_loss(eng);
	eng_want_listing(eng, out);
}

static void status_out(struct engine *eng, bool due, struct engine_actions *out)
{
	if (!due && eng->state == eng->status_state && eng->mode == eng->status_mode &&
	    eng->status_at.us != 0)
		return;
	eng_take(eng, out, ACTION_STATUS)->u.status = engine_status(eng);
	eng->status_at = eng->now;
	eng->status_state = eng->state;
	eng->status_mode = eng->mode;
}

void engine_step(struct engine *eng, const struct engine_event *event, struct engine_actions *out)
{
	bool due = false;

	out->count = 0;
	out->overflow = false;
	out->seq = event->seq;
	if (event->at.us > eng->now.us)
		eng->now = event->at;
	out->at = eng->now;
	if (eng->stopped || (!eng->started && event->kind != EVENT_START))
		return;
	switch (event->kind) {
	case EVENT_START: on_start(eng, out); break;
	case EVENT_TICK: on_tick(eng, &event->u.tick, out); break;
	case EVENT_BOOK: on_book(eng, &event->u.book); return;
	case EVENT_NOTICE: eng_notice(eng, &event->u.notice, out); break;
	case EVENT_LISTING: on_listing(eng, &event->u.listing, out); break;
	case EVENT_LISTING_TROUBLE:
		on_listing(eng, &(struct broker_order_list){ .state = LISTING_FAILED }, out);
		break;
	case EVENT_REST_PRICE: {
		int index = eng_symbol_index(eng, event->u.price.symbol);

		if (index != INDEX_NONE && event->u.price.price_won > 0) {
			eng->symbols[index].rest_price_won = event->u.price.price_won;
			eng->symbols[index].rest_at = eng->now;
		}
		break;
	}
	case EVENT_BALANCE: eng_balance(eng, &event->u.balance, out); break;
	case EVENT_ORDER_RECORDED:
	case EVENT_ORDER_MARKED:
	case EVENT_ORDER_SENT: eng_outcome(eng, event, out); break;
	case EVENT_CONTROL:
		on_control(eng, event);
		start_look(eng);
		break;
	case EVENT_FEED: on_feed(eng, event); break;
	case EVENT_TIMER:
		on_timer(eng, out);
		due = eng->now.us - eng->status_at.us >= eng->in->heartbeat_us;
		break;
	case EVENT_DB:
		eng_cause(eng, CAUSE_DB, !event->u.db.ok, "%s",
			  event->u.db.ok ? "the database answers" : "the database does not answer");
		break;
	case EVENT_JOURNAL:
		eng_cause(eng, CAUSE_JOURNAL, event->u.journal.late, "%s",
			  event->u.journal.late ? "the journal was not flushed in time"
						: "the journal is flushed");
		if (event->u.journal.full)
			eng_cause(eng, CAUSE_JOURNAL_FULL, true, "the journal has no room");
		break;
	case EVENT_RING_FULL:
		eng->ring_lost = event->u.ring.lost;
		eng_cause(eng, CAUSE_RING, true, "a queue inside the worker was full, %lld lost",
			  (long long)event->u.ring.lost);
		break;
	case EVENT_MARKET:
		eng_cause(eng, CAUSE_MARKET, event->u.market.halted, "%s",
			  event->u.market.halted ? "the market is halted" : "the market trades again");
		break;
	case EVENT_STOP:
		eng->stop_asked = true;
		stop_begin(eng);
		eng_want_listing(eng, out);
		break;
	case EVENT_KIND_COUNT: return;
	}
	eng_settle(eng, out);
	status_out(eng, due, out);
}

/* ---- life ---- */

void engine_inputs_defaults(struct engine_inputs *in)
{
	memset(in, 0, sizeof(*in));
	in->t_abs_us = 120 * US_PER_S;
	in->n_abs = 3;
	in->t_lag_us = 180 * US_PER_S;
	in->skew_us = 2 * US_PER_S;
	in->listing_us = 60 * US_PER_S;
	in->listing_live_us = 5 * US_PER_S;
	in->price_us = 40 * US_PER_S;
	in->cancel_gap_us = 5 * US_PER_S;
	in->cancel_tries = 3;
	in->opening_print_us = 60 * US_PER_S;
	in->end_margin_us = 60 * US_PER_S;
	in->end_wait_us = 600 * US_PER_S;
	in->heartbeat_us = 2 * US_PER_S;
}

static enum reason inputs_check(const struct engine_inputs *in)
{
	/* An observer may run before a universe was chosen: it still lists and cancels. */
	if (in->symbol_count < (in->observer ? 0 : 1) || in->symbol_count > ENGINE_SYMBOLS_MAX ||
	    in->lot_count < 0 || in->lot_count > HOLDINGS_MAX || in->order_count < 0 ||
	    in->order_count > ORDERS_DAY_MAX || in->fill_count < 0 || in->fill_count > FILLS_DAY_MAX ||
	    in->lock_count < 0 || in->lock_count > ENGINE_LOCKS_MAX || in->signal_count < 0 ||
	    in->signal_count > ENGINE_SIGNALS_MAX)
		return reason_set(REASON_OVERFLOW,
				  "frozen inputs: a count is outside its room (symbols %d, lots %d, "
				  "orders %d, fills %d, locks %d, signals %d)",
				  in->symbol_count, in->lot_count, in->order_count, in->fill_count,
				  in->lock_count, in->signal_count);
	if (in->epoch < 1 || in->epoch > ENGINE_EPOCH_MAX)
		return reason_set(REASON_CONF_RANGE, "frozen inputs: lease epoch %lld is outside 1..%d",
				  (long long)in->epoch, ENGINE_EPOCH_MAX);
	if (in->day.yyyymmdd < 20000101 || in->day.yyyymmdd > 89991231 ||
	    in->session_open.us >= in->session_end.us || in->entry_end.us > in->session_end.us)
		return reason_set(REASON_CONF_RANGE,
				  "frozen inputs: day %d or its session times make no sense",
				  in->day.yyyymmdd);
	if (in->n_abs < 1 || in->t_abs_us < 0 || in->skew_us < 0 || in->listing_us < 1 ||
	    in->listing_live_us < 1 || in->price_us < 1 || in->cancel_gap_us < 0 || in->cancel_tries < 1 ||
	    in->end_margin_us < 0 || in->end_wait_us < 0 || in->heartbeat_us < 1 || in->t_lag_us < 0 ||
	    in->opening_print_us < 0)
		return reason_set(REASON_CONF_RANGE, "frozen inputs: a time is below its least value");
	return REASON_OK;
}

static enum reason symbols_in(struct engine *eng, const struct engine_inputs *in)
{
	for (int i = 0; i < SYMBOL_SLOTS; i++)
		eng->slots[i] = INDEX_NONE;
	for (int i = 0; i < in->symbol_count; i++) {
		struct eng_symbol *sym = &eng->symbols[i];
		const struct engine_symbol *row = &in->symbols[i];

		if (!symbol_valid(row->symbol) || eng_symbol_index(eng, row->symbol) != INDEX_NONE)
			return reason_set(REASON_ROW_INCONSISTENT,
					  "frozen inputs: symbol %.11s is no symbol or comes twice",
					  row->symbol);
		if (row->member && (row->previous_close_won < 1 || row->band.low_won < 1 ||
				    row->band.high_won < row->band.low_won))
			return reason_set(REASON_ROW_INCONSISTENT,
					  "frozen inputs: %s has no previous close or no price band",
					  row->symbol);
		if (!cost_rules_for(in->day, row->market, row->kind, in->commission_ppm, &sym->costs))
			return reason_set(REASON_ROW_INCONSISTENT,
					  "frozen inputs: no cost rules for %s on %d", row->symbol,
					  in->day.yyyymmdd);
		sym->row = *row;
		eng->symbol_count = i + 1;
		symbol_slot(eng, i);
	}
	return REASON_OK;
}

static enum reason lots_in(struct engine *eng, const struct engine_inputs *in)
{
	for (int i = 0; i < in->lot_count; i++) {
		const struct lot *lot = &in->lots[i];
		int index = eng_symbol_index(eng, lot->symbol);
		struct position *pos;
		enum reason why;

		if (lot->owner == OWNER_EXT) {
			if (index != INDEX_NONE)
				eng->symbols[index].ext_qty += lot->qty;
			continue;
		}
		if (index == INDEX_NONE)
			return reason_set(REASON_ROW_INCONSISTENT,
					  "frozen inputs: own lot %.11s is not among the symbols",
					  lot->symbol);
		why = position_open(&eng->book, lot, &pos);
		if (why != REASON_OK)
			return why;
		eng->symbols[index].pos = pos;
		eng->symbols[index].start_qty = lot->qty;
	}
	return REASON_OK;
}

/* Fills of today: the shares at the start of the day are the snapshot's without what was filled before it. */
static enum reason fills_in(struct engine *eng, const struct engine_inputs *in)
{
	for (int i = 0; i < in->fill_count; i++) {
		const struct fill *fill = &in->fills[i];
		int index = eng_symbol_index(eng, fill->symbol);
		int64_t qty = fill->to_qty - fill->from_qty;

		if (fill->owner != OWNER_SYS)
			continue;
		if (index == INDEX_NONE || qty < 1 || fill->amount_won < 1)
			return reason_set(REASON_ROW_INCONSISTENT,
					  "frozen inputs: fill of %.11s (%s) is not among the "
					  "symbols or is none",
					  fill->symbol, fill->odno);
		if (fill->at.us <= in->snapshot_frozen.us)
			eng->symbols[index].start_qty -= fill->side == SIDE_BUY ? qty : -qty;
	}
	for (int i = 0; i < eng->symbol_count; i++) {
		struct eng_symbol *sym = &eng->symbols[i];

		if (sym->start_qty < 0)
			return reason_set(REASON_POSITION_MISMATCH,
					  "frozen inputs: the fills of %s before the snapshot "
					  "exceed its lots",
					  sym->row.symbol);
		sym->trip_qty = sym->start_qty;
		sym->trip_won = -product(sym->row.previous_close_won, sym->start_qty);
	}
	for (int i = 0; i < in->fill_count; i++) {
		const struct fill *fill = &in->fills[i];
		struct cost cost;
		enum reason why;

		if (fill->owner != OWNER_SYS)
			continue;
		why = eng_fill(eng, eng_symbol_index(eng, fill->symbol), fill->side,
			       fill->to_qty - fill->from_qty, fill->amount_won, fill->at,
			       fill->at.us > in->snapshot_frozen.us, &cost);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason orders_in(struct engine *eng, const struct engine_inputs *in)
{
	for (int i = 0; i < in->order_count; i++) {
		const struct order *o = &in->orders[i];
		int index = eng_symbol_index(eng, o->symbol), at;

		if (o->owner == OWNER_SYS && (index == INDEX_NONE || !kst_day_same(o->day, in->day)))
			return reason_set(
				REASON_ROW_INCONSISTENT,
				"frozen inputs: own order %lld of %.11s is of another day or symbol",
				(long long)o->intent_id, o->symbol);
		at = eng_order_add(eng, o);
		if (at == INDEX_NONE)
			return reason_set(REASON_OVERFLOW,
					  "frozen inputs: more orders than the engine has room for");
		if (o->owner != OWNER_SYS || o->kind != INTENT_NEW)
			continue;
		eng->orders[at].made = o->recorded;
		eng->intents[eng->intent_total++ % INTENT_RING] =
			(struct eng_intent){ o->recorded, index, o->side, o->qty, o->price_won };
		eng->orders_today++;
		eng->symbols[index].orders_today++;
		if (o->side == SIDE_BUY && o->state != ORDER_NEVER_SENT && o->state != ORDER_NEVER_ARRIVED &&
		    o->state != ORDER_REJECTED)
			eng->symbols[index].buys_today++;
		eng->value_today_won += product(
			o->price_won > 0 ? o->price_won : eng->symbols[index].row.previous_close_won, o->qty);
	}
	return REASON_OK;
}

enum reason engine_new(const struct engine_inputs *in, struct engine **out)
{
	struct engine *eng = NULL;
	enum reason why;

	why = inputs_check(in);
	if (why != REASON_OK)
		return why;
	eng = calloc(1, sizeof(*eng));
	if (!eng || !(eng->in = malloc(sizeof(*eng->in)))) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the engine (%zu bytes)",
				 sizeof(*eng) + sizeof(*in));
		goto out;
	}
	*eng->in = *in;
	eng->strategy = strategy_find(in->strategy);
	if (!eng->strategy || eng->strategy->version != in->strategy_version ||
	    eng->strategy->state_size > STRATEGY_STATE_MAX) {
		why = reason_set(REASON_PARAMS_RANGE, "strategy %.32s version %lld is not in this build",
				 in->strategy, (long long)in->strategy_version);
		goto out;
	}
	if (eng->strategy->rehearsal_only && !in->rehearsal) {
		why = reason_set(REASON_STRATEGY_REHEARSAL,
				 "strategy %s runs in rehearsal only; choose another", in->strategy);
		goto out;
	}
	eng->mode = MODE_OBSERVE;
	eng->cause[CAUSE_START] = true;
	eng->cause[CAUSE_FEED] = true; /* until the first connection: without it nothing is known of prices */
	eng->cash_won = in->cash_won;
	eng->ext_held_won = in->ext_cash_held_won;
	eng->losing_streak = in->losing_streak_before;
	if ((why = symbols_in(eng, in)) != REASON_OK || (why = lots_in(eng, in)) != REASON_OK ||
	    (why = fills_in(eng, in)) != REASON_OK || (why = orders_in(eng, in)) != REASON_OK)
		goto out;
	for (int i = 0; i < in->lock_count; i++) {
		int index = eng_symbol_index(eng, in->locks[i].symbol);

		if (index == INDEX_NONE)
			continue;
		eng->symbols[index].locked[in->locks[i].side] = true;
		eng->symbols[index].lock_lifts |= in->locks[i].side == SIDE_SELL;
	}
	for (int i = 0; i < eng->symbol_count; i++)
		eng_refresh(eng, i);
	*out = eng;
	eng = NULL;
out:
	engine_free(eng);
	return why;
}

void engine_free(struct engine *eng)
{
	if (!eng)
		return;
	free(eng->in);
	free(eng);
}

/* ---- what stands ---- */

struct engine_status engine_status(const struct engine *eng)
{
	struct engine_status st = {
		.state = eng->state,
		.mode = eng->mode,
		.orders_new = eng->orders_today,
		.fills = eng->fills_today,
		.positions = eng->positions,
		.decisions = eng->decisions,
		.decisions_equal = eng->decisions_equal,
		.ticks = eng->ticks,
		.ring_lost = eng->ring_lost,
		.cash_free_won = eng_cash_free(eng),
		.day_result_won = eng->result_won,
		.exposure_gross_won = eng->gross_won,
	};

	for (int i = 0; i < eng->live_count; i++) {
		const struct order *o = &eng->orders[eng->live[i]].o;

		if (o->kind != INTENT_NEW)
			continue;
		st.orders_live++;
		st.orders_doubt += o->state == ORDER_IN_DOUBT;
	}
	return st;
}

enum mode engine_mode(const struct engine *eng)
{
	return eng->mode;
}

int engine_order_count(const struct engine *eng)
{
	return eng->order_count;
}

const struct order *engine_order_at(const struct engine *eng, int index)
{
	return index >= 0 && index < eng->order_count ? &eng->orders[index].o : NULL;
}

const struct position *engine_position(const struct engine *eng, const char *symbol)
{
	int index = eng_symbol_index(eng, symbol);

	return index == INDEX_NONE ? NULL : eng->symbols[index].pos;
}
