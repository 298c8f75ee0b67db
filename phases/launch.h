/*
 * launch - starts the realtime program detached and waits until it says in the lease row that it is up; stops an observer.
 *
 * Errors  REASON_GATE_LAUNCH when the program ended, did not come up in time (it is then ended, so that it cannot come up
 *         later) or an observer does not give way.
 */
#ifndef GJ_PHASES_LAUNCH_H
#define GJ_PHASES_LAUNCH_H

#include <sys/types.h>

#include "phases/phase.h"

struct launch {
	const char *program; /* "worker", "observer" */
	int64_t certificate_id; /* 0: none is given */
	int64_t epoch; /* the lease epoch it must show; 0: any */
};
/* The caller has given back its lease. *out_pid: the program that runs. */
enum reason launch(struct phase *ph, const struct launch *what, pid_t *out_pid);
/* Asks the observer that holds the lease (ph->lease) to stop and waits until the lease is free. */
enum reason launch_stop_observer(struct phase *ph);

#endif
