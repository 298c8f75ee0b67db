/*
 * guardrail - from configured shares and counts to won and counts of today.
 *
 * Nothing missing ever widens: an unknown equity gives limits of zero, an unknown market counts as one that
 * moves too much, a symbol with too few bars as too volatile to enter. None of it blocks a sale of own lots:
 * ceilings here are REDUCE where only new risk is in question.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/guardrail.h"
#include "shared/base/banned.h"

#define ATR_DAYS         20
#define ATR_MEDIAN_DAYS  250
#define VOLUME_DAYS      20
#define LIMIT_TIMES_MAX  2 /* a limit in won may be at most this many times the equity */
#define LIMIT_COUNT_MAX  1000 /* and a count of orders at most this */
#define HISTORY_DAYS_MAX 20

/* ---- the limit set as rows ---- */

enum limit_kind { LIMIT_NUMBER, LIMIT_FLAG };
struct limit_member {
	const char *name;
	size_t offset;
	enum limit_kind kind;
};
#define NUMBER(member)                                                                                       \
	{                                                                                                    \
#member, offsetof(struct limit_set, member), LIMIT_NUMBER                                    \
	}
#define FLAG(member)                                                                                         \
	{                                                                                                    \
#member, offsetof(struct limit_set, member), LIMIT_FLAG                                      \
	}
static const struct limit_member limit_members[] = {
	NUMBER(equity_won),         NUMBER(cash_won),
	NUMBER(loss_day_won),       NUMBER(exposure_symbol_won),
	NUMBER(exposure_gross_won), NUMBER(positions_max),
	NUMBER(order_value_won),    NUMBER(day_value_won),
	NUMBER(order_volume_bp),    NUMBER(collar_last_bp),
	NUMBER(collar_previous_bp), NUMBER(rate_minute),
	NUMBER(rate_symbol_day),    NUMBER(rate_day),
	NUMBER(repeated_orders),    NUMBER(band_refusals),
	NUMBER(feed_confirm_bp),    NUMBER(feed_confirm_s),
	NUMBER(tick_silence_s),     NUMBER(losing_streak),
	FLAG(on_loss_reduce),       FLAG(halved),
};
_Static_assert(ARRAY_COUNT(limit_members) <= LIMITS_ROWS_MAX, "a limit set fits the rows that hold it");
_Static_assert(sizeof(struct limit_set) == 20 * sizeof(int64_t) + 8,
	       "a new member of limit_set needs a row above");

bool limit_set_at(const struct limit_set *set, int index, const char **out_name, int64_t *out_value)
{
	const struct limit_member *m;

	if (index < 0 || (size_t)index >= ARRAY_COUNT(limit_members))
		return false;
	m = &limit_members[index];
	*out_name = m->name;
	if (m->kind == LIMIT_FLAG)
		*out_value = *(const bool *)((const char *)set + m->offset);
	else
		memcpy(out_value, (const char *)set + m->offset, sizeof(*out_value));
	return true;
}

bool limit_set_put(struct limit_set *set, const char *name, int64_t value)
{
	for (size_t i = 0; name && i < ARRAY_COUNT(limit_members); i++) {
		const struct limit_member *m = &limit_members[i];

		if (strcmp(name, m->name) != 0)
			continue;
		if (m->kind == LIMIT_FLAG && value != 0 && value != 1)
			return false;
		if (m->kind == LIMIT_FLAG)
			*(bool *)((char *)set + m->offset) = value == 1;
		else
			memcpy((char *)set + m->offset, &value, sizeof(value));
		return true;
	}
	return false;
}

/* ---- how much a symbol moves ---- */

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool bar_sane(const struct day_bar *b)
{
	return b->low_won >= 1 && b->high_won >= b->low_won && b->close_won >= b->low_won &&
	       b->close_won <= b->high_won && b->open_won >= b->low_won && b->open_won <= b->high_won &&
	       b->volume_qty >= 0 && b->high_won < INT64_C(1000000000000);
}

static int64_t true_range(const struct day_bar *day, const struct day_bar *before)
{
	int64_t range_won = day->high_won - day->low_won;

	range_won = max64(range_won, day->high_won - before->close_won);
	return max64(range_won, before->close_won - day->low_won);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Fills the newest 250 shares of ATR in close, newest first. False when the bars do not reach or make no
 * sense. */
static bool atr_shares(const struct symbol_history *h, int64_t out_ppm[static ATR_MEDIAN_DAYS])
{
	int64_t sum_won = 0;

	if (h->bar_count < ATR_MEDIAN_DAYS + ATR_DAYS)
		return false;
	for (int i = 0; i < ATR_MEDIAN_DAYS + ATR_DAYS; i++) {
		if (!bar_sane(&h->bars[i]) ||
		    (i > 0 && h->bars[i].day.yyyymmdd >= h->bars[i - 1].day.yyyymmdd))
			return false;
	}
	/* From the oldest day on: the window of 20 ranges slides towards today. */
	for (int i = ATR_MEDIAN_DAYS + ATR_DAYS - 2; i >= 0; i--) {
		sum_won += true_range(&h->bars[i], &h->bars[i + 1]);
		if (i > ATR_MEDIAN_DAYS - 1)
			continue;
		if (!won_muldiv_floor(sum_won, 1000000, ATR_DAYS * h->bars[i].close_won, &out_ppm[i]))
			return false;
		sum_won -= true_range(&h->bars[i + ATR_DAYS - 1], &h->bars[i + ATR_DAYS]);
	}
	return true;
}

struct symbol_risk symbol_risk_of(const struct symbol_history *history, int64_t atr_percent_max)
{
	struct symbol_risk risk = { .volatile_now = true, .atr_ppm = -1, .atr_median_ppm = -1 };
	int64_t ppm[ATR_MEDIAN_DAYS], volume_qty = 0;
	bool volume_known = history->bar_count >= VOLUME_DAYS;

	memcpy(risk.symbol, history->symbol, sizeof(risk.symbol));
	for (int i = 0; i < VOLUME_DAYS && volume_known; i++)
		volume_known = bar_sane(&history->bars[i]) &&
			       won_add(volume_qty, history->bars[i].volume_qty, &volume_qty);
	if (volume_known)
		risk.volume_average_qty = volume_qty / VOLUME_DAYS;
	if (atr_percent_max < 1 || !atr_shares(history, ppm))
		return risk;
	risk.atr_ppm = ppm[0];
	qsort(ppm, ATR_MEDIAN_DAYS, sizeof(ppm[0]), by_size);
	risk.atr_median_ppm = (ppm[ATR_MEDIAN_DAYS / 2 - 1] + ppm[ATR_MEDIAN_DAYS / 2]) / 2;
	risk.volatile_now = risk.atr_ppm * 100 > risk.atr_median_ppm * atr_percent_max;
	return risk;
}

/* ---- limits ---- */

static int64_t lower_if_given(int64_t share_won, int64_t given_won)
{
	return given_won > 0 && given_won < share_won ? given_won : share_won;
}

static int64_t half_count(int64_t count)
{
	return (count + 1) / 2;
}

/* Sizes and counts are halved; what judges a price or the feed is not a size and stays. */
static void halve(struct limit_set *set)
{
	set->loss_day_won /= 2;
	set->exposure_symbol_won /= 2;
	set->exposure_gross_won /= 2;
	set->order_value_won /= 2;
	set->day_value_won =
		half_count(set->day_value_won); /* 0 means off and must not be reached by halving */
	set->order_volume_bp = half_count(set->order_volume_bp);
	set->positions_max = half_count(set->positions_max);
	set->rate_minute = half_count(set->rate_minute);
	set->rate_symbol_day = half_count(set->rate_symbol_day);
	set->rate_day = half_count(set->rate_day);
	set->losing_streak = half_count(set->losing_streak);
	set->halved = true;
}

static bool limits_of(const struct guardrail_in *in, struct limit_set *out)
{
	const struct conf *cfg = in->cfg;
	struct limit_set set = {
		.equity_won = in->equity_won,
		.cash_won = in->cash_won,
		.positions_max = conf_number(cfg, CONF_LIM_POSITIONS),
		.day_value_won = conf_number(cfg, CONF_LIM_DAY_WON),
		.order_volume_bp = conf_number(cfg, CONF_LIM_VOLUME_BP),
		.collar_last_bp = conf_number(cfg, CONF_LIM_COLLAR_LAST_BP),
		.collar_previous_bp = conf_number(cfg, CONF_LIM_COLLAR_PREV_BP),
		.rate_minute = conf_number(cfg, CONF_LIM_RATE_MINUTE),
		.rate_symbol_day = conf_number(cfg, CONF_LIM_RATE_SYMBOL),
		.rate_day = conf_number(cfg, CONF_LIM_RATE_DAY),
		.repeated_orders = conf_number(cfg, CONF_LIM_REPEATED),
		.band_refusals = conf_number(cfg, CONF_LIM_BAND_REFUSALS),
		.feed_confirm_bp = conf_number(cfg, CONF_LIM_FEED_CONFIRM_BP),
		.feed_confirm_s = conf_number(cfg, CONF_LIM_FEED_CONFIRM_S),
		.tick_silence_s = conf_number(cfg, CONF_TICK_SILENCE_S),
		.losing_streak = conf_number(cfg, CONF_LIM_STREAK),
		.on_loss_reduce = strcmp(conf_text(cfg, CONF_ON_LOSS), "reduce") == 0,
	};

	if (!won_share_bp(in->equity_won, conf_number(cfg, CONF_LIM_LOSS_BP), &set.loss_day_won) ||
	    !won_share_bp(in->equity_won, conf_number(cfg, CONF_LIM_EXPOSURE_SYMBOL_BP),
			  &set.exposure_symbol_won) ||
	    !won_share_bp(in->equity_won, conf_number(cfg, CONF_LIM_EXPOSURE_GROSS_BP),
			  &set.exposure_gross_won) ||
	    !won_share_bp(in->equity_won, conf_number(cfg, CONF_LIM_ORDER_BP), &set.order_value_won))
		return false;
	set.loss_day_won = lower_if_given(set.loss_day_won, conf_number(cfg, CONF_LIM_LOSS_WON));
	set.order_value_won = lower_if_given(set.order_value_won, conf_number(cfg, CONF_LIM_ORDER_WON));
	if (in->halve)
		halve(&set);
	*out = set;
	return true;
}

/* ---- may the account open at all? ---- */

static void lower(struct guardrail_out *out, enum mode ceiling, enum reason why, const char *text)
{
	if (out->reason != REASON_OK && out->ceiling <= ceiling)
		return;
	out->ceiling = mode_lower(out->ceiling, ceiling);
	out->reason = why;
	snprintf(out->text, sizeof(out->text), "%s", text);
}

static void check_configured(const struct guardrail_in *in, struct guardrail_out *out)
{
	static const enum conf_key values[] = { CONF_LIM_ORDER_WON, CONF_LIM_DAY_WON, CONF_LIM_LOSS_WON };
	static const enum conf_key counts[] = { CONF_LIM_RATE_MINUTE, CONF_LIM_RATE_SYMBOL,
						CONF_LIM_RATE_DAY };
	int64_t most_won;
	char text[200], limit[WON_TEXT_SIZE], equity[WON_TEXT_SIZE];

	if (!won_mul(in->equity_won, LIMIT_TIMES_MAX, &most_won))
		most_won = INT64_MAX;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		if (conf_number(in->cfg, values[i]) <= most_won)
			continue;
		snprintf(text, sizeof(text),
			 "a limit of %s won is over %d times the equity of %s won; lower it",
			 won_text(conf_number(in->cfg, values[i]), limit), LIMIT_TIMES_MAX,
			 won_text(in->equity_won, equity));
		lower(out, MODE_OBSERVE, REASON_GUARD_LIMIT, text);
	}
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		if (conf_number(in->cfg, counts[i]) <= LIMIT_COUNT_MAX)
			continue;
		snprintf(text, sizeof(text), "a limit of %lld orders is over %d; lower it",
			 (long long)conf_number(in->cfg, counts[i]), LIMIT_COUNT_MAX);
		lower(out, MODE_OBSERVE, REASON_GUARD_LIMIT, text);
	}
}

static void check_streak(const struct guardrail_in *in, struct guardrail_out *out)
{
	int64_t losses = 0;
	char text[200];

	while (losses < in->round_trip_count && in->round_trips_won[losses] < 0)
		losses++;
	if (losses < out->limits.losing_streak)
		return;
	snprintf(text, sizeof(text), "the newest %lld round trips all lost; the limit is %lld",
		 (long long)losses, (long long)out->limits.losing_streak);
	lower(out, MODE_REDUCE, REASON_GUARD_STREAK, text);
}

static void check_drawdown(const struct guardrail_in *in, struct guardrail_out *out)
{
	int64_t high_won = in->equity_won, limit_bp = conf_number(in->cfg, CONF_LIM_DRAWDOWN_BP), down_bp;
	char text[200], equity[WON_TEXT_SIZE], high[WON_TEXT_SIZE];

	for (int i = 0; i < in->equity_history_count && i < HISTORY_DAYS_MAX; i++)
		high_won = max64(high_won, in->equity_history_won[i]);
	if (!won_muldiv_floor(high_won - in->equity_won, 10000, high_won, &down_bp))
		down_bp = INT64_MAX;
	if (down_bp < limit_bp)
		return;
	snprintf(text, sizeof(text),
		 "equity of %s won is %lld bp below the high of %s won; the limit is %lld bp",
		 won_text(in->equity_won, equity), (long long)down_bp, won_text(high_won, high),
		 (long long)limit_bp);
	lower(out, MODE_REDUCE, REASON_GUARD_DRAWDOWN, text);
}

static void check_market(const struct guardrail_in *in, struct guardrail_out *out)
{
	int64_t limit_bp = conf_number(in->cfg, CONF_LIM_INDEX_BP);
	char text[200];

	if (in->index_move_bp == INT64_MIN) {
		lower(out, MODE_REDUCE, REASON_GUARD_VOLATILITY,
		      "the index's move is not known; that counts as breached");
		return;
	}
	if (in->index_move_bp >= -limit_bp && in->index_move_bp <= limit_bp)
		return;
	snprintf(text, sizeof(text),
		 "the index moved %lld bp against the previous close; the limit is %lld bp",
		 (long long)in->index_move_bp, (long long)limit_bp);
	lower(out, MODE_REDUCE, REASON_GUARD_VOLATILITY, text);
}

bool market_move_of(const int64_t *last_won, const int64_t *base_won, int count, int64_t *out_move_bp)
{
	int64_t moves_bp[HOLDINGS_MAX];
	int known = 0;

	for (int i = 0; i < count && known < HOLDINGS_MAX; i++) {
		int64_t move_bp;
		int at = known;

		if (last_won[i] <= 0 || base_won[i] <= 0 ||
		    !won_muldiv_floor(last_won[i] - base_won[i], 10000, base_won[i], &move_bp))
			continue;
		while (at > 0 && moves_bp[at - 1] > move_bp) {
			moves_bp[at] = moves_bp[at - 1];
			at--;
		}
		moves_bp[at] = move_bp;
		known++;
	}
	if (known < MARKET_SYMBOLS_MIN)
		return false;
	*out_move_bp = moves_bp[known / 2];
	return true;
}

enum reason guardrail(const struct guardrail_in *in, struct guardrail_out *out)
{
	char equity[WON_TEXT_SIZE], order[WON_TEXT_SIZE], loss[WON_TEXT_SIZE];

	*out = (struct guardrail_out){ .ceiling = MODE_TRADE, .reason = REASON_OK };
	if (in->equity_won <= 0) {
		lower(out, MODE_OBSERVE, REASON_GUARD_EQUITY,
		      "the day-start equity is not known or not positive");
		return REASON_OK;
	}
	if (!limits_of(in, &out->limits))
		return reason_set(REASON_OVERFLOW, "guardrail: shares of an equity of %lld won do not fit",
				  (long long)in->equity_won);
	if (in->cash_won < 0)
		out->limits.cash_won = 0;
	check_configured(in, out);
	check_drawdown(in, out);
	check_streak(in, out);
	check_market(in, out);
	if (out->reason == REASON_OK)
		snprintf(out->text, sizeof(out->text),
			 "equity %s won, one order at most %s won, loss of the day at most %s won",
			 won_text(in->equity_won, equity), won_text(out->limits.order_value_won, order),
			 won_text(out->limits.loss_day_won, loss));
	return REASON_OK;
}
