/* toxics - see toxics.h. */
#include "tests/broker/toxics.h"

#include "shared/base/banned.h"

#define RATE_STEP_MS 10

static int64_t number_of(const struct fault_hits *hits, enum fault_kind kind, int64_t divisor)
{
	return hits->hit[kind] == NULL ? -1 : hits->hit[kind]->number / divisor;
}

struct toxics toxics_of(const struct fault_hits *hits, int64_t slice_pause_ms, int64_t divisor)
{
	struct toxics tox = { .latency_ms = number_of(hits, FAULT_latency, divisor),
			      .rate_kb_s = number_of(hits, FAULT_bandwidth, 1),
			      .slow_close_ms = number_of(hits, FAULT_slow_close, divisor),
			      .timeout_ms = number_of(hits, FAULT_timeout, divisor),
			      .reset_ms = number_of(hits, FAULT_reset_peer, divisor),
			      .slice_bytes = number_of(hits, FAULT_slicer, 1),
			      .slice_pause_ms = slice_pause_ms,
			      .limit_bytes = number_of(hits, FAULT_limit_data, 1) };

	for (size_t i = 0; i < FAULT_KIND_COUNT; i++)
		tox.on = tox.on || (hits->hit[i] != NULL && (FAULTS_OF_LINE >> i & 1) != 0);
	return tox;
}

size_t toxics_allow(const struct toxics *tox, size_t total, int64_t from_ms, int64_t now_ms,
		    int64_t *out_next_ms)
{
	int64_t first_ms = from_ms + (tox->latency_ms > 0 ? tox->latency_ms : 0), allowed = (int64_t)total;

	*out_next_ms = INT64_MAX;
	if (now_ms < first_ms) {
		*out_next_ms = first_ms;
		return 0;
	}
	if (tox->rate_kb_s > 0) {
		int64_t bytes = (now_ms - first_ms) * tox->rate_kb_s * 1024 / 1000;

		if (bytes < allowed) {
			allowed = bytes;
			*out_next_ms = now_ms + RATE_STEP_MS;
		}
	} else if (tox->rate_kb_s == 0) {
		allowed = 0;
	}
	if (tox->slice_bytes > 0 && tox->slice_pause_ms > 0) {
		int64_t slices = 1 + (now_ms - first_ms) / tox->slice_pause_ms;

		if (slices < allowed / tox->slice_bytes + 1 && slices * tox->slice_bytes < allowed) {
			int64_t next_ms = first_ms + slices * tox->slice_pause_ms;

			allowed = slices * tox->slice_bytes;
			if (next_ms < *out_next_ms)
				*out_next_ms = next_ms;
		}
	}
	if (tox->limit_bytes >= 0 && tox->limit_bytes <= allowed) {
		allowed = tox->limit_bytes;
		*out_next_ms = INT64_MAX;
	}
	return (size_t)allowed;
}

size_t toxics_piece(const struct toxics *tox, size_t wanted)
{
	if (tox->slice_bytes > 0 && (uint64_t)wanted > (uint64_t)tox->slice_bytes)
		return (size_t)tox->slice_bytes;
	return wanted;
}
