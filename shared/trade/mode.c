/* mode - names of the modes, and what each permits. */
#include <string.h>

#include "shared/base/bug.h"
#include "shared/trade/mode.h"
#include "shared/base/banned.h"

static const char *const mode_texts[] = {
	[MODE_HALT] = "HALT",
	[MODE_OBSERVE] = "OBSERVE",
	[MODE_REDUCE] = "REDUCE",
	[MODE_TRADE] = "TRADE",
};

const char *mode_text(enum mode mode)
{
	if ((size_t)mode >= ARRAY_COUNT(mode_texts))
		return mode_texts[MODE_HALT];
	return mode_texts[mode];
}

bool mode_parse(const char *text, enum mode *out)
{
	*out = MODE_HALT;
	if (!text)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(mode_texts); i++) {
		if (strcmp(text, mode_texts[i]) == 0) {
			*out = (enum mode)i;
			return true;
		}
	}
	return false;
}

bool mode_allows(enum mode mode, bool reduces_risk)
{
	return mode == MODE_TRADE || (mode == MODE_REDUCE && reduces_risk);
}
