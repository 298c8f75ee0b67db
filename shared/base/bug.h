/*
 * bug - a broken invariant ends the process with file and line; outside data never comes here.
 *
 * Shape   BUG_IF(condition, "what was believed"). Always compiled in.
 * Errors  writes one line to standard error and abort()s; programs that catch SIGABRT exit 70.
 */
#ifndef GJ_BASE_BUG_H
#define GJ_BASE_BUG_H

#include <stddef.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BUG_IF(condition, believed)                                                                          \
	do {                                                                                                 \
		if (__builtin_expect(!!(condition), 0))                                                      \
			bug_stop(__FILE__, __LINE__, __func__, #condition, believed);                        \
	} while (0)

_Noreturn void bug_stop(const char *file, int line, const char *function, const char *condition,
			const char *believed);

#endif
