#include "phases/settle.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static enum reason no_memory(void)
{
	return reason_set(REASON_NO_MEMORY, "no memory for the books of the day");
}

static bool take_theirs(struct theirs *theirs)
{
	theirs->orders.room = ORDERS_DAY_MAX;
	theirs->balance.room = HOLDINGS_MAX;
	theirs->reservations.room = ORDERS_DAY_MAX;
	theirs->orders.rows = calloc((size_t)theirs->orders.room, sizeof(*theirs->orders.rows));
	theirs->balance.rows = calloc((size_t)theirs->balance.room, sizeof(*theirs->balance.rows));
	theirs->reservations.rows =
		calloc((size_t)theirs->reservations.room, sizeof(*theirs->reservations.rows));
	return theirs->orders.rows && theirs->balance.rows && theirs->reservations.rows;
}

static bool take_out(struct reconcile_out *out)
{
	out->resolution_room = 2 * ORDERS_DAY_MAX;
	out->finding_room = SETTLE_FINDINGS_MAX;
	out->lock_room = HOLDINGS_MAX;
	out->mismatch_room = HOLDINGS_MAX;
	out->snapshot.lot_room = HOLDINGS_MAX;
	out->resolutions = calloc((size_t)out->resolution_room, sizeof(*out->resolutions));
	out->findings = calloc((size_t)out->finding_room, sizeof(*out->findings));
	out->locks = calloc((size_t)out->lock_room, sizeof(*out->locks));
	out->mismatches = calloc((size_t)out->mismatch_room, sizeof(*out->mismatches));
	out->snapshot.lots = calloc((size_t)out->snapshot.lot_room, sizeof(*out->snapshot.lots));
	return out->resolutions && out->findings && out->locks && out->mismatches && out->snapshot.lots;
}

static bool take_ours(struct settle *st)
{
	st->orders = calloc(ORDERS_DAY_MAX, sizeof(*st->orders));
	st->fills = calloc(FILLS_DAY_MAX, sizeof(*st->fills));
	st->sightings = calloc(SETTLE_SIGHTINGS_MAX, sizeof(*st->sightings));
	st->symbols = calloc(SETTLE_SYMBOLS_MAX, sizeof(*st->symbols));
	st->mismatches = calloc(HOLDINGS_MAX, sizeof(*st->mismatches));
	st->lots = calloc(HOLDINGS_MAX, sizeof(*st->lots));
	return st->orders && st->fills && st->sightings && st->symbols && st->mismatches && st->lots;
}

void settle_clear(struct settle *st)
{
	free(st->orders);
	free(st->fills);
	free(st->sightings);
	free(st->symbols);
	free(st->mismatches);
	free(st->lots);
	free(st->theirs.orders.rows);
	free(st->theirs.balance.rows);
	free(st->theirs.reservations.rows);
	free(st->out.resolutions);
	free(st->out.findings);
	free(st->out.locks);
	free(st->out.mismatches);
	free(st->out.snapshot.lots);
	*st = (struct settle)SETTLE_INIT;
}

/* ---- what earlier attempts left ---------------------------------------------------------------------------------- */

/* A disagreement is called by its name only when it lasts; since when, the evidence of the newest result says. */
static enum reason mismatches_read(struct phase *ph, struct settle *st)
{
	char *text = calloc(1, EVIDENCE_SIZE_MAX);
	cJSON *root = NULL;
	const cJSON *list, *item;
	enum reason why;

	if (!text)
		return no_memory();
	why = tbl_phase_evidence(ph->db, ph->account.account_id, ph->day.day, ph->def->id, text,
				 EVIDENCE_SIZE_MAX);
	if (why == REASON_DB_NOT_FOUND) {
		why = REASON_OK;
		goto out;
	}
	if (why != REASON_OK)
		goto out;
	root = cJSON_Parse(text);
	list = cJSON_GetObjectItemCaseSensitive(root, "mismatches");
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *symbol = cJSON_GetObjectItemCaseSensitive(item, "symbol");
		const cJSON *since = cJSON_GetObjectItemCaseSensitive(item, "since");
		struct mismatch *row = &st->mismatches[st->ours.mismatch_count];

		if (st->ours.mismatch_count == HOLDINGS_MAX || !cJSON_IsString(symbol) ||
		    !cJSON_IsString(since) || strlen(symbol->valuestring) >= sizeof(row->symbol) ||
		    !kst_wall_parse(since->valuestring, &row->since))
			continue; /* a row that cannot be read counts as first seen now */
		memcpy(row->symbol, symbol->valuestring, strlen(symbol->valuestring) + 1);
		st->ours.mismatch_count++;
	}
out:
	cJSON_Delete(root);
	free(text);
	return why;
}

static void mismatches_keep(struct settle *st)
{
	st->ours.mismatch_count = st->out.mismatch_count;
	memcpy(st->mismatches, st->out.mismatches, (size_t)st->out.mismatch_count * sizeof(*st->mismatches));
}

static void mismatches_write(struct phase *ph, const struct settle *st)
{
	cJSON *list = cJSON_AddArrayToObject(ph->evidence, "mismatches"), *item;
	char since[KST_TEXT_SIZE];

	for (int i = 0; i < st->out.mismatch_count && list; i++) {
		item = cJSON_CreateObject();
		(void)cJSON_AddStringToObject(item, "symbol", st->out.mismatches[i].symbol);
		(void)cJSON_AddStringToObject(item, "since",
					      kst_wall_text(st->out.mismatches[i].since, since));
		(void)cJSON_AddItemToArray(list, item);
	}
}

/* ---- our side ---------------------------------------------------------------------------------------------------- */

static enum reason symbols_read(struct phase *ph, struct settle *st)
{
	struct symbol_row *rows = calloc(SETTLE_SYMBOLS_MAX, sizeof(*rows));
	int count = 0;
	enum reason why;

	if (!rows)
		return no_memory();
	why = tbl_symbol_all(ph->db, rows, SETTLE_SYMBOLS_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK; i++) {
		memcpy(st->symbols[i].symbol, rows[i].symbol, sizeof(rows[i].symbol));
		st->symbols[i].market = rows[i].market;
		st->symbols[i].kind = rows[i].kind;
	}
	st->ours.symbol_count = why == REASON_OK ? count : 0;
	free(rows);
	return why;
}

static enum reason snapshot_read(struct phase *ph, struct settle *st)
{
	enum reason why;

	st->ours.snapshot.lots = st->lots;
	st->ours.snapshot.lot_room = HOLDINGS_MAX;
	why = tbl_snapshot_accepted(ph->db, ph->account.account_id, &st->ours.snapshot);
	st->ours.snapshot_known = why == REASON_OK;
	return why == REASON_DB_NOT_FOUND ? REASON_OK : why;
}

/* Listings begin with the snapshot's day, or earlier where an order of an earlier day is not final. */
static enum reason first_day(struct phase *ph, struct settle *st, struct wall *out_since)
{
	struct kst_day oldest = kst_day_add(ph->day.day, -SETTLE_DAYS_MAX);
	int count = 0;
	enum reason why;

	*out_since = phase_now(ph);
	st->from = ph->day.day;
	if (st->ours.snapshot_known && st->ours.snapshot.day.yyyymmdd < st->from.yyyymmdd)
		st->from = st->ours.snapshot.day;
	why = tbl_orders_undecided(ph->db, ph->account.account_id, st->orders, ORDERS_DAY_MAX, &count);
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < count; i++) {
		const struct order *order = &st->orders[i];

		if (order->day.yyyymmdd < st->from.yyyymmdd)
			st->from = order->day;
		if (order->sent.us != 0 && order->sent.us < out_since->us)
			*out_since = order->sent;
	}
	if (st->from.yyyymmdd < oldest.yyyymmdd)
		st->from = oldest;
	return REASON_OK;
}

static enum reason ours_read(struct phase *ph, struct settle *st)
{
	int64_t account = ph->account.account_id;
	struct wall since;
	enum reason why = snapshot_read(ph, st);

	if (why == REASON_OK)
		why = first_day(ph, st, &since);
	if (why == REASON_OK)
		why = tbl_orders_between(ph->db, account, st->from, ph->day.day, st->orders, ORDERS_DAY_MAX,
					 &st->ours.order_count);
	if (why == REASON_OK)
		why = tbl_fills_since(ph->db, account, kst_wall(st->from, 0), st->fills, FILLS_DAY_MAX,
				      &st->ours.fill_count);
	if (why == REASON_OK)
		why = tbl_listing_sightings(ph->db, account, st->from, since, st->sightings,
					    SETTLE_SIGHTINGS_MAX, &st->ours.sighting_count);
	st->ours.orders = st->orders;
	st->ours.fills = st->fills;
	st->ours.sightings = st->sightings;
	st->ours.symbols = st->symbols;
	st->ours.mismatches = st->mismatches;
	return why;
}

static void rules_set(const struct phase *ph, struct reconcile_rules *rules)
{
	rules->t_abs_us = conf_number(&ph->cfg, CONF_T_ABS_S) * US_PER_S;
	rules->t_lag_us = conf_number(&ph->cfg, CONF_T_LAG_S) * US_PER_S;
	rules->skew_us = conf_number(&ph->cfg, CONF_SKEW_S) * US_PER_S;
	rules->order_timeout_us = conf_number(&ph->cfg, CONF_BROKER_ORDER_MS) * 1000;
	rules->n_abs = (int)conf_number(&ph->cfg, CONF_N_ABS);
	rules->costs_tolerance_won = conf_number(&ph->cfg, CONF_COSTS_TOLERANCE_WON);
	rules->commission_ppm = conf_number(&ph->cfg, CONF_COMMISSION_PPM);
	rules->paper = strcmp(ph->acct->env, "paper") == 0;
	rules->day = ph->day.day;
	rules->session_end = phase_session_end(ph);
}

enum reason settle_open(struct phase *ph, struct settle *st)
{
	enum reason why;

	if (!take_ours(st) || !take_theirs(&st->theirs) || !take_out(&st->out))
		return no_memory();
	rules_set(ph, &st->rules);
	why = symbols_read(ph, st);
	if (why == REASON_OK)
		why = mismatches_read(ph, st);
	return why;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

enum reason settle_ask(struct phase *ph, struct settle *st)
{
	enum reason why;

	/* Orders first: what was filled between the two questions is in the later balance, and lags are for that. */
	why = ours_read(ph, st);
	if (why == REASON_OK)
		why = phase_kis(ph);
	if (why == REASON_OK)
		why = phase_orders(ph, st->from, ph->day.day, true, &st->theirs.orders);
	if (why == REASON_OK)
		why = phase_balance(ph, true, &st->theirs.balance);
	if (why == REASON_OK)
		why = phase_reservations(ph, ph->day.day, kst_day_add(ph->day.day, 30), true,
					 &st->theirs.reservations);
	if (why != REASON_OK)
		return why;
	st->asked = phase_now(ph);
	why = reconcile(&st->ours, &st->theirs, &st->rules, st->asked, &st->out);
	mismatches_keep(st);
	return why;
}

bool settle_crit(const struct settle *st)
{
	for (int i = 0; i < st->out.finding_count; i++) {
		if (st->out.findings[i].level == FINDING_CRIT)
			return true;
	}
	return false;
}

void settle_tell(struct phase *ph, const struct settle *st)
{
	char first[KST_TEXT_SIZE];

	for (int i = 0; i < st->out.finding_count; i++) {
		const struct finding *f = &st->out.findings[i];

		phase_alert(ph, f->level, f->code, "%s", f->text);
	}
	phase_fact_text(ph, "listed_from", kst_day_text(st->from, first));
	phase_fact_number(ph, "orders_ours", st->ours.order_count);
	phase_fact_number(ph, "orders_theirs", st->theirs.orders.count);
	phase_fact_number(ph, "holdings_theirs", st->theirs.balance.count);
	phase_fact_number(ph, "resolutions", st->out.resolution_count);
	phase_fact_number(ph, "findings", st->out.finding_count);
	phase_fact_number(ph, "held_cash_won", st->out.held_cash_won);
	mismatches_write(ph, st);
}

/* ---- applying ---------------------------------------------------------------------------------------------------- */

int64_t settle_ext_id(struct kst_day day, const char *odno)
{
	int64_t number = 0;

	if (!num_parse(odno, strlen(odno), &number) || number < 0)
		number = 0;
	return (int64_t)day.yyyymmdd * INT64_C(100000000000) + INT64_C(90000000000) +
	       number % INT64_C(10000000000);
}

static const struct symbol_rule *rule_of(const struct settle *st, const char *symbol)
{
	for (int i = 0; i < st->ours.symbol_count; i++) {
		if (strcmp(st->symbols[i].symbol, symbol) == 0)
			return &st->symbols[i];
	}
	return NULL;
}

static bool same_sum(const struct fill *a, const struct fill *b)
{
	return a->side == b->side && kst_day_same(a->day, b->day) && strcmp(a->symbol, b->symbol) == 0;
}

/* Fees and taxes follow the day's cumulative amount of a symbol and side: stored fills, then those of this answer. */
static enum reason cost_of_fill(const struct settle *st, int resolution_index, struct cost *out)
{
	const struct fill *fill = &st->out.resolutions[resolution_index].fill;
	const struct symbol_rule *rule = rule_of(st, fill->symbol);
	struct cost_rules rules = { 0 };
	int64_t before_won = 0;
	bool fits = true;

	for (int i = 0; i < st->ours.fill_count && fits; i++) {
		if (same_sum(&st->fills[i], fill))
			fits = won_add(before_won, st->fills[i].amount_won, &before_won);
	}
	for (int i = 0; i < resolution_index && fits; i++) {
		const struct resolution *res = &st->out.resolutions[i];

		if (res->has_fill && same_sum(&res->fill, fill))
			fits = won_add(before_won, res->fill.amount_won, &before_won);
	}
	if (!fits ||
	    !cost_rules_for(fill->day, rule ? rule->market : MARKET_KOSPI, rule ? rule->kind : SYMBOL_STOCK,
			    st->rules.commission_ppm, &rules) ||
	    !cost_step(&rules, fill->side, before_won, fill->amount_won, out))
		return reason_set(
			REASON_OVERFLOW,
			"fees and taxes of a fill in %s cannot be computed; is its day in the tax table?",
			fill->symbol);
	return REASON_OK;
}

/* Gross won filled of an order once resolution `index` is applied. Nothing is changed here: a transaction may run twice. */
static int64_t filled_won_at(const struct settle *st, int index)
{
	int order_index = st->out.resolutions[index].order_index;
	int64_t won = st->orders[order_index].filled_won;

	for (int i = 0; i <= index; i++) {
		const struct resolution *res = &st->out.resolutions[i];

		if (res->order_index == order_index && res->has_fill &&
		    !won_add(won, res->fill.amount_won, &won))
			return -1;
	}
	return won;
}

static enum reason apply_order(struct phase *ph, const struct settle *st, int index)
{
	const struct resolution *res = &st->out.resolutions[index];
	const struct order *order = &st->orders[res->order_index];
	struct order_event_row row = { .intent_id = order->intent_id, .account_id = ph->account.account_id };

	row.event = res->event;
	row.state = res->to;
	row.at = st->asked;
	memcpy(row.odno, res->odno[0] ? res->odno : order->odno, sizeof(row.odno));
	memcpy(row.orig_odno, order->orig_odno, sizeof(row.orig_odno));
	memcpy(row.branch, res->branch[0] ? res->branch : order->branch, sizeof(row.branch));
	row.order_day = order->day;
	row.filled_qty = res->has_fill ? res->fill.to_qty : order->filled_qty;
	row.filled_won = filled_won_at(st, index);
	row.by_program = phase_name(ph->def->id);
	row.reason = "";
	row.evidence = res->evidence ? res->evidence : "";
	if (row.filled_won < 0)
		return reason_set(REASON_OVERFLOW, "the amount filled of order %lld does not fit",
				  (long long)order->intent_id);
	return tbl_order_event_add(ph->db, &row);
}

enum reason settle_apply(struct phase *ph, const struct settle *st)
{
	const char *by = phase_name(ph->def->id);
	enum reason why = REASON_OK;

	for (int i = 0; i < st->out.resolution_count && why == REASON_OK; i++) {
		const struct resolution *res = &st->out.resolutions[i];
		struct fill fill = res->fill;
		struct cost cost;

		if (res->order_index >= 0) {
			why = apply_order(ph, st, i);
			fill.intent_id = st->orders[res->order_index].intent_id;
		} else {
			fill.intent_id = settle_ext_id(res->ext.day, res->ext.odno);
			why = tbl_order_ext_add(ph->db, ph->account.account_id, fill.intent_id, &res->ext,
						st->asked, by);
		}
		if (why != REASON_OK || !res->has_fill)
			continue;
		why = cost_of_fill(st, i, &cost);
		if (why == REASON_OK)
			why = tbl_fill_add(ph->db, ph->account.account_id, &fill, &cost, by);
	}
	return why;
}
