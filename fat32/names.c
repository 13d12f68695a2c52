/*
 * names.c - finding a name in a directory
 *
 * A name is found by reading one file's slots after the other. If that turns
 * out to be many, the next search makes a table of all names (nametable.c), and
 * those after it look where that says.
 */
#include "dir.h"
#include "extras.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "utf16.h"

/* A search of no more slots is as fast without a table. */
#define NAMES_WORTH 128u

/* How well a name fits, the better the more. */
enum fit {
    FIT_NOT,
    FIT_SHORT,                  /* it is the short name of a file with a long
                                   one, in any case */
    FIT_FOLDED,                 /* it is the name, in another case */
    FIT_EXACT,
};

/* What is searched for. */
struct search {
    struct fat_vnode *dir;
    const uint16_t *name;
    size_t len;
    struct fat_set *set;        /* room for the file at hand */
    enum fit fit;               /* of the best one so far */
    uint32_t slot;              /* where that is */
    int err;                    /* of looking where a table said */
};

static enum fit fit_of(const struct search *s)
{
    const struct fat_set *set = s->set;
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;

    if (fat_name_equal(set->name, set->len, s->name, s->len))
        return memcmp(set->name, s->name, s->len * sizeof *s->name) == 0
                   ? FIT_EXACT : FIT_FOLDED;
    if (!set->is_long || s->len > FAT_SHORT_UNITS)
        return FIT_NOT;
    len = fat_short_decode(fat_volume_of(s->dir->base.fs), &set->entry, shown);
    return fat_name_equal(shown, len, s->name, s->len) ? FIT_SHORT : FIT_NOT;
}

/* Note how the file at hand fits. True if none can fit better. */
static bool search_note(struct search *s)
{
    enum fit fit = fit_of(s);

    if (fit > s->fit) {
        s->fit = fit;
        s->slot = s->set->slot;
    }
    return fit == FIT_EXACT;
}

/* -------------------------------------------- the table, if there is one */

static const struct fat_extras *extras_of(const struct fat_vnode *dir)
{
    return fat_volume_of(dir->base.fs)->extras;
}

void fat_names_add(struct fat_vnode *dir, const struct fat_set *set)
{
    const struct fat_extras *extras = extras_of(dir);

    /* A search must not begin in the middle of it. */
    if (dir->hint - set->slot < set->count)
        dir->hint = set->slot;
    if (extras)
        extras->names_add(dir, set);
}

void fat_names_remove(struct fat_vnode *dir, const struct fat_set *set)
{
    const struct fat_extras *extras = extras_of(dir);

    if (extras)
        extras->names_remove(dir, set);
}

void fat_names_forget(struct fat_vnode *dir)
{
    const struct fat_extras *extras = extras_of(dir);

    if (extras)
        extras->names_forget(dir);
}

/* COUNT slots have been searched for a name. */
static void names_ask(struct fat_vnode *dir, uint32_t count)
{
    if (count > NAMES_WORTH)
        __atomic_store_n(&dir->names_asked, 1, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------- the searches */

/* A table says that the name may be at SLOT. Returns true if it can stop. */
static bool search_look(void *context, uint32_t slot)
{
    struct search *s = context;
    int found = fat_set_read(s->dir, slot, s->set);

    if (found < 0)
        s->err = found;
    return found < 0 || (found > 0 && search_note(s));
}

/* Search the slots from FIRST to before END. Returns 1 if it can stop. */
static int search_slots(struct search *s, uint32_t first, uint32_t end)
{
    struct fat_walk walk;
    bool done = false;
    int more;

    fat_walk_start(&walk, s->dir, first);
    while (!done && (more = fat_walk_next(&walk, s->set)) > 0) {
        if (s->set->slot >= end) {
            more = 0;
            break;
        }
        done = search_note(s);
        if (done)
            __atomic_store_n(&s->dir->hint, s->set->slot + s->set->count,
                             __ATOMIC_RELAXED);
    }
    fat_walk_stop(&walk);
    names_ask(s->dir, walk.next - first);
    return done ? 1 : more;
}

/*
 * Who asks for one name after the other mostly does so in the order of the
 * directory, so a search begins where the last one ended, and wraps around.
 */
static int search_anywhere(struct search *s)
{
    uint32_t start = __atomic_load_n(&s->dir->hint, __ATOMIC_RELAXED);
    int err = search_slots(s, start, UINT32_MAX), damage;

    if (err > 0)
        return 0;
    if (err == SHALE_ENOMEM || start == 0)
        return err;
    damage = err;
    err = search_slots(s, 0, start);
    return err > 0 ? 0 : err ? err : damage;
}

static int search_run(struct search *s)
{
    const struct fat_extras *extras = extras_of(s->dir);

    if (extras && extras->names_find(s->dir, fat_name_hash(s->name, s->len),
                                     search_look, s) &&
        (!s->err || s->err == SHALE_ENOMEM))
        return s->err;
    return search_anywhere(s);
}

int fat_dir_find(struct fat_vnode *dir, const uint16_t *name, size_t len,
                 struct fat_set *out)
{
    struct search s = {
        .dir = dir, .name = name, .len = len, .set = out,
    };
    int err = search_run(&s);

    /* Damage hides what is behind it, and not what was found. */
    if (s.fit == FIT_NOT)
        return err ? err : SHALE_ENOENT;
    if (s.fit == FIT_EXACT || out->slot == s.slot)
        return 0;
    err = fat_set_read(dir, s.slot, out);
    return err < 0 ? err : 0;
}

/* What a lookup needs, which is too much for a stack. */
struct lookup {
    struct fat_set set;
    uint16_t name[FAT_LONG_MAX];
};

int fat_dir_lookup(struct fat_vnode *dir, const char *name, size_t len,
                   uint64_t *ino)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct lookup *l = shale_alloc(vol->fs->mem, sizeof *l);
    int count, err;
    size_t bare;

    if (!l)
        return SHALE_ENOMEM;
    err = count = utf16_from_utf8(name, len, l->name, FAT_LONG_MAX);
    if (count >= 0)
        err = fat_dir_find(dir, l->name, (size_t)count, &l->set);

    /* Dots that end a name mean nothing, where no such name is kept. */
    if (err == SHALE_ENOENT && count > 0) {
        bare = fat_name_strip(l->name, (size_t)count, false);
        if (bare > 0 && bare < (size_t)count)
            err = fat_dir_find(dir, l->name, bare, &l->set);
    }
    if (!err)
        *ino = fat_ino_of(vol, l->set.at);
    shale_free(vol->fs->mem, l, sizeof *l);
    return err == SHALE_EINVAL ? SHALE_ENOENT : err;
}
