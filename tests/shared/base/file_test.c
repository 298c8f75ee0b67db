#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"

static char folder[] = "/tmp/gj-file-XXXXXX";

static const char *in(const char *name)
{
	static char path[4][FILE_PATH_SIZE];
	static int turn;
	char *out = path[turn++ % 4];

	assert_int_equal(file_join(folder, name, out), REASON_OK);
	return out;
}

static void make(const char *name, const void *bytes, size_t bytes_size, mode_t mode)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, bytes_size), (ssize_t)bytes_size);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int group_teardown(void **state)
{
	char command[128];

	(void)state;
	if (snprintf(command, sizeof(command), "rm -r '%s'", folder) < 0)
		return -1;
	return system(command);
}

static void test_read(void **state)
{
	static const struct {
		size_t size, max;
		enum reason want;
	} cases[] = {
		{ 0, 0, REASON_OK },           { 1, 0, REASON_FILE_SHAPE },
		{ 10, 10, REASON_OK },         { 11, 10, REASON_FILE_SHAPE },
		{ 4095, 5000, REASON_OK },     { 4096, 4096, REASON_OK },
		{ 4097, 4097, REASON_OK },     { 4097, 4096, REASON_FILE_SHAPE },
		{ 100000, 200000, REASON_OK },
	};
	char *bytes = malloc(200000);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < 200000; i++)
		bytes[i] = (char)(i * 7 % 251);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t *got = NULL;
		size_t got_size = 77;

		make("read", bytes, cases[i].size, 0644);
		assert_int_equal(file_read(in("read"), cases[i].max, &got, &got_size), cases[i].want);
		if (cases[i].want != REASON_OK) {
			assert_null(got);
			assert_int_equal(got_size, 77);
			assert_non_null(strstr(reason_detail(), in("read")));
			continue;
		}
		assert_int_equal(got_size, cases[i].size);
		assert_memory_equal(got, bytes, got_size);
		assert_int_equal(got[got_size], 0);
		file_free(got, got_size);
	}
	free(bytes);
	file_free(NULL, 0);
}

/* A file without a size of its own, longer than the first guess. */
static void test_read_proc(void **state)
{
	uint8_t *got = NULL;
	size_t got_size = 0;

	(void)state;
	assert_int_equal(file_read("/proc/self/smaps", 16 * 1024 * 1024, &got, &got_size), REASON_OK);
	assert_true(got_size > 8192);
	assert_int_equal(strlen((char *)got), got_size);
	file_free(got, got_size);
	got = NULL;
	assert_int_equal(file_read("/proc/self/smaps", 5000, &got, &got_size), REASON_FILE_SHAPE);
	assert_null(got);
}

static void test_read_refused(void **state)
{
	char long_path[5000];
	uint8_t *got = NULL;
	size_t got_size;

	(void)state;
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	assert_int_equal(file_read(in("absent"), 10, &got, &got_size), REASON_FILE_MISSING);
	assert_non_null(strstr(reason_detail(), "absent"));
	assert_int_equal(file_read(folder, 10, &got, &got_size), REASON_FILE_SHAPE);
	assert_int_equal(file_read(in("fifo"), 10, &got, &got_size), REASON_FILE_SHAPE);
	assert_int_equal(file_read(long_path, 10, &got, &got_size), REASON_PATH_LONG);
	assert_null(got);
}

static void test_read_secret(void **state)
{
	static const struct {
		mode_t mode;
		enum reason want;
	} cases[] = {
		{ 0400, REASON_OK },        { 0600, REASON_OK },        { 0440, REASON_FILE_MODE },
		{ 0404, REASON_FILE_MODE }, { 0640, REASON_FILE_MODE }, { 0660, REASON_FILE_MODE },
		{ 0601, REASON_FILE_MODE }, { 0644, REASON_FILE_MODE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t *got = NULL;
		size_t got_size = 0;

		unlink(in("secret"));
		make("secret", "key", 3, cases[i].mode);
		assert_int_equal(file_read_secret(in("secret"), 10, &got, &got_size), cases[i].want);
		if (cases[i].want == REASON_OK)
			assert_string_equal((char *)got, "key");
		else
			assert_non_null(strstr(reason_detail(), "chmod 0400"));
		file_free(got, got_size);
	}
	if (geteuid() == 0) { /* only root can give a file away */
		uint8_t *got = NULL;
		size_t got_size = 0;

		assert_int_equal(chmod(in("secret"), 0400), 0);
		assert_int_equal(chown(in("secret"), 65534, 65534), 0);
		assert_int_equal(file_read_secret(in("secret"), 10, &got, &got_size), REASON_FILE_MODE);
		assert_non_null(strstr(reason_detail(), "chown"));
		assert_null(got);
	}
}

static void read_back(const char *name, const char *want)
{
	uint8_t *got = NULL;
	size_t got_size = 0;

	assert_int_equal(file_read(in(name), 100000, &got, &got_size), REASON_OK);
	assert_string_equal((char *)got, want);
	file_free(got, got_size);
}

static void test_replace(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_make_folders(in("room"), 0700), REASON_OK);
	assert_int_equal(file_replace(in("room/new"), "one", 3, 0400), REASON_OK);
	read_back("room/new", "one");
	assert_int_equal(stat(in("room/new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(file_replace(in("room/new"), "twotwo", 6, 0644), REASON_OK);
	read_back("room/new", "twotwo");
	assert_int_equal(stat(in("room/new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_replace(in("room/new"), "", 0, 0644), REASON_OK);
	read_back("room/new", "");
	/* A folder in the way: the old thing stays, nothing is left beside it. */
	assert_int_equal(mkdir(in("room/way"), 0700), 0);
	assert_int_not_equal(file_replace(in("room/way"), "x", 1, 0600), REASON_OK);
	assert_int_equal(file_replace(in("none/x"), "x", 1, 0600), REASON_FILE_MISSING);
	assert_int_equal(rmdir(in("room/way")), 0);
	assert_int_equal(unlink(in("room/new")), 0);
	assert_int_equal(rmdir(in("room")), 0); /* fails if a temporary file was left */
}

static void test_append_line(void **state)
{
	(void)state;
	assert_int_equal(file_append_line(in("spool"), "first"), REASON_OK);
	assert_int_equal(file_append_line(in("spool"), ""), REASON_OK);
	assert_int_equal(file_append_line(in("spool"), "third"), REASON_OK);
	read_back("spool", "first\n\nthird\n");
	assert_int_equal(file_append_line(in("spool"), "two\nlines"), REASON_FILE_SHAPE);
	read_back("spool", "first\n\nthird\n");
	assert_int_equal(file_append_line(in("none/spool"), "x"), REASON_FILE_MISSING);
	assert_int_equal(file_append_line("/dev/full", "x"), REASON_FILE_IO);
}

static void test_folders(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_make_folders(in("a/b/c"), 0750), REASON_OK);
	assert_int_equal(file_make_folders(in("a/b/c"), 0750), REASON_OK);
	assert_int_equal(file_make_folders(in("a/b/c/"), 0750), REASON_OK);
	assert_int_equal(stat(in("a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0750);
	make("plain", "x", 1, 0600);
	assert_int_equal(file_make_folders(in("plain"), 0700), REASON_FILE_SHAPE);
	assert_int_equal(file_make_folders(in("plain/under"), 0700), REASON_FILE_SHAPE);
	assert_int_equal(file_make_folders("", 0700), REASON_PATH_LONG);
	assert_true(file_exists(in("a/b")));
	assert_false(file_exists(in("a/z")));
}

static void test_join(void **state)
{
	static const struct {
		const char *folder, *name, *want;
	} cases[] = {
		{ "/a", "b", "/a/b" }, { "/a/", "b", "/a/b" },  { "/", "b", "/b" },
		{ "", "b", "b" },      { "a", "b/c", "a/b/c" },
	};
	char out[FILE_PATH_SIZE] = "kept", name[FILE_PATH_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(file_join(cases[i].folder, cases[i].name, out), REASON_OK);
		assert_string_equal(out, cases[i].want);
	}
	memset(name, 'n', sizeof(name));
	name[FILE_PATH_SIZE - 3] =
		'\0'; /* "/" + name fills the buffer to the NUL; "a/" + name is one too many */
	assert_int_equal(file_join("/", name, out), REASON_OK);
	assert_int_equal(strlen(out), FILE_PATH_SIZE - 2);
	assert_int_equal(file_join("aa", name, out), REASON_PATH_LONG);
	assert_int_equal(strlen(out), FILE_PATH_SIZE - 2);
}

static void test_free_mb(void **state)
{
	int64_t mb = -1;

	(void)state;
	assert_int_equal(file_free_mb(folder, &mb), REASON_OK);
	assert_true(mb > 0);
	mb = -1;
	assert_int_equal(file_free_mb(in("absent"), &mb), REASON_FILE_MISSING);
	assert_int_equal(mb, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),         cmocka_unit_test(test_read_proc),
		cmocka_unit_test(test_read_refused), cmocka_unit_test(test_read_secret),
		cmocka_unit_test(test_replace),      cmocka_unit_test(test_append_line),
		cmocka_unit_test(test_folders),      cmocka_unit_test(test_join),
		cmocka_unit_test(test_free_mb),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
