#!/usr/bin/env python3
"""run.py - Shale beside its peers on the same images, in one run, as ratios

    bench/run.py [--shale PATH] [--work DIR] [--rounds N] [--only OP,...]
                 [--peers NAME,...] [--json FILE]

Needs root (loop mounts, dropping caches) and about 3 GB in the work folder.
Every number is the median of the rounds; peers take turns within a round, so
that a machine that slows down slows all of them, and each round begins with
another one, since the disk below may have a cache of its own. Each measurement
has a fresh mount:

    cold     nothing of the image is in memory
    cached   the image is in the page cache, the mount is new
    again    the same work once more on that mount

Peers that are not installed are left out, by name.
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
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent

# How each peer mounts IMAGE on DIR, and how it lets go.
PEERS = {
    "shale": (["{shale}", "mount", "{image}", "{dir}", "-o", "ro"],
              ["{shale}", "umount", "{dir}"]),
    "kernel": (["mount", "-t", "ext2", "-o", "loop,ro", "{image}", "{dir}"],
               ["umount", "{dir}"]),
    "fuse2fs": (["fuse2fs", "-o", "ro", "{image}", "{dir}"],
                ["fusermount3", "-u", "{dir}"]),
    "fuseext2": (["fuseext2", "-o", "ro", "{image}", "{dir}"],
                 ["fusermount", "-u", "{dir}"]),
    "grub-mount": (["grub-mount", "{image}", "{dir}"],
                   ["fusermount", "-u", "{dir}"]),
}

# operation: (image, argument inside the mount, needs names)
OPERATIONS = {
    "walk": ("tree", "", False),
    "files": ("tree", "", False),
    "lookup": ("tree", "", True),
    "listing": ("bigdir", "", False),
    "big-lookup": ("bigdir", "", True),
    "stream": ("big", "big", False),
    "random": ("big", "big", False),
}
METER_VERB = {"listing": "walk", "big-lookup": "lookup"}
TREE_FILES = 50_000
PATIENCE = 60                   # seconds one measurement may take


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True,
                          stdout=subprocess.DEVNULL, **kwargs)


def make_images(work):
    """The images, made once; returns their names for lookups too."""
    names = {"tree": [f"d{i // 100:03}/f{i:05}" for i in range(TREE_FILES)],
             "bigdir": [f"many/entry-{i:05}" for i in range(TREE_FILES)]}
    dice = random.Random(1)

    def fill(source, which):
        for name in names[which]:
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = dice.choice([0, 100, 900, 2000, 4096, 9000]) \
                if which == "tree" else 0
            path.write_bytes(dice.randbytes(size))

    def mkfs(which, size, *extra):
        image, source = work / f"{which}.img", work / f"{which}.src"
        if image.exists():
            return
        source.mkdir()
        if which == "big":
            with open(source / "big", "wb") as out:
                for _ in range(1024):
                    out.write(dice.randbytes(1 << 20))
        elif which in names:
            fill(source, which)
        partial = image.with_suffix(".part")
        run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", *extra, "-d",
            source, partial, size, stderr=subprocess.DEVNULL)
        shutil.rmtree(source)
        partial.rename(image)

    mkfs("tree", "600M", "-N", "60000")
    mkfs("bigdir", "64M", "-N", "60000")
    mkfs("big", "1200M")
    mkfs("huge", "1T", "-i", str(64 << 20))
    # mke2fs -d writes no index; e2fsck gives the large directory one.
    subprocess.run(["e2fsck", "-fyD", work / "bigdir.img"], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.sync()
    return names


def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def read_all(path):
    with open(path, "rb", buffering=0) as f:
        while f.read(1 << 22):
            pass


class Mount:
    def __init__(self, peer, image, where, shale):
        fill = {"image": image, "dir": where, "shale": shale}
        mount, umount = PEERS[peer]
        self.command = [part.format(**fill) for part in mount]
        self.umount = [part.format(**fill) for part in umount]
        self.where = where

    def __enter__(self):
        start = time.monotonic()
        run(*self.command, stderr=subprocess.DEVNULL)
        while not os.path.ismount(self.where):
            time.sleep(0.001)
        os.stat(self.where)
        self.seconds = time.monotonic() - start
        return self

    def __exit__(self, *_):
        for _ in range(50):
            if subprocess.run(self.umount, stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        while os.path.ismount(self.where):
            time.sleep(0.01)
        # The others return before their daemon is gone: wait, so that it does
        # not compete with the next peer.
        while any_process_with(self.command[0], self.command):
            time.sleep(0.01)


def any_process_with(program, command):
    return [pid for pid in os.listdir("/proc") if pid.isdigit()
            and cmdline(pid)[1:] == [str(c) for c in command[1:]]
            and os.path.basename(cmdline(pid)[0]) == os.path.basename(program)]


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode(errors="replace").split("\0")[:-1] or [""]
    except OSError:
        return [""]


def resident_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return total


def meter(verb, path, names):
    """(seconds, checksum), or None if the peer broke or took over PATIENCE."""
    try:
        done = subprocess.run([WORK / "meter", METER_VERB.get(verb, verb), path],
                              check=True, text=True, stdout=subprocess.PIPE,
                              input="\n".join(names or []), timeout=PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as why:
        print(f"no number: {why}", file=sys.stderr)
        return None
    seconds, seen = done.stdout.split()
    return float(seconds), seen


def measure(args, names):
    """{(operation, state): {peer: [seconds, ...]}}, {peer: KiB}"""
    results, memory, sums = {}, {}, {}
    where = WORK / "mnt"
    where.mkdir(exist_ok=True)

    def note(operation, state, peer, seconds):
        results.setdefault((operation, state), {}) \
               .setdefault(peer, []).append(seconds)

    for round_number in range(args.rounds):
        turn = round_number % len(args.peers)
        peers = args.peers[turn:] + args.peers[:turn]
        for operation in args.only:
            if operation == "mount":
                for image in ("tree", "huge"):
                    for peer in peers:
                        path = WORK / f"{image}.img"
                        for state in ("cold", "cached"):
                            if state == "cold":
                                drop_caches()
                            try:
                                with Mount(peer, path, where, args.shale) as m:
                                    note(f"mount-{image}", state, peer, m.seconds)
                            except subprocess.CalledProcessError:
                                print(f"{peer} cannot mount {image}",
                                      file=sys.stderr)
                continue
            image, inside, needs_names = OPERATIONS[operation]
            path = WORK / f"{image}.img"
            for peer in peers:
                for state in ("cold", "cached"):
                    drop_caches()
                    if state == "cached":
                        read_all(path)
                    with Mount(peer, path, where, args.shale) as m:
                        wanted = names[image] if needs_names else None
                        first = meter(operation, where / inside, wanted)
                        if not first:
                            continue
                        seconds, seen = first
                        note(operation, state, peer, seconds)
                        if sums.setdefault((operation, ""), seen) != seen:
                            print(f"{peer} saw something else in {operation}",
                                  file=sys.stderr)
                        if state == "cached":
                            second = meter(operation, where / inside, wanted)
                            if second:
                                note(operation, "again", peer, second[0])
                            pids = any_process_with(m.command[0], m.command)
                            if peer != "kernel" and operation == "walk":
                                memory.setdefault(peer, []).append(
                                    resident_kib(pids))
            print(f"round {round_number + 1}/{args.rounds}: {operation}",
                  file=sys.stderr)
    return results, memory


def report(results, memory, peers):
    medians = {key: {p: statistics.median(v) for p, v in row.items()}
               for key, row in results.items()}
    lines = ["| what | " + " | ".join(f"{p}, s" for p in peers)
             + " | to fastest FUSE peer | to kernel |",
             "| --- |" + " ---: |" * (len(peers) + 2)]

    def ratio(ours, theirs):
        return f"{ours / theirs:.2f}" if ours and theirs else "-"

    for (operation, state), row in medians.items():
        fuse = [row[p] for p in row if p not in ("shale", "kernel")]
        ours = row.get("shale")
        lines.append(f"| {operation}, {state} | " + " | ".join(
            f"{row[p]:.4f}" if p in row else "-" for p in peers)
            + f" | {ratio(ours, min(fuse) if fuse else None)}"
            + f" | {ratio(ours, row.get('kernel'))} |")
    kib = {p: statistics.median(v) for p, v in memory.items()}
    if kib:
        lines += ["", "Resident memory of the daemon after a walk of "
                  f"{TREE_FILES:,} files: "
                  + ", ".join(f"{p} {v / 1024:.1f} MiB" for p, v in kib.items())]
    return medians, "\n".join(lines)


def main():
    global WORK
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shale", default=TOP / "build/release/tools/shale")
    parser.add_argument("--work", default="/var/tmp/shale-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="walk,files,lookup,listing,big-lookup,"
                                          "stream,random,mount")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    args.only = args.only.split(",")
    args.shale = pathlib.Path(args.shale).resolve()
    args.peers = args.peers.split(",")
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to mount by loop and to drop caches")
    for peer in list(args.peers):
        program = PEERS[peer][0][0].format(shale=args.shale, image="", dir="")
        if not shutil.which(program):
            print(f"left out, not installed: {peer}", file=sys.stderr)
            args.peers.remove(peer)

    WORK = pathlib.Path(args.work)
    WORK.mkdir(parents=True, exist_ok=True)
    run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", WORK / "meter",
        HERE / "meter.c")
    names = make_images(WORK)
    results, memory = measure(args, names)
    medians, table = report(results, memory, args.peers)
    print(table)
    if args.json:
        args.json.write_text(json.dumps(
            {"rounds": args.rounds,
             "seconds": {f"{o} {s}": row for (o, s), row in medians.items()},
             "memory_kib": {p: statistics.median(v)
                            for p, v in memory.items()}}, indent=2) + "\n")


if __name__ == "__main__":
    main()
