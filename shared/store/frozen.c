#include "shared/store/frozen.h"

#include "shared/base/banned.h"

struct digest frozen_limits(const struct limit_set *set, const struct symbol_risk *risks, int risk_count)
{
	struct digest_maker mk;
	const char *name;
	int64_t value;

	digest_begin(&mk, "limits");
	for (int i = 0; limit_set_at(set, i, &name, &value); i++)
		digest_number(&mk, name, value);
	for (int i = 0; i < risk_count; i++) {
		digest_text(&mk, "symbol", risks[i].symbol);
		digest_number(&mk, "volatile_now", risks[i].volatile_now);
		digest_number(&mk, "volume_average_qty", risks[i].volume_average_qty);
	}
	return digest_end(&mk);
}

struct digest frozen_universe(const struct universe_row *rows, int row_count)
{
	struct digest_maker mk;

	digest_begin(&mk, "universe");
	for (int i = 0; i < row_count; i++) {
		const struct universe_row *row = &rows[i];

		digest_number(&mk, "rank", row->rank);
		digest_text(&mk, "symbol", row->symbol);
		digest_text(&mk, "why", row->why);
		digest_text(&mk, "market", market_text(row->market));
		digest_text(&mk, "kind", symbol_kind_text(row->kind));
		digest_number(&mk, "previous_close_won", row->previous_close_won);
		digest_number(&mk, "previous_high_won", row->previous_high_won);
		digest_number(&mk, "previous_low_won", row->previous_low_won);
		digest_number(&mk, "band_low_won", row->band.low_won);
		digest_number(&mk, "band_high_won", row->band.high_won);
		digest_number(&mk, "entry_allowed", row->entry_allowed);
	}
	return digest_end(&mk);
}
