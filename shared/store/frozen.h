/*
 * frozen - digests of the day's frozen inputs, computed from their rows: the gate signs them, the worker compares.
 *
 * Shape   limits: every member of the limit set and every symbol's risk, by symbol. universe: every row, by rank.
 *         parameters: strategy_params_digest; snapshot: snapshot_digest. They are also what the phases guardrail and
 *         universe give as content digest.
 * Errors  none; rows in another order give another digest, so read them with tbl_limits_of_run, tbl_symbol_risk_of_run
 *         and tbl_universe_of_run.
 */
#ifndef GJ_STORE_FROZEN_H
#define GJ_STORE_FROZEN_H

#include "shared/store/tables.h"

struct digest frozen_limits(const struct limit_set *set, const struct symbol_risk *risks, int risk_count);
struct digest frozen_universe(const struct universe_row *rows, int row_count);

#endif
