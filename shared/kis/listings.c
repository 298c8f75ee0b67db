#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/kis/call.h"
#include "shared/base/banned.h"

#define CURSOR_SIZE  256 /* 200 and a NUL at most */
#define RESTARTS_MAX 3 /* "the data changed while it was read" */
#define ROW_KEY_SIZE 64

/*
 * One listing, page after page. It is complete only when the broker's own header says that this was the last page
 * and nothing on the way contradicts that; every other end leaves what was read, marked PARTIAL.
 */
/* The place in a listing is two texts, whose names differ by their width. */
struct cursor_names {
	const char *fk, *nk; /* as asked, upper case */
	const char *fk_member, *nk_member; /* as told, lower case */
};
static const struct cursor_names cursor_100 = { "CTX_AREA_FK100", "CTX_AREA_NK100", "ctx_area_fk100",
						"ctx_area_nk100" };
static const struct cursor_names cursor_200 = { "CTX_AREA_FK200", "CTX_AREA_NK200", "ctx_area_fk200",
						"ctx_area_nk200" };

struct pager {
	struct kis *kis;
	enum kis_call call;
	const char *rows_name; /* "output", "output1" */
	const struct cursor_names *cursor;
	const char *key_name; /* member that tells rows apart; with key_day in front if given */
	const char *key_day;
	void (*ask)(const struct kis *kis, void *arg, struct query *query);
	enum reason (*take_row)(const struct kis *kis, void *arg, const cJSON *row);
	enum reason (*take_page)(const struct kis *kis, void *arg, const cJSON *root); /* may be NULL */
	void (*restart)(void *arg); /* forget all rows */
	void *arg;
	struct wall until;
	/* out */
	int pages, rows;
	char first_keys[PAGES_MAX][ROW_KEY_SIZE]; /* of each page */
};

static void row_key(const struct pager *pg, const cJSON *row, char out[static ROW_KEY_SIZE])
{
	char day[16] = "", key[40] = "";

	if (pg->key_day != NULL)
		json_copy(row, pg->key_day, day, sizeof(day));
	json_copy(row, pg->key_name, key, sizeof(key));
	snprintf(out, ROW_KEY_SIZE, "%s/%s", day, key);
}

static enum reason partial(const struct pager *pg, const char *what)
{
	return reason_set(REASON_BROKER_PARTIAL, "%s: page %d %s; nothing is concluded from this listing",
			  kis_contracts[pg->call].name, pg->pages, what);
}

/* Takes the rows of one page. A page that begins like an earlier one is that page again. */
static enum reason page_rows(struct pager *pg, const cJSON *root, int *out_count)
{
	const cJSON *rows = json_member(root, pg->rows_name), *row;
	int count = 0;

	if (!cJSON_IsArray(rows))
		return partial(pg, "lacks its rows");
	for (row = rows->child; row != NULL; row = row->next) {
		enum reason why;

		if (!cJSON_IsObject(row))
			return partial(pg, "holds something that is not a row");
		if (count == 0) {
			char key[ROW_KEY_SIZE];

			row_key(pg, row, key);
			for (int page = 0; page < pg->pages - 1; page++) {
				if (strcmp(pg->first_keys[page], key) == 0)
					return partial(pg, "repeats an earlier page");
			}
			memcpy(pg->first_keys[pg->pages - 1], key, sizeof(key));
		}
		why = pg->take_row(pg->kis, pg->arg, row);
		if (why != REASON_OK)
			return why;
		count++;
	}
	pg->rows += count;
	*out_count = count;
	return REASON_OK;
}

/* Does the page end the listing? The header decides; a header that is missing or contradicted decides nothing. */
static enum reason page_end(const struct pager *pg, const struct kis_answer *answer, int count,
			    bool *out_more)
{
	int page_rows_max = kis_contracts[pg->call].page_rows[pg->kis->setup.env];
	bool told_more = strcmp(answer->msg_cd, "KIOK0500") == 0;

	switch (answer->tr_cont) {
	case 'F':
	case 'M':
		*out_more = true;
		return count == 0 ? partial(pg, "says that more follows but is empty") : REASON_OK;
	case 'D':
	case 'E':
		*out_more = false;
		return told_more ? partial(pg, "is the last by its header but not by its code") : REASON_OK;
	case ' ':
		/* Empty is what calls without pages send; on a full page it proves nothing. */
		*out_more = false;
		if (told_more || (page_rows_max > 0 && count >= page_rows_max))
			return partial(pg, "is full and does not say whether more follows");
		return REASON_OK;
	case '\0': return partial(pg, "came without the header tr_cont");
	default: return partial(pg, "has a header tr_cont of no known kind");
	}
}

static bool cursor_copy(const cJSON *root, const char *name, char out[static CURSOR_SIZE])
{
	const cJSON *item = json_member(root, name);

	out[0] = '\0';
	if (item == NULL)
		return true;
	if (!cJSON_IsString(item) || strlen(item->valuestring) >= CURSOR_SIZE)
		return false;
	memcpy(out, item->valuestring, strlen(item->valuestring) + 1);
	return true;
}

static bool blank(const char *text)
{
	return text[strspn(text, " ")] == '\0';
}

static enum reason pages_read(struct pager *pg, bool *out_restart)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct query *query = NULL;
	char fk[CURSOR_SIZE] = "", nk[CURSOR_SIZE] = "";
	bool more = true;
	enum reason why = REASON_OK;

	*out_restart = false;
	query = malloc(sizeof(*query));
	if (query == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for a listing");
	while (more) {
		char fk_sent[CURSOR_SIZE], nk_sent[CURSOR_SIZE];
		int count = 0;

		if (pg->pages == PAGES_MAX) {
			why = partial(pg, "is the last we read and more follow");
			goto out;
		}
		*query = (struct query){ 0 };
		pg->ask(pg->kis, pg->arg, query);
		query_add(query, pg->cursor->fk, fk);
		query_add(query, pg->cursor->nk, nk);
		kis_answer_clear(&answer);
		why = kis_get(pg->kis, pg->call, query, pg->pages > 0, pg->until, &answer);
		if (why != REASON_OK) {
			*out_restart = pg->pages > 0 && strcmp(answer.msg_cd, "SYDB0050") == 0;
			goto out;
		}
		pg->pages++;
		why = page_rows(pg, answer.root, &count);
		if (why == REASON_OK && pg->take_page != NULL)
			why = pg->take_page(pg->kis, pg->arg, answer.root);
		if (why == REASON_OK)
			why = page_end(pg, &answer, count, &more);
		if (why != REASON_OK)
			goto out;
		memcpy(fk_sent, fk, sizeof(fk));
		memcpy(nk_sent, nk, sizeof(nk));
		if (!cursor_copy(answer.root, pg->cursor->fk_member, fk) ||
		    !cursor_copy(answer.root, pg->cursor->nk_member, nk)) {
			why = partial(pg, "has a cursor that cannot be sent back");
			goto out;
		}
		if (more && !blank(nk) && strcmp(fk, fk_sent) == 0 && strcmp(nk, nk_sent) == 0) {
			why = partial(pg, "repeats the cursor that asked for it");
			goto out;
		}
	}
out:
	kis_answer_clear(&answer);
	free(query);
	return why;
}

/* Reads the whole listing; *out_state says what it is worth, the reason why it is not worth more. */
static enum reason listing_read(struct pager *pg, enum listing_state *out_state)
{
	enum reason why;
	bool restart;
	int again = 0;

	do {
		pg->pages = 0;
		pg->rows = 0;
		pg->restart(pg->arg);
		why = pages_read(pg, &restart);
	} while (restart && ++again < RESTARTS_MAX);
	if (why == REASON_OK)
		*out_state = LISTING_COMPLETE;
	else
		*out_state = pg->pages > 0 ? LISTING_PARTIAL : LISTING_FAILED;
	return why;
}

static enum reason row_shape(enum kis_call call, const char *what)
{
	return reason_set(REASON_BROKER_SHAPE,
			  "%s: a row has no usable %s; nothing is concluded from this listing",
			  kis_contracts[call].name, what);
}

static enum reason row_room(enum kis_call call, int room)
{
	return reason_set(REASON_OVERFLOW, "%s: more than %d rows; nothing is concluded from this listing",
			  kis_contracts[call].name, room);
}

/* Codes come with up to twelve characters of which the last six count; our own form is six to nine. */
static bool symbol_copy(const cJSON *row, const char *name, char out[static SYMBOL_SIZE])
{
	char text[16];
	size_t len;

	if (!json_copy(row, name, text, sizeof(text)))
		return false;
	len = strlen(text);
	if (len == 7 && text[0] == 'A')
		memmove(text, text + 1, len);
	else if (len > 9)
		memmove(text, text + len - 6, 7);
	if (!symbol_valid(text))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool side_copy(const cJSON *row, const char *name, enum order_side *out)
{
	char code[3];

	if (!json_copy(row, name, code, sizeof(code)))
		return false;
	if (strcmp(code, "01") == 0)
		*out = SIDE_SELL;
	else if (strcmp(code, "02") == 0)
		*out = SIDE_BUY;
	else
		return false;
	return true;
}

/* Missing and all zeros are both "none"; false only for something that is no order number. */
static bool odno_copy(const cJSON *row, const char *name, bool required, char out[static ODNO_SIZE])
{
	char text[24];
	const char *given = json_text(row, name);

	out[0] = '\0';
	if (given == NULL)
		return !required;
	if (!json_copy(row, name, text, sizeof(text)))
		return false;
	if (text[strspn(text, "0")] == '\0')
		return !required;
	return odno_normal(text, strlen(text), out);
}

static bool qty_copy(const cJSON *row, const char *name, int64_t *out)
{
	return json_number(row, name, out) && *out >= 0;
}

/* ---- orders ---- */

struct orders_take {
	enum kis_call call;
	struct broker_order_list *list;
	struct kst_day today; /* open orders carry no date */
	int64_t totals_filled_qty; /* of the newest page, -1 = not told */
	bool totals_any;
};

static void orders_restart(void *arg)
{
	struct orders_take *take = arg;

	take->list->count = 0;
	take->totals_filled_qty = -1;
	take->totals_any = false;
}

static bool says(const char *text, const char *a, const char *b)
{
	return strstr(text, a) != NULL || strcasestr(text, b) != NULL;
}

/*
 * A change of an order is a row of its own that points to the original. Which change, only a text tells; where that is
 * silent, a row that still rests or has filled must be the changed order, and one with neither is a cancel.
 */
static void kind_of(const cJSON *row, const char *text_name, struct broker_order *order)
{
	char text[80];

	if (order->orig_odno[0] == '\0')
		return;
	if (!json_copy(row, text_name, text, sizeof(text)))
		text[0] = '\0';
	if (says(text, "취소", "cancel"))
		order->is_cancel = true;
	else if (says(text, "정정", "amend") || order->open_qty > 0 || order->filled_qty > 0)
		order->is_modify = true;
	else
		order->is_cancel = true;
}

static const char *order_fields(const struct orders_take *take, const cJSON *row, struct broker_order *order)
{
	char text[16];
	int32_t time_s;

	order->day = take->today;
	if (take->call == CALL_DAILY_ORDERS && !json_day(row, "ord_dt", &order->day))
		return "ord_dt";
	if (!odno_copy(row, "odno", true, order->odno))
		return "odno";
	if (!odno_copy(row, "orgn_odno", false, order->orig_odno))
		return "orgn_odno";
	json_copy(row, "ord_gno_brno", order->branch, sizeof(order->branch));
	if (!symbol_copy(row, "pdno", order->symbol))
		return "pdno";
	if (!side_copy(row, "sll_buy_dvsn_cd", &order->side))
		return "sll_buy_dvsn_cd";
	if (!qty_copy(row, "ord_qty", &order->qty))
		return "ord_qty";
	if (!qty_copy(row, "ord_unpr", &order->price_won))
		return "ord_unpr";
	if (!qty_copy(row, "tot_ccld_qty", &order->filled_qty))
		return "tot_ccld_qty";
	if (!qty_copy(row, "tot_ccld_amt", &order->filled_won))
		return "tot_ccld_amt";
	if (!json_copy(row, "ord_tmd", text, sizeof(text)) || strlen(text) != 6 ||
	    !kst_time_parse(text, &time_s))
		return "ord_tmd";
	order->at = kst_wall(order->day, time_s);
	if (!json_copy(row, "excg_id_dvsn_cd", order->excg, sizeof(order->excg)))
		memcpy(order->excg, "KRX", 4); /* absent on paper, which has no other */
	if (!json_copy(row, "ord_dvsn_cd", text, sizeof(text)))
		text[0] = '\0';
	if (strcmp(text, "00") == 0)
		order->type = TYPE_LIMIT;
	else if (strcmp(text, "01") == 0)
		order->type = TYPE_MARKET;
	else
		order->type = order->price_won > 0 ? TYPE_LIMIT : TYPE_MARKET;
	return NULL;
}

static const char *daily_fields(const cJSON *row, struct broker_order *order)
{
	char text[64];

	if (!qty_copy(row, "rmn_qty", &order->open_qty))
		return "rmn_qty";
	if (!qty_copy(row, "rjct_qty", &order->rejected_qty))
		return "rjct_qty";
	/* Two spellings; absent from some captures. What is neither filled, open nor rejected was cancelled. */
	if (!qty_copy(row, "cncl_cfrm_qty", &order->cancelled_qty) &&
	    !qty_copy(row, "cnc_cfrm_qty", &order->cancelled_qty)) {
		if (json_text(row, "cncl_cfrm_qty") != NULL || json_text(row, "cnc_cfrm_qty") != NULL)
			return "cncl_cfrm_qty";
		order->cancelled_qty = 0;
	}
	if (json_copy(row, "ordr_empno", text, sizeof(text)))
		order->by_api = strcasestr(text, "opnapi") != NULL;
	kind_of(row, "sll_buy_dvsn_cd_name", order);
	return NULL;
}

static enum reason order_row(const struct kis *kis, void *arg, const cJSON *row)
{
	struct orders_take *take = arg;
	struct broker_order order = { 0 };
	const char *missing;

	(void)kis;
	missing = order_fields(take, row, &order);
	if (missing == NULL && take->call == CALL_DAILY_ORDERS)
		missing = daily_fields(row, &order);
	if (missing == NULL && take->call == CALL_OPEN_ORDERS) {
		if (!qty_copy(row, "psbl_qty", &order.open_qty))
			missing = "psbl_qty";
		order.is_modify = order.orig_odno[0] != '\0';
	}
	if (missing != NULL)
		return row_shape(take->call, missing);
	if (take->list->count == take->list->room)
		return row_room(take->call, take->list->room);
	take->list->rows[take->list->count++] = order;
	return REASON_OK;
}

static enum reason daily_page(const struct kis *kis, void *arg, const cJSON *root)
{
	struct orders_take *take = arg;
	const cJSON *totals = json_member(root, "output2");
	int64_t number;

	(void)kis;
	if (cJSON_IsArray(totals))
		totals = totals->child;
	take->totals_filled_qty = -1;
	if (totals == NULL)
		return REASON_OK;
	if (json_number(totals, "tot_ccld_qty", &number)) {
		take->totals_filled_qty = number;
		take->totals_any = take->totals_any || number != 0;
	}
	if ((json_number(totals, "tot_ord_qty", &number) && number != 0) ||
	    (json_number(totals, "tot_ccld_amt", &number) && number != 0))
		take->totals_any = true;
	return REASON_OK;
}

static void daily_ask(const struct kis *kis, void *arg, struct query *query)
{
	const struct orders_take *take = arg;
	char text[KST_TEXT_SIZE];

	query_account(query, kis);
	query_add(query, "INQR_STRT_DT", kst_day_digits(take->list->from, text));
	query_add(query, "INQR_END_DT", kst_day_digits(take->list->to, text));
	query_add(query, "SLL_BUY_DVSN_CD", "00");
	query_add(query, "PDNO", "");
	query_add(query, "ORD_GNO_BRNO", "");
	query_add(query, "ODNO", "");
	query_add(query, "CCLD_DVSN", "00");
	/* Oldest first: an order that comes in while we read is appended and shifts no page. */
	query_add(query, "INQR_DVSN", "01");
	query_add(query, "INQR_DVSN_1", "");
	query_add(query, "INQR_DVSN_3", "00");
	query_add(query, "EXCG_ID_DVSN_CD", kis->setup.env == KIS_REAL ? "ALL" : "KRX");
}

/* Shares filled by distinct orders: rows told twice count once. */
static int64_t filled_sum(const struct broker_order_list *list)
{
	int64_t sum_qty = 0;

	for (int i = 0; i < list->count; i++) {
		bool told_before = false;

		for (int j = 0; j < i && !told_before; j++)
			told_before = kst_day_same(list->rows[i].day, list->rows[j].day) &&
				      strcmp(list->rows[i].odno, list->rows[j].odno) == 0;
		if (!told_before && !won_add(sum_qty, list->rows[i].filled_qty, &sum_qty))
			return INT64_MAX;
	}
	return sum_qty;
}

static enum reason daily_totals(const struct orders_take *take, int pages)
{
	const struct broker_order_list *list = take->list;

	if (list->count == 0 && take->totals_any)
		return reason_set(REASON_EMPTY_CONTRADICTS,
				  "daily-ccld: no rows, but totals that are not zero; "
				  "nothing is concluded from this listing");
	/* Over several pages the total may be newer than the first page's rows. */
	if (pages == 1 && take->totals_filled_qty > filled_sum(list))
		return reason_set(REASON_EMPTY_CONTRADICTS,
				  "daily-ccld: the rows hold fewer filled shares than the "
				  "total of %lld; nothing is concluded from this listing",
				  (long long)take->totals_filled_qty);
	return REASON_OK;
}

enum reason kis_daily_orders(struct kis *kis, struct kst_day from, struct kst_day to, struct wall until,
			     struct broker_order_list *out)
{
	struct orders_take take = { .call = CALL_DAILY_ORDERS, .list = out };
	struct pager pg = {
		.kis = kis,
		.call = CALL_DAILY_ORDERS,
		.rows_name = "output1",
		.cursor = &cursor_100,
		.key_name = "odno",
		.key_day = "ord_dt",
		.ask = daily_ask,
		.take_row = order_row,
		.take_page = daily_page,
		.restart = orders_restart,
		.arg = &take,
		.until = until,
	};
	enum reason why;

	out->state = LISTING_FAILED;
	out->from = from;
	out->to = to;
	out->asked = clock_wall(kis->setup.clock);
	why = listing_read(&pg, &out->state);
	out->answered = clock_wall(kis->setup.clock);
	if (why == REASON_OK)
		why = daily_totals(&take, pg.pages);
	if (why != REASON_OK && out->state == LISTING_COMPLETE)
		out->state = LISTING_PARTIAL;
	return why;
}

static void open_ask(const struct kis *kis, void *arg, struct query *query)
{
	(void)arg;
	query_account(query, kis);
	query_add(query, "INQR_DVSN_1", "0");
	query_add(query, "INQR_DVSN_2", "0");
}

enum reason kis_open_orders(struct kis *kis, struct wall until, struct broker_order_list *out)
{
	struct kst_day today = kst_day_of(clock_wall(kis->setup.clock));
	struct orders_take take = { .call = CALL_OPEN_ORDERS, .list = out, .today = today };
	struct pager pg = {
		.kis = kis,
		.call = CALL_OPEN_ORDERS,
		.rows_name = "output",
		.cursor = &cursor_100,
		.key_name = "odno",
		.ask = open_ask,
		.take_row = order_row,
		.restart = orders_restart,
		.arg = &take,
		.until = until,
	};
	enum reason why;

	if (kis_contracts[CALL_OPEN_ORDERS].tr[kis->setup.env] == NULL) {
		int kept = 0;

		/* Not offered on paper. "Unsupported" is never "none": the daily list is read and sifted. */
		why = kis_daily_orders(kis, today, today, until, out);
		for (int i = 0; i < out->count; i++) {
			if (out->rows[i].open_qty > 0)
				out->rows[kept++] = out->rows[i];
		}
		out->count = kept;
		return why;
	}
	out->state = LISTING_FAILED;
	out->from = today;
	out->to = today;
	out->asked = clock_wall(kis->setup.clock);
	why = listing_read(&pg, &out->state);
	out->answered = clock_wall(kis->setup.clock);
	return why;
}

/* ---- balance ---- */

struct balance_take {
	struct broker_balance *balance;
	bool summary_seen;
	bool totals_any;
};

static void balance_restart(void *arg)
{
	struct balance_take *take = arg;

	take->balance->count = 0;
	take->summary_seen = false;
	take->totals_any = false;
}

static void balance_ask(const struct kis *kis, void *arg, struct query *query)
{
	(void)arg;
	query_account(query, kis);
	query_add(query, "AFHR_FLPR_YN", "N");
	query_add(query, "OFL_YN", "");
	query_add(query, "INQR_DVSN", "02");
	query_add(query, "UNPR_DVSN", "01");
	query_add(query, "FUND_STTL_ICLD_YN", "N");
	query_add(query, "FNCG_AMT_AUTO_RDPT_YN", "N");
	query_add(query, "PRCS_DVSN",
		  "00"); /* with yesterday's trades: without them shares would be missing */
}

static enum reason balance_row(const struct kis *kis, void *arg, const cJSON *row)
{
	struct balance_take *take = arg;
	struct broker_holding held = { .cost_won = -1 };
	const char *missing = NULL, *name;

	(void)kis;
	if (!symbol_copy(row, "pdno", held.symbol))
		missing = "pdno";
	else if (!qty_copy(row, "hldg_qty", &held.qty))
		missing = "hldg_qty";
	else if (!qty_copy(row, "ord_psbl_qty", &held.sellable_qty))
		missing = "ord_psbl_qty";
	else if (!qty_copy(row, "thdt_buyqty", &held.bought_today_qty))
		missing = "thdt_buyqty";
	else if (!qty_copy(row, "thdt_sll_qty", &held.sold_today_qty))
		missing = "thdt_sll_qty";
	else if (!qty_copy(row, "prpr", &held.price_won))
		missing = "prpr";
	else if (!qty_copy(row, "evlu_amt", &held.value_won))
		missing = "evlu_amt";
	if (missing != NULL)
		return row_shape(CALL_BALANCE, missing);
	if (!qty_copy(row, "pchs_amt", &held.cost_won))
		held.cost_won = -1;
	name = json_text(row, "prdt_name");
	if (name != NULL)
		text_excerpt(name, strlen(name), held.name, sizeof(held.name));
	if (take->balance->count == take->balance->room)
		return row_room(CALL_BALANCE, take->balance->room);
	take->balance->rows[take->balance->count++] = held;
	return REASON_OK;
}

/* The summary comes with every page; the newest counts. */
static enum reason balance_page(const struct kis *kis, void *arg, const cJSON *root)
{
	static const char *const totals[] = { "scts_evlu_amt", "pchs_amt_smtl_amt", "evlu_amt_smtl_amt" };
	struct balance_take *take = arg;
	struct broker_balance *balance = take->balance;
	const cJSON *summary = json_member(root, "output2");
	int64_t number;

	(void)kis;
	if (cJSON_IsArray(summary))
		summary = summary->child;
	if (summary == NULL)
		return REASON_OK;
	const struct {
		const char *name;
		int64_t *out;
	} fields[] = {
		{ "dnca_tot_amt", &balance->cash_d0_won },
		{ "nxdy_excc_amt", &balance->cash_d1_won },
		{ "prvs_rcdl_excc_amt", &balance->cash_d2_won },
		{ "thdt_buy_amt", &balance->bought_today_won },
		{ "thdt_sll_amt", &balance->sold_today_won },
		{ "thdt_tlex_amt", &balance->costs_today_won },
		{ "scts_evlu_amt", &balance->stock_value_won },
		{ "tot_evlu_amt", &balance->total_value_won },
	};
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		if (!json_number(summary, fields[i].name, fields[i].out))
			return row_shape(CALL_BALANCE, fields[i].name);
	}
	take->totals_any = false;
	for (size_t i = 0; i < ARRAY_COUNT(totals); i++) {
		if (json_number(summary, totals[i], &number) && number != 0)
			take->totals_any = true;
	}
	take->summary_seen = true;
	return REASON_OK;
}

enum reason kis_balance(struct kis *kis, struct wall until, struct broker_balance *out)
{
	struct balance_take take = { .balance = out };
	struct pager pg = {
		.kis = kis,
		.call = CALL_BALANCE,
		.rows_name = "output1",
		.cursor = &cursor_100,
		.key_name = "pdno",
		.ask = balance_ask,
		.take_row = balance_row,
		.take_page = balance_page,
		.restart = balance_restart,
		.arg = &take,
		.until = until,
	};
	int64_t held_qty = 0;
	enum reason why;

	out->state = LISTING_FAILED;
	out->asked = clock_wall(kis->setup.clock);
	why = listing_read(&pg, &out->state);
	out->answered = clock_wall(kis->setup.clock);
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < out->count; i++)
		held_qty += out->rows[i].qty > 0;
	if (!take.summary_seen)
		why = reason_set(REASON_BROKER_SHAPE,
				 "balance: the account summary is missing; nothing is concluded");
	else if (held_qty == 0 && take.totals_any)
		why = reason_set(REASON_EMPTY_CONTRADICTS,
				 "balance: no holdings, but totals that are not zero; "
				 "nothing is concluded from this listing");
	if (why != REASON_OK)
		out->state = LISTING_PARTIAL;
	return why;
}

/* ---- reservations ---- */

struct reservations_take {
	struct broker_reservation_list *list;
	struct kst_day from, to;
};

static void reservations_restart(void *arg)
{
	struct reservations_take *take = arg;

	take->list->count = 0;
}

static void reservations_ask(const struct kis *kis, void *arg, struct query *query)
{
	const struct reservations_take *take = arg;
	char text[KST_TEXT_SIZE];

	query_add(query, "RSVN_ORD_ORD_DT", kst_day_digits(take->from, text));
	query_add(query, "RSVN_ORD_END_DT", kst_day_digits(take->to, text));
	query_add(query, "RSVN_ORD_SEQ", "");
	query_add(query, "TMNL_MDIA_KIND_CD", "00");
	query_account(query, kis);
	query_add(query, "PRCS_DVSN_CD", "0");
	query_add(query, "CNCL_YN", "Y");
	query_add(query, "PDNO", "");
	query_add(query, "SLL_BUY_DVSN_CD", "");
}

static enum reason reservation_row(const struct kis *kis, void *arg, const cJSON *row)
{
	struct reservations_take *take = arg;
	struct broker_reservation rsv = { 0 };
	const char *missing = NULL;

	(void)kis;
	if (!json_copy(row, "rsvn_ord_seq", rsv.seq, sizeof(rsv.seq)))
		missing = "rsvn_ord_seq";
	else if (!symbol_copy(row, "pdno", rsv.symbol))
		missing = "pdno";
	else if (!side_copy(row, "sll_buy_dvsn_cd", &rsv.side))
		missing = "sll_buy_dvsn_cd";
	else if (!qty_copy(row, "ord_rsvn_qty", &rsv.qty))
		missing = "ord_rsvn_qty";
	else if (!qty_copy(row, "ord_rsvn_unpr", &rsv.price_won))
		missing = "ord_rsvn_unpr";
	else if (!json_day(row, "rsvn_ord_ord_dt", &rsv.order_day))
		missing = "rsvn_ord_ord_dt";
	else if (json_text(row, "rsvn_end_dt") != NULL && !json_day(row, "rsvn_end_dt", &rsv.end_day))
		missing = "rsvn_end_dt";
	else if (!odno_copy(row, "odno", false, rsv.odno))
		missing = "odno";
	if (missing != NULL)
		return row_shape(CALL_RESERVATIONS, missing);
	rsv.converted = rsv.odno[0] != '\0';
	rsv.cancelled = json_text(row, "cncl_ord_dt") != NULL;
	if (take->list->count == take->list->room)
		return row_room(CALL_RESERVATIONS, take->list->room);
	take->list->rows[take->list->count++] = rsv;
	return REASON_OK;
}

enum reason kis_reservations(struct kis *kis, struct kst_day from, struct kst_day to, struct wall until,
			     struct broker_reservation_list *out)
{
	struct reservations_take take = { .list = out, .from = from, .to = to };
	struct pager pg = {
		.kis = kis,
		.call = CALL_RESERVATIONS,
		.rows_name = "output",
		.cursor = &cursor_200,
		.key_name = "rsvn_ord_seq",
		.key_day = "rsvn_ord_ord_dt",
		.ask = reservations_ask,
		.take_row = reservation_row,
		.restart = reservations_restart,
		.arg = &take,
		.until = until,
	};

	out->count = 0;
	out->state = LISTING_FAILED;
	out->offered = kis_contracts[CALL_RESERVATIONS].tr[kis->setup.env] != NULL;
	if (!out->offered) {
		out->state = LISTING_COMPLETE; /* an environment without reservations has none */
		return REASON_OK;
	}
	return listing_read(&pg, &out->state);
}

/* ---- buying power ---- */

enum reason kis_buyable(struct kis *kis, const char *symbol, int64_t price_won, struct wall until,
			struct kis_buyable *out)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct kis_buyable buyable = { 0 };
	struct query query = { 0 };
	const cJSON *output;
	char price[24] = "";
	enum reason why;

	if (price_won > 0)
		snprintf(price, sizeof(price), "%lld", (long long)price_won);
	query_account(&query, kis);
	query_add(&query, "PDNO", symbol != NULL ? symbol : "");
	query_add(&query, "ORD_UNPR", price);
	query_add(&query, "ORD_DVSN", price_won > 0 ? "00" : "01");
	query_add(&query, "CMA_EVLU_AMT_ICLD_YN", "N");
	query_add(&query, "OVRS_ICLD_YN", "N");
	why = kis_get(kis, CALL_BUYABLE, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	/* Only the columns without credit are read: the others would have us buy with borrowed money. */
	output = json_member(answer.root, "output");
	if (!json_number(output, "ord_psbl_cash", &buyable.cash_won) ||
	    !json_number(output, "nrcvb_buy_amt", &buyable.buy_won) ||
	    !json_number(output, "nrcvb_buy_qty", &buyable.buy_qty)) {
		why = reason_set(REASON_BROKER_SHAPE, "buyable: the reply lacks the amounts without credit");
		goto out;
	}
	if (!json_number(output, "psbl_qty_calc_unpr", &buyable.calc_price_won))
		buyable.calc_price_won = 0;
	*out = buyable;
out:
	kis_answer_clear(&answer);
	return why;
}
