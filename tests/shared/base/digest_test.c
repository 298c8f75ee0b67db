#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/digest.h"

static void file_make(char *path, const char *bytes, size_t bytes_size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, bytes_size), (ssize_t)bytes_size);
	assert_int_equal(close(fd), 0);
}

/* One way to change a content each; every one must give another digest. */
static struct digest variant(int which)
{
	struct digest_maker mk;

	digest_begin(&mk, which == 1 ? "account2" : "account");
	switch (which) {
	case 2: digest_text(&mk, "envx", "real"); break;
	case 3: digest_text(&mk, "env", "realx"); break;
	case 4: digest_text(&mk, "env", NULL); break;
	case 5: digest_text(&mk, "env", ""); break;
	case 6: digest_bytes(&mk, "env", "real", 4); break;
	case 7: digest_text(&mk, "en", "vreal"); break;
	default: digest_text(&mk, "env", "real"); break;
	}
	if (which == 8) {
		digest_number(&mk, "qty", 2);
		digest_number(&mk, "cash_won", 1);
	} else {
		digest_number(&mk, "cash_won", which == 9 ? -1 : 1);
		digest_number(&mk, "qty", 2);
	}
	if (which == 10)
		digest_text(&mk, "more", "");
	return digest_end(&mk);
}

static void test_digest_fields(void **state)
{
	struct digest all[11];

	(void)state;
	for (int i = 0; i < 11; i++) {
		struct digest again = variant(i);

		all[i] = variant(i);
		assert_true(digest_same(&all[i], &again));
		for (int j = 0; j < i; j++)
			if (digest_same(&all[i], &all[j]))
				fail_msg("variants %d and %d are the same", i, j);
	}
}

/* Digests are stored: the form may never change unnoticed. Worked out by hand from the form in digest.c. */
static void test_digest_form(void **state)
{
	static const uint8_t form[] = "\7\0\0\0\0\0\0\0gaejangd\1\0\0\0\0\0\0\0x"
				      "\1\0\0\0\0\0\0\0nn\10\0\0\0\0\0\0\0\376\377\377\377\377\377\377\377";
	struct digest_maker mk;
	struct digest got, want;

	(void)state;
	digest_begin(&mk, "x");
	digest_number(&mk, "n", -2);
	got = digest_end(&mk);
	assert_int_equal(crypto_generichash(want.bytes, sizeof(want.bytes), form, sizeof(form) - 1, NULL, 0),
			 0);
	assert_true(digest_same(&got, &want));
}

static void test_digest_hex(void **state)
{
	static const struct {
		const char *hex;
		bool ok;
	} cases[] = {
		{ "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8", true },
		{ "0E5751C026E543B2E8AB2EB06099DAA1D1E5DF47778F7787FAAB45CDF12FE3A8", true },
		{ "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a", false },
		{ "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a88", false },
		{ "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3ag", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct digest d = { { 9 } };
		char hex[DIGEST_HEX_SIZE];

		assert_int_equal(digest_from_hex(cases[i].hex, &d), cases[i].ok);
		if (cases[i].ok)
			assert_string_equal(digest_hex(&d, hex), cases[0].hex);
		else
			assert_int_equal(d.bytes[0], 9);
	}
}

static void test_digest_file(void **state)
{
	char empty[] = "/tmp/gj-digest-XXXXXX", abc[] = "/tmp/gj-digest-XXXXXX",
	     big[] = "/tmp/gj-digest-XXXXXX";
	char hex[DIGEST_HEX_SIZE];
	struct digest d, before;
	char *bytes = malloc(200000);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'a', 200000);
	file_make(empty, "", 0);
	file_make(abc, "abc", 3);
	file_make(big, bytes, 200000);
	free(bytes);
	/* Known answers: b2sum -l 256 of the same bytes. */
	assert_int_equal(digest_file(empty, &d), REASON_OK);
	assert_string_equal(digest_hex(&d, hex),
			    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	assert_int_equal(digest_file(abc, &d), REASON_OK);
	assert_string_equal(digest_hex(&d, hex),
			    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	assert_int_equal(digest_file(big, &d), REASON_OK);
	assert_string_equal(digest_hex(&d, hex),
			    "5d9714feafe283193f3554a956c08f5d8fbade49844b12bf3ba49ac2aa9107e3");
	unlink(empty);
	unlink(abc);
	unlink(big);
	before = d;
	assert_int_equal(digest_file(abc, &d), REASON_FILE_MISSING);
	assert_non_null(strstr(reason_detail(), abc));
	assert_true(digest_same(&d, &before));
	assert_int_equal(digest_file("/tmp", &d), REASON_FILE_IO);
}

static void test_digest_self(void **state)
{
	struct digest self, named;
	char path[512];
	ssize_t path_len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)state;
	assert_true(path_len > 0);
	path[path_len] = '\0';
	assert_int_equal(digest_self(&self), REASON_OK);
	assert_int_equal(digest_file(path, &named), REASON_OK);
	assert_true(digest_same(&self, &named));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_fields), cmocka_unit_test(test_digest_form),
		cmocka_unit_test(test_digest_hex),    cmocka_unit_test(test_digest_file),
		cmocka_unit_test(test_digest_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
