-- name: symbol_add   used by: universe, reconcile, gaejang universe   in: symbol, market, kind, name
-- The unique key decides; who gets DUPLICATE reads the row and compares.
INSERT INTO symbol (symbol, market, kind, name) VALUES (?, ?, ?, ?);

-- name: symbol_find   used by: phases, worker   in: symbol
SELECT symbol, market, kind, name FROM symbol WHERE symbol = ? LIMIT 1;

-- name: symbol_all   used by: reconcile, worker, close   in: room
SELECT symbol, market, kind, name FROM symbol ORDER BY symbol LIMIT ?;
