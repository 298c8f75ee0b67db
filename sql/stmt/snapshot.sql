-- name: snapshot_add   used by: reconcile, gaejang   in: account_id, trade_date, run_id, frozen_kst, cash_won, lot_count, digest, signed_by
INSERT INTO snapshot (account_id, trade_date, run_id, frozen_kst, cash_won, lot_count, digest, signed_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: snapshot_lot_add   used by: reconcile, gaejang   in: snapshot_id, symbol, owner, qty, cost_won
INSERT INTO snapshot_lot (snapshot_id, symbol, owner, qty, cost_won) VALUES (?, ?, ?, ?, ?);

-- name: snapshot_find   used by: gate, worker, close   in: snapshot_id
SELECT snapshot_id, trade_date, frozen_kst, cash_won, lot_count FROM snapshot WHERE snapshot_id = ? LIMIT 1;

-- name: snapshot_lots   used by: gate, worker, close, reconcile   in: snapshot_id, room
SELECT symbol, owner, qty, cost_won FROM snapshot_lot WHERE snapshot_id = ? ORDER BY symbol, owner LIMIT ?;

-- name: acceptance_add   used by: reconcile, gaejang   in: account_id, trade_date, snapshot_id, run_id, digest, accepted_kst
INSERT INTO acceptance (account_id, trade_date, snapshot_id, run_id, digest, accepted_kst) VALUES (?, ?, ?, ?, ?, ?);

-- name: acceptance_newest   used by: reconcile, gate, worker, close   in: account_id
SELECT acceptance_id, account_id, snapshot_id, run_id, trade_date, digest, accepted_kst
FROM acceptance WHERE account_id = ? ORDER BY acceptance_id DESC LIMIT 1;

-- name: acceptance_until   used by: gaejang   in: account_id, trade_date
-- The newest of that day or an earlier one.
SELECT acceptance_id, account_id, snapshot_id, run_id, trade_date, digest, accepted_kst
FROM acceptance WHERE account_id = ? AND trade_date <= ? ORDER BY acceptance_id DESC LIMIT 1;

-- name: acceptance_first_of_day   used by: reconcile   in: account_id, trade_date
SELECT acceptance_id, account_id, snapshot_id, run_id, trade_date, digest, accepted_kst
FROM acceptance WHERE account_id = ? AND trade_date = ? ORDER BY acceptance_id LIMIT 1;

-- name: mismatch_add   used by: reconcile   in: run_id, symbol, since_kst
INSERT INTO mismatch (run_id, symbol, since_kst) VALUES (?, ?, ?);

-- name: mismatch_newest   used by: reconcile   in: account_id, trade_date, room
-- Of the newest attempt of the day that ended; one that left none has no rows.
SELECT m.symbol, m.since_kst FROM mismatch m
WHERE m.run_id = (SELECT s.run_id FROM phase_result s JOIN phase_run r ON r.run_id = s.run_id
                  WHERE s.account_id = ? AND s.trade_date = ? AND s.phase = 'reconcile' AND NOT r.read_only
                  ORDER BY s.result_id DESC LIMIT 1)
ORDER BY m.symbol LIMIT ?;

-- name: lock_add   used by: reconcile, worker, observer, gaejang   in: account_id, trade_date, symbol, side, locked, reason, at_kst
INSERT INTO symbol_lock (account_id, trade_date, symbol, side, locked, reason, at_kst) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: lock_of_day   used by: gate, worker, reconcile   in: account_id, trade_date, account_id, trade_date, room
-- The newest row of each symbol and side; those that are locked.
SELECT l.symbol, l.side FROM symbol_lock l
WHERE l.account_id = ? AND l.trade_date = ? AND l.locked
  AND l.lock_id IN (SELECT MAX(x.lock_id) FROM symbol_lock x WHERE x.account_id = ? AND x.trade_date = ?
                    GROUP BY x.symbol, x.side)
ORDER BY l.symbol, l.side LIMIT ?;
