#include <string.h>

#include "shared/kis/frame.h"
#include "shared/kis/separators.h"
#include "shared/base/banned.h"

#define TRADE_WIDTH_MIN 46 /* documented; 47 with MARKET_CLS_CODE */
#define TRADE_WIDTH_MAX 47
#define BOOK_WIDTH_MIN  59 /* documented; 62 with the mid price, 63 with MARKET_CLS_CODE */
#define BOOK_WIDTH_MAX  63
#define TR_SIZE         12
#define WIDTH_MAX       (SEP_AHEAD / 2) /* fields of one record that we would still believe */

/* H0STCNT0, the channel page "trades". */
enum trade_field {
	TRADE_SYMBOL = 0,
	TRADE_TIME = 1,
	TRADE_PRICE = 2,
	TRADE_OPEN = 7,
	TRADE_HIGH = 8,
	TRADE_LOW = 9,
	TRADE_ASK = 10,
	TRADE_BID = 11,
	TRADE_QTY = 12,
	TRADE_VOLUME = 13,
	TRADE_AGGRESSOR = 21,
	TRADE_DATE = 33,
	TRADE_HALTED = 35,
	TRADE_MARKET_CLS = 46,
};
/* H0STASP0, the channel page "order book". */
enum book_field {
	BOOK_SYMBOL = 0,
	BOOK_TIME = 1,
	BOOK_ASK = 3,
	BOOK_BID = 13,
	BOOK_ASK_QTY = 23,
	BOOK_BID_QTY = 33,
};

/* One record: field i is [ends[i - 1] + 1, ends[i]), the first begins at `start`. */
struct record {
	const char *bytes;
	size_t start;
	const uint32_t *ends;
};

static inline const char *field(const struct record *rec, int index, size_t *out_len)
{
	size_t from = index == 0 ? rec->start : (size_t)rec->ends[index - 1] + 1;

	/* sep_take() hands out only ends it has written; the analyzer loses count of them. */
	*out_len = rec->ends[index] - from; /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	return rec->bytes + from;
}

/* One to eight digits that end at `end`, all at once. The eight bytes before `end` are ours: an envelope has eight. */
static inline bool digits_8(const char *end, size_t len, uint64_t *out)
{
	const uint64_t zeros = UINT64_C(0x3030303030303030), high = UINT64_C(0xf0f0f0f0f0f0f0f0);
	uint64_t word, keep = ~UINT64_C(0) << (8 * (8 - len));

	memcpy(&word, end - 8, 8);
	word = (word & keep) | (zeros & ~keep);
	if ((word & high) != zeros || ((word + UINT64_C(0x0606060606060606)) & high) != zeros)
		return false;
	word -= zeros;
	word = word * 10 + (word >> 8); /* pairs, then fours, then all */
	*out = ((word & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
		(word >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
	       32;
	return true;
}

/* Digits only, one to eighteen of them. */
static inline bool digits(const char *text, size_t len, int64_t *out)
{
	uint64_t number = 0, low = 0;
	unsigned bad = 0;

	if (len == 0 || len > 18)
		return false;
	if (SEP_FAST && len <= 8) {
		if (!digits_8(text + len, len, &number))
			return false;
		*out = (int64_t)number;
		return true;
	}
	if (SEP_FAST && len <= 16) {
		if (!digits_8(text + len, 8, &low) || !digits_8(text + len - 8, len - 8, &number))
			return false;
		*out = (int64_t)(number * 100000000 + low);
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		bad |= digit > 9;
		number = number * 10 + digit;
	}
	if (bad != 0)
		return false;
	*out = (int64_t)number;
	return true;
}

static inline bool number_at(const struct record *rec, int index, int64_t *out)
{
	size_t len;
	const char *text = field(rec, index, &len);

	return digits(text, len, out);
}

/* HHMMSS to seconds of the day. */
static inline bool time_at(const struct record *rec, int index, int32_t *out_s)
{
	size_t len;
	const char *text = field(rec, index, &len);
	int64_t number;
	int32_t hour, minute, second;

	if (len != 6 || !digits(text, len, &number))
		return false;
	hour = (int32_t)(number / 10000);
	minute = (int32_t)(number / 100 % 100);
	second = (int32_t)(number % 100);
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*out_s = hour * 3600 + minute * 60 + second;
	return true;
}

static const uint8_t code_letter[256] = {
	['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1,
	['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
	['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1,
	['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
};

/* Six to nine of 0-9 A-Z; nearly all have six, so that length is a constant to the compiler. */
static inline bool symbol_at(const struct record *rec, int index, char out[static SYMBOL_SIZE])
{
	size_t len;
	const char *text = field(rec, index, &len);
	unsigned good = 1;

	if (len < 6 || len > 9)
		return false;
	for (size_t i = 0; i < 6; i++)
		good &= code_letter[(unsigned char)text[i]];
	for (size_t i = 6; i < len; i++)
		good &= code_letter[(unsigned char)text[i]];
	if (good == 0)
		return false;
	memset(out, 0, SYMBOL_SIZE);
	memcpy(out, text, 6);
	for (size_t i = 6; i < len; i++)
		out[i] = text[i];
	return true;
}

/* Moves to the next record of the payload. */
static inline bool record_next(struct sep_walk *walk, struct record *rec, int width)
{
	if (rec->ends != NULL)
		rec->start = (size_t)rec->ends[width - 1] + 1;
	rec->ends = sep_take(walk, (size_t)width);
	return rec->ends != NULL;
}

static inline size_t length_at(const struct record *rec, int index)
{
	size_t len;

	field(rec, index, &len);
	return len;
}

/* A field of one character; '\0' when it is empty or longer. */
static inline char letter_at(const struct record *rec, int index)
{
	size_t len;
	const char *text = field(rec, index, &len);

	return len == 1 ? text[0] : '\0';
}

static enum reason garbage(const char *what)
{
	return reason_set(REASON_FRAME_GARBAGE, "a frame %s; it is counted and dropped", what);
}

static enum frame_channel channel_of(const char *tr, size_t tr_len)
{
	static const struct {
		const char *tr;
		enum frame_channel channel;
	} known[] = {
		{ "H0STCNT0", CHANNEL_TRADE },
		{ "H0STASP0", CHANNEL_BOOK },
		{ "H0STCNI0", CHANNEL_NOTICE },
		{ "H0STCNI9", CHANNEL_NOTICE },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (tr_len == 8 && memcmp(tr, known[i].tr, 8) == 0)
			return known[i].channel;
	}
	return CHANNEL_OTHER;
}

/* The envelope E|TR_ID|NNN|payload. */
static enum reason envelope(const char *bytes, size_t bytes_len, struct frame *out)
{
	const char *end = bytes + bytes_len, *tr = bytes + 2, *bar;
	int record_count = 0;

	if (bytes_len > FRAME_SIZE_MAX)
		return garbage("is longer than any we take");
	if (bytes_len < 2 || (bytes[0] != '0' && bytes[0] != '1') || bytes[1] != '|')
		return garbage("does not begin with 0| or 1|");
	bar = memchr(tr, '|', (size_t)(end - tr) < TR_SIZE + 1 ? (size_t)(end - tr) : TR_SIZE + 1);
	if (bar == NULL || bar == tr)
		return garbage("has no channel");
	for (const char *at = tr; at < bar; at++) {
		if (!((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z')))
			return garbage("has no known kind of channel");
	}
	if (end - bar < 5 || bar[4] != '|')
		return garbage("has no record count");
	for (const char *at = bar + 1; at < bar + 4; at++) {
		if (*at < '0' || *at > '9')
			return garbage("has no record count");
		record_count = record_count * 10 + (*at - '0');
	}
	if (record_count < 1)
		return garbage("has no records");
	if (end - bar == 5)
		return garbage("is empty");
	out->channel = channel_of(tr, (size_t)(bar - tr));
	out->encrypted = bytes[0] == '1';
	out->record_count = record_count;
	out->payload = bar + 5;
	out->payload_len = (size_t)(end - out->payload);
	return REASON_OK;
}

static enum reason shape(const struct frame *frame, const char *what)
{
	return reason_set(REASON_FRAME_SHAPE,
			  "a frame of %d fields in %d records %s; the format may have changed",
			  frame->field_count, frame->record_count, what);
}

enum reason frame_split(const char *bytes, size_t bytes_len, struct frame *out)
{
	struct frame frame = { 0 };
	int least = 1, newest = 0;
	enum reason why;

	why = envelope(bytes, bytes_len, &frame);
	if (why != REASON_OK)
		return why;
	if (!frame.encrypted) {
		frame.field_count = (int)sep_count(frame.payload, frame.payload_len) + 1;
		if (frame.record_count < 1 || frame.field_count % frame.record_count != 0)
			return shape(&frame, "does not divide");
		frame.width = frame.field_count / frame.record_count;
		if (frame.channel == CHANNEL_TRADE) {
			least = TRADE_WIDTH_MIN;
			newest = TRADE_WIDTH_MAX;
		} else if (frame.channel == CHANNEL_BOOK) {
			least = BOOK_WIDTH_MIN;
			newest = BOOK_WIDTH_MAX;
		}
		if (frame.width < least || frame.width > WIDTH_MAX)
			return shape(&frame, "is narrower or far wider than known");
		frame.extra = newest > 0 && frame.width > newest ? frame.width - newest : 0;
	}
	*out = frame;
	return REASON_OK;
}

/* Only what a consumer asks for is converted; two neighbours of it are looked at, so that a moved field is seen. */
static inline bool trade_read(const struct record *rec, int width, struct trade_tick *out)
{
	char halted = letter_at(rec, TRADE_HALTED), aggressor = letter_at(rec, TRADE_AGGRESSOR);

	out->halted = halted == 'Y';
	out->aggressor = aggressor == '1' || aggressor == '5' ? aggressor : '\0';
	out->market_phase = width > TRADE_MARKET_CLS ? letter_at(rec, TRADE_MARKET_CLS) : '\0';
	return symbol_at(rec, TRADE_SYMBOL, out->symbol) && time_at(rec, TRADE_TIME, &out->time_s) &&
	       number_at(rec, TRADE_PRICE, &out->price_won) && out->price_won > 0 &&
	       number_at(rec, TRADE_QTY, &out->qty) && number_at(rec, TRADE_VOLUME, &out->volume_qty) &&
	       out->volume_qty >= out->qty && number_at(rec, TRADE_ASK, &out->ask_won) &&
	       number_at(rec, TRADE_BID, &out->bid_won) && number_at(rec, TRADE_OPEN, &out->open_won) &&
	       number_at(rec, TRADE_HIGH, &out->high_won) && number_at(rec, TRADE_LOW, &out->low_won) &&
	       length_at(rec, TRADE_DATE) == 8 && (halted == 'Y' || halted == 'N');
}

static enum reason rows_allowed(const struct frame *frame, enum frame_channel channel, int least, int room)
{
	if (frame->channel != channel || frame->encrypted || frame->width < least)
		return shape(frame, "is not of this channel");
	if (frame->record_count > room)
		return shape(frame, "holds more records than there is room for");
	return REASON_OK;
}

enum reason frame_trades(const struct frame *frame, struct trade_tick *rows, int room, int *out_count)
{
	struct sep_walk walk;
	struct record rec = { .bytes = frame->payload };
	enum reason why;

	why = rows_allowed(frame, CHANNEL_TRADE, TRADE_WIDTH_MIN, room);
	if (why != REASON_OK)
		return why;
	sep_begin(&walk, frame->payload, frame->payload_len);
	for (int i = 0; i < frame->record_count; i++) {
		if (!record_next(&walk, &rec, frame->width) || !trade_read(&rec, frame->width, &rows[i]))
			return shape(frame, "holds a trade that cannot be read");
	}
	*out_count = frame->record_count;
	return REASON_OK;
}

static inline bool book_read(const struct record *rec, struct book_view *out)
{
	if (!symbol_at(rec, BOOK_SYMBOL, out->symbol) || !time_at(rec, BOOK_TIME, &out->time_s))
		return false;
	for (int i = 0; i < BOOK_LEVELS; i++) {
		if (!number_at(rec, BOOK_ASK + i, &out->ask_won[i]) ||
		    !number_at(rec, BOOK_BID + i, &out->bid_won[i]) ||
		    !number_at(rec, BOOK_ASK_QTY + i, &out->ask_qty[i]) ||
		    !number_at(rec, BOOK_BID_QTY + i, &out->bid_qty[i]))
			return false;
	}
	return true;
}

enum reason frame_books(const struct frame *frame, struct book_view *rows, int room, int *out_count)
{
	struct sep_walk walk;
	struct record rec = { .bytes = frame->payload };
	enum reason why;

	why = rows_allowed(frame, CHANNEL_BOOK, BOOK_WIDTH_MIN, room);
	if (why != REASON_OK)
		return why;
	sep_begin(&walk, frame->payload, frame->payload_len);
	for (int i = 0; i < frame->record_count; i++) {
		if (!record_next(&walk, &rec, frame->width) || !book_read(&rec, &rows[i]))
			return shape(frame, "holds a book that cannot be read");
	}
	*out_count = frame->record_count;
	return REASON_OK;
}
