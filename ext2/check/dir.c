/*
 * dir.c - blocks of directories, and what their records lead to
 *
 * Blocks come in the volume's order, not in a directory's, and several at the
 * same time. So a block is judged by itself, and what it says about others
 * (names, parents, ranges of hashes) is taken down, to be judged when all have
 * been read.
 *
 * A record that breaks the rules of lengths ends its block: where the next one
 * begins is not known.
 */
#include "ext2/check/tree.h"
#include "memfn.h"

/* "Linear Directories": where a directory says what its entries are. */
static const uint8_t entry_types[16] = {
    [EXT2_S_IFREG >> 12] = 1, [EXT2_S_IFDIR >> 12] = 2,
    [EXT2_S_IFCHR >> 12] = 3, [EXT2_S_IFBLK >> 12] = 4,
    [EXT2_S_IFIFO >> 12] = 5, [EXT2_S_IFSOCK >> 12] = 6,
    [EXT2_S_IFLNK >> 12] = 7,
};

#define TYPE_DIR 2u

/* Of a record. */
#define LENGTHS_AT  offsetof(struct ext2_disk_dirent, rec_len)
#define LENGTH_AT   offsetof(struct ext2_disk_dirent, name_len)
#define TYPE_AT     offsetof(struct ext2_disk_dirent, file_type)
#define NAME_AT     sizeof(struct ext2_disk_dirent)

#define CRYPT_NAME_MIN 16u      /* bytes: one block of the cipher */

/* --------------------------------------------------------------- gathering */

/* CHILD, named at byte AT of the volume, has parent B's directory. */
static int parent_set(struct ext2_dir_block *b, uint32_t child, uint64_t at)
{
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct ext2_check_dir *dir;
    struct ext2_tree_link *link = NULL;
    bool first = false;

    ext2_check_dirs_lock(b->c);
    dir = ext2_check_dir_of(b->c, child);
    if (dir && dir->parent == 0) {
        dir->parent = b->ino;
        first = true;
    }
    ext2_check_dirs_unlock(b->c);
    if (!dir || first)
        return 0;

    check_lock(b->c->check, &tree->lock);
    link = ext2_table_add(&tree->links);
    if (link)
        *link = (struct ext2_tree_link){ child, b->ino, at };
    check_unlock(b->c->check, &tree->lock);
    return link ? 0 : SHALE_ENOMEM;
}

int ext2_dir_flush(struct ext2_dir_block *b)
{
    uint32_t files[sizeof b->named / sizeof b->named[0]];
    size_t count = 0;
    int err = 0;

    for (unsigned i = 0; i < b->count && !err; i++) {
        if (b->named[i].at == UINT32_MAX)
            files[count++] = b->named[i].ino;
        else
            /* A directory has a parent instead. */
            err = parent_set(b, b->named[i].ino, b->at + b->named[i].at);
    }
    if (!err && count > 0)
        err = ext2_check_names_count(b->c, files, count);
    b->count = 0;
    return err;
}

int ext2_dir_set_dotdot(struct ext2_dir_block *b, uint32_t ino)
{
    struct ext2_check_dir *dir;

    ext2_check_dirs_lock(b->c);
    dir = ext2_check_dir_of(b->c, b->ino);
    if (dir)
        dir->dotdot = ino;
    ext2_check_dirs_unlock(b->c);
    return 0;
}

/* ----------------------------------------------------------------- entries */

/* Tell if R's type is not WANT (0: whatever). */
static void check_type(struct ext2_dir_block *b, const struct ext2_record *r,
                       unsigned want)
{
    if (r->type == 0)
        return;                 /* "unknown", which anything may be */
    if (!b->c->super.filetype)
        ext2_tell_record_at(b, r, TYPE_AT, DIR_TYPE_SET, .other = r->ino,
                         .compared = true, .found = r->type);
    else if (want != 0 && r->type != want)
        ext2_tell_record_at(b, r, TYPE_AT, DIR_TYPE, .other = r->ino,
                            .compared = true, .expected = want,
                            .found = r->type);
}

/* Is R's name one that a file may have? */
static void check_name(struct ext2_dir_block *b, const struct ext2_record *r)
{
    if (r->len == 0) {
        ext2_tell_record_at(b, r, LENGTH_AT, NAME_EMPTY, .other = r->ino);
        return;
    }
    if (b->flags & EXT2_CHECK_CRYPT) {
        if (r->len < CRYPT_NAME_MIN)
            ext2_tell_record_at(b, r, LENGTH_AT, NAME_CRYPT, .other = r->ino,
                             .compared = true, .expected = CRYPT_NAME_MIN,
                             .found = r->len);
        return;
    }
    for (unsigned i = 0; i < r->len; i++) {
        if (r->name[i] == '\0' || r->name[i] == '/') {
            ext2_tell_record_at(b, r, NAME_AT + i, NAME_ILLEGAL,
                                .other = r->ino);
            return;
        }
    }
    if ((b->flags & EXT2_CHECK_CASEFOLD) && ext2_fold_is_strict(b->c) &&
        !ext2_fold_is_text(r->name, r->len))
        ext2_tell_record_at(b, r, NAME_AT, NAME_TEXT, .other = r->ino);
}

/* Files in an encrypted directory are encrypted, but for devices and such. */
static void check_crypt(struct ext2_dir_block *b, const struct ext2_record *r,
                        const struct ext2_check_info *info)
{
    unsigned type = info->type;

    if (!(b->flags & EXT2_CHECK_CRYPT) ||
        (type != EXT2_S_IFREG >> 12 && type != EXT2_S_IFDIR >> 12 &&
         type != EXT2_S_IFLNK >> 12))
        return;
    if (!(info->flags & EXT2_CHECK_CRYPT))
        ext2_tell_record(b, r, DIR_CRYPT, .other = r->ino);
    else if (!ext2_crypt_fits(b->c, b->ino, r->ino))
        ext2_tell_record(b, r, CRYPT_POLICY, .other = r->ino);
}

int ext2_dir_entry(struct ext2_dir_block *b, const struct ext2_record *r)
{
    const struct ext2_check_info *info;
    bool is_dir;

    if (r->ino == 0)
        return 0;
    if (ext2_record_is_dots(r)) {
        ext2_tell_record_at(b, r, NAME_AT, DIR_DOTS_AGAIN, .other = r->ino);
        return 0;
    }
    check_name(b, r);
    if (!ext2_check_is_plain(b->c, r->ino) && r->ino != EXT2_ROOT_INO) {
        ext2_tell_record(b, r, DIR_INODE, .other = r->ino,
                         .found = r->ino);
        return 0;
    }
    info = ext2_check_info_near(b->c, &b->window, r->ino);
    if (!info) {
        if (!ext2_check_is_unread(b->c, r->ino))
            ext2_tell_record(b, r, DIR_UNUSED, .other = r->ino);
        return 0;
    }
    is_dir = info->type == EXT2_S_IFDIR >> 12;
    if (!(info->flags & EXT2_CHECK_CLEAR)) {
        check_type(b, r, entry_types[info->type & 15]);
        check_crypt(b, r, info);
    }
    b->named[b->count].ino = r->ino;
    b->named[b->count].at = is_dir ? r->at : UINT32_MAX;
    b->count++;
    if (b->count == sizeof b->named / sizeof b->named[0])
        return ext2_dir_flush(b);
    return 0;
}

int ext2_dir_records(struct ext2_dir_block *b, uint32_t at)
{
    bool huge = b->size == 65536;
    struct ext2_record r;
    int more, err = 0;

    while ((more = ext2_record_get(b->bytes, at, b->end, huge, &r)) > 0) {
        err = ext2_dir_entry(b, &r);
        if (err)
            return err;
        at += r.length;
    }
    if (more < 0)
        ext2_tell_inode(b->c, DIR_RECORD,
                        b->at + at + (b->end - at > LENGTHS_AT ? LENGTHS_AT
                                                               : 0), b->ino,
                        .other = b->logical, .compared = true,
                        .expected = b->end - at, .found = r.length);
    b->broken |= more < 0;
    return 0;
}

/* ------------------------------------------------------------- "." and ".." */

/* R, the first or second record, is a name of LEN dots and no more. */
static bool is_dots(struct ext2_dir_block *b, const struct ext2_record *r,
                    unsigned len)
{
    if (!ext2_record_is_dots(r) || r->len != len)
        return false;
    /* The kernel of old took them for C's strings, and e2fsck still does. */
    if (r->name[len] != '\0')
        ext2_tell_record_at(b, r, NAME_AT + len, DIR_DOTS_END, .other = r->ino);
    check_type(b, r, TYPE_DIR);
    return true;
}

/*
 * The two first records of B, block 0 of a directory. Stores where the third
 * begins; B's end if there is none.
 */
static int check_dots(struct ext2_dir_block *b, uint32_t *next)
{
    bool huge = b->size == 65536;
    struct ext2_record r;
    int more = ext2_record_get(b->bytes, 0, b->end, huge, &r);

    *next = 0;
    if (more <= 0)
        return 0;               /* to be told by who comes next */
    if (!is_dots(b, &r, 1) || r.ino != b->ino)
        ext2_tell_block(b, DIR_DOT, .compared = true, .expected = b->ino,
                        .found = r.ino);
    *next = r.length;
    more = ext2_record_get(b->bytes, *next, b->end, huge, &r);
    if (more < 0)
        return 0;
    if (more == 0 || !is_dots(b, &r, 2) || r.ino == 0) {
        ext2_tell_block_at(b, *next, DIR_DOTDOT, .other = r.ino);
        *next += r.length;
        return 0;
    }
    *next += r.length;
    return ext2_dir_set_dotdot(b, r.ino);
}

/* ------------------------------------------------------------------- tails */

/* Where B, of a volume with checksums, has its own; NULL if it has none. */
static const uint8_t *tail_find(const struct ext2_dir_block *b)
{
    const uint8_t *tail = b->bytes + b->size - EXT2_TAIL;
    const struct ext2_disk_dirent *raw = (const struct ext2_disk_dirent *)tail;

    if (le32_get(raw->inode) != 0 || le16_get(raw->rec_len) != EXT2_TAIL ||
        raw->name_len != 0 || raw->file_type != EXT2_TAIL_TYPE)
        return NULL;
    return tail;
}

/* B's checksum, if all else is right: else it is wrong for a reason. */
static void check_tail(struct ext2_dir_block *b)
{
    const uint8_t *tail;
    uint32_t found, crc;

    if (!b->c->super.metadata_csum)
        return;
    tail = tail_find(b);
    if (!tail) {
        ext2_tell_block_at(b, b->size - EXT2_TAIL, DIR_NO_CHECKSUM,
                           .other = b->logical);
        return;
    }
    if (b->broken)
        return;
    found = le32_get(*(const le32 *)(tail + sizeof(struct ext2_disk_dirent)));
    crc = ext2_check_crc(b->c, b->seed, b->bytes, b->size - EXT2_TAIL);
    if (crc != found)
        ext2_tell_block_at(b, b->size - sizeof(le32), DIR_CHECKSUM,
                           .other = b->logical, .compared = true,
                           .expected = crc, .found = found);
}

/* ------------------------------------------------------------------ blocks */

/* Remember where B is. */
static int block_note(const struct ext2_dir_block *b)
{
    struct ext2_check *c = b->c;
    struct ext2_check_tree *tree = ext2_tree_of(c);
    struct ext2_tree_block *row;

    check_lock(c->check, &tree->lock);
    row = ext2_table_add(&tree->blocks);
    if (row)
        *row = (struct ext2_tree_block){ b->at >> c->super.block_shift, b->ino,
                                         b->logical };
    check_unlock(c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* B holds names, and nothing else. */
static int check_leaf(struct ext2_dir_block *b, bool indexed)
{
    uint32_t at = 0;
    int err = 0;

    if (b->c->super.metadata_csum && tail_find(b))
        b->end -= EXT2_TAIL;
    if (b->logical == 0)
        err = check_dots(b, &at);
    if (!err)
        err = ext2_dir_records(b, at);
    check_tail(b);
    if (!err)
        err = ext2_check_names_block(b);
    if (!err && indexed)
        err = ext2_htree_leaf(b);
    return err;
}

static int check_block(struct ext2_dir_block *b)
{
    uint32_t at;
    int err;

    if (!(b->flags & EXT2_CHECK_INDEXED))
        return check_leaf(b, false);
    if (b->logical == 0) {
        /* The record of ".." hides the index from whoever does not know it. */
        err = check_dots(b, &at);
        if (!err)
            err = ext2_dir_records(b, at);
        return err ? err : ext2_htree_root(b);
    }
    if (ext2_htree_is_node(b))
        return ext2_htree_node(b);
    return check_leaf(b, true);
}

/* Fill in how many blocks B's directory has. */
static void blocks_get(struct ext2_dir_block *b)
{
    const struct ext2_check_dir *dir;

    ext2_check_dirs_lock(b->c);
    dir = ext2_check_dir_of(b->c, b->ino);
    if (dir) {
        b->blocks = dir->blocks;
        b->found = dir->found;
    }
    ext2_check_dirs_unlock(b->c);
}

static int dir_block(struct check *check, const struct check_item *read,
                     uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    struct check_item own = *read, *item = &own;
    const struct ext2_check_info *info;
    struct ext2_dir_block b = {
        .c = c, .size = c->super.block_size, .end = c->super.block_size,
        .at = read->at, .bytes = bytes,
    };
    uint32_t ino;
    int err;

    check_done(check, 1);
    ext2_check_dir_settle(c, item);
    ino = b.ino = (uint32_t)item->tag[0];
    b.logical = (uint32_t)item->tag[1];
    b.seed = (uint32_t)item->tag[2];
    info = ext2_check_info_of(c, ino);
    b.flags = info ? info->flags : 0;
    if (!bytes) {
        ext2_check_lacks(&c->names_unread);
        check_tell(check, &check_codes[CHECK_READ], item->at,
                   &(const struct check_note){
                       .object = SHALE_OBJECT_INODE, .number = ino,
                       .other = item->at });
        return 0;
    }
    blocks_get(&b);
    err = block_note(&b);
    if (!err)
        err = ext2_fold_begin(c, b.flags, &b.folding);
    if (!err)
        err = check_block(&b);
    ext2_fold_end(c, b.folding);
    return err ? err : ext2_dir_flush(&b);
}

/* Tell if not all blocks of directory INO are there. */
static void check_hole(struct ext2_check *c, uint32_t ino,
                       const struct ext2_check_dir *dir)
{
    if (ext2_check_info_of(c, ino)->flags &
        (EXT2_CHECK_INLINE | EXT2_CHECK_CLEAR))
        return;
    if (dir->blocks == 0)
        ext2_tell_inode(c, DIR_EMPTY, EXT2_AT_INO(c, ino, size), ino,
                        .other = 0);
    else if (dir->found < dir->blocks)
        ext2_tell_inode(c, DIR_HOLE, EXT2_AT_INO(c, ino, block), ino,
                        .compared = true, .expected = dir->blocks,
                        .found = dir->found);
}

/* All directories' blocks are known. From now on their children count. */
static int check_holes(struct ext2_check *c)
{
    uint64_t ino = check_bits_next(c->dirs, 1, true);

    for (; ino < check_bits_size(c->dirs);
         ino = check_bits_next(c->dirs, ino + 1, true)) {
        struct ext2_check_dir *dir = ext2_check_dir_of(c, (uint32_t)ino);

        if (!dir)
            continue;
        check_hole(c, (uint32_t)ino, dir);
        dir->children = 0;
    }
    return check_going(c->check);
}

int ext2_check_dirs(struct ext2_check *c)
{
    int err;

    check_phase(c->check, "directories", check_queue_count(c->dir_blocks));
    ext2_crypt_sort(ext2_tree_of(c));
    ext2_tree_of(c)->entries_max = check_queue_count(c->dir_blocks);
    err = check_queue_run(c->dir_blocks, dir_block, c);
    if (!err)
        err = ext2_inline_dirs(c);
    if (!err)
        err = ext2_check_targets(c);
    if (!err)
        err = check_holes(c);
    if (!err)
        err = ext2_htree_finish(c);
    return err ? err : ext2_check_names_finish(c);
}

/* ---------------------------------------------------------------- the tree */

int ext2_check_tree_begin(struct ext2_check *c)
{
    struct ext2_check_tree *tree = check_zalloc(c->check, sizeof *tree);
    int err;

    if (!tree)
        return SHALE_ENOMEM;
    err = check_lock_init(c->check, &tree->lock);
    if (err) {
        check_free(c->check, tree, sizeof *tree);
        return err;
    }
    c->tree = tree;
    ext2_table_init(&tree->blocks, c->check, sizeof(struct ext2_tree_block));
    ext2_table_init(&tree->links, c->check, sizeof(struct ext2_tree_link));
    ext2_table_init(&tree->inlined, c->check, sizeof(uint32_t));
    ext2_crypt_begin(tree, c->check);
    ext2_htree_begin(tree, c->check);
    ext2_check_names_begin(tree, c->check);
    tree->targets = check_queue_create(c->check, c->super.block_size);
    return tree->targets ? 0 : SHALE_ENOMEM;
}

void ext2_check_tree_end(struct ext2_check *c)
{
    struct ext2_check_tree *tree = c->tree;

    if (!tree)
        return;
    check_queue_destroy(tree->targets);
    ext2_table_fini(&tree->blocks);
    ext2_table_fini(&tree->links);
    ext2_table_fini(&tree->inlined);
    ext2_table_fini(&tree->policies);
    ext2_htree_end(tree);
    ext2_check_names_end(tree);
    check_lock_fini(c->check, &tree->lock);
    check_free(c->check, tree, sizeof *tree);
    c->tree = NULL;
}

/* ------------------------------------------------------------- once more */

int ext2_tree_again(struct ext2_check *c, struct check_bits *wanted,
                    int (*handle)(struct check *check,
                                  const struct check_item *item,
                                  uint8_t *bytes, void *context),
                    void *context)
{
    const struct ext2_table *blocks = &ext2_tree_of(c)->blocks;
    struct check_queue *queue = check_queue_create(c->check,
                                                   c->super.block_size);
    int err = queue ? 0 : SHALE_ENOMEM;

    for (size_t i = 0; i < blocks->count && !err; i++) {
        const struct ext2_tree_block *row = ext2_table_at(blocks, i);
        const struct check_item item = {
            .at = ext2_check_at(c, row->block),
            .tag = { row->ino, row->logical },
        };

        if (!wanted || check_bits_has(wanted, row->ino))
            err = check_queue_add(queue, &item);
    }
    if (!err)
        err = check_queue_run(queue, handle, context);
    check_queue_destroy(queue);
    return err;
}
