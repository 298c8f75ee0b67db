#!/usr/bin/env bats
# Bad input and trouble before the open: one clear line, the right exit status, a row where the database answers, and
# nothing lost or sent.
# shellcheck disable=SC1091,SC2154,SC2030,SC2031 # each test is a shell of its own; lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse --stay --until 08:49 || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	BAD="$BATS_TEST_TMPDIR/gaejang.conf"
}
teardown() {
	local sent
	no_faults 2>/dev/null || return 0 # the simulator was the trouble
	sent=$(orders_posted)
	same "$sent" 0 'orders that reached the simulator'
	same "$(q 'SELECT COUNT(*) FROM intent')" 0
}

# refused CODE EXIT COMMAND... : one line, with the reason's code
refused() {
	local code=$1 want=$2
	shift 2
	run timeout "$WAIT_S" "$@"
	same "$status" "$want" "$output"
	same "${#lines[@]}" 1 "$output"
	has "$output" "$code"
}
# bad SED_SCRIPT : a copy of the configuration, altered
bad() {
	sed "$1" "$CONF" >"$BAD"
	chmod 640 "$BAD"
}
runs() { q 'SELECT COUNT(*) FROM phase_run'; }
# copies certificate 1 with SQL expressions for body and signature; prints the new number
certificate_copy() {
	q "INSERT INTO certificate (account_id, trade_date, run_id, mode, epoch, body, signature, issued_kst, expires_kst)
	   SELECT account_id, trade_date, run_id, mode, epoch, ${1:-body}, ${2:-signature}, issued_kst, expires_kst FROM certificate
	   WHERE certificate_id = 1; SELECT LAST_INSERT_ID()"
}

@test "configuration: a missing file, a missing key, a missing account" {
	refused conf-file 78 "$BIN/preflight" --config "$BATS_TEST_TMPDIR/none.conf"
	has "$output" 'No such file'
	bad '/^db_socket/d'
	refused conf-missing 78 "$BIN/preflight" --config "$BAD"
	has "$output" '[paths] db_socket'
	bad '/^alerts = /d'
	refused conf-missing 78 "$BIN/preflight" --config "$BAD"
	has "$output" '[gaejang] alerts'
	bad '/^vault = /d'
	refused conf-missing 78 "$BIN/preflight" --config "$BAD"
	has "$output" '[account demo] vault'
	run "$BIN/preflight" --config "$CONF" --account nobody
	same "$status" 64 "$output"
	has "$output" 'knows no account "nobody"; known: demo'
}

@test "configuration: unknown, twice, out of range, wrong type, no syntax: every program, before anything else" {
	local program before
	before=$(runs)
	bad 's/^\[paths\]/[paths]\nstate_dri = \/x/'
	for program in "${PHASES[@]}"; do
		refused conf-unknown 78 "$BIN/$program" --config "$BAD"
		has "$output" 'did you mean [paths] state_dir'
	done
	refused 'knows no key' 78 "$BIN/worker" --config "$BAD" --certificate 1
	refused 'knows no key' 78 "$BIN/gaejang" status --config "$BAD"
	bad 's/^\[paths\]/[paths]\nbin_dir = \/x/'
	refused conf-duplicate 78 "$BIN/preflight" --config "$BAD"
	bad 's/^\[limits\]/[schedule]\nrepeat_min = 100000\n[limits]/'
	refused conf-range 78 "$BIN/preflight" --config "$BAD"
	has "$output" repeat_min
	bad 's/^\[limits\]/[schedule]\nrepeat_min = often\n[limits]/'
	refused conf-range 78 "$BIN/preflight" --config "$BAD"
	bad 's/^\[account demo\]/[account demo/'
	refused conf-syntax 78 "$BIN/preflight" --config "$BAD"
	same "$(runs)" "$before" 'a row of a program that could not read its configuration'
}

@test "configuration: writable by others" {
	bad ''
	chmod 666 "$BAD"
	refused file-mode 77 "$BIN/preflight" --config "$BAD"
	has "$output" 'chmod go-w'
}

# A program of another user, who reaches the folders but not the key: its own house is not needed to say so.
unreadable() {
	local house=$BATS_FILE_TMPDIR/other as=()
	if [ "$(id -u)" -eq 0 ]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups); else chmod 000 "$DIR/keys/phase.key"; fi
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$DIR" 2>/dev/null || true
	mkdir -p "$house/state/spool" "$house/log" "$house/bin"
	cp -a "$DIR/keys" "$DIR/vault" "$house"
	cp "$BIN/account" "$house/bin/account"
	cp -r "$TOP/ops/data" "$house/calendar"
	sed -e "s#^state_dir = .*#state_dir = $house/state#" -e "s#^log_file = .*#log_file = $house/log/log#" \
		-e "s#^key_dir = .*#key_dir = $house/keys#" -e "s#^calendar_dir = .*#calendar_dir = $house/calendar#" \
		-e "s#^clock_file = .*#clock_file =#" -e "s#^vault = .*#vault = $house/vault/demo.vault#" "$CONF" >"$house/gaejang.conf"
	chmod -R a+rX "$house"
	chmod 755 "$house/keys"
	chmod 400 "$house"/keys/*
	chmod a+w "$house/state" "$house/state/spool" "$house/log"
	chmod 640 "$house/gaejang.conf"
	chmod 600 "$house/vault/demo.vault"
	[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$house/gaejang.conf" "$house/vault/demo.vault" "$house/state" "$house/state/spool" "$house/log"
	refused file-rights 77 "${as[@]}" "$house/bin/account" --config "$house/gaejang.conf"
	has "$output" phase.key
	[ "$(id -u)" -eq 0 ] || chmod 400 "$DIR/keys/phase.key"
}

@test "key file: readable by others, missing, cut, not readable" {
	local key=$DIR/keys/phase.key before
	before=$(runs)
	chmod 644 "$key"
	refused file-mode 77 "$BIN/account" --config "$CONF"
	has "$output" 'chmod 0400'
	chmod 400 "$key"
	mv "$key" "$key.kept"
	refused file-missing 78 "$BIN/account" --config "$CONF"
	head -c 20 "$key.kept" >"$key"
	chmod 400 "$key"
	refused file-shape 78 "$BIN/account" --config "$CONF"
	# somebody else's key opens nothing
	cp -p "$DIR/keys/observer.key" "$key.other"
	mv -f "$key.other" "$key"
	refused vault-key 77 "$BIN/account" --config "$CONF"
	mv -f "$key.kept" "$key"
	# not readable: by another user, as root reads everything
	unreadable
	chmod 644 "$DIR/vault/demo.vault"
	refused file-mode 77 "$BIN/account" --config "$CONF"
	chmod 600 "$DIR/vault/demo.vault"
	same "$(runs)" "$before"
	run "$BIN/account" --config "$CONF"
	same "$status" 0 "$output"
}

@test "a socket path over the kernel's limit" {
	local deep
	deep=$DIR/$(printf 'x%.0s' {1..110})
	bad "s#^db_socket = .*#db_socket = $deep/db.sock#"
	refused socket-path-long 78 "$BIN/preflight" --config "$BAD"
	has "$output" 107
	# a rehearsal in such a folder says so before it makes anything
	deep=$BATS_FILE_TMPDIR/$(printf 'y%.0s' {1..100})
	run timeout 60 "$BIN/gaejang" rehearse --until 08:01 --stay --dir "$deep" 3>&-
	same "$status" 78 "$output"
	same "${#lines[@]}" 1 "$output"
	has "$output" 'name a shorter one with --dir'
	[ ! -e "$deep" ]
}

@test "parameters: unknown, out of range, not a number, twice, contradicting; none of them is kept" {
	local good=$TOP/ops/examples/breakout.params file=$BATS_TEST_TMPDIR/p.params before rows
	before=$(q 'SELECT COUNT(*) FROM param_set')
	rows=$(q "SELECT COUNT(*) FROM operator_action WHERE action = 'params-refused'")
	{ cat "$good"; echo 'nonsense = 3'; } >"$file"
	refused "no parameter 'nonsense'" 1 "$BIN/gaejang" params import "$file"
	sed 's/^k_bp.*/k_bp = 99999999/' "$good" >"$file"
	refused 'outside 500..20000' 1 "$BIN/gaejang" params import "$file"
	sed 's/^k_bp.*/k_bp = abc/' "$good" >"$file"
	refused 'not a whole number' 1 "$BIN/gaejang" params import "$file"
	{ cat "$good"; echo 'k_bp = 3000'; } >"$file"
	refused 'a second time' 1 "$BIN/gaejang" params import "$file"
	sed -e 's/^target_bp.*/target_bp = 30/' -e 's/^stop_bp.*/stop_bp = 300/' "$good" >"$file"
	refused 'less than a quarter of stop_bp' 1 "$BIN/gaejang" params import "$file"
	refused 'add --reason' 64 "$BIN/gaejang" params activate 1
	run "$BIN/gaejang" params activate 99 --reason test
	[ "$status" -ne 0 ]
	same "$(q 'SELECT COUNT(*) FROM param_set')" "$before"
	# each refused file has a row that says who and why
	same "$(q "SELECT COUNT(*) FROM operator_action WHERE action = 'params-refused' AND person = '$(id -un)'")" $((rows + 5))
	has "$(q "SELECT reason FROM operator_action WHERE action = 'params-refused' ORDER BY action_id DESC LIMIT 1")" 'less than a quarter of stop_bp'
}

@test "parameters altered behind the programs' back: params refuses, the morning halts" {
	local from to
	# rows as no program of ours writes them: out of range, and a broken cross constraint
	while read -r from to reason; do
		q "INSERT INTO param_set (account_id, strategy, strategy_version, body, digest, imported_kst, imported_by)
		   SELECT account_id, strategy, strategy_version, REPLACE(body, '$from', '$to'), SHA2('$from', 256), imported_kst, 'x' FROM param_set WHERE param_id = 1;
		   INSERT INTO param_activation (account_id, param_id, from_date, to_date, activated_kst, activated_by, reason)
		   SELECT account_id, MAX(param_id), '2021-01-04', '9999-12-31', '2021-01-04 09:00:00', 'x', 'x' FROM param_set"
		run gj rerun params
		same "$status" 1 "$output"
		has "$output" "${from%%=*}"
		same "$(q "SELECT status, reason FROM phase_result WHERE phase = 'params' ORDER BY run_id DESC LIMIT 1")" "FAIL"$'\t'"$reason"
	done <<-'ROWS'
		k_bp=3000 k_bp=99999999 params-range
		target_bp=250 target_bp=30 params-cross
	ROWS
	run gj run gate
	same "$status" 1 "$output"
	same "$(q 'SELECT COUNT(*) FROM certificate')" 0
	gj params activate 1 --reason 'back to what was'
	run gj rerun params
	same "$status" 0 "$output"
	same "$(freshness)" "$ALL_FRESH"
}

@test "HTTP 500 with and without a body, malformed JSON, a page that breaks off: nothing is concluded" {
	local kind
	for kind in http_500=69 http_500_empty=69 malformed_json=75 truncate_page:1=69 deep_json=75 big_body:3000000=75; do
		fault balance "${kind%=*}"
		run gj rerun account
		same "$status" "${kind#*=}" "$kind: $output"
		same "${#lines[@]}" 1 "$output"
		has "$output" 'UNKNOWN account: broker-'
		same "$(q "SELECT s.status, s.mode, COUNT(h.run_id) FROM phase_result s LEFT JOIN cash_snapshot h USING (run_id) WHERE s.phase = 'account' GROUP BY s.run_id ORDER BY s.run_id DESC LIMIT 1")" \
			$'UNKNOWN\tOBSERVE\t0' "$kind"
		has "$(q "SELECT code FROM alert WHERE by_program = 'account' ORDER BY alert_id DESC LIMIT 1")" broker-
	done
	no_faults
	run gj rerun account
	same "$status" 0 "$output"
	same "$(freshness)" "$ALL_FRESH"
	# what the troubles raised is closed by the pass
	same "$(q "SELECT COUNT(*) FROM alert a WHERE a.by_program = 'account' AND a.code LIKE 'broker-%' AND NOT EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = a.alert_id AND e.event = 'CLOSED')")" 0
}

@test "an order listing that fails: reconcile accepts nothing" {
	local kind before
	before=$(q 'SELECT COUNT(*) FROM acceptance')
	for kind in http_500_empty malformed_json truncate_page:1; do
		fault daily-ccld "$kind"
		run gj rerun reconcile
		[ "$status" -eq 69 ] || [ "$status" -eq 75 ] || { echo "$status $output"; return 1; }
		same "${#lines[@]}" 1 "$output"
		same "$(q 'SELECT COUNT(*) FROM acceptance')" "$before" "$kind"
		same "$(q "SELECT status, mode FROM phase_result WHERE phase = 'reconcile' ORDER BY run_id DESC LIMIT 1")" $'UNKNOWN\tOBSERVE'
	done
	no_faults
	run gj rerun reconcile
	same "$status" 0 "$output"
	same "$(freshness)" "$ALL_FRESH"
}

@test "the same phase started twice at once: one after the other, both answers have rows" {
	local before a=0 b=0
	before=$(q "SELECT COUNT(*) FROM phase_result WHERE phase = 'reconcile'")
	timeout "$WAIT_S" "$BIN/reconcile" --config "$CONF" >"$BATS_TEST_TMPDIR/a" 2>&1 3>&- &
	local first=$!
	timeout "$WAIT_S" "$BIN/reconcile" --config "$CONF" >"$BATS_TEST_TMPDIR/b" 2>&1 3>&- &
	local second=$!
	wait $first || a=$?
	wait $second || b=$?
	same "$a $b" '0 0' "$(cat "$BATS_TEST_TMPDIR"/[ab])"
	same "$(q "SELECT COUNT(*) FROM phase_result WHERE phase = 'reconcile'")" $((before + 2))
	same "$(q "SELECT COUNT(*), COUNT(DISTINCT attempt) FROM phase_run WHERE phase = 'reconcile'")" $((before + 2))$'\t'$((before + 2))
	same "$(freshness)" "$ALL_FRESH"
	# Whichever had the lease last is the newest in both: result and accepted snapshot.
	same "$(q 'SELECT run_id FROM acceptance ORDER BY acceptance_id DESC LIMIT 1')" "$(q "SELECT run_id FROM v_today WHERE phase = 'reconcile'")"
	run "$BIN/gate" --config "$CONF" --dry-run
	same "$status" 0 "$output"
	has "$output" 'PASS gate'
	same "$(q 'SELECT kind FROM lease')" NONE
}

@test "the database is down at each phase: exit 69, one line, a spool line; the next run makes rows of them" {
	local phase n=0 before
	before=$(q "SELECT COUNT(*) FROM alert WHERE code = 'db-away'")
	"$TOP/ops/db" kill "$DIR/db" 3>&-
	for phase in "${PHASES[@]}"; do
		refused "UNKNOWN $phase: db-away" 69 "$BIN/$phase" --config "$CONF"
		has "$output" 'start it, or correct [paths] db_socket'
		n=$((n + 1))
		same "$(wc -l <"$DIR/state/spool/phases-demo.jsonl")" $n
	done
	run "$BIN/gaejang" status
	same "$status" 69
	run timeout "$WAIT_S" "$BIN/worker" --config "$CONF" --certificate 1
	same "$status" 69
	"$TOP/ops/db" start "$DIR/db" 3>&- >/dev/null
	run gj rerun preflight
	same "$status" 0 "$output"
	same "$(q "SELECT COUNT(*) FROM alert WHERE code = 'db-away'")" $((before + n))
	[ ! -e "$DIR/state/spool/phases-demo.jsonl" ]
	[ ! -e "$DIR/state/spool/phases-demo.draining" ]
	same "$(freshness)" "$ALL_FRESH"
}

@test "worker by hand: without a certificate, with one that is not there" {
	refused 'runs on the gate' 77 "$BIN/worker" --config "$CONF"
	same "$(q "SELECT level, code FROM alert ORDER BY alert_id DESC LIMIT 1")" $'CRIT\tcert-missing'
	refused 'there is no certificate 99' 77 "$BIN/worker" --config "$CONF" --certificate 99
	same "$(q "SELECT program FROM lease WHERE program = 'worker'")" ''
	gj ack --reason 'tests of the refusals' >/dev/null
}

@test "worker by hand: used twice, flipped bits, another executable, a copy" {
	local pid number
	gj ack --reason 'tests of the refusals' >/dev/null || true
	run gj run gate
	same "$status" 0 "$output"
	pid=$(worker_pid)
	refused 'certificate 1 was used before' 77 "$BIN/worker" --config "$CONF" --certificate 1
	same "$(q "SELECT code FROM alert ORDER BY alert_id DESC LIMIT 1")" cert-consumed
	kill -0 "$pid"

	number=$(certificate_copy body "CONCAT(IF(LEFT(signature, 1) = '0', '1', '0'), SUBSTR(signature, 2))")
	refused 'is not what the gate signed' 77 "$BIN/worker" --config "$CONF" --certificate "$number"
	# one bit of the body: TRADE and epoch stand in it
	number=$(certificate_copy "REPLACE(body, 'env=real', 'env=rdal')")
	refused 'is not what the gate signed' 77 "$BIN/worker" --config "$CONF" --certificate "$number"
	same "$(q "SELECT code FROM alert ORDER BY alert_id DESC LIMIT 1")" cert-signature

	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$BIN/worker" "$BATS_TEST_TMPDIR/bin/worker"
	printf 'x' >>"$BATS_TEST_TMPDIR/bin/worker"
	number=$(certificate_copy)
	refused 'another executable' 77 "$BATS_TEST_TMPDIR/bin/worker" --config "$CONF" --certificate "$number"
	same "$(q "SELECT code FROM alert ORDER BY alert_id DESC LIMIT 1")" cert-executable

	# a copy of the row beside the living worker: the lease is held
	number=$(certificate_copy)
	run timeout "$WAIT_S" "$BIN/worker" --config "$CONF" --certificate "$number"
	[ "$status" -eq 77 ] || [ "$status" -eq 75 ] || { echo "$status $output"; return 1; }
	kill -0 "$pid"
	same "$(q 'SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(holder, ":", 2), ":", -1), program, kind FROM lease')" "$pid"$'\tworker\tTRADE'
	same "$(q 'SELECT COUNT(*) FROM send_mark')" 0
}

@test "no frame at all: told once, closed, and connected again" {
	local pid before
	pid=$(worker_pid)
	control '{"do":"set","set":"ws_ping_s=0"}' | jq -e .ok
	control '{"do":"faults","set":[{"on":"ws","from":0,"count":1,"kind":"silent_socket"}]}' | jq -e .ok
	before=$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-silent'")
	control '{"do":"clock","pace":"speed","speed_ppm":30000000}' | jq -e .ok
	connected_again() { [ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-down' AND level = 'INFO'")" -ge 1 ]; }
	eventually 30 connected_again
	control '{"do":"clock","pace":"still"}' | jq -e .ok
	control '{"do":"set","set":"ws_ping_s=10"}' | jq -e .ok
	[ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-silent'")" -le $((before + 4)) ]
	[ "$(q "SELECT COUNT(*) FROM alert WHERE code = 'feed-silent'")" -gt "$before" ]
	kill -0 "$pid"
}

@test "yesterday's certificate" {
	local number pid
	pid=$(worker_pid)
	[ -z "$pid" ] || kill -KILL "$pid"
	number=$(certificate_copy)
	control '{"do":"clock","pace":"still"}' | jq -e .ok
	control '{"do":"clock","step":"2021-01-05 08:00:00"}' | jq -e .ok
	arrived() { control '{"do":"now"}' | grep -q '2021-01-05 08:00:00'; }
	eventually 60 arrived
	refused 'the certificate is of 2021-01-04, today is 2021-01-05' 77 "$BIN/worker" --config "$CONF" --certificate "$number"
	same "$(q "SELECT code, trade_date FROM alert ORDER BY alert_id DESC LIMIT 1")" $'cert-day\t2021-01-05'
	same "$(q "SELECT COUNT(*) FROM certificate WHERE certificate_id = $number AND consumed_kst IS NOT NULL")" 0
}

@test "the simulator is gone: exit 69 at once, one line, a row" {
	rehearse_end
	rehearse --stay --until 08:49 || { cat "$DIR.log"; return 1; }
	kill -KILL "$(awk '$1 == "broker" { print $2 }' "$DIR/pids")"
	refused 'UNKNOWN auth: broker-away' 69 "$BIN/auth" --config "$CONF"
	has "$output" 'look at the network'
	same "$(q "SELECT reason FROM phase_result WHERE phase = 'auth' ORDER BY run_id DESC LIMIT 1")" broker-away
}
