#!/bin/sh
# programs.sh - what people do on a file system: git, make, SQLite, tar, rsync
. "$(dirname "$0")/lib.sh"
need e2fsck tar

truncate -s 200M disk.img
mke2fs -q -F -t ext2 -b 4096 -I 256 disk.img
must "$SHALE" mount disk.img dir
[ -O dir ] || skip "the volume's root is not ours"

# A repository of many small files, cloned and checked.
if command -v git >/dev/null; then
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n \
        GIT_COMMITTER_EMAIL=e
    git init -q dir/repository
    for n in 1 2 3 4 5 6; do
        mkdir -p "dir/repository/$n"
        for m in 1 2 3 4 5 6 7 8 9; do
            seq $((n * m)) $((n * m * 60)) >"dir/repository/$n/$m"
        done
        must git -C dir/repository add .
        must git -C dir/repository commit -q -m "$n"
    done
    must git clone -q --no-hardlinks dir/repository dir/clone
    must git -C dir/clone fsck --no-progress
    must git -C dir/clone gc -q
    expect "a clone's status" "" "$(git -C dir/clone status --short 2>&1)"
else
    note "no git"
fi

# A C project, by parallel make.
if command -v make >/dev/null && command -v cc >/dev/null; then
    mkdir dir/project
    for n in 1 2 3 4 5 6 7 8; do
        echo "int f$n(int x); int f$n(int x) { return x + $n; }" \
            >"dir/project/f$n.c"
    done
    {
        printf 'int f%d(int x);\n' 1 2 3 4 5 6 7 8
        echo 'int main(void) { return f1(f2(f3(f4(f5(f6(f7(f8(0)))))))) - 36; }'
    } >dir/project/main.c
    printf 'project: %s\n\tcc -o $@ $^\n' \
        "f1.o f2.o f3.o f4.o f5.o f6.o f7.o f8.o main.o" >dir/project/Makefile
    run make -s -C dir/project -j 4
    expect "make: $said" 0 "$status"
    must dir/project/project
    run make -C dir/project -q
    expect "nothing left to make" 0 "$status"
else
    note "no make, or no compiler"
fi

# A database, its writer killed in the middle.
has_rows() {
    [ "$(stat -c %s dir/db)" -gt 100000 ]
}
if command -v sqlite3 >/dev/null; then
    must sqlite3 dir/db 'create table t(n integer primary key, text);'
    seq -f 'insert into t values(%.0f, hex(randomblob(200)));' 1 20000 \
        >inserts
    sqlite3 dir/db <inserts >/dev/null 2>&1 &
    writer=$!
    wait_until has_rows || fail "SQLite has written no rows"
    kill -9 $writer
    wait $writer 2>/dev/null
    expect "SQLite" ok "$(sqlite3 dir/db 'pragma quick_check;')"
    expect "rows that are missing" 0 "$(sqlite3 dir/db \
        'select coalesce(max(n), 0) - count(*) from t;')"
else
    note "no sqlite3"
fi

# Out and in again, with all that files have.
mkdir tree dir/tree
plant tree
must tar -C tree --xattrs --sparse -cf tree.tar .
must tar -C dir/tree --xattrs --sparse -xpf tree.tar
expect "a tree from tar" "$(list tree '%p %y %m %s %n %T@\n' | grep -v ' d ')" \
    "$(list dir/tree '%p %y %m %s %n %T@\n' | grep -v ' d ')"
expect "its contents" "$(contents tree)" "$(contents dir/tree)"
must tar -C dir/tree --xattrs --sparse -cf back.tar .
must tar -C dir -df back.tar -C tree
if command -v rsync >/dev/null; then
    must rsync -aHAX tree/ dir/rsynced/
    expect "rsync again" "" "$(rsync -aHAXni --checksum tree/ dir/rsynced/)"
else
    note "no rsync"
fi

must "$SHALE" umount dir
run e2fsck -fn disk.img
[ "$status" = 0 ] || fail "e2fsck: $said"
checked disk.img "after all"
finish
