/* rest_market - price 2, past minutes, stops, ranks, searches. Source: the broker's pages on quotations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/quote.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define MINUTE_ROWS    30
#define PAST_ROWS      120
#define PAST_DAYS_MAX  366 /* the service keeps about a year */
#define VI_ROWS        30
#define RANK_ROWS      30
#define SEARCH_ROWS    100
#define MINUTES_OF_DAY 381 /* 09:00 .. 15:19 and 15:30 */
#define OPEN_S         32400
#define CLOSE_S        55800

/* ---- current price 2 ---- */

static void price2_day(struct json_out *j, const struct exch_quote *q)
{
	int64_t base_won = q->prev_close_won;

	json_text(j, "elw_pblc_yn", "N");
	rest_ratio(j, "prdy_clpr_vrss_oprc_rate", q->open_won == 0 ? 0 : q->open_won - base_won, base_won,
		   100, 2);
	json_text(j, "crdt_rate", "0.17");
	json_text(j, "marg_rate", "20.00");
	json_num(j, "lwpr_vrss_prpr", q->last_won - q->low_won);
	json_text(j, "lwpr_vrss_prpr_sign", rest_sign(q->last_won - q->low_won));
	rest_ratio(j, "prdy_clpr_vrss_lwpr_rate", q->low_won == 0 ? 0 : q->low_won - base_won, base_won, 100,
		   2);
	json_num(j, "stck_lwpr", q->low_won);
	json_num(j, "hgpr_vrss_prpr", q->last_won - q->high_won);
	json_text(j, "hgpr_vrss_prpr_sign", rest_sign(q->last_won - q->high_won));
	rest_ratio(j, "prdy_clpr_vrss_hgpr_rate", q->high_won == 0 ? 0 : q->high_won - base_won, base_won,
		   100, 2);
	json_num(j, "stck_hgpr", q->high_won);
	json_num(j, "oprc_vrss_prpr", q->last_won - q->open_won);
	json_text(j, "oprc_vrss_prpr_sign", rest_sign(q->last_won - q->open_won));
}

static void price2_marks(struct json_out *j, const struct exch_quote *q)
{
	json_text(j, "mang_issu_yn", "N");
	json_text(j, "divi_app_cls_code", "00");
	json_text(j, "short_over_yn", "N");
	json_text(j, "mrkt_warn_cls_code", "00");
	json_text(j, "invt_caful_yn", "N");
	json_text(j, "stange_runup_yn", "N");
	json_text(j, "ssts_hot_yn", "N");
	json_text(j, "low_current_yn", "N");
	json_text(j, "vi_cls_code", q->vi ? "Y" : "N");
	json_text(j, "short_over_cls_code", "0");
	json_num(j, "stck_llam", q->lower_won);
	json_text(j, "new_lstn_cls_name", "");
	json_text(j, "vlnt_deal_cls_name", "");
	json_text(j, "flng_cls_name", "");
	json_text(j, "revl_issu_reas_name", "");
	json_text(j, "mrkt_warn_cls_name", "");
	json_num(j, "stck_sdpr", q->prev_close_won);
	json_text(j, "bstp_cls_code", "0013");
	json_num(j, "stck_prdy_clpr", q->prev_close_won);
	json_text(j, "insn_pbnt_yn", "N");
	json_text(j, "fcam_mod_cls_name", "");
}

static void price2_fields(struct json_out *j, const struct exch_quote *q)
{
	int64_t base_won = q->prev_close_won;

	json_text(j, "rprs_mrkt_kor_name", q->kosdaq ? "KOSDAQ" : q->etf ? "ETF" : "KOSPI200");
	json_text(j, "mxpr_llam_cls_code",
		  q->last_won == 0              ? ""
		  : q->last_won == q->upper_won ? "상한"
		  : q->last_won == q->lower_won ? "하한"
						: "");
	json_text(j, "crdt_able_yn", "Y");
	json_num(j, "stck_mxpr", q->upper_won);
	price2_day(j, q);
	price2_marks(j, q);
	json_num(j, "stck_prpr", q->last_won);
	json_num(j, "prdy_vrss", q->last_won - base_won);
	json_text(j, "prdy_vrss_sign", quote_sign(q, q->last_won));
	rest_ratio(j, "prdy_ctrt", q->last_won - base_won, base_won, 100, 2);
	json_num(j, "acml_tr_pbmn", q->turnover_won);
	json_num(j, "acml_vol", q->volume);
	rest_ratio(j, "prdy_vrss_vol_rate", q->volume, q->prev_volume, 100, 2);
	json_text(j, "bstp_kor_isnm", "전기·전자");
	json_text(j, "sltr_yn", "N");
	json_text(j, "trht_yn", q->halted ? "Y" : "N");
	json_text(j, "oprc_rang_cont_yn", "N");
	json_text(j, "vlnt_fin_cls_code", "");
	json_num(j, "stck_oprc", q->open_won);
	json_num(j, "prdy_vol", q->prev_volume);
}

void answer_price2(struct call *call)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_text(call, "FID_INPUT_ISCD"));
	struct exch_quote none = { 0 };

	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE"))
		return;
	if (q == NULL && setting(&call->b->set, SET_unknown_price_refused) != 0) {
		rest_refuse(call, "1", "MCA05918", "종목코드 오류입니다.");
		return;
	}
	json_open(&call->j, "output", '{');
	price2_fields(&call->j, q == NULL ? &none : q);
	json_close(&call->j, '}');
	rest_quote_done(call);
}

/* ---- minutes ---- */

static void minute_row(struct call *call, const struct exch_bar *bar, int64_t turnover_won)
{
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "stck_bsop_date", rest_day_digits(bar->day, text));
	json_fmt(j, "stck_cntg_hour", "%02d%02d00", bar->minute_s / 3600, bar->minute_s / 60 % 60);
	json_num(j, "stck_prpr", bar->close_won);
	json_num(j, "stck_oprc", bar->open_won);
	json_num(j, "stck_hgpr", bar->high_won);
	json_num(j, "stck_lwpr", bar->low_won);
	json_num(j, "cntg_vol", bar->volume);
	json_num(j, "acml_tr_pbmn", turnover_won);
	json_close(j, '}');
}

/* Newest first, down from `until_s`; returns how many rows now stand. */
static size_t today_minutes(struct call *call, const struct exch_quote *q, int32_t until_s, size_t shown,
			    size_t rows_max)
{
	struct exch_bar *bars = NULL;
	size_t bar_count = 0;
	int64_t sum_won = 0;

	if (exch_minute_bars(call->b->ex, q->code, &bars, &bar_count) != REASON_OK)
		return shown;
	for (size_t i = 0; i < bar_count; i++)
		sum_won += bars[i].turnover_won;
	for (size_t i = bar_count; i > 0 && shown < rows_max; i--) {
		if (bars[i - 1].minute_s <= until_s) {
			minute_row(call, &bars[i - 1], sum_won);
			shown++;
		}
		sum_won -= bars[i - 1].turnover_won;
	}
	free(bars);
	return shown;
}

void answer_minutes(struct call *call)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_text(call, "FID_INPUT_ISCD"));
	struct exch_quote none = { 0 };
	int32_t until_s = 0;

	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE"))
		return;
	if (rest_param(call, "FID_ETC_CLS_CODE") == NULL) { /* empty is right, absent is not */
		rest_refuse_field(call, "FID_ETC_CLS_CODE");
		return;
	}
	if (!kst_time_parse(rest_text(call, "FID_INPUT_HOUR_1"), &until_s)) {
		rest_refuse_field(call, "FID_INPUT_HOUR_1");
		return;
	}
	json_open(&call->j, "output1", '{');
	rest_chart_head(call, q == NULL ? &none : q);
	json_close(&call->j, '}');
	json_open(&call->j, "output2", '[');
	if (q != NULL && !rest_rows_hidden(call))
		today_minutes(call, q, until_s, 0, MINUTE_ROWS);
	json_close(&call->j, ']');
	rest_quote_done(call);
}

/* A past day's minutes are made from its day bar: straight lines open, first extreme, second extreme, close. */
static int64_t past_price(const struct exch_bar *day, int minute)
{
	bool rose = day->close_won >= day->open_won;
	int64_t at[4] = { day->open_won, rose ? day->low_won : day->high_won,
			  rose ? day->high_won : day->low_won, day->close_won };
	int leg = minute * 3 / MINUTES_OF_DAY, first = leg * MINUTES_OF_DAY / 3;
	int64_t part = minute - first, whole = MINUTES_OF_DAY / 3;

	if (minute >= MINUTES_OF_DAY - 1)
		return day->close_won;
	return at[leg] + (at[leg + 1] - at[leg]) * part / whole;
}

static int32_t past_second(int minute)
{
	return minute == MINUTES_OF_DAY - 1 ? CLOSE_S : OPEN_S + minute * 60;
}

static size_t past_day(struct call *call, const struct exch_bar *day, int32_t until_s, size_t shown)
{
	for (int minute = MINUTES_OF_DAY - 1; minute >= 0 && shown < PAST_ROWS; minute--) {
		struct exch_bar bar = { .day = day->day, .minute_s = past_second(minute) };

		if (bar.minute_s > until_s)
			continue;
		bar.open_won = past_price(day, minute);
		bar.close_won = past_price(day, minute + 1);
		bar.high_won = bar.open_won > bar.close_won ? bar.open_won : bar.close_won;
		bar.low_won = bar.open_won < bar.close_won ? bar.open_won : bar.close_won;
		bar.volume = day->volume / MINUTES_OF_DAY;
		minute_row(call, &bar,
			   (int64_t)((__int128)day->turnover_won * (minute + 1) / MINUTES_OF_DAY));
		shown++;
	}
	return shown;
}

static void past_rows(struct call *call, const struct exch_quote *q, struct kst_day day, int32_t until_s)
{
	struct kst_day today = exch_today(call->b->ex)->day;
	struct exch_bar *bars = NULL;
	size_t bar_count = 0, shown = 0;

	if (exch_day_bars(call->b->ex, q->code, kst_day_add(today, -PAST_DAYS_MAX), day, &bars, &bar_count) !=
	    REASON_OK)
		return;
	for (size_t i = bar_count; i > 0 && shown < PAST_ROWS; i--) {
		const struct exch_bar *bar = &bars[i - 1];
		int32_t end_s = kst_day_same(bar->day, day) ? until_s : CLOSE_S;

		if (kst_day_same(bar->day, today))
			shown = today_minutes(call, q, end_s, shown, PAST_ROWS);
		else
			shown = past_day(call, bar, end_s, shown);
	}
	free(bars);
}

void answer_past_minutes(struct call *call)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_text(call, "FID_INPUT_ISCD"));
	struct exch_quote none = { 0 };
	struct kst_day day;
	int32_t until_s = 0;

	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE") || !rest_day(call, "FID_INPUT_DATE_1", &day))
		return;
	if (!kst_time_parse(rest_text(call, "FID_INPUT_HOUR_1"), &until_s)) {
		rest_refuse_field(call, "FID_INPUT_HOUR_1");
		return;
	}
	json_open(&call->j, "output1", '{');
	rest_chart_head(call, q == NULL ? &none : q);
	json_close(&call->j, '}');
	json_open(&call->j, "output2", '[');
	if (q != NULL && !rest_rows_hidden(call))
		past_rows(call, q, day, until_s);
	json_close(&call->j, ']');
	rest_quote_done(call);
}

/* ---- stops ---- */

static bool vi_wanted(const struct call *call, const struct exch_vi *vi, const struct exch_quote *q)
{
	const char *way = rest_text(call, "FID_DIV_CLS_CODE"), *market = rest_text(call, "FID_MRKT_CLS_CODE");
	const char *code = rest_text(call, "FID_INPUT_ISCD"),
		   *kind = rest_text(call, "FID_RANK_SORT_CLS_CODE");

	int64_t from_won = vi->base_won > 0 ? vi->base_won : vi->last_won;

	if ((strcmp(way, "1") == 0 && vi->won < from_won) || (strcmp(way, "2") == 0 && vi->won > from_won))
		return false;
	if ((strcmp(market, "K") == 0 && q->kosdaq) || (strcmp(market, "Q") == 0 && !q->kosdaq))
		return false;
	if (*code != '\0' && strcmp(code, vi->code) != 0)
		return false;
	return strlen(kind) != 1 || *kind == '0' || *kind - '0' == vi->kind;
}

static void vi_row(struct call *call, const char *key, const struct exch_vi *vi, const struct exch_quote *q)
{
	bool over = broker_now(call->b).us >= vi->until.us;
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, key, '{');
	json_text(j, "hts_kor_isnm", q->name);
	json_text(j, "mksc_shrn_iscd", vi->code);
	json_text(j, "vi_cls_code", over ? "N" : "Y");
	json_text(j, "bsop_date", rest_day_digits(kst_day_of(vi->from), text));
	json_text(j, "cntg_vi_hour", rest_time_digits(vi->from, text));
	json_text(j, "vi_cncl_hour", over ? rest_time_digits(vi->until, text) : "");
	json_num(j, "vi_kind_code", vi->kind);
	json_num(j, "vi_prc", vi->won);
	json_num(j, "vi_stnd_prc", vi->base_won);
	rest_ratio(j, "vi_dprt", vi->base_won > 0 ? vi->won - vi->base_won : 0, vi->base_won, 100, 2);
	json_num(j, "vi_dmc_stnd_prc", vi->last_won);
	rest_ratio(j, "vi_dmc_dprt", vi->last_won > 0 ? vi->won - vi->last_won : 0, vi->last_won, 100, 2);
	json_num(j, "vi_count", vi->number);
	json_close(j, '}');
}

void answer_vi(struct call *call)
{
	bool object = setting(&call->b->set, SET_vi_object) != 0;
	struct exch_vi *rows = NULL;
	size_t row_count = 0, shown = 0;
	struct kst_day day;

	if (strcmp(rest_text(call, "FID_COND_SCR_DIV_CODE"), "20139") != 0) {
		rest_refuse_field(call, "FID_COND_SCR_DIV_CODE");
		return;
	}
	if (!rest_day(call, "FID_INPUT_DATE_1", &day))
		return;
	if (exch_vi_list(call->b->ex, &rows, &row_count) != REASON_OK) {
		rest_list_failed(call);
		return;
	}
	if (!object)
		json_open(&call->j, "output", '[');
	for (size_t i = row_count; i > 0 && shown < (object ? 1 : VI_ROWS) && !rest_rows_hidden(call); i--) {
		const struct exch_vi *vi = &rows[i - 1];
		const struct exch_quote *q = exch_quote_of(call->b->ex, vi->code);

		if (q == NULL || !kst_day_same(kst_day_of(vi->from), day) || !vi_wanted(call, vi, q))
			continue;
		vi_row(call, object ? "output" : NULL, vi, q);
		shown++;
	}
	if (!object)
		json_close(&call->j, ']');
	rest_quote_done(call);
	free(rows);
}

/* ---- ranks and searches: symbols in an order ---- */

struct ranked {
	const struct exch_quote *q;
	int64_t key;
};

static int by_key(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	return strcmp(a->q->code, b->q->code);
}

/* What volume-rank sorts by: average volume, increase, turnover, traded value, turnover of value. */
static int64_t rank_key(const struct exch_quote *q, char by)
{
	switch (by) {
	case '1': return ratio_scaled(q->volume, q->prev_volume, 10000, 0);
	case '2': return ratio_scaled(q->volume, q->shares, 1000000, 0);
	case '3': return q->turnover_won;
	case '4':
		return q->shares == 0 || q->last_won == 0
			       ? 0
			       : (int64_t)((__int128)q->turnover_won * 1000000 / q->shares / q->last_won);
	default: return q->volume;
	}
}

static struct ranked *rank_all(const struct call *call, char by, size_t *out_count)
{
	size_t count = exch_symbol_count(call->b->ex);
	struct ranked *list = calloc(count + 1, sizeof *list);

	for (size_t i = 0; list != NULL && i < count; i++) {
		list[i].q = exch_quote_at(call->b->ex, i);
		list[i].key = rank_key(list[i].q, by);
	}
	if (list != NULL)
		qsort(list, count, sizeof *list, by_key);
	*out_count = count;
	return list;
}

static void rank_row(struct json_out *j, const struct exch_quote *q, size_t rank)
{
	int64_t change_won = q->last_won - q->prev_close_won, volume = (q->volume + q->prev_volume) / 2;
	int64_t worth_won = (int64_t)((__int128)q->shares * q->last_won / 100);

	json_open(j, NULL, '{');
	json_text(j, "hts_kor_isnm", q->name);
	json_text(j, "mksc_shrn_iscd", q->code);
	json_num(j, "data_rank", (int64_t)rank);
	json_num(j, "stck_prpr", q->last_won);
	json_text(j, "prdy_vrss_sign", quote_sign(q, q->last_won));
	json_num(j, "prdy_vrss", change_won);
	rest_ratio(j, "prdy_ctrt", change_won, q->prev_close_won, 100, 2);
	json_num(j, "acml_vol", q->volume);
	json_num(j, "prdy_vol", q->prev_volume);
	json_num(j, "lstn_stcn", q->shares);
	json_num(j, "avrg_vol", volume);
	rest_ratio(j, "n_befr_clpr_vrss_prpr_rate", change_won, q->prev_close_won, 100, 2);
	rest_ratio(j, "vol_inrt", q->volume, q->prev_volume, 100, 2);
	rest_ratio(j, "vol_tnrt", q->volume, q->shares, 100, 2);
	rest_ratio(j, "nday_vol_tnrt", volume, q->shares, 100, 2);
	json_num(j, "avrg_tr_pbmn", (q->turnover_won + q->prev_turnover_won) / 2);
	rest_ratio(j, "tr_pbmn_tnrt", q->turnover_won, worth_won, 1, 2);
	rest_ratio(j, "nday_tr_pbmn_tnrt", (q->turnover_won + q->prev_turnover_won) / 2, worth_won, 1, 2);
	json_num(j, "acml_tr_pbmn", q->turnover_won);
	json_close(j, '}');
}

/* A bound of the request: empty = none. */
static bool bound(struct call *call, const char *name, int64_t otherwise, int64_t *out)
{
	const char *text = rest_text(call, name);

	*out = otherwise;
	if (*text == '\0' || (num_parse(text, strlen(text), out) && *out >= 0)) {
		if (*text != '\0' && *out == 0)
			*out = otherwise;
		return true;
	}
	rest_refuse_field(call, name);
	return false;
}

void answer_volume_rank(struct call *call)
{
	const char *by = rest_text(call, "FID_BLNG_CLS_CODE");
	struct ranked *list = NULL;
	size_t count = 0, rank = 0;
	int64_t low_won, high_won, volume;

	if (strcmp(rest_text(call, "FID_COND_SCR_DIV_CODE"), "20171") != 0) {
		rest_refuse_field(call, "FID_COND_SCR_DIV_CODE");
		return;
	}
	if (strlen(by) != 1 || strchr("01234", *by) == NULL) {
		rest_refuse_field(call, "FID_BLNG_CLS_CODE");
		return;
	}
	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE") ||
	    !bound(call, "FID_INPUT_PRICE_1", 0, &low_won) ||
	    !bound(call, "FID_INPUT_PRICE_2", INT64_MAX, &high_won) ||
	    !bound(call, "FID_VOL_CNT", 0, &volume))
		return;
	list = rank_all(call, *by, &count);
	if (list == NULL) {
		rest_list_failed(call);
		return;
	}
	json_open(&call->j, setting(&call->b->set, SET_capital_output) != 0 ? "Output" : "output", '[');
	for (size_t i = 0; i < count && rank < RANK_ROWS && !rest_rows_hidden(call); i++) {
		const struct exch_quote *q = list[i].q;

		if (q->last_won >= low_won && q->last_won <= high_won && q->volume >= volume)
			rank_row(&call->j, q, ++rank);
	}
	json_close(&call->j, ']');
	rest_quote_done(call);
	free(list);
}

/* ---- condition searches ---- */

/* What the customer saved on the server: by number. The last one never finds anything. */
static const struct {
	const char *group, *name;
} searches[] = {
	{ "기본그룹", "거래량 상위" },
	{ "기본그룹", "상승 종목" },
	{ "기본그룹", "상한가 종목" },
};

void answer_searches(struct call *call)
{
	const char *user = rest_text(call, "user_id");
	struct json_out *j = &call->j;

	if (strcmp(user, call->who->htsid) != 0 ||
	    rest_rows_hidden(call)) { /* nothing saved: no empty list */
		rest_refuse(call, "1", "MCA05918", "조회가 계속 됩니다. (다음을 누르십시오.)");
		return;
	}
	json_open(j, "output2", '[');
	for (size_t i = 0; i < ARRAY_COUNT(searches); i++) {
		json_open(j, NULL, '{');
		json_text(j, "user_id", user);
		json_num(j, "seq", (int64_t)i);
		json_text(j, "grp_nm", searches[i].group);
		json_text(j, "condition_nm", searches[i].name);
		json_close(j, '}');
	}
	json_close(j, ']');
	rest_quote_done(call);
}

/* Numbers of the result: plain, or as the pages' widths suggest, 16 wide with zeros and three decimals. */
static void found_number(struct call *call, const char *key, int64_t scaled, int decimals)
{
	int64_t factor = 1;
	char text[SCALED_TEXT_SIZE];

	for (int i = 0; i < decimals; i++)
		factor *= 10;
	if (setting(&call->b->set, SET_psearch_padded) == 0) {
		if (decimals == 0)
			json_num(&call->j, key, scaled);
		else
			json_text(&call->j, key, scaled_text(scaled, decimals, text));
		return;
	}
	json_fmt(&call->j, key, "%s%0*lld.%0*lld", scaled < 0 ? "-" : "", scaled < 0 ? 11 : 12,
		 llabs((long long)(scaled / factor)), 3,
		 llabs((long long)(scaled % factor)) * (decimals == 2 ? 10 : 1));
}

static void found_row(struct call *call, const struct exch_quote *q)
{
	int64_t change_won = q->last_won - q->prev_close_won, base_won = q->prev_close_won;
	int64_t rate = ratio_scaled(change_won, base_won, 100, 2);
	struct json_out *j = &call->j;

	json_open(j, NULL, '{');
	json_text(j, "code", q->code);
	json_text(j, "name", q->name);
	json_text(j, "daebi", quote_sign(q, q->last_won));
	found_number(call, "price", q->last_won, 0);
	found_number(call, "chgrate", rate, 2);
	found_number(call, "acml_vol", q->volume, 0);
	found_number(call, "trade_amt", q->turnover_won, 0);
	found_number(call, "change", change_won, 0);
	found_number(call, "cttr", ratio_scaled(q->buy_volume, q->sell_volume, 100, 2), 2);
	found_number(call, "open", q->open_won, 0);
	found_number(call, "high", q->high_won, 0);
	found_number(call, "low", q->low_won, 0);
	found_number(call, "high52", q->high_won > base_won ? q->high_won : base_won, 0);
	found_number(call, "low52", q->low_won > 0 && q->low_won < base_won ? q->low_won : base_won, 0);
	found_number(call, "expprice", q->last_won, 0);
	found_number(call, "expchange", change_won, 0);
	found_number(call, "expchggrate", rate, 2);
	found_number(call, "expcvol", 0, 0);
	found_number(call, "chgrate2", ratio_scaled(q->volume, q->prev_volume, 100, 2), 2);
	json_text(j, "expdaebi", quote_sign(q, q->last_won));
	found_number(call, "recprice", base_won, 0);
	found_number(call, "uplmtprice", q->upper_won, 0);
	found_number(call, "dnlmtprice", q->lower_won, 0);
	found_number(call, "stotprice", (int64_t)((__int128)q->shares * q->last_won / 100000000), 0);
	json_close(j, '}');
}

static bool found(const struct exch_quote *q, int64_t search)
{
	return search == 0   ? q->volume > 0
	       : search == 1 ? q->last_won > q->prev_close_won
			     : q->last_won == q->upper_won;
}

void answer_search(struct call *call)
{
	const char *seq = rest_text(call, "seq");
	struct ranked *list = NULL;
	size_t count = 0, shown = 0;
	int64_t search = 0;

	if (strcmp(rest_text(call, "user_id"), call->who->htsid) != 0) {
		rest_refuse_field(call, "user_id");
		return;
	}
	if (!num_parse(seq, strlen(seq), &search) || search < 0 || search >= (int64_t)ARRAY_COUNT(searches)) {
		rest_refuse_field(call, "seq");
		return;
	}
	list = rank_all(call, '0', &count);
	if (list == NULL) {
		rest_list_failed(call);
		return;
	}
	json_open(&call->j, "output2", '[');
	for (size_t i = 0; i < count && shown < SEARCH_ROWS && !rest_rows_hidden(call); i++) {
		if (found(list[i].q, search)) {
			found_row(call, list[i].q);
			shown++;
		}
	}
	json_close(&call->j, ']');
	free(list);
	if (shown == 0) /* not an empty list, but this */
		rest_refuse(call, "1", "MCA05918", "종목코드 오류입니다.");
	else
		rest_quote_done(call);
}
