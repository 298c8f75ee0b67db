-- name: fill_add   used by: reconcile, worker, observer, close   in: intent_id, account_id, trade_date, odno, symbol, side, owner, from_qty, to_qty, amount_won, fee_won, tax_won, at_kst, by_program
INSERT INTO fill (intent_id, account_id, trade_date, odno, symbol, side, owner, from_qty, to_qty, amount_won, fee_won,
                  tax_won, at_kst, by_program)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: fills_since   used by: reconcile, worker, close   in: account_id, since, room
SELECT fill_id, intent_id, trade_date, odno, symbol, side, owner, from_qty, to_qty, amount_won, at_kst
FROM fill WHERE account_id = ? AND at_kst > ? ORDER BY fill_id LIMIT ?;

-- name: fills_of_day   used by: worker, close, gaejang   in: account_id, trade_date, room
SELECT fill_id, intent_id, trade_date, odno, symbol, side, owner, from_qty, to_qty, amount_won, at_kst
FROM fill WHERE account_id = ? AND trade_date = ? ORDER BY fill_id LIMIT ?;

-- name: fill_costs_of_day   used by: close, gaejang   in: account_id, trade_date
SELECT CAST(COALESCE(SUM(fee_won), 0) AS SIGNED), CAST(COALESCE(SUM(tax_won), 0) AS SIGNED)
FROM fill WHERE account_id = ? AND trade_date = ? LIMIT 1;
