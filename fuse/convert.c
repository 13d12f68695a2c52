/*
 * convert.c - Shale's answers in the kernel's terms
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fuse_lowlevel.h>

#include "fuse/daemon.h"

#define SHOWN_FOR_0 ((uint64_t)1 << 63)

uint64_t convert_ino(uint64_t ino)
{
    return ino == 0 ? SHOWN_FOR_0 : ino;
}

uint64_t convert_node(uint64_t root_ino, uint64_t number)
{
    if (number == root_ino)
        return FUSE_ROOT_ID;
    if (number == FUSE_ROOT_ID)
        return root_ino;
    return number == SHOWN_FOR_0 ? 0 : convert_ino(number);
}

static struct timespec convert_time(struct shale_time time)
{
    return (struct timespec){ .tv_sec = (time_t)time.sec,
                              .tv_nsec = (long)time.nsec };
}

static mode_t convert_mode(const struct mount_options *options, uint32_t mode)
{
    uint32_t type = mode & SHALE_S_IFMT;
    bool dir = type == SHALE_S_IFDIR;
    uint32_t mask = dir ? options->dir_mask : options->file_mask;

    /* One set of permissions for everybody: the owner's bits stand for it. */
    if (options->no_owners)
        return type | ((mode >> 6 & 7) * 0111 & ~mask);
    if (type == SHALE_S_IFLNK)
        return mode;
    if (dir ? options->has_dir_mask : options->has_file_mask)
        mode = type | (0777 & ~mask);
    return mode;
}

void convert_attr(const struct mount_options *options,
                  const struct shale_attr *attr, struct stat *out)
{
    bool own = options->fakeroot && !options->no_owners;

    *out = (struct stat){
        .st_ino = convert_ino(attr->ino),
        .st_mode = convert_mode(options, attr->mode),
        .st_nlink = attr->links,
        .st_uid = options->has_uid && !own ? options->uid : attr->uid,
        .st_gid = options->has_gid && !own ? options->gid : attr->gid,
        .st_rdev = makedev(attr->rdev_major, attr->rdev_minor),
        .st_size = (off_t)attr->size,
        .st_blksize = (blksize_t)attr->block_size,
        /* With bytes but no blocks, a file is all hole to some programs. */
        .st_blocks = (blkcnt_t)((attr->allocated + 511) / 512),
        .st_atim = convert_time(attr->atime),
        .st_mtim = convert_time(attr->mtime),
        .st_ctim = convert_time(attr->ctime),
    };
}

void convert_entry(const struct service *service,
                   const struct shale_attr *attr, struct fuse_entry_param *out)
{
    out->ino = convert_node(service->root_ino, attr->ino);
    /* The kernel wants the root's to be 0. */
    out->generation = out->ino == FUSE_ROOT_ID ? 0 : attr->generation;
    out->entry_timeout = service->entry_timeout;
    out->attr_timeout = service->options->attr_timeout;
    convert_attr(service->options, attr, &out->attr);
}

mode_t convert_type(enum shale_type type)
{
    static const mode_t modes[] = {
        [SHALE_TYPE_UNKNOWN] = 0,
        [SHALE_TYPE_FILE] = S_IFREG,
        [SHALE_TYPE_DIR] = S_IFDIR,
        [SHALE_TYPE_SYMLINK] = S_IFLNK,
        [SHALE_TYPE_CHAR] = S_IFCHR,
        [SHALE_TYPE_BLOCK] = S_IFBLK,
        [SHALE_TYPE_FIFO] = S_IFIFO,
        [SHALE_TYPE_SOCKET] = S_IFSOCK,
    };

    return modes[type];
}

int convert_error(int64_t err)
{
    /* They are errno values; anything else would be a bug of ours. */
    return err <= 0 && err > -512 ? (int)-err : EIO;
}
