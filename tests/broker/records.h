/*
 * records - one event as the fields of one record of a frame, `^` between them, none behind the last.
 *
 * Shape   appended to a buffer. `combined` = the form of the KRX+NXT channels (H0UN...), which here carry KRX alone.
 * Errors  none; look at `failed` of the buffer.
 * Source  the broker's pages on its WebSocket channels, recorded frames; padding of notices as in recorded ones.
 */
#ifndef GJ_BROKER_RECORDS_H
#define GJ_BROKER_RECORDS_H

#include "tests/broker/broker.h"

/* Fields of a record by the setting, or as the service sent them on the simulated day:
 * trades 46, from 2026-09-14 47; books 59, with the second exchange (2025-03-04) 62, from 2026-09-14 63; notices 23, with
 * the second exchange 26. A width under the least known counts as that. */
int64_t record_trade_fields(const struct broker *bk);
int64_t record_book_fields(const struct broker *bk);
int64_t record_notice_fields(const struct broker *bk);
bool record_second_exchange(const struct broker *bk); /* NXT is open on the simulated day */

void record_trade(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_book(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_expected(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_operation(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
/* Plain text. False = of this event nobody is told. */
bool record_notice(struct broker *bk, struct buf *b, const struct exch_event *ev);

#endif
