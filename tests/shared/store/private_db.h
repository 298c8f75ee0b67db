/*
 * private_db - one real MariaDB for one test program: made by ops/db under a folder of /tmp, ended and removed with it.
 *
 * Shape   private_db_start() in the group's set-up, private_db_stop() in its tear-down. Logins: private_db_open("gj_auth").
 *         Tests run from the top folder of the tree.
 */
#ifndef GJ_TEST_PRIVATE_DB_H
#define GJ_TEST_PRIVATE_DB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/limits.h"
#include "shared/store/db.h"
#include "shared/store/migrate.h"

#define PRIVATE_PASSWORD "test-password-of-a-login"

struct private_db {
	char folder[64];
	char socket[200];
	struct conf cfg;
	int watch; /* closed by our end, however it comes; the watcher then cleans up */
	pid_t watcher;
};
static struct private_db private_db;

#define assert_done(call)                                                                                    \
	do {                                                                                                 \
		enum reason done_why = (call);                                                               \
		if (done_why != REASON_OK)                                                                   \
			fail_msg("%s: %s: %s", #call, reason_code(done_why), reason_detail());               \
	} while (0)
#define assert_reason(call, want)                                                                            \
	do {                                                                                                 \
		enum reason got_why = (call);                                                                \
		if (got_why != (want))                                                                       \
			fail_msg("%s: %s instead of %s: %s", #call, reason_code(got_why), reason_code(want), \
				 reason_detail());                                                           \
	} while (0)

static inline int private_db_say(const char *verb)
{
	char command[200];

	if (snprintf(command, sizeof(command), "ops/db %s %s >%s.out", verb, private_db.folder,
		     private_db.folder) < 0)
		return -1;
	return system(command);
}

static inline void private_db_conf(void)
{
	static char schema[] = "gaejang", connect_ms[] = "3000", statement_ms[] = "4000";

	private_db.cfg.values[CONF_DB_SOCKET].text = private_db.socket;
	private_db.cfg.values[CONF_DB_NAME].text = schema;
	private_db.cfg.values[CONF_DB_CONNECT_MS].text = connect_ms;
	private_db.cfg.values[CONF_DB_CONNECT_MS].number = 3000;
	private_db.cfg.values[CONF_DB_STATEMENT_MS].text = statement_ms;
	private_db.cfg.values[CONF_DB_STATEMENT_MS].number = 4000;
}

static inline enum reason private_db_try(const char *user, const char *password, struct db **out)
{
	struct db_login login = { 0 };

	memcpy(login.user, user, strlen(user));
	memcpy(login.password, password, strlen(password));
	return db_open(&private_db.cfg, &login, out);
}

static inline struct db *private_db_open(const char *user)
{
	struct db *db = NULL;

	assert_done(private_db_try(user, strcmp(user, "root") == 0 ? "" : PRIVATE_PASSWORD, &db));
	return db;
}

/* A test that aborts must not leave a server behind: a child waits for our end and removes it. */
static inline int private_db_watch(void)
{
	char command[200], byte;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	private_db.watcher = fork();
	if (private_db.watcher < 0)
		return -1;
	if (private_db.watcher == 0) {
		close(ends[1]);
		while (read(ends[0], &byte, 1) > 0)
			continue;
		if (snprintf(command, sizeof(command), "ops/db kill %s; rm -rf %s %s.out", private_db.folder,
			     private_db.folder, private_db.folder) < 0)
			_exit(1);
		_exit(system(command) == 0 ? 0 : 1);
	}
	close(ends[0]);
	private_db.watch = ends[1];
	return 0;
}

static inline int private_db_start(void **state)
{
	static const char *const logins[] = { "gj_preflight", "gj_auth",      "gj_account",  "gj_params",
					      "gj_reconcile", "gj_guardrail", "gj_universe", "gj_gate",
					      "gj_close",     "gj_worker",    "gj_observer", "gj_operator",
					      "gj_alerts",    "gj_deadman",   "gj_reader",   "gj_migrate" };
	char folder[] = "/tmp/gj-test-XXXXXX";
	struct migrate_report report;
	struct db *db;

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	memcpy(private_db.folder, folder, sizeof(folder));
	if (snprintf(private_db.socket, sizeof(private_db.socket), "%s/db.sock", folder) < 0)
		return -1;
	private_db_conf();
	if (private_db_watch() != 0 || private_db_say("start") != 0)
		return -1;
	db = private_db_open("root");
	assert_done(migrate_up(db, "sql", &report));
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++)
		assert_done(migrate_login(db, logins[i], PRIVATE_PASSWORD));
	db_close(db);
	return 0;
}

static inline int private_db_stop(void **state)
{
	int status = 0;

	(void)state;
	close(private_db.watch);
	if (waitpid(private_db.watcher, &status, 0) != private_db.watcher)
		return -1;
	return status;
}

#endif
