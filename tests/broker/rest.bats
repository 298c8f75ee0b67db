#!/usr/bin/env bats
# The simulator's REST side seen by curl: rules, codes, shapes against recorded answers.
# shellcheck disable=SC1091,SC2030,SC2031,SC2034,SC2086,SC2119 # lib.bash is found at run time, its functions read NK and FK, paths have no blanks
bats_require_minimum_version 1.5.0

setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }
teardown() { broker_stop; }

@test "the ready line names addresses, CA, control socket and accounts" {
	broker_start
	run jq -er '.rest|test("^https://127.0.0.1:[0-9]+$")' "$DIR/ready"
	[ "$output" = true ]
	run jq -er '.ws|test("^ws://127.0.0.1:[0-9]+$")' "$DIR/ready"
	[ "$output" = true ]
	[ "$(jq -r .ca "$DIR/ready")" = "$CA" ]
	[ "$(jq -r .control "$DIR/ready")" = "$SOCKET" ]
	[ "$(jq -r '.accounts[0].appkey|length' "$DIR/ready")" = 36 ]
	[ "$(jq -r '.accounts[0].appsecret|length' "$DIR/ready")" = 180 ]
}

@test "--help tells settings, endpoints and faults; wrong options are refused" {
	run "$BROKER" --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"ws_registrations"* && "$output" == *"inquire-psbl-rvsecncl"* && "$output" == *"timeout_after_accept"* ]]
	run "$BROKER" --env moon
	[ "$status" -eq 64 ]
	run "$BROKER" --day 2021-01-04 --set nonsense=1
	[ "$status" -eq 64 ]
	[[ "$output" == *nonsense* ]]
	run "$BROKER" --day 2021-01-04 --set ws_registrations=0
	[ "$status" -eq 64 ]
}

@test "started from any folder it finds its data; a folder that is named is taken as it is" {
	local path
	path=$(realpath "$BROKER")
	DIR="$BATS_TEST_TMPDIR"
	mkdir -p "$DIR/else/where"
	cd "$DIR/else/where"
	"$path" --day 2021-01-04 --at 10:05:00 >"$DIR/ready" 2>"$DIR/err" 3>&- &
	BROKER_PID=$!
	for _ in $(seq 200); do
		[ -s "$DIR/ready" ] && break
		sleep 0.05
	done
	REST=$(jq -r .rest "$DIR/ready") CA="$DIR/else/where/broker-ca.pem" KEY=$(jq -r '.accounts[0].appkey' "$DIR/ready") SECRET=$(jq -r '.accounts[0].appsecret' "$DIR/ready")
	TOKEN=$(token | jq -r .access_token)
	[ "$(get FHKST01010100 $QUOTES/inquire-price FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=005930 | jq -r .output.stck_sdpr)" = 81000 ]
	broker_stop
	run "$path" --day 2021-01-04 --data tests/data
	[ "$status" -ne 0 ]
	[[ "$output" == *"tests/data has no figures"* ]]
}

@test "the certificate names the service's own hosts too, and was valid on the day that is played" {
	local port name
	NO_TOKEN=1 broker_start
	port=${REST##*:}
	for name in openapi.koreainvestment.com openapivts.koreainvestment.com localhost; do
		[ "$(call --resolve "$name:$port:127.0.0.1" -o /dev/null -w '%{http_code}' "https://$name:$port/")" != 000 ]
	done
	run call --resolve "example.com:$port:127.0.0.1" "https://example.com:$port/"
	[ "$status" -eq 60 ]
	# as a client finds it whose clock was set back
	: | openssl s_client -connect "127.0.0.1:$port" -CAfile "$CA" -verify_return_error -attime "$(date -d '2021-01-04 10:00 +0900' +%s)" >"$BATS_TEST_TMPDIR/tls" 2>&1
	grep -q 'Verify return code: 0 (ok)' "$BATS_TEST_TMPDIR/tls"
}

@test "token: shape, one a minute, the same one within six hours" {
	NO_TOKEN=1 broker_start --at 08:00:00 --clock virtual,still
	token >"$DIR/first"
	golden auth_tokenP_success.json <"$DIR/first"
	[ "$(jq -r .expires_in "$DIR/first")" = 86400 ]
	[ "$(jq -r .access_token_token_expired "$DIR/first")" = "2021-01-05 08:00:00" ]
	token -w '%{http_code}' >"$DIR/second"
	[ "$(tail -c 3 "$DIR/second")" = 403 ]
	head -c -3 "$DIR/second" | golden auth_tokenP_error_EGW00133_http403.json
	[ "$(head -c -3 "$DIR/second" | jq -r .error_code)" = EGW00133 ]
	control '{"do":"clock","step":"08:01:01"}' | jq -e .ok
	sleep 0.3
	[ "$(token | jq -r .access_token)" = "$(jq -r .access_token "$DIR/first")" ]
	control '{"do":"clock","step":"14:01:00"}' | jq -e .ok
	sleep 0.3
	[ "$(token | jq -r .access_token)" != "$(jq -r .access_token "$DIR/first")" ]
}

@test "approval key, revoked token, wrong keys" {
	broker_start
	call -X POST "$REST/oauth2/Approval" -d "{\"grant_type\":\"client_credentials\",\"appkey\":\"$KEY\",\"secretkey\":\"$SECRET\"}" |
		golden auth_approval_success.json
	run call -X POST "$REST/oauth2/Approval" -d "{\"grant_type\":\"client_credentials\",\"appkey\":\"$KEY\",\"secretkey\":\"x\"}"
	[[ "$output" == *EGW00105* ]]
	balance TTTC8434R | jq -e '.rt_cd=="0"'
	call -X POST "$REST/oauth2/revokeP" -d "{\"appkey\":\"$KEY\",\"appsecret\":\"$SECRET\",\"token\":\"$TOKEN\"}" | jq -e '.code=="200"'
	[ "$(balance TTTC8434R | jq -r .msg_cd)" = EGW00121 ]
	[ "$(balance TTTC8434R -o /dev/null -w '%{http_code}')" = 500 ]
	KEY=x
	[ "$(balance TTTC8434R | jq -r .msg_cd)" = EGW00103 ]
}

@test "an expired token is EGW00123 with HTTP 500" {
	broker_start --set token_life_s=1
	sleep 1.3
	balance TTTC8434R >"$DIR/out"
	[ "$(jq -r .msg_cd "$DIR/out")" = EGW00123 ]
	[ "$(balance TTTC8434R -o /dev/null -w '%{http_code}')" = 500 ]
}

@test "header case: ordinary ones in capitals, tr_id tr_cont gt_uid in small letters" {
	broker_start
	balance TTTC8434R -D "$DIR/head" -o /dev/null
	grep -q '^Content-Type: application/json; charset=utf-8' "$DIR/head"
	grep -q '^Date: .* GMT' "$DIR/head"
	grep -q '^tr_id: TTTC8434R' "$DIR/head"
	grep -q '^tr_cont: D' "$DIR/head"
	grep -q '^gt_uid: ' "$DIR/head"
	run ! grep -Eq '^[a-z]+-[a-z-]+:' "$DIR/head"
	get FHKST01010100 $QUOTES/inquire-price FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=005930 -- -D "$DIR/head" -o /dev/null
	grep -Eq $'^tr_cont: \r?$' "$DIR/head"
}

@test "limits: 20 a second real, 1 paper, EGW00201 with HTTP 500" {
	broker_start --clock virtual,still --at 10:00:00
	for _ in $(seq 20); do balance TTTC8434R | jq -e '.rt_cd=="0"' >/dev/null; done
	balance TTTC8434R -w '%{http_code}' >"$DIR/out"
	[ "$(tail -c 3 "$DIR/out")" = 500 ]
	head -c -3 "$DIR/out" | golden error_EGW00201_http500_paper.json
	control '{"do":"clock","step":"10:00:01"}' | jq -e .ok
	sleep 0.3
	balance TTTC8434R | jq -e '.rt_cd=="0"'
	broker_stop
	broker_start --env paper --clock virtual,still --at 10:00:00
	balance VTTC8434R | jq -e '.rt_cd=="0"'
	[ "$(balance VTTC8434R | jq -r .msg_cd)" = EGW00201 ]
}

@test "the ledger's own limit can be switched on" {
	broker_start --clock virtual,still --at 10:00:00 --set ledger_per_s=1
	balance TTTC8434R | jq -e '.rt_cd=="0"'
	balance TTTC8434R | golden error_EGW00215_http500.json
	get FHKST01010100 $QUOTES/inquire-price FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=005930 | jq -e '.rt_cd=="0"'
}

@test "wrong account, wrong flag, unknown path, unknown id" {
	broker_start
	CANO=99999999 balance TTTC8434R | golden error_OPSQ2000_bad_account.json
	[ "$(CANO=99999999 balance TTTC8434R | jq -r .rt_cd)" = 2 ]
	get TTTC8908R $TRADING/inquire-psbl-order "CANO=$CANO" ACNT_PRDT_CD=01 PDNO= ORD_UNPR= ORD_DVSN=01 CMA_EVLU_AMT_ICLD_YN=Q OVRS_ICLD_YN=N |
		jq -e '.msg_cd=="OPSQ2001" and (.msg1|test("CMA_EVLU_AMT_ICLD_YN"))'
	get X /nowhere -- -o /dev/null -w '%{http_code}' | grep -q 404
	[ "$(get TTTC9999R $TRADING/inquire-balance "CANO=$CANO" ACNT_PRDT_CD=01 | jq -r .msg_cd)" = OPSQ0002 ]
	[ "$(balance VTTC8434R | jq -r .msg_cd)" = EGW02005 ]
}

@test "the id names the transaction, at the path of another one too" {
	broker_start --at 10:05:00 --set rest_per_s=0
	local power=("CANO=$CANO" ACNT_PRDT_CD=01 PDNO=005930 ORD_UNPR= ORD_DVSN=01 CMA_EVLU_AMT_ICLD_YN=N OVRS_ICLD_YN=N)
	get TTTC8908R $TRADING/inquire-daily-ccld "${power[@]}" >"$DIR/p"
	[ "$(jq -r '.msg_cd+.output.nrcvb_buy_qty' "$DIR/p")" = "$(get TTTC8908R $TRADING/inquire-psbl-order "${power[@]}" | jq -r '.msg_cd+.output.nrcvb_buy_qty')" ]
	[ "$(jq -r .output.psbl_qty_calc_unpr "$DIR/p")" = 105000 ]
	[ "$(control '{"do":"dump"}' | jq -c '.counts|[.["inquire-psbl-order"],.["inquire-daily-ccld"]]')" = '[2,null]' ]
	# An order's id is no id of a GET, nor an id of the other environment's; a path that nobody knows stays unknown.
	[ "$(get TTTC0012U $TRADING/inquire-daily-ccld "CANO=$CANO" ACNT_PRDT_CD=01 | jq -r .msg_cd)" = OPSQ0002 ]
	[ "$(get VTTC8908R $TRADING/inquire-daily-ccld "${power[@]}" | jq -r .msg_cd)" = EGW02005 ]
	[ "$(get TTTC8908R $TRADING/nowhere "${power[@]}" -- -o /dev/null -w '%{http_code}')" = 404 ]
	control '{"do":"set","set":"tr_id_decides=no"}' | jq -e .ok
	[ "$(get TTTC8908R $TRADING/inquire-daily-ccld "${power[@]}" | jq -r .msg_cd)" = OPSQ0002 ]
}

@test "orders: accepted, filled, refused, changed; answers as recorded" {
	broker_start --at 10:05:00
	buy TTTC0012U 005930 01 10 0 >"$DIR/o1"
	golden order_cash_success_real_sor.json missing=SOR_ODNO <"$DIR/o1"
	[ "$(jq -r .msg_cd "$DIR/o1")" = APBK0013 ]
	[ "$(jq -r '.output.ODNO|length' "$DIR/o1")" = 10 ]
	balance TTTC8434R >"$DIR/b"
	[ "$(jq -r '.output1[0].pdno' "$DIR/b")" = 005930 ]
	[ "$(jq -r '.output1[0].hldg_qty' "$DIR/b")" = 10 ]
	golden balance_paper.json empty=grta_rt_name free=msg_cd,msg1 <"$DIR/b"
	[ "$(buy TTTC0012U 005930 00 1 70001 | jq -r '.rt_cd+.msg_cd')" = 7APBK0506 ]
	[ "$(buy TTTC0012U 005930 01 100000 0 | jq -r '.rt_cd+.msg_cd')" = 7APBK0952 ]
	[ "$(buy TTTC0012U 005930 99 1 0 | jq -r '.rt_cd+.msg_cd')" = 7APBK0963 ]
	[ "$(buy TTTC0011U 000660 01 1 0 | jq -r '.rt_cd+.msg_cd')" = 7APBK0400 ]
	[ "$(buy TTTC0012U 005930 00 1 70000.0 | jq -r .msg_cd)" = IGW00007 ]
	odno=$(buy TTTC0802U 005930 00 10 70000 | jq -r .output.ODNO)
	open_orders >"$DIR/open"
	golden psbl_rvsecncl_real.json <"$DIR/open"
	[ "$(jq -r '.output[0].odno' "$DIR/open")" = "$odno" ]
	change TTTC0013U "$odno" 01 0 70100 Y >"$DIR/m"
	golden order_rvsecncl_cancel_success_real_sor.json missing=SOR_ODNO <"$DIR/m"
	new=$(jq -r .output.ODNO "$DIR/m")
	[ "$new" != "$odno" ]
	[ "$(change TTTC0013U "$odno" 02 0 0 Y | jq -r '.rt_cd+.msg_cd')" = 7APBK0927 ]
	change TTTC0013U "$new" 02 4 0 N | jq -e '.rt_cd=="0"'
	[ "$(open_orders | jq -r '.output[0].psbl_qty')" = 6 ]
	daily TTTC0081R >"$DIR/d"
	golden daily_ccld_real.json empty=orgn_odno,cncl_yn <"$DIR/d"
	[ "$(jq -r '.output1|length' "$DIR/d")" = 4 ]
	[ "$(jq -r '.output1[0].orgn_odno' "$DIR/d")" = "$new" ]
	[ "$(jq -r '.output1[3].tot_ccld_qty' "$DIR/d")" = 10 ]
	[ "$(jq -r '.output2.tot_ccld_qty' "$DIR/d")" = 10 ]
	[ "$(jq -r .msg_cd "$DIR/d")" = KIOK0460 ]
}

@test "orders outside the hours and on a closed day" {
	broker_start --at 09:10:00 # this day opens at ten, its call at half past nine
	[ "$(buy TTTC0012U 005930 00 1 80000 | jq -r .msg_cd)" = APBK0918 ]
	broker_stop
	broker_start --day 2021-01-01 --at 10:00:00 --market still
	[ "$(buy TTTC0012U 005930 00 1 70000 | jq -r .msg_cd)" = APBK0919 ]
}

@test "buying power counts a market order at the upper limit" {
	broker_start --at 10:05:00
	get TTTC8908R $TRADING/inquire-psbl-order "CANO=$CANO" ACNT_PRDT_CD=01 PDNO=005930 ORD_UNPR= ORD_DVSN=01 CMA_EVLU_AMT_ICLD_YN=N OVRS_ICLD_YN=N >"$DIR/p"
	golden psbl_order_doc_example.json <"$DIR/p"
	[ "$(jq -r .output.psbl_qty_calc_unpr "$DIR/p")" = 105000 ]
	[ "$(jq -r .output.nrcvb_buy_qty "$DIR/p")" = 952 ]
}

@test "pages: cursors, tr_cont, and no row lost or doubled" {
	broker_start --at 10:05:00 --set page_ccld=3 --set rest_per_s=0
	for price in 70000 70100 70200 70300 70400 70500 70600; do buy TTTC0012U 005930 00 1 $price | jq -e '.rt_cd=="0"' >/dev/null; done
	daily TTTC0081R -D "$DIR/head" >"$DIR/p1"
	grep -q '^tr_cont: F' "$DIR/head"
	[ "$(jq -r .msg_cd "$DIR/p1")" = KIOK0500 ]
	NK=$(jq -r .ctx_area_nk100 "$DIR/p1") FK=$(jq -r .ctx_area_fk100 "$DIR/p1")
	daily TTTC0081R -H 'tr_cont: N' -D "$DIR/head" >"$DIR/p2"
	grep -q '^tr_cont: M' "$DIR/head"
	NK=$(jq -r .ctx_area_nk100 "$DIR/p2")
	daily TTTC0081R -H 'tr_cont: N' -D "$DIR/head" >"$DIR/p3"
	grep -q '^tr_cont: D' "$DIR/head"
	[ "$(jq -r .msg_cd "$DIR/p3")" = KIOK0460 ]
	[[ "$(jq -r .ctx_area_nk100 "$DIR/p3")" =~ ^\ {100}$ ]]
	[ "$(jq -r '.output1[].ord_unpr' "$DIR/p1" "$DIR/p2" "$DIR/p3" | tr '\n' ' ')" = "70600 70500 70400 70300 70200 70100 70000 " ]
}

@test "quotations: shapes as recorded, names of parameters in any case" {
	broker_start --at 10:05:00
	get FHKST01010100 $QUOTES/inquire-price fid_cond_mrkt_div_code=J fid_input_iscd=005930 >"$DIR/p"
	golden inquire_price_real.json missing=new_hgpr_lwpr_cls_code <"$DIR/p"
	[ "$(jq -r .output.stck_sdpr "$DIR/p")" = 81000 ]
	[ "$(jq -r .msg_cd "$DIR/p")" = MCA00000 ]
	[ "$(get FHKST01010100 $QUOTES/inquire-price FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=999999 | jq -r '.rt_cd+.output.stck_prpr')" = 00 ]
	get CTCA0903R $QUOTES/chk-holiday BASS_DT=20201230 CTX_AREA_NK= CTX_AREA_FK= >"$DIR/h"
	golden chk_holiday_real_excerpt.json <"$DIR/h"
	[ "$(jq -r '.output|length' "$DIR/h")" = 24 ]
	[ "$(jq -r '[.output[0:6][].opnd_yn]|join("")' "$DIR/h")" = YNNNNY ]
	get FHKST11300006 $QUOTES/intstock-multprice FID_COND_MRKT_DIV_CODE_1=J FID_INPUT_ISCD_1=005930 FID_COND_MRKT_DIV_CODE_2=J FID_INPUT_ISCD_2=000660 >"$DIR/m"
	[ "$(jq -r '[.output[].inter_shrn_iscd]|join(" ")' "$DIR/m")" = "005930 000660" ]
	[ "$(jq -r '.output[0]|length' "$DIR/m")" = 29 ]
	get FHKST03010100 $QUOTES/inquire-daily-itemchartprice FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=005930 FID_INPUT_DATE_1=20200101 \
		FID_INPUT_DATE_2=20210104 FID_PERIOD_DIV_CODE=D FID_ORG_ADJ_PRC=0 >"$DIR/c"
	[ "$(jq -r '.output2|length' "$DIR/c")" = 100 ]
	[ "$(jq -r '.output2[0].stck_bsop_date+.output2[1].stck_bsop_date+.output2[1].stck_clpr' "$DIR/c")" = 202101042020123081000 ]
	get FHPUP02100000 $QUOTES/inquire-index-price FID_COND_MRKT_DIV_CODE=U FID_INPUT_ISCD=0001 | jq -e '.output.bstp_nmix_prpr|test("^[0-9]+\\.[0-9]{2}$")'
}

@test "reservations and rights: empty lists with cursors; rows that control puts there" {
	broker_start --at 08:10:00
	resv() { get CTSC0004R $TRADING/order-resv-ccnl RSVN_ORD_ORD_DT=20210101 RSVN_ORD_END_DT=20210131 RSVN_ORD_SEQ= TMNL_MDIA_KIND_CD=00 \
		"CANO=$CANO" ACNT_PRDT_CD=01 PRCS_DVSN_CD=0 CNCL_YN=Y PDNO= SLL_BUY_DVSN_CD= CTX_AREA_FK200= CTX_AREA_NK200=; }
	[ "$(resv | jq -c .output)" = '[]' ]
	control '{"do":"truth","reservations":[{"seq":39607,"side":"BUY","symbol":"005930","qty":3,"price":80000,"period_end":"2021-01-08"}]}' | jq -e .ok
	resv >"$DIR/r"
	golden order_resv_ccnl_doc_example.json empty=ctac_tlno some_rows <"$DIR/r"
	[ "$(jq -r '.output[0]|.rsvn_ord_seq+.ord_rsvn_qty+.rsvn_end_dt' "$DIR/r")" = 39607320210108 ]
	control '{"do":"truth","rights":[{"symbol":"005930","kind":"SPLIT","from":1,"to":50,"day":"2021-01-04"}]}' | jq -e .ok
	get CTRGA011R $TRADING/period-rights INQR_DVSN=03 CUST_RNCNO25= HMID= "CANO=$CANO" ACNT_PRDT_CD=01 INQR_STRT_DT=20201201 INQR_END_DT=20210131 \
		RGHT_TYPE_CD= PDNO= PRDT_TYPE_CD= CTX_AREA_NK100= CTX_AREA_FK100= | jq -e '.output[0].rght_type_cd=="14" and .output[0].shtn_pdno=="005930"'
}

@test "paper: its codes, its refusals, its branch" {
	broker_start --env paper --at 10:05:00 --set rest_per_s=0
	buy VTTC0012U 005930 01 1 0 >"$DIR/o"
	golden order_cash_buy_success_paper.json <"$DIR/o"
	[ "$(jq -r '.msg_cd+.output.KRX_FWDG_ORD_ORGNO' "$DIR/o")" = 4060000000950 ]
	[ "$(buy VTTC0011U 000660 01 1 0 | jq -r '.rt_cd+.msg_cd')" = 140240000 ]
	buy VTTC0011U 000660 01 1 0 | golden order_cash_reject_paper_no_holding.json
	[ "$(buy VTTC0012U 005930 00 1 70001 | jq -r .msg_cd)" = 40030000 ]
	[ "$(buy VTTC0012U 999999 01 1 0 | jq -r .msg_cd)" = 40070000 ]
	[ "$(open_orders | jq -r .msg_cd)" = EGW02006 ]
	[ "$(get VTTC8036R $TRADING/inquire-psbl-rvsecncl "CANO=$CANO" ACNT_PRDT_CD=01 | jq -r .msg_cd)" = 90000000 ]
	[ "$(get CTCA0903R $QUOTES/chk-holiday BASS_DT=20201230 | jq -r .msg_cd)" = EGW02006 ]
	EXCG=KRX daily VTTC0081R >"$DIR/d"
	[ "$(jq -r '.output1[0]|.orgn_odno+.cncl_yn' "$DIR/d")" = 0000000000N ]
	[ "$(jq -r .msg_cd "$DIR/d")" = 20310000 ]
	EXCG=KRX daily VTTC8001R >"$DIR/d"
	[ "$(jq -r '(.output1|length|tostring)+.output2.tot_ccld_qty+.msg_cd' "$DIR/d")" = 0170070000 ]
	balance VTTC8434R | golden balance_paper.json
}

@test "bad clients are survived" {
	broker_start
	port=${REST##*:}
	printf garbage >"/dev/tcp/127.0.0.1/$port"
	[ "$(call "$REST/oauth2/tokenP" -X POST -d 'not json' | jq -r .msg_cd)" = OPSQ9997 ]
	[ "$(call "$REST/oauth2/tokenP" -X DELETE -o /dev/null -w '%{http_code}')" = 405 ]
	head -c 2000000 /dev/zero | tr '\0' 'x' >"$DIR/big"
	[ "$(call "$REST/oauth2/tokenP" -X POST --data-binary @"$DIR/big" -H 'Expect:' -o /dev/null -w '%{http_code}' || true)" = 413 ]
	[ "$(call "$REST/x" -H "a: $(head -c 60000 /dev/zero | tr '\0' y)" -o /dev/null -w '%{http_code}')" = 431 ]
	[ "$(call "$REST/x?a=%zz" -o /dev/null -w '%{http_code}')" = 400 ]
	post TTTC0012U $TRADING/order-cash '{"CANO":5}' | jq -e '.msg_cd=="OPSQ2000"'
	balance TTTC8434R | jq -e '.rt_cd=="0"'
}

# raw TEXT... : the texts go out over one TLS connection, half a second apart; prints what comes back
raw() {
	/usr/bin/python3 - "${REST##*:}" "$CA" "$@" <<'PY'
import socket, ssl, sys, time
s = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=3), server_hostname="127.0.0.1")
for text in sys.argv[3:]:
    s.sendall(text.encode().decode("unicode_escape").encode())
    time.sleep(0.3)
try:
    while got := s.recv(65536):
        sys.stdout.write(got.decode("utf-8", "replace"))
except TimeoutError:
    pass
PY
}

@test "a body in chunks is read like any other, under the same cap" {
	broker_start --at 10:05:00 --set rest_per_s=0
	buy TTTC0012U 005930 00 3 70000 -H 'Transfer-Encoding: chunked' | jq -e '.msg_cd=="APBK0013"'
	[ "$(open_orders | jq -r '.output[0].ord_qty')" = 3 ]
	head -c 2000000 /dev/zero | tr '\0' 'x' >"$DIR/big"
	[ "$(call "$REST/oauth2/tokenP" -X POST --data-binary @"$DIR/big" -H 'Transfer-Encoding: chunked' -H 'Expect:' -o /dev/null -w '%{http_code}' || true)" = 413 ]
	local head='POST /oauth2/Approval HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n' last='GET /x HTTP/1.1\r\nConnection: close\r\n\r\n'
	# pieces that end anywhere, an extension, a field behind the body, and the next request on the same connection
	raw "${head}Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\n{\"\r\nB\r" "\ngrant_type\"\r\n6\r\n" ":\"x\"}\n\r\n0\r\nSum: 1\r\n" "\r\n$last" >"$DIR/o"
	grep -q EGW00116 "$DIR/o" # its grant_type was read
	[ "$(grep -oE 'HTTP/1.1 [0-9]+' "$DIR/o" | tail -n 1)" = 'HTTP/1.1 404' ]
	for bad in 'xyz\r\n' '-1\r\n' '2\r\n{}}}\r\n' ' \r\n'; do
		raw "${head}Transfer-Encoding: chunked\r\n\r\n$bad" >"$DIR/o"
		grep -q '^HTTP/1.1 400' "$DIR/o" || { echo "$bad: $(cat "$DIR/o")"; false; }
	done
	raw "${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n" | grep -q '^HTTP/1.1 413'
	raw "${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" | grep -q '^HTTP/1.1 501'
	raw "${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" | grep -q '^HTTP/1.1 400'
}

@test "control: cash, dump, settings, unknown commands" {
	broker_start --at 10:05:00
	control '{"do":"cash","cash":123456}' | jq -e .ok
	[ "$(balance TTTC8434R | jq -r '.output2[0].dnca_tot_amt')" = 123456 ]
	control '{"do":"dump"}' >"$DIR/dump"
	[ "$(jq -r '.counts["inquire-balance"]' "$DIR/dump")" = 1 ]
	jq -e '.requests[0].endpoint=="tokenP" and .ledger.accounts[0].number=="50123456-01"' "$DIR/dump"
	run ! grep -q "$SECRET" "$DIR/dump"
	run ! grep -q "$TOKEN" "$DIR/dump"
	control '{"do":"set","set":"reject_status=500"}' | jq -e .ok
	[ "$(buy TTTC0012U 005930 99 1 0 -o /dev/null -w '%{http_code}')" = 500 ]
	control '{"do":"fly"}' | jq -e '.ok==false and (.error|test("fly"))'
	control 'rubbish' | jq -e '.ok==false'
	control '{"do":"stop"}' | jq -e .ok
	wait "$BROKER_PID"
	BROKER_PID=
}

@test "control: the calendar that is told, and the days that begin later" {
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0 --set token_life_s=864000 --market still
	opens() { get CTCA0903R $QUOTES/chk-holiday BASS_DT=20210104 CTX_AREA_NK= CTX_AREA_FK= | jq -r '[.output[0:6][].opnd_yn]|join("")'; }
	[ "$(opens)" = YYYYYN ]
	control '{"do":"truth","calendar":{"2021-01-05":"closed","2021-01-09":"open"}}' | jq -e .ok
	[ "$(opens)" = YNYYYY ]
	control '{"do":"clock","step":"2021-01-05 10:05:00"}' | jq -e .ok
	[ "$(control '{"do":"now"}' | jq -r .phase)" = closed ]
	[ "$(buy TTTC0012U 005930 00 1 70000 | jq -r .msg_cd)" = APBK0919 ]
	control '{"do":"truth","calendar":{}}' | jq -e .ok # replaces
	[ "$(opens)" = YYYYYN ]
	control '{"do":"clock","step":"2021-01-06 10:05:00"}' | jq -e .ok
	[ "$(control '{"do":"now"}' | jq -r .phase)" = continuous ]
	control '{"do":"truth","calendar":{"2021-01-05":"perhaps"}}' | jq -e '.ok==false and (.error|test("calendar"))'
}

@test "control: what the next orders take" {
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0 --market still
	control '{"do":"truth","next":[{"odno":"777","filled":2,"amount":123456,"visible_after":5},{"odno":"778"}]}' | jq -e .ok
	row() { daily TTTC0081R | jq -r --arg o "$1" '.output1[]|select(.odno==$o)|"\(.ord_qty) \(.tot_ccld_qty) \(.tot_ccld_amt) \(.rmn_qty)"'; }
	[ "$(buy TTTC0012U 005930 00 5 60000 | jq -r .output.ODNO)" = 0000000777 ]
	[ "$(row 0000000777)" = '' ]
	[ "$(balance TTTC8434R | jq -r '.output1|length')" = 0 ]
	[ "$(buy TTTC0012U 005930 00 5 60000 | jq -r .output.ODNO)" = 0000000778 ]
	[ "$(row 0000000778 | cut -d' ' -f1,2,4)" = '5 0 5' ]
	[ "$(buy TTTC0012U 005930 01 1 0 | jq -r .output.ODNO)" = 0000004126 ] # nothing is said of it
	[ "$(row 0000004126 | cut -d' ' -f1,2,4)" = '1 1 0' ]
	control '{"do":"clock","step":"10:05:05"}' | jq -e .ok
	[ "$(row 0000000777)" = '5 2 123456 3' ]
	[ "$(balance TTTC8434R | jq -r '.output1[0].hldg_qty')" = 3 ]
}

@test "state is kept over a restart" {
	broker_start --at 10:05:00 --state "$BATS_TEST_TMPDIR/state.json"
	buy TTTC0012U 005930 01 7 0 | jq -e '.rt_cd=="0"'
	broker_stop
	[ -s "$BATS_TEST_TMPDIR/state.json" ]
	broker_start --at 10:06:00 --state "$BATS_TEST_TMPDIR/state.json"
	[ "$(balance TTTC8434R | jq -r '.output1[0].hldg_qty')" = 7 ]
	[ "$(daily TTTC0081R | jq -r '.output1|length')" = 1 ]
}
