/*
 * fatimage.c - FAT volumes to test on, made by mkfs.fat, in memory
 */
#include "fatimage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"

const struct fat_shape fat_shapes[] = {
    { "fat12", 12, 512, 1, 2, 112, 512, 0 },
    { "fat16", 16, 512, 1, 2, 128, 2400, 1500 },
    { "fat32", 32, 512, 1, 2, 0, 34 << 10, 1500 },
    { "fat12-2k", 12, 512, 4, 1, 64, 1440, 0 },
    { "fat12-4096", 12, 4096, 1, 2, 128, 4096, 0 },
    { "fat16-2k", 16, 512, 4, 1, 512, 9 << 10, 800 },
    { "fat16-1024", 16, 1024, 1, 2, 256, 5 << 10, 1000 },
    { "fat16-3fats", 16, 512, 1, 3, 256, 2400, 1000 },
    { "fat32-4k", 32, 512, 8, 1, 0, 264 << 10, 800 },
    { "fat32-small", 32, 512, 1, 2, 0, 600, 0 },
    { "fat32-whole", 32, 512, 1, 2, 0, 34 << 10, 0 },
};

const size_t fat_shape_count = sizeof fat_shapes / sizeof fat_shapes[0];

const struct fat_shape *fat_shape_named(const char *name)
{
    for (size_t i = 0; i < fat_shape_count; i++)
        if (strcmp(fat_shapes[i].name, name) == 0)
            return &fat_shapes[i];
    return NULL;
}

bool fatimage_possible(void)
{
    return shape_program("mkfs.fat") && shape_program("fsck.fat");
}

static void die(const char *what, const char *said)
{
    fprintf(stderr, "%s: %s\n", what, said);
    exit(2);
}

/* ---------------------------------------------------------- bad clusters */

static void put_link(uint8_t *fat, unsigned bits, uint32_t cluster,
                     uint32_t value)
{
    if (bits == 12) {
        uint8_t *at = fat + cluster + cluster / 2;

        if (cluster % 2) {
            at[0] = (uint8_t)((at[0] & 0x0f) | value << 4);
            at[1] = (uint8_t)(value >> 4);
        } else {
            at[0] = (uint8_t)value;
            at[1] = (uint8_t)((at[1] & 0xf0) | (value >> 8 & 0x0f));
        }
    } else if (bits == 16) {
        fat[2 * cluster] = (uint8_t)value;
        fat[2 * cluster + 1] = (uint8_t)(value >> 8);
    } else {
        for (unsigned i = 0; i < 4; i++)
            fat[4 * (size_t)cluster + i] = (uint8_t)(value >> 8 * i);
    }
}

/*
 * Call bad all clusters but about KEEP: those at the start, and pieces of 1 to
 * 16 here and there, the last cluster among them.
 */
static void scatter(const struct image *image, const struct fat_shape *shape)
{
    const uint8_t *b = image->bytes;
    uint32_t reserved = (uint32_t)(b[14] | b[15] << 8);
    uint32_t sectors = (uint32_t)(b[22] | b[23] << 8);
    uint32_t clusters, kept = 0, bad, left;
    uint64_t seed = 1;

    if (sectors == 0)
        sectors = (uint32_t)(b[36] | b[37] << 8);
    clusters = (uint32_t)((image->size / shape->sector - reserved -
                           shape->fats * sectors -
                           shape->root_entries * 32 / shape->sector) /
                          shape->per_cluster);
    bad = shape->bits == 12 ? 0xff7 : shape->bits == 16 ? 0xfff7 : 0x0ffffff7;
    /* Cluster 2 may be the root's. */
    left = shape->keep / 2;
    for (uint32_t c = 3; c < clusters + 2; c++) {
        if (left == 0 && c + 1 < clusters + 2) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            if ((seed >> 33) % (clusters / (shape->keep / 16 + 1)) == 0)
                left = (uint32_t)(seed >> 40) % 16 + 1;
        }
        if (left > 0 || c + 1 == clusters + 2) {
            left -= left > 0;
            kept++;
            continue;
        }
        for (unsigned copy = 0; copy < shape->fats; copy++)
            put_link(image->bytes + (size_t)(reserved + copy * sectors) *
                     shape->sector, shape->bits, c, bad);
    }
    if (shape->bits == 32) {
        uint8_t *info = image->bytes + shape->sector;

        for (unsigned i = 0; i < 4; i++)
            info[488 + i] = (uint8_t)(kept >> 8 * i);
    }
}

/* --------------------------------------------------------------- images */

void fatimage_format(const struct image *image,
                     const struct fat_shape *shape)
{
    char numbers[5][16], path[sizeof image->path], said[512];
    char *argv[24];
    int argc = 0;

    snprintf(path, sizeof path, "%s", image->path);
    snprintf(numbers[0], 16, "%u", shape->bits);
    snprintf(numbers[1], 16, "%u", shape->sector);
    snprintf(numbers[2], 16, "%u", shape->per_cluster);
    snprintf(numbers[3], 16, "%u", shape->fats);
    snprintf(numbers[4], 16, "%u", shape->root_entries);
    {
        char *args[] = { (char[]){ "mkfs.fat" }, (char[]){ "-F" }, numbers[0],
                         (char[]){ "-S" }, numbers[1], (char[]){ "-s" },
                         numbers[2], (char[]){ "-f" }, numbers[3],
                         (char[]){ "-a" }, (char[]){ "--invariant" },
                         (char[]){ "-r" }, numbers[4] };

        for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
            argv[argc++] = args[i];
        if (shape->root_entries == 0)
            argc -= 2;
        argv[argc++] = path;
        argv[argc] = NULL;
        if (shape_run("mkfs.fat", argv, said, sizeof said) != 0)
            die("mkfs.fat", said);
    }
    if (shape->keep > 0)
        scatter(image, shape);
}

void fatimage_make(struct image *image, const struct fat_shape *shape)
{
    image_make(image, (size_t)shape->kib << 10);
    fatimage_format(image, shape);
}

void fatimage_free(struct image *image)
{
    image_free(image);
}

int fatimage_fsck_file(const char *path, char *said, size_t size)
{
    char copy[4096];
    char *argv[] = { (char[]){ "fsck.fat" }, (char[]){ "-n" }, copy, NULL };

    snprintf(copy, sizeof copy, "%s", path);
    return shape_run("fsck.fat", argv, said, size);
}

int fatimage_fsck(const struct image *image, char *said, size_t size)
{
    int status = 0;

    said[0] = '\0';
    if (image->bytes[16] <= 2)      /* fsck.fat knows two FATs at most */
        status = fatimage_fsck_file(image->path, said, size);
    if (status == 0 && !is_sound_file("fat", image->path, said, size))
        status = 1;
    return status;
}

/* What harmless lines begin with. */
static const char *const harmless[] = {
    "fsck.fat ",
    "Dirty bit is set. Fs was not properly unmounted",
    " Automatically removing dirty bit.",
    "FATs differ but appear to be intact.",
    "  Using first FAT.",
    "Reclaimed ",
    "Unable to create unique name",
    "Free cluster summary wrong (",
    "  Auto-correcting.",
    "  Truncating file to ",
    "Leaving filesystem unchanged.",
    "There are differences between boot sector and its backup.",
    "This is mostly harmless. Differences: (offset:original/backup)",
    "  65:01/00",              /* the mark of use */
    "  Not automatically fixing this.",
    NULL,
};

static bool is_harmless(const char *line)
{
    unsigned long size, chain;
    const char *at = strstr(line, "File size is ");

    if (at && sscanf(at, "File size is %lu bytes, cluster chain length is > "
                     "%lu bytes", &size, &chain) == 2)
        return true;            /* chain is longer: space, not content */
    if (at)
        return false;
    for (size_t i = 0; harmless[i]; i++)
        if (strncmp(line, harmless[i], strlen(harmless[i])) == 0)
            return true;
    return line[0] == '\0' || line[0] == '/' ||
           strstr(line, " files, ") != NULL;
}

bool fatimage_fsck_harmless(const char *said)
{
    char line[512];

    while (*said) {
        size_t len = strcspn(said, "\n");

        snprintf(line, sizeof line, "%.*s", (int)len, said);
        if (!is_harmless(line))
            return false;
        said += len + (said[len] == '\n');
    }
    return true;
}
