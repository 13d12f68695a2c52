/*
 * profile.c - the smallest program that uses a profile, to be linked and
 * measured and never run
 *
 * DRIVERS says which drivers are named. The program reads a file and lists a
 * directory; with WRITES it also changes what a device that logs or takes
 * pictures does: files, directories, names. With BOOTS it does what a boot
 * loader does, and DRIVERS is a format of shale/boot.h.
 */
#include "shale/boot.h"
#include "shale/fat.h"
#include "shale/ntfs.h"
#include "shale/shale.h"

/* What a program of this kind lends; the linker has to see no more of it. */
extern struct shale_bdev profile_dev;
extern struct shale_arena_source profile_arenas;

int profile_run(char *buf, size_t len);

#ifdef BOOTS
int profile_run(char *buf, size_t len)
{
    static struct shale_boot_entry entry;
    static struct shale_boot boot;
    struct shale_boot_file file;
    uint64_t cookie = 0;
    int err = shale_boot_open(&boot, DRIVERS, &profile_dev, buf, len);

    if (!err)
        err = shale_boot_find(&boot, buf, &file);
    while (!err && shale_boot_list(&boot, &file, &cookie, &entry) > 0)
        ;
    return err ? err : (int)shale_boot_read(&boot, &file, buf, len, 0);
}
#else
static const struct shale_fs_ops *const drivers[] = { DRIVERS, NULL };

static int reads(struct shale_fs *fs, char *buf, size_t len)
{
    struct shale_entry entry;
    struct shale_attr attr;
    struct shale_file *file;
    int err = shale_stat(fs, buf, &attr);

    if (!err)
        err = shale_open(fs, buf, &file);
    if (err)
        return err;
    while (shale_file_readdir(file, &entry) > 0)
        ;
    shale_file_seek(file, 0, SHALE_SEEK_SET);
    while (shale_file_read(file, buf, len) > 0)
        ;
    shale_close(file);
    return 0;
}

#ifdef WRITES
static int writes(struct shale_fs *fs, char *buf, size_t len)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *dir, *vn;
    const char *name;
    size_t name_len;
    int err = shale_walk_parent(fs, buf, &dir, &name, &name_len);

    if (err)
        return err;
    err = shale_create(dir, name, name_len, &node, &vn);
    if (!err) {
        shale_write(vn, buf, len, 0);
        shale_truncate(vn, 1);
        shale_fsync(vn);
        shale_vnode_put(vn);
        err = shale_rename(dir, name, name_len, dir, "b", 1, 0);
    }
    if (!err)
        err = shale_unlink(dir, name, name_len);
    if (!err)
        err = shale_rmdir(dir, name, name_len);
    shale_vnode_put(dir);
    return err ? err : shale_sync(fs);
}
#endif

int profile_run(char *buf, size_t len)
{
    struct shale_config config = { .dev = &profile_dev, .drivers = drivers };
    struct shale_fs *fs;
    int err;

    config.mem = shale_mem_create(&profile_arenas, NULL, 0);
    err = shale_mount(&config, &fs);
    if (err)
        return err;
    err = reads(fs, buf, len);
#ifdef WRITES
    if (!err)
        err = writes(fs, buf, len);
#endif
    shale_unmount(fs);
    return err;
}
#endif
