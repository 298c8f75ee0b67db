#include "shared/base/nearest.h"

#include <stddef.h>
#include <string.h>

#include "shared/base/banned.h"

int nearest_distance(const char *a, const char *b)
{
	int row[NEAREST_SIZE + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len >= NEAREST_SIZE || b_len >= NEAREST_SIZE)
		return NEAREST_SIZE;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}
