/*
 * certificate - one table of fields writes, reads and compares; reading ends by writing again, so that only the canonical
 * bytes are ever accepted.
 */
#include "shared/trade/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define HEAD       "gaejang-certificate 1\n"
#define NAME_SIZE  32
#define VALUE_SIZE 80

/* ---- one line ---- */

struct pen {
	char *out;
	size_t used;
	bool fits;
};

static void pen_line(struct pen *pen, const char *name, const char *value)
{
	int got;

	if (!pen->fits)
		return;
	got = snprintf(pen->out + pen->used, CERTIFICATE_SIZE - pen->used, "%s=%s\n", name, value);
	pen->fits = got > 0 && (size_t)got < CERTIFICATE_SIZE - pen->used;
	if (pen->fits)
		pen->used += (size_t)got;
}

static void pen_number(struct pen *pen, const char *name, int64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, number);
	pen_line(pen, name, text);
}

static void pen_digest(struct pen *pen, const char *name, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	pen_line(pen, name, digest_hex(digest, hex));
}

static void pen_wall(struct pen *pen, const char *name, struct wall at)
{
	char text[KST_TEXT_SIZE];

	pen_line(pen, name, kst_wall_text(at, text));
}

static void phase_field(char out[static NAME_SIZE], enum phase_id id, const char *what)
{
	(void)snprintf(out, NAME_SIZE, "%s_%s", phase_name(id), what);
}

/* A word that cannot break the line form: no control characters, no blanks, no '='. */
static bool word_plain(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == 0 || len == size)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f || c == '=')
			return false;
	}
	return true;
}

enum reason certificate_write(const struct certificate *cert, char out[static CERTIFICATE_SIZE],
			      size_t *out_len)
{
	struct pen pen = { out, sizeof(HEAD) - 1, true };
	char day[KST_TEXT_SIZE], name[NAME_SIZE];

	if (!word_plain(cert->account, sizeof(cert->account)) || !word_plain(cert->env, sizeof(cert->env)) ||
	    cert->mode == MODE_HALT || cert->epoch <= 0)
		return reason_set(REASON_CERT_SHAPE,
				  "a certificate needs account, environment, a mode above HALT and an epoch");
	memcpy(out, HEAD, sizeof(HEAD));
	pen_line(&pen, "account", cert->account);
	pen_line(&pen, "env", cert->env);
	pen_line(&pen, "day", kst_day_text(cert->day, day));
	pen_line(&pen, "mode", mode_text(cert->mode));
	pen_number(&pen, "epoch", cert->epoch);
	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		phase_field(name, (enum phase_id)id, "run");
		pen_number(&pen, name, cert->run_ids[id]);
		phase_field(name, (enum phase_id)id, "digest");
		pen_digest(&pen, name, &cert->results[id]);
	}
	pen_number(&pen, "snapshot_id", cert->snapshot_id);
	pen_number(&pen, "acceptance_id", cert->acceptance_id);
	pen_digest(&pen, "snapshot", &cert->snapshot);
	pen_digest(&pen, "params", &cert->params);
	pen_digest(&pen, "limits", &cert->limits);
	pen_digest(&pen, "universe", &cert->universe);
	pen_digest(&pen, "executable", &cert->executable);
	pen_wall(&pen, "issued", cert->issued);
	pen_wall(&pen, "expires", cert->expires);
	pen_wall(&pen, "session_open", cert->session_open);
	pen_wall(&pen, "session_end", cert->session_end);
	pen_wall(&pen, "entry_end", cert->entry_end);
	if (!pen.fits)
		return reason_set(REASON_CERT_SHAPE, "a certificate is longer than %d bytes",
				  CERTIFICATE_SIZE - 1);
	*out_len = pen.used;
	return REASON_OK;
}

/* ---- reading ---- */

struct eye {
	const char *at, *end;
	bool good;
};

/* The value of the next line, which must be that of `name`. */
static const char *eye_line(struct eye *eye, const char *name, char out[static VALUE_SIZE])
{
	size_t name_len = strlen(name), value_len;
	const char *line_end;

	out[0] = '\0';
	if (!eye->good)
		return out;
	eye->good = false;
	line_end = memchr(eye->at, '\n', (size_t)(eye->end - eye->at));
	if (!line_end || (size_t)(line_end - eye->at) <= name_len || memcmp(eye->at, name, name_len) != 0 ||
	    eye->at[name_len] != '=')
		return out;
	value_len = (size_t)(line_end - eye->at) - name_len - 1;
	if (value_len >= VALUE_SIZE || memchr(eye->at, '\0', (size_t)(line_end - eye->at)))
		return out;
	memcpy(out, eye->at + name_len + 1, value_len);
	out[value_len] = '\0';
	eye->at = line_end + 1;
	eye->good = true;
	return out;
}

static void eye_text(struct eye *eye, const char *name, char *out, size_t out_size)
{
	char value[VALUE_SIZE];
	size_t len;

	eye_line(eye, name, value);
	len = strlen(value);
	if (len >= out_size)
		eye->good = false;
	else if (eye->good)
		memcpy(out, value, len + 1);
}

static void eye_number(struct eye *eye, const char *name, int64_t *out)
{
	char value[VALUE_SIZE];

	eye_line(eye, name, value);
	eye->good = eye->good && num_parse(value, strlen(value), out);
}

static void eye_digest(struct eye *eye, const char *name, struct digest *out)
{
	char value[VALUE_SIZE];

	eye_line(eye, name, value);
	eye->good = eye->good && digest_from_hex(value, out);
}

static void eye_wall(struct eye *eye, const char *name, struct wall *out)
{
	char value[VALUE_SIZE];

	eye_line(eye, name, value);
	eye->good = eye->good && kst_wall_parse(value, out);
}

static void eye_head(struct eye *eye, struct certificate *out)
{
	char value[VALUE_SIZE];

	eye_text(eye, "account", out->account, sizeof(out->account));
	eye_text(eye, "env", out->env, sizeof(out->env));
	eye_line(eye, "day", value);
	eye->good = eye->good && kst_day_parse(value, &out->day);
	eye_line(eye, "mode", value);
	eye->good = eye->good && mode_parse(value, &out->mode);
	eye_number(eye, "epoch", &out->epoch);
}

enum reason certificate_read(const char *text, size_t text_len, struct certificate *out)
{
	struct eye eye = { text + sizeof(HEAD) - 1, text + text_len, true };
	struct certificate cert = { 0 };
	char name[NAME_SIZE], again[CERTIFICATE_SIZE];
	size_t again_len = 0;

	if (text_len >= CERTIFICATE_SIZE || text_len < sizeof(HEAD) ||
	    memcmp(text, HEAD, sizeof(HEAD) - 1) != 0)
		return reason_set(REASON_CERT_SHAPE,
				  "this is not a certificate of this version; ask the gate for a new one");
	eye_head(&eye, &cert);
	for (int id = 0; id < PHASE_MORNING_COUNT; id++) {
		phase_field(name, (enum phase_id)id, "run");
		eye_number(&eye, name, &cert.run_ids[id]);
		phase_field(name, (enum phase_id)id, "digest");
		eye_digest(&eye, name, &cert.results[id]);
	}
	eye_number(&eye, "snapshot_id", &cert.snapshot_id);
	eye_number(&eye, "acceptance_id", &cert.acceptance_id);
	eye_digest(&eye, "snapshot", &cert.snapshot);
	eye_digest(&eye, "params", &cert.params);
	eye_digest(&eye, "limits", &cert.limits);
	eye_digest(&eye, "universe", &cert.universe);
	eye_digest(&eye, "executable", &cert.executable);
	eye_wall(&eye, "issued", &cert.issued);
	eye_wall(&eye, "expires", &cert.expires);
	eye_wall(&eye, "session_open", &cert.session_open);
	eye_wall(&eye, "session_end", &cert.session_end);
	eye_wall(&eye, "entry_end", &cert.entry_end);
	/* Leading zeros, other spellings of a day, trailing bytes: written again they would differ. */
	if (!eye.good || eye.at != eye.end || certificate_write(&cert, again, &again_len) != REASON_OK ||
	    again_len != text_len || memcmp(again, text, text_len) != 0)
		return reason_set(REASON_CERT_SHAPE,
				  "the certificate is damaged; ask the gate for a new one: gaejang run gate");
	*out = cert;
	return REASON_OK;
}

/* ---- checking ---- */

static enum reason frozen_check(const struct certificate *cert, const struct certificate_facts *facts)
{
	const struct {
		const char *name;
		const struct digest *signed_one, *found;
	} rows[] = {
		{ "snapshot", &cert->snapshot, &facts->snapshot },
		{ "parameters", &cert->params, &facts->params },
		{ "limits", &cert->limits, &facts->limits },
		{ "universe", &cert->universe, &facts->universe },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!digest_same(rows[i].signed_one, rows[i].found))
			return reason_set(
				REASON_CERT_DIGEST,
				"the frozen %s are not those the gate signed; run: gaejang run gate",
				rows[i].name);
	}
	return REASON_OK;
}

enum reason certificate_check(const struct certificate *cert, const struct certificate_facts *facts)
{
	char theirs[KST_TEXT_SIZE], ours[KST_TEXT_SIZE];

	if (!kst_day_same(cert->day, facts->today))
		return reason_set(REASON_CERT_DAY,
				  "the certificate is of %s, today is %s; only today's gate can start it",
				  kst_day_text(cert->day, theirs), kst_day_text(facts->today, ours));
	if (facts->now.us < cert->issued.us || facts->now.us > cert->expires.us)
		return reason_set(REASON_CERT_EXPIRED,
				  "the certificate was good until %s; run: gaejang run gate",
				  kst_wall_text(cert->expires, theirs));
	if (strcmp(cert->account, facts->account) != 0 || strcmp(cert->env, facts->env) != 0)
		return reason_set(REASON_CERT_ACCOUNT, "the certificate is of %s (%s), this is %s (%s)",
				  cert->account, cert->env, facts->account, facts->env);
	if (!digest_same(&cert->executable, &facts->executable))
		return reason_set(REASON_CERT_EXECUTABLE, "the certificate was signed for another "
							  "executable; after a build run: gaejang run gate");
	return frozen_check(cert, facts);
}
