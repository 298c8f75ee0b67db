/* daybars - see daybars.h. */
#include "tests/broker/daybars.h"

#include "tests/broker/random.h"
#include "tests/broker/rules.h"

#include "shared/base/banned.h"

#define MOVE_BP      160
#define PULL_PERCENT 4

static int64_t snap(struct rules_grid grid, int64_t price_won)
{
	return rules_price_at(grid, rules_index_of(grid, price_won < 1 ? 1 : price_won));
}

static int64_t clip(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

void daybars_make(uint64_t seed, const char *code, bool kosdaq, bool etf, const struct kst_day *days,
		  size_t count, int64_t last_close_won, int64_t usual_volume, struct exch_bar *out)
{
	struct sim_random random = { sim_hash(seed ^ 0x62617273, code, 0) };
	int64_t close = last_close_won;

	for (size_t i = count; i-- > 0;) {
		struct rules_grid grid = rules_grid(days[i], kosdaq, etf);
		int64_t away_bp = (close - last_close_won) * 10000 / last_close_won;
		int64_t move_bp =
			clip(sim_bell(&random) * MOVE_BP / 65536 + away_bp * PULL_PERCENT / 100, -900, 900);
		int64_t before = snap(grid, close * 10000 / (10000 + move_bp));
		int64_t open = before + before * clip(sim_bell(&random) * 50 / 65536, -150, 150) / 10000;
		int64_t top = open > close ? open : close, foot = open < close ? open : close;
		struct exch_bar *bar = &out[i];

		*bar = (struct exch_bar){ .day = days[i], .close_won = close, .synthetic = true };
		top += top * sim_range(&random, 15, 110) / 10000;
		foot -= foot * sim_range(&random, 15, 110) / 10000;
		bar->open_won = snap(grid, open);
		bar->high_won = snap(grid, top);
		bar->low_won = snap(grid, foot);
		if (bar->high_won < close)
			bar->high_won = close;
		if (bar->low_won > close)
			bar->low_won = close;
		bar->volume = usual_volume / 100 * sim_range(&random, 55, 150) + sim_range(&random, 1, 99);
		bar->turnover_won = bar->volume * ((bar->high_won + bar->low_won + close) / 3);
		close = before;
	}
}
