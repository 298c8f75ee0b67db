/*
 * random - the seeded numbers of the simulator: splitmix64, the same on every machine, integers only.
 *
 * Shape   one state per user; sim_hash() makes an independent stream from a seed, a text and a number.
 * Source  S. Vigna's splitmix64 (public domain), written from its description.
 */
#ifndef GJ_BROKER_RANDOM_H
#define GJ_BROKER_RANDOM_H

#include <stdint.h>

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
static inline uint64_t sim_next(struct sim_random *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return sim_mix(random->state);
}
/* low .. high inclusive; low when the range is empty. The bias of the modulus is far below what anybody sees. */
static inline int64_t sim_range(struct sim_random *random, int64_t low, int64_t high)
{
	if (high <= low)
		return low;
	return low + (int64_t)(sim_next(random) % ((uint64_t)(high - low) + 1));
}
/* True in `percent` of the calls. */
static inline int sim_chance(struct sim_random *random, int percent)
{
	return (int)(sim_next(random) % 100) < percent;
}
/* About normal, mean 0, standard deviation 65,536: the sum of eight uniforms. */
static inline int64_t sim_bell(struct sim_random *random)
{
	int64_t sum = 0;

	for (int i = 0; i < 4; i++) {
		uint64_t bits = sim_next(random);

		sum += (int64_t)(bits & 0xffffffffu) + (int64_t)(bits >> 32);
	}
	/* eight uniforms on 2^32: mean 2^34, standard deviation 2^32 x sqrt(8 / 12) = 0.8165 x 2^32 */
	return (sum - (INT64_C(1) << 34)) / 53510;
}
static inline uint64_t sim_hash(uint64_t seed, const char *text, uint64_t number)
{
	uint64_t hash = sim_mix(seed + UINT64_C(0x9e3779b97f4a7c15));

	for (; *text != '\0'; text++)
		hash = sim_mix(hash ^ (uint64_t)(unsigned char)*text);
	return sim_mix(hash ^ (number * UINT64_C(0xd6e8feb86659fd93)));
}

#endif
