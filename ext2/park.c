/*
 * park.c - what another file takes the place of is in lost+found meanwhile
 *
 * Where batches are not whole (see order.c), a file whose only name is given to
 * another has none for a moment; and while it is open still, nobody on the
 * volume says that it is to be freed. So first it gets a name in lost+found,
 * "#" and its number, as e2fsck would give it. That goes with the file, in
 * another batch: as in any removal, first the inode is dead and then the name
 * is gone.
 *
 * The record, with the length of the one before it, has to be in one sector. If
 * there is no lost+found, or no such room in it, or it has an index or such a
 * name already, which e2fsck may have given, it goes without: e2fsck asks about
 * a cut at just that moment. So it does if another directory has become
 * lost+found since the first use: only that one is searched without a table of
 * its names, which would not have these.
 *
 * Nobody else can do anything to that name: looked up, it is not there.
 */
#include "dir.h"
#include "write.h"

#define SECTOR 512u
#define NAME_ROOM 12u           /* "#4294967295" */

/* Write VN's name to NAME. Returns its length. */
static size_t name_make(const struct ext2_vnode *vn, char name[NAME_ROOM])
{
    uint32_t ino = (uint32_t)vn->base.ino;
    char digits[NAME_ROOM];
    size_t count = 0, len = 1;

    do
        digits[count++] = (char)('0' + ino % 10);
    while ((ino /= 10) > 0);
    name[0] = '#';
    while (count > 0)
        name[len++] = digits[--count];
    return len;
}

/* Read the directory INO of VOL. SHALE_ENOTDIR if it is none. */
static int dir_load(struct ext2_volume *vol, uint32_t ino,
                    struct ext2_vnode *out)
{
    int err;

    *out = (struct ext2_vnode){
        .base = { .fs = vol->fs, .ino = ino, .type = SHALE_TYPE_DIR },
        .fresh = true,
    };
    err = ext2_inode_load(vol, ino, &out->inode);
    if (err)
        return err;
    out->base.size = out->inode.size;
    return (out->inode.mode & SHALE_S_IFMT) == SHALE_S_IFDIR ? 0
                                                         : SHALE_ENOTDIR;
}

/* Read lost+found. It is not the vnode that others may have. */
static int lost_found_load(struct ext2_volume *vol, struct ext2_vnode *out)
{
    struct ext2_place place;
    int err = dir_load(vol, EXT2_ROOT_INO, out);

    if (!err)
        err = ext2_dir_find(out, "lost+found", 10, &place);
    if (err)
        return err;
    shale_buf_put(place.buf);
    return dir_load(vol, place.ino, out);
}

/* Memory for a directory, which a stack has no room for; or NULL. */
static struct ext2_vnode *dir_new(const struct ext2_volume *vol)
{
    return shale_alloc(vol->fs->mem, sizeof(struct ext2_vnode));
}

static void dir_free(const struct ext2_volume *vol, struct ext2_vnode *dir)
{
    shale_free(vol->fs->mem, dir, sizeof *dir);
}

/* Enter WHAT in BUF, a block of DIR, within a sector. 1, 0, or an error. */
static int block_enter(const struct ext2_vnode *dir, struct shale_buf *buf,
                       const struct ext2_new_name *what)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    uint32_t need = ext2_dirent_need(what->len);
    struct ext2_dirent entry = { .ino = 0 };

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);
        uint32_t taken;
        int err;

        if (wrong)
            return ext2_dir_bad_record(dir, buf, at, wrong);
        taken = entry.ino == 0 ? 0 : ext2_dirent_need(entry.name_len);
        if (entry.rec_len - taken < need ||
            at / SECTOR != (at + taken + need - 1) / SECTOR)
            continue;
        err = ext2_dir_change(dir, buf);
        if (err)
            return err;
        ext2_dirent_encode(super, buf->data + at + taken,
                           entry.rec_len - taken, what);
        if (taken > 0)
            ext2_dirent_set_length(buf->data + at, taken);
        return 1;
    }
    return 0;
}

/* Enter WHAT, a name of VN, in DIR if it has room for it. */
static int dir_enter(struct ext2_vnode *dir, struct ext2_vnode *vn,
                     const struct ext2_new_name *what)
{
    struct ext2_walk walk;
    int done = shale_tx_save(dir->base.fs->tx, &vn->parked_in,
                             sizeof vn->parked_in);
    int more;

    if (done)
        return done;
    more = ext2_walk_start(&walk, dir, 0);
    while (more >= 0 && done == 0) {
        struct shale_buf *buf;
        uint64_t index;

        more = ext2_walk_next(&walk, &index, &buf);
        if (more <= 0)
            break;
        done = block_enter(dir, buf, what);
        shale_buf_put(buf);
    }
    if (done > 0)
        vn->parked_in = (uint32_t)dir->base.ino;
    return more < 0 ? more : done < 0 ? done : 0;
}

/* Can DIR, lost+found, get the name WHAT? 1, 0 or an error. */
static int can_enter(struct ext2_volume *vol, struct ext2_vnode *dir,
                     const struct ext2_new_name *what)
{
    uint32_t ino = (uint32_t)dir->base.ino;
    struct ext2_place place;
    int err;

    if ((dir->inode.flags & EXT2_INODE_INDEX) ||
        (vol->parks_in != 0 && vol->parks_in != ino))
        return 0;
    err = ext2_dir_find(dir, what->name, what->len, &place);
    if (err == SHALE_ENOENT) {
        vol->parks_in = ino;
        return 1;
    }
    if (!err)
        shale_buf_put(place.buf);
    return err;
}

int ext2_park(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    char name[NAME_ROOM];
    const struct ext2_new_name what = {
        name, name_make(vn, name), (uint32_t)vn->base.ino, vn->base.type,
    };
    struct ext2_vnode *dir = dir_new(vol);
    int err;

    if (!dir)
        return SHALE_ENOMEM;
    err = lost_found_load(vol, dir);
    if (err)                    /* no lost+found is no fault */
        err = err == SHALE_ENOMEM || err == SHALE_EIO ? err : 0;
    else
        err = can_enter(vol, dir, &what);
    if (err > 0)
        err = dir_enter(dir, vn, &what);
    dir_free(vol, dir);
    return err;
}

/* Remove the NAME of VN from DIR, where it is to be found. */
static int dir_leave(struct ext2_vnode *dir, const struct ext2_vnode *vn,
                     const char *name, size_t len)
{
    struct ext2_place place;
    uint32_t room;
    int err = dir_load(ext2_volume_of(vn->base.fs), vn->parked_in, dir);

    if (!err)
        err = ext2_dir_find(dir, name, len, &place);
    if (err)
        return err;
    if (place.ino == vn->base.ino)
        err = ext2_block_remove(dir, &place, false, &room);
    shale_buf_put(place.buf);
    return err;
}

int ext2_unpark(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    char name[NAME_ROOM];
    size_t len = name_make(vn, name);
    struct ext2_vnode *dir;
    int err;

    if (vn->parked_in == 0)
        return 0;
    dir = dir_new(vol);
    if (!dir)
        return SHALE_ENOMEM;
    err = shale_tx_save(vol->fs->tx, &vn->parked_in, sizeof vn->parked_in);
    if (!err)
        err = dir_leave(dir, vn, name, len);
    dir_free(vol, dir);
    /* Where the directory is damaged, or the name gone, it stays as it is. */
    if (!err || err == SHALE_ENOENT || err == SHALE_ECORRUPT)
        vn->parked_in = 0;
    return err == SHALE_ENOENT ? 0 : err;
}
