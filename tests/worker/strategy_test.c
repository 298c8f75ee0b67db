/* strategy - parameter tables, signal files, each rule of breakout, and the demo day with the simulator's own prints. */
#include "tests/broker/market_path.h"
#include "tests/worker/engine_rig.h"
#include "shared/base/banned.h"

#define DEMO_SYMBOLS 20
#define DEMO_PRINTS  1500 /* of a symbol; the fewest a liquid share has in the simulator are far more */

/* ---- parameters ---- */

static void test_registry(void **state)
{
	(void)state;
	assert_string_equal(strategy_at(0)->name, "breakout");
	assert_string_equal(strategy_at(1)->name, "scripted");
	assert_null(strategy_at(2));
	assert_null(strategy_at(-1));
	assert_ptr_equal(strategy_find("breakout"), strategy_at(0));
	assert_null(strategy_find("breakou"));
	for (int i = 0; strategy_at(i); i++) {
		const struct strategy *st = strategy_at(i);

		assert_true(st->param_count <= PARAMS_MAX && st->state_size <= STRATEGY_STATE_MAX);
		for (int n = 0; n < st->param_count; n++) {
			assert_true(st->params[n].low <= st->params[n].def &&
				    st->params[n].def <= st->params[n].high);
			assert_true(strlen(st->params[n].unit) > 0 && strlen(st->params[n].help) > 0);
		}
	}
}

static void test_params_read(void **state)
{
	static const struct {
		const char *name, *body;
		enum reason want;
	} cases[] = {
		{ "defaults", "", REASON_OK },
		{ "an INI body", "[params]\n# a comment\n\n k_bp = 4000 \r\nstop_bp=100", REASON_OK },
		{ "unknown", "k=1\n", REASON_PARAMS_RANGE },
		{ "twice", "k_bp=4000\nk_bp=4000\n", REASON_PARAMS_RANGE },
		{ "too small", "k_bp=499\n", REASON_PARAMS_RANGE },
		{ "too large", "entries=4\n", REASON_PARAMS_RANGE },
		{ "no number", "k_bp=0.3\n", REASON_PARAMS_RANGE },
		{ "empty value", "k_bp=\n", REASON_PARAMS_RANGE },
		{ "no equals sign", "k_bp 4000\n", REASON_PARAMS_RANGE },
		{ "target far below stop", "stop_bp=1000\ntarget_bp=200\n", REASON_PARAMS_CROSS },
		{ "an order outlives the exit", "life_s=200\nexit_before_s=120\n", REASON_PARAMS_CROSS },
	};
	const struct strategy *st = strategy_find("breakout");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct strategy_params params = { .values = { -1 } };

		print_message("%s\n", cases[i].name);
		assert_int_equal(strategy_params_read(st, cases[i].body, &params), cases[i].want);
		assert_int_equal(params.values[0] == -1,
				 cases[i].want != REASON_OK); /* untouched on failure */
	}
}

static void test_params_write(void **state)
{
	const struct strategy *st = strategy_find("breakout");
	struct strategy_params a, b;
	struct digest da, db;
	char body[1024], again[1024];

	(void)state;
	assert_int_equal(strategy_params_read(st, "stop_bp=100\nk_bp=4000\n", &a), REASON_OK);
	assert_int_equal(strategy_params_write(st, &a, body, sizeof(body)), REASON_OK);
	assert_non_null(strstr(body, "budget_bp=9500\nchase_bp=300\n")); /* sorted by name, every one */
	assert_non_null(strstr(body, "k_bp=4000\n"));
	assert_int_equal(strategy_params_read(st, body, &b), REASON_OK);
	assert_int_equal(strategy_params_write(st, &b, again, sizeof(again)), REASON_OK);
	assert_string_equal(body, again);
	da = strategy_params_digest(st, &a);
	db = strategy_params_digest(st, &b);
	assert_true(digest_same(&da, &db));
	b.values[0]++;
	db = strategy_params_digest(st, &b);
	assert_false(digest_same(&da, &db));
	assert_int_equal(strategy_params_write(st, &a, body, 20), REASON_OVERFLOW);
}

static void test_signals(void **state)
{
	static const struct {
		const char *name, *text;
		enum reason want;
		int count;
	} cases[] = {
		{ "empty", "", REASON_OK, 0 },
		{ "two and a comment",
		  "# day\n10:01:00 005930 BUY LIMIT 10 81000 a\n10:02:00 005930 SELL MARKET 10 0 b\n",
		  REASON_OK, 2 },
		{ "backwards", "10:02:00 005930 BUY LIMIT 10 81000 a\n10:01:00 005930 SELL MARKET 10 0 b\n",
		  REASON_FILE_SHAPE, 0 },
		{ "market with a price", "10:01:00 005930 BUY MARKET 10 81000 a\n", REASON_FILE_SHAPE, 0 },
		{ "limit without one", "10:01:00 005930 BUY LIMIT 10 0 a\n", REASON_FILE_SHAPE, 0 },
		{ "no such side", "10:01:00 005930 HOLD LIMIT 10 81000 a\n", REASON_FILE_SHAPE, 0 },
		{ "a word too many", "10:01:00 005930 BUY LIMIT 10 81000 a b\n", REASON_FILE_SHAPE, 0 },
		{ "no code", "10:01:00 005930 BUY LIMIT 10 81000\n", REASON_FILE_SHAPE, 0 },
		{ "no time", "25:01:00 005930 BUY LIMIT 10 81000 a\n", REASON_FILE_SHAPE, 0 },
		{ "no room",
		  "10:01:00 005930 BUY LIMIT 1 81000 a\n10:01:00 005930 BUY LIMIT 1 81000 a\n10:01:00 005930 "
		  "BUY LIMIT 1 81000 a\n",
		  REASON_OVERFLOW, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct strategy_signal rows[2] = { 0 };
		int count = 0;

		print_message("%s\n", cases[i].name);
		assert_int_equal(strategy_signals_read(cases[i].text, strlen(cases[i].text),
						       (struct kst_day){ RIG_DAY }, rows, 2, &count),
				 cases[i].want);
		assert_int_equal(count, cases[i].count);
		if (cases[i].count == 2) {
			assert_int_equal(rows[0].at.us, rig_at(10, 1, 0).us);
			assert_int_equal(rows[1].side, SIDE_SELL);
			assert_int_equal(rows[1].type, TYPE_MARKET);
			assert_string_equal(rows[1].code, "b");
		}
	}
}

/* ---- breakout ---- */

/* 81,000 open, yesterday's range 4,000, k 0.3: the trigger is 82,200. */
static struct strategy_view view_at(int64_t last_won)
{
	return (struct strategy_view){ .symbol = "005930",
				       .now = rig_at(11, 0, 0),
				       .session_open = rig_at(10, 0, 0),
				       .entry_end = rig_at(15, 15, 0),
				       .session_end = rig_at(15, 30, 0),
				       .last_won = last_won,
				       .open_won = 81000,
				       .high_won = last_won,
				       .low_won = 81000,
				       .ask_won = last_won + 100,
				       .bid_won = last_won,
				       .previous_close_won = 81000,
				       .previous_high_won = 81300,
				       .previous_low_won = 77300,
				       .tick_won = 100,
				       .budget_won = 10000000,
				       .entry_allowed = true };
}

static struct strategy_decision decide(const struct strategy_view *view)
{
	const struct strategy *st = strategy_find("breakout");
	uint8_t memory[STRATEGY_STATE_MAX] = { 0 };
	static struct strategy_params params; /* outlives the decision, whatever that points at */

	assert_int_equal(
		strategy_params_read(st, "k_bp=3000\nstop_bp=150\ntarget_bp=200\nentries=2\n", &params),
		REASON_OK);
	return st->step(&params, view, memory);
}

static void test_breakout_entry(void **state)
{
	struct strategy_view view = view_at(82200);
	struct strategy_decision wish = decide(&view);

	(void)state;
	assert_int_equal(wish.want, WANT_BUY);
	assert_int_equal(wish.type, TYPE_LIMIT);
	assert_int_equal(wish.price_won, 82500); /* the ask and two ticks */
	assert_int_equal(wish.qty, 9500000 / 82500);
	assert_string_equal(wish.code, "entry");
	view = view_at(82100);
	assert_int_equal(decide(&view).want, WANT_NOTHING); /* below the trigger */
	view = view_at(84700);
	assert_int_equal(decide(&view).want, WANT_NOTHING); /* too far over it */
	view = view_at(82200);
	view.now = rig_at(10, 0, 59);
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view = view_at(82200);
	view.entry_allowed = false;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view = view_at(82200);
	view.buys_today = 2;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view = view_at(82200);
	view.last_fill_at = rig_at(10, 51, 0);
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view = view_at(82200);
	view.budget_won = 80000;
	assert_int_equal(decide(&view).want, WANT_NOTHING); /* not one share */
	view = view_at(82200);
	view.previous_high_won = view.previous_low_won;
	assert_int_equal(decide(&view).want, WANT_NOTHING); /* no range is no trigger */
	view = view_at(82200);
	view.open_won = 0;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view = view_at(82200);
	view.ask_won = 90000;
	assert_int_equal(decide(&view).price_won, 82400); /* an ask far away is not followed */
}

static void test_breakout_exit(void **state)
{
	struct strategy_view view = view_at(82000);
	struct strategy_decision wish;

	(void)state;
	view.own_qty = view.sellable_qty = 100;
	view.own_cost_won = 8200000;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view.last_won = 80800;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view.last_won = 80770; /* 1.5 % below the cost */
	wish = decide(&view);
	assert_int_equal(wish.want, WANT_SELL);
	assert_int_equal(wish.type, TYPE_MARKET);
	assert_int_equal(wish.qty, 100);
	assert_string_equal(wish.code, "stop");
	view.last_won = 83640; /* 2 % over it */
	view.bid_won = 83600;
	wish = decide(&view);
	assert_int_equal(wish.type, TYPE_LIMIT);
	assert_int_equal(wish.price_won, 83400);
	assert_string_equal(wish.code, "target");
	view.last_won = 82000;
	view.now = rig_at(15, 10, 0);
	assert_string_equal(decide(&view).code, "time");
	view.sellable_qty = 0;
	assert_int_equal(decide(&view).want, WANT_NOTHING);
}

static void test_breakout_takes_back(void **state)
{
	struct strategy_view view = view_at(82200);

	(void)state;
	view.open_buy_qty = 10;
	view.open_buy_at = rig_at(10, 59, 1);
	assert_int_equal(decide(&view).want, WANT_NOTHING);
	view.open_buy_at = rig_at(10, 59, 0);
	assert_int_equal(decide(&view).want, WANT_CANCEL_BUYS);
	view = view_at(80000);
	view.own_qty = 100;
	view.own_cost_won = 8200000;
	view.open_sell_qty = 100;
	view.open_sell_at = rig_at(10, 59, 58);
	assert_int_equal(decide(&view).want,
			 WANT_NOTHING); /* the stop is due, the limit sell gets its moment */
	view.open_sell_at = rig_at(10, 59, 55);
	assert_int_equal(decide(&view).want, WANT_CANCEL_SELLS);
}

/* ---- the demo day ---- */

struct demo_row {
	char symbol[SYMBOL_SIZE];
	struct path_figures day, before;
};

/* code,market,open,high,low,close,change,change_pct,volume,... */
static bool demo_line(char *line, char **out_code, struct path_figures *out)
{
	int64_t *const numbers[] = { NULL,           NULL,          &out->open_won,
				     &out->high_won, &out->low_won, &out->close_won,
				     NULL,           NULL,          &out->volume };
	char *rest = line;

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		char *field = strsep(&rest, ",");

		if (!field || !rest)
			return false;
		if (i == 0)
			*out_code = field;
		if (numbers[i] && !num_parse(field, strlen(field), numbers[i]))
			return false;
	}
	return true;
}

static int demo_read(const char *path, struct demo_row *rows, bool before)
{
	char line[512];
	int count = 0;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct path_figures figures = { 0 };
		char *code = NULL;

		if (!demo_line(line, &code, &figures))
			continue; /* the source line and the heads of the columns */
		assert_true(count < DEMO_SYMBOLS);
		if (before)
			assert_string_equal(rows[count].symbol, code);
		snprintf(rows[count].symbol, sizeof(rows[count].symbol), "%.11s", code);
		*(before ? &rows[count].before : &rows[count].day) = figures;
		count++;
	}
	fclose(file);
	return count;
}

struct demo_result {
	int64_t buys, sells, partial, result_won;
	enum mode mode;
	char halted_by[REASON_CODE_SIZE]; /* "" = never */
};

/* Our orders meet the prints that come after them. */
static void demo_match(struct rig *rig, const char *symbol, const struct path_print *print,
		       struct demo_result *res)
{
	int64_t qty_left = print->qty;

	for (int i = 0; i < rig->row_count && qty_left > 0; i++) {
		struct broker_order *row = &rig->rows[i];
		bool crosses = row->type == TYPE_MARKET ||
			       (row->side == SIDE_BUY ? row->price_won >= print->price_won
						      : row->price_won <= print->price_won);
		int64_t qty = row->open_qty < qty_left ? row->open_qty : qty_left;

		if (row->is_cancel || qty == 0 || !crosses || strcmp(row->symbol, symbol) != 0)
			continue;
		res->partial += qty < row->open_qty;
		rig_fill_row(row, qty, print->price_won);
		qty_left -= qty;
	}
}

static void demo_orders(struct rig *rig, struct demo_result *res)
{
	struct rig_intent *it;

	while ((it = rig_intent(rig)) != NULL) {
		struct broker_order *row = rig_accept(rig, it);

		if (it->order.kind == INTENT_NEW) {
			res->buys += it->order.side == SIDE_BUY;
			res->sells += it->order.side == SIDE_SELL;
			continue;
		}
		row = rig_find(rig, row->orig_odno);
		assert_non_null(row);
		row->cancelled_qty += row->open_qty;
		row->open_qty = 0;
	}
}

/* Which of the engine's own causes ended it. */
static void demo_halt(const struct rig *rig, struct demo_result *res)
{
	for (int i = 0; i < rig->out.count; i++) {
		const struct engine_action *act = &rig->out.rows[i];

		if (act->kind == ACTION_MODE && act->u.mode.to == MODE_HALT && res->halted_by[0] == '\0')
			memcpy(res->halted_by, act->u.mode.code, sizeof(res->halted_by));
	}
}

static void demo_second(struct rig *rig, int64_t second, const int64_t *last_won, struct demo_result *res)
{
	int wanted = rig->listings_wanted;

	rig->now.us = kst_wall(rig->in.day, second).us;
	if (second % 40 == 0) {
		for (int i = 0; i < rig->in.symbol_count; i++) {
			struct engine_event ev = { .kind = EVENT_REST_PRICE };

			memcpy(ev.u.price.symbol, rig->in.symbols[i].symbol, SYMBOL_SIZE);
			ev.u.price.price_won = last_won[i];
			rig_step_fast(rig, &ev);
		}
	}
	rig_timer(rig);
	demo_halt(rig, res);
	demo_orders(rig, res);
	if (rig->listings_wanted > wanted || second % 5 == 0)
		rig_listing(rig);
	demo_halt(rig, res);
	demo_orders(rig, res);
}

static struct demo_result demo_day(const char *params, uint64_t seed, bool half)
{
	static struct demo_row rows[DEMO_SYMBOLS];
	static struct path paths[DEMO_SYMBOLS];
	int64_t last[DEMO_SYMBOLS], volume[DEMO_SYMBOLS] = { 0 }, high[DEMO_SYMBOLS] = { 0 },
				    low[DEMO_SYMBOLS] = { 0 };
	struct demo_result res = { 0 };
	struct rig *rig = rig_new();
	struct engine_event start = { .kind = EVENT_START };

	assert_int_equal(demo_read("tests/data/krx_20210104.csv", rows, false), DEMO_SYMBOLS);
	assert_int_equal(demo_read("tests/data/krx_20201230.csv", rows, true), DEMO_SYMBOLS);
	rig_params(rig, "breakout", params);
	if (half) {
		struct limit_set *lim = &rig->in.limits;

		lim->loss_day_won /= 2;
		lim->exposure_symbol_won /= 2;
		lim->exposure_gross_won /= 2;
		lim->positions_max /= 2;
		lim->order_value_won /= 2;
		lim->order_volume_bp /= 2;
		lim->rate_minute /= 2;
		lim->rate_symbol_day /= 2;
		lim->rate_day /= 2;
		lim->losing_streak /= 2;
	}
	for (int i = 0; i < DEMO_SYMBOLS; i++) {
		struct rules_grid grid = rules_grid(rig->in.day, false, false);

		rig_symbol(rig, rows[i].symbol, rows[i].before.close_won, rows[i].before.high_won,
			   rows[i].before.low_won);
		rig->in.symbols[i].volume_average_qty = rows[i].before.volume;
		assert_true(path_init(&paths[i], seed, rows[i].symbol, rig->in.day, grid, &rows[i].day, 36000,
				      55800, DEMO_PRINTS));
		last[i] = rows[i].day.open_won;
		high[i] = low[i] = last[i];
	}
	assert_int_equal(engine_new(&rig->in, &rig->eng), REASON_OK);
	rig_step(rig, &start);
	rig_control(rig, CONTROL_ROW, MODE_TRADE, true);
	rig_control(rig, CONTROL_FILE, MODE_TRADE, true);
	rig_feed(rig, FEED_UP, "");
	for (int i = 0; i < DEMO_SYMBOLS; i++)
		rig_feed(rig, FEED_SYMBOL_UP, rows[i].symbol);
	rig_listing(rig);
	for (int64_t second = 36000; second < 56500 && rig->dones == 0; second++) {
		demo_second(rig, second, last, &res);
		for (int i = 0; i < DEMO_SYMBOLS; i++) {
			while (paths[i].has_next &&
			       paths[i].next.at.us < kst_wall(rig->in.day, second + 1).us) {
				struct engine_event ev = { .kind = EVENT_TICK };

				last[i] = paths[i].next.price_won;
				high[i] = last[i] > high[i] ? last[i] : high[i];
				low[i] = last[i] < low[i] ? last[i] : low[i];
				volume[i] += paths[i].next.qty;
				rig->now = paths[i].next.at;
				ev.u.tick = (struct trade_tick){ .price_won = last[i],
								 .qty = paths[i].next.qty,
								 .volume_qty = volume[i],
								 .ask_won = last[i],
								 .bid_won = last[i],
								 .open_won = rows[i].day.open_won,
								 .high_won = high[i],
								 .low_won = low[i] };
				memcpy(ev.u.tick.symbol, rows[i].symbol, SYMBOL_SIZE);
				demo_match(rig, rows[i].symbol, &paths[i].next, &res);
				rig_step_fast(rig, &ev);
				demo_orders(rig, &res);
				path_step(&paths[i]);
			}
		}
	}
	res.mode = engine_mode(rig->eng);
	res.result_won = engine_status(rig->eng).day_result_won;
	assert_int_equal(rig->dones, 1);
	for (int i = 0; i < DEMO_SYMBOLS; i++) {
		const struct position *pos = engine_position(rig->eng, rows[i].symbol);

		if (res.mode == MODE_TRADE)
			assert_true(!pos || pos->lot.qty == 0); /* the time exit leaves nothing over night */
	}
	rig_free(rig);
	return res;
}

/* With the default parameters and limits, whatever the seed. Losers in a row may end the day in HALT: that is the limit's work. */
static void test_demo_day(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct demo_result res = demo_day("", seed, false);

		print_message(
			"seed %llu: %lld buys, %lld sells, %lld partial fills, result %lld won, %s %s\n",
			(unsigned long long)seed, (long long)res.buys, (long long)res.sells,
			(long long)res.partial, (long long)res.result_won, mode_text(res.mode),
			res.halted_by);
		assert_true(res.mode == MODE_TRADE || strcmp(res.halted_by, "guard-streak") == 0);
		assert_true(res.buys >= 10 && res.sells >= 10);
		assert_true(res.buys + res.sells >= 20 && res.partial > 0);
	}
}

static void test_demo_day_halved(void **state)
{
	struct demo_result res = demo_day("", 1, true);

	(void)state;
	assert_true(res.buys >= 3 && res.sells >= 3);
	assert_true(res.mode == MODE_TRADE || strcmp(res.halted_by, "guard-streak") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_params_read),
		cmocka_unit_test(test_params_write),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_breakout_entry),
		cmocka_unit_test(test_breakout_exit),
		cmocka_unit_test(test_breakout_takes_back),
		cmocka_unit_test(test_demo_day),
		cmocka_unit_test(test_demo_day_halved),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
