/* journal - a day through it, kill -9 in the middle, every flipped bit, a full one, and the replay program. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/worker/engine_rig.h"
#include "shared/base/banned.h"

#define SAMSUNG "005930"

static char folder[64];

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/gj-journal-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	return rmdir(folder); /* every test takes its file away */
}

static void path_of(int64_t epoch, char path[static FILE_PATH_SIZE])
{
	assert_int_equal(journal_path(folder, (struct kst_day){ RIG_DAY }, epoch, path), REASON_OK);
}

static struct rig *day_new(void)
{
	struct rig *rig = rig_new();

	rig_symbol(rig, SAMSUNG, 81000, 81300, 77300);
	for (int n = 0; n < 20; n++)
		rig_signal(rig, rig_at(10, 2 + n, 0), SAMSUNG, n % 2 ? SIDE_SELL : SIDE_BUY, 10, 81000);
	return rig;
}

/* Ten buys and ten sells, each filled at once; seals every minute. Calls `each` after every step when given. */
static void day_run(struct rig *rig)
{
	rig_open(rig);
	for (int n = 0; n < 20; n++) {
		struct rig_intent *it;

		rig->now = rig_at(10, 2 + n, 0);
		rig_prices(rig);
		rig_tick(rig, SAMSUNG, 81000);
		it = rig_intent(rig);
		if (it) {
			rig_fill_row(rig_accept(rig, it), 10, 81000);
			rig_listing(rig);
		}
		for (int s = 0; s < 55; s++) {
			rig_pass(rig, 1);
			rig_tick(rig, SAMSUNG, 81000 + (s % 3) * 100);
			rig_timer(rig);
		}
		if (rig->jrn) {
			journal_seal(rig->jrn);
			if (n % 2)
				assert_int_equal(journal_flush(rig->jrn), REASON_OK);
		}
	}
}

static struct rig *day_recorded(const char *path)
{
	struct rig *rig = day_new();

	assert_int_equal(journal_create(path, JOURNAL_MB_MIN, &rig->in, &rig->jrn), REASON_OK);
	day_run(rig);
	return rig;
}

static void day_close(struct rig *rig)
{
	assert_int_equal(journal_close(rig->jrn), REASON_OK);
	rig->jrn = NULL;
	rig_free(rig);
}

static void test_a_day(void **state)
{
	char path[FILE_PATH_SIZE];
	struct journal_replay res, again;
	struct digest chain;
	struct journal *second = NULL;
	struct rig *rig;
	struct stat st;

	(void)state;
	path_of(9, path);
	rig = day_recorded(path);
	assert_true(rig->intent_count == 6); /* as many as the day's limit lets */
	assert_int_equal(journal_create(path, JOURNAL_MB_MIN, &rig->in, &second),
			 REASON_FILE_IO); /* never written twice */
	assert_null(second);
	chain = journal_chain(rig->jrn);
	assert_int_equal(journal_replay_file(path, &res), REASON_OK); /* also while it is being written */
	day_close(rig);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < JOURNAL_MB_MIN * 1024 * 1024);
	assert_int_equal(journal_replay_file(path, &res), REASON_OK);
	assert_true(res.same);
	assert_false(res.tail_open);
	assert_int_equal(res.epoch, 9);
	assert_int_equal(res.day.yyyymmdd, RIG_DAY);
	assert_true(res.events > 2200 && res.outcomes > 500 && res.groups >= 20);
	assert_true(digest_same(&chain, &res.chain));
	assert_int_equal(journal_replay_file(path, &again), REASON_OK);
	assert_true(digest_same(&again.chain, &res.chain));
	assert_int_equal(unlink(path), 0);
}

static void test_late(void **state)
{
	char path[FILE_PATH_SIZE];
	struct rig *rig = day_new();
	struct timespec pause = { .tv_nsec = 30 * 1000 * 1000 };

	(void)state;
	path_of(2, path);
	assert_int_equal(journal_create(path, JOURNAL_MB_MIN, &rig->in, &rig->jrn), REASON_OK);
	assert_int_equal(journal_late_ms(rig->jrn), 0);
	rig_open(rig);
	nanosleep(&pause, NULL);
	assert_true(journal_late_ms(rig->jrn) >= 30);
	journal_seal(rig->jrn);
	assert_true(journal_late_ms(rig->jrn) >= 30); /* sealed is not flushed */
	assert_int_equal(journal_flush(rig->jrn), REASON_OK);
	assert_int_equal(journal_late_ms(rig->jrn), 0);
	day_close(rig);
	assert_int_equal(unlink(path), 0);
}

static uint8_t *file_map(const char *path, size_t *out_size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	uint8_t *map;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*out_size = (size_t)st.st_size;
	map = mmap(NULL, *out_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	return map;
}

/* ---- kill -9 ---- */

/* A real process steps a day without end; it dies wherever it is. */
static void test_kill(void **state)
{
	(void)state;
	for (int round = 0; round < 24; round++) {
		char path[FILE_PATH_SIZE];
		struct journal_replay res;
		struct timespec pause = { .tv_nsec = (1 + round) * 997 * 1000 };
		int status, ready[2];
		pid_t pid;
		char byte;

		path_of(100 + round, path);
		assert_int_equal(pipe(ready), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct rig *rig = day_new();

			if (journal_create(path, 64, &rig->in, &rig->jrn) != REASON_OK)
				_exit(1);
			rig_open(rig);
			if (write(ready[1], "", 1) != 1)
				_exit(3);
			for (int64_t n = 0;; n++) {
				struct engine_event ev = { .kind = n % 7 ? EVENT_TICK : EVENT_TIMER };

				rig->now.us += 100000;
				if (n % 7) {
					ev.u.tick.price_won = 81000 + (n % 5) * 100;
					memcpy(ev.u.tick.symbol, SAMSUNG, sizeof(SAMSUNG));
				}
				if (journal_step(rig->jrn, rig->eng, &ev, &rig->out) != REASON_OK)
					_exit(2);
				if (n % 300 == 0)
					journal_seal(rig->jrn);
			}
		}
		assert_int_equal(read(ready[0], &byte, 1), 1); /* the day has begun */
		close(ready[0]);
		close(ready[1]);
		nanosleep(&pause, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(journal_replay_file(path, &res), REASON_OK);
		assert_true(res.same && res.events > 0);
		print_message("killed after %lld events, %lld groups%s\n", (long long)res.events,
			      (long long)res.groups, res.tail_open ? ", the last outcome open" : "");
		assert_int_equal(unlink(path), 0);
	}
}

/* The last record as a kill between any two of its stores leaves it: its length missing, the rest from some byte on. */
static void test_begun_record(void **state)
{
	const size_t whole = 24 + DIGEST_SIZE + 8; /* of the group record that ends every file */
	char path[FILE_PATH_SIZE];
	struct journal_replay res, cut;
	uint8_t *map, *last, copy[24 + DIGEST_SIZE + 8];
	size_t size;

	(void)state;
	path_of(7, path);
	day_close(day_recorded(path));
	assert_int_equal(journal_replay_file(path, &res), REASON_OK);
	map = file_map(path, &size);
	last = map + size - whole;
	memcpy(copy, last, whole);
	for (size_t kept = 8; kept <= whole; kept++) {
		memcpy(last, copy, whole);
		memset(last, 0, 4);
		memset(last + kept, 0, whole - kept);
		assert_int_equal(journal_replay_file(path, &cut), REASON_OK);
		assert_true(cut.same && cut.events == res.events);
		assert_int_equal(cut.groups, kept == whole ? res.groups : res.groups - 1);
	}
	/* Nothing begun, but bytes all the same: nobody of ours leaves that. */
	memset(last, 0, whole);
	last[whole - 1] = 1;
	assert_int_equal(journal_replay_file(path, &cut), REASON_JOURNAL_BROKEN);
	munmap(map, size);
	assert_int_equal(unlink(path), 0);
}

/* ---- flipped bits ---- */

static void test_flipped_bits(void **state)
{
	char path[FILE_PATH_SIZE];
	struct journal_replay res;
	size_t size;
	uint8_t *map;
	int tried = 0;

	(void)state;
	path_of(3, path);
	day_close(day_recorded(path));
	map = file_map(path, &size);
	for (size_t at = 0; at < size; at += at < 200 ? 1 : 1777) {
		enum reason why;

		map[at] ^= (uint8_t)(1u << (at % 8));
		why = journal_replay_file(path, &res);
		if (why == REASON_OK)
			print_message("byte %zu went unnoticed\n", at);
		assert_true(why == REASON_JOURNAL_BROKEN || why == REASON_FILE_SHAPE);
		map[at] ^= (uint8_t)(1u << (at % 8));
		tried++;
	}
	assert_true(tried > 200);
	assert_int_equal(journal_replay_file(path, &res), REASON_OK);
	assert_true(res.same);
	/* Bytes that vanish at the end of a whole file leave a shorter day that still holds, or a broken record. */
	munmap(map, size);
	assert_int_equal(truncate(path, (off_t)size - 12), 0);
	assert_int_equal(journal_replay_file(path, &res), REASON_JOURNAL_BROKEN);
	assert_int_equal(unlink(path), 0);
}

/* ---- another decision ---- */

/* The same events on other inputs: a journal whose inputs promise a lower limit than the day was decided with. */
static void test_differs(void **state)
{
	char path[FILE_PATH_SIZE];
	struct journal_replay res;
	struct rig *rig = day_new();

	(void)state;
	path_of(4, path);
	rig->in.limits.rate_symbol_day = 2;
	assert_int_equal(journal_create(path, JOURNAL_MB_MIN, &rig->in, &rig->jrn), REASON_OK);
	rig->in.limits.rate_symbol_day = 6;
	day_run(rig);
	day_close(rig);
	assert_int_equal(journal_replay_file(path, &res), REASON_OK);
	assert_false(res.same);
	assert_true(res.differs_seq > 100);
	print_message("differs at event %llu\n", (unsigned long long)res.differs_seq);
	assert_int_equal(unlink(path), 0);
}

/* ---- full ---- */

static void test_full(void **state)
{
	char path[FILE_PATH_SIZE];
	struct journal_replay res;
	struct rig *rig = day_new();
	struct engine_event ev = { .kind = EVENT_TICK };
	enum reason why = REASON_OK;
	int64_t steps = 0;

	(void)state;
	path_of(5, path);
	assert_int_equal(journal_create(path, JOURNAL_MB_MIN, &rig->in, &rig->jrn), REASON_OK);
	rig_open(rig);
	rig->now = rig_at(10, 2, 0);
	rig_prices(rig);
	rig_tick(rig, SAMSUNG, 81000);
	rig_accept(rig, rig_intent(rig)); /* one live buy */
	while (why == REASON_OK) {
		ev = (struct engine_event){ .kind = EVENT_TICK, .at = rig->now };
		memcpy(ev.u.tick.symbol, SAMSUNG, sizeof(SAMSUNG));
		ev.u.tick.price_won = 81000 + (steps % 3) * 100;
		why = journal_step(rig->jrn, rig->eng, &ev, &rig->out);
		if (++steps % 500 == 0)
			journal_seal(rig->jrn);
	}
	assert_int_equal(why, REASON_JOURNAL_FULL);
	assert_true(steps > 50000);
	assert_int_equal(engine_mode(rig->eng), MODE_HALT);
	assert_non_null(rig_alert(rig, "journal-full"));
	assert_int_equal(rig_action(rig, ACTION_INTENT)->u.intent.order.kind, INTENT_CANCEL);
	rig_take(rig);
	assert_int_equal(journal_step(rig->jrn, rig->eng, &ev, &rig->out), REASON_OK); /* dropped */
	assert_int_equal(rig->out.count, 0);
	/* The reserve still takes what must be told: the cancel, the listing, the end. */
	rig_accept(rig, rig_intent(rig));
	rig->rows[0].cancelled_qty = rig->rows[0].open_qty;
	rig->rows[0].open_qty = 0;
	rig_listing(rig);
	assert_int_equal(engine_status(rig->eng).orders_live, 0);
	/* Until it is used up too. */
	for (why = REASON_OK, steps = 0; why == REASON_OK && steps < 100000; steps++) {
		ev = (struct engine_event){ .kind = EVENT_TIMER, .at = rig->now };
		rig->now.us += SEC;
		why = journal_step(rig->jrn, rig->eng, &ev, &rig->out);
	}
	assert_int_equal(why, REASON_JOURNAL_FULL);
	assert_int_equal(rig->out.count, 0);
	day_close(rig);
	assert_int_equal(journal_replay_file(path, &res), REASON_OK);
	assert_true(res.same);
	assert_int_equal(unlink(path), 0);
}

/* ---- bad files, and the program ---- */

static int program(const char *replay, const char *arg, const char *json)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execl(replay, replay, arg, json, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_program(void **state)
{
	const char *given = getenv("GJ_REPLAY"), *replay = given ? given : "bin/replay";
	char path[FILE_PATH_SIZE];
	struct journal_replay res;
	size_t size;
	uint8_t *map;
	int fd;

	(void)state;
	assert_int_equal(access(replay, X_OK), 0); /* built before the tests run */
	path_of(6, path);
	assert_int_equal(journal_replay_file(path, &res), REASON_FILE_MISSING);
	assert_int_equal(program(replay, path, NULL), 78);
	assert_int_equal(program(replay, NULL, NULL), 64);
	assert_int_equal(program(replay, "--nonsense", NULL), 64);
	assert_int_equal(program(replay, path, path), 64);
	day_close(day_recorded(path));
	assert_int_equal(program(replay, path, NULL), 0);
	assert_int_equal(program(replay, path, "--json"), 0);
	map = file_map(path, &size);
	map[size / 2] ^= 1;
	assert_int_equal(program(replay, path, NULL), 1);
	munmap(map, size);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "no journal\n", 11), 11);
	close(fd);
	assert_int_equal(journal_replay_file(path, &res), REASON_FILE_SHAPE);
	assert_int_equal(program(replay, path, NULL), 78);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_day),        cmocka_unit_test(test_late),
		cmocka_unit_test(test_kill),         cmocka_unit_test(test_begun_record),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_differs),
		cmocka_unit_test(test_full),         cmocka_unit_test(test_program),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
