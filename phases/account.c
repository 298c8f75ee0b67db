/*
 * account - is the account that answers the registered one, and what does it hold? Deposit, orderable cash, holdings.
 * A stranger's account is a trusted answer (PASS) with a low ceiling, not a failure: it is looked at, never traded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phases/phase.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

struct account {
	struct broker_balance balance;
	struct cash_row cash;
};

static int by_symbol(const void *a, const void *b)
{
	return strcmp(((const struct broker_holding *)a)->symbol, ((const struct broker_holding *)b)->symbol);
}

/* Cash as orders see it, and shares. Prices and valuations are stored, not digested: they move without us. */
static struct digest content(const struct account *acc)
{
	struct digest_maker mk;

	digest_begin(&mk, "account");
	digest_number(&mk, "account_match", acc->cash.account_match);
	digest_number(&mk, "cash_d2_won", acc->cash.cash_d2_won);
	digest_number(&mk, "orderable_won", acc->cash.orderable_won);
	for (int i = 0; i < acc->balance.count; i++) {
		digest_text(&mk, "symbol", acc->balance.rows[i].symbol);
		digest_number(&mk, "qty", acc->balance.rows[i].qty);
	}
	return digest_end(&mk);
}

static void mismatch(struct phase *ph, const char *why)
{
	bool halt = conf_number(&ph->cfg, CONF_ON_WRONG_ACCOUNT) != 0;

	phase_lower(ph, halt ? MODE_HALT : MODE_OBSERVE);
	phase_alert(ph, FINDING_CRIT, reason_code(REASON_WRONG_ACCOUNT), "%s; on_wrong_account = %s", why,
		    halt ? "halt" : "observe");
}

static enum reason match(struct phase *ph, bool *out_match)
{
	struct digest found;
	enum reason why = phase_fingerprint(ph, &found);

	if (why != REASON_OK)
		return why;
	*out_match = digest_same(&found, &ph->account.fingerprint);
	if (!*out_match)
		mismatch(ph, "the keys in the vault are of another account number than the registered one");
	return REASON_OK;
}

/* The broker checks the number against the key. Its refusal names the field; any other refusal is trouble, not an answer. */
static bool refused_number(enum reason why)
{
	return why == REASON_BROKER_REFUSED &&
	       (strstr(reason_detail(), "OPSQ2000") != NULL || strstr(reason_detail(), "CHECK_ACNO") != NULL);
}

static enum reason equity(struct account *acc)
{
	if (acc->balance.cash_d2_won < 0)
		return reason_set(REASON_GUARD_EQUITY,
				  "the D+2 deposit is negative (%lld won); settle it before trading",
				  (long long)acc->balance.cash_d2_won);
	if (!won_add(acc->balance.cash_d2_won, acc->balance.stock_value_won, &acc->cash.equity_won))
		return reason_set(REASON_OVERFLOW, "cash and stock value do not fit together");
	return REASON_OK;
}

static enum reason read_account(struct phase *ph, struct account *acc)
{
	struct kis_buyable buyable = { 0 };
	enum reason why = phase_balance(ph, true, &acc->balance);

	if (refused_number(why)) {
		mismatch(ph, "the broker does not know this account number for this key");
		acc->cash.account_match = false;
		acc->balance.count = 0;
		return REASON_OK;
	}
	if (why == REASON_OK)
		why = kis_buyable(ph->kis, NULL, 0, ph->deadline, &buyable);
	if (why == REASON_OK)
		why = equity(acc);
	if (why != REASON_OK)
		return why;
	qsort(acc->balance.rows, (size_t)acc->balance.count, sizeof(*acc->balance.rows), by_symbol);
	acc->cash.cash_d0_won = acc->balance.cash_d0_won;
	acc->cash.cash_d1_won = acc->balance.cash_d1_won;
	acc->cash.cash_d2_won = acc->balance.cash_d2_won;
	acc->cash.orderable_won = buyable.cash_won;
	acc->cash.stock_value_won = acc->balance.stock_value_won;
	return REASON_OK;
}

static enum reason run(struct phase *ph, void *work)
{
	struct account *acc = work;
	char equity_text[WON_TEXT_SIZE], cash_text[WON_TEXT_SIZE];
	int held = 0;
	enum reason why = phase_kis(ph);

	acc->balance.room = HOLDINGS_MAX;
	acc->balance.rows = calloc(HOLDINGS_MAX, sizeof(*acc->balance.rows));
	if (!acc->balance.rows)
		return reason_set(REASON_NO_MEMORY, "no memory for holdings");
	acc->cash.run_id = ph->run.run_id;
	acc->cash.account_id = ph->account.account_id;
	acc->cash.day = ph->day.day;
	if (why == REASON_OK)
		why = match(ph, &acc->cash.account_match);
	if (why == REASON_OK)
		why = read_account(ph, acc);
	if (why != REASON_OK)
		return why;
	phase_fact_bool(ph, "account_match", acc->cash.account_match);
	phase_fact_number(ph, "cash_d2_won", acc->cash.cash_d2_won);
	phase_fact_number(ph, "orderable_won", acc->cash.orderable_won);
	phase_fact_number(ph, "stock_value_won", acc->cash.stock_value_won);
	for (int i = 0; i < acc->balance.count; i++)
		held += acc->balance.rows[i].qty > 0;
	phase_fact_number(ph, "holdings", held);
	ph->answer.content = content(acc);
	phase_say(ph, "%s %s: equity %s won, orderable %s won, %d holdings%s", ph->account.env,
		  ph->account.masked, won_text(acc->cash.equity_won, equity_text),
		  won_text(acc->cash.orderable_won, cash_text), held,
		  acc->cash.account_match ? "" : "; NOT the registered account");
	return REASON_OK;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct account *acc = work;
	enum reason why;

	if (ph->answer.status != STATUS_PASS)
		return REASON_OK;
	why = tbl_cash_add(ph->db, &acc->cash);
	for (int i = 0; i < acc->balance.count && why == REASON_OK; i++) {
		if (acc->balance.rows[i].qty > 0) /* holdings sold today stay listed with zero shares */
			why = tbl_holding_add(ph->db, ph->run.run_id, &acc->balance.rows[i]);
	}
	return why;
}

static void clear(void *work)
{
	free(((struct account *)work)->balance.rows);
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_ACCOUNT,
		0,
		"account - the registered account? deposit, orderable cash, holdings",
		sizeof(struct account),
		run,
		commit,
		clear
	};

	return phase_main(argc, argv, &def);
}
