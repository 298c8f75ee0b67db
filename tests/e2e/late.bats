#!/usr/bin/env bats
# A slow machine: the worker's threads get the processor late. The morning ends as on a fast one.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	"${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -O1 -Wall -Werror -o "$BATS_FILE_TMPDIR/late.so" "$BATS_TEST_DIRNAME/late_threads.c" -ldl -pthread
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }

@test "threads that begin late: no time passes meanwhile, the worker is ready, nothing was lost" {
	local ready
	# the sanitizer wants to be loaded first, and need not be
	LD_PRELOAD="$BATS_FILE_TMPDIR/late.so" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		rehearse --stay --until 09:00 || { cat "$DIR.log"; return 1; }
	same "$(phase_is gate)" 'PASS fresh ok'
	same "$(status | jq -r '.worker | .state + " " + .mode')" 'READY TRADE'
	same "$(q "SELECT COUNT(*) FROM alert WHERE level = 'CRIT'")" 0
	# it said READY within a second of virtual time after its certificate was consumed
	ready=$(q "SELECT TIMESTAMPDIFF(MICROSECOND, c.consumed_kst, MIN(h.at_kst)) FROM certificate c JOIN (SELECT finished_kst AS at_kst FROM phase_result WHERE phase = 'gate' AND status = 'PASS') h")
	[ "$ready" -lt 5000000 ] || { echo "$ready us"; return 1; }
}
