/* recent.c - see recent.h */
#include "fuse/recent.h"

#include "shale/shale.h"

struct shale_vnode *recent_add(struct recent *recent, struct shale_vnode *vn)
{
    struct shale_vnode **place, *oldest;

    for (unsigned i = 0; i < RECENT; i++)
        if (recent->all[i] == vn)
            return NULL;
    place = &recent->all[recent->next++ % RECENT];
    oldest = *place;
    shale_vnode_ref(vn);
    *place = vn;
    return oldest;
}

struct shale_vnode *recent_take(struct recent *recent, uint64_t ino)
{
    for (unsigned i = 0; i < RECENT; i++) {
        struct shale_vnode *vn = recent->all[i];

        if (vn && shale_vnode_ino(vn) == ino) {
            recent->all[i] = NULL;
            return vn;
        }
    }
    return NULL;
}

unsigned recent_take_some(struct recent *recent,
                          bool (*whose)(void *context, uint64_t ino),
                          void *context, struct shale_vnode **out)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < RECENT; i++) {
        struct shale_vnode *vn = recent->all[i];

        if (vn && whose(context, shale_vnode_ino(vn))) {
            recent->all[i] = NULL;
            out[taken++] = vn;
        }
    }
    return taken;
}
