"""Compares an answer (standard input) with the documented field list: names, order, containers, all values texts, lengths.

usage: shape.py FIELDS.tsv TRANSACTION [OPTION...]
  rename=A:B,...  the page's A is really B       absent=KEYS  may be missing
  upper, lower    keys of an order answer in capitals; container names in small letters
  extra=KEYS      the answer's own               anylen       the page's lengths are wrong
"""
import json
import sys


def width(text):
    return len(text.encode("cp949"))


def wanted(path, transaction):
    containers = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                continue
            name, container, shape, field, length = line.rstrip("\n").split("\t")
            if name == transaction:
                containers.setdefault(container, (shape, []))[1].append((field, length))
    if not containers:
        raise SystemExit(f"no fields of {transaction}")
    return containers


def options_of(words):
    options = {"rename": {}, "absent": set(), "extra": set(), "upper": False, "lower": False, "anylen": False}
    for word in words:
        name, _, value = word.partition("=")
        if name == "rename":
            options["rename"] = dict(pair.split(":") for pair in value.split(","))
        elif name in ("absent", "extra"):
            options[name] = set(value.split(","))
        elif word in options:
            options[word] = True
        else:
            raise SystemExit(f"unknown option {word}")
    return options


def faults_of_row(at, row, fields, options):
    if not isinstance(row, dict):
        return [f"{at} is no object"]
    names, lengths, faults = [], {}, []
    for field, length in fields:
        field = options["rename"].get(field, field)
        field = field.upper() if options["upper"] else field
        lengths[field] = length
        if field in row or field not in options["absent"]:
            names.append(field)
    got = [key for key in row if key not in options["extra"]]
    if got != names:
        return [f"{at}: {got}\nwanted {names}"]
    for key, value in row.items():
        if not isinstance(value, str):
            faults.append(f"{at}.{key} is no text: {value!r}")
            continue
        length = lengths.get(key, "-")
        if length != "-" and not options["anylen"]:
            whole, _, places = length.partition(".")
            if width(value) > int(whole) + (int(places) + 2 if places else 0):
                faults.append(f"{at}.{key} is longer than {length}: {value!r}")
    return faults


def faults_of(answer, containers, options):
    faults = []
    if answer.get("rt_cd") != "0":
        return [f"refused: {answer}"]
    top = []
    for name, (shape, fields) in containers.items():
        if name == "-":
            top += [field for field, _ in fields]
            continue
        name = name.lower() if options["lower"] else name
        top.append(name)
        value = answer.get(name)
        if isinstance(value, list) != (shape == "list"):
            faults.append(f"{name} is {type(value).__name__}, wanted {shape}")
            continue
        if value == []:
            faults.append(f"{name} has no row to look at")
        for i, row in enumerate(value if shape == "list" else [value]):
            faults += faults_of_row(f"{name}[{i}]", row, fields, options)
    envelope = ["rt_cd", "msg_cd", "msg1"]
    got = [key for key in answer if key not in envelope and not key.startswith("ctx_area_")]
    if got != [name for name in top if not name.startswith("ctx_area_")]:
        faults.append(f"containers {got}, wanted {top}")
    if [key for key in answer if key in envelope] != envelope:
        faults.append(f"envelope {list(answer)}")
    return faults


def main():
    faults = faults_of(json.load(sys.stdin), wanted(sys.argv[1], sys.argv[2]), options_of(sys.argv[3:]))
    print("\n".join(faults[:8]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
