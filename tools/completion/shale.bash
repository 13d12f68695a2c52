# shale.bash - bash completion for shale(1)
#
# Options come from `shale VERB --help`, so that they are what the command has;
# paths inside an image come from `shale ls`.
# shellcheck shell=bash

_shale_verbs="info ls tree cat stat cp put mkdir rm mv ln mknod touch chmod
    chown attr label extents check map mkfs mount umount version help"

# The options that VERB accepts, one a line.
_shale_options()
{
    shale "$1" --help 2>/dev/null |
        sed -n 's/^ \{2,6\}\(-.*\)/\1/p' | cut -c 1-24 |
        grep -oE -- '(^|[ ,])--?[[:alnum:]][-[:alnum:]]*' | tr -d ' ,'
}

# The codes that a check's findings may have.
_shale_codes()
{
    shale check --explain all 2>/dev/null | sed -n 's/^### `\(.*\)`$/\1/p'
    echo all
}

# _shale_inside IMAGE PATH PREFIX: complete PATH inside IMAGE.
_shale_inside()
{
    local image=$1 path=$2 prefix=$3 dir name

    dir=${path%"${path##*/}"}
    while IFS= read -r name; do
        [[ $name == "${path##*/}"* ]] && COMPREPLY+=("$prefix$dir$name")
    done < <(shale ls -q -A1 "${volume[@]}" "$image:${dir:-/}" 2>/dev/null)
    compopt -o nospace -o filenames 2>/dev/null
}

_shale_files()
{
    local IFS=$'\n'

    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_shale()
{
    local words cword line=${COMP_LINE:0:COMP_POINT}
    local verb current previous image='' first='' volume=() operands=0 i

    # Bash splits at colons, which IMAGE:PATH is full of: split again.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    cword=$((${#words[@]} - 1))
    current=${words[cword]}
    COMPREPLY=()

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$_shale_verbs --help --version" \
            -- "$current")
        return
    fi
    verb=${words[1]}
    previous=${words[cword - 1]}

    case $verb$previous in
        # Letters that mean something else to some verbs.
        mkdir-p | attr-r | cp-L | put-L | rm-r | rm-f | check-p) ;;
        touch-t | touch-d | touch--date | *--size | *--owner | mk*-m | \
            mk*--mode | \
            mkfs-[FsSnLifRrMbINgOJUE] | mkfs--fat-bits | mkfs--*-size | \
            mkfs--label | mkfs--id | mkfs--fats | mkfs--reserved* | \
            mkfs--root-* | mkfs--media | mkfs--*inode* | mkfs--blocks-* | \
            mkfs--features | mkfs--uuid | mkfs--hash-seed | mkfs--extended)
            return ;;
        check--explain)
            mapfile -t COMPREPLY < <(compgen -W "$(_shale_codes)" -- "$current")
            return ;;
        check-C | check-b | check--superblock | check--limit | \
            check--threads)
            return ;;
        map--picture)
            _shale_files "$current"
            return ;;
        touch-r | touch--reference | mkfs-d | mkfs--directory)
            _shale_files "$current"
            return ;;
        *-p | *--part | *--offset | *--size-limit | *-L | *--level | \
            *-o | *--options)
            return ;;
        *-t | *--type)
            mapfile -t COMPREPLY < <(compgen -W "$(shale version 2>/dev/null |
                sed -n 's/^filesystems: //p')" -- "$current")
            return ;;
    esac
    if [[ $verb == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_shale_verbs" -- "$current")
        return
    fi
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_shale_options "$verb")" \
            -- "$current")
        return
    fi

    # What came before: the image, and what chooses the volume on it.
    for ((i = 2; i < cword; i++)); do
        case $verb${words[i]} in
            mkdir-p | check-p) ;;
            check--explain | check-[Cb] | check--superblock | \
                check--limit | check--threads | map--file | map--picture | \
                touch-[tdr] | touch--date | touch--reference | mk*-m | \
                mk*--mode | tree-L | \
                tree--level | mkfs-[FsSnLifRrMdbINgOJUE] | mkfs--size | \
                mkfs--*-size | mkfs--fat-bits | mkfs--label | mkfs--id | \
                mkfs--fats | mkfs--reserved* | mkfs--root-* | mkfs--media | \
                mkfs--directory | mkfs--*inode* | mkfs--blocks-* | \
                mkfs--features | mkfs--uuid | mkfs--hash-seed | \
                mkfs--extended | *--owner)
                i=$((i + 1)) ;;
            *-p | *--part | *--offset | *--size-limit | \
                *-t | *--type | *-o | *--options)
                volume+=("${words[i]}" "${words[i + 1]}")
                i=$((i + 1)) ;;
            "$verb"-* | attr+*) ;;
            chmod* | chown*)    # the mode, the owner; then as the others
                if [[ -z $first ]]; then
                    first=${words[i]}
                else
                    [[ $operands -gt 0 ]] || image=${words[i]}
                    operands=$((operands + 1))
                fi ;;
            *)  [[ $operands -gt 0 ]] || image=${words[i]}
                operands=$((operands + 1)) ;;
        esac
    done

    case $verb in
        info | mount | umount | mkfs | label | check) _shale_files "$current" ;;
        ls | tree | cat | stat | extents | map | cp | put | mkdir | rm | mv | \
            ln | mknod | touch | chmod | chown | attr)
            if ((operands == 0)) && [[ $current == *:* ]] &&
                [[ ! -e $current ]]; then
                _shale_inside "${current%%:*}" "${current#*:}" ''
                # Readline replaces only what follows the last colon.
                if [[ $COMP_WORDBREAKS != *:* ]]; then
                    COMPREPLY=("${COMPREPLY[@]/#/${current%%:*}:}")
                fi
            elif ((operands == 0)) || [[ $verb == cp || $verb == put ]]; then
                _shale_files "$current"
            else
                [[ -e $image ]] || image=${image%%:*}
                _shale_inside "$image" "$current" ''
            fi ;;
    esac
}

complete -F _shale shale
