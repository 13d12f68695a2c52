/*
 * info.h - what `shale info` gathers, before it is shown
 */
#ifndef SHALE_TOOLS_INFO_H
#define SHALE_TOOLS_INFO_H

#include "jsonout.h"
#include "shale/fs.h"
#include "table.h"
#include "tools.h"

struct info {
    const struct options *options;
    struct volume vol;          /* .fs is NULL: there is no one volume */
    bool json;
    bool mem;                   /* of memory, and of nothing else */
    uint64_t size;              /* of the image, bytes */
    struct table table;
    char content[TABLE_CONTENT_MAX];    /* of the image as a whole */
    bool whole_known;           /* ... and a driver knows it */
};

/* Show it all on stdout. What fails on the way is told, and left out. */
void info_show_text(struct info *info);
void info_show_json(struct info *info);

/* Where a driver's description goes, to be printed for people. */
struct info_sink {
    struct shale_describe base;
    char list[64];              /* key of the list being printed; "" if none */
};

/* ... and for programs, as members of OBJECT. */
struct info_json_sink {
    struct shale_describe base;
    struct json *object;
};

void info_json_sink_init(struct info_json_sink *sink, struct json *object);

/*
 * info_mem.c: keep in memory what a mount does; show what that takes. And what
 * the mount at DIR takes, which returns a status, having complained.
 */
void info_mem_configure(struct shale_image_config *config);
void info_mem_image(struct info *info);
bool info_is_directory(const char *name);
int info_mem_mounted(const char *dir, bool as_json);

/* If NAME lies in a mount of ours: where that is, to be freed. Else NULL. */
char *info_mount_of(const char *name);

/*
 * memtext.c: what TELL tells, with CONTEXT, in tables for people, of NAME,
 * which is in that STATE.
 */
void memtext_show(const char *name, const char *state,
                  void (*tell)(void *context, struct shale_describe *to),
                  void *context);

void info_sink_init(struct info_sink *sink);
void info_sink_end(struct info_sink *sink);     /* the last line, too */

#endif /* SHALE_TOOLS_INFO_H */
