/*
 * powercut_run.c - cut the power at every moment, and judge what is left
 *
 *     powercut_run [OPTION...] [WORKLOAD...]
 *
 * Runs sequences of operations on a volume over a device that remembers what
 * was written and flushed, then visits the states in which a power cut could
 * have left the medium (support/powercut.h) and judges each (cut.c).
 *
 * A WORKLOAD is a file in the language of ACE; without any, or a --replay, the
 * operations are random.
 *
 *     --type SHAPE     fat12 (the default), fat16, ...; see fatimage.c,
 *                      ext2shape.c
 *     --seed N         of the first sequence; 1
 *     --count N        how many sequences; 10
 *     --ops N          operations in each; 40
 *     --states N       of each sequence, about; 0, the default: all
 *     --sample N       one state in N gets the closer look; 50
 *     --seconds N      begin no more sequences after so many
 *     --replay FILE    the operations in FILE
 *     --save FILE      where to write those of a sequence that failed
 *     --shrink         and leave out what is not needed for that
 *     --max BYTES      what most files stay below
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cut.h"
#include "jlang.h"
#include "model/settings.h"

struct program {
    struct settings common;
    unsigned long count, sample, seconds;
    uint64_t states;

    struct image image;         /* an empty volume */
    struct cut_totals *totals;  /* shared with processes that do the work */
};

static int run_sequence(void *context, const struct ops *ops)
{
    const struct program *program = context;
    const struct cut_settings cut = {
        .shape = program->common.shape, .image = &program->image,
        .seed = program->common.gen.rng.state,
        .states = program->states, .sample = program->sample,
        .totals = program->totals,
    };
    char why[2000];

    if (cut_sequence(&cut, ops, why, sizeof why))
        return 0;
    fprintf(stderr, "%s\n", why);
    return 1;
}

/* Run OPS, called NAME, and if that fails find out with how few it does. */
static bool try(struct program *program, struct ops *ops, const char *name)
{
    if (run_apart(run_sequence, program, ops, false) == 0)
        return true;
    settings_failed(&program->common, name, ops, run_sequence, program);
    return false;
}

/* Random operations, chosen by a model that has what it asks for. */
static void generate(const struct settings *settings, struct ops *ops)
{
    struct gen gen = settings->gen;
    struct model model;

    model_init(&model, &settings->shape->can);
    model.can.file_max = 1u << 20;
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
    SETTINGS_OPTIONS,
    { "count", required_argument, NULL, 'c' },
    { "states", required_argument, NULL, 'N' },
    { "sample", required_argument, NULL, 'f' },
    { "seconds", required_argument, NULL, 'T' },
    { NULL, 0, NULL, 0 },
};

static void parse(struct program *program, int argc, char **argv)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        unsigned long number = optarg ? strtoul(optarg, NULL, 0) : 0;

        switch (letter) {
        case 'c':
            program->count = number;
            break;
        case 'N':
            program->states = number;
            break;
        case 'f':
            program->sample = number;
            break;
        case 'T':
            program->seconds = number;
            break;
        default:
            if (!settings_take(&program->common, letter, optarg))
                usage();
        }
    }
}

static bool try_file(struct program *program, const char *path, bool jlang)
{
    struct ops ops = { 0 };
    bool unix_files = program->common.shape->can.unix_files;
    unsigned left_out = 0;
    FILE *from = fopen(path, "r");
    bool good = from && (jlang ? jlang_parse(&ops, from, unix_files,
                                             &left_out)
                               : ops_parse(&ops, from));

    if (from)
        fclose(from);
    if (!good) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    program->totals->left_out += left_out > 0;
    good = try(program, &ops, path);
    ops_free(&ops);
    return good;
}

static bool try_random(struct program *program)
{
    time_t end = time(NULL) + (time_t)program->seconds;
    bool good = true;

    for (unsigned long i = 0; i < program->count && good; i++) {
        struct ops ops = { 0 };

        if (program->seconds > 0 && time(NULL) >= end)
            break;
        generate(&program->common, &ops);
        good = try(program, &ops, "random operations");
        ops_free(&ops);
        program->common.gen.rng.state++;
    }
    return good;
}

int main(int argc, char **argv)
{
    struct program program = {
        .common = {
            .shape = shape_named("fat12"), .ops = 40,
            .gen = { .rng = { 1 }, .stamp = 1, .file_max = 6000, .syncs = 120 },
        },
        .count = 10, .sample = 50,
    };
    bool good = true;

    parse(&program, argc, argv);
    if (!shape_possible(program.common.shape))
        return 77;
    shape_make(&program.image, program.common.shape);
    program.totals = mmap(NULL, sizeof *program.totals,
                           PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                           -1, 0);
    if (program.totals == MAP_FAILED)
        abort();
    if (program.common.replay)
        good = try_file(&program, program.common.replay, false);
    else if (optind < argc)
        for (int i = optind; i < argc; i++) {
            good &= try_file(&program, argv[i], true);
            program.common.gen.rng.state++;     /* other states are chosen */
        }
    else
        good = try_random(&program);
    image_free(&program.image);
    printf("%s: %llu sequences (%llu without some operation), %llu states, "
           "%llu of them looked at closely\n", program.common.shape->name,
           (unsigned long long)program.totals->sequences,
           (unsigned long long)program.totals->left_out,
           (unsigned long long)program.totals->states,
           (unsigned long long)program.totals->looks);
    return good ? 0 : 1;
}
