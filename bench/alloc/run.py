#!/usr/bin/env python3
"""Measure the core's allocator beside glibc's and whichever of jemalloc,
mimalloc and tcmalloc are installed (libjemalloc2, libmimalloc2.0,
libtcmalloc-minimal4). See alloc.c for what is done.

    bench/alloc/run.py [--rounds N] [--json FILE]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}
OBJECTS = ["name", "buffer", "vnode", "block"]


def build(work):
    program = work / "alloc"
    sources = sorted((ROOT / "mem").glob("*.c"))
    sources += [ROOT / "host" / name for name in
                ("lock.c", "once.c", "pages.c", "places.c")]
    subprocess.run(
        ["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", f"-I{ROOT}/include",
         f"-I{ROOT}/vfs", f"-I{ROOT}", HERE / "alloc.c", *sources,
         "-o", program, "-pthread"], check=True)
    return program


def installed():
    """Peers by name, and what is to be loaded for each."""
    found = {"glibc": None}
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True,
                           env={"PATH": "/sbin:/usr/sbin:/bin:/usr/bin"})
    for name, library in PEERS.items():
        if library in known.stdout:
            found[name] = library
    return found


def run(program, kind, preload, words):
    env = dict(os.environ)
    if preload:
        env["LD_PRELOAD"] = preload
    done = subprocess.run([program, kind, *map(str, words)], env=env,
                          capture_output=True, text=True, check=True)
    return {key: float(value) for key, value in
            (line.split() for line in done.stdout.splitlines())}


def cases():
    for work in ("pairs", "bursts"):
        for name in OBJECTS:
            for threads in (1, 2):
                yield (work, name, threads)
    for name in OBJECTS:
        yield ("handed", name, 2)
    yield ("slots", 1)
    yield ("slots", 2)


def contenders(words, peers):
    """Columns: (heading, allocator, what is loaded)."""
    yield from ((name, "malloc", library) for name, library in peers.items())
    yield ("shale", "shale", None)
    yield ("locked", "locked-shale", None)
    if words[0] not in ("slots", "full"):
        yield ("slab", "slab", None)
    if words[-1] == 1 or words[0] == "full":
        yield ("alone", "alone-shale", None)
    if words[0] != "full":
        yield ("void", "void", None)


def measure(program, words, peers, rounds):
    """Medians by contender and key; everybody's turn in each round."""
    seen = {}
    for _ in range(rounds):
        for name, kind, library in contenders(words, peers):
            for key, value in run(program, kind, library, words).items():
                seen.setdefault(name, {}).setdefault(key, []).append(value)
    return {name: {key: statistics.median(values)
                   for key, values in keys.items()}
            for name, keys in seen.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as work:
        program = build(pathlib.Path(work))
        peers = installed()
        columns = [*peers, "shale", "slab", "locked", "alone"]
        print("| ns, less the harness's | " + " | ".join(columns) + " |")
        print("| --- |" + " ---: |" * len(columns))
        for words in cases():
            got = measure(program, words, peers, options.rounds)
            results[" ".join(map(str, words))] = got
            void = got["void"]["ns"]
            print(f"| {' '.join(map(str, words))} | " + " | ".join(
                f"{got[c]['ns'] - void:.1f}" if c in got else ""
                for c in columns) + " |", flush=True)
        for key, what in (("ratio", "slots, peak memory over live"),):
            got = results["slots 1"]
            print(f"| {what} | " + " | ".join(
                f"{got[c][key] - got['void'][key]:.2f}" if c in got else ""
                for c in columns) + " |")
        got = measure(program, ("full",), {"glibc": None}, options.rounds)
        results["full"] = got
        for key, what in (("actions", "256 MiB, million actions a second"),
                          ("full", "256 MiB, full when refused")):
            print(f"| {what} | " + " | ".join(
                f"{got[c][key]:.2f}" if c in got else ""
                for c in columns) + " |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
