#include "tests/phases/house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/kst.h"
#include "shared/base/banned.h"

#define WORDS_MAX 24

/* ---- one program -------------------------------------------------------------------------------------------------- */

static int words(char *text, char **out)
{
	int count = 0;
	char *at = text;

	while (*at && count < WORDS_MAX) {
		at += strspn(at, " ");
		if (!*at)
			break;
		out[count++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	out[count] = NULL;
	return count;
}

static int temp_fd(const char *text)
{
	char path[] = "/tmp/gj-test-io-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	if (text)
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static pid_t start(struct test_house *house, char *const *argv, int in, int out)
{
	int go[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (read(go[0], &byte, 1) != 1 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(99);
		(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		execv(argv[0], argv);
		_exit(98);
	}
	assert_int_equal(clock_adopt_child(house->clock, pid, "child"), REASON_OK);
	assert_int_equal(write(go[1], "g", 1), 1);
	(void)close(go[0]);
	(void)close(go[1]);
	return pid;
}

static int finish(struct test_house *house, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0, ready = 0;
	struct pollfd fd = { .fd = pidfd, .events = POLLIN, .revents = 0 };

	assert_true(pidfd >= 0);
	while (ready == 0)
		assert_int_equal(clock_poll(house->seat, &fd, 1, CLOCK_NEVER, &ready), REASON_OK);
	(void)close(pidfd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void gather(struct test_house *house, int out)
{
	ssize_t got = pread(out, house->out, sizeof(house->out) - 1, 0);

	house->out[got > 0 ? got : 0] = '\0';
	(void)close(out);
}

/* Time stands still: the program goes to sleep and stays asleep. */
static void hold(struct test_house *house)
{
	struct timespec tenths = { 0, 300000000 };

	assert_int_equal(clock_set_pace(house->clock, CLOCK_STILL, 0), REASON_OK);
	(void)nanosleep(&tenths, NULL);
}

static int run(struct test_house *house, const char *program, const char *args, const char *input,
	       int signal_number, void (*meanwhile)(struct test_house *house))
{
	char path[512], text[1024], conf_option[] = "--config", *argv[WORDS_MAX + 4];
	int in = temp_fd(input), out = temp_fd(NULL), count = 1, status;
	bool is_gaejang = strcmp(program, "gaejang") == 0;
	pid_t pid;

	assert_true(snprintf(path, sizeof(path), "%s/%s", house->bin, program) < (int)sizeof(path));
	assert_true(snprintf(text, sizeof(text), "%s", args) < (int)sizeof(text));
	argv[0] = path;
	count += words(text, argv + 1);
	if (count > 1 || !is_gaejang) { /* the command's name comes first */
		argv[count++] = conf_option;
		argv[count++] = house->conf;
	}
	argv[count] = NULL;
	pid = start(house, argv, in, out);
	if (signal_number != 0 || meanwhile)
		hold(house);
	if (meanwhile) {
		meanwhile(house);
		assert_int_equal(clock_set_pace(house->clock, CLOCK_EVENT, 0), REASON_OK);
	}
	if (signal_number != 0)
		assert_int_equal(kill(pid, signal_number), 0);
	status = finish(house, pid);
	if (signal_number != 0)
		assert_int_equal(clock_set_pace(house->clock, CLOCK_EVENT, 0), REASON_OK);
	(void)close(in);
	gather(house, out);
	return status;
}

int house_run(struct test_house *house, const char *program, const char *args)
{
	return run(house, program, args, NULL, 0, NULL);
}

int house_run_in(struct test_house *house, const char *program, const char *args, const char *input)
{
	return run(house, program, args, input, 0, NULL);
}

int house_run_signal(struct test_house *house, const char *program, const char *args, int signal_number)
{
	return run(house, program, args, NULL, signal_number, NULL);
}

int house_run_held(struct test_house *house, const char *program, const char *args,
		   void (*meanwhile)(struct test_house *house))
{
	return run(house, program, args, NULL, 0, meanwhile);
}

/* ---- database ------------------------------------------------------------------------------------------------------- */

static void shell(const char *command, char *out, size_t out_size)
{
	FILE *from = popen(command, "re");
	size_t got;

	assert_non_null(from);
	got = fread(out, 1, out_size - 1, from);
	out[got] = '\0';
	if (pclose(from) != 0)
		fail_msg("%s: %s", command, out);
}

void house_db(struct test_house *house, const char *verb)
{
	char command[256], out[1024];

	(void)snprintf(command, sizeof(command), "ops/db %s %s/db 2>&1", verb, house->dir);
	shell(command, out, sizeof(out));
	if (strcmp(verb, "start") == 0)
		(void)snprintf(house->socket, sizeof(house->socket), "%.*s", (int)strcspn(out, "\n"), out);
}

const char *house_sql(struct test_house *house, const char *text)
{
	static char results[4][2048];
	static int next;
	char command[4096], *out = results[next++ % 4];

	assert_true(snprintf(command, sizeof(command),
			     "mariadb --no-defaults --protocol=socket --socket=%s --user=root gaejang -Nse "
			     "\"%s\" 2>&1",
			     house->socket, text) < (int)sizeof(command));
	shell(command, out, sizeof(results[0]));
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* ---- the house -------------------------------------------------------------------------------------------------------- */

void house_clock(struct test_house *house, const char *at)
{
	char path[128];
	struct wall start_at;

	if (house->seat)
		clock_leave(house->seat);
	if (house->clock)
		clock_close(house->clock);
	(void)snprintf(path, sizeof(path), "%s/clock", house->dir);
	(void)unlink(path);
	assert_true(kst_wall_parse(at, &start_at));
	assert_int_equal(clock_create(path, start_at), REASON_OK);
	assert_int_equal(clock_open_virtual(path, &house->clock), REASON_OK);
	assert_int_equal(clock_join(house->clock, "test", &house->seat), REASON_OK);
}

void house_conf(struct test_house *house, const char *more)
{
	char text[4096], here[256];
	int len;

	assert_non_null(getcwd(here, sizeof(here)));
	len = snprintf(text, sizeof(text),
		       "[gaejang]\n%s\n"
		       "[paths]\nstate_dir = %s/state\nkey_dir = %s/keys\nbin_dir = %s\ncalendar_dir = "
		       "%s/ops/data\nsql_dir = %s/sql\n"
		       "log_file = %s/log\ndb_socket = %s\n"
		       "[worker]\njournal_mb = 8\n"
		       "[rehearsal]\non = yes\nrest = https://127.0.0.1:9\nws = ws://127.0.0.1:9\nca_file = "
		       "%s/ca.pem\nclock_file = %s/clock\n"
		       "[account demo]\nenv = real\nvault = %s/vault/demo.vault\nstrategy = breakout\n",
		       more, house->dir, house->dir, house->bin, here, here, house->dir, house->socket,
		       house->dir, house->dir, house->dir);
	assert_true(len > 0 && len < (int)sizeof(text));
	assert_int_equal(file_replace(house->conf, text, (size_t)len, 0640), REASON_OK);
}

static void step(struct test_house *house, const char *args, const char *input)
{
	int status = house_run_in(house, "gaejang", args, input);

	if (status != 0)
		fail_msg("gaejang %s: %d: %s", args, status, house->out);
}

void house_open(struct test_house *house, const char *start_at)
{
	static const char *const folders[] = { "state", "keys", "vault" };
	char path[128], here[200];

	memset(house, 0, sizeof(*house));
	(void)snprintf(house->dir, sizeof(house->dir), "/tmp/gj-phases-XXXXXX");
	assert_non_null(mkdtemp(house->dir));
	(void)snprintf(house->conf, sizeof(house->conf), "%s/gaejang.conf", house->dir);
	assert_non_null(getcwd(here, sizeof(here)));
	(void)snprintf(house->bin, sizeof(house->bin), "%s/bin", here);
	if (getenv("GJ_BIN"))
		(void)snprintf(house->bin, sizeof(house->bin), "%s", getenv("GJ_BIN"));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", house->dir, folders[i]);
		assert_int_equal(file_make_folders(path, 0700), REASON_OK);
	}
	(void)snprintf(path, sizeof(path), "%s/ca.pem", house->dir);
	assert_int_equal(file_replace(path, "none\n", 5, 0644), REASON_OK);
	house_db(house, "start");
	house_clock(house, start_at);
	house_conf(house, "alerts = none");
	step(house, "vault init", NULL);
	step(house, "vault put appkey", "PSTESTKEYTESTKEYTESTKEYTESTKEYTESTKE");
	step(house, "vault put appsecret", "SECRETSECRETSECRETSECRET0123456789");
	step(house, "vault put cano", "50123456");
	step(house, "vault put product", "01");
	step(house, "vault put htsid", "tester");
	step(house, "migrate --logins --login root", NULL);
	step(house, "account add", NULL);
}

void house_close(struct test_house *house)
{
	char command[160], out[256];

	house_db(house, "stop");
	clock_leave(house->seat);
	clock_close(house->clock);
	(void)snprintf(command, sizeof(command), "rm -rf -- %s 2>&1", house->dir);
	shell(command, out, sizeof(out));
}
