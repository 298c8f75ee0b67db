#include "worker/stop_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/banned.h"

#define STOP_SIZE_MAX 1024

static enum reason stop_path(const char *state_dir, const char *account, char path[static FILE_PATH_SIZE])
{
	char name[64];

	(void)snprintf(name, sizeof(name), "stop-%s", account);
	return file_join(state_dir, name, path);
}

enum reason stop_file_write(const char *state_dir, const char *account, const struct stop_word *word)
{
	char path[FILE_PATH_SIZE], text[STOP_SIZE_MAX], at[KST_TEXT_SIZE];
	enum reason why = stop_path(state_dir, account, path);
	int len;

	if (why != REASON_OK)
		return why;
	len = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n", mode_text(word->mode), word->person,
		       word->reason, kst_wall_text(word->at, at));
	if (len < 0 || (size_t)len >= sizeof(text))
		return reason_set(REASON_OVERFLOW, "the stop's reason is too long; say it in fewer words");
	return file_replace(path, text, (size_t)len, 0644);
}

enum reason stop_file_remove(const char *state_dir, const char *account)
{
	char path[FILE_PATH_SIZE];
	enum reason why = stop_path(state_dir, account, path);

	if (why != REASON_OK)
		return why;
	if (unlink(path) != 0 && errno != ENOENT)
		return reason_set(
			REASON_FILE_RIGHTS,
			"%s cannot be removed: %s; remove it as its owner, until then nothing trades", path,
			strerror(errno));
	return REASON_OK;
}

/* One line of the text into `out`; false when it does not end or does not fit. */
static bool take_line(const char **at, char *out, size_t out_size)
{
	const char *end = strchr(*at, '\n');
	size_t len = end != NULL ? (size_t)(end - *at) : out_size;

	if (len >= out_size)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at = end + 1;
	return true;
}

void stop_file_read(const char *state_dir, const char *account, bool *out_there, struct stop_word *out)
{
	char path[FILE_PATH_SIZE], mode[16], at_text[KST_TEXT_SIZE];
	uint8_t *text = NULL;
	size_t text_size = 0;
	const char *at;
	bool good = false;

	*out = (struct stop_word){ .mode = MODE_HALT };
	*out_there = true; /* unknown means stopped */
	if (stop_path(state_dir, account, path) == REASON_OK) {
		if (access(path, F_OK) != 0 && errno == ENOENT) {
			*out_there = false;
			return;
		}
		if (file_read(path, STOP_SIZE_MAX, &text, &text_size) == REASON_OK) {
			at = (const char *)text;
			good = take_line(&at, mode, sizeof(mode)) && mode_parse(mode, &out->mode) &&
			       take_line(&at, out->person, sizeof(out->person)) &&
			       take_line(&at, out->reason, sizeof(out->reason)) &&
			       take_line(&at, at_text, sizeof(at_text)) && kst_wall_parse(at_text, &out->at);
		}
	}
	if (!good) {
		*out = (struct stop_word){ .mode = MODE_HALT };
		(void)snprintf(out->reason, sizeof(out->reason),
			       "the stop file is there but cannot be read: %s",
			       reason_code(REASON_STOP_UNREADABLE));
		(void)snprintf(out->person, sizeof(out->person), "file");
	}
	file_free(text, text_size);
}
