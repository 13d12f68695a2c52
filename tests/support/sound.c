/* sound.c - see sound.h */
#include "sound.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shale/check.h"

#include "volume.h"

/* Keep what is more than advice, as long as there is room for it. */
static int on_finding(void *context, const struct shale_finding *finding)
{
    struct verdict *verdict = context;
    size_t len = strlen(verdict->said);

    if (finding->code->severity > SHALE_ADVICE)
        snprintf(verdict->said + len, sizeof verdict->said - len,
                 "%s: %s%s%s\n", finding->code->name,
                 finding->path ? finding->path : "",
                 finding->path ? ": " : "", finding->sentence);
    return 0;
}

void verdict_of(struct verdict *verdict, const char *type, uint8_t *bytes,
                size_t size)
{
    struct shale_check_result result;
    struct volume v;
    struct shale_check_config config = {
        .checkers = shale_all_checkers, .type = type, .finding = on_finding,
        .context = verdict,
    };

    memset(verdict, 0, sizeof *verdict);
    if (volume_of_bytes(&v, bytes, size))
        abort();
    config.dev = v.dev;
    config.mem = v.mem;
    verdict->err = shale_check(&config, &result);
    verdict->faults = result.findings[SHALE_INCONSISTENCY] +
                      result.findings[SHALE_CORRUPTION];
    verdict->advice = result.findings[SHALE_ADVICE];
    verdict->left = volume_close(&v);
}

bool is_sound_volume(const char *type, uint8_t *bytes, size_t bytes_size,
                     char *said, size_t size)
{
    struct verdict verdict;

    verdict_of(&verdict, type, bytes, bytes_size);
    if (verdict.err)
        snprintf(said, size, "shale check: error %d", verdict.err);
    else if (verdict.left)
        snprintf(said, size, "shale check: %zu bytes left", verdict.left);
    else if (verdict.faults)
        snprintf(said, size, "shale check: %s", verdict.said);
    return !verdict.err && !verdict.left && !verdict.faults;
}

bool is_sound_file(const char *type, const char *path, char *said, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    uint8_t *bytes;
    bool sound;

    if (fd < 0 || fstat(fd, &stat))
        abort();
    bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        abort();
    sound = is_sound_volume(type, bytes, (size_t)stat.st_size, said, size);
    munmap(bytes, (size_t)stat.st_size);
    close(fd);
    return sound;
}
