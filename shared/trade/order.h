/*
 * order - the life of one order, one table, one function that moves.
 *
 *   RECORDED --send-mark--> SENDING --accepted--> OPEN --partial--> PARTIAL --complete--> FILLED
 *      |                      |  \--refused--> REJECTED   \--cancelled--> CANCELLED
 *      \--never-sent-->       |                            \--expired--> EXPIRED (day order dead at the close)
 *                             |                            \--rejected late--> REJECTED (nothing was filled)
 *        NEVER_SENT           \--doubt--> IN_DOUBT --found--> OPEN/PARTIAL/FILLED/CANCELLED/EXPIRED
 *                                                  --refused (definite)--> REJECTED
 *                                                  --absent (rule)--> NEVER_ARRIVED
 *   SENDING goes to NEVER_SENT too, but only by the sender itself, which knows that not one byte left.
 *
 * True in each state: RECORDED: one durable mark, nothing was sent. SENDING: two marks, the POST may be under way.
 * IN_DOUBT: it may or may not live at the broker. OPEN, PARTIAL: the broker has it under `odno`. Filled shares are
 * kept in every state. Nothing ends doubt but the broker's own row, a definite refusal, or the absence rule.
 *
 * Units   *_won won, *_qty shares, times KST wall.
 * Errors  a move that the table does not hold returns REASON_ORDER_FORBIDDEN and changes nothing.
 */
#ifndef GJ_TRADE_ORDER_H
#define GJ_TRADE_ORDER_H

#include <stdint.h>

#include "shared/base/kst.h"
#include "shared/base/limits.h"
#include "shared/base/reason.h"

enum order_side { SIDE_BUY, SIDE_SELL };
enum order_type { TYPE_LIMIT, TYPE_MARKET };
enum order_owner { OWNER_SYS, OWNER_EXT };
enum intent_kind { INTENT_NEW, INTENT_CANCEL };

enum order_state {
	ORDER_NONE, /* before the first mark */
	ORDER_RECORDED,
	ORDER_SENDING,
	ORDER_IN_DOUBT,
	ORDER_OPEN,
	ORDER_PARTIAL,
	ORDER_FILLED,
	ORDER_CANCELLED,
	ORDER_EXPIRED,
	ORDER_REJECTED,
	ORDER_NEVER_SENT,
	ORDER_NEVER_ARRIVED,
	ORDER_STATE_COUNT
};
enum order_event {
	OEV_RECORD, /* first durable mark */
	OEV_SEND_MARK, /* second durable mark, before the first byte */
	OEV_ACCEPTED, /* the broker gave a number */
	OEV_REFUSED, /* definite refusal, whitelist */
	OEV_DOUBT, /* the answer is lost or unreadable */
	OEV_FOUND, /* bound to a row of a complete listing */
	OEV_PARTIAL_FILL, /* cumulative grew, below the quantity */
	OEV_COMPLETE_FILL, /* cumulative reached the quantity */
	OEV_CANCEL_DONE, /* the broker's row: remainder cancelled */
	OEV_EXPIRE, /* day order listed as rejected after the session, once OPEN */
	OEV_REJECTED_LATE, /* the exchange refused after acceptance, nothing filled */
	OEV_NEVER_SENT, /* recorded, no send mark, the sender is gone */
	OEV_ABSENT, /* the absence rule holds */
	ORDER_EVENT_COUNT
};

struct order {
	int64_t intent_id;
	struct kst_day day;
	enum order_owner owner;
	enum intent_kind kind;
	int64_t target_intent_id; /* cancel: the order it ends; else 0 */
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	enum order_type type;
	int64_t qty, price_won; /* price 0 for market */
	char excg[EXCG_SIZE]; /* "KRX" */
	enum order_state state;
	char odno[ODNO_SIZE]; /* "" until known */
	char orig_odno[ODNO_SIZE];
	char branch[BRANCH_SIZE];
	int64_t filled_qty, filled_won;
	struct wall recorded, sent; /* sent.us 0 = no second mark */
	struct wall bound; /* when bound by likeness, watched for T_ABS; 0 = by number */
	bool cancel_wanted; /* our own cancel of it was recorded */
	bool modify_wanted; /* our own change of it was sent; its new number may not be known */
};

enum reason order_move(enum order_state from, enum order_event event, enum order_state *out_to);
bool order_final(enum order_state state);
bool order_live(enum order_state state); /* may still fill: SENDING, IN_DOUBT, OPEN, PARTIAL */
bool order_undecided(enum order_state state); /* RECORDED, SENDING, IN_DOUBT */
const char *order_state_text(enum order_state state);
bool order_state_parse(const char *text, enum order_state *out);
const char *order_event_text(enum order_event event);
bool order_event_parse(const char *text, enum order_event *out);
const char *order_side_text(enum order_side side);
bool order_side_parse(const char *text, enum order_side *out);

/* Normal form of an order number: blanks stripped, leading zeros stripped, padded to ten digits. False for empty text, for
 * zeros only (paper's way to write "none"), for anything but digits, and over ten digits. */
bool odno_normal(const char *text, size_t text_len, char out[static ODNO_SIZE]);

/* ---- fill records from cumulative truth ---- */
struct fill {
	int64_t fill_id; /* 0 until stored */
	int64_t intent_id; /* 0 for EXT */
	struct kst_day day;
	char odno[ODNO_SIZE];
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	enum order_owner owner;
	int64_t from_qty, to_qty; /* cumulative before and after */
	int64_t amount_won; /* gross won of the difference */
	struct wall at; /* when we learnt it */
};
/* Difference between what we hold and a complete listing's cumulative. *out_any false = nothing new.
 * Errors REASON_CUM_DECREASED, REASON_OVERFILL, REASON_ROW_INCONSISTENT (shares without amount or the reverse). */
enum reason fill_advance(const struct order *order, int64_t cum_qty, int64_t cum_won, struct wall at,
			 struct fill *out, bool *out_any);

#endif
