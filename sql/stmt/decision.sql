-- name: decision_add   used by: worker, observer   in: account_id, trade_date, epoch, seq, at_kst, observed, strategy, signal_code, symbol, side, type, qty, price_won, last_won, verdict
INSERT INTO decision (account_id, trade_date, epoch, seq, at_kst, observed, strategy, signal_code, symbol, side, type, qty,
                      price_won, last_won, verdict)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
