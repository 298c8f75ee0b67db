/*
 * certificate - the gate's YES as text: one canonical form, signed as bytes. Pure; signing is the vault's.
 *
 * Shape   "gaejang-certificate 1\n" then name=value lines in a fixed order, each once, LF, nothing after the last.
 * Errors  certificate_read refuses anything that certificate_write would not have written (REASON_CERT_SHAPE).
 *         certificate_check gives the first of: CERT_DAY, CERT_EXPIRED, CERT_ACCOUNT, CERT_EXECUTABLE, CERT_DIGEST.
 */
#ifndef GJ_TRADE_CERTIFICATE_H
#define GJ_TRADE_CERTIFICATE_H

#include "shared/trade/phases.h"

#define CERTIFICATE_SIZE 4096

struct certificate {
	char account[33], env[8];
	struct kst_day day;
	enum mode mode; /* TRADE, REDUCE or OBSERVE */
	int64_t epoch; /* of the lease the worker must get */
	int64_t run_ids[PHASE_MORNING_COUNT]; /* the seven results it rests on */
	struct digest results[PHASE_MORNING_COUNT];
	int64_t snapshot_id, acceptance_id;
	struct digest snapshot, params, limits, universe;
	/* of the program it is for: bin/worker, or bin/observer if mode is OBSERVE */
	struct digest executable;
	struct wall issued, expires; /* expires: to be consumed before */
	struct wall session_open, session_end, entry_end;
};
enum reason certificate_write(const struct certificate *cert, char out[static CERTIFICATE_SIZE],
			      size_t *out_len);
enum reason certificate_read(const char *text, size_t text_len, struct certificate *out);
struct certificate_facts { /* what the worker sees for itself */
	const char *account, *env;
	struct kst_day today;
	struct wall now;
	struct digest executable, snapshot, params, limits, universe;
};
enum reason certificate_check(const struct certificate *cert, const struct certificate_facts *facts);

#endif
