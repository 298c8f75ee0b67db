/* accounts_file - the accounts the simulator serves: from a JSON file, or one made up. See accounts_file.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "tests/broker/accounts_file.h"

#include "shared/base/banned.h"

#define ACCOUNTS_SIZE_MAX (4 * 1024 * 1024)
#define DEFAULT_CASH_WON  100000000
#define DEFAULT_FEE_PPM   142

/* Takes a text of the row, or makes one up; wrong lengths are refused. */
static enum reason text_or_secret(const cJSON *row, const char *name, size_t len, char *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);

	if (item == NULL) {
		gateway_secret(len, out);
		return REASON_OK;
	}
	if (!cJSON_IsString(item) || strlen(item->valuestring) != len)
		return reason_set(REASON_FILE_SHAPE, "an account's \"%s\" must be %zu characters of text",
				  name, len);
	memcpy(out, item->valuestring, len + 1);
	return REASON_OK;
}

static enum reason short_text(const cJSON *row, const char *name, const char *otherwise, char *out,
			      size_t out_size)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);
	const char *text = item == NULL ? otherwise : cJSON_GetStringValue(item);

	if (text == NULL || strlen(text) >= out_size)
		return reason_set(REASON_FILE_SHAPE, "an account's \"%s\" must be text of up to %zu bytes",
				  name, out_size - 1);
	snprintf(out, out_size, "%s", text);
	return REASON_OK;
}

static bool whole(const cJSON *row, const char *name, int64_t otherwise, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);

	*out = otherwise;
	if (item == NULL)
		return true;
	if (!cJSON_IsNumber(item) || item->valuedouble < 0 ||
	    item->valuedouble != (double)(int64_t)item->valuedouble)
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool number_ok(const char *number)
{
	return strlen(number) == 11 && strspn(number, "0123456789") == 8 && number[8] == '-' &&
	       strspn(number + 9, "0123456789") == 2;
}

static enum reason add_holdings(struct broker *b, size_t account, const cJSON *rows)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		struct exch_holding h = { .sellable_qty = -1 };
		int64_t avg_won = 0;
		enum reason why;

		if (short_text(row, "symbol", NULL, h.code, sizeof h.code) != REASON_OK ||
		    !whole(row, "qty", 0, &h.qty) || !whole(row, "avg", 0, &avg_won) || h.qty == 0)
			return reason_set(REASON_FILE_SHAPE,
					  "a holding needs \"symbol\", \"qty\" above 0 and \"avg\" in won");
		h.cost_won = avg_won * h.qty;
		why = exch_truth_holding(b->ex, account, &h, false);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

/* The login that is there for this account number, NULL = none yet. */
static const struct login *login_for(const struct broker *b, const char *number)
{
	for (size_t i = 0; i < b->login_count; i++) {
		if (strcmp(exch_account_at(b->ex, b->logins[i].account)->number, number) == 0)
			return &b->logins[i];
	}
	return NULL;
}

/* A second app key for an account: one ledger, one holder, who may be told again but has nothing more of his own. */
static enum reason share_account(const struct login *first, const char *number, const cJSON *row,
				 struct login *who)
{
	static const char *const of_ledger[] = { "cash", "commission_ppm", "holdings", "branch" };

	for (size_t i = 0; i < ARRAY_COUNT(of_ledger); i++) {
		if (cJSON_GetObjectItemCaseSensitive(row, of_ledger[i]) != NULL)
			return reason_set(REASON_FILE_SHAPE,
					  "account %s comes a second time, for a second app key: its \"%s\" "
					  "belongs to the first",
					  number, of_ledger[i]);
	}
	who->account = first->account;
	return REASON_OK;
}

static enum reason add_account(struct broker *b, const cJSON *row)
{
	struct login *who = &b->logins[b->login_count];
	struct exch_account account = { 0 };
	const char *env = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "env"));
	const struct login *first = NULL;
	char made_up[32];
	enum reason why;

	if (b->login_count == LOGINS_MAX)
		return reason_set(REASON_FILE_SHAPE, "more than %d accounts", LOGINS_MAX);
	snprintf(made_up, sizeof made_up, "sim%zu", b->login_count + 1);
	why = short_text(row, "account", "50123456-01", account.number, sizeof account.number);
	if (why == REASON_OK && !number_ok(account.number))
		why = reason_set(REASON_FILE_SHAPE, "account \"%s\": write eight digits, a dash, two digits",
				 account.number);
	if (why == REASON_OK && (!whole(row, "cash", DEFAULT_CASH_WON, &account.cash_won) ||
				 !whole(row, "commission_ppm", DEFAULT_FEE_PPM, &account.commission_ppm)))
		why = reason_set(REASON_FILE_SHAPE,
				 "account %s: \"cash\" and \"commission_ppm\" are whole numbers",
				 account.number);
	if (why == REASON_OK)
		why = text_or_secret(row, "appkey", APPKEY_LEN, who->appkey);
	if (why == REASON_OK)
		why = text_or_secret(row, "appsecret", APPSECRET_LEN, who->appsecret);
	if (why == REASON_OK)
		first = login_for(b, account.number);
	if (why == REASON_OK && gateway_login(b, who->appkey) != NULL)
		why = reason_set(REASON_FILE_SHAPE, "account %s: the app key is another's already",
				 account.number);
	if (why == REASON_OK)
		why = short_text(row, "htsid", first != NULL ? first->htsid : made_up, who->htsid,
				 sizeof who->htsid);
	if (why == REASON_OK)
		why = short_text(row, "branch", "", account.branch, sizeof account.branch);
	if (why == REASON_OK && strspn(account.branch, "0123456789") != strlen(account.branch))
		why = reason_set(REASON_FILE_SHAPE, "account %s: \"branch\" is digits", account.number);
	if (why == REASON_OK)
		why = short_text(row, "name", first != NULL ? first->name : "홍길동", who->name,
				 sizeof who->name);
	if (why == REASON_OK)
		why = first != NULL ? share_account(first, account.number, row, who)
				    : exch_account_add(b->ex, &account, &who->account);
	if (why == REASON_OK)
		why = add_holdings(b, who->account, cJSON_GetObjectItemCaseSensitive(row, "holdings"));
	if (why != REASON_OK)
		return why;
	who->foreign = env != NULL && (strcmp(env, "paper") == 0) != b->paper;
	b->login_count++;
	return REASON_OK;
}

enum reason accounts_file_load(struct broker *b, const char *path)
{
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	cJSON *root = NULL;
	const cJSON *row;
	enum reason why;

	b->logins = calloc(LOGINS_MAX, sizeof *b->logins);
	if (b->logins == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the accounts");
	if (path == NULL)
		return add_account(b, NULL);
	why = file_read(path, ACCOUNTS_SIZE_MAX, &bytes, &bytes_size);
	if (why != REASON_OK)
		goto out;
	root = cJSON_ParseWithLength((const char *)bytes, bytes_size);
	if (!cJSON_IsArray(root) || cJSON_GetArraySize(root) == 0) {
		why = reason_set(REASON_FILE_SHAPE, "%s must hold a JSON list of accounts", path);
		goto out;
	}
	cJSON_ArrayForEach(row, root)
	{
		why = add_account(b, row);
		if (why != REASON_OK)
			goto out;
	}
out:
	cJSON_Delete(root);
	file_free(bytes, bytes_size);
	return why;
}
