#!/bin/sh
# check_install.sh CMAKE BUILD SOURCE CC NM - install into an empty place, and
# use what is there as strangers would: pkg-config, find_package, C and C++.
#
# A build with sanitizers gives libraries that ordinary programs cannot link:
# 77, skipped.
set -eu
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin      # mke2fs

cmake=$1 build=$2 source=$3 cc=$4 nm=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/usr
failed=0

fail() { echo "FAIL: $*"; failed=1; }

# run WHAT COMMAND...: quiet if it succeeds.
run() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || { fail "$what"; cat "$work/log"; }
}

if grep -q '^SHALE_SANITIZE:STRING=.' "$build/CMakeCache.txt"; then
    echo "skipped: install: built with sanitizers"
    exit 77
fi

run "install" "$cmake" --install "$build" --prefix "$prefix"
run "install again" "$cmake" --install "$build" --prefix "$prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name shale.pc)")
libdir=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH

# A packager stages it for another place, which is what the files then name.
run "install by DESTDIR" env DESTDIR="$work/stage" \
    "$cmake" --install "$build" --prefix /opt/shale
pc=$(find "$work/stage/opt/shale" -name shale.pc)
grep -q '^prefix=/opt/shale$' "$pc" || fail "shale.pc does not name its prefix"
grep -rlIF "$work" "$work/stage" && fail "the staging place is named"

# Nothing of the place where it was built is in the text files.
grep -rlIF -e "$build" -e "$source" "$prefix" >"$work/log" &&
    fail "build paths in: $(cat "$work/log")"

# The files that are promised.
for file in bin/shale libexec/shale/shale-mount \
            sbin/mount.shale sbin/mount.fuse.shale \
            sbin/fsck.shale sbin/fsck.fuse.shale \
            share/man/man8/fsck.shale.8 share/man/man1/shale-check.1 \
            share/man/man1/shale-map.1 share/man/man1/shale.1 share/man/man8/mount.shale.8 \
            share/bash-completion/completions/shale; do
    [ -e "$prefix/$file" ] || [ -e "$prefix/$file.gz" ] ||
        fail "$file is missing"
done
version=$(pkg-config --modversion shale)
[ "$(readlink "$libdir/libshale.so")" = "libshale.so.${version%%.*}" ] ||
    fail "libshale.so does not name its soname"
[ -f "$libdir/libshale.so.$version" ] || fail "no libshale.so.$version"
[ "$("$prefix/bin/shale" --version | grep -cF "$version")" -gt 0 ] ||
    fail "the command and pkg-config differ about the version"

# Archives define nothing but shale_*.
for archive in "$libdir"/libshale*.a; do
    names=$("$nm" -g --defined-only "$archive" |
            awk 'NF == 3 && $3 !~ /^shale_/ { print $3 }')
    [ -z "$names" ] || fail "$archive also defines $names"
done

# Every public header stands alone, in C and in C++.
flags=$(pkg-config --cflags shale-core)
for header in "$prefix"/include/shale/*.h; do
    echo "#include \"shale/${header##*/}\"" >"$work/one.c"
    cp "$work/one.c" "$work/one.cc"
    # shellcheck disable=SC2086
    run "${header##*/} in C" "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror \
        $flags -fsyntax-only "$work/one.c"
    # shellcheck disable=SC2086
    run "${header##*/} in C++" c++ -std=c++11 -Wall -Wextra -Werror $flags \
        -fsyntax-only "$work/one.cc"
done

# The examples by pkg-config ...
# shellcheck disable=SC2046
run "embed by pkg-config" "$cc" -std=c11 "$source/examples/embed.c" \
    -o "$work/embed" $(pkg-config --cflags --libs shale-core)
mkdir "$work/made"
run "hosted by pkg-config" make -C "$source/examples/hosted" CC="$cc" \
    OUT="$work/made" LDFLAGS="-Wl,-rpath,$libdir" \
    CFLAGS="-Wall -Wextra -Wpedantic -Wconversion -Werror"
# shellcheck disable=SC2046
run "list, static, by pkg-config" "$cc" -std=c11 \
    "$source/examples/hosted/list.c" -o "$work/list-static" \
    $(pkg-config --cflags shale) "$libdir/libshale.a" \
    $(pkg-config --libs --static shale | sed 's/-lshale//')

# ... and by find_package, from a tree that has been moved since.
mv "$prefix" "$work/moved"
run "find_package" "$cmake" -G Ninja -S "$source/examples" -B "$work/build" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$work/moved"
run "find_package: build" "$cmake" --build "$work/build"
mv "$work/moved" "$prefix"

# And they run; those that were linked in the other place are told this one.
export LD_LIBRARY_PATH="$libdir"
mkdir "$work/tree"
echo "Hello from an image" >"$work/tree/motd"
run "mke2fs" mke2fs -q -t ext2 -d "$work/tree" "$work/image" 4M
for program in "$work/embed" "$work/build/embed"; do
    [ "$("$program" "$work/image" /motd)" = "Hello from an image" ] ||
        fail "$program does not show the file"
done
"$work/embed" "$work/image" /none 2>/dev/null &&
    fail "embed does not mind a missing file"
for program in "$work/made/list" "$work/build/hosted/list" \
    "$work/list-static" "$prefix/bin/shale ls"; do
    $program "$work/image" / | grep -qE '^( +20 )?motd$' ||
        fail "$program does not list the file"
done
head -c 200001 /dev/urandom >"$work/data"
for place in "$work/made" "$work/build/hosted"; do
    # Twice: the second file is shorter, and takes the first one's place.
    for size in 200001 70001; do
        head -c "$size" "$work/data" >"$work/part"
        "$place/writefile" "$work/image" /new <"$work/part" &&
            "$place/copyout" "$work/image" /new "$work/copy" &&
            cmp -s "$work/part" "$work/copy" ||
            fail "$place: what is written is not what is read"
    done
    "$place/copyout" "$work/image" /none "$work/copy" 2>/dev/null &&
        fail "$place/copyout does not mind a missing file"
    "$place/writefile" "$work/image" /none/x </dev/null 2>/dev/null &&
        fail "$place/writefile does not mind a missing directory"
    run "e2fsck" e2fsck -fn "$work/image"
done

# Who inspects an image loads the C library and nothing else.
needed=$(readelf -d "$prefix/bin/shale" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
    grep -vE '^(libc|ld-linux[-a-z0-9_]*|ld64)\.so' || true)
[ -z "$needed" ] || fail "bin/shale loads $needed"

# A helper of mount(8)'s is the command, by a link that survives the move.
"$prefix/sbin/mount.shale" --help | grep -q "shale mount" ||
    fail "mount.shale does not run"
exit "$failed"
