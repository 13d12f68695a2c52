/*
 * fuzz_check.h - what the targets that check a volume share
 */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* The device, SIZE bytes of zeros once more. */
uint8_t *fuzz_check_device(size_t size);

/*
 * Check it as a volume of TYPE, with one thread or with two, as HOW says, with
 * claims and paths wanted or not. Aborts if memory is left, if it took more
 * than a volume of SIZE bytes may, or if it ends other than with a verdict.
 */
void fuzz_check(const char *type, uint8_t *device, size_t size, unsigned how);

#endif /* FUZZ_CHECK_H */
