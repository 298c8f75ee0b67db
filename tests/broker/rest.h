/*
 * rest - one call from request to answer, for the files that write answers.
 *
 * Shape   rest.c finds the route, checks headers, limits and the account, asks the faults, then calls the
 *         route's answer function, which writes the body's containers and ends with rest_done or rest_refuse.
 * Source  the broker's documents: envelope, header case, paging, codes and padding.
 */
#ifndef GJ_BROKER_REST_H
#define GJ_BROKER_REST_H

#include "tests/broker/broker.h"

#define LEDGER_TEXT_WIDTH 80 /* msg1 of ledger answers, in bytes of CP949 */

enum route_flag {
	ROUTE_LEDGER = 1, /* counts for the ledger's limit; msg1 is padded */
	ROUTE_ACCOUNT = 2, /* CANO and ACNT_PRDT_CD are checked */
	ROUTE_QUOTE = 4, /* quotation: also for keys of the other environment */
	ROUTE_PAGED = 8,
	ROUTE_ORDER = 16, /* changes something: faults tell before from after acceptance */
};

enum resv_variant { RESV_CANCEL, RESV_MODIFY };
enum abroad_variant { ABROAD_PRESENT, ABROAD_BALANCE, ABROAD_ORDERS, ABROAD_PROFIT };

struct call;
struct route {
	const char *method, *path, *name, *alias; /* alias: the name faults and scenarios use */
	const char *real_id, *real_old, *paper_id, *paper_old; /* NULL = not offered */
	int flags;
	int variant;
	void (*answer)(struct call *call);
};

struct call {
	struct broker *b;
	const struct http_request *rq;
	struct http_reply *reply;
	const struct route *route;
	const char *tr_id;
	bool old_id;
	struct login *who;
	cJSON *body;
	struct json_out j;
	struct fault_hits faults;
	char tr_cont[4];
	char msg_cd[16];
	int page; /* 1 = first */
	bool done;
};

/* A parameter of the query or of the JSON body; NULL when absent. rest_text gives "" instead. */
const char *rest_param(const struct call *call, const char *name);
const char *rest_text(const struct call *call, const char *name);
/* Strict whole number; false refuses the call with the field's name. */
bool rest_number(struct call *call, const char *name, int64_t *out);
bool rest_day(struct call *call, const char *name, struct kst_day *out);

/* Ends the call. `padded` widens msg1 as the ledger does. */
void rest_done(struct call *call, const char *msg_cd, const char *msg1, bool padded);
/* Begins the answer of an order that was taken: the codes come before `output`, which the caller writes, closing
 * the whole. */
void rest_order_done(struct call *call, const char *msg_cd, const char *msg1);
void rest_refuse(struct call *call, const char *rt_cd, const char *msg_cd, const char *msg1);
void rest_refuse_field(struct call *call, const char *field); /* OPSQ2001 */
void rest_gateway(struct call *call, int status, int number, const char *msg1); /* EGWnnnnn */

/* ---- pages ---- */
struct page {
	size_t from, to, total; /* rows [from, to) are of this page */
	bool last;
};
/* Which rows this call gets. The NK cursor ends in "<offset>^". False = refused (bad cursor). */
bool rest_page(struct call *call, const char *nk_name, size_t total, size_t page_rows, struct page *out);
/* Index of the i-th row of the page in the list, after the faults that repeat and double rows. */
void rest_cursors(struct call *call, const struct page *page, const char *fk_key, const char *nk_key,
		  const char *fk, const char *nk_head, size_t width);
/* Ends a listing with the codes of a page that is the last, or not. */
void rest_done_list(struct call *call, const struct page *page, bool only_last_code);
bool rest_rows_hidden(const struct call *call); /* rows_missing */
int rest_row_copies(const struct call *call); /* 2 under duplicate_rows */

/* ---- what several answers say the same way ---- */
const char *rest_name_of(const struct broker *b, const char *code); /* the code itself when unknown */
const char *rest_time_digits(struct wall at, char out[static KST_TEXT_SIZE]);
const char *rest_day_digits(struct kst_day day, char out[static KST_TEXT_SIZE]); /* "" for day 0 */
/* Six (seven for ETN) characters of a code that may come with the prefix 00000A. */
const char *rest_bare_code(const char *code);
void rest_list_failed(struct call *call);
/* A number of an order body, 0 when absent and not required. One with a point is refused by the gateway. */
bool rest_order_number(struct call *call, const char *name, bool required, int64_t *out);
void rest_refuse_order(struct call *call, enum exch_refusal refusal);
const char *rest_refusal_text(const char *name); /* of exch_refusal_name, as the real service says it */
/* Purchase price with four decimals. */
const char *rest_average_text(const struct broker *b, int64_t cost_won, int64_t qty,
			      char out[static SCALED_TEXT_SIZE]);
/* One row of the balance, with the key order of inquire-balance, or that of the one with realised profit. */
void rest_holding_row(struct call *call, const struct exch_holding *h, bool with_profit);
bool rest_holdings_page(struct call *call, const struct exch_holding *rows, size_t row_count, bool realised,
			struct page *out);
void rest_balance_totals(struct call *call, const struct exch_cash *cash); /* keys and values, no bracket */
/* part x factor / whole with so many decimals. */
void rest_ratio(struct json_out *j, const char *key, int64_t part, int64_t whole, int64_t factor,
		int decimals);
const char *rest_sign(int64_t change); /* 2 up 3 same 5 down */
bool rest_division_ok(struct call *call, const char *field); /* J NX UN */
void rest_chart_head(struct call *call,
		     const struct exch_quote *q); /* keys and values of a minute chart's output1 */
void rest_quote_done(struct call *call);
bool rest_day_open(const struct broker *b, struct kst_day day); /* the exchange trades on it */

/* ---- answers ---- */
void answer_token(struct call *call);
void answer_revoke(struct call *call);
void answer_approval(struct call *call);
void answer_hashkey(struct call *call);
void answer_order(struct call *call);
void answer_change(struct call *call);
void answer_open(struct call *call);
void answer_power(struct call *call);
void answer_sellable(struct call *call);
void answer_balance(struct call *call);
void answer_daily(struct call *call);
void answer_resv_list(struct call *call);
void answer_rights(struct call *call);
void answer_holiday(struct call *call);
void answer_price(struct call *call);
void answer_multiprice(struct call *call);
void answer_daychart(struct call *call);
void answer_index(struct call *call);
void answer_book(struct call *call);
void answer_minutes(struct call *call);
void answer_resv_new(struct call *call);
void answer_resv_change(struct call *call); /* variant: RESV_CANCEL, RESV_MODIFY */
void answer_realised(struct call *call);
void answer_assets(struct call *call);
void answer_margin(struct call *call);
void answer_profit(struct call *call);
void answer_price2(struct call *call);
void answer_past_minutes(struct call *call);
void answer_vi(struct call *call);
void answer_volume_rank(struct call *call);
void answer_searches(struct call *call);
void answer_search(struct call *call);
void answer_stock_info(struct call *call);
void answer_product_info(struct call *call);
void answer_splits(struct call *call);
void answer_bonuses(struct call *call);
void answer_abroad(struct call *call); /* variant: enum abroad_variant */

const char *hash_of_body(const char *body, size_t body_len, char out[static 72]);

#endif
