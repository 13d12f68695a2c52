/*
 * shape.c - volumes to test on, whatever their format
 */
#include "shape.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 8192 };

const struct shape *shape_named(const char *name)
{
    const struct shape *shape;

    for (size_t i = 0; (shape = fat_shape(i)) != NULL; i++)
        if (strcmp(shape->name, name) == 0)
            return shape;
    for (size_t i = 0; i < ext2_shape_count; i++)
        if (strcmp(ext2_shapes[i].name, name) == 0)
            return &ext2_shapes[i];
    return NULL;
}

bool shape_possible(const struct shape *shape)
{
    if (shape->kind->possible())
        return true;
    printf("skipped: needs %s\n", shape->kind->needs);
    return false;
}

/* -------------------------------------------------------------- programs */

const char *shape_program(const char *name)
{
    static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin",
                                           "/usr/local/sbin" };
    static char path[64];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

int shape_run(const char *name, char **argv, char *said, size_t size)
{
    const char *path = shape_program(name);
    char rest[4096];
    size_t got = 0;
    ssize_t part;
    int ends[2], status;
    pid_t child;

    said[0] = '\0';
    if (!path || pipe2(ends, O_CLOEXEC) != 0)
        return 128;
    child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execv(path, argv);
        _exit(127);
    }
    close(ends[1]);
    while (got + 1 < size &&
           (part = read(ends[0], said + got, size - got - 1)) > 0)
        got += (size_t)part;
    said[got] = '\0';
    /* The program does not end for want of a listener. */
    while (read(ends[0], rest, sizeof rest) > 0)
        ;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* ---------------------------------------------------------------- images */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

void image_make(struct image *image, size_t size)
{
    memset(image, 0, sizeof *image);
    image->size = size;
    image->fd = memfd_create("image", MFD_CLOEXEC);
    if (image->fd < 0 || ftruncate(image->fd, (off_t)size) != 0)
        die("memfd_create");
    snprintf(image->path, sizeof image->path, "/proc/%ld/fd/%d",
             (long)getpid(), image->fd);
    image->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                        image->fd, 0);
    if (image->bytes == MAP_FAILED)
        die("mmap");
}

void image_copy(struct image *copy, const struct image *of)
{
    off_t at = 0, end;

    image_make(copy, of->size);
    while ((at = lseek(of->fd, at, SEEK_DATA)) >= 0) {
        end = lseek(of->fd, at, SEEK_HOLE);
        if (end < 0)
            die("lseek");
        memcpy(copy->bytes + at, of->bytes + at, (size_t)(end - at));
        at = end;
    }
}

void image_view(struct image *view, const struct image *of)
{
    *view = (struct image){ .size = of->size, .fd = -1 };
    view->bytes = mmap(NULL, of->size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                       of->fd, 0);
    if (view->bytes == MAP_FAILED)
        die("mmap");
}

void image_free(struct image *image)
{
    munmap(image->bytes, image->size);
    if (image->fd >= 0)
        close(image->fd);
    image->bytes = NULL;
}

void shape_make(struct image *image, const struct shape *shape)
{
    image_make(image, shape->size);
    shape->kind->make(image, shape);
}

/* ----------------------------------------------------------------- found */

unsigned found_look(struct found *found, const uint8_t *image, uint64_t size)
{
    found->faults = 0;
    found->said = "";
    found->count = 0;
    found->kind->look(found, image, size);
    return found->faults;
}

void found_free(struct found *found)
{
    const struct shape_kind *kind = found->kind;

    if (found->own)
        kind->free(found);
    free(found->entries);
    *found = (struct found){ .kind = kind };
}

bool found_read(const struct found *found, size_t entry, void *buf, size_t len,
                uint64_t offset)
{
    return found->kind->read(found, entry, buf, len, offset);
}

struct found_entry *found_add(struct found *found)
{
    if (found->count == found->room) {
        found->room = found->room * 2 + 64;
        found->entries = realloc(found->entries,
                                 found->room * sizeof *found->entries);
        if (!found->entries)
            abort();
    }
    memset(&found->entries[found->count], 0, sizeof *found->entries);
    return &found->entries[found->count++];
}

bool found_is_hidden(const struct found *found, size_t number)
{
    const struct found_entry *entry = &found->entries[number];

    if (!found->kind->hidden || number == 0)
        return false;
    while (entry->parent > 0)
        entry = &found->entries[entry->parent];
    return strcmp(entry->name, found->kind->hidden) == 0;
}

const char *found_path(const struct found *found, size_t entry)
{
    static char path[PATH_ROOM];
    size_t at = sizeof path - 1;

    path[at] = '\0';
    while (entry > 0) {
        const char *name = found->entries[entry].name;
        size_t len = strlen(name);

        if (len + 1 > at)
            break;
        at -= len;
        memcpy(path + at, name, len);
        path[--at] = '/';
        entry = found->entries[entry].parent;
    }
    return path + at;
}
