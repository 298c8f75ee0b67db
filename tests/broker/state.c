/*
 * state - the ledger as JSON: for comparisons in tests, and kept in a file from one run to the next.
 *
 * Shape   one object: version, day, numbers, accounts (ledger), orders, fills, reservations. Money and quantities
 *         are JSON numbers below 2^53, instants microseconds UTC, days YYYYMMDD.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define STATE_VERSION  2
#define STATE_SIZE_MAX (64 * 1024 * 1024)
#define NUMBER_MAX     9007199254740992.0 /* 2^53: what a JSON number carries exactly */

/* ---- fields: one table per struct, read and written by the same code ---- */

enum field_kind { FIELD_NUMBER, FIELD_WALL, FIELD_INT, FIELD_BOOL, FIELD_TEXT, FIELD_SIZE };
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, size;
};
/* clang-format off */
#define NUMBER(type, member) { #member, FIELD_NUMBER, offsetof(type, member), 0 }
#define DAY(type, member)    { #member, FIELD_INT, offsetof(type, member.yyyymmdd), 0 }
#define WALL(type, member)   { #member, FIELD_WALL, offsetof(type, member.us), 0 }
#define INT(type, member)    { #member, FIELD_INT, offsetof(type, member), 0 }
#define BOOL(type, member)   { #member, FIELD_BOOL, offsetof(type, member), 0 }
#define SIZE(type, member)   { #member, FIELD_SIZE, offsetof(type, member), 0 }
#define TEXT(type, member)   { #member, FIELD_TEXT, offsetof(type, member), sizeof(((type *)0)->member) }
/* clang-format on */

static const struct field ledger_fields[] = {
	NUMBER(struct ledger, deposit_won),     NUMBER(struct ledger, bfdy_buy_won),
	NUMBER(struct ledger, bfdy_sell_won),   NUMBER(struct ledger, bfdy_cost_won),
	NUMBER(struct ledger, bfdy_adjust_won), NUMBER(struct ledger, thdt_adjust_won),
	NUMBER(struct ledger, bfdy_total_won),
};
static const struct field holding_fields[] = {
	TEXT(struct holding, code),
	NUMBER(struct holding, qty),
	NUMBER(struct holding, cost_won),
	NUMBER(struct holding, reserved_qty),
	NUMBER(struct holding, frozen_qty),
	NUMBER(struct holding, bfdy_buy_qty),
	NUMBER(struct holding, bfdy_sell_qty),
	NUMBER(struct holding, thdt_buy_qty),
	NUMBER(struct holding, thdt_sell_qty),
	NUMBER(struct holding, thdt_buy_won),
	NUMBER(struct holding, thdt_sell_won),
	NUMBER(struct holding, realised_won),
	NUMBER(struct holding, other_day_qty),
	INT(struct holding, empty_rolls),
	DAY(struct holding, empty_since),
};
static const struct field order_fields[] = {
	DAY(struct exch_order, day),
	TEXT(struct exch_order, odno),
	TEXT(struct exch_order, orig),
	INT(struct exch_order, kind),
	SIZE(struct exch_order, account),
	INT(struct exch_order, side),
	TEXT(struct exch_order, code),
	TEXT(struct exch_order, dvsn),
	TEXT(struct exch_order, excg),
	TEXT(struct exch_order, branch),
	TEXT(struct exch_order, by),
	NUMBER(struct exch_order, price_won),
	NUMBER(struct exch_order, trigger_won),
	WALL(struct exch_order, triggered_at),
	NUMBER(struct exch_order, turn),
	NUMBER(struct exch_order, qty),
	NUMBER(struct exch_order, filled_qty),
	NUMBER(struct exch_order, filled_won),
	NUMBER(struct exch_order, cancelled_qty),
	NUMBER(struct exch_order, replaced_qty),
	NUMBER(struct exch_order, rejected_qty),
	NUMBER(struct exch_order, remaining_qty),
	WALL(struct exch_order, at),
	WALL(struct exch_order, last_fill_at),
	WALL(struct exch_order, visible_at),
	INT(struct exch_order, copies),
	BOOL(struct exch_order, truth),
	NUMBER(struct exch_order, cost_won),
};
static const struct field resv_fields[] = {
	SIZE(struct exch_resv, account),      NUMBER(struct exch_resv, seq),
	DAY(struct exch_resv, taken_day),     INT(struct exch_resv, taken_s),
	DAY(struct exch_resv, send_day),      DAY(struct exch_resv, period_end),
	INT(struct exch_resv, side),          TEXT(struct exch_resv, code),
	TEXT(struct exch_resv, dvsn),         NUMBER(struct exch_resv, qty),
	NUMBER(struct exch_resv, price_won),  BOOL(struct exch_resv, processed),
	BOOL(struct exch_resv, cancelled),    DAY(struct exch_resv, cancelled_day),
	INT(struct exch_resv, cancelled_s),   TEXT(struct exch_resv, odno),
	INT(struct exch_resv, sent_s),        NUMBER(struct exch_resv, filled_qty),
	NUMBER(struct exch_resv, filled_won), TEXT(struct exch_resv, result),
	TEXT(struct exch_resv, by),           WALL(struct exch_resv, visible_at),
};
static const struct field fill_fields[] = {
	SIZE(struct fill, order),
	WALL(struct fill, at),
	NUMBER(struct fill, qty),
	NUMBER(struct fill, won),
};
_Static_assert(sizeof(enum exch_side) == sizeof(int32_t) && sizeof(enum exch_order_kind) == sizeof(int32_t),
	       "enums travel as 32 bits");

#define FIELDS(table) table, ARRAY_COUNT(table)

/* ---- writing ---- */

static bool put_number(cJSON *object, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return cJSON_AddRawToObject(object, name, text) != NULL;
}

static bool put_field(cJSON *object, const void *item, const struct field *field)
{
	const char *at = (const char *)item + field->offset;
	int64_t number;
	int32_t small;
	size_t size;
	bool yes;

	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_WALL: memcpy(&number, at, sizeof(number)); return put_number(object, field->name, number);
	case FIELD_INT: memcpy(&small, at, sizeof(small)); return put_number(object, field->name, small);
	case FIELD_SIZE:
		memcpy(&size, at, sizeof(size));
		return put_number(object, field->name, (int64_t)size);
	case FIELD_BOOL:
		memcpy(&yes, at, sizeof(yes));
		return cJSON_AddBoolToObject(object, field->name, yes) != NULL;
	case FIELD_TEXT: return cJSON_AddStringToObject(object, field->name, at) != NULL;
	}
	return false;
}

static bool put_fields(cJSON *object, const void *item, const struct field *fields, size_t count)
{
	bool ok = object != NULL;

	for (size_t i = 0; ok && i < count; i++)
		ok = put_field(object, item, &fields[i]);
	return ok;
}

static bool put_rows(cJSON *root, const char *name, const void *items, size_t item_count, size_t item_size,
		     const struct field *fields, size_t count)
{
	cJSON *array = cJSON_AddArrayToObject(root, name);
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < item_count; i++) {
		cJSON *object = cJSON_CreateObject();

		ok = put_fields(object, (const char *)items + i * item_size, fields, count);
		if (!cJSON_AddItemToArray(array, object)) {
			cJSON_Delete(object);
			ok = false;
		}
	}
	return ok;
}

static bool put_orders(const struct exchange *ex, cJSON *root)
{
	cJSON *array = cJSON_AddArrayToObject(root, "orders");
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < ex->order_count; i++) {
		cJSON *object = cJSON_CreateObject();

		ok = put_fields(object, &ex->orders[i]->row, FIELDS(order_fields));
		if (!cJSON_AddItemToArray(array, object)) {
			cJSON_Delete(object);
			ok = false;
		}
	}
	return ok;
}

static bool put_account(const struct exchange *ex, const struct account *account, cJSON *object)
{
	const struct ledger *ledger = &account->real;

	return object != NULL && cJSON_AddStringToObject(object, "number", account->who.number) != NULL &&
	       cJSON_AddStringToObject(object, "branch", account->who.branch) != NULL &&
	       put_number(object, "start_cash_won", account->who.cash_won) &&
	       put_number(object, "commission_ppm", account->who.commission_ppm) &&
	       put_fields(object, ledger, FIELDS(ledger_fields)) &&
	       put_number(object, "deposit_d1_won", ledger_d1_won(ledger)) &&
	       put_number(object, "deposit_d2_won", ledger_d2_won(ex, account, ledger)) &&
	       put_number(object, "thdt_cost_won", ledger_cost_won(ex, account, ledger)) &&
	       put_number(object, "reserve_won", account->reserve_won) &&
	       put_rows(object, "holdings", ledger->holdings, ledger->count, sizeof(*ledger->holdings),
			FIELDS(holding_fields));
}

static cJSON *ledger_tree(const struct exchange *ex)
{
	cJSON *root = cJSON_CreateObject(), *array;
	bool ok = root != NULL && put_number(root, "version", STATE_VERSION) &&
		  put_number(root, "day", ex->ledger_day.yyyymmdd) &&
		  put_number(root, "now_us", ex->now.us) && put_number(root, "odno_next", ex->odno_next) &&
		  put_number(root, "resv_next", ex->resv_next);

	array = ok ? cJSON_AddArrayToObject(root, "accounts") : NULL;
	ok = array != NULL;
	for (size_t i = 0; ok && i < ex->account_count; i++) {
		cJSON *object = cJSON_CreateObject();

		ok = put_account(ex, &ex->accounts[i], object);
		if (!cJSON_AddItemToArray(array, object)) {
			cJSON_Delete(object);
			ok = false;
		}
	}
	ok = ok && put_orders(ex, root) &&
	     put_rows(root, "fills", ex->fills, ex->fill_count, sizeof(*ex->fills), FIELDS(fill_fields)) &&
	     put_rows(root, "reservations", ex->resvs, ex->resv_count, sizeof(*ex->resvs),
		      FIELDS(resv_fields));
	if (!ok) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}

char *exch_ledger_json(const struct exchange *ex)
{
	cJSON *root = ledger_tree(ex);
	char *text = root == NULL ? NULL : cJSON_PrintUnformatted(root), *mine;

	cJSON_Delete(root);
	if (text == NULL)
		return NULL;
	mine = strdup(text); /* freed with free(), whatever the JSON library was told to use */
	cJSON_free(text);
	return mine;
}

enum reason exch_state_save(const struct exchange *ex, const char *path)
{
	char *text = exch_ledger_json(ex), part[4096];
	FILE *file = NULL;
	enum reason why = REASON_OK;
	bool made_it = false;

	if (text == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the state");
	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part)) {
		why = reason_set(REASON_PATH_LONG, "the path of the state file is too long");
		goto out;
	}
	file = fopen(part, "we");
	if (file == NULL) {
		why = reason_set(REASON_FILE_IO, "state %s cannot be written: %s", part, strerror(errno));
		goto out;
	}
	made_it = true;
	if (fputs(text, file) == EOF || fputc('\n', file) == EOF || fflush(file) != 0 ||
	    fsync(fileno(file)) != 0)
		why = reason_set(REASON_FILE_IO, "state %s broke off: %s", part, strerror(errno));
out:
	if (file != NULL && fclose(file) != 0 && why == REASON_OK)
		why = reason_set(REASON_FILE_IO, "state %s cannot be closed: %s", part, strerror(errno));
	if (why == REASON_OK && rename(part, path) != 0)
		why = reason_set(REASON_FILE_IO, "state %s cannot be put in place: %s", path,
				 strerror(errno));
	if (why != REASON_OK && made_it)
		(void)unlink(part);
	free(text);
	return why;
}

/* ---- reading ---- */

static bool get_number(const cJSON *object, const char *name, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsNumber(item) || item->valuedouble > NUMBER_MAX || item->valuedouble < -NUMBER_MAX)
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool get_field(const cJSON *object, void *item, const struct field *field)
{
	char *at = (char *)item + field->offset;
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, field->name);
	int64_t number;
	int32_t small;
	size_t size;
	bool yes;

	switch (field->kind) {
	case FIELD_TEXT:
		return cJSON_IsString(value) &&
		       core_copy(at, field->size, value->valuestring, field->name) == REASON_OK;
	case FIELD_BOOL:
		yes = cJSON_IsTrue(value);
		memcpy(at, &yes, sizeof(yes));
		return cJSON_IsBool(value);
	case FIELD_WALL:
		if (cJSON_IsNumber(value) && value->valuedouble > NUMBER_MAX) { /* never */
			number = EXCH_NEVER.us;
			memcpy(at, &number, sizeof(number));
			return true;
		}
		__attribute__((fallthrough));
	case FIELD_NUMBER:
		if (!get_number(object, field->name, &number))
			return false;
		memcpy(at, &number, sizeof(number));
		return true;
	case FIELD_INT:
		if (!get_number(object, field->name, &number) || number < INT32_MIN || number > INT32_MAX)
			return false;
		small = (int32_t)number;
		memcpy(at, &small, sizeof(small));
		return true;
	case FIELD_SIZE:
		if (!get_number(object, field->name, &number) || number < 0)
			return false;
		size = (size_t)number;
		memcpy(at, &size, sizeof(size));
		return true;
	}
	return false;
}

static bool get_fields(const cJSON *object, void *item, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!get_field(object, item, &fields[i]))
			return false;
	return true;
}

/* Place of the saved account in this exchange; adds an unknown one. */
static bool get_account(struct exchange *ex, const cJSON *object, size_t *out_index)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, "number"), *row;
	const cJSON *branch = cJSON_GetObjectItemCaseSensitive(object, "branch");
	struct exch_account who = { 0 };
	struct account *account;
	size_t index;

	if (!cJSON_IsString(number) ||
	    core_copy(who.number, sizeof(who.number), number->valuestring, "account") != REASON_OK ||
	    !cJSON_IsString(branch) ||
	    core_copy(who.branch, sizeof(who.branch), branch->valuestring, "branch") != REASON_OK ||
	    !get_number(object, "start_cash_won", &who.cash_won) ||
	    !get_number(object, "commission_ppm", &who.commission_ppm))
		return false;
	for (index = 0; index < ex->account_count; index++)
		if (strcmp(ex->accounts[index].who.number, who.number) == 0)
			break;
	if (index == ex->account_count && exch_account_add(ex, &who, &index) != REASON_OK)
		return false;
	account = &ex->accounts[index];
	ledger_clear(&account->real);
	ledger_clear(&account->seen);
	if (!get_fields(object, &account->real, FIELDS(ledger_fields)))
		return false;
	account->seen = account->real;
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(object, "holdings"))
	{
		struct holding holding = { 0 };

		if (!get_fields(row, &holding, FIELDS(holding_fields)) || holding.code[0] == '\0' ||
		    holding.qty > CORE_QTY_MAX || holding.qty < -CORE_QTY_MAX)
			return false;
		holding.reserved_qty = 0; /* live orders reserve again when the day begins */
		*ledger_holding(&account->real, holding.code, true) = holding;
		*ledger_holding(&account->seen, holding.code, true) = holding;
	}
	*out_index = index;
	return true;
}

static bool order_sane(const struct exch_order *row)
{
	bool fits = row->qty == row->filled_qty + row->cancelled_qty + row->replaced_qty + row->rejected_qty +
					row->remaining_qty;

	return (row->side == EXCH_BUY || row->side == EXCH_SELL) &&
	       (unsigned)row->kind <= EXCH_ORDER_CANCEL && row->qty >= 0 && row->qty <= CORE_QTY_MAX &&
	       row->price_won >= 0 && row->price_won <= CORE_PRICE_MAX && row->trigger_won >= 0 &&
	       row->trigger_won <= CORE_PRICE_MAX && row->turn > 0 && row->odno[0] != '\0' &&
	       (fits || row->truth);
}

static bool state_read(struct exchange *ex, const cJSON *root)
{
	size_t place[EXCH_ACCOUNTS_MAX], count = 0, first_order = ex->order_count;
	const cJSON *row;
	int64_t version, day;

	if (!get_number(root, "version", &version) || version != STATE_VERSION ||
	    !get_number(root, "day", &day) || !get_number(root, "odno_next", &ex->odno_next) ||
	    !get_number(root, "resv_next", &ex->resv_next))
		return false;
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(root, "accounts"))
	{
		if (count == EXCH_ACCOUNTS_MAX || !get_account(ex, row, &place[count]))
			return false;
		count++;
	}
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(root, "orders"))
	{
		struct exch_order order = { 0 };

		if (!get_fields(row, &order, FIELDS(order_fields)) || order.account >= count ||
		    !order_sane(&order))
			return false;
		order.account = place[order.account];
		{
			struct order *mine = order_add(ex, &order);

			mine->key_won = order.price_won > 0      ? order.price_won
					: order.side == EXCH_BUY ? INT64_MAX
								 : 0;
			order_changed(ex, mine);
		}
	}
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(root, "fills"))
	{
		struct fill fill = { 0 };

		if (!get_fields(row, &fill, FIELDS(fill_fields)) ||
		    fill.order >= ex->order_count - first_order)
			return false;
		fill.order += first_order;
		ex->fills = core_grow(ex->fills, &ex->fill_cap, ex->fill_count, sizeof(*ex->fills));
		ex->fills[ex->fill_count++] = fill;
	}
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(root, "reservations"))
	{
		struct exch_resv resv = { 0 };

		if (!get_fields(row, &resv, FIELDS(resv_fields)) || resv.account >= count || resv.seq <= 0)
			return false;
		resv.account = place[resv.account];
		ex->resvs = core_grow(ex->resvs, &ex->resv_cap, ex->resv_count, sizeof(*ex->resvs));
		ex->resv_truth = core_grow(ex->resv_truth, &ex->resv_truth_cap, ex->resv_count,
					   sizeof(*ex->resv_truth));
		ex->resvs[ex->resv_count] = resv;
		ex->resv_truth[ex->resv_count++] = false;
	}
	ex->ledger_day = (struct kst_day){ (int32_t)day };
	return true;
}

enum reason exch_state_load(struct exchange *ex, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat stat;
	char *text = NULL;
	cJSON *root = NULL;
	enum reason why = REASON_OK;

	if (file == NULL)
		return reason_set(errno == ENOENT ? REASON_FILE_MISSING : REASON_FILE_RIGHTS,
				  "state %s cannot be opened: %s", path, strerror(errno));
	if (fstat(fileno(file), &stat) != 0 || stat.st_size <= 0 || stat.st_size > STATE_SIZE_MAX) {
		why = reason_set(REASON_FILE_SHAPE, "state %s is empty or too large", path);
		goto out;
	}
	text = calloc(1, (size_t)stat.st_size + 1);
	if (text == NULL) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the state");
		goto out;
	}
	if (fread(text, 1, (size_t)stat.st_size, file) != (size_t)stat.st_size) {
		why = reason_set(REASON_FILE_IO, "state %s cannot be read: %s", path, strerror(errno));
		goto out;
	}
	root = cJSON_Parse(text);
	if (root == NULL || !state_read(ex, root))
		why = reason_set(REASON_FILE_SHAPE,
				 "state %s is not one this simulator wrote; remove it to start anew", path);
out:
	cJSON_Delete(root);
	free(text);
	if (fclose(file) != 0 && why == REASON_OK)
		why = reason_set(REASON_FILE_IO, "state %s cannot be closed: %s", path, strerror(errno));
	return why;
}
