#!/usr/bin/python3
"""Every recorded WebSocket message in tests/data/kis against the simulator's own: field counts, values, identities,
formats, padding, order and spelling of keys. A recorded frame is handed to the simulator as its market
(--market FILE) and must come out of it again."""

import collections
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ws_test import (SAMPLES, Simulator, decrypt, message, next_frame, records, subscribe)  # noqa: E402

# What a single frame cannot tell its simulator: average price, yesterday's volume, the rest of the book, listed shares.
UNTOLD_TRADE = {6, 23, 33, 38, 39, 40, 41, 42}
# Changes of the totals against a book that was not recorded; expected volume of a day that was not.
UNTOLD_BOOK = {1, 49, 53, 54, 55}


def jsonl():
    with open(SAMPLES + "/kis_ws_frames.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def text_of(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return file.read()


def frames_of(name):
    return [line for line in text_of(name).split("\n") if line]


def recorded(tr_id):
    """Every recorded frame of a channel, with the file or line it stands in."""
    found = [(row["id"], row["frame"]) for row in jsonl() if row["tr_id"] == tr_id and row["frame"].startswith("0|")]
    for name in sorted(os.listdir(SAMPLES)):
        if name.startswith("ws_frame_" + tr_id):
            found += [(f"{name}:{i}", frame) for i, frame in enumerate(frames_of(name))]
    return found


def form(field):
    """What a reader sees of a field without its value."""
    if field == "":
        return "empty"
    if re.fullmatch(r"-?(0|[1-9]\d*)", field):
        return "integer"
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d\d", field):
        return "two decimals"
    if re.fullmatch(r"0\d+", field):
        return f"{len(field)} digits"
    return "text"


def play(test, frame, width, more=()):
    """The frame as a market; what comes out on its own channel."""
    first = records(frame)[0]
    at = int(first[1][:2]) * 3600 + int(first[1][2:4]) * 60 + int(first[1][4:])
    clock = "{:02d}:{:02d}:{:02d}".format
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"golden-{os.getpid()}.frames")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*more, frame]) + "\n")
    test.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
    before = at - 40
    sim = Simulator("--day", "2021-01-05", "--at", clock(before // 3600, before // 60 % 60, before % 60), "--clock",
                    "virtual,still", "--market", path, "--set", "ws_ping_s=0", "--set", width)
    try:
        ws = sim.connect()
        tr_id = frame.split("|")[1]
        ack = subscribe(ws, sim.approval(), tr_id, first[0])
        test.assertEqual(ack["body"]["msg_cd"], "OPSP0000")
        after = at + 1
        sim.control(do="clock", step=clock(after // 3600, after // 60 % 60, after % 60))
        got = []
        while not got or got[-1][2:43] != records(frame)[-1][2:43] and len(got) < 20 and tr_id == "H0STASP0":
            got += records(next_frame(ws, tr_id))
        while len(got) < len(records(frame)):
            got += records(next_frame(ws, tr_id))
        return got
    finally:
        sim.close()


class Frames(unittest.TestCase):
    def identities(self, r):
        num = {i: float(x) for i, x in enumerate(r) if x and i not in (0, 21, 35, 44)}
        self.assertEqual(num[17], num[16] - num[15])
        for place, base in ((26, 7), (29, 8), (32, 9)):
            self.assertEqual(num[place], num[2] - num[base])
            self.assertEqual(r[place - 1], "2" if num[place] > 0 else "5" if num[place] < 0 else "3")
        self.assertEqual(r[22], f"{(int(r[20]) * 100 // int(r[13]) + 1) / 100:.2f}")
        self.assertEqual(r[3], "2" if num[4] > 0 else "5" if num[4] < 0 else "3")
        self.assertAlmostEqual(num[5], num[4] / (num[2] - num[4]) * 100, delta=0.0051)
        self.assertAlmostEqual(num[6], num[14] / num[13], delta=num[6] * 0.0002)
        if num[19]:
            self.assertAlmostEqual(num[18], num[20] / num[19] * 100, delta=0.011)
        self.assertLess(num[11], num[10])

    def test_trades(self):
        frames = recorded("H0STCNT0")
        self.assertEqual(len(frames), 12)
        for name, frame in frames:
            with self.subTest(name):
                theirs = records(frame)
                mine = play(self, frame, f"trade_fields={len(theirs[0])}")
                self.assertEqual(len(mine), len(theirs))
                for m, t in zip(mine, theirs):
                    self.assertEqual(len(m), len(t))
                    for place, (a, b) in enumerate(zip(m, t)):
                        if place not in UNTOLD_TRADE:
                            self.assertEqual(a, b, (place, m, t))
                        else:
                            self.assertEqual(form(a), form(b), (place, m, t))
                    self.identities(t)
                    self.identities(m)

    def test_books(self):
        frames = recorded("H0STASP0")
        self.assertEqual(len(frames), 4)
        for name, frame in frames:
            with self.subTest(name):
                t = records(frame)[0]
                base, price = -int(t[50]), int(t[13])
                trade = [t[0], t[1], str(price), "3", str(price - base), "0.00", "0.00", *[str(price)] * 3, t[3], t[13],
                         "1", "1", str(price), "0", "0", "0", "0.00", "0", "0", "", "0.00", "0.00",
                         *[t[1], "3", "0"] * 3, "20210105", "20", "N", "1", "1", "1", "1", "0.00", "0", "0.00", "0",
                         "", str(price)]
                got = play(self, frame, f"book_fields={len(t)}", more=["0|H0STCNT0|001|" + "^".join(trade)])
                m = got[-1]
                self.assertEqual(len(m), len(t))
                for place, (a, b) in enumerate(zip(m, t)):
                    if place not in UNTOLD_BOOK:
                        self.assertEqual(a, b, (place, m, t))
                    else:
                        self.assertEqual(form(a), form(b), (place, m, t))
                for r in (t, m):
                    self.assertEqual(int(r[43]), sum(int(x) for x in r[23:33]))
                    self.assertEqual(int(r[44]), sum(int(x) for x in r[33:43]))

    def test_forms_over_a_day(self):
        """Every field of an ordinary day has a form that some recorded frame shows at that place."""
        for tr_id, set_, width in (("H0STCNT0", "trade_fields=47", 47), ("H0STASP0", "book_fields=62", 62)):
            seen = collections.defaultdict(set)
            for _, frame in recorded(tr_id):
                for r in records(frame):
                    for place, field in enumerate(r):
                        seen[place].add("text" if form(field).endswith("digits") else form(field))
            sim = Simulator("--at", "10:00:00", "--clock", "virtual,still", "--set", "ws_ping_s=0", "--set", set_)
            try:
                ws = sim.connect()
                subscribe(ws, sim.approval(), tr_id, "005930")
                sim.control(do="clock", step="10:30:00")
                count = 0
                while count < 100:
                    for r in records(next_frame(ws, tr_id)):
                        self.assertEqual(len(r), width)
                        for place, field in enumerate(r):
                            shape = "text" if form(field).endswith("digits") else form(field)
                            if place in (1, 24, 27, 30) and tr_id == "H0STCNT0" or place == 1:
                                self.assertRegex(field, r"^\d{6}$")
                                continue
                            self.assertIn(shape, seen[place], (tr_id, place, field))
                        count += 1
            finally:
                sim.close()


def without_secrets(text):
    return re.sub(r'"key":"[a-z0-9]{32}"', '"key":"K"', re.sub(r'"iv":"[0-9a-f]{16}"', '"iv":"I"', text))


class Messages(unittest.TestCase):
    def setUp(self):
        self.sim = Simulator("--at", "10:05:00", "--market", "still", "--set", "ws_ping_s=1")
        self.addCleanup(self.sim.close)
        self.key = self.sim.approval()

    def answer(self, ws, text):
        ws.send(text)
        while True:
            got = ws.recv()
            if got.startswith("{") and "PINGPONG" not in got:
                return got

    def compact(self, name):
        return json.dumps(json.loads(text_of(name)), separators=(",", ":"), ensure_ascii=False)

    def test_acknowledgements_byte_for_byte(self):
        ws = self.sim.connect()
        acks = [row for row in jsonl() if row["id"].startswith("ack-")]
        self.assertEqual(len(acks), 2)
        for row in acks:
            header = json.loads(row["frame"])["header"]
            mine = self.answer(ws, message(self.key, header["tr_id"], "005930"))
            theirs = row["frame"].replace(header["tr_key"], "005930")
            self.assertEqual(without_secrets(mine), without_secrets(theirs))
        mine = self.answer(ws, message(self.key, "H0STASP0", "000660"))
        self.assertEqual(without_secrets(mine), without_secrets(self.compact("ws_ack_subscribe_success.json")))

    def test_refusals_byte_for_byte(self):
        first, second = self.sim.connect(), self.sim.connect()
        self.sim.control(do="set", set="ws_registrations=1")
        self.answer(first, message(self.key, "H0STASP0", "005930"))
        self.assertEqual(self.answer(first, message(self.key, "H0STCNT0", "005930")),
                         self.compact("ws_ack_error_max_subscribe.json"))
        self.assertEqual(self.answer(second, message(self.key, "H0STCNT0", "005930")),
                         self.compact("ws_ack_error_already_in_use.json"))

    def test_pingpong_byte_for_byte(self):
        ws = self.sim.connect()
        got = ws.recv()
        theirs = self.compact("ws_pingpong.json")
        self.assertEqual(re.sub(r"\d{14}", "T", got), re.sub(r"\d{14}", "T", theirs))

    def test_documented_requests_are_understood(self):
        ws = self.sim.connect()
        for name, code in (("ws_request_subscribe.json", "OPSP0000"), ("ws_request_unsubscribe.json", "OPSP0001")):
            request = json.loads(text_of(name))
            request["header"]["approval_key"] = self.key
            self.assertEqual(json.loads(self.answer(ws, json.dumps(request)))["body"]["msg_cd"], code)


class Notices(unittest.TestCase):
    def notice(self, options, tr_id, order, want):
        sim = Simulator("--at", "10:05:00", "--market", "still", *options)
        self.addCleanup(sim.close)
        ws = sim.connect()
        ack = subscribe(ws, sim.approval(), tr_id, sim.account["htsid"])["body"]["output"]
        odno = sim.order(*order)
        if want == "fill":
            sim.control(do="fill", odno=odno, qty=1, price=43295)
        found = None
        while found is None or (found[13] == "2") != (want == "fill"):
            found = decrypt(next_frame(ws, tr_id), ack["iv"], ack["key"])[0]
        return found

    def compare(self, mine, theirs, own):
        """Equal in every field but those of the person and the instant, which must have the same form and width."""
        self.assertEqual(len(mine), len(theirs))
        for place, (a, b) in enumerate(zip(mine, theirs)):
            if place in own:
                if b.isdigit():
                    self.assertRegex(a, rf"^\d{{{len(b)}}}$", (place, mine, theirs))
                else:
                    self.assertEqual(form(a), form(b), (place, mine, theirs))
            else:
                self.assertEqual(a, b, (place, mine, theirs))

    def test_receipt_of_26(self):
        theirs = next(row for row in jsonl() if row["id"] == "cni-2026-receipt-plain")["frame"].split("^")
        mine = self.notice(("--set", "fill=never"), "H0STCNI0", ("TTTC0012U", "005930", "01", 1, 0), "receipt")
        self.compare(mine, theirs, {0, 1, 2, 8, 11, 15, 17, 24})

    def test_fill_of_23(self):
        theirs = next(row for row in jsonl() if row["id"] == "cni-2025-fill-plain")["frame"].split("^")
        mine = self.notice(("--set", "fill=never", "--env", "paper"), "H0STCNI9",
                           ("VTTC0012U", "035720", "00", 1, 44000), "fill")
        self.compare(mine, theirs, {0, 1, 2, 8, 11, 17, 21})

    def test_vectors(self):
        """The cipher itself: documented key handling, checked with the openssl program."""
        vectors = json.loads(text_of("ws_notice_constructed_aes_vectors.json"))
        self.assertEqual(len(vectors["vectors"]), 7)
        for one in vectors["vectors"]:
            fields = decrypt(one["frame"], vectors["iv"], vectors["key"])[0]
            self.assertEqual("^".join(fields), one["plaintext"])
            self.assertEqual(len(fields), 26)


class Complete(unittest.TestCase):
    def test_every_recorded_message_is_looked_at(self):
        """A file or line that no test above names would be a golden sample nobody compares."""
        names = {name for name in os.listdir(SAMPLES) if name.startswith("ws_")}
        used = {name.split(":")[0] for tr_id in ("H0STCNT0", "H0STASP0") for name, _ in recorded(tr_id)}
        with open(os.path.abspath(__file__), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual([n for n in sorted(names) if n not in used and n not in text], [])
        ids = {row["id"] for row in jsonl()}
        self.assertEqual([i for i in sorted(ids) if i not in used and i not in text and not i.startswith("ack-")], [])


if __name__ == "__main__":
    unittest.main()
