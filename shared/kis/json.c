#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "shared/base/bug.h"
#include "shared/base/limits.h"
#include "shared/base/won.h"
#include "shared/kis/json.h"
#include "shared/base/banned.h"

/* cJSON's own bound is 1,000 and fixed in the library, so depth is counted before it sees the bytes. */
static bool depth_allowed(const char *body, size_t body_len)
{
	int depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < body_len; i++) {
		char c = body[i];

		if (in_text) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_text = false;
		} else if (c == '"') {
			in_text = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return true;
}

enum reason json_parse(const char *body, size_t body_len, cJSON **out)
{
	cJSON *root;

	BUG_IF(body == NULL || body[body_len] != '\0', "a body ends with NUL");
	if (body_len == 0)
		return reason_set(REASON_BROKER_SHAPE, "the broker's answer is empty");
	/* An escaped NUL would end a text early inside the library. */
	if (memchr(body, '\0', body_len) != NULL || memmem(body, body_len, "\\u0000", 6) != NULL)
		return reason_set(REASON_BROKER_SHAPE, "the broker's answer holds a NUL byte");
	if (!depth_allowed(body, body_len))
		return reason_set(REASON_BROKER_BODY_SIZE,
				  "the broker's answer is nested deeper than %d levels", JSON_DEPTH_MAX);
	root = cJSON_ParseWithLengthOpts(body, body_len + 1, NULL, true);
	if (root == NULL)
		return reason_set(REASON_BROKER_SHAPE, "the broker's answer of %zu bytes is not JSON",
				  body_len);
	if (!cJSON_IsObject(root)) {
		json_free(root);
		return reason_set(REASON_BROKER_SHAPE, "the broker's answer is JSON but not an object");
	}
	*out = root;
	return REASON_OK;
}

/* Depth is at most JSON_DEPTH_MAX, so the recursion is bounded. */
static void wipe(cJSON *item)
{
	for (; item != NULL; item = item->next) {
		if (item->valuestring != NULL)
			sodium_memzero(item->valuestring, strlen(item->valuestring));
		if (item->child != NULL)
			wipe(item->child);
	}
}

void json_free(cJSON *root)
{
	if (root == NULL)
		return;
	wipe(root);
	cJSON_Delete(root);
}

const cJSON *json_member(const cJSON *object, const char *name)
{
	const cJSON *found = NULL;

	if (!cJSON_IsObject(object))
		return NULL;
	for (const cJSON *item = object->child; item != NULL; item = item->next) {
		if (item->string == NULL || strcasecmp(item->string, name) != 0)
			continue;
		if (found == NULL)
			found = item;
		else if (!cJSON_Compare(found, item, true))
			return NULL; /* said twice, differently: not said */
	}
	return found;
}

const char *json_text(const cJSON *object, const char *name)
{
	const cJSON *item = json_member(object, name);
	const char *text;

	if (item == NULL || !cJSON_IsString(item))
		return NULL;
	text = item->valuestring;
	return text[strspn(text, " ")] == '\0' ? NULL : text;
}

bool json_number(const cJSON *object, const char *name, int64_t *out)
{
	const char *text = json_text(object, name);

	return text != NULL && num_parse_loose(text, strlen(text), true, out);
}

bool json_copy(const cJSON *object, const char *name, char *out, size_t out_size)
{
	const char *text = json_text(object, name);
	size_t text_len;

	out[0] = '\0';
	if (text == NULL)
		return false;
	text += strspn(text, " ");
	text_len = strlen(text);
	while (text_len > 0 && text[text_len - 1] == ' ')
		text_len--;
	if (text_len >= out_size)
		return false;
	memcpy(out, text, text_len);
	out[text_len] = '\0';
	return true;
}

bool json_scaled(const cJSON *object, const char *name, int decimals, int64_t *out)
{
	char text[40];

	return json_copy(object, name, text, sizeof(text)) &&
	       num_parse_scaled(text, strlen(text), decimals, out);
}

bool json_flag(const cJSON *object, const char *name, bool *out)
{
	char text[2];

	if (!json_copy(object, name, text, sizeof(text)))
		return false;
	if (text[0] != 'Y' && text[0] != 'N')
		return false;
	*out = text[0] == 'Y';
	return true;
}

bool json_day(const cJSON *object, const char *name, struct kst_day *out)
{
	char text[9];

	return json_copy(object, name, text, sizeof(text)) && strlen(text) == 8 && kst_day_parse(text, out);
}

/* Length of the well-formed character at `text`, 0 when it is broken (overlong forms and surrogates included). */
static size_t utf8_len(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char lead_low, lead_high, next_low, next_high;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		if (text[0] < forms[i].lead_low || text[0] > forms[i].lead_high)
			continue;
		if (left < forms[i].len || text[1] < forms[i].next_low || text[1] > forms[i].next_high)
			return 0;
		for (size_t j = 2; j < forms[i].len; j++) {
			if (text[j] < 0x80 || text[j] > 0xbf)
				return 0;
		}
		return forms[i].len;
	}
	return 0;
}

void text_excerpt(const char *text, size_t text_len, char *out, size_t out_size)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t at = 0, used = 0, end = 0;

	while (at < text_len && (from[at] == ' ' || from[at] == '\n' || from[at] == '\r' || from[at] == '\t'))
		at++;
	while (at < text_len) {
		size_t len = 1;
		bool good = from[at] >= 0x20 && from[at] < 0x7f;

		if (from[at] >= 0x80) {
			len = utf8_len(from + at, text_len - at);
			good = len > 0;
			len = good ? len : 1;
		}
		if (used + len >= out_size)
			break;
		if (good)
			memcpy(out + used, from + at, len);
		else
			out[used] = '?';
		if (from[at] == '\n' || from[at] == '\r' || from[at] == '\t')
			out[used] = ' ';
		used += len;
		at += len;
		if (out[used - 1] != ' ')
			end = used;
	}
	out[end] = '\0';
}

bool text_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x21 || *text > 0x7e || *text == '"' || *text == '\\')
			return false;
	}
	return true;
}
