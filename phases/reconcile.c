/*
 * reconcile - our orders, fills and positions against the broker's; every difference is settled or named. An accepted
 * answer becomes the day's snapshot. What was settled is written whether or not the answer is accepted.
 */
#include <stdlib.h>
#include <string.h>

#include "phases/settle.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define ASK_AGAIN_S 30 /* between two attempts of one run, while waiting may still help */

struct reconcile_phase {
	struct settle settle;
	bool asked, stranger, accepted;
	struct symbol_lock *locked; /* of today, before this run */
	int locked_count;
};

/* ---- asking until it is clear, or time is up --------------------------------------------------------------------- */

/* Doubt and lag pass by themselves; a disagreement that a person must see does not. */
static bool waiting_helps(const struct settle *st)
{
	const struct reconcile_out *out = &st->out;

	return !out->accepted && !settle_crit(st) &&
	       (out->refusal == REASON_IN_DOUBT || out->refusal == REASON_POSITION_MISMATCH ||
		out->refusal == REASON_COSTS_DIFFER);
}

static enum reason ask(struct phase *ph, struct reconcile_phase *rec)
{
	struct settle *st = &rec->settle;
	struct wall next;
	int asks = 0;
	enum reason why;

	for (;;) {
		why = settle_ask(ph, st);
		if (why != REASON_OK)
			return why;
		asks++;
		rec->asked = true;
		next = wall_add_us(phase_now(ph), ASK_AGAIN_S * US_PER_S);
		if (!phase_writes(ph) || !waiting_helps(st) ||
		    wall_add_us(next, ASK_AGAIN_S * US_PER_S).us > ph->deadline.us)
			break;
		why = phase_wait_until(ph, next);
		if (why != REASON_OK)
			return why;
	}
	phase_fact_number(ph, "asks", asks);
	return REASON_OK;
}

/* ---- the answer --------------------------------------------------------------------------------------------------- */

/* The first snapshot of a day is accepted before the gate's time or never: later, nobody could say what it froze. */
static enum reason in_time(struct phase *ph)
{
	struct wall latest = phase_window(PHASE_GATE, &ph->cfg, &ph->day).start;
	struct acceptance_row first;
	char text[KST_TEXT_SIZE];
	enum reason why;

	if (phase_now(ph).us <= latest.us)
		return REASON_OK;
	why = tbl_acceptance_first_of_day(ph->db, ph->account.account_id, ph->day.day, &first);
	if (why != REASON_DB_NOT_FOUND)
		return why;
	return reason_set(REASON_SNAPSHOT_LATE,
			  "the first snapshot of a day is accepted until %.19s or never; no trading today",
			  kst_wall_text(latest, text));
}

static struct digest content(const struct settle *st)
{
	const struct reconcile_out *out = &st->out;
	struct digest snapshot = snapshot_digest(&out->snapshot);
	struct digest_maker mk;

	digest_begin(&mk, "reconcile");
	digest_bytes(&mk, "snapshot", snapshot.bytes, DIGEST_SIZE);
	digest_number(&mk, "held_cash_won", out->held_cash_won);
	digest_text(&mk, "ceiling", mode_text(out->ceiling));
	for (int i = 0; i < out->lock_count; i++) {
		digest_text(&mk, "symbol", out->locks[i].symbol);
		digest_number(&mk, "buy", out->locks[i].buy);
		digest_number(&mk, "sell", out->locks[i].sell);
	}
	return digest_end(&mk);
}

static enum reason refused(const struct settle *st)
{
	const struct reconcile_out *out = &st->out;
	const char *text = out->finding_count > 0 ? out->findings[0].text : reason_text(out->refusal);

	/* The finding that weighs most is the sentence. */
	for (int i = 0; i < out->finding_count; i++) {
		if (out->findings[i].level == FINDING_CRIT) {
			text = out->findings[i].text;
			break;
		}
	}
	return reason_set(out->refusal, "%s; look at it: gaejang sql 'SELECT * FROM v_positions_diff'", text);
}

static enum reason stranger(struct phase *ph, struct reconcile_phase *rec)
{
	struct digest_maker mk;

	/* A stranger's account is not booked: nothing of it may ever look like ours. */
	rec->stranger = true;
	phase_lower(ph, MODE_OBSERVE);
	digest_begin(&mk, "reconcile-stranger");
	ph->answer.content = digest_end(&mk);
	phase_say(ph, "the account that answers is not the registered one; nothing is booked");
	return REASON_OK;
}

static enum reason run(struct phase *ph, void *work)
{
	struct reconcile_phase *rec = work;
	struct settle *st = &rec->settle;
	char cash[WON_TEXT_SIZE];
	struct cash_row account;
	enum reason why = tbl_cash_of_run(ph->db, phase_run_of(ph, PHASE_ACCOUNT), &account);

	if (why == REASON_OK && !account.account_match)
		return stranger(ph, rec);
	if (why == REASON_OK)
		why = settle_open(ph, st);
	if (why == REASON_OK)
		why = ask(ph, rec);
	if (why != REASON_OK)
		return why;
	settle_tell(ph, st);
	phase_lower(ph, st->out.ceiling);
	if (!st->out.accepted)
		return refused(st);
	why = in_time(ph);
	if (why != REASON_OK)
		return why;
	rec->accepted = true;
	ph->answer.content = content(st);
	phase_say(ph, "cash %s won; lots %d, orders settled %d, findings %d",
		  won_text(st->out.snapshot.cash_won, cash), st->out.snapshot.lot_count,
		  st->out.resolution_count, st->out.finding_count);
	return REASON_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static bool side_locked(const struct symbol_lock *rows, int count, const char *symbol, enum order_side side)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(rows[i].symbol, symbol) == 0)
			return side == SIDE_BUY ? rows[i].buy : rows[i].sell;
	}
	return false;
}

static bool sell_never_arrived(const struct settle *st, const char *symbol)
{
	for (int i = 0; i < st->ours.order_count; i++) {
		const struct order *order = &st->orders[i];

		if (order->side == SIDE_SELL && order->state == ORDER_NEVER_ARRIVED &&
		    strcmp(order->symbol, symbol) == 0)
			return true;
	}
	return false;
}

/* New locks; and a SELL that was locked after an order that never arrived opens again once reconcile asks for it no more. */
static enum reason locks_write(struct phase *ph, struct reconcile_phase *rec)
{
	const struct reconcile_out *out = &rec->settle.out;
	int64_t account = ph->account.account_id;
	enum reason why = REASON_OK;

	rec->locked = calloc(HOLDINGS_MAX, sizeof(*rec->locked));
	if (!rec->locked)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's locks");
	why = tbl_lock_of_day(ph->db, account, ph->day.day, rec->locked, HOLDINGS_MAX, &rec->locked_count);
	for (int i = 0; i < out->lock_count && why == REASON_OK; i++) {
		for (int side = SIDE_BUY; side <= SIDE_SELL && why == REASON_OK; side++) {
			bool wanted = side == SIDE_BUY ? out->locks[i].buy : out->locks[i].sell;

			if (wanted && !side_locked(rec->locked, rec->locked_count, out->locks[i].symbol,
						   (enum order_side)side))
				why = tbl_lock_add(ph->db, account, ph->day.day, out->locks[i].symbol,
						   (enum order_side)side, true, "reconcile", phase_now(ph));
		}
	}
	for (int i = 0; i < rec->locked_count && why == REASON_OK; i++) {
		const char *symbol = rec->locked[i].symbol;

		if (rec->locked[i].sell && !side_locked(out->locks, out->lock_count, symbol, SIDE_SELL) &&
		    sell_never_arrived(&rec->settle, symbol))
			why = tbl_lock_add(ph->db, account, ph->day.day, symbol, SIDE_SELL, false,
					   "sellable-agrees", phase_now(ph));
	}
	free(rec->locked);
	rec->locked = NULL;
	return why;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct reconcile_phase *rec = work;
	struct settle *st = &rec->settle;
	struct acceptance_row acceptance = { .account_id = ph->account.account_id,
					     .run_id = ph->run.run_id,
					     .day = ph->day.day };
	int64_t acceptance_id = 0;
	enum reason why;

	if (!rec->asked || rec->stranger)
		return REASON_OK;
	why = settle_apply(ph, st);
	if (why == REASON_OK)
		why = locks_write(ph, rec);
	if (why != REASON_OK || !rec->accepted || ph->answer.status != STATUS_PASS)
		return why;
	why = tbl_snapshot_add(ph->db, ph->account.account_id, ph->run.run_id, &st->out.snapshot, "",
			       &acceptance.snapshot_id);
	acceptance.digest = snapshot_digest(&st->out.snapshot);
	acceptance.accepted = phase_now(ph);
	if (why == REASON_OK)
		why = tbl_acceptance_add(ph->db, &acceptance, &acceptance_id);
	return why;
}

static void clear(void *work)
{
	struct reconcile_phase *rec = work;

	free(rec->locked);
	settle_clear(&rec->settle);
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_RECONCILE,
		0,
		"reconcile - our orders, fills and positions against the broker's",
		sizeof(struct reconcile_phase),
		run,
		commit,
		clear
	};

	return phase_main(argc, argv, &def);
}
