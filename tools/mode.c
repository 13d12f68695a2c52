/*
 * mode.c - permissions as chmod(1) takes them
 *
 * ("The Open Group Base Specifications", chmod, extended description)
 */
#include <string.h>

#include "mode.h"

#define UMASK 022u

/* Whose bits are whose; as GNU's chmod has it, the sticky bit is others'. */
#define USER   04700u
#define GROUP  02070u
#define OTHER  01007u
#define ALL    07777u
#define SET_ID 06000u

static bool octal(const char *text, uint32_t *out)
{
    uint32_t mode = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '7' || mode > 0777)
            return false;
        mode = mode << 3 | (uint32_t)(*text - '0');
    }
    *out = mode;
    return true;
}

/* Take who is meant off *TEXT; 0: nobody was named. */
static uint32_t take_who(const char **text)
{
    uint32_t who = 0;

    for (;; (*text)++) {
        switch (**text) {
        case 'u': who |= USER; break;
        case 'g': who |= GROUP; break;
        case 'o': who |= OTHER; break;
        case 'a': who |= ALL; break;
        default:  return who;
        }
    }
}

/* Three bits, rwx, for each kind of user. */
static uint32_t for_all(uint32_t bits)
{
    return bits << 6 | bits << 3 | bits;
}

/* Take what is meant off *TEXT: letters, or whose bits to copy. */
static uint32_t take_what(const char **text, uint32_t mode, bool is_dir)
{
    uint32_t what = 0;

    switch (**text) {
    case 'u': (*text)++; return for_all(mode >> 6 & 7);
    case 'g': (*text)++; return for_all(mode >> 3 & 7);
    case 'o': (*text)++; return for_all(mode & 7);
    }
    for (;; (*text)++) {
        switch (**text) {
        case 'r': what |= 00444; break;
        case 'w': what |= 00222; break;
        case 'x': what |= 00111; break;
        case 'X': what |= is_dir || (mode & 0111) ? 00111u : 0; break;
        case 's': what |= SET_ID; break;
        case 't': what |= 01000; break;
        default:  return what;
        }
    }
}

/* Do what one clause says: who, and then signs with what. */
static bool take_clause(const char **text, uint32_t *mode, bool is_dir)
{
    uint32_t who = take_who(text);

    if (!**text || !strchr("+-=", **text))
        return false;
    while (**text && strchr("+-=", **text)) {
        char sign = *(*text)++;
        uint32_t what = take_what(text, *mode, is_dir);
        /* A directory's set-id bits change only where they are named. */
        uint32_t kept = is_dir && !(what & SET_ID) ? SET_ID : 0;
        uint32_t bits = what & (who ? who : ALL & ~UMASK) & ~kept;

        if (sign == '=')
            *mode &= ~(who ? who : ALL) | kept;
        if (sign == '-')
            *mode &= ~bits;
        else
            *mode |= bits;
    }
    return true;
}

bool mode_change(const char *text, uint32_t old, bool is_dir, uint32_t *out)
{
    uint32_t mode = old & 07777;

    if (octal(text, out))
        return true;
    for (;;) {
        if (!take_clause(&text, &mode, is_dir))
            return false;
        if (!*text)
            break;
        if (*text++ != ',')
            return false;
    }
    *out = mode;
    return true;
}
