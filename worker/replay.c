/* replay - feeds a journal's events to the engine again and compares what it decides. Reads one file, writes nothing. */
#include <argp.h>
#include <stdio.h>
#include <sysexits.h>

#include "worker/journal.h"
#include "shared/base/banned.h"

struct options {
	const char *path;
	bool json;
};

static const struct argp_option option_table[] = {
	{ "json", 'j', NULL, 0, "print the result as one JSON object", 0 },
	{ 0 },
};

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'j': opt->json = true; return 0;
	case ARGP_KEY_ARG:
		if (opt->path)
			argp_error(state, "one journal at a time; '%s' is a second one", arg);
		opt->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!opt->path)
			argp_error(state, "which journal? give the path of a .gj file under state_dir");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* A path may hold anything; in JSON it must not end the string. */
static void json_text(const char *text)
{
	putchar('"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == '"' || *c == '\\')
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void print_result(const struct options *opt, const struct journal_replay *res)
{
	char day[KST_TEXT_SIZE], chain[DIGEST_HEX_SIZE];

	kst_day_text(res->day, day);
	digest_hex(&res->chain, chain);
	if (opt->json) {
		printf("{\"journal\":");
		json_text(opt->path);
		printf(",\"day\":\"%s\",\"epoch\":%lld,\"same\":%s,\"events\":%lld,\"outcomes\":%lld,"
		       "\"groups\":%lld,"
		       "\"tail_open\":%s,\"differs_seq\":%llu,\"chain\":\"%s\"}\n",
		       day, (long long)res->epoch, res->same ? "true" : "false", (long long)res->events,
		       (long long)res->outcomes, (long long)res->groups, res->tail_open ? "true" : "false",
		       (unsigned long long)res->differs_seq, chain);
		return;
	}
	if (res->same)
		printf("replay: same: %s epoch %lld, %lld events, %lld outcomes, chain %.16s%s\n", day,
		       (long long)res->epoch, (long long)res->events, (long long)res->outcomes, chain,
		       res->tail_open ? " (the last event's outcome was not written)" : "");
	else
		printf("replay: differs at event %llu of %s epoch %lld: this build decides otherwise on the "
		       "same inputs; compare the "
		       "builds, and trust the recorded day\n",
		       (unsigned long long)res->differs_seq, day, (long long)res->epoch);
}

static void print_trouble(const struct options *opt, enum reason why)
{
	if (opt->json) {
		printf("{\"journal\":");
		json_text(opt->path);
		printf(",\"same\":null,\"reason\":\"%s\",\"detail\":", reason_code(why));
		json_text(reason_detail());
		printf("}\n");
	}
	fprintf(stderr, "replay: %s\n", reason_detail());
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		option_table,
		option_take,
		"JOURNAL",
		"replay - decide a recorded day again and compare\v"
		"Exit: 0 the same, 1 it differs or the journal is broken, 64 usage, 78 not a journal.",
		NULL,
		NULL,
		NULL
	};
	struct options opt = { 0 };
	struct journal_replay res;
	enum reason why;

	argp_err_exit_status = EX_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &opt) != 0)
		return EX_USAGE;
	if (sodium_init() < 0) {
		fprintf(stderr, "replay: libsodium does not start\n");
		return EX_SOFTWARE;
	}
	why = journal_replay_file(opt.path, &res);
	if (why != REASON_OK) {
		print_trouble(&opt, why);
		return reason_exit(why);
	}
	print_result(&opt, &res);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "replay: the result could not be written\n");
		return EX_IOERR;
	}
	return res.same ? 0 : 1;
}
