/* test_fat_small.c - shale_fat_small: all that it does, and nothing besides */
#include "shale/codepage.h"
#include "shale/fat.h"
#include "suite.h"
#include "test_fat_rig.h"

#define FILES 300u              /* many enough for a table of names */

static const unsigned bits[] = { 12, 16, 32 };

static const struct shale_fs_ops *const small[] = { &shale_fat_small, NULL };

/* Mount the volume at hand, which is not, by the small driver. */
static int small_mount(const char *options)
{
    int err;

    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    rig.v.drivers = small;
    err = volume_mount(&rig.v, options);
    if (!err)
        GOOD(shale_vnode_get(rig.v.fs, shale_root_ino(rig.v.fs), &rig.root));
    return err;
}

/* Make a volume, made by the whole driver, and mount it by the small one. */
static void small_make(unsigned type)
{
    rig_make(type, type == 32 ? 40 << 10 : type == 16 ? 8 << 10 : 1 << 10,
             512, 512, NULL);
    rig_unmount();
    GOOD(small_mount(NULL));
}

/* One that is even and one that is odd may be in use. */
static const char *name_of(unsigned i)
{
    static char names[2][40];
    char *name = names[i % 2];

    snprintf(name, sizeof names[0], "A long name, number %u.text", i);
    return name;
}

static struct shale_vnode *find(struct shale_vnode *dir, const char *name)
{
    struct shale_vnode *vn;

    GOOD(shale_lookup(dir, name, strlen(name), &vn));
    return vn;
}

/* Make, change and take away what there is to a volume. */
static void change_all(void)
{
    struct shale_setattr what = {
        .valid = SHALE_SET_MTIME | SHALE_SET_MODE, .mode = 0555,
        .mtime = { .sec = 1600000000 },
    };
    struct shale_vnode *dir = rig_mkdir(rig.root, "Directory"), *vn;

    for (unsigned i = 0; i < FILES; i++) {
        vn = rig_create(dir, name_of(i));
        rig_write(vn, (int)i, 700, 0);
        shale_vnode_put(vn);
    }
    for (unsigned i = 0; i < FILES; i += 3)
        GOOD(rig_unlink(dir, name_of(i)));
    GOOD(rig_rename(dir, name_of(1), rig.root, "moved"));
    GOOD(rig_rename(dir, name_of(2), dir, name_of(7)));
    vn = find(dir, "A LONG NAME, NUMBER 5.TEXT");
    GOOD(shale_truncate(vn, 100));
    GOOD(shale_truncate(vn, 5000));
    shale_vnode_put(vn);
    vn = find(rig.root, "moved");
    GOOD(shale_setattr(vn, &what));
    shale_vnode_put(vn);
    vn = rig_mkdir(dir, "empty");
    shale_vnode_put(vn);
    GOOD(shale_rmdir(dir, "empty", 5));
    GOOD(shale_set_label(rig.v.fs, "SMALL"));
    GOOD(shale_sync(rig.v.fs));
    shale_vnode_put(dir);
}

/* By the whole driver: what change_all() has left. */
static void see_all(void)
{
    unsigned char byte[2];
    struct shale_attr attr;
    struct shale_vnode *dir, *vn;

    ck_assert_str_eq(rig_list(rig.root), "Directory moved ");
    vn = find(rig.root, "moved");
    GOOD(shale_getattr(vn, &attr));
    ck_assert_int_eq(attr.mtime.sec, 1600000000);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 0555);
    shale_vnode_put(vn);
    dir = find(rig.root, "directory");
    for (unsigned i = 3; i < FILES; i++) {
        const char *name = name_of(i);
        int err = shale_lookup(dir, name, strlen(name), &vn);

        ck_assert_int_eq(err, i % 3 == 0 ? SHALE_ENOENT : 0);
        if (err)
            continue;
        ck_assert_uint_eq(vn->size, i == 5 ? 5000 : 700);
        ck_assert_int_eq(shale_read(vn, byte, 2, 99), 2);
        ck_assert_uint_eq(byte[0], i == 7 ? 2 : (unsigned char)i);
        ck_assert_uint_eq(byte[1], i == 5 ? 0 : byte[0]);
        shale_vnode_put(vn);
    }
    shale_vnode_put(dir);
}

START_TEST(reads_and_writes)
{
    small_make(bits[_i]);
    change_all();
    rig_look();
    rig_mount(NULL);
    see_all();
    rig_end();
}
END_TEST

static void tell(struct shale_describe *to, const char *key, const char *value)
{
    (void)to;
    (void)key;
    (void)value;
}

START_TEST(leaves_the_rest)
{
    const struct shale_format format = { .fat_bits = 16 };
    struct shale_describe to = { .text = tell };
    char value[4];

    small_make(16);
    ck_assert_int_eq(shale_describe(rig.v.fs, &to), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_getxattr(rig.root, "system.ntfs_attrib", value, 4),
                     SHALE_ENOTSUP);
    ck_assert_int_eq(shale_setxattr(rig.root, "system.ntfs_attrib", value, 4,
                                    0), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_mkfs(&shale_fat_small, rig.v.dev, rig.v.mem,
                                &rig.v.log, &format), SHALE_ENOTSUP);
    rig_unmount();
    ck_assert_int_eq(small_mount("quiet"), SHALE_EINVAL);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    rig_free();
}
END_TEST

/* The copy of the boot sector is for shale_fat; and who has no BPB, too. */
START_TEST(rescues_nothing)
{
    static const unsigned char marks[] = { 0xfe, 0xff, 0xff };

    small_make(32);
    rig_unmount();
    memset(rig.bytes, 0, 512);
    ck_assert_int_eq(small_mount(NULL), SHALE_ENODEV);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    volume_to_write(&rig.v, rig.bytes, rig.size);
    GOOD(volume_mount(&rig.v, NULL));
    ck_assert_uint_eq(volume_close(&rig.v), 0);

    rig.size = 160 << 10;
    memset(rig.bytes, 0, rig.size);
    memcpy(rig.bytes + 512, marks, sizeof marks);
    ck_assert_int_eq(small_mount(NULL), SHALE_ENODEV);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    volume_to_write(&rig.v, rig.bytes, rig.size);
    rig.v.type = "fat";
    GOOD(volume_mount(&rig.v, "dos1xfloppy"));
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    rig_free();
}
END_TEST

/* Short names are in the code page that is named first. */
START_TEST(takes_the_first_code_page)
{
    static const struct shale_codepage *const pages[] = {
        &shale_codepage_866, NULL,
    };
    struct shale_config config;

    small_make(16);
    rig_unmount();
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    config = (struct shale_config){
        .dev = rig.v.dev, .mem = rig.v.mem, .drivers = small,
        .codepages = pages, .log = &rig.v.log,
    };
    GOOD(shale_mount(&config, &rig.v.fs));
    GOOD(shale_vnode_get(rig.v.fs, shale_root_ino(rig.v.fs), &rig.root));
    rig_touch(rig.root, "\xd0\x96");            /* a letter that 437 has not */
    rig_look();
    ck_assert_uint_eq(rig.check.entries[1].raw_name[0], 0x86);
    rig_free();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/small");
    TCase *tc = tcase_create("small");

    tcase_add_loop_test(tc, reads_and_writes, 0,
                        sizeof bits / sizeof bits[0]);
    tcase_add_test(tc, leaves_the_rest);
    tcase_add_test(tc, rescues_nothing);
    tcase_add_test(tc, takes_the_first_code_page);
    suite_add_tcase(s, tc);
    return s;
}
