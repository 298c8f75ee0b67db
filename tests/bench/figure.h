/*
 * figure - one measured figure of a benchmark program: the values of its rounds, told as a line of key=value.
 *
 * Shape   a program calls its ways in turn, round by round (A B C, A B C ...), so that all of them meet the same noise, adds
 *         one value per way and round, and tells each figure once, with the ratio to its yardstick. A ratio is taken
 *         round by round: its median is that of the rounds' own ratios.
 * Units   named by the figure's unit; values are numbers per round (a rate, or the percentile of a round).
 * Owner   the caller's static structs; nothing to release.
 */
#ifndef GJ_BENCH_FIGURE_H
#define GJ_BENCH_FIGURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE_ROUNDS_MAX 64

struct figure {
	const char *name, *unit;
	double values[FIGURE_ROUNDS_MAX];
	int count;
};

static inline void figure_add(struct figure *figure, double value)
{
	if (figure->count < FIGURE_ROUNDS_MAX)
		figure->values[figure->count++] = value;
}

static inline int figure_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Smallest, middle and largest of count values; 0 when there are none. */
static inline void figure_spread(const double *values, int count, double out[static 3])
{
	double sorted[FIGURE_ROUNDS_MAX];

	out[0] = out[1] = out[2] = 0;
	if (count < 1)
		return;
	memcpy(sorted, values, sizeof(sorted[0]) * (size_t)count);
	qsort(sorted, (size_t)count, sizeof(sorted[0]), figure_order);
	out[0] = sorted[0];
	out[1] = sorted[count / 2];
	out[2] = sorted[count - 1];
}

/* The line tests/bench/run reads. yard NULL = the figure is itself a floor or a peer. */
static inline void figure_tell(const struct figure *figure, const struct figure *yard)
{
	double spread[3], ratios[FIGURE_ROUNDS_MAX], ratio[3];
	int count = yard != NULL && yard->count < figure->count ? yard->count : figure->count;

	figure_spread(figure->values, figure->count, spread);
	printf("figure=%s unit=%s runs=%d min=%.6g median=%.6g max=%.6g", figure->name, figure->unit,
	       figure->count, spread[0], spread[1], spread[2]);
	if (yard != NULL) {
		for (int i = 0; i < count; i++)
			ratios[i] = yard->values[i] > 0 ? figure->values[i] / yard->values[i] : 0;
		figure_spread(ratios, count, ratio);
		printf(" to=%s ratio_min=%.4g ratio=%.4g ratio_max=%.4g", yard->name, ratio[0], ratio[1],
		       ratio[2]);
	}
	putchar('\n');
}

/* One round of single times: the value at p percent, by counting. Sorts the caller's array. */
static inline double figure_percentile(double *times, int count, int percent)
{
	int at = (count * percent + 99) / 100 - 1;

	qsort(times, (size_t)count, sizeof(times[0]), figure_order);
	return times[at < 0 ? 0 : at];
}

#endif
