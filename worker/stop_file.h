/*
 * stop_file - the stop that needs no database: STATE_DIR/stop-ACCOUNT.
 *
 * Shape   four lines: mode, person, reason, time. There or not there; there but unreadable means HALT.
 * Errors  REASON_FILE_*; reading never fails upwards: what cannot be read is HALT, REASON_STOP_UNREADABLE.
 */
#ifndef GJ_WORKER_STOP_FILE_H
#define GJ_WORKER_STOP_FILE_H

#include "shared/base/kst.h"
#include "shared/base/limits.h"
#include "shared/base/reason.h"
#include "shared/trade/mode.h"

struct stop_word {
	enum mode mode;
	char person[PERSON_SIZE];
	char reason[200];
	struct wall at;
};
enum reason stop_file_write(const char *state_dir, const char *account, const struct stop_word *word);
enum reason stop_file_remove(const char *state_dir, const char *account); /* none there: fine */
/* *out_there false = no stop. There: *out holds it, or HALT with a reason that says it was unreadable. */
void stop_file_read(const char *state_dir, const char *account, bool *out_there, struct stop_word *out);

#endif
