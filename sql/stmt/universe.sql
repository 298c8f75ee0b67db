-- name: universe_list_set   used by: gaejang universe   in: account_id, symbol, listed, at_kst, person
INSERT INTO universe_list (account_id, symbol, listed, at_kst, person) VALUES (?, ?, ?, ?, ?);

-- name: universe_list   used by: guardrail, universe, gaejang universe   in: account_id, account_id, room
SELECT l.symbol FROM universe_list l
WHERE l.account_id = ? AND l.listed
  AND l.list_id IN (SELECT MAX(x.list_id) FROM universe_list x WHERE x.account_id = ? GROUP BY x.symbol)
ORDER BY l.symbol LIMIT ?;

-- name: universe_add   used by: universe   in: run_id, symbol, rank_no, why, market, kind, previous_close_won, previous_high_won, previous_low_won, band_low_won, band_high_won, entry_allowed
INSERT INTO universe (run_id, symbol, rank_no, why, market, kind, previous_close_won, previous_high_won, previous_low_won,
                      band_low_won, band_high_won, entry_allowed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: universe_out_add   used by: universe   in: run_id, symbol, why
INSERT INTO universe_out (run_id, symbol, why) VALUES (?, ?, ?);

-- name: universe_of_run   used by: gate, worker, close   in: run_id, room
SELECT symbol, rank_no, why, market, kind, previous_close_won, previous_high_won, previous_low_won, band_low_won,
       band_high_won, entry_allowed
FROM universe WHERE run_id = ? ORDER BY rank_no, symbol LIMIT ?;
