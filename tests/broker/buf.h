/*
 * buf - growing bytes, and JSON written by hand so that key order, case and padding are exactly as meant.
 *
 * Shape   one block; `failed` stays set once memory ran out or BUF_SIZE_MAX was passed, later calls do nothing.
 * Owner   the caller: buf_clear() releases.
 * Errors  none returned; look at `failed` before using the bytes.
 */
#ifndef GJ_BROKER_BUF_H
#define GJ_BROKER_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_SIZE_MAX   (64u * 1024u * 1024u)
#define JSON_DEPTH_CAP 16

struct buf {
	char *bytes; /* not NUL-terminated; buf_text() gives a terminated view */
	size_t len, cap;
	bool failed;
};
#define BUF_INIT                                                                                             \
	{                                                                                                    \
		0                                                                                            \
	}

void buf_clear(struct buf *b);
void buf_reset(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *bytes, size_t bytes_len);
void buf_puts(struct buf *b, const char *text);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t count);
const char *buf_text(struct buf *b); /* "" when failed */

/* Writes one JSON value tree into a buffer, compact. A NULL key is for elements of arrays and the root. */
struct json_out {
	struct buf *to;
	bool filled[JSON_DEPTH_CAP];
	int depth;
};
#define JSON_OUT_INIT(buffer)                                                                                \
	{                                                                                                    \
		.to = (buffer)                                                                               \
	}

void json_open(struct json_out *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json_out *j, char bracket); /* '}' or ']' */
void json_text(struct json_out *j, const char *key, const char *text);
void json_fmt(struct json_out *j, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void json_num(struct json_out *j, const char *key, int64_t number); /* as text: "12" */
void json_bare(struct json_out *j, const char *key,
	       const char *literal); /* a number, true, or a finished value */
void json_padded(struct json_out *j, const char *key, const char *text,
		 size_t width); /* spaces to `width` bytes of CP949 */

/* Bytes of an UTF-8 text once it is CP949, the ledger's own encoding. */
size_t cp949_size(const char *text);
/* -123.45 for hundredths -12345; `decimals` 1..10. Returns out. */
#define SCALED_TEXT_SIZE 48
const char *scaled_text(int64_t scaled, int decimals, char out[static SCALED_TEXT_SIZE]);
/* part / whole as a number with `decimals` places, rounded half away from zero; 0 when whole is 0. */
int64_t ratio_scaled(int64_t part, int64_t whole, int64_t factor, int decimals);

#endif
