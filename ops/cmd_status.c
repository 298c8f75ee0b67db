/* gaejang status, gaejang why - the day on one screen, for people and as JSON. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/day_view.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

static void print_phases(const struct day_view *view)
{
	char at[KST_TEXT_SIZE];

	printf("  %-10s %-8s %-8s %-6s %-18s %7s  %s\n", "phase", "status", "ceiling", "fresh", "reason",
	       "took", "finished");
	for (int id = 0; id < PHASE_COUNT; id++) {
		const struct phase_record *r = &view->phases[id];
		bool stale;

		if (!r->present) {
			printf("  %-10s %-8s due %.8s\n", phase_name((enum phase_id)id),
			       view->running[id] ? "runs" : "-",
			       kst_wall_text(view->windows[id].start, at) + 11);
			continue;
		}
		stale = r->status == STATUS_PASS && view->fresh[id] != FRESH;
		printf("  %-10s %-8s %-8s %-6s %-18s %5lldms  %.8s%s\n", phase_name((enum phase_id)id),
		       status_text(r->status), mode_text(r->mode),
		       r->status != STATUS_PASS ? "-" : (stale ? "STALE" : "fresh"),
		       stale ? freshness_text(view->fresh[id]) : r->reason, (long long)r->took_ms,
		       kst_wall_text(r->finished, at) + 11, r->attempt > 1 ? " (again)" : "");
	}
}

static void print_positions(const struct day_view *view)
{
	char a[WON_TEXT_SIZE], b[WON_TEXT_SIZE], c[WON_TEXT_SIZE], d[WON_TEXT_SIZE];
	int held = 0;

	if (!view->books_known) {
		puts("  positions   not known: no accepted snapshot");
		return;
	}
	for (int i = 0; i < view->book.count; i++) {
		const struct lot *lot = &view->book.rows[i].lot;

		if (lot->qty == 0)
			continue;
		printf("  %s%-9s %s shares, cost %s won%s\n", held++ == 0 ? "positions   " : "            ",
		       lot->symbol, won_text(lot->qty, a), won_text(lot->cost_won, b),
		       lot->owner == OWNER_EXT ? " (not ours)" : "");
	}
	if (held == 0)
		puts("  positions   none");
	printf("  result      realised %s won, fees %s, tax %s; cash by our books %s won\n",
	       won_text(view->realised_won, a), won_text(view->fee_won, b), won_text(view->tax_won, c),
	       won_text(view->cash_won, d));
}

static void print_status(const struct house *house, const struct day_view *view)
{
	struct day_block block = day_view_block(view);
	const struct order_counts *n = &view->counts;
	char day[KST_TEXT_SIZE], now[KST_TEXT_SIZE];

	printf("gaejang  %s  account %s (%s%s, %s)  now %.19s\n\n", kst_day_text(view->day, day),
	       house->account.name, house->account.env, house->account.rehearsal ? ", rehearsal" : "",
	       house->account.masked, kst_wall_text(view->now, now));
	if (!view->calendar.trading) {
		printf("  closed day%s%s. Nothing runs, nothing is wrong.\n",
		       view->calendar.name[0] ? ": " : "", view->calendar.name);
		return;
	}
	print_phases(view);
	printf("\n  gate        %s%s%s\n",
	       view->phases[PHASE_GATE].present ? status_text(view->phases[PHASE_GATE].status)
						: "no verdict yet",
	       view->phases[PHASE_GATE].present ? ", mode " : "",
	       view->phases[PHASE_GATE].present ? mode_text(view->phases[PHASE_GATE].mode) : "");
	printf("  worker      %s", view->worker);
	if (view->worker_pid != 0)
		printf(", pid %lld, mode %s, heartbeat %lld s ago", (long long)view->worker_pid,
		       mode_text(view->lease.mode), (long long)view->heartbeat_age_s);
	printf("\n  control     %s since %.19s by %s: %s%s\n", mode_text(view->control.mode),
	       kst_wall_text(view->control.since, now), view->control.person, view->control.reason,
	       view->stop_file ? " (stop file)" : "");
	printf("  orders      recorded %d, sent %d, open %d, with fills %d, refused %d, cancelled or expired "
	       "%d, in doubt %d\n",
	       n->recorded, n->sent, n->open, n->filled, n->refused, n->cancelled, n->in_doubt);
	print_positions(view);
	for (int i = 0; i < view->alert_count && i < 5; i++)
		printf("  %s %s  %s: %s%s\n", i == 0 ? "alerts     " : "           ",
		       view->alerts[i].level == FINDING_CRIT
			       ? "CRIT"
			       : (view->alerts[i].level == FINDING_WARN ? "WARN" : "INFO"),
		       view->alerts[i].code, view->alerts[i].text,
		       view->alerts[i].acknowledged ? " (acknowledged)" : "");
	if (view->alert_count > 5)
		printf("              and %d%s more: gaejang sql \"select * from alert\"\n",
		       view->alert_count - 5, view->alerts_more ? " or" : "");
	if (block.blocked)
		printf("\n  blocks now  %s: %s. Next: %s\n", block.what, block.text, block.command);
}

static void json_phases(cJSON *root, const struct day_view *view)
{
	cJSON *list = cJSON_AddArrayToObject(root, "phases");

	for (int id = 0; id < PHASE_COUNT; id++) {
		const struct phase_record *r = &view->phases[id];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", phase_name((enum phase_id)id));
		cJSON_AddStringToObject(item, "status", r->present ? status_text(r->status) : "MISSING");
		cJSON_AddStringToObject(item, "mode", r->present ? mode_text(r->mode) : mode_text(MODE_HALT));
		cJSON_AddBoolToObject(item, "fresh", view->fresh[id] == FRESH);
		cJSON_AddStringToObject(item, "freshness", freshness_text(view->fresh[id]));
		cJSON_AddStringToObject(item, "reason", r->present ? r->reason : "missing");
		cJSON_AddNumberToObject(item, "attempt", r->attempt);
		cJSON_AddNumberToObject(item, "took_ms", (double)r->took_ms);
		cJSON_AddItemToArray(list, item);
	}
}

static void json_rest(cJSON *root, const struct day_view *view)
{
	const struct order_counts *n = &view->counts;
	const struct phase_record *gate = &view->phases[PHASE_GATE];
	cJSON *item = cJSON_AddObjectToObject(root, "gate");

	cJSON_AddStringToObject(item, "verdict", gate->present ? status_text(gate->status) : "MISSING");
	cJSON_AddStringToObject(item, "mode", gate->present ? mode_text(gate->mode) : mode_text(MODE_HALT));
	cJSON_AddStringToObject(item, "reason", gate->present ? gate->reason : "missing");
	item = cJSON_AddObjectToObject(root, "worker");
	cJSON_AddStringToObject(item, "state", view->worker);
	cJSON_AddStringToObject(item, "mode", mode_text(view->lease.mode));
	cJSON_AddNumberToObject(item, "pid", (double)view->worker_pid);
	cJSON_AddNumberToObject(item, "heartbeat_age_s", (double)view->heartbeat_age_s);
	item = cJSON_AddObjectToObject(root, "control");
	cJSON_AddStringToObject(item, "mode", mode_text(view->control.mode));
	cJSON_AddStringToObject(item, "reason", view->control.reason);
	cJSON_AddBoolToObject(item, "stop_file", view->stop_file);
	item = cJSON_AddObjectToObject(root, "orders");
	cJSON_AddNumberToObject(item, "recorded", n->recorded);
	cJSON_AddNumberToObject(item, "sent", n->sent);
	cJSON_AddNumberToObject(item, "open", n->open);
	cJSON_AddNumberToObject(item, "filled", n->filled);
	cJSON_AddNumberToObject(item, "refused", n->refused);
	cJSON_AddNumberToObject(item, "cancelled", n->cancelled);
	cJSON_AddNumberToObject(item, "in_doubt", n->in_doubt);
	item = cJSON_AddArrayToObject(root, "positions");
	for (int i = 0; i < view->book.count; i++) {
		const struct lot *lot = &view->book.rows[i].lot;
		cJSON *row;

		if (lot->qty == 0)
			continue;
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "symbol", lot->symbol);
		cJSON_AddNumberToObject(row, "qty", (double)lot->qty);
		cJSON_AddNumberToObject(row, "cost_won", (double)lot->cost_won);
		cJSON_AddStringToObject(row, "owner", lot->owner == OWNER_SYS ? "SYS" : "EXT");
		cJSON_AddItemToArray(item, row);
	}
	item = cJSON_AddObjectToObject(root, "result");
	cJSON_AddBoolToObject(item, "known", view->books_known);
	cJSON_AddNumberToObject(item, "realised_won", (double)view->realised_won);
	cJSON_AddNumberToObject(item, "fee_won", (double)view->fee_won);
	cJSON_AddNumberToObject(item, "tax_won", (double)view->tax_won);
	cJSON_AddNumberToObject(item, "cash_won", (double)view->cash_won);
}

static void json_block(cJSON *root, const struct day_block *block)
{
	cJSON *item = cJSON_AddObjectToObject(root, "why");

	cJSON_AddBoolToObject(item, "blocked", block->blocked);
	cJSON_AddStringToObject(item, "what", block->what);
	cJSON_AddStringToObject(item, "reason", block->reason);
	cJSON_AddStringToObject(item, "text", block->text);
	cJSON_AddStringToObject(item, "command", block->command);
}

static enum reason status_json(const struct house *house, const struct day_view *view)
{
	struct day_block block = day_view_block(view);
	cJSON *root = cJSON_CreateObject();
	char text[KST_TEXT_SIZE];
	enum reason why;

	cJSON_AddStringToObject(root, "day", kst_day_text(view->day, text));
	cJSON_AddStringToObject(root, "now_kst", kst_wall_text(view->now, text));
	cJSON_AddStringToObject(root, "account", house->account.name);
	cJSON_AddStringToObject(root, "env", house->account.env);
	cJSON_AddBoolToObject(root, "trading_day", view->calendar.trading);
	json_phases(root, view);
	json_rest(root, view);
	json_block(root, &block);
	why = ops_print_json(root);
	cJSON_Delete(root);
	return why;
}

static enum reason print_why(const struct day_view *view, bool json)
{
	struct day_block block = day_view_block(view);

	if (json) {
		cJSON *root = cJSON_CreateObject();
		enum reason why;

		json_block(root, &block);
		why = ops_print_json(root);
		cJSON_Delete(root);
		return why;
	}
	if (!view->calendar.trading) {
		printf("not a trading day%s%s\n", view->calendar.name[0] ? ": " : "", view->calendar.name);
		return REASON_OK;
	}
	if (!block.blocked) {
		puts("nothing blocks: every phase passed and is fresh, the gate said yes");
		return REASON_OK;
	}
	printf("blocked by   %s (%s)\nevidence     %s\nre-examine   %s\n", block.what, block.reason,
	       block.text, block.command);
	if (strcmp(block.what, "control") != 0 && strcmp(block.what, "alert") != 0 &&
	    strcmp(block.what, "worker") != 0)
		printf("its history  gaejang sql \"select * from v_phase_history where phase = '%s'\"\n",
		       block.what);
	return REASON_OK;
}

static int look(const char *command, int argc, char **argv, const char *doc, bool why_only)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	struct day_view *view = NULL;
	enum reason why;

	ops_parse(argc, argv, "cajd", "", doc, &args);
	why = house_open(&house, &args,
			 NEED_CONF | NEED_CALENDAR | NEED_CLOCK | NEED_AWAKE | NEED_DB | NEED_ACCOUNT,
			 "gj_reader");
	if (why == REASON_OK)
		why = day_view_load(&house, &view);
	if (why == REASON_OK && why_only)
		why = print_why(view, args.json);
	else if (why == REASON_OK && args.json)
		why = status_json(&house, view);
	else if (why == REASON_OK)
		print_status(&house, view);
	day_view_free(view);
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail(command, why);
}

int cmd_status(int argc, char **argv)
{
	return look("status", argc, argv,
		    "The day at a glance: phases, gate, worker, orders, positions, result, alerts.", false);
}

int cmd_why(int argc, char **argv)
{
	return look("why", argc, argv,
		    "The first thing that blocks, its evidence, and the command that re-examines it.", true);
}
