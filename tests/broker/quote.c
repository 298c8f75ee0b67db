/* quote - see quote.h. */
#include "tests/broker/quote.h"

#include "shared/base/banned.h"

const char *quote_sign(const struct exch_quote *q, int64_t price_won)
{
	if (price_won > q->prev_close_won)
		return price_won >= q->upper_won && q->upper_won > 0 ? "1" : "2";
	if (price_won < q->prev_close_won)
		return price_won <= q->lower_won && q->lower_won > 0 ? "4" : "5";
	return "3";
}

static bool before_open(const struct exchange *ex)
{
	return kst_second_of(exch_now(ex)) < exch_today(ex)->open_s;
}

const char *quote_hour_class(const struct exchange *ex)
{
	switch (exch_phase(ex)) {
	case EXCH_PHASE_CONTINUOUS: return "0";
	case EXCH_PHASE_OPENING_CALL: return "B";
	case EXCH_PHASE_CLOSING_CALL: return "A";
	case EXCH_PHASE_CLOSED: break;
	}
	return before_open(ex) ? "B" : "A";
}

const char *quote_hour_class_of(const struct exchange *ex, const struct exch_quote *q)
{
	return q->vi ? "C" : quote_hour_class(ex);
}

const char *quote_market_code(const struct exchange *ex)
{
	switch (exch_phase(ex)) {
	case EXCH_PHASE_CONTINUOUS:
	case EXCH_PHASE_CLOSING_CALL: return "20";
	case EXCH_PHASE_OPENING_CALL: return "10";
	case EXCH_PHASE_CLOSED: break;
	}
	return before_open(ex) ? "10" : "30";
}

const char *quote_market_class(const struct exchange *ex)
{
	if (exch_phase(ex) == EXCH_PHASE_CLOSED)
		return before_open(ex) ? "1" : "3";
	return exch_phase(ex) == EXCH_PHASE_OPENING_CALL ? "1" : "2";
}
