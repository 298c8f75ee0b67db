/*
 * settings - the simulator's switches: one table (settings.def), a value each, `--set NAME=VALUE`.
 *
 * Shape   an array of numbers indexed by enum setting; words are numbers by their place in the help text.
 *         Names that are not in the table are offered to the exchange's own table by main.
 * Owner   the caller; no pointers.
 * Errors  REASON_BAD_USAGE with a sentence that names the setting and what it takes.
 */
#ifndef GJ_BROKER_SETTINGS_H
#define GJ_BROKER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/reason.h"

enum setting {
#define S(name, kind, real, paper, low, high, help) SET_##name,
#include "tests/broker/settings.def"
#undef S
	SET_COUNT
};

struct settings {
	int64_t value[SET_COUNT];
};

void settings_init(struct settings *set, bool paper);
/* False when there is no setting of that name (text up to '='). */
bool settings_knows(const char *assignment);
enum reason settings_assign(struct settings *set, const char *assignment); /* "name=value" */
void settings_help(FILE *out);

static inline int64_t setting(const struct settings *set, enum setting which)
{
	return set->value[which];
}

#endif
