/*
 * exchange - set-up, the day's turning points, time, quotes and bars.
 *
 * A day:  begin -> [reservations sent] -> opening call -> continuous -> closing call -> closed
 *                      open - 39 min     open - 30 min     open         close - 10 min     close
 * Beside it, once somebody gave an order for them, the moments of other hours (hours.c).
 * At one instant the boundary comes first, then the prints; only at the close the closing print comes first and
 * the end of the day after it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/core.h"
#include "tests/broker/daybars.h"

#include "shared/base/banned.h"

#define CSV_FIELDS       12
#define PUT_USUAL_VOLUME 1000000
#define STILL_QTY        10

enum stage { STAGE_RESV, STAGE_OPENING, STAGE_OPEN, STAGE_CLOSING, STAGE_CLOSE, STAGE_LATE, STAGE_COUNT };

/* ---- small things ---- */

void *core_grow(void *array, size_t *cap, size_t count, size_t item_size)
{
	size_t want = *cap == 0 ? 16 : *cap * 2;

	if (count < *cap)
		return array;
	array = reallocarray(array, want, item_size);
	BUG_IF(array == NULL, "memory for one more row");
	*cap = want;
	return array;
}

enum reason core_copy(char *out, size_t out_size, const char *text, const char *what)
{
	size_t len = strlen(text);

	if (len >= out_size)
		return reason_set(REASON_OVERFLOW, "%s '%.40s' has %zu bytes, at most %zu fit", what, text,
				  len, out_size - 1);
	memset(out, 0, out_size);
	memcpy(out, text, len);
	return REASON_OK;
}

void core_emit(struct exchange *ex, const struct exch_event *event)
{
	struct exch_event full = *event;

	if (ex->silent || ex->sink == NULL)
		return;
	full.at = ex->now;
	full.phase = ex->phase;
	ex->sink(ex->sink_arg, &full);
}

static const char *const refusal_names[EXCH_REFUSAL_COUNT] = {
	[EXCH_ACCEPTED] = "accepted",
	[EXCH_NO_DAY] = "no-day",
	[EXCH_NO_HOURS] = "no-hours",
	[EXCH_NO_SYMBOL] = "no-symbol",
	[EXCH_NO_TYPE] = "no-type",
	[EXCH_NO_EXCHANGE] = "no-exchange",
	[EXCH_NO_QTY] = "no-qty",
	[EXCH_NO_PRICE] = "no-price",
	[EXCH_NO_TICK] = "no-tick",
	[EXCH_NO_BAND] = "no-band",
	[EXCH_NO_CASH] = "no-cash",
	[EXCH_NO_HOLDING] = "no-holding",
	[EXCH_NO_SHARES] = "no-shares",
	[EXCH_NO_HALT] = "no-halt",
	[EXCH_NO_ORDER] = "no-order",
	[EXCH_NO_REST] = "no-rest",
	[EXCH_NO_CHANGE_QTY] = "no-change-qty",
	[EXCH_NO_BRANCH] = "no-branch",
	[EXCH_NO_RESV] = "no-resv",
	[EXCH_NO_LIMIT_TYPE] = "no-limit-type",
	[EXCH_NO_SAME_EXCHANGE] = "no-same-exchange",
};

const char *exch_refusal_name(enum exch_refusal refusal)
{
	return (unsigned)refusal < EXCH_REFUSAL_COUNT ? refusal_names[refusal] : "?";
}

const char *exch_phase_name(enum exch_phase phase)
{
	switch (phase) {
	case EXCH_PHASE_CLOSED: return "closed";
	case EXCH_PHASE_OPENING_CALL: return "opening-call";
	case EXCH_PHASE_CONTINUOUS: return "continuous";
	case EXCH_PHASE_CLOSING_CALL: return "closing-call";
	}
	return "?";
}

/* ---- life ---- */

enum reason exch_new(const struct exch_config *config, exch_sink *sink, void *sink_arg, struct exchange **out)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	if (ex == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the exchange");
	ex->config = *config;
	if (ex->config.prints_per_symbol <= 0)
		ex->config.prints_per_symbol = CORE_PRINTS_DEFAULT;
	if (ex->config.odno_start <= 0)
		ex->config.odno_start = CORE_ODNO_DEFAULT;
	if (ex->config.odno_step <= 0)
		ex->config.odno_step = 1;
	ex->odno_next = ex->config.odno_start;
	ex->resv_next = CORE_RESV_FIRST;
	ex->sink = sink;
	ex->sink_arg = sink_arg;
	*out = ex;
	return REASON_OK;
}

void exch_free(struct exchange *ex)
{
	if (ex == NULL)
		return;
	for (size_t i = 0; i < ex->symbol_count; i++) {
		tape_free(&ex->symbols[i]->tape);
		free(ex->symbols[i]->later_bars);
		free(ex->symbols[i]->minutes);
		free(ex->symbols[i]->rest[0]);
		free(ex->symbols[i]->rest[1]);
		free(ex->symbols[i]->stops);
		free(ex->symbols[i]);
	}
	for (size_t i = 0; i < ex->order_count; i++)
		free(ex->orders[i]);
	for (size_t i = 0; i < ex->account_count; i++) {
		ledger_clear(&ex->accounts[i].real);
		ledger_clear(&ex->accounts[i].seen);
	}
	free(ex->symbols);
	free(ex->heap);
	free(ex->closed_days);
	free(ex->orders);
	free(ex->slots);
	free(ex->fills);
	free(ex->postings);
	free(ex->updates);
	free(ex->vis);
	free(ex->resvs);
	free(ex->resv_truth);
	free(ex->nexts);
	free(ex);
}

void exch_lags_set(struct exchange *ex, const struct exch_lags *lags)
{
	ex->lags = *lags;
}

void exch_fill_set(struct exchange *ex, enum exch_fill_rule fill)
{
	ex->config.fill = fill;
}

const struct exch_config *exch_config_of(const struct exchange *ex)
{
	return &ex->config;
}

struct wall exch_now(const struct exchange *ex)
{
	return ex->now;
}

const struct exch_day *exch_today(const struct exchange *ex)
{
	return &ex->day;
}

enum exch_phase exch_phase(const struct exchange *ex)
{
	return ex->phase;
}

/* ---- symbols ---- */

static size_t symbol_place(const struct exchange *ex, const char *code, bool *out_there)
{
	size_t low = 0, high = ex->symbol_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(ex->symbols[middle]->quote.code, code);

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

struct symbol *core_symbol(const struct exchange *ex, const char *code)
{
	bool there;
	size_t place = symbol_place(ex, code, &there);

	return there ? ex->symbols[place] : NULL;
}

struct rules_grid core_grid(const struct exchange *ex, const struct symbol *symbol)
{
	return rules_grid(ex->day.day, symbol->quote.kosdaq, symbol->quote.etf);
}

enum reason core_symbol_make(struct exchange *ex, const char *code, const char *name, struct symbol **out)
{
	struct symbol *symbol;
	bool there;
	size_t place = symbol_place(ex, code, &there);
	enum reason why;

	if (there) {
		*out = ex->symbols[place];
		return core_copy((*out)->quote.name, EXCH_NAME_SIZE, name, "name");
	}
	if (ex->symbol_count == EXCH_SYMBOLS_MAX)
		return reason_set(REASON_OVERFLOW, "more than %d symbols", EXCH_SYMBOLS_MAX);
	if (code[0] == '\0')
		return reason_set(REASON_FILE_SHAPE, "a symbol has no code");
	symbol = calloc(1, sizeof(*symbol));
	if (symbol == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for symbol %s", code);
	why = core_copy(symbol->quote.code, EXCH_CODE_SIZE, code, "code");
	if (why == REASON_OK)
		why = core_copy(symbol->quote.name, EXCH_NAME_SIZE, name, "name");
	if (why != REASON_OK) {
		free(symbol);
		return why;
	}
	ex->symbols = core_grow(ex->symbols, &ex->symbol_cap, ex->symbol_count, sizeof(struct symbol *));
	memmove(&ex->symbols[place + 1], &ex->symbols[place],
		(ex->symbol_count - place) * sizeof(struct symbol *));
	ex->symbols[place] = symbol;
	ex->symbol_count++;
	*out = symbol;
	return REASON_OK;
}

/* Fresh numbers for a day; prev_close is set already. */
static void quote_reset(struct exchange *ex, struct symbol *symbol, int64_t last_won)
{
	struct exch_quote *quote = &symbol->quote;

	rules_band(core_grid(ex, symbol), quote->prev_close_won, &quote->upper_won, &quote->lower_won);
	quote->last_won = last_won;
	quote->halted = false;
	quote->open_won = quote->high_won = quote->low_won = 0;
	quote->open_time_s = quote->high_time_s = quote->low_time_s = 0;
	quote->vi = false;
	quote->vi_base_won = quote->prev_close_won;
	quote->vi_count = 0;
	quote->vi_from = quote->vi_until = quote->print_at = (struct wall){ 0 };
	quote->print_qty = quote->print_count = 0;
	quote->print_side = 0;
	quote->volume = quote->turnover_won = 0;
	quote->sell_count = quote->buy_count = quote->sell_volume = quote->buy_volume = 0;
	quote->opening_qty = 0;
	free(symbol->minutes);
	symbol->minutes = NULL;
	symbol->usual_print = quote->prev_volume / ex->config.prints_per_symbol;
	if (symbol->usual_print < 1)
		symbol->usual_print = 1;
	book_make(ex, symbol, last_won, 0);
	quote->told_ask_total = quote->ask_total;
	quote->told_bid_total = quote->bid_total;
}

enum reason exch_symbol_put(struct exchange *ex, const char *code, const char *name, bool kosdaq, bool etf,
			    int64_t prev_close_won, int64_t last_won)
{
	struct symbol *symbol;
	enum reason why;

	if (prev_close_won <= 0 || prev_close_won > CORE_PRICE_MAX || last_won < 0 ||
	    last_won > CORE_PRICE_MAX)
		return reason_set(REASON_BAD_NUMBER, "prices of %s must be 1 .. %lld won", code,
				  (long long)CORE_PRICE_MAX);
	why = core_symbol_make(ex, code, name, &symbol);
	if (why != REASON_OK)
		return why;
	symbol->quote.kosdaq = kosdaq;
	symbol->quote.etf = etf;
	symbol->quote.prev_close_won = prev_close_won;
	if (symbol->quote.prev_volume == 0) {
		symbol->quote.prev_volume = PUT_USUAL_VOLUME;
		symbol->quote.prev_turnover_won = PUT_USUAL_VOLUME * prev_close_won;
		symbol->quote.shares = PUT_USUAL_VOLUME * INT64_C(100);
	}
	if (symbol->first_base_won == 0)
		symbol->first_base_won = prev_close_won;
	quote_reset(ex, symbol, last_won > 0 ? last_won : prev_close_won);
	return REASON_OK;
}

/* ---- day files ---- */

static size_t csv_split(char *line, char *fields[], size_t max)
{
	size_t count = 0;

	while (count < max) {
		char *comma = strchr(line, ',');

		fields[count++] = line;
		if (comma == NULL)
			break;
		*comma = '\0';
		line = comma + 1;
	}
	return count;
}

struct csv_row {
	const char *code, *market, *name;
	struct path_figures figures;
	int64_t change_won, turnover_won, shares;
};

static enum reason csv_row(char *line, const char *path, int number, struct csv_row *out)
{
	char *field[CSV_FIELDS];
	struct path_figures *f = &out->figures;
	size_t count;

	line[strcspn(line, "\r\n")] = '\0';
	count = csv_split(line, field, CSV_FIELDS);
	if (count != CSV_FIELDS || !num_parse(field[2], strlen(field[2]), &f->open_won) ||
	    !num_parse(field[3], strlen(field[3]), &f->high_won) ||
	    !num_parse(field[4], strlen(field[4]), &f->low_won) ||
	    !num_parse(field[5], strlen(field[5]), &f->close_won) ||
	    !num_parse(field[6], strlen(field[6]), &out->change_won) ||
	    !num_parse(field[8], strlen(field[8]), &f->volume) ||
	    !num_parse(field[9], strlen(field[9]), &out->turnover_won) ||
	    !num_parse(field[10], strlen(field[10]), &out->shares))
		return reason_set(
			REASON_FILE_SHAPE,
			"%s line %d is not code,market,open,high,low,close,change,change_pct,volume,"
			"turnover,shares,name",
			path, number);
	if (f->close_won <= 0 || f->close_won > CORE_PRICE_MAX || f->volume < 0 ||
	    f->close_won - out->change_won <= 0)
		return reason_set(REASON_FILE_SHAPE, "%s line %d: close, change or volume cannot be", path,
				  number);
	out->code = field[0];
	out->market = field[1];
	out->name = field[11];
	return REASON_OK;
}

static enum reason row_previous(struct exchange *ex, const struct csv_row *row)
{
	struct symbol *symbol;
	enum reason why = core_symbol_make(ex, row->code, row->name, &symbol);

	if (why != REASON_OK)
		return why;
	symbol->quote.kosdaq = strcmp(row->market, "KOSDAQ") == 0;
	symbol->quote.shares = row->shares;
	symbol->quote.prev_close_won = row->figures.close_won;
	symbol->quote.prev_volume = row->figures.volume;
	symbol->quote.prev_turnover_won = row->turnover_won;
	symbol->first_base_won = row->figures.close_won - row->change_won;
	symbol->first_bar = (struct exch_bar){ .open_won = row->figures.open_won,
					       .high_won = row->figures.high_won,
					       .low_won = row->figures.low_won,
					       .close_won = row->figures.close_won,
					       .volume = row->figures.volume,
					       .turnover_won = row->turnover_won };
	symbol->quote.last_won = row->figures.close_won;
	return REASON_OK;
}

static enum reason row_today(struct exchange *ex, const struct csv_row *row)
{
	struct symbol *symbol = core_symbol(ex, row->code);

	if (symbol == NULL)
		return REASON_OK;
	symbol->today = row->figures;
	symbol->has_today = row->figures.volume > 0;
	symbol->quote.prev_close_won =
		row->figures.close_won - row->change_won; /* the base, also after a split */
	return REASON_OK;
}

static enum reason row_next(struct exchange *ex, const struct csv_row *row)
{
	struct symbol *symbol = core_symbol(ex, row->code);

	if (symbol == NULL)
		return REASON_OK;
	symbol->next = row->figures;
	symbol->has_next = row->figures.volume > 0;
	symbol->next_base_won = row->figures.close_won - row->change_won;
	return REASON_OK;
}

static enum reason csv_load(struct exchange *ex, const char *path,
			    enum reason (*take)(struct exchange *, const struct csv_row *))
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t line_cap = 0;
	int number = 0;
	enum reason why = REASON_OK;

	if (file == NULL)
		return reason_set(errno == ENOENT ? REASON_FILE_MISSING : REASON_FILE_RIGHTS,
				  "day figures %s cannot be opened: %s", path, strerror(errno));
	while (why == REASON_OK && getline(&line, &line_cap, file) >= 0) {
		struct csv_row row;

		number++;
		if (line[0] == '#' || strncmp(line, "code,", 5) == 0)
			continue;
		why = csv_row(line, path, number, &row);
		if (why == REASON_OK)
			why = take(ex, &row);
	}
	if (why == REASON_OK && ferror(file))
		why = reason_set(REASON_FILE_IO, "%s broke off while reading: %s", path, strerror(errno));
	free(line);
	if (fclose(file) != 0 && why == REASON_OK)
		why = reason_set(REASON_FILE_IO, "%s cannot be closed: %s", path, strerror(errno));
	return why;
}

enum reason exch_load_days(struct exchange *ex, const char *previous_csv, const char *today_csv)
{
	enum reason why = csv_load(ex, previous_csv, row_previous);

	if (why == REASON_OK && today_csv != NULL)
		why = csv_load(ex, today_csv, row_today);
	return why;
}

enum reason exch_load_next(struct exchange *ex, const char *csv)
{
	return csv_load(ex, csv, row_next);
}

static int day_order(const void *left, const void *right)
{
	const int32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

enum reason exch_load_closed_days(struct exchange *ex, const char *csv)
{
	FILE *file = fopen(csv, "re");
	char *line = NULL;
	size_t line_cap = 0;

	if (file == NULL)
		return reason_set(REASON_FILE_MISSING, "closed days %s cannot be opened: %s", csv,
				  strerror(errno));
	while (getline(&line, &line_cap, file) >= 0) {
		struct kst_day day;

		line[strcspn(line, ",\r\n")] = '\0';
		if (!kst_day_parse(line, &day))
			continue; /* heading and comments */
		ex->closed_days =
			core_grow(ex->closed_days, &ex->closed_cap, ex->closed_count, sizeof(int32_t));
		ex->closed_days[ex->closed_count++] = day.yyyymmdd;
	}
	free(line);
	if (fclose(file) != 0)
		return reason_set(REASON_FILE_IO, "%s cannot be closed: %s", csv, strerror(errno));
	if (ex->closed_count > 0)
		qsort(ex->closed_days, ex->closed_count, sizeof(int32_t), day_order);
	return REASON_OK;
}

/* ---- the heap of next prints ---- */

static bool heap_less(const struct symbol *a, const struct symbol *b)
{
	if (a->path.next.at.us != b->path.next.at.us)
		return a->path.next.at.us < b->path.next.at.us;
	return strcmp(a->quote.code, b->quote.code) < 0;
}

static void heap_set(struct exchange *ex, size_t place, struct symbol *symbol)
{
	ex->heap[place] = symbol;
	symbol->heap_at = place + 1;
}

static void heap_up(struct exchange *ex, size_t place)
{
	struct symbol *symbol = ex->heap[place];

	while (place > 0 && heap_less(symbol, ex->heap[(place - 1) / 2])) {
		heap_set(ex, place, ex->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	heap_set(ex, place, symbol);
}

static void heap_down(struct exchange *ex, size_t place)
{
	struct symbol *symbol = ex->heap[place];

	for (;;) {
		size_t child = place * 2 + 1;

		if (child >= ex->heap_count)
			break;
		if (child + 1 < ex->heap_count && heap_less(ex->heap[child + 1], ex->heap[child]))
			child++;
		if (!heap_less(ex->heap[child], symbol))
			break;
		heap_set(ex, place, ex->heap[child]);
		place = child;
	}
	heap_set(ex, place, symbol);
}

static void heap_add(struct exchange *ex, struct symbol *symbol)
{
	if (symbol->heap_at != 0)
		return;
	ex->heap = core_grow(ex->heap, &ex->heap_cap, ex->heap_count, sizeof(struct symbol *));
	heap_set(ex, ex->heap_count++, symbol);
	heap_up(ex, ex->heap_count - 1);
}

static void heap_remove(struct exchange *ex, struct symbol *symbol)
{
	size_t place = symbol->heap_at;

	if (place == 0)
		return;
	symbol->heap_at = 0;
	ex->heap_count--;
	if (place - 1 == ex->heap_count)
		return;
	heap_set(ex, place - 1, ex->heap[ex->heap_count]);
	heap_down(ex, place - 1);
	heap_up(ex, place - 1);
}

/* ---- the day ---- */

static void symbol_roll(struct symbol *symbol, struct kst_day day)
{
	struct exch_quote *quote = &symbol->quote;

	symbol->has_today = symbol->has_next;
	symbol->today = symbol->next;
	quote->prev_close_won = symbol->has_next ? symbol->next_base_won : quote->last_won;
	symbol->has_next = false;
	quote->prev_volume = quote->volume > 0 ? quote->volume : quote->prev_volume;
	quote->prev_turnover_won = quote->volume > 0 ? quote->turnover_won : quote->prev_turnover_won;
	if (quote->volume == 0)
		return;
	symbol->later_bars = core_grow(symbol->later_bars, &symbol->later_cap, symbol->later_count,
				       sizeof(*symbol->later_bars));
	symbol->later_bars[symbol->later_count++] = (struct exch_bar){ .day = day,
								       .open_won = quote->open_won,
								       .high_won = quote->high_won,
								       .low_won = quote->low_won,
								       .close_won = quote->last_won,
								       .volume = quote->volume,
								       .turnover_won = quote->turnover_won };
}

static void symbol_begin(struct exchange *ex, struct symbol *symbol)
{
	struct exch_quote *quote = &symbol->quote;

	heap_remove(ex, symbol);
	symbol->path_live = false;
	if (symbol->tape.count > 0)
		quote->prev_close_won = symbol->tape.start.prev_close_won;
	quote_reset(ex, symbol,
		    ex->config.market == EXCH_MARKET_STILL ? quote->last_won : quote->prev_close_won);
	if (ex->config.market != EXCH_MARKET_PATH || !ex->day.trading)
		return;
	if (symbol->tape.count > 0) {
		tape_begin(ex, symbol);
		symbol->path_live = true;
		heap_add(ex, symbol);
		return;
	}
	if (!symbol->has_today)
		path_figures_invent(ex->config.seed, quote->code, ex->day.day, core_grid(ex, symbol),
				    quote->prev_close_won, quote->prev_volume, &symbol->today);
	symbol->path_live =
		path_init(&symbol->path, ex->config.seed, quote->code, ex->day.day, core_grid(ex, symbol),
			  &symbol->today, ex->day.open_s, ex->day.close_s, ex->config.prints_per_symbol);
	symbol->path.mid_ppm = ex->config.mid_prints_ppm;
	if (symbol->path_live)
		heap_add(ex, symbol);
}

enum reason exch_day_begin(struct exchange *ex, const struct exch_day *day, struct wall at)
{
	bool later = ex->day_begun && day->day.yyyymmdd > ex->day.day.yyyymmdd;

	if (day->trading && (day->open_s <= CORE_RESV_BEFORE_S ||
			     day->close_s <= day->open_s + CORE_CLOSING_S || day->close_s >= 86400))
		return reason_set(REASON_CONF_RANGE, "hours of %d cannot be: open %d s, close %d s",
				  (int)day->day.yyyymmdd, (int)day->open_s, (int)day->close_s);
	if ((ex->day_begun && day->day.yyyymmdd < ex->day.day.yyyymmdd) || at.us < ex->now.us)
		return reason_set(REASON_BAD_DAY, "day %d lies before the day that runs",
				  (int)day->day.yyyymmdd);
	orders_bury(ex, day->day);
	accounts_release(ex); /* today's live orders reserve again below */
	/* Settlement counts trading days: on a closed day everything stands. */
	if (day->trading && ex->ledger_day.yyyymmdd != 0 && ex->ledger_day.yyyymmdd < day->day.yyyymmdd)
		accounts_roll(ex);
	if (day->trading || ex->ledger_day.yyyymmdd == 0)
		ex->ledger_day = day->day;
	if (later) {
		ex->odno_next = ex->config.odno_start;
		ex->today_first = ex->order_count;
	}
	if (later)
		for (size_t i = 0; i < ex->symbol_count; i++)
			symbol_roll(ex->symbols[i], ex->day.day);
	ex->vi_count = 0;
	if (!ex->day_begun)
		ex->first_previous = day->previous;
	ex->day = *day;
	ex->day_begun = true;
	ex->phase = EXCH_PHASE_CLOSED;
	ex->stage = day->trading ? STAGE_RESV : STAGE_COUNT;
	for (size_t i = 0; i < ex->symbol_count; i++)
		symbol_begin(ex, ex->symbols[i]);
	ex->now = kst_wall(day->day, 0);
	ex->still_done_s = ex->expect_done_s = kst_second_of(at);
	ex->silent = true;
	exch_advance(ex, at);
	ex->silent = false;
	ex->apart = false;
	orders_revive(ex);
	if (day->trading)
		orders_moment(ex); /* what passed while nobody ran it */
	return REASON_OK;
}

static int64_t stage_us(const struct exchange *ex, int32_t stage)
{
	int64_t second = 0;

	switch (stage) {
	case STAGE_RESV: second = ex->day.open_s - CORE_RESV_BEFORE_S; break;
	case STAGE_OPENING: second = ex->day.open_s - CORE_AUCTION_S; break;
	case STAGE_OPEN: second = ex->day.open_s; break;
	case STAGE_CLOSING: second = ex->day.close_s - CORE_CLOSING_S; break;
	case STAGE_CLOSE: second = ex->day.close_s; break;
	case STAGE_LATE:
		second = ex->config.sor_end_s > ex->day.close_s ? ex->config.sor_end_s : ex->day.close_s;
		break;
	default: return INT64_MAX;
	}
	return kst_wall(ex->day.day, second).us;
}

static void stage_pass(struct exchange *ex)
{
	static const enum exch_phase phases[STAGE_COUNT] = {
		[STAGE_RESV] = EXCH_PHASE_CLOSED,     [STAGE_OPENING] = EXCH_PHASE_OPENING_CALL,
		[STAGE_OPEN] = EXCH_PHASE_CONTINUOUS, [STAGE_CLOSING] = EXCH_PHASE_CLOSING_CALL,
		[STAGE_CLOSE] = EXCH_PHASE_CLOSED,    [STAGE_LATE] = EXCH_PHASE_CLOSED,
	};
	struct exch_event event = { .kind = EXCH_EV_PHASE };
	int32_t stage = ex->stage++;

	ex->phase = phases[stage];
	if (stage == STAGE_RESV) {
		if (!ex->silent)
			resvs_send(ex);
		return;
	}
	if (stage == STAGE_LATE) {
		if (!ex->silent)
			orders_expire(ex);
		return;
	}
	core_emit(ex, &event);
	if (stage == STAGE_CLOSING && !ex->silent)
		orders_closing_call(ex);
	if (stage == STAGE_CLOSE && !ex->silent)
		orders_expire(ex);
}

/* Next whole second at which watched symbols tick, INT64_MAX = none today. */
static int64_t still_us(const struct exchange *ex)
{
	int64_t second = ex->still_done_s + 1;

	if (ex->config.market != EXCH_MARKET_STILL || ex->watch_total == 0 || !ex->day.trading)
		return INT64_MAX;
	if (second < ex->day.open_s)
		second = ex->day.open_s;
	return second > ex->day.close_s ? INT64_MAX : kst_wall(ex->day.day, second).us;
}

static void still_tick(struct exchange *ex)
{
	ex->still_done_s = kst_second_of(ex->now);
	for (size_t i = 0; i < ex->symbol_count; i++) {
		struct symbol *symbol = ex->symbols[i];
		struct path_print print = { .at = ex->now,
					    .price_won = symbol->quote.last_won,
					    .qty = STILL_QTY };

		if (symbol->watch_count == 0 || symbol->quote.halted)
			continue;
		print.side = (ex->still_done_s & 1) != 0 ? EXCH_BUY : EXCH_SELL;
		book_print(ex, symbol, &print);
	}
}

static void path_print_next(struct exchange *ex)
{
	struct symbol *symbol = ex->heap[0];
	struct path_print print = symbol->path.next;

	print.at = ex->now;
	if (book_vi(ex, symbol, &print)) {
		symbol->path.next.at = symbol->quote.vi_until;
		heap_down(ex, 0);
		return;
	}
	if (symbol->tape.count > 0)
		symbol->path.has_next = tape_step(ex, symbol);
	else
		path_step(&symbol->path);
	if (symbol->path.has_next) {
		heap_down(ex, 0);
	} else {
		heap_remove(ex, symbol);
		symbol->path_live = false;
	}
	if (print.qty > 0) {
		book_print(ex, symbol, &print);
		return;
	}
	tape_book(symbol, &symbol->tape.entries[symbol->tape.at - 1]);
	book_show(ex, symbol);
}

/* ---- expected prices of call auctions ---- */

static bool in_call(const struct exchange *ex, const struct symbol *symbol)
{
	return ex->phase == EXCH_PHASE_OPENING_CALL || ex->phase == EXCH_PHASE_CLOSING_CALL ||
	       symbol->quote.vi;
}

static int64_t expect_us(const struct exchange *ex)
{
	int64_t second = (ex->expect_done_s / CORE_EXPECT_S + 1) * CORE_EXPECT_S;
	bool any = ex->phase == EXCH_PHASE_OPENING_CALL || ex->phase == EXCH_PHASE_CLOSING_CALL;

	if (ex->expect_total == 0 || !ex->day.trading || ex->phase == EXCH_PHASE_CLOSED)
		return INT64_MAX;
	for (size_t i = 0; i < ex->symbol_count && !any; i++)
		any = ex->symbols[i]->quote.vi && ex->symbols[i]->expect_count > 0;
	return any ? kst_wall(ex->day.day, second).us : INT64_MAX;
}

/* From the last price towards the auction's, of which a growing part of the quantity is there. */
static void expect_tick(struct exchange *ex)
{
	ex->expect_done_s = kst_second_of(ex->now);
	for (size_t i = 0; i < ex->symbol_count; i++) {
		struct symbol *symbol = ex->symbols[i];
		int64_t from_us = symbol->quote.vi ? symbol->quote.vi_from.us
				  : ex->phase == EXCH_PHASE_OPENING_CALL
					  ? kst_wall(ex->day.day, ex->day.open_s - CORE_AUCTION_S).us
					  : kst_wall(ex->day.day, ex->day.close_s - CORE_CLOSING_S).us;
		int64_t last = symbol->quote.last_won, goal = last, qty = symbol->usual_print * 10;
		int64_t part = 1000000;
		struct exch_event event = { .kind = EXCH_EV_EXPECTED, .quote = &symbol->quote };

		if (symbol->expect_count == 0 || symbol->quote.halted || !in_call(ex, symbol))
			continue;
		if (symbol->path_live && symbol->path.next.at.us > from_us) {
			goal = symbol->path.next.price_won;
			qty = symbol->path.next.qty > 0 ? symbol->path.next.qty : qty;
			part = (ex->now.us - from_us) * 1000 / (symbol->path.next.at.us - from_us) * 1000;
		}
		event.price_won = rules_price_at(
			core_grid(ex, symbol),
			rules_index_of(core_grid(ex, symbol), last + (goal - last) * part / 1000000));
		event.qty = qty / 1000 * (part / 1000) > 0 ? qty / 1000 * (part / 1000) : 1;
		core_emit(ex, &event);
	}
}

static void moment_pass(struct exchange *ex, int64_t moment_us)
{
	ex->moment_done_us = moment_us;
	orders_moment(ex);
}

void exch_advance(struct exchange *ex, struct wall at)
{
	while (ex->day_begun) {
		int64_t stage = stage_us(ex, ex->stage), still = still_us(ex), next;
		int64_t print = ex->heap_count > 0 ? ex->heap[0]->path.next.at.us : INT64_MAX;
		int64_t expect = expect_us(ex), other = print < still ? print : still;
		int64_t tick = other < expect ? other : expect, moment = hours_moment_us(ex);
		bool close = ex->stage == STAGE_CLOSE;

		next = stage < tick ? stage : tick;
		if (moment < next)
			next = moment;
		if (next > at.us || next == INT64_MAX)
			break;
		if (next > ex->now.us)
			ex->now.us = next;
		core_pump(ex);
		if (moment < stage && moment <= tick)
			moment_pass(ex, moment);
		else if (stage < tick || (stage == tick && !close))
			stage_pass(ex);
		else if (expect < other)
			expect_tick(ex);
		else if (print <= still)
			path_print_next(ex);
		else
			still_tick(ex);
	}
	if (at.us > ex->now.us)
		ex->now = at;
	core_pump(ex);
}

struct wall exch_next_event(const struct exchange *ex)
{
	int64_t next = ex->day_begun ? stage_us(ex, ex->stage) : INT64_MAX, still = still_us(ex);
	int64_t expect = ex->day_begun ? expect_us(ex) : INT64_MAX;
	int64_t moment = ex->day_begun ? hours_moment_us(ex) : INT64_MAX;

	if (still < next)
		next = still;
	if (moment < next)
		next = moment;
	if (expect < next)
		next = expect;
	for (size_t i = 0; i < ex->heap_count; i++) {
		const struct symbol *symbol = ex->heap[i];

		if (symbol->path.next.at.us < next &&
		    (symbol->watch_count > 0 ||
		     symbol->rest_count[0] + symbol->rest_count[1] + symbol->stop_count > 0))
			next = symbol->path.next.at.us;
	}
	if (next != INT64_MAX && next < ex->now.us)
		next = ex->now.us;
	return (struct wall){ next };
}

bool exch_watch(struct exchange *ex, const char *code, bool on)
{
	struct symbol *symbol = core_symbol(ex, code);

	if (symbol == NULL || (!on && symbol->watch_count == 0))
		return false;
	if (ex->watch_total == 0) {
		ex->still_done_s = kst_second_of(ex->now);
		if (ex->now.us == kst_wall(ex->day.day, ex->still_done_s).us && ex->still_done_s > 0)
			ex->still_done_s--; /* the second that begins now still ticks */
	}
	symbol->watch_count += on ? 1 : -1;
	ex->watch_total += on ? 1 : -1;
	return true;
}

bool exch_expect(struct exchange *ex, const char *code, bool on)
{
	struct symbol *symbol = core_symbol(ex, code);

	if (symbol == NULL || (!on && symbol->expect_count == 0))
		return false;
	if (ex->expect_total == 0)
		ex->expect_done_s = kst_second_of(ex->now);
	symbol->expect_count += on ? 1 : -1;
	ex->expect_total += on ? 1 : -1;
	return true;
}

bool exch_push_tick(struct exchange *ex, const char *code, int64_t price_won, int64_t qty)
{
	struct symbol *symbol = core_symbol(ex, code);
	struct path_print print = { .at = ex->now, .price_won = price_won, .qty = qty > 0 ? qty : STILL_QTY };

	if (symbol == NULL || price_won <= 0 || price_won > CORE_PRICE_MAX || qty > CORE_QTY_MAX)
		return false;
	print.side = price_won >= symbol->quote.last_won ? EXCH_BUY : EXCH_SELL;
	book_print(ex, symbol, &print);
	return true;
}

bool exch_halt(struct exchange *ex, const char *code, bool on)
{
	struct symbol *symbol = core_symbol(ex, code);
	struct exch_event event = { .kind = EXCH_EV_STATE };

	if (symbol == NULL)
		return false;
	event.quote = &symbol->quote;
	if (symbol->quote.halted != on) {
		symbol->quote.halted = on;
		core_emit(ex, &event);
	}
	if (on)
		heap_remove(ex, symbol);
	else if (symbol->path_live)
		heap_add(ex, symbol); /* what was held back comes at once */
	return true;
}

/* ---- reading the market ---- */

size_t exch_symbol_count(const struct exchange *ex)
{
	return ex->symbol_count;
}

const struct exch_quote *exch_quote_at(const struct exchange *ex, size_t index)
{
	BUG_IF(index >= ex->symbol_count, "the caller counts to exch_symbol_count");
	return &ex->symbols[index]->quote;
}

const struct exch_quote *exch_quote_of(const struct exchange *ex, const char *code)
{
	const struct symbol *symbol = core_symbol(ex, code);

	return symbol == NULL ? NULL : &symbol->quote;
}

int64_t exch_tick_won(const struct exchange *ex, const char *code, int64_t price_won)
{
	const struct symbol *symbol = core_symbol(ex, code);

	if (symbol == NULL || price_won < 0)
		return 0;
	return rules_tick_won(core_grid(ex, symbol), price_won);
}

static bool day_closed(const struct exchange *ex, struct kst_day day)
{
	int weekday = kst_weekday(day);

	if (weekday == 0 || weekday == 6)
		return true;
	return ex->closed_count > 0 &&
	       bsearch(&day.yyyymmdd, ex->closed_days, ex->closed_count, sizeof(int32_t), day_order) != NULL;
}

static void bars_add(struct exch_bar *bars, size_t *count, struct kst_day from, struct kst_day to,
		     const struct exch_bar *bar)
{
	if (bar->day.yyyymmdd >= from.yyyymmdd && bar->day.yyyymmdd <= to.yyyymmdd)
		bars[(*count)++] = *bar;
}

enum reason exch_day_bars(const struct exchange *ex, const char *code, struct kst_day from, struct kst_day to,
			  struct exch_bar **out, size_t *out_count)
{
	const struct symbol *symbol = core_symbol(ex, code);
	struct exch_bar made[CORE_FIRST_BARS], *bars;
	struct kst_day days[CORE_FIRST_BARS], day = ex->first_previous;
	const struct exch_quote *quote;
	size_t count = 0;

	if (symbol == NULL)
		return reason_set(REASON_BAD_NUMBER, "no symbol %s", code);
	quote = &symbol->quote;
	bars = calloc(CORE_FIRST_BARS + symbol->later_count + 2, sizeof(*bars));
	if (bars == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for day bars of %s", code);
	if (symbol->first_bar.volume > 0)
		day = kst_day_add(day, -1);
	for (size_t i = CORE_FIRST_BARS; i-- > 0; day = kst_day_add(day, -1)) {
		while (day_closed(ex, day))
			day = kst_day_add(day, -1);
		days[i] = day;
	}
	daybars_make(ex->config.seed, code, quote->kosdaq, quote->etf, days, CORE_FIRST_BARS,
		     symbol->first_base_won,
		     symbol->first_bar.volume > 0 ? symbol->first_bar.volume : PUT_USUAL_VOLUME, made);
	for (size_t i = 0; i < CORE_FIRST_BARS; i++)
		bars_add(bars, &count, from, to, &made[i]);
	if (symbol->first_bar.volume > 0) {
		struct exch_bar first = symbol->first_bar;

		first.day = ex->first_previous;
		bars_add(bars, &count, from, to, &first);
	}
	for (size_t i = 0; i < symbol->later_count; i++)
		bars_add(bars, &count, from, to, &symbol->later_bars[i]);
	if (quote->volume > 0) {
		struct exch_bar today = { .day = ex->day.day,
					  .open_won = quote->open_won,
					  .high_won = quote->high_won,
					  .low_won = quote->low_won,
					  .close_won = quote->last_won,
					  .volume = quote->volume,
					  .turnover_won = quote->turnover_won };

		bars_add(bars, &count, from, to, &today);
	}
	*out = bars;
	*out_count = count;
	return REASON_OK;
}

enum reason exch_vi_list(const struct exchange *ex, struct exch_vi **out, size_t *out_count)
{
	struct exch_vi *rows = calloc(ex->vi_count + 1, sizeof(*rows));

	if (rows == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for %zu stops", ex->vi_count);
	for (size_t i = 0; i < ex->vi_count; i++)
		rows[i] = ex->vis[i];
	*out = rows;
	*out_count = ex->vi_count;
	return REASON_OK;
}

enum reason exch_minute_bars(const struct exchange *ex, const char *code, struct exch_bar **out,
			     size_t *out_count)
{
	const struct symbol *symbol = core_symbol(ex, code);
	struct exch_bar *bars;
	size_t count = 0;

	if (symbol == NULL)
		return reason_set(REASON_BAD_NUMBER, "no symbol %s", code);
	bars = calloc(CORE_DAY_MINUTES, sizeof(*bars));
	if (bars == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for minute bars of %s", code);
	for (size_t i = 0; symbol->minutes != NULL && i < CORE_DAY_MINUTES; i++)
		if (symbol->minutes[i].volume > 0)
			bars[count++] = symbol->minutes[i];
	*out = bars;
	*out_count = count;
	return REASON_OK;
}

/* ---- what must hold ---- */

static void check_rests(const struct symbol *symbol, size_t *out_count)
{
	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < symbol->rest_count[side]; i++) {
			const struct order *order = symbol->rest[side][i];

			BUG_IF(!order->resting || order->row.remaining_qty <= 0, "only live orders rest");
			BUG_IF((order->row.side == EXCH_BUY) != (side == 1), "each side has its own list");
			if (i > 0 && side == 1)
				BUG_IF(symbol->rest[side][i - 1]->key_won < order->key_won, "best buy first");
			if (i > 0 && side == 0)
				BUG_IF(symbol->rest[side][i - 1]->key_won > order->key_won,
				       "best sell first");
			if (i > 0 && symbol->rest[side][i - 1]->key_won == order->key_won)
				BUG_IF(symbol->rest[side][i - 1]->row.turn > order->row.turn, "older first");
		}
		*out_count += symbol->rest_count[side];
	}
	for (size_t i = 0; i < symbol->stop_count; i++)
		BUG_IF(!symbol->stops[i]->waiting || symbol->stops[i]->row.remaining_qty <= 0,
		       "only live stop orders wait");
}

void core_check(const struct exchange *ex)
{
	int64_t reserve[EXCH_ACCOUNTS_MAX] = { 0 };
	size_t resting = 0, in_lists = 0;

	for (size_t i = 0; i < ex->order_count; i++) {
		const struct order *order = ex->orders[i];
		const struct exch_order *row = &order->row;

		BUG_IF(!row->truth && row->qty != row->filled_qty + row->cancelled_qty + row->replaced_qty +
							  row->rejected_qty + row->remaining_qty,
		       "an order's parts make its quantity");
		reserve[row->account] += order->reserve_won;
		resting += order->resting ? 1 : 0;
	}
	for (size_t i = 0; i < ex->account_count; i++)
		BUG_IF(reserve[i] != ex->accounts[i].reserve_won,
		       "an account reserves what its buys reserve");
	for (size_t i = 0; i < ex->symbol_count; i++)
		check_rests(ex->symbols[i], &in_lists);
	BUG_IF(resting != in_lists, "every resting order stands in one list");
}
