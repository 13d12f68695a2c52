#!/usr/bin/env python3
"""check.py - shale check beside e2fsck, fsck.fat and ntfsfix, as ratios

    bench/check.py [--shale PATH] [--work DIR] [--rounds N] [--only IMAGE,...]

Volumes with 50,000 files, and large ones with next to nothing in them, sparse:
1 TiB of ext2, 256 GiB of FAT32, 1 TiB of NTFS. Images are made once; filling
the one of NTFS through ntfs-3g takes minutes. Needs root (to drop caches, to
mount) and what run.py needs.

Cold: the image is in no cache. Cached: all of its blocks have just been read.
The checkers take turns; numbers are medians of seconds, of seconds that both
processors spent, and of the most memory. ntfsfix does not check a volume: it
reads the boot sector, some records, and the log. No checker of NTFS is in
Debian.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys

import ntfs
import run

FILES = 50_000
SLOWEST = 300                   # seconds; who takes longer has no number


def fill(top, count=FILES):
    """COUNT files of up to 9,000 bytes, a hundred in each directory."""
    dice = random.Random(2)
    for i in range(count):
        path = top / f"d{i // 100:03}" / f"file-number-{i:05}.data"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(dice.choice(
            [0, 100, 400, 900, 2000, 4096, 9000])))


def source(work):
    top = work / "check.src"
    if not top.exists():
        part = work / "check.part"
        subprocess.run(["rm", "-rf", part], check=True)
        part.mkdir()
        fill(part)
        part.rename(top)
    return top


def make_ext2(work, image):
    run.run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-N", "60000",
            "-d", source(work), image, "700M", stderr=subprocess.DEVNULL)


def make_ext4(work, image):
    run.run("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-N", "60000",
            "-d", source(work), image, "700M", stderr=subprocess.DEVNULL)


def make_fat(work, image):
    run.run("truncate", "-s", "700M", image)
    run.run("mkfs.fat", "-F", "32", "-s", "4", image)
    tops = sorted(source(work).iterdir())
    os.environ["MTOOLS_SKIP_CHECK"] = "1"
    run.run("mcopy", "-s", "-Q", "-i", image, *tops, "::")


def make_ntfs(work, image):
    ntfs.make_image(work, "tree")
    os.link(work / "tree.ntfs", image)


def make_large_ext2(_, image):
    run.run("truncate", "-s", "1T", image)
    run.run("mke2fs", "-q", "-F", "-t", "ext2", image,
            stderr=subprocess.DEVNULL)


def make_large_fat(_, image):
    run.run("truncate", "-s", "256G", image)
    run.run("mkfs.fat", "-F", "32", image)


def make_large_ntfs(_, image):
    run.run("truncate", "-s", "1T", image)
    run.run("mkntfs", "-F", "-Q", "-q", "-p", "0", "-H", "0", "-S", "0", image,
            stderr=subprocess.DEVNULL)


# image: (how it is made, who checks it beside us)
IMAGES = {
    "ext2, 50,000 files": ("files.ext2", make_ext2, ["e2fsck", "-fn"]),
    "ext4, 50,000 files": ("files.ext4", make_ext4, ["e2fsck", "-fn"]),
    "FAT32, 50,000 files": ("files.fat", make_fat, ["fsck.fat", "-n"]),
    "NTFS, 50,000 files": ("files.ntfs", make_ntfs, ["ntfsfix", "-n"]),
    "ext2, 1 TiB, empty": ("1t.ext2", make_large_ext2, ["e2fsck", "-fn"]),
    "FAT32, 256 GiB, empty": ("256g.fat", make_large_fat, ["fsck.fat", "-n"]),
    "NTFS, 1 TiB, empty": ("1t.ntfs", make_large_ntfs, ["ntfsfix", "-n"]),
}


def make(work, name):
    file, how, _ = IMAGES[name]
    image = work / file
    if not image.exists():
        part = work / f"{file}.part"
        part.unlink(missing_ok=True)
        how(work, part)
        part.rename(image)
    return image


def read_parts(image):
    """Bring what is not a hole into the cache."""
    with open(image, "rb") as file:
        end, at = os.fstat(file.fileno()).st_size, 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            stop = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < stop:
                at += len(os.pread(file.fileno(), min(1 << 20, stop - at), at))


def spent(command, image):
    """(seconds, of processors, KiB) of a check that ends well."""
    try:
        done = subprocess.run([run.WORK / "spent", *command, image],
                              capture_output=True, text=True, check=True,
                              timeout=SLOWEST)
    except subprocess.TimeoutExpired:
        return None
    status, *numbers = done.stdout.split()
    if status != "0":
        print(f"no number: {command[0]} answers {status}", file=sys.stderr)
        return None
    return [float(number) for number in numbers]


def measure(args, number, results):
    for name in args.wanted:
        image = run.WORK / IMAGES[name][0]
        commands = {"shale": [args.shale, "check"], "other": IMAGES[name][2]}
        turns = list(commands)[::1 if number % 2 else -1]
        for state in ("cold", "cached"):
            for who in turns:
                run.drop_caches()
                if state == "cached":
                    read_parts(image)
                got = spent(commands[who], image)
                if got:
                    results.setdefault((name, state), {}) \
                           .setdefault(who, []).append(got)
        print(f"round {number + 1}/{args.rounds}: {name}", file=sys.stderr)


def report(results):
    print("| what | beside | shale, s | other, s | ratio | shale, CPU s "
          "| other, CPU s | ratio | shale, MiB | other, MiB | ratio |")
    print("| --- | --- |" + " ---: |" * 9)
    for (name, state), row in results.items():
        cells = [f"{name}, {state}", IMAGES[name][2][0]]
        medians = {who: [statistics.median(column) for column in
                         zip(*row[who])] for who in row}
        for i, (scale, form) in enumerate([(1, "{:.3f}"), (1, "{:.3f}"),
                                           (1024, "{:.1f}")]):
            pair = [medians[who][i] / scale if who in medians else None
                    for who in ("shale", "other")]
            cells += [form.format(n) if n is not None else "-" for n in pair]
            cells.append(f"{pair[0] / pair[1]:.2f}" if all(pair) else "-")
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shale",
                        default=run.TOP / "build/release/tools/shale")
    parser.add_argument("--work", default="/var/tmp/shale-bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="parts of images' names")
    parser.add_argument("--make", action="store_true",
                        help="only make the images")
    args = parser.parse_args()
    args.shale = pathlib.Path(args.shale).resolve()
    if os.geteuid() != 0:
        sys.exit("bench: needs root, to drop caches and to mount")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    args.wanted = [name for name in IMAGES if not args.only or
                   any(part in name for part in args.only.split(","))]
    run.WORK = pathlib.Path(args.work)
    run.WORK.mkdir(parents=True, exist_ok=True)
    run.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", run.WORK / "spent",
            run.HERE / "spent.c")
    for name in args.wanted:
        make(run.WORK, name)
    os.sync()
    results = {}
    for number in range(0 if args.make else args.rounds):
        measure(args, number, results)
    report(results)


if __name__ == "__main__":
    main()
