# levels.sh - which tests run where, by tests/levels.txt; sourced by test.sh
# shellcheck shell=bash

# all_tests PRESET: the names of those that build/PRESET has.
all_tests()
{
    ninja -C "build/$1" build.ninja >/dev/null 2>&1 || true
    (cd "build/$1" && ctest -N) | awk '/^ *Test +#/ { print $3 }'
}

# due_tests PRESET LEVEL: those of them that run now.
due_tests()
{
    all_tests "$1" | awk -v preset="$1" -v level="$2" '
        BEGIN {
            rank["quick"] = 1; rank["normal"] = 2; rank["long"] = 3
            rank["never"] = 4
            columns = split("release asan tsan clang s390x", builds)
            for (i = 1; i <= columns; i++)
                if (builds[i] == (preset == "debug" ? "release" : preset))
                    column = i + 2
        }
        FNR == NR && !/^(#|$)/ {
            pattern[++rows] = "^" $1 "$"
            gsub(/\*/, ".*", pattern[rows])
            lowest[rows] = rank[$column]
        }
        FNR == NR { next }
        {
            for (row = 1; row < rows && $0 !~ pattern[row]; row++)
                ;
            if (lowest[row] <= rank[level])
                print
        }' tests/levels.txt -
}

# levels_are_right PRESET: each row is one, and names a test.
levels_are_right()
{
    all_tests "$1" | awk '
        function wrong(what) {
            print "levels.txt: " what
            bad = 1
        }
        FNR == NR { tests[$1]; next }
        /^(#|$)/ { next }
        {
            if ($0 !~ /^[^ ]+ +([0-9]+|\.)( +(quick|normal|long|never))+$/ ||
                NF != 7)
                wrong("no row: " $0)
            pattern = "^" $1 "$"
            gsub(/\*/, ".*", pattern)
            for (test in tests)
                if (test ~ pattern)
                    next
            wrong("no test is called " $1)
        }
        END { exit bad }' - tests/levels.txt
}
