-- name: phase_result_add   used by: every phase   in: run_id, account_id, trade_date, phase, status, mode, reason, detail, finished_kst, took_ms, content_digest, evidence
-- Last statement before COMMIT: makes the phase's products visible.
INSERT INTO phase_result (run_id, account_id, trade_date, phase, status, mode, reason, detail, finished_kst, took_ms,
                          content_digest, evidence)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: phase_input_add   used by: every phase   in: run_id, upstream, upstream_run, upstream_digest
INSERT INTO phase_input (run_id, upstream, upstream_run, upstream_digest) VALUES (?, ?, ?, ?);

-- name: phase_records   used by: every phase, gate, gaejang   in: account_id, trade_date, account_id, trade_date, room
-- Newest result of each phase: the one written last. A read-only run answered and froze nothing: it takes nobody's place.
SELECT s.phase, s.run_id, r.attempt, s.status, s.mode, s.reason, s.detail, r.started_kst, s.finished_kst, s.took_ms,
       s.content_digest
FROM phase_result s JOIN phase_run r ON r.run_id = s.run_id
WHERE s.account_id = ? AND s.trade_date = ?
  AND s.result_id IN (SELECT MAX(x.result_id) FROM phase_result x JOIN phase_run y ON y.run_id = x.run_id
                      WHERE x.account_id = ? AND x.trade_date = ? AND NOT y.read_only GROUP BY x.phase)
ORDER BY s.result_id LIMIT ?;

-- name: phase_inputs   used by: every phase, gate, gaejang   in: run_id, room
SELECT upstream, upstream_run, upstream_digest FROM phase_input WHERE run_id = ? ORDER BY upstream LIMIT ?;

-- name: phase_last_pass_before   used by: preflight, params   in: account_id, phase, trade_date
SELECT s.trade_date FROM phase_result s JOIN phase_run r ON r.run_id = s.run_id
WHERE s.account_id = ? AND s.phase = ? AND s.status = 'PASS' AND s.trade_date < ? AND NOT r.read_only
ORDER BY s.trade_date DESC LIMIT 1;

-- name: last_traded_day   used by: preflight, close   in: account_id, trade_date, account_id, trade_date
-- The last day before this one on which an order could be placed or was.
SELECT t.trade_date FROM (
  SELECT MAX(c.trade_date) AS trade_date FROM certificate c
  WHERE c.account_id = ? AND c.trade_date < ? AND c.mode IN ('TRADE', 'REDUCE')
  UNION ALL
  SELECT MAX(i.trade_date) FROM intent i WHERE i.account_id = ? AND i.trade_date < ? AND i.owner = 'SYS'
) t WHERE t.trade_date IS NOT NULL ORDER BY t.trade_date DESC LIMIT 1;
