#include "phases/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define UP_S_MAX   60 /* from the launch to the first sign of life in the lease row */
#define STOP_S_MAX 30 /* an observer's time to give back the lease */
#define END_S_MAX  5 /* SIGTERM to SIGKILL of a program that did not come up */

/* ---- the child -------------------------------------------------------------------------------------------------- */

static void child_exec(const char *path, const char *out_path, char *const *argv, int go)
{
	char byte;
	int null_fd, out_fd;

	/* The parent writes one byte when the child has its seat in the clock: no time passes while it starts. */
	if (read(go, &byte, 1) != 1)
		_exit(75);
	(void)setsid();
	(void)signal(SIGPIPE, SIG_DFL);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out_fd = open(out_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (null_fd < 0 || out_fd < 0 || dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0)
		_exit(75);
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	execv(path, argv);
	dprintf(2, "gate: %s: %s; build and install it: make install\n", path, strerror(errno));
	_exit(errno == ENOENT ? 78 : 77);
}

static enum reason start(struct phase *ph, const struct launch *what, char *path, char *out_path,
			 pid_t *out_pid)
{
	char number[24], certificate[] = "--certificate", config[] = "--config", account[] = "--account";
	char program[16], conf_path[sizeof(ph->cfg.path)], name[sizeof(ph->acct->name)];
	char *argv[8] = { program, config, conf_path, account, name, NULL, NULL, NULL };
	int go[2];
	enum reason why = REASON_OK;
	pid_t pid;

	(void)snprintf(program, sizeof(program), "%s", what->program);
	memcpy(conf_path, ph->cfg.path, sizeof(conf_path));
	memcpy(name, ph->acct->name, sizeof(name));
	(void)snprintf(number, sizeof(number), "%" PRId64, what->certificate_id);
	if (what->certificate_id != 0) {
		argv[5] = certificate;
		argv[6] = number;
	}
	if (pipe2(go, O_CLOEXEC) != 0)
		return reason_set(REASON_GATE_LAUNCH, "pipe for %s: %s", what->program, strerror(errno));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child_exec(path, out_path, argv, go[0]);
	if (pid < 0)
		why = reason_set(REASON_GATE_LAUNCH, "fork for %s: %s", what->program, strerror(errno));
	if (why == REASON_OK && clock_is_virtual(ph->clock))
		why = clock_adopt_child(ph->clock, pid, what->program);
	if (why == REASON_OK && write(go[1], "g", 1) != 1)
		why = reason_set(REASON_GATE_LAUNCH, "%s could not be told to start", what->program);
	(void)close(go[0]);
	(void)close(go[1]); /* without its byte the child ends by itself */
	*out_pid = pid;
	return why;
}

/* ---- up? ---------------------------------------------------------------------------------------------------------- */

static bool state_up(const char *state)
{
	static const char *const up[] = { "READY", "TRADING", "OBSERVING" };

	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		if (strcmp(state, up[i]) == 0)
			return true;
	}
	return false;
}

static bool holder_pid(const char *holder, int64_t *out_pid)
{
	const char *first = strchr(holder, ':'), *second = first ? strchr(first + 1, ':') : NULL;

	return second && num_parse(first + 1, (size_t)(second - first - 1), out_pid) && *out_pid > 1;
}

static enum reason is_up(struct phase *ph, const struct launch *what, pid_t pid, bool *out_up)
{
	int64_t young_us = conf_number(&ph->cfg, CONF_HEARTBEAT_OLD_S) * US_PER_S, holder = 0;
	struct wall now = phase_now(ph);
	enum reason why = tbl_lease_read(ph->db, ph->account.account_id, &ph->lease);

	*out_up = why == REASON_OK && ph->lease.kind == LEASE_TRADE &&
		  strcmp(ph->lease.program, what->program) == 0 && holder_pid(ph->lease.holder, &holder) &&
		  holder == pid && (what->epoch == 0 || ph->lease.epoch == what->epoch) &&
		  state_up(ph->lease.state) && wall_diff_us(now, ph->lease.heartbeat) <= young_us;
	return why;
}

static enum reason ended(const struct launch *what, int status, const char *out_path)
{
	if (WIFEXITED(status))
		return reason_set(REASON_GATE_LAUNCH,
				  "%s ended with %d before it was up; its last line is in %s", what->program,
				  WEXITSTATUS(status), out_path);
	return reason_set(REASON_GATE_LAUNCH, "signal %d ended %s before it was up; look at %s",
			  WTERMSIG(status), what->program, out_path);
}

/* A second, or the child's end: an unreaped child would hold a virtual clock for ever. */
static enum reason look_again(struct phase *ph, int pidfd)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN, .revents = 0 };
	int ready = 0;
	enum reason why = clock_poll(ph->seat, &fd, 1, wall_add_us(phase_now(ph), PHASE_WAIT_US), &ready);

	return why == REASON_OK || why == REASON_INTERRUPTED ? phase_check(ph) : why;
}

static enum reason watch(struct phase *ph, const struct launch *what, pid_t pid, int pidfd,
			 const char *out_path, bool *out_ended)
{
	struct wall until = wall_add_us(phase_now(ph), UP_S_MAX * US_PER_S);
	bool up = false;
	int status;
	enum reason why;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			*out_ended = true;
			return ended(what, status, out_path);
		}
		why = is_up(ph, what, pid, &up);
		if (why != REASON_OK || up)
			return why;
		if (phase_now(ph).us >= until.us)
			return reason_set(REASON_GATE_LAUNCH, "%s did not say READY within %d s; look at %s",
					  what->program, UP_S_MAX, out_path);
		why = look_again(ph, pidfd);
		if (why != REASON_OK)
			return why;
	}
}

static enum reason wait_up(struct phase *ph, const struct launch *what, pid_t pid, const char *out_path,
			   bool *out_ended)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum reason why;

	*out_ended = false;
	if (pidfd < 0)
		return reason_set(REASON_GATE_LAUNCH, "pidfd_open for %s: %s", what->program,
				  strerror(errno));
	why = watch(ph, what, pid, pidfd, out_path, out_ended);
	(void)close(pidfd);
	return why;
}

/* What did not come up must not come up later. Real time: a program that hangs does not wait in the clock. */
static void end_child(pid_t pid)
{
	struct timespec tenth = { 0, 100000000 };

	(void)kill(pid, SIGTERM);
	for (int i = 0; i < END_S_MAX * 10; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		(void)nanosleep(&tenth, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

enum reason launch(struct phase *ph, const struct launch *what, pid_t *out_pid)
{
	char path[FILE_PATH_SIZE], out_path[FILE_PATH_SIZE], out_name[40], detail[DETAIL_SIZE];
	bool gone = false;
	pid_t pid = -1;
	enum reason why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), what->program, path);

	(void)snprintf(out_name, sizeof(out_name), "%s.out", what->program);
	if (why == REASON_OK)
		why = file_join(conf_text(&ph->cfg, CONF_STATE_DIR), out_name, out_path);
	if (why != REASON_OK)
		return why;
	why = start(ph, what, path, out_path, &pid);
	if (why == REASON_OK)
		why = wait_up(ph, what, pid, out_path, &gone);
	if (why != REASON_OK && pid > 0 && !gone) {
		(void)snprintf(detail, sizeof(detail), "%s", reason_detail());
		end_child(pid);
		return reason_set(why, "%s", detail);
	}
	*out_pid = pid;
	return why;
}

/* ---- the observer before ------------------------------------------------------------------------------------------- */

/* The pid of the lease is only believed on this host, since this boot, and while it still is that program. */
static bool ours_to_stop(const struct phase *ph, int64_t pid)
{
	char mine[sizeof(ph->holder)], path[64];
	const char *mine_boot = strrchr(ph->holder, ':'), *their_boot = strrchr(ph->lease.holder, ':');
	size_t host_len = strcspn(ph->holder, ":");
	uint8_t *comm = NULL;
	size_t comm_size = 0;
	bool same;

	(void)snprintf(mine, sizeof(mine), "%s", ph->holder);
	if (!mine_boot || !their_boot || strcmp(mine_boot, their_boot) != 0 ||
	    strncmp(ph->lease.holder, mine, host_len + 1) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", pid);
	if (file_read(path, 64, &comm, &comm_size) != REASON_OK)
		return false;
	same = strncmp((char *)comm, ph->lease.program, strlen(ph->lease.program)) == 0;
	file_free(comm, comm_size);
	return same;
}

enum reason launch_stop_observer(struct phase *ph)
{
	struct wall until = wall_add_us(phase_now(ph), STOP_S_MAX * US_PER_S);
	int64_t pid = 0;
	enum reason why;

	if (!holder_pid(ph->lease.holder, &pid) || !ours_to_stop(ph, pid))
		return reason_set(
			REASON_GATE_LAUNCH,
			"the observer that holds the lease (%s) does not run on this host; stop it there",
			ph->lease.holder);
	if (kill((pid_t)pid, SIGTERM) != 0 && errno != ESRCH)
		return reason_set(REASON_GATE_LAUNCH, "the observer cannot be stopped: %s", strerror(errno));
	while (phase_trade_alive(ph)) { /* not by its state: that changes while it stops */
		if (phase_now(ph).us >= until.us)
			return reason_set(REASON_GATE_LAUNCH,
					  "the observer (pid %lld) did not give back the lease in %d s",
					  (long long)pid, STOP_S_MAX);
		why = phase_wait_until(ph, wall_add_us(phase_now(ph), PHASE_WAIT_US));
		if (why == REASON_OK)
			why = tbl_lease_read(ph->db, ph->account.account_id, &ph->lease);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}
