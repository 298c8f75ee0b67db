#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/kis/contract.h"
#include "shared/base/banned.h"

const struct kis_hosts kis_hosts[2] = {
	[KIS_REAL] = { "https://openapi.koreainvestment.com:9443", "ws://ops.koreainvestment.com:21000" },
	[KIS_PAPER] = { "https://openapivts.koreainvestment.com:29443",
			"ws://ops.koreainvestment.com:31000" },
};

#define TRADING "/uapi/domestic-stock/v1/trading/"
#define QUOTES  "/uapi/domestic-stock/v1/quotations/"

/* Ids of the 2025 exchange change; the older ones may be cut off without notice and are not here. */
#define SINCE "2026-07-09"
#define ROW(method, name, path, lane, real, paper, rows_real, rows_paper)                                    \
	{                                                                                                    \
		name, method, path, { real, paper }, lane, { rows_real, rows_paper }, SINCE                  \
	}
#define GET(name, path, lane, real, paper, rows_real, rows_paper)                                            \
	ROW("GET", name, path, lane, real, paper, rows_real, rows_paper)
#define POST(name, path, lane, real, paper) ROW("POST", name, path, lane, real, paper, 0, 0)

const struct kis_contract kis_contracts[CALL_COUNT] = {
	[CALL_TOKEN] = POST("token", "/oauth2/tokenP", LANE_TOKEN, "", ""),
	[CALL_APPROVAL] = POST("approval", "/oauth2/Approval", LANE_QUOTE, "", ""),
	[CALL_ORDER_BUY] =
		POST("POST order-cash", TRADING "order-cash", LANE_ORDER, "TTTC0012U", "VTTC0012U"),
	[CALL_ORDER_SELL] =
		POST("POST order-cash", TRADING "order-cash", LANE_ORDER, "TTTC0011U", "VTTC0011U"),
	[CALL_ORDER_CHANGE] =
		POST("POST order-rvsecncl", TRADING "order-rvsecncl", LANE_ORDER, "TTTC0013U", "VTTC0013U"),
	[CALL_OPEN_ORDERS] =
		GET("open-orders", TRADING "inquire-psbl-rvsecncl", LANE_LEDGER, "TTTC0084R", NULL, 50, 0),
	[CALL_DAILY_ORDERS] = GET("daily-ccld", TRADING "inquire-daily-ccld", LANE_LEDGER, "TTTC0081R",
				  "VTTC0081R", 100, 15),
	[CALL_BALANCE] =
		GET("balance", TRADING "inquire-balance", LANE_BALANCE, "TTTC8434R", "VTTC8434R", 50, 20),
	[CALL_BUYABLE] =
		GET("buyable", TRADING "inquire-psbl-order", LANE_LEDGER, "TTTC8908R", "VTTC8908R", 0, 0),
	[CALL_SELLABLE] = GET("sellable", TRADING "inquire-psbl-sell", LANE_LEDGER, "TTTC8408R", NULL, 0, 0),
	[CALL_RESERVATIONS] =
		GET("reservations", TRADING "order-resv-ccnl", LANE_LEDGER, "CTSC0004R", NULL, 20, 0),
	[CALL_RIGHTS] = GET("rights", TRADING "period-rights", LANE_LEDGER, "CTRGA011R", NULL, 0, 0),
	/* Touches the ledger; the broker asks for one call a day. */
	[CALL_HOLIDAY] = GET("holiday", QUOTES "chk-holiday", LANE_LEDGER, "CTCA0903R", NULL, 24, 0),
	[CALL_PRICE] =
		GET("price", QUOTES "inquire-price", LANE_QUOTE, "FHKST01010100", "FHKST01010100", 0, 0),
	[CALL_PRICES] = GET("prices", QUOTES "intstock-multprice", LANE_QUOTE, "FHKST11300006", NULL, 30, 0),
	[CALL_DAY_BARS] = GET("day-bars", QUOTES "inquire-daily-itemchartprice", LANE_QUOTE, "FHKST03010100",
			      "FHKST03010100", 100, 100),
	[CALL_INDEX] = GET("index", QUOTES "inquire-index-price", LANE_QUOTE, "FHPUP02100000", NULL, 0, 0),
	[CALL_VI] = GET("vi-status", QUOTES "inquire-vi-status", LANE_QUOTE, "FHPST01390000", NULL, 30, 0),
};

const char *kis_env_text(enum kis_env env)
{
	return env == KIS_REAL ? "real" : "paper";
}

bool kis_env_parse(const char *text, enum kis_env *out)
{
	if (text == NULL)
		return false;
	if (strcmp(text, "real") == 0) {
		*out = KIS_REAL;
		return true;
	}
	if (strcmp(text, "paper") == 0) {
		*out = KIS_PAPER;
		return true;
	}
	return false;
}

/*
 * Refusals that are proven: nothing was placed and nothing will be. `rt_cds` are the envelope values the code was
 * seen with; the same code in another envelope is not the thing that was proven. EGW00215 (the ledger's own pace
 * limit) is absent on purpose: nobody has shown on which side of the order book it is raised.
 */
static const struct {
	const char *msg_cd, *rt_cds;
	enum kis_verdict verdict;
} refusals[] = {
	{ "EGW00201", "1", VERDICT_PACED },        { "EGW00121", "1", VERDICT_TOKEN },
	{ "EGW00123", "1", VERDICT_TOKEN },        { "APBK0952", "7", VERDICT_DEFINITE_NO }, /* cash */
	{ "APBK0400", "17", VERDICT_DEFINITE_NO }, /* shares; envelope not recorded */
	{ "APBK0918", "17", VERDICT_DEFINITE_NO }, /* outside market hours; envelope not recorded */
	{ "APBK0919", "17", VERDICT_DEFINITE_NO }, /* wrong operating date; envelope not recorded */
	{ "APBK0927", "7", VERDICT_DEFINITE_NO }, /* nothing to change or cancel */
	{ "APBK0963", "7", VERDICT_DEFINITE_NO }, /* order type */
	{ "APBK0656", "17", VERDICT_DEFINITE_NO }, /* no such symbol; envelope not recorded */
	{ "APBK0506", "17", VERDICT_DEFINITE_NO }, /* off the tick grid; envelope not recorded */
	{ "40030000", "1", VERDICT_DEFINITE_NO }, /* paper: off the tick grid */
	{ "40070000", "1", VERDICT_DEFINITE_NO }, /* paper: symbol may not be traded */
	{ "40240000", "1", VERDICT_DEFINITE_NO }, /* paper: nothing held */
	{ "40330000", "1", VERDICT_DEFINITE_NO }, /* paper: nothing to change or cancel */
	{ "40430000", "1", VERDICT_DEFINITE_NO }, /* paper: cancels more than is open */
	{ "40580000", "1", VERDICT_DEFINITE_NO }, /* paper: market closed */
};

enum kis_verdict kis_verdict_of(const char *rt_cd, const char *msg_cd)
{
	if (rt_cd == NULL || msg_cd == NULL || rt_cd[0] == '\0' || rt_cd[1] != '\0')
		return VERDICT_DOUBT;
	if (rt_cd[0] == '0')
		return VERDICT_DONE;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		if (strcmp(refusals[i].msg_cd, msg_cd) == 0)
			return strchr(refusals[i].rt_cds, rt_cd[0]) != NULL ? refusals[i].verdict
									    : VERDICT_DOUBT;
	}
	return VERDICT_DOUBT;
}
