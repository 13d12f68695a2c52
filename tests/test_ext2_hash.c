/* test_ext2_hash.c - the hashes of names, as debugfs's dx_hash gives them */
#include "ext2/ext2.h"
#include "suite.h"

#include <string.h>

#define TEN(x)  x x x x x x x x x x
#define FIVE(x) x x x x x
#define ALL(x)  TEN(TEN(x)) TEN(TEN(x)) FIVE(TEN(x)) FIVE(x)   /* 255 */

/* dx_hash -s 01234567-89ab-cdef-0123-456789abcdef */
static const uint32_t seed[4] = {
    0x67452301, 0xefcdab89, 0x67452301, 0xefcdab89,
};
static const uint32_t no_seed[4] = { 0, 0, 0, 0 };

static const struct {
    const char *name;
    bool seeded;
    uint32_t hash[EXT2_HASH_COUNT];     /* in the order of enum ext2_hash */
} cases[] = {
    { "a", false,
      { 0xe74b53e2, 0xd5fa7d7a, 0x6d0ea4c0,
        0xe74b53e2, 0xd5fa7d7a, 0x6d0ea4c0 } },
    { "abc", false,
      { 0x75afd992, 0xd196a868, 0xb1435ec4,
        0x75afd992, 0xd196a868, 0xb1435ec4 } },
    { "name", false,
      { 0x12db5a78, 0x08124552, 0xd909e39e,
        0x12db5a78, 0x08124552, 0xd909e39e } },
    { "fifteen--letter", false,
      { 0xe0c71064, 0x4aee4fe0, 0xe4c7a458,
        0xe0c71064, 0x4aee4fe0, 0xe4c7a458 } },
    { "sixteen-letters-", false,
      { 0x476b10b6, 0xa1924bd0, 0x9d25a77e,
        0x476b10b6, 0xa1924bd0, 0x9d25a77e } },
    { "seventeen-letters", false,
      { 0xc003a838, 0x0aa1ed40, 0xc7cf5a28,
        0xc003a838, 0x0aa1ed40, 0xc7cf5a28 } },
    { "thirty-one-letters-of-a-file-na", false,
      { 0x3b5277ee, 0x65ae7670, 0xfef8df1c,
        0x3b5277ee, 0x65ae7670, 0xfef8df1c } },
    { "thirty-two-letters-of-a-file-nam", false,
      { 0x1640a04a, 0x9acd225a, 0xff28c332,
        0x1640a04a, 0x9acd225a, 0xff28c332 } },
    { "thirty-three-letters-of-a-file-na", false,
      { 0xcbce46e8, 0x36c00b1a, 0x3f420224,
        0xcbce46e8, 0x36c00b1a, 0x3f420224 } },
    { "\303\251", false,
      { 0x11083c86, 0x89d4704e, 0x591e9bd6,
        0x878ca486, 0xfda9f3f8, 0x6daf7c00 } },
    { "na\303\257ve", false,
      { 0x442f7420, 0x1b42012a, 0x784c5732,
        0x275d661a, 0x8262460a, 0x6811c436 } },
    { "\346\227\245\346\234\254\350\252\236\343\201\256\343\203\225"
      "\343\202\241\343\202\244\343\203\253\345\220\215.txt", false,
      { 0xac85d92e, 0x498cd79e, 0x902b0c26,
        0xe4053258, 0x1b34948a, 0x5fa5f4f4 } },
    { ALL("x"), false,
      { 0x30557da6, 0x2aa7169e, 0x6c4c00ee,
        0x30557da6, 0x2aa7169e, 0x6c4c00ee } },
    { ALL("\377"), false,
      { 0xb55d5440, 0x7a9316bc, 0xe4cbf300,
        0x6b5084d4, 0x6b5dd94a, 0xdf3b5a56 } },
    { "a", true,
      { 0xe74b53e2, 0x35dc0cc4, 0x6d0ea4c0,
        0xe74b53e2, 0x35dc0cc4, 0x6d0ea4c0 } },
    { "abc", true,
      { 0x75afd992, 0xa68e7118, 0xb1435ec4,
        0x75afd992, 0xa68e7118, 0xb1435ec4 } },
    { "name", true,
      { 0x12db5a78, 0x370a7248, 0xd909e39e,
        0x12db5a78, 0x370a7248, 0xd909e39e } },
    { "fifteen--letter", true,
      { 0xe0c71064, 0x19caa8c2, 0xe4c7a458,
        0xe0c71064, 0x19caa8c2, 0xe4c7a458 } },
    { "sixteen-letters-", true,
      { 0x476b10b6, 0xcb90aa46, 0x9d25a77e,
        0x476b10b6, 0xcb90aa46, 0x9d25a77e } },
    { "seventeen-letters", true,
      { 0xc003a838, 0xb703c8c6, 0xc7cf5a28,
        0xc003a838, 0xb703c8c6, 0xc7cf5a28 } },
    { "thirty-one-letters-of-a-file-na", true,
      { 0x3b5277ee, 0x3d4bbb42, 0xfef8df1c,
        0x3b5277ee, 0x3d4bbb42, 0xfef8df1c } },
    { "thirty-two-letters-of-a-file-nam", true,
      { 0x1640a04a, 0xa0f6fd3a, 0xff28c332,
        0x1640a04a, 0xa0f6fd3a, 0xff28c332 } },
    { "thirty-three-letters-of-a-file-na", true,
      { 0xcbce46e8, 0x2540492e, 0x3f420224,
        0xcbce46e8, 0x2540492e, 0x3f420224 } },
    { "\303\251", true,
      { 0x11083c86, 0x5af45fb6, 0x591e9bd6,
        0x878ca486, 0xbf684ac8, 0x6daf7c00 } },
    { "na\303\257ve", true,
      { 0x442f7420, 0x83e53248, 0x784c5732,
        0x275d661a, 0xb2b2195c, 0x6811c436 } },
    { "\346\227\245\346\234\254\350\252\236\343\201\256\343\203\225"
      "\343\202\241\343\202\244\343\203\253\345\220\215.txt", true,
      { 0xac85d92e, 0xa4b93ede, 0x902b0c26,
        0xe4053258, 0x1c479d12, 0x5fa5f4f4 } },
    { ALL("x"), true,
      { 0x30557da6, 0xac11f156, 0x6c4c00ee,
        0x30557da6, 0xac11f156, 0x6c4c00ee } },
    { ALL("\377"), true,
      { 0xb55d5440, 0xc79e270e, 0xe4cbf300,
        0x6b5084d4, 0xe55dfcbc, 0xdf3b5a56 } },
};

START_TEST(hashes_a_name)
{
    const char *name = cases[_i].name;

    for (unsigned version = 0; version < EXT2_HASH_COUNT; version++) {
        uint32_t hash = ext2_hash((enum ext2_hash)version,
                                  cases[_i].seeded ? seed : no_seed, name,
                                  strlen(name));

        ck_assert_msg(hash == cases[_i].hash[version],
                      "\"%s\", version %u: %#x, not %#x", name, version, hash,
                      cases[_i].hash[version]);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/hash");
    TCase *tc = tcase_create("hash");

    tcase_add_loop_test(tc, hashes_a_name, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, tc);
    return s;
}
