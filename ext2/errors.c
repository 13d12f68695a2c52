/*
 * errors.c - what was corrupt, as far as the superblock has room for that
 */
#include "memfn.h"
#include "write.h"

int ext2_errors_store(struct ext2_volume *vol, struct ext2_disk_super *raw)
{
    struct shale_corruption first, last;
    uint64_t count = shale_fs_saw_corruption(vol->fs, &first, &last);
    uint64_t fresh = count - vol->errors_noted, sum;
    uint32_t shift = vol->super.block_shift;
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
    if (le32_get(raw->error_count) == 0) {
        raw->first_error_time = le32_make((uint32_t)first.time.sec);
        raw->first_error_time_high = (uint8_t)(first.time.sec >> 32);
        raw->first_error_ino = le32_make((uint32_t)first.ino);
        raw->first_error_block =
            le64_make(first.at == SHALE_NOWHERE ? 0 : first.at >> shift);
        memcpy(raw->first_error_func, first.what, sizeof first.what);
        raw->first_error_line = le32_make(0);
    }
    raw->error_count = le32_make(sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum);
    raw->last_error_time = le32_make((uint32_t)last.time.sec);
    raw->last_error_time_high = (uint8_t)(last.time.sec >> 32);
    raw->last_error_ino = le32_make((uint32_t)last.ino);
    raw->last_error_block =
        le64_make(last.at == SHALE_NOWHERE ? 0 : last.at >> shift);
    memcpy(raw->last_error_func, last.what, sizeof last.what);
    raw->last_error_line = le32_make(0);
    return 0;
}

_Static_assert(sizeof((struct ext2_disk_super){ 0 }).first_error_func ==
               sizeof((struct shale_corruption){ 0 }).what,
               "what was corrupt fits the superblock");
