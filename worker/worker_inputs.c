/* worker_inputs - the frozen inputs of the day, read from the rows the certificate names, and what was recorded since. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/store/frozen.h"
#include "worker/worker.h"
#include "shared/base/banned.h"

/* Run ids of the results to start from: the certificate's, or for the observer the newest of the day. */
static enum reason find_runs(struct worker *w, int64_t runs[static PHASE_COUNT])
{
	struct phase_record *records;
	enum reason why;

	memset(runs, 0, sizeof(int64_t) * PHASE_COUNT);
	if (w->certified) {
		memcpy(runs, w->cert.run_ids, sizeof(w->cert.run_ids));
		return REASON_OK;
	}
	records = calloc(PHASE_COUNT, sizeof(*records));
	if (records == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's results");
	why = tbl_phase_records(w->db, w->account.account_id, w->day, records);
	for (int id = 0; id < PHASE_COUNT && why == REASON_OK; id++) {
		if (records[id].present && records[id].status == STATUS_PASS)
			runs[id] = records[id].run_id;
	}
	free(records);
	return why;
}

static enum reason read_params(struct worker *w, int64_t run_id)
{
	struct engine_inputs *in = w->inputs;
	const struct strategy *strategy;
	struct pin_row *pin;
	enum reason why;

	if (run_id ==
	    0) { /* observer without parameters: the strategy's defaults, nothing is placed anyway */
		strategy = strategy_find(w->acct->strategy);
		if (strategy == NULL)
			return reason_set(REASON_CONF_RANGE, "strategy %s is not in this build",
					  w->acct->strategy);
		(void)snprintf(in->strategy, sizeof(in->strategy), "%s", strategy->name);
		in->strategy_version = strategy->version;
		for (int i = 0; i < strategy->param_count; i++)
			in->params.values[i] = strategy->params[i].def;
		return REASON_OK;
	}
	pin = calloc(1, sizeof(*pin));
	if (pin == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the parameters");
	why = tbl_pin_of_run(w->db, run_id, pin);
	strategy = why == REASON_OK ? strategy_find(pin->strategy) : NULL;
	if (why == REASON_OK && (strategy == NULL || strategy->version != pin->strategy_version))
		why = reason_set(REASON_CERT_EXECUTABLE,
				 "the frozen parameters are of strategy %s version %lld, which is not in "
				 "this build; run: gaejang "
				 "rerun params --downstream",
				 pin->strategy, (long long)pin->strategy_version);
	if (why == REASON_OK)
		why = strategy_params_read(strategy, pin->body, &in->params);
	if (why == REASON_OK) {
		in->params_digest = strategy_params_digest(strategy, &in->params);
		memcpy(in->strategy, pin->strategy, sizeof(in->strategy));
		in->strategy_version = pin->strategy_version;
	}
	free(pin);
	return why;
}

static void risk_of(const struct symbol_risk *risks, int risk_count, struct engine_symbol *symbol)
{
	symbol->volatile_now = true; /* not known counts as too volatile */
	for (int i = 0; i < risk_count; i++) {
		if (strcmp(risks[i].symbol, symbol->symbol) == 0) {
			symbol->volatile_now = risks[i].volatile_now;
			symbol->volume_average_qty = risks[i].volume_average_qty;
		}
	}
}

static enum reason read_universe_and_limits(struct worker *w, int64_t universe_run, int64_t guardrail_run)
{
	struct engine_inputs *in = w->inputs;
	struct universe_row rows[UNIVERSE_MAX];
	struct symbol_risk *risks = calloc(1024, sizeof(*risks));
	int count = 0, risk_count = 0;
	enum reason why = REASON_OK;

	if (risks == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the symbols' risk");
	if (universe_run != 0)
		why = tbl_universe_of_run(w->db, universe_run, rows, UNIVERSE_MAX, &count);
	if (why == REASON_OK && guardrail_run != 0)
		why = tbl_limits_of_run(w->db, guardrail_run, &in->limits);
	if (why == REASON_OK && guardrail_run != 0)
		why = tbl_symbol_risk_of_run(w->db, guardrail_run, risks, 1024, &risk_count);
	if (why == REASON_OK && guardrail_run != 0)
		in->limits_digest = frozen_limits(&in->limits, risks, risk_count);
	for (int i = 0; i < count && why == REASON_OK; i++) {
		struct engine_symbol *symbol = &in->symbols[in->symbol_count++];

		memcpy(symbol->symbol, rows[i].symbol, sizeof(symbol->symbol));
		symbol->member = true;
		symbol->entry_allowed = rows[i].entry_allowed;
		symbol->market = rows[i].market;
		symbol->kind = rows[i].kind;
		symbol->previous_close_won = rows[i].previous_close_won;
		symbol->previous_high_won = rows[i].previous_high_won;
		symbol->previous_low_won = rows[i].previous_low_won;
		symbol->band = rows[i].band;
		risk_of(risks, risk_count, symbol);
	}
	if (why == REASON_OK && universe_run != 0)
		in->universe_digest = frozen_universe(rows, count);
	free(risks);
	return why;
}

/* Own lots and orders may name symbols outside the universe: they need market and kind for tick, tax and band. */
static enum reason add_symbol(struct worker *w, const char *name)
{
	struct engine_inputs *in = w->inputs;
	struct symbol_row row;
	enum reason why;

	for (int i = 0; i < in->symbol_count; i++) {
		if (strcmp(in->symbols[i].symbol, name) == 0)
			return REASON_OK;
	}
	if (in->symbol_count == ENGINE_SYMBOLS_MAX)
		return reason_set(REASON_OVERFLOW, "more than %d symbols are held, ordered or listed",
				  ENGINE_SYMBOLS_MAX);
	why = tbl_symbol_find(w->db, name, &row);
	if (why == REASON_DB_NOT_FOUND)
		return reason_set(REASON_ROW_INCONSISTENT,
				  "%s is held or ordered but not in the symbol table; add it: gaejang "
				  "universe add %s --market ...",
				  name, name);
	if (why != REASON_OK)
		return why;
	in->symbols[in->symbol_count] =
		(struct engine_symbol){ .market = row.market, .kind = row.kind, .volatile_now = true };
	memcpy(in->symbols[in->symbol_count++].symbol, row.symbol, sizeof(row.symbol));
	return REASON_OK;
}

static enum reason read_books(struct worker *w)
{
	struct engine_inputs *in = w->inputs;
	struct snapshot snap = { .lots = in->lots, .lot_room = HOLDINGS_MAX };
	struct symbol_lock locks[ENGINE_LOCKS_MAX / 2];
	int lock_count = 0;
	int64_t id = w->account.account_id;
	enum reason why = w->certified ? tbl_snapshot_find(w->db, w->cert.snapshot_id, &snap)
				       : tbl_snapshot_accepted(w->db, id, &snap);

	if (why == REASON_DB_NOT_FOUND && !w->certified)
		why = REASON_OK; /* an observer may run without a base */
	if (why != REASON_OK)
		return why;
	in->lot_count = snap.lot_count;
	in->snapshot_frozen = snap.frozen;
	in->cash_won = snap.cash_won;
	in->snapshot_digest = snapshot_digest(&snap);
	why = tbl_orders_between(w->db, id, w->day, w->day, in->orders, ORDERS_DAY_MAX, &in->order_count);
	if (why == REASON_OK)
		why = tbl_fills_of_day(w->db, id, w->day, in->fills, FILLS_DAY_MAX, &in->fill_count);
	if (why == REASON_OK)
		why = tbl_lock_of_day(w->db, id, w->day, locks, ENGINE_LOCKS_MAX / 2, &lock_count);
	for (int i = 0; i < lock_count && why == REASON_OK; i++) {
		for (int side = SIDE_BUY; side <= SIDE_SELL; side++) {
			if (side == SIDE_BUY ? !locks[i].buy : !locks[i].sell)
				continue;
			memcpy(in->locks[in->lock_count].symbol, locks[i].symbol, sizeof(locks[i].symbol));
			in->locks[in->lock_count++].side = (enum order_side)side;
		}
	}
	for (int i = 0; i < in->lot_count && why == REASON_OK; i++)
		why = add_symbol(w, in->lots[i].symbol);
	for (int i = 0; i < in->order_count && why == REASON_OK; i++)
		why = add_symbol(w, in->orders[i].symbol);
	return why;
}

static enum reason read_streak(struct worker *w)
{
	int64_t results[64];
	int count = 0;
	enum reason why = tbl_round_trip_newest(w->db, w->account.account_id, results,
						(int)ARRAY_COUNT(results), &count);

	for (int i = 0; i < count && results[i] < 0; i++)
		w->inputs->losing_streak_before++;
	return why;
}

static enum reason read_times(struct worker *w, int64_t preflight_run)
{
	struct engine_inputs *in = w->inputs;
	struct session_row session;
	enum reason why;

	if (w->certified) {
		in->session_open = w->cert.session_open;
		in->session_end = w->cert.session_end;
		in->entry_end = w->cert.entry_end;
		return REASON_OK;
	}
	if (preflight_run == 0)
		return reason_set(REASON_UPSTREAM, "without a passed preflight the session's hours are not "
						   "known; run: gaejang rerun preflight");
	why = tbl_session_of_run(w->db, preflight_run, &session);
	if (why == REASON_OK) {
		in->session_open = session.open;
		in->session_end = session.close;
		in->entry_end = session.entry_end;
	}
	return why;
}

static enum reason read_signals(struct worker *w)
{
	const char *path = conf_text(&w->cfg, CONF_REHEARSAL_SIGNALS);
	uint8_t *text = NULL;
	size_t text_size = 0;
	enum reason why;

	if (!w->inputs->rehearsal || path[0] == '\0')
		return REASON_OK;
	why = file_read(path, 1024 * 1024, &text, &text_size);
	if (why == REASON_OK)
		why = strategy_signals_read((const char *)text, text_size, w->day, w->inputs->signals,
					    ENGINE_SIGNALS_MAX, &w->inputs->signal_count);
	file_free(text, text_size);
	return why;
}

static void set_constants(struct worker *w)
{
	struct engine_inputs *in = w->inputs;
	const struct conf *cfg = &w->cfg;

	(void)snprintf(in->account, sizeof(in->account), "%s", w->acct->name);
	(void)snprintf(in->env, sizeof(in->env), "%s", w->acct->env);
	in->rehearsal = conf_number(cfg, CONF_REHEARSAL) != 0;
	in->observer = w->place == NULL;
	in->day = w->day;
	in->certificate_mode = w->certified ? w->cert.mode : MODE_OBSERVE;
	in->commission_ppm = conf_number(cfg, CONF_COMMISSION_PPM);
	in->t_abs_us = conf_number(cfg, CONF_T_ABS_S) * US_PER_S;
	in->n_abs = conf_number(cfg, CONF_N_ABS);
	in->t_lag_us = conf_number(cfg, CONF_T_LAG_S) * US_PER_S;
	in->skew_us = conf_number(cfg, CONF_SKEW_S) * US_PER_S;
	in->listing_us = conf_number(cfg, CONF_LISTING_S) * US_PER_S;
	in->listing_live_us = conf_number(cfg, CONF_LISTING_LIVE_S) * US_PER_S;
	in->cancel_tries = conf_number(cfg, CONF_CANCEL_TRIES);
	/* Asked again well before the older confirmation runs out. */
	in->price_us = conf_number(cfg, CONF_LIM_FEED_CONFIRM_S) * US_PER_S * 2 / 3;
	in->opening_print_us = conf_number(cfg, CONF_OPENING_PRINT_S) * US_PER_S;
	in->heartbeat_us = conf_number(cfg, CONF_HEARTBEAT_S) * US_PER_S;
}

enum reason worker_inputs(struct worker *w)
{
	int64_t runs[PHASE_COUNT];
	enum reason why;

	w->inputs = calloc(1, sizeof(*w->inputs));
	if (w->inputs == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's inputs");
	engine_inputs_defaults(w->inputs);
	set_constants(w);
	why = digest_self(&w->inputs->build_digest);
	if (why == REASON_OK)
		why = find_runs(w, runs);
	if (why == REASON_OK)
		why = read_times(w, runs[PHASE_PREFLIGHT]);
	if (why == REASON_OK)
		why = read_params(w, runs[PHASE_PARAMS]);
	if (why == REASON_OK)
		why = read_universe_and_limits(w, runs[PHASE_UNIVERSE], runs[PHASE_GUARDRAIL]);
	if (why == REASON_OK)
		why = read_books(w);
	if (why == REASON_OK)
		why = read_streak(w);
	if (why == REASON_OK)
		why = read_signals(w);
	return why;
}
