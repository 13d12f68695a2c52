/*
 * describe.c - what a volume says about itself, for `shale info`
 */
#include "extras.h"
#include "memfn.h"
#include "text.h"
#include "utf16.h"

static const uint16_t bad_name[] = { '$', 'B', 'a', 'd' };

/* What is told, and what went wrong on the way. */
struct telling {
    struct ntfs_volume *vol;
    struct shale_describe *to;
    int err;                    /* the first */
};

static void note(struct telling *t, int err)
{
    if (!t->err && err < 0)
        t->err = err;
}

/* Open attribute TYPE called NAME of record NUMBER. 1, or 0 if there is none
   or it cannot be had, which is noted. */
static bool open_of(struct telling *t, uint64_t number, uint32_t type,
                    const uint16_t *name, size_t len, struct ntfs_stream *out)
{
    struct ntfs_record *record;
    int err = ntfs_record_get(t->vol, number, &record);

    if (!err) {
        err = ntfs_stream_open(t->vol, record, type, name, len, out);
        ntfs_record_put(t->vol, record);
    }
    note(t, err);
    return err > 0;
}

/* ------------------------------------------------------------ $Volume */

static void tell_label(struct telling *t)
{
    struct shale_mem *mem = t->vol->fs->mem;
    struct label {
        uint16_t units[NTFS_LABEL_UNITS];
        char text[3 * NTFS_LABEL_UNITS + 1];
    } *label = shale_alloc(mem, sizeof *label);
    int len;

    if (!label) {
        note(t, SHALE_ENOMEM);
        return;
    }
    len = ntfs_label_get(t->vol, label->units);
    note(t, len);
    if (len >= 0) {
        label->text[utf16_to_utf8(label->units, (size_t)len, label->text)] =
            '\0';
        t->to->text(t->to, "label", label->text);
    }
    shale_free(mem, label, sizeof *label);
}

/* When it was formatted. */
static void tell_created(struct telling *t)
{
    const struct ntfs_disk_standard *standard;
    struct ntfs_stream stream;

    if (!open_of(t, NTFS_VOLUME, NTFS_STANDARD_INFORMATION, NULL, 0, &stream))
        return;
    standard = (const struct ntfs_disk_standard *)stream.value;
    if (stream.resident && stream.size >= sizeof standard->created)
        t->to->time(t->to, "created",
                    ntfs_time(le64_get(standard->created)).sec);
    ntfs_stream_close(t->vol, &stream);
}

/* As Windows and blkid(8) write it. */
static void tell_serial(struct telling *t)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[17];

    for (unsigned i = 0; i < 16; i++)
        text[i] = digits[t->vol->boot.serial >> (60 - 4 * i) & 15];
    text[16] = '\0';
    t->to->text(t->to, "serial", text);
}

static void tell_type(struct telling *t)
{
    struct text type = { .len = 0 };

    text_add(&type, "NTFS");
    if (t->vol->major != 0) {
        text_add(&type, " ");
        text_add_number(&type, t->vol->major, 10);
        text_add(&type, ".");
        text_add_number(&type, t->vol->minor, 10);
    }
    t->to->text(t->to, "type", type.bytes);
}

/* -------------------------------------------------------------- state */

static void tell_flags(struct telling *t, uint16_t flags)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } names[] = {
        { NTFS_VOLUME_DIRTY, "dirty" },
        { NTFS_VOLUME_RESIZE_LOG, "resize_log" },
        { NTFS_VOLUME_UPGRADE, "upgrade" },
        { NTFS_VOLUME_MOUNTED_NT4, "mounted_by_nt4" },
        { NTFS_VOLUME_DELETE_USN, "delete_journal" },
        { NTFS_VOLUME_REPAIR_IDS, "repair_object_ids" },
        { NTFS_VOLUME_CHKDSK, "chkdsk_underway" },
        { NTFS_VOLUME_MODIFIED, "modified_by_chkdsk" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (flags & names[i].bit)
            t->to->item(t->to, "flags", names[i].name);
}

static void tell_log(struct telling *t, const struct ntfs_state *state)
{
    static const char *const logs[] = {
        [NTFS_LOG_UNKNOWN] = "damaged",
        [NTFS_LOG_EMPTY] = "empty",
        [NTFS_LOG_CLEAN] = "clean",
        [NTFS_LOG_UNCLEAN] = "needs replay",
    };
    struct text version = { .len = 0 };

    t->to->text(t->to, "log", logs[state->log]);
    if (state->log_major == 0 && state->log_minor == 0)
        return;
    text_add_number(&version, state->log_major, 10);
    text_add(&version, ".");
    text_add_number(&version, state->log_minor, 10);
    t->to->text(t->to, "log_version", version.bytes);
}

static void tell_state(struct telling *t)
{
    static const char *const sleeps[] = {
        [NTFS_SLEEP_UNKNOWN] = "unknown",
        [NTFS_SLEEP_NONE] = "none",
        [NTFS_SLEEP_HIBERNATED] = "hibernated, or fast startup",
        [NTFS_SLEEP_RESUMED] = "resumed",
    };
    struct ntfs_state state;
    int err = ntfs_state_load(t->vol, &state);

    note(t, err);
    if (err)
        return;
    t->to->text(t->to, "state", ntfs_state_clean(&state) ? "clean"
                                                         : "not clean");
    tell_flags(t, state.flags);
    tell_log(t, &state);
    t->to->text(t->to, "hibernation", sleeps[state.sleep]);
}

/* ----------------------------------------------------------- geometry */

static void tell_geometry(struct telling *t)
{
    const struct ntfs_boot *boot = &t->vol->boot;
    struct shale_describe *to = t->to;

    to->number(to, "sector_size", boot->sector_size);
    to->number(to, "cluster_size", boot->cluster_size);
    to->number(to, "sectors", boot->size >> boot->sector_shift);
    to->number(to, "clusters", boot->cluster_count);
    to->number(to, "record_size", boot->record_size);
    to->number(to, "index_size", boot->index_size);
    to->number(to, "mft_cluster", boot->mft_lcn);
    if (boot->mirror_lcn != NTFS_HOLE)
        to->number(to, "mirror_cluster", boot->mirror_lcn);
    if (boot->at == SHALE_NOWHERE)
        to->text(to, "boot_sector", "none, by options");
    else if (boot->at != 0)
        to->text(to, "boot_sector", "backup");
}

static void tell_clusters(struct telling *t)
{
    struct ntfs_volume *vol = t->vol;
    struct ntfs_stream bad;
    uint64_t used, lost = 0;
    int err = ntfs_clusters_used(vol, &used);

    note(t, err);
    if (!err) {
        t->to->number(t->to, "clusters_used", used);
        t->to->number(t->to, "clusters_free", vol->boot.cluster_count - used);
    }
    if (!open_of(t, NTFS_BADCLUS, NTFS_DATA, bad_name,
                 sizeof bad_name / sizeof bad_name[0], &bad))
        return;
    for (size_t i = 0; i < bad.runs.count && !bad.resident; i++)
        if (bad.runs.list[i].lcn != NTFS_HOLE)
            lost += bad.runs.list[i].count;
    if (lost > 0)
        t->to->number(t->to, "clusters_bad", lost);
    ntfs_stream_close(vol, &bad);
}

/* ---------------------------------------------------------------- MFT */

/* In how many places is it? Runs may touch. */
static uint64_t mft_fragments(const struct ntfs_runs *runs)
{
    uint64_t fragments = 0, next = NTFS_HOLE;

    for (size_t i = 0; i < runs->count; i++) {
        fragments += runs->list[i].lcn != next;
        next = runs->list[i].lcn + runs->list[i].count;
    }
    return fragments;
}

static void tell_mft(struct telling *t)
{
    struct ntfs_volume *vol = t->vol;
    uint64_t used;
    int err;

    t->to->number(t->to, "mft_size",
                  vol->record_count << vol->boot.record_shift);
    t->to->number(t->to, "mft_fragments", mft_fragments(vol->mft_runs));
    t->to->number(t->to, "mft_records", vol->record_count);
    err = ntfs_records_used(vol, &used);
    note(t, err);
    if (!err)
        t->to->number(t->to, "mft_records_used", used);
}

int ntfs_describe(struct shale_fs *fs, struct shale_describe *to)
{
    struct telling t = { ntfs_volume_of(fs), to, 0 };

    tell_type(&t);
    tell_label(&t);
    tell_serial(&t);
    tell_created(&t);
    tell_state(&t);
    tell_geometry(&t);
    tell_clusters(&t);
    tell_mft(&t);
    return t.err;
}

static void about_add(struct ntfs_extras *to)
{
    to->about_tell = ntfs_describe;
}

const struct shale_ntfs_extra shale_ntfs_about = { about_add };
