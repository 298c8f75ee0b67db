#include "shared/base/bug.h"
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
	digest_number(&mk, "risks", risk_count);
	for (int i = 0; i < risk_count; i++) {
		digest_text(&mk, "symbol", risks[i].symbol);
		digest_number(&mk, "volatile", risks[i].volatile_now);
		digest_number(&mk, "atr_ppm", risks[i].atr_ppm);
		digest_number(&mk, "atr_median_ppm", risks[i].atr_median_ppm);
		digest_number(&mk, "volume_average_qty", risks[i].volume_average_qty);
	}
	return digest_end(&mk);
}

struct digest frozen_universe(const struct universe_row *rows, int row_count)
{
	struct digest_maker mk;

	digest_begin(&mk, "universe");
	digest_number(&mk, "rows", row_count);
	for (int i = 0; i < row_count; i++) {
		digest_text(&mk, "symbol", rows[i].symbol);
		digest_number(&mk, "rank", rows[i].rank);
		digest_text(&mk, "why", rows[i].why);
		digest_text(&mk, "market", market_text(rows[i].market));
		digest_text(&mk, "kind", symbol_kind_text(rows[i].kind));
		digest_number(&mk, "previous_close_won", rows[i].previous_close_won);
		digest_number(&mk, "previous_high_won", rows[i].previous_high_won);
		digest_number(&mk, "previous_low_won", rows[i].previous_low_won);
		digest_number(&mk, "band_low_won", rows[i].band.low_won);
		digest_number(&mk, "band_high_won", rows[i].band.high_won);
		digest_number(&mk, "entry_allowed", rows[i].entry_allowed);
	}
	return digest_end(&mk);
}
