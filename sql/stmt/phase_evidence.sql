-- name: phase_evidence   used by: reconcile, close   in: account_id, trade_date, phase
-- What the newest result of a phase of a day saw: the next attempt goes on from it.
SELECT evidence FROM phase_result WHERE account_id = ? AND trade_date = ? AND phase = ? ORDER BY result_id DESC LIMIT 1;
