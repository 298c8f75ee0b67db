/*
 * market_path - the prints of one symbol on one day, made up between the day's real figures.
 *
 * Real      open, high, low, close and volume: all five come out exactly.
 * Invented  the way between them, times, sizes and sides of the prints. Turnover is what the prints give.
 *
 * Shape   made lazily: the struct holds the next print and what is left to reach. The first print is the opening
 *         call at open_s, the last the closing call at close_s; the others lie before the closing call starts,
 *         denser after the open and before the close. Two way-points, high and low, lie in the middle; between
 *         way-points goes a random walk that is pulled to the next one, on the tick grid, inside low .. high.
 * Units   whole won, shares, microseconds UTC.
 * Owner   the caller; holds no pointers to memory of its own.
 * Errors  path_init is false when the figures cannot be reached (fewer than four shares, high below low, off grid).
 */
#ifndef GJ_BROKER_MARKET_PATH_H
#define GJ_BROKER_MARKET_PATH_H

#include "tests/broker/random.h"
#include "tests/broker/rules.h"

struct path_figures {
	int64_t open_won, high_won, low_won, close_won, volume;
};
struct path_print {
	struct wall at;
	int64_t price_won, qty;
	int side; /* 2 the buyer came to the book, 1 the seller, 0 call auction */
};
struct path {
	struct sim_random random;
	struct rules_grid grid;
	int64_t low_index, high_index;
	int64_t at_index; /* of the newest print */
	int64_t way_index[3]; /* first extreme, second extreme, close */
	int64_t way_print[3];
	int64_t noise; /* standard deviation of a step in ticks x 65,536 */
	int64_t print_count, made;
	int64_t volume_left, close_volume;
	int64_t from_us, to_us; /* continuous trading: from .. before to */
	int64_t close_us;
	int last_side;
	int32_t mid_ppm; /* share of prints between the quotes; set after path_init, 0 = none */
	bool has_next;
	struct path_print next;
};

bool path_init(struct path *path, uint64_t seed, const char *code, struct kst_day day, struct rules_grid grid,
	       const struct path_figures *figures, int32_t open_s, int32_t close_s, int64_t print_count);
/* Moves to the print after path->next; has_next becomes false after the closing print. */
void path_step(struct path *path);
/* Figures of a day nobody recorded, from the close before: plausible, on the grid, inside the daily limits. */
void path_figures_invent(uint64_t seed, const char *code, struct kst_day day, struct rules_grid grid,
			 int64_t prev_close_won, int64_t usual_volume, struct path_figures *out);

#endif
