/*
 * mode - what may be done at most: TRADE > REDUCE > OBSERVE > HALT. The lowest of several holds.
 * Errors  text that is not a mode reads as HALT (unknown means not trading) and returns false.
 */
#ifndef GJ_TRADE_MODE_H
#define GJ_TRADE_MODE_H

#include <stdbool.h>

enum mode { MODE_HALT, MODE_OBSERVE, MODE_REDUCE, MODE_TRADE };

static inline enum mode mode_lower(enum mode a, enum mode b)
{
	return a < b ? a : b;
}
const char *mode_text(enum mode mode);
bool mode_parse(const char *text, enum mode *out); /* false leaves *out = MODE_HALT */
/* May an order of this direction be placed? Reducing sells are allowed in REDUCE. */
bool mode_allows(enum mode mode, bool reduces_risk);

#endif
