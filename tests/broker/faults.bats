#!/usr/bin/env bats
# Every fault kind of the REST side, seen on the wire. The WebSocket kinds are in ws_test.py.
# shellcheck disable=SC1091,SC2034,SC2086 # lib.bash is found at run time, its functions read NK and FK, paths have no blanks
bats_require_minimum_version 1.5.0

setup() {
	. "$BATS_TEST_DIRNAME/lib.bash"
	broker_start --at 10:05:00 --set rest_per_s=0 --set page_ccld=3
}
teardown() { broker_stop; }

fault() { # fault ON KIND [MORE_JSON]
	control "{\"do\":\"faults\",\"set\":[{\"on\":\"$1\",\"from\":0,\"count\":${COUNT:-1},\"kind\":\"$2\"${3:-}}]}" | jq -e .ok
}
# saw KIND... : the test has just seen these on the wire, and the simulator says that they struck. The last test asks for
# every kind of the table.
saw() {
	local kind
	for kind in "$@"; do
		[ "$kind" = clock_skew ] || # a standing condition: it strikes nothing
			control '{"do":"faults"}' | jq -e --arg k "$kind" '[.faults[]|select((.kind|split(":")[0])==$k and .struck>0)]|length>0' >/dev/null
		printf '%s\n' "$kind" >>"$BATS_FILE_TMPDIR/saw"
	done
}
orders() { daily TTTC0081R | jq -r '.output1|length'; }

@test "timeout_after_accept: no answer, the order exists" {
	fault 'POST order-cash' timeout_after_accept
	run -28 buy TTTC0012U 005930 00 1 70000 --max-time 1
	[ "$(orders)" = 1 ]
	saw timeout_after_accept
}

@test "timeout_before_accept: no answer, no order" {
	fault 'POST order-cash' timeout_before_accept
	run -28 buy TTTC0012U 005930 00 1 70000 --max-time 1
	[ "$(orders)" = 0 ]
	saw timeout_before_accept
}

@test "reset_after_accept and reset_before_accept" {
	fault 'POST order-cash' reset_after_accept
	run ! buy TTTC0012U 005930 00 1 70000
	[ "$(orders)" = 1 ]
	saw reset_after_accept
	fault 'POST order-cash' reset_before_accept
	run ! buy TTTC0012U 005930 00 1 70000
	[ "$(orders)" = 1 ]
	saw reset_before_accept
}

@test "http_500 and http_500_empty; accepted only when it says so" {
	local kind size
	for kind in http_500 http_500_empty; do
		fault balance $kind
		[ "$(balance TTTC8434R -o "$DIR/o" -D "$DIR/head" -w '%{http_code}')" = 500 ]
		size=$(grep -i '^content-length:' "$DIR/head" | tr -dc 0-9)
		if [ $kind = http_500 ]; then
			[ "$size" -gt 0 ]
			grep -q html "$DIR/o"
			grep -q $'^Content-Type: text/html\r$' "$DIR/head"
		else
			[ "$size" = 0 ]
			run ! grep -qi '^content-type' "$DIR/head"
		fi
		fault 'POST order-cash' $kind
		[ "$(buy TTTC0012U 005930 00 1 70000 -o "$DIR/o" -w '%{http_code}')" = 500 ]
		saw $kind
		fault host clock_skew:0s # none of the rest
		[ "$(orders)" = "$([ $kind = http_500 ] && echo 0 || echo 1)" ]
		fault 'POST order-cash' $kind ',"accepted":true'
		[ "$(buy TTTC0012U 005930 00 1 70000 -o "$DIR/o" -w '%{http_code}')" = 500 ]
		fault host clock_skew:0s
		[ "$(orders)" = "$([ $kind = http_500 ] && echo 1 || echo 2)" ]
	done
}

@test "on every endpoint: a fault of * strikes whatever comes" {
	COUNT=3 fault '*' http_500 ',"accepted":true'
	[ "$(buy TTTC0012U 005930 00 1 70000 -o "$DIR/o" -w '%{http_code}')" = 500 ]
	grep -q html "$DIR/o"
	[ "$(balance TTTC8434R -o /dev/null -w '%{http_code}')" = 500 ]
	[ "$(token -o /dev/null -w '%{http_code}')" = 500 ]
	[ "$(balance TTTC8434R -o /dev/null -w '%{http_code}')" = 200 ]
	[ "$(orders)" = 1 ]
	[ "$(control '{"do":"faults"}' | jq -c '.faults[0]|[.on,.seen,.struck]')" = '["*",5,3]' ]
}

@test "code: any message code, nothing is accepted; from and count" {
	control '{"do":"faults","set":[{"on":"balance","from":1,"count":2,"kind":"code:EGW00201"}]}' | jq -e .ok
	[ "$(for _ in 1 2 3 4; do balance TTTC8434R | jq -r .msg_cd; done | tr '\n' ' ')" = "KIOK0510 EGW00201 EGW00201 KIOK0510 " ]
	saw code
	fault 'POST order-cash' code:APBK0952
	[ "$(buy TTTC0012U 005930 00 1 70000 | jq -r '.rt_cd+.msg_cd')" = 7APBK0952 ]
	[ "$(orders)" = 0 ]
}

@test "empty_success, rows_missing, duplicate_rows" {
	buy TTTC0012U 005930 00 2 70000 | jq -e '.rt_cd=="0"'
	fault daily-ccld empty_success
	[ "$(daily TTTC0081R | jq -r '(.output1|length|tostring)+.output2.tot_ord_qty')" = 00 ]
	saw empty_success
	fault daily-ccld rows_missing
	[ "$(daily TTTC0081R | jq -r '(.output1|length|tostring)+.output2.tot_ord_qty')" = 02 ]
	saw rows_missing
	fault daily-ccld duplicate_rows
	[ "$(daily TTTC0081R | jq -r '(.output1|length|tostring)+.output2.tot_ord_qty')" = 22 ]
	saw duplicate_rows
}

@test "pages: truncate, repeat, fail, a row that joins" {
	for price in 70000 70100 70200 70300 70400; do buy TTTC0012U 005930 00 1 $price | jq -e '.rt_cd=="0"' >/dev/null; done
	page2() { NK=$(daily TTTC0081R | jq -r .ctx_area_nk100) && daily TTTC0081R -H 'tr_cont: N' "$@"; }
	COUNT=-1 fault daily-ccld truncate_page:2
	run -18 page2 -o "$DIR/o"
	saw truncate_page
	COUNT=-1 fault daily-ccld fail_page:2
	[ "$(page2 -o /dev/null -w '%{http_code}')" = 500 ]
	saw fail_page
	COUNT=-1 fault daily-ccld repeat_page:2
	[ "$(page2 | jq -r '.output1[0].ord_unpr')" = 70400 ]
	saw repeat_page
	control '{"do":"faults","set":[{"on":"daily-ccld","count":-1,"kind":"row_before_page:2","row":{"odno":"9","side":"BUY","symbol":"005930","qty":5,"price":70000,"time":"10:00:00"}}]}' | jq -e .ok
	page2 >"$DIR/o"
	[ "$(orders)" = 3 ]
	daily TTTC0081R | jq -e '.output2.tot_ord_qty=="10"'
	saw row_before_page
}

@test "malformed, deep, big, wrongly encoded and slow bodies; delay" {
	fault balance malformed_json
	run ! jq . <<<"$(balance TTTC8434R)"
	saw malformed_json
	fault balance deep_json
	[ "$(balance TTTC8434R | head -c 10)" = '{"a":{"a":' ]
	saw deep_json
	fault balance big_body:3000000
	[ "$(balance TTTC8434R | wc -c)" -gt 3000000 ]
	saw big_body
	fault balance wrong_encoding
	run ! iconv -f UTF-8 -t UTF-8 <<<"$(balance TTTC8434R)"
	saw wrong_encoding
	fault balance slow_body
	run -28 balance TTTC8434R --max-time 1
	saw slow_body
	fault balance delay:1200ms
	start=$(date +%s%N)
	balance TTTC8434R | jq -e '.rt_cd=="0"'
	[ $((($(date +%s%N) - start) / 1000000)) -ge 1200 ]
	saw delay
}

@test "oldest and clock_skew" {
	fault daily-ccld oldest:2021-01-05
	[ "$(daily TTTC0081R | jq -r .msg_cd)" = OPSQ2001 ]
	saw oldest
	COUNT=-1 fault '*' oldest:2021-01-05 # of the daily list only: no other list minds
	get CTRGA011R $TRADING/period-rights INQR_DVSN=03 CUST_RNCNO25= HMID= "CANO=$CANO" ACNT_PRDT_CD=01 INQR_STRT_DT=20201201 INQR_END_DT=20210131 \
		RGHT_TYPE_CD= PDNO= PRDT_TYPE_CD= CTX_AREA_NK100= CTX_AREA_FK100= | jq -e '.rt_cd=="0"'
	COUNT=-1 fault host clock_skew:95s
	balance TTTC8434R -D "$DIR/head" -o /dev/null
	grep -q 'Date: .* 01:03:' "$DIR/head"
	saw clock_skew
}

@test "faults that are not understood are refused and change nothing" {
	fault balance http_500
	control '{"do":"faults","set":[{"on":"balance","kind":"nonsense"}]}' | jq -e '.ok==false'
	control '{"do":"faults","set":[{"on":"balance","kind":"delay:never"}]}' | jq -e '.ok==false'
	control '{"do":"faults","set":[{"on":"balance","kind":"http_500","wild":1}]}' | jq -e '.ok==false'
	[ "$(control '{"do":"faults"}' | jq -c '[.faults[].kind]')" = '["http_500"]' ]
}

@test "bad certificates and an old TLS version are refused by a client" {
	for kind in expired wrong-name unknown-issuer; do
		broker_stop
		NO_TOKEN=1 broker_start --set tls_cert=$kind
		run -60 call "$REST/oauth2/tokenP"
	done
	broker_stop
	NO_TOKEN=1 broker_start --set tls_max=1.1
	run -35 call "$REST/oauth2/tokenP"
	broker_stop
	broker_start --set tls_max=1.2
	balance TTTC8434R -v 2>"$DIR/verbose" | jq -e '.rt_cd=="0"'
	grep -q TLSv1.2 "$DIR/verbose"
}

# ---- a bad line: the seven of Toxiproxy, on the bytes of a REST answer ----

ms_of() { # ms_of COMMAND... : its time, its output in $DIR/o, its status in $STATUS
	local start
	start=$(date +%s%N) STATUS=0
	"$@" >"$DIR/o" 2>"$DIR/e" || STATUS=$?
	MS=$((($(date +%s%N) - start) / 1000000))
}

@test "latency: the first byte is late" {
	fault balance latency:600ms
	ms_of balance TTTC8434R
	[ $STATUS = 0 ] && [ "$MS" -ge 600 ]
	saw latency
	ms_of balance TTTC8434R
	[ $STATUS = 0 ] && [ "$MS" -lt 500 ]
}

@test "bandwidth: the bytes take their time" {
	fault balance big_body:20000
	ms_of balance TTTC8434R
	[ $STATUS = 0 ] && [ "$MS" -lt 1000 ]
	control '{"do":"faults","set":[{"on":"balance","kind":"big_body:20000"},{"on":"balance","kind":"bandwidth:10"}]}' | jq -e .ok
	ms_of balance TTTC8434R
	[ $STATUS = 0 ] && [ "$MS" -ge 1800 ] && [ "$MS" -lt 6000 ]
	saw bandwidth
	jq -e '.rt_cd=="0"' "$DIR/o"
}

@test "slow_close: whole answer, then the socket stays open" {
	fault balance slow_close:1s
	# --http1.0 asks for the end of the connection; curl is done at Content-Length, openssl waits for the end
	headers TTTC8434R
	{
		printf 'GET %s?CANO=%s&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&INQR_DVSN=02&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00 HTTP/1.1\r\nConnection: close\r\n' $TRADING/inquire-balance "$CANO"
		for h in "${H[@]}"; do [ "$h" = -H ] || printf '%s\r\n' "$h"; done
		printf '\r\n'
		sleep 4
	} >"$DIR/request"
	ms_of timeout 10 openssl s_client -quiet -ign_eof -CAfile "$CA" -connect "${REST#https://}" <"$DIR/request"
	grep -q '"rt_cd":"0"' "$DIR/o"
	grep -q 'Connection: close' "$DIR/o"
	[ "$MS" -ge 1000 ] && [ "$MS" -lt 4000 ]
	saw slow_close
}

@test "timeout: nothing comes, then the connection ends" {
	fault balance timeout:700ms
	ms_of balance TTTC8434R
	[ $STATUS = 52 ] || [ $STATUS = 56 ]
	[ "$MS" -ge 700 ] && [ "$MS" -lt 3000 ] && [ ! -s "$DIR/o" ]
	saw timeout
	fault balance timeout:0s
	run -28 balance TTTC8434R --max-time 1
}

@test "reset_peer: RST after its time" {
	fault balance reset_peer:500ms
	ms_of balance TTTC8434R
	[ $STATUS = 56 ] || [ $STATUS = 35 ]
	[ "$MS" -ge 500 ]
	grep -qi 'reset by peer' "$DIR/e"
	saw reset_peer
}

@test "slicer: small pieces, all of them" {
	control '{"do":"set","set":"slice_pause_ms=20"}' | jq -e .ok
	fault balance slicer:100
	ms_of balance TTTC8434R --trace-ascii "$DIR/trace" --no-buffer
	[ $STATUS = 0 ] && [ "$MS" -ge 200 ]
	[ "$(grep -c '^<= Recv data, 100 bytes' "$DIR/trace")" -ge 5 ]
	saw slicer
	jq -e '.rt_cd=="0"' "$DIR/o"
}

@test "limit_data: so many bytes, then the end" {
	fault balance limit_data:400
	ms_of balance TTTC8434R -i
	[ $STATUS = 18 ] || [ $STATUS = 56 ]
	[ "$(wc -c <"$DIR/o")" = 400 ]
	saw limit_data
}

# ---- selection ----

@test "by probability: the seed repeats the draw" {
	draw() {
		broker_stop
		broker_start --at 10:05:00 --set rest_per_s=0 --set seed="$1"
		control '{"do":"faults","set":[{"on":"balance","count":-1,"ppm":400000,"kind":"http_500_empty"}]}' | jq -e .ok >/dev/null
		for _ in $(seq 24); do balance TTTC8434R -o /dev/null -w '%{http_code} '; done >"$BATS_TEST_TMPDIR/$2"
	}
	draw 7 first
	draw 7 again
	draw 8 other
	cd "$BATS_TEST_TMPDIR"
	cmp first again
	run ! cmp -s first other
	grep -q 200 first
	grep -q 500 first
}

@test "by time, and from a file at the start" {
	broker_stop
	printf '[{"on":"balance","count":-1,"kind":"http_500","after":"10:05:02","until":"10:05:04"}]' >"$BATS_TEST_TMPDIR/faults.json"
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0 --faults "$BATS_TEST_TMPDIR/faults.json"
	code() { balance TTTC8434R -o /dev/null -w '%{http_code}'; }
	[ "$(code)" = 200 ]
	control '{"do":"clock","step":"10:05:03"}' | jq -e .ok
	[ "$(code)" = 500 ]
	control '{"do":"clock","step":"10:05:04"}' | jq -e .ok
	[ "$(code)" = 200 ]
	printf '[{"on":"balance","kind":"no_such"}]' >"$BATS_TEST_TMPDIR/bad.json"
	run ! "$BROKER" --data "$TOP/tests/data" --calendar "$TOP/ops/data" --day 2021-01-04 --ca-out "$CA" --faults "$BATS_TEST_TMPDIR/bad.json"
	[[ "$output" == *no_such* ]]
}

# ws_test.py asks the same of what a WebSocket client can see.
@test "every kind that a REST client can see was seen by a test above" {
	[ "$BATS_TEST_NUMBER" = "$(grep -c '^@test' "$BATS_TEST_FILENAME")" ] || skip "not all of the file runs"
	"$BROKER" --help | sed -n '/^Faults/,/^$/p' | sed -nE 's/^  ([a-z_0-9]+)(:[A-Z]+)? +(rest|both) .*/\1/p' | sort >"$DIR/kinds"
	[ "$(wc -l <"$DIR/kinds")" -ge 29 ]
	sort -u "$BATS_FILE_TMPDIR/saw" | diff "$DIR/kinds" -
}
