/* gaejang kill, resume, release, ack - a person's word. The stop is stored first, with no dependency; then everything else. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ops/cancel_own.h"
#include "ops/house.h"
#include "ops/process.h"
#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "worker/stop_file.h"
#include "shared/base/banned.h"

/* Has the worker said that it stopped? Real time: a kill does not wait for a virtual clock. */
static bool wait_confirmed(struct house *house, pid_t pid, int64_t wait_ms)
{
	struct mono begin = clock_real_mono();
	const struct timespec pause = { .tv_sec = 0, .tv_nsec = 20 * 1000 * 1000 };
	struct lease_row lease;

	while ((clock_real_mono().ns - begin.ns) / 1000000 < wait_ms) {
		if (!process_alive(pid))
			return true;
		if (tbl_lease_read(house->db, house->account.account_id, &lease) == REASON_OK &&
		    lease.mode == MODE_HALT)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

/* *out_cancels: a living worker confirmed, and cancels its orders itself. */
static enum reason stop_worker(struct house *house, bool *out_cancels)
{
	struct lease_row lease;
	enum reason why = tbl_lease_read(house->db, house->account.account_id, &lease);
	pid_t pid;

	*out_cancels = false;
	if (why != REASON_OK)
		return why;
	pid = process_of_holder(lease.holder);
	if (lease.kind != LEASE_TRADE || pid == 0) {
		puts("no worker runs on this host");
		return REASON_OK;
	}
	(void)kill(pid, SIGUSR1);
	if (wait_confirmed(house, pid, conf_number(&house->cfg, CONF_KILL_CONFIRM_MS))) {
		printf("the worker (pid %d) has stopped trading; it cancels its open orders\n", (int)pid);
		*out_cancels = process_alive(pid);
		return REASON_OK;
	}
	if (kill(pid, SIGKILL) != 0 && errno != ESRCH)
		return reason_set(REASON_NO_ANSWER,
				  "the worker (pid %d) did not confirm and cannot be killed: %s; run it as "
				  "its user or root",
				  (int)pid, strerror(errno));
	printf("the worker (pid %d) did not confirm in time and was killed\n", (int)pid);
	return REASON_OK;
}

/* Nobody else ends our live orders now. `before`: trouble so far, which stays the answer. */
static enum reason end_orders(struct house *house, enum reason before)
{
	struct cancel_report report;
	char detail[DETAIL_SIZE], target[100];
	enum reason why;

	(void)snprintf(detail, sizeof(detail), "%.499s", reason_detail());
	why = cancel_own(house, &report);
	if (report.asked > 0 || why != REASON_OK) {
		(void)snprintf(target, sizeof(target), "asked %d, accepted %d, nothing left %d, not known %d",
			       report.asked, report.confirmed, report.refused, report.doubt);
		printf("own live orders: %s\n", target);
		if (house->db != NULL &&
		    tbl_operator_add(house->db, house->account.account_id, clock_wall(house->clock),
				     ops_person(&house->args), "cancel-ours", target,
				     "after the kill") != REASON_OK)
			fprintf(stderr, "gaejang kill: %s\n", reason_detail());
	} else {
		puts("no own live orders");
	}
	return before == REASON_OK ? why : reason_set(before, "%s", detail);
}

int cmd_kill(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	struct stop_word stop = { .mode = MODE_HALT };
	enum mode stands = MODE_HALT;
	bool cancels = false;
	enum reason why, stored;

	ops_parse(
		argc, argv, "carb", "",
		"Stops at once: stop file, control row, then the worker, which cancels its open orders and "
		"is killed if it does not confirm within kill_confirm_ms. Where no worker does it any more, "
		"the own live orders are cancelled from here.",
		&args);
	/* Nobody in a hurry is asked for words first; the resume asks. */
	if (args.reason == NULL)
		args.reason = "stopped by hand";
	why = ops_need_reason(&args);
	if (why == REASON_OK)
		why = house_open(&house, &args, NEED_CONF | NEED_SEAT, NULL);
	if (why == REASON_OK)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	if (why != REASON_OK) {
		house_close(&house);
		return ops_fail("kill", why);
	}
	(void)snprintf(stop.person, sizeof(stop.person), "%s", ops_person(&args));
	(void)snprintf(stop.reason, sizeof(stop.reason), "%s", args.reason);
	stop.at = clock_wall(house.clock);
	stored = stop_file_write(conf_text(&house.cfg, CONF_STATE_DIR), house.acct->name, &stop);
	if (stored == REASON_OK)
		puts("stop file written");
	else
		fprintf(stderr, "gaejang kill: %s; going on with the database\n", reason_detail());
	why = login_open(&house.cfg, house.acct, ROLE_OPERATOR, "gj_operator", &house.db);
	if (why == REASON_OK)
		why = tbl_account_find(house.db, house.acct->name, &house.account);
	if (why == REASON_OK)
		why = tbl_control_lower(house.db, house.account.account_id, MODE_HALT, args.reason,
					stop.person, stop.at, &stands);
	if (why == REASON_OK) {
		puts("control row says HALT");
		why = tbl_operator_add(house.db, house.account.account_id, stop.at, stop.person, "kill", "",
				       args.reason);
	}
	if (why == REASON_OK)
		why = stop_worker(&house, &cancels);
	if (!cancels)
		why = end_orders(&house, why);
	if (why == REASON_OK)
		why = stored;
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("kill", why);
}

int cmd_resume(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	enum mode mode = MODE_TRADE;
	enum reason why;

	ops_parse(argc, argv, "carb", "[TRADE|REDUCE|OBSERVE]",
		  "Raises the mode after a stop. From HALT a reconcile accepted after the stop is "
		  "needed before anything trades.",
		  &args);
	why = ops_need_reason(&args);
	if (why == REASON_OK && args.word_count > 0 && !mode_parse(args.words[0], &mode))
		why = reason_set(REASON_BAD_USAGE, "%s is not TRADE, REDUCE or OBSERVE", args.words[0]);
	if (why == REASON_OK)
		why = house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT,
				 "gj_operator");
	/* The row first: while the file is still there, nothing trades whatever the row says. */
	if (why == REASON_OK)
		why = db_begin(house.db);
	if (why == REASON_OK) {
		why = tbl_control_resume(house.db, house.account.account_id, mode, args.reason,
					 ops_person(&args), clock_wall(house.clock));
		if (why == REASON_OK)
			why = tbl_operator_add(house.db, house.account.account_id, clock_wall(house.clock),
					       ops_person(&args), "resume", mode_text(mode), args.reason);
		why = house_commit(&house, why);
	}
	if (why == REASON_OK)
		why = stop_file_remove(conf_text(&house.cfg, CONF_STATE_DIR), house.acct->name);
	if (why == REASON_OK)
		printf("control says %s; next: gaejang rerun preflight --downstream\n", mode_text(mode));
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("resume", why);
}

int cmd_release(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	enum order_side side;
	enum reason why;

	ops_parse(argc, argv, "cadrb", "SYMBOL BUY|SELL",
		  "Unlocks a symbol and side that was locked for the day.", &args);
	if (args.word_count != 2 || !symbol_valid(args.words[0]) || !order_side_parse(args.words[1], &side)) {
		fputs("gaejang release: say a symbol and BUY or SELL, as in: gaejang release 005930 BUY "
		      "--reason \"...\"\n",
		      stderr);
		return 64;
	}
	why = ops_need_reason(&args);
	if (why == REASON_OK)
		why = house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT,
				 "gj_operator");
	if (why == REASON_OK)
		why = db_begin(house.db);
	if (why == REASON_OK) {
		why = tbl_lock_add(house.db, house.account.account_id, house.day, args.words[0], side, false,
				   "released", clock_wall(house.clock));
		if (why == REASON_OK)
			why = tbl_operator_add(house.db, house.account.account_id, clock_wall(house.clock),
					       ops_person(&args), "release", args.words[0], args.reason);
		why = house_commit(&house, why);
	}
	if (why == REASON_OK)
		printf("%s %s is unlocked; a running worker takes it over at its next restart\n",
		       args.words[0], args.words[1]);
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("release", why);
}

int cmd_ack(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	static struct alert_row rows[256];
	int count = 0, done = 0;
	enum reason why;

	ops_parse(argc, argv, "cadrb", "[CODE]",
		  "Acknowledges the day's open alerts of a code, or all of them.", &args);
	why = ops_need_reason(&args);
	if (why == REASON_OK)
		why = house_open(&house, &args, NEED_CONF | NEED_CLOCK | NEED_DB | NEED_ACCOUNT,
				 "gj_operator");
	if (why == REASON_OK) {
		why = tbl_alert_open(house.db, house.account.account_id, house.day, rows,
				     (int)ARRAY_COUNT(rows), &count);
		if (why == REASON_OVERFLOW) {
			count = (int)ARRAY_COUNT(rows);
			printf("more than %d alerts are open; these first, then say it again for the rest\n",
			       count);
			why = REASON_OK;
		}
	}
	for (int i = 0; i < count && why == REASON_OK; i++) {
		if (rows[i].acknowledged || (args.word_count > 0 && strcmp(args.words[0], rows[i].code) != 0))
			continue;
		why = tbl_alert_event(house.db, rows[i].alert_id, "ACKNOWLEDGED", clock_wall(house.clock),
				      ops_person(&args), args.reason);
		done++;
	}
	if (why == REASON_OK)
		why = tbl_operator_add(house.db, house.account.account_id, clock_wall(house.clock),
				       ops_person(&args), "acknowledge",
				       args.word_count > 0 ? args.words[0] : "all", args.reason);
	if (why == REASON_OK)
		printf("alerts acknowledged: %d\n", done);
	house_close(&house);
	return why == REASON_OK ? 0 : ops_fail("ack", why);
}
