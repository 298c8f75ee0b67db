/* certificate: what is written reads back, anything else is refused, and each wrong fact has its own refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/trade/certificate.h"
#include "shared/base/banned.h"

static struct digest filled(uint8_t byte)
{
	struct digest d;

	memset(d.bytes, byte, sizeof(d.bytes));
	return d;
}

static struct certificate sample(void)
{
	struct certificate cert = {
		.account = "demo", .env = "real", .day = { 20210104 }, .mode = MODE_TRADE, .epoch = 7
	};

	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		cert.run_ids[id] = 100 + id;
		cert.results[id] = filled((uint8_t)(0x10 + id));
	}
	cert.snapshot_id = 5;
	cert.acceptance_id = 6;
	cert.snapshot = filled(0xa1);
	cert.params = filled(0xa2);
	cert.limits = filled(0xa3);
	cert.universe = filled(0xa4);
	cert.executable = filled(0xa5);
	cert.issued = kst_wall(cert.day, 9 * 3600 + 50 * 60);
	cert.expires = wall_add_us(cert.issued, 120 * US_PER_S);
	cert.session_open = kst_wall(cert.day, 10 * 3600);
	cert.session_end = kst_wall(cert.day, 15 * 3600 + 1800);
	cert.entry_end = kst_wall(cert.day, 15 * 3600 + 900);
	return cert;
}

static struct certificate_facts facts_of(const struct certificate *cert)
{
	return (struct certificate_facts){ .account = "demo",
					   .env = "real",
					   .today = cert->day,
					   .now = wall_add_us(cert->issued, US_PER_S),
					   .executable = cert->executable,
					   .snapshot = cert->snapshot,
					   .params = cert->params,
					   .limits = cert->limits,
					   .universe = cert->universe };
}

static void test_reads_back(void **state)
{
	struct certificate cert = sample(), back = { 0 };
	char text[CERTIFICATE_SIZE], again[CERTIFICATE_SIZE];
	size_t len = 0, again_len = 0;

	(void)state;
	assert_int_equal(certificate_write(&cert, text, &len), REASON_OK);
	assert_memory_equal(
		text,
		"gaejang-certificate 1\naccount=demo\nenv=real\nday=2021-01-04\nmode=TRADE\nepoch=7\n"
		"preflight_run=100\n",
		strlen("gaejang-certificate 1\naccount=demo\nenv=real\nday=2021-01-04\nmode=TRADE\nepoch=7\n"
		       "preflight_run=100\n"));
	assert_int_equal(text[len - 1], '\n');
	assert_int_equal(certificate_read(text, len, &back), REASON_OK);
	assert_int_equal(back.epoch, 7);
	assert_int_equal(back.run_ids[PHASE_UNIVERSE], 106);
	assert_true(digest_same(&back.executable, &cert.executable));
	assert_int_equal(back.entry_end.us, cert.entry_end.us);
	assert_int_equal(certificate_write(&back, again, &again_len), REASON_OK);
	assert_int_equal(again_len, len);
	assert_memory_equal(again, text, len);
}

/* Every single flipped bit of the text is either refused or reads as another certificate, never as the same one. */
static void test_every_bit(void **state)
{
	struct certificate cert = sample(), back;
	char text[CERTIFICATE_SIZE], again[CERTIFICATE_SIZE];
	size_t len = 0, again_len = 0;
	int refused = 0;

	(void)state;
	assert_int_equal(certificate_write(&cert, text, &len), REASON_OK);
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
		if (certificate_read(text, len, &back) != REASON_OK) {
			refused++;
		} else {
			assert_int_equal(certificate_write(&back, again, &again_len), REASON_OK);
			assert_int_equal(again_len, len);
			assert_memory_equal(again, text, len);
		}
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
	}
	assert_true(refused > (int)len * 4);
}

static void test_refuses_other_texts(void **state)
{
	static const struct {
		const char *name, *find, *put;
	} cases[] = {
		{ "another version", "certificate 1", "certificate 2" },
		{ "a day of another spelling", "day=2021-01-04", "day=20210104" },
		{ "a leading zero", "epoch=7", "epoch=07" },
		{ "a sign", "epoch=7", "epoch=-7" },
		{ "epoch nought", "epoch=7", "epoch=0" },
		{ "HALT", "mode=TRADE", "mode=HALT" },
		{ "a mode that is none", "mode=TRADE", "mode=TRADES" },
		{ "an unknown name", "snapshot_id=5", "snapshot_ix=5" },
		{ "a name twice", "snapshot_id=5\n", "snapshot_id=5\nsnapshot_id=5\n" },
		{ "a name missing", "snapshot_id=5\n", "" },
		{ "capital hex", "a1a1a1", "A1a1a1" },
		{ "an account with a blank", "account=demo", "account=de mo" },
		{ "carriage return", "epoch=7\n", "epoch=7\r\n" },
	};
	struct certificate cert = sample(), back;
	char text[CERTIFICATE_SIZE], other[CERTIFICATE_SIZE + 64];
	size_t len = 0;

	(void)state;
	assert_int_equal(certificate_write(&cert, text, &len), REASON_OK);
	text[len] = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *at = strstr(text, cases[i].find);
		int got;

		assert_non_null(at);
		got = snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - text), text, cases[i].put,
			       at + strlen(cases[i].find));
		assert_true(got > 0);
		if (certificate_read(other, (size_t)got, &back) != REASON_CERT_SHAPE)
			fail_msg("%s was accepted", cases[i].name);
	}
	assert_int_equal(certificate_read(text, len - 1, &back), REASON_CERT_SHAPE);
	text[len] = 'x';
	assert_int_equal(certificate_read(text, len + 1, &back), REASON_CERT_SHAPE);
	assert_int_equal(certificate_read("", 0, &back), REASON_CERT_SHAPE);
}

static void test_writes_no_bad_one(void **state)
{
	struct certificate cert = sample();
	char text[CERTIFICATE_SIZE];
	size_t len = 77;

	(void)state;
	cert.mode = MODE_HALT;
	assert_int_equal(certificate_write(&cert, text, &len), REASON_CERT_SHAPE);
	cert = sample();
	cert.account[0] = '\0';
	assert_int_equal(certificate_write(&cert, text, &len), REASON_CERT_SHAPE);
	cert = sample();
	memcpy(cert.account, "a\nb", 4);
	assert_int_equal(certificate_write(&cert, text, &len), REASON_CERT_SHAPE);
	assert_int_equal(len, 77);
}

static void test_check(void **state)
{
	struct certificate cert = sample();
	struct certificate_facts facts = facts_of(&cert);

	(void)state;
	assert_int_equal(certificate_check(&cert, &facts), REASON_OK);
	facts.now = cert.expires;
	assert_int_equal(certificate_check(&cert, &facts), REASON_OK);
	facts.now = wall_add_us(cert.expires, 1);
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_EXPIRED);
	facts.now = wall_add_us(cert.issued, -1);
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_EXPIRED);
	facts = facts_of(&cert);
	facts.today = (struct kst_day){ 20210105 };
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_DAY);
	facts = facts_of(&cert);
	facts.account = "other";
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_ACCOUNT);
	facts = facts_of(&cert);
	facts.env = "paper";
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_ACCOUNT);
	facts = facts_of(&cert);
	facts.executable.bytes[31] ^= 1;
	assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_EXECUTABLE);
}

static void test_check_frozen(void **state)
{
	struct certificate cert = sample();
	struct certificate_facts facts;
	struct digest *frozen[] = { &facts.snapshot, &facts.params, &facts.limits, &facts.universe };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(frozen); i++) {
		facts = facts_of(&cert);
		frozen[i]->bytes[0] ^= 0x80;
		assert_int_equal(certificate_check(&cert, &facts), REASON_CERT_DIGEST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_back),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_refuses_other_texts),
		cmocka_unit_test(test_writes_no_bad_one),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
