/*
 * house - a private house for program tests: folder, database, keys, configuration, virtual clock; runs the real programs.
 *
 * Shape   house_open builds everything below a new folder of /tmp; programs come from $GJ_BIN or bin/. The test is the
 *         clock's driver: it holds time while it runs and lets it pass while it waits for a program.
 * Errors  a step of the set-up that fails ends the test with the program's output.
 */
#ifndef GJ_TESTS_PHASES_HOUSE_H
#define GJ_TESTS_PHASES_HOUSE_H

#include "shared/base/clock.h"

struct test_house {
	char dir[64], conf[128], bin[256], socket[160];
	struct clock *clock;
	struct clock_seat *seat;
	char out[65536]; /* of the newest program: both streams */
};
void house_open(struct test_house *house, const char *start); /* "2021-01-04 08:50:00" */
void house_close(struct test_house *house);
void house_conf(struct test_house *house,
		const char *more); /* writes the configuration with lines added to [gaejang] */
void house_clock(struct test_house *house, const char *at); /* a new clock file, at another instant */
void house_db(struct test_house *house, const char *verb); /* ops/db start, stop, kill */
/* Runs PROGRAM with --config and the words of `args`; returns the exit status, 128 + signal when one ended it. */
int house_run(struct test_house *house, const char *program, const char *args);
int house_run_in(struct test_house *house, const char *program, const char *args, const char *input);
/* As house_run, but once the program waits for time, which stands still meanwhile, `meanwhile` does its work first. */
int house_run_held(struct test_house *house, const char *program, const char *args,
		   void (*meanwhile)(struct test_house *house));
/* As house_run, but sends the signal once the program waits for time, which stands still meanwhile. */
int house_run_signal(struct test_house *house, const char *program, const char *args, int signal_number);
/* First column of the first row, "" when there is none. The newest four results may be used in one call. */
const char *house_sql(struct test_house *house, const char *text);

#endif
