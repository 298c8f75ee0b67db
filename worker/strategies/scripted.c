/*
 * scripted - does what a file of signals says, once each. For rehearsals: it decides nothing, so the way from a decision to
 * the broker's ledger can be driven exactly. Refused outside rehearsal.
 */
#include <string.h>

#include "worker/strategy.h"
#include "shared/base/banned.h"

enum { PARAM_SHARE_BP, PARAM_COUNT };
static const struct strategy_param params_table[PARAM_COUNT] = {
	[PARAM_SHARE_BP] = { "share_bp", 1, 10000, 10000, "bp",
			     "share of each signal's quantity that is ordered" },
};

static struct strategy_decision step(const struct strategy_params *params, const struct strategy_view *view,
				     void *state)
{
	const struct strategy_signal *due = view->due;
	struct strategy_decision wish = { .want = WANT_NOTHING };

	(void)state;
	if (!due || due->qty > INT64_MAX / 10000)
		return wish;
	wish.want = due->side == SIDE_BUY ? WANT_BUY : WANT_SELL;
	wish.type = due->type;
	wish.qty = due->qty * params->values[PARAM_SHARE_BP] / 10000;
	wish.price_won = due->price_won;
	memcpy(wish.code, due->code, sizeof(wish.code));
	return wish;
}

extern const struct strategy strategy_scripted;
const struct strategy strategy_scripted = {
	.name = "scripted",
	.version = 1,
	.rehearsal_only = true,
	.params = params_table,
	.param_count = PARAM_COUNT,
	.step = step,
};
