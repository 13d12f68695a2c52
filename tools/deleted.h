/*
 * deleted.h - what is deleted on a volume and can still be told of
 */
#ifndef SHALE_TOOLS_DELETED_H
#define SHALE_TOOLS_DELETED_H

#include "inomap.h"
#include "tools.h"

struct deleted_file {
    uint64_t ino, parent;       /* as in struct shale_deleted */
    uint64_t record;            /* the number that people see */
    enum shale_type type;
    uint64_t size, allocated, lost;     /* bytes */
    struct shale_time mtime;
    char *name;                 /* "" if it is not known */
    char *path;                 /* "/dir/name"; "?" for what is not known */
};

struct deleted {
    struct deleted_file *files; /* by path, then by number */
    size_t count, capacity;
    char **wanted;              /* the volume's paths, as file->path has them */
    size_t wanted_count;
    struct inomap dirs;         /* directory: 1 + index in .paths */
    char **paths;
    size_t path_count;
};

/* Find all of VOL's. False, having said why, if that failed. */
bool deleted_load(struct volume *vol, struct deleted *out);
void deleted_free(struct deleted *deleted);

/*
 * Is FILE meant by WHAT: its number, its path, or a directory it was below?
 * Stores in *EXACT whether it is FILE alone.
 */
bool deleted_matches(const struct deleted_file *file, const char *what,
                     bool *exact);

/* How much of FILE's data is others' by now: 0 to 100, and 100 only if all. */
unsigned deleted_percent(const struct deleted_file *file);

/* shale ls --deleted: list what the paths of VOL mean. */
void deleted_list(struct volume *vol, bool human, bool json);

struct copy;

/* shale cp --deleted: copy them to COPY's directory. NAME: the only copy's. */
void deleted_copy(struct copy *copy, const char *name);

#endif /* SHALE_TOOLS_DELETED_H */
