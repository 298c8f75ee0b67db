/*
 * nearest - how far two words are apart, for "did you mean".
 *
 * Shape   letters to insert, remove or change; words of NEAREST_SIZE letters or more count as far apart.
 * Errors  none.
 */
#ifndef GJ_BASE_NEAREST_H
#define GJ_BASE_NEAREST_H

#define NEAREST_SIZE 64

int nearest_distance(const char *a, const char *b);

#endif
