/*
 * deadman - every minute from the first phase's start: did the morning happen, does the worker live? It trusts nobody: it reads
 * the calendar itself, speaks through the alert channel itself, even when the configuration is broken elsewhere, and is
 * silent on closed days. What lasts it tells once, and again every half an hour.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ops/channel.h"
#include "ops/house.h"
#include "shared/base/banned.h"

struct check {
	const char *code;
	char text[DETAIL_SIZE];
};

static void find(struct check *check, const char *code, const char *text)
{
	check->code = code;
	(void)snprintf(check->text, sizeof(check->text), "%s", text);
}

/* The first thing that is not as it must be at this minute; code NULL = all is well. Pure. */
static struct check judge(const struct conf *cfg, const struct calendar_day *day,
			  const struct phase_record records[static PHASE_COUNT],
			  const struct lease_row *lease, struct wall now)
{
	const struct phase_record *gate = &records[PHASE_GATE];
	struct check check = { 0 };
	struct wall gate_deadline = phase_window(PHASE_GATE, cfg, day).deadline;
	struct wall first_deadline = phase_window(PHASE_PREFLIGHT, cfg, day).deadline;
	struct wall open = kst_wall(day->day, day->open_s), end = kst_wall(day->day, day->close_s);
	int64_t age_s = wall_diff_us(now, lease->heartbeat) / US_PER_S;

	if (now.us < first_deadline.us || now.us > end.us)
		return check;
	if (now.us < gate_deadline.us) {
		if (!gate->present && !records[PHASE_PREFLIGHT].present)
			find(&check, "no-preflight",
			     "preflight left no result by its deadline, so cron or the configuration is at "
			     "fault; look: gaejang run preflight");
	} else if (!gate->present) {
		find(&check, "no-verdict", "the gate gave no verdict by its deadline; look: gaejang why");
	} else if (gate->status == STATUS_PASS && gate->mode > MODE_OBSERVE) {
		if (lease->kind != LEASE_TRADE)
			find(&check, "no-worker",
			     "the gate said yes, but no worker holds the account; look: gaejang status");
		else if (age_s > conf_number(cfg, CONF_HEARTBEAT_OLD_S))
			find(&check, "heartbeat-old",
			     "the worker's heartbeat is old; look: gaejang status, then: gaejang kill or "
			     "gaejang run gate");
		else if (now.us > open.us + conf_number(cfg, CONF_OPENING_PRINT_S) * US_PER_S &&
			 lease->mode == MODE_HALT)
			find(&check, "worker-halted", "the worker has halted; look: gaejang why");
	}
	return check;
}

static enum reason ask(struct house *house, struct check *check)
{
	static struct phase_record records[PHASE_COUNT];
	struct calendar_day day;
	struct lease_row lease;
	enum reason why = calendar_at(&house->cal, house->day, &day);

	if (why != REASON_OK || !day.trading)
		return why;
	why = login_open(&house->cfg, house->acct, ROLE_ALERTS, "gj_deadman", &house->db);
	if (why == REASON_OK)
		why = tbl_account_find(house->db, house->acct->name, &house->account);
	if (why == REASON_OK)
		why = tbl_phase_records(house->db, house->account.account_id, house->day, records);
	if (why == REASON_OK)
		why = tbl_lease_read(house->db, house->account.account_id, &lease);
	if (why == REASON_OK)
		*check = judge(&house->cfg, &day, records, &lease, clock_wall(house->clock));
	return why;
}

/* Says it on standard error each time, for cron's mail and whoever runs it, and to the channel once. */
static enum reason tell(const struct house *house, const struct check *check, const char *who)
{
	/* A configuration that was not loaded leaves no clock either; the host's is good enough to count minutes with. */
	struct wall now = { house->clock != NULL ? clock_wall(house->clock).us
						 : (int64_t)time(NULL) * US_PER_S };
	struct channel channel;
	enum reason why = REASON_OK;

	if (house->cfg.path[0] != '\0')
		channel_of_conf(&house->cfg, &channel);
	else
		why = channel_of_file(house->args.config, &channel);
	if (why != REASON_OK) {
		fprintf(stderr,
			"deadman: %s: %s (nobody is told: the file names no alert channel to believe)\n",
			check->code, check->text);
		return why;
	}
	fprintf(stderr, "deadman: %s: %s\n", check->code, check->text);
	why = channel_send_once(&channel, who, "CRIT", check->code, check->text, now);
	if (why != REASON_OK)
		fprintf(stderr, "deadman: and the alert channel failed: %s\n", reason_detail());
	return why;
}

int main(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	struct check check = { 0 };
	struct channel channel;
	char who[64];
	enum reason why;

	if (sodium_init() < 0)
		return 70;
	ops_parse(argc, argv, "cad", "",
		  "Every minute from cron: is there a verdict, does the worker live? Speaks through the "
		  "alert channel itself.",
		  &args);
	if (args.word_count > 0) {
		fprintf(stderr, "deadman: '%.40s' is not an option; deadman --help lists them\n",
			args.words[0]);
		return 64;
	}
	why = house_open(&house, &args, NEED_CONF | NEED_CALENDAR | NEED_CLOCK, NULL);
	if (why == REASON_OK)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	if (why == REASON_OK)
		why = ask(&house, &check);
	/* Not being able to ask is itself the alarm. */
	if (why != REASON_OK)
		find(&check, "deadman-blind", reason_detail());
	(void)snprintf(who, sizeof(who), "deadman-%s", house.acct != NULL ? house.acct->name : "blind");
	if (check.code != NULL) {
		(void)tell(&house, &check, who);
	} else {
		channel_of_conf(&house.cfg, &channel);
		channel_forget(&channel, who);
		channel_forget(&channel, "deadman-blind");
	}
	house_close(&house);
	if (why != REASON_OK)
		return reason_exit(why);
	return check.code != NULL ? 1 : 0;
}
