/*
 * corpora_run.c - do everything there is to do with one image, however bad
 *
 *     corpora_run [--write] IMAGE
 *
 * Prints `mounted: ...` or `refused: ...` with the reason. Exits with 1 if the
 * library broke a promise: a leak, a refusal without a reason, an error that a
 * sound device cannot cause. A crash or a sanitizer's report does it too.
 *
 * With --write all happens on a copy, in memory: it is changed in many ways,
 * unmounted, and read again. A volume without a fault has none then.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exercise.h"
#include "scribble.h"
#include "shape.h"
#include "volume.h"

/* Errors that a bad volume on a device that works may cause. */
static bool is_expected(int err)
{
    return err == SHALE_ECORRUPT || err == SHALE_EIO || err == SHALE_ESTALE ||
           err == SHALE_ENOENT || err == SHALE_ENOTSUP || err == SHALE_ELOOP ||
           err == SHALE_EFBIG || err == SHALE_EOVERFLOW ||
           err == SHALE_ENAMETOOLONG || err == SHALE_EINVAL ||
           err == SHALE_ERANGE || err == SHALE_EACCES;
}

static int run(struct volume *v)
{
    struct exercise x = { 0 };
    int err = volume_mount(v, NULL);

    if (err) {
        printf("refused: %s: %s\n", shale_strerror(err), v->said);
        if (err != SHALE_ENODEV && v->said[0] == '\0') {
            printf("a refusal without a reason\n");
            return 1;
        }
        return err == SHALE_ENODEV || is_expected(err) ? 0 : 1;
    }
    exercise(v->fs, &x);
    printf("mounted: %" PRIu64 " files, %" PRIu64 " bytes, %" PRIu64
           " steps%s\n", x.files, x.bytes, x.steps,
           x.cut_short ? ", cut short" : "");
    for (unsigned i = 0; i < x.error_count; i++) {
        printf("  %s%s\n", shale_strerror(x.errors[i]),
               is_expected(x.errors[i]) ? "" : ": why?");
        if (!is_expected(x.errors[i]))
            return 1;
    }
    return 0;
}

/* ---------------------------------------------------------------- writing */

enum { SCRIPT = 1500 };

/* Errors that a change may meet besides: those of the caller's making. */
static bool is_answer(int err)
{
    return is_expected(err) || err == SHALE_EEXIST || err == SHALE_EISDIR ||
           err == SHALE_ENOTDIR || err == SHALE_ENOTEMPTY ||
           err == SHALE_ENOSPC || err == SHALE_EPERM || err == SHALE_EROFS ||
           err == SHALE_EBUSY ||
           err == SHALE_ENODATA || err == SHALE_EMLINK;
}

/* Mount, change, unmount. */
static int change(struct volume *v, unsigned seed)
{
    uint8_t script[SCRIPT];
    struct scribble did;
    uint32_t random = seed;
    int err = volume_mount(v, NULL), status = 0;

    if (err)
        return 0;               /* which has been looked into without --write */
    for (size_t i = 0; i < SCRIPT; i++) {
        random = random * 1664525 + 1013904223;
        script[i] = (uint8_t)(random >> 24);
    }
    printf("%s, ", shale_fs_read_only(v->fs) ? "read-only" : "writable");
    scribble(v->fs, script, sizeof script, &did);
    printf("%u changes, %u refused\n", did.done, did.refused);
    for (int i = 0; i < 256; i++)
        if (did.errors[i] > 0 && !is_answer(-i)) {
            printf("  %s: why?\n", shale_strerror(-i));
            status = 1;
        }
    err = shale_unmount(v->fs);
    v->fs = NULL;
    if (err && !is_answer(err)) {
        printf("  unmount: %s\n", shale_strerror(err));
        status = 1;
    }
    return status;
}

/* Which format's checker finds nothing wrong? NULL: none's. */
static const struct shape_kind *sound_as(const uint8_t *image, size_t size)
{
    static const struct shape_kind *const kinds[] = { &fat_kind, &ext2_kind };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct found found = { .kind = kinds[i] };
        unsigned faults = found_look(&found, image, size);

        found_free(&found);
        if (faults == 0)
            return kinds[i];
    }
    return NULL;
}

/* Is it still? */
static bool still_sound(const struct shape_kind *kind, const uint8_t *image,
                        size_t size)
{
    struct found found = { .kind = kind };
    unsigned faults = found_look(&found, image, size);

    if (faults)
        printf("  had no fault, and has one now: %s\n", found.said);
    found_free(&found);
    return !faults;
}

static int write_to(const char *path)
{
    const struct shape_kind *kind;
    struct stat st;
    struct volume v;
    int fd = open(path, O_RDONLY), status;
    uint8_t *copy;

    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 2;
    }
    copy = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                fd, 0);
    if (copy == MAP_FAILED || volume_to_write(&v, copy, (size_t)st.st_size))
        abort();
    kind = sound_as(copy, (size_t)st.st_size);
    status = change(&v, 1);
    if (kind && !still_sound(kind, copy, (size_t)st.st_size))
        status = 1;
    status |= run(&v);
    if (volume_close(&v) > 0) {
        puts("left allocated");
        status = 1;
    }
    munmap(copy, (size_t)st.st_size);
    close(fd);
    return status;
}

int main(int argc, char **argv)
{
    struct volume volume;
    size_t leaked;
    int status;

    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_to(argv[2]);
    if (argc != 2) {
        fprintf(stderr, "usage: corpora_run [--write] IMAGE\n");
        return 2;
    }
    if (volume_of_file(&volume, argv[1], 0)) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    status = run(&volume);
    leaked = volume_close(&volume);
    if (leaked > 0) {
        printf("left allocated: %zu\n", leaked);
        status = 1;
    }
    return status;
}
