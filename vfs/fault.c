/*
 * fault.c - telling the host what is wrong with a volume
 *
 * The core has no printf: an event goes out in parts, and whoever embeds it
 * makes a sentence of them, or does not listen.
 */
#include "memfn.h"
#include "vfs.h"

void fault_event(struct shale_fs *fs, const struct shale_event *event)
{
    struct shale_log *log = fs->state->log;

    if (log)
        log->event(log, event);
}

static struct shale_corruption corruption_of(const struct shale_fs *fs,
                                             const struct shale_event *event)
{
    struct shale_corruption c = {
        .time = shale_now(fs), .at = event->at, .ino = event->ino,
    };

    for (size_t i = 0; i < sizeof c.what - 1 && event->what[i]; i++)
        c.what[i] = event->what[i];
    return c;
}

/* Keep what EVENT says for the driver, which may note it on the volume. */
static void corruption_note(struct shale_fs *fs,
                            const struct shale_event *event)
{
    struct shale_fs_state *state = fs->state;
    const struct shale_corruption c = corruption_of(fs, event);

    lock_exclusive(state->table.locks, state->table.lock);
    if (state->corruptions++ == 0)
        state->first_corruption = c;
    state->last_corruption = c;
    lock_release(state->table.locks, state->table.lock);
}

uint64_t shale_fs_saw_corruption(const struct shale_fs *fs,
                                 struct shale_corruption *first,
                                 struct shale_corruption *last)
{
    struct shale_fs_state *state = fs->state;
    uint64_t count;

    lock_exclusive(state->table.locks, state->table.lock);
    count = state->corruptions;
    if (count > 0) {
        *first = state->first_corruption;
        *last = state->last_corruption;
    }
    lock_release(state->table.locks, state->table.lock);
    return count;
}

int shale_corrupt_inode(struct shale_fs *fs, const char *what, uint64_t at,
                        uint64_t ino)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = SHALE_ECORRUPT,
        .what = what, .at = at, .ino = ino,
    };

    corruption_note(fs, &event);
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
