#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

static void take(struct stmt *st, void *arg)
{
	struct control_row *row = arg;

	row->account_id = stmt_out_number(st);
	row->mode = tbl_out_mode(st);
	stmt_out_text(st, row->reason, sizeof(row->reason));
	stmt_out_text(st, row->person, sizeof(row->person));
	row->since = stmt_out_wall(st);
	row->acceptance_needed = stmt_out_number(st);
}

static enum reason read_by(struct db *db, enum stmt_name name, int64_t account_id, struct control_row *out)
{
	struct control_row row = { 0 };
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, name, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	why = tbl_one(st, take, &row, "control row of the account; register it with `gaejang account add`");
	if (why == REASON_OK)
		*out = row;
	return why;
}

enum reason tbl_control_make(struct db *db, int64_t account_id, struct wall now)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CONTROL_MAKE, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_wall(st, now);
	return tbl_write(st);
}

enum reason tbl_control_read(struct db *db, int64_t account_id, struct control_row *out)
{
	return read_by(db, STMT_CONTROL_READ, account_id, out);
}

struct control_work {
	int64_t account_id;
	enum mode mode, stands;
	char reason[200], person[PERSON_SIZE]; /* sizes of the columns */
	struct wall at;
	bool raise;
};

/* A stop must not fail because somebody explained it at length: what does not fit is cut, between characters. */
static void fit(const char *text, char *out, size_t out_size)
{
	size_t len = strlen(text);

	if (len >= out_size) {
		len = out_size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static enum reason write(struct db *db, const struct control_work *work, int64_t acceptance_needed)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_CONTROL_SET, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, mode_text(work->mode));
	stmt_in_text(st, work->reason);
	stmt_in_text(st, work->person);
	stmt_in_wall(st, work->at);
	stmt_in_number(st, acceptance_needed);
	stmt_in_number(st, work->account_id);
	return tbl_write(st);
}

static enum reason move(struct db *db, void *arg)
{
	struct control_work *work = arg;
	struct acceptance_row accepted;
	struct control_row there;
	enum reason why;

	why = read_by(db, STMT_CONTROL_LOCK, work->account_id, &there);
	if (why != REASON_OK)
		return why;
	work->stands = there.mode;
	if (!work->raise && work->mode >= there.mode)
		return REASON_OK;
	/* After HALT the positions are proven anew: an acceptance later than the newest one now. It stays needed when the mode is
	 * raised; the first order after it asks. */
	if (work->mode == MODE_HALT && there.mode != MODE_HALT) {
		why = tbl_acceptance_newest(db, work->account_id, &accepted);
		if (why == REASON_OK && accepted.acceptance_id > there.acceptance_needed)
			there.acceptance_needed = accepted.acceptance_id;
		if (why != REASON_OK && why != REASON_DB_NOT_FOUND)
			return why;
	}
	work->stands = work->mode;
	return write(db, work, there.acceptance_needed);
}

enum reason tbl_control_lower(struct db *db, int64_t account_id, enum mode mode, const char *reason,
			      const char *person, struct wall at, enum mode *out_mode)
{
	struct control_work work = { .account_id = account_id, .mode = mode, .at = at };
	enum reason why;

	fit(reason, work.reason, sizeof(work.reason));
	fit(person, work.person, sizeof(work.person));
	why = db_atomic(db, move, &work);
	if (why == REASON_OK)
		*out_mode = work.stands;
	return why;
}

enum reason tbl_control_resume(struct db *db, int64_t account_id, enum mode mode, const char *reason,
			       const char *person, struct wall at)
{
	struct control_work work = { .account_id = account_id, .mode = mode, .at = at, .raise = true };

	if (reason[0] == '\0' || person[0] == '\0')
		return reason_set(
			REASON_NEEDS_REASON,
			"raising the mode needs a named person and a reason; give --person and --reason");
	if (strlen(reason) >= sizeof(work.reason) || strlen(person) >= sizeof(work.person))
		return reason_set(REASON_OVERFLOW,
				  "the reason may have %zu bytes, the person %zu; shorten it",
				  sizeof(work.reason) - 1, sizeof(work.person) - 1);
	fit(reason, work.reason, sizeof(work.reason));
	fit(person, work.person, sizeof(work.person));
	return db_atomic(db, move, &work);
}
