/*
 * cmd_cat.c - shale cat: the bytes of files, to stdout
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools.h"

#define CHUNK (1u << 20)        /* bytes a request */
#define CHUNK_SMALL 512u        /* ... and near an error */

/* Write all of it; false, having said so, if the reader is gone. */
static bool write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t count = write(STDOUT_FILENO, bytes, len);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            if (errno != EPIPE)
                report("cannot write the output: %s", strerror(errno));
            return false;
        }
        bytes += count;
        len -= (size_t)count;
    }
    return true;
}

/*
 * Copy FILE to stdout. What precedes an unreadable place is written too: a
 * failed request is tried again in small pieces. False if stdout failed.
 */
static bool cat_file(struct volume *vol, const char *path,
                     struct shale_vnode *file, char *buf)
{
    size_t chunk = CHUNK;
    uint64_t at = 0;

    for (;;) {
        int64_t count = shale_read(file, buf, chunk, at);

        if (count == 0)
            return true;
        if (count < 0 && chunk > CHUNK_SMALL) {
            chunk = CHUNK_SMALL;
            continue;
        }
        if (count < 0) {
            volume_fail(vol, path, (int)count);
            return true;
        }
        if (!write_all(buf, (size_t)count))
            return false;
        at += (uint64_t)count;
    }
}

static int cmd_cat(int argc, char **argv)
{
    struct options options;
    struct volume vol;
    char **operands, *buf;
    bool more = true;
    int count, status;

    options_init(&options, &command_cat, argc, argv);
    if (options_next(&options) != OPTIONS_END)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open(&vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    buf = xmalloc(CHUNK);
    for (int i = 0; i < vol.path_count && more; i++) {
        struct shale_vnode *file = volume_walk(&vol, vol.paths[i], 0);
        enum shale_type type;

        if (!file)
            continue;
        type = shale_vnode_type(file);
        if (type == SHALE_TYPE_FILE)
            more = cat_file(&vol, vol.paths[i], file, buf);
        else if (type == SHALE_TYPE_DIR)
            volume_fail(&vol, vol.paths[i], SHALE_EISDIR);
        else
            volume_fail_text(&vol, vol.paths[i], "not a regular file");
        shale_vnode_put(file);
    }
    free(buf);
    if (!more && vol.status == STATUS_OK)
        vol.status = STATUS_FAILED;
    return volume_close(&vol);
}

const struct command command_cat = {
    .name     = "cat",
    .run      = cmd_cat,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "write files to standard output",
    .details  = "On NTFS, IMAGE:PATH:STREAM is a stream of a file.\n",
    .image    = true,
};
