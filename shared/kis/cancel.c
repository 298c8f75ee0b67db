/* cancel - ends an order; it cannot begin one: nothing in here, or behind it, writes the body of a new order. */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/kis/post.h"
#include "shared/base/banned.h"

static enum reason ticket_check(const struct kis_order_ticket *ticket)
{
	char normal[ODNO_SIZE];
	enum reason why = ticket_common(ticket);

	if (why != REASON_OK)
		return why;
	if (!odno_normal(ticket->orig_odno, strlen(ticket->orig_odno), normal) ||
	    strcmp(normal, ticket->orig_odno) != 0)
		return ticket_bad("original order number");
	if (strspn(ticket->branch, "0123456789") != strlen(ticket->branch))
		return ticket_bad("branch");
	return REASON_OK;
}

/* Always all of the remainder: with QTY_ALL_ORD_YN the quantity is ignored. */
static size_t body_write(const struct kis *kis, const struct kis_order_ticket *ticket,
			 char out[static ORDER_BODY_SIZE])
{
	const struct kis_keys *keys = kis->setup.keys;
	int len;

	len = snprintf(out, ORDER_BODY_SIZE,
		       "{\"CANO\":\"%s\",\"ACNT_PRDT_CD\":\"%s\",\"KRX_FWDG_ORD_ORGNO\":\"%s\","
		       "\"ORGN_ODNO\":\"%s\",\"ORD_DVSN\":\"00\",\"RVSE_CNCL_DVSN_CD\":\"02\","
		       "\"ORD_QTY\":\"0\",\"ORD_UNPR\":\"0\",\"QTY_ALL_ORD_YN\":\"Y\","
		       "\"EXCG_ID_DVSN_CD\":\"%s\"}",
		       keys->cano, keys->product, ticket->branch, ticket->orig_odno, ticket->excg);
	BUG_IF(len < 0 || len >= ORDER_BODY_SIZE, "a cancel's body fits");
	return (size_t)len;
}

enum reason kis_cancel_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			    struct kis_order_result *out)
{
	char body[ORDER_BODY_SIZE];
	enum reason why;

	why = ticket_spend(ticket, out);
	if (why == REASON_OK && ticket->kind != INTENT_CANCEL)
		why = ticket_bad("kind: it is not a cancel");
	if (why == REASON_OK)
		why = ticket_check(ticket);
	if (why != REASON_OK)
		return why;
	return order_post(kis, CALL_ORDER_CHANGE, ticket, mark_age_max_ms, body,
			  body_write(kis, ticket, body), out);
}
