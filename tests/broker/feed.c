/*
 * feed - WebSocket sessions: registrations, frames of trades and book, encrypted notices, PINGPONG.
 *
 * Every print and book of a watched symbol is formatted once (records.c), as it happens, into the frame of its
 * channel; a frame is closed when symbol or instant change, or it is full. Notices wait in a queue ordered by the time they
 * are due and are encrypted for each session that gets them.
 * Source: the broker's pages on its WebSocket channels; padding of notices as in recorded ones.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "tests/broker/broker.h"
#include "tests/broker/records.h"

#include "shared/base/banned.h"

#define REORDER_US      (300 * 1000) /* a notice that changes places waits so long */
#define FRAME_HEAD      "0|%s|%03d|"
#define NOTICES_HELD    65536
#define NOTICE_FIRST_MS 50 /* a reply comes so long after its notice when the notice is to be first */

enum ping_answer { PING_ANSWER_ANY, PING_ANSWER_ECHO, PING_ANSWER_VERBATIM };
enum refuse_at { REFUSE_AT_SUBSCRIBE, REFUSE_AT_CONNECT };

enum channel_kind {
	CHANNEL_TRADE,
	CHANNEL_BOOK,
	CHANNEL_EXPECTED,
	CHANNEL_OPERATION,
	CHANNEL_NOTICE,
	CHANNEL_NXT,
	CHANNEL_QUIET
};

/* Quiet channels and those of NXT can be registered and never say anything. `combined` = KRX and NXT together: KRX alone here. */
static const struct channel {
	const char *tr_id;
	enum channel_kind kind;
	bool real, paper, combined;
} channels[] = {
	{ "H0STCNT0", CHANNEL_TRADE, true, true, false },
	{ "H0STASP0", CHANNEL_BOOK, true, true, false },
	{ "H0STANC0", CHANNEL_EXPECTED, true, false, false },
	{ "H0STMKO0", CHANNEL_OPERATION, true, false, false },
	{ "H0UNCNT0", CHANNEL_TRADE, true, false, true },
	{ "H0UNASP0", CHANNEL_BOOK, true, false, true },
	{ "H0UNANC0", CHANNEL_EXPECTED, true, false, true },
	{ "H0UNMKO0", CHANNEL_OPERATION, true, false, true },
	{ "H0STCNI0", CHANNEL_NOTICE, true, false, false },
	{ "H0STCNI9", CHANNEL_NOTICE, false, true, false },
	{ "H0NXCNT0", CHANNEL_NXT, true, false, false },
	{ "H0NXASP0", CHANNEL_NXT, true, false, false },
	{ "H0NXANC0", CHANNEL_NXT, true, false, false },
	{ "H0NXMKO0", CHANNEL_NXT, true, false, false },
	{ "H0GSCNI0", CHANNEL_QUIET, true, false, false },
	{ "H0GSCNI9", CHANNEL_QUIET, false, true, false },
	{ "H0STOUP0", CHANNEL_QUIET, true, false, false },
	{ "H0STOAA0", CHANNEL_QUIET, true, false, false },
	{ "H0STOAC0", CHANNEL_QUIET, true, false, false },
	{ "H0STMBC0", CHANNEL_QUIET, true, false, false },
	{ "H0NXMBC0", CHANNEL_QUIET, true, false, false },
	{ "H0UNMBC0", CHANNEL_QUIET, true, false, false },
	{ "H0STPGM0", CHANNEL_QUIET, true, false, false },
	{ "H0NXPGM0", CHANNEL_QUIET, true, false, false },
	{ "H0UNPGM0", CHANNEL_QUIET, true, false, false },
	{ "H0UPCNT0", CHANNEL_QUIET, true, false, false },
	{ "H0UPANC0", CHANNEL_QUIET, true, false, false },
	{ "H0UPPGM0", CHANNEL_QUIET, true, false, false },
};

struct registration {
	const struct channel *channel;
	char key[32];
};
struct session {
	struct feed *feed;
	struct ws_peer *peer;
	struct session *next, **link;
	struct login *who; /* once an approval key was accepted and the slot taken */
	struct wall approval_until;
	struct registration *regs;
	size_t reg_count;
	char iv[17], key[33];
	struct wall ping_at;
	char ping[96]; /* the newest, to compare echoes with */
	int missed, bad_htsids;
	bool answered;
	uint64_t bytes_at_ping;
	bool silent, dropped;
	struct toxics line; /* for the next frame */
};
struct notice {
	struct wall due;
	size_t account;
	char plain[512];
};
/* The frame that is being filled on one channel. */
struct pending {
	struct buf records;
	char code[EXCH_CODE_SIZE];
	struct wall at;
	int count;
};
struct feed {
	struct broker *b;
	struct session *sessions;
	size_t session_count;
	struct pending pending[ARRAY_COUNT(channels)]; /* beside channels */
	struct notice *notices; /* in order of due */
	size_t notice_count, notice_cap;
	int64_t shift_ms; /* of the notices of the order that is being worked off, against its reply */
	int64_t frames_sent, records_sent, notices_sent;
};

enum reason feed_open(struct broker *b, struct feed **out)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (feed == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for the feed");
	feed->b = b;
	*out = feed;
	return REASON_OK;
}

static bool of_market(const struct channel *ch)
{
	return ch->kind == CHANNEL_TRADE || ch->kind == CHANNEL_BOOK || ch->kind == CHANNEL_EXPECTED ||
	       ch->kind == CHANNEL_OPERATION;
}

/* Tells the exchange that somebody looks, or no longer does. */
static void watch(struct feed *feed, const struct registration *reg, bool on)
{
	if (reg->channel->kind == CHANNEL_EXPECTED)
		exch_expect(feed->b->ex, reg->key, on);
	else if (of_market(reg->channel))
		exch_watch(feed->b->ex, reg->key, on);
}

static void session_free(struct session *s)
{
	for (size_t i = 0; i < s->reg_count; i++)
		watch(s->feed, &s->regs[i], false);
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	s->feed->session_count--;
	free(s->regs);
	free(s);
}

void feed_close(struct feed *feed)
{
	if (feed == NULL)
		return;
	while (feed->sessions != NULL)
		session_free(feed->sessions);
	for (size_t i = 0; i < ARRAY_COUNT(channels); i++)
		buf_clear(&feed->pending[i].records);
	free(feed->notices);
	free(feed);
}

/* ---- sending ---- */

static void session_send(struct session *s, const char *text, size_t text_len)
{
	if (s->silent || s->dropped)
		return;
	ws_send_badly(s->peer, text, text_len, &s->line);
	s->line.on = false;
	s->feed->frames_sent++;
}

static void session_drop(struct session *s)
{
	s->dropped = true;
	ws_drop_hard(s->peer);
}

/* Asks the faults about one outgoing frame. False = it is not to be sent. */
static bool frame_faults(struct session *s)
{
	static const char garbage[] = "0|H0ST\x01\x02|0X1|^^^|\x7f^garbage^";
	struct broker *b = s->feed->b;
	struct fault_hits hits;

	faults_strike(&b->faults, "ws", NULL, kst_second_of(broker_now(b)),
		      (FAULTS_OF_FRAMES | FAULTS_OF_LINE) & ~FAULT_BIT(extra_fields), &hits);
	if (hits.hit[FAULT_drop_socket] != NULL) {
		feed_drop_all(s->feed);
		return false;
	}
	if (hits.hit[FAULT_silent_socket] != NULL) {
		for (struct session *each = s->feed->sessions; each != NULL; each = each->next)
			each->silent = true;
		return false;
	}
	if (hits.hit[FAULT_garbage_frame] != NULL)
		session_send(s, garbage, sizeof garbage - 1);
	s->line = toxics_of(&hits, setting(&b->set, SET_slice_pause_ms), setting(&b->set, SET_delay_divisor));
	return !s->dropped;
}

static const struct channel *channel_of(const struct broker *b, const char *tr_id)
{
	for (size_t i = 0; i < ARRAY_COUNT(channels); i++) {
		if (strcmp(channels[i].tr_id, tr_id) == 0)
			return (b->paper ? channels[i].paper : channels[i].real) ? &channels[i] : NULL;
	}
	return NULL;
}

static bool registered(const struct session *s, const struct channel *ch, const char *key)
{
	for (size_t i = 0; i < s->reg_count; i++) {
		if (s->regs[i].channel == ch && strcmp(s->regs[i].key, key) == 0)
			return true;
	}
	return false;
}

static void pending_flush(struct feed *feed, size_t place)
{
	struct pending *p = &feed->pending[place];
	struct buf frame = BUF_INIT;

	if (p->count == 0)
		return;
	buf_fmt(&frame, FRAME_HEAD, channels[place].tr_id, p->count);
	buf_add(&frame, p->records.bytes, p->records.len);
	for (struct session *s = feed->sessions, *next; s != NULL && !frame.failed; s = next) {
		next = s->next;
		if (registered(s, &channels[place], p->code) && frame_faults(s)) {
			session_send(s, frame.bytes, frame.len);
			feed->records_sent += p->count;
		}
	}
	buf_clear(&frame);
	buf_reset(&p->records);
	p->count = 0;
}

static void frames_flush(struct feed *feed)
{
	for (size_t i = 0; i < ARRAY_COUNT(channels); i++)
		pending_flush(feed, i);
}

/* Room for one more record of this symbol and instant. Closes all frames when either changes. */
static struct buf *pending_record(struct feed *feed, size_t place, const char *code, struct wall at)
{
	struct pending *p = &feed->pending[place];
	bool other = strcmp(p->code, code) != 0 || p->at.us != at.us;

	if (p->count > 0 && (other || p->count >= setting(&feed->b->set, SET_bundle_max)))
		frames_flush(feed);
	snprintf(p->code, sizeof p->code, "%s", code);
	p->at = at;
	if (p->count++ > 0)
		buf_puts(&p->records, "^");
	return &p->records;
}

/* ---- notices ---- */

static void notice_queue(struct feed *feed, const struct notice *n)
{
	size_t at;

	if (feed->notice_count == feed->notice_cap) {
		size_t cap = feed->notice_cap == 0 ? 64 : feed->notice_cap * 2;
		struct notice *more = cap > NOTICES_HELD ? NULL : realloc(feed->notices, cap * sizeof *more);

		if (more == NULL)
			return; /* like any notice that is lost: the daily list tells */
		feed->notices = more;
		feed->notice_cap = cap;
	}
	for (at = feed->notice_count; at > 0 && feed->notices[at - 1].due.us > n->due.us; at--)
		feed->notices[at] = feed->notices[at - 1];
	feed->notices[at] = *n;
	feed->notice_count++;
}

static void notice_of(struct feed *feed, const struct exch_event *ev)
{
	struct notice n = { .account = ev->order->account };
	struct fault_hits hits;
	struct buf b = BUF_INIT;

	if (!record_notice(feed->b, &b, ev))
		return;
	faults_strike(&feed->b->faults, "ws", "notice", kst_second_of(ev->at), FAULTS_OF_NOTICES, &hits);
	n.due = wall_add_us(ev->at, (setting(&feed->b->set, SET_lag_notice_ms) +
				     (feed->shift_ms > 0 ? feed->shift_ms : 0)) *
					    1000);
	if (hits.hit[FAULT_reorder_notices] != NULL)
		n.due = wall_add_us(n.due, REORDER_US);
	if (!b.failed && b.len < sizeof n.plain && hits.hit[FAULT_no_notice] == NULL) {
		memcpy(n.plain, b.bytes, b.len);
		notice_queue(feed, &n);
		if (hits.hit[FAULT_double_notice] != NULL)
			notice_queue(feed, &n);
	}
	buf_clear(&b);
}

/* AES-256-CBC with the session's key, base64, added to the frame. False when it cannot be done. */
static bool encrypt(const struct session *s, const struct buf *plain, struct buf *frame)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *cipher = malloc(plain->len + 32), *text = malloc((plain->len + 34) / 3 * 4 + 1);
	int len = 0, tail = 0;
	bool good;

	good = ctx != NULL && cipher != NULL && text != NULL && !plain->failed &&
	       EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, (const unsigned char *)s->key,
				  (const unsigned char *)s->iv) == 1 &&
	       EVP_EncryptUpdate(ctx, cipher, &len, (const unsigned char *)plain->bytes, (int)plain->len) ==
		       1 &&
	       EVP_EncryptFinal_ex(ctx, cipher + len, &tail) == 1;
	if (good)
		buf_add(frame, text, (size_t)EVP_EncodeBlock(text, cipher, len + tail));
	EVP_CIPHER_CTX_free(ctx);
	free(cipher);
	free(text);
	return good && !frame->failed;
}

/* Notices of one account, each as wide as the other, in one frame to every session of the account. */
static void notices_send(struct feed *feed, const struct notice *notices, size_t count)
{
	const struct channel *ch = channel_of(feed->b, feed->b->paper ? "H0STCNI9" : "H0STCNI0");
	struct buf plain = BUF_INIT, frame = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		buf_fmt(&plain, "%s%s", i > 0 ? "^" : "", notices[i].plain);
	for (struct session *s = feed->sessions, *next; s != NULL; s = next) {
		next = s->next;
		if (s->who == NULL || s->who->account != notices[0].account ||
		    !registered(s, ch, s->who->htsid) || !frame_faults(s))
			continue;
		buf_reset(&frame);
		buf_fmt(&frame, "1|%s|%03zu|", ch->tr_id, count);
		if (!encrypt(s, &plain, &frame))
			continue;
		session_send(s, frame.bytes, frame.len);
		feed->notices_sent += (int64_t)count;
	}
	buf_clear(&plain);
	buf_clear(&frame);
}

static size_t field_count(const char *record)
{
	size_t count = 1;

	for (; *record != '\0'; record++)
		count += *record == '^';
	return count;
}

/* How many of these go into one frame. */
static size_t notices_together(const struct feed *feed, const struct notice *notices, size_t count)
{
	size_t together = 1, most = (size_t)setting(&feed->b->set, SET_notices_per_frame);

	while (together < count && together < most && notices[together].account == notices[0].account &&
	       field_count(notices[together].plain) == field_count(notices[0].plain))
		together++;
	return together;
}

static void notices_until(struct feed *feed, struct wall until)
{
	size_t count = 0;

	while (count < feed->notice_count && feed->notices[count].due.us <= until.us)
		count++;
	for (size_t i = 0, together; i < count; i += together) {
		together = notices_together(feed, feed->notices + i, count - i);
		notices_send(feed, feed->notices + i, together);
	}
	if (count == 0)
		return;
	memmove(feed->notices, feed->notices + count, (feed->notice_count - count) * sizeof *feed->notices);
	feed->notice_count -= count;
}

void feed_order_begins(struct feed *feed)
{
	int64_t share_ppm = setting(&feed->b->set, SET_notice_first_ppm);
	int64_t most_ms = setting(&feed->b->set, SET_notice_jitter_ms);

	feed->shift_ms =
		most_ms == 0 ? 0 : (int64_t)(broker_random(feed->b) % (uint64_t)(2 * most_ms + 1)) - most_ms;
	if (share_ppm > 0 && (int64_t)(broker_random(feed->b) % 1000000) < share_ppm)
		feed->shift_ms = -NOTICE_FIRST_MS;
}

int64_t feed_order_ends(struct feed *feed, bool notice_first)
{
	int64_t shift_ms = notice_first ? -NOTICE_FIRST_MS : feed->shift_ms;

	feed->shift_ms = 0;
	if (shift_ms >= 0 || feed->notice_count == 0)
		return 0;
	notices_until(feed, notice_first ? FUTURE : broker_now(feed->b));
	return -shift_ms;
}

void feed_notice_push(struct feed *feed, size_t account, const char *plain)
{
	struct notice n = { .account = account };

	snprintf(n.plain, sizeof n.plain, "%s", plain);
	notices_send(feed, &n, 1);
}

void feed_frame_push(struct feed *feed, const char *frame)
{
	for (struct session *s = feed->sessions; s != NULL; s = s->next)
		session_send(s, frame, strlen(frame));
}

/* ---- the exchange's events ---- */

/* One record into every channel of this kind that somebody has registered for the symbol. */
static void record_put(struct feed *feed, enum channel_kind kind, const struct exch_event *event)
{
	static void (*const make[])(struct broker *, struct buf *, const struct exch_event *, bool) = {
		[CHANNEL_TRADE] = record_trade,
		[CHANNEL_BOOK] = record_book,
		[CHANNEL_EXPECTED] = record_expected,
		[CHANNEL_OPERATION] = record_operation,
	};
	const char *code = event->quote->code;

	for (size_t i = 0; i < ARRAY_COUNT(channels); i++) {
		bool wanted = false;

		if (channels[i].kind != kind)
			continue;
		for (const struct session *s = feed->sessions; s != NULL && !wanted; s = s->next)
			wanted = registered(s, &channels[i], code);
		if (wanted)
			make[kind](feed->b, pending_record(feed, i, code, event->at), event,
				   channels[i].combined);
	}
}

/* Open, close and call auctions are told for every symbol that is listened to. */
static void phase_put(struct feed *feed, const struct exch_event *event)
{
	for (size_t i = 0; i < exch_symbol_count(feed->b->ex); i++) {
		struct exch_event one = *event;

		one.quote = exch_quote_at(feed->b->ex, i);
		record_put(feed, CHANNEL_OPERATION, &one);
	}
}

void feed_event(void *arg, const struct exch_event *event)
{
	struct broker *b = arg;
	struct feed *feed = b->feed;

	if (feed == NULL)
		return;
	switch (event->kind) {
	case EXCH_EV_TRADE: record_put(feed, CHANNEL_TRADE, event); return;
	case EXCH_EV_BOOK: record_put(feed, CHANNEL_BOOK, event); return;
	case EXCH_EV_EXPECTED: record_put(feed, CHANNEL_EXPECTED, event); return;
	case EXCH_EV_STATE: record_put(feed, CHANNEL_OPERATION, event); return;
	case EXCH_EV_PHASE: phase_put(feed, event); return;
	default: break;
	}
	if (event->order != NULL)
		notice_of(feed, event);
}

void feed_flush(struct feed *feed)
{
	frames_flush(feed);
	notices_until(feed, broker_now(feed->b));
}

/* ---- what clients say ---- */

static void acknowledge(struct session *s, const char *tr_id, const char *tr_key, const char *rt_cd,
			const char *msg_cd, const char *msg1, bool encrypted, bool secrets)
{
	struct buf text = BUF_INIT;
	struct json_out j = JSON_OUT_INIT(&text);

	json_open(&j, NULL, '{');
	json_open(&j, "header", '{');
	json_text(&j, "tr_id", tr_id);
	json_text(&j, "tr_key", tr_key);
	json_text(&j, "encrypt", encrypted ? "Y" : "N");
	json_close(&j, '}');
	json_open(&j, "body", '{');
	json_text(&j, "rt_cd", rt_cd);
	json_text(&j, "msg_cd", msg_cd);
	json_text(&j, "msg1", msg1);
	if (secrets) {
		json_open(&j, "output", '{');
		json_text(&j, "iv", s->iv);
		json_text(&j, "key", s->key);
		json_close(&j, '}');
	}
	json_close(&j, '}');
	json_close(&j, '}');
	if (!text.failed)
		session_send(s, text.bytes, text.len);
	buf_clear(&text);
}

struct subscription {
	const char *approval, *custtype, *tr_type, *tr_id, *tr_key;
};

static const char *child_text(const cJSON *parent, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(parent, name));
}

/* NULL = understood; else the code of the refusal, its text in *out_text. */
static const char *subscription_parse(const cJSON *root, struct subscription *sub, const char **out_text)
{
	const cJSON *header = cJSON_GetObjectItemCaseSensitive(root, "header");
	const cJSON *body = cJSON_GetObjectItemCaseSensitive(root, "body");
	const cJSON *input = cJSON_GetObjectItemCaseSensitive(body, "input");

	*sub = (struct subscription){ child_text(header, "approval_key"), child_text(header, "custtype"),
				      child_text(header, "tr_type"), child_text(input, "tr_id"),
				      child_text(input, "tr_key") };
#define REFUSE(condition, code, text)                                                                        \
	do {                                                                                                 \
		if (condition) {                                                                             \
			*out_text = "JSON PARSING ERROR : " text;                                            \
			return code;                                                                         \
		}                                                                                            \
	} while (0)
	REFUSE(!cJSON_IsObject(root), "OPSP9999", "invalid json format");
	REFUSE(!cJSON_IsObject(header), "OPSP9998", "header not found");
	REFUSE(sub->approval == NULL, "OPSP9996", "appkey not found");
	REFUSE(sub->custtype == NULL, "OPSP9997", "custtype not found");
	REFUSE(strcmp(sub->custtype, "P") != 0 && strcmp(sub->custtype, "B") != 0, "OPSP8998",
	       "invalid custtype");
	REFUSE(sub->tr_type == NULL, "OPSP8997", "invalid tr_type");
	REFUSE(!cJSON_IsObject(body), "OPSP9992", "body not found");
	REFUSE(!cJSON_IsObject(input), "OPSP9991", "input not found");
	REFUSE(sub->tr_id == NULL, "OPSP8991", "invalid tr_id");
	REFUSE(sub->tr_key == NULL, "OPSP9990", "tr_key not found");
	REFUSE(strlen(sub->tr_key) >= sizeof(((struct registration *)0)->key), "OPSP8992", "invalid tr_key");
#undef REFUSE
	return NULL;
}

/* Gives this session the app key's slot, or keeps it. False = it is taken. */
static bool take_slot(struct session *s, struct login *who)
{
	struct feed *feed = s->feed;

	if (s->who == who)
		return true;
	if (setting(&feed->b->set, SET_ws_one_session) != 0) {
		for (const struct session *other = feed->sessions; other != NULL; other = other->next) {
			if (other != s && other->who == who && !other->dropped)
				return false;
		}
		if (who->slot_free_at.us > broker_now(feed->b).us)
			return false;
	}
	s->who = who;
	return true;
}

static void first_frame(struct session *s, const struct registration *reg)
{
	const struct exch_quote *q = exch_quote_of(s->feed->b->ex, reg->key);
	struct exch_event ev = { .kind = EXCH_EV_BOOK, .at = exch_now(s->feed->b->ex), .quote = q };
	struct buf frame = BUF_INIT;

	if (q == NULL || reg->channel->kind != CHANNEL_BOOK)
		return;
	buf_fmt(&frame, FRAME_HEAD, reg->channel->tr_id, 1);
	record_book(s->feed->b, &frame, &ev, reg->channel->combined);
	if (!frame.failed)
		session_send(s, frame.bytes, frame.len);
	buf_clear(&frame);
}

static void release(struct session *s, const struct subscription *sub, const struct channel *ch)
{
	for (size_t i = 0; i < s->reg_count; i++) {
		struct registration *reg = &s->regs[i];

		if (reg->channel != ch || strcmp(reg->key, sub->tr_key) != 0)
			continue;
		watch(s->feed, reg, false);
		*reg = s->regs[--s->reg_count];
		acknowledge(s, sub->tr_id, sub->tr_key, "0", "OPSP0001", "UNSUBSCRIBE SUCCESS",
			    ch->kind == CHANNEL_NOTICE, true);
		return;
	}
	acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP0003", "UNSUBSCRIBE ERROR(not found!)", false,
		    false);
}

/* Funds are not traded on NXT, and before it opened nothing was. Which stocks are is not known here: all of them. */
static bool on_nxt(const struct broker *b, const char *code)
{
	const struct exch_quote *q = exch_quote_of(b->ex, code);

	return record_second_exchange(b) && q != NULL && !q->etf;
}

static void subscribe(struct session *s, const struct subscription *sub, const struct channel *ch)
{
	struct broker *b = s->feed->b;
	bool notice = ch->kind == CHANNEL_NOTICE, market = of_market(ch);
	struct registration *regs;

	for (size_t i = 0; i < s->reg_count; i++) {
		if (s->regs[i].channel == ch && strcmp(s->regs[i].key, sub->tr_key) == 0) {
			acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP0002", "ALREADY IN SUBSCRIBE",
				    notice, setting(&b->set, SET_ws_ack_output_twice) != 0);
			return;
		}
	}
	if (notice && strcmp(sub->tr_key, s->who->htsid) != 0) {
		s->bad_htsids++;
		if (setting(&b->set, SET_ws_bad_htsid_drop) != 0 &&
		    s->bad_htsids >= setting(&b->set, SET_ws_bad_htsid_drop))
			session_drop(s);
		else
			acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP0007", "SUBSCRIBE INTERNAL ERROR",
				    true, false);
		return;
	}
	if ((int64_t)s->reg_count >= setting(&b->set, SET_ws_registrations)) {
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP0008", "MAX SUBSCRIBE OVER", false, false);
		return;
	}
	if (ch->kind == CHANNEL_NXT && setting(&b->set, SET_ws_nxt_drop) != 0 && !on_nxt(b, sub->tr_key)) {
		session_drop(s);
		return;
	}
	if (market && exch_quote_of(b->ex, sub->tr_key) == NULL) {
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP8992",
			    "JSON PARSING ERROR : invalid tr_key", false, false);
		return;
	}
	regs = realloc(s->regs, (s->reg_count + 1) * sizeof *regs);
	if (regs == NULL) {
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP8999", "resource not available", false,
			    false);
		return;
	}
	s->regs = regs;
	regs[s->reg_count] = (struct registration){ .channel = ch };
	snprintf(regs[s->reg_count].key, sizeof regs[0].key, "%s", sub->tr_key);
	s->reg_count++;
	if (setting(&b->set, SET_ws_data_first) != 0)
		first_frame(s, &regs[s->reg_count - 1]);
	acknowledge(s, sub->tr_id, sub->tr_key, "0", "OPSP0000", "SUBSCRIBE SUCCESS", notice,
		    notice || setting(&b->set, SET_ws_iv_key_market) != 0);
	watch(s->feed, &s->regs[s->reg_count - 1], true);
}

static void handle_request(struct session *s, const struct subscription *sub)
{
	struct broker *b = s->feed->b;
	const struct approval *approval = gateway_approval_of(b, sub->approval);
	const struct channel *ch = channel_of(b, sub->tr_id);
	bool zero = setting(&b->set, SET_ws_release_zero) != 0 && strcmp(sub->tr_type, "0") == 0;

	if (approval == NULL) {
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP0011",
			    "invalid approval(appkey) : NOT FOUND", false, false);
		return;
	}
	if (!take_slot(s, &b->logins[approval->login])) {
		acknowledge(s, "(null)", "", "9", "OPSP8996", "ALREADY IN USE appkey", false, false);
		return;
	}
	s->approval_until = approval->expires_at;
	if (ch == NULL)
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP8991", "JSON PARSING ERROR : invalid tr_id",
			    false, false);
	else if (strcmp(sub->tr_type, "1") == 0)
		subscribe(s, sub, ch);
	else if (strcmp(sub->tr_type, "2") == 0 || zero)
		release(s, sub, ch);
	else
		acknowledge(s, sub->tr_id, sub->tr_key, "1", "OPSP8997",
			    "JSON PARSING ERROR : invalid tr_type", false, false);
}

static void trace_message(struct session *s, const struct subscription *sub)
{
	struct broker *b = s->feed->b;
	struct buf line = BUF_INIT;
	struct json_out j = JSON_OUT_INIT(&line);
	char at[KST_TEXT_SIZE];

	json_open(&j, NULL, '{');
	json_text(&j, "at", kst_wall_text(broker_now(b), at));
	json_text(&j, "endpoint", "ws");
	json_text(&j, "tr_type", sub->tr_type != NULL ? sub->tr_type : "");
	json_text(&j, "tr_id", sub->tr_id != NULL ? sub->tr_id : "");
	json_text(&j, "tr_key", sub->tr_key != NULL ? sub->tr_key : "");
	json_close(&j, '}');
	if (!line.failed)
		trace_add(b->trace, "ws", line.bytes, line.len);
	buf_clear(&line);
}

void feed_text(void *arg, struct ws_peer *peer, const char *text, size_t text_len)
{
	struct broker *b = arg;
	struct session *s = ws_user(peer);
	const char *refusal, *words = "";
	struct subscription sub;
	cJSON *root;

	if (s == NULL || s->dropped)
		return;
	if (text[strspn(text, " \t\r\n")] != '{') {
		/* "0|pingpong" and the like: a sign of life for those settings that take any. */
		if (setting(&b->set, SET_ws_ping_answer) == 0)
			s->answered = true;
		return;
	}
	root = cJSON_ParseWithLengthOpts(text, text_len + 1, NULL, true);
	if (root != NULL) {
		const char *tr_id = child_text(cJSON_GetObjectItemCaseSensitive(root, "header"), "tr_id");

		if (tr_id != NULL && strcmp(tr_id, "PINGPONG") == 0) {
			if (setting(&b->set, SET_ws_ping_answer) != PING_ANSWER_VERBATIM ||
			    strcmp(text, s->ping) == 0)
				s->answered = true;
			cJSON_Delete(root);
			return;
		}
	}
	broker_advance(b);
	refusal = subscription_parse(root, &sub, &words);
	trace_message(s, &sub);
	if (refusal != NULL)
		acknowledge(s, sub.tr_id != NULL ? sub.tr_id : "(null)", sub.tr_key != NULL ? sub.tr_key : "",
			    "1", refusal, words, false, false);
	else
		handle_request(s, &sub);
	cJSON_Delete(root);
}

void feed_opened(void *arg, struct ws_peer *peer)
{
	struct broker *b = arg;
	struct feed *feed = b->feed;
	struct session *s = calloc(1, sizeof *s);
	char secret[64];
	bool taken = false;

	if (setting(&b->set, SET_ws_refuse_at) == REFUSE_AT_CONNECT) {
		for (const struct session *other = feed->sessions; other != NULL; other = other->next)
			taken = taken || !other->dropped;
	}
	if (taken) {
		free(s);
		s = NULL;
	}
	if (s == NULL) {
		ws_drop_hard(peer);
		return;
	}
	s->feed = feed;
	s->peer = peer;
	gateway_secret(48, secret);
	for (int i = 0; i < 16; i++) /* 16 hexadecimal digits and 32 small letters, as recorded */
		s->iv[i] = "0123456789abcdef"[(unsigned char)secret[i] % 16];
	for (int i = 0; i < 32; i++)
		s->key[i] = (char)('a' + (unsigned char)secret[16 + i] % 26);
	s->ping_at = wall_add_us(broker_now(b), setting(&b->set, SET_ws_ping_s) * US_PER_S);
	s->answered = true;
	s->line = (struct toxics)TOXICS_NONE;
	s->next = feed->sessions;
	s->link = &feed->sessions;
	if (s->next != NULL)
		s->next->link = &s->next;
	feed->sessions = s;
	feed->session_count++;
	ws_user_set(peer, s);
}

void feed_closed(void *arg, struct ws_peer *peer)
{
	struct broker *b = arg;
	struct session *s = ws_user(peer);

	if (s == NULL)
		return;
	if (s->who != NULL && !ws_said_goodbye(peer))
		s->who->slot_free_at =
			wall_add_us(broker_now(b), setting(&b->set, SET_ws_slot_hold_s) * US_PER_S);
	session_free(s);
}

void feed_drop_all(struct feed *feed)
{
	for (struct session *s = feed->sessions; s != NULL; s = s->next)
		session_drop(s);
}

/* ---- PINGPONG ---- */

static void ping(struct session *s, struct wall now)
{
	struct broker *b = s->feed->b;
	char day[KST_TEXT_SIZE];
	int32_t sec = kst_second_of(now);
	uint64_t received = ws_bytes_received(s->peer);
	int len;

	/* Control frames are answered inside the library; they show as bytes of the connection. */
	if (setting(&b->set, SET_ws_ping_answer) == 0 && received != s->bytes_at_ping)
		s->answered = true;
	s->missed = s->answered ? 0 : s->missed + 1;
	if (s->missed >= setting(&b->set, SET_ws_ping_missed)) {
		s->dropped = true;
		ws_drop(s->peer);
		return;
	}
	s->answered = false;
	s->bytes_at_ping = received;
	s->ping_at = wall_add_us(now, setting(&b->set, SET_ws_ping_s) * US_PER_S);
	len = snprintf(s->ping, sizeof s->ping,
		       "{\"header\":{\"tr_id\":\"PINGPONG\",\"datetime\":\"%s%02d%02d%02d\"}}",
		       kst_day_digits(kst_day_of(now), day), sec / 3600, sec / 60 % 60, sec % 60);
	BUG_IF(len < 0 || (size_t)len >= sizeof s->ping, "a PINGPONG is short");
	if (frame_faults(s))
		session_send(s, s->ping, (size_t)len);
}

void feed_tick(struct feed *feed, struct wall now)
{
	struct broker *b = feed->b;

	for (struct session *s = feed->sessions; s != NULL; s = s->next) {
		if (s->dropped)
			continue;
		if (setting(&b->set, SET_ws_ping_s) != 0 && s->ping_at.us <= now.us)
			ping(s, now);
		if (setting(&b->set, SET_ws_approval_in_session) != 0 && s->who != NULL &&
		    s->approval_until.us <= now.us && !s->dropped) {
			s->dropped = true;
			ws_drop(s->peer);
		}
	}
}

struct wall feed_next(const struct feed *feed)
{
	struct wall next = FUTURE;

	if (feed->notice_count > 0)
		next = feed->notices[0].due;
	for (const struct session *s = feed->sessions; s != NULL; s = s->next) {
		if (s->dropped)
			continue;
		if (setting(&feed->b->set, SET_ws_ping_s) != 0 && s->ping_at.us < next.us)
			next = s->ping_at;
		if (setting(&feed->b->set, SET_ws_approval_in_session) != 0 && s->who != NULL &&
		    s->approval_until.us < next.us)
			next = s->approval_until;
	}
	return next;
}

void feed_report(const struct feed *feed, struct json_out *j)
{
	char number[32];

	json_open(j, "feed", '{');
	snprintf(number, sizeof number, "%zu", feed->session_count);
	json_bare(j, "sessions", number);
	snprintf(number, sizeof number, "%lld", (long long)feed->frames_sent);
	json_bare(j, "frames_sent", number);
	snprintf(number, sizeof number, "%lld", (long long)feed->records_sent);
	json_bare(j, "records_sent", number);
	snprintf(number, sizeof number, "%lld", (long long)feed->notices_sent);
	json_bare(j, "notices_sent", number);
	json_open(j, "registrations", '[');
	for (const struct session *s = feed->sessions; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->reg_count; i++)
			json_fmt(j, NULL, "%s %s", s->regs[i].channel->tr_id, s->regs[i].key);
	}
	json_close(j, ']');
	json_close(j, '}');
}
