/*
 * pace - one gap per lane, shared by every process on the same app key and host.
 *
 * Shape   a small mapped file STATE_DIR/pace-ENV-FINGERPRINT.map: per lane the next free instant.
 *         pace_take() reserves the next slot (lock-free or robust mutex) and waits for it on the caller's clock seat.
 * Errors  REASON_PACE_FILE when the file cannot be made or is not ours; REASON_DEADLINE when the slot lies past
 *         `until` (the slot is given back).
 */
#ifndef GJ_KIS_PACE_H
#define GJ_KIS_PACE_H

#include "shared/base/clock.h"
#include "shared/base/conf.h"
#include "shared/kis/contract.h"

struct pace;
enum reason pace_open(const char *state_dir, enum kis_env env, const char *fingerprint_hex, const struct conf *cfg,
		      struct pace **out);
void pace_close(struct pace *pace);
enum reason pace_take(struct pace *pace, enum kis_lane lane, struct clock_seat *seat, const struct clock *clk,
		      struct wall until);
/* After a refusal for pace: nobody on this lane before `until`. */
void pace_push_back(struct pace *pace, enum kis_lane lane, struct wall until);

#endif
