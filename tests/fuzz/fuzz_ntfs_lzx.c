/*
 * fuzz_ntfs_lzx.c - any bytes at all, as a chunk of LZX
 *
 * The first two bytes of an input say how long the data is to be. Both buffers
 * are of exactly the size that the decoder is told, so that the sanitizers see
 * every step beyond.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntfs/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t out_len, in_len, at;
    uint8_t *in, *out;
    static uint64_t scratch[NTFS_LZX_SCRATCH / sizeof(uint64_t)];

    if (size < 2)
        return 0;
    in_len = size - 2;
    out_len = ((data[0] | (size_t)data[1] << 8) & 0x7fff) + 1;
    in = malloc(in_len + !in_len);
    out = malloc(out_len);
    if (!in || !out)
        abort();
    memcpy(in, data + 2, in_len);
    if (ntfs_lzx_decode(in, in_len, out, out_len, scratch, &at) && at > in_len)
        abort();
    free(in);
    free(out);
    return 0;
}
