/* journal - appends and steps, seals and flushes; reads back and replays. The layout is in journal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "worker/journal.h"
#include "shared/base/banned.h"

#define JOURNAL_MAGIC   "GJJRNL1\n"
#define JOURNAL_VERSION 1
#define JOURNAL_ORDER   0x01020304u /* read back differently on a host of the other byte order */
#define HEAD_SIZE       4096
#define RESERVE_SIZE    (1024 * 1024) /* for what must still be told once ticks no longer fit */
#define GROUP_ROOM      4096 /* the last group records always have room */
#define RECORD_EXTRA    (sizeof(struct record_head) + sizeof(uint64_t))
#define CHAIN_SIZE      DIGEST_SIZE

struct head {
	char magic[8];
	uint32_t version, order;
	int64_t size;
	int32_t yyyymmdd;
	int32_t zero;
	int64_t epoch;
	char account[40];
	uint8_t key
		[crypto_shorthash_KEYBYTES]; /* of the checksums: random per file, so that an old file's bytes never pass */
	uint8_t sum[DIGEST_SIZE]; /* over everything before it */
};
_Static_assert(sizeof(struct head) <= HEAD_SIZE, "the head fits");
_Static_assert(ENGINE_EVENT_SIZE_MAX < RESERVE_SIZE, "one event always fits into the reserve");

struct record_head {
	_Atomic uint32_t length; /* of the payload; written last, 0 = no record */
	_Atomic uint32_t claim; /* type and length, written first: how far a half-written record may reach */
	uint64_t seq;
	int64_t at_us;
};
#define CLAIM_LENGTH 0x0fffffffu
_Static_assert(sizeof(struct record_head) == 24, "no padding");

struct journal {
	int fd;
	uint8_t *map;
	size_t size, used, group_start;
	uint8_t key[crypto_shorthash_KEYBYTES];
	uint64_t seq;
	struct digest chain, group;
	bool full, locked;
	char path[FILE_PATH_SIZE];
	uint8_t *event_bytes, *action_bytes;
	_Atomic size_t sealed, flushed;
	_Atomic int64_t open_since_ns, sealed_since_ns; /* oldest record not sealed, not flushed; 0 = none */
};

static size_t pad8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* ---- making ---- */

enum reason journal_path(const char *state_dir, struct kst_day day, int64_t epoch,
			 char out[static FILE_PATH_SIZE])
{
	int len = snprintf(out, FILE_PATH_SIZE, "%s/journal-%d-e%lld.gj", state_dir, day.yyyymmdd,
			   (long long)epoch);

	if (len < 0 || len >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG,
				  "the journal's path under '%s' is too long; shorten state_dir", state_dir);
	return REASON_OK;
}

static uint64_t checksum(const uint8_t *key, const uint8_t *record, size_t payload_len)
{
	uint8_t bytes[crypto_shorthash_BYTES];
	uint64_t sum;

	crypto_shorthash(bytes, record + sizeof(uint32_t),
			 sizeof(struct record_head) - sizeof(uint32_t) + payload_len, key);
	memcpy(&sum, bytes, sizeof(sum));
	return sum ^ payload_len;
}

static struct digest chained(const struct digest *before, const uint8_t *bytes, size_t len)
{
	crypto_generichash_state state;
	struct digest out;

	crypto_generichash_init(&state, NULL, 0, DIGEST_SIZE);
	crypto_generichash_update(&state, before->bytes, DIGEST_SIZE);
	crypto_generichash_update(&state, bytes, len);
	crypto_generichash_final(&state, out.bytes, DIGEST_SIZE);
	return out;
}

/* The caller has made sure of the room. */
static void append(struct journal *jrn, enum journal_type type, uint64_t seq, struct wall at,
		   const uint8_t *payload, size_t payload_len)
{
	uint8_t *record = jrn->map + jrn->used;
	struct record_head *head = (struct record_head *)(void *)record;
	uint64_t sum;

	BUG_IF(payload_len == 0 || payload_len > CLAIM_LENGTH ||
		       jrn->used + RECORD_EXTRA + pad8(payload_len) > jrn->size,
	       "the room of a record was checked");
	atomic_store_explicit(&head->claim, (uint32_t)type << 28 | (uint32_t)payload_len,
			      memory_order_relaxed);
	atomic_signal_fence(
		memory_order_seq_cst); /* a kill finds the claim before anything else of the record */
	head->seq = seq;
	head->at_us = at.us;
	memcpy(record + sizeof(*head), payload, payload_len);
	sum = checksum(jrn->key, record, payload_len);
	memcpy(record + sizeof(*head) + pad8(payload_len), &sum, sizeof(sum));
	atomic_store_explicit(&head->length, (uint32_t)payload_len, memory_order_release);
	jrn->used += RECORD_EXTRA + pad8(payload_len);
	if (atomic_load_explicit(&jrn->open_since_ns, memory_order_relaxed) == 0)
		atomic_store_explicit(&jrn->open_since_ns, clock_real_mono().ns, memory_order_release);
}

static void head_write(struct journal *jrn, const struct engine_inputs *in)
{
	struct head head = { .magic = JOURNAL_MAGIC,
			     .version = JOURNAL_VERSION,
			     .order = JOURNAL_ORDER,
			     .size = (int64_t)jrn->size,
			     .yyyymmdd = in->day.yyyymmdd,
			     .epoch = in->epoch };

	_Static_assert(sizeof(head.account) >= sizeof(in->account), "the account's name fits");
	memcpy(head.account, in->account, sizeof(in->account));
	randombytes_buf(head.key, sizeof(head.key));
	memcpy(jrn->key, head.key, sizeof(head.key));
	crypto_generichash(head.sum, sizeof(head.sum), (const uint8_t *)&head, offsetof(struct head, sum),
			   NULL, 0);
	memcpy(jrn->map, &head, sizeof(head));
	jrn->used = jrn->group_start = HEAD_SIZE;
}

static enum reason io(const char *path, const char *what)
{
	return reason_set(REASON_FILE_IO, "journal %s: %s: %s; check the disk and state_dir", path, what,
			  strerror(errno));
}

static void folder_sync(const char *path)
{
	char folder[FILE_PATH_SIZE];
	char *slash;
	int fd;

	memcpy(folder, path, strlen(path) + 1);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd); /* a file system that cannot do it has nothing better to offer */
	(void)close(fd);
}

static void journal_free(struct journal *jrn)
{
	if (!jrn)
		return;
	if (jrn->map && jrn->map != MAP_FAILED)
		munmap(jrn->map, jrn->size);
	if (jrn->fd >= 0)
		close(jrn->fd);
	free(jrn->event_bytes);
	free(jrn->action_bytes);
	free(jrn);
}

enum reason journal_create(const char *path, int64_t size_mb, const struct engine_inputs *in,
			   struct journal **out)
{
	struct journal *jrn = NULL;
	uint8_t *bytes = NULL;
	bool made = false;
	size_t len = 0;
	enum reason why = REASON_OK;
	int err;

	if (size_mb < JOURNAL_MB_MIN || size_mb > 65536)
		return reason_set(REASON_CONF_RANGE, "journal: %lld MiB is outside %d..65536",
				  (long long)size_mb, JOURNAL_MB_MIN);
	if (strlen(path) >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG, "the journal's path is too long; shorten state_dir");
	jrn = calloc(1, sizeof(*jrn));
	bytes = malloc(ENGINE_INPUTS_SIZE_MAX);
	if (!jrn || !bytes) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the journal");
		goto out;
	}
	jrn->fd = -1;
	jrn->size = (size_t)size_mb * 1024 * 1024;
	memcpy(jrn->path, path, strlen(path) + 1);
	jrn->event_bytes = malloc(ENGINE_EVENT_SIZE_MAX);
	jrn->action_bytes = malloc(ENGINE_ACTIONS_SIZE_MAX);
	if (!jrn->event_bytes || !jrn->action_bytes) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the journal's buffers");
		goto out;
	}
	why = engine_inputs_write(in, bytes, ENGINE_INPUTS_SIZE_MAX, &len);
	if (why != REASON_OK)
		goto out;
	jrn->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (jrn->fd < 0) {
		why = errno == EEXIST ? reason_set(REASON_FILE_IO,
						   "journal %s exists; a journal is never written twice: "
						   "this epoch ran before",
						   path)
				      : io(path, "cannot be made");
		goto out;
	}
	made = true;
	err = posix_fallocate(jrn->fd, 0, (off_t)jrn->size);
	if (err != 0) {
		errno = err;
		why = io(path, "no room can be set aside");
		goto out;
	}
	jrn->map = mmap(NULL, jrn->size, PROT_READ | PROT_WRITE, MAP_SHARED, jrn->fd, 0);
	if (jrn->map == MAP_FAILED) {
		why = io(path, "cannot be mapped");
		goto out;
	}
	/* Pages stay once touched; without the right to lock the journal still works, and the caller can say so. */
	jrn->locked = mlock2(jrn->map, jrn->size, MLOCK_ONFAULT) == 0;
	head_write(jrn, in);
	append(jrn, JOURNAL_INPUTS, 0, (struct wall){ 0 }, bytes, len);
	journal_seal(jrn);
	why = journal_flush(jrn);
	if (why != REASON_OK)
		goto out;
	if (fsync(jrn->fd) != 0) {
		why = io(path, "cannot be flushed");
		goto out;
	}
	folder_sync(path);
	*out = jrn;
	jrn = NULL;
out:
	if (jrn && made)
		(void)unlink(path); /* nothing was done under it */
	journal_free(jrn);
	free(bytes);
	return why;
}

/* ---- the way in ---- */

static bool droppable(enum engine_event_kind kind)
{
	return kind == EVENT_TICK || kind == EVENT_BOOK || kind == EVENT_REST_PRICE;
}

/* An event, and the outcome record that may follow it. */
static bool room_for(const struct journal *jrn, size_t event_len, size_t spare)
{
	size_t need = RECORD_EXTRA + pad8(event_len) + RECORD_EXTRA + CHAIN_SIZE;

	return jrn->used + need + spare <= jrn->size;
}

static void step(struct journal *jrn, struct engine *eng, const struct engine_event *event, size_t event_len,
		 struct engine_actions *out)
{
	size_t len = 0;

	append(jrn, JOURNAL_EVENT, event->seq, event->at, jrn->event_bytes, event_len);
	engine_step(eng, event, out);
	if (out->count == 0)
		return;
	BUG_IF(engine_actions_write(out, jrn->action_bytes, ENGINE_ACTIONS_SIZE_MAX, &len) != REASON_OK,
	       "the largest list of actions fits");
	jrn->chain = chained(&jrn->chain, jrn->action_bytes, len);
	append(jrn, JOURNAL_OUTCOME, event->seq, event->at, jrn->chain.bytes, CHAIN_SIZE);
}

enum reason journal_step(struct journal *jrn, struct engine *eng, struct engine_event *event,
			 struct engine_actions *out)
{
	size_t len = 0, spare = GROUP_ROOM;
	enum reason why;

	out->count = 0;
	if (jrn->full && droppable(event->kind))
		return REASON_OK;
	if (!jrn->full)
		spare += RESERVE_SIZE;
	event->seq = jrn->seq + 1;
	why = engine_event_write(event, jrn->event_bytes, ENGINE_EVENT_SIZE_MAX, &len);
	if (why != REASON_OK)
		return why;
	if (room_for(jrn, len, spare)) {
		jrn->seq++;
		step(jrn, eng, event, len, out);
		return REASON_OK;
	}
	if (!jrn->full) {
		struct engine_event full = { .kind = EVENT_JOURNAL, .seq = jrn->seq + 1, .at = event->at };

		jrn->full = true;
		full.u.journal.full = true;
		why = engine_event_write(&full, jrn->event_bytes, ENGINE_EVENT_SIZE_MAX, &len);
		if (why != REASON_OK)
			return why;
		jrn->seq++;
		step(jrn, eng, &full, len, out);
	}
	return reason_set(REASON_JOURNAL_FULL,
			  "journal %s is full after %llu events; a larger journal_mb is needed", jrn->path,
			  (unsigned long long)jrn->seq);
}

void journal_seal(struct journal *jrn)
{
	if (jrn->used == jrn->group_start || jrn->used + RECORD_EXTRA + DIGEST_SIZE > jrn->size)
		return;
	jrn->group = chained(&jrn->group, jrn->map + jrn->group_start, jrn->used - jrn->group_start);
	append(jrn, JOURNAL_GROUP, jrn->seq, (struct wall){ 0 }, jrn->group.bytes, DIGEST_SIZE);
	jrn->group_start = jrn->used;
	if (atomic_load(&jrn->sealed_since_ns) == 0)
		atomic_store(&jrn->sealed_since_ns, atomic_load(&jrn->open_since_ns));
	atomic_store(&jrn->open_since_ns, 0);
	atomic_store_explicit(&jrn->sealed, jrn->used, memory_order_release);
}

enum reason journal_flush(struct journal *jrn)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t to = atomic_load_explicit(&jrn->sealed, memory_order_acquire);
	size_t from = atomic_load(&jrn->flushed) / page * page;
	int64_t begun_ns = clock_real_mono().ns, since_ns = atomic_load(&jrn->sealed_since_ns);

	if (to == atomic_load(&jrn->flushed))
		return REASON_OK;
	if (msync(jrn->map + from, to - from, MS_SYNC) != 0)
		return io(jrn->path, "cannot be flushed");
	atomic_store(&jrn->flushed, to);
	/* What was sealed meanwhile is as old as this flush at most. */
	atomic_compare_exchange_strong(&jrn->sealed_since_ns, &since_ns,
				       atomic_load(&jrn->sealed) == to ? 0 : begun_ns);
	return REASON_OK;
}

int64_t journal_late_ms(const struct journal *jrn)
{
	int64_t open_ns = atomic_load(&jrn->open_since_ns), sealed_ns = atomic_load(&jrn->sealed_since_ns);
	int64_t oldest_ns = sealed_ns != 0 ? sealed_ns : open_ns;

	return oldest_ns == 0 ? 0 : (clock_real_mono().ns - oldest_ns) / 1000000;
}

bool journal_locked(const struct journal *jrn)
{
	return jrn->locked;
}

int64_t journal_used_bytes(const struct journal *jrn)
{
	return (int64_t)jrn->used;
}

struct digest journal_chain(const struct journal *jrn)
{
	return jrn->chain;
}

/* Cuts the file to what was used: the room set aside for the day is given back. */
enum reason journal_close(struct journal *jrn)
{
	enum reason why;

	if (!jrn)
		return REASON_OK;
	journal_seal(jrn);
	why = journal_flush(jrn);
	munmap(jrn->map, jrn->size);
	jrn->map = NULL;
	if (ftruncate(jrn->fd, (off_t)jrn->used) != 0 || fsync(jrn->fd) != 0)
		why = why == REASON_OK ? io(jrn->path, "cannot be closed") : why;
	journal_free(jrn);
	return why;
}

/* ---- reading ---- */

struct journal_reader {
	int fd;
	const uint8_t *map;
	size_t size, at, group_start;
	struct head head;
	struct digest group;
	uint64_t seq;
	bool inputs_seen;
	char path[FILE_PATH_SIZE];
};

static enum reason shape(const char *path, const char *what)
{
	return reason_set(REASON_FILE_SHAPE, "%s is no journal of this build: %s", path, what);
}

static enum reason head_check(struct journal_reader *rdr)
{
	uint8_t sum[DIGEST_SIZE];

	if (rdr->size < HEAD_SIZE)
		return shape(rdr->path, "it is shorter than a head");
	memcpy(&rdr->head, rdr->map, sizeof(rdr->head));
	if (memcmp(rdr->head.magic, JOURNAL_MAGIC, sizeof(rdr->head.magic)) != 0)
		return shape(rdr->path, "its first bytes are others");
	if (rdr->head.order != JOURNAL_ORDER || rdr->head.version != JOURNAL_VERSION)
		return shape(rdr->path, "it is of another version or byte order");
	crypto_generichash(sum, sizeof(sum), (const uint8_t *)&rdr->head, offsetof(struct head, sum), NULL,
			   0);
	if (memcmp(sum, rdr->head.sum, sizeof(sum)) != 0)
		return reason_set(REASON_JOURNAL_BROKEN,
				  "%s: the head's digest does not hold; keep the file, it was altered",
				  rdr->path);
	for (size_t i = sizeof(rdr->head); i < HEAD_SIZE; i++) {
		if (rdr->map[i] != 0)
			return reason_set(
				REASON_JOURNAL_BROKEN,
				"%s: there are bytes behind the head; keep the file, it was altered",
				rdr->path);
	}
	return REASON_OK;
}

enum reason journal_read_open(const char *path, struct journal_reader **out)
{
	struct journal_reader *rdr = NULL;
	enum reason why = REASON_OK;
	struct stat st;

	if (strlen(path) >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG, "the journal's path is too long");
	rdr = calloc(1, sizeof(*rdr));
	if (!rdr)
		return reason_set(REASON_NO_MEMORY, "no memory for reading a journal");
	memcpy(rdr->path, path, strlen(path) + 1);
	rdr->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (rdr->fd < 0) {
		why = errno == ENOENT
			      ? reason_set(REASON_FILE_MISSING,
					   "journal %s is not there; give the path of a .gj file", path)
			      : io(path, "cannot be opened");
		goto out;
	}
	if (fstat(rdr->fd, &st) != 0) {
		why = io(path, "cannot be read");
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < HEAD_SIZE) {
		why = shape(path, "it is shorter than a head");
		goto out;
	}
	rdr->size = (size_t)st.st_size;
	rdr->map = mmap(NULL, rdr->size, PROT_READ, MAP_SHARED, rdr->fd, 0);
	if (rdr->map == MAP_FAILED) {
		rdr->map = NULL;
		why = io(path, "cannot be mapped");
		goto out;
	}
	why = head_check(rdr);
	if (why != REASON_OK)
		goto out;
	rdr->at = rdr->group_start = HEAD_SIZE;
	*out = rdr;
	rdr = NULL;
out:
	journal_read_close(rdr);
	return why;
}

void journal_read_close(struct journal_reader *rdr)
{
	if (!rdr)
		return;
	if (rdr->map)
		munmap((void *)(uintptr_t)rdr->map, rdr->size);
	if (rdr->fd >= 0)
		close(rdr->fd);
	free(rdr);
}

static enum reason broken(const struct journal_reader *rdr, const char *what)
{
	return reason_set(REASON_JOURNAL_BROKEN,
			  "%s: after event %llu, at byte %zu: %s; keep the file, it was altered", rdr->path,
			  (unsigned long long)rdr->seq, rdr->at, what);
}

/* No more records: behind what a killed writer had begun, everything must be untouched room. */
static enum reason tail_check(const struct journal_reader *rdr, size_t begun)
{
	for (size_t i = rdr->at + begun; i < rdr->size; i++) {
		if (rdr->map[i] != 0)
			return broken(rdr, "there are bytes behind the last whole record");
	}
	return REASON_OK;
}

/* Length 0: the end, or a record whose writer was killed. One that is whole but for its length counts as whole. */
static enum reason tail(const struct journal_reader *rdr, uint32_t claim, uint32_t *out_length)
{
	size_t length = claim & CLAIM_LENGTH, whole = RECORD_EXTRA + pad8(length);
	enum reason why;
	uint64_t sum;

	*out_length = 0;
	if (claim == 0)
		return tail_check(rdr, 0);
	if (length == 0 || whole > rdr->size - rdr->at)
		return broken(rdr, "a half-written record is longer than the file");
	why = tail_check(rdr, whole);
	if (why != REASON_OK)
		return why;
	memcpy(&sum, rdr->map + rdr->at + whole - sizeof(sum), sizeof(sum));
	if (sum == checksum(rdr->head.key, rdr->map + rdr->at, length))
		*out_length = (uint32_t)length;
	return REASON_OK;
}

static enum reason sequence_check(struct journal_reader *rdr, const struct journal_record *rec, size_t next)
{
	switch (rec->type) {
	case JOURNAL_INPUTS:
		if (rdr->inputs_seen)
			return broken(rdr, "frozen inputs come twice");
		rdr->inputs_seen = true;
		return REASON_OK;
	case JOURNAL_EVENT:
		if (!rdr->inputs_seen || rec->seq != rdr->seq + 1)
			return broken(rdr, "an event is missing");
		rdr->seq = rec->seq;
		return REASON_OK;
	case JOURNAL_OUTCOME:
		if (rec->seq != rdr->seq || rec->payload_len != CHAIN_SIZE)
			return broken(rdr, "an outcome without its event");
		return REASON_OK;
	case JOURNAL_GROUP:
		rdr->group = chained(&rdr->group, rdr->map + rdr->group_start, rdr->at - rdr->group_start);
		if (rec->payload_len != DIGEST_SIZE ||
		    memcmp(rec->payload, rdr->group.bytes, DIGEST_SIZE) != 0)
			return broken(rdr, "the chain of groups does not hold");
		rdr->group_start = next;
		return REASON_OK;
	}
	return broken(rdr, "a record is of no known type");
}

enum reason journal_read_next(struct journal_reader *rdr, struct journal_record *out, bool *out_any)
{
	uint32_t length, claim;
	uint64_t sum;
	size_t whole;
	struct journal_record rec;
	enum reason why;

	*out_any = false;
	if (rdr->size - rdr->at < RECORD_EXTRA)
		return tail_check(rdr, 0);
	memcpy(&length, rdr->map + rdr->at, sizeof(length));
	memcpy(&claim, rdr->map + rdr->at + offsetof(struct record_head, claim), sizeof(claim));
	if (length == 0) {
		why = tail(rdr, claim, &length);
		if (why != REASON_OK || length == 0)
			return why;
	}
	whole = RECORD_EXTRA + pad8(length);
	if (whole > rdr->size - rdr->at)
		return broken(rdr, "a record is longer than the file");
	memcpy(&sum, rdr->map + rdr->at + whole - sizeof(sum), sizeof(sum));
	if (sum != checksum(rdr->head.key, rdr->map + rdr->at, length))
		return broken(rdr, "a record's checksum does not hold");
	if ((claim & CLAIM_LENGTH) != length)
		return broken(rdr, "a record's two lengths differ");
	rec.type = (enum journal_type)(claim >> 28);
	memcpy(&rec.seq, rdr->map + rdr->at + offsetof(struct record_head, seq), sizeof(rec.seq));
	memcpy(&rec.at.us, rdr->map + rdr->at + offsetof(struct record_head, at_us), sizeof(rec.at.us));
	rec.payload = rdr->map + rdr->at + sizeof(struct record_head);
	rec.payload_len = length;
	for (size_t i = length; i < pad8(length); i++) {
		if (rec.payload[i] != 0)
			return broken(rdr, "the padding of a record is not empty");
	}
	why = sequence_check(rdr, &rec, rdr->at + whole);
	if (why != REASON_OK)
		return why;
	rdr->at += whole;
	*out = rec;
	*out_any = true;
	return REASON_OK;
}

int64_t journal_read_epoch(const struct journal_reader *rdr)
{
	return rdr->head.epoch;
}

struct kst_day journal_read_day(const struct journal_reader *rdr)
{
	return (struct kst_day){ rdr->head.yyyymmdd };
}

/* ---- replay ---- */

struct replay {
	struct journal_reader *rdr;
	struct engine *eng;
	struct engine_inputs *in;
	struct engine_event_room *room;
	struct engine_actions *out;
	uint8_t *bytes;
	struct digest chain;
	bool pending; /* the newest event caused actions and its outcome record has not come yet */
	uint64_t seq;
};

static enum reason replay_event(struct replay *rp, const struct journal_record *rec)
{
	struct engine_event event;
	size_t len = 0;
	enum reason why = engine_event_read(rec->payload, rec->payload_len, rp->room, &event);

	if (why != REASON_OK)
		return why;
	if (event.seq != rec->seq)
		return broken(rp->rdr, "an event carries another number than its record");
	engine_step(rp->eng, &event, rp->out);
	rp->seq = rec->seq;
	if (rp->out->count == 0)
		return REASON_OK;
	why = engine_actions_write(rp->out, rp->bytes, ENGINE_ACTIONS_SIZE_MAX, &len);
	if (why != REASON_OK)
		return why;
	rp->chain = chained(&rp->chain, rp->bytes, len);
	rp->pending = true;
	return REASON_OK;
}

/* One record; *out_differs when what was decided then is not what is decided now. */
static enum reason replay_record(struct replay *rp, const struct journal_record *rec,
				 struct journal_replay *res, bool *out_differs)
{
	enum reason why = REASON_OK;

	switch (rec->type) {
	case JOURNAL_INPUTS:
		why = engine_inputs_read(rec->payload, rec->payload_len, rp->in);
		if (why == REASON_OK)
			why = engine_new(rp->in, &rp->eng);
		break;
	case JOURNAL_EVENT:
		if (rp->pending) {
			*out_differs = true; /* we act where the worker did not */
			break;
		}
		res->events++;
		why = replay_event(rp, rec);
		break;
	case JOURNAL_OUTCOME:
		res->outcomes++;
		*out_differs = !rp->pending || memcmp(rec->payload, rp->chain.bytes, CHAIN_SIZE) != 0;
		rp->pending = false;
		break;
	case JOURNAL_GROUP: res->groups++; break;
	}
	return why;
}

static void replay_clear(struct replay *rp)
{
	journal_read_close(rp->rdr);
	engine_free(rp->eng);
	free(rp->in);
	free(rp->room);
	free(rp->out);
	free(rp->bytes);
}

enum reason journal_replay_file(const char *path, struct journal_replay *out)
{
	struct journal_replay res = { .same = true };
	struct replay rp = { 0 };
	struct journal_record rec;
	bool any = true;
	enum reason why;

	why = journal_read_open(path, &rp.rdr);
	if (why != REASON_OK)
		goto out;
	BUG_IF(!rp.rdr, "an opened journal has a reader");
	rp.in = malloc(sizeof(*rp.in));
	rp.room = malloc(sizeof(*rp.room));
	rp.out = malloc(sizeof(*rp.out));
	rp.bytes = malloc(ENGINE_ACTIONS_SIZE_MAX);
	if (!rp.in || !rp.room || !rp.out || !rp.bytes) {
		why = reason_set(REASON_NO_MEMORY, "no memory for a replay");
		goto out;
	}
	while (res.same) {
		bool differs = false;

		why = journal_read_next(rp.rdr, &rec, &any);
		if (why != REASON_OK || !any)
			break;
		why = replay_record(&rp, &rec, &res, &differs);
		if (why != REASON_OK)
			break;
		if (differs) {
			res.same = false;
			res.differs_seq = rp.seq;
		}
	}
	if (why != REASON_OK)
		goto out;
	if (!rp.eng) {
		why = reason_set(REASON_FILE_SHAPE, "%s holds no frozen inputs", path);
		goto out;
	}
	res.tail_open = rp.pending && res.same;
	res.chain = rp.chain;
	res.day = journal_read_day(rp.rdr);
	res.epoch = journal_read_epoch(rp.rdr);
	*out = res;
out:
	replay_clear(&rp);
	return why;
}
