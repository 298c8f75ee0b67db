#include "shared/store/login.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/banned.h"

enum reason login_open(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
		       const char *user, struct db **out)
{
	struct vault_value password = VAULT_VALUE_INIT;
	struct db_login login = { 0 };
	char record[80];
	enum reason why;

	(void)snprintf(record, sizeof(record), "db-%s", user);
	why = vault_file_get(conf_text(cfg, CONF_KEY_DIR), role, account->vault, account->env, account->name,
			     record, &password);
	if (why != REASON_OK)
		goto out;
	if (password.bytes_size >= sizeof(login.password) || strlen(user) >= sizeof(login.user)) {
		why = reason_set(REASON_VAULT_BROKEN,
				 "vault record %s is longer than a password can be; make the logins anew: "
				 "gaejang migrate --logins",
				 record);
		goto out;
	}
	memcpy(login.user, user, strlen(user) + 1);
	memcpy(login.password, password.bytes, password.bytes_size);
	why = db_open(cfg, &login, out);
out:
	sodium_memzero(&login, sizeof(login));
	vault_value_clear(&password);
	return why;
}
