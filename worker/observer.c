/* observer - watches the day without a certificate: market data, listings, cancels of own orders. It cannot place an order. */
#include <stdio.h>

#include "worker/worker.h"
#include "shared/base/banned.h"

int main(int argc, char **argv)
{
	static struct worker w = {
		.program = "observer", .role = ROLE_OBSERVER, .db_user = "gj_observer", .place = NULL
	};
	struct worker_options opt;
	enum reason why;

	worker_options(argc, argv,
		       "Watches the day: market data, listings, cancels of own orders. Placing an order is "
		       "not part of this program.",
		       false, &opt);
	why = worker_open(&w, &opt);
	if (why == REASON_OK)
		why = worker_take_lease(&w);
	if (why == REASON_OK)
		why = worker_inputs(&w);
	if (why == REASON_OK)
		why = worker_run(&w);
	if (why != REASON_OK)
		worker_refuse(&w, why);
	worker_close(&w);
	return reason_exit(why);
}
