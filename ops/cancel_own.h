/*
 * cancel_own - ends our live orders at the broker when no worker does it any more: after a kill.
 *
 * Shape   numbers come from the rows of today; without a database from the local index the worker kept
 *         (STATE_DIR/own-orders-DAY-ACCOUNT). Each number is asked to be cancelled once.
 * Errors  REASON_BROKER_*, REASON_VAULT_*; the first trouble is returned after every number was tried.
 */
#ifndef GJ_OPS_CANCEL_OWN_H
#define GJ_OPS_CANCEL_OWN_H

#include "ops/house.h"

struct cancel_report {
	int asked, confirmed, refused, doubt;
};
/* house: clock joined; db may be NULL. */
enum reason cancel_own(struct house *house, struct cancel_report *out);

#endif
