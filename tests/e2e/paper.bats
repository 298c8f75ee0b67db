#!/usr/bin/env bats
# A whole day under the broker's paper rules: one call a second for everything, no holiday or open-order inquiry, no index.
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time and sets the names; bats sets status and output
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	local code=0
	rehearse --stay --env paper || code=$?
	printf '%s\n' "$code" >"$DIR.code"
	[ -S "$DIR/db/db.sock" ] || { cat "$DIR.log"; return 1; }
}
teardown_file() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	rehearse_end
}
setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }

@test "paper: the day ends with 0, the comparison is equal" {
	same "$(cat "$DIR.code")" 0 "$(tail -n 60 "$DIR.log")"
	grep -q '^  everything equal$' "$DIR.log"
	same "$(status | jq -r '"\(.env) \(.gate.verdict) \(.gate.mode)"')" 'paper PASS TRADE'
	status | jq -e '.orders.sent >= 20 and .orders.in_doubt == 0 and .orders.open == 0'
}

@test "paper: the market's move comes from the listed symbols' prices" {
	same "$(q "SELECT JSON_VALUE(evidence, '$.index_from') FROM phase_result WHERE phase = 'guardrail'")" \
		'median of the listed symbols'
}

@test "paper: nothing was asked for that paper does not offer, and never twice within a second" {
	local counts
	counts=$(dump | jq -r '.counts|keys|join(" ")')
	run ! grep -qE 'chk-holiday|psbl-rvsecncl|psbl-sell|order-resv|index-price|multprice' <<<"$counts"
	same "$(dump | jq '[.requests[]|select(.msg_cd == "EGW00201")]|length')" 0
}
