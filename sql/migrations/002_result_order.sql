-- migrate:up

-- The order in which results were written. Two runs of a phase at once get their run numbers before either has the
-- account's lease: the higher number may end first, and what ended last is what holds.
ALTER TABLE phase_result
  ADD COLUMN result_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'in the order written: the highest is the newest',
  ADD UNIQUE KEY in_order (result_id),
  DROP KEY newest,
  ADD KEY newest (account_id, trade_date, phase, result_id);

-- migrate:down
-- Nothing goes down: rows here are evidence. Restore a backup instead (ops/recovery.md).
SELECT 'no way down: restore a backup' AS message;
