/*
 * model_run.c - random operations on a volume and on a model of it
 *
 *     model_run [OPTION...]
 *
 *     --type SHAPE     fat12 (the default), fat16, ... see fatimage.c; ext2,
 *                      ext3, ... see ext2shape.c
 *     --seed N         where the random numbers begin; 1
 *     --ops N          how many operations; 10000
 *     --replay FILE    those in FILE instead
 *     --save FILE      where to write the operations of a run that failed
 *     --shrink         and leave out of them what is not needed for that
 *     --cache BYTES    metadata to keep in memory
 *     --options TEXT   the driver's
 *     --max BYTES      what most files stay below
 *     --exact-case     write a name always alike
 *     --long-names     some names of more than 200 units
 *     --mount SHALE    not the library but a mount by that command
 *     --kernel TYPE    nor that, but the kernel's own file system TYPE
 *     --no-allocate    fallocate(2) reserves nothing, as with the kernel's ext2
 *     --answers FILE   where to write every operation with its answer
 *     --fsck N         run the format's checker at every Nth remount; 1
 *
 * A run is a process of its own, so that a crash is a failure like any other.
 * Exits with 0 if filesystem and model agreed to the end.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "settings.h"

struct program {
    struct settings common;
    struct lib_options lib;
    unsigned long fsck_every;
    const char *mount, *kernel, *mount_options;
    const char *answers;
    bool no_allocate;
};

/* ------------------------------------------------------------- one run */

enum { FOLDER_ROOM = 1024, PATH_ROOM = FOLDER_ROOM + 8 };

/* A mount needs the image in a file and a folder to be mounted at. */
static char *folder_for_mount(const struct image *image, char *path,
                              size_t size)
{
    char *folder = need(FOLDER_ROOM), *dir = need(PATH_ROOM);
    int fd;

    if (snprintf(folder, FOLDER_ROOM, "%s/shale-model.XXXXXX",
                 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") >=
            FOLDER_ROOM ||
        !mkdtemp(folder))
        abort();
    snprintf(path, size, "%s/image", folder);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, image->bytes, image->size) !=
        (ssize_t)image->size)
        abort();
    close(fd);
    snprintf(dir, PATH_ROOM, "%s/dir", folder);
    if (mkdir(dir, 0700) != 0)
        abort();
    free(folder);
    return dir;
}

static void remove_folder(char *dir, const char *path)
{
    unlink(path);
    rmdir(dir);
    *strrchr(dir, '/') = '\0';
    rmdir(dir);
    free(dir);
}

/* Generate or repeat, with LOG getting every operation before it is done. */
static bool run_all(struct run *run, const struct program *program,
                    const struct ops *ops, FILE *log)
{
    struct gen gen = program->common.gen;
    unsigned long count = ops ? ops->count : program->common.ops;

    for (unsigned long i = 0; i < count; i++) {
        struct op op = ops ? ops->list[i] : gen_next(&gen, &run->model);
        bool good;

        if (log) {
            op_print(&op, log);
            fflush(log);
        }
        good = run_op(run, &op);
        if (!good) {
            fprintf(stderr, "operation %lu: ", i + 1);
            op_print(&op, stderr);
            fprintf(stderr, "%s\n", run->why);
        }
        if (!ops)
            op_free(&op);
        if (!good)
            return false;
    }
    if (!run_compare(run) || !run_remount(run)) {
        fprintf(stderr, "at the end: %s\n", run->why);
        return false;
    }
    return true;
}

/* The shape that is mounted, which may be able to do less. */
static struct shape shape_for(const struct program *program)
{
    struct shape shape = *program->common.shape;

    if (program->no_allocate)
        shape.can.no_allocate = true;
    return shape;
}

static struct backend *backend_for(const struct program *program,
                                   const struct image *image,
                                   const char *path, const char *dir)
{
    if (program->kernel)
        return backend_kernel(program->kernel, path, dir,
                              program->mount_options);
    if (program->mount)
        return backend_posix(program->mount, path, dir,
                             program->mount_options);
    return backend_lib(image->bytes, image->size,
                       program->common.shape->sector, &program->lib);
}

static int run_once(const struct program *program, const struct ops *ops,
                    FILE *log)
{
    const struct settings *settings = &program->common;
    struct shape shape = shape_for(program);
    bool mounted = program->mount || program->kernel;
    struct backend *backend;
    struct image image;
    struct run run;
    char path[PATH_ROOM], *dir = NULL;
    bool good;

    shape_make(&image, &shape);
    if (mounted)
        dir = folder_for_mount(&image, path, sizeof path);
    backend = backend_for(program, &image, path, dir);
    good = run_init(&run, backend, &shape);
    if (!good)
        fprintf(stderr, "%s\n", run.why);
    run.model.posix = mounted;
    run.image_path = mounted ? path : image.path;
    run.fsck_every = program->fsck_every;
    if (program->answers)
        run.answers = fopen(program->answers, "w");
    good = good && run_all(&run, program, ops, log);
    if (good)
        printf("%s: seed %llu: %lu operations, %lu refused for want of space, "
               "%lu remounts\n", shape.name,
               (unsigned long long)settings->gen.rng.state, run.done,
               run.refused, run.remounts);
    if (mounted) {
        backend_posix_free(backend);
        remove_folder(dir, path);
    } else if (good) {
        backend_lib_free(backend);      /* stops if anything has leaked */
    }
    if (run.answers)
        fclose(run.answers);
    if (good) {
        run_fini(&run);
        image_free(&image);
    }
    return good ? 0 : 1 + (int)(run.kind % 127);
}

/* ------------------------------------------------------- runs, and trials */

struct trial {
    const struct program *program;
    FILE *log;
};

static int trial(void *context, const struct ops *ops)
{
    struct trial *t = context;

    return run_once(t->program, ops, t->log);
}

/* ------------------------------------------------------------- options */

static void usage(void)
{
    fputs("usage: model_run [--type SHAPE] [--seed N] [--ops N] [--shrink] "
          "...\n", stderr);
    exit(2);
}

static const struct option options[] = {
    SETTINGS_OPTIONS,
    { "cache", required_argument, NULL, 'c' },
    { "options", required_argument, NULL, 'o' },
    { "exact-case", no_argument, NULL, 'e' },
    { "long-names", no_argument, NULL, 'l' },
    { "mount", required_argument, NULL, 'M' },
    { "mount-options", required_argument, NULL, 'O' },
    { "kernel", required_argument, NULL, 'K' },
    { "no-allocate", no_argument, NULL, 'A' },
    { "answers", required_argument, NULL, 'a' },
    { "fsck", required_argument, NULL, 'f' },
    { NULL, 0, NULL, 0 },
};

static void parse(struct program *program, int argc, char **argv)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        unsigned long number = optarg ? strtoul(optarg, NULL, 0) : 0;

        switch (letter) {
        case 'c':
            program->lib.cache_bytes = number;
            break;
        case 'o':
            program->lib.options = optarg;
            break;
        case 'e':
            program->common.gen.exact_case = true;
            break;
        case 'l':
            program->common.gen.long_names = true;
            break;
        case 'M':
            program->mount = optarg;
            break;
        case 'O':
            program->mount_options = optarg;
            break;
        case 'K':
            program->kernel = optarg;
            break;
        case 'A':
            program->no_allocate = true;
            break;
        case 'a':
            program->answers = optarg;
            break;
        case 'f':
            program->fsck_every = number;
            break;
        default:
            if (!settings_take(&program->common, letter, optarg))
                usage();
        }
    }
    if (optind < argc)
        usage();
}

int main(int argc, char **argv)
{
    struct program program = {
        .common = {
            .shape = shape_named("fat12"), .ops = 10000,
            .gen = { .rng = { 1 }, .stamp = 1, .file_max = 60000 },
        },
        .fsck_every = 1,
    };
    struct trial t = { &program, NULL };
    struct ops ops = { 0 };
    FILE *log = tmpfile();
    const char *replay;
    bool good;

    parse(&program, argc, argv);
    if (!shape_possible(program.common.shape))
        return 77;
    if (!log)
        abort();
    replay = program.common.replay;
    if (replay) {
        FILE *from = fopen(replay, "r");

        if (!from || !ops_parse(&ops, from)) {
            perror(replay);
            return 2;
        }
        fclose(from);
        good = run_apart(trial, &t, &ops, false) == 0;
    } else {
        t.log = log;
        good = run_apart(trial, &t, NULL, false) == 0;
        t.log = NULL;
        rewind(log);
        if (!good && !ops_parse(&ops, log))
            abort();
    }
    fclose(log);
    if (!good)
        settings_failed(&program.common, replay ? replay : "random operations",
                        &ops, trial, &t);
    ops_free(&ops);
    return good ? 0 : 1;
}
