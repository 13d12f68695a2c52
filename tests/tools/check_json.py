#!/usr/bin/env python3
"""check_json.py - are these what `shale check --json` and --jsonl may print?

Names every member that shale-check(1) does, with its type, and no other; none
may come twice. Standard input has four lines for each document: its file, json
or jsonl, what is to be found in it (the exit status, how many volumes, how many
findings), and a name. Prints a line for each that is not so.
"""
import json
import sys

NUMBER, TEXT = int, str
HEX = ("path_hex", "name_hex", "image_hex")

FINDING = {
    "code": TEXT, "severity": TEXT, "object": TEXT,
    "number": (NUMBER, None), "path": (TEXT, None), "name": (TEXT, None),
    "offset": (NUMBER, None), "volume_offset": (NUMBER, None),
    "expected": (NUMBER, None), "found": (NUMBER, None), "sentence": TEXT,
}
SUMMARY = {
    "corruptions": NUMBER, "inconsistencies": NUMBER, "advice": NUMBER,
    "untold": NUMBER, "codes": dict, "files": NUMBER, "directories": NUMBER,
    "unit_size": NUMBER, "units": NUMBER, "units_used": NUMBER,
}
STATS = {
    "bytes_read": NUMBER, "memory_peak": NUMBER,
    "memory_formula": (TEXT, None), "seconds": float,
}
VOLUME = {
    "partition": (NUMBER, None), "start": NUMBER, "size": NUMBER,
    "missing": NUMBER,
    "type": (TEXT, None), "content": (TEXT, None), "verdict": TEXT,
    "complete": bool, "counted": bool, "error": (TEXT, None),
    "exit": NUMBER, "summary": dict, "stats": (dict, None),
}
IMAGE = {
    "image": (TEXT, None), "exit": NUMBER, "error": (TEXT, None),
    "in_use": (TEXT, None),
}
VERDICTS = {"sound", "damaged", "interrupted", "not finished", "not checked"}
SEVERITIES = {"corruption", "inconsistency", "advice"}
OBJECTS = {"volume", "group", "block", "cluster", "inode", "file",
           "MFT record"}


def once(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"twice: {keys}"
    return dict(pairs)


def is_one(value, types):
    types = types if isinstance(types, tuple) else (types,)
    return any(value is None if each is None else type(value) is each
               for each in types)


def matches(value, schema):
    names = [key for key in value if key not in HEX]
    assert sorted(names) == sorted(schema), f"{names}, not {list(schema)}"
    for key, types in schema.items():
        assert is_one(value[key], types), f"{key}: {value[key]!r}"
    for key in HEX:
        assert key not in value or "\ufffd" in value[key.removesuffix("_hex")]


def finding(value, more=()):
    matches(value, FINDING | dict(more))
    assert value["severity"] in SEVERITIES and value["object"] in OBJECTS
    assert (value["expected"] is None) == (value["found"] is None)
    assert (value["offset"] is None) == (value["volume_offset"] is None)


def volume(value, more=()):
    matches(value, VOLUME | dict(more))
    matches(value["summary"], SUMMARY)
    assert all(is_one(n, NUMBER) for n in value["summary"]["codes"].values())
    if value["stats"] is not None:
        matches(value["stats"], STATS)
    assert value["verdict"] in VERDICTS
    assert value["type"] is not None or value["verdict"] == "not checked" or (
        value["missing"] > 0 and value["size"] == 0)


def told(value, findings):
    """Do the numbers agree with the FINDINGS that volume VALUE has?"""
    summary = value["summary"]
    count = sum(summary[name]
                for name in ("corruptions", "inconsistencies", "advice"))
    assert sum(summary["codes"].values()) == count
    assert all(summary["codes"].values())
    assert findings is None or len(findings) == count - summary["untold"]


def document(text):
    value = json.loads(text, object_pairs_hook=once)
    matches(value, IMAGE | {"volumes": list})
    for each in value["volumes"]:
        volume(each, {"findings": (list, None)})
        told(each, each["findings"])
        for one in each["findings"] or []:
            finding(one)
    exits = 0
    for each in value["volumes"]:
        exits |= each["exit"]
    assert value["error"] is not None or exits == value["exit"]
    return value["exit"], len(value["volumes"]), sum(
        len(each["findings"] or []) for each in value["volumes"])


def lines(text):
    *rows, last = [json.loads(line, object_pairs_hook=once)
                   for line in text.splitlines()]
    assert last.pop("kind") == "image"
    matches(last, IMAGE)
    volumes, findings, pending = 0, 0, []
    for row in rows:
        kind = row.pop("kind")
        if kind == "finding":
            finding(row, {"partition": (NUMBER, None)})
            pending.append(row)
            continue
        assert kind == "volume", kind
        volume(row, {"image": TEXT})
        told(row, pending or None)
        assert all(one["partition"] == row["partition"] for one in pending)
        volumes, findings, pending = volumes + 1, findings + len(pending), []
    assert not pending
    return last["exit"], volumes, findings


def judge(path, form, want, name):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        got = (document if form == "json" else lines)(text)
    except (AssertionError, ValueError, KeyError) as error:
        print(f"{name}: {error!r}")
        return
    if " ".join(map(str, got)) != want:
        print(f"{name}: want {want}, got {got}")


if __name__ == "__main__":
    rows = sys.stdin.buffer.read().decode("utf-8").splitlines()
    for at in range(0, len(rows), 4):
        judge(*rows[at:at + 4])
