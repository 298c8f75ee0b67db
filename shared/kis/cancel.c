/* cancel - ends an order; it cannot begin one. */
#include "shared/kis/kis.h"
#include "shared/base/banned.h"

enum reason kis_cancel_once(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			    struct kis_order_result *out)
{
	if (ticket->kind != INTENT_CANCEL)
		return reason_set(REASON_INTERNAL, "a cancel was asked to place an order; nothing was sent");
	return kis_post_once(kis, ticket, mark_age_max_ms, out);
}
