/*
 * moved.c - files whose numbers are not their places
 *
 * A file's number comes from where its entry is, but who holds the file must
 * not see it change. So when an entry moves while the file is in memory, the
 * number stays, and is noted here; and a new file that gets an entry there has
 * to be given another one. Both go when nobody holds the files any more.
 *
 * What is dropped is kept, for the next one, until the moves are looked through
 * in between two transactions: so that one that is undone can put all back
 * without asking for memory.
 */
#include "fat.h"
#include "node.h"

#define BITS_FIRST 6u           /* of the number of buckets */
#define BITS_MAX 20u

/* The two numbers of a move, by each of which it is found. */
enum { INO, AT };

struct fat_move {
    uint64_t key[2];
    struct fat_move *next[2];   /* in its buckets */
};

struct bucket {
    struct fat_move *first[2];
};

struct fat_moves {
    struct bucket *buckets;
    unsigned bits;              /* there are 1 << bits */
    size_t count;               /* moves */
    struct fat_move *spare;     /* dropped ones, by next[INO] */
    uint64_t fresh;             /* the next fresh number */
};

/* The link to the first move in the bucket that KEY, of kind BY, has. */
static struct fat_move **link_first(const struct fat_moves *moves, unsigned by,
                                    uint64_t key)
{
    uint32_t folded = (uint32_t)key ^ (uint32_t)(key >> 32);

    return &moves->buckets[folded * 0x9e3779b1u >> (32 - moves->bits)]
                .first[by];
}

/* The link to what is noted of KEY; to NULL if nothing is. */
static struct fat_move **link_of(const struct fat_moves *moves, unsigned by,
                                 uint64_t key)
{
    struct fat_move **link = link_first(moves, by, key);

    while (*link && (*link)->key[by] != key)
        link = &(*link)->next[by];
    return link;
}

/* What is noted of KEY, or NULL. */
static struct fat_move *move_of(const struct fat_volume *vol, unsigned by,
                                uint64_t key)
{
    return vol->moves ? *link_of(vol->moves, by, key) : NULL;
}

uint64_t fat_ino_of(const struct fat_volume *vol, uint64_t at)
{
    const struct fat_move *move = move_of(vol, AT, at);

    return move ? move->key[INO] : fat_ino_natural(at);
}

bool fat_ino_place(const struct fat_volume *vol, uint64_t ino, uint64_t *at)
{
    const struct fat_move *move = move_of(vol, INO, ino);
    uint64_t place;

    if (move) {
        *at = move->key[AT];
        return true;
    }
    if (ino < fat_ino_natural(0) || ino >= FAT_INO_FRESH)
        return false;
    place = (ino - fat_ino_natural(0)) * FAT_ENTRY_SIZE;
    if (move_of(vol, AT, place))
        return false;           /* somebody else has moved there */
    *at = place;
    return true;
}

static void move_add(struct fat_moves *moves, struct fat_move *move)
{
    for (unsigned by = INO; by <= AT; by++) {
        struct fat_move **link = link_first(moves, by, move->key[by]);

        move->next[by] = *link;
        *link = move;
    }
    moves->count++;
}

static void spare_add(struct fat_moves *moves, struct fat_move *move)
{
    move->next[INO] = moves->spare;
    moves->spare = move;
}

static struct fat_move *spare_take(struct fat_moves *moves)
{
    struct fat_move *move = moves->spare;

    if (move)
        moves->spare = move->next[INO];
    return move;
}

static void spares_free(struct fat_volume *vol)
{
    struct fat_move *move;

    while ((move = spare_take(vol->moves)) != NULL)
        shale_free(vol->fs->mem, move, sizeof *move);
}

static void move_drop(struct fat_moves *moves, struct fat_move *move)
{
    for (unsigned by = INO; by <= AT; by++)
        *link_of(moves, by, move->key[by]) = move->next[by];
    moves->count--;
    spare_add(moves, move);
}

/* Make it 1 << BITS buckets, if there is memory for them. */
static void moves_grow(struct fat_volume *vol, unsigned bits)
{
    struct fat_moves *moves = vol->moves, old = *moves;
    struct bucket *buckets = shale_alloc_array(
        vol->fs->mem, (size_t)1 << bits, sizeof *buckets);

    if (!buckets)
        return;
    moves->buckets = buckets;
    moves->bits = bits;
    moves->count = 0;
    if (!old.buckets)
        return;
    for (size_t i = 0; i < (size_t)1 << old.bits; i++) {
        struct fat_move *move = old.buckets[i].first[INO], *next;

        for (; move; move = next) {
            next = move->next[INO];
            move_add(moves, move);
        }
    }
    shale_free(vol->fs->mem, old.buckets,
               ((size_t)1 << old.bits) * sizeof *buckets);
}

static int moves_make(struct fat_volume *vol)
{
    if (vol->moves)
        return 0;
    vol->moves = shale_zalloc(vol->fs->mem, sizeof *vol->moves);
    if (!vol->moves)
        return SHALE_ENOMEM;
    vol->moves->fresh = FAT_INO_FRESH;
    moves_grow(vol, BITS_FIRST);
    if (vol->moves->buckets)
        return 0;
    shale_free(vol->fs->mem, vol->moves, sizeof *vol->moves);
    vol->moves = NULL;
    return SHALE_ENOMEM;
}

int fat_moved_enter(struct fat_volume *vol, uint64_t ino, uint64_t at)
{
    bool is_home = ino == fat_ino_natural(at);
    struct fat_moves *moves;
    struct fat_move *move;
    int err = moves_make(vol);

    if (err)
        return err;
    moves = vol->moves;
    if (!is_home && !moves->spare && !move_of(vol, INO, ino) &&
        !move_of(vol, AT, at)) {
        move = shale_alloc(vol->fs->mem, sizeof *move);
        if (!move)
            return SHALE_ENOMEM;
        spare_add(moves, move);
    }
    fat_moved_leave(vol, ino);
    move = move_of(vol, AT, at);
    if (move)
        move_drop(moves, move);
    if (is_home)
        return 0;
    if (moves->count >= (size_t)1 << moves->bits && moves->bits < BITS_MAX)
        moves_grow(vol, moves->bits + 2);
    move = spare_take(moves);
    *move = (struct fat_move){ .key = { [INO] = ino, [AT] = at } };
    move_add(moves, move);
    return 0;
}

void fat_moved_leave(struct fat_volume *vol, uint64_t ino)
{
    struct fat_move *move = move_of(vol, INO, ino);

    if (move)
        move_drop(vol->moves, move);
}

int fat_moved_fresh(struct fat_volume *vol, uint64_t *out)
{
    int err = moves_make(vol);

    if (!err)
        *out = vol->moves->fresh++;
    return err;
}

/*
 * Call LOOK for each move; drop those for which it says so. With LOOK NULL,
 * all of them. Then free what has been dropped.
 */
static void moves_sweep(struct fat_volume *vol,
                        bool (*look)(struct fat_volume *vol,
                                     const struct fat_move *move))
{
    struct fat_moves *moves = vol->moves;

    for (size_t i = 0; i < (size_t)1 << moves->bits; i++) {
        struct fat_move *move = moves->buckets[i].first[INO], *next;

        for (; move; move = next) {
            next = move->next[INO];
            if (!look || look(vol, move))
                move_drop(moves, move);
        }
    }
    spares_free(vol);
}

/*
 * Without MOVE, would the entry's natural number be right? Not if it is that of
 * a file in memory, nor of one that is noted to be somewhere else.
 */
static bool is_done(struct fat_volume *vol, const struct fat_move *move)
{
    uint64_t natural = fat_ino_natural(move->key[AT]);

    return !shale_vnode_in_memory(vol->fs, move->key[INO]) &&
           !shale_vnode_in_memory(vol->fs, natural) &&
           !move_of(vol, INO, natural);
}

void fat_moved_purge(struct fat_volume *vol)
{
    if (vol->moves && (vol->moves->count > 0 || vol->moves->spare))
        moves_sweep(vol, is_done);
}

void fat_moved_fini(struct fat_volume *vol)
{
    struct fat_moves *moves = vol->moves;

    if (!moves)
        return;
    moves_sweep(vol, NULL);
    shale_free(vol->fs->mem, moves->buckets,
               ((size_t)1 << moves->bits) * sizeof *moves->buckets);
    shale_free(vol->fs->mem, moves, sizeof *moves);
    vol->moves = NULL;
}
