#!/usr/bin/python3
"""How much the simulator carries, measured from outside: 40 symbols at 2,000 frames a second, and a day of 1,000,000
trades and 10,000 orders. Its own processor time decides, not the clock on the wall: other programs may be busy.
Prints what it measured; fails when a bound is passed. Run it on a build without sanitizers."""

import http.client
import json
import os
import ssl
import statistics
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ws_test import TRADING, Simulator, message, next_json  # noqa: E402

SECONDS, SYMBOLS, RATE = 20, 40, 2000
PRINTS, ORDERS, STEPS = 50000, 10000, 100
TICKS_OF_A_SECOND = os.sysconf("SC_CLK_TCK")


def status_kib(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_OF_A_SECOND


class Reader(threading.Thread):
    """Takes every byte off a WebSocket and counts frames by their first bytes."""

    def __init__(self, ws):
        super().__init__(daemon=True)
        self.sock, self.frames, self.bytes, self.newest, self.over = ws.sock, 0, 0, 0.0, False
        self.sock.settimeout(None)

    def run(self):
        tail = b""
        while True:
            try:
                got = self.sock.recv(1 << 20)
            except OSError:
                got = b""
            if not got:
                break
            self.bytes += len(got)
            joined = tail + got
            self.frames += joined.count(b"0|H0ST")
            tail = joined[-5:]
            self.newest = time.monotonic()
        self.over = True


def frames_file():
    """40 symbols, 50 trades a second each, one trade a frame."""
    handle, path = tempfile.mkstemp(prefix="broker-load-", suffix=".frames")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        each = RATE // SYMBOLS
        volume = 1000
        for second in range(SECONDS):
            stamp = f"1000{10 + second:02d}"
            for k in range(each):
                volume += 1
                price = 50000 + (k % 7) * 100
                for i in range(SYMBOLS):
                    record = [f"9{i:05d}", stamp, str(price), "3", str(price - 50000), "0.00", "0.00", "50000", "51000",
                              "49000", str(price + 100), str(price), "1", str(volume), str(volume * 50000), "1", "1", "0",
                              "0.00", "1", "1", "5", "0.00", "0.00", *["100000", "3", "0"] * 3, "20210104", "20", "N", "10",
                              "10", "10", "10", "0.00", "0", "0.00", "0", "", "50000"]
                    file.write("0|H0STCNT0|001|" + "^".join(record) + "\n")
    return path


class Load(unittest.TestCase):
    def test_two_thousand_frames_a_second(self):
        path = frames_file()
        self.addCleanup(os.unlink, path)
        sim = Simulator("--at", "10:00:05", "--market", path, "--set", "ws_ping_s=0")
        self.addCleanup(sim.close)
        pid, ws, key = sim.process.pid, sim.connect(), sim.approval()
        for i in range(SYMBOLS):
            ws.send(message(key, "H0STCNT0", f"9{i:05d}"))
            self.assertEqual(next_json(ws)["body"]["msg_cd"], "OPSP0000")
        reader = Reader(ws)
        rss, cpu, start = status_kib(pid, "VmRSS"), cpu_s(pid), time.monotonic()
        reader.start()
        while reader.frames < SECONDS * RATE and time.monotonic() - start < SECONDS + 30:
            time.sleep(0.2)
        wall, used, grown = reader.newest - start, cpu_s(pid) - cpu, status_kib(pid, "VmRSS") - rss
        print(f"  {reader.frames} frames of {SYMBOLS} symbols in {wall:.1f} s; {used:.2f} s of processor; "
              f"memory {rss} KiB, grown by {grown} KiB", flush=True)
        self.assertEqual(reader.frames, SECONDS * RATE)
        self.assertLess(used, 0.5 * SECONDS, "more than half of a core")
        self.assertLess(wall, SECONDS + 15, "the market fell behind")
        self.assertLess(grown, 16 * 1024)

    def orders(self, sim, tally):
        """10,000 limit orders over one connection, every second one cancelled; seconds of each."""
        context = ssl.create_default_context(cafile=sim.ca)
        host, port = sim.ready["rest"][8:].split(":")
        conn = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
        headers = sim.headers("TTTC0012U")
        cano, product = sim.account["account"].split("-")

        def ask(path, tr_id, body):
            headers["tr_id"] = tr_id
            start = time.monotonic()
            conn.request("POST", TRADING + path, json.dumps(body), headers)
            answer = json.load(conn.getresponse())
            tally.append(time.monotonic() - start)
            return answer
        accepted = 0
        for i in range(ORDERS):
            if i % (ORDERS // STEPS) == 0:  # a hundredth of the session passes between two bursts of orders
                at = 36000 + (55790 - 36000) * (i * STEPS // ORDERS + 1) // STEPS
                sim.control(do="clock", step=f"{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}")
            if i % 2 == 0:
                answer = ask("order-cash", "TTTC0012U", {"CANO": cano, "ACNT_PRDT_CD": product, "PDNO": "005930",
                                                         "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "70000"})
            else:
                answer = ask("order-rvsecncl", "TTTC0013U",
                             {"CANO": cano, "ACNT_PRDT_CD": product, "KRX_FWDG_ORD_ORGNO": "",
                              "ORGN_ODNO": answer["output"]["ODNO"], "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": "02",
                              "ORD_QTY": "1", "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y"})
            accepted += answer["rt_cd"] == "0"
        conn.close()
        return accepted

    def test_a_million_trades_and_ten_thousand_orders(self):
        sim = Simulator("--at", "09:59:50", "--clock", "virtual,still", "--set", "ws_ping_s=0", "--set", "rest_per_s=0",
                        "--set", f"prints_per_symbol={PRINTS}", "--set", "bundle_max=1")
        self.addCleanup(sim.close)
        pid, ws, key = sim.process.pid, sim.connect(), sim.approval()
        with open(os.path.join(os.path.dirname(__file__), "../data/krx_20210104.csv"), encoding="utf-8") as file:
            codes = [line.split(",")[0] for line in file if line[0].isdigit()]
        for tr_id in ("H0STCNT0", "H0STASP0"):
            for code in codes:
                ws.send(message(key, tr_id, code))
                self.assertEqual(next_json(ws)["body"]["msg_cd"], "OPSP0000")
        reader, tally = Reader(ws), []
        rss, cpu, start = status_kib(pid, "VmRSS"), cpu_s(pid), time.monotonic()
        reader.start()
        accepted = self.orders(sim, tally)
        wall, used, after = time.monotonic() - start, cpu_s(pid) - cpu, status_kib(pid, "VmRSS")
        self.assertEqual(sim.control(do="now")["now"][:19], "2021-01-04 15:29:50")
        feed = sim.control(do="dump", reset=True)["feed"]
        tenth = len(tally) // 10
        first, last = statistics.median(tally[:tenth]), statistics.median(tally[-tenth:])
        print(f"  {feed['records_sent']} records, {reader.bytes >> 20} MiB, {accepted} orders in {wall:.1f} s; "
              f"{used:.1f} s of processor; an order {first * 1000:.2f} ms at first, {last * 1000:.2f} ms at last; "
              f"memory {rss} KiB before, {after} KiB after", flush=True)
        self.assertEqual(accepted, ORDERS)
        self.assertFalse(reader.over, "the session was lost")
        self.assertGreaterEqual(feed["records_sent"], 2 * len(codes) * (PRINTS - 1))  # all but the closing print
        self.assertLess(last, 3 * first + 0.005, "orders got slower through the day")
        self.assertLess(after - rss, 160 * 1024)


if __name__ == "__main__":
    unittest.main()
