/* gaejang migrate, vault, account - what is set up once. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/house.h"
#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/store/fingerprint.h"
#include "shared/store/migrate.h"
#include "shared/base/banned.h"

#define SECRET_INPUT_MAX 4096

/* Which roles may open a record. A new record name is refused rather than sealed to everybody. */
static const struct {
	const char *name;
	uint32_t roles;
} record_roles[] = {
#define R(role) (1u << ROLE_##role)
	{ "appkey", R(PHASE) | R(WORKER) | R(OBSERVER) | R(OPERATOR) | R(GATE) },
	{ "appsecret", R(PHASE) | R(WORKER) | R(OBSERVER) | R(OPERATOR) | R(GATE) },
	{ "cano", R(PHASE) | R(WORKER) | R(OBSERVER) | R(OPERATOR) | R(GATE) },
	{ "product", R(PHASE) | R(WORKER) | R(OBSERVER) | R(OPERATOR) | R(GATE) },
	{ "salt", R(PHASE) | R(OPERATOR) },
	{ "htsid", R(PHASE) | R(WORKER) | R(OBSERVER) | R(OPERATOR) },
	{ "db-gj_preflight", R(PHASE) },
	{ "db-gj_auth", R(PHASE) },
	{ "db-gj_account", R(PHASE) },
	{ "db-gj_params", R(PHASE) },
	{ "db-gj_reconcile", R(PHASE) },
	{ "db-gj_guardrail", R(PHASE) },
	{ "db-gj_universe", R(PHASE) },
	{ "db-gj_close", R(PHASE) },
	{ "db-gj_gate", R(PHASE) | R(GATE) },
	{ "db-gj_worker", R(WORKER) },
	{ "db-gj_observer", R(OBSERVER) },
	{ "db-gj_alerts", R(ALERTS) },
	{ "db-gj_deadman", R(ALERTS) },
	{ "db-gj_operator", R(OPERATOR) },
	{ "db-gj_reader", R(OPERATOR) },
#undef R
};

static bool roles_of(const char *record, uint32_t *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(record_roles); i++) {
		if (strcmp(record_roles[i].name, record) == 0) {
			*out = record_roles[i].roles;
			return true;
		}
	}
	return false;
}

/* The schema's owner logs in as the operating system's user over the unix socket. */
static enum reason open_owner(struct house *house, const struct ops_args *args)
{
	struct db_login login = { 0 };
	const struct passwd *pw = getpwuid(getuid());
	const char *user = args->login != NULL ? args->login : (pw != NULL ? pw->pw_name : "root");

	if (strlen(user) >= sizeof(login.user))
		return reason_set(REASON_BAD_USAGE, "--login is longer than a login can be");
	memcpy(login.user, user, strlen(user) + 1);
	return db_open(&house->cfg, &login, &house->db);
}

static enum reason make_login(struct house *house, const char *record)
{
	uint8_t bytes[24];
	char password[2 * sizeof(bytes) + 1];
	uint32_t roles;
	enum reason why;

	if (!roles_of(record, &roles))
		return reason_set(REASON_INTERNAL, "no roles for %s", record);
	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(password, sizeof(password), bytes, sizeof(bytes));
	/* Sealed first: a login whose password nobody knows would lock the program out, a sealed one that is not set yet is made again. */
	why = vault_file_add(conf_text(&house->cfg, CONF_KEY_DIR), house->acct->vault, house->acct->env,
			     house->acct->name, record, roles, password, strlen(password));
	if (why == REASON_OK)
		why = migrate_login(house->db, record + strlen("db-"), password);
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(password, sizeof(password));
	return why;
}

int cmd_migrate(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct migrate_report report = { 0 };
	struct ops_args args;
	enum reason why;
	int logins = 0;

	ops_parse(argc, argv, "calL", "",
		  "Brings schema, triggers, views and grants to this build. With --logins every program gets "
		  "a new "
		  "database password, sealed into the account's vault.",
		  &args);
	why = house_open(&house, &args, NEED_CONF, NULL);
	if (why == REASON_OK)
		why = open_owner(&house, &args);
	if (why == REASON_OK)
		why = migrate_up(house.db, conf_text(&house.cfg, CONF_SQL_DIR), &report);
	if (why == REASON_OK && args.logins)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	for (size_t i = 0; why == REASON_OK && args.logins && i < ARRAY_COUNT(record_roles); i++) {
		if (strncmp(record_roles[i].name, "db-", 3) != 0)
			continue;
		why = make_login(&house, record_roles[i].name);
		logins += why == REASON_OK;
	}
	if (why == REASON_OK)
		printf("schema %s: %d applied now, %d in all; %d logins made\n", report.newest,
		       report.applied, report.present, logins);
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("migrate", why);
}

/* ---- vault ---- */
static void list_record(void *arg, const char *name, uint64_t version, uint32_t roles)
{
	cJSON *row = cJSON_CreateObject(), *names = cJSON_AddArrayToObject(row, "opened_by");

	(void)cJSON_AddStringToObject(row, "name", name);
	(void)cJSON_AddNumberToObject(row, "version", (double)version);
	for (int role = 0; role < ROLE_COUNT; role++) {
		if ((roles & (1u << role)) != 0)
			(void)cJSON_AddItemToArray(
				names, cJSON_CreateString(vault_role_text((enum vault_role)role)));
	}
	(void)cJSON_AddItemToArray(arg, row);
}

static void print_record(void *arg, const char *name, uint64_t version, uint32_t roles)
{
	(void)arg;
	printf("%-20s version %llu, opened by", name, (unsigned long long)version);
	for (int role = 0; role < ROLE_COUNT; role++) {
		if ((roles & (1u << role)) != 0)
			printf(" %s", vault_role_text((enum vault_role)role));
	}
	putchar('\n');
}

/* A secret comes over standard input, never over the command line, where ps would show it. */
static enum reason read_secret(char *out, size_t out_size, size_t *out_len)
{
	size_t got = fread(out, 1, out_size, stdin);

	if (got == out_size)
		return reason_set(REASON_BAD_USAGE,
				  "standard input holds more than %zu bytes; a secret is shorter",
				  out_size - 1);
	while (got > 0 && (out[got - 1] == '\n' || out[got - 1] == '\r'))
		got--;
	if (got == 0)
		return reason_set(REASON_BAD_USAGE, "nothing came over standard input; write: printf %%s "
						    "SECRET | gaejang vault put NAME");
	out[got] = '\0';
	*out_len = got;
	return REASON_OK;
}

static enum reason vault_put(struct house *house, const char *record)
{
	char *secret;
	size_t secret_len = 0;
	uint32_t roles;
	enum reason why;

	if (!roles_of(record, &roles))
		return reason_set(
			REASON_BAD_USAGE,
			"%s is not a record of the vault; known: appkey appsecret cano product htsid",
			record);
	secret = sodium_malloc(SECRET_INPUT_MAX);
	if (secret == NULL)
		return reason_set(REASON_NO_MEMORY, "no locked memory for a secret; raise ulimit -l");
	why = read_secret(secret, SECRET_INPUT_MAX, &secret_len);
	if (why == REASON_OK)
		why = vault_file_add(conf_text(&house->cfg, CONF_KEY_DIR), house->acct->vault,
				     house->acct->env, house->acct->name, record, roles, secret, secret_len);
	if (why == REASON_OK)
		printf("%s sealed for account %s (%s)\n", record, house->acct->name, house->acct->env);
	sodium_free(secret);
	return why;
}

int cmd_vault(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	cJSON *rows = NULL;
	const char *verb;
	enum reason why;

	ops_parse(argc, argv, "caj", "init | list | put NAME",
		  "init: role keys where missing. list: names, never values. put: seals what comes "
		  "over standard input (appkey, appsecret, cano, product, htsid).",
		  &args);
	verb = args.word_count > 0 ? args.words[0] : "";
	why = house_open(&house, &args, NEED_CONF, NULL);
	if (why == REASON_OK && strcmp(verb, "init") != 0)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	if (why == REASON_OK) {
		if (strcmp(verb, "init") == 0 && args.word_count == 1) {
			why = vault_make_roles(conf_text(&house.cfg, CONF_KEY_DIR));
			if (why == REASON_OK)
				printf("role keys are in %s\n", conf_text(&house.cfg, CONF_KEY_DIR));
		} else if (strcmp(verb, "list") == 0 && args.word_count == 1) {
			if (args.json)
				rows = cJSON_CreateArray();
			why = vault_file_each(house.acct->vault, args.json ? list_record : print_record,
					      rows);
			if (args.json && why == REASON_OK)
				why = ops_print_json(rows);
			cJSON_Delete(rows);
		} else if (strcmp(verb, "put") == 0 && args.word_count == 2) {
			why = vault_put(&house, args.words[1]);
		} else {
			why = reason_set(REASON_BAD_USAGE, "say init, list, or put NAME");
		}
	}
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("vault", why);
}

/* ---- account ---- */
static enum reason account_add(struct house *house, const struct ops_args *args)
{
	struct account_row row = { 0 };
	struct wall now = clock_wall(house->clock);
	uint32_t roles = 0;
	enum reason why;

	(void)snprintf(row.name, sizeof(row.name), "%s", house->acct->name);
	(void)snprintf(row.env, sizeof(row.env), "%s", house->acct->env);
	(void)snprintf(row.added_by, sizeof(row.added_by), "%s", ops_person(args));
	row.rehearsal = conf_number(&house->cfg, CONF_REHEARSAL) != 0;
	row.added = now;
	why = roles_of("salt", &roles) ? fingerprint_salt(&house->cfg, house->acct, ROLE_OPERATOR, roles)
				       : reason_set(REASON_INTERNAL, "no roles for the salt");
	if (why == REASON_OK)
		why = fingerprint_of(&house->cfg, house->acct, ROLE_OPERATOR, &row.fingerprint, row.masked);
	if (why == REASON_OK)
		why = db_begin(house->db);
	if (why != REASON_OK)
		return why;
	why = tbl_account_add(house->db, &row, &row.account_id);
	if (why == REASON_DB_DUPLICATE)
		why = reason_set(why,
				 "account %s, or its number under another name, is registered already: "
				 "gaejang account list; nothing was changed",
				 row.name);
	if (why == REASON_OK)
		why = tbl_lease_make(house->db, row.account_id, now);
	if (why == REASON_OK)
		why = tbl_control_make(house->db, row.account_id, now);
	if (why == REASON_OK)
		why = tbl_operator_add(house->db, row.account_id, now, ops_person(args), "account-add",
				       row.masked, "registered");
	why = house_commit(house, why);
	if (why == REASON_OK)
		printf("account %s (%s, %s) is registered\n", row.name, row.env, row.masked);
	return why;
}

static bool parse_opening_lot(const char *word, struct lot *out)
{
	const char *first = strchr(word, ':');
	const char *second = first != NULL ? strchr(first + 1, ':') : NULL;

	*out = (struct lot){ .owner = OWNER_SYS };
	if (second == NULL || (size_t)(first - word) >= sizeof(out->symbol))
		return false;
	memcpy(out->symbol, word, (size_t)(first - word));
	return symbol_valid(out->symbol) && num_parse(first + 1, (size_t)(second - first - 1), &out->qty) &&
	       out->qty > 0 && num_parse(second + 1, strlen(second + 1), &out->cost_won) &&
	       out->cost_won >= 0;
}

/* The first accepted position of an account cannot be proven from rows: a person signs it. */
static enum reason account_sign_opening(struct house *house, const struct ops_args *args)
{
	struct lot lots[HOLDINGS_MAX];
	struct snapshot snap = { .lots = lots, .lot_room = HOLDINGS_MAX };
	struct acceptance_row acceptance = { 0 };
	enum reason why = ops_need_reason(args);

	if (why != REASON_OK)
		return why;
	if (args->cash == NULL || !num_parse(args->cash, strlen(args->cash), &snap.cash_won) ||
	    snap.cash_won < 0)
		return reason_set(REASON_BAD_USAGE,
				  "--cash WON is needed: the D+2 deposit you sign for, a whole number");
	for (int i = 1; i < args->word_count; i++) {
		if (!parse_opening_lot(args->words[i], &lots[snap.lot_count++]))
			return reason_set(REASON_BAD_USAGE,
					  "%s is not SYMBOL:SHARES:COST, as in 005930:100:7000000",
					  args->words[i]);
	}
	why = calendar_previous(&house->cal, house->day, &snap.day);
	if (why != REASON_OK)
		return why;
	snap.frozen = clock_wall(house->clock);
	why = db_begin(house->db);
	if (why == REASON_OK)
		why = tbl_snapshot_add(house->db, house->account.account_id, 0, &snap, ops_person(args),
				       &snap.snapshot_id);
	acceptance.account_id = house->account.account_id;
	acceptance.snapshot_id = snap.snapshot_id;
	acceptance.day = snap.day;
	acceptance.digest = snapshot_digest(&snap);
	acceptance.accepted = snap.frozen;
	if (why == REASON_OK)
		why = tbl_acceptance_add(house->db, &acceptance, &acceptance.acceptance_id);
	if (why == REASON_OK)
		why = tbl_operator_add(house->db, house->account.account_id, snap.frozen, ops_person(args),
				       "sign-opening", args->cash, args->reason);
	why = house_commit(house, why);
	if (why == REASON_OK)
		printf("opening signed by %s: cash %s won, %d holdings; reconcile starts from it\n",
		       ops_person(args), args->cash, snap.lot_count);
	return why;
}

static enum reason account_json(const struct account_row *rows, int count)
{
	cJSON *list = cJSON_CreateArray();
	enum reason why;

	for (int i = 0; i < count; i++) {
		cJSON *row = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(row, "name", rows[i].name);
		(void)cJSON_AddStringToObject(row, "env", rows[i].env);
		(void)cJSON_AddStringToObject(row, "number", rows[i].masked);
		(void)cJSON_AddBoolToObject(row, "rehearsal", rows[i].rehearsal);
		(void)cJSON_AddItemToArray(list, row);
	}
	why = ops_print_json(list);
	cJSON_Delete(list);
	return why;
}

static enum reason account_list(struct house *house)
{
	struct account_row rows[CONF_ACCOUNTS_MAX];
	int count = 0;
	enum reason why = tbl_account_all(house->db, rows, CONF_ACCOUNTS_MAX, &count);

	if (why == REASON_OK && house->args.json)
		return account_json(rows, count);
	for (int i = 0; why == REASON_OK && i < count; i++)
		printf("%-16s %-6s %-12s %s\n", rows[i].name, rows[i].env, rows[i].masked,
		       rows[i].rehearsal ? "rehearsal" : "");
	return why;
}

int cmd_account(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	const char *verb;
	enum reason why;

	ops_parse(argc, argv, "cadrbCj", "add NAME | list | sign-opening [SYMBOL:SHARES:COST...]",
		  "add: registers the account of the configuration whose number and keys are in its vault. "
		  "sign-opening: the first "
		  "accepted position (--cash D+2 deposit, holdings as words), signed by a person with a "
		  "reason.",
		  &args);
	verb = args.word_count > 0 ? args.words[0] : "";
	if (strcmp(verb, "add") == 0 && args.word_count == 2)
		args.account = args.words[1];
	why = house_open(&house, &args,
			 NEED_CONF | NEED_CALENDAR | NEED_CLOCK | NEED_DB |
				 (strcmp(verb, "sign-opening") == 0 ? NEED_ACCOUNT : 0),
			 "gj_operator");
	if (why == REASON_OK) {
		if (strcmp(verb, "add") == 0)
			why = account_add(&house, &args);
		else if (strcmp(verb, "list") == 0)
			why = account_list(&house);
		else if (strcmp(verb, "sign-opening") == 0)
			why = account_sign_opening(&house, &args);
		else
			why = reason_set(REASON_BAD_USAGE, "say add NAME, list, or sign-opening");
	}
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("account", why);
}
