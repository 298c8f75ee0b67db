/*
 * tape - a file of recorded frames as the market: its trades and books come again at their times of the day.
 *
 * Read are H0STCNT0 (46 fields or more) and H0STASP0 (59 or more), one frame a line, several records a frame; other
 * channels are passed over. Within a second frames keep their order, a millisecond apart. What had happened before
 * the first record (volume, open, high, low) is taken from it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"

#include "shared/base/banned.h"

#define TRADE_WIDTH_MIN 46
#define BOOK_WIDTH_MIN  59
#define FIELDS_MAX      16384
#define FRAMES_A_SECOND 999

void tape_free(struct tape *tape)
{
	free(tape->entries);
	free(tape->levels);
	*tape = (struct tape){ 0 };
}

/* ---- playing ---- */

static void load_next(struct exchange *ex, struct symbol *symbol)
{
	const struct tape_entry *entry = &symbol->tape.entries[symbol->tape.at];

	symbol->path.next = (struct path_print){
		.at = wall_add_us(kst_wall(ex->day.day, 0), (int64_t)entry->ms_of_day * 1000),
		.price_won = entry->price_won,
		.qty = entry->qty,
		.side = entry->side,
	};
}

void tape_begin(struct exchange *ex, struct symbol *symbol)
{
	const struct exch_quote *start = &symbol->tape.start;
	struct exch_quote *quote = &symbol->quote;

	symbol->tape.at = 0;
	load_next(ex, symbol);
	quote->open_won = start->open_won;
	quote->high_won = start->high_won;
	quote->low_won = start->low_won;
	quote->open_time_s = start->open_time_s;
	quote->high_time_s = start->high_time_s;
	quote->low_time_s = start->low_time_s;
	quote->volume = start->volume;
	quote->turnover_won = start->turnover_won;
	quote->sell_count = start->sell_count;
	quote->buy_count = start->buy_count;
	quote->sell_volume = start->sell_volume;
	quote->buy_volume = start->buy_volume;
	if (start->vi_base_won > 0)
		quote->vi_base_won = start->vi_base_won;
}

bool tape_step(struct exchange *ex, struct symbol *symbol)
{
	if (++symbol->tape.at == symbol->tape.count)
		return false;
	load_next(ex, symbol);
	return true;
}

void tape_book(struct symbol *symbol, const struct tape_entry *entry)
{
	const struct exch_level *levels = &symbol->tape.levels[entry->levels];

	memcpy(symbol->quote.ask, levels, sizeof(symbol->quote.ask));
	memcpy(symbol->quote.bid, levels + EXCH_LEVELS, sizeof(symbol->quote.bid));
}

/* ---- reading ---- */

struct reading {
	const char *path;
	int line;
};

static enum reason bad(const struct reading *rd, const char *what)
{
	return reason_set(REASON_FILE_SHAPE, "%s line %d: %s", rd->path, rd->line, what);
}

static bool number(const char *text, int64_t *out)
{
	bool minus = text[0] == '-';
	bool good = num_parse(text + minus, strlen(text + minus), out);

	if (minus)
		*out = -*out;
	return good && *out >= -CORE_AMOUNT_MAX && *out <= CORE_AMOUNT_MAX;
}

static bool numbers(char **field, const int *places, size_t count, int64_t *out)
{
	for (size_t i = 0; i < count; i++) {
		if (!number(field[places[i]], &out[i]))
			return false;
	}
	return true;
}

static bool time_of(const char *text, int32_t *out_s)
{
	int64_t hms;

	if (strlen(text) != 6 || !num_parse(text, 6, &hms) || hms / 10000 > 23 || hms / 100 % 100 > 59 ||
	    hms % 100 > 59)
		return false;
	*out_s = (int32_t)(hms / 10000 * 3600 + hms / 100 % 100 * 60 + hms % 100);
	return true;
}

/* Frames of one second and symbol follow each other by a millisecond; a time that goes back is an error. */
static bool frame_time(const struct tape *tape, const char *text, int32_t *out_ms)
{
	int32_t second, last_ms = tape->count > 0 ? tape->entries[tape->count - 1].ms_of_day : 0;

	if (!time_of(text, &second) || second < last_ms / 1000)
		return false;
	*out_ms = second * 1000;
	if (second == last_ms / 1000)
		*out_ms += last_ms % 1000 < FRAMES_A_SECOND ? last_ms % 1000 + 1 : FRAMES_A_SECOND;
	return true;
}

/* The symbol, made if nobody loaded it. Base and last are the frame's. */
static enum reason symbol_of(struct exchange *ex, const char *code, int64_t base_won, struct symbol **out)
{
	enum reason why = REASON_OK;

	*out = core_symbol(ex, code);
	if (*out == NULL)
		why = exch_symbol_put(ex, code, code, false, false, base_won, base_won);
	if (why == REASON_OK)
		*out = core_symbol(ex, code);
	return why;
}

static void tape_add(struct tape *tape, const struct tape_entry *entry)
{
	tape->entries = core_grow(tape->entries, &tape->cap, tape->count, sizeof(*tape->entries));
	tape->entries[tape->count++] = *entry;
}

enum {
	T_PRICE,
	T_CHANGE,
	T_OPEN,
	T_HIGH,
	T_LOW,
	T_ASK,
	T_BID,
	T_QTY,
	T_VOLUME,
	T_TURNOVER,
	T_SELLS,
	T_BUYS,
	T_SELL_VOLUME,
	T_BUY_VOLUME,
	T_ASK_QTY,
	T_BID_QTY,
	T_VI_BASE,
	T_COUNT
};
static const int trade_places[T_COUNT] = { 2, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 36, 37, 45 };

/* What the first trade tells about the time before it. */
static void tape_start(struct tape *tape, char **field, const int64_t *v, int side)
{
	struct exch_quote *start = &tape->start;
	bool first = v[T_VOLUME] == v[T_QTY]; /* nothing before: the opening print makes these itself */

	*start = (struct exch_quote){ .volume = v[T_VOLUME] - v[T_QTY],
				      .turnover_won = v[T_TURNOVER] - v[T_PRICE] * v[T_QTY],
				      .sell_count = v[T_SELLS] - (side == EXCH_SELL),
				      .buy_count = v[T_BUYS] - (side == EXCH_BUY),
				      .sell_volume = v[T_SELL_VOLUME] - (side == EXCH_SELL ? v[T_QTY] : 0),
				      .buy_volume = v[T_BUY_VOLUME] - (side == EXCH_BUY ? v[T_QTY] : 0),
				      .prev_close_won = v[T_PRICE] - v[T_CHANGE],
				      .vi_base_won = v[T_VI_BASE] };
	if (first)
		return;
	start->open_won = v[T_OPEN];
	start->high_won = v[T_HIGH];
	start->low_won = v[T_LOW];
	if (!time_of(field[24], &start->open_time_s) || !time_of(field[27], &start->high_time_s) ||
	    !time_of(field[30], &start->low_time_s))
		start->open_time_s = start->high_time_s = start->low_time_s = 0;
}

/* `ms` is the instant of its frame; 0 = not known yet. */
static enum reason take_trade(struct exchange *ex, const struct reading *rd, char **field, int32_t *ms)
{
	int side = strcmp(field[21], "1") == 0 ? EXCH_BUY : strcmp(field[21], "5") == 0 ? EXCH_SELL : 0;
	struct tape_entry entry = { .side = side };
	int64_t v[T_COUNT];
	struct symbol *symbol;
	enum reason why;

	if (!numbers(field, trade_places, T_COUNT, v) || v[T_PRICE] <= 0 || v[T_PRICE] > CORE_PRICE_MAX ||
	    v[T_QTY] <= 0 || v[T_QTY] > CORE_QTY_MAX || v[T_PRICE] - v[T_CHANGE] <= 0)
		return bad(rd, "a trade's numbers are no numbers");
	why = symbol_of(ex, field[0], v[T_PRICE] - v[T_CHANGE], &symbol);
	if (why != REASON_OK)
		return why;
	if (*ms == 0 && !frame_time(&symbol->tape, field[1], ms))
		return bad(rd, "its time is none, or goes back");
	if (symbol->tape.count == 0)
		tape_start(&symbol->tape, field, v, side);
	entry.ms_of_day = *ms;
	entry.price_won = v[T_PRICE];
	entry.qty = v[T_QTY];
	entry.ask = (struct exch_level){ v[T_ASK], v[T_ASK_QTY] };
	entry.bid = (struct exch_level){ v[T_BID], v[T_BID_QTY] };
	tape_add(&symbol->tape, &entry);
	return REASON_OK;
}

static enum reason take_book(struct exchange *ex, const struct reading *rd, char **field, int32_t *ms)
{
	struct tape_entry entry = { 0 };
	struct symbol *symbol = core_symbol(ex, field[0]);
	struct tape *tape;

	if (symbol == NULL || symbol->tape.count == 0)
		return REASON_OK; /* a book before the first trade has no base price to stand on */
	tape = &symbol->tape;
	if (*ms == 0 && !frame_time(tape, field[1], ms))
		return bad(rd, "its time is none, or goes back");
	entry.ms_of_day = *ms;
	entry.levels = tape->level_count;
	entry.price_won = tape->entries[tape->count - 1].price_won;
	for (size_t i = 0; i < 2 * EXCH_LEVELS; i++) {
		struct exch_level level;

		if (!number(field[3 + i], &level.price_won) || !number(field[23 + i], &level.qty) ||
		    level.price_won < 0 || level.price_won > CORE_PRICE_MAX || level.qty < 0 ||
		    level.qty > CORE_QTY_MAX)
			return bad(rd, "a book's numbers are no numbers");
		tape->levels =
			core_grow(tape->levels, &tape->level_cap, tape->level_count, sizeof(*tape->levels));
		tape->levels[tape->level_count++] = level;
	}
	tape_add(tape, &entry);
	return REASON_OK;
}

static enum reason take_line(struct exchange *ex, const struct reading *rd, char *line, size_t *records)
{
	static char *field[FIELDS_MAX];
	char *part[4] = { line }, *rest;
	size_t count = 0, width;
	int64_t said = 0;
	int32_t ms = 0;
	bool trade;
	enum reason why = REASON_OK;

	for (int i = 1; i < 4; i++) {
		part[i] = strchr(part[i - 1], '|');
		if (part[i] == NULL)
			return bad(rd, "not E|TR_ID|NNN|FIELDS");
		*part[i]++ = '\0';
	}
	trade = strcmp(part[1], "H0STCNT0") == 0;
	if (!trade && strcmp(part[1], "H0STASP0") != 0)
		return REASON_OK;
	for (rest = part[3]; rest != NULL && count < FIELDS_MAX; count++) {
		field[count] = rest;
		rest = strchr(rest, '^');
		if (rest != NULL)
			*rest++ = '\0';
	}
	if (!num_parse(part[2], strlen(part[2]), &said) || said <= 0 || rest != NULL ||
	    count % (size_t)said != 0)
		return bad(rd, "its fields do not divide by its number of records");
	width = count / (size_t)said;
	if (width < (trade ? TRADE_WIDTH_MIN : BOOK_WIDTH_MIN))
		return bad(rd, "a record has too few fields");
	for (size_t i = 0; i < (size_t)said && why == REASON_OK; i++) {
		char **record = &field[i * width];

		why = trade ? take_trade(ex, rd, record, &ms) : take_book(ex, rd, record, &ms);
		(*records)++;
	}
	return why;
}

enum reason exch_load_frames(struct exchange *ex, const char *path, size_t *out_records)
{
	FILE *file = fopen(path, "re");
	struct reading rd = { .path = path };
	char *line = NULL;
	size_t line_cap = 0;
	enum reason why = REASON_OK;

	*out_records = 0;
	if (file == NULL)
		return reason_set(errno == ENOENT ? REASON_FILE_MISSING : REASON_FILE_RIGHTS,
				  "frames %s cannot be opened: %s", path, strerror(errno));
	while (why == REASON_OK && getline(&line, &line_cap, file) >= 0) {
		rd.line++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			why = take_line(ex, &rd, line, out_records);
	}
	if (why == REASON_OK && ferror(file))
		why = reason_set(REASON_FILE_IO, "%s broke off while reading: %s", path, strerror(errno));
	free(line);
	if (fclose(file) != 0 && why == REASON_OK)
		why = reason_set(REASON_FILE_IO, "%s cannot be closed: %s", path, strerror(errno));
	if (why == REASON_OK && *out_records == 0)
		why = reason_set(REASON_FILE_SHAPE, "%s holds no frame of H0STCNT0 or H0STASP0", path);
	return why;
}
