/*
 * frame - the WebSocket's data frames: split, and the fields a consumer asks for.
 *
 * Shape   E|TR_ID|NNN|f0^f1^...; width of a record = fields / NNN. A frame that does not divide or is narrower than
 *         known is refused; extra trailing fields are tolerated and counted.
 * Units   won, shares; times as KST second of day.
 * Owner   views into the caller's bytes; nothing is copied or allocated.
 * Errors  REASON_FRAME_GARBAGE (not a data frame), REASON_FRAME_SHAPE (wrong width, wrong number).
 * Source  the broker's channel pages; widths seen live are in contract notes: trades 46/47, book 59/62/63, notices 23/26.
 */
#ifndef GJ_KIS_FRAME_H
#define GJ_KIS_FRAME_H

#include "shared/base/kst.h"
#include "shared/base/limits.h"
#include "shared/base/reason.h"

enum frame_channel { CHANNEL_TRADE, CHANNEL_BOOK, CHANNEL_NOTICE, CHANNEL_OTHER };
struct frame {
	enum frame_channel channel;
	bool encrypted;
	int record_count, field_count, width; /* of the payload; for encrypted frames 0 until decrypted */
	int extra; /* trailing fields beyond the newest known layout */
	const char *payload;
	size_t payload_len;
};
enum reason frame_split(const char *bytes, size_t bytes_len, struct frame *out);

struct trade_tick {
	char symbol[SYMBOL_SIZE];
	int32_t time_s;
	int64_t price_won, qty, volume_qty; /* volume: accumulated */
	int64_t ask_won, bid_won;
	int64_t open_won, high_won, low_won;
	bool halted;
	char market_phase; /* MARKET_CLS_CODE, '\0' when the layout has none */
	char aggressor; /* '1' buy, '5' sell, '\0' none */
};
#define BOOK_LEVELS 10
struct book_view {
	char symbol[SYMBOL_SIZE];
	int32_t time_s;
	int64_t ask_won[BOOK_LEVELS], bid_won[BOOK_LEVELS], ask_qty[BOOK_LEVELS], bid_qty[BOOK_LEVELS];
};
/* Every record of the frame, in order. *out_count <= room; a frame with more records than room is REASON_FRAME_SHAPE. */
enum reason frame_trades(const struct frame *frame, struct trade_tick *rows, int room, int *out_count);
enum reason frame_books(const struct frame *frame, struct book_view *rows, int room, int *out_count);

#endif
