#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/digest.h"
#include "shared/base/banned.h"

#define DIGEST_READ_SIZE 65536

/* Canonical form of a field: name length, name, type, value length, value; lengths as 8 bytes, low byte first. */
enum field_type {
	FIELD_DOMAIN = 'd',
	FIELD_TEXT = 't',
	FIELD_NONE = '0',
	FIELD_NUMBER = 'n',
	FIELD_BYTES = 'b'
};

static void state_add(struct digest_maker *mk, const void *bytes, size_t bytes_size)
{
	BUG_IF(crypto_generichash_update(&mk->state, bytes, bytes_size) != 0, "BLAKE2b takes any bytes");
}

static void number_put(uint64_t number, uint8_t out[static 8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(number >> (8 * i));
}

static void field_add(struct digest_maker *mk, enum field_type type, const char *name, const void *value,
		      size_t value_size)
{
	uint8_t head[8], tag = (uint8_t)type;
	size_t name_len = strlen(name);

	number_put(name_len, head);
	state_add(mk, head, sizeof(head));
	state_add(mk, name, name_len);
	state_add(mk, &tag, sizeof(tag));
	number_put(value_size, head);
	state_add(mk, head, sizeof(head));
	if (value_size > 0)
		state_add(mk, value, value_size);
}

static void state_begin(struct digest_maker *mk)
{
	BUG_IF(sodium_init() < 0, "libsodium starts");
	BUG_IF(crypto_generichash_init(&mk->state, NULL, 0, DIGEST_SIZE) != 0, "BLAKE2b-256 starts");
}

void digest_begin(struct digest_maker *mk, const char *domain)
{
	state_begin(mk);
	field_add(mk, FIELD_DOMAIN, "gaejang", domain, strlen(domain));
}

void digest_text(struct digest_maker *mk, const char *name, const char *text)
{
	/* NULL and "" are different contents. */
	field_add(mk, text ? FIELD_TEXT : FIELD_NONE, name, text, text ? strlen(text) : 0);
}

void digest_number(struct digest_maker *mk, const char *name, int64_t number)
{
	uint8_t bytes[8];

	number_put((uint64_t)number, bytes);
	field_add(mk, FIELD_NUMBER, name, bytes, sizeof(bytes));
}

void digest_bytes(struct digest_maker *mk, const char *name, const void *bytes, size_t bytes_size)
{
	field_add(mk, FIELD_BYTES, name, bytes, bytes_size);
}

struct digest digest_end(struct digest_maker *mk)
{
	struct digest d;

	BUG_IF(crypto_generichash_final(&mk->state, d.bytes, sizeof(d.bytes)) != 0, "a digest ends once");
	return d;
}

bool digest_same(const struct digest *a, const struct digest *b)
{
	return sodium_memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

const char *digest_hex(const struct digest *d, char out[static DIGEST_HEX_SIZE])
{
	return sodium_bin2hex(out, DIGEST_HEX_SIZE, d->bytes, DIGEST_SIZE);
}

bool digest_from_hex(const char *hex, struct digest *out)
{
	struct digest d;
	size_t made_size = 0;

	if (!hex || strlen(hex) != DIGEST_HEX_SIZE - 1)
		return false;
	if (sodium_hex2bin(d.bytes, sizeof(d.bytes), hex, DIGEST_HEX_SIZE - 1, NULL, &made_size, NULL) != 0 ||
	    made_size != DIGEST_SIZE)
		return false;
	*out = d;
	return true;
}

static enum reason open_failed(const char *path)
{
	enum reason why = REASON_FILE_IO;

	if (errno == ENOENT || errno == ENOTDIR)
		why = REASON_FILE_MISSING;
	else if (errno == EACCES || errno == EPERM)
		why = REASON_FILE_RIGHTS;
	return reason_set(why, "cannot open %s for its digest: %s; check path and rights", path,
			  strerror(errno));
}

/* The plain hash, without names: a person gets the same with `b2sum -l 256 FILE`. */
enum reason digest_file(const char *path, struct digest *out)
{
	struct digest_maker mk;
	uint8_t bytes[DIGEST_READ_SIZE];
	enum reason why = REASON_OK;
	ssize_t got;
	int fd;

	state_begin(&mk);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return open_failed(path);
	for (;;) {
		got = read(fd, bytes, sizeof(bytes));
		if (got > 0)
			state_add(&mk, bytes, (size_t)got);
		else if (got == 0 || errno != EINTR)
			break;
	}
	if (got < 0)
		why = reason_set(REASON_FILE_IO, "cannot read %s: %s; check the disk", path, strerror(errno));
	else
		*out = digest_end(&mk);
	close(fd); /* only read from: nothing can be lost here */
	return why;
}

enum reason digest_self(struct digest *out)
{
	return digest_file("/proc/self/exe", out);
}
