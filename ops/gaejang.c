/* gaejang - the operator's one program: looks, reruns, stops, registers, rehearses. Each command is a cmd_*.c beside this file. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/house.h"
#include "shared/base/nearest.h"
#include "shared/base/banned.h"

static int cmd_help(int argc, char **argv);

const struct ops_command ops_commands[] = {
	{ "status", cmd_status, "the day at a glance" },
	{ "why", cmd_why, "the first thing that blocks, its evidence, and the command that re-examines it" },
	{ "open", cmd_open, "the morning in order, by hand" },
	{ "run", cmd_run, "one phase by hand" },
	{ "rerun", cmd_rerun, "one phase again; --downstream: and what rests on it" },
	{ "rehearse", cmd_rehearse, "a whole day against the broker simulator" },
	{ "kill", cmd_kill, "stop at once: file, row, worker, own orders" },
	{ "resume", cmd_resume, "raise the mode again; needs a person and a reason" },
	{ "release", cmd_release, "unlock a symbol and side for the day" },
	{ "ack", cmd_ack, "acknowledge an alert" },
	{ "sql", cmd_sql, "a SQL prompt on the results, or one query" },
	{ "migrate", cmd_migrate, "bring the schema, views, grants and logins to this build" },
	{ "vault", cmd_vault, "role keys and sealed records" },
	{ "account", cmd_account, "register an account, sign its opening" },
	{ "params", cmd_params, "import, activate, show parameters" },
	{ "universe", cmd_universe, "the list of symbols" },
	{ "settings", cmd_settings, "every configuration key with range, unit, default" },
	{ "help", cmd_help, "this text" },
	{ NULL, NULL, NULL },
};

static void print_help(FILE *to)
{
	fputs("Usage: gaejang COMMAND [OPTION...]\n\n", to);
	for (const struct ops_command *c = ops_commands; c->name != NULL; c++)
		fprintf(to, "  %-10s %s\n", c->name, c->help);
	fputs("\ngaejang COMMAND --help tells a command's options. README.md begins at the beginning.\n", to);
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_help(stdout);
	return 0;
}

static int unknown_command(const char *word)
{
	const struct ops_command *nearest = ops_commands;

	for (const struct ops_command *c = ops_commands; c->name != NULL; c++) {
		if (nearest_distance(word, c->name) < nearest_distance(word, nearest->name))
			nearest = c;
	}
	fprintf(stderr,
		"gaejang: there is no command '%.40s'; did you mean: gaejang %s (gaejang help lists all)\n",
		word, nearest->name);
	return 64;
}

int main(int argc, char **argv)
{
	char title[64];

	if (sodium_init() < 0) {
		fputs("gaejang: libsodium does not start; reinstall the package libsodium23\n", stderr);
		return 70;
	}
	if (argc < 2) {
		print_help(stderr);
		return 64;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cmd_help(argc, argv);
	for (const struct ops_command *c = ops_commands; c->name != NULL; c++) {
		if (strcmp(argv[1], c->name) == 0) {
			(void)snprintf(title, sizeof(title), "gaejang %s", c->name);
			argv[1] = title;
			return c->run(argc - 1, argv + 1);
		}
	}
	return unknown_command(argv[1]);
}
