# Helpers of the end-to-end tests: one rehearsal per file in $DIR, asked over SQL and over the simulator's control socket.
# shellcheck shell=bash
TOP="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
BIN="${GAEJANG_BIN:-$TOP/bin}"
DIR="${BATS_FILE_TMPDIR:-$(mktemp -d)}/r"
CONF="$DIR/gaejang.conf"
export GAEJANG_CONF="$CONF"
PHASES=(preflight auth account params reconcile guardrail universe gate close)
MORNING=(preflight auth account params reconcile guardrail universe)
export MORNING PHASES
WAIT_S=240 # of one program, sanitizers included; a test that hangs must end

# Descriptor 3 is bats' own: what outlives a command must not hold it.
gj() { timeout "$WAIT_S" "$BIN/gaejang" "$@" 3>&-; }

rehearse() { gj rehearse --dir "$DIR" "$@" >"$DIR.log" 2>&1; }

# Whatever a test left behind: the rehearsal's own stop first, then what it did not know, each by its pid.
rehearse_end() {
	local pid
	# a clock that stands would keep the realtime programs from ending in order
	control '{"do":"clock","pace":"event"}' >/dev/null 2>&1 || true
	gj rehearse --stop --dir "$DIR" >"$DIR.stop.log" 2>&1 || true
	for pid in $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
	if [ -d "$DIR/db" ]; then "$TOP/ops/db" kill "$DIR/db" 2>/dev/null || true; fi
}

# pids of processes that were started with a path of this rehearsal on their command line
ours() {
	local file pid
	for file in /proc/[0-9]*/cmdline; do
		pid=${file#/proc/} pid=${pid%/cmdline}
		[ "$pid" = "$$" ] && continue
		[ "$pid" = "$BASHPID" ] && continue
		case "$(cat "$file" 2>/dev/null | tr '\0' ' ')" in
		"$BIN"*"$DIR"* | worker*"$DIR"* | observer*"$DIR"* | broker*"$DIR"*) printf '%s\n' "$pid" ;;
		esac
	done
}

# SQL as the owner of the private database; columns by tabs, no head
q() { mariadb --no-defaults -N -B --socket "$DIR/db/db.sock" -u root gaejang -e "$1"; }

# control JSON: one command to the simulator, its answer
control() {
	/usr/bin/python3 - "$DIR/control.sock" "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
got = b""
while not got.endswith(b"\n"):
    more = s.recv(1 << 20)
    if not more:
        break
    got += more
sys.stdout.write(got.decode())
PY
}
fault() { control "{\"do\":\"faults\",\"set\":[{\"on\":\"$1\",\"from\":0,\"count\":${COUNT:--1},\"kind\":\"$2\"}]}" | jq -e .ok >/dev/null; }
no_faults() { control '{"do":"faults","set":[]}' | jq -e .ok >/dev/null; }
dump() { control '{"do":"dump"}'; }
orders_posted() { dump | jq '.counts["order-cash"] // 0'; }

status() { gj status --json; }
phase_is() { status | jq -r --arg p "$1" '.phases[]|select(.name==$p)|"\(.status) \(.freshness) \(.reason)"'; }
freshness() { status | jq -r '[.phases[]|select(.name!="gate" and .name!="close")|"\(.name):\(.freshness)"]|join(" ")'; }
ALL_FRESH='preflight:fresh auth:fresh account:fresh params:fresh reconcile:fresh guardrail:fresh universe:fresh'
export ALL_FRESH
worker_pid() { q "SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(holder, ':', 2), ':', -1) FROM lease WHERE kind = 'TRADE'"; }

# eventually SECONDS COMMAND...: real time; for what another process does
eventually() {
	local until=$((SECONDS + $1))
	shift
	while ! "$@"; do
		[ $SECONDS -lt $until ] || { printf 'not within the time: %s\n' "$*"; return 1; }
		sleep 0.1
	done
}

# same A B WHAT: the values are equal, else both are shown
same() {
	[ "$1" = "$2" ] && return 0
	printf '%s: got\n%s\nwanted\n%s\n' "${3:-values differ}" "$1" "$2"
	return 1
}
has() { # has TEXT PART: PART stands in TEXT
	case "$1" in *"$2"*) return 0 ;; esac
	printf 'this does not hold "%s":\n%s\n' "$2" "$1"
	return 1
}
