/* test_host_event.c - an event in words, and text that does not fit */
#include <string.h>

#include "host/text.h"
#include "shale/host.h"
#include "suite.h"

static const struct {
    const char *name;
    struct shale_event event;
    uint64_t base;
    const char *text;
} events[] = {
    { "all it can say",
      { .what = "ext2: block off the volume", .detail = "indirect",
        .at = 4096, .ino = 12 }, 1048576,
      "ext2: block off the volume: indirect (inode 12, byte 1052672 of the "
      "image)" },
    { "only what", { .what = "ext2: odd", .at = SHALE_NOWHERE }, 512,
      "ext2: odd" },
    { "a place", { .what = "ext2: odd", .at = 0 }, 0,
      "ext2: odd (byte 0 of the image)" },
    { "an inode", { .what = "ext2: odd", .at = SHALE_NOWHERE, .ino = 2 }, 0,
      "ext2: odd (inode 2)" },
    { "no detail after all", { .what = "ext2: odd", .detail = "",
                               .at = SHALE_NOWHERE }, 0, "ext2: odd" },
    { "a place past 2^64", { .what = "ext2: odd", .at = UINT64_MAX - 1 }, 2,
      "ext2: odd" },
    { "a name from a disk", { .what = "ext2: odd", .detail = "a\nb\x1b[2J",
                              .at = SHALE_NOWHERE }, 0,
      "ext2: odd: a?b?[2J" },
    { "nothing at all", { .at = SHALE_NOWHERE }, 0, "unknown event" },
};

START_TEST(puts_events_into_words)
{
    char buf[128];

    shale_event_text(&events[_i].event, events[_i].base, buf, sizeof buf);
    ck_assert_msg(strcmp(buf, events[_i].text) == 0, "%s: %s",
                  events[_i].name, buf);
}
END_TEST

/* Whatever the size, nothing is written past it and the end is there. */
START_TEST(fits_any_buffer)
{
    char buf[128];

    for (size_t size = 0; size < sizeof buf; size++) {
        memset(buf, 'x', sizeof buf);
        shale_event_text(&events[0].event, events[0].base, buf, size);
        ck_assert_msg(buf[size] == 'x', "size %zu", size);
        if (size > 0) {
            ck_assert_uint_lt(strlen(buf), size);
            ck_assert(strncmp(buf, events[0].text, strlen(buf)) == 0);
        }
    }
}
END_TEST

static const struct {
    const char *name;
    size_t size;
    const char *before, *add, *text;
} adds[] = {
    { "fits",                    8, "ab", "cd", "abcd" },
    { "fits exactly",            5, "ab", "cd", "abcd" },
    { "is cut",                  4, "ab", "cd", "abc" },
    { "is full",                 3, "ab", "cd", "ab" },
    { "a character fits",        6, "ab", "\xc3\xa4", "ab\xc3\xa4" },
    { "a character is cut",      4, "ab", "\xc3\xa4", "ab" },
    { "three bytes, two fit",    5, "ab", "\xe2\x82\xac", "ab" },
    { "four bytes, one fits",    4, "ab", "\xf0\x9f\x98\x80", "ab" },
    { "cut after a character",   5, "ab", "\xc3\xa4z", "ab\xc3\xa4" },
    { "bytes that are no UTF-8", 4, "ab", "\xa4\xa4\xa4", "ab\xa4" },
};

START_TEST(cuts_between_characters)
{
    char buf[16];

    strcpy(buf, adds[_i].before);
    text_add(buf, adds[_i].size, "%s", adds[_i].add);
    ck_assert_msg(strcmp(buf, adds[_i].text) == 0, "%s: '%s'", adds[_i].name,
                  buf);
}
END_TEST

static const struct {
    unsigned long long bytes;
    const char *text;
} sizes[] = {
    { 0, "0 bytes" }, { 1023, "1023 bytes" }, { 1024, "1 KiB" },
    { 1536, "1.5 KiB" }, { 10ull << 20, "10 MiB" }, { 1ull << 40, "1 TiB" },
    { UINT64_MAX, "16 EiB" },
};

START_TEST(says_sizes)
{
    char buf[32] = "";

    text_add_size(buf, sizeof buf, sizes[_i].bytes);
    ck_assert_str_eq(buf, sizes[_i].text);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/event");
    TCase *tc = tcase_create("text");

    tcase_add_loop_test(tc, puts_events_into_words, 0,
                        sizeof events / sizeof events[0]);
    tcase_add_test(tc, fits_any_buffer);
    tcase_add_loop_test(tc, cuts_between_characters, 0,
                        sizeof adds / sizeof adds[0]);
    tcase_add_loop_test(tc, says_sizes, 0, sizeof sizes / sizeof sizes[0]);
    suite_add_tcase(s, tc);
    return s;
}
