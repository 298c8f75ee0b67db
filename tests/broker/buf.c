/* buf - see buf.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/buf.h"

#include "shared/base/banned.h"

void buf_clear(struct buf *b)
{
	free(b->bytes);
	*b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

#ifndef __clang__
/* gcc 12's analyzer takes bytes that realloc moved for lost when the buffer was reached through a caller's caller; they are
 * in b->bytes, and buf_clear frees them. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static bool buf_room(struct buf *b, size_t more)
{
	size_t want = b->len + more + 1, cap = b->cap == 0 ? 256 : b->cap;
	char *bytes;

	if (b->failed || want > BUF_SIZE_MAX) {
		b->failed = true;
		return false;
	}
	if (want <= b->cap)
		return true;
	while (cap < want)
		cap *= 2;
	bytes = realloc(b->bytes, cap);
	if (bytes == NULL) {
		b->failed = true;
		return false;
	}
	b->bytes = bytes;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t bytes_len)
{
	if (bytes_len == 0 || !buf_room(b, bytes_len))
		return;
	memcpy(b->bytes + b->len, bytes, bytes_len);
	b->len += bytes_len;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

static void buf_vfmt(struct buf *b, const char *fmt, va_list args)
{
	char small[512];
	va_list again;
	int need;

	va_copy(again, args);
	need = vsnprintf(small, sizeof small, fmt, args);
	BUG_IF(need < 0, "formats of this file are good");
	if ((size_t)need < sizeof small) {
		buf_add(b, small, (size_t)need);
	} else if (buf_room(b, (size_t)need)) {
		vsnprintf(b->bytes + b->len, (size_t)need + 1, fmt, again);
		b->len += (size_t)need;
	}
	va_end(again);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vfmt(b, fmt, args);
	va_end(args);
}

void buf_drop_front(struct buf *b, size_t count)
{
	BUG_IF(count > b->len, "dropped no more than is there");
	if (count == 0)
		return;
	memmove(b->bytes, b->bytes + count, b->len - count);
	b->len -= count;
}

const char *buf_text(struct buf *b)
{
	if (!buf_room(b, 0))
		return "";
	b->bytes[b->len] = '\0';
	return b->bytes;
}

/* ---- JSON ---- */

static void escaped(struct buf *b, const char *text)
{
	buf_add(b, "\"", 1);
	for (const char *p = text; *p != '\0';) {
		size_t plain = strcspn(
			p, "\"\\\b\f\n\r\t\x01\x02\x03\x04\x05\x06\x07\x0b\x0e\x0f\x10\x11\x12\x13\x14"
			   "\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f");

		buf_add(b, p, plain);
		p += plain;
		if (*p == '\0')
			break;
		if (*p == '"' || *p == '\\')
			buf_fmt(b, "\\%c", *p);
		else if (*p == '\n')
			buf_puts(b, "\\n");
		else
			buf_fmt(b, "\\u%04x", (unsigned)(unsigned char)*p);
		p++;
	}
	buf_add(b, "\"", 1);
}

static void json_start(struct json_out *j, const char *key)
{
	if (j->filled[j->depth])
		buf_add(j->to, ",", 1);
	j->filled[j->depth] = true;
	if (key != NULL) {
		escaped(j->to, key);
		buf_add(j->to, ":", 1);
	}
}

void json_open(struct json_out *j, const char *key, char bracket)
{
	json_start(j, key);
	buf_add(j->to, &bracket, 1);
	BUG_IF(j->depth + 1 >= JSON_DEPTH_CAP, "our own documents are shallow");
	j->filled[++j->depth] = false;
}

void json_close(struct json_out *j, char bracket)
{
	BUG_IF(j->depth == 0, "every bracket was opened");
	j->depth--;
	buf_add(j->to, &bracket, 1);
}

void json_text(struct json_out *j, const char *key, const char *text)
{
	json_start(j, key);
	escaped(j->to, text);
}

void json_fmt(struct json_out *j, const char *key, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vfmt(&text, fmt, args);
	va_end(args);
	json_text(j, key, buf_text(&text));
	if (text.failed)
		j->to->failed = true;
	buf_clear(&text);
}

void json_num(struct json_out *j, const char *key, int64_t number)
{
	json_start(j, key);
	buf_fmt(j->to, "\"%lld\"", (long long)number);
}

void json_bare(struct json_out *j, const char *key, const char *literal)
{
	json_start(j, key);
	buf_puts(j->to, literal);
}

void json_padded(struct json_out *j, const char *key, const char *text, size_t width)
{
	size_t size = cp949_size(text);

	json_fmt(j, key, "%s%*s", text, size < width ? (int)(width - size) : 0, "");
}

/* ---- numbers and encodings ---- */

size_t cp949_size(const char *text)
{
	size_t size = 0;

	/* CP949 has one byte for ASCII and two for every other character it knows. */
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x80)
			size += 1;
		else if (*p >= 0xc0) /* first byte of a longer UTF-8 character */
			size += 2;
	}
	return size;
}

const char *scaled_text(int64_t scaled, int decimals, char out[static SCALED_TEXT_SIZE])
{
	uint64_t magnitude = scaled < 0 ? 0u - (uint64_t)scaled : (uint64_t)scaled;
	char turned[SCALED_TEXT_SIZE]; /* the last character first */
	size_t count = 0, at = 0;

	BUG_IF(decimals < 1 || decimals > 10, "decimals are 1 to 10");
	do { /* at most 20 digits, a point and a sign */
		turned[count++] = (char)('0' + magnitude % 10);
		magnitude /= 10;
		if (count == (size_t)decimals)
			turned[count++] = '.';
	} while (magnitude > 0 || count < (size_t)decimals + 2);
	if (scaled < 0)
		turned[count++] = '-';
	while (count > 0)
		out[at++] = turned[--count];
	out[at] = '\0';
	return out;
}

int64_t ratio_scaled(int64_t part, int64_t whole, int64_t factor, int decimals)
{
	__int128 top = (__int128)part * factor, half;

	if (whole == 0)
		return 0;
	for (int i = 0; i < decimals; i++)
		top *= 10;
	half = whole < 0 ? -(__int128)whole / 2 : (__int128)whole / 2;
	if (whole < 0)
		top = -top;
	top = top < 0 ? top - half : top + half;
	return (int64_t)(top / (whole < 0 ? -(__int128)whole : (__int128)whole));
}
