/*
 * test_ext2_rig.h - an ext2 volume in memory to be changed, as mke2fs makes it,
 * and e2fsck's opinion on what was made of it
 *
 * The image is an anonymous file that is mapped: the library works on the
 * mapping, and the programs on the file.
 */
#ifndef TEST_EXT2_RIG_H
#define TEST_EXT2_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shale/shale.h"
#include "sound.h"
#include "volume.h"

struct rig {
    uint8_t *bytes;
    size_t size;
    int fd;
    struct volume v;
};

/* Run COMMAND with "@" standing for the image. Returns what it printed. */
static inline const char *rig_run(struct rig *rig, const char *command,
                                  int *status)
{
    static char said[65536];
    char line[1000] = "PATH=$PATH:/usr/sbin:/sbin; ";
    size_t len = strlen(line), got;
    FILE *pipe;

    for (; *command; command++) {
        if (*command == '@')
            len += (size_t)snprintf(line + len, sizeof line - len,
                                    "/proc/%d/fd/%d", (int)getpid(), rig->fd);
        else
            line[len++] = *command;
        ck_assert_uint_lt(len, sizeof line - 40);
    }
    line[len] = '\0';
    pipe = popen(line, "r");
    ck_assert_ptr_nonnull(pipe);
    got = fread(said, 1, sizeof said - 1, pipe);
    said[got] = '\0';
    *status = pclose(pipe);
    return said;
}

/* Are the programs there? If not, the test is skipped. */
static inline void rig_need_programs(void)
{
    if (system("PATH=$PATH:/usr/sbin:/sbin; command -v mke2fs >/dev/null && "
               "command -v e2fsck >/dev/null && "
               "command -v debugfs >/dev/null") != 0) {
        puts("needs mke2fs, e2fsck and debugfs");
        exit(77);
    }
}

/* Make a volume of SIZE bytes with mke2fs's ARGUMENTS. */
static inline void rig_init(struct rig *rig, size_t size,
                            const char *arguments)
{
    char command[500];
    const char *said;
    int status;

    memset(rig, 0, sizeof *rig);
    rig->size = size;
    rig->fd = memfd_create("ext2", 0);
    ck_assert_int_ge(rig->fd, 0);
    ck_assert_int_eq(ftruncate(rig->fd, (off_t)size), 0);
    rig->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd,
                      0);
    ck_assert_ptr_ne(rig->bytes, MAP_FAILED);
    snprintf(command, sizeof command, "mke2fs -q -F -t ext2 %s @ 2>&1",
             arguments);
    said = rig_run(rig, command, &status);
    ck_assert_msg(status == 0, "mke2fs %s: %s", arguments, said);
}

/* Mount it for writing. */
static inline void rig_mount(struct rig *rig)
{
    ck_assert_int_eq(volume_to_write(&rig->v, rig->bytes, rig->size), 0);
    ck_assert_msg(volume_mount(&rig->v, NULL) == 0, "%s", rig->v.said);
}

/*
 * e2fsck finds nothing wrong. In a volume that says it is valid, it does not
 * find anything either to put right without a word, as when a machine starts;
 * what it notes of having looked is not for us.
 */
static inline void rig_fsck(struct rig *rig)
{
    uint16_t state = (uint16_t)(rig->bytes[0x43a] | rig->bytes[0x43b] << 8);
    uint8_t *kept = malloc(rig->size);
    char words[400] = "";
    const char *said;
    int status;

    ck_assert_ptr_nonnull(kept);
    memcpy(kept, rig->bytes, rig->size);
    said = rig_run(rig, state == 1 ? "e2fsck -fp @ 2>&1"
                                   : "e2fsck -fn @ 2>&1", &status);
    ck_assert_msg(status == 0, "%s", said);
    memcpy(rig->bytes, kept, rig->size);
    free(kept);
    ck_assert_msg(is_sound_volume("ext2", rig->bytes, rig->size, words,
                                  sizeof words), "%s", words);
}

/* Unmount it, and have e2fsck look for faults. */
static inline void rig_unmount(struct rig *rig)
{

    ck_assert_int_eq(shale_unmount(rig->v.fs), 0);
    rig->v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig->v), 0);
    rig_fsck(rig);
}

static inline void rig_fini(struct rig *rig)
{
    munmap(rig->bytes, rig->size);
    close(rig->fd);
}

/* Make a file of MODE called NAME in the root; the caller puts it. */
static inline struct shale_vnode *rig_create(struct rig *rig, const char *name,
                                             uint32_t mode)
{
    const struct shale_node node = { .mode = mode, .uid = 1, .gid = 2 };
    struct shale_vnode *root, *vn = NULL;

    ck_assert_int_eq(shale_walk(rig->v.fs, NULL, "/", 0, &root), 0);
    ck_assert_int_eq(shale_create(root, name, strlen(name), &node, &vn), 0);
    shale_vnode_put(root);
    return vn;
}

static inline struct shale_vnode *rig_open(struct rig *rig, const char *path)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(shale_walk(rig->v.fs, NULL, path, SHALE_WALK_NOFOLLOW,
                                &vn), 0);
    return vn;
}

#endif /* TEST_EXT2_RIG_H */
