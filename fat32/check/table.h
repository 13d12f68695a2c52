/*
 * table.h - entries of a FAT, and its copies
 *
 *      copies.c    which bytes of which copy are believed
 *      table.c     what is kept of them
 */
#ifndef FAT32_CHECK_TABLE_H
#define FAT32_CHECK_TABLE_H

#include "fat32/check/check.h"

/* Entry INDEX of the bits at BYTES, of which the first is entry 0. */
static inline uint32_t fat_check_entry12(const uint8_t *bytes, uint32_t index)
{
    const uint8_t *at = bytes + index * 3 / 2;
    uint32_t pair = at[0] | (uint32_t)at[1] << 8;

    return index & 1 ? pair >> 4 : pair & 0xfff;
}

static inline uint32_t fat_check_entry16(const uint8_t *bytes, uint32_t index)
{
    return le16_get(((const le16 *)bytes)[index]);
}

static inline uint32_t fat_check_entry32(const uint8_t *bytes, uint32_t index)
{
    return le32_get(((const le32 *)bytes)[index]);
}

static inline uint32_t fat_check_entry_in(const struct fat_check *v,
                                          const uint8_t *bytes, uint32_t index)
{
    return v->boot.bits == 32 ? fat_check_entry32(bytes, index)
         : v->boot.bits == 16 ? fat_check_entry16(bytes, index)
                              : fat_check_entry12(bytes, index);
}

/* Choose the copy to believe, in V->copy. */
int fat_check_copies_begin(struct fat_check *v);
void fat_check_copies_fini(struct fat_check *v);

/* Is the stretch of LEN bytes from FROM on a hole in all copies that count? */
bool fat_check_copies_hole(const struct fat_check *v, uint64_t from,
                           uint64_t len);

/*
 * Read the LEN bytes at FROM of the FAT into BYTES, compare its copies, and
 * note what none of them has. There is room for as many behind BYTES, for that.
 */
int fat_check_copies_read(struct fat_check *v, uint64_t from, uint8_t *bytes,
                          size_t len);

/* Tell where copies differ; after all have been read. */
void fat_check_copies_tell(struct fat_check *v);

#endif /* FAT32_CHECK_TABLE_H */
