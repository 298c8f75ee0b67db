/* order_place - the only way from an intent to a new order at the broker. Linked into bin/worker alone. */
#include "worker/worker.h"
#include "shared/base/banned.h"

enum reason order_place(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			struct kis_order_result *out)
{
	return kis_post_once(kis, ticket, mark_age_max_ms, out);
}
