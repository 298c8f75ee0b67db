/* rest_quote - holidays, prices, charts, book, index. Source: the broker's pages on quotations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/quote.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define HOLIDAY_ROWS  24
#define CHART_ROWS    100
#define MULTI_SYMBOLS 30
#define PAR_WON       INT64_C(5000)

void rest_quote_done(struct call *call)
{
	rest_done(call, "MCA00000", "정상처리 되었습니다.", false);
}

static const char *digits_of(struct kst_day day, char out[static KST_TEXT_SIZE])
{
	return kst_day_digits(day, out);
}

void rest_ratio(struct json_out *j, const char *key, int64_t part, int64_t whole, int64_t factor,
		int decimals)
{
	char text[SCALED_TEXT_SIZE];

	json_text(j, key, scaled_text(ratio_scaled(part, whole, factor, decimals), decimals, text));
}

/* ---- holidays ---- */

bool rest_day_open(const struct broker *b, struct kst_day day)
{
	struct calendar_day known;

	for (size_t i = b->calendar_edit_count; i > 0; i--) {
		if (kst_day_same(b->calendar_edits[i - 1].day, day))
			return b->calendar_edits[i - 1].open;
	}
	if (calendar_at(&b->calendar, day, &known) == REASON_OK)
		return known.trading;
	return kst_weekday(day) != 0 && kst_weekday(day) != 6; /* years our tables do not know */
}

static const char *cursor_day(const struct call *call, char out[static 9])
{
	snprintf(out, 9, "%.8s", rest_text(call, "CTX_AREA_NK"));
	return out;
}

void answer_holiday(struct call *call)
{
	struct json_out *j = &call->j;
	struct kst_day from;
	const char *cont = http_field(call->rq, "tr_cont");
	struct kst_day last;
	char text[KST_TEXT_SIZE], cursor[9];
	bool hidden = rest_rows_hidden(call), object = setting(&call->b->set, SET_holiday_object) != 0;

	if (!rest_day(call, "BASS_DT", &from))
		return;
	/* With the cursor of the page before it goes on after that page's last day. */
	if (cont != NULL && strcmp(cont, "N") == 0 && kst_day_parse(cursor_day(call, cursor), &last) &&
	    last.yyyymmdd >= from.yyyymmdd) {
		from = kst_day_add(last, 1);
		call->page = 2;
	}
	json_padded(j, "ctx_area_nk", digits_of(kst_day_add(from, HOLIDAY_ROWS - 1), text), 20);
	json_padded(j, "ctx_area_fk", digits_of(from, text), 20);
	if (!object)
		json_open(j, "output", '[');
	for (int32_t i = 0; i < (object ? 1 : HOLIDAY_ROWS) && (!hidden || object); i++) {
		struct kst_day day = kst_day_add(from, i);
		int weekday = kst_weekday(day);
		bool open = rest_day_open(call->b, day);
		/* The exchange's own last day of the year is the one closed weekday on which banks work. */
		bool year_end = !open && weekday >= 1 && weekday <= 5 && day.yyyymmdd % 10000 >= 1229;

		json_open(j, object ? "output" : NULL, '{');
		json_text(j, "bass_dt", digits_of(day, text));
		json_fmt(j, "wday_dvsn_cd", "%02d", weekday + 1);
		json_text(j, "bzdy_yn", open || year_end ? "Y" : "N");
		json_text(j, "tr_day_yn",
			  open || year_end || weekday == 6 ? "Y" : "N"); /* Saturdays too, as seen */
		json_text(j, "opnd_yn", open ? "Y" : "N");
		json_text(j, "sttl_day_yn", open ? "Y" : "N");
		json_close(j, '}');
	}
	if (!object)
		json_close(j, ']');
	snprintf(call->tr_cont, sizeof call->tr_cont, "%s", call->page > 1 ? "M" : "F");
	rest_done(call, "KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오.", true);
}

/* ---- current price ---- */

bool rest_division_ok(struct call *call, const char *field)
{
	const char *division = rest_text(call, field);

	if (strcmp(division, "J") == 0 || strcmp(division, "NX") == 0 || strcmp(division, "UN") == 0)
		return true;
	rest_refuse_field(call, field);
	return false;
}

/* High and low of the day bars from `from` on, with their days. */
struct range {
	int64_t high_won, low_won;
	struct kst_day high_day, low_day;
};

static void range_of(struct call *call, const struct exch_quote *q, struct kst_day from, struct range *out)
{
	struct kst_day today = kst_day_of(broker_now(call->b));
	struct exch_bar *bars = NULL;
	size_t bar_count = 0;

	*out = (struct range){ q->last_won, q->last_won, today, today };
	if (exch_day_bars(call->b->ex, q->code, from, today, &bars, &bar_count) != REASON_OK)
		return;
	for (size_t i = 0; i < bar_count; i++) {
		if (bars[i].volume == 0)
			continue;
		if (bars[i].high_won > out->high_won) {
			out->high_won = bars[i].high_won;
			out->high_day = bars[i].day;
		}
		if (bars[i].low_won < out->low_won) {
			out->low_won = bars[i].low_won;
			out->low_day = bars[i].day;
		}
	}
	free(bars);
}

static void range_fields(struct json_out *j, const struct exch_quote *q, const struct range *r,
			 const char *const key[6], bool date_before_rate)
{
	char text[KST_TEXT_SIZE];

	for (int low = 0; low < 2; low++) {
		int64_t won = low != 0 ? r->low_won : r->high_won;
		struct kst_day day = low != 0 ? r->low_day : r->high_day;

		json_num(j, key[3 * low], won);
		if (date_before_rate)
			json_text(j, key[3 * low + 1], digits_of(day, text));
		rest_ratio(j, key[3 * low + 2], q->last_won - won, won, 100, 2);
		if (!date_before_rate)
			json_text(j, key[3 * low + 1], digits_of(day, text));
	}
}

static void price_now(struct call *call, const struct exch_quote *q, const struct range *year)
{
	int64_t base_won = q->prev_close_won;
	struct json_out *j = &call->j;

	json_text(j, "iscd_stat_cls_code", q->halted ? "58" : "55");
	json_text(j, "marg_rate", "20.00");
	json_text(j, "rprs_mrkt_kor_name", q->kosdaq ? "KOSDAQ" : q->etf ? "ETF" : "KOSPI200");
	if (q->last_won == year->high_won || q->last_won == year->low_won)
		json_text(j, "new_hgpr_lwpr_cls_code", q->last_won == year->high_won ? "신고가" : "신저가");
	json_text(j, "bstp_kor_isnm", "전기·전자");
	json_text(j, "temp_stop_yn", q->halted ? "Y" : "N");
	json_text(j, "oprc_rang_cont_yn", "N");
	json_text(j, "clpr_rang_cont_yn", "N");
	json_text(j, "crdt_able_yn", "Y");
	json_text(j, "grmn_rate_cls_code", "40");
	json_text(j, "elw_pblc_yn", "N");
	json_num(j, "stck_prpr", q->last_won);
	json_num(j, "prdy_vrss", q->last_won - base_won);
	json_text(j, "prdy_vrss_sign", quote_sign(q, q->last_won));
	rest_ratio(j, "prdy_ctrt", q->last_won - base_won, base_won, 100, 2);
	json_num(j, "acml_tr_pbmn", q->turnover_won);
	json_num(j, "acml_vol", q->volume);
	rest_ratio(j, "prdy_vrss_vol_rate", q->volume, q->prev_volume, 100, 2);
	json_num(j, "stck_oprc", q->open_won);
	json_num(j, "stck_hgpr", q->high_won);
	json_num(j, "stck_lwpr", q->low_won);
	json_num(j, "stck_mxpr", q->upper_won);
	json_num(j, "stck_llam", q->lower_won);
	json_num(j, "stck_sdpr", base_won);
	rest_ratio(j, "wghn_avrg_stck_prc", q->turnover_won, q->volume, 1, 2);
}

static void price_pivots(struct json_out *j, const struct exch_quote *q)
{
	int64_t pivot_won = (q->high_won + q->low_won + q->last_won) / 3;

	json_text(j, "hts_frgn_ehrt", "50.00");
	json_text(j, "frgn_ntby_qty", "0");
	json_text(j, "pgtr_ntby_qty", "0");
	json_num(j, "pvt_scnd_dmrs_prc", pivot_won + q->high_won - q->low_won);
	json_num(j, "pvt_frst_dmrs_prc", 2 * pivot_won - q->low_won);
	json_num(j, "pvt_pont_val", pivot_won);
	json_num(j, "pvt_frst_dmsp_prc", 2 * pivot_won - q->high_won);
	json_num(j, "pvt_scnd_dmsp_prc", pivot_won - q->high_won + q->low_won);
	json_num(j, "dmrs_val", q->high_won);
	json_num(j, "dmsp_val", q->low_won);
}

static void price_company(struct call *call, const struct exch_quote *q)
{
	int64_t base_won = q->prev_close_won;
	struct json_out *j = &call->j;

	json_num(j, "cpfn", q->shares * PAR_WON / 100000000);
	json_num(j, "rstc_wdth_prc", q->upper_won - base_won);
	json_num(j, "stck_fcam", PAR_WON);
	json_num(j, "stck_sspr", base_won * 76 / 100 / 10 * 10);
	json_num(j, "aspr_unit", exch_tick_won(call->b->ex, q->code, q->last_won));
	json_text(j, "hts_deal_qty_unit_val", "1");
	json_num(j, "lstn_stcn", q->shares);
	json_num(j, "hts_avls", (int64_t)((__int128)q->shares * q->last_won / 100000000));
	json_text(j, "per", "15.00");
	json_text(j, "pbr", "1.20");
	json_text(j, "stac_month", "12");
	rest_ratio(j, "vol_tnrt", q->volume, q->shares, 100, 2);
	rest_ratio(j, "eps", q->last_won, 15, 1, 2);
	rest_ratio(j, "bps", q->last_won * 10, 12, 1, 2);
}

static void price_marks(struct json_out *j, const struct exch_quote *q)
{
	json_text(j, "whol_loan_rmnd_rate", "0.17");
	json_text(j, "ssts_yn", "Y");
	json_text(j, "stck_shrn_iscd", q->code);
	json_num(j, "fcam_cnnm", PAR_WON);
	json_fmt(j, "cpfn_cnnm", "%lld 억", (long long)((q->shares * PAR_WON) / 100000000));
	json_text(j, "frgn_hldn_qty", "0");
	json_text(j, "vi_cls_code", q->vi ? "Y" : "N");
	json_text(j, "ovtm_vi_cls_code", "N");
	json_text(j, "last_ssts_cntg_qty", "0");
	json_text(j, "invt_caful_yn", "N");
	json_text(j, "mrkt_warn_cls_code", "00");
	json_text(j, "short_over_yn", "N");
	json_text(j, "sltr_yn", "N");
	json_text(j, "mang_issu_cls_code", "N");
}

static void price_fields(struct call *call, const struct exch_quote *q)
{
	static const char *const d250[6] = { "d250_hgpr", "d250_hgpr_date", "d250_hgpr_vrss_prpr_rate",
					     "d250_lwpr", "d250_lwpr_date", "d250_lwpr_vrss_prpr_rate" };
	static const char *const dryy[6] = { "stck_dryy_hgpr", "dryy_hgpr_date", "dryy_hgpr_vrss_prpr_rate",
					     "stck_dryy_lwpr", "dryy_lwpr_date", "dryy_lwpr_vrss_prpr_rate" };
	static const char *const w52[6] = { "w52_hgpr", "w52_hgpr_date", "w52_hgpr_vrss_prpr_ctrt",
					    "w52_lwpr", "w52_lwpr_date", "w52_lwpr_vrss_prpr_ctrt" };
	struct kst_day today = kst_day_of(broker_now(call->b));
	struct json_out *j = &call->j;
	struct range year, dr;

	range_of(call, q, kst_day_add(today, -365), &year);
	range_of(call, q, (struct kst_day){ today.yyyymmdd / 10000 * 10000 + 101 }, &dr);
	price_now(call, q, &year);
	price_pivots(j, q);
	price_company(call, q);
	range_fields(j, q, &year, d250, true);
	/* These two ranges have the rate before the date. */
	range_fields(j, q, &dr, dryy, false);
	range_fields(j, q, &year, w52, false);
	price_marks(j, q);
}

void answer_price(struct call *call)
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
	price_fields(call, q == NULL ? &none : q);
	json_close(&call->j, '}');
	rest_quote_done(call);
}

/* ---- many prices ---- */

/* A code nobody knows: every value empty. */
static void multi_empty(struct json_out *j, const char *code)
{
	static const char *const keys[] = {
		"inter2_prpr",
		"inter2_prdy_vrss",
		"prdy_vrss_sign",
		"prdy_ctrt",
		"acml_vol",
		"inter2_oprc",
		"inter2_hgpr",
		"inter2_lwpr",
		"inter2_llam",
		"inter2_mxpr",
		"inter2_askp",
		"inter2_bidp",
		"seln_rsqn",
		"shnu_rsqn",
		"total_askp_rsqn",
		"total_bidp_rsqn",
		"acml_tr_pbmn",
		"inter2_prdy_clpr",
		"oprc_vrss_hgpr_rate",
		"intr_antc_cntg_vrss",
		"intr_antc_cntg_vrss_sign",
		"intr_antc_cntg_prdy_ctrt",
		"intr_antc_vol",
		"inter2_sdpr",
	};

	json_open(j, NULL, '{');
	json_text(j, "kospi_kosdaq_cls_name", "");
	json_text(j, "mrkt_trtm_cls_name", "");
	json_text(j, "hour_cls_code", "");
	json_text(j, "inter_shrn_iscd", code);
	json_text(j, "inter_kor_isnm", "");
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		json_text(j, keys[i], "");
	json_close(j, '}');
}

static void multi_row(struct json_out *j, const struct exch_quote *q, const char *hour_class)
{
	json_open(j, NULL, '{');
	json_text(j, "kospi_kosdaq_cls_name", q->kosdaq ? "KOSDAQ" : "KOSPI");
	json_text(j, "mrkt_trtm_cls_name", "");
	json_text(j, "hour_cls_code", hour_class);
	json_text(j, "inter_shrn_iscd", q->code);
	json_text(j, "inter_kor_isnm", q->name);
	json_num(j, "inter2_prpr", q->last_won);
	json_num(j, "inter2_prdy_vrss", q->last_won - q->prev_close_won);
	json_text(j, "prdy_vrss_sign", quote_sign(q, q->last_won));
	rest_ratio(j, "prdy_ctrt", q->last_won - q->prev_close_won, q->prev_close_won, 100, 2);
	json_num(j, "acml_vol", q->volume);
	json_num(j, "inter2_oprc", q->open_won);
	json_num(j, "inter2_hgpr", q->high_won);
	json_num(j, "inter2_lwpr", q->low_won);
	json_num(j, "inter2_llam", q->lower_won);
	json_num(j, "inter2_mxpr", q->upper_won);
	json_num(j, "inter2_askp", q->ask[0].price_won);
	json_num(j, "inter2_bidp", q->bid[0].price_won);
	json_num(j, "seln_rsqn", q->ask[0].qty);
	json_num(j, "shnu_rsqn", q->bid[0].qty);
	json_num(j, "total_askp_rsqn", q->ask_total);
	json_num(j, "total_bidp_rsqn", q->bid_total);
	json_num(j, "acml_tr_pbmn", q->turnover_won);
	json_num(j, "inter2_prdy_clpr", q->prev_close_won);
	rest_ratio(j, "oprc_vrss_hgpr_rate", q->high_won - q->open_won, q->open_won, 100, 2);
	json_num(j, "intr_antc_cntg_vrss", 0);
	json_text(j, "intr_antc_cntg_vrss_sign", "3");
	json_text(j, "intr_antc_cntg_prdy_ctrt", "0.00");
	json_num(j, "intr_antc_vol", 0);
	json_num(j, "inter2_sdpr", q->prev_close_won);
	json_close(j, '}');
}

void answer_multiprice(struct call *call)
{
	char code_key[32], division_key[32];

	json_open(&call->j, "output", '[');
	for (int i = 1; i <= MULTI_SYMBOLS; i++) {
		const struct exch_quote *q;
		const char *code;

		snprintf(code_key, sizeof code_key, "FID_INPUT_ISCD_%d", i);
		snprintf(division_key, sizeof division_key, "FID_COND_MRKT_DIV_CODE_%d", i);
		code = rest_text(call, code_key);
		if (*code == '\0') {
			if (i == 1) {
				rest_refuse_field(call, code_key);
				return;
			}
			continue;
		}
		if (!rest_division_ok(call, division_key))
			return;
		q = exch_quote_of(call->b->ex, code);
		if (rest_rows_hidden(call) ||
		    (q == NULL && setting(&call->b->set, SET_multprice_unknown_row) == 0))
			continue;
		for (int k = 0; k < rest_row_copies(call); k++) {
			if (q == NULL)
				multi_empty(&call->j, code);
			else
				multi_row(&call->j, q, quote_hour_class(call->b->ex));
		}
	}
	json_close(&call->j, ']');
	rest_quote_done(call);
}

/* ---- charts ---- */

/* Folds day bars (oldest first) into weeks, months or years in place; returns how many there are. */
static size_t fold_bars(struct exch_bar *bars, size_t bar_count, char period)
{
	size_t count = 0;
	int64_t last = -1;

	for (size_t i = 0; i < bar_count; i++) {
		struct kst_day day = bars[i].day;
		int64_t key = day.yyyymmdd;

		if (period == 'W')
			key = kst_day_add(day, -((kst_weekday(day) + 6) % 7)).yyyymmdd;
		else if (period == 'M')
			key = day.yyyymmdd / 100;
		else if (period == 'Y')
			key = day.yyyymmdd / 10000;
		if (count > 0 && key == last) {
			struct exch_bar *b = &bars[count - 1];

			b->day = day;
			b->high_won = bars[i].high_won > b->high_won ? bars[i].high_won : b->high_won;
			b->low_won = bars[i].low_won < b->low_won ? bars[i].low_won : b->low_won;
			b->close_won = bars[i].close_won;
			b->volume += bars[i].volume;
			b->turnover_won += bars[i].turnover_won;
		} else {
			bars[count++] = bars[i];
		}
		last = key;
	}
	return count;
}

void rest_chart_head(struct call *call, const struct exch_quote *q)
{
	struct json_out *j = &call->j;

	json_num(j, "prdy_vrss", q->last_won - q->prev_close_won);
	json_text(j, "prdy_vrss_sign", quote_sign(q, q->last_won));
	rest_ratio(j, "prdy_ctrt", q->last_won - q->prev_close_won, q->prev_close_won, 100, 2);
	json_num(j, "stck_prdy_clpr", q->prev_close_won);
	json_num(j, "acml_vol", q->volume);
	json_num(j, "acml_tr_pbmn", q->turnover_won);
	json_text(j, "hts_kor_isnm", q->name);
	json_num(j, "stck_prpr", q->last_won);
}

static void chart_head(struct call *call, const struct exch_quote *q, const struct exch_bar *before)
{
	struct json_out *j = &call->j;

	rest_chart_head(call, q);
	json_text(j, "stck_shrn_iscd", q->code);
	json_num(j, "prdy_vol", q->prev_volume);
	json_num(j, "stck_mxpr", q->upper_won);
	json_num(j, "stck_llam", q->lower_won);
	json_num(j, "stck_oprc", q->open_won);
	json_num(j, "stck_hgpr", q->high_won);
	json_num(j, "stck_lwpr", q->low_won);
	json_num(j, "stck_prdy_oprc", before->open_won);
	json_num(j, "stck_prdy_hgpr", before->high_won);
	json_num(j, "stck_prdy_lwpr", before->low_won);
	json_num(j, "askp", q->ask[0].price_won);
	json_num(j, "bidp", q->bid[0].price_won);
	json_num(j, "prdy_vrss_vol", q->volume - q->prev_volume);
	rest_ratio(j, "vol_tnrt", q->volume, q->shares, 100, 2);
	json_text(j, "stck_fcam", "5000");
	json_num(j, "lstn_stcn", q->shares);
	json_num(j, "cpfn", q->shares * 5000 / 100000000);
	json_num(j, "hts_avls", (int64_t)((__int128)q->shares * q->last_won / 100000000));
	json_text(j, "per", "15.00");
	rest_ratio(j, "eps", q->last_won, 15, 1, 2);
	json_text(j, "pbr", "1.20");
	json_text(j, "itewhol_loan_rmnd_ratem", "0.17");
}

static void chart_row(struct json_out *j, const struct exch_bar *b, const struct exch_bar *before)
{
	int64_t change_won = before == NULL ? 0 : b->close_won - before->close_won;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "stck_bsop_date", digits_of(b->day, text));
	json_num(j, "stck_clpr", b->close_won);
	json_num(j, "stck_oprc", b->open_won);
	json_num(j, "stck_hgpr", b->high_won);
	json_num(j, "stck_lwpr", b->low_won);
	json_num(j, "acml_vol", b->volume);
	json_num(j, "acml_tr_pbmn", b->turnover_won);
	json_text(j, "flng_cls_code", "00");
	json_text(j, "prtt_rate", "0.00");
	json_text(j, "mod_yn", b->volume == 0 ? "Y" : "N");
	json_text(j, "prdy_vrss_sign", change_won > 0 ? "2" : change_won < 0 ? "5" : "3");
	json_num(j, "prdy_vrss", change_won);
	json_text(j, "revl_issu_reas", "00");
	json_close(j, '}');
}

void answer_daychart(struct call *call)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_text(call, "FID_INPUT_ISCD"));
	const char *period = rest_text(call, "FID_PERIOD_DIV_CODE");
	struct exch_bar *bars = NULL;
	struct exch_quote none = { 0 };
	struct exch_bar no_bar = { 0 };
	const struct exch_bar *before = &no_bar;
	struct json_out *j = &call->j;
	size_t bar_count = 0, first = 0;
	struct kst_day from, to;

	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE") || !rest_day(call, "FID_INPUT_DATE_1", &from) ||
	    !rest_day(call, "FID_INPUT_DATE_2", &to))
		return;
	if (strlen(period) != 1 || strchr("DWMY", period[0]) == NULL) {
		rest_refuse_field(call, "FID_PERIOD_DIV_CODE");
		return;
	}
	/* One week more at the front, so that the oldest bar shown knows its change. */
	if (q != NULL &&
	    exch_day_bars(call->b->ex, q->code, kst_day_add(from, -14), to, &bars, &bar_count) != REASON_OK) {
		rest_gateway(call, 500, 2, "서버 에러가 발생하였습니다.");
		return;
	}
	bar_count = fold_bars(bars, bar_count, period[0]);
	while (first < bar_count && bars[first].day.yyyymmdd < from.yyyymmdd)
		first++;
	if (bar_count - first > CHART_ROWS)
		first = bar_count - CHART_ROWS;
	for (size_t i = 0; i < bar_count; i++) {
		if (bars[i].day.yyyymmdd < exch_today(call->b->ex)->day.yyyymmdd)
			before = &bars[i];
	}
	json_open(j, "output1", '{');
	chart_head(call, q == NULL ? &none : q, before);
	json_close(j, '}');
	json_open(j, "output2", '[');
	for (size_t i = bar_count; i > first && !rest_rows_hidden(call); i--) {
		for (int k = 0; k < rest_row_copies(call); k++)
			chart_row(j, &bars[i - 1], i >= 2 ? &bars[i - 2] : NULL);
	}
	if (setting(&call->b->set, SET_chart_filler) != 0) {
		json_open(j, NULL, '{');
		json_close(j, '}');
	}
	json_close(j, ']');
	rest_quote_done(call);
	free(bars);
}

/* ---- book ---- */

static void levels(struct json_out *j, const char *name, const struct exch_level *side, bool price)
{
	char key[32];

	for (int i = 0; i < EXCH_LEVELS; i++) {
		snprintf(key, sizeof key, "%s%d", name, i + 1);
		json_num(j, key, side == NULL ? 0 : price ? side[i].price_won : side[i].qty);
	}
}

void answer_book(struct call *call)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_text(call, "FID_INPUT_ISCD"));
	struct exch_quote none = { 0 };
	struct json_out *j = &call->j;
	int32_t now_s = kst_second_of(broker_now(call->b));

	if (!rest_division_ok(call, "FID_COND_MRKT_DIV_CODE"))
		return;
	if (q == NULL)
		q = &none;
	json_open(j, "output1", '{');
	json_fmt(j, "aspr_acpt_hour", "%02d%02d%02d", now_s / 3600, now_s / 60 % 60, now_s % 60);
	levels(j, "askp", q->ask, true);
	levels(j, "bidp", q->bid, true);
	levels(j, "askp_rsqn", q->ask, false);
	levels(j, "bidp_rsqn", q->bid, false);
	levels(j, "askp_rsqn_icdc", NULL, false);
	levels(j, "bidp_rsqn_icdc", NULL, false);
	json_num(j, "total_askp_rsqn", q->ask_total);
	json_num(j, "total_bidp_rsqn", q->bid_total);
	json_num(j, "total_askp_rsqn_icdc", 0);
	json_num(j, "total_bidp_rsqn_icdc", 0);
	json_num(j, "ovtm_total_askp_icdc", 0);
	json_num(j, "ovtm_total_bidp_icdc", 0);
	json_num(j, "ovtm_total_askp_rsqn", 0);
	json_num(j, "ovtm_total_bidp_rsqn", 0);
	json_num(j, "ntby_aspr_rsqn", q->bid_total - q->ask_total);
	json_text(j, "new_mkop_cls_code", quote_market_code(call->b->ex));
	json_close(j, '}');
	json_open(j, "output2", '{');
	json_text(j, "antc_mkop_cls_code", "311");
	json_num(j, "stck_prpr", q->last_won);
	json_num(j, "stck_oprc", q->open_won);
	json_num(j, "stck_hgpr", q->high_won);
	json_num(j, "stck_lwpr", q->low_won);
	json_num(j, "stck_sdpr", q->prev_close_won);
	json_num(j, "antc_cnpr", q->last_won);
	json_text(j, "antc_cntg_vrss_sign", quote_sign(q, q->last_won));
	json_num(j, "antc_cntg_vrss", q->last_won - q->prev_close_won);
	rest_ratio(j, "antc_cntg_prdy_ctrt", q->last_won - q->prev_close_won, q->prev_close_won, 100, 2);
	json_num(j, "antc_vol", 0);
	json_text(j, "stck_shrn_iscd", q->code);
	json_text(j, "vi_cls_code", q->vi ? "Y" : "N");
	json_close(j, '}');
	rest_quote_done(call);
}

/* ---- index ---- */

/* Index values of the day before, in hundredths: closes of 2020-12-30. The day's own value moves with the symbols. */
static const struct {
	const char *code;
	int64_t close_hundredths;
	bool kosdaq;
} indices[] = {
	{ "0001", 287347, false },
	{ "1001", 96842, true },
	{ "2001", 38929, false },
};

/* prev x (market value at `which` / market value at yesterday's close). which: 0 last, 1 open, 2 high, 3 low. */
static int64_t index_at(const struct broker *b, bool kosdaq, int64_t close_hundredths, int which)
{
	__int128 now = 0, before = 0;

	for (size_t i = 0; i < exch_symbol_count(b->ex); i++) {
		const struct exch_quote *q = exch_quote_at(b->ex, i);
		int64_t won = which == 0   ? q->last_won
			      : which == 1 ? q->open_won
			      : which == 2 ? q->high_won
					   : q->low_won;

		if (q->kosdaq != kosdaq || q->etf || q->shares == 0)
			continue;
		now += (__int128)(won == 0 ? q->last_won : won) * q->shares;
		before += (__int128)q->prev_close_won * q->shares;
	}
	return before == 0 ? close_hundredths : (int64_t)(now * close_hundredths / before);
}

static void hundredths(struct json_out *j, const char *key, int64_t value)
{
	char text[SCALED_TEXT_SIZE];

	json_text(j, key, scaled_text(value, 2, text));
}

const char *rest_sign(int64_t change)
{
	return change > 0 ? "2" : change < 0 ? "5" : "3";
}

static void index_rest(struct json_out *j, int64_t asks, int64_t bids)
{
	json_num(j, "total_askp_rsqn", asks);
	json_num(j, "total_bidp_rsqn", bids);
	rest_ratio(j, "seln_rsqn_rate", asks, asks + bids, 100, 2);
	rest_ratio(j, "shnu_rsqn_rate", bids, asks + bids, 100, 2);
	json_num(j, "ntby_rsqn", bids - asks);
}

/* Best and worst of the year: no further back than the day before. value: last, open, high, low. */
static void index_year(struct call *call, int64_t before, const int64_t value[4])
{
	struct json_out *j = &call->j;
	char year[16];

	snprintf(year, sizeof year, "%04d0104", exch_today(call->b->ex)->day.yyyymmdd / 10000);
	hundredths(j, "dryy_bstp_nmix_hgpr", value[2] > before ? value[2] : before);
	rest_ratio(j, "dryy_hgpr_vrss_prpr_rate", value[0] - value[2], value[2], 100, 2);
	json_text(j, "dryy_bstp_nmix_hgpr_date", year);
	hundredths(j, "dryy_bstp_nmix_lwpr", value[3] < before ? value[3] : before);
	rest_ratio(j, "dryy_lwpr_vrss_prpr_rate", value[0] - value[3], value[3], 100, 2);
	json_text(j, "dryy_bstp_nmix_lwpr_date", year);
}

void answer_index(struct call *call)
{
	const char *code = rest_text(call, "FID_INPUT_ISCD");
	int64_t volume = 0, turnover = 0, prev_volume = 0, prev_turnover = 0, asks = 0, bids = 0, before,
		value[4];
	int ups = 0, downs = 0, same = 0;
	struct json_out *j = &call->j;
	size_t which = 0;

	while (which < ARRAY_COUNT(indices) && strcmp(indices[which].code, code) != 0)
		which++;
	if (strcmp(rest_text(call, "FID_COND_MRKT_DIV_CODE"), "U") != 0 || which == ARRAY_COUNT(indices)) {
		rest_refuse_field(call, which == ARRAY_COUNT(indices) ? "FID_INPUT_ISCD"
								      : "FID_COND_MRKT_DIV_CODE");
		return;
	}
	for (size_t i = 0; i < exch_symbol_count(call->b->ex); i++) {
		const struct exch_quote *q = exch_quote_at(call->b->ex, i);

		if (q->kosdaq != indices[which].kosdaq)
			continue;
		volume += q->volume;
		turnover += q->turnover_won;
		prev_volume += q->prev_volume;
		prev_turnover += q->prev_turnover_won;
		asks += q->ask_total;
		bids += q->bid_total;
		ups += q->last_won > q->prev_close_won;
		downs += q->last_won < q->prev_close_won;
		same += q->last_won == q->prev_close_won;
	}
	before = indices[which].close_hundredths;
	for (int i = 0; i < 4; i++)
		value[i] = index_at(call->b, indices[which].kosdaq, before, i);
	json_open(j, "output", '{');
	hundredths(j, "bstp_nmix_prpr", value[0]);
	hundredths(j, "bstp_nmix_prdy_vrss", value[0] - before);
	json_text(j, "prdy_vrss_sign", rest_sign(value[0] - before));
	rest_ratio(j, "bstp_nmix_prdy_ctrt", value[0] - before, before, 100, 2);
	json_num(j, "acml_vol", volume / 1000);
	json_num(j, "prdy_vol", prev_volume / 1000);
	json_num(j, "acml_tr_pbmn", turnover / 1000000);
	json_num(j, "prdy_tr_pbmn", prev_turnover / 1000000);
	hundredths(j, "bstp_nmix_oprc", value[1]);
	hundredths(j, "prdy_nmix_vrss_nmix_oprc", value[1] - before);
	json_text(j, "oprc_vrss_prpr_sign", rest_sign(value[1] - before));
	rest_ratio(j, "bstp_nmix_oprc_prdy_ctrt", value[1] - before, before, 100, 2);
	hundredths(j, "bstp_nmix_hgpr", value[2]);
	hundredths(j, "prdy_nmix_vrss_nmix_hgpr", value[2] - before);
	json_text(j, "hgpr_vrss_prpr_sign", rest_sign(value[2] - before));
	rest_ratio(j, "bstp_nmix_hgpr_prdy_ctrt", value[2] - before, before, 100, 2);
	hundredths(j, "bstp_nmix_lwpr", value[3]);
	hundredths(j, "prdy_clpr_vrss_lwpr", value[3] - before);
	json_text(j, "lwpr_vrss_prpr_sign", rest_sign(value[3] - before));
	rest_ratio(j, "prdy_clpr_vrss_lwpr_rate", value[3] - before, before, 100, 2);
	json_num(j, "ascn_issu_cnt", ups);
	json_num(j, "uplm_issu_cnt", 0);
	json_num(j, "stnr_issu_cnt", same);
	json_num(j, "down_issu_cnt", downs);
	json_num(j, "lslm_issu_cnt", 0);
	index_year(call, before, value);
	index_rest(j, asks, bids);
	json_close(j, '}');
	rest_quote_done(call);
}
