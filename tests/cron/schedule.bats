#!/usr/bin/env bats
# cron/schedule: every phase wakes in its window, from whatever zone of a fixed offset; a zone with daylight saving is refused.
# shellcheck disable=SC2154 # bats sets status, output and lines
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
		close 15:46 16:30
		alerts 08:00 17:00
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
}

@test "timers: one timer and one service a phase, in Seoul's zone" {
	local dir=$BATS_TEST_TMPDIR/units name
	run "$SCHEDULE" timers --config "$CONF" --dir "$dir"
	[ "$status" -eq 0 ]
	for name in preflight auth account params reconcile guardrail universe gate close; do
		grep -qE '^OnCalendar=Mon\.\.Fri .* Asia/Seoul$' "$dir/gaejang-$name.timer"
		grep -qE "^ExecStart=/usr/lib/gaejang/bin/$name --config /.* --scheduled\$" "$dir/gaejang-$name.service"
		grep -qx 'KillMode=process' "$dir/gaejang-$name.service"
	done
	[ "$(find "$dir" -type f | wc -l)" -eq 18 ]
	run "$SCHEDULE" timers --config "$CONF"
	[ "$status" -eq 64 ]
}
