/*
 * faults - what goes wrong on purpose: a list of {"on","from","count","kind",...} and one table of kinds.
 *
 * Shape   `on` names a route (see rest.c), "ws", "host" or "*"; `from` requests pass first, then `count` are
 *         struck (-1 = until the list is replaced). Requests are counted per fault since it was set.
 *         Also: "ppm" strikes at random (seeded), "after"/"until" limit it to instants of the day.
 * Owner   the broker; faults_set replaces the whole list.
 * Errors  REASON_BAD_USAGE names the fault that is not understood; the list then stays as it was.
 */
#ifndef GJ_BROKER_FAULTS_H
#define GJ_BROKER_FAULTS_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "shared/base/kst.h"
#include "shared/base/reason.h"
#include "tests/broker/buf.h"

#define FAULTS_MAX    64
#define FAULT_ON_SIZE 48

/* F(name, argument, help): argument NONE, TEXT, NUM or TIME (40s, 200ms). */
#define FAULT_KINDS(F)                                                                                       \
	F(timeout_after_accept, NONE, "worked off, never answered")                                          \
	F(timeout_before_accept, NONE, "neither worked off nor answered")                                    \
	F(reset_after_accept, NONE, "worked off, then RST")                                                  \
	F(reset_before_accept, NONE, "RST, not worked off")                                                  \
	F(http_500, NONE, "HTTP 500 with an HTML body; worked off only with \"accepted\":true")              \
	F(http_500_empty, NONE, "HTTP 500 without a body; worked off only with \"accepted\":true")           \
	F(code, TEXT, "refused with this message code, not worked off")                                      \
	F(empty_success, NONE, "rt_cd 0 with empty containers")                                              \
	F(rows_missing, NONE, "no rows, right totals")                                                       \
	F(truncate_page, NUM, "page N ends in the middle of its body")                                       \
	F(repeat_page, NUM, "page N brings the rows of the page before once more")                           \
	F(fail_page, NUM, "page N is HTTP 500 without a body")                                               \
	F(duplicate_rows, NONE, "every row twice")                                                           \
	F(row_before_page, NUM, "before page N is read, \"row\" joins the orders")                           \
	F(malformed_json, NONE, "the body is not JSON")                                                      \
	F(deep_json, NONE, "the body is nested 10,000 deep")                                                 \
	F(big_body, NUM, "the body is N bytes larger")                                                       \
	F(wrong_encoding, NONE, "the body is not UTF-8")                                                     \
	F(delay, TIME, "answered late; an order is worked off at once")                                      \
	F(slow_body, NONE, "16 bytes every 200 ms")                                                          \
	F(latency, TIME, "the first byte leaves so much later")                                              \
	F(bandwidth, NUM, "bytes leave at N KB a second")                                                    \
	F(slow_close, TIME, "the connection ends after this, its socket so much later")                      \
	F(timeout, TIME, "nothing leaves any more; the connection ends after TIME, 0s = never")              \
	F(reset_peer, TIME, "RST after TIME")                                                                \
	F(slicer, NUM, "bytes leave in pieces of N, setting slice_pause_ms apart")                           \
	F(limit_data, NUM, "N bytes leave, then the connection ends")                                        \
	F(no_notice, NONE, "notices are not sent")                                                           \
	F(double_notice, NONE, "notices are sent twice")                                                     \
	F(reorder_notices, NONE, "notices change places in pairs")                                           \
	F(notice_before_reply, NONE, "the notice goes out, then the reply")                                  \
	F(drop_socket, NONE, "WebSocket connections are dropped without a close")                            \
	F(silent_socket, NONE, "nothing more is sent on WebSockets")                                         \
	F(extra_fields, NUM, "records have N more fields")                                                   \
	F(garbage_frame, NONE, "a frame of nonsense before the frame")                                       \
	F(clock_skew, TIME, "on host: the broker's clock is behind the host's by this")                      \
	F(oldest, TEXT, "daily-ccld from a day before this one is refused")

enum fault_kind {
#define F(name, argument, help) FAULT_##name,
	FAULT_KINDS(F)
#undef F
		FAULT_KIND_COUNT
};

struct fault {
	char on[FAULT_ON_SIZE];
	enum fault_kind kind;
	char text[32]; /* argument as it was written */
	int64_t number; /* NUM, or TIME in ms */
	int64_t from, count, seen, struck;
	int64_t ppm; /* 0 = always */
	int32_t after_s, until_s;
	bool accepted;
	cJSON *row;
};
struct faults {
	struct fault list[FAULTS_MAX];
	size_t count;
	uint64_t random;
};
#define FAULTS_INIT                                                                                          \
	{                                                                                                    \
		.random = 1                                                                                  \
	}

void faults_clear(struct faults *fs);
enum reason faults_set(struct faults *fs, const cJSON *list);
void faults_report(const struct faults *fs,
		   struct buf *out); /* JSON array: each fault and how often it struck */
const char *fault_kind_name(enum fault_kind kind);
void faults_help(FILE *out); /* kind, argument, where it is seen, what it does */

/* The faults that strike one request or frame: at most one of each kind. */
struct fault_hits {
	const struct fault *hit[FAULT_KIND_COUNT];
};
/* Counts this event at every fault of `on` (or of `alias`, or "*") whose kind is in the mask `kinds`. */
#define FAULT_BIT(kind) (UINT64_C(1) << FAULT_##kind)
#define FAULTS_OF_FRAMES                                                                                     \
	(FAULT_BIT(drop_socket) | FAULT_BIT(silent_socket) | FAULT_BIT(extra_fields) |                       \
	 FAULT_BIT(garbage_frame))
/* A bad line: they strike answers and frames alike, see toxics.h. */
#define FAULTS_OF_LINE                                                                                       \
	(FAULT_BIT(latency) | FAULT_BIT(bandwidth) | FAULT_BIT(slow_close) | FAULT_BIT(timeout) |            \
	 FAULT_BIT(reset_peer) | FAULT_BIT(slicer) | FAULT_BIT(limit_data))
#define FAULTS_OF_NOTICES (FAULT_BIT(no_notice) | FAULT_BIT(double_notice) | FAULT_BIT(reorder_notices))
/* All that a WebSocket client can see; the others, and those of the line, a REST client. */
#define FAULTS_ON_WEBSOCKET                                                                                  \
	(FAULTS_OF_FRAMES | FAULTS_OF_NOTICES | FAULTS_OF_LINE | FAULT_BIT(notice_before_reply))
#define FAULTS_OF_CALLS (~(FAULTS_OF_FRAMES | FAULTS_OF_NOTICES | FAULT_BIT(clock_skew)))
void faults_strike(struct faults *fs, const char *on, const char *alias, int32_t second_of_day,
		   uint64_t kinds, struct fault_hits *out);
/* A standing condition, nothing is counted: is there a live fault of this kind? */
const struct fault *faults_standing(const struct faults *fs, const char *on, enum fault_kind kind);

#endif
