/*
 * pace - one gap per lane, shared by every process on the same app key and host.
 *
 * Shape   a small mapped file STATE_DIR/pace-ENV-FINGERPRINT.map: per lane the next free instant.
 *         pace_take() waits on the caller's clock seat until the lane is free and takes it, lock-free; nothing is
 *         reserved ahead, so a process that dies leaves nothing behind. Real: balance calls take the ledger's turn
 *         and keep their own gap besides. Paper: one lane for everything but the token.
 * Errors  REASON_PACE_FILE when the file cannot be made or is not ours; REASON_DEADLINE when the lane is taken past
 *         `until` (nothing was taken).
 */
#ifndef GJ_KIS_PACE_H
#define GJ_KIS_PACE_H

#include "shared/base/clock.h"
#include "shared/base/conf.h"
#include "shared/kis/contract.h"

struct pace;
enum reason pace_open(const char *state_dir, enum kis_env env, const char *fingerprint_hex,
		      const struct conf *cfg, struct pace **out);
void pace_close(struct pace *pace);
enum reason pace_take(struct pace *pace, enum kis_lane lane, struct clock_seat *seat, const struct clock *clk,
		      struct wall until);
/* The same, and the instant of the turn: two turns of a lane are never closer than its gap. */
enum reason pace_take_at(struct pace *pace, enum kis_lane lane, struct clock_seat *seat,
			 const struct clock *clk, struct wall until, struct wall *out_at);
/* After a refusal for pace: nobody on this lane before `until`. */
void pace_push_back(struct pace *pace, enum kis_lane lane, struct wall until);

#endif
