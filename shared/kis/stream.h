/*
 * stream - the WebSocket's control messages: registrations out, acknowledgements and PINGPONG in. No socket here.
 *
 * Errors  REASON_FRAME_GARBAGE for text that is neither a control message nor a data frame.
 */
#ifndef GJ_KIS_STREAM_H
#define GJ_KIS_STREAM_H

#include "shared/kis/contract.h"
#include "shared/kis/notice.h"

enum stream_channel { STREAM_TRADES, STREAM_BOOK, STREAM_NOTICES };
#define STREAM_REQUEST_SIZE 768
/* {"header":{...},"body":{...}} with the approval key; key = symbol or HTS id. *out_len without the NUL. */
enum reason stream_request(enum kis_env env, enum stream_channel channel, const char *key, bool subscribe,
			   const char *approval_key, char out[static STREAM_REQUEST_SIZE], size_t *out_len);

enum stream_kind { STREAM_DATA, STREAM_ACK, STREAM_PINGPONG };
struct stream_message {
	enum stream_kind kind;
	/* ACK */
	enum stream_channel channel;
	bool channel_known;
	char key[24]; /* tr_key */
	char msg_cd[16];
	bool accepted; /* OPSP0000, OPSP0001, OPSP0002 */
	bool slot_taken; /* OPSP8996 */
	bool over_budget; /* OPSP0008 */
	bool bad_approval; /* OPSP0011 */
	struct notice_key notice_key; /* as sent in the ack */
};
enum reason stream_read(const char *bytes, size_t bytes_len, struct stream_message *out);

#endif
