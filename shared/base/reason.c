#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/limits.h"
#include "shared/base/reason.h"
#include "shared/base/banned.h"

static _Thread_local char detail[DETAIL_SIZE];
static _Thread_local char code_unknown[REASON_CODE_SIZE];

/* Each list twice through a switch: the compiler refuses a number that is given twice. */
const char *reason_code(enum reason why)
{
	switch (why) {
#define X(name, number, kind, code, text)                                                                    \
	case number: return code;
		REASONS(X)
#include "shared/base/reason_trade.h"
#include "shared/base/reason_phase.h"
#include "shared/base/reason_worker.h"
#include "shared/base/reason_ops.h"
#undef X
	}
	/* A number read from a row that a newer build wrote. */
	if (snprintf(code_unknown, sizeof(code_unknown), "reason-%d", (int)why) < 0)
		return "reason";
	return code_unknown;
}

const char *reason_text(enum reason why)
{
	switch (why) {
#define X(name, number, kind, code, text)                                                                    \
	case number: return text;
		REASONS(X)
#include "shared/base/reason_trade.h"
#include "shared/base/reason_phase.h"
#include "shared/base/reason_worker.h"
#include "shared/base/reason_ops.h"
#undef X
	}
	return "a reason this build does not know";
}

enum reason_kind reason_kind(enum reason why)
{
	switch (why) {
#define X(name, number, kind, code, text)                                                                    \
	case number: return KIND_##kind;
		REASONS(X)
#include "shared/base/reason_trade.h"
#include "shared/base/reason_phase.h"
#include "shared/base/reason_worker.h"
#include "shared/base/reason_ops.h"
#undef X
	}
	return KIND_UNKNOWN;
}

int reason_exit(enum reason why)
{
	switch (reason_kind(why)) {
	case KIND_DONE: return 0;
	case KIND_FAIL: return 1;
	case KIND_USAGE: return 64;
	case KIND_AWAY: return 69;
	case KIND_BUG: return 70;
	case KIND_UNKNOWN: return 75;
	case KIND_RIGHTS: return 77;
	case KIND_CONFIG: return 78;
	}
	return 70;
}

/* Shortens an over-long sentence visibly, and never inside a UTF-8 character. */
static void detail_cut(char *text, size_t text_size)
{
	static const char mark[] = "...";
	size_t at = text_size - sizeof(mark);

	while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
		at--;
	memcpy(text + at, mark, sizeof(mark));
}

enum reason(reason_set)(enum reason why, const char *fmt, ...)
{
	/* Built beside: an argument may be reason_detail() itself, when a caller adds to a callee's sentence. */
	char text[DETAIL_SIZE];
	va_list args;
	int text_len;

	va_start(args, fmt);
	text_len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (text_len < 0)
		text[0] = '\0';
	else if ((size_t)text_len >= sizeof(text))
		detail_cut(text, sizeof(text));
	memcpy(detail, text, sizeof(detail));
	return why;
}

const char *reason_detail(void)
{
	return detail;
}

void reason_clear(void)
{
	detail[0] = '\0';
}
