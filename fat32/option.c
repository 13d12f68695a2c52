/*
 * option.c - mount options, named as those of Linux's vfat
 */
#include "fat.h"
#include "memfn.h"

#define CODEPAGE_DEFAULT 437u

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

/* Is option NAME given, whatever its value? */
static bool is_given(const struct shale_fs *fs, const char *name)
{
    const char *text;
    size_t len;

    return shale_option_text(fs, name, &text, &len) == 1;
}

static int codepage_load(struct shale_fs *fs, struct fat_options *out)
{
    uint64_t number = CODEPAGE_DEFAULT;

    if (shale_option(fs, "codepage", &number) < 0)
        number = 0;
    out->codepage = fat_codepage_find(fs->codepages, number);
    if (!out->codepage)
        return bad_value(fs, "fat: option codepage",
                         "no such code page: try 437, 850 or 932");
    return 0;
}

static int shortname_load(struct shale_fs *fs, struct fat_options *out)
{
    const char *text;
    size_t len;

    out->show_nt = true;
    out->create_nt = true;
    if (shale_option_text(fs, "shortname", &text, &len) != 1 ||
        is_word(text, len, "winnt"))
        return 0;
    out->create_nt = false;
    if (is_word(text, len, "mixed"))
        return 0;
    out->show_nt = false;
    if (is_word(text, len, "win95"))
        return 0;
    out->show_lower = true;
    if (is_word(text, len, "lower"))
        return 0;
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
    int err;

    *out = (struct fat_options){
        .numtail = !is_given(fs, "nonumtail"),
        .quiet = is_given(fs, "quiet"),
        .showexec = is_given(fs, "showexec"),
        .sys_immutable = is_given(fs, "sys_immutable"),
        .rodir = is_given(fs, "rodir"),
        .usefree = is_given(fs, "usefree"),
        .dos1x = is_given(fs, "dos1xfloppy"),
    };
    err = codepage_load(fs, out);
    if (!err)
        err = shortname_load(fs, out);
    if (!err)
        err = zone_load(fs, out);
    if (!err)
        err = bits_load(fs, out);
    return err;
}
