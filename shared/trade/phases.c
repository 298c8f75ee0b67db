/*
 * phases - the morning as one table, and the two rules over it: when a phase is due, and when its PASS is
 * fresh.
 *
 * The freshness rule is stated a second time in SQL (view v_today); whoever changes it here changes it there.
 */
#include <string.h>

#include "shared/base/bug.h"
#include "shared/trade/phases.h"
#include "shared/base/banned.h"

#define BIT(id) (UINT32_C(1) << (id))

const struct phase_info phase_table[PHASE_COUNT] = {
	[PHASE_PREFLIGHT] = { "preflight", 0, CONF_AT_PREFLIGHT, CONF_AGE_PREFLIGHT_MIN },
	[PHASE_AUTH] = { "auth", BIT(PHASE_PREFLIGHT), CONF_AT_AUTH, CONF_AGE_AUTH_MIN },
	[PHASE_ACCOUNT] = { "account", BIT(PHASE_AUTH), CONF_AT_ACCOUNT, CONF_AGE_ACCOUNT_MIN },
	[PHASE_PARAMS] = { "params", BIT(PHASE_PREFLIGHT), CONF_AT_PARAMS, CONF_AGE_PARAMS_MIN },
	[PHASE_RECONCILE] = { "reconcile", BIT(PHASE_AUTH) | BIT(PHASE_ACCOUNT), CONF_AT_RECONCILE,
			      CONF_AGE_RECONCILE_MIN },
	[PHASE_GUARDRAIL] = { "guardrail", BIT(PHASE_ACCOUNT) | BIT(PHASE_PARAMS) | BIT(PHASE_RECONCILE),
			      CONF_AT_GUARDRAIL, CONF_AGE_GUARDRAIL_MIN },
	[PHASE_UNIVERSE] = { "universe", BIT(PHASE_AUTH) | BIT(PHASE_PARAMS) | BIT(PHASE_RECONCILE),
			     CONF_AT_UNIVERSE, CONF_AGE_UNIVERSE_MIN },
	[PHASE_GATE] = { "gate", BIT(PHASE_MORNING_COUNT) - 1, CONF_AT_GATE, CONF_KEY_COUNT },
	[PHASE_CLOSE] = { "close", 0, CONF_KEY_COUNT, CONF_KEY_COUNT },
};

static const char *const status_texts[] = {
	[STATUS_UNKNOWN] = "UNKNOWN",
	[STATUS_FAIL] = "FAIL",
	[STATUS_CLOSED] = "CLOSED",
	[STATUS_PASS] = "PASS",
};

static const char *const freshness_texts[] = {
	[FRESH] = "fresh",           [STALE_MISSING] = "missing",
	[STALE_STATUS] = "not-pass", [STALE_CONTENT] = "upstream-changed",
	[STALE_TOO_OLD] = "too-old", [STALE_CHAIN] = "upstream-stale",
};

const char *phase_name(enum phase_id id)
{
	BUG_IF((unsigned)id >= PHASE_COUNT, "a phase is one of the table");
	return phase_table[id].name;
}

bool phase_parse(const char *name, enum phase_id *out)
{
	if (!name)
		return false;
	for (int id = 0; id < PHASE_COUNT; id++) {
		if (strcmp(name, phase_table[id].name) == 0) {
			*out = (enum phase_id)id;
			return true;
		}
	}
	return false;
}

const char *status_text(enum phase_status status)
{
	if ((size_t)status >= ARRAY_COUNT(status_texts))
		return status_texts[STATUS_UNKNOWN];
	return status_texts[status];
}

bool status_parse(const char *text, enum phase_status *out)
{
	if (!text)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(status_texts); i++) {
		if (strcmp(text, status_texts[i]) == 0) {
			*out = (enum phase_status)i;
			return true;
		}
	}
	return false;
}

const char *freshness_text(enum freshness fresh)
{
	if ((size_t)fresh >= ARRAY_COUNT(freshness_texts))
		return "unknown";
	return freshness_texts[fresh];
}

/* ---- windows ---- */

#define ORDINARY_CLOSE_S                                                                                     \
	(15 * 3600 + 30 * 60) /* a closed day has no close of its own, but `close` still has a window */

static struct wall at(const struct calendar_day *day, const struct conf *cfg, enum conf_key key)
{
	return kst_wall(day->day, conf_number(cfg, key) + day->shift_s);
}

struct phase_window phase_window(enum phase_id id, const struct conf *cfg, const struct calendar_day *day)
{
	struct phase_window win;
	int64_t close_s;

	BUG_IF((unsigned)id >= PHASE_COUNT, "a phase is one of the table");
	if (id == PHASE_CLOSE) {
		/* The calendar's close is the real one of the day; it is not shifted a second time. */
		close_s = (day->trading ? day->close_s : ORDINARY_CLOSE_S) +
			  conf_number(cfg, CONF_CLOSE_AFTER_MIN) * 60;
		win.start = kst_wall(day->day, close_s);
		win.deadline = kst_wall(day->day, close_s + conf_number(cfg, CONF_CLOSE_DEADLINE_MIN) * 60);
		return win;
	}
	win.start = at(day, cfg, phase_table[id].start_key);
	if (id == PHASE_GATE)
		win.deadline = at(day, cfg, CONF_GATE_DEADLINE);
	else
		win.deadline = at(day, cfg, phase_table[id + 1].start_key);
	return win;
}

/* ---- freshness ---- */

static const struct phase_input *input_of(const struct phase_record *rec, enum phase_id upstream)
{
	for (int i = 0; i < rec->input_count && i < PHASE_COUNT; i++) {
		if (rec->inputs[i].upstream == upstream)
			return &rec->inputs[i];
	}
	return NULL;
}

/* Does a phase rest on content that is no longer the newest? A result that does not say what it read counts
 * as such. */
static bool content_moved(enum phase_id id, const struct phase_record records[static PHASE_COUNT])
{
	const struct phase_input *in;

	for (int up = 0; up < PHASE_COUNT; up++) {
		if (!(phase_table[id].reads & BIT(up)) || !records[up].present)
			continue;
		in = input_of(&records[id], (enum phase_id)up);
		if (!in || !digest_same(&in->digest, &records[up].content))
			return true;
	}
	return false;
}

enum freshness phase_fresh(enum phase_id id, const struct phase_record records[static PHASE_COUNT],
			   const int64_t age_max_s[static PHASE_COUNT], struct wall now)
{
	bool chain_fresh[PHASE_COUNT];
	enum freshness fresh = FRESH;
	int64_t age_us;

	BUG_IF((unsigned)id >= PHASE_COUNT, "a phase is one of the table");
	/* Running order: when a phase is judged, everything it reads has been. */
	for (int p = 0; p <= (int)id; p++) {
		const struct phase_record *rec = &records[p];

		age_us = wall_diff_us(now, rec->finished);
		if (!rec->present)
			fresh = STALE_MISSING;
		else if (rec->status != STATUS_PASS)
			fresh = STALE_STATUS;
		else if (content_moved((enum phase_id)p, records))
			fresh = STALE_CONTENT;
		else if (now.us != 0 && age_max_s[p] > 0 && (age_us < 0 || age_us > age_max_s[p] * US_PER_S))
			fresh = STALE_TOO_OLD;
		else
			fresh = FRESH;
		for (int up = 0; up < p && fresh == FRESH; up++) {
			if ((phase_table[p].reads & BIT(up)) && !chain_fresh[up])
				fresh = STALE_CHAIN;
		}
		chain_fresh[p] = fresh == FRESH;
	}
	return fresh;
}

uint32_t phase_downstream(enum phase_id id)
{
	uint32_t rest = BIT(id);

	/* The table is in running order: who reads a phase comes after it, so one pass is enough. */
	for (int later = (int)id + 1; later < PHASE_COUNT; later++) {
		if (phase_table[later].reads & rest)
			rest |= BIT(later);
	}
	return rest;
}
