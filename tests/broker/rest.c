/* rest - routes, checks, the frame of an answer. See rest.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/rest.h"

#include "shared/base/banned.h"

#define TRADING "/uapi/domestic-stock/v1/trading/"
#define QUOTES  "/uapi/domestic-stock/v1/quotations/"
#define ABROAD  "/uapi/overseas-stock/v1/trading/"
#define KSD     "/uapi/domestic-stock/v1/ksdinfo/"

enum { SELL = EXCH_SELL, BUY = EXCH_BUY };

/* One line per transaction. Ids: real, real before 2025, paper, paper before 2025. */
static const struct route routes[] = {
	{ "POST", "/oauth2/tokenP", "tokenP", "token", NULL, NULL, NULL, NULL, 0, 0, answer_token },
	{ "POST", "/oauth2/revokeP", "revokeP", "revoke", NULL, NULL, NULL, NULL, 0, 0, answer_revoke },
	{ "POST", "/oauth2/Approval", "Approval", "approval", NULL, NULL, NULL, NULL, 0, 0, answer_approval },
	{ "POST", "/uapi/hashkey", "hashkey", NULL, NULL, NULL, NULL, NULL, 0, 0, answer_hashkey },
	{ "POST", TRADING "order-cash", "order-cash", "POST order-cash", "TTTC0011U", "TTTC0801U",
	  "VTTC0011U", "VTTC0801U", ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, SELL, answer_order },
	{ "POST", TRADING "order-cash", "order-cash", "POST order-cash", "TTTC0012U", "TTTC0802U",
	  "VTTC0012U", "VTTC0802U", ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, BUY, answer_order },
	{ "POST", TRADING "order-rvsecncl", "order-rvsecncl", "POST order-rvsecncl", "TTTC0013U", "TTTC0803U",
	  "VTTC0013U", "VTTC0803U", ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, 0, answer_change },
	{ "GET", TRADING "inquire-psbl-rvsecncl", "inquire-psbl-rvsecncl", "open-orders", "TTTC0084R",
	  "TTTC8036R", NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_open },
	{ "GET", TRADING "inquire-psbl-order", "inquire-psbl-order", "buying-power", "TTTC8908R", NULL,
	  "VTTC8908R", NULL, ROUTE_LEDGER | ROUTE_ACCOUNT, 0, answer_power },
	{ "GET", TRADING "inquire-psbl-sell", "inquire-psbl-sell", "sellable", "TTTC8408R", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT, 0, answer_sellable },
	{ "GET", TRADING "inquire-balance", "inquire-balance", "balance", "TTTC8434R", NULL, "VTTC8434R",
	  NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_balance },
	{ "GET", TRADING "inquire-daily-ccld", "inquire-daily-ccld", "daily-ccld", "TTTC0081R", "TTTC8001R",
	  "VTTC0081R", "VTTC8001R", ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_daily },
	{ "GET", TRADING "inquire-daily-ccld", "inquire-daily-ccld", "daily-ccld", "CTSC9215R", "CTSC9115R",
	  "VTSC9215R", "VTSC9115R", ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 1, answer_daily },
	{ "GET", TRADING "order-resv-ccnl", "order-resv-ccnl", "reservations", "CTSC0004R", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_resv_list },
	{ "GET", TRADING "period-rights", "period-rights", "rights", "CTRGA011R", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_rights },
	{ "GET", QUOTES "chk-holiday", "chk-holiday", "holiday", "CTCA0903R", NULL, NULL, NULL, ROUTE_LEDGER,
	  0, answer_holiday },
	{ "GET", QUOTES "inquire-price", "inquire-price", "price", "FHKST01010100", NULL, "FHKST01010100",
	  NULL, ROUTE_QUOTE, 0, answer_price },
	{ "GET", QUOTES "intstock-multprice", "intstock-multprice", "multi-price", "FHKST11300006", NULL,
	  NULL, NULL, ROUTE_QUOTE, 0, answer_multiprice },
	{ "GET", QUOTES "inquire-daily-itemchartprice", "inquire-daily-itemchartprice", "day-chart",
	  "FHKST03010100", NULL, "FHKST03010100", NULL, ROUTE_QUOTE, 0, answer_daychart },
	{ "GET", QUOTES "inquire-index-price", "inquire-index-price", "index", "FHPUP02100000", NULL, NULL,
	  NULL, ROUTE_QUOTE, 0, answer_index },
	{ "GET", QUOTES "inquire-asking-price-exp-ccn", "inquire-asking-price-exp-ccn", "book",
	  "FHKST01010200", NULL, "FHKST01010200", NULL, ROUTE_QUOTE, 0, answer_book },
	{ "GET", QUOTES "inquire-time-itemchartprice", "inquire-time-itemchartprice", "minute-chart",
	  "FHKST03010200", NULL, "FHKST03010200", NULL, ROUTE_QUOTE, 0, answer_minutes },
	{ "POST", TRADING "order-resv", "order-resv", "POST order-resv", "CTSC0008U", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, 0, answer_resv_new },
	{ "POST", TRADING "order-resv-rvsecncl", "order-resv-rvsecncl", "POST order-resv-rvsecncl",
	  "CTSC0009U", NULL, NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, RESV_CANCEL,
	  answer_resv_change },
	{ "POST", TRADING "order-resv-rvsecncl", "order-resv-rvsecncl", "POST order-resv-rvsecncl",
	  "CTSC0013U", NULL, NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_ORDER, RESV_MODIFY,
	  answer_resv_change },
	{ "GET", TRADING "inquire-balance-rlz-pl", "inquire-balance-rlz-pl", "realised", "TTTC8494R", NULL,
	  NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_realised },
	{ "GET", TRADING "inquire-account-balance", "inquire-account-balance", "assets", "CTRP6548R", NULL,
	  NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT, 0, answer_assets },
	{ "GET", TRADING "intgr-margin", "intgr-margin", "margin", "TTTC0869R", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT, 0, answer_margin },
	{ "GET", TRADING "inquire-period-trade-profit", "inquire-period-trade-profit", "trade-profit",
	  "TTTC8715R", NULL, NULL, NULL, ROUTE_LEDGER | ROUTE_ACCOUNT | ROUTE_PAGED, 0, answer_profit },
	{ "GET", QUOTES "inquire-price-2", "inquire-price-2", "price-2", "FHPST01010000", NULL, NULL, NULL,
	  ROUTE_QUOTE, 0, answer_price2 },
	{ "GET", QUOTES "inquire-time-dailychartprice", "inquire-time-dailychartprice", "past-minutes",
	  "FHKST03010230", NULL, NULL, NULL, ROUTE_QUOTE, 0, answer_past_minutes },
	{ "GET", QUOTES "inquire-vi-status", "inquire-vi-status", "vi", "FHPST01390000", NULL, NULL, NULL,
	  ROUTE_QUOTE, 0, answer_vi },
	{ "GET", QUOTES "volume-rank", "volume-rank", NULL, "FHPST01710000", NULL, NULL, NULL, ROUTE_QUOTE, 0,
	  answer_volume_rank },
	{ "GET", QUOTES "psearch-title", "psearch-title", NULL, "HHKST03900300", NULL, NULL, NULL,
	  ROUTE_QUOTE, 0, answer_searches },
	{ "GET", QUOTES "psearch-result", "psearch-result", NULL, "HHKST03900400", NULL, NULL, NULL,
	  ROUTE_QUOTE, 0, answer_search },
	{ "GET", QUOTES "search-stock-info", "search-stock-info", "stock-info", "CTPF1002R", NULL, NULL, NULL,
	  ROUTE_LEDGER, 0, answer_stock_info },
	{ "GET", QUOTES "search-info", "search-info", "product-info", "CTPF1604R", NULL, NULL, NULL,
	  ROUTE_LEDGER, 0, answer_product_info },
	{ "GET", KSD "rev-split", "rev-split", "splits", "HHKDB669105C0", NULL, NULL, NULL, ROUTE_QUOTE, 0,
	  answer_splits },
	{ "GET", ABROAD "inquire-present-balance", "abroad-present", NULL, "CTRP6504R", NULL, "VTRP6504R",
	  NULL, ROUTE_LEDGER | ROUTE_ACCOUNT, ABROAD_PRESENT, answer_abroad },
	{ "GET", ABROAD "inquire-balance", "abroad-balance", NULL, "TTTS3012R", "JTTT3012R", "VTTS3012R",
	  "VTTT3012R", ROUTE_LEDGER | ROUTE_ACCOUNT, ABROAD_BALANCE, answer_abroad },
	{ "GET", ABROAD "inquire-nccs", "abroad-open", NULL, "TTTS3018R", "JTTT3018R", "VTTS3018R",
	  "VTTT3018R", ROUTE_LEDGER | ROUTE_ACCOUNT, ABROAD_ORDERS, answer_abroad },
	{ "GET", ABROAD "inquire-ccnl", "abroad-daily", NULL, "TTTS3035R", "JTTT3001R", "VTTS3035R",
	  "VTTT3001R", ROUTE_LEDGER | ROUTE_ACCOUNT, ABROAD_ORDERS, answer_abroad },
	{ "GET", ABROAD "inquire-period-profit", "abroad-profit", NULL, "TTTS3039R", NULL, NULL, NULL,
	  ROUTE_LEDGER | ROUTE_ACCOUNT, ABROAD_PROFIT, answer_abroad },
	{ "GET", KSD "bonus-issue", "bonus-issue", "bonuses", "HHKDB669101C0", NULL, NULL, NULL, ROUTE_QUOTE,
	  0, answer_bonuses },
};

/* Ids of paper that are refused in their own way. */
static const struct {
	const char *tr_id, *msg_cd, *msg1;
} paper_refusals[] = {
	{ "VTTC8036R", "90000000", "모의투자에서는 해당업무가 제공되지 않습니다" },
};

void rest_routes_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *r = &routes[i];

		fprintf(out, "  %-4s %-62s %-13s %-9s %-13s %-9s faults: %s\n", r->method, r->path,
			r->real_id != NULL ? r->real_id : "-", r->real_old != NULL ? r->real_old : "-",
			r->paper_id != NULL ? r->paper_id : "-", r->paper_old != NULL ? r->paper_old : "-",
			r->alias != NULL ? r->alias : r->name);
	}
}

/* ---- parameters ---- */

const char *rest_param(const struct call *call, const char *name)
{
	bool any_case = setting(&call->b->set, SET_case_insensitive) != 0;

	if (call->body != NULL) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(call->body, name);

		return cJSON_GetStringValue(item);
	}
	for (size_t i = 0; i < call->rq->param_count; i++) {
		const struct http_pair *p = &call->rq->params[i];

		if (any_case ? strcasecmp(p->name, name) == 0 : strcmp(p->name, name) == 0)
			return p->value;
	}
	return NULL;
}

const char *rest_text(const struct call *call, const char *name)
{
	const char *text = rest_param(call, name);

	return text == NULL ? "" : text;
}

bool rest_number(struct call *call, const char *name, int64_t *out)
{
	const char *text = rest_param(call, name);

	if (text != NULL && num_parse(text, strlen(text), out) && *out >= 0)
		return true;
	rest_refuse_field(call, name);
	return false;
}

bool rest_day(struct call *call, const char *name, struct kst_day *out)
{
	const char *text = rest_param(call, name);

	if (text != NULL && strlen(text) == 8 && kst_day_parse(text, out))
		return true;
	rest_refuse_field(call, name);
	return false;
}

/* ---- ends ---- */

static void close_body(struct call *call)
{
	json_close(&call->j, '}');
	call->done = true;
}

static void restart_body(struct call *call)
{
	buf_reset(&call->reply->body);
	call->j = (struct json_out)JSON_OUT_INIT(&call->reply->body);
	json_open(&call->j, NULL, '{');
}

static void remember(struct call *call, const char *msg_cd)
{
	snprintf(call->msg_cd, sizeof call->msg_cd, "%s", msg_cd);
}

void rest_done(struct call *call, const char *msg_cd, const char *msg1, bool padded)
{
	json_text(&call->j, "rt_cd", "0");
	json_text(&call->j, "msg_cd", msg_cd);
	json_padded(&call->j, "msg1", msg1, padded ? LEDGER_TEXT_WIDTH : 0);
	remember(call, msg_cd);
	close_body(call);
}

void rest_order_done(struct call *call, const char *msg_cd, const char *msg1)
{
	json_text(&call->j, "rt_cd", "0");
	json_text(&call->j, "msg_cd", msg_cd);
	json_text(&call->j, "msg1", msg1);
	remember(call, msg_cd);
	call->done = true;
}

void rest_refuse(struct call *call, const char *rt_cd, const char *msg_cd, const char *msg1)
{
	restart_body(call);
	json_text(&call->j, "rt_cd", rt_cd);
	json_text(&call->j, "msg_cd", msg_cd);
	json_text(&call->j, "msg1", msg1);
	call->reply->status = (int)setting(&call->b->set, SET_reject_status);
	remember(call, msg_cd);
	close_body(call);
}

/* Refusals of the service layer, before the ledger. */
static void refuse_input(struct call *call, const char *msg_cd, const char *msg1)
{
	char rt_cd[8];

	snprintf(rt_cd, sizeof rt_cd, "%d", (int)setting(&call->b->set, SET_validation_rt_cd));
	rest_refuse(call, rt_cd, msg_cd, msg1);
}

void rest_refuse_field(struct call *call, const char *field)
{
	char text[96];

	snprintf(text, sizeof text, "ERROR : INPUT_FIELD_NAME %s", field);
	refuse_input(call, "OPSQ2001", text);
}

void rest_gateway(struct call *call, int status, int number, const char *msg1)
{
	char code[16];

	snprintf(code, sizeof code, "EGW%05d", number);
	restart_body(call);
	json_text(&call->j, "rt_cd", "1");
	if (number == 201 || number == 121 || number == 123) { /* as recorded: the text first */
		json_text(&call->j, "msg1", msg1);
		json_text(&call->j, "msg_cd", code);
	} else {
		json_text(&call->j, "msg_cd", code);
		json_text(&call->j, "msg1", msg1);
	}
	if (number / 100 == 2 && number != 215 && setting(&call->b->set, SET_gateway_message) != 0)
		json_text(&call->j, "message", code);
	call->reply->status = status;
	remember(call, code);
	close_body(call);
}

/* ---- pages ---- */

static bool blank(const char *text)
{
	return text[strspn(text, " ")] == '\0';
}

bool rest_page(struct call *call, const char *nk_name, size_t total, size_t page_rows, struct page *out)
{
	const char *nk = rest_text(call, nk_name), *cont = http_field(call->rq, "tr_cont");
	const struct fault *repeat = call->faults.hit[FAULT_repeat_page];
	struct page page = { .total = total };

	call->page = 1;
	if (cont != NULL && strcmp(cont, "N") == 0 && !blank(nk)) {
		const char *end = nk + strlen(nk), *start;
		int64_t offset = 0;

		while (end > nk && (end[-1] == ' ' || end[-1] == '^'))
			end--;
		start = end;
		while (start > nk && start[-1] != '^')
			start--;
		if (!num_parse(start, (size_t)(end - start), &offset) || offset < 0) {
			rest_refuse_field(call, nk_name);
			return false;
		}
		page.from = (size_t)offset < total ? (size_t)offset : total;
		call->page = (int)((size_t)offset / page_rows) + 1;
	}
	page.to = total - page.from > page_rows ? page.from + page_rows : total;
	page.last = page.to == total;
	if (repeat != NULL && call->page == repeat->number && page.from >= page_rows) {
		page.to = page.from;
		page.from -= page_rows;
	}
	snprintf(call->tr_cont, sizeof call->tr_cont, "%s", page.last ? "D" : call->page == 1 ? "F" : "M");
	*out = page;
	return true;
}

void rest_cursors(struct call *call, const struct page *page, const char *fk_key, const char *nk_key,
		  const char *fk, const char *nk_head, size_t width)
{
	char nk[200] = "";

	if (!page->last)
		snprintf(nk, sizeof nk, "%s%zu^", nk_head, page->to);
	else if (setting(&call->b->set, SET_last_cursor_filled) != 0)
		snprintf(nk, sizeof nk, "%s%zu^", nk_head, page->total);
	json_padded(&call->j, fk_key, fk, width);
	json_padded(&call->j, nk_key, nk, width);
}

void rest_done_list(struct call *call, const struct page *page, bool only_last_code)
{
	if (call->b->paper)
		rest_done(call, "20310000", "모의투자 조회가 완료되었습니다.", true);
	else if (!page->last)
		rest_done(call, "KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오.", true);
	else if (only_last_code || call->page > 1)
		rest_done(call, "KIOK0460", "조회 되었습니다. (마지막 자료)", true);
	else
		rest_done(call, "KIOK0510", "조회가 완료되었습니다", true);
}

bool rest_rows_hidden(const struct call *call)
{
	return call->faults.hit[FAULT_rows_missing] != NULL || call->faults.hit[FAULT_empty_success] != NULL;
}

int rest_row_copies(const struct call *call)
{
	return call->faults.hit[FAULT_duplicate_rows] != NULL ? 2 : 1;
}

/* ---- checks ---- */

static bool same_id(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool route_has_id(const struct broker *b, const struct route *r, const char *tr_id, bool *old_id)
{
	*old_id = same_id(b->paper ? r->paper_old : r->real_old, tr_id);
	return *old_id || same_id(b->paper ? r->paper_id : r->real_id, tr_id);
}

/* The route of path and tr_id. *path_known tells a wrong id from a wrong path. */
static const struct route *find_route(const struct broker *b, const struct http_request *rq,
				      const char *tr_id, bool *path_known, bool *method_known, bool *old_id)
{
	const char *path = rq->path;

	*path_known = *method_known = *old_id = false;
	while (path[0] == '/' && path[1] == '/') /* clients that join an address and a path send two */
		path++;
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *r = &routes[i];

		if (strcmp(r->path, path) != 0)
			continue;
		*path_known = true;
		if (strcmp(r->method, rq->method) != 0)
			continue;
		*method_known = true;
		if (r->real_id == NULL || route_has_id(b, r, tr_id, old_id))
			return r;
	}
	if (!*method_known || setting(&b->set, SET_tr_id_decides) == 0)
		return NULL;
	/* A client in use asks for buying power at the path of the daily list: the id names the transaction. */
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *r = &routes[i];

		if (r->real_id != NULL && strcmp(r->method, rq->method) == 0 &&
		    route_has_id(b, r, tr_id, old_id))
			return r;
	}
	return NULL;
}

/* What paper says to an id that it does not offer. */
static void refuse_paper(struct call *call, bool real_id)
{
	int64_t how = setting(&call->b->set, SET_paper_refusal);

	for (size_t i = 0; how == 0 && i < ARRAY_COUNT(paper_refusals); i++) {
		if (strcmp(paper_refusals[i].tr_id, call->tr_id) == 0) {
			rest_refuse(call, "1", paper_refusals[i].msg_cd, paper_refusals[i].msg1);
			return;
		}
	}
	if (how == 1 || (how == 0 && real_id))
		rest_gateway(call, (int)setting(&call->b->set, SET_token_status), 2006,
			     "모의투자 TR  이 아닙니다.");
	else if (how == 3)
		rest_refuse(call, "1", "90000000", "모의투자에서는 해당업무가 제공되지 않습니다");
	else
		rest_refuse(call, "1", "OPSQ0002", "없는 서비스 코드 입니다");
}

/* An id that this host does not serve at this path. */
static void refuse_id(struct call *call)
{
	const char *id = call->tr_id;

	if (id[0] == '\0') {
		rest_refuse(call, "2", "OPSQ9999", "ERROR : INPUT tr_id NOT FOUND");
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *r = &routes[i];

		if (call->b->paper && (same_id(r->real_id, id) || same_id(r->real_old, id))) {
			refuse_paper(call, true);
			return;
		}
		if (!call->b->paper && (same_id(r->paper_id, id) || same_id(r->paper_old, id))) {
			rest_gateway(call, (int)setting(&call->b->set, SET_token_status), 2005,
				     "실전투자 도메인은 모의투자 TR 을 호출하실 수 없습니다.");
			return;
		}
	}
	if (call->b->paper)
		refuse_paper(call, false);
	else
		rest_refuse(call, "1", "OPSQ0002", "없는 서비스 코드 입니다");
}

static bool check_login(struct call *call)
{
	const char *appkey = http_field(call->rq, "appkey"), *secret = http_field(call->rq, "appsecret");
	int status = (int)setting(&call->b->set, SET_token_status);

	if (appkey == NULL || *appkey == '\0') {
		rest_gateway(call, status, 102, "AppKey는 필수입니다.");
		return false;
	}
	call->who = gateway_login(call->b, appkey);
	if (call->who == NULL) {
		rest_gateway(call, status, 103, "유효하지 않은 AppKey입니다.");
		return false;
	}
	if (secret == NULL || *secret == '\0') {
		rest_gateway(call, status, 104, "AppSecret은 필수입니다.");
		return false;
	}
	if (strcmp(secret, call->who->appsecret) != 0) {
		rest_gateway(call, status, 105, "유효하지 않은 AppSecret입니다.");
		return false;
	}
	return true;
}

static bool check_token(struct call *call)
{
	int status = (int)setting(&call->b->set, SET_token_status);

	switch (gateway_token_check(call->b, call->who, http_field(call->rq, "authorization"))) {
	case GATE_GOOD: return true;
	case GATE_TOKEN_EXPIRED:
		if (setting(&call->b->set, SET_expiry_code) == 123) {
			rest_gateway(call, status, 123, "기간이 만료된 token 입니다.");
			return false;
		}
		break;
	case GATE_TOKEN_MISSING:
	case GATE_TOKEN_BAD: break;
	}
	rest_gateway(call, status, 121, "유효하지 않은 token 입니다.");
	return false;
}

static bool check_pace(struct call *call)
{
	int status = (int)setting(&call->b->set, SET_limit_status);

	if (!gateway_pace(call->b, call->who, 0)) {
		rest_gateway(call, status, 201, "초당 거래건수를 초과하였습니다.");
		return false;
	}
	if ((call->route->flags & ROUTE_LEDGER) != 0 && !gateway_pace(call->b, call->who, 1)) {
		rest_gateway(call, status, 215, "원장에서 허용 가능한 초당 거래건수를 초과하였습니다.");
		return false;
	}
	return true;
}

static bool check_body(struct call *call)
{
	const char *type = http_field(call->rq, "content-type"), *hashkey = http_field(call->rq, "hashkey");
	char hash[72];

	if (setting(&call->b->set, SET_content_type_required) != 0 &&
	    (type == NULL || strncasecmp(type, "application/json", 16) != 0)) {
		rest_gateway(call, (int)setting(&call->b->set, SET_token_status), 132,
			     "Content-Type이 유효하지 않습니다.");
		return false;
	}
	if (strcmp(call->rq->method, "POST") != 0)
		return true;
	if (hashkey != NULL && *hashkey != '\0' && setting(&call->b->set, SET_hashkey_checked) != 0 &&
	    strcmp(hashkey, hash_of_body(call->rq->body, call->rq->body_len, hash)) != 0) {
		rest_gateway(call, (int)setting(&call->b->set, SET_token_status), 131,
			     "hashkey가 유효하지 않습니다.");
		return false;
	}
	call->body = cJSON_ParseWithLengthOpts(call->rq->body, call->rq->body_len + 1, NULL, true);
	if (!cJSON_IsObject(call->body)) {
		cJSON_Delete(call->body);
		call->body = NULL;
		rest_refuse(call, "2", call->rq->body_len == 0 ? "OPSQ9995" : "OPSQ9997",
			    "ERROR : INPUT JSON FORMAT");
		return false;
	}
	return true;
}

static bool check_account(struct call *call)
{
	char number[EXCH_ACCOUNT_SIZE * 2];

	if ((call->route->flags & ROUTE_ACCOUNT) == 0)
		return true;
	snprintf(number, sizeof number, "%.8s-%.2s", rest_text(call, "CANO"),
		 rest_text(call, "ACNT_PRDT_CD"));
	if (strlen(rest_text(call, "CANO")) == 8 && strlen(rest_text(call, "ACNT_PRDT_CD")) == 2 &&
	    strcmp(number, exch_account_at(call->b->ex, call->who->account)->number) == 0)
		return true;
	refuse_input(call, "OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO");
	return false;
}

static bool check_all(struct call *call)
{
	const char *custtype = http_field(call->rq, "custtype");

	if (!check_login(call) || !check_token(call))
		return false;
	if (call->route == NULL) {
		if (!gateway_pace(call->b, call->who, 0)) {
			rest_gateway(call, (int)setting(&call->b->set, SET_limit_status), 201,
				     "초당 거래건수를 초과하였습니다.");
			return false;
		}
		refuse_id(call);
		return false;
	}
	if (!check_pace(call))
		return false;
	if (setting(&call->b->set, SET_custtype_required) != 0 && (custtype == NULL || *custtype == '\0')) {
		rest_gateway(call, (int)setting(&call->b->set, SET_token_status), 208,
			     "custtype이 유효하지 않습니다.");
		return false;
	}
	if (call->old_id && setting(&call->b->set, SET_old_tr_ids) == 0) {
		rest_refuse(call, "1", "OPSQ0002", "없는 서비스 코드 입니다");
		return false;
	}
	if (call->who->foreign && (call->b->paper || (call->route->flags & ROUTE_QUOTE) == 0)) {
		rest_gateway(call, (int)setting(&call->b->set, SET_token_status),
			     (int)setting(&call->b->set, SET_foreign_key_code),
			     call->b->paper ? "모의투자 도메인은 실전투자 앱키로 호출하실 수 없습니다"
					    : "실전투자 도메인은 모의투자 앱키로 호출하실 수 없습니다");
		return false;
	}
	return check_body(call) && check_account(call);
}

/* ---- faults ---- */

static const struct fault *struck(const struct call *call, enum fault_kind kind)
{
	return call->faults.hit[kind];
}

static void bare_reply(struct call *call, int status, const char *body)
{
	buf_reset(&call->reply->body);
	buf_puts(&call->reply->body, body);
	call->reply->status = status;
	call->reply->type = *body != '\0' ? "text/html" : "";
	call->done = true;
	remember(call, "");
}

/* Whether the failure comes before anything is worked off. True = answered already. */
static bool faults_before(struct call *call)
{
	const struct fault *f;

	if (struck(call, FAULT_reset_before_accept) != NULL) {
		call->reply->how = HTTP_RESET;
		call->done = true;
		return true;
	}
	if (struck(call, FAULT_timeout_before_accept) != NULL) {
		call->reply->how = HTTP_SILENCE;
		call->done = true;
		return true;
	}
	if ((f = struck(call, FAULT_http_500)) != NULL && !f->accepted) {
		bare_reply(call, 500, "<html><body><h1>500 Internal Server Error</h1></body></html>");
		return true;
	}
	if ((f = struck(call, FAULT_http_500_empty)) != NULL && !f->accepted) {
		bare_reply(call, 500, "");
		return true;
	}
	if ((f = struck(call, FAULT_code)) != NULL) {
		int64_t number = 0;

		if (strncmp(f->text, "EGW", 3) == 0 && num_parse(f->text + 3, strlen(f->text + 3), &number))
			rest_gateway(call, (int)setting(&call->b->set, SET_limit_status), (int)number,
				     number == 201 ? "초당 거래건수를 초과하였습니다."
				     : number == 215 ? "원장에서 허용 가능한 초당 거래건수를 초과하였습니다."
				     : number == 123 ? "기간이 만료된 token 입니다."
				     : number == 121 ? "유효하지 않은 token 입니다."
						     : "거래가 처리되지 않았습니다.");
		else
			rest_refuse(call,
				    strncmp(f->text, "OPSQ", 4) == 0 ? "2"
				    : call->b->paper                 ? "1"
								     : "7",
				    f->text, "거래가 처리되지 않았습니다.");
		return true;
	}
	if (struck(call, FAULT_empty_success) != NULL && (call->route->flags & ROUTE_ORDER) != 0) {
		restart_body(call);
		rest_done(call, call->b->paper ? "40600000" : "APBK0013", "주문 전송 완료 되었습니다.",
			  false);
		return true;
	}
	return false;
}

static void row_joins(struct call *call, const struct fault *f);

/* What becomes of the answer on its way. */
static void faults_after(struct call *call)
{
	struct http_reply *reply = call->reply;
	struct buf *body = &reply->body;
	const struct fault *f;

	if (struck(call, FAULT_timeout_after_accept) != NULL)
		reply->how = HTTP_SILENCE;
	if (struck(call, FAULT_reset_after_accept) != NULL)
		reply->how = HTTP_RESET;
	if ((f = struck(call, FAULT_http_500)) != NULL && f->accepted)
		bare_reply(call, 500, "<html><body><h1>500 Internal Server Error</h1></body></html>");
	if ((f = struck(call, FAULT_http_500_empty)) != NULL && f->accepted)
		bare_reply(call, 500, "");
	if ((f = struck(call, FAULT_fail_page)) != NULL && call->page == f->number)
		bare_reply(call, 500, "");
	if ((f = struck(call, FAULT_truncate_page)) != NULL && call->page == f->number)
		reply->how = HTTP_CUT;
	if (struck(call, FAULT_malformed_json) != NULL && body->len > 4)
		memcpy(body->bytes + body->len / 2, "}]\"{", body->len / 2 >= 4 ? 4 : 1);
	if (struck(call, FAULT_wrong_encoding) != NULL && body->len > 40)
		body->bytes[body->len - 12] = (char)0xff;
	if (struck(call, FAULT_deep_json) != NULL) {
		buf_reset(body);
		for (int i = 0; i < 10000; i++)
			buf_puts(body, "{\"a\":");
		buf_puts(body, "0");
		for (int i = 0; i < 10000; i++)
			buf_puts(body, "}");
	}
	if ((f = struck(call, FAULT_big_body)) != NULL && body->len > 1) {
		body->len--;
		buf_puts(body, ",\"filler\":\"");
		for (int64_t i = 0; i < f->number && !body->failed; i++)
			buf_add(body, "x", 1);
		buf_puts(body, "\"}");
	}
	if (struck(call, FAULT_slow_body) != NULL)
		reply->how = HTTP_SEND_SLOWLY;
	if ((f = struck(call, FAULT_delay)) != NULL)
		reply->delay_ms = f->number / setting(&call->b->set, SET_delay_divisor);
	reply->tox = toxics_of(&call->faults, setting(&call->b->set, SET_slice_pause_ms),
			       setting(&call->b->set, SET_delay_divisor));
	if ((call->route->flags & ROUTE_ORDER) != 0) {
		int64_t wait_ms =
			feed_order_ends(call->b->feed, struck(call, FAULT_notice_before_reply) != NULL);

		if (reply->delay_ms == 0)
			reply->delay_ms = wait_ms;
	}
}

/* ---- the call ---- */

static void trace_call(struct call *call)
{
	static const char *const hows[] = { "sent", "slow", "silence", "reset", "cut" };
	struct buf line = BUF_INIT;
	struct json_out j = JSON_OUT_INIT(&line);
	char at[KST_TEXT_SIZE], number[24];

	json_open(&j, NULL, '{');
	json_text(&j, "at", kst_wall_text(broker_now(call->b), at));
	json_text(&j, "method", call->rq->method);
	json_text(&j, "path", call->rq->path);
	json_text(&j, "endpoint", call->route != NULL ? call->route->name : "?");
	json_text(&j, "tr_id", call->tr_id);
	if (call->who != NULL)
		json_text(&j, "account", exch_account_at(call->b->ex, call->who->account)->number);
	if (call->body != NULL && call->route != NULL && (call->route->flags & ROUTE_ORDER) != 0) {
		char *body = cJSON_PrintUnformatted(call->body);

		json_bare(&j, "body", body != NULL ? body : "null");
		cJSON_free(body);
	} else if (call->rq->param_count > 0) {
		json_open(&j, "params", '{');
		for (size_t i = 0; i < call->rq->param_count; i++)
			json_text(&j, call->rq->params[i].name, call->rq->params[i].value);
		json_close(&j, '}');
	}
	snprintf(number, sizeof number, "%d", call->page);
	json_bare(&j, "page", number);
	snprintf(number, sizeof number, "%d", call->reply->status);
	json_bare(&j, "status", number);
	json_text(&j, "msg_cd", call->msg_cd);
	json_text(&j, "how", hows[call->reply->how]);
	json_close(&j, '}');
	if (!line.failed)
		trace_add(call->b->trace, call->route != NULL ? call->route->name : "?", line.bytes,
			  line.len);
	buf_clear(&line);
}

/* Paper has been seen away outside business days. */
static bool closed_weekend(const struct call *call)
{
	int weekday = kst_weekday(kst_day_of(broker_now(call->b)));

	return call->b->paper && setting(&call->b->set, SET_paper_weekend) != 0 &&
	       (weekday == 0 || weekday == 6);
}

static void work_off(struct call *call, bool path_known, bool method_known)
{
	int32_t second = kst_second_of(broker_now(call->b));
	const struct fault *f;

	if (closed_weekend(call)) {
		call->reply->how = HTTP_RESET;
		call->done = true;
		return;
	}
	if (!path_known || !method_known) {
		call->reply->status = path_known ? 405 : 404;
		json_text(&call->j, "timestamp", "");
		json_fmt(&call->j, "status", "%d", call->reply->status);
		json_text(&call->j, "error", path_known ? "Method Not Allowed" : "Not Found");
		json_text(&call->j, "path", call->rq->path);
		close_body(call);
		return;
	}
	if (call->route != NULL) {
		faults_strike(&call->b->faults, call->route->name, call->route->alias, second,
			      FAULTS_OF_CALLS, &call->faults);
		if (faults_before(call))
			return;
	}
	if (call->route != NULL && call->route->real_id == NULL) {
		if (strcmp(call->route->name, "hashkey") != 0 || check_login(call)) {
			if (check_body(call))
				call->route->answer(call);
		}
	} else if (check_all(call)) {
		if ((f = struck(call, FAULT_row_before_page)) != NULL)
			row_joins(call, f);
		if ((call->route->flags & ROUTE_ORDER) != 0)
			feed_order_begins(call->b->feed);
		call->route->answer(call);
	}
	BUG_IF(!call->done, "every answer function ends its answer");
	if (call->route != NULL)
		faults_after(call);
}

/* The row of row_before_page enters the truth just before its page is read. */
static void row_joins(struct call *call, const struct fault *f)
{
	const char *cont = http_field(call->rq, "tr_cont");
	bool later_page = cont != NULL && strcmp(cont, "N") == 0;

	if (f->row != NULL && later_page == (f->number > 1)) {
		enum reason why = control_truth_order(call->b, f->row);

		(void)why; /* control checked the row when the fault was set; a refusal leaves the list as it was */
	}
}

void rest_handle(void *arg, const struct http_request *rq, struct http_reply *reply)
{
	struct broker *b = arg;
	struct call call = { .b = b, .rq = rq, .reply = reply, .j = JSON_OUT_INIT(&reply->body), .page = 1 };
	bool path_known, method_known;
	char guid[33];

	broker_advance(b);
	call.tr_id = http_field(rq, "tr_id");
	if (call.tr_id == NULL)
		call.tr_id = "";
	call.route = find_route(b, rq, call.tr_id, &path_known, &method_known, &call.old_id);
	json_open(&call.j, NULL, '{');
	work_off(&call, path_known, method_known);
	/* Every business answer has the three, refusals too: clients read tr_cont before they look at rt_cd. */
	if (path_known && (call.route == NULL || call.route->real_id != NULL)) {
		gateway_secret(32, guid);
		buf_fmt(&reply->head,
			setting(&b->set, SET_header_capitals) != 0
				? "Tr_id: %s\r\nTr_cont: %s\r\nGt_uid: %s\r\n"
				: "tr_id: %s\r\ntr_cont: %s\r\ngt_uid: %s\r\n",
			call.tr_id, call.tr_cont, guid);
	}
	trace_call(&call);
	cJSON_Delete(call.body);
}

void rest_date(void *arg, char out[static 40])
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct wall gmt = wall_add_us(broker_now(arg), -(int64_t)KST_OFFSET_S * US_PER_S);
	struct kst_day day = kst_day_of(gmt);
	char time[KST_TEXT_SIZE];

	snprintf(out, 40, "%.3s, %02d %.3s %04d %s GMT", days + 3 * kst_weekday(day), day.yyyymmdd % 100,
		 months + 3 * (day.yyyymmdd / 100 % 100 - 1), day.yyyymmdd / 10000,
		 kst_time_text(kst_second_of(gmt), time));
}
