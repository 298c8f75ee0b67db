/*
 * market - tick sizes, price bands, fees and taxes, each as a table by date.
 *
 * Units   won, shares, ppm. Fees and taxes follow the day's cumulative amount of a symbol and side; the cost of one fill is
 *         the difference of two cumulatives, so that the day's sum is exact.
 * Errors  false: the input is not allowed or does not fit; outputs untouched.
 * Source  kis contract notes "market rules"; tick table of 2023-01-25 and the one before; tax table 2021-2026.
 */
#ifndef GJ_TRADE_MARKET_H
#define GJ_TRADE_MARKET_H

#include "shared/base/kst.h"
#include "shared/trade/order.h"

enum market { MARKET_KOSPI, MARKET_KOSDAQ };
enum symbol_kind { SYMBOL_STOCK, SYMBOL_ETF };
const char *market_text(enum market market);
bool market_parse(const char *text, enum market *out);
const char *symbol_kind_text(enum symbol_kind kind);
bool symbol_kind_parse(const char *text, enum symbol_kind *out);
bool symbol_valid(const char *symbol); /* six to nine of 0-9 A-Z */

/* 0 if price < 1 */
int64_t tick_size(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won);
bool tick_on_grid(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won);
/* to the grid, downwards */
int64_t tick_down(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won);
int64_t tick_up(struct kst_day day, enum market market, enum symbol_kind kind, int64_t price_won);
struct price_band {
	int64_t low_won, high_won;
};
bool price_band(struct kst_day day, enum market market, enum symbol_kind kind, int64_t base_won,
		struct price_band *out);

struct cost_rules {
	int64_t commission_ppm; /* each side, cut to 10 won */
	int64_t tax_ppm, rural_ppm; /* sales only, each cut to 1 won; 0 for ETF */
};
bool cost_rules_for(struct kst_day day, enum market market, enum symbol_kind kind, int64_t commission_ppm,
		    struct cost_rules *out);
struct cost {
	int64_t fee_won, tax_won;
};
/* Cost of the day's cumulative amount of one side. */
bool cost_of(const struct cost_rules *rules, enum order_side side, int64_t cum_amount_won, struct cost *out);
/* Cost of one more fill: cost_of(before + amount) - cost_of(before). */
bool cost_step(const struct cost_rules *rules, enum order_side side, int64_t cum_before_won,
	       int64_t amount_won, struct cost *out);

#endif
