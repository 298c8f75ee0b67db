/*
 * reason - why a thing ended as it did: one list gives the enum, the stored code, the text and the exit status.
 *
 * Shape   REASON(name, number, kind, code, text). `code` is what rows, logs, alerts and the runbook carry.
 *         Numbers are stored: append inside the room's range, never reuse, never reorder.
 *         Ranges: base 0-99, store 100-199, kis 200-299, trade 300-399, phases and gate 400-499,
 *         worker 500-599, operator's programs 600-699.
 * Owner   the failing function records the sentence with reason_set(); it lives in the calling thread
 *         until the next reason_set(). The program, never the library, prints it.
 * Errors  none.
 */
#ifndef GJ_BASE_REASON_H
#define GJ_BASE_REASON_H

#include <stddef.h>

/* DONE: it worked. FAIL: the answer is no. The rest is trouble; the kind fixes the exit status. */
enum reason_kind {
	KIND_DONE, /* exit 0 */
	KIND_FAIL, /* exit 1: trusted answer, and it is no */
	KIND_USAGE, /* exit 64: command line */
	KIND_AWAY, /* exit 69: broker or database away */
	KIND_BUG, /* exit 70 */
	KIND_UNKNOWN, /* exit 75: no answer, asking again may help */
	KIND_RIGHTS, /* exit 77: file mode, login, key */
	KIND_CONFIG, /* exit 78: configuration */
};

#define REASONS(X)                                                                                           \
	X(OK, 0, DONE, "ok", "done")                                                                         \
	X(BAD_USAGE, 1, USAGE, "bad-usage", "the command line is not understood")                            \
	X(CONF_MISSING, 2, CONFIG, "conf-missing", "a required setting is missing")                          \
	X(CONF_UNKNOWN, 3, CONFIG, "conf-unknown", "a setting is not known")                                 \
	X(CONF_DUPLICATE, 4, CONFIG, "conf-duplicate", "a setting is given twice")                           \
	X(CONF_RANGE, 5, CONFIG, "conf-range", "a setting is out of range or of the wrong type")             \
	X(CONF_SYNTAX, 6, CONFIG, "conf-syntax", "a line of the configuration is not understood")            \
	X(CONF_FILE, 7, CONFIG, "conf-file", "the configuration file cannot be read")                        \
	X(FILE_MODE, 8, RIGHTS, "file-mode", "a secret file may be read by others")                          \
	X(FILE_RIGHTS, 9, RIGHTS, "file-rights", "a file may not be opened")                                 \
	X(FILE_MISSING, 10, CONFIG, "file-missing", "a file is missing")                                     \
	X(FILE_IO, 11, UNKNOWN, "file-io", "a file could not be read or written")                            \
	X(FILE_SHAPE, 12, CONFIG, "file-shape", "a file does not hold what it should")                       \
	X(NO_MEMORY, 13, UNKNOWN, "no-memory", "memory is exhausted")                                        \
	X(DEADLINE, 14, UNKNOWN, "deadline", "the deadline passed")                                          \
	X(INTERRUPTED, 15, UNKNOWN, "interrupted", "a signal ended it")                                      \
	X(BAD_NUMBER, 16, FAIL, "bad-number", "a number is not one, or does not fit")                        \
	X(BAD_DAY, 17, FAIL, "bad-day", "a date is not one")                                                 \
	X(CALENDAR_UNKNOWN, 18, UNKNOWN, "calendar-unknown",                                                 \
	  "the calendar has no certain answer for the day")                                                  \
	X(CALENDAR_FILE, 19, CONFIG, "calendar-file", "a calendar table cannot be read")                     \
	X(CLOCK_FILE, 20, CONFIG, "clock-file", "the virtual clock's file cannot be used")                   \
	X(CLOCK_STOPPED, 21, UNKNOWN, "clock-stopped", "the virtual clock was closed")                       \
	X(OVERFLOW, 22, FAIL, "overflow", "a result does not fit")                                           \
	X(INTERNAL, 23, BUG, "internal", "a defect of our own")                                              \
	X(PATH_LONG, 24, CONFIG, "path-long", "a path is too long")                                          \
	/* store */                                                                                          \
	X(DB_AWAY, 100, AWAY, "db-away", "the database does not answer")                                     \
	X(DB_LOGIN, 101, RIGHTS, "db-login", "the database refuses the login")                               \
	X(DB_DENIED, 102, RIGHTS, "db-denied", "the login lacks a right")                                    \
	X(DB_CONFLICT, 103, UNKNOWN, "db-conflict", "the transaction lost against another; repeat it")       \
	X(DB_COMMIT_UNKNOWN, 104, UNKNOWN, "db-commit-unknown", "the database went away during COMMIT")      \
	X(DB_DUPLICATE, 105, FAIL, "db-duplicate", "the row is there already")                               \
	X(DB_NOT_FOUND, 106, FAIL, "db-not-found", "there is no such row")                                   \
	X(DB_SHAPE, 107, CONFIG, "db-shape", "the schema is not the one this build needs")                   \
	X(DB_ERROR, 108, UNKNOWN, "db-error", "the database refused a statement")                            \
	X(DB_REFUSED, 109, FAIL, "db-refused", "a trigger of the database refused the row")                  \
	X(DB_READ_ONLY, 110, UNKNOWN, "db-read-only", "the database node is not primary or read-only")       \
	X(LEASE_LOST, 111, FAIL, "lease-lost", "the account's lease is held by another or has expired")      \
	X(LEASE_HELD, 112, UNKNOWN, "lease-held", "another program holds the account's lease")               \
	X(VAULT_KEY, 113, RIGHTS, "vault-key", "the role's key cannot open the record")                      \
	X(VAULT_BROKEN, 114, RIGHTS, "vault-broken", "the vault was altered or is not of this account")      \
	X(VAULT_MISSING, 115, CONFIG, "vault-missing", "the vault holds no such record")                     \
	X(SOCKET_PATH_LONG, 116, CONFIG, "socket-path-long", "the database's socket path is over 107 bytes") \
	/* kis */                                                                                            \
	X(BROKER_AWAY, 200, AWAY, "broker-away", "the broker does not answer")                               \
	X(BROKER_TLS, 201, AWAY, "broker-tls", "the broker's certificate is not accepted")                   \
	X(BROKER_HTTP, 202, AWAY, "broker-http",                                                             \
	  "the broker answered with an HTTP error without a readable body")                                  \
	X(BROKER_SHAPE, 203, UNKNOWN, "broker-shape", "the broker's answer is not of the known form")        \
	X(BROKER_PARTIAL, 204, UNKNOWN, "listing-incomplete", "a listing broke off; nothing is concluded")   \
	X(BROKER_DISAGREES, 205, UNKNOWN, "listing-disagrees", "two complete passes do not agree")           \
	X(BROKER_PACED, 206, UNKNOWN, "broker-paced", "the broker refuses for too many calls")               \
	X(BROKER_TOKEN, 207, FAIL, "broker-token", "the token is not accepted")                              \
	X(BROKER_LOGIN, 208, FAIL, "broker-login", "the broker refuses the login")                           \
	X(BROKER_TOKEN_WAIT, 209, UNKNOWN, "broker-token-wait", "a token may be asked for once a minute")    \
	X(BROKER_REFUSED, 210, FAIL, "broker-refused", "the broker refuses the request")                     \
	X(BROKER_DOUBT, 211, UNKNOWN, "broker-doubt", "whether the order arrived is not known")              \
	X(BROKER_ENV, 212, CONFIG, "broker-env", "host, key and environment do not belong together")         \
	X(BROKER_UNSUPPORTED, 213, CONFIG, "broker-unsupported", "the environment does not offer this call") \
	X(BROKER_BODY_SIZE, 214, UNKNOWN, "broker-body-size",                                                \
	  "the broker's answer is too large or too deep")                                                    \
	X(EMPTY_CONTRADICTS, 215, UNKNOWN, "empty-contradicts",                                              \
	  "an empty list has totals that are not zero")                                                      \
	X(PACE_FILE, 216, RIGHTS, "pace-file", "the shared pacing file cannot be used")                      \
	X(FRAME_SHAPE, 217, FAIL, "format-changed", "a frame is not of the known layout")                    \
	X(FRAME_GARBAGE, 218, FAIL, "frame-garbage", "a frame is not understood at all")                     \
	X(NOTICE_PLAIN, 219, FAIL, "notice-plain", "a notice came without encryption and was dropped")       \
	X(NOTICE_KEY, 220, FAIL, "notice-key", "a notice cannot be decrypted")

enum reason {
#define X(name, number, kind, code, text) REASON_##name = number,
	REASONS(X)
/* the other rooms' lists, one file each, in the same columns */
#include "reason_trade.h"
#include "reason_phase.h"
#include "reason_worker.h"
#include "reason_ops.h"
#undef X
};

const char *reason_code(enum reason why); /* "lease-lost"; "reason-NNN" for an unknown number */
const char *reason_text(enum reason why);
enum reason_kind reason_kind(enum reason why);
int reason_exit(enum reason why); /* sysexits number of the kind */

/* Records the sentence "what, why, what to do" for this thread and returns `why`, so it can be returned. */
enum reason reason_set(enum reason why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* In front of the function, so that a compiler and an analyzer see that the very reason given comes back. */
#define reason_set(why, ...)                                                                                 \
	__extension__({                                                                                      \
		const enum reason set_why_ = (why);                                                          \
		(void)(reason_set)(set_why_, __VA_ARGS__);                                                   \
		set_why_;                                                                                    \
	})
const char *reason_detail(void); /* last sentence of this thread, never NULL */
void reason_clear(void);

#endif
