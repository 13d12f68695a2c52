/*
 * powercut_run.c - cut the power at every moment, and judge what is left
 *
 *     powercut_run [OPTION...] [WORKLOAD...]
 *
 * Runs sequences of operations on a FAT volume over a device that remembers
 * what was written and flushed, then visits the states in which a power cut
 * could have left the medium (support/powercut.h) and judges each: what is
 * wrong with it by fatcheck, and by history whether what is there may be. On a
 * sample of the states fsck.fat is asked too, our own driver reads all of it,
 * or mounts it for writing and goes on.
 *
 * A WORKLOAD is a file in the language of ACE; without any, or a --replay, the
 * operations are random.
 *
 *     --type SHAPE     fat12 (the default), fat16, ...; see fatimage.c
 *     --seed N         of the first sequence; 1
 *     --count N        how many sequences; 10
 *     --ops N          operations in each; 40
 *     --states N       of each sequence, about; 0, the default: all
 *     --sample N       one state in N gets the closer look; 50
 *     --seconds N      begin no more sequences after so many
 *     --replay FILE    the operations in FILE
 *     --save FILE      where to write those of a sequence that failed
 *     --shrink         and leave out what is not needed for that
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cut.h"
#include "jlang.h"
#include "model/gen.h"
#include "model/shrink.h"

struct settings {
    const struct fat_shape *shape;
    struct gen gen;
    unsigned long ops, count, sample, seconds;
    uint64_t states;
    const char *replay, *save;
    bool shrink;

    struct cut_totals *totals;  /* shared with processes that do the work */
};

static int run_sequence(void *context, const struct ops *ops)
{
    const struct settings *settings = context;
    const struct cut_settings cut = {
        .shape = settings->shape, .seed = settings->gen.rng.state,
        .states = settings->states, .sample = settings->sample,
        .totals = settings->totals,
    };
    char why[2000];

    if (cut_sequence(&cut, ops, why, sizeof why))
        return 0;
    fprintf(stderr, "%s\n", why);
    return 1;
}

/* Run OPS, called NAME, and if that fails find out with how few it does. */
static bool try(struct settings *settings, struct ops *ops, const char *name)
{
    FILE *to;

    if (run_apart(run_sequence, settings, ops, false) == 0)
        return true;
    fprintf(stderr, "FAILED: %s, %s, seed %llu\n", name,
            settings->shape->name,
            (unsigned long long)settings->gen.rng.state);
    if (settings->shrink) {
        shrink(ops, run_sequence, settings);
        ops_print(ops, stderr);
        run_apart(run_sequence, settings, ops, false);
    }
    if (settings->save && (to = fopen(settings->save, "w")) != NULL) {
        ops_print(ops, to);
        fclose(to);
    }
    return false;
}

/* Random operations, chosen by a model that has what it asks for. */
static void generate(const struct settings *settings, struct ops *ops)
{
    struct gen gen = settings->gen;
    struct model model;

    model_init(&model);
    model.folds_case = true;
    model.file_max = 1u << 20;
    for (unsigned long i = 0; i < settings->ops; i++) {
        struct op op = gen_next(&gen, &model);

        if (op.kind == OP_COMPARE || op.kind == OP_READ ||
            (op.kind == OP_WRITE && op.a > gen.file_max * 2)) {
            op_free(&op);
            continue;
        }
        if (model_op(&model, &op, false, 0) >= 0)
            model_op(&model, &op, true, op.b);
        ops_add(ops, &op);
        op_free(&op);
    }
    model_fini(&model);
}

/* ------------------------------------------------------------- options */

static void usage(void)
{
    fputs("usage: powercut_run [--type SHAPE] [--seed N] [--count N] ... "
          "[WORKLOAD...]\n", stderr);
    exit(2);
}

static const struct option options[] = {
    { "type", required_argument, NULL, 't' },
    { "seed", required_argument, NULL, 's' },
    { "count", required_argument, NULL, 'c' },
    { "ops", required_argument, NULL, 'n' },
    { "states", required_argument, NULL, 'N' },
    { "sample", required_argument, NULL, 'f' },
    { "seconds", required_argument, NULL, 'T' },
    { "replay", required_argument, NULL, 'r' },
    { "save", required_argument, NULL, 'w' },
    { "shrink", no_argument, NULL, 'S' },
    { "max", required_argument, NULL, 'm' },
    { NULL, 0, NULL, 0 },
};

static void parse(struct settings *settings, int argc, char **argv)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        unsigned long number = optarg ? strtoul(optarg, NULL, 0) : 0;

        switch (letter) {
        case 't':
            settings->shape = fat_shape_named(optarg);
            if (!settings->shape)
                usage();
            break;
        case 's':
            settings->gen.rng.state = number;
            break;
        case 'c':
            settings->count = number;
            break;
        case 'n':
            settings->ops = number;
            break;
        case 'N':
            settings->states = number;
            break;
        case 'f':
            settings->sample = number;
            break;
        case 'T':
            settings->seconds = number;
            break;
        case 'r':
            settings->replay = optarg;
            break;
        case 'w':
            settings->save = optarg;
            break;
        case 'S':
            settings->shrink = true;
            break;
        case 'm':
            settings->gen.file_max = number;
            break;
        default:
            usage();
        }
    }
}

static bool try_file(struct settings *settings, const char *path, bool jlang)
{
    struct ops ops = { 0 };
    unsigned left_out = 0;
    FILE *from = fopen(path, "r");
    bool good = from && (jlang ? jlang_parse(&ops, from, &left_out)
                               : ops_parse(&ops, from));

    if (from)
        fclose(from);
    if (!good) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    settings->totals->left_out += left_out > 0;
    good = try(settings, &ops, path);
    ops_free(&ops);
    return good;
}

static bool try_random(struct settings *settings)
{
    time_t end = time(NULL) + (time_t)settings->seconds;
    bool good = true;

    for (unsigned long i = 0; i < settings->count && good; i++) {
        struct ops ops = { 0 };

        if (settings->seconds > 0 && time(NULL) >= end)
            break;
        generate(settings, &ops);
        good = try(settings, &ops, "random operations");
        ops_free(&ops);
        settings->gen.rng.state++;
    }
    return good;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .shape = &fat_shapes[0], .ops = 40, .count = 10, .sample = 50,
        .gen = { .rng = { 1 }, .stamp = 1, .file_max = 6000, .syncs = 120 },
    };
    bool good = true;

    parse(&settings, argc, argv);
    if (!fatimage_possible()) {
        puts("skipped: needs mkfs.fat and fsck.fat");
        return 77;
    }
    settings.totals = mmap(NULL, sizeof *settings.totals,
                           PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                           -1, 0);
    if (settings.totals == MAP_FAILED)
        abort();
    if (settings.replay)
        good = try_file(&settings, settings.replay, false);
    else if (optind < argc)
        for (int i = optind; i < argc; i++)
            good &= try_file(&settings, argv[i], true);
    else
        good = try_random(&settings);
    printf("%s: %llu sequences (%llu without some operation), %llu states, "
           "%llu of them looked at closely\n", settings.shape->name,
           (unsigned long long)settings.totals->sequences,
           (unsigned long long)settings.totals->left_out,
           (unsigned long long)settings.totals->states,
           (unsigned long long)settings.totals->looks);
    return good ? 0 : 1;
}
