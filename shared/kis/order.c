/*
 * The only file that can write a new order. It is an object of its own, so a program that calls nothing in here has no
 * such code in it.
 */
#include <stdio.h>

#include "shared/base/bug.h"
#include "shared/kis/post.h"
#include "shared/base/banned.h"

#define QTY_MAX INT64_C(9999999999) /* ten digits on the wire */

static enum reason ticket_check(const struct kis_order_ticket *ticket)
{
	enum reason why = ticket_common(ticket);

	if (why != REASON_OK)
		return why;
	if (ticket->qty < 1 || ticket->qty > QTY_MAX)
		return ticket_bad("quantity");
	if (ticket->type == TYPE_LIMIT ? ticket->price_won < 1 : ticket->price_won != 0)
		return ticket_bad("price");
	return REASON_OK;
}

static size_t body_write(const struct kis *kis, const struct kis_order_ticket *ticket,
			 char out[static ORDER_BODY_SIZE])
{
	const struct kis_keys *keys = kis->setup.keys;
	int len;

	len = snprintf(out, ORDER_BODY_SIZE,
		       "{\"CANO\":\"%s\",\"ACNT_PRDT_CD\":\"%s\",\"PDNO\":\"%s\",\"ORD_DVSN\":\"%s\","
		       "\"ORD_QTY\":\"%lld\",\"ORD_UNPR\":\"%lld\",\"EXCG_ID_DVSN_CD\":\"%s\"}",
		       keys->cano, keys->product, ticket->symbol, ticket->type == TYPE_LIMIT ? "00" : "01",
		       (long long)ticket->qty, (long long)ticket->price_won, ticket->excg);
	BUG_IF(len < 0 || len >= ORDER_BODY_SIZE, "an order body fits");
	return (size_t)len;
}

enum reason kis_post_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			  struct kis_order_result *out)
{
	char body[ORDER_BODY_SIZE];
	enum reason why;

	if (ticket->kind == INTENT_CANCEL)
		return kis_cancel_once(kis, ticket, mark_age_max_ms, out);
	why = ticket_spend(ticket, out);
	if (why == REASON_OK)
		why = ticket_check(ticket);
	if (why != REASON_OK)
		return why;
	return order_post(kis, ticket->side == SIDE_BUY ? CALL_ORDER_BUY : CALL_ORDER_SELL, ticket,
			  mark_age_max_ms, body, body_write(kis, ticket, body), out);
}
