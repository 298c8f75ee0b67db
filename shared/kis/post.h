/*
 * post - what placing and cancelling share: the ticket spent once, the mark's age, one POST, the answer judged.
 *
 * Shape   order.c writes the body of a new order, cancel.c that of a cancel; neither is reached from here, so a program
 *         that links cancel.c alone holds no code that writes a new order.
 * Errors  as kis_post_once in kis.h.
 */
#ifndef GJ_KIS_POST_H
#define GJ_KIS_POST_H

#include "shared/kis/call.h"

#define ORDER_BODY_SIZE 512

enum reason ticket_bad(const char *what);
/* Marks the ticket as used. A used one is REASON_INTERNAL and FATE_DOUBT: what its first use did is not known here. */
enum reason ticket_spend(struct kis_order_ticket *ticket, struct kis_order_result *out);
/* Symbol and exchange, which every kind needs. */
enum reason ticket_common(const struct kis_order_ticket *ticket);
/* The ticket is spent and checked. */
enum reason order_post(struct kis *kis, enum kis_call call, const struct kis_order_ticket *ticket,
		       int64_t mark_age_max_ms, const char *body, size_t body_len,
		       struct kis_order_result *out);

#endif
