/*
 * sentence.c - a code's sentence, filled in, and names that are safe to print
 *
 * What a volume calls its files goes to terminals and into documents. Besides
 * what is no text, names may have controls that move a cursor, and marks that
 * turn the direction of writing: all of these are shown by their bytes.
 */
#include "check/state.h"

static const char digits[] = "0123456789abcdef";

/* ------------------------------------------------------------------- text */

void check_text_start(struct check_text *text)
{
    text->len = 0;
    text->bytes[0] = '\0';
}

/* Append LEN bytes, all or none, so that no character is cut. */
static void add(struct check_text *text, const char *bytes, size_t len)
{
    if (len > text->size - text->len)
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

static void add_string(struct check_text *text, const char *string)
{
    for (; *string; string++)
        add(text, string, 1);
}

static void add_number(struct check_text *text, uint64_t n, unsigned base)
{
    char number[24];
    size_t at = sizeof number;

    do {
        number[--at] = digits[n % base];
        n /= base;
    } while (n > 0);
    if (base == 16) {
        number[--at] = 'x';
        number[--at] = '0';
    }
    add(text, number + at, sizeof number - at);
}

/* ------------------------------------------------------------------ names */

/*
 * Decode the first character of the LEN bytes at S, at least one: how long it
 * is, and *OUT; 0 if that is no UTF-8, by the table 3-7 of the Unicode Standard
 * (no surrogates, nothing longer than need be).
 */
static size_t decode(const uint8_t *s, size_t len, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 :
                  s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
    uint32_t c;

    if (size == 0 || size > len)
        return 0;
    c = size == 1 ? s[0] : s[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return size;
}

/* Does C show as itself, and leave its neighbours alone? */
static bool prints(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))    /* C0, DEL, C1 */
        return false;
    if (c == 0x61c || c == 0xfeff)              /* Arabic mark; BOM */
        return false;
    if (c >= 0x200b && c <= 0x200f)             /* no width; direction */
        return c == 0x200c || c == 0x200d;      /* joiners: spelling */
    if (c >= 0x2028 && c <= 0x202e)             /* lines; direction */
        return false;
    return c < 0x2060 || c > 0x206f;            /* direction, unseen */
}

static void add_byte(struct check_text *text, uint8_t byte)
{
    const char escaped[4] = {
        '\\', 'x', digits[byte >> 4], digits[byte & 15],
    };

    add(text, escaped, sizeof escaped);
}

void check_text_name(struct check_text *text, const char *name, size_t len)
{
    while (len > 0) {
        const uint8_t *s = (const uint8_t *)name;
        uint32_t c = 0;
        size_t size = decode(s, len, &c);
        bool shown = size > 0 && prints(c);

        if (size == 0)
            size = 1;
        if (c == '\\')
            add(text, "\\\\", 2);
        else if (shown)
            add(text, name, size);
        else
            for (size_t i = 0; i < size; i++)
                add_byte(text, s[i]);
        name += size;
        len -= size;
    }
}

/* -------------------------------------------------------------- sentences */

static void add_object(struct check_text *text, enum shale_object object,
                       uint64_t number)
{
    if (object == SHALE_OBJECT_VOLUME) {
        add_string(text, "the volume");
    } else if (object == SHALE_OBJECT_FILE) {
        if (number == 0) {
            add_string(text, "the root directory");
            return;
        }
        add_string(text, "the file whose entry is at byte ");
        add_number(text, number, 10);
    } else {
        add_string(text, shale_object_name(object));
        add(text, " ", 1);
        add_number(text, number, 10);
    }
}

/* Does S begin with WORD? */
static bool begins(const char *s, const char *word)
{
    while (*word && *s == *word) {
        s++;
        word++;
    }
    return !*word;
}

/*
 * Sentences are written for several: after a 1 its noun becomes one, and so
 * does the verb that follows it. "1 free block is", not "1 free blocks are";
 * nor does "1 cluster from 5 on is free" mean several by the number 5.
 */
static const char *const nouns[] = {
    "attributes", "blocks", "bytes", "clusters", "directories", "entries",
    "files", "inodes", "levels", "links", "names", "records", "sectors",
    "times",
};
static const char *const adjectives[] = {
    "free", "from", "more", "on", "unused",
};
#define AMONG(s, len, words)                                                \
    is_among(s, len, words, sizeof words / sizeof *words)

static size_t word_length(const char *s)
{
    size_t len = 0;

    while (s[len] >= 'a' && s[len] <= 'z')
        len++;
    return len;
}

/* Is the word of LEN bytes at S one of COUNT at WORDS? */
static bool is_among(const char *s, size_t len, const char *const *words,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word_length(words[i]) == len && begins(s, words[i]))
            return true;
    return false;
}

/* May C, of no such word, come before what there is one of? "1 MFT record" */
static bool goes_on(char c)
{
    return c == ' ' || (c >= 'A' && c <= 'Z');
}

/*
 * Append the word at S, as of one thing if *ONE, which goes on as long as the
 * words are about that. Its length; 0 if there is none.
 */
static size_t add_word(struct check_text *text, const char *s, bool *one)
{
    size_t len = word_length(s);

    if (len == 0)
        return 0;
    if (*one && len == 3 && begins(s, "are")) {
        add(text, "is", 2);
        *one = false;
    } else if (*one && AMONG(s, len, nouns)) {
        bool ies = len > 3 && begins(s + len - 3, "ies");

        add(text, s, len - (ies ? 3 : 1));
        add(text, "y", ies);
    } else {
        *one = *one && AMONG(s, len, adjectives);
        add(text, s, len);
    }
    return len;
}

/* Append TEXT of a sentence. */
static void add_words(struct check_text *text, const char *s, bool *one)
{
    while (*s) {
        size_t len = add_word(text, s, one);

        if (len == 0) {
            *one = *one && goes_on(*s);
            add(text, s, len = 1);
        }
        s += len;
    }
}

/* Does TEXT end with WORDS so far? */
static bool ends(const struct check_text *text, const char *words)
{
    size_t len = 0;

    while (words[len])
        len++;
    return text->len >= len &&
           memcmp(text->bytes + text->len - len, words, len) == 0;
}

/* The number N comes next: *ONE, are the words after it about one thing? */
static void add_count(struct check_text *text, uint64_t n, unsigned base,
                      bool *one)
{
    bool counts = text->len == 0 || ends(text, " ");

    /* After "from" it is a place, and the words go on about what is there. */
    if (!ends(text, "from "))
        *one = n == 1 && base == 10 && counts;
    if (*one && ends(text, "there are ")) {
        text->len -= sizeof "are";
        add(text, "is ", 3);
    }
    add_number(text, n, base);
}

/* If S begins with a placeholder for a number, store it, and its length. */
static size_t number_at(const char *s, const struct check_note *note,
                        uint64_t *out, unsigned *base)
{
    switch (s[1]) {
    case 'n': *out = note->number; break;
    case 'o': *out = note->other; break;
    case 'e': *out = note->expected; break;
    case 'f': *out = note->found; break;
    default: return 0;
    }
    *base = s[2] == ':' ? 16 : 10;
    if (begins(s + 2, ":x}"))
        return sizeof "{n:x}" - 1;
    return s[2] == '}' ? sizeof "{n}" - 1 : 0;
}

void check_text_sentence(struct check_text *text, const char *sentence,
                         const struct check_note *note, const char *name)
{
    uint64_t number;
    unsigned base;
    bool one = false;
    size_t len;

    for (const char *s = sentence; *s; s += len) {
        if (begins(s, "{object}")) {
            add_object(text, note->object, note->number);
            one = false;
            len = sizeof "{object}" - 1;
        } else if (begins(s, "{name}")) {
            add_words(text, name, &one);
            len = sizeof "{name}" - 1;
        } else if (*s == '{' &&
                   (len = number_at(s, note, &number, &base)) > 0) {
            add_count(text, number, base, &one);
        } else if ((len = add_word(text, s, &one)) == 0) {
            one = one && goes_on(*s);
            add(text, s, len = 1);
        }
    }
}
