/* market_path - see market_path.h. Integers only: equal seeds give equal days on every machine. */
#include "tests/broker/market_path.h"

#include "shared/base/bug.h"

#include "shared/base/banned.h"

#define CLOSING_CALL_S 600
#define PRINTS_MIN     4 /* open, two extremes, close */
#define NOISE_MIN      24000

static int64_t int_sqrt(int64_t value)
{
	int64_t root = 0;

	while ((root + 1) * (root + 1) <= value)
		root++;
	return root;
}

/* Share of the session, in millionths, that has passed when `part` millionths of the prints are made. */
static int64_t session_warp(int64_t part)
{
	if (part < 200000)
		return part / 2;
	if (part < 850000)
		return 100000 + (part - 200000) * 800 / 650;
	return 900000 + (part - 850000) * 100 / 150;
}

static int64_t slot_us(const struct path *path, int64_t slot)
{
	int64_t slots = path->print_count - 2;

	return path->from_us + (path->to_us - path->from_us) / 1000000 * session_warp(slot * 1000000 / slots);
}

static struct wall middle_time(struct path *path, int64_t number)
{
	int64_t from_us = slot_us(path, number - 1), to_us = slot_us(path, number), us;

	if (path->next.side != 0 && sim_chance(&path->random, 20))
		us = path->next.at.us + sim_range(&path->random, 0, 2) * 1000; /* bursts share a frame */
	else
		us = sim_range(&path->random, from_us, to_us - 1) / 1000 * 1000;
	if (us < path->next.at.us)
		us = path->next.at.us;
	if (us >= path->to_us)
		us = path->to_us - 1000;
	return (struct wall){ us };
}

static int64_t middle_qty(struct path *path, int64_t number)
{
	int64_t left = path->print_count - 1 - number; /* middle prints still to make, this one included */
	int64_t mean = path->volume_left / left, qty;

	if (left == 1)
		return path->volume_left;
	if (sim_chance(&path->random, 40))
		qty = sim_range(&path->random, 1, mean < 60 ? mean : 60);
	else
		qty = mean * sim_range(&path->random, 10, 320) / 100;
	if (qty > path->volume_left - (left - 1))
		qty = path->volume_left - (left - 1);
	return qty < 1 ? 1 : qty;
}

static int64_t middle_index(struct path *path, int64_t number)
{
	size_t way = number <= path->way_print[0] ? 0 : number <= path->way_print[1] ? 1 : 2;
	int64_t left = path->way_print[way] - (number - 1), fixed, index;

	if (number == path->way_print[way])
		return path->way_index[way];
	fixed = (path->way_index[way] - path->at_index) * 65536 / left;
	fixed += path->noise * sim_bell(&path->random) / 65536;
	fixed += sim_range(&path->random, 0, 65535); /* rounds by chance: a slow drift is not lost */
	index = path->at_index + (fixed >= 0 ? fixed / 65536 : -((-fixed + 65535) / 65536));
	if (index < path->low_index)
		return path->low_index;
	return index > path->high_index ? path->high_index : index;
}

/* Now and then a print lies half a tick above its place: two orders met between the quotes. 0 = not here. */
static int64_t middle_of_quotes(struct path *path, int64_t number, int64_t index)
{
	int64_t low_won, high_won;

	if (path->mid_ppm == 0 || index >= path->high_index || number == path->way_print[0] ||
	    number == path->way_print[1] || sim_range(&path->random, 0, 999999) >= path->mid_ppm)
		return 0;
	low_won = rules_price_at(path->grid, index);
	high_won = rules_price_at(path->grid, index + 1);
	return (low_won + high_won) % 2 == 0 ? (low_won + high_won) / 2 : 0;
}

static int side_of(struct path *path, int64_t index)
{
	if (index > path->at_index)
		return 2;
	if (index < path->at_index)
		return 1;
	return sim_chance(&path->random, 60) && path->last_side != 0 ? path->last_side
								     : (int)sim_range(&path->random, 1, 2);
}

bool path_init(struct path *path, uint64_t seed, const char *code, struct kst_day day, struct rules_grid grid,
	       const struct path_figures *figures, int32_t open_s, int32_t close_s, int64_t print_count)
{
	const struct path_figures *f = figures;
	int64_t middle, first, second, open_volume;
	bool low_first;

	*path = (struct path){ .random = { sim_hash(seed, code, (uint64_t)day.yyyymmdd) }, .grid = grid };
	if (f->low_won <= 0 || f->low_won > f->high_won || f->open_won < f->low_won ||
	    f->open_won > f->high_won || f->close_won < f->low_won || f->close_won > f->high_won ||
	    f->volume < PRINTS_MIN)
		return false;
	if (!rules_on_grid(grid, f->open_won) || !rules_on_grid(grid, f->high_won) ||
	    !rules_on_grid(grid, f->low_won) || !rules_on_grid(grid, f->close_won))
		return false;
	if (close_s - CLOSING_CALL_S <= open_s + 1)
		return false;
	if (print_count > f->volume)
		print_count = f->volume;
	path->print_count = print_count < PRINTS_MIN ? PRINTS_MIN : print_count;
	middle = path->print_count - 2;
	path->low_index = rules_index_of(grid, f->low_won);
	path->high_index = rules_index_of(grid, f->high_won);
	path->at_index = rules_index_of(grid, f->open_won);
	low_first = sim_chance(&path->random, f->close_won >= f->open_won ? 70 : 30);
	first = middle / 2 < 2 ? 1 : sim_range(&path->random, 1 + middle / 20, middle / 2);
	second = sim_range(&path->random, first + 1 + (middle - first) / 10, middle - middle / 20);
	path->way_print[0] = first;
	path->way_print[1] = second <= first ? first + 1 : second;
	path->way_print[2] = path->print_count - 1;
	path->way_index[0] = low_first ? path->low_index : path->high_index;
	path->way_index[1] = low_first ? path->high_index : path->low_index;
	path->way_index[2] = rules_index_of(grid, f->close_won);
	path->noise = (path->high_index - path->low_index) * 65536 * 9 / 16 / int_sqrt(path->print_count);
	if (path->noise < NOISE_MIN)
		path->noise = NOISE_MIN;
	open_volume = f->volume / 1000 * sim_range(&path->random, 10, 40);
	path->close_volume = f->volume / 1000 * sim_range(&path->random, 20, 50);
	if (open_volume < 1)
		open_volume = 1;
	if (path->close_volume < 1)
		path->close_volume = 1;
	path->volume_left = f->volume - open_volume - path->close_volume;
	if (path->volume_left < middle) { /* thin days: one share each, what is over in the middle */
		open_volume = 1;
		path->close_volume = 1;
		path->volume_left = f->volume - 2;
	}
	path->from_us = kst_wall(day, open_s).us + 200000;
	path->to_us = kst_wall(day, close_s - CLOSING_CALL_S).us;
	path->close_us = kst_wall(day, close_s).us;
	path->next = (struct path_print){ .at = kst_wall(day, open_s),
					  .price_won = f->open_won,
					  .qty = open_volume };
	path->made = 1;
	path->has_next = true;
	return true;
}

void path_step(struct path *path)
{
	int64_t number = path->made, index, mid_won;

	BUG_IF(!path->has_next, "nobody asks for a print after the last");
	if (number == path->print_count) {
		path->has_next = false;
		return;
	}
	path->made++;
	if (number == path->print_count - 1) {
		path->at_index = path->way_index[2];
		path->next = (struct path_print){ .at = { path->close_us },
						  .price_won = rules_price_at(path->grid, path->at_index),
						  .qty = path->close_volume };
		return;
	}
	index = middle_index(path, number);
	mid_won = middle_of_quotes(path, number, index);
	path->next.at = middle_time(path, number);
	path->next.side = side_of(path, index);
	path->next.price_won = mid_won > 0 ? mid_won : rules_price_at(path->grid, index);
	path->next.qty = middle_qty(path, number);
	path->volume_left -= path->next.qty;
	path->last_side = path->next.side;
	path->at_index = index;
}

void path_figures_invent(uint64_t seed, const char *code, struct kst_day day, struct rules_grid grid,
			 int64_t prev_close_won, int64_t usual_volume, struct path_figures *out)
{
	struct sim_random random = { sim_hash(seed ^ 0x646179, code, (uint64_t)day.yyyymmdd) };
	int64_t open_bp = sim_bell(&random) * 60 / 65536, close_bp = sim_bell(&random) * 160 / 65536;
	int64_t top_bp = sim_range(&random, 20, 120), foot_bp = sim_range(&random, 20, 120);
	int64_t high_bp = (open_bp > close_bp ? open_bp : close_bp) + top_bp;
	int64_t low_bp = (open_bp < close_bp ? open_bp : close_bp) - foot_bp;
	int64_t base = prev_close_won;

	out->open_won = rules_price_at(grid, rules_index_of(grid, base + base * open_bp / 10000));
	out->close_won = rules_price_at(grid, rules_index_of(grid, base + base * close_bp / 10000));
	out->high_won = rules_price_at(grid, rules_index_of(grid, base + base * high_bp / 10000));
	out->low_won = rules_price_at(grid, rules_index_of(grid, base + base * low_bp / 10000));
	out->volume = usual_volume / 100 * sim_range(&random, 60, 150);
	if (out->volume < 1000)
		out->volume = 1000;
}
