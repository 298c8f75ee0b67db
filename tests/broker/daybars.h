/*
 * daybars - day bars before the first recorded day: SYNTHETIC, so that charts, average volume and volatility
 * measures have something to read.
 *
 * Shape   a walk backwards from a real close: daily moves of about 1.8 % with a pull towards the start, ranges of
 *         about 2.5 %, so that a 20-day average of the range stays near its 250-day median. Volume varies round
 *         the first recorded day's. On the tick grid of each date, inside the daily limits.
 * Owner   the caller's array.
 */
#ifndef GJ_BROKER_DAYBARS_H
#define GJ_BROKER_DAYBARS_H

#include "tests/broker/exchange.h"

#define DAYBARS_COUNT 300

/* Fills out[0 .. count-1], oldest first; out[count-1] is of the newest of `days` and closes at last_close_won.
 * days[i].. oldest first, count of them. */
void daybars_make(uint64_t seed, const char *code, bool kosdaq, bool etf, const struct kst_day *days,
		  size_t count, int64_t last_close_won, int64_t usual_volume, struct exch_bar *out);

#endif
