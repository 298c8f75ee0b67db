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

const char *hash_of_body(const char *body, size_t body_len, char out[static 72]);

#endif
