#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/banned.h"

#define BUG_LINE_SIZE 512

/* Nothing is trusted any more: no allocation, no stdio buffer, no lock; one write, then the end. */
_Noreturn void bug_stop(const char *file, int line, const char *function, const char *condition,
			const char *believed)
{
	char text[BUG_LINE_SIZE];
	int text_len;

	text_len = snprintf(text, sizeof(text), "bug: %s:%d: %s: believed \"%s\", found \"%s\"\n", file, line,
			    function, believed, condition);
	if (text_len >= (int)sizeof(text)) {
		text_len = (int)sizeof(text);
		text[sizeof(text) - 1] = '\n';
	}
	/* The process ends whether or not anybody could be told. */
	if (text_len > 0 && write(STDERR_FILENO, text, (size_t)text_len) < 0)
		abort();
	abort();
}
