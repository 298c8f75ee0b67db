#include "tests/shared/kis/samples.h"

/* The same file once more, built without SSE2, under other names: both must say the same about every input. */
#define GJ_SEPARATORS_PLAIN
#define frame_split  plain_split
#define frame_trades plain_trades
#define frame_books  plain_books
#include "shared/kis/frame.c"
#undef frame_split
#undef frame_trades
#undef frame_books

enum reason frame_split(const char *bytes, size_t bytes_len, struct frame *out);
enum reason frame_trades(const struct frame *frame, struct trade_tick *rows, int room, int *out_count);
enum reason frame_books(const struct frame *frame, struct book_view *rows, int room, int *out_count);

#define ROOM 64

/* Both builds on the same bytes; returns what they agree on. */
static enum reason both(const char *bytes, size_t len, struct frame *frame, struct trade_tick *trades,
			struct book_view *books, int *count)
{
	/* Exactly as long as the frame, so that a sanitizer sees a read past its end. */
	char *copy = malloc(len > 0 ? len : 1);
	struct frame plain = { 0 };
	struct trade_tick plain_rows[ROOM] = { 0 };
	struct book_view plain_levels[ROOM] = { 0 };
	int plain_count = -1;
	enum reason why, plain_why;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	*count = -1;
	memset(trades, 0, sizeof(*trades) * ROOM);
	memset(books, 0, sizeof(*books) * ROOM);
	why = frame_split(copy, len, frame);
	plain_why = plain_split(copy, len, &plain);
	assert_int_equal(why, plain_why);
	if (why == REASON_OK) {
		assert_int_equal(frame->channel, plain.channel);
		assert_int_equal(frame->record_count, plain.record_count);
		assert_int_equal(frame->field_count, plain.field_count);
		assert_int_equal(frame->width, plain.width);
		assert_int_equal(frame->extra, plain.extra);
		assert_int_equal(frame->payload_len, plain.payload_len);
		if (frame->channel == CHANNEL_TRADE && !frame->encrypted) {
			why = frame_trades(frame, trades, ROOM, count);
			plain_why = plain_trades(&plain, plain_rows, ROOM, &plain_count);
		} else if (frame->channel == CHANNEL_BOOK && !frame->encrypted) {
			why = frame_books(frame, books, ROOM, count);
			plain_why = plain_books(&plain, plain_levels, ROOM, &plain_count);
		}
		assert_int_equal(why, plain_why);
		assert_int_equal(*count, plain_count);
		/* Both were zeroed, padding too, and are written member by member: equal bytes are equal rows.
		 * NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
		assert_memory_equal(trades, plain_rows, sizeof(plain_rows));
		assert_memory_equal(books, plain_levels, sizeof(plain_levels));
	}
	free(copy);
	return why;
}

static void test_real_trades(void **state)
{
	size_t len;
	char *text = sample_read("ws_frame_H0STCNT0_real_46fields.txt", &len), *line = text;
	static const int64_t want_qty[] = { 20, 6, 1 }, want_volume[] = { 2388396, 2388402, 2388403 };
	struct trade_tick rows[ROOM];
	struct book_view books[ROOM];
	int lines = 0;

	(void)state;
	for (char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n')) {
		struct frame frame;
		int count;

		assert_true(lines < 3);
		assert_int_equal(both(line, (size_t)(end - line), &frame, rows, books, &count), REASON_OK);
		assert_int_equal(count, 1);
		assert_int_equal(frame.width, 46);
		assert_int_equal(frame.extra, 0);
		assert_string_equal(rows[0].symbol, "000660");
		assert_int_equal(rows[0].time_s, 10 * 3600 + 39 * 60 + 25);
		assert_int_equal(rows[0].price_won, 1996000);
		assert_int_equal(rows[0].qty, want_qty[lines]);
		assert_int_equal(rows[0].volume_qty, want_volume[lines]);
		assert_int_equal(rows[0].ask_won, 1997000);
		assert_int_equal(rows[0].bid_won, 1996000);
		assert_int_equal(rows[0].open_won, 2113000);
		assert_int_equal(rows[0].high_won, 2142000);
		assert_int_equal(rows[0].low_won, 1985000);
		assert_int_equal(rows[0].aggressor, '5');
		assert_false(rows[0].halted);
		assert_int_equal(rows[0].market_phase, '\0');
		lines++;
	}
	assert_int_equal(lines, 3);
	free(text);
}

static void test_many_records(void **state)
{
	size_t len;
	char *text = sample_line("ws_frame_H0STCNT0_constructed_multi.txt", &len);
	struct trade_tick rows[ROOM];
	struct book_view books[ROOM];
	struct frame frame;
	int count;

	(void)state;
	assert_int_equal(both(text, len, &frame, rows, books, &count), REASON_OK);
	assert_int_equal(frame.record_count, 3);
	assert_int_equal(frame.field_count, 138);
	assert_int_equal(count, 3);
	assert_int_equal(rows[0].volume_qty, 2388396);
	assert_int_equal(rows[1].volume_qty, 2388402);
	assert_int_equal(rows[2].volume_qty, 2388403);
	assert_int_equal(rows[1].volume_qty + rows[2].qty, rows[2].volume_qty);
	/* Less room than records: nothing is delivered rather than a part. */
	count = -1;
	assert_int_equal(frame_split(text, len, &frame), REASON_OK);
	assert_int_equal(frame_trades(&frame, rows, 2, &count), REASON_FRAME_SHAPE);
	assert_int_equal(count, -1);
	free(text);
}

static void test_book(void **state)
{
	size_t len;
	char *text = sample_line("ws_frame_H0STASP0_real_62fields.txt", &len);
	struct trade_tick rows[ROOM];
	struct book_view books[ROOM];
	struct frame frame;
	int count;
	int64_t ask_sum = 0, bid_sum = 0;

	(void)state;
	assert_int_equal(both(text, len, &frame, rows, books, &count), REASON_OK);
	assert_int_equal(frame.width, 62);
	assert_int_equal(frame.extra, 0);
	assert_string_equal(books[0].symbol, "000660");
	assert_int_equal(books[0].ask_won[0], 1996000);
	assert_int_equal(books[0].ask_won[9], 2005000);
	assert_int_equal(books[0].bid_won[0], 1995000);
	assert_int_equal(books[0].bid_won[9], 1986000);
	assert_int_equal(books[0].ask_qty[0], 49);
	assert_int_equal(books[0].bid_qty[9], 1527);
	for (int i = 0; i < BOOK_LEVELS; i++) {
		ask_sum += books[0].ask_qty[i];
		bid_sum += books[0].bid_qty[i];
	}
	assert_int_equal(ask_sum, 4753); /* the frame's own totals */
	assert_int_equal(bid_sum, 4253);
	free(text);
}

static void test_recorded(void **state)
{
	size_t len;
	char *text = sample_read("kis_ws_frames.jsonl", &len), *line = text;
	int trades = 0, books = 0;

	(void)state;
	for (char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n')) {
		cJSON *root;
		const char *tr, *bytes;
		struct trade_tick rows[ROOM];
		struct book_view levels[ROOM];
		struct frame frame;
		int count;

		*end = '\0';
		root = cJSON_Parse(line);
		assert_non_null(root);
		tr = cJSON_GetObjectItem(root, "tr_id")->valuestring;
		bytes = cJSON_GetObjectItem(root, "frame")->valuestring;
		if (bytes[0] != '0') {
			cJSON_Delete(root);
			continue;
		}
		assert_int_equal(both(bytes, strlen(bytes), &frame, rows, levels, &count), REASON_OK);
		assert_int_equal(frame.width, cJSON_GetObjectItem(root, "width")->valueint);
		assert_int_equal(count, cJSON_GetObjectItem(root, "records")->valueint);
		if (strcmp(tr, "H0STCNT0") == 0) {
			trades++;
			for (int i = 0; i < count; i++) {
				assert_true(rows[i].low_won <= rows[i].price_won &&
					    rows[i].price_won <= rows[i].high_won);
				assert_true(rows[i].bid_won < rows[i].ask_won);
				if (i > 0)
					assert_int_equal(rows[i].volume_qty,
							 rows[i - 1].volume_qty + rows[i].qty);
			}
			if (frame.width == 47)
				assert_int_equal(rows[0].market_phase, '2');
			if (rows[0].qty == 200607) /* the opening print has no aggressor */
				assert_int_equal(rows[0].aggressor, '\0');
		} else {
			books++;
			assert_true(levels[0].bid_won[0] < levels[0].ask_won[0]);
		}
		cJSON_Delete(root);
	}
	assert_int_equal(trades, 8);
	assert_int_equal(books, 3);
	free(text);
}

/* The same trade in every width: narrower is refused, wider is taken and told. */
static void test_widths(void **state)
{
	size_t len;
	char *text = sample_read("ws_frame_H0STCNT0_real_46fields.txt", &len);
	char *end = strchr(text, '\n');

	(void)state;
	assert_non_null(end);
	*end = '\0';
	for (int width = 40; width <= 50; width++) {
		char frame_text[1024];
		struct trade_tick rows[ROOM];
		struct book_view books[ROOM];
		struct frame frame = { 0 };
		enum reason why;
		int count, fields = 46;

		snprintf(frame_text, sizeof(frame_text), "%s", text);
		for (; fields > width; fields--)
			*strrchr(frame_text, '^') = '\0';
		for (; fields < width; fields++)
			memcpy(frame_text + strlen(frame_text), "^2", 3);
		why = both(frame_text, strlen(frame_text), &frame, rows, books, &count);
		assert_int_equal(why, width < 46 ? REASON_FRAME_SHAPE : REASON_OK);
		if (why != REASON_OK)
			continue;
		assert_int_equal(frame.extra, width > 47 ? width - 47 : 0);
		assert_int_equal(rows[0].volume_qty, 2388396);
		assert_int_equal(rows[0].market_phase, width > 46 ? '2' : '\0');
	}
	free(text);
}

static void test_refused(void **state)
{
#define REST                                                                                                 \
	"^5^-184000^-8.44^2049536.80^2113000^2142000^1985000^1997000^1996000^20^2388396^4895117363500^"      \
	"102204^95496^"                                                                                      \
	"-6708^76.45^1308408^1000333^5^0.42^49.48^090027^5^-117000^090423^5^-146000^103324^2^11000^"         \
	"20260713^20^N^"                                                                                     \
	"516^53^5028^2770^0.34^2206968^108.22^0^^2113000"
	static const struct {
		const char *name, *bytes;
		enum reason want;
	} cases[] = {
		{ "as it should be", "0|H0STCNT0|001|000660^103925^1996000" REST, REASON_OK },
		{ "nothing", "", REASON_FRAME_GARBAGE },
		{ "one byte", "0", REASON_FRAME_GARBAGE },
		{ "json", "{\"header\":{}}", REASON_FRAME_GARBAGE },
		{ "another first digit", "2|H0STCNT0|001|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "no channel", "0||001|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "small letters", "0|h0stcnt0|001|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "long channel", "0|H0STCNT0H0STCNT0|001|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "count of letters", "0|H0STCNT0|0O1|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "count of zero", "0|H0STCNT0|000|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "count of two digits", "0|H0STCNT0|01|000660^103925^1996000" REST, REASON_FRAME_GARBAGE },
		{ "no payload", "0|H0STCNT0|001|", REASON_FRAME_GARBAGE },
		{ "cut in the envelope", "0|H0STCNT0|00", REASON_FRAME_GARBAGE },
		{ "does not divide", "0|H0STCNT0|003|000660^103925^1996000" REST, REASON_FRAME_SHAPE },
		{ "divides into less", "0|H0STCNT0|002|000660^103925^1996000" REST, REASON_FRAME_SHAPE },
		{ "price in letters", "0|H0STCNT0|001|000660^103925^19960OO" REST, REASON_FRAME_SHAPE },
		{ "price of 0", "0|H0STCNT0|001|000660^103925^0" REST, REASON_FRAME_SHAPE },
		{ "price missing", "0|H0STCNT0|001|000660^103925^" REST, REASON_FRAME_SHAPE },
		{ "price negative", "0|H0STCNT0|001|000660^103925^-1996000" REST, REASON_FRAME_SHAPE },
		{ "price with a fraction", "0|H0STCNT0|001|000660^103925^1996000.5" REST,
		  REASON_FRAME_SHAPE },
		{ "price too long", "0|H0STCNT0|001|000660^103925^1996000199600019960" REST,
		  REASON_FRAME_SHAPE },
		{ "hour 24", "0|H0STCNT0|001|000660^240000^1996000" REST, REASON_FRAME_SHAPE },
		{ "minute 60", "0|H0STCNT0|001|000660^106000^1996000" REST, REASON_FRAME_SHAPE },
		{ "five digits of time", "0|H0STCNT0|001|000660^10392^1996000" REST, REASON_FRAME_SHAPE },
		{ "symbol too short", "0|H0STCNT0|001|00066^103925^1996000" REST, REASON_FRAME_SHAPE },
		{ "symbol with a quote", "0|H0STCNT0|001|0006'0^103925^1996000" REST, REASON_FRAME_SHAPE },
		{ "fields moved by one", "0|H0STCNT0|001|000660^103925^1996000^9" REST, REASON_FRAME_SHAPE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trade_tick rows[ROOM];
		struct book_view books[ROOM];
		struct frame frame;
		int count;
		enum reason why = both(cases[i].bytes, strlen(cases[i].bytes), &frame, rows, books, &count);

		if (why != cases[i].want)
			fail_msg("%s: %s, want %s", cases[i].name, reason_code(why),
				 reason_code(cases[i].want));
	}
}

/* A channel that is not ours is split and told as such; an encrypted one is left as it is. */
static void test_other_channels(void **state)
{
	struct frame frame;
	struct trade_tick rows[1];
	int count = -1;

	(void)state;
	assert_int_equal(frame_split("0|H0STMKO0|001|005930^N^^112", 28, &frame), REASON_OK);
	assert_int_equal(frame.channel, CHANNEL_OTHER);
	assert_int_equal(frame.width, 4);
	assert_int_equal(frame_trades(&frame, rows, 1, &count), REASON_FRAME_SHAPE);
	assert_int_equal(frame_split("1|H0STCNI0|001|AAAA", 19, &frame), REASON_OK);
	assert_int_equal(frame.channel, CHANNEL_NOTICE);
	assert_true(frame.encrypted);
	assert_int_equal(frame.width, 0);
	assert_int_equal(frame_split("1|H0STCNT0|001|AAAA", 19, &frame), REASON_OK);
	assert_int_equal(frame_trades(&frame, rows, 1, &count), REASON_FRAME_SHAPE);
	assert_int_equal(count, -1);
}

/* Cut at every byte and turned over at random: any answer but a crash, and the same from both builds. */
static void test_mutations(void **state)
{
	static const char *const files[] = { "ws_frame_H0STCNT0_constructed_multi.txt",
					     "ws_frame_H0STASP0_real_62fields.txt" };
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
	int good = 0, bad = 0;

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		size_t len;
		char *text = sample_line(files[f], &len);
		char *copy;
		struct trade_tick rows[ROOM];
		struct book_view books[ROOM];
		struct frame frame;
		int count;

		assert_true(len > 0);
		copy = malloc(len);
		assert_non_null(copy);
		for (size_t cut = 0; cut < len; cut++) {
			/* What is left must still hold every field of the narrowest layout: 3 x 46, or 59. */
			enum reason why = both(text, cut, &frame, rows, books, &count);

			if (why == REASON_OK)
				assert_true(sep_count(text, cut) + 1 >= (f == 0 ? 138 : 59));
		}
		for (int round = 0; round < 4000; round++) {
			static const char likely[] = "^|0123456789.-N YA\0\xff";
			int changes = 1 + (int)(seeded(&seed) % 4);

			memcpy(copy, text, len);
			for (int i = 0; i < changes; i++) {
				uint64_t dice = seeded(&seed);
				char put = (dice & 1) != 0 ? likely[(dice >> 8) % (sizeof(likely) - 1)]
							   : (char)(dice >> 16);

				copy[(dice >> 32) % len] = put;
			}
			if (both(copy, len, &frame, rows, books, &count) == REASON_OK)
				good++;
			else
				bad++;
		}
		free(copy);
		free(text);
	}
	assert_true(good > 100); /* most fields are not read */
	assert_true(bad > 1000);
}

static void test_separators(void **state)
{
	uint64_t seed = 42;
	static char bytes[16384];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t len = seeded(&seed) % sizeof(bytes), from, found = 0, want, at, last = 0;
		struct sep_walk walk;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = seeded(&seed) % 8 == 0 ? '^' : (char)seeded(&seed);
		from = len > 64 ? seeded(&seed) % (len - 63) : 0;
#if defined(__SSE2__)
		assert_int_equal(sep_count_sse2(bytes, len), sep_count_plain(bytes, len));
		assert_true(sep_mask_sse2(bytes + from) == sep_mask_plain(bytes + from));
#else
		(void)from;
#endif
		sep_begin(&walk, bytes, len);
		want = sep_count_plain(bytes, len) + 1;
		while (found < want) {
			size_t count = 1 + seeded(&seed) % 60;
			const uint32_t *ends;

			if (count > want - found)
				count = want - found;
			ends = sep_take(&walk, count);
			assert_non_null(ends);
			for (size_t i = 0; i < count; i++) {
				at = ends[i];
				assert_true(at == len ? found + i + 1 == want : bytes[at] == '^');
				assert_true(found + i == 0 || at > last);
				last = at;
			}
			found += count;
		}
		assert_null(sep_take(&walk, 1));
	}
}

/* Every length of number, right and with one wrong byte, against the plain way. */
static void test_numbers(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[256], price[32];
		size_t len = 1 + seeded(&seed) % 19;
		struct trade_tick rows[ROOM];
		struct book_view books[ROOM];
		struct frame frame;
		int count;
		bool spoiled = seeded(&seed) % 3 == 0;
		enum reason why;

		for (size_t i = 0; i < len; i++)
			price[i] = (char)('0' + seeded(&seed) % 10);
		price[0] = (char)('1' + seeded(&seed) % 9);
		price[len] = '\0';
		if (spoiled)
			price[seeded(&seed) % len] = "/:-+. a\x7f\xb0"[seeded(&seed) % 9];
		snprintf(text, sizeof(text),
			 "0|H0STCNT0|001|005930^090000^%s^^^^^1^1^1^1^1^1^1^^^^^^^^5^^^^^^^^^^^^20210104^20^"
			 "N^^^^^^^^^^",
			 price);
		why = both(text, strlen(text), &frame, rows, books, &count);
		assert_int_equal(why, spoiled || len > 18 ? REASON_FRAME_SHAPE : REASON_OK);
		if (why == REASON_OK)
			assert_int_equal(rows[0].price_won, strtoll(price, NULL, 10));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_trades),    cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_book),           cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_widths),         cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_channels), cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_separators),     cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
