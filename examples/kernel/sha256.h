/*
 * sha256.h - the hash that tells whether two files hold the same bytes
 */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t len;               /* bytes hashed so far */
    uint8_t block[64];          /* the last, incomplete one */
};

#define SHA256_HEX 65u          /* characters of a digest, and a NUL */

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t len);
void sha256_hex(struct sha256 *h, char hex[SHA256_HEX]);

#endif /* SHA256_H */
