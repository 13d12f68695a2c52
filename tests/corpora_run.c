/*
 * corpora_run.c - do everything there is to do with one image, however bad
 *
 *     corpora_run IMAGE
 *
 * Prints `mounted: ...` or `refused: ...` with the reason. Exits with 1 if the
 * library broke a promise: a leak, a refusal without a reason, an error that a
 * sound device cannot cause. A crash or a sanitizer's report does it too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exercise.h"
#include "volume.h"

/* Errors that a bad volume on a device that works may cause. */
static bool is_expected(int err)
{
    return err == SHALE_ECORRUPT || err == SHALE_EIO || err == SHALE_ESTALE ||
           err == SHALE_ENOENT || err == SHALE_ENOTSUP || err == SHALE_ELOOP ||
           err == SHALE_EFBIG || err == SHALE_EOVERFLOW ||
           err == SHALE_ENAMETOOLONG || err == SHALE_EINVAL ||
           err == SHALE_ERANGE;
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

int main(int argc, char **argv)
{
    struct volume volume;
    size_t leaked;
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: corpora_run IMAGE\n");
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
