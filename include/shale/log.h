/*
 * log.h - what a volume has to say
 *
 * The core has no printf. Something worth a line becomes an event, made of
 * parts that the host turns into text.
 */
#ifndef SHALE_LOG_H
#define SHALE_LOG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_level {
    SHALE_LOG_ERROR,            /* an operation fails because of this */
    SHALE_LOG_WARNING,          /* it goes on, but somebody should know */
    SHALE_LOG_INFO,
};

#define SHALE_NOWHERE UINT64_MAX

struct shale_event {
    enum shale_level level;
    int err;                    /* what the caller will get; 0 if none */
    const char *what;           /* "ext2: inode table runs off the volume" */
    const char *detail;         /* more words, or NULL: "extents, 64bit" */
    uint64_t at;                /* byte on the volume, or SHALE_NOWHERE */
    uint64_t ino;               /* inode concerned; 0 if none is known */
};

/* Embed it as the first member of your own struct. */
struct shale_log {
    /*
     * Called on whatever thread met the event, perhaps with volume locks held:
     * must not call back into the volume. EVENT and its strings are the
     * caller's and gone afterwards.
     */
    void (*event)(struct shale_log *log, const struct shale_event *event);
};

#ifdef __cplusplus
}
#endif

#endif /* SHALE_LOG_H */
