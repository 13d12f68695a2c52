/*
 * list.c - listing directories
 *
 * First come the entries of the root, then those of the blocks, in the order in
 * which they lie and as far as the index's bitmap says that they are in use. A
 * cookie says where the next entry is:
 *
 *      61            60        24 23      0
 *     | recovered   | block + 1  | offset  |         block + 1 = 0: the root
 *
 * It is never jumped to: its node is walked from the start.
 *
 * What is left out: short names (DOS), which a file has beside another one;
 * the volume's own files, which are records 0 to 15 whatever they are called;
 * and what is hidden, if that was asked for. So does ntfs-3g.
 */
#include "extras.h"

#define OFFSET_BITS 24u
#define OFFSET_MASK ((UINT64_C(1) << OFFSET_BITS) - 1)

_Static_assert(NTFS_INDEX_MAX <= OFFSET_MASK, "an offset in a cookie");

/* -------------------------------------------------------------- an entry */

static bool is_hidden(const struct ntfs_options *options,
                      const struct ntfs_name *name, uint64_t number)
{
    if (name->space == NTFS_DOS || ntfs_name_is_dots(name))
        return true;
    if (number < NTFS_FIRST_USER)
        return !options->show_system;
    return options->hide_hidden && (name->flags & NTFS_FILE_HIDDEN) != 0;
}

int ntfs_listing_give(struct ntfs_listing *listing, uint64_t reference)
{
    struct shale_dirent *entry = &listing->given;

    entry->ino = NTFS_REFERENCE_NUMBER(reference);
    entry->generation = NTFS_REFERENCE_SEQUENCE(reference);
    if (is_hidden(&listing->dir.vol->options, &listing->name, entry->ino))
        return 0;
    entry->type = ntfs_name_type(&listing->name);
    entry->name = listing->text;
    entry->len = ntfs_name_text(&listing->name, listing->text);
    return listing->emit(listing->context, entry);
}

/* -------------------------------------------------------------- the index */

/* Go on to the first block in use from number FIRST on. 1, or 0: none. */
static int block_enter(struct ntfs_listing *listing, uint64_t first)
{
    struct ntfs_volume *vol = listing->dir.vol;
    const struct ntfs_index *index = listing->dir.index;
    uint64_t number = first;
    int more = ntfs_index_used(vol, index, &number);

    if (more <= 0)
        return more;
    more = ntfs_index_block(vol, index, number, true, listing->buf,
                            &listing->node);
    listing->place = number + 1;
    listing->offset = listing->node.first;
    return more ? more : 1;
}

/* Was the entry at hand given before the listing was gone on with? */
static bool is_given(const struct ntfs_listing *listing)
{
    return listing->place == listing->cookie >> OFFSET_BITS &&
           listing->entry.offset < (listing->cookie & OFFSET_MASK);
}

/*
 * Find the next name that a path can have. Others are told and passed over: the
 * rest is as good as ever. 1, or 0 at the end.
 */
APART static int name_next(struct ntfs_listing *listing)
{
    struct ntfs_volume *vol = listing->dir.vol;
    const struct ntfs_index *index = listing->dir.index;
    struct ntfs_entry *entry = &listing->entry;
    int more;

    while ((more = ntfs_index_next(vol, index, &listing->node,
                                   &listing->offset, entry)) >= 0) {
        const char *wrong;

        if (more == 0) {
            more = block_enter(listing, listing->place);
            if (more <= 0)
                return more;
            continue;
        }
        if (entry->last || is_given(listing))
            continue;
        wrong = ntfs_name_decode(entry->key, entry->key_length,
                                 &listing->name);
        if (!wrong)
            wrong = ntfs_name_check(&listing->name);
        if (!wrong)
            return 1;
        (void)shale_corrupt_inode(vol->fs, wrong, entry->at, index->ino);
    }
    return more;
}

/* Give the names from listing->cookie on. */
static int names_give(struct ntfs_listing *listing)
{
    uint64_t place = listing->cookie >> OFFSET_BITS;
    int more = 0;

    listing->place = 0;
    listing->node = ntfs_index_root(listing->dir.index);
    listing->offset = listing->node.first;
    if (place > 0)
        more = block_enter(listing, place - 1);
    if (more < 0 || (place > 0 && more == 0))
        return more;
    while ((more = name_next(listing)) > 0) {
        const struct ntfs_entry *entry = &listing->entry;

        listing->given.next = listing->place << OFFSET_BITS |
                              (entry->offset + entry->length);
        more = ntfs_listing_give(listing, entry->reference);
        if (more)
            break;
    }
    return more;
}

int ntfs_index_list(struct ntfs_listing *listing, uint64_t cookie)
{
    const struct ntfs_index *index = listing->dir.index;
    struct shale_mem *mem = listing->dir.vol->fs->mem;
    int err;

    if (cookie >> OFFSET_BITS > index->block_count)
        return 0;
    listing->buf = NULL;
    if (index->block_count > 0) {
        listing->buf = shale_alloc(mem, index->block_size);
        if (!listing->buf)
            return SHALE_ENOMEM;
    }
    listing->cookie = cookie;
    err = names_give(listing);
    shale_free(mem, listing->buf, index->block_size);
    return err;
}

/* ---------------------------------------------------------- the operation */

int ntfs_iterate(struct shale_vnode *base, uint64_t cookie,
                 shale_emit_fn *emit, void *context)
{
    const struct ntfs_vnode *vn = (const struct ntfs_vnode *)base;
    struct ntfs_listing *listing;
    int err;

    if (!vn->index)
        return 0;
    listing = shale_zalloc(base->fs->mem, sizeof *listing);
    if (!listing)
        return SHALE_ENOMEM;
    listing->dir = ntfs_dir_of(vn);
    listing->emit = emit;
    listing->context = context;
    err = listing->dir.vol->options.recover
              ? listing->dir.vol->extras.recovery->listing_recover(listing,
                                                                   cookie)
              : ntfs_index_list(listing, cookie);
    shale_free(base->fs->mem, listing, sizeof *listing);
    return err;
}
