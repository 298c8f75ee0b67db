#!/usr/bin/env bats
# What is refused with which code, chains of changes, and pages: on real and on paper.
# shellcheck disable=SC1091,SC2030,SC2031,SC2034,SC2086,SC2119,SC2120 # lib.bash is found at run time, its functions read NK and FK; options are words
bats_require_minimum_version 1.5.0

setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }
teardown() { broker_stop; }

modes() { # modes FUNCTION OPTION... : runs it on real (T) and on paper (V)
	local what=$1 env
	shift
	for env in real paper; do
		T=T && [ "$env" = real ] || T=V
		broker_start --env "$env" --set rest_per_s=0 "$@"
		echo "on $env"
		"$what" # not in a condition: every line of it must hold
		broker_stop
	done
}

# refused WHAT REAL PAPER COMMAND... : rt_cd and msg_cd of the answer are as said, its HTTP status is 200, no output
refused() {
	local what=$1 want=$2 got
	[ "$T" = T ] || want=$3
	shift 3
	"$@" -w '\n%{http_code}' >"$DIR/refused"
	got=$(head -n 1 "$DIR/refused" | jq -r '.rt_cd+" "+.msg_cd+" "+(has("output")|tostring)')
	[ "$got $(tail -n 1 "$DIR/refused")" = "$want false 200" ] && return 0
	printf '%s: %s, wanted %s\n' "$what" "$(cat "$DIR/refused")" "$want"
	return 1
}
taken() { # taken WHAT COMMAND...
	local what=$1
	shift
	"$@" >"$DIR/taken" && jq -e '.rt_cd=="0"' "$DIR/taken" >/dev/null && return 0
	printf '%s: %s\n' "$what" "$(cat "$DIR/taken")"
	return 1
}
buys() { buy "${T}TTC0012U" "$@"; }
sells() { buy "${T}TTC0011U" "$@"; }
changes() { # changes ODNO 01|02 QTY PRICE Y|N ORGNO [CURL_ARGUMENT...]; TO=EXCHANGE
	local body
	body="{${TO:+\"EXCG_ID_DVSN_CD\":\"$TO\",}\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"KRX_FWDG_ORD_ORGNO\":\"$6\",\"ORGN_ODNO\":\"$1\",\"ORD_DVSN\":\"00\",\"RVSE_CNCL_DVSN_CD\":\"$2\",\"ORD_QTY\":\"$3\",\"ORD_UNPR\":\"$4\",\"QTY_ALL_ORD_YN\":\"$5\"}"
	shift 6
	post "${T}TTC0013U" $TRADING/order-rvsecncl "$body" "$@"
}
at_exchange() { # at_exchange EXCHANGE DVSN [CURL_ARGUMENT...]
	local body
	body="{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\",\"ORD_DVSN\":\"$2\",\"ORD_QTY\":\"1\",\"ORD_UNPR\":\"70000\",\"EXCG_ID_DVSN_CD\":\"$1\"}"
	shift 2
	post "${T}TTC0012U" $TRADING/order-cash "$body" "$@"
}

in_session() {
	refused 'off the tick' '7 APBK0506' '1 40030000' buys 005930 00 1 70001
	refused 'above the band' '7 APBK0507' '1 40080000' buys 005930 00 1 105100
	refused 'below the band' '7 APBK0507' '1 40080000' buys 005930 00 1 56600
	taken 'at the upper limit' buys 005930 00 1 105000
	taken 'at the lower limit' buys 005930 00 1 56700
	refused 'no cash, market' '7 APBK0952' '1 40250000' buys 005930 01 100000 0
	refused 'no cash, limit' '7 APBK0952' '1 40250000' buys 005930 00 2000 70000
	refused 'no holding' '7 APBK0400' '1 40240000' sells 000660 01 1 0
	refused 'too few shares' '7 APBK0400' '1 40260000' sells 005930 01 2 0
	refused 'unknown code' '7 APBK0656' '1 40070000' buys 999999 00 1 1000
	refused 'unknown type' '7 APBK0963' '1 40050000' buys 005930 99 1 70000
	refused 'no quantity' '7 APBK0561' '1 40020000' buys 005930 00 0 70000
	refused 'limit without a price' '7 APBK0562' '1 40040000' buys 005930 00 1 0
	refused 'unknown exchange' '7 APBK3013' '1 40060000' at_exchange XXX 00
	refused 'a price with a point' '1 IGW00007' '1 IGW00007' buys 005930 00 1 70000.0
	refused 'no quantity at all' '2 OPSQ2001' '2 OPSQ2001' post "${T}TTC0012U" $TRADING/order-cash \
		"{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\",\"ORD_DVSN\":\"00\",\"ORD_UNPR\":\"70000\"}"
	control '{"do":"halt","symbol":"000660"}' | jq -e .ok >/dev/null
	refused 'halted' '7 APBK0546' '1 40070000' buys 000660 01 1 0
	if [ "$T" = T ]; then
		taken 'SOR' at_exchange SOR 00
		taken 'conditional limit' at_exchange KRX 02
	else
		refused 'SOR on paper' '' '1 40060000' at_exchange SOR 00
		refused 'conditional limit on paper' '' '1 40050000' at_exchange KRX 02
	fi
}

@test "orders in session: refused with these codes and HTTP 200" { modes in_session --at 10:05:00; }

before_open() { refused 'before the opening call' '7 APBK0918' '1 40570000' buys 005930 01 1 0; }
after_close() { refused 'after the close' '7 APBK0918' '1 40580000' buys 005930 01 1 0; }
closed_day() { refused 'a closed day' '7 APBK0919' '1 40580000' buys 005930 01 1 0; }

@test "orders out of hours: before the open, after the close, on a closed day" {
	modes before_open --at 08:00:00
	modes after_close --at 16:45:00
	modes closed_day --day 2021-01-01 --market still
}

change_refusals() {
	local odno
	odno=$(buys 005930 00 10 70000 | jq -r .output.ODNO)
	refused 'unknown original' '7 APBK0926' '1 40320000' changes 0000999999 02 0 0 Y ''
	refused 'more than is open' '7 APBK0928' '1 40430000' changes "$odno" 02 11 0 N ''
	refused 'wrong branch' '7 APBK0929' '1 40340000' changes "$odno" 02 0 0 Y 00001
	refused 'neither modify nor cancel' '2 OPSQ2001' '2 OPSQ2001' changes "$odno" 03 0 0 Y ''
	refused 'off the tick' '7 APBK0506' '1 40030000' changes "$odno" 01 0 70001 Y ''
	taken 'whole cancel with the quantity and N' changes "$odno" 02 10 0 N ''
	refused 'nothing left' '7 APBK0927' '1 40330000' changes "$odno" 02 0 0 Y ''
}

@test "changes: refused with these codes" { modes change_refusals --at 10:05:00; }

exchange_of_changes() {
	local odno
	odno=$(buys 005930 00 10 70000 | jq -r .output.ODNO)
	TO=XXX refused 'an unknown exchange' '7 APBK3013' '1 40060000' changes "$odno" 02 0 0 Y ''
	TO=NXT refused 'NXT for an order of KRX' '7 APBK3014' '1 40060000' changes "$odno" 02 0 0 Y ''
	TO=KRX taken 'KRX' changes "$odno" 01 0 70100 Y ''
	[ "$T" = T ] || return 0
	odno=$(at_exchange NXT 00 | jq -r .output.ODNO)
	for _ in 1 2; do
		refused 'absent is KRX' '7 APBK3014' '' changes "$odno" 02 0 0 Y ''
		TO=SOR refused 'SOR' '7 APBK3014' '' changes "$odno" 01 0 70100 Y ''
	done
	[ "$(changes "$odno" 02 0 0 Y '' | jq -r '.msg1|sub(" +$";"")')" = '취소주문 불가합니다. 원주문 거래소[NXT] 취소주문 거래소[KRX]' ]
	control '{"do":"set","set":"change_excg_code=966"}' | jq -e .ok >/dev/null
	refused 'its number is a setting' '7 APBK0966' '' changes "$odno" 02 0 0 Y ''
	TO=NXT taken 'its own' changes "$odno" 01 0 70100 Y ''
	control '{"do":"set","set":"change_excg_code=0"}' | jq -e .ok >/dev/null
	odno=$(at_exchange NXT 00 | jq -r .output.ODNO)
	taken 'nobody looks' changes "$odno" 02 0 0 Y ''
}

@test "changes go to the exchange of their order, or are refused" { modes exchange_of_changes --at 10:05:00; }

sends() { # sends EXCHANGE DVSN QTY PRICE TRIGGER [CURL_ARGUMENT...] : a buy of 005930
	local body
	body="{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\",\"ORD_DVSN\":\"$2\",\"ORD_QTY\":\"$3\",\"ORD_UNPR\":\"$4\",\"CNDT_PRIC\":\"$5\",\"EXCG_ID_DVSN_CD\":\"$1\"}"
	shift 5
	post "${T}TTC0012U" $TRADING/order-cash "$body" "$@"
}
types_in_session() {
	local dvsn taken price trigger venue
	while read -r dvsn taken price trigger; do
		for venue in KRX NXT SOR; do
			if [ "$T" = V ] && [ $venue != KRX ]; then
				refused "$dvsn on $venue" '' '1 40060000' sends $venue "$dvsn" 1 "$price" "$trigger"
			elif [[ "$taken" == *${venue:0:1}* ]] && { [ "$T" = T ] || [[ "$dvsn" == 0[01] ]]; }; then
				taken "$dvsn on $venue" sends $venue "$dvsn" 1 "$price" "$trigger"
			elif [ "$T" = T ] && [[ "$dvsn" == 0[567] ]] && [ $venue = KRX ]; then
				refused "$dvsn at this hour" '7 APBK0918' '' sends $venue "$dvsn" 1 "$price" "$trigger"
			else
				refused "$dvsn on $venue" '7 APBK0963' '1 40050000' sends $venue "$dvsn" 1 "$price" "$trigger"
			fi
		done
	done <<'END'
00 KNS 80000 0
01 KS 0 0
02 K 80000 0
03 KNS 0 0
04 KNS 0 0
05 - 0 0
06 - 0 0
07 - 80000 0
11 KNS 80000 0
12 KNS 80000 0
13 KNS 0 0
14 KNS 0 0
15 KNS 0 0
16 KNS 0 0
21 KN 0 0
22 KN 90000 85000
23 KN 0 0
24 KN 0 0
END
}

@test "types of order: taken and refused as the broker's table has them, by exchange" { modes types_in_session --at 10:05:00; }

@test "stop limit: asked for with CNDT_PRIC, waits for its trade, can be changed, is listed, outlives a restart" {
	T=T
	broker_start --at 10:05:00 --clock virtual,still --market still --set rest_per_s=0 --set fill=cross --state "$BATS_TEST_TMPDIR/state.json"
	local a b start
	start=$(cash)
	refused 'no trigger' '7 APBK0562' '' buys 005930 22 10 82500
	refused 'trigger of nothing' '7 APBK0562' '' sends KRX 22 10 82500 0
	refused 'trigger off the tick' '7 APBK0506' '' sends KRX 22 10 82500 82050
	refused 'trigger beyond the limits' '7 APBK0507' '' sends KRX 22 10 82500 105500
	refused 'trigger with a point' '1 IGW00007' '' sends KRX 22 10 82500 82000.0
	a=$(sends KRX 22 10 82500 82000 | jq -r .output.ODNO)
	[ "$(cash)" -lt $((start - 825000)) ]
	stops() { open_orders | jq -r '[.output[]|[.odno[-4:],.stpm_cndt_pric,.stpm_efct_occr_yn,.psbl_qty]|join("/")]|join(" ")'; }
	[ "$(stops)" = "${a: -4}/82000/N/10" ]
	control '{"do":"tick","symbol":"005930","price":81900,"qty":1000}' | jq -e .ok
	[ "$(stops)" = "${a: -4}/82000/N/10" ]
	b=$(change TTTC0013U "$a" 02 4 0 N | jq -r .output.ODNO)
	[ -n "$b" ]
	b=$(post TTTC0013U $TRADING/order-rvsecncl "{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"KRX_FWDG_ORD_ORGNO\":\"06010\",\"ORGN_ODNO\":\"$a\",\"ORD_DVSN\":\"22\",\"RVSE_CNCL_DVSN_CD\":\"01\",\"ORD_QTY\":\"0\",\"ORD_UNPR\":\"82600\",\"QTY_ALL_ORD_YN\":\"Y\"}" | jq -r .output.ODNO)
	[ "$(stops)" = "${b: -4}/82000/N/6" ]
	broker_stop
	broker_start --at 10:06:00 --clock virtual,still --market still --set rest_per_s=0 --set fill=cross --state "$BATS_TEST_TMPDIR/state.json"
	[ "$(stops)" = "${b: -4}/82000/N/6" ]
	control '{"do":"tick","symbol":"005930","price":82000,"qty":1}' | jq -e .ok
	[ "$(daily TTTC0081R | jq -r ".output1[]|select(.odno==\"$b\")|[.tot_ccld_qty,.stpm_cndt_pric,.stpm_efct_occr_dtmd]|join(\" \")")" = '6 82000 100600' ]
	a=$(sends NXT 22 1 90000 89000 | jq -r .output.ODNO)
	control '{"do":"clock","step":"15:40:00"}' | jq -e .ok
	[ "$(stops)" = "${a: -4}/89000/N/1" ] # NXT's orders live on
	change TTTC0013U "$a" 02 0 0 Y NXT | jq -e '.rt_cd=="0"'
}

step() { control "{\"do\":\"clock\",\"step\":\"$1\"}" | jq -e .ok >/dev/null; }
came_to() { # came_to ODNO : price, filled shares, their won, open, rejected
	control '{"do":"dump"}' | jq -r ".ledger.orders[]|select(.odno==\"$1\")|[.price_won,.filled_qty,.filled_won,.remaining_qty,.rejected_qty]|join(\"/\")"
}

@test "hours: each type and exchange through an ordinary day, 2021-01-05" {
	T=T
	broker_start --day 2021-01-05 --at 07:59:00 --clock virtual,still --market still --set rest_per_s=0
	local at venue dvsn want price
	while read -r at venue dvsn want; do
		step "$at"
		price=70000
		[ "$dvsn" != 01 ] || price=0
		case $want in
		taken) taken "$at $dvsn on $venue" sends "$venue" "$dvsn" 1 "$price" 0 ;;
		*) refused "$at $dvsn on $venue" "7 $want" '' sends "$venue" "$dvsn" 1 "$price" 0 ;;
		esac
	done <<'END'
07:59:30 NXT 00 APBK0918
08:00:00 NXT 00 taken
08:00:01 NXT 03 APBK3013
08:00:02 SOR 01 APBK3013
08:00:03 SOR 00 taken
08:29:59 KRX 05 APBK0918
08:30:00 KRX 05 taken
08:40:00 KRX 05 APBK0918
08:50:00 NXT 00 APBK0918
08:50:01 SOR 01 taken
09:00:29 NXT 00 APBK0918
09:00:30 NXT 00 taken
15:20:00 NXT 00 APBK0918
15:20:01 KRX 00 taken
15:20:02 SOR 00 taken
15:29:59 KRX 06 APBK0918
15:30:00 KRX 06 taken
15:30:01 KRX 00 APBK0918
15:30:02 NXT 00 taken
15:30:03 NXT 21 APBK3013
15:59:59 KRX 07 APBK0918
16:00:00 KRX 07 taken
16:00:01 KRX 06 APBK0918
18:00:00 KRX 07 APBK0918
19:59:59 SOR 00 taken
20:00:00 NXT 00 APBK0918
END
	control '{"do":"set","set":"nxt_type_code=963"}' | jq -e .ok
	broker_stop
	broker_start --day 2021-01-05 --at 08:10:00 --market still --set nxt_type_code=963
	refused 'its number is a setting' '7 APBK0963' '' sends NXT 03 1 0 0
}

@test "after hours: orders rest until they end, or are filled, whole or in part, at the closing price" {
	local fill a b c
	for fill in rest whole drawn; do
		broker_start --day 2021-01-05 --at 08:31:00 --clock virtual,still --market still --set rest_per_s=0 --set after_fill=$fill
		T=T
		a=$(sends KRX 05 3 0 0 | jq -r .output.ODNO)
		step 15:35:00
		b=$(sends KRX 06 4 0 0 | jq -r .output.ODNO)
		[ "$(came_to "$b")" = 70000/0/0/4/0 ]
		step 16:05:00
		c=$(sends KRX 07 5 71000 0 | jq -r .output.ODNO)
		refused 'over ten per cent' '7 APBK0507' '' sends KRX 07 5 77100 0
		step 18:00:00
		case $fill in
		rest) [ "$(came_to "$a") $(came_to "$b") $(came_to "$c")" = '70000/0/0/0/3 70000/0/0/0/4 71000/0/0/0/5' ] ;;
		whole) [ "$(came_to "$a") $(came_to "$b") $(came_to "$c")" = '70000/3/210000/0/0 70000/4/280000/0/0 71000/5/350000/0/0' ] ;;
		drawn) [ "$(came_to "$a" | cut -d/ -f1,4)" = 70000/0 ] ;;
		esac
		broker_stop
	done
}

@test "hours that are switches: the pre-market of a late day, when NXT's main begins, the last day of the single price" {
	T=T
	broker_start --at 09:10:00 --market still
	refused 'a late day has no pre-market' '7 APBK0918' '' sends NXT 00 1 81000 0
	broker_stop
	broker_start --at 09:10:00 --market still --set nxt_pre_late=1
	taken 'it has one' sends NXT 00 1 81000 0
	broker_stop
	broker_start --day 2021-01-05 --at 09:00:00 --clock virtual,still --market still --set nxt_main_s=0
	taken 'with the open' sends NXT 00 1 81000 0
	broker_stop
	broker_start --day 2026-09-14 --at 16:05:00 --market still
	refused 'no single price any more' '7 APBK0918' '' sends KRX 07 1 70000 0
	broker_stop
	broker_start --day 2026-09-14 --at 16:05:00 --market still --set single_price_end=0
	taken 'it goes on' sends KRX 07 1 70000 0
}

branches() { # branches FIRST SECOND : of the orders of two accounts; each cancels with its own only
	local odno
	buys 005930 00 1 70000 >"$DIR/o"
	odno=$(jq -r .output.ODNO "$DIR/o")
	[ "$(jq -r .output.KRX_FWDG_ORD_ORGNO "$DIR/o")" = "$1" ]
	taken 'the branch of the reply' changes "$odno" 02 0 0 Y "$1"
	odno=$(buys 005930 00 1 70000 | jq -r .output.ODNO)
	refused 'the branch of another account' '7 APBK0929' '1 40340000' changes "$odno" 02 0 0 Y "$2"
	CANO=50123457 KEY=$(jq -r '.accounts[1].appkey' "$DIR/ready") SECRET=$(jq -r '.accounts[1].appsecret' "$DIR/ready")
	TOKEN=$(token -s | jq -r .access_token)
	[ "$(buys 005930 00 1 70000 | jq -r .output.KRX_FWDG_ORD_ORGNO)" = "$2" ]
}

@test "branches differ between accounts, the first one's is 06010; an accounts file may say another" {
	printf '[{"account":"50123456-01"},{"account":"50123457-01"}]' >"$BATS_TEST_TMPDIR/two.json"
	T=T
	broker_start --at 10:05:00 --set rest_per_s=0 --accounts "$BATS_TEST_TMPDIR/two.json"
	branches 06010 91252
	broker_stop
	printf '[{"account":"50123456-01","branch":"03930"},{"account":"50123457-01"}]' >"$BATS_TEST_TMPDIR/two.json"
	broker_start --at 10:05:00 --set rest_per_s=0 --accounts "$BATS_TEST_TMPDIR/two.json"
	branches 03930 91252
}

@test "codes nobody saw and HTTP statuses are settings" {
	broker_start --env paper --at 10:05:00 --set rest_per_s=0 --set paper_cash_code=40310000 --set paper_band_code=41 --set reject_status=500
	[ "$(buy VTTC0012U 005930 01 100000 0 | jq -r .msg_cd)" = 40310000 ]
	[ "$(buy VTTC0012U 005930 00 1 105100 -w '%{http_code}' | tail -c 3)" = 500 ]
	[ "$(buy VTTC0012U 005930 00 1 105100 | jq -r .msg_cd)" = 00000041 ]
	broker_stop
	broker_start --at 10:05:00 --set shares_code=1234 --set reject_rt_cd=1 --set validation_rt_cd=1
	[ "$(buy TTTC0011U 000660 01 1 0 | jq -r '.rt_cd+.msg_cd')" = 1APBK1234 ]
	[ "$(CANO=99999999 buy TTTC0011U 000660 01 1 0 | jq -r '.rt_cd+.msg_cd')" = 1OPSQ2000 ]
}

# cash: what can be ordered now
cash() {
	get "${T}TTC8908R" $TRADING/inquire-psbl-order "CANO=$CANO" ACNT_PRDT_CD=01 PDNO= ORD_UNPR= ORD_DVSN=00 CMA_EVLU_AMT_ICLD_YN=N OVRS_ICLD_YN=N |
		jq -r .output.ord_psbl_cash
}
rows() { EXCG=KRX daily "${T}TTC0081R" | jq -r '[.output1[]|[.odno[-4:],.orgn_odno[-4:],.ord_qty,.rmn_qty,.cncl_cfrm_qty]|join("/")]|join(" ")'; }

chain() {
	local start a b c plain=''
	[ "$T" = T ] || plain=0000
	start=$(cash)
	a=$(buys 005930 00 10 70000 | jq -r .output.ODNO)
	b=$(changes "$a" 01 0 70100 Y '' | jq -r .output.ODNO)
	[ $((10#$b)) -gt $((10#$a)) ]
	refused 'the number before a modify' '7 APBK0927' '1 40330000' changes "$a" 01 0 70200 Y ''
	c=$(changes "$b" 01 4 70200 N '' | jq -r .output.ODNO)
	[ "$(rows)" = "${c: -4}/${b: -4}/4/4/0 ${b: -4}/${a: -4}/10/6/4 ${a: -4}/$plain/10/0/10" ]
	taken 'part of the second' changes "$b" 02 2 0 N ''
	taken 'the rest of the second' changes "$b" 02 0 0 Y ''
	taken 'the third' changes "$c" 02 0 0 Y ''
	[ "$(EXCG=KRX daily "${T}TTC0081R" | jq -r '[.output1[].rmn_qty|tonumber]|add')" = 0 ]
	[ "$(EXCG=KRX daily "${T}TTC0081R" | jq -r '[.output1[]|select(.sll_buy_dvsn_cd_name=="매수취소")]|length')" = 3 ]
	[ "$(cash)" = "$start" ]
}

@test "a chain of modify and cancel: new numbers, original numbers, quantities, cash given back" { modes chain --at 10:05:00; }

# walk COMMAND... : follows tr_cont and the cursors; prints the pages' sizes and headers, leaves all rows in $DIR/rows
walk() {
	local cont=() header sizes=() headers='' list
	NK='' FK=''
	: >"$DIR/rows"
	while :; do
		"$@" "${cont[@]}" -D "$DIR/head" >"$DIR/page" || return 1
		header=$(tr -d '\r' <"$DIR/head" | sed -n 's/^tr_cont: //p')
		list=$(jq -c '.output1 // .output' "$DIR/page")
		jq -c '.[]' <<<"$list" >>"$DIR/rows"
		sizes+=("$(jq length <<<"$list")") headers+=$header
		NK=$(jq -r '.ctx_area_nk100 // .ctx_area_nk200' "$DIR/page") FK=$(jq -r '.ctx_area_fk100 // .ctx_area_fk200' "$DIR/page")
		[[ "$header" == [FM] ]] || break
		[ ${#sizes[@]} -lt 50 ] || return 1
		cont=(-H 'tr_cont: N')
	done
	printf '%s %s\n' "$(IFS=+; echo "${sizes[*]}")" "$headers"
}
many_orders() { # many_orders COUNT REMAINING
	/usr/bin/python3 -c "import json,sys
print(json.dumps({'do':'truth','mode':'replace','orders':[{'odno':str(1000+i),'side':'BUY','symbol':'005930','qty':1,'price':70000,'type':'LIMIT',
'cancelled':1-int(sys.argv[2]),'time':'10:00:00'} for i in range(int(sys.argv[1]))]}))" "$1" "$2" >"$DIR/orders"
	control "$(cat "$DIR/orders")" | jq -e .ok >/dev/null
}
many_holdings() { # many_holdings COUNT
	control "$(jq -nc "{do:\"truth\",mode:\"replace\",balance:[range($1)|{symbol:(200000+.|tostring),qty:1,avg:1000}]}")" | jq -e .ok >/dev/null
}
once_each() { [ "$(jq -r ".$1" "$DIR/rows" | sort -u | wc -l)" = "$(wc -l <"$DIR/rows")" ]; }

@test "pages of real: 50 holdings, 100 orders, 50 open orders; every row once" {
	broker_start --at 10:05:00 --set rest_per_s=0
	many_holdings 120
	[ "$(walk balance TTTC8434R)" = '50+50+20 FMD' ]
	once_each pdno
	many_holdings 50
	[ "$(walk balance TTTC8434R)" = '50 D' ]
	many_orders 230 1
	[ "$(walk daily TTTC0081R)" = '100+100+30 FMD' ]
	once_each odno
	[ "$(jq -r .odno "$DIR/rows" | head -n 1)" = 0000001229 ]
	[ "$(walk open_orders)" = '50+50+50+50+30 FMMMD' ]
	once_each odno
	many_orders 0 1
	[ "$(walk daily TTTC0081R)" = '0 D' ]
}

@test "pages of paper: 20 holdings, 15 orders; every row once" {
	broker_start --env paper --at 10:05:00 --set rest_per_s=0
	many_holdings 25
	[ "$(walk balance VTTC8434R)" = '20+5 FD' ]
	once_each pdno
	many_orders 33 0
	EXCG=KRX
	[ "$(walk daily VTTC0081R)" = '15+15+3 FMD' ]
	once_each odno
	[ "$(jq -r .msg_cd "$DIR/page")" = 20310000 ]
}

@test "pages that lie: rows twice, a cursor on the last page, a cursor nobody gave" {
	broker_start --at 10:05:00 --set rest_per_s=0 --set duplicate_rows=1 --set last_cursor_filled=1 --set page_ccld=4
	many_orders 5 0
	[ "$(walk daily TTTC0081R)" = '4+4+2 FMD' ]
	[ "$(jq -r .odno "$DIR/rows" | sort | uniq -c | grep -c ' 2 ')" = 5 ]
	[[ "$(jq -r .ctx_area_nk100 "$DIR/page")" =~ [0-9] ]]
	NK='abc^' FK=''
	[ "$(daily TTTC0081R -H 'tr_cont: N' | jq -r .msg_cd)" = OPSQ2001 ]
}

resv() { # resv METHOD_TR NAME BODY
	post "$1" $TRADING/$2 "{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",$3}"
}
new_resv() { # new_resv PRICE DVSN END
	resv CTSC0008U order-resv "\"PDNO\":\"005930\",\"ORD_QTY\":\"2\",\"ORD_UNPR\":\"$1\",\"SLL_BUY_DVSN_CD\":\"02\",\"ORD_DVSN_CD\":\"$2\",\"ORD_OBJT_CBLC_DVSN_CD\":\"10\",\"RSVN_ORD_END_DT\":\"$3\""
}
resv_list() {
	get CTSC0004R $TRADING/order-resv-ccnl RSVN_ORD_ORD_DT=20210101 RSVN_ORD_END_DT=20210201 RSVN_ORD_SEQ= TMNL_MDIA_KIND_CD=00 "CANO=$CANO" \
		ACNT_PRDT_CD=01 "PRCS_DVSN_CD=${STATE:-0}" "CNCL_YN=${VALID:-}" PDNO= SLL_BUY_DVSN_CD= CTX_AREA_FK200= "CTX_AREA_NK200=$NK" -- "$@"
}

@test "reservations: taken at night, changed, cancelled, sent in the morning, filled" {
	broker_start --at 00:15:00 --clock virtual,still --set rest_per_s=0
	NK=
	local a b c
	a=$(new_resv 70000 00 '' | jq -r .output.RSVN_ORD_SEQ) b=$(new_resv 0 01 '' | jq -r .output.RSVN_ORD_SEQ) c=$(new_resv 70500 00 20210115 | jq -r .output.RSVN_ORD_SEQ)
	[ "$(resv_list | jq -r '[.output[].rsvn_ord_ord_dt]|unique|join(" ")')" = 20210104 ]
	[ "$(new_resv 70000 99 '' | jq -r '.rt_cd+.msg_cd')" = 7APBK0963 ]
	[ "$(new_resv 70000 00 20210110 | jq -r .msg_cd)" = OPSQ2001 ] # a Sunday
	[ "$(new_resv 70000 00 20210301 | jq -r .msg_cd)" = OPSQ2001 ] # more than 30 days ahead
	resv CTSC0013U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$a\",\"PDNO\":\"005930\",\"ORD_QTY\":\"3\",\"ORD_UNPR\":\"71000\",\"SLL_BUY_DVSN_CD\":\"02\",\"ORD_DVSN_CD\":\"00\",\"ORD_OBJT_CBLC_DVSN_CD\":\"10\"" |
		jq -e '.output.NRML_PRCS_YN=="Y"'
	[ "$(resv_list | jq -r ".output[]|select(.rsvn_ord_seq==\"$a\")|.ord_rsvn_qty+\" \"+.ord_rsvn_unpr")" = '3 71000' ]
	resv CTSC0009U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$a\"" | jq -e '.msg_cd=="KIOK0430"'
	[ "$(resv CTSC0009U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$a\"" | jq -r '.rt_cd+.msg_cd')" = 7APBK2940 ]
	[ "$(resv_list | jq -r ".output[]|select(.rsvn_ord_seq==\"$a\")|.cncl_ord_dt+.cncl_rcit_tmd")" = 20210104001500 ]
	[ "$(VALID=Y resv_list | jq -r '.output|length')" = 2 ]
	control '{"do":"clock","step":"09:30:00"}' | jq -e .ok
	sleep 0.3
	[ "$(STATE=1 resv_list | jq -r '[.output[].prcs_rslt]|unique|join(" ")')" = 처리 ]
	[ "$(resv_list | jq -r ".output[]|select(.rsvn_ord_seq==\"$c\")|.rjct_rson2+\" \"+.ord_tmd")" = '정상 처리 완료되었습니다. 092100' ]
	[ "$(daily TTTC0081R | jq -r '.output1|length')" = 2 ]
	[ "$(new_resv 70000 00 '' | jq -r '.rt_cd+.msg_cd')" = 7APBK0918 ]
	control '{"do":"clock","step":"10:30:00"}' | jq -e .ok
	sleep 0.3
	[ "$(resv_list | jq -r ".output[]|select(.rsvn_ord_seq==\"$b\")|.tot_ccld_qty")" = 2 ]
	control '{"do":"set","set":"resv_hours=always"}' | jq -e .ok
	resv CTSC0009U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$c\"" | jq -e '.rt_cd=="0"' # stops the days to come
}

@test "reservations: hours, branch, numbers and pages are settings" {
	broker_start --at 16:10:00 --set rest_per_s=0 --set resv_hours=1640 --set page_resv=2
	[ "$(new_resv 70000 00 '' | jq -r .msg_cd)" = KIER3672 ]
	control '{"do":"set","set":"resv_hours=1540"}' | jq -e .ok
	local seq
	seq=$(new_resv 70000 00 '' | jq -r .output.RSVN_ORD_SEQ)
	NK=
	[ "$(resv_list | jq -r '.output[0].rsvn_ord_ord_dt')" = 20210105 ]
	control '{"do":"set","set":"resv_orgno_required=1"}' | jq -e .ok
	[ "$(resv CTSC0009U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$seq\"" | jq -r '.msg_cd+.msg1')" = 'OPSQ2001ERROR : INPUT_FIELD_NAME RSVN_ORD_ORGNO' ]
	control '{"do":"set","set":"resv_new_number=1"}' | jq -e .ok
	resv CTSC0013U order-resv-rvsecncl "\"RSVN_ORD_SEQ\":\"$seq\",\"RSVN_ORD_ORGNO\":\"001\",\"RSVN_ORD_ORD_DT\":\"20210105\",\"PDNO\":\"005930\",\"ORD_QTY\":\"3\",\"ORD_UNPR\":\"71000\",\"SLL_BUY_DVSN_CD\":\"02\",\"ORD_DVSN_CD\":\"00\",\"ORD_OBJT_CBLC_DVSN_CD\":\"10\"" | jq -e '.rt_cd=="0"'
	[ "$(VALID=Y resv_list | jq -r '.output[0].rsvn_ord_seq')" = $((seq + 1)) ]
	for _ in 1 2 3; do new_resv 70000 00 '' >/dev/null; done
	[ "$(walk resv_list)" = '2+2+1 FMD' ]
	once_each rsvn_ord_seq
}
