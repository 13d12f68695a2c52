#!/usr/bin/env python3
"""ntfs.py - NTFS through Shale beside its peers, in one run, as ratios

    bench/ntfs.py [--shale PATH] [--work DIR] [--rounds N] [--only OP,...]
                  [--peers NAME,...]

The same 50,000 files are on NTFS and on ext2 (not in the root, whose system
files grub-mount lists, but cannot stat); one directory has 50,000 names;
a file of 1 GiB is read from its start to its end, and one of 256 MiB that NTFS
compresses, from its start and in random pieces of 4 KiB. Volumes are filled
through ntfs-3g, which takes a few minutes, once. Needs root, 4 GB in the work
folder, and what run.py needs.

Numbers are medians; peers take turns, cold, cached and again are as there. The
last columns are Shale's time as a part of the fastest other reader's of NTFS,
of ntfs-3g's, and as a part of that of the kernel's ext2.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys

import run

FILES = 50_000
BEST = "ro,noatime,kernel_cache,max_read=131072"

# Peer: (what it mounts, how, how it lets go).
READERS = {
    "shale": ("ntfs", *run.PEERS["shale"]),
    "ntfs-3g": ("ntfs", ["ntfs-3g", "-o", BEST, "{image}", "{dir}"],
                ["umount", "{dir}"]),
    "lowntfs-3g": ("ntfs", ["lowntfs-3g", "-o", BEST, "{image}", "{dir}"],
                   ["umount", "{dir}"]),
    "grub-mount": ("ntfs", *run.PEERS["grub-mount"]),
    "kernel-ext2": ("ext2", *run.PEERS["kernel"]),
}

# operation: (meter's verb, image, path inside, needs names, on ext2 as well)
OPERATIONS = {
    "walk without stat": ("list", "tree", "top", False, True),
    "walk with stat": ("walk", "tree", "top", False, True),
    "read 50,000 files": ("files", "tree", "top", False, True),
    "look up 50,000 names": ("lookup", "tree", "", True, True),
    "ls -U of 50,000": ("list", "many", "many", False, False),
    "ls -l of 50,000": ("walk", "many", "many", False, False),
    "look up, in one directory": ("lookup", "many", "", True, False),
    "stream 1 GiB": ("stream", "large", "large", False, False),
    "stream 256 MiB, compressed": ("stream", "packed", "packed/text", False,
                                   False),
    "random 4 KiB, compressed": ("random", "packed", "packed/text", False,
                                 False),
}
NAMES = {"tree": [f"top/d{i // 100:03}/file-number-{i:05}.data"
                  for i in range(FILES)],
         "many": [f"many/entry number {i:05}" for i in range(FILES)]}


def fill_tree(top):
    dice = random.Random(2)
    for name in NAMES["tree"]:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(dice.choice(
            [0, 100, 400, 900, 2000, 4096, 9000])))


def fill_many(top):
    (top / "many").mkdir()
    for name in NAMES["many"]:
        (top / name).touch()


def fill_large(top):
    dice = random.Random(3)
    with open(top / "large", "wb") as out:
        for _ in range(1024):
            out.write(dice.randbytes(1 << 20))


def fill_packed(top):
    """What packs about as program text does: to a half or so."""
    dice = random.Random(4)
    words = [dice.randbytes(dice.randrange(2, 9)) for _ in range(500)]
    (top / "packed").mkdir()
    os.setxattr(top / "packed", "system.ntfs_attrib", b"\x10\x08\0\0")
    with open(top / "packed/text", "wb") as out:
        block = b"".join(dice.choice(words) for _ in range(400_000))
        for i in range((256 << 20) // len(block) + 1):
            turn = i * 4096 % len(block)
            out.write((block[turn:] + block[:turn])[:(256 << 20) - out.tell()])


IMAGES = {"tree": ("700M", fill_tree), "many": ("128M", fill_many),
          "large": ("1200M", fill_large), "packed": ("400M", fill_packed)}


def make_image(work, which):
    """The image WHICH, made once: filled through ntfs-3g."""
    image = work / f"{which}.ntfs"
    if image.exists():
        return
    size, fill = IMAGES[which]
    partial, where = work / f"{which}.part", work / "mnt"
    where.mkdir(exist_ok=True)
    partial.unlink(missing_ok=True)
    run.run("truncate", "-s", size, partial)
    run.run("mkntfs", "-F", "-Q", "-q", "-c", "4096", "-p", "0", "-H", "0",
            "-S", "0", partial, stderr=subprocess.DEVNULL)
    run.run("ntfs-3g", "-o", "big_writes,compression", partial, where)
    try:
        fill(where)
    finally:
        run.run("umount", where)
    while run.any_process_with("ntfs-3g", ["", "-o", "big_writes,compression",
                                           partial, where]):
        pass
    partial.rename(image)


def make_ext2(work):
    """The tree on ext2."""
    image, source = work / "tree50.ext2", work / "tree50.src"
    if image.exists():
        return
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    fill_tree(source)
    run.run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-N", "60000",
            "-d", source, image, "700M", stderr=subprocess.DEVNULL)
    shutil.rmtree(source)


def give_up(mount, where):
    """Whose answer took too long still works on it: end that daemon."""
    for pid in run.any_process_with(mount.command[0], mount.command):
        os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["umount", "-l", where], check=False,
                   stderr=subprocess.DEVNULL)


def measure(args, operation, number, results):
    verb, which, inside, needs_names, on_ext2 = OPERATIONS[operation]
    turn = number % len(args.peers)
    where = run.WORK / "mnt"
    for peer in args.peers[turn:] + args.peers[:turn]:
        fs, *commands = READERS[peer]
        image = run.WORK / f"{which}.ntfs"
        if fs == "ext2":
            if not on_ext2:
                continue
            image = run.WORK / "tree50.ext2"
        run.PEERS[peer] = commands
        names = NAMES[which] if needs_names else None
        for state in ("cold", "cached"):
            run.drop_caches()
            if state == "cached":
                run.read_all(image)
            try:
                with run.Mount(peer, image, where, args.shale) as mount:
                    for again in ("", "again")[:1 + (state == "cached")]:
                        done = run.meter(verb, where / inside, names)
                        if not done:
                            give_up(mount, where)
                            break
                        results.setdefault((operation, again or state), {}) \
                               .setdefault(peer, []).append(done[0])
            except subprocess.CalledProcessError as why:
                print(f"no number: {peer}: {why}", file=sys.stderr)


def report(results, peers):
    def ratio(ours, theirs):
        return f"{ours / theirs:.2f}" if ours and theirs else "-"

    print("| what | " + " | ".join(peers)
          + " | to the fastest | to ntfs-3g | to ext2 |")
    print("| --- |" + " ---: |" * (len(peers) + 3))
    for (operation, state), row in results.items():
        medians = {peer: statistics.median(row[peer]) for peer in row}
        others = [medians[peer] for peer in medians
                  if peer not in ("shale", "kernel-ext2")]
        ours = medians.get("shale")
        print(f"| {operation}, {state} | " + " | ".join(
            f"{medians[p]:.3f}" if p in medians else "-" for p in peers)
            + f" | {ratio(ours, min(others) if others else None)}"
            + f" | {ratio(ours, medians.get('ntfs-3g'))}"
            + f" | {ratio(ours, medians.get('kernel-ext2'))} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shale",
                        default=run.TOP / "build/release/tools/shale")
    parser.add_argument("--work", default="/var/tmp/shale-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="parts of operations' names")
    parser.add_argument("--peers", default=",".join(READERS))
    args = parser.parse_args()
    args.shale = pathlib.Path(args.shale).resolve()
    args.peers = args.peers.split(",")
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to mount by loop and to drop caches")
    for peer in list(args.peers):
        program = READERS[peer][1][0].format(shale=args.shale)
        if not shutil.which(program):
            print(f"left out, not installed: {peer}", file=sys.stderr)
            args.peers.remove(peer)
    wanted = [operation for operation in OPERATIONS
              if not args.only or any(part in operation
                                      for part in args.only.split(","))]

    run.WORK = pathlib.Path(args.work)
    run.WORK.mkdir(parents=True, exist_ok=True)
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", run.WORK / "meter",
            run.HERE / "meter.c")
    for which in {OPERATIONS[operation][1] for operation in wanted}:
        make_image(run.WORK, which)
    if "kernel-ext2" in args.peers:
        make_ext2(run.WORK)
    os.sync()
    results = {}
    for number in range(args.rounds):
        for operation in wanted:
            measure(args, operation, number, results)
            print(f"round {number + 1}/{args.rounds}: {operation}",
                  file=sys.stderr)
    report(results, args.peers)


if __name__ == "__main__":
    main()
