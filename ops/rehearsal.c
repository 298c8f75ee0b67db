#include "ops/process.h"
#include "ops/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/spawn.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define STOP_WAIT_MS 5000

/* ---- its children ---- */

/* Reaps whatever ended: the child that is waited for, the simulator, or what the gate left behind (worker, observer). */
static void reap(struct rehearsal *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

		if (pid == r->wanted_child) {
			r->wanted_done = true;
			r->wanted_exit = code;
		} else if (pid == r->broker) {
			r->broker = 0;
			r->broker_exit = code;
		} else {
			r->strangers++;
			r->stranger_exit = code;
		}
	}
}

enum reason rehearsal_wait(struct rehearsal *r, struct wall until)
{
	struct pollfd fd = { .fd = r->child_fd, .events = POLLIN, .revents = 0 };
	struct signalfd_siginfo info;
	int ready = 0;
	enum reason why = REASON_OK;

	reap(r);
	if (r->wanted_child != 0 && r->wanted_done)
		return REASON_OK;
	if (r->seat != NULL)
		why = clock_poll(r->seat, &fd, 1, until, &ready);
	else if (poll(&fd, 1, -1) < 0 && errno != EINTR)
		why = reason_set(REASON_FILE_IO, "poll: %s", strerror(errno));
	if (why == REASON_INTERRUPTED)
		why = REASON_OK;
	while (read(r->child_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			r->interrupted = true;
	}
	reap(r);
	if (why == REASON_OK && r->interrupted)
		return reason_set(REASON_INTERRUPTED, "stopped by a signal; ops/stop ends what is still up");
	if (why == REASON_OK && r->broker_started && r->broker == 0)
		return reason_set(REASON_REHEARSAL_FAILED,
				  "the simulator ended with %d; its log is %s/broker.log", r->broker_exit,
				  r->dir);
	return why;
}

enum reason rehearsal_run(struct rehearsal *r, const char *input, const char *const *argv, int *out_exit)
{
	int pipe_fds[2] = { -1, -1 };
	struct spawn order = SPAWN_INIT;
	enum reason why;
	pid_t child = 0;

	if (input != NULL && pipe2(pipe_fds, O_CLOEXEC) != 0)
		return reason_set(REASON_FILE_IO, "pipe: %s", strerror(errno));
	order.path = argv[0];
	order.argv = argv;
	order.stdin_fd = pipe_fds[0];
	why = spawn_start(r->clock, &order, &child);
	if (input != NULL) {
		size_t len = strlen(input);

		(void)close(pipe_fds[0]);
		if (why == REASON_OK && write(pipe_fds[1], input, len) != (ssize_t)len)
			why = reason_set(REASON_FILE_IO, "could not hand a secret to %s: %s", argv[0],
					 strerror(errno));
		(void)close(pipe_fds[1]);
	}
	if (why != REASON_OK)
		return why;
	r->wanted_child = child;
	r->wanted_done = false;
	while (why == REASON_OK && !r->wanted_done)
		why = rehearsal_wait(r, CLOCK_NEVER);
	*out_exit = r->wanted_exit;
	r->wanted_child = 0;
	return why;
}

/* ---- what is left of it ---- */

enum reason rehearsal_note_pid(struct rehearsal *r, const char *name, pid_t pid)
{
	char path[FILE_PATH_SIZE], line[128];
	enum reason why = file_join(r->dir, "pids", path);

	if (why != REASON_OK)
		return why;
	(void)snprintf(line, sizeof(line), "%s %d %lld", name, (int)pid, (long long)process_start(pid));
	return file_append_line(path, line);
}

/* SIGTERM, a bounded wait, SIGKILL: to exactly the process that was noted. */
static void end_process(const char *name, pid_t pid, int64_t started)
{
	const struct timespec pause = { .tv_sec = 0, .tv_nsec = 20 * 1000 * 1000 };

	if (pid < 2 || started == 0 || process_start(pid) != started)
		return;
	(void)kill(pid, SIGTERM);
	for (int ms = 0; ms < STOP_WAIT_MS; ms += 20) {
		(void)waitpid(pid, NULL, WNOHANG);
		if (process_start(pid) != started) {
			printf("%s (pid %d) ended\n", name, (int)pid);
			return;
		}
		(void)nanosleep(&pause, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	printf("%s (pid %d) did not end by itself and was killed\n", name, (int)pid);
}

/* The worker is the gate's child, so nobody noted it here; its lease row names it. */
static void end_worker(struct rehearsal *r)
{
	struct house house = HOUSE_INIT;
	struct ops_args args = { .config = r->conf_path };
	struct lease_row lease;
	pid_t pid;

	if (access(r->conf_path, F_OK) == 0 &&
	    house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT, "gj_reader") ==
		    REASON_OK &&
	    tbl_lease_read(house.db, house.account.account_id, &lease) == REASON_OK &&
	    lease.kind != LEASE_NONE) {
		pid = process_of_holder(lease.holder);
		end_process(lease.program, pid, process_start(pid));
	}
	house_close(&house);
}

static void end_noted(struct rehearsal *r)
{
	char path[FILE_PATH_SIZE], name[32];
	uint8_t *text = NULL;
	size_t text_size = 0;

	if (file_join(r->dir, "pids", path) != REASON_OK || access(path, F_OK) != 0 ||
	    file_read(path, 65536, &text, &text_size) != REASON_OK)
		return;
	for (const char *line = (const char *)text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n'), *first = strchr(line, ' ');
		const char *second = first != NULL ? strchr(first + 1, ' ') : NULL;
		int64_t pid, started;

		if (end != NULL && second != NULL && second < end && (size_t)(first - line) < sizeof(name) &&
		    num_parse(first + 1, (size_t)(second - first - 1), &pid) &&
		    num_parse(second + 1, (size_t)(end - second - 1), &started)) {
			memcpy(name, line, (size_t)(first - line));
			name[first - line] = '\0';
			end_process(name, (pid_t)pid, started);
		}
		line = end != NULL ? end + 1 : NULL;
	}
	file_free(text, text_size);
	(void)unlink(path);
}

/* A worker ends in order only while time moves: it cancels, asks and waits. The driver's own seat must not hold it. */
static void let_time_go(struct rehearsal *r)
{
	char path[FILE_PATH_SIZE];

	clock_leave(r->seat);
	r->seat = NULL;
	if (r->clock == NULL && (file_join(r->dir, "clock", path) != REASON_OK || access(path, F_OK) != 0 ||
				 clock_open_virtual(path, &r->clock) != REASON_OK))
		return;
	(void)clock_set_pace(r->clock, CLOCK_EVENT, 0);
}

enum reason rehearsal_stop_left(struct rehearsal *r)
{
	char tool[FILE_PATH_SIZE], folder[FILE_PATH_SIZE];
	const char *argv[] = { tool, "stop", folder, NULL };
	int status = 0;
	enum reason why;

	r->broker_started = false;
	let_time_go(r);
	end_worker(r);
	/* A stopped clock lets every waiter go. */
	if (r->clock != NULL)
		clock_stop(r->clock);
	end_noted(r);
	clock_close(r->clock);
	r->clock = NULL;
	why = file_join(r->top, "ops/db", tool);
	if (why == REASON_OK)
		why = file_join(r->dir, "db", folder);
	if (why == REASON_OK && access(folder, F_OK) == 0)
		why = rehearsal_run(r, NULL, argv, &status);
	if (why == REASON_OK && status != 0)
		why = reason_set(REASON_NOT_RUNNING,
				 "ops/db stop %s ended with %d; its log is in that folder", folder, status);
	return why;
}
