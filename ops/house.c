#include "ops/house.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/spawn.h"
#include "shared/base/banned.h"

/* Every option any command takes; a command shows and accepts those whose letter it names. */
static const struct argp_option all_options[] = {
	{ "config", 'c', "FILE", 0, "configuration; default $GAEJANG_CONF, then /etc/gaejang/gaejang.conf",
	  0 },
	{ "account", 'a', "NAME", 0, "account; not needed when there is only one", 0 },
	{ "json", 'j', NULL, 0, "print one JSON object", 0 },
	{ "day", 'd', "YYYY-MM-DD", 0, "trading day; default today by the clock", 0 },
	{ "reason", 'r', "TEXT", 0, "why; kept with your name", 0 },
	{ "by", 'b', "PERSON", 0, "who; default the login", 0 },
	{ "downstream", 'D', NULL, 0, "and every phase that rests on it, in order", 0 },
	{ "env", 'e', "real|paper", 0, "environment", 0 },
	{ "market", 'm', "KOSPI|KOSDAQ", 0, "market of the symbol", 0 },
	{ "kind", 'k', "STOCK|ETF", 0, "kind of the symbol", 0 },
	{ "name", 'n', "TEXT", 0, "name", 0 },
	{ "from", 'f', "YYYY-MM-DD", 0, "first day", 0 },
	{ "to", 't', "YYYY-MM-DD", 0, "last day, inclusive", 0 },
	{ "stay", 's', NULL, 0, "leave database and simulator up, the clock standing still", 0 },
	{ "stop", 'S', NULL, 0, "end what --stay left up", 0 },
	{ "until", 'u', "HH:MM", 0, "schedule time to stop the clock at", 0 },
	{ "dir", 'o', "DIR", 0, "folder of the rehearsal; default var/rehearsal", 0 },
	{ "cash", 'C', "WON", 0, "cash in won", 0 },
	{ "login", 'l', "USER", 0, "database login; default the operating system's user over the unix socket",
	  0 },
	{ "logins", 'L', NULL, 0, "make every program's database login anew and seal its password", 0 },
};

struct parse {
	struct ops_args *args;
	bool no_words;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	const struct parse *parse = state->input;
	struct ops_args *args = parse->args;

	switch (key) {
	case 'c': args->config = arg; break;
	case 'a': args->account = arg; break;
	case 'j': args->json = true; break;
	case 'd': args->day = arg; break;
	case 'r': args->reason = arg; break;
	case 'b': args->by = arg; break;
	case 'D': args->downstream = true; break;
	case 'e': args->env = arg; break;
	case 'm': args->market = arg; break;
	case 'k': args->kind = arg; break;
	case 'n': args->name = arg; break;
	case 'f': args->from = arg; break;
	case 't': args->to = arg; break;
	case 's': args->stay = true; break;
	case 'S': args->stop = true; break;
	case 'u': args->until = arg; break;
	case 'o': args->dir = arg; break;
	case 'C': args->cash = arg; break;
	case 'l': args->login = arg; break;
	case 'L': args->logins = true; break;
	case ARGP_KEY_ARG:
		if (parse->no_words)
			argp_error(state, "'%s' says nothing here: this takes options only", arg);
		if (args->word_count == OPS_WORDS_MAX)
			argp_error(state, "more than %d words", OPS_WORDS_MAX);
		args->words[args->word_count++] = arg;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void ops_parse(int argc, char **argv, const char *letters, const char *words, const char *doc,
	       struct ops_args *out)
{
	struct argp_option options[ARRAY_COUNT(all_options) + 1] = { 0 };
	struct argp argp = { options, parse_option, words, doc, NULL, NULL, NULL };
	struct parse parse = { out, words[0] == '\0' };
	int count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(all_options); i++) {
		if (strchr(letters, all_options[i].key) != NULL)
			options[count++] = all_options[i];
	}
	*out = (struct ops_args){ 0 };
	argp_err_exit_status = 64;
	(void)argp_parse(&argp, argc, argv, 0, NULL, &parse);
}

int ops_fail(const char *command, enum reason why)
{
	fprintf(stderr, "gaejang %s: %s\n", command, reason_detail());
	return reason_exit(why);
}

const char *ops_person(const struct ops_args *args)
{
	static char name[PERSON_SIZE];
	const struct passwd *pw;

	if (args->by != NULL)
		return args->by;
	pw = getpwuid(getuid());
	(void)snprintf(name, sizeof(name), "%s", pw != NULL ? pw->pw_name : "unknown");
	return name;
}

enum reason ops_need_reason(const struct ops_args *args)
{
	if (args->reason == NULL || args->reason[0] == '\0')
		return reason_set(REASON_NEEDS_REASON,
				  "this is kept with your name and a reason; add --reason \"why\"");
	if (strlen(args->reason) >= 200 || strlen(ops_person(args)) >= PERSON_SIZE)
		return reason_set(REASON_BAD_USAGE, "--reason holds at most 199 characters, --by at most %d",
				  PERSON_SIZE - 1);
	return REASON_OK;
}

static enum reason house_open_clock(struct house *house, unsigned needs)
{
	const char *file = conf_text(&house->cfg, CONF_REHEARSAL_CLOCK);
	enum reason why;

	if (conf_number(&house->cfg, CONF_REHEARSAL) != 0 && file[0] != '\0')
		why = clock_open_virtual(file, &house->clock);
	else
		why = clock_open_real(&house->clock);
	if (why == REASON_OK && (needs & NEED_SEAT) != 0)
		why = clock_join(house->clock, "gaejang", &house->seat);
	return why;
}

static enum reason house_open_day(struct house *house)
{
	house->day = kst_day_of(clock_wall(house->clock));
	if (house->args.day != NULL && !kst_day_parse(house->args.day, &house->day))
		return reason_set(REASON_BAD_DAY, "--day %s is not a date; write it as 2021-01-04",
				  house->args.day);
	return REASON_OK;
}

enum reason house_open(struct house *house, const struct ops_args *args, unsigned needs, const char *db_user)
{
	enum reason why;

	house->args = *args;
	why = conf_load(&house->cfg, args->config);
	if (why == REASON_OK && (needs & (NEED_DB | NEED_ACCOUNT)) != 0)
		why = conf_account_find(&house->cfg, args->account, &house->acct);
	if (why == REASON_OK && (needs & NEED_CALENDAR) != 0)
		why = calendar_load(&house->cal, conf_text(&house->cfg, CONF_CALENDAR_DIR));
	if (why == REASON_OK && (needs & (NEED_CLOCK | NEED_SEAT)) != 0)
		why = house_open_clock(house, needs);
	if (why == REASON_OK && house->clock != NULL)
		why = house_open_day(house);
	if (why == REASON_OK && (needs & NEED_AWAKE) != 0)
		why = house_wake_db(house);
	if (why == REASON_OK && (needs & NEED_DB) != 0)
		why = login_open(&house->cfg, house->acct, ROLE_OPERATOR, db_user, &house->db);
	if (why == REASON_OK && (needs & NEED_ACCOUNT) != 0) {
		why = tbl_account_find(house->db, house->acct->name, &house->account);
		if (why == REASON_DB_NOT_FOUND)
			why = reason_set(why,
					 "account %s stands in the configuration but is not registered; "
					 "run: gaejang account add %s",
					 house->acct->name, house->acct->name);
	}
	return why;
}

void house_close(struct house *house)
{
	db_close(house->db);
	/* A seat is not left here: the clock stands until whoever waits for this process has seen it end. */
	clock_close(house->clock);
	calendar_clear(&house->cal);
	conf_clear(&house->cfg);
	*house = (struct house)HOUSE_INIT;
}

enum reason house_commit(struct house *house, enum reason why)
{
	if (why == REASON_OK)
		return db_commit(house->db);
	db_rollback(house->db);
	return why;
}

static enum reason wait_child(struct house *house, pid_t child, int *out_exit)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN, .revents = 0 };
	enum reason why = REASON_OK;
	int ready = 0, status = 0;

	if (pidfd < 0)
		return reason_set(REASON_INTERNAL, "pidfd_open: %s", strerror(errno));
	while (why == REASON_OK && ready == 0) {
		if (house->seat != NULL)
			why = clock_poll(house->seat, &poll_fd, 1, CLOCK_NEVER, &ready);
		else
			ready = poll(&poll_fd, 1, -1) == 1;
		if (why == REASON_INTERRUPTED)
			why = REASON_OK; /* the child got the signal too; its end decides */
	}
	(void)close(pidfd);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	*out_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return why;
}

enum reason ops_child(struct house *house, const char *program, const char *const *argv, bool quiet,
		      int *out_exit)
{
	char path[FILE_PATH_SIZE];
	struct spawn order = SPAWN_INIT;
	enum reason why;
	pid_t child = 0;

	if (program[0] == '/')
		why = snprintf(path, sizeof(path), "%s", program) < (int)sizeof(path)
			      ? REASON_OK
			      : reason_set(REASON_PATH_LONG, "the path of %.60s... is too long", program);
	else
		why = file_join(conf_text(&house->cfg, CONF_BIN_DIR), program, path);
	if (why != REASON_OK)
		return why;
	order.path = path;
	order.argv = argv;
	order.stdout_fd = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
	why = spawn_start(house->clock, &order, &child);
	if (order.stdout_fd >= 0)
		(void)close(order.stdout_fd);
	return why == REASON_OK ? wait_child(house, child, out_exit) : why;
}

enum reason house_wake_db(struct house *house)
{
	char folder[FILE_PATH_SIZE], tool[FILE_PATH_SIZE];
	const char *argv[] = { tool, "start", folder, NULL };
	int status = 0;
	enum reason why;

	if (conf_number(&house->cfg, CONF_REHEARSAL) == 0 ||
	    access(conf_text(&house->cfg, CONF_DB_SOCKET), F_OK) == 0)
		return REASON_OK;
	why = file_join(conf_text(&house->cfg, CONF_STATE_DIR), "../db", folder);
	if (why == REASON_OK)
		why = file_join(conf_text(&house->cfg, CONF_SQL_DIR), "../ops/db", tool);
	if (why == REASON_OK)
		why = ops_child(house, tool, argv, true, &status);
	if (why == REASON_OK && status != 0)
		why = reason_set(REASON_DB_AWAY,
				 "the private database in %s does not start; its log lies there", folder);
	return why;
}

enum reason ops_print_json(const cJSON *root)
{
	char *text = cJSON_PrintUnformatted(root);

	if (text == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory to print JSON");
	puts(text);
	cJSON_free(text);
	return REASON_OK;
}
