#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/kst.h"
#include "shared/base/banned.h"

#define DAY_S          86400
#define YEAR_MAX       9999
#define DAYS_TO_1970   719468 /* from 0000-03-01, where the computed calendar starts, to 1970-01-01 */
#define DAYS_ERA       146097 /* 400 years */
#define DAY_NUMBER_MIN -719162 /* 0001-01-01, in days since 1970-01-01 */
#define DAY_NUMBER_MAX 2932896 /* 9999-12-31 */

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t quotient = a / b;

	return a % b < 0 ? quotient - 1 : quotient;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static bool date_is_real(int year, int month, int day)
{
	return year >= 1 && year <= YEAR_MAX && month >= 1 && month <= 12 && day >= 1 &&
	       day <= month_days(year, month);
}

static bool day_is_real(struct kst_day day)
{
	int32_t n = day.yyyymmdd;

	return n > 0 && date_is_real(n / 10000, n / 100 % 100, n % 100);
}

/* Days since 1970-01-01 of the Gregorian calendar; years are counted from March so that leap days come last. */
static int64_t day_number(struct kst_day day)
{
	int64_t year = day.yyyymmdd / 10000, month = day.yyyymmdd / 100 % 100, mday = day.yyyymmdd % 100;
	int64_t era, year_of_era, day_of_year;

	BUG_IF(!day_is_real(day), "a kst_day is only made by a checked parser or by kst_day_of");
	if (month <= 2)
		year--;
	era = floor_div(year, 400);
	year_of_era = year - era * 400;
	day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + mday - 1;
	return era * DAYS_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
	       DAYS_TO_1970;
}

static struct kst_day day_from_number(int64_t number)
{
	int64_t shifted = number + DAYS_TO_1970;
	int64_t era = floor_div(shifted, DAYS_ERA), day_of_era = shifted - era * DAYS_ERA;
	int64_t year_of_era, day_of_year, march_month, year, month;

	if (number < DAY_NUMBER_MIN || number > DAY_NUMBER_MAX)
		return (struct kst_day){ 0 };
	year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_ERA - 1)) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	march_month = (5 * day_of_year + 2) / 153;
	month = march_month < 10 ? march_month + 3 : march_month - 9;
	year = year_of_era + era * 400 + (month <= 2);
	return (struct kst_day){ (int32_t)(year * 10000 + month * 100 + day_of_year -
					   (153 * march_month + 2) / 5 + 1) };
}

struct kst_day kst_day_of(struct wall at)
{
	return day_from_number(floor_div(floor_div(at.us, US_PER_S) + KST_OFFSET_S, DAY_S));
}

int32_t kst_second_of(struct wall at)
{
	int64_t second = floor_div(at.us, US_PER_S) + KST_OFFSET_S;

	return (int32_t)(second - floor_div(second, DAY_S) * DAY_S);
}

struct wall kst_wall(struct kst_day day, int64_t second_of_day)
{
	int64_t us;

	BUG_IF(__builtin_mul_overflow(second_of_day, US_PER_S, &us) ||
		       __builtin_add_overflow((day_number(day) * DAY_S - KST_OFFSET_S) * US_PER_S, us, &us),
	       "seconds of a day stay within a lifetime");
	return (struct wall){ us };
}

/* A fixed number of digits. */
static bool digits(const char *text, size_t digit_count, int *out)
{
	int value = 0;

	for (size_t i = 0; i < digit_count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return true;
}

static bool day_parse_len(const char *text, size_t text_len, struct kst_day *out)
{
	int year, month, day;

	if (text_len == 10) {
		if (!digits(text, 4, &year) || text[4] != '-' || !digits(text + 5, 2, &month) ||
		    text[7] != '-' || !digits(text + 8, 2, &day))
			return false;
	} else if (text_len == 8) {
		if (!digits(text, 4, &year) || !digits(text + 4, 2, &month) || !digits(text + 6, 2, &day))
			return false;
	} else {
		return false;
	}
	if (!date_is_real(year, month, day))
		return false;
	*out = (struct kst_day){ year * 10000 + month * 100 + day };
	return true;
}

static bool time_parse_len(const char *text, size_t text_len, int32_t *out_s)
{
	int hour, minute, second = 0;

	if (text_len == 5 || text_len == 8) {
		if (!digits(text, 2, &hour) || text[2] != ':' || !digits(text + 3, 2, &minute))
			return false;
		if (text_len == 8 && (text[5] != ':' || !digits(text + 6, 2, &second)))
			return false;
	} else if (text_len == 6) {
		if (!digits(text, 2, &hour) || !digits(text + 2, 2, &minute) || !digits(text + 4, 2, &second))
			return false;
	} else {
		return false;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*out_s = hour * 3600 + minute * 60 + second;
	return true;
}

bool kst_day_parse(const char *text, struct kst_day *out)
{
	return text && day_parse_len(text, strlen(text), out);
}

bool kst_time_parse(const char *text, int32_t *out_s)
{
	return text && time_parse_len(text, strlen(text), out_s);
}

bool kst_wall_parse(const char *text, struct wall *out)
{
	size_t text_len = text ? strlen(text) : 0;
	struct kst_day day;
	int32_t second;
	int fraction_us = 0;

	if (text_len < 19 || text[10] != ' ' || !day_parse_len(text, 10, &day) ||
	    !time_parse_len(text + 11, 8, &second))
		return false;
	if (text_len > 19) {
		size_t digit_count = text_len - 20;

		if (text[19] != '.' || digit_count < 1 || digit_count > 6 ||
		    !digits(text + 20, digit_count, &fraction_us))
			return false;
		for (; digit_count < 6; digit_count++)
			fraction_us *= 10;
	}
	*out = wall_add_us(kst_wall(day, second), fraction_us);
	return true;
}

struct kst_day kst_day_add(struct kst_day day, int32_t days)
{
	return day_from_number(day_number(day) + days);
}

int32_t kst_day_diff(struct kst_day later, struct kst_day earlier)
{
	return (int32_t)(day_number(later) - day_number(earlier));
}

int kst_weekday(struct kst_day day)
{
	int64_t number = day_number(day) + 4; /* 1970-01-01 was a Thursday */

	return (int)(number - floor_div(number, 7) * 7);
}

/* All texts below fit KST_TEXT_SIZE for every value their type can hold. */
static const char *text_print(char out[static KST_TEXT_SIZE], int printed)
{
	BUG_IF(printed < 0 || printed >= KST_TEXT_SIZE, "a date fits its buffer");
	return out;
}

const char *kst_day_text(struct kst_day day, char out[static KST_TEXT_SIZE])
{
	int32_t n = day.yyyymmdd;

	BUG_IF(n < 0, "a kst_day is never negative");
	return text_print(out,
			  snprintf(out, KST_TEXT_SIZE, "%04d-%02d-%02d", n / 10000, n / 100 % 100, n % 100));
}

const char *kst_day_digits(struct kst_day day, char out[static KST_TEXT_SIZE])
{
	BUG_IF(day.yyyymmdd < 0, "a kst_day is never negative");
	return text_print(out, snprintf(out, KST_TEXT_SIZE, "%08d", day.yyyymmdd));
}

const char *kst_wall_text(struct wall at, char out[static KST_TEXT_SIZE])
{
	struct kst_day day = kst_day_of(at);
	int32_t n = day.yyyymmdd, second = kst_second_of(at);
	int64_t fraction_us = at.us - floor_div(at.us, US_PER_S) * US_PER_S;

	if (n == 0)
		return text_print(out, snprintf(out, KST_TEXT_SIZE, "%s", at.us > 0 ? "never" : "long ago"));
	return text_print(out, snprintf(out, KST_TEXT_SIZE, "%04d-%02d-%02d %02d:%02d:%02d.%06d", n / 10000,
					n / 100 % 100, n % 100, second / 3600, second / 60 % 60, second % 60,
					(int)fraction_us));
}

const char *kst_time_text(int32_t second_of_day, char out[static KST_TEXT_SIZE])
{
	BUG_IF(second_of_day < 0, "a second of the day is never negative");
	return text_print(out, snprintf(out, KST_TEXT_SIZE, "%02d:%02d:%02d", second_of_day / 3600,
					second_of_day / 60 % 60, second_of_day % 60));
}
