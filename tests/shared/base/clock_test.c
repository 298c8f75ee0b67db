#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"

#define START_US       INT64_C(1609714800000000) /* 2021-01-04 08:00:00 KST */
#define MS             INT64_C(1000) /* in microseconds */
#define S              INT64_C(1000000)
#define STUCK_MS       150 /* real time after which "it does not move" is believed */
#define STRESS_PARTIES 4
#define STRESS_WAITS   2000
#define KILLS          60

static char folder[] = "/tmp/gj-clock-XXXXXX";
static char path[FILE_PATH_SIZE];

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || file_join(folder, "clock", path) != REASON_OK)
		return -1;
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct wall at(int64_t after_us)
{
	return (struct wall){ START_US + after_us };
}

static void real_sleep_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) != 0)
		;
}

static int64_t real_ms(void)
{
	return clock_real_mono().ns / 1000000;
}

/* A fresh clock, opened and joined by the test itself, which therefore holds it. */
static void begin(struct clock **clk, struct clock_seat **seat)
{
	assert_int_equal(clock_create(path, at(0)), REASON_OK);
	assert_int_equal(clock_open_virtual(path, clk), REASON_OK);
	assert_int_equal(clock_join(*clk, "driver", seat), REASON_OK);
}

static void end(struct clock *clk, struct clock_seat *seat)
{
	clock_leave(seat);
	clock_close(clk);
}

/* ---- threads that take part ------------------------------------------------------------------------------------- */

enum how { BY_WAIT, BY_POLL, BY_IDLE };

struct party {
	struct clock *clk;
	const char *name;
	enum how how;
	int64_t until_us; /* after the start; one wait */
	pthread_t thread;
	/* what came of it */
	enum reason why;
	int64_t woke_us; /* after the start */
	int order;
	int fd; /* BY_POLL: also watched, -1 for none */
	int ready;
	atomic_bool done, joined;
	atomic_int *turn;
};

static void idle_wake(void *arg)
{
	static const uint64_t one = 1;

	if (write(*(int *)arg, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* Waits inside a poll of its own, as a library's loop would. */
static enum reason idle_wait(struct clock_seat *seat, struct clock *clk, struct wall until)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (clock_wall(clk).us < until.us && !clock_stopped(clk)) {
		uint64_t count;

		clock_idle_begin(seat, until, idle_wake, &fd);
		if (poll(&pfd, 1, 20000) != 1)
			abort(); /* `wake` did not come */
		clock_idle_end(seat);
		if (read(fd, &count, sizeof(count)) != sizeof(count))
			abort();
	}
	close(fd);
	return clock_stopped(clk) ? REASON_CLOCK_STOPPED : REASON_OK;
}

static enum reason wait_how(struct clock_seat *seat, struct clock *clk, enum how how, struct wall until)
{
	int ready = -1;

	switch (how) {
	case BY_WAIT: return clock_wait_until(seat, until);
	case BY_POLL: return clock_poll(seat, NULL, 0, until, &ready);
	case BY_IDLE: return idle_wait(seat, clk, until);
	}
	return REASON_INTERNAL;
}

static void *party_run(void *arg)
{
	struct party *pt = arg;
	struct clock_seat *seat = NULL;

	if (clock_join(pt->clk, pt->name, &seat) != REASON_OK)
		abort();
	atomic_store(&pt->joined, true);
	if (pt->how == BY_POLL && pt->fd >= 0) {
		struct pollfd pfd = { .fd = pt->fd, .events = POLLIN };

		pt->why = clock_poll(seat, &pfd, 1, at(pt->until_us), &pt->ready);
	} else {
		pt->why = wait_how(seat, pt->clk, pt->how, at(pt->until_us));
	}
	pt->woke_us = clock_wall(pt->clk).us - START_US;
	if (pt->turn)
		pt->order = atomic_fetch_add(pt->turn, 1);
	atomic_store(&pt->done, true);
	clock_leave(seat);
	return NULL;
}

static void party_begin(struct party *pt, struct clock *clk, const char *name, enum how how, int64_t until_us)
{
	*pt = (struct party){
		.clk = clk, .name = name, .how = how, .until_us = until_us, .fd = -1, .why = REASON_INTERNAL
	};
	assert_int_equal(pthread_create(&pt->thread, NULL, party_run, pt), 0);
	while (!atomic_load(&pt->joined)) /* the test holds the clock meanwhile, by running */
		real_sleep_ms(1);
}

static void party_end(struct party *pt)
{
	assert_int_equal(pthread_join(pt->thread, NULL), 0);
}

/* ---- processes that take part ----------------------------------------------------------------------------------- */

/* Forks; the child is adopted before it is let go, so no time passes until it has joined. */
static pid_t child_begin(struct clock *clk, int (*run)(int), int number)
{
	int go[2];
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(go), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* A failed test must not leave processes behind. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			_exit(97);
		close(go[1]);
		if (read(go[0], &byte, 1) < 0)
			_exit(98);
		_exit(run(number));
	}
	close(go[0]);
	assert_int_equal(clock_adopt_child(clk, child, "child"), REASON_OK);
	close(go[1]);
	return child;
}

static int child_end(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- real time --------------------------------------------------------------------------------------------------- */

static void test_real(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct clock_wire *wire;
	struct mono before;
	struct wall now, then;
	int fds[2], ready = -1;
	struct pollfd pfd = { .events = POLLIN };
	char text[64];

	(void)state;
	assert_int_equal(clock_open_real(&clk), REASON_OK);
	assert_false(clock_is_virtual(clk));
	assert_int_equal(clock_join(clk, "real", &seat), REASON_OK);
	now = clock_wall(clk);
	assert_true(llabs((long long)now.us / S - (long long)time(NULL)) <= 1);
	before = clock_mono(clk);
	assert_int_equal(clock_wait_us(seat, 20 * MS), REASON_OK);
	assert_true(clock_mono(clk).ns - before.ns >= 20 * 1000000);
	then = wall_add_us(clock_wall(clk), 20 * MS);
	assert_int_equal(clock_wait_until(seat, then), REASON_OK);
	assert_true(clock_wall(clk).us >= then.us);
	assert_int_equal(clock_wait_until(seat, now), REASON_OK);
	assert_int_equal(clock_wait_us(seat, -5), REASON_OK);
	assert_int_equal(pipe(fds), 0);
	pfd.fd = fds[0];
	then = wall_add_us(clock_wall(clk), 20 * MS);
	assert_int_equal(clock_poll(seat, &pfd, 1, then, &ready), REASON_OK);
	assert_int_equal(ready, 0);
	assert_true(clock_wall(clk).us >= then.us);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(clock_poll(seat, &pfd, 1, CLOCK_NEVER, &ready), REASON_OK);
	assert_int_equal(ready, 1);
	assert_int_equal(pfd.revents, POLLIN);
	then = wall_add_us(clock_wall(clk), 30 * MS);
	assert_int_equal(idle_wait(seat, clk, then), REASON_OK);
	assert_true(clock_wall(clk).us >= then.us);
	/* Messages and drivers mean nothing to real time. */
	clock_hold(clk);
	clock_unhold(clk);
	assert_int_equal(clock_wire_open(clk, 5, &wire), REASON_OK);
	assert_true(clock_wire_sent(clk, 5, 1));
	clock_wire_done(wire, 1);
	clock_wire_close(wire);
	assert_int_equal(clock_set_pace(clk, CLOCK_STILL, 0), REASON_INTERNAL);
	assert_int_equal(clock_set_limit(clk, now), REASON_INTERNAL);
	assert_int_equal(clock_step(clk, now), REASON_INTERNAL);
	assert_int_equal(clock_adopt_child(clk, getpid(), "x"), REASON_OK);
	clock_stop(clk);
	assert_false(clock_stopped(clk));
	assert_string_equal(clock_holders(clk, text, sizeof(text)), "real time, held by nobody");
	close(fds[0]);
	close(fds[1]);
	clock_leave(seat);
	clock_close(clk);
	clock_close(NULL);
	clock_leave(NULL);
	clock_wire_close(NULL);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void test_file(void **state)
{
	struct clock *clk = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(clock_create(path, at(0)), REASON_OK);
	assert_int_equal(file_read(path, 1024 * 1024, &bytes, &size), REASON_OK);
	assert_int_equal(clock_open_virtual(path, &clk), REASON_OK);
	assert_true(clock_is_virtual(clk));
	assert_int_equal(clock_wall(clk).us, START_US);
	assert_int_equal(clock_mono(clk).ns, 0);
	clock_close(clk);
	clk = NULL;
	static const struct {
		const char *name;
		size_t offset; /* of the byte that is changed */
		size_t size_less;
	} cases[] = {
		{ "magic", 0, 0 }, { "layout", 8, 0 },         { "size", 12, 0 },
		{ "cut", 100, 1 }, { "nearly empty", 0, 100 },
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		bytes[cases[i].offset] ^= 0xff;
		assert_int_equal(file_replace(path, bytes, size - cases[i].size_less, 0600), REASON_OK);
		bytes[cases[i].offset] ^= 0xff;
		if (clock_open_virtual(path, &clk) != REASON_CLOCK_FILE)
			fail_msg("%s: was opened", cases[i].name);
		assert_non_null(strstr(reason_detail(), path));
		assert_null(clk);
	}
	file_free(bytes, size);
	assert_int_equal(clock_open_virtual("/nowhere/clock", &clk), REASON_CLOCK_FILE);
	assert_int_equal(clock_open_virtual("/tmp", &clk), REASON_CLOCK_FILE);
	assert_int_equal(clock_create("/nowhere/clock", at(0)), REASON_CLOCK_FILE);
}

static void test_seats(void **state)
{
	struct clock_seat *seats[65] = { NULL };
	struct clock *clk;
	char name[64];

	(void)state;
	assert_int_equal(clock_create(path, at(0)), REASON_OK);
	assert_int_equal(clock_open_virtual(path, &clk), REASON_OK);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(clock_join(clk, name, &seats[0]), REASON_INTERNAL);
	assert_int_equal(clock_join(clk, "", &seats[0]), REASON_INTERNAL);
	for (int i = 0; i < 64; i++)
		assert_int_equal(clock_join(clk, "one of many", &seats[i]), REASON_OK);
	assert_int_equal(clock_join(clk, "one too many", &seats[64]), REASON_CLOCK_FILE);
	assert_non_null(strstr(reason_detail(), "64"));
	assert_null(seats[64]);
	clock_leave(seats[17]);
	assert_int_equal(clock_join(clk, "one of many", &seats[17]), REASON_OK);
	for (int i = 0; i < 64; i++)
		clock_leave(seats[i]);
	clock_close(clk);
}

/* ---- moving ------------------------------------------------------------------------------------------------------ */

static void test_alone(void **state)
{
	static const int64_t afters[] = {
		1, 2, 1000, 1000, 500, S, 3600 * S, 24 * 3600 * S, 24 * 3600 * S + 1
	};
	struct clock *clk;
	struct clock_seat *seat;
	int64_t newest = 0, began_ms = real_ms();

	(void)state;
	begin(&clk, &seat);
	assert_int_equal(clock_wall(clk).us, START_US);
	for (int how = BY_WAIT; how <= BY_IDLE; how++) {
		for (size_t i = 0; i < ARRAY_COUNT(afters); i++) {
			int64_t want = how * 100 * 24 * 3600 * S + afters[i];

			assert_int_equal(wait_how(seat, clk, (enum how)how, at(want)), REASON_OK);
			newest = want > newest ? want
					       : newest; /* an instant of the past does not turn it back */
			assert_int_equal(clock_wall(clk).us, START_US + newest);
			assert_int_equal(clock_mono(clk).ns, newest * 1000);
		}
	}
	assert_int_equal(clock_wait_us(seat, 7), REASON_OK);
	assert_int_equal(clock_wall(clk).us, START_US + newest + 7);
	assert_int_equal(clock_wait_us(seat, 0), REASON_OK);
	assert_int_equal(clock_wait_us(seat, -7), REASON_OK);
	assert_int_equal(clock_wall(clk).us, START_US + newest + 7);
	end(clk, seat);
	assert_true(real_ms() - began_ms < 5000); /* 200 virtual days */
}

static void test_order(void **state)
{
	/* until (s), and the place in the order of waking; equal instants share it */
	static const struct {
		enum how how;
		int64_t until_s;
		int place;
	} cases[] = {
		{ BY_WAIT, 5, 2 }, { BY_POLL, 1, 0 }, { BY_IDLE, 9, 5 },
		{ BY_WAIT, 3, 1 }, { BY_POLL, 7, 3 }, { BY_WAIT, 8, 4 },
	};
	struct party parties[ARRAY_COUNT(cases)];
	atomic_int turn = 0;
	struct clock *clk;
	struct clock_seat *seat;

	(void)state;
	begin(&clk, &seat);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		party_begin(&parties[i], clk, "thread", cases[i].how, cases[i].until_s * S);
		parties[i].turn = &turn; /* nobody is past its wait: this thread runs */
	}
	assert_int_equal(clock_wait_us(seat, 100 * S), REASON_OK);
	assert_int_equal(clock_wall(clk).us, START_US + 100 * S);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		party_end(&parties[i]);
		assert_int_equal(parties[i].why, REASON_OK);
		assert_int_equal(parties[i].woke_us, cases[i].until_s * S);
		assert_int_equal(parties[i].order, cases[i].place);
	}
	end(clk, seat);
}

static void test_same_instant(void **state)
{
	struct party parties[6];
	struct clock *clk;
	struct clock_seat *seat;

	(void)state;
	begin(&clk, &seat);
	for (int i = 0; i < 6; i++)
		party_begin(&parties[i], clk, "thread", (enum how)(i % 3), 5 * S);
	assert_int_equal(clock_wait_until(seat, at(5 * S)), REASON_OK);
	/* All run at this instant now: it cannot pass while this thread runs too. */
	for (int i = 0; i < 6; i++) {
		party_end(&parties[i]);
		assert_int_equal(parties[i].woke_us, 5 * S);
	}
	assert_int_equal(clock_wall(clk).us, START_US + 5 * S);
	end(clk, seat);
}

/* ---- stress: every process sees exactly its instants, and all see one order of time ------------------------------ */

struct stress_log {
	atomic_int count;
	int64_t us[STRESS_PARTIES * STRESS_WAITS];
};
static struct stress_log *stress;

static int stress_child(int number)
{
	uint32_t random = 12345u + (uint32_t)number * 7919u;
	int64_t want = START_US;
	struct clock_seat *seat;
	struct clock *clk;

	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "stress", &seat) != REASON_OK)
		return 2;
	for (int i = 0; i < STRESS_WAITS; i++) {
		int slot;

		random = random * 1664525u + 1013904223u;
		want += 1 + (random >> 16) % 50;
		if (wait_how(seat, clk, (enum how)((random >> 8) % 3), (struct wall){ want }) != REASON_OK)
			return 3;
		if (clock_wall(clk).us != want)
			return 4;
		slot = atomic_fetch_add(&stress->count, 1);
		stress->us[slot] = want;
		if (clock_wall(clk).us != want) /* nor does it move while this runs */
			return 5;
	}
	clock_leave(seat);
	clock_close(clk);
	return 0;
}

static void test_stress(void **state)
{
	pid_t children[STRESS_PARTIES];
	struct clock *clk;
	struct clock_seat *seat;
	int64_t began_ns;

	(void)state;
	stress = mmap(NULL, sizeof(*stress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(stress != MAP_FAILED);
	begin(&clk, &seat);
	for (int i = 0; i < STRESS_PARTIES; i++)
		children[i] = child_begin(clk, stress_child, i);
	began_ns = clock_real_mono().ns;
	clock_leave(seat);
	for (int i = 0; i < STRESS_PARTIES; i++)
		assert_int_equal(child_end(children[i]), 0);
	print_message("stress: %.1f us a wait\n",
		      (double)(clock_real_mono().ns - began_ns) / 1000 / (STRESS_PARTIES * STRESS_WAITS));
	assert_int_equal(stress->count, STRESS_PARTIES * STRESS_WAITS);
	for (int i = 1; i < STRESS_PARTIES * STRESS_WAITS; i++)
		if (stress->us[i] < stress->us[i - 1])
			fail_msg("time went back at %d", i);
	assert_int_equal(munmap(stress, sizeof(*stress)), 0);
	clock_close(clk);
}

/* How much one jump costs with three processes; the bound is loose because the machine is shared. */
static int jump_child(int number)
{
	struct clock_seat *seat;
	struct clock *clk;

	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "jumper", &seat) != REASON_OK)
		return 2;
	for (int i = 0; i < 3000; i++)
		if (clock_wait_until(seat, at(i * 3 + number + 1)) != REASON_OK ||
		    clock_wall(clk).us != START_US + i * 3 + number + 1)
			return 3;
	clock_leave(seat);
	clock_close(clk);
	return 0;
}

static void test_jump_cost(void **state)
{
	pid_t children[3];
	struct clock *clk;
	struct clock_seat *seat;
	int64_t began_ns, cost_ns;

	(void)state;
	begin(&clk, &seat);
	for (int i = 0; i < 3; i++)
		children[i] = child_begin(clk, jump_child, i);
	began_ns = clock_real_mono().ns;
	clock_leave(seat);
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_end(children[i]), 0);
	cost_ns = (clock_real_mono().ns - began_ns) / 9000;
	print_message("jump: %.1f us\n", (double)cost_ns / 1000);
	assert_true(cost_ns < 1000 * 1000);
	clock_close(clk);
}

/* ---- what holds -------------------------------------------------------------------------------------------------- */

static void stuck_at(struct clock *clk, const struct party *pt, int64_t after_us)
{
	real_sleep_ms(STUCK_MS);
	assert_int_equal(clock_wall(clk).us, START_US + after_us);
	assert_false(atomic_load(&pt->done));
}

static void test_hold(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party pt;
	char text[128];

	(void)state;
	begin(&clk, &seat);
	clock_hold(clk);
	clock_hold(clk);
	party_begin(&pt, clk, "receiver", BY_WAIT, 10 * S);
	clock_leave(seat);
	stuck_at(clk, &pt, 0);
	assert_non_null(strstr(clock_holders(clk, text, sizeof(text)), " 2 messages"));
	clock_unhold(clk);
	stuck_at(clk, &pt, 0);
	clock_unhold(clk);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 10 * S);
	clock_close(clk);
}

static void test_wire(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct clock_wire *wire, *again;
	struct party pt;
	char text[128];

	(void)state;
	begin(&clk, &seat);
	assert_false(clock_wire_sent(clk, 43210, 1));
	assert_int_equal(clock_wire_open(clk, 43210, &wire), REASON_OK);
	clock_wire_done(wire, 5); /* more than was counted: not remembered against later frames */
	assert_false(clock_wire_sent(clk, 43211, 1));
	assert_true(clock_wire_sent(clk, 43210, 3));
	party_begin(&pt, clk, "receiver", BY_WAIT, 10 * S);
	clock_leave(seat);
	stuck_at(clk, &pt, 0);
	assert_string_equal(clock_holders(clk, text, sizeof(text)), "wire 43210 3 frames");
	clock_wire_done(wire, 2);
	stuck_at(clk, &pt, 0);
	clock_wire_done(wire, 1);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 10 * S);
	/* Closing gives up what was under way; the port's next owner starts empty. */
	assert_true(clock_wire_sent(clk, 43210, 7));
	assert_int_equal(clock_join(clk, "driver", &seat), REASON_OK);
	party_begin(&pt, clk, "receiver", BY_POLL, 20 * S);
	clock_leave(seat);
	stuck_at(clk, &pt, 10 * S);
	assert_int_equal(clock_wire_open(clk, 43210, &again), REASON_OK);
	clock_wire_close(wire); /* its port is another's: nothing happens to that */
	assert_true(clock_wire_sent(clk, 43210, 1));
	clock_wire_close(again);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 20 * S);
	assert_false(clock_wire_sent(clk, 43210, 1));
	clock_close(clk);
}

/* ---- death ------------------------------------------------------------------------------------------------------- */

enum { DIE_RUNNING, DIE_HOLDING, DIE_WIRE, DIE_CLOSED };

static int child_hang(int what)
{
	struct clock_seat *seat;
	struct clock_wire *wire;
	struct clock *clk;

	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "doomed", &seat) != REASON_OK)
		return 2;
	if (what == DIE_HOLDING)
		clock_hold(clk);
	if (what == DIE_WIRE) {
		if (clock_wire_open(clk, 999, &wire) != REASON_OK || !clock_wire_sent(clk, 999, 1))
			return 3;
	}
	if (what == DIE_HOLDING || what == DIE_WIRE)
		clock_leave(seat);
	if (what == DIE_CLOSED)
		clock_close(clk);
	for (;;)
		pause();
}

static void test_killed(void **state)
{
	(void)state;
	for (int what = DIE_RUNNING; what <= DIE_CLOSED; what++) {
		struct clock *clk;
		struct clock_seat *seat;
		struct party pt;
		int64_t killed_ms;
		pid_t child;

		begin(&clk, &seat);
		child = child_begin(clk, child_hang, what);
		party_begin(&pt, clk, "survivor", what % 2 ? BY_POLL : BY_WAIT, 10 * S);
		clock_leave(seat);
		stuck_at(clk, &pt, 0);
		assert_int_equal(kill(child, SIGKILL), 0);
		stuck_at(clk, &pt, 0); /* a zombie: its parent has not seen the end yet */
		assert_int_equal(child_end(child), 1000 + SIGKILL);
		killed_ms = real_ms();
		party_end(&pt);
		assert_true(real_ms() - killed_ms < 200 + 300); /* 200 ms, and room for a busy machine */
		assert_int_equal(pt.woke_us, 10 * S);
		clock_close(clk);
	}
}

static int child_exit(int status)
{
	struct clock_seat *seat;
	struct clock *clk;

	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "phase", &seat) != REASON_OK)
		return 2;
	if (clock_wait_us(seat, 3 * S) != REASON_OK)
		return 3;
	return status; /* without leaving, as a program's main does */
}

static void test_exited(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party pt;
	pid_t child;
	char text[128];

	(void)state;
	begin(&clk, &seat);
	child = child_begin(clk, child_exit, 42);
	party_begin(&pt, clk, "driver's other thread", BY_WAIT, 10 * S);
	clock_leave(seat);
	real_sleep_ms(STUCK_MS);
	stuck_at(clk, &pt, 3 * S); /* it has ended by now, and the time with it */
	assert_string_equal(clock_holders(clk, text, sizeof(text)), "phase running");
	assert_int_equal(child_end(child), 42);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 10 * S);
	clock_close(clk);
}

static atomic_int *spins;

static int child_spin(int number)
{
	struct clock_seat *seat;
	char text[128];
	struct clock *clk;

	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "spinner", &seat) != REASON_OK)
		return 2;
	for (int i = 0;; i++) {
		clock_hold(clk);
		clock_unhold(clk);
		clock_holders(clk, text, sizeof(text)); /* long inside the lock */
		atomic_fetch_add(spins, 1);
		if (i % 1000 == 999 && clock_wait_us(seat, 1 + number % 3) != REASON_OK)
			return 3;
	}
}

static int child_walk(int number)
{
	struct clock_seat *seat;
	struct clock *clk;
	int64_t want;

	(void)number;
	if (clock_open_virtual(path, &clk) != REASON_OK || clock_join(clk, "walker", &seat) != REASON_OK)
		return 2;
	while (!clock_stopped(clk)) {
		want = clock_wall(clk).us + 5;
		switch (clock_wait_until(seat, (struct wall){ want })) {
		case REASON_OK:
			if (clock_wall(clk).us != want)
				return 3;
			break;
		case REASON_CLOCK_STOPPED: break;
		default: return 4;
		}
	}
	return 0;
}

/* Programs die at any instruction, inside the lock too; those who live go on, each exactly. */
static void test_killed_anywhere(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	pid_t walkers[2], spinner;
	int64_t before_us;

	(void)state;
	spins = mmap(NULL, sizeof(*spins), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(spins != MAP_FAILED);
	begin(&clk, &seat);
	for (int i = 0; i < 2; i++)
		walkers[i] = child_begin(clk, child_walk, i);
	clock_leave(seat);
	for (int i = 0; i < KILLS; i++) {
		atomic_store(spins, 0);
		spinner = child_begin(clk, child_spin, i);
		while (atomic_load(spins) < (i % 10 + 1) * 37) /* in the middle of it */
			sched_yield();
		assert_int_equal(kill(spinner, SIGKILL), 0);
		assert_int_equal(child_end(spinner), 1000 + SIGKILL);
	}
	before_us = clock_wall(clk).us;
	for (int i = 0; i < 100 && clock_wall(clk).us < before_us + 1000; i++)
		real_sleep_ms(20);
	assert_true(clock_wall(clk).us >= before_us + 1000);
	print_message("died inside the lock: %u of %d\n", clock_recovered(clk), KILLS);
	assert_true(clock_recovered(clk) > 0);
	clock_stop(clk);
	for (int i = 0; i < 2; i++)
		assert_int_equal(child_end(walkers[i]), 0);
	munmap(spins, sizeof(*spins));
	clock_close(clk);
}

/* ---- adopting ---------------------------------------------------------------------------------------------------- */

/* What the executed program does: starts slowly, joins, checks that no time has passed, waits, ends. */
static int adopted_main(const char *clock_path)
{
	struct clock_seat *seat;
	struct clock *clk;

	real_sleep_ms(STUCK_MS);
	if (clock_open_virtual(clock_path, &clk) != REASON_OK ||
	    clock_join(clk, "program", &seat) != REASON_OK)
		return 2;
	if (clock_wall(clk).us != START_US)
		return 3;
	if (clock_wait_us(seat, S) != REASON_OK || clock_wall(clk).us != START_US + S)
		return 4;
	clock_leave(seat);
	clock_close(clk);
	return 0;
}

static void test_adopt(void **state)
{
	(void)state;
	for (int by_itself = 0; by_itself < 2; by_itself++) {
		struct clock *clk;
		struct clock_seat *seat;
		struct party pt;
		char text[128], byte;
		int go[2], back[2];
		pid_t child;

		begin(&clk, &seat);
		assert_int_equal(pipe2(go, O_CLOEXEC), 0);
		assert_int_equal(pipe2(back, O_CLOEXEC), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(go[1]);
			if (by_itself && clock_adopt_child(clk, getpid(), "starter") != REASON_OK)
				_exit(97);
			if (write(back[1], "a", 1) != 1 || read(go[0], &byte, 1) < 0)
				_exit(98);
			execl("/proc/self/exe", "clock_test", "--adopted", path, (char *)NULL);
			_exit(99);
		}
		if (!by_itself)
			assert_int_equal(clock_adopt_child(clk, child, "starter"), REASON_OK);
		assert_int_equal(read(back[0], &byte, 1), 1);
		/* Twice is once. */
		assert_int_equal(clock_adopt_child(clk, child, "starter"), REASON_OK);
		close(go[1]);
		close(go[0]);
		close(back[0]);
		close(back[1]);
		assert_non_null(strstr(clock_holders(clk, text, sizeof(text)), "starter starting"));
		party_begin(&pt, clk, "waiter", BY_WAIT, 10 * S);
		clock_leave(seat);
		assert_int_equal(child_end(child), 0); /* it saw the start time when it joined */
		party_end(&pt);
		assert_int_equal(pt.woke_us, 10 * S);
		clock_close(clk);
	}
}

static void test_adopt_gone(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	pid_t child;

	(void)state;
	begin(&clk, &seat);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(0);
	assert_int_equal(child_end(child), 0);
	assert_int_equal(clock_adopt_child(clk, child, "gone"), REASON_CLOCK_FILE);
	/* A child that never takes part keeps the time until it was reaped. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(0);
	assert_int_equal(clock_adopt_child(clk, child, "stranger"), REASON_OK);
	assert_int_equal(child_end(child), 0);
	assert_int_equal(clock_wait_us(seat, S), REASON_OK);
	assert_int_equal(clock_wall(clk).us, START_US + S);
	/* A clock from before fork() is not the child's. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct clock_seat *mine = NULL;

		_exit(clock_join(clk, "child", &mine) == REASON_INTERNAL && !mine ? 0 : 1);
	}
	assert_int_equal(child_end(child), 0);
	end(clk, seat);
}

/* ---- the driver -------------------------------------------------------------------------------------------------- */

static void test_step(void **state)
{
	(void)state;
	for (int seated = 0; seated < 2; seated++) {
		struct clock *clk;
		struct clock_seat *seat;
		struct party parties[4];
		int64_t began_ms;

		begin(&clk, &seat);
		assert_int_equal(clock_step(clk, at(S)), REASON_BAD_USAGE); /* it moves by itself */
		assert_int_equal(clock_set_pace(clk, CLOCK_STILL, 0), REASON_OK);
		for (int i = 0; i < 4; i++)
			party_begin(&parties[i], clk, "thread", (enum how)(i % 3), (i + 1) * S);
		if (!seated)
			clock_leave(seat);
		stuck_at(clk, &parties[0], 0);
		began_ms = real_ms();
		assert_int_equal(clock_step(clk, at(2 * S)), REASON_OK);
		assert_int_equal(clock_wall(clk).us, START_US + 2 * S);
		assert_true(atomic_load(&parties[0].done)); /* the step ends when all of it is worked off */
		assert_true(atomic_load(&parties[1].done));
		assert_int_equal(parties[0].woke_us, S);
		assert_int_equal(parties[1].woke_us, 2 * S);
		assert_int_equal(clock_step(clk, at(2500 * MS)), REASON_OK); /* nobody wants that instant */
		assert_int_equal(clock_wall(clk).us, START_US + 2500 * MS);
		assert_int_equal(clock_step(clk, at(S)), REASON_OK); /* past: it stays */
		assert_int_equal(clock_wall(clk).us, START_US + 2500 * MS);
		assert_true(real_ms() - began_ms < 2000);
		stuck_at(clk, &parties[2], 2500 * MS);
		assert_int_equal(clock_step(clk, CLOCK_NEVER), REASON_BAD_USAGE);
		assert_int_equal(clock_set_limit(clk, at(3 * S)), REASON_OK);
		assert_int_equal(clock_step(clk, at(4 * S)), REASON_BAD_USAGE);
		assert_int_equal(clock_set_limit(clk, CLOCK_NEVER), REASON_OK);
		assert_int_equal(clock_set_pace(clk, CLOCK_EVENT, 0), REASON_OK);
		if (seated)
			clock_leave(seat);
		for (int i = 0; i < 4; i++) {
			party_end(&parties[i]);
			assert_int_equal(parties[i].why, REASON_OK);
			assert_int_equal(parties[i].woke_us, (i + 1) * S);
		}
		clock_close(clk);
	}
}

/* Wants every second for ever, as a market does. */
static int in_the_background(int number)
{
	struct clock *clk;
	struct clock_seat *seat;

	(void)number;
	if (clock_open_virtual(path, &clk) != REASON_OK)
		return 96;
	clock_background(clk);
	if (clock_join(clk, "market", &seat) != REASON_OK)
		return 95;
	while (clock_wait_us(seat, S) == REASON_OK)
		;
	return 0;
}

static void test_on_call(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party pt;
	pid_t market;

	(void)state;
	begin(&clk, &seat);
	assert_int_equal(clock_set_pace(clk, CLOCK_ON_CALL, 0), REASON_OK);
	market = child_begin(clk, in_the_background, 0);
	clock_leave(seat);
	real_sleep_ms(STUCK_MS);
	assert_int_equal(clock_wall(clk).us, START_US); /* the market alone does not move it */
	party_begin(&pt, clk, "phase", BY_WAIT, 10500 * MS);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 10500 * MS); /* called: it moves, through the market's instants too */
	real_sleep_ms(STUCK_MS);
	assert_int_equal(clock_wall(clk).us, START_US + 10500 * MS); /* and stands again */
	clock_stop(clk);
	assert_int_equal(child_end(market), 0);
	clock_close(clk);
}

static void test_limit(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party pt;
	char text[128];

	(void)state;
	begin(&clk, &seat);
	assert_int_equal(clock_set_limit(clk, at(5 * S)), REASON_OK);
	party_begin(&pt, clk, "waiter", BY_WAIT, 10 * S);
	assert_int_equal(clock_wait_us(seat, 3 * S), REASON_OK);
	assert_int_equal(clock_wall(clk).us, START_US + 3 * S);
	clock_leave(seat);
	stuck_at(clk, &pt, 5 * S); /* up to the limit, and no further */
	assert_string_equal(clock_holders(clk, text, sizeof(text)),
			    "nobody; next instant 2021-01-04 08:00:10.000000");
	assert_int_equal(clock_set_limit(clk, at(2 * S)), REASON_OK); /* lowered: it never turns back */
	stuck_at(clk, &pt, 5 * S);
	assert_int_equal(clock_set_limit(clk, CLOCK_NEVER), REASON_OK);
	party_end(&pt);
	assert_int_equal(pt.woke_us, 10 * S);
	clock_close(clk);
}

static void test_speed(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party pt;
	int64_t began_ms, took_ms;
	int fds[2];

	(void)state;
	begin(&clk, &seat);
	assert_int_equal(clock_set_pace(clk, CLOCK_SPEED, 0), REASON_BAD_USAGE);
	assert_int_equal(clock_set_pace(clk, CLOCK_SPEED, 10 * 1000000), REASON_OK);
	for (int how = BY_WAIT; how <= BY_IDLE; how++) {
		int64_t want = (how + 1) * S;

		began_ms = real_ms();
		assert_int_equal(wait_how(seat, clk, (enum how)how, at(want)), REASON_OK);
		took_ms = real_ms() - began_ms;
		assert_int_equal(clock_wall(clk).us, START_US + want); /* the instant itself, at any speed */
		assert_true(took_ms >= 99 && took_ms < 1000); /* one second tenfold */
	}
	/* Held, it does not move; who holds it sees the time that has passed until then. */
	real_sleep_ms(STUCK_MS);
	assert_int_equal(clock_wall(clk).us, START_US + 3 * S);
	assert_int_equal(pipe(fds), 0);
	pt = (struct party){
		.clk = clk, .name = "poller", .how = BY_POLL, .until_us = 103 * S, .fd = fds[0]
	};
	assert_int_equal(pthread_create(&pt.thread, NULL, party_run, &pt), 0);
	while (!atomic_load(&pt.joined))
		real_sleep_ms(1);
	clock_leave(seat);
	real_sleep_ms(200);
	assert_int_equal(write(fds[1], "x", 1), 1);
	party_end(&pt);
	assert_int_equal(pt.ready, 1);
	assert_true(pt.woke_us >= 3 * S + 1900 * MS && pt.woke_us < 103 * S);
	close(fds[0]);
	close(fds[1]);
	clock_close(clk);
}

static void test_stop(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct party parties[3];
	int ready = -1;

	(void)state;
	begin(&clk, &seat);
	for (int i = 0; i < 3; i++)
		party_begin(&parties[i], clk, "waiter", (enum how)i, 10 * S);
	real_sleep_ms(20);
	assert_false(clock_stopped(clk));
	clock_stop(clk);
	assert_true(clock_stopped(clk));
	for (int i = 0; i < 3; i++) {
		party_end(&parties[i]);
		assert_int_equal(parties[i].why, REASON_CLOCK_STOPPED);
		assert_int_equal(parties[i].woke_us, 0);
	}
	assert_int_equal(clock_wait_us(seat, S), REASON_CLOCK_STOPPED);
	assert_int_equal(clock_wait_until(seat, at(0)), REASON_CLOCK_STOPPED);
	assert_int_equal(clock_poll(seat, NULL, 0, at(S), &ready), REASON_CLOCK_STOPPED);
	assert_int_equal(ready, -1);
	assert_int_equal(clock_wall(clk).us, START_US);
	end(clk, seat);
}

/* ---- descriptors and signals ------------------------------------------------------------------------------------- */

static void test_poll(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	struct pollfd pfds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct pollfd many[257] = { { 0 } };
	struct party pt;
	int one[2], two[2], ready = -1;

	(void)state;
	begin(&clk, &seat);
	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(two), 0);
	pfds[0].fd = one[0];
	pfds[1].fd = two[0];
	/* Nothing ready: the instant. */
	pfds[0].revents = POLLERR;
	assert_int_equal(clock_poll(seat, pfds, 2, at(S), &ready), REASON_OK);
	assert_int_equal(ready, 0);
	assert_int_equal(pfds[0].revents, 0);
	assert_int_equal(clock_wall(clk).us, START_US + S);
	/* Ready: no time passes. */
	assert_int_equal(write(two[1], "x", 1), 1);
	assert_int_equal(clock_poll(seat, pfds, 2, at(9 * S), &ready), REASON_OK);
	assert_int_equal(ready, 1);
	assert_int_equal(pfds[0].revents, 0);
	assert_int_equal(pfds[1].revents, POLLIN);
	assert_int_equal(clock_wall(clk).us, START_US + S);
	/* Ready and the instant past: told. */
	assert_int_equal(clock_poll(seat, pfds, 2, at(0), &ready), REASON_OK);
	assert_int_equal(ready, 1);
	/* Becoming ready while it waits: this thread runs, so the time stands. */
	pt = (struct party){ .clk = clk, .name = "poller", .how = BY_POLL, .until_us = 9 * S, .fd = one[0] };
	assert_int_equal(pthread_create(&pt.thread, NULL, party_run, &pt), 0);
	while (!atomic_load(&pt.joined))
		real_sleep_ms(1);
	real_sleep_ms(50);
	assert_int_equal(write(one[1], "x", 1), 1);
	party_end(&pt);
	assert_int_equal(pt.why, REASON_OK);
	assert_int_equal(pt.ready, 1);
	assert_int_equal(pt.woke_us, S);
	assert_int_equal(clock_poll(seat, many, 257, at(9 * S), &ready), REASON_INTERNAL);
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
	}
	end(clk, seat);
}

static void on_signal(int number)
{
	(void)number;
}

static void *signal_later(void *arg)
{
	real_sleep_ms(50);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void test_signal(void **state)
{
	/* With SA_RESTART too: a program's flag must be looked at. */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;
	pthread_t own = pthread_self(), killer;
	struct clock *clk;
	struct clock_seat *seat;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	for (int virtual = 0; virtual < 2; virtual ++) {
		struct wall never = CLOCK_NEVER;

		if (virtual)
			begin(&clk, &seat);
		else
			assert_int_equal(clock_open_real(&clk), REASON_OK);
		if (!virtual) {
			assert_int_equal(clock_join(clk, "real", &seat), REASON_OK);
			never = wall_add_us(clock_wall(clk), 3600 * S);
		}
		for (int how = BY_WAIT; how <= BY_POLL; how++) {
			assert_int_equal(pthread_create(&killer, NULL, signal_later, &own), 0);
			assert_int_equal(wait_how(seat, clk, (enum how)how, never), REASON_INTERRUPTED);
			assert_int_equal(pthread_join(killer, NULL), 0);
		}
		end(clk, seat);
	}
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void test_holders(void **state)
{
	struct clock *clk;
	struct clock_seat *seat;
	char text[128], small[12];

	(void)state;
	begin(&clk, &seat);
	assert_string_equal(clock_holders(clk, text, sizeof(text)), "driver running");
	clock_hold(clk);
	assert_string_equal(clock_holders(clk, small, sizeof(small)), ""); /* whole or not at all */
	assert_ptr_equal(strstr(clock_holders(clk, text, sizeof(text)), "driver running; process "), text);
	clock_unhold(clk);
	clock_leave(seat);
	assert_string_equal(clock_holders(clk, text, sizeof(text)), "nobody; next instant never");
	clock_close(clk);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_seats),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_same_instant),
		cmocka_unit_test(test_stress),
		cmocka_unit_test(test_jump_cost),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_exited),
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_gone),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_on_call),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_holders),
	};

	if (argc == 3 && strcmp(argv[1], "--adopted") == 0)
		return adopted_main(argv[2]);
	alarm(240); /* a clock that stands still must not hang the build */
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
