/*
 * phases - the morning as data: names, who reads whom, when each is due, when a PASS is fresh.
 *
 * Shape   one enum; the table phase_table says the rest. Pure: time comes as an argument.
 * Units   seconds of day KST; a late open shifts every time by calendar_day.shift_s.
 * Source  the schedule and age tables of the configuration.
 */
#ifndef GJ_TRADE_PHASES_H
#define GJ_TRADE_PHASES_H

#include <stdint.h>

#include "shared/base/conf.h"
#include "shared/base/calendar.h"
#include "shared/base/digest.h"
#include "shared/base/limits.h"
#include "shared/trade/mode.h"

enum phase_id {
	PHASE_PREFLIGHT,
	PHASE_AUTH,
	PHASE_ACCOUNT,
	PHASE_PARAMS,
	PHASE_RECONCILE,
	PHASE_GUARDRAIL,
	PHASE_UNIVERSE,
	PHASE_GATE,
	PHASE_CLOSE,
	PHASE_COUNT
};
#define PHASE_MORNING_COUNT PHASE_GATE /* the seven that the gate reads */

enum phase_status { STATUS_UNKNOWN, STATUS_FAIL, STATUS_CLOSED, STATUS_PASS };

struct phase_info {
	const char *name;
	uint32_t reads; /* bit set of phase_id */
	enum conf_key start_key; /* CONF_AT_*; close: unused */
	enum conf_key age_key; /* CONF_AGE_*; gate and close: unused */
};
extern const struct phase_info phase_table[PHASE_COUNT];

const char *phase_name(enum phase_id id);
bool phase_parse(const char *name, enum phase_id *out);
const char *status_text(enum phase_status status);
bool status_parse(const char *text, enum phase_status *out);

struct phase_window {
	struct wall start, deadline;
};
/* Window of a scheduled run on that day (deadline: successor's start; reconcile guardrail's; gate its own; close its minutes). */
struct phase_window phase_window(enum phase_id id, const struct conf *cfg, const struct calendar_day *day);

/* ---- freshness ---- */
struct phase_input {
	enum phase_id upstream;
	int64_t run_id;
	struct digest digest;
};
struct phase_record { /* newest result of a phase for one account and day */
	bool present;
	int64_t run_id;
	int attempt;
	enum phase_status status;
	enum mode mode;
	char reason[REASON_CODE_SIZE];
	char detail[DETAIL_SIZE];
	struct wall started, finished;
	int64_t took_ms;
	struct digest content;
	struct phase_input inputs[PHASE_COUNT];
	int input_count;
};
enum freshness {
	FRESH,
	STALE_MISSING, /* no result of today */
	STALE_STATUS, /* newest result is not PASS */
	STALE_CONTENT, /* an upstream it read has other content now */
	STALE_TOO_OLD, /* older than its limit (only asked when `now` is given) */
	STALE_CHAIN, /* an upstream is itself not fresh */
};
/* `records` indexed by phase_id. Asked in the order of the enum: no result; not PASS; an upstream of the table is there
 * but its content is not the one read (or the result does not say what it read); older than age_max_s (0 = no limit) or
 * from the future, both only if now.us != 0; an upstream of the table is itself not fresh.
 * The view v_today states the same rule in SQL; a test compares the two. */
enum freshness phase_fresh(enum phase_id id, const struct phase_record records[static PHASE_COUNT],
			   const int64_t age_max_s[static PHASE_COUNT], struct wall now);
const char *freshness_text(enum freshness fresh);
/* The phases that rest on `id`, itself included, in running order, as a bit set. */
uint32_t phase_downstream(enum phase_id id);

#endif
