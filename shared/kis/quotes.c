#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/kis/call.h"
#include "shared/base/banned.h"

#define BAR_WINDOW_DAYS 140 /* calendar days of one question: under 100 trading days, so nothing is cut off */
#define BAR_CALLS_MAX   64
#define PRICES_A_CALL   30

static enum reason quote_shape(enum kis_call call, const char *what)
{
	return reason_set(REASON_BROKER_SHAPE, "%s: the reply has no usable %s", kis_contracts[call].name,
			  what);
}

/* Missing and zero both mean "not told yet" for figures of the running day. */
static int64_t number_or_zero(const cJSON *object, const char *name)
{
	int64_t number;

	return json_number(object, name, &number) && number > 0 ? number : 0;
}

static bool stands_still(const cJSON *output)
{
	char status[4];
	bool stopped = false;

	if (json_copy(output, "iscd_stat_cls_code", status, sizeof(status)) && strcmp(status, "58") == 0)
		return true;
	return json_flag(output, "temp_stop_yn", &stopped) && stopped;
}

enum reason kis_price(struct kis *kis, const char *symbol, struct wall until, struct kis_price *out)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct kis_price price = { 0 };
	struct query query = { 0 };
	const cJSON *output;
	int64_t change_won;
	char code[4];
	enum reason why;

	BUG_IF(!symbol_valid(symbol), "only valid symbols are asked for");
	memcpy(price.symbol, symbol, strlen(symbol) + 1);
	query_add(&query, "FID_COND_MRKT_DIV_CODE", "J");
	query_add(&query, "FID_INPUT_ISCD", symbol);
	why = kis_get(kis, CALL_PRICE, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	output = json_member(answer.root, "output");
	if (!json_number(output, "stck_prpr", &price.last_won) || price.last_won < 0) {
		why = quote_shape(CALL_PRICE, "stck_prpr");
		goto out;
	}
	price.known = price.last_won > 0; /* an unknown code is answered with success and a price of 0 */
	if (price.known) {
		if (!json_number(output, "stck_sdpr", &price.base_won) || price.base_won <= 0 ||
		    !json_number(output, "stck_mxpr", &price.high_limit_won) ||
		    !json_number(output, "stck_llam", &price.low_limit_won) ||
		    price.low_limit_won > price.base_won || price.high_limit_won < price.base_won) {
			why = quote_shape(CALL_PRICE, "base price and limits");
			goto out;
		}
		price.open_won = number_or_zero(output, "stck_oprc");
		price.volume_qty = number_or_zero(output, "acml_vol");
		price.previous_close_won = price.base_won;
		if (json_number(output, "prdy_vrss", &change_won) && change_won < price.last_won)
			price.previous_close_won = price.last_won - change_won;
		price.halted = stands_still(output);
		price.vi = json_copy(output, "vi_cls_code", code, sizeof(code)) && strcmp(code, "N") != 0 &&
			   strcmp(code, "0") != 0;
	}
	*out = price;
out:
	kis_answer_clear(&answer);
	return why;
}

static enum reason multi_row(const cJSON *row, struct kis_price *price)
{
	char measure[40];

	price->last_won = number_or_zero(row, "inter2_prpr");
	price->known = price->last_won > 0;
	if (!price->known)
		return REASON_OK;
	if (!json_number(row, "inter2_sdpr", &price->base_won) || price->base_won <= 0)
		return quote_shape(CALL_PRICES, "inter2_sdpr");
	price->high_limit_won = number_or_zero(row, "inter2_mxpr");
	price->low_limit_won = number_or_zero(row, "inter2_llam");
	price->open_won = number_or_zero(row, "inter2_oprc");
	price->volume_qty = number_or_zero(row, "acml_vol");
	price->previous_close_won = number_or_zero(row, "inter2_prdy_clpr");
	price->halted = json_copy(row, "mrkt_trtm_cls_name", measure, sizeof(measure)) &&
			strstr(measure, "정지") != NULL;
	return REASON_OK;
}

/* One question of up to 30; rows are matched by code, a code without a row is not known. */
static enum reason multi_ask(struct kis *kis, const char (*symbols)[SYMBOL_SIZE], int count,
			     struct wall until, struct kis_price *rows)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct query query = { 0 };
	const cJSON *output;
	enum reason why;

	for (int i = 0; i < count; i++) {
		char name[40];

		snprintf(name, sizeof(name), "FID_COND_MRKT_DIV_CODE_%d", i + 1);
		query_add(&query, name, "J");
		snprintf(name, sizeof(name), "FID_INPUT_ISCD_%d", i + 1);
		query_add(&query, name, symbols[i]);
	}
	why = kis_get(kis, CALL_PRICES, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	output = json_member(answer.root, "output");
	if (!cJSON_IsArray(output)) {
		why = quote_shape(CALL_PRICES, "output");
		goto out;
	}
	for (const cJSON *row = output->child; row != NULL; row = row->next) {
		char code[20];

		if (!json_copy(row, "inter_shrn_iscd", code, sizeof(code)))
			continue;
		for (int i = 0; i < count; i++) {
			if (strcmp(code, symbols[i]) != 0 || rows[i].known)
				continue;
			why = multi_row(row, &rows[i]);
			if (why != REASON_OK)
				goto out;
		}
	}
out:
	kis_answer_clear(&answer);
	return why;
}

enum reason kis_prices(struct kis *kis, const char (*symbols)[SYMBOL_SIZE], int symbol_count,
		       struct wall until, struct kis_price *rows)
{
	bool many = kis_contracts[CALL_PRICES].tr[kis->setup.env] != NULL;
	enum reason why = REASON_OK;

	for (int i = 0; i < symbol_count; i++) {
		BUG_IF(!symbol_valid(symbols[i]), "only valid symbols are asked for");
		rows[i] = (struct kis_price){ 0 };
		memcpy(rows[i].symbol, symbols[i], strlen(symbols[i]) + 1);
	}
	for (int i = 0; i < symbol_count && why == REASON_OK; i += many ? PRICES_A_CALL : 1) {
		int count = symbol_count - i < PRICES_A_CALL ? symbol_count - i : PRICES_A_CALL;

		why = many ? multi_ask(kis, symbols + i, count, until, rows + i)
			   : kis_price(kis, symbols[i], until, &rows[i]);
	}
	return why;
}

/* Filler rows at the end are part of the format: no date, no bar. */
static enum reason bar_row(const cJSON *row, struct day_bar *out, bool *out_any)
{
	struct day_bar bar = { 0 };

	*out_any = false;
	if (json_text(row, "stck_bsop_date") == NULL)
		return REASON_OK;
	if (!json_day(row, "stck_bsop_date", &bar.day) || !json_number(row, "stck_clpr", &bar.close_won) ||
	    !json_number(row, "stck_oprc", &bar.open_won) || !json_number(row, "stck_hgpr", &bar.high_won) ||
	    !json_number(row, "stck_lwpr", &bar.low_won) || !json_number(row, "acml_vol", &bar.volume_qty) ||
	    bar.close_won <= 0 || bar.open_won < 0 || bar.high_won < bar.low_won || bar.low_won < 0 ||
	    bar.volume_qty < 0)
		return quote_shape(CALL_DAY_BARS, "bar");
	*out = bar;
	*out_any = true;
	return REASON_OK;
}

/* Bars of [from, to] behind what is there already; they must be older than those and come newest first. */
static enum reason bars_ask(struct kis *kis, const char *symbol, struct kst_day from, struct kst_day to,
			    struct wall until, struct day_bar *rows, int room, int *count)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct query query = { 0 };
	const cJSON *bars;
	char text[KST_TEXT_SIZE];
	enum reason why;

	query_add(&query, "FID_COND_MRKT_DIV_CODE", "J");
	query_add(&query, "FID_INPUT_ISCD", symbol);
	query_add(&query, "FID_INPUT_DATE_1", kst_day_digits(from, text));
	query_add(&query, "FID_INPUT_DATE_2", kst_day_digits(to, text));
	query_add(&query, "FID_PERIOD_DIV_CODE", "D");
	query_add(&query, "FID_ORG_ADJ_PRC", "0");
	why = kis_get(kis, CALL_DAY_BARS, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	bars = json_member(answer.root, "output2");
	if (!cJSON_IsArray(bars)) {
		why = quote_shape(CALL_DAY_BARS, "output2");
		goto out;
	}
	for (const cJSON *row = bars->child; row != NULL && *count < room; row = row->next) {
		struct day_bar bar;
		bool any;

		why = bar_row(row, &bar, &any);
		if (why != REASON_OK)
			goto out;
		if (!any)
			continue;
		if (bar.day.yyyymmdd > to.yyyymmdd || bar.day.yyyymmdd < from.yyyymmdd ||
		    (*count > 0 && bar.day.yyyymmdd >= rows[*count - 1].day.yyyymmdd)) {
			why = quote_shape(CALL_DAY_BARS, "order of days");
			goto out;
		}
		rows[(*count)++] = bar;
	}
out:
	kis_answer_clear(&answer);
	return why;
}

enum reason kis_day_bars(struct kis *kis, const char *symbol, struct kst_day to, struct wall until,
			 struct day_bar *rows, int room, int *out_count)
{
	struct kst_day last = to;
	int count = 0;
	enum reason why = REASON_OK;

	BUG_IF(!symbol_valid(symbol), "only valid symbols are asked for");
	for (int call = 0; call < BAR_CALLS_MAX && count < room; call++) {
		struct kst_day first = kst_day_add(last, 1 - BAR_WINDOW_DAYS);
		int before = count;

		why = bars_ask(kis, symbol, first, last, until, rows, room, &count);
		if (why != REASON_OK)
			return why;
		if (count == before)
			break; /* older than the symbol */
		last = kst_day_add(first, -1);
	}
	*out_count = count;
	return why;
}

enum reason kis_index_move(struct kis *kis, struct wall until, int64_t *out_move_bp)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct query query = { 0 };
	const cJSON *output;
	int64_t move_bp;
	char sign[4];
	enum reason why;

	query_add(&query, "FID_COND_MRKT_DIV_CODE", "U");
	query_add(&query, "FID_INPUT_ISCD", "0001"); /* KOSPI; 1001 is KOSDAQ here, elsewhere KOSPI */
	why = kis_get(kis, CALL_INDEX, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	output = json_member(answer.root, "output");
	if (!json_scaled(output, "bstp_nmix_prdy_ctrt", 2, &move_bp)) {
		why = quote_shape(CALL_INDEX, "bstp_nmix_prdy_ctrt");
		goto out;
	}
	/* The figure is signed in captures; the sign code decides where it is not. */
	if (move_bp > 0 && json_copy(output, "prdy_vrss_sign", sign, sizeof(sign)) &&
	    (sign[0] == '4' || sign[0] == '5'))
		move_bp = -move_bp;
	*out_move_bp = move_bp;
out:
	kis_answer_clear(&answer);
	return why;
}

enum reason kis_holidays(struct kis *kis, struct kst_day from, struct wall until, struct kis_holiday *rows,
			 int room, int *out_count)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	struct query query = { 0 };
	const cJSON *output, *first;
	struct kst_day want = from;
	char text[KST_TEXT_SIZE];
	int count = 0;
	enum reason why;

	query_add(&query, "BASS_DT", kst_day_digits(from, text));
	query_add(&query, "CTX_AREA_NK", "");
	query_add(&query, "CTX_AREA_FK", "");
	why = kis_get(kis, CALL_HOLIDAY, &query, false, until, &answer);
	if (why != REASON_OK)
		goto out;
	output = json_member(answer.root, "output");
	/* Captured as a list; the documents say object, which then is the day asked for alone. */
	first = cJSON_IsArray(output) ? output->child : (cJSON_IsObject(output) ? output : NULL);
	if (first == NULL) {
		why = quote_shape(CALL_HOLIDAY, "output");
		goto out;
	}
	/* Consecutive days from the one asked for, or the list is not what it claims to be. */
	for (const cJSON *row = first; row != NULL && count < room; row = row == output ? NULL : row->next) {
		struct kis_holiday day;

		if (!json_day(row, "bass_dt", &day.day) || !kst_day_same(day.day, want) ||
		    !json_flag(row, "opnd_yn", &day.open)) {
			why = quote_shape(CALL_HOLIDAY, "row for the next day");
			goto out;
		}
		rows[count++] = day;
		want = kst_day_add(want, 1);
	}
	*out_count = count;
out:
	kis_answer_clear(&answer);
	return why;
}
