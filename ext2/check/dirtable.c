/*
 * dirtable.c - what is kept of each directory
 *
 * Directories are few among inodes and anywhere between them, so they have a
 * table of their own. While inodes are scanned it is a list of chunks; then it
 * becomes one array, sorted by inode number.
 */
#include "ext2/check/check.h"
#include "memfn.h"

#define CHUNK 200u              /* directories: 4 KiB */

struct chunk {
    struct chunk *next;
    uint32_t used;
    struct ext2_check_dir dirs[CHUNK];
};

struct ext2_check_dirs {
    struct check_lock lock;
    struct chunk *chunks;
    struct ext2_check_dir *sorted;
    size_t count;
};

int ext2_check_dirs_begin(struct ext2_check *c)
{
    c->dir = check_zalloc(c->check, sizeof *c->dir);
    if (!c->dir)
        return SHALE_ENOMEM;
    return check_lock_init(c->check, &c->dir->lock);
}

int ext2_check_dirs_add(struct ext2_check *c, const struct ext2_check_dir *dir)
{
    struct ext2_check_dirs *t = c->dir;
    struct chunk *chunk;

    ext2_check_dirs_lock(c);
    chunk = t->chunks;
    if (!chunk || chunk->used == CHUNK) {
        chunk = check_alloc(c->check, sizeof *chunk);
        if (chunk) {
            chunk->used = 0;
            chunk->next = t->chunks;
            t->chunks = chunk;
        }
    }
    if (chunk) {
        chunk->dirs[chunk->used++] = *dir;
        t->count++;
    }
    ext2_check_dirs_unlock(c);
    return chunk ? 0 : SHALE_ENOMEM;
}

static void drop_chunks(struct ext2_check *c)
{
    struct ext2_check_dirs *t = c->dir;

    while (t->chunks) {
        struct chunk *chunk = t->chunks;

        t->chunks = chunk->next;
        check_free(c->check, chunk, sizeof *chunk);
    }
}

static int compare(const void *left, const void *right)
{
    const struct ext2_check_dir *a = left, *b = right;

    return (a->ino > b->ino) - (a->ino < b->ino);
}

int ext2_check_dirs_sort(struct ext2_check *c)
{
    struct ext2_check_dirs *t = c->dir;
    size_t n = 0;

    if (t->count == 0)
        return 0;
    t->sorted = check_alloc(c->check, t->count * sizeof *t->sorted);
    if (!t->sorted)
        return SHALE_ENOMEM;
    for (const struct chunk *chunk = t->chunks; chunk; chunk = chunk->next) {
        memcpy(t->sorted + n, chunk->dirs,
               chunk->used * sizeof *chunk->dirs);
        n += chunk->used;
    }
    drop_chunks(c);
    check_sort(t->sorted, t->count, sizeof *t->sorted, compare);
    return 0;
}

void ext2_check_dirs_end(struct ext2_check *c)
{
    struct ext2_check_dirs *t = c->dir;

    if (!t)
        return;
    drop_chunks(c);
    if (t->sorted)
        check_free(c->check, t->sorted, t->count * sizeof *t->sorted);
    check_lock_fini(c->check, &t->lock);
    check_free(c->check, t, sizeof *t);
    c->dir = NULL;
}

struct ext2_check_dir *ext2_check_dir_of(struct ext2_check *c, uint32_t ino)
{
    struct ext2_check_dirs *t = c->dir;
    size_t low = 0, high = t->sorted ? t->count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->sorted[middle].ino == ino)
            return &t->sorted[middle];
        if (t->sorted[middle].ino < ino)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void ext2_check_dirs_lock(struct ext2_check *c)
{
    check_lock(c->check, &c->dir->lock);
}

void ext2_check_dirs_unlock(struct ext2_check *c)
{
    check_unlock(c->check, &c->dir->lock);
}
