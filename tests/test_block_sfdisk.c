/*
 * test_block_sfdisk.c - tables made by sfdisk read back as it made them
 *
 * The other opinion: util-linux writes a table into an image file, and lists
 * it again; every start, size and type has to agree. Skipped without sfdisk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shale/err.h"
#include "shale/host.h"
#include "suite.h"

enum { PARTS_MAX = 140 };

/* Must not end in a digit: sfdisk would put a "p" before the numbers. */
static char path[32];
static struct shale_mem *mem;
static struct shale_partition parts[PARTS_MAX];
static unsigned count, events;

static int collect(void *context, const struct shale_partition *partition)
{
    (void)context;
    ck_assert_uint_lt(count, PARTS_MAX);
    parts[count++] = *partition;
    return 0;
}

static void hear(struct shale_log *log, const struct shale_event *event)
{
    (void)log, (void)event;
    events++;
}

static struct shale_log listener = { .event = hear };

static void setup(void)
{
    int fd;

    strcpy(path, "/tmp/shale-sfdisk-XXXXXX.img");
    fd = mkstemps(path, 4);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, 64 << 20), 0);
    close(fd);
    mem = shale_host_mem_create(0);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

/* Feed SCRIPT to TOOL, a command line that the image's path completes. */
static void run(const char *tool, const char *script)
{
    char command[200];
    FILE *pipe;

    snprintf(command, sizeof command,
             "PATH=$PATH:/sbin:/usr/sbin %s %s >/dev/null 2>&1", tool, path);
    pipe = popen(command, "w");
    ck_assert_ptr_nonnull(pipe);
    fputs(script, pipe);
    ck_assert_msg(pclose(pipe) == 0, "%s failed", command);
}

static void make_table(const char *script)
{
    run("sfdisk -q", script);
}

static int read_table(struct shale_table_info *info)
{
    struct shale_file_bdev *file;
    int err;

    ck_assert_int_eq(shale_file_bdev_open(path, 0, &file), 0);
    count = events = 0;
    err = shale_partitions(shale_file_bdev(file), mem, &listener, info, collect,
                           NULL);
    shale_file_bdev_close(file);
    return err;
}

static void guid_text(const uint8_t guid[16], char *out)
{
    for (unsigned i = 0; i < 16; i++)
        out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02X"
                                                                  : "%02X",
                       guid[i]);
}

/* The value after KEY in a line of `sfdisk --dump`; NULL if there is none. */
static const char *value_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? at + strlen(key) : NULL;
}

/* Compare PARTITION with its line of the dump. */
static void compare(const struct shale_partition *p, const char *line)
{
    const char *type = value_of(line, "type="), *uuid = value_of(line, "uuid=");
    const char *name = value_of(line, "name=\"");
    char text[40];

    ck_assert_uint_eq(p->number, strtoul(line + strlen(path), NULL, 10));
    ck_assert_uint_eq(p->start / 512,
                      strtoull(value_of(line, "start="), NULL, 10));
    ck_assert_uint_eq(p->size / 512,
                      strtoull(value_of(line, "size="), NULL, 10));
    ck_assert_int_eq(p->bootable, strstr(line, "bootable") ||
                                  strstr(line, "LegacyBIOSBootable"));
    if (p->mbr_type) {
        ck_assert_uint_eq(p->mbr_type, strtoul(type, NULL, 16));
        return;
    }
    guid_text(p->type_guid, text);
    ck_assert_msg(strncmp(type, text, 36) == 0, "%s is not %s", text, type);
    guid_text(p->guid, text);
    ck_assert_msg(strncmp(uuid, text, 36) == 0, "%s is not %s", text, uuid);
    if (name) {
        ck_assert_msg(strncmp(name, p->name, strlen(p->name)) == 0 &&
                      name[strlen(p->name)] == '"', "%s is not %s", p->name,
                      name);
    } else {
        ck_assert_str_eq(p->name, "");
    }
}

/* Compare what was read with what sfdisk lists; and that it lists no more. */
static void compare_all(const struct shale_table_info *info)
{
    char command[200], line[512], guid[40];
    unsigned seen = 0;
    FILE *dump;

    snprintf(command, sizeof command,
             "PATH=$PATH:/sbin:/usr/sbin sfdisk --dump %s 2>/dev/null",
             path);
    dump = popen(command, "r");
    ck_assert_ptr_nonnull(dump);
    while (fgets(line, sizeof line, dump)) {
        const char *id = value_of(line, "label-id: ");

        if (id && info->kind == SHALE_TABLE_MBR) {
            ck_assert_uint_eq(info->mbr_id, strtoul(id, NULL, 16));
        } else if (id) {
            guid_text(info->disk_guid, guid);
            ck_assert(strncmp(id, guid, 36) == 0);
        }
        if (strncmp(line, path, strlen(path)) == 0) {
            ck_assert_uint_lt(seen, count);
            compare(&parts[seen++], line);
        }
    }
    ck_assert_int_eq(pclose(dump), 0);
    ck_assert_uint_eq(seen, count);
}

static const struct {
    const char *what, *script;
    enum shale_table kind;
    unsigned count;
} tables[] = {
    { "one", "label: dos\n2048,,83,*\n", SHALE_TABLE_MBR, 1 },
    { "none", "label: dos\n", SHALE_TABLE_MBR, 0 },
    { "gaps", "label: dos\n1: start=2048,size=100,type=83\n"
              "3: start=8192,size=4096,type=82\n"
              "4: start=20000,type=c,bootable\n", SHALE_TABLE_MBR, 3 },
    { "logical", "label: dos\n,10M,83\n,40M,E\n,5M,82\n,3M,82\n,4M,83\n"
                 ",5M,7\n,,b\n", SHALE_TABLE_MBR, 7 },
    { "gpt", "label: gpt\n,10M,L\n,10M,S,*\n,,U\n", SHALE_TABLE_GPT, 3 },
    { "gpt, none", "label: gpt\n", SHALE_TABLE_GPT, 0 },
    { "gpt, names", "label: gpt\nsize=1M,name=\"a b\",type=L\n"
                    "size=1M,name=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"\n"
                    "7: start=40960,size=2048,name=\"123456789012345678901234"
                    "567890123456\",attrs=\"LegacyBIOSBootable\"\n",
      SHALE_TABLE_GPT, 3 },
    { "gpt, long", "label: gpt\ntable-length: 256\n,1M,L\n"
                   "250: start=40960,size=2048\n", SHALE_TABLE_GPT, 2 },
};

START_TEST(agrees)
{
    struct shale_table_info info;
    int r;

    make_table(tables[_i].script);
    r = read_table(&info);
    ck_assert_msg(r == 0, "%s: %d", tables[_i].what, r);
    ck_assert_int_eq(info.kind, tables[_i].kind);
    ck_assert_msg(count == tables[_i].count, "%s: %u partitions",
                  tables[_i].what, count);
    ck_assert_uint_eq(events, 0);
    compare_all(&info);
}
END_TEST

/* Wipe the primary GPT, or cut the backup off: the partitions stay. */
START_TEST(agrees_on_a_damaged_gpt)
{
    struct shale_table_info info;
    char zeros[512] = "";
    FILE *image;

    make_table("label: gpt\n,10M,L\n,10M,S\n");
    image = fopen(path, "r+b");
    ck_assert_ptr_nonnull(image);
    fseek(image, 512, SEEK_SET);
    ck_assert_uint_eq(fwrite(zeros, 512, 1, image), 1);
    fclose(image);
    ck_assert_int_eq(read_table(&info), 0);
    ck_assert(info.backup_used);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(events, 1);
    compare_all(&info);

    make_table("label: gpt\n,10M,L\n,10M,S\n");
    ck_assert_int_eq(truncate(path, 15 << 20), 0);
    ck_assert_int_eq(read_table(&info), 0);
    ck_assert(!info.backup_used);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(parts[1].start, 11 << 20);
    ck_assert_uint_eq(parts[1].size, 10 << 20);
    ck_assert_uint_eq(events, 2);       /* no backup; a partition cut short */
}
END_TEST

/* sfdisk takes the image's sectors for 512 bytes; its sister can be told. */
START_TEST(agrees_on_sectors_of_4096)
{
    struct shale_table_info info;

    run("fdisk -b 4096", "g\nn\n\n512\n1023\nn\n\n2048\n+1M\nw\n");
    ck_assert_int_eq(read_table(&info), 0);
    ck_assert_int_eq(info.kind, SHALE_TABLE_GPT);
    ck_assert_uint_eq(info.sector_size, 4096);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(parts[0].start, 512 * 4096);
    ck_assert_uint_eq(parts[0].size, 512 * 4096);
    ck_assert_uint_eq(parts[1].start, 2048 * 4096);
    ck_assert_uint_eq(parts[1].size, 1 << 20);
    ck_assert_uint_eq(events, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/sfdisk");
    TCase *tc = tcase_create("sfdisk");

    if (system("PATH=$PATH:/sbin:/usr/sbin command -v sfdisk >/dev/null")) {
        puts("skipped: no sfdisk (Debian package fdisk)");
        exit(77);
    }
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, agrees, 0, sizeof tables / sizeof tables[0]);
    tcase_add_test(tc, agrees_on_a_damaged_gpt);
    tcase_add_test(tc, agrees_on_sectors_of_4096);
    suite_add_tcase(s, tc);
    return s;
}
