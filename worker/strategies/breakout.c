/*
 * breakout - volatility breakout: buy when the price leaves the open by a share of yesterday's range; stop, target, time.
 *
 * Entry   last >= open + k_bp x (previous high - previous low), between `wait_s` and `within_s` after the open, at most `entries` buys a day and
 *         symbol, not within `pause_s` of an own fill. Limit order at the ask (or the last) plus `entry_ticks`.
 * Exit    stop and time: market order; target: limit order at the bid (or the last) less `exit_ticks`. The result is
 *         measured against the average cost of the shares held, before fees and tax.
 * Orders  a buy that lives longer than `life_s` is cancelled; a limit sell that stands when the stop is due, or too long, too.
 * State   none: what it needs is in the view, so a restart in the day decides as if there had been none.
 */
#include <string.h>

#include "shared/base/won.h"
#include "worker/strategy.h"
#include "shared/base/banned.h"

enum {
	K_BP,
	STOP_BP,
	TARGET_BP,
	EXIT_BEFORE_S,
	WAIT_S,
	WITHIN_S,
	PAUSE_S,
	ENTRIES,
	BUDGET_BP,
	ENTRY_TICKS,
	EXIT_TICKS,
	LIFE_S,
	CHASE_BP,
	PARAM_COUNT
};
static const struct strategy_param params_table[PARAM_COUNT] = {
	[K_BP] = { "k_bp", 500, 20000, 3000, "bp",
		   "share of yesterday's range over the open that is the trigger" },
	[STOP_BP] = { "stop_bp", 20, 3000, 500, "bp",
		      "loss on the average cost at which all shares are sold" },
	[TARGET_BP] = { "target_bp", 20, 3000, 300, "bp",
			"gain on the average cost at which all shares are sold" },
	[EXIT_BEFORE_S] = { "exit_before_s", 120, 23400, 1200, "s",
			    "all shares are sold so long before the session's end" },
	[WAIT_S] = { "wait_s", 0, 23400, 60, "s", "no entry so soon after the open" },
	[WITHIN_S] = { "within_s", 60, 23400, 12600, "s", "entries only so long after the open" },
	[PAUSE_S] = { "pause_s", 0, 23400, 600, "s", "no entry so soon after an own fill in the symbol" },
	[ENTRIES] = { "entries", 1, 3, 1, "orders", "buys a day and symbol" },
	[BUDGET_BP] = { "budget_bp", 100, 10000, 9500, "bp",
			"share of what one entry may cost that is used" },
	[ENTRY_TICKS] = { "entry_ticks", 0, 10, 2, "ticks", "limit of an entry over the ask" },
	[EXIT_TICKS] = { "exit_ticks", 0, 10, 2, "ticks", "limit of a target exit under the bid" },
	[LIFE_S] = { "life_s", 5, 3600, 60, "s", "an unfilled order is cancelled after this" },
	[CHASE_BP] = { "chase_bp", 0, 3000, 300, "bp",
		       "no entry when the price is so far over the trigger; 0 = no bound" },
};

static enum reason cross(const struct strategy_params *params)
{
	const int64_t *v = params->values;

	if (v[TARGET_BP] * 4 < v[STOP_BP])
		return reason_set(REASON_PARAMS_CROSS,
				  "target_bp %lld is less than a quarter of stop_bp %lld; the stop would "
				  "cost more than "
				  "four targets bring",
				  (long long)v[TARGET_BP], (long long)v[STOP_BP]);
	if (v[LIFE_S] > v[EXIT_BEFORE_S])
		return reason_set(
			REASON_PARAMS_CROSS,
			"life_s %lld exceeds exit_before_s %lld; an entry could outlive the time exit",
			(long long)v[LIFE_S], (long long)v[EXIT_BEFORE_S]);
	return REASON_OK;
}

static struct strategy_decision nothing(void)
{
	return (struct strategy_decision){ .want = WANT_NOTHING };
}

static struct strategy_decision take_back(enum strategy_want want)
{
	return (struct strategy_decision){ .want = want };
}

static struct strategy_decision sell(enum order_type type, int64_t qty, int64_t price_won, const char *code)
{
	struct strategy_decision wish = {
		.want = WANT_SELL, .type = type, .qty = qty, .price_won = price_won
	};
	size_t code_len = strlen(code);

	memcpy(wish.code, code, code_len + 1);
	return wish;
}

static bool older(struct wall at, struct wall now, int64_t s)
{
	return at.us != 0 && now.us - at.us >= s * US_PER_S;
}

/* Shares that we hold: is it time to part with them? */
static struct strategy_decision leave(const int64_t *v, const struct strategy_view *view)
{
	bool time_due = view->now.us >= view->session_end.us - v[EXIT_BEFORE_S] * US_PER_S;
	int64_t value_won, stop_won, target_won, price_won;
	bool stop_due;

	if (view->own_cost_won <= 0 || !won_mul(view->last_won, view->own_qty, &value_won) ||
	    !won_muldiv_ceil(view->own_cost_won, 10000 - v[STOP_BP], 10000, &stop_won) ||
	    !won_muldiv_floor(view->own_cost_won, 10000 + v[TARGET_BP], 10000, &target_won))
		return nothing();
	stop_due = value_won <= stop_won;
	if (view->open_sell_qty > 0) {
		/* A limit sell stands. When it must go faster it is taken back first, once it had a moment to fill. */
		if (older(view->open_sell_at, view->now, v[LIFE_S]) ||
		    ((stop_due || time_due) && older(view->open_sell_at, view->now, 5)))
			return take_back(WANT_CANCEL_SELLS);
		return nothing();
	}
	if (view->sellable_qty <= 0)
		return nothing();
	if (stop_due)
		return sell(TYPE_MARKET, view->sellable_qty, 0, "stop");
	if (time_due)
		return sell(TYPE_MARKET, view->sellable_qty, 0, "time");
	if (value_won < target_won)
		return nothing();
	price_won = view->bid_won > 0 && view->bid_won < view->last_won ? view->bid_won : view->last_won;
	price_won -= v[EXIT_TICKS] * view->tick_won;
	if (price_won < 1)
		return nothing();
	return sell(TYPE_LIMIT, view->sellable_qty, price_won, "target");
}

static bool entry_time(const int64_t *v, const struct strategy_view *view)
{
	return view->entry_allowed && view->now.us >= view->session_open.us + v[WAIT_S] * US_PER_S &&
	       view->now.us < view->session_open.us + v[WITHIN_S] * US_PER_S &&
	       view->now.us < view->session_end.us - v[EXIT_BEFORE_S] * US_PER_S &&
	       (view->last_fill_at.us == 0 || older(view->last_fill_at, view->now, v[PAUSE_S]));
}

static struct strategy_decision enter(const int64_t *v, const struct strategy_view *view)
{
	int64_t range_won = view->previous_high_won - view->previous_low_won;
	int64_t step_won, trigger_won, chase_won, price_won, spend_won;
	struct strategy_decision wish = { .want = WANT_BUY, .type = TYPE_LIMIT, .code = "entry" };

	if (!entry_time(v, view) || view->buys_today >= v[ENTRIES] || view->open_won <= 0 ||
	    view->tick_won <= 0 || range_won <= 0 || !won_muldiv_ceil(range_won, v[K_BP], 10000, &step_won))
		return nothing();
	trigger_won = view->open_won + step_won;
	if (view->last_won < trigger_won || !won_share_bp(trigger_won, v[CHASE_BP], &chase_won) ||
	    (v[CHASE_BP] > 0 && view->last_won > trigger_won + chase_won))
		return nothing();
	/* An ask far away is no price to follow: the last one is. */
	price_won = view->ask_won > view->last_won && view->ask_won <= view->last_won + 3 * view->tick_won
			    ? view->ask_won
			    : view->last_won;
	price_won += v[ENTRY_TICKS] * view->tick_won;
	if (!won_share_bp(view->budget_won, v[BUDGET_BP], &spend_won))
		return nothing();
	wish.price_won = price_won;
	wish.qty = spend_won / price_won;
	return wish.qty > 0 ? wish : nothing();
}

static struct strategy_decision step(const struct strategy_params *params, const struct strategy_view *view,
				     void *state)
{
	const int64_t *v = params->values;

	(void)state;
	if (view->last_won <= 0)
		return nothing();
	if (view->open_buy_qty > 0)
		return older(view->open_buy_at, view->now, v[LIFE_S]) ? take_back(WANT_CANCEL_BUYS)
								      : nothing();
	if (view->own_qty > 0)
		return leave(v, view);
	return enter(v, view);
}

extern const struct strategy strategy_breakout;
const struct strategy strategy_breakout = {
	.name = "breakout",
	.version = 1,
	.params = params_table,
	.param_count = PARAM_COUNT,
	.cross = cross,
	.step = step,
};
