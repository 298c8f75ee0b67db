/*
 * start_bench - what starting a program costs: each phase up to its first refusal, against the floors of a process.
 *
 *   start_bench BIN YARD CONF     BIN: folder of the programs; YARD: the init_yard program; CONF: of a rehearsal that
 *                                 stands in the morning after its last phase but the gate (rehearse --stay --until 08:48)
 *
 * "start_": a phase is started with a configuration that is not there: it is loaded and linked, reads its options, hardens itself,
 * looks for the file, says so and ends with 78; libcurl and the database client are loaded by then but not used. `true` is the floor of any process, init_yard that of one with these
 * libraries. "phase_": the whole phase against database and simulator with --dry-run, which asks and computes everything and
 * writes nothing. Wall time from fork to reaped, and the peak memory of the process (wait4).
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "tests/bench/figure.h"
#include "shared/base/banned.h"

#define ROUNDS   9
#define STARTS   7
#define NO_CONF  "/nonexistent/gaejang.conf"
#define EXIT_CFG 78

struct candidate {
	const char *name, *path;
	int want_exit;
	bool whole;
	char path_room[400], wall_name[48], memory_name[48];
	struct figure wall, memory;
};

static struct candidate candidates[] = {
	{ .name = "true", .path = "/bin/true" },
	{ .name = "init", .path = NULL },
	{ .name = "preflight", .want_exit = EXIT_CFG },
	{ .name = "auth", .want_exit = EXIT_CFG },
	{ .name = "account", .want_exit = EXIT_CFG },
	{ .name = "params", .want_exit = EXIT_CFG },
	{ .name = "reconcile", .want_exit = EXIT_CFG },
	{ .name = "guardrail", .want_exit = EXIT_CFG },
	{ .name = "universe", .want_exit = EXIT_CFG },
	{ .name = "gate", .want_exit = EXIT_CFG },
	{ .name = "close", .want_exit = EXIT_CFG },
	{ .name = "preflight", .whole = true },
	{ .name = "auth", .whole = true },
	{ .name = "account", .whole = true },
	{ .name = "params", .whole = true },
	{ .name = "reconcile", .whole = true },
	{ .name = "guardrail", .whole = true },
	{ .name = "universe", .whole = true },
};
#define CANDIDATES ((int)(sizeof(candidates) / sizeof(candidates[0])))

static const char *conf;

/* Milliseconds from fork to reaped. */
static double start_ms(const struct candidate *one, long *out_peak_kib)
{
	struct mono begun = clock_real_mono();
	struct rusage used;
	pid_t child = fork();
	int status;

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(127);
		if (one->whole)
			(void)execl(one->path, one->name, "--config", conf, "--dry-run", (char *)NULL);
		else if (one->want_exit == 0)
			(void)execl(one->path, one->name, (char *)NULL);
		else
			(void)execl(one->path, one->name, "--config", NO_CONF, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &used) != child) {
		perror("start_bench: fork");
		exit(1);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != one->want_exit) {
		fprintf(stderr, "start_bench: %s ended with %d instead of %d\n", one->path,
			WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), one->want_exit);
		exit(1);
	}
	*out_peak_kib = used.ru_maxrss;
	return (double)(clock_real_mono().ns - begun.ns) / 1e6;
}

int main(int argc, char **argv)
{
	static double times[sizeof(candidates) / sizeof(candidates[0])][STARTS];

	if (argc != 4) {
		fprintf(stderr, "usage: start_bench BIN YARD CONF\n");
		return 64;
	}
	conf = argv[3];
	for (int i = 0; i < CANDIDATES; i++) {
		struct candidate *one = &candidates[i];

		if (one->path == NULL) {
			(void)snprintf(one->path_room, sizeof(one->path_room), "%s%s%s",
				       i == 1 ? "" : argv[1], i == 1 ? "" : "/",
				       i == 1 ? argv[2] : one->name);
			one->path = one->path_room;
		}
		(void)snprintf(one->wall_name, sizeof(one->wall_name), "%s_%s",
			       one->whole ? "phase" : "start", one->name);
		(void)snprintf(one->memory_name, sizeof(one->memory_name), "%s_memory_%s",
			       one->whole ? "phase" : "start", one->name);
		one->wall = (struct figure){ .name = one->wall_name, .unit = "ms" };
		one->memory = (struct figure){ .name = one->memory_name, .unit = "KiB" };
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int k = 0; k < STARTS; k++) {
			for (int i = 0; i < CANDIDATES; i++) {
				long peak_kib;

				if (candidates[i].whole && k > 0)
					continue; /* once a round: it is much longer */

				times[i][k] = start_ms(&candidates[i], &peak_kib);
				if (k == 0)
					figure_add(&candidates[i].memory, (double)peak_kib);
			}
		}
		for (int i = 0; i < CANDIDATES; i++)
			figure_add(&candidates[i].wall,
				   figure_percentile(times[i], candidates[i].whole ? 1 : STARTS, 50));
	}
	figure_tell(&candidates[0].wall, NULL);
	figure_tell(&candidates[1].wall, &candidates[0].wall);
	figure_tell(&candidates[1].memory, &candidates[0].memory);
	for (int i = 2; i < CANDIDATES; i++) {
		figure_tell(&candidates[i].wall, &candidates[1].wall);
		figure_tell(&candidates[i].wall, &candidates[0].wall);
		if (candidates[i].whole)
			figure_tell(&candidates[i].memory, &candidates[1].memory);
	}
	return 0;
}
