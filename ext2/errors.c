/*
 * errors.c - what was corrupt, as far as the superblock has room for that
 */
#include "memfn.h"
#include "write.h"

/* One of the two that the superblock has room for. */
struct place {
    le32 *time;
    uint8_t *time_high;
    le32 *ino;
    le64 *block;
    char *func;
    le32 *line;
};

_Static_assert(sizeof((struct ext2_disk_super){ 0 }).first_error_func ==
               sizeof((struct shale_corruption){ 0 }).what,
               "what was corrupt fits the superblock");

/* In VOL, WHAT was corrupt. */
static void error_store(const struct ext2_volume *vol,
                        const struct shale_corruption *what,
                        const struct place *to)
{
    uint64_t at = what->at == SHALE_NOWHERE ? 0 : what->at;

    *to->time = le32_make((uint32_t)what->time.sec);
    *to->time_high = (uint8_t)(what->time.sec >> 32);
    *to->ino = le32_make((uint32_t)what->ino);
    *to->block = le64_make(at >> vol->super.block_shift);
    memcpy(to->func, what->what, sizeof what->what);
    *to->line = le32_make(0);
}

int ext2_errors_store(struct ext2_volume *vol, struct ext2_disk_super *raw)
{
    const struct place first_place = {
        &raw->first_error_time, &raw->first_error_time_high,
        &raw->first_error_ino, &raw->first_error_block, raw->first_error_func,
        &raw->first_error_line,
    };
    const struct place last_place = {
        &raw->last_error_time, &raw->last_error_time_high,
        &raw->last_error_ino, &raw->last_error_block, raw->last_error_func,
        &raw->last_error_line,
    };
    struct shale_corruption first, last;
    uint64_t count = shale_fs_saw_corruption(vol->fs, &first, &last);
    uint64_t fresh = count - vol->errors_noted, sum;
    int err;

    if (fresh == 0)
        return 0;
    err = shale_tx_save(vol->fs->tx, &vol->errors_noted,
                        sizeof vol->errors_noted);
    if (err)
        return err;
    vol->errors_noted = count;
    vol->super.state |= EXT2_STATE_ERRORS;

    sum = le32_get(raw->error_count) + fresh;
    if (le32_get(raw->error_count) == 0)
        error_store(vol, &first, &first_place);
    error_store(vol, &last, &last_place);
    raw->error_count = le32_make(sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum);
    return 0;
}
