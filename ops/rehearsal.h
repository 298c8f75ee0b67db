/*
 * rehearsal - the driver's state and the parts that are not the order of the day: children, what is left up, the
 * comparison with the simulator's ledger.
 *
 * Owner   cmd_rehearse.c holds the one struct.
 * Errors  enum reason; REASON_REHEARSAL_FAILED when something did not end as it should.
 */
#ifndef GJ_OPS_REHEARSAL_H
#define GJ_OPS_REHEARSAL_H

#include <sys/types.h>

#include "ops/house.h"
#include "shared/base/file.h"

#define REHEARSAL_MARKER      ".gaejang-rehearsal"
#define REHEARSAL_FOLDER_SIZE 400

struct rehearsal {
	char top[REHEARSAL_FOLDER_SIZE], dir[REHEARSAL_FOLDER_SIZE],
		bin[REHEARSAL_FOLDER_SIZE]; /* short: every name below fits a path */
	char gaejang[FILE_PATH_SIZE], conf_path[FILE_PATH_SIZE];
	const char *env; /* whose rules the simulator plays: "real" or "paper" */
	char rest[160], ws[160];
	char appkey[64], appsecret[256];
	struct clock *clock;
	struct clock_seat *seat;
	int child_fd; /* signalfd */
	pid_t wanted_child, broker;
	bool wanted_done, broker_started, interrupted, day_done;
	int wanted_exit, broker_exit;
	int strangers, stranger_exit; /* what the gate left behind and ended */
	int bad_phases;
};
/* Runs argv[0] with `input` on standard input (NULL: ours) and waits; virtual time goes on meanwhile. */
enum reason rehearsal_run(struct rehearsal *r, const char *input, const char *const *argv, int *out_exit);
/* Until the instant, a child's end or a signal, whichever is first. */
enum reason rehearsal_wait(struct rehearsal *r, struct wall until);
/* Remembers a process in DIR/pids, so that a later call can end it by pid and start time. */
enum reason rehearsal_note_pid(struct rehearsal *r, const char *name, pid_t pid);
/* Ends worker or observer, simulator and database of DIR, each by its pid, and says so. Nothing there is fine. */
enum reason rehearsal_stop_left(struct rehearsal *r);
/* Our rows against the simulator's ledger: per order, per symbol, per day. Prints the table. */
enum reason rehearsal_compare(struct rehearsal *r, bool *out_same);

#endif
