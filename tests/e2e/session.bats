#!/usr/bin/env bats
# Trouble while the worker trades: garbage on the socket, kill -9, a person's stop, and a day that goes on after each.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse --stay --until 09:15 || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }

frozen() { # params, limits, universe as the newest certificate names them
	q "SELECT body FROM certificate ORDER BY certificate_id DESC LIMIT 1" | sed 's/\\n/\n/g' | grep -E '^(params|limits|universe)='
}
# Time goes from event to event, which waits for everybody's work, and stands in between: what is compared must not move.
# At a speed it would not wait: a flush of the journal that takes 20 ms of the host takes many seconds of such a day.
stands() { control '{"do":"clock","pace":"still"}' >/dev/null; }
now() { control '{"do":"now"}' | jq -r .now; }
seconds_on() { # lets N virtual seconds pass
	local to
	to=$(q "SELECT DATE_ADD('$(now)', INTERVAL $1 SECOND)")
	control '{"do":"clock","pace":"event","until":"'"$to"'"}' >/dev/null
	arrived() { [[ ! "$(now)" < "$to" ]]; }
	eventually 90 arrived
	stands
}
steps_until() { # steps of N seconds, until COMMAND holds
	local step=$1 n
	shift
	for n in {1..60}; do
		if "$@"; then return 0; fi
		seconds_on "$step"
	done
	printf 'not after %d steps: %s\n' "$n" "$*"
	return 1
}
trading() { [ "$(status | jq -r .worker.mode)" = TRADE ]; }
flowing() { # runs a program that waits for the clock
	control '{"do":"clock","pace":"on-call"}' >/dev/null
	run gj "$@"
	stands
}
one_post_each() {
	same "$(orders_posted)" "$(q "SELECT COUNT(*) FROM send_mark s JOIN intent i USING (intent_id) WHERE i.kind = 'NEW'")" 'POSTs per intent'
	same "$(dump | jq -r '.requests[]|select(.endpoint=="order-cash")|.body|"\(.PDNO) \(.ORD_QTY) \(.ORD_UNPR)"' | sort)" \
		"$(q "SELECT CONCAT(symbol, ' ', qty, ' ', IF(type = 'MARKET', 0, price_won)) FROM intent JOIN send_mark USING (intent_id) WHERE kind = 'NEW'" | sort)"
}

@test "garbage frames do not stop the worker and leave alert rows" {
	local pid
	pid=$(worker_pid)
	same "$(status | jq -r '"\(.worker.state) \(.worker.mode)"')" 'TRADING TRADE'
	control '{"do":"frame","text":"nonsense"}' | jq -e .ok
	control '{"do":"frame","text":"{\"header\":"}' | jq -e .ok
	control '{"do":"frame","text":""}' | jq -e .ok
	seen() { [ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'frame-garbage' AND by_program = 'worker'")" -ge 2 ]; }
	eventually 10 seen
	seconds_on 120
	kill -0 "$pid"
	same "$(status | jq -r '"\(.worker.state) \(.worker.mode) \(.control.mode)"')" 'TRADING TRADE TRADE'
	[ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'frame-garbage'")" -le 4 ]
}

@test "positions in the session: shares and cost of each are the simulator's own" {
	local ours
	held() { [ "$(status | jq '.positions | length')" -ge 3 ]; }
	steps_until 300 held
	ours=$(status | jq -c '[.positions[] | [.symbol, .qty, .cost_won]] | sort')
	same "$ours" "$(dump | jq -c '[.ledger.accounts[0].holdings[] | select(.qty > 0) | [.code, .qty, .cost_won]] | sort')"
	[ "$(jq '[.[][2]] | min' <<<"$ours")" -gt 0 ]
	same "$(q 'SELECT COUNT(*) FROM v_positions_diff WHERE ours_qty < 0')" 0
}

@test "kill -9 of the worker: reconcile and the gate again, next epoch, the same frozen day, no order twice" {
	local pid epoch before sent
	pid=$(worker_pid) epoch=$(q 'SELECT MAX(epoch) FROM certificate') before=$(frozen) sent=$(q 'SELECT COUNT(*) FROM send_mark')
	[ "$sent" -ge 5 ]
	kill -KILL "$pid"
	# the lease lives on for a while: who asks in it gets an answer, and nothing is frozen
	expired() { [ "$(q "SELECT expires_kst < '$(now)' FROM lease")" = 1 ]; }
	steps_until 10 expired
	flowing rerun account --downstream
	same "$status" 0 "$output"
	run ! grep -q 'read-only' <<<"$output"
	same "$(status | jq -r '"\(.gate.verdict) \(.gate.mode)"')" 'PASS TRADE'
	[ "$(worker_pid)" != "$pid" ]
	[ "$(q 'SELECT MAX(epoch) FROM certificate')" -gt "$epoch" ]
	same "$(q 'SELECT epoch FROM lease')" "$(q 'SELECT MAX(epoch) FROM certificate')"
	same "$(frozen)" "$before" 'params, limits and universe of the day'
	same "$(wc -l <<<"$before")" 3
	seconds_on 3600
	one_post_each
	[ "$(q 'SELECT COUNT(*) FROM send_mark')" -gt "$sent" ]
	same "$(q "SELECT COUNT(*) FROM v_orders WHERE state IN ('IN_DOUBT', 'SENDING')")" 0
	# every journal of the day replays, the cut one too
	local journal
	for journal in $(q 'SELECT path FROM journal_file'); do
		run "$BIN/replay" "$journal"
		same "$status" 0 "$output"
	done
}

@test "gaejang kill: stops within seconds; stop file, row and alert are there; nothing is sent any more" {
	local began=$SECONDS sent
	run gj kill --by anna --reason 'drill of the stop'
	same "$status" 0 "$output"
	[ $((SECONDS - began)) -le 10 ]
	has "$output" 'stop file written'
	has "$output" 'control row says HALT'
	[ -s "$DIR/state/stop-demo" ]
	same "$(q 'SELECT mode, person, reason FROM control')" $'HALT\tanna\tdrill of the stop'
	same "$(q "SELECT person, reason FROM operator_action WHERE action = 'kill'")" $'anna\tdrill of the stop'
	halted() { [ "$(q 'SELECT mode FROM lease')" = HALT ]; }
	eventually 5 halted
	sent=$(q 'SELECT COUNT(*) FROM intent WHERE kind = "NEW"')
	seconds_on 1200
	same "$(q 'SELECT COUNT(*) FROM intent WHERE kind = "NEW"')" "$sent"
	same "$(q "SELECT COUNT(*) FROM v_orders_open")" 0
	flowing run gate
	[ "$status" -ne 0 ]
	has "$(gj why)" 'control'
}

@test "resume needs a reason and a new acceptance; then the day goes on" {
	local epoch
	epoch=$(q 'SELECT MAX(epoch) FROM certificate')
	run gj resume
	same "$status" 64
	has "$output" '--reason'
	same "$(q 'SELECT mode FROM control')" HALT
	run gj resume --by anna --reason 'drill over'
	same "$status" 0 "$output"
	[ ! -e "$DIR/state/stop-demo" ]
	same "$(q 'SELECT mode, person FROM control')" $'TRADE\tanna'
	# the row alone lets nothing trade: a reconcile accepted after the stop is needed
	run ! grep -q TRADE <<<"$(q 'SELECT mode FROM lease')"
	flowing rerun account --downstream
	same "$status" 0 "$output"
	same "$(status | jq -r '"\(.gate.verdict) \(.gate.mode)"')" 'PASS TRADE' "$output"
	# It started within a second of the old one's end, which had closed its session in order: the slot is free.
	steps_until 1 trading
	same "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-slot-taken'")" 0
	[ "$(q 'SELECT MAX(epoch) FROM certificate')" -gt "$epoch" ]
	one_post_each
}

@test "a connection that broke off still counts at the broker: told, tried again, connected" {
	control '{"do":"set","set":"ws_slot_hold_s=12"}' | jq -e .ok
	control '{"do":"drop"}' | jq -e .ok
	seconds_on 8
	same "$(q "SELECT level FROM alert WHERE code = 'feed-slot-taken'")" WARN
	same "$(status | jq -r .worker.mode)" OBSERVE
	steps_until 5 trading
	same "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-slot-taken' AND level = 'CRIT'")" 0
	one_post_each
}

@test "another program takes the app key's slot: told as it goes on, and a person's word ends it" {
	control '{"do":"set","set":"ws_slot_hold_s=300"}' | jq -e .ok
	control '{"do":"drop"}' | jq -e .ok
	critical() { [ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-slot-taken' AND level = 'CRIT'")" -ge 1 ]; }
	steps_until 20 critical
	same "$(status | jq -r .worker.mode)" OBSERVE
	has "$(gj why)" 'gaejang ack feed-slot-taken'
	control '{"do":"set","set":"ws_slot_hold_s=3"}' | jq -e .ok
	seconds_on 400
	same "$(status | jq -r .worker.mode)" OBSERVE 'until somebody has looked'
	run gj ack feed-slot-taken --reason 'the other one is off'
	same "$status" 0 "$output"
	steps_until 20 trading
	one_post_each
}

@test "a page of the orders is cut in the middle while it trades: nothing is concluded, nothing lost" {
	local before
	control '{"do":"set","set":"page_ccld=5"}' | jq -e .ok
	before=$(q "SELECT COUNT(*) FROM listing WHERE by_program = 'worker' AND state <> 'COMPLETE'")
	control '{"do":"faults","set":[{"on":"daily-ccld","from":0,"count":6,"kind":"truncate_page:2"}]}' | jq -e .ok
	partial() { [ "$(q "SELECT COUNT(*) FROM listing WHERE by_program = 'worker' AND state <> 'COMPLETE'")" -gt "$before" ]; }
	steps_until 10 partial
	no_faults
	seconds_on 300
	kill -0 "$(worker_pid)"
	same "$(q "SELECT state FROM listing WHERE by_program = 'worker' ORDER BY listing_id DESC LIMIT 1")" COMPLETE
	one_post_each
}

@test "the day ends as any other: closed, equal, replayed" {
	# nobody wants an instant after the market's end, so the last quarter of an hour is a step
	control '{"do":"clock","pace":"event"}' >/dev/null
	ended() { [[ "$(now)" > '2021-01-04 15:29:59' ]] && [ -z "$(worker_pid)" ]; }
	eventually 90 ended
	stands
	control '{"do":"clock","step":"2021-01-04 15:46:00"}' | jq -e .ok
	same "$(worker_pid)" ''
	flowing run close
	same "$status" 0 "$output"
	has "$output" 'the day replays'
	one_post_each
	same "$(q "SELECT COUNT(*) FROM v_orders WHERE state NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NEVER_SENT')")" 0
	same "$(dump | jq '[.ledger.orders[]|select(.kind==0)|.filled_won]|add')" "$(q "SELECT SUM(amount_won) FROM fill")"
	run ! grep -rlE 'Sanitizer|runtime error' "$DIR.log" "$DIR/state" "$DIR/log"
}
