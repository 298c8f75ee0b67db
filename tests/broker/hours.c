/*
 * hours - which exchange takes which type of order when, and which orders stand in the one book.
 *
 * Times are counted from the day's open and close, so that a late open or an early close moves them; only the end
 * of NXT and SOR is a time of the day. On an ordinary day:
 *
 *   KRX          08:30 .. 15:30    calls and continuous: ex->phase
 *   05           08:30 .. 08:40    at the previous close
 *   06           15:30 .. 16:00    at the close; matched from 15:40
 *   07           16:00 .. 18:00    single price every ten minutes
 *   NXT          08:00 .. 08:50    before the market: nothing is matched
 *                09:00:30 .. 15:20 main: its orders stand in the one book
 *                15:30 .. 20:00    after the market: nothing is matched
 *   SOR          KRX or NXT
 *
 * A moment is an instant at which orders that live apart from KRX's session are matched, moved or end.
 */
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define BEFORE_FROM_S   1800 /* 05, before the open */
#define BEFORE_TO_S     1200
#define AFTER_TO_S      1800 /* 06, after the close */
#define AFTER_MATCH_S   600
#define SINGLE_TO_S     9000 /* 07, after the close; from where 06 ends */
#define SINGLE_STEP_S   600
#define NXT_PRE_FROM_S  3600 /* before the open */
#define NXT_PRE_TO_S    600
#define ORDINARY_OPEN_S 32400

enum place { PLACE_BOOK, PLACE_NXT, PLACE_BEFORE, PLACE_AFTER, PLACE_SINGLE };

static enum place place_of(const struct exch_order *row)
{
	if (strcmp(row->excg, "NXT") == 0)
		return PLACE_NXT;
	if (strcmp(row->dvsn, "05") == 0)
		return PLACE_BEFORE;
	if (strcmp(row->dvsn, "06") == 0)
		return PLACE_AFTER;
	return strcmp(row->dvsn, "07") == 0 ? PLACE_SINGLE : PLACE_BOOK;
}

static int32_t now_s(const struct exchange *ex)
{
	return kst_second_of(ex->now);
}

static bool between(const struct exchange *ex, int32_t from_s, int32_t to_s)
{
	return now_s(ex) >= from_s && now_s(ex) < to_s;
}

static bool nxt_pre(const struct exchange *ex)
{
	if (ex->day.open_s != ORDINARY_OPEN_S && !ex->config.nxt_pre_late)
		return false;
	return between(ex, ex->day.open_s - NXT_PRE_FROM_S, ex->day.open_s - NXT_PRE_TO_S);
}

static bool nxt_main(const struct exchange *ex)
{
	return between(ex, ex->day.open_s + ex->config.nxt_main_s, ex->day.close_s - CORE_CLOSING_S);
}

static bool nxt_after(const struct exchange *ex)
{
	return between(ex, ex->day.close_s, ex->config.sor_end_s);
}

static bool single_price(const struct exchange *ex)
{
	int32_t last = ex->config.single_price_end;

	return (last == 0 || ex->day.day.yyyymmdd <= last) &&
	       between(ex, ex->day.close_s + AFTER_TO_S, ex->day.close_s + SINGLE_TO_S);
}

bool hours_take(const struct exchange *ex, const char *dvsn, const char *excg)
{
	bool regular = ex->phase != EXCH_PHASE_CLOSED;

	if (ex->config.paper)
		return regular && ex->phase != EXCH_PHASE_OPENING_CALL;
	if (strcmp(excg, "NXT") == 0)
		return nxt_pre(ex) || nxt_main(ex) || nxt_after(ex);
	if (strcmp(excg, "SOR") == 0)
		return regular || nxt_pre(ex) || nxt_after(ex);
	if (strcmp(dvsn, "05") == 0)
		return between(ex, ex->day.open_s - BEFORE_FROM_S, ex->day.open_s - BEFORE_TO_S);
	if (strcmp(dvsn, "06") == 0)
		return between(ex, ex->day.close_s, ex->day.close_s + AFTER_TO_S);
	return strcmp(dvsn, "07") == 0 ? single_price(ex) : regular;
}

bool hours_limit_only(const struct exchange *ex, const char *excg)
{
	if (strcmp(excg, "NXT") == 0)
		return !nxt_main(ex);
	return strcmp(excg, "SOR") == 0 && ex->phase == EXCH_PHASE_CLOSED;
}

/* Cancelling is also possible in NXT's pauses. */
bool hours_change(const struct exchange *ex, const struct exch_order *row)
{
	bool routed = strcmp(row->excg, "NXT") == 0 || strcmp(row->excg, "SOR") == 0;

	return hours_take(ex, row->dvsn, row->excg) ||
	       (routed && between(ex, ex->day.open_s - NXT_PRE_FROM_S, hours_end_s(ex, row)));
}

int32_t hours_end_s(const struct exchange *ex, const struct exch_order *row)
{
	int32_t close_s = ex->day.close_s;

	switch (place_of(row)) {
	case PLACE_BEFORE: return ex->day.open_s - BEFORE_TO_S;
	case PLACE_AFTER: return close_s + AFTER_TO_S;
	case PLACE_SINGLE: return close_s + SINGLE_TO_S;
	case PLACE_NXT: return ex->config.sor_end_s > close_s ? ex->config.sor_end_s : close_s;
	case PLACE_BOOK: break;
	}
	return strcmp(row->excg, "SOR") == 0 && ex->config.sor_end_s > close_s ? ex->config.sor_end_s
									       : close_s;
}

bool hours_in_book(const struct exchange *ex, const struct exch_order *row)
{
	enum place place = place_of(row);

	return place == PLACE_BOOK || (place == PLACE_NXT && nxt_main(ex));
}

bool hours_apart(const struct exch_order *row)
{
	return place_of(row) != PLACE_BOOK;
}

bool hours_match(const struct exchange *ex, const struct exch_order *row, bool arriving)
{
	int32_t close_s = ex->day.close_s, after_s = now_s(ex) - close_s;

	switch (place_of(row)) {
	case PLACE_BEFORE: return between(ex, ex->day.open_s - BEFORE_FROM_S, ex->day.open_s - BEFORE_TO_S);
	case PLACE_AFTER: return between(ex, close_s + AFTER_MATCH_S, close_s + AFTER_TO_S);
	case PLACE_SINGLE: /* a call has been when somebody comes at its instant */
		return !arriving && after_s > AFTER_TO_S && after_s <= SINGLE_TO_S &&
		       (after_s - AFTER_TO_S) % SINGLE_STEP_S == 0;
	case PLACE_BOOK:
	case PLACE_NXT: break;
	}
	return false;
}

static void earlier(int64_t *next_us, int64_t at_us, int64_t after_us)
{
	if (at_us > after_us && at_us < *next_us)
		*next_us = at_us;
}

int64_t hours_moment_us(const struct exchange *ex)
{
	const struct exch_day *day = &ex->day;
	const int32_t seconds[] = {
		day->open_s - BEFORE_FROM_S,         day->open_s - BEFORE_TO_S,
		day->open_s + ex->config.nxt_main_s, day->close_s - CORE_CLOSING_S,
		day->close_s + AFTER_MATCH_S,        day->close_s + AFTER_TO_S,
	};
	int64_t next_us = INT64_MAX;

	if (!ex->apart || !day->trading)
		return INT64_MAX;
	for (size_t i = 0; i < ARRAY_COUNT(seconds); i++)
		earlier(&next_us, kst_wall(day->day, seconds[i]).us, ex->moment_done_us);
	for (int32_t s = AFTER_TO_S + SINGLE_STEP_S; s <= SINGLE_TO_S; s += SINGLE_STEP_S)
		earlier(&next_us, kst_wall(day->day, day->close_s + s).us, ex->moment_done_us);
	return next_us;
}
