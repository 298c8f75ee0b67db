/*
 * vault - sealed records: XChaCha20-Poly1305 data, its key sealed (X25519) to the roles that may open it.
 *
 * Shape   one record = {environment, account, name, version} bound as associated data + ciphertext + one sealed data key per
 *         role. Long-lived records live in the account's vault file (a text file of records, replaced durably), daily ones
 *         (token, approval) as blobs in the table `secret`.
 * Owner   opened values go into the caller's vault_value: locked memory, wiped by vault_value_clear.
 * Errors  REASON_VAULT_*; REASON_FILE_MODE when a key file may be read by others, or a vault or public key written by others;
 *         REASON_CERT_SIGNATURE from vault_verify. Messages never hold a value.
 * Roles   phase, gate, worker, observer, alerts, operator. ROLE.key is a 0400 file of that role's user (operator: passphrase,
 *         Argon2id, planned; a 0400 file for now), ROLE.pub may be read by all. Writers need public keys only.
 */
#ifndef GJ_STORE_VAULT_H
#define GJ_STORE_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/reason.h"

enum vault_role { ROLE_PHASE, ROLE_GATE, ROLE_WORKER, ROLE_OBSERVER, ROLE_ALERTS, ROLE_OPERATOR, ROLE_COUNT };
const char *vault_role_text(enum vault_role role);
bool vault_role_parse(const char *text, enum vault_role *out);

struct vault_name {
	const char *env, *account, *name; /* "real", "main", "appkey" */
	uint64_t version;
};
struct vault_value {
	uint8_t *bytes; /* NUL after bytes_size; sodium_malloc */
	size_t bytes_size;
};
#define VAULT_VALUE_INIT                                                                                     \
	{                                                                                                    \
		0                                                                                            \
	}
#define VAULT_BLOB_SIZE_MAX 8192

/* ROLE.key 0400 and ROLE.pub 0444 where missing; also gate signing keys */
enum reason vault_make_roles(const char *key_dir);
enum reason vault_seal(const char *key_dir, const struct vault_name *name, uint32_t roles, const void *value,
		       size_t value_size, uint8_t *out, size_t out_room, size_t *out_size);
enum reason vault_open_blob(const char *key_dir, enum vault_role role, const struct vault_name *name,
			    const uint8_t *blob, size_t blob_size, struct vault_value *out);
void vault_value_clear(struct vault_value *value);

/* The account's file: add replaces the newest version of the name (version + 1). */
enum reason vault_file_add(const char *key_dir, const char *path, const char *env, const char *account,
			   const char *name, uint32_t roles, const void *value, size_t value_size);
enum reason vault_file_get(const char *key_dir, enum vault_role role, const char *path, const char *env,
			   const char *account, const char *name, struct vault_value *out);
/* names only, for `gaejang vault list`: calls back per record. */
enum reason vault_file_each(const char *path,
			    void (*each)(void *arg, const char *name, uint64_t version, uint32_t roles),
			    void *arg);

/* Ed25519: secret key sealed for the gate alone (record "gate-sign" in KEY_DIR/gate-sign.vault), public key KEY_DIR/gate-sign.pub. */
#define SIGN_HEX_SIZE 129
enum reason vault_sign(const char *key_dir, const void *bytes, size_t bytes_size,
		       char out_hex[static SIGN_HEX_SIZE]);
enum reason vault_verify(const char *key_dir, const void *bytes, size_t bytes_size, const char *hex);

#endif
