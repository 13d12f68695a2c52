/*
 * state.c - how Windows has left the volume
 *
 * Three places tell. The flags in $Volume say dirty once anything was changed
 * that chkdsk has to look at. $LogFile begins with two restart pages, each of
 * which says whether the log is closed; if it is not, the volume lacks what the
 * log has, and only Windows can replay it. And hiberfil.sys in the root is what
 * a hibernated Windows, or one that was shut down "fast", will wake up from:
 * with the volume's metadata in its memory, as they were.
 *
 * None of it is in the way of reading, so it is told, and no more.
 *
 * The restart page: Linux-NTFS documentation, "$LogFile"; which bit of its
 * flags means "closed" is by experiment, with volumes that Windows XP to 10
 * have left. hiberfil.sys: its first four bytes, by documents on forensics.
 */
#include "index.h"
#include "memfn.h"
#include "text.h"

/* ----------------------------------------------------------- $LogFile */

#define LOG_PAGE   4096u        /* where the second restart page is, unless the
                                   first one says otherwise */
#define LOG_HEAD   512u         /* of a page, what counts */
#define LOG_CLOSED 0x0002u      /* flags of a restart area */
#define LOG_NOBODY 0xffffu      /* no client in use */
#define LOG_CACHED 2u           /* major version, by Windows 8 and later, which
                                   goes back to 1 when it lets go of a volume */

/* A restart page. */
struct log_page {
    struct ntfs_disk_multi multi;       /* "RSTR", or "CHKD" by chkdsk */
    le32 system_page, log_page; /* bytes */
    le16 area;                  /* offset of the restart area */
    le16 minor, major;
};

/* A restart area. */
struct log_area {
    le64 lsn;
    le16 clients, free_list, used_list;
    le16 flags;
};

/* The last two bytes of the page's first sector are a fixup's. */
#define LOG_AREA_MAX (LOG_HEAD - 2 - sizeof(struct log_area))

/* What one restart page says. */
struct restart {
    bool valid;
    uint64_t lsn;
    bool closed;
    uint16_t minor, major;
    uint32_t system_page;
};

static void restart_decode(const uint8_t *head, struct restart *out)
{
    const struct log_page *page = (const struct log_page *)head;
    uint16_t offset = le16_get(page->area);
    const struct log_area *area;

    out->valid = (memcmp(head, "RSTR", 4) == 0 ||
                  memcmp(head, "CHKD", 4) == 0) &&
                 offset >= sizeof *page && offset <= LOG_AREA_MAX;
    if (!out->valid)
        return;
    area = (const struct log_area *)(head + offset);
    out->lsn = le64_get(area->lsn);
    out->closed = (le16_get(area->flags) & LOG_CLOSED) ||
                  le16_get(area->used_list) == LOG_NOBODY;
    out->minor = le16_get(page->minor);
    out->major = le16_get(page->major);
    out->system_page = le32_get(page->system_page);
}

/* Nothing but 0xff: what mkntfs writes, and who resets a log. */
static bool is_blank(const uint8_t *head)
{
    for (size_t i = 0; i < LOG_HEAD; i++)
        if (head[i] != 0xff)
            return false;
    return true;
}

/* The restart page at OFFSET; *BLANK: there is nothing instead. HEAD has room
   for what counts of it. */
static int restart_load(struct ntfs_volume *vol,
                        const struct ntfs_stream *log, uint64_t offset,
                        uint8_t *head, struct restart *out, bool *blank)
{
    int err;

    out->valid = *blank = false;
    if (log->resident || offset > log->size || log->size - offset < LOG_HEAD)
        return 0;
    err = ntfs_stream_read(vol, log, offset, head, LOG_HEAD);
    if (err)
        return err;
    *blank = is_blank(head);
    restart_decode(head, out);
    return 0;
}

/* Find out by both pages of LOG, the one and then the other at HEAD. */
static int log_read(struct ntfs_volume *vol, const struct ntfs_stream *log,
                    uint8_t *head, struct ntfs_state *out)
{
    uint64_t second_at = LOG_PAGE;
    struct restart first, second;
    bool first_blank, second_blank;
    const struct restart *newest;
    int err;

    err = restart_load(vol, log, 0, head, &first, &first_blank);
    if (err)
        return err;
    if (first.valid && first.system_page >= LOG_HEAD)
        second_at = first.system_page;
    err = restart_load(vol, log, second_at, head, &second, &second_blank);
    if (err)
        return err;
    if (first_blank && second_blank)
        out->log = NTFS_LOG_EMPTY;
    if (!first.valid && !second.valid)
        return 0;
    newest = !first.valid || (second.valid && second.lsn > first.lsn)
                 ? &second : &first;
    out->log = newest->closed ? NTFS_LOG_CLEAN : NTFS_LOG_UNCLEAN;
    out->log_major = newest->major;
    out->log_minor = newest->minor;
    return 0;
}

/* Open the unnamed data of what REFERENCE means. 1, or 0 if there is none. */
static int data_open(struct ntfs_volume *vol, uint64_t reference,
                     struct ntfs_stream *out)
{
    struct ntfs_record *record;
    int found = ntfs_record_by_reference(vol, reference, &record);

    if (found)
        return found == SHALE_ESTALE ? 0 : found;
    found = ntfs_stream_open(vol, record, NTFS_DATA, NULL, 0, out);
    ntfs_record_put(vol, record);
    return found;
}

static int log_load(struct ntfs_volume *vol, struct ntfs_state *out)
{
    struct ntfs_stream log;
    uint8_t *head;
    int err = data_open(vol, NTFS_LOGFILE, &log);

    if (err <= 0)
        return err;
    head = shale_alloc(vol->fs->mem, LOG_HEAD);
    err = head ? log_read(vol, &log, head, out) : SHALE_ENOMEM;
    shale_free(vol->fs->mem, head, LOG_HEAD);
    ntfs_stream_close(vol, &log);
    return err;
}

/* -------------------------------------------------------- hiberfil.sys */

static const uint8_t hibernation_file[] = {
    'h', 0, 'i', 0, 'b', 0, 'e', 0, 'r', 0, 'f', 0, 'i', 0, 'l', 0,
    '.', 0, 's', 0, 'y', 0, 's', 0,
};

/* Find it in the root; SHALE_ENOENT. */
static int sleep_find(struct ntfs_volume *vol, uint64_t *reference)
{
    struct ntfs_record *root;
    int err = ntfs_record_get(vol, NTFS_ROOT, &root);

    if (err)
        return err;
    err = ntfs_name_find_in(vol, root, hibernation_file,
                            sizeof hibernation_file / 2, reference);
    ntfs_record_put(vol, root);
    return err;
}

static bool starts(const uint8_t *head, const char *small, const char *large)
{
    return memcmp(head, small, 4) == 0 || memcmp(head, large, 4) == 0;
}

static int sleep_load(struct ntfs_volume *vol, struct ntfs_state *out)
{
    struct ntfs_stream file;
    uint8_t head[4] = { 0 };
    uint64_t reference;
    int err = sleep_find(vol, &reference);

    if (err == SHALE_ENOENT)
        out->sleep = NTFS_SLEEP_NONE;
    if (err)
        return err;
    err = data_open(vol, reference, &file);
    if (err <= 0)
        return err;
    err = 0;
    if (!ntfs_stream_is_plain(&file))
        err = SHALE_ENOTSUP;
    else if (file.size >= sizeof head)
        err = ntfs_stream_read(vol, &file, 0, head, sizeof head);
    if (!err)
        out->sleep = starts(head, "hibr", "HIBR") ? NTFS_SLEEP_HIBERNATED
                   : starts(head, "wake", "WAKE") ? NTFS_SLEEP_RESUMED
                                                  : NTFS_SLEEP_NONE;
    ntfs_stream_close(vol, &file);
    return err;
}

/* ------------------------------------------------------------ together */

int ntfs_state_load(struct ntfs_volume *vol, struct ntfs_state *out)
{
    int err;

    *out = (struct ntfs_state){ .flags = vol->flags };
    err = log_load(vol, out);
    if (err == SHALE_ENOMEM)
        return err;
    err = sleep_load(vol, out);
    return err == SHALE_ENOMEM ? err : 0;
}

static void also(struct text *list, const char *what)
{
    if (list->len > 0)
        text_add(list, "; ");
    text_add(list, what);
}

bool ntfs_state_clean(const struct ntfs_state *state)
{
    return !(state->flags & (NTFS_VOLUME_DIRTY | NTFS_VOLUME_CHKDSK)) &&
           state->log != NTFS_LOG_UNCLEAN && state->log != NTFS_LOG_UNKNOWN &&
           state->log_major < LOG_CACHED &&
           state->sleep != NTFS_SLEEP_HIBERNATED;
}

/* Say what is not clean in STATE. */
APART static void warn(struct shale_fs *fs, const struct ntfs_state *state)
{
    struct text list = { .len = 0 };

    if (state->sleep == NTFS_SLEEP_HIBERNATED)
        also(&list, "Windows is hibernated, or was shut down the fast way");
    else if (state->log_major >= LOG_CACHED)
        also(&list, "Windows keeps metadata of it in memory (fast startup)");
    if (state->log == NTFS_LOG_UNCLEAN)
        also(&list, "its log was not replayed");
    if (state->log == NTFS_LOG_UNKNOWN)
        also(&list, "its log is damaged");
    if (state->flags & NTFS_VOLUME_CHKDSK)
        also(&list, "chkdsk was under way");
    if (state->flags & NTFS_VOLUME_DIRTY)
        also(&list, "it is marked dirty, for chkdsk");
    shale_warn(fs, "ntfs: the volume was not left clean, and is shown as it is",
               list.bytes, SHALE_NOWHERE);
}

int ntfs_state_tell(struct ntfs_volume *vol)
{
    struct ntfs_state state;
    int err = ntfs_state_load(vol, &state);

    if (!err && !ntfs_state_clean(&state))
        warn(vol->fs, &state);
    return err;
}
