/*
 * kst - instants and days. Korea is UTC+09:00 without daylight saving: computed, never asked of the host.
 *
 * Shape   three types so that mixing them does not compile.
 * Units   struct mono: nanoseconds, monotonic, never stored; struct wall: microseconds since 1970-01-01 UTC;
 *         struct kst_day: a date written as the number YYYYMMDD; *_s: seconds since 00:00 KST.
 * Errors  parsers return false and leave the output alone.
 */
#ifndef GJ_BASE_KST_H
#define GJ_BASE_KST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mono {
	int64_t ns;
};
struct wall {
	int64_t us;
};
struct kst_day {
	int32_t yyyymmdd;
};

#define KST_OFFSET_S  32400
#define US_PER_S      INT64_C(1000000)
#define KST_TEXT_SIZE 32

struct kst_day kst_day_of(struct wall at);
int32_t kst_second_of(struct wall at); /* 0 .. 86399 */
struct wall kst_wall(struct kst_day day, int64_t second_of_day); /* seconds may exceed a day */
bool kst_day_parse(const char *text, struct kst_day *out); /* "YYYY-MM-DD" or "YYYYMMDD", real dates only */
bool kst_time_parse(const char *text, int32_t *out_s); /* "HH:MM", "HH:MM:SS" or "HHMMSS" */
bool kst_wall_parse(const char *text, struct wall *out); /* "YYYY-MM-DD HH:MM:SS[.ffffff]", Seoul time */
struct kst_day kst_day_add(struct kst_day day, int32_t days);
int32_t kst_day_diff(struct kst_day later, struct kst_day earlier); /* in days */
int kst_weekday(struct kst_day day); /* 0 Sunday .. 6 Saturday */
static inline bool kst_day_same(struct kst_day a, struct kst_day b)
{
	return a.yyyymmdd == b.yyyymmdd;
}
static inline struct wall wall_add_us(struct wall at, int64_t us)
{
	return (struct wall){ at.us + us };
}
static inline int64_t wall_diff_us(struct wall later, struct wall earlier)
{
	return later.us - earlier.us;
}

const char *kst_day_text(struct kst_day day, char out[static KST_TEXT_SIZE]); /* 2021-01-04 */
const char *kst_day_digits(struct kst_day day, char out[static KST_TEXT_SIZE]); /* 20210104 */
const char *kst_wall_text(struct wall at, char out[static KST_TEXT_SIZE]); /* 2021-01-04 10:00:00.000000 */
const char *kst_time_text(int32_t second_of_day, char out[static KST_TEXT_SIZE]); /* 10:00:00 */

#endif
