#!/usr/bin/env python3
"""fat.py - FAT through Shale beside its peers, in one run, as ratios

    bench/fat.py [--shale PATH] [--work DIR] [--rounds N] [--only PART,...]
                 [--peers NAME,...]

The parts: reading (the same tree on FAT and ext2), churn (10,000 files made,
renamed and removed), copying (a tree and a large file, in and out), fragments
(random reads near the start and near the end of a file in 4 KiB pieces) and
mount (512 GiB). Needs root, 5 GB in the work folder, and what run.py needs.
Numbers are medians; peers take turns as there.
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import struct
import subprocess
import sys
import time

import run

FILES = 20_000
PARTS = ["reading", "churn", "copying", "fragments", "mount"]

# Peer: (what it mounts, how, how it lets go), for reading and for writing.
READERS = {
    "shale": ("fat", *run.PEERS["shale"]),
    "shale-ext2": ("ext2", *run.PEERS["shale"]),
    "kernel-ext2": ("ext2", *run.PEERS["kernel"]),
    "fusefat": ("fat", ["fusefat", "-o", "ro", "{image}", "{dir}"],
                ["fusermount", "-u", "{dir}"]),
    "grub-mount": ("fat", *run.PEERS["grub-mount"]),
}
WRITERS = {
    "shale": ("fat", ["{shale}", "mount", "{image}", "{dir}", "-o", "rw"],
              run.PEERS["shale"][1]),
    "kernel-ext2": ("ext2", ["mount", "-t", "ext2", "-o", "loop", "{image}",
                             "{dir}"], ["umount", "{dir}"]),
    "fusefat": ("fat", ["fusefat", "-o", "rw+", "{image}", "{dir}"],
                ["fusermount", "-u", "{dir}"]),
}


class Bench:
    def __init__(self, args):
        self.args = args
        self.results = {}       # (what, state): {peer: [seconds, ...]}
        self.where = run.WORK / "mnt"
        self.where.mkdir(exist_ok=True)

    def note(self, what, peer, seconds):
        self.results.setdefault((what, ""), {}).setdefault(peer, []) \
                    .append(seconds)

    def mount(self, table, peer, image):
        run.PEERS[peer] = table[peer][1:]
        return run.Mount(peer, image, self.where, self.args.shale)

    def turns(self, table, number):
        peers = [p for p in table if p in self.args.peers]
        turn = number % len(peers) if peers else 0
        return peers[turn:] + peers[:turn]


def blank(path, size, *mkfs):
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, size)
    run.run(*mkfs, path, stderr=subprocess.DEVNULL)
    return path


def blank_for(fs, path, size):
    if fs == "fat":
        return blank(path, size, "mkfs.fat", "-F", "32")
    return blank(path, size, "mke2fs", "-q", "-F", "-t", "ext2", "-N", "60000")


def mcopy(image, source):
    run.run("mcopy", "-s", "-Q", "-i", image, *sorted(source.iterdir()), "::")


def make_tree(work):
    """The tree to read and to copy, and images of it."""
    source = work / "fat.src"
    names = [f"d{i // 100:03}/file-number-{i:05}.data" for i in range(FILES)]
    if not source.exists():
        dice = random.Random(2)
        partial = work / "fat.src.part"
        shutil.rmtree(partial, ignore_errors=True)
        for name in names:
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = dice.choice([0, 100, 900, 2000, 4096, 9000])
            path.write_bytes(dice.randbytes(size))
        partial.rename(source)
    images = {"fat": work / "tree.fat", "ext2": work / "tree20.ext2"}
    if not images["fat"].exists():
        part = blank(work / "tree.fat.part", 400 << 20, "mkfs.fat", "-F", "32",
                     "-s", "8")
        mcopy(part, source)
        part.rename(images["fat"])
    if not images["ext2"].exists():
        run.run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-N", "30000",
                "-d", source, images["ext2"], "400M", stderr=subprocess.DEVNULL)
    return source, images, names


def reading(bench, number):
    _, images, names = make_tree(run.WORK)
    for verb in ("walk", "lookup", "files"):
        for peer in bench.turns(READERS, number):
            image = images[READERS[peer][0]]
            for state in ("cold", "cached"):
                run.drop_caches()
                if state == "cached":
                    run.read_all(image)
                with bench.mount(READERS, peer, image):
                    wanted = names if verb == "lookup" else None
                    done = run.meter(verb, bench.where, wanted)
                    if done:
                        bench.note(f"{verb}, {state}", peer, done[0])
                    again = state == "cached" and done and \
                        run.meter(verb, bench.where, wanted)
                    if again:
                        bench.note(f"{verb}, again", peer, again[0])


def churn(bench, number):
    for peer in bench.turns(WRITERS, number):
        fs = WRITERS[peer][0]
        image = blank_for(fs, run.WORK / f"churn.{fs}", 256 << 20)
        with bench.mount(WRITERS, peer, image):
            for verb in ("create", "rename", "unlink"):
                done = run.meter(verb, bench.where, None)
                if not done:
                    break
                bench.note(f"{verb} 10,000 files", peer, done[0])
        image.unlink()


def timed(paths, action):
    """Seconds of action; what it copies is cached, nothing else is."""
    run.drop_caches()
    for path in paths:
        for file in [path, *path.rglob("*")]:
            if file.is_file():
                run.read_all(file)
    start = time.monotonic()
    action()
    return time.monotonic() - start


def copying(bench, number):
    source, _, _ = make_tree(run.WORK)
    large = run.WORK / "large"
    if not large.exists():
        dice = random.Random(3)
        with open(large, "wb") as out:
            for _ in range(1024):
                out.write(dice.randbytes(1 << 20))
    for what, paths in (("a tree in", sorted(source.iterdir())),
                        ("1 GiB in", [large])):
        for peer in [*bench.turns(WRITERS, number), "mcopy", "shale put"]:
            fs = WRITERS[peer][0] if peer in WRITERS else "fat"
            image = blank_for(fs, run.WORK / f"copy.{fs}", 1400 << 20)

            def through_mount():
                with bench.mount(WRITERS, peer, image):
                    run.run("cp", "-r", *paths, bench.where)
                with open(image, "rb") as f:
                    os.fsync(f.fileno())

            def by_mcopy():
                run.run("mcopy", "-s", "-Q", "-i", image, *paths, "::")
                with open(image, "rb") as f:
                    os.fsync(f.fileno())

            def by_put():
                run.run(bench.args.shale, "put", "-r", image, *paths)

            action = {"mcopy": by_mcopy, "shale put": by_put}.get(
                peer, through_mount)
            try:
                bench.note(f"copy {what}", peer, timed(paths, action))
            except subprocess.CalledProcessError as why:
                print(f"no number: {peer}: {why}", file=sys.stderr)
            image.unlink()


def make_fragments(path):
    """A file of 1 GiB on FAT32, every cluster of 4 KiB away from the next."""
    clusters = (1 << 30) // 4096
    part = blank(path.with_suffix(".part"), 1100 << 20, "mkfs.fat", "-F", "32",
                 "-s", "8", "-f", "1", "-R", "32")
    with open(part, "r+b") as f:
        boot = f.read(512)
        sectors_per_fat, = struct.unpack_from("<I", boot, 36)
        order = list(range(3, 3 + clusters))
        random.Random(4).shuffle(order)
        fat = bytearray(sectors_per_fat * 512)
        struct.pack_into("<3I", fat, 0, 0x0ffffff8, 0x0fffffff, 0x0fffffff)
        for at, after in zip(order, order[1:] + [0x0fffffff]):
            struct.pack_into("<I", fat, 4 * at, after)
        f.seek(32 * 512)
        f.write(fat)
        entry = struct.pack("<11sB8xHHHHI", b"BIG        ", 0x20,
                            order[0] >> 16, 0, 0x5921, order[0] & 0xffff,
                            1 << 30)
        f.seek((32 + sectors_per_fat) * 512)
        f.write(entry)
    part.rename(path)


def fragments(bench, number):
    image = run.WORK / "fragments.fat"
    if not image.exists():
        make_fragments(image)
    for peer in ("shale", "fusefat"):
        if peer not in bench.args.peers:
            continue
        for verb in ("near", "deep", "near", "deep"):
            run.drop_caches()
            run.read_all(image)
            with bench.mount(READERS, peer, image):
                done = run.meter(verb, bench.where / "BIG", None)
                if done:
                    bench.note(f"random reads, {verb}", peer, done[0])


def mount(bench, number):
    image = run.WORK / "huge.fat"
    if not image.exists():
        blank(image, 512 << 30, "mkfs.fat", "-F", "32")
    for peer in ("shale", "fusefat"):
        if peer not in bench.args.peers:
            continue
        for state in ("cold", "cached"):
            if state == "cold":
                run.drop_caches()
            with bench.mount(WRITERS, peer, image) as m:
                bench.note(f"mount 512 GiB rw, {state}", peer, m.seconds)
                os.statvfs(bench.where)
                pids = run.any_process_with(m.command[0], m.command)
                print(f"{peer}: resident {run.resident_kib(pids)} KiB",
                      file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shale",
                        default=run.TOP / "build/release/tools/shale")
    parser.add_argument("--work", default="/var/tmp/shale-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--peers", default="shale,shale-ext2,kernel-ext2,"
                                           "fusefat")
    args = parser.parse_args()
    args.shale = pathlib.Path(args.shale).resolve()
    args.peers = args.peers.split(",")
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to mount by loop and to drop caches")

    run.WORK = pathlib.Path(args.work)
    run.WORK.mkdir(parents=True, exist_ok=True)
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", run.WORK / "meter",
            run.HERE / "meter.c")
    bench = Bench(args)
    for number in range(args.rounds):
        for part in args.only.split(","):
            globals()[part](bench, number)
            print(f"round {number + 1}/{args.rounds}: {part}", file=sys.stderr)

    peers = list(dict.fromkeys(p for row in bench.results.values()
                               for p in row))
    print("| what | " + " | ".join(peers) + " |")
    print("| --- |" + " ---: |" * len(peers))
    for (what, _), row in bench.results.items():
        print(f"| {what} | " + " | ".join(
            f"{statistics.median(row[p]):.4f}" if p in row else "-"
            for p in peers) + " |")


if __name__ == "__main__":
    main()
