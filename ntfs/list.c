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

int ntfs_listing_give(struct ntfs_listing *listing,
                      const struct ntfs_name *name, uint64_t reference,
                      uint64_t next)
{
    const struct ntfs_volume *vol = listing->dir->vol;
    struct shale_dirent entry = {
        .name = listing->text,
        .ino = NTFS_REFERENCE_NUMBER(reference),
        .next = next,
        .type = ntfs_name_type(name),
        .generation = NTFS_REFERENCE_SEQUENCE(reference),
    };

    if (is_hidden(&vol->options, name, entry.ino))
        return 0;
    entry.len = ntfs_name_text(name, listing->text);
    return listing->emit(listing->context, &entry);
}

/* ---------------------------------------------------------------- a node */

/*
 * Give the entries of NODE that are not before offset FROM; PLACE is the node's
 * number in a cookie. A name that no path can have is told and passed over: the
 * others are as good as ever.
 */
static int node_list(struct ntfs_listing *listing,
                     const struct ntfs_index_node *node, uint64_t place,
                     uint64_t from)
{
    struct ntfs_volume *vol = listing->dir->vol;
    const struct ntfs_index *index = listing->dir->index;
    uint32_t offset = node->first;
    struct ntfs_entry entry;
    struct ntfs_name name;
    int more;

    while ((more = ntfs_index_next(vol, index, node, &offset, &entry)) > 0) {
        const char *wrong;

        if (entry.last || entry.offset < from)
            continue;
        wrong = ntfs_name_decode(entry.key, entry.key_length, &name);
        if (!wrong)
            wrong = ntfs_name_check(&name);
        if (wrong) {
            (void)shale_corrupt_inode(vol->fs, wrong, entry.at, index->ino);
            continue;
        }
        more = ntfs_listing_give(listing, &name, entry.reference,
                                 place << OFFSET_BITS |
                                 (entry.offset + entry.length));
        if (more)
            break;
    }
    return more;
}

/* Give the entries of the blocks from number FIRST on, in which those before
   offset FROM have been given. BUF has room for one block. */
static int blocks_list(struct ntfs_listing *listing, uint64_t first,
                       uint64_t from, uint8_t *buf)
{
    struct ntfs_volume *vol = listing->dir->vol;
    const struct ntfs_index *index = listing->dir->index;
    uint64_t number = first;
    struct ntfs_index_node node;
    int more;

    while ((more = ntfs_index_used(vol, index, &number)) > 0) {
        more = ntfs_index_block(vol, index, number, true, buf, &node);
        if (!more)
            more = node_list(listing, &node, number + 1,
                             number == first ? from : 0);
        if (more)
            break;
        number++;
    }
    return more;
}

int ntfs_index_list(struct ntfs_listing *listing, uint64_t cookie)
{
    const struct ntfs_index *index = listing->dir->index;
    struct shale_mem *mem = listing->dir->vol->fs->mem;
    uint64_t place = cookie >> OFFSET_BITS, from = cookie & OFFSET_MASK;
    struct ntfs_index_node root = ntfs_index_root(index);
    uint8_t *buf;
    int err = 0;

    if (place == 0) {
        err = node_list(listing, &root, 0, from);
        place = 1;
        from = 0;
    }
    if (err || place > index->block_count)
        return err;
    buf = shale_alloc(mem, index->block_size);
    if (!buf)
        return SHALE_ENOMEM;
    err = blocks_list(listing, place - 1, from, buf);
    shale_free(mem, buf, index->block_size);
    return err;
}

/* ---------------------------------------------------------- the operation */

int ntfs_iterate(struct shale_vnode *vn, uint64_t cookie,
                 shale_emit_fn *emit, void *context)
{
    const struct ntfs_dir dir = ntfs_dir_of((struct ntfs_vnode *)vn);
    struct shale_mem *mem = vn->fs->mem;
    struct ntfs_listing *listing;
    int err;

    if (!dir.index)
        return 0;
    listing = shale_alloc(mem, sizeof *listing);
    if (!listing)
        return SHALE_ENOMEM;
    listing->dir = &dir;
    listing->emit = emit;
    listing->context = context;
    err = dir.vol->options.recover
              ? dir.vol->extras.recovery->listing_recover(listing, cookie)
              : ntfs_index_list(listing, cookie);
    shale_free(mem, listing, sizeof *listing);
    return err;
}
