/*
 * calendar - which days KRX trades and at what hours, from three tables.
 *
 * Shape   krx_closed_days.csv, krx_special_hours.csv, krx_sessions.csv of one folder (ops/data by default).
 * Owner   calendar_load fills, calendar_clear empties. Read-only afterwards.
 * Errors  a table that cannot be read or has an unknown column is an error; a day outside the years the
 *         tables cover is REASON_CALENDAR_UNKNOWN, never "open".
 * Source  ops/data/README.md (compiled from published lists; certainty column kept).
 */
#ifndef GJ_BASE_CALENDAR_H
#define GJ_BASE_CALENDAR_H

#include "shared/base/kst.h"
#include "shared/base/reason.h"

struct calendar_closed {
	struct kst_day day;
	bool certain;
	char name[48];
};
struct calendar_hours {
	struct kst_day day;
	int32_t open_s, close_s;
	char name[48];
};
/* ordinary regular session of KRX from a day to a day, both inclusive; to 0 = still */
struct calendar_session {
	struct kst_day from, to;
	int32_t open_s, close_s;
};
struct calendar {
	struct calendar_closed *closed; /* sorted by day */
	size_t closed_count;
	struct calendar_hours *hours; /* sorted by day */
	size_t hours_count;
	struct calendar_session *sessions; /* sorted by day */
	size_t session_count;
	struct kst_day from, to; /* years covered, inclusive */
	int32_t open_s, close_s; /* ordinary regular session of krx_sessions.csv, newest KRX row */
};
#define CALENDAR_INIT                                                                                        \
	{                                                                                                    \
		0                                                                                            \
	}

struct calendar_day {
	struct kst_day day;
	bool trading;
	bool certain; /* false for certainty "uncertain": ask the broker before believing it */
	char name[48]; /* holiday's or special day's name, "" on an ordinary day */
	int32_t open_s, close_s; /* regular session, seconds of day; 0 when not trading */
	int32_t shift_s; /* open_s - 32400: how much later the morning's schedule runs */
	int32_t entry_end_s; /* start of the closing call auction, close_s - 600 */
};

enum reason calendar_load(struct calendar *cal, const char *folder);
void calendar_clear(struct calendar *cal);
enum reason calendar_at(const struct calendar *cal, struct kst_day day, struct calendar_day *out);
/* trading day before */
enum reason calendar_previous(const struct calendar *cal, struct kst_day day, struct kst_day *out);
/* trading day after */
enum reason calendar_next(const struct calendar *cal, struct kst_day day, struct kst_day *out);
/* Trading days between, earlier exclusive, later inclusive; 0 when equal. */
enum reason calendar_distance(const struct calendar *cal, struct kst_day earlier, struct kst_day later,
			      int32_t *out_days);

#endif
