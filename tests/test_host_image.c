/*
 * test_host_image.c - which volume of an image is mounted, or why none is
 *
 * Disks are put together here from a small ext2 volume, a swap area, and an
 * MBR. GPT disks, and real tools' tables, are the business of block/'s tests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "golden.h"
#include "shale/err.h"
#include "shale/host.h"
#include "suite.h"

#define MIB ((uint64_t)1 << 20)
#define KIB ((uint64_t)1 << 10)

static char path[] = "/tmp/shale-test-XXXXXX";
static struct golden volume;

static void setup(void)
{
    strcpy(path, "/tmp/shale-test-XXXXXX");
    close(mkstemp(path));
    golden_load(&volume, "ext2-small");
}

static void teardown(void)
{
    unlink(path);
    golden_free(&volume);
}

enum content {
    NOTHING,
    EXT2,                       /* the golden volume */
    EXT2_HEAD,                  /* its first 4 KiB, as a backup has them */
    EXT2_BAD,                   /* with no inodes in a group */
    SWAP,
    GZIP,
    TEXT,
};

struct part {
    uint8_t type;               /* 0: there is no entry */
    uint64_t start, size;       /* bytes */
    enum content content;
};

static void put(int fd, const void *bytes, size_t len, uint64_t at)
{
    ck_assert_int_eq(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
}

static void put_content(int fd, enum content content, uint64_t at)
{
    /* The header of a swap area: version 1, 16 pages. */
    static const uint8_t swap_header[] = { 1, 0, 0, 0, 15, 0, 0, 0 };

    switch (content) {
    case NOTHING:
        break;
    case EXT2:
    case EXT2_BAD:
        put(fd, volume.bytes, volume.size, at);
        if (content == EXT2_BAD)
            put(fd, "\0\0\0\0", 4, at + 1024 + 0x28);
        break;
    case EXT2_HEAD:
        put(fd, volume.bytes + 1024, 1024, at + 1024);
        break;
    case SWAP:
        put(fd, swap_header, sizeof swap_header, at + 1024);
        put(fd, "SWAPSPACE2", 10, at + 4096 - 10);
        break;
    case GZIP:
        put(fd, "\x1f\x8b\x08\x00", 4, at);
        break;
    case TEXT:
        put(fd, "This is no disk.\n", 17, at);
        break;
    }
}

static void put_le32(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void put_mbr(int fd, const struct part parts[4])
{
    uint8_t mbr[66] = { [64] = 0x55, [65] = 0xaa };

    for (int i = 0; i < 4; i++) {
        mbr[i * 16 + 4] = parts[i].type;
        put_le32(mbr + i * 16 + 8, parts[i].start / 512);
        put_le32(mbr + i * 16 + 12, parts[i].size / 512);
    }
    put(fd, mbr, sizeof mbr, 446);
}

/* What is on a disk, how it is asked for, and the answer. */
static const struct {
    const char *name;
    uint64_t size;              /* bytes of the image */
    enum content whole;         /* at byte 0 */
    uint64_t backup;            /* where an EXT2_HEAD is; 0: nowhere */
    bool table;
    struct part parts[4];

    struct shale_image_config config;

    int err;
    unsigned part;
    uint64_t start, volume_size;
    const char *why;
} cases[] = {
    { "a bare volume", 2 * MIB, .whole = EXT2, .volume_size = 2 * MIB },
    { "a bare volume, by name", 2 * MIB, .whole = EXT2,
      .config = { .type = "ext2" }, .volume_size = 2 * MIB },
    { "a bare volume, to be written", 2 * MIB, .whole = EXT2,
      .config = { .write = true }, .volume_size = 2 * MIB },
    { "a size limit", 4 * MIB, .whole = EXT2,
      .config = { .size_limit = 2 * MIB }, .volume_size = 2 * MIB },
    { "a size limit past the end", 2 * MIB, .whole = EXT2,
      .config = { .size_limit = 9 * MIB }, .volume_size = 2 * MIB },
    { "a volume whose boot block has a table", 4 * MIB, .whole = EXT2,
      .table = true, .parts = { { 0x83, 2 * MIB, 2 * MIB, EXT2 } },
      .volume_size = 4 * MIB },

    { "the only partition", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2 } },
      .part = 1, .start = MIB, .volume_size = 2 * MIB },
    { "the only one that is known", 8 * MIB, .table = true,
      .parts = { { 0x82, MIB, MIB, SWAP }, { 0 },
                 { 0x83, 2 * MIB, 2 * MIB, EXT2 } },
      .part = 3, .start = 2 * MIB, .volume_size = 2 * MIB },
    { "two that are known", 8 * MIB, .table = true,
      .parts = { { 0x82, MIB, MIB, SWAP }, { 0x83, 2 * MIB, 2 * MIB, EXT2 },
                 { 0x83, 4 * MIB, 2 * MIB, EXT2 } },
      .err = SHALE_ENODEV,
      .why = "2 filesystems, choose with -p N (mount: -o part=N): "
             "2 (ext2 'golden', 2 MiB), 3 (ext2 'golden', 2 MiB)" },
    { "one of two", 8 * MIB, .table = true,
      .parts = { { 0x83, 2 * MIB, 2 * MIB, EXT2 },
                 { 0x83, 4 * MIB, 2 * MIB, EXT2 } },
      .config = { .part = 2 },
      .part = 2, .start = 4 * MIB, .volume_size = 2 * MIB },
    { "one of two, and no more than", 8 * MIB, .table = true,
      .parts = { { 0x83, 2 * MIB, 2 * MIB, EXT2 },
                 { 0x83, 4 * MIB, 3 * MIB, EXT2 } },
      .config = { .part = 2, .size_limit = 2 * MIB },
      .part = 2, .start = 4 * MIB, .volume_size = 2 * MIB },
    { "none that is known", 8 * MIB, .table = true,
      .parts = { { 0x82, MIB, MIB, SWAP }, { 0x83, 2 * MIB, 2 * MIB, TEXT } },
      .err = SHALE_ENODEV,
      .why = "no partition holds a filesystem that Shale reads: "
             "1 (swap, 1 MiB), 2 (unknown, 2 MiB)" },
    { "a partition that is not known", 4 * MIB, .table = true,
      .parts = { { 0x82, MIB, MIB, SWAP } }, .config = { .part = 1 },
      .err = SHALE_ENODEV,
      .why = "partition 1 looks like swap, which Shale does not read" },
    { "no such partition", 8 * MIB, .table = true,
      .parts = { { 0x83, 2 * MIB, 2 * MIB, EXT2 },
                 { 0x82, 4 * MIB, 2 * MIB, SWAP } },
      .config = { .part = 7 }, .err = SHALE_ENOENT,
      .why = "no partition 7; there are 1 (ext2 'golden', 2 MiB), "
             "2 (swap, 2 MiB)" },
    { "an extended partition", 4 * MIB, .table = true,
      .parts = { { 0x05, MIB, 2 * MIB, NOTHING } },
      .config = { .part = 1 }, .err = SHALE_ENOENT,
      .why = "partition 1 is an extended one, which only holds others; there "
             "are 1 (extended, 2 MiB)" },
    { "an empty table", 2 * MIB, .table = true,
      .err = SHALE_ENODEV, .why = "the partition table is empty" },
    { "no partition in an empty table", 2 * MIB, .table = true,
      .config = { .part = 1 }, .err = SHALE_ENOENT,
      .why = "no partition 1; the partition table is empty" },
    { "a partition of no table", 2 * MIB, .whole = EXT2,
      .config = { .part = 1 }, .err = SHALE_ENOENT,
      .why = "no partition 1: the image has no partition table" },
    { "partitions past the end", 2 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, TEXT }, { 0x83, 4 * MIB, MIB, 0 } },
      .err = SHALE_ENODEV,
      .why = "no partition holds a filesystem that Shale reads: 1 (unknown, "
             "2 MiB, cut off), 2 (past the image's end, 1 MiB)" },
    { "a partition past the end", 2 * MIB, .table = true,
      .parts = { { 0x83, 4 * MIB, MIB, NOTHING } }, .config = { .part = 1 },
      .err = SHALE_EINVAL,
      .why = "the volume would begin at byte 4194304, past the image's end at "
             "2097152" },
    { "a partition cut off early", MIB + 1050, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, NOTHING } }, .config = { .part = 1 },
      .err = SHALE_EIO,
      .why = "input/output error; the image is cut off, it has 1050 of the "
             "partition's 2097152 bytes" },

    { "an offset", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2 } },
      .config = { .has_offset = true, .offset = MIB },
      .start = MIB, .volume_size = 3 * MIB },
    { "an offset and a size limit", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2 } },
      .config = { .has_offset = true, .offset = MIB, .size_limit = 2 * MIB },
      .start = MIB, .volume_size = 2 * MIB },
    { "offset 0", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2 } },
      .config = { .has_offset = true },
      .err = SHALE_ENODEV, .why = "holds no filesystem that Shale knows" },
    { "an offset to nothing", 4 * MIB, .config = { .has_offset = true,
                                                   .offset = 512 },
      .err = SHALE_ENODEV,
      .why = "byte 512 holds no filesystem that Shale knows" },
    { "an offset to the end", 4 * MIB, .config = { .has_offset = true,
                                                   .offset = 4 * MIB },
      .err = SHALE_EINVAL,
      .why = "the volume would begin at byte 4194304, past the image's end at "
             "4194304" },
    { "the largest offset", 4 * MIB, .config = { .has_offset = true,
                                                 .offset = UINT64_MAX },
      .err = SHALE_EINVAL,
      .why = "the volume would begin at byte 18446744073709551615, past the "
             "image's end at 4194304" },

    { "an empty file", 0, .err = SHALE_ENODEV,
      .why = "the image is empty (0 bytes)" },
    { "an empty file, by offset", 0, .config = { .has_offset = true },
      .err = SHALE_ENODEV, .why = "the image is empty (0 bytes)" },
    { "one byte", 1, .err = SHALE_ENODEV,
      .why = "holds no filesystem that Shale knows" },
    { "text", 17, .whole = TEXT, .err = SHALE_ENODEV,
      .why = "holds no filesystem that Shale knows" },
    { "swap", 4 * MIB, .whole = SWAP, .err = SHALE_ENODEV,
      .why = "looks like swap, which Shale does not read" },
    { "a compressed image", MIB, .whole = GZIP, .err = SHALE_ENODEV,
      .why = "looks like gzip; unpack it first (gunzip)" },
    { "a type that is none", MIB, .config = { .type = "xfs" },
      .err = SHALE_ENODEV,
      .why = "no driver for type 'xfs'; there is ntfs ext2 fat" },
    { "not of that type", 4 * MIB, .whole = SWAP, .config = { .type = "ext2" },
      .err = SHALE_ECORRUPT,
      .why = "ext2: no superblock here (byte 1024 of the image)" },

    { "a backup, blocks of 1 KiB", 16 * MIB, .backup = 8193 * KIB,
      .err = SHALE_ENODEV,
      .why = "holds no filesystem that Shale knows; there is a backup "
             "superblock of ext2, try -o sb=8193" },
    { "a backup, blocks of 4 KiB", 256 * MIB, .backup = 131072 * KIB,
      .err = SHALE_ENODEV,
      .why = "holds no filesystem that Shale knows; there is a backup "
             "superblock of ext2, try -o sb=131072" },
    { "a backup of a superblock that is bad", 16 * MIB, .whole = EXT2_BAD,
      .backup = 8193 * KIB, .err = SHALE_ECORRUPT,
      .why = "ext2: bad number of inodes per group (byte 1024 of the image); "
             "there is a backup superblock of ext2, try -o sb=8193" },
    { "a bad superblock in a partition", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2_BAD } }, .err = SHALE_ECORRUPT,
      .why = "ext2: bad number of inodes per group (byte 1049600 of the "
             "image)" },
    { "by a backup, whatever the superblock", 2 * MIB, .whole = EXT2_BAD,
      .config = { .options = "sb=513" }, .volume_size = 2 * MIB },
    { "by a backup, in the only partition", 4 * MIB, .table = true,
      .parts = { { 0x83, MIB, 2 * MIB, EXT2_BAD } },
      .config = { .options = "sb=513" },
      .part = 1, .start = MIB, .volume_size = 2 * MIB },
};

static void build_case(int i)
{
    int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    put_content(fd, cases[i].whole, 0);
    if (cases[i].table)
        put_mbr(fd, cases[i].parts);
    for (int p = 0; p < 4; p++)
        put_content(fd, cases[i].parts[p].content, cases[i].parts[p].start);
    if (cases[i].backup)
        put_content(fd, EXT2_HEAD, cases[i].backup - 1024);
    ck_assert_int_eq(ftruncate(fd, (off_t)cases[i].size), 0);
    close(fd);
}

START_TEST(chooses_a_volume)
{
    struct shale_image_config config = cases[_i].config;
    struct shale_image *image = NULL;
    char why[SHALE_WHY_MAX];
    int err;

    build_case(_i);
    config.path = path;
    err = shale_image_open(&config, &image, why);
    ck_assert_msg(err == cases[_i].err, "%s: %d: %s", cases[_i].name, err, why);
    if (err) {
        ck_assert_msg(!strcmp(why, cases[_i].why), "%s: %s", cases[_i].name,
                      why);
        ck_assert_ptr_null(image);
        return;
    }
    ck_assert_str_eq(shale_fs_name(image->fs), "ext2");
    ck_assert_int_eq(shale_fs_read_only(image->fs), !config.write);
    ck_assert_msg(image->part == cases[_i].part, "%s", cases[_i].name);
    ck_assert_uint_eq(image->volume.start, cases[_i].start);
    ck_assert_uint_eq(image->volume.base.size, cases[_i].volume_size);
    ck_assert_uint_eq(image->volume.base.fd_offset, cases[_i].start);
    ck_assert_int_eq(shale_image_close(image), 0);
}
END_TEST

/* Without a mount, what is there does not matter, only the place named. */
START_TEST(opens_without_a_mount)
{
    struct shale_image_config config = { .path = path };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    const struct part parts[4] = { { 0 }, { 0x83, MIB, MIB, NOTHING } };

    ck_assert_int_eq(ftruncate(fd, 4 * (off_t)MIB), 0);
    put_mbr(fd, parts);
    close(fd);

    ck_assert_int_eq(shale_image_open_raw(&config, &image, why), 0);
    ck_assert_ptr_null(image->fs);
    ck_assert_uint_eq(image->part, 0);
    ck_assert_uint_eq(image->volume.base.size, 4 * MIB);
    ck_assert_int_eq(shale_image_close(image), 0);

    config.part = 2;
    ck_assert_int_eq(shale_image_open_raw(&config, &image, why), 0);
    ck_assert_uint_eq(image->part, 2);
    ck_assert_uint_eq(image->volume.start, MIB);
    ck_assert_uint_eq(image->volume.base.size, MIB);
    ck_assert_int_eq(shale_image_close(image), 0);

    config.part = 1;
    ck_assert_int_eq(shale_image_open_raw(&config, &image, why), SHALE_ENOENT);
    ck_assert_str_eq(why, "no partition 1; there are 2 (unknown, 1 MiB)");
}
END_TEST

START_TEST(says_why_a_file_cannot_be_opened)
{
    struct shale_image_config config = { .path = path };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int fd = open(path, O_RDWR | O_CLOEXEC);

    put(fd, volume.bytes, volume.size, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_EAGAIN);
    ck_assert_str_eq(why, "in use: another program holds a lock on it; "
                          "unmount it there first");
    config.no_lock = true;
    ck_assert_int_eq(shale_image_open(&config, &image, why), 0);
    ck_assert_int_eq(shale_image_close(image), 0);
    close(fd);

    config.path = "/tmp";
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_EISDIR);
    ck_assert_str_eq(why, "is a directory, not an image");
    config.path = "/dev/null";
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_EINVAL);
    ck_assert_str_eq(why, "neither a file nor a block device");
    config.path = "/tmp/shale-no-such-file";
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_ENOENT);
    ck_assert_str_eq(why, "No such file or directory");
    config.path = path;
    config.memory_budget = 1;
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_ENOMEM);
    ck_assert_str_eq(why, "out of memory");
}
END_TEST

/* Make the image an empty FAT volume. */
static void make_fat(void)
{
    const struct shale_format format = { .label = NULL };
    struct shale_image_config config = { .path = path, .write = true };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];

    ck_assert_int_eq(truncate(path, (off_t)(2 * MIB)), 0);
    ck_assert_int_eq(shale_image_open_raw(&config, &image, why), 0);
    ck_assert_int_eq(shale_mkfs(shale_driver_named("fat"),
                                &image->volume.base, image->mem, NULL,
                                &format), 0);
    ck_assert_int_eq(shale_image_close(image), 0);
}

/* A mount for reading shares its lock; a second one is welcome. */
START_TEST(two_mounts_read_one_image)
{
    struct shale_image_config config = { .path = path };
    struct shale_image *images[2];
    char why[SHALE_WHY_MAX];
    int fd = open(path, O_RDWR | O_CLOEXEC);

    put(fd, volume.bytes, volume.size, 0);
    close(fd);
    ck_assert_int_eq(shale_image_open(&config, &images[0], why), 0);
    ck_assert_int_eq(shale_image_open(&config, &images[1], why), 0);
    ck_assert_int_eq(shale_image_close(images[0]), 0);
    ck_assert_int_eq(shale_image_close(images[1]), 0);
}
END_TEST

/* Who writes has the image alone, and one who reads keeps him out. */
START_TEST(one_mount_writes_an_image)
{
    struct shale_image_config writes = { .path = path, .write = true };
    struct shale_image_config reads = { .path = path };
    struct shale_image *image, *other;
    struct shale_vnode *vn;
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    char why[SHALE_WHY_MAX];

    make_fat();
    ck_assert_int_eq(shale_image_open(&writes, &image, why), 0);
    ck_assert(!shale_fs_read_only(image->fs));
    ck_assert_int_eq(shale_image_open(&writes, &other, why), SHALE_EAGAIN);
    ck_assert_int_eq(shale_image_open(&reads, &other, why), SHALE_EAGAIN);
    ck_assert_int_eq(shale_vnode_get(image->fs, shale_root_ino(image->fs),
                                     &vn), 0);
    ck_assert_int_eq(shale_create(vn, "new", 3, &node, NULL), 0);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_image_close(image), 0);

    ck_assert_int_eq(shale_image_open(&reads, &image, why), 0);
    ck_assert(shale_fs_read_only(image->fs));
    ck_assert_int_eq(shale_walk(image->fs, NULL, "/new", 0, &vn), 0);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_image_open(&writes, &other, why), SHALE_EAGAIN);
    ck_assert_int_eq(shale_image_open(&reads, &other, why), 0);
    ck_assert_int_eq(shale_image_close(other), 0);
    ck_assert_int_eq(shale_image_close(image), 0);
}
END_TEST

/* What mount(8) calls a driver is the driver. */
START_TEST(knows_drivers_by_other_names)
{
    const struct shale_fs_ops *fat = shale_driver_named("fat");

    ck_assert_ptr_nonnull(fat);
    ck_assert_ptr_eq(shale_driver_named("vfat"), fat);
    ck_assert_ptr_eq(shale_driver_named("msdos"), fat);
    ck_assert_str_eq(shale_driver_name(fat), "fat");
    ck_assert_ptr_ne(shale_driver_named("ext2"), fat);
    ck_assert_ptr_null(shale_driver_named("xfs"));
    ck_assert_ptr_null(shale_driver_named(""));
}
END_TEST

/* A log that counts what reaches it. */
struct counting_log {
    struct shale_log log;
    unsigned errors;
    uint64_t at;
};

static void count_event(struct shale_log *log, const struct shale_event *event)
{
    struct counting_log *counting = (struct counting_log *)log;

    if (event->level == SHALE_LOG_ERROR) {
        counting->errors++;
        counting->at = event->at;
    }
}

/* The caller gets events with places on the image; `fault` gets words. */
START_TEST(passes_events_on)
{
    struct counting_log counting = { .log = { count_event } };
    struct shale_image_config config = { .path = path, .log = &counting.log,
                                         .has_offset = true, .offset = MIB };
    struct shale_image *image;
    struct shale_vnode *vn;
    char why[SHALE_WHY_MAX];
    int fd = open(path, O_RDWR | O_CLOEXEC);

    put_content(fd, EXT2_BAD, MIB);
    ck_assert_int_eq(shale_image_open(&config, &image, why), SHALE_ECORRUPT);
    ck_assert_uint_eq(counting.errors, 1);
    ck_assert_uint_eq(counting.at, MIB + 1024);

    put_content(fd, EXT2, MIB);
    close(fd);
    ck_assert_int_eq(shale_image_open(&config, &image, why), 0);
    ck_assert_str_eq(image->fault, "");
    ck_assert_int_eq(shale_walk(image->fs, NULL, "/none", 0, &vn),
                     SHALE_ENOENT);
    ck_assert_str_eq(image->fault, "");         /* nothing is wrong with it */
    ck_assert_int_eq(shale_image_close(image), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/image");
    TCase *tc = tcase_create("open");

    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, chooses_a_volume, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, opens_without_a_mount);
    tcase_add_test(tc, says_why_a_file_cannot_be_opened);
    tcase_add_test(tc, two_mounts_read_one_image);
    tcase_add_test(tc, one_mount_writes_an_image);
    tcase_add_test(tc, knows_drivers_by_other_names);
    tcase_add_test(tc, passes_events_on);
    suite_add_tcase(s, tc);
    return s;
}
