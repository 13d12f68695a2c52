/*
 * dump.h - a tree of files as text, one line a file, for diff
 *
 * Whoever looked at the files - the library, a mount of ours, the kernel - the
 * same tree gives the same text. Fields are separated by tabs:
 *
 *     type mode uid gid links size mtime atime ctime device xattrs data path
 *
 * Lines are in the order of their paths. Bytes that would confuse are escaped
 * (\ooo). A file with several names shows the first of them in `links`, so two
 * trees with the same links are told from two with copies.
 */
#ifndef SUPPORT_DUMP_H
#define SUPPORT_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/types.h"

struct dump_options {
    bool seconds;               /* -s: times without nanoseconds */
    bool holes;                 /* -H: a field more: where data is */
    bool any_dir_size;          /* -d: directories' sizes left out */
    bool brief;                 /* -b: see dump_print */
};

/* Take the options above from ARGV; returns optind. Other letters in MORE go
   to TAKE. Exits with USAGE where they are wrong. */
int dump_getopt(int argc, char **argv, const char *more, const char *usage,
                void (*take)(int letter, const char *value),
                struct dump_options *options);

/* How to read a file's data, wherever it is. Errors end the program. */
struct dump_source {
    void *file;
    uint64_t size;
    void (*read)(void *file, void *buf, size_t len, uint64_t offset);
    /* As lseek's SEEK_DATA and SEEK_HOLE; -1 for no more data. */
    int64_t (*seek)(void *file, uint64_t offset, bool hole);
};

struct dump_node {
    uint64_t ino;
    uint64_t size, links;
    uint32_t mode, uid, gid;
    uint32_t rdev_major, rdev_minor;
    struct shale_time mtime, atime, ctime;
    char *path;                 /* these are malloc'ed */
    char *data;                 /* "sha256 ..." or "->target" or "-" */
    char *ranges;               /* with options.holes */
    char **xattrs;              /* "name=hex" */
    size_t xattr_count;
};

struct dump {
    struct dump_options options;
    struct dump_node *nodes;
    size_t count, room;
};

/*
 * A file's data as text for dump_node.data: its SHA-256 or, for a long file
 * that nobody else has hashed, one that needs no reading of holes.
 */
char *dump_hash(const struct dump *dump, const struct dump_source *source);

/* Where a file's data is, as text for dump_node.ranges. */
char *dump_ranges(const struct dump_source *source);

/* "->target", from LEN bytes. */
char *dump_target(const char *target, size_t len);

void dump_xattr(struct dump_node *node, const char *name, const void *value,
                size_t len);

/* DIR/NAME, where DIR "" is the root. */
char *dump_join(const char *dir, const char *name, size_t len);

/* Take NODE, and what its pointers point to. */
void dump_add(struct dump *dump, const struct dump_node *node);

/*
 * Print it all and free it. With options.brief, in the form of listings that
 * other programs make: type mode uid gid links size mtime data path, without
 * the root, and without sizes and links of directories.
 */
void dump_print(struct dump *dump);

/* Print a line on stderr and exit with 1. */
void dump_die(const char *format, ...) __attribute__((format(printf, 1, 2),
                                                     noreturn));

#endif /* SUPPORT_DUMP_H */
