/*
 * channel - the way an alert leaves the host: nowhere on purpose, a line in a file, or a command with the text on its
 * standard input and level, code as arguments.
 *
 * Shape   struct channel, from the configuration, or from a file that conf_load refused: the three keys of the channel
 *         are then read by themselves, because a mistake elsewhere in the file is just what must be told.
 * Owner   the caller; holds no pointers, so there is nothing to release.
 * Errors  REASON_FILE_*, REASON_ALERTS_UNSET when the keys are not there or not clear, REASON_NO_ANSWER when the command
 *         fails or takes over 10 s of real time.
 */
#ifndef GJ_OPS_CHANNEL_H
#define GJ_OPS_CHANNEL_H

#include "shared/base/conf.h"
#include "shared/base/file.h"
#include "shared/base/kst.h"

#define CHANNEL_AGAIN_S                                                                                      \
	(30 * 60) /* what lasts is told again after this: a reminder, not a flood of one a minute */

struct channel {
	char kind[8]; /* none, file, command */
	char target[FILE_PATH_SIZE];
	char state_dir[FILE_PATH_SIZE]; /* where it remembers what it told; "" when not known */
};
void channel_of_conf(const struct conf *cfg, struct channel *out);
/* path NULL: as conf_load. A file that others may write is not believed: it could name a command to run. */
enum reason channel_of_file(const char *path, struct channel *out);

enum reason channel_send(const struct channel *channel, const char *level, const char *code,
			 const char *text);
/* channel_send, but the same code and text go out once in CHANNEL_AGAIN_S. `who` names the memory in state_dir; where that
 * cannot be kept it is sent each time, and what failed to be sent is not remembered. */
enum reason channel_send_once(const struct channel *channel, const char *who, const char *level,
			      const char *code, const char *text, struct wall now);
/* The trouble is over: the same words are news again. */
void channel_forget(const struct channel *channel, const char *who);

#endif
