-- name: limit_add   used by: guardrail   in: run_id, name, value
INSERT INTO risk_limit (run_id, name, value) VALUES (?, ?, ?);

-- name: limit_of_run   used by: gate, worker   in: run_id, room
SELECT name, value FROM risk_limit WHERE run_id = ? ORDER BY name LIMIT ?;

-- name: symbol_risk_add   used by: guardrail   in: run_id, symbol, volatile_now, atr_ppm, atr_median_ppm, volume_average_qty
INSERT INTO symbol_risk (run_id, symbol, volatile_now, atr_ppm, atr_median_ppm, volume_average_qty) VALUES (?, ?, ?, ?, ?, ?);

-- name: symbol_risk_of_run   used by: universe, gate, worker   in: run_id, room
SELECT symbol, volatile_now, atr_ppm, atr_median_ppm, volume_average_qty
FROM symbol_risk WHERE run_id = ? ORDER BY symbol LIMIT ?;
