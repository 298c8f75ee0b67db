/*
 * process - other processes of this host, by pid and start time; a pid alone may be somebody else's by now.
 *
 * Errors  none: a process that is not there has start time 0; a zombie is not alive.
 */
#ifndef GJ_OPS_PROCESS_H
#define GJ_OPS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int64_t process_start(pid_t pid); /* ticks since boot, field 22 of its stat line; 0 = no such process */
bool process_alive(pid_t pid);
/* pid of a lease holder "host:pid:boot" when it is of this host and this boot, else 0. */
pid_t process_of_holder(const char *holder);

#endif
