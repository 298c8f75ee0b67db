/*
 * reconcile - ours against the broker's: pure, one function. Every difference is settled or named.
 *
 * Shape   ours: last accepted snapshot, every own order not final (and every one of today), fill records, what earlier
 *         attempts saw (complete listings since each send). theirs: complete listings only, each marked COMPLETE,
 *         PARTIAL or FAILED. rules: times and tolerances. Out: resolutions in the order to be applied, a snapshot,
 *         findings (alerts), and either acceptance or a refusal with its reason.
 * Owner   the caller gives every array; nothing is allocated. Counts over the array's room are REASON_OVERFLOW.
 * Errors  REASON_OK with out->accepted = false is an answer; another reason is trouble (overflow, broken input).
 * Caller  no sender of the account may be alive (a RECORDED order without send mark becomes NEVER_SENT). `orders` holds every
 *         order, own and EXT, of the days listed, and every one that is not final; `fills` everything since the snapshot
 *         (earlier ones are told by fill.at and only count towards their day's costs). Resolutions are applied whether or
 *         not the answer is accepted. Refusals of kind FAIL come with ceiling HALT, of kind UNKNOWN with OBSERVE.
 * Rules   doubt ends only by the broker's own row, a definite refusal, or the absence rule; a listing
 *         that is not COMPLETE concludes nothing; binding by exact likeness and equal counts only.
 */
#ifndef GJ_TRADE_RECONCILE_H
#define GJ_TRADE_RECONCILE_H

#include "shared/base/digest.h"
#include "shared/trade/mode.h"
#include "shared/trade/position.h"

enum listing_state { LISTING_FAILED, LISTING_PARTIAL, LISTING_COMPLETE };
const char *listing_state_text(enum listing_state state);

/* One row of the broker's list of orders, neutral words. */
struct broker_order {
	struct kst_day day;
	char odno[ODNO_SIZE], orig_odno[ODNO_SIZE], branch[BRANCH_SIZE];
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	enum order_type type;
	bool is_cancel, is_modify; /* rows that end or change another order (orig_odno) */
	int64_t qty, price_won;
	int64_t filled_qty, filled_won;
	int64_t open_qty, cancelled_qty, rejected_qty;
	struct wall at; /* order time, the broker's clock, whole seconds */
	char excg[EXCG_SIZE];
	bool by_api; /* entered over an API channel */
	bool by_broker; /* entered by the broker itself (forced sale); false when not known */
};
struct broker_order_list {
	enum listing_state state;
	struct kst_day from, to; /* days asked */
	struct wall asked, answered; /* our clock */
	struct broker_order *rows;
	int count, room;
};
struct broker_holding {
	char symbol[SYMBOL_SIZE];
	char name[SYMBOL_NAME_SIZE];
	int64_t qty, sellable_qty;
	int64_t cost_won; /* -1 unknown */
	int64_t price_won, value_won; /* valuation: stored, never compared */
	int64_t bought_today_qty, sold_today_qty;
};
struct broker_balance {
	enum listing_state state;
	struct wall asked, answered;
	struct broker_holding *rows;
	int count, room;
	int64_t cash_d0_won, cash_d1_won, cash_d2_won; /* D+2 includes today's trades and costs */
	int64_t bought_today_won, sold_today_won, costs_today_won;
	int64_t stock_value_won, total_value_won;
};
struct broker_reservation {
	char seq[ODNO_SIZE];
	char symbol[SYMBOL_SIZE];
	enum order_side side;
	int64_t qty, price_won;
	struct kst_day order_day, end_day;
	char odno[ODNO_SIZE];
	bool converted, cancelled;
};
struct broker_reservation_list {
	enum listing_state state; /* paper has none: COMPLETE with count 0 and `offered` false */
	bool offered;
	struct broker_reservation *rows;
	int count, room;
};

struct snapshot {
	int64_t snapshot_id; /* 0 until stored */
	struct kst_day day;
	struct wall frozen;
	int64_t cash_won; /* D+2 deposit by our books; within the tolerance the broker's figure */
	struct lot *lots;
	int lot_count, lot_room;
};

struct ours {
	bool snapshot_known; /* false: there never was an accepted one */
	struct snapshot snapshot;
	const struct order *orders; /* own and EXT known ones */
	int order_count;
	const struct fill *fills; /* since the snapshot */
	int fill_count;
	const struct sighting *sightings; /* complete listings since the oldest undecided send */
	int sighting_count;
	/* a symbol that is not here is unmapped: locked, taxed like a KOSPI stock */
	const struct symbol_rule *symbols;
	int symbol_count;
	/* what the newest attempt left in out->mismatches; none = first seen now */
	const struct mismatch *mismatches;
	int mismatch_count;
};
struct mismatch { /* a symbol that disagrees with the balance, and since when */
	char symbol[SYMBOL_SIZE]; /* "" = the cash */
	struct wall since;
};
struct sighting { /* one earlier complete listing of a day */
	struct kst_day day;
	struct wall answered;
};
struct symbol_rule {
	char symbol[SYMBOL_SIZE];
	enum market market;
	enum symbol_kind kind;
};
struct theirs {
	struct broker_order_list orders;
	struct broker_balance balance;
	struct broker_reservation_list reservations;
};
struct reconcile_rules {
	int64_t t_abs_us, t_lag_us, skew_us;
	int64_t order_timeout_us; /* of the order POST: a row may be that much later than the send mark */
	int n_abs;
	int64_t costs_tolerance_won;
	int64_t commission_ppm;
	bool paper;
	struct kst_day day; /* today */
	struct wall session_end; /* of today */
};

struct resolution { /* apply to one order, in this order */
	int order_index; /* into ours.orders; -1 = a new EXT order in `ext` */
	enum order_event event;
	enum order_state to;
	char odno[ODNO_SIZE], branch[BRANCH_SIZE];
	bool by_likeness;
	struct fill fill; /* event *_FILL or any event that brings shares */
	/* a new EXT order without: its row's filled quantity is its marker, in the base already */
	bool has_fill;
	/* order_index -1: the new order; else the row that decided (odno "" = none): a change by number brings
	 * its new quantity and price here */
	struct broker_order ext;
	/* static text: "row", "likeness", "absence", "no-mark", "no-answer", "target" */
	const char *evidence;
};
enum finding_level { FINDING_INFO, FINDING_WARN, FINDING_CRIT };
struct finding {
	enum finding_level level;
	char code[REASON_CODE_SIZE]; /* an alert code of ops/alerts.md */
	char symbol[SYMBOL_SIZE];
	char text[200];
};
struct symbol_lock {
	char symbol[SYMBOL_SIZE];
	bool buy, sell;
};
struct reconcile_out {
	struct resolution *resolutions;
	int resolution_count, resolution_room;
	struct finding *findings;
	int finding_count, finding_room;
	struct symbol_lock *locks;
	int lock_count, lock_room;
	struct mismatch *mismatches; /* to be stored and given to the next attempt */
	int mismatch_count, mismatch_room;
	/* our books after the resolutions, accepted or not; lots array given by the caller */
	struct snapshot snapshot;
	int64_t held_cash_won; /* held back for EXT orders */
	bool accepted;
	enum reason refusal; /* REASON_OK when accepted */
	enum mode ceiling;
};
enum reason reconcile(const struct ours *ours, const struct theirs *theirs,
		      const struct reconcile_rules *rules, struct wall now, struct reconcile_out *out);
struct digest snapshot_digest(const struct snapshot *snap);

/* Do two complete passes agree in the columns that matter? `b` is the later one. `may_grow`: cumulatives may grow and new
 * orders may appear between them (in session). A listing that is not COMPLETE agrees with nothing. */
bool orders_agree(const struct broker_order_list *a, const struct broker_order_list *b, bool may_grow);
bool balances_agree(const struct broker_balance *a, const struct broker_balance *b);

#endif
