/* settings - see settings.h. */
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/settings.h"

#include "shared/base/banned.h"

enum setting_kind { KIND_YES, KIND_NUM, KIND_WORD };

struct setting_row {
	const char *name;
	enum setting_kind kind;
	int64_t real, paper, low, high;
	const char *help;
};

static const struct setting_row rows[SET_COUNT] = {
#define S(name, kind, real, paper, low, high, help) { #name, KIND_##kind, real, paper, low, high, help },
#include "tests/broker/settings.def"
#undef S
};

void settings_init(struct settings *set, bool paper)
{
	for (size_t i = 0; i < SET_COUNT; i++)
		set->value[i] = paper ? rows[i].paper : rows[i].real;
}

static const struct setting_row *row_of(const char *assignment)
{
	size_t name_len = strcspn(assignment, "=");

	for (size_t i = 0; i < SET_COUNT; i++) {
		if (strlen(rows[i].name) == name_len && memcmp(rows[i].name, assignment, name_len) == 0)
			return &rows[i];
	}
	return NULL;
}

bool settings_knows(const char *assignment)
{
	return row_of(assignment) != NULL;
}

/* The place of a word in "one two three: what it is about". */
static bool word_place(const char *help, const char *word, int64_t *out)
{
	size_t word_len = strlen(word), end = strcspn(help, ":"), at = 0;
	int64_t place = 0;

	while (at < end) {
		size_t len = strcspn(help + at, " :");

		if (len == word_len && memcmp(help + at, word, len) == 0) {
			*out = place;
			return true;
		}
		at += len + 1;
		place++;
	}
	return false;
}

enum reason settings_assign(struct settings *set, const char *assignment)
{
	const struct setting_row *row = row_of(assignment);
	const char *value = strchr(assignment, '=');
	int64_t number = 0;

	if (row == NULL)
		return reason_set(REASON_BAD_USAGE, "there is no setting \"%s\"; --help lists them",
				  assignment);
	if (value == NULL)
		return reason_set(REASON_BAD_USAGE, "setting %s has no value; write %s=VALUE", row->name,
				  row->name);
	value++;
	if (row->kind == KIND_YES && strcmp(value, "yes") == 0)
		number = 1;
	else if (row->kind == KIND_YES && strcmp(value, "no") == 0)
		number = 0;
	else if (row->kind == KIND_WORD && word_place(row->help, value, &number))
		; /* found */
	else if (!num_parse(value, strlen(value), &number))
		return reason_set(REASON_BAD_USAGE, "setting %s does not take \"%s\"; it is: %s", row->name,
				  value, row->help);
	if (number < row->low || number > row->high)
		return reason_set(REASON_BAD_USAGE, "setting %s=%s is outside %lld..%lld", row->name, value,
				  (long long)row->low, (long long)row->high);
	set->value[row - rows] = number;
	return REASON_OK;
}

void settings_help(FILE *out)
{
	for (size_t i = 0; i < SET_COUNT; i++)
		fprintf(out, "  %-24s %lld real, %lld paper (%lld..%lld)  %s\n", rows[i].name,
			(long long)rows[i].real, (long long)rows[i].paper, (long long)rows[i].low,
			(long long)rows[i].high, rows[i].help);
}
