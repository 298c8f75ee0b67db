#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/banned.h"

#define READ_STEP_MIN    4096
#define OTHERS_MAY       (S_IRWXG | S_IRWXO)
#define SPOOL_MODE       0640
#define TEMPORARY_SUFFIX ".XXXXXX"

/* What errno says about a path, as a reason a caller can act on. */
static enum reason trouble(const char *doing, const char *path)
{
	int error = errno;

	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return reason_set(REASON_FILE_MISSING, "cannot %s %s: %s; create it or correct the path",
				  doing, path, strerror(error));
	case EACCES:
	case EPERM:
	case EROFS:
		return reason_set(REASON_FILE_RIGHTS, "cannot %s %s: %s; correct its owner or mode", doing,
				  path, strerror(error));
	case ENAMETOOLONG:
		return reason_set(REASON_PATH_LONG, "cannot %s %s: %s; use a shorter path", doing, path,
				  strerror(error));
	case ENOMEM: return reason_set(REASON_NO_MEMORY, "cannot %s %s: %s", doing, path, strerror(error));
	default:
		return reason_set(REASON_FILE_IO, "cannot %s %s: %s; check the disk", doing, path,
				  strerror(error));
	}
}

void file_free(uint8_t *bytes, size_t bytes_size)
{
	if (!bytes)
		return;
	sodium_memzero(bytes, bytes_size);
	free(bytes);
}

/* Reads until the end, at most size_max bytes; a file that grows while it is read is still bounded. */
static enum reason read_all(int fd, const char *path, size_t size_hint, size_t size_max, uint8_t **out,
			    size_t *out_size)
{
	size_t room = size_hint < READ_STEP_MIN ? READ_STEP_MIN : size_hint + 1, size = 0;
	enum reason why = REASON_OK;
	uint8_t *bytes;

	if (room > size_max + 1)
		room = size_max + 1; /* the byte more shows that a file is too large */
	bytes = malloc(room + 1);
	if (!bytes)
		return reason_set(REASON_NO_MEMORY, "no memory to read %s", path);
	for (;;) {
		ssize_t got = read(fd, bytes + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			why = trouble("read", path);
			goto out;
		}
		if (got == 0)
			break;
		size += (size_t)got;
		if (size > size_max) {
			why = reason_set(REASON_FILE_SHAPE,
					 "%s is larger than %zu bytes; is it the right file?", path,
					 size_max);
			goto out;
		}
		if (size == room) {
			/* Copied by hand: realloc would leave a secret in the memory it gave back. */
			size_t wider = room * 2 > size_max + 1 ? size_max + 1 : room * 2;
			uint8_t *copy = malloc(wider + 1);

			if (!copy) {
				why = reason_set(REASON_NO_MEMORY, "no memory to read %s", path);
				goto out;
			}
			memcpy(copy, bytes, size);
			file_free(bytes, size);
			bytes = copy;
			room = wider;
		}
	}
	bytes[size] = '\0';
	*out = bytes;
	*out_size = size;
	bytes = NULL;
out:
	file_free(bytes, size);
	return why;
}

static enum reason read_file(const char *path, bool secret, size_t size_max, uint8_t **out, size_t *out_size)
{
	enum reason why = REASON_OK;
	struct stat st;
	int fd;

	if (size_max > SSIZE_MAX / 4)
		return reason_set(REASON_INTERNAL, "a bound of %zu bytes is none", size_max);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO must not hang us */
	if (fd < 0)
		return trouble("open", path);
	if (fstat(fd, &st) != 0) {
		why = trouble("look at", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		why = reason_set(REASON_FILE_SHAPE, "%s is not a plain file; name the file itself", path);
		goto out;
	}
	if (secret && (st.st_mode & OTHERS_MAY)) {
		why = reason_set(REASON_FILE_MODE,
				 "%s has mode %04o, so others may use it; run: chmod 0400 %s", path,
				 st.st_mode & 07777, path);
		goto out;
	}
	if (secret && st.st_uid != geteuid()) {
		why = reason_set(REASON_FILE_MODE, "%s belongs to user %u, this is user %u; run: chown %u %s",
				 path, st.st_uid, geteuid(), geteuid(), path);
		goto out;
	}
	if (st.st_size > 0 && (uintmax_t)st.st_size > size_max) {
		why = reason_set(REASON_FILE_SHAPE, "%s is larger than %zu bytes; is it the right file?",
				 path, size_max);
		goto out;
	}
	why = read_all(fd, path, (size_t)st.st_size, size_max, out, out_size);
out:
	close(fd); /* only read from: nothing can be lost here */
	return why;
}

enum reason file_read(const char *path, size_t size_max, uint8_t **out, size_t *out_size)
{
	return read_file(path, false, size_max, out, out_size);
}

enum reason file_read_secret(const char *path, size_t size_max, uint8_t **out, size_t *out_size)
{
	return read_file(path, true, size_max, out, out_size);
}

/* The folder a path lies in. */
static enum reason folder_of(const char *path, char out[static FILE_PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t folder_len = slash ? (size_t)(slash - path) : 1;

	if (folder_len == 0)
		folder_len = 1; /* "/name" */
	if (folder_len >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG, "%.80s... is over %d bytes; use a shorter path", path,
				  FILE_PATH_SIZE - 1);
	memcpy(out, slash ? path : ".", folder_len);
	out[folder_len] = '\0';
	return REASON_OK;
}

/* A new name in a folder is durable only once the folder itself is. */
static enum reason folder_sync(const char *folder)
{
	enum reason why = REASON_OK;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return trouble("open folder", folder);
	if (fsync(fd) != 0)
		why = trouble("sync folder", folder);
	close(fd);
	return why;
}

static enum reason write_all(int fd, const char *path, const uint8_t *bytes, size_t bytes_size)
{
	size_t done_size = 0;

	while (done_size < bytes_size) {
		ssize_t put = write(fd, bytes + done_size, bytes_size - done_size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return trouble("write", path);
		done_size += (size_t)put;
	}
	return REASON_OK;
}

enum reason file_replace(const char *path, const void *bytes, size_t bytes_size, unsigned mode)
{
	char folder[FILE_PATH_SIZE], beside[FILE_PATH_SIZE + sizeof(TEMPORARY_SUFFIX)];
	size_t path_len = strlen(path);
	bool made_it = false;
	enum reason why;
	int fd = -1;

	if (path_len >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG, "%.80s... is over %d bytes; use a shorter path", path,
				  FILE_PATH_SIZE - 1);
	why = folder_of(path, folder);
	if (why != REASON_OK)
		return why;
	memcpy(beside, path, path_len);
	memcpy(beside + path_len, TEMPORARY_SUFFIX, sizeof(TEMPORARY_SUFFIX));
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return trouble("create a file beside", path);
	made_it = true;
	if (fchmod(fd, (mode_t)mode) != 0) {
		why = trouble("set the mode of", path);
		goto out;
	}
	why = write_all(fd, path, bytes, bytes_size);
	if (why != REASON_OK)
		goto out;
	if (fsync(fd) != 0) {
		why = trouble("sync", path);
		goto out;
	}
	if (close(fd) != 0) {
		fd = -1; /* Linux has let go of it even so */
		why = trouble("close", path);
		goto out;
	}
	fd = -1;
	if (rename(beside, path) != 0) {
		why = trouble("replace", path);
		goto out;
	}
	made_it = false;
	why = folder_sync(folder);
out:
	if (fd >= 0)
		close(fd);
	if (made_it)
		unlink(beside);
	return why;
}

enum reason file_append_line(const char *path, const char *line)
{
	struct iovec parts[2] = { { 0 }, { 0 } };
	size_t line_len = strlen(line);
	enum reason why = REASON_OK;
	char newline = '\n';
	char *copy = NULL;
	ssize_t put;
	int fd = -1;

	if (memchr(line, '\n', line_len))
		return reason_set(REASON_FILE_SHAPE, "a line for %s has a line break inside", path);
	copy = strdup(line); /* iovec takes no const */
	if (!copy)
		return reason_set(REASON_NO_MEMORY, "no memory to write to %s", path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, SPOOL_MODE);
	if (fd < 0) {
		why = trouble("open", path);
		goto out;
	}
	parts[0] = (struct iovec){ copy, line_len };
	parts[1] = (struct iovec){ &newline, 1 };
	do
		put = writev(fd, parts, 2);
	while (put < 0 && errno == EINTR);
	if (put < 0) {
		why = trouble("write", path);
		goto out;
	}
	if ((size_t)put != line_len + 1) {
		why = reason_set(REASON_FILE_IO, "%s took only a part of a line; the disk is full?", path);
		goto out;
	}
	if (fdatasync(fd) != 0)
		why = trouble("sync", path);
out:
	if (fd >= 0 && close(fd) != 0 && why == REASON_OK)
		why = trouble("close", path);
	free(copy);
	return why;
}

enum reason file_make_folders(const char *path, unsigned mode)
{
	char part[FILE_PATH_SIZE];
	size_t path_len = strlen(path);
	struct stat st;

	if (path_len == 0 || path_len >= sizeof(part))
		return reason_set(REASON_PATH_LONG, "the folder \"%.80s\" is empty or over %d bytes", path,
				  FILE_PATH_SIZE - 1);
	for (size_t i = 1; i <= path_len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, (mode_t)mode) == 0)
			continue;
		/* A parent on a read-only disk is fine as long as it is there. */
		if (stat(part, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				continue;
			return reason_set(REASON_FILE_SHAPE, "%s is not a folder; move it away", part);
		}
		return trouble("make folder", part);
	}
	return REASON_OK;
}

enum reason file_join(const char *folder, const char *name, char out[static FILE_PATH_SIZE])
{
	size_t folder_len = strlen(folder);
	const char *between = folder_len > 0 && folder[folder_len - 1] != '/' ? "/" : "";
	char path[FILE_PATH_SIZE];
	int path_len = snprintf(path, sizeof(path), "%s%s%s", folder, between, name);

	if (path_len < 0 || path_len >= FILE_PATH_SIZE)
		return reason_set(REASON_PATH_LONG, "%.80s.../%.80s is over %d bytes; use a shorter folder",
				  folder, name, FILE_PATH_SIZE - 1);
	memcpy(out, path, (size_t)path_len + 1);
	return REASON_OK;
}

enum reason file_free_mb(const char *folder, int64_t *out_mb)
{
	struct statvfs vfs;
	uint64_t free_bytes;

	if (statvfs(folder, &vfs) != 0)
		return trouble("ask the free room of", folder);
	if (__builtin_mul_overflow((uint64_t)vfs.f_bavail, (uint64_t)vfs.f_frsize, &free_bytes))
		free_bytes = UINT64_MAX;
	*out_mb = (int64_t)(free_bytes / (1024 * 1024));
	return REASON_OK;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}
