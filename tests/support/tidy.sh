# tidy.sh - nothing that a test starts outlives it; sourced, by any shell
#
# A test works in a folder of its own and says so to all that it starts, in
# SHALE_TEST_WORK: a daemon keeps the environment that it began with, whatever
# becomes of its parents. What is left of a test are then processes that have
# that, mounts below the folder, and loop devices of its images; and all of it
# is ended by its id, never by a name that others may have too.
# shellcheck shell=sh

# left_processes FOLDER: ids of what was started by tests that work there.
left_processes() {
    (
        unset SHALE_TEST_WORK           # or these find themselves
        {
            grep -lz "^SHALE_TEST_WORK=$1" /proc/[0-9]*/environ \
                2>/dev/null || :
            # A subshell has its shell's environment, but is where that was.
            find /proc/[0-9]*/cwd -maxdepth 0 \
                \( -lname "$1" -o -lname "$1/*" \) 2>/dev/null
        } | cut -d / -f 3 | sort -un
    )
}

# left_mounts FOLDER: on and below it, the innermost first.
left_mounts() {
    awk -v at="$1" '{ gsub(/\\040/, " ", $5) }
        $5 == at || index($5, at "/") == 1 { print $5 }' \
        /proc/self/mountinfo | sort -r
}

# left_loops FOLDER: the loop devices of files below it.
left_loops() {
    for file in /sys/block/loop*/loop/backing_file; do
        case $(cat "$file" 2>/dev/null) in
        "$1"/*) echo "$file" | sed 's|^/sys/block/\([^/]*\).*|/dev/\1|' ;;
        esac
    done
}

# left_over FOLDER: all of these, in words; nothing is the rule.
left_over() {
    left_mounts "$1" | sed 's/^/still mounted: /'
    left_loops "$1" | sed 's/^/still a loop device: /'
    for process in $(left_processes "$1"); do
        case $(cut -d ' ' -f 3 "/proc/$process/stat" 2>/dev/null) in
        '' | Z) ;;
        *)
            echo "still there: process $process:" \
                "$(tr '\0' ' ' <"/proc/$process/cmdline" | cut -c 1-200)"
            ;;
        esac
    done
}

# nothing_left FOLDER: wait for what has been told to end, for a minute.
nothing_left() {
    tries=0
    while [ -n "$(left_over "$1")" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.1
    done
}

# tidy_up FOLDER: end all that is left, and remove the folder.
tidy_up() {
    for process in $(left_processes "$1"); do
        kill -KILL "$process" 2>/dev/null || :
    done
    left_mounts "$1" | while read -r at; do
        umount -l "$at" 2>/dev/null || fusermount3 -uz "$at" 2>/dev/null || :
    done
    left_loops "$1" | while read -r device; do
        losetup -d "$device" 2>/dev/null || :
    done
    # Not with a mount in it, of whatever volume.
    [ -n "$(left_mounts "$1")" ] || rm -rf "$1"
}
