-- Stated anew by every `gaejang migrate`. The two durable marks of an order, each one transaction in one message: an extra
-- message costs as much as half the commit. They run with the caller's rights.
-- The numbers 31001 to 31004 are those of shared/store/db.c.

DELIMITER //

-- Inside the caller's transaction: writes the lease row (so that a taker-over and an order can never both commit), then
-- asks mode and acceptance. A cancel is exempt from both: it only takes risk away, also in OBSERVE and HALT.
CREATE OR REPLACE PROCEDURE order_guard(
  p_account SMALLINT UNSIGNED, p_day DATE, p_holder VARCHAR(96), p_epoch BIGINT UNSIGNED, p_now DATETIME(6),
  p_reduces BOOLEAN, p_cancel BOOLEAN)
  SQL SECURITY INVOKER
BEGIN
  DECLARE v_mode VARCHAR(8) DEFAULT 'HALT';
  DECLARE v_needed BIGINT UNSIGNED DEFAULT 0;
  UPDATE lease SET touched = touched + 1
    WHERE account_id = p_account AND holder = p_holder AND epoch = p_epoch AND kind = 'TRADE' AND expires_kst > p_now;
  IF ROW_COUNT() <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'the TRADE lease of this holder and epoch is gone';
  END IF;
  IF NOT p_cancel THEN
    SELECT mode, acceptance_needed INTO v_mode, v_needed FROM control WHERE account_id = p_account LIMIT 1;
    IF NOT (v_mode = 'TRADE' OR (v_mode = 'REDUCE' AND p_reduces)) THEN
      SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31002, MESSAGE_TEXT = 'the stored mode does not allow this order';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM acceptance
                   WHERE account_id = p_account AND trade_date = p_day AND acceptance_id > v_needed) THEN
      SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31003,
        MESSAGE_TEXT = 'no snapshot of the day was accepted, or none since the last stop';
    END IF;
  END IF;
END//

-- First mark: the intent and its RECORDED event.
CREATE OR REPLACE PROCEDURE intent_record(
  p_account SMALLINT UNSIGNED, p_day DATE, p_holder VARCHAR(96), p_epoch BIGINT UNSIGNED, p_now DATETIME(6),
  p_reduces BOOLEAN, p_intent BIGINT UNSIGNED, p_kind VARCHAR(8), p_target BIGINT UNSIGNED, p_strategy VARCHAR(32),
  p_signal VARCHAR(32), p_symbol VARCHAR(11), p_side VARCHAR(8), p_type VARCHAR(8), p_qty BIGINT, p_price_won BIGINT,
  p_excg CHAR(3), p_program VARCHAR(16))
  SQL SECURITY INVOKER
BEGIN
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  START TRANSACTION;
  CALL order_guard(p_account, p_day, p_holder, p_epoch, p_now, p_reduces, p_kind = 'CANCEL');
  INSERT INTO intent (intent_id, account_id, trade_date, epoch, kind, target_intent_id, strategy, signal_code, symbol,
                      side, type, qty, price_won, excg, owner, recorded_kst)
    VALUES (p_intent, p_account, p_day, p_epoch, p_kind, p_target, p_strategy, p_signal, p_symbol,
            p_side, p_type, p_qty, p_price_won, p_excg, 'SYS', p_now);
  INSERT INTO order_event (intent_id, account_id, event, state, at_kst, order_date, by_program, evidence)
    VALUES (p_intent, p_account, 'record', 'RECORDED', p_now, p_day, p_program, '');
  COMMIT;
END//

-- Second mark: once per intent, ever, and only straight after the first.
CREATE OR REPLACE PROCEDURE intent_mark(
  p_account SMALLINT UNSIGNED, p_holder VARCHAR(96), p_epoch BIGINT UNSIGNED, p_now DATETIME(6), p_reduces BOOLEAN,
  p_intent BIGINT UNSIGNED, p_program VARCHAR(16))
  SQL SECURITY INVOKER
BEGIN
  DECLARE v_day DATE DEFAULT NULL;
  DECLARE v_cancel BOOLEAN DEFAULT FALSE;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  START TRANSACTION;
  SELECT trade_date, kind = 'CANCEL' INTO v_day, v_cancel FROM intent
    WHERE intent_id = p_intent AND account_id = p_account AND epoch = p_epoch AND owner = 'SYS' LIMIT 1;
  IF v_day IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31004, MESSAGE_TEXT = 'there is no such intent of this account and epoch';
  END IF;
  CALL order_guard(p_account, v_day, p_holder, p_epoch, p_now, p_reduces, v_cancel);
  INSERT INTO send_mark (intent_id, account_id, epoch, at_kst) VALUES (p_intent, p_account, p_epoch, p_now);
  IF COALESCE((SELECT e.state FROM order_event e WHERE e.intent_id = p_intent ORDER BY e.event_id DESC LIMIT 1), '')
     <> 'RECORDED' THEN
    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31004, MESSAGE_TEXT = 'the order is not RECORDED any more';
  END IF;
  INSERT INTO order_event (intent_id, account_id, event, state, at_kst, order_date, by_program, evidence)
    VALUES (p_intent, p_account, 'send-mark', 'SENDING', p_now, v_day, p_program, '');
  COMMIT;
END//

DELIMITER ;
