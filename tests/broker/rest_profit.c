/* rest_profit - profit of trades by period, from the orders' fills. Source: the broker's page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define PROFIT_ROWS_MAX 50 /* of a page; the page does not say */

struct profit_row { /* trades of one symbol on one day */
	struct kst_day day;
	char code[EXCH_CODE_SIZE];
	int64_t held_qty, cost_won; /* at the end of that day */
	int64_t buy_qty, buy_won, buy_fee_won;
	int64_t sell_qty, sell_won, sell_basis_won, sell_fee_won, sell_tax_won;
};
struct profit_list {
	struct profit_row *rows; /* oldest first */
	size_t count;
};

static struct profit_row *last_of(struct profit_list *list, const char *code)
{
	for (size_t i = list->count; i > 0; i--) {
		if (strcmp(list->rows[i - 1].code, code) == 0)
			return &list->rows[i - 1];
	}
	return NULL;
}

/* Commission and tax apart; the exchange estimates both together. */
static int64_t fee_of(const struct call *call, int64_t won)
{
	const struct exch_account *account = exch_account_at(call->b->ex, call->who->account);

	return (int64_t)((__int128)won * account->commission_ppm / 1000000) / 10 * 10;
}

/* Shares that no order brought (they were there from the start) cost what the balance says now. */
static int64_t average_now(const struct exch_holding *held, size_t held_count, const char *code,
			   int64_t else_won)
{
	for (size_t i = 0; i < held_count; i++) {
		if (strcmp(held[i].code, code) == 0 && held[i].qty > 0)
			return held[i].cost_won / held[i].qty;
	}
	return else_won;
}

static void book_row(const struct call *call, struct profit_list *list, const struct exch_order *o,
		     int64_t average_won)
{
	struct profit_row *row = last_of(list, o->code);
	int64_t fee_won = fee_of(call, o->filled_won), taken, basis_won = 0;

	if (row == NULL || !kst_day_same(row->day, o->day)) {
		struct profit_row fresh = { .day = o->day };

		memcpy(fresh.code, o->code, sizeof fresh.code);
		if (row != NULL) {
			fresh.held_qty = row->held_qty;
			fresh.cost_won = row->cost_won;
		}
		row = &list->rows[list->count++];
		*row = fresh;
	}
	if (o->side == EXCH_BUY) {
		row->buy_qty += o->filled_qty;
		row->buy_won += o->filled_won;
		row->buy_fee_won += fee_won;
		row->held_qty += o->filled_qty;
		row->cost_won += o->filled_won;
		return;
	}
	taken = o->filled_qty < row->held_qty ? o->filled_qty : row->held_qty;
	if (taken > 0)
		basis_won = (int64_t)((__int128)row->cost_won * taken / row->held_qty);
	row->held_qty -= taken;
	row->cost_won -= basis_won;
	row->sell_basis_won += basis_won + (o->filled_qty - taken) * average_won;
	row->sell_qty += o->filled_qty;
	row->sell_won += o->filled_won;
	row->sell_fee_won += fee_won;
	row->sell_tax_won += o->cost_won > fee_won ? o->cost_won - fee_won : 0;
}

/* Every day's trades up to `to`; the average cost needs those before `from` too. */
static enum reason profit_read(struct call *call, struct kst_day to, struct profit_list *out)
{
	static const struct kst_day first = { 19000101 };
	struct exch_order *orders = NULL;
	struct exch_holding *held = NULL;
	size_t order_count = 0, held_count = 0;
	enum reason why = exch_daily_list(call->b->ex, call->who->account, first, to, &orders, &order_count);

	if (why == REASON_OK)
		why = exch_holdings_list(call->b->ex, call->who->account, true, &held, &held_count);
	if (why != REASON_OK)
		goto out;
	out->rows = calloc(order_count + 1, sizeof *out->rows);
	if (out->rows == NULL) {
		why = reason_set(REASON_NO_MEMORY, "no memory for %zu orders", order_count);
		goto out;
	}
	for (size_t i = 0; i < order_count; i++) {
		const struct exch_order *o = &orders[i];

		if (o->filled_qty > 0)
			book_row(call, out, o,
				 average_now(held, held_count, o->code, o->filled_won / o->filled_qty));
	}
out:
	free(held);
	free(orders);
	return why;
}

static void profit_row(struct call *call, const struct profit_row *r)
{
	int64_t gain_won = r->sell_won - r->sell_basis_won;
	struct json_out *j = &call->j;
	char text[KST_TEXT_SIZE];

	json_open(j, NULL, '{');
	json_text(j, "trad_dt", rest_day_digits(r->day, text));
	json_fmt(j, "pdno", "00000A%s", r->code);
	json_text(j, "prdt_name", rest_name_of(call->b, r->code));
	json_text(j, "trad_dvsn_name", "현금");
	json_text(j, "loan_dt", "");
	json_num(j, "hldg_qty", r->held_qty);
	json_num(j, "pchs_unpr",
		 r->sell_qty > 0 ? r->sell_basis_won / r->sell_qty
				 : ratio_scaled(r->cost_won, r->held_qty, 1, 0));
	json_num(j, "buy_qty", r->buy_qty);
	json_num(j, "buy_amt", r->buy_won);
	json_num(j, "sll_pric", ratio_scaled(r->sell_won, r->sell_qty, 1, 0));
	json_num(j, "sll_qty", r->sell_qty);
	json_num(j, "sll_amt", r->sell_won);
	json_num(j, "rlzt_pfls", gain_won);
	rest_ratio(j, "pfls_rt", gain_won, r->sell_basis_won, 100, 8);
	json_num(j, "fee", r->buy_fee_won + r->sell_fee_won);
	json_num(j, "tl_tax", r->sell_tax_won);
	json_num(j, "loan_int", 0);
	json_close(j, '}');
}

static void profit_totals(struct json_out *j, const struct profit_row *s)
{
	int64_t gain_won = s->sell_won - s->sell_basis_won, fee_won = s->buy_fee_won + s->sell_fee_won;
	int64_t sell_net_won = s->sell_won - s->sell_fee_won - s->sell_tax_won;

	json_open(j, "output2", '{');
	json_num(j, "sll_qty_smtl", s->sell_qty);
	json_num(j, "sll_tr_amt_smtl", s->sell_won);
	json_num(j, "sll_fee_smtl", s->sell_fee_won);
	json_num(j, "sll_tltx_smtl", s->sell_tax_won);
	json_num(j, "sll_excc_amt_smtl", sell_net_won);
	json_num(j, "buyqty_smtl", s->buy_qty);
	json_num(j, "buy_tr_amt_smtl", s->buy_won);
	json_num(j, "buy_fee_smtl", s->buy_fee_won);
	json_num(j, "buy_tax_smtl", 0);
	json_num(j, "buy_excc_amt_smtl", s->buy_won + s->buy_fee_won);
	json_num(j, "tot_qty", s->buy_qty + s->sell_qty);
	json_num(j, "tot_tr_amt", s->buy_won + s->sell_won);
	json_num(j, "tot_fee", fee_won);
	json_num(j, "tot_tltx", s->sell_tax_won);
	json_num(j, "tot_excc_amt", s->buy_won + s->buy_fee_won + sell_net_won);
	json_num(j, "tot_rlzt_pfls", gain_won);
	json_num(j, "loan_int", 0);
	rest_ratio(j, "tot_pftrt", gain_won, s->sell_basis_won, 100, 8);
	json_close(j, '}');
}

/* Keeps the rows of the period and of the symbol asked for, adds them up, newest first unless asked otherwise. */
static void profit_choose(const struct call *call, struct profit_list *list, struct kst_day from,
			  struct profit_row *out_sum)
{
	const char *code = rest_bare_code(rest_text(call, "PDNO"));
	bool oldest_first = strcmp(rest_text(call, "SORT_DVSN"), "01") == 0;
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct profit_row *r = &list->rows[i];

		if (r->day.yyyymmdd < from.yyyymmdd || (*code != '\0' && strcmp(code, r->code) != 0))
			continue;
		out_sum->buy_qty += r->buy_qty;
		out_sum->buy_won += r->buy_won;
		out_sum->buy_fee_won += r->buy_fee_won;
		out_sum->sell_qty += r->sell_qty;
		out_sum->sell_won += r->sell_won;
		out_sum->sell_basis_won += r->sell_basis_won;
		out_sum->sell_fee_won += r->sell_fee_won;
		out_sum->sell_tax_won += r->sell_tax_won;
		list->rows[kept++] = *r;
	}
	list->count = kept;
	for (size_t i = 0; !oldest_first && i < kept / 2; i++) {
		struct profit_row other = list->rows[i];

		list->rows[i] = list->rows[kept - 1 - i];
		list->rows[kept - 1 - i] = other;
	}
}

void answer_profit(struct call *call)
{
	struct profit_list list = { 0 };
	struct profit_row sum = { 0 };
	struct kst_day from, to;
	struct page page;
	char fk[160], nk[32] = "", start[KST_TEXT_SIZE], end[KST_TEXT_SIZE];

	if (!rest_day(call, "INQR_STRT_DT", &from) || !rest_day(call, "INQR_END_DT", &to))
		return;
	if (profit_read(call, to, &list) != REASON_OK) {
		rest_list_failed(call);
		goto out;
	}
	profit_choose(call, &list, from, &sum);
	if (rest_rows_hidden(call))
		list.count = 0;
	if (!rest_page(call, "CTX_AREA_NK100", list.count, PROFIT_ROWS_MAX, &page))
		goto out;
	snprintf(fk, sizeof fk, "%.8s^%.2s^%s^%s^%.2s^%.2s^", rest_text(call, "CANO"),
		 rest_text(call, "ACNT_PRDT_CD"), rest_day_digits(from, start), rest_day_digits(to, end),
		 rest_text(call, "SORT_DVSN"), rest_text(call, "CBLC_DVSN"));
	if (!page.last) /* here the NK cursor comes first */
		snprintf(nk, sizeof nk, "%zu^", page.to);
	json_padded(&call->j, "ctx_area_nk100", nk, 100);
	json_padded(&call->j, "ctx_area_fk100", fk, 100);
	json_open(&call->j, "output1", '[');
	for (size_t i = page.from; i < page.to; i++)
		profit_row(call, &list.rows[i]);
	json_close(&call->j, ']');
	profit_totals(&call->j, &sum);
	rest_done_list(call, &page, false);
out:
	free(list.rows);
}
