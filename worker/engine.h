/*
 * engine - the whole of the deciding: one event in, a list of actions out. Pure.
 *
 * Shape   engine_new() freezes the inputs of the day; engine_step() takes one event and fills the actions. No handle, no
 *         clock, nothing allocated after engine_new(): every array has a fixed room. Time is event.at and nothing else; it
 *         never runs backwards (an older event counts as of the newest time seen). Same inputs and same events give the
 *         same bytes of actions (engine_actions_write), which is what the journal chains and `replay` compares.
 * Units   won, shares, bp, struct wall.
 * Owner   engine_new allocates once; engine_free ends. Inputs, events and actions are the caller's (both large: keep them
 *         static or on the heap).
 * Errors  engine_new: REASON_OVERFLOW, REASON_ROW_INCONSISTENT, REASON_CONF_RANGE, REASON_STRATEGY_REHEARSAL with a detail.
 *         engine_step has none: trouble becomes actions (alert, lower mode).
 *
 * Who does what
 *   Every event is appended to the journal before it is stepped: call journal_step() (journal.h), never engine_step(),
 *   from one thread only. The actions are then carried out by the threads around it, in the order of the list:
 *
 *   action            carried out by   how
 *   ACTION_INTENT     order thread     record (mark 1), SENDING (mark 2), POST once, record the answer. Rows of RECORDED,
 *                                      SENDING, ACCEPTED, REFUSED, DOUBT and NEVER_SENT are the order thread's. Each step
 *                                      comes back: EVENT_ORDER_RECORDED, EVENT_ORDER_MARKED, EVENT_ORDER_SENT.
 *   ACTION_ORDER_EVENT store thread    row of a move that a listing (or the start) proved; all other events of an order.
 *   ACTION_EXT_ORDER  store thread     tbl_order_ext_add: an order of somebody else was seen.
 *   ACTION_FILL       store thread     tbl_fill_add with the cost in the action.
 *   ACTION_DECISION   store thread     tbl_decision_add; seq is that of the event.
 *   ACTION_ALERT      store thread     tbl_alert_raise.
 *   ACTION_LOCK       store thread     tbl_lock_add.
 *   ACTION_MODE       store thread     mode in force for heartbeat and status; `sticky`: the stop file first, then
 *                                      tbl_control_lower, so that only a named person raises it again.
 *   ACTION_WANT_*     ledger thread    one read at a time; always answered: EVENT_LISTING or EVENT_LISTING_TROUBLE,
 *                                      EVENT_REST_PRICE per symbol, EVENT_BALANCE (trouble with these two: say nothing).
 *   ACTION_STATUS     store thread     newest one goes into the heartbeat.
 *   ACTION_DONE       main             the day is over for this worker: stop the threads, exit 0.
 *
 * The mode in force is the lowest of: the certificate, what people set (row, file, signal, alerts) and the engine's own
 * causes (enum engine_cause). Cancels that follow from it: below TRADE every live own buy, in HALT every live own order.
 * Nothing is placed below REDUCE. Decisions made then are marked `observed` and checked as if the mode were TRADE.
 *
 * Equal decisions (symbol, side, signal, verdict) that were not sent are one row a minute; the ones between are counted.
 */
#ifndef GJ_WORKER_ENGINE_H
#define GJ_WORKER_ENGINE_H

#include "shared/kis/notice.h"
#include "shared/trade/firewall.h"
#include "shared/trade/reconcile.h"
#include "worker/strategy.h"

#define ENGINE_SYMBOLS_MAX 128 /* the universe, and symbols that only own orders or lots name */
#define ENGINE_SIGNALS_MAX 512 /* of the strategy `scripted` */
#define ENGINE_LOCKS_MAX   256
#define ENGINE_ACTIONS_MAX (8 * ORDERS_DAY_MAX)
#define ENGINE_EPOCH_MAX   999999 /* an intent id is day, epoch (six digits), counter (five) */
#define ENGINE_COUNTER_MAX 99999

/* ---- frozen inputs ---------------------------------------------------------------------------------------------- */
struct engine_symbol {
	char symbol[SYMBOL_SIZE];
	bool member; /* of today's universe; others are named by own lots or orders only */
	bool entry_allowed, volatile_now;
	enum market market;
	enum symbol_kind kind;
	int64_t previous_close_won, previous_high_won, previous_low_won;
	struct price_band band;
	int64_t volume_average_qty;
};
struct engine_lock {
	char symbol[SYMBOL_SIZE];
	enum order_side side;
};
struct engine_inputs {
	char account[33], env[8];
	bool rehearsal;
	bool observer; /* nothing is ever placed: the ceiling is OBSERVE */
	struct kst_day day;
	int64_t epoch;
	enum mode certificate_mode;
	struct wall session_open, entry_end, session_end;
	struct digest params_digest, limits_digest, universe_digest, snapshot_digest, build_digest;
	char strategy[33];
	int64_t strategy_version;
	struct strategy_params params;
	struct limit_set limits;
	int64_t commission_ppm;
	/* times; engine_inputs_defaults() fills the starting values */
	int64_t t_abs_us, n_abs, t_lag_us, skew_us;
	int64_t listing_us, listing_live_us; /* listing every; while an own order lives */
	int64_t price_us; /* REST prices every */
	int64_t cancel_gap_us,
		cancel_tries; /* a cancel again after a complete listing so much later; tries in all */
	int64_t opening_print_us;
	int64_t end_margin_us; /* cancel what is open so long before session_end */
	int64_t end_wait_us; /* and wait at most so long after session_end for the confirmation */
	int64_t heartbeat_us;
	struct engine_symbol symbols[ENGINE_SYMBOLS_MAX]; /* members in rank order first */
	int symbol_count;
	/* the last accepted snapshot and what was recorded since */
	struct wall snapshot_frozen;
	int64_t cash_won; /* orderable, at the instant of the snapshot */
	int64_t ext_cash_held_won;
	struct lot lots[HOLDINGS_MAX]; /* SYS and EXT */
	int lot_count;
	struct order orders[ORDERS_DAY_MAX]; /* of today, own and EXT, in intent order, with newest state */
	int order_count;
	struct fill fills
		[FILLS_DAY_MAX]; /* of today, in stored order; those after snapshot_frozen move shares and cash */
	int fill_count;
	struct engine_lock locks[ENGINE_LOCKS_MAX];
	int lock_count;
	struct strategy_signal signals[ENGINE_SIGNALS_MAX]; /* scripted only, by time */
	int signal_count;
	int64_t losing_streak_before; /* losing round trips in a row up to yesterday */
};
void engine_inputs_defaults(struct engine_inputs *in); /* zeroes it, then fills the times */

/* ---- events ----------------------------------------------------------------------------------------------------- */
/* Numbers are in journals: append only. */
enum engine_event_kind {
	EVENT_START = 1, /* main: once, first. Nothing happens before it */
	EVENT_TICK = 2, /* feed: one record of a trade frame */
	EVENT_BOOK = 3, /* feed: best level of a book record */
	EVENT_NOTICE = 4, /* feed: own notice, decrypted. A hint: wakes a listing, makes us more careful */
	EVENT_LISTING = 5, /* ledger thread: a COMPLETE daily order list of today; fill truth */
	EVENT_LISTING_TROUBLE = 6, /* ledger thread: the list failed or was partial; concludes nothing */
	EVENT_REST_PRICE = 7, /* ledger thread: one symbol's price over HTTPS */
	EVENT_BALANCE = 8, /* ledger thread: a COMPLETE balance */
	EVENT_ORDER_RECORDED = 9, /* order thread: first mark is durable */
	EVENT_ORDER_MARKED = 10, /* order thread: second mark is durable, the POST begins */
	EVENT_ORDER_SENT = 11, /* order thread: how it ended; the last one of an intent */
	EVENT_CONTROL =
		12, /* main/store thread: a source of the stop says a mode; at start and at every change */
	EVENT_FEED = 13, /* feed */
	EVENT_TIMER = 14, /* main: once a second of the program's clock */
	EVENT_DB = 15, /* store thread: database lost / back */
	EVENT_JOURNAL = 16, /* main: journal late / in time again; JOURNAL_FULL is journal_step's own */
	EVENT_RING_FULL = 17, /* whoever found a ring full */
	EVENT_MARKET = 18, /* feed: market-wide halt begins / ends */
	EVENT_STOP = 19, /* main: orderly end wanted (SIGTERM): cancel, confirm, DONE */
	EVENT_KIND_COUNT
};
enum engine_control_source {
	CONTROL_ROW,
	CONTROL_FILE,
	CONTROL_SIGNAL,
	CONTROL_ALERTS,
	CONTROL_SOURCE_COUNT
};
enum engine_feed {
	FEED_UP, /* connected and the notice channel acknowledged */
	FEED_DOWN,
	FEED_SYMBOL_UP, /* trades of `symbol` acknowledged */
	FEED_SYMBOL_MISSING, /* refused or not acknowledged in time */
	FEED_SHAPE, /* a frame of another layout: OBSERVE until a person resumes */
	FEED_SILENT, /* no frame at all for silence_s: as DOWN, until FEED_UP */
	FEED_BUDGET, /* no reconnects left: as DOWN */
};
enum engine_outcome {
	OUTCOME_ACCEPTED, /* odno and branch are given */
	OUTCOME_REFUSED, /* definite refusal, whitelist */
	OUTCOME_DOUBT,
	OUTCOME_NOT_SENT, /* no byte left us: not recorded, not marked, mark too old, mode or lease said no */
};
struct engine_book {
	char symbol[SYMBOL_SIZE];
	int64_t ask_won, bid_won, ask_qty, bid_qty;
};
struct engine_event {
	enum engine_event_kind kind;
	uint64_t seq; /* journal_step gives it; strictly growing */
	struct wall at; /* when we got it, the program's clock */
	union {
		struct trade_tick tick;
		struct engine_book book;
		struct notice notice; /* `account` is not journalled */
		struct broker_order_list listing; /* rows stay the caller's; state COMPLETE */
		struct {
			enum reason why;
		} trouble;
		struct {
			char symbol[SYMBOL_SIZE];
			int64_t price_won;
		} price;
		struct broker_balance balance;
		struct {
			int64_t intent_id;
			enum engine_outcome outcome; /* EVENT_ORDER_SENT only */
			enum reason why;
			char odno[ODNO_SIZE], branch[BRANCH_SIZE];
		} order;
		struct {
			enum engine_control_source source;
			enum mode mode;
			bool readable; /* false: counts as HALT whatever `mode` says */
			int64_t since_us; /* row: control.since; a later one with a higher mode is a person's resume */
		} control;
		struct {
			enum engine_feed what;
			char symbol[SYMBOL_SIZE];
		} feed;
		struct {
			bool ok;
		} db;
		struct {
			bool late, full;
		} journal;
		struct {
			int64_t lost; /* frames or intents that found no room, so far */
		} ring;
		struct {
			bool halted;
		} market;
	} u;
};

/* ---- actions ---------------------------------------------------------------------------------------------------- */
/* Why the engine lowers its own mode. Texts: engine_cause_text(), which are also the alert codes. */
enum engine_cause {
	CAUSE_START, /* OBSERVE until row and file were read and a complete listing came; silent */
	CAUSE_DOUBT, /* OBSERVE while an own new order is in doubt */
	CAUSE_FEED, /* OBSERVE while the feed is down */
	CAUSE_FORMAT, /* OBSERVE; the layout of frames changed */
	CAUSE_OPENING, /* OBSERVE until the first print, opening_print_us after the open */
	CAUSE_LISTING, /* OBSERVE after three listings in a row failed, until one is complete */
	CAUSE_DB, /* OBSERVE while the database is lost */
	CAUSE_JOURNAL, /* OBSERVE while the journal is late */
	CAUSE_JOURNAL_FULL, /* HALT */
	CAUSE_RING, /* OBSERVE; a ring was full */
	CAUSE_MISMATCH, /* OBSERVE; fills, rows or positions contradict ours */
	CAUSE_AMBIGUOUS, /* OBSERVE; a binding by likeness is not unique */
	CAUSE_LOSS, /* HALT or REDUCE by on_loss */
	CAUSE_STREAK, /* HALT */
	CAUSE_BAND, /* HALT; refusals in a row by the price band */
	CAUSE_REPEATED, /* REDUCE; equal orders in 60 s */
	CAUSE_MARKET, /* OBSERVE while the market is halted */
	CAUSE_ROOM, /* HALT; an array of the engine is full */
	CAUSE_COUNT
};
const char *engine_cause_text(enum engine_cause cause);

enum engine_action_kind {
	ACTION_INTENT = 1,
	ACTION_ORDER_EVENT = 2,
	ACTION_EXT_ORDER = 3,
	ACTION_FILL = 4,
	ACTION_DECISION = 5,
	ACTION_ALERT = 6,
	ACTION_LOCK = 7,
	ACTION_MODE = 8,
	ACTION_WANT_LISTING = 9, /* today's orders, complete */
	ACTION_WANT_PRICES = 10, /* multi-quote of every member */
	ACTION_WANT_BALANCE = 11,
	ACTION_STATUS = 12,
	ACTION_DONE = 13,
};
enum engine_state {
	ENGINE_STARTING,
	ENGINE_READY,
	ENGINE_TRADING,
	ENGINE_OBSERVING,
	ENGINE_STOPPING,
	ENGINE_STOPPED
};
const char *engine_state_text(enum engine_state state); /* as in lease.state */

struct engine_status {
	enum engine_state state;
	enum mode mode;
	int64_t orders_new, orders_live, orders_doubt, fills, positions, decisions, decisions_equal, ticks,
		ring_lost;
	int64_t cash_free_won, day_result_won, exposure_gross_won;
};
struct engine_action {
	enum engine_action_kind kind;
	union {
		/* A cancel (order.kind INTENT_CANCEL) carries the target's number in orig_odno, its branch and exchange,
		 * and the remainder as we know it in qty. */
		struct {
			struct order order;
			bool reduces_risk; /* the argument of tbl_intent_record and _mark */
			char signal_code[33];
		} intent;
		struct {
			int64_t intent_id;
			enum order_event event;
			enum order_state state;
			char odno[ODNO_SIZE], orig_odno[ODNO_SIZE], branch[BRANCH_SIZE];
			int64_t filled_qty, filled_won; /* cumulative */
			enum reason why;
			const char
				*evidence; /* static text: "row", "likeness", "absence", "start", "target" */
		} order_event;
		struct {
			int64_t intent_id; /* ours for it */
			struct broker_order row;
		} ext;
		struct {
			struct fill fill;
			struct cost cost;
		} fill;
		struct {
			bool observed;
			char signal_code[33];
			struct wanted_order want;
			int64_t last_won;
			enum reason verdict; /* REASON_OK: an intent follows, or would have (observed) */
		} decision;
		struct {
			enum finding_level level;
			char code[REASON_CODE_SIZE], symbol[SYMBOL_SIZE], text[200];
		} alert;
		struct {
			char symbol[SYMBOL_SIZE];
			enum order_side side;
			bool locked;
			enum reason why;
		} lock;
		struct {
			enum mode from, to; /* in force before and after */
			bool sticky;
			enum mode store; /* sticky: what is stored */
			char code[REASON_CODE_SIZE]; /* of the cause, or "control" */
			char text[200];
		} mode;
		struct engine_status status;
	} u;
};
struct engine_actions {
	struct wall at;
	uint64_t seq; /* of the event */
	int count;
	bool overflow; /* more than the room: the engine halted (CAUSE_ROOM) */
	struct engine_action rows[ENGINE_ACTIONS_MAX];
};

/* ---- the engine ------------------------------------------------------------------------------------------------- */
struct engine;
enum reason engine_new(const struct engine_inputs *in, struct engine **out);
void engine_free(struct engine *eng);
void engine_step(struct engine *eng, const struct engine_event *event, struct engine_actions *out);

/* What stands now; for status, the local own-order index and tests. */
struct engine_status engine_status(const struct engine *eng);
enum mode engine_mode(const struct engine *eng);
int engine_order_count(const struct engine *eng);
const struct order *engine_order_at(const struct engine *eng, int index); /* NULL past the end */
const struct position *engine_position(const struct engine *eng,
				       const char *symbol); /* own lots; NULL = none */

/* ---- canonical bytes -------------------------------------------------------------------------------------------- */
/* *out_len <= room; REASON_OVERFLOW when it does not fit. Reading refuses anything the writer would not have written
 * (REASON_FILE_SHAPE). Little endian, the same on every host. */
#define ENGINE_EVENT_SIZE_MAX   (512 * 1024)
#define ENGINE_INPUTS_SIZE_MAX  (4 * 1024 * 1024)
#define ENGINE_ACTIONS_SIZE_MAX (8 * 1024 * 1024)
enum reason engine_inputs_write(const struct engine_inputs *in, uint8_t *bytes, size_t room, size_t *out_len);
enum reason engine_inputs_read(const uint8_t *bytes, size_t len, struct engine_inputs *out);
enum reason engine_event_write(const struct engine_event *event, uint8_t *bytes, size_t room,
			       size_t *out_len);
/* Room for the rows of a listing or balance that engine_event_read points into. */
struct engine_event_room {
	struct broker_order orders[ORDERS_DAY_MAX];
	struct broker_holding holdings[HOLDINGS_MAX];
};
enum reason engine_event_read(const uint8_t *bytes, size_t len, struct engine_event_room *room,
			      struct engine_event *out);
enum reason engine_actions_write(const struct engine_actions *actions, uint8_t *bytes, size_t room,
				 size_t *out_len);

#endif
