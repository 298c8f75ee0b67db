/*
 * engine_day - the inputs of an ordinary day with 100,000,000 won, without symbols and strategy: where tests and measurements
 * of the engine begin.
 */
#ifndef GJ_TESTS_WORKER_ENGINE_DAY_H
#define GJ_TESTS_WORKER_ENGINE_DAY_H

#include <stdio.h>

#include "worker/engine.h"

static inline void engine_day_inputs(struct engine_inputs *in)
{
	engine_inputs_defaults(in);
	snprintf(in->account, sizeof(in->account), "demo");
	snprintf(in->env, sizeof(in->env), "real");
	in->rehearsal = true;
	in->day.yyyymmdd = 20210104;
	in->certificate_mode = MODE_TRADE;
	in->session_open = kst_wall(in->day, 10 * 3600);
	in->entry_end = kst_wall(in->day, 15 * 3600 + 15 * 60);
	in->session_end = kst_wall(in->day, 15 * 3600 + 30 * 60);
	in->commission_ppm = 142;
	in->cash_won = 100000000;
	in->snapshot_frozen = kst_wall(in->day, 9 * 3600 + 20 * 60);
	in->limits = (struct limit_set){ .equity_won = 100000000,
					 .cash_won = 100000000,
					 .loss_day_won = 2000000,
					 .exposure_symbol_won = 20000000,
					 .exposure_gross_won = 100000000,
					 .positions_max = 10,
					 .order_value_won = 10000000,
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
					 .losing_streak = 5 };
}

#endif
