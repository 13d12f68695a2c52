/*
 * roundtrip_wim.c - what libwim packs, unpacked by xpress.c and lzx.c
 *
 *     roundtrip_wim [-b] FILE...
 *
 * Every file, and data made up besides, is cut into chunks of every size from
 * 512 bytes to 64 KiB (LZX: 32 KiB), packed by libwim and compared after
 * decoding. Inputs cut short and with a byte changed have to end in order. With
 * -b, how fast that is, next to libwim's own decoder.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wimlib.h>

#include "ntfs/data.h"

enum { MAX = 65536, LIMIT = 4 << 20 };

static uint64_t scratch[NTFS_LZX_SCRATCH / 8];
static unsigned long chunks, stored, damaged, refused;

static uint64_t state = 88172645463325252u;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static const char *decode(bool lzx, const uint8_t *in, size_t in_len,
                          uint8_t *out, size_t out_len)
{
    size_t at = 0;
    const char *broken =
        lzx ? ntfs_lzx_decode(in, in_len, out, out_len, scratch, &at)
            : ntfs_xpress_decode(in, in_len, out, out_len, scratch, &at);

    if (at > in_len) {
        printf("at %zu of %zu\n", at, in_len);
        abort();
    }
    return broken;
}

/* Buffers of exactly the size, for the sanitizers to watch. */
static void damage(bool lzx, const uint8_t *packed, size_t packed_len,
                   size_t len)
{
    size_t cut = rnd() % 4 ? packed_len : rnd() % (packed_len + 1);
    uint8_t *in = malloc(cut ? cut : 1), *out = malloc(len);

    memcpy(in, packed, cut);
    if (cut > 0 && cut == packed_len)
        for (unsigned n = 1 + (unsigned)(rnd() % 3); n > 0; n--)
            in[rnd() % cut] = (uint8_t)rnd();
    if (decode(lzx, in, cut, out, len))
        refused++;
    damaged++;
    free(in);
    free(out);
}

static void check(struct wimlib_compressor *c, bool lzx, const uint8_t *data,
                  size_t len)
{
    uint8_t *packed = malloc(len), *out = malloc(len), *in;
    size_t n = wimlib_compress(data, len, packed, len - 1, c);
    const char *broken;

    if (n == 0) {
        stored++;
    } else {
        in = malloc(n);
        memcpy(in, packed, n);
        broken = decode(lzx, in, n, out, len);
        if (broken || memcmp(out, data, len) != 0) {
            printf("%s %zu -> %zu: %s\n", lzx ? "LZX" : "XPRESS", len, n,
                   broken ? broken : "differs");
            exit(1);
        }
        chunks++;
        for (int i = 0; i < 2; i++)
            damage(lzx, packed, n, len);
        free(in);
    }
    free(packed);
    free(out);
}

static struct wimlib_compressor *compressor(bool lzx, unsigned shift,
                                            unsigned level)
{
    struct wimlib_compressor *c;
    int err = wimlib_create_compressor(
        lzx ? WIMLIB_COMPRESSION_TYPE_LZX : WIMLIB_COMPRESSION_TYPE_XPRESS,
        (size_t)1 << shift, level, &c);

    if (err) {
        printf("compressor: %d\n", err);
        exit(1);
    }
    return c;
}

static void check_data(const uint8_t *data, size_t len)
{
    static struct wimlib_compressor *all[2][3][17];

    for (int lzx = 0; lzx < 2; lzx++) {
        for (unsigned shift = 9; shift <= (lzx ? 15u : 16u); shift++) {
            unsigned l = (unsigned)(rnd() % 3), level = 20 + 40 * l;
            struct wimlib_compressor **c = &all[lzx][l][shift];
            size_t size = (size_t)1 << shift;

            if (!*c)
                *c = compressor(lzx, shift, level);
            for (size_t at = 0, n; at < len; at += n) {
                n = len - at < size ? len - at : size;
                /* Not all of a large file at every size. */
                if (n > 1 && (len < 65536 || rnd() % (len / 65536) < 3))
                    check(*c, lzx, data + at, n);
            }
        }
    }
}

static void check_made(unsigned round)
{
    static uint8_t data[MAX];
    size_t len = rnd() % 8 ? 1 + rnd() % MAX : MAX;

    for (size_t i = 0; i < len;) {
        unsigned kind = (unsigned)(rnd() % 6), n = 1 + (unsigned)(rnd() % 600);
        unsigned back = i ? 1 + (unsigned)(rnd() % i) : 0;

        if (rnd() % 3 == 0 && back > 20)
            back = 1 + back % 20;
        for (; n > 0 && i < len; n--, i++) {
            switch (round % 3 + kind) {
            case 0: data[i] = (uint8_t)rnd(); break;
            case 1: data[i] = (uint8_t)(rnd() & rnd() & rnd()); break;
            case 2: data[i] = rnd() % 5 ? 0xe8 : (uint8_t)rnd() & 0x83; break;
            case 3: data[i] = 0; break;
            default: data[i] = back ? data[i - back] : 7; break;
            }
        }
    }
    check_data(data, len);
}

/* -------------------------------------------------------------- how fast */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void bench(bool lzx, unsigned shift, const uint8_t *data, size_t len)
{
    size_t size = (size_t)1 << shift, count = len / size, total = 0;
    uint8_t *packed = malloc(len), *out = malloc(size);
    size_t *ends = malloc((count + 1) * sizeof *ends);
    struct wimlib_compressor *c = compressor(lzx, shift, 50);
    struct wimlib_decompressor *d;
    double best[2] = { 1e9, 1e9 };
    size_t plain = 0;

    wimlib_create_decompressor(lzx ? WIMLIB_COMPRESSION_TYPE_LZX
                                   : WIMLIB_COMPRESSION_TYPE_XPRESS, size, &d);
    ends[0] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = wimlib_compress(data + i * size, size, packed + total,
                                   size - 1, c);
        total += n;
        ends[i + 1] = total;
        plain += n ? size : 0;
    }
    for (int round = 0; round < 30; round++) {
        double start = now();

        for (size_t i = 0; i < count; i++) {
            size_t n = ends[i + 1] - ends[i];

            if (n == 0)
                continue;
            if (round % 2 ? wimlib_decompress(packed + ends[i], n, out, size, d)
                : decode(lzx, packed + ends[i], n, out, size) != NULL)
                exit(1);
        }
        start = now() - start;
        if (start < best[round % 2])
            best[round % 2] = start;
    }
    printf("%-6s %6zu  %5.1f%%  shale %7.1f MB/s  libwim %7.1f MB/s  x%.2f\n",
           lzx ? "LZX" : "XPRESS", size, 100. * (double)total / (double)plain,
           (double)plain / best[0] * 1e-6, (double)plain / best[1] * 1e-6,
           best[1] / best[0]);
    wimlib_free_compressor(c);
    wimlib_free_decompressor(d);
    free(packed);
    free(out);
    free(ends);
}

static void bench_all(const char *name, const uint8_t *data, size_t len)
{
    printf("%s, %zu bytes\n", name, len);
    for (unsigned shift = 12; shift <= 14; shift++)
        bench(false, shift, data, len);
    bench(true, 15, data, len);
}

/* The first bytes of the file NAME, at most LIMIT. Returns how many. */
static size_t load(const char *name, uint8_t *data)
{
    FILE *f = fopen(name, "rb");
    size_t len = f ? fread(data, 1, LIMIT, f) : 0;

    if (f)
        fclose(f);
    return len;
}

int main(int argc, char **argv)
{
    bool fast = argc > 1 && strcmp(argv[1], "-b") == 0;
    uint8_t *data = malloc(LIMIT);
    unsigned files = 0;

    wimlib_global_init(0);
    for (int i = fast ? 2 : 1; i < argc; i++) {
        size_t len = load(argv[i], data);

        if (len == 0)
            continue;
        if (fast)
            bench_all(argv[i], data, len);
        else
            check_data(data, len);
        files++;
    }
    for (unsigned i = 0; i < 300 && !fast; i++)
        check_made(i);
    if (!fast)
        printf("%u files, %lu chunks equal, %lu not packed; of %lu damaged, "
               "%lu refused\n", files, chunks, stored, damaged, refused);
    free(data);
    return 0;
}
