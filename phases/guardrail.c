/*
 * guardrail - today's limits in won and counts, and how much each symbol moves. A limit that is reached lowers the ceiling;
 * it is an answer, not a failure. Once a certificate of today was consumed, that morning's limits stay.
 */
#include <stdlib.h>
#include <string.h>

#include "phases/phase.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/store/frozen.h"
#include "shared/base/banned.h"

#define SYMBOLS_MAX     128
#define BARS_WANTED     270 /* 250 days of a 20-day average */
#define HISTORY_DAYS    20
#define ROUND_TRIPS_MAX 1000

struct guardrail_phase {
	char symbols[SYMBOLS_MAX][SYMBOL_SIZE];
	int symbol_count;
	struct symbol_risk risks[SYMBOLS_MAX];
	struct guardrail_out out;
	int64_t equities_won[HISTORY_DAYS];
	int64_t round_trips_won[ROUND_TRIPS_MAX];
	struct pin_row pin;
	struct certificate frozen;
	bool use_frozen;
	struct day_bar bars[BARS_WANTED];
	struct broker_holding holdings[HOLDINGS_MAX];
	char listed[SYMBOLS_MAX][SYMBOL_SIZE];
	struct daily_row days[HISTORY_DAYS];
};

/* ---- which symbols ------------------------------------------------------------------------------------------------ */

static enum reason symbol_add(struct guardrail_phase *gr, const char *symbol)
{
	for (int i = 0; i < gr->symbol_count; i++) {
		if (strcmp(gr->symbols[i], symbol) == 0)
			return REASON_OK;
	}
	if (gr->symbol_count == SYMBOLS_MAX)
		return reason_set(REASON_OVERFLOW,
				  "more than %d symbols are listed, held or selected; shorten the list: "
				  "gaejang universe",
				  SYMBOLS_MAX);
	memcpy(gr->symbols[gr->symbol_count++], symbol, strlen(symbol) + 1);
	return REASON_OK;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum reason symbols_read(struct phase *ph, struct guardrail_phase *gr)
{
	int64_t account = ph->account.account_id;
	int count = 0;
	enum reason why = tbl_universe_list(ph->db, account, gr->listed, SYMBOLS_MAX, &count);

	for (int i = 0; i < count && why == REASON_OK; i++)
		why = symbol_add(gr, gr->listed[i]);
	if (why == REASON_OK)
		why = tbl_selection_for(ph->db, account, ph->day.day, gr->listed, SYMBOLS_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = symbol_add(gr, gr->listed[i]);
	if (why == REASON_OK)
		why = tbl_holding_of_run(ph->db, phase_run_of(ph, PHASE_ACCOUNT), gr->holdings, HOLDINGS_MAX,
					 &count);
	for (int i = 0; i < count && why == REASON_OK; i++)
		why = symbol_add(gr, gr->holdings[i].symbol);
	qsort(gr->symbols, (size_t)gr->symbol_count, sizeof(gr->symbols[0]), by_text);
	return why;
}

/* ---- what they did before ------------------------------------------------------------------------------------------ */

static enum reason risks_read(struct phase *ph, struct guardrail_phase *gr)
{
	struct kst_day previous;
	int volatile_count = 0;
	enum reason why = calendar_previous(&ph->cal, ph->day.day, &previous);

	if (why == REASON_OK)
		why = phase_kis(ph);
	for (int i = 0; i < gr->symbol_count && why == REASON_OK; i++) {
		struct symbol_history history = { .bars = gr->bars };

		memcpy(history.symbol, gr->symbols[i], sizeof(history.symbol));
		why = phase_check(ph);
		if (why == REASON_OK)
			why = kis_day_bars(ph->kis, gr->symbols[i], previous, ph->deadline, gr->bars,
					   BARS_WANTED, &history.bar_count);
		if (why != REASON_OK)
			return why;
		gr->risks[i] = symbol_risk_of(&history, conf_number(&ph->cfg, CONF_LIM_ATR_TIMES_PERCENT));
		volatile_count += gr->risks[i].volatile_now;
	}
	phase_fact_number(ph, "symbols", gr->symbol_count);
	phase_fact_number(ph, "symbols_too_volatile_or_unknown", volatile_count);
	return why;
}

/* Paper offers no index: the listed symbols' own prices tell how the market moves. */
static enum reason move_by_prices(struct phase *ph, const struct guardrail_phase *gr, int64_t *out_move_bp)
{
	int64_t last_won[UNIVERSE_MAX], base_won[UNIVERSE_MAX];
	struct kis_price prices[UNIVERSE_MAX];
	int count = gr->symbol_count < UNIVERSE_MAX ? gr->symbol_count : UNIVERSE_MAX;
	enum reason why = kis_prices(ph->kis, gr->symbols, count, ph->deadline, prices);

	*out_move_bp = INT64_MIN; /* not known counts as breached */
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < count; i++) {
		last_won[i] = prices[i].known ? prices[i].last_won : 0;
		base_won[i] = prices[i].known ? prices[i].base_won : 0;
	}
	phase_fact_text(ph, "index_from", "median of the listed symbols");
	if (market_move_of(last_won, base_won, count, out_move_bp))
		phase_fact_number(ph, "index_move_bp", *out_move_bp);
	else
		phase_fact_text(ph, "index_move_bp", "too few prices");
	return REASON_OK;
}

static enum reason index_read(struct phase *ph, const struct guardrail_phase *gr, int64_t *out_move_bp)
{
	enum reason why = kis_index_move(ph->kis, ph->deadline, out_move_bp);

	if (why == REASON_BROKER_UNSUPPORTED)
		return move_by_prices(ph, gr, out_move_bp);
	if (why == REASON_OK)
		phase_fact_number(ph, "index_move_bp", *out_move_bp);
	return why;
}

/* A worker that never passed a gate on an earlier day, or parameters of an earlier day, run with half limits. */
static enum reason halve(struct phase *ph, const struct guardrail_phase *gr, bool *out_halve)
{
	char path[FILE_PATH_SIZE];
	struct digest build;
	bool seen = true;
	enum reason why = REASON_OK;

	if (conf_number(&ph->cfg, CONF_FIRST_RUN_BRAKE) != 0) {
		why = file_join(conf_text(&ph->cfg, CONF_BIN_DIR), "worker", path);
		if (why == REASON_OK)
			why = digest_file(path, &build);
		if (why == REASON_OK)
			why = tbl_phase_seen_before(ph->db, ph->account.account_id, ph->day.day, &build,
						    &seen);
	}
	*out_halve = gr->pin.from_previous || !seen;
	phase_fact_bool(ph, "first_run_brake", !seen);
	return why;
}

static enum reason history_read(struct phase *ph, struct guardrail_phase *gr, struct guardrail_in *in)
{
	enum reason why;

	why = tbl_daily_newest(ph->db, ph->account.account_id, kst_day_add(ph->day.day, -1), gr->days,
			       HISTORY_DAYS, &in->equity_history_count);
	for (int i = 0; i < in->equity_history_count && why == REASON_OK; i++)
		gr->equities_won[i] = gr->days[i].equity_start_won;
	if (why == REASON_OK)
		why = tbl_round_trip_newest(ph->db, ph->account.account_id, gr->round_trips_won,
					    ROUND_TRIPS_MAX, &in->round_trip_count);
	in->equity_history_won = gr->equities_won;
	in->round_trips_won = gr->round_trips_won;
	return why;
}

/* ---- the limits ----------------------------------------------------------------------------------------------------- */

static enum reason limits_make(struct phase *ph, struct guardrail_phase *gr)
{
	struct guardrail_in in = { .cfg = &ph->cfg };
	struct cash_row cash;
	enum reason why = tbl_cash_of_run(ph->db, phase_run_of(ph, PHASE_ACCOUNT), &cash);

	if (why == REASON_OK) {
		in.equity_won = cash.account_match ? cash.equity_won : -1;
		in.cash_won = cash.account_match ? cash.orderable_won : -1;
		why = tbl_pin_of_run(ph->db, phase_run_of(ph, PHASE_PARAMS), &gr->pin);
	}
	if (why == REASON_OK)
		why = history_read(ph, gr, &in);
	if (why == REASON_OK)
		why = symbols_read(ph, gr);
	if (why == REASON_OK)
		why = risks_read(ph, gr);
	if (why == REASON_OK)
		why = index_read(ph, gr, &in.index_move_bp);
	if (why == REASON_OK)
		why = halve(ph, gr, &in.halve);
	if (why == REASON_OK)
		why = guardrail(&in, &gr->out);
	if (why != REASON_OK)
		return why;
	phase_lower(ph, gr->out.ceiling);
	if (gr->out.reason != REASON_OK)
		phase_alert(ph, FINDING_WARN, reason_code(gr->out.reason), "%s; the ceiling is %s",
			    gr->out.text, mode_text(gr->out.ceiling));
	phase_say(ph, "%s%s", gr->out.text, gr->out.limits.halved ? "; half limits" : "");
	return REASON_OK;
}

/* The limits of the certificate that was consumed today, as they are. */
static enum reason limits_frozen(struct phase *ph, struct guardrail_phase *gr)
{
	int64_t run_id = gr->frozen.run_ids[PHASE_GUARDRAIL];
	enum reason why = tbl_limits_of_run(ph->db, run_id, &gr->out.limits);

	if (why == REASON_OK)
		why = tbl_symbol_risk_of_run(ph->db, run_id, gr->risks, SYMBOLS_MAX, &gr->symbol_count);
	if (why != REASON_OK)
		return why;
	phase_lower(ph, gr->frozen.mode);
	phase_fact_number(ph, "frozen_run", run_id);
	phase_say(ph, "the limits of this morning stay (run %lld)", (long long)run_id);
	return REASON_OK;
}

static enum reason run(struct phase *ph, void *work)
{
	struct guardrail_phase *gr = work;
	enum reason why = phase_frozen(ph, &gr->frozen, &gr->use_frozen);

	if (why == REASON_OK)
		why = gr->use_frozen ? limits_frozen(ph, gr) : limits_make(ph, gr);
	if (why == REASON_OK)
		ph->answer.content = frozen_limits(&gr->out.limits, gr->risks, gr->symbol_count);
	return why;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct guardrail_phase *gr = work;
	enum reason why;

	if (ph->answer.status != STATUS_PASS)
		return REASON_OK;
	why = tbl_limits_add(ph->db, ph->run.run_id, &gr->out.limits);
	for (int i = 0; i < gr->symbol_count && why == REASON_OK; i++)
		why = tbl_symbol_risk_add(ph->db, ph->run.run_id, &gr->risks[i]);
	return why;
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_GUARDRAIL,
		0,
		"guardrail - daily loss, exposure, position count, losing streak, volatility",
		sizeof(struct guardrail_phase),
		run,
		commit,
		NULL
	};

	return phase_main(argc, argv, &def);
}
