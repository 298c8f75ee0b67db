/*
 * engine_day - the inputs of an ordinary day with 100,000,000 won, without symbols and strategy: where tests and measurements
 * of the engine begin.
 */
#ifndef GJ_TESTS_WORKER_ENGINE_DAY_H
#define GJ_TESTS_WORKER_ENGINE_DAY_H

#include <stdio.h>

#include "tests/shared/trade/limits_sample.h"
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
	in->limits = limits_sample;
	in->limits.equity_won = 100000000;
	in->limits.cash_won = 100000000;
	in->limits.loss_day_won = 2000000;
	in->limits.exposure_symbol_won = 20000000;
	in->limits.exposure_gross_won = 100000000;
	in->limits.positions_max = 10;
	in->limits.order_value_won = 10000000;
}

#endif
