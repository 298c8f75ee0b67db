/* rest_info - stock and product master data, depository schedules. Source: the broker's pages. */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define PAR_WON 5000

/* ---- masters ---- */

/* A field of a master in the order of the field list; text NULL = from the quote. The texts are plausible constants. */
struct info_field {
	const char *key, *text;
};
static const struct info_field stock_fields[] = {
	{ "pdno", NULL },
	{ "prdt_type_cd", "300" },
	{ "mket_id_cd", NULL },
	{ "scty_grp_id_cd", NULL },
	{ "excg_dvsn_cd", NULL },
	{ "setl_mmdd", "1231" },
	{ "lstg_stqt", NULL },
	{ "lstg_cptl_amt", NULL },
	{ "cpta", NULL },
	{ "papr", NULL },
	{ "issu_pric", "0" },
	{ "kospi200_item_yn", NULL },
	{ "scts_mket_lstg_dt", NULL },
	{ "scts_mket_lstg_abol_dt", "" },
	{ "kosdaq_mket_lstg_dt", NULL },
	{ "kosdaq_mket_lstg_abol_dt", "" },
	{ "frbd_mket_lstg_dt", "" },
	{ "frbd_mket_lstg_abol_dt", "" },
	{ "reits_kind_cd", "" },
	{ "etf_dvsn_cd", "" },
	{ "oilf_fund_yn", "N" },
	{ "idx_bztp_lcls_cd", "002" },
	{ "idx_bztp_mcls_cd", "013" },
	{ "idx_bztp_scls_cd", "013" },
	{ "stck_kind_cd", "101" },
	{ "mfnd_opng_dt", "" },
	{ "mfnd_end_dt", "" },
	{ "dpsi_erlm_cncl_dt", "" },
	{ "etf_cu_qty", NULL },
	{ "prdt_name", NULL },
	{ "prdt_name120", NULL },
	{ "prdt_abrv_name", NULL },
	{ "std_pdno", NULL },
	{ "prdt_eng_name", NULL },
	{ "prdt_eng_name120", NULL },
	{ "prdt_eng_abrv_name", NULL },
	{ "dpsi_aptm_erlm_yn", "Y" },
	{ "etf_txtn_type_cd", "" },
	{ "etf_type_cd", "" },
	{ "lstg_abol_dt", "" },
	{ "nwst_odst_dvsn_cd", "" },
	{ "sbst_pric", NULL },
	{ "thco_sbst_pric", NULL },
	{ "thco_sbst_pric_chng_dt", "" },
	{ "tr_stop_yn", NULL },
	{ "admn_item_yn", "N" },
	{ "thdt_clpr", NULL },
	{ "bfdy_clpr", NULL },
	{ "clpr_chng_dt", NULL },
	{ "std_idst_clsf_cd", "032601" },
	{ "std_idst_clsf_cd_name", "반도체 제조업" },
	{ "idx_bztp_lcls_cd_name", "시가총액규모대" },
	{ "idx_bztp_mcls_cd_name", "전기·전자" },
	{ "idx_bztp_scls_cd_name", "전기·전자" },
	{ "ocr_no", "1234" },
	{ "crfd_item_yn", "N" },
	{ "elec_scty_yn", "Y" },
	{ "issu_istt_cd", "00593" },
	{ "etf_chas_erng_rt_dbnb", "0.000000" },
	{ "etf_etn_ivst_heed_item_yn", "N" },
	{ "stln_int_rt_dvsn_cd", "01" },
	{ "frnr_psnl_lmt_rt", "0.00000000" },
	{ "lstg_rqsr_issu_istt_cd", "" },
	{ "lstg_rqsr_item_cd", NULL },
	{ "trst_istt_issu_istt_cd", "" },
	{ "cptt_trad_tr_psbl_yn", "Y" },
	{ "nxt_tr_stop_yn", NULL },
};
static const struct info_field product_fields[] = {
	{ "pdno", NULL },
	{ "prdt_type_cd", "300" },
	{ "prdt_name", NULL },
	{ "prdt_name120", NULL },
	{ "prdt_abrv_name", NULL },
	{ "prdt_eng_name", NULL },
	{ "prdt_eng_name120", NULL },
	{ "prdt_eng_abrv_name", NULL },
	{ "std_pdno", NULL },
	{ "shtn_pdno", NULL },
	{ "prdt_sale_stat_cd", "" },
	{ "prdt_risk_grad_cd", "" },
	{ "prdt_clsf_cd", "101120" },
	{ "prdt_clsf_name", "주식" },
	{ "sale_strt_dt", "" },
	{ "sale_end_dt", "" },
	{ "wrap_asst_type_cd", "" },
	{ "ivst_prdt_type_cd", "1012" },
	{ "ivst_prdt_type_cd_name", "국내주식" },
	{ "frst_erlm_dt", "19750611" },
};

/* KR7 + six characters + two of the class + a check digit over the letters as two-digit numbers, doubled in turn. */
static const char *isin_of(const char *code, char out[static 16])
{
	int digits[32], count = 0, sum = 0;

	snprintf(out, 16, "KR7%.6s00", code);
	for (const char *at = out; *at != '\0'; at++) {
		int value = *at >= 'A' && *at <= 'Z' ? *at - 'A' + 10 : *at - '0';

		if (value >= 10)
			digits[count++] = value / 10;
		digits[count++] = value % 10;
	}
	for (int i = count - 1, twice = 1; i >= 0; i--, twice = !twice) {
		int value = twice ? digits[i] * 2 : digits[i];

		sum += value / 10 + value % 10;
	}
	out[11] = (char)('0' + (10 - sum % 10) % 10);
	out[12] = '\0';
	return out;
}

static bool is_one_of(const char *key, const char *const *names, size_t name_count)
{
	for (size_t i = 0; i < name_count; i++) {
		if (strcmp(key, names[i]) == 0)
			return true;
	}
	return false;
}

/* Names, codes and market of a quote; false = a number or a date. */
static bool info_word(struct json_out *j, const char *key, const struct exch_quote *q)
{
	static const char *const names[] = { "prdt_name", "prdt_name120", "prdt_abrv_name" };
	static const char *const english[] = { "prdt_eng_name", "prdt_eng_name120", "prdt_eng_abrv_name" };
	static const char *const codes[] = { "lstg_rqsr_item_cd", "shtn_pdno" };
	char isin[16];

	if (is_one_of(key, names, ARRAY_COUNT(names)))
		json_text(j, key, q->name);
	else if (is_one_of(key, english, ARRAY_COUNT(english)))
		json_fmt(j, key, "Issue %s", q->code);
	else if (is_one_of(key, codes, ARRAY_COUNT(codes)))
		json_text(j, key, q->code);
	else if (strcmp(key, "pdno") == 0)
		json_fmt(j, key, "00000A%s", q->code);
	else if (strcmp(key, "std_pdno") == 0)
		json_text(j, key, isin_of(q->code, isin));
	else if (strcmp(key, "mket_id_cd") == 0)
		json_text(j, key, q->kosdaq ? "KSQ" : "STK");
	else if (strcmp(key, "scty_grp_id_cd") == 0)
		json_text(j, key, q->etf ? "EF" : "ST");
	else if (strcmp(key, "excg_dvsn_cd") == 0)
		json_text(j, key, q->kosdaq ? "03" : "02");
	else if (strcmp(key, "kospi200_item_yn") == 0)
		json_text(j, key, q->kosdaq || q->etf ? "N" : "Y");
	else if (strcmp(key, "tr_stop_yn") == 0 || strcmp(key, "nxt_tr_stop_yn") == 0)
		json_text(j, key, q->halted ? "Y" : "N");
	else
		return false;
	return true;
}

static void info_number(struct call *call, const char *key, const struct exch_quote *q)
{
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	if (strcmp(key, "lstg_stqt") == 0)
		json_num(j, key, q->shares);
	else if (strcmp(key, "lstg_cptl_amt") == 0)
		json_num(j, key, 0);
	else if (strcmp(key, "cpta") == 0)
		json_num(j, key, q->shares * PAR_WON);
	else if (strcmp(key, "papr") == 0)
		json_num(j, key, PAR_WON);
	else if (strcmp(key, "sbst_pric") == 0 || strcmp(key, "thco_sbst_pric") == 0)
		json_num(j, key, q->prev_close_won * 76 / 100 / 10 * 10);
	else if (strcmp(key, "thdt_clpr") == 0)
		json_num(j, key, q->last_won);
	else if (strcmp(key, "bfdy_clpr") == 0)
		json_num(j, key, q->prev_close_won);
	else if (strcmp(key, "clpr_chng_dt") == 0)
		json_text(j, key, rest_day_digits(exch_today(call->b->ex)->day, text));
	else if (strcmp(key, "scts_mket_lstg_dt") == 0)
		json_text(j, key, q->kosdaq ? "" : "19750611");
	else if (strcmp(key, "kosdaq_mket_lstg_dt") == 0)
		json_text(j, key, q->kosdaq ? "20000103" : "");
	else
		json_num(j, key, 0);
}

static void info(struct call *call, const struct info_field *fields, size_t field_count)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, rest_bare_code(rest_text(call, "PDNO")));

	if (strcmp(rest_text(call, "PRDT_TYPE_CD"), "300") != 0) { /* other products are not played */
		rest_refuse_field(call, "PRDT_TYPE_CD");
		return;
	}
	if (q == NULL) {
		rest_refuse_order(call, EXCH_NO_SYMBOL);
		return;
	}
	json_open(&call->j, "output", '{');
	for (size_t i = 0; i < field_count; i++) {
		if (fields[i].text != NULL)
			json_text(&call->j, fields[i].key, fields[i].text);
		else if (!info_word(&call->j, fields[i].key, q))
			info_number(call, fields[i].key, q);
	}
	json_close(&call->j, '}');
	rest_done(call, "KIOK0530", "조회되었습니다", true);
}

void answer_stock_info(struct call *call)
{
	info(call, stock_fields, ARRAY_COUNT(stock_fields));
}

void answer_product_info(struct call *call)
{
	info(call, product_fields, ARRAY_COUNT(product_fields));
}

/* ---- depository schedules: what the corporate rights of the accounts come from ---- */

static bool same_event(const struct right_row *a, const struct right_row *b)
{
	return strcmp(a->code, b->code) == 0 && strcmp(a->type, b->type) == 0 && kst_day_same(a->day, b->day);
}

/* One event may give rights to several accounts; the schedule has it once. */
static bool seen_before(const struct broker *b, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (same_event(&b->rights[i], &b->rights[index]))
			return true;
	}
	return false;
}

static const char *slashes(struct kst_day day, char out[static KST_TEXT_SIZE])
{
	snprintf(out, KST_TEXT_SIZE, "%04d/%02d/%02d", day.yyyymmdd / 10000, day.yyyymmdd / 100 % 100,
		 day.yyyymmdd % 100);
	return out;
}

static struct kst_day trading_before(const struct broker *b, struct kst_day day)
{
	do {
		day = kst_day_add(day, -1);
	} while (!rest_day_open(b, day));
	return day;
}

/* The row's day is the listing day; record date and halt lie before it. */
static void split_row(struct call *call, const struct right_row *r)
{
	struct kst_day record = trading_before(call->b, r->day), stop = trading_before(call->b, record);
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE], end[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "record_date", rest_day_digits(record, text));
	json_text(j, "sht_cd", r->code);
	json_text(j, "isin_name", rest_name_of(call->b, r->code));
	json_fmt(j, "inter_bf_face_amt", "%09d", PAR_WON);
	json_fmt(j, "inter_af_face_amt", "%09lld",
		 (long long)(r->qty_after == 0 ? PAR_WON : PAR_WON * r->qty_before / r->qty_after));
	json_fmt(j, "td_stop_dt", "%s ~ %s", slashes(stop, text), slashes(kst_day_add(r->day, -1), end));
	json_text(j, "list_dt", slashes(r->day, text));
	json_close(j, '}');
}

static void bonus_row(struct call *call, const struct right_row *r)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, r->code);
	int64_t shares = q == NULL ? 0 : q->shares, fresh = r->qty_after - r->qty_before;
	struct kst_day record = trading_before(call->b, r->day);
	char text[KST_TEXT_SIZE], rate[SCALED_TEXT_SIZE];
	struct json_out *j = &call->j;

	json_open(j, NULL, '{');
	json_text(j, "record_date", rest_day_digits(record, text));
	json_text(j, "sht_cd", r->code);
	json_text(j, "isin_name", rest_name_of(call->b, r->code));
	/* Cut to six characters: 50.00, 1000.0 */
	json_fmt(j, "fix_rate", "%.6s", scaled_text(ratio_scaled(fresh, r->qty_before, 100, 2), 2, rate));
	json_text(j, "odd_rec_price", "000000000");
	json_text(j, "right_dt", rest_day_digits(trading_before(call->b, record), text));
	json_text(j, "odd_pay_dt", "");
	json_text(j, "list_date", rest_day_digits(r->day, text));
	json_fmt(j, "tot_issue_stk_qty", "%12lld", (long long)shares);
	json_fmt(j, "issue_stk_qty", "%12lld",
		 (long long)(r->qty_before == 0 ? 0 : (__int128)shares * fresh / r->qty_before));
	json_text(j, "stk_kind", "01");
	json_close(j, '}');
}

static bool market_wanted(const struct call *call, const char *code)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, code);
	const char *market = rest_text(call, "MARKET_GB");

	return q == NULL || strcmp(market, "1") == 0 ? q == NULL || !q->kosdaq
	       : strcmp(market, "2") == 0            ? q->kosdaq
						     : true;
}

static void schedule(struct call *call, bool split, void (*row)(struct call *call, const struct right_row *r))
{
	const char *code = rest_text(call, "SHT_CD"), *cont = http_field(call->rq, "tr_cont");
	bool again =
		setting(&call->b->set, SET_ksd_two_pages) != 0 && (cont == NULL || strcmp(cont, "N") != 0);
	struct kst_day from, to;

	if (!rest_day(call, "F_DT", &from) || !rest_day(call, "T_DT", &to))
		return;
	json_open(&call->j, "output1", '[');
	for (size_t i = 0; i < call->b->right_count && !rest_rows_hidden(call); i++) {
		const struct right_row *r = &call->b->rights[i];
		bool is_split = strcmp(r->type, "14") == 0 || strcmp(r->type, "15") == 0;

		if ((split ? !is_split : strcmp(r->type, "02") != 0) || seen_before(call->b, i) ||
		    r->day.yyyymmdd < from.yyyymmdd || r->day.yyyymmdd > to.yyyymmdd ||
		    (*code != '\0' && strcmp(code, r->code) != 0) || (split && !market_wanted(call, r->code)))
			continue;
		row(call, r);
	}
	json_close(&call->j, ']');
	snprintf(call->tr_cont, sizeof call->tr_cont, "%s", again ? "M" : "E");
	rest_quote_done(call);
}

void answer_splits(struct call *call)
{
	schedule(call, true, split_row);
}

void answer_bonuses(struct call *call)
{
	schedule(call, false, bonus_row);
}
