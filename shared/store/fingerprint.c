#include "shared/store/fingerprint.h"

#include <sodium.h>
#include <stdio.h>

#include "shared/base/banned.h"

static enum reason get(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
		       const char *name, struct vault_value *out)
{
	return vault_file_get(conf_text(cfg, CONF_KEY_DIR), role, account->vault, account->env, account->name,
			      name, out);
}

enum reason fingerprint_of(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			   struct digest *out, char masked[static 17])
{
	struct vault_value cano = VAULT_VALUE_INIT, product = VAULT_VALUE_INIT, salt = VAULT_VALUE_INIT;
	struct digest_maker mk;
	enum reason why = get(cfg, account, role, "cano", &cano);

	if (why == REASON_OK)
		why = get(cfg, account, role, "product", &product);
	if (why == REASON_OK)
		why = get(cfg, account, role, "salt", &salt);
	if (why == REASON_OK && (cano.bytes_size != 8 || product.bytes_size != 2))
		why = reason_set(
			REASON_VAULT_BROKEN,
			"an account number is 8 and 2 digits; put cano and product again: gaejang vault put");
	if (why == REASON_OK && salt.bytes_size != FINGERPRINT_SALT_SIZE)
		why = reason_set(REASON_VAULT_BROKEN,
				 "the account's salt is not whole; restore the vault file from its copy");
	if (why != REASON_OK)
		goto out;
	digest_begin(&mk, "gaejang-account");
	digest_bytes(&mk, "salt", salt.bytes, salt.bytes_size);
	digest_text(&mk, "env", account->env);
	digest_text(&mk, "cano", (const char *)cano.bytes);
	digest_text(&mk, "product", (const char *)product.bytes);
	*out = digest_end(&mk);
	(void)snprintf(masked, 17, "****%.4s-%.2s", (const char *)cano.bytes + 6,
		       (const char *)product.bytes);
out:
	vault_value_clear(&cano);
	vault_value_clear(&product);
	vault_value_clear(&salt);
	return why;
}

enum reason fingerprint_salt(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
			     uint32_t roles)
{
	struct vault_value there = VAULT_VALUE_INIT;
	uint8_t salt[FINGERPRINT_SALT_SIZE];
	enum reason why = get(cfg, account, role, "salt", &there);

	vault_value_clear(&there);
	if (why != REASON_VAULT_MISSING)
		return why;
	randombytes_buf(salt, sizeof(salt));
	why = vault_file_add(conf_text(cfg, CONF_KEY_DIR), account->vault, account->env, account->name,
			     "salt", roles, salt, sizeof(salt));
	sodium_memzero(salt, sizeof(salt));
	return why;
}
