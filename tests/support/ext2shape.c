/*
 * ext2shape.c - the shapes that are ext2's: mke2fs, ext2check and e2fsck
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext2check.h"
#include "shape.h"
#include "sound.h"

#define KIB ((size_t)1 << 10)

/* Bytes that a block map reaches. With blocks of 4 KiB what ends a file is a
   count of sectors in 32 bits, somewhat before this. */
#define REACH_1K UINT64_C(17247252480)
#define REACH_2K UINT64_C(275415851008)
#define REACH_4K UINT64_C(2200000000000)

#define SHAPE(NAME, SIZE, BLOCK, REACH, FINE, ARGUMENTS)                    \
    { .name = NAME, .kind = &ext2_kind, .detail = ARGUMENTS,                \
      .size = (SIZE) * KIB, .sector = 512, .in_steps = (SIZE) <= 4 * KIB,   \
      .can = { .unix_files = true, .fine_times = FINE, .name_max = 255,     \
               .file_max = REACH, .xattr_room = (BLOCK) - 36 } }

/*
 * With room for a journal of at least 1024 blocks and four times that, but for
 * the last ones. The second half of each: mke2fs's arguments.
 */
const struct shape ext2_shapes[] = {
    SHAPE("ext2", 6 * KIB, 1024, REACH_1K, false, "-b 1024 -I 128 -N 400"),
    SHAPE("ext2-4k", 24 * KIB, 4096, REACH_4K, true, "-b 4096 -I 256 -N 500"),
    SHAPE("ext2-2k", 13 * KIB, 2048, REACH_2K, true,
          "-b 2048 -I 256 -N 400 -O ^dir_index"),
    SHAPE("ext3", 6 * KIB, 1024, REACH_1K, true,
          "-b 1024 -I 256 -N 400 -O has_journal -J size=1"),
    SHAPE("ext2-groups", 8 * KIB, 1024, REACH_1K, true,
          "-b 1024 -I 256 -g 1024 -N 512"),
    SHAPE("ext2-plain", 6 * KIB, 1024, REACH_1K, false,
          "-b 1024 -I 128 -N 400 -O none,sparse_super"),
    SHAPE("ext2-large", 200 * KIB, 4096, REACH_4K, true,
          "-b 4096 -I 256 -N 4000"),
    SHAPE("ext2-large-1k", 100 * KIB, 1024, REACH_1K, false,
          "-b 1024 -I 128 -N 4000"),
    /* No room for a journal. */
    SHAPE("ext2-tiny", 1 * KIB, 1024, REACH_1K, false,
          "-b 1024 -I 128 -N 120"),
    SHAPE("ext2-tiny-4k", 4 * KIB, 4096, REACH_4K, true,
          "-b 4096 -I 256 -N 120"),
};

const size_t ext2_shape_count = sizeof ext2_shapes / sizeof ext2_shapes[0];

static bool possible(void)
{
    return shape_program("mke2fs") && shape_program("e2fsck");
}

static void make(struct image *image, const struct shape *shape)
{
    char words[200], path[sizeof image->path], said[2000], *rest = NULL;
    char *argv[40] = {
        (char[]){ "mke2fs" }, (char[]){ "-q" }, (char[]){ "-F" },
        (char[]){ "-t" }, (char[]){ "ext2" }, (char[]){ "-m" },
        (char[]){ "0" }, (char[]){ "-U" },
        (char[]){ "7368616c-6500-4000-8000-746573747321" }, (char[]){ "-E" },
        (char[]){ "lazy_itable_init=0,hash_seed="
                  "7368616c-6500-4000-8000-686173682121" },
    };
    int argc = 11;

    snprintf(words, sizeof words, "%s", (const char *)shape->detail);
    snprintf(path, sizeof path, "%s", image->path);
    for (char *word = strtok_r(words, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc++] = path;
    argv[argc] = NULL;
    setenv("E2FSPROGS_FAKE_TIME", "1600000000", 1);
    if (shape_run("mke2fs", argv, said, sizeof said) != 0) {
        fprintf(stderr, "mke2fs: %s\n", said);
        exit(2);
    }
    unsetenv("E2FSPROGS_FAKE_TIME");
}

/* ---------------------------------------------------------------- e2fsck */

static int e2fsck(const char *how, const char *path, char *said, size_t size)
{
    char how_copy[8], path_copy[4096];
    char *argv[] = { (char[]){ "e2fsck" }, how_copy, path_copy, NULL };

    snprintf(how_copy, sizeof how_copy, "%s", how);
    snprintf(path_copy, sizeof path_copy, "%s", path);
    return shape_run("e2fsck", argv, said, size);
}

/* A line that e2fsck always says: its name, a pass, the last one's counts. */
static bool is_usual(const char *line)
{
    return strncmp(line, "e2fsck ", 7) == 0 ||
           strncmp(line, "Pass ", 5) == 0 || strstr(line, " files (") != NULL;
}

static bool is_sound(const char *path, char *said, size_t size)
{
    bool silent = e2fsck("-fn", path, said, size) == 0;

    for (const char *at = said; silent && *at;) {
        char line[300];
        size_t len = strcspn(at, "\n");

        snprintf(line, sizeof line, "%.*s", (int)len, at);
        silent = is_usual(line);
        at += len + (at[len] == '\n');
    }
    return silent && is_sound_file("ext2", path, said, size);
}

static bool repair(const char *path, const struct found *found, char *said,
                   size_t size)
{
    int status;

    /* Of a directory with two names it asks which. */
    if (found->faults & FOUND_RENAMED)
        return true;
    status = e2fsck("-fp", path, said, size);
    /* 1: something was put right; never 4, to be run by hand. */
    if (status != 0 && status != 1) {
        size_t len = strlen(said);

        snprintf(said + len, size - len, " (status %d of e2fsck -fp)", status);
        return false;
    }
    return is_sound(path, said, size);
}

const struct shape_kind ext2_kind = {
    .format = "ext2",
    .needs = "mke2fs and e2fsck",
    .heals = true,
    .hidden = "lost+found",
    .possible = possible,
    .make = make,
    .look = ext2check_look,
    .read = ext2check_read,
    .free = ext2check_free,
    .is_sound = is_sound,
    .repair = repair,
};
