"""Compares an answer (standard input) with a recorded one: key names, their order and case, containers, types,
and the padding of values that the recorded one pads. Values themselves may differ.

usage: golden.py SAMPLE [missing=KEY,KEY] [extra=KEY,KEY]
Keys in `missing` may be absent from the answer, keys in `extra` may be absent from the sample.
"""
import json
import sys


class Wrong(Exception):
    pass


def width(text):
    return len(text.encode("cp949"))


def compare(want, got, at, missing, extra):
    if type(want) is not type(got):
        raise Wrong(f"{at}: {type(got).__name__}, wanted {type(want).__name__}")
    if isinstance(want, dict):
        want_keys = [k for k in want if k != "_note" and k not in missing]
        got_keys = [k for k in got if k not in extra and k not in missing]
        if want_keys != got_keys:
            raise Wrong(f"{at}: keys\n  {got_keys}\nwanted\n  {want_keys}")
        for key in want_keys:
            compare(want[key], got[key], f"{at}.{key}", missing, extra)
    elif isinstance(want, list):
        if want and not got:
            raise Wrong(f"{at}: no row to compare")
        if want:
            compare(want[0], got[0], f"{at}[0]", missing, extra)
    elif isinstance(want, str):
        padded = want != want.rstrip(" ") or (width(want) in (20, 80, 100, 200) and want.strip(" ") != want)
        if padded and width(want) != width(got):
            raise Wrong(f"{at}: {width(got)} bytes of CP949, wanted {width(want)}")
        if not padded and got != got.rstrip(" "):
            raise Wrong(f"{at}: padded, wanted no padding")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        want = json.load(file)
    missing, extra = set(), set()
    for word in sys.argv[2:]:
        name, _, keys = word.partition("=")
        if name == "missing":
            missing = set(keys.split(","))
        elif name == "extra":
            extra = set(keys.split(","))
    text = sys.stdin.read()
    if ": " in text.split("\n")[0][:20]:
        print("the answer has blanks after its colons")
        return 1
    try:
        compare(want, json.loads(text), "$", missing, extra)
    except Wrong as wrong:
        print(wrong)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
