/*
 * test_ntfs_sid.c - SIDs, their mapping, and what descriptors say
 *
 * The table of descriptors is what ntfs-3g 2022.10.3 answered to them, with the
 * mapping below.
 */
#include "arenas.h"
#include "ntfs/meta.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE "S-1-5-21-3141592653-589793238-462643383-"

static const char mapping[] =
    "1000::S-1-5-21-1-2-3-1000\n"
    ":1001:S-1-5-21-1-2-3-1001\n"
    "::" BASE "10000\n";

static struct shale_mem *mem;
static struct ntfs_sids *sids;

static void setup(void)
{
    static struct test_source source = {
        .base = { .lend = test_lend, .give_back = test_give_back },
        .chunk = 1 << 20,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };

    mem = shale_mem_create(&source.base, NULL, 0);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(ntfs_sids_load(mem, mapping, strlen(mapping), &sids), 0);
}

static void teardown(void)
{
    ntfs_sids_free(mem, sids);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

/* ----------------------------------------------------------------- SIDs */

START_TEST(parses_sids)
{
    static const struct {
        const char *text;
        size_t len;
        uint8_t bytes[16];
    } good[] = {
        { "S-1-1-0", 12, { 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 } },
        { "S-1-5", 8, { 1, 0, 0, 0, 0, 0, 0, 5 } },
        { "S-1-5-32-544", 16,
          { 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0 } },
        { "S-1-281474976710655-4294967295", 12,
          { 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } },
    };
    static const char *const bad[] = {
        "", "S", "S-", "S-1", "S-1-", "S-2-5", "s-1-5", "S-1-5-", "S-1-5--1",
        "S-1-281474976710656", "S-1-5-4294967296", "S-1-5-x", "S-1-5 ",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        "S-1-5-99999999999999999999999999",
    };
    static const char longest[] = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15";
    uint8_t sid[NTFS_SID_MAX];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_uint_eq(ntfs_sid_parse(good[i].text, strlen(good[i].text),
                                         sid), good[i].len);
        ck_assert_mem_eq(sid, good[i].bytes, good[i].len);
        ck_assert_uint_eq(ntfs_sid_length(sid, good[i].len), good[i].len);
        ck_assert_uint_eq(ntfs_sid_length(sid, good[i].len - 1), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!ntfs_sid_parse(bad[i], strlen(bad[i]), sid), "%s",
                      bad[i]);
    ck_assert_uint_eq(ntfs_sid_parse(longest, strlen(longest), sid),
                      NTFS_SID_MAX);
    sid[1] = 16;
    ck_assert_uint_eq(ntfs_sid_length(sid, 100), 0);
    sid[0] = 2;
    sid[1] = 1;
    ck_assert_uint_eq(ntfs_sid_length(sid, 100), 0);
}
END_TEST

/* -------------------------------------------------------------- mapping */

static uint32_t id_of(struct ntfs_sids *of, const char *text, bool group)
{
    uint8_t sid[NTFS_SID_MAX];

    ck_assert_uint_ne(ntfs_sid_parse(text, strlen(text), sid), 0);
    return group ? ntfs_sids_group(of, sid) : ntfs_sids_user(of, sid);
}

START_TEST(maps_by_rules)
{
    static const struct {
        const char *sid;
        uint32_t user, group;
    } cases[] = {
        { "S-1-5-21-1-2-3-1000", 1000, 0 },
        { "S-1-5-21-1-2-3-1001", 0, 1001 },
        { "S-1-5-21-1-2-3-1002", 0, 0 },
        { BASE "10000", 0, 0 },
        { BASE "10001", 0, 0 },
        { BASE "12000", 1000, 0 },
        { BASE "12003", 0, 1001 },
        { BASE "9999", 0, 0 },
        { BASE "4294967294", 2147478647, 0 },
        { BASE "4294967295", 0, 2147478647 },
        { "S-1-5-32-544", 0, 0 },
        { "S-1-5-18", 0, 0 },
        { "S-1-5", 0, 0 },
        { BASE "12000-5", 0, 0 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_uint_eq(id_of(sids, cases[i].sid, false), cases[i].user);
        ck_assert_uint_eq(id_of(sids, cases[i].sid, true), cases[i].group);
    }
}
END_TEST

/* Without a mapping it is the one that ntfs-3g itself writes by. */
START_TEST(has_a_usual_mapping)
{
    static const char usual[] = "S-1-5-21-3141592653-589793238-462843383-";
    struct ntfs_sids *own;
    char sid[80];

    ck_assert_int_eq(ntfs_sids_load(mem, NULL, 0, &own), 0);
    strcat(strcpy(sid, usual), "12000");
    ck_assert_uint_eq(id_of(own, sid, false), 1000);
    strcat(strcpy(sid, usual), "12003");
    ck_assert_uint_eq(id_of(own, sid, true), 1001);
    ck_assert_uint_eq(id_of(own, BASE "12000", false), 0);
    ntfs_sids_free(mem, own);
}
END_TEST

START_TEST(reads_mappings)
{
    static const struct {
        const char *text;
        int err;
        uint32_t user, group;   /* of S-1-5-21-9 */
    } cases[] = {
        { "", 0, 0, 0 },
        { "\n\n;;\r\n  \n", 0, 0, 0 },
        { "# 7:7:S-1-5-21-9; no\n5:6:S-1-5-21-9", 0, 5, 6 },
        { "5:6:S-1-5-21-9;5:7:S-1-5-21-9", 0, 5, 6 },
        { "  5::S-1-5-21-9 \t\r\n:6:S-1-5-21-9\r\n", 0, 5, 6 },
        { "4294967295:0:S-1-5-21-9", 0, UINT32_MAX, 0 },
        { "::S-1-5-21-1", 0, 4, 0 },
        { "::S-1-5-21-2", 0, 0, 3 },
        { "::S-1-5-21-1;::S-1-5-21-2", 0, 4, 3 },
        { "::S-1-5-21-1;7:8:S-1-5-21-9", 0, 4, 8 },
        { "7:8:S-1-5-21-9;::S-1-5-21-1", 0, 7, 8 },
        { "::S-1-5", SHALE_EINVAL, 0, 0 },
        { "4294967296:0:S-1-5-21-9", SHALE_EINVAL, 0, 0 },
        { "5:6", SHALE_EINVAL, 0, 0 },
        { "5:6:", SHALE_EINVAL, 0, 0 },
        { "joe:6:S-1-5-21-9", SHALE_EINVAL, 0, 0 },
        { "5:6:S-1-5-21-9 x", SHALE_EINVAL, 0, 0 },
        { "5:6:S-1-5-21-9:7", SHALE_EINVAL, 0, 0 },
        { ":", SHALE_EINVAL, 0, 0 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ntfs_sids *own = NULL;
        int err = ntfs_sids_load(mem, cases[i].text, strlen(cases[i].text),
                                 &own);

        ck_assert_msg(err == cases[i].err, "%s: %d", cases[i].text, err);
        if (err)
            continue;
        ck_assert_uint_eq(id_of(own, "S-1-5-21-9", false), cases[i].user);
        ck_assert_uint_eq(id_of(own, "S-1-5-21-9", true), cases[i].group);
        ntfs_sids_free(mem, own);
    }
}
END_TEST

START_TEST(lacks_memory)
{
    for (uint64_t n = 0;; n++) {
        struct ntfs_sids *own = NULL;
        int err;

        shale_mem_fail_at(mem, n);
        err = ntfs_sids_load(mem, mapping, strlen(mapping), &own);
        if (!shale_mem_failed(mem)) {
            shale_mem_fail_at(mem, UINT64_MAX);
            ck_assert_uint_ge(n, 2);
            ntfs_sids_free(mem, own);
            return;
        }
        ck_assert_int_eq(err, SHALE_ENOMEM);
    }
}
END_TEST

/* ---------------------------------------------------------- descriptors */

/* A descriptor, put together. */
struct made {
    uint8_t bytes[2048];
    size_t len;
};

static void put16(uint8_t *at, uint32_t n)
{
    at[0] = (uint8_t)n;
    at[1] = (uint8_t)(n >> 8);
}

static void put32(uint8_t *at, uint32_t n)
{
    put16(at, n & 0xffff);
    put16(at + 2, n >> 16);
}

/* Add the SID that LEN bytes of TEXT name, short or not: how long it is. */
static size_t add_sid(struct made *made, const char *text, size_t len)
{
    static const struct {
        const char *name, *sid;
    } known[] = {
        { "U", "S-1-5-21-1-2-3-1000" }, { "G", "S-1-5-21-1-2-3-1001" },
        { "O", "S-1-5-21-1-2-3-1010" }, { "EV", "S-1-1-0" },
        { "AD", "S-1-5-32-544" }, { "SY", "S-1-5-18" },
        { "US", "S-1-5-32-545" }, { "AU", "S-1-5-11" },
        { "CO", "S-1-3-0" }, { "CG", "S-1-3-1" },
        { "B0", BASE "12000" }, { "B1", BASE "12001" },
        { "B2", BASE "12002" }, { "B3", BASE "12003" },
        { "BZ", BASE "10000" }, { "BY", BASE "10001" },
    };
    uint8_t sid[NTFS_SID_MAX];
    size_t size;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == len &&
            memcmp(known[i].name, text, len) == 0) {
            text = known[i].sid;
            len = strlen(text);
            break;
        }
    }
    size = ntfs_sid_parse(text, len, sid);
    ck_assert_uint_ne(size, 0);
    memcpy(made->bytes + made->len, sid, size);
    made->len += size;
    return size;
}

/*
 * Add entries: a sign (+ allows, - denies, a digit is another type), a SID,
 * after a / the flags, and after a : the rights.
 */
static unsigned add_aces(struct made *made, const char *aces)
{
    unsigned count = 0;

    for (const char *s = aces; *s; count++) {
        uint8_t *at = made->bytes + made->len;
        char sign = *s++, *end;
        size_t len = strcspn(s, "/:");

        made->len += 8;
        at[0] = sign == '+' ? 0 : sign == '-' ? 1 : (uint8_t)(sign - '0');
        put16(at + 2, (uint32_t)(8 + add_sid(made, s, len)));
        s += len;
        if (*s == '/') {
            at[1] = (uint8_t)strtoul(s + 1, &end, 16);
            s = end;
        }
        ck_assert_int_eq(*s, ':');
        put32(at + 4, (uint32_t)strtoul(s + 1, &end, 16));
        s = end + strspn(end, " ");
    }
    return count;
}

/* ACES "-": there is no list. */
static void make(struct made *made, const char *owner, const char *group,
                 const char *aces)
{
    memset(made, 0, sizeof *made);
    made->len = 20;
    made->bytes[0] = 1;
    put16(made->bytes + 2, 0x8000);
    if (strcmp(aces, "-") != 0) {
        uint8_t *list = made->bytes + made->len;

        put16(made->bytes + 2, 0x8004);
        put32(made->bytes + 16, (uint32_t)made->len);
        made->len += 8;
        list[0] = 2;
        put16(list + 4, add_aces(made, aces));
        put16(list + 2, (uint32_t)(made->bytes + made->len - list));
    }
    put32(made->bytes + 4, (uint32_t)made->len);
    add_sid(made, owner, strlen(owner));
    put32(made->bytes + 8, (uint32_t)made->len);
    add_sid(made, group, strlen(group));
}

static const struct {
    const char *name, *owner, *group, *aces;
    uint32_t mode, uid, gid;
} rows[] = {
    { "everyone full", "AD", "AD",
      "+EV:1f01ff", 0777, 0, 0 },
    { "everyone r", "AD", "AD",
      "+EV:120089", 0744, 0, 0 },
    { "everyone w", "AD", "AD",
      "+EV:120116", 0722, 0, 0 },
    { "everyone x", "AD", "AD",
      "+EV:1200a0", 0711, 0, 0 },
    { "everyone rx", "AD", "AD",
      "+EV:1200a9", 0755, 0, 0 },
    { "everyone modify", "AD", "AD",
      "+EV:1301bf", 0777, 0, 0 },
    { "gen all", "AD", "AD",
      "+EV:10000000", 0700, 0, 0 },
    { "gen r", "AD", "AD",
      "+EV:80000000", 0744, 0, 0 },
    { "gen w", "AD", "AD",
      "+EV:40000000", 0722, 0, 0 },
    { "gen x", "AD", "AD",
      "+EV:20000000", 0711, 0, 0 },
    { "bit readdata", "AD", "AD",
      "+EV:1", 0744, 0, 0 },
    { "bit writedata", "AD", "AD",
      "+EV:2", 0722, 0, 0 },
    { "bit append", "AD", "AD",
      "+EV:4", 0722, 0, 0 },
    { "bit wd append", "AD", "AD",
      "+EV:6", 0722, 0, 0 },
    { "bit exec", "AD", "AD",
      "+EV:20", 0711, 0, 0 },
    { "bit delchild", "AD", "AD",
      "+EV:40", 0700, 0, 0 },
    { "bit wd ap delchild", "AD", "AD",
      "+EV:46", 0722, 0, 0 },
    { "owner only", "U", "G",
      "+U:1f01ff", 0700, 1000, 1001 },
    { "group only", "U", "G",
      "+G:1f01ff", 0700, 0, 1001 },
    { "own grp ev", "U", "G",
      "+U:1f01ff +G:1200a9 +EV:120089", 0754, 1000, 1001 },
    { "ev first", "U", "G",
      "+EV:120089 +U:1f01ff", 0744, 1000, 1001 },
    { "own eq grp", "U", "U",
      "+U:1f01ff +EV:120089", 0744, 1000, 0 },
    { "admin own eq", "AD", "AD",
      "+AD:1f01ff +EV:1200a9", 0755, 0, 0 },
    { "admin own eq noev", "AD", "AD",
      "+AD:1f01ff", 0700, 0, 0 },
    { "deny owner w", "U", "G",
      "-U:2 +U:1f01ff +EV:1f01ff", 0577, 1000, 1001 },
    { "deny ev", "U", "G",
      "-EV:2 +U:1f01ff +EV:1f01ff", 0555, 1000, 1001 },
    { "deny grp w", "U", "G",
      "-G:2 +U:1f01ff +G:1f01ff +EV:120089", 0754, 1000, 1001 },
    { "deny after", "U", "G",
      "+U:1f01ff -U:2", 0500, 1000, 1001 },
    { "deny all ev first", "U", "G",
      "-EV:1f01ff +U:1f01ff", 0, 1000, 1001 },
    { "empty dacl", "U", "G",
      "", 0700, 1000, 1001 },
    { "no dacl flag", "U", "G",
      "-", 0700, 1000, 1001 },
    { "no dacl but bit", "U", "G",
      "-", 0700, 1000, 1001 },
    { "users rx", "U", "G",
      "+U:1f01ff +US:1200a9", 0755, 1000, 1001 },
    { "authusers rx", "U", "G",
      "+U:1f01ff +AU:1200a9", 0755, 1000, 1001 },
    { "win default", "AD", "SY",
      "+AD:1f01ff +SY:1f01ff +US:1200a9 +AU:1301bf", 0777, 0, 0 },
    { "sys sys", "SY", "SY",
      "+SY:1f01ff +AD:1f01ff +US:1200a9", 0755, 0, 0 },
    { "admin sys ace", "U", "G",
      "+AD:1f01ff +SY:1f01ff", 0700, 1000, 1001 },
    { "creator", "U", "G",
      "+CO:1f01ff +CG:1200a9", 0700, 1000, 1001 },
    { "inherit only", "U", "G",
      "+EV/8:1f01ff", 0700, 1000, 1001 },
    { "inherit only2", "U", "G",
      "+EV/b:1f01ff", 0700, 1000, 1001 },
    { "inherited", "U", "G",
      "+EV/10:120089", 0744, 1000, 1001 },
    { "s5 88", "S-1-5-88-1-1000", "S-1-5-88-2-1001",
      "+S-1-5-88-1-1000:1f01ff +S-1-5-88-2-1001:1200a9 +EV:120089",
      0754, 0, 0 },
    { "s5 88 3", "S-1-5-88-1-1000", "S-1-5-88-2-1001",
      "+S-1-5-88-3-33188:0 +S-1-5-88-1-1000:1f01ff", 0700, 0, 0 },
    { "s22", "S-1-22-1-1000", "S-1-22-2-1001",
      "+S-1-22-1-1000:1f01ff +S-1-22-2-1001:1200a9 +EV:120089",
      0754, 0, 0 },
    { "def u1000", "B0", "B3",
      "+B0:1f01ff +B3:1200a9 +EV:120089", 0754, 1000, 1001 },
    { "def u0", "BZ", "BY",
      "+BZ:1f01ff +BY:1200a9 +EV:120089", 0754, 0, 0 },
    { "def odd", "B1", "B2",
      "+EV:120089", 0744, 0, 0 },
    { "suid", "B0", "B3",
      "+B0:1f01ff +B3:1200a9 +EV:120089 +S-1-0-0:19", 01754, 1000, 1001 },
    { "nullsid deny", "B0", "B3",
      "-S-1-0-0:7 +B0:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "world owner", "EV", "EV",
      "+EV:1f01ff", 0700, 0, 0 },
    { "nobody", "S-1-5-7", "S-1-5-7",
      "+EV:1200a9", 0755, 0, 0 },
    { "own r", "U", "G",
      "+U:120089", 0700, 1000, 1001 },
    { "own rw only bits", "U", "G",
      "+U:3", 0700, 1000, 1001 },
    { "own r ev rwx", "U", "G",
      "+U:120089 +EV:1f01ff", 0777, 1000, 1001 },
    { "own fa grp r ev rwx", "U", "G",
      "+U:1f01ff +G:120089 +EV:1f01ff", 0777, 1000, 1001 },
    { "grp only r", "U", "G",
      "+G:120089", 0740, 1000, 1001 },
    { "grp fa", "U", "G",
      "+G:1f01ff", 0700, 0, 1001 },
    { "grp modify", "U", "G",
      "+G:1301bf", 0770, 1000, 1001 },
    { "grp and ev", "U", "G",
      "+G:1f01ff +EV:120089", 0744, 0, 1001 },
    { "own noace ev r", "U", "G",
      "+EV:120089", 0744, 1000, 1001 },
    { "own eq grp 2ace", "U", "U",
      "+U:1f01ff +U:120089 +EV:120089", 0744, 1000, 0 },
    { "G eq G", "G", "G",
      "+G:1200a9 +EV:120089", 0754, 0, 1001 },
    { "own writeowner", "U", "G",
      "+U:e0000", 0, 1000, 1001 },
    { "own zero", "U", "G",
      "+U:0", 0700, 1000, 1001 },
    { "users only rx", "U", "G",
      "+US:1200a9", 0755, 1000, 1001 },
    { "authusers only rx", "U", "G",
      "+AU:1200a9", 0755, 1000, 1001 },
    { "users deny w", "U", "G",
      "-US:2 +EV:1f01ff", 0555, 1000, 1001 },
    { "gen own", "U", "G",
      "+U:10000000", 0, 1000, 1001 },
    { "gen own ev", "U", "G",
      "+U:e0000000 +EV:a0000000", 0755, 1000, 1001 },
    { "adm own r", "AD", "AD",
      "+AD:120089", 0740, 0, 0 },
    { "adm own none", "AD", "AD",
      "", 0700, 0, 0 },
    { "sys own adm full", "SY", "SY",
      "+AD:1f01ff +EV:120089", 0744, 0, 0 },
    { "adm grp U", "U", "AD",
      "+U:1f01ff +AD:1200a9 +EV:120089", 0754, 1000, 0 },
    { "adm own grpG", "AD", "G",
      "+AD:1f01ff +G:1200a9 +EV:120089", 0754, 0, 1001 },
    { "u own grp sys", "U", "SY",
      "+U:1f01ff +SY:1200a9 +EV:120089", 0754, 1000, 0 },
    { "null1", "U", "G",
      "+U:1f01ff +S-1-0-0:1", 01700, 1000, 1001 },
    { "null2", "U", "G",
      "+U:1f01ff +S-1-0-0:2", 02700, 1000, 1001 },
    { "null4", "U", "G",
      "+U:1f01ff +S-1-0-0:4", 04700, 1000, 1001 },
    { "null20", "U", "G",
      "+U:1f01ff +S-1-0-0:20", 0700, 1000, 1001 },
    { "two user", "U", "G",
      "+U:1f01ff +O:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "callback", "U", "G",
      "9EV:120089", 0700, 1000, 1001 },
    { "audit", "U", "G",
      "2EV:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "object", "U", "G",
      "5EV:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "creatorowner inh", "U", "G",
      "+CO/b:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "ownerrights", "U", "G",
      "+S-1-3-4:120089 +U:1f01ff", 0700, 1000, 1001 },
    { "ev inh deny", "U", "G",
      "-EV/8:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "own d ci", "U", "G",
      "+U/3:1f01ff +EV/3:1200a9", 0755, 1000, 1001 },
    { "deny own r then ev", "U", "G",
      "-U:1 +EV:1f01ff", 0377, 1000, 1001 },
    { "deny grp rwx", "U", "G",
      "-G:27 +EV:1f01ff", 0707, 1000, 1001 },
    { "om 001f019f", "U", "G",
      "+U:1f019f +EV:120089", 0644, 1000, 1001 },
    { "om 0012019f", "U", "G",
      "+U:12019f +EV:120089", 0744, 1000, 1001 },
    { "om 0010009f", "U", "G",
      "+U:10009f +EV:120089", 0744, 1000, 1001 },
    { "om 0040009f", "U", "G",
      "+U:40009f +EV:120089", 0744, 1000, 1001 },
    { "om 0020009f", "U", "G",
      "+U:20009f +EV:120089", 0744, 1000, 1001 },
    { "om 0080009f", "U", "G",
      "+U:80009f +EV:120089", 0744, 1000, 1001 },
    { "om 00c0009f", "U", "G",
      "+U:c0009f +EV:120089", 0744, 1000, 1001 },
    { "om 000c009f", "U", "G",
      "+U:c009f +EV:120089", 0644, 1000, 1001 },
    { "om 000e009f", "U", "G",
      "+U:e009f +EV:120089", 0644, 1000, 1001 },
    { "om 000f009f", "U", "G",
      "+U:f009f +EV:120089", 0644, 1000, 1001 },
    { "om 00180089", "U", "G",
      "+U:180089 +EV:120089", 0444, 1000, 1001 },
    { "om 001c0089", "U", "G",
      "+U:1c0089 +EV:120089", 0444, 1000, 1001 },
    { "om 000c0089", "U", "G",
      "+U:c0089 +EV:120089", 0444, 1000, 1001 },
    { "om 00040089", "U", "G",
      "+U:40089 +EV:120089", 0744, 1000, 1001 },
    { "om 00080089", "U", "G",
      "+U:80089 +EV:120089", 0444, 1000, 1001 },
    { "other wo", "U", "G",
      "+O:1f01ff +EV:1", 0744, 0, 1001 },
    { "first wo grp", "U", "G",
      "+G:1f01ff +U:1f01ff", 0700, 0, 1001 },
    { "u then g fa", "U", "G",
      "+U:1f01ff +G:1f01ff", 0770, 1000, 1001 },
    { "dir wx", "U", "G",
      "+U:1f01ff +EV:26", 0733, 1000, 1001 },
    { "dir w nodel", "U", "G",
      "+U:1f01ff +EV:6", 0722, 1000, 1001 },
    { "wattr", "U", "G",
      "+U:1f01ff +EV:100", 0700, 1000, 1001 },
    { "g r ev w", "U", "G",
      "+U:1f01ff +G:1 +EV:2", 0762, 1000, 1001 },
    /* The rules of rights.c, one by one. */
    { "another group's entry, too", "U", "G",
      "+U:1f0198 +G:120089 +G:120116", 0640, 1000, 1001 },
    { "groups before their member", "U", "G",
      "+G:120089 +G:120116 +U:1f0198", 0640, 1000, 1001 },
    { "an owner said apart", "U", "G",
      "+U:1f0199 +U:120089 +G:120116 +EV:1200a0", 0421, 1000, 1001 },
    { "a group by its last others", "U", "G",
      "+G:120088 +EV:120089 +AU:1200a0", 0715, 1000, 1001 },
    { "others before and after", "U", "G",
      "+EV:120089 +G:120116 +EV:1200a0", 0735, 1000, 1001 },
    { "all others, and no group", "U", "G",
      "+AU:120089 +U:1f0198 +US:1200a0", 0555, 1000, 1001 },
    { "two owner's entries", "U", "G",
      "+U:1f0198 +U:180001", 0400, 1000, 1001 },
    { "the group's entries where he is the owner", "U", "U",
      "+U:120089 +U:120116 +EV:1200a0", 0761, 1000, 0 },
    { "Administrators' group", "U", "AD",
      "+U:1f0199 +AD:12009a +EV:1200a9", 0425, 1000, 0 },
    { "Administrators' group, others aside", "U", "AD",
      "+AD:120089 +EV:120116", 0742, 1000, 0 },
    { "Administrators without EAs", "U", "AD",
      "+AD:1200a1 +EV:120116", 0722, 1000, 0 },
    { "Administrators after others", "AD", "G",
      "+EV:120089 +AD:1a0116", 0744, 0, 1001 },
    { "Administrators twice", "AD", "G",
      "+AD:1f0198 +AD:1f01ff", 0, 0, 1001 },
    { "system's group", "U", "SY",
      "+SY:1f01ff +SY:120089 +EV:120116", 0722, 1000, 0 },
    { "denied the owner twice", "U", "G",
      "+U:1f01ff -U:1 -U:20", 0200, 1000, 1001 },
    { "denied the owner, in full", "U", "G",
      "-U:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "denied the owner, full and then not", "U", "G",
      "-U:80001 -U:1", 0700, 1000, 1001 },
    { "denied the owner, without more", "U", "G",
      "-U:1", 0, 1000, 1001 },
    { "denied the group, later", "U", "G",
      "+G:1201bf -G:1", 0770, 1000, 1001 },
    { "denied the group, before", "U", "G",
      "-G:1 -G:20 +G:1201bf", 0720, 1000, 1001 },
    { "denied others twice", "U", "G",
      "+U:1f01ff +EV:1201bf -EV:1 -AU:20", 0662, 1000, 1001 },
    { "denied Administrators", "AD", "AD",
      "-AD:1 +EV:1201bf", 0077, 0, 0 },
    { "denied Administrators, and others twice", "AD", "G",
      "+AD:1f01ff +EV:1201bf -EV:1 -AU:20", 0666, 0, 1001 },
    { "denied a group of Administrators", "U", "AD",
      "-AD:3 +AU:120089", 0704, 1000, 0 },
    { "full by the generic right, no owner", "U", "G",
      "+O:10000001 +EV:120089", 0744, 1000, 1001 },
    { "an account of too few numbers", "U", "G",
      "+S-1-5-21-1-2-3:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "an account of too many", "U", "G",
      "+S-1-5-21-1-2-3-4-5:1f01ff +EV:120089", 0744, 1000, 1001 },
    { "a group elsewhere", "U", "AD",
      "+U:1f0198 +G:120089", 0400, 1000, 0 },
    { "an owner by what is inherited from here", "G", "G",
      "+U/8:1f0199 +G:120089", 0740, 1000, 1001 },
    { "a group of the owner's", "U", "SY",
      "+U:1f0198 +G:120089 +EV:1200a0", 0511, 1000, 0 },
    /* What ntfs-3g writes for 0644 of root, who is the Administrators. */
    { "root's 0644", "AD", "AD",
      "+AD/4:1f019f +AD/4:120089 +EV/4:120089 +AD/4:1f01bf +SY/4:1f01bf",
      0644, 0, 0 },
    { "root's 0124", "AD", "AD",
      "+AD/4:1f01b8 +AD/4:12019e +EV/4:120089 +AD/4:1f01bf +SY/4:1f01bf",
      0124, 0, 0 },
    { "root's 0421 of a group", "AD", "G",
      "+AD/4:1f0199 +G/4:12019e +EV/4:1200a8 +AD/4:1f01bf +SY/4:1f01bf",
      0421, 0, 1001 },
    { "a user's 0124", "U", "G",
      "-U/4:7 +U/4:1f01b8 -G/4:1 +G/4:12019e +EV/4:120089 +AD/4:1f01bf "
      "+SY/4:1f01bf", 0124, 1000, 1001 },
    /* Of volumes that Windows made. */
    { "System Volume Information", "AD", "SY", "+SY/3:1f01ff", 0700, 0, 0 },
    { "tracking.log", "AD", "SY", "+AD:1f01ff +SY:1f01ff", 0700, 0, 0 },
    { "a user's", "AD", "AD", "+SY/10:1f01ff +AD/10:1f01ff +U/10:1f01ff",
      0700, 1000, 0 },
};

START_TEST(says_what_ntfs_3g_says)
{
    struct ntfs_rights rights;
    struct made made;
    const char *what;
    size_t at;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(&made, rows[i].owner, rows[i].group, rows[i].aces);
        what = ntfs_acl_decode(sids, made.bytes, made.len, &rights, &at);
        ck_assert_msg(!what, "%s: %s at %zu", rows[i].name, what, at);
        ck_assert_msg(rights.mode == rows[i].mode &&
                      rights.uid == rows[i].uid && rights.gid == rows[i].gid,
                      "%s: %o %u:%u", rows[i].name, rights.mode, rights.uid,
                      rights.gid);
    }
}
END_TEST

/* Of an owner's 32 rights, two make the entry one of the owner's. */
START_TEST(knows_the_owners_entry)
{
    struct ntfs_rights rights;
    struct made made;
    char ace[32];
    size_t at;

    for (unsigned bit = 0; bit < 32; bit++) {
        snprintf(ace, sizeof ace, "+U:%x", 1u << bit);
        make(&made, "U", "G", ace);
        ck_assert_ptr_null(ntfs_acl_decode(sids, made.bytes, made.len, &rights,
                                           &at));
        ck_assert_uint_eq(rights.mode, bit == 19 || bit == 28 ? 0 : 0700);
    }
}
END_TEST

/* No byte of a descriptor leads outside it, and no length is believed. */
START_TEST(survives_any_damage)
{
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
        const char *says;
    } cases[] = {
        { "revision", 0, 0x80040002, "revision" },
        { "owner past the end", 4, 2000, "SID" },
        { "owner far past the end", 4, UINT32_MAX, "SID" },
        { "group past the end", 8, 2000, "SID" },
        { "list past the end", 16, 2000, "past its" },
        { "list far past the end", 16, UINT32_MAX, "past its" },
        { "list too long", 20, 0xffff0002, "longer" },
        { "list too short for its head", 20, 0x00070002, "longer" },
        { "more entries than fit", 24, 0xffff, "ends before" },
        { "entry of no length", 28, 0, "past the list" },
        { "entry too long", 28, 0xffff0000, "past the list" },
        { "entry too short for a SID", 28, 0x000c0000, "no valid SID" },
    };
    struct ntfs_rights rights;
    struct made made;
    const char *what;
    size_t at;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make(&made, "U", "G", "+U:1f01ff +G:1200a9 +EV:120089");
        put32(made.bytes + cases[i].at, cases[i].value);
        what = ntfs_acl_decode(sids, made.bytes, made.len, &rights, &at);
        ck_assert_msg(what && strstr(what, cases[i].says), "%s: %s",
                      cases[i].what, what ? what : "nothing");
    }
    make(&made, "U", "G", "+U:1f01ff +G:1200a9 +EV:120089");
    for (size_t len = 0; len < made.len; len++) {
        uint8_t *copy = malloc(len + 1);

        memcpy(copy, made.bytes, len);
        what = ntfs_acl_decode(sids, copy, len, &rights, &at);
        ck_assert_ptr_nonnull(what);
        free(copy);
    }
    for (size_t i = 0; i < made.len; i++) {
        uint8_t *copy = malloc(made.len);

        for (unsigned byte = 0; byte < 256; byte += 5) {
            memcpy(copy, made.bytes, made.len);
            copy[i] = (uint8_t)byte;
            ntfs_acl_decode(sids, copy, made.len, &rights, &at);
        }
        free(copy);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs_sid");
    TCase *tc = tcase_create("sid");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, parses_sids);
    tcase_add_test(tc, maps_by_rules);
    tcase_add_test(tc, has_a_usual_mapping);
    tcase_add_test(tc, reads_mappings);
    tcase_add_test(tc, lacks_memory);
    tcase_add_test(tc, says_what_ntfs_3g_says);
    tcase_add_test(tc, knows_the_owners_entry);
    tcase_add_test(tc, survives_any_damage);
    suite_add_tcase(s, tc);
    return s;
}
