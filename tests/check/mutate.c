/*
 * mutate.c - each byte of metadata is changed in turn: who finds it?
 *
 *     mutate [-j JUDGE] [-k KNOWN] [-n COUNT] [-p PART/PARTS] [-s SEED] [-v]
 *            TYPE IMAGE
 *
 * A check of IMAGE tells which of its bytes are metadata. Of those that are
 * near any that is not zero, COUNT are changed, one at a time and each in some
 * way, as many of each use (0: all of them, in every way), in a copy that is
 * checked by us and by JUDGE, "e2fsck" or "fsck.fat". What JUDGE finds fault
 * with, so must we; what only we do is shown, since it may be a mistake of
 * ours. Without a judge all that can be said is how many changes are found. Of
 * all that may be done PART only, from 1 on, each a PARTS-th of every use.
 *
 * KNOWN is a list of the differences that are as they should be:
 *
 *     ours WORDS       a line of ours (CODE: PATH: SENTENCE) has WORDS in it,
 *                      and JUDGE says nothing
 *     theirs WORDS     JUDGE says WORDS, and we nothing
 *
 * Where JUDGE tells something and ends with 0 all the same, advice will do.
 *
 * A difference that is not listed there makes the exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shale/check.h"

#include "judge.h"
#include "sound.h"
#include "volume.h"

enum {
    NEAR = 64,                  /* bytes that count as near */
    SECONDS = 300,              /* more than a check may take */
    SAID = 1024,
    KNOWN_MAX = 128, KNOWN_LINE = 200,
};

/* How a byte is changed: bits that flip, in the order of -n 0. */
static const uint8_t flips[] = { 0x01, 0x02, 0x10, 0x80, 0xff };

enum { FLIPS = sizeof flips };

struct known {
    bool ours;
    char words[KNOWN_LINE];
};

/* Shared by the processes that do the work. */
struct tally {
    uint64_t both, neither, ours, theirs, unjudged;
    uint64_t unexplained;
    uint64_t tried[SHALE_USES], found[SHALE_USES];
};

static struct {
    const char *type, *image, *judge;
    bool verbose;
    uint64_t count, seed;
    uint64_t part, parts;
    struct known known[KNOWN_MAX];
    size_t known_count;

    uint8_t *bytes;             /* of the image */
    size_t size;
    uint64_t advice;            /* on the image as it is */
    uint8_t *uses;              /* of each byte; SHALE_USES: no metadata */
    size_t *places;             /* bytes that may be changed, by use */
    size_t place_count;
    size_t first[SHALE_USES + 1];       /* place of a use */
} the;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "mutate: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* -------------------------------------------------------- what is metadata */

static void on_claim(void *context, const struct shale_claim *claim)
{
    (void)context;
    if (claim->use == SHALE_USE_DATA || claim->use == SHALE_USE_LOST ||
        claim->use == SHALE_USE_BAD || claim->at >= the.size)
        return;
    for (uint64_t i = 0; i < claim->length && claim->at + i < the.size; i++)
        the.uses[claim->at + i] = (uint8_t)claim->use;
}

static bool is_near_something(size_t at)
{
    size_t first = at / NEAR * NEAR;

    for (size_t i = first; i < first + NEAR && i < the.size; i++)
        if (the.bytes[i])
            return true;
    return false;
}

static void find_places(void)
{
    struct shale_check_result result;
    struct volume v;
    struct shale_check_config config = {
        .checkers = shale_all_checkers, .type = the.type, .claim = on_claim,
    };

    the.uses = malloc(the.size);
    the.places = calloc(the.size, sizeof *the.places);
    if (!the.uses || !the.places || volume_of_bytes(&v, the.bytes, the.size))
        die("memory");
    memset(the.uses, SHALE_USES, the.size);
    config.dev = v.dev;
    config.mem = v.mem;
    if (shale_check(&config, &result) ||
        result.findings[SHALE_INCONSISTENCY] > 0 ||
        result.findings[SHALE_CORRUPTION] > 0)
        die("the image is not sound to begin with");
    the.advice = result.findings[SHALE_ADVICE];
    volume_close(&v);
    for (int use = 0; use < SHALE_USES; use++) {
        for (size_t at = 0; at < the.size; at++)
            if (the.uses[at] == use && is_near_something(at))
                the.places[the.place_count++] = at;
        the.first[use + 1] = the.place_count;
    }
}

/* ------------------------------------------------------ known differences */

static void load_known(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[KNOWN_LINE + 10], side[8];

    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        struct known *known = &the.known[the.known_count];
        int at = 0;

        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        errno = EINVAL;
        if (the.known_count == KNOWN_MAX ||
            sscanf(line, "%7s %n", side, &at) != 1 || at == 0)
            die(path);
        known->ours = !strcmp(side, "ours");
        snprintf(known->words, sizeof known->words, "%.*s", KNOWN_LINE - 1,
                 line + at);
        the.known_count++;
    }
    fclose(file);
}

/* Is one of the findings in SAID, a line each, one that only we have? The rest
   is what came of it. */
static bool is_known_of_ours(const char *said)
{
    for (size_t i = 0; i < the.known_count; i++)
        if (the.known[i].ours && strstr(said, the.known[i].words))
            return true;
    return false;
}

static bool is_known_of_theirs(const char *said)
{
    for (size_t i = 0; i < the.known_count; i++)
        if (!the.known[i].ours && strstr(said, the.known[i].words))
            return true;
    return false;
}

/* -------------------------------------------------------------- the changes */

static void show(FILE *to, const char *who, size_t at, uint8_t flip,
                 const char *said)
{
    int len = (int)strcspn(said, "\n");

    fprintf(to, "%s: %#zx (%s) %02x -> %02x: %.*s\n", who, at,
            shale_use_name(the.uses[at]), the.bytes[at], the.bytes[at] ^ flip,
            len, said);
}

/* The byte AT of COPY, a file at PATH, is flipped: compare the verdicts. */
static void compare(struct tally *tally, FILE *to, uint8_t *copy,
                    const char *path, size_t at, uint8_t flip)
{
    enum judgement theirs = JUDGED_NOT;
    struct verdict verdict;
    char said[SAID] = "";
    bool ours, agreed;

    copy[at] ^= flip;
    alarm(SECONDS);
    verdict_of(&verdict, the.type, copy, the.size);
    alarm(0);
    ours = verdict.faults > 0;
    if (the.judge)
        theirs = judge(the.judge, path, said, sizeof said);
    copy[at] ^= flip;
    agreed = ours == (theirs == JUDGED_BAD);
    if (theirs == JUDGED_ODD)
        agreed = ours || verdict.advice > the.advice;

    tally->tried[the.uses[at]]++;
    tally->found[the.uses[at]] += ours;
    if (verdict.err || verdict.left) {
        snprintf(said, sizeof said, "error %d, %zu bytes left", verdict.err,
                 verdict.left);
        show(to, "FAILED", at, flip, said);
        tally->unexplained++;
    } else if (theirs == JUDGED_NOT) {
        tally->unjudged++;
        if (the.verbose && !ours)
            show(to, "not found", at, flip, "");
    } else if (agreed) {
        tally->both += theirs != JUDGED_SOUND;
        tally->neither += theirs == JUDGED_SOUND;
    } else if (ours) {
        bool known = is_known_of_ours(verdict.said);

        tally->ours++;
        tally->unexplained += !known;
        if (!known || the.verbose)
            show(to, "only ours", at, flip, verdict.said);
    } else {
        bool known = is_known_of_theirs(said);

        tally->theirs++;
        tally->unexplained += !known;
        if (!known || the.verbose)
            show(to, "only theirs", at, flip, said);
    }
}

/* A copy of the image in a file of its own, mapped. */
static uint8_t *make_copy(char *path)
{
    int fd = mkstemp(path);
    uint8_t *copy;

    if (fd < 0 || ftruncate(fd, (off_t)the.size))
        die(path);
    copy = mmap(NULL, the.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (copy == MAP_FAILED)
        die(path);
    for (size_t at = 0; at < the.size; at += 4096) {
        size_t len = the.size - at < 4096 ? the.size - at : 4096;

        if (memcmp(copy + at, the.bytes + at, len) != 0)
            memcpy(copy + at, the.bytes + at, len);
    }
    close(fd);
    return copy;
}

/* How many uses there are places of? */
static unsigned uses(void)
{
    unsigned count = 0;

    for (int use = 0; use < SHALE_USES; use++)
        count += the.first[use + 1] > the.first[use];
    return count;
}

/* What process number WORKER of so many does, telling TO. */
static void work(unsigned worker, unsigned workers, struct tally *tally,
                 FILE *to)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    uint8_t *copy;
    uint64_t n = 0;

    snprintf(path, sizeof path, "%s/shale-mutate.XXXXXX",
             folder ? folder : "/tmp");
    copy = make_copy(path);
    for (int use = 0; use < SHALE_USES; use++) {
        uint64_t all = (the.first[use + 1] - the.first[use]) * FLIPS;
        uint64_t count = the.count / uses();

        if (the.count == 0 || count > all)
            count = all;
        for (uint64_t i = 0; i < count; i++) {
            /* Of a sample, one from each of COUNT equal parts. */
            uint64_t part = all / count;
            uint64_t which = i * part + scatter(the.seed + i) % part;

            if (n % the.parts == the.part && n / the.parts % workers == worker)
                compare(tally, to, copy, path,
                        the.places[the.first[use] + which / FLIPS],
                        flips[which % FLIPS]);
            n++;
        }
    }
    unlink(path);
}

/* -------------------------------------------------------------- the report */

static void show_coverage(const struct tally *tally)
{
    for (int use = 0; use < SHALE_USES; use++)
        if (tally->tried[use])
            printf("  %-20s %6llu of %6llu changes found\n",
                   shale_use_name((enum shale_use)use),
                   (unsigned long long)tally->found[use],
                   (unsigned long long)tally->tried[use]);
}

/* What the processes have told, in order. */
static void pass_on(FILE *from)
{
    char line[2 * SAID];

    rewind(from);
    while (fgets(line, sizeof line, from))
        fputs(line, stdout);
}

static bool work_all(struct tally *sum)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned workers = cores < 1 ? 1 : cores > 16 ? 16 : (unsigned)cores;
    struct tally *tallies = mmap(NULL, workers * sizeof *tallies,
                                 PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *told[16];
    pid_t pids[16];
    bool well = true;

    if (tallies == MAP_FAILED)
        die("memory");
    fflush(NULL);
    for (unsigned i = 0; i < workers; i++) {
        told[i] = tmpfile();
        pids[i] = told[i] ? fork() : -1;
        if (pids[i] < 0)
            die("fork");
        if (pids[i] == 0) {
            work(i, workers, &tallies[i], told[i]);
            exit(fflush(told[i]) ? 2 : 0);
        }
    }
    for (unsigned i = 0; i < workers; i++) {
        int status;

        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
            printf("FAILED: a check crashed, or took too long (%#x)\n",
                   (unsigned)status);
            well = false;
        }
        pass_on(told[i]);
        for (size_t k = 0; k < sizeof *sum / sizeof(uint64_t); k++)
            ((uint64_t *)sum)[k] += ((const uint64_t *)&tallies[i])[k];
    }
    return well;
}

static void load(const char *path)
{
    FILE *file = fopen(path, "r");
    struct stat stat;

    if (!file || fstat(fileno(file), &stat))
        die(path);
    the.size = (size_t)stat.st_size;
    the.bytes = malloc(the.size);
    if (!the.bytes || fread(the.bytes, 1, the.size, file) != the.size)
        die(path);
    fclose(file);
}

/* "2/7" */
static void read_part(const char *text)
{
    char *end;

    the.part = strtoull(text, &end, 10) - 1;
    the.parts = *end == '/' ? strtoull(end + 1, NULL, 10) : 0;
    if (the.part >= the.parts) {
        errno = EINVAL;
        die(text);
    }
}

static void read_arguments(int argc, char **argv)
{
    int option;

    the.seed = the.parts = 1;
    while ((option = getopt(argc, argv, "j:k:n:p:s:v")) != -1) {
        switch (option) {
        case 'j': the.judge = optarg; break;
        case 'k': load_known(optarg); break;
        case 'n': the.count = strtoull(optarg, NULL, 0); break;
        case 'p': read_part(optarg); break;
        case 's': the.seed = strtoull(optarg, NULL, 0); break;
        case 'v': the.verbose = true; break;
        default: exit(2);
        }
    }
    if (argc - optind != 2) {
        fputs("usage: mutate [-j JUDGE] [-k KNOWN] [-n COUNT] [-p PART/PARTS] "
              "[-s SEED] [-v] TYPE IMAGE\n", stderr);
        exit(2);
    }
    the.type = argv[optind];
    the.image = argv[optind + 1];
}

int main(int argc, char **argv)
{
    struct tally sum = { .both = 0 };
    uint64_t tried = 0;
    bool well;

    read_arguments(argc, argv);
    load(the.image);
    find_places();
    well = work_all(&sum);
    for (int use = 0; use < SHALE_USES; use++)
        tried += sum.tried[use];
    printf("%s: %llu changes of %zu bytes: ", the.image,
           (unsigned long long)tried, the.place_count);
    if (the.judge)
        printf("both find %llu, neither %llu, we alone %llu, %s alone %llu; "
               "unexplained %llu\n", (unsigned long long)sum.both,
               (unsigned long long)sum.neither, (unsigned long long)sum.ours,
               the.judge, (unsigned long long)sum.theirs,
               (unsigned long long)sum.unexplained);
    else
        printf("unexplained %llu\n", (unsigned long long)sum.unexplained);
    show_coverage(&sum);
    return well && sum.unexplained == 0 ? 0 : 1;
}
