#!/usr/bin/env bats
# Every transaction in its documented shape, on real and on paper, with its ids of today and of before 2025.
# shellcheck disable=SC1091,SC2034,SC2086,SC2119 # lib.bash is found at run time, its functions read T; options are words
bats_require_minimum_version 1.5.0

setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }
teardown() { broker_stop; }

# Trades, orders, a reservation, rights and an old order, so that every list has a row.
prepare() { # prepare real|paper
	broker_start --env "$1" --at 15:00:00 --set rest_per_s=0 --set resv_hours=always --set vi=1
	T=T && [ "$1" = real ] || T=V
	control '{"do":"truth","orders":[{"odno":"777","side":"BUY","symbol":"000660","qty":2,"price":80000,"type":"LIMIT","filled":2,"time":"2020-08-11 10:00:00"}]}' | jq -e .ok
	control '{"do":"truth","rights":[{"symbol":"005930","kind":"SPLIT","from":1,"to":50,"day":"2021-01-12"},{"symbol":"000660","kind":"BONUS","from":10,"to":11,"day":"2021-01-13"}]}' | jq -e .ok
	buy "${T}TTC0012U" 005930 01 10 0 | jq -e '.rt_cd=="0"'
	buy "${T}TTC0011U" 005930 01 1 0 | jq -e '.rt_cd=="0"'
	ODNO=$(buy "${T}TTC0012U" 005930 00 9 70000 | jq -r .output.ODNO)
	SEQ=
	[ "$1" = paper ] || SEQ=$(ask POST trading order-resv CTSC0008U PDNO=005930 ORD_QTY=3 ORD_UNPR=70000 SLL_BUY_DVSN_CD=02 ORD_DVSN_CD=00 \
		ORD_OBJT_CBLC_DVSN_CD=10 | jq -r .output.RSVN_ORD_SEQ)
}

ask() { # ask METHOD FOLDER NAME TR_ID NAME=VALUE... : the answer
	local method=$1 path=/uapi/domestic-stock/v1/$2/$3 id=$4 word body
	[ "$2" != overseas ] || path=/uapi/overseas-stock/v1/trading/$3
	shift 4
	[[ "$path" != */trading/* ]] || set -- "CANO=$CANO" ACNT_PRDT_CD=01 "$@"
	if [ "$method" = GET ]; then
		get "$id" "$path" "$@" -- -D "$DIR/head"
		return
	fi
	body=
	for word in "$@"; do body+=",\"${word%%=*}\":\"${word#*=}\""; done
	post "$id" "$path" "{${body:1}}" -D "$DIR/head"
}

shape() { /usr/bin/python3 "$BATS_TEST_DIRNAME/shape.py" "$TOP/tests/data/kis/rest_fields.tsv" "$@"; }

# with_table FUNCTION : calls it for every row: NAME METHOD FOLDER "REAL IDS" "PAPER IDS" "SHAPE OPTIONS" PARAMETER...
with_table() {
	local name how real paper options params done=0 wrong=0
	while IFS='|' read -r name how real paper options params; do
		read -r name <<<"$name"
		params=${params//@ODNO@/$ODNO} params=${params//@SEQ@/$SEQ} params=${params//@HTSID@/$HTSID}
		done=$((done + 1))
		"$1" "$name" $how "$real" "$paper" "$options" $params || { printf '%s (%s)\n' "$name" "$real"; wrong=$((wrong + 1)); }
	done < <(grep -v '^#' "$BATS_TEST_DIRNAME/endpoints.table")
	printf '%d transactions, %d wrong\n' "$done" "$wrong"
	[ "$done" -ge 40 ] && [ "$wrong" -eq 0 ]
}

in_shape() { # in_shape NAME METHOD FOLDER "IDS" "OPTIONS" PARAMETER...
	local name=$1 method=$2 folder=$3 ids=$4 options=$5 id
	shift 5
	for id in $ids; do
		ask "$method" "$folder" "$name" "$id" "$@" >"$DIR/answer" || return 1
		if [ "$folder" = overseas ]; then # an account without anything abroad
			jq -e '.rt_cd=="0" and ((.output // .output1)==[])' "$DIR/answer" || return 1
			continue
		fi
		shape "$name" $options <"$DIR/answer" || { head -c 400 "$DIR/answer"; return 1; }
		grep -q "^tr_id: $id" "$DIR/head" || return 1
	done
}

on_real() { in_shape "$1" "$2" "$3" "$4" "$6" "${@:7}"; }

on_paper() {
	local name=$1 method=$2 folder=$3 paper=$5 id
	if [[ "$paper" != *-* ]]; then
		in_shape "$name" "$method" "$folder" "$paper" "$6" "${@:7}"
		return
	fi
	for id in $4; do # not offered: the real id is refused by the gateway, the id made from it is not known
		ask "$method" "$folder" "$name" "$id" "${@:7}" >"$DIR/answer"
		[ "$(jq -r '.rt_cd+.msg_cd' "$DIR/answer")" = 1EGW02006 ] || { cat "$DIR/answer"; return 1; }
		grep -q '^HTTP/1.1 500' "$DIR/head" || return 1
		[[ "$id" == [TC]* ]] || continue
		ask "$method" "$folder" "$name" "V${id:1}" "${@:7}" >"$DIR/answer"
		if [ "$id" = TTTC8036R ]; then
			[ "$(jq -r '.rt_cd+.msg_cd' "$DIR/answer")" = 190000000 ] || return 1
		else
			[ "$(jq -r '.rt_cd+.msg_cd' "$DIR/answer")" = 1OPSQ0002 ] || { cat "$DIR/answer"; return 1; }
		fi
	done
}

@test "the comparison sees a wrong name, order, container, type and length" {
	local good='{"output":{"pdno":"005930","prdt_name":"n","buy_qty":"1","sll_qty":"0","cblc_qty":"1","nsvg_qty":"0","ord_psbl_qty":"1","pchs_avg_pric":"1.0000","pchs_amt":"1","now_pric":"1","evlu_amt":"1","evlu_pfls_amt":"0","evlu_pfls_rt":"0.00"},"rt_cd":"0","msg_cd":"KIOK0420","msg1":"m"}' bad
	shape inquire-psbl-sell <<<"$good"
	for bad in "${good/sll_qty/sell_qty}" "${good/'"buy_qty":"1","sll_qty":"0"'/'"sll_qty":"0","buy_qty":"1"'}" "${good/output/output1}" \
		"${good/'"pchs_amt":"1"'/'"pchs_amt":1'}" "${good/005930/0059300059300}" "${good/'"rt_cd":"0",'/}" "${good/'"now_pric":"1",'/}"; do
		[ "$bad" != "$good" ]
		run shape inquire-psbl-sell <<<"$bad"
		[ "$status" -eq 1 ]
	done
}

@test "real: every transaction in its documented shape, old ids too" {
	prepare real
	with_table on_real
}

@test "paper: what it offers in the same shape, what it does not with its codes" {
	prepare paper
	with_table on_paper
}

@test "old ids can be switched off" {
	broker_start --at 10:05:00 --set old_tr_ids=0
	[ "$(buy TTTC0802U 005930 00 1 70000 | jq -r '.rt_cd+.msg_cd')" = 1OPSQ0002 ]
	[ "$(daily TTTC8001R | jq -r .msg_cd)" = OPSQ0002 ]
	[ "$(daily TTTC0081R | jq -r .rt_cd)" = 0 ]
}

@test "hashkey: the body comes back with a hash, and the hash can be checked" {
	broker_start --at 10:05:00 --set hashkey_checked=1
	local body='{"CANO":"'$CANO'","ACNT_PRDT_CD":"01","PDNO":"005930","ORD_DVSN":"00","ORD_QTY":"1","ORD_UNPR":"70000"}' hash
	post '' /uapi/hashkey "$body" >"$DIR/h"
	[ "$(jq -c .BODY "$DIR/h")" = "$body" ]
	hash=$(jq -r .HASH "$DIR/h")
	[ "${#hash}" -eq 64 ]
	post TTTC0012U $TRADING/order-cash "$body" -H "hashkey: $hash" | jq -e '.rt_cd=="0"'
	[ "$(post TTTC0012U $TRADING/order-cash "$body" -H 'hashkey: 00' | jq -r .msg_cd)" = EGW00131 ]
	control '{"do":"set","set":"hashkey_json_body=1"}' | jq -e .ok
	post '' /uapi/hashkey "$body" | jq -e 'keys==["HASH","JsonBody"]'
}
