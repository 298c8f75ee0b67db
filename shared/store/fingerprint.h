/*
 * fingerprint - the name of a brokerage account that may stand in a row: a keyed hash of environment and number.
 *
 * The number has eight digits, so an unkeyed hash could be undone by trying them all. The key is the vault record "salt",
 * made once per account and sealed like the number itself.
 *
 * Errors  REASON_VAULT_*: a record is missing or not of the form 8 and 2 digits.
 */
#ifndef GJ_STORE_FINGERPRINT_H
#define GJ_STORE_FINGERPRINT_H

#include "shared/base/conf.h"
#include "shared/base/digest.h"
#include "shared/store/vault.h"

#define FINGERPRINT_SALT_SIZE 32

/* masked: "****56-01", for people. */
enum reason fingerprint_of(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			   struct digest *out, char masked[static 17]);
/* Makes the salt where it is missing; `roles` may open it. */
enum reason fingerprint_salt(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			     uint32_t roles);

#endif
