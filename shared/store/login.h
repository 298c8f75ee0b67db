/*
 * login - a database connection for one program: its password comes out of the account's vault file.
 *
 * Shape   record "db-USER" of the account's vault, opened with the program's role key.
 * Errors  REASON_VAULT_*, REASON_FILE_*, REASON_DB_*; the password is wiped before the function returns.
 */
#ifndef GJ_STORE_LOGIN_H
#define GJ_STORE_LOGIN_H

#include "shared/store/db.h"
#include "shared/store/vault.h"

enum reason login_open(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
		       const char *user, struct db **out);

#endif
