/* gaejang sql - a prompt on the results, or one query, as a table or as JSON; by the login that can only read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/house.h"
#include "shared/store/vault.h"
#include "shared/base/banned.h"

struct json_rows {
	cJSON *list;
	char names[DB_COLUMNS_MAX][65];
};

/* The client reads its login from a file that has no name on disk, so neither ps nor the shell's history shows a password. */
static enum reason client_login(const struct house *house, const char *password, int *out_fd)
{
	int fd = memfd_create("gaejang-sql", 0);

	if (fd < 0)
		return reason_set(REASON_FILE_IO, "memfd_create: %s", strerror(errno));
	/* The client ignores a file that others may write, and a memfd begins with 0777. */
	if (fchmod(fd, 0600) != 0 || dprintf(fd,
					     "[client]\nuser=gj_reader\npassword=%s\nsocket=%s\ndatabase=%"
					     "s\ndefault-character-set=utf8mb4\n",
					     password, conf_text(&house->cfg, CONF_DB_SOCKET),
					     conf_text(&house->cfg, CONF_DB_NAME)) < 0) {
		(void)close(fd);
		return reason_set(REASON_FILE_IO, "cannot write the client's login: %s", strerror(errno));
	}
	*out_fd = fd;
	return REASON_OK;
}

static bool json_row(void *arg, int column_count, const char *const *names, const char *const *values)
{
	struct json_rows *rows = arg;
	cJSON *row;

	if (values == NULL) { /* the names come first, once */
		for (int i = 0; i < column_count; i++)
			(void)snprintf(rows->names[i], sizeof(rows->names[i]), "%s", names[i]);
		return true;
	}
	row = cJSON_CreateObject();
	for (int i = 0; i < column_count; i++)
		(void)cJSON_AddItemToObject(row, rows->names[i],
					    values[i] != NULL ? cJSON_CreateString(values[i])
							      : cJSON_CreateNull());
	(void)cJSON_AddItemToArray(rows->list, row);
	return true;
}

/* Every value is text, as SQL prints it: no number is rounded on the way. */
static enum reason query_json(struct house *house, const char *query)
{
	struct json_rows rows = { .list = cJSON_CreateArray() };
	enum reason why = login_open(&house->cfg, house->acct, ROLE_OPERATOR, "gj_reader", &house->db);

	if (why == REASON_OK)
		why = db_query(house->db, query, json_row, &rows);
	if (why == REASON_OK)
		why = ops_print_json(rows.list);
	cJSON_Delete(rows.list);
	return why;
}

int cmd_sql(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct vault_value password = VAULT_VALUE_INIT;
	struct ops_args args;
	char defaults[64];
	int fd = -1;
	enum reason why;

	ops_parse(
		argc, argv, "caj", "[QUERY]",
		"A prompt of the mariadb client on the results (read-only login), or one query. The private "
		"database of a rehearsal is started if needed.",
		&args);
	why = house_open(&house, &args, NEED_CONF, NULL);
	if (why == REASON_OK)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	if (why == REASON_OK)
		why = house_wake_db(&house);
	if (why == REASON_OK && args.json) {
		why = args.word_count == 1
			      ? query_json(&house, args.words[0])
			      : reason_set(REASON_BAD_USAGE, "--json goes with one query in quotes");
		house_close(&house);
		if (why == REASON_DB_ERROR ||
		    why == REASON_DB_DENIED) { /* the query's fault: as the client says it */
			(void)ops_fail("sql", why);
			return 1;
		}
		return why == REASON_OK ? 0 : ops_fail("sql", why);
	}
	if (why == REASON_OK && args.word_count > 1)
		why = reason_set(REASON_BAD_USAGE, "one query, in quotes");
	if (why == REASON_OK)
		why = vault_file_get(conf_text(&house.cfg, CONF_KEY_DIR), ROLE_OPERATOR, house.acct->vault,
				     house.acct->env, house.acct->name, "db-gj_reader", &password);
	if (why == REASON_OK)
		why = client_login(&house, (const char *)password.bytes, &fd);
	vault_value_clear(&password);
	house_close(&house);
	if (why != REASON_OK)
		return ops_fail("sql", why);
	(void)snprintf(defaults, sizeof(defaults), "--defaults-file=/proc/self/fd/%d", fd);
	if (args.word_count > 0)
		execlp("mariadb", "mariadb", defaults, "--table", "-e", args.words[0], (char *)NULL);
	else
		execlp("mariadb", "mariadb", defaults, (char *)NULL);
	fprintf(stderr,
		"gaejang sql: the mariadb client cannot be started: %s; install the package mariadb-client\n",
		strerror(errno));
	return 69;
}
