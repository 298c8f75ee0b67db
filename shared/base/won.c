#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define BP_WHOLE     10000
#define DECIMALS_MAX 18 /* 10^18 is the largest power of ten in 64 bits */

/* Products and quotients are formed in 128 bits, where two 64-bit factors always fit. */
__extension__ typedef __int128 wide;

bool won_add(int64_t a_won, int64_t b_won, int64_t *out_won)
{
	int64_t sum_won;

	if (__builtin_add_overflow(a_won, b_won, &sum_won))
		return false;
	*out_won = sum_won;
	return true;
}

bool won_sub(int64_t a_won, int64_t b_won, int64_t *out_won)
{
	int64_t rest_won;

	if (__builtin_sub_overflow(a_won, b_won, &rest_won))
		return false;
	*out_won = rest_won;
	return true;
}

bool won_mul(int64_t price_won, int64_t qty, int64_t *out_won)
{
	int64_t product_won;

	if (__builtin_mul_overflow(price_won, qty, &product_won))
		return false;
	*out_won = product_won;
	return true;
}

static bool wide_fits(wide value, int64_t *out)
{
	if (value > INT64_MAX || value < INT64_MIN)
		return false;
	*out = (int64_t)value;
	return true;
}

bool won_muldiv_floor(int64_t a, int64_t b, int64_t c, int64_t *out)
{
	wide product, quotient;

	if (c <= 0)
		return false;
	product = (wide)a * b;
	quotient = product / c;
	if (product % c < 0)
		quotient--; /* C cuts towards zero */
	return wide_fits(quotient, out);
}

bool won_muldiv_ceil(int64_t a, int64_t b, int64_t c, int64_t *out)
{
	wide product, quotient;

	if (c <= 0)
		return false;
	product = (wide)a * b;
	quotient = product / c;
	if (product % c > 0)
		quotient++;
	return wide_fits(quotient, out);
}

bool won_share_bp(int64_t whole_won, int64_t bp, int64_t *out_won)
{
	return won_muldiv_floor(whole_won, bp, BP_WHOLE, out_won);
}

/* Digits only, at least one; works below zero because INT64_MIN has no positive twin. */
static bool digits_add(const char *text, size_t text_len, int64_t *io_below_zero)
{
	int64_t value = *io_below_zero;

	for (size_t i = 0; i < text_len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_sub_overflow(value, (int64_t)(text[i] - '0'), &value))
			return false;
	}
	*io_below_zero = value;
	return true;
}

static bool sign_give(bool negative, int64_t below_zero, int64_t *out)
{
	if (!negative && below_zero == INT64_MIN)
		return false;
	*out = negative ? below_zero : -below_zero;
	return true;
}

bool num_parse(const char *text, size_t text_len, int64_t *out)
{
	bool negative = text_len > 0 && text[0] == '-';
	int64_t value = 0;

	if (negative) {
		text++;
		text_len--;
	}
	return text_len > 0 && digits_add(text, text_len, &value) && sign_give(negative, value, out);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool num_parse_loose(const char *text, size_t text_len, bool zeros_ok, int64_t *out)
{
	const char *point;

	while (text_len > 0 && is_blank(text[0])) {
		text++;
		text_len--;
	}
	while (text_len > 0 && is_blank(text[text_len - 1]))
		text_len--;
	point = text_len > 0 ? memchr(text, '.', text_len) : NULL;
	if (point && zeros_ok) {
		size_t whole_len = (size_t)(point - text);

		if (whole_len + 1 == text_len)
			return false;
		for (size_t i = whole_len + 1; i < text_len; i++)
			if (text[i] != '0')
				return false;
		text_len = whole_len;
	}
	return num_parse(text, text_len, out);
}

bool num_parse_scaled(const char *text, size_t text_len, int decimals, int64_t *out)
{
	bool negative = text_len > 0 && text[0] == '-';
	size_t whole_len, part_len = 0;
	const char *point;
	int64_t value = 0;

	if (decimals < 0 || decimals > DECIMALS_MAX || text_len == 0)
		return false;
	if (negative) {
		text++;
		text_len--;
	}
	if (text_len == 0)
		return false;
	point = memchr(text, '.', text_len);
	whole_len = point ? (size_t)(point - text) : text_len;
	if (point)
		part_len = text_len - whole_len - 1;
	if (whole_len == 0 || (point && part_len == 0) || part_len > (size_t)decimals)
		return false;
	if (!digits_add(text, whole_len, &value))
		return false;
	if (point && !digits_add(point + 1, part_len, &value))
		return false;
	for (size_t i = part_len; i < (size_t)decimals; i++)
		if (!digits_add("0", 1, &value))
			return false;
	return sign_give(negative, value, out);
}

const char *won_text(int64_t won, char out[static WON_TEXT_SIZE])
{
	char back[WON_TEXT_SIZE]; /* 19 digits, 6 commas, a sign: built from its end */
	size_t at = sizeof(back), digit_count = 0;
	uint64_t rest = won < 0 ? UINT64_C(0) - (uint64_t)won : (uint64_t)won;

	back[--at] = '\0';
	do {
		if (digit_count > 0 && digit_count % 3 == 0)
			back[--at] = ',';
		back[--at] = (char)('0' + rest % 10);
		rest /= 10;
		digit_count++;
	} while (rest > 0);
	if (won < 0)
		back[--at] = '-';
	BUG_IF(sizeof(back) - at > WON_TEXT_SIZE, "a 64-bit number has at most 26 characters");
	memcpy(out, back + at, sizeof(back) - at);
	return out;
}
