#include "shared/store/db_stmt.h"
#include "shared/store/tables.h"
#include "shared/base/banned.h"

enum reason tbl_phase_evidence(struct db *db, int64_t account_id, struct kst_day day, enum phase_id phase,
			       char *out, size_t out_size)
{
	struct stmt *stmt = NULL;
	bool row = false;
	enum reason why = stmt_begin(db, STMT_PHASE_EVIDENCE, &stmt), ended;

	if (why == REASON_OK) {
		stmt_in_number(stmt, account_id);
		stmt_in_day(stmt, day);
		stmt_in_text(stmt, phase_name(phase));
		why = stmt_run(stmt);
	}
	if (why == REASON_OK)
		why = stmt_next(stmt, &row);
	if (why == REASON_OK && row)
		stmt_out_text(stmt, out, out_size);
	ended = stmt_end(stmt);
	if (why == REASON_OK)
		why = ended;
	if (why == REASON_OK && !row)
		why = reason_set(REASON_DB_NOT_FOUND, "%s has no result on this day", phase_name(phase));
	return why;
}
