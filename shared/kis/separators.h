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

/* Walks the separators of a run of bytes from left to right. */
struct sep_walk {
	const char *bytes;
	size_t len, base; /* base: of the block that mask belongs to */
	uint64_t mask;
};

static inline uint64_t sep_block(const struct sep_walk *walk)
{
	char tail[SEP_BLOCK] = { 0 };

	if (walk->len - walk->base >= SEP_BLOCK)
		return sep_mask(walk->bytes + walk->base);
	memcpy(tail, walk->bytes + walk->base, walk->len - walk->base);
	return sep_mask(tail);
}

static inline struct sep_walk sep_begin(const char *bytes, size_t len)
{
	struct sep_walk walk = { bytes, len, 0, 0 };

	if (len > 0)
		walk.mask = sep_block(&walk);
	return walk;
}

/* Offset of the next separator, or len when there is none: the end of the last field. */
static inline size_t sep_next(struct sep_walk *walk)
{
	size_t at;

	while (walk->mask == 0) {
		if (walk->len - walk->base <= SEP_BLOCK)
			return walk->len;
		walk->base += SEP_BLOCK;
		walk->mask = sep_block(walk);
	}
	at = walk->base + (size_t)__builtin_ctzll(walk->mask);
	walk->mask &= walk->mask - 1;
	return at;
}

#endif
