/*
 * settle - one attempt to bring our books and the broker's together: reads both sides, asks reconcile(), applies the answer.
 *
 * Shape   settle_open once, settle_ask as often as time allows (each ask stores its listings and counts as a sighting),
 *         settle_apply inside the result's transaction. reconcile uses it in the morning, close after the session.
 * Owner   settle_open allocates every array, settle_clear frees them; accepts an empty struct.
 * Errors  settle_ask: REASON_OK with st->out.accepted false is an answer; another reason is trouble.
 */
#ifndef GJ_PHASES_SETTLE_H
#define GJ_PHASES_SETTLE_H

#include "phases/phase.h"

#define SETTLE_SIGHTINGS_MAX 4096
#define SETTLE_SYMBOLS_MAX   4096
#define SETTLE_FINDINGS_MAX  256
#define SETTLE_DAYS_MAX      90 /* the list of the last three months; older orders need a person */

struct settle {
	struct ours ours;
	struct theirs theirs;
	struct reconcile_rules rules;
	struct reconcile_out out;
	struct order *orders;
	struct fill *fills;
	struct sighting *sightings;
	struct symbol_rule *symbols;
	struct mismatch *mismatches; /* what the newest attempt left */
	struct lot *lots; /* of the accepted snapshot */
	struct kst_day from; /* first day of the listings */
	struct wall asked;
};
#define SETTLE_INIT                                                                                          \
	{                                                                                                    \
		0                                                                                            \
	}

enum reason settle_open(struct phase *ph, struct settle *st);
enum reason settle_ask(struct phase *ph, struct settle *st);
/* Order events, EXT orders and fills of the last ask. Inside a transaction. */
enum reason settle_apply(struct phase *ph, const struct settle *st);
void settle_tell(struct phase *ph, const struct settle *st); /* findings as alerts and evidence */
bool settle_crit(const struct settle *st);
/* Our number for an order of somebody else: the epoch field starts with 9, which no lease reaches. */
int64_t settle_ext_id(struct kst_day day, const char *odno);
void settle_clear(struct settle *st);

#endif
