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

#define BITS_FIRST 6u           /* of the number of buckets */
#define BITS_MAX 20u

struct fat_move {
    uint64_t ino, at;
    struct fat_move *next_ino, *next_at;        /* in their buckets */
};

struct bucket {
    struct fat_move *by_ino, *by_at;
};

struct fat_moves {
    struct bucket *buckets;
    unsigned bits;              /* there are 1 << bits */
    size_t count;               /* moves */
    struct fat_move *spare;     /* dropped ones, by next_ino */
    uint64_t fresh;             /* the next fresh number */
};

static struct bucket *bucket_of(const struct fat_moves *moves, uint64_t key)
{
    uint32_t folded = (uint32_t)key ^ (uint32_t)(key >> 32);

    return &moves->buckets[folded * 0x9e3779b1u >> (32 - moves->bits)];
}

/* The links to what is noted of INO, of AT; to NULL if nothing is. */
static struct fat_move **link_ino(const struct fat_moves *moves, uint64_t ino)
{
    struct fat_move **link = &bucket_of(moves, ino)->by_ino;

    while (*link && (*link)->ino != ino)
        link = &(*link)->next_ino;
    return link;
}

static struct fat_move **link_at(const struct fat_moves *moves, uint64_t at)
{
    struct fat_move **link = &bucket_of(moves, at)->by_at;

    while (*link && (*link)->at != at)
        link = &(*link)->next_at;
    return link;
}

uint64_t fat_ino_of(const struct fat_volume *vol, uint64_t at)
{
    const struct fat_move *move = NULL;

    if (vol->moves)
        move = *link_at(vol->moves, at);
    return move ? move->ino : fat_ino_natural(at);
}

bool fat_ino_place(const struct fat_volume *vol, uint64_t ino, uint64_t *at)
{
    const struct fat_move *move = NULL;
    uint64_t place;

    if (vol->moves)
        move = *link_ino(vol->moves, ino);
    if (move) {
        *at = move->at;
        return true;
    }
    if (ino < fat_ino_natural(0) || ino >= FAT_INO_FRESH)
        return false;
    place = (ino - fat_ino_natural(0)) * FAT_ENTRY_SIZE;
    if (fat_ino_of(vol, place) != ino)
        return false;           /* somebody else has moved there */
    *at = place;
    return true;
}

static void move_add(struct fat_moves *moves, struct fat_move *move)
{
    struct fat_move **link = &bucket_of(moves, move->ino)->by_ino;

    move->next_ino = *link;
    *link = move;
    link = &bucket_of(moves, move->at)->by_at;
    move->next_at = *link;
    *link = move;
    moves->count++;
}

static void spare_add(struct fat_moves *moves, struct fat_move *move)
{
    move->next_ino = moves->spare;
    moves->spare = move;
}

static struct fat_move *spare_take(struct fat_moves *moves)
{
    struct fat_move *move = moves->spare;

    if (move)
        moves->spare = move->next_ino;
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
    *link_ino(moves, move->ino) = move->next_ino;
    *link_at(moves, move->at) = move->next_at;
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
        struct fat_move *move = old.buckets[i].by_ino, *next;

        for (; move; move = next) {
            next = move->next_ino;
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
    struct fat_moves *moves;
    struct fat_move *move;
    int err = moves_make(vol);

    if (err)
        return err;
    moves = vol->moves;
    if (ino != fat_ino_natural(at) && !moves->spare && !*link_ino(moves, ino) &&
        !*link_at(moves, at)) {
        move = shale_alloc(vol->fs->mem, sizeof *move);
        if (!move)
            return SHALE_ENOMEM;
        spare_add(moves, move);
    }
    fat_moved_leave(vol, ino);
    if (*link_at(moves, at))
        move_drop(moves, *link_at(moves, at));
    if (ino == fat_ino_natural(at))
        return 0;               /* it is where it belongs */
    if (moves->count >= (size_t)1 << moves->bits && moves->bits < BITS_MAX)
        moves_grow(vol, moves->bits + 2);
    move = spare_take(moves);
    *move = (struct fat_move){ .ino = ino, .at = at };
    move_add(moves, move);
    return 0;
}

void fat_moved_leave(struct fat_volume *vol, uint64_t ino)
{
    struct fat_move *move = vol->moves ? *link_ino(vol->moves, ino) : NULL;

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
        struct fat_move *move = moves->buckets[i].by_ino, *next;

        for (; move; move = next) {
            next = move->next_ino;
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
    uint64_t natural = fat_ino_natural(move->at);

    return !shale_vnode_in_memory(vol->fs, move->ino) &&
           !shale_vnode_in_memory(vol->fs, natural) &&
           !*link_ino(vol->moves, natural);
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
