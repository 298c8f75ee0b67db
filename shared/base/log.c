#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/log.h"
#include "shared/base/banned.h"

#define LOG_LINE_SIZE   1024
#define LOG_FORMAT_SIZE 512
#define LOG_PAIRS_MAX   48
#define LOG_NAME_SIZE   48
#define LOG_FILE_MODE   0640
#define SECRETS_MAX     32
#define SECRET_LEN_MIN  4 /* shorter values are in every line; whoever has such a secret has none */
#define PAIR_END        '\x1f'

static const char *const keys_allowed[] = {
#define LOG_KEY(name) #name,
#include "shared/base/log_keys.def"
#undef LOG_KEY
};

/* Of a secret only length and keyed hash are kept; the hash key is made anew in every process. */
struct secret {
	size_t len;
	uint8_t hash[crypto_shorthash_BYTES];
};

static struct {
	pthread_mutex_t lock; /* guards all but `lost`; a line is built and written outside of it */
	int fd; /* -1: standard error */
	char program[LOG_NAME_SIZE];
	const struct clock *clk;
	struct secret secrets[SECRETS_MAX];
	int secret_count;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
	bool keyed;
	atomic_uint_fast64_t lost;
} the = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .program = "gaejang" };

struct line {
	char text[LOG_LINE_SIZE];
	size_t len;
	bool full;
};

static void lock(void)
{
	BUG_IF(pthread_mutex_lock(&the.lock) != 0, "the log's lock can be taken");
}

static void unlock(void)
{
	BUG_IF(pthread_mutex_unlock(&the.lock) != 0, "the log's lock can be given back");
}

enum reason log_open(const char *program, const char *path, const struct clock *clk)
{
	size_t program_len = strlen(program);
	int fd = -1;

	if (program_len == 0 || program_len >= sizeof(the.program))
		return reason_set(REASON_INTERNAL, "\"%.60s\" is no program name for the log", program);
	if (path && path[0] != '\0') {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, LOG_FILE_MODE);
		if (fd < 0)
			return reason_set(errno == EACCES || errno == EPERM ? REASON_FILE_RIGHTS
									    : REASON_FILE_IO,
					  "cannot open the log %s: %s; correct log_file or its folder", path,
					  strerror(errno));
	}
	log_close();
	lock();
	the.fd = fd;
	the.clk = clk;
	memcpy(the.program, program, program_len + 1);
	unlock();
	return REASON_OK;
}

void log_close(void)
{
	lock();
	if (the.fd >= 0 && close(the.fd) != 0)
		atomic_fetch_add(&the.lost, 1);
	the.fd = -1;
	the.clk = NULL;
	unlock();
}

void log_secret(const char *secret, size_t secret_len)
{
	struct secret one = { .len = secret_len };

	if (!secret || secret_len < SECRET_LEN_MIN)
		return;
	BUG_IF(sodium_init() < 0, "libsodium starts");
	lock();
	if (!the.keyed) {
		randombytes_buf(the.hash_key, sizeof(the.hash_key));
		the.keyed = true;
	}
	crypto_shorthash(one.hash, (const uint8_t *)secret, secret_len, the.hash_key);
	for (int i = 0; i < the.secret_count; i++) {
		if (the.secrets[i].len == one.len &&
		    memcmp(the.secrets[i].hash, one.hash, sizeof(one.hash)) == 0)
			goto out;
	}
	BUG_IF(the.secret_count == SECRETS_MAX, "a program knows a handful of secrets");
	the.secrets[the.secret_count++] = one;
out:
	unlock();
}

uint64_t log_lost(void)
{
	return atomic_load(&the.lost);
}

static bool key_allowed(const char *key, size_t key_len)
{
	for (size_t i = 0; i < ARRAY_COUNT(keys_allowed); i++)
		if (strlen(keys_allowed[i]) == key_len && memcmp(keys_allowed[i], key, key_len) == 0)
			return true;
	return false;
}

/* True if a registered secret stands anywhere in the text: inside a URL, a header, a JSON body. */
static bool holds_secret(const char *text, size_t text_len)
{
	uint8_t hash[crypto_shorthash_BYTES];
	bool found = false;

	lock();
	for (int i = 0; i < the.secret_count && !found; i++) {
		for (size_t at = 0; at + the.secrets[i].len <= text_len && !found; at++) {
			crypto_shorthash(hash, (const uint8_t *)text + at, the.secrets[i].len, the.hash_key);
			found = memcmp(hash, the.secrets[i].hash, sizeof(hash)) == 0;
		}
	}
	unlock();
	return found;
}

static void line_add(struct line *ln, const char *text, size_t text_len)
{
	if (text_len >= sizeof(ln->text) - ln->len) {
		ln->full = true;
		return;
	}
	memcpy(ln->text + ln->len, text, text_len);
	ln->len += text_len;
}

static void line_text(struct line *ln, const char *text)
{
	line_add(ln, text, strlen(text));
}

/* A value stays one word, or stands in quotes; what could end or forge a line is written as an escape. */
static void line_value(struct line *ln, const char *text, size_t text_len)
{
	bool plain = text_len > 0;

	for (size_t i = 0; i < text_len && plain; i++)
		plain = (unsigned char)text[i] > ' ' && text[i] != '"' && text[i] != '\\' && text[i] != '=' &&
			text[i] != 0x7f;
	if (plain) {
		line_add(ln, text, text_len);
		return;
	}
	line_text(ln, "\"");
	for (size_t i = 0; i < text_len; i++) {
		unsigned char c = (unsigned char)text[i];
		char escape[8];

		if (c == '"' || c == '\\') {
			escape[0] = '\\';
			escape[1] = (char)c;
			line_add(ln, escape, 2);
		} else if (c == '\n') {
			line_text(ln, "\\n");
		} else if (c < ' ' || c == 0x7f) {
			BUG_IF(snprintf(escape, sizeof(escape), "\\x%02x", c) != 4,
			       "a byte has two hex digits");
			line_text(ln, escape);
		} else {
			line_add(ln, text + i, 1);
		}
	}
	line_text(ln, "\"");
}

/* One "key=value"; quotes that the format put round the value are taken off first. */
static void line_pair(struct line *ln, const char *pair, size_t pair_len)
{
	const char *equals = memchr(pair, '=', pair_len), *value;
	size_t key_len = equals ? (size_t)(equals - pair) : pair_len, value_len;

	line_text(ln, " ");
	if (!equals || !key_allowed(pair, key_len)) {
		/* Even the key is only shown when it looks like one. */
		size_t word_len = 0;

		while (word_len < key_len &&
		       ((pair[word_len] >= 'a' && pair[word_len] <= 'z') ||
			(pair[word_len] >= '0' && pair[word_len] <= '9') || pair[word_len] == '_'))
			word_len++;
		if (equals && word_len == key_len)
			line_add(ln, pair, key_len);
		line_text(ln, equals ? "=?" : "?");
		return;
	}
	value = equals + 1;
	value_len = pair_len - key_len - 1;
	if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
		value++;
		value_len -= 2;
	}
	line_add(ln, pair, key_len + 1);
	if (holds_secret(value, value_len))
		line_text(ln, "[sealed]");
	else
		line_value(ln, value, value_len);
}

static void line_begin(struct line *ln, enum log_level level, const char *event)
{
	static const char *const levels[] = { "info", "warn", "error", "bug" };
	char time_text[KST_TEXT_SIZE];
	struct timespec now = { 0 };
	struct wall at;

	ln->len = 0;
	ln->full = false;
	lock();
	if (the.clk) {
		at = clock_wall(the.clk);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		at.us = now.tv_sec * US_PER_S + now.tv_nsec / 1000;
	}
	kst_wall_text(at, time_text);
	for (char *c = time_text; *c; c++)
		if (*c == ' ')
			*c = 'T';
	line_text(ln, time_text);
	line_text(ln, " ");
	line_text(ln, (size_t)level < ARRAY_COUNT(levels) ? levels[level] : "bug");
	line_text(ln, " ");
	line_text(ln, the.program);
	unlock();
	line_text(ln, " event=");
	line_value(ln, event, strlen(event));
}

static void line_write(struct line *ln)
{
	ssize_t put;
	int fd;

	ln->text[ln->len++] = '\n'; /* line_add leaves room for one byte */
	lock();
	fd = the.fd >= 0 ? the.fd : STDERR_FILENO;
	do
		put = write(fd, ln->text, ln->len);
	while (put < 0 && errno == EINTR);
	unlock();
	if (put != (ssize_t)ln->len)
		atomic_fetch_add(&the.lost, 1);
}

/*
 * The blanks between the pairs of the format become PAIR_END before values are put in, so a value with blanks or '='
 * inside cannot pretend to be another pair. Blanks inside quotes of the format stay. -1 when it is too long.
 */
static int format_cut(const char *fmt, char out[static LOG_FORMAT_SIZE])
{
	size_t len = strlen(fmt);
	bool quoted = false;
	int pair_count = 1;

	if (len == 0)
		return 0;
	if (len >= LOG_FORMAT_SIZE)
		return -1;
	for (size_t i = 0; i <= len; i++) {
		out[i] = fmt[i];
		if (fmt[i] == '"')
			quoted = !quoted;
		/* "% d" has a blank of its own */
		if (fmt[i] == ' ' && !quoted && (i == 0 || fmt[i - 1] != '%')) {
			out[i] = PAIR_END;
			pair_count++;
		}
	}
	return pair_count;
}

/* Prints the pairs into *ln. False: the line must be refused, *out_len says how long it would have been. */
static bool line_pairs(struct line *ln, const char *fmt, va_list args, int *out_len)
{
	char format[LOG_FORMAT_SIZE], text[LOG_LINE_SIZE];
	int pair_count = format_cut(fmt, format), found_count = 1, len;
	const char *at = text;

	*out_len = -1;
	if (pair_count == 0)
		return true;
	if (pair_count < 0 || pair_count > LOG_PAIRS_MAX)
		return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	/* The compiler checked fmt at the caller; only its blanks were changed. */
	len = vsnprintf(text, sizeof(text), format, args);
#pragma GCC diagnostic pop
	*out_len = len;
	if (len < 0 || len >= (int)sizeof(text))
		goto refuse;
	for (int i = 0; i < len; i++)
		found_count += text[i] == PAIR_END;
	if (found_count != pair_count) /* a value holds the separator itself */
		goto refuse;
	for (int i = 0; i < pair_count; i++) {
		const char *end = strchr(at, PAIR_END);
		size_t pair_len = end ? (size_t)(end - at) : strlen(at);

		if (pair_len > 0) /* two blanks in a row */
			line_pair(ln, at, pair_len);
		at += pair_len + 1;
	}
	sodium_memzero(text, sizeof(text));
	return !ln->full;
refuse:
	sodium_memzero(text, sizeof(text));
	return false;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	int saved_errno = errno, needed_len;
	struct line ln;
	va_list args;
	bool fits;

	line_begin(&ln, level, event);
	va_start(args, fmt);
	fits = line_pairs(&ln, fmt, args, &needed_len);
	va_end(args);
	if (!fits) {
		char size_text[64];

		/* Refused whole: a cut line could end in the middle of something that had to be masked. */
		line_begin(&ln, level > LOG_WARN ? level : LOG_WARN, "log-refused");
		line_text(&ln, " refused=");
		line_value(&ln, event, strnlen(event, LOG_NAME_SIZE));
		BUG_IF(snprintf(size_text, sizeof(size_text), " size=%d limit=%d", needed_len,
				LOG_LINE_SIZE) < 0,
		       "two numbers print");
		line_text(&ln, size_text);
	}
	line_write(&ln);
	errno = saved_errno;
}
