/*
 * journal - what the engine was told and what it decided, in a file that survives kill -9.
 *
 * Shape   STATE_DIR/journal-YYYYMMDD-eEPOCH.gj, preallocated and mapped shared. A head of 4,096 bytes (magic, day, epoch,
 *         account, digests), then records: { length, type, sequence, at, payload, checksum }, each padded to 8 bytes.
 *         The first record holds the frozen inputs, so that a replay needs nothing else. Event records follow; after an
 *         event that caused actions comes an OUTCOME record with the running chain over the canonical bytes of all actions.
 *         A GROUP record closes a flush group with a BLAKE2b chain over all bytes before it.
 *         A record claims its room first and becomes visible by its length, which is written last: after kill -9 the file
 *         ends with the last whole record, and perhaps a begun one. A checksum that does not hold, or bytes behind that,
 *         are REASON_JOURNAL_BROKEN.
 * Threads one thread appends and steps (journal_step, journal_seal); one other thread may call journal_flush; any may ask
 *         journal_late. Nothing on the appending side enters the kernel, except the fault of a first touched page.
 * Owner   journal_create makes the file (it must not exist) and *out; journal_close seals, flushes and frees.
 * Errors  REASON_FILE_IO, REASON_FILE_SHAPE, REASON_JOURNAL_FULL, REASON_JOURNAL_BROKEN with a detail.
 */
#ifndef GJ_WORKER_JOURNAL_H
#define GJ_WORKER_JOURNAL_H

#include "shared/base/file.h"
#include "worker/engine.h"

#define JOURNAL_MB_MIN 8

struct journal;

enum reason journal_path(const char *state_dir, struct kst_day day, int64_t epoch,
			 char out[static FILE_PATH_SIZE]);
enum reason journal_create(const char *path, int64_t size_mb, const struct engine_inputs *in,
			   struct journal **out);
enum reason journal_close(struct journal *jrn);

/*
 * Gives event->seq, appends the event, steps the engine, chains the actions: the one way to drive the engine.
 * REASON_JOURNAL_FULL: the event was not taken, there was no room. The first time, `out` holds what the engine did about it
 * (HALT, cancels): carry that out and offer the event again. From then on ticks, books and prices are dropped (REASON_OK, no
 * action); everything else still has a reserve of 1 MiB. When that is used up too, it is REASON_JOURNAL_FULL with an empty
 * `out`, and the worker has to stop.
 */
enum reason journal_step(struct journal *jrn, struct engine *eng, struct engine_event *event,
			 struct engine_actions *out);

/* Closes the current group (nothing to do when it is empty). The engine's thread, every 100 ms of real time or so. */
void journal_seal(struct journal *jrn);
/* Flushes every sealed byte to the disk. The store thread, after a seal. */
enum reason journal_flush(struct journal *jrn);
/* Age in real milliseconds of the oldest record that is not flushed; 0 when all are. */
int64_t journal_late_ms(const struct journal *jrn);
bool journal_locked(const struct journal *jrn); /* did mlock succeed (RLIMIT_MEMLOCK)? */
int64_t journal_used_bytes(const struct journal *jrn);
struct digest journal_chain(const struct journal *jrn); /* over all actions so far */

/* ---- reading ---------------------------------------------------------------------------------------------------- */
enum journal_type { JOURNAL_INPUTS = 1, JOURNAL_EVENT = 2, JOURNAL_OUTCOME = 3, JOURNAL_GROUP = 4 };
struct journal_record {
	enum journal_type type;
	uint64_t seq;
	struct wall at;
	const uint8_t *payload;
	size_t payload_len;
};
struct journal_reader;
enum reason journal_read_open(const char *path,
			      struct journal_reader **out); /* head checked; REASON_FILE_* otherwise */
/* *out_any false: the whole end. REASON_JOURNAL_BROKEN names the sequence and offset. */
enum reason journal_read_next(struct journal_reader *rdr, struct journal_record *out, bool *out_any);
void journal_read_close(struct journal_reader *rdr);
int64_t journal_read_epoch(const struct journal_reader *rdr);
struct kst_day journal_read_day(const struct journal_reader *rdr);

/* ---- replay ----------------------------------------------------------------------------------------------------- */
struct journal_replay {
	bool same;
	uint64_t differs_seq; /* first event whose actions differ; 0 = none */
	int64_t events, outcomes, groups;
	bool tail_open; /* the last event has no outcome record: killed in between */
	struct digest chain;
	struct kst_day day;
	int64_t epoch;
};
/* Feeds every event to a new engine of the recorded inputs and compares the chain. REASON_OK with same = false is an
 * answer; REASON_JOURNAL_BROKEN, REASON_FILE_*, REASON_NO_MEMORY are trouble. Used by bin/replay and by `close`. */
enum reason journal_replay_file(const char *path, struct journal_replay *out);

#endif
