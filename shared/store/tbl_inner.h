/*
 * tbl_inner - what the table modules share: running a statement to its end, and words of a row as values.
 *
 * Owner   a row is unpacked beside and given to the caller only when the whole statement went well.
 */
#ifndef GJ_STORE_TBL_INNER_H
#define GJ_STORE_TBL_INNER_H

#include "shared/store/db_stmt.h"
#include "shared/store/tables.h"

enum reason tbl_write(struct stmt *st); /* run and end */
enum reason tbl_insert(struct stmt *st, int64_t *out_id);
typedef void tbl_take_fn(struct stmt *st, void *row);
/* The one row; DB_NOT_FOUND says "there is no WHAT". */
enum reason tbl_one(struct stmt *st, tbl_take_fn *take, void *row, const char *what);
/* As tbl_one; no row is an answer too. */
enum reason tbl_maybe(struct stmt *st, tbl_take_fn *take, void *row, bool *out_found);
enum reason tbl_rows(struct stmt *st, tbl_take_fn *take, void *rows, size_t row_size, int room,
		     int *out_count);

enum mode tbl_out_mode(struct stmt *st);
enum order_side tbl_out_side(struct stmt *st);
enum order_type tbl_out_type(struct stmt *st);
enum order_owner tbl_out_owner(struct stmt *st);
enum market tbl_out_market(struct stmt *st);
enum symbol_kind tbl_out_kind(struct stmt *st);
const char *tbl_type_text(enum order_type type);
const char *tbl_owner_text(enum order_owner owner);

#endif
