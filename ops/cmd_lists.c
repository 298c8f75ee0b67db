/* gaejang params, universe, settings - what a person decides now and then: parameters, symbols, and which keys there are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/house.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "worker/strategy.h"
#include "shared/base/banned.h"

/* ---- params ---- */
/* What was not kept is told in a row too, where the database answers; the refusal stays the answer. */
static enum reason params_refused(struct house *house, const struct ops_args *args, enum reason refusal)
{
	char detail[DETAIL_SIZE];

	(void)snprintf(detail, sizeof(detail), "%s", reason_detail());
	if (tbl_operator_add(house->db, house->account.account_id, clock_wall(house->clock), ops_person(args),
			     "params-refused", reason_code(refusal), detail) != REASON_OK)
		fprintf(stderr, "gaejang params: the refusal has no row: %s\n", reason_detail());
	return reason_set(refusal, "%s", detail);
}

static enum reason params_import(struct house *house, const struct ops_args *args)
{
	const struct strategy *strategy = strategy_find(house->acct->strategy);
	struct strategy_params params;
	struct param_row row = { 0 };
	uint8_t *text = NULL;
	size_t text_size = 0;
	enum reason why;

	if (strategy == NULL)
		return reason_set(REASON_CONF_RANGE,
				  "strategy %s of account %s is not in this build; set strategy = breakout",
				  house->acct->strategy, house->acct->name);
	why = file_read(args->words[1], sizeof(row.body), &text, &text_size);
	if (why == REASON_OK)
		why = strategy_params_read(strategy, (const char *)text, &params);
	if (why == REASON_OK)
		why = strategy_params_write(strategy, &params, row.body, sizeof(row.body));
	if (reason_kind(why) == KIND_CONFIG || reason_kind(why) == KIND_FAIL)
		why = params_refused(house, args, why);
	row.account_id = house->account.account_id;
	row.strategy_version = strategy->version;
	row.imported = clock_wall(house->clock);
	(void)snprintf(row.strategy, sizeof(row.strategy), "%s", strategy->name);
	(void)snprintf(row.imported_by, sizeof(row.imported_by), "%s", ops_person(args));
	if (why == REASON_OK) {
		row.digest = strategy_params_digest(strategy, &params);
		why = tbl_param_add(house->db, &row, &row.param_id);
	}
	if (why == REASON_OK)
		printf("parameters %lld of strategy %s imported; they trade once activated: gaejang params "
		       "activate %lld --reason \"...\"\n",
		       (long long)row.param_id, strategy->name, (long long)row.param_id);
	file_free(text, text_size);
	return why;
}

static enum reason params_activate(struct house *house, const struct ops_args *args)
{
	struct kst_day from = house->day, to = { 99991231 };
	struct param_row row;
	int64_t id;
	enum reason why = ops_need_reason(args);

	if (why != REASON_OK)
		return why;
	if (!num_parse(args->words[1], strlen(args->words[1]), &id))
		return reason_set(REASON_BAD_USAGE,
				  "%s is not a parameter number; gaejang sql 'SELECT param_id, strategy FROM "
				  "param_set' shows them",
				  args->words[1]);
	if ((args->from != NULL && !kst_day_parse(args->from, &from)) ||
	    (args->to != NULL && !kst_day_parse(args->to, &to)))
		return reason_set(REASON_BAD_DAY, "--from and --to are dates like 2021-01-04");
	if (kst_day_diff(to, from) < 0)
		return reason_set(REASON_BAD_USAGE, "--to lies before --from");
	why = tbl_param_find(house->db, id, &row);
	if (why == REASON_OK && row.account_id != house->account.account_id)
		why = reason_set(REASON_BAD_USAGE, "parameters %lld belong to another account",
				 (long long)id);
	if (why == REASON_OK)
		why = db_begin(house->db);
	if (why != REASON_OK)
		return why;
	why = tbl_param_activate(house->db, house->account.account_id, id, from, to, clock_wall(house->clock),
				 ops_person(args), args->reason);
	if (why == REASON_OK)
		why = tbl_operator_add(house->db, house->account.account_id, clock_wall(house->clock),
				       ops_person(args), "params-activate", args->words[1], args->reason);
	why = house_commit(house, why);
	if (why == REASON_OK)
		printf("parameters %lld are ACTIVE from %d to %d\n", (long long)id, from.yyyymmdd,
		       to.yyyymmdd);
	return why;
}

static enum reason params_json(const struct house *house, const struct param_row *row)
{
	const struct strategy *strategy = strategy_find(house->acct->strategy);
	struct strategy_params params;
	cJSON *root, *values;
	enum reason why = strategy != NULL ? strategy_params_read(strategy, row->body, &params)
					   : reason_set(REASON_CONF_RANGE, "strategy %s is not in this build",
							house->acct->strategy);

	if (why != REASON_OK)
		return why;
	root = cJSON_CreateObject();
	(void)cJSON_AddNumberToObject(root, "param_id", (double)row->param_id);
	(void)cJSON_AddStringToObject(root, "strategy", row->strategy);
	(void)cJSON_AddNumberToObject(root, "version", (double)row->strategy_version);
	(void)cJSON_AddStringToObject(root, "imported_by", row->imported_by);
	values = cJSON_AddObjectToObject(root, "values");
	for (int i = 0; i < strategy->param_count; i++)
		(void)cJSON_AddNumberToObject(values, strategy->params[i].name, (double)params.values[i]);
	why = ops_print_json(root);
	cJSON_Delete(root);
	return why;
}

static enum reason params_show(struct house *house)
{
	struct param_row row;
	enum reason why = tbl_param_active(house->db, house->account.account_id, house->day, &row);

	if (why == REASON_DB_NOT_FOUND)
		return reason_set(REASON_PARAMS_NONE,
				  "no parameters are active on %d; import and activate some: gaejang params "
				  "import FILE",
				  house->day.yyyymmdd);
	if (why == REASON_OK && house->args.json)
		return params_json(house, &row);
	if (why == REASON_OK)
		printf("# parameters %lld, strategy %s version %lld, imported by %s\n%s",
		       (long long)row.param_id, row.strategy, (long long)row.strategy_version,
		       row.imported_by, row.body);
	return why;
}

static enum reason table_json(const struct strategy *strategy)
{
	cJSON *list = cJSON_CreateArray();
	enum reason why;

	for (int i = 0; i < strategy->param_count; i++) {
		const struct strategy_param *p = &strategy->params[i];
		cJSON *row = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(row, "name", p->name);
		(void)cJSON_AddNumberToObject(row, "default", (double)p->def);
		(void)cJSON_AddNumberToObject(row, "low", (double)p->low);
		(void)cJSON_AddNumberToObject(row, "high", (double)p->high);
		(void)cJSON_AddStringToObject(row, "unit", p->unit);
		(void)cJSON_AddStringToObject(row, "help", p->help);
		(void)cJSON_AddItemToArray(list, row);
	}
	why = ops_print_json(list);
	cJSON_Delete(list);
	return why;
}

static enum reason params_help(struct house *house)
{
	const struct strategy *strategy = strategy_find(house->acct->strategy);

	if (strategy == NULL)
		return reason_set(REASON_CONF_RANGE, "strategy %s is not in this build",
				  house->acct->strategy);
	if (house->args.json)
		return table_json(strategy);
	printf("# strategy %s version %d: every parameter with its default; change what you want, then "
	       "import the "
	       "file\n",
	       strategy->name, strategy->version);
	for (int i = 0; i < strategy->param_count; i++) {
		const struct strategy_param *p = &strategy->params[i];

		printf("# %s; %lld to %lld %s\n%s = %lld\n", p->help, (long long)p->low, (long long)p->high,
		       p->unit, p->name, (long long)p->def);
	}
	return REASON_OK;
}

int cmd_params(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	const char *verb;
	enum reason why;

	ops_parse(argc, argv, "cadrbftj", "import FILE | activate NUMBER | show | table",
		  "import: checks a file of name = value lines against the strategy's table and keeps it. "
		  "activate: makes it ACTIVE from "
		  "--from (today) to --to (until further notice), with a reason. show: what is active. "
		  "table: a file to begin with.",
		  &args);
	verb = args.word_count > 0 ? args.words[0] : "";
	why = house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT, "gj_operator");
	if (why == REASON_OK) {
		if (strcmp(verb, "import") == 0 && args.word_count == 2)
			why = params_import(&house, &args);
		else if (strcmp(verb, "activate") == 0 && args.word_count == 2)
			why = params_activate(&house, &args);
		else if (strcmp(verb, "show") == 0)
			why = params_show(&house);
		else if (strcmp(verb, "table") == 0)
			why = params_help(&house);
		else
			why = reason_set(REASON_BAD_USAGE,
					 "say import FILE, activate NUMBER, show, or table");
	}
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("params", why);
}

/* ---- universe ---- */
static enum reason universe_set(struct house *house, const struct ops_args *args, bool listed)
{
	struct symbol_row row = { 0 };
	enum reason why;

	if (listed && !market_parse(args->market != NULL ? args->market : "KOSPI", &row.market))
		return reason_set(REASON_BAD_USAGE, "--market is KOSPI or KOSDAQ");
	if (listed && !symbol_kind_parse(args->kind != NULL ? args->kind : "STOCK", &row.kind))
		return reason_set(REASON_BAD_USAGE, "--kind is STOCK or ETF");
	for (int i = 1; i < args->word_count; i++) {
		if (!symbol_valid(args->words[i]))
			return reason_set(
				REASON_BAD_USAGE,
				"%s is not a symbol: six characters as in 005930, seven with Q for an "
				"ETN; the list is as it was",
				args->words[i]);
	}
	why = db_begin(house->db);
	if (why != REASON_OK)
		return why;
	for (int i = 1; i < args->word_count && why == REASON_OK; i++) {
		const char *symbol = args->words[i];

		(void)snprintf(row.symbol, sizeof(row.symbol), "%s", symbol);
		(void)snprintf(row.name, sizeof(row.name), "%s",
			       args->name != NULL && args->word_count == 2 ? args->name : "");
		if (listed)
			why = tbl_symbol_add(house->db, &row);
		if (why == REASON_OK)
			why = tbl_universe_list_set(house->db, house->account.account_id, symbol, listed,
						    clock_wall(house->clock), ops_person(args));
	}
	why = house_commit(house, why);
	if (why == REASON_OK)
		printf("%s the list: %d\n", listed ? "put on" : "taken off", args->word_count - 1);
	return why;
}

static enum reason universe_show(struct house *house)
{
	static char rows[1000][SYMBOL_SIZE];
	cJSON *list = cJSON_CreateArray();
	int count = 0;
	enum reason why = tbl_universe_list(house->db, house->account.account_id, rows, 1000, &count);

	if (why == REASON_OK && house->args.json) {
		for (int i = 0; i < count; i++)
			(void)cJSON_AddItemToArray(list, cJSON_CreateString(rows[i]));
		why = ops_print_json(list);
	} else {
		for (int i = 0; why == REASON_OK && i < count; i++)
			puts(rows[i]);
	}
	cJSON_Delete(list);
	return why;
}

int cmd_universe(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	const char *verb;
	enum reason why;

	ops_parse(
		argc, argv, "camknbj", "add SYMBOL... | remove SYMBOL... | list",
		"The user's list of symbols; every morning the phase `universe` decides which of them trade.",
		&args);
	verb = args.word_count > 0 ? args.words[0] : "";
	why = house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT, "gj_operator");
	if (why == REASON_OK) {
		if (strcmp(verb, "add") == 0 && args.word_count > 1)
			why = universe_set(&house, &args, true);
		else if (strcmp(verb, "remove") == 0 && args.word_count > 1)
			why = universe_set(&house, &args, false);
		else if (strcmp(verb, "list") == 0)
			why = universe_show(&house);
		else
			why = reason_set(REASON_BAD_USAGE, "say add SYMBOL..., remove SYMBOL..., or list");
	}
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("universe", why);
}

static enum reason settings_json(void)
{
	cJSON *list = cJSON_CreateArray();
	enum reason why;

	for (int id = 0; id < CONF_KEY_COUNT; id++) {
		struct conf_key_text key;
		cJSON *row = cJSON_CreateObject();

		conf_key_text((enum conf_key)id, &key);
		(void)cJSON_AddStringToObject(row, "section", key.section);
		(void)cJSON_AddStringToObject(row, "key", key.key);
		(void)cJSON_AddStringToObject(row, "allowed", key.allowed);
		if (key.def != NULL)
			(void)cJSON_AddStringToObject(row, "default", key.def);
		else
			(void)cJSON_AddNullToObject(row, "default");
		(void)cJSON_AddStringToObject(row, "help", key.help);
		(void)cJSON_AddItemToArray(list, row);
	}
	why = ops_print_json(list);
	cJSON_Delete(list);
	return why;
}

int cmd_settings(int argc, char **argv)
{
	struct ops_args args;
	enum reason why = REASON_OK;

	ops_parse(argc, argv, "j", "",
		  "Every configuration key with section, type, range, unit, default and help.", &args);
	if (args.json)
		why = settings_json();
	else
		conf_help(stdout);
	return why == REASON_OK ? 0 : ops_fail("settings", why);
}
