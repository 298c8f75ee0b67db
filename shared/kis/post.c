#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/kis/post.h"
#include "shared/base/banned.h"

enum reason ticket_bad(const char *what)
{
	return reason_set(REASON_INTERNAL, "an order ticket has no usable %s; nothing was sent", what);
}

enum reason ticket_spend(struct kis_order_ticket *ticket, struct kis_order_result *out)
{
	if (ticket->spent) {
		*out = (struct kis_order_result){ .fate = FATE_DOUBT };
		return reason_set(REASON_INTERNAL,
				  "an order ticket was used twice; the second use sent nothing");
	}
	ticket->spent = true;
	*out = (struct kis_order_result){ .fate = FATE_NOT_SENT };
	return REASON_OK;
}

enum reason ticket_common(const struct kis_order_ticket *ticket)
{
	if (!symbol_valid(ticket->symbol))
		return ticket_bad("symbol");
	if (strcmp(ticket->excg, "KRX") != 0)
		return ticket_bad("exchange");
	return REASON_OK;
}

static enum reason mark_check(const struct kis_order_ticket *ticket, int64_t mark_age_max_ms)
{
	int64_t age_ms = (clock_real_mono().ns - ticket->marked.ns) / 1000000;

	if (ticket->marked.ns <= 0 || age_ms < 0 || age_ms > mark_age_max_ms)
		return reason_set(REASON_SEND_MARK_OLD,
				  "the send mark is %lld ms old, allowed are %lld; nothing was sent",
				  (long long)age_ms, (long long)mark_age_max_ms);
	return REASON_OK;
}

static enum reason doubt(struct kis_order_result *result, const char *what)
{
	result->fate = FATE_DOUBT;
	return reason_set(REASON_BROKER_DOUBT,
			  "whether the order arrived is not known: %s; it is settled by asking, "
			  "never by sending again",
			  what);
}

/* The number that an acceptance must carry, in the reply's output object whatever its case. */
static bool number_read(const cJSON *root, struct kis_order_result *result)
{
	const cJSON *output = json_member(root, "output");
	char text[24];

	if (cJSON_IsArray(output))
		output = output->child;
	if (!json_copy(output, "ODNO", text, sizeof(text)) || text[strspn(text, "0 ")] == '\0' ||
	    !odno_normal(text, strlen(text), result->odno)) {
		result->odno[0] = '\0';
		return false;
	}
	json_copy(output, "KRX_FWDG_ORD_ORGNO", result->branch, sizeof(result->branch));
	json_copy(output, "ORD_TMD", result->time_text, sizeof(result->time_text));
	return true;
}

/* A request that may have arrived: accepted with a number, refused by the whitelist, or in doubt. */
static enum reason answer_judge(struct kis *kis, enum kis_call call, const struct http_answer *raw,
				struct kis_order_result *result)
{
	struct kis_answer answer = KIS_ANSWER_INIT;
	enum reason why;
	bool numbered;

	why = kis_envelope(kis, call, raw, &answer);
	if (why != REASON_OK)
		return doubt(result, "the answer cannot be read");
	memcpy(result->msg_cd, answer.msg_cd, sizeof(result->msg_cd));
	memcpy(result->msg, answer.msg, sizeof(result->msg));
	numbered = number_read(answer.root, result);
	switch (answer.verdict) {
	case VERDICT_DONE:
		if (!numbered)
			why = doubt(result, "success without an order number");
		else if (raw->status != 200)
			why = doubt(result, "success inside an HTTP error");
		else
			result->fate = FATE_ACCEPTED;
		break;
	case VERDICT_DEFINITE_NO:
	case VERDICT_PACED:
	case VERDICT_TOKEN:
		if (numbered) {
			why = doubt(result, "a refusal that carries an order number");
			break;
		}
		result->fate = FATE_REFUSED;
		why = kis_refusal(call, &answer);
		if (answer.verdict == VERDICT_DEFINITE_NO) /* whatever HTTP status it came in */
			why = reason_set(REASON_BROKER_REFUSED, "%s: the broker refuses: rt_cd %s %s %s",
					 kis_contracts[call].name, answer.rt_cd, answer.msg_cd, answer.msg);
		if (answer.verdict == VERDICT_PACED)
			pace_push_back(kis->pace, LANE_ORDER,
				       wall_add_us(clock_wall(kis->setup.clock), INT64_C(1100000)));
		break;
	case VERDICT_DOUBT: why = doubt(result, "the broker's code is not a proven refusal"); break;
	}
	kis_answer_clear(&answer);
	return why;
}

enum reason kis_order_turn(struct kis *kis, struct wall until)
{
	enum reason why = pace_take(kis->pace, LANE_ORDER, kis->setup.seat, kis->setup.clock, until);

	kis->order_turn = why == REASON_OK;
	return why;
}

static enum reason turn_have(struct kis *kis, int64_t mark_age_max_ms)
{
	bool had = kis->order_turn;

	kis->order_turn = false;
	if (had)
		return REASON_OK;
	return pace_take(kis->pace, LANE_ORDER, kis->setup.seat, kis->setup.clock,
			 wall_add_us(clock_wall(kis->setup.clock), mark_age_max_ms * 1000));
}

enum reason order_post(struct kis *kis, enum kis_call call, const struct kis_order_ticket *ticket,
		       int64_t mark_age_max_ms, const char *body, size_t body_len,
		       struct kis_order_result *out)
{
	struct kis_order_result result = { .fate = FATE_NOT_SENT };
	struct http_request request = { 0 };
	struct http_answer raw = HTTP_ANSWER_INIT;
	struct curl_slist *headers = NULL;
	char url[sizeof(kis->base) + 128];
	enum reason why;

	BUG_IF(mark_age_max_ms <= 0, "a send mark has a limit");
	BUG_IF(!ticket->spent, "a ticket is spent before it is used");
	why = kis_guard(kis, call);
	if (why == REASON_OK)
		why = kis_headers(kis, call, true, false, &headers);
	if (why == REASON_OK)
		why = turn_have(kis, mark_age_max_ms);
	if (why == REASON_OK)
		why = mark_check(ticket, mark_age_max_ms);
	if (why != REASON_OK)
		goto out;
	snprintf(url, sizeof(url), "%s%s", kis->base, kis_contracts[call].path);
	request.url = url;
	request.headers = headers;
	request.body = body;
	request.body_len = body_len;
	request.total_ms = kis->order_ms;
	request.marked = ticket->marked;
	request.mark_age_max_ms = mark_age_max_ms;
	why = kis_send(kis, call, &request, &raw);
	result.http_status = raw.status;
	result.wire_us = raw.took_us;
	if (raw.body != NULL)
		kis_excerpt(kis, raw.body, raw.body_len, result.excerpt, sizeof(result.excerpt));
	if (why == REASON_OK) {
		why = answer_judge(kis, call, &raw, &result);
	} else {
		char detail[200];

		snprintf(detail, sizeof(detail), "%s", reason_detail());
		if (kis->setup.told != NULL) {
			char code[16];

			snprintf(code, sizeof(code), "curl-%d", raw.code);
			kis->setup.told(kis->setup.told_arg, kis_contracts[call].name, code, raw.status,
					raw.took_us);
		}
		/* Not let onto a connection: not one byte of it left. Otherwise it may have arrived. */
		why = raw.issues == 0 ? reason_set(why, "%s; the order was not sent", detail)
				      : doubt(&result, detail);
	}
out:
	http_headers_free(headers);
	http_answer_clear(&raw);
	*out = result;
	return why;
}
