#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

struct snapshot_work {
	int64_t account_id, run_id, id;
	const struct snapshot *snap;
	const char *signed_by;
};

static enum reason lots_add(struct db *db, const struct snapshot_work *work)
{
	const struct snapshot *snap = work->snap;
	struct stmt *st = NULL;
	enum reason why;

	if (snap->lot_count == 0)
		return REASON_OK;
	why = stmt_begin(db, STMT_SNAPSHOT_LOT_ADD, &st);
	if (why != REASON_OK)
		return why;
	stmt_rows(st, snap->lot_count);
	for (int i = 0; i < snap->lot_count; i++) {
		stmt_in_number(st, work->id);
		stmt_in_text(st, snap->lots[i].symbol);
		stmt_in_text(st, tbl_owner_text(snap->lots[i].owner));
		stmt_in_number(st, snap->lots[i].qty);
		stmt_in_number(st, snap->lots[i].cost_won);
	}
	return tbl_write(st);
}

static enum reason snapshot_add(struct db *db, void *arg)
{
	struct snapshot_work *work = arg;
	struct digest digest = snapshot_digest(work->snap);
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_SNAPSHOT_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, work->account_id);
	stmt_in_day(st, work->snap->day);
	stmt_in_number(st, work->run_id);
	stmt_in_wall(st, work->snap->frozen);
	stmt_in_number(st, work->snap->cash_won);
	stmt_in_number(st, work->snap->lot_count);
	stmt_in_digest(st, &digest);
	stmt_in_text(st, work->signed_by);
	why = tbl_insert(st, &work->id);
	if (why == REASON_OK)
		why = lots_add(db, work);
	return why;
}

enum reason tbl_snapshot_add(struct db *db, int64_t account_id, int64_t run_id, const struct snapshot *snap,
			     const char *signed_by, int64_t *out_id)
{
	struct snapshot_work work = {
		.account_id = account_id,
		.run_id = run_id,
		.snap = snap,
		.signed_by = signed_by ? signed_by : "",
	};
	enum reason why = db_atomic(db, snapshot_add, &work);

	if (why == REASON_OK)
		*out_id = work.id;
	return why;
}

static void take_lot(struct stmt *st, void *arg)
{
	struct lot *lot = arg;

	stmt_out_text(st, lot->symbol, sizeof(lot->symbol));
	lot->owner = tbl_out_owner(st);
	lot->qty = stmt_out_number(st);
	lot->cost_won = stmt_out_number(st);
}

static void take_snapshot(struct stmt *st, void *arg)
{
	struct snapshot *snap = arg;

	snap->snapshot_id = stmt_out_number(st);
	snap->day = stmt_out_day(st);
	snap->frozen = stmt_out_wall(st);
	snap->cash_won = stmt_out_number(st);
	snap->lot_count = (int)stmt_out_number(st);
}

enum reason tbl_snapshot_find(struct db *db, int64_t snapshot_id, struct snapshot *out)
{
	struct snapshot snap = *out; /* the caller's room for lots */
	struct stmt *st = NULL;
	int lots = 0;
	enum reason why = stmt_begin(db, STMT_SNAPSHOT_FIND, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, snapshot_id);
	why = tbl_one(st, take_snapshot, &snap, "snapshot of that number");
	if (why != REASON_OK)
		return why;
	why = stmt_begin(db, STMT_SNAPSHOT_LOTS, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, snapshot_id);
	stmt_in_number(st, (int64_t)snap.lot_room + 1);
	why = tbl_rows(st, take_lot, snap.lots, sizeof(snap.lots[0]), snap.lot_room, &lots);
	if (why == REASON_OK && lots != snap.lot_count)
		why = reason_set(REASON_DB_SHAPE,
				 "snapshot %lld says %d lots and has %d; compare with a backup",
				 (long long)snapshot_id, snap.lot_count, lots);
	if (why == REASON_OK)
		*out = snap;
	return why;
}

enum reason tbl_snapshot_accepted(struct db *db, int64_t account_id, struct snapshot *out)
{
	struct acceptance_row accepted;
	enum reason why = tbl_acceptance_newest(db, account_id, &accepted);

	if (why != REASON_OK)
		return why;
	return tbl_snapshot_find(db, accepted.snapshot_id, out);
}

/* ---- acceptances ---- */

static void take_acceptance(struct stmt *st, void *arg)
{
	struct acceptance_row *row = arg;

	row->acceptance_id = stmt_out_number(st);
	row->account_id = stmt_out_number(st);
	row->snapshot_id = stmt_out_number(st);
	row->run_id = stmt_out_number(st);
	row->day = stmt_out_day(st);
	stmt_out_digest(st, &row->digest);
	row->accepted = stmt_out_wall(st);
}

enum reason tbl_acceptance_add(struct db *db, const struct acceptance_row *row, int64_t *out_id)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ACCEPTANCE_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, row->account_id);
	stmt_in_day(st, row->day);
	stmt_in_number(st, row->snapshot_id);
	stmt_in_number(st, row->run_id);
	stmt_in_digest(st, &row->digest);
	stmt_in_wall(st, row->accepted);
	return tbl_insert(st, out_id);
}

enum reason tbl_acceptance_newest(struct db *db, int64_t account_id, struct acceptance_row *out)
{
	struct acceptance_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_ACCEPTANCE_NEWEST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	why = tbl_one(st, take_acceptance, &row, "accepted snapshot of the account");
	if (why == REASON_OK)
		*out = row;
	return why;
}

static enum reason acceptance_of_day(struct db *db, enum stmt_name name, int64_t account_id,
				     struct kst_day day, const char *what, struct acceptance_row *out)
{
	struct acceptance_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, name, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	why = tbl_one(st, take_acceptance, &row, what);
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_acceptance_first_of_day(struct db *db, int64_t account_id, struct kst_day day,
					struct acceptance_row *out)
{
	return acceptance_of_day(db, STMT_ACCEPTANCE_FIRST_OF_DAY, account_id, day,
				 "snapshot accepted that day", out);
}

enum reason tbl_acceptance_until(struct db *db, int64_t account_id, struct kst_day day,
				 struct acceptance_row *out)
{
	return acceptance_of_day(db, STMT_ACCEPTANCE_UNTIL, account_id, day, "snapshot accepted by that day",
				 out);
}

/* ---- mismatches, locks ---- */

static void take_mismatch(struct stmt *st, void *arg)
{
	struct mismatch *row = arg;

	stmt_out_text(st, row->symbol, sizeof(row->symbol));
	row->since = stmt_out_wall(st);
}

enum reason tbl_mismatch_add(struct db *db, int64_t run_id, const struct mismatch *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_MISMATCH_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, run_id);
	stmt_in_text(st, row->symbol);
	stmt_in_wall(st, row->since);
	return tbl_write(st);
}

enum reason tbl_mismatch_newest(struct db *db, int64_t account_id, struct kst_day day, struct mismatch *rows,
				int room, int *out_count)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_MISMATCH_NEWEST, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, (int64_t)room + 1);
	return tbl_rows(st, take_mismatch, rows, sizeof(*rows), room, out_count);
}

enum reason tbl_lock_add(struct db *db, int64_t account_id, struct kst_day day, const char *symbol,
			 enum order_side side, bool locked, const char *reason, struct wall at)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LOCK_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_text(st, symbol);
	stmt_in_text(st, order_side_text(side));
	stmt_in_number(st, locked);
	stmt_in_text(st, reason);
	stmt_in_wall(st, at);
	return tbl_write(st);
}

/* Rows come per symbol and side, in the order of symbols; the caller's list has one entry per symbol. */
enum reason tbl_lock_of_day(struct db *db, int64_t account_id, struct kst_day day, struct symbol_lock *rows,
			    int room, int *out_count)
{
	struct symbol_lock *last;
	char symbol[SYMBOL_SIZE];
	struct stmt *st = NULL;
	enum order_side side;
	enum reason why;
	bool row = false, full = false;
	int count = 0;

	why = stmt_begin(db, STMT_LOCK_OF_DAY, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, account_id);
	stmt_in_day(st, day);
	stmt_in_number(st, 2 * (int64_t)room + 1);
	if (stmt_run(st) == REASON_OK) {
		while (!full && stmt_next(st, &row) == REASON_OK && row) {
			stmt_out_text(st, symbol, sizeof(symbol));
			side = tbl_out_side(st);
			if (count == 0 || strcmp(rows[count - 1].symbol, symbol) != 0) {
				full = count == room;
				if (full)
					break;
				rows[count] = (struct symbol_lock){ 0 };
				memcpy(rows[count].symbol, symbol, sizeof(symbol));
				count++;
			}
			last = &rows[count - 1];
			if (side == SIDE_BUY)
				last->buy = true;
			else
				last->sell = true;
		}
	}
	why = stmt_end(st);
	if (why == REASON_OK && full)
		why = reason_set(REASON_OVERFLOW, "more than %d symbols are locked; look at symbol_lock",
				 room);
	if (why == REASON_OK)
		*out_count = count;
	return why;
}
