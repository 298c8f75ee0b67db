/* worker - trades the day on the gate's certificate. Reads frozen inputs, runs the engine until the session is over. */
#include <stdio.h>

#include "worker/worker.h"
#include "shared/base/banned.h"

int main(int argc, char **argv)
{
	static struct worker w = {
		.program = "worker", .role = ROLE_WORKER, .db_user = "gj_worker", .place = order_place
	};
	struct worker_options opt;
	enum reason why;

	worker_options(argc, argv,
		       "Trades the day. Started by the gate with its certificate; by hand it refuses.", true,
		       &opt);
	why = worker_open(&w, &opt);
	if (why == REASON_OK)
		why = worker_take_certificate(&w, opt.certificate_id);
	if (why == REASON_OK)
		why = worker_run(&w);
	if (why != REASON_OK)
		worker_refuse(&w, why);
	worker_close(&w);
	return reason_exit(why);
}
