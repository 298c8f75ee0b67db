-- migrate:up
-- The tables of the house. Times *_kst are Seoul wall time given by the program's clock, never NOW().
-- Insert-only tables: sql/grants.sql grants no UPDATE or DELETE on them, and sql/triggers.sql refuses both to everybody.

CREATE TABLE account (
  account_id   SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name         VARCHAR(32)  NOT NULL UNIQUE,
  env          ENUM('real','paper') NOT NULL,
  rehearsal    BOOLEAN      NOT NULL DEFAULT FALSE,
  masked       VARCHAR(16)  NOT NULL COMMENT 'last digits only, 50****56-01',
  fingerprint  CHAR(64)     NOT NULL COMMENT 'keyed hash of env and account number',
  added_kst    DATETIME(6)  NOT NULL,
  added_by     VARCHAR(64)  NOT NULL
) ENGINE=InnoDB COMMENT='one trading account; the number itself is sealed in the vault';

CREATE TABLE symbol (
  symbol       VARCHAR(11)  NOT NULL PRIMARY KEY,
  market       ENUM('KOSPI','KOSDAQ') NOT NULL,
  kind         ENUM('STOCK','ETF') NOT NULL DEFAULT 'STOCK',
  name         VARCHAR(63)  NOT NULL DEFAULT ''
) ENGINE=InnoDB COMMENT='what we know of an instrument; tick, band and tax follow from it';

-- ---- phases -------------------------------------------------------------------------------------------------
CREATE TABLE phase_run (
  run_id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  phase        VARCHAR(16)  NOT NULL,
  attempt      INT UNSIGNED NOT NULL,
  started_kst  DATETIME(6)  NOT NULL,
  deadline_kst DATETIME(6)  NOT NULL,
  scheduled    BOOLEAN      NOT NULL,
  read_only    BOOLEAN      NOT NULL,
  host         VARCHAR(64)  NOT NULL,
  pid          INT UNSIGNED NOT NULL,
  boot_id      CHAR(36)     NOT NULL,
  build_digest CHAR(64)     NOT NULL,
  conf_digest  CHAR(64)     NOT NULL,
  person       VARCHAR(64)  NOT NULL COMMENT 'login that ran it',
  UNIQUE KEY one_attempt (account_id, trade_date, phase, attempt)
) ENGINE=InnoDB COMMENT='a phase began; without a phase_result past its deadline it is dead';

CREATE TABLE phase_result (
  run_id       BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  phase        VARCHAR(16)  NOT NULL,
  status       ENUM('PASS','FAIL','UNKNOWN','CLOSED') NOT NULL,
  mode         ENUM('TRADE','REDUCE','OBSERVE','HALT') NOT NULL COMMENT 'ceiling',
  reason       VARCHAR(48)  NOT NULL,
  detail       VARCHAR(500) NOT NULL,
  finished_kst DATETIME(6)  NOT NULL,
  took_ms      BIGINT UNSIGNED NOT NULL COMMENT 'real time',
  content_digest CHAR(64)   NOT NULL,
  evidence     MEDIUMTEXT   NOT NULL COMMENT 'JSON: what it saw',
  KEY newest (account_id, trade_date, phase, run_id),
  CONSTRAINT result_run FOREIGN KEY (run_id) REFERENCES phase_run (run_id)
) ENGINE=InnoDB COMMENT='a phase ended; written last, in the transaction of its products';

CREATE TABLE phase_input (
  run_id       BIGINT UNSIGNED NOT NULL,
  upstream     VARCHAR(16)  NOT NULL,
  upstream_run BIGINT UNSIGNED NOT NULL,
  upstream_digest CHAR(64)  NOT NULL,
  PRIMARY KEY (run_id, upstream)
) ENGINE=InnoDB COMMENT='the upstream results a phase read, with their content digests';

-- ---- products of phases ---------------------------------------------------------------------------------------
CREATE TABLE session (
  run_id       BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  previous_date DATE        NOT NULL,
  open_kst     DATETIME(6)  NOT NULL,
  close_kst    DATETIME(6)  NOT NULL,
  entry_end_kst DATETIME(6) NOT NULL,
  shift_s      INT          NOT NULL,
  KEY by_day (account_id, trade_date)
) ENGINE=InnoDB COMMENT='preflight: hours of the day';

CREATE TABLE secret (
  secret_id    BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  name         VARCHAR(32)  NOT NULL COMMENT 'token, approval',
  version      BIGINT UNSIGNED NOT NULL,
  sealed       BLOB         NOT NULL COMMENT 'vault record, opened with a role key',
  fingerprint  CHAR(16)     NOT NULL COMMENT 'of the app key it belongs to',
  made_kst     DATETIME(6)  NOT NULL,
  expires_kst  DATETIME(6)  NOT NULL,
  run_id       BIGINT UNSIGNED NOT NULL DEFAULT 0,
  UNIQUE KEY one_version (account_id, name, version)
) ENGINE=InnoDB COMMENT='daily secrets, sealed';

CREATE TABLE login_attempt (
  attempt_id   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  fingerprint  CHAR(16)     NOT NULL,
  what         ENUM('token','approval') NOT NULL,
  at_kst       DATETIME(6)  NOT NULL COMMENT 'written before the call',
  KEY newest (fingerprint, what, attempt_id)
) ENGINE=InnoDB COMMENT='token requests, so that two programs never ask within a minute';

CREATE TABLE cash_snapshot (
  run_id       BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  account_match BOOLEAN     NOT NULL,
  cash_d0_won  BIGINT       NOT NULL,
  cash_d1_won  BIGINT       NOT NULL,
  cash_d2_won  BIGINT       NOT NULL,
  orderable_won BIGINT      NOT NULL,
  stock_value_won BIGINT    NOT NULL,
  equity_won   BIGINT       NOT NULL,
  KEY by_day (account_id, trade_date)
) ENGINE=InnoDB COMMENT='account: deposit and orderable cash';

CREATE TABLE holding (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  name         VARCHAR(63)  NOT NULL,
  qty          BIGINT       NOT NULL,
  sellable_qty BIGINT       NOT NULL,
  cost_won     BIGINT       NOT NULL,
  price_won    BIGINT       NOT NULL,
  value_won    BIGINT       NOT NULL,
  PRIMARY KEY (run_id, symbol)
) ENGINE=InnoDB COMMENT='account: what the broker says is held';

CREATE TABLE param_set (
  param_id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  strategy     VARCHAR(32)  NOT NULL,
  strategy_version INT UNSIGNED NOT NULL,
  body         TEXT         NOT NULL COMMENT 'canonical: name=value lines, sorted',
  digest       CHAR(64)     NOT NULL,
  imported_kst DATETIME(6)  NOT NULL,
  imported_by  VARCHAR(64)  NOT NULL,
  UNIQUE KEY same_body (account_id, strategy, digest)
) ENGINE=InnoDB COMMENT='imported parameters, checked against the strategy table';

CREATE TABLE param_activation (
  activation_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  param_id     BIGINT UNSIGNED NOT NULL,
  from_date    DATE         NOT NULL,
  to_date      DATE         NOT NULL COMMENT 'inclusive; 9999-12-31 = until further notice',
  activated_kst DATETIME(6) NOT NULL,
  activated_by VARCHAR(64)  NOT NULL,
  reason       VARCHAR(200) NOT NULL,
  KEY newest (account_id, activation_id)
) ENGINE=InnoDB COMMENT='which parameters are ACTIVE on which days; the newest row that covers a day wins';

CREATE TABLE pin (
  run_id       BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  param_id     BIGINT UNSIGNED NOT NULL,
  strategy     VARCHAR(32)  NOT NULL,
  strategy_version INT UNSIGNED NOT NULL,
  body         TEXT         NOT NULL,
  digest       CHAR(64)     NOT NULL,
  from_previous BOOLEAN     NOT NULL COMMENT 'previous day policy: limits are halved',
  KEY by_day (account_id, trade_date, run_id)
) ENGINE=InnoDB COMMENT='params: the frozen parameters of the day';

CREATE TABLE listing (
  listing_id   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  kind         ENUM('orders','balance','reservations') NOT NULL,
  from_date    DATE         NOT NULL,
  to_date      DATE         NOT NULL,
  state        ENUM('COMPLETE','PARTIAL','FAILED') NOT NULL,
  asked_kst    DATETIME(6)  NOT NULL,
  answered_kst DATETIME(6)  NOT NULL,
  row_count    INT UNSIGNED NOT NULL,
  digest       CHAR(64)     NOT NULL,
  by_program   VARCHAR(16)  NOT NULL,
  reason       VARCHAR(48)  NOT NULL,
  KEY by_day (account_id, kind, trade_date, answered_kst)
) ENGINE=InnoDB COMMENT='every inquiry: absences and lags are counted from these rows';

CREATE TABLE snapshot (
  snapshot_id  BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  run_id       BIGINT UNSIGNED NOT NULL COMMENT '0 = signed by a person',
  frozen_kst   DATETIME(6)  NOT NULL,
  cash_won     BIGINT       NOT NULL,
  lot_count    INT UNSIGNED NOT NULL,
  digest       CHAR(64)     NOT NULL,
  signed_by    VARCHAR(64)  NOT NULL DEFAULT '',
  KEY by_day (account_id, trade_date, snapshot_id)
) ENGINE=InnoDB COMMENT='positions and cash at one instant';

CREATE TABLE snapshot_lot (
  snapshot_id  BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  owner        ENUM('SYS','EXT') NOT NULL,
  qty          BIGINT       NOT NULL,
  cost_won     BIGINT       NOT NULL,
  PRIMARY KEY (snapshot_id, symbol, owner)
) ENGINE=InnoDB;

CREATE TABLE acceptance (
  acceptance_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  snapshot_id  BIGINT UNSIGNED NOT NULL,
  run_id       BIGINT UNSIGNED NOT NULL,
  digest       CHAR(64)     NOT NULL,
  accepted_kst DATETIME(6)  NOT NULL,
  KEY newest (account_id, acceptance_id)
) ENGINE=InnoDB COMMENT='a snapshot was accepted as ours';

CREATE TABLE symbol_lock (
  lock_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  side         ENUM('BUY','SELL') NOT NULL,
  locked       BOOLEAN      NOT NULL COMMENT 'newest row decides',
  reason       VARCHAR(48)  NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  KEY by_day (account_id, trade_date, symbol, side, lock_id)
) ENGINE=InnoDB COMMENT='locks of a symbol and side for the day; insert-only';

CREATE TABLE mismatch (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL COMMENT 'empty = the cash',
  since_kst    DATETIME(6)  NOT NULL,
  PRIMARY KEY (run_id, symbol)
) ENGINE=InnoDB COMMENT='reconcile: what disagreed with the balance, and since when; the next attempt goes on from it';

CREATE TABLE risk_limit (
  run_id       BIGINT UNSIGNED NOT NULL,
  name         VARCHAR(32)  NOT NULL,
  value        BIGINT       NOT NULL,
  PRIMARY KEY (run_id, name)
) ENGINE=InnoDB COMMENT='guardrail: the frozen limits of the day';

CREATE TABLE symbol_risk (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  volatile_now BOOLEAN      NOT NULL,
  atr_ppm      BIGINT       NOT NULL COMMENT '-1 = not known',
  atr_median_ppm BIGINT     NOT NULL,
  volume_average_qty BIGINT NOT NULL,
  PRIMARY KEY (run_id, symbol)
) ENGINE=InnoDB COMMENT='guardrail: volatility and volume per symbol';

CREATE TABLE universe_list (
  list_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  listed       BOOLEAN      NOT NULL COMMENT 'newest row decides',
  at_kst       DATETIME(6)  NOT NULL,
  person       VARCHAR(64)  NOT NULL,
  KEY newest (account_id, symbol, list_id)
) ENGINE=InnoDB COMMENT='the user''s list of symbols; insert-only';

CREATE TABLE universe (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  rank_no      INT UNSIGNED NOT NULL,
  why          VARCHAR(16)  NOT NULL COMMENT 'held, list, selection',
  market       ENUM('KOSPI','KOSDAQ') NOT NULL,
  kind         ENUM('STOCK','ETF') NOT NULL,
  previous_close_won BIGINT NOT NULL,
  previous_high_won  BIGINT NOT NULL,
  previous_low_won   BIGINT NOT NULL,
  band_low_won BIGINT       NOT NULL,
  band_high_won BIGINT      NOT NULL,
  entry_allowed BOOLEAN     NOT NULL,
  PRIMARY KEY (run_id, symbol)
) ENGINE=InnoDB COMMENT='universe: today''s symbols with their reason';

CREATE TABLE universe_out (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  why          VARCHAR(48)  NOT NULL,
  PRIMARY KEY (run_id, symbol)
) ENGINE=InnoDB COMMENT='universe: asked for and left out, with the reason';

CREATE TABLE certificate (
  certificate_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  run_id       BIGINT UNSIGNED NOT NULL,
  mode         ENUM('TRADE','REDUCE','OBSERVE','HALT') NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL COMMENT 'lease epoch the worker takes',
  body         TEXT         NOT NULL,
  signature    CHAR(128)    NOT NULL,
  issued_kst   DATETIME(6)  NOT NULL,
  expires_kst  DATETIME(6)  NOT NULL,
  consumed_kst DATETIME(6)  NULL,
  consumed_by  VARCHAR(96)  NOT NULL DEFAULT '',
  KEY newest (account_id, trade_date, certificate_id)
) ENGINE=InnoDB COMMENT='the gate''s signed YES; consumed once';

-- ---- one account, one writer ------------------------------------------------------------------------------------
CREATE TABLE lease (
  account_id   SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
  kind         ENUM('NONE','PHASE','TRADE') NOT NULL,
  holder       VARCHAR(96)  NOT NULL COMMENT 'host:pid:boot',
  program      VARCHAR(16)  NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL,
  expires_kst  DATETIME(6)  NOT NULL,
  clean        BOOLEAN      NOT NULL COMMENT 'given back in order',
  touched      BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'every intent writes this row',
  state        VARCHAR(16)  NOT NULL DEFAULT '' COMMENT 'of the worker: STARTING READY TRADING OBSERVING STOPPING STOPPED',
  mode         ENUM('TRADE','REDUCE','OBSERVE','HALT') NOT NULL DEFAULT 'HALT' COMMENT 'mode in force in the worker',
  heartbeat_kst DATETIME(6) NOT NULL
) ENGINE=InnoDB COMMENT='who may act for the account; updatable';

CREATE TABLE control (
  account_id   SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
  mode         ENUM('TRADE','REDUCE','OBSERVE','HALT') NOT NULL,
  reason       VARCHAR(200) NOT NULL,
  person       VARCHAR(64)  NOT NULL COMMENT 'person or program',
  since_kst    DATETIME(6)  NOT NULL,
  acceptance_needed BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'an acceptance later than this one is needed to trade again'
) ENGINE=InnoDB COMMENT='the stop: sticky, only a named person raises it; updatable';

CREATE TABLE control_event (
  event_id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  mode_before  ENUM('TRADE','REDUCE','OBSERVE','HALT') NULL,
  mode         ENUM('TRADE','REDUCE','OBSERVE','HALT') NOT NULL,
  reason       VARCHAR(200) NOT NULL,
  person       VARCHAR(64)  NOT NULL,
  login        VARCHAR(64)  NOT NULL COMMENT 'database login that wrote it',
  KEY by_account (account_id, event_id)
) ENGINE=InnoDB COMMENT='every change of control, written by its trigger';

-- ---- orders -----------------------------------------------------------------------------------------------------
CREATE TABLE decision (
  decision_id  BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL,
  seq          BIGINT UNSIGNED NOT NULL COMMENT 'of the journal event that caused it',
  at_kst       DATETIME(6)  NOT NULL,
  observed     BOOLEAN      NOT NULL COMMENT 'made in OBSERVE: nothing was sent',
  strategy     VARCHAR(32)  NOT NULL,
  signal_code  VARCHAR(32)  NOT NULL COMMENT 'entry, stop, target, time ...',
  symbol       VARCHAR(11)  NOT NULL,
  side         ENUM('BUY','SELL') NOT NULL,
  type         ENUM('LIMIT','MARKET') NOT NULL,
  qty          BIGINT       NOT NULL,
  price_won    BIGINT       NOT NULL,
  last_won     BIGINT       NOT NULL,
  verdict      VARCHAR(48)  NOT NULL COMMENT 'ok or the firewall''s reason',
  UNIQUE KEY one_decision (account_id, trade_date, epoch, seq, symbol, side)
) ENGINE=InnoDB COMMENT='what the strategy wanted and what the firewall said';

CREATE TABLE intent (
  intent_id    BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'given by the engine: day, epoch, counter',
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL,
  kind         ENUM('NEW','CANCEL') NOT NULL,
  target_intent_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
  strategy     VARCHAR(32)  NOT NULL,
  signal_code  VARCHAR(32)  NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  side         ENUM('BUY','SELL') NOT NULL,
  type         ENUM('LIMIT','MARKET') NOT NULL,
  qty          BIGINT       NOT NULL,
  price_won    BIGINT       NOT NULL,
  excg         CHAR(3)      NOT NULL,
  owner        ENUM('SYS','EXT') NOT NULL DEFAULT 'SYS' COMMENT 'EXT: seen at the broker, not ours',
  recorded_kst DATETIME(6)  NOT NULL,
  KEY by_day (account_id, trade_date, symbol),
  KEY by_target (target_intent_id)
) ENGINE=InnoDB COMMENT='first durable mark of an order; at most one send each, ever';

CREATE TABLE order_event (
  event_id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  intent_id    BIGINT UNSIGNED NOT NULL,
  account_id   SMALLINT UNSIGNED NOT NULL,
  event        VARCHAR(20)  NOT NULL,
  state        VARCHAR(16)  NOT NULL COMMENT 'state after it',
  at_kst       DATETIME(6)  NOT NULL,
  odno         VARCHAR(11)  NOT NULL DEFAULT '',
  orig_odno    VARCHAR(11)  NOT NULL DEFAULT '',
  branch       VARCHAR(7)   NOT NULL DEFAULT '',
  order_date   DATE         NOT NULL,
  filled_qty   BIGINT       NOT NULL DEFAULT 0 COMMENT 'cumulative',
  filled_won   BIGINT       NOT NULL DEFAULT 0,
  qty          BIGINT       NOT NULL DEFAULT 0 COMMENT 'ordered, after a change; 0 = as before',
  price_won    BIGINT       NOT NULL DEFAULT 0 COMMENT 'after a change; 0 = as before',
  by_program   VARCHAR(16)  NOT NULL,
  reason       VARCHAR(48)  NOT NULL DEFAULT '',
  evidence     TEXT         NOT NULL,
  KEY of_intent (intent_id, event_id),
  KEY by_odno (account_id, order_date, odno),
  CONSTRAINT event_intent FOREIGN KEY (intent_id) REFERENCES intent (intent_id)
) ENGINE=InnoDB COMMENT='every move of every order; the newest row is its state';

-- The second mark can be made once per intent, whoever tries.
CREATE TABLE send_mark (
  intent_id    BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  CONSTRAINT mark_intent FOREIGN KEY (intent_id) REFERENCES intent (intent_id)
) ENGINE=InnoDB COMMENT='second durable mark: one send per intent, held by the primary key';

CREATE TABLE fill (
  fill_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  intent_id    BIGINT UNSIGNED NULL COMMENT 'NULL = somebody else''s order',
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  odno         VARCHAR(11)  NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  side         ENUM('BUY','SELL') NOT NULL,
  owner        ENUM('SYS','EXT') NOT NULL,
  from_qty     BIGINT       NOT NULL,
  to_qty       BIGINT       NOT NULL,
  amount_won   BIGINT       NOT NULL,
  fee_won      BIGINT       NOT NULL,
  tax_won      BIGINT       NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  by_program   VARCHAR(16)  NOT NULL,
  UNIQUE KEY one_step (intent_id, from_qty),
  UNIQUE KEY one_step_of_number (account_id, trade_date, odno, from_qty),
  KEY by_day (account_id, trade_date, symbol)
) ENGINE=InnoDB COMMENT='growth of an order''s cumulative, from complete listings';

-- ---- what people see and do ---------------------------------------------------------------------------------------
CREATE TABLE alert (
  alert_id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  level        ENUM('INFO','WARN','CRIT') NOT NULL,
  code         VARCHAR(48)  NOT NULL,
  text         VARCHAR(500) NOT NULL,
  by_program   VARCHAR(16)  NOT NULL,
  raised_kst   DATETIME(6)  NOT NULL,
  KEY by_day (account_id, trade_date, alert_id)
) ENGINE=InnoDB COMMENT='outbox of alerts';

CREATE TABLE alert_event (
  event_id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  alert_id     BIGINT UNSIGNED NOT NULL,
  event        ENUM('SENT','SEND_FAILED','ACKNOWLEDGED','CLOSED') NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  person       VARCHAR(64)  NOT NULL,
  text         VARCHAR(200) NOT NULL DEFAULT '',
  KEY of_alert (alert_id, event_id)
) ENGINE=InnoDB COMMENT='what became of an alert; insert-only';

CREATE TABLE operator_action (
  action_id    BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  at_kst       DATETIME(6)  NOT NULL,
  person       VARCHAR(64)  NOT NULL,
  action       VARCHAR(32)  NOT NULL,
  target       VARCHAR(100) NOT NULL DEFAULT '',
  reason       VARCHAR(200) NOT NULL
) ENGINE=InnoDB COMMENT='who did what, and why';

CREATE TABLE daily_result (
  run_id       BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  equity_start_won BIGINT   NOT NULL,
  equity_end_won   BIGINT   NOT NULL,
  cash_end_won BIGINT       NOT NULL COMMENT 'D+2',
  realised_won BIGINT       NOT NULL,
  fee_won      BIGINT       NOT NULL,
  tax_won      BIGINT       NOT NULL,
  bought_won   BIGINT       NOT NULL,
  sold_won     BIGINT       NOT NULL,
  orders       INT UNSIGNED NOT NULL,
  fills        INT UNSIGNED NOT NULL,
  replay_same  BOOLEAN      NOT NULL,
  KEY by_day (account_id, trade_date, run_id)
) ENGINE=InnoDB COMMENT='close: the day in one row';

CREATE TABLE round_trip (
  run_id       BIGINT UNSIGNED NOT NULL,
  seq          INT UNSIGNED NOT NULL,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  qty          BIGINT       NOT NULL,
  result_won   BIGINT       NOT NULL COMMENT 'after fees and tax',
  closed_kst   DATETIME(6)  NOT NULL,
  PRIMARY KEY (run_id, seq),
  KEY newest (account_id, trade_date)
) ENGINE=InnoDB COMMENT='close: closed positions, for the losing streak';

CREATE TABLE selection (
  run_id       BIGINT UNSIGNED NOT NULL,
  symbol       VARCHAR(11)  NOT NULL,
  for_date     DATE         NOT NULL,
  rank_no      INT UNSIGNED NOT NULL,
  PRIMARY KEY (run_id, symbol),
  KEY by_day (for_date)
) ENGINE=InnoDB COMMENT='close: symbols proposed for the next trading day';

CREATE TABLE journal_file (
  journal_id   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id   SMALLINT UNSIGNED NOT NULL,
  trade_date   DATE         NOT NULL,
  epoch        BIGINT UNSIGNED NOT NULL,
  path         VARCHAR(500) NOT NULL,
  opened_kst   DATETIME(6)  NOT NULL,
  KEY by_day (account_id, trade_date)
) ENGINE=InnoDB COMMENT='where a worker''s journal lies';

CREATE TABLE schema_stated (
  file         VARCHAR(64)  NOT NULL PRIMARY KEY,
  digest       CHAR(64)     NOT NULL
) ENGINE=InnoDB COMMENT='which routines, triggers, views and grants were stated last';

-- migrate:down
-- Nothing goes down: rows here are evidence. Restore a backup instead (ops/recovery.md).
SELECT 'no way down: restore a backup' AS message;
