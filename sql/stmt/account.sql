-- name: account_add   used by: gaejang account   in: name, env, rehearsal, masked, fingerprint, added_kst, added_by
INSERT INTO account (name, env, rehearsal, masked, fingerprint, added_kst, added_by) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: account_find   used by: every program   in: name
SELECT account_id, name, env, rehearsal, masked, fingerprint, added_kst, added_by FROM account WHERE name = ? LIMIT 1;

-- name: account_all   used by: gaejang, deadman, alerts   in: room
SELECT account_id, name, env, rehearsal, masked, fingerprint, added_kst, added_by FROM account ORDER BY account_id LIMIT ?;
