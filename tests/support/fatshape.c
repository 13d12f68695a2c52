/*
 * fatshape.c - the shapes that are FAT's: fatimage, fatcheck and fsck.fat
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatcheck.h"
#include "fatimage.h"
#include "shape.h"
#include "sound.h"

enum { SHAPES_MAX = 32 };

const struct shape *fat_shape(size_t number)
{
    static struct shape shapes[SHAPES_MAX];
    const struct fat_shape *from = &fat_shapes[number];

    if (number >= fat_shape_count || number >= SHAPES_MAX)
        return NULL;
    shapes[number] = (struct shape){
        .name = from->name, .kind = &fat_kind, .detail = from,
        .size = (size_t)from->kib << 10, .sector = from->sector,
        .in_steps = true,
        .can = { .folds_case = true, .name_units = true, .name_max = 255,
                 .file_max = UINT32_MAX },
    };
    return &shapes[number];
}

static void make(struct image *image, const struct shape *shape)
{
    fatimage_format(image, shape->detail);
}

/* ------------------------------------------------------------- the checker */

/* What is severe: a volume that is used on does not do without a repair. */
static unsigned grade(unsigned faults)
{
    unsigned out = 0;

    if (faults & (FATCHECK_LOST | FATCHECK_LONG | FATCHECK_COPIES |
                  FATCHECK_FREE | FATCHECK_DIRTY))
        out |= FOUND_LEFT;
    if (faults & (FATCHECK_TWINS | FATCHECK_DOTDOT))
        out |= FOUND_RENAMED;
    if (faults & (FATCHECK_ORPHAN | FATCHECK_BAD))
        out |= FOUND_BAD;
    return out;
}

static void look(struct found *found, const uint8_t *image, uint64_t size)
{
    struct fatcheck *check = found->own;

    if (!check) {
        found->own = check = calloc(1, sizeof *check);
        if (!check)
            abort();
    }
    found->faults = grade(fatcheck_run(check, image, size));
    found->said = check->said;
    for (size_t i = 0; i < check->count; i++) {
        const struct fatcheck_entry *from = &check->entries[i];
        struct found_entry *entry = found_add(found);

        entry->name = fatcheck_name(check, from);
        entry->parent = from->parent;
        entry->twin = from->twin;
        entry->type = from->is_dir ? SHALE_TYPE_DIR : SHALE_TYPE_FILE;
        entry->size = from->is_dir ? 0 : from->size;
        entry->ino = i + 1;
    }
}

static bool read_file(const struct found *found, size_t entry, void *buf,
                      size_t len, uint64_t offset)
{
    const struct fatcheck *check = found->own;

    return fatcheck_read(check, &check->entries[entry], buf, len, offset);
}

static void free_checker(struct found *found)
{
    fatcheck_free(found->own);
    free(found->own);
}

/* ------------------------------------------------------------- fsck.fat */

static bool is_sound(const char *path, char *said, size_t size)
{
    uint8_t fats = 0;
    FILE *from = fopen(path, "r");

    said[0] = '\0';
    if (!from || fseek(from, 16, SEEK_SET) != 0 ||
        fread(&fats, 1, 1, from) != 1)
        abort();
    fclose(from);
    /* It knows two FATs at most. */
    return (fats > 2 || fatimage_fsck_file(path, said, size) == 0) &&
           is_sound_file("fat", path, said, size);
}

static bool repair(const char *path, const struct found *found, char *said,
                   size_t size)
{
    /* It takes one of two names of a file away, which is all it can do. */
    if (found->faults & FOUND_RENAMED)
        return true;
    is_sound(path, said, size);
    return fatimage_fsck_harmless(said);
}

const struct shape_kind fat_kind = {
    .format = "fat",
    .needs = "mkfs.fat and fsck.fat",
    .possible = fatimage_possible,
    .make = make,
    .look = look,
    .read = read_file,
    .free = free_checker,
    .is_sound = is_sound,
    .repair = repair,
};
