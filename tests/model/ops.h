/*
 * ops.h - a sequence of operations on a filesystem, as data
 *
 * An operation names what it works on by path, and never by anything that an
 * earlier one returned: so any operation can be left out of a sequence, and
 * the rest still means something. That is what makes failures shrink.
 *
 * As text, a line an operation, the numbers in decimal, and "-" for no path:
 *
 *     kind path to a b c
 *
 * Bytes of a path that would confuse are written %XX. Where a file is wanted,
 * "@3" is the one that is open in slot 3, whatever became of its name.
 */
#ifndef MODEL_OPS_H
#define MODEL_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum op_kind {
    OP_CREATE,                  /* path */
    OP_MKDIR,                   /* path */
    OP_UNLINK,                  /* path */
    OP_RMDIR,                   /* path */
    OP_RENAME,                  /* path, to, a: SHALE_RENAME_... */
    OP_OPEN,                    /* path, a: slot */
    OP_CLOSE,                   /* a: slot */
    OP_WRITE,                   /* file, a: offset, b: bytes, c: stamp */
    OP_APPEND,                  /* file, b: bytes, c: stamp */
    OP_TRUNCATE,                /* file, a: size */
    OP_ALLOCATE,                /* file, a: offset, b: bytes, c: flags */
    OP_COPY,                    /* file, to: file, a: offset, b: bytes, c: to */
    OP_READ,                    /* file, a: offset, b: bytes */
    OP_TOUCH,                   /* file, a: modified at, seconds since 1970,
                                   b: and nanoseconds */
    OP_LINK,                    /* path, to: the new name */
    OP_SYMLINK,                 /* path, to: the target */
    OP_MKNOD,                   /* path, a: type, as in a mode, b: major
                                   number, c: minor */
    OP_CHMOD,                   /* path, a: permissions */
    OP_CHOWN,                   /* path, a: user, b: group; OP_KEEP: not that */
    OP_SETXATTR,                /* path, to: name, a: stamp, b: bytes, c: flags,
                                   SHALE_XATTR_... */
    OP_REMOVEXATTR,             /* path, to: name */
    OP_FSYNC,                   /* file */
    OP_SYNC,
    OP_WRITEBACK,
    OP_SHRINK,                  /* drop what is cached */
    OP_COMPARE,                 /* the whole tree with the model's */
    OP_REMOUNT,                 /* unmount, check the image, mount */
    OP_KINDS,
};

enum { OP_SLOTS = 6 };          /* files that can be open */

#define OP_KEEP UINT32_MAX

struct op {
    enum op_kind kind;
    char *path, *to;            /* malloc'ed, or NULL */
    uint64_t a, b, c;
};

struct ops {
    struct op *list;
    size_t count, room;
};

const char *op_name(enum op_kind kind);

/* Append a copy of *OP. */
void ops_add(struct ops *ops, const struct op *op);
void ops_free(struct ops *ops);
void op_free(struct op *op);

void op_print(const struct op *op, FILE *to);
void ops_print(const struct ops *ops, FILE *to);

/* Append what FROM holds; blank lines and those with # are left out. False,
   having said why, if it is not understood. */
bool ops_parse(struct ops *ops, FILE *from);

/*
 * The bytes that a write with STAMP puts at OFFSET: different for every stamp
 * and every eight bytes, so that whatever is read tells where it comes from.
 */
void stamp_fill(uint8_t *bytes, size_t len, uint64_t offset, uint64_t stamp);

/* malloc and friends that do not fail. */
void *need(size_t size);
void *need_more(void *old, size_t size);
char *need_copy(const char *text);

#endif /* MODEL_OPS_H */
