/*
 * checks.h - what `shale check` and `shale map` share
 *
 *      cmd_check.c     the command line, exit status
 *      checkplace.c    which volumes of the image are meant
 *      checkrun.c      one call of shale_check(): workers, progress, signals
 *      checktext.c     findings and verdict, for people
 *      checkjson.c     the same for programs
 *      checkcodes.c    what the codes mean
 */
#ifndef SHALE_TOOLS_CHECKS_H
#define SHALE_TOOLS_CHECKS_H

#include "shale/check.h"
#include "table.h"
#include "tools.h"

struct json;

/* What fsck(8) expects; bits, or-ed for several volumes. */
enum {
    FSCK_SOUND   = 0,
    FSCK_DAMAGED = 4,           /* "file system errors left uncorrected" */
    FSCK_FAILED  = 8,           /* "operational error" */
    FSCK_USAGE   = 16,
    FSCK_STOPPED = 32,          /* "checking canceled by user request" */
};

/* --------------------------------------------------------------- volumes */

/* Where on an image a volume is. */
struct place {
    unsigned part;              /* partition; 0 if it is none */
    uint64_t start, size;       /* bytes of the image */
    uint64_t missing;           /* bytes that the partition has past its end */
    bool known;                 /* by a driver */
    char content[TABLE_CONTENT_MAX];    /* what seems to be there, or "", */
    bool blank;                 /*   and it begins with zeros */
    const char *meant;          /* for what, says the table; or NULL */
};

struct places {
    const char *name;           /* the image's, as given */
    struct shale_image *image;  /* NULL: could not be opened */
    struct place *list;         /* at least one */
    size_t count;
    bool guessed;               /* the whole image, as it has a table of which
                                   no partition is known: see below */
    bool locked;                /* by somebody else, to be written to */
    bool cut_off;               /* there were more logical partitions, past the
                                   image's end */
    char *in_use;               /* who may be writing to it: "mounted on /mnt";
                                   or NULL */
    char *error;                /* why there is nothing to work on; or NULL */
};

/*
 * Open the image NAME and find the volumes to work on: the one that OPTIONS
 * choose, else the whole image if a driver knows it or there are no partitions;
 * else ALL partitions (of the type that the options name), or the only one that
 * is known, and with it those that lie past the image's end. False, having
 * said why; to be closed either way.
 *
 * Reading disturbs nobody, so an image that others write to is opened as well,
 * with a warning: what they change meanwhile may look like damage.
 */
bool places_open(struct places *places, const char *name,
                 const struct options *options, bool all);
void places_close(struct places *places);

/*
 * The whole image was guessed, and no checker knows it: take its partitions,
 * as above. False if there is nothing to take.
 */
bool places_next(struct places *places, const struct options *options,
                 bool all);

/* Note in places->error, and say, what is wrong with the image. */
void places_fail(struct places *places, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same: why nobody could check what is at PLACE. */
void places_explain(struct places *places, const struct place *place,
                    const struct options *options);

/* Does PLACE lie past the image's end, as a whole? */
bool place_is_past(const struct place *place);

/*
 * Is PLACE meant for a filesystem, by the table, and nothing in it that anybody
 * knows? Then it was never made, or is lost. What of it is to be said goes to
 * OUT.
 */
#define PLACE_WIPED_MAX 80
bool place_is_wiped(const struct place *place, char out[PLACE_WIPED_MAX]);

/* "the image ends 4.0 MiB before the partition does"; "" if it does not. */
#define PLACE_CUT_MAX 80
const char *place_cut(const struct place *place, char out[PLACE_CUT_MAX]);

/* "disk.img", "disk.img, partition 2", "disk.img, byte 1048576"; to be
   freed, safe to print. */
char *place_title(const struct place *place, const char *name);

/* ------------------------------------------------------------------ runs */

#define CHECKRUN_NO_FD (-1)

/* How to check, whatever becomes of the findings. */
struct checkrun_options {
    const char *type;           /* a checker's name, or NULL */
    bool has_superblock;
    uint64_t superblock;        /* a block's number, as e2fsck -b has it; or, */
    uint64_t superblock_at;     /* if not 0, the byte */
    unsigned threads;           /* 0: one for each processor */
    uint32_t findings_max;      /* 0: shale_check()'s own bound */
    bool bar;                   /* show how far it is, on stderr */
    bool phases;                /* print a line for each phase */
    int progress_fd;            /* "phase done max device" lines, as e2fsck's;
                                   or CHECKRUN_NO_FD */
};

/* One volume's check, for its sinks and for what is shown after it. */
struct checkrun {
    const struct place *place;
    const char *image;          /* its name */
    struct shale_check_result result;
    int err;                    /* shale_check()'s answer */
    const char *why;            /* in words, if these are not err's own */
    bool passed;                /* not checked, as there are others: no error */
    bool stopped;               /* by a signal */
    double seconds;

    /* To be filled in before: as in struct shale_check_config. */
    void (*counted)(struct checkrun *run, const struct shale_check_code *code,
                    uint64_t count);
    int (*finding)(struct checkrun *run, const struct shale_finding *finding);
    void (*claim)(struct checkrun *run, const struct shale_claim *claim);
    bool (*wanted)(struct checkrun *run, size_t index,
                   enum shale_object *object, uint64_t *number);
    void (*path)(struct checkrun *run, enum shale_object object,
                 uint64_t number, const char *path);

    /* checkrun.c's own. */
    const struct checkrun_options *options;
    unsigned phase;
    int64_t reported;
};

/*
 * Check what is at run->place of IMAGE. Ends soon, with run->stopped, when the
 * user says so (SIGINT, SIGTERM, SIGHUP).
 */
void checkrun(struct checkrun *run, struct shale_image *image,
              const struct checkrun_options *options);

/* Why it failed, in words; NULL if it did not. */
const char *checkrun_why(const struct checkrun *run);

/* fsck's exit status of it. */
int checkrun_status(const struct checkrun *run);

/* The checker's own name for what the user calls TYPE; NULL if unknown. */
const char *checkrun_type(const char *type);

/* "block" or "cluster": what a volume of TYPE consists of. */
const char *checkrun_unit(const char *type);

/* The same of the volume that RESULT is about: of clusters with bigalloc. */
const char *checkrun_result_unit(const struct shale_check_result *result);

/* "1 file", "2 files" into OUT. */
#define CHECKRUN_COUNT_MAX 64
void checkrun_count(uint64_t count, const char *one, const char *many,
                    char out[CHECKRUN_COUNT_MAX]);

/* -------------------------------------------------------------- findings */

/* How often each code was met. */
struct code_count {
    const struct shale_check_code *code;
    uint64_t count;
};

struct code_counts {
    struct code_count *list;
    size_t count, room;
};

void code_counts_add(struct code_counts *counts,
                     const struct shale_check_code *code, uint64_t count);
/* Most severe first, then by name. */
void code_counts_sort(struct code_counts *counts);
void code_counts_free(struct code_counts *counts);

enum checks_form { CHECKS_TEXT, CHECKS_JSON, CHECKS_LINES };

/* One volume's check that is shown; the runs of `shale check`. Its findings are
   shown as they are told, so none is kept here. */
struct checks {
    struct checkrun run;
    bool summary;               /* findings are counted, not shown */
    bool stats, colour;
    size_t width;               /* text: of the terminal; 0: there is none */
    struct code_counts counts;

    bool block;                 /* text: it has more lines than one, */
    bool after_block;           /*   as has the one that precedes */
    bool apart;                 /* another volume's precedes */
    bool begun;                 /* JSON: its object has been */
    bool some;                  /* findings; text: an object has been begun: */
    enum shale_object object;
    uint64_t number;

    const char *error;          /* JSON: why it was not checked, if not by
                                   run.err; or NULL */
};

/* Note in CHECKS's counts how many findings of CODE there are. */
void checks_counted(struct checkrun *run, const struct shale_check_code *code,
                    uint64_t count);

int checktext_finding(struct checkrun *run,
                      const struct shale_finding *finding);
void checktext_end(struct checks *checks);

/*
 * As a JSON document, written as it comes: its beginning, with the image's NAME
 * (or NULL); of each volume the findings, then what is known by then; its end.
 */
void checkjson_begin(const char *name);
int checkjson_finding(struct checkrun *run,
                      const struct shale_finding *finding);
void checkjson_end(struct checks *checks);
void checkjson_last(int status, const char *error, const char *in_use);

/* As JSON Lines: each at once. */
int checkjson_line(struct checkrun *run, const struct shale_finding *finding);
void checkjson_volume_line(struct checks *checks);
void checkjson_last_line(const char *name, int status, const char *error,
                         const char *in_use);

/* In either, ERROR and IN_USE are as in struct places, and may be NULL. */

/*
 * Set KEY to the bytes that SHOWN stands for, a path or a name as
 * shale_check() tells it; to null if SHOWN is NULL.
 */
void checkjson_name(struct json *object, const char *key, const char *shown);

/* "sound", "damaged", "interrupted", "not checked" and the like. */
const char *checks_verdict(const struct checkrun *run);

/* Print what CODE means ("ext2.block": all that begin so; "all": everything,
   as the chapters of docs/check-codes.md). An exit status. */
int checkcodes_explain(const struct options *options, const char *code);

/*
 * Print TEXT and a newline, wrapped to WIDTH columns, of which AT have words
 * already; lines begin with INDENT spaces.
 */
void checkcodes_wrapped(const char *text, size_t at, size_t indent,
                        size_t width);

#define CHECKS_WIDTH 80         /* of prose where there is no terminal */

#endif /* SHALE_TOOLS_CHECKS_H */
