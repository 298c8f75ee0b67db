/* rest_resv - reservations and corporate rights. Source: the broker's pages on reserved orders and rights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define PERIOD_DAYS_MAX 30 /* a period reservation ends at most so many calendar days ahead */
#define SENT_BEFORE_S   2340 /* the broker sends 39 minutes before the open: 08:21 of an ordinary day */

/* ---- taking them ---- */

static int32_t clock_s(int hour, int minute)
{
	return hour * 3600 + minute * 60;
}

/* The sources disagree on the hours; `resv_hours` chooses. On a day without trading the day itself is open too. */
static bool taken_now(const struct call *call)
{
	static const struct {
		int32_t from_s, to_s;
	} hours[] = { { 57600, 27000 }, { 56400, 27000 }, { 60000, 30600 } };
	int64_t which = setting(&call->b->set, SET_resv_hours);
	struct wall now = broker_now(call->b);
	int32_t s = kst_second_of(now);

	if (which >= (int64_t)ARRAY_COUNT(hours))
		return true;
	if (s >= clock_s(23, 40) || s < clock_s(0, 10)) /* the server is set up for the next day */
		return false;
	return s >= hours[which].from_s || s < hours[which].to_s || !rest_day_open(call->b, kst_day_of(now));
}

/* The day the order goes to the exchange. */
static struct kst_day send_day(const struct call *call)
{
	struct wall now = broker_now(call->b);
	struct kst_day day = kst_day_of(now);
	const struct exch_day *today = exch_today(call->b->ex);
	bool still = kst_day_same(day, today->day) && kst_second_of(now) < today->open_s - SENT_BEFORE_S;

	if (!still || !rest_day_open(call->b, day)) {
		do {
			day = kst_day_add(day, 1);
		} while (!rest_day_open(call->b, day));
	}
	return day;
}

static bool period_read(struct call *call, struct exch_resv *out)
{
	const char *text = rest_text(call, "RSVN_ORD_END_DT");
	struct kst_day today = kst_day_of(broker_now(call->b));

	if (*text == '\0')
		return true;
	if (!rest_day(call, "RSVN_ORD_END_DT", &out->period_end))
		return false;
	if (out->period_end.yyyymmdd >= out->send_day.yyyymmdd &&
	    out->period_end.yyyymmdd <= kst_day_add(today, PERIOD_DAYS_MAX).yyyymmdd &&
	    rest_day_open(call->b, out->period_end))
		return true;
	rest_refuse_field(call, "RSVN_ORD_END_DT");
	return false;
}

static bool resv_read(struct call *call, struct exch_resv *out)
{
	const char *side = rest_text(call, "SLL_BUY_DVSN_CD"),
		   *code = rest_bare_code(rest_text(call, "PDNO"));
	const char *dvsn = rest_text(call, "ORD_DVSN_CD"),
		   *against = rest_text(call, "ORD_OBJT_CBLC_DVSN_CD");

	*out = (struct exch_resv){ .account = call->who->account, .send_day = send_day(call), .by = "API" };
	if (strcmp(side, "01") != 0 && strcmp(side, "02") != 0) {
		rest_refuse_field(call, "SLL_BUY_DVSN_CD");
		return false;
	}
	out->side = side[1] == '1' ? EXCH_SELL : EXCH_BUY;
	if (strcmp(against, "10") != 0) { /* credit is not played */
		rest_refuse_field(call, "ORD_OBJT_CBLC_DVSN_CD");
		return false;
	}
	if (strlen(dvsn) != 2 || strlen(code) >= sizeof out->code) {
		rest_refuse_order(call, strlen(dvsn) != 2 ? EXCH_NO_TYPE : EXCH_NO_SYMBOL);
		return false;
	}
	snprintf(out->dvsn, sizeof out->dvsn, "%.2s", dvsn);
	snprintf(out->code, sizeof out->code, "%s", code);
	return rest_order_number(call, "ORD_QTY", true, &out->qty) &&
	       rest_order_number(call, "ORD_UNPR", true, &out->price_won) && period_read(call, out);
}

static bool hours_ok(struct call *call)
{
	if (taken_now(call))
		return true;
	if (setting(&call->b->set, SET_resv_hours) == 2)
		rest_refuse(call, "7", "KIER3672", "예약주문 가능시간(16:40~08:30)이 아닙니다.");
	else
		rest_refuse_order(call, EXCH_NO_HOURS);
	return false;
}

void answer_resv_new(struct call *call)
{
	struct exch_resv resv;
	enum exch_refusal refusal;
	int64_t seq = 0;

	if (!hours_ok(call) || !resv_read(call, &resv))
		return;
	refusal = exch_resv_new(call->b->ex, &resv, &seq);
	if (refusal != EXCH_ACCEPTED) {
		rest_refuse_order(call, refusal);
		return;
	}
	rest_order_done(call, "APBK2938", "예약주문이 접수되었습니다.");
	json_open(&call->j, "output", '{');
	json_num(&call->j,
		 (setting(&call->b->set, SET_rvse_lower_case) != 0) ? "rsvn_ord_seq" : "RSVN_ORD_SEQ", seq);
	json_close(&call->j, '}');
	json_close(&call->j, '}');
}

static bool orgno_ok(struct call *call)
{
	static const char *const names[] = { "RSVN_ORD_ORGNO", "RSVN_ORD_ORD_DT" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (setting(&call->b->set, SET_resv_orgno_required) != 0 &&
		    *rest_text(call, names[i]) == '\0') {
			rest_refuse_field(call, names[i]);
			return false;
		}
	}
	return true;
}

void answer_resv_change(struct call *call)
{
	bool cancel = call->route->variant == RESV_CANCEL,
	     renumber = !cancel && setting(&call->b->set, SET_resv_new_number) != 0;
	struct exch_resv resv = { 0 };
	enum exch_refusal refusal;
	int64_t seq = 0, fresh = 0;

	if (!hours_ok(call) || !rest_order_number(call, "RSVN_ORD_SEQ", true, &seq) || !orgno_ok(call) ||
	    (!cancel && !resv_read(call, &resv)))
		return;
	refusal = exch_resv_change(call->b->ex, call->who->account, seq, cancel || renumber, &resv);
	if (refusal == EXCH_ACCEPTED && renumber)
		refusal = exch_resv_new(call->b->ex, &resv, &fresh);
	if (refusal != EXCH_ACCEPTED) {
		rest_refuse_order(call, refusal);
		return;
	}
	rest_order_done(call, "KIOK0430", "정상적으로 처리되었습니다");
	json_open(&call->j, "output", '{');
	json_text(&call->j,
		  (setting(&call->b->set, SET_rvse_lower_case) != 0) ? "nrml_prcs_yn" : "NRML_PRCS_YN", "Y");
	json_close(&call->j, '}');
	json_close(&call->j, '}');
}

/* ---- their list ---- */

static bool resv_wanted(struct call *call, const struct exch_resv *r, struct kst_day from, struct kst_day to)
{
	const char *state = rest_text(call, "PRCS_DVSN_CD"), *code = rest_bare_code(rest_text(call, "PDNO"));
	const char *side = rest_text(call, "SLL_BUY_DVSN_CD"), *seq = rest_text(call, "RSVN_ORD_SEQ");
	int64_t number = 0;

	if (r->visible_at.us > broker_now(call->b).us)
		return false;
	if (r->send_day.yyyymmdd < from.yyyymmdd || r->send_day.yyyymmdd > to.yyyymmdd)
		return false;
	if ((strcmp(state, "1") == 0 && !r->processed) || (strcmp(state, "2") == 0 && r->processed))
		return false;
	if (strcmp(rest_text(call, "CNCL_YN"), "Y") == 0 && r->cancelled)
		return false;
	if (*code != '\0' && strcmp(code, r->code) != 0)
		return false;
	if ((strcmp(side, "01") == 0 && r->side != EXCH_SELL) ||
	    (strcmp(side, "02") == 0 && r->side != EXCH_BUY))
		return false;
	return *seq == '\0' || (num_parse_loose(seq, strlen(seq), false, &number) && number == r->seq);
}

static void seconds_digits(struct json_out *j, const char *key, bool given, int32_t s)
{
	if (given)
		json_fmt(j, key, "%02d%02d%02d", s / 3600, s / 60 % 60, s % 60);
	else
		json_text(j, key, "");
}

static void resv_row(struct call *call, const struct exch_resv *r)
{
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_num(j, "rsvn_ord_seq", r->seq);
	json_text(j, "rsvn_ord_ord_dt", rest_day_digits(r->send_day, text));
	json_text(j, "rsvn_ord_rcit_dt", rest_day_digits(r->taken_day, text));
	json_text(j, "pdno", r->code);
	json_text(j, "ord_dvsn_cd", "01"); /* whatever its type was: so in every row seen */
	json_num(j, "ord_rsvn_qty", r->qty);
	json_num(j, "tot_ccld_qty", r->filled_qty);
	json_text(j, "cncl_ord_dt", rest_day_digits(r->cancelled_day, text));
	seconds_digits(j, "ord_tmd", r->odno[0] != '\0', r->sent_s);
	json_text(j, "ctac_tlno", "");
	json_text(j, "rjct_rson2",
		  r->result[0] != '\0' ? rest_refusal_text(r->result)
		  : r->odno[0] != '\0' ? "정상 처리 완료되었습니다."
				       : "");
	json_text(j, "odno", r->odno);
	seconds_digits(j, "rsvn_ord_rcit_tmd", true, r->taken_s);
	json_text(j, "kor_item_shtn_name", rest_name_of(call->b, r->code));
	json_fmt(j, "sll_buy_dvsn_cd", "%02d", (int)r->side);
	json_num(j, "ord_rsvn_unpr", r->price_won);
	json_num(j, "tot_ccld_amt", r->filled_won);
	json_text(j, "loan_dt", "");
	seconds_digits(j, "cncl_rcit_tmd", r->cancelled_day.yyyymmdd != 0, r->cancelled_s);
	json_text(j, "prcs_rslt", r->processed ? "처리" : "미처리");
	json_text(j, "ord_dvsn_name", r->side == EXCH_BUY ? "현금매수" : "현금매도");
	json_text(j, "tmnl_mdia_kind_cd", "31");
	json_text(j, "rsvn_end_dt", rest_day_digits(r->period_end, text));
	json_close(j, '}');
}

void answer_resv_list(struct call *call)
{
	struct exch_resv *rows = NULL;
	size_t row_count = 0, shown = 0;
	struct kst_day from, to;
	struct page page;
	char fk[160];

	if (!rest_day(call, "RSVN_ORD_ORD_DT", &from) || !rest_day(call, "RSVN_ORD_END_DT", &to))
		return;
	if (exch_resv_list(call->b->ex, call->who->account, &rows, &row_count) != REASON_OK) {
		rest_list_failed(call);
		goto out;
	}
	for (size_t i = 0; i < row_count; i++) {
		if (resv_wanted(call, &rows[i], from, to))
			rows[shown++] = rows[i];
	}
	if (rest_rows_hidden(call))
		shown = 0;
	if (!rest_page(call, "CTX_AREA_NK200", shown, (size_t)setting(&call->b->set, SET_page_resv), &page))
		goto out;
	snprintf(fk, sizeof fk, "%.8s!^null!^%.1s!^%.1s!^!^", rest_text(call, "RSVN_ORD_ORD_DT"),
		 rest_text(call, "PRCS_DVSN_CD"), rest_text(call, "CNCL_YN"));
	if (page.last) {
		json_padded(&call->j, "ctx_area_fk200", fk, 200);
		json_padded(&call->j, "ctx_area_nk200", " !^ !^",
			    200); /* not blank on the last page: documented */
	} else {
		rest_cursors(call, &page, "ctx_area_fk200", "ctx_area_nk200", fk, " !^ !^", 200);
	}
	json_open(&call->j, "output", '[');
	for (size_t i = page.from; i < page.to; i++)
		resv_row(call, &rows[i]);
	json_close(&call->j, ']');
	rest_done_list(call, &page, true);
out:
	free(rows);
}

/* ---- corporate rights ---- */

static void right_row(struct call *call, const struct right_row *r)
{
	const char *number = exch_account_at(call->b->ex, r->account)->number;
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_fmt(j, "acno10", "%.8s%.2s", number, number + 9);
	json_text(j, "rght_type_cd", r->type);
	json_text(j, "bass_dt", rest_day_digits(r->day, text));
	json_text(j, "rght_cblc_type_cd", "03");
	json_fmt(j, "rptt_pdno", "00000A%s", r->code);
	json_fmt(j, "pdno", "00000A%s", r->code);
	json_text(j, "prdt_type_cd", "300");
	json_text(j, "shtn_pdno", r->code);
	json_text(j, "prdt_name", rest_name_of(call->b, r->code));
	json_num(j, "cblc_qty", r->qty_before);
	json_num(j, "last_alct_qty", r->qty_after);
	json_num(j, "excs_alct_qty", 0);
	json_num(j, "tot_alct_qty", r->qty_after);
	json_text(j, "last_ftsk_qty", "0.0000000000");
	json_num(j, "last_alct_amt", 0);
	json_num(j, "last_ftsk_chgs", 0);
	json_num(j, "rdpt_prca", 0);
	json_num(j, "dlay_int_amt", 0);
	json_text(j, "lstg_dt", rest_day_digits(r->day, text));
	json_text(j, "sbsc_end_dt", "");
	json_text(j, "cash_dfrm_dt", "");
	json_num(j, "rqst_qty", 0);
	json_num(j, "rqst_amt", 0);
	json_text(j, "rqst_dt", "");
	json_text(j, "rfnd_dt", "");
	json_num(j, "rfnd_amt", 0);
	json_num(j, "lstg_stqt", 0);
	json_num(j, "tax_amt", 0);
	json_text(j, "sbsc_unpr", "0.0000");
	json_close(j, '}');
}

void answer_rights(struct call *call)
{
	const struct right_row *shown[RIGHTS_MAX];
	const char *type = rest_text(call, "RGHT_TYPE_CD"), *code = rest_bare_code(rest_text(call, "PDNO"));
	struct kst_day from, to;
	struct page page;
	size_t count = 0;
	char fk[160];

	if (!rest_day(call, "INQR_STRT_DT", &from) || !rest_day(call, "INQR_END_DT", &to))
		return;
	for (size_t i = 0; i < call->b->right_count && !rest_rows_hidden(call); i++) {
		const struct right_row *r = &call->b->rights[i];

		if (r->account == call->who->account && r->day.yyyymmdd >= from.yyyymmdd &&
		    r->day.yyyymmdd <= to.yyyymmdd && (*type == '\0' || strcmp(type, r->type) == 0) &&
		    (*code == '\0' || strcmp(code, r->code) == 0))
			shown[count++] = r;
	}
	if (!rest_page(call, "CTX_AREA_NK100", count, (size_t)setting(&call->b->set, SET_page_rights), &page))
		return;
	snprintf(fk, sizeof fk, "%.2s!^!^!^%.8s!^%.2s!^%.8s!^%.8s!^%.2s!^!^", rest_text(call, "INQR_DVSN"),
		 rest_text(call, "CANO"), rest_text(call, "ACNT_PRDT_CD"), rest_text(call, "INQR_STRT_DT"),
		 rest_text(call, "INQR_END_DT"), type);
	{ /* here the NK cursor comes first */
		char nk[32] = "";

		if (!page.last)
			snprintf(nk, sizeof nk, "%zu^", page.to);
		json_padded(&call->j, "ctx_area_nk100", nk, 100);
		json_padded(&call->j, "ctx_area_fk100", fk, 100);
	}
	json_open(&call->j, "output", '[');
	for (size_t i = page.from; i < page.to; i++)
		right_row(call, shown[i]);
	json_close(&call->j, ']');
	rest_done_list(call, &page, true);
}
