#include "worker/broker_login.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/log.h"
#include "shared/base/banned.h"

enum reason broker_keys_open(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			     struct kis_keys **out)
{
	struct kis_keys *keys = sodium_malloc(sizeof(*keys));
	enum reason why = REASON_OK;

	if (keys == NULL)
		return reason_set(REASON_NO_MEMORY,
				  "no locked memory for the account's keys; raise ulimit -l");
	sodium_memzero(keys, sizeof(*keys));
	const struct {
		const char *name;
		char *out;
		size_t out_size;
	} records[] = {
		{ "appkey", keys->appkey, sizeof(keys->appkey) },
		{ "appsecret", keys->appsecret, sizeof(keys->appsecret) },
		{ "cano", keys->cano, sizeof(keys->cano) },
		{ "product", keys->product, sizeof(keys->product) },
		{ "htsid", keys->hts_id, sizeof(keys->hts_id) },
	};

	for (size_t i = 0; i < ARRAY_COUNT(records) && why == REASON_OK; i++) {
		struct vault_value value = VAULT_VALUE_INIT;

		why = vault_file_get(conf_text(cfg, CONF_KEY_DIR), role, account->vault, account->env,
				     account->name, records[i].name, &value);
		if (why == REASON_OK && value.bytes_size >= records[i].out_size)
			why = reason_set(REASON_VAULT_BROKEN,
					 "vault record %s is longer than it can be; put it again: gaejang "
					 "vault put %s",
					 records[i].name, records[i].name);
		if (why == REASON_OK) {
			memcpy(records[i].out, value.bytes, value.bytes_size);
			log_secret(records[i].out, value.bytes_size);
		}
		vault_value_clear(&value);
	}
	if (why != REASON_OK) {
		sodium_free(keys);
		return why;
	}
	*out = keys;
	return REASON_OK;
}

void broker_keys_close(struct kis_keys *keys)
{
	sodium_free(keys); /* wipes; accepts NULL */
}

enum reason broker_token_read(const struct conf *cfg, const struct conf_account *account,
			      enum vault_role role, struct db *db, int64_t account_id, struct wall now,
			      struct kis_login *out)
{
	struct secret_row *row = calloc(1, sizeof(*row));
	struct vault_value value = VAULT_VALUE_INIT;
	struct vault_name name = { account->env, account->name, "token", 0 };
	enum reason why;

	if (row == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for a secret's row");
	why = tbl_secret_newest(db, account_id, "token", row);
	if (why == REASON_DB_NOT_FOUND || (why == REASON_OK && row->expires.us <= now.us))
		why = reason_set(REASON_BROKER_TOKEN,
				 "there is no living token; run: gaejang rerun auth --downstream");
	if (why != REASON_OK)
		goto out;
	name.version = (uint64_t)row->version;
	why = vault_open_blob(conf_text(cfg, CONF_KEY_DIR), role, &name, row->sealed, row->sealed_size,
			      &value);
	if (why == REASON_OK && value.bytes_size >= sizeof(out->token))
		why = reason_set(REASON_VAULT_BROKEN,
				 "the stored token is too long; run: gaejang rerun auth --downstream");
	if (why != REASON_OK)
		goto out;
	memcpy(out->token, value.bytes, value.bytes_size);
	out->token[value.bytes_size] = '\0';
	out->token_expires = row->expires;
	log_secret(out->token, value.bytes_size);
out:
	vault_value_clear(&value);
	free(row);
	return why;
}
