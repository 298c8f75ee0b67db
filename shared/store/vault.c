/*
 * vault - sealed records, the account's file of them, and the gate's signature.
 *
 * A sealed record ("blob"):
 *
 *     "GJV1"  roles (4 bytes, little end first)
 *     per role of the set, in the order of the enum:  key id (8)  sealed data key (80)
 *     nonce (24)  ciphertext (value + 16)
 *
 * Associated data of the ciphertext: everything before the nonce, then environment, account, name and version. So a record that
 * was renamed, moved to another account, or given other readers does not open. The key id (a hash of the role's public key)
 * tells a wrong key from an altered record.
 *
 * A file: "gaejang-vault 1", then one line "NAME VERSION HEX" per record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/store/vault.h"
#include "shared/base/banned.h"

#define MAGIC           "GJV1"
#define MAGIC_SIZE      4
#define KEY_SIZE        crypto_box_SECRETKEYBYTES
#define KEY_ID_SIZE     8
#define SEALED_KEY_SIZE (crypto_box_SEALBYTES + crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
#define ENTRY_SIZE      (KEY_ID_SIZE + SEALED_KEY_SIZE)
#define NONCE_SIZE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE        crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_SIZE       (MAGIC_SIZE + 4)
#define HEAD_SIZE_MAX   (HEAD_SIZE + ROLE_COUNT * ENTRY_SIZE)
#define NAME_MAX_LEN    64
#define AD_SIZE_MAX     (HEAD_SIZE_MAX + 3 * (NAME_MAX_LEN + 1) + 8)
#define FILE_HEAD       "gaejang-vault 1\n"
#define FILE_SIZE_MAX   (1024 * 1024)
#define RECORDS_MAX     256
#define ALL_ROLES       ((UINT32_C(1) << ROLE_COUNT) - 1)
#define SIGN_ENV        "keys"
#define SIGN_ACCOUNT    "house"
#define SIGN_NAME       "gate-sign"

static const char *const role_texts[ROLE_COUNT] = {
	[ROLE_PHASE] = "phase",       [ROLE_GATE] = "gate",     [ROLE_WORKER] = "worker",
	[ROLE_OBSERVER] = "observer", [ROLE_ALERTS] = "alerts", [ROLE_OPERATOR] = "operator",
};

const char *vault_role_text(enum vault_role role)
{
	BUG_IF((unsigned)role >= ROLE_COUNT, "a role is one of the list");
	return role_texts[role];
}

bool vault_role_parse(const char *text, enum vault_role *out)
{
	for (int role = 0; text && role < ROLE_COUNT; role++) {
		if (strcmp(text, role_texts[role]) == 0) {
			*out = (enum vault_role)role;
			return true;
		}
	}
	return false;
}

static enum reason start(void)
{
	if (sodium_init() < 0)
		return reason_set(REASON_INTERNAL,
				  "the cryptography library did not start; is /dev/urandom there?");
	return REASON_OK;
}

/* ---- keys ---- */

static enum reason key_path(const char *key_dir, const char *name, const char *suffix,
			    char out[static FILE_PATH_SIZE])
{
	char file[NAME_MAX_LEN + 8];
	int file_len = snprintf(file, sizeof(file), "%s%s", name, suffix);

	BUG_IF(file_len < 0 || (size_t)file_len >= sizeof(file), "a key's name is short");
	return file_join(key_dir, file, out);
}

/* Public files and vaults: everybody may know them, nobody but the owner may change them. */
static enum reason check_mode(const char *path, mode_t refused)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			return reason_set(REASON_FILE_MISSING, "%s is missing; `gaejang vault init` makes it",
					  path);
		return reason_set(REASON_FILE_RIGHTS,
				  "%s cannot be looked at (%s); correct its owner or mode", path,
				  strerror(errno));
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & refused))
		return reason_set(REASON_FILE_MODE,
				  "%s has mode %04o, so others may use it wrongly; run: chmod go-w,o-rwx %s",
				  path, (unsigned)(st.st_mode & 07777), path);
	return REASON_OK;
}

static bool hex_to_bytes(const uint8_t *text, size_t text_size, uint8_t *out, size_t out_size)
{
	size_t got = 0;

	while (text_size > 0 && text[text_size - 1] == '\n')
		text_size--;
	return sodium_hex2bin(out, out_size, (const char *)text, text_size, NULL, &got, NULL) == 0 &&
	       got == out_size && text_size == 2 * out_size;
}

static enum reason read_public(const char *key_dir, const char *name, uint8_t *out, size_t out_size)
{
	char path[FILE_PATH_SIZE];
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	enum reason why;

	why = key_path(key_dir, name, ".pub", path);
	if (why == REASON_OK)
		why = check_mode(path, S_IWGRP | S_IWOTH);
	if (why == REASON_OK)
		why = file_read(path, 1024, &bytes, &bytes_size);
	if (why == REASON_OK && !hex_to_bytes(bytes, bytes_size, out, out_size))
		why = reason_set(REASON_FILE_SHAPE, "%s is no public key; restore it from a backup", path);
	file_free(bytes, bytes_size);
	return why;
}

/* *out is locked memory, freed with sodium_free. */
static enum reason read_secret(const char *key_dir, enum vault_role role, uint8_t **out)
{
	char path[FILE_PATH_SIZE];
	uint8_t *bytes = NULL, *key = NULL;
	size_t bytes_size = 0;
	enum reason why;

	why = key_path(key_dir, role_texts[role], ".key", path);
	if (why == REASON_OK)
		why = file_read_secret(path, 1024, &bytes, &bytes_size);
	if (why != REASON_OK)
		goto out;
	key = sodium_malloc(KEY_SIZE);
	if (!key)
		why = reason_set(REASON_NO_MEMORY, "no locked memory for a key; raise `ulimit -l`");
	else if (!hex_to_bytes(bytes, bytes_size, key, KEY_SIZE))
		why = reason_set(REASON_FILE_SHAPE, "%s is no key; restore it from a backup", path);
out:
	file_free(bytes, bytes_size);
	if (why == REASON_OK)
		*out = key;
	else
		sodium_free(key);
	return why;
}

static enum reason write_hex(const char *key_dir, const char *name, const char *suffix, const uint8_t *bytes,
			     size_t bytes_size, unsigned mode)
{
	char path[FILE_PATH_SIZE], hex[2 * crypto_sign_PUBLICKEYBYTES + 2];
	enum reason why;

	BUG_IF(2 * bytes_size + 2 > sizeof(hex), "keys have 32 bytes");
	(void)sodium_bin2hex(hex, sizeof(hex), bytes, bytes_size);
	hex[2 * bytes_size] = '\n';
	why = key_path(key_dir, name, suffix, path);
	if (why == REASON_OK)
		why = file_replace(path, hex, 2 * bytes_size + 1, mode);
	sodium_memzero(hex, sizeof(hex));
	return why;
}

static enum reason missing(const char *key_dir, const char *name, const char *suffix, bool *out)
{
	char path[FILE_PATH_SIZE];
	enum reason why = key_path(key_dir, name, suffix, path);

	if (why == REASON_OK)
		*out = !file_exists(path);
	return why;
}

static enum reason make_role(const char *key_dir, enum vault_role role)
{
	const char *name = role_texts[role];
	uint8_t public_key[crypto_box_PUBLICKEYBYTES], *secret = NULL;
	bool no_key = false, no_pub = false;
	enum reason why;

	why = missing(key_dir, name, ".key", &no_key);
	if (why == REASON_OK)
		why = missing(key_dir, name, ".pub", &no_pub);
	/* A public key without its secret one belongs to another host or user: a new pair would shut that one out. */
	if (why != REASON_OK || !no_pub)
		return why;
	if (no_key) {
		secret = sodium_malloc(KEY_SIZE);
		if (!secret)
			return reason_set(REASON_NO_MEMORY, "no locked memory for a key; raise `ulimit -l`");
		(void)crypto_box_keypair(public_key, secret);
		why = write_hex(key_dir, name, ".key", secret, KEY_SIZE, 0400);
	} else {
		why = read_secret(key_dir, role, &secret);
		if (why == REASON_OK)
			(void)crypto_scalarmult_base(public_key, secret);
	}
	sodium_free(secret);
	if (why == REASON_OK)
		why = write_hex(key_dir, name, ".pub", public_key, sizeof(public_key), 0444);
	return why;
}

static enum reason make_sign(const char *key_dir)
{
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES], *secret = NULL;
	struct vault_value value = VAULT_VALUE_INIT;
	char path[FILE_PATH_SIZE];
	bool no_pub = false;
	enum reason why;

	why = missing(key_dir, SIGN_NAME, ".pub", &no_pub);
	if (why == REASON_OK)
		why = key_path(key_dir, SIGN_NAME, ".vault", path);
	if (why != REASON_OK || !no_pub)
		return why;
	if (file_exists(path)) { /* a run broke off between the two files */
		why = vault_file_get(key_dir, ROLE_GATE, path, SIGN_ENV, SIGN_ACCOUNT, SIGN_NAME, &value);
		if (why == REASON_OK && value.bytes_size != crypto_sign_SECRETKEYBYTES)
			why = reason_set(REASON_VAULT_BROKEN,
					 "%s holds no signing key; restore it from a backup", path);
		if (why == REASON_OK && value.bytes)
			(void)crypto_sign_ed25519_sk_to_pk(public_key, value.bytes);
	} else {
		secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
		if (!secret)
			return reason_set(REASON_NO_MEMORY, "no locked memory for a key; raise `ulimit -l`");
		(void)crypto_sign_keypair(public_key, secret);
		why = vault_file_add(key_dir, path, SIGN_ENV, SIGN_ACCOUNT, SIGN_NAME,
				     UINT32_C(1) << ROLE_GATE, secret, crypto_sign_SECRETKEYBYTES);
	}
	sodium_free(secret);
	vault_value_clear(&value);
	if (why == REASON_OK)
		why = write_hex(key_dir, SIGN_NAME, ".pub", public_key, sizeof(public_key), 0444);
	return why;
}

enum reason vault_make_roles(const char *key_dir)
{
	enum reason why = start();

	if (why == REASON_OK)
		why = file_make_folders(key_dir, 0755);
	for (int role = 0; role < ROLE_COUNT && why == REASON_OK; role++)
		why = make_role(key_dir, (enum vault_role)role);
	if (why == REASON_OK)
		why = make_sign(key_dir);
	return why;
}

/* ---- one record ---- */

static size_t role_number(uint32_t roles)
{
	return (size_t)__builtin_popcount(roles);
}

static void key_id(const uint8_t public_key[static crypto_box_PUBLICKEYBYTES],
		   uint8_t out[static KEY_ID_SIZE])
{
	uint8_t full[crypto_generichash_BYTES_MIN];

	(void)crypto_generichash(full, sizeof(full), public_key, crypto_box_PUBLICKEYBYTES, NULL, 0);
	memcpy(out, full, KEY_ID_SIZE);
}

static bool name_ok(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= NAME_MAX_LEN && text[strspn(text, letters)] == '\0';
}

static enum reason names_check(const struct vault_name *name)
{
	if (!name_ok(name->env) || !name_ok(name->account) || !name_ok(name->name))
		return reason_set(REASON_BAD_USAGE,
				  "a record's name, account and environment are 1 to %d of A-Z a-z 0-9 _ - .",
				  NAME_MAX_LEN);
	return REASON_OK;
}

static size_t put(uint8_t *out, size_t at, const void *bytes, size_t bytes_size)
{
	BUG_IF(!bytes, "what goes into a record is there");
	memcpy(out + at, bytes, bytes_size);
	return at + bytes_size;
}

/* Texts go in with their NUL, so that no two sets of names give the same bytes. */
static size_t associate(const uint8_t *head, size_t head_size, const struct vault_name *name,
			uint8_t out[static AD_SIZE_MAX])
{
	uint8_t version[8];
	size_t at = put(out, 0, head, head_size);

	for (int i = 0; i < 8; i++)
		version[i] = (uint8_t)(name->version >> (8 * i));
	at = put(out, at, name->env, strlen(name->env) + 1);
	at = put(out, at, name->account, strlen(name->account) + 1);
	at = put(out, at, name->name, strlen(name->name) + 1);
	return put(out, at, version, sizeof(version));
}

static enum reason seal_head(const char *key_dir, uint32_t roles, const uint8_t *data_key, uint8_t *out)
{
	uint8_t public_key[crypto_box_PUBLICKEYBYTES];
	size_t at = put(out, 0, MAGIC, MAGIC_SIZE);
	enum reason why;

	for (int i = 0; i < 4; i++)
		out[at++] = (uint8_t)(roles >> (8 * i));
	for (int role = 0; role < ROLE_COUNT; role++) {
		if (!(roles & (UINT32_C(1) << role)))
			continue;
		why = read_public(key_dir, role_texts[role], public_key, sizeof(public_key));
		if (why != REASON_OK)
			return why;
		key_id(public_key, out + at);
		if (crypto_box_seal(out + at + KEY_ID_SIZE, data_key,
				    crypto_aead_xchacha20poly1305_ietf_KEYBYTES, public_key) != 0)
			return reason_set(REASON_FILE_SHAPE,
					  "%s/%s.pub is no public key; restore it from a backup", key_dir,
					  role_texts[role]);
		at += ENTRY_SIZE;
	}
	return REASON_OK;
}

enum reason vault_seal(const char *key_dir, const struct vault_name *name, uint32_t roles, const void *value,
		       size_t value_size, uint8_t *out, size_t out_room, size_t *out_size)
{
	size_t head_size = HEAD_SIZE + role_number(roles) * ENTRY_SIZE, ad_size;
	size_t size = head_size + NONCE_SIZE + value_size + TAG_SIZE;
	uint8_t blob[VAULT_BLOB_SIZE_MAX], ad[AD_SIZE_MAX], *data_key = NULL;
	unsigned long long cipher_size = 0;
	enum reason why;

	BUG_IF(roles == 0 || (roles & ~ALL_ROLES), "a record has readers");
	if (value_size > VAULT_BLOB_SIZE_MAX || size > sizeof(blob) || size > out_room)
		return reason_set(REASON_OVERFLOW,
				  "the record %s needs %zu bytes, the limit is %zu; shorten the value",
				  name->name, size, out_room < sizeof(blob) ? out_room : sizeof(blob));
	why = start();
	if (why == REASON_OK)
		why = names_check(name);
	if (why != REASON_OK)
		return why;
	data_key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
	if (!data_key)
		return reason_set(REASON_NO_MEMORY, "no locked memory for a key; raise `ulimit -l`");
	crypto_aead_xchacha20poly1305_ietf_keygen(data_key);
	why = seal_head(key_dir, roles, data_key, blob);
	if (why == REASON_OK) {
		ad_size = associate(blob, head_size, name, ad);
		randombytes_buf(blob + head_size, NONCE_SIZE);
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(blob + head_size + NONCE_SIZE, &cipher_size,
								 value, value_size, ad, ad_size, NULL,
								 blob + head_size, data_key);
		BUG_IF(head_size + NONCE_SIZE + cipher_size != size,
		       "the cipher adds its tag and nothing else");
		memcpy(out, blob, size);
		*out_size = size;
	}
	sodium_free(data_key);
	return why;
}

static enum reason broken(const struct vault_name *name)
{
	return reason_set(REASON_VAULT_BROKEN,
			  "the record %s version %llu of account %s (%s) was altered, renamed or moved; "
			  "restore the vault from a backup",
			  name->name, (unsigned long long)name->version, name->account, name->env);
}

/* The roles a blob names; 0 when it is none of ours. */
static uint32_t blob_roles(const uint8_t *blob, size_t blob_size)
{
	uint32_t roles = 0;

	if (blob_size < HEAD_SIZE || memcmp(blob, MAGIC, MAGIC_SIZE) != 0)
		return 0;
	for (int i = 0; i < 4; i++)
		roles |= (uint32_t)blob[MAGIC_SIZE + i] << (8 * i);
	if ((roles & ~ALL_ROLES) ||
	    blob_size < HEAD_SIZE + role_number(roles) * ENTRY_SIZE + NONCE_SIZE + TAG_SIZE)
		return 0;
	return roles;
}

static enum reason open_key(const char *key_dir, enum vault_role role, const struct vault_name *name,
			    const uint8_t *entry, uint8_t *data_key)
{
	uint8_t public_key[crypto_box_PUBLICKEYBYTES], id[KEY_ID_SIZE], *secret = NULL;
	enum reason why = read_secret(key_dir, role, &secret);

	if (why != REASON_OK)
		return why;
	(void)crypto_scalarmult_base(public_key, secret);
	key_id(public_key, id);
	if (sodium_memcmp(id, entry, KEY_ID_SIZE) != 0)
		why = reason_set(REASON_VAULT_KEY,
				 "the record %s is sealed to another key than %s/%s.key; seal it anew with "
				 "`gaejang vault put`",
				 name->name, key_dir, role_texts[role]);
	else if (crypto_box_seal_open(data_key, entry + KEY_ID_SIZE, SEALED_KEY_SIZE, public_key, secret) !=
		 0)
		why = broken(name);
	sodium_free(secret);
	return why;
}

enum reason vault_open_blob(const char *key_dir, enum vault_role role, const struct vault_name *name,
			    const uint8_t *blob, size_t blob_size, struct vault_value *out)
{
	uint32_t roles = blob_roles(blob, blob_size), bit = UINT32_C(1) << role;
	uint8_t ad[AD_SIZE_MAX], *data_key = NULL, *bytes = NULL;
	size_t head_size, ad_size, value_size;
	enum reason why;

	BUG_IF((unsigned)role >= ROLE_COUNT, "a role is one of the list");
	why = start();
	if (why == REASON_OK)
		why = names_check(name);
	if (why != REASON_OK)
		return why;
	if (roles == 0)
		return broken(name);
	if (!(roles & bit))
		return reason_set(
			REASON_VAULT_KEY,
			"the record %s is not sealed to the role %s; seal it anew with `gaejang vault put`",
			name->name, role_texts[role]);
	head_size = HEAD_SIZE + role_number(roles) * ENTRY_SIZE;
	value_size = blob_size - head_size - NONCE_SIZE - TAG_SIZE;
	data_key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
	bytes = sodium_malloc(value_size + 1);
	if (!data_key || !bytes) {
		why = reason_set(REASON_NO_MEMORY, "no locked memory for a secret; raise `ulimit -l`");
		goto out;
	}
	why = open_key(key_dir, role, name, blob + HEAD_SIZE + role_number(roles & (bit - 1)) * ENTRY_SIZE,
		       data_key);
	if (why != REASON_OK)
		goto out;
	ad_size = associate(blob, head_size, name, ad);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes, NULL, NULL, blob + head_size + NONCE_SIZE,
						       value_size + TAG_SIZE, ad, ad_size, blob + head_size,
						       data_key) != 0) {
		why = broken(name);
		goto out;
	}
	bytes[value_size] = '\0';
	out->bytes = bytes;
	out->bytes_size = value_size;
	bytes = NULL; /* moved to the caller */
out:
	sodium_free(data_key);
	sodium_free(bytes);
	return why;
}

void vault_value_clear(struct vault_value *value)
{
	sodium_free(value->bytes);
	*value = (struct vault_value)VAULT_VALUE_INIT;
}

/* ---- a file of records ---- */

struct record {
	char name[NAME_MAX_LEN + 1];
	uint64_t version;
	uint8_t *blob;
	size_t blob_size;
};
struct vault_file {
	struct record records[RECORDS_MAX];
	int count;
	mode_t mode;
};

static void file_clear(struct vault_file *file)
{
	if (!file)
		return;
	for (int i = 0; i < file->count; i++)
		free(file->records[i].blob);
	free(file);
}

static bool parse_line(const char *line, size_t line_len, struct record *out)
{
	const char *version, *hex, *end = line + line_len;
	int64_t number;
	size_t name_len, version_len, hex_len;

	version = memchr(line, ' ', line_len);
	if (!version)
		return false;
	name_len = (size_t)(version++ - line);
	hex = memchr(version, ' ', (size_t)(end - version));
	if (!hex || name_len == 0 || name_len > NAME_MAX_LEN)
		return false;
	version_len = (size_t)(hex++ - version);
	hex_len = (size_t)(end - hex);
	if (!num_parse(version, version_len, &number) || number < 1 || hex_len == 0 || hex_len % 2 != 0 ||
	    hex_len / 2 > VAULT_BLOB_SIZE_MAX)
		return false;
	memcpy(out->name, line, name_len);
	out->name[name_len] = '\0';
	out->version = (uint64_t)number;
	out->blob_size = hex_len / 2;
	out->blob = malloc(out->blob_size);
	if (!out->blob)
		return false;
	if (!name_ok(out->name) || !hex_to_bytes((const uint8_t *)hex, hex_len, out->blob, out->blob_size)) {
		free(out->blob);
		return false;
	}
	return true;
}

static struct record *find(struct vault_file *file, const char *name)
{
	for (int i = 0; i < file->count; i++) {
		if (strcmp(file->records[i].name, name) == 0)
			return &file->records[i];
	}
	return NULL;
}

static enum reason parse(const char *path, const char *text, size_t text_size, struct vault_file *file)
{
	const char *at = text + strlen(FILE_HEAD), *end = text + text_size, *line_end;
	struct record record = { 0 };
	int line = 1;

	if (text_size < strlen(FILE_HEAD) || memcmp(text, FILE_HEAD, strlen(FILE_HEAD)) != 0)
		return reason_set(REASON_VAULT_BROKEN,
				  "%s does not begin with \"gaejang-vault 1\"; restore it from a backup",
				  path);
	while (at < end) {
		line++;
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end || !parse_line(at, (size_t)(line_end - at), &record))
			return reason_set(REASON_VAULT_BROKEN,
					  "%s line %d is no record; restore the file from a backup", path,
					  line);
		if (file->count == RECORDS_MAX || find(file, record.name)) {
			free(record.blob);
			return reason_set(REASON_VAULT_BROKEN,
					  "%s line %d: a second record %s, or more than %d; restore the file "
					  "from a backup",
					  path, line, record.name, RECORDS_MAX);
		}
		file->records[file->count++] = record;
		at = line_end + 1;
	}
	return REASON_OK;
}

static enum reason file_load(const char *path, struct vault_file **out)
{
	struct vault_file *file = NULL;
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	struct stat st;
	enum reason why;

	why = check_mode(path, S_IWGRP | S_IRWXO);
	if (why == REASON_FILE_MISSING)
		return reason_set(REASON_VAULT_MISSING,
				  "the vault %s is missing; `gaejang vault put` makes it", path);
	if (why == REASON_OK)
		why = file_read(path, FILE_SIZE_MAX, &bytes, &bytes_size);
	if (why != REASON_OK)
		goto out;
	file = calloc(1, sizeof(*file));
	if (!file) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the vault; free some");
		goto out;
	}
	file->mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0600;
	why = parse(path, (const char *)bytes, bytes_size, file);
out:
	file_free(bytes, bytes_size);
	if (why == REASON_OK)
		*out = file;
	else
		file_clear(file);
	return why;
}

static enum reason file_store(const char *path, const struct vault_file *file)
{
	size_t room = strlen(FILE_HEAD) + 1, at;
	enum reason why;
	char *text;
	int head_len;

	for (int i = 0; i < file->count; i++)
		room += 2 * file->records[i].blob_size + NAME_MAX_LEN + 32;
	text = malloc(room);
	if (!text)
		return reason_set(REASON_NO_MEMORY, "no memory for the vault; free some");
	memcpy(text, FILE_HEAD, strlen(FILE_HEAD));
	at = strlen(FILE_HEAD);
	for (int i = 0; i < file->count; i++) {
		const struct record *record = &file->records[i];

		head_len = snprintf(text + at, room - at, "%s %llu ", record->name,
				    (unsigned long long)record->version);
		BUG_IF(head_len < 0 || (size_t)head_len >= room - at, "room was counted");
		at += (size_t)head_len;
		(void)sodium_bin2hex(text + at, room - at, record->blob, record->blob_size);
		at += 2 * record->blob_size;
		text[at++] = '\n';
	}
	why = file_replace(path, text, at, file->mode);
	free(text);
	return why;
}

static enum reason lock_beside(const char *path, int *out_fd)
{
	char lock[FILE_PATH_SIZE];
	int lock_len = snprintf(lock, sizeof(lock), "%s.lock", path), fd;

	if (lock_len < 0 || (size_t)lock_len >= sizeof(lock))
		return reason_set(REASON_PATH_LONG, "%s is too long a path for a vault; move it", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return reason_set(REASON_FILE_RIGHTS,
				  "%s cannot be made (%s); correct the folder's owner or mode", lock,
				  strerror(errno));
	if (flock(fd, LOCK_EX) != 0) {
		close(fd);
		return reason_set(REASON_FILE_IO, "%s cannot be locked (%s)", lock, strerror(errno));
	}
	*out_fd = fd;
	return REASON_OK;
}

static enum reason place_for(struct vault_file *file, const char *path, const char *name, struct record **out)
{
	struct record *record;

	BUG_IF(!file, "file_load gives a file or a reason");
	record = find(file, name);
	if (!record) {
		if (file->count == RECORDS_MAX)
			return reason_set(REASON_OVERFLOW, "%s holds %d records already; remove one", path,
					  RECORDS_MAX);
		record = &file->records[file->count];
		memcpy(record->name, name, strlen(name) + 1);
		record->version = 0;
		record->blob = malloc(VAULT_BLOB_SIZE_MAX);
		if (!record->blob)
			return reason_set(REASON_NO_MEMORY, "no memory for the vault; free some");
		file->count++;
	}
	*out = record;
	return REASON_OK;
}

enum reason vault_file_add(const char *key_dir, const char *path, const char *env, const char *account,
			   const char *name, uint32_t roles, const void *value, size_t value_size)
{
	struct vault_name full = { .env = env, .account = account, .name = name };
	uint8_t blob[VAULT_BLOB_SIZE_MAX], *grown;
	struct vault_file *file = NULL;
	struct record *record = NULL;
	size_t blob_size = 0;
	int lock = -1;
	enum reason why;

	why = names_check(&full);
	if (why == REASON_OK)
		why = lock_beside(path, &lock);
	if (why != REASON_OK)
		return why;
	if (file_exists(path)) {
		why = file_load(path, &file);
	} else {
		file = calloc(1, sizeof(*file));
		if (!file)
			why = reason_set(REASON_NO_MEMORY, "no memory for the vault; free some");
		else
			file->mode = 0600;
	}
	if (why == REASON_OK)
		why = place_for(file, path, name, &record);
	if (why != REASON_OK)
		goto out;
	BUG_IF(!record, "place_for gives a place or a reason");
	full.version = record->version + 1;
	why = vault_seal(key_dir, &full, roles, value, value_size, blob, sizeof(blob), &blob_size);
	if (why != REASON_OK)
		goto out;
	BUG_IF(blob_size == 0, "a sealed record has bytes");
	grown = realloc(record->blob, blob_size);
	if (!grown) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the vault; free some");
		goto out;
	}
	record->blob = grown;
	memcpy(record->blob, blob, blob_size);
	record->blob_size = blob_size;
	record->version = full.version;
	why = file_store(path, file);
out:
	file_clear(file);
	close(lock);
	return why;
}

enum reason vault_file_get(const char *key_dir, enum vault_role role, const char *path, const char *env,
			   const char *account, const char *name, struct vault_value *out)
{
	struct vault_name full = { .env = env, .account = account, .name = name };
	struct vault_file *file = NULL;
	struct record *record;
	enum reason why = file_load(path, &file);

	if (why != REASON_OK)
		return why;
	BUG_IF(!file, "file_load gives a file or a reason");
	record = find(file, name);
	if (!record) {
		why = reason_set(REASON_VAULT_MISSING, "%s holds no record %s; make it with `gaejang %s%s`",
				 path, name, strncmp(name, "db-", 3) == 0 ? "migrate --logins" : "vault put ",
				 strncmp(name, "db-", 3) == 0 ? "" : name);
	} else {
		full.version = record->version;
		why = vault_open_blob(key_dir, role, &full, record->blob, record->blob_size, out);
	}
	file_clear(file);
	return why;
}

enum reason vault_file_each(const char *path,
			    void (*each)(void *arg, const char *name, uint64_t version, uint32_t roles),
			    void *arg)
{
	struct vault_file *file = NULL;
	enum reason why = file_load(path, &file);

	if (why != REASON_OK)
		return why;
	BUG_IF(!file, "file_load gives a file or a reason");
	for (int i = 0; i < file->count; i++)
		each(arg, file->records[i].name, file->records[i].version,
		     blob_roles(file->records[i].blob, file->records[i].blob_size));
	file_clear(file);
	return REASON_OK;
}

/* ---- the gate's signature ---- */

enum reason vault_sign(const char *key_dir, const void *bytes, size_t bytes_size,
		       char out_hex[static SIGN_HEX_SIZE])
{
	uint8_t signature[crypto_sign_BYTES];
	struct vault_value secret = VAULT_VALUE_INIT;
	char path[FILE_PATH_SIZE];
	enum reason why;

	_Static_assert(SIGN_HEX_SIZE == 2 * crypto_sign_BYTES + 1, "an Ed25519 signature in hex");
	why = key_path(key_dir, SIGN_NAME, ".vault", path);
	if (why == REASON_OK)
		why = vault_file_get(key_dir, ROLE_GATE, path, SIGN_ENV, SIGN_ACCOUNT, SIGN_NAME, &secret);
	if (why == REASON_OK && secret.bytes_size != crypto_sign_SECRETKEYBYTES)
		why = reason_set(REASON_VAULT_BROKEN, "%s holds no signing key; restore it from a backup",
				 path);
	if (why == REASON_OK) {
		BUG_IF(!secret.bytes, "an opened record has bytes");
		(void)crypto_sign_detached(signature, NULL, bytes, bytes_size, secret.bytes);
		(void)sodium_bin2hex(out_hex, SIGN_HEX_SIZE, signature, sizeof(signature));
	}
	vault_value_clear(&secret);
	return why;
}

enum reason vault_verify(const char *key_dir, const void *bytes, size_t bytes_size, const char *hex)
{
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES], signature[crypto_sign_BYTES];
	enum reason why = start();

	if (why == REASON_OK)
		why = read_public(key_dir, SIGN_NAME, public_key, sizeof(public_key));
	if (why != REASON_OK)
		return why;
	if (!hex || !hex_to_bytes((const uint8_t *)hex, strlen(hex), signature, sizeof(signature)) ||
	    crypto_sign_verify_detached(signature, bytes, bytes_size, public_key) != 0)
		return reason_set(REASON_CERT_SIGNATURE,
				  "the signature is not the gate's; run the gate again");
	return REASON_OK;
}
