#!/usr/bin/env bats
# gaejang's commands as a person types them, on a morning that stands at 08:49: what they print, their exit status, and the
# rows that name who did it and why.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

COMMANDS=(status why open run rerun rehearse kill resume release ack sql migrate vault account params universe settings)

setup_file() {
	. "$BATS_TEST_DIRNAME/../e2e/lib.bash"
	rehearse --stay --until 08:49 || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/../e2e/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/../e2e/lib.bash"; }

# says EXIT TEXT COMMAND... : the exit status, and a part of what is printed
says() {
	local want=$1 text=$2
	shift 2
	run gj "$@"
	same "$status" "$want" "gaejang $*: $output"
	has "$output" "$text"
}
audit() { q "SELECT CONCAT_WS('|', action, person, target, reason) FROM operator_action ORDER BY action_id DESC LIMIT 1"; }

@test "every command explains itself and is in the list; what is no command names the nearest" {
	local command
	for command in "${COMMANDS[@]}"; do
		says 0 "Usage: gaejang $command" "$command" --help
		says 0 "  $command " help
	done
	same "$(gj help | grep -cE '^  [a-z]+ ')" $((${#COMMANDS[@]} + 1)) 'commands in the list, help itself among them'
	says 64 'did you mean: gaejang status' stauts
	says 64 'did you mean: gaejang universe' univers
	says 64 'Usage: gaejang COMMAND'
	says 64 "'now' says nothing here" status now
	says 64 'unrecognized option' status --nosuch
}

@test "status as JSON has every field that is promised, of the right type" {
	run gj status --json
	same "$status" 0
	jq -e '
	  .day == "2021-01-04" and .account == "demo" and .env == "real" and
	  ([.phases[].name] == ["preflight", "auth", "account", "params", "reconcile", "guardrail", "universe", "gate", "close"]) and
	  ([.phases[] | (.status | type), (.mode | type), (.reason | type)] | unique == ["string"]) and
	  ([.phases[] | .fresh | type] | unique == ["boolean"]) and
	  ([.phases[] | (.attempt | type), (.took_ms | type)] | unique == ["number"]) and
	  ([.phases[:7][] | .status == "PASS" and .fresh and .mode == "TRADE" and .attempt == 1] | all) and
	  .gate == {"verdict": "MISSING", "mode": "HALT", "reason": "missing"} and
	  .worker.state == "not running" and .worker.pid == 0 and .worker.heartbeat_age_s == -1 and
	  (.orders | [.recorded, .sent, .open, .filled, .refused, .in_doubt] == [0, 0, 0, 0, 0, 0]) and
	  .positions == [] and .why.blocked and .why.what == "gate"' <<<"$output"
	says 0 '"day":"2021-01-05"' status --json --day 2021-01-05
	says 1 '--day 2021-13-01 is not a date; write it as 2021-01-04' status --day 2021-13-01
}

@test "why names the first thing in the way, and the command that looks again" {
	says 0 'blocked by   gate (not-due)' why
	has "$output" 'it is due at 2021-01-04 09:50'
	has "$output" 're-examine   gaejang rerun gate'
	[ "${#lines[@]}" -le 24 ]
	same "$(gj why --json | jq -r '.why | [.blocked, .what, .reason, .command] | join("|")')" 'true|gate|not-due|gaejang rerun gate'
}

@test "kill without words stops at once; resume wants a reason and a mode that exists" {
	says 0 'control row says HALT' kill
	has "$output" 'no worker runs on this host'
	has "$output" 'no own live orders'
	same "$(audit)" "kill|$(id -un)||stopped by hand"
	[ -e "$DIR/state/stop/demo" ] || [ -n "$(find "$DIR/state" -name '*stop*' -print -quit)" ]
	says 0 'blocked by   control' why
	has "$output" 'gaejang resume'
	says 64 'add --reason "why"' resume
	says 64 'FAST is not TRADE, REDUCE or OBSERVE' resume FAST --reason x
	same "$(q 'SELECT mode FROM control')" HALT
	says 0 'control says TRADE' resume --reason 'looked at it' --by kim
	same "$(audit)" 'resume|kim|TRADE|looked at it'
	same "$(q 'SELECT mode FROM control')" TRADE
	same "$(find "$DIR/state" -name '*stop*' -type f | wc -l)" 0 'the stop file'
}

@test "release unlocks a symbol and side, with a name and a reason" {
	q "INSERT INTO symbol_lock (account_id, trade_date, symbol, side, locked, reason, at_kst)
	   SELECT account_id, '2021-01-04', '005930', 'BUY', 1, 'foreign-order', '2021-01-04 09:30:00' FROM account"
	locks() { q "SELECT COUNT(*) FROM symbol_lock l WHERE l.symbol = '005930' AND l.side = 'BUY' AND l.locked
	             AND l.lock_id = (SELECT MAX(x.lock_id) FROM symbol_lock x WHERE x.symbol = l.symbol AND x.side = l.side)"; }
	same "$(locks)" 1
	says 64 'add --reason "why"' release 005930 BUY
	says 64 'say a symbol and BUY or SELL' release 005930
	says 64 'say a symbol and BUY or SELL' release 005930 HOLD --reason x
	says 64 'say a symbol and BUY or SELL' release 5930 BUY --reason x
	same "$(locks)" 1
	says 0 '005930 BUY is unlocked' release 005930 BUY --reason 'it was me'
	same "$(locks)" 0
	same "$(audit)" "release|$(id -un)|005930|it was me"
}

@test "ack acknowledges the open alerts of a code, or all, once" {
	q "INSERT INTO alert (account_id, trade_date, code, level, by_program, text, raised_kst)
	   SELECT a.account_id, '2021-01-04', c.code, 'WARN', 'test', c.text, '2021-01-04 09:31:00' FROM account a
	   JOIN (SELECT 'feed-down' AS code, 'one' AS text UNION ALL SELECT 'feed-down', 'two' UNION ALL SELECT 'disk-low', 'three') c"
	acknowledged() { q "SELECT COUNT(*) FROM alert_event e JOIN alert a USING (alert_id) WHERE e.event = 'ACKNOWLEDGED' AND a.by_program = 'test'"; }
	says 64 'add --reason "why"' ack feed-down
	same "$(acknowledged)" 0
	says 0 'alerts acknowledged: 2' ack feed-down --reason seen
	same "$(acknowledged)" 2
	same "$(audit)" "acknowledge|$(id -un)|feed-down|seen"
	says 0 'alerts acknowledged: 0' ack feed-down --reason again
	says 0 'alerts acknowledged: ' ack --reason all
	same "$(acknowledged)" 3
}

@test "sql reads and cannot write; a wrong query fails" {
	says 0 'demo' sql 'SELECT name FROM account'
	run gj sql 'DELETE FROM phase_result'
	same "$status" 1
	has "$output" 'DELETE command denied'
	run gj sql 'SELEC'
	same "$status" 1
	run gj sql <<<'SELECT COUNT(*) FROM v_today;'
	same "$status" 0
	has "$output" 9
}

@test "account: once only; another name is refused; the list shows no number" {
	local before
	before=$(q 'SELECT COUNT(*) FROM operator_action')
	says 1 'is registered already' account add demo
	same "$(q 'SELECT COUNT(*) FROM account')" 1
	same "$(q 'SELECT COUNT(*) FROM operator_action')" "$before"
	says 64 'knows no account "nosuch"; known: demo' account add nosuch
	says 64 'say add NAME, list, or sign-opening' account
	says 0 '****' account list
	says 64 'add --reason "why"' account sign-opening --cash 1
	says 64 '--cash WON is needed' account sign-opening --reason x
	says 64 '005930:10 is not SYMBOL:SHARES:COST' account sign-opening --cash 1 --reason x 005930:10
}

@test "params: a table to begin with that imports as it stands; activation wants a reason and a day" {
	local number
	gj params table >"$BATS_TEST_TMPDIR/p"
	says 0 'imported; they trade once activated' params import "$BATS_TEST_TMPDIR/p"
	number=$(q 'SELECT MAX(param_id) FROM param_set')
	says 64 'add --reason "why"' params activate "$number"
	says 1 'are dates like 2021-01-04' params activate "$number" --from soon --reason x
	says 64 '--to lies before --from' params activate "$number" --from 2021-01-06 --to 2021-01-05 --reason x
	says 64 'is not a parameter number' params activate first --reason x
	same "$(q "SELECT COUNT(*) FROM param_activation WHERE param_id = $number")" 0
	says 0 "parameters $number are ACTIVE from 20210106 to 20210107" params activate "$number" --from 2021-01-06 --to 2021-01-07 --reason try
	same "$(audit)" "params-activate|$(id -un)|$number|try"
	says 0 "# parameters $number" params show --day 2021-01-06
	says 0 '# parameters 1,' params show
	says 64 'say ' params
	same "$(q "SELECT COUNT(*) FROM operator_action WHERE action = 'params-refused'")" 0
}

@test "universe: on and off the list; one bad symbol and nothing moves" {
	local before
	before=$(gj universe list | wc -l)
	says 64 '99 is not a symbol' universe remove 005930 99
	same "$(gj universe list | wc -l)" "$before"
	says 0 'taken off the list: 1' universe remove 005930
	same "$(gj universe list | grep -c 005930)" 0
	says 0 'put on the list: 2' universe add 005930 000660
	same "$(gj universe list | wc -l)" "$before"
	says 64 '--market is KOSPI or KOSDAQ' universe add 005930 --market NYSE
	says 64 'say add SYMBOL' universe
}

@test "vault: names and who opens them, never a value; what is sealed comes over standard input" {
	run gj vault list
	same "$status" 0
	has "$output" 'appkey'
	same "$(grep -c 'version 1, opened by' <<<"$output")" "${#lines[@]}"
	says 64 'say init, list, or put NAME' vault put
	run gj vault put nosuch <<<x
	[ "$status" -ne 0 ]
	run gj vault put htsid <<<newid
	same "$status" 0 "$output"
	has "$(gj vault list | grep '^htsid')" 'version 2'
	# what was there is sealed again: a wrong one would have the broker refuse the notices
	run gj vault put htsid < <(jq -r '.[0].htsid' "$DIR/accounts.json")
	same "$status" 0 "$output"
	has "$(gj vault list | grep '^htsid')" 'version 3'
}

@test "migrate again changes nothing and says so; settings lists every key of the example" {
	says 0 '0 applied now' migrate
	run gj settings
	same "$status" 0
	has "$output" 'hand_deadline_min'
}

@test "run and rerun want a phase that exists; open goes the morning in order up to the gate" {
	says 64 'name one phase' run
	says 64 'name one phase' rerun nosuch
	control '{"do":"clock","pace":"on-call"}' >/dev/null
	run gj open
	same "$status" 0 "$output"
	same "$(grep -oE '^PASS [a-z]+' <<<"$output" | awk '{ print $2 }' | tr '\n' ' ')" 'preflight auth account params reconcile guardrail universe gate '
	same "$(status | jq -r '.gate | .verdict + " " + .mode')" 'PASS TRADE'
	says 0 'READY' status
}

@test "what reads says it as JSON too" {
	same "$(gj account list --json | jq -c '[.[] | [.name, .env, .rehearsal]]')" '[["demo","real",true]]'
	run gj account list --json
	run ! grep -q 50123456 <<<"$output"
	same "$(gj universe list --json | jq 'length')" "$(gj universe list | wc -l)"
	same "$(gj params show --json | jq -c '[.param_id, .strategy, (.values | length > 5), .values.k_bp]')" '[1,"breakout",true,3000]'
	same "$(gj params table --json | jq '[.[] | select(.low <= .default and .default <= .high)] | length')" "$(gj params table --json | jq length)"
	same "$(gj vault list --json | jq -r '.[] | select(.name == "appkey") | .opened_by | join(" ")')" 'phase gate worker observer operator'
	same "$(gj settings --json | jq -c '[.[] | select(.key == "hand_deadline_min") | .section]')" '["schedule"]'
	same "$(gj sql --json "SELECT name, NULL AS nothing, 1 + 1 AS two FROM account" | jq -c .)" '[{"name":"demo","nothing":null,"two":"2"}]'
	same "$(gj sql --json 'SELECT name FROM account WHERE 0' | jq -c .)" '[]'
	says 1 'the database refused it' sql --json SELEC
	says 64 'one query in quotes' sql --json
	says 64 'one query, in quotes' sql SELECT 1
}

@test "one rehearsal at a time walks in a folder; bad words are told before anything of the last one is cleared" {
	local before
	before=$(q 'SELECT COUNT(*) FROM phase_run')
	says 64 'goes with --stay' rehearse --dir "$DIR" --until 08:52
	says 64 'goes with --stay' rehearse --dir "$DIR" --stay --until noon
	says 64 'no market figures of that day' rehearse --dir "$DIR" --day 2021-01-05
	says 64 'is not real or paper' rehearse --dir "$DIR" --env live
	exec {lock}>>"$DIR.lock"
	flock -n "$lock"
	says 75 'another rehearsal walks in' rehearse --dir "$DIR"
	exec {lock}>&-
	same "$(q 'SELECT COUNT(*) FROM phase_run')" "$before"
}

@test "a database that was stopped is started for a question" {
	rehearse_end
	says 0 'account demo' status
	says 0 'PASS' sql 'SELECT status FROM v_today'
	rehearse_end
	says 0 'blocked by' why
}
