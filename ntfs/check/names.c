/*
 * names.c - the names that files have, and the entries of directories
 *
 * Each $FILE_NAME of a file has to be an entry of the directory that it names,
 * and the other way round. The first scan has added up a hash of each name for
 * each file; here each entry of each directory takes its hash off. Where a sum
 * is not zero then, pairs.c finds out why.
 *
 * An entry has copies of more: those of times and flags are as old as they
 * like, but what is a directory is one for ever, and the size that is shown by
 * who lists a directory is worth an advice.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)

/* Where things are in an entry: its key is behind its head. */
#define KEY_AT    ((uint32_t)sizeof(struct ntfs_disk_entry))
#define KEY(name) (KEY_AT + NTFS_CHECK_FIELD(ntfs_disk_name, name))
#define SEQUENCE_AT 6u

static const uint16_t i30[] = { '$', 'I', '3', '0' };

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

/* ENTRY, called NAME, leads to FILE, of which KEPT is kept: what it says of
   that besides. */
static void copy_judge(struct ntfs_tree *tree, const struct ntfs_entry *entry,
                       const struct ntfs_name *name, uint64_t file,
                       const struct ntfs_check_record *kept)
{
    const struct ntfs_disk_name *raw = (const void *)entry->key;
    uint64_t size = check_array_get(tree->nc->sizes, file);
    bool directory = kept->flags & NTFS_CHECK_DIRECTORY;

    if (directory == !(name->flags & NTFS_NAME_IS_DIRECTORY) &&
        directory == !!(kept->flags & NTFS_CHECK_CALLED))
        tell_name(tree->nc, NTFS_CHECK_ENTRY_TYPE, tree->record->number,
                  entry->at + KEY(flags), name,
                  (struct check_note){ .other = file });
    /* Those of the system's own files nobody brings up to date. */
    if (!(~name->flags & (NTFS_FILE_HIDDEN | NTFS_FILE_SYSTEM)))
        return;
    if (file >= NTFS_FIRST_USER && !directory && size != 0 &&
        le64_get(raw->size) != size - 1)
        tell_name(tree->nc, NTFS_CHECK_ENTRY_SIZE, tree->record->number,
                  entry->at + KEY(size), name,
                  (struct check_note){ .other = file, .compared = true,
                                       .expected = size - 1,
                                       .found = le64_get(raw->size) });
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
    else if (sequence != kept.sequence)
        tell_name(nc, NTFS_CHECK_ENTRY_SEQUENCE, dir,
                  entry->at + SEQUENCE_AT, name,
                  (struct check_note){ .other = file, .compared = true,
                                       .expected = sequence,
                                       .found = kept.sequence });
    else
        copy_judge(tree, entry, name, file, &kept);
    if (NTFS_REFERENCE_NUMBER(name->parent) != dir)
        tell_name(nc, NTFS_CHECK_ENTRY_PARENT, dir, entry->at + KEY(parent),
                  name, (struct check_note){
                      .other = NTFS_REFERENCE_NUMBER(name->parent) });
}

static int entry_take(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct ntfs_name name;
    const char *wrong = ntfs_name_decode(entry->key, entry->key_length, &name);
    uint64_t file = NTFS_REFERENCE_NUMBER(entry->reference);

    if (wrong) {
        ntfs_check_rule(tree->nc, NTFS_CHECK_ENTRY_NAME, tree->record->number,
                        entry->at + KEY(length), wrong);
        return 0;
    }
    wrong = ntfs_check_name(&name, entry->key_length);
    if (wrong)
        ntfs_check_rule(tree->nc, NTFS_CHECK_ENTRY_NAME, tree->record->number,
                        entry->at + KEY(length), wrong);
    entry_judge(tree, entry, &name);
    return ntfs_check_sum(tree->nc, file,
                          UINT64_C(0) - ntfs_check_name_hash(file, &name));
}

static int directory_check(struct ntfs_check *nc, struct ntfs_record *record)
{
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

/* ----------------------------------------------------------- the counts */

/* The flags of record NUMBER are not what CODE says they should be. */
static void flags_tell(struct ntfs_check *nc, unsigned code, uint64_t number)
{
    ntfs_check_tell(nc, code, number, ntfs_check_at(nc, number, FIELD(flags)));
}

/* CODE is so of byte FIELD of the first attribute of TYPE of file NUMBER. */
static int find_tell(struct ntfs_check *nc, unsigned code, uint64_t number,
                     uint32_t type, uint32_t field)
{
    uint64_t at;
    int err = ntfs_check_find(nc, number, type, &at);

    if (!err)
        ntfs_check_tell(nc, code, number, at + field);
    return err;
}

/* Do the flags that KEPT has, of record NUMBER, say what the file has? */
static int flags_judge(struct ntfs_check *nc, uint64_t number,
                       const struct ntfs_check_record *kept)
{
    int err = 0;

    if (!(kept->flags & NTFS_CHECK_CALLED) !=
        !(kept->flags & NTFS_CHECK_DIRECTORY))
        flags_tell(nc, NTFS_CHECK_DIRECTORY_FLAG, number);
    else if (kept->flags & (kept->flags & NTFS_CHECK_DIRECTORY
                                ? NTFS_CHECK_NAMED_NOT : NTFS_CHECK_NAMED_SO))
        err = find_tell(nc, NTFS_CHECK_NAME_TYPE, number, NTFS_FILE_NAME,
                        NTFS_CHECK_FIELD(ntfs_disk_name, flags));
    if (err)
        return err;
    if (!(kept->flags & NTFS_CHECK_CALLED_VIEW) !=
        !(kept->flags & NTFS_CHECK_VIEW))
        flags_tell(nc, NTFS_CHECK_VIEW_FLAG, number);
    if (nc->vol->major < 3 || !(kept->flags & NTFS_CHECK_LINKED) ==
                                  !check_bits_has(nc->reparse, number))
        return 0;
    return find_tell(nc, NTFS_CHECK_REPARSE_FLAG, number,
                     NTFS_STANDARD_INFORMATION,
                     NTFS_CHECK_FIELD(ntfs_disk_standard, flags));
}

static void links_tell(struct ntfs_check *nc, uint64_t number,
                       const struct ntfs_check_record *kept)
{
    ntfs_check_differ(nc, NTFS_CHECK_LINKS, number,
                      ntfs_check_at(nc, number, FIELD(links)), kept->names,
                      kept->links);
}

/* What is kept of record NUMBER, the base of a file, in itself. */
static int file_judge(struct ntfs_check *nc, uint64_t number,
                      const struct ntfs_check_record *kept)
{
    int err;

    if (kept->flags & NTFS_CHECK_DAMAGED)
        return 0;
    err = flags_judge(nc, number, kept);
    if (kept->names == 0) {
        /* 12 to 15 are kept for the system; some tools use 16 to 23 too. */
        if (number >= NTFS_FIRST_USER + 8)
            ntfs_check_tell(nc, NTFS_CHECK_NAME_NONE, number,
                            ntfs_check_at(nc, number, 0));
        else if (kept->links != 0)
            links_tell(nc, number, kept);
        return err;
    }
    if (kept->names != kept->links)
        links_tell(nc, number, kept);
    return err;
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
        if (!err)
            err = file_judge(nc, i, &kept);
    }
    return err || !differ ? err : ntfs_check_pairs(nc);
}
