/*
 * names.c - the names that files have, and the entries of directories
 *
 * Each $FILE_NAME of a file has to be an entry of the directory that it names,
 * and the other way round. The first scan has added up a hash of each name for
 * each file; here each entry of each directory takes its hash off. Where a sum
 * is not zero then, the names of that file and all entries of it are gathered,
 * sorted, and compared one by one.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* ------------------------------------------------------------------ hash */

/* FNV-1a over 64 bits, and a last stir: what is wanted is that sums of a few
   differ. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x00000100000001b3)

static uint64_t hash_number(uint64_t hash, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        hash = (hash ^ (n >> 8 * i & 0xff)) * FNV_PRIME;
    return hash;
}

uint64_t ntfs_check_name_hash(uint64_t file, const struct ntfs_name *name)
{
    uint64_t hash = hash_number(FNV_BASIS, file);

    hash = hash_number(hash, name->parent);
    hash = (hash ^ name->space) * FNV_PRIME;
    for (size_t i = 0; i < 2u * name->length; i++)
        hash = (hash ^ name->units[i]) * FNV_PRIME;
    hash ^= hash >> 29;
    hash *= UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

/* --------------------------------------------------- entries, one by one */

/* Tell CODE of the directory that TREE is of, or of a file, NUMBER. */
static void tell_name(struct ntfs_check *nc, unsigned code, uint64_t number,
                      uint64_t at, const struct ntfs_name *name,
                      struct check_note note)
{
    char text[NTFS_NAME_BYTES];

    note.object = SHALE_OBJECT_RECORD;
    note.number = number;
    note.name = text;
    note.len = ntfs_name_text(name, text);
    check_tell(nc->check, &ntfs_check_codes[code], at, &note);
}

/* What ENTRY, called NAME, of the directory of TREE, leads to. */
static void entry_judge(struct ntfs_tree *tree, const struct ntfs_entry *entry,
                        const struct ntfs_name *name)
{
    struct ntfs_check *nc = tree->nc;
    uint64_t file = NTFS_REFERENCE_NUMBER(entry->reference);
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(entry->reference);
    struct ntfs_check_record kept = ntfs_check_kept(nc, file);
    uint64_t dir = tree->record->number;

    if (ntfs_check_is_told(nc, file))
        ;
    else if (!(kept.flags & NTFS_CHECK_IN_USE) ||
             kept.flags & NTFS_CHECK_EXTENSION)
        tell_name(nc, NTFS_CHECK_ENTRY_RECORD, dir, entry->at, name,
                  (struct check_note){ .other = file });
    else if (sequence != 0 && sequence != kept.sequence)
        tell_name(nc, NTFS_CHECK_ENTRY_SEQUENCE, dir, entry->at, name,
                  (struct check_note){ .other = file, .compared = true,
                                       .expected = sequence,
                                       .found = kept.sequence });
    if (NTFS_REFERENCE_NUMBER(name->parent) != dir)
        tell_name(nc, NTFS_CHECK_ENTRY_PARENT, dir, entry->at, name,
                  (struct check_note){
                      .other = NTFS_REFERENCE_NUMBER(name->parent) });
}

static int entry_take(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct ntfs_name name;
    const char *wrong = ntfs_name_decode(entry->key, entry->key_length, &name);
    uint64_t file = NTFS_REFERENCE_NUMBER(entry->reference);

    if (wrong) {
        ntfs_check_rule(tree->nc, NTFS_CHECK_ENTRY_NAME, tree->record->number,
                        entry->at, wrong);
        return 0;
    }
    entry_judge(tree, entry, &name);
    return ntfs_check_sum(tree->nc, file,
                          UINT64_C(0) - ntfs_check_name_hash(file, &name));
}

static int directory_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    static const uint16_t i30[] = { '$', 'I', '3', '0' };

    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    return ntfs_check_index(nc, record, i30, 4, NTFS_COLLATE_FILE_NAME,
                            entry_take, NULL, NULL);
}

int ntfs_check_indexes(struct ntfs_check *nc)
{
    return ntfs_check_scan(nc, "directories", NTFS_CHECK_DIRECTORY,
                           directory_check);
}

/* ------------------------------------------------- what does not agree */

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
   not zero. */
struct pile {
    struct ntfs_check *nc;
    uint64_t first, end;
    bool full;                  /* there were more than SIDES_MAX */
    struct check_lock lock;
    struct side *list;
    size_t count, room;
    uint8_t *text;
    size_t text_size, text_room;
};

/* Of more than these, half the files are compared first. */
#define SIDES_MAX (1u << 20)

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
    size_t len = ntfs_name_text(name, utf8);
    int err = 0;

    check_lock(pile->nc->check, &pile->lock);
    if (pile->count < SIDES_MAX) {
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

static int gather_entry(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    uint64_t file = NTFS_REFERENCE_NUMBER(entry->reference);
    struct ntfs_name name;

    if (ntfs_name_decode(entry->key, entry->key_length, &name) ||
        !is_wanted(tree->nc, file))
        return 0;
    return pile_add(tree->nc->pile, (struct side){
        .file = file, .hash = ntfs_check_name_hash(file, &name),
        .dir = tree->record->number, .at = entry->at, .entry = true,
    }, &name);
}

static int gather_directory(struct ntfs_check *nc, struct ntfs_record *record)
{
    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    return ntfs_check_reread(nc, record, gather_entry, NULL);
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
        err = pile_add(nc->pile, (struct side){
            .file = file, .hash = ntfs_check_name_hash(file, &name),
            .dir = NTFS_REFERENCE_NUMBER(name.parent), .at = attr.at,
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
    int err = ntfs_check_scan(nc, "names that differ", NTFS_CHECK_IN_USE,
                              gather_names);

    if (!err && !pile->full)
        err = ntfs_check_scan(nc, "entries that differ", NTFS_CHECK_DIRECTORY,
                              gather_directory);
    if (!err && !pile->full)
        compare(pile);
    check_free(nc->check, pile->list, pile->room);
    check_free(nc->check, pile->text, pile->text_room);
    pile->list = NULL;
    pile->text = NULL;
    pile->count = pile->room = pile->text_size = pile->text_room = 0;
    return err;
}

static int disagreements_find(struct ntfs_check *nc)
{
    uint64_t count = check_array_size(nc->records);
    struct pile pile = { .nc = nc, .end = count };
    int err = check_lock_init(nc->check, &pile.lock);

    if (err)
        return err;
    nc->pile = &pile;
    while (!err && pile.first < count) {
        pile.full = false;
        err = range_compare(nc, &pile);
        if (pile.full && pile.end - pile.first > 1) {
            pile.end = pile.first + (pile.end - pile.first) / 2;
        } else {
            pile.first = pile.end;
            pile.end = count;
        }
    }
    nc->pile = NULL;
    check_lock_fini(nc->check, &pile.lock);
    return err;
}

/* ----------------------------------------------------------- the counts */

/* What is kept of record NUMBER, the base of a file, in itself. */
static void file_judge(struct ntfs_check *nc, uint64_t number,
                       const struct ntfs_check_record *kept)
{
    if (kept->flags & NTFS_CHECK_DAMAGED)
        return;
    if (!(kept->flags & NTFS_CHECK_CALLED) !=
        !(kept->flags & NTFS_CHECK_DIRECTORY))
        ntfs_check_tell(nc, NTFS_CHECK_DIRECTORY_FLAG, number, SHALE_NOWHERE);
    if (kept->names == 0) {
        /* 12 to 15 are kept for the system; some tools use 16 to 23 too. */
        if (number >= NTFS_FIRST_USER + 8)
            ntfs_check_tell(nc, NTFS_CHECK_NAME_NONE, number, SHALE_NOWHERE);
        return;
    }
    if (kept->names != kept->links)
        ntfs_check_differ(nc, NTFS_CHECK_LINKS, number, SHALE_NOWHERE,
                          kept->names, kept->links);
}

int ntfs_check_names(struct ntfs_check *nc)
{
    uint64_t count = check_array_size(nc->records);
    struct shale_check_result *result = nc->check->result;
    bool differ = false;
    int err = 0;

    for (uint64_t i = check_bits_next(nc->in_use, 0, true);
         i < count && !err; i = check_bits_next(nc->in_use, i + 1, true)) {
        struct ntfs_check_record kept = ntfs_check_kept(nc, i);

        err = check_going(nc->check);
        differ |= kept.sum != 0;
        if (kept.flags & NTFS_CHECK_EXTENSION)
            continue;
        if (kept.flags & NTFS_CHECK_DIRECTORY)
            result->directories++;
        else
            result->files++;
        file_judge(nc, i, &kept);
    }
    return err || !differ ? err : disagreements_find(nc);
}
