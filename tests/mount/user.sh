#!/bin/sh
# user.sh - an ordinary user mounts, by way of fusermount3
#
# As root, start over as nobody, in a mount namespace where /dev/fuse may be
# opened by everyone, as it may on any ordinary system.
. "$(dirname "$0")/lib.sh"
need fusermount3

if [ "$(id -u)" = 0 ]; then
    need unshare setpriv
    if [ -z "${INSIDE:-}" ]; then
        unshare -m true 2>/dev/null || skip "no mount namespaces"
        cd / && rm -rf "$work"      # the next one makes its own
        INSIDE=1 exec unshare -m sh "$here/user.sh"
    fi
    # The command may be where nobody may not go.
    chmod 755 "$work"
    mkdir bin home
    cp "$SHALE" "$(dirname "$SHALE")/shale-mount" bin
    cp "$PROBE" bin/probe
    cp -r "$here" "$here/../support" .
    chown nobody home
    mknod -m 666 fuse c 10 229 && mount --bind fuse /dev/fuse ||
        skip "cannot make a /dev/fuse for everyone"
    cp /etc/fuse.conf fuse.conf 2>/dev/null || : >fuse.conf
    sed -i '/^user_allow_other/d' fuse.conf
    mount --bind fuse.conf /etc/fuse.conf 2>/dev/null
    SHALE=$work/bin/shale PROBE=$work/bin/probe TMPDIR=$work/home \
        setpriv --reuid nobody --regid nogroup --clear-groups \
        sh mount/user.sh
    status=$?
    cd /
    nothing_left "$work" || { left_over "$work" >&2; status=1; }
    exit $status
fi

id=$(id -u)
mkdir tree
plant tree
chmod 000 tree/sub/twin 2>/dev/null
chmod 644 tree/sub/twin
image disk.img tree 8M -b 1024
must "$SHALE" mount disk.img dir -o ro --pid-file pid
pid=$(cat pid)
expect_match "the mount" "* fuse.shale $work/disk.img *user_id=$id,*" \
    "$(awk -v at="$dir" '$5 == at' /proc/self/mountinfo)"
cmp tree/sub/data dir/sub/data || fail "data differ"
grep -q '^NoNewPrivs:	1' "/proc/$(worker_of "$pid")/status" ||
    [ -n "${SANITIZED:-}" ] || fail "the worker may still gain privileges"
must "$SHALE" umount dir
gone "$pid" || fail "umount returned too early"
unlocked disk.img || fail "the image stayed locked"

must "$SHALE" mount disk.img dir -o ro,nodiratime,noatime,sync,dirsync,exec
must "$SHALE" umount dir

# All of it is his to see, whoever owns it on the volume.
command -v debugfs >/dev/null &&
    debugfs -w -R 'set_inode_field hello mode 0100000' disk.img 2>/dev/null
must "$SHALE" mount disk.img dir -o ro
expect "a file with mode 000" hello "$(cat dir/hello)"
must "$SHALE" umount dir
if command -v debugfs >/dev/null; then
    must "$SHALE" mount disk.img dir -o ro,default_permissions
    run cat dir/hello
    expect_match "default_permissions" '*Permission denied*' "$said"
    must "$SHALE" umount dir
fi

# A volume that is root's, to write to: its owners decide, unless nobody asks.
if command -v debugfs >/dev/null; then
    must "$SHALE" mount disk.img dir
    expect_match "another's directory" '*Permission denied*' \
        "$(touch dir/new 2>&1)"
    expect_match "another's file" '*Permission denied*' "$(cat dir/hello 2>&1)"
    must "$SHALE" umount dir
    cp disk.img rooted.img
    must "$SHALE" mount rooted.img dir -o fakeroot,uid=0,gid=0
    expect "with fakeroot" hello "$(cat dir/hello)"
    mkdir -m 755 dir/etc
    echo root >dir/etc/passwd
    cp dir/etc/passwd dir/etc/shadow
    chmod 640 dir/etc/shadow
    chown 0:42 dir/etc/shadow || fail "chown with fakeroot"
    chmod 600 dir/hello || fail "chmod with fakeroot"
    chown 12:13 dir/sub/data || fail "chown of another's file"
    setfattr -n user.his -v x dir/etc || fail "an attribute with fakeroot"
    expect "whose they are" "0:0 0:42 12:13" "$(stat -c %u:%g dir/etc \
        dir/etc/shadow dir/sub/data | paste -s -d ' ')"
    must "$SHALE" umount dir
    expect_match "on the volume" '*User: *0 *Group: *42 *' "$(debugfs \
        -R 'stat etc/shadow' rooted.img 2>/dev/null | tr -s '\n' ' ')"
    run e2fsck -fn rooted.img
    expect "e2fsck" 0 "$status"
    checked rooted.img "user's"
fi

# A volume of his own to write to, and what its permissions say counts.
if command -v mkfs.fat >/dev/null && command -v fsck.fat >/dev/null; then
    fat fat.img 8M
    must "$SHALE" mount fat.img dir --pid-file pid
    expect "owner" "$id:$(id -g)" "$(stat -c %u:%g dir)"
    mkdir dir/sub
    cp tree/sub/data dir/sub/data || fail "cannot write"
    chmod a-w dir/sub/data
    expect_match "a read-only file" '*Permission denied*' \
        "$(sh -c 'echo >>dir/sub/data' 2>&1)"
    chmod u+w dir/sub/data
    echo >>dir/sub/data || fail "no read-only file any more"
    mkfifo held-open
    "$PROBE" late dir/open text <held-open >said-late &
    exec 7>held-open
    wait_until test -s said-late || fail "probe did not start"
    pid=$(cat pid)
    kill -TERM "$pid"
    wait_until gone "$pid" || fail "SIGTERM while a file is open: still there"
    wait_until unless is_mounted "$dir" || fail "SIGTERM: still mounted"
    exec 7>&-
    wait
    sound fat.img "an ordinary user's"
fi

# Signals and death.
for signal in TERM INT; do
    must "$SHALE" mount disk.img dir -o ro --pid-file pid
    pid=$(cat pid)
    kill -s $signal "$pid"
    wait_until unless is_mounted "$dir" || fail "SIG$signal: still mounted"
    wait_until unlocked disk.img || fail "SIG$signal: still locked"
done
must "$SHALE" mount disk.img dir -o ro --pid-file pid
pid=$(cat pid)
kill -KILL "$(worker_of "$pid")"
wait_until unless is_mounted "$dir" || fail "worker killed: still mounted"

# Stopped while fusermount3 is at work: no mount that nobody serves.
mkdir slow
cat >slow/fusermount3 <<END
#!/bin/sh
touch "$work/started"
sleep 0.5                       # for the signal to come meanwhile
$(command -v fusermount3) "\$@"
touch "$work/done"
END
chmod +x slow/fusermount3
PATH=$work/slow:$PATH "$SHALE" mount -f disk.img dir -o ro &
wait_until test -e started || fail "fusermount3 was not called"
kill -TERM $!
wait $!
wait_until test -e "done" || fail "fusermount3 did not end"
wait_until unless is_mounted "$dir" ||
    fail "stopped while mounting: still mounted"

# In use.
must "$SHALE" mount disk.img dir -o ro
mkfifo hold
"$PROBE" hold dir/hello <hold >held &
exec 7>hold
wait_until test -s held
refuse 32 "$dir: in use*" "$SHALE" umount dir
must "$SHALE" umount -l dir
exec 7>&-
wait

# What he may not do.
refuse 1 'option "allow_other" needs a line user_allow_other*' \
    "$SHALE" mount disk.img dir -o allow_other
refuse 32 '/usr: *; mount on a directory of your own' \
    "$SHALE" mount disk.img /usr
refuse 2 'dir: fusermount3 is not installed*' \
    env PATH="$work/nothing" "$SHALE" mount disk.img dir
finish
