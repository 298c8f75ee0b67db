"""Compares an answer (standard input) with a recorded one, field by field: key names, their order and case, containers,
JSON types, and the form of every value: zero-padded digits by their width, decimals by their places, padding by its
width in bytes of CP949, flags, codes. Other values may differ; rt_cd, msg_cd and msg1 may not.

usage: golden.py SAMPLE[#N][@KEY] [OPTION...]
  #N            the N-th element of a recorded list
  @KEY          this member of the recorded answer only
  at=KEY        this member of the answer only
  missing=KEYS  the sample's, not in the answer             extra=KEYS  the answer's, not in the sample
  empty=KEYS    may be empty on one side only               free=KEYS   may have any form or value
  subset        the sample shows only some keys, picked out by its source in an order of its own
  some_rows     not every recorded row has its like in the answer
  common        only what both have is compared (the sample is a neighbouring transaction's)
"""
import json
import re
import sys

CODES = re.compile(r"(_cd|_tmd|_dt|_date|_day|_hour|_code|odno|pdno|iscd|brno|orgno|_dvsn|_no10|record_date)$", re.I)
EXACT = ("rt_cd", "msg_cd", "error_code")


class Wrong(Exception):
    pass


class Rules:
    def __init__(self, words):
        self.keys = {"missing": set(), "extra": set(), "empty": set(), "free": set()}
        self.at, self.subset, self.common, self.some_rows = None, False, False, False
        for word in words:
            name, _, value = word.partition("=")
            if name == "at":
                self.at = value
            elif name in self.keys:
                self.keys[name] = set(value.split(","))
            elif word in ("subset", "common", "some_rows"):
                setattr(self, word, True)
            else:
                raise SystemExit(f"unknown option {word}")


def width(text):
    return len(text.encode("cp949"))


def form(key, text):
    """What a value looks like."""
    if text == "":
        return "empty"
    if re.fullmatch(r"\d{4}/\d\d/\d\d( ~ \d{4}/\d\d/\d\d)?|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text):
        return "date of %d" % len(text)
    if re.fullmatch(r"[0-9]+", text) and (CODES.search(key) or (len(text) > 1 and text[0] == "0")):
        return "%d digits" % len(text)
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return "number"
    if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", text):
        return "number with %d places" % len(text.split(".")[1])
    if re.fullmatch(r"[YN]", text):
        return "flag"
    if CODES.search(key) and re.fullmatch(r"[0-9A-Z]+", text):
        return "code of %d" % len(text)
    return "text"


def compare_value(key, want, got, at, rules):
    if key in rules.keys["free"]:
        return
    if key in EXACT or (key in ("msg1", "error_description", "message")):
        if want.rstrip(" ") != got.rstrip(" "):
            raise Wrong(f"{at}: {got!r}, wanted {want!r}")
    if (want == "") != (got == ""):
        if key not in rules.keys["empty"]:
            raise Wrong(f"{at}: {got!r}, wanted {want!r}")
        return
    if want != want.strip(" ") or got != got.strip(" "):
        if width(want) != width(got) or (want[-1:] == " ") != (got[-1:] == " "):
            raise Wrong(f"{at}: {width(got)} bytes of CP949 {got!r}, wanted {width(want)} {want!r}")
        return
    if form(key, want) != form(key, got):
        raise Wrong(f"{at}: {got!r} is {form(key, got)}, wanted {form(key, want)} as in {want!r}")


def compare(key, want, got, at, rules):
    if type(want) is not type(got):
        raise Wrong(f"{at}: {type(got).__name__}, wanted {type(want).__name__}")
    if isinstance(want, dict):
        want_keys = [k for k in want if k != "_note" and k not in rules.keys["missing"]]
        got_keys = [k for k in got if k not in rules.keys["extra"] and k not in rules.keys["missing"]]
        if rules.subset or rules.common:
            got_keys = [k for k in got_keys if k in want_keys]
        if rules.common:
            want_keys = [k for k in want_keys if k in got_keys]
        if rules.subset or rules.common:
            got_keys = [k for k in want_keys if k in got_keys]
        if rules.common:
            if len(want_keys) < 3:
                raise Wrong(f"{at}: hardly anything in common")
        if want_keys != got_keys:
            raise Wrong(f"{at}: keys\n  {got_keys}\nwanted\n  {want_keys}")
        for name in want_keys:
            compare(name, want[name], got[name], f"{at}.{name}", rules)
    elif isinstance(want, list):
        compare_rows(key, want, got, at, rules)
    elif isinstance(want, str):
        compare_value(key, want, got, at, rules)


def unlike_all(key, row, others, at, rules, ours):
    """Why a row is like none of the others; None = it is like one. `ours` tells whose row it is."""
    first = None
    for other in others:
        want, got = (other, row) if ours else (row, other)
        try:
            compare(key, want, got, at, rules)
            return None
        except Wrong as wrong:
            first = first or wrong
    return first


def compare_rows(key, want, got, at, rules):
    """Every row of the answer must be like one of the recorded ones, and every recorded one like one of the answer, unless
    the table says that the question does not bring about all that was recorded."""
    if bool(want) != bool(got):
        raise Wrong(f"{at}: {len(got)} rows, the sample has {len(want)}")
    for i, row in enumerate(got):
        wrong = unlike_all(key, row, want, f"{at}[{i}]", rules, True)
        if wrong is not None:
            raise wrong
    for i, row in enumerate(want):
        wrong = None if rules.some_rows else unlike_all(key, row, got, f"{at}, recorded row {i}", rules, False)
        if wrong is not None:
            raise wrong


def sample_of(place):
    path, _, key = place.partition("@")
    path, _, number = path.partition("#")
    with open(path, encoding="utf-8") as file:
        want = json.load(file)
    if number:
        want = want[int(number)]
    return want[key] if key else want


def main():
    want, rules = sample_of(sys.argv[1]), Rules(sys.argv[2:])
    text = sys.stdin.read()
    if ": " in text.split("\n")[0][:20]:
        print("the answer has blanks after its colons")
        return 1
    try:
        got = json.loads(text)
        compare("", want, got if rules.at is None else got[rules.at], "$", rules)
    except (ValueError, KeyError, Wrong) as wrong:
        print(wrong)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
