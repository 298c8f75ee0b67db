# Helpers of the simulator's own tests: start and stop one, call it with curl as a client of the broker would.
# shellcheck shell=bash
TOP="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
BROKER="${BROKER:-$TOP/bin/broker}"
TRADING=/uapi/domestic-stock/v1/trading
QUOTES=/uapi/domestic-stock/v1/quotations
export QUOTES

# broker_start OPTION... : runs one in $DIR; sets REST WS KEY SECRET HTSID CA SOCKET and, unless NO_TOKEN is set, TOKEN.
broker_start() {
	DIR="${BATS_TEST_TMPDIR:-$(mktemp -d)}"
	CA="$DIR/ca.pem" SOCKET="$DIR/c.sock"
	rm -f "$DIR/ready" # the line of one before would be taken for this one's
	"$BROKER" --data "$TOP/tests/data" --calendar "$TOP/ops/data" --day 2021-01-04 --ca-out "$CA" --control "$SOCKET" \
		"$@" >"$DIR/ready" 2>"$DIR/err" 3>&- &
	BROKER_PID=$!
	for _ in $(seq 200); do
		[ -s "$DIR/ready" ] && break
		kill -0 "$BROKER_PID" 2>/dev/null || { cat "$DIR/err"; return 1; }
		sleep 0.05
	done
	REST=$(jq -r .rest "$DIR/ready") WS=$(jq -r .ws "$DIR/ready")
	KEY=$(jq -r '.accounts[0].appkey' "$DIR/ready") SECRET=$(jq -r '.accounts[0].appsecret' "$DIR/ready")
	HTSID=$(jq -r '.accounts[0].htsid' "$DIR/ready")
	CANO=$(jq -r '.accounts[0].account[0:8]' "$DIR/ready")
	export REST WS KEY SECRET HTSID CA SOCKET CANO
	[ -n "${NO_TOKEN:-}" ] || TOKEN=$(token -s | jq -r .access_token)
}

# Ends it and fails when it did not end well (a sanitizer's report, a crash).
broker_stop() {
	[ -n "${BROKER_PID:-}" ] || return 0
	kill -TERM "$BROKER_PID" 2>/dev/null || true
	local status=0
	wait "$BROKER_PID" || status=$?
	BROKER_PID=
	[ "$status" -eq 0 ] || { echo "broker ended with $status"; cat "$DIR/err"; return 1; }
}

call() { curl -sS --max-time 20 --cacert "$CA" "$@"; }

token() {
	call -X POST "$REST/oauth2/tokenP" -H 'content-type: application/json' \
		-d "{\"grant_type\":\"client_credentials\",\"appkey\":\"$KEY\",\"appsecret\":\"$SECRET\"}" "$@"
}

headers() { # headers TR_ID : -H arguments in the array H
	H=(-H 'content-type: application/json; charset=utf-8' -H "authorization: Bearer $TOKEN" -H "appkey: $KEY"
		-H "appsecret: $SECRET" -H "tr_id: $1" -H 'custtype: P')
}

get() { # get TR_ID PATH NAME=VALUE... [-- CURL_ARGUMENT...]
	local id=$1 path=$2 query=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		query+=(--data-urlencode "$1")
		shift
	done
	[ $# -eq 0 ] || shift
	headers "$id"
	call -G "$REST$path" "${H[@]}" "${query[@]}" "$@"
}

post() { # post TR_ID PATH JSON [CURL_ARGUMENT...]
	local id=$1 path=$2 body=$3
	shift 3
	headers "$id"
	call -X POST "$REST$path" "${H[@]}" -d "$body" "$@"
}

control() { # control JSON : one command, its answer
	/usr/bin/python3 - "$SOCKET" "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
got = b""
while not got.endswith(b"\n"):
    more = s.recv(65536)
    if not more:
        break
    got += more
sys.stdout.write(got.decode())
PY
}

balance() { # balance TR_ID [CURL_ARGUMENT...]
	local id=$1
	shift
	get "$id" $TRADING/inquire-balance "CANO=$CANO" ACNT_PRDT_CD=01 AFHR_FLPR_YN=N OFL_YN= INQR_DVSN=02 UNPR_DVSN=01 \
		FUND_STTL_ICLD_YN=N FNCG_AMT_AUTO_RDPT_YN=N PRCS_DVSN=00 "CTX_AREA_FK100=${FK:-}" "CTX_AREA_NK100=${NK:-}" -- "$@"
}

daily() { # daily TR_ID [CURL_ARGUMENT...]
	local id=$1
	shift
	get "$id" $TRADING/inquire-daily-ccld "CANO=$CANO" ACNT_PRDT_CD=01 INQR_STRT_DT=20210104 INQR_END_DT=20210104 \
		SLL_BUY_DVSN_CD=00 INQR_DVSN=00 PDNO= CCLD_DVSN=00 ORD_GNO_BRNO= ODNO= INQR_DVSN_3=00 INQR_DVSN_1= \
		"EXCG_ID_DVSN_CD=${EXCG:-ALL}" "CTX_AREA_FK100=${FK:-}" "CTX_AREA_NK100=${NK:-}" -- "$@"
}

open_orders() {
	get TTTC0084R $TRADING/inquire-psbl-rvsecncl "CANO=$CANO" ACNT_PRDT_CD=01 CTX_AREA_FK100= "CTX_AREA_NK100=${NK:-}" \
		INQR_DVSN_1=0 INQR_DVSN_2=0 -- "$@"
}

buy() { # buy TR_ID SYMBOL DVSN QTY PRICE [CURL_ARGUMENT...]
	local id=$1 body
	body="{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"$2\",\"ORD_DVSN\":\"$3\",\"ORD_QTY\":\"$4\",\"ORD_UNPR\":\"$5\"}"
	shift 5
	post "$id" $TRADING/order-cash "$body" "$@"
}

order() { # order TR_ID SYMBOL DVSN QTY PRICE EXCHANGE
	post "$1" $TRADING/order-cash "{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"$2\",\"ORD_DVSN\":\"$3\",\"ORD_QTY\":\"$4\",\"ORD_UNPR\":\"$5\",\"EXCG_ID_DVSN_CD\":\"$6\"}"
}

change() { # change TR_ID ODNO 01|02 QTY PRICE Y|N [EXCHANGE]
	post "$1" $TRADING/order-rvsecncl "{\"CANO\":\"$CANO\",\"ACNT_PRDT_CD\":\"01\",\"KRX_FWDG_ORD_ORGNO\":\"\",\"ORGN_ODNO\":\"$2\",\"ORD_DVSN\":\"00\",\"RVSE_CNCL_DVSN_CD\":\"$3\",\"ORD_QTY\":\"$4\",\"ORD_UNPR\":\"$5\",\"QTY_ALL_ORD_YN\":\"$6\",\"EXCG_ID_DVSN_CD\":\"${7:-}\"}"
}

golden() { # golden SAMPLE [OPTION...] < answer : same keys, order, case, types, forms, padding; golden.py says more
	/usr/bin/python3 "$TOP/tests/broker/golden.py" "$TOP/tests/data/kis/$1" "${@:2}"
}
