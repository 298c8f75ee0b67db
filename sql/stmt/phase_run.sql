-- name: phase_run_add   used by: every phase   in: account_id, trade_date, phase, started_kst, deadline_kst, scheduled, read_only, host, pid, boot_id, build_digest, conf_digest, person, account_id, trade_date, phase
-- The next attempt; two at once meet at the unique key and the second asks again.
INSERT INTO phase_run (account_id, trade_date, phase, started_kst, deadline_kst, scheduled, read_only, host, pid, boot_id,
                       build_digest, conf_digest, person, attempt)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, COALESCE(MAX(r.attempt), 0) + 1
FROM phase_run r WHERE r.account_id = ? AND r.trade_date = ? AND r.phase = ?
RETURNING run_id, attempt;

-- name: phase_running   used by: phases, gate, gaejang   in: account_id, trade_date, phase, now
-- A read-only run never has a result, and a start with a later result behind it has died: neither is waited for.
SELECT r.deadline_kst FROM phase_run r LEFT JOIN phase_result s ON s.run_id = r.run_id
WHERE r.account_id = ? AND r.trade_date = ? AND r.phase = ? AND s.run_id IS NULL AND r.deadline_kst > ?
  AND NOT r.read_only
  AND NOT EXISTS (SELECT 1 FROM phase_result z WHERE z.account_id = r.account_id AND z.trade_date = r.trade_date
                  AND z.phase = r.phase AND z.run_id > r.run_id)
ORDER BY r.deadline_kst DESC LIMIT 1;

-- name: phase_seen_before   used by: guardrail   in: account_id, build_digest, trade_date
-- This program on an earlier day whose gate passed.
SELECT r.run_id FROM phase_run r
JOIN phase_result g ON g.account_id = r.account_id AND g.trade_date = r.trade_date AND g.phase = 'gate' AND g.status = 'PASS'
WHERE r.account_id = ? AND r.build_digest = ? AND r.trade_date < ?
ORDER BY r.run_id LIMIT 1;
