/*
 * scribble.c - change a volume in every way, as some bytes say
 *
 * There is a current directory and a file at hand; names are those found there,
 * or come from a short list.
 */
#include "scribble.h"

#include <stdlib.h>
#include <string.h>

#include "shale/err.h"

enum { NAMES = 12, NAME_ROOM = SHALE_NAME_MAX + 1, DATA = 9000,
       VERBS = 22 };

static const char *const new_names[] = {
    "NEW.TXT", "new.txt", "a long name that takes some slots.text",
    "\xc3\xbcz", "x", "LONGNA~1.TXT", "two.dots.here", "\xe6\x97\xa5",
    "a long name that takes some slots too.text", " lead", "+", "last",
};

struct names {
    char text[NAMES][NAME_ROOM];
    size_t len[NAMES];
    unsigned count;
};

struct scribbler {
    struct shale_fs *fs;
    struct shale_vnode *dir, *other, *file;
    struct names names;
    uint8_t *data;
    struct scribble *out;
};

static void note(struct scribbler *s, int64_t got)
{
    if (got >= 0) {
        s->out->done++;
        return;
    }
    s->out->refused++;
    if (got > -256)
        s->out->errors[-got]++;
}

static int keep(void *context, const struct shale_dirent *entry)
{
    struct names *names = context;

    if (names->count == NAMES)
        return 1;
    memcpy(names->text[names->count], entry->name, entry->len);
    names->len[names->count++] = entry->len;
    return 0;
}

/* Name number N: an even one of those that are there, or a new one. */
static const char *name_of(struct scribbler *s, uint8_t n, size_t *len)
{
    const char *name = new_names[(n >> 1) % NAMES];

    if (n % 2 == 0 && s->names.count > 0) {
        unsigned i = (unsigned)(n >> 1) % s->names.count;

        *len = s->names.len[i];
        return s->names.text[i];
    }
    *len = strlen(name);
    return name;
}

static void look(struct scribbler *s)
{
    s->names.count = 0;
    note(s, shale_iterate(s->dir, 0, 0, keep, &s->names));
}

static void take(struct shale_vnode **slot, struct shale_vnode *vn)
{
    shale_vnode_put(*slot);
    *slot = vn;
}

static void make(struct scribbler *s, const char *name, size_t len,
                 bool is_dir)
{
    struct shale_node node = {
        .mode = is_dir ? SHALE_S_IFDIR | 0755 : SHALE_S_IFREG | 0644,
    };
    struct shale_vnode *vn;
    int err = shale_create(s->dir, name, len, &node, &vn);

    note(s, err);
    if (!err)
        take(is_dir ? &s->other : &s->file, vn);
}

/* Go where NAME leads, or have it at hand. */
static void visit(struct scribbler *s, const char *name, size_t len)
{
    struct shale_vnode *vn;

    if (shale_lookup(s->dir, name, len, &vn))
        return;
    if (shale_vnode_type(vn) != SHALE_TYPE_DIR) {
        take(&s->file, vn);
        return;
    }
    take(&s->other, s->dir);
    s->dir = vn;
    look(s);
}

static void attributes(struct scribbler *s, uint8_t what)
{
    struct shale_setattr set = {
        .valid = what, .mode = what & 1 ? 0444 : 0755,
        .flags = what, .mtime = { (int64_t)what << 24, 0 },
        .atime = { (int64_t)what << 20, 0 },
    };

    note(s, shale_setattr(what & 2 ? s->file : s->dir, &set));
}

/* Sizes and places: small ones, and now and then an absurd one. */
static uint64_t number(uint8_t a)
{
    return a < 0xf0 ? (uint64_t)a * a : (uint64_t)1 << (a - 0xf0 + 20);
}

static void data(struct scribbler *s, uint8_t verb, uint8_t a, uint8_t b)
{
    size_t len = (size_t)b * 35;

    switch (verb) {
    case 0:
        memset(s->data, b, len);
        note(s, shale_write(s->file, s->data, len, number(a)));
        break;
    case 1:
        note(s, shale_read(s->file, s->data, len, number(a)));
        break;
    case 2:
        /* Growing makes zeros, and a megabyte of them proves as much. */
        note(s, shale_truncate(s->file, number(a) < 1 << 20 ? number(a) : 0));
        break;
    case 3:
        note(s, shale_allocate(s->file, (uint64_t)a * a, number(b) &
                               0xfffff, b & 1));
        break;
    default:
        note(s, shale_copy_range(s->file, number(a), s->file,
                                 (uint64_t)b * b, len));
        break;
    }
}

/* ------------------------------------------- what only Unix's files have */

static const char *const attribute_names[] = {
    "user.a", "user.bee", "trusted.t", "system.posix_acl_access",
    "system.posix_acl_default", "security.x",
};

static void make_other(struct scribbler *s, const char *name, size_t len,
                       uint8_t what)
{
    static const uint32_t types[] = { SHALE_S_IFIFO, SHALE_S_IFCHR,
                                      SHALE_S_IFBLK, SHALE_S_IFSOCK };
    struct shale_node node = {
        .mode = types[what % 4] | 0600, .rdev_major = what, .rdev_minor = 300,
    };

    if (what & 4) {
        memset(s->data, 'a' + what % 26, DATA);
        node.mode = SHALE_S_IFLNK | 0777;
        node.target = (const char *)s->data;
        node.target_len = (size_t)what * 5 + 1;
    }
    note(s, shale_create(s->dir, name, len, &node, NULL));
}

static void set_attribute(struct scribbler *s, uint8_t a, uint8_t b)
{
    struct shale_vnode *vn = a & 1 ? s->file : s->dir;
    const char *name = attribute_names[(a >> 1) % 6];

    memset(s->data, a, DATA);
    if (b % 8 == 7)
        note(s, shale_removexattr(vn, name));
    else
        note(s, shale_setxattr(vn, name, s->data, (size_t)b * 7, b % 8 / 3));
}

static void unix_change(struct scribbler *s, uint8_t verb, uint8_t a,
                        uint8_t b)
{
    size_t len;
    const char *name = name_of(s, a, &len);

    switch (verb) {
    case 0:
        note(s, shale_link(s->file, s->dir, name, len));
        break;
    case 1:
        make_other(s, name, len, b);
        break;
    case 2:
        set_attribute(s, a, b);
        break;
    default:
        note(s, shale_allocate(s->file, number(a), (uint64_t)b * 300,
                               b & 1 ? SHALE_ALLOCATE_ZERO_RANGE
                                     : SHALE_ALLOCATE_PUNCH_HOLE |
                                       SHALE_ALLOCATE_KEEP_SIZE));
        break;
    }
}

static void change(struct scribbler *s, uint8_t verb, uint8_t a, uint8_t b)
{
    size_t len, to_len;
    const char *name = name_of(s, a, &len);
    const char *to = name_of(s, b, &to_len);

    switch (verb % VERBS) {
    case 0:
    case 1:
        make(s, name, len, false);
        break;
    case 2:
        make(s, name, len, true);
        break;
    case 3:
        note(s, shale_unlink(s->dir, name, len));
        break;
    case 4:
        note(s, shale_rmdir(s->dir, name, len));
        break;
    case 5:
    case 6:
        note(s, shale_rename(s->dir, name, len, verb & 32 ? s->other : s->dir,
                             to, to_len, verb >> 6));
        break;
    case 7:
    case 8:
        visit(s, name, len);
        break;
    case 9:
        look(s);
        break;
    case 10:
        attributes(s, a);
        break;
    case 11:
        note(s, a & 1 ? shale_sync(s->fs) : shale_writeback(s->fs));
        break;
    case 12:
        shale_fs_shrink(s->fs);
        break;
    case 18:
    case 19:
    case 20:
    case 21:
        unix_change(s, (uint8_t)(verb % VERBS - 18), a, b);
        break;
    default:
        data(s, (uint8_t)(verb % VERBS - 13), a, b);
        break;
    }
}

void scribble(struct shale_fs *fs, const uint8_t *script, size_t len,
              struct scribble *out)
{
    struct scribbler s = { .fs = fs, .out = out, .data = malloc(DATA) };
    int err = shale_vnode_get(fs, shale_root_ino(fs), &s.dir);

    memset(out, 0, sizeof *out);
    if (!s.data)
        abort();
    note(&s, err);
    if (!err) {
        s.file = s.dir;
        s.other = s.dir;
        shale_vnode_ref(s.dir);
        shale_vnode_ref(s.dir);
        look(&s);
        for (size_t i = 0; i + 3 <= len; i += 3)
            change(&s, script[i], script[i + 1], script[i + 2]);
        shale_vnode_put(s.dir);
        shale_vnode_put(s.other);
        shale_vnode_put(s.file);
    }
    free(s.data);
}
