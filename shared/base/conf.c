#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/bug.h"
#include "shared/base/conf.h"
#include "shared/base/digest.h"
#include "shared/base/file.h"
#include "shared/base/nearest.h"
#include "shared/base/kst.h"
#include "shared/base/limits.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define CONF_VALUE_MAX 180 /* bytes; inih 55 cuts a line at about 199, key and blanks included */
#define CONF_LINE_MAX  198
#define CONF_WORD_SIZE 64
#define NEAR_MAX       3 /* a key that differs by more letters, or by half of a short one, is no "did you mean" */

enum conf_type { TYPE_TEXT, TYPE_PATH, TYPE_INT, TYPE_TIME, TYPE_BOOL, TYPE_CHOICE };

struct conf_declared {
	enum conf_type type;
	const char *section, *key, *def;
	int64_t low, high; /* INT: bounds; TEXT: high is the longest, in bytes */
	const char *unit, *choices, *help;
};

static const struct conf_declared declared[CONF_KEY_COUNT] = {
#define TEXT(id, section, key, def, max, help) { TYPE_TEXT, section, key, def, 0, max, "", "", help },
#define PATH(id, section, key, def, help)      { TYPE_PATH, section, key, def, 0, 0, "", "", help },
#define INT(id, section, key, def, low, high, unit, help)                                                    \
	{ TYPE_INT, section, key, def, low, high, unit, "", help },
#define TIME(id, section, key, def, help) { TYPE_TIME, section, key, def, 0, 0, "KST", "", help },
#define BOOL(id, section, key, def, help) { TYPE_BOOL, section, key, def, 0, 0, "", "", help },
#define CHOICE(id, section, key, def, choices, help)                                                         \
	{ TYPE_CHOICE, section, key, def, 0, 0, "", choices, help },
#include "shared/base/conf_keys.def"
};

/* The order in which people meet them. */
static const char *const sections[] = { "gaejang",  "paths",  "broker", "database",
					"schedule", "limits", "worker", "rehearsal" };

/* The keys of [account NAME]. */
enum account_key { ACCOUNT_ENV, ACCOUNT_VAULT, ACCOUNT_STRATEGY, ACCOUNT_KEY_COUNT };
static const char *const account_keys[ACCOUNT_KEY_COUNT] = { "env", "vault", "strategy" };

/* Where the file is while it is read: first by us line by line, then by inih. */
struct conf_reading {
	struct conf *cfg;
	const char *path;
	int line;
	char section[CONF_WORD_SIZE]; /* as written between the brackets */
	int account_index; /* of the section, -1 in an ordinary one */
	int account_line[CONF_ACCOUNTS_MAX]; /* of the section's head */
	int account_key_line[CONF_ACCOUNTS_MAX][ACCOUNT_KEY_COUNT];
	int pair_count, pair_taken;
	enum reason why; /* of inih's handler */
};

/* ---- what a key allows, for people ------------------------------------------------------------------------------ */

static const char *allowed_text(const struct conf_declared *dc, char out[static CONF_ALLOWED_SIZE])
{
	int len = 0;

	switch (dc->type) {
	case TYPE_TEXT:
		len = snprintf(out, CONF_ALLOWED_SIZE, "text, at most %lld bytes", (long long)dc->high);
		break;
	case TYPE_PATH: len = snprintf(out, CONF_ALLOWED_SIZE, "an absolute path"); break;
	case TYPE_INT:
		len = snprintf(out, CONF_ALLOWED_SIZE, "a whole number %lld to %lld, in %s",
			       (long long)dc->low, (long long)dc->high, dc->unit);
		break;
	case TYPE_TIME: len = snprintf(out, CONF_ALLOWED_SIZE, "a time HH:MM, 00:00 to 23:59, in KST"); break;
	case TYPE_BOOL: len = snprintf(out, CONF_ALLOWED_SIZE, "yes or no"); break;
	case TYPE_CHOICE: len = snprintf(out, CONF_ALLOWED_SIZE, "one of: %s", dc->choices); break;
	}
	BUG_IF(len < 0 || len >= CONF_ALLOWED_SIZE, "a key's bounds are described in one short line");
	return out;
}

static const char *example_text(const struct conf_declared *dc, char room[static CONF_WORD_SIZE])
{
	if (dc->def && dc->def[0] != '\0')
		return dc->def;
	switch (dc->type) {
	case TYPE_PATH: return "/srv/gaejang/...";
	case TYPE_CHOICE:
		(void)snprintf(room, CONF_WORD_SIZE, "%.*s", (int)strcspn(dc->choices, " "), dc->choices);
		return room;
	default: return "...";
	}
}

/* ---- finding names ---------------------------------------------------------------------------------------------- */

static int declared_find(const char *section, const char *key)
{
	for (int id = 0; id < CONF_KEY_COUNT; id++)
		if (strcmp(declared[id].section, section) == 0 && strcmp(declared[id].key, key) == 0)
			return id;
	return -1;
}

static bool section_known(const char *section)
{
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		if (strcmp(sections[i], section) == 0)
			return true;
	return false;
}

static enum reason key_unknown(const struct conf_reading *rd, const char *key)
{
	int near_max = strlen(key) / 2 < NEAR_MAX ? (int)(strlen(key) / 2) : NEAR_MAX;
	int best = -1, best_distance = near_max + 1;

	for (int id = 0; id < CONF_KEY_COUNT; id++) {
		int distance = nearest_distance(key, declared[id].key);

		/* The same section first: then the word alone was wrong. */
		if (strcmp(declared[id].section, rd->section) != 0)
			distance++;
		if (distance < best_distance) {
			best = id;
			best_distance = distance;
		}
	}
	if (best < 0)
		return reason_set(REASON_CONF_UNKNOWN,
				  "%s:%d: [%s] knows no key \"%s\"; `gaejang settings` lists them all",
				  rd->path, rd->line, rd->section, key);
	return reason_set(REASON_CONF_UNKNOWN, "%s:%d: [%s] knows no key \"%s\"; did you mean [%s] %s?",
			  rd->path, rd->line, rd->section, key, declared[best].section, declared[best].key);
}

/* ---- first pass: lines ------------------------------------------------------------------------------------------- */

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool name_char(char c)
{
	return word_char(c) || (c >= 'A' && c <= 'Z') || c == '-';
}

static enum reason line_bad(const struct conf_reading *rd, const char *what)
{
	return reason_set(REASON_CONF_SYNTAX, "%s:%d: %s", rd->path, rd->line, what);
}

static enum reason account_begin(struct conf_reading *rd, const char *name)
{
	struct conf *cfg = rd->cfg;
	struct conf_account *account;
	size_t name_len = strlen(name);

	if (name_len == 0 || name_len >= sizeof(account->name))
		return line_bad(rd, "the account's name has 1 to 32 letters; write [account NAME]");
	for (size_t i = 0; i < name_len; i++)
		if (!name_char(name[i]))
			return line_bad(rd, "an account's name is made of letters, digits, - and _; write "
					    "[account NAME]");
	for (int i = 0; i < cfg->account_count; i++)
		if (strcmp(cfg->accounts[i].name, name) == 0)
			return reason_set(REASON_CONF_DUPLICATE,
					  "%s:%d: [account %s] stands in line %d already; remove one of them",
					  rd->path, rd->line, name, rd->account_line[i]);
	if (cfg->account_count == CONF_ACCOUNTS_MAX)
		return reason_set(REASON_CONF_RANGE,
				  "%s:%d: more than %d accounts; use a second configuration", rd->path,
				  rd->line, CONF_ACCOUNTS_MAX);
	rd->account_index = cfg->account_count++;
	rd->account_line[rd->account_index] = rd->line;
	account = &cfg->accounts[rd->account_index];
	memcpy(account->name, name, name_len + 1);
	return REASON_OK;
}

static enum reason section_begin(struct conf_reading *rd, const char *line, size_t line_len)
{
	static const char account[] = "account ";

	if (line_len < 3 || line[line_len - 1] != ']')
		return line_bad(rd, "a section stands alone in its line; write [NAME]");
	if (line_len - 2 >= sizeof(rd->section))
		return line_bad(rd, "the section's name is too long");
	memcpy(rd->section, line + 1, line_len - 2);
	rd->section[line_len - 2] = '\0';
	rd->account_index = -1;
	if (strncmp(rd->section, account, sizeof(account) - 1) == 0)
		return account_begin(rd, rd->section + sizeof(account) - 1);
	if (!section_known(rd->section))
		return reason_set(
			REASON_CONF_UNKNOWN,
			"%s:%d: there is no section [%s]; known: gaejang paths broker database schedule "
			"limits worker rehearsal, and account NAME",
			rd->path, rd->line, rd->section);
	return REASON_OK;
}

/* Cuts "key = value", remembers where it stood, refuses what is unknown or there already. */
static enum reason pair_begin(struct conf_reading *rd, const char *line, size_t line_len)
{
	const char *equals = memchr(line, '=', line_len), *value;
	size_t key_len = 0, value_len;
	char key[CONF_WORD_SIZE];
	int *line_of = NULL;
	int id;

	if (!equals)
		return line_bad(rd, "neither a section nor a setting; write KEY = VALUE");
	while (word_char(line[key_len]))
		key_len++;
	if (key_len == 0 || key_len >= sizeof(key) ||
	    key_len + strspn(line + key_len, " \t") != (size_t)(equals - line))
		return line_bad(rd, "a key is made of small letters, digits and _; write KEY = VALUE");
	memcpy(key, line, key_len);
	key[key_len] = '\0';
	if (rd->section[0] == '\0')
		return line_bad(rd, "a setting stands before the first section; write [gaejang] above it");
	value = equals + 1 + strspn(equals + 1, " \t");
	value_len = line_len - (size_t)(value - line);
	if (value_len > CONF_VALUE_MAX || line_len > CONF_LINE_MAX)
		return reason_set(REASON_CONF_RANGE, "%s:%d: %s: the value has %zu bytes, %d are allowed",
				  rd->path, rd->line, key, value_len, CONF_VALUE_MAX);
	if (value_len > 0 &&
	    (value[0] == ';' || value[0] == '"' || strstr(line, " ;") || strstr(line, "\t;")))
		return line_bad(rd, "a comment needs a line of its own, and values take no quotes");
	if (rd->account_index >= 0) {
		for (int k = 0; k < ACCOUNT_KEY_COUNT; k++)
			if (strcmp(account_keys[k], key) == 0)
				line_of = &rd->account_key_line[rd->account_index][k];
		if (!line_of)
			return reason_set(REASON_CONF_UNKNOWN,
					  "%s:%d: [%s] knows no key \"%s\"; it takes env, vault and strategy",
					  rd->path, rd->line, rd->section, key);
	} else {
		id = declared_find(rd->section, key);
		if (id < 0)
			return key_unknown(rd, key);
		line_of = &rd->cfg->values[id].line;
	}
	if (*line_of != 0)
		return reason_set(REASON_CONF_DUPLICATE,
				  "%s:%d: [%s] %s stands in line %d already; remove one of them", rd->path,
				  rd->line, rd->section, key, *line_of);
	*line_of = rd->line;
	rd->pair_count++;
	return REASON_OK;
}

static enum reason line_check(struct conf_reading *rd, const char *line, size_t line_len)
{
	for (size_t i = 0; i < line_len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return line_bad(rd, "it holds a control character; retype the line");
	if (line_len == strspn(line, " \t"))
		return REASON_OK;
	if (line[0] == ' ' || line[0] == '\t')
		return line_bad(rd, "the line is indented; begin it in the first column");
	if (line[0] == '#' || line[0] == ';')
		return line_len <= CONF_LINE_MAX ? REASON_OK
						 : line_bad(rd, "the comment has over 198 bytes; break it");
	if (line[line_len - 1] == ' ' || line[line_len - 1] == '\t')
		return line_bad(rd, "blanks at the end of the line; remove them");
	if (line[0] == '[')
		return section_begin(rd, line, line_len);
	return pair_begin(rd, line, line_len);
}

static enum reason lines_check(struct conf_reading *rd, char *text, size_t text_size)
{
	char *line = text;
	enum reason why;

	rd->account_index = -1;
	if (text_size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		rd->line = 1;
		return line_bad(rd, "a byte order mark stands before the first line; save as plain UTF-8");
	}
	if (strlen(text) != text_size)
		return reason_set(REASON_CONF_SYNTAX, "%s: it holds a NUL byte; is it a text file?",
				  rd->path);
	while (*line) {
		char *end = line + strcspn(line, "\n");
		char kept = *end;

		rd->line++;
		*end = '\0';
		why = line_check(rd, line, (size_t)(end - line));
		*end = kept;
		if (why != REASON_OK)
			return why;
		line = kept ? end + 1 : end;
	}
	return REASON_OK;
}

/* ---- second pass: values ----------------------------------------------------------------------------------------- */

static int choice_find(const char *choices, const char *value)
{
	size_t value_len = strlen(value);

	for (int i = 0; *choices; i++) {
		size_t len = strcspn(choices, " ");

		if (len == value_len && memcmp(choices, value, len) == 0)
			return i;
		choices += len + (choices[len] == ' ');
	}
	return -1;
}

/* The number a text stands for; false when the key does not allow it. */
static bool value_number(const struct conf_declared *dc, const char *text, int64_t *out)
{
	size_t text_len = strlen(text);
	int64_t number = 0;
	int32_t second = 0;

	switch (dc->type) {
	case TYPE_TEXT:
		if (text_len > (size_t)dc->high)
			return false;
		break;
	case TYPE_PATH:
		if (text_len > 0 && text[0] != '/')
			return false;
		break;
	case TYPE_INT:
		if (!num_parse(text, text_len, &number) || number < dc->low || number > dc->high)
			return false;
		break;
	case TYPE_TIME:
		if (text_len != 5 || !kst_time_parse(text, &second))
			return false;
		number = second;
		break;
	case TYPE_BOOL:
	case TYPE_CHOICE:
		number = choice_find(dc->type == TYPE_BOOL ? "no yes" : dc->choices, text);
		if (number < 0)
			return false;
		break;
	}
	*out = number;
	return true;
}

#ifndef __clang__
/* gcc 12's analyzer loses what is stored behind an index it does not know and calls it a leak; conf_clear frees it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static enum reason text_keep(const struct conf_reading *rd, struct conf_value *value, const char *text)
{
	value->text = strdup(text);
	if (!value->text)
		return reason_set(REASON_NO_MEMORY, "no memory for the configuration %s", rd->path);
	return REASON_OK;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

static enum reason value_set(struct conf_reading *rd, int id, const char *text)
{
	char example[CONF_WORD_SIZE];
	const struct conf_declared *dc = &declared[id];
	struct conf_value *value = &rd->cfg->values[id];
	char allowed[CONF_ALLOWED_SIZE];

	if (id == CONF_DB_SOCKET && strlen(text) >= SOCKET_PATH_SIZE)
		return reason_set(
			REASON_SOCKET_PATH_LONG,
			"%s:%d: [%s] %s has %zu bytes, a unix socket takes %d; use a shorter folder",
			rd->path, value->line, dc->section, dc->key, strlen(text), SOCKET_PATH_SIZE - 1);
	if (!value_number(dc, text, &value->number))
		return reason_set(REASON_CONF_RANGE, "%s:%d: [%s] %s = %s is not allowed: %s; write %s = %s",
				  rd->path, value->line, dc->section, dc->key, text,
				  allowed_text(dc, allowed), dc->key, example_text(dc, example));
	value->given = true;
	return text_keep(rd, value, text);
}

static enum reason account_set(struct conf_reading *rd, int account_index, enum account_key key,
			       const char *text)
{
	struct conf_account *account = &rd->cfg->accounts[account_index];
	int line = rd->account_key_line[account_index][key];
	size_t text_len = strlen(text);

	switch (key) {
	case ACCOUNT_ENV:
		if (choice_find("real paper", text) < 0)
			return reason_set(REASON_CONF_RANGE,
					  "%s:%d: [account %s] env = %s is not allowed: real or paper; write "
					  "env = paper",
					  rd->path, line, account->name, text);
		memcpy(account->env, text, text_len + 1);
		break;
	case ACCOUNT_VAULT:
		if (text[0] != '/' || text_len >= sizeof(account->vault))
			return reason_set(
				REASON_CONF_RANGE,
				"%s:%d: [account %s] vault = %s is not an absolute path; write vault = "
				"/etc/gaejang/%s.vault",
				rd->path, line, account->name, text, account->name);
		memcpy(account->vault, text, text_len + 1);
		break;
	case ACCOUNT_STRATEGY:
		if (text_len == 0 || text_len >= sizeof(account->strategy) ||
		    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != text_len)
			return reason_set(
				REASON_CONF_RANGE,
				"%s:%d: [account %s] strategy = %s is no strategy's name: 1 to 32 small "
				"letters, digits, - and _; write strategy = breakout",
				rd->path, line, account->name, text);
		memcpy(account->strategy, text, text_len + 1);
		break;
	case ACCOUNT_KEY_COUNT: break;
	}
	return REASON_OK;
}

/* inih's handler: 1 is fine, 0 stops it. Names were checked in the first pass; they only have to be found again. */
static int pair_take(void *user, const char *section, const char *key, const char *value)
{
	struct conf_reading *rd = user;
	int id;

	if (rd->why != REASON_OK)
		return 0;
	rd->why = REASON_CONF_SYNTAX;
	if (strncmp(section, "account ", 8) == 0) {
		for (int i = 0; i < rd->cfg->account_count; i++) {
			if (strcmp(rd->cfg->accounts[i].name, section + 8) != 0)
				continue;
			for (int k = 0; k < ACCOUNT_KEY_COUNT; k++)
				if (strcmp(account_keys[k], key) == 0)
					rd->why = account_set(rd, i, (enum account_key)k, value);
		}
	} else {
		id = declared_find(section, key);
		if (id >= 0)
			rd->why = value_set(rd, id, value);
	}
	rd->pair_taken += rd->why == REASON_OK;
	return rd->why == REASON_OK;
}

static enum reason values_take(struct conf_reading *rd, const char *text)
{
	int broken_line;

	reason_clear();
	broken_line = ini_parse_string(text, pair_take, rd);
	if (rd->why != REASON_OK && reason_detail()[0] != '\0')
		return rd->why;
	/* Both readers must have seen the same settings; otherwise a line means something else than it seems to. */
	if (broken_line != 0 || rd->why != REASON_OK || rd->pair_taken != rd->pair_count)
		return reason_set(REASON_CONF_SYNTAX, "%s:%d: the line is not understood; write KEY = VALUE",
				  rd->path, broken_line > 0 ? broken_line : rd->line);
	return REASON_OK;
}

/* ---- what must be there, what must fit together ------------------------------------------------------------------ */

static enum reason rest_fill(struct conf_reading *rd)
{
	char example[CONF_WORD_SIZE];
	char allowed[CONF_ALLOWED_SIZE];

	for (int id = 0; id < CONF_KEY_COUNT; id++) {
		const struct conf_declared *dc = &declared[id];
		struct conf_value *value = &rd->cfg->values[id];
		enum reason why;

		if (!dc->def && (!value->given || value->text[0] == '\0'))
			return reason_set(REASON_CONF_MISSING,
					  "%s:%d: [%s] %s is missing: %s (%s); write %s = %s below [%s]",
					  rd->path, value->given ? value->line : rd->line, dc->section,
					  dc->key, allowed_text(dc, allowed), dc->help, dc->key,
					  example_text(dc, example), dc->section);
		if (value->given)
			continue;
		BUG_IF(!value_number(dc, dc->def, &value->number), "a default is allowed for its key");
		why = text_keep(rd, value, dc->def);
		if (why != REASON_OK)
			return why;
	}
	for (int i = 0; i < rd->cfg->account_count; i++)
		for (int k = 0; k < ACCOUNT_KEY_COUNT; k++)
			if (rd->account_key_line[i][k] == 0)
				return reason_set(REASON_CONF_MISSING,
						  "%s:%d: [account %s] %s is missing; write %s", rd->path,
						  rd->account_line[i], rd->cfg->accounts[i].name,
						  account_keys[k],
						  k == ACCOUNT_ENV     ? "env = paper or env = real"
						  : k == ACCOUNT_VAULT ? "vault = /absolute/path"
								       : "strategy = NAME");
	return REASON_OK;
}

static enum reason pair_contradicts(const struct conf_reading *rd, int small, int large, const char *rule)
{
	const struct conf_value *values = rd->cfg->values;
	int line = values[large].line > values[small].line ? values[large].line : values[small].line;

	return reason_set(REASON_CONF_RANGE,
			  "%s:%d: [%s] %s = %s must be %s [%s] %s = %s; change one of them", rd->path, line,
			  declared[small].section, declared[small].key, values[small].text, rule,
			  declared[large].section, declared[large].key, values[large].text);
}

static enum reason cross_check(const struct conf_reading *rd)
{
	/* smaller, larger, whether equal is fine too */
	static const struct {
		int small, large;
		bool same_ok;
	} order[] = {
		{ CONF_AT_PREFLIGHT, CONF_AT_AUTH, false },
		{ CONF_AT_AUTH, CONF_AT_ACCOUNT, false },
		{ CONF_AT_ACCOUNT, CONF_AT_PARAMS, false },
		{ CONF_AT_PARAMS, CONF_AT_RECONCILE, false },
		{ CONF_AT_RECONCILE, CONF_AT_GUARDRAIL, false },
		{ CONF_AT_GUARDRAIL, CONF_AT_UNIVERSE, false },
		{ CONF_AT_UNIVERSE, CONF_AT_GATE, false },
		{ CONF_AT_GATE, CONF_GATE_DEADLINE, false },
		{ CONF_AT_GATE, CONF_ALERT_DEADLINE, true },
		{ CONF_LEASE_RENEW_S, CONF_LEASE_S, false },
		{ CONF_HEARTBEAT_S, CONF_HEARTBEAT_OLD_S, false },
		{ CONF_RECONNECT_S, CONF_RECONNECT_MAX_S, true },
		{ CONF_LISTING_LIVE_S, CONF_LISTING_S, true },
		{ CONF_LIM_EXPOSURE_SYMBOL_BP, CONF_LIM_EXPOSURE_GROSS_BP, true },
	};
	const struct conf_value *values = rd->cfg->values;

	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		int64_t small = values[order[i].small].number, large = values[order[i].large].number;

		if (small > large || (small == large && !order[i].same_ok))
			return pair_contradicts(rd, order[i].small, order[i].large,
						order[i].same_ok ? "at most" : "below");
	}
	if (strcmp(values[CONF_ALERTS].text, "none") != 0 && values[CONF_ALERT_TARGET].text[0] == '\0')
		return reason_set(REASON_CONF_MISSING,
				  "%s:%d: [gaejang] alerts = %s needs alert_target; write alert_target = "
				  "/absolute/path",
				  rd->path, values[CONF_ALERTS].line, values[CONF_ALERTS].text);
	return REASON_OK;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static enum reason file_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		/* A named path that is not there and one that may not be read are the same mistake to a user. */
		return reason_set(
			REASON_CONF_FILE,
			"cannot read the configuration %s: %s; create it, or name another in GAEJANG_CONF",
			path, strerror(errno));
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return reason_set(
			REASON_FILE_MODE,
			"the configuration %s has mode %04o, so others may change it; run: chmod go-w %s",
			path, st.st_mode & 07777, path);
	return REASON_OK;
}

const char *conf_path(const char *given)
{
	const char *named = given && given[0] != '\0' ? given : getenv("GAEJANG_CONF");

	return named && named[0] != '\0' ? named : "/etc/gaejang/gaejang.conf";
}

enum reason conf_load(struct conf *cfg, const char *path)
{
	struct conf fresh = CONF_INIT;
	struct conf_reading rd = { .cfg = &fresh };
	uint8_t *text = NULL;
	size_t text_size = 0;
	enum reason why;

	path = conf_path(path);
	if (strlen(path) >= sizeof(fresh.path))
		return reason_set(REASON_PATH_LONG, "the path of the configuration has over %zu bytes",
				  sizeof(fresh.path) - 1);
	memcpy(fresh.path, path, strlen(path) + 1);
	rd.path = fresh.path;
	why = file_check(path);
	if (why != REASON_OK)
		goto out;
	why = file_read(path, CONF_SIZE_MAX, &text, &text_size);
	if (why != REASON_OK) {
		why = reason_set(REASON_CONF_FILE, "configuration: %s", reason_detail());
		goto out;
	}
	why = lines_check(&rd, (char *)text, text_size);
	if (why == REASON_OK)
		why = values_take(&rd, (const char *)text);
	if (why == REASON_OK)
		why = rest_fill(&rd);
	if (why == REASON_OK)
		why = cross_check(&rd);
	if (why != REASON_OK)
		goto out;
	*cfg = fresh;
	fresh = (struct conf)CONF_INIT;
out:
	file_free(text, text_size);
	conf_clear(&fresh);
	return why;
}

void conf_clear(struct conf *cfg)
{
	for (int id = 0; id < CONF_KEY_COUNT; id++)
		free(cfg->values[id].text);
	*cfg = (struct conf)CONF_INIT;
}

const char *conf_text(const struct conf *cfg, enum conf_key key)
{
	BUG_IF(key >= CONF_KEY_COUNT || !cfg->values[key].text, "a setting is asked for after conf_load");
	return cfg->values[key].text;
}

int64_t conf_number(const struct conf *cfg, enum conf_key key)
{
	BUG_IF(key >= CONF_KEY_COUNT || !cfg->values[key].text, "a setting is asked for after conf_load");
	return cfg->values[key].number;
}

bool conf_given(const struct conf *cfg, enum conf_key key)
{
	BUG_IF(key >= CONF_KEY_COUNT, "a key is declared");
	return cfg->values[key].given;
}

enum reason conf_account_find(const struct conf *cfg, const char *name, const struct conf_account **out)
{
	char known[CONF_ACCOUNTS_MAX * 34] = "";
	size_t known_len = 0;

	if (cfg->account_count == 0)
		return reason_set(
			REASON_CONF_MISSING,
			"%s: no account is configured; write [account NAME] with env, vault and strategy",
			cfg->path);
	if (!name || name[0] == '\0') {
		if (cfg->account_count == 1) {
			*out = &cfg->accounts[0];
			return REASON_OK;
		}
	}
	for (int i = 0; i < cfg->account_count; i++) {
		int len;

		if (name && strcmp(cfg->accounts[i].name, name) == 0) {
			*out = &cfg->accounts[i];
			return REASON_OK;
		}
		len = snprintf(known + known_len, sizeof(known) - known_len, " %s", cfg->accounts[i].name);
		BUG_IF(len < 0 || (size_t)len >= sizeof(known) - known_len, "all names fit");
		known_len += (size_t)len;
	}
	if (!name || name[0] == '\0')
		return reason_set(REASON_BAD_USAGE,
				  "several accounts are configured; name one with --account:%s", known);
	return reason_set(REASON_BAD_USAGE, "%s knows no account \"%s\"; known:%s", cfg->path, name, known);
}

void conf_digest(const struct conf *cfg, uint8_t out[static CONF_DIGEST_SIZE])
{
	struct digest_maker mk;
	struct digest d;
	char name[CONF_WORD_SIZE * 2];

	_Static_assert(CONF_DIGEST_SIZE == DIGEST_SIZE, "a configuration's digest is a digest");
	digest_begin(&mk, "configuration");
	for (int id = 0; id < CONF_KEY_COUNT; id++) {
		const struct conf_declared *dc = &declared[id];
		int len;

		if (strcmp(dc->section, "paths") == 0 || strcmp(dc->section, "rehearsal") == 0)
			continue;
		len = snprintf(name, sizeof(name), "%s.%s", dc->section, dc->key);
		BUG_IF(len < 0 || len >= (int)sizeof(name), "section and key are short");
		/* By meaning: "0200" and "200", or a default and the same value written out, decide the same. */
		if (dc->type == TYPE_TEXT || dc->type == TYPE_PATH || dc->type == TYPE_CHOICE)
			digest_text(&mk, name, cfg->values[id].text);
		else
			digest_number(&mk, name, cfg->values[id].number);
	}
	for (int i = 0; i < cfg->account_count; i++) {
		digest_text(&mk, "account", cfg->accounts[i].name);
		digest_text(&mk, "env", cfg->accounts[i].env);
		digest_text(&mk, "strategy", cfg->accounts[i].strategy);
	}
	d = digest_end(&mk);
	memcpy(out, d.bytes, sizeof(d.bytes));
}

void conf_key_text(enum conf_key id, struct conf_key_text *out)
{
	const struct conf_declared *dc = &declared[id];

	*out = (struct conf_key_text){
		.section = dc->section, .key = dc->key, .def = dc->def, .help = dc->help
	};
	(void)allowed_text(dc, out->allowed);
}

void conf_help(FILE *to)
{
	char allowed[CONF_ALLOWED_SIZE];

	for (size_t s = 0; s < ARRAY_COUNT(sections); s++) {
		fprintf(to, "%s[%s]\n", s == 0 ? "" : "\n", sections[s]);
		for (int id = 0; id < CONF_KEY_COUNT; id++) {
			const struct conf_declared *dc = &declared[id];

			if (strcmp(dc->section, sections[s]) != 0)
				continue;
			fprintf(to, "%-22s %s\n", dc->key, dc->help);
			fprintf(to, "%-22s   %s; ", "", allowed_text(dc, allowed));
			if (!dc->def)
				fprintf(to, "required\n");
			else
				fprintf(to, "default %s\n", dc->def[0] == '\0' ? "empty" : dc->def);
		}
	}
	fprintf(to, "\n[account NAME]          one section for each account, at most %d\n",
		CONF_ACCOUNTS_MAX);
	fprintf(to, "%-22s %s\n%-22s   %s\n", "env", "which environment of the broker the keys belong to", "",
		"one of: real paper; required");
	fprintf(to, "%-22s %s\n%-22s   %s\n", "vault", "the account's sealed file", "",
		"an absolute path; required");
	fprintf(to, "%-22s %s\n%-22s   %s\n", "strategy", "which strategy trades it", "",
		"1 to 32 small letters, digits, - and _; required");
}
