# setup.sh - what demo.sh and test.sh need before they can start; sourced
#
# Debian packages, and a build. Silent and instant when nothing is missing.
# shellcheck shell=bash disable=SC2034

# To build Shale, and to make and mount an image.
build_packages=(
    gcc libc6-dev cmake ninja-build pkg-config
    libfuse3-dev fuse3 libseccomp-dev libblkid-dev libjson-c-dev
    e2fsprogs dosfstools
)

# To test it: a compiler with sanitizers, and the tools that tests compare with
# or make trees by. (perl-base is always there.)
test_packages=(
    check g++ clang libclang-rt-14-dev llvm
    acl attr fatattr fdisk git jq make mandoc mount mtools ntfs-3g
    python3-minimal qemu-system-x86 rsync shellcheck sqlite3 wimtools zstd
)

# And on other machines than this: a big-endian one, and those for the core
# alone. Only ./test.sh --quick does without.
other_packages=(
    gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user gcc-arm-none-eabi
    gcc-i686-linux-gnu gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu
    qemu-system-misc
)

# as_root COMMAND...
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages PACKAGE...: three times if need be, as a mirror may not answer
# at once, and another installation may be going on.
install_packages()
{
    local attempt

    for attempt in 1 2 3; do
        [ "$attempt" = 1 ] || sleep 15
        as_root apt-get update -q &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get \
                -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
                install -qy --no-install-recommends "$@" </dev/null && return
    done
    return 1
}

# need_packages PACKAGE...: install those that are missing.
need_packages()
{
    local package missing=() log

    if ! command -v dpkg-query >/dev/null; then
        echo "Not a Debian system: please make sure of $*" >&2
        return
    fi
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" \
            = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "Please install, as root: ${missing[*]}" >&2
        return 1
    fi
    echo "Installing ${missing[*]}"
    log=$(mktemp)
    if ! install_packages "${missing[@]}" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# configure_preset PRESET TESTS: if need be, with tests if TESTS is ON. Tests
# once configured stay.
configure_preset()
{
    local dir=build/$1 log=build/$1.log

    mkdir -p build
    if [ -e "$dir/build.ninja" ] && ! { [ "$2" = ON ] &&
        grep -q '^SHALE_TESTS:BOOL=OFF' "$dir/CMakeCache.txt"; }; then
        return
    fi
    cmake --preset "$1" "-DSHALE_TESTS=$2" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}

# build_preset PRESET TESTS [TARGET...]: configure if need be, and build.
build_preset()
{
    local dir=build/$1 log=build/$1.log

    configure_preset "$1" "$2" || return
    shift 2
    ninja -C "$dir" "$@" >"$log" 2>&1 </dev/null || {
        grep -v 'gold: warning: Cannot export local symbol' "$log" |
            grep -A 12 -E '^FAILED|error:|warning:' | head -n 60 >&2 ||
            tail -n 30 "$log" >&2
        return 1
    }
}
