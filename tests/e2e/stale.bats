#!/usr/bin/env bats
# What a rerun by hand does to the morning: nothing where nothing changed, STALE where it did, and how that is mended.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse --stay --until 08:49 || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }

@test "before the gate: the seven phases passed and are fresh, nothing was sent" {
	same "$(freshness)" "$ALL_FRESH"
	same "$(status | jq -r '[.phases[]|select(.status=="PASS")]|length')" 7
	same "$(status | jq -r '.gate.verdict')" MISSING
	same "$(orders_posted)" 0
}

@test "every phase again with nothing changed: all stay fresh, no content moves" {
	local before phase
	before=$(q 'SELECT phase, content_digest FROM phase_result ORDER BY run_id')
	for phase in "${MORNING[@]}"; do
		run gj rerun "$phase"
		same "$status" 0 "$phase"
		same "$(freshness)" "$ALL_FRESH" "after $phase"
	done
	same "$(q 'SELECT phase, content_digest FROM phase_result WHERE run_id > 7 ORDER BY run_id')" "$before"
	same "$(q 'SELECT MAX(attempt) FROM phase_run GROUP BY phase' | sort -u)" 2
}

@test "secrets of the day: the token is in no log, no state file, no row" {
	local token word
	token=$(curl -sS --max-time 20 --cacert "$DIR/broker-ca.pem" -X POST \
		"$(sed -n 's/^rest = //p' "$CONF")/oauth2/tokenP" -H 'content-type: application/json' \
		-d "$(jq -c '.[0]|{grant_type:"client_credentials",appkey,appsecret}' "$DIR/accounts.json")" | jq -r .access_token)
	[ ${#token} -gt 100 ]
	mariadb-dump --no-defaults --socket "$DIR/db/db.sock" -u root --hex-blob gaejang >"$BATS_TEST_TMPDIR/dump.sql"
	grep -q 'INSERT INTO .secret. ' "$BATS_TEST_TMPDIR/dump.sql"
	for word in "$token" "${token:0:60}"; do
		run ! grep -rlF -e "$word" "$DIR/log" "$DIR/state" "$DIR/vault" "$BATS_TEST_TMPDIR/dump.sql"
		run ! grep -rliF -e "$(printf '%s' "$word" | od -An -tx1 | tr -d ' \n')" "$BATS_TEST_TMPDIR/dump.sql"
	done
}

@test "cash changes at the broker: account again makes what rests on it stale" {
	control '{"do":"cash","cash":50000000}' | jq -e .ok
	run gj rerun account
	same "$status" 0
	has "$output" 'orderable 50,000,000 won'
	same "$(phase_is account)" 'PASS fresh ok'
	same "$(phase_is preflight)" 'PASS fresh ok'
	same "$(phase_is auth)" 'PASS fresh ok'
	same "$(phase_is params)" 'PASS fresh ok'
	same "$(phase_is reconcile)" 'PASS upstream-changed ok'
	same "$(phase_is guardrail)" 'PASS upstream-changed ok'
	same "$(phase_is universe)" 'PASS upstream-stale ok'
	# the view says the same
	same "$(q "SELECT GROUP_CONCAT(phase, ':', fresh ORDER BY seq SEPARATOR ' ') FROM v_today WHERE seq < 8 AND fresh <> 'fresh' AND phase <> 'gate'")" \
		'reconcile:upstream-changed guardrail:upstream-changed universe:upstream-stale'
	has "$(gj why)" 'gaejang rerun reconcile --downstream'
	# and the screen shouts it, with the cause
	same "$(gj status | awk '$4 == "STALE" { print $1, $5 }')" $'reconcile upstream-changed\nguardrail upstream-changed\nuniverse upstream-stale'
	same "$(q 'SELECT phase, fresh, command FROM v_why')" $'reconcile\tupstream-changed\tgaejang rerun reconcile --downstream'
}

@test "the gate refuses what is stale: no certificate, nothing that could trade" {
	run gj run gate
	same "$status" 75
	has "$output" 'gate-stale'
	has "$output" 'gaejang rerun reconcile --downstream'
	same "$(q 'SELECT COUNT(*) FROM certificate')" 0
	same "$(q "SELECT COUNT(*) FROM lease WHERE program = 'worker'")" 0
	same "$(q "SELECT status, mode, reason FROM phase_result WHERE phase = 'gate'")" $'UNKNOWN\tOBSERVE\tgate-stale'
	same "$(orders_posted)" 0
	same "$(q 'SELECT COUNT(*) FROM intent')" 0
}

@test "account --downstream mends it: all fresh, the gate passes, the worker runs on the new cash" {
	run gj rerun account --downstream
	same "$status" 0 "$output"
	same "$(freshness)" "$ALL_FRESH"
	same "$(status | jq -r '"\(.gate.verdict) \(.gate.mode)"')" 'PASS TRADE'
	same "$(q "SELECT value FROM risk_limit WHERE name = 'cash_won' ORDER BY run_id DESC LIMIT 1")" 50000000
	# the money that moved is named
	same "$(q "SELECT level FROM alert WHERE code = 'cash-moved'")" WARN
	same "$(q "SELECT COUNT(*) FROM certificate WHERE consumed_kst IS NOT NULL")" 1
	kill -0 "$(worker_pid)"
	same "$(q "SELECT program FROM lease")" worker
}

@test "while the worker trades a phase by hand answers and freezes nothing" {
	local before
	before=$(q 'SELECT COUNT(*), MAX(run_id) FROM cash_snapshot; SELECT COUNT(*), MAX(snapshot_id) FROM snapshot; SELECT COUNT(*) FROM acceptance; SELECT COUNT(*) FROM pin; SELECT COUNT(*) FROM risk_limit; SELECT COUNT(*) FROM universe; SELECT COUNT(*) FROM phase_result')
	for phase in "${MORNING[@]}"; do
		run gj rerun "$phase"
		same "$status" 0 "$output"
		has "$output" 'read-only'
	done
	same "$(q 'SELECT COUNT(*), MAX(run_id) FROM cash_snapshot; SELECT COUNT(*), MAX(snapshot_id) FROM snapshot; SELECT COUNT(*) FROM acceptance; SELECT COUNT(*) FROM pin; SELECT COUNT(*) FROM risk_limit; SELECT COUNT(*) FROM universe; SELECT COUNT(*) FROM phase_result')" "$before"
	same "$(freshness)" "$ALL_FRESH"
	kill -0 "$(worker_pid)"
}
