/* rest_trade - orders, lists, balance, buying power. Source: the broker's pages on trading. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define PADDED true
#define PLAIN  false

/* ---- names ---- */

static const char *type_name(const char *dvsn)
{
	static const struct {
		const char *dvsn, *name;
	} names[] = {
		{ "00", "지정가" },       { "01", "시장가" },       { "02", "조건부지정가" },
		{ "03", "최유리지정가" }, { "04", "최우선지정가" }, { "05", "장전시간외" },
		{ "06", "장후시간외" },   { "07", "시간외단일가" }, { "11", "IOC지정가" },
		{ "12", "FOK지정가" },    { "13", "IOC시장가" },    { "14", "FOK시장가" },
		{ "15", "IOC최유리" },    { "16", "FOK최유리" },    { "21", "중간가" },
		{ "22", "스톱지정가" },   { "23", "중간가IOC" },    { "24", "중간가FOK" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(names[i].dvsn, dvsn) == 0)
			return names[i].name;
	}
	return "";
}

static const char *condition_name(const char *dvsn)
{
	if (strcmp(dvsn, "11") == 0 || strcmp(dvsn, "13") == 0 || strcmp(dvsn, "15") == 0 ||
	    strcmp(dvsn, "23") == 0)
		return "IOC";
	if (strcmp(dvsn, "12") == 0 || strcmp(dvsn, "14") == 0 || strcmp(dvsn, "16") == 0 ||
	    strcmp(dvsn, "24") == 0)
		return "FOK";
	return "없음";
}

static const char *side_name(const struct exch_order *o)
{
	bool buy = o->side == EXCH_BUY;

	switch (o->kind) {
	case EXCH_ORDER_CANCEL: return buy ? "매수취소" : "매도취소";
	case EXCH_ORDER_MODIFY: return buy ? "매수정정" : "매도정정";
	case EXCH_ORDER_NEW: break;
	}
	return buy ? "현금매수" : "현금매도";
}

static const char *exchange_class(const char *excg)
{
	return strcmp(excg, "SOR") == 0 ? "12" : strcmp(excg, "KRX") == 0 ? "02" : "";
}

const char *rest_name_of(const struct broker *b, const char *code)
{
	const struct exch_quote *q = exch_quote_of(b->ex, code);

	return q == NULL ? code : q->name;
}

const char *rest_time_digits(struct wall at, char out[static KST_TEXT_SIZE])
{
	int32_t s = kst_second_of(at);

	snprintf(out, KST_TEXT_SIZE, "%02d%02d%02d", s / 3600, s / 60 % 60, s % 60);
	return out;
}

const char *rest_day_digits(struct kst_day day, char out[static KST_TEXT_SIZE])
{
	if (day.yyyymmdd == 0)
		out[0] = '\0';
	else
		kst_day_digits(day, out);
	return out;
}

const char *rest_bare_code(const char *code)
{
	size_t len = strlen(code);

	return len > 7 && strncmp(code, "00000A", 6) == 0 ? code + 6 : code;
}

void rest_list_failed(struct call *call)
{
	rest_gateway(call, 500, 2, "서버 에러가 발생하였습니다.");
}

/* ---- orders ---- */

/* What the exchange's refusals are called. README.md says which are measured and which are guesses. */
static const struct {
	const char *real_cd, *real_text, *paper_cd, *paper_text;
} refusals[EXCH_REFUSAL_COUNT] = {
	[EXCH_NO_DAY] = { "APBK0919", "장운영일자가 주문일과 상이합니다", "40580000",
			  "모의투자 장종료 입니다." },
	[EXCH_NO_HOURS] = { "APBK0918", "장운영시간이 아닙니다.(주문불가)", "40580000",
			    "모의투자 장종료 입니다." },
	[EXCH_NO_SYMBOL] = { "APBK0656", "해당종목정보가 없습니다.", "40070000",
			     "모의투자 주문처리가 안되었습니다(매매불가 종목)" },
	[EXCH_NO_TYPE] = { "APBK0963", "주문구분코드 오류 입니다.", "40050000",
			   "모의투자 주문처리가 안되었습니다(주문구분 오류)" },
	[EXCH_NO_EXCHANGE] = { "APBK3013", "거래소구분코드를 확인 하여 주십시요.", "40060000",
			       "모의투자 주문처리가 안되었습니다(거래소구분 오류)" },
	[EXCH_NO_QTY] = { "APBK0561", "주문수량을 확인 하여 주십시요.", "40020000",
			  "모의투자 주문처리가 안되었습니다(주문수량 오류)" },
	[EXCH_NO_PRICE] = { "APBK0562", "주문단가를 확인 하여 주십시요.", "40040000",
			    "모의투자 주문처리가 안되었습니다(주문단가 오류)" },
	[EXCH_NO_TICK] = { "APBK0506", "주식주문호가단위 오류입니다.", "40030000",
			   "모의투자 주문처리가 안되었습니다(호가단위 오류)" },
	[EXCH_NO_BAND] = { "APBK0507", "상/하한가 오류입니다.", "40080000", "모의투자 상/하한가 오류" },
	[EXCH_NO_CASH] = { "APBK0952", "주문가능금액을 초과 했습니다", "40250000",
			   "모의투자 주문가능금액이 부족합니다." },
	[EXCH_NO_HOLDING] = { "APBK0400", "주문 가능한 수량을 초과 했습니다.", "40240000",
			      "모의투자 잔고내역이 없습니다." },
	[EXCH_NO_SHARES] = { "APBK0400", "주문 가능한 수량을 초과 했습니다.", "40260000",
			     "모의투자 주문가능수량이 부족합니다." },
	[EXCH_NO_HALT] = { "APBK0546", "거래정지 종목입니다.", "40070000",
			   "모의투자 주문처리가 안되었습니다(매매불가 종목)" },
	[EXCH_NO_ORDER] = { "APBK0926", "원주문정보가 존재하지 않습니다.", "40320000",
			    "모의투자 원주문내역이 없습니다." },
	[EXCH_NO_REST] = { "APBK0927", "정정취소 가능수량이 없습니다.", "40330000",
			   "모의투자 정정/취소할 수량이 없습니다." },
	[EXCH_NO_CHANGE_QTY] = { "APBK0928", "정정취소 가능수량을 초과 했습니다.", "40430000",
				 "모의투자 정정/취소 수량을 초과했습니다." },
	[EXCH_NO_BRANCH] = { "APBK0929", "한국거래소전송주문조직번호를 확인 하여 주십시요.", "40340000",
			     "모의투자 주문조직번호 오류" },
	[EXCH_NO_RESV] = { "APBK2940", "예약주문내역이 없습니다.", "90000000",
			   "모의투자에서는 해당업무가 제공되지 않습니다" },
	[EXCH_NO_LIMIT_TYPE] = { "APBK3013", "지정가 유형만 주문 가능합니다.", "40050000",
				 "모의투자 주문처리가 안되었습니다(주문구분 오류)" },
	[EXCH_NO_SAME_EXCHANGE] = { "APBK3014", "정정취소주문 불가합니다.", "40060000",
				    "모의투자 주문처리가 안되었습니다(거래소구분 오류)" },
};

/* Codes that nobody saw are settings; 0 = the table's. */
static int64_t paper_code(const struct call *call, enum exch_refusal refusal)
{
	const struct settings *set = &call->b->set;

	if (refusal == EXCH_NO_HOURS &&
	    kst_second_of(exch_now(call->b->ex)) < exch_today(call->b->ex)->open_s)
		return setting(set, SET_paper_early_code);
	return refusal == EXCH_NO_CASH   ? setting(set, SET_paper_cash_code)
	       : refusal == EXCH_NO_BAND ? setting(set, SET_paper_band_code)
					 : 0;
}

void rest_refuse_order(struct call *call, enum exch_refusal refusal)
{
	const char *text, *code;
	int64_t number;
	char rt_cd[8], own[32];

	BUG_IF(refusal <= EXCH_ACCEPTED || refusal >= EXCH_REFUSAL_COUNT || refusals[refusal].real_cd == NULL,
	       "every refusal of the exchange has a code");
	number = call->b->paper ? paper_code(call, refusal) : 0;
	code = call->b->paper ? refusals[refusal].paper_cd : refusals[refusal].real_cd;
	text = call->b->paper ? refusals[refusal].paper_text : refusals[refusal].real_text;
	if (number != 0)
		snprintf(own, sizeof own, "%08lld", (long long)number);
	else if (!call->b->paper && (refusal == EXCH_NO_SHARES || refusal == EXCH_NO_HOLDING))
		snprintf(own, sizeof own, "APBK%04d", (int)setting(&call->b->set, SET_shares_code));
	else if (!call->b->paper && refusal == EXCH_NO_LIMIT_TYPE)
		snprintf(own, sizeof own, "APBK%04d", (int)setting(&call->b->set, SET_nxt_type_code));
	else
		snprintf(own, sizeof own, "%s", code);
	if (number != 0 && refusal == EXCH_NO_HOURS) /* the text was seen, its code was not */
		text = "모의투자 장시작전 입니다.";
	snprintf(rt_cd, sizeof rt_cd, "%d", (int)setting(&call->b->set, SET_reject_rt_cd));
	rest_refuse(call, rt_cd, own, text);
}

const char *rest_refusal_text(const char *name)
{
	for (size_t i = EXCH_ACCEPTED + 1; i < EXCH_REFUSAL_COUNT; i++) {
		if (strcmp(exch_refusal_name((enum exch_refusal)i), name) == 0)
			return refusals[i].real_text;
	}
	return name;
}

static void accept_order(struct call *call, const struct exch_order *o, const char *paper_cd,
			 const char *paper_text)
{
	bool lower = setting(&call->b->set, SET_rvse_lower_case) != 0 && o->kind != EXCH_ORDER_NEW;
	struct json_out *j = &call->j;
	char at[KST_TEXT_SIZE];

	rest_order_done(call, call->b->paper ? paper_cd : "APBK0013",
			call->b->paper ? paper_text : "주문 전송 완료 되었습니다.");
	json_open(j, "output", '{');
	json_text(j, lower ? "krx_fwdg_ord_orgno" : "KRX_FWDG_ORD_ORGNO", o->branch);
	json_text(j, lower ? "odno" : "ODNO", o->odno);
	json_text(j, lower ? "ord_tmd" : "ORD_TMD", rest_time_digits(o->at, at));
	if (strcmp(o->excg, "SOR") == 0 || setting(&call->b->set, SET_sor_odno_always) != 0)
		json_text(j, lower ? "sor_odno" : "SOR_ODNO", "");
	json_close(j, '}');
	json_close(j, '}');
}

bool rest_order_number(struct call *call, const char *name, bool required, int64_t *out)
{
	const char *text = rest_param(call, name);

	*out = 0;
	if (text == NULL || *text == '\0') {
		if (!required)
			return true;
		rest_refuse_field(call, name);
		return false;
	}
	if (num_parse(text, strlen(text), out) && *out >= 0)
		return true;
	rest_refuse(call, "1", "IGW00007", "숫자 형식이 올바르지 않습니다.");
	return false;
}

void answer_order(struct call *call)
{
	struct exch_request rq = {
		.account = call->who->account,
		.side = (enum exch_side)call->route->variant,
		.code = rest_bare_code(rest_text(call, "PDNO")),
		.dvsn = rest_text(call, "ORD_DVSN"),
		.excg = rest_text(call, "EXCG_ID_DVSN_CD"),
		.by = "API",
	};
	const struct exch_order *o = NULL;
	enum exch_refusal refusal;

	if (!rest_order_number(call, "ORD_QTY", true, &rq.qty) ||
	    !rest_order_number(call, "ORD_UNPR", true, &rq.price_won) ||
	    !rest_order_number(call, "CNDT_PRIC", false, &rq.trigger_won))
		return;
	refusal = exch_order_new(call->b->ex, &rq, &o);
	if (refusal != EXCH_ACCEPTED)
		rest_refuse_order(call, refusal);
	else if (rq.side == EXCH_BUY)
		accept_order(call, o, "40600000", "모의투자 매수주문이 완료 되었습니다.");
	else
		accept_order(call, o, "40590000", "모의투자 매도주문이 완료 되었습니다.");
}

/* The text was recorded, its number was not. */
static void refuse_exchange(struct call *call, const struct exch_change *change)
{
	const struct exch_order *o = exch_order_of(call->b->ex, exch_today(call->b->ex)->day, change->orig);
	const char *what = change->cancel ? "취소" : "정정", *asked = rest_text(call, "EXCG_ID_DVSN_CD");
	char rt_cd[8], code[32], text[160];

	snprintf(rt_cd, sizeof rt_cd, "%d", (int)setting(&call->b->set, SET_reject_rt_cd));
	snprintf(code, sizeof code, "APBK%04d", (int)setting(&call->b->set, SET_change_excg_code));
	snprintf(text, sizeof text, "%s주문 불가합니다. 원주문 거래소[%s] %s주문 거래소[%s]", what,
		 o == NULL ? "" : o->excg, what, *asked == '\0' ? "KRX" : asked);
	rest_refuse(call, rt_cd, code, text);
}

void answer_change(struct call *call)
{
	const char *what = rest_text(call, "RVSE_CNCL_DVSN_CD"), *all = rest_text(call, "QTY_ALL_ORD_YN");
	struct exch_change change = {
		.account = call->who->account,
		.cancel = strcmp(what, "02") == 0,
		.orig = rest_text(call, "ORGN_ODNO"),
		.branch = rest_text(call, "KRX_FWDG_ORD_ORGNO"),
		.excg = setting(&call->b->set, SET_change_excg_code) == 0
				? NULL
				: rest_text(call, "EXCG_ID_DVSN_CD"),
		.all = strcmp(all, "Y") == 0,
		.dvsn = rest_text(call, "ORD_DVSN"),
		.by = "API",
	};
	const struct exch_order *o = NULL;
	enum exch_refusal refusal;
	char code[16];

	snprintf(code, sizeof code, "%08lld", (long long)setting(&call->b->set, SET_paper_modify_code));
	if (!change.cancel && strcmp(what, "01") != 0) {
		rest_refuse_field(call, "RVSE_CNCL_DVSN_CD");
		return;
	}
	if (!change.all && strcmp(all, "N") != 0) {
		rest_refuse_field(call, "QTY_ALL_ORD_YN");
		return;
	}
	if (*change.branch == '\0' && setting(&call->b->set, SET_orgno_required) != 0) {
		rest_refuse_field(call, "KRX_FWDG_ORD_ORGNO");
		return;
	}
	if (!rest_order_number(call, "ORD_QTY", !change.all, &change.qty) ||
	    !rest_order_number(call, "ORD_UNPR", !change.cancel, &change.price_won) ||
	    !rest_order_number(call, "CNDT_PRIC", false, &change.trigger_won))
		return;
	refusal = exch_order_change(call->b->ex, &change, &o);
	if (refusal == EXCH_NO_SAME_EXCHANGE && !call->b->paper)
		refuse_exchange(call, &change);
	else if (refusal != EXCH_ACCEPTED)
		rest_refuse_order(call, refusal);
	else if (change.cancel)
		accept_order(call, o, "40630000", "모의투자 취소주문이 완료 되었습니다.");
	else
		accept_order(call, o, code, "모의투자 정정주문이 완료 되었습니다.");
}

/* ---- open orders ---- */

static void open_row(struct call *call, const struct exch_order *o)
{
	struct json_out *j = &call->j;
	char at[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "ord_gno_brno", o->branch);
	json_text(j, "odno", o->odno);
	json_text(j, "orgn_odno", o->orig);
	json_text(j, "ord_dvsn_name", type_name(o->dvsn));
	json_text(j, "pdno", o->code);
	json_text(j, "prdt_name", rest_name_of(call->b, o->code));
	json_text(j, "rvse_cncl_dvsn_name", side_name(o));
	json_num(j, "ord_qty", o->qty);
	json_num(j, "ord_unpr", o->price_won);
	json_text(j, "ord_tmd", rest_time_digits(o->at, at));
	json_num(j, "tot_ccld_qty", o->filled_qty);
	json_num(j, "tot_ccld_amt", o->filled_won);
	json_num(j, "psbl_qty", o->remaining_qty);
	json_fmt(j, "sll_buy_dvsn_cd", "%02d", (int)o->side);
	json_text(j, "ord_dvsn_cd", o->dvsn);
	json_text(j, "mgco_aptm_odno", "");
	json_text(j, "excg_dvsn_cd", exchange_class(o->excg));
	json_text(j, "excg_id_dvsn_cd", o->excg);
	json_text(j, "excg_id_dvsn_name", o->excg);
	json_num(j, "stpm_cndt_pric", o->trigger_won);
	json_text(j, "stpm_efct_occr_yn", o->trigger_won == 0 ? "" : o->triggered_at.us != 0 ? "Y" : "N");
	json_close(j, '}');
}

/* Turns an oldest-first list round and, for rows that are carried twice, repeats them. Caller frees. */
static struct exch_order *arrange(struct call *call, const struct exch_order *rows, size_t row_count,
				  bool newest_first,
				  bool (*wanted)(struct call *call, const struct exch_order *o),
				  size_t *out_count)
{
	int every = setting(&call->b->set, SET_duplicate_rows) != 0 ? 2 : rest_row_copies(call);
	size_t count = 0;
	struct exch_order *out;

	for (size_t i = 0; i < row_count; i++)
		count += (size_t)every * (rows[i].copies > 0 ? rows[i].copies : 1);
	out = calloc(count + 1, sizeof *out);
	count = 0;
	for (size_t i = 0; out != NULL && i < row_count; i++) {
		const struct exch_order *o = &rows[newest_first ? row_count - 1 - i : i];

		if (wanted != NULL && !wanted(call, o))
			continue;
		for (uint32_t k = 0; k < (uint32_t)every * (o->copies > 0 ? o->copies : 1); k++)
			out[count++] = *o;
	}
	*out_count = count;
	return out;
}

static bool open_wanted(struct call *call, const struct exch_order *o)
{
	const char *side = rest_text(call, "INQR_DVSN_2");

	return strcmp(side, "1") == 0   ? o->side == EXCH_SELL
	       : strcmp(side, "2") == 0 ? o->side == EXCH_BUY
					: true;
}

void answer_open(struct call *call)
{
	struct exch_order *rows = NULL, *shown = NULL;
	size_t row_count = 0, shown_count = 0;
	const char *order = rest_text(call, "INQR_DVSN_1");
	struct page page;
	char fk[64], nk[32];

	if (*order != '\0' && (strlen(order) != 1 || strchr("012", *order) == NULL)) {
		rest_refuse_field(call, "INQR_DVSN_1");
		return;
	}
	if (exch_open_list(call->b->ex, call->who->account, &rows, &row_count) != REASON_OK ||
	    (shown = arrange(call, rows, row_count, true, open_wanted, &shown_count)) == NULL) {
		rest_list_failed(call);
		goto out;
	}
	if (rest_rows_hidden(call))
		shown_count = 0;
	if (!rest_page(call, "CTX_AREA_NK100", shown_count, (size_t)setting(&call->b->set, SET_page_open),
		       &page))
		goto out;
	snprintf(fk, sizeof fk, "%.8s^%.2s^", rest_text(call, "CANO"), rest_text(call, "ACNT_PRDT_CD"));
	snprintf(nk, sizeof nk, "%s^", page.to > 0 ? shown[page.to - 1].odno : "");
	rest_cursors(call, &page, "ctx_area_fk100", "ctx_area_nk100", fk, nk, 100);
	json_open(&call->j, "output", '[');
	for (size_t i = page.from; i < page.to; i++)
		open_row(call, &shown[i]);
	json_close(&call->j, ']');
	rest_done_list(call, &page, false);
out:
	free(shown);
	free(rows);
}

/* ---- buying power ---- */

/* Y or N; older clients send 1 or 0 and are understood. */
static bool flag_ok(struct call *call, const char *name)
{
	const char *value = rest_text(call, name);

	if (strlen(value) == 1 && strchr("YN10", *value) != NULL)
		return true;
	rest_refuse_field(call, name);
	return false;
}

void answer_power(struct call *call)
{
	const char *code = rest_bare_code(rest_text(call, "PDNO"));
	struct json_out *j = &call->j;
	struct exch_power power;
	int64_t price_won = 0;

	if (!flag_ok(call, "CMA_EVLU_AMT_ICLD_YN") || !flag_ok(call, "OVRS_ICLD_YN") ||
	    !rest_order_number(call, "ORD_UNPR", false, &price_won))
		return;
	if (*code != '\0' && exch_quote_of(call->b->ex, code) == NULL) {
		rest_refuse_order(call, EXCH_NO_SYMBOL);
		return;
	}
	exch_power_of(call->b->ex, call->who->account, code, rest_text(call, "ORD_DVSN"), price_won, &power);
	json_open(j, "output", '{');
	json_num(j, "ord_psbl_cash", power.cash_won);
	json_num(j, "ord_psbl_sbst", 0);
	json_num(j, "ruse_psbl_amt", power.reuse_won);
	json_num(j, "fund_rpch_chgs", 0);
	json_num(j, "psbl_qty_calc_unpr", power.calc_price_won);
	json_num(j, "nrcvb_buy_amt", power.amount_won);
	json_num(j, "nrcvb_buy_qty", power.qty);
	/* With margin: larger than the cash on a real account, which is why nobody should size by it. */
	json_num(j, "max_buy_amt", call->b->paper ? power.amount_won : power.amount_won * 2);
	json_num(j, "max_buy_qty", call->b->paper ? power.qty : power.qty * 2);
	json_num(j, "cma_evlu_amt", 0);
	json_num(j, "ovrs_re_use_amt_wcrc", 0);
	json_num(j, "ord_psbl_frcr_amt_wcrc", 0);
	json_close(j, '}');
	if (call->b->paper)
		rest_done(call, "20310000", "모의투자 조회가 완료되었습니다.", PADDED);
	else
		rest_done(call, "KIOK0510", "조회가 완료되었습니다", PADDED);
}

/* Purchase price with four decimals: real rounds, paper cuts after the third (measured). */
const char *rest_average_text(const struct broker *b, int64_t cost_won, int64_t qty,
			      char out[static SCALED_TEXT_SIZE])
{
	int64_t scaled = 0;

	if (qty > 0 && b->paper)
		scaled = (int64_t)((__int128)cost_won * 1000 / qty) * 10;
	else
		scaled = ratio_scaled(cost_won, qty, 1, 4);
	return scaled_text(scaled, 4, out);
}

static void holding_values(const struct exch_holding *h, int64_t *out_value_won, int64_t *out_gain_won)
{
	*out_value_won = h->price_won * h->qty;
	*out_gain_won = *out_value_won - h->cost_won;
}

/* ---- balance ---- */

void rest_holding_row(struct call *call, const struct exch_holding *h, bool with_profit)
{
	const struct exch_quote *q = exch_quote_of(call->b->ex, h->code);
	int64_t prev_won = q == NULL ? 0 : q->prev_close_won, value_won, gain_won, change_won;
	bool paper = call->b->paper, rates = setting(&call->b->set, SET_real_rates_filled) != 0;
	struct json_out *j = &call->j;
	char text[SCALED_TEXT_SIZE], rate[SCALED_TEXT_SIZE];

	holding_values(h, &value_won, &gain_won);
	change_won = prev_won == 0 ? 0 : h->price_won - prev_won;
	/* Paper gives the two decimals of the price, real eight. */
	scaled_text(paper ? ratio_scaled(change_won, prev_won, 100, 2) * 1000000
			  : ratio_scaled(change_won, prev_won, 100, 8),
		    8, rate);
	json_open(j, NULL, '{');
	json_text(j, "pdno", h->code);
	json_text(j, "prdt_name", rest_name_of(call->b, h->code));
	json_text(j, "trad_dvsn_name", "현금");
	json_num(j, "bfdy_buy_qty", h->bfdy_buy_qty);
	json_num(j, "bfdy_sll_qty", h->bfdy_sell_qty);
	json_num(j, "thdt_buyqty", h->thdt_buy_qty);
	json_num(j, "thdt_sll_qty", h->thdt_sell_qty);
	json_num(j, "hldg_qty", h->qty);
	json_num(j, "ord_psbl_qty", h->sellable_qty);
	json_text(j, "pchs_avg_pric", rest_average_text(call->b, h->cost_won, h->qty, text));
	json_num(j, "pchs_amt", h->cost_won);
	json_num(j, "prpr", h->price_won);
	json_num(j, "evlu_amt", value_won);
	json_num(j, "evlu_pfls_amt", gain_won);
	rest_ratio(j, "evlu_pfls_rt", gain_won, h->cost_won, 100, 2);
	rest_ratio(j, "evlu_erng_rt", rates ? gain_won : 0, h->cost_won, 100, 8);
	json_text(j, "loan_dt", "");
	json_num(j, "loan_amt", 0);
	json_num(j, "stln_slng_chgs", 0);
	json_text(j, "expd_dt", "");
	if (with_profit) {
		json_text(j, "stck_loan_unpr", "0.0000");
		json_num(j, "bfdy_cprs_icdc", change_won);
		json_text(j, "fltt_rt", rate);
	} else {
		json_text(j, "fltt_rt", rate);
		json_num(j, "bfdy_cprs_icdc", change_won);
		json_text(j, "item_mgna_rt_name", paper ? "20%" : "30%");
		json_text(j, "grta_rt_name", paper ? "" : "45%");
		json_num(j, "sbst_pric", paper ? 0 : prev_won * 76 / 100 / 10 * 10);
		json_text(j, "stck_loan_unpr", "0.0000");
	}
	json_close(j, '}');
}

void rest_balance_totals(struct call *call, const struct exch_cash *cash)
{
	bool rates = setting(&call->b->set, SET_real_rates_filled) != 0;
	int64_t change_won = cash->total_won - cash->bfdy_total_won;
	struct json_out *j = &call->j;

	json_num(j, "dnca_tot_amt", cash->deposit_won);
	json_num(j, "nxdy_excc_amt", cash->deposit_d1_won);
	json_num(j, "prvs_rcdl_excc_amt", cash->deposit_d2_won);
	json_num(j, "cma_evlu_amt", 0);
	json_num(j, "bfdy_buy_amt", cash->bfdy_buy_won);
	json_num(j, "thdt_buy_amt", cash->thdt_buy_won);
	json_num(j, "nxdy_auto_rdpt_amt", 0);
	json_num(j, "bfdy_sll_amt", cash->bfdy_sell_won);
	json_num(j, "thdt_sll_amt", cash->thdt_sell_won);
	json_num(j, "d2_auto_rdpt_amt", 0);
	json_num(j, "bfdy_tlex_amt", cash->bfdy_cost_won);
	json_num(j, "thdt_tlex_amt", cash->thdt_cost_won);
	json_num(j, "tot_loan_amt", 0);
	json_num(j, "scts_evlu_amt", cash->holdings_value_won);
	json_num(j, "tot_evlu_amt", cash->total_won);
	json_num(j, "nass_amt", cash->total_won);
	json_text(j, "fncg_gld_auto_rdpt_yn", "");
	json_num(j, "pchs_amt_smtl_amt", cash->holdings_cost_won);
	json_num(j, "evlu_amt_smtl_amt", cash->holdings_value_won);
	json_num(j, "evlu_pfls_smtl_amt", cash->holdings_value_won - cash->holdings_cost_won);
	json_num(j, "tot_stln_slng_chgs", 0);
	json_num(j, "bfdy_tot_asst_evlu_amt", cash->bfdy_total_won);
	json_num(j, "asst_icdc_amt", change_won);
	rest_ratio(j, "asst_icdc_erng_rt", rates ? change_won : 0, cash->bfdy_total_won, 100, 8);
}

/* One page of holdings as output1, with its cursors. False when the cursor asked for is not ours. */
bool rest_holdings_page(struct call *call, const struct exch_holding *rows, size_t row_count, bool realised,
			struct page *out)
{
	int copies = rest_row_copies(call);
	size_t shown;
	char fk[128] = "", nk[64];

	shown = rest_rows_hidden(call) ? 0 : row_count * (size_t)copies;
	if (!rest_page(call, "CTX_AREA_NK100", shown, (size_t)setting(&call->b->set, SET_page_balance), out))
		return false;
	if (!call->b->paper)
		snprintf(fk, sizeof fk, "%.8s^%.2s^%.1s^%.1s^%.2s^%.2s^%.1s^", rest_text(call, "CANO"),
			 rest_text(call, "ACNT_PRDT_CD"), rest_text(call, "AFHR_FLPR_YN"),
			 rest_text(call, "FNCG_AMT_AUTO_RDPT_YN"), rest_text(call, "INQR_DVSN"),
			 rest_text(call, "UNPR_DVSN"), rest_text(call, "FUND_STTL_ICLD_YN"));
	snprintf(nk, sizeof nk, "N^00000A%s^300^00000000^00^",
		 out->to > 0 ? rows[(out->to - 1) / (size_t)copies].code : "");
	rest_cursors(call, out, "ctx_area_fk100", "ctx_area_nk100", fk, nk, 100);
	json_open(&call->j, "output1", '[');
	for (size_t i = out->from; i < out->to; i++)
		rest_holding_row(call, &rows[i / (size_t)copies], realised);
	json_close(&call->j, ']');
	return true;
}

void answer_balance(struct call *call)
{
	static const char *const flags[] = {
		"AFHR_FLPR_YN",          "INQR_DVSN", "UNPR_DVSN", "FUND_STTL_ICLD_YN",
		"FNCG_AMT_AUTO_RDPT_YN", "PRCS_DVSN"
	};
	bool other_day = strcmp(rest_text(call, "PRCS_DVSN"), "01") != 0;
	struct exch_holding *rows = NULL;
	struct exch_cash cash = { 0 };
	size_t row_count = 0;
	struct page page;

	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		if (rest_param(call, flags[i]) == NULL) {
			rest_refuse_field(call, flags[i]);
			return;
		}
	}
	if (exch_holdings_list(call->b->ex, call->who->account, other_day, &rows, &row_count) != REASON_OK) {
		rest_list_failed(call);
		goto out;
	}
	if (!rest_holdings_page(call, rows, row_count, false, &page))
		goto out;
	if (call->faults.hit[FAULT_empty_success] == NULL)
		exch_cash_of(call->b->ex, call->who->account, &cash);
	json_open(&call->j, "output2", '[');
	json_open(&call->j, NULL, '{');
	rest_balance_totals(call, &cash);
	json_close(&call->j, '}');
	json_close(&call->j, ']');
	rest_done_list(call, &page, false);
out:
	free(rows);
}

/* ---- orders and fills ---- */

static bool daily_wanted(struct call *call, const struct exch_order *o)
{
	const char *side = rest_text(call, "SLL_BUY_DVSN_CD"),
		   *code = rest_bare_code(rest_text(call, "PDNO"));
	const char *odno = rest_text(call, "ODNO"), *filled = rest_text(call, "CCLD_DVSN");
	const char *excg = rest_text(call, "EXCG_ID_DVSN_CD");
	int64_t asked = 0, number = 0;

	if ((strcmp(side, "01") == 0 && o->side != EXCH_SELL) ||
	    (strcmp(side, "02") == 0 && o->side != EXCH_BUY))
		return false;
	if (*code != '\0' && strcmp(code, o->code) != 0)
		return false;
	if (*odno != '\0' && (!num_parse_loose(odno, strlen(odno), false, &asked) ||
			      !num_parse(o->odno, strlen(o->odno), &number) || asked != number))
		return false;
	if (strcmp(filled, "01") == 0 && o->filled_qty == 0)
		return false;
	if (strcmp(filled, "02") == 0 && o->remaining_qty == 0)
		return false;
	if (*excg != '\0' && strcmp(excg, "ALL") != 0 && strcmp(excg, o->excg) != 0)
		return false;
	return true;
}

static void daily_row(struct call *call, const struct exch_order *o)
{
	bool paper = call->b->paper, portal = setting(&call->b->set, SET_portal_spelling) != 0;
	bool zeros = setting(&call->b->set, SET_plain_orgn_odno) == 1;
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "ord_dt", rest_day_digits(o->day, text));
	json_text(j, "ord_gno_brno", o->branch);
	json_text(j, "odno", o->odno);
	json_text(j, "orgn_odno", o->orig[0] != '\0' ? o->orig : zeros ? "0000000000" : "");
	json_text(j, "ord_dvsn_name", type_name(o->dvsn));
	json_fmt(j, "sll_buy_dvsn_cd", "%02d", (int)o->side);
	json_text(j, "sll_buy_dvsn_cd_name", side_name(o));
	json_text(j, "pdno", o->code);
	json_text(j, "prdt_name", rest_name_of(call->b, o->code));
	json_num(j, "ord_qty", o->qty);
	json_num(j, "ord_unpr", o->price_won);
	json_text(j, "ord_tmd", rest_time_digits(o->at, text));
	json_num(j, "tot_ccld_qty", o->filled_qty);
	json_num(j, "avg_prvs", ratio_scaled(o->filled_won, o->filled_qty, 1, 0));
	json_text(j, "cncl_yn", o->kind == EXCH_ORDER_CANCEL ? "Y" : zeros ? "N" : "");
	json_num(j, "tot_ccld_amt", o->filled_won);
	json_text(j, "loan_dt", "");
	json_text(j, "ordr_empno",
		  strcmp(o->by, "API") == 0    ? "OpnAPI"
		  : strcmp(o->by, "HAND") == 0 ? "Nsmart"
					       : "");
	json_text(j, "ord_dvsn_cd", o->dvsn);
	json_num(j, portal ? "cnc_cfrm_qty" : "cncl_cfrm_qty", o->cancelled_qty + o->replaced_qty);
	json_num(j, "rmn_qty", o->remaining_qty);
	json_num(j, "rjct_qty", o->rejected_qty);
	json_text(j, "ccld_cndt_name", condition_name(o->dvsn));
	json_text(j, "inqr_ip_addr", strcmp(o->by, "API") == 0 ? "127.0.0.1" : "");
	json_text(j, "cpbc_ordp_ord_rcit_dvsn_cd", "");
	json_text(j, "cpbc_ordp_infm_mthd_dvsn_cd", "");
	json_text(j, "infm_tmd", "");
	json_text(j, "ctac_tlno", "");
	json_text(j, "prdt_type_cd", paper ? "300" : "");
	json_text(j, "excg_dvsn_cd", exchange_class(o->excg));
	json_text(j, "cpbc_ordp_mtrl_dvsn_cd", "");
	json_text(j, "ord_orgno", "00000");
	json_text(j, "rsvn_ord_end_dt", "");
	json_text(j, portal ? "excg_id_dvsn_Cd" : "excg_id_dvsn_cd", o->excg);
	json_num(j, "stpm_cndt_pric", o->trigger_won);
	json_text(j, "stpm_efct_occr_dtmd",
		  o->triggered_at.us == 0 ? "" : rest_time_digits(o->triggered_at, text));
	json_close(j, '}');
}

static void daily_totals(struct call *call, const struct exch_order *rows, size_t row_count)
{
	int64_t qty = 0, filled_qty = 0, filled_won = 0, cost_won = 0;
	struct json_out *j = &call->j;
	char text[SCALED_TEXT_SIZE];

	for (size_t i = 0; i < row_count; i++) {
		if (!daily_wanted(call, &rows[i]))
			continue;
		qty += rows[i].qty;
		filled_qty += rows[i].filled_qty;
		filled_won += rows[i].filled_won;
		cost_won += rows[i].cost_won;
	}
	if (setting(&call->b->set, SET_prsm_tlex_zero) != 0)
		cost_won = 0;
	json_open(j, "output2", '{');
	json_num(j, "tot_ord_qty", qty);
	json_num(j, "tot_ccld_qty", filled_qty);
	json_num(j, "tot_ccld_amt", filled_won);
	json_num(j, "prsm_tlex_smtl", cost_won);
	json_text(j, "pchs_avg_pric", scaled_text(ratio_scaled(filled_won, filled_qty, 1, 4), 4, text));
	json_close(j, '}');
}

/* First day of the last three calendar months. */
static struct kst_day three_months_before(struct kst_day day)
{
	int32_t year = day.yyyymmdd / 10000, month = day.yyyymmdd / 100 % 100 - 3, date = day.yyyymmdd % 100;

	if (month < 1) {
		month += 12;
		year--;
	}
	return (struct kst_day){ year * 10000 + month * 100 + (date > 28 ? 28 : date) };
}

/* A client on the host's clock that asks for its own today means the day that is played. */
static bool means_played_day(const struct call *call, struct kst_day from, struct kst_day to)
{
	struct timespec now;
	struct kst_day today;

	if (!call->b->host_clients || clock_gettime(CLOCK_REALTIME, &now) != 0)
		return false;
	today = kst_day_of((struct wall){ (int64_t)now.tv_sec * US_PER_S });
	return from.yyyymmdd <= today.yyyymmdd && today.yyyymmdd <= to.yyyymmdd;
}

void answer_daily(struct call *call)
{
	struct kst_day from, to, played = kst_day_of(broker_now(call->b)),
				 border = three_months_before(played);
	const struct fault *oldest = call->faults.hit[FAULT_oldest];
	bool newest_first = strcmp(rest_text(call, "INQR_DVSN"), "01") != 0, hidden;
	struct exch_order *rows = NULL, *shown = NULL;
	size_t row_count = 0, shown_count = 0, kept = 0;
	struct page page;
	struct kst_day first, asked_from, asked_to;
	char fk[160], nk[48], start_text[KST_TEXT_SIZE], end_text[KST_TEXT_SIZE];

	if (!rest_day(call, "INQR_STRT_DT", &from) || !rest_day(call, "INQR_END_DT", &to))
		return;
	if (oldest != NULL && kst_day_parse(oldest->text, &first) && from.yyyymmdd < first.yyyymmdd) {
		rest_refuse_field(call, "INQR_STRT_DT");
		return;
	}
	kst_day_digits(from, start_text);
	kst_day_digits(to, end_text);
	/* A client on the host's clock takes the day that is played for an old one: it finds it in both lists. */
	if (call->route->variant == 0 && !call->b->host_clients && from.yyyymmdd < border.yyyymmdd)
		from = border;
	if (call->route->variant == 1 && !call->b->host_clients && to.yyyymmdd >= border.yyyymmdd)
		to = kst_day_add(border, -1);
	asked_from = from;
	asked_to = to;
	if (means_played_day(call, from, to)) {
		from = played.yyyymmdd < from.yyyymmdd ? played : from;
		to = played.yyyymmdd > to.yyyymmdd ? played : to;
	}
	if (from.yyyymmdd <= to.yyyymmdd &&
	    exch_daily_list(call->b->ex, call->who->account, from, to, &rows, &row_count) != REASON_OK) {
		rest_list_failed(call);
		goto out;
	}
	for (size_t i = 0; i < row_count;
	     i++) { /* none of the days between the played one and those asked for */
		if (kst_day_same(rows[i].day, played) || (rows[i].day.yyyymmdd >= asked_from.yyyymmdd &&
							  rows[i].day.yyyymmdd <= asked_to.yyyymmdd))
			rows[kept++] = rows[i];
	}
	row_count = kept;
	if (call->faults.hit[FAULT_empty_success] != NULL)
		row_count = 0;
	shown = arrange(call, rows, row_count, newest_first, daily_wanted, &shown_count);
	if (shown == NULL) {
		rest_list_failed(call);
		goto out;
	}
	hidden = rest_rows_hidden(call) ||
		 setting(&call->b->set, call->old_id ? SET_ccld_old_empty : SET_ccld_new_empty) != 0;
	if (hidden)
		shown_count = 0;
	if (!rest_page(call, "CTX_AREA_NK100", shown_count, (size_t)setting(&call->b->set, SET_page_ccld),
		       &page))
		goto out;
	snprintf(fk, sizeof fk, "%.8s!^%.2s!^%s!^%s!^%s%.7s!^%.2s!^%.2s!^%.2s!^", rest_text(call, "CANO"),
		 rest_text(call, "ACNT_PRDT_CD"), start_text, end_text,
		 *rest_text(call, "PDNO") != '\0' ? "00000A" : "", rest_bare_code(rest_text(call, "PDNO")),
		 rest_text(call, "INQR_DVSN"), rest_text(call, "CCLD_DVSN"), rest_text(call, "INQR_DVSN_3"));
	if (call->b->paper)
		fk[0] = '\0';
	snprintf(nk, sizeof nk, "%d!^%s!^", page.to > 0 ? shown[page.to - 1].day.yyyymmdd : 0,
		 page.to > 0 ? shown[page.to - 1].odno : "");
	{ /* the cursor's own separator ends its last part too */
		char *at = nk;

		while ((at = strchr(at, '!')) != NULL)
			*at = '^';
	}
	rest_cursors(call, &page, "ctx_area_fk100", "ctx_area_nk100", fk, nk, 100);
	json_open(&call->j, "output1", '[');
	for (size_t i = page.from; i < page.to; i++)
		daily_row(call, &shown[i]);
	json_close(&call->j, ']');
	daily_totals(call, rows, row_count);
	if (call->b->paper && shown_count == 0)
		rest_done(call, "70070000", "모의투자 조회할 내역(자료)이 없습니다.", PADDED);
	else
		rest_done_list(call, &page, true);
out:
	free(shown);
	free(rows);
}
