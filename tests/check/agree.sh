#!/usr/bin/env bash
# agree.sh - others' images: is what e2fsck, fsck.fat, ntfsfix call bad, bad?
#
# $SHALE_CORPORA is a folder with images.tar.zst; its MANIFEST.tsv has for each
# image the exit status of the format's own checker. Prints how often we agree,
# by format. An image on which we do not is a line "- `PATH`" of
# docs/check-agreement.md, below the reason; a difference that is not there
# fails, and so does one there that is gone.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

corpora=${SHALE_CORPORA:-$(dirname "$0")/../../../shared/corpora}
explained=$(dirname "$0")/../../docs/check-agreement.md
[ -e "$corpora/images.tar.zst" ] ||
    skip_all "no corpora (set SHALE_CORPORA to their folder)"
have zstd || skip_all "needs zstd, to unpack the corpora"

tar --zstd -xSf "$corpora/images.tar.zst" -C "$work" MANIFEST.tsv images ||
    skip_all "the corpora have no manifest"

# ours FS IMAGE: our verdict, sound or bad, from the exit status of a check.
ours()
{
    local status=0

    timeout -k 1 300 "$SHALE" check -t "$1" "$work/images/$2" \
        >"$work/said" 2>&1 || status=$?
    case $status in
    0) echo sound ;;
    4) echo bad ;;
    8)
        # Not even big enough for the beginning of a volume, which a checker
        # that looks for one cannot tell from a device that fails.
        echo bad
        ;;
    *) echo "status $status" ;;
    esac
}

# theirs STATUS: e2fsck's and fsck.fat's is one number, ntfsfix's and another's
# two.
theirs()
{
    case $1 in
    0 | 0/0) echo sound ;;
    *) echo bad ;;
    esac
}

sed -n 's/^- `\(.*\)`$/\1/p' "$explained" | sort >"$work/explained"
: >"$work/table"
: >"$work/differ"
while IFS=$'\t' read -r path fs _ _ _ _ _ _ _ _ _ status _; do
    [ "$path" != path ] || continue
    want=$(theirs "$status")
    got=$(ours "$fs" "$path")
    echo "$fs $want $got" >>"$work/table"
    case $got in
    status*)
        fail "$path: $got"
        tail -n 3 "$work/said"
        ;;
    "$want")
        ok
        ;;
    *)
        echo "$path" >>"$work/differ"
        if grep -qxF "$path" "$work/explained"; then
            ok
        else
            fail "$path: the format's checker says $want, we say $got"
            head -n 5 "$work/said"
        fi
        ;;
    esac
done <"$work/MANIFEST.tsv"

sort "$work/differ" | comm -13 - "$work/explained" >"$work/gone"
while read -r path; do
    fail "$path: we agree, though check-agreement.md says that we do not"
done <"$work/gone"

awk '{ count[$1, $2 " " $3]++; seen[$1] = 1 }
     END {
         printf "%-6s %11s %9s %14s %16s\n", "", "both sound", "both bad",
             "bad by us only", "bad by them only"
         for (fs in seen)
             printf "%-6s %11d %9d %14d %16d\n", fs,
                 count[fs, "sound sound"], count[fs, "bad bad"],
                 count[fs, "sound bad"], count[fs, "bad sound"]
     }' "$work/table"
finish
