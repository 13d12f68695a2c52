/*
 * conform.h - what a mounted volume has to do, whatever its format, and
 * wherever Shale runs
 *
 * One list of cases, that ask for nothing but the core: tests of the host run
 * it on volumes in memory, and a kernel of the tests on disks. A case answers
 * NULL, or says in words what was not as it should be. One that writes is given
 * an empty directory, and leaves it empty.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

struct conform {
    /* The runner's: a volume is there, and what it is mounted with. */
    struct shale_mem *mem;
    int (*mount)(struct conform *c);    /* sets fs */
    int (*unmount)(struct conform *c);  /* fs becomes NULL */
    struct shale_fs *fs;

    /* For cases, from here on. */
    struct shale_vnode *dir;    /* an empty directory; NULL: read-only */
    bool unix_files;            /* links, devices, modes and owners */
    bool folds_case;
    uint32_t block_size;
    size_t name_max;            /* bytes */
    uint8_t *bytes;             /* CONFORM_ROOM of them, for anything */
};

#define CONFORM_ROOM ((size_t)64 << 10)

struct conform_case {
    const char *name;
    const char *(*run)(struct conform *c);
};

/* Read-only cases look at whatever is there. Each table ends with NULL. */
extern const struct conform_case conform_look_cases[];
extern const struct conform_case conform_data_cases[];
extern const struct conform_case conform_name_cases[];
extern const struct conform_case conform_meta_cases[];

/* The case numbered INDEX of all that a volume has to pass, which are fewer if
   it is READ_ONLY; NULL past the last one. */
const struct conform_case *conform_case(size_t index, bool read_only);

/*
 * Run a case on C's volume, which is mounted, and stays so. Answers NULL, or
 * what was wrong: then vnodes may be held that nobody knows.
 */
const char *conform_run(struct conform *c, const struct conform_case *one);

/*
 * Mount C's volume, which is not mounted, use it, and unmount it, with one
 * allocation failing: the first, the first but STEP, and so on until none is
 * left. What fails says that memory was short, and works when it is done again;
 * nothing is left, on the volume or in memory. Stores how often that was done.
 */
const char *conform_failalloc(struct conform *c, uint64_t step,
                              uint64_t *rounds);

/* -------------------------------------------------------- what cases use */

#define CONFORM_TEXT(line) CONFORM_TEXT_OF(line)
#define CONFORM_TEXT_OF(line) #line

/* The case has failed unless WHAT is so. */
#define MUST(what) \
    do { \
        if (!(what)) \
            return "line " CONFORM_TEXT(__LINE__) ": " #what; \
    } while (0)

size_t conform_len(const char *text);
bool conform_equal(const char *a, const char *b);

/* A file or directory called NAME in DIR; OUT may be NULL. */
int conform_make(struct shale_vnode *dir, const char *name, uint32_t mode,
                 struct shale_vnode **out);
#define CONFORM_FILE (SHALE_S_IFREG | 0644u)
#define CONFORM_DIR  (SHALE_S_IFDIR | 0755u)

int conform_lookup(struct shale_vnode *dir, const char *name,
                   struct shale_vnode **out);
bool conform_is_there(struct shale_vnode *dir, const char *name);
int conform_unlink(struct shale_vnode *dir, const char *name);
int conform_rmdir(struct shale_vnode *dir, const char *name);
int conform_rename(struct shale_vnode *from, const char *name,
                   struct shale_vnode *to, const char *to_name,
                   unsigned flags);

/* The size of VN; UINT64_MAX if it cannot be had. */
uint64_t conform_size(struct shale_vnode *vn);

/* Write LEN bytes at AT that SEED and their places tell. 0 or an error. */
int conform_write(struct conform *c, struct shale_vnode *file, unsigned seed,
                  uint64_t at, uint64_t len);

/* Are the LEN bytes at AT such ones? Of SEED 0: are they zeros? */
bool conform_holds(struct conform *c, struct shale_vnode *file, unsigned seed,
                   uint64_t at, uint64_t len);

/* Unmount and mount. c->dir is another one then, or NULL on an error. */
int conform_remount(struct conform *c);

#endif /* CONFORM_H */
