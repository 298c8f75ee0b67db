/*
 * samples - files of tests/data/kis, read whole; and a seeded generator for mutations.
 *
 * Owner   sample_read allocates, NUL added; the caller frees.
 * Errors  a file that cannot be read fails the test.
 */
#ifndef GJ_TEST_KIS_SAMPLES_H
#define GJ_TEST_KIS_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#define SAMPLE_FOLDER "tests/data/kis/"

static inline char *sample_read(const char *name, size_t *out_len)
{
	char path[256];
	char *bytes;
	FILE *file;
	long len;

	assert_true(snprintf(path, sizeof(path), SAMPLE_FOLDER "%s", name) < (int)sizeof(path));
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s: cannot be opened; tests run from the root of the repository", path);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	len = ftell(file);
	assert_true(len > 0);
	rewind(file);
	bytes = malloc((size_t)len + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)len, file), len);
	bytes[len] = '\0';
	fclose(file);
	if (out_len != NULL)
		*out_len = (size_t)len;
	return bytes;
}

/* The whole file with the line end at its end taken off. */
static inline char *sample_line(const char *name, size_t *out_len)
{
	size_t len;
	char *bytes = sample_read(name, &len);

	while (len > 0 && bytes[len - 1] == '\n')
		bytes[--len] = '\0';
	*out_len = len;
	return bytes;
}

static inline cJSON *sample_json(const char *name)
{
	char *bytes = sample_read(name, NULL);
	cJSON *root = cJSON_Parse(bytes);

	assert_non_null(root);
	free(bytes);
	return root;
}

/* xorshift64*: the same seed, the same mutations, on every machine. */
static inline uint64_t seeded(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
