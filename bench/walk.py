#!/usr/bin/env python3
"""walk.py - a tree of a million files, walked in a budget of memory

    bench/walk.py [--build DIR] [--work DIR] [--files N] [--budget MIB]
                  [--rounds N] [--peers NAME,...] [--json FILE]

Needs root (loop mounts). The tree is made once, by the library, in the work
folder: 500 MB for a million files. It is listed with all attributes, in one
run and in turns, by

    library         walk.c, within the budget, twice; it watches from outside
                    how much memory is lent to it
    shale, ro / rw  the daemon with -o cache=BUDGET, which is asked after each
                    walk what it has taken (shale info --mem)
    kernel          its own ext2, from a loop device
    fuse2fs         if it is installed

All but the library are new mounts of an image that is in the page cache. After
every walk the kernel knows all files, and is asked to forget nothing.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import run

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
PEERS = {
    "shale, ro": (["{shale}", "mount", "{image}", "{dir}", "-o",
                   "ro,cache={budget}M"], ["{shale}", "umount", "{dir}"]),
    "shale, rw": (["{shale}", "mount", "{image}", "{dir}", "-o",
                   "rw,noatime,cache={budget}M"],
                  ["{shale}", "umount", "{dir}"]),
    "kernel": run.PEERS["kernel"],
    "fuse2fs": run.PEERS["fuse2fs"],
}


def build(args, work):
    """The library's walk, and the meter for mounts."""
    library = args.build / "host" / "libshale.a"
    if not library.exists():
        sys.exit(f"bench: no {library}; build the release preset, or --build")
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", f"-I{TOP}/include",
            HERE / "walk.c", library, "-o", work / "walk", "-pthread", "-ldl")
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", work / "meter",
            HERE / "meter.c")


def make_image(args, work):
    image = work / f"walk-{args.files}.ext2"
    if not image.exists():
        partial = image.with_suffix(".part")
        run.run(work / "walk", "make", partial, args.files)
        partial.rename(image)
    return image


def library(args, work, image):
    done = subprocess.run([work / "walk", "tree", image, str(args.budget)],
                          check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def in_memory(args, peer, mount):
    """What its daemon has: bytes of its heap, and of all its pages."""
    told = {}
    if peer.startswith("shale"):
        done = subprocess.run([args.shale, "info", "--mem", "--json",
                               mount.where], check=True,
                              stdout=subprocess.PIPE, text=True)
        memory = json.loads(done.stdout)["memory"]
        hits, misses = memory["metadata_hits"], memory["metadata_misses"]
        told = {"heap_peak": memory["heap_peak_bytes"],
                "known": memory["known_nodes"],
                "hit_rate": hits / (hits + misses)}
    if peer != "kernel":
        told["resident"] = 1024 * run.resident_kib(
            run.any_process_with(mount.command[0], mount.command))
    return told


def mounted(args, work, image, peer):
    where = work / "mnt"
    where.mkdir(exist_ok=True)
    mount = run.Mount(peer, image, where, args.shale)
    with mount:
        done = run.meter("walk", where, None)
        return {"seconds": done[0], "seen": done[1],
                **in_memory(args, peer, mount)} if done else None


def medians(rounds):
    """Of a list of objects with the same keys."""
    return {key: statistics.median(one[key] for one in rounds)
            for key in rounds[0] if key != "seen"}


def mib(size):
    return f"{size / (1 << 20):.1f} MiB" if size else "-"


def table(args, ours, peers):
    most = max(one["borrowed_peak"] for one in ours)
    lines = ["| by | seconds | hits | memory at most | resident |",
             "| --- | ---: | ---: | ---: | ---: |"]
    for which in ("first", "second"):
        one = medians([run_[which] for run_ in ours])
        lines.append(f"| library, {which} time | {one['seconds']:.2f} | "
                     f"{100 * one['hit_rate']:.1f}% | {mib(most)} | - |")
    for name, rounds in peers.items():
        one = medians(rounds)
        hits = f"{100 * one['hit_rate']:.1f}%" if "hit_rate" in one else "-"
        lines.append(f"| {name} | {one['seconds']:.2f} | {hits} | "
                     f"{mib(one.get('heap_peak'))} | "
                     f"{mib(one.get('resident'))} |")
    return "\n".join(lines)


def judge(args, ours, peers):
    """Never above the budget, and all given back."""
    budget = args.budget << 20
    for one in ours:
        assert one["borrowed_peak"] <= budget, one
        assert one["left"] == one["not_given_back"] == 0, one
    for name, rounds in peers.items():
        for one in rounds:
            assert one.get("heap_peak", 0) <= budget, (name, one)
            if name == "shale, rw":
                assert one["known"] >= args.files, one
        seen = {one["seen"] for one in rounds}
        assert len(seen) == 1, (name, seen)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path,
                        default=TOP / "build/release")
    parser.add_argument("--work", type=pathlib.Path,
                        default=pathlib.Path("/var/tmp/shale-bench"))
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--budget", type=int, default=16, help="MiB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", default=",".join(
        name.replace(", ", "-") for name in PEERS))
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to mount by loop")
    args.shale = args.build.resolve() / "tools" / "shale"
    for name, (mount, umount) in PEERS.items():
        run.PEERS[name] = ([part.replace("{budget}", str(args.budget))
                            for part in mount], umount)
    run.WORK, run.PATIENCE = args.work, 600
    args.work.mkdir(parents=True, exist_ok=True)
    build(args, args.work)
    image = make_image(args, args.work)
    run.read_all(image)

    wanted = [name for name in PEERS
              if name.replace(", ", "-") in args.peers.split(",")]
    ours, peers = [], {}
    for number in range(args.rounds):
        ours.append(library(args, args.work, image))
        for name in wanted:
            one = mounted(args, args.work, image, name)
            if one:
                peers.setdefault(name, []).append(one)
        print(f"round {number + 1}/{args.rounds}", file=sys.stderr)
    print(table(args, ours, peers))
    if args.json:
        args.json.write_text(json.dumps({"library": ours, "mounts": peers},
                                        indent=2) + "\n")
    judge(args, ours, peers)


if __name__ == "__main__":
    main()
