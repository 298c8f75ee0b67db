/*
 * start_bench - what starting a program costs: each phase up to its first refusal, against the floors of a process.
 *
 *   start_bench BIN YARD     BIN: folder of the programs; YARD: the init_yard program
 *
 * A phase is started with a configuration that is not there: it is loaded and linked, reads its options, hardens itself,
 * looks for the file, says so and ends with 78. `true` is the floor of any process, init_yard that of one with these
 * libraries. Wall time from fork to reaped, and the peak memory of the process (wait4).
 */
#include <fcntl.h>
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
	char path_room[400], wall_name[48], memory_name[48];
	struct figure wall, memory;
};

static struct candidate candidates[] = {
	{ .name = "true", .path = "/bin/true" },        { .name = "init", .path = NULL },
	{ .name = "preflight", .want_exit = EXIT_CFG }, { .name = "auth", .want_exit = EXIT_CFG },
	{ .name = "account", .want_exit = EXIT_CFG },   { .name = "params", .want_exit = EXIT_CFG },
	{ .name = "reconcile", .want_exit = EXIT_CFG }, { .name = "guardrail", .want_exit = EXIT_CFG },
	{ .name = "universe", .want_exit = EXIT_CFG },  { .name = "gate", .want_exit = EXIT_CFG },
	{ .name = "close", .want_exit = EXIT_CFG },
};
#define CANDIDATES ((int)(sizeof(candidates) / sizeof(candidates[0])))

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
		if (one->want_exit == 0)
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

	if (argc != 3) {
		fprintf(stderr, "usage: start_bench BIN YARD\n");
		return 64;
	}
	for (int i = 0; i < CANDIDATES; i++) {
		struct candidate *one = &candidates[i];

		if (one->path == NULL) {
			(void)snprintf(one->path_room, sizeof(one->path_room), "%s%s%s",
				       i == 1 ? "" : argv[1], i == 1 ? "" : "/",
				       i == 1 ? argv[2] : one->name);
			one->path = one->path_room;
		}
		(void)snprintf(one->wall_name, sizeof(one->wall_name), "start_%s", one->name);
		(void)snprintf(one->memory_name, sizeof(one->memory_name), "start_memory_%s", one->name);
		one->wall = (struct figure){ .name = one->wall_name, .unit = "ms" };
		one->memory = (struct figure){ .name = one->memory_name, .unit = "KiB" };
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int k = 0; k < STARTS; k++) {
			for (int i = 0; i < CANDIDATES; i++) {
				long peak_kib;

				times[i][k] = start_ms(&candidates[i], &peak_kib);
				if (k == 0)
					figure_add(&candidates[i].memory, (double)peak_kib);
			}
		}
		for (int i = 0; i < CANDIDATES; i++)
			figure_add(&candidates[i].wall, figure_percentile(times[i], STARTS, 50));
	}
	figure_tell(&candidates[0].wall, NULL);
	figure_tell(&candidates[1].wall, &candidates[0].wall);
	figure_tell(&candidates[1].memory, &candidates[0].memory);
	for (int i = 2; i < CANDIDATES; i++) {
		figure_tell(&candidates[i].wall, &candidates[1].wall);
		figure_tell(&candidates[i].wall, &candidates[0].wall);
	}
	return 0;
}
