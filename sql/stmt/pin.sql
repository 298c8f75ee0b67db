-- name: pin_add   used by: params   in: run_id, account_id, trade_date, param_id, strategy, strategy_version, body, digest, from_previous
INSERT INTO pin (run_id, account_id, trade_date, param_id, strategy, strategy_version, body, digest, from_previous)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: pin_of_run   used by: guardrail, universe, gate, worker   in: run_id
SELECT run_id, account_id, trade_date, param_id, strategy, strategy_version, body, digest, from_previous
FROM pin WHERE run_id = ? LIMIT 1;

-- name: pin_last_before   used by: params   in: account_id, trade_date
-- The newest pin of the newest earlier day whose gate passed.
SELECT p.run_id, p.account_id, p.trade_date, p.param_id, p.strategy, p.strategy_version, p.body, p.digest, p.from_previous
FROM pin p
WHERE p.account_id = ? AND p.trade_date < ?
  AND EXISTS (SELECT 1 FROM phase_result g WHERE g.account_id = p.account_id AND g.trade_date = p.trade_date
              AND g.phase = 'gate' AND g.status = 'PASS')
ORDER BY p.trade_date DESC, p.run_id DESC LIMIT 1;

-- name: pin_seen_before   used by: guardrail   in: account_id, digest, trade_date
-- The same parameters on an earlier day whose gate passed.
SELECT p.run_id FROM pin p
WHERE p.account_id = ? AND p.digest = ? AND p.trade_date < ?
  AND EXISTS (SELECT 1 FROM phase_result g WHERE g.account_id = p.account_id AND g.trade_date = p.trade_date
              AND g.phase = 'gate' AND g.status = 'PASS')
ORDER BY p.run_id LIMIT 1;
