/* Money: the fee model and the balance identities against a recorded paper day; columns over days; reserves; lag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define SEQUENCE "tests/data/kis/balance_paper_output2_sequence.json"
#define CODE     "005930"

static struct exchange *still_exchange(int32_t day, int32_t previous, enum exch_fill_rule fill, bool paper)
{
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL, .fill = fill, .paper = paper };
	struct exch_day today = { { day }, { previous }, true, 32400, 55800 };
	struct exchange *ex = NULL;

	assert_int_equal(exch_new(&config, NULL, NULL, &ex), REASON_OK);
	assert_int_equal(exch_symbol_put(ex, CODE, "삼성전자", false, false, 296000, 296000), REASON_OK);
	assert_int_equal(exch_day_begin(ex, &today, kst_wall(today.day, 36000)), REASON_OK);
	return ex;
}

static size_t add_account(struct exchange *ex, int64_t cash_won)
{
	struct exch_account account = { "50123456-01", cash_won, 142, "" };
	size_t index = 99;

	assert_int_equal(exch_account_add(ex, &account, &index), REASON_OK);
	return index;
}

static const struct exch_order *place(struct exchange *ex, size_t account, enum exch_side side, int64_t qty,
				      int64_t price_won)
{
	struct exch_request request = { account, side,      CODE, price_won > 0 ? "00" : "01", "", "",
					qty,     price_won, 0 };
	const struct exch_order *order = NULL;

	assert_int_equal(exch_order_new(ex, &request, &order), EXCH_ACCEPTED);
	return order;
}

/* One order that control fills completely at a total amount. */
static void trade(struct exchange *ex, size_t account, enum exch_side side, int64_t qty, int64_t won)
{
	struct exch_next next = { .filled_qty = qty, .filled_won = won };

	assert_int_equal(exch_truth_next(ex, &next), REASON_OK);
	assert_int_equal(place(ex, account, side, qty, 0)->filled_qty, qty);
}

static int64_t field(const cJSON *output2, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(output2, name);
	int64_t value = INT64_MIN;

	assert_true(cJSON_IsString(item));
	assert_true(num_parse(item->valuestring, strlen(item->valuestring), &value));
	return value;
}

static cJSON *sequence_read(void)
{
	FILE *file = fopen(SEQUENCE, "re");
	static char text[256 * 1024];
	size_t size;
	cJSON *root;

	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	assert_int_equal(fclose(file), 0);
	text[size] = '\0';
	root = cJSON_Parse(text);
	assert_true(cJSON_IsArray(root));
	return root;
}

/* The trades between two recorded states follow from the cumulative amounts; everything else must come out. */
static void test_paper_sequence(void **state)
{
	cJSON *root = sequence_read();
	const cJSON *row;
	struct exchange *ex = still_exchange(20260611, 20260610, EXCH_FILL_NEVER, true);
	size_t account = add_account(ex, 10000000);
	int64_t bought = 0, sold = 0, states = 0;

	(void)state;
	cJSON_ArrayForEach(row, root)
	{
		const cJSON *want = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(row, "output2"), 0);
		int64_t buy = field(want, "thdt_buy_amt"), sell = field(want, "thdt_sll_amt");
		struct exch_cash cash;

		/* two shares in one step: two buys, or a sale and a buy, never more (amounts of one share each) */
		if (buy > bought && buy - bought > 400000) {
			trade(ex, account, EXCH_BUY, 2, buy - bought);
		} else if (buy > bought) {
			trade(ex, account, EXCH_BUY, 1, buy - bought);
		}
		if (sell > sold)
			trade(ex, account, EXCH_SELL, sell - sold > 400000 ? 2 : 1, sell - sold);
		bought = buy;
		sold = sell;
		exch_cash_of(ex, account, &cash);
		assert_int_equal(cash.thdt_buy_won, buy);
		assert_int_equal(cash.thdt_sell_won, sell);
		assert_int_equal(cash.thdt_cost_won, field(want, "thdt_tlex_amt"));
		assert_int_equal(cash.deposit_won, field(want, "dnca_tot_amt"));
		assert_int_equal(cash.deposit_d1_won, field(want, "nxdy_excc_amt"));
		assert_int_equal(cash.deposit_d2_won, field(want, "prvs_rcdl_excc_amt"));
		assert_int_equal(cash.holdings_cost_won, field(want, "pchs_amt_smtl_amt"));
		assert_int_equal(cash.bfdy_total_won, field(want, "bfdy_tot_asst_evlu_amt"));
		assert_int_equal(cash.deposit_d2_won + field(want, "scts_evlu_amt"),
				 field(want, "tot_evlu_amt"));
		states++;
	}
	assert_int_equal(states, 27);
	core_check(ex);
	cJSON_Delete(root);
	exch_free(ex);
}

static void test_columns_over_days(void **state)
{
	struct exchange *ex = still_exchange(20260610, 20260609, EXCH_FILL_NEVER, false);
	size_t account = add_account(ex, 10000000);
	static const struct exch_day days[] = {
		{ { 20260611 }, { 20260610 }, true, 32400, 55800 },
		{ { 20260612 }, { 20260611 }, true, 32400, 55800 },
		{ { 20260613 }, { 20260612 }, false, 0, 0 },
		{ { 20260614 }, { 20260612 }, false, 0, 0 },
		{ { 20260615 }, { 20260612 }, true, 32400, 55800 },
	};
	struct exch_holding *rows = NULL;
	struct exch_cash cash;
	size_t count = 0;

	(void)state;
	trade(ex, account, EXCH_BUY, 10, 2960000); /* commission 420.32 -> 420 */
	trade(ex, account, EXCH_SELL, 4, 1200000); /* 170.4 -> 170, taxes 600 + 1800 */
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.thdt_cost_won, 420 + 170 + 600 + 1800);
	assert_int_equal(cash.deposit_won, 10000000);
	assert_int_equal(cash.deposit_d1_won, 10000000);
	assert_int_equal(cash.deposit_d2_won, 10000000 - 2960000 + 1200000 - 2990);
	assert_int_equal(cash.holdings_cost_won, 6 * 296000);

	assert_int_equal(exch_day_begin(ex, &days[0], kst_wall(days[0].day, 36000)), REASON_OK);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_won, 10000000);
	assert_int_equal(cash.deposit_d1_won, 10000000 - 2960000 + 1200000 - 2990);
	assert_int_equal(cash.deposit_d2_won, cash.deposit_d1_won);
	assert_int_equal(cash.thdt_buy_won, 0);
	assert_int_equal(cash.bfdy_buy_won, 2960000);
	assert_int_equal(cash.bfdy_cost_won, 2990);
	assert_int_equal(cash.bfdy_total_won, 8237010 + 6 * 296000);
	assert_int_equal(exch_holdings_list(ex, account, true, &rows, &count), REASON_OK);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].qty, 6);
	assert_int_equal(rows[0].bfdy_buy_qty, 10);
	assert_int_equal(rows[0].bfdy_sell_qty, 4);
	assert_int_equal(rows[0].thdt_buy_qty, 0);
	free(rows);
	/* without yesterday's trades the six shares are not there */
	assert_int_equal(exch_holdings_list(ex, account, false, &rows, &count), REASON_OK);
	assert_int_equal(count, 0);
	free(rows);
	trade(ex, account, EXCH_SELL, 6, 6 * 300000);
	assert_int_equal(exch_holdings_list(ex, account, true, &rows, &count), REASON_OK);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].qty, 0);
	assert_int_equal(rows[0].cost_won, 0);
	assert_int_equal(rows[0].thdt_realised_won, 6 * 4000);
	assert_int_equal(rows[0].empty_since.yyyymmdd, 20260611);
	free(rows);

	assert_int_equal(exch_day_begin(ex, &days[1], kst_wall(days[1].day, 36000)), REASON_OK);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_won, 8237010); /* T+2 has come for the first day */
	assert_int_equal(exch_holdings_list(ex, account, true, &rows, &count), REASON_OK);
	assert_int_equal(count, 1); /* the zero row stays until D+2 */
	free(rows);
	for (size_t i = 2; i < 4; i++) { /* a weekend moves nothing */
		assert_int_equal(exch_day_begin(ex, &days[i], kst_wall(days[i].day, 36000)), REASON_OK);
		exch_cash_of(ex, account, &cash);
		assert_int_equal(cash.deposit_won, 8237010);
		assert_int_equal(exch_holdings_list(ex, account, true, &rows, &count), REASON_OK);
		assert_int_equal(count, 1);
		free(rows);
	}
	assert_int_equal(exch_day_begin(ex, &days[4], kst_wall(days[4].day, 36000)), REASON_OK);
	assert_int_equal(exch_holdings_list(ex, account, true, &rows, &count), REASON_OK);
	assert_int_equal(count, 0);
	free(rows);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_won, cash.deposit_d2_won);
	exch_free(ex);
}

static void test_reserves(void **state)
{
	struct exchange *ex = still_exchange(20260611, 20260610, EXCH_FILL_NEVER, false);
	size_t account = add_account(ex, 3000000);
	struct exch_request market = { account, EXCH_BUY, CODE, "01", "", "", 8, 0, 0 };
	const struct exch_order *order = NULL, *cancel = NULL;
	struct exch_change change = {
		.account = account, .cancel = true, .branch = "", .all = true, .by = ""
	};
	struct exch_power power;
	struct exch_cash cash;

	(void)state;
	exch_power_of(ex, account, CODE, "00", 296000, &power);
	assert_int_equal(power.cash_won, 3000000);
	assert_int_equal(power.qty, 10);
	exch_power_of(ex, account, CODE, "01", 0, &power);
	assert_int_equal(power.calc_price_won, 384500); /* 296,000 + 88,500, base tick 500 */
	assert_int_equal(power.qty, 7);
	assert_int_equal(exch_order_new(ex, &market, &order), EXCH_NO_CASH); /* 8 x 384,500 > 3,000,000 */
	order = place(ex, account, EXCH_BUY, 5, 290000);
	exch_power_of(ex, account, "", "00", 0, &power);
	assert_int_equal(power.cash_won,
			 3000000 - 1450000 - 210); /* 205.9 won of commission, rounded up to 10 */
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_d2_won, 3000000); /* an open order changes no column */
	core_check(ex);
	change.orig = order->odno;
	assert_int_equal(exch_order_change(ex, &change, &cancel), EXCH_ACCEPTED);
	exch_power_of(ex, account, "", "00", 0, &power);
	assert_int_equal(power.cash_won, 3000000);
	trade(ex, account, EXCH_BUY, 7, 7 * 296000);
	assert_int_equal(exch_sellable_of(ex, account, CODE), 7);
	order = place(ex, account, EXCH_SELL, 5, 300000);
	assert_int_equal(exch_sellable_of(ex, account, CODE), 2);
	market = (struct exch_request){ account, EXCH_SELL, CODE, "00", "", "", 3, 300000, 0 };
	assert_int_equal(exch_order_new(ex, &market, &cancel), EXCH_NO_SHARES);
	assert_true(exch_truth_fill(ex, (struct kst_day){ 20260611 }, order->odno, 2, 300000));
	assert_int_equal(exch_sellable_of(ex, account, CODE), 2);
	core_check(ex);
	exch_free(ex);
}

static void test_lags(void **state)
{
	struct exchange *ex = still_exchange(20260611, 20260610, EXCH_FILL_NEVER, false);
	size_t account = add_account(ex, 3000000);
	struct exch_lags lags = { .daily_us = 2000000, .open_us = 5000000, .balance_us = 10000000 };
	struct kst_day today = { 20260611 };
	static const struct {
		int64_t after_s;
		size_t daily, open, holdings;
		int64_t daily_filled;
	} cases[] = {
		{ 0, 0, 0, 0, 0 }, { 1, 0, 0, 0, 0 }, { 2, 1, 0, 0, 0 },  { 3, 1, 0, 0, 3 },
		{ 5, 1, 1, 0, 3 }, { 6, 1, 1, 0, 3 }, { 11, 1, 1, 1, 3 },
	};
	const struct exch_order *order;
	struct wall start = exch_now(ex);
	char odno[EXCH_ODNO_SIZE];

	(void)state;
	exch_lags_set(ex, &lags);
	order = place(ex, account, EXCH_BUY, 5, 290000);
	memcpy(odno, order->odno, sizeof(odno));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct exch_order *rows = NULL;
		struct exch_holding *holdings = NULL;
		size_t count = 0;

		exch_advance(ex, wall_add_us(start, cases[i].after_s * US_PER_S));
		if (i == 1)
			assert_true(exch_truth_fill(ex, today, odno, 3, 290000)); /* at 1 s */
		assert_int_equal(exch_daily_list(ex, account, today, today, &rows, &count), REASON_OK);
		assert_int_equal(count, cases[i].daily);
		if (count > 0)
			assert_int_equal(rows[0].filled_qty, cases[i].daily_filled);
		free(rows);
		assert_int_equal(exch_open_list(ex, account, &rows, &count), REASON_OK);
		assert_int_equal(count, cases[i].open);
		free(rows);
		assert_int_equal(exch_holdings_list(ex, account, true, &holdings, &count), REASON_OK);
		assert_int_equal(count, cases[i].holdings);
		free(holdings);
	}
	assert_int_equal(exch_sellable_of(ex, account, CODE), 3); /* the order system itself does not lag */
	exch_free(ex);
}

static void test_truth(void **state)
{
	struct exchange *ex = still_exchange(20260310, 20260309, EXCH_FILL_NEVER, false);
	size_t account = add_account(ex, 10000000);
	struct kst_day today = { 20260310 }, before = { 20260309 };
	struct exch_order row = { .day = before,
				  .odno = "220009",
				  .account = account,
				  .side = EXCH_SELL,
				  .code = CODE,
				  .price_won = 70000,
				  .qty = 30,
				  .remaining_qty = -1,
				  .copies = 2,
				  .at = kst_wall(before, 40000) };
	struct exch_holding holding = { .code = CODE, .qty = 100, .cost_won = 7000000, .sellable_qty = 60 };
	struct exch_next next = {
		.odno = "0000230001", .filled_qty = 4, .filled_won = -1, .visible_after_us = 3000000
	};
	struct exch_order *rows = NULL;
	struct exch_holding *holdings = NULL;
	struct exch_cash cash;
	const struct exch_order *order;
	size_t count = 0;

	(void)state;
	assert_int_equal(exch_truth_order(ex, &row, false), REASON_OK);
	row.day = today;
	assert_int_equal(exch_truth_order(ex, &row, false), REASON_OK);
	assert_int_equal(exch_daily_list(ex, account, before, before, &rows, &count), REASON_OK);
	assert_int_equal(count, 2); /* a row written twice is listed twice */
	assert_string_equal(rows[0].odno, "0000220009");
	assert_string_equal(rows[1].odno, "0000220009");
	assert_int_equal(rows[1].remaining_qty, 30);
	free(rows);
	assert_int_equal(exch_truth_holding(ex, account, &holding, false), REASON_OK);
	assert_int_equal(exch_holdings_list(ex, account, true, &holdings, &count), REASON_OK);
	assert_int_equal(count, 1);
	assert_int_equal(holdings[0].sellable_qty, 60);
	assert_int_equal(exch_sellable_of(ex, account, CODE), 60);
	free(holdings);
	exch_truth_cash(ex, account, 5000000, 4000000, 3000000);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_won, 5000000);
	assert_int_equal(cash.deposit_d1_won, 4000000);
	assert_int_equal(cash.deposit_d2_won, 3000000);
	assert_int_equal(exch_truth_next(ex, &next), REASON_OK);
	order = place(ex, account, EXCH_BUY, 10, 290000);
	assert_string_equal(order->odno, "0000230001");
	assert_int_equal(order->filled_qty, 4);
	assert_int_equal(exch_daily_list(ex, account, today, today, &rows, &count), REASON_OK);
	assert_int_equal(count, 2); /* only the story's row, twice */
	free(rows);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_d2_won, 3000000);
	exch_advance(ex, wall_add_us(exch_now(ex), 3000000));
	assert_int_equal(exch_daily_list(ex, account, today, today, &rows, &count), REASON_OK);
	assert_int_equal(count, 3);
	free(rows);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_d2_won, 3000000 - 4 * 290000 - 160);
	exch_truth_orders_clear(ex, account);
	assert_int_equal(exch_daily_list(ex, account, before, today, &rows, &count), REASON_OK);
	assert_int_equal(count, 0);
	free(rows);
	exch_truth_holdings_clear(ex, account);
	assert_int_equal(exch_holdings_list(ex, account, true, &holdings, &count), REASON_OK);
	assert_int_equal(count, 0);
	free(holdings);
	exch_cash_of(ex, account, &cash);
	assert_int_equal(cash.deposit_d2_won, 3000000 - 4 * 290000 - 160);
	core_check(ex);
	exch_free(ex);
}

static void test_state_file(void **state)
{
	char path[] = "/tmp/gj-core-state-XXXXXX";
	int fd = mkstemp(path);
	struct exchange *ex = still_exchange(20260611, 20260610, EXCH_FILL_NEVER, false), *again;
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL, .fill = EXCH_FILL_NEVER };
	struct exch_day same = *exch_today(ex), next = { { 20260612 }, { 20260611 }, true, 32400, 55800 };
	size_t account = add_account(ex, 10000000);
	struct exch_power power, power_again;
	struct exch_cash cash;
	struct exch_order *rows = NULL;
	const struct exch_order *order;
	char odno[EXCH_ODNO_SIZE], *before, *after;
	size_t count = 0;

	(void)state;
	assert_true(fd >= 0);
	trade(ex, account, EXCH_BUY, 10, 2960000);
	order = place(ex, account, EXCH_BUY, 5, 290000);
	memcpy(odno, order->odno, sizeof(odno));
	(void)place(ex, account, EXCH_SELL, 4, 300000);
	exch_power_of(ex, account, "", "00", 0, &power);
	assert_int_equal(exch_state_save(ex, path), REASON_OK);
	before = exch_ledger_json(ex);

	/* the same day goes on */
	assert_int_equal(exch_new(&config, NULL, NULL, &again), REASON_OK);
	assert_int_equal(exch_symbol_put(again, CODE, "삼성전자", false, false, 296000, 296000), REASON_OK);
	assert_int_equal(exch_state_load(again, path), REASON_OK);
	assert_int_equal(exch_day_begin(again, &same, kst_wall(same.day, 36000)), REASON_OK);
	core_check(again);
	exch_power_of(again, 0, "", "00", 0, &power_again);
	assert_int_equal(power_again.cash_won, power.cash_won);
	assert_int_equal(exch_sellable_of(again, 0, CODE), 6);
	after = exch_ledger_json(again);
	assert_string_equal(before, after);
	free(before);
	free(after);
	exch_free(again);

	/* the next day: open orders died, money moved one column */
	assert_int_equal(exch_new(&config, NULL, NULL, &again), REASON_OK);
	assert_int_equal(exch_symbol_put(again, CODE, "삼성전자", false, false, 296000, 296000), REASON_OK);
	assert_int_equal(exch_state_load(again, path), REASON_OK);
	assert_int_equal(exch_day_begin(again, &next, kst_wall(next.day, 36000)), REASON_OK);
	core_check(again);
	assert_int_equal(exch_order_of(again, same.day, odno)->rejected_qty, 5);
	assert_int_equal(exch_order_of(again, same.day, odno)->remaining_qty, 0);
	assert_int_equal(exch_sellable_of(again, 0, CODE), 10);
	exch_cash_of(again, 0, &cash);
	assert_int_equal(cash.deposit_won, 10000000);
	assert_int_equal(cash.deposit_d1_won, 10000000 - 2960000 - 420);
	assert_int_equal(exch_daily_list(again, 0, same.day, same.day, &rows, &count), REASON_OK);
	assert_int_equal(count, 3);
	free(rows);
	exch_free(again);

	/* a file of somebody else */
	assert_int_equal(truncate(path, 10), 0); /* the descriptor is of the file that was replaced */
	assert_int_equal(exch_new(&config, NULL, NULL, &again), REASON_OK);
	assert_int_not_equal(exch_state_load(again, path), REASON_OK);
	exch_free(again);
	exch_free(ex);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

/* Damaged files are refused or harmless: nothing aborts, and what was taken holds together. */
static void test_state_damaged(void **state)
{
	char path[] = "/tmp/gj-core-state-XXXXXX";
	int fd = mkstemp(path);
	struct exchange *ex = still_exchange(20260611, 20260610, EXCH_FILL_NEVER, false);
	struct exch_config config = { .seed = 1, .market = EXCH_MARKET_STILL, .fill = EXCH_FILL_NEVER };
	struct exch_day same = *exch_today(ex);
	struct sim_random random = { 12 };
	size_t account = add_account(ex, 10000000), len;
	int refused = 0, taken = 0;
	char *text;

	(void)state;
	assert_true(fd >= 0);
	trade(ex, account, EXCH_BUY, 10, 2960000);
	(void)place(ex, account, EXCH_BUY, 5, 290000);
	(void)place(ex, account, EXCH_SELL, 4, 300000);
	text = exch_ledger_json(ex);
	assert_non_null(text);
	len = strlen(text);
	exch_free(ex);
	for (int round = 0; round < 3000; round++) {
		static const char letters[] = "0123456789-{}[],:\"e.atn";
		size_t place = (size_t)sim_range(&random, 0, (int64_t)len - 1);
		char kept = text[place];

		text[place] = letters[sim_range(&random, 0, (int64_t)sizeof(letters) - 2)];
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(write(fd, text, len), (ssize_t)len);
		text[place] = kept;
		assert_int_equal(exch_new(&config, NULL, NULL, &ex), REASON_OK);
		assert_int_equal(exch_symbol_put(ex, CODE, "삼성전자", false, false, 296000, 296000),
				 REASON_OK);
		if (exch_state_load(ex, path) == REASON_OK &&
		    exch_day_begin(ex, &same, kst_wall(same.day, 40000)) == REASON_OK) {
			core_check(ex);
			exch_advance(ex, kst_wall(same.day, 60000));
			core_check(ex);
			taken++;
		} else {
			refused++;
		}
		exch_free(ex);
	}
	assert_true(refused > 500);
	assert_true(taken > 100);
	free(text);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper_sequence), cmocka_unit_test(test_columns_over_days),
		cmocka_unit_test(test_reserves),       cmocka_unit_test(test_lags),
		cmocka_unit_test(test_truth),          cmocka_unit_test(test_state_file),
		cmocka_unit_test(test_state_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
