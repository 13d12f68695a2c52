/*
 * checker.c - the phases, one after the other; the table, last
 *
 *      boot      which geometry is to be believed
 *      table     the FAT, from end to end
 *      tree      directories, level by level; chains of their files
 *      lost      what is in use, and nobody's
 *      shared    if somebody met a cluster that had an owner: who with whom
 *
 * and then what can only be compared when all is known: labels, marks, FSInfo.
 */
#include "fat32/check/check.h"
#include "fat32/dirent.h"
#include "memfn.h"

#define DAY 86400
#define ROOM_MIN 64u

const struct shale_check_code fat_check_codes[FAT_CHECK_CODES] = {
#define CODE(id, name, severity, sentence, meaning, danger) \
    { name, SHALE_##severity, sentence, meaning, danger },
#include "codes.def"
#undef CODE
};

void *fat_check_grow(struct check *check, void *array, size_t count,
                     size_t *room, size_t size)
{
    size_t more = *room ? *room * 2 : ROOM_MIN;
    void *grown;

    if (count < *room)
        return array;
    grown = check_alloc(check, more * size);
    if (!grown)
        return NULL;
    if (count > 0)
        memcpy(grown, array, count * size);
    check_free(check, array, *room * size);
    *room = more;
    return grown;
}

/* The volume's own bytes: reserved sectors, FATs, FAT12's and FAT16's root. */
static void claim_areas(const struct fat_check *v)
{
    const struct fat_boot *boot = &v->boot;
    uint64_t fats = (uint64_t)boot->reserved << boot->sector_shift;
    uint64_t root = (uint64_t)boot->root_sector << boot->sector_shift;

    check_claim(v->check, &(struct shale_claim){
        .use = SHALE_USE_BOOT, .object = SHALE_OBJECT_VOLUME,
        .length = fats, .position = SHALE_NOWHERE,
    });
    check_claim(v->check, &(struct shale_claim){
        .use = SHALE_USE_TABLE, .object = SHALE_OBJECT_VOLUME, .at = fats,
        .length = root - fats, .position = SHALE_NOWHERE,
    });
    if (v->data_at > root)
        check_claim(v->check, &(struct shale_claim){
            .use = SHALE_USE_DIRECTORY, .object = SHALE_OBJECT_FILE,
            .at = root, .length = v->data_at - root, .position = 0,
        });
}

/* Times are local, of a zone that nobody knows: a day is allowed. */
static void set_future(struct fat_check *v)
{
    struct fat_stamp stamp;

    if (v->check->now == 0)
        return;
    stamp = fat_stamp_make(v->check->now + DAY, 0);
    v->late = (uint64_t)stamp.date << 16 | stamp.time;
}

static int run_all(struct fat_check *v)
{
    bool usable;
    int err = fat_check_boot(v, &usable);

    if (err || !usable)
        return err;
    v->check->result->counted = true;
    set_future(v);
    claim_areas(v);
    err = fat_check_table(v);
    if (!err)
        err = fat_check_tree(v);
    if (!err)
        err = fat_check_lost(v);
    if (!err)
        err = fat_check_shared(v);
    if (err)
        return err;
    fat_check_labels(v);
    fat_check_marks(v);
    return fat_check_info(v);
}

static int run(struct check *check)
{
    struct fat_check *v = check_zalloc(check, sizeof *v);
    int err;

    if (!v)
        return SHALE_ENOMEM;
    check->volume = v;
    v->check = check;
    err = check_lock_init(check, &v->lock);
    return err ? err : run_all(v);
}

static void done(struct check *check)
{
    struct fat_check *v = check->volume;

    if (!v)
        return;
    check_bits_destroy(v->owned);
    check_bits_destroy(v->dir_clusters);
    check_free(check, v->dirs, v->dir_room * sizeof *v->dirs);
    check_free(check, v->problems, v->problem_room * sizeof *v->problems);
    fat_check_table_fini(v);
    check_lock_fini(check, &v->lock);
    check_free(check, v, sizeof *v);
    check->volume = NULL;
}

const struct shale_checker shale_fat_checker = {
    .name         = "fat",
    .codes        = fat_check_codes,
    .code_count   = FAT_CHECK_CODES,
    .phases       = 4,
    .memory       = "one FAT, but for its pieces of 64 KiB that are free or "
                    "one row of clusters; 6 bits a cluster, less where they "
                    "lie together; 24 bytes a directory; if clusters are "
                    "shared, 24 bytes a file; what is in the directories "
                    "being read, one a worker, and half as much for names"
                    CHECK_MEMORY_FINDINGS,
    .probe        = fat_check_probe,
    .probe_backup = fat_check_probe_backup,
    .run          = run,
    .paths        = fat_check_paths,
    .done         = done,
};
