#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

/* ---- the two marks: each is one CALL and its own transaction ---- */

struct mark_work {
	const struct lease_row *mine;
	const struct order *order;
	const char *strategy, *signal_code;
	int64_t intent_id;
	bool reduces_risk;
	struct wall now;
};

static enum reason record(struct db *db, void *arg)
{
	const struct mark_work *work = arg;
	const struct order *order = work->order;
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_INTENT_RECORD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, work->mine->account_id);
	stmt_in_day(st, order->day);
	stmt_in_text(st, work->mine->holder);
	stmt_in_number(st, work->mine->epoch);
	stmt_in_wall(st, work->now);
	stmt_in_number(st, work->reduces_risk);
	stmt_in_number(st, order->intent_id);
	stmt_in_text(st, order->kind == INTENT_CANCEL ? "CANCEL" : "NEW");
	stmt_in_number(st, order->target_intent_id);
	stmt_in_text(st, work->strategy);
	stmt_in_text(st, work->signal_code);
	stmt_in_text(st, order->symbol);
	stmt_in_text(st, order_side_text(order->side));
	stmt_in_text(st, tbl_type_text(order->type));
	stmt_in_number(st, order->qty);
	stmt_in_number(st, order->price_won);
	stmt_in_text(st, order->excg);
	stmt_in_text(st, work->mine->program);
	return tbl_write(st);
}

static enum reason mark(struct db *db, void *arg)
{
	const struct mark_work *work = arg;
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_INTENT_MARK, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, work->mine->account_id);
	stmt_in_text(st, work->mine->holder);
	stmt_in_number(st, work->mine->epoch);
	stmt_in_wall(st, work->now);
	stmt_in_number(st, work->reduces_risk);
	stmt_in_number(st, work->intent_id);
	stmt_in_text(st, work->mine->program);
	return tbl_write(st);
}

enum reason tbl_intent_record(struct db *db, const struct lease_row *mine, const struct order *order,
			      const char *strategy, const char *signal_code, bool reduces_risk,
			      struct wall now)
{
	struct mark_work work = {
		.mine = mine,
		.order = order,
		.strategy = strategy,
		.signal_code = signal_code,
		.reduces_risk = reduces_risk,
		.now = now,
	};

	return db_repeat(db, record, &work);
}

enum reason tbl_intent_mark(struct db *db, const struct lease_row *mine, int64_t intent_id, bool reduces_risk,
			    struct wall now)
{
	struct mark_work work = {
		.mine = mine, .intent_id = intent_id, .reduces_risk = reduces_risk, .now = now
	};

	return db_repeat(db, mark, &work);
}

/* ---- events ---- */

enum reason tbl_order_event_add(struct db *db, const struct order_event_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ORDER_EVENT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->intent_id);
	stmt_in_number(st, row->account_id);
	stmt_in_text(st, order_event_text(row->event));
	stmt_in_text(st, order_state_text(row->state));
	stmt_in_wall(st, row->at);
	stmt_in_text(st, row->odno);
	stmt_in_text(st, row->orig_odno);
	stmt_in_text(st, row->branch);
	if (row->order_day.yyyymmdd)
		stmt_in_day(st, row->order_day);
	else
		stmt_in_null(st);
	stmt_in_number(st, row->intent_id);
	stmt_in_number(st, row->filled_qty);
	stmt_in_number(st, row->filled_won);
	stmt_in_number(st, row->qty);
	stmt_in_number(st, row->price_won);
	stmt_in_text(st, row->by_program);
	stmt_in_text(st, row->reason ? row->reason : "");
	stmt_in_text(st, row->evidence ? row->evidence : "");
	return tbl_write(st);
}

struct ext_work {
	int64_t account_id, intent_id;
	const struct broker_order *row;
	struct wall at;
	const char *by_program;
};

/* What the broker's row says of a stranger's order: nothing is in doubt there, the row is all we know. */
static enum order_state ext_state(const struct broker_order *row)
{
	if (row->open_qty > 0)
		return row->filled_qty > 0 ? ORDER_PARTIAL : ORDER_OPEN;
	if (row->filled_qty >= row->qty)
		return ORDER_FILLED;
	if (row->rejected_qty > 0 && row->filled_qty == 0)
		return ORDER_REJECTED;
	return ORDER_CANCELLED;
}

static enum reason ext_add(struct db *db, void *arg)
{
	const struct ext_work *work = arg;
	const struct broker_order *row = work->row;
	struct order_event_row event = {
		.intent_id = work->intent_id,
		.account_id = work->account_id,
		.event = OEV_FOUND,
		.state = ext_state(row),
		.at = work->at,
		.order_day = row->day,
		.filled_qty = row->filled_qty,
		.filled_won = row->filled_won,
		.by_program = work->by_program,
		.evidence = "row",
	};
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_INTENT_EXT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, work->intent_id);
	stmt_in_number(st, work->account_id);
	stmt_in_day(st, row->day);
	stmt_in_text(st, row->symbol);
	stmt_in_text(st, order_side_text(row->side));
	stmt_in_text(st, tbl_type_text(row->type));
	stmt_in_number(st, row->qty);
	stmt_in_number(st, row->price_won);
	stmt_in_text(st, row->excg);
	stmt_in_wall(st, work->at);
	why = tbl_write(st);
	if (why != REASON_OK)
		return why;
	memcpy(event.odno, row->odno, sizeof(event.odno));
	memcpy(event.orig_odno, row->orig_odno, sizeof(event.orig_odno));
	memcpy(event.branch, row->branch, sizeof(event.branch));
	return tbl_order_event_add(db, &event);
}

enum reason tbl_order_ext_add(struct db *db, int64_t account_id, int64_t intent_id,
			      const struct broker_order *row, struct wall at, const char *by_program)
{
	struct ext_work work = {
		.account_id = account_id,
		.intent_id = intent_id,
		.row = row,
		.at = at,
		.by_program = by_program,
	};

	return db_atomic(db, ext_add, &work);
}

/* ---- reading ---- */

static void take_words(struct stmt *st, struct order *order)
{
	char text[17];

	stmt_out_text(st, order->excg, sizeof(order->excg));
	stmt_out_text(st, text, sizeof(text));
	if (!order_state_parse(text, &order->state))
		stmt_refuse(st, "order state", text);
	stmt_out_text(st, order->odno, sizeof(order->odno));
	stmt_out_text(st, order->orig_odno, sizeof(order->orig_odno));
	stmt_out_text(st, order->branch, sizeof(order->branch));
}

static void take(struct stmt *st, void *arg)
{
	struct order *order = arg;
	char text[16];

	*order = (struct order){ 0 };
	order->intent_id = stmt_out_number(st);
	order->day = stmt_out_day(st);
	order->owner = tbl_out_owner(st);
	stmt_out_text(st, text, sizeof(text));
	order->kind = strcmp(text, "CANCEL") == 0 ? INTENT_CANCEL : INTENT_NEW;
	order->target_intent_id = stmt_out_number(st);
	stmt_out_text(st, order->symbol, sizeof(order->symbol));
	order->side = tbl_out_side(st);
	order->type = tbl_out_type(st);
	order->qty = stmt_out_number(st);
	order->price_won = stmt_out_number(st);
	take_words(st, order);
	order->filled_qty = stmt_out_number(st);
	order->filled_won = stmt_out_number(st);
	order->recorded = stmt_out_wall(st);
	order->sent = stmt_out_wall(st);
	order->bound = stmt_out_wall(st);
	order->cancel_wanted = stmt_out_number(st) != 0;
}

enum reason tbl_orders_between(struct db *db, int64_t account_id, struct kst_day from, struct kst_day to,
			       struct order *rows, int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ORDERS_BETWEEN, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, from);
	stmt_in_day(st, to);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_orders_undecided(struct db *db, int64_t account_id, struct order *rows, int room,
				 int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ORDERS_UNDECIDED, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take, rows, sizeof(*rows), room, out_count);
}
