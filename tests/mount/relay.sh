#!/bin/sh
# relay.sh - what goes from the image to the kernel past the daemon
. "$(dirname "$0")/lib.sh"
need_root
need python3

# Data in one piece, in several with holes, of any length; 3 MiB and a tail.
mkdir tree
python3 - <<'EOF'
import os, random
random.seed(1)
with open("tree/plain", "wb") as f:
    f.write(random.randbytes((3 << 20) + 1234))
with open("tree/holes", "wb") as f:
    for i in range(0, 4 << 20, 256 << 10):
        f.seek(i)
        f.write(random.randbytes(150000))
    f.truncate(5 << 20)
for size in 1, 4095, 4097, 32767, 32768, 32769, 524287, 524289:
    with open(f"tree/{size}", "wb") as f:
        f.write(random.randbytes(size))
EOF
image disk.img tree 16M -b 1024

# Where the image's pages and the file's are not aligned to each other, too.
for shift in 0 512 1024 4096 1049088; do
    truncate -s 0 moved.img
    truncate -s $((shift + (16 << 20))) moved.img
    dd if=disk.img of=moved.img bs=512 seek=$((shift / 512)) conv=notrunc \
        status=none
    must "$SHALE" mount moved.img dir -o "ro,offset=$shift"
    diff -r tree dir --exclude lost+found ||
        fail "another tree, $shift bytes behind"
    must "$SHALE" umount dir
    for size in 4096 65536 524288 3145728; do
        must "$SHALE" mount moved.img dir -o "ro,offset=$shift"
        for file in plain holes 524289; do
            dd if="dir/$file" bs=$size iflag=direct status=none |
                cmp -s - "tree/$file" || fail "$file by $size, $shift behind"
        done
        must "$SHALE" umount dir
    done
done

# Where the image ends too early, that is an error, and what is before is good.
at=$("$SHALE" extents disk.img:/plain | awk '$NF == "data" { at = $4 }
    END { print at }')
cp disk.img cut.img
truncate -s $((at + 100000)) cut.img
"$SHALE" mount cut.img dir -o ro 2>/dev/null || fail "a cut image"
cat dir/plain >got 2>/dev/null && fail "read what is not there"
good=$(stat -c %s got)
head -c "$good" tree/plain | cmp -s - got || fail "what is there is wrong"
must "$SHALE" umount dir

# Readers that are killed leave the others' answers right.
must "$SHALE" mount disk.img dir -o ro
for round in 1 2 3 4 5 6 7 8 9 10; do
    # The image is to be read from the disk.
    dd if=disk.img iflag=nocache count=0 status=none
    dd if=dir/plain of=/dev/null bs=1M iflag=direct status=none &
    readers=$!
    dd if=dir/holes of=/dev/null bs=1M iflag=direct status=none &
    kill -9 $readers $! 2>/dev/null
    dd if=dir/plain bs=1M iflag=direct status=none | cmp -s - tree/plain ||
        fail "$round: another's answer"
done
wait
must "$SHALE" umount dir

finish
