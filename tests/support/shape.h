/*
 * shape.h - volumes to test on: how they are made, what they can, who judges
 *
 * A shape is a kind of volume, such as FAT16 with clusters of 2 KiB or ext2
 * with blocks of 1 KiB. The proofs of the write path (operations compared with
 * a model, power cuts, faults) work on shapes; what a format has of its own
 * is in its struct shape_kind, in fatshape.c and ext2shape.c.
 *
 * An image is an anonymous file that is mapped: the library works on the
 * mapping, and the format's own programs on the file.
 */
#ifndef SUPPORT_SHAPE_H
#define SUPPORT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/types.h"

struct shape;

/* What a filesystem can, as far as it matters to a model of it. */
struct abilities {
    bool folds_case;            /* names differ in more than case */
    bool unix_files;            /* links, devices, modes, owners, attributes,
                                   holes */
    bool fine_times;            /* nanoseconds are kept */
    bool no_allocate;           /* fallocate(2) reserves nothing */
    bool name_units;            /* names are measured in units of UTF-16 */
    size_t name_max;            /* in those, or bytes */
    uint64_t file_max;          /* bytes */
    size_t xattr_room;          /* bytes of attributes that always fit */
};

struct image {
    uint8_t *bytes;
    size_t size;
    int fd;
    char path[96];              /* of the file, for programs */
};

/* ------------------------------------------- what a checker found on one */

/* What is wrong. */
enum {
    FOUND_LEFT = 1,             /* a power cut may leave it: space in use that
                                   nothing leads to, counts, marks of use */
    FOUND_STEPS = 2,            /* ... where batches are written in steps:
                                   names of what is not there, counts of names,
                                   sizes that end before the blocks */
    FOUND_RENAMED = 4,          /* ... during a rename there */
    FOUND_BAD = 8,              /* anything else */
};

struct found_entry {
    const char *name;           /* UTF-8, terminated */
    size_t parent;              /* the directory's index; 0 for the root */
    size_t twin;                /* the entry that has the same content though
                                   no link, or 0 */
    enum shale_type type;
    uint64_t size;              /* of a file, or of a symlink's target */
    uint64_t ino;
    uint32_t mode, uid, gid;    /* of formats that have them */
    size_t place;               /* the checker's own */
};

struct found {
    const struct shape_kind *kind;
    unsigned faults;            /* FOUND_..., or-ed */
    const char *said;           /* the worst fault */

    /* The root is number 0; a directory comes before what it holds. */
    struct found_entry *entries;
    size_t count, room;
    void *own;                  /* the format's checker */
};

/* Look at the SIZE bytes at IMAGE, which stay in use until the next call.
   FOUND is zeros but for its kind before the first. Returns the faults. */
unsigned found_look(struct found *found, const uint8_t *image, uint64_t size);
void found_free(struct found *found);

/* Copy LEN bytes at OFFSET of a file, or of a symlink's target. */
bool found_read(const struct found *found, size_t entry, void *buf, size_t len,
                uint64_t offset);

/* The path of an entry, for a message, in static storage. */
const char *found_path(const struct found *found, size_t entry);

/* Is this entry the one that nobody looks at, or below it? */
bool found_is_hidden(const struct found *found, size_t entry);

/* One more entry, zeroed; the caller fills it in. */
struct found_entry *found_add(struct found *found);

/* --------------------------------------------------------------- formats */

struct shape_kind {
    const char *format;
    const char *needs;          /* the programs, for a message */
    bool heals;                 /* mounting for writing repairs what a power
                                   cut has left */
    const char *hidden;         /* a name in the root that is not looked at;
                                   or NULL */

    bool (*possible)(void);

    /* Make the volume in the file of IMAGE, which has its size. */
    void (*make)(struct image *image, const struct shape *shape);

    /* As found_look(): fill in all but kind. found_read(). found_free(). */
    void (*look)(struct found *found, const uint8_t *image, uint64_t size);
    bool (*read)(const struct found *found, size_t entry, void *buf,
                 size_t len, uint64_t offset);
    void (*free)(struct found *found);

    /* Does the format's own checker find nothing in the file at PATH, which
       it does not change? Else what it says is stored. */
    bool (*is_sound)(const char *path, char *said, size_t size);

    /*
     * The same after a power cut: would the checker find nothing that it does
     * not put right by itself? If the kind heals, it does: PATH may change.
     */
    bool (*repair)(const char *path, const struct found *found, char *said,
                   size_t size);
};

struct shape {
    const char *name;
    const struct shape_kind *kind;
    const void *detail;         /* the kind's */
    size_t size;                /* bytes */
    uint32_t sector;            /* bytes; of the device */
    bool in_steps;              /* batches are not whole on the device, or
                                   absent */
    struct abilities can;
};

/* The shape called NAME, or NULL. The first one is fat12. */
const struct shape *shape_named(const char *name);

/* Can it be made here? If not, says on stdout what is missing. */
bool shape_possible(const struct shape *shape);

/* A new volume; ends the program where that cannot be made. */
void shape_make(struct image *image, const struct shape *shape);

/* An image of SIZE zero bytes. */
void image_make(struct image *image, size_t size);
void image_free(struct image *image);

/* A file with OF's bytes, and its holes. */
void image_copy(struct image *copy, const struct image *of);

/* A view of OF's bytes to change at will: no file, and what is not changed is
   not copied. It is gone with image_free(); OF stays as it is until then. */
void image_view(struct image *view, const struct image *of);

/* Where PROGRAM is, among the places for those of administrators; NULL if it
   is not there. Gone with the next call. */
const char *shape_program(const char *program);

/* Run PROGRAM with ARGV, and store what it prints. Returns its exit status,
   or 128 if it cannot be run, or is killed. */
int shape_run(const char *program, char **argv, char *said, size_t size);

extern const struct shape_kind fat_kind, ext2_kind;
extern const struct shape ext2_shapes[];
extern const size_t ext2_shape_count;
const struct shape *fat_shape(size_t number);       /* NULL: no more */

#endif /* SUPPORT_SHAPE_H */
