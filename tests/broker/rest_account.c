/* rest_account - sellable shares, realised profit, assets, margin. Source: the broker's pages on accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define ASSET_ROWS    20
#define ASSET_STOCKS  0 /* rows of the list of assets that are not empty */
#define ASSET_DEPOSIT 17
#define ASSET_TOTAL   19

/* ---- sellable ---- */

void answer_sellable(struct call *call)
{
	const char *code = rest_bare_code(rest_text(call, "PDNO"));
	struct exch_holding *rows = NULL, none = { 0 };
	const struct exch_holding *h = &none;
	struct json_out *j = &call->j;
	int64_t value_won, gain_won;
	char text[SCALED_TEXT_SIZE];
	size_t row_count = 0;

	if (exch_holdings_list(call->b->ex, call->who->account, true, &rows, &row_count) != REASON_OK) {
		rest_list_failed(call);
		return;
	}
	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].code, code) == 0)
			h = &rows[i];
	}
	value_won = h->price_won * h->qty;
	gain_won = value_won - h->cost_won;
	json_open(j, setting(&call->b->set, SET_psbl_sell_output1) != 0 ? "output1" : "output", '{');
	json_text(j, "pdno", code);
	json_text(j, "prdt_name", rest_name_of(call->b, code));
	json_num(j, "buy_qty", h->qty + h->thdt_sell_qty);
	json_num(j, "sll_qty", h->thdt_sell_qty);
	json_num(j, "cblc_qty", h->qty);
	json_num(j, "nsvg_qty", 0);
	json_num(j, "ord_psbl_qty", exch_sellable_of(call->b->ex, call->who->account, code));
	json_text(j, "pchs_avg_pric", rest_average_text(call->b, h->cost_won, h->qty, text));
	json_num(j, "pchs_amt", h->cost_won);
	json_num(j, "now_pric", h->price_won);
	json_num(j, "evlu_amt", value_won);
	json_num(j, "evlu_pfls_amt", gain_won);
	rest_ratio(j, "evlu_pfls_rt", gain_won, h->cost_won, 100, 2);
	json_close(j, '}');
	rest_done(call, "KIOK0420", "정상적으로 조회되었습니다", true);
	free(rows);
}

/* ---- balance with realised profit ---- */

/* Profit of today's sales and the cost of what was sold. */
static void realised_of(const struct exch_holding *rows, size_t row_count, const struct exch_cash *cash,
			bool with_costs, int64_t *out_won, int64_t *out_basis_won)
{
	int64_t won = 0;

	for (size_t i = 0; i < row_count; i++)
		won += rows[i].thdt_realised_won;
	*out_basis_won = cash->thdt_sell_won - won;
	*out_won = with_costs ? won - cash->thdt_cost_won : won;
}

static void realised_totals(struct call *call, const struct exch_holding *rows, size_t row_count)
{
	bool object = setting(&call->b->set, SET_realised_object) != 0;
	int64_t won, basis_won, gain_won;
	struct json_out *j = &call->j;
	struct exch_cash cash;

	exch_cash_of(call->b->ex, call->who->account, &cash);
	realised_of(rows, row_count, &cash, strcmp(rest_text(call, "COST_ICLD_YN"), "Y") == 0, &won,
		    &basis_won);
	gain_won = cash.holdings_value_won - cash.holdings_cost_won;
	if (!object)
		json_open(j, "output2", '[');
	json_open(j, object ? "output2" : NULL, '{');
	rest_balance_totals(call, &cash);
	json_num(j, "rlzt_pfls", won);
	rest_ratio(j, "rlzt_erng_rt", won, basis_won, 100, 8);
	json_num(j, "real_evlu_pfls", gain_won);
	rest_ratio(j, "real_evlu_pfls_erng_rt", gain_won, cash.holdings_cost_won, 100, 8);
	json_close(j, '}');
	if (!object)
		json_close(j, ']');
}

void answer_realised(struct call *call)
{
	static const char *const names[] = {
		"AFHR_FLPR_YN",          "INQR_DVSN", "UNPR_DVSN",   "FUND_STTL_ICLD_YN",
		"FNCG_AMT_AUTO_RDPT_YN", "PRCS_DVSN", "COST_ICLD_YN"
	};
	struct exch_holding *rows = NULL;
	size_t row_count = 0;
	struct page page;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (rest_param(call, names[i]) == NULL) {
			rest_refuse_field(call, names[i]);
			return;
		}
	}
	if (exch_holdings_list(call->b->ex, call->who->account,
			       strcmp(rest_text(call, "PRCS_DVSN"), "01") != 0, &rows,
			       &row_count) != REASON_OK) {
		rest_list_failed(call);
		goto out;
	}
	if (!rest_holdings_page(call, rows, row_count, true, &page))
		goto out;
	realised_totals(call, rows, row_count);
	rest_done_list(call, &page, false);
out:
	free(rows);
}

/* ---- assets ---- */

static void asset_row(struct json_out *j, int64_t cost_won, int64_t value_won, int64_t total_won)
{
	json_open(j, NULL, '{');
	json_num(j, "pchs_amt", cost_won);
	json_num(j, "evlu_amt", value_won);
	json_num(j, "evlu_pfls_amt", cost_won == 0 ? 0 : value_won - cost_won);
	json_num(j, "crdt_lnd_amt", 0);
	json_num(j, "real_nass_amt", value_won);
	rest_ratio(j, "whol_weit_rt", value_won, total_won, 100, 8);
	json_close(j, '}');
}

static void asset_totals(struct json_out *j, const struct exch_cash *c)
{
	json_num(j, "pchs_amt_smtl", c->holdings_cost_won);
	json_num(j, "nass_tot_amt", c->total_won);
	json_num(j, "loan_amt_smtl", 0);
	json_num(j, "evlu_pfls_amt_smtl", c->holdings_value_won - c->holdings_cost_won);
	json_num(j, "evlu_amt_smtl", c->holdings_value_won);
	json_num(j, "tot_asst_amt", c->total_won);
	json_num(j, "tot_lnda_tot_ulst_lnda", 0);
	json_num(j, "cma_auto_loan_amt", 0);
	json_num(j, "tot_mgln_amt", 0);
	json_num(j, "stln_evlu_amt", 0);
	json_num(j, "crdt_fncg_amt", 0);
	json_num(j, "ocl_apl_loan_amt", 0);
	json_num(j, "pldg_stup_amt", 0);
	json_num(j, "frcr_evlu_tota", 0);
	json_num(j, "tot_dncl_amt", c->deposit_d2_won);
	json_num(j, "cma_evlu_amt", 0);
	json_num(j, "dncl_amt", c->deposit_won);
	json_num(j, "tot_sbst_amt", 0);
	json_num(j, "thdt_rcvb_amt", 0);
	json_text(j, "ovrs_stck_evlu_amt1", "0.000000");
	json_text(j, "ovrs_bond_evlu_amt", "0.000000");
	json_num(j, "mmf_cma_mgge_loan_amt", 0);
	json_num(j, "sbsc_dncl_amt", 0);
	json_num(j, "pbst_sbsc_fnds_loan_use_amt", 0);
	json_num(j, "etpr_crdt_grnt_loan_amt", 0);
}

void answer_assets(struct call *call)
{
	bool capital = setting(&call->b->set, SET_capital_output) != 0;
	struct json_out *j = &call->j;
	struct exch_cash c = { 0 };

	if (call->faults.hit[FAULT_empty_success] == NULL)
		exch_cash_of(call->b->ex, call->who->account, &c);
	json_open(j, capital ? "Output1" : "output1", '[');
	for (int i = 0; i < ASSET_ROWS && !rest_rows_hidden(call); i++) {
		if (i == ASSET_STOCKS)
			asset_row(j, c.holdings_cost_won, c.holdings_value_won, c.total_won);
		else if (i == ASSET_DEPOSIT)
			asset_row(j, 0, c.deposit_d2_won, c.total_won);
		else if (i == ASSET_TOTAL)
			asset_row(j, c.holdings_cost_won, c.total_won, c.total_won);
		else
			asset_row(j, 0, 0, c.total_won);
	}
	json_close(j, ']');
	json_open(j, capital ? "Output2" : "output2", '{');
	asset_totals(j, &c);
	json_close(j, '}');
	rest_done(call, "KIOK0510", "조회가 완료되었습니다", true);
}

/* ---- margin of all currencies: only the won of the deposit is not 0 ---- */

/* In the order of the field list. */
static const char *const margin_fields[] = {
	"acmga_rt",
	"acmga_pct100_aptm_rson",
	"stck_cash_objt_amt",
	"stck_sbst_objt_amt",
	"stck_evlu_objt_amt",
	"stck_ruse_psbl_objt_amt",
	"stck_fund_rpch_chgs_objt_amt",
	"stck_fncg_rdpt_objt_atm",
	"bond_ruse_psbl_objt_amt",
	"stck_cash_use_amt",
	"stck_sbst_use_amt",
	"stck_evlu_use_amt",
	"stck_ruse_psbl_amt_use_amt",
	"stck_fund_rpch_chgs_use_amt",
	"stck_fncg_rdpt_amt_use_amt",
	"bond_ruse_psbl_amt_use_amt",
	"stck_cash_ord_psbl_amt",
	"stck_sbst_ord_psbl_amt",
	"stck_evlu_ord_psbl_amt",
	"stck_ruse_psbl_ord_psbl_amt",
	"stck_fund_rpch_ord_psbl_amt",
	"bond_ruse_psbl_ord_psbl_amt",
	"rcvb_amt",
	"stck_loan_grta_ruse_psbl_amt",
	"stck_cash20_max_ord_psbl_amt",
	"stck_cash30_max_ord_psbl_amt",
	"stck_cash40_max_ord_psbl_amt",
	"stck_cash50_max_ord_psbl_amt",
	"stck_cash60_max_ord_psbl_amt",
	"stck_cash100_max_ord_psbl_amt",
	"stck_rsip100_max_ord_psbl_amt",
	"bond_max_ord_psbl_amt",
	"stck_fncg45_max_ord_psbl_amt",
	"stck_fncg50_max_ord_psbl_amt",
	"stck_fncg60_max_ord_psbl_amt",
	"stck_fncg70_max_ord_psbl_amt",
	"stck_stln_max_ord_psbl_amt",
	"lmt_amt",
	"ovrs_stck_itgr_mgna_dvsn_name",
	"usd_objt_amt",
	"usd_use_amt",
	"usd_ord_psbl_amt",
	"hkd_objt_amt",
	"hkd_use_amt",
	"hkd_ord_psbl_amt",
	"jpy_objt_amt",
	"jpy_use_amt",
	"jpy_ord_psbl_amt",
	"cny_objt_amt",
	"cny_use_amt",
	"cny_ord_psbl_amt",
	"usd_ruse_objt_amt",
	"usd_ruse_amt",
	"usd_ruse_ord_psbl_amt",
	"hkd_ruse_objt_amt",
	"hkd_ruse_amt",
	"hkd_ruse_ord_psbl_amt",
	"jpy_ruse_objt_amt",
	"jpy_ruse_amt",
	"jpy_ruse_ord_psbl_amt",
	"cny_ruse_objt_amt",
	"cny_ruse_amt",
	"cny_ruse_ord_psbl_amt",
	"usd_gnrl_ord_psbl_amt",
	"usd_itgr_ord_psbl_amt",
	"hkd_gnrl_ord_psbl_amt",
	"hkd_itgr_ord_psbl_amt",
	"jpy_gnrl_ord_psbl_amt",
	"jpy_itgr_ord_psbl_amt",
	"cny_gnrl_ord_psbl_amt",
	"cny_itgr_ord_psbl_amt",
	"stck_itgr_cash20_ord_psbl_amt",
	"stck_itgr_cash30_ord_psbl_amt",
	"stck_itgr_cash40_ord_psbl_amt",
	"stck_itgr_cash50_ord_psbl_amt",
	"stck_itgr_cash60_ord_psbl_amt",
	"stck_itgr_cash100_ord_psbl_amt",
	"stck_itgr_100_ord_psbl_amt",
	"stck_itgr_fncg45_ord_psbl_amt",
	"stck_itgr_fncg50_ord_psbl_amt",
	"stck_itgr_fncg60_ord_psbl_amt",
	"stck_itgr_fncg70_ord_psbl_amt",
	"stck_itgr_stln_ord_psbl_amt",
	"bond_itgr_ord_psbl_amt",
	"stck_cash_ovrs_use_amt",
	"stck_sbst_ovrs_use_amt",
	"stck_evlu_ovrs_use_amt",
	"stck_re_use_amt_ovrs_use_amt",
	"stck_fund_rpch_ovrs_use_amt",
	"stck_fncg_rdpt_ovrs_use_amt",
	"bond_re_use_ovrs_use_amt",
	"usd_oth_mket_use_amt",
	"jpy_oth_mket_use_amt",
	"cny_oth_mket_use_amt",
	"hkd_oth_mket_use_amt",
	"usd_re_use_oth_mket_use_amt",
	"jpy_re_use_oth_mket_use_amt",
	"cny_re_use_oth_mket_use_amt",
	"hkd_re_use_oth_mket_use_amt",
	"hgkg_cny_re_use_amt",
	"usd_frst_bltn_exrt",
	"hkd_frst_bltn_exrt",
	"jpy_frst_bltn_exrt",
	"cny_frst_bltn_exrt",
};

static bool ends_with(const char *text, const char *end)
{
	size_t text_len = strlen(text), end_len = strlen(end);

	return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

static void margin_field(struct json_out *j, const char *name, const struct exch_cash *c,
			 const struct exch_power *power)
{
	static const char *const orderable[] = { "stck_cash_ord_psbl_amt", "stck_cash100_max_ord_psbl_amt",
						 "stck_itgr_cash100_ord_psbl_amt",
						 "stck_itgr_100_ord_psbl_amt" };
	int64_t won = 0;

	if (ends_with(name, "_rson") || ends_with(name, "_name")) {
		json_text(j, name, "");
		return;
	}
	if (strcmp(name, "acmga_rt") == 0) {
		json_text(j, name, "100.0000");
		return;
	}
	if (strcmp(name, "stck_cash_objt_amt") == 0)
		won = c->deposit_d2_won;
	else if (strcmp(name, "stck_cash_use_amt") == 0)
		won = c->deposit_d2_won - power->cash_won;
	else if (strcmp(name, "stck_ruse_psbl_objt_amt") == 0 ||
		 strcmp(name, "stck_ruse_psbl_ord_psbl_amt") == 0)
		won = power->reuse_won;
	for (size_t i = 0; i < ARRAY_COUNT(orderable); i++) {
		if (strcmp(name, orderable[i]) == 0)
			won = power->cash_won;
	}
	json_fmt(j, name, "%lld.0000", (long long)won);
}

void answer_margin(struct call *call)
{
	static const char *const classes[] = { "WCRC_FRCR_DVSN_CD", "FWEX_CTRT_FRCR_DVSN_CD" };
	const char *cma = rest_text(call, "CMA_EVLU_AMT_ICLD_YN");
	struct exch_power power;
	struct exch_cash c;

	if (strcmp(cma, "Y") != 0 && strcmp(cma, "N") != 0) {
		rest_refuse_field(call, "CMA_EVLU_AMT_ICLD_YN");
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		const char *value = rest_text(call, classes[i]);

		if (strcmp(value, "01") != 0 && strcmp(value, "02") != 0) {
			rest_refuse_field(call, classes[i]);
			return;
		}
	}
	exch_cash_of(call->b->ex, call->who->account, &c);
	exch_power_of(call->b->ex, call->who->account, "", "00", 0, &power);
	json_open(&call->j, "output", '{');
	for (size_t i = 0; i < ARRAY_COUNT(margin_fields); i++)
		margin_field(&call->j, margin_fields[i], &c, &power);
	json_close(&call->j, '}');
	rest_done(call, "KIOK0510", "조회가 완료되었습니다", true);
}
