/*
 * rest_overseas - what an account without anything abroad is told. Clients that know several markets ask at home and
 * abroad at once and give up when one of the answers is missing. Source: the official client's column maps.
 */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define NAMES_MAX 24

struct abroad {
	const char *list; /* empty container that comes first */
	bool paged;
	const char *second_list; /* another empty one, or NULL */
	const char *totals; /* object of zeros, or NULL */
	const char *names[NAMES_MAX]; /* its keys; one that begins with '.' is a rate or a foreign amount */
};

static const struct abroad answers[] = {
	[ABROAD_PRESENT] = { "output1",
			     false,
			     "output2",
			     "output3",
			     { "pchs_amt_smtl",     "evlu_amt_smtl",       "evlu_pfls_amt_smtl",
			       "dncl_amt",          "cma_evlu_amt",        "tot_dncl_amt",
			       "etc_mgna",          "wdrw_psbl_tot_amt",   "frcr_evlu_tota",
			       ".evlu_erng_rt1",    "pchs_amt_smtl_amt",   "evlu_amt_smtl_amt",
			       "tot_evlu_pfls_amt", "tot_asst_amt",        "buy_mgn_amt",
			       "mgna_tota",         ".frcr_use_psbl_amt",  "ustl_sll_amt_smtl",
			       "ustl_buy_amt_smtl", ".tot_frcr_cblc_smtl", "tot_loan_amt" } },
	[ABROAD_BALANCE] = { "output1",
			     true,
			     NULL,
			     "output2",
			     { ".frcr_pchs_amt1", ".ovrs_rlzt_pfls_amt", ".ovrs_tot_pfls", ".rlzt_erng_rt",
			       ".tot_evlu_pfls_amt", ".tot_pftrt", ".frcr_buy_amt_smtl1",
			       ".ovrs_rlzt_pfls_amt2", ".frcr_buy_amt_smtl2" } },
	[ABROAD_ORDERS] = { "output", true, NULL, NULL, { NULL } },
	[ABROAD_PROFIT] = { "output1",
			    true,
			    NULL,
			    "output2",
			    { "stck_sll_amt_smtl", "stck_buy_amt_smtl", "smtl_fee1", "excc_dfrm_amt",
			      "ovrs_rlzt_pfls_tot_amt", ".tot_pftrt", "bass_dt", ".exrt" } },
};

static void totals(struct call *call, const struct abroad *a)
{
	json_open(&call->j, a->totals, '{');
	for (size_t i = 0; i < NAMES_MAX && a->names[i] != NULL; i++) {
		const char *name = a->names[i];
		char day[KST_TEXT_SIZE];

		if (name[0] == '.')
			json_text(&call->j, name + 1, "0.000000");
		else if (strcmp(name, "bass_dt") == 0)
			json_text(&call->j, name, rest_day_digits(kst_day_of(broker_now(call->b)), day));
		else
			json_num(&call->j, name, 0);
	}
	json_close(&call->j, '}');
}

void answer_abroad(struct call *call)
{
	const struct abroad *a;

	BUG_IF(call->route->variant < 0 || (size_t)call->route->variant >= ARRAY_COUNT(answers),
	       "routes name answers that exist");
	a = &answers[call->route->variant];
	if (a->paged) {
		json_padded(&call->j, "ctx_area_fk200", "", 200);
		json_padded(&call->j, "ctx_area_nk200", "", 200);
		snprintf(call->tr_cont, sizeof call->tr_cont, "D");
	}
	json_open(&call->j, a->list, '[');
	json_close(&call->j, ']');
	if (a->second_list != NULL) {
		json_open(&call->j, a->second_list, '[');
		json_close(&call->j, ']');
	}
	if (a->totals != NULL)
		totals(call, a);
	if (call->b->paper)
		rest_done(call, "70070000", "모의투자 조회할 내역(자료)이 없습니다.", true);
	else
		rest_done(call, "KIOK0560", "조회할 내용이 없습니다", true);
}
