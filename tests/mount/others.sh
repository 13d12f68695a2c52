#!/bin/sh
# others.sh - what users other than the one who mounted may see
. "$(dirname "$0")/lib.sh"
need_root
need setpriv setfacl getfacl

chmod 755 "$work"
mkdir tree
echo open >tree/open
echo closed >tree/closed
echo listed >tree/listed
echo denied >tree/denied
mkdir tree/private
echo hidden >tree/private/file
chmod 600 tree/closed tree/listed
chmod 644 tree/open tree/denied
chmod 700 tree/private
user=65534
setfacl -m u:$user:r tree/listed && setfacl -m u:$user:- tree/denied ||
    skip "no ACLs below ${TMPDIR:-/tmp}"
image disk.img tree 4M -b 1024 -I 256

other() {
    setpriv --reuid $user --regid $user --clear-groups "$@" 2>&1
}

# Nobody but the one who mounted.
must "$SHALE" mount disk.img dir -o ro
expect_match "not let in" '*Permission denied' "$(other cat dir/open)"
expect "root" closed "$(cat dir/closed)"
expect "ACL shown" "$(getfacl -c tree/listed)" "$(getfacl -c dir/listed)"
must "$SHALE" umount dir

# Others, by the volume's permissions and ACLs. The second round finds it all
# in the kernel's caches, put there by root.
must "$SHALE" mount disk.img dir -o ro,allow_other
for round in 1 2; do
    expect "$round: mode 644" open "$(other cat dir/open)"
    expect_match "$round: mode 600" '*Permission denied' "$(other cat dir/closed)"
    expect "$round: let in by an ACL" listed "$(other cat dir/listed)"
    expect_match "$round: kept out by an ACL" '*Permission denied' \
        "$(other cat dir/denied)"
    expect_match "$round: in a directory with mode 700" '*Permission denied' \
        "$(other cat dir/private/file)"
    expect "$round: ACL shown" "$(getfacl -c tree/denied)" \
        "$(getfacl -c dir/denied)"
    cat dir/closed dir/listed dir/denied dir/private/file >/dev/null
done
must "$SHALE" umount dir

# Owner and modes from the command line: the volume's ACLs do not count then.
must "$SHALE" mount disk.img dir -o "ro,allow_other,uid=$user,fmask=0277,dmask=022"
expect "his by uid=" closed "$(other cat dir/closed)"
expect "his, whatever the ACL says" denied "$(other cat dir/denied)"
must "$SHALE" umount dir
finish
