/*
 * channel - the way an alert leaves the host: nowhere on purpose, a line in a file, or a command with the text on its
 * standard input and level, code as arguments.
 *
 * Errors  REASON_FILE_*, REASON_NO_ANSWER when the command fails or takes over 10 s of real time.
 */
#ifndef GJ_OPS_CHANNEL_H
#define GJ_OPS_CHANNEL_H

#include "shared/base/conf.h"

enum reason channel_send(const struct conf *cfg, const char *level, const char *code, const char *text);

#endif
