/*
 * cmd_test.c - commands of a kernel that is built to be tested
 *
 * The lists are those of conformance/, which the tests of the host run, too.
 */
#include "shell.h"

#include "tests/conformance/conform.h"

/* The volume that is at work. Its struct is the list's as well. */
struct subject {
    struct conform c;
    struct volume *volume;
    bool quiet;                 /* events are expected */
};

/* As the kernel mounts it, but without a word. */
static int mount(struct conform *c)
{
    const struct subject *on = (const struct subject *)c;
    const struct shale_config config = {
        .dev = on->volume->disk->dev,
        .mem = on->volume->mem,
        .drivers = shale_all_drivers,
        .locks = &kernel_locks,
        .log = on->quiet ? NULL : &console_log,
        .clock = &kernel_clock,
        .cache_bytes = VOLUME_CACHE_BYTES,
        .decoded_bytes = VOLUME_DECODED_BYTES,
        .vnode_max = VOLUME_VNODE_MAX,
    };
    int err = shale_mount(&config, &on->volume->fs);

    c->fs = on->volume->fs;
    return err;
}

static int unmount(struct conform *c)
{
    const struct subject *on = (const struct subject *)c;
    int err = shale_unmount(c->fs);

    if (err != SHALE_EBUSY)
        c->fs = on->volume->fs = NULL;
    return err;
}

/* Prepare ON for the mounted volume that is called NAME. */
static int subject_of(const char *name, struct subject *on)
{
    *on = (struct subject){
        .c = { .mount = mount, .unmount = unmount },
        .volume = shell_mounted(name),
    };
    if (!on->volume)
        return SHALE_ENODEV;
    on->c.fs = on->volume->fs;
    on->c.mem = on->volume->mem;
    return 0;
}

static int conformance(char **words, unsigned count)
{
    const struct conform_case *one;
    unsigned passed = 0, failed = 0;
    struct subject on;
    int err = subject_of(words[1], &on);

    (void)count;
    if (err)
        return err;
    for (size_t i = 0;
         (one = conform_case(i, shale_fs_read_only(on.c.fs))) != NULL; i++) {
        const char *wrong = conform_run(&on.c, one);

        if (!wrong) {
            passed++;
            continue;
        }
        failed++;
        print("%s: %s: %s\n", on.volume->disk->name, one->name, wrong);
        if (!on.c.fs || on.c.dir)
            break;              /* there is nothing to go on with */
    }
    print("%s: %u cases passed, %u failed\n", on.volume->disk->name, passed,
          failed);
    return failed > 0 || passed == 0 ? SHALE_EIO : 0;
}

static int failalloc(char **words, unsigned count)
{
    uint64_t step = 1, rounds = 0;
    struct subject on;
    const char *wrong;
    int err = subject_of(words[1], &on);

    if (err)
        return err;
    if (count > 2 && (!text_number(words[2], &step) || step == 0))
        return shell_tell(words[2], SHALE_EINVAL);
    on.quiet = true;
    err = shell_tell(on.volume->disk->name, unmount(&on.c));
    if (err)
        return err;
    wrong = conform_failalloc(&on.c, step, &rounds);
    print("%s: %lu rounds%s%s\n", on.volume->disk->name, rounds,
          wrong ? ": " : "", wrong ? wrong : "");
    if (wrong)
        return SHALE_EIO;
    on.quiet = false;
    return shell_tell(on.volume->disk->name, mount(&on.c));
}

/* -------------------------------------------------- ends that are not good */

/* Use up the stack, by frames that nobody can do without. */
static unsigned deeper(unsigned left)
{
    volatile unsigned char room[400];

    room[left % sizeof room] = (unsigned char)left;
    return left == 0 ? 0 : deeper(left - 1) + room[left % sizeof room];
}

static int crash(char **words, unsigned count)
{
    uintptr_t volatile nowhere = 0;

    (void)count;
    if (text_equal(words[1], "panic"))
        panic("asked for");
    if (text_equal(words[1], "pointer"))
        *(volatile char *)nowhere = 1;
    if (text_equal(words[1], "print"))  /* while it has the console's lock */
        print("what is there? %s\n", (const char *)(nowhere + 8));
    if (text_equal(words[1], "stack"))
        return (int)deeper(1000000);
#ifdef __x86_64__
    if (text_equal(words[1], "reset")) {
        const struct __attribute__((packed)) {
            uint16_t limit;
            uint64_t base;
        } none = { 0, 0 };

        __asm__ volatile("lidt %0; ud2" : : "m"(none));
    }
#endif
    return SHALE_EINVAL;
}

const struct command test_commands[] = {
    { "conformance", "VOLUME:", "a list of what volumes have to do", 1, 1,
      conformance },
    { "failalloc", "VOLUME: [STEP]", "use it, with each allocation failing", 1,
      2, failalloc },
    { "crash", "panic|pointer|print|stack|reset", "end like that", 1, 1,
      crash },
    { NULL, NULL, NULL, 0, 0, NULL },
};
