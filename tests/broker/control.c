/* control - the control socket: one JSON object a line in, one out. What it takes: CONTROL.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "tests/broker/broker.h"
#include "tests/broker/records.h"

#include "shared/base/banned.h"

#define CLIENTS_MAX   32
#define LINE_SIZE_MAX (16u * 1024u * 1024u)

struct client {
	int fd;
	struct buf in, out;
	size_t sent;
	bool watched_out;
};
struct control {
	struct broker *b;
	int epoll_fd, listen_fd;
	char path[108];
	struct client clients[CLIENTS_MAX];
};

/* ---- reading commands ---- */

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name, const char *otherwise)
{
	const char *text = cJSON_GetStringValue(member(object, name));

	return text == NULL ? otherwise : text;
}

/* Whole numbers up to 2^53 travel unharmed. */
static bool number_of(const cJSON *object, const char *name, int64_t *out)
{
	const cJSON *item = member(object, name);

	if (!cJSON_IsNumber(item) || item->valuedouble != (double)(int64_t)item->valuedouble)
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool seconds_of(const cJSON *object, const char *name, int64_t *out_us)
{
	const cJSON *item = member(object, name);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1e7)
		return false;
	*out_us = (int64_t)(item->valuedouble * 1000000);
	return true;
}

/* "2026-03-10 09:15:00", or a time of the broker's day. */
static bool instant_of(const struct broker *b, const char *text, struct wall *out)
{
	int32_t second;

	if (kst_wall_parse(text, out))
		return true;
	if (!kst_time_parse(text, &second))
		return false;
	*out = kst_wall(kst_day_of(broker_now(b)), second);
	return true;
}

static void copy_text(char *to, size_t to_size, const char *from)
{
	snprintf(to, to_size, "%s", from);
}

static enum reason account_of(const struct broker *b, const cJSON *command, size_t *out)
{
	const char *number = text_of(command, "account", NULL);

	*out = 0;
	if (number == NULL)
		return REASON_OK;
	for (size_t i = 0; i < exch_account_count(b->ex); i++) {
		if (strcmp(exch_account_at(b->ex, i)->number, number) == 0) {
			*out = i;
			return REASON_OK;
		}
	}
	return reason_set(REASON_BAD_USAGE, "there is no account %s", number);
}

/* ---- truth ---- */

/* Ten digits, as the lists carry numbers. */
static void odno_text(const char *text, char out[static EXCH_ODNO_SIZE])
{
	size_t len = strlen(text);

	if (len == 0 || len > 10) {
		out[0] = '\0';
		return;
	}
	memset(out, '0', 10 - len);
	memcpy(out + 10 - len, text, len + 1);
}

static enum reason order_row(struct broker *b, size_t account, const cJSON *row, bool book)
{
	const char *odno = text_of(row, "odno", NULL), *side = text_of(row, "side", NULL),
		   *time = text_of(row, "time", NULL);
	const char *type = text_of(row, "type", NULL), *orig = text_of(row, "orig", NULL);
	struct exch_order o = { .account = account, .copies = 1, .remaining_qty = -1, .truth = true };
	const struct exch_order *before;
	struct wall at = broker_now(b);
	int64_t number, wait_us;

	if (odno == NULL || *odno == '\0' || strlen(odno) > 10)
		return reason_set(REASON_BAD_USAGE, "an order row needs \"odno\", up to ten digits");
	if (time != NULL && !instant_of(b, time, &at))
		return reason_set(REASON_BAD_USAGE, "order %s: \"%s\" is no time", odno, time);
	odno_text(odno, o.odno);
	o.at = at;
	o.day = kst_day_of(at);
	copy_text(o.dvsn, sizeof o.dvsn, "00");
	copy_text(o.excg, sizeof o.excg, "KRX");
	copy_text(o.by, sizeof o.by, "API");
	before = exch_order_of(b->ex, o.day, o.odno);
	if (before != NULL) {
		o = *before;
		o.remaining_qty = -1;
		if (time != NULL)
			o.at = at;
	} else {
		o.side = EXCH_BUY;
	}
	if (side != NULL && strcmp(side, "BUY") != 0 && strcmp(side, "SELL") != 0)
		return reason_set(REASON_BAD_USAGE, "order %s: side is BUY or SELL", odno);
	if (side != NULL)
		o.side = strcmp(side, "BUY") == 0 ? EXCH_BUY : EXCH_SELL;
	copy_text(o.code, sizeof o.code, text_of(row, "symbol", o.code));
	if (type != NULL)
		copy_text(o.dvsn, sizeof o.dvsn,
			  strcmp(type, "MARKET") == 0  ? "01"
			  : strcmp(type, "LIMIT") == 0 ? "00"
						       : type);
	if (orig != NULL) {
		odno_text(orig, o.orig);
		o.kind = EXCH_ORDER_MODIFY;
	}
	copy_text(o.excg, sizeof o.excg, text_of(row, "excg", o.excg));
	copy_text(o.branch, sizeof o.branch, text_of(row, "branch", o.branch));
	copy_text(o.by, sizeof o.by, text_of(row, "by", o.by));
	if (number_of(row, "qty", &number))
		o.qty = number;
	if (number_of(row, "price", &number))
		o.price_won = number;
	if (type == NULL && before == NULL && o.price_won == 0 && orig == NULL)
		copy_text(o.dvsn, sizeof o.dvsn, "01");
	if (number_of(row, "filled", &number)) {
		o.filled_won = o.price_won * number; /* unless "amount" says better */
		o.filled_qty = number;
	}
	if (number_of(row, "amount", &number))
		o.filled_won = number;
	if (number_of(row, "cancelled", &number))
		o.cancelled_qty = number;
	if (number_of(row, "rejected", &number))
		o.rejected_qty = number;
	if (number_of(row, "remaining", &number))
		o.remaining_qty = number;
	if (number_of(row, "copies", &number) && number > 0 && number < 10)
		o.copies = (uint32_t)number;
	if (orig != NULL && o.cancelled_qty == o.qty && o.filled_qty == 0)
		o.kind = EXCH_ORDER_CANCEL;
	if (seconds_of(row, "visible_after", &wait_us))
		o.visible_at = wall_add_us(broker_now(b), wait_us);
	return exch_truth_order(b->ex, &o, book);
}

enum reason control_truth_order(struct broker *b, const cJSON *row)
{
	size_t account;
	enum reason why = account_of(b, row, &account);

	return why != REASON_OK ? why : order_row(b, account, row, false);
}

static enum reason truth_orders(struct broker *b, size_t account, const cJSON *rows, bool replace, bool book)
{
	const cJSON *row;
	enum reason why = REASON_OK;

	if (replace)
		exch_truth_orders_clear(b->ex, account);
	cJSON_ArrayForEach(row, rows)
	{
		const char *odno = text_of(row, "odno", "");
		uint32_t copies = 0;
		const cJSON *other;

		/* A row written twice is sent twice. */
		cJSON_ArrayForEach(other, rows) copies += cJSON_Compare(other, row, true) ? 1u : 0u;
		if (copies > 1 && member(row, "copies") == NULL && cJSON_IsObject(row)) {
			cJSON *twin = cJSON_Duplicate(row, true);

			if (twin == NULL || cJSON_AddNumberToObject(twin, "copies", copies) == NULL) {
				cJSON_Delete(twin);
				return reason_set(REASON_NO_MEMORY, "no memory for order %s", odno);
			}
			why = order_row(b, account, twin, book);
			cJSON_Delete(twin);
		} else {
			why = order_row(b, account, row, book);
		}
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason truth_balance(struct broker *b, size_t account, const cJSON *rows, bool replace)
{
	const cJSON *row;

	if (replace)
		exch_truth_holdings_clear(b->ex, account);
	cJSON_ArrayForEach(row, rows)
	{
		struct exch_holding h = { .sellable_qty = -1 };
		int64_t avg_won = 0;
		enum reason why;

		copy_text(h.code, sizeof h.code, text_of(row, "symbol", ""));
		if (h.code[0] == '\0' || !number_of(row, "qty", &h.qty))
			return reason_set(REASON_BAD_USAGE, "a balance row needs \"symbol\" and \"qty\"");
		number_of(row, "sellable", &h.sellable_qty);
		number_of(row, "other_day", &h.other_day_qty);
		if (number_of(row, "avg", &avg_won))
			h.cost_won = avg_won * h.qty;
		number_of(row, "cost", &h.cost_won);
		why = exch_truth_holding(b->ex, account, &h, cJSON_IsTrue(member(row, "remove")));
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

/* {"symbol","qty"}: shares of the balance that come from the day before. */
static enum reason truth_other_day(struct broker *b, size_t account, const cJSON *rows)
{
	struct exch_holding *held = NULL;
	size_t held_count = 0;
	const cJSON *row;
	enum reason why = exch_holdings_list(b->ex, account, true, &held, &held_count);

	if (why != REASON_OK)
		return why;
	cJSON_ArrayForEach(row, rows)
	{
		const char *code = text_of(row, "symbol", "");

		for (size_t i = 0; i < held_count && why == REASON_OK; i++) {
			if (strcmp(held[i].code, code) != 0)
				continue;
			if (!number_of(row, "qty", &held[i].other_day_qty))
				why = reason_set(REASON_BAD_USAGE, "other_day_trades of %s needs \"qty\"",
						 code);
			else
				why = exch_truth_holding(b->ex, account, &held[i], false);
		}
	}
	free(held);
	return why;
}

static enum reason truth_reservations(struct broker *b, size_t account, const cJSON *rows)
{
	const cJSON *row;

	exch_truth_resv_clear(b->ex, account);
	cJSON_ArrayForEach(row, rows)
	{
		struct exch_resv r = { .account = account, .side = EXCH_BUY };
		const char *side = text_of(row, "side", "BUY"), *end = text_of(row, "period_end", NULL);
		const char *send = text_of(row, "send_day", NULL), *seq = text_of(row, "odno", NULL);
		struct wall at = broker_now(b);
		int64_t wait_us;
		enum reason why;

		if (!number_of(row, "seq", &r.seq) && seq != NULL)
			r.seq = strtoll(seq, NULL, 10);
		if (text_of(row, "time", NULL) != NULL && !instant_of(b, text_of(row, "time", ""), &at))
			return reason_set(REASON_BAD_USAGE, "a reservation's \"time\" is no time");
		r.taken_day = kst_day_of(at);
		r.taken_s = kst_second_of(at);
		r.send_day = exch_today(b->ex)->day;
		if ((send != NULL && !kst_day_parse(send, &r.send_day)) ||
		    (end != NULL && !kst_day_parse(end, &r.period_end)))
			return reason_set(REASON_BAD_USAGE, "a reservation's day is no date");
		if (strcmp(side, "SELL") == 0)
			r.side = EXCH_SELL;
		copy_text(r.code, sizeof r.code, text_of(row, "symbol", ""));
		copy_text(r.dvsn, sizeof r.dvsn,
			  strcmp(text_of(row, "type", "LIMIT"), "MARKET") == 0 ? "01" : "00");
		copy_text(r.by, sizeof r.by, text_of(row, "by", "HAND"));
		number_of(row, "qty", &r.qty);
		number_of(row, "price", &r.price_won);
		r.processed = cJSON_IsTrue(member(row, "processed"));
		if (seconds_of(row, "visible_after", &wait_us))
			r.visible_at = wall_add_us(broker_now(b), wait_us);
		why = exch_truth_resv(b->ex, &r);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason truth_rights(struct broker *b, size_t account, const cJSON *rows)
{
	const cJSON *row;

	b->right_count = 0;
	cJSON_ArrayForEach(row, rows)
	{
		const char *kind = text_of(row, "kind", ""), *day = text_of(row, "day", "");
		struct right_row r = { .account = account };

		if (b->right_count == RIGHTS_MAX || !kst_day_parse(day, &r.day))
			return reason_set(REASON_BAD_USAGE,
					  "a right needs \"day\" as a date; at most %d rights", RIGHTS_MAX);
		copy_text(r.code, sizeof r.code, text_of(row, "symbol", ""));
		copy_text(r.type, sizeof r.type,
			  strcmp(kind, "SPLIT") == 0           ? "14"
			  : strcmp(kind, "CONSOLIDATION") == 0 ? "15"
			  : strcmp(kind, "BONUS") == 0         ? "02"
			  : strlen(kind) == 2                  ? kind
							       : "99");
		number_of(row, "from", &r.qty_before);
		number_of(row, "to", &r.qty_after);
		b->rights[b->right_count++] = r;
	}
	return REASON_OK;
}

static enum reason truth_calendar(struct broker *b, const cJSON *days)
{
	b->calendar_edit_count = 0;
	for (const cJSON *day = days->child; day != NULL; day = day->next) {
		struct calendar_edit *edit = &b->calendar_edits[b->calendar_edit_count];
		const char *state = cJSON_GetStringValue(day);

		if (b->calendar_edit_count == CALENDAR_EDITS || state == NULL ||
		    (strcmp(state, "open") != 0 && strcmp(state, "closed") != 0) ||
		    !kst_day_parse(day->string, &edit->day))
			return reason_set(REASON_BAD_USAGE, "calendar: dates with \"open\" or \"closed\"");
		edit->open = strcmp(state, "open") == 0;
		b->calendar_edit_count++;
	}
	return REASON_OK;
}

static enum reason truth_prices(struct broker *b, const cJSON *rows)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		const char *code = text_of(row, "symbol", "");
		const struct exch_quote *q = exch_quote_of(b->ex, code);
		int64_t prev_won = q != NULL ? q->prev_close_won : 0, last_won = 0;
		enum reason why;

		number_of(row, "prev_close", &prev_won);
		if (!number_of(row, "last", &last_won))
			last_won = prev_won;
		if (prev_won <= 0 || last_won <= 0)
			return reason_set(REASON_BAD_USAGE, "the prices of \"%s\" must be above 0", code);
		why = exch_symbol_put(b->ex, code, text_of(row, "name", q != NULL ? q->name : code),
				      cJSON_IsTrue(member(row, "kosdaq")), cJSON_IsTrue(member(row, "etf")),
				      prev_won, last_won);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason truth_next(struct broker *b, const cJSON *rows)
{
	const cJSON *row;

	exch_truth_next_clear(b->ex);
	cJSON_ArrayForEach(row, rows)
	{
		struct exch_next next = { .filled_won = -1, .copies = 1 };
		enum reason why;

		odno_text(text_of(row, "odno", ""), next.odno);
		number_of(row, "filled", &next.filled_qty);
		number_of(row, "amount", &next.filled_won);
		seconds_of(row, "visible_after", &next.visible_after_us);
		why = exch_truth_next(b->ex, &next);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason do_truth(struct broker *b, const cJSON *command, struct json_out *j)
{
	static const char *const known[] = { "do",       "id",      "account",      "mode",
					     "book",     "orders",  "balance",      "cash",
					     "cash_d1",  "cash_d2", "reservations", "rights",
					     "calendar", "prices",  "next",         "other_day_trades",
					     "faults" };
	bool replace = strcmp(text_of(command, "mode", "merge"), "replace") == 0;
	int64_t cash_won = INT64_MIN, d1_won = INT64_MIN, d2_won = INT64_MIN;
	const cJSON *part;
	size_t account = 0;
	enum reason why = account_of(b, command, &account);
	char *ledger;

	for (const cJSON *key = command->child; key != NULL && why == REASON_OK; key = key->next) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_COUNT(known); i++)
			found = found || strcmp(known[i], key->string) == 0;
		if (!found)
			why = reason_set(REASON_BAD_USAGE, "truth has no part \"%s\"", key->string);
	}
	if (why == REASON_OK && (part = member(command, "prices")) != NULL)
		why = truth_prices(b, part);
	if (why == REASON_OK && (part = member(command, "calendar")) != NULL)
		why = truth_calendar(b, part);
	if (why == REASON_OK && (part = member(command, "orders")) != NULL)
		why = truth_orders(b, account, part, replace, cJSON_IsTrue(member(command, "book")));
	if (why == REASON_OK && (part = member(command, "balance")) != NULL)
		why = truth_balance(b, account, part, replace);
	if (why == REASON_OK && (part = member(command, "other_day_trades")) != NULL)
		why = truth_other_day(b, account, part);
	if (why == REASON_OK && (part = member(command, "reservations")) != NULL)
		why = truth_reservations(b, account, part);
	if (why == REASON_OK && (part = member(command, "rights")) != NULL)
		why = truth_rights(b, account, part);
	if (why == REASON_OK && (part = member(command, "next")) != NULL)
		why = truth_next(b, part);
	if (why == REASON_OK && (part = member(command, "faults")) != NULL)
		why = faults_set(&b->faults, part);
	if (why != REASON_OK)
		return why;
	if (number_of(command, "cash", &cash_won))
		d1_won = d2_won = cash_won;
	number_of(command, "cash_d1", &d1_won);
	number_of(command, "cash_d2", &d2_won);
	if (cash_won != INT64_MIN || d1_won != INT64_MIN || d2_won != INT64_MIN)
		exch_truth_cash(b->ex, account, cash_won, d1_won, d2_won);
	ledger = exch_ledger_json(b->ex);
	json_bare(j, "ledger", ledger != NULL ? ledger : "null");
	free(ledger);
	return REASON_OK;
}

/* ---- other commands ---- */

static enum reason do_cash(struct broker *b, const cJSON *command, struct json_out *j)
{
	int64_t cash_won, d1_won, d2_won;
	size_t account = 0;
	enum reason why = account_of(b, command, &account);
	struct exch_cash now;

	(void)j;
	if (why != REASON_OK)
		return why;
	if (!number_of(command, "cash", &cash_won))
		return reason_set(REASON_BAD_USAGE, "cash needs \"cash\": whole won");
	exch_cash_of(b->ex, account, &now);
	d1_won = d2_won = cash_won;
	number_of(command, "d1", &d1_won);
	number_of(command, "d2", &d2_won);
	exch_truth_cash(b->ex, account, cash_won, d1_won, d2_won);
	return REASON_OK;
}

static enum reason do_faults(struct broker *b, const cJSON *command, struct json_out *j)
{
	const cJSON *list = member(command, "set");
	struct buf report = BUF_INIT;

	if (list != NULL) {
		enum reason why = faults_set(&b->faults, list);

		if (why != REASON_OK)
			return why;
	}
	faults_report(&b->faults, &report);
	json_bare(j, "faults", buf_text(&report));
	buf_clear(&report);
	return REASON_OK;
}

static enum reason do_tick(struct broker *b, const cJSON *command, struct json_out *j)
{
	const char *code = text_of(command, "symbol", "");
	int64_t price_won = 0, qty = 1;

	(void)j;
	number_of(command, "qty", &qty);
	if (!number_of(command, "price", &price_won) || !exch_push_tick(b->ex, code, price_won, qty))
		return reason_set(REASON_BAD_USAGE,
				  "a tick needs a known \"symbol\" and a \"price\" above 0");
	return REASON_OK;
}

/* A notice built from a row of the truth and whatever the command says otherwise. */
static enum reason do_notice(struct broker *b, const cJSON *command, struct json_out *j)
{
	char odno[EXCH_ODNO_SIZE], orig[EXCH_ODNO_SIZE];
	const struct exch_order *row;
	const char *number, *time = text_of(command, "time", NULL), *side = text_of(command, "side", NULL),
			    *code;
	bool wide = record_notice_fields(b) >= 26;
	int64_t qty = 0, price_won = 0, order_qty = 0, order_won = 0;
	struct wall at = broker_now(b);
	const struct login *who = NULL;
	const struct exch_quote *q;
	const struct fault *more;
	struct buf plain = BUF_INIT;
	size_t account = 0;
	int32_t s;
	enum reason why = account_of(b, command, &account);

	(void)j;
	if (why != REASON_OK)
		return why;
	odno_text(text_of(command, "odno", ""), odno);
	row = exch_order_of(b->ex, kst_day_of(at), odno);
	if (time != NULL && !instant_of(b, time, &at))
		return reason_set(REASON_BAD_USAGE, "notice: \"%s\" is no time", time);
	odno_text(text_of(command, "orig", row != NULL ? row->orig : ""), orig);
	code = text_of(command, "symbol", row != NULL ? row->code : "");
	if (row != NULL) {
		order_qty = qty = row->qty;
		order_won = price_won = row->price_won;
	}
	number_of(command, "qty", &qty);
	number_of(command, "price", &price_won);
	if (!number_of(command, "oder_qty", &order_qty) && row == NULL)
		order_qty = qty;
	if (row == NULL)
		order_won = price_won;
	for (size_t i = 0; i < b->login_count && who == NULL; i++) {
		if (b->logins[i].account == account)
			who = &b->logins[i];
	}
	number = exch_account_at(b->ex, account)->number;
	q = exch_quote_of(b->ex, code);
	s = kst_second_of(at);
	buf_fmt(&plain, "%s^%.8s%.2s^%s^%s^", who != NULL ? who->htsid : "", number, number + 9, odno, orig);
	buf_fmt(&plain, "%s^%s^%s^%s^%s^",
		side != NULL                            ? (strcmp(side, "SELL") == 0 ? "01" : "02")
		: row != NULL && row->side == EXCH_SELL ? "01"
							: "02",
		text_of(command, "rctf_cls", "0"),
		text_of(command, "oder_kind", row != NULL ? row->dvsn : "00"),
		text_of(command, "oder_cond", "0"), code);
	buf_fmt(&plain, "%010lld^%09lld^%02d%02d%02d^", (long long)qty, (long long)price_won, s / 3600,
		s / 60 % 60, s % 60);
	buf_fmt(&plain, "%s^%s^%s^%s^%09lld^%s^", text_of(command, "rfus_yn", "0"),
		text_of(command, "cntg_yn", "2"),
		text_of(command, "acpt_yn", strcmp(text_of(command, "cntg_yn", "2"), "2") == 0 ? "2" : "1"),
		text_of(command, "brnc_no",
			row != NULL ? row->branch : exch_account_at(b->ex, account)->branch),
		(long long)order_qty, who != NULL ? who->name : "");
	buf_puts(&plain, wide ? "^1^Y^^10^^" : "1Y^10^^");
	buf_fmt(&plain, "%s^%09lld", q != NULL ? q->name : code, (long long)order_won);
	more = faults_standing(&b->faults, "ws", FAULT_extra_fields);
	for (int64_t i = 0; more != NULL && i < more->number; i++)
		buf_puts(&plain, "^0");
	feed_notice_push(b->feed, account, buf_text(&plain));
	buf_clear(&plain);
	return REASON_OK;
}

static enum reason do_frame(struct broker *b, const cJSON *command, struct json_out *j)
{
	(void)j;
	feed_frame_push(b->feed, text_of(command, "text", ""));
	return REASON_OK;
}

static enum reason do_clock(struct broker *b, const cJSON *command, struct json_out *j)
{
	const char *pace = text_of(command, "pace", NULL), *step = text_of(command, "step", NULL);
	const char *until = text_of(command, "until", NULL);
	int64_t speed_ppm = 1000000;
	struct wall to = CLOCK_NEVER;
	enum reason why = REASON_OK;
	char text[512];

	if (!clock_is_virtual(b->clk))
		return reason_set(REASON_BAD_USAGE,
				  "the clock is the host's; start with --clock virtual or --day");
	number_of(command, "speed_ppm", &speed_ppm);
	if (until != NULL && !instant_of(b, until, &to))
		return reason_set(REASON_BAD_USAGE, "\"%s\" is no instant to stand at", until);
	if (pace != NULL) {
		why = clock_set_limit(b->clk, to);
		if (why != REASON_OK)
			return why;
		if (strcmp(pace, "event") == 0)
			why = clock_set_pace(b->clk, CLOCK_EVENT, 1000000);
		else if (strcmp(pace, "still") == 0)
			why = clock_set_pace(b->clk, CLOCK_STILL, 1000000);
		else if (strcmp(pace, "speed") == 0)
			why = clock_set_pace(b->clk, CLOCK_SPEED, speed_ppm);
		else if (strcmp(pace, "on-call") == 0)
			why = clock_set_pace(b->clk, CLOCK_ON_CALL, 1000000);
		else
			why = reason_set(REASON_BAD_USAGE, "pace is event, speed, on-call or still");
	}
	if (why == REASON_OK && step != NULL) {
		if (!instant_of(b, step, &to))
			return reason_set(REASON_BAD_USAGE, "\"%s\" is no instant to step to", step);
		why = clock_step(b->clk, to);
	}
	json_text(j, "holders", clock_holders(b->clk, text, sizeof text));
	return why;
}

static enum reason do_dump(struct broker *b, const cJSON *command, struct json_out *j)
{
	char *ledger = exch_ledger_json(b->ex);

	json_text(j, "phase", exch_phase_name(exch_phase(b->ex)));
	trace_dump(b->trace, j);
	feed_report(b->feed, j);
	json_bare(j, "ledger", ledger != NULL ? ledger : "null");
	free(ledger);
	if (cJSON_IsTrue(member(command, "reset")))
		trace_reset(b->trace);
	return REASON_OK;
}

static enum reason do_set(struct broker *b, const cJSON *command, struct json_out *j)
{
	const char *assignment = text_of(command, "set", "");
	enum reason why = settings_assign(&b->set, assignment);

	(void)j;
	if (why == REASON_OK)
		broker_exchange_settings(b);
	return why;
}

static enum reason do_halt(struct broker *b, const cJSON *command, struct json_out *j)
{
	(void)j;
	if (!exch_halt(b->ex, text_of(command, "symbol", ""), !cJSON_IsFalse(member(command, "on"))))
		return reason_set(REASON_BAD_USAGE, "halt needs a known \"symbol\"");
	return REASON_OK;
}

static enum reason do_fill(struct broker *b, const cJSON *command, struct json_out *j)
{
	int64_t qty = 0, price_won = 0;
	char odno[EXCH_ODNO_SIZE];

	(void)j;
	odno_text(text_of(command, "odno", ""), odno);
	if (!number_of(command, "qty", &qty) || !number_of(command, "price", &price_won) ||
	    !exch_truth_fill(b->ex, exch_today(b->ex)->day, odno, qty, price_won))
		return reason_set(REASON_BAD_USAGE,
				  "fill needs a live \"odno\", a \"qty\" that is open, a \"price\"");
	return REASON_OK;
}

static enum reason do_reject(struct broker *b, const cJSON *command, struct json_out *j)
{
	char odno[EXCH_ODNO_SIZE];

	(void)j;
	odno_text(text_of(command, "odno", ""), odno);
	if (!exch_truth_reject(b->ex, exch_today(b->ex)->day, odno))
		return reason_set(REASON_BAD_USAGE, "reject needs a live \"odno\"");
	return REASON_OK;
}

static enum reason do_drop(struct broker *b, const cJSON *command, struct json_out *j)
{
	(void)command;
	(void)j;
	feed_drop_all(b->feed);
	return REASON_OK;
}

static enum reason do_now(struct broker *b, const cJSON *command, struct json_out *j)
{
	(void)command;
	json_text(j, "phase", exch_phase_name(exch_phase(b->ex)));
	return REASON_OK;
}

static enum reason do_stop(struct broker *b, const cJSON *command, struct json_out *j)
{
	(void)command;
	(void)j;
	b->stop = true;
	return REASON_OK;
}

static const struct {
	const char *name;
	enum reason (*run)(struct broker *b, const cJSON *command, struct json_out *j);
} commands[] = {
	{ "now", do_now },       { "truth", do_truth },   { "cash", do_cash },   { "faults", do_faults },
	{ "tick", do_tick },     { "notice", do_notice }, { "frame", do_frame }, { "clock", do_clock },
	{ "dump", do_dump },     { "set", do_set },       { "halt", do_halt },   { "fill", do_fill },
	{ "reject", do_reject }, { "drop", do_drop },     { "stop", do_stop },
};

/* ---- lines ---- */

static void answer_line(struct broker *b, const char *line, size_t line_len, struct buf *out)
{
	cJSON *command = cJSON_ParseWithLengthOpts(line, line_len + 1, NULL, true);
	const char *what = text_of(command, "do", "");
	struct buf body = BUF_INIT;
	struct json_out j = JSON_OUT_INIT(&body);
	enum reason why = REASON_OK;
	char now[KST_TEXT_SIZE];
	size_t which = 0;

	broker_advance(b);
	while (which < ARRAY_COUNT(commands) && strcmp(commands[which].name, what) != 0)
		which++;
	json_open(&j, NULL, '{');
	json_bare(&j, "ok", "true");
	json_text(&j, "now", kst_wall_text(broker_now(b), now));
	if (!cJSON_IsObject(command) || which == ARRAY_COUNT(commands))
		why = reason_set(REASON_BAD_USAGE, "\"%s\" is no command; see tests/broker/CONTROL.md", what);
	else
		why = commands[which].run(b, command, &j);
	json_close(&j, '}');
	if (why != REASON_OK || body.failed) {
		buf_reset(&body);
		j = (struct json_out)JSON_OUT_INIT(&body);
		json_open(&j, NULL, '{');
		json_bare(&j, "ok", "false");
		json_text(&j, "error", why != REASON_OK ? reason_detail() : "the answer is too large");
		json_close(&j, '}');
	}
	buf_add(out, body.bytes, body.len);
	buf_add(out, "\n", 1);
	buf_clear(&body);
	cJSON_Delete(command);
}

static void client_close(struct control *ctl, struct client *c)
{
	epoll_ctl(ctl->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	*c = (struct client){ .fd = -1 };
}

/* False = the client is gone. */
static bool client_write(struct control *ctl, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.bytes + c->sent, c->out.len - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
			return false;
		c->sent += (size_t)n;
	}
	if (c->sent == c->out.len) {
		buf_reset(&c->out);
		c->sent = 0;
	}
	if ((c->out.len > 0) != c->watched_out) {
		c->watched_out = c->out.len > 0;
		ev.events = c->watched_out ? EPOLLIN | EPOLLOUT : EPOLLIN;
		epoll_ctl(ctl->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
	}
	return true;
}

static bool client_read(struct control *ctl, struct client *c)
{
	char bytes[16384];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	if (n == 0)
		return false;
	buf_add(&c->in, bytes, (size_t)n);
	if (c->in.failed || c->in.len > LINE_SIZE_MAX)
		return false;
	for (char *end; c->in.len > 0 && (end = memchr(c->in.bytes, '\n', c->in.len)) != NULL;) {
		size_t line_len = (size_t)(end - c->in.bytes);

		*end = '\0';
		answer_line(ctl->b, c->in.bytes, line_len, &c->out);
		buf_drop_front(&c->in, line_len + 1);
	}
	feed_flush(ctl->b->feed); /* lines that came together are one instant, and may share frames */
	return !c->out.failed;
}

static void control_accept(struct control *ctl)
{
	int fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &ctl->clients[i];
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		if (c->fd >= 0)
			continue;
		if (epoll_ctl(ctl->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
			break;
		c->fd = fd;
		return;
	}
	close(fd);
}

enum reason control_open(struct broker *b, int epoll_fd, const char *path, struct control **out)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct control *ctl = calloc(1, sizeof *ctl);
	struct epoll_event ev = { .events = EPOLLIN };

	if (ctl == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the control socket");
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		ctl->clients[i].fd = -1;
	if (strlen(path) >= sizeof at.sun_path) {
		free(ctl);
		return reason_set(REASON_PATH_LONG, "the control socket's path is over 107 bytes: %s", path);
	}
	copy_text(at.sun_path, sizeof at.sun_path, path);
	copy_text(ctl->path, sizeof ctl->path, path);
	ctl->b = b;
	ctl->epoll_fd = epoll_fd;
	unlink(path); /* of a simulator that was killed */
	ctl->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ev.data.ptr = ctl;
	if (ctl->listen_fd < 0 || bind(ctl->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    chmod(path, 0600) != 0 || listen(ctl->listen_fd, 8) != 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ctl->listen_fd, &ev) != 0) {
		int error = errno;

		if (ctl->listen_fd >= 0)
			close(ctl->listen_fd);
		free(ctl);
		return reason_set(REASON_FILE_RIGHTS, "the control socket %s cannot be made: %s", path,
				  strerror(error));
	}
	*out = ctl;
	return REASON_OK;
}

void control_close(struct control *ctl)
{
	if (ctl == NULL)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (ctl->clients[i].fd >= 0)
			client_close(ctl, &ctl->clients[i]);
	}
	close(ctl->listen_fd);
	unlink(ctl->path);
	free(ctl);
}

bool control_owns(const struct control *ctl, const void *epoll_data)
{
	if (ctl == NULL)
		return false;
	return epoll_data == ctl || ((const char *)epoll_data >= (const char *)ctl->clients &&
				     (const char *)epoll_data < (const char *)(ctl->clients + CLIENTS_MAX));
}

void control_event(struct control *ctl, void *epoll_data, uint32_t events)
{
	struct client *c = epoll_data;
	bool alive = true;

	if (epoll_data == ctl) {
		control_accept(ctl);
		return;
	}
	if (c->fd < 0)
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		alive = client_read(ctl, c);
	if (c->out.len > 0 && !client_write(ctl, c))
		alive = false;
	if (!alive)
		client_close(ctl, c);
}
