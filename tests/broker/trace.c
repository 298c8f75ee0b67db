/* trace - what reached each endpoint, in memory for the control socket and, if asked for, as lines of a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/broker.h"

#include "shared/base/banned.h"

#define ENDPOINTS_MAX 96

struct trace {
	FILE *file;
	char **lines; /* ring of TRACE_ENTRIES_MAX */
	size_t count;
	struct {
		char name[64];
		int64_t count;
	} endpoints[ENDPOINTS_MAX];
	size_t endpoint_count;
};

enum reason trace_open(const char *path, struct trace **out)
{
	struct trace *tr = calloc(1, sizeof *tr);

	if (tr == NULL || (tr->lines = calloc(TRACE_ENTRIES_MAX, sizeof *tr->lines)) == NULL) {
		free(tr);
		return reason_set(REASON_NO_MEMORY, "no memory for the request log");
	}
	if (path != NULL && (tr->file = fopen(path, "ae")) == NULL) {
		int error = errno;

		trace_close(tr);
		return reason_set(REASON_FILE_RIGHTS, "the request log %s cannot be written: %s", path,
				  strerror(error));
	}
	*out = tr;
	return REASON_OK;
}

void trace_reset(struct trace *tr)
{
	for (size_t i = 0; i < TRACE_ENTRIES_MAX; i++) {
		free(tr->lines[i]);
		tr->lines[i] = NULL;
	}
	tr->count = 0;
	tr->endpoint_count = 0;
}

void trace_close(struct trace *tr)
{
	if (tr == NULL)
		return;
	trace_reset(tr);
	if (tr->file != NULL)
		fclose(tr->file);
	free(tr->lines);
	free(tr);
}

static void count_endpoint(struct trace *tr, const char *endpoint)
{
	for (size_t i = 0; i < tr->endpoint_count; i++) {
		if (strcmp(tr->endpoints[i].name, endpoint) == 0) {
			tr->endpoints[i].count++;
			return;
		}
	}
	if (tr->endpoint_count == ENDPOINTS_MAX)
		return;
	snprintf(tr->endpoints[tr->endpoint_count].name, sizeof tr->endpoints[0].name, "%s", endpoint);
	tr->endpoints[tr->endpoint_count++].count = 1;
}

void trace_add(struct trace *tr, const char *endpoint, const char *line, size_t line_len)
{
	char **place = &tr->lines[tr->count % TRACE_ENTRIES_MAX];
	char *copy = malloc(line_len + 1);

	count_endpoint(tr, endpoint);
	if (tr->file != NULL) {
		fwrite(line, 1, line_len, tr->file);
		fputc('\n', tr->file);
		fflush(tr->file);
	}
	if (copy == NULL)
		return;
	memcpy(copy, line, line_len);
	copy[line_len] = '\0';
	free(*place);
	*place = copy;
	tr->count++;
}

void trace_dump(const struct trace *tr, struct json_out *j)
{
	size_t first = tr->count > TRACE_ENTRIES_MAX ? tr->count - TRACE_ENTRIES_MAX : 0;
	char number[32];

	json_open(j, "counts", '{');
	for (size_t i = 0; i < tr->endpoint_count; i++) {
		snprintf(number, sizeof number, "%lld", (long long)tr->endpoints[i].count);
		json_bare(j, tr->endpoints[i].name, number);
	}
	json_close(j, '}');
	json_open(j, "requests", '[');
	for (size_t i = first; i < tr->count; i++)
		json_bare(j, NULL, tr->lines[i % TRACE_ENTRIES_MAX]);
	json_close(j, ']');
}
