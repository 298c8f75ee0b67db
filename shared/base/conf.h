/*
 * conf - the typed configuration: every key declared once, in conf_keys.def.
 *
 * Shape   an INI file (inih), sections [gaejang], [paths], [broker], [database], [schedule], [limits], [worker],
 *         [rehearsal], [account NAME]. Lines are checked by us before inih sees them: a value over 180 bytes,
 *         an indented line, a repeated or unknown key, a value outside its range, is an error with file and line.
 * Units   in the key's name (_s _ms _bp _won _qty _min _mb); times of day "HH:MM".
 * Owner   conf_load fills, conf_clear empties; strings live as long as the struct.
 * Errors  REASON_CONF_*; reason_detail() names file, line, key, what is allowed and what to write.
 */
#ifndef GJ_BASE_CONF_H
#define GJ_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/reason.h"

#define CONF_ALLOWED_SIZE 160
#define CONF_SIZE_MAX     65536 /* of a configuration file, in bytes */
#define CONF_ACCOUNTS_MAX 16
#define CONF_DIGEST_SIZE  32

enum conf_key {
#define TEXT(id, section, key, def, max, help)            CONF_##id,
#define PATH(id, section, key, def, help)                 CONF_##id,
#define INT(id, section, key, def, low, high, unit, help) CONF_##id,
#define TIME(id, section, key, def, help)                 CONF_##id,
#define BOOL(id, section, key, def, help)                 CONF_##id,
#define CHOICE(id, section, key, def, choices, help)      CONF_##id,
#include "conf_keys.def"
	CONF_KEY_COUNT
};

struct conf_value {
	char *text; /* as written, or the default */
	int64_t number; /* INT, TIME (seconds of day), BOOL (0/1), CHOICE (index) */
	bool given;
	int line;
};
struct conf_account {
	char name[33];
	char env[8]; /* "real" or "paper" */
	char vault[512]; /* the account's sealed file */
	char strategy[33];
};
struct conf {
	char path[512];
	struct conf_value values[CONF_KEY_COUNT];
	struct conf_account accounts[CONF_ACCOUNTS_MAX];
	int account_count;
};
#define CONF_INIT                                                                                            \
	{                                                                                                    \
		0                                                                                            \
	}

/* The file that is meant: `given`, else $GAEJANG_CONF, else /etc/gaejang/gaejang.conf. */
const char *conf_path(const char *given);
/* path as conf_path takes it. */
enum reason conf_load(struct conf *cfg, const char *path);
void conf_clear(struct conf *cfg);
const char *conf_text(const struct conf *cfg, enum conf_key key);
int64_t conf_number(const struct conf *cfg, enum conf_key key);
bool conf_given(const struct conf *cfg, enum conf_key key);
/* "" or NULL name: the only account; several and no name is REASON_BAD_USAGE. */
enum reason conf_account_find(const struct conf *cfg, const char *name, const struct conf_account **out);
/* Digest over every value that decides anything; [rehearsal] and [paths] are left out (design: overlay). */
void conf_digest(const struct conf *cfg, uint8_t out[static CONF_DIGEST_SIZE]);
struct conf_key_text { /* what is declared of a key; def NULL = required */
	const char *section, *key, *def, *help;
	char allowed[CONF_ALLOWED_SIZE];
};
void conf_key_text(enum conf_key id, struct conf_key_text *out);
void conf_help(FILE *to); /* every key with type, range, unit, default, help */

#endif
