/*
 * dump.c - a tree of files as text
 */
#include "dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/kernel/sha256.h"

void dump_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void *must(void *ptr)
{
    if (!ptr)
        dump_die("out of memory");
    return ptr;
}

int dump_getopt(int argc, char **argv, const char *more, const char *usage,
                void (*take)(int letter, const char *value),
                struct dump_options *options)
{
    char letters[32];
    int letter;

    snprintf(letters, sizeof letters, "sHdb%s", more);
    while ((letter = getopt(argc, argv, letters)) != -1) {
        if (letter == 's')
            options->seconds = true;
        else if (letter == 'H')
            options->holes = true;
        else if (letter == 'd')
            options->any_dir_size = true;
        else if (letter == 'b')
            options->brief = options->seconds = true;
        else if (letter != '?' && take)
            take(letter, optarg);
        else
            dump_die("usage: %s", usage);
    }
    return optind;
}

/* ---------------------------------------------------------------- data */

static bool all_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && !memcmp(bytes, bytes + 1, len - 1));
}

static char *hash_whole(const struct dump_source *source)
{
    static uint8_t buf[1 << 20];
    struct sha256 hash;
    char *text = must(malloc(SHA256_HEX));

    sha256_init(&hash);
    for (uint64_t at = 0; at < source->size; at += sizeof buf) {
        uint64_t left = source->size - at;
        size_t len = left < sizeof buf ? (size_t)left : sizeof buf;

        source->read(source->file, buf, len, at);
        sha256_add(&hash, buf, len);
    }
    sha256_hex(&hash, text);
    return text;
}

/*
 * The hash of a file too long to read: of each 4 KiB that are not all zero,
 * with its offset. Where holes are makes no difference to it.
 */
static char *hash_sparse(const struct dump_source *source)
{
    enum { STEP = 4096 };
    uint8_t buf[STEP];
    struct sha256 hash;
    char hex[SHA256_HEX], *text;
    int64_t data = 0;

    sha256_init(&hash);
    while ((data = source->seek(source->file, (uint64_t)data, false)) >= 0) {
        int64_t hole = source->seek(source->file, (uint64_t)data, true);
        uint64_t at = (uint64_t)data - (uint64_t)data % STEP;

        for (; at < (uint64_t)hole; at += STEP) {
            uint64_t left = source->size - at;
            size_t len = left < STEP ? (size_t)left : STEP;
            char where[24];

            source->read(source->file, buf, len, at);
            if (all_zero(buf, len))
                continue;
            snprintf(where, sizeof where, "%" PRIu64 ":", at);
            sha256_add(&hash, where, strlen(where));
            sha256_add(&hash, buf, len);
        }
        data = (int64_t)at;
        if (at >= source->size)
            break;
    }
    sha256_hex(&hash, hex);
    text = must(malloc(sizeof hex + 8));
    snprintf(text, sizeof hex + 8, "sparse:%s", hex);
    return text;
}

char *dump_hash(const struct dump *dump, const struct dump_source *source)
{
    /* Brief listings are compared with those of others: true hashes. */
    uint64_t whole_max = (uint64_t)(dump->options.brief ? 128 : 4) << 20;

    return source->size > whole_max ? hash_sparse(source)
                                    : hash_whole(source);
}

char *dump_ranges(const struct dump_source *source)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = must(open_memstream(&text, &size));
    int64_t data = 0, hole;

    while ((data = source->seek(source->file, (uint64_t)data, false)) >= 0) {
        hole = source->seek(source->file, (uint64_t)data, true);
        fprintf(out, "%" PRId64 "-%" PRId64 ",", data, hole);
        if ((uint64_t)hole >= source->size)
            break;
        data = hole;
    }
    fputc('.', out);
    fclose(out);
    return text;
}

/* ---------------------------------------------------------------- text */

char *dump_target(const char *target, size_t len)
{
    char *text = must(malloc(len + 3));

    memcpy(text, "->", 2);
    memcpy(text + 2, target, len);
    text[len + 2] = '\0';
    return text;
}

void dump_xattr(struct dump_node *node, const char *name, const void *value,
                size_t len)
{
    const uint8_t *bytes = value;
    size_t start = strlen(name) + 1;
    char *text = must(malloc(start + 2 * len + 1));

    snprintf(text, start + 1, "%s=", name);
    for (size_t i = 0; i < len; i++)
        snprintf(text + start + 2 * i, 3, "%02x", bytes[i]);
    node->xattrs = must(realloc(node->xattrs,
                                (node->xattr_count + 1) * sizeof(char *)));
    node->xattrs[node->xattr_count++] = text;
}

char *dump_join(const char *dir, const char *name, size_t len)
{
    size_t have = strlen(dir);
    char *path = must(malloc(have + len + 2));

    memcpy(path, dir, have);
    if (have > 0)
        path[have++] = '/';
    memcpy(path + have, name, len);
    path[have + len] = '\0';
    return path;
}

void dump_add(struct dump *dump, const struct dump_node *node)
{
    if (dump->count == dump->room) {
        dump->room = dump->room * 2 + 64;
        dump->nodes = must(realloc(dump->nodes,
                                   dump->room * sizeof *dump->nodes));
    }
    dump->nodes[dump->count++] = *node;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct dump_node *)a)->path,
                  ((const struct dump_node *)b)->path);
}

static int by_ino(const void *a, const void *b)
{
    const struct dump_node *const *x = a, *const *y = b;

    if ((*x)->ino != (*y)->ino)
        return (*x)->ino < (*y)->ino ? -1 : 1;
    return strcmp((*x)->path, (*y)->path);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_escaped(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == '\\' || c == 0x7f)
            printf("\\%03o", c);
        else
            putchar(c);
    }
}

static void put_time(const struct dump *dump, struct shale_time t)
{
    printf("%" PRId64, t.sec);
    if (!dump->options.seconds)
        printf(".%09" PRIu32, t.nsec);
    putchar('\t');
}

static char type_letter(uint32_t mode)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFREG:
        return 'f';
    case SHALE_S_IFDIR:
        return 'd';
    case SHALE_S_IFLNK:
        return 'l';
    case SHALE_S_IFCHR:
        return 'c';
    case SHALE_S_IFBLK:
        return 'b';
    case SHALE_S_IFIFO:
        return 'p';
    case SHALE_S_IFSOCK:
        return 's';
    default:
        return '?';
    }
}

/* The fields between the times and the data. */
static void put_details(const struct dump *dump, struct dump_node *node)
{
    put_time(dump, node->atime);
    put_time(dump, node->ctime);
    printf("%" PRIu32 ":%" PRIu32 "\t", node->rdev_major, node->rdev_minor);
    if (node->xattr_count > 0)
        qsort(node->xattrs, node->xattr_count, sizeof(char *), by_text);
    for (size_t i = 0; i < node->xattr_count; i++) {
        put_escaped(node->xattrs[i]);
        putchar(',');
    }
    fputs(".\t", stdout);
    if (dump->options.holes)
        printf("%s\t", node->ranges ? node->ranges : "-");
}

static void put_node(const struct dump *dump, struct dump_node *node,
                     const char *first)
{
    bool dir = (node->mode & SHALE_S_IFMT) == SHALE_S_IFDIR;
    bool brief = dump->options.brief;

    printf("%c\t%04" PRIo32 "\t%" PRIu32 "\t%" PRIu32 "\t",
           type_letter(node->mode), node->mode & 07777, node->uid, node->gid);
    if (dir && brief)
        fputs("-\t-\t", stdout);
    else if (dir && dump->options.any_dir_size)
        printf("%" PRIu64 "\t-\t", node->links);
    else {
        printf("%" PRIu64, node->links);
        if (!brief && !dir && node->links > 1) {
            putchar('=');
            put_escaped(first);
        }
        printf("\t%" PRIu64 "\t", node->size);
    }
    put_time(dump, node->mtime);
    if (!brief)
        put_details(dump, node);
    if (brief && (node->rdev_major || node->rdev_minor))
        printf("dev%" PRIx32 "%02" PRIx32, node->rdev_major, node->rdev_minor);
    else
        put_escaped(node->data);
    putchar('\t');
    put_escaped(node->path);
    putchar('\n');
}

static void free_node(struct dump_node *node)
{
    for (size_t i = 0; i < node->xattr_count; i++)
        free(node->xattrs[i]);
    free(node->xattrs);
    free(node->path);
    free(node->data);
    free(node->ranges);
}

void dump_print(struct dump *dump)
{
    struct dump_node **inos;
    const char **first;

    if (dump->count == 0)
        return;
    inos = must(calloc(dump->count, sizeof *inos));
    first = must(calloc(dump->count, sizeof *first));
    qsort(dump->nodes, dump->count, sizeof *dump->nodes, by_path);
    for (size_t i = 0; i < dump->count; i++)
        inos[i] = &dump->nodes[i];
    qsort(inos, dump->count, sizeof *inos, by_ino);
    for (size_t i = 0, same = 0; i < dump->count; i++) {
        if (inos[i]->ino != inos[same]->ino)
            same = i;
        first[inos[i] - dump->nodes] = inos[same]->path;
    }
    for (size_t i = 0; i < dump->count; i++)
        if (!dump->options.brief || strcmp(dump->nodes[i].path, "") != 0)
            put_node(dump, &dump->nodes[i], first[i]);
    for (size_t i = 0; i < dump->count; i++)
        free_node(&dump->nodes[i]);
    free(dump->nodes);
    free(inos);
    free(first);
    if (fflush(stdout) != 0)
        dump_die("cannot write");
}
