/*
 * house - what every operator's command needs: options, configuration, account, calendar, clock, database.
 *
 * Shape   ops_parse fills struct ops_args from the command line (argp; each command names the options it takes);
 *         house_open opens what `needs` asks for, in order, and says in one line what is missing.
 * Owner   house_close undoes what was opened; accepts an empty house.
 * Errors  enum reason; the command returns ops_fail(), which prints the detail once and gives the exit status.
 */
#ifndef GJ_OPS_HOUSE_H
#define GJ_OPS_HOUSE_H

#include <cjson/cJSON.h>

#include "shared/base/calendar.h"
#include "shared/base/clock.h"
#include "shared/base/conf.h"
#include "shared/store/login.h"
#include "shared/store/tables.h"

#define OPS_WORDS_MAX 64

struct ops_args {
	const char *config, *account, *day, *reason, *by;
	const char *env, *market, *kind, *name, *from, *to, *until, *dir, *cash, *login;
	bool json, downstream, stay, stop, logins;
	const char *words[OPS_WORDS_MAX]; /* what is not an option */
	int word_count;
};
/* `letters`: which options the command takes; `words`: usage of its words, "" = takes none; `doc`: one paragraph. Exits 64 itself on bad usage. */
void ops_parse(int argc, char **argv, const char *letters, const char *words, const char *doc,
	       struct ops_args *out);

enum house_needs {
	NEED_CONF = 1,
	NEED_CALENDAR = 2,
	NEED_CLOCK = 4, /* opened, not joined: a look at the time holds nothing */
	NEED_SEAT = 8, /* joined: it waits or must hold time */
	NEED_DB = 16,
	NEED_ACCOUNT = 32, /* the account's row */
	NEED_AWAKE = 64, /* a private database that was stopped is started first */
};
struct house {
	struct ops_args args;
	struct conf cfg;
	const struct conf_account *acct;
	struct calendar cal;
	struct clock *clock;
	struct clock_seat *seat;
	struct db *db;
	struct account_row account;
	struct kst_day day; /* --day, or today by the clock */
};
#define HOUSE_INIT                                                                                           \
	{                                                                                                    \
		0                                                                                            \
	}
enum reason house_open(struct house *house, const struct ops_args *args, unsigned needs, const char *db_user);
void house_close(struct house *house);
/* The private database of a rehearsal that was ended is started again for a question. Needs NEED_CONF. */
enum reason house_wake_db(struct house *house);
/* Ends what db_begin(house->db) began: a person's act and its audit row come together or not at all. */
enum reason house_commit(struct house *house, enum reason why);

/* Prints "gaejang COMMAND: detail" and returns the exit status of the reason. */
int ops_fail(const char *command, enum reason why);
/* --by, or the login that runs it. */
const char *ops_person(const struct ops_args *args);
/* A person's act needs a reason in words; REASON_NEEDS_REASON otherwise. */
enum reason ops_need_reason(const struct ops_args *args);

/* Runs one of our programs (a name in bin_dir, or a path) and waits for it on the house's seat (virtual time goes on meanwhile). quiet: its standard
 * output goes nowhere. *out_exit its exit status. */
enum reason ops_child(struct house *house, const char *program, const char *const *argv, bool quiet,
		      int *out_exit);

/* One line on standard output; the caller keeps the tree. */
enum reason ops_print_json(const cJSON *root);

struct ops_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};
extern const struct ops_command ops_commands[];

int cmd_status(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_rerun(int argc, char **argv);
int cmd_rehearse(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_ack(int argc, char **argv);
int cmd_sql(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_vault(int argc, char **argv);
int cmd_account(int argc, char **argv);
int cmd_params(int argc, char **argv);
int cmd_universe(int argc, char **argv);
int cmd_settings(int argc, char **argv);

#endif
