-- name: param_add   used by: gaejang params   in: account_id, strategy, strategy_version, body, digest, imported_kst, imported_by
INSERT INTO param_set (account_id, strategy, strategy_version, body, digest, imported_kst, imported_by)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: param_same   used by: gaejang params   in: account_id, strategy, digest
SELECT param_id FROM param_set WHERE account_id = ? AND strategy = ? AND digest = ? LIMIT 1;

-- name: param_find   used by: params, gaejang params   in: param_id
SELECT param_id, account_id, strategy, strategy_version, body, digest, imported_kst, imported_by
FROM param_set WHERE param_id = ? LIMIT 1;

-- name: param_activate   used by: gaejang params   in: account_id, param_id, from_date, to_date, activated_kst, activated_by, reason
INSERT INTO param_activation (account_id, param_id, from_date, to_date, activated_kst, activated_by, reason)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: param_active   used by: params, preflight   in: account_id, trade_date, trade_date
-- The newest activation that covers the day wins.
SELECT p.param_id, p.account_id, p.strategy, p.strategy_version, p.body, p.digest, p.imported_kst, p.imported_by
FROM param_activation a JOIN param_set p ON p.param_id = a.param_id
WHERE a.account_id = ? AND a.from_date <= ? AND a.to_date >= ?
ORDER BY a.activation_id DESC LIMIT 1;
