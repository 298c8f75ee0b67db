#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/kis/json.h"
#include "shared/kis/stream.h"
#include "shared/base/banned.h"

#define CONTROL_SIZE_MAX 4096 /* a control message; the longest known has about 300 bytes */

static const struct {
	enum stream_channel channel;
	const char *tr[2]; /* by kis_env */
} channels[] = {
	{ STREAM_TRADES, { "H0STCNT0", "H0STCNT0" } },
	{ STREAM_BOOK, { "H0STASP0", "H0STASP0" } },
	{ STREAM_NOTICES, { "H0STCNI0", "H0STCNI9" } },
};

enum reason stream_request(enum kis_env env, enum stream_channel channel, const char *key, bool subscribe,
			   const char *approval_key, char out[static STREAM_REQUEST_SIZE], size_t *out_len)
{
	int len;

	BUG_IF(channels[channel].channel != channel, "the table is in the order of the enum");
	if (key[0] == '\0' || approval_key[0] == '\0' || !text_plain(key) || !text_plain(approval_key))
		return reason_set(REASON_INTERNAL,
				  "a registration has no usable key or approval key; run auth");
	len = snprintf(
		out, STREAM_REQUEST_SIZE,
		"{\"header\":{\"approval_key\":\"%s\",\"custtype\":\"P\",\"tr_type\":\"%s\","
		"\"content-type\":\"utf-8\"},\"body\":{\"input\":{\"tr_id\":\"%s\",\"tr_key\":\"%s\"}}}",
		approval_key, subscribe ? "1" : "2", channels[channel].tr[env], key);
	if (len < 0 || len >= STREAM_REQUEST_SIZE)
		return reason_set(REASON_OVERFLOW, "a registration does not fit %d bytes",
				  STREAM_REQUEST_SIZE);
	*out_len = (size_t)len;
	return REASON_OK;
}

static enum reason garbage(const char *what)
{
	return reason_set(REASON_FRAME_GARBAGE, "a control message %s; it is counted and dropped", what);
}

static void channel_read(const char *tr, struct stream_message *msg)
{
	for (size_t i = 0; i < ARRAY_COUNT(channels); i++) {
		if (strcmp(tr, channels[i].tr[0]) == 0 || strcmp(tr, channels[i].tr[1]) == 0) {
			msg->channel = channels[i].channel;
			msg->channel_known = true;
		}
	}
}

static enum reason ack_read(const cJSON *header, const cJSON *body, struct stream_message *msg)
{
	const cJSON *output = json_member(body, "output");
	char tr[16];

	msg->kind = STREAM_ACK;
	if (!json_copy(body, "msg_cd", msg->msg_cd, sizeof(msg->msg_cd)))
		return garbage("has no usable msg_cd");
	if (json_copy(header, "tr_id", tr, sizeof(tr)))
		channel_read(tr, msg);
	if (json_text(header, "tr_key") != NULL && !json_copy(header, "tr_key", msg->key, sizeof(msg->key)))
		return garbage("has a tr_key that is too long");
	msg->accepted = strcmp(msg->msg_cd, "OPSP0000") == 0 || strcmp(msg->msg_cd, "OPSP0001") == 0 ||
			strcmp(msg->msg_cd, "OPSP0002") == 0;
	msg->slot_taken = strcmp(msg->msg_cd, "OPSP8996") == 0;
	msg->over_budget = strcmp(msg->msg_cd, "OPSP0008") == 0;
	msg->bad_approval = strcmp(msg->msg_cd, "OPSP0011") == 0;
	/* Comes with every first registration, of market channels too; an OPSP0002 may bring none or a broken one. */
	msg->notice_key.known = json_copy(output, "key", msg->notice_key.key, sizeof(msg->notice_key.key)) &&
				json_copy(output, "iv", msg->notice_key.iv, sizeof(msg->notice_key.iv)) &&
				strlen(msg->notice_key.key) == 32 && strlen(msg->notice_key.iv) == 16;
	if (!msg->notice_key.known)
		msg->notice_key = (struct notice_key){ 0 };
	return REASON_OK;
}

enum reason stream_read(const char *bytes, size_t bytes_len, struct stream_message *out)
{
	struct stream_message msg = { 0 };
	char text[CONTROL_SIZE_MAX], tr[16];
	const cJSON *header, *body;
	cJSON *root = NULL;
	enum reason why;

	if (bytes_len > 1 && (bytes[0] == '0' || bytes[0] == '1') && bytes[1] == '|') {
		msg.kind = STREAM_DATA;
		*out = msg;
		return REASON_OK;
	}
	if (bytes_len == 0 || bytes[0] != '{' || bytes_len >= sizeof(text))
		return garbage("is neither JSON nor a data frame");
	memcpy(text, bytes, bytes_len);
	text[bytes_len] = '\0';
	if (json_parse(text, bytes_len, &root) != REASON_OK)
		return garbage("is not JSON");
	header = json_member(root, "header");
	body = json_member(root, "body");
	if (json_copy(header, "tr_id", tr, sizeof(tr)) && strcmp(tr, "PINGPONG") == 0) {
		msg.kind = STREAM_PINGPONG;
		why = REASON_OK;
	} else {
		why = ack_read(header, body, &msg);
	}
	json_free(root);
	if (why == REASON_OK)
		*out = msg;
	return why;
}
