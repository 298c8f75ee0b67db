/*
 * tick_bench - trade frames decoded: frame_split and frame_trades against two ways to do it by hand and against memcpy.
 *
 * One stream of H0STCNT0 frames of 1 to 9 records, made from a recorded record with symbol, time, price and volume of each
 * record its own. Every way reads the same bytes and must find the same symbols, prices and volumes, or nothing is told.
 *
 * Every way fills the same struct trade_tick. The decoder also checks shape, symbol, time and every number; the two by
 * hand check nothing, which is what such code usually does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/kis/frame.h"
#include "tests/bench/figure.h"
#include "shared/base/banned.h"

#define STREAM_SIZE (24 * 1024 * 1024)
#define RECORDS_MAX 9
#define FRAME_COUNT 12000
#define WIDTH       46
#define HEAD_LEN    15 /* 0|H0STCNT0|NNN| */
#define ROUNDS      9
#define RECORD_FORM                                                                                          \
	"%06d^%02d%02d%02d^%d^5^-184000^-8.44^2049536.80^2113000^2142000^1985000^%d^%d^20^%lld^"             \
	"4895117363500^102204^95496^-6708^76.45^1308408^1000333^5^0.42^49.48^090027^5^-117000^090423^5^"     \
	"-146000^103324^2^11000^20260713^20^N^516^53^5028^2770^0.34^2206968^108.22^0^^2113000"

struct way {
	const char *name;
	int (*read)(const char *bytes, size_t len,
		    struct trade_tick rows[static RECORDS_MAX]); /* records found */
};

static char stream[STREAM_SIZE];
static size_t starts[FRAME_COUNT + 1];
static int record_count;

static void stream_make(void)
{
	uint64_t seed = 20210104;
	size_t at = 0;

	for (int n = 0; n < FRAME_COUNT; n++) {
		int records = 1;

		starts[n] = at;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		records += (int)((seed >> 33) % RECORDS_MAX);
		at += (size_t)snprintf(stream + at, STREAM_SIZE - at, "0|H0STCNT0|%03d|", records);
		for (int i = 0; i < records; i++) {
			int second = 36000 + n, price = 1000000 + (int)((seed >> 40) % 1000) * 1000 + i;

			at += (size_t)snprintf(stream + at, STREAM_SIZE - at, RECORD_FORM, n % 20 * 37 + 10,
					       second / 3600, second / 60 % 60, second % 60, price,
					       price + 1000, price - 1000,
					       2388396 + (long long)record_count * 20);
			if (i + 1 < records)
				stream[at++] = '^';
			record_count++;
		}
		if (at > STREAM_SIZE - 8192) {
			fprintf(stderr, "tick_bench: STREAM_SIZE is too small\n");
			exit(1);
		}
	}
	starts[FRAME_COUNT] = at;
}

/* ---- the ways ---- */
static int read_decoder(const char *bytes, size_t len, struct trade_tick rows[static RECORDS_MAX])
{
	struct frame frame;
	int count = 0;

	if (frame_split(bytes, len, &frame) != REASON_OK ||
	    frame_trades(&frame, rows, RECORDS_MAX, &count) != REASON_OK)
		return 0;
	return count;
}

static int64_t number(const char *text)
{
	return (int64_t)strtoul(text, NULL, 10);
}

static int seconds(int64_t hhmmss)
{
	return (int)(hhmmss / 10000 * 3600 + hhmmss / 100 % 100 * 60 + hhmmss % 100);
}

/* The usual C: a copy that may be written into, strsep for every field, strtoul for the wanted ones. */
static int read_strsep(const char *bytes, size_t len, struct trade_tick rows[static RECORDS_MAX])
{
	char copy[8192], *rest = copy;
	const char *v[WIDTH];
	int records;

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	(void)strsep(&rest, "|");
	(void)strsep(&rest, "|");
	records = (int)number(strsep(&rest, "|"));
	for (int i = 0; i < records && i < RECORDS_MAX; i++) {
		struct trade_tick *row = &rows[i];

		for (int f = 0; f < WIDTH; f++)
			v[f] = strsep(&rest, "^");
		memcpy(row->symbol, v[0], 7);
		row->time_s = seconds(number(v[1]));
		row->price_won = number(v[2]);
		row->open_won = number(v[7]);
		row->high_won = number(v[8]);
		row->low_won = number(v[9]);
		row->ask_won = number(v[10]);
		row->bid_won = number(v[11]);
		row->qty = number(v[12]);
		row->volume_qty = number(v[13]);
		row->aggressor = *v[21];
		row->halted = *v[35] == 'Y';
	}
	return records;
}

/* Digits up to the separator; no copy, no terminator needed. */
static int64_t digits(const char *at)
{
	int64_t value = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (*at - '0');
	return value;
}

/* One memchr per field, no copy, conversion by hand. */
static int read_memchr(const char *bytes, size_t len, struct trade_tick rows[static RECORDS_MAX])
{
	const char *at = bytes + HEAD_LEN, *end = bytes + len, *v[WIDTH];
	int records = (int)digits(bytes + HEAD_LEN - 4);

	for (int i = 0; i < records && i < RECORDS_MAX; i++) {
		struct trade_tick *row = &rows[i];

		for (int f = 0; f < WIDTH; f++) {
			const char *sep = memchr(at, '^', (size_t)(end - at));

			v[f] = at;
			at = sep != NULL ? sep + 1 : end;
		}
		memcpy(row->symbol, v[0], 6);
		row->symbol[6] = '\0';
		row->time_s = seconds(digits(v[1]));
		row->price_won = digits(v[2]);
		row->open_won = digits(v[7]);
		row->high_won = digits(v[8]);
		row->low_won = digits(v[9]);
		row->ask_won = digits(v[10]);
		row->bid_won = digits(v[11]);
		row->qty = digits(v[12]);
		row->volume_qty = digits(v[13]);
		row->aggressor = *v[21];
		row->halted = *v[35] == 'Y';
	}
	return records;
}

static const struct way ways[] = {
	{ "decoder", read_decoder },
	{ "strsep", read_strsep },
	{ "memchr", read_memchr },
};

/* Seconds for one pass over the stream; the sum is of every value read, so that no way can read something else. */
static double pass(const struct way *way, int64_t *out_sum)
{
	struct mono begun = clock_real_mono();
	struct trade_tick rows[RECORDS_MAX];
	int64_t sum = 0;
	int records = 0;

	for (int n = 0; n < FRAME_COUNT; n++) {
		int count = way->read(stream + starts[n], starts[n + 1] - starts[n], rows);

		for (int i = 0; i < count; i++)
			sum += rows[i].price_won + rows[i].volume_qty * 3 + rows[i].ask_won * 5 +
			       rows[i].bid_won * 7 + rows[i].open_won + rows[i].high_won + rows[i].low_won +
			       rows[i].qty + rows[i].time_s + rows[i].symbol[5] + rows[i].aggressor +
			       rows[i].halted;
		records += count;
	}
	if (records != record_count) {
		fprintf(stderr, "tick_bench: %s found %d records of %d\n", way->name, records, record_count);
		exit(1);
	}
	*out_sum = sum;
	return (double)(clock_real_mono().ns - begun.ns) / 1e9;
}

static double copy_pass(char *room)
{
	struct mono begun = clock_real_mono();

	memcpy(room, stream, starts[FRAME_COUNT]);
	__asm__ volatile("" : : "r"(room) : "memory"); /* the copy is wanted */
	return (double)(clock_real_mono().ns - begun.ns) / 1e9;
}

int main(void)
{
	static char room[STREAM_SIZE];
	static struct figure ticks[] = { { .name = "ticks_decoder", .unit = "ticks/s" },
					 { .name = "ticks_strsep", .unit = "ticks/s" },
					 { .name = "ticks_memchr", .unit = "ticks/s" } };
	static struct figure bytes = { .name = "tick_bytes_decoder", .unit = "bytes/s" };
	static struct figure copy = { .name = "memcpy", .unit = "bytes/s" };
	int64_t sums[3];

	stream_make();
	(void)copy_pass(room);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 3; i++) {
			double took_s = pass(&ways[i], &sums[i]);

			figure_add(&ticks[i], record_count / took_s);
			if (i == 0)
				figure_add(&bytes, (double)starts[FRAME_COUNT] / took_s);
		}
		figure_add(&copy, (double)starts[FRAME_COUNT] / copy_pass(room));
		if (sums[0] != sums[1] || sums[0] != sums[2]) {
			fprintf(stderr, "tick_bench: the ways do not read the same values\n");
			return 1;
		}
	}
	figure_tell(&ticks[0], &ticks[1]);
	figure_tell(&ticks[0], &ticks[2]);
	figure_tell(&ticks[1], NULL);
	figure_tell(&ticks[2], NULL);
	figure_tell(&bytes, &copy);
	figure_tell(&copy, NULL);
	return 0;
}
