# brief.awk - what a test that failed has said, in a few lines
#
# Whoever reads that may see no more than the first of them, so what tells of a
# failure comes first: which check, where, by which sanitizer. The rest follows
# in its order: of many lines that differ in numbers only, the first two, and of
# what is still too long, its beginning and its end.
#
# Reads the output of one test, or, with -v ctest=1, the log of CTest, of which
# it shows the tests that failed. -v margin='  ' goes before each line.

BEGIN {
    FIRST = 12                  # lines that tell of a failure
    REST = 24                   # and others
    ALIKE = 2
    WIDTH = 240
    tells = "FAILED|^fail|rror:|[0-9]:[EF]:[^ ]|panic|SUMMARY: |" \
        "WARNING: ThreadSan|Assert|[Ss]egmentation|core dumped|" \
        "has left|still (there|mounted|a loop)|Timeout"
}

function say(line) {
    print margin substr(line, 1, WIDTH)
}

# What LINE is like: itself without its numbers.
function kind(line) {
    gsub(/0x[0-9a-f]+|[0-9]+/, "#", line)
    return line
}

# show(LINES, COUNT, LIMIT): of COUNT lines; more than LIMIT are cut in the
# middle.
function show(lines, count, limit,    i, last, like, left, out, seen) {
    for (i = 1; i <= count; i++)
        left[kind(lines[i])]++
    for (i = 1; i <= count; i++) {
        like = kind(lines[i])
        left[like]--
        if (++seen[like] <= ALIKE)
            out[++last] = lines[i]
        if (seen[like] == ALIKE && left[like] > 0)
            out[++last] = "    ... and " left[like] " more like that"
    }
    for (i = 1; i <= last; i++) {
        if (last > limit && i == int(limit / 2) + 1) {
            say("    ... (" last - limit " lines)")
            i += last - limit
        }
        say(out[i])
    }
}

# The end of a test's output.
function flush_test() {
    show(telling, told, FIRST)
    show(others, rest, REST)
    told = rest = 0
}

ctest && /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    flush_test()
    failed = /\*\*\*/ && !/Skipped/
    if (failed)
        say($0)
    next
}
ctest && (/^ *Start +[0-9]+: / || !failed || /^ *$/) { next }
ctest && /^[0-9]+% tests passed/ { failed = 0; next }
# The caller of a sanitizer's finding is worth more than what it prints below.
$0 ~ tells { telling[++told] = $0; next }
{ others[++rest] = $0 }

END { flush_test() }
