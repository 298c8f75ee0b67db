-- Stated anew by every `gaejang migrate`. Two kinds: who may write which row, and what may never be changed.
-- The programs check the same things; these lines hold when a program is wrong.

DELIMITER //

-- ---- a login writes rows of its own phase only -------------------------------------------------------------------
CREATE OR REPLACE TRIGGER phase_run_login BEFORE INSERT ON phase_run FOR EACH ROW
IF USER() <> CONCAT('gj_', NEW.phase, '@localhost') THEN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_run: a login starts its own phase only';
END IF//

CREATE OR REPLACE TRIGGER phase_result_login BEFORE INSERT ON phase_result FOR EACH ROW
BEGIN
  IF USER() <> CONCAT('gj_', NEW.phase, '@localhost') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_result: a login ends its own phase only';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM phase_run r WHERE r.run_id = NEW.run_id AND r.phase = NEW.phase
                 AND r.account_id = NEW.account_id AND r.trade_date = NEW.trade_date) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_result: the run is of another phase, account or day';
  END IF;
END//

CREATE OR REPLACE TRIGGER phase_input_login BEFORE INSERT ON phase_input FOR EACH ROW
IF NOT EXISTS (SELECT 1 FROM phase_run r WHERE r.run_id = NEW.run_id
               AND USER() = CONCAT('gj_', r.phase, '@localhost')) THEN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_input: a login describes its own runs only';
END IF//

-- ---- orders ------------------------------------------------------------------------------------------------------
-- Only the worker places orders of ours, and only while the account's lease is a TRADE lease of that epoch. The observer
-- may end them: its intents are cancels.
CREATE OR REPLACE TRIGGER intent_lease BEFORE INSERT ON intent FOR EACH ROW
IF NEW.owner = 'SYS' THEN
  IF USER() <> 'gj_worker@localhost' AND NOT (USER() = 'gj_observer@localhost' AND NEW.kind = 'CANCEL') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'intent: only the worker records orders of ours, the observer only cancels';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM lease l WHERE l.account_id = NEW.account_id AND l.kind = 'TRADE'
                 AND l.epoch = NEW.epoch AND l.expires_kst > NEW.recorded_kst) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'intent: the account has no TRADE lease of that epoch';
  END IF;
END IF//

CREATE OR REPLACE TRIGGER send_mark_lease BEFORE INSERT ON send_mark FOR EACH ROW
IF NOT EXISTS (SELECT 1 FROM intent i JOIN lease l ON l.account_id = i.account_id
               WHERE i.intent_id = NEW.intent_id AND i.account_id = NEW.account_id AND i.owner = 'SYS'
               AND (i.kind = 'CANCEL' OR USER() <> 'gj_observer@localhost')
               AND i.epoch = NEW.epoch AND l.kind = 'TRADE' AND l.epoch = NEW.epoch
               AND l.expires_kst > NEW.at_kst) THEN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'send_mark: no intent of ours under a TRADE lease of that epoch';
END IF//

-- ---- what may be updated, and how --------------------------------------------------------------------------------
CREATE OR REPLACE TRIGGER certificate_once BEFORE UPDATE ON certificate FOR EACH ROW
BEGIN
  IF OLD.consumed_kst IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'certificate: it was used before';
  END IF;
  IF NEW.consumed_kst IS NULL OR NEW.certificate_id <> OLD.certificate_id OR NEW.account_id <> OLD.account_id
     OR NEW.trade_date <> OLD.trade_date OR NEW.run_id <> OLD.run_id OR NEW.mode <> OLD.mode
     OR NEW.epoch <> OLD.epoch OR NEW.body <> OLD.body OR NEW.signature <> OLD.signature
     OR NEW.issued_kst <> OLD.issued_kst OR NEW.expires_kst <> OLD.expires_kst THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'certificate: only its use may be noted';
  END IF;
END//

-- The stop is sticky: programs lower, a person raises.
CREATE OR REPLACE TRIGGER control_sticky BEFORE UPDATE ON control FOR EACH ROW
IF NEW.account_id <> OLD.account_id OR (NEW.mode + 0 < OLD.mode + 0 AND USER() <> 'gj_operator@localhost')
   OR NEW.acceptance_needed < OLD.acceptance_needed THEN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'control: only a person raises the mode';
END IF//

CREATE OR REPLACE TRIGGER control_told AFTER UPDATE ON control FOR EACH ROW
INSERT INTO control_event (account_id, at_kst, mode_before, mode, reason, person, login)
VALUES (NEW.account_id, NEW.since_kst, OLD.mode, NEW.mode, NEW.reason, NEW.person, USER())//

CREATE OR REPLACE TRIGGER control_begun AFTER INSERT ON control FOR EACH ROW
INSERT INTO control_event (account_id, at_kst, mode_before, mode, reason, person, login)
VALUES (NEW.account_id, NEW.since_kst, NULL, NEW.mode, NEW.reason, NEW.person, USER())//

-- An epoch never goes back: a certificate of an old epoch would open again.
CREATE OR REPLACE TRIGGER lease_epoch BEFORE UPDATE ON lease FOR EACH ROW
IF NEW.account_id <> OLD.account_id OR NEW.epoch < OLD.epoch THEN
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'lease: the epoch never goes back';
END IF//

DELIMITER ;

-- ---- nothing else is ever changed or removed ---------------------------------------------------------------------
CREATE OR REPLACE TRIGGER lease_delete BEFORE DELETE ON lease FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'lease: rows are never deleted';
CREATE OR REPLACE TRIGGER control_delete BEFORE DELETE ON control FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'control: rows are never deleted';
CREATE OR REPLACE TRIGGER certificate_delete BEFORE DELETE ON certificate FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'certificate: rows are never deleted';
CREATE OR REPLACE TRIGGER account_update BEFORE UPDATE ON account FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'account: rows are insert-only';
CREATE OR REPLACE TRIGGER account_delete BEFORE DELETE ON account FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'account: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_update BEFORE UPDATE ON symbol FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_delete BEFORE DELETE ON symbol FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_run_update BEFORE UPDATE ON phase_run FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_run: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_run_delete BEFORE DELETE ON phase_run FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_run: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_result_update BEFORE UPDATE ON phase_result FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_result: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_result_delete BEFORE DELETE ON phase_result FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_result: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_input_update BEFORE UPDATE ON phase_input FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_input: rows are insert-only';
CREATE OR REPLACE TRIGGER phase_input_delete BEFORE DELETE ON phase_input FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'phase_input: rows are insert-only';
CREATE OR REPLACE TRIGGER session_update BEFORE UPDATE ON session FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'session: rows are insert-only';
CREATE OR REPLACE TRIGGER session_delete BEFORE DELETE ON session FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'session: rows are insert-only';
CREATE OR REPLACE TRIGGER secret_update BEFORE UPDATE ON secret FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret: rows are insert-only';
CREATE OR REPLACE TRIGGER secret_delete BEFORE DELETE ON secret FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret: rows are insert-only';
CREATE OR REPLACE TRIGGER login_attempt_update BEFORE UPDATE ON login_attempt FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'login_attempt: rows are insert-only';
CREATE OR REPLACE TRIGGER login_attempt_delete BEFORE DELETE ON login_attempt FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'login_attempt: rows are insert-only';
CREATE OR REPLACE TRIGGER cash_snapshot_update BEFORE UPDATE ON cash_snapshot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cash_snapshot: rows are insert-only';
CREATE OR REPLACE TRIGGER cash_snapshot_delete BEFORE DELETE ON cash_snapshot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cash_snapshot: rows are insert-only';
CREATE OR REPLACE TRIGGER holding_update BEFORE UPDATE ON holding FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'holding: rows are insert-only';
CREATE OR REPLACE TRIGGER holding_delete BEFORE DELETE ON holding FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'holding: rows are insert-only';
CREATE OR REPLACE TRIGGER param_set_update BEFORE UPDATE ON param_set FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'param_set: rows are insert-only';
CREATE OR REPLACE TRIGGER param_set_delete BEFORE DELETE ON param_set FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'param_set: rows are insert-only';
CREATE OR REPLACE TRIGGER param_activation_update BEFORE UPDATE ON param_activation FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'param_activation: rows are insert-only';
CREATE OR REPLACE TRIGGER param_activation_delete BEFORE DELETE ON param_activation FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'param_activation: rows are insert-only';
CREATE OR REPLACE TRIGGER pin_update BEFORE UPDATE ON pin FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'pin: rows are insert-only';
CREATE OR REPLACE TRIGGER pin_delete BEFORE DELETE ON pin FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'pin: rows are insert-only';
CREATE OR REPLACE TRIGGER listing_update BEFORE UPDATE ON listing FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'listing: rows are insert-only';
CREATE OR REPLACE TRIGGER listing_delete BEFORE DELETE ON listing FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'listing: rows are insert-only';
CREATE OR REPLACE TRIGGER snapshot_update BEFORE UPDATE ON snapshot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'snapshot: rows are insert-only';
CREATE OR REPLACE TRIGGER snapshot_delete BEFORE DELETE ON snapshot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'snapshot: rows are insert-only';
CREATE OR REPLACE TRIGGER snapshot_lot_update BEFORE UPDATE ON snapshot_lot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'snapshot_lot: rows are insert-only';
CREATE OR REPLACE TRIGGER snapshot_lot_delete BEFORE DELETE ON snapshot_lot FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'snapshot_lot: rows are insert-only';
CREATE OR REPLACE TRIGGER acceptance_update BEFORE UPDATE ON acceptance FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'acceptance: rows are insert-only';
CREATE OR REPLACE TRIGGER acceptance_delete BEFORE DELETE ON acceptance FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'acceptance: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_lock_update BEFORE UPDATE ON symbol_lock FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol_lock: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_lock_delete BEFORE DELETE ON symbol_lock FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol_lock: rows are insert-only';
CREATE OR REPLACE TRIGGER risk_limit_update BEFORE UPDATE ON risk_limit FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'risk_limit: rows are insert-only';
CREATE OR REPLACE TRIGGER risk_limit_delete BEFORE DELETE ON risk_limit FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'risk_limit: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_risk_update BEFORE UPDATE ON symbol_risk FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol_risk: rows are insert-only';
CREATE OR REPLACE TRIGGER symbol_risk_delete BEFORE DELETE ON symbol_risk FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'symbol_risk: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_list_update BEFORE UPDATE ON universe_list FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe_list: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_list_delete BEFORE DELETE ON universe_list FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe_list: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_update BEFORE UPDATE ON universe FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_delete BEFORE DELETE ON universe FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_out_update BEFORE UPDATE ON universe_out FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe_out: rows are insert-only';
CREATE OR REPLACE TRIGGER universe_out_delete BEFORE DELETE ON universe_out FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'universe_out: rows are insert-only';
CREATE OR REPLACE TRIGGER control_event_update BEFORE UPDATE ON control_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'control_event: rows are insert-only';
CREATE OR REPLACE TRIGGER control_event_delete BEFORE DELETE ON control_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'control_event: rows are insert-only';
CREATE OR REPLACE TRIGGER decision_update BEFORE UPDATE ON decision FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'decision: rows are insert-only';
CREATE OR REPLACE TRIGGER decision_delete BEFORE DELETE ON decision FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'decision: rows are insert-only';
CREATE OR REPLACE TRIGGER intent_update BEFORE UPDATE ON intent FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'intent: rows are insert-only';
CREATE OR REPLACE TRIGGER intent_delete BEFORE DELETE ON intent FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'intent: rows are insert-only';
CREATE OR REPLACE TRIGGER order_event_update BEFORE UPDATE ON order_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'order_event: rows are insert-only';
CREATE OR REPLACE TRIGGER order_event_delete BEFORE DELETE ON order_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'order_event: rows are insert-only';
CREATE OR REPLACE TRIGGER send_mark_update BEFORE UPDATE ON send_mark FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'send_mark: rows are insert-only';
CREATE OR REPLACE TRIGGER send_mark_delete BEFORE DELETE ON send_mark FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'send_mark: rows are insert-only';
CREATE OR REPLACE TRIGGER fill_update BEFORE UPDATE ON fill FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'fill: rows are insert-only';
CREATE OR REPLACE TRIGGER fill_delete BEFORE DELETE ON fill FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'fill: rows are insert-only';
CREATE OR REPLACE TRIGGER alert_update BEFORE UPDATE ON alert FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'alert: rows are insert-only';
CREATE OR REPLACE TRIGGER alert_delete BEFORE DELETE ON alert FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'alert: rows are insert-only';
CREATE OR REPLACE TRIGGER alert_event_update BEFORE UPDATE ON alert_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'alert_event: rows are insert-only';
CREATE OR REPLACE TRIGGER alert_event_delete BEFORE DELETE ON alert_event FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'alert_event: rows are insert-only';
CREATE OR REPLACE TRIGGER operator_action_update BEFORE UPDATE ON operator_action FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'operator_action: rows are insert-only';
CREATE OR REPLACE TRIGGER operator_action_delete BEFORE DELETE ON operator_action FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'operator_action: rows are insert-only';
CREATE OR REPLACE TRIGGER daily_result_update BEFORE UPDATE ON daily_result FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'daily_result: rows are insert-only';
CREATE OR REPLACE TRIGGER daily_result_delete BEFORE DELETE ON daily_result FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'daily_result: rows are insert-only';
CREATE OR REPLACE TRIGGER round_trip_update BEFORE UPDATE ON round_trip FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'round_trip: rows are insert-only';
CREATE OR REPLACE TRIGGER round_trip_delete BEFORE DELETE ON round_trip FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'round_trip: rows are insert-only';
CREATE OR REPLACE TRIGGER selection_update BEFORE UPDATE ON selection FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'selection: rows are insert-only';
CREATE OR REPLACE TRIGGER selection_delete BEFORE DELETE ON selection FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'selection: rows are insert-only';
CREATE OR REPLACE TRIGGER journal_file_update BEFORE UPDATE ON journal_file FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'journal_file: rows are insert-only';
CREATE OR REPLACE TRIGGER journal_file_delete BEFORE DELETE ON journal_file FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'journal_file: rows are insert-only';
CREATE OR REPLACE TRIGGER mismatch_update BEFORE UPDATE ON mismatch FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'mismatch: rows are insert-only';
CREATE OR REPLACE TRIGGER mismatch_delete BEFORE DELETE ON mismatch FOR EACH ROW
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'mismatch: rows are insert-only';
