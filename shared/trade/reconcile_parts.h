/*
 * reconcile_parts - what the files of reconcile share; private to them.
 *
 * Shape   one struct reconcile_work, alive for one call: reconcile.c says the order of work, reconcile_rows.c
 *         reads the list and binds its rows to orders, reconcile_judge.c says what a bound row means,
 *         reconcile_books.c compares shares and cash.
 * Errors  `trouble` is set once (room exhausted) and ends the call; everything else is a finding and perhaps a
 *         refusal.
 */
#ifndef GJ_TRADE_RECONCILE_PARTS_H
#define GJ_TRADE_RECONCILE_PARTS_H

#include "shared/trade/reconcile.h"

/* Whose is a row of the list? A number >= 0 is the index of one of our orders. */
enum {
	ROW_FREE = -1, /* nobody's yet; what is free at the end becomes an EXT order */
	ROW_FOLDED = -2, /* an equal row stands before it */
	ROW_KEPT = -3, /* a person must say whose it is: neither bound nor EXT */
	ROW_REQUEST = -4, /* ends or changes another order; no order of its own */
};
#define NO_ROW (-1)

struct reconcile_work {
	const struct ours *ours;
	const struct theirs *theirs;
	const struct reconcile_rules *rules;
	struct wall now;
	struct reconcile_out *out;
	enum reason trouble;
	bool orders_usable, balance_usable;

	/* per row of the list */
	int row_owner[ORDERS_DAY_MAX];
	/* per order of ours */
	int order_row[ORDERS_DAY_MAX]; /* its row; after a change by number the newest leg; or NO_ROW */
	int first_leg[ORDERS_DAY_MAX]; /* the row of the number we know; == order_row without a change */
	bool by_likeness[ORDERS_DAY_MAX];
	bool blocked[ORDERS_DAY_MAX]; /* a finding stands against it: no conclusion about this order */
	int64_t held_qty[ORDERS_DAY_MAX], held_won[ORDERS_DAY_MAX]; /* what the fill records hold of it */
	int resolution_of[ORDERS_DAY_MAX]; /* index into out->resolutions, or NO_ROW */

	bool holding_bad[HOLDINGS_MAX]; /* per row of the balance: folded, or not to be believed */
	struct position_book book; /* snapshot lots + fills */
	struct kst_day book_day[HOLDINGS_MAX]; /* of which day the day's sums of the position are */
	int64_t cash_won;
};

/* ---- saying ---- */
void rec_finding(struct reconcile_work *w, enum finding_level level, const char *code, const char *symbol,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Kind FAIL: HALT, else OBSERVE; the lowest stays. */
void rec_refuse(struct reconcile_work *w, enum reason why);
void rec_lock(struct reconcile_work *w, const char *symbol, bool buy, bool sell);
/* One resolution of one order (order_index -1: a new EXT order). NULL when it cannot be told. */
struct resolution *rec_resolve(struct reconcile_work *w, int order_index, enum order_event event,
			       const struct broker_order *row, const char *evidence);

/* ---- small questions ---- */
static inline const struct broker_order *rec_row(const struct reconcile_work *w, int row_index)
{
	return &w->theirs->orders.rows[row_index];
}
static inline bool rec_day_dead(const struct reconcile_work *w, struct kst_day day)
{
	return day.yyyymmdd < w->rules->day.yyyymmdd;
}
/* NULL: unmapped. */
const struct symbol_rule *rec_symbol_rule(const struct reconcile_work *w, const char *symbol);
/* Is a cancel of this order ours? */
bool rec_cancel_is_ours(const struct reconcile_work *w, int order_index);
/* A request row that cancels this order and is none of ours, or NO_ROW. */
int rec_cancel_by_others(const struct reconcile_work *w, int order_index);

/* ---- the parts, in the order of work ---- */
void rec_rows_fold(struct reconcile_work *w);
void rec_bind_numbers(struct reconcile_work *w);
void rec_bind_likeness(struct reconcile_work *w);
void rec_watch(struct reconcile_work *w);
void rec_judge_orders(struct reconcile_work *w);
void rec_take_external(struct reconcile_work *w);
void rec_books(struct reconcile_work *w);
void rec_snapshot(struct reconcile_work *w);

#endif
