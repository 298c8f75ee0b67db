/*
 * firewall - every guard, in the order in which a refusal tells most, with the side it stands on.
 *
 *   both sides   mode, person's lock of the side, session, halt, band, tick, undecided order, self-crossing,
 *                duplicate, rate per minute, equal orders: the exchange or our own bookkeeping would break,
 *                whatever the direction
 *   sell         own lots only; a limit price far below the last trade (a slip of the hand gives shares away).
 *                An exit asks for nothing else: no fresh tick, no cash, no number that ran out
 *   buy          all that limits new risk; anything unknown or non-positive that a buy needs to be judged
 *                refuses it
 */
#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/firewall.h"
#include "shared/base/banned.h"

/* Commission is cut to 10 won on the day's sum: one more order may cost one step more than it would alone. */
#define FEE_STEP_WON 10

/* Is `price` further than `bp` from `round`? Unknown is far. */
static bool too_far(int64_t price_won, int64_t round_won, int64_t bp)
{
	int64_t apart_won = price_won > round_won ? price_won - round_won : round_won - price_won;
	int64_t most_won;

	return round_won < 1 || bp < 1 || !won_share_bp(round_won, bp, &most_won) || apart_won > most_won;
}

static bool tick_fresh(const struct firewall_view *v)
{
	int64_t age_us = wall_diff_us(v->now, v->tick_at);

	return v->tick_at.us != 0 && v->last_won > 0 && age_us >= 0 &&
	       age_us <= v->limits->tick_silence_s * US_PER_S;
}

static bool feed_confirmed(const struct firewall_view *v)
{
	int64_t age_us = wall_diff_us(v->now, v->rest_at);

	return v->rest_price_won > 0 && age_us >= 0 && age_us <= v->limits->feed_confirm_s * US_PER_S &&
	       !too_far(v->last_won, v->rest_price_won, v->limits->feed_confirm_bp);
}

/* ---- both sides ---- */

static enum reason check_standing(const struct wanted_order *want, const struct firewall_view *v)
{
	bool sell = want->side == SIDE_SELL;

	if (!mode_allows(v->mode, sell))
		return REASON_FW_MODE;
	if (sell ? v->locked_sell : v->locked_buy)
		return REASON_FW_LOCKED;
	if (v->now.us < v->session_open.us || v->now.us >= v->session_end.us)
		return REASON_FW_SESSION;
	if (v->halted)
		return REASON_FW_HALTED;
	if (want->qty < 1)
		return REASON_FW_QTY;
	return REASON_OK;
}

static enum reason check_price(const struct wanted_order *want, const struct firewall_view *v)
{
	bool band_known = v->band.low_won > 0 && v->band.high_won >= v->band.low_won;

	if (!band_known && want->side == SIDE_BUY)
		return REASON_FW_BAND;
	if (want->type == TYPE_MARKET)
		return want->price_won == 0 ? REASON_OK : REASON_FW_TICK_SIZE;
	if (want->price_won < 1)
		return REASON_FW_BAND;
	if (band_known && (want->price_won < v->band.low_won || want->price_won > v->band.high_won))
		return REASON_FW_BAND;
	if (!tick_on_grid(v->day, v->market, v->kind, want->price_won))
		return REASON_FW_TICK_SIZE;
	return REASON_OK;
}

static enum reason check_own_orders(const struct wanted_order *want, const struct firewall_view *v)
{
	bool market = want->type == TYPE_MARKET;

	if (v->undecided_same_side)
		return REASON_FW_UNDECIDED;
	if (want->side == SIDE_BUY && v->lowest_own_sell_won > 0 &&
	    (market || want->price_won >= v->lowest_own_sell_won))
		return REASON_FW_SELF_CROSS;
	if (want->side == SIDE_SELL && v->highest_own_buy_won > 0 &&
	    (market || want->price_won <= v->highest_own_buy_won))
		return REASON_FW_SELF_CROSS;
	if (v->live_same_side_same_price)
		return REASON_FW_DUPLICATE;
	return REASON_OK;
}

/* A runaway loop is one whichever way it trades; a minute later an exit has its room again. */
static enum reason check_pace(const struct firewall_view *v)
{
	if (v->orders_last_minute >= v->limits->rate_minute)
		return REASON_FW_RATE_MINUTE;
	if (v->equal_orders_60s >= v->limits->repeated_orders)
		return REASON_FW_REPEATED;
	return REASON_OK;
}

/* ---- sells ---- */

static enum reason check_sell(const struct wanted_order *want, const struct firewall_view *v)
{
	if (want->qty > v->own_qty || want->qty > v->own_sellable_qty)
		return REASON_FW_NOT_OURS;
	if (v->limits && want->type == TYPE_LIMIT && tick_fresh(v) && want->price_won < v->last_won &&
	    too_far(want->price_won, v->last_won, v->limits->collar_last_bp))
		return REASON_FW_COLLAR;
	return REASON_OK;
}

/* ---- buys ---- */

static enum reason check_market_data(const struct wanted_order *want, const struct firewall_view *v)
{
	int64_t price_won = want->type == TYPE_MARKET ? v->last_won : want->price_won;

	if (!v->member)
		return REASON_FW_NOT_MEMBER;
	if (v->now.us >= v->entry_end.us)
		return REASON_FW_SESSION;
	if (v->volatile_now)
		return REASON_FW_VOLATILE;
	if (!tick_fresh(v))
		return REASON_FW_STALE_TICK;
	if (!feed_confirmed(v))
		return REASON_FW_UNCONFIRMED;
	if (too_far(price_won, v->last_won, v->limits->collar_last_bp) ||
	    too_far(price_won, v->previous_close_won, v->limits->collar_previous_bp))
		return REASON_FW_COLLAR;
	return REASON_OK;
}

static enum reason check_size(const struct wanted_order *want, const struct firewall_view *v,
			      int64_t value_won)
{
	int64_t most_qty, day_won;

	if (!won_share_bp(v->volume_average_qty, v->limits->order_volume_bp, &most_qty) ||
	    v->volume_average_qty < 1 || want->qty > most_qty)
		return REASON_FW_QTY;
	if (value_won > v->limits->order_value_won)
		return REASON_FW_VALUE;
	if (v->value_today_won < 0 || !won_add(v->value_today_won, value_won, &day_won) ||
	    (v->limits->day_value_won > 0 && day_won > v->limits->day_value_won))
		return REASON_FW_VALUE;
	return REASON_OK;
}

static enum reason check_capital(const struct firewall_view *v, int64_t value_won)
{
	int64_t need_won, symbol_won, gross_won;
	struct cost cost;

	if (!cost_of(&v->costs, SIDE_BUY, value_won, &cost) ||
	    !won_add(value_won, cost.fee_won + FEE_STEP_WON, &need_won) || need_won > v->cash_free_won)
		return REASON_FW_CASH;
	if (v->exposure_symbol_won < 0 || !won_add(v->exposure_symbol_won, value_won, &symbol_won) ||
	    symbol_won > v->limits->exposure_symbol_won)
		return REASON_FW_EXPOSURE_SYMBOL;
	if (v->exposure_gross_won < 0 || !won_add(v->exposure_gross_won, value_won, &gross_won) ||
	    gross_won > v->limits->exposure_gross_won)
		return REASON_FW_EXPOSURE_GROSS;
	if (!v->symbol_held_or_open && v->positions_count >= v->limits->positions_max)
		return REASON_FW_POSITIONS;
	return REASON_OK;
}

static enum reason check_counts(const struct firewall_view *v)
{
	if (v->limits->loss_day_won < 1 || v->day_result_won <= -v->limits->loss_day_won)
		return REASON_FW_LOSS;
	if (v->orders_symbol_today >= v->limits->rate_symbol_day)
		return REASON_FW_RATE_SYMBOL;
	if (v->orders_today >= v->limits->rate_day)
		return REASON_FW_RATE_DAY;
	if (v->repeated_locked)
		return REASON_FW_REPEATED;
	return REASON_OK;
}

static enum reason check_buy(const struct wanted_order *want, const struct firewall_view *v)
{
	/* A market buy may cost the upper edge of the band; that is also what the broker reserves for it. */
	int64_t price_won = want->type == TYPE_MARKET ? v->band.high_won : want->price_won;
	enum reason why;
	int64_t value_won;

	if (!won_mul(price_won, want->qty, &value_won))
		return REASON_FW_VALUE;
	why = check_market_data(want, v);
	if (why == REASON_OK)
		why = check_counts(v);
	if (why == REASON_OK)
		why = check_size(want, v, value_won);
	if (why == REASON_OK)
		why = check_capital(v, value_won);
	return why;
}

enum reason firewall_check(const struct wanted_order *want, const struct firewall_view *view)
{
	enum reason why = check_standing(want, view);

	if (why == REASON_OK && !symbol_valid(want->symbol))
		why = REASON_FW_NOT_MEMBER;
	if (why == REASON_OK)
		why = check_price(want, view);
	/* Without limits nothing new is risked; own lots may still go. */
	if (why == REASON_OK && want->side == SIDE_BUY && (!view->limits || view->limits->equity_won < 1))
		why = REASON_FW_VALUE;
	if (why == REASON_OK && want->side == SIDE_SELL)
		why = check_sell(want, view);
	if (why == REASON_OK)
		why = check_own_orders(want, view);
	if (why == REASON_OK && view->limits)
		why = check_pace(view);
	if (why == REASON_OK && want->side == SIDE_BUY)
		why = check_buy(want, view);
	return why;
}
