/*
 * log - one event, one line: time level program key=value ...
 *
 * Shape   log_event(LOG_INFO, "phase-end", "phase=%s status=%s took_ms=%lld", ...). The line is built in place
 *         (1,024 bytes, longer ones are refused with a line that says so), written with one write(2).
 * Owner   the program opens once; threads share it.
 * Errors  a line that cannot be written is counted (log_lost) and never stops the caller.
 *         Redaction is an allow-list: a key that is not in log_keys.def is printed as key=?; values that look
 *         like a registered secret (log_secret) are printed as key=[sealed].
 */
#ifndef GJ_BASE_LOG_H
#define GJ_BASE_LOG_H

#include <stdint.h>

#include "shared/base/clock.h"

enum log_level { LOG_INFO, LOG_WARN, LOG_ERROR, LOG_BUG };

/* path NULL = standard error */
enum reason log_open(const char *program, const char *path, const struct clock *clk);
void log_close(void);
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_secret(const char *secret, size_t secret_len); /* never print this value; kept as a keyed hash */
uint64_t log_lost(void);

#endif
