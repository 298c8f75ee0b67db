/* alerts - sends what the outbox holds through the alert channel, once a minute from cron; every try leaves its row. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "ops/channel.h"
#include "ops/house.h"
#include "shared/base/bug.h"
#include "shared/base/banned.h"

/* One sender at a time: a slow command or a second account's line must not send what another is about to send. False
 * when one is at it. The descriptor is held to the end of the process. */
static enum reason alone(const struct house *house, bool *out_alone)
{
	char path[FILE_PATH_SIZE];
	enum reason why = file_join(conf_text(&house->cfg, CONF_STATE_DIR), "alerts.lock", path);
	int fd;

	if (why != REASON_OK)
		return why;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return reason_set(REASON_FILE_RIGHTS, "cannot open %s: %s; correct its owner or mode", path,
				  strerror(errno));
	*out_alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
	return REASON_OK;
}

static enum reason send_all(struct house *house, int *out_sent, int *out_failed)
{
	static struct alert_row rows[256];
	static const char *const levels[] = {
		[FINDING_INFO] = "INFO", [FINDING_WARN] = "WARN", [FINDING_CRIT] = "CRIT"
	};
	struct channel channel;
	int count = 0;
	enum reason why = tbl_alert_unsent(house->db, rows, (int)ARRAY_COUNT(rows), &count);

	channel_of_conf(&house->cfg, &channel);
	for (int i = 0; i < count && why == REASON_OK; i++) {
		enum reason sent = channel_send(&channel, levels[rows[i].level], rows[i].code, rows[i].text);

		*out_sent += sent == REASON_OK;
		*out_failed += sent != REASON_OK;
		why = tbl_alert_event(house->db, rows[i].alert_id, sent == REASON_OK ? "SENT" : "SEND_FAILED",
				      clock_wall(house->clock), "alerts",
				      sent == REASON_OK ? "" : reason_code(sent));
	}
	return why;
}

int main(int argc, char **argv)
{
	struct house house = HOUSE_INIT;
	struct ops_args args;
	int sent = 0, failed = 0;
	bool mine = false;
	enum reason why;

	if (sodium_init() < 0)
		return 70;
	ops_parse(argc, argv, "ca", "", "Sends the alert outbox through the configured channel.", &args);
	if (args.word_count > 0) {
		fprintf(stderr, "alerts: '%.40s' is not an option; alerts --help lists them\n",
			args.words[0]);
		return 64;
	}
	why = house_open(&house, &args, NEED_CONF | NEED_CLOCK, NULL);
	if (why == REASON_OK)
		why = conf_account_find(&house.cfg, args.account, &house.acct);
	if (why == REASON_OK)
		why = login_open(&house.cfg, house.acct, ROLE_ALERTS, "gj_alerts", &house.db);
	if (why == REASON_OK)
		why = alone(&house, &mine);
	if (why == REASON_OK && mine)
		why = send_all(&house, &sent, &failed);
	if (why != REASON_OK)
		fprintf(stderr, "alerts: %s\n", reason_detail());
	else if (sent + failed > 0)
		printf("%d alerts sent, %d failed\n", sent, failed);
	house_close(&house);
	return why != REASON_OK ? reason_exit(why) : (failed > 0 ? 69 : 0);
}
