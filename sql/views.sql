-- What a person asks first, as views. Stated anew by every `gaejang migrate`; run with the reader's rights.
-- "Today" is the newest trade_date an account has a phase_run of, so the views need no clock.
--
--   v_today            each phase of the newest day: status, mode, fresh or why not, reason, attempt, duration
--   v_why              the first thing that stands in the way, its evidence, and the command that looks at it again
--   v_phase_history    every run of every phase, newest first, also those that died without a result
--   v_orders           every order with the state its newest event left it in
--   v_orders_open      orders that live at the broker
--   v_orders_unknown   orders whose fate is not known: RECORDED, SENDING, IN_DOUBT
--   v_fills            every fill with its costs
--   v_positions_diff   our shares (accepted snapshot + fills) beside the broker's newest list of holdings
--   v_lease            who may act for each account, and what its worker says of itself
--   v_audit            what people did, what was alerted and how the stop moved, in the order of time

-- The morning as a table: running order, and who reads whom. The same as phase_table of shared/trade/phases.c.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_table AS
SELECT 1 AS seq, 'preflight' AS phase UNION ALL SELECT 2, 'auth' UNION ALL SELECT 3, 'account'
UNION ALL SELECT 4, 'params' UNION ALL SELECT 5, 'reconcile' UNION ALL SELECT 6, 'guardrail'
UNION ALL SELECT 7, 'universe' UNION ALL SELECT 8, 'gate' UNION ALL SELECT 9, 'close';

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_reads AS
SELECT 'auth' AS phase, 'preflight' AS upstream
UNION ALL SELECT 'account', 'auth'
UNION ALL SELECT 'params', 'preflight'
UNION ALL SELECT 'reconcile', 'auth' UNION ALL SELECT 'reconcile', 'account'
UNION ALL SELECT 'guardrail', 'account' UNION ALL SELECT 'guardrail', 'params' UNION ALL SELECT 'guardrail', 'reconcile'
UNION ALL SELECT 'universe', 'auth' UNION ALL SELECT 'universe', 'params' UNION ALL SELECT 'universe', 'reconcile'
UNION ALL SELECT 'gate', 'preflight' UNION ALL SELECT 'gate', 'auth' UNION ALL SELECT 'gate', 'account'
UNION ALL SELECT 'gate', 'params' UNION ALL SELECT 'gate', 'reconcile' UNION ALL SELECT 'gate', 'guardrail'
UNION ALL SELECT 'gate', 'universe';

-- Everything a phase rests on, directly or through another.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_rests AS
WITH RECURSIVE rests (phase, upstream) AS (
  SELECT phase, upstream FROM v_phase_reads
  UNION
  SELECT r.phase, d.upstream FROM rests r JOIN v_phase_reads d ON d.phase = r.upstream
)
SELECT phase, upstream FROM rests;

-- Newest result of each phase on each day: the one written last. Runs that were read-only answered a question and froze nothing: left out.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_newest AS
SELECT s.account_id, s.trade_date, s.phase, s.run_id, s.status, s.mode, s.reason, s.detail, s.finished_kst, s.took_ms,
       s.content_digest, s.evidence, r.attempt, r.started_kst
FROM phase_result s JOIN phase_run r ON r.run_id = s.run_id
WHERE s.result_id = (SELECT MAX(x.result_id) FROM phase_result x JOIN phase_run y ON y.run_id = x.run_id
                     WHERE x.account_id = s.account_id AND x.trade_date = s.trade_date AND x.phase = s.phase
                       AND NOT y.read_only);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_day AS
SELECT r.account_id, MAX(r.trade_date) AS trade_date FROM phase_run r GROUP BY r.account_id;

-- What a phase's own result says, before asking whether what it rests on is fresh.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_own AS
SELECT d.account_id, d.trade_date, t.seq, t.phase, n.run_id, n.status, n.mode, n.reason, n.detail, n.attempt,
       n.started_kst, n.finished_kst, n.took_ms, n.evidence,
       CASE
         WHEN n.run_id IS NULL THEN 'missing'
         WHEN n.status <> 'PASS' THEN 'not-pass'
         WHEN EXISTS (SELECT 1 FROM v_phase_reads u
                      JOIN v_phase_newest un ON un.account_id = d.account_id AND un.trade_date = d.trade_date
                                            AND un.phase = u.upstream
                      LEFT JOIN phase_input i ON i.run_id = n.run_id AND i.upstream = u.upstream
                      WHERE u.phase = t.phase
                        AND (i.run_id IS NULL OR i.upstream_digest <> un.content_digest)) THEN 'upstream-changed'
         ELSE 'fresh'
       END AS own
FROM v_day d CROSS JOIN v_phase_table t
LEFT JOIN v_phase_newest n ON n.account_id = d.account_id AND n.trade_date = d.trade_date AND n.phase = t.phase;

-- The rule of phase_fresh() in shared/trade/phases.c, said a second time; a test compares the two. Whoever changes one
-- changes the other. Age is left out here (phase_fresh with now = 0): a view has no clock; the gate asks it.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_today AS
SELECT a.name AS account, o.account_id, o.trade_date AS day, o.seq, o.phase, COALESCE(o.status, 'NONE') AS status,
       COALESCE(o.mode, '') AS mode,
       CASE
         WHEN o.own <> 'fresh' THEN o.own
         WHEN EXISTS (SELECT 1 FROM v_phase_rests s
                      JOIN v_phase_own p ON p.phase = s.upstream AND p.account_id = o.account_id
                      WHERE s.phase = o.phase AND p.own <> 'fresh') THEN 'upstream-stale'
         ELSE 'fresh'
       END AS fresh,
       COALESCE(o.reason, '') AS reason, COALESCE(o.detail, '') AS detail, COALESCE(o.attempt, 0) AS attempt,
       COALESCE(o.took_ms, 0) AS took_ms, o.started_kst, o.finished_kst, o.run_id
FROM v_phase_own o JOIN account a ON a.account_id = o.account_id;

-- One row per account that something stands in the way of; none for an account with nothing in its way. In the order of
-- `gaejang why`, which also sees what no row tells: a stop file, a worker that is gone, a phase that is not due yet.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_why AS
WITH blocks AS (
  SELECT c.account_id, a.name AS account, d.trade_date AS day, 0 AS seq, 'control' AS phase, '' AS fresh, c.mode AS status,
         '' AS reason, c.reason AS detail, CONCAT('set by ', c.person, ' at ', c.since_kst) AS evidence,
         'gaejang resume --reason "..."' AS command
  FROM control c JOIN account a ON a.account_id = c.account_id JOIN v_day d ON d.account_id = c.account_id
  WHERE c.mode <> 'TRADE'
  UNION ALL
  SELECT t.account_id, t.account, t.day, 10 * t.seq, t.phase, t.fresh, t.status, t.reason, t.detail,
         COALESCE(s.evidence, ''), CONCAT('gaejang rerun ', t.phase, IF(t.phase = 'gate', '', ' --downstream'))
  FROM v_today t LEFT JOIN phase_result s ON s.run_id = t.run_id
  WHERE t.fresh <> 'fresh' AND t.status <> 'CLOSED' AND t.phase <> 'close'
    AND NOT EXISTS (SELECT 1 FROM v_today c WHERE c.account_id = t.account_id AND c.status = 'CLOSED')
  UNION ALL
  SELECT l.account_id, a.name, l.trade_date, 10 * g.seq - 1, 'alert', '', l.level, l.code, l.text, '',
         CONCAT('gaejang ack ', l.code, ' --reason "..."')
  FROM alert l JOIN account a ON a.account_id = l.account_id
  JOIN v_day d ON d.account_id = l.account_id AND d.trade_date = l.trade_date
  JOIN v_phase_table g ON g.phase = 'gate'
  WHERE l.level = 'CRIT' AND NOT EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = l.alert_id
                                         AND e.event IN ('ACKNOWLEDGED', 'CLOSED'))
  UNION ALL
  SELECT t.account_id, t.account, t.day, 1000 + t.seq, t.phase, t.fresh, t.mode, t.reason, t.detail,
         COALESCE(s.evidence, ''), CONCAT('gaejang rerun ', t.phase, ' --downstream')
  FROM v_today t LEFT JOIN phase_result s ON s.run_id = t.run_id
  WHERE t.fresh = 'fresh' AND t.mode <> 'TRADE' AND t.phase <> 'close'
)
SELECT account, day, phase, fresh, status, reason, detail, evidence,
       CONCAT(command, IF((SELECT COUNT(*) FROM account) > 1, CONCAT(' --account ', account), '')) AS command
FROM (SELECT b.*, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY seq) AS nth FROM blocks b) f
WHERE nth = 1;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_phase_history AS
SELECT a.name AS account, r.trade_date AS day, r.phase, r.attempt, COALESCE(s.status, 'NONE') AS status,
       COALESCE(s.mode, '') AS mode, COALESCE(s.reason, '') AS reason, COALESCE(s.detail, '') AS detail, r.started_kst,
       s.finished_kst, r.deadline_kst, COALESCE(s.took_ms, 0) AS took_ms, r.scheduled, r.read_only, r.person, r.host,
       r.pid, r.run_id
FROM phase_run r JOIN account a ON a.account_id = r.account_id LEFT JOIN phase_result s ON s.run_id = r.run_id
ORDER BY r.run_id DESC;

-- An order's state is that of its newest event; its number is the newest one any event told.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_orders AS
SELECT a.name AS account, i.account_id, i.intent_id, i.trade_date AS day, i.owner, i.kind, i.target_intent_id, i.strategy,
       i.signal_code, i.symbol, i.side, i.type,
       COALESCE((SELECT n.qty FROM order_event n WHERE n.intent_id = i.intent_id AND n.qty > 0
                 ORDER BY n.event_id DESC LIMIT 1), i.qty) AS qty,
       COALESCE((SELECT n.price_won FROM order_event n WHERE n.intent_id = i.intent_id AND n.price_won > 0
                 ORDER BY n.event_id DESC LIMIT 1), i.price_won) AS price_won, e.state,
       COALESCE((SELECT n.odno FROM order_event n WHERE n.intent_id = i.intent_id AND n.odno <> ''
                 ORDER BY n.event_id DESC LIMIT 1), '') AS odno,
       e.filled_qty, e.filled_won, e.event, e.reason, e.at_kst AS changed_kst, e.by_program, i.recorded_kst,
       m.at_kst AS sent_kst
FROM intent i
JOIN account a ON a.account_id = i.account_id
JOIN order_event e ON e.event_id = (SELECT MAX(x.event_id) FROM order_event x WHERE x.intent_id = i.intent_id)
LEFT JOIN send_mark m ON m.intent_id = i.intent_id;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_orders_open AS
SELECT account, intent_id, day, owner, kind, symbol, side, type, qty, price_won, state, odno, filled_qty, filled_won,
       changed_kst
FROM v_orders WHERE state IN ('OPEN', 'PARTIAL') ORDER BY intent_id;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_orders_unknown AS
SELECT account, intent_id, day, owner, kind, symbol, side, type, qty, price_won, state, odno, recorded_kst, sent_kst,
       reason, changed_kst
FROM v_orders WHERE state IN ('RECORDED', 'SENDING', 'IN_DOUBT') ORDER BY intent_id;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_fills AS
SELECT a.name AS account, f.trade_date AS day, f.at_kst, f.owner, f.symbol, f.side, f.to_qty - f.from_qty AS qty,
       f.amount_won, f.fee_won, f.tax_won, f.odno, f.from_qty, f.to_qty, f.intent_id, f.by_program, f.fill_id
FROM fill f JOIN account a ON a.account_id = f.account_id ORDER BY f.fill_id;

-- Ours is taken at the moment of the broker's list, so that the two can be compared. diff_qty is 0 where they agree.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_positions_diff AS
WITH base AS (
  SELECT c.account_id, c.snapshot_id, s.frozen_kst FROM acceptance c JOIN snapshot s ON s.snapshot_id = c.snapshot_id
  WHERE c.acceptance_id = (SELECT MAX(x.acceptance_id) FROM acceptance x WHERE x.account_id = c.account_id)
), list AS (
  SELECT c.account_id, c.run_id, r.finished_kst FROM cash_snapshot c JOIN phase_result r ON r.run_id = c.run_id
  WHERE r.result_id = (SELECT MAX(y.result_id) FROM cash_snapshot x JOIN phase_result y ON y.run_id = x.run_id
                       WHERE x.account_id = c.account_id)
), shares AS (
  SELECT b.account_id, l.symbol, l.qty AS ours, 0 AS theirs FROM base b JOIN snapshot_lot l ON l.snapshot_id = b.snapshot_id
  UNION ALL
  SELECT f.account_id, f.symbol, IF(f.side = 'BUY', f.to_qty - f.from_qty, f.from_qty - f.to_qty), 0
  FROM fill f JOIN base b ON b.account_id = f.account_id JOIN list t ON t.account_id = f.account_id
  WHERE f.at_kst > b.frozen_kst AND f.at_kst <= t.finished_kst
  UNION ALL
  SELECT t.account_id, h.symbol, 0, h.qty FROM list t JOIN holding h ON h.run_id = t.run_id
)
SELECT a.name AS account, s.symbol, CAST(SUM(s.ours) AS SIGNED) AS ours_qty, CAST(SUM(s.theirs) AS SIGNED) AS broker_qty,
       CAST(SUM(s.ours) - SUM(s.theirs) AS SIGNED) AS diff_qty
FROM shares s JOIN account a ON a.account_id = s.account_id
GROUP BY a.name, s.symbol
-- A holding that was sold stays in the broker's list with no shares until it is settled: nothing to compare.
HAVING SUM(s.ours) <> 0 OR SUM(s.theirs) <> 0 ORDER BY a.name, s.symbol;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_lease AS
SELECT a.name AS account, l.kind, l.program, l.holder, l.epoch, l.expires_kst, l.clean, l.state, l.mode, l.heartbeat_kst,
       l.touched, c.mode AS control_mode, c.reason AS control_reason, c.person AS control_person, c.since_kst
FROM lease l JOIN account a ON a.account_id = l.account_id LEFT JOIN control c ON c.account_id = l.account_id;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW v_audit AS
SELECT a.name AS account, o.at_kst, 'operator' AS kind, o.action AS what, o.person, CONCAT(o.target, ' ', o.reason) AS text
FROM operator_action o JOIN account a ON a.account_id = o.account_id
UNION ALL
SELECT a.name, l.raised_kst, CONCAT('alert ', l.level), l.code, l.by_program, l.text
FROM alert l JOIN account a ON a.account_id = l.account_id
UNION ALL
SELECT a.name, v.at_kst, CONCAT('alert ', v.event), l.code, v.person, v.text
FROM alert_event v JOIN alert l ON l.alert_id = v.alert_id JOIN account a ON a.account_id = l.account_id
UNION ALL
SELECT a.name, c.at_kst, 'control', CONCAT(COALESCE(c.mode_before, 'NONE'), ' -> ', c.mode), c.person, c.reason
FROM control_event c JOIN account a ON a.account_id = c.account_id
ORDER BY at_kst;
