/*
 * quote - codes that both the REST answers and the frames derive from a quote.
 *
 * Errors  none; texts are constants.
 * Source  the broker's common code lists (sign, market operation, time class).
 */
#ifndef GJ_BROKER_QUOTE_H
#define GJ_BROKER_QUOTE_H

#include "tests/broker/exchange.h"

const char *quote_sign(const struct exch_quote *q,
		       int64_t price_won); /* 1 upper limit 2 up 3 same 4 lower limit 5 down */
const char *
quote_hour_class(const struct exchange *ex); /* 0 in session, B before, A closing call and after */
const char *quote_hour_class_of(const struct exchange *ex, const struct exch_quote *q); /* C in a VI */
const char *quote_market_code(const struct exchange *ex); /* NEW_MKOP_CLS_CODE: 20 in session */
const char *quote_market_class(const struct exchange *ex); /* MARKET_CLS_CODE: 2 regular */

#endif
