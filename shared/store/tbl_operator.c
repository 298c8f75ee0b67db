#include <string.h>

#include "shared/base/bug.h"
#include "shared/store/tbl_inner.h"
#include "shared/base/banned.h"

enum reason tbl_operator_add(struct db *db, int64_t account_id, struct wall at, const char *person,
			     const char *action, const char *target, const char *reason)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_OPERATOR_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_number(st, account_id);
	stmt_in_wall(st, at);
	stmt_in_text(st, person);
	stmt_in_text(st, action);
	stmt_in_text(st, target ? target : "");
	stmt_in_text(st, reason);
	return tbl_write(st);
}
