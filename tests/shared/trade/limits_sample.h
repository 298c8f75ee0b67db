/* limits_sample - the limits that no test of the firewall or the engine has its own of; those in won each lays itself. */
#ifndef GJ_TESTS_TRADE_LIMITS_SAMPLE_H
#define GJ_TESTS_TRADE_LIMITS_SAMPLE_H

#include "shared/trade/guardrail.h"

static const struct limit_set limits_sample = {
	.order_volume_bp = 1000,
	.collar_last_bp = 300,
	.collar_previous_bp = 1500,
	.rate_minute = 10,
	.rate_symbol_day = 6,
	.rate_day = 200,
	.repeated_orders = 3,
	.band_refusals = 2,
	.feed_confirm_bp = 300,
	.feed_confirm_s = 60,
	.tick_silence_s = 30,
	.losing_streak = 5,
};

#endif
