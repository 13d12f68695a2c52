/*
 * option.c - mount options: "name=value,name,..."
 *
 * Options stay the string they came as: a volume reads each of its few options
 * once. Of an option given twice the last one counts, as with mount(8).
 */
#include "vfs.h"

struct option {
    const char *name, *value;   /* value is NULL without a '=' */
    size_t name_len, value_len;
};

/*
 * Take the first option of the list *AT, and move *AT past it. Empty ones are
 * skipped. False at the end.
 */
static bool option_next(const char **at, struct option *out)
{
    const char *s = *at;
    struct option o = { 0 };

    while (*s == ',')
        s++;
    if (!*s)
        return false;

    o.name = s;
    while (*s && *s != ',' && *s != '=')
        s++;
    o.name_len = (size_t)(s - o.name);

    if (*s == '=') {
        o.value = ++s;
        while (*s && *s != ',')
            s++;
        o.value_len = (size_t)(s - o.value);
    }
    *at = s;
    *out = o;
    return true;
}

/* Is S, terminated, the LEN bytes at NAME? */
static bool same_name(const char *s, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] != name[i] || !s[i])
            return false;
    return !s[len];
}

bool shale_driver_has_option(const struct shale_fs_ops *driver,
                             const char *name, size_t len)
{
    if (!driver->options)
        return false;
    for (const char *const *o = driver->options; *o; o++)
        if (same_name(*o, name, len))
            return true;
    return false;
}

const char *option_unknown(const struct shale_fs_ops *driver,
                           const char *options, size_t *len)
{
    struct option o;

    while (option_next(&options, &o)) {
        if (!shale_driver_has_option(driver, o.name, o.name_len)) {
            *len = o.name_len;
            return o.name;
        }
    }
    return NULL;
}

/* The value of digit C, or 255. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 255;
}

/* Turn the LEN bytes at S, decimal or 0x, into a number. */
static bool parse_number(const char *s, size_t len, uint64_t *out)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
        len -= 2;
    }
    if (len == 0)
        return false;

    for (; len > 0; s++, len--) {
        unsigned d = digit(*s);

        if (d >= base || value > (UINT64_MAX - d) / base)
            return false;
        value = value * base + d;
    }
    *out = value;
    return true;
}

/* The option NAME that counts; its name is NULL if there is none. */
static struct option option_last(const struct shale_fs *fs, const char *name)
{
    const char *at = fs->options;
    struct option o, last = { 0 };

    while (option_next(&at, &o))
        if (same_name(name, o.name, o.name_len))
            last = o;
    return last;
}

int shale_option_text(const struct shale_fs *fs, const char *name,
                      const char **text, size_t *len)
{
    struct option last = option_last(fs, name);

    if (!last.name)
        return 0;
    *text = last.value ? last.value : "";
    *len = last.value_len;
    return 1;
}

int shale_option(const struct shale_fs *fs, const char *name, uint64_t *out)
{
    struct option last = option_last(fs, name);

    if (!last.name)
        return 0;
    if (!last.value || !parse_number(last.value, last.value_len, out))
        return SHALE_EINVAL;
    return 1;
}
