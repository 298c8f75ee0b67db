/*
 * notice - own order and fill notices: AES-256-CBC, then 23 or 26 fields. A hint, never fill truth.
 *
 * Errors  REASON_NOTICE_PLAIN for an unencrypted one (dropped), REASON_NOTICE_KEY, REASON_FRAME_SHAPE.
 */
#ifndef GJ_KIS_NOTICE_H
#define GJ_KIS_NOTICE_H

#include "shared/kis/frame.h"
#include "shared/trade/order.h"

struct notice_key {
	char key[33], iv[17];
	bool known;
};
enum notice_kind {
	NOTICE_ACCEPTED,
	NOTICE_REJECTED,
	NOTICE_FILL,
	NOTICE_CHANGED,
	NOTICE_CANCELLED,
	NOTICE_OTHER
};
struct notice {
	enum notice_kind kind;
	char account[16]; /* 8 + 2 digits as on the wire */
	char odno[ODNO_SIZE], orig_odno[ODNO_SIZE], branch[BRANCH_SIZE];
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	int64_t qty, price_won; /* of the fill, or of the order where kind is not FILL */
	int64_t order_qty;
	int32_t time_s;
};
enum reason notice_read(const struct frame *frame, const struct notice_key *key, struct notice *rows,
			int room, int *out_count);

#endif
