/*
 * cmd_look.c - commands that only look: ls, tree, stat, cat, sha256, df
 */
#include "sha256.h"
#include "shell.h"

/* As ls(1) begins a line. */
static void mode_text(uint32_t mode, char text[11])
{
    static const char letters[] = "?pc?d?b?-?l?s???";

    text[0] = letters[mode >> 12 & 15];
    for (unsigned i = 0; i < 9; i++)
        text[1 + i] = mode >> (8 - i) & 1 ? "rwxrwxrwx"[i] : '-';
    text[10] = '\0';
}

/* -------------------------------------------------------------------- ls */

static void print_long(const char *name, const struct shale_attr *attr)
{
    char mode[11];

    mode_text(attr->mode, mode);
    print("%s %3u %5u %5u %10lu %s\n", mode, attr->links, attr->uid,
          attr->gid, attr->size, name);
}

static bool is_hidden(const char *name)
{
    return text_equal(name, ".") || text_equal(name, "..");
}

/* What is in DIR, which is at PATH. An entry that is not sound is no end. */
static int list(struct shale_file *dir, const char *path, bool full)
{
    struct shale_entry *entry = shale_alloc(heap, sizeof *entry);
    struct shale_attr attr;
    int err = entry ? 1 : SHALE_ENOMEM, failed = 0;

    while (err > 0 && (err = shale_file_readdir(dir, entry)) > 0) {
        int wrong;

        if (is_hidden(entry->name))
            continue;
        if (!full) {
            print("%s%s\n", entry->name,
                  entry->type == SHALE_TYPE_DIR ? "/" : "");
            continue;
        }
        wrong = shale_lookup_attr(shale_file_vnode(dir), entry->name,
                                  text_len(entry->name), &attr);
        if (wrong)
            failed = shell_tell(entry->name, wrong);
        else
            print_long(entry->name, &attr);
    }
    shale_free(heap, entry, sizeof *entry);
    return err ? shell_tell(path, err) : failed;
}

static int ls(char **words, unsigned count)
{
    bool full = count > 1 && text_equal(words[1], "-l");
    const char *path = words[count - 1], *rest;
    struct shale_fs *fs = shell_fs(path, &rest);
    struct shale_attr attr;
    struct shale_file *file;
    int err;

    if (!fs)
        return SHALE_ENODEV;
    err = shale_open(fs, rest, &file);
    if (err)
        return shell_tell(path, err);
    if (shale_vnode_type(shale_file_vnode(file)) == SHALE_TYPE_DIR) {
        err = list(file, path, full);
    } else if (!full) {
        print("%s\n", path);
    } else {
        err = shell_tell(path, shale_getattr(shale_file_vnode(file), &attr));
        if (!err)
            print_long(path, &attr);
    }
    shale_close(file);
    return err;
}

/* ------------------------------------------------------------ tree, find */

static int each_below(const char *path, void (*show)(const struct walk *walk))
{
    const char *rest;
    struct shale_fs *fs = shell_fs(path, &rest);
    struct walk *walk = NULL;
    int step;

    if (!fs)
        return SHALE_ENODEV;
    step = walk_start(fs, rest, &walk);
    if (step)
        return shell_tell(path, step);
    while ((step = walk_next(walk)) > 0)
        if (step == WALK_FOUND)
            show(walk);
    walk_end(walk);
    return shell_tell(path, step);
}

static void show_indented(const struct walk *walk)
{
    print("%*s%s%s\n", (int)(walk->depth - 1) * 4, "", walk->entry.name,
          walk->entry.type == SHALE_TYPE_DIR ? "/" : "");
}

static void show_path(const struct walk *walk)
{
    print("%s\n", walk->path);
}

static int tree(char **words, unsigned count)
{
    (void)count;
    return each_below(words[1], show_indented);
}

static int find(char **words, unsigned count)
{
    (void)count;
    return each_below(words[1], show_path);
}

/* ------------------------------------------------------------------ stat */

static int stat(char **words, unsigned count)
{
    struct shale_attr attr;
    struct shale_vnode *vn;
    char mode[11];
    int err = shell_find(words[1], &vn);

    (void)count;
    if (err)
        return err;
    err = shale_getattr(vn, &attr);
    shale_vnode_put(vn);
    if (err)
        return shell_tell(words[1], err);
    mode_text(attr.mode, mode);
    print("%s: %s, inode %lu, %u links, owner %u:%u\n", words[1], mode,
          attr.ino, attr.links, attr.uid, attr.gid);
    print("%lu bytes, %lu on the volume; changed at %ld.%09u\n", attr.size,
          attr.allocated, attr.mtime.sec, attr.mtime.nsec);
    return 0;
}

/* ----------------------------------------------------------- cat, sha256 */

/* Tell TAKE the bytes of the file at PATH. */
static int each_piece(const char *path,
                      void (*take)(void *context, const void *bytes,
                                   size_t len), void *context)
{
    void *buffer = shell_buffer();
    struct shale_vnode *vn;
    uint64_t at = 0;
    int64_t got = 0;
    int err = buffer ? shell_find(path, &vn) : SHALE_ENOMEM;

    if (!err) {
        while ((got = shale_read(vn, buffer, SHELL_BUFFER, at)) > 0) {
            take(context, buffer, (size_t)got);
            at += (uint64_t)got;
        }
        shale_vnode_put(vn);
        err = shell_tell(path, (int)got);
    }
    shell_buffer_free(buffer);
    return err;
}

static void show_bytes(void *context, const void *bytes, size_t len)
{
    (void)context;
    console_write(bytes, len);
}

static void add_bytes(void *context, const void *bytes, size_t len)
{
    sha256_add(context, bytes, len);
}

static int cat(char **words, unsigned count)
{
    int err = 0;

    for (unsigned i = 1; i < count && !err; i++)
        err = each_piece(words[i], show_bytes, NULL);
    return err;
}

static int sha256(char **words, unsigned count)
{
    struct sha256 hash;
    char hex[SHA256_HEX];
    int err = 0;

    for (unsigned i = 1; i < count && !err; i++) {
        sha256_init(&hash);
        err = each_piece(words[i], add_bytes, &hash);
        if (!err) {
            sha256_hex(&hash, hex);
            print("%s  %s\n", hex, words[i]);
        }
    }
    return err;
}

/* -------------------------------------------------------------------- df */

/* Of files, where the format has only so many. */
static void show_free(struct shale_fs *fs, const struct shale_statfs *st)
{
    print("  %-5s %s  %8lu KiB free", shale_fs_name(fs),
          shale_fs_read_only(fs) ? "read-only " : "read-write",
          st->blocks_free * st->block_size >> 10);
    if (st->files > 0)
        print("  %lu files free", st->files_free);
    print("\n");
}

static int df(char **words, unsigned count)
{
    struct shale_statfs st;
    int failed = 0;

    (void)words;
    (void)count;
    for (size_t i = 0; i < disk_count; i++) {
        const struct disk *disk = &disks[i];
        struct shale_fs *fs = volumes[i].fs;
        int err;

        print("%-5s %-10s %8lu KiB", disk->name, disk->kind,
              disk->dev->size >> 10);
        err = fs ? shale_statfs(fs, &st) : 0;
        if (!fs)
            print("  not mounted\n");
        else if (err)
            failed = shell_tell("", err);
        else
            show_free(fs, &st);
    }
    return failed;
}

const struct command look_commands[] = {
    { "ls", "[-l] PATH", "what is in a directory", 1, 2, ls },
    { "tree", "PATH", "... and below it", 1, 1, tree },
    { "find", "PATH", "the same, as paths", 1, 1, find },
    { "stat", "PATH", "what is known of a file", 1, 1, stat },
    { "cat", "PATH...", "what is in files", 1, 14, cat },
    { "sha256", "PATH...", "their digests", 1, 14, sha256 },
    { "df", "", "disks, and the volumes on them", 0, 0, df },
    { NULL, NULL, NULL, 0, 0, NULL },
};
