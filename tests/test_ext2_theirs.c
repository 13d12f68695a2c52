/*
 * test_ext2_theirs.c - journals that debugfs has written, with and without
 * checksums, and torn ones
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

enum { BLOCK = 1024 };

static const struct {
    const char *arguments, *open;
} theirs[] = {
    { "-b 1024 -O has_journal", "jo" },
    { "-b 4096 -O has_journal", "jo" },
    { "-b 1024 -O has_journal,metadata_csum", "jo -c -v 2" },
    { "-b 1024 -O has_journal,metadata_csum", "jo -c -v 3" },
    { "-b 4096 -O has_journal,metadata_csum", "jo -c -v 3" },
};

/*
 * Checksums are for volumes with metadata_csum, which we do not write; without
 * that feature's mark this one is like any other.
 */
START_TEST(theirs_replays)
{
    static const char script[] =
        "dd if=/dev/urandom of=/dev/stdout bs=4096 count=5 status=none "
        ">$t; printf 'jw -b 3000,3001,3002 %s\\njw -r 3001\\n"
        "jw -b 3003,3004 %s\\njc\\n' $t $t >>$s; ";
    char command[800];
    uint8_t *copy = malloc(32u << 20);
    struct rig their;
    const char *said;
    int status;

    rig_init(&their, 32u << 20, theirs[_i].arguments);
    snprintf(command, sizeof command, "t=$(mktemp); s=$(mktemp); echo '%s' "
             ">$s; %s debugfs -w -f $s @ 2>&1; debugfs -w -R "
             "'feature -metadata_csum' @ 2>&1; rm -f $t $s", theirs[_i].open,
             script);
    said = rig_run(&their, command, &status);
    ck_assert_msg(status == 0, "%s", said);
    memcpy(copy, their.bytes, their.size);
    said = rig_run(&their, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(strstr(said, "recovering journal"), "%s", said);
    for (size_t i = 0; i < their.size; i++) {
        uint8_t byte = copy[i];

        copy[i] = their.bytes[i];
        their.bytes[i] = byte;
    }
    /* Its groups' checksums are not what e2fsck expects of such a volume. */
    rig_mount(&their);
    GOOD(shale_unmount(their.v.fs));
    their.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&their.v), 0);
    for (size_t n = 3000; n < 3005; n++) {
        size_t size = strstr(theirs[_i].arguments, "4096") ? 4096 : 1024;

        ck_assert_msg(memcmp(their.bytes + n * size, copy + n * size,
                             size) == 0, "block %zu", n);
    }
    rig_fini(&their);
    free(copy);
}
END_TEST

static const struct {
    const char *what;
    const char *open;
    const char *last;           /* what the last transaction has */
    bool committed;
    enum journal_type type;     /* of its block that is spoilt ... */
    unsigned behind;            /* ... or of the one before that */
} torn[] = {
    { "descriptor, v2", "jo -c -v 2", "-b 3003,3004 -c", 0, 1, 0 },
    { "descriptor, v3", "jo -c -v 3", "-b 3003,3004 -c", 0, 1, 0 },
    { "image, v2", "jo -c -v 2", "-b 3003,3004 -c", 0, 1, 1 },
    { "image, v3", "jo -c -v 3", "-b 3003,3004 -c", 0, 1, 2 },
    { "revocations, v2", "jo -c -v 2", "-r 3001 -c", 0, 5, 0 },
    { "revocations, v3", "jo -c -v 3", "-r 3001 -c", 0, 5, 0 },
    { "nothing", "jo -c -v 3", "-b 3003,3004 -c", 0, 0, 0 },
    { "whole descriptor", "jo -c -v 3", "-b 3003,3004", 1, 1, 0 },
    { "whole image, v2", "jo -c -v 2", "-b 3003,3004", 1, 1, 1 },
    { "whole image, v3", "jo -c -v 3", "-b 3003,3004", 1, 1, 1 },
    { "whole revocations", "jo -c -v 3", "-r 3001", 1, 5, 0 },
};

/* The block of TYPE with the highest number in THEIR journal. */
static uint8_t *newest_block(const struct rig *their, enum journal_type type)
{
    uint8_t *newest = NULL;
    uint32_t highest = 0;

    for (size_t i = 0; i < their->size; i += BLOCK) {
        struct journal_disk_header *raw =
            (struct journal_disk_header *)(their->bytes + i);

        if (be32_get(raw->magic) == JOURNAL_MAGIC &&
            be32_get(raw->type) == type &&
            be32_get(raw->sequence) >= highest) {
            highest = be32_get(raw->sequence);
            newest = their->bytes + i;
        }
    }
    ck_assert_ptr_nonnull(newest);
    return newest;
}

/* The last transaction is there in part: the log ends before it. */
START_TEST(theirs_is_torn)
{
    char command[800];
    struct rig their;
    const char *said;
    int status, err;

    rig_init(&their, 32u << 20, "-b 1024 -O has_journal,metadata_csum");
    snprintf(command, sizeof command, "t=$(mktemp); s=$(mktemp); "
             "head -c 2048 /dev/zero | tr '\\0' w >$t; "
             "printf '%s\\njw -b 3000,3001 %%s\\njw %s %%s\\njc\\n"
             "feature -metadata_csum\\n' $t %s >$s; debugfs -w -f $s @ 2>&1; "
             "rm -f $t $s", torn[_i].open, torn[_i].last,
             strchr(torn[_i].last, 'b') ? "$t" : "''");
    said = rig_run(&their, command, &status);
    ck_assert_msg(status == 0, "%s", said);
    memset(their.bytes + 3000 * BLOCK, 'o', 5 * BLOCK);
    if (torn[_i].type)
        newest_block(&their, torn[_i].type)[torn[_i].behind * BLOCK + 600] ^= 1;
    GOOD(volume_to_write(&their.v, their.bytes, their.size));
    err = volume_mount(&their.v, NULL);
    ck_assert_msg(err == (torn[_i].committed ? SHALE_ECORRUPT : 0), "%s: %s",
                  torn[_i].what, their.v.said);
    if (err == 0)
        GOOD(shale_unmount(their.v.fs));
    their.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&their.v), 0);
    for (size_t n = 3000; n < 3005; n++)
        ck_assert_msg(their.bytes[n * BLOCK] ==
                      (err == 0 && n < 3002 ? 'w' : 'o'), "%s: block %zu",
                      torn[_i].what, n);
    rig_fini(&their);
}
END_TEST

/* Its third block is an inode table's, which a log would overwrite. */
START_TEST(theirs_is_misplaced)
{
    struct rig their;
    uint8_t *before = malloc(32u << 20);
    const struct ext2_disk_group *first;
    char command[80];
    const char *said;
    int status;

    rig_init(&their, 32u << 20, "-b 1024 -O has_journal");
    first = (const struct ext2_disk_group *)(their.bytes + 2 * BLOCK);
    snprintf(command, sizeof command, "debugfs -w -R 'sif <8> block[2] %u' @ "
             "2>&1", le32_get(first->inode_table) + 1);
    said = rig_run(&their, command, &status);
    ck_assert_msg(status == 0, "%s", said);
    memcpy(before, their.bytes, their.size);
    GOOD(volume_to_write(&their.v, their.bytes, their.size));
    ck_assert_int_eq(volume_mount(&their.v, NULL), SHALE_ECORRUPT);
    ck_assert_msg(strstr(their.v.said, "no file's"), "%s", their.v.said);
    their.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&their.v), 0);
    ck_assert(memcmp(before, their.bytes, their.size) == 0);
    rig_fini(&their);
    free(before);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/theirs");
    TCase *tc = tcase_create("theirs");

    rig_need_programs();
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, theirs_replays, 0,
                        sizeof theirs / sizeof theirs[0]);
    tcase_add_loop_test(tc, theirs_is_torn, 0, sizeof torn / sizeof torn[0]);
    tcase_add_test(tc, theirs_is_misplaced);
    suite_add_tcase(s, tc);
    return s;
}
