/*
 * rehearsal_compare - the proof at the end of a rehearsal: our rows against what the simulator itself booked.
 *
 * Per order: shares and gross amount. Per symbol: shares held and their cost, and what was bought and sold by
 * our fills. Per day: fees and tax together, and the cash
 * of the day after tomorrow. Both ways: an order on one side only is a difference too.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ops/day_view.h"
#include "ops/rehearsal.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define DUMP_SIZE_MAX (16 * 1024 * 1024)
#define LEDGER_BUY    2 /* as the simulator's dump says it */
#define LEDGER_SELL   1

struct comparison {
	int orders, orders_differ, symbols, symbols_differ;
	int64_t costs_ours, costs_theirs, cash_ours, cash_theirs;
};

static int64_t number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);

	/* Won below 2^53 are exact in the JSON library's numbers. */
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : INT64_MIN;
}

static const char *text(const cJSON *object, const char *name)
{
	const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

	return found != NULL ? found : "";
}

/* One line out, one line in, over the simulator's control socket. */
static enum reason ask_ledger(struct rehearsal *r, cJSON **out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	static const char question[] = "{\"do\":\"dump\"}\n";
	char *answer = malloc(DUMP_SIZE_MAX);
	size_t got = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum reason why = REASON_OK;

	if (answer == NULL || fd < 0)
		why = reason_set(REASON_NO_MEMORY, "no room for the simulator's ledger");
	if (why == REASON_OK && snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock",
					 r->dir) >= (int)sizeof(address.sun_path))
		why = reason_set(REASON_PATH_LONG,
				 "the control socket's path is over 107 bytes; use a shorter --dir");
	if (why == REASON_OK && (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
				 write(fd, question, sizeof(question) - 1) != (ssize_t)sizeof(question) - 1))
		why = reason_set(REASON_REHEARSAL_FAILED,
				 "the simulator does not answer on its control socket: %s", strerror(errno));
	while (why == REASON_OK && (got == 0 || answer[got - 1] != '\n')) {
		ssize_t n = got < DUMP_SIZE_MAX - 1 ? read(fd, answer + got, DUMP_SIZE_MAX - 1 - got) : 0;

		if (n <= 0)
			why = reason_set(REASON_REHEARSAL_FAILED,
					 "the simulator's ledger broke off after %zu bytes", got);
		else
			got += (size_t)n;
	}
	if (why == REASON_OK) {
		answer[got] = '\0';
		*out = cJSON_Parse(answer);
		if (*out == NULL)
			why = reason_set(REASON_REHEARSAL_FAILED, "the simulator's ledger is not understood");
	}
	if (fd >= 0)
		(void)close(fd);
	free(answer);
	return why;
}

static const struct order *our_order(const struct day_view *view, const char *odno)
{
	for (int i = 0; i < view->order_count; i++) {
		if (view->orders[i].kind == INTENT_NEW && strcmp(view->orders[i].odno, odno) == 0)
			return &view->orders[i];
	}
	return NULL;
}

static void compare_orders(const struct day_view *view, const cJSON *ledger, struct comparison *c)
{
	const cJSON *row;
	int theirs = 0, ours = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(ledger, "orders"))
	{
		const struct order *order;

		if (number(row, "kind") != 0) /* cancels and changes fill nothing */
			continue;
		theirs++;
		order = our_order(view, text(row, "odno"));
		if (order == NULL || order->filled_qty != number(row, "filled_qty") ||
		    order->filled_won != number(row, "filled_won") ||
		    strcmp(order->symbol, text(row, "code")) != 0) {
			c->orders_differ++;
			printf("  order %s %s: ours %lld shares %lld won, theirs %lld shares %lld won\n",
			       text(row, "odno"), text(row, "code"),
			       order != NULL ? (long long)order->filled_qty : -1LL,
			       order != NULL ? (long long)order->filled_won : -1LL,
			       (long long)number(row, "filled_qty"), (long long)number(row, "filled_won"));
		}
	}
	for (int i = 0; i < view->order_count; i++)
		ours += view->orders[i].kind == INTENT_NEW && view->orders[i].odno[0] != '\0';
	c->orders = theirs;
	if (ours != theirs) {
		c->orders_differ++;
		printf("  orders with a number: ours %d, theirs %d\n", ours, theirs);
	}
}

/* Shares and gross amount of a symbol's orders of one side, by the simulator. */
static void traded(const cJSON *ledger, const char *code, int64_t side, int64_t *out_qty, int64_t *out_won)
{
	const cJSON *row;

	*out_qty = *out_won = 0;
	cJSON_ArrayForEach(row, cJSON_GetObjectItem(ledger, "orders"))
	{
		if (strcmp(text(row, "code"), code) != 0 || number(row, "side") != side)
			continue;
		*out_qty += number(row, "filled_qty");
		*out_won += number(row, "filled_won");
	}
}

static bool same_trades(const struct position *pos, const cJSON *ledger, const char *code)
{
	int64_t bought_qty, bought_won, sold_qty, sold_won;

	traded(ledger, code, LEDGER_BUY, &bought_qty, &bought_won);
	traded(ledger, code, LEDGER_SELL, &sold_qty, &sold_won);
	return bought_qty == pos->bought_qty && bought_won == pos->bought_won && sold_qty == pos->sold_qty &&
	       sold_won == pos->sold_won;
}

static void compare_symbols(struct day_view *view, const cJSON *ledger, const cJSON *account,
			    struct comparison *c)
{
	static const struct position nothing;
	const cJSON *row;
	int held = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(account, "holdings"))
	{
		const struct position *found = position_find(&view->book, text(row, "code"), OWNER_SYS);
		const struct position *pos = found != NULL ? found : &nothing;

		c->symbols++;
		held += number(row, "qty") != 0;
		if (pos->lot.qty != number(row, "qty") || pos->lot.cost_won != number(row, "cost_won") ||
		    !same_trades(pos, ledger, text(row, "code"))) {
			c->symbols_differ++;
			printf("  %s: ours %lld shares cost %lld won, theirs %lld shares cost %lld won\n",
			       text(row, "code"), (long long)pos->lot.qty, (long long)pos->lot.cost_won,
			       (long long)number(row, "qty"), (long long)number(row, "cost_won"));
		}
	}
	for (int i = 0; i < view->book.count; i++)
		held -= view->book.rows[i].lot.qty != 0;
	if (held != 0) {
		c->symbols_differ++;
		printf("  positions on one side only: %d\n", held);
	}
}

static void print_result(const struct comparison *c, bool same)
{
	char a[WON_TEXT_SIZE], b[WON_TEXT_SIZE];

	printf("\nAgainst the simulator's own ledger:\n");
	printf("  %d orders, shares and amount each: %s\n", c->orders,
	       c->orders_differ == 0 ? "equal" : "DIFFERENT");
	printf("  %d symbols, bought, sold, held, cost: %s\n", c->symbols,
	       c->symbols_differ == 0 ? "equal" : "DIFFERENT");
	printf("  fees and tax of the day: ours %s, theirs %s\n", won_text(c->costs_ours, a),
	       won_text(c->costs_theirs, b));
	printf("  cash of D+2:             ours %s, theirs %s\n", won_text(c->cash_ours, a),
	       won_text(c->cash_theirs, b));
	printf("  %s\n", same ? "everything equal" : "NOT EQUAL");
}

enum reason rehearsal_compare(struct rehearsal *r, bool *out_same)
{
	struct house house = HOUSE_INIT;
	struct ops_args args = { .config = r->conf_path };
	struct day_view *view = NULL;
	struct comparison c = { 0 };
	cJSON *dump = NULL;
	const cJSON *ledger, *account;
	enum reason why = house_open(
		&house, &args, NEED_CONF | NEED_CALENDAR | NEED_CLOCK | NEED_DB | NEED_ACCOUNT, "gj_reader");

	if (why == REASON_OK)
		why = day_view_load(&house, &view);
	if (why == REASON_OK)
		why = ask_ledger(r, &dump);
	if (why == REASON_OK) {
		ledger = cJSON_GetObjectItem(dump, "ledger");
		account = cJSON_GetArrayItem(cJSON_GetObjectItem(ledger, "accounts"), 0);
		compare_orders(view, ledger, &c);
		compare_symbols(view, ledger, account, &c);
		c.costs_ours = view->fee_won + view->tax_won;
		c.costs_theirs = number(account, "thdt_cost_won");
		c.cash_ours = view->cash_won;
		c.cash_theirs = number(account, "deposit_d2_won");
		*out_same = account != NULL && c.orders_differ == 0 && c.symbols_differ == 0 &&
			    c.costs_ours == c.costs_theirs && c.cash_ours == c.cash_theirs;
		print_result(&c, *out_same);
	}
	cJSON_Delete(dump);
	day_view_free(view);
	house_close(&house);
	return why;
}
