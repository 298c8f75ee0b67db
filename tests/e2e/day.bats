#!/usr/bin/env bats
# One whole day with the real programs: what it must leave behind, what it must not, and that it can be had again.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	local code=0
	rehearse --stay || code=$?
	printf '%s\n' "$code" >"$DIR.code"
	[ -S "$DIR/db/db.sock" ] || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }

# What a rerun must not move.
books() {
	q 'SELECT COUNT(*), MAX(intent_id) FROM intent; SELECT COUNT(*), MAX(event_id) FROM order_event; SELECT COUNT(*) FROM send_mark
	   ; SELECT COUNT(*), SUM(amount_won), SUM(fee_won), SUM(tax_won) FROM fill; SELECT COUNT(*) FROM decision
	   ; SELECT snapshot_id, digest, cash_won, lot_count FROM snapshot ORDER BY snapshot_id; SELECT snapshot_id, digest FROM acceptance ORDER BY 1
	   ; SELECT * FROM snapshot_lot ORDER BY 1, 2, 3; SELECT run_id, digest FROM pin ORDER BY 1; SELECT COUNT(*), MAX(run_id) FROM risk_limit
	   ; SELECT COUNT(*), MAX(run_id) FROM universe; SELECT COUNT(*) FROM certificate; SELECT mode, since_kst FROM control
	   ; SELECT COUNT(*) FROM symbol_lock; SELECT COUNT(*) FROM secret'
}

@test "the day ends with 0, the comparison is equal, the worker stopped in order" {
	same "$(cat "$DIR.code")" 0 "$(tail -n 60 "$DIR.log")"
	grep -q '^  everything equal$' "$DIR.log"
	run ! grep -q DIFFERENT "$DIR.log"
	grep -qE '^15:30:00 +worker stopped in order, mode HALT: [0-9]+ orders sent' "$DIR.log"
	grep -qE '^15:45:00 +PASS close: ' "$DIR.log"
}

@test "status: every phase PASS and fresh, the gate said TRADE, nothing is open or in doubt" {
	local json
	json=$(status)
	same "$(jq -r '.day+" "+.account+" "+.env' <<<"$json")" '2021-01-04 demo real'
	same "$(jq -r '[.phases[].name]|join(" ")' <<<"$json")" "${PHASES[*]}"
	same "$(jq -r '[.phases[]|"\(.status) \(.mode) \(.fresh) \(.reason)"]|unique|join(",")' <<<"$json")" 'PASS TRADE true ok'
	same "$(jq -r '"\(.gate.verdict) \(.gate.mode) \(.gate.reason)"' <<<"$json")" 'PASS TRADE ok'
	same "$(jq -r '"\(.orders.open) \(.orders.in_doubt) \(.positions|length)"' <<<"$json")" '0 0 0'
	jq -e '.orders.sent >= 20 and .orders.recorded >= .orders.sent and .orders.filled >= 20' <<<"$json"
	jq -e '.phases|all(has("attempt") and has("took_ms"))' <<<"$json"
	jq -e '.worker|has("state") and has("pid") and has("heartbeat_age_s")' <<<"$json"
	same "$(q "SELECT COUNT(*) FROM v_today WHERE fresh <> 'fresh' OR status <> 'PASS'")" 0
}

@test "orders: at least 20, both sides, partial fills among them; fills add up to the won" {
	[ "$(q "SELECT COUNT(*) FROM send_mark")" -ge 20 ]
	[ "$(q "SELECT COUNT(*) FROM v_orders WHERE kind = 'NEW' AND side = 'BUY' AND filled_qty > 0")" -ge 5 ]
	[ "$(q "SELECT COUNT(*) FROM v_orders WHERE kind = 'NEW' AND side = 'SELL' AND filled_qty > 0")" -ge 5 ]
	[ "$(q 'SELECT COUNT(*) FROM fill f JOIN intent i USING (intent_id) WHERE f.to_qty < i.qty')" -ge 1 ]
	[ "$(q "SELECT COUNT(*) FROM order_event WHERE state = 'PARTIAL'")" -ge 1 ]
	same "$(q "SELECT o.intent_id FROM v_orders o LEFT JOIN (SELECT intent_id, SUM(to_qty - from_qty) AS qty, SUM(amount_won) AS won,
		COUNT(*) AS steps, SUM(from_qty = 0) AS first FROM fill GROUP BY intent_id) f USING (intent_id)
		WHERE o.kind = 'NEW' AND (o.filled_qty <> COALESCE(f.qty, 0) OR o.filled_won <> COALESCE(f.won, 0) OR COALESCE(f.first, 1) <> 1)")" ''
	# each step begins where the one before ended
	same "$(q 'SELECT f.fill_id FROM fill f WHERE f.from_qty > 0 AND NOT EXISTS
		(SELECT 1 FROM fill g WHERE g.intent_id = f.intent_id AND g.to_qty = f.from_qty)')" ''
	same "$(q 'SELECT COUNT(*) FROM fill f JOIN v_orders o USING (intent_id) WHERE f.to_qty > o.qty OR f.to_qty <= f.from_qty OR f.odno <> o.odno')" 0
}

@test "one send per intent: both marks before it, one POST each at the simulator" {
	local posts
	same "$(q "SELECT COUNT(*) FROM intent i WHERE (SELECT COUNT(*) FROM order_event e WHERE e.intent_id = i.intent_id AND e.state = 'RECORDED') <> 1")" 0
	same "$(q "SELECT COUNT(*) FROM send_mark s JOIN intent i USING (intent_id) WHERE s.at_kst < i.recorded_kst OR s.epoch <> i.epoch")" 0
	same "$(q "SELECT COUNT(*) FROM order_event e WHERE e.state IN ('OPEN', 'PARTIAL', 'FILLED') AND NOT EXISTS (SELECT 1 FROM send_mark s WHERE s.intent_id = e.intent_id)")" 0
	posts=$(dump)
	same "$(jq '.counts["order-cash"]' <<<"$posts")" "$(q "SELECT COUNT(*) FROM send_mark s JOIN intent i USING (intent_id) WHERE i.kind = 'NEW'")"
	same "$(jq '.counts["order-rvsecncl"] // 0' <<<"$posts")" "$(q "SELECT COUNT(*) FROM send_mark s JOIN intent i USING (intent_id) WHERE i.kind = 'CANCEL'")"
	# the same orders, one by one: symbol, quantity, price (0 = market)
	same "$(jq -r '.requests[]|select(.endpoint=="order-cash")|.body|"\(.PDNO) \(.ORD_QTY) \(.ORD_UNPR)"' <<<"$posts" | sort)" \
		"$(q "SELECT CONCAT(symbol, ' ', qty, ' ', IF(type = 'MARKET', 0, price_won)) FROM intent WHERE kind = 'NEW'" | sort)"
}

@test "limits: no order, position or rate was over what the guardrail froze" {
	limit() { q "SELECT value FROM risk_limit WHERE name = '$1' ORDER BY run_id DESC LIMIT 1"; }
	[ "$(limit order_value_won)" -gt 0 ]
	[ "$(q "SELECT MAX(qty * price_won) FROM intent WHERE kind = 'NEW' AND side = 'BUY'")" -le "$(limit order_value_won)" ]
	[ "$(q "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM intent WHERE kind = 'NEW' GROUP BY symbol) x")" -le "$(limit rate_symbol_day)" ]
	[ "$(q "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM intent WHERE kind = 'NEW' GROUP BY DATE_FORMAT(recorded_kst, '%H:%i')) x")" -le "$(limit rate_minute)" ]
	# positions at any moment, from the fills in their order
	[ "$(q "WITH moves AS (SELECT fill_id, symbol, IF(side = 'BUY', to_qty - from_qty, from_qty - to_qty) AS d FROM fill),
		held AS (SELECT m.fill_id, (SELECT COUNT(*) FROM (SELECT DISTINCT symbol FROM moves) s WHERE
			(SELECT SUM(x.d) FROM moves x WHERE x.symbol = s.symbol AND x.fill_id <= m.fill_id) > 0) AS n FROM moves m)
		SELECT MAX(n) FROM held")" -le "$(limit positions_max)" ]
	# nothing sold that was not there
	same "$(q "SELECT SUM(IF(side = 'BUY', to_qty - from_qty, from_qty - to_qty)) FROM fill GROUP BY symbol HAVING SUM(IF(side = 'BUY', to_qty - from_qty, from_qty - to_qty)) <> 0")" ''
}

@test "every claim has its row: decisions, listings, journal, daily result" {
	same "$(q "SELECT COUNT(*) FROM decision WHERE verdict = 'ok' AND NOT observed")" "$(q "SELECT COUNT(*) FROM intent WHERE kind = 'NEW'")"
	[ "$(q "SELECT COUNT(*) FROM listing WHERE by_program = 'worker' AND kind = 'orders' AND state = 'COMPLETE'")" -ge 300 ]
	same "$(q "SELECT COUNT(*) FROM listing WHERE state <> 'COMPLETE'")" 0
	same "$(q "SELECT COUNT(*) FROM phase_run r LEFT JOIN phase_result s USING (run_id) WHERE s.run_id IS NULL")" 0
	same "$(q 'SELECT replay_same, fills > 0, orders >= 20 FROM daily_result ORDER BY run_id DESC LIMIT 1')" $'1\t1\t1'
	same "$(q 'SELECT COUNT(*) FROM certificate WHERE consumed_kst IS NOT NULL')" 1
	same "$(q "SELECT COUNT(*) FROM alert WHERE level = 'CRIT'")" 0
}

@test "the recorded day replays to the same decisions; a flipped byte does not" {
	local journal copy=$BATS_TEST_TMPDIR/copy.gj size
	journal=$(q 'SELECT path FROM journal_file')
	[ -s "$journal" ]
	run "$BIN/replay" --json "$journal"
	same "$status" 0 "$output"
	cp "$journal" "$copy"
	size=$(stat -c %s "$copy")
	printf '\xff\xfe\xfd' | dd of="$copy" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
	run "$BIN/replay" "$copy"
	same "$status" 1 "$output"
}

@test "no secret and no account number in logs, state, or the database" {
	local word appkey appsecret
	appkey=$(jq -r '.[0].appkey' "$DIR/accounts.json") appsecret=$(jq -r '.[0].appsecret' "$DIR/accounts.json")
	[ ${#appkey} -eq 36 ] && [ ${#appsecret} -eq 180 ]
	mariadb-dump --no-defaults --socket "$DIR/db/db.sock" -u root --hex-blob gaejang >"$BATS_TEST_TMPDIR/dump.sql"
	[ "$(grep -c 'INSERT INTO' "$BATS_TEST_TMPDIR/dump.sql")" -ge 20 ]
	for word in "$appkey" "$appsecret" "${appsecret:0:40}" 50123456; do
		run ! grep -rlF -e "$word" "$DIR/log" "$DIR/state" "$DIR/vault" "$DIR/gaejang.conf" "$DIR.log" "$BATS_TEST_TMPDIR/dump.sql"
		run ! grep -liF -e "$(printf '%s' "$word" | od -An -tx1 | tr -d ' \n')" "$BATS_TEST_TMPDIR/dump.sql"
	done
}

@test "the queries that the rehearsal prints run as they stand, and only read" {
	local line n=0
	while IFS= read -r line; do
		run env -u GAEJANG_CONF bash -c "$line 3>&-"
		same "$status" 0 "$output"
		[ "${#lines[@]}" -ge 2 ]
		n=$((n + 1))
	done < <(sed -n 's/^  \(GAEJANG_CONF=.*\)$/\1/p' "$DIR.log")
	same "$n" 3
	run gj sql 'DELETE FROM intent'
	[ "$status" -ne 0 ]
}

@test "another day shows its own result, not this one's" {
	local today
	today=$(status | jq -c .result)
	same "$(gj status --json --day 2021-01-05 | jq -c '.result | [.known, .realised_won, .fee_won, .tax_won, .cash_won]')" \
		"[true,0,0,0,$(jq .cash_won <<<"$today")]" 'the next day, before its morning'
	same "$(gj status --json --day 2020-12-30 | jq -c '.result | [.known, .realised_won, .fee_won, .tax_won, .cash_won]')" \
		'[true,0,0,0,100000000]' 'the day of the signed opening'
	same "$(gj status --json --day 2020-12-29 | jq -c '.result.known')" false
	same "$(gj status --json --day 2021-01-04 | jq -c .result)" "$today"
	[ "$(jq .fee_won <<<"$today")" -gt 0 ]
}

@test "after the close every phase again by hand: answers, and moves nothing" {
	local before phase
	before=$(books)
	for phase in "${PHASES[@]}"; do
		[ "$phase" = gate ] && continue
		run gj rerun "$phase"
		same "$status" 0 "$phase: $output"
		same "$(books)" "$before" "after $phase"
	done
	run gj rerun gate
	same "$(books)" "$before" 'after gate'
	same "$(q "SELECT COUNT(*) FROM lease WHERE kind = 'TRADE'")" 0
	same "$(status | jq -r '[.phases[]|"\(.status) \(.fresh)"]|unique|join(",")')" 'PASS true'
}

@test "a second rehearsal in the same folder begins anew and trades again" {
	local pid
	rehearse_end
	run ! pgrep -f "datadir=$DIR/db"
	rehearse --stay --until 09:40 || { cat "$DIR.log"; return 1; }
	same "$(status | jq -r '"\(.gate.verdict) \(.worker.state)"')" 'PASS TRADING'
	same "$(q 'SELECT COUNT(*) FROM account')" 1
	[ "$(q 'SELECT COUNT(*) FROM send_mark')" -ge 5 ]
	same "$(orders_posted)" "$(q "SELECT COUNT(*) FROM send_mark s JOIN intent i USING (intent_id) WHERE i.kind = 'NEW'")"
	# secrets of a process that runs: no core file, nothing on its command line or in its environment
	pid=$(worker_pid)
	grep -qE '^Max core file size +0 +0' "/proc/$pid/limits"
	ps -eo args >"$BATS_TEST_TMPDIR/ps"
	tr '\0' '\n' <"/proc/$pid/environ" >>"$BATS_TEST_TMPDIR/ps" 2>/dev/null || true
	for word in "$(jq -r '.[0].appkey' "$DIR/accounts.json")" "$(jq -r '.[0].appsecret' "$DIR/accounts.json")" 50123456; do
		run ! grep -qF -e "$word" "$BATS_TEST_TMPDIR/ps"
	done
}

@test "the stop leaves nothing running, no sanitizer said anything" {
	gj rehearse --stop --dir "$DIR"
	same "$(ours)" ''
	run "$TOP/ops/db" status "$DIR/db"
	same "$status" 1
	run ! grep -rlE 'Sanitizer|runtime error' "$DIR.log" "$DIR/state" "$DIR/log"
}
