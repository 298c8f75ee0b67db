/*
 * contract - the broker's contract as one table: hosts, paths, transaction ids, page sizes, lanes, error classes.
 *
 * Shape   contract_calls[call] has a column for real and one for paper; tr NULL = not offered there.
 * Source  the broker's portal and samples as of the date in each row; `since` is when that row was last checked.
 */
#ifndef GJ_KIS_CONTRACT_H
#define GJ_KIS_CONTRACT_H

#include <stdbool.h>

#include "shared/base/reason.h"

enum kis_env { KIS_REAL, KIS_PAPER };
const char *kis_env_text(enum kis_env env);
bool kis_env_parse(const char *text, enum kis_env *out);

enum kis_lane { LANE_QUOTE, LANE_LEDGER, LANE_BALANCE, LANE_ORDER, LANE_TOKEN, LANE_COUNT };

enum kis_call {
	CALL_TOKEN,
	CALL_APPROVAL,
	CALL_ORDER_BUY,
	CALL_ORDER_SELL,
	CALL_ORDER_CHANGE, /* modify and cancel */
	CALL_OPEN_ORDERS,
	CALL_DAILY_ORDERS,
	CALL_BALANCE,
	CALL_BUYABLE,
	CALL_SELLABLE,
	CALL_RESERVATIONS,
	CALL_RIGHTS,
	CALL_HOLIDAY,
	CALL_PRICE,
	CALL_PRICES, /* up to 30 symbols */
	CALL_DAY_BARS,
	CALL_INDEX,
	CALL_VI,
	CALL_COUNT
};
struct kis_contract {
	const char *name; /* as faults, logs and evidence call it: "balance", "daily-ccld" ... */
	const char *method, *path;
	const char *tr[2]; /* by kis_env */
	enum kis_lane lane;
	int page_rows[2]; /* 0 = no paging */
	const char *since;
};
extern const struct kis_contract kis_contracts[CALL_COUNT];

struct kis_hosts {
	const char *rest, *ws; /* "https://host:port", "ws://host:port" */
};
extern const struct kis_hosts kis_hosts[2];

/* What a message code says about a request that carried it. */
enum kis_verdict {
	VERDICT_DONE, /* rt_cd 0 */
	VERDICT_DEFINITE_NO, /* whitelist: it did not happen and will not */
	VERDICT_PACED, /* EGW00201: refused by the gateway before anything, definite as well */
	VERDICT_TOKEN, /* EGW00121, EGW00123: token; definite as well */
	VERDICT_DOUBT, /* everything else, EGW00215 included */
};
enum kis_verdict kis_verdict_of(const char *rt_cd, const char *msg_cd);

#endif
