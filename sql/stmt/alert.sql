-- name: alert_add   used by: every program   in: account_id, trade_date, level, code, text, by_program, raised_kst
INSERT INTO alert (account_id, trade_date, level, code, text, by_program, raised_kst) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: alert_event_add   used by: alerts, gaejang, phases   in: alert_id, event, at_kst, person, text
INSERT INTO alert_event (alert_id, event, at_kst, person, text) VALUES (?, ?, ?, ?, ?);

-- name: alert_open   used by: phases, worker, gaejang   in: account_id, trade_date, room
SELECT a.alert_id, a.account_id, a.trade_date, a.level, a.code, a.text, a.by_program, a.raised_kst,
       EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'SENT'),
       EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'ACKNOWLEDGED'), 0
FROM alert a
WHERE a.account_id = ? AND a.trade_date = ?
  AND NOT EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'CLOSED')
ORDER BY a.alert_id LIMIT ?;

-- name: alert_unsent   used by: alerts   in: room
SELECT a.alert_id, a.account_id, a.trade_date, a.level, a.code, a.text, a.by_program, a.raised_kst, 0,
       EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'ACKNOWLEDGED'),
       EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'CLOSED')
FROM alert a
WHERE NOT EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'SENT')
ORDER BY a.alert_id LIMIT ?;
