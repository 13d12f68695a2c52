/*
 * ext2check_journal.c - the journal of an ext3 volume, replayed in mind
 *
 * The newest copy of each block that a whole transaction has is in check->over;
 * the image stays as it is.
 */
#include "ext2check_own.h"

#include <stdlib.h>
#include <string.h>

/* One block of the log, and the number of the next one. */
static const uint8_t *log_block(const struct ext2check *check, uint32_t *at,
                                uint32_t first, uint32_t max)
{
    const uint8_t *bytes = check->image + (uint64_t)check->journal[*at] *
                           check->block_size;

    *at = *at + 1 == max ? first : *at + 1;
    return bytes;
}

static const uint8_t *unescape(struct ext2check *check, const uint8_t *bytes)
{
    static const uint8_t magic[4] = { 0xc0, 0x3b, 0x39, 0x98 };
    uint8_t *copy;

    if (check->escaped_count == check->escaped_room)
        return NULL;
    copy = check->escaped + (size_t)check->escaped_count++ * check->block_size;
    memcpy(copy, bytes, check->block_size);
    memcpy(copy, magic, sizeof magic);
    return copy;
}

/*
 * Go through the transaction whose descriptor block is D; *AT is after it. If
 * APPLY, its images are what is on the volume.
 */
static void take_tags(struct found *found, const uint8_t *d, uint32_t *at,
                      uint32_t first, uint32_t max, bool apply)
{
    struct ext2check *check = found->own;
    uint32_t flags = 0;

    for (uint32_t tag = 12; !(flags & 8) && tag + 8 <= check->block_size;) {
        uint32_t block = big32(d + tag);
        const uint8_t *bytes = log_block(check, at, first, max);

        flags = big32(d + tag + 4) & 0xffff;
        tag += flags & 2 ? 8 : 24;
        if (!apply)
            continue;
        if (block >= check->block_count) {
            fault(found, FOUND_BAD, "the journal has block %u", block);
            return;
        }
        check->over[block] = flags & 1 ? unescape(check, bytes) : bytes;
        if (!check->over[block])
            fault(found, FOUND_BAD, "more escaped blocks than possible");
    }
}

/* Transaction SEQUENCE at *AT: is it whole? Then *AT is after it. */
static bool take_transaction(struct found *found, uint32_t *at, uint32_t first,
                             uint32_t max, uint32_t sequence, bool apply)
{
    struct ext2check *check = found->own;
    uint32_t now = *at;

    for (uint32_t blocks = 0; blocks < max; blocks++) {
        const uint8_t *b = log_block(check, &now, first, max);

        if (big32(b) != 0xc03b3998 || big32(b + 8) != sequence)
            return false;
        switch (big32(b + 4)) {
        case 1:
            take_tags(found, b, &now, first, max, apply);
            break;
        case 2:
            *at = now;
            return true;
        default:
            /* Nothing of ours is ever revoked. */
            fault(found, FOUND_BAD, "the journal has a block of type %u",
                  big32(b + 4));
            return false;
        }
    }
    return false;
}

void ext2check_journal(struct found *found)
{
    struct ext2check *check = found->own;
    const uint8_t *raw = ext2check_inode_at(check, JOURNAL_INO), *s;
    uint32_t max, first, start, sequence;

    check->journal_count = (uint32_t)(get32(raw + 4) / check->block_size);
    if (check->journal_count > check->block_count) {
        fault(found, FOUND_BAD, "the journal is too long");
        return;
    }
    check->journal = ext2check_zeros(check->journal, &check->journal_room,
                                     check->journal_count,
                                     sizeof *check->journal);
    for (uint32_t i = 0; i < check->journal_count; i++) {
        check->journal[i] = ext2check_map(check, raw, i);
        if (check->journal[i] == 0) {
            fault(found, FOUND_BAD, "the journal has a hole at %u", i);
            return;
        }
    }
    if (check->journal_count == 0) {
        fault(found, FOUND_BAD, "there is no journal");
        return;
    }
    s = check->image + (uint64_t)check->journal[0] * check->block_size;
    max = big32(s + 16);
    first = big32(s + 20);
    sequence = big32(s + 24);
    start = big32(s + 28);
    if (big32(s) != 0xc03b3998 || (big32(s + 4) != 3 && big32(s + 4) != 4) ||
        big32(s + 12) != check->block_size || max > check->journal_count ||
        first == 0 || first >= max || start >= max ||
        (big32(s + 4) == 4 && big32(s + 40) != 0)) {
        fault(found, FOUND_BAD, "the journal's superblock is not one");
        return;
    }
    if (start == 0)
        return;
    check->over = ext2check_zeros(check->over, &check->over_room,
                                  check->block_count, sizeof *check->over);
    check->recovering = true;
    check->escaped_count = 0;
    if (!check->escaped) {
        check->escaped_room = 64;
        check->escaped = malloc((size_t)check->escaped_room * 65536);
        if (!check->escaped)
            abort();
    }
    for (uint32_t at = start, now = at;
         take_transaction(found, &now, first, max, sequence, false);
         at = now, sequence++) {
        uint32_t again = at;

        take_transaction(found, &again, first, max, sequence, true);
    }
}
