#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/shared/kis/samples.h"

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/kis/pace.h"

#define PROCESSES 3
#define TAKES     334
#define PRINT     "0123456789abcdef"

static char folder[] = "/tmp/gj-pace-XXXXXX";
static struct conf cfg = CONF_INIT;
static struct clock *clk;
static struct clock_seat *seat;

static int group_setup(void **state)
{
	char path[128], text[1024];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/gaejang.conf", folder);
	snprintf(text, sizeof(text),
		 "[gaejang]\nalerts = none\n[paths]\nstate_dir = %s\nkey_dir = /k\nbin_dir = "
		 "/b\ncalendar_dir = /c\n"
		 "sql_dir = /q\ndb_socket = /d/sock\n[broker]\npace_quote_ms = 1\npace_ledger_ms = "
		 "20\npace_balance_ms = 60\n"
		 "pace_order_ms = 2\npace_token_ms = 1000\npace_paper_ms = 30\n[account one]\nenv = "
		 "real\nvault = /v/one\n"
		 "strategy = breakout\n",
		 folder);
	if (file_replace(path, text, strlen(text), 0644) != REASON_OK || conf_load(&cfg, path) != REASON_OK)
		return -1;
	if (clock_open_real(&clk) != REASON_OK || clock_join(clk, "test", &seat) != REASON_OK)
		return -1;
	return 0;
}

static int group_teardown(void **state)
{
	char command[64];

	(void)state;
	clock_leave(seat);
	clock_close(clk);
	conf_clear(&cfg);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct wall soon(int64_t ms)
{
	return wall_add_us(clock_wall(clk), ms * 1000);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* In a child: its own mapping, clock and rhythm. Ends with 0 when every turn was had. */
static int taker(int index, enum kis_lane lane, int64_t *instants)
{
	struct pace *pace = NULL;
	struct clock *own = NULL;
	struct clock_seat *chair = NULL;
	uint64_t seed = 1000 + (uint64_t)index;

	if (clock_open_real(&own) != REASON_OK || clock_join(own, "taker", &chair) != REASON_OK ||
	    pace_open(folder, KIS_REAL, PRINT, &cfg, &pace) != REASON_OK)
		return 1;
	for (int i = 0; i < TAKES; i++) {
		struct wall at;

		if (pace_take_at(pace, lane, chair, own, wall_add_us(clock_wall(own), 60 * US_PER_S), &at) !=
		    REASON_OK)
			return 2;
		instants[index * TAKES + i] = at.us;
		if (seeded(&seed) % 3 == 0)
			usleep((useconds_t)(seeded(&seed) % 3000));
	}
	pace_close(pace);
	clock_leave(chair);
	clock_close(own);
	return 0;
}

static void test_processes(void **state)
{
	size_t size = sizeof(int64_t) * PROCESSES * TAKES;
	int64_t *instants = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];
	int64_t least_us = INT64_MAX;

	(void)state;
	assert_true(instants != MAP_FAILED);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(taker(i, LANE_ORDER, instants));
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	qsort(instants, PROCESSES * TAKES, sizeof(int64_t), by_value);
	for (int i = 1; i < PROCESSES * TAKES; i++) {
		assert_true(instants[i - 1] > 0);
		if (instants[i] - instants[i - 1] < least_us)
			least_us = instants[i] - instants[i - 1];
	}
	assert_true(least_us >= 2000); /* pace_order_ms = 2, over 1,002 turns of three processes */
	munmap(instants, size);
}

static void test_deadline_and_push_back(void **state)
{
	struct pace *pace = NULL, *other = NULL;
	struct wall at, again, until;

	(void)state;
	assert_int_equal(pace_open(folder, KIS_REAL, "deadline00000000", &cfg, &pace), REASON_OK);
	assert_int_equal(pace_open(folder, KIS_REAL, "deadline00000000", &cfg, &other), REASON_OK);
	assert_int_equal(pace_take_at(pace, LANE_TOKEN, seat, clk, soon(0), &at), REASON_OK);
	/* The next turn is a second away: refused at once, nothing taken, nobody waited. */
	assert_int_equal(pace_take(pace, LANE_TOKEN, seat, clk, soon(100)), REASON_DEADLINE);
	assert_true(wall_diff_us(clock_wall(clk), at) < 500000);
	assert_int_equal(pace_take_at(other, LANE_TOKEN, seat, clk, soon(5000), &again), REASON_OK);
	assert_true(wall_diff_us(again, at) >= 1000000);
	assert_true(wall_diff_us(again, at) < 1500000);
	/* A push-back by one holds for the other, and never shortens what stands. */
	assert_int_equal(pace_take(pace, LANE_QUOTE, seat, clk, soon(1000)), REASON_OK);
	until = soon(150);
	pace_push_back(pace, LANE_QUOTE, until);
	pace_push_back(pace, LANE_QUOTE, soon(10));
	assert_int_equal(pace_take_at(other, LANE_QUOTE, seat, clk, soon(1000), &at), REASON_OK);
	assert_true(at.us >= until.us);
	/* Lanes do not hold each other. */
	pace_push_back(pace, LANE_QUOTE, soon(3000));
	assert_int_equal(pace_take(pace, LANE_ORDER, seat, clk, soon(100)), REASON_OK);
	pace_close(pace);
	pace_close(other);
}

/* Balance is a ledger call with a longer gap of its own. */
static void test_balance_lane(void **state)
{
	struct pace *pace = NULL;
	struct wall first, ledger, second;

	(void)state;
	assert_int_equal(pace_open(folder, KIS_REAL, "balance000000000", &cfg, &pace), REASON_OK);
	assert_int_equal(pace_take_at(pace, LANE_BALANCE, seat, clk, soon(1000), &first), REASON_OK);
	assert_int_equal(pace_take_at(pace, LANE_LEDGER, seat, clk, soon(1000), &ledger), REASON_OK);
	assert_int_equal(pace_take_at(pace, LANE_BALANCE, seat, clk, soon(1000), &second), REASON_OK);
	assert_true(wall_diff_us(ledger, first) >= 20000);
	assert_true(wall_diff_us(second, ledger) >= 20000);
	assert_true(wall_diff_us(second, first) >= 60000);
	pace_close(pace);
}

/* Paper has one limit for everything but the token. */
static void test_paper_lane(void **state)
{
	static const enum kis_lane lanes[] = { LANE_QUOTE, LANE_LEDGER, LANE_ORDER, LANE_BALANCE,
					       LANE_QUOTE };
	struct pace *pace = NULL;
	struct wall before = { 0 }, at;

	(void)state;
	assert_int_equal(pace_open(folder, KIS_PAPER, PRINT, &cfg, &pace), REASON_OK);
	for (size_t i = 0; i < ARRAY_COUNT(lanes); i++) {
		assert_int_equal(pace_take_at(pace, lanes[i], seat, clk, soon(1000), &at), REASON_OK);
		assert_true(wall_diff_us(at, before) >= 30000);
		before = at;
	}
	assert_int_equal(pace_take(pace, LANE_TOKEN, seat, clk, soon(0)), REASON_OK);
	pace_close(pace);
}

/* An instant hours ahead was written under another clock, a virtual day for instance: nobody waits for it. */
static void test_other_clock(void **state)
{
	struct pace *pace = NULL;
	struct wall start = clock_wall(clk);

	(void)state;
	assert_int_equal(pace_open(folder, KIS_REAL, "otherclock000000", &cfg, &pace), REASON_OK);
	pace_push_back(pace, LANE_LEDGER, soon(3 * 3600 * 1000));
	assert_int_equal(pace_take(pace, LANE_LEDGER, seat, clk, soon(50)), REASON_OK);
	assert_true(wall_diff_us(clock_wall(clk), start) < 500000);
	/* And a push-back of now replaces one of such a clock. */
	pace_push_back(pace, LANE_LEDGER, soon(3 * 3600 * 1000));
	pace_push_back(pace, LANE_LEDGER, soon(2000));
	assert_int_equal(pace_take(pace, LANE_LEDGER, seat, clk, soon(50)), REASON_DEADLINE);
	pace_close(pace);
}

static void put(const char *path, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_files(void **state)
{
	char path[128], target[128], zeros[512] = { 0 };
	struct pace *pace = NULL;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/pace-real-files00000000000.map", folder);
	assert_int_equal(pace_open(folder, KIS_REAL, "files00000000000", &cfg, &pace), REASON_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	pace_close(pace);
	/* Of another size, of another making, open to all, a link, a folder that is not there. */
	put(path, "gaejang", 7, 0600);
	assert_int_equal(pace_open(folder, KIS_REAL, "files00000000000", &cfg, &pace), REASON_PACE_FILE);
	put(path, zeros, (size_t)st.st_size, 0666);
	assert_int_equal(pace_open(folder, KIS_REAL, "files00000000000", &cfg, &pace), REASON_PACE_FILE);
	memcpy(zeros, "not ours", 8);
	put(path, zeros, (size_t)st.st_size, 0600);
	assert_int_equal(pace_open(folder, KIS_REAL, "files00000000000", &cfg, &pace), REASON_PACE_FILE);
	assert_int_equal(unlink(path), 0);
	snprintf(target, sizeof(target), "%s/target", folder);
	put(target, "", 0, 0600);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(pace_open(folder, KIS_REAL, "files00000000000", &cfg, &pace), REASON_PACE_FILE);
	assert_int_equal(pace_open("/nowhere/at/all", KIS_REAL, "files00000000000", &cfg, &pace),
			 REASON_PACE_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),    cmocka_unit_test(test_deadline_and_push_back),
		cmocka_unit_test(test_balance_lane), cmocka_unit_test(test_paper_lane),
		cmocka_unit_test(test_other_clock),  cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
