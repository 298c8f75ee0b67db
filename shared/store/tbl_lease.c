#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static const char *const kind_texts[] = {
	[LEASE_NONE] = "NONE", [LEASE_PHASE] = "PHASE", [LEASE_TRADE] = "TRADE"
};

static const char *kind_text(enum lease_kind kind)
{
	BUG_IF((unsigned)kind >= ARRAY_COUNT(kind_texts), "a lease has a kind");
	return kind_texts[kind];
}

static enum lease_kind out_kind(struct stmt *st)
{
	char text[16];

	stmt_out_text(st, text, sizeof(text));
	for (unsigned i = 0; i < ARRAY_COUNT(kind_texts); i++) {
		if (strcmp(text, kind_texts[i]) == 0)
			return (enum lease_kind)i;
	}
	stmt_refuse(st, "kind of lease", text);
	return LEASE_NONE;
}

static void take(struct stmt *st, void *arg)
{
	struct lease_row *row = arg;

	row->account_id = stmt_out_number(st);
	row->kind = out_kind(st);
	stmt_out_text(st, row->holder, sizeof(row->holder));
	stmt_out_text(st, row->program, sizeof(row->program));
	row->epoch = stmt_out_number(st);
	row->expires = stmt_out_wall(st);
	row->clean = stmt_out_number(st) != 0;
	stmt_out_text(st, row->state, sizeof(row->state));
	row->mode = tbl_out_mode(st);
	row->heartbeat = stmt_out_wall(st);
}

static enum reason read_by(struct db *db, enum stmt_name name, int64_t account_id, struct lease_row *out)
{
	struct lease_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, name, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	why = tbl_one(st, take, &row, "lease row of the account; register it with `gaejang account add`");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_lease_read(struct db *db, int64_t account_id, struct lease_row *out)
{
	return read_by(db, STMT_LEASE_READ, account_id, out);
}

enum reason tbl_lease_make(struct db *db, int64_t account_id, struct wall now)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LEASE_MAKE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_wall(st, now);
	stmt_in_wall(st, now);
	return tbl_write(st);
}

/* ---- taking ---- */

struct take_work {
	int64_t account_id;
	enum lease_kind kind;
	const char *holder, *program;
	struct wall now;
	int64_t life_us;
	struct lease_row row;
};

static enum reason write_taken(struct db *db, const struct lease_row *row)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LEASE_TAKE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, kind_text(row->kind));
	stmt_in_text(st, row->holder);
	stmt_in_text(st, row->program);
	stmt_in_number(st, row->epoch);
	stmt_in_wall(st, row->expires);
	stmt_in_wall(st, row->heartbeat);
	stmt_in_number(st, row->account_id);
	return tbl_write(st);
}

static enum reason take_work(struct db *db, void *arg)
{
	struct take_work *work = arg;
	struct lease_row row;
	bool held, mine;
	enum reason why;

	why = read_by(db, STMT_LEASE_LOCK, work->account_id, &row);
	if (why != REASON_OK)
		return why;
	held = row.kind != LEASE_NONE && row.expires.us > work->now.us;
	mine = strcmp(row.holder, work->holder) == 0;
	if (held && (!mine || (row.kind == LEASE_TRADE && work->kind != LEASE_TRADE)))
		return reason_set(
			REASON_LEASE_HELD,
			"the account's lease is a %s lease of %s (%s) with epoch %lld; wait for its end",
			kind_text(row.kind), row.program, row.holder, (long long)row.epoch);
	if (!held || !mine || row.kind != work->kind)
		row.epoch++;
	row.kind = work->kind;
	memcpy(row.holder, work->holder, strlen(work->holder) + 1);
	memcpy(row.program, work->program, strlen(work->program) + 1);
	row.expires = wall_add_us(work->now, work->life_us);
	row.heartbeat = work->now;
	row.clean = false;
	row.state[0] = '\0';
	row.mode = MODE_HALT;
	work->row = row;
	return write_taken(db, &row);
}

enum reason tbl_lease_take(struct db *db, int64_t account_id, enum lease_kind kind, const char *holder,
			   const char *program, struct wall now, int64_t life_us, struct lease_row *out)
{
	struct take_work work = {
		.account_id = account_id,
		.kind = kind,
		.holder = holder,
		.program = program,
		.now = now,
		.life_us = life_us,
	};
	enum reason why;

	BUG_IF(kind == LEASE_NONE, "a lease is taken for something");
	if (strlen(holder) >= sizeof(work.row.holder) || strlen(program) >= sizeof(work.row.program))
		return reason_set(REASON_OVERFLOW,
				  "the lease's holder \"%.100s\" or program \"%.20s\" is too long", holder,
				  program);
	why = db_atomic(db, take_work, &work);
	if (why == REASON_OK)
		*out = work.row;
	return why;
}

/* ---- keeping ---- */

static enum reason lost(const struct lease_row *mine)
{
	return reason_set(REASON_LEASE_LOST,
			  "the %s lease of %s with epoch %lld was taken by another or ran out; stop acting",
			  kind_text(mine->kind), mine->holder, (long long)mine->epoch);
}

/* The four parameters that say whose it is; every guard ends with them. */
static void in_mine(struct stmt *st, const struct lease_row *mine)
{
	stmt_in_number(st, mine->account_id);
	stmt_in_text(st, mine->holder);
	stmt_in_number(st, mine->epoch);
	stmt_in_text(st, kind_text(mine->kind));
}

static enum reason guarded(struct stmt *st, const struct lease_row *mine)
{
	int64_t changed = 0;
	enum reason why;

	if (stmt_run(st) == REASON_OK)
		changed = stmt_changed(st);
	why = stmt_end(st);
	if (why == REASON_OK && changed != 1)
		why = lost(mine);
	return why;
}

enum reason tbl_lease_renew(struct db *db, const struct lease_row *mine, struct wall now, int64_t life_us)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LEASE_RENEW, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_wall(st, wall_add_us(now, life_us));
	in_mine(st, mine);
	stmt_in_wall(st, now);
	return guarded(st, mine);
}

enum reason tbl_lease_heartbeat(struct db *db, const struct lease_row *mine, const char *state,
				enum mode mode, struct wall now, int64_t life_us)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LEASE_HEARTBEAT, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_wall(st, wall_add_us(now, life_us));
	stmt_in_text(st, state);
	stmt_in_text(st, mode_text(mode));
	stmt_in_wall(st, now);
	in_mine(st, mine);
	stmt_in_wall(st, now);
	return guarded(st, mine);
}

enum reason tbl_lease_give_back(struct db *db, const struct lease_row *mine, struct wall now)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_LEASE_GIVE_BACK, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_wall(st, now);
	stmt_in_wall(st, now);
	in_mine(st, mine);
	return guarded(st, mine);
}

enum reason tbl_lease_touch(struct db *db, const struct lease_row *mine, struct wall now)
{
	struct stmt *st = NULL;
	enum reason why;

	BUG_IF(!db_in_transaction(db), "the guard holds only inside the transaction it guards");
	why = stmt_begin(db, STMT_LEASE_TOUCH, &st);
	if (why != REASON_OK)
		return why;
	in_mine(st, mine);
	stmt_in_wall(st, now);
	return guarded(st, mine);
}
