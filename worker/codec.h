/*
 * codec - the one byte form of inputs, events and actions: little endian, no padding, texts with their length before them.
 *
 * Shape   a cursor over the caller's bytes. Numbers are zigzag varints: small ones take one byte.
 * Errors  sticky: after the first lack of room, or the first byte a writer would not have written, `bad` stays set, writes
 *         are dropped and reads give zeros. Ask once, at the end.
 */
#ifndef GJ_WORKER_CODEC_H
#define GJ_WORKER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct codec {
	uint8_t *to; /* writing */
	const uint8_t *from; /* reading */
	size_t room, used;
	bool bad;
};

static inline void put_u64(struct codec *c, uint64_t value)
{
	do {
		uint8_t byte = (uint8_t)(value & 0x7f);

		value >>= 7;
		if (c->used >= c->room) {
			c->bad = true;
			return;
		}
		c->to[c->used++] = (uint8_t)(byte | (value ? 0x80 : 0));
	} while (value);
}

static inline void put_i64(struct codec *c, int64_t value)
{
	put_u64(c, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static inline void put_bytes(struct codec *c, const void *bytes, size_t len)
{
	if (len > c->room - c->used) {
		c->bad = true;
		return;
	}
	memcpy(c->to + c->used, bytes, len);
	c->used += len;
}

/* `size` is the array's: a text without a NUL in it does not happen, and is cut off by the reader if it does. */
static inline void put_text(struct codec *c, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	put_u64(c, len);
	put_bytes(c, text, len);
}

static inline uint64_t get_u64(struct codec *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (c->used >= c->room)
			break;
		byte = c->from[c->used++];
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			if (byte == 0 && shift > 0)
				break; /* not the shortest form */
			return value;
		}
	}
	c->bad = true;
	return 0;
}

static inline int64_t get_i64(struct codec *c)
{
	uint64_t value = get_u64(c);

	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* A number of a known range; outside it the bytes are bad. */
static inline int64_t get_range(struct codec *c, int64_t low, int64_t high)
{
	int64_t value = get_i64(c);

	if (value < low || value > high) {
		c->bad = true;
		return low;
	}
	return value;
}

static inline bool get_bool(struct codec *c)
{
	return get_range(c, 0, 1) == 1;
}

static inline void get_bytes(struct codec *c, void *bytes, size_t len)
{
	if (len > c->room - c->used) {
		c->bad = true;
		memset(bytes, 0, len);
		return;
	}
	memcpy(bytes, c->from + c->used, len);
	c->used += len;
}

static inline void get_text(struct codec *c, char *text, size_t size)
{
	uint64_t len = get_u64(c);

	memset(text, 0, size);
	if (!c->from || len >= size || len > c->room - c->used) {
		c->bad = true;
		return;
	}
	if (memchr(c->from + c->used, '\0', (size_t)len))
		c->bad = true;
	memcpy(text, c->from + c->used, (size_t)len);
	c->used += (size_t)len;
}

#endif
