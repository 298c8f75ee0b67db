/*
 * toxics - how the bytes of one answer or frame leave: late, slowly, in pieces, in part, or not at all.
 *
 * Shape   the seven faults of a bad line under their usual names (latency, bandwidth, slow_close, timeout,
 *         reset_peer, slicer, limit_data), taken from the faults that struck; http.c and ws.c obey them.
 * Units   *_ms real milliseconds (faults are late on the host, whatever the virtual clock says), bytes,
 *         rate_kb_s units of 1,024 bytes a second. -1 = not wanted.
 * Errors  none.
 */
#ifndef GJ_BROKER_TOXICS_H
#define GJ_BROKER_TOXICS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/broker/faults.h"

struct toxics {
	bool on;
	int64_t latency_ms; /* before the first byte */
	int64_t rate_kb_s;
	int64_t slow_close_ms; /* the connection ends after these bytes, its socket so much later */
	int64_t timeout_ms; /* nothing leaves any more; the connection ends then, 0 = never */
	int64_t reset_ms; /* RST then */
	int64_t slice_bytes, slice_pause_ms;
	int64_t limit_bytes; /* so many bytes leave, then the connection ends */
};
#define TOXICS_NONE                                                                                          \
	{                                                                                                    \
		.latency_ms = -1, .rate_kb_s = -1, .slow_close_ms = -1, .timeout_ms = -1, .reset_ms = -1,    \
		.slice_bytes = -1, .limit_bytes = -1                                                         \
	}

/* Times are divided by `divisor` (the setting delay_divisor). */
struct toxics toxics_of(const struct fault_hits *hits, int64_t slice_pause_ms, int64_t divisor);
/* How many of `total` bytes may have left at `now_ms`, when the first could have left at `from_ms`. What is held
 * back may go on at *out_next_ms (INT64_MAX = never: limit_data). */
size_t toxics_allow(const struct toxics *tox, size_t total, int64_t from_ms, int64_t now_ms,
		    int64_t *out_next_ms);
/* The largest piece that may be written at once. */
size_t toxics_piece(const struct toxics *tox, size_t wanted);

#endif
