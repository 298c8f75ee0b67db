/*
 * db_stmt - private to shared/store: bind, run, fetch one prepared statement. Table modules only.
 *
 * Shape   stmt_begin(db, STMT_X) -> stmt_in_*() in order -> stmt_run() -> stmt_next() + stmt_out_*() -> stmt_end().
 *         A wrong number or type of parameters or columns is a bug of ours (BUG_IF).
 */
#ifndef GJ_STORE_DB_STMT_H
#define GJ_STORE_DB_STMT_H

#include "shared/store/db.h"
#include "stmt_gen.h"

struct stmt;
enum reason stmt_begin(struct db *db, enum stmt_name name, struct stmt **out);
void stmt_in_number(struct stmt *stmt, int64_t value);
void stmt_in_text(struct stmt *stmt, const char *text);
void stmt_in_bytes(struct stmt *stmt, const void *bytes, size_t bytes_size);
void stmt_in_day(struct stmt *stmt, struct kst_day day);
void stmt_in_wall(struct stmt *stmt, struct wall at);
void stmt_in_digest(struct stmt *stmt, const struct digest *d);
void stmt_in_null(struct stmt *stmt);
/* Several rows in one message: announced first, then the values of row after row. Texts stay the caller's until stmt_run. */
void stmt_rows(struct stmt *stmt, int rows);
enum reason stmt_run(struct stmt *stmt);
int64_t stmt_changed(const struct stmt *stmt); /* rows inserted or updated */
int64_t stmt_new_id(const struct stmt *stmt);
/* REASON_OK with *out_row true while there are rows. */
enum reason stmt_next(struct stmt *stmt, bool *out_row);
int64_t stmt_out_number(struct stmt *stmt); /* NULL reads as 0; stmt_out_was_null tells */
bool stmt_out_was_null(const struct stmt *stmt);
/* A text longer than the room is REASON_DB_SHAPE at stmt_end. */
void stmt_out_text(struct stmt *stmt, char *out, size_t out_size);
size_t stmt_out_bytes(struct stmt *stmt, void *out, size_t out_size);
struct kst_day stmt_out_day(struct stmt *stmt);
struct wall stmt_out_wall(struct stmt *stmt); /* NULL reads as us 0 */
void stmt_out_digest(struct stmt *stmt, struct digest *out);
/* a word of the last column that no parser knows */
void stmt_refuse(struct stmt *stmt, const char *what, const char *text);
enum reason stmt_end(struct stmt *stmt); /* reports the first trouble since stmt_begin; accepts NULL */

#endif
