#!/usr/bin/python3
"""The simulator's WebSocket side seen by Debian's python3-websocket: acknowledgements, frames, notices, PINGPONG,
limits, and every WebSocket fault. Runs as a unittest; BROKER names the program (bin/broker by default)."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import websocket

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BROKER = os.environ.get("BROKER", os.path.join(TOP, "bin/broker"))
SAMPLES = os.path.join(TOP, "tests/data/kis")
TRADING = "/uapi/domestic-stock/v1/trading/"
SEEN = set()  # kinds of faults, see EveryFault


class Simulator:
    """One running simulator with a client's view of it."""

    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="broker-ws-")
        self.ca = self.dir + "/ca.pem"
        self.control_path = self.dir + "/c.sock"
        self.err = open(self.dir + "/err", "w+", encoding="utf-8")
        # The newest layouts, whatever the day; test_widths_by_day asks for those of the day. Notices one by one and right
        # after the reply; the tests of NoticeTimes ask for what is usual.
        newest = ["--set", "trade_fields=47", "--set", "book_fields=63", "--set", "notice_jitter_ms=0", "--set",
                  "notices_per_frame=1"]
        if "paper" not in options:
            newest += ["--set", "notice_fields=26"]
        self.process = subprocess.Popen(
            [BROKER, "--data", TOP + "/tests/data", "--calendar", TOP + "/ops/data", "--day", "2021-01-04",
             "--ca-out", self.ca, "--control", self.control_path, *newest, *options],  # a later --day wins
            stdout=subprocess.PIPE, stderr=self.err, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.err.seek(0)
            raise RuntimeError("no simulator: " + self.err.read())
        self.ready = json.loads(line)
        self.account = self.ready["accounts"][0]
        self.context = ssl.create_default_context(cafile=self.ca)
        self.token = None
        self.sockets = []

    def close(self):
        for ws in self.sockets:
            ws.close(timeout=1)
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.err.seek(0)
        text = self.err.read()
        self.err.close()
        if status != 0:
            raise RuntimeError(f"the simulator ended with {status}: {text}")

    def post(self, path, body, headers=None):
        request = urllib.request.Request(self.ready["rest"] + path, json.dumps(body).encode(), headers or {})
        with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
            return json.load(answer)

    def approval(self):
        return self.post("/oauth2/Approval", {"grant_type": "client_credentials", "appkey": self.account["appkey"],
                                              "secretkey": self.account["appsecret"]})["approval_key"]

    def order(self, tr_id, symbol, dvsn, qty, price):
        headers = self.headers(tr_id)
        body = {"CANO": self.account["account"][:8], "ACNT_PRDT_CD": self.account["account"][9:], "PDNO": symbol,
                "ORD_DVSN": dvsn, "ORD_QTY": str(qty), "ORD_UNPR": str(price)}
        answer = self.post(TRADING + "order-cash", body, headers)
        if answer["rt_cd"] != "0":
            raise RuntimeError(answer)
        return answer["output"]["ODNO"]

    def headers(self, tr_id):
        if self.token is None:
            self.token = self.post("/oauth2/tokenP", {"grant_type": "client_credentials",
                                                      "appkey": self.account["appkey"],
                                                      "appsecret": self.account["appsecret"]})["access_token"]
        return {"content-type": "application/json; charset=utf-8", "authorization": "Bearer " + self.token,
                "appkey": self.account["appkey"], "appsecret": self.account["appsecret"], "tr_id": tr_id,
                "custtype": "P"}

    def change(self, tr_id, odno, kind, qty, price, everything):
        body = {"CANO": self.account["account"][:8], "ACNT_PRDT_CD": self.account["account"][9:],
                "KRX_FWDG_ORD_ORGNO": "", "ORGN_ODNO": odno, "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": kind,
                "ORD_QTY": str(qty), "ORD_UNPR": str(price), "QTY_ALL_ORD_YN": everything}
        answer = self.post(TRADING + "order-rvsecncl", body, self.headers(tr_id))
        if answer["rt_cd"] != "0":
            raise RuntimeError(answer)
        return answer["output"]["ODNO"]

    def quote(self, symbol):
        request = urllib.request.Request(
            self.ready["rest"] + "/uapi/domestic-stock/v1/quotations/inquire-price?FID_COND_MRKT_DIV_CODE=J"
            "&FID_INPUT_ISCD=" + symbol, headers=self.headers("FHKST01010100"))
        with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
            return json.load(answer)["output"]

    def control(self, **command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.control_path)
            s.sendall(json.dumps(command).encode() + b"\n")
            got = b""
            while not got.endswith(b"\n"):
                got += s.recv(65536)
        answer = json.loads(got)
        if not answer["ok"]:
            raise RuntimeError(answer)
        return answer

    def commands(self, commands):
        """All in one write: worked off in one go, at one instant."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.control_path)
            s.sendall(b"".join(json.dumps(command).encode() + b"\n" for command in commands))
            got = b""
            while got.count(b"\n") < len(commands):
                got += s.recv(65536)
        for answer in map(json.loads, got.splitlines()):
            if not answer["ok"]:
                raise RuntimeError(answer)

    def faults(self, *kinds, on="ws", count=1):
        self.control(do="faults", set=[{"on": on, "count": count, "kind": kind} for kind in kinds])

    def saw(self, *kinds):
        """The test has just seen these faults on the wire; the simulator says that they struck."""
        struck = {f["kind"].split(":")[0] for f in self.control(do="faults")["faults"] if f["struck"] > 0}
        if not struck.issuperset(kinds):
            raise RuntimeError(f"seen {kinds}, but only {struck} struck")
        SEEN.update(kinds)

    def connect(self, path="/tryitout"):
        ws = websocket.create_connection(self.ready["ws"] + path, timeout=10)
        self.sockets.append(ws)
        return ws


def message(approval, tr_id, tr_key, tr_type="1"):
    return json.dumps({"header": {"approval_key": approval, "custtype": "P", "tr_type": tr_type,
                                  "content-type": "utf-8"}, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}})


def next_json(ws, tr_id=None):
    """The next JSON message; data frames and PINGPONGs are passed over unless PINGPONG is asked for."""
    while True:
        text = ws.recv()
        if text.startswith("{"):
            got = json.loads(text)
            if (got["header"]["tr_id"] == "PINGPONG") == (tr_id == "PINGPONG"):
                return got


def next_frame(ws, tr_id):
    while True:
        text = ws.recv()
        if text[:2] in ("0|", "1|") and text.split("|")[1] == tr_id:
            return text


def subscribe(ws, approval, tr_id, tr_key, tr_type="1"):
    ws.send(message(approval, tr_id, tr_key, tr_type))
    return next_json(ws)


def records(frame):
    _, _, count, payload = frame.split("|", 3)
    fields = payload.split("^")
    width = len(fields) // int(count)
    assert width * int(count) == len(fields), frame
    return [fields[i:i + width] for i in range(0, len(fields), width)]


def decrypt(frame, iv, key):
    """By the openssl program: nothing of ours has a hand in it."""
    _, _, count, cipher = frame.split("|", 3)
    plain = subprocess.run(["openssl", "enc", "-d", "-aes-256-cbc", "-base64", "-A", "-K", key.encode().hex(),
                            "-iv", iv.encode().hex()], input=cipher.encode(), capture_output=True, check=True).stdout
    fields = plain.decode("utf-8").split("^")
    width = len(fields) // int(count)
    return [fields[i:i + width] for i in range(0, len(fields), width)]


def same_keys(want, got):
    if isinstance(want, dict):
        return list(want) == list(got) and all(same_keys(want[k], got[k]) for k in want)
    return isinstance(got, type(want))


def sample(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return json.load(file)


class WithSimulator(unittest.TestCase):
    OPTIONS = ("--at", "10:05:00")

    def start(self, *more):
        self.sim = Simulator(*self.OPTIONS, *more)
        self.addCleanup(self.sim.close)
        self.key = self.sim.approval()
        return self.sim


class Subscriptions(WithSimulator):
    def test_acknowledgements(self):
        ws = self.start().connect()
        first = subscribe(ws, self.key, "H0STASP0", "000660")
        self.assertTrue(same_keys(sample("ws_ack_subscribe_success.json"), first), first)
        self.assertEqual(first["body"]["msg_cd"], "OPSP0000")
        self.assertEqual(first["header"]["encrypt"], "N")
        self.assertRegex(first["body"]["output"]["iv"], "^[0-9a-f]{16}$")
        self.assertRegex(first["body"]["output"]["key"], "^[a-z]{32}$")
        second = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])
        self.assertEqual(second["header"]["encrypt"], "Y")
        self.assertEqual(second["body"]["output"], first["body"]["output"])
        again = subscribe(ws, self.key, "H0STASP0", "000660")["body"]
        self.assertEqual((again["rt_cd"], again["msg_cd"], again["msg1"], "output" in again),
                         ("1", "OPSP0002", "ALREADY IN SUBSCRIBE", False))
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660", "2")["body"]["msg_cd"], "OPSP0001")
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660", "2")["body"]["msg_cd"], "OPSP0003")

    def test_a_close_frees_the_slot_and_a_drop_does_not(self):
        self.start("--set", "ws_slot_hold_s=3600", "--clock", "virtual,still")
        ws = self.sim.connect()
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["rt_cd"], "0")
        ws.close()
        time.sleep(0.3)
        ws = self.sim.connect()
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["rt_cd"], "0")
        ws.sock.close()
        time.sleep(0.3)
        ws = self.sim.connect()
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["msg_cd"], "OPSP8996")

    def test_channels_that_exist_and_say_nothing(self):
        ws = self.start().connect()
        for tr_id, key in (("H0GSCNI0", self.sim.account["htsid"]), ("H0STOUP0", "000660"), ("H0STMBC0", "000660"), ("H0UPCNT0", "0001")):
            self.assertEqual(subscribe(ws, self.key, tr_id, key)["body"]["rt_cd"], "0", tr_id)

    def test_any_path(self):
        self.start("--set", "ws_slot_hold_s=0")
        for path in ("", "/", "/tryitout/H0STCNT0", "/x/y?z"):
            ws = self.sim.connect(path)
            self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["rt_cd"], "0")
            ws.close()
            time.sleep(0.2)

    def test_offered_protocols_are_not_looked_at(self):
        self.start("--set", "ws_slot_hold_s=0")
        for offered in ("json", "v1.kis, v2.kis", "a/b", "broker"):
            ws = websocket.create_connection(self.sim.ready["ws"], timeout=10,
                                             header=["Sec-WebSocket-Protocol: " + offered])
            self.sim.sockets.append(ws)
            self.assertNotIn("sec-websocket-protocol", ws.getheaders(), offered)
            self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["rt_cd"], "0", offered)
            ws.close()
            time.sleep(0.2)

    def test_blanks_before_a_message(self):
        ws = self.start().connect()
        for blanks in (" ", "\n", "\r\n\t  "):
            ws.send(blanks + message(self.key, "H0STASP0", "000660"))
            self.assertEqual(next_json(ws)["body"]["msg_cd"], "OPSP0000" if blanks == " " else "OPSP0002")

    def test_refusals(self):
        ws = self.start().connect()
        self.assertEqual(subscribe(ws, "no-such-key", "H0STCNT0", "005930")["body"]["msg_cd"], "OPSP0011")
        self.assertEqual(subscribe(ws, self.key, "H0XXXXX0", "005930")["body"]["msg_cd"], "OPSP8991")
        self.assertEqual(subscribe(ws, self.key, "H0STCNT0", "ABCDEF")["body"]["msg_cd"], "OPSP8992")
        self.assertEqual(subscribe(ws, self.key, "H0STCNT0", "005930", "9")["body"]["msg_cd"], "OPSP8997")
        for text, code in (("{not json", "OPSP9999"), ('{"body":{}}', "OPSP9998"), ('{"header":{}}', "OPSP9996"),
                           ('{"header":{"approval_key":"x"}}', "OPSP9997"),
                           ('{"header":{"approval_key":"x","custtype":"P","tr_type":"1"}}', "OPSP9992"),
                           ('{"header":{"approval_key":"x","custtype":"P","tr_type":"1"},"body":{}}', "OPSP9991")):
            ws.send(text)
            self.assertEqual(next_json(ws)["body"]["msg_cd"], code, text)

    def test_forty_one_registrations(self):
        ws = self.start().connect()
        with open(TOP + "/tests/data/krx_20210104.csv", encoding="utf-8") as file:
            codes = [line.split(",")[0] for line in file if line[0].isdigit()]
        wanted = [("H0STCNI0", self.sim.account["htsid"])] + [(c, code) for c in ("H0STCNT0", "H0STASP0")
                                                              for code in codes]
        self.assertEqual(len(wanted), 41)
        for tr_id, key in wanted:
            self.assertEqual(subscribe(ws, self.key, tr_id, key)["body"]["msg_cd"], "OPSP0000")
        over = subscribe(ws, self.key, "H0STANC0", codes[0])
        self.assertTrue(same_keys(sample("ws_ack_error_max_subscribe.json"), over))
        self.assertEqual((over["body"]["rt_cd"], over["body"]["msg_cd"]), ("1", "OPSP0008"))

    def test_one_session_per_key(self):
        self.start("--set", "ws_slot_hold_s=0")
        first, second = self.sim.connect(), self.sim.connect()
        self.assertEqual(subscribe(first, self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")
        refused = subscribe(second, self.key, "H0STASP0", "005930")
        self.assertTrue(same_keys(sample("ws_ack_error_already_in_use.json"), refused))
        self.assertEqual((refused["header"]["tr_id"], refused["body"]["rt_cd"], refused["body"]["msg_cd"]),
                         ("(null)", "9", "OPSP8996"))
        first.close()
        time.sleep(0.3)
        self.assertEqual(subscribe(second, self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")

    def test_many_sessions_per_key(self):
        self.start("--set", "ws_one_session=no")
        for symbol in ("005930", "000660", "005930"):
            self.assertEqual(subscribe(self.sim.connect(), self.key, "H0STASP0", symbol)["body"]["rt_cd"], "0")
        self.assertEqual(self.sim.control(do="dump")["feed"]["sessions"], 3)
        for ws in self.sim.sockets:
            self.assertIn(records(next_frame(ws, "H0STASP0"))[0][0], ("005930", "000660"))

    def test_the_slot_is_held_after_a_drop(self):
        """Three seconds of the broker's clock."""
        self.start("--clock", "virtual,still")
        ends = (lambda ws: ws.sock.close(), lambda ws: self.sim.control(do="drop"))
        for place, end in enumerate(ends):
            ws = self.sim.connect()
            self.assertEqual(subscribe(ws, self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0", place)
            end(ws)
            time.sleep(0.3)
            ws = self.sim.connect()
            for second, code in ((0, "OPSP8996"), (2, "OPSP8996"), (3, "OPSP0000")):
                if second:
                    self.sim.control(do="clock", step=f"10:05:{place * 10 + second:02d}")
                self.assertEqual(subscribe(ws, self.key, "H0STASP0", "005930")["body"]["msg_cd"], code, (place, second))
            ws.close()
            time.sleep(0.3)
            self.sim.control(do="clock", step=f"10:05:{place * 10 + 10:02d}")

    def test_wrong_hts_id_drops_at_the_third(self):
        ws = self.start().connect()
        for _ in range(2):
            self.assertEqual(subscribe(ws, self.key, "H0STCNI0", "nobody")["body"]["msg_cd"], "OPSP0007")
        ws.send(message(self.key, "H0STCNI0", "nobody"))
        with self.assertRaises((websocket.WebSocketException, OSError)):
            while True:
                ws.recv()

    def test_wrong_hts_id_as_often_as_it_is_set(self):
        ws = self.start("--set", "ws_bad_htsid_drop=0", "--set", "ws_slot_hold_s=0").connect()
        for _ in range(6):
            self.assertEqual(subscribe(ws, self.key, "H0STCNI0", "nobody")["body"]["msg_cd"], "OPSP0007")
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")
        ws.close()
        self.sim.control(do="set", set="ws_bad_htsid_drop=1")
        time.sleep(0.3)
        ws = self.sim.connect()
        ws.send(message(self.key, "H0STCNI0", "nobody"))
        with self.assertRaises((websocket.WebSocketException, OSError)):
            ws.recv()

    def test_codes_that_are_not_on_the_second_exchange(self):
        """What of NXT is asked for before it opened, or of a fund, ends the connection without a word."""
        for day, key, answered in (("2021-01-04", "005930", False), ("2025-06-02", "005930", True), ("2025-06-02", "069500", False)):
            self.start("--day", day, "--market", "still", "--set", "ws_slot_hold_s=0")
            self.sim.control(do="truth", prices=[{"symbol": "069500", "prev_close": 30000, "etf": True}])
            ws = self.sim.connect()
            ws.send(message(self.key, "H0NXCNT0", key))
            if answered:
                self.assertEqual(next_json(ws)["body"]["msg_cd"], "OPSP0000")
                continue
            with self.assertRaises((websocket.WebSocketException, OSError), msg=(day, key)):
                next_json(ws)
            self.sim.control(do="set", set="ws_nxt_drop=no")
            self.assertEqual(subscribe(self.sim.connect(), self.key, "H0NXCNT0", key)["body"]["msg_cd"], "OPSP0000")


class Frames(WithSimulator):
    OPTIONS = ("--at", "10:05:00", "--clock", "virtual,100", "--set", "ws_ping_s=0")

    def check_trade(self, r):
        num = {i: float(r[i]) for i in range(len(r)) if r[i] and i not in (0, 21, 35, 44)}
        self.assertEqual(r[33], "20210104")
        self.assertEqual(num[17], num[16] - num[15])
        for place, base in ((26, 7), (29, 8), (32, 9)):
            self.assertEqual(num[place], num[2] - num[base])
        if num[19]:
            self.assertAlmostEqual(num[18], num[20] / num[19] * 100, delta=0.006)
        self.assertEqual(r[22], f"{(int(r[20]) * 100 // int(r[13]) + 1) / 100:.2f}")
        self.assertAlmostEqual(num[6], num[14] / num[13], delta=0.006)
        self.assertIn(r[21], ("", "1", "5"))
        self.assertEqual(num[4], num[2] - 81000)
        self.assertTrue(num[9] <= num[2] <= num[8])
        self.assertRegex(r[5], r"^-?\d+\.\d\d$")

    def test_trades(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        volume, seen = None, 0
        while seen < 30:
            for r in records(next_frame(ws, "H0STCNT0")):
                self.assertEqual(len(r), 47)
                self.assertEqual(r[46], "2")
                self.check_trade(r)
                if volume is not None:
                    self.assertEqual(int(r[13]), volume + int(r[12]))
                volume = int(r[13])
                seen += 1

    def test_book(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STASP0", "005930")
        for _ in range(10):
            for r in records(next_frame(ws, "H0STASP0")):
                self.assertEqual(len(r), 63)
                asks, bids = [int(x) for x in r[3:13]], [int(x) for x in r[13:23]]
                self.assertEqual(asks, sorted(asks))
                self.assertEqual(bids, sorted(bids, reverse=True))
                self.assertGreater(asks[0], bids[0])
                self.assertEqual(int(r[43]), sum(int(x) for x in r[23:33]))
                self.assertEqual(int(r[44]), sum(int(x) for x in r[33:43]))
                self.assertEqual((r[47], r[50], r[51], r[52]), ("0", "-81000", "5", "-100.00"))
                self.assertEqual(int(r[59]), (asks[0] + bids[0]) // 2)

    def test_widths_by_day(self):
        for day, trade, book in (("2021-01-04", 46, 59), ("2025-06-02", 46, 62), ("2026-09-11", 46, 62), ("2026-09-14", 47, 63)):
            ws = self.start("--market", "still", "--day", day, "--set", "trade_fields=0", "--set", "book_fields=0").connect()
            subscribe(ws, self.key, "H0STCNT0", "005930")
            subscribe(ws, self.key, "H0STASP0", "005930")
            self.assertEqual(len(records(next_frame(ws, "H0STCNT0"))[0]), trade, day)
            self.assertEqual(len(records(next_frame(ws, "H0STASP0"))[0]), book, day)

    def test_widths_by_setting(self):
        ws = self.start("--set", "trade_fields=46", "--set", "book_fields=59").connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        subscribe(ws, self.key, "H0STASP0", "005930")
        with open(SAMPLES + "/ws_frame_H0STCNT0_real_46fields.txt", encoding="utf-8") as file:
            recorded = records(file.readline().rstrip("\n"))[0]
        got = records(next_frame(ws, "H0STCNT0"))[0]
        self.assertEqual(len(got), len(recorded))
        for mine, real in zip(got, recorded):
            self.assertEqual("." in mine, "." in real, (mine, real))
        self.assertEqual(len(records(next_frame(ws, "H0STASP0"))[0]), 59)

    def test_several_records_in_a_frame(self):
        ws = self.start("--market", "still").connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        self.sim.control(do="clock", pace="still")
        for most, counts in ((20, ["004"]), (3, ["003", "001"]), (1, ["001"] * 4)):
            self.sim.control(do="set", set=f"bundle_max={most}")
            self.sim.commands([{"do": "tick", "symbol": "005930", "price": price, "qty": 2}
                               for price in (70100, 70200, 70300, 70400)])
            frames = []
            while len(frames) < len(counts):
                frame = next_frame(ws, "H0STCNT0")
                if int(records(frame)[0][2]) > 70000:  # those of the still market go before
                    frames.append(frame)
            self.assertEqual([frame.split("|")[2] for frame in frames], counts)
            self.assertEqual([int(r[2]) for frame in frames for r in records(frame)], [70100, 70200, 70300, 70400])
            self.assertEqual([int(r[12]) for frame in frames for r in records(frame)], [2, 2, 2, 2])

    def test_unsubscribed_channel_falls_silent(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        next_frame(ws, "H0STCNT0")
        subscribe(ws, self.key, "H0STCNT0", "005930", "2")
        ws.settimeout(1)
        with self.assertRaises(websocket.WebSocketTimeoutException):
            next_frame(ws, "H0STCNT0")


class Notices(WithSimulator):
    def notices(self, ws, ack, count, tr_id="H0STCNI0"):
        out = []
        while len(out) < count:
            frame = next_frame(ws, tr_id)
            self.assertEqual(frame[0], "1")
            out += decrypt(frame, **ack["body"]["output"])
        return out

    def connect_notices(self, tr_id="H0STCNI0"):
        ws = self.sim.connect()
        return ws, subscribe(ws, self.key, tr_id, self.sim.account["htsid"])

    def test_market_buy(self):
        self.start()
        ws, ack = self.connect_notices()
        odno = self.sim.order("TTTC0012U", "005930", "01", 10, 0)
        receipt, fill = self.notices(ws, ack, 2)[:2]
        self.assertEqual(len(receipt), 26)
        self.assertEqual(receipt[0], self.sim.account["htsid"])
        self.assertEqual(receipt[1], "5012345601")
        self.assertEqual((receipt[2], receipt[3], receipt[4], receipt[5]), (odno, "", "02", "0"))
        self.assertEqual((receipt[12], receipt[13], receipt[14]), ("0", "1", "1"))
        self.assertEqual(receipt[9], "0000000010")
        self.assertEqual(receipt[25], "")
        self.assertEqual((fill[2], fill[12], fill[13], fill[14]), (odno, "0", "2", "2"))
        self.assertGreater(int(fill[10]), 0)
        self.assertEqual(fill[24], "삼성전자")

    def test_paper_has_23_fields(self):
        self.start("--env", "paper")
        ws, ack = self.connect_notices("H0STCNI9")
        self.sim.order("VTTC0012U", "005930", "00", 1, 70000)
        self.assertEqual(len(self.notices(ws, ack, 1, "H0STCNI9")[0]), 23)
        other = self.sim.connect()
        self.assertEqual(subscribe(other, self.key, "H0STCNI0", "x")["body"]["msg_cd"], "OPSP8996")

    def test_pushed_by_control(self):
        self.start()
        ws, ack = self.connect_notices()
        self.sim.control(do="notice", odno="0000119001", side="BUY", symbol="005930", cntg_yn="2", qty=5, price=70000,
                         time="10:04:59")
        notice = self.notices(ws, ack, 1)[0]
        self.assertEqual((notice[2], int(notice[9]), int(notice[10]), notice[11], notice[13]),
                         ("0000119001", 5, 70000, "100459", "2"))

    def test_faults(self):
        self.start()
        ws, ack = self.connect_notices()
        self.sim.faults("no_notice", count=-1)
        self.sim.order("TTTC0012U", "005930", "00", 1, 70000)
        ws.settimeout(1)
        with self.assertRaises(websocket.WebSocketTimeoutException):
            next_frame(ws, "H0STCNI0")
        self.sim.saw("no_notice")
        ws.settimeout(10)
        self.sim.faults("double_notice")
        odno = self.sim.order("TTTC0012U", "005930", "00", 1, 70000)
        twins = self.notices(ws, ack, 2)
        self.assertEqual(twins[0], twins[1])
        self.assertEqual(twins[0][2], odno)
        self.sim.saw("double_notice")
        self.sim.faults("reorder_notices")
        odno = self.sim.order("TTTC0012U", "005930", "01", 1, 0)
        self.assertEqual([n[13] for n in self.notices(ws, ack, 2)], ["2", "1"])
        self.sim.saw("reorder_notices")
        self.sim.faults("extra_fields:3", count=-1)
        self.sim.order("TTTC0012U", "005930", "00", 1, 70000)
        self.assertEqual(len(self.notices(ws, ack, 1)[0]), 29)
        self.sim.saw("extra_fields")

    def test_notice_before_reply(self):
        self.start()
        ws, ack = self.connect_notices()
        self.sim.control(do="set", set="delay_divisor=1")
        self.sim.control(do="faults", set=[{"on": "POST order-cash", "kind": "notice_before_reply"},
                                           {"on": "POST order-cash", "kind": "delay:700ms"}])
        start = time.monotonic()
        seen = []
        reader = threading.Thread(target=lambda: (self.notices(ws, ack, 1), seen.append(time.monotonic() - start)))
        reader.start()
        self.sim.order("TTTC0012U", "005930", "00", 1, 70000)
        replied = time.monotonic() - start
        reader.join(10)
        self.assertGreaterEqual(replied, 0.7)
        self.assertLess(seen[0], replied)
        self.sim.saw("notice_before_reply")


class NoticeTimes(WithSimulator):
    OPTIONS = ("--at", "10:05:00", "--market", "still", "--set", "rest_per_s=0", "--set", "notice_jitter_ms=50",
               "--set", "notices_per_frame=10")

    def gaps(self, seed):
        """Seconds from each order's reply to its notice."""
        self.start("--set", "seed=" + seed)
        ws, seen, replied = self.sim.connect(), {}, {}
        ack = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])["body"]["output"]
        frames = []
        reader = threading.Thread(target=lambda: [frames.append((next_frame(ws, "H0STCNI0"), time.monotonic()))
                                                  for _ in range(16)])
        reader.start()
        for _ in range(16):
            odno = self.sim.order("TTTC0012U", "005930", "00", 1, 60000)
            replied[odno] = time.monotonic()
            time.sleep(0.06)  # its notice is there before the next order
        reader.join(10)
        for frame, at in frames:
            for notice in decrypt(frame, ack["iv"], ack["key"]):
                seen[notice[2]] = at
        self.assertEqual(sorted(seen), sorted(replied))
        return [seen[odno] - replied[odno] for odno in replied]

    def test_before_or_after_the_reply(self):
        first, again, other = self.gaps("5"), self.gaps("5"), self.gaps("6")
        for gaps in (first, again, other):
            self.assertLess(min(gaps), -0.015)
            self.assertGreater(max(gaps), 0.005)
            self.assertTrue(all(-0.3 < gap < 0.3 for gap in gaps), gaps)

        def apart(one, two):
            return max(abs(a - b) for a, b in zip(one, two))
        self.assertLess(sorted(abs(a - b) for a, b in zip(first, again))[8], 0.015)  # the same draws; a busy host is late
        self.assertGreater(apart(first, other), 0.03)

    def test_several_notices_in_a_frame(self):
        self.start("--set", "notice_jitter_ms=0")
        ws = self.sim.connect()
        ack = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])["body"]["output"]
        odno = self.sim.order("TTTC0012U", "005930", "01", 1, 0)
        frame = next_frame(ws, "H0STCNI0")
        notices = decrypt(frame, ack["iv"], ack["key"])
        self.assertEqual((frame[:14], [len(n) for n in notices]), ("1|H0STCNI0|002", [26, 26]))
        self.assertEqual([(n[2], n[13]) for n in notices], [(odno, "1"), (odno, "2")])
        self.sim.control(do="set", set="notices_per_frame=1")
        self.sim.order("TTTC0012U", "005930", "01", 1, 0)
        self.assertEqual([next_frame(ws, "H0STCNI0")[:14] for _ in range(2)], ["1|H0STCNI0|001"] * 2)
        # what is not equally wide cannot share a frame
        self.sim.control(do="set", set="notices_per_frame=10")
        self.sim.faults("extra_fields:2")
        self.sim.order("TTTC0012U", "005930", "01", 1, 0)
        self.assertEqual([[len(n) for n in decrypt(next_frame(ws, "H0STCNI0"), ack["iv"], ack["key"])] for _ in range(2)],
                         [[28], [26]])


class Connection(WithSimulator):
    OPTIONS = ("--at", "10:05:00", "--market", "still")

    def test_pingpong(self):
        ws = self.start("--set", "ws_ping_s=1").connect()
        ping = next_json(ws, "PINGPONG")
        self.assertTrue(same_keys(sample("ws_pingpong.json"), ping))
        self.assertRegex(ping["header"]["datetime"], "^202101041005[0-9]{2}$")
        for _ in range(4):
            ws.send(json.dumps(ping))
            ping = next_json(ws, "PINGPONG")

    def test_unanswered_pings_end_it(self):
        ws = self.start("--set", "ws_ping_s=1").connect()
        start = time.monotonic()
        with self.assertRaises((websocket.WebSocketConnectionClosedException, OSError)):
            while True:
                next_json(ws, "PINGPONG")
        self.assertTrue(3 <= time.monotonic() - start < 7)

    def test_pings_that_may_be_missed(self):
        self.start("--set", "ws_ping_s=1", "--set", "ws_ping_missed=1")
        for missed in (1, 2):
            self.sim.control(do="set", set=f"ws_ping_missed={missed}")
            ws, pings = self.sim.connect(), 0
            with self.assertRaises((websocket.WebSocketConnectionClosedException, OSError)):
                while True:
                    next_json(ws, "PINGPONG")
                    pings += 1
            self.assertEqual(pings, missed)

    def test_pong_frame_counts_unless_echo_is_demanded(self):
        ws = self.start("--set", "ws_ping_s=1").connect()
        for _ in range(5):
            next_json(ws, "PINGPONG")
            ws.pong("x")
        self.sim.control(do="set", set="ws_ping_answer=echo")
        with self.assertRaises((websocket.WebSocketConnectionClosedException, OSError)):
            for _ in range(6):
                next_json(ws, "PINGPONG")
                ws.pong("x")

    def test_control_drops_every_connection(self):
        self.start("--set", "ws_one_session=no", "--set", "ws_slot_hold_s=0", "--set", "ws_ping_s=0")
        sockets = [self.sim.connect() for _ in range(3)]
        for ws in sockets[:2]:
            subscribe(ws, self.key, "H0STASP0", "005930")
        self.sim.control(do="drop")
        for ws in sockets:
            with self.assertRaises((websocket.WebSocketException, OSError)):
                for _ in range(50):
                    ws.recv()
        self.assertEqual(self.sim.control(do="dump")["feed"]["sessions"], 0)
        self.assertEqual(subscribe(self.sim.connect(), self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")

    def test_control_sends_a_frame_as_it_is(self):
        self.start("--set", "ws_one_session=no", "--set", "ws_ping_s=0")
        sockets = [self.sim.connect() for _ in range(2)]
        subscribe(sockets[0], self.key, "H0STCNI0", self.sim.account["htsid"])
        for text in ("0|H0STCNT0|001|005930^x^", "{\"header\":1}", "삼성"):
            self.sim.control(do="frame", text=text)
            for ws in sockets:  # who registered nothing gets it too
                self.assertEqual(ws.recv(), text)

    def test_drop_socket(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        self.sim.faults("drop_socket")
        with self.assertRaises((websocket.WebSocketException, OSError)):
            while True:
                ws.recv()
        self.sim.saw("drop_socket")

    def test_silent_socket(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        next_frame(ws, "H0STCNT0")
        self.sim.faults("silent_socket")
        ws.settimeout(2.5)
        with self.assertRaises(websocket.WebSocketTimeoutException):
            for _ in range(5):
                ws.recv()
        self.sim.saw("silent_socket")

    def test_garbage_and_extra_fields(self):
        ws = self.start().connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        self.sim.faults("garbage_frame")
        texts = [ws.recv() for _ in range(3)]
        self.assertEqual(sum("garbage" in t for t in texts), 1)
        self.sim.saw("garbage_frame")
        self.sim.faults("extra_fields:2", count=-1)
        time.sleep(1.2)
        while len(records(next_frame(ws, "H0STCNT0"))[0]) != 49:
            pass

    def raw_trades(self, *faults, until=2.0, size=None, more=()):
        """Subscribes over a bare socket, sets faults, and returns the chunks that came with their times."""
        self.start("--set", "ws_ping_s=0", *more)
        ws = self.sim.connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        next_frame(ws, "H0STCNT0")
        self.sim.faults(*faults)
        start, chunks, ended = time.monotonic(), [], None
        ws.sock.settimeout(0.2)
        while time.monotonic() - start < until:
            try:
                got = ws.sock.recv(size or 65536)
            except (TimeoutError, socket.timeout):
                continue
            except ConnectionResetError:
                ended = "reset"
                break
            if not got:
                ended = "end"
                break
            chunks.append((time.monotonic() - start, got))
        self.sim.sockets.clear()
        ws.sock.close()
        return chunks, ended, time.monotonic() - start

    def test_line_latency(self):
        chunks, ended, _ = self.raw_trades("latency:1500ms", until=4)
        self.assertIsNone(ended)
        self.assertGreaterEqual(chunks[0][0], 1.4)
        self.sim.saw("latency")

    def test_line_bandwidth(self):
        # a frame of some 280 bytes at 1 KB/s takes more than 200 ms from its first byte to its last
        chunks, ended, _ = self.raw_trades("bandwidth:1", until=2)
        self.assertIsNone(ended)
        first = chunks[0]
        whole, end = b"", None
        for at, piece in chunks:
            whole += piece
            if end is None and len(whole) >= 200:
                end = at
        self.assertGreaterEqual(end - first[0], 0.12)
        self.assertLess(len(first[1]), 100)
        self.assertEqual(whole[0], 0x81)
        self.sim.saw("bandwidth")

    def test_line_slicer(self):
        chunks, ended, _ = self.raw_trades("slicer:20", until=2, more=("--set", "slice_pause_ms=30"))
        self.assertIsNone(ended)
        self.assertGreaterEqual(sum(len(piece) == 20 for _, piece in chunks), 8)
        joined = b"".join(piece for _, piece in chunks)
        self.assertEqual(joined[:2], b"\x81\x7e")
        length = int.from_bytes(joined[2:4], "big")
        self.assertEqual(len(records(joined[4:4 + length].decode())[0]), 47)
        self.sim.saw("slicer")

    def test_line_limit_data(self):
        chunks, ended, _ = self.raw_trades("limit_data:100")
        self.assertEqual(sum(len(piece) for _, piece in chunks), 100)
        self.assertEqual(ended, "end")
        self.sim.saw("limit_data")

    def test_line_timeout(self):
        chunks, ended, took = self.raw_trades("timeout:1500ms", until=6)
        self.assertEqual((chunks, ended), ([], "end"))
        self.assertTrue(1.4 <= took < 4, took)
        self.sim.saw("timeout")

    def test_line_reset_peer(self):
        chunks, ended, took = self.raw_trades("reset_peer:500ms", until=6)
        self.assertEqual((chunks, ended), ([], "reset"))
        self.assertGreaterEqual(took, 0.5)
        self.sim.saw("reset_peer")

    def test_line_slow_close(self):
        chunks, ended, took = self.raw_trades("slow_close:1200ms", until=6)
        joined = b"".join(piece for _, piece in chunks)
        self.assertEqual(joined[-2:], b"\x88\x00")
        self.assertLess(chunks[-1][0], 1.2)
        self.assertEqual(ended, "end")
        self.assertGreaterEqual(took - chunks[-1][0], 1.1)
        self.sim.saw("slow_close")

    def test_bad_clients_are_survived(self):
        self.start()
        ws = self.sim.connect()
        ws.send("x" * 200000)
        with self.assertRaises((websocket.WebSocketException, OSError)):
            ws.recv()
        ws = self.sim.connect()
        ws.send_binary(bytes(range(256)))
        raw = socket.create_connection(("127.0.0.1", int(self.sim.ready["ws"].rsplit(":", 1)[1])), timeout=5)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.close()
        self.assertEqual(subscribe(self.sim.connect(), self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")


def until(ws, tr_id, wanted, seconds=15):
    """The first record of a channel for which wanted() is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for r in records(next_frame(ws, tr_id)):
            if wanted(r):
                return r
    raise AssertionError("no such record of " + tr_id)


class Auctions(WithSimulator):
    """The day of the test opens at 10:00: its opening call begins at 09:30."""
    OPTIONS = ("--at", "09:29:30", "--clock", "virtual,still", "--set", "ws_ping_s=0")

    def go(self, at):
        self.sim.control(do="clock", step=at)

    def listen(self, *channels):
        ws = self.sim.connect()
        for tr_id, key in channels:
            self.assertEqual(subscribe(ws, self.key, tr_id, key)["body"]["msg_cd"], "OPSP0000")
        return ws

    def test_expected_matches_and_market_operation(self):
        self.start()
        ws = self.listen(("H0STANC0", "005930"), ("H0STMKO0", "005930"), ("H0UNANC0", "005930"), ("H0UNMKO0", "005930"))
        self.go("09:45:00")
        begins = records(next_frame(ws, "H0STMKO0"))[0]
        self.assertEqual((len(begins), begins[0], begins[1], begins[3], begins[4], begins[7], begins[8]),
                         (11, "005930", "N", "110", "311", "00", "N"))
        early = records(next_frame(ws, "H0STANC0"))[0]
        self.assertEqual(len(early), 45)
        self.assertEqual((early[0], early[21], early[43], early[34]), ("005930", "3", "B", "10"))
        self.assertTrue("093000" <= early[1] < "094500")
        self.assertEqual(int(early[4]), int(early[2]) - 81000)
        self.assertGreater(int(early[12]), 0)
        self.go("10:00:00")
        last = until(ws, "H0STANC0", lambda r: r[1] == "095955")
        self.assertLessEqual(abs(int(last[2]) - 81000), 100)  # the opening price of that day
        self.assertGreater(int(last[12]), int(early[12]))
        opens = until(ws, "H0STMKO0", lambda r: r[3] == "112")
        self.assertEqual((opens[4], opens[10]), ("112", "1"))
        self.go("15:25:00")
        self.assertEqual(until(ws, "H0STMKO0", lambda r: r[3] == "121")[4], "121")
        closing = until(ws, "H0STANC0", lambda r: r[1] >= "152000")
        self.assertEqual((closing[21], closing[43]), ("", "A"))
        self.go("15:31:00")
        self.assertEqual(until(ws, "H0STMKO0", lambda r: r[3] == "129")[3], "129")

    def test_combined_channels(self):
        self.start()
        ws = self.listen(("H0UNCNT0", "005930"), ("H0UNASP0", "005930"), ("H0UNANC0", "005930"), ("H0UNMKO0", "005930"))
        self.go("09:45:00")
        self.assertEqual(len(records(next_frame(ws, "H0UNMKO0"))[0]), 11)
        self.assertEqual(len(records(next_frame(ws, "H0UNANC0"))[0]), 46)
        self.go("10:01:00")
        self.assertEqual(len(records(next_frame(ws, "H0UNCNT0"))[0]), 46)
        self.assertEqual(len(records(next_frame(ws, "H0UNASP0"))[0]), 65)
        self.sim.control(do="set", set="unmko_code=no")
        self.sim.control(do="halt", symbol="005930")
        self.assertEqual(len(until(ws, "H0UNMKO0", lambda r: r[0] == "Y")), 10)

    def test_halt(self):
        self.start()
        ws = self.listen(("H0STMKO0", "000660"))
        self.go("10:01:00")
        self.sim.control(do="halt", symbol="000660")
        halted = until(ws, "H0STMKO0", lambda r: r[1] == "Y")
        self.assertEqual((halted[2], halted[7]), ("거래정지", "58"))
        self.sim.control(do="halt", symbol="000660", on=False)
        self.assertEqual(until(ws, "H0STMKO0", lambda r: r[1] == "N")[7], "00")

    def test_vi(self):
        self.start("--set", "vi=yes")
        ws = self.listen(("H0STMKO0", "012330"), ("H0STCNT0", "012330"), ("H0STASP0", "012330"), ("H0STANC0", "012330"))
        self.go("10:00:01")
        opening = records(next_frame(ws, "H0STCNT0"))[0]
        self.assertEqual((opening[21], opening[45], opening[2]), ("", opening[7], opening[7]))
        base, before, on, off, ends = int(opening[2]), None, None, None, None
        for step in range(1, 33):  # 012330 rises by 18 % that day
            self.go(f"{10 + step // 6:02d}:{step % 6 * 10:02d}:00")
            ws.settimeout(1)
            try:
                while ends is None:
                    frame = ws.recv()
                    channel = frame.split("|")[1]
                    for r in records(frame):
                        if channel == "H0STMKO0" and r[8] == "Y" and on is None:
                            on = before
                        elif channel == "H0STASP0" and on is not None and off is None:
                            self.assertEqual(r[2], "C")
                            off = r
                        elif channel == "H0STANC0" and on is not None:
                            self.assertEqual(r[43], "C")
                        elif channel == "H0STCNT0":
                            if on is not None and ends is None:
                                ends = r
                            before = r
            except websocket.WebSocketTimeoutException:
                pass
            if ends is not None:
                break
        self.assertIsNotNone(on, "no VI on a day of 18 %")
        self.assertLess(int(on[2]), base * 11 // 10)
        self.assertGreaterEqual(int(ends[2]), base * 11 // 10)
        self.assertEqual((ends[21], int(ends[45])), ("", int(ends[2])))  # the auction's price is the new reference

        def seconds(text):
            return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:])
        self.assertGreaterEqual(seconds(ends[1]) - seconds(off[1]), 120)


class RecordedMarket(WithSimulator):
    FILE = TOP + "/tests/data/made_20210104_005930.frames"
    OPTIONS = ("--at", "10:00:00", "--clock", "virtual,still", "--set", "ws_ping_s=0", "--market", FILE)

    def test_the_same_trades_and_books_come_again(self):
        self.start()
        ws = self.sim.connect()
        subscribe(ws, self.key, "H0STCNT0", "005930")
        subscribe(ws, self.key, "H0STASP0", "005930")
        self.sim.control(do="clock", step="10:10:00")
        with open(self.FILE, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
        wanted = [r for line in lines if "H0STCNT0" in line for r in records(line)]
        books = [r for line in lines if "H0STASP0" in line for r in records(line)]
        got, levels = [], []
        while len(got) < len(wanted) or levels[-1][3:43] != books[-1][3:43]:
            frame = ws.recv()
            if "H0STCNT0" in frame:
                got += records(frame)
            elif "H0STASP0" in frame:
                levels += records(frame)
        same = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 29,
                30, 31, 32, 33, 34, 35, 36, 37, 43, 44, 45, 46)
        for mine, theirs in zip(got, wanted):
            for place in same:
                if place == 1:  # the file opens at 10:00:18 of the same day
                    self.assertEqual(mine[1], theirs[1])
                self.assertEqual(mine[place], theirs[place], (place, mine, theirs))
        shown = [tuple(level[3:43]) for level in levels]
        for theirs in books:
            self.assertIn(tuple(theirs[3:43]), shown)

    def test_other_symbols_are_generated_and_bad_files_refused(self):
        self.start()
        ws = self.sim.connect()
        subscribe(ws, self.key, "H0STCNT0", "000660")
        self.sim.control(do="clock", step="10:01:00")
        self.assertEqual(records(next_frame(ws, "H0STCNT0"))[0][0], "000660")
        for text in ("", "nonsense\n", "0|H0STCNT0|002|a^b^c\n", "0|H0STCNT0|001|" + "^".join("x" * 46) + "\n"):
            path = self.sim.dir + "/bad.frames"
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            with self.assertRaisesRegex(RuntimeError, "bad.frames"):
                Simulator("--at", "10:00:00", "--market", path)


class Switches(WithSimulator):
    """Settings of the uncertain points that no other test turns."""
    OPTIONS = ("--at", "10:05:00", "--market", "still", "--set", "rest_per_s=0")

    def test_second_connection_refused_at_connect(self):
        self.start("--set", "ws_refuse_at=connect")
        first = self.sim.connect()
        with self.assertRaises((websocket.WebSocketException, OSError)):
            self.sim.connect().recv()
        self.assertEqual(subscribe(first, self.key, "H0STASP0", "005930")["body"]["rt_cd"], "0")

    def test_echo_must_be_verbatim(self):
        ws = self.start("--set", "ws_ping_s=1", "--set", "ws_ping_answer=verbatim").connect()
        for _ in range(4):
            text = ws.recv()
            self.assertIn("PINGPONG", text)
            ws.send(text)
        with self.assertRaises((websocket.WebSocketException, OSError)):
            for _ in range(6):
                ws.send(json.dumps(next_json(ws, "PINGPONG")))  # the same, but with blanks

    def test_data_before_the_acknowledgement(self):
        ws = self.start("--set", "ws_data_first=yes").connect()
        ws.send(message(self.key, "H0STASP0", "005930"))
        self.assertTrue(ws.recv().startswith("0|H0STASP0|001|005930^"))
        self.assertEqual(json.loads(ws.recv())["body"]["msg_cd"], "OPSP0000")

    def test_acknowledgements(self):
        ws = self.start("--set", "ws_iv_key_market=no", "--set", "ws_ack_output_twice=yes", "--set",
                        "ws_release_zero=yes", "--set", "ws_registrations=2").connect()
        self.assertNotIn("output", subscribe(ws, self.key, "H0STASP0", "005930")["body"])
        self.assertIn("output", subscribe(ws, self.key, "H0STASP0", "005930")["body"])
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "005930", "0")["body"]["msg_cd"], "OPSP0001")
        subscribe(ws, self.key, "H0STASP0", "005930")
        subscribe(ws, self.key, "H0STCNT0", "005930")
        self.assertEqual(subscribe(ws, self.key, "H0STASP0", "000660")["body"]["msg_cd"], "OPSP0008")

    def test_approval_key_ends_its_session(self):
        ws = self.start("--set", "approval_life_s=3", "--set", "ws_approval_in_session=yes").connect()
        subscribe(ws, self.key, "H0STASP0", "005930")
        start = time.monotonic()
        with self.assertRaises((websocket.WebSocketException, OSError)):
            while True:
                ws.recv()
        self.assertLess(time.monotonic() - start, 5)

    def cancelled(self, *options):
        self.start(*options)
        ws = self.sim.connect()
        ack = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])["body"]["output"]
        odno = self.sim.order("TTTC0012U", "005930", "00", 7, 60000)
        first = decrypt(next_frame(ws, "H0STCNI0"), ack["iv"], ack["key"])[0]
        self.sim.change("TTTC0013U", odno, "02", 7, 0, "Y")
        notices = [decrypt(next_frame(ws, "H0STCNI0"), ack["iv"], ack["key"])[0] for _ in range(2)]
        return first, notices[1]

    def test_notice_numbers(self):
        receipt, gone = self.cancelled("--set", "notice_zero_padded=no", "--set", "notice_receipt_qty=no")
        self.assertEqual((receipt[9], receipt[10], receipt[16]), ("7", "60000", ""))
        self.assertEqual((gone[5], gone[14], gone[9]), ("2", "2", "7"))

    def test_cancel_notice_without_quantity(self):
        _, gone = self.cancelled("--set", "notice_cancel_qty=no")
        self.assertEqual((gone[5], gone[14], gone[9]), ("2", "2", "0000000000"))

    def test_refused_by_the_exchange(self):
        self.start("--set", "notice_reject_acpt=2")
        ws = self.sim.connect()
        ack = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])["body"]["output"]
        odno = self.sim.order("TTTC0012U", "005930", "00", 7, 60000)
        next_frame(ws, "H0STCNI0")
        self.sim.control(do="reject", odno=odno)
        refused = decrypt(next_frame(ws, "H0STCNI0"), ack["iv"], ack["key"])[0]
        self.assertEqual((refused[12], refused[13], refused[14]), ("1", "1", "2"))

    def test_name_cut_in_half(self):
        self.start("--set", "notice_name_cut=yes")
        ws = self.sim.connect()
        ack = subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])["body"]["output"]
        self.sim.order("TTTC0012U", "005930", "00", 7, 60000)
        frame = next_frame(ws, "H0STCNI0")
        with self.assertRaises(UnicodeDecodeError):
            decrypt(frame, ack["iv"], ack["key"])

    def test_notice_before_the_reply_by_chance(self):
        self.start("--set", "notice_first_ppm=1000000", "--set", "seed=3")
        ws = self.sim.connect()
        subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])
        seen = []
        reader = threading.Thread(target=lambda: (next_frame(ws, "H0STCNI0"), seen.append(time.monotonic())))
        reader.start()
        self.sim.order("TTTC0012U", "005930", "00", 7, 60000)
        replied = time.monotonic()
        reader.join(5)
        self.assertLess(seen[0], replied)

    def test_lag_of_notices(self):
        self.start("--set", "lag_notice_ms=1500")
        ws = self.sim.connect()
        subscribe(ws, self.key, "H0STCNI0", self.sim.account["htsid"])
        self.sim.order("TTTC0012U", "005930", "00", 7, 60000)
        start = time.monotonic()
        next_frame(ws, "H0STCNI0")
        self.assertGreaterEqual(time.monotonic() - start, 1.2)

    def test_mid_side_and_mid_prints(self):
        self.sim = Simulator("--at", "10:05:00", "--clock", "virtual,still", "--set", "ws_ping_s=0", "--set",
                             "kmid_filled=yes", "--set", "mid_prints_ppm=200000")
        self.addCleanup(self.sim.close)
        key, ws = self.sim.approval(), self.sim.connect()
        subscribe(ws, key, "H0STASP0", "005930")
        subscribe(ws, key, "H0STCNT0", "005930")
        self.sim.control(do="clock", step="10:40:00")
        halves, sides = 0, set()
        while halves < 3 or len(sides) < 2:
            frame = ws.recv()
            for r in records(frame):
                if "H0STCNT0" in frame and int(r[2]) % 100 == 50:
                    self.assertTrue(int(r[11]) < int(r[2]) < int(r[10]))
                    halves += 1
                elif "H0STASP0" in frame:
                    sides.add(r[61])
        self.assertEqual(sides, {"1", "2"})

    def test_order_at_the_mid_price(self):
        self.sim = Simulator("--at", "10:05:00", "--clock", "virtual,still", "--set", "rest_per_s=0")
        self.addCleanup(self.sim.close)
        for dvsn in ("21", "23", "24"):
            self.sim.order("TTTC0012U", "005930", dvsn, 5, 0)
        rows = self.sim.control(do="dump")["ledger"]["orders"]
        self.assertEqual([row["dvsn"] for row in rows], ["21", "23", "24"])
        self.assertEqual({row["price_won"] for row in rows if row["price_won"] % 50}, set())
        self.assertTrue(all(row["remaining_qty"] == 0 for row in rows[1:]))


class SeveralAccounts(WithSimulator):
    def test_keys_accounts_and_their_notices(self):
        path = tempfile.mktemp(prefix="broker-accounts-")
        people = [{"account": f"5012345{i}-01", "appkey": "K" * 35 + str(i), "appsecret": "S" * 179 + str(i),
                   "htsid": f"user{i}", "name": f"name{i}", "cash": 50000000 + i} for i in range(3)]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(people, file)
        self.addCleanup(os.unlink, path)
        self.start("--accounts", path, "--market", "still")
        self.assertEqual([a["account"] for a in self.sim.ready["accounts"]], [p["account"] for p in people])
        sockets = []
        for account in self.sim.ready["accounts"]:
            self.sim.account = account
            ws = self.sim.connect()
            ack = subscribe(ws, self.sim.approval(), "H0STCNI0", account["htsid"])["body"]
            self.assertEqual(ack["msg_cd"], "OPSP0000")
            sockets.append((ws, ack["output"]))
        self.sim.account = self.sim.ready["accounts"][1]
        odno = self.sim.order("TTTC0012U", "005930", "00", 1, 60000)
        ws, keys = sockets[1]
        got = decrypt(next_frame(ws, "H0STCNI0"), keys["iv"], keys["key"])[0]
        self.assertEqual((got[0], got[1], got[2]), ("user1", "5012345101", odno))
        for other in (sockets[0][0], sockets[2][0]):
            other.settimeout(0.5)
            with self.assertRaises(websocket.WebSocketTimeoutException):
                next_frame(other, "H0STCNI0")

    def test_both_keys_of_an_account_are_told(self):
        path = tempfile.mktemp(prefix="broker-accounts-")
        with open(path, "w", encoding="utf-8") as file:
            json.dump([{"account": "50123456-01"}, {"account": "50123456-01"}], file)
        self.addCleanup(os.unlink, path)
        self.start("--accounts", path, "--market", "still")
        sockets = []
        for account in self.sim.ready["accounts"]:
            self.sim.account = account
            ws = self.sim.connect()
            sockets.append((ws, subscribe(ws, self.sim.approval(), "H0STCNI0", account["htsid"])["body"]["output"]))
        odno = self.sim.order("TTTC0012U", "005930", "00", 1, 60000)
        for ws, keys in sockets:
            self.assertEqual(decrypt(next_frame(ws, "H0STCNI0"), keys["iv"], keys["key"])[0][2], odno)

    def test_real_and_paper_side_by_side(self):
        self.start("--market", "still")
        paper = Simulator("--env", "paper", "--at", "10:05:00", "--market", "still")
        self.addCleanup(paper.close)
        self.assertNotEqual(self.sim.ready["rest"], paper.ready["rest"])
        self.sim.order("TTTC0012U", "005930", "00", 1, 60000)
        paper.order("VTTC0012U", "005930", "00", 2, 60000)
        with self.assertRaises((RuntimeError, urllib.error.HTTPError)):
            paper.order("TTTC0012U", "005930", "00", 2, 60000)
        self.assertEqual([o["qty"] for o in self.sim.control(do="dump")["ledger"]["orders"]], [1])
        self.assertEqual([o["qty"] for o in paper.control(do="dump")["ledger"]["orders"]], [2])


class Days(unittest.TestCase):
    def simulator(self, *options):
        sim = Simulator("--clock", "virtual,still", "--set", "rest_per_s=0", *options)
        return sim

    def test_the_next_day_goes_on_from_the_state(self):
        state = tempfile.mktemp(prefix="broker-state-")
        first = self.simulator("--at", "10:05:00", "--state", state)
        odno = first.order("TTTC0012U", "005930", "01", 3, 0)
        first.control(do="clock", step="15:40:00")
        before = first.control(do="dump")["ledger"]["accounts"][0]
        first.close()
        second = self.simulator("--day", "2021-01-05", "--at", "09:05:00", "--state", state)
        self.addCleanup(os.unlink, state)
        try:
            ledger = second.control(do="dump")["ledger"]
            after = ledger["accounts"][0]
            self.assertEqual(ledger["day"], 20210105)
            self.assertEqual([(h["code"], h["qty"]) for h in after["holdings"]], [("005930", 3)])
            self.assertEqual((after["holdings"][0]["bfdy_buy_qty"], after["holdings"][0]["thdt_buy_qty"]), (3, 0))
            self.assertEqual(before["holdings"][0]["cost_won"], after["holdings"][0]["cost_won"])
            self.assertEqual([o["odno"] for o in ledger["orders"]], [odno])
            quote = second.quote("005930")
            self.assertEqual(int(quote["stck_sdpr"]), 83000)  # the close of the day before, from its file
            self.assertEqual(quote["aspr_unit"], "100")
        finally:
            second.close()
        third = self.simulator("--day", "2021-01-06", "--at", "09:05:00")
        try:
            base = int(third.quote("005930")["stck_sdpr"])
            self.assertNotEqual(base, 83000)
            self.assertTrue(83000 * 0.9 < base < 83000 * 1.1)
        finally:
            third.close()

    def test_a_night_between_two_days_changes_nothing(self):
        """Run through the night or started the next day: the same market."""
        through = self.simulator("--at", "15:29:00")
        through.control(do="clock", step="2021-01-05 09:30:00")
        fresh = self.simulator("--day", "2021-01-05", "--at", "09:30:00")
        try:
            one, other = through.quote("000660"), fresh.quote("000660")
            for name in ("stck_prpr", "stck_sdpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol"):
                self.assertEqual(one[name], other[name], name)
        finally:
            through.close()
            fresh.close()

    def test_other_hours(self):
        """2021-11-18, the day of the entrance exam: 10:00 to 16:30."""
        for at, phase in (("09:29:59", "closed"), ("09:30:00", "opening-call"), ("10:00:00", "continuous"),
                          ("15:45:00", "continuous"), ("16:20:00", "closing-call"), ("16:30:00", "closed")):
            sim = self.simulator("--day", "2021-11-18", "--at", at, "--market", "still")
            try:
                self.assertEqual(sim.control(do="now")["phase"], phase, at)
            finally:
                sim.close()

    def test_an_early_close(self):
        """2016-01-04, the first day of its year: 10:00 to 15:00. What was open dies then, and no order is taken after."""
        for at, phase in (("09:30:00", "opening-call"), ("10:00:00", "continuous"), ("14:49:59", "continuous"),
                          ("14:50:00", "closing-call"), ("15:00:00", "closed")):
            sim = self.simulator("--day", "2016-01-04", "--at", at, "--market", "still")
            try:
                self.assertEqual(sim.control(do="now")["phase"], phase, at)
            finally:
                sim.close()
        sim = self.simulator("--day", "2016-01-04", "--at", "14:59:59", "--market", "still")
        try:
            odno = sim.order("TTTC0012U", "005930", "00", 2, 70000)
            sim.control(do="clock", step="2016-01-04 15:00:00")
            row = [o for o in sim.control(do="dump")["ledger"]["orders"] if o["odno"] == odno][0]
            self.assertEqual((row["filled_qty"], row["remaining_qty"], row["rejected_qty"]), (0, 0, 2))
            with self.assertRaisesRegex(RuntimeError, "APBK0918"):
                sim.order("TTTC0012U", "005930", "00", 1, 70000)
        finally:
            sim.close()

    def test_a_day_without_trading(self):
        sim = self.simulator("--day", "2021-01-09", "--at", "10:00:00")
        try:
            self.assertEqual(sim.control(do="now")["phase"], "closed")
            with self.assertRaises(RuntimeError):
                sim.order("TTTC0012U", "005930", "00", 1, 80000)
        finally:
            sim.close()


class ZEveryFault(unittest.TestCase):  # unittest takes classes by their names: after all others
    @unittest.skipIf(len(sys.argv) > 1, "not all of the file runs")
    def test_every_kind_that_a_client_can_see_was_seen(self):
        """faults.bats asks the same of what a REST client can see."""
        text = subprocess.run([BROKER, "--help"], capture_output=True, text=True, check=True).stdout
        rows = re.findall(r"^  ([a-z_0-9]+)(?::[A-Z]+)? +(rest|ws|both) ", text[text.index("\nFaults"):], re.M)
        self.assertGreaterEqual(len(rows), 37)
        self.assertEqual(SEEN, {kind for kind, where in rows if where != "rest"})


if __name__ == "__main__":
    unittest.main()
