-- name: operator_add   used by: gaejang   in: account_id, at_kst, person, action, target, reason
INSERT INTO operator_action (account_id, at_kst, person, action, target, reason) VALUES (?, ?, ?, ?, ?, ?);
