/*
 * ops.c - a sequence of operations on a filesystem, as data
 */
#include "ops.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[OP_KINDS] = {
    [OP_CREATE] = "create",
    [OP_MKDIR] = "mkdir",
    [OP_UNLINK] = "unlink",
    [OP_RMDIR] = "rmdir",
    [OP_RENAME] = "rename",
    [OP_OPEN] = "open",
    [OP_CLOSE] = "close",
    [OP_WRITE] = "write",
    [OP_APPEND] = "append",
    [OP_TRUNCATE] = "truncate",
    [OP_ALLOCATE] = "allocate",
    [OP_COPY] = "copy",
    [OP_READ] = "read",
    [OP_TOUCH] = "touch",
    [OP_LINK] = "link",
    [OP_SYMLINK] = "symlink",
    [OP_MKNOD] = "mknod",
    [OP_CHMOD] = "chmod",
    [OP_CHOWN] = "chown",
    [OP_SETXATTR] = "setxattr",
    [OP_REMOVEXATTR] = "removexattr",
    [OP_FSYNC] = "fsync",
    [OP_SYNC] = "sync",
    [OP_WRITEBACK] = "writeback",
    [OP_SHRINK] = "shrink",
    [OP_COMPARE] = "compare",
    [OP_REMOUNT] = "remount",
};

const char *op_name(enum op_kind kind)
{
    return names[kind];
}

void *need_more(void *old, size_t size)
{
    void *at = realloc(old, size > 0 ? size : 1);

    if (!at) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return at;
}

void *need(size_t size)
{
    return memset(need_more(NULL, size), 0, size);
}

char *need_copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(need_more(NULL, size), text, size);
}

void ops_add(struct ops *ops, const struct op *op)
{
    struct op *copy;

    if (ops->count == ops->room) {
        ops->room = ops->room * 2 + 64;
        ops->list = need_more(ops->list, ops->room * sizeof *ops->list);
    }
    copy = &ops->list[ops->count++];
    *copy = *op;
    if (op->path)
        copy->path = need_copy(op->path);
    if (op->to)
        copy->to = need_copy(op->to);
}

void op_free(struct op *op)
{
    free(op->path);
    free(op->to);
    op->path = op->to = NULL;
}

void ops_free(struct ops *ops)
{
    for (size_t i = 0; i < ops->count; i++)
        op_free(&ops->list[i]);
    free(ops->list);
    memset(ops, 0, sizeof *ops);
}

/* ----------------------------------------------------------------- text */

static void print_path(const char *path, FILE *to)
{
    if (!path) {
        fputs(" -", to);
        return;
    }
    putc(' ', to);
    for (const char *at = path; *at; at++) {
        unsigned char c = (unsigned char)*at;

        if (c <= ' ' || c >= 0x7f || c == '%' || c == '#')
            fprintf(to, "%%%02X", c);
        else
            putc(c, to);
    }
}

void op_print(const struct op *op, FILE *to)
{
    fputs(names[op->kind], to);
    print_path(op->path, to);
    print_path(op->to, to);
    fprintf(to, " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", op->a, op->b, op->c);
}

void ops_print(const struct ops *ops, FILE *to)
{
    for (size_t i = 0; i < ops->count; i++)
        op_print(&ops->list[i], to);
}

/* The word at TEXT, unescaped in place; NULL for "-". */
static char *take_path(char *text)
{
    char *out = text;

    if (strcmp(text, "-") == 0)
        return NULL;
    for (const char *at = text; *at; at++) {
        char digits[3] = { 0 };

        if (at[0] == '%' && isxdigit((unsigned char)at[1]) &&
            isxdigit((unsigned char)at[2])) {
            memcpy(digits, at + 1, 2);
            *out++ = (char)strtoul(digits, NULL, 16);
            at += 2;
        } else {
            *out++ = *at;
        }
    }
    *out = '\0';
    return text;
}

static bool parse_line(struct ops *ops, char *line)
{
    struct op op = { 0 };
    char *words[6], *rest = NULL;
    unsigned count = 0;

    for (char *word = strtok_r(line, " \t\n", &rest); word;
         word = strtok_r(NULL, " \t\n", &rest)) {
        if (count == 6)
            return false;
        words[count++] = word;
    }
    if (count == 0)
        return true;
    if (count != 6)
        return false;
    while (op.kind < OP_KINDS && strcmp(names[op.kind], words[0]) != 0)
        op.kind++;
    if (op.kind == OP_KINDS)
        return false;
    op.path = take_path(words[1]);
    op.to = take_path(words[2]);
    op.a = strtoull(words[3], NULL, 10);
    op.b = strtoull(words[4], NULL, 10);
    op.c = strtoull(words[5], NULL, 10);
    ops_add(ops, &op);
    return true;
}

bool ops_parse(struct ops *ops, FILE *from)
{
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    bool good = true;

    while (good && getline(&line, &room, from) >= 0) {
        number++;
        if (line[0] == '#')
            continue;
        good = parse_line(ops, line);
        if (!good)
            fprintf(stderr, "line %u is no operation\n", number);
    }
    free(line);
    return good;
}

/* --------------------------------------------------------------- content */

void stamp_fill(uint8_t *bytes, size_t len, uint64_t offset, uint64_t stamp)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t at = offset + i;
        uint64_t x = (stamp + 1) * 0x9e3779b97f4a7c15u + at / 8;

        x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
        x ^= x >> 29;
        /* Never zero: zeros are what was never written. */
        bytes[i] = (uint8_t)(x >> (8 * (at % 8))) | 1u;
    }
}
