/*
 * bad_run.c - apply readable patches to golden images and expect things
 *
 *     # s_inodes_per_group = 0: nothing may divide by it
 *     base    ext2-small.img.gz
 *     0x428   00 00 00 00
 *     expect  mount SHALE_ECORRUPT
 *     expect  says inodes per group
 *
 * A line is a comment, the base, a driver's name (`type ext2`, else it is to be
 * probed), an option for the driver, bytes and where they go, where the image
 * ends (`end 0x8000`), what time it is for a check (`clock 86400`, in seconds
 * since 1970; else it has no clock), or what to expect, one of
 *
 *     mount ERR              everything below it needs `mount 0`
 *     stat|list|read|link|xattrs PATH ERR
 *     xattr PATH NAME ERR
 *     says WORDS             the last event in the log holds these words
 *     check [CODE...]        a check finds these codes, and no others
 *     at CODE BYTE           it finds CODE there
 *     tells CODE WORDS       and what it says of it holds these words
 *
 * where ERR is 0 or a name from err.h. Each is asked of a fresh volume. After
 * that the whole volume is exercised and checked, and nothing may be left
 * allocated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shale/check.h"

#include "bootwalk.h"
#include "exercise.h"
#include "golden.h"
#include "volume.h"

enum { LINE = 400, EXPECTATIONS = 16, CODES = 32 };

struct expectation {
    unsigned line;
    char verb[12], path[LINE], name[LINE], err[32];
};

struct bad {
    const char *file;
    unsigned line;
    struct golden image;
    char options[LINE], type[32];
    int64_t now;                /* 0: there is no clock */
    struct expectation all[EXPECTATIONS];
    unsigned count;
};

static const struct {
    const char *name;
    int err;
} errors[] = {
    { "0", 0 },
    { "SHALE_EACCES", SHALE_EACCES },
    { "SHALE_EIO", SHALE_EIO },
    { "SHALE_ENODEV", SHALE_ENODEV },
    { "SHALE_ENODATA", SHALE_ENODATA },
    { "SHALE_ENOENT", SHALE_ENOENT },
    { "SHALE_ENOTDIR", SHALE_ENOTDIR },
    { "SHALE_ENOTSUP", SHALE_ENOTSUP },
    { "SHALE_EINVAL", SHALE_EINVAL },
    { "SHALE_ELOOP", SHALE_ELOOP },
    { "SHALE_ESTALE", SHALE_ESTALE },
    { "SHALE_ECORRUPT", SHALE_ECORRUPT },
};

static _Noreturn void die(const struct bad *bad, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", bad->file, bad->line, what);
    exit(2);
}

static int error_of(const struct bad *bad, const char *name)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (!strcmp(errors[i].name, name))
            return errors[i].err;
    die(bad, "no such error");
}

/* --------------------------------------------------------------- reading */

static void read_bytes(struct bad *bad, char *line)
{
    char *at = line, *end;
    unsigned long long offset = strtoull(at, &end, 16);

    if (end == at || !bad->image.bytes)
        die(bad, "bytes need an offset, and a base before them");
    for (at = end;; at = end) {
        unsigned long byte = strtoul(at, &end, 16);

        if (end == at)
            break;
        if (byte > 255 || offset >= bad->image.size)
            die(bad, "not a byte of the image");
        bad->image.bytes[offset++] = (uint8_t)byte;
    }
    if (strspn(end, " \n") != strlen(end))
        die(bad, "not a byte");
}

static void read_expectation(struct bad *bad, const char *rest)
{
    struct expectation *e = &bad->all[bad->count];
    int at = 0, got;

    if (bad->count == EXPECTATIONS)
        die(bad, "too many expectations");
    e->line = bad->line;
    if (sscanf(rest, "%11s %n", e->verb, &at) < 1)
        die(bad, "expect what?");
    rest += at;
    if (!strcmp(e->verb, "says"))
        got = sscanf(rest, "%399[^\n]", e->path) == 1;
    else if (!strcmp(e->verb, "check"))
        got = sscanf(rest, "%399[^\n]", e->path) <= 1;
    else if (!strcmp(e->verb, "tells"))
        got = sscanf(rest, "%399s %399[^\n]", e->path, e->name) == 2;
    else if (!strcmp(e->verb, "mount"))
        got = sscanf(rest, "%31s", e->err) == 1;
    else if (!strcmp(e->verb, "xattr"))
        got = sscanf(rest, "%399s %399s %31s", e->path, e->name, e->err) == 3;
    else
        got = sscanf(rest, "%399s %31s", e->path, e->err) == 2;
    if (!got)
        die(bad, "incomplete");
    bad->count++;
}

/* The base is mostly that of the last patch: to unpack it takes longer than all
   that is done with it. */
static void load(struct golden *image, const char *name)
{
    static struct golden base;
    static char base_name[LINE];

    if (strcmp(base_name, name) != 0) {
        golden_free(&base);
        golden_load(&base, name);
        snprintf(base_name, sizeof base_name, "%s", name);
    }
    image->size = base.size;
    image->bytes = malloc(base.size);
    if (!image->bytes)
        abort();
    memcpy(image->bytes, base.bytes, base.size);
}

static uint64_t read_number(const struct bad *bad, const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 0);

    if (end == text)
        die(bad, "not a number");
    return number;
}

/* The image ends at byte END. */
static void cut(struct bad *bad, uint64_t end)
{
    if (!bad->image.bytes || end > bad->image.size)
        die(bad, "the image has no such byte");
    bad->image.size = (size_t)end;
}

static void read_line(struct bad *bad, char *line)
{
    char word[LINE];
    int at = 0;

    bad->line++;
    if (sscanf(line, "%399s %n", word, &at) < 1 || word[0] == '#')
        return;
    if (!strcmp(word, "base")) {
        char *dot = strstr(line + at, ".img.gz");

        if (!dot)
            die(bad, "a base is something.img.gz");
        *dot = '\0';
        load(&bad->image, line + at);
    } else if (!strcmp(word, "option")) {
        if (sscanf(line + at, "%399s", bad->options) != 1)
            die(bad, "which option?");
    } else if (!strcmp(word, "type")) {
        if (sscanf(line + at, "%31s", bad->type) != 1)
            die(bad, "which type?");
    } else if (!strcmp(word, "end")) {
        cut(bad, read_number(bad, line + at));
    } else if (!strcmp(word, "clock")) {
        bad->now = (int64_t)read_number(bad, line + at);
    } else if (!strcmp(word, "expect")) {
        read_expectation(bad, line + at);
    } else {
        read_bytes(bad, line);
    }
}

static void read_patch(struct bad *bad)
{
    char line[LINE];
    FILE *from = fopen(bad->file, "r");

    if (!from)
        die(bad, strerror(errno));
    while (fgets(line, sizeof line, from))
        read_line(bad, line);
    fclose(from);
    if (!bad->image.bytes || bad->count == 0)
        die(bad, "no base, or nothing expected");
}

/* -------------------------------------------------------------- checking */

/* Names of codes, each once. */
struct codes {
    const char *name[CODES];
    unsigned count;
    const char *wanted;         /* one of them, or NULL */
    uint64_t at;
    const char *words;          /* or NULL: what counts is AT */
    bool found;                 /* it is there, or told so */
    char sentence[LINE];        /* the last one of it */
};

static bool has_code(const struct codes *codes, const char *name)
{
    for (unsigned i = 0; i < codes->count; i++)
        if (!strcmp(codes->name[i], name))
            return true;
    return false;
}

static int take_finding(void *context, const struct shale_finding *finding)
{
    struct codes *codes = context;

    if (codes->wanted && !strcmp(codes->wanted, finding->code->name)) {
        codes->found |= codes->words ? strstr(finding->sentence,
                                              codes->words) != NULL
                                     : finding->at == codes->at;
        snprintf(codes->sentence, sizeof codes->sentence, "%s",
                 finding->sentence);
    }
    if (!has_code(codes, finding->code->name) && codes->count < CODES)
        codes->name[codes->count++] = finding->code->name;
    return 0;
}

struct patch_clock {
    struct shale_clock base;
    int64_t now;
};

static void tell_time(struct shale_clock *clock, struct shale_time *out)
{
    *out = (struct shale_time){ .sec = ((struct patch_clock *)clock)->now };
}

/* Check BAD's image. False if that fails, or leaves memory allocated. */
static bool find_codes(const struct bad *bad, struct codes *codes)
{
    struct patch_clock clock = { { .now = tell_time }, bad->now };
    struct volume volume;
    struct shale_check_result result;
    struct shale_check_config config = {
        .checkers = shale_all_checkers, .context = codes,
        .finding = take_finding, .type = bad->type[0] ? bad->type : NULL,
        .clock = bad->now ? &clock.base : NULL,
    };
    int err;

    codes->count = 0;
    if (volume_of_bytes(&volume, bad->image.bytes, bad->image.size))
        return false;
    config.dev = volume.dev;
    config.mem = volume.mem;
    err = shale_check(&config, &result);
    return volume_close(&volume) == 0 &&
           (err == SHALE_ENODEV || (!err && result.complete));
}

/* Are the codes found those, and only those, that E names? */
static bool check_codes(const struct bad *bad, const struct expectation *e,
                        char *said, size_t size)
{
    struct codes found = { .wanted = NULL };
    char words[LINE];
    unsigned expected = 0;
    bool right = find_codes(bad, &found);
    size_t at = 0;

    strcpy(words, e->path);
    for (char *word = strtok(words, " \t\r"); word;
         word = strtok(NULL, " \t\r")) {
        expected++;
        right = right && has_code(&found, word);
    }
    right = right && expected == found.count;
    said[0] = '\0';
    for (unsigned i = 0; i < found.count && at < size; i++)
        at += (size_t)snprintf(said + at, size - at, "%s%s",
                               i > 0 ? " " : "", found.name[i]);
    return right;
}

/* Is the code that E names found at the byte that it says? */
static bool check_place(const struct bad *bad, const struct expectation *e,
                        char *said, size_t size)
{
    struct codes found = {
        .wanted = e->path, .at = strtoull(e->err, NULL, 0),
    };
    bool right = find_codes(bad, &found) && found.found;

    snprintf(said, size, "%s", has_code(&found, e->path)
                                   ? "it is elsewhere" : "it is not found");
    return right;
}

/* Does the sentence of the code that E names hold its words? */
static bool check_words(const struct bad *bad, const struct expectation *e,
                        char *said, size_t size)
{
    struct codes found = { .wanted = e->path, .words = e->name };
    bool right = find_codes(bad, &found) && found.found;

    snprintf(said, size, "%s", has_code(&found, e->path) ? found.sentence
                                                         : "it is not found");
    return right;
}

/* ---------------------------------------------------------------- asking */

static int take_any(void *context, const struct shale_dirent *entry)
{
    (void)context;
    (void)entry;
    return 0;
}

static int64_t read_all(struct shale_vnode *vn)
{
    static char buf[1 << 16];
    struct shale_attr attr;
    int64_t got = shale_getattr(vn, &attr);

    for (uint64_t at = 0; got >= 0 && at < attr.size && at < 1 << 28;
         at += sizeof buf)
        got = shale_read(vn, buf, sizeof buf, at);
    return got;
}

static int64_t ask(struct shale_fs *fs, const struct expectation *e)
{
    static char buf[1 << 16];
    struct shale_attr attr;
    struct shale_vnode *vn;
    int64_t got;
    int err = shale_walk(fs, NULL, e->path,
                         strcmp(e->verb, "link") ? 0 : SHALE_WALK_NOFOLLOW,
                         &vn);

    if (err)
        return err;
    if (!strcmp(e->verb, "stat"))
        got = shale_getattr(vn, &attr);
    else if (!strcmp(e->verb, "list"))
        got = shale_iterate(vn, 0, SHALE_ITERATE_ATTR, take_any, NULL);
    else if (!strcmp(e->verb, "read"))
        got = read_all(vn);
    else if (!strcmp(e->verb, "link"))
        got = shale_readlink(vn, buf, sizeof buf);
    else if (!strcmp(e->verb, "xattrs"))
        got = shale_listxattr(vn, buf, sizeof buf);
    else if (!strcmp(e->verb, "xattr"))
        got = shale_getxattr(vn, e->name, buf, sizeof buf);
    else
        got = 1 << 20;          /* no such verb: never what is expected */
    shale_vnode_put(vn);
    return got;
}

/* Make VOLUME of BAD's image, and mount it. */
static int mount_image(const struct bad *bad, struct volume *volume)
{
    if (volume_of_bytes(volume, bad->image.bytes, bad->image.size))
        die(bad, "out of memory");
    volume->type = bad->type[0] ? bad->type : NULL;
    return volume_mount(volume, bad->options);
}

/* Do E on a fresh volume, whose words go to SAID. True if all is as said. */
static bool check(struct bad *bad, const struct expectation *e, char *said,
                  size_t size)
{
    struct volume volume;
    int64_t got;
    size_t leaked;
    int want;

    if (!strcmp(e->verb, "says"))
        return strstr(said, e->path) != NULL;
    if (!strcmp(e->verb, "check"))
        return check_codes(bad, e, said, size);
    if (!strcmp(e->verb, "at"))
        return check_place(bad, e, said, size);
    if (!strcmp(e->verb, "tells"))
        return check_words(bad, e, said, size);
    bad->line = e->line;
    want = error_of(bad, e->err);
    got = mount_image(bad, &volume);
    if (!got && strcmp(e->verb, "mount") != 0)
        got = ask(volume.fs, e);
    snprintf(said, size, "%s", volume.said);
    leaked = volume_close(&volume);
    if (leaked > 0)
        snprintf(said, size, "%zu bytes left allocated", leaked);
    else if (got == SHALE_ECORRUPT && said[0] == '\0')
        snprintf(said, size, "corrupt, but no word about what");
    else if (want == 0 ? got >= 0 && got < 1 << 20 : got == want)
        return true;
    printf("got %lld, ", (long long)got);
    return false;
}

static bool survives(struct bad *bad)
{
    struct exercise x = { .max_bytes = 1 << 25, .max_steps = 1 << 14 };
    struct volume volume;
    struct codes found = { .wanted = NULL };

    if (mount_image(bad, &volume) == 0)
        exercise(volume.fs, &x);
    bootwalk_exercise(volume.dev, 2000, 1 << 16);
    return volume_close(&volume) == 0 && find_codes(bad, &found);
}

static int run(const char *patch)
{
    struct bad bad = { .file = patch };
    char said[600] = "";
    int status = 0;

    read_patch(&bad);
    for (unsigned i = 0; i < bad.count; i++) {
        if (check(&bad, &bad.all[i], said, sizeof said))
            continue;
        printf("%s:%u: expected %s %s %s; \"%s\"\n", bad.file,
               bad.all[i].line, bad.all[i].verb, bad.all[i].path,
               bad.all[i].err, said);
        status = 1;
    }
    if (!survives(&bad)) {
        printf("%s: memory left allocated, or the check failed\n", bad.file);
        status = 1;
    }
    golden_free(&bad.image);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: bad_run PATCH...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);   /* so that it is said before a crash */
    for (int i = 1; i < argc; i++)
        if (run(argv[i])) {
            printf("FAILED: %s\n", argv[i]);
            status = 1;
        }
    return status;
}
