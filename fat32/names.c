/*
 * names.c - finding a name in a directory
 *
 * A name is found by reading one file's slots after the other. If that turns
 * out to be many, the next search makes a table of all names by hash, long ones
 * and short ones, and those after it look where that says.
 *
 * A table may say too much, never too little: what it says is read again, what
 * comes to the directory is added, and what goes is taken out. Only a directory
 * that was read to its end gets one, so what is not in it is not there.
 */
#include "fat.h"
#include "memfn.h"
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
    const uint16_t *name;       /* or NULL: the short name, as it is */
    size_t len;
    const uint8_t *short_name;
    struct fat_set *set;        /* room for the file at hand */
    enum fit fit;               /* of the best one so far */
    uint32_t slot;              /* where that is */
};

static enum fit fit_of(const struct search *s)
{
    const struct fat_set *set = s->set;
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;

    if (!s->name)
        return memcmp(set->entry.name, s->short_name, 11) == 0 ? FIT_EXACT
                                                               : FIT_NOT;
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

/* ------------------------------------------------------------- the table */

void fat_names_forget(struct fat_vnode *dir)
{
    namehash_destroy(dir->names);
    dir->names = NULL;
    dir->names_asked = 0;
    dir->names_made = (struct shale_once)SHALE_ONCE_INIT_POISON;
}

/* Is POSITION noted with HASH? */
static bool is_noted(const struct namehash *names, uint32_t hash,
                     uint32_t position)
{
    struct namehash_search search = namehash_start(names, hash);
    uint32_t other;

    while (namehash_next(&search, &other))
        if (other == position)
            return true;
    return false;
}

/* Note the names of SET. CHECK: not if they are there. */
static bool names_note(const struct fat_volume *vol, struct namehash *names,
                       const struct fat_set *set, bool check)
{
    uint16_t shown[FAT_SHORT_UNITS];
    uint32_t hash = fat_name_hash(set->name, set->len);
    size_t len;

    if (!(check && is_noted(names, hash, set->slot)) &&
        !namehash_add(names, hash, set->slot))
        return false;
    if (!set->is_long)
        return true;
    len = fat_short_decode(vol, &set->entry, shown);
    hash = fat_name_hash(shown, len);
    return (check && is_noted(names, hash, set->slot)) ||
           namehash_add(names, hash, set->slot);
}

void fat_names_add(struct fat_vnode *dir, const struct fat_set *set)
{
    /* A search must not begin in the middle of it. */
    if (dir->hint - set->slot < set->count)
        dir->hint = set->slot;
    if (dir->names &&
        !names_note(fat_volume_of(dir->base.fs), dir->names, set, true))
        fat_names_forget(dir);
}

void fat_names_remove(struct fat_vnode *dir, const struct fat_set *set)
{
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;

    if (!dir->names)
        return;
    namehash_remove(dir->names, fat_name_hash(set->name, set->len), set->slot);
    if (!set->is_long)
        return;
    len = fat_short_decode(fat_volume_of(dir->base.fs), &set->entry, shown);
    namehash_remove(dir->names, fat_name_hash(shown, len), set->slot);
}

/* Make a table of all names of DIR, or return NULL. */
static struct namehash *names_build(struct fat_vnode *dir)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct namehash *names = namehash_create(vol->fs->mem, &vol->names);
    struct fat_set *set = names ? fat_set_get(vol) : NULL;
    bool added = true;
    struct fat_walk walk;
    int more = SHALE_ENOMEM;

    if (set) {
        fat_walk_start(&walk, dir, 0);
        while (added && (more = fat_walk_next(&walk, set)) > 0)
            added = names_note(vol, names, set, false);
        fat_walk_stop(&walk);
        fat_set_put(vol, set);
    }
    if (more == 0)
        return names;
    namehash_destroy(names);
    return NULL;
}

static int names_make(void *context)
{
    struct fat_vnode *dir = context;

    dir->names = names_build(dir);
    return dir->names ? 0 : SHALE_ENOMEM;
}

const struct namehash *fat_names_of(struct fat_vnode *dir)
{
    /* While somebody else is at it there is still the other way. */
    if (!__atomic_load_n(&dir->names_asked, __ATOMIC_RELAXED) ||
        shale_once_try(&dir->names_made, names_make, dir))
        return NULL;
    return dir->names;
}

/* COUNT slots have been searched for a name. */
static void names_ask(struct fat_vnode *dir, uint32_t count)
{
    if (count > NAMES_WORTH)
        __atomic_store_n(&dir->names_asked, 1, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------- the searches */

/* Search where NAMES says. */
static int search_table(struct search *s, const struct namehash *names)
{
    struct namehash_search search;
    uint16_t shown[FAT_SHORT_UNITS];
    const uint16_t *name = s->name;
    size_t len = s->len;
    uint32_t slot;
    int found;

    if (!name) {
        struct fat_entry entry = { .attr = 0 };

        memcpy(entry.name, s->short_name, sizeof entry.name);
        len = fat_short_decode(fat_volume_of(s->dir->base.fs), &entry, shown);
        name = shown;
    }
    search = namehash_start(names, fat_name_hash(name, len));
    while (namehash_next(&search, &slot)) {
        found = fat_set_read(s->dir, slot, s->set);
        if (found < 0)
            return found;
        if (found > 0 && search_note(s))
            break;
    }
    return 0;
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
    const struct namehash *names = fat_names_of(s->dir);
    int err;

    if (names) {
        err = search_table(s, names);
        if (!err || err == SHALE_ENOMEM)
            return err;
    }
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

int fat_dir_has_short(struct fat_vnode *dir, const uint8_t name[11])
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct search s = {
        .dir = dir, .short_name = name, .set = fat_set_get(vol),
    };
    int err;

    if (!s.set)
        return SHALE_ENOMEM;
    err = search_run(&s);
    fat_set_put(vol, s.set);
    return err ? err : s.fit == FIT_EXACT;
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
