-- name: session_add   used by: preflight   in: run_id, account_id, trade_date, previous_date, open_kst, close_kst, entry_end_kst, shift_s
INSERT INTO session (run_id, account_id, trade_date, previous_date, open_kst, close_kst, entry_end_kst, shift_s)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: session_of_run   used by: phases, gate, worker   in: run_id
SELECT run_id, account_id, trade_date, previous_date, open_kst, close_kst, entry_end_kst, shift_s
FROM session WHERE run_id = ? LIMIT 1;
