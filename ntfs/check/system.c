/*
 * system.c - the files that make a volume one, and the state it was left in
 *
 * A volume that Windows has not let go of, or whose log was not replayed, may
 * well have findings for that reason alone: so this is told.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/upcase.h"

#define FIELD(name)  NTFS_CHECK_FIELD(ntfs_disk_volume, name)
#define RECORD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)

/* Records that have a purpose of their own, since NTFS 3.0. (Linux-NTFS,
   "System files") */
static const struct {
    uint8_t number;
    bool directory;
    const char *name;
} system_files[] = {
    { NTFS_MFT, false, "$MFT" },         { NTFS_MFTMIRR, false, "$MFTMirr" },
    { NTFS_LOGFILE, false, "$LogFile" }, { NTFS_VOLUME, false, "$Volume" },
    { NTFS_ATTRDEF, false, "$AttrDef" }, { NTFS_ROOT, true, "the root" },
    { NTFS_BITMAP, false, "$Bitmap" },   { NTFS_BOOT, false, "$Boot" },
    { NTFS_BADCLUS, false, "$BadClus" }, { NTFS_UPCASE, false, "$UpCase" },
};

static void tell_named(struct ntfs_check *nc, unsigned code, uint64_t number,
                       uint64_t at, const char *name)
{
    struct check_note note = {
        .object = SHALE_OBJECT_RECORD, .number = number, .name = name,
    };

    while (name[note.len])
        note.len++;
    check_tell(nc->check, &ntfs_check_codes[code], at, &note);
}

static void files_check(struct ntfs_check *nc)
{
    for (size_t i = 0; i < sizeof system_files / sizeof system_files[0]; i++) {
        uint64_t number = system_files[i].number;
        struct ntfs_check_record kept = ntfs_check_kept(nc, number);

        if (!(kept.flags & NTFS_CHECK_IN_USE) ||
            kept.flags & NTFS_CHECK_EXTENSION ||
            (system_files[i].directory &&
             !(kept.flags & (NTFS_CHECK_DIRECTORY | NTFS_CHECK_DAMAGED))))
            tell_named(nc, NTFS_CHECK_SYSTEM_FILE, number,
                       ntfs_check_at(nc, number, RECORD(flags)),
                       system_files[i].name);
    }
}

/* ---------------------------------------------------------------- $UpCase */

/* The rules of a table of upper case; see the driver's upcase.c. */
static bool table_is_good(const uint8_t *bytes, uint32_t *bad)
{
    for (*bad = 0; *bad < 65536; ++*bad) {
        uint32_t up = (uint32_t)bytes[2 * *bad] |
                      (uint32_t)bytes[2 * *bad + 1] << 8;
        uint32_t again = (uint32_t)bytes[2 * up] |
                         (uint32_t)bytes[2 * up + 1] << 8;

        if (*bad < 128 && up != (*bad - 'a' < 26 ? *bad - 32 : *bad))
            return false;
        if (again != up)
            return false;
    }
    return true;
}

#define TABLE_SIZE (65536u * 2)

static int upcase_read(struct ntfs_check *nc, const struct ntfs_stream *stream)
{
    uint8_t *bytes;
    uint32_t bad;
    int err;

    if (stream->size != TABLE_SIZE) {
        ntfs_check_differ(nc, NTFS_CHECK_UPCASE_SIZE, NTFS_UPCASE, stream->at,
                          TABLE_SIZE, stream->size);
        return 0;
    }
    bytes = check_alloc(nc->check, TABLE_SIZE);
    if (!bytes)
        return SHALE_ENOMEM;
    err = ntfs_stream_fetch(nc->vol, stream, 0, bytes, TABLE_SIZE);
    if (!err && !table_is_good(bytes, &bad))
        ntfs_check_differ(nc, NTFS_CHECK_UPCASE, NTFS_UPCASE,
                          ntfs_data_place(nc->vol, stream, 2 * bad), bad,
                          (uint32_t)bytes[2 * bad] |
                              (uint32_t)bytes[2 * bad + 1] << 8);
    check_free(nc->check, bytes, TABLE_SIZE);
    return err == SHALE_ENOMEM ? err : 0;
}

static int upcase_check(struct ntfs_check *nc)
{
    struct ntfs_record *record;
    struct ntfs_stream stream;
    int err = ntfs_record_get(nc->vol, NTFS_UPCASE, &record), found;

    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    found = ntfs_stream_open(nc->vol, record, NTFS_DATA, NULL, 0, &stream);
    ntfs_record_put(nc->vol, record);
    if (found <= 0) {
        if (found != SHALE_ENOMEM)
            ntfs_check_tell(nc, NTFS_CHECK_UPCASE_SIZE, NTFS_UPCASE,
                            ntfs_check_at(nc, NTFS_UPCASE, 0));
        return found == SHALE_ENOMEM ? found : 0;
    }
    err = upcase_read(nc, &stream);
    ntfs_stream_close(nc->vol, &stream);
    return err;
}

/* --------------------------------------------------------------- $BadClus */

/* $Bad is as large as the volume, and a hole where no cluster is bad. */
static int bad_check(struct ntfs_check *nc)
{
    static const uint16_t name[] = { '$', 'B', 'a', 'd' };
    const struct ntfs_boot *boot = &nc->vol->boot;
    uint64_t size = boot->cluster_count << boot->cluster_shift;
    struct ntfs_record *record;
    struct ntfs_stream bad;
    int err = ntfs_record_get(nc->vol, NTFS_BADCLUS, &record), found;

    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    found = ntfs_stream_open(nc->vol, record, NTFS_DATA, name, 4, &bad);
    ntfs_record_put(nc->vol, record);
    if (found <= 0)
        return found == SHALE_ENOMEM ? found : 0;
    if (bad.size != size)
        ntfs_check_differ(nc, NTFS_CHECK_BAD_SIZE, NTFS_BADCLUS,
                          bad.at + NTFS_CHECK_FIELD(ntfs_disk_non_resident,
                                                    size), size, bad.size);
    ntfs_stream_close(nc->vol, &bad);
    return 0;
}

/* ------------------------------------------------------------------ state */

/* Versions that there have been. (Linux-NTFS, "$Volume") */
static bool is_version(const struct ntfs_volume *vol)
{
    return vol->major == 3 ? vol->minor <= 1 : vol->major == 1 ||
                                               vol->major == 2;
}

/* Version and flags of the volume, which $Volume has at AT. */
static void volume_judge(struct ntfs_check *nc, uint64_t at)
{
    uint16_t flags = nc->vol->flags;

    if (flags & (NTFS_VOLUME_DIRTY | NTFS_VOLUME_CHKDSK))
        ntfs_check_differ(nc, NTFS_CHECK_VOLUME_DIRTY, NTFS_VOLUME,
                          at + FIELD(flags), 0, flags);
    if (!is_version(nc->vol))
        ntfs_check_tell(nc, NTFS_CHECK_VOLUME_VERSION, NTFS_VOLUME,
                        at + FIELD(major));
}

static int state_check(struct ntfs_check *nc)
{
    struct ntfs_state state;
    uint64_t at;
    int err = ntfs_check_find(nc, NTFS_VOLUME, NTFS_VOLUME_INFORMATION, &at);

    if (err)
        return err;
    volume_judge(nc, at);
    err = ntfs_state_load(nc->vol, &state);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    nc->log_state = state.log;
    if (state.sleep == NTFS_SLEEP_HIBERNATED)
        ntfs_check_tell(nc, NTFS_CHECK_HIBERNATED, NTFS_ROOT,
                        ntfs_check_at(nc, NTFS_ROOT, 0));
    return 0;
}

int ntfs_check_system(struct ntfs_check *nc)
{
    int err;

    files_check(nc);
    err = upcase_check(nc);
    if (!err)
        err = bad_check(nc);
    return err ? err : state_check(nc);
}
