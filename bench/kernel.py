#!/usr/bin/env python3
"""kernel.py - what a filesystem costs inside a kernel

    bench/kernel.py [--work DIR] [--rounds N] [--machines NAME,...]

Boots examples/kernel in QEMU, without acceleration, with a disk of each format
that has a file of 64 MiB. The kernel reads that through Shale, and the same
sectors straight from virtio-blk, in turn, and tells the best time of each;
their ratio is what is shown, the median of N boots and the range. Needs what
examples/kernel needs, e2fsprogs, dosfstools, mtools and ntfs-3g; no root.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL = ROOT / "examples" / "kernel"
DISK = 160 << 20
FILE = 64 << 20
LINE = re.compile(r"speed: (\S+): \d+ KiB in (\d+) extents: "
                  r"raw (\d+) us, file (\d+) us")


def make_fat(image, data):
    subprocess.run(["mkfs.fat", "-F", "32", image], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", image, data, "::big"], check=True)


def make_ext2(image, data, block_size):
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", block_size,
                    image], check=True)
    subprocess.run(["debugfs", "-w", "-R", f"write {data} big", image],
                   check=True, capture_output=True)


def make_ntfs(image, data):
    subprocess.run(["mkntfs", "-q", "-F", "-Q", image], check=True,
                   capture_output=True)
    subprocess.run(["ntfscp", image, data, "big"], check=True,
                   stdout=subprocess.DEVNULL)


MAKERS = {
    "FAT32": make_fat,
    "ext2, blocks of 1 KiB": lambda i, d: make_ext2(i, d, "1024"),
    "ext2, blocks of 4 KiB": lambda i, d: make_ext2(i, d, "4096"),
    "NTFS": make_ntfs,
}


def make_images(work):
    """The disks by name, in the order in which the kernel finds them."""
    data = work / "data"
    data.write_bytes(os.urandom(FILE))
    images = {}
    for number, (name, make) in enumerate(MAKERS.items()):
        images[name] = work / f"{number}.img"
        images[name].unlink(missing_ok=True)
        with open(images[name], "wb") as image:
            image.truncate(DISK)
        make(images[name], data)
    data.unlink()
    return images


def build(machine):
    for step in (["--preset", machine], ["--build", "--preset", machine]):
        subprocess.run(["cmake", *step], cwd=KERNEL, check=True,
                       stdout=subprocess.DEVNULL)
    return ROOT / "build" / f"kernel-{machine}" / "shale-kernel.elf"


def boot(machine, kernel, images):
    """One run: extents, and the two times, of each disk's file."""
    commands = [f"speed vd{chr(ord('a') + n)}:/big"
                for n in range(len(images))]
    done = subprocess.run([KERNEL / "run.sh", machine, kernel,
                           *images.values(), "--", "-snapshot"],
                          input="\n".join([*commands, "poweroff", ""]),
                          text=True, capture_output=True, timeout=300)
    found = LINE.findall(done.stdout)
    if done.returncode or len(found) != len(images):
        raise SystemExit(f"{machine}: status {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
    return {name: tuple(int(n) for n in line[1:])
            for name, line in zip(images, found)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default="/tmp/shale-bench-kernel")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--machines", default="x86_64,riscv64")
    args = parser.parse_args()

    work = pathlib.Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    images = make_images(work)
    print("| machine | volume | extents | raw, MiB/s | file, MiB/s "
          "| ratio | from | to |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for machine in args.machines.split(","):
        kernel = build(machine)
        runs = [boot(machine, kernel, images) for _ in range(args.rounds)]
        for name in images:
            raw = statistics.median(r[name][1] for r in runs)
            took = statistics.median(r[name][2] for r in runs)
            ratios = [r[name][1] / r[name][2] for r in runs]
            speeds = [FILE / (1 << 20) / (t / 1e6) for t in (raw, took)]
            print(f"| {machine} | {name} | {runs[0][name][0]} "
                  f"| {speeds[0]:.0f} | {speeds[1]:.0f} "
                  f"| {statistics.median(ratios):.2f} "
                  f"| {min(ratios):.2f} | {max(ratios):.2f} |")
    for image in images.values():
        image.unlink()


if __name__ == "__main__":
    main()
