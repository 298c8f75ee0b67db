/*
 * won - checked integer arithmetic for money, shares and ratios.
 *
 * Units   *_won whole won; qty whole shares; *_bp 1/10,000; *_ppm 1/1,000,000.
 * Errors  every function returns false and leaves its output alone when the result does not fit or the
 *         input is not allowed; nothing wraps, nothing rounds unless the name says so.
 */
#ifndef GJ_BASE_WON_H
#define GJ_BASE_WON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool won_add(int64_t a_won, int64_t b_won, int64_t *out_won);
bool won_sub(int64_t a_won, int64_t b_won, int64_t *out_won);
bool won_mul(int64_t price_won, int64_t qty, int64_t *out_won);
/* a x b / c through 128 bits; c > 0. floor rounds towards minus infinity, ceil towards plus infinity. */
bool won_muldiv_floor(int64_t a, int64_t b, int64_t c, int64_t *out);
bool won_muldiv_ceil(int64_t a, int64_t b, int64_t c, int64_t *out);
bool won_share_bp(int64_t whole_won, int64_t bp, int64_t *out_won); /* floor(whole x bp / 10,000) */

/* Strict decimal text to integer: optional '-', digits, nothing else; leading zeros allowed. Empty text is false. */
bool num_parse(const char *text, size_t text_len, int64_t *out);
/* The same with surrounding blanks allowed, and a fraction of zeros ("30800.0000") if `zeros_ok`. */
bool num_parse_loose(const char *text, size_t text_len, bool zeros_ok, int64_t *out);
/* Decimal text with up to `decimals` digits after the point, as an integer scaled by 10^decimals. "1.44",2 -> 144. */
bool num_parse_scaled(const char *text, size_t text_len, int decimals, int64_t *out);

#define WON_TEXT_SIZE 32
/* "1,234,567"; for people only. Returns out. */
const char *won_text(int64_t won, char out[static WON_TEXT_SIZE]);

#endif
