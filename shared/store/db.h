/*
 * db - one connection to MariaDB over its unix socket; prepared statements only; short transactions.
 *
 * Shape   struct db: one connection, one thread. Statements are named (sql/stmt/TABLE.sql -> STMT_*), prepared once per
 *         connection on first use. Table modules (tbl_*.h) are the only users of db_stmt_*; nothing else includes
 *         the MariaDB header.
 * Units   times are struct wall <-> DATETIME(6) KST, days struct kst_day <-> DATE, digests CHAR(64) hex.
 * Owner   db_open/db_close. The unix socket path is checked (107 bytes).
 * Errors  classes: REASON_DB_CONFLICT (1205, 1213, 1047, 1020: the transaction is gone, repeat it whole), REASON_DB_AWAY (2002,
 *         2003, 2006, 2013), REASON_DB_COMMIT_UNKNOWN (2006, 2013 at COMMIT, and 2013 of a
 *         write that is its own transaction: read back), REASON_DB_DENIED (1142, 1143, 1044),
 *         REASON_DB_LOGIN (1045, 1698), REASON_DB_DUPLICATE (1062), REASON_DB_REFUSED (1644, SIGNAL of a trigger), REASON_DB_ERROR.
 *         Time-outs are real time, auto-reconnect is off: a lost connection is the caller's to reopen (db_reopen).
 */
#ifndef GJ_STORE_DB_H
#define GJ_STORE_DB_H

#include "shared/base/conf.h"
#include "shared/base/digest.h"
#include "shared/base/kst.h"

struct db;
struct db_login {
	char user[64]; /* gj_auth, gj_worker ... */
	char password[128]; /* locked memory of the caller */
};
enum reason db_open(const struct conf *cfg, const struct db_login *login, struct db **out);
void db_close(struct db *db);
enum reason db_reopen(struct db *db); /* after REASON_DB_AWAY; statements are prepared again */
bool db_open_now(const struct db *db);
enum reason db_ping(struct db *db);
const char *db_user(const struct db *db);

/* Runs `work` inside a transaction and repeats it, whole, up to DB_RETRY_MAX times on REASON_DB_CONFLICT. `work` commits
 * nothing itself; returning REASON_OK commits, anything else rolls back. COMMIT lost: REASON_DB_COMMIT_UNKNOWN. */
enum reason db_transact(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg);
/* As db_transact; inside an open transaction it is a part of that one. */
enum reason db_atomic(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg);
/* `work` is one statement that is a transaction of its own: repeated as db_transact repeats. */
enum reason db_repeat(struct db *db, enum reason (*work)(struct db *db, void *arg), void *arg);
bool db_in_transaction(const struct db *db);
enum reason db_begin(struct db *db);
enum reason db_commit(struct db *db);
void db_rollback(struct db *db);

/* Plain text SQL for migrations, grants and `gaejang sql` only; several statements separated as the client does. */
enum reason db_script(struct db *db, const char *text, const char *name);
/* One statement; `row` gets each row as text (NULL = NULL), and first the column names alone (values NULL). It returns
 * false to stop. */
#define DB_COLUMNS_MAX 64
typedef bool db_row_fn(void *arg, int column_count, const char *const *names, const char *const *values);
enum reason db_query(struct db *db, const char *text, db_row_fn *row, void *arg);

#endif
