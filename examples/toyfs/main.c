/*
 * main.c - an archive of toyfs.h's kind made in memory, mounted and shown
 *
 * Says what it finds; and that an archive with a byte changed is found out.
 */
#include <stdio.h>
#include <string.h>

#include "shale/shale.h"
#include "toyfs.h"

static uint8_t archive[4096];
static _Alignas(SHALE_PAGE_SIZE) unsigned char memory[64 << 10];

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Add a record, and TEXT as its data if it is a file. */
static void add(uint32_t parent, const char *name, const char *text)
{
    static uint32_t data = 2048;        /* where the next data goes */
    uint32_t index = archive[8]++;      /* there are few */
    uint8_t *record = archive + TOYFS_RECORD * (index + 1);

    put32(record, parent);
    put32(record + 4, text ? TOYFS_FILE : TOYFS_DIR);
    if (text) {
        put32(record + 8, data);
        put32(record + 12, (uint32_t)strlen(text));
        memcpy(archive + data, text, strlen(text));
        data += (uint32_t)strlen(text);
    }
    strcpy((char *)record + 16, name);
}

static void say(struct shale_log *log, const struct shale_event *event)
{
    (void)log;
    printf("log: %s\n", event->what);
}

static int show(struct shale_fs *fs)
{
    struct shale_file *file;
    struct shale_entry entry;
    char text[64];
    int64_t count;
    int err = shale_open(fs, "/docs", &file), more;

    if (err)
        return err;
    while ((more = shale_file_readdir(file, &entry)) > 0)
        printf("%s\n", entry.name);
    shale_close(file);
    if (more < 0)
        return more;

    err = shale_open(fs, "/docs/../docs/readme", &file);
    if (err)
        return err;
    while ((count = shale_file_read(file, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)count, stdout);
    shale_close(file);
    return (int)count;
}

static int mount_and_show(void)
{
    static const struct shale_fs_ops *const drivers[] = { &toyfs, NULL };
    struct shale_log log = { .event = say };
    struct shale_static_arena arena;
    struct shale_memory_bdev dev;
    struct shale_config config = {
        .dev = &dev.base, .drivers = drivers, .log = &log, .cache_bytes = 8192,
    };
    struct shale_fs *fs;
    int err;

    shale_static_arena_init(&arena, memory, sizeof memory);
    shale_memory_bdev_init(&dev, archive, sizeof archive, 512, true);
    config.mem = shale_mem_create(&arena.source, NULL, 0);
    err = shale_mount(&config, &fs);
    if (err)
        return err;
    err = show(fs);
    if (!err)
        err = shale_unmount(fs);
    else
        shale_unmount(fs);
    return shale_mem_destroy(config.mem) ? SHALE_ENOMEM : err;
}

int main(void)
{
    int err;

    memcpy(archive, TOYFS_MAGIC, 8);
    add(0, "", NULL);
    add(0, "docs", NULL);
    add(1, "readme", "Hello from a toy\n");
    add(0, "elsewhere", "not in docs\n");
    add(1, "license", "do as you like\n");
    err = mount_and_show();
    printf("%s\n", err ? shale_strerror(err) : "ok");

    /* The second directory says that it is in a later one. */
    put32(archive + TOYFS_RECORD * 2, 4);
    printf("%s\n", shale_strerror(mount_and_show()));
    return err ? 1 : 0;
}
