/*
 * sid.c - security identifiers, and who that is in terms of POSIX
 *
 * A SID names an account, a group or one that is known everywhere, by a path
 * of numbers ([MS-DTYP] 2.4.2):
 *
 *     01 05 | 00 00 00 00 00 05 | 15 00 00 00 ... e8 03 00 00
 *     |  |    |                   |
 *     |  |    authority, BE       numbers, LE, up to 15
 *     |  how many
 *     revision                                    S-1-5-21-...-1000
 *
 * Which user one is, the volume does not say. A mapping does, in the form that
 * ntfs-3g's UserMapping file has: entries parted by ends of lines, or by ";":
 *
 *     uid:gid:SID     one is left empty where the SID is not that
 *     ::SID-N         SID-(N + 2u) is user u, SID-(N + 2g + 1) is group g
 *     # comment
 *
 * Without any it is as if "::S-1-5-21-3141592653-589793238-462843383-10000"
 * had been said, which is how ntfs-3g writes where it has no mapping. The
 * first entry that fits counts, and who is in none is root, as with ntfs-3g.
 */
#include "memfn.h"
#include "meta.h"

struct sid_rule {
    uint8_t sid[NTFS_SID_MAX];  /* of neither a user nor a group: the last
                                   number is N, of all from there on */
    bool is_user, is_group;
    uint32_t uid, gid;
};

struct ntfs_sids {
    struct sid_rule *rules;     /* the first that fits is the one */
    size_t count, room;
};

static const char usual[] =
    "::S-1-5-21-3141592653-589793238-462843383-10000";

/* -------------------------------------------------------------- one SID */

size_t ntfs_sid_length(const uint8_t *bytes, size_t left)
{
    size_t len;

    if (left < NTFS_SID_HEAD || bytes[0] != 1 || bytes[1] > NTFS_SID_SUBS)
        return 0;
    len = NTFS_SID_HEAD + 4 * (size_t)bytes[1];
    return len <= left ? len : 0;
}

static size_t sid_size(const uint8_t *sid)
{
    return NTFS_SID_HEAD + 4 * (size_t)sid[1];
}

bool ntfs_sid_same(const uint8_t *a, const uint8_t *b)
{
    return a[1] == b[1] && memcmp(a, b, sid_size(a)) == 0;
}

/*
 * Take a decimal number up to MAX from the front of *TEXT, which has *LEN
 * bytes. False if there is none, or more than that.
 */
static bool take_number(const char **text, size_t *len, uint64_t max,
                        uint64_t *out)
{
    const char *s = *text;
    size_t left = *len;
    uint64_t n = 0;

    while (left > 0 && *s >= '0' && *s <= '9') {
        n = n * 10 + (uint64_t)(*s - '0');
        if (n > max)
            return false;
        s++;
        left--;
    }
    if (s == *text)
        return false;
    *text = s;
    *len = left;
    *out = n;
    return true;
}

static bool take_byte(const char **text, size_t *len, char c)
{
    if (*len == 0 || **text != c)
        return false;
    ++*text;
    --*len;
    return true;
}

size_t ntfs_sid_parse(const char *text, size_t len, uint8_t out[NTFS_SID_MAX])
{
    uint64_t n;

    memset(out, 0, NTFS_SID_MAX);
    if (!take_byte(&text, &len, 'S') || !take_byte(&text, &len, '-') ||
        !take_number(&text, &len, 1, &n) || n != 1)
        return 0;
    out[0] = 1;
    if (!take_byte(&text, &len, '-') ||
        !take_number(&text, &len, UINT64_C(0xffffffffffff), &n))
        return 0;
    for (unsigned i = 0; i < 6; i++)
        out[2 + i] = (uint8_t)(n >> (40 - 8 * i));
    while (len > 0) {
        uint8_t *sub = out + sid_size(out);

        if (out[1] == NTFS_SID_SUBS || !take_byte(&text, &len, '-') ||
            !take_number(&text, &len, UINT32_MAX, &n))
            return 0;
        for (unsigned i = 0; i < 4; i++)
            sub[i] = (uint8_t)(n >> 8 * i);
        out[1]++;
    }
    return sid_size(out);
}

/* The last number of SID, which has one. */
static uint32_t sid_last(const uint8_t *sid)
{
    return le32_load(sid + sid_size(sid) - 4);
}

/* ---------------------------------------------------------- the mapping */

/* Decode one entry, LEN bytes, into OUT. */
static bool rule_parse(const char *text, size_t len, struct sid_rule *out)
{
    uint64_t n;

    *out = (struct sid_rule){ .is_user = false };
    if (take_number(&text, &len, UINT32_MAX, &n)) {
        out->is_user = true;
        out->uid = (uint32_t)n;
    }
    if (!take_byte(&text, &len, ':'))
        return false;
    if (take_number(&text, &len, UINT32_MAX, &n)) {
        out->is_group = true;
        out->gid = (uint32_t)n;
    }
    return take_byte(&text, &len, ':') &&
           ntfs_sid_parse(text, len, out->sid) > 0;
}

static bool is_end(char c)
{
    return c == '\n' || c == ';';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Take the next entry from *TEXT: not a comment, without blanks around it. */
static bool take_entry(const char **text, size_t *len, const char **entry,
                       size_t *entry_len)
{
    while (*len > 0) {
        const char *s = *text;
        size_t n = 0;
        bool comment;

        while (*len > 0 && is_blank(*s)) {
            s++;
            --*len;
        }
        comment = *len > 0 && *s == '#';
        while (n < *len && (comment ? s[n] != '\n' : !is_end(s[n])))
            n++;
        *text = s + n + (n < *len ? 1 : 0);
        *len -= n + (n < *len ? 1 : 0);
        if (comment)
            continue;
        while (n > 0 && is_blank(s[n - 1]))
            n--;
        *entry = s;
        *entry_len = n;
        if (n > 0)
            return true;
    }
    return false;
}

static int sids_add(struct ntfs_sids *sids, const char *entry, size_t len)
{
    struct sid_rule *rule = &sids->rules[sids->count];

    if (!rule_parse(entry, len, rule) ||
        (!rule->is_user && !rule->is_group && rule->sid[1] < 1))
        return SHALE_EINVAL;
    sids->count++;
    return 0;
}

int ntfs_sids_load(struct shale_mem *mem, const char *text, size_t len,
                   struct ntfs_sids **out)
{
    struct ntfs_sids *sids = shale_zalloc(mem, sizeof *sids);
    const char *entry;
    size_t entry_len;
    int err = 0;

    if (!sids)
        return SHALE_ENOMEM;
    if (!text) {
        text = usual;
        len = sizeof usual - 1;
    }

    /* More entries than this there are not; the last is room to parse in. */
    sids->room = 2;
    for (size_t i = 0; i < len; i++)
        sids->room += is_end(text[i]);
    sids->rules = shale_alloc_array(mem, sids->room, sizeof *sids->rules);
    if (!sids->rules)
        err = SHALE_ENOMEM;
    while (!err && take_entry(&text, &len, &entry, &entry_len))
        err = sids_add(sids, entry, entry_len);
    if (err) {
        ntfs_sids_free(mem, sids);
        return err;
    }
    *out = sids;
    return 0;
}

void ntfs_sids_free(struct shale_mem *mem, struct ntfs_sids *sids)
{
    if (!sids)
        return;
    shale_free(mem, sids->rules, sids->room * sizeof *sids->rules);
    shale_free(mem, sids, sizeof *sids);
}

/* Is SID one of those that RULE, which is for many, is for? How far past N it
   is, in *PAST. */
static bool is_past(const struct sid_rule *rule, const uint8_t *sid,
                    uint32_t *past)
{
    const uint8_t *base = rule->sid;

    if (rule->is_user || rule->is_group || sid[1] != base[1] ||
        memcmp(sid, base, sid_size(base) - 4) != 0 ||
        sid_last(sid) < sid_last(base))
        return false;
    *past = sid_last(sid) - sid_last(base);
    return true;
}

uint32_t ntfs_sids_user(const struct ntfs_sids *sids, const uint8_t *sid)
{
    for (size_t i = 0; i < sids->count; i++) {
        const struct sid_rule *rule = &sids->rules[i];
        uint32_t past;

        if (rule->is_user && ntfs_sid_same(rule->sid, sid))
            return rule->uid;
        if (is_past(rule, sid, &past) && past % 2 == 0)
            return past / 2;
    }
    return 0;
}

uint32_t ntfs_sids_group(const struct ntfs_sids *sids, const uint8_t *sid)
{
    for (size_t i = 0; i < sids->count; i++) {
        const struct sid_rule *rule = &sids->rules[i];
        uint32_t past;

        if (rule->is_group && ntfs_sid_same(rule->sid, sid))
            return rule->gid;
        if (is_past(rule, sid, &past) && past % 2 == 1)
            return past / 2;
    }
    return 0;
}
