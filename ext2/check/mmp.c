/*
 * mmp.c - the block that tells who has the volume in use
 *
 * "Multiple mount protection": whoever mounts the volume counts up in this
 * block. Marks instead of a count say that nobody does, or that a checker does.
 * After "ext4 Data Structures and Algorithms", "Multiple Mount Protection".
 */
#include "ext2/check/check.h"
#include "memfn.h"

#define SUPER_MMP_BLOCK 0x168           /* le64 */
#define MMP_MAGIC       0x004d4d50u
#define MMP_CLEAN       0xff4d4d50u
#define MMP_COUNT       4u
#define MMP_CHECKSUM    0x3fcu
#define MMP_SIZE        1024u

static uint32_t get32(const uint8_t *b)
{
    return le32_get((le32){{ b[0], b[1], b[2], b[3] }});
}

static void check_block(struct ext2_check *c, uint64_t at,
                        const uint8_t *bytes)
{
    uint32_t sum;

    if (get32(bytes) != MMP_MAGIC) {
        ext2_tell(c, MMP_BLOCK, at, .name = "has not the right magic number",
                  .len = 30, .compared = true, .expected = MMP_MAGIC,
                  .found = get32(bytes));
        return;
    }
    sum = ext2_check_crc(c, c->super.seed, bytes, MMP_CHECKSUM);
    if (c->super.metadata_csum && sum != get32(bytes + MMP_CHECKSUM))
        ext2_tell(c, MMP_BLOCK, at + MMP_CHECKSUM,
                  .name = "has a wrong checksum", .len = 20, .compared = true,
                  .expected = sum, .found = get32(bytes + MMP_CHECKSUM));
    if (get32(bytes + MMP_COUNT) != MMP_CLEAN)
        ext2_tell(c, MMP_BUSY, at + MMP_COUNT, .compared = true,
                  .expected = MMP_CLEAN, .found = get32(bytes + MMP_COUNT));
}

int ext2_check_mmp(struct ext2_check *c)
{
    uint64_t block, at;
    uint8_t *bytes;
    bool good;
    le64 raw;
    int err;

    if (!(c->super.incompat & EXT2_INCOMPAT_MMP))
        return 0;
    memcpy(&raw, (const uint8_t *)&c->super.raw + SUPER_MMP_BLOCK, sizeof raw);
    block = le64_get(raw);
    at = c->super.at + SUPER_MMP_BLOCK;
    if (!ext2_check_fits(c, block, 1)) {
        ext2_tell(c, MMP_BLOCK, at, .name = "cannot be where the superblock "
                  "says", .len = 34, .found = block);
        return 0;
    }
    at = ext2_check_at(c, block);
    err = check_bits_add(c->used, block >> c->super.cluster_shift, 1, NULL);
    if (!err)
        err = check_bits_add(c->metadata, block >> c->super.cluster_shift, 1,
                             NULL);
    check_claim(c->check, &(const struct shale_claim){
        .use = SHALE_USE_SYSTEM, .object = SHALE_OBJECT_VOLUME, .at = at,
        .length = c->super.block_size, .position = SHALE_NOWHERE,
    });
    bytes = err ? NULL : check_alloc(c->check, MMP_SIZE);
    if (!bytes)
        return err ? err : SHALE_ENOMEM;
    err = check_get(c->check, at, bytes, MMP_SIZE, SHALE_OBJECT_VOLUME, 0,
                    &good);
    if (!err && good)
        check_block(c, at, bytes);
    check_free(c->check, bytes, MMP_SIZE);
    return err;
}
