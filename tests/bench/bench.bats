#!/usr/bin/env bats
# The measurements still measure: those that need neither server nor simulator run, and every line names a figure above 0.
bats_require_minimum_version 1.5.0

setup() { cd "$BATS_TEST_DIRNAME/../.." || return 1; }

@test "ticks and engine: each figure is there, beside its floor" {
	local program built=build/plain/tests/bench
	env -u BUILD -u BIN make -s "$built/tick_bench" "$built/engine_bench" 3>&-
	for program in tick_bench engine_bench; do
		run "$built/$program"
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		grep -q '^figure=' <<<"$output"
		run ! grep -qE '(^| )(median|p50|value)=0( |$)' <<<"$output"
		printf '%s\n' "$output"
	done
}
