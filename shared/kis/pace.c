#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/kis/pace.h"
#include "shared/base/banned.h"

#define PACE_MAGIC UINT64_C(0x676a2d7061636531) /* "gj-pace1": layout 1 */
#define AHEAD_US_MAX                                                                                         \
	INT64_C(600000000) /* an instant further ahead is of another clock and is not waited for */
#define TAKE_TURN_MAX 100000 /* lost races plus waits of one take */

/*
 * The file. Nobody reserves ahead: a lane holds the instant before which it is taken, and a turn is won by moving it
 * from the past to "now + gap" in one compare-and-swap. So the instants of two turns are never closer than the gap,
 * a process that dies leaves nothing behind, and a push-back holds for those who already wait.
 */
struct pace_map {
	_Atomic uint64_t magic;
	_Atomic int64_t next_us[LANE_COUNT];
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared between processes without a lock");

struct pace {
	struct pace_map *map;
	int64_t gap_us[LANE_COUNT];
	bool one_lane; /* paper: every call shares one limit, the token call aside */
};

static enum reason map_file(const char *path, struct pace_map **out)
{
	struct pace_map *map = MAP_FAILED;
	struct stat st;
	uint64_t fresh = 0;
	enum reason why = REASON_OK;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd < 0)
		return reason_set(REASON_PACE_FILE,
				  "cannot open the pacing file %s: %s; check the state folder's "
				  "owner and mode",
				  path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & S_IWOTH) != 0 ||
	    (st.st_size != 0 && st.st_size != (off_t)sizeof(*map))) {
		why = reason_set(REASON_PACE_FILE,
				 "%s is not a pacing file of this build; remove it while no program "
				 "of the account runs",
				 path);
		goto out;
	}
	/* Two makers may both come here: the same size, zeros, and one of them writes the magic. */
	if (st.st_size == 0 && ftruncate(fd, (off_t)sizeof(*map)) != 0) {
		why = reason_set(REASON_PACE_FILE, "cannot size the pacing file %s: %s", path,
				 strerror(errno));
		goto out;
	}
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		why = reason_set(REASON_PACE_FILE, "cannot map the pacing file %s: %s", path,
				 strerror(errno));
		goto out;
	}
	if (!atomic_compare_exchange_strong(&map->magic, &fresh, PACE_MAGIC) && fresh != PACE_MAGIC) {
		why = reason_set(REASON_PACE_FILE,
				 "%s is not a pacing file of this build; remove it while no program "
				 "of the account runs",
				 path);
		goto out;
	}
	*out = map;
	map = MAP_FAILED;
out:
	if (map != MAP_FAILED)
		munmap(map, sizeof(*map));
	close(fd);
	return why;
}

enum reason pace_open(const char *state_dir, enum kis_env env, const char *fingerprint_hex,
		      const struct conf *cfg, struct pace **out)
{
	static const enum conf_key keys[LANE_COUNT] = {
		[LANE_QUOTE] = CONF_PACE_QUOTE_MS,     [LANE_LEDGER] = CONF_PACE_LEDGER_MS,
		[LANE_BALANCE] = CONF_PACE_BALANCE_MS, [LANE_ORDER] = CONF_PACE_ORDER_MS,
		[LANE_TOKEN] = CONF_PACE_TOKEN_MS,
	};
	char name[64], path[FILE_PATH_SIZE];
	struct pace *pace;
	enum reason why;
	int len;

	len = snprintf(name, sizeof(name), "pace-%s-%s.map", kis_env_text(env), fingerprint_hex);
	BUG_IF(len < 0 || (size_t)len >= sizeof(name), "a fingerprint is 16 digits");
	why = file_join(state_dir, name, path);
	if (why != REASON_OK)
		return why;
	pace = calloc(1, sizeof(*pace));
	if (pace == NULL)
		return reason_set(REASON_NO_MEMORY, "no memory for pacing");
	pace->one_lane = env == KIS_PAPER;
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		bool paper = env == KIS_PAPER && lane != LANE_TOKEN;

		pace->gap_us[lane] = conf_number(cfg, paper ? CONF_PACE_PAPER_MS : keys[lane]) * 1000;
	}
	why = map_file(path, &pace->map);
	if (why != REASON_OK) {
		free(pace);
		return why;
	}
	*out = pace;
	return REASON_OK;
}

void pace_close(struct pace *pace)
{
	if (pace == NULL)
		return;
	munmap(pace->map, sizeof(*pace->map));
	free(pace);
}

/* The lane whose instant decides. Balance is a ledger call: it takes the ledger's turn and has its own gap besides. */
static enum kis_lane lane_of(const struct pace *pace, enum kis_lane lane)
{
	if (lane == LANE_TOKEN)
		return lane;
	if (pace->one_lane)
		return LANE_LEDGER;
	return lane == LANE_BALANCE ? LANE_LEDGER : lane;
}

/* An instant too far ahead was written under another clock (a virtual day, a stepped host): it binds nobody. */
static int64_t next_of(const struct pace *pace, enum kis_lane lane, int64_t now_us)
{
	int64_t next_us = atomic_load(&pace->map->next_us[lane]);

	return next_us - now_us > pace->gap_us[lane] + AHEAD_US_MAX ? now_us : next_us;
}

static bool turn_try(struct pace *pace, enum kis_lane lane, int64_t now_us, int64_t *out_next_us)
{
	enum kis_lane gate = lane_of(pace, lane);
	bool own_gap = lane == LANE_BALANCE && !pace->one_lane;
	int64_t seen_us = atomic_load(&pace->map->next_us[gate]);
	int64_t next_us = next_of(pace, gate, now_us);

	if (own_gap && next_of(pace, LANE_BALANCE, now_us) > next_us)
		next_us = next_of(pace, LANE_BALANCE, now_us);
	*out_next_us = next_us;
	if (next_us > now_us)
		return false;
	if (!atomic_compare_exchange_strong(&pace->map->next_us[gate], &seen_us, now_us + pace->gap_us[gate]))
		return false;
	if (own_gap)
		atomic_store(&pace->map->next_us[LANE_BALANCE], now_us + pace->gap_us[LANE_BALANCE]);
	return true;
}

enum reason pace_take_at(struct pace *pace, enum kis_lane lane, struct clock_seat *seat,
			 const struct clock *clk, struct wall until, struct wall *out_at)
{
	for (int turn = 0; turn < TAKE_TURN_MAX; turn++) {
		struct wall now = clock_wall(clk);
		int64_t next_us;
		enum reason why;

		if (turn_try(pace, lane, now.us, &next_us)) {
			*out_at = now;
			return REASON_OK;
		}
		if (next_us > until.us)
			return reason_set(REASON_DEADLINE,
					  "no turn to call the broker before the deadline; the next "
					  "one is %lld ms away",
					  (long long)(next_us - now.us) / 1000);
		if (next_us <= now.us)
			continue; /* lost a race: look again */
		why = clock_wait_until(seat, (struct wall){ next_us });
		if (why != REASON_OK)
			return why;
	}
	return reason_set(REASON_DEADLINE, "no turn to call the broker after %d tries", TAKE_TURN_MAX);
}

enum reason pace_take(struct pace *pace, enum kis_lane lane, struct clock_seat *seat, const struct clock *clk,
		      struct wall until)
{
	struct wall at;

	return pace_take_at(pace, lane, seat, clk, until, &at);
}

void pace_push_back(struct pace *pace, enum kis_lane lane, struct wall until)
{
	enum kis_lane gate = lane_of(pace, lane);
	int64_t seen_us = atomic_load(&pace->map->next_us[gate]);

	/* Only further; an instant of another clock, far ahead, is replaced. */
	while (seen_us < until.us || seen_us - until.us > AHEAD_US_MAX) {
		if (atomic_compare_exchange_weak(&pace->map->next_us[gate], &seen_us, until.us))
			return;
	}
}
