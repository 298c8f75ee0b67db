#include "ops/day_view.h"
#include "ops/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

static void count_orders(struct day_view *view)
{
	struct order_counts *n = &view->counts;

	for (int i = 0; i < view->order_count; i++) {
		const struct order *o = &view->orders[i];

		if (o->owner != OWNER_SYS || o->kind != INTENT_NEW)
			continue;
		n->recorded++;
		n->sent += o->sent.us != 0;
		n->open += o->state == ORDER_OPEN || o->state == ORDER_PARTIAL;
		n->partial += o->filled_qty > 0 && o->filled_qty < o->qty;
		n->filled += o->filled_qty > 0;
		n->refused += o->state == ORDER_REJECTED;
		n->cancelled += o->state == ORDER_CANCELLED || o->state == ORDER_EXPIRED;
		n->in_doubt += o->state == ORDER_IN_DOUBT || o->state == ORDER_SENDING;
	}
}

/* Costs follow the day's cumulative amount of a symbol and side, as the broker counts them. `cash_from`: fills before that
 * instant are in the cash already. */
static enum reason apply_fill(struct house *house, struct day_view *view, const struct fill *fill,
			      struct wall cash_from)
{
	struct symbol_row symbol;
	struct cost_rules rules;
	struct position *pos;
	struct lot empty = { .owner = fill->owner };
	int64_t costs_won;
	enum reason why = tbl_symbol_find(house->db, fill->symbol, &symbol);

	if (why != REASON_OK)
		return why;
	if (!cost_rules_for(fill->day, symbol.market, symbol.kind,
			    conf_number(&house->cfg, CONF_COMMISSION_PPM), &rules))
		return reason_set(REASON_INTERNAL, "no cost rules for %s", fill->symbol);
	pos = position_find(&view->book, fill->symbol, fill->owner);
	if (pos == NULL) {
		memcpy(empty.symbol, fill->symbol, sizeof(empty.symbol));
		why = position_open(&view->book, &empty, &pos);
	}
	if (why != REASON_OK)
		return why;
	costs_won = pos->fee_won + pos->tax_won;
	why = position_fill(pos, &rules, fill->side, fill->to_qty - fill->from_qty, fill->amount_won);
	if (why != REASON_OK || fill->at.us <= cash_from.us)
		return why;
	view->cash_won += fill->side == SIDE_BUY ? -fill->amount_won : fill->amount_won;
	view->cash_won -= pos->fee_won + pos->tax_won - costs_won;
	return REASON_OK;
}

/* Shares and the day's result count from its first accepted snapshot, cash from its newest: it knows what came in or went out
 * in between. A day that has none yet goes on from the newest before. */
static enum reason find_base(struct house *house, struct snapshot *base, struct snapshot *newest)
{
	struct acceptance_row first, last;
	enum reason why = tbl_acceptance_until(house->db, house->account.account_id, house->day, &last);

	if (why != REASON_OK)
		return why;
	why = tbl_acceptance_first_of_day(house->db, house->account.account_id, house->day, &first);
	if (why == REASON_DB_NOT_FOUND) {
		first = last;
		why = REASON_OK;
	}
	if (why == REASON_OK)
		why = tbl_snapshot_find(house->db, first.snapshot_id, base);
	return why == REASON_OK ? tbl_snapshot_find(house->db, last.snapshot_id, newest) : why;
}

/* Fills up to the day that is looked at; what earlier days did is in lots and cash, not in the day's result. */
static enum reason load_fills(struct house *house, struct day_view *view, struct wall since,
			      struct wall cash_from)
{
	struct kst_day at = { 0 };
	struct fill *fills = calloc(FILLS_DAY_MAX, sizeof(*fills));
	int count = 0;
	enum reason why;

	if (fills == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the fills of a day");
	why = tbl_fills_since(house->db, house->account.account_id, since, fills, FILLS_DAY_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK && kst_day_diff(fills[i].day, view->day) <= 0; i++) {
		if (!kst_day_same(fills[i].day, at))
			position_next_day(&view->book);
		at = fills[i].day;
		why = apply_fill(house, view, &fills[i], cash_from);
	}
	if (!kst_day_same(at, view->day))
		position_next_day(&view->book);
	free(fills);
	return why;
}

static enum reason load_books(struct house *house, struct day_view *view)
{
	struct lot *lots = calloc(2 * (size_t)HOLDINGS_MAX, sizeof(*lots));
	struct snapshot base = { .lots = lots, .lot_room = HOLDINGS_MAX };
	struct snapshot newest = { .lots = lots == NULL ? NULL : lots + HOLDINGS_MAX,
				   .lot_room = HOLDINGS_MAX };
	enum reason why = lots == NULL ? reason_set(REASON_NO_MEMORY, "no memory for positions")
				       : find_base(house, &base, &newest);

	if (why == REASON_DB_NOT_FOUND) {
		free(lots);
		return REASON_OK; /* books_known stays false */
	}
	view->books_known = why == REASON_OK;
	view->cash_won = newest.cash_won;
	for (int i = 0; i < base.lot_count && why == REASON_OK; i++) {
		struct position *pos;

		why = position_open(&view->book, &lots[i], &pos);
	}
	if (why == REASON_OK)
		why = load_fills(house, view, base.frozen, newest.frozen);
	for (int i = 0; i < view->book.count; i++) {
		const struct position *pos = &view->book.rows[i];

		view->realised_won += pos->realised_won;
		view->fee_won += pos->fee_won;
		view->tax_won += pos->tax_won;
	}
	free(lots);
	return why;
}

static enum reason load_phases(struct house *house, struct day_view *view)
{
	int64_t age_max_s[PHASE_COUNT] = { 0 };
	enum reason why = tbl_phase_records(house->db, house->account.account_id, house->day, view->phases);

	if (why == REASON_OK)
		why = calendar_at(&house->cal, house->day, &view->calendar);
	for (int id = 0; id < PHASE_COUNT && why == REASON_OK; id++) {
		struct wall deadline;

		view->windows[id] = phase_window((enum phase_id)id, &house->cfg, &view->calendar);
		why = tbl_phase_running(house->db, house->account.account_id, house->day, (enum phase_id)id,
					view->now, &view->running[id], &deadline);
	}
	/* Age matters to the gate at its minute; a status at noon would call everything old. Content and chain matter always. */
	for (int id = 0; id < PHASE_COUNT && why == REASON_OK; id++)
		view->fresh[id] = phase_fresh((enum phase_id)id, view->phases, age_max_s, view->now);
	return why;
}

static enum reason load_rest(struct house *house, struct day_view *view)
{
	int64_t id = house->account.account_id;
	char path[FILE_PATH_SIZE], name[64];
	enum reason why = tbl_lease_read(house->db, id, &view->lease);

	if (why == REASON_OK)
		why = tbl_control_read(house->db, id, &view->control);
	if (why == REASON_OK)
		why = tbl_orders_between(house->db, id, house->day, house->day, view->orders, ORDERS_DAY_MAX,
					 &view->order_count);
	if (why == REASON_OK)
		why = tbl_alert_open(house->db, id, house->day, view->alerts, DAY_ALERTS_MAX,
				     &view->alert_count);
	if (why == REASON_OVERFLOW) { /* the oldest ones are shown; that there are more is said */
		view->alert_count = DAY_ALERTS_MAX;
		view->alerts_more = true;
		why = REASON_OK;
	}
	if (why != REASON_OK)
		return why;
	why = tbl_certificate_newest(house->db, id, house->day, &view->certificate);
	view->certificate_there = why == REASON_OK;
	if (why != REASON_OK && why != REASON_DB_NOT_FOUND)
		return why;
	(void)snprintf(name, sizeof(name), "stop-%s", house->account.name);
	why = file_join(conf_text(&house->cfg, CONF_STATE_DIR), name, path);
	if (why == REASON_OK)
		view->stop_file = file_exists(path);
	return why;
}

static const char *worker_state(struct day_view *view, const struct conf *cfg)
{
	const struct lease_row *lease = &view->lease;
	const char *colon = strchr(lease->holder, ':');

	view->heartbeat_age_s = -1;
	if (lease->kind != LEASE_TRADE) {
		if (strcmp(lease->program, "worker") == 0 && lease->clean)
			return "stopped in order";
		return view->phases[PHASE_CLOSE].present && view->phases[PHASE_CLOSE].status == STATUS_PASS
			       ? "not running: the day is closed"
			       : "not running";
	}
	if (colon != NULL)
		(void)num_parse(colon + 1, strcspn(colon + 1, ":"), &view->worker_pid);
	view->heartbeat_age_s = wall_diff_us(view->now, lease->heartbeat) / US_PER_S;
	if (process_of_holder(lease->holder) != 0 && !process_alive(process_of_holder(lease->holder)))
		return "dead: its process is gone";
	if (view->heartbeat_age_s > conf_number(cfg, CONF_HEARTBEAT_OLD_S))
		return "dead: its heartbeat is old";
	view->worker_runs = true;
	return lease->state;
}

enum reason day_view_load(struct house *house, struct day_view **out)
{
	struct day_view *view = calloc(1, sizeof(*view));
	enum reason why;

	if (view == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's view");
	view->day = house->day;
	view->now = clock_wall(house->clock);
	why = load_phases(house, view);
	if (why == REASON_OK)
		why = load_rest(house, view);
	if (why == REASON_OK)
		why = load_books(house, view);
	if (why != REASON_OK) {
		free(view);
		return why;
	}
	count_orders(view);
	view->today = kst_day_same(view->day, kst_day_of(view->now));
	view->worker = worker_state(view, &house->cfg);
	*out = view;
	return REASON_OK;
}

void day_view_free(struct day_view *view)
{
	free(view);
}

static void block_set(struct day_block *block, const char *what, const char *reason, const char *text)
{
	block->blocked = true;
	(void)snprintf(block->what, sizeof(block->what), "%s", what);
	(void)snprintf(block->reason, sizeof(block->reason), "%s", reason);
	(void)snprintf(block->text, sizeof(block->text), "%s", text);
}

static bool block_phase(const struct day_view *view, enum phase_id id, struct day_block *block)
{
	const struct phase_record *record = &view->phases[id];

	if (record->present && record->status == STATUS_CLOSED)
		return false;
	if (!record->present) {
		char start[KST_TEXT_SIZE];
		bool due = view->now.us >= view->windows[id].start.us;

		block_set(block, phase_name(id), due ? "missing" : "not-due", "");
		(void)snprintf(block->text, sizeof(block->text),
			       "%s has no result of this day; it %s at %.16s", phase_name(id),
			       view->running[id] ? "runs now and was due" : (due ? "was due" : "is due"),
			       kst_wall_text(view->windows[id].start, start));
	} else if (record->status != STATUS_PASS) {
		block_set(block, phase_name(id), record->reason, record->detail);
	} else if (view->fresh[id] != FRESH) {
		block_set(block, phase_name(id), "stale", "");
		(void)snprintf(block->text, sizeof(block->text), "%s passed, but is stale: %s",
			       phase_name(id), freshness_text(view->fresh[id]));
	} else {
		return false;
	}
	(void)snprintf(block->command, sizeof(block->command), "gaejang rerun %s --downstream",
		       phase_name(id));
	return true;
}

/* A PASS may lower what the day can do. */
static bool block_mode(const struct day_view *view, struct day_block *block)
{
	for (int id = 0; id <= PHASE_GATE; id++) {
		const struct phase_record *record = &view->phases[id];

		if (!record->present || record->status != STATUS_PASS || record->mode == MODE_TRADE)
			continue;
		block_set(block, phase_name((enum phase_id)id), record->reason, "");
		(void)snprintf(block->text, sizeof(block->text),
			       "%s passed and lowers the mode to %s: %.400s", phase_name((enum phase_id)id),
			       mode_text(record->mode), record->detail);
		(void)snprintf(block->command, sizeof(block->command), "gaejang rerun %s --downstream",
			       phase_name((enum phase_id)id));
		return true;
	}
	return false;
}

static void block_worker(const struct day_view *view, struct day_block *block)
{
	const struct phase_record *gate = &view->phases[PHASE_GATE];
	struct wall end = kst_wall(view->day, view->calendar.close_s);

	if (!view->today || view->worker_runs || !gate->present || gate->status != STATUS_PASS ||
	    view->now.us >= end.us || view->phases[PHASE_CLOSE].present)
		return;
	block_set(block, "worker", "not-running", "");
	(void)snprintf(block->text, sizeof(block->text),
		       "the gate launched a worker, and it is %s; the session "
		       "lasts until %02d:%02d",
		       view->worker, view->calendar.close_s / 3600, view->calendar.close_s / 60 % 60);
	(void)snprintf(block->command, sizeof(block->command), "gaejang rerun reconcile --downstream");
}

struct day_block day_view_block(const struct day_view *view)
{
	struct day_block block = { 0 };

	if (view->stop_file || view->control.mode == MODE_HALT || view->control.mode == MODE_OBSERVE) {
		block_set(&block, "control", view->stop_file ? "stop-file" : mode_text(view->control.mode),
			  "");
		(void)snprintf(block.text, sizeof(block.text), "stopped by %s: %.200s%s",
			       view->control.person, view->control.reason,
			       view->stop_file ? " (a stop file is there)" : "");
		(void)snprintf(block.command, sizeof(block.command), "gaejang resume --reason \"...\"");
		return block;
	}
	for (int id = 0; id < PHASE_GATE; id++) {
		if (block_phase(view, (enum phase_id)id, &block))
			return block;
	}
	for (int i = 0; i < view->alert_count; i++) {
		const struct alert_row *alert = &view->alerts[i];

		if (alert->level != FINDING_CRIT || alert->acknowledged)
			continue;
		block_set(&block, "alert", alert->code, alert->text);
		(void)snprintf(block.command, sizeof(block.command), "gaejang ack %s --reason \"...\"",
			       alert->code);
		return block;
	}
	if (block_phase(view, PHASE_GATE, &block))
		(void)snprintf(block.command, sizeof(block.command), "gaejang rerun gate");
	else if (!block_mode(view, &block))
		block_worker(view, &block);
	return block;
}
