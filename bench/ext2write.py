#!/usr/bin/env python3
"""ext2write.py - writing ext2: Shale beside its peers, in one run, as ratios

    bench/ext2write.py [--shale PATH] [--work DIR] [--rounds N]
                       [--only PART,...] [--peers NAME,...] [--json FILE]

The parts: churn (10,000 files made, renamed and removed), tree (20,000 files
copied in), untar (a source tree unpacked), stream (1 GiB copied in, and out
again), random (4 KiB in places of a file of 256 MiB, with an fsync at the end
or after each) and bigdir (a directory of 50,000 names made, listed, looked up
and removed). Each is timed with its mount and unmount and what is then left to
be written of the image, unless it says "asked": that is the time that the
program itself had to wait.

Needs root, 5 GB in the work folder, and what run.py needs. Numbers are medians;
peers take turns as there. What a peer does not do within 20 seconds has no
number, and is not tried again.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import time

import fat
import run

PARTS = ["churn", "tree", "untar", "stream", "random", "bigdir"]
PATIENCE = 20                   # seconds
NAMES = 50_000
FUSE_PEERS = ("fuse2fs", "fuseext2")

# Peer: how it mounts, how it lets go.
WRITERS = {
    "shale": (["{shale}", "mount", "{image}", "{dir}", "-o", "rw"],
              run.PEERS["shale"][1]),
    "kernel": (["mount", "-t", "ext2", "-o", "loop", "{image}", "{dir}"],
               run.PEERS["kernel"][1]),
    "fuse2fs": (["fuse2fs", "-o", "rw", "{image}", "{dir}"],
                run.PEERS["fuse2fs"][1]),
    "fuseext2": (["fuseext2", "-o", "rw+", "{image}", "{dir}"],
                 run.PEERS["fuseext2"][1]),
}


class GaveUp(Exception):
    pass


def action(*command, **kwargs):
    """Run a program that works on the mount."""
    try:
        return subprocess.run([str(c) for c in command], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=PATIENCE,
                              stderr=subprocess.DEVNULL, **kwargs).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as why:
        raise GaveUp(str(why)[:100]) from why


def meter(verb, path, *more, names=()):
    out = action(run.WORK / "meter", verb, path, *more,
                 **({"input": "\n".join(names)} if names
                    else {"stdin": subprocess.DEVNULL}))
    return float(out.split()[0])


class Bench:
    def __init__(self, args):
        self.args = args
        self.results = {}       # what: {peer: [seconds, ...]}
        self.hopeless = set()   # (part, peer)
        self.where = run.WORK / "mnt"
        self.where.mkdir(exist_ok=True)

    def note(self, what, peer, seconds):
        self.results.setdefault(what, {}).setdefault(peer, []).append(seconds)

    def mounted(self, peer, image):
        run.PEERS[peer] = WRITERS[peer]
        return run.Mount(peer, image, self.where, self.args.shale)

    def timed(self, what, peer, image, work):
        """Note the seconds of WORK, from before the mount until all is on the
        disk."""
        os.sync()
        start = time.monotonic()
        with self.mounted(peer, image):
            work(self.where)
        with open(image, "rb") as f:
            os.fsync(f.fileno())
        self.note(what, peer, time.monotonic() - start)

    def asked(self, what, peer, *how, **names):
        """Note the seconds that the meter counts."""
        self.note(f"{what}, asked", peer, meter(*how, **names))

    def check(self, peer, image):
        done = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            print(f"{peer} left errors: {done.stdout[-300:]}", file=sys.stderr)


def blank(size, *options):
    path = run.WORK / "writing.ext2"
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, size)
    run.run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", *options, path)
    return path


# ------------------------------------------------------------- what is copied

def source_archive():
    """A tar of 5,000 files in 400 folders, of the sizes that sources have."""
    path = run.WORK / "sources.tar"
    if path.exists():
        return path
    dice = random.Random(5)
    words = [f"word{i}" for i in range(500)]
    folder = run.WORK / "sources"
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(5_000):
        place = number % 400
        file = folder / f"lib{place % 20:02}" / f"part{place // 20:02}" / \
            f"module_{number:04}.c"
        file.parent.mkdir(parents=True, exist_ok=True)
        count = min(int(dice.lognormvariate(8.7, 1.2)), 400_000)
        file.write_text(" ".join(dice.choices(words, k=count // 7 + 1)))
    partial = path.with_suffix(".part")
    with tarfile.open(partial, "w") as tar:
        tar.add(folder, "sources")
    shutil.rmtree(folder)
    partial.rename(path)
    return path


def large_file():
    path = run.WORK / "large"
    if not path.exists():
        dice = random.Random(3)
        with open(path, "wb") as out:
            for _ in range(1024):
                out.write(dice.randbytes(1 << 20))
    return path


def in_memory(*paths):
    for path in paths:
        for file in [path, *path.rglob("*")]:
            if file.is_file():
                run.read_all(file)


# -------------------------------------------------------------------- parts

def churn(bench, peer):
    image = blank(256 << 20, "-N", "60000")

    def work(where):
        for verb in ("create", "rename", "unlink"):
            bench.asked(f"{verb} 10,000 files", peer, verb, where)

    bench.timed("10,000 files made, renamed, removed", peer, image, work)
    bench.check(peer, image)


def tree(bench, peer):
    image = blank(400 << 20, "-N", "60000")
    source, _, _ = fat.make_tree(run.WORK)
    in_memory(source)
    bench.timed("copy 20,000 files in", peer, image,
                lambda where: action("cp", "-r", source, where))
    bench.check(peer, image)


def untar(bench, peer):
    image = blank(400 << 20, "-N", "60000")
    archive = source_archive()
    in_memory(archive)
    bench.timed("unpack a source tree", peer, image,
                lambda where: action("tar", "xf", archive, "-C", where))
    bench.check(peer, image)


def stream(bench, peer):
    image = blank(1200 << 20)
    large = large_file()
    in_memory(large)
    bench.timed("1 GiB in", peer, image,
                lambda where: action("cp", large, where))
    bench.check(peer, image)
    run.drop_caches()
    with bench.mounted(peer, image):
        bench.asked("1 GiB out, cold", peer, "stream", bench.where / "large")


def random_places(bench, peer):
    image = blank(400 << 20)
    with bench.mounted("shale", image):
        with open(bench.where / "file", "wb") as out:
            for _ in range(256):
                out.write(bytes(1 << 20))
    bench.timed("10,000 random 4 KiB writes, one fsync", peer, image,
                lambda where: meter("overwrite", where / "file"))
    bench.timed("400 random 4 KiB writes, each with fsync", peer, image,
                lambda where: meter("fsync", where / "file"))
    bench.check(peer, image)


def bigdir(bench, peer):
    image = blank(256 << 20, "-N", "60000")
    names = [f"file-number-{i:05}.data" for i in range(NAMES)]

    def fill(where):
        (where / "many").mkdir()
        meter("create", where / "many", NAMES)

    def empty(where):
        meter("rename", where / "many", NAMES)
        meter("unlink", where / "many", NAMES)

    bench.timed("50,000 names made", peer, image, fill)
    bench.check(peer, image)
    run.drop_caches()
    with bench.mounted(peer, image):
        bench.asked("50,000 names listed, cold", peer, "walk",
                    bench.where / "many")
    run.drop_caches()
    with bench.mounted(peer, image):
        bench.asked("50,000 names looked up, cold", peer, "lookup",
                    bench.where / "many", names=names)
    bench.timed("50,000 names renamed and removed", peer, image, empty)
    bench.check(peer, image)


WORK_OF = {"churn": churn, "tree": tree, "untar": untar, "stream": stream,
           "random": random_places, "bigdir": bigdir}


def measure(bench):
    peers = bench.args.peers
    for number in range(bench.args.rounds):
        for part in bench.args.only:
            turn = number % len(peers)
            for peer in peers[turn:] + peers[:turn]:
                if (part, peer) in bench.hopeless:
                    continue
                try:
                    WORK_OF[part](bench, peer)
                except (GaveUp, OSError, subprocess.CalledProcessError) as why:
                    print(f"no number: {part}: {peer}: {why}", file=sys.stderr)
                    bench.hopeless.add((part, peer))
            print(f"round {number + 1}/{bench.args.rounds}: {part}",
                  file=sys.stderr)
    (run.WORK / "writing.ext2").unlink(missing_ok=True)


def report(bench):
    medians = {what: {p: statistics.median(v) for p, v in row.items()}
               for what, row in bench.results.items()}
    peers = bench.args.peers
    print("| what | " + " | ".join(f"{p}, s" for p in peers)
          + " | fastest FUSE peer / shale | kernel / shale |")
    print("| --- |" + " ---: |" * (len(peers) + 2))
    for what, row in medians.items():
        fuse = [row[p] for p in FUSE_PEERS if p in row]
        others = [min(fuse) if fuse else None, row.get("kernel")]
        ratios = [f"{o / row['shale']:.2f}" if o and "shale" in row else "-"
                  for o in others]
        print(f"| {what} | "
              + " | ".join(f"{row[p]:.3f}" if p in row else "-" for p in peers)
              + " | " + " | ".join(ratios) + " |")
    return medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shale",
                        default=run.TOP / "build/release/tools/shale")
    parser.add_argument("--work", default="/var/tmp/shale-bench")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--peers", default=",".join(WRITERS))
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    args.only = args.only.split(",")
    args.shale = pathlib.Path(args.shale).resolve()
    args.peers = [p for p in args.peers.split(",")
                  if p in ("shale", "kernel") or shutil.which(p)]
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to mount by loop and to drop caches")

    run.WORK = pathlib.Path(args.work)
    run.WORK.mkdir(parents=True, exist_ok=True)
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", run.WORK / "meter",
            run.HERE / "meter.c")
    bench = Bench(args)
    measure(bench)
    medians = report(bench)
    if args.json:
        args.json.write_text(json.dumps({"rounds": args.rounds,
                                         "seconds": medians}, indent=2) + "\n")


if __name__ == "__main__":
    main()
