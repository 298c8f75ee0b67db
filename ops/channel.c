#include "ops/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/banned.h"

#define COMMAND_WAIT_MS 10000

/* The command's text is the user's own; level and code are ours and hold no blanks. */
static enum reason run_command(const char *command, const char *level, const char *code, const char *text)
{
	int fds[2], pidfd, status = 0;
	struct pollfd poll_fd = { .events = POLLIN };
	pid_t child;

	if (pipe(fds) != 0)
		return reason_set(REASON_FILE_IO, "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return reason_set(REASON_NO_MEMORY, "fork: %s", strerror(errno));
	}
	if (child == 0) {
		(void)dup2(fds[0], 0);
		(void)close(fds[0]);
		(void)close(fds[1]);
		execl(command, command, level, code, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	if (write(fds[1], text, strlen(text)) < 0 && errno != EPIPE)
		status = -1;
	(void)close(fds[1]);
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	poll_fd.fd = pidfd;
	if (pidfd < 0 || poll(&poll_fd, 1, COMMAND_WAIT_MS) != 1)
		(void)kill(child, SIGKILL);
	if (pidfd >= 0)
		(void)close(pidfd);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return reason_set(REASON_NO_ANSWER,
				  "the alert command %s ended with %d; run it by hand with the text on its "
				  "standard input",
				  command, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return REASON_OK;
}

enum reason channel_send(const struct conf *cfg, const char *level, const char *code, const char *text)
{
	const char *kind = conf_text(cfg, CONF_ALERTS), *target = conf_text(cfg, CONF_ALERT_TARGET);
	char line[800];

	if (strcmp(kind, "none") == 0)
		return REASON_OK;
	if (target[0] == '\0')
		return reason_set(REASON_ALERTS_UNSET,
				  "alerts = %s needs alert_target: a file's or a command's path", kind);
	if (strcmp(kind, "command") == 0)
		return run_command(target, level, code, text);
	(void)snprintf(line, sizeof(line), "%s %s %.700s", level, code, text);
	return file_append_line(target, line);
}
