/*
 * log.c - $LogFile: its two restart pages
 *
 *      page   "RSTR" | fixups | sizes of pages | where the area is | version
 *      area   last number | clients, lists of them | flags | size of the log
 *
 * The pages are written in turn, so that one is good whatever happens; which is
 * why a log that is closed has two good ones. If nobody has used it yet it is
 * all 0xff. What is behind them are the changes themselves: those that count
 * are gone through by Windows alone. (Linux-NTFS, "$LogFile"; how wide the
 * numbers are: as volumes by Windows XP to 10 have it.)
 */
#include "memfn.h"
#include "ntfs/check/check.h"

struct log_page {
    struct ntfs_disk_multi multi;
    le32 system_page, log_page;
    le16 area, minor, major;
};

struct log_area {
    le64 lsn;
    le16 clients, free_list, used_list, flags;
    le32 number_bits;
    le16 length, client_array;
    le64 file_size;
};

#define PAGE_USUAL 4096u
#define PAGE_MAX   65536u
#define VERSION_KNOWN 1u
#define NOBODY     0xffffu      /* the end of a list of clients */
#define BITS       67u          /* of a number, and of a place in the log */

static bool is_page_size(uint32_t size)
{
    return size >= NTFS_FIXUP_STRIDE && size <= PAGE_MAX &&
           (size & (size - 1)) == 0;
}

static bool is_blank(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static uint32_t bits_of(uint64_t n)
{
    uint32_t bits = 0;

    for (; n > 0; n >>= 1)
        bits++;
    return bits;
}

/* The area of a page, of which LEFT bytes are behind its start, of a log of
   SIZE bytes. */
static const char *area_rule(const struct log_area *area, uint32_t left,
                             uint64_t size)
{
    uint32_t length = le16_get(area->length);
    uint16_t clients = le16_get(area->clients);
    uint16_t used = le16_get(area->used_list), free = le16_get(area->free_list);

    if (length < sizeof *area || length > left ||
        le16_get(area->client_array) > length)
        return "ntfs: its area is not within it";
    if (clients == 0 || (used != NOBODY && used >= clients) ||
        (free != NOBODY && free >= clients))
        return "ntfs: its lists of clients lead to none";
    if (le64_get(area->file_size) == 0 || le64_get(area->file_size) > size)
        return "ntfs: the log is larger than its file";
    if (le32_get(area->number_bits) + bits_of(le64_get(area->file_size)) !=
        BITS)
        return "ntfs: its numbers are not as wide as the log's size has them";
    return NULL;
}

/* What is wrong with the page of SIZE bytes at BYTES, whose fixups are undone,
   of a log of LOG bytes? */
static const char *page_rule(uint8_t *bytes, uint32_t size, uint64_t log)
{
    const struct log_page *page = (const struct log_page *)bytes;
    bool chkdsk = memcmp(bytes, "CHKD", 4) == 0;
    uint32_t area = le16_get(page->area);
    const char *wrong;

    if (!chkdsk && memcmp(bytes, "RSTR", 4) != 0)
        return is_blank(bytes, size) ? "ntfs: it is blank, and the other is not"
                                     : "ntfs: it has no mark";
    if (le32_get(page->system_page) != size ||
        !is_page_size(le32_get(page->log_page)))
        return "ntfs: pages of a size that cannot be";
    wrong = ntfs_fixup(bytes, size, chkdsk ? "CHKD" : "RSTR");
    if (wrong)
        return wrong;
    if (le16_get(page->multi.fixup_count) != ntfs_check_fixups(size))
        return "ntfs: it has more fixups than sectors";
    if (area < sizeof *page || area % 8 != 0 ||
        area > size - sizeof(struct log_area))
        return "ntfs: its area is not within it";
    /* What later versions have there is written nowhere. */
    if (le16_get(page->major) > VERSION_KNOWN)
        return NULL;
    return area_rule((const struct log_area *)(bytes + area), size - area, log);
}

/* Bytes of a page, by the head of either: the first one that has a mark. */
static int size_find(struct ntfs_check *nc, const struct ntfs_stream *log,
                     uint8_t *bytes, uint32_t *out)
{
    *out = 0;
    for (uint64_t at = 0; at <= PAGE_USUAL && *out == 0; at += PAGE_USUAL) {
        const struct log_page *page = (const struct log_page *)bytes;
        int err = ntfs_stream_fetch(nc->vol, log, at, bytes,
                                    NTFS_FIXUP_STRIDE);

        if (err)
            return err;
        if ((memcmp(bytes, "RSTR", 4) == 0 || memcmp(bytes, "CHKD", 4) == 0) &&
            is_page_size(le32_get(page->system_page)))
            *out = le32_get(page->system_page);
    }
    return 0;
}

/* How LOG was left, as the driver knows. */
static void state_tell(struct ntfs_check *nc, const struct ntfs_stream *log)
{
    if (nc->log_state == NTFS_LOG_UNCLEAN || nc->log_state == NTFS_LOG_UNKNOWN)
        ntfs_check_tell(nc, nc->log_state == NTFS_LOG_UNCLEAN
                                ? NTFS_CHECK_LOG_UNCLEAN
                                : NTFS_CHECK_LOG_UNKNOWN,
                        NTFS_LOGFILE, ntfs_data_place(nc->vol, log, 0));
}

/* Check both pages of LOG, in the PAGE_MAX bytes at BYTES. */
static int pages_check(struct ntfs_check *nc, const struct ntfs_stream *log,
                       uint8_t *bytes)
{
    const char *wrong[2] = { NULL, NULL };
    uint32_t size;
    int err = 0;

    if (log->size < 2 * PAGE_USUAL)
        return 0;
    err = size_find(nc, log, bytes, &size);
    if (err || size == 0 || log->size < 2 * (uint64_t)size)
        return err;             /* blank; or nothing of it is known */
    for (unsigned i = 0; i < 2 && !err; i++) {
        err = ntfs_stream_fetch(nc->vol, log, i * (uint64_t)size, bytes, size);
        if (!err)
            wrong[i] = page_rule(bytes, size, log->size);
    }
    for (unsigned i = 0; i < 2 && !err; i++) {
        struct check_note note = {
            .object = SHALE_OBJECT_RECORD, .number = NTFS_LOGFILE, .other = i,
        };

        if (!wrong[i])
            continue;
        note.name = wrong[i] + sizeof "ntfs: " - 1;
        while (note.name[note.len])
            note.len++;
        check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_LOG_PAGE],
                   ntfs_data_place(nc->vol, log, i * (uint64_t)size), &note);
    }
    return err;
}

int ntfs_check_log(struct ntfs_check *nc)
{
    struct ntfs_record *record;
    struct ntfs_stream log;
    uint8_t *bytes;
    int err = ntfs_record_get(nc->vol, NTFS_LOGFILE, &record), found;

    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    found = ntfs_stream_open(nc->vol, record, NTFS_DATA, NULL, 0, &log);
    ntfs_record_put(nc->vol, record);
    if (found <= 0)
        return found == SHALE_ENOMEM ? found : 0;
    state_tell(nc, &log);
    bytes = check_alloc(nc->check, PAGE_MAX);
    err = bytes ? pages_check(nc, &log, bytes) : SHALE_ENOMEM;
    check_free(nc->check, bytes, PAGE_MAX);
    ntfs_stream_close(nc->vol, &log);
    return err == SHALE_ENOMEM ? err : 0;
}
