/*
 * checker.c - the check of NTFS: its phases, and what it keeps
 */
#include "memfn.h"
#include "ntfs/check/check.h"

const struct shale_check_code ntfs_check_codes[NTFS_CHECK_CODES] = {
#define CODE(id, name, severity, sentence, meaning, danger) \
    { name, SHALE_##severity, sentence, meaning, danger },
#include "ntfs/check/codes.def"
#undef CODE
};

/* What the driver's metadata cache needs here: the records of lists. */
#define CACHE_BYTES (1u << 20)

void ntfs_check_differ(struct ntfs_check *nc, unsigned code, uint64_t number,
                       uint64_t at, uint64_t expected, uint64_t found)
{
    check_tell(nc->check, &ntfs_check_codes[code], at, &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = number, .compared = true,
        .expected = expected, .found = found,
    });
}

void ntfs_check_tell(struct ntfs_check *nc, unsigned code, uint64_t number,
                     uint64_t at)
{
    check_tell(nc->check, &ntfs_check_codes[code], at, &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = number,
    });
}

/* WHAT without the driver's name, and how long that is. */
static const char *rule_of(const char *what, size_t *len)
{
    static const char driver[] = "ntfs: ";
    size_t n = 0;

    for (*len = 0; what[*len]; ++*len)
        if (n == *len && n < sizeof driver - 1 && what[n] == driver[n])
            n++;
    if (n != sizeof driver - 1)
        return what;
    *len -= n;
    return what + n;
}

void ntfs_check_rule(struct ntfs_check *nc, unsigned code, uint64_t number,
                     uint64_t at, const char *what)
{
    struct check_note note = {
        .object = SHALE_OBJECT_RECORD, .number = number,
    };

    note.name = rule_of(what, &note.len);
    check_tell(nc->check, &ntfs_check_codes[code], at, &note);
}

/* ------------------------------------------------------------- the mount */

/* The driver is silent, but for why it could not mount. */
static void heard(struct shale_log *log, const struct shale_event *event)
{
    struct ntfs_check *nc = (struct ntfs_check *)
        ((char *)log - offsetof(struct ntfs_check, log));

    if (!nc->fs && event->level == SHALE_LOG_ERROR) {
        nc->refused = event->what;
        nc->refused_at = event->at;
    }
}

/* Mount the volume; nc->fs stays NULL, and that is told, if it cannot be. */
static int mount(struct ntfs_check *nc)
{
    static const struct shale_fs_ops *const drivers[] = { &shale_ntfs, NULL };
    struct check *check = nc->check;
    struct shale_config config = {
        .dev = check->dev, .mem = check->mem, .drivers = drivers,
        .locks = check->workers > 1 ? check->config->locks : NULL,
        .log = &nc->log, .type = "ntfs", .options = "recover",
        .read_only = true, .cache_bytes = CACHE_BYTES, .vnode_max = 1,
    };
    struct check_note note = { .object = SHALE_OBJECT_VOLUME };
    struct shale_fs *fs;
    int err;

    nc->log.event = heard;
    err = shale_mount(&config, &fs);
    if (err == SHALE_ENOMEM)
        return err;
    if (!err) {
        nc->fs = fs;
        nc->vol = ntfs_volume_of(fs);
        note.other = nc->vol->boot.at;
        if (note.other != 0)
            check_tell(check, &ntfs_check_codes[NTFS_CHECK_BOOT_COPY_USED],
                       note.other, &note);
        return 0;
    }
    if (!nc->refused)
        nc->refused = shale_strerror(err);
    note.name = rule_of(nc->refused, &note.len);
    check_tell(check, &ntfs_check_codes[NTFS_CHECK_MOUNT], nc->refused_at,
               &note);
    return 0;
}

/* ---------------------------------------------------------------- phases */

/* Windows' volumes have fewer clusters than this. */
#define CLUSTERS_MAX (UINT64_C(1) << 32)

/* A damaged boot sector may say any size: what is not on the device is looked
   at as far as memory for it is little. */
static uint64_t clusters_of(const struct ntfs_check *nc)
{
    uint64_t count = nc->vol->boot.cluster_count;
    uint64_t real = nc->check->dev->size >> nc->vol->boot.cluster_shift;
    uint64_t most = real > CLUSTERS_MAX ? real : CLUSTERS_MAX;

    return count < most ? count : most;
}

/* A damaged $MFT may say any size: no more is believed than there is room. */
static uint64_t records_of(const struct ntfs_check *nc)
{
    uint64_t most = (nc->check->dev->size >> nc->vol->boot.record_shift) + 1;

    return nc->vol->record_count < most ? nc->vol->record_count : most;
}

static int sets_make(struct ntfs_check *nc)
{
    struct check *check = nc->check;
    uint64_t records = nc->record_count;
    uint64_t clusters = nc->cluster_count;

    nc->records = check_array_create(check, records,
                                     sizeof(struct ntfs_check_record));
    nc->parents = check_array_create(check, records, sizeof(uint64_t));
    nc->sizes = check_array_create(check, records, sizeof(uint64_t));
    nc->claimed = check_bits_create(check, records);
    nc->in_use = check_bits_create(check, records);
    nc->unread = check_bits_create(check, records);
    nc->used = check_bits_create(check, clusters);
    nc->shared = check_bits_create(check, clusters);
    nc->reparse = check_bits_create(check, records);
    nc->objects = check_bits_create(check, records);
    nc->ids = check_bits_create(check, NTFS_CHECK_IDS);
    return nc->records && nc->parents && nc->sizes && nc->claimed &&
                   nc->in_use && nc->unread && nc->used && nc->shared &&
                   nc->reparse && nc->objects && nc->ids
               ? 0 : SHALE_ENOMEM;
}

static int phases(struct ntfs_check *nc)
{
    static int (*const steps[])(struct ntfs_check *nc) = {
        ntfs_check_records,
        ntfs_check_lists,
        ntfs_check_indexes,
        ntfs_check_names,
        ntfs_check_tree,
        ntfs_check_secure,
        ntfs_check_views,
        ntfs_check_mirror,
        ntfs_check_system,
        ntfs_check_log,
        ntfs_check_usn,
        ntfs_check_bitmaps,
        ntfs_check_shared,
    };
    int err = 0;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !err; i++)
        err = steps[i](nc);
    return err;
}

static int ntfs_check_run(struct check *check)
{
    struct ntfs_check *nc = check_zalloc(check, sizeof *nc);
    int err;

    if (!nc)
        return SHALE_ENOMEM;
    nc->check = check;
    check->volume = nc;
    check_phase(check, "the boot sector", 1);
    err = ntfs_check_boot(nc);
    if (!err)
        err = mount(nc);
    if (err || !nc->fs)
        return err;
    check->result->unit_size = nc->vol->boot.cluster_size;
    check->result->block_size = nc->vol->boot.cluster_size;
    check->result->units = nc->vol->boot.cluster_count;
    check->result->size = nc->vol->boot.size;
    nc->cluster_count = clusters_of(nc);
    nc->record_count = records_of(nc);
    err = sets_make(nc);
    if (!err)
        err = ntfs_check_chunks_make(nc);
    check->result->counted = true;
    return err ? err : phases(nc);
}

static void ntfs_check_done(struct check *check)
{
    struct ntfs_check *nc = check->volume;

    if (!nc)
        return;
    ntfs_check_chunks_free(nc);
    check_array_destroy(nc->records);
    check_array_destroy(nc->parents);
    check_array_destroy(nc->sizes);
    check_bits_destroy(nc->claimed);
    check_bits_destroy(nc->claims_unread);
    check_bits_destroy(nc->in_use);
    check_bits_destroy(nc->unread);
    check_bits_destroy(nc->used);
    check_bits_destroy(nc->shared);
    check_bits_destroy(nc->reparse);
    check_bits_destroy(nc->objects);
    check_bits_destroy(nc->ids);
    check_bits_destroy(nc->once);
    check_bits_destroy(nc->twice);
    if (nc->fs)
        shale_unmount(nc->fs);
    check_free(check, nc, sizeof *nc);
}

const struct shale_checker shale_ntfs_checker = {
    .name = "ntfs",
    .codes = ntfs_check_codes,
    .code_count = NTFS_CHECK_CODES,
    .phases = 10,
    .memory = "24 bytes per MFT record, in pieces of 4 KiB where there are "
              "any in use, and 20 more if names do not agree; at most 4 bits "
              "per cluster and per record, less where they lie in runs; 1 MiB "
              "of cache and 1 MiB per thread" CHECK_MEMORY_FINDINGS,
    .probe = ntfs_probe,
    .probe_backup = ntfs_check_probe_copy,
    .run = ntfs_check_run,
    .paths = ntfs_check_paths,
    .done = ntfs_check_done,
};
