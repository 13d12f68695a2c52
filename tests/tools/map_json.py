#!/usr/bin/env python3
"""map_json.py layout|owner|file - is this what `shale map --json` may print?

Names every member that shale-map(1) does, with its type, and no other; none may
come twice. The document is read from standard input.
"""
import sys

import json
from check_json import NUMBER, TEXT, OBJECTS, VERDICTS, is_one, matches, once

TYPES = {"fat", "ext2", "ntfs"}
USES = {"boot", "table", "bitmap", "inodes", "directory", "map", "attributes",
        "journal", "data", "system", "bad", "lost"}
LAYOUT = {
    "image": TEXT, "partition": (NUMBER, None), "type": TEXT,
    "label": (TEXT, None), "start": NUMBER, "size": NUMBER,
    "missing": NUMBER, "volume_size": NUMBER,
    "unit_size": NUMBER, "units": NUMBER, "units_used": NUMBER,
    "verdict": TEXT, "bytes": dict, "shared": NUMBER, "fragmentation": dict,
    "unplaced_findings": NUMBER, "cell_size": NUMBER, "cells": list,
}
FRAGMENTATION = {
    "files": NUMBER, "fragmented_files": NUMBER, "gaps": NUMBER,
    "bytes_after_gaps": NUMBER,
}
CELL = {
    "start": NUMBER, "length": NUMBER, "used": dict, "fragmented": NUMBER,
    "object": (TEXT, None), "number": (NUMBER, None), "path": (TEXT, None),
    "findings": NUMBER, "code": (TEXT, None),
}
OWNERS = {
    "image": TEXT, "partition": (NUMBER, None), "type": (TEXT, None),
    "unit_size": (NUMBER, None), "answers": list,
}
ANSWER = {
    "asked": TEXT, "inside": bool, "offset": (NUMBER, None),
    "volume_offset": (NUMBER, None), "unit": (NUMBER, None), "owners": list,
    "more_owners": NUMBER,
}
OWNER = {
    "use": TEXT, "object": TEXT, "number": (NUMBER, None),
    "path": (TEXT, None), "position": (NUMBER, None), "start": NUMBER,
    "length": NUMBER,
}
FILE = {
    "path": TEXT, "ino": NUMBER, "size": NUMBER, "unit_size": NUMBER,
    "pieces": NUMBER, "extents": list,
}
EXTENT = {
    "position": NUMBER, "length": NUMBER, "start": (NUMBER, None),
    "unit": (NUMBER, None), "units": (NUMBER, None), "kind": TEXT,
}
KINDS = {"data", "hole", "unwritten", "inline", "encoded"}


def layout(value):
    matches(value, LAYOUT)
    matches(value["fragmentation"], FRAGMENTATION)
    assert value["type"] in TYPES and value["verdict"] in VERDICTS
    assert set(value["bytes"]) == USES | {"free"}
    assert all(is_one(n, NUMBER) for n in value["bytes"].values())
    assert sum(value["bytes"].values()) == value["size"]
    assert 0 < len(value["cells"]) <= 1024
    for cell in value["cells"]:
        matches(cell, CELL)
        assert set(cell["used"]) <= USES
        assert cell["object"] is None or cell["object"] in OBJECTS
        assert (cell["code"] is None) == (cell["findings"] == 0)


def owner(value):
    matches(value, OWNERS)
    assert value["type"] in TYPES | {None}
    assert (value["type"] is None) == (value["unit_size"] is None)
    for answer in value["answers"]:
        matches(answer, ANSWER)
        assert value["type"] or not answer["inside"]
        assert (answer["offset"] is not None) == answer["inside"]
        for one in answer["owners"]:
            matches(one, OWNER)
            assert one["use"] in USES and one["object"] in OBJECTS


def file(value):
    for one in value:
        matches(one, FILE)
        for extent in one["extents"]:
            matches(extent, EXTENT)
            assert extent["kind"] in KINDS
            assert (extent["start"] is None) == (
                extent["kind"] in ("hole", "inline"))


if __name__ == "__main__":
    globals()[sys.argv[1]](json.loads(sys.stdin.buffer.read().decode("utf-8"),
                                      object_pairs_hook=once))
