#!/usr/bin/env bats
# cron/schedule: every phase wakes in its window, from whatever zone of a fixed offset; a zone that moves its clock is refused;
# the zone is found on the host; timers say what the crontab says.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status, output and lines; helpers read them within a test
bats_require_minimum_version 1.5.0

setup() {
	TOP="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
	SCHEDULE=$TOP/cron/schedule
	CONF=$TOP/ops/examples/gaejang.conf
	PROGRAMS='preflight auth account params reconcile guardrail universe gate close alerts deadman'
}
print() { "$SCHEDULE" print --config "$CONF" --zone "$1"; }

# wakes ZONE : reads the crontab on stdin and asks, for each program, every KST minute of two weeks whether cron of that
# zone would start it. Prints PROGRAM FIRST LAST GAP_MAX for the Monday and says where a trading day differs from it.
wakes() {
	/usr/bin/python3 - "$1" <(cat) <<'PY'
import sys, datetime as dt, zoneinfo
def field(text, low, high):
    out = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        out |= set(range(first, last + 1, int(step or 1)))
    return out
zone, seoul = zoneinfo.ZoneInfo(sys.argv[1]), zoneinfo.ZoneInfo("Asia/Seoul")
for line in open(sys.argv[2]):
    words = line.split()
    if line.startswith("#") or "=" in words[0]:
        continue
    minutes, hours, days = field(words[0], 0, 59), field(words[1], 0, 23), {d % 7 for d in field(words[4], 0, 7)}
    assert words[2] == words[3] == "*" and words[5] == "root", line
    seen = set()
    for day in list(range(9, 14)) + list(range(16, 21)):       # March 2026, Monday to Friday twice
        at = [m for m in range(1440)
              for t in [dt.datetime(2026, 3, day, m // 60, m % 60, tzinfo=seoul).astimezone(zone)]
              if t.minute in minutes and t.hour in hours and t.isoweekday() % 7 in days]
        seen.add(tuple(at))
    if len(seen) != 1:
        print(words[6].split("/")[-1], "wakes differently from day to day")
        continue
    at = seen.pop()
    gap = max(b - a for a, b in zip(at, at[1:]))
    print(words[6].split("/")[-1], "%02d:%02d" % divmod(at[0], 60), "%02d:%02d" % divmod(at[-1], 60), gap)
PY
}
# covers ZONE : every program wakes from its first minute of the schedule to a late end, at least every 2 minutes
covers() {
	print "$1" | wakes "$1" >"$BATS_TEST_TMPDIR/wakes"
	local name first last gap start end
	while read -r name start end; do
		read -r first last gap < <(awk -v n="$name" '$1 == n { print $2, $3, $4 }' "$BATS_TEST_TMPDIR/wakes")
		[[ ! "$first" > "$start" && ! "$last" < "$end" && "$gap" -le 2 ]] ||
			{ printf '%s %s: wakes %s to %s, gap %s; needs %s to %s\n' "$1" "$name" "$first" "$last" "$gap" "$start" "$end"; return 1; }
	done <<-'EOT'
		preflight 08:00 09:04
		auth 08:06 09:08
		account 08:10 09:14
		params 08:16 09:18
		reconcile 08:20 09:38
		guardrail 08:40 09:44
		universe 08:46 09:48
		gate 08:50 09:56
		close 15:46 18:44
		alerts 08:00 18:44
		deadman 08:00 16:30
	EOT
}

@test "one line a program, each with --scheduled where it is a phase" {
	run print Asia/Seoul
	[ "$status" -eq 0 ]
	[ "$(grep -c ' root ' <<<"$output")" -eq 11 ]
	for name in $PROGRAMS; do [ "$(grep -c "/$name --config" <<<"$output")" -eq 1 ]; done
	[ "$(grep -c -- '--scheduled$' <<<"$output")" -eq 9 ]
	grep -q '^PATH=' <<<"$output"
	[ "$(grep -cE '/(alerts|deadman) .*--scheduled' <<<"$output")" -eq 0 ]
}

@test "Seoul, UTC, and zones of other offsets: every phase wakes in its window on every weekday of Seoul" {
	for zone in Asia/Seoul UTC Asia/Tokyo Asia/Kolkata Asia/Kathmandu Pacific/Honolulu Etc/GMT+11 Pacific/Kiritimati; do covers "$zone"; done
}

@test "UTC: Monday's morning in Seoul is Sunday's evening there" {
	run print UTC
	grep -qE '^\*/2 +23,0-[0-9]+ +\* \* 0-5 root .*/preflight ' <<<"$output"
}

@test "a zone with daylight saving, and one that does not exist, are refused" {
	for zone in America/New_York Europe/Berlin Australia/Sydney; do
		run print "$zone"
		[ "$status" -eq 78 ]
		[[ "$output" == *"daylight saving"* && "$output" == *timers* && "${#lines[@]}" -eq 1 ]]
	done
	run print Nowhere/At
	[ "$status" -eq 78 ]
	[[ "$output" == *"not known"* ]]
}

@test "times of the configuration are used; what is no time is refused" {
	local own=$BATS_TEST_TMPDIR/own.conf
	cp "$CONF" "$own"
	printf '\n[schedule]\npreflight = 07:30\nrepeat_min = 5\n' >>"$own"
	"$SCHEDULE" print --config "$own" --zone Asia/Seoul | wakes Asia/Seoul >"$BATS_TEST_TMPDIR/wakes"
	[[ ! "$(awk '$1 == "preflight" { print $2 }' "$BATS_TEST_TMPDIR/wakes")" > 07:30 ]]
	[ "$(awk '$1 == "preflight" { print $4 }' "$BATS_TEST_TMPDIR/wakes")" -eq 5 ]
	sed -i 's/^preflight = .*/preflight = soon/' "$own"
	run "$SCHEDULE" print --config "$own" --zone Asia/Seoul
	[ "$status" -eq 78 ]
	[[ "$output" == *"is not a time like 08:20"* ]]
}

@test "cron starts programs elsewhere: the configuration is named from the root" {
	cd "$TOP"
	run "$SCHEDULE" print --config ops/examples/gaejang.conf --zone UTC
	[ "$status" -eq 0 ]
	[ "$(grep -c -- "--config $TOP/ops/examples/gaejang.conf" <<<"$output")" -eq 11 ]
	run "$SCHEDULE" print --config /nowhere.conf --zone UTC
	[ "$status" -eq 78 ]
	run "$SCHEDULE" print --bad
	[ "$status" -eq 64 ]
	run "$SCHEDULE" later
	[ "$status" -eq 64 ]
	run "$SCHEDULE" print install
	[ "$status" -eq 64 ]
	run "$SCHEDULE" print --config
	[ "$status" -eq 64 ]
	run --separate-stderr "$SCHEDULE" install --help
	[ "$status" -eq 0 ]
	[[ "$output" == 'Usage: '* && "$stderr" = '' ]]
}

# host ZONE : a host's files below $ROOT, in that zone
host() {
	ROOT=$BATS_TEST_TMPDIR/host
	rm -rf "$ROOT"
	mkdir -p "$ROOT/etc/cron.d"
	ln -s "/usr/share/zoneinfo/$1" "$ROOT/etc/localtime"
	unset TZ
}
# The shift a host's crontab was written for, or how it was refused.
shift_of() { "$SCHEDULE" print --config "$CONF" --root "$ROOT" | sed -n 's/.*KST shifted by \(-*[0-9]*\) minutes.*/\1/p'; }
refused() {
	run "$SCHEDULE" print --config "$CONF" --root "$ROOT"
	[[ "$status" -eq 78 && "$output" == *"$1"* && "${#lines[@]}" -eq 1 ]] || { printf '%s %s\n' "$status" "$output"; return 1; }
	run "$SCHEDULE" install --config "$CONF" --root "$ROOT"
	[ "$status" -eq 78 ]
	[ -z "$(ls -A "$ROOT/etc/cron.d")" ]
}

@test "the zone is that of /etc/localtime, as a link or as a file" {
	host Asia/Seoul
	[ "$(shift_of)" = 0 ]
	host Etc/UTC
	[ "$(shift_of)" = -540 ]
	host Asia/Kathmandu
	[ "$(shift_of)" = -195 ]
	rm "$ROOT/etc/localtime"
	cp /usr/share/zoneinfo/Asia/Kolkata "$ROOT/etc/localtime"
	[ "$(shift_of)" = -210 ]
	# another name of the same time is no disagreement
	host Asia/Seoul
	printf 'ROK\n' >"$ROOT/etc/timezone"
	[ "$(TZ=KST-9 shift_of)" = 0 ]
}

@test "a host whose zone moves its clock, in whatever month, is refused" {
	host America/New_York
	refused 'daylight saving'
	[[ "$output" == *America/New_York* ]]
	host Africa/Casablanca # one month a year, Ramadan
	refused 'moves its clock'
	run print Africa/Casablanca
	[ "$status" -eq 78 ]
}

@test "a host whose zone is not clear is refused" {
	host America/New_York
	printf 'UTC\n' >"$ROOT/etc/timezone"
	refused 'says UTC'
	host Etc/UTC
	printf 'Asia/Seoul\n' >"$ROOT/etc/timezone"
	refused 'says Asia/Seoul'
	printf 'Nowhere/At\n' >"$ROOT/etc/timezone"
	refused 'not known here'
	host Etc/UTC
	export TZ=America/New_York
	refused 'unset TZ'
	host Nowhere/At
	refused 'not clear'
	rm "$ROOT/etc/localtime"
	refused 'not clear'
	printf 'Asia/Seoul\n' >"$ROOT/etc/localtime"
	refused 'not clear'
}

@test "install writes what print shows, for the zone of the host, over what was there" {
	host Asia/Seoul
	printf 'old\n' >"$ROOT/etc/cron.d/gaejang"
	run "$SCHEDULE" install --config "$CONF" --root "$ROOT"
	[ "$status" -eq 0 ]
	[ "$output" = "$ROOT/etc/cron.d/gaejang holds 11 lines" ]
	diff "$ROOT/etc/cron.d/gaejang" <(print Asia/Seoul)
	[ "$(stat -c %a "$ROOT/etc/cron.d/gaejang")" = 644 ]
	[ "$(ls -A "$ROOT/etc/cron.d")" = gaejang ]
	run "$SCHEDULE" install --config "$CONF" --root "$ROOT" --zone UTC
	[ "$status" -eq 64 ]
	rm -r "$ROOT/etc/cron.d"
	run "$SCHEDULE" install --config "$CONF" --root "$ROOT"
	[ "$status" -eq 78 ]
	[[ "$output" == *"install the package cron"* ]]
}

@test "the day after midnight of the host is still the day of Seoul" {
	run print Pacific/Kiritimati
	grep -qE '^1-59/2 +20-23,0 +\* \* 1-6 root .*/close ' <<<"$output"
	run print Pacific/Honolulu
	grep -qE '^\*/2 +13-15 +\* \* 0-4 root .*/preflight ' <<<"$output"
}

# Both forms as lines "COMMAND DAYS MINUTE...", in Seoul's time.
of_crontab() { wakes_at crontab <(cat); }
of_timers() { wakes_at timers "$1"; }
wakes_at() {
	/usr/bin/python3 - "$@" <<'PY'
import glob, re, sys
def field(text, low, high):
    out = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        out |= set(range(first, last + 1, int(step or 1)))
    return sorted(out)
def show(command, days, hours, minutes):
    print(command, days, *["%02d:%02d" % (h, m) for h in hours for m in minutes])
if sys.argv[1] == "crontab":
    for line in open(sys.argv[2]):
        words = line.split()
        if not line.startswith("#") and "=" not in words[0]:
            show(" ".join(words[6:]), words[4], field(words[1], 0, 23), field(words[0], 0, 59))
else:
    for timer in glob.glob(sys.argv[2] + "/*.timer"):
        when = re.search(r"^OnCalendar=Mon\.\.Fri \*-\*-\* (\d\d)\.\.(\d\d):(\d\d)/(\d+):00 Asia/Seoul$", open(timer).read(), re.M)
        first, last, minute, every = map(int, when.groups())
        command = re.search(r"^ExecStart=(.*)$", open(timer[:-5] + "service").read(), re.M)[1]
        show(command, "1-5", range(first, last + 1), range(minute, 60, every))
PY
}

@test "timers wake the same programs at the same times with the same options as the crontab" {
	local own=$BATS_TEST_TMPDIR/own.conf dir name count=0
	printf '\n[schedule]\npreflight = 07:30\n' | cat "$CONF" - >"$own.1"
	printf '\n[schedule]\npreflight = 07:30\nrepeat_min = 5\nclose_after_min = 45\ngate = 08:53\n' | cat "$CONF" - >"$own.2"
	printf '\n[account real]\nenv = real\nvault = /etc/gaejang/real.vault\nstrategy = breakout\n' | cat "$CONF" - >"$own.3"
	cp "$CONF" "$own.0"
	for name in 0 1 2 3; do
		dir=$BATS_TEST_TMPDIR/units.$name
		"$SCHEDULE" timers --config "$own.$name" --dir "$dir"
		"$SCHEDULE" print --config "$own.$name" --zone Asia/Seoul | of_crontab | sort >"$BATS_TEST_TMPDIR/crontab"
		of_timers "$dir" | sort >"$BATS_TEST_TMPDIR/timers"
		diff "$BATS_TEST_TMPDIR/crontab" "$BATS_TEST_TMPDIR/timers"
		count=$((count + $(wc -l <"$BATS_TEST_TMPDIR/timers")))
		[ "$(find "$dir" -name '*.service' | wc -l)" -eq "$(find "$dir" -name '*.timer' | wc -l)" ]
		[ "$(grep -Lx 'KillMode=process' "$dir"/*.service)" = '' ]
	done
	[ "$count" -eq $((3 * 11 + 22)) ]
	grep -q -- '/deadman .* --account real 1-5 08:00 08:01 ' "$BATS_TEST_TMPDIR/timers"
	grep -q -- '/gate .* --account paper --scheduled 1-5 ' "$BATS_TEST_TMPDIR/timers"
	run "$SCHEDULE" timers --config "$CONF"
	[ "$status" -eq 64 ]
	if command -v systemd-analyze >/dev/null; then
		while IFS= read -r name; do systemd-analyze calendar "$name"; done < <(sed -n 's/^OnCalendar=//p' "$BATS_TEST_TMPDIR"/units.*/*.timer) >/dev/null
	fi
}

@test "close follows close_after_min; what is no number is refused" {
	local own=$BATS_TEST_TMPDIR/own.conf value
	printf '\n[schedule]\nclose_after_min = 300\n' | cat "$CONF" - >"$own"
	run "$SCHEDULE" print --config "$own" --zone Asia/Seoul
	grep -qE '^\*/2 +20-23 .*/close ' <<<"$output"
	for value in soon 0 -3 '1 2'; do
		sed -i "s/^close_after_min = .*/close_after_min = $value/" "$own"
		run "$SCHEDULE" print --config "$own" --zone Asia/Seoul
		[ "$status" -eq 78 ]
		[ "$output" = "cron/schedule: close_after_min = $value in $own is not a number of minutes" ]
	done
	# a blank or % would end the command in cron's eyes
	cp "$CONF" "$BATS_TEST_TMPDIR/a b.conf"
	run "$SCHEDULE" print --config "$BATS_TEST_TMPDIR/a b.conf" --zone Asia/Seoul
	[ "$status" -eq 78 ]
	[[ "$output" == *"may hold a blank"* ]]
}
