#include "shared/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/banned.h"

static void child_fail(int report_fd, int error)
{
	ssize_t unused = write(report_fd, &error, sizeof(error));

	(void)unused; /* nobody left to tell */
	_exit(127);
}

static _Noreturn void child_run(struct clock *clk, const struct spawn *order, int report_fd)
{
	union {
		const char *const *in;
		char *const *out;
	} args = { .in = order->argv };
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (clk != NULL && order->joins && clock_is_virtual(clk) &&
	    clock_adopt_child(clk, getpid(), "child") != REASON_OK)
		child_fail(report_fd, EAGAIN);
	if (order->session)
		(void)setsid();
	if ((order->stdin_fd >= 0 && dup2(order->stdin_fd, 0) < 0) ||
	    (order->stdout_fd >= 0 && dup2(order->stdout_fd, 1) < 0) ||
	    (order->stderr_fd >= 0 && dup2(order->stderr_fd, 2) < 0))
		child_fail(report_fd, errno);
	execv(order->path, args.out);
	child_fail(report_fd, errno);
	_exit(127);
}

enum reason spawn_start(struct clock *clk, const struct spawn *order, pid_t *out_child)
{
	int report[2], error = 0;
	ssize_t got;
	pid_t child;

	if (pipe2(report, O_CLOEXEC) != 0)
		return reason_set(REASON_FILE_IO, "pipe: %s", strerror(errno));
	(void)fflush(NULL);
	if (clk != NULL)
		clock_hold(clk);
	child = fork();
	if (child == 0)
		child_run(clk, order, report[1]);
	(void)close(report[1]);
	/* End of file = exec closed it: the child holds the clock by itself from here on. */
	do {
		got = child > 0 ? read(report[0], &error, sizeof(error)) : 0;
	} while (got < 0 && errno == EINTR);
	(void)close(report[0]);
	if (clk != NULL)
		clock_unhold(clk);
	if (child < 0)
		return reason_set(REASON_NO_MEMORY, "fork for %s: %s", order->path, strerror(errno));
	*out_child = child;
	if (got == (ssize_t)sizeof(error))
		return reason_set(error == ENOENT ? REASON_FILE_MISSING : REASON_FILE_RIGHTS,
				  "%s cannot be started: %s; is it built and installed? "
				  "run: make",
				  order->path, strerror(error));
	return REASON_OK;
}
