/*
 * kept.c - what is kept of inodes, and how many names lead to them
 *
 * Most inodes are regular files of one link and one name: of these two bits are
 * kept, that they are in use and that they have a name. Those in the set
 * "special" have more: in the table of directories if they are some, else in
 * arrays.
 */
#include "ext2/check/check.h"
#include "memfn.h"

static const struct ext2_check_info plain = {
    .links = 1, .type = EXT2_S_IFREG >> 12, .flags = EXT2_CHECK_IN_USE,
};

/*
 * Bits are fetched for many at a time: inodes of one directory tend to be
 * neighbours, and each look takes a lock. That "special" grows meanwhile, by
 * names, makes no difference here.
 */
const struct ext2_check_info *
ext2_check_info_near(struct ext2_check *c, struct ext2_check_window *window,
                     uint32_t ino)
{
    const uint32_t len = 8 * sizeof window->used;
    uint32_t bit = ino % len;

    if (!ext2_check_is_ino(c, ino))
        return NULL;
    if (!window->loaded || window->first != ino - bit) {
        window->first = ino - bit;
        window->loaded = true;
        check_bits_store(c->inodes, window->first, len, window->used);
        check_bits_store(c->special, window->first, len, window->special);
    }
    if (!(window->used[bit / 8] >> bit % 8 & 1))
        return NULL;
    if (ino >= c->super.first_ino && !(window->special[bit / 8] >> bit % 8 & 1))
        return &plain;
    return ext2_check_info_of(c, ino);
}

const struct ext2_check_info *ext2_check_info_of(struct ext2_check *c,
                                                 uint32_t ino)
{
    const struct ext2_check_info *info;
    const struct ext2_check_dir *dir;

    if (!ext2_check_is_ino(c, ino) || !check_bits_has(c->inodes, ino))
        return NULL;
    if (ino >= c->super.first_ino && !check_bits_has(c->special, ino))
        return &plain;
    info = check_array_at(c->info, ino, false);
    if (info && info->flags != 0)
        return info;
    dir = ext2_check_dir_of(c, ino);
    if (dir)
        return &dir->info;
    /* Special by its names only. */
    return ino >= c->super.first_ino ? &plain : NULL;
}

/* One name more for INO, which has one. */
static int count_more(struct ext2_check *c, uint32_t ino)
{
    int err = check_bits_add(c->special, ino, 1, NULL);

    return err ? err : check_array_add(c->names, ino, 1);
}

/* A name for each of LEN inodes from FIRST on; with the lock. */
static int count_run(struct ext2_check *c, uint32_t first, uint32_t len)
{
    uint64_t already = 0;
    int err = 0;

    if (check_bits_sum(c->named, first, len) == 0)
        return check_bits_add(c->named, first, len, NULL);
    for (uint32_t i = 0; i < len && !err; i++) {
        err = check_bits_add(c->named, first + i, 1, &already);
        if (!err && already != 0)
            err = count_more(c, first + i);
    }
    return err;
}

int ext2_check_names_count(struct ext2_check *c, const uint32_t *inos,
                           size_t count)
{
    size_t len;
    int err = 0;

    check_lock(c->check, &c->names_lock);
    for (size_t i = 0; i < count && !err; i += len) {
        len = 1;
        while (i + len < count && inos[i + len] == inos[i] + len)
            len++;
        err = count_run(c, inos[i], (uint32_t)len);
    }
    check_unlock(c->check, &c->names_lock);
    return err;
}

uint64_t ext2_check_names_of(struct ext2_check *c, uint32_t ino)
{
    return check_bits_has(c->named, ino) + check_array_get(c->names, ino);
}
