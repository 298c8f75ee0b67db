#include "ops/cancel_own.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "worker/broker_login.h"
#include "shared/base/banned.h"

#define INDEX_SIZE_MAX (1024 * 1024)
#define TURN_WAIT_US   (10 * US_PER_S)

struct own_order {
	char symbol[SYMBOL_SIZE], odno[ODNO_SIZE], branch[BRANCH_SIZE], excg[EXCG_SIZE];
};

static enum reason from_rows(struct house *house, struct own_order *rows, int *out_count)
{
	struct order *orders = calloc(ORDERS_DAY_MAX, sizeof(*orders));
	int count = 0;
	enum reason why;

	if (orders == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's orders");
	why = tbl_orders_between(house->db, house->account.account_id, house->day, house->day, orders,
				 ORDERS_DAY_MAX, &count);
	for (int i = 0; i < count && why == REASON_OK; i++) {
		const struct order *o = &orders[i];

		if (o->owner != OWNER_SYS || o->kind != INTENT_NEW || o->odno[0] == '\0' ||
		    !order_live(o->state))
			continue;
		memcpy(rows[*out_count].symbol, o->symbol, sizeof(o->symbol));
		memcpy(rows[*out_count].odno, o->odno, sizeof(o->odno));
		memcpy(rows[*out_count].branch, o->branch, sizeof(o->branch));
		memcpy(rows[(*out_count)++].excg, o->excg, sizeof(o->excg));
	}
	free(orders);
	return why;
}

/* The next word of the line into `out`; false when there is none or it does not fit. */
static bool take_word(const char **at, const char *end, char *out, size_t out_size)
{
	size_t len;

	while (*at < end && **at == ' ')
		(*at)++;
	len = strcspn(*at, " \n");
	if (len == 0 || len >= out_size || *at + len > end)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

/* Lines "intent number branch symbol ...", as worker/order_thread.c writes them. Finished orders are among them: asking to
 * cancel one is refused and harms nothing. */
static enum reason from_index(struct house *house, struct own_order *rows, int *out_count)
{
	char name[64], path[FILE_PATH_SIZE], day[KST_TEXT_SIZE], intent[32];
	uint8_t *text = NULL;
	size_t text_size = 0;
	enum reason why;

	(void)snprintf(name, sizeof(name), "own-orders-%s-%.20s", kst_day_digits(house->day, day),
		       house->acct->name);
	why = file_join(conf_text(&house->cfg, CONF_STATE_DIR), name, path);
	if (why != REASON_OK || !file_exists(path))
		return why;
	why = file_read(path, INDEX_SIZE_MAX, &text, &text_size);
	for (const char *line = (const char *)text;
	     why == REASON_OK && line != NULL && *line != '\0' && *out_count < ORDERS_DAY_MAX;) {
		const char *end = strchr(line, '\n'), *at = line;
		struct own_order *row = &rows[*out_count];

		*row = (struct own_order){ .excg = "KRX" };
		if (end != NULL && take_word(&at, end, intent, sizeof(intent)) &&
		    take_word(&at, end, row->odno, sizeof(row->odno)) &&
		    take_word(&at, end, row->branch, sizeof(row->branch)) &&
		    take_word(&at, end, row->symbol, sizeof(row->symbol)))
			(*out_count)++;
		line = end != NULL ? end + 1 : NULL;
	}
	file_free(text, text_size);
	return why;
}

static enum reason cancel_one(struct house *house, struct kis *kis, const struct own_order *own,
			      struct cancel_report *report)
{
	struct kis_order_ticket ticket = { .kind = INTENT_CANCEL };
	struct kis_order_result result = { .fate = FATE_NOT_SENT };
	enum reason why = kis_order_turn(kis, wall_add_us(clock_wall(house->clock), TURN_WAIT_US));

	memcpy(ticket.symbol, own->symbol, sizeof(ticket.symbol));
	memcpy(ticket.excg, own->excg, sizeof(ticket.excg));
	memcpy(ticket.orig_odno, own->odno, sizeof(ticket.orig_odno));
	memcpy(ticket.branch, own->branch, sizeof(ticket.branch));
	ticket.marked = clock_real_mono();
	report->asked++;
	if (why == REASON_OK)
		why = kis_cancel_once(kis, &ticket, conf_number(&house->cfg, CONF_SEND_MARK_MS), &result);
	report->confirmed += result.fate == FATE_ACCEPTED;
	report->refused += result.fate == FATE_REFUSED;
	report->doubt += result.fate == FATE_DOUBT || result.fate == FATE_NOT_SENT;
	printf("order %s %s: %s\n", own->odno, own->symbol,
	       result.fate == FATE_ACCEPTED  ? "cancel accepted"
	       : result.fate == FATE_REFUSED ? "nothing left to cancel"
					     : reason_detail());
	return result.fate == FATE_REFUSED ? REASON_OK : why;
}

static enum reason cancel_all(struct house *house, const struct own_order *rows, int count,
			      struct cancel_report *report)
{
	struct kis_login *login = sodium_malloc(sizeof(*login));
	struct kis_setup setup = {
		.cfg = &house->cfg, .clock = house->clock, .seat = house->seat, .login = login
	};
	struct kis_keys *keys = NULL;
	struct kis *kis = NULL;
	enum reason why =
		login == NULL ? reason_set(REASON_NO_MEMORY, "no locked memory; raise ulimit -l") : REASON_OK;

	if (why == REASON_OK && !kis_env_parse(house->acct->env, &setup.env))
		why = reason_set(REASON_CONF_RANGE, "account %s: env is real or paper", house->acct->name);
	if (why == REASON_OK)
		why = broker_keys_open(&house->cfg, house->acct, ROLE_OPERATOR, &keys);
	if (why == REASON_OK && house->db == NULL)
		why = reason_set(REASON_DB_AWAY,
				 "the token is in the database, which is away: cancel the %d orders of the "
				 "index in the broker's app",
				 count);
	if (why == REASON_OK)
		why = broker_token_read(&house->cfg, house->acct, ROLE_OPERATOR, house->db,
					house->account.account_id, clock_wall(house->clock), login);
	setup.keys = keys;
	if (why == REASON_OK)
		why = kis_open(&setup, &kis);
	for (int i = 0; i < count && kis != NULL; i++) {
		enum reason one = cancel_one(house, kis, &rows[i], report);

		why = why == REASON_OK ? one : why;
	}
	kis_close(kis);
	broker_keys_close(keys);
	sodium_free(login);
	return why;
}

enum reason cancel_own(struct house *house, struct cancel_report *out)
{
	struct own_order *rows = calloc(ORDERS_DAY_MAX, sizeof(*rows));
	int count = 0;
	enum reason why;

	*out = (struct cancel_report){ 0 };
	if (rows == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the day's orders");
	why = house->db != NULL ? from_rows(house, rows, &count) : from_index(house, rows, &count);
	if (why == REASON_OK && count > 0)
		why = cancel_all(house, rows, count, out);
	free(rows);
	return why;
}
