/*
 * day_bench - whole rehearsal days: wall time, phases, the way of an order from tick to answer, memory.
 *
 *   day_bench TOP FOLDER DAYS NAME=VALUE...     TOP: folder of the tree; FOLDER: ours, made and removed here
 *
 * NAME=VALUE are medians that the other programs of this run have measured: start_init (ms), start_memory_init (KiB),
 * post_curl_p50 and post_curl_p99 (us), journalled_step (us). Straight after each day, with its server still up, bare
 * one-row commits are timed there: the yardstick of that day's marks.
 *
 * What the product itself records is read: `phase-end` (took_ms) and `sent` (the steps of an order) in the day's log.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/won.h"
#include "tests/bench/bare_commit.h"
#include "tests/bench/figure.h"
#include "shared/base/banned.h"

#define ORDERS_MAX    1000
#define COMMITS       200
#define COMMITS_WARM  20
#define PAUSE_NS      1000000
#define SAMPLE_NS     20000000
#define LOG_SIZE_MAX  (16 * 1024 * 1024)
#define DAY_S_MAX     150
#define CHILDREN_SIZE 4096

enum part {
	PART_STEP,
	PART_WAKE,
	PART_RECORD,
	PART_TURN,
	PART_MARK,
	PART_SEND,
	PART_WIRE,
	PART_WHOLE,
	PART_COUNT
};
static const char *const part_keys[PART_WHOLE] = { "step_ns", "wake_us", "record_us", "turn_us",
						   "mark_us", "send_us", "wire_us" };
static const char *const phases[] = { "preflight", "auth",     "account", "params", "reconcile",
				      "guardrail", "universe", "gate",    "close" };
#define PHASE_COUNT   ((int)(sizeof(phases) / sizeof(phases[0])))
#define MORNING_COUNT (PHASE_COUNT - 1)

static struct figure figures_part[PART_COUNT][2], figures_phase[PHASE_COUNT];
static struct figure day_wall = { .name = "day_wall", .unit = "s" };
static struct figure server_wall = { .name = "server_start_stop", .unit = "s" };
static struct figure morning = { .name = "day_morning", .unit = "ms" };
static struct figure starts = { .name = "start_init_of_each", .unit = "ms" };
static struct figure orders = { .name = "day_orders", .unit = "orders" };
static struct figure bare[2] = { { .name = "day_bare_commit_p50", .unit = "us" },
				 { .name = "day_bare_commit_p99", .unit = "us" } };
static struct figure floors[2] = { { .name = "day_order_floor_p50", .unit = "us" },
				   { .name = "day_order_floor_p99", .unit = "us" } };
static struct figure memory_worker = { .name = "day_memory_worker", .unit = "KiB" };
static struct figure memory_broker = { .name = "day_memory_simulator", .unit = "KiB" };
static char names[PART_COUNT * 2 + PHASE_COUNT][48];
static const char *top, *folder;

static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "day_bench: %s: %s\n", what, why);
	exit(1);
}

static double since_s(struct mono begun)
{
	return (double)(clock_real_mono().ns - begun.ns) / 1e9;
}

static void pause_ns(long ns)
{
	const struct timespec pause = { .tv_sec = 0, .tv_nsec = ns };

	(void)nanosleep(&pause, NULL);
}

/* Medians of other programs of this run, as figures that are the same every round. */
static struct figure yards[] = {
	{ .name = "start_init" },    { .name = "start_memory_init" }, { .name = "post_curl_p50" },
	{ .name = "post_curl_p99" }, { .name = "journalled_step" },
};
#define YARD_COUNT (sizeof(yards) / sizeof(yards[0]))

static struct figure *yard(const char *name)
{
	for (size_t i = 0; i < YARD_COUNT; i++) {
		if (strcmp(yards[i].name, name) == 0)
			return &yards[i];
	}
	give_up(name, "is no yardstick of this program");
	return NULL;
}

static void read_yards(char **words)
{
	for (; *words != NULL; words++) {
		char *sign = strchr(*words, '=');

		if (sign == NULL)
			give_up(*words, "is not NAME=VALUE");
		*sign = '\0';
		for (int i = 0; i < FIGURE_ROUNDS_MAX; i++)
			figure_add(yard(*words), strtod(sign + 1, NULL));
	}
	for (size_t i = 0; i < YARD_COUNT; i++) {
		if (yards[i].count == 0 || yards[i].values[0] <= 0)
			give_up(yards[i].name, "was not given, or is not above zero");
	}
}

/* ---- running ---- */
static pid_t start(const char *const *argv, const char *out_path)
{
	union {
		const char *const *in;
		char *const *out;
	} args = { .in = argv };
	pid_t child = fork();

	if (child == 0) {
		int out = open(out_path, O_CREAT | O_WRONLY | O_APPEND, 0600);

		if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(127);
		(void)execv(argv[0], args.out);
		_exit(127);
	}
	if (child < 0)
		give_up(argv[0], "fork");
	return child;
}

static void done(pid_t child, const char *what)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		give_up(what, "did not end with 0; its output is in the folder of the benchmark");
}

/* Highest VmHWM that a program of this name has shown; it never falls while the process lives. */
static void sample(const char *pid_text, int64_t *worker_kib, int64_t *broker_kib)
{
	char path[64], text[4096];
	const char *at;
	int64_t kib = 0, *of = NULL;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/status", pid_text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* ended meanwhile */
	got = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (got <= 0)
		return;
	text[got] = '\0';
	if (strncmp(text, "Name:\tworker\n", 13) == 0)
		of = worker_kib;
	else if (strncmp(text, "Name:\tbroker\n", 13) == 0)
		of = broker_kib;
	at = strstr(text, "VmHWM:");
	if (of == NULL || at == NULL)
		return;
	at += strcspn(at, "0123456789");
	if (num_parse(at, strspn(at, "0123456789"), &kib) && kib > *of)
		*of = kib;
}

/* Children of the driver, which is the reaper of everything it causes. */
static void sample_children(pid_t driver, int64_t *worker_kib, int64_t *broker_kib)
{
	char path[80], text[CHILDREN_SIZE], *rest = text, *word;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)driver, (int)driver);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word != '\0')
			sample(word, worker_kib, broker_kib);
	}
}

static void walk_day(const char *gaejang, const char *out_path)
{
	const char *const argv[] = { gaejang, "rehearse", "--dir", folder, "--stay", NULL };
	struct mono begun = clock_real_mono();
	int64_t worker_kib = 0, broker_kib = 0;
	pid_t driver = start(argv, out_path);
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)driver, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
		if (since_s(begun) > DAY_S_MAX) {
			(void)kill(driver, SIGTERM);
			give_up("the day", "did not end in time");
		}
		sample_children(driver, &worker_kib, &broker_kib);
		pause_ns(SAMPLE_NS);
	}
	done(driver, "gaejang rehearse");
	figure_add(&day_wall, since_s(begun));
	figure_add(&memory_worker, (double)worker_kib);
	figure_add(&memory_broker, (double)broker_kib);
}

static void time_bare(void)
{
	static double times[COMMITS];
	static int64_t n;
	char socket[400];
	struct bare link;

	(void)snprintf(socket, sizeof(socket), "%s/db/db.sock", folder);
	bare_open(&link, socket);
	for (int i = -COMMITS_WARM; i < COMMITS; i++) {
		double us = bare_commit_us(&link, n++);

		if (i >= 0)
			times[i] = us;
		pause_ns(PAUSE_NS);
	}
	bare_close(&link);
	figure_add(&bare[0], figure_percentile(times, COMMITS, 50));
	figure_add(&bare[1], figure_percentile(times, COMMITS, 99));
}

/* Start and stop of an empty private server: what every rehearsal pays before and after anything of ours. */
static void time_server(const char *out_path)
{
	char tool[400], empty[400];
	const char *argv[] = { tool, "start", empty, NULL };
	const char *const clean[] = { "/bin/rm", "-rf", "--", empty, NULL };
	struct mono begun;

	(void)snprintf(tool, sizeof(tool), "%s/ops/db", top);
	(void)snprintf(empty, sizeof(empty), "%s-empty", folder);
	begun = clock_real_mono();
	done(start(argv, out_path), "ops/db start");
	argv[1] = "stop";
	done(start(argv, out_path), "ops/db stop");
	figure_add(&server_wall, since_s(begun));
	done(start(clean, out_path), "rm");
}

/* ---- reading ---- */
/* The number after " key=" of a line; a line without it is not of this product. */
static double value_of(const char *line, const char *key)
{
	char wanted[32];
	const char *at, *end = line + strcspn(line, "\n");
	int64_t value;

	(void)snprintf(wanted, sizeof(wanted), " %s=", key);
	at = strstr(line, wanted);
	if (at == NULL || at > end)
		give_up(key, "is missing in a line of the log");
	at += strlen(wanted);
	if (!num_parse(at, strspn(at, "0123456789"), &value))
		give_up(key, "is not a number in the log");
	return (double)value;
}

static void read_phase(const char *line, double *morning_ms)
{
	for (int i = 0; i < PHASE_COUNT; i++) {
		char wanted[48];
		const char *at;

		(void)snprintf(wanted, sizeof(wanted), " phase=%s ", phases[i]);
		at = strstr(line, wanted);
		if (at == NULL || at > line + strcspn(line, "\n"))
			continue;
		figure_add(&figures_phase[i], value_of(line, "took_ms"));
		if (i < MORNING_COUNT)
			*morning_ms += value_of(line, "took_ms");
	}
}

static void read_log(void)
{
	static double parts[PART_COUNT][ORDERS_MAX];
	char path[400];
	uint8_t *text = NULL;
	size_t text_size = 0;
	double morning_ms = 0, curl[2];
	int count = 0;

	(void)snprintf(path, sizeof(path), "%s/log/gaejang.log", folder);
	if (file_read(path, LOG_SIZE_MAX, &text, &text_size) != REASON_OK)
		give_up(path, "cannot be read");
	for (const char *line = (const char *)text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n'), *event = strstr(line, " event=");

		if (event != NULL && strncmp(event, " event=phase-end ", 17) == 0)
			read_phase(line, &morning_ms);
		if (event != NULL && strncmp(event, " event=sent ", 12) == 0 && count < ORDERS_MAX) {
			parts[PART_WHOLE][count] = 0;
			for (int i = 0; i < PART_WHOLE; i++) {
				parts[i][count] = value_of(line, part_keys[i]) / (i == PART_STEP ? 1000 : 1);
				if (i != PART_WIRE) /* is inside of send */
					parts[PART_WHOLE][count] += parts[i][count];
			}
			count++;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	file_free(text, text_size);
	if (count < 10)
		give_up(path, "holds fewer than ten orders; the figures would say nothing");
	figure_add(&morning, morning_ms);
	figure_add(&starts, MORNING_COUNT * yard("start_init")->values[0]);
	figure_add(&orders, count);
	for (int i = 0; i < PART_COUNT; i++) {
		figure_add(&figures_part[i][0], figure_percentile(parts[i], count, 50));
		figure_add(&figures_part[i][1], figure_percentile(parts[i], count, 99));
	}
	curl[0] = yard("post_curl_p50")->values[0];
	curl[1] = yard("post_curl_p99")->values[0];
	for (int k = 0; k < 2; k++)
		figure_add(&floors[k], 2 * bare[k].values[bare[k].count - 1] + curl[k]);
}

static void tell(void)
{
	struct figure *of[PART_COUNT][2];

	for (int k = 0; k < 2; k++) {
		of[PART_STEP][k] = of[PART_WAKE][k] = of[PART_TURN][k] = NULL;
		of[PART_RECORD][k] = of[PART_MARK][k] = &bare[k];
		of[PART_SEND][k] = of[PART_WIRE][k] = yard(k == 0 ? "post_curl_p50" : "post_curl_p99");
		of[PART_WHOLE][k] = &floors[k];
	}
	of[PART_STEP][0] = yard("journalled_step");
	for (int i = 0; i < PART_COUNT; i++) {
		for (int k = 0; k < 2; k++)
			figure_tell(&figures_part[i][k], of[i][k]);
	}
	figure_tell(&orders, NULL);
	for (int k = 0; k < 2; k++) {
		figure_tell(&bare[k], NULL);
		figure_tell(&floors[k], NULL);
	}
	for (int i = 0; i < PHASE_COUNT; i++)
		figure_tell(&figures_phase[i], yard("start_init"));
	figure_tell(&morning, &starts);
	figure_tell(&starts, NULL);
	figure_tell(&day_wall, &server_wall);
	figure_tell(&server_wall, NULL);
	figure_tell(&memory_worker, yard("start_memory_init"));
	figure_tell(&memory_broker, yard("start_memory_init"));
}

static void name_figures(void)
{
	static const char *const part_names[PART_COUNT] = { "step", "wake", "record", "turn",
							    "mark", "send", "wire",   "whole" };
	int used = 0;

	for (int i = 0; i < PART_COUNT; i++) {
		for (int k = 0; k < 2; k++) {
			(void)snprintf(names[used], sizeof(names[0]), "order_%s_%s", part_names[i],
				       k == 0 ? "p50" : "p99");
			figures_part[i][k] = (struct figure){ .name = names[used++], .unit = "us" };
		}
	}
	for (int i = 0; i < PHASE_COUNT; i++) {
		(void)snprintf(names[used], sizeof(names[0]), "day_phase_%s", phases[i]);
		figures_phase[i] = (struct figure){ .name = names[used++], .unit = "ms" };
	}
}

int main(int argc, char **argv)
{
	char gaejang[400], out_path[400];
	const char *const stop[] = { gaejang, "rehearse", "--dir", NULL, "--stop", NULL };
	const char *stop_argv[6];
	int64_t days;

	if (argc < 5 || !num_parse(argv[3], strlen(argv[3]), &days) || days < 1 || days > FIGURE_ROUNDS_MAX) {
		fprintf(stderr, "usage: day_bench TOP FOLDER DAYS NAME=VALUE...\n");
		return 64;
	}
	top = argv[1];
	folder = argv[2];
	read_yards(argv + 4);
	(void)snprintf(gaejang, sizeof(gaejang), "%s/bin/gaejang", top);
	(void)snprintf(out_path, sizeof(out_path), "%s.out", folder);
	memcpy(stop_argv, stop, sizeof(stop));
	stop_argv[3] = folder;
	name_figures();
	for (int i = 0; i < days; i++) {
		time_server(out_path);
		walk_day(gaejang, out_path);
		time_bare();
		read_log();
		done(start(stop_argv, out_path), "gaejang rehearse --stop");
	}
	tell();
	return 0;
}
