#!/usr/bin/env bats
# deadman and alerts as cron runs them: what cannot be asked is told, what was told once is not told each minute, and what
# the channel did not take is tried again.
# shellcheck disable=SC1091,SC2154,SC2016 # lib.bash is found at run time; bats sets status; $1 is the written script's own
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/../e2e/lib.bash"
	rehearse --stay --until 08:49 || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/../e2e/lib.bash"
	rehearse_end
}
setup() {
	. "$BATS_TEST_DIRNAME/../e2e/lib.bash"
	OWN="$BATS_TEST_TMPDIR/gaejang.conf"
	TOLD="$DIR/log/alerts.log"
	: >"$TOLD"
	rm -f "$DIR"/state/*.told
}
# No secret of the rehearsal's account reached the channel.
teardown() {
	local word
	for word in "$(jq -r '.[0].appkey' "$DIR/accounts.json")" "$(jq -r '.[0].appsecret' "$DIR/accounts.json")" 50123456; do
		run ! grep -qF -e "$word" "$TOLD"
	done
}

# own SED_SCRIPT : a copy of the configuration, altered
own() {
	sed "$1" "$CONF" >"$OWN"
	chmod 640 "$OWN"
}
# says EXIT PART COMMAND... : exit status, one line with PART
says() {
	local want=$1 part=$2
	shift 2
	run timeout "$WAIT_S" "$@"
	same "$status" "$want" "$output"
	same "${#lines[@]}" 1 "$output"
	has "$output" "$part"
}
told() { wc -l <"$TOLD"; }
# raise CODE TEXT : an alert row as a phase writes it; prints its number
raise() {
	q "INSERT INTO alert (account_id, trade_date, level, code, text, by_program, raised_kst)
	   SELECT account_id, '2021-01-04', 'WARN', '$1', '$2', 'account', '2021-01-04 08:49:00' FROM account LIMIT 1; SELECT LAST_INSERT_ID()"
}
events() { q "SELECT GROUP_CONCAT(event ORDER BY event = 'SENT') FROM alert_event WHERE alert_id = $1"; }
# The clock of the rehearsal, set and waited for.
at() {
	control "{\"do\":\"clock\",\"step\":\"$1\"}" | jq -e .ok >/dev/null
	there() { control '{"do":"now"}' | grep -qF "$1"; }
	eventually 60 there "$1"
}

@test "deadman: all is well, or too early to say" {
	run "$BIN/deadman"
	same "$status" 0 "$output"
	same "$output" ''
	same "$(told)" 0
}

@test "deadman: a bad configuration is told through the channel it still names, once" {
	own 's/^state_dir/stat_dir/'
	says 78 'did you mean [paths] state_dir?' "$BIN/deadman" --config "$OWN"
	has "$output" 'deadman: deadman-blind: '
	same "$(told)" 1
	has "$(cat "$TOLD")" 'CRIT deadman-blind '"$OWN"
	: >"$TOLD"
	own '/^db_socket/d'
	says 78 '[paths] db_socket is missing' "$BIN/deadman" --config "$OWN"
	says 78 '[paths] db_socket is missing' "$BIN/deadman" --config "$OWN"
	same "$(told)" 1
	own '/^env = /d'
	says 78 '[account demo] env is missing' "$BIN/deadman" --config "$OWN"
	same "$(told)" 2
	printf 'stray\r\n' >>"$OWN"
	says 78 control "$BIN/deadman" --config "$OWN"
	same "$(told)" 3
	# mended: the same mistake is news again
	"$BIN/deadman"
	says 78 control "$BIN/deadman" --config "$OWN"
	same "$(told)" 4
}

@test "deadman: without a channel to believe there is the line and the exit status" {
	says 78 'No such file' "$BIN/deadman" --config "$BATS_TEST_TMPDIR/none.conf"
	has "$output" 'nobody is told'
	own '/^alerts = /d'
	says 78 '[gaejang] alerts is missing' "$BIN/deadman" --config "$OWN"
	own '/^alert_target = /d'
	says 78 'needs alert_target' "$BIN/deadman" --config "$OWN"
	own '/^db_socket/d; s/^alerts = .*/&\nalerts = file/'
	says 78 'stands in line' "$BIN/deadman" --config "$OWN"
	own 's/^alerts = .*/alerts = mail/'
	says 78 'alerts = mail is not allowed' "$BIN/deadman" --config "$OWN"
	# whoever may write the file could name a command
	own '/^db_socket/d'
	chmod 666 "$OWN"
	says 77 'others may change it' "$BIN/deadman" --config "$OWN"
	has "$output" 'nobody is told'
	same "$(told)" 0
	own '/^db_socket/d; s/^alerts = .*/alerts = none/'
	says 78 '[paths] db_socket is missing' "$BIN/deadman" --config "$OWN"
	same "$(told)" 0
}

@test "deadman: the calendar gone, an account that is not there" {
	own "s|^calendar_dir = .*|calendar_dir = $BATS_TEST_TMPDIR/nowhere|"
	run "$BIN/deadman" --config "$OWN"
	same "$status" 78 "$output"
	same "$(told)" 1
	says 64 'knows no account' "$BIN/deadman" --account nobody
	same "$(told)" 2
}

@test "deadman and alerts: the database is away" {
	"$TOP/ops/db" stop "$DIR/db" 3>&-
	says 69 'start it, or correct [paths] db_socket' "$BIN/deadman"
	has "$output" 'deadman: deadman-blind: '
	says 69 'start it, or correct [paths] db_socket' "$BIN/deadman"
	same "$(told)" 1
	has "$(cat "$TOLD")" 'CRIT deadman-blind '
	says 69 'start it, or correct [paths] db_socket' "$BIN/alerts"
	"$TOP/ops/db" start "$DIR/db" 3>&- >/dev/null
	run "$BIN/deadman"
	same "$status $output" '0 '
	same "$(told)" 1
}

@test "alerts: a bad configuration" {
	own '/^db_socket/d'
	says 78 '[paths] db_socket is missing' "$BIN/alerts" --config "$OWN"
	says 78 'No such file' "$BIN/alerts" --config "$BATS_TEST_TMPDIR/none.conf"
}

@test "alerts: a row goes through a program once and is marked" {
	local row got="$BATS_TEST_TMPDIR/got"
	"$BIN/alerts" >/dev/null # whatever the morning left
	printf '#!/bin/sh\n{ printf "%%s|%%s|" "$1" "$2"; cat; echo; } >>%s\n' "$got" >"$BATS_TEST_TMPDIR/send"
	chmod 700 "$BATS_TEST_TMPDIR/send"
	own "s|^alerts = .*|alerts = command|; s|^alert_target = .*|alert_target = $BATS_TEST_TMPDIR/send|"
	row=$(raise cash-moved 'cash came in: 1,000 won; nothing was "traded" since')
	says 0 '1 alerts sent, 0 failed' "$BIN/alerts" --config "$OWN"
	same "$(cat "$got")" 'WARN|cash-moved|cash came in: 1,000 won; nothing was "traded" since'
	same "$(events "$row")" SENT
	run "$BIN/alerts" --config "$OWN"
	same "$status $output" '0 '
	same "$(wc -l <"$got")" 1
}

@test "alerts: a channel that fails is tried again, and nothing is lost" {
	local first second
	"$BIN/alerts" >/dev/null
	own "s|^alerts = .*|alerts = command|; s|^alert_target = .*|alert_target = /bin/false|"
	first=$(raise fee-drift 'one')
	second=$(raise fee-drift 'two')
	says 69 '0 alerts sent, 2 failed' "$BIN/alerts" --config "$OWN"
	says 69 '0 alerts sent, 2 failed' "$BIN/alerts" --config "$OWN"
	same "$(events "$first") $(events "$second")" 'SEND_FAILED,SEND_FAILED SEND_FAILED,SEND_FAILED'
	: >"$TOLD"
	says 0 '2 alerts sent, 0 failed' "$BIN/alerts"
	same "$(cat "$TOLD")" $'WARN fee-drift one\nWARN fee-drift two'
	same "$(events "$first")" SEND_FAILED,SEND_FAILED,SENT
	# a command that is not there fails too, and so does deadman's own telling, which is then not remembered
	own "s|^alerts = .*|alerts = command|; s|^alert_target = .*|alert_target = /nowhere/send|; /^db_socket/d"
	for _ in 1 2; do
		run "$BIN/deadman" --config "$OWN"
		same "$status" 78 "$output"
		has "$output" 'and the alert channel failed: the alert command /nowhere/send ended with 127'
	done
}

@test "alerts: one sender at a time, so that a row goes out once" {
	local row
	"$BIN/alerts" >/dev/null
	row=$(raise fee-drift 'three')
	: >"$TOLD"
	exec 7>>"$DIR/state/alerts.lock"
	flock 7
	run "$BIN/alerts" 7>&-
	same "$status $output" '0 '
	same "$(told)" 0
	exec 7>&-
	says 0 '1 alerts sent, 0 failed' "$BIN/alerts"
	same "$(events "$row")" SENT
}

@test "deadman: preflight's missing result, then the missing verdict, each once, and again half an hour later" {
	control '{"do":"clock","pace":"still"}' | jq -e .ok >/dev/null
	at '2021-01-05 08:03:00'
	run "$BIN/deadman"
	same "$status $output" '0 '
	at '2021-01-05 08:06:00'
	says 1 'deadman: no-preflight: ' "$BIN/deadman"
	at '2021-01-05 08:07:00'
	says 1 'deadman: no-preflight: ' "$BIN/deadman"
	same "$(told)" 1
	has "$(cat "$TOLD")" 'CRIT no-preflight '
	at '2021-01-05 08:37:00'
	says 1 'deadman: no-preflight: ' "$BIN/deadman"
	same "$(told)" 2
	at '2021-01-05 08:59:00'
	says 1 'deadman: no-verdict: ' "$BIN/deadman"
	says 1 'deadman: no-verdict: ' "$BIN/deadman"
	same "$(told)" 3
	# no row: the database may be what is missing
	same "$(q "SELECT COUNT(*) FROM alert WHERE code LIKE 'no-%'")" 0
	at '2021-01-05 15:31:00'
	run "$BIN/deadman"
	same "$status $output" '0 '
	# a closed day, whatever is missing
	at '2021-01-09 10:00:00'
	run "$BIN/deadman"
	same "$status $output" '0 '
	same "$(told)" 3
}
