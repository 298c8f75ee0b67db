-- name: secret_add   used by: auth   in: account_id, name, version, sealed, fingerprint, made_kst, expires_kst, run_id
INSERT INTO secret (account_id, name, version, sealed, fingerprint, made_kst, expires_kst, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: secret_newest   used by: phases, worker, observer, gaejang kill   in: account_id, name
SELECT account_id, name, version, sealed, fingerprint, made_kst, expires_kst, run_id
FROM secret WHERE account_id = ? AND name = ? ORDER BY version DESC LIMIT 1;

-- name: login_attempt_add   used by: auth   in: account_id, fingerprint, what, at_kst
-- Written before the call, so that two programs never ask within a minute.
INSERT INTO login_attempt (account_id, fingerprint, what, at_kst) VALUES (?, ?, ?, ?);

-- name: login_attempt_last   used by: auth   in: fingerprint, what
SELECT at_kst FROM login_attempt WHERE fingerprint = ? AND what = ? ORDER BY at_kst DESC, attempt_id DESC LIMIT 1;
