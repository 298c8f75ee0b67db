/* faults - see faults.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "tests/broker/faults.h"

#include "shared/base/banned.h"

enum fault_argument { ARG_NONE, ARG_TEXT, ARG_NUM, ARG_TIME };

static const struct {
	const char *name;
	enum fault_argument argument;
	const char *help;
} kinds[FAULT_KIND_COUNT] = {
#define F(name, argument, help) { #name, ARG_##argument, help },
	FAULT_KINDS(F)
#undef F
};
_Static_assert(FAULT_KIND_COUNT <= 64, "masks of kinds are 64 bits");

const char *fault_kind_name(enum fault_kind kind)
{
	BUG_IF((unsigned)kind >= FAULT_KIND_COUNT, "a kind of the table");
	return kinds[kind].name;
}

void faults_help(FILE *out)
{
	static const char *const forms[] = { "", ":TEXT", ":N", ":TIME" };

	for (size_t i = 0; i < FAULT_KIND_COUNT; i++) {
		const char *where = (FAULTS_OF_LINE >> i & 1) != 0        ? "both"
				    : (FAULTS_ON_WEBSOCKET >> i & 1) != 0 ? "ws"
									  : "rest";

		fprintf(out, "  %s%-*s %-5s %s\n", kinds[i].name, (int)(26 - strlen(kinds[i].name)),
			forms[kinds[i].argument], where, kinds[i].help);
	}
}

void faults_clear(struct faults *fs)
{
	for (size_t i = 0; i < fs->count; i++)
		cJSON_Delete(fs->list[i].row);
	fs->count = 0;
}

/* "40s", "200ms", "45m" in milliseconds. */
static bool duration_parse(const char *text, int64_t *out_ms)
{
	size_t digits = strspn(text, "0123456789");
	int64_t number;

	if (!num_parse(text, digits, &number) || number > 86400000)
		return false;
	if (strcmp(text + digits, "ms") == 0)
		*out_ms = number;
	else if (strcmp(text + digits, "s") == 0)
		*out_ms = number * 1000;
	else if (strcmp(text + digits, "m") == 0)
		*out_ms = number * 60000;
	else
		return false;
	return true;
}

static enum reason fault_parse(const cJSON *item, struct fault *out)
{
	const char *on = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "on"));
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "kind"));
	struct fault f = { .count = 1, .until_s = 86400 };
	size_t name_len, which = 0;
	const char *argument;

	if (on == NULL || kind == NULL || strlen(on) >= sizeof f.on)
		return reason_set(REASON_BAD_USAGE, "a fault needs \"on\" and \"kind\" as text");
	snprintf(f.on, sizeof f.on, "%s", on);
	name_len = strcspn(kind, ":");
	while (which < FAULT_KIND_COUNT &&
	       (strlen(kinds[which].name) != name_len || memcmp(kinds[which].name, kind, name_len) != 0))
		which++;
	if (which == FAULT_KIND_COUNT)
		return reason_set(REASON_BAD_USAGE, "there is no fault \"%s\"; see tests/broker/CONTROL.md",
				  kind);
	f.kind = (enum fault_kind)which;
	argument = kind[name_len] == ':' ? kind + name_len + 1 : "";
	if ((kinds[which].argument == ARG_NONE) != (*argument == '\0') || strlen(argument) >= sizeof f.text ||
	    (kinds[which].argument == ARG_NUM && !num_parse(argument, strlen(argument), &f.number)) ||
	    (kinds[which].argument == ARG_TIME && !duration_parse(argument, &f.number)))
		return reason_set(REASON_BAD_USAGE, "the fault \"%s\" has a wrong argument", kind);
	snprintf(f.text, sizeof f.text, "%s", argument);
	for (const cJSON *key = item->child; key != NULL; key = key->next) {
		int64_t number = cJSON_IsNumber(key) ? (int64_t)key->valuedouble : 0;
		int32_t second = 0;

		if (strcmp(key->string, "on") == 0 || strcmp(key->string, "kind") == 0)
			continue;
		if (strcmp(key->string, "from") == 0 && cJSON_IsNumber(key))
			f.from = number;
		else if (strcmp(key->string, "count") == 0 && cJSON_IsNumber(key))
			f.count = number;
		else if (strcmp(key->string, "ppm") == 0 && cJSON_IsNumber(key))
			f.ppm = number;
		else if (strcmp(key->string, "accepted") == 0 && cJSON_IsBool(key))
			f.accepted = cJSON_IsTrue(key);
		else if (strcmp(key->string, "after") == 0 && cJSON_IsString(key) &&
			 kst_time_parse(key->valuestring, &second))
			f.after_s = second;
		else if (strcmp(key->string, "until") == 0 && cJSON_IsString(key) &&
			 kst_time_parse(key->valuestring, &second))
			f.until_s = second;
		else if (strcmp(key->string, "row") == 0 && cJSON_IsObject(key)) {
			cJSON_Delete(f.row); /* a key given twice */
			f.row = cJSON_Duplicate(key, true);
		} else {
			cJSON_Delete(f.row);
			return reason_set(REASON_BAD_USAGE,
					  "the fault \"%s\" has an unknown or bad key \"%s\"", kind,
					  key->string);
		}
	}
	*out = f;
	return REASON_OK;
}

enum reason faults_set(struct faults *fs, const cJSON *list)
{
	struct faults fresh = { .random = fs->random };
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return reason_set(REASON_BAD_USAGE, "faults are a list");
	cJSON_ArrayForEach(item, list)
	{
		enum reason why = fresh.count < FAULTS_MAX
					  ? fault_parse(item, &fresh.list[fresh.count])
					  : reason_set(REASON_BAD_USAGE, "more than %d faults", FAULTS_MAX);

		if (why != REASON_OK) {
			faults_clear(&fresh);
			return why;
		}
		fresh.count++;
	}
	faults_clear(fs);
	*fs = fresh;
	return REASON_OK;
}

void faults_report(const struct faults *fs, struct buf *out)
{
	struct json_out j = JSON_OUT_INIT(out);
	char number[32];

	json_open(&j, NULL, '[');
	for (size_t i = 0; i < fs->count; i++) {
		const struct fault *f = &fs->list[i];

		json_open(&j, NULL, '{');
		json_text(&j, "on", f->on);
		json_fmt(&j, "kind", "%s%s%s", fault_kind_name(f->kind), f->text[0] != '\0' ? ":" : "",
			 f->text);
		snprintf(number, sizeof number, "%lld", (long long)f->seen);
		json_bare(&j, "seen", number);
		snprintf(number, sizeof number, "%lld", (long long)f->struck);
		json_bare(&j, "struck", number);
		json_close(&j, '}');
	}
	json_close(&j, ']');
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static bool fault_is_on(const struct fault *f, const char *on, const char *alias)
{
	return strcasecmp(f->on, on) == 0 || (alias != NULL && strcasecmp(f->on, alias) == 0) ||
	       strcmp(f->on, "*") == 0;
}

void faults_strike(struct faults *fs, const char *on, const char *alias, int32_t second_of_day,
		   uint64_t kinds_asked, struct fault_hits *out)
{
	*out = (struct fault_hits){ 0 };
	for (size_t i = 0; i < fs->count; i++) {
		struct fault *f = &fs->list[i];
		int64_t place;

		if ((kinds_asked >> f->kind & 1) == 0 || !fault_is_on(f, on, alias) ||
		    second_of_day < f->after_s || second_of_day >= f->until_s)
			continue;
		place = f->seen++;
		if (place < f->from || (f->count >= 0 && place >= f->from + f->count))
			continue;
		if (f->ppm > 0 && (int64_t)(next_random(&fs->random) % 1000000) >= f->ppm)
			continue;
		if (out->hit[f->kind] == NULL) {
			out->hit[f->kind] = f;
			f->struck++;
		}
	}
}

const struct fault *faults_standing(const struct faults *fs, const char *on, enum fault_kind kind)
{
	for (size_t i = 0; i < fs->count; i++) {
		const struct fault *f = &fs->list[i];

		if (f->kind == kind && fault_is_on(f, on, NULL) && (f->count < 0 || f->struck < f->count))
			return f;
	}
	return NULL;
}
