/*
 * cmd_system.c - commands about volumes as a whole, memory, and the kernel
 */
#include "shale/cache.h"
#include "shale/check.h"
#include "shell.h"

/* -------------------------------------------------- mount, umount, sync */

static int mount(char **words, unsigned count)
{
    struct volume *volume = shell_volume(words[1]);
    bool read_only = count > 2 && text_equal(words[2], "ro");

    if (!volume)
        return SHALE_ENODEV;
    if (count > 2 && !read_only)
        return shell_tell(words[2], SHALE_EINVAL);
    return volume_mount(volume, read_only);
}

static int umount(char **words, unsigned count)
{
    struct volume *volume = shell_mounted(words[1]);

    (void)count;
    return volume ? volume_unmount(volume) : SHALE_ENODEV;
}

static int sync_one(const struct volume *volume)
{
    if (!volume->fs || shale_fs_read_only(volume->fs))
        return 0;
    return shell_tell(volume->disk->name, shale_sync(volume->fs));
}

static int sync(char **words, unsigned count)
{
    struct volume *volume;
    int err = 0;

    if (count > 1) {
        volume = shell_volume(words[1]);
        return volume ? sync_one(volume) : SHALE_ENODEV;
    }
    for (size_t i = 0; i < disk_count; i++) {
        int one = sync_one(&volumes[i]);

        err = err ? err : one;
    }
    return err;
}

/* ----------------------------------------------------------------- check */

static int show_finding(void *context, const struct shale_finding *finding)
{
    (void)context;
    print("%s: %s: %s\n", shale_severity_name(finding->code->severity),
          finding->code->name, finding->sentence);
    if (finding->path)
        print("    of %s\n", finding->path);
    return 0;
}

/* What is on the disk, which of a volume in use is what sync left there. */
static int check(char **words, unsigned count)
{
    struct volume *volume = shell_volume(words[1]);
    struct shale_check_config config = {
        .mem = heap, .checkers = shale_all_checkers, .clock = &kernel_clock,
        .finding = show_finding,
    };
    struct shale_check_result result;
    int err;

    (void)count;
    if (!volume)
        return SHALE_ENODEV;
    err = sync_one(volume);
    if (err)
        return err;
    config.dev = volume->disk->dev;
    err = shale_check(&config, &result);
    if (err)
        return shell_tell(volume->disk->name, err);
    print("%s: %s, %lu files, %lu directories, %lu of %lu units in use; "
          "%lu corruptions, %lu inconsistencies\n", volume->disk->name,
          result.type, result.files, result.directories, result.units_used,
          result.units, result.findings[SHALE_CORRUPTION],
          result.findings[SHALE_INCONSISTENCY]);
    return result.findings[SHALE_CORRUPTION] +
           result.findings[SHALE_INCONSISTENCY] > 0 ? SHALE_ECORRUPT : 0;
}

/* ------------------------------------------------------------------- mem */

static void show_slab(void *context, const struct shale_slab_stats *slab)
{
    (void)context;
    if (slab->peak > 0)
        print("  %-16s %6zu bytes each, %6zu now, %6zu at most\n", slab->name,
              slab->object_size, slab->live, slab->peak);
}

/* Is the allocator MEM sound? With ALL, show what it is used for. */
static int look_into(struct shale_mem *mem, bool all)
{
    const char *wrong = shale_mem_check(mem);

    if (wrong)
        print("memory: %s\n", wrong);
    else if (all)
        shale_mem_each_slab(mem, show_slab, NULL);
    return wrong ? SHALE_ECORRUPT : 0;
}

static int mem(char **words, unsigned count)
{
    bool all = count > 1 && text_equal(words[1], "-v");
    const struct shale_mem *told = NULL;
    struct shale_mem_stats stats;
    int err;

    if (count > 1 && !all)
        return shell_tell(words[1], SHALE_EINVAL);
    shale_mem_stats(heap, &stats);
    print("heap: %zu KiB, %zu lent at most; the kernel has %zu, %zu at most\n",
          heap_size() >> 10, heap_peak() >> 10, stats.live >> 10,
          (stats.peak + 1023) >> 10);
    err = look_into(heap, all);
    for (size_t i = 0; !err && i < disk_count; i++) {
        if (!volumes[i].fs || volumes[i].mem == told)
            continue;
        told = volumes[i].mem;
        err = volume_memory(&volumes[i]);
        if (!err)
            err = look_into(volumes[i].mem, all);
    }
    return err;
}

static int share(char **words, unsigned count)
{
    uint64_t kib = 0;

    (void)count;
    if (!text_equal(words[1], "off") &&
        (!text_number(words[1], &kib) || kib == 0 || kib > SHARED_MAX >> 10))
        return shell_tell(words[1], SHALE_EINVAL);
    return volumes_share((size_t)kib << 10);
}

/* ------------------------------------------------------------ the kernel */

static int echo(char **words, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        print("%s%s", words[i], i + 1 < count ? " " : "");
    print("\n");
    return 0;
}

static int uptime(char **words, unsigned count)
{
    uint64_t us = clock_ns() / 1000;

    (void)words;
    (void)count;
    print("%lu.%06lu s\n", us / 1000000, us % 1000000);
    return 0;
}

static int poll(char **words, unsigned count)
{
    (void)count;
    if (!text_equal(words[1], "on") && !text_equal(words[1], "off"))
        return shell_tell(words[1], SHALE_EINVAL);
    disk_polling = text_equal(words[1], "on");
    return 0;
}

static int threads(char **words, unsigned count)
{
    struct volume *volume = shell_mounted(words[1]);

    (void)count;
    return volume ? demo_threads(volume) : SHALE_ENODEV;
}

static int speed(char **words, unsigned count)
{
    const char *rest;

    (void)count;
    if (!shell_fs(words[1], &rest))
        return SHALE_ENODEV;
    return speed_file(volume_of(words[1], &rest), rest);
}

const struct command system_commands[] = {
    { "mount", "DISK [ro]", "use the volume on a disk", 1, 2, mount },
    { "umount", "DISK", "... no longer", 1, 1, umount },
    { "sync", "[DISK]", "write what was changed", 0, 1, sync },
    { "check", "DISK", "is the volume sound?", 1, 1, check },
    { "mem", "[-v]", "memory: now, at most, by the formula", 0, 1, mem },
    { "share", "KIB|off", "one small memory for all volumes", 1, 1, share },
    { "threads", "DISK", "several at work on a volume", 1, 1, threads },
    { "speed", "PATH", "what reading it through Shale costs", 1, 1, speed },
    { "poll", "on|off", "ask disks, or be interrupted", 1, 1, poll },
    { "uptime", "", "since the start", 0, 0, uptime },
    { "echo", "WORD...", "say it", 0, 14, echo },
    { NULL, NULL, NULL, 0, 0, NULL },
};
