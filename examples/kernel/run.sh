#!/bin/bash
# run.sh - start the kernel in QEMU, with disks, and end with its status
#
#     run.sh [-i] MACHINE KERNEL [DISK ...] [-- QEMU-OPTION ...]
#
# MACHINE is x86_64 or riscv64, DISK an image; with -i the disks are IDE disks
# (x86_64 alone), else virtio's. The console is standard input and output: what
# is piped in is typed. The status is what the kernel powers off with, or 98 if
# it did not.
set -euo pipefail

NO_STATUS=98

bus=virtio
if [ "${1-}" = -i ]; then
    bus=ide
    shift
fi
if [ $# -lt 2 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
machine=$1 kernel=$2
shift 2

options=(-kernel "$kernel" -m 64 -display none -monitor none -serial stdio)
case $machine in
x86_64)
    device=virtio-blk-pci
    options+=(-no-reboot -device "isa-debug-exit,iobase=0xf4,iosize=4")
    ;;
riscv64)
    # No firmware; and devices as the standard has them, not as before it.
    device=virtio-blk-device
    options+=(-M virt -bios none -global virtio-mmio.force-legacy=false)
    ;;
*)
    echo "run.sh: no such machine: $machine" >&2
    exit 2
    ;;
esac
command -v "qemu-system-$machine" >/dev/null || {
    echo "run.sh: needs qemu-system-$machine" >&2
    exit $NO_STATUS
}

number=0
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    drive=file=${1//,/,,},format=raw
    if [ $bus = ide ]; then
        options+=(-drive "$drive,if=ide")
    else
        options+=(-drive "$drive,if=none,id=disk$number"
                  -device "$device,drive=disk$number")
    fi
    number=$((number + 1))
    shift
done
[ $# -eq 0 ] || shift

# On a PC, status N makes QEMU end with 2N + 3: see x86_64/machine.c. With
# others it ends when the kernel has not said so.
status=0
"qemu-system-$machine" "${options[@]}" "$@" || status=$?
if [ "$machine" = x86_64 ]; then
    if [ $((status % 2)) = 1 ] && [ $status -ge 3 ]; then
        status=$(((status - 3) / 2))
    else
        [ $status -ne 0 ] ||
            echo "run.sh: the machine was reset, or QEMU told to end" >&2
        status=$NO_STATUS
    fi
fi
exit $status
