/*
 * universe - today's symbols with their reason: what is held, yesterday's selection, the user's list, within the number of
 * registrations one socket may have. What is asked for and left out has a row with the reason too.
 */
#include <stdio.h>
#include <string.h>

#include "phases/phase.h"
#include "shared/store/frozen.h"
#include "shared/base/banned.h"

#define CANDIDATES_MAX 256
#define BARS_WANTED    5 /* enough to find the previous trading day's, whatever the list begins with */

struct candidate {
	char symbol[SYMBOL_SIZE];
	const char *why; /* "held", "selection", "list" */
	bool wanted; /* asked for by list or selection: entries allowed */
	const char *out; /* why it is left out; NULL = in */
};
struct universe {
	struct candidate candidates[CANDIDATES_MAX];
	int count, held_count;
	struct universe_row rows[UNIVERSE_MAX];
	int row_count;
	char symbols[CANDIDATES_MAX][SYMBOL_SIZE];
	struct kis_price prices[CANDIDATES_MAX];
	struct symbol_lock locks[HOLDINGS_MAX];
	int lock_count;
	struct lot lots[HOLDINGS_MAX];
	struct certificate frozen;
	bool use_frozen;
};

/* ---- candidates, in the order of their claim ------------------------------------------------------------------------ */

static enum reason candidate_add(struct universe *uni, const char *symbol, const char *why, bool wanted)
{
	struct candidate *row;

	for (int i = 0; i < uni->count; i++) {
		if (strcmp(uni->candidates[i].symbol, symbol) == 0) {
			uni->candidates[i].wanted = uni->candidates[i].wanted || wanted;
			return REASON_OK;
		}
	}
	if (uni->count == CANDIDATES_MAX)
		return reason_set(REASON_OVERFLOW, "more than %d symbols are held, selected or listed",
				  CANDIDATES_MAX);
	row = &uni->candidates[uni->count++];
	memcpy(row->symbol, symbol, strlen(symbol) + 1);
	row->why = why;
	row->wanted = wanted;
	return REASON_OK;
}

static enum reason held_add(struct phase *ph, struct universe *uni)
{
	struct snapshot snap = { .lots = uni->lots, .lot_room = HOLDINGS_MAX };
	enum reason why = tbl_snapshot_accepted(ph->db, ph->account.account_id, &snap);

	if (why == REASON_DB_NOT_FOUND)
		return REASON_OK; /* a stranger's account, or none ever accepted: nothing is ours */
	for (int i = 0; i < snap.lot_count && why == REASON_OK; i++) {
		if (snap.lots[i].owner == OWNER_SYS && snap.lots[i].qty > 0)
			why = candidate_add(uni, snap.lots[i].symbol, "held", false);
	}
	uni->held_count = uni->count;
	return why;
}

static enum reason candidates_read(struct phase *ph, struct universe *uni)
{
	int64_t account = ph->account.account_id;
	int count = 0;
	enum reason why = held_add(ph, uni);

	if (why == REASON_OK)
		why = tbl_selection_for(ph->db, account, ph->day.day, uni->symbols, CANDIDATES_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = candidate_add(uni, uni->symbols[i], "selection", true);
	if (why == REASON_OK)
		why = tbl_universe_list(ph->db, account, uni->symbols, CANDIDATES_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = candidate_add(uni, uni->symbols[i], "list", true);
	return why;
}

/* ---- one symbol ------------------------------------------------------------------------------------------------------ */

static bool buy_locked(const struct universe *uni, const char *symbol)
{
	for (int i = 0; i < uni->lock_count; i++) {
		if (strcmp(uni->locks[i].symbol, symbol) == 0)
			return uni->locks[i].buy;
	}
	return false;
}

static enum reason bar_of_previous(struct phase *ph, const char *symbol, struct kst_day previous,
				   struct day_bar *out, bool *out_found)
{
	struct day_bar bars[BARS_WANTED];
	int count = 0;
	enum reason why = kis_day_bars(ph->kis, symbol, previous, ph->deadline, bars, BARS_WANTED, &count);

	*out_found = false;
	for (int i = 0; i < count && why == REASON_OK && !*out_found; i++) {
		if (kst_day_same(bars[i].day, previous)) {
			*out = bars[i];
			*out_found = true;
		}
	}
	return why;
}

/* The broker's band; without one, ours by the base price. *cand->out says why a symbol cannot be traded. */
static bool band_of(const struct phase *ph, const struct kis_price *price, struct universe_row *row)
{
	int64_t base_won = price->base_won > 0 ? price->base_won : row->previous_close_won;

	if (price->low_limit_won > 0 && price->high_limit_won > price->low_limit_won) {
		row->band = (struct price_band){ price->low_limit_won, price->high_limit_won };
		return true;
	}
	return price_band(ph->day.day, row->market, row->kind, base_won, &row->band);
}

static enum reason examine(struct phase *ph, struct universe *uni, struct candidate *cand,
			   const struct kis_price *price, struct kst_day previous, struct universe_row *row)
{
	struct symbol_row symbol;
	struct day_bar bar = { 0 };
	bool found = false, held = strcmp(cand->why, "held") == 0;
	enum reason why = tbl_symbol_find(ph->db, cand->symbol, &symbol);

	if (why == REASON_DB_NOT_FOUND) {
		cand->out = "unmapped-symbol";
		return REASON_OK;
	}
	if (why != REASON_OK)
		return why;
	if (!price->known)
		cand->out = "not-at-broker";
	else if (price->halted && !held)
		cand->out = "halted";
	if (cand->out)
		return REASON_OK;
	why = bar_of_previous(ph, cand->symbol, previous, &bar, &found);
	if (why != REASON_OK)
		return why;
	*row = (struct universe_row){ .market = symbol.market, .kind = symbol.kind };
	memcpy(row->symbol, cand->symbol, sizeof(row->symbol));
	(void)snprintf(row->why, sizeof(row->why), "%s", cand->why);
	row->previous_close_won = found ? bar.close_won : price->previous_close_won;
	row->previous_high_won = bar.high_won;
	row->previous_low_won = bar.low_won;
	if (row->previous_close_won <= 0 || (!found && !held))
		cand->out = "no-previous-day";
	else if (!band_of(ph, price, row))
		cand->out = "no-price-band";
	/* A held symbol stays in, for its exits; entries need the list, a price history and no lock. */
	row->entry_allowed = cand->wanted && found && !price->halted && !buy_locked(uni, cand->symbol);
	return REASON_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

static enum reason prices_read(struct phase *ph, struct universe *uni)
{
	for (int i = 0; i < uni->count; i++)
		memcpy(uni->symbols[i], uni->candidates[i].symbol, SYMBOL_SIZE);
	if (uni->count == 0)
		return REASON_OK;
	return kis_prices(ph->kis, uni->symbols, uni->count, ph->deadline, uni->prices);
}

static enum reason choose(struct phase *ph, struct universe *uni)
{
	int budget = conf_number(&ph->cfg, CONF_USE_BOOK) != 0 ? UNIVERSE_MAX / 2 : UNIVERSE_MAX;
	struct kst_day previous;
	enum reason why = calendar_previous(&ph->cal, ph->day.day, &previous);

	if (why == REASON_OK && uni->held_count > budget)
		why = reason_set(REASON_UNIVERSE_BUDGET,
				 "%d symbols are held, %d may be registered; sell or set [worker] use_book = "
				 "no (40 symbols)",
				 uni->held_count, budget);
	if (why == REASON_OK)
		why = phase_kis(ph);
	if (why == REASON_OK)
		why = prices_read(ph, uni);
	for (int i = 0; i < uni->count && why == REASON_OK; i++) {
		struct candidate *cand = &uni->candidates[i];

		why = phase_check(ph);
		if (why != REASON_OK)
			break;
		if (uni->row_count == budget) {
			cand->out = "budget";
			continue;
		}
		why = examine(ph, uni, cand, &uni->prices[i], previous, &uni->rows[uni->row_count]);
		if (why == REASON_OK && !cand->out) {
			uni->rows[uni->row_count].rank = uni->row_count + 1;
			uni->row_count++;
		}
		if (why == REASON_OK && cand->out && strcmp(cand->why, "held") == 0)
			phase_alert(ph, FINDING_CRIT, "held-symbol-out",
				    "%s is held but cannot be watched today: %s", cand->symbol, cand->out);
	}
	return why;
}

static enum reason universe_make(struct phase *ph, struct universe *uni)
{
	int out_count = 0, entry_count = 0;
	enum reason why = tbl_lock_of_day(ph->db, ph->account.account_id, ph->day.day, uni->locks,
					  HOLDINGS_MAX, &uni->lock_count);

	if (why == REASON_OK)
		why = candidates_read(ph, uni);
	if (why == REASON_OK)
		why = choose(ph, uni);
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < uni->count; i++)
		out_count += uni->candidates[i].out != NULL;
	for (int i = 0; i < uni->row_count; i++)
		entry_count += uni->rows[i].entry_allowed;
	phase_fact_number(ph, "symbols", uni->row_count);
	phase_fact_number(ph, "left_out", out_count);
	if (uni->row_count == 0)
		return reason_set(REASON_UNIVERSE_EMPTY,
				  "none of %d symbols may be traded today; list some: gaejang universe add",
				  uni->count);
	phase_say(ph, "%d symbols (%d held, %d open for entries), %d left out", uni->row_count,
		  uni->held_count, entry_count, out_count);
	return REASON_OK;
}

static enum reason universe_frozen(struct phase *ph, struct universe *uni)
{
	int64_t run_id = uni->frozen.run_ids[PHASE_UNIVERSE];
	enum reason why = tbl_universe_of_run(ph->db, run_id, uni->rows, UNIVERSE_MAX, &uni->row_count);

	if (why == REASON_OK) {
		phase_fact_number(ph, "frozen_run", run_id);
		phase_say(ph, "the %d symbols of this morning stay (run %lld)", uni->row_count,
			  (long long)run_id);
	}
	return why;
}

static enum reason run(struct phase *ph, void *work)
{
	struct universe *uni = work;
	enum reason why = phase_frozen(ph, &uni->frozen, &uni->use_frozen);

	if (why == REASON_OK)
		why = uni->use_frozen ? universe_frozen(ph, uni) : universe_make(ph, uni);
	if (why == REASON_OK)
		ph->answer.content = frozen_universe(uni->rows, uni->row_count);
	return why;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct universe *uni = work;
	enum reason why = REASON_OK;

	if (ph->answer.status != STATUS_PASS)
		return REASON_OK;
	for (int i = 0; i < uni->row_count && why == REASON_OK; i++)
		why = tbl_universe_add(ph->db, ph->run.run_id, &uni->rows[i]);
	for (int i = 0; i < uni->count && why == REASON_OK; i++) {
		if (uni->candidates[i].out)
			why = tbl_universe_out_add(ph->db, ph->run.run_id, uni->candidates[i].symbol,
						   uni->candidates[i].out);
	}
	return why;
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_UNIVERSE,
		0,
		"universe - held symbols, yesterday's selection, the list; within the subscription budget",
		sizeof(struct universe),
		run,
		commit,
		NULL
	};

	return phase_main(argc, argv, &def);
}
