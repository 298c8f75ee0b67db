#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "shared/base/bug.h"
#include "shared/store/login.h"
#include "shared/base/banned.h"

enum reason login_open(const struct conf *cfg, const struct conf_account *account, enum vault_role role,
		       const char *user, struct db **out)
{
	struct vault_value password = VAULT_VALUE_INIT;
	struct db_login *login = NULL;
	char record[80];
	enum reason why;
	int record_len;

	record_len = snprintf(record, sizeof(record), "db-%s", user);
	BUG_IF(record_len < 0 || (size_t)record_len >= sizeof(record) || strlen(user) >= sizeof(login->user),
	       "a login's name is one of ours");
	why = vault_file_get(conf_text(cfg, CONF_KEY_DIR), role, account->vault, account->env, account->name,
			     record, &password);
	if (why != REASON_OK)
		goto out;
	login = sodium_malloc(sizeof(*login));
	if (!login) {
		why = reason_set(REASON_NO_MEMORY, "no locked memory for a login; raise `ulimit -l`");
		goto out;
	}
	memset(login, 0, sizeof(*login));
	if (password.bytes_size >= sizeof(login->password) ||
	    strlen((const char *)password.bytes) != password.bytes_size) {
		why = reason_set(
			REASON_VAULT_BROKEN,
			"%s: the record %s is no password; make the logins anew: gaejang migrate --logins",
			account->vault, record);
		goto out;
	}
	memcpy(login->user, user, strlen(user) + 1);
	memcpy(login->password, password.bytes, password.bytes_size + 1);
	why = db_open(cfg, login, out);
out:
	sodium_free(login); /* wipes; NULL is fine */
	vault_value_clear(&password);
	return why;
}
