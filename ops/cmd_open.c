/* gaejang open, run, rerun - phases by hand, in order, with the real programs. */
#include <stdio.h>
#include <string.h>

#include "ops/house.h"
#include "shared/base/banned.h"

/* bin/PHASE with the options that were given to us. */
static enum reason run_phase(struct house *house, enum phase_id id, int *out_exit)
{
	const char *argv[10];
	int n = 0;

	argv[n++] = phase_name(id);
	argv[n++] = "--config";
	argv[n++] = house->cfg.path;
	argv[n++] = "--account";
	argv[n++] = house->acct->name;
	if (house->args.day != NULL) {
		argv[n++] = "--day";
		argv[n++] = house->args.day;
	}
	argv[n] = NULL;
	return ops_child(house, phase_name(id), argv, false, out_exit);
}

/* Every phase of the set in running order. The first that is not 0 is the exit status; the rest still answer for themselves. */
static int run_set(const char *command, struct house *house, uint32_t set)
{
	int first_bad = 0;

	for (int id = 0; id < PHASE_COUNT; id++) {
		int status = 0;
		enum reason why;

		if ((set & (1u << id)) == 0)
			continue;
		why = run_phase(house, (enum phase_id)id, &status);
		if (why != REASON_OK)
			return ops_fail(command, why);
		if (status != 0 && first_bad == 0)
			first_bad = status;
	}
	return first_bad;
}

static enum reason open_for_phases(struct house *house, const struct ops_args *args)
{
	enum reason why = house_open(house, args, NEED_CONF | NEED_SEAT, NULL);

	if (why == REASON_OK)
		why = conf_account_find(&house->cfg, args->account, &house->acct);
	return why;
}

static int phase_by_name(const char *command, int argc, char **argv, const char *letters, const char *doc)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	enum phase_id id;
	enum reason why;
	int status;

	ops_parse(argc, argv, letters, "PHASE", doc, &args);
	if (args.word_count != 1 || !phase_parse(args.words[0], &id)) {
		fprintf(stderr,
			"gaejang %s: name one phase: preflight auth account params reconcile guardrail "
			"universe gate close\n",
			command);
		return 64;
	}
	why = open_for_phases(&house, &args);
	if (why != REASON_OK)
		status = ops_fail(command, why);
	else
		status = run_set(command, &house,
				 args.downstream ? phase_downstream(id) & ~(1u << PHASE_CLOSE) : 1u << id);
	house_close(&house);
	return status;
}

int cmd_run(int argc, char **argv)
{
	return phase_by_name("run", argc, argv, "cad",
			     "Runs one phase by hand; its deadline is its start plus hand_deadline_min.");
}

int cmd_rerun(int argc, char **argv)
{
	return phase_by_name("rerun", argc, argv, "cadD",
			     "Runs one phase again; with --downstream also every phase that rests on it, "
			     "in order, the gate last.");
}

int cmd_open(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	enum reason why;
	int status;

	ops_parse(argc, argv, "cad", "",
		  "The morning in order, by hand: preflight to gate. The exit status is that of the first "
		  "phase "
		  "that did not pass.",
		  &args);
	why = open_for_phases(&house, &args);
	if (why != REASON_OK)
		status = ops_fail("open", why);
	else
		status = run_set("open", &house, (1u << (PHASE_GATE + 1)) - 1);
	house_close(&house);
	return status;
}
