/*
 * guardrail - today's risk limits in won and counts, and whether the account may open at all. Pure.
 *
 * Shape   in: configured limits, day-start equity, history of days and round trips, bars, index. Out: a limit set
 *         (what the firewall and engine compare with), a ceiling, findings.
 * Units   won, shares, bp, counts.
 * Errors  missing or non-positive inputs never widen: equity unknown or <= 0 gives REASON_GUARD_EQUITY and OBSERVE; a symbol
 *         without enough bars counts as too volatile for entries (sells stay allowed).
 */
#ifndef GJ_TRADE_GUARDRAIL_H
#define GJ_TRADE_GUARDRAIL_H

#include "shared/base/conf.h"
#include "shared/trade/mode.h"
#include "shared/trade/position.h"

struct limit_set {
	int64_t equity_won; /* day-start */
	int64_t cash_won; /* orderable at day start */
	int64_t loss_day_won;
	int64_t exposure_symbol_won, exposure_gross_won;
	int64_t positions_max;
	int64_t order_value_won;
	int64_t day_value_won; /* 0 = off */
	int64_t order_volume_bp;
	int64_t collar_last_bp, collar_previous_bp;
	int64_t rate_minute, rate_symbol_day, rate_day;
	int64_t repeated_orders, band_refusals;
	int64_t feed_confirm_bp, feed_confirm_s, tick_silence_s;
	int64_t losing_streak;
	bool on_loss_reduce;
	bool halved; /* first-run brake or previous-day parameters */
};
/* Every member as (name, value) in a fixed order, for rows and digests; index from 0, false past the end. */
bool limit_set_at(const struct limit_set *set, int index, const char **out_name, int64_t *out_value);
bool limit_set_put(struct limit_set *set, const char *name, int64_t value);

struct day_bar {
	struct kst_day day;
	int64_t open_won, high_won, low_won, close_won, volume_qty;
};
struct symbol_history {
	char symbol[SYMBOL_SIZE];
	const struct day_bar *bars; /* newest first */
	int bar_count;
};
struct symbol_risk {
	char symbol[SYMBOL_SIZE];
	bool volatile_now; /* or not known */
	int64_t atr_ppm; /* 20-day ATR / close; -1 unknown */
	int64_t atr_median_ppm; /* 250-day median of it; -1 unknown */
	int64_t volume_average_qty; /* 20 days; 0 unknown */
};
struct symbol_risk symbol_risk_of(const struct symbol_history *history, int64_t atr_percent_max);

/* Where the index is not offered (paper): the median move of at least MARKET_SYMBOLS_MIN symbols against their base price
 * stands for it. False: too few known prices; the move is then not known. */
#define MARKET_SYMBOLS_MIN 5
bool market_move_of(const int64_t *last_won, const int64_t *base_won, int count, int64_t *out_move_bp);

struct guardrail_in {
	const struct conf *cfg;
	int64_t equity_won, cash_won; /* from the account snapshot; -1 unknown */
	const int64_t *equity_history_won; /* day-start equities of up to 20 days, newest first */
	int equity_history_count;
	const int64_t *round_trips_won; /* results of closed round trips, newest first */
	int round_trip_count;
	int64_t index_move_bp; /* signed; INT64_MIN = not known */
	bool halve;
};
struct guardrail_out {
	struct limit_set limits;
	enum mode ceiling;
	enum reason reason; /* worst one */
	char text[200];
};
enum reason guardrail(const struct guardrail_in *in, struct guardrail_out *out);

#endif
