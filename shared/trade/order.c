/* order - the transition table, the words of its states and events, order numbers, and fills from
 * cumulatives. */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/order.h"
#include "shared/base/banned.h"

/*
 * Zero is ORDER_NONE and means forbidden: no event leads back to it. A final state has no row that leaves it:
 * what the broker tells about a final order afterwards is a finding for a person, never a move.
 *
 * SENDING and IN_DOUBT take the same events, since a sender that died in SENDING is in doubt. The broker's
 * own row ends doubt in one step, whatever it says: a doubtful order whose row is filled becomes FILLED and
 * never was OPEN. OEV_REFUSED is the answer to the POST; a refusal after a number was given is
 * OEV_REJECTED_LATE. Nothing filled can be rejected, so PARTIAL does not take it.
 */
/* clang-format off */
#define DOUBTFUL_MOVES                       \
	[OEV_ACCEPTED] = ORDER_OPEN,         \
	[OEV_REFUSED] = ORDER_REJECTED,      \
	[OEV_DOUBT] = ORDER_IN_DOUBT,        \
	[OEV_FOUND] = ORDER_OPEN,            \
	[OEV_PARTIAL_FILL] = ORDER_PARTIAL,  \
	[OEV_COMPLETE_FILL] = ORDER_FILLED,  \
	[OEV_CANCEL_DONE] = ORDER_CANCELLED, \
	[OEV_EXPIRE] = ORDER_EXPIRED,        \
	[OEV_REJECTED_LATE] = ORDER_REJECTED,\
	[OEV_ABSENT] = ORDER_NEVER_ARRIVED

static const uint8_t order_next[ORDER_STATE_COUNT][ORDER_EVENT_COUNT] = {
	[ORDER_NONE] = { [OEV_RECORD] = ORDER_RECORDED },
	[ORDER_RECORDED] = { [OEV_SEND_MARK] = ORDER_SENDING, [OEV_NEVER_SENT] = ORDER_NEVER_SENT },
	/* NEVER_SENT only by the sender itself, which knows that no byte left; nobody else can say so of a marked order. */
	[ORDER_SENDING] = { DOUBTFUL_MOVES, [OEV_NEVER_SENT] = ORDER_NEVER_SENT },
	[ORDER_IN_DOUBT] = { DOUBTFUL_MOVES },
	[ORDER_OPEN] = {
		[OEV_FOUND] = ORDER_OPEN,
		[OEV_PARTIAL_FILL] = ORDER_PARTIAL,
		[OEV_COMPLETE_FILL] = ORDER_FILLED,
		[OEV_CANCEL_DONE] = ORDER_CANCELLED,
		[OEV_EXPIRE] = ORDER_EXPIRED,
		[OEV_REJECTED_LATE] = ORDER_REJECTED,
	},
	[ORDER_PARTIAL] = {
		[OEV_FOUND] = ORDER_PARTIAL,
		[OEV_PARTIAL_FILL] = ORDER_PARTIAL,
		[OEV_COMPLETE_FILL] = ORDER_FILLED,
		[OEV_CANCEL_DONE] = ORDER_CANCELLED,
		[OEV_EXPIRE] = ORDER_EXPIRED,
	},
};
/* clang-format on */

static const char *const state_texts[ORDER_STATE_COUNT] = {
	[ORDER_NONE] = "NONE",
	[ORDER_RECORDED] = "RECORDED",
	[ORDER_SENDING] = "SENDING",
	[ORDER_IN_DOUBT] = "IN_DOUBT",
	[ORDER_OPEN] = "OPEN",
	[ORDER_PARTIAL] = "PARTIAL",
	[ORDER_FILLED] = "FILLED",
	[ORDER_CANCELLED] = "CANCELLED",
	[ORDER_EXPIRED] = "EXPIRED",
	[ORDER_REJECTED] = "REJECTED",
	[ORDER_NEVER_SENT] = "NEVER_SENT",
	[ORDER_NEVER_ARRIVED] = "NEVER_ARRIVED",
};

static const char *const event_texts[ORDER_EVENT_COUNT] = {
	[OEV_RECORD] = "record",
	[OEV_SEND_MARK] = "send-mark",
	[OEV_ACCEPTED] = "accepted",
	[OEV_REFUSED] = "refused",
	[OEV_DOUBT] = "doubt",
	[OEV_FOUND] = "found",
	[OEV_PARTIAL_FILL] = "partial-fill",
	[OEV_COMPLETE_FILL] = "complete-fill",
	[OEV_CANCEL_DONE] = "cancel-done",
	[OEV_EXPIRE] = "expire",
	[OEV_REJECTED_LATE] = "rejected-late",
	[OEV_NEVER_SENT] = "never-sent",
	[OEV_ABSENT] = "absent",
};

static const char *const side_texts[] = {
	[SIDE_BUY] = "BUY",
	[SIDE_SELL] = "SELL",
};

enum reason order_move(enum order_state from, enum order_event event, enum order_state *out_to)
{
	uint8_t to = ORDER_NONE;

	if ((unsigned)from < ORDER_STATE_COUNT && (unsigned)event < ORDER_EVENT_COUNT)
		to = order_next[from][event];
	if (to == ORDER_NONE)
		return reason_set(REASON_ORDER_FORBIDDEN, "an order in state %s does not take the event %s",
				  order_state_text(from), order_event_text(event));
	*out_to = (enum order_state)to;
	return REASON_OK;
}

bool order_final(enum order_state state)
{
	switch (state) {
	case ORDER_FILLED:
	case ORDER_CANCELLED:
	case ORDER_EXPIRED:
	case ORDER_REJECTED:
	case ORDER_NEVER_SENT:
	case ORDER_NEVER_ARRIVED: return true;
	default: return false;
	}
}

bool order_live(enum order_state state)
{
	return state == ORDER_SENDING || state == ORDER_IN_DOUBT || state == ORDER_OPEN ||
	       state == ORDER_PARTIAL;
}

bool order_undecided(enum order_state state)
{
	return state == ORDER_RECORDED || state == ORDER_SENDING || state == ORDER_IN_DOUBT;
}

static bool text_find(const char *text, const char *const *texts, size_t text_count, int *out)
{
	if (!text)
		return false;
	for (size_t i = 0; i < text_count; i++) {
		if (strcmp(text, texts[i]) == 0) {
			*out = (int)i;
			return true;
		}
	}
	return false;
}

const char *order_state_text(enum order_state state)
{
	return (unsigned)state < ORDER_STATE_COUNT ? state_texts[state] : "?";
}

bool order_state_parse(const char *text, enum order_state *out)
{
	int found;

	if (!text_find(text, state_texts, ORDER_STATE_COUNT, &found))
		return false;
	*out = (enum order_state)found;
	return true;
}

const char *order_event_text(enum order_event event)
{
	return (unsigned)event < ORDER_EVENT_COUNT ? event_texts[event] : "?";
}

bool order_event_parse(const char *text, enum order_event *out)
{
	int found;

	if (!text_find(text, event_texts, ORDER_EVENT_COUNT, &found))
		return false;
	*out = (enum order_event)found;
	return true;
}

const char *order_side_text(enum order_side side)
{
	return (size_t)side < ARRAY_COUNT(side_texts) ? side_texts[side] : "?";
}

bool order_side_parse(const char *text, enum order_side *out)
{
	int found;

	if (!text_find(text, side_texts, ARRAY_COUNT(side_texts), &found))
		return false;
	*out = (enum order_side)found;
	return true;
}

bool odno_normal(const char *text, size_t text_len, char out[static ODNO_SIZE])
{
	enum { DIGITS = 10 };
	size_t from = 0, to = text_len, len;

	_Static_assert(ODNO_SIZE > DIGITS, "a number and its NUL must fit");
	if (!text)
		return false;
	while (from < to && text[from] == ' ')
		from++;
	while (to > from && text[to - 1] == ' ')
		to--;
	for (size_t i = from; i < to; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	while (from < to && text[from] == '0')
		from++;
	len = to - from;
	if (len == 0 || len > DIGITS) /* empty and all zeros both mean "no number" on the wire */
		return false;
	memset(out, '0', DIGITS);
	memcpy(out + DIGITS - len, text + from, len);
	out[DIGITS] = '\0';
	return true;
}

enum reason fill_advance(const struct order *order, int64_t cum_qty, int64_t cum_won, struct wall at,
			 struct fill *out, bool *out_any)
{
	struct fill fill = { 0 };

	if (order->filled_qty < 0 || order->filled_won < 0)
		return reason_set(REASON_ROW_INCONSISTENT, "order %s of %s: its stored fills are below zero",
				  order->odno, order->symbol);
	if (cum_qty < order->filled_qty || cum_won < order->filled_won)
		return reason_set(
			REASON_CUM_DECREASED,
			"order %s of %s: the list has %lld shares for %lld won, we hold %lld for %lld; "
			"a cumulative never falls: compare the list with the fill records",
			order->odno, order->symbol, (long long)cum_qty, (long long)cum_won,
			(long long)order->filled_qty, (long long)order->filled_won);
	if (cum_qty > order->qty)
		return reason_set(REASON_OVERFILL, "order %s of %s: %lld shares filled of %lld ordered",
				  order->odno, order->symbol, (long long)cum_qty, (long long)order->qty);
	if ((cum_qty > order->filled_qty) != (cum_won > order->filled_won))
		return reason_set(REASON_ROW_INCONSISTENT,
				  "order %s of %s: shares went from %lld to %lld, won from %lld to %lld; one "
				  "moved without "
				  "the other",
				  order->odno, order->symbol, (long long)order->filled_qty,
				  (long long)cum_qty, (long long)order->filled_won, (long long)cum_won);
	if (cum_qty == order->filled_qty) {
		*out_any = false;
		return REASON_OK;
	}
	fill.intent_id = order->intent_id;
	fill.day = order->day;
	memcpy(fill.odno, order->odno, sizeof(fill.odno));
	memcpy(fill.symbol, order->symbol, sizeof(fill.symbol));
	fill.side = order->side;
	fill.owner = order->owner;
	fill.from_qty = order->filled_qty;
	fill.to_qty = cum_qty;
	fill.amount_won = cum_won - order->filled_won;
	fill.at = at;
	*out = fill;
	*out_any = true;
	return REASON_OK;
}
