/* rules - tables and arithmetic of rules.h. */
#include "tests/broker/rules.h"

#include "shared/base/bug.h"
#include "shared/base/won.h"

#include "shared/base/banned.h"

#define NEW_TICKS_FROM 20230125
#define BAND_BP        3000

static const struct rules_step kospi_old[] = {
	{ 1000, 1 },     { 5000, 5 },     { 10000, 10 },       { 50000, 50 },
	{ 100000, 100 }, { 500000, 500 }, { INT64_MAX, 1000 },
};
static const struct rules_step kosdaq_old[] = {
	{ 1000, 1 }, { 5000, 5 }, { 10000, 10 }, { 50000, 50 }, { INT64_MAX, 100 },
};
static const struct rules_step all_new[] = {
	{ 2000, 1 },     { 5000, 5 },     { 20000, 10 },       { 50000, 50 },
	{ 200000, 100 }, { 500000, 500 }, { INT64_MAX, 1000 },
};
static const struct rules_step etf_ticks[] = { { INT64_MAX, 5 } };

struct tax_row {
	int32_t from;
	int64_t kospi_tax_ppm, kospi_rural_ppm, kosdaq_tax_ppm;
};
static const struct tax_row taxes[] = {
	/* newest first */
	{ 20260101, 500, 1500, 2000 }, { 20250101, 0, 1500, 1500 },   { 20240101, 300, 1500, 1800 },
	{ 20230101, 500, 1500, 2000 }, { 20210101, 800, 1500, 2300 }, { 20190603, 1000, 1500, 2500 },
	{ 0, 1500, 1500, 3000 },
};

struct rules_grid rules_grid(struct kst_day day, bool kosdaq, bool etf)
{
	if (etf)
		return (struct rules_grid){ etf_ticks, ARRAY_COUNT(etf_ticks) };
	if (day.yyyymmdd >= NEW_TICKS_FROM)
		return (struct rules_grid){ all_new, ARRAY_COUNT(all_new) };
	if (kosdaq)
		return (struct rules_grid){ kosdaq_old, ARRAY_COUNT(kosdaq_old) };
	return (struct rules_grid){ kospi_old, ARRAY_COUNT(kospi_old) };
}

int64_t rules_tick_won(struct rules_grid grid, int64_t price_won)
{
	for (size_t i = 0; i < grid.count; i++)
		if (price_won < grid.steps[i].below_won)
			return grid.steps[i].tick_won;
	BUG_IF(true, "a grid ends with an open row");
}

bool rules_on_grid(struct rules_grid grid, int64_t price_won)
{
	return price_won > 0 && price_won % rules_tick_won(grid, price_won) == 0;
}

int64_t rules_index_of(struct rules_grid grid, int64_t price_won)
{
	int64_t from = 0, index = 0;

	BUG_IF(price_won < 0, "prices are positive");
	for (size_t i = 0; i < grid.count; i++) {
		const struct rules_step *step = &grid.steps[i];

		if (price_won < step->below_won)
			return index + (price_won - from) / step->tick_won;
		index += (step->below_won - from) / step->tick_won;
		from = step->below_won;
	}
	BUG_IF(true, "a grid ends with an open row");
}

int64_t rules_price_at(struct rules_grid grid, int64_t index)
{
	int64_t from = 0;

	BUG_IF(index < 0, "indices count from price 0");
	for (size_t i = 0; i < grid.count; i++) {
		const struct rules_step *step = &grid.steps[i];
		int64_t count;

		if (step->below_won == INT64_MAX)
			return from + index * step->tick_won;
		count = (step->below_won - from) / step->tick_won;
		if (index < count)
			return from + index * step->tick_won;
		index -= count;
		from = step->below_won;
	}
	BUG_IF(true, "a grid ends with an open row");
}

void rules_band(struct rules_grid grid, int64_t base_won, int64_t *out_upper_won, int64_t *out_lower_won)
{
	rules_band_of(grid, base_won, BAND_BP, out_upper_won, out_lower_won);
}

void rules_band_of(struct rules_grid grid, int64_t base_won, int64_t width_bp, int64_t *out_upper_won,
		   int64_t *out_lower_won)
{
	int64_t width, tick, lower, index;

	if (base_won <= 0) {
		*out_upper_won = 0;
		*out_lower_won = 0;
		return;
	}
	tick = rules_tick_won(grid, base_won);
	width = base_won * width_bp / 10000 / tick * tick;
	lower = base_won - width;
	/* A limit inside a coarser band moves to that band's tick, towards the base. */
	*out_upper_won = rules_price_at(grid, rules_index_of(grid, base_won + width));
	index = rules_index_of(grid, lower);
	if (rules_price_at(grid, index) < lower)
		index++;
	*out_lower_won = rules_price_at(grid, index < 1 ? 1 : index);
}

int64_t rules_commission_won(int64_t commission_ppm, int64_t amount_won)
{
	int64_t won;

	BUG_IF(!won_muldiv_floor(amount_won, commission_ppm, 1000000, &won), "amounts of a day fit");
	return won / 10 * 10;
}

int64_t rules_commission_max_won(int64_t commission_ppm, int64_t amount_won)
{
	int64_t won;

	BUG_IF(!won_muldiv_ceil(amount_won, commission_ppm, 1000000, &won), "amounts of an order fit");
	return (won + 9) / 10 * 10;
}

int64_t rules_tax_won(struct kst_day day, bool kosdaq, bool etf, int64_t amount_won)
{
	const struct tax_row *row = &taxes[ARRAY_COUNT(taxes) - 1];
	int64_t tax = 0, rural = 0;

	if (etf)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(taxes); i++) {
		if (day.yyyymmdd >= taxes[i].from) {
			row = &taxes[i];
			break;
		}
	}
	BUG_IF(!won_muldiv_floor(amount_won, kosdaq ? row->kosdaq_tax_ppm : row->kospi_tax_ppm, 1000000,
				 &tax),
	       "amounts of a day fit");
	BUG_IF(!won_muldiv_floor(amount_won, kosdaq ? 0 : row->kospi_rural_ppm, 1000000, &rural),
	       "amounts of a day fit");
	return tax + rural;
}
