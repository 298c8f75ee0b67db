/*
 * accounts_file - the accounts the simulator serves: from a JSON file, or one made up.
 *
 * Shape   a list of {"account":"50123456-01","appkey":36 characters,"appsecret":180 characters,"htsid","name",
 *         "cash","holdings":[{"symbol","qty","avg"}],"commission_ppm","env","branch"}; what is absent is made up.
 *         A number that comes again is a further app key of that account: one ledger, which the first row fills.
 * Owner   b->logins is allocated here and freed by main.
 * Errors  REASON_FILE_*, REASON_FILE_SHAPE with the account and what it takes.
 */
#ifndef GJ_BROKER_ACCOUNTS_FILE_H
#define GJ_BROKER_ACCOUNTS_FILE_H

#include "tests/broker/broker.h"

enum reason accounts_file_load(struct broker *b, const char *path); /* NULL = one default account */

#endif
