-- name: daily_add   used by: close   in: run_id, account_id, trade_date, equity_start_won, equity_end_won, cash_end_won, realised_won, fee_won, tax_won, bought_won, sold_won, orders, fills, replay_same
INSERT INTO daily_result (run_id, account_id, trade_date, equity_start_won, equity_end_won, cash_end_won, realised_won,
                          fee_won, tax_won, bought_won, sold_won, orders, fills, replay_same)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: daily_newest   used by: preflight, guardrail, close, gaejang   in: account_id, trade_date, room
-- One row a day: of the day's newest run.
SELECT d.run_id, d.account_id, d.trade_date, d.equity_start_won, d.equity_end_won, d.cash_end_won, d.realised_won,
       d.fee_won, d.tax_won, d.bought_won, d.sold_won, d.orders, d.fills, d.replay_same
FROM daily_result d
WHERE d.account_id = ? AND d.trade_date <= ?
  AND d.run_id = (SELECT s.run_id FROM daily_result x JOIN phase_result s ON s.run_id = x.run_id
                  WHERE x.account_id = d.account_id AND x.trade_date = d.trade_date
                  ORDER BY s.result_id DESC LIMIT 1)
ORDER BY d.trade_date DESC LIMIT ?;

-- name: round_trip_add   used by: close   in: run_id, seq, account_id, trade_date, symbol, qty, result_won, closed_kst
INSERT INTO round_trip (run_id, seq, account_id, trade_date, symbol, qty, result_won, closed_kst)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: round_trip_newest   used by: guardrail   in: account_id, room
-- Newest first; of each day those of its newest close.
SELECT t.result_won FROM round_trip t
WHERE t.account_id = ?
  AND t.run_id = (SELECT s.run_id FROM daily_result x JOIN phase_result s ON s.run_id = x.run_id
                  WHERE x.account_id = t.account_id AND x.trade_date = t.trade_date
                  ORDER BY s.result_id DESC LIMIT 1)
ORDER BY t.trade_date DESC, t.seq DESC LIMIT ?;

-- name: selection_add   used by: close   in: run_id, symbol, for_date, rank_no
INSERT INTO selection (run_id, symbol, for_date, rank_no) VALUES (?, ?, ?, ?);

-- name: selection_for   used by: universe, guardrail   in: trade_date, account_id, trade_date, room
SELECT s.symbol FROM selection s
WHERE s.for_date = ?
  AND s.run_id = (SELECT r.run_id FROM selection x JOIN phase_result r ON r.run_id = x.run_id
                  WHERE r.account_id = ? AND x.for_date = ? ORDER BY r.result_id DESC LIMIT 1)
ORDER BY s.rank_no, s.symbol LIMIT ?;

-- name: journal_add   used by: worker, observer   in: account_id, trade_date, epoch, path, opened_kst
INSERT INTO journal_file (account_id, trade_date, epoch, path, opened_kst) VALUES (?, ?, ?, ?, ?);

-- name: journal_of_day   used by: close, replay   in: account_id, trade_date, room
SELECT path FROM journal_file WHERE account_id = ? AND trade_date = ? ORDER BY journal_id LIMIT ?;
