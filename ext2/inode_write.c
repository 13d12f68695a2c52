/*
 * inode_write.c - inodes: their bytes from what they mean, and setattr
 *
 * An inode is changed in memory and then encoded over the one on the volume,
 * of which the fields that nobody here knows stay as they are. How precise a
 * time can be depends on the inode (those of 128 bytes have 32 bits of
 * seconds and no more), and is applied when the time is set: what is in
 * memory is what will be read back.
 */
#include "memfn.h"
#include "write.h"
#include "xattr.h"

/* Whether a field ends within the EXTRA bytes that are in use. */
#define EXTRA_HAS(extra, field)                                     \
    ((extra) >= offsetof(struct ext2_disk_inode_extra, field) + sizeof(le32))

/* Links and time of deletion: they say whether the inode is in use. */
#define LIFE_OFFSET offsetof(struct ext2_disk_inode, dtime)
#define LIFE_END    (offsetof(struct ext2_disk_inode, links) + sizeof(le16))

#define CAPABILITY "security.capability"

_Static_assert(LIFE_END - LIFE_OFFSET <= SHALE_TX_LATE_MAX,
               "links and dtime go in one late change");

/* ----------------------------------------------------------------- times */

/* As on Linux. Two bits of epoch make it 2446. */
struct shale_time ext2_time_fit(struct shale_time time, bool extra)
{
    const int64_t first = INT32_MIN;
    const int64_t last = extra ? ((int64_t)3 << 32) + INT32_MAX : INT32_MAX;

    /* As the kernel: no fraction of the first and the last one. */
    if (time.sec <= first)
        return (struct shale_time){ .sec = first };
    if (time.sec >= last)
        return (struct shale_time){ .sec = last };
    if (!extra)
        time.nsec = 0;
    return time;
}

le32 ext2_time_seconds(struct shale_time time)
{
    return le32_make((uint32_t)(uint64_t)time.sec);
}

le32 ext2_time_extra(struct shale_time time)
{
    int64_t low = (int32_t)(uint32_t)(uint64_t)time.sec;
    uint32_t epoch = (uint32_t)((uint64_t)(time.sec - low) >> 32) & 3;

    return le32_make(time.nsec << 2 | epoch);
}

void ext2_vnode_touch(struct ext2_vnode *vn, unsigned times)
{
    struct ext2_inode *inode = &vn->inode;
    struct shale_time now = shale_now(vn->base.fs);

    if (times & EXT2_ATIME)
        inode->atime = ext2_time_fit(now, EXTRA_HAS(inode->extra, atime_extra));
    if (times & EXT2_MTIME)
        inode->mtime = ext2_time_fit(now, EXTRA_HAS(inode->extra, mtime_extra));
    if (times & EXT2_CTIME)
        inode->ctime = ext2_time_fit(now, EXTRA_HAS(inode->extra, ctime_extra));
}

/* ---------------------------------------------------------------- encode */

static void extra_part_encode(const struct ext2_inode *inode, uint8_t *bytes)
{
    struct ext2_disk_inode_extra *extra =
        (struct ext2_disk_inode_extra *)(bytes + EXT2_GOOD_OLD_INODE);

    if (EXTRA_HAS(inode->extra, ctime_extra))
        extra->ctime_extra = ext2_time_extra(inode->ctime);
    if (EXTRA_HAS(inode->extra, mtime_extra))
        extra->mtime_extra = ext2_time_extra(inode->mtime);
    if (EXTRA_HAS(inode->extra, atime_extra))
        extra->atime_extra = ext2_time_extra(inode->atime);
    if (EXTRA_HAS(inode->extra, crtime))
        extra->crtime = ext2_time_seconds(inode->btime);
    if (EXTRA_HAS(inode->extra, crtime_extra))
        extra->crtime_extra = ext2_time_extra(inode->btime);
}

/* Can INODE's blocks be counted? */
static bool allocated_fits(const struct ext2_volume *vol,
                           const struct ext2_inode *inode)
{
    return (vol->super.ro_compat & EXT2_RO_COMPAT_HUGE_FILE) ||
           inode->allocated / 512 <= UINT32_MAX;
}

/* As allocated_decode() in inode.c reads it. */
static void allocated_encode(const struct ext2_volume *vol,
                             const struct ext2_inode *inode,
                             struct ext2_disk_inode *raw)
{
    bool huge = vol->super.ro_compat & EXT2_RO_COMPAT_HUGE_FILE;
    uint64_t blocks = inode->allocated / 512;

    if (huge && (inode->flags & EXT2_INODE_HUGE_FILE))
        blocks = inode->allocated >> vol->super.block_shift;
    raw->blocks = le32_make((uint32_t)blocks);
    if (huge)
        raw->blocks_high = le16_make((uint16_t)(blocks >> 32));
}

/* Encode INODE over BYTES; fields that it does not know stay. */
static void inode_encode(const struct ext2_volume *vol,
                         const struct ext2_inode *inode, uint8_t *bytes)
{
    struct ext2_disk_inode *raw = (struct ext2_disk_inode *)bytes;

    raw->mode = le16_make((uint16_t)inode->mode);
    raw->links = le16_make((uint16_t)inode->links);
    raw->uid = le16_make((uint16_t)inode->uid);
    raw->uid_high = le16_make((uint16_t)(inode->uid >> 16));
    raw->gid = le16_make((uint16_t)inode->gid);
    raw->gid_high = le16_make((uint16_t)(inode->gid >> 16));
    raw->size = le32_make((uint32_t)inode->size);
    if ((inode->mode & SHALE_S_IFMT) == SHALE_S_IFREG)
        raw->size_high = le32_make((uint32_t)(inode->size >> 32));
    raw->atime = ext2_time_seconds(inode->atime);
    raw->mtime = ext2_time_seconds(inode->mtime);
    raw->ctime = ext2_time_seconds(inode->ctime);
    raw->flags = le32_make(inode->flags);
    raw->generation = le32_make(inode->generation);
    raw->acl_block = le32_make(inode->acl_block);
    memcpy(raw->block, inode->block, sizeof raw->block);
    allocated_encode(vol, inode, raw);
    if (inode->extra > 0)
        extra_part_encode(inode, bytes);
}

/* ---------------------------------------------------------- note, store */

int ext2_vnode_note(struct ext2_vnode *vn)
{
    struct shale_tx *tx = vn->base.fs->tx;
    int err;

    if (vn->fresh)
        return 0;
    err = shale_tx_save(tx, &vn->inode, sizeof vn->inode);
    if (!err)
        err = shale_tx_save(tx, &vn->base.size, sizeof vn->base.size);
    if (!err)
        err = shale_tx_save(tx, &vn->base.links, sizeof vn->base.links);
    if (!err)
        err = shale_tx_save(tx, &vn->base.protection,
                            sizeof vn->base.protection);
    return err;
}

/*
 * An inode that was made by something that knew only its first 128 bytes has
 * room that nobody uses: from now on it is used.
 */
static void extra_claim(const struct ext2_volume *vol, uint64_t ino,
                        struct ext2_inode *inode, uint8_t *bytes)
{
    uint32_t room = vol->super.inode_size - EXT2_GOOD_OLD_INODE;
    struct ext2_disk_inode_extra *extra;

    if (inode->extra > 0 || room < EXT2_EXTRA_ISIZE ||
        ino < vol->super.first_ino)
        return;
    extra = (struct ext2_disk_inode_extra *)(bytes + EXT2_GOOD_OLD_INODE);
    if (le16_get(extra->extra_isize) != 0)
        return;                 /* garbage; see extra_decode() in inode.c */
    memset(extra, 0, room);
    extra->extra_isize = le16_make(EXT2_EXTRA_ISIZE);
    inode->extra = EXT2_EXTRA_ISIZE;
    inode->body = EXT2_GOOD_OLD_INODE + EXT2_EXTRA_ISIZE;
}

/* Pin the block that VN's inode is in, to be changed; it is at *OFFSET. */
static int inode_open(struct ext2_vnode *vn, struct shale_buf **out,
                      size_t *offset)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    int err = ext2_inode_get(vol, vn->base.ino, out, offset);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, *out, SHALE_RANK_NODE);
    if (err)
        shale_buf_put(*out);
    return err;
}

int ext2_vnode_store(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct shale_buf *buf;
    size_t offset;
    int err;

    if (!allocated_fits(vol, &vn->inode))
        return SHALE_EFBIG;
    err = inode_open(vn, &buf, &offset);
    if (err)
        return err;
    extra_claim(vol, vn->base.ino, &vn->inode, buf->data + offset);
    inode_encode(vol, &vn->inode, buf->data + offset);
    if (vn->parked_in != 0 && vn->inode.links == 0)
        ((struct ext2_disk_inode *)(buf->data + offset))->links = le16_make(1);
    shale_buf_put(buf);
    /* A file's size is read without the volume's lock, with the file's: who
       has the volume's alone does not change it. */
    if (vn->base.size != vn->inode.size)
        vn->base.size = vn->inode.size;
    vn->base.links = vn->inode.links;
    __atomic_store_n(&vn->base.protection, ext2_inode_protection(&vn->inode),
                     __ATOMIC_RELAXED);
    return 0;
}

int ext2_touch(struct ext2_vnode *vn, unsigned times)
{
    int err = ext2_vnode_note(vn);

    if (err)
        return err;
    ext2_vnode_touch(vn, times);
    return ext2_vnode_store(vn);
}

/* ------------------------------------------------------- create, clear */

/* The flags that a file of MODE can have. */
static uint32_t flags_of_mode(uint32_t mode)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFDIR:
        return UINT32_MAX;
    case SHALE_S_IFREG:
        return ~(EXT2_INODE_DIRSYNC | EXT2_INODE_TOPDIR);
    default:
        return EXT2_INODE_NODUMP | EXT2_INODE_NOATIME;
    }
}

/*
 * Encode a device's number as device_decode() in inode.c reads it, and as the
 * kernel does: in the old form, if it fits.
 */
static int device_encode(const struct shale_node *node, struct ext2_inode *out)
{
    uint32_t major = node->rdev_major, minor = node->rdev_minor;

    if (major > 0xfff || minor > 0xfffff)
        return SHALE_EINVAL;
    if (major <= 0xff && minor <= 0xff)
        out->block[0] = le32_make(major << 8 | minor);
    else
        out->block[1] = le32_make((minor & 0xff) | major << 8 |
                                  (minor & 0xfff00) << 12);
    return 0;
}

int ext2_inode_init(const struct ext2_vnode *dir,
                    const struct shale_node *node, struct ext2_inode *out)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    uint32_t type = node->mode & SHALE_S_IFMT;
    bool extra = vol->super.inode_size >=
                 EXT2_GOOD_OLD_INODE + EXT2_EXTRA_ISIZE;

    *out = (struct ext2_inode){
        .mode = node->mode & (SHALE_S_IFMT | 07777),
        .links = type == SHALE_S_IFDIR ? 2 : 1,
        .uid = node->uid,
        .gid = node->gid,
        .flags = dir->inode.flags & EXT2_INODE_INHERITED &
                 flags_of_mode(node->mode),
    };
    if (dir->inode.mode & SHALE_S_ISGID) {
        out->gid = dir->inode.gid;
        if (type == SHALE_S_IFDIR)
            out->mode |= SHALE_S_ISGID;
    }
    out->btime = ext2_time_fit(shale_now(dir->base.fs), extra);
    out->atime = out->mtime = out->ctime = out->btime;
    if (type == SHALE_S_IFCHR || type == SHALE_S_IFBLK)
        return device_encode(node, out);
    return 0;
}

/*
 * A generation that the last file with this number did not have, and that
 * cannot be told from the number alone.
 */
static uint32_t generation_choose(const struct ext2_volume *vol, uint32_t ino,
                                  uint32_t last)
{
    struct shale_time now = shale_now(vol->fs);
    uint64_t mix = (uint64_t)now.sec << 30 ^ now.nsec ^ (uint64_t)ino << 32 ^
                   last;

    mix = (mix ^ mix >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ mix >> 27) * UINT64_C(0x94d049bb133111eb);
    mix ^= mix >> 31;
    return (uint32_t)mix != last ? (uint32_t)mix : last + 1;
}

int ext2_inode_create(struct ext2_volume *vol, uint32_t ino,
                      struct ext2_inode *inode)
{
    uint32_t room = vol->super.inode_size - EXT2_GOOD_OLD_INODE;
    struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    size_t offset;
    int err = ext2_inode_get(vol, ino, &buf, &offset);

    if (err)
        return err;
    /* Until its name is there, too, the inode is dead: if that is as far as it
       gets, e2fsck clears the name without asking. See order.c, (4). */
    err = shale_tx_change_late(vol->fs->tx, buf, offset + LIFE_OFFSET,
                               LIFE_END - LIFE_OFFSET, SHALE_RANK_NODE);
    if (!err)
        err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (err)
        goto put;

    raw = (struct ext2_disk_inode *)(buf->data + offset);
    inode->at = ext2_block_at(vol, buf->block) + offset;
    inode->generation = generation_choose(vol, ino, le32_get(raw->generation));
    inode->extra = 0;
    inode->body = vol->super.inode_size;
    memset(raw, 0, vol->super.inode_size);
    if (room >= EXT2_EXTRA_ISIZE) {
        inode->extra = EXT2_EXTRA_ISIZE;
        inode->body = EXT2_GOOD_OLD_INODE + EXT2_EXTRA_ISIZE;
        ((struct ext2_disk_inode_extra *)(raw + 1))->extra_isize =
            le16_make(EXT2_EXTRA_ISIZE);
    }
    inode_encode(vol, inode, buf->data + offset);
put:
    shale_buf_put(buf);
    return err;
}

int ext2_inode_clear(struct ext2_vnode *vn)
{
    const struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct shale_time now = ext2_time_fit(shale_now(vn->base.fs), false);
    struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    size_t offset;
    int err = ext2_vnode_note(vn);

    if (err)
        return err;
    vn->inode.links = 0;
    vn->inode.size = 0;
    err = ext2_vnode_store(vn);
    if (!err)
        err = inode_open(vn, &buf, &offset);
    if (err)
        return err;
    /* e2fsck wants to know when; it takes what could be an inode's number for
       the next one in the list of orphans. */
    if (now.sec < vol->super.inode_count)
        now.sec = vol->super.inode_count;
    raw = (struct ext2_disk_inode *)(buf->data + offset);
    raw->dtime = ext2_time_seconds(now);
    shale_buf_put(buf);
    return 0;
}

/* --------------------------------------------------------------- setattr */

int ext2_may_change(const struct ext2_vnode *vn)
{
    return vn->inode.flags & (EXT2_INODE_IMMUTABLE | EXT2_INODE_APPEND)
               ? SHALE_EPERM : 0;
}

int ext2_may_add(const struct ext2_vnode *vn)
{
    return vn->inode.flags & EXT2_INODE_IMMUTABLE ? SHALE_EPERM : 0;
}

/* Is it but a note that the file has been read? */
static bool is_read_note(const struct shale_setattr *what)
{
    return what->valid == (SHALE_SET_ATIME | SHALE_SET_CTIME);
}

/*
 * What the flags of VN forbid; they themselves can always be changed. What has
 * been appended to has a new time, but nobody chooses one.
 */
static int setattr_check(const struct ext2_vnode *vn,
                         const struct shale_setattr *what)
{
    const unsigned owned = SHALE_SET_MODE | SHALE_SET_UID | SHALE_SET_GID;
    const unsigned times = SHALE_SET_ATIME | SHALE_SET_MTIME | SHALE_SET_BTIME;

    if (is_read_note(what))
        return 0;
    if (what->valid & owned ||
        (what->valid & times && !(what->valid & SHALE_SET_NOW)))
        return ext2_may_change(vn);
    return what->valid & (times | SHALE_SET_WRITTEN) ? ext2_may_add(vn) : 0;
}

/*
 * Who owns it now did not ask for the file to be run with the owner's rights:
 * as on Linux, for the superuser too.
 */
static int owner_set(struct ext2_vnode *vn, const struct shale_setattr *what)
{
    struct ext2_inode *inode = &vn->inode;

    if (what->valid & SHALE_SET_UID)
        inode->uid = what->uid;
    if (what->valid & SHALE_SET_GID)
        inode->gid = what->gid;
    if (vn->base.type == SHALE_TYPE_DIR)
        return 0;
    inode->mode &= ~SHALE_S_ISUID;
    if (inode->mode & 0010)
        inode->mode &= ~SHALE_S_ISGID;
    return ext2_xattr_forget(vn, CAPABILITY);
}

static int times_set(struct ext2_vnode *vn, const struct shale_setattr *what)
{
    struct ext2_inode *inode = &vn->inode;
    uint32_t extra = inode->extra;

    if (what->valid & SHALE_SET_ATIME)
        inode->atime = ext2_time_fit(what->atime,
                                     EXTRA_HAS(extra, atime_extra));
    if (what->valid & SHALE_SET_MTIME)
        inode->mtime = ext2_time_fit(what->mtime,
                                     EXTRA_HAS(extra, mtime_extra));
    /* With the time of a read alone it is what it was: or has it moved on? */
    if (is_read_note(what) &&
        (what->ctime.sec < inode->ctime.sec ||
         (what->ctime.sec == inode->ctime.sec &&
          what->ctime.nsec < inode->ctime.nsec)))
        return 0;
    if (what->valid & SHALE_SET_CTIME)
        inode->ctime = ext2_time_fit(what->ctime,
                                     EXTRA_HAS(extra, ctime_extra));
    else
        ext2_vnode_touch(vn, EXT2_CTIME);
    if (!(what->valid & SHALE_SET_BTIME))
        return 0;
    if (!EXTRA_HAS(extra, crtime))
        return SHALE_EPERM;
    inode->btime = ext2_time_fit(what->btime, EXTRA_HAS(extra, crtime_extra));
    return 0;
}

static void flags_set(struct ext2_inode *inode, uint32_t flags)
{
    inode->flags = (inode->flags & ~EXT2_INODE_MODIFIABLE) |
                   (flags & EXT2_INODE_MODIFIABLE &
                    flags_of_mode(inode->mode));
}

int ext2_setattr(struct shale_vnode *base, const struct shale_setattr *what)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    int err = setattr_check(vn, what);

    if (!err)
        err = ext2_vnode_note(vn);
    if (!err && (what->valid & (SHALE_SET_UID | SHALE_SET_GID)))
        err = owner_set(vn, what);
    if (!err && (what->valid & SHALE_SET_WRITTEN))
        err = ext2_xattr_forget(vn, CAPABILITY);
    if (!err && (what->valid & SHALE_SET_MODE)) {
        vn->inode.mode = (vn->inode.mode & SHALE_S_IFMT) |
                         (what->mode & 07777);
        err = ext2_acl_chmod(vn);
    }
    if (!err && (what->valid & SHALE_SET_FLAGS))
        flags_set(&vn->inode, what->flags);
    if (!err)
        err = times_set(vn, what);
    return err ? err : ext2_vnode_store(vn);
}
