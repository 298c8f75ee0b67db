/*
 * db_inner - what db.c and db_stmt.c share: the connection itself and the meaning of an error number. Nobody else.
 */
#ifndef GJ_STORE_DB_INNER_H
#define GJ_STORE_DB_INNER_H

#include <mysql.h>

#include "shared/store/db_stmt.h"

struct db {
	MYSQL *my; /* NULL: not connected */
	struct stmt *stmts[STMT_NAME_COUNT]; /* prepared on first use */
	struct db_login login; /* kept for db_reopen; locked, wiped by db_close */
	char socket[512], schema[65];
	unsigned connect_s, statement_s; /* real time, rounded up */
	bool in_transaction;
	bool gone; /* a conflict ended the transaction on the server; only a rollback helps */
};

/* Our reason for a server's or client's error number; records the sentence, naming the statement or step. */
enum reason db_trouble(struct db *db, unsigned number, const char *message, const char *step);
void stmt_forget(struct stmt *stmt); /* closes and frees one prepared statement */

#endif
