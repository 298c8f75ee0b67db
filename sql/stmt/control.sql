-- name: control_make   used by: gaejang account   in: account_id, since_kst
INSERT INTO control (account_id, mode, reason, person, since_kst) VALUES (?, 'TRADE', 'registered', 'gaejang', ?);

-- name: control_read   used by: every program   in: account_id
SELECT account_id, mode, reason, person, since_kst, acceptance_needed FROM control WHERE account_id = ? LIMIT 1;

-- name: control_lock   used by: whoever moves it   in: account_id
SELECT account_id, mode, reason, person, since_kst, acceptance_needed FROM control WHERE account_id = ? LIMIT 1 FOR UPDATE;

-- name: control_set   used by: whoever moves it   in: mode, reason, person, since_kst, acceptance_needed, account_id
UPDATE control SET mode = ?, reason = ?, person = ?, since_kst = ?, acceptance_needed = ? WHERE account_id = ?;
