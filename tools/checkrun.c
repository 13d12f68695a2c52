/*
 * checkrun.c - one call of shale_check(), as a command makes it
 *
 * Lends it memory, threads and a clock; shows how far it is; lets the user
 * stop it. What is found goes to the command's own sinks.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"
#include "epoch.h"
#include "progress.h"

#define LINE_NS 100000000       /* between two lines to a descriptor */
#define E2FSCK_PASSES 5
#define PASS_PARTS 1000u

static volatile bool stop;

static void on_signal(int number)
{
    (void)number;
    stop = true;
}

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };
#define STOP_SIGNALS (sizeof stop_signals / sizeof stop_signals[0])

/* Let signals end the check; a second one, which is impatient, the program. */
static void signals_catch(struct sigaction old[STOP_SIGNALS])
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        sigaction(stop_signals[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)       /* nohup(1) */
            sigaction(stop_signals[i], &action, NULL);
    }
}

static void signals_restore(const struct sigaction old[STOP_SIGNALS])
{
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaction(stop_signals[i], &old[i], NULL);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * A line for fsck(8) or systemd: "PASS DONE MAX DEVICE". Who reads them knows
 * five passes, so phases are told as parts of five.
 */
static void progress_line(struct checkrun *run, double part)
{
    double all = part * E2FSCK_PASSES;
    unsigned pass = all >= E2FSCK_PASSES ? E2FSCK_PASSES - 1 : (unsigned)all;
    char *name = print_escaped(run->image, strlen(run->image));

    dprintf(run->options->progress_fd, "%u %u %u %s\n", pass + 1,
            (unsigned)((all - pass) * PASS_PARTS), PASS_PARTS, name);
    free(name);
}

/* The same, but not too often. */
static void progress_lines(struct checkrun *run, unsigned phase,
                           unsigned phases, uint64_t done, uint64_t total)
{
    double part = total ? (double)done / (double)total : 0;
    int64_t now = now_ns();

    if (phases == 0 || (phase == run->phase && now - run->reported < LINE_NS))
        return;
    run->reported = now;
    progress_line(run, ((double)(phase - 1) + (part < 1 ? part : 1)) /
                           (double)phases);
}

/* On any thread, but this one waits meanwhile: nothing else prints. */
static void on_progress(void *context, unsigned phase, unsigned phases,
                        const char *what, uint64_t done, uint64_t total)
{
    struct checkrun *run = context;

    if (run->options->progress_fd != CHECKRUN_NO_FD)
        progress_lines(run, phase, phases, done, total);
    if (run->options->phases && phase != run->phase) {
        progress_hide();
        printf("Phase %u of %u: %s\n", phase, phases, what);
        output_flush();
    }
    run->phase = phase;
    if (run->options->bar)
        progress_phase(phase, phases, what, done, total);
}

static void on_counted(void *context, const struct shale_check_code *code,
                       uint64_t count)
{
    struct checkrun *run = context;

    run->counted(run, code, count);
}

static int on_finding(void *context, const struct shale_finding *finding)
{
    struct checkrun *run = context;

    progress_hide();
    if (stop)
        return SHALE_EINTR;
    return run->finding(run, finding);
}

static void on_claim(void *context, const struct shale_claim *claim)
{
    struct checkrun *run = context;

    run->claim(run, claim);
}

static bool on_wanted(void *context, size_t index, enum shale_object *object,
                      uint64_t *number)
{
    struct checkrun *run = context;

    return run->wanted(run, index, object, number);
}

static void on_path(void *context, enum shale_object object, uint64_t number,
                    const char *path)
{
    struct checkrun *run = context;

    run->path(run, object, number, path);
}

/*
 * Has DEV a superblock of ext2 at byte AT? Its magic number is at 0x38; at 0x18
 * is how many times a block's size is 1 KiB doubled (documentation of ext4,
 * "The Super Block"), which goes to *LOG.
 */
static bool superblock_at(struct shale_bdev *dev, struct shale_mem *mem,
                          uint64_t at, unsigned *log)
{
    uint8_t raw[64];

    if (dev->size < sizeof raw || at > dev->size - sizeof raw ||
        shale_bdev_read_bytes(dev, mem, at, raw, sizeof raw) != 0)
        return false;
    *log = raw[0x18];
    return raw[0x38] == 0x53 && raw[0x39] == 0xef;
}

/* The byte of DEV where the superblock in block NUMBER is, as it says itself
   how large blocks are; or 0. */
static uint64_t superblock_byte(struct shale_bdev *dev, struct shale_mem *mem,
                                uint64_t number)
{
    unsigned log;

    /* The first one lies there, whatever blocks are. */
    if (number == 0)
        return superblock_at(dev, mem, 1024, &log) ? 1024 : 0;
    for (unsigned shift = 10; shift <= 16; shift++)
        if (number <= UINT64_MAX >> shift &&
            superblock_at(dev, mem, number << shift, &log) &&
            log == shift - 10)
            return number << shift;
    return 0;
}

/* The superblock that the user believes, in CONFIG. An error if none is there:
   then no volume is to blame. */
static int choose_superblock(struct checkrun *run,
                             struct shale_check_config *config)
{
    const struct checkrun_options *options = run->options;
    unsigned log;

    if (options->has_superblock)
        config->superblock = superblock_byte(config->dev, config->mem,
                                             options->superblock);
    else if (!options->superblock_at ||
             superblock_at(config->dev, config->mem, options->superblock_at,
                           &log))
        config->superblock = options->superblock_at;
    if (config->superblock ||
        (!options->has_superblock && !options->superblock_at))
        return 0;
    run->why = "there is no superblock of ext2 where it was said to be";
    return SHALE_EINVAL;
}

void checkrun(struct checkrun *run, struct shale_image *image,
              const struct checkrun_options *options)
{
    struct shale_workers *workers = shale_host_workers_create(options->threads);
    struct sigaction old[STOP_SIGNALS];
    struct shale_slice_bdev slice;
    struct shale_check_config config = {
        .dev = &slice.base,
        .mem = image->mem,
        .checkers = shale_all_checkers,
        .type = options->type,
        .locks = &shale_host_locks,
        .workers = workers,
        .clock = epoch_clock(),
        .findings_max = options->findings_max,
        .stop = &stop,
        .context = run,
        .counted = run->counted ? on_counted : NULL,
        .finding = run->finding ? on_finding : NULL,
        .progress = on_progress,
        .claim = run->claim ? on_claim : NULL,
        .wanted = run->wanted ? on_wanted : NULL,
        .path = run->path ? on_path : NULL,
    };
    int64_t started = now_ns();

    run->options = options;
    if (place_is_past(run->place)) {
        shale_host_workers_destroy(workers);
        run->err = SHALE_EIO;
        run->why = "all of it lies past the end of the image";
        return;
    }
    run->err = shale_slice_bdev_init(&slice, shale_file_bdev(image->file),
                                     run->place->start, run->place->size);
    if (!run->err)
        run->err = choose_superblock(run, &config);
    signals_catch(old);
    if (!run->err)
        run->err = shale_check(&config, &run->result);
    signals_restore(old);
    run->stopped = stop;
    progress_hide();
    if (!run->err && options->progress_fd != CHECKRUN_NO_FD)
        progress_line(run, 1);
    shale_host_workers_destroy(workers);
    run->seconds = (double)(now_ns() - started) / 1e9;
}

int checkrun_status(const struct checkrun *run)
{
    const uint64_t *findings = run->result.findings;
    char wiped[PLACE_WIPED_MAX];
    int status = findings[SHALE_CORRUPTION] || findings[SHALE_INCONSISTENCY]
        ? FSCK_DAMAGED : FSCK_SOUND;

    /* What is cut off may have been anything, unless a check knows better. */
    if (run->err && run->place->missing)
        status = FSCK_DAMAGED;
    /* Empty, or no longer to be recognised: who knows? */
    if (run->passed && run->err && place_is_wiped(run->place, wiped))
        status |= FSCK_FAILED;
    if (run->passed || place_is_past(run->place))
        return status;
    if (run->err == SHALE_EINTR && run->stopped)
        return FSCK_STOPPED;
    return run->err ? status | FSCK_FAILED : status;
}

const char *checkrun_type(const char *type)
{
    const struct shale_fs_ops *driver = shale_driver_named(type);

    if (!driver)
        return NULL;
    type = shale_driver_name(driver);
    for (size_t i = 0; shale_all_checkers[i]; i++)
        if (!strcmp(shale_checker_name(shale_all_checkers[i]), type))
            return type;
    return NULL;
}

const char *checkrun_unit(const char *type)
{
    return type && !strcmp(type, "ext2") ? "block" : "cluster";
}

const char *checkrun_result_unit(const struct shale_check_result *result)
{
    return result->block_size == result->unit_size
        ? checkrun_unit(result->type) : "cluster";
}

void checkrun_count(uint64_t count, const char *one, const char *many,
                    char out[CHECKRUN_COUNT_MAX])
{
    snprintf(out, CHECKRUN_COUNT_MAX, "%" PRIu64 " %s", count,
             count == 1 ? one : many);
}

const char *checkrun_why(const struct checkrun *run)
{
    if (!run->err)
        return NULL;
    return run->why ? run->why : shale_strerror(run->err);
}
