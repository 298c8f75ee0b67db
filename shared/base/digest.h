/*
 * digest - content digests: a canonical byte form of named fields, hashed with BLAKE2b-256 (libsodium).
 *
 * Shape   begin, then fields in a fixed order (name and type go in, so a renamed or moved field differs), end.
 * Errors  none.
 */
#ifndef GJ_BASE_DIGEST_H
#define GJ_BASE_DIGEST_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/reason.h"

#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE 65

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};
struct digest_maker {
	crypto_generichash_state state;
};

void digest_begin(struct digest_maker *mk, const char *domain);
void digest_text(struct digest_maker *mk, const char *name, const char *text);
void digest_number(struct digest_maker *mk, const char *name, int64_t number);
void digest_bytes(struct digest_maker *mk, const char *name, const void *bytes, size_t bytes_size);
struct digest digest_end(struct digest_maker *mk);
bool digest_same(const struct digest *a, const struct digest *b);
const char *digest_hex(const struct digest *d, char out[static DIGEST_HEX_SIZE]);
bool digest_from_hex(const char *hex, struct digest *out);
enum reason digest_file(const char *path, struct digest *out); /* of a file's bytes */
enum reason digest_self(struct digest *out); /* of the running executable, through /proc/self/exe */

#endif
