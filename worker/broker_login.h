/*
 * broker_login - what the broker is spoken to with: keys out of the account's vault file, the newest token out of its row.
 *
 * For every program that joins shared/kis and shared/store: the phases, the worker, the observer.
 *
 * Owner   keys lie in locked memory; broker_keys_close wipes them and accepts NULL.
 * Errors  REASON_VAULT_*, REASON_DB_*; REASON_BROKER_TOKEN: no token is stored, or it is dead at `now`.
 */
#ifndef GJ_WORKER_BROKER_LOGIN_H
#define GJ_WORKER_BROKER_LOGIN_H

#include "shared/kis/kis.h"
#include "shared/store/tables.h"
#include "shared/store/vault.h"

enum reason broker_keys_open(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			     struct kis_keys **out);
void broker_keys_close(struct kis_keys *keys);
enum reason broker_token_read(const struct conf *cfg, const struct conf_account *account,
			      enum vault_role role, struct db *db, int64_t account_id, struct wall now,
			      struct kis_login *out);

#endif
