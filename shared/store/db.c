/*
 * db - the connection, its transactions, and what an error number means.
 *
 * Set on every connection, never left to the host: no reconnect behind our back, time-outs, no TLS on a unix socket (the
 * library would otherwise look for certificates), FOUND_ROWS (a guard's UPDATE counts rows it matched), Seoul time,
 * strict mode, READ COMMITTED. Where the schema lies on a Galera cluster, deciding reads also need
 * `SET SESSION wsrep_sync_wait = 1`; it belongs with the statements of session_set().
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mysqld_error.h>
#include <errmsg.h>

#include "shared/base/bug.h"
#include "shared/base/limits.h"
#include "shared/store/db_inner.h"
#include "shared/base/banned.h"

#define RETRY_PAUSE_MS 5 /* first pause before a lost transaction is repeated, doubling */
#define IDLE_WRITE_S   20u /* a program frozen inside a transaction lets go of the account's rows after this */

/* Numbers our own procedures SIGNAL with; sql/routines.sql says them again. */
#define SIGNAL_LEASE      31001
#define SIGNAL_MODE       31002
#define SIGNAL_ACCEPTANCE 31003
#define SIGNAL_STATE      31004

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_failed;

static void library_start(void)
{
	library_failed = sodium_init() < 0 || mysql_library_init(0, NULL, NULL) != 0;
}

enum reason db_trouble(struct db *db, unsigned number, const char *message, const char *step)
{
	switch (number) {
	case ER_LOCK_WAIT_TIMEOUT: /* 1205 */
	case ER_LOCK_DEADLOCK: /* 1213 */
	case ER_UNKNOWN_COM_ERROR: /* 1047: a Galera node that is not primary says this too */
	case ER_CHECKREAD: /* 1020 */
		/* After 1205 the server has kept the transaction, after 1213 it has not; neither may be committed. */
		db->gone = db->in_transaction;
		return reason_set(
			REASON_DB_CONFLICT,
			"%s: lost against another transaction (%u: %s); repeat the whole transaction", step,
			number, message);
	case CR_CONNECTION_ERROR: /* 2002 */
	case CR_CONN_HOST_ERROR: /* 2003 */
	case CR_SERVER_GONE_ERROR: /* 2006 */
	case CR_SERVER_LOST: /* 2013 */
	case ER_SERVER_SHUTDOWN:
	case ER_CONNECTION_KILLED:
	case ER_CON_COUNT_ERROR:
		db->gone = db->in_transaction;
		return reason_set(REASON_DB_AWAY,
				  "%s: the database at %s does not answer (%u: %s); start it, or correct "
				  "[paths] db_socket",
				  step, db->socket, number, message);
	case ER_ACCESS_DENIED_ERROR: /* 1045 */
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR: /* 1698 */
	case ER_ACCOUNT_HAS_BEEN_LOCKED:
		return reason_set(REASON_DB_LOGIN,
				  "%s: the database refuses the login %s (%u); run `gaejang migrate "
				  "--logins` to set the logins anew",
				  step, db->login.user, number);
	case ER_TABLEACCESS_DENIED_ERROR: /* 1142 */
	case ER_COLUMNACCESS_DENIED_ERROR: /* 1143 */
	case ER_DBACCESS_DENIED_ERROR: /* 1044 */
	case ER_PROCACCESS_DENIED_ERROR: /* 1370 */
	case ER_SPECIFIC_ACCESS_DENIED_ERROR: /* 1227 */
		return reason_set(REASON_DB_DENIED,
				  "%s: the login %s has no right to it (%u: %s); sql/grants.sql gives "
				  "rights, `gaejang migrate` applies them",
				  step, db->login.user, number, message);
	case ER_DUP_ENTRY: /* 1062 */
	case ER_DUP_ENTRY_WITH_KEY_NAME:
		return reason_set(REASON_DB_DUPLICATE, "%s: the row is there already (%u: %s)", step, number,
				  message);
	case ER_SIGNAL_EXCEPTION: /* 1644 */
		return reason_set(REASON_DB_REFUSED, "%s: the database's own guard refused the row: %s", step,
				  message);
	case ER_OPTION_PREVENTS_STATEMENT: /* 1290, read-only */
	case ER_READ_ONLY_MODE:
	case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
		return reason_set(REASON_DB_READ_ONLY,
				  "%s: the database takes no writes (%u: %s); ask for its primary node", step,
				  number, message);
	case ER_NO_SUCH_TABLE:
	case ER_BAD_FIELD_ERROR:
	case ER_BAD_DB_ERROR:
	case ER_SP_DOES_NOT_EXIST:
		return reason_set(
			REASON_DB_SHAPE,
			"%s: the schema is not the one of this build (%u: %s); run `gaejang migrate`", step,
			number, message);
	case SIGNAL_LEASE:
		return reason_set(REASON_LEASE_LOST, "%s: %s; stop and take the lease anew", step, message);
	case SIGNAL_MODE:
		return reason_set(REASON_FW_MODE, "%s: %s; only a person raises it (gaejang resume)", step,
				  message);
	case SIGNAL_ACCEPTANCE: return reason_set(REASON_NO_BASE, "%s: %s; run reconcile", step, message);
	case SIGNAL_STATE: return reason_set(REASON_DB_REFUSED, "%s: %s", step, message);
	default:
		return reason_set(REASON_DB_ERROR, "%s: the database refused it (%u: %s)", step, number,
				  message);
	}
}

static enum reason trouble_here(struct db *db, const char *step)
{
	return db_trouble(db, mysql_errno(db->my), mysql_error(db->my), step);
}

/* One short text statement without rows: the session's settings and transaction brackets. */
static enum reason say(struct db *db, const char *text, const char *step)
{
	if (!db->my)
		return db_trouble(db, CR_SERVER_GONE_ERROR, "not connected", step);
	if (mysql_query(db->my, text) != 0)
		return trouble_here(db, step);
	return REASON_OK;
}

static enum reason session_set(struct db *db)
{
	char text[400];
	enum reason why;
	int text_len;

	/* The lock wait ends before our own read time-out: 1205 says what happened, a lost connection would not. */
	text_len = snprintf(
		text, sizeof(text),
		"SET SESSION time_zone = '+09:00', "
		"sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
		"NO_ENGINE_SUBSTITUTION', "
		"innodb_lock_wait_timeout = %u, idle_write_transaction_timeout = %u, autocommit = 1",
		db->statement_s > 2 ? db->statement_s / 2 : 1u, IDLE_WRITE_S);
	BUG_IF(text_len < 0 || (size_t)text_len >= sizeof(text), "the session's settings fit");
	why = say(db, text, "session settings");
	if (why == REASON_OK)
		why = say(db, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "session settings");
	return why;
}

static void options_set(struct db *db)
{
	static const my_bool off = 0, on = 1;
	static const unsigned protocol = MYSQL_PROTOCOL_SOCKET, infile = 0;
	unsigned statement_s = db->statement_s + 1;

	/* These only store the value; they fail for an unknown option alone. */
	(void)mysql_options(db->my, MYSQL_OPT_PROTOCOL, &protocol);
	(void)mysql_options(db->my, MYSQL_OPT_CONNECT_TIMEOUT, &db->connect_s);
	(void)mysql_options(db->my, MYSQL_OPT_READ_TIMEOUT, &statement_s);
	(void)mysql_options(db->my, MYSQL_OPT_WRITE_TIMEOUT, &statement_s);
	(void)mysql_options(db->my, MYSQL_OPT_RECONNECT, &off);
	(void)mysql_options(db->my, MYSQL_OPT_SSL_ENFORCE, &off);
	(void)mysql_options(db->my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
	(void)mysql_options(db->my, MYSQL_OPT_LOCAL_INFILE, &infile);
	(void)mysql_options(db->my, MYSQL_REPORT_DATA_TRUNCATION, &on);
	(void)mysql_options(db->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
}

static void disconnect(struct db *db)
{
	for (int i = 0; i < STMT_NAME_COUNT; i++) {
		stmt_forget(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	if (db->my)
		mysql_close(db->my);
	db->my = NULL;
	db->in_transaction = false;
	db->gone = false;
}

static enum reason connect_to(struct db *db)
{
	enum reason why;

	db->my = mysql_init(NULL);
	if (!db->my)
		return reason_set(REASON_NO_MEMORY, "no memory for a database connection; free some");
	options_set(db);
	if (!mysql_real_connect(db->my, NULL, db->login.user, db->login.password, db->schema, 0, db->socket,
				CLIENT_FOUND_ROWS))
		why = trouble_here(db, "connect");
	else
		why = session_set(db);
	if (why != REASON_OK)
		disconnect(db);
	return why;
}

static unsigned seconds_up(int64_t ms)
{
	return (unsigned)((ms + 999) / 1000);
}

enum reason db_open(const struct conf *cfg, const struct db_login *login, struct db **out)
{
	const char *socket = conf_text(cfg, CONF_DB_SOCKET);
	const char *schema = conf_text(cfg, CONF_DB_NAME);
	struct db *db = NULL;
	enum reason why;

	if (strlen(socket) >= SOCKET_PATH_SIZE)
		return reason_set(REASON_SOCKET_PATH_LONG,
				  "[paths] db_socket has %zu bytes, the kernel takes %d: %s; move the "
				  "database's folder to a shorter path",
				  strlen(socket), SOCKET_PATH_SIZE - 1, socket);
	if (strlen(schema) >= sizeof(db->schema))
		return reason_set(REASON_CONF_RANGE, "[database] name is over %zu bytes; shorten it",
				  sizeof(db->schema) - 1);
	if (pthread_once(&library_once, library_start) != 0 || library_failed != 0)
		return reason_set(REASON_NO_MEMORY,
				  "the database library did not start; is memory exhausted?");
	/* Locked: it holds the login's password. */
	db = sodium_malloc(sizeof(*db));
	if (!db)
		return reason_set(REASON_NO_MEMORY,
				  "no locked memory for a database connection; raise `ulimit -l`");
	memset(db, 0, sizeof(*db));
	db->login = *login;
	memcpy(db->socket, socket, strlen(socket) + 1);
	memcpy(db->schema, schema, strlen(schema) + 1);
	db->connect_s = seconds_up(conf_number(cfg, CONF_DB_CONNECT_MS));
	db->statement_s = seconds_up(conf_number(cfg, CONF_DB_STATEMENT_MS));
	why = connect_to(db);
	if (why == REASON_OK)
		*out = db;
	else
		db_close(db);
	return why;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	disconnect(db);
	sodium_free(db); /* wipes */
}

enum reason db_reopen(struct db *db)
{
	disconnect(db);
	return connect_to(db);
}

bool db_open_now(const struct db *db)
{
	return db && db->my;
}

enum reason db_ping(struct db *db)
{
	if (!db->my)
		return db_trouble(db, CR_SERVER_GONE_ERROR, "not connected", "ping");
	if (mysql_ping(db->my) != 0)
		return trouble_here(db, "ping");
	return REASON_OK;
}

const char *db_user(const struct db *db)
{
	return db->login.user;
}

/* ---- transactions ---- */

bool db_in_transaction(const struct db *db)
{
	return db->in_transaction;
}

enum reason db_begin(struct db *db)
{
	enum reason why;

	BUG_IF(db->in_transaction, "transactions do not nest; db_atomic joins one");
	why = say(db, "START TRANSACTION", "begin");
	if (why == REASON_OK)
		db->in_transaction = true;
	return why;
}

void db_rollback(struct db *db)
{
	bool was_open = db->in_transaction;

	db->in_transaction = false;
	db->gone = false;
	if (!was_open || !db->my)
		return;
	/* If this cannot be said the connection is lost, and with it the transaction; nothing is left to undo. The reason the
	 * caller is about to report stays: mysql_query, not say(). */
	(void)mysql_query(db->my, "ROLLBACK");
}

enum reason db_commit(struct db *db)
{
	enum reason why;
	unsigned number;

	BUG_IF(!db->in_transaction, "a commit ends a transaction");
	if (db->gone) {
		db_rollback(db);
		return reason_set(REASON_DB_CONFLICT,
				  "commit: the transaction was lost before; repeat it whole");
	}
	db->in_transaction = false;
	if (!db->my)
		return db_trouble(db, CR_SERVER_GONE_ERROR, "not connected", "commit");
	if (mysql_query(db->my, "COMMIT") == 0)
		return REASON_OK;
	number = mysql_errno(db->my);
	why = trouble_here(db, "commit");
	if (why == REASON_DB_AWAY)
		return reason_set(REASON_DB_COMMIT_UNKNOWN,
				  "the database went away during COMMIT (%u); connect again and read back "
				  "whether the rows are there",
				  number);
	/* Refused for another reason (a Galera conflict): nothing of it stands. */
	(void)mysql_query(db->my, "ROLLBACK");
	return why;
}

static void pause_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

enum reason db_transact(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg)
{
	enum reason why = REASON_OK;

	for (int tries = 0; tries <= DB_RETRY_MAX; tries++) {
		if (tries > 0)
			pause_ms(RETRY_PAUSE_MS << (tries - 1));
		why = db_begin(db);
		if (why != REASON_OK)
			return why;
		why = work(db, arg);
		if (why == REASON_OK)
			why = db_commit(db);
		else
			db_rollback(db);
		if (why != REASON_DB_CONFLICT)
			return why;
	}
	return why;
}

enum reason db_repeat(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg)
{
	enum reason why = REASON_OK;

	BUG_IF(db->in_transaction, "it would commit the transaction it is called in");
	for (int tries = 0; tries <= DB_RETRY_MAX; tries++) {
		if (tries > 0)
			pause_ms(RETRY_PAUSE_MS << (tries - 1));
		why = work(db, arg);
		if (why != REASON_DB_CONFLICT)
			return why;
	}
	return why;
}

enum reason db_atomic(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg)
{
	if (db->in_transaction)
		return work(db, arg);
	return db_transact(db, work, arg);
}

/* ---- plain text ---- */

/* Takes every result of the statement just sent; a statement of a procedure may have several. */
static enum reason results_take(struct db *db, const char *step, db_row_fn *row, void *arg)
{
	const char *names[DB_COLUMNS_MAX];
	MYSQL_RES *res;
	MYSQL_ROW cells;
	MYSQL_FIELD *fields;
	unsigned columns;
	bool more = true;

	do {
		res = mysql_store_result(db->my);
		if (!res && mysql_errno(db->my) != 0)
			return trouble_here(db, step);
		if (res && row) {
			columns = mysql_num_fields(res);
			if (columns > DB_COLUMNS_MAX) {
				mysql_free_result(res);
				return reason_set(REASON_OVERFLOW, "%s: more than %d columns; name fewer",
						  step, DB_COLUMNS_MAX);
			}
			fields = mysql_fetch_fields(res);
			for (unsigned i = 0; i < columns; i++)
				names[i] = fields[i].name;
			more = row(arg, (int)columns, names, NULL);
			while (more && (cells = mysql_fetch_row(res)) != NULL)
				more = row(arg, (int)columns, names, (const char *const *)cells);
		}
		mysql_free_result(res);
	} while (mysql_next_result(db->my) == 0);
	if (mysql_errno(db->my) != 0)
		return trouble_here(db, step);
	return REASON_OK;
}

enum reason db_query(struct db *db, const char *text, db_row_fn *row, void *arg)
{
	enum reason why = say(db, text, "query");

	if (why == REASON_OK)
		why = results_take(db, "query", row, arg);
	return why;
}

struct script {
	const char *text, *at; /* at: where the next statement may begin */
	char delimiter[16];
};

static size_t quoted_len(const char *at)
{
	const char quote = *at;
	size_t i = 1;

	while (at[i] && at[i] != quote)
		i += (at[i] == '\\' && at[i + 1] && quote != '`') ? 2 : 1;
	return at[i] ? i + 1 : i;
}

/* Bytes of a comment that begins here, 0 if none does. */
static size_t comment_len(const char *at)
{
	const char *end = NULL;

	if (*at == '#' ||
	    (at[0] == '-' && at[1] == '-' && (at[2] == ' ' || at[2] == '\t' || at[2] == '\n' || !at[2])))
		end = strchr(at, '\n');
	else if (at[0] == '/' && at[1] == '*' && (end = strstr(at + 2, "*/")) != NULL)
		end += 2;
	else if (at[0] != '/' || at[1] != '*')
		return 0;
	return end ? (size_t)(end - at) : strlen(at);
}

static void skip_blank(struct script *sc)
{
	size_t step;

	for (;;) {
		sc->at += strspn(sc->at, " \t\r\n");
		step = comment_len(sc->at);
		if (step == 0)
			return;
		sc->at += step;
	}
}

/* DELIMITER is a word of the client, not of the server. True if the line was one; false with *out_bad on a bad one. */
static bool delimiter_line(struct script *sc, bool *out_bad)
{
	size_t word_len, line_len;

	if (strncmp(sc->at, "DELIMITER", 9) != 0 || (sc->at[9] != ' ' && sc->at[9] != '\t'))
		return false;
	line_len = strcspn(sc->at, "\n");
	sc->at += 9 + strspn(sc->at + 9, " \t");
	word_len = strcspn(sc->at, " \t\r\n");
	*out_bad = word_len == 0 || word_len >= sizeof(sc->delimiter) || word_len > line_len;
	if (!*out_bad) {
		memcpy(sc->delimiter, sc->at, word_len);
		sc->delimiter[word_len] = '\0';
	}
	sc->at += strcspn(sc->at, "\n");
	return true;
}

/* The next statement's bytes, without its delimiter; 0 at the end. */
static size_t script_next(struct script *sc, const char **out_text)
{
	size_t delimiter_len = strlen(sc->delimiter), step;
	const char *start = sc->at;

	while (*sc->at) {
		if (strncmp(sc->at, sc->delimiter, delimiter_len) == 0) {
			*out_text = start;
			sc->at += delimiter_len;
			return (size_t)(sc->at - start) - delimiter_len;
		}
		step = comment_len(sc->at);
		if (step == 0)
			step = *sc->at == '\'' || *sc->at == '"' || *sc->at == '`' ? quoted_len(sc->at) : 1;
		sc->at += step;
	}
	*out_text = start;
	return (size_t)(sc->at - start);
}

static int line_of(const struct script *sc, const char *at)
{
	int line = 1;

	for (const char *p = sc->text; p < at; p++)
		line += *p == '\n';
	return line;
}

enum reason db_script(struct db *db, const char *text, const char *name)
{
	struct script sc = { .text = text, .at = text, .delimiter = ";" };
	const char *statement = NULL;
	enum reason why = REASON_OK;
	size_t statement_len;
	bool bad = false;
	char step[300];

	while (why == REASON_OK) {
		skip_blank(&sc);
		if (!*sc.at)
			break;
		if (delimiter_line(&sc, &bad)) {
			if (bad)
				why = reason_set(REASON_FILE_SHAPE,
						 "%s line %d: DELIMITER needs a word of 1 to 15 bytes", name,
						 line_of(&sc, sc.at));
			continue;
		}
		statement_len = script_next(&sc, &statement);
		if (statement_len == 0)
			continue;
		if (snprintf(step, sizeof(step), "%s line %d", name, line_of(&sc, statement)) < 0)
			step[0] = '\0';
		if (!db->my)
			why = db_trouble(db, CR_SERVER_GONE_ERROR, "not connected", step);
		else if (mysql_real_query(db->my, statement, statement_len) != 0)
			why = trouble_here(db, step);
		else
			why = results_take(db, step, NULL, NULL);
	}
	return why;
}
