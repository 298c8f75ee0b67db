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

void record_trade(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_book(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_expected(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
void record_operation(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined);
/* Plain text. False = of this event nobody is told. */
bool record_notice(struct broker *bk, struct buf *b, const struct exch_event *ev);

#endif
