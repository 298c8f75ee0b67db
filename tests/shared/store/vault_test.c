/* Sealed records open for their readers and for nobody else, and not after anything about them was changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/bug.h"
#include "shared/store/vault.h"

#define BIT(role) (UINT32_C(1) << (role))

static char folder[64], keys[80], file[80], other_keys[80];

static void check(enum reason got, enum reason want, int line)
{
	if (got != want)
		fail_msg("line %d: %s instead of %s: %s", line, reason_code(got), reason_code(want),
			 reason_detail());
}
#define done(call)        check((call), REASON_OK, __LINE__)
#define gives(call, want) check((call), (want), __LINE__)

static int set_up(void **state)
{
	char template[] = "/tmp/gj-vault-XXXXXX";

	(void)state;
	if (!mkdtemp(template))
		return -1;
	memcpy(folder, template, sizeof(template));
	return snprintf(keys, sizeof(keys), "%s/keys", folder) < 0 ||
	       snprintf(file, sizeof(file), "%s/main.vault", folder) < 0 ||
	       snprintf(other_keys, sizeof(other_keys), "%s/other", folder) < 0 ||
	       vault_make_roles(keys) != REASON_OK || vault_make_roles(other_keys) != REASON_OK;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	return snprintf(command, sizeof(command), "rm -rf %s", folder) < 0 ? -1 : system(command);
}

static mode_t mode_of(const char *name)
{
	char path[160];
	struct stat st;

	assert_true(snprintf(path, sizeof(path), "%s/%s", keys, name) > 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_roles(void **state)
{
	enum vault_role role = ROLE_COUNT;

	(void)state;
	assert_int_equal(mode_of("phase.key"), 0400);
	assert_int_equal(mode_of("phase.pub"), 0444);
	assert_int_equal(mode_of("gate-sign.pub"), 0444);
	assert_int_equal(mode_of("gate-sign.vault"), 0600);
	done(vault_make_roles(keys)); /* again: nothing is made anew */
	for (int i = 0; i < ROLE_COUNT; i++) {
		assert_true(vault_role_parse(vault_role_text((enum vault_role)i), &role));
		assert_int_equal(role, i);
	}
	assert_false(vault_role_parse("root", &role));
}

static void test_roundtrip(void **state)
{
	static const struct {
		const char *label;
		size_t size;
	} cases[] = {
		{ "empty", 0 }, { "one byte", 1 }, { "an app key", 36 }, { "a token", 350 }, { "large", 7000 }
	};
	struct vault_name name = { "real", "main", "appkey", 7 };
	uint8_t value[7000], blob[VAULT_BLOB_SIZE_MAX];
	size_t blob_size = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct vault_value got = VAULT_VALUE_INIT;

		done(vault_seal(keys, &name, BIT(ROLE_PHASE) | BIT(ROLE_WORKER) | BIT(ROLE_OPERATOR), value,
				cases[i].size, blob, sizeof(blob), &blob_size));
		for (int role = 0; role < ROLE_COUNT; role++) {
			bool reader = role == ROLE_PHASE || role == ROLE_WORKER || role == ROLE_OPERATOR;

			gives(vault_open_blob(keys, (enum vault_role)role, &name, blob, blob_size, &got),
			      reader ? REASON_OK : REASON_VAULT_KEY);
			if (!reader)
				continue;
			assert_int_equal(got.bytes_size, cases[i].size);
			assert_memory_equal(got.bytes, value, cases[i].size);
			assert_int_equal(got.bytes[got.bytes_size], 0);
			vault_value_clear(&got);
			assert_null(got.bytes);
		}
	}
	gives(vault_seal(keys, &name, BIT(ROLE_PHASE), value, sizeof(value), blob, 1000, &blob_size),
	      REASON_OVERFLOW);
	assert_null(strstr(reason_detail(), "\x01\x08"));
}

static void test_every_bit_counts(void **state)
{
	struct vault_name name = { "real", "main", "appkey", 1 };
	uint8_t blob[VAULT_BLOB_SIZE_MAX];
	struct vault_value got = VAULT_VALUE_INIT;
	size_t blob_size = 0;
	enum reason why;

	(void)state;
	done(vault_seal(keys, &name, BIT(ROLE_WORKER) | BIT(ROLE_PHASE), "a secret", 8, blob, sizeof(blob),
			&blob_size));
	for (size_t bit = 0; bit < blob_size * 8; bit++) {
		blob[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		why = vault_open_blob(keys, ROLE_WORKER, &name, blob, blob_size, &got);
		blob[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (why != REASON_VAULT_BROKEN && why != REASON_VAULT_KEY)
			fail_msg("bit %zu flipped: %s", bit, reason_code(why));
	}
	for (size_t size = 0; size < blob_size; size++)
		gives(vault_open_blob(keys, ROLE_WORKER, &name, blob, size, &got), REASON_VAULT_BROKEN);
	done(vault_open_blob(keys, ROLE_WORKER, &name, blob, blob_size, &got));
	vault_value_clear(&got);
}

static void test_bound_to_its_name(void **state)
{
	static const struct {
		const char *label;
		struct vault_name name;
	} cases[] = {
		{ "other environment", { "paper", "main", "appkey", 3 } },
		{ "other account", { "real", "second", "appkey", 3 } },
		{ "other name", { "real", "main", "secret", 3 } },
		{ "older version", { "real", "main", "appkey", 2 } },
		{ "names shifted", { "real", "mainappkey", "x", 3 } },
	};
	struct vault_name name = { "real", "main", "appkey", 3 };
	uint8_t blob[VAULT_BLOB_SIZE_MAX];
	struct vault_value got = VAULT_VALUE_INIT;
	size_t blob_size = 0;

	(void)state;
	done(vault_seal(keys, &name, BIT(ROLE_WORKER), "a secret", 8, blob, sizeof(blob), &blob_size));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		gives(vault_open_blob(keys, ROLE_WORKER, &cases[i].name, blob, blob_size, &got),
		      REASON_VAULT_BROKEN);
		assert_null(got.bytes);
	}
	gives(vault_open_blob(other_keys, ROLE_WORKER, &name, blob, blob_size, &got), REASON_VAULT_KEY);
}

/* ---- files ---- */

static void write_text(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

static char *read_text(const char *path)
{
	static char text[20000];
	FILE *from = fopen(path, "r");
	size_t size;

	assert_non_null(from);
	size = fread(text, 1, sizeof(text) - 1, from);
	text[size] = '\0';
	assert_int_equal(fclose(from), 0);
	return text;
}

static int seen_count;

static void seen(void *arg, const char *name, uint64_t version, uint32_t roles)
{
	(void)arg;
	if (strcmp(name, "appkey") == 0) {
		assert_int_equal(version, 2);
		assert_int_equal(roles, BIT(ROLE_PHASE));
	} else {
		assert_string_equal(name, "secret");
		assert_int_equal(version, 1);
	}
	seen_count++;
}

static void test_file(void **state)
{
	struct vault_value got = VAULT_VALUE_INIT;
	struct stat st;

	(void)state;
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got), REASON_VAULT_MISSING);
	done(vault_file_add(keys, file, "real", "main", "appkey", BIT(ROLE_PHASE), "first", 5));
	done(vault_file_add(keys, file, "real", "main", "secret", BIT(ROLE_PHASE) | BIT(ROLE_GATE), "other",
			    5));
	done(vault_file_add(keys, file, "real", "main", "appkey", BIT(ROLE_PHASE), "second", 6));
	done(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got));
	assert_string_equal((char *)got.bytes, "second");
	vault_value_clear(&got);
	seen_count = 0;
	done(vault_file_each(file, seen, NULL));
	assert_int_equal(seen_count, 2);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "token", &got), REASON_VAULT_MISSING);
	gives(vault_file_get(keys, ROLE_WORKER, file, "real", "main", "secret", &got), REASON_VAULT_KEY);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "second", "secret", &got), REASON_VAULT_BROKEN);
	assert_null(strstr(read_text(file), "other"));
}

static void test_altered_file(void **state)
{
	struct vault_value got = VAULT_VALUE_INIT;
	char whole[20000], *at;

	(void)state;
	memcpy(whole, read_text(file), sizeof(whole));
	/* two records that swapped their names */
	at = strstr(whole, "appkey 2");
	assert_non_null(at);
	memcpy(at, "secrex 2", 8);
	write_text(file, whole);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "secrex", &got), REASON_VAULT_BROKEN);
	memcpy(at, "secret 2", 8);
	write_text(file, whole);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "secret", &got), REASON_VAULT_BROKEN);
	memcpy(at, "appkey 1", 8);
	write_text(file, whole);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got), REASON_VAULT_BROKEN);
	memcpy(at, "appkey 2", 8);
	write_text(file, whole);
	done(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got));
	vault_value_clear(&got);
	whole[strlen(whole) - 1] = '\0'; /* the last line was cut */
	write_text(file, whole);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got), REASON_VAULT_BROKEN);
	write_text(file, "something else\n");
	gives(vault_file_each(file, seen, NULL), REASON_VAULT_BROKEN);
	assert_int_equal(unlink(file), 0);
}

static void test_modes(void **state)
{
	static const struct {
		const char *label;
		mode_t mode;
		enum reason want;
	} cases[] = {
		{ "group reads", 0640, REASON_OK },         { "owner alone", 0600, REASON_OK },
		{ "group writes", 0660, REASON_FILE_MODE }, { "others read", 0604, REASON_FILE_MODE },
		{ "others write", 0602, REASON_FILE_MODE },
	};
	struct vault_value got = VAULT_VALUE_INIT;
	char path[160];

	(void)state;
	done(vault_file_add(keys, file, "real", "main", "appkey", BIT(ROLE_PHASE), "value", 5));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(chmod(file, cases[i].mode), 0);
		gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got), cases[i].want);
		vault_value_clear(&got);
	}
	assert_int_equal(chmod(file, 0600), 0);
	assert_true(snprintf(path, sizeof(path), "%s/phase.key", keys) > 0);
	assert_int_equal(chmod(path, 0440), 0);
	gives(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got), REASON_FILE_MODE);
	assert_int_equal(chmod(path, 0600), 0);
	done(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got));
	vault_value_clear(&got);
	assert_true(snprintf(path, sizeof(path), "%s/phase.pub", keys) > 0);
	assert_int_equal(chmod(path, 0666), 0);
	gives(vault_file_add(keys, file, "real", "main", "appkey", BIT(ROLE_PHASE), "value", 5),
	      REASON_FILE_MODE);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(unlink(path), 0); /* a lost public key comes back from the secret one */
	done(vault_make_roles(keys));
	done(vault_file_get(keys, ROLE_PHASE, file, "real", "main", "appkey", &got));
	vault_value_clear(&got);
}

static void test_signature(void **state)
{
	char hex[SIGN_HEX_SIZE], kept, path[160];

	(void)state;
	done(vault_sign(keys, "certificate", 11, hex));
	assert_int_equal(strlen(hex), SIGN_HEX_SIZE - 1);
	done(vault_verify(keys, "certificate", 11, hex));
	gives(vault_verify(keys, "certificatf", 11, hex), REASON_CERT_SIGNATURE);
	gives(vault_verify(keys, "certificate", 10, hex), REASON_CERT_SIGNATURE);
	gives(vault_verify(other_keys, "certificate", 11, hex), REASON_CERT_SIGNATURE);
	kept = hex[5];
	hex[5] = hex[5] == '0' ? '1' : '0';
	gives(vault_verify(keys, "certificate", 11, hex), REASON_CERT_SIGNATURE);
	hex[5] = kept;
	gives(vault_verify(keys, "certificate", 11, ""), REASON_CERT_SIGNATURE);
	gives(vault_verify(keys, "certificate", 11, "zz"), REASON_CERT_SIGNATURE);
	/* a run that broke off before the public key: the same pair is found again */
	assert_true(snprintf(path, sizeof(path), "%s/gate-sign.pub", keys) > 0);
	assert_int_equal(unlink(path), 0);
	done(vault_make_roles(keys));
	done(vault_verify(keys, "certificate", 11, hex));
	/* without the gate's key there is no signature */
	assert_true(snprintf(path, sizeof(path), "%s/gate.key", keys) > 0);
	assert_int_equal(unlink(path), 0);
	gives(vault_sign(keys, "certificate", 11, hex), REASON_FILE_MISSING);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_bound_to_its_name),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_altered_file),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_signature),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
