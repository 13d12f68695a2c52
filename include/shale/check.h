/*
 * check.h - is a volume sound? Findings, and who owns which bytes
 *
 * shale_check() reads all metadata of the volume on a device, mounted or not
 * even mountable, and tells what breaks the rules of its format. It writes
 * nothing, ever. The same reading tells whom each byte belongs to.
 *
 *     struct shale_check_config config = {
 *         .dev = &disk.base, .mem = mem, .checkers = shale_all_checkers,
 *         .finding = print, .context = stdout,
 *     };
 *     struct shale_check_result result;
 *     int err = shale_check(&config, &result);
 *
 * Units      bytes, unless a name says otherwise
 * Errors     0 or a negative enum shale_err. Damage is no error: it is found
 * Locking    one call uses DEV, MEM and its own memory; calls may overlap if
 *            MEM was created with locks
 */
#ifndef SHALE_CHECK_H
#define SHALE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/clock.h"
#include "shale/err.h"
#include "shale/lock.h"
#include "shale/log.h"
#include "shale/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

enum shale_severity {
    SHALE_ADVICE,               /* sound, but somebody should know */
    SHALE_INCONSISTENCY,        /* two records of one fact disagree; no data is
                                   at stake yet */
    SHALE_CORRUPTION,           /* data is lost, or will be if it is used */
};

/* What a finding is about. */
enum shale_object {
    SHALE_OBJECT_VOLUME,        /* number: 0 */
    SHALE_OBJECT_GROUP,         /* ext2's block group */
    SHALE_OBJECT_BLOCK,
    SHALE_OBJECT_CLUSTER,
    SHALE_OBJECT_INODE,
    SHALE_OBJECT_FILE,          /* FAT: the byte of the volume where its entry
                                   is (of 8.3); the root: 0 */
    SHALE_OBJECT_RECORD,        /* NTFS's MFT record */
};

/* A kind of finding. They never change their names. */
struct shale_check_code {
    const char *name;           /* "ext2.block.shared" */
    enum shale_severity severity;
    const char *sentence;       /* "block {o} is part of inode {f} as well" */
    const char *meaning;        /* for people: which rule, of which document */
    const char *danger;         /* what may be lost if nobody acts */
};

struct shale_finding {
    const struct shale_check_code *code;
    enum shale_object object;
    uint64_t number;            /* of the object */
    uint64_t at;                /* byte of the volume, or SHALE_NOWHERE */
    bool compared;              /* the next two count */
    uint64_t expected, found;
    const char *path;           /* "/etc/hosts"; NULL if it cannot be known */
    const char *name;           /* the name in question; NULL if none is */
    const char *sentence;       /* one line, for people */
};

/* What bytes of a volume are used for. */
enum shale_use {
    SHALE_USE_BOOT,             /* boot sectors, superblocks, their backups */
    SHALE_USE_TABLE,            /* group descriptors, FATs */
    SHALE_USE_BITMAP,
    SHALE_USE_INODES,           /* inode tables, the MFT */
    SHALE_USE_DIRECTORY,
    SHALE_USE_MAP,              /* pointer blocks, extent tree nodes */
    SHALE_USE_ATTRIBUTES,       /* extended attributes, ACLs, $Secure */
    SHALE_USE_JOURNAL,
    SHALE_USE_DATA,
    SHALE_USE_SYSTEM,           /* other files of the format's own */
    SHALE_USE_BAD,              /* marked as unreadable */
    SHALE_USE_LOST,             /* in use by the format's table of free space,
                                   and nobody's */
    SHALE_USES
};

/* LENGTH bytes of the volume at AT belong to an object. */
struct shale_claim {
    enum shale_use use;
    enum shale_object object;
    uint64_t number;
    uint64_t at, length;
    uint64_t position;          /* of its first byte in the object's data, or
                                   SHALE_NOWHERE: it is not data */
    bool within;                /* another claim has all of these bytes, and
                                   this one says whose they are more closely:
                                   not to be added to it */
};

/* Threads that a host lends. Embed it as the first member of your own. */
struct shale_workers {
    unsigned count;             /* at least 1 */
    /*
     * Call JOB(ARG) COUNT times, at the same time as far as that can be, and
     * return when all of them have. 0, or an error with none called.
     */
    int (*run)(struct shale_workers *workers, void (*job)(void *arg),
               void *arg);
};

struct shale_checker;

/* Checkers are chosen by naming them; the linker drops the rest. */
extern const struct shale_checker shale_ext2_checker;
extern const struct shale_checker shale_fat_checker;
extern const struct shale_checker shale_ntfs_checker;

/* Every checker there is, then NULL. */
extern const struct shale_checker *const shale_all_checkers[];

struct shale_check_config {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    const struct shale_checker *const *checkers;    /* tried in order; NULL */

    /* The rest may be left zero. */
    const char *type;           /* only this checker, without probing */
    uint64_t superblock;        /* ext2: the byte of the superblock to believe;
                                   0: the first that is sound */
    const struct shale_lock_ops *locks;     /* with workers */
    struct shale_workers *workers;          /* NULL: the caller's thread */
    struct shale_clock *clock;  /* NULL: no time is in the future */
    uint32_t findings_max;      /* to keep and tell, at up to 96 bytes each and
                                   its name, and 64 bytes and a path for what
                                   it is about; more are counted; 0: 10,000 */
    const volatile bool *stop;  /* becomes true: end soon, SHALE_EINTR */

    void *context;              /* handed to all of these: */
    /*
     * Called at the end, before any finding is told, for each code that was
     * found: how often, whatever findings_max is. The checker's codes in their
     * order, then those of all checkers.
     */
    void (*counted)(void *context, const struct shale_check_code *code,
                    uint64_t count);
    /*
     * Called for each finding at the end, in order: by object, then code (as
     * their tables have them, causes before consequences; read errors first),
     * then place. A nonzero answer ends that and is returned. Without it
     * findings are counted, and none is kept.
     */
    int (*finding)(void *context, const struct shale_finding *finding);
    /*
     * DONE of TOTAL units of phase PHASE (1 to PHASES), called WHAT, are done.
     * Called at the beginning and the end of each, and now and then between;
     * on any worker's thread, but never twice at the same time.
     */
    void (*progress)(void *context, unsigned phase, unsigned phases,
                     const char *what, uint64_t done, uint64_t total);
    /* Likewise, whose bytes these are. Bytes that two claim come twice. */
    void (*claim)(void *context, const struct shale_claim *claim);
    /*
     * Whose paths are wanted, besides those of findings? Called at the end,
     * before anything is told, with INDEX 0 and up until it answers false; the
     * same object may come twice. path() is then called for each object once,
     * in no order; PATH is NULL if it cannot be known.
     */
    bool (*wanted)(void *context, size_t index, enum shale_object *object,
                   uint64_t *number);
    void (*path)(void *context, enum shale_object object, uint64_t number,
                 const char *path);
};

struct shale_check_result {
    const char *type;           /* "ext2"; NULL: nobody knows this volume */
    bool complete;              /* the check ran to its end */
    bool counted;               /* ... and could look at all that there is: the
                                   numbers of files, directories and units used
                                   are the volume's */
    uint64_t findings[SHALE_CORRUPTION + 1];    /* by severity */
    uint64_t untold;            /* of these, past findings_max; 0 if none was
                                   to be told */
    uint64_t files, directories;                /* in use */
    uint64_t size;              /* bytes of the volume, by its own account */
    uint64_t units, units_used; /* blocks or clusters */
    uint32_t unit_size;
    uint32_t block_size;        /* bytes; less only with ext4's bigalloc, where
                                   units are clusters of several blocks */
    uint64_t unit_first, units_at;      /* the lowest number of a unit, and
                                   the byte of the volume where that one is */
    uint64_t bytes_read;
    uint64_t memory_peak;       /* bytes of MEM held by this call */
    const char *memory_formula; /* static: what bounds them, in words */
};

/*
 * Check the volume on CONFIG->dev. Stores what there is to store in *OUT, even
 * on error. SHALE_ENODEV if no checker knows the volume; SHALE_ENOMEM if there
 * is too little memory, SHALE_EINTR if it was stopped, what the sink answered:
 * findings up to there have been told, and `complete` is false. A device that
 * fails is a finding.
 */
int shale_check(const struct shale_check_config *config,
                struct shale_check_result *out);

/* "ext2" */
const char *shale_checker_name(const struct shale_checker *checker);

/*
 * The codes that CHECKER has, in their order: the INDEXth, or NULL past the
 * last. Those that all checkers share come with CHECKER NULL.
 */
const struct shale_check_code *
shale_checker_code(const struct shale_checker *checker, size_t index);

/* "corruption", "inode", "pointer blocks" and the like, for a sentence. */
const char *shale_severity_name(enum shale_severity severity);
const char *shale_object_name(enum shale_object object);
const char *shale_use_name(enum shale_use use);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_CHECK_H */
