/*
 * engine_bench - steps of the engine per second, alone and through the journal, and the copying of its events as floor.
 *
 * 20 symbols, breakout with its default parameters, prices that walk by single ticks round the open, so that the strategy
 * looks at every tick and seldom acts. The journal is written into memory mapped from a file and sealed as the worker
 * does; it is not flushed to the disk here, as it is not on the worker's tick path either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "tests/bench/figure.h"
#include "tests/worker/engine_day.h"
#include "worker/journal.h"
#include "shared/base/banned.h"

#define SYMBOLS 20
#define TICKS   400000
#define ROUNDS  7

static struct engine_inputs in;
static struct engine_actions out;
static struct engine_event ticks[TICKS];

static void must(enum reason why)
{
	if (why == REASON_OK)
		return;
	fprintf(stderr, "engine_bench: %s\n", reason_detail());
	exit(1);
}

static void inputs_make(void)
{
	const struct strategy *st = strategy_find("breakout");

	engine_day_inputs(&in);
	in.epoch = 1;
	snprintf(in.strategy, sizeof(in.strategy), "breakout");
	in.strategy_version = st->version;
	must(strategy_params_read(st, "", &in.params));
	for (int i = 0; i < SYMBOLS; i++) {
		struct engine_symbol *row = &in.symbols[in.symbol_count++];

		snprintf(row->symbol, sizeof(row->symbol), "%06d", i * 37 + 10);
		row->member = row->entry_allowed = true;
		row->previous_close_won = 80000;
		row->previous_high_won = 82000;
		row->previous_low_won = 78000;
		row->volume_average_qty = 1000000;
		BUG_IF(!price_band(in.day, row->market, row->kind, 80000, &row->band), "80,000 has a band");
	}
}

static void ticks_make(void)
{
	uint64_t seed = 1;
	int64_t price_won[SYMBOLS];

	for (int i = 0; i < SYMBOLS; i++)
		price_won[i] = 80000;
	for (int n = 0; n < TICKS; n++) {
		struct engine_event *ev = &ticks[n];
		int i;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		i = (int)((seed >> 33) % SYMBOLS);
		price_won[i] += ((int64_t)(seed >> 60) % 3 - 1) * 100;
		if (price_won[i] < 79000 || price_won[i] > 81000)
			price_won[i] = 80000;
		*ev = (struct engine_event){ .kind = EVENT_TICK,
					     .at = { in.session_open.us + n * (int64_t)40000 } };
		memcpy(ev->u.tick.symbol, in.symbols[i].symbol, SYMBOL_SIZE);
		ev->u.tick.price_won = ev->u.tick.ask_won = ev->u.tick.bid_won = price_won[i];
		ev->u.tick.open_won = 80000;
		ev->u.tick.high_won = 81000;
		ev->u.tick.low_won = 79000;
		ev->u.tick.qty = 10;
		ev->u.tick.volume_qty = n * 10;
	}
}

static void feed(struct journal *jrn, struct engine *eng, struct engine_event *ev)
{
	if (jrn)
		must(journal_step(jrn, eng, ev, &out));
	else
		engine_step(eng, ev, &out);
}

static void ready(struct journal *jrn, struct engine *eng)
{
	struct engine_event ev = { .kind = EVENT_START, .at = kst_wall(in.day, 35900) };

	feed(jrn, eng, &ev);
	for (int i = 0; i < 2; i++) {
		ev.kind = EVENT_CONTROL;
		memset(&ev.u, 0, sizeof(ev.u));
		ev.u.control.source = i ? CONTROL_FILE : CONTROL_ROW;
		ev.u.control.mode = MODE_TRADE;
		ev.u.control.readable = true;
		feed(jrn, eng, &ev);
	}
	ev.kind = EVENT_LISTING;
	memset(&ev.u, 0, sizeof(ev.u));
	ev.u.listing.state = LISTING_COMPLETE;
	feed(jrn, eng, &ev);
	ev.kind = EVENT_FEED;
	memset(&ev.u, 0, sizeof(ev.u));
	ev.u.feed.what = FEED_UP;
	feed(jrn, eng, &ev);
	BUG_IF(engine_mode(eng) != MODE_TRADE, "the engine is ready to trade");
}

/* Seconds for all ticks; a fresh engine each time. */
static double pass(const char *folder, int round)
{
	char path[FILE_PATH_SIZE] = "";
	struct journal *jrn = NULL;
	struct engine *eng = NULL;
	struct mono begun;
	double took_s;

	must(engine_new(&in, &eng));
	if (folder) {
		must(journal_path(folder, in.day, round + 1, path));
		must(journal_create(path, 128, &in, &jrn));
	}
	ready(jrn, eng);
	begun = clock_real_mono();
	for (int n = 0; n < TICKS; n++) {
		feed(jrn, eng, &ticks[n]);
		if (jrn && n % 10000 == 0)
			journal_seal(jrn);
	}
	took_s = (double)(clock_real_mono().ns - begun.ns) / 1e9;
	BUG_IF(engine_status(eng).ticks != TICKS, "every tick was taken");
	must(journal_close(jrn));
	if (folder)
		(void)unlink(path);
	engine_free(eng);
	return took_s;
}

/* The floor of a step: the event taken over as it is. Seconds for all of them. */
static double copy_pass(void)
{
	struct mono begun = clock_real_mono();
	struct engine_event ev;

	for (int n = 0; n < TICKS; n++) {
		ev = ticks[n];
		__asm__ volatile("" : : "r"(&ev) : "memory"); /* the copy is wanted */
	}
	return (double)(clock_real_mono().ns - begun.ns) / 1e9;
}

int main(void)
{
	static struct figure copied = { .name = "event_copies", .unit = "events/s" };
	static struct figure alone = { .name = "engine_steps", .unit = "steps/s" };
	static struct figure journalled = { .name = "journalled_steps", .unit = "steps/s" };
	char folder[] = "/tmp/gj-bench-XXXXXX";

	if (sodium_init() < 0 || !mkdtemp(folder))
		return 1;
	inputs_make();
	ticks_make();
	for (int round = 0; round < ROUNDS; round++) {
		figure_add(&copied, TICKS / copy_pass());
		figure_add(&alone, TICKS / pass(NULL, round));
		figure_add(&journalled, TICKS / pass(folder, round));
	}
	(void)rmdir(folder);
	figure_tell(&alone, &copied);
	figure_tell(&journalled, &alone);
	figure_tell(&copied, NULL);
	return 0;
}
