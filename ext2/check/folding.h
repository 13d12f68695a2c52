/*
 * folding.h - the tables of folding_table.c
 *
 * All are sorted by character, which is the lowest 21 bits of its word.
 */
#ifndef EXT2_CHECK_FOLDING_H
#define EXT2_CHECK_FOLDING_H

#include <stddef.h>
#include <stdint.h>

#define FOLDING_CHARACTER   0x1fffffu
#define FOLDING_SHIFT       21

/* Stretches of characters that become one other each. Bits 21 to 30: how many,
   less 1; bit 31: every second one. And what the first becomes. */
extern const size_t folding_runs_count;
extern const uint32_t folding_runs[], folding_runs_to[];

/* Characters that become several. From bit 21 on: bytes of UTF-8 of these; and
   where in the pool they are. */
extern const size_t folding_many_count;
extern const uint32_t folding_many[];
extern const uint16_t folding_many_at[];
extern const uint8_t folding_pool[];

/* Stretches of marks, which follow a character in the order of their classes.
   From bit 21 on: how many, less 1. */
extern const size_t folding_marks_count;
extern const uint32_t folding_marks[];
extern const uint8_t folding_marks_class[];

/* Stretches that are left out; likewise. */
extern const size_t folding_ignored_count;
extern const uint32_t folding_ignored[];

#endif /* EXT2_CHECK_FOLDING_H */
