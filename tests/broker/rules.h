/*
 * rules - what the market and the tax office fix: tick grids, daily limits, fees and taxes, all by date.
 *
 * Shape   tables in rules.c with valid-from dates; pure functions.
 * Units   whole won; ppm millionths. A grid index counts the ticks from price 0 upwards.
 * Source  KRX's tick tables before and from 2023-01-25; the broker's price limits (30 % of the base cut down to
 *         a tick); commission and tax cuts as measured on a paper account (rest documents, "Fees and taxes").
 */
#ifndef GJ_BROKER_RULES_H
#define GJ_BROKER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/kst.h"

struct rules_step {
	int64_t below_won; /* INT64_MAX on the last row */
	int64_t tick_won;
};
struct rules_grid {
	const struct rules_step *steps;
	size_t count;
};

struct rules_grid rules_grid(struct kst_day day, bool kosdaq, bool etf);
int64_t rules_tick_won(struct rules_grid grid, int64_t price_won);
bool rules_on_grid(struct rules_grid grid, int64_t price_won);
int64_t rules_index_of(struct rules_grid grid, int64_t price_won); /* of the grid price at or below */
int64_t rules_price_at(struct rules_grid grid, int64_t index);
/* Prices so far from the base: the daily limits are 3,000 bp. */
void rules_band_of(struct rules_grid grid, int64_t base_won, int64_t width_bp, int64_t *out_upper_won,
		   int64_t *out_lower_won);
void rules_band(struct rules_grid grid, int64_t base_won, int64_t *out_upper_won, int64_t *out_lower_won);

/* Cut to 10 won. `amount_won` is the day's cumulative amount of one side. */
int64_t rules_commission_won(int64_t commission_ppm, int64_t amount_won);
/* Securities and rural tax on sales, each cut to 1 won. ETF: 0. */
int64_t rules_tax_won(struct kst_day day, bool kosdaq, bool etf, int64_t amount_won);
/* What a buy of this amount may cost at most in commission: rounded up to 10 won. */
int64_t rules_commission_max_won(int64_t commission_ppm, int64_t amount_won);

#endif
