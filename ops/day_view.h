/*
 * day_view - everything `status` and `why` say about one day of one account, read once.
 *
 * Shape   day_view_load reads rows; day_view_block finds the first thing that blocks (pure). Printing is the commands'.
 * Units   won, shares, KST wall.
 * Owner   day_view_new allocates (the struct is large), day_view_free releases.
 * Errors  REASON_DB_*; a table without rows is not an error.
 */
#ifndef GJ_OPS_DAY_VIEW_H
#define GJ_OPS_DAY_VIEW_H

#include "ops/house.h"

#define DAY_ALERTS_MAX 64

struct order_counts {
	int recorded, sent, open, filled, refused, in_doubt, partial, cancelled;
};
struct day_view {
	struct kst_day day;
	struct wall now;
	struct phase_record phases[PHASE_COUNT];
	enum freshness fresh[PHASE_COUNT];
	bool running[PHASE_COUNT];
	struct phase_window windows[PHASE_COUNT];
	struct calendar_day calendar;
	struct lease_row lease;
	struct control_row control;
	bool stop_file;
	struct certificate_row certificate;
	bool certificate_there;
	struct order orders[ORDERS_DAY_MAX];
	int order_count;
	struct order_counts counts;
	struct position_book book;
	int64_t cash_won; /* by our books: snapshot + fills - costs */
	bool books_known;
	int64_t realised_won, fee_won, tax_won;
	const char *worker; /* "TRADING", "not running", "dead: ..." */
	int64_t worker_pid, heartbeat_age_s; /* 0 and -1 when none holds the lease */
	bool worker_runs;
	bool today; /* the day is the clock's */
	struct alert_row alerts[DAY_ALERTS_MAX];
	bool alerts_more; /* than fit */
	int alert_count;
};
enum reason day_view_load(struct house *house, struct day_view **out);
void day_view_free(struct day_view *view);

struct day_block {
	bool blocked;
	char what[48]; /* phase or part */
	char reason[REASON_CODE_SIZE];
	char text[DETAIL_SIZE];
	char command[200]; /* what re-examines it */
};
/* In the order a person would mend it: a stop, a phase before the gate, a critical alert, the gate, a lowered mode, a worker
 * that should run and does not. */
struct day_block day_view_block(const struct day_view *view);

#endif
