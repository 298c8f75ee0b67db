#include "tests/shared/kis/samples.h"

#include <openssl/evp.h>

#include "shared/base/bug.h"
#include "shared/kis/notice.h"

#define KEY "abcdefghijklmnopqrstuvwxyz012345"
#define IV  "0123456789abcdef"

static const struct notice_key session = { KEY, IV, true };

/* Encrypts as the broker does and puts the envelope round it. */
static void seal(const char *plain, int records, char *out, size_t out_size)
{
	unsigned char cipher[4096], text[8192];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0, last = 0;

	assert_non_null(ctx);
	assert_true(strlen(plain) + 32 < sizeof(cipher));
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, (const unsigned char *)KEY,
					    (const unsigned char *)IV),
			 1);
	assert_int_equal(
		EVP_EncryptUpdate(ctx, cipher, &len, (const unsigned char *)plain, (int)strlen(plain)), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, cipher + len, &last), 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_EncodeBlock(text, cipher, len + last);
	assert_true(snprintf(out, out_size, "1|H0STCNI0|%03d|%s", records, (const char *)text) <
		    (int)out_size);
}

static enum reason read_text(const char *text, const struct notice_key *key, struct notice *rows, int room,
			     int *count)
{
	struct frame frame;
	enum reason why = frame_split(text, strlen(text), &frame);

	return why == REASON_OK ? notice_read(&frame, key, rows, room, count) : why;
}

static void test_vectors(void **state)
{
	static const struct {
		enum notice_kind kind;
		const char *odno, *orig;
		int64_t qty, price_won;
		int32_t time_s;
	} want[] = {
		{ NOTICE_ACCEPTED, "0000117057", "", 10, 70000, 32475 },
		{ NOTICE_FILL, "0000117057", "", 4, 70000, 32477 },
		{ NOTICE_FILL, "0000117057", "", 6, 69900, 32481 },
		{ NOTICE_CHANGED, "0000117058", "0000117057", 10, 69800, 32490 },
		{ NOTICE_CANCELLED, "0000117059", "0000117058", 5, 0, 32500 },
		{ NOTICE_REJECTED, "0000117060", "", 10, 70000, 32510 },
		{ NOTICE_CANCELLED, "0000117061", "", 3, 70000, 32515 },
	};
	cJSON *root = sample_json("ws_notice_constructed_aes_vectors.json");
	const cJSON *vector;
	size_t at = 0;

	(void)state;
	cJSON_ArrayForEach(vector, cJSON_GetObjectItem(root, "vectors"))
	{
		struct notice rows[2];
		int count = -1;

		assert_true(at < ARRAY_COUNT(want));
		assert_int_equal(read_text(cJSON_GetObjectItem(vector, "frame")->valuestring, &session, rows,
					   2, &count),
				 REASON_OK);
		assert_int_equal(count, 1);
		assert_int_equal(rows[0].kind, want[at].kind);
		assert_string_equal(rows[0].odno, want[at].odno);
		assert_string_equal(rows[0].orig_odno, want[at].orig);
		assert_string_equal(rows[0].account, "1234567801");
		assert_string_equal(rows[0].symbol, "005930");
		assert_string_equal(rows[0].branch, "00950");
		assert_int_equal(rows[0].side, SIDE_BUY);
		assert_int_equal(rows[0].qty, want[at].qty);
		assert_int_equal(rows[0].price_won, want[at].price_won);
		assert_int_equal(rows[0].time_s, want[at].time_s);
		at++;
	}
	assert_int_equal(at, ARRAY_COUNT(want));
	cJSON_Delete(root);
}

#define FILL26                                                                                               \
	"u^1234567801^0000117057^^01^0^00^0^005930^4^70000^090117^0^2^2^00950^10^name^0^1^N^^00^^item^70000"
#define FILL23                                                                                               \
	"u^1234567801^0000117057^^02^0^00^0^069500^0000000001^000043295^144700^0^2^2^00950^000000001^name^"  \
	"1Y^10^^KODEX200^000044000"

static void test_layouts(void **state)
{
	static const struct {
		const char *name, *plain;
		int records;
		enum reason want;
		int64_t want_qty;
	} cases[] = {
		{ "26 fields", FILL26, 1, REASON_OK, 4 },
		{ "23 fields, padded with zeros", FILL23, 1, REASON_OK, 1 },
		{ "two in a frame", FILL26 "^" FILL26, 2, REASON_OK, 4 },
		{ "27 fields", FILL26 "^new", 1, REASON_OK, 4 },
		{ "24 fields", FILL23 "^x", 1, REASON_FRAME_SHAPE, 0 },
		{ "22 fields", "u^1234567801^1^^02^0^00^0^069500^1^43295^144700^0^2^2^00950^1^n^1Y^10^^K", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "does not divide", FILL26 "^" FILL26 "^x", 2, REASON_FRAME_SHAPE, 0 },
		{ "more than there is room for", FILL26 "^" FILL26 "^" FILL26, 3, REASON_FRAME_SHAPE, 0 },
		{ "side of letters",
		  "u^1^0000117057^^XX^0^00^0^005930^4^70000^090117^0^2^2^00950^10^n^0^1^N^^00^^i^7", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "fill without a quantity",
		  "u^1^0000117057^^01^0^00^0^005930^^70000^090117^0^2^2^00950^10^n^0^1^N^^00^^i^7", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "fill without a price",
		  "u^1^0000117057^^01^0^00^0^005930^4^0^090117^0^2^2^00950^10^n^0^1^N^^00^^i^7", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "no order number", "u^1^^^01^0^00^0^005930^4^70000^090117^0^2^2^00950^10^n^0^1^N^^00^^i^7",
		  1, REASON_FRAME_SHAPE, 0 },
		{ "negative quantity",
		  "u^1^0000117057^^01^0^00^0^005930^-4^70000^090117^0^2^2^00950^10^n^0^1^N^^00^^i^7", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "impossible time",
		  "u^1^0000117057^^01^0^00^0^005930^4^70000^250117^0^2^2^00950^10^n^0^1^N^^00^^i^7", 1,
		  REASON_FRAME_SHAPE, 0 },
		{ "empty", "", 1, REASON_FRAME_SHAPE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[8192];
		struct notice rows[2] = { 0 };
		int count = -1;
		enum reason why;

		seal(cases[i].plain, cases[i].records, text, sizeof(text));
		why = read_text(text, &session, rows, 2, &count);
		if (why != cases[i].want)
			fail_msg("%s: %s, want %s", cases[i].name, reason_code(why),
				 reason_code(cases[i].want));
		if (why == REASON_OK) {
			assert_int_equal(count, cases[i].records);
			assert_int_equal(rows[0].kind, NOTICE_FILL);
			assert_int_equal(rows[count - 1].qty, cases[i].want_qty);
		} else {
			assert_int_equal(count, -1);
		}
	}
}

/* Recorded plain texts, encrypted here: what the broker really writes into the fields. */
static void test_recorded(void **state)
{
	size_t len;
	char *text = sample_read("kis_ws_frames.jsonl", &len), *line = text;
	int seen = 0;

	(void)state;
	for (char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n')) {
		cJSON *root;
		char sealed[8192];
		struct notice rows[1];
		int count = -1;

		*end = '\0';
		root = cJSON_Parse(line);
		assert_non_null(root);
		if (strcmp(cJSON_GetObjectItem(root, "tr_id")->valuestring, "H0STCNI0") == 0) {
			seal(cJSON_GetObjectItem(root, "frame")->valuestring, 1, sealed, sizeof(sealed));
			assert_int_equal(read_text(sealed, &session, rows, 1, &count), REASON_OK);
			assert_string_equal(rows[0].account, "5000000001");
			assert_int_equal(rows[0].side, SIDE_BUY);
			if (seen++ == 0) {
				assert_int_equal(rows[0].kind,
						 NOTICE_ACCEPTED); /* a market order: price of zeros */
				assert_string_equal(rows[0].odno, "0000000101");
				assert_string_equal(rows[0].symbol, "004090");
				assert_int_equal(rows[0].qty, 1);
				assert_int_equal(rows[0].price_won, 0);
			} else {
				assert_int_equal(rows[0].kind, NOTICE_FILL);
				assert_string_equal(rows[0].symbol, "069500");
				assert_int_equal(rows[0].price_won, 43295);
				assert_int_equal(rows[0].time_s, 14 * 3600 + 47 * 60);
			}
		}
		cJSON_Delete(root);
	}
	assert_int_equal(seen, 2);
	free(text);
}

static void test_refused(void **state)
{
	struct notice_key none = { 0 }, other = session, other_iv = session;
	struct notice rows[1];
	char text[8192], broken[8192];
	int count = -1;

	(void)state;
	other.key[0] = 'X';
	other_iv.iv[0] = 'X';
	seal(FILL26, 1, text, sizeof(text));
	assert_int_equal(read_text("0|H0STCNI0|001|" FILL26, &session, rows, 1, &count), REASON_NOTICE_PLAIN);
	assert_int_equal(read_text(text, &none, rows, 1, &count), REASON_NOTICE_KEY);
	assert_int_equal(read_text(text, &other, rows, 1, &count), REASON_NOTICE_KEY);
	/* A wrong iv spoils the first block only: account and number would be wrong, the padding right. */
	assert_int_not_equal(read_text(text, &other_iv, rows, 1, &count), REASON_NOTICE_PLAIN);
	count = -1;
	/* Not base64, cut within a group of four, cut by a whole block. */
	snprintf(broken, sizeof(broken), "%s", text);
	broken[20] = '*';
	assert_int_equal(read_text(broken, &session, rows, 1, &count), REASON_NOTICE_KEY);
	snprintf(broken, sizeof(broken), "%s", text);
	broken[strlen(broken) - 1] = '\0';
	assert_int_equal(read_text(broken, &session, rows, 1, &count), REASON_NOTICE_KEY);
	snprintf(broken, sizeof(broken), "%s", text);
	broken[strlen(broken) - 24] = '\0';
	assert_int_not_equal(read_text(broken, &session, rows, 1, &count), REASON_OK);
	assert_int_equal(read_text("1|H0STCNI0|001|====", &session, rows, 1, &count), REASON_NOTICE_KEY);
	assert_int_equal(count, -1);
}

/* Ciphertexts of every length modulo 3, so that the base64 ends in "", "=" and "==". */
static void test_padding(void **state)
{
	int with_padding[3] = { 0 };

	(void)state;
	for (int extra = 0; extra < 64; extra++) {
		char plain[512], text[8192];
		struct notice rows[1];
		int count = -1;
		size_t len;

		snprintf(plain, sizeof(plain), "%s^%.*s", FILL26, extra,
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		seal(plain, 1, text, sizeof(text));
		len = strlen(text);
		with_padding[text[len - 2] == '=' ? 2 : text[len - 1] == '=']++;
		assert_int_equal(read_text(text, &session, rows, 1, &count), REASON_OK);
		assert_int_equal(rows[0].qty, 4);
	}
	assert_true(with_padding[0] > 0 && with_padding[1] > 0 && with_padding[2] > 0);
}

static void test_mutations(void **state)
{
	uint64_t seed = 7;
	char text[8192];
	int refused = 0;

	(void)state;
	seal(FILL26 "^" FILL26, 2, text, sizeof(text));
	for (int round = 0; round < 3000; round++) {
		char copy[8192];
		struct notice rows[2];
		int count = -1;

		snprintf(copy, sizeof(copy), "%s", text);
		copy[15 + seeded(&seed) % (strlen(text) - 15)] = (char)(1 + seeded(&seed) % 255);
		if (round % 3 == 0)
			copy[seeded(&seed) % strlen(copy)] = '\0';
		if (read_text(copy, &session, rows, 2, &count) != REASON_OK) {
			refused++;
			assert_int_equal(count, -1);
		}
	}
	assert_true(refused > 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),  cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_recorded), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_padding),  cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
