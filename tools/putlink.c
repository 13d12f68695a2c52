/*
 * putlink.c - files of the host that have several names
 *
 * By device and number; the map knows numbers only, and the few that are on
 * several devices form a chain.
 */
#include "put.h"

/* The note on the file with ST; NULL: there is none. *LAST is where its chain
   ends. */
static struct put_link *find(struct put *put, const struct stat *st,
                             struct put_link **last)
{
    size_t at = (size_t)inomap_find(&put->links_of, st->st_ino);

    *last = NULL;
    for (; at; at = (*last)->next) {
        *last = &put->links[at - 1];
        if ((*last)->dev == st->st_dev)
            return *last;
    }
    return NULL;
}

void put_link_note(struct put *put, const struct stat *st,
                   const struct shale_vnode *vn)
{
    struct put_link *last, *link;
    size_t place = put->link_count + 1;

    if (st->st_nlink < 2)
        return;
    link = find(put, st, &last);
    if (link) {                 /* its copy has had all the names it can */
        link->copy = shale_vnode_ino(vn);
        return;
    }
    if (last)
        last->next = place;
    else
        inomap_add(&put->links_of, st->st_ino, place);
    /* Room is doubled whenever the count is a power of two. */
    if ((put->link_count & (put->link_count - 1)) == 0)
        put->links = xrealloc(put->links, 2 * put->link_count + 1,
                              sizeof *put->links);
    put->links[put->link_count++] = (struct put_link){
        .dev = st->st_dev, .ino = st->st_ino, .copy = shale_vnode_ino(vn),
    };
}

struct shale_vnode *put_link_find(struct put *put, const struct stat *st)
{
    struct put_link *last, *link = find(put, st, &last);
    struct shale_vnode *vn;

    if (!link || shale_vnode_get(put->vol->fs, link->copy, &vn) != 0)
        return NULL;
    return vn;
}
