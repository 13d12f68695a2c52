/*
 * listing.c - the entries of one directory, in memory
 *
 * The volume's lock is held while entries come, so they are only copied here,
 * and everything else happens afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "tools.h"

#define LISTING_FULL 1          /* what the sink stops the iteration with */

struct load {
    struct listing *listing;
    unsigned flags;
    size_t max;
    uint64_t next;
};

static bool wanted(const struct load *load, const struct shale_dirent *entry)
{
    bool dots = (entry->len == 1 && entry->name[0] == '.') ||
                (entry->len == 2 && !memcmp(entry->name, "..", 2));

    if (dots)
        return (load->flags & LISTING_DOTS) != 0;
    return entry->name[0] != '.' || (load->flags & LISTING_HIDDEN);
}

/* Double a capacity until WANT fits. */
static size_t grown(size_t capacity, size_t want, size_t first)
{
    if (capacity == 0)
        capacity = first;
    while (capacity < want)
        capacity *= 2;
    return capacity;
}

static void append(struct listing *l, const struct shale_dirent *entry)
{
    size_t names_len = l->names_len + entry->len + 1;
    struct listing_entry *copy;

    if (l->count == l->capacity) {
        l->capacity = grown(l->capacity, l->count + 1, 32);
        l->entries = xrealloc(l->entries, l->capacity, sizeof *l->entries);
    }
    if (names_len > l->names_capacity) {
        l->names_capacity = grown(l->names_capacity, names_len, 1024);
        l->names = xrealloc(l->names, l->names_capacity, 1);
    }
    memcpy(l->names + l->names_len, entry->name, entry->len);
    l->names[names_len - 1] = '\0';
    l->names_len = names_len;

    copy = &l->entries[l->count++];
    memset(copy, 0, sizeof *copy);
    copy->len = entry->len;
    copy->ino = entry->ino;
    copy->type = entry->type;
    if (entry->attr) {
        copy->has_attr = true;
        copy->attr = *entry->attr;
        copy->type = shale_type_of_mode(entry->attr->mode);
    }
}

static int emit(void *context, const struct shale_dirent *entry)
{
    struct load *load = context;

    if (!wanted(load, entry)) {
        load->next = entry->next;
        return 0;
    }
    if (load->max && load->listing->count == load->max)
        return LISTING_FULL;
    append(load->listing, entry);
    load->next = entry->next;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct listing_entry *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->name, y->name, len);

    if (order)
        return order;
    return (x->len > y->len) - (x->len < y->len);
}

int listing_load(struct listing *l, struct shale_vnode *dir, unsigned flags,
                 size_t max, uint64_t *cookie)
{
    struct load load = { l, flags, max, *cookie };
    const char *name;
    int err;

    l->count = l->names_len = 0;
    err = shale_iterate(dir, *cookie,
                        flags & LISTING_ATTR ? SHALE_ITERATE_ATTR : 0, emit,
                        &load);
    *cookie = load.next;

    /* The names' buffer has stopped moving. */
    name = l->names;
    for (size_t i = 0; i < l->count; i++) {
        l->entries[i].name = name;
        name += l->entries[i].len + 1;
    }
    if (!(flags & LISTING_UNSORTED) && l->count > 0)
        qsort(l->entries, l->count, sizeof *l->entries, by_name);
    return err == LISTING_FULL ? 0 : err;
}

void listing_free(struct listing *l)
{
    free(l->entries);
    free(l->names);
    memset(l, 0, sizeof *l);
}

bool listing_name_sane(const char *name, size_t len)
{
    if (len == 0 || memchr(name, '/', len) || memchr(name, '\0', len))
        return false;
    return !(len == 1 && name[0] == '.') &&
           !(len == 2 && name[0] == '.' && name[1] == '.');
}
