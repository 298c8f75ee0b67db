/*
 * market - the exchange's tables. A new rule is a new row with the day it holds from; old rows stay, because
 * rehearsals and recomputed days need the rules of their own date.
 *
 * Source  tick sizes: KRX rule change of 2023-01-25 and the tables before it; ETF below 2,000 won from
 *         2023-12-11 (from press reports only). Securities and rural tax: yearly rates 2021 to 2026. Band: 30 %
 *         of the base price cut down to a tick, checked against a captured quote (base 76,500: 53,600 to 99,400).
 */
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/market.h"
#include "shared/base/banned.h"

#define BAND_PERCENT         30
#define FEE_CUT_WON          10
#define COMMISSION_PPM_LIMIT INT64_C(1000000)
#define DAY_NEW_TICKS        20230125
#define DAY_ETF_FINE         20231211

struct tick_row {
	int64_t below_won; /* the row holds for prices below this; the last row is INT64_MAX */
	int64_t tick_won;
};

static const struct tick_row ticks_2023[] = {
	{ 2000, 1 },     { 5000, 5 },     { 20000, 10 },       { 50000, 50 },
	{ 200000, 100 }, { 500000, 500 }, { INT64_MAX, 1000 },
};
static const struct tick_row ticks_kospi_before[] = {
	{ 1000, 1 },     { 5000, 5 },     { 10000, 10 },       { 50000, 50 },
	{ 100000, 100 }, { 500000, 500 }, { INT64_MAX, 1000 },
};
static const struct tick_row ticks_kosdaq_before[] = {
	{ 1000, 1 }, { 5000, 5 }, { 10000, 10 }, { 50000, 50 }, { INT64_MAX, 100 },
};
static const struct tick_row ticks_etf_fine[] = { { 2000, 1 }, { INT64_MAX, 5 } };
static const struct tick_row ticks_etf_before[] = { { INT64_MAX, 5 } };

struct tax_row {
	int32_t from_yyyymmdd;
	int32_t kospi_ppm, kospi_rural_ppm, kosdaq_ppm;
};
/* Newest first. A day before the last row has no answer: better no cost than a wrong one. */
static const struct tax_row taxes[] = {
	{ 20260101, 500, 1500, 2000 }, { 20250101, 0, 1500, 1500 },   { 20240101, 300, 1500, 1800 },
	{ 20230101, 500, 1500, 2000 }, { 20210101, 800, 1500, 2300 },
};

static const char *const market_texts[] = { [MARKET_KOSPI] = "KOSPI", [MARKET_KOSDAQ] = "KOSDAQ" };
static const char *const kind_texts[] = { [SYMBOL_STOCK] = "STOCK", [SYMBOL_ETF] = "ETF" };

const char *market_text(enum market market)
{
	return (size_t)market < ARRAY_COUNT(market_texts) ? market_texts[market] : "?";
}

bool market_parse(const char *text, enum market *out)
{
	for (size_t i = 0; text && i < ARRAY_COUNT(market_texts); i++) {
		if (strcmp(text, market_texts[i]) == 0) {
			*out = (enum market)i;
			return true;
		}
	}
	return false;
}

const char *symbol_kind_text(enum symbol_kind kind)
{
	return (size_t)kind < ARRAY_COUNT(kind_texts) ? kind_texts[kind] : "?";
}

bool symbol_kind_parse(const char *text, enum symbol_kind *out)
{
	for (size_t i = 0; text && i < ARRAY_COUNT(kind_texts); i++) {
		if (strcmp(text, kind_texts[i]) == 0) {
			*out = (enum symbol_kind)i;
			return true;
		}
	}
	return false;
}

bool symbol_valid(const char *symbol)
{
	size_t len = symbol ? strnlen(symbol, SYMBOL_SIZE) : 0;

	if (len < 6 || len > 9)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!((symbol[i] >= '0' && symbol[i] <= '9') || (symbol[i] >= 'A' && symbol[i] <= 'Z')))
			return false;
	}
	return true;
}

/* ---- ticks ---- */

static const struct tick_row *tick_table(struct kst_day day, enum market market, enum symbol_kind kind)
{
	if (kind == SYMBOL_ETF)
		return day.yyyymmdd >= DAY_ETF_FINE ? ticks_etf_fine : ticks_etf_before;
	if (day.yyyymmdd >= DAY_NEW_TICKS)
		return ticks_2023;
	return market == MARKET_KOSDAQ ? ticks_kosdaq_before : ticks_kospi_before;
}

int64_t tick_size(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won)
{
	const struct tick_row *row = tick_table(day, market, kind);

	if (price_won < 1)
		return 0;
	while (row->below_won != INT64_MAX && price_won >= row->below_won)
		row++;
	return row->tick_won;
}

bool tick_on_grid(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won)
{
	int64_t tick_won = tick_size(day, market, kind, price_won);

	return tick_won > 0 && price_won % tick_won == 0;
}

/* Every row's bound is a multiple of its own tick and of the next row's, so cutting never leaves the grid. */
int64_t tick_down(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won)
{
	int64_t tick_won = tick_size(day, market, kind, price_won);

	return tick_won > 0 ? price_won - price_won % tick_won : 0;
}

int64_t tick_up(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won)
{
	int64_t tick_won = tick_size(day, market, kind, price_won);
	int64_t down_won = tick_down(day, market, kind, price_won);

	if (tick_won == 0 || down_won == price_won)
		return down_won;
	return down_won > INT64_MAX - tick_won ? 0 : down_won + tick_won;
}

/*
 * The width is cut to the tick of the base price. An edge that then lies in rows with a coarser tick is moved
 * to that grid towards the base: the exchange's own rule there is not published, and the narrower band is the
 * safe one.
 */
bool price_band(struct kst_day day, enum market market, enum symbol_kind kind, int64_t base_won,
		struct price_band *out)
{
	int64_t tick_won = tick_size(day, market, kind, base_won);
	int64_t width_won, high_won;
	struct price_band band;

	if (tick_won == 0 || !won_muldiv_floor(base_won, BAND_PERCENT, 100, &width_won))
		return false;
	width_won -= width_won % tick_won;
	if (!won_add(base_won, width_won, &high_won))
		return false;
	band.high_won = tick_down(day, market, kind, high_won);
	band.low_won = tick_up(day, market, kind, base_won - width_won);
	if (band.low_won < 1 || band.high_won < band.low_won)
		return false;
	*out = band;
	return true;
}

/* ---- fees and taxes ---- */

bool cost_rules_for(struct kst_day day, enum market market, enum symbol_kind kind, int64_t commission_ppm,
		    struct cost_rules *out)
{
	struct cost_rules rules = { .commission_ppm = commission_ppm };

	if (commission_ppm < 0 || commission_ppm > COMMISSION_PPM_LIMIT)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(taxes); i++) {
		if (day.yyyymmdd < taxes[i].from_yyyymmdd)
			continue;
		if (kind == SYMBOL_STOCK && market == MARKET_KOSPI) {
			rules.tax_ppm = taxes[i].kospi_ppm;
			rules.rural_ppm = taxes[i].kospi_rural_ppm;
		} else if (kind == SYMBOL_STOCK) {
			rules.tax_ppm = taxes[i].kosdaq_ppm;
		}
		*out = rules;
		return true;
	}
	return false;
}

bool cost_of(const struct cost_rules *rules, enum order_side side, int64_t cum_amount_won, struct cost *out)
{
	struct cost cost = { 0 };
	int64_t rural_won;

	if (cum_amount_won < 0)
		return false;
	if (!won_muldiv_floor(cum_amount_won, rules->commission_ppm, 1000000, &cost.fee_won))
		return false;
	cost.fee_won -= cost.fee_won % FEE_CUT_WON;
	if (side == SIDE_SELL) {
		if (!won_muldiv_floor(cum_amount_won, rules->tax_ppm, 1000000, &cost.tax_won) ||
		    !won_muldiv_floor(cum_amount_won, rules->rural_ppm, 1000000, &rural_won) ||
		    !won_add(cost.tax_won, rural_won, &cost.tax_won))
			return false;
	}
	*out = cost;
	return true;
}

bool cost_step(const struct cost_rules *rules, enum order_side side, int64_t cum_before_won,
	       int64_t amount_won, struct cost *out)
{
	struct cost before, after;
	int64_t cum_after_won;

	if (amount_won < 0 || !won_add(cum_before_won, amount_won, &cum_after_won))
		return false;
	if (!cost_of(rules, side, cum_before_won, &before) || !cost_of(rules, side, cum_after_won, &after))
		return false;
	out->fee_won = after.fee_won - before.fee_won;
	out->tax_won = after.tax_won - before.tax_won;
	return true;
}
