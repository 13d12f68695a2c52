/*
 * path.c - the paths of inodes, for findings about them
 *
 * No names are kept while a volume is checked; most need none. So the blocks of
 * directories are read again: once, where anything but directories is wanted,
 * for its name and the directory which that is in; and once more for the names
 * of the directories from there to the root, of which the parents are known.
 */
#include "ext2/check/tree.h"
#include "memfn.h"

#define PATH_MAX_BYTES 4096u    /* of a path, which is cut at its beginning */
#define DEPTH_MAX      1024u    /* directories that it leads through */

/* An inode whose name is wanted. */
struct name_row {
    uint32_t ino;
    uint32_t parent;            /* who has the name; 0: not yet found */
    uint64_t at;                /* byte of the volume of its record */
    uint8_t *name;              /* memory of len bytes; NULL: not yet found */
    uint8_t len;
};

struct search {
    struct ext2_check *c;
    struct ext2_table rows;     /* struct name_row, sorted */
    struct check_bits *wanted;  /* inodes that have a row */
    struct check_bits *where;   /* directories to look in */
    struct check_lock lock;     /* of the rows */
};

static int compare_rows(const void *a, const void *b)
{
    const struct name_row *x = a, *y = b;

    return ext2_order(x->ino, y->ino);
}

static struct name_row *row_find(const struct search *s, uint32_t ino)
{
    const struct name_row key = { .ino = ino };
    size_t at = ext2_table_find(&s->rows, &key, compare_rows);
    struct name_row *row;

    if (at == s->rows.count)
        return NULL;
    row = ext2_table_at(&s->rows, at);
    return row->ino == ino ? row : NULL;
}

/* INO's name is wanted. */
static int want(struct search *s, uint32_t ino)
{
    struct name_row *row;
    uint64_t already;
    int err;

    if (!ext2_check_is_ino(s->c, ino))
        return 0;
    err = check_bits_add(s->wanted, ino, 1, &already);
    if (err || already > 0)
        return err;
    row = ext2_table_add(&s->rows);
    if (!row)
        return SHALE_ENOMEM;
    *row = (struct name_row){ .ino = ino };
    return 0;
}

/* The names of directory INO and of all above it are wanted. */
static int want_dirs(struct search *s, uint32_t ino)
{
    int err = 0;

    for (unsigned depth = 0; depth < DEPTH_MAX && !err; depth++) {
        const struct ext2_check_dir *dir = ext2_check_dir_of(s->c, ino);

        if (!dir || ino == EXT2_ROOT_INO || dir->parent == 0 ||
            check_bits_has(s->wanted, ino))
            break;
        err = want(s, ino);
        if (!err)
            err = check_bits_add(s->where, dir->parent, 1, NULL);
        ino = dir->parent;
    }
    return err;
}

/* R, in directory INO, at byte AT of the volume, is the name of ROW, if that
   has none yet that comes first: whoever is read first. */
static int take_name(struct search *s, uint32_t ino, struct name_row *row,
                     const struct ext2_record *r, uint64_t at)
{
    const struct ext2_check_dir *dir = ext2_check_dir_of(s->c, row->ino);
    uint8_t *name;

    if (row->ino == EXT2_ROOT_INO || (dir && dir->parent != ino))
        return 0;
    if (row->name && (row->parent < ino ||
                      (row->parent == ino && row->at <= at)))
        return 0;
    name = check_alloc(s->c->check, r->len);
    if (!name)
        return SHALE_ENOMEM;
    memcpy(name, r->name, r->len);
    if (row->name)
        check_free(s->c->check, row->name, row->len);
    row->name = name;
    row->len = r->len;
    row->parent = ino;
    row->at = at;
    return 0;
}

/* Look for wanted names among the records of directory INO, SIZE bytes that are
   at AT of the volume. */
static int search_records(struct search *s, uint32_t ino, const uint8_t *bytes,
                          uint32_t size, uint64_t at)
{
    struct ext2_record r = { .at = 0 };
    int err = 0;

    while (!err && ext2_record_get(bytes, r.at, size, size == 65536, &r) > 0) {
        if (r.len > 0 && ext2_check_is_ino(s->c, r.ino) &&
            check_bits_has(s->wanted, r.ino) && !ext2_record_is_dots(&r)) {
            check_lock(s->c->check, &s->lock);
            err = take_name(s, ino, row_find(s, r.ino), &r, at + r.at);
            check_unlock(s->c->check, &s->lock);
        }
        r.at += r.length;
    }
    return err;
}

static int search_block(struct check *check, const struct check_item *item,
                        uint8_t *bytes, void *context)
{
    struct search *s = context;

    (void)check;
    if (!bytes)
        return 0;
    return search_records(s, (uint32_t)item->tag[0], bytes,
                          s->c->super.block_size, item->at);
}

/* What is handed to search_piece(). */
struct piece_search {
    struct search *s;
    struct check_bits *where;   /* or NULL: everywhere */
};

static int search_piece(const struct ext2_check_inode *inode, uint8_t *bytes,
                        uint32_t size, uint64_t at, void *context)
{
    const struct piece_search *piece = context;

    if (piece->where && !check_bits_has(piece->where, inode->ino))
        return 0;
    return search_records(piece->s, inode->ino, bytes, size, at);
}

/* One round, in WHERE or everywhere. */
static int search_round(struct search *s, struct check_bits *where)
{
    struct piece_search piece = { s, where };
    int err;

    ext2_table_sort(&s->rows, compare_rows);
    err = ext2_tree_again(s->c, where, search_block, s);
    return err ? err : ext2_inline_each(s->c, search_piece, &piece);
}

/* Names in the first round, parents of those that have one in the second. */
static int search_all(struct search *s, const struct check_path *paths,
                      size_t count)
{
    bool files = false;
    size_t rows;
    int err = 0;

    for (size_t i = 0; i < count && !err; i++) {
        uint32_t ino = (uint32_t)paths[i].number;

        if (paths[i].object != SHALE_OBJECT_INODE || paths[i].number != ino)
            continue;
        if (ext2_check_dir_of(s->c, ino)) {
            err = want_dirs(s, ino);
        } else {
            err = want(s, ino);
            files = true;
        }
    }
    if (!err && s->rows.count > 0)
        err = search_round(s, files ? NULL : s->where);
    if (!files || err)
        return err;

    rows = s->rows.count;
    check_bits_remove(s->where, 0, check_bits_size(s->where));
    for (size_t i = 0; i < rows && !err; i++) {
        const struct name_row *row = ext2_table_at(&s->rows, i);

        if (row->name)
            err = want_dirs(s, row->parent);
    }
    if (!err && s->rows.count > rows)
        err = search_round(s, s->where);
    return err;
}

/* ---------------------------------------------------------------- telling */

/* Put the names from INO up to the root together, from the end of TEXT. */
static int path_make(const struct search *s, struct check_path *path,
                     char *text)
{
    uint32_t ino = (uint32_t)path->number;
    size_t at = PATH_MAX_BYTES;

    if (ino == EXT2_ROOT_INO)
        return check_path_set(s->c->check, path, "/", 1);
    for (unsigned depth = 0; depth < DEPTH_MAX && ino != EXT2_ROOT_INO;
         depth++) {
        const struct name_row *row = row_find(s, ino);

        if (!row || !row->name || row->len + 1u > at)
            return 0;
        at -= row->len;
        memcpy(text + at, row->name, row->len);
        text[--at] = '/';
        ino = row->parent;
    }
    if (ino != EXT2_ROOT_INO)
        return 0;
    return check_path_set(s->c->check, path, text + at, PATH_MAX_BYTES - at);
}

static int paths_make(const struct search *s, struct check_path *paths,
                      size_t count)
{
    char *text = check_alloc(s->c->check, PATH_MAX_BYTES);
    int err = text ? 0 : SHALE_ENOMEM;

    for (size_t i = 0; i < count && !err; i++) {
        if (paths[i].object == SHALE_OBJECT_INODE)
            err = path_make(s, &paths[i], text);
    }
    if (text)
        check_free(s->c->check, text, PATH_MAX_BYTES);
    return err;
}

static void rows_free(struct search *s)
{
    for (size_t i = 0; i < s->rows.count; i++) {
        struct name_row *row = ext2_table_at(&s->rows, i);

        if (row->name)
            check_free(s->c->check, row->name, row->len);
    }
    ext2_table_fini(&s->rows);
}

int ext2_check_paths(struct check *check, struct check_path *paths,
                     size_t count)
{
    struct ext2_check *c = ext2_check_of(check);
    uint64_t inodes;
    struct search s = { .c = c };
    int err;

    if (!c || !c->tree)
        return 0;
    inodes = (uint64_t)c->super.inode_count + 1;
    ext2_table_init(&s.rows, check, sizeof(struct name_row));
    err = check_lock_init(check, &s.lock);
    if (err)
        return err;
    s.wanted = check_bits_create(check, inodes);
    s.where = check_bits_create(check, inodes);
    err = s.wanted && s.where ? 0 : SHALE_ENOMEM;
    if (!err)
        err = search_all(&s, paths, count);
    if (!err)
        err = paths_make(&s, paths, count);
    rows_free(&s);
    check_bits_destroy(s.wanted);
    check_bits_destroy(s.where);
    check_lock_fini(check, &s.lock);
    return err;
}
