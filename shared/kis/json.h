/*
 * json - reading the broker's replies: bounded parsing, names without regard to case, empty means missing.
 *
 * Shape   a reply is one JSON object; every value the broker sends is text, numbers included (one exception: expires_in).
 * Units   as the field's; json_number takes whole numbers, a fraction of zeros allowed ("54388.0000").
 * Owner   json_parse gives a tree that the caller ends with json_free, which wipes texts first. Getters return views.
 * Errors  REASON_BROKER_SHAPE (not JSON, not an object, NUL inside), REASON_BROKER_BODY_SIZE (deeper than JSON_DEPTH_MAX).
 *         Getters return NULL or false for missing, empty, of another type, or named twice with different texts.
 */
#ifndef GJ_KIS_JSON_H
#define GJ_KIS_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/kst.h"
#include "shared/base/reason.h"

/* `body` ends with a NUL at body[body_len]. */
enum reason json_parse(const char *body, size_t body_len, cJSON **out);
void json_free(cJSON *root);

const cJSON *json_member(const cJSON *object, const char *name); /* NULL when missing */
const char *json_text(const cJSON *object, const char *name); /* NULL when missing, blank or no text */
bool json_number(const cJSON *object, const char *name, int64_t *out);
bool json_scaled(const cJSON *object, const char *name, int decimals, int64_t *out);
bool json_flag(const cJSON *object, const char *name, bool *out); /* Y or N */
bool json_day(const cJSON *object, const char *name, struct kst_day *out);
/* Text without surrounding blanks into `out`; false, and out empty, when missing or too long. */
bool json_copy(const cJSON *object, const char *name, char *out, size_t out_size);

/* For evidence and messages: as much of `text` as fits, cut between characters, broken UTF-8 and control bytes as '?'.
 * Surrounding blanks go. Never used for a value that decides anything. */
void text_excerpt(const char *text, size_t text_len, char *out, size_t out_size);
/* Only printable ASCII without '"' and '\\': may stand in a header line or inside a JSON text as it is. */
bool text_plain(const char *text);

#endif
