-- name: intent_record   used by: worker   in: account_id, trade_date, holder, epoch, now, reduces_risk, intent_id, kind, target_intent_id, strategy, signal_code, symbol, side, type, qty, price_won, excg, by_program
-- First mark; its own transaction (sql/routines.sql).
CALL intent_record(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: intent_mark   used by: worker   in: account_id, holder, epoch, now, reduces_risk, intent_id, by_program
-- Second mark; its own transaction (sql/routines.sql).
CALL intent_mark(?, ?, ?, ?, ?, ?, ?);

-- name: intent_ext_add   used by: reconcile, worker, observer, close   in: intent_id, account_id, trade_date, symbol, side, type, qty, price_won, excg, recorded_kst
INSERT INTO intent (intent_id, account_id, trade_date, epoch, kind, target_intent_id, strategy, signal_code, symbol, side,
                    type, qty, price_won, excg, owner, recorded_kst)
VALUES (?, ?, ?, 0, 'NEW', 0, '', '', ?, ?, ?, ?, ?, ?, 'EXT', ?);

-- name: order_event_add   used by: reconcile, worker, observer, close, gaejang kill   in: intent_id, account_id, event, state, at_kst, odno, orig_odno, branch, order_date, intent_id, filled_qty, filled_won, qty, price_won, by_program, reason, evidence
-- Without a day of its own the event is of the intent's day.
INSERT INTO order_event (intent_id, account_id, event, state, at_kst, odno, orig_odno, branch, order_date, filled_qty,
                         filled_won, qty, price_won, by_program, reason, evidence)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, COALESCE(?, (SELECT i.trade_date FROM intent i WHERE i.intent_id = ?)), ?, ?, ?, ?, ?, ?, ?);

-- part: order_now
-- An order as its events leave it: the newest state, the newest value of what a modification may change, the largest fill.
SELECT i.intent_id, i.trade_date, i.owner, i.kind, i.target_intent_id, i.symbol, i.side, i.type,
       COALESCE((SELECT n.qty FROM order_event n WHERE n.intent_id = i.intent_id AND n.qty > 0
                 ORDER BY n.event_id DESC LIMIT 1), i.qty),
       COALESCE((SELECT n.price_won FROM order_event n WHERE n.intent_id = i.intent_id AND n.price_won > 0
                 ORDER BY n.event_id DESC LIMIT 1), i.price_won),
       i.excg, e.state,
       COALESCE((SELECT n.odno FROM order_event n WHERE n.intent_id = i.intent_id AND n.odno <> ''
                 ORDER BY n.event_id DESC LIMIT 1), ''),
       COALESCE((SELECT n.orig_odno FROM order_event n WHERE n.intent_id = i.intent_id AND n.orig_odno <> ''
                 ORDER BY n.event_id DESC LIMIT 1), ''),
       COALESCE((SELECT n.branch FROM order_event n WHERE n.intent_id = i.intent_id AND n.branch <> ''
                 ORDER BY n.event_id DESC LIMIT 1), ''),
       (SELECT MAX(n.filled_qty) FROM order_event n WHERE n.intent_id = i.intent_id),
       (SELECT MAX(n.filled_won) FROM order_event n WHERE n.intent_id = i.intent_id),
       i.recorded_kst, m.at_kst,
       (SELECT MAX(n.at_kst) FROM order_event n WHERE n.intent_id = i.intent_id AND n.event = 'found'
        AND n.evidence = 'likeness'),
       EXISTS (SELECT 1 FROM intent c WHERE c.target_intent_id = i.intent_id AND c.kind = 'CANCEL' AND c.owner = 'SYS')
FROM intent i
JOIN order_event e ON e.event_id = (SELECT MAX(x.event_id) FROM order_event x WHERE x.intent_id = i.intent_id)
LEFT JOIN send_mark m ON m.intent_id = i.intent_id

-- name: orders_between   used by: reconcile, worker, close, gaejang   in: account_id, from_date, to_date, room
:order_now
WHERE i.account_id = ? AND i.trade_date BETWEEN ? AND ?
ORDER BY i.intent_id LIMIT ?;

-- name: orders_undecided   used by: reconcile, worker, close, preflight   in: account_id, room
-- Every order of any day that is not final.
:order_now
WHERE i.account_id = ? AND e.state IN ('RECORDED', 'SENDING', 'IN_DOUBT', 'OPEN', 'PARTIAL')
ORDER BY i.intent_id LIMIT ?;
