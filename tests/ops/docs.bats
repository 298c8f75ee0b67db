#!/usr/bin/env bats
# The papers against the code: no code without its row, no row without its code, no command that does not exist.
# shellcheck disable=SC2016 # backticks in the patterns are those of Markdown
bats_require_minimum_version 1.5.0

setup() {
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${GAEJANG_BIN:-$TOP/bin}
	cd "$TOP" || return 1
}

# Stored codes of every reason list: the fourth column.
reason_codes() {
	grep -hoE 'X\([A-Z_0-9]+, [0-9]+, [A-Z]+, "[a-z0-9-]+"' shared/base/reason.h shared/base/reason_*.h |
		sed 's/.*"\([a-z0-9-]*\)"/\1/' | sort -u
}

# Literal alert codes: findings of reconcile, alerts of phases, engine, feed, dead man; the table of the engine's causes.
alert_codes() {
	{
		tr '\n' ' ' <<<"$(cat shared/trade/reconcile*.c phases/*.c worker/*.c ops/deadman.c)" |
			grep -oE '(rec_finding|phase_alert|eng_alert|raise_alert|watch_one|find)\([^";]*"[a-z]+(-[a-z]+)+"( : "[a-z-]+")?' |
			grep -oE '"[a-z-]+"'
		grep -hoE 'FINDING_(INFO|WARN|CRIT), *"[a-z]+(-[a-z]+)+"' shared/trade/reconcile*.c phases/*.c worker/*.c | grep -oE '"[a-z-]+"'
		sed -n '/^} causes/,/^};/p' worker/engine.c | grep -oE '= \{ "[a-z-]+"' | grep -oE '"[a-z-]+"'
	} | tr -d '"' | sort -u
}

# First column of every table of a paper.
rows_of() {
	grep -oE '^\| `[a-z0-9-]+`(, `[a-z0-9-]+`)* \|' "$1" | grep -oE '`[a-z0-9-]+`' | tr -d '`' | sort -u
}

@test "every reason code has its row in ops/troubles.md, and every row its code" {
	[ "$(reason_codes | wc -l)" -gt 100 ]
	run diff <(reason_codes) <(rows_of ops/troubles.md)
	[ "$output" = "" ]
}

@test "every alert code has its row in ops/alerts.md" {
	[ "$(alert_codes | wc -l)" -gt 50 ]
	run comm -23 <(alert_codes) <(rows_of ops/alerts.md)
	[ "$output" = "" ]
}

@test "every row of ops/alerts.md is a code somebody raises, or a reason" {
	run comm -13 <({ alert_codes; reason_codes; } | sort -u) <(rows_of ops/alerts.md)
	[ "$output" = "" ]
}

@test "every exit status of ops/troubles.md is that of the reason's kind" {
	declare -A exits=([DONE]=0 [FAIL]=1 [USAGE]=64 [AWAY]=69 [BUG]=70 [UNKNOWN]=75 [RIGHTS]=77 [CONFIG]=78)
	local checked=0 kind code
	while read -r kind code; do
		[[ "$code" == fw-* ]] && continue # a decision's verdict, no exit status
		grep -qF "| \`$code\` | ${exits[$kind]} |" ops/troubles.md || {
			echo "$code should exit with ${exits[$kind]}"
			return 1
		}
		checked=$((checked + 1))
	done < <(grep -hoE 'X\([A-Z_0-9]+, [0-9]+, [A-Z]+, "[a-z0-9-]+"' shared/base/reason.h shared/base/reason_*.h |
		sed 's/X([A-Z_0-9]*, [0-9]*, \([A-Z]*\), "\([a-z0-9-]*\)"/\1 \2/')
	[ "$checked" -gt 90 ]
}

# Commands of the code blocks and of `...` spans: gaejang WORD.
commands_of() {
	grep -hoE '(^|[` /])gaejang [a-z]+' | sed 's/.*gaejang //' | sort -u
}

@test "every gaejang command in the papers exists" {
	local command known
	[ -s README.md ] && [ -s README.ko.md ] && [ -s CONTRIBUTING.md ]
	known=$("$BIN/gaejang" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	[ "$(wc -w <<<"$known")" -ge 15 ]
	while read -r command; do
		grep -qx "$command" <<<"$known" || {
			echo "gaejang $command does not exist"
			return 1
		}
	done < <(sed -n '/^    /p; /`gaejang [a-z]/p' README.md README.ko.md ops/*.md CONTRIBUTING.md cron/README.md | commands_of)
}

@test "every command that a message names exists" {
	local command known
	known=$("$BIN/gaejang" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	while read -r command; do
		grep -qx "$command" <<<"$known" || {
			echo "gaejang $command does not exist"
			return 1
		}
	done < <(grep -rhoE '(run: |look: |run `|look at it: |Next: |with `|`)gaejang [a-z]+' --include='*.c' shared phases worker ops | sed 's/.*gaejang //' | sort -u)
}

@test "every program and make target of the README exists" {
	local word
	while read -r word; do
		[ -x "$word" ] || [ -x "$BIN/${word#bin/}" ] || {
			echo "$word is not there"
			return 1
		}
	done < <(grep -hoE '(^    |`)(ops|bin|cron|tests)/[a-z]+( |$|`)' README.md README.ko.md | grep -oE '(ops|bin|cron|tests)/[a-z]+' | sort -u)
	while read -r word; do
		make -n -q "$word" >/dev/null 2>&1 || [ $? -eq 1 ] || {
			echo "make $word does not exist"
			return 1
		}
	done < <(grep -hoE '`make [a-z-]+`' README.md README.ko.md CONTRIBUTING.md | sed 's/`make \(.*\)`/\1/' | sort -u)
}

@test "every file that a paper links to exists" {
	local paper link missing=0
	for paper in README.md README.ko.md CONTRIBUTING.md ops/*.md cron/README.md phases/README.md; do
		while read -r link; do
			[ -e "$(dirname "$paper")/$link" ] || {
				echo "$paper links to $link"
				missing=1
			}
		done < <(grep -oE '\]\([^)#]+' "$paper" | sed 's/](//' | grep -v '^http')
	done
	[ "$missing" -eq 0 ]
}

@test "every key of ops/examples/*.conf is one that gaejang settings lists" {
	local file key keys known count=0
	known=$("$BIN/gaejang" settings)
	for file in ops/examples/*.conf; do
		keys=$(awk '/^\[account/ { inside = 1 } /^\[/ && !/^\[account/ { inside = 0 } !inside && /^[a-z_0-9]+ *=/ { sub(/ *=.*/, ""); print }' "$file")
		for key in $keys; do
			grep -qE "(^|[^a-z_])$key([^a-z_]|\$)" <<<"$known" || {
				echo "$file: $key is not known"
				return 1
			}
			count=$((count + 1))
		done
	done
	[ "$count" -ge 5 ]
}

@test "the example configuration is accepted as it stands" {
	local dir=$BATS_TEST_TMPDIR
	cp ops/examples/gaejang.conf "$dir/gaejang.conf"
	chmod 0640 "$dir/gaejang.conf"
	run "$BIN/gaejang" vault list --config "$dir/gaejang.conf"
	# It comes as far as the vault, which this host does not have.
	[ "$status" -eq 78 ]
	[[ "$output" == *"the vault /etc/gaejang/paper.vault is missing"* ]] || [ -e /etc/gaejang/paper.vault ]
}
