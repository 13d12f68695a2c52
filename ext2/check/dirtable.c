/*
 * dirtable.c - what is kept of each directory
 *
 * Directories are few among inodes and anywhere between them, so they have a
 * table of their own, in a few parts, by inode number. A part is a list of
 * chunks; once all inodes have been scanned they are sorted, a part at a time,
 * in memory that is lent for that, and go back into the same chunks: so hardly
 * more is needed than what they take.
 */
#include "ext2/check/check.h"
#include "memfn.h"

#define PARTS 16u
#define CHUNK 170u              /* directories: 4 KiB */

struct chunk {
    struct chunk *next;
    uint32_t used;
    struct ext2_check_dir dirs[CHUNK];
};

_Static_assert(sizeof(struct chunk) <= 4096, "a chunk is a page");

struct part {
    struct chunk *chunks;       /* the first one is open */
    struct chunk **sorted;      /* once they are: all of them, in order */
    size_t count;               /* directories */
};

struct ext2_check_dirs {
    struct check_lock lock;
    unsigned shift;             /* 2^shift inodes in a part */
    struct part parts[PARTS];
};

static struct part *part_of(struct ext2_check_dirs *t, uint32_t ino)
{
    return &t->parts[ino >> t->shift];
}

int ext2_check_dirs_begin(struct ext2_check *c)
{
    c->dir = check_zalloc(c->check, sizeof *c->dir);
    if (!c->dir)
        return SHALE_ENOMEM;
    while (c->super.inode_count >> c->dir->shift >= PARTS)
        c->dir->shift++;
    return check_lock_init(c->check, &c->dir->lock);
}

int ext2_check_dirs_add(struct ext2_check *c, const struct ext2_check_dir *dir)
{
    struct part *part = part_of(c->dir, dir->ino);
    struct chunk *chunk;

    ext2_check_dirs_lock(c);
    chunk = part->chunks;
    if (!chunk || chunk->used == CHUNK) {
        chunk = check_alloc(c->check, sizeof *chunk);
        if (chunk) {
            chunk->used = 0;
            chunk->next = part->chunks;
            part->chunks = chunk;
        }
    }
    if (chunk) {
        chunk->dirs[chunk->used++] = *dir;
        part->count++;
    }
    ext2_check_dirs_unlock(c);
    return chunk ? 0 : SHALE_ENOMEM;
}

/* ---------------------------------------------------------------- sorting */

static size_t chunks_of(const struct part *part)
{
    return (part->count + CHUNK - 1) / CHUNK;
}

static int compare(const void *left, const void *right)
{
    const struct ext2_check_dir *a = left, *b = right;

    return (a->ino > b->ino) - (a->ino < b->ino);
}

/* Sort PART, with room for all of it at DIRS. */
static int sort_part(struct ext2_check *c, struct part *part,
                     struct ext2_check_dir *dirs)
{
    size_t chunks = chunks_of(part), n = part->count;

    part->sorted = check_alloc(c->check, chunks * sizeof *part->sorted);
    if (!part->sorted)
        return SHALE_ENOMEM;
    /* The last chunk is the first of the list. All others are full. */
    for (struct chunk *chunk = part->chunks; chunk; chunk = chunk->next) {
        n -= chunk->used;
        memcpy(dirs + n, chunk->dirs, chunk->used * sizeof *dirs);
        part->sorted[--chunks] = chunk;
    }
    check_sort(dirs, part->count, sizeof *dirs, compare);
    for (n = 0; n < part->count; n += part->sorted[chunks++]->used)
        memcpy(part->sorted[chunks]->dirs, dirs + n,
               part->sorted[chunks]->used * sizeof *dirs);
    return 0;
}

int ext2_check_dirs_sort(struct ext2_check *c)
{
    struct ext2_check_dirs *t = c->dir;
    struct ext2_check_dir *dirs;
    size_t most = 0;
    int err = 0;

    for (size_t i = 0; i < PARTS; i++)
        if (t->parts[i].count > most)
            most = t->parts[i].count;
    if (most == 0)
        return 0;
    dirs = check_alloc(c->check, most * sizeof *dirs);
    if (!dirs)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < PARTS && !err; i++)
        if (t->parts[i].count > 0)
            err = sort_part(c, &t->parts[i], dirs);
    check_free(c->check, dirs, most * sizeof *dirs);
    return err;
}

void ext2_check_dirs_end(struct ext2_check *c)
{
    struct ext2_check_dirs *t = c->dir;

    if (!t)
        return;
    for (size_t i = 0; i < PARTS; i++) {
        struct part *part = &t->parts[i];

        check_free(c->check, part->sorted,
                   chunks_of(part) * sizeof *part->sorted);
        while (part->chunks) {
            struct chunk *chunk = part->chunks;

            part->chunks = chunk->next;
            check_free(c->check, chunk, sizeof *chunk);
        }
    }
    check_lock_fini(c->check, &t->lock);
    check_free(c->check, t, sizeof *t);
    c->dir = NULL;
}

struct ext2_check_dir *ext2_check_dir_of(struct ext2_check *c, uint32_t ino)
{
    const struct part *part;
    size_t low = 0, high;

    if (ino > c->super.inode_count)
        return NULL;
    part = part_of(c->dir, ino);
    high = part->sorted ? part->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct ext2_check_dir *dir =
            &part->sorted[middle / CHUNK]->dirs[middle % CHUNK];

        if (dir->ino == ino)
            return dir;
        if (dir->ino < ino)
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
