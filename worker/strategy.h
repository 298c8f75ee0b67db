/*
 * strategy - what a strategy is: a name, a parameter table, and one pure step. It decides; it executes nothing.
 *
 * Shape   files under worker/strategies/, one const struct strategy each, listed in strategies.c. No clock, no socket, no
 *         database, no order function, no static state: same inputs, same decision.
 * Units   parameters are integers in the unit their table names (bp, won, s, qty).
 * Owner   state lives in the caller's bytes (state_size, zeroed at the start of the day).
 * Errors  params: REASON_PARAMS_RANGE, REASON_PARAMS_CROSS with a detail that names parameter, value and range.
 */
#ifndef GJ_WORKER_STRATEGY_H
#define GJ_WORKER_STRATEGY_H

#include "shared/base/digest.h"
#include "shared/base/kst.h"
#include "shared/base/limits.h"
#include "shared/trade/order.h"

struct strategy_param {
	const char *name;
	int64_t low, high, def;
	const char *unit, *help;
};
struct strategy_params {
	int64_t values[PARAMS_MAX]; /* in the order of the table */
};
/* One line of a signals file (strategy `scripted`); parsed by strategy_signals_read, frozen with the inputs. */
struct strategy_signal {
	struct wall at;
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	enum order_type type;
	int64_t qty, price_won; /* price 0 for market */
	char code[33];
};
/* What it may see of one symbol. */
struct strategy_view {
	char symbol[SYMBOL_SIZE];
	struct wall now; /* of the event */
	struct wall session_open, entry_end, session_end;
	int64_t last_won, open_won, high_won, low_won, volume_qty;
	int64_t ask_won, bid_won; /* 0 = not known */
	int64_t previous_close_won, previous_high_won, previous_low_won;
	int64_t tick_won; /* tick size at last */
	int64_t own_qty, own_cost_won; /* shares that are the system's */
	int64_t sellable_qty; /* less open sells */
	int64_t open_buy_qty, open_sell_qty;
	int64_t budget_won; /* most that one entry may cost now */
	bool entry_allowed;
	struct wall open_buy_at, open_sell_at; /* when the oldest live one was made; 0 = none */
	struct wall last_fill_at; /* newest own fill of the symbol today; 0 = none */
	int64_t buys_today; /* own buy orders of the symbol today that reached the broker or may have */
	const struct strategy_signal
		*due; /* scripted: a signal whose time has come, offered once; else NULL */
};
enum strategy_want { WANT_NOTHING, WANT_BUY, WANT_SELL, WANT_CANCEL_BUYS, WANT_CANCEL_SELLS };
struct strategy_decision {
	enum strategy_want want;
	enum order_type type;
	int64_t qty, price_won;
	char code[33]; /* "entry", "stop", "target", "time" ... */
};
#define STRATEGY_STATE_MAX 128
struct strategy {
	const char *name;
	int version;
	bool rehearsal_only;
	const struct strategy_param *params;
	int param_count;
	enum reason (*cross)(const struct strategy_params *params);
	size_t state_size; /* per symbol */
	struct strategy_decision (*step)(const struct strategy_params *params,
					 const struct strategy_view *view, void *state);
};
const struct strategy *strategy_find(const char *name);
const struct strategy *strategy_at(int index); /* NULL past the end */
/* "name=value" lines or a JSON-free INI body -> values; unknown, repeated, missing-without-default and out-of-range refused. */
enum reason strategy_params_read(const struct strategy *strategy, const char *body,
				 struct strategy_params *out);
/* Canonical body: every parameter, sorted by name. */
enum reason strategy_params_write(const struct strategy *strategy, const struct strategy_params *params,
				  char *out, size_t out_size);
struct digest strategy_params_digest(const struct strategy *strategy, const struct strategy_params *params);

/* A signals file: "HH:MM:SS SYMBOL BUY|SELL LIMIT|MARKET QTY PRICE CODE" a line, '#' starts a comment; times of `day`, in order.
 * REASON_FILE_SHAPE names the line. */
enum reason strategy_signals_read(const char *text, size_t text_len, struct kst_day day,
				  struct strategy_signal *rows, int room, int *out_count);

#endif
