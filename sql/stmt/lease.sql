-- name: lease_make   used by: gaejang account   in: account_id, now, now
INSERT INTO lease (account_id, kind, holder, program, epoch, expires_kst, clean, heartbeat_kst)
VALUES (?, 'NONE', '', '', 0, ?, TRUE, ?);

-- name: lease_read   used by: every program   in: account_id
SELECT account_id, kind, holder, program, epoch, expires_kst, clean, state, mode, heartbeat_kst
FROM lease WHERE account_id = ? LIMIT 1;

-- name: lease_lock   used by: every program that takes it   in: account_id
-- Inside the transaction that takes it: nobody else may between reading and writing.
SELECT account_id, kind, holder, program, epoch, expires_kst, clean, state, mode, heartbeat_kst
FROM lease WHERE account_id = ? LIMIT 1 FOR UPDATE;

-- name: lease_take   used by: every program that takes it   in: kind, holder, program, epoch, expires_kst, heartbeat_kst, account_id
UPDATE lease SET kind = ?, holder = ?, program = ?, epoch = ?, expires_kst = ?, clean = FALSE, state = '', mode = 'HALT',
                 heartbeat_kst = ?, touched = touched + 1
WHERE account_id = ?;

-- name: lease_renew   used by: phases, worker, observer   in: expires_kst, account_id, holder, epoch, kind, now
-- 0 rows = lost: another took it, or it ran out.
UPDATE lease SET expires_kst = ?, touched = touched + 1
WHERE account_id = ? AND holder = ? AND epoch = ? AND kind = ? AND expires_kst > ?;

-- name: lease_heartbeat   used by: worker, observer   in: expires_kst, state, mode, heartbeat_kst, account_id, holder, epoch, kind, now
UPDATE lease SET expires_kst = ?, state = ?, mode = ?, heartbeat_kst = ?, touched = touched + 1
WHERE account_id = ? AND holder = ? AND epoch = ? AND kind = ? AND expires_kst > ?;

-- name: lease_give_back   used by: phases, worker, observer   in: now, heartbeat_kst, account_id, holder, epoch, kind
-- Also of one that ran out and was taken by nobody: its end was in order all the same.
UPDATE lease SET kind = 'NONE', expires_kst = ?, clean = TRUE, state = IF(kind = 'TRADE', 'STOPPED', state), mode = 'HALT',
                 heartbeat_kst = ?, touched = touched + 1
WHERE account_id = ? AND holder = ? AND epoch = ? AND kind = ?;

-- name: lease_touch   used by: phases, worker   in: account_id, holder, epoch, kind, now
-- The guard of a transaction: it writes the row, so a taker-over and this transaction can never both commit.
UPDATE lease SET touched = touched + 1 WHERE account_id = ? AND holder = ? AND epoch = ? AND kind = ? AND expires_kst > ?;
