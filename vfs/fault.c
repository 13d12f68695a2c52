/*
 * fault.c - telling the host what is wrong with a volume
 *
 * The core has no printf: an event goes out in parts, and whoever embeds it
 * makes a sentence of them, or does not listen.
 */
#include "vfs.h"

void fault_event(struct shale_fs *fs, const struct shale_event *event)
{
    struct shale_log *log = fs->state->log;

    if (log)
        log->event(log, event);
}

int shale_corrupt_inode(struct shale_fs *fs, const char *what, uint64_t at,
                        uint64_t ino)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = SHALE_ECORRUPT,
        .what = what, .at = at, .ino = ino,
    };

    fault_event(fs, &event);
    return SHALE_ECORRUPT;
}

int shale_corrupt(struct shale_fs *fs, const char *what, uint64_t at)
{
    return shale_corrupt_inode(fs, what, at, 0);
}

int shale_fail(struct shale_fs *fs, int err, const char *what,
               const char *detail, uint64_t at)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = err,
        .what = what, .detail = detail, .at = at,
    };

    fault_event(fs, &event);
    return err;
}

int shale_refuse(struct shale_fs *fs, const char *what, const char *detail,
                 uint64_t at)
{
    return shale_fail(fs, SHALE_ENOTSUP, what, detail, at);
}

void shale_warn(struct shale_fs *fs, const char *what, const char *detail,
                uint64_t at)
{
    const struct shale_event event = {
        .level = SHALE_LOG_WARNING,
        .what = what, .detail = detail, .at = at,
    };

    fault_event(fs, &event);
}
