#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/calendar.h"
#include "shared/base/file.h"
#include "shared/base/banned.h"

#define TABLE_SIZE_MAX (1024 * 1024)
#define TABLE_COLUMNS  9
#define TABLE_ROWS_MAX 20000
#define CLOSING_CALL_S 600 /* the closing call auction is the last ten minutes of the regular session */
#define CLOSED_RUN_MAX 30 /* no market closes longer; Seollal and Chuseok take at most nine days */
#define DISTANCE_MAX   40000
#define NOVEMBER       11
#define THURSDAY       4

/* One table while it is read: the text is cut in place into lines and cells. */
struct table {
	const char *path;
	uint8_t *text;
	size_t text_size;
	char *at;
	int line;
	char *cells[TABLE_COLUMNS];
};

/* Cuts one CSV line into exactly column_count cells; a cell may be quoted, quotes inside are not used here. */
static bool cells_cut(char *line, int column_count, char **cells)
{
	for (int column = 0; column < column_count; column++) {
		bool last = column == column_count - 1;
		char *end;

		if (*line == '"') {
			cells[column] = line + 1;
			end = strchr(line + 1, '"');
			if (!end)
				return false;
			*end++ = '\0';
		} else {
			cells[column] = line;
			end = line + strcspn(line, ",\"");
		}
		if (*end != (last ? '\0' : ','))
			return false;
		*end = '\0';
		line = end + 1;
	}
	return true;
}

static enum reason table_bad(const struct table *tb, const char *what)
{
	return reason_set(REASON_CALENDAR_FILE, "%s:%d: %s; restore the file from the package", tb->path,
			  tb->line, what);
}

/* The next line's cells; *out_more false at the end. */
static enum reason table_next(struct table *tb, int column_count, bool *out_more)
{
	char *line = tb->at, *end;

	*out_more = false;
	if (!line || *line == '\0')
		return REASON_OK;
	tb->line++;
	if (tb->line > TABLE_ROWS_MAX)
		return table_bad(tb, "too many rows");
	end = strchr(line, '\n');
	if (!end)
		return table_bad(tb, "the last line is cut off");
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	tb->at = end + 1;
	if (!cells_cut(line, column_count, tb->cells))
		return table_bad(tb, "the number of columns is not the known one");
	*out_more = true;
	return REASON_OK;
}

static enum reason table_open(struct table *tb, const char *path, const char *const *columns,
			      int column_count)
{
	enum reason why;
	bool more;

	*tb = (struct table){ .path = path };
	why = file_read(path, TABLE_SIZE_MAX, &tb->text, &tb->text_size);
	if (why != REASON_OK) {
		/* Whatever the cause: without its tables the calendar knows nothing. */
		return reason_set(REASON_CALENDAR_FILE, "calendar table: %s", reason_detail());
	}
	if (memchr(tb->text, '\0', tb->text_size))
		return table_bad(tb, "it holds a NUL byte");
	tb->at = (char *)tb->text;
	why = table_next(tb, column_count, &more);
	if (why != REASON_OK)
		return why;
	if (!more)
		return table_bad(tb, "it is empty");
	for (int column = 0; column < column_count; column++)
		if (strcmp(tb->cells[column], columns[column]) != 0)
			return table_bad(tb, "an unknown column");
	return REASON_OK;
}

static void table_close(struct table *tb)
{
	file_free(tb->text, tb->text_size);
	tb->text = NULL;
}

/* The rows with room for one more, zeroed, or NULL and the rows as they were; they are few, so they grow by one. */
static void *row_room(void *rows, size_t row_count, size_t row_size)
{
	char *wider = realloc(rows, (row_count + 1) * row_size);

	if (wider)
		memset(wider + row_count * row_size, 0, row_size);
	return wider;
}

static enum reason row_no_memory(const struct table *tb)
{
	return reason_set(REASON_NO_MEMORY, "no memory for %s", tb->path);
}

static bool name_take(const char *text, char *out, size_t out_size)
{
	size_t text_len = strlen(text);

	if (text_len == 0 || text_len >= out_size)
		return false;
	memcpy(out, text, text_len + 1);
	return true;
}

static enum reason closed_load(struct calendar *cal, struct table *tb)
{
	static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const certainties[] = { "traded-days", "listed", "rule", "uncertain" };
	struct kst_day before = { 0 };
	enum reason why;
	bool more;

	while ((why = table_next(tb, 6, &more)) == REASON_OK && more) {
		struct calendar_closed *row, *rows;
		struct kst_day day;
		size_t certainty = 0;

		if (!kst_day_parse(tb->cells[0], &day) || day.yyyymmdd <= before.yyyymmdd)
			return table_bad(tb, "the date is not one, or not after the line before");
		if (strcmp(weekdays[kst_weekday(day)], tb->cells[1]) != 0)
			return table_bad(tb, "the weekday is not that of the date");
		while (certainty < ARRAY_COUNT(certainties) &&
		       strcmp(certainties[certainty], tb->cells[4]) != 0)
			certainty++;
		if (certainty == ARRAY_COUNT(certainties))
			return table_bad(tb, "an unknown certainty");
		rows = row_room(cal->closed, cal->closed_count, sizeof(*row));
		if (!rows)
			return row_no_memory(tb);
		cal->closed = rows;
		row = &rows[cal->closed_count++];
		row->day = day;
		row->certain = strcmp(tb->cells[4], "uncertain") != 0;
		if (!name_take(tb->cells[2], row->name, sizeof(row->name)))
			return table_bad(tb, "the name is empty or too long");
		before = day;
	}
	if (why == REASON_OK && cal->closed_count == 0)
		return table_bad(tb, "it has no rows");
	return why;
}

static enum reason hours_load(struct calendar *cal, struct table *tb)
{
	struct kst_day before = { 0 };
	enum reason why;
	bool more;

	while ((why = table_next(tb, 5, &more)) == REASON_OK && more) {
		struct calendar_hours *row, *rows;
		int32_t open_s, close_s;
		struct kst_day day;

		if (!kst_day_parse(tb->cells[0], &day) || day.yyyymmdd <= before.yyyymmdd)
			return table_bad(tb, "the date is not one, or not after the line before");
		if (!kst_time_parse(tb->cells[1], &open_s) || !kst_time_parse(tb->cells[2], &close_s) ||
		    close_s - open_s <= CLOSING_CALL_S)
			return table_bad(tb, "the hours are not HH:MM, or not in order");
		rows = row_room(cal->hours, cal->hours_count, sizeof(*row));
		if (!rows)
			return row_no_memory(tb);
		cal->hours = rows;
		row = &rows[cal->hours_count++];
		row->day = day;
		row->open_s = open_s;
		row->close_s = close_s;
		if (!name_take(tb->cells[3], row->name, sizeof(row->name)))
			return table_bad(tb, "the reason is empty or too long");
		before = day;
	}
	return why;
}

/* Of the sessions only KRX's regular one decides anything here. */
static enum reason sessions_load(struct calendar *cal, struct table *tb)
{
	enum reason why;
	bool more;

	while ((why = table_next(tb, 9, &more)) == REASON_OK && more) {
		struct calendar_session *row, *rows;
		struct kst_day from, to = { 0 };
		int32_t open_s, close_s;

		if (strcmp(tb->cells[2], "KRX") != 0 || strcmp(tb->cells[3], "regular") != 0)
			continue;
		if (!kst_day_parse(tb->cells[0], &from) ||
		    (tb->cells[1][0] != '\0' && !kst_day_parse(tb->cells[1], &to)))
			return table_bad(tb, "the dates are not dates");
		if (!kst_time_parse(tb->cells[4], &open_s) || !kst_time_parse(tb->cells[5], &close_s) ||
		    close_s - open_s <= CLOSING_CALL_S)
			return table_bad(tb, "the hours are not HH:MM, or not in order");
		/* Without a gap: else a day between two rows would have no hours. */
		if (cal->session_count > 0 &&
		    (cal->sessions[cal->session_count - 1].to.yyyymmdd == 0 ||
		     !kst_day_same(kst_day_add(cal->sessions[cal->session_count - 1].to, 1), from)))
			return table_bad(tb, "the session does not follow the one before");
		rows = row_room(cal->sessions, cal->session_count, sizeof(*row));
		if (!rows)
			return row_no_memory(tb);
		cal->sessions = rows;
		row = &rows[cal->session_count++];
		*row = (struct calendar_session){ from, to, open_s, close_s };
		cal->open_s = open_s;
		cal->close_s = close_s;
	}
	if (why == REASON_OK &&
	    (cal->session_count == 0 || cal->sessions[cal->session_count - 1].to.yyyymmdd != 0))
		return table_bad(tb, "it has no regular session of KRX that still holds");
	return why;
}

static enum reason table_load(struct calendar *cal, const char *folder, const char *name,
			      const char *const *columns, int column_count,
			      enum reason (*rows)(struct calendar *, struct table *))
{
	char path[FILE_PATH_SIZE];
	struct table tb = { 0 };
	enum reason why = file_join(folder, name, path);

	if (why == REASON_OK)
		why = table_open(&tb, path, columns, column_count);
	if (why == REASON_OK)
		why = rows(cal, &tb);
	table_close(&tb);
	return why;
}

enum reason calendar_load(struct calendar *cal, const char *folder)
{
	static const char *const closed[] = { "date", "weekday", "name", "kind", "certainty", "source" };
	static const char *const hours[] = { "date", "open", "close", "reason", "source" };
	static const char *const sessions[] = { "from", "to",       "venue",     "session", "start",
						"end",  "matching", "certainty", "note" };
	struct calendar fresh = CALENDAR_INIT;
	enum reason why;

	why = table_load(&fresh, folder, "krx_closed_days.csv", closed, ARRAY_COUNT(closed), closed_load);
	if (why == REASON_OK)
		why = table_load(&fresh, folder, "krx_special_hours.csv", hours, ARRAY_COUNT(hours),
				 hours_load);
	if (why == REASON_OK)
		why = table_load(&fresh, folder, "krx_sessions.csv", sessions, ARRAY_COUNT(sessions),
				 sessions_load);
	if (why != REASON_OK)
		goto out;
	/* Every year has holidays, so the years with rows are the years that were worked through. */
	fresh.from.yyyymmdd = fresh.closed[0].day.yyyymmdd / 10000 * 10000 + 101;
	fresh.to.yyyymmdd = fresh.closed[fresh.closed_count - 1].day.yyyymmdd / 10000 * 10000 + 1231;
	*cal = fresh;
	fresh = (struct calendar)CALENDAR_INIT;
out:
	calendar_clear(&fresh);
	return why;
}

void calendar_clear(struct calendar *cal)
{
	free(cal->closed);
	free(cal->hours);
	free(cal->sessions);
	*cal = (struct calendar)CALENDAR_INIT;
}

static int closed_compare(const void *key, const void *row)
{
	int32_t a = ((const struct kst_day *)key)->yyyymmdd;
	int32_t b = ((const struct calendar_closed *)row)->day.yyyymmdd;

	return (a > b) - (a < b);
}

static int hours_compare(const void *key, const void *row)
{
	int32_t a = ((const struct kst_day *)key)->yyyymmdd;
	int32_t b = ((const struct calendar_hours *)row)->day.yyyymmdd;

	return (a > b) - (a < b);
}

/* The university entrance exam moves the hours of one Thursday, mostly in November, announced in the year before.
 * While the table does not have it for a year, no Thursday of that November has certain hours. */
static bool exam_day_missing(const struct calendar *cal, struct kst_day day)
{
	int32_t year = day.yyyymmdd / 10000;

	if (day.yyyymmdd / 100 % 100 != NOVEMBER || kst_weekday(day) != THURSDAY)
		return false;
	for (size_t i = 0; i < cal->hours_count; i++)
		if (cal->hours[i].day.yyyymmdd / 10000 == year && strcmp(cal->hours[i].name, "csat") == 0)
			return false;
	return true;
}

enum reason calendar_at(const struct calendar *cal, struct kst_day day, struct calendar_day *out)
{
	struct calendar_day it = { .day = day, .certain = true };
	const struct calendar_closed *closed;
	const struct calendar_hours *hours;
	char text[KST_TEXT_SIZE];
	int weekday;

	if (cal->closed_count == 0 || day.yyyymmdd < cal->from.yyyymmdd || day.yyyymmdd > cal->to.yyyymmdd)
		return reason_set(REASON_CALENDAR_UNKNOWN,
				  "the calendar covers %d to %d, not %s; extend the tables in calendar_dir",
				  cal->from.yyyymmdd, cal->to.yyyymmdd, kst_day_text(day, text));
	weekday = kst_weekday(day);
	closed = bsearch(&day, cal->closed, cal->closed_count, sizeof(*closed), closed_compare);
	if (closed) {
		it.certain = closed->certain;
		memcpy(it.name, closed->name, sizeof(it.name));
	} else if (weekday != 0 && weekday != 6) {
		it.trading = true;
	}
	if (it.trading) {
		for (size_t i = 0; i < cal->session_count; i++)
			if (day.yyyymmdd >= cal->sessions[i].from.yyyymmdd) {
				it.open_s = cal->sessions[i].open_s;
				it.close_s = cal->sessions[i].close_s;
			}
		hours = cal->hours_count == 0
				? NULL
				: bsearch(&day, cal->hours, cal->hours_count, sizeof(*hours), hours_compare);
		if (hours) {
			it.open_s = hours->open_s;
			it.close_s = hours->close_s;
			memcpy(it.name, hours->name, sizeof(it.name));
		} else if (exam_day_missing(cal, day)) {
			it.certain = false;
		}
		if (it.close_s == 0)
			return reason_set(REASON_CALENDAR_UNKNOWN, "no session is known for %s",
					  kst_day_text(day, text));
		it.shift_s = it.open_s - 9 * 3600;
		it.entry_end_s = it.close_s - CLOSING_CALL_S;
	}
	*out = it;
	return REASON_OK;
}

static enum reason calendar_walk(const struct calendar *cal, struct kst_day day, int32_t step,
				 struct kst_day *out)
{
	struct calendar_day it;
	enum reason why;

	for (int i = 0; i < CLOSED_RUN_MAX; i++) {
		day = kst_day_add(day, step);
		why = calendar_at(cal, day, &it);
		if (why != REASON_OK)
			return why;
		if (it.trading) {
			*out = day;
			return REASON_OK;
		}
	}
	return reason_set(REASON_CALENDAR_UNKNOWN, "no trading day within %d days; check the calendar tables",
			  CLOSED_RUN_MAX);
}

enum reason calendar_previous(const struct calendar *cal, struct kst_day day, struct kst_day *out)
{
	return calendar_walk(cal, day, -1, out);
}

enum reason calendar_next(const struct calendar *cal, struct kst_day day, struct kst_day *out)
{
	return calendar_walk(cal, day, 1, out);
}

enum reason calendar_distance(const struct calendar *cal, struct kst_day earlier, struct kst_day later,
			      int32_t *out_days)
{
	int32_t span = kst_day_diff(later, earlier), trading_count = 0;
	struct calendar_day it;
	enum reason why;

	if (span < 0 || span > DISTANCE_MAX)
		return reason_set(REASON_BAD_DAY, "%d does not lie after %d", later.yyyymmdd,
				  earlier.yyyymmdd);
	for (int32_t i = 1; i <= span; i++) {
		why = calendar_at(cal, kst_day_add(earlier, i), &it);
		if (why != REASON_OK)
			return why;
		trading_count += it.trading;
	}
	*out_days = trading_count;
	return REASON_OK;
}
