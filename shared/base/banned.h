/*
 * banned - calls that have cost somebody money stop the build here.
 *
 * Unbounded copies, silent truncation, and every function that asks the host for its time zone.
 * Include last, after the system headers. A file that must use one says why and #undefs it.
 */
#ifndef GJ_BASE_BANNED_H
#define GJ_BASE_BANNED_H

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r gets
#pragma GCC poison atoi atol atoll atof gmtime localtime localtime_r mktime ctime asctime

#endif
