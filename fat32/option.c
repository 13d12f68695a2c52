/*
 * option.c - mount options, named as those of Linux's vfat
 */
#include "codepage.h"
#include "fat.h"

#define CODEPAGE_DEFAULT 437u

const char *const fat_option_names[] = {
    "dos1xfloppy", "quiet", "showexec", "sys_immutable", "rodir", "nonumtail",
    "usefree", "codepage", "shortname", "tz", "time_offset", "fat", NULL,
};

/* Those that are a bit, in the order of enum fat_flag. */
#define FLAG_NAMES (fat_option_names + 1)

#define FLAG_COUNT 6u

/* Are the LEN bytes at TEXT the terminated WORD? */
static bool is_word(const char *text, size_t len, const char *word)
{
    size_t i = 0;

    while (i < len && word[i] && text[i] == word[i])
        i++;
    return i == len && !word[i];
}

/* An option has a value that it cannot have; WANT says which it can. */
static int bad_value(struct shale_fs *fs, const char *what, const char *want)
{
    return shale_fail(fs, SHALE_EINVAL, what, want, SHALE_NOWHERE);
}

static int codepage_load(struct shale_fs *fs, struct fat_options *out)
{
    uint64_t number = CODEPAGE_DEFAULT;

    if (shale_option(fs, "codepage", &number) < 0)
        number = 0;
    out->codepage = fat_codepage_find(fs->codepages, number);
    if (!out->codepage)
        return bad_value(fs, "fat: option codepage",
                         "no such code page here; 437 is always there");
    return 0;
}

static int shortname_load(struct shale_fs *fs, struct fat_options *out)
{
    static const struct {
        const char *word;
        unsigned flags;
    } ways[] = {
        { "winnt", FAT_SHOW_NT | FAT_CREATE_NT },
        { "mixed", FAT_SHOW_NT },
        { "win95", 0 },
        { "lower", FAT_SHOW_LOWER },
    };
    const char *text = ways[0].word;
    size_t len = 5;

    shale_option_text(fs, "shortname", &text, &len);
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (is_word(text, len, ways[i].word)) {
            out->flags |= ways[i].flags;
            return 0;
        }
    }
    return bad_value(fs, "fat: option shortname",
                     "one of winnt, mixed, win95, lower");
}

/* Minutes, with a sign; a day at most. */
static bool minutes_decode(const char *text, size_t len, int32_t *out)
{
    bool minus = len > 0 && text[0] == '-';
    size_t i = len > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    int32_t minutes = 0;

    if (i == len || len - i > 4)
        return false;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        minutes = minutes * 10 + (text[i] - '0');
    }
    *out = minus ? -minutes : minutes;
    return minutes <= 24 * 60;
}

static int zone_load(struct shale_fs *fs, struct fat_options *out)
{
    const char *text;
    int32_t minutes;
    size_t len;

    if (shale_option_text(fs, "time_offset", &text, &len) == 1) {
        if (!minutes_decode(text, len, &minutes))
            return bad_value(fs, "fat: option time_offset",
                             "minutes that local time is ahead of UTC, from "
                             "-1440 to 1440");
        out->utc = true;
        out->utc_offset = minutes * 60;
    }
    if (shale_option_text(fs, "tz", &text, &len) == 1) {
        if (!is_word(text, len, "UTC"))
            return bad_value(fs, "fat: option tz", "can only be UTC");
        out->utc = true;
        out->utc_offset = 0;
    }
    return 0;
}

static int bits_load(struct shale_fs *fs, struct fat_options *out)
{
    uint64_t bits = 0;
    int given = shale_option(fs, "fat", &bits);

    if (given < 0 || (given && bits != 12 && bits != 16 && bits != 32))
        return bad_value(fs, "fat: option fat", "one of 12, 16, 32");
    out->force_bits = (unsigned)bits;
    return 0;
}

int fat_options_load(struct shale_fs *fs, struct fat_options *out)
{
    const char *text;
    size_t len;
    int err;

    *out = (struct fat_options){ .flags = 0 };
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        out->flags |= (unsigned)shale_option_text(fs, FLAG_NAMES[i], &text,
                                                  &len) << i;
    err = codepage_load(fs, out);
    if (!err)
        err = shortname_load(fs, out);
    if (!err)
        err = zone_load(fs, out);
    if (!err)
        err = bits_load(fs, out);
    return err;
}
