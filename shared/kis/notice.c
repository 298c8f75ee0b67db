#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "shared/base/won.h"
#include "shared/kis/notice.h"
#include "shared/kis/separators.h"
#include "shared/base/banned.h"

#define NOTICE_BYTES_MAX 65536 /* of ciphertext in base64; one notice has about 250 */
#define BLOCK_SIZE       16
#define WIDTH_OLD        23 /* before the second exchange */
#define WIDTH_NEW        26
#define WIDTH_MAX        (SEP_AHEAD / 2)
#define FIELDS_READ      17 /* 0..16 are the same in both layouts */

/* H0STCNI0, the channel page "own orders and fills". */
enum notice_field {
	NOTICE_ACCOUNT = 1,
	NOTICE_ODNO = 2,
	NOTICE_ORIG_ODNO = 3,
	NOTICE_SIDE = 4,
	NOTICE_CHANGE = 5,
	NOTICE_SYMBOL = 8,
	NOTICE_QTY = 9,
	NOTICE_PRICE = 10,
	NOTICE_TIME = 11,
	NOTICE_REFUSED = 12,
	NOTICE_FILLED = 13,
	NOTICE_ACCEPTED_AS = 14,
	NOTICE_BRANCH = 15,
	NOTICE_ORDER_QTY = 16,
};

struct part {
	const char *text;
	size_t len;
};

static enum reason key_bad(const char *what)
{
	return reason_set(REASON_NOTICE_KEY,
			  "a notice cannot be decrypted: %s; register the notice channel again", what);
}

static enum reason shape(const char *what)
{
	return reason_set(REASON_FRAME_SHAPE, "a notice %s; the format may have changed", what);
}

/*
 * EVP_DecodeBlock turns every four characters into three bytes and counts the bytes of '=' padding as data; they are
 * taken off, or the last cipher block would be one of 17 or 18 bytes. It also skips blanks, which a frame has not.
 */
static bool base64_decode(const char *text, size_t text_len, unsigned char *out, size_t *out_len)
{
	size_t padding = 0;
	int len;

	if (text_len == 0 || text_len % 4 != 0 || text_len > NOTICE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < text_len; i++) {
		char c = text[i];

		if (c == '=' && i + 2 >= text_len)
			padding++;
		else if (padding > 0 || !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
					  (c >= '0' && c <= '9') || c == '+' || c == '/'))
			return false;
	}
	len = EVP_DecodeBlock(out, (const unsigned char *)text, (int)text_len);
	if (len < 0 || (size_t)len < padding)
		return false;
	*out_len = (size_t)len - padding;
	return true;
}

static enum reason decrypt(const struct notice_key *key, const unsigned char *cipher, size_t cipher_len,
			   unsigned char *out, size_t *out_len)
{
	EVP_CIPHER_CTX *ctx = NULL;
	int len = 0, last = 0;
	enum reason why = REASON_OK;

	if (cipher_len == 0 || cipher_len % BLOCK_SIZE != 0)
		return key_bad("its length is not one of whole blocks");
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory to decrypt a notice");
	if (EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, (const unsigned char *)key->key,
			       (const unsigned char *)key->iv) != 1 ||
	    EVP_DecryptUpdate(ctx, out, &len, cipher, (int)cipher_len) != 1 ||
	    EVP_DecryptFinal_ex(ctx, out + len, &last) != 1) {
		why = key_bad("it does not belong to this session's key");
		goto out;
	}
	*out_len = (size_t)len + (size_t)last;
out:
	EVP_CIPHER_CTX_free(ctx);
	return why;
}

static bool part_is(struct part part, char letter)
{
	return part.len == 1 && part.text[0] == letter;
}

static bool part_copy(struct part part, char *out, size_t out_size)
{
	if (part.len >= out_size || memchr(part.text, '\0', part.len) != NULL)
		return false;
	memcpy(out, part.text, part.len);
	out[part.len] = '\0';
	return true;
}

static bool part_digits(struct part part)
{
	for (size_t i = 0; i < part.len; i++) {
		if (part.text[i] < '0' || part.text[i] > '9')
			return false;
	}
	return true;
}

/* Zero-padded or not, blanks around; empty is 0 only where the caller says so. */
static bool part_number(struct part part, bool empty_ok, int64_t *out)
{
	if (part.len == 0) {
		*out = 0;
		return empty_ok;
	}
	return num_parse_loose(part.text, part.len, false, out) && *out >= 0;
}

static bool part_odno(struct part part, bool required, char out[static ODNO_SIZE])
{
	size_t zeros = 0;

	out[0] = '\0';
	while (zeros < part.len && (part.text[zeros] == '0' || part.text[zeros] == ' '))
		zeros++;
	if (zeros == part.len)
		return !required;
	return odno_normal(part.text, part.len, out);
}

static bool part_symbol(struct part part, char out[static SYMBOL_SIZE])
{
	while (part.len > 0 && part.text[part.len - 1] == ' ')
		part.len--;
	if (part.len == 7 && part.text[0] == 'A') {
		part.text++;
		part.len--;
	}
	if (part.len < 6 || part.len > 9)
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (!((part.text[i] >= '0' && part.text[i] <= '9') ||
		      (part.text[i] >= 'A' && part.text[i] <= 'Z')))
			return false;
	}
	return part_copy(part, out, SYMBOL_SIZE);
}

/* All kinds put a quantity into the fill's slot; only CNTG_YN 2 makes it a fill. */
static enum notice_kind kind_of(const struct part *parts)
{
	struct part change = parts[NOTICE_CHANGE], as = parts[NOTICE_ACCEPTED_AS];

	if (!part_is(parts[NOTICE_REFUSED], '0'))
		return part_is(parts[NOTICE_REFUSED], '1') ? NOTICE_REJECTED : NOTICE_OTHER;
	if (part_is(parts[NOTICE_FILLED], '2'))
		return NOTICE_FILL;
	if (!part_is(parts[NOTICE_FILLED], '1'))
		return NOTICE_OTHER;
	if (part_is(change, '0')) {
		if (part_is(as, '3')) /* remainder of an IOC or FOK order */
			return NOTICE_CANCELLED;
		return part_is(as, '1') || part_is(as, '2') ? NOTICE_ACCEPTED : NOTICE_OTHER;
	}
	if (part_is(change, '1') && part_is(as, '2'))
		return NOTICE_CHANGED;
	if (part_is(change, '2') && part_is(as, '2'))
		return NOTICE_CANCELLED;
	return NOTICE_OTHER; /* a change that was received but not confirmed */
}

static bool record_read(const struct part *parts, struct notice *out)
{
	struct notice notice = { 0 };
	char time[8];

	notice.kind = kind_of(parts);
	if (!part_copy(parts[NOTICE_ACCOUNT], notice.account, sizeof(notice.account)) ||
	    !part_odno(parts[NOTICE_ODNO], true, notice.odno) ||
	    !part_odno(parts[NOTICE_ORIG_ODNO], false, notice.orig_odno) ||
	    !part_digits(parts[NOTICE_BRANCH]) ||
	    !part_copy(parts[NOTICE_BRANCH], notice.branch, sizeof(notice.branch)) ||
	    !part_symbol(parts[NOTICE_SYMBOL], notice.symbol))
		return false;
	if (parts[NOTICE_SIDE].len != 2 || parts[NOTICE_SIDE].text[0] != '0' ||
	    (parts[NOTICE_SIDE].text[1] != '1' && parts[NOTICE_SIDE].text[1] != '2'))
		return false;
	notice.side = parts[NOTICE_SIDE].text[1] == '1' ? SIDE_SELL : SIDE_BUY;
	/* A market order's price is empty or zeros. */
	if (!part_number(parts[NOTICE_QTY], notice.kind != NOTICE_FILL, &notice.qty) ||
	    !part_number(parts[NOTICE_PRICE], notice.kind != NOTICE_FILL, &notice.price_won) ||
	    !part_number(parts[NOTICE_ORDER_QTY], true, &notice.order_qty))
		return false;
	if (notice.kind == NOTICE_FILL && (notice.qty == 0 || notice.price_won == 0))
		return false;
	if (parts[NOTICE_TIME].len != 6 || !part_copy(parts[NOTICE_TIME], time, sizeof(time)) ||
	    !kst_time_parse(time, &notice.time_s))
		return false;
	*out = notice;
	return true;
}

static enum reason records_read(const char *text, size_t text_len, int record_count, struct notice *rows,
				int room, int *out_count)
{
	struct sep_walk walk;
	size_t field_count = sep_count(text, text_len) + 1, start = 0;
	int width;

	if (record_count > room)
		return shape("frame holds more records than there is room for");
	if (field_count % (size_t)record_count != 0)
		return shape("frame does not divide");
	width = (int)(field_count / (size_t)record_count);
	if (width < WIDTH_OLD || (width > WIDTH_OLD && width < WIDTH_NEW) || width > WIDTH_MAX)
		return shape("has a width that is not known");
	sep_begin(&walk, text, text_len);
	for (int i = 0; i < record_count; i++) {
		struct part parts[FIELDS_READ] = { 0 };
		const uint32_t *ends = sep_take(&walk, (size_t)width);

		if (ends == NULL)
			return shape("ends too early");
		for (int j = 0; j < FIELDS_READ; j++) {
			parts[j] = (struct part){ text + start, ends[j] - start };
			start = (size_t)ends[j] + 1;
		}
		start = (size_t)ends[width - 1] + 1;
		if (!record_read(parts, &rows[i]))
			return shape("holds a field that cannot be read");
	}
	*out_count = record_count;
	return REASON_OK;
}

enum reason notice_read(const struct frame *frame, const struct notice_key *key, struct notice *rows,
			int room, int *out_count)
{
	unsigned char cipher[NOTICE_BYTES_MAX], text[NOTICE_BYTES_MAX + BLOCK_SIZE];
	size_t cipher_len = 0, text_len = 0;
	enum reason why;

	if (frame->channel != CHANNEL_NOTICE)
		return shape("came on another channel");
	/* The plain socket can be written to by anybody in between; the cipher is the only sign of the broker. */
	if (!frame->encrypted)
		return reason_set(REASON_NOTICE_PLAIN, "a notice came without encryption and was dropped");
	if (!key->known)
		return key_bad("no key was given for this session");
	if (!base64_decode(frame->payload, frame->payload_len, cipher, &cipher_len))
		return key_bad("it is not base64");
	why = decrypt(key, cipher, cipher_len, text, &text_len);
	if (why == REASON_OK)
		why = records_read((const char *)text, text_len, frame->record_count, rows, room, out_count);
	/* It held the account's number and its owner's name. */
	sodium_memzero(text,
		       cipher_len + BLOCK_SIZE <= sizeof(text) ? cipher_len + BLOCK_SIZE : sizeof(text));
	return why;
}
