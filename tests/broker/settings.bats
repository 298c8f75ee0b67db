#!/usr/bin/env bats
# Every switch of the REST side, turned: what it changes is seen on the wire.
# shellcheck disable=SC1091,SC2030,SC2031,SC2034,SC2086,SC2119,SC2120 # lib.bash is found at run time, its functions read NK, FK and EXCG
bats_require_minimum_version 1.5.0

setup() { . "$BATS_TEST_DIRNAME/lib.bash"; }
teardown() { broker_stop; }

turn() { control "{\"do\":\"set\",\"set\":\"$1\"}" | jq -e .ok >/dev/null; }
step() { control "{\"do\":\"clock\",\"step\":\"$1\"}" | jq -e .ok >/dev/null && sleep 0.3; }
status_of() { "$@" -o /dev/null -w '%{http_code}'; }
price() { get FHKST01010100 $QUOTES/inquire-price FID_COND_MRKT_DIV_CODE=J "FID_INPUT_ISCD=${1:-005930}" -- "${@:2}"; }
keys() { jq -r "$1|keys_unsorted|join(\" \")"; }

@test "limits: window, scope, early refusals, status, the extra key" {
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=2 --set rest_window=calendar
	step "2021-01-04 10:05:00.900000"
	price | jq -e '.rt_cd=="0"'
	price | jq -e '.rt_cd=="0"'
	[ "$(price | jq -r .msg_cd)" = EGW00201 ]
	turn limit_status=200
	[ "$(status_of price 005930)" = 200 ]
	turn gateway_message=0
	[ "$(price | keys .)" = 'rt_cd msg1 msg_cd' ]
	step "2021-01-04 10:05:01.100000" # a new second of the calendar, though only 0.2 s later
	price | jq -e '.rt_cd=="0"'
	turn rest_window=sliding
	[ "$(price | jq -r .msg_cd)" = EGW00201 ]
	turn rest_per_s=0
	turn early_refusal_ppm=1000000
	[ "$(price | jq -r .msg_cd)" = EGW00201 ]
}

# as N : from now on the calls are those of the N-th app key
as() {
	KEY=$(jq -r ".accounts[$1].appkey" "$DIR/ready") SECRET=$(jq -r ".accounts[$1].appsecret" "$DIR/ready")
	TOKEN=${TOKENS[$1]:-$(token | jq -r .access_token)}
	TOKENS[$1]=$TOKEN
}

@test "limits: per app key, or per account" {
	# Two keys of one account, and one of another, whose calls never count for them.
	printf '[{"account":"50123456-01"},{"account":"50123456-01"},{"account":"50999999-01"}]' >"$BATS_TEST_TMPDIR/keys.json"
	for scope in account appkey; do
		local TOKENS second
		[ $scope = account ] && second=EGW00201 || second=MCA00000
		broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=1 --set rest_scope=$scope --accounts "$BATS_TEST_TMPDIR/keys.json"
		TOKENS=("$TOKEN")
		[ "$(price | jq -r .msg_cd)" = MCA00000 ]
		[ "$(price | jq -r .msg_cd)" = EGW00201 ]
		as 1
		[ "$(price | jq -r .msg_cd)" = $second ]
		as 2
		[ "$(price | jq -r .msg_cd)" = MCA00000 ]
		step 10:05:02
		as 1
		[ "$(price | jq -r .msg_cd)" = MCA00000 ]
		as 0
		[ "$(price | jq -r .msg_cd)" = $second ]
		broker_stop
	done
}

@test "two app keys of one account share its ledger" {
	printf '[{"account":"50123456-01","cash":5000000,"htsid":"owner"},{"account":"50123456-01"}]' >"$BATS_TEST_TMPDIR/keys.json"
	broker_start --at 10:05:00 --set rest_per_s=0 --accounts "$BATS_TEST_TMPDIR/keys.json"
	[ "$(jq -c '[.accounts[]|.account+" "+.htsid]|unique' "$DIR/ready")" = '["50123456-01 owner"]' ]
	[ "$(jq -r '[.accounts[].appkey]|unique|length' "$DIR/ready")" = 2 ]
	local TOKENS=("$TOKEN") odno
	odno=$(buy TTTC0012U 005930 00 3 70000 | jq -r .output.ODNO)
	buy TTTC0012U 000660 01 2 0 | jq -e '.rt_cd=="0"'
	as 1
	[ "$(open_orders | jq -r '.output[0].odno')" = "$odno" ]
	[ "$(balance TTTC8434R | jq -r '.output1[0]|.pdno+" "+.hldg_qty')" = '000660 2' ]
	change TTTC0013U "$odno" 02 0 0 Y | jq -e '.rt_cd=="0"'
	as 0
	[ "$(open_orders | jq -r '.output|length')" = 0 ]
	[ "$(control '{"do":"dump"}' | jq -c '.ledger.accounts|length')" = 1 ]
	broker_stop
	local bad
	for bad in '"cash":1' '"holdings":[]' '"commission_ppm":1'; do
		printf '[{"account":"50123456-01"},{"account":"50123456-01",%s}]' "$bad" >"$BATS_TEST_TMPDIR/keys.json"
		run ! timeout 10 "$BROKER" --day 2021-01-04 --ca-out "$CA" --accounts "$BATS_TEST_TMPDIR/keys.json"
		[[ "$output" == *5012345* ]]
	done
	printf '[{"account":"50123456-01","appkey":"%036d"},{"account":"50999999-01","appkey":"%036d"}]' 1 1 >"$BATS_TEST_TMPDIR/keys.json"
	run ! timeout 10 "$BROKER" --day 2021-01-04 --ca-out "$CA" --accounts "$BATS_TEST_TMPDIR/keys.json"
	[[ "$output" == *"app key"* ]]
}

@test "headers: custtype, content type, names of parameters, names of answers" {
	broker_start --at 10:05:00 --set rest_per_s=0 --set custtype_required=1
	price | jq -e '.rt_cd=="0"'
	[ "$(call -G "$REST$QUOTES/inquire-price" -H "authorization: Bearer $TOKEN" -H "appkey: $KEY" -H "appsecret: $SECRET" -H 'tr_id: FHKST01010100' | jq -r .msg_cd)" = EGW00208 ]
	turn content_type_required=1
	[ "$(post TTTC0012U $TRADING/order-cash '{}' -H 'content-type: text/plain' | jq -r .msg_cd)" != '' ]
	[ "$(call -G "$REST$QUOTES/inquire-price" -H "authorization: Bearer $TOKEN" -H "appkey: $KEY" -H "appsecret: $SECRET" -H 'tr_id: FHKST01010100' -H 'custtype: P' | jq -r .msg_cd)" = EGW00132 ]
	get FHKST01010100 $QUOTES/inquire-price fid_cond_mrkt_div_code=J fid_input_iscd=005930 | jq -e '.rt_cd=="0"'
	turn case_insensitive=0
	get FHKST01010100 $QUOTES/inquire-price fid_cond_mrkt_div_code=J fid_input_iscd=005930 | jq -e '.msg_cd=="OPSQ2001"'
	turn header_capitals=1
	price 005930 -D "$DIR/head" >/dev/null
	grep -q '^Tr_cont: ' "$DIR/head"
	run ! grep -q '^tr_cont: ' "$DIR/head"
}

@test "tokens: wait, body, sameness, the old one, expiry code, status, whose clock" {
	NO_TOKEN=1 broker_start --at 08:00:00 --clock virtual,still --set token_wait_s=100 --set token_same_s=0 --set token_wait_body=0 --set token_old_dies=1 --set token_life_s=3600
	local first second
	first=$(token | jq -r .access_token)
	step 08:01:39
	[ "$(token -w '%{http_code}')" = 403 ]
	step 08:01:41
	second=$(token | jq -r .access_token)
	[ "$first" != "$second" ]
	TOKEN=$first
	[ "$(price | jq -r .msg_cd)" = EGW00121 ]
	turn token_status=200
	[ "$(status_of price 005930)" = 200 ]
	TOKEN=$second
	price | jq -e '.rt_cd=="0"'
	step 09:10:00
	[ "$(price | jq -r .msg_cd)" = EGW00123 ]
	turn expiry_code=121
	[ "$(price | jq -r .msg_cd)" = EGW00121 ]
	[ "$(token | jq -r .access_token_token_expired)" = '2021-01-04 10:10:00' ]
	step 09:20:00
	turn token_expiry_clock=host
	[ "$(token | jq -r '.access_token_token_expired[0:13]')" = "$(TZ=Asia/Seoul date -d '+1 hour' '+%Y-%m-%d %H')" ]
	broker_stop
	NO_TOKEN=1 broker_start --at 08:00:00 --clock real
	[ "$(token | jq -r '.access_token_token_expired[0:10]')" = "$(TZ=Asia/Seoul date -d '+1 day' '+%Y-%m-%d')" ]
}

@test "a client on the host's clock asks for its today and gets the day that is played" {
	broker_start --at 10:05:00 --clock real --set rest_per_s=0
	local today yesterday
	today=$(TZ=Asia/Seoul date +%Y%m%d) yesterday=$(TZ=Asia/Seoul date -d yesterday +%Y%m%d)
	buy TTTC0012U 005930 00 3 70000 | jq -e '.rt_cd=="0"'
	control '{"do":"truth","orders":[{"odno":"9","side":"BUY","symbol":"005930","qty":5,"price":70000,"time":"2021-01-05 10:00:00"}]}' | jq -e .ok
	rows() { # rows FROM TO: their quantities
		get TTTC0081R $TRADING/inquire-daily-ccld "CANO=$CANO" ACNT_PRDT_CD=01 INQR_STRT_DT="$1" INQR_END_DT="$2" SLL_BUY_DVSN_CD=00 INQR_DVSN=00 PDNO= \
			CCLD_DVSN=00 ORD_GNO_BRNO= ODNO= INQR_DVSN_3=00 INQR_DVSN_1= EXCG_ID_DVSN_CD=ALL CTX_AREA_FK100= CTX_AREA_NK100= | jq -r '[.output1[].ord_qty]|join(" ")'
	}
	[ "$(rows "$today" "$today")" = 3 ]
	[ "$(rows "$yesterday" "$today")" = 3 ]
	[ "$(rows "$yesterday" "$yesterday")" = '' ]
	[ "$(rows 20210104 20210104)" = 3 ]
	[ "$(rows 20210105 20210105)" = 5 ]
	[ "$(rows 20210105 "$today")" = '5 3' ]
	broker_stop
	broker_start --at 10:05:00 --clock virtual,1 --clock-file "$BATS_TEST_TMPDIR/clock" --set rest_per_s=0 # clients of this clock know the day
	buy TTTC0012U 005930 00 3 70000 | jq -e '.rt_cd=="0"'
	[ "$(rows "$today" "$today")" = '' ]
}

@test "paper: how it refuses, and that it is away at weekends" {
	broker_start --env paper --at 10:05:00 --set rest_per_s=0 --set paper_refusal=OPSQ0002
	[ "$(open_orders | jq -r .msg_cd)" = OPSQ0002 ]
	turn paper_refusal=90000000
	[ "$(open_orders | jq -r '.rt_cd+.msg_cd')" = 190000000 ]
	turn paper_refusal=EGW02006
	[ "$(get VTTC8408R $TRADING/inquire-psbl-sell PDNO=005930 | jq -r .msg_cd)" = EGW02006 ]
	turn paper_modify_code=40620001
	[ "$(change VTTC0013U "$(buy VTTC0012U 005930 00 1 70000 | jq -r .output.ODNO)" 01 0 70100 Y | jq -r .msg_cd)" = 40620001 ]
	broker_stop
	NO_TOKEN=1 broker_start --env paper --day 2021-01-03 --at 10:05:00 --market still --set paper_weekend=1
	run token
	[ "$status" -eq 56 ] || [ "$status" -eq 35 ]
	broker_stop
	broker_start --env paper --at 08:00:00 --set paper_early_code=40570001
	[ "$(buy VTTC0012U 005930 00 1 70000 | jq -r .msg_cd)" = 40570001 ]
	broker_stop
	printf '[{"account":"50123456-01","env":"real"}]' >"$DIR/real.json"
	broker_start --env paper --at 10:05:00 --accounts "$DIR/real.json" --set foreign_key_code=2006
	[ "$(balance VTTC8434R | jq -r .msg_cd)" = EGW02006 ]
}

@test "order answers: case of their keys, SOR_ODNO, branch asked for" {
	broker_start --at 10:05:00 --set rest_per_s=0 --set rvse_lower_case=1 --set sor_odno_always=1
	local odno
	buy TTTC0012U 005930 00 5 70000 >"$DIR/o"
	[ "$(keys .output <"$DIR/o")" = 'KRX_FWDG_ORD_ORGNO ODNO ORD_TMD SOR_ODNO' ]
	odno=$(jq -r .output.ODNO "$DIR/o")
	[ "$(change TTTC0013U "$odno" 02 1 0 N | keys .output)" = 'krx_fwdg_ord_orgno odno ord_tmd sor_odno' ]
	turn sor_odno_always=0
	[ "$(buy TTTC0012U 005930 00 5 70000 | keys .output)" = 'KRX_FWDG_ORD_ORGNO ODNO ORD_TMD' ]
	[ "$(order TTTC0012U 005930 00 5 70000 SOR | keys .output)" = 'KRX_FWDG_ORD_ORGNO ODNO ORD_TMD SOR_ODNO' ]
	turn orgno_required=1
	[ "$(change TTTC0013U "$odno" 02 1 0 N | jq -r .msg1)" = 'ERROR : INPUT_FIELD_NAME KRX_FWDG_ORD_ORGNO' ]
	broker_stop
	broker_start --at 10:05:00 --set branch_checked=0 --set odno_start=7000 --set odno_step=7
	odno=$(buy TTTC0012U 005930 00 5 70000 | jq -r .output.ODNO)
	[ "$odno" = 0000007000 ]
	post TTTC0013U $TRADING/order-rvsecncl "{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"KRX_FWDG_ORD_ORGNO\":\"00001\",\"ORGN_ODNO\":\"$odno\",\"ORD_DVSN\":\"00\",\"RVSE_CNCL_DVSN_CD\":\"02\",\"ORD_QTY\":\"0\",\"ORD_UNPR\":\"0\",\"QTY_ALL_ORD_YN\":\"Y\"}" |
		jq -e '.rt_cd=="0" and .output.ODNO=="0000007007"'
}

@test "SOR orders: numbers are multiples of 100, they live until 20:00, KRX orders until the close" {
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0
	local krx sor other
	krx=$(buy TTTC0012U 005930 00 1 70000 | jq -r .output.ODNO)
	sor=$(order TTTC0012U 005930 00 2 70000 SOR | jq -r .output.ODNO)
	other=$(order TTTC0012U 005930 00 3 70000 SOR | jq -r .output.ODNO)
	[ "$krx $sor $other" = '0000004126 0000004200 0000004300' ]
	step 16:31:00
	[ "$(daily TTTC0081R | jq -r '[.output1[]|.rmn_qty+"/"+.rjct_qty]|join(" ")')" = '3/0 2/0 0/1' ]
	[ "$(change TTTC0013U "$krx" 02 0 0 Y | jq -r .msg_cd)" = APBK0918 ]
	change TTTC0013U "$sor" 02 0 0 Y SOR | jq -e '.rt_cd=="0"'
	[ "$(buy TTTC0012U 005930 00 1 70000 | jq -r .msg_cd)" = APBK0918 ]
	step 20:00:00
	[ "$(daily TTTC0081R | jq -r ".output1[]|select(.odno==\"$other\")|.rmn_qty+\"/\"+.rjct_qty")" = 0/3 ]
	broker_stop
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0 --set odno_sor_step=1 --set sor_end=1530
	[ "$(order TTTC0012U 005930 00 2 70000 SOR | jq -r .output.ODNO)" = 0000004126 ]
	step 16:31:00
	[ "$(daily TTTC0081R | jq -r '.output1[0].rjct_qty')" = 2 ]
}

@test "daily list: portal spelling, empty lists, plain original number, costs, lag" {
	broker_start --at 10:05:00 --set rest_per_s=0 --set portal_spelling=1 --set plain_orgn_odno=zeros
	buy TTTC0012U 005930 01 5 0 | jq -e '.rt_cd=="0"'
	buy TTTC0011U 005930 01 1 0 | jq -e '.rt_cd=="0"'
	daily TTTC0081R >"$DIR/d"
	jq -e '.output1[0]|has("cnc_cfrm_qty") and has("excg_id_dvsn_Cd") and (has("cncl_cfrm_qty")|not)' "$DIR/d"
	jq -e '.output1[0]|.orgn_odno=="0000000000" and .cncl_yn=="N"' "$DIR/d"
	[ "$(jq -r '.output2.prsm_tlex_smtl|tonumber>0' "$DIR/d")" = true ]
	turn prsm_tlex_zero=1
	[ "$(daily TTTC0081R | jq -r .output2.prsm_tlex_smtl)" = 0 ]
	turn ccld_new_empty=1
	[ "$(daily TTTC0081R | jq -c '[.output1,.output2.tot_ord_qty]')" = '[[],"6"]' ]
	[ "$(daily TTTC8001R | jq -r '.output1|length')" = 2 ]
	turn ccld_old_empty=1
	[ "$(daily TTTC8001R | jq -r '.output1|length')" = 0 ]
	broker_stop
	broker_start --at 10:05:00 --clock virtual,still --set rest_per_s=0 --set lag_daily_ms=2000 --set lag_open_ms=3000 --set lag_balance_ms=4000 --set fill=cross
	buy TTTC0012U 005930 01 5 0 | jq -e '.rt_cd=="0"'
	buy TTTC0012U 005930 00 1 60000 | jq -e '.rt_cd=="0"'
	[ "$(daily TTTC0081R | jq -r '.output1|length') $(open_orders | jq -r '.output|length') $(balance TTTC8434R | jq -r '.output1|length')" = '0 0 0' ]
	step 10:05:02
	[ "$(daily TTTC0081R | jq -r '.output1|length') $(open_orders | jq -r '.output|length') $(balance TTTC8434R | jq -r '.output1|length')" = '2 0 0' ]
	step 10:05:03
	[ "$(open_orders | jq -r '.output|length') $(balance TTTC8434R | jq -r '.output1|length')" = '1 0' ]
	step 10:05:04
	[ "$(balance TTTC8434R | jq -r '.output1[0].hldg_qty')" = 5 ]
}

@test "containers: lists as objects, capitals, output1" {
	broker_start --at 15:00:00 --set rest_per_s=0 --set psbl_sell_output1=1 --set capital_output=1 --set holiday_object=1 --set realised_object=1 --set real_rates_filled=1
	buy TTTC0012U 005930 01 5 0 | jq -e '.rt_cd=="0"'
	get TTTC8408R $TRADING/inquire-psbl-sell "CANO=$CANO" ACNT_PRDT_CD=01 PDNO=005930 | jq -e '.output1.cblc_qty=="5" and (has("output")|not)'
	get CTRP6548R $TRADING/inquire-account-balance "CANO=$CANO" ACNT_PRDT_CD=01 INQR_DVSN_1= BSPR_BF_DT_APLY_YN= | jq -e '(.Output1|length)==20 and .Output2.dncl_amt=="100000000"'
	get FHPST01710000 $QUOTES/volume-rank FID_COND_MRKT_DIV_CODE=J FID_COND_SCR_DIV_CODE=20171 FID_BLNG_CLS_CODE=3 | jq -e '.Output[0].data_rank=="1"'
	get CTCA0903R $QUOTES/chk-holiday BASS_DT=20201231 | jq -e '.output.opnd_yn=="N"'
	get TTTC8494R $TRADING/inquire-balance-rlz-pl "CANO=$CANO" ACNT_PRDT_CD=01 AFHR_FLPR_YN=N OFL_YN= INQR_DVSN=00 UNPR_DVSN=01 FUND_STTL_ICLD_YN=N \
		FNCG_AMT_AUTO_RDPT_YN=N PRCS_DVSN=01 COST_ICLD_YN=N CTX_AREA_FK100= CTX_AREA_NK100= | jq -e '.output2.rlzt_pfls=="0"'
	balance TTTC8434R | jq -e '(.output1[0].evlu_erng_rt|tonumber)!=0'
	turn real_rates_filled=0
	balance TTTC8434R | jq -e '.output1[0].evlu_erng_rt=="0.00000000"'
}

@test "quotations: unknown codes, filler rows, padded search results, two pages of schedules" {
	broker_start --at 10:05:00 --set rest_per_s=0
	[ "$(price 999999 | jq -r '.rt_cd+.output.stck_prpr')" = 00 ]
	turn unknown_price_refused=1
	[ "$(price 999999 | jq -r .rt_cd)" = 1 ]
	multi() { get FHKST11300006 $QUOTES/intstock-multprice FID_COND_MRKT_DIV_CODE_1=J FID_INPUT_ISCD_1=999999 FID_COND_MRKT_DIV_CODE_2=J FID_INPUT_ISCD_2=005930; }
	[ "$(multi | jq -r '[.output[]|.inter_shrn_iscd+"/"+.inter2_prdy_clpr]|join(" ")')" = '999999/ 005930/81000' ]
	turn multprice_unknown_row=0
	[ "$(multi | jq -r '[.output[].inter_shrn_iscd]|join(" ")')" = 005930 ]
	chart() { get FHKST03010100 $QUOTES/inquire-daily-itemchartprice FID_COND_MRKT_DIV_CODE=J FID_INPUT_ISCD=005930 FID_INPUT_DATE_1=20201228 FID_INPUT_DATE_2=20201230 FID_PERIOD_DIV_CODE=D FID_ORG_ADJ_PRC=0; }
	[ "$(chart | jq -c '.output2|[length,.[-1]=={}]')" = '[3,false]' ]
	turn chart_filler=1
	[ "$(chart | jq -c '.output2|[length,.[-1]=={}]')" = '[4,true]' ]
	found() { get HHKST03900400 $QUOTES/psearch-result "user_id=$HTSID" seq=0; }
	found | jq -e '.output2[0].price|test("^[1-9][0-9]*$")'
	turn psearch_padded=1
	found | jq -e '.output2[]|[.price,.change,.chgrate,.cttr]|all(test("^-?[0-9]+\\.[0-9]{3}$") and length==16)'
	[ "$(get HHKST03900400 $QUOTES/psearch-result "user_id=$HTSID" seq=2 | jq -r '.rt_cd+.msg_cd')" = 1MCA05918 ]
	splits() { get HHKDB669105C0 /uapi/domestic-stock/v1/ksdinfo/rev-split CTS= F_DT=20210101 T_DT=20210131 SHT_CD= MARKET_GB=0 -- -o /dev/null -D - "$@" | tr -d '\r' | sed -n 's/^tr_cont: //p'; }
	[ "$(splits)" = E ]
	turn ksd_two_pages=1
	[ "$(splits) $(splits -H 'tr_cont: N')" = 'M E' ]
}

@test "sold-out rows leave at once; fees per account; pages of every list" {
	broker_start --at 10:05:00 --set rest_per_s=0 --set drop_zero_rows=1 --set page_open=1 --set page_rights=1
	buy TTTC0012U 005930 01 2 0 | jq -e '.rt_cd=="0"'
	buy TTTC0011U 005930 01 2 0 | jq -e '.rt_cd=="0"'
	[ "$(balance TTTC8434R | jq -r '.output1|length')" = 0 ]
	for p in 60000 60100; do buy TTTC0012U 005930 00 1 $p | jq -e '.rt_cd=="0"'; done
	open_orders -D "$DIR/head" | jq -e '(.output|length)==1 and .msg_cd=="KIOK0500"'
	grep -q '^tr_cont: F' "$DIR/head"
	control '{"do":"truth","rights":[{"symbol":"005930","kind":"SPLIT","from":1,"to":50,"day":"2021-01-12"},{"symbol":"000660","kind":"BONUS","from":10,"to":11,"day":"2021-01-13"}]}' | jq -e .ok
	get CTRGA011R $TRADING/period-rights INQR_DVSN=03 CUST_RNCNO25= HMID= "CANO=$CANO" ACNT_PRDT_CD=01 INQR_STRT_DT=20210101 INQR_END_DT=20210131 \
		RGHT_TYPE_CD= PDNO= PRDT_TYPE_CD= CTX_AREA_NK100= CTX_AREA_FK100= | jq -e '(.output|length)==1 and .msg_cd=="KIOK0500"'
	broker_stop
	# Cut to 10 won once a day, not once a symbol: the second account's sum is the larger.
	local fees=()
	for rule in 0 1; do
		broker_start --at 10:05:00 --set rest_per_s=0 --set fee_per_account=$rule
		for code in 005930 000660 051910; do buy TTTC0012U $code 01 1 0 | jq -e '.rt_cd=="0"'; done
		fees+=("$(balance TTTC8434R | jq -r '.output2[0].thdt_tlex_amt')")
		broker_stop
	done
	[ "${fees[0]}" -lt "${fees[1]}" ]
}
