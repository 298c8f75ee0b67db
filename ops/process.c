#include "ops/process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define STAT_SIZE_MAX 4096
#define START_FIELD   22

/* The stat line after the name, which may hold blanks and brackets itself; NULL when there is no such process. */
static const char *after_name(pid_t pid, uint8_t **out_text, size_t *out_size)
{
	char path[64];
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, STAT_SIZE_MAX, out_text, out_size) != REASON_OK)
		return NULL;
	at = strrchr((const char *)*out_text, ')');
	return at != NULL && at[1] == ' ' ? at + 2 : NULL;
}

int64_t process_start(pid_t pid)
{
	uint8_t *text = NULL;
	size_t text_size = 0;
	const char *at = after_name(pid, &text, &text_size);
	int64_t ticks = 0;

	for (int field = 3; at != NULL && field < START_FIELD; field++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	if (at != NULL)
		(void)num_parse(at, strcspn(at, " "), &ticks);
	file_free(text, text_size);
	return ticks;
}

bool process_alive(pid_t pid)
{
	uint8_t *text = NULL;
	size_t text_size = 0;
	const char *state = after_name(pid, &text, &text_size);
	bool alive = state != NULL && *state != 'Z' && *state != 'X';

	file_free(text, text_size);
	return alive;
}

pid_t process_of_holder(const char *holder)
{
	char host[65] = "";
	const char *first = strchr(holder, ':'), *second = first != NULL ? strchr(first + 1, ':') : NULL;
	uint8_t *boot = NULL;
	size_t boot_size = 0, host_len;
	int64_t pid = 0;

	if (second == NULL || gethostname(host, sizeof(host) - 1) != 0)
		return 0;
	host_len = strnlen(host, 40); /* holders cut it there */
	if ((size_t)(first - holder) != host_len || strncmp(holder, host, host_len) != 0)
		return 0;
	if (file_read("/proc/sys/kernel/random/boot_id", 64, &boot, &boot_size) != REASON_OK)
		return 0;
	if (strncmp(second + 1, (const char *)boot, strcspn((const char *)boot, "\n")) != 0 ||
	    !num_parse(first + 1, (size_t)(second - first - 1), &pid) || pid < 2)
		pid = 0;
	file_free(boot, boot_size);
	return (pid_t)pid;
}
