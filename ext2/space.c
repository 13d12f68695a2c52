/*
 * space.c - what is known in memory of the space of a volume that is written
 *
 * A file that grows gets a window behind the blocks that it is given, which
 * others leave alone: as many more as it has, up to WINDOW_MAX. Two files
 * growing side by side then lie in long runs each.
 *
 * But nobody says when a file has come to its end, and files that are written
 * one after another are not to lie apart. So a window counts only until some
 * more files have been begun: the larger it is the more, and more yet if its
 * file has gone on before while others were begun.
 *
 * Windows are only in memory, where the bitmaps say nothing of them; they are
 * hints, so nothing brings one back that a transaction changed and that was
 * undone. There are few, the longest unused one goes first, and all of them
 * when space runs out.
 */
#include "write.h"

/* Bytes; a window is not larger, nor than this part of the volume. */
#define WINDOW_MAX (8u << 20)
#define WINDOW_PART 64u

/* ----------------------------------------------------------------- sums */

int ext2_space_init(struct ext2_volume *vol)
{
    const char *text;
    size_t len;

    vol->space = shale_zalloc(vol->fs->mem, sizeof *vol->space);
    if (!vol->space)
        return SHALE_ENOMEM;
    vol->space->keep_reserved =
        shale_option_text(vol->fs, "keep_reserved", &text, &len) > 0;
    return 0;
}

void ext2_space_fini(struct ext2_volume *vol)
{
    if (vol->space)
        shale_free(vol->fs->mem, vol->space, sizeof *vol->space);
    vol->space = NULL;
}

int ext2_space_count(struct ext2_volume *vol)
{
    if (vol->space->sums.known)
        return 0;
    return ext2_group_sum(vol, &vol->space->sums);
}

int ext2_space_note(struct ext2_volume *vol)
{
    struct ext2_sums *sums = &vol->space->sums;

    return shale_tx_save(vol->fs->tx, sums, sizeof *sums);
}

/* --------------------------------------------------------------- windows */

static struct ext2_window *window_find(struct ext2_space *space, uint32_t ino)
{
    for (unsigned i = 0; i < EXT2_WINDOWS && ino != 0; i++) {
        if (space->windows[i].ino == ino)
            return &space->windows[i];
    }
    return NULL;
}

bool ext2_windows_drop(struct ext2_space *space)
{
    bool any = false;

    for (unsigned i = 0; i < EXT2_WINDOWS; i++) {
        any = any || space->windows[i].ino != 0;
        space->windows[i] = (struct ext2_window){ .ino = 0 };
    }
    return any;
}

void ext2_window_set(struct ext2_space *space, uint32_t ino, uint32_t first,
                     uint32_t count)
{
    struct ext2_window *window = window_find(space, ino);
    bool shares = window && (window->shares || window->used != space->clock);

    if (count == 0) {
        if (window)
            *window = (struct ext2_window){ .ino = 0 };
        return;
    }
    if (!window) {
        window = &space->windows[0];
        for (unsigned i = 1; i < EXT2_WINDOWS && window->ino != 0; i++) {
            if (space->windows[i].ino == 0 ||
                space->windows[i].used < window->used)
                window = &space->windows[i];
        }
    }
    *window = (struct ext2_window){
        .ino = ino, .first = first, .count = count, .used = space->clock,
        .shares = shares,
    };
}

uint32_t ext2_window_size(const struct ext2_volume *vol, uint64_t length)
{
    uint32_t max = WINDOW_MAX >> vol->super.block_shift;

    if (max > vol->super.block_count / WINDOW_PART)
        max = vol->super.block_count / WINDOW_PART;
    return length < max ? (uint32_t)length : max;
}

/* Does WINDOW keep somebody other than INO out? */
static bool window_counts(const struct ext2_space *space,
                          const struct ext2_window *window, uint32_t ino)
{
    uint32_t patience = window->shares ? 4 + window->count / 8
                                       : window->count / 64;

    return window->ino != 0 && window->ino != ino &&
           space->clock - window->used <= patience;
}

const struct ext2_window *ext2_window_at(const struct ext2_space *space,
                                         uint32_t block, uint32_t ino)
{
    for (unsigned i = 0; i < EXT2_WINDOWS; i++) {
        const struct ext2_window *window = &space->windows[i];

        if (window_counts(space, window, ino) &&
            block - window->first < window->count)
            return window;
    }
    return NULL;
}

uint32_t ext2_window_before(const struct ext2_space *space, uint32_t first,
                            uint32_t count, uint32_t ino)
{
    for (unsigned i = 0; i < EXT2_WINDOWS; i++) {
        const struct ext2_window *window = &space->windows[i];

        if (window_counts(space, window, ino) && window->first >= first &&
            window->first - first < count)
            count = window->first - first;
    }
    return count;
}

void ext2_block_release(struct ext2_volume *vol, uint32_t ino)
{
    ext2_window_set(vol->space, ino, 0, 0);
}
