/*
 * pairs.c - which names of files, and entries of directories, do not agree
 *
 * names.c knows for which files there are any. The names of these, and all
 * entries of them, are gathered, sorted by file and hash, and go in pairs; what
 * is left over is told. So that memory is bounded there is a pile of a certain
 * size: where it does not do, it is filled several times, each time with some
 * of the files, or of one file's hashes.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* A key is behind the head of its entry. */
#define KEY_AT ((uint32_t)sizeof(struct ntfs_disk_entry))

static const uint16_t i30[] = { '$', 'I', '3', '0' };

/* A name of a file, or an entry of one. */
struct side {
    uint64_t file, hash;
    uint64_t dir;               /* that it names, or that it is in */
    uint64_t at;
    uint32_t text;              /* where it is in the pile of names */
    uint16_t length;            /* bytes */
    bool entry;
};

/* All of them that belong to files, from FIRST on and below END, whose sum is
   not zero: those with hashes from LOW to HIGH. */
struct pile {
    struct ntfs_check *nc;
    uint64_t first, end;
    uint64_t low, high;
    size_t most;                /* sides that it has room for */
    bool full;                  /* there were more than that */
    struct check_lock lock;
    struct side *list;
    size_t count, room;
    uint8_t *text;
    size_t text_size, text_room;
};

/* One side for each four records of the MFT, but for small and large ones. Of
   more, half the files are compared first; of one file, half the hashes. */
#define SIDES_MIN 32u
#define SIDES_MAX (1u << 20)

static size_t sides_of(const struct ntfs_check *nc)
{
    uint64_t most = nc->record_count / 4;

    return most < SIDES_MIN ? SIDES_MIN
                            : most > SIDES_MAX ? SIDES_MAX : (size_t)most;
}

/* Nothing is left to be halved: all sides in PILE are of one name. */
static bool is_one_name(const struct pile *pile)
{
    return pile->end - pile->first == 1 && pile->low == pile->high;
}

/* Have room for MORE bytes behind USED of *BUF. */
static int grow(struct check *check, void **buf, size_t used, size_t more,
                size_t *room)
{
    size_t want = used + more < 2 * *room ? 2 * *room : used + more + 4096;
    void *bytes;

    if (used + more <= *room)
        return 0;
    bytes = check_alloc(check, want);
    if (!bytes)
        return SHALE_ENOMEM;
    if (used > 0)
        memcpy(bytes, *buf, used);
    check_free(check, *buf, *room);
    *buf = bytes;
    *room = want;
    return 0;
}

static int pile_add(struct pile *pile, struct side side,
                    const struct ntfs_name *name)
{
    struct check *check = pile->nc->check;
    void *list = pile->list, *text = pile->text;
    char utf8[NTFS_NAME_BYTES];
    size_t len = ntfs_name_text(name, utf8), most = pile->most;
    int err = 0;

    /* Entries need room, too, which come last. */
    if (!side.entry && is_one_name(pile))
        most /= 2;
    check_lock(pile->nc->check, &pile->lock);
    if (pile->count < most) {
        err = grow(check, &list, pile->count * sizeof side, sizeof side,
                   &pile->room);
        pile->list = list;
        if (!err)
            err = grow(check, &text, pile->text_size, len, &pile->text_room);
        pile->text = text;
        if (!err) {
            side.text = (uint32_t)pile->text_size;
            side.length = (uint16_t)len;
            memcpy(pile->text + pile->text_size, utf8, len);
            pile->text_size += len;
            pile->list[pile->count++] = side;
        }
    } else {
        pile->full = true;
    }
    check_unlock(pile->nc->check, &pile->lock);
    return err;
}

/* The scans below have no context of their own: the pile is nc->pile. */
static bool is_wanted(struct ntfs_check *nc, uint64_t file)
{
    return file >= nc->pile->first && file < nc->pile->end &&
           ntfs_check_kept(nc, file).sum != 0;
}

/* Put SIDE, called NAME, on the pile, if it is of its hashes. */
static int gather(struct ntfs_check *nc, struct side side,
                  const struct ntfs_name *name)
{
    side.hash = ntfs_check_name_hash(side.file, name);
    return side.hash < nc->pile->low || side.hash > nc->pile->high
               ? 0 : pile_add(nc->pile, side, name);
}

static int gather_entry(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    uint64_t file = NTFS_REFERENCE_NUMBER(entry->reference);
    struct ntfs_name name;

    if (ntfs_name_decode(entry->key, entry->key_length, &name) ||
        !is_wanted(tree->nc, file))
        return 0;
    return gather(tree->nc, (struct side){
        .file = file, .dir = tree->record->number, .at = entry->at + KEY_AT,
        .entry = true,
    }, &name);
}

static int gather_directory(struct ntfs_check *nc, struct ntfs_record *record)
{
    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    return ntfs_check_reread(nc, record, i30, 4, NTFS_COLLATE_FILE_NAME,
                             gather_entry, NULL);
}

static int gather_names(struct ntfs_check *nc, struct ntfs_record *record)
{
    uint32_t offset;
    struct ntfs_attr attr;
    struct ntfs_name name;
    unsigned wrong;
    uint64_t file;
    int err = 0;

    if (!ntfs_check_open(nc, record))
        return 0;
    file = ntfs_check_file_of(record);
    if (!is_wanted(nc, file))
        return 0;
    offset = record->attrs;
    while (!err && ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0) {
        if (attr.type != NTFS_FILE_NAME || !attr.resident ||
            ntfs_name_decode(attr.value, attr.value_length, &name))
            continue;
        err = gather(nc, (struct side){
            .file = file, .dir = NTFS_REFERENCE_NUMBER(name.parent),
            .at = ntfs_check_value_at(nc, &attr),
        }, &name);
    }
    return err;
}

/* ------------------------------------------------------------- comparing */

static int by_file(const void *a, const void *b)
{
    const struct side *x = a, *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->entry - y->entry;
}

/* SIDE has no other side. */
static void tell_side(const struct pile *pile, const struct side *side)
{
    struct ntfs_check *nc = pile->nc;
    struct ntfs_check_record dir = ntfs_check_kept(nc, side->dir);
    struct ntfs_check_record file = ntfs_check_kept(nc, side->file);
    unsigned code = NTFS_CHECK_NAME_STRAY;

    if (side->entry && (!(file.flags & NTFS_CHECK_IN_USE) ||
                        file.flags & (NTFS_CHECK_EXTENSION |
                                      NTFS_CHECK_DAMAGED)))
        return;                 /* which has been told */
    if (!side->entry && (dir.flags & NTFS_CHECK_PARTLY ||
                         ntfs_check_is_unread(nc, side->dir)))
        return;                 /* likewise; it may be there */
    if (side->entry)
        code = NTFS_CHECK_ENTRY_STRAY;
    else if (!(dir.flags & NTFS_CHECK_DIRECTORY))
        code = NTFS_CHECK_NAME_PARENT;
    check_tell(nc->check, &ntfs_check_codes[code], side->at,
               &(struct check_note){
        .object = SHALE_OBJECT_RECORD,
        .number = side->entry ? side->dir : side->file,
        .other = side->entry ? side->file : side->dir,
        .name = (const char *)pile->text + side->text, .len = side->length,
    });
}

/* Names and entries that are the same go in pairs; the rest is told. */
static void compare(struct pile *pile)
{
    size_t i = 0;

    check_sort(pile->list, pile->count, sizeof *pile->list, by_file);
    while (i < pile->count) {
        size_t names = i, entries, end;

        while (i < pile->count && pile->list[i].file == pile->list[names].file
               && pile->list[i].hash == pile->list[names].hash &&
               !pile->list[i].entry)
            i++;
        entries = i;
        while (i < pile->count && pile->list[i].file == pile->list[names].file
               && pile->list[i].hash == pile->list[names].hash)
            i++;
        end = i;
        for (size_t k = names + (end - entries); k < entries; k++)
            tell_side(pile, &pile->list[k]);
        for (size_t k = entries + (entries - names); k < end; k++)
            tell_side(pile, &pile->list[k]);
    }
}

/* Gather what PILE is of, and compare it if that is all. */
static int range_compare(struct ntfs_check *nc, struct pile *pile)
{
    bool last = is_one_name(pile);
    int err = ntfs_check_scan(nc, "names that differ", NTFS_CHECK_IN_USE,
                              gather_names);

    if (!err && (!pile->full || last))
        err = ntfs_check_scan(nc, "entries that differ", NTFS_CHECK_DIRECTORY,
                              gather_directory);
    if (!err && (!pile->full || last))
        compare(pile);
    check_free(nc->check, pile->list, pile->room);
    check_free(nc->check, pile->text, pile->text_room);
    pile->list = NULL;
    pile->text = NULL;
    pile->count = pile->room = pile->text_size = pile->text_room = 0;
    return err;
}

/* PILE was full, or has been compared: on to less of it, or to the next. */
static void range_next(struct pile *pile, uint64_t count)
{
    if (pile->full && pile->end - pile->first > 1) {
        pile->end = pile->first + (pile->end - pile->first) / 2;
    } else if (pile->full && !is_one_name(pile)) {
        pile->high = pile->low + (pile->high - pile->low) / 2;
    } else if (pile->high != UINT64_MAX) {
        pile->low = pile->high + 1;
        pile->high = UINT64_MAX;
    } else {
        pile->first = pile->end;
        pile->end = count;
        pile->low = 0;
    }
    pile->full = false;
}

int ntfs_check_pairs(struct ntfs_check *nc)
{
    uint64_t count = check_array_size(nc->records);
    struct pile pile = {
        .nc = nc, .end = count, .high = UINT64_MAX, .most = sides_of(nc),
    };
    int err = check_lock_init(nc->check, &pile.lock);

    if (err)
        return err;
    nc->pile = &pile;
    while (!err && pile.first < count) {
        err = range_compare(nc, &pile);
        range_next(&pile, count);
    }
    nc->pile = NULL;
    check_lock_fini(nc->check, &pile.lock);
    return err;
}
