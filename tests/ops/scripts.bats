#!/usr/bin/env bats
# The command lines: every script and program explains itself on --help, and refuses a word it does not know before it does
# anything. What ops/stop says, what ops/install puts where.
# shellcheck disable=SC2154 # bats sets status, output, stderr and lines
bats_require_minimum_version 1.5.0

setup() {
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${GAEJANG_BIN:-$TOP/bin}
	# A copy, so that nothing of this checkout is built, started or stopped should a script do more than it must.
	COPY=$BATS_TEST_TMPDIR/copy
	mkdir -p "$COPY"
	cp -r "$TOP/ops" "$TOP/cron" "$TOP/sql" "$COPY"
}
teardown() {
	if [ -d "$COPY/var/rehearsal/db" ]; then "$COPY/ops/db" kill "$COPY/var/rehearsal/db" >/dev/null 2>&1 || true; fi
}

# help COMMAND... : --help is answered on standard output
help_of() {
	run --separate-stderr timeout 60 "$@" --help
	[[ "$status" -eq 0 && "$output" == 'Usage: '* && "$stderr" = '' ]] || { printf '%s --help: %s\n%s\n%s\n' "$*" "$status" "$output" "$stderr"; return 1; }
}
# refuses COMMAND WORD... : usage error on standard error, nothing done
refuses() {
	run --separate-stderr timeout 60 "$@"
	[[ "$status" -eq 64 && "$output" = '' && "$stderr" == *"--help"* ]] || { printf '%s: %s\n%s\n%s\n' "$*" "$status" "$output" "$stderr"; return 1; }
}

@test "every script: --help, a wrong word, a wrong option" {
	local script before
	before=$(find "$COPY" | sort)
	for script in ops/db ops/install ops/run ops/stop ops/test cron/schedule; do
		help_of "$COPY/$script"
		refuses "$COPY/$script" extra
		refuses "$COPY/$script" --bogus
	done
	[ "$(cd "$COPY" && find ops cron -type f -perm -u+x | wc -l)" -eq 6 ] # a new script belongs into the list above
	refuses "$COPY/ops/db" start "$COPY/a" "$COPY/b"
	refuses "$COPY/ops/db" start
	refuses "$COPY/ops/run" --stay extra
	refuses "$COPY/ops/run" --account-cash 1
	refuses "$COPY/ops/run" --until
	[ "$(find "$COPY" | sort)" = "$before" ]
}

@test "every program of bin: --help, a wrong word, a wrong option" {
	local program
	[ "$(find "$BIN" -maxdepth 1 -type f -perm -u+x | wc -l)" -ge 16 ]
	for program in "$BIN"/*; do
		help_of "$program"
		case ${program##*/} in
		gaejang) # its words are commands; the answer names the list of them
			run "$program" extra
			[[ "$status" -eq 64 && "$output" == *'gaejang help'* ]]
			;;
		replay) refuses "$program" one.gj two.gj ;;
		*)
			refuses "$program" extra
			refuses "$program" --bogus
			;;
		esac
	done
}

@test "ops/run --help names options that gaejang rehearse takes" {
	local option known
	known=$("$BIN/gaejang" rehearse --help)
	while read -r option; do
		[[ "$known" == *"$option"* ]] || { echo "$option is not known"; return 1; }
	done < <("$COPY/ops/run" --help | grep -oE -- '--[a-z-]+' | sort -u)
	[ "$("$COPY/ops/run" --help | grep -cE '^  --(stay|until|day|cash|env)')" -eq 5 ]
}

@test "ops/stop says what it ended, or that there was nothing" {
	run "$COPY/ops/stop"
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing of ops/run is up' ]
	mkdir -p "$COPY/var/rehearsal" "$COPY/bin"
	"$COPY/ops/db" start "$COPY/var/rehearsal/db" 3>&- >/dev/null
	run "$COPY/ops/stop"
	[ "$status" -eq 1 ]
	[[ "$output" == *'run: make all'* ]]
	cp "$BIN/gaejang" "$COPY/bin/gaejang"
	run "$COPY/ops/stop"
	[ "$status" -eq 0 ]
	[[ "$output" =~ ^'private database (pid '[0-9]+') ended'$ ]]
	run "$COPY/ops/db" status "$COPY/var/rehearsal/db"
	[ "$output" = stopped ]
	# a simulator that is long gone
	printf 'broker 999999 1\n' >"$COPY/var/rehearsal/pids"
	run "$COPY/ops/stop"
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing of ops/run was up any more' ]
	run "$COPY/ops/stop"
	[ "$output" = 'nothing of ops/run is up' ]
	# one that is there
	sleep 300 3>&- &
	printf 'broker %d %s\n' $! "$(cut -d ' ' -f 22 "/proc/$!/stat")" >"$COPY/var/rehearsal/pids"
	run "$COPY/ops/stop"
	[ "$status" -eq 0 ]
	[ "$output" = "broker (pid $!) ended" ]
}

@test "ops/install: what the build made, below DESTDIR and PREFIX, and nothing else" {
	local root="$BATS_TEST_TMPDIR/a root" program count=0
	mkdir -p "$root/etc/gaejang" "$root/usr/share/gaejang/sql/migrations"
	printf 'mine\n' >"$root/etc/gaejang/gaejang.conf"
	printf 'old\n' >"$root/usr/share/gaejang/sql/migrations/999_old.sql"
	for _ in 1 2; do # over itself as well
		run env DESTDIR="$root" BIN="$BIN" "$TOP/ops/install"
		[ "$status" -eq 0 ]
		[ "$output" = "installed below $root/usr" ]
	done
	for program in "$BIN"/*; do
		[ "${program##*/}" = broker ] || cmp "$program" "$root/usr/lib/gaejang/bin/${program##*/}"
	done
	[ ! -e "$root/usr/lib/gaejang/bin/broker" ]
	[ "$(stat -c %a "$root/usr/lib/gaejang/bin/gate")" = 755 ]
	"$root/usr/bin/gaejang" help >/dev/null
	diff -r -x stmt -x '*.awk' -x '*.md' "$TOP/sql" "$root/usr/share/gaejang/sql"
	diff -r "$TOP/ops/data" "$root/usr/share/gaejang/calendar"
	cmp "$TOP/ops/examples/gaejang.conf" "$root/usr/share/doc/gaejang/examples/gaejang.conf"
	[ -s "$root/usr/share/doc/gaejang/troubles.md" ]
	[ "$(cat "$root/etc/gaejang/gaejang.conf")" = mine ]
	[ "$(find "$root" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = 'etc usr ' ]
	# the installed schedule starts the installed programs
	cp "$root/usr/share/doc/gaejang/examples/gaejang.conf" "$BATS_TEST_TMPDIR/gaejang.conf"
	"$root/usr/share/gaejang/cron/schedule" print --config "$BATS_TEST_TMPDIR/gaejang.conf" --zone UTC >"$BATS_TEST_TMPDIR/crontab"
	while read -r program; do
		[ -x "$root$program" ]
		count=$((count + 1))
	done < <(grep -oE '/usr/lib/[^ ]+' "$BATS_TEST_TMPDIR/crontab")
	[ "$count" -eq 11 ]
}

@test "ops/install: another PREFIX; what is not built and a relative PREFIX are refused before anything is written" {
	local root=$BATS_TEST_TMPDIR/root
	run env DESTDIR="$root" PREFIX=/opt/g BIN="$BIN" "$TOP/ops/install"
	[ "$status" -eq 0 ]
	[ -x "$root/opt/g/lib/gaejang/bin/worker" ]
	[ "$(readlink "$root/opt/g/bin/gaejang")" = ../lib/gaejang/bin/gaejang ]
	run env DESTDIR="$root.2" PREFIX=opt BIN="$BIN" "$TOP/ops/install"
	[ "$status" -eq 64 ]
	mkdir "$BATS_TEST_TMPDIR/empty"
	run env DESTDIR="$root.2" BIN="$BATS_TEST_TMPDIR/empty" "$TOP/ops/install"
	[ "$status" -eq 78 ]
	[[ "$output" == *'run: make all' ]]
	[ ! -e "$root.2" ]
}
