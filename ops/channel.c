#include "ops/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/won.h"
#include "shared/base/banned.h"

#define COMMAND_WAIT_MS 10000
#define MEMORY_SIZE_MAX 1024 /* a code and a text of DETAIL_SIZE */

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

enum reason channel_send(const struct channel *channel, const char *level, const char *code, const char *text)
{
	char line[800];

	if (strcmp(channel->kind, "none") == 0)
		return REASON_OK;
	if (strcmp(channel->kind, "command") == 0)
		return run_command(channel->target, level, code, text);
	(void)snprintf(line, sizeof(line), "%s %s %.700s", level, code, text);
	return file_append_line(channel->target, line);
}

/* ---- where it goes ------------------------------------------------------------------------------------------------ */

void channel_of_conf(const struct conf *cfg, struct channel *out)
{
	(void)snprintf(out->kind, sizeof(out->kind), "%s", conf_text(cfg, CONF_ALERTS));
	(void)snprintf(out->target, sizeof(out->target), "%s", conf_text(cfg, CONF_ALERT_TARGET));
	(void)snprintf(out->state_dir, sizeof(out->state_dir), "%s", conf_text(cfg, CONF_STATE_DIR));
}

/* The value of `key` in `[section]`. False when it is not there, stands there twice, or does not fit. */
static bool value_of(const char *text, const char *section, const char *key, char *out, size_t out_size)
{
	size_t section_len = strlen(section), key_len = strlen(key), next;
	bool inside = false;
	int found = 0;

	for (const char *line = text; *line != '\0'; line += next) {
		const char *value = line + key_len;
		size_t line_len = strcspn(line, "\r\n"), value_len;

		next = line_len + strspn(line + line_len, "\r\n");
		if (line[0] == '[')
			inside = line_len == section_len + 2 && line[line_len - 1] == ']' &&
				 strncmp(line + 1, section, section_len) == 0;
		if (!inside || strncmp(line, key, key_len) != 0)
			continue;
		value += strspn(value, " \t");
		if (*value != '=')
			continue;
		value += 1 + strspn(value + 1, " \t");
		value_len = (size_t)(line + line_len - value);
		while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
			value_len--;
		if (value_len >= out_size)
			return false;
		memcpy(out, value, value_len);
		out[value_len] = '\0';
		found++;
	}
	return found == 1;
}

static bool channel_clear_enough(const struct channel *channel)
{
	if (strcmp(channel->kind, "none") == 0)
		return true;
	return (strcmp(channel->kind, "file") == 0 || strcmp(channel->kind, "command") == 0) &&
	       channel->target[0] == '/';
}

enum reason channel_of_file(const char *path, struct channel *out)
{
	struct channel channel = { 0 };
	uint8_t *text = NULL;
	size_t text_size = 0;
	struct stat st;
	enum reason why;

	path = conf_path(path);
	if (stat(path, &st) != 0)
		return reason_set(REASON_CONF_FILE, "cannot read %s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return reason_set(REASON_FILE_MODE, "others may write %s", path);
	why = file_read(path, CONF_SIZE_MAX, &text, &text_size);
	if (why != REASON_OK)
		return why;
	(void)value_of((const char *)text, "gaejang", "alert_target", channel.target, sizeof(channel.target));
	if (!value_of((const char *)text, "paths", "state_dir", channel.state_dir,
		      sizeof(channel.state_dir)) ||
	    channel.state_dir[0] != '/')
		channel.state_dir[0] = '\0';
	if (value_of((const char *)text, "gaejang", "alerts", channel.kind, sizeof(channel.kind)) &&
	    channel_clear_enough(&channel))
		*out = channel;
	else
		why = reason_set(REASON_ALERTS_UNSET, "%s does not name an alert channel", path);
	file_free(text, text_size);
	return why;
}

/* ---- what it told last -------------------------------------------------------------------------------------------- */

static bool memory_path(const struct channel *channel, const char *who, char out[static FILE_PATH_SIZE])
{
	char name[FILE_PATH_SIZE];

	return channel->state_dir[0] != '\0' &&
	       snprintf(name, sizeof(name), "%s.told", who) < (int)sizeof(name) &&
	       file_join(channel->state_dir, name, out) == REASON_OK;
}

/* "SECONDS CODE TEXT" of the last telling says the same, and not long ago. */
static bool told_already(const char *path, const char *words, struct wall now)
{
	uint8_t *text = NULL;
	size_t text_size = 0, number_len;
	int64_t told_s = 0;
	bool same = false;

	if (file_read(path, MEMORY_SIZE_MAX, &text, &text_size) != REASON_OK)
		return false;
	number_len = strcspn((const char *)text, " ");
	if (num_parse((const char *)text, number_len, &told_s) && text_size > number_len) {
		int64_t now_s = now.us / US_PER_S;

		same = strcmp((const char *)text + number_len + 1, words) == 0 && told_s <= now_s &&
		       now_s - told_s < CHANNEL_AGAIN_S;
	}
	file_free(text, text_size);
	return same;
}

enum reason channel_send_once(const struct channel *channel, const char *who, const char *level,
			      const char *code, const char *text, struct wall now)
{
	char path[FILE_PATH_SIZE], words[MEMORY_SIZE_MAX - 32], memory[MEMORY_SIZE_MAX];
	bool remembers = memory_path(channel, who, path);
	enum reason why;
	int len;

	(void)snprintf(words, sizeof(words), "%s %s", code, text);
	if (remembers && told_already(path, words, now))
		return REASON_OK;
	why = channel_send(channel, level, code, text);
	len = snprintf(memory, sizeof(memory), "%lld %s", (long long)(now.us / US_PER_S), words);
	if (why == REASON_OK && remembers)
		(void)file_replace(path, memory, (size_t)len, 0640);
	return why;
}

void channel_forget(const struct channel *channel, const char *who)
{
	char path[FILE_PATH_SIZE];

	if (memory_path(channel, who, path))
		(void)unlink(path);
}
