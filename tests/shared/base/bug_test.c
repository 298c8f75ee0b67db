#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/bug.h"

/* Runs BUG_IF in a child and gives back what it said and how it ended. */
static int child_bug(int believed_broken, char *out, size_t out_size)
{
	int pipe_fd[2], status = -1;
	size_t got_size = 0;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(pipe_fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		if (dup2(pipe_fd[1], STDERR_FILENO) < 0)
			_exit(99);
		BUG_IF(believed_broken, "one and one is two");
		_exit(7);
	}
	close(pipe_fd[1]);
	while ((got = read(pipe_fd[0], out + got_size, out_size - 1 - got_size)) > 0)
		got_size += (size_t)got;
	out[got_size] = '\0';
	close(pipe_fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_bug_stops(void **state)
{
	char said[1024];
	int status = child_bug(1, said, sizeof(said));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(said, "bug: tests/shared/base/bug_test.c:"));
	assert_non_null(strstr(said, "child_bug"));
	assert_non_null(strstr(said, "one and one is two"));
	assert_non_null(strstr(said, "believed_broken"));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void test_bug_passes(void **state)
{
	char said[1024];
	int status = child_bug(0, said, sizeof(said));

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(said, "");
}

static void test_array_count(void **state)
{
	static const int three[] = { 1, 2, 3 };

	(void)state;
	assert_int_equal(ARRAY_COUNT(three), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bug_stops),
		cmocka_unit_test(test_bug_passes),
		cmocka_unit_test(test_array_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
