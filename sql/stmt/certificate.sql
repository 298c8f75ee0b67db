-- name: certificate_add   used by: gate   in: account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst
INSERT INTO certificate (account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: certificate_find   used by: worker, observer   in: certificate_id
SELECT certificate_id, account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst,
       consumed_kst, consumed_by
FROM certificate WHERE certificate_id = ? LIMIT 1;

-- name: certificate_newest   used by: worker, observer, gaejang, deadman   in: account_id, trade_date
SELECT certificate_id, account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst,
       consumed_kst, consumed_by
FROM certificate WHERE account_id = ? AND trade_date = ? ORDER BY certificate_id DESC LIMIT 1;

-- name: certificate_used   used by: phases, gate   in: account_id, trade_date
-- The newest one a worker started on: what it froze stays for the day, whatever was signed since.
SELECT certificate_id, account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst,
       consumed_kst, consumed_by
FROM certificate WHERE account_id = ? AND trade_date = ? AND consumed_kst IS NOT NULL ORDER BY certificate_id DESC LIMIT 1;

-- name: certificate_consume   used by: worker, observer   in: consumed_kst, consumed_by, certificate_id
-- 0 rows = it was used before, or there is none.
UPDATE certificate SET consumed_kst = ?, consumed_by = ? WHERE certificate_id = ? AND consumed_kst IS NULL;
