/* fuzz_check.c - see fuzz_check.h */
#include "fuzz_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shale/check.h"
#include "shale/host.h"

/* More than any check of a volume of 40 MiB takes, however it lies. */
#define MEMORY_MAX ((size_t)64 << 20)

enum { FINDINGS = 200, PATHS = 8 };

struct seen {
    uint64_t told, claims;
    enum shale_object object;   /* of the last claim */
    uint64_t number;
};

uint8_t *fuzz_check_device(size_t size)
{
    static uint8_t *device;

    if (!device)
        device = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (device == MAP_FAILED)
        abort();
    madvise(device, size, MADV_DONTNEED);
    return device;
}

/* A time that does not pass, so that an input has one answer. */
static void now(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = (struct shale_time){ .sec = 1700000000 };
}

/* Every byte of what is told is looked at, for the sanitizers. */
static int on_finding(void *context, const struct shale_finding *finding)
{
    struct seen *seen = context;

    seen->told++;
    if (!finding->code || strlen(finding->sentence) == 0 ||
        (finding->path && finding->path[0] != '/') ||
        (finding->name && strlen(finding->name) > 4096))
        abort();
    return 0;
}

static void on_claim(void *context, const struct shale_claim *claim)
{
    struct seen *seen = context;

    if (claim->use >= SHALE_USES || claim->length == 0 ||
        claim->at + claim->length < claim->at)
        abort();
    seen->claims++;
    seen->object = claim->object;
    seen->number = claim->number;
}

static bool wanted(void *context, size_t index, enum shale_object *object,
                   uint64_t *number)
{
    const struct seen *seen = context;

    *object = seen->object;
    *number = seen->number + index;
    return seen->claims > 0 && index < PATHS;
}

static void on_path(void *context, enum shale_object object, uint64_t number,
                    const char *path)
{
    (void)context, (void)object, (void)number;
    if (path && path[0] != '/')
        abort();
}

void fuzz_check(const char *type, uint8_t *device, size_t size, unsigned how)
{
    struct shale_clock clock = { .now = now };
    struct shale_memory_bdev memory;
    struct seen seen = { .told = 0 };
    struct shale_check_result result;
    struct shale_mem *mem = shale_host_mem_create(MEMORY_MAX);
    struct shale_check_config config = {
        .dev = &memory.base, .mem = mem, .checkers = shale_all_checkers,
        .type = type, .findings_max = FINDINGS, .context = &seen,
        .finding = on_finding, .clock = &clock,
    };
    int err;

    if (how & 1) {
        config.workers = shale_host_workers_create(2);
        config.locks = &shale_host_locks;
    }
    if (how & 2) {
        config.claim = on_claim;
        config.wanted = wanted;
        config.path = on_path;
    }
    if (!mem || ((how & 1) && !config.workers))
        abort();
    shale_memory_bdev_init(&memory, device, size, 512, false);
    err = shale_check(&config, &result);
    if (err != 0 || !result.complete) {
        fprintf(stderr, "ended with %d, %llu bytes at most\n", err,
                (unsigned long long)result.memory_peak);
        abort();
    }
    if (shale_mem_check(mem) || shale_mem_destroy(mem) > 0)
        abort();
    if (config.workers)
        shale_host_workers_destroy(config.workers);
}
