/*
 * fold.c - names in directories that fold case
 *
 * Where the volume is strict about its encoding, such names are UTF-8 (RFC
 * 3629): no byte sequence longer than need be, no surrogate, nothing past
 * U+10FFFF.
 *
 * Such a name is looked for, and hashed, as what it folds to: each character
 * decomposed, its case folded, what does not show left out, marks in the order
 * of their classes ("Unicode Standard", 3.11 and 3.13). A name that is no UTF-8
 * stays as it is.
 */
#include "ext2/check/folding.h"
#include "ext2/check/tree.h"
#include "memfn.h"

#define ENCODING_FLAGS  0x27eu  /* s_encoding_flags, in the superblock */
#define ENCODING_STRICT 0x1u

bool ext2_fold_is_strict(const struct ext2_check *c)
{
    const uint8_t *raw = (const uint8_t *)&c->super.raw;

    return c->super.casefold &&
           (le16_get(*(const le16 *)(raw + ENCODING_FLAGS)) & ENCODING_STRICT);
}

/* Bytes of the character that begins at TEXT, of LEN left, which is stored in
   *OUT; 0: there is none. */
static unsigned character_get(const uint8_t *text, unsigned len, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned count = text[0] < 0x80 ? 1 :
                     (text[0] & 0xe0) == 0xc0 ? 2 :
                     (text[0] & 0xf0) == 0xe0 ? 3 :
                     (text[0] & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t value = count == 1 ? text[0] : text[0] & (0x7fu >> count);

    if (count == 0 || count > len)
        return 0;
    for (unsigned i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3f);
    }
    if (value < least[count] || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000))
        return 0;
    *out = value;
    return count;
}

bool ext2_fold_is_text(const uint8_t *text, unsigned len)
{
    uint32_t character;

    while (len > 0) {
        unsigned count = character_get(text, len, &character);

        if (count == 0)
            return false;
        text += count;
        len -= count;
    }
    return true;
}

/* ----------------------------------------------------------------- folding */

#define HANGUL      0xac00u     /* the first syllable; the rest follow */
#define HANGUL_END  0xd7a4u
#define LEADS       0x1100u
#define VOWELS      0x1161u
#define TAILS       0x11a7u     /* one before the first */
#define VOWEL_COUNT 21u
#define TAIL_COUNT  28u

/* Characters of a folded name, and its bytes. */
#define FOLDED_MAX  1024u

struct ext2_folding {
    uint32_t text[FOLDED_MAX];
    unsigned len;
    bool full;                  /* there was more */
    uint8_t bytes[FOLDED_MAX];
};

/* The last of COUNT rows whose character is not past C; COUNT: none is. */
static size_t row_find(const uint32_t *rows, size_t count, uint32_t c)
{
    size_t from = 0, to = count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if ((rows[middle] & FOLDING_CHARACTER) <= c)
            from = middle + 1;
        else
            to = middle;
    }
    return from > 0 ? from - 1 : count;
}

/* Which row of stretches, as of marks, has C? COUNT: none. */
static size_t stretch_find(const uint32_t *rows, size_t count, uint32_t c)
{
    size_t row = row_find(rows, count, c);

    if (row < count && c - (rows[row] & FOLDING_CHARACTER) <=
                           rows[row] >> FOLDING_SHIFT)
        return row;
    return count;
}

/* 0: C is no mark. */
static unsigned class_of(uint32_t c)
{
    size_t row = c < 0x300 ? folding_marks_count :
                 stretch_find(folding_marks, folding_marks_count, c);

    return row < folding_marks_count ? folding_marks_class[row] : 0;
}

/* Append C, which is folded, after those that come before it. */
static void put(struct ext2_folding *f, uint32_t c)
{
    unsigned class = class_of(c), at = f->len;

    if (f->len == FOLDED_MAX) {
        f->full = true;
        return;
    }
    while (class != 0 && at > 0 && class_of(f->text[at - 1]) > class)
        at--;
    memmove(&f->text[at + 1], &f->text[at], (f->len - at) * sizeof f->text[0]);
    f->text[at] = c;
    f->len++;
}

static void put_pool(struct ext2_folding *f, size_t row)
{
    const uint8_t *text = folding_pool + folding_many_at[row];
    unsigned left = folding_many[row] >> FOLDING_SHIFT, len;
    uint32_t c;

    for (; left > 0; left -= len, text += len) {
        len = character_get(text, left, &c);
        if (len == 0)
            return;
        put(f, c);
    }
}

static void put_syllable(struct ext2_folding *f, uint32_t c)
{
    uint32_t n = c - HANGUL;

    put(f, LEADS + n / (VOWEL_COUNT * TAIL_COUNT));
    put(f, VOWELS + n / TAIL_COUNT % VOWEL_COUNT);
    if (n % TAIL_COUNT != 0)
        put(f, TAILS + n % TAIL_COUNT);
}

/* What C becomes, if it is one other; else itself. */
static uint32_t single(uint32_t c)
{
    size_t row = row_find(folding_runs, folding_runs_count, c);
    uint32_t word, distance, step;

    if (row == folding_runs_count)
        return c;
    word = folding_runs[row];
    distance = c - (word & FOLDING_CHARACTER);
    step = (word >> 31) + 1;
    if (distance % step != 0 ||
        distance / step > (word >> FOLDING_SHIFT & 1023))
        return c;
    return folding_runs_to[row] + distance;
}

/* Append what C folds to. */
static void fold(struct ext2_folding *f, uint32_t c)
{
    size_t row;

    if (c >= HANGUL && c < HANGUL_END) {
        put_syllable(f, c);
        return;
    }
    if (stretch_find(folding_ignored, folding_ignored_count, c) <
        folding_ignored_count)
        return;
    row = row_find(folding_many, folding_many_count, c);
    if (row < folding_many_count &&
        (folding_many[row] & FOLDING_CHARACTER) == c)
        put_pool(f, row);
    else
        put(f, single(c));
}

/* Store F's text as UTF-8, and how long it is. False: there is no room. */
static bool encode(struct ext2_folding *f, unsigned *out)
{
    unsigned len = 0;

    if (f->full)
        return false;
    for (unsigned i = 0; i < f->len; i++) {
        uint32_t c = f->text[i];
        unsigned count = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        if (len + count > sizeof f->bytes)
            return false;
        for (unsigned n = count; n-- > 1; c >>= 6)
            f->bytes[len + n] = (uint8_t)(0x80 | (c & 0x3f));
        f->bytes[len] = (uint8_t)(count == 1 ? c :
                                  (0xf00u >> count & 0xff) | c);
        len += count;
    }
    *out = len;
    return true;
}

int ext2_fold_begin(struct ext2_check *c, uint8_t flags,
                    struct ext2_folding **out)
{
    *out = NULL;
    if (!(flags & EXT2_CHECK_CASEFOLD) || (flags & EXT2_CHECK_CRYPT))
        return 0;
    *out = check_alloc(c->check, 2 * sizeof **out);
    return *out ? 0 : SHALE_ENOMEM;
}

void ext2_fold_end(struct ext2_check *c, struct ext2_folding *folding)
{
    if (folding)
        check_free(c->check, folding, 2 * sizeof *folding);
}

struct ext2_name ext2_fold_name(struct ext2_folding *folding, unsigned which,
                                const struct ext2_record *r)
{
    struct ext2_name name = { r->name, r->len };
    const uint8_t *text = r->name;
    unsigned left = r->len, len;
    struct ext2_folding *f;
    uint32_t c;

    if (!folding)
        return name;
    f = &folding[which];
    f->len = 0;
    f->full = false;
    for (; left > 0; left -= len, text += len) {
        len = character_get(text, left, &c);
        if (len == 0)
            return name;
        fold(f, c);
    }
    return encode(f, &len) ? (struct ext2_name){ f->bytes, len } : name;
}
