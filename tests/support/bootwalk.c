/*
 * bootwalk.c - all of a volume, as the readers without memory see it
 */
#include "bootwalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A directory still to be listed. */
struct todo {
    struct todo *next;
    struct shale_boot_file dir;
    char path[];
};

static struct todo *todo_make(struct todo *next, const char *dir,
                              const char *name,
                              const struct shale_boot_file *file)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    struct todo *todo = malloc(sizeof *todo + size);

    if (!todo)
        abort();
    todo->next = next;
    todo->dir = *file;
    snprintf(todo->path, size, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
    return todo;
}

int bootwalk(struct shale_bdev *dev, const struct shale_boot_format *format,
             uint64_t most, bootwalk_fn *found, void *context)
{
    static uint8_t sector[4096];
    static struct shale_boot_entry entry;
    struct shale_boot_file root;
    struct shale_boot boot;
    struct todo *todo = NULL;
    int first = shale_boot_open(&boot, format, dev, sector, sizeof sector);

    if (!first)
        first = shale_boot_find(&boot, "/", &root);
    if (!first)
        todo = todo_make(NULL, "", "", &root);
    while (todo) {
        struct todo *dir = todo;
        uint64_t cookie = 0;
        int more = 0;

        todo = dir->next;
        while (most > 0 && (more = shale_boot_list(&boot, &dir->dir, &cookie,
                                                   &entry)) > 0) {
            struct todo *made = todo_make(todo, dir->path, entry.name,
                                          &entry.file);

            most--;
            if (entry.file.type == SHALE_TYPE_DIR)
                todo = made;
            found(context, &boot, made->path, &entry);
            if (todo != made)
                free(made);
        }
        if (more < 0 && !first)
            first = more;
        free(dir);
    }
    return first;
}

static void read_some(void *context, struct shale_boot *boot, const char *path,
                      struct shale_boot_entry *entry)
{
    const uint64_t *most = context;
    struct shale_boot_file again;
    static uint8_t buf[5000];

    for (uint64_t at = 0; at < *most; at += sizeof buf)
        if (shale_boot_read(boot, &entry->file, buf, sizeof buf, at) <= 0)
            break;
    shale_boot_read(boot, &entry->file, buf, sizeof buf, UINT64_MAX - 1);
    shale_boot_find(boot, path, &again);
}

void bootwalk_exercise(struct shale_bdev *dev, uint64_t most, uint64_t len)
{
    bootwalk(dev, &shale_boot_fat, most, read_some, &len);
    bootwalk(dev, &shale_boot_ext2, most, read_some, &len);
}
