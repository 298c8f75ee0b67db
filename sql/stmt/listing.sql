-- name: listing_add   used by: account, reconcile, worker, observer, close   in: account_id, trade_date, kind, from_date, to_date, state, asked_kst, answered_kst, row_count, digest, by_program, reason
INSERT INTO listing (account_id, trade_date, kind, from_date, to_date, state, asked_kst, answered_kst, row_count, digest,
                     by_program, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: listing_sightings   used by: reconcile, worker   in: account_id, from_date, since, room
-- Complete lists of orders that covered the day, answered since: what absences are counted from.
SELECT trade_date, answered_kst FROM listing
WHERE account_id = ? AND kind = 'orders' AND state = 'COMPLETE' AND to_date >= ? AND answered_kst >= ?
ORDER BY answered_kst, listing_id LIMIT ?;
