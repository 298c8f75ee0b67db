/*
 * The virtual clock's file, in one picture:
 *
 *   seats      one for each thread that takes part: RUNNING holds the clock, WAITING names an instant
 *   processes  holds (messages between threads) and the futex word its ticker sleeps on
 *   wires      frames sent and worked off, by the receiver's port
 *
 * Whoever makes the last thing wait advances: inside one critical section time is set and every seat that is due
 * becomes RUNNING, so it holds the clock again before its thread has even been told. Nothing is woken under the lock.
 *
 *   clock_wait_*            sleeps on the state word of its own seat: one futex wake, no detour
 *   clock_poll, clock_idle  sleep elsewhere; the process's ticker sees the seat RUNNING and writes the eventfd or calls
 *                           `wake`
 *
 * Every process may die at every instruction. The mutex is robust, and the order of the stores inside the critical
 * sections is such that the next owner finds a state that advance() mends: a seat counts from the store of its pid on;
 * time is set before the seats that are due, and a seat that is due is found again whatever time it is. A wake that its
 * sender could not send any more is made good by the ticker of the sleeper, which looks every TICK_NS.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/banned.h"

#define CLOCK_MAGIC     UINT64_C(0x314b434f4c434a47) /* "GJCLOCK1", low byte first */
#define CLOCK_LAYOUT    2
#define CLOCK_SEATS     64 /* one bit each in a seat mask */
#define CLOCK_PROCESSES 64
#define CLOCK_WIRES     64
#define CLOCK_NAME_SIZE 48
#define CLOCK_FILE_MODE 0600
#define CLOCK_POLL_MAX  256 /* descriptors of one clock_poll */
#define STAT_TEXT_SIZE  1024
#define NS_PER_S        INT64_C(1000000000)
#define NS_PER_US       INT64_C(1000)
#define PPM_WHOLE       INT64_C(1000000)
#define TICK_NS         (20 * 1000 * 1000) /* how often a ticker looks after the dead and the unsent wakes */
#define TICK_STILL_NS   (100 * 1000 * 1000) /* the same while nothing may move */
#define SLEEP_NS_MAX    (1 * NS_PER_S) /* a sleeper looks round at least this often; wall clocks get set */
#define STEP_NONE       INT64_MIN

_Static_assert(CLOCK_SEATS == 64, "a seat mask is one uint64_t");
_Static_assert(sizeof(_Atomic uint32_t) == 4 && ATOMIC_INT_LOCK_FREE == 2,
	       "a futex word is a plain 32-bit word");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the time is read without a lock, from several processes");

enum seat_state { SEAT_RUNNING = 1, SEAT_WAITING = 2 };

struct shared_seat {
	_Atomic uint32_t state; /* enum seat_state; the futex word of clock_wait_* */
	int32_t pid; /* 0: free; stored last */
	uint64_t start; /* of the process, /proc/PID/stat field 22: a reused pid is another process */
	int64_t wake_us;
	int32_t process; /* index, -1 until the process joined */
	uint8_t adopted; /* its program has not joined yet */
	uint8_t via_ticker; /* it sleeps in ppoll or in somebody else's call */
	char name[CLOCK_NAME_SIZE];
};

struct shared_process {
	_Atomic uint32_t word; /* its ticker sleeps on it */
	int32_t pid; /* 0: free; stored last */
	uint64_t start;
	int64_t hold_count;
	int32_t open_count; /* clocks of that process that use this entry */
	uint32_t background; /* its waits do not move a clock that is on call */
};

struct shared_wire {
	int32_t pid; /* 0: free; stored last */
	uint32_t port;
	uint64_t start;
	uint64_t serial; /* so that a wire that was closed late does not close its successor */
	uint64_t sent_count, done_count;
};

struct shared {
	uint64_t magic;
	uint32_t layout, size;
	pthread_mutex_t lock;
	_Atomic int64_t now_us;
	int64_t start_us, limit_us;
	uint64_t wire_serial;
	int64_t step_to_us; /* STILL: as far as a step may go, STEP_NONE without one */
	int64_t speed_ppm;
	int64_t quiet_ns; /* SPEED: real instant since when all wait, 0 = they do not */
	int64_t quiet_us, quiet_to_us; /* SPEED: virtual time then, and the instant it runs to */
	_Atomic int64_t due_ns; /* SPEED: real instant of that jump, 0 = none */
	_Atomic int64_t checked_ns; /* when somebody last looked for dead processes */
	_Atomic uint32_t pace;
	_Atomic uint32_t stopped;
	_Atomic uint32_t recovered_count;
	_Atomic uint32_t step_word; /* who steps sleeps on it */
	struct shared_seat seats[CLOCK_SEATS];
	struct shared_process processes[CLOCK_PROCESSES];
	struct shared_wire wires[CLOCK_WIRES];
};

struct clock_seat {
	struct clock *clk;
	struct clock_seat *next;
	int index; /* of the shared seat; -1 with a real clock */
	int wake_fd;
	/* under clk->lock: what the ticker may do for this seat */
	bool in_wait, signalled;
	struct wall until;
	void (*wake)(void *);
	void *wake_arg;
};

struct clock {
	struct shared *sh; /* NULL: real time */
	pid_t pid;
	uint64_t start;
	int process; /* index of the shared process, -1 before the first join or hold */
	pthread_mutex_t lock; /* of this process: the list of seats and what the ticker reads in them */
	struct clock_seat *seats;
	pthread_t ticker;
	bool ticker_runs;
	atomic_bool ticker_ends;
	bool background;
	_Atomic uint32_t word; /* the ticker's word when the clock is real */
};

struct clock_wire {
	struct clock *clk;
	int index; /* -1 with a real clock */
	uint64_t serial;
};

/* A thread has one seat; clock_step must not wait for its own caller. */
static _Thread_local struct clock_seat *own_seat;

/* ---- real time, futexes, processes ----------------------------------------------------------------------------- */

static int64_t real_ns(clockid_t which)
{
	struct timespec ts;

	BUG_IF(clock_gettime(which, &ts) != 0, "the kernel has this clock");
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

/* 0, or errno. With a time-out, so that a signal ends it whatever SA_RESTART says. */
static int futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns)
{
	struct timespec ts = timespec_of(ns);

	return syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, NULL, 0) == 0 ? 0 : errno;
}

static void futex_wake(_Atomic uint32_t *word)
{
	BUG_IF(syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0) < 0,
	       "a mapped word can be woken");
}

/* Start time of a process in clock ticks since boot; false when it cannot be read. A zombie still has one. */
static bool process_start(pid_t pid, uint64_t *out)
{
	char path[64], text[STAT_TEXT_SIZE], *at;
	ssize_t got;
	int fd;

	BUG_IF(snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid) >= (int)sizeof(path),
	       "a pid is short");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	/* Field 2 is the program's name and may hold anything; field 22 stands 20 blanks after its last ')'. */
	at = strrchr(text, ')');
	for (int blank = 0; at && blank < 20; blank++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	errno = 0;
	*out = strtoull(at + 1, NULL, 10);
	return errno == 0 && *out > 0;
}

/* Certain only: a process that may not be looked at is alive. */
static bool process_dead(pid_t pid, uint64_t start)
{
	uint64_t start_now;

	if (pid == getpid())
		return false;
	if (kill(pid, 0) != 0)
		return errno == ESRCH;
	return process_start(pid, &start_now) && start_now != start;
}

/* ---- the shared state, under its lock -------------------------------------------------------------------------- */

static void shared_lock(struct shared *sh)
{
	int error = pthread_mutex_lock(&sh->lock);

	if (error == EOWNERDEAD) {
		/* Its owner died inside; see the head of this file for why the state is usable. */
		error = pthread_mutex_consistent(&sh->lock);
		atomic_fetch_add(&sh->recovered_count, 1);
	}
	BUG_IF(error != 0, "the clock's lock can be taken");
}

static void shared_unlock(struct shared *sh)
{
	BUG_IF(pthread_mutex_unlock(&sh->lock) != 0, "the clock's lock can be given back");
}

/* Keeps the compiler from moving stores over this line: a killed process has done all above and nothing below. */
static void stored(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static bool seat_used(const struct shared_seat *st)
{
	return st->pid != 0;
}

static bool wire_busy(const struct shared_wire *wr)
{
	return wr->pid != 0 && wr->sent_count != wr->done_count;
}

/* True when nothing runs and nothing is under way; then *out_wanted_us is the earliest instant, INT64_MAX for none. */
static bool all_wait(const struct shared *sh, int64_t *out_wanted_us)
{
	int64_t wanted_us = INT64_MAX;

	for (int i = 0; i < CLOCK_SEATS; i++) {
		const struct shared_seat *st = &sh->seats[i];

		if (!seat_used(st))
			continue;
		if (atomic_load_explicit(&st->state, memory_order_relaxed) != SEAT_WAITING)
			return false;
		if (st->wake_us < wanted_us)
			wanted_us = st->wake_us;
	}
	for (int i = 0; i < CLOCK_PROCESSES; i++)
		if (sh->processes[i].pid != 0 && sh->processes[i].hold_count > 0)
			return false;
	for (int i = 0; i < CLOCK_WIRES; i++)
		if (wire_busy(&sh->wires[i]))
			return false;
	*out_wanted_us = wanted_us;
	return true;
}

/* SPEED: how far the time has come that runs while all wait; never past the instant it runs to. */
static int64_t quiet_reached_us(const struct shared *sh, int64_t now_ns)
{
	__extension__ __int128 us = (__int128)(now_ns - sh->quiet_ns) * sh->speed_ppm / PPM_WHOLE / NS_PER_US;

	if (us < 0)
		us = 0;
	if (us > (__int128)sh->quiet_to_us - sh->quiet_us)
		return sh->quiet_to_us;
	return sh->quiet_us + (int64_t)us;
}

/* SPEED: something runs again; what has passed until here has passed. */
static void quiet_end(struct shared *sh)
{
	if (sh->quiet_ns == 0)
		return;
	atomic_store(&sh->now_us, quiet_reached_us(sh, real_ns(CLOCK_BOOTTIME)));
	sh->quiet_ns = 0;
	atomic_store(&sh->due_ns, 0);
}

/* SPEED: true when the real time that the jump stands for is over. */
static bool quiet_over(struct shared *sh, int64_t now_us, int64_t to_us)
{
	__extension__ __int128 wait_ns;
	int64_t now_ns = real_ns(CLOCK_BOOTTIME);

	if (sh->quiet_ns != 0 && sh->quiet_to_us != to_us)
		quiet_end(sh); /* somebody wants an earlier instant by now, or the limit was moved */
	if (sh->quiet_ns == 0) {
		now_us = atomic_load(&sh->now_us);
		if (to_us <= now_us)
			return true;
		sh->quiet_us = now_us;
		sh->quiet_to_us = to_us;
		stored();
		sh->quiet_ns = now_ns;
	}
	if (quiet_reached_us(sh, now_ns) >= to_us) {
		sh->quiet_ns = 0;
		atomic_store(&sh->due_ns, 0);
		return true;
	}
	wait_ns = ((__int128)(to_us - sh->quiet_us) * NS_PER_US * PPM_WHOLE + sh->speed_ppm - 1) /
		  sh->speed_ppm;
	atomic_store(&sh->due_ns, wait_ns > INT64_MAX / 2 ? INT64_MAX : sh->quiet_ns + (int64_t)wait_ns);
	return false;
}

/*
 * The one rule: moves the time if nothing holds it, and makes every seat that is due RUNNING. Returns their mask; the
 * caller gives it to seats_wake() after unlocking. Called after every change that could let the time move.
 */
/* Does somebody in the foreground wait for an instant? */
static bool called(const struct shared *sh)
{
	for (int i = 0; i < CLOCK_SEATS; i++) {
		const struct shared_seat *st = &sh->seats[i];

		if (seat_used(st) && st->process >= 0 && st->wake_us != INT64_MAX &&
		    !sh->processes[st->process].background)
			return true;
	}
	return false;
}

static uint64_t advance(struct shared *sh)
{
	int64_t now_us = atomic_load(&sh->now_us), bound_us = sh->limit_us, wanted_us, to_us;
	uint32_t pace = atomic_load(&sh->pace);
	uint64_t mask = 0;

	if (atomic_load(&sh->stopped) || (pace == CLOCK_STILL && sh->step_to_us == STEP_NONE))
		return 0;
	if (!all_wait(sh, &wanted_us)) {
		quiet_end(sh);
		return 0;
	}
	if (pace == CLOCK_STILL) { /* the step itself wants its end */
		if (sh->step_to_us < bound_us)
			bound_us = sh->step_to_us;
		if (sh->step_to_us < wanted_us)
			wanted_us = sh->step_to_us;
	}
	if (pace == CLOCK_ON_CALL && !called(sh))
		return 0;
	if (wanted_us == INT64_MAX) /* nobody wants anything, or nobody is there yet */
		return 0;
	to_us = wanted_us < bound_us ? wanted_us : bound_us;
	if (to_us > now_us && pace == CLOCK_SPEED) {
		if (!quiet_over(sh, now_us, to_us))
			return 0;
		now_us = atomic_load(&sh->now_us);
	}
	if (to_us > now_us) {
		atomic_store(&sh->now_us, to_us);
		now_us = to_us;
		stored();
	}
	for (int i = 0; i < CLOCK_SEATS; i++) {
		struct shared_seat *st = &sh->seats[i];

		if (!seat_used(st) || st->wake_us > now_us)
			continue;
		atomic_store(&st->state, SEAT_RUNNING);
		mask |= UINT64_C(1) << i;
	}
	if (pace == CLOCK_STILL && mask == 0 && now_us >= sh->step_to_us) {
		sh->step_to_us = STEP_NONE; /* arrived, and everything of that instant is worked off */
		atomic_fetch_add(&sh->step_word, 1);
	}
	return mask;
}

/* Forgets a process with all it held. */
static void process_drop(struct shared *sh, int32_t pid, uint64_t start)
{
	for (int i = 0; i < CLOCK_SEATS; i++)
		if (sh->seats[i].pid == pid && sh->seats[i].start == start)
			sh->seats[i].pid = 0;
	for (int i = 0; i < CLOCK_WIRES; i++)
		if (sh->wires[i].pid == pid && sh->wires[i].start == start)
			sh->wires[i].pid = 0;
	for (int i = 0; i < CLOCK_PROCESSES; i++)
		if (sh->processes[i].pid == pid && sh->processes[i].start == start) {
			sh->processes[i].hold_count = 0;
			stored();
			sh->processes[i].pid = 0;
		}
}

/* Drops dead processes. `all` looks at every one, else only at those that keep the time from moving. */
static void dead_drop(struct shared *sh, bool all)
{
	for (int i = 0; i < CLOCK_SEATS; i++) {
		const struct shared_seat *st = &sh->seats[i];

		if (seat_used(st) && (all || atomic_load(&st->state) == SEAT_RUNNING) &&
		    process_dead(st->pid, st->start))
			process_drop(sh, st->pid, st->start);
	}
	for (int i = 0; i < CLOCK_PROCESSES; i++) {
		const struct shared_process *ps = &sh->processes[i];

		if (ps->pid != 0 && (all || ps->hold_count > 0) && process_dead(ps->pid, ps->start))
			process_drop(sh, ps->pid, ps->start);
	}
	for (int i = 0; i < CLOCK_WIRES; i++) {
		const struct shared_wire *wr = &sh->wires[i];

		if (wr->pid != 0 && (all || wire_busy(wr)) && process_dead(wr->pid, wr->start))
			process_drop(sh, wr->pid, wr->start);
	}
}

/* ---- waking, never under the shared lock ----------------------------------------------------------------------- */

static void process_kick(struct shared *sh, int process)
{
	if (process < 0 || process >= CLOCK_PROCESSES)
		return;
	atomic_fetch_add(&sh->processes[process].word, 1);
	futex_wake(&sh->processes[process].word);
}

static void seats_wake(struct shared *sh, uint64_t mask)
{
	while (mask) {
		int i = __builtin_ctzll(mask);

		/* A seat that changed hands meanwhile is woken for nothing, which every sleeper stands. */
		if (sh->seats[i].via_ticker)
			process_kick(sh, sh->seats[i].process);
		else
			futex_wake(&sh->seats[i].state);
		mask &= mask - 1;
	}
}

/* Unlocks and tells everybody whom the change concerns. */
static void shared_done(struct clock *clk, uint64_t mask)
{
	struct shared *sh = clk->sh;
	bool timed = atomic_load(&sh->due_ns) != 0;
	bool stepped = atomic_load(&sh->pace) == CLOCK_STILL && sh->step_to_us == STEP_NONE;

	shared_unlock(sh);
	seats_wake(sh, mask);
	if (timed)
		process_kick(sh, clk->process); /* its ticker must sleep no longer than until the jump */
	if (stepped)
		futex_wake(&sh->step_word);
}

static void everybody_wake(struct shared *sh)
{
	for (int i = 0; i < CLOCK_SEATS; i++)
		futex_wake(&sh->seats[i].state);
	for (int i = 0; i < CLOCK_PROCESSES; i++)
		process_kick(sh, i);
	atomic_fetch_add(&sh->step_word, 1);
	futex_wake(&sh->step_word);
}

/* ---- the ticker: one thread of each process -------------------------------------------------------------------- */

static void local_lock(struct clock *clk)
{
	BUG_IF(pthread_mutex_lock(&clk->lock) != 0, "a process's own lock can be taken");
}

static void local_unlock(struct clock *clk)
{
	BUG_IF(pthread_mutex_unlock(&clk->lock) != 0, "a process's own lock can be given back");
}

static bool seat_due(const struct clock_seat *seat)
{
	const struct clock *clk = seat->clk;

	if (!clk->sh)
		return clock_wall(clk).us >= seat->until.us;
	return atomic_load(&clk->sh->seats[seat->index].state) == SEAT_RUNNING ||
	       atomic_load(&clk->sh->stopped);
}

/* Tells the local sleepers that their seat runs. Returns the real time until the next is due (real clock only). */
static int64_t sleepers_signal(struct clock *clk)
{
	int64_t sleep_ns = SLEEP_NS_MAX;

	local_lock(clk);
	for (struct clock_seat *seat = clk->seats; seat; seat = seat->next) {
		static const uint64_t one = 1;

		if (!seat->in_wait || seat->signalled)
			continue;
		if (!seat_due(seat)) {
			if (!clk->sh) {
				int64_t us = seat->until.us - clock_wall(clk).us;

				if (us < sleep_ns / NS_PER_US)
					sleep_ns = us < 1 ? NS_PER_US : us * NS_PER_US;
			}
			continue;
		}
		seat->signalled = true;
		/* Still under the lock: once clock_idle_end has returned, `wake` is not called any more. */
		if (seat->wake)
			seat->wake(seat->wake_arg);
		else
			BUG_IF(write(seat->wake_fd, &one, sizeof(one)) != sizeof(one),
			       "an eventfd takes a one");
	}
	local_unlock(clk);
	return sleep_ns;
}

/* Looks after what nobody else does: the dead, wakes that were never sent, jumps that take their time. */
static int64_t shared_maintain(struct clock *clk)
{
	struct shared *sh = clk->sh;
	int64_t now_ns = real_ns(CLOCK_BOOTTIME), checked_ns = atomic_load(&sh->checked_ns);
	int64_t due_ns = atomic_load(&sh->due_ns), sleep_ns = TICK_NS;
	bool check = now_ns - checked_ns >= TICK_NS || now_ns < checked_ns;

	if (atomic_load(&sh->pace) == CLOCK_STILL || atomic_load(&sh->pace) == CLOCK_ON_CALL)
		sleep_ns = TICK_STILL_NS;
	if (check || (due_ns != 0 && now_ns >= due_ns)) {
		uint64_t mask;

		shared_lock(sh);
		if (check) {
			atomic_store(&sh->checked_ns, now_ns);
			dead_drop(sh, false);
		}
		mask = advance(sh);
		shared_done(clk, mask);
		due_ns = atomic_load(&sh->due_ns);
	}
	/* Sleepers of clock_wait_* whose wake was lost with its sender. */
	local_lock(clk);
	for (struct clock_seat *seat = clk->seats; seat; seat = seat->next)
		if (!sh->seats[seat->index].via_ticker && seat_due(seat))
			futex_wake(&sh->seats[seat->index].state);
	local_unlock(clk);
	if (due_ns != 0 && due_ns - now_ns < sleep_ns)
		sleep_ns = due_ns - now_ns > NS_PER_US ? due_ns - now_ns : NS_PER_US;
	return sleep_ns;
}

static _Atomic uint32_t *ticker_word(struct clock *clk)
{
	return clk->sh ? &clk->sh->processes[clk->process].word : &clk->word;
}

static void *ticker_run(void *arg)
{
	struct clock *clk = arg;
	_Atomic uint32_t *word = ticker_word(clk);

	while (!atomic_load(&clk->ticker_ends)) {
		uint32_t value = atomic_load(word);
		int64_t sleep_ns = sleepers_signal(clk);

		if (clk->sh)
			sleep_ns = shared_maintain(clk);
		futex_wait(word, value, sleep_ns);
	}
	return NULL;
}

static void ticker_kick(struct clock *clk)
{
	atomic_fetch_add(ticker_word(clk), 1);
	futex_wake(ticker_word(clk));
}

static enum reason ticker_begin(struct clock *clk)
{
	enum reason why = REASON_OK;
	sigset_t all, before;
	int error = 0;

	local_lock(clk);
	if (!clk->ticker_runs) {
		/* Signals belong to the program's own threads. */
		sigfillset(&all);
		BUG_IF(pthread_sigmask(SIG_SETMASK, &all, &before) != 0, "a signal mask can be set");
		error = pthread_create(&clk->ticker, NULL, ticker_run, clk);
		BUG_IF(pthread_sigmask(SIG_SETMASK, &before, NULL) != 0, "a signal mask can be set back");
		clk->ticker_runs = error == 0;
	}
	local_unlock(clk);
	if (error != 0)
		why = reason_set(REASON_NO_MEMORY, "cannot start the clock's thread: %s", strerror(error));
	return why;
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

static enum reason clock_new(struct shared *sh, struct clock **out)
{
	struct clock *clk = calloc(1, sizeof(*clk));

	if (!clk)
		return reason_set(REASON_NO_MEMORY, "no memory for a clock");
	clk->sh = sh;
	clk->pid = getpid();
	clk->process = -1;
	if (sh && !process_start(clk->pid, &clk->start)) {
		free(clk);
		return reason_set(REASON_CLOCK_FILE, "cannot read /proc/%d/stat; mount /proc", (int)getpid());
	}
	if (pthread_mutex_init(&clk->lock, NULL) != 0) {
		free(clk);
		return reason_set(REASON_NO_MEMORY, "no memory for a clock");
	}
	*out = clk;
	return REASON_OK;
}

enum reason clock_open_real(struct clock **out)
{
	return clock_new(NULL, out);
}

static enum reason file_bad(const char *path, const char *what)
{
	return reason_set(REASON_CLOCK_FILE,
			  "the virtual clock %s %s; let the rehearsal make it, or empty clock_file", path,
			  what);
}

enum reason clock_open_virtual(const char *path, struct clock **out)
{
	struct shared *sh = MAP_FAILED;
	enum reason why = REASON_OK;
	struct stat st;
	int fd;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return file_bad(path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != sizeof(struct shared)) {
		why = file_bad(path, "is not a clock of this build");
		goto out;
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sh == MAP_FAILED) {
		why = file_bad(path, strerror(errno));
		goto out;
	}
	if (sh->magic != CLOCK_MAGIC || sh->layout != CLOCK_LAYOUT || sh->size != sizeof(*sh)) {
		why = file_bad(path, "is not a clock of this build");
		goto out;
	}
	why = clock_new(sh, out);
	if (why == REASON_OK)
		sh = MAP_FAILED; /* moved into the clock */
out:
	if (sh != MAP_FAILED)
		munmap(sh, sizeof(*sh));
	close(fd); /* the mapping stays */
	return why;
}

enum reason clock_create(const char *path, struct wall start)
{
	struct shared *sh = calloc(1, sizeof(*sh));
	pthread_mutexattr_t attr;
	enum reason why;

	if (!sh)
		return reason_set(REASON_NO_MEMORY, "no memory for a clock");
	sh->magic = CLOCK_MAGIC;
	sh->layout = CLOCK_LAYOUT;
	sh->size = sizeof(*sh);
	atomic_store(&sh->now_us, start.us);
	sh->start_us = start.us;
	sh->limit_us = INT64_MAX;
	sh->step_to_us = STEP_NONE;
	sh->speed_ppm = PPM_WHOLE;
	atomic_store(&sh->pace, CLOCK_EVENT);
	BUG_IF(pthread_mutexattr_init(&attr) != 0 ||
		       pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
		       pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0 ||
		       pthread_mutex_init(&sh->lock, &attr) != 0,
	       "a shared robust mutex can be made");
	pthread_mutexattr_destroy(&attr);
	/* An unlocked mutex is plain bytes with glibc; written beside and renamed, nobody maps half a clock. */
	why = file_replace(path, sh, sizeof(*sh), CLOCK_FILE_MODE);
	pthread_mutex_destroy(&sh->lock);
	free(sh);
	if (why != REASON_OK)
		return reason_set(REASON_CLOCK_FILE, "virtual clock: %s", reason_detail());
	return REASON_OK;
}

void clock_close(struct clock *clk)
{
	if (!clk)
		return;
	if (clk->ticker_runs && clk->pid == getpid()) {
		atomic_store(&clk->ticker_ends, true);
		ticker_kick(clk);
		BUG_IF(pthread_join(clk->ticker, NULL) != 0, "the ticker ends when told");
	}
	if (clk->sh && clk->process >= 0 && clk->pid == getpid()) {
		struct shared_process *ps = &clk->sh->processes[clk->process];
		bool seated = false;

		shared_lock(clk->sh);
		for (int i = 0; i < CLOCK_SEATS; i++)
			seated |= clk->sh->seats[i].pid == clk->pid && clk->sh->seats[i].start == clk->start;
		if (--ps->open_count == 0 && !seated &&
		    ps->hold_count == 0) /* else it holds on, until the process is reaped */
			ps->pid = 0;
		shared_unlock(clk->sh);
	}
	while (clk->seats) {
		struct clock_seat *seat = clk->seats;

		clk->seats = seat->next;
		if (own_seat == seat)
			own_seat = NULL;
		close(seat->wake_fd);
		free(seat);
	}
	if (clk->sh)
		munmap(clk->sh, sizeof(*clk->sh));
	pthread_mutex_destroy(&clk->lock);
	free(clk);
}

bool clock_is_virtual(const struct clock *clk)
{
	return clk->sh != NULL;
}

void clock_background(struct clock *clk)
{
	clk->background = true;
}

bool clock_stopped(const struct clock *clk)
{
	return clk->sh && atomic_load(&clk->sh->stopped);
}

uint32_t clock_recovered(const struct clock *clk)
{
	return clk->sh ? atomic_load(&clk->sh->recovered_count) : 0;
}

struct wall clock_wall(const struct clock *clk)
{
	if (clk->sh)
		return (struct wall){ atomic_load(&clk->sh->now_us) };
	return (struct wall){ real_ns(CLOCK_REALTIME) / NS_PER_US };
}

struct mono clock_mono(const struct clock *clk)
{
	if (clk->sh)
		return (struct mono){ (atomic_load(&clk->sh->now_us) - clk->sh->start_us) * NS_PER_US };
	return clock_real_mono();
}

struct mono clock_real_mono(void)
{
	return (struct mono){ real_ns(CLOCK_BOOTTIME) };
}

/* ---- seats ----------------------------------------------------------------------------------------------------- */

static enum reason table_full(const char *what, int count)
{
	return reason_set(REASON_CLOCK_FILE, "the virtual clock has no free %s left of %d; end some programs",
			  what, count);
}

/* Finds or makes the entry of this process; under the shared lock. */
static enum reason process_enter(struct clock *clk)
{
	struct shared *sh = clk->sh;

	if (clk->process >= 0)
		return REASON_OK;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CLOCK_PROCESSES; i++) {
			struct shared_process *ps = &sh->processes[i];

			/* An entry of our own is there when this process opened the file twice, or holds on. */
			if (ps->pid == clk->pid && ps->start == clk->start) {
				ps->open_count++;
				clk->process = i;
				return REASON_OK;
			}
		}
		for (int i = 0; i < CLOCK_PROCESSES; i++) {
			struct shared_process *ps = &sh->processes[i];

			if (ps->pid != 0)
				continue;
			ps->start = clk->start;
			ps->hold_count = 0;
			ps->open_count = 1;
			ps->background = clk->background;
			stored();
			ps->pid = clk->pid;
			clk->process = i;
			return REASON_OK;
		}
		dead_drop(sh, true);
	}
	return table_full("process", CLOCK_PROCESSES);
}

/* A free seat, made RUNNING; under the shared lock. */
static enum reason seat_take(struct shared *sh, pid_t pid, uint64_t start, int process, const char *name,
			     bool adopted, int *out_index)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CLOCK_SEATS; i++) {
			struct shared_seat *st = &sh->seats[i];

			if (seat_used(st))
				continue;
			atomic_store(&st->state, SEAT_RUNNING);
			st->start = start;
			st->wake_us = INT64_MAX;
			st->process = process;
			st->adopted = adopted;
			st->via_ticker = false;
			memcpy(st->name, name, strlen(name) + 1);
			stored();
			st->pid = pid;
			*out_index = i;
			return REASON_OK;
		}
		dead_drop(sh, true);
	}
	return table_full("seat", CLOCK_SEATS);
}

static enum reason name_check(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= CLOCK_NAME_SIZE)
		return reason_set(REASON_INTERNAL, "\"%.60s\" is no name for a seat: 1 to %d bytes", name,
				  CLOCK_NAME_SIZE - 1);
	return REASON_OK;
}

/* The seat that was kept for this program while it started, else a new one. */
static enum reason seat_enter(struct clock *clk, const char *name, int *out_index)
{
	struct shared *sh = clk->sh;
	enum reason why;
	int index = -1;

	shared_lock(sh);
	why = process_enter(clk);
	for (int i = 0; i < CLOCK_SEATS && why == REASON_OK && index < 0; i++) {
		struct shared_seat *st = &sh->seats[i];

		if (st->pid != clk->pid || st->start != clk->start || !st->adopted)
			continue;
		memcpy(st->name, name, strlen(name) + 1);
		st->process = clk->process;
		st->adopted = false;
		index = i;
	}
	if (why == REASON_OK && index < 0)
		why = seat_take(sh, clk->pid, clk->start, clk->process, name, false, &index);
	quiet_end(sh);
	shared_unlock(sh);
	if (why == REASON_OK)
		*out_index = index;
	return why;
}

static void seat_give_back(struct clock *clk, int index)
{
	uint64_t mask;

	shared_lock(clk->sh);
	clk->sh->seats[index].pid = 0;
	mask = advance(clk->sh);
	shared_done(clk, mask);
}

enum reason clock_join(struct clock *clk, const char *name, struct clock_seat **out)
{
	struct clock_seat *seat = NULL;
	enum reason why;
	int index = -1;

	why = name_check(name);
	if (why != REASON_OK)
		return why;
	if (clk->pid != getpid())
		return reason_set(REASON_INTERNAL,
				  "a clock that was opened before fork() cannot be joined after it");
	seat = calloc(1, sizeof(*seat));
	if (!seat)
		return reason_set(REASON_NO_MEMORY, "no memory for a seat");
	seat->clk = clk;
	seat->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (seat->wake_fd < 0) {
		why = reason_set(REASON_FILE_IO, "no descriptor for a seat: %s; raise the limit",
				 strerror(errno));
		goto out;
	}
	if (clk->sh) {
		why = seat_enter(clk, name, &index);
		if (why != REASON_OK)
			goto out;
		why = ticker_begin(clk);
		if (why != REASON_OK)
			goto out;
	}
	seat->index = index;
	local_lock(clk);
	seat->next = clk->seats;
	clk->seats = seat;
	local_unlock(clk);
	own_seat = seat;
	*out = seat;
	seat = NULL;
	index = -1;
out:
	if (index >= 0)
		seat_give_back(clk, index);
	if (seat && seat->wake_fd >= 0)
		close(seat->wake_fd);
	free(seat);
	return why;
}

void clock_leave(struct clock_seat *seat)
{
	struct clock *clk;

	if (!seat)
		return;
	clk = seat->clk;
	local_lock(clk);
	for (struct clock_seat **at = &clk->seats; *at; at = &(*at)->next) {
		if (*at == seat) {
			*at = seat->next;
			break;
		}
	}
	local_unlock(clk);
	if (clk->sh)
		seat_give_back(clk, seat->index);
	if (own_seat == seat)
		own_seat = NULL;
	close(seat->wake_fd);
	free(seat);
}

enum reason clock_adopt_child(struct clock *clk, pid_t child, const char *name)
{
	struct shared *sh = clk->sh;
	enum reason why;
	uint64_t start;
	int index;

	why = name_check(name);
	if (why != REASON_OK || !sh)
		return why;
	if (!process_start(child, &start))
		return reason_set(REASON_CLOCK_FILE,
				  "cannot adopt process %d: it is gone, or /proc is not mounted", (int)child);
	shared_lock(sh);
	/* It may be quicker than its parent and sit already. */
	for (int i = 0; i < CLOCK_SEATS; i++)
		if (sh->seats[i].pid == child && sh->seats[i].start == start)
			goto out;
	why = seat_take(sh, child, start, -1, name, true, &index);
	quiet_end(sh);
out:
	shared_unlock(sh);
	return why;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static enum reason stopped_reason(void)
{
	return reason_set(REASON_CLOCK_STOPPED,
			  "the rehearsal's clock was stopped; nothing more will happen in it");
}

static enum reason interrupted_reason(void)
{
	return reason_set(REASON_INTERRUPTED, "a signal ended a wait");
}

/* The seat waits from here on. True when its instant has come already, perhaps just by this. */
static bool seat_wait_begin(struct clock_seat *seat, struct wall until, bool via_ticker)
{
	struct shared *sh = seat->clk->sh;
	struct shared_seat *st = &sh->seats[seat->index];
	uint64_t mask, own = UINT64_C(1) << seat->index;
	bool came;

	shared_lock(sh);
	if (atomic_load(&sh->stopped) || until.us <= atomic_load(&sh->now_us)) {
		shared_unlock(sh);
		return true;
	}
	st->wake_us = until.us;
	st->via_ticker = via_ticker;
	stored();
	atomic_store(&st->state, SEAT_WAITING);
	mask = advance(sh);
	came = atomic_load(&st->state) == SEAT_RUNNING;
	shared_done(seat->clk, mask & ~own);
	return came;
}

/* The seat runs again, by its own decision or because its instant came. */
static void seat_wait_end(struct clock_seat *seat)
{
	struct shared *sh = seat->clk->sh;
	struct shared_seat *st = &sh->seats[seat->index];

	if (atomic_load(&st->state) == SEAT_RUNNING)
		return; /* whoever advanced has done it */
	shared_lock(sh);
	atomic_store(&st->state, SEAT_RUNNING);
	quiet_end(sh);
	shared_unlock(sh);
}

static enum reason wait_virtual(struct clock_seat *seat, struct wall until)
{
	struct shared *sh = seat->clk->sh;
	struct shared_seat *st = &sh->seats[seat->index];

	for (;;) {
		if (atomic_load(&sh->stopped))
			return stopped_reason();
		if (until.us <= atomic_load(&sh->now_us))
			return REASON_OK;
		if (seat_wait_begin(seat, until, false))
			continue;
		while (atomic_load(&st->state) == SEAT_WAITING) {
			if (futex_wait(&st->state, SEAT_WAITING, SLEEP_NS_MAX) == EINTR) {
				seat_wait_end(seat);
				/* The instant counts more than the signal, else a caller could miss it. */
				return until.us <= atomic_load(&sh->now_us) ? REASON_OK
									    : interrupted_reason();
			}
		}
	}
}

static enum reason wait_real(clockid_t which, int64_t until_ns)
{
	int64_t now_ns = real_ns(which);
	struct timespec ts;
	int error;

	while (now_ns < until_ns) {
		ts = timespec_of(until_ns);
		error = clock_nanosleep(which, TIMER_ABSTIME, &ts, NULL);
		if (error == EINTR)
			return interrupted_reason();
		BUG_IF(error != 0, "sleeping until an instant is possible");
		now_ns = real_ns(which);
	}
	return REASON_OK;
}

static int64_t ns_of_us(int64_t us)
{
	return us > INT64_MAX / NS_PER_US ? INT64_MAX : us * NS_PER_US;
}

enum reason clock_wait_until(struct clock_seat *seat, struct wall until)
{
	if (seat->clk->sh)
		return wait_virtual(seat, until);
	return wait_real(CLOCK_REALTIME, ns_of_us(until.us));
}

enum reason clock_wait_us(struct clock_seat *seat, int64_t us)
{
	struct wall until;
	int64_t until_ns;

	if (us < 0)
		us = 0;
	if (!seat->clk->sh) {
		/* An interval, so a wall clock that is set meanwhile does not matter. */
		if (__builtin_add_overflow(real_ns(CLOCK_MONOTONIC), ns_of_us(us), &until_ns))
			until_ns = INT64_MAX;
		return wait_real(CLOCK_MONOTONIC, until_ns);
	}
	if (__builtin_add_overflow(clock_wall(seat->clk).us, us, &until.us))
		until = CLOCK_NEVER;
	return wait_virtual(seat, until);
}

/*
 * The seat waits and from here on the ticker answers for it: both in one step of the local lock, else the ticker could
 * take a seat that does not wait yet for one that is due. True when its instant has come already.
 */
static bool sleeper_begin(struct clock_seat *seat, struct wall until, void (*wake)(void *), void *arg)
{
	bool came = true;

	local_lock(seat->clk);
	seat->until = until;
	seat->wake = wake;
	seat->wake_arg = arg;
	seat->signalled = false;
	if (seat->clk->sh)
		came = seat_wait_begin(seat, until, true);
	seat->in_wait = true;
	local_unlock(seat->clk);
	return came;
}

static void sleeper_end(struct clock_seat *seat)
{
	uint64_t count;

	if (seat->clk->sh)
		seat_wait_end(seat);
	local_lock(seat->clk);
	seat->in_wait = false;
	/* `wake` leaves the eventfd empty. */
	if (seat->signalled && !seat->wake)
		BUG_IF(read(seat->wake_fd, &count, sizeof(count)) != sizeof(count),
		       "a signalled eventfd can be read");
	local_unlock(seat->clk);
}

static enum reason poll_failed(void)
{
	if (errno == EINTR)
		return interrupted_reason();
	return reason_set(errno == ENOMEM ? REASON_NO_MEMORY : REASON_INTERNAL, "poll failed: %s",
			  strerror(errno));
}

static enum reason poll_virtual(struct clock_seat *seat, struct pollfd *fds, nfds_t fd_count,
				struct wall until, int *out_ready)
{
	struct pollfd all[CLOCK_POLL_MAX + 1];
	struct shared *sh = seat->clk->sh;
	struct timespec at_once = { 0 };
	int ready;

	if (fd_count > CLOCK_POLL_MAX)
		return reason_set(REASON_INTERNAL, "clock_poll takes %d descriptors, not %lu", CLOCK_POLL_MAX,
				  (unsigned long)fd_count);
	if (atomic_load(&sh->stopped))
		return stopped_reason();
	/* What is ready now is handled at this instant: time must not move before it. */
	ready = ppoll(fds, fd_count, &at_once, NULL);
	if (ready < 0)
		return poll_failed();
	if (fd_count > 0)
		memcpy(all, fds, fd_count * sizeof(*fds));
	all[fd_count] = (struct pollfd){ .fd = seat->wake_fd, .events = POLLIN };
	while (ready == 0 && until.us > atomic_load(&sh->now_us)) {
		if (!sleeper_begin(seat, until, NULL, NULL)) {
			ready = ppoll(all, fd_count + 1, NULL, NULL);
			if (ready > 0 && all[fd_count].revents != 0)
				ready--; /* the instant, not one of the caller's */
		}
		if (ready < 0) {
			enum reason why = poll_failed();

			sleeper_end(seat);
			/* The instant counts more than the signal, else a caller could miss it. */
			if (until.us > atomic_load(&sh->now_us))
				return atomic_load(&sh->stopped) ? stopped_reason() : why;
			ready = 0;
			break;
		}
		sleeper_end(seat);
		if (atomic_load(&sh->stopped))
			return stopped_reason();
	}
	for (nfds_t i = 0; i < fd_count; i++)
		fds[i].revents = ready > 0 && all[i].revents != 0 ? all[i].revents : 0;
	*out_ready = ready;
	return REASON_OK;
}

enum reason clock_poll(struct clock_seat *seat, struct pollfd *fds, nfds_t fd_count, struct wall until,
		       int *out_ready)
{
	if (seat->clk->sh)
		return poll_virtual(seat, fds, fd_count, until, out_ready);
	for (;;) {
		int64_t us = until.us - clock_wall(seat->clk).us;
		int64_t sleep_ns = us <= 0                         ? 0
				   : us > SLEEP_NS_MAX / NS_PER_US ? SLEEP_NS_MAX
								   : us * NS_PER_US;
		struct timespec ts = timespec_of(sleep_ns);
		int ready = ppoll(fds, fd_count, &ts, NULL);

		if (ready < 0)
			return poll_failed();
		if (ready > 0 || us <= 0) {
			*out_ready = ready;
			return REASON_OK;
		}
	}
}

void clock_idle_begin(struct clock_seat *seat, struct wall until, void (*wake)(void *), void *arg)
{
	struct clock *clk = seat->clk;

	if (!clk->sh)
		BUG_IF(ticker_begin(clk) != REASON_OK,
		       "a program that serves sockets can start one thread more");
	if (sleeper_begin(seat, until, wake, arg))
		ticker_kick(clk); /* it calls `wake`, or works out anew how long to sleep */
}

void clock_idle_end(struct clock_seat *seat)
{
	sleeper_end(seat);
}

/* ---- messages under way ---------------------------------------------------------------------------------------- */

void clock_hold(struct clock *clk)
{
	struct shared *sh = clk->sh;

	if (!sh)
		return;
	shared_lock(sh);
	BUG_IF(process_enter(clk) != REASON_OK, "a process that holds the clock has a place in it");
	sh->processes[clk->process].hold_count++;
	quiet_end(sh);
	shared_unlock(sh);
}

void clock_unhold(struct clock *clk)
{
	struct shared *sh = clk->sh;
	struct shared_process *ps;
	uint64_t mask = 0;

	if (!sh)
		return;
	shared_lock(sh);
	BUG_IF(clk->process < 0 || sh->processes[clk->process].hold_count <= 0, "a hold is given back once");
	ps = &sh->processes[clk->process];
	if (--ps->hold_count == 0)
		mask = advance(sh);
	shared_done(clk, mask);
}

enum reason clock_wire_open(struct clock *clk, uint16_t receiver_port, struct clock_wire **out)
{
	struct clock_wire *wire = calloc(1, sizeof(*wire));
	struct shared *sh = clk->sh;
	int index = -1;

	if (!wire)
		return reason_set(REASON_NO_MEMORY, "no memory for a wire");
	*wire = (struct clock_wire){ .clk = clk, .index = -1 };
	if (sh) {
		shared_lock(sh);
		for (int round = 0; round < 2 && index < 0; round++) {
			/* The port is ours now, so whoever had it before is gone. */
			for (int i = 0; i < CLOCK_WIRES; i++)
				if (sh->wires[i].pid != 0 && sh->wires[i].port == receiver_port)
					sh->wires[i].pid = 0;
			for (int i = 0; i < CLOCK_WIRES && index < 0; i++)
				if (sh->wires[i].pid == 0)
					index = i;
			if (index < 0)
				dead_drop(sh, true);
		}
		if (index >= 0) {
			struct shared_wire *wr = &sh->wires[index];

			wr->port = receiver_port;
			wr->start = clk->start;
			wr->sent_count = 0;
			wr->done_count = 0;
			wr->serial = ++sh->wire_serial;
			wire->serial = wr->serial;
			stored();
			wr->pid = clk->pid;
		}
		shared_unlock(sh);
		if (index < 0) {
			free(wire);
			return table_full("wire", CLOCK_WIRES);
		}
		wire->index = index;
	}
	*out = wire;
	return REASON_OK;
}

/* The shared half of a wire, or NULL when the port has gone to another since; under the shared lock. */
static struct shared_wire *wire_shared(const struct clock_wire *wire)
{
	struct shared_wire *wr = &wire->clk->sh->wires[wire->index];

	if (wr->pid == 0 || wr->serial != wire->serial)
		return NULL;
	return wr;
}

void clock_wire_done(struct clock_wire *wire, uint32_t frame_count)
{
	struct shared *sh = wire->clk->sh;
	struct shared_wire *wr;
	uint64_t mask = 0;

	if (!sh)
		return;
	shared_lock(sh);
	wr = wire_shared(wire);
	if (wr) {
		/* Frames from before the wire was opened were not counted when sent. */
		wr->done_count += frame_count;
		if (wr->done_count > wr->sent_count)
			wr->done_count = wr->sent_count;
		if (wr->done_count == wr->sent_count)
			mask = advance(sh);
	}
	shared_done(wire->clk, mask);
}

void clock_wire_close(struct clock_wire *wire)
{
	struct shared_wire *wr;
	struct shared *sh;
	uint64_t mask;

	if (!wire)
		return;
	sh = wire->clk->sh;
	if (sh) {
		shared_lock(sh);
		wr = wire_shared(wire);
		if (wr)
			wr->pid = 0;
		mask = advance(sh);
		shared_done(wire->clk, mask);
	}
	free(wire);
}

bool clock_wire_sent(struct clock *clk, uint16_t receiver_port, uint32_t frame_count)
{
	struct shared *sh = clk->sh;
	bool found = false;

	if (!sh)
		return true;
	shared_lock(sh);
	for (int i = 0; i < CLOCK_WIRES && !found; i++) {
		struct shared_wire *wr = &sh->wires[i];

		if (wr->pid == 0 || wr->port != receiver_port)
			continue;
		wr->sent_count += frame_count;
		found = true;
	}
	if (found)
		quiet_end(sh);
	shared_unlock(sh);
	return found;
}

/* ---- the driver ------------------------------------------------------------------------------------------------ */

static enum reason virtual_only(const struct clock *clk)
{
	if (clk->sh)
		return REASON_OK;
	return reason_set(REASON_INTERNAL, "real time cannot be driven");
}

enum reason clock_set_pace(struct clock *clk, enum clock_pace pace, int64_t speed_ppm)
{
	enum reason why = virtual_only(clk);
	uint64_t mask;

	if (why != REASON_OK)
		return why;
	if (pace == CLOCK_SPEED && speed_ppm <= 0)
		return reason_set(REASON_BAD_USAGE, "a speed is over 0 ppm, not %lld", (long long)speed_ppm);
	shared_lock(clk->sh);
	quiet_end(clk->sh);
	if (pace == CLOCK_SPEED)
		clk->sh->speed_ppm = speed_ppm;
	clk->sh->step_to_us = STEP_NONE;
	atomic_store(&clk->sh->pace, pace);
	mask = advance(clk->sh);
	shared_done(clk, mask);
	for (int i = 0; i < CLOCK_PROCESSES; i++)
		process_kick(clk->sh, i); /* the tickers' rhythm depends on the pace */
	return REASON_OK;
}

enum reason clock_set_limit(struct clock *clk, struct wall limit)
{
	enum reason why = virtual_only(clk);
	uint64_t mask;

	if (why != REASON_OK)
		return why;
	shared_lock(clk->sh);
	clk->sh->limit_us = limit.us;
	mask = advance(clk->sh);
	shared_done(clk, mask);
	return REASON_OK;
}

/* One look of clock_step: has it arrived? Begins it the first time. */
static uint64_t step_look(struct shared *sh, bool begin, int64_t to_us, bool *out_arrived)
{
	uint64_t mask;

	if (begin)
		sh->step_to_us = to_us;
	dead_drop(sh, false);
	mask = advance(sh);
	*out_arrived = sh->step_to_us == STEP_NONE;
	return mask;
}

enum reason clock_step(struct clock *clk, struct wall to)
{
	struct clock_seat *seat = own_seat && own_seat->clk == clk ? own_seat : NULL;
	struct shared *sh = clk->sh;
	enum reason why = virtual_only(clk);
	bool arrived = false, begin = true;
	struct shared_seat *st;

	if (why != REASON_OK)
		return why;
	st = seat ? &sh->seats[seat->index] : NULL;
	if (atomic_load(&sh->pace) != CLOCK_STILL)
		return reason_set(REASON_BAD_USAGE,
				  "a clock that moves by itself cannot be stepped; set it still");
	if (to.us > sh->limit_us || to.us == CLOCK_NEVER.us)
		return reason_set(REASON_BAD_USAGE, "a step cannot pass the clock's limit");
	while (why == REASON_OK && !arrived) {
		uint32_t value = atomic_load(&sh->step_word);
		uint64_t mask;

		shared_lock(sh);
		if (st) { /* the caller waits for the step's end, not for an instant */
			st->wake_us = INT64_MAX;
			st->via_ticker = true;
			stored();
			atomic_store(&st->state, SEAT_WAITING);
		}
		mask = step_look(sh, begin, to.us, &arrived);
		begin = false;
		shared_done(clk, mask);
		if (atomic_load(&sh->stopped))
			why = stopped_reason();
		else if (!arrived && futex_wait(&sh->step_word, value, TICK_NS) == EINTR)
			why = interrupted_reason();
	}
	shared_lock(sh);
	if (why == REASON_INTERRUPTED)
		sh->step_to_us = STEP_NONE;
	if (st)
		atomic_store(&st->state, SEAT_RUNNING);
	shared_unlock(sh);
	return why;
}

void clock_stop(struct clock *clk)
{
	struct shared *sh = clk->sh;

	if (!sh)
		return;
	shared_lock(sh);
	atomic_store(&sh->stopped, 1);
	quiet_end(sh);
	for (int i = 0; i < CLOCK_SEATS; i++)
		if (seat_used(&sh->seats[i]))
			atomic_store(&sh->seats[i].state, SEAT_RUNNING);
	shared_unlock(sh);
	everybody_wake(sh);
}

/* Adds one item, whole or not at all. */
static void holders_add(char *out, size_t out_size, size_t *len, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void holders_add(char *out, size_t out_size, size_t *len, const char *fmt, ...)
{
	const char *between = *len > 0 ? "; " : "";
	char item[CLOCK_NAME_SIZE + 64];
	va_list args;
	int item_len;

	va_start(args, fmt);
	item_len = vsnprintf(item, sizeof(item), fmt, args);
	va_end(args);
	if (item_len < 0 || (size_t)item_len >= sizeof(item) ||
	    *len + strlen(between) + (size_t)item_len >= out_size)
		return;
	*len += (size_t)snprintf(out + *len, out_size - *len, "%s%s", between, item);
}

const char *clock_holders(const struct clock *clk, char *out, size_t out_size)
{
	struct shared *sh = clk->sh;
	int64_t wanted_us = INT64_MAX;
	char text[KST_TEXT_SIZE];
	size_t len = 0;

	if (out_size == 0)
		return out;
	out[0] = '\0';
	if (!sh) {
		holders_add(out, out_size, &len, "real time, held by nobody");
		return out;
	}
	shared_lock(sh);
	for (int i = 0; i < CLOCK_SEATS; i++) {
		const struct shared_seat *st = &sh->seats[i];

		if (seat_used(st) && atomic_load(&st->state) == SEAT_RUNNING)
			holders_add(out, out_size, &len, "%s %s", st->name,
				    st->adopted ? "starting" : "running");
	}
	for (int i = 0; i < CLOCK_PROCESSES; i++)
		if (sh->processes[i].pid != 0 && sh->processes[i].hold_count > 0)
			holders_add(out, out_size, &len, "process %d %lld messages", sh->processes[i].pid,
				    (long long)sh->processes[i].hold_count);
	for (int i = 0; i < CLOCK_WIRES; i++)
		if (wire_busy(&sh->wires[i]))
			holders_add(out, out_size, &len, "wire %u %llu frames", sh->wires[i].port,
				    (unsigned long long)(sh->wires[i].sent_count - sh->wires[i].done_count));
	if (len == 0 && all_wait(sh, &wanted_us))
		holders_add(out, out_size, &len, "nobody; next instant %s",
			    kst_wall_text((struct wall){ wanted_us }, text));
	shared_unlock(sh);
	return out;
}
