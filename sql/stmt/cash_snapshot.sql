-- name: cash_add   used by: account, close   in: run_id, account_id, trade_date, account_match, cash_d0_won, cash_d1_won, cash_d2_won, orderable_won, stock_value_won, equity_won
INSERT INTO cash_snapshot (run_id, account_id, trade_date, account_match, cash_d0_won, cash_d1_won, cash_d2_won,
                           orderable_won, stock_value_won, equity_won)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: cash_of_run   used by: reconcile, guardrail, gate, worker, close   in: run_id
SELECT run_id, account_id, trade_date, account_match, cash_d0_won, cash_d1_won, cash_d2_won, orderable_won,
       stock_value_won, equity_won
FROM cash_snapshot WHERE run_id = ? LIMIT 1;

-- name: holding_add   used by: account, close   in: run_id, symbol, name, qty, sellable_qty, cost_won, price_won, value_won
INSERT INTO holding (run_id, symbol, name, qty, sellable_qty, cost_won, price_won, value_won) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: holding_of_run   used by: reconcile, universe, guardrail   in: run_id, room
SELECT symbol, name, qty, sellable_qty, cost_won, price_won, value_won FROM holding WHERE run_id = ? ORDER BY symbol LIMIT ?;
