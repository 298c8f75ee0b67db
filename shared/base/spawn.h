/*
 * spawn - starts another of our programs without losing the virtual clock between fork and exec.
 *
 * Shape   the child adopts its seat, resets signals, optionally leaves the session, then execs; the call returns once the
 *         exec is done or has failed, so that no time can pass in between and a missing program is an error here.
 * Owner   the caller reaps the child.
 * Errors  REASON_FILE_MISSING, REASON_FILE_RIGHTS (exec), REASON_NO_MEMORY (fork), REASON_CLOCK_FILE.
 */
#ifndef GJ_BASE_SPAWN_H
#define GJ_BASE_SPAWN_H

#include <sys/types.h>

#include "shared/base/clock.h"

struct spawn {
	const char *path;
	const char *const *argv;
	int stdin_fd, stdout_fd, stderr_fd; /* -1 = the caller's */
	bool session; /* of its own: outlives the caller's terminal */
	bool joins; /* takes part in the clock, or ends soon */
};
#define SPAWN_INIT                                                                                           \
	{                                                                                                    \
		.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .joins = true                              \
	}

/* clk NULL or real: no adoption. */
enum reason spawn_start(struct clock *clk, const struct spawn *order, pid_t *out_child);

#endif
