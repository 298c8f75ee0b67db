/*
 * accounts - cash columns, holdings, fees and taxes.
 *
 * Cash    D+0 does not move with today's trades; D+1 has yesterday's, D+2 today's with fees and taxes. At the
 *         change of day everything moves one column to the left (settlement T+2).
 * Fees    commission on the day's cumulative buys and on its cumulative sells, each cut to 10 won; taxes on the
 *         cumulative sells, each part cut to 1 won; per symbol, or per account by configuration.
 * Cost    average cost: a sale takes cost in proportion, what stays is rounded down to 1 won.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

static int64_t times(int64_t price_won, int64_t qty)
{
	int64_t won = 0;

	BUG_IF(!won_mul(price_won, qty, &won), "prices and quantities are bounded on entry");
	return won;
}

/* ---- ledgers ---- */

static size_t ledger_place(const struct ledger *ledger, const char *code, bool *out_there)
{
	size_t low = 0, high = ledger->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(ledger->holdings[middle].code, code);

		if (order == 0) {
			*out_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*out_there = false;
	return low;
}

const struct holding *ledger_find(const struct ledger *ledger, const char *code)
{
	bool there;
	size_t place = ledger_place(ledger, code, &there);

	return there ? &ledger->holdings[place] : NULL;
}

struct holding *ledger_holding(struct ledger *ledger, const char *code, bool make)
{
	bool there;
	size_t place = ledger_place(ledger, code, &there);

	if (there)
		return &ledger->holdings[place];
	if (!make)
		return NULL;
	ledger->holdings =
		core_grow(ledger->holdings, &ledger->cap, ledger->count, sizeof(*ledger->holdings));
	memmove(&ledger->holdings[place + 1], &ledger->holdings[place],
		(ledger->count - place) * sizeof(*ledger->holdings));
	ledger->count++;
	ledger->holdings[place] = (struct holding){ 0 };
	BUG_IF(core_copy(ledger->holdings[place].code, EXCH_CODE_SIZE, code, "code") != REASON_OK,
	       "codes are checked on entry");
	return &ledger->holdings[place];
}

void ledger_clear(struct ledger *ledger)
{
	free(ledger->holdings);
	*ledger = (struct ledger){ 0 };
}

static int64_t sell_tax_won(const struct exchange *ex, const char *code, int64_t amount_won)
{
	const struct symbol *symbol = core_symbol(ex, code);

	return rules_tax_won(ex->day.day, symbol != NULL && symbol->quote.kosdaq,
			     symbol != NULL && symbol->quote.etf, amount_won);
}

int64_t ledger_cost_won(const struct exchange *ex, const struct account *account, const struct ledger *ledger)
{
	int64_t cost = 0, buys = 0, sells = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		const struct holding *holding = &ledger->holdings[i];

		buys += holding->thdt_buy_won;
		sells += holding->thdt_sell_won;
		cost += sell_tax_won(ex, holding->code, holding->thdt_sell_won);
		if (!ex->config.fee_per_account)
			cost += rules_commission_won(account->who.commission_ppm, holding->thdt_buy_won) +
				rules_commission_won(account->who.commission_ppm, holding->thdt_sell_won);
	}
	if (ex->config.fee_per_account)
		cost += rules_commission_won(account->who.commission_ppm, buys) +
			rules_commission_won(account->who.commission_ppm, sells);
	return cost;
}

int64_t ledger_d1_won(const struct ledger *ledger)
{
	return ledger->deposit_won + ledger->bfdy_sell_won - ledger->bfdy_buy_won - ledger->bfdy_cost_won +
	       ledger->bfdy_adjust_won;
}

static void ledger_sums(const struct ledger *ledger, int64_t *out_buy_won, int64_t *out_sell_won)
{
	*out_buy_won = 0;
	*out_sell_won = 0;
	for (size_t i = 0; i < ledger->count; i++) {
		*out_buy_won += ledger->holdings[i].thdt_buy_won;
		*out_sell_won += ledger->holdings[i].thdt_sell_won;
	}
}

int64_t ledger_d2_won(const struct exchange *ex, const struct account *account, const struct ledger *ledger)
{
	int64_t buys, sells;

	ledger_sums(ledger, &buys, &sells);
	return ledger_d1_won(ledger) + sells - buys - ledger_cost_won(ex, account, ledger) +
	       ledger->thdt_adjust_won;
}

/* ---- postings ---- */

static void ledger_post(struct exchange *ex, struct ledger *ledger, const struct posting *posting)
{
	struct holding *holding = ledger_holding(ledger, posting->code, true);

	holding->reserved_qty += posting->reserve_qty;
	if (posting->buy_qty > 0) {
		holding->qty += posting->buy_qty;
		holding->cost_won += posting->buy_won;
		holding->thdt_buy_qty += posting->buy_qty;
		holding->thdt_buy_won += posting->buy_won;
		holding->empty_since = (struct kst_day){ 0 };
		holding->empty_rolls = 0;
	}
	if (posting->sell_qty > 0) {
		int64_t left = holding->qty - posting->sell_qty, cost_left = 0;

		/* Control may have written fewer shares than an order sells: the row then goes below zero openly. */
		if (left > 0)
			BUG_IF(!won_muldiv_floor(holding->cost_won, left, holding->qty, &cost_left),
			       "a cost fits");
		holding->realised_won += posting->sell_won - (holding->cost_won - cost_left);
		holding->qty = left;
		holding->cost_won = cost_left;
		holding->thdt_sell_qty += posting->sell_qty;
		holding->thdt_sell_won += posting->sell_won;
		if (left == 0)
			holding->empty_since = ex->day.day;
	}
}

/* What the balance shows has caught up: it is what is, whatever order the delays brought things in. */
static void ledger_catch_up(struct account *account)
{
	struct ledger copy = account->real;

	copy.holdings = account->seen.holdings;
	copy.cap = account->seen.cap;
	for (copy.count = 0; copy.count < account->real.count; copy.count++) {
		copy.holdings = core_grow(copy.holdings, &copy.cap, copy.count, sizeof(*copy.holdings));
		copy.holdings[copy.count] = account->real.holdings[copy.count];
	}
	account->seen = copy;
}

void postings_due(struct exchange *ex, bool all)
{
	size_t done = 0;
	bool waits[EXCH_ACCOUNTS_MAX] = { false }, moved[EXCH_ACCOUNTS_MAX] = { false };

	for (; done < ex->posting_count && (all || ex->postings[done].due.us <= ex->now.us); done++) {
		ledger_post(ex, &ex->accounts[ex->postings[done].account].seen, &ex->postings[done]);
		moved[ex->postings[done].account] = true;
	}
	if (done == 0)
		return;
	ex->posting_count -= done;
	memmove(ex->postings, ex->postings + done, ex->posting_count * sizeof(*ex->postings));
	for (size_t i = 0; i < ex->posting_count; i++)
		waits[ex->postings[i].account] = true;
	for (size_t i = 0; i < ex->account_count; i++)
		if (moved[i] && !waits[i])
			ledger_catch_up(&ex->accounts[i]);
}

void posting_put(struct exchange *ex, const struct posting *posting, struct wall not_before)
{
	struct account *account = &ex->accounts[posting->account];
	struct posting late = *posting;
	size_t place;

	ledger_post(ex, &account->real, posting);
	BUG_IF(ledger_find(&account->real, posting->code)->reserved_qty < 0,
	       "only what was reserved is released");
	late.due = wall_add_us(ex->now, ex->lags.balance_us);
	if (late.due.us < not_before.us)
		late.due = not_before;
	ex->postings = core_grow(ex->postings, &ex->posting_cap, ex->posting_count, sizeof(*ex->postings));
	for (place = ex->posting_count; place > 0 && ex->postings[place - 1].due.us > late.due.us; place--)
		ex->postings[place] = ex->postings[place - 1];
	ex->postings[place] = late;
	ex->posting_count++;
	postings_due(ex, false);
}

/* ---- change of day ---- */

static int64_t ledger_value_won(const struct exchange *ex, const struct ledger *ledger, int64_t *out_cost_won)
{
	int64_t value = 0;

	*out_cost_won = 0;
	for (size_t i = 0; i < ledger->count; i++) {
		const struct symbol *symbol = core_symbol(ex, ledger->holdings[i].code);

		*out_cost_won += ledger->holdings[i].cost_won;
		if (symbol != NULL && ledger->holdings[i].qty > 0)
			value += times(symbol->quote.last_won, ledger->holdings[i].qty);
		else if (ledger->holdings[i].qty > 0)
			value += ledger->holdings[i].cost_won;
	}
	return value;
}

static void ledger_roll(struct exchange *ex, const struct account *account, struct ledger *ledger)
{
	int64_t buys, sells, cost, holdings_cost, d1 = ledger_d1_won(ledger);
	size_t kept = 0;

	ledger_sums(ledger, &buys, &sells);
	cost = ledger_cost_won(ex, account, ledger);
	ledger->bfdy_total_won =
		ledger_d2_won(ex, account, ledger) + ledger_value_won(ex, ledger, &holdings_cost);
	ledger->deposit_won = d1;
	ledger->bfdy_buy_won = buys;
	ledger->bfdy_sell_won = sells;
	ledger->bfdy_cost_won = cost;
	ledger->bfdy_adjust_won = ledger->thdt_adjust_won;
	ledger->thdt_adjust_won = 0;
	for (size_t i = 0; i < ledger->count; i++) {
		struct holding *holding = &ledger->holdings[i];

		holding->bfdy_buy_qty = holding->thdt_buy_qty;
		holding->bfdy_sell_qty = holding->thdt_sell_qty;
		holding->other_day_qty = holding->bfdy_buy_qty - holding->bfdy_sell_qty;
		holding->thdt_buy_qty = holding->thdt_sell_qty = 0;
		holding->thdt_buy_won = holding->thdt_sell_won = 0;
		holding->realised_won = 0;
		holding->frozen_qty = 0;
		if (holding->qty == 0)
			holding->empty_rolls++;
		if (holding->qty != 0 || holding->empty_rolls < CORE_EMPTY_ROLLS)
			ledger->holdings[kept++] = *holding;
	}
	ledger->count = kept;
}

void accounts_roll(struct exchange *ex)
{
	for (size_t i = 0; i < ex->account_count; i++) {
		ledger_roll(ex, &ex->accounts[i], &ex->accounts[i].real);
		ledger_roll(ex, &ex->accounts[i], &ex->accounts[i].seen);
	}
}

void accounts_release(struct exchange *ex)
{
	core_pump_all(ex);
	for (size_t i = 0; i < ex->account_count; i++) {
		struct account *account = &ex->accounts[i];

		account->reserve_won = 0;
		for (size_t j = 0; j < account->real.count; j++)
			account->real.holdings[j].reserved_qty = 0;
		for (size_t j = 0; j < account->seen.count; j++)
			account->seen.holdings[j].reserved_qty = 0;
	}
	for (size_t i = 0; i < ex->order_count; i++)
		ex->orders[i]->reserve_won = ex->orders[i]->reserve_qty = 0;
}

/* ---- the public part ---- */

enum reason exch_account_add(struct exchange *ex, const struct exch_account *account, size_t *out_index)
{
	/* Real ones that were seen, and a library's own default first: what it sends unasked must be right. */
	static const char *const branches[] = { "06010", "91252", "03930", "06590" };
	const char *branch = ex->config.paper ? "00950" : branches[ex->account_count % ARRAY_COUNT(branches)];
	struct account *mine;

	if (ex->account_count == EXCH_ACCOUNTS_MAX)
		return reason_set(REASON_CONF_RANGE, "the simulator serves at most %d accounts",
				  EXCH_ACCOUNTS_MAX);
	if (account->cash_won < -CORE_AMOUNT_MAX || account->cash_won > CORE_AMOUNT_MAX)
		return reason_set(REASON_CONF_RANGE, "cash of account %s cannot be", account->number);
	if (account->commission_ppm < 0 || account->commission_ppm > 100000)
		return reason_set(REASON_CONF_RANGE, "commission of account %s must be 0 .. 100000 ppm",
				  account->number);
	mine = &ex->accounts[ex->account_count];
	*mine = (struct account){ .who = *account };
	if (mine->who.branch[0] == '\0')
		memcpy(mine->who.branch, branch, strlen(branch) + 1);
	mine->real.deposit_won = mine->seen.deposit_won = account->cash_won;
	mine->real.bfdy_total_won = mine->seen.bfdy_total_won = account->cash_won;
	if (out_index != NULL)
		*out_index = ex->account_count;
	ex->account_count++;
	return REASON_OK;
}

size_t exch_account_count(const struct exchange *ex)
{
	return ex->account_count;
}

const struct exch_account *exch_account_at(const struct exchange *ex, size_t account)
{
	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	return &ex->accounts[account].who;
}

enum reason exch_holdings_list(const struct exchange *ex, size_t account, bool with_other_day,
			       struct exch_holding **out, size_t *out_count)
{
	const struct ledger *ledger = &ex->accounts[account].seen;
	struct exch_holding *rows;
	size_t count = 0;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	rows = calloc(ledger->count + 1, sizeof(*rows));
	if (rows == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for %zu holdings", ledger->count);
	for (size_t i = 0; i < ledger->count; i++) {
		const struct holding *holding = &ledger->holdings[i];
		const struct symbol *symbol = core_symbol(ex, holding->code);
		struct exch_holding *row = &rows[count];

		if (holding->qty == 0 && holding->empty_since.yyyymmdd == 0 && holding->thdt_sell_qty == 0)
			continue; /* a posting that only released shares leaves no row */
		if (holding->qty == 0 && ex->config.drop_zero_rows)
			continue;
		*row = (struct exch_holding){ .qty = holding->qty,
					      .cost_won = holding->cost_won,
					      .bfdy_buy_qty = holding->bfdy_buy_qty,
					      .bfdy_sell_qty = holding->bfdy_sell_qty,
					      .thdt_buy_qty = holding->thdt_buy_qty,
					      .thdt_sell_qty = holding->thdt_sell_qty,
					      .other_day_qty = holding->other_day_qty,
					      .thdt_realised_won = holding->realised_won,
					      .empty_since = holding->empty_since };
		memcpy(row->code, holding->code, sizeof(row->code));
		if (!with_other_day && holding->other_day_qty != 0) {
			row->qty = holding->qty - holding->other_day_qty;
			if (row->qty <= 0 && holding->qty > 0)
				continue;
			if (holding->qty > 0)
				BUG_IF(!won_muldiv_floor(holding->cost_won, row->qty, holding->qty,
							 &row->cost_won),
				       "a cost fits");
		}
		row->sellable_qty = row->qty - holding->reserved_qty - holding->frozen_qty;
		if (row->sellable_qty < 0)
			row->sellable_qty = 0;
		row->price_won = symbol != NULL ? symbol->quote.last_won : 0;
		count++;
	}
	*out = rows;
	*out_count = count;
	return REASON_OK;
}

void exch_cash_of(const struct exchange *ex, size_t account, struct exch_cash *out)
{
	const struct account *mine = &ex->accounts[account];
	const struct ledger *ledger = &mine->seen;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	*out = (struct exch_cash){ .deposit_won = ledger->deposit_won,
				   .deposit_d1_won = ledger_d1_won(ledger),
				   .deposit_d2_won = ledger_d2_won(ex, mine, ledger),
				   .thdt_cost_won = ledger_cost_won(ex, mine, ledger),
				   .bfdy_buy_won = ledger->bfdy_buy_won,
				   .bfdy_sell_won = ledger->bfdy_sell_won,
				   .bfdy_cost_won = ledger->bfdy_cost_won,
				   .bfdy_total_won = ledger->bfdy_total_won };
	ledger_sums(ledger, &out->thdt_buy_won, &out->thdt_sell_won);
	out->holdings_value_won = ledger_value_won(ex, ledger, &out->holdings_cost_won);
	out->total_won = out->deposit_d2_won + out->holdings_value_won;
}

int64_t account_cash_now(const struct exchange *ex, size_t account)
{
	const struct account *mine = &ex->accounts[account];

	return ledger_d2_won(ex, mine, &mine->real) - mine->reserve_won;
}

void exch_power_of(const struct exchange *ex, size_t account, const char *code, const char *dvsn,
		   int64_t price_won, struct exch_power *out)
{
	const struct account *mine = &ex->accounts[account];
	const struct symbol *symbol = core_symbol(ex, code);
	int64_t buys, sells, fee;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	*out = (struct exch_power){ .cash_won = account_cash_now(ex, account) };
	if (out->cash_won < 0)
		out->cash_won = 0;
	ledger_sums(&mine->real, &buys, &sells);
	out->reuse_won = sells + mine->real.bfdy_sell_won;
	fee = rules_commission_max_won(mine->who.commission_ppm, out->cash_won);
	out->amount_won = out->cash_won > fee ? out->cash_won - fee : 0;
	if (symbol == NULL)
		return;
	out->calc_price_won = price_won <= 0 || order_is_market(dvsn) ? symbol->quote.upper_won : price_won;
	if (out->calc_price_won <= 0)
		return;
	out->qty = out->cash_won / out->calc_price_won;
	while (out->qty > 0) {
		int64_t amount = times(out->calc_price_won, out->qty);

		if (amount + rules_commission_max_won(mine->who.commission_ppm, amount) <= out->cash_won)
			break;
		out->qty--;
	}
}

int64_t exch_sellable_of(const struct exchange *ex, size_t account, const char *code)
{
	const struct holding *holding = ledger_find(&ex->accounts[account].real, code);
	int64_t qty;

	BUG_IF(account >= ex->account_count, "the caller knows its accounts");
	if (holding == NULL)
		return 0;
	qty = holding->qty - holding->reserved_qty - holding->frozen_qty;
	return qty > 0 ? qty : 0;
}

int64_t exch_cost_estimate(const struct exchange *ex, size_t account, const char *code, enum exch_side side,
			   int64_t amount_won)
{
	int64_t won = rules_commission_won(ex->accounts[account].who.commission_ppm, amount_won);

	return side == EXCH_SELL ? won + sell_tax_won(ex, code, amount_won) : won;
}
