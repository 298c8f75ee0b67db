/*
 * separators - where the '^' of a frame are, 64 bytes at a time.
 *
 * Shape   sep_mask(block): bit i set when block[i] is '^'. sep_count: how many in a run of bytes. Two builds of each, SSE2
 *         (every x86-64) and plain C, that give the same results; GJ_SEPARATORS_PLAIN chooses the plain one.
 * Owner   reads exactly 64 bytes, or exactly `len`.
 * Errors  none.
 */
#ifndef GJ_KIS_SEPARATORS_H
#define GJ_KIS_SEPARATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define SEP_BLOCK 64

static inline uint64_t sep_mask_plain(const char *block)
{
	uint64_t mask = 0;

	for (int i = 0; i < SEP_BLOCK; i++)
		mask |= (uint64_t)(block[i] == '^') << i;
	return mask;
}

static inline size_t sep_count_plain(const char *bytes, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += bytes[i] == '^';
	return count;
}

#if defined(__SSE2__)
static inline uint64_t sep_mask_sse2(const char *block)
{
	const __m128i caret = _mm_set1_epi8('^');
	uint64_t mask = 0;

	for (int i = 0; i < 4; i++) {
		__m128i part = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));

		mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(part, caret)) << (16 * i);
	}
	return mask;
}

/* Hits are -1 in a byte each: summed per lane for at most 255 rounds, then across. No population count needed. */
static inline size_t sep_count_sse2(const char *bytes, size_t len)
{
	const __m128i caret = _mm_set1_epi8('^');
	size_t count = 0, at = 0;

	while (len - at >= 16) {
		__m128i hits = _mm_setzero_si128(), sums;

		for (int round = 0; round < 255 && len - at >= 16; round++, at += 16)
			hits = _mm_sub_epi8(
				hits,
				_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(bytes + at)),
					       caret));
		sums = _mm_sad_epu8(hits, _mm_setzero_si128());
		count += (size_t)_mm_cvtsi128_si64(sums) + (size_t)_mm_cvtsi128_si64(_mm_srli_si128(sums, 8));
	}
	return count + sep_count_plain(bytes + at, len - at);
}
#endif

#if defined(__SSE2__) && !defined(GJ_SEPARATORS_PLAIN)
#define sep_mask  sep_mask_sse2
#define sep_count sep_count_sse2
#else
#define sep_mask  sep_mask_plain
#define sep_count sep_count_plain
#endif

#if defined(__SSE2__) && !defined(GJ_SEPARATORS_PLAIN) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SEP_FAST 1
#else
#define SEP_FAST 0
#endif

static inline uint64_t sep_block(const char *bytes, size_t len, size_t base)
{
	char tail[SEP_BLOCK] = { 0 };

	if (len - base >= SEP_BLOCK)
		return sep_mask(bytes + base);
	memcpy(tail, bytes + base, len - base);
	return sep_mask(tail);
}

/*
 * The set bits of a mask as offsets, in order. Eight are written whether they are there or not: a branch per bit
 * would be guessed wrong once a block. `out` has room for SEP_BLOCK.
 */
static inline size_t sep_offsets(uint64_t mask, size_t base, uint32_t *out)
{
	const uint64_t guard = UINT64_C(1)
			       << 63; /* keeps the bit scan defined; what it writes is not counted */
	size_t count = (size_t)__builtin_popcountll(mask);

	for (size_t i = 0; i < count; i += 8) {
		for (int j = 0; j < 8; j++) {
			out[i + (size_t)j] = (uint32_t)(base + (size_t)__builtin_ctzll(mask | guard));
			mask &= mask - 1;
		}
	}
	return count;
}

/* The ends of fields of a run of bytes, some blocks ahead of the reader. */
#define SEP_AHEAD 1024
struct sep_walk {
	const char *bytes;
	size_t len, base; /* base: the next block to look at */
	size_t have, used; /* of `ends` */
	bool ended; /* the last field's end was given: it is `len`, without a separator */
	uint32_t ends[SEP_AHEAD + SEP_BLOCK];
};

static inline void sep_begin(struct sep_walk *walk, const char *bytes, size_t len)
{
	walk->bytes = bytes;
	walk->len = len;
	walk->base = 0;
	walk->have = 0;
	walk->used = 0;
	walk->ended = false;
}

/* The ends of the next `count` fields in a row; NULL when there are fewer. count <= SEP_AHEAD / 2. */
static inline const uint32_t *sep_take(struct sep_walk *walk, size_t count)
{
	const uint32_t *ends;

	if (walk->have - walk->used < count) {
		walk->have -= walk->used;
		memmove(walk->ends, walk->ends + walk->used, walk->have * sizeof(walk->ends[0]));
		walk->used = 0;
		while (walk->base < walk->len && walk->have <= SEP_AHEAD - SEP_BLOCK) {
			walk->have += sep_offsets(sep_block(walk->bytes, walk->len, walk->base), walk->base,
						  walk->ends + walk->have);
			walk->base += SEP_BLOCK;
		}
		if (walk->base >= walk->len && !walk->ended) {
			walk->ends[walk->have++] = (uint32_t)walk->len;
			walk->ended = true;
		}
		if (walk->have < count)
			return NULL;
	}
	ends = walk->ends + walk->used;
	walk->used += count;
	return ends;
}

#endif
