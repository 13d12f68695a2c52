/*
 * state.h - what the files of check/ keep of one check
 */
#ifndef CHECK_STATE_H
#define CHECK_STATE_H

#include "check/check.h"
#include "memfn.h"

enum { CHECK_FINDINGS_MAX = 10000 };    /* kept, unless told otherwise */

struct check_state {
    const struct shale_checker *checker;

    int failed;                 /* atomic: SHALE_ENOMEM, or 0 */
    bool alone;                 /* see check_alone() */
    size_t memory, memory_peak; /* atomic: bytes held now, and at most */

    struct check_lock sinks;    /* round progress() and claim(), and guards: */
    unsigned phase;             /* 0: none has begun */
    const char *what;
    uint64_t total, done;
    uint64_t report_at;         /* tell when DONE gets there */

    struct check_lock counts;   /* guards result->bytes_read */
    struct check_lock turn;     /* guards who takes what next; see each.c */
};

/* --------------------------------------------------------------- base.c */

int check_state_init(struct check *check);
void check_state_fini(struct check *check);

/* From now on check_going() answers SHALE_ENOMEM. */
void check_fail(struct check *check);

/* --------------------------------------------------------------- each.c */

/*
 * Call JOB on all workers at the same time and wait for them; on the caller's
 * thread alone if ALONE is true or there are no others.
 */
void check_together(struct check *check, bool alone, void (*job)(void *arg),
                    void *arg);

/* ------------------------------------------------------------ progress.c */

/* The last phase has ended. */
void check_phases_end(struct check *check);

/* --------------------------------------------------------------- note.c */

int check_notes_create(struct check *check);
void check_notes_destroy(struct check *check);

/*
 * Answer the config's question for paths, and find out those of the findings'
 * objects; without asking the checker if FIND is false.
 */
int check_notes_paths(struct check *check, bool find);

/* Hand all findings to the config's sink. Its answer. */
int check_notes_tell(struct check *check);

/* --------------------------------------------------------------- sort.c */

static inline int check_compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* ----------------------------------------------------------- sentence.c */

/* A line that is being written; what does not fit is left off. */
struct check_text {
    char *bytes;
    size_t size, len;           /* room, without the 0 at the end; and used */
};

void check_text_start(struct check_text *text);

/*
 * Append what LEN bytes at NAME say, so that neither a terminal nor a reader
 * is fooled: what is no UTF-8, or does not print, as \xHH, a backslash as \\.
 */
void check_text_name(struct check_text *text, const char *name, size_t len);

/* Append SENTENCE with what its placeholders stand for; NAME is printable. */
void check_text_sentence(struct check_text *text, const char *sentence,
                         const struct check_note *note, const char *name);

/* --------------------------------------------------------------- path.c */

enum { CHECK_PATH_MAX = 4096 }; /* bytes; of longer paths the end is kept */

/* Objects whose paths are wanted, or known. Begins as zeros. */
struct check_paths {
    struct check_path *at;
    size_t count, room;
};

/* Have room for so many. */
int check_paths_reserve(struct check *check, struct check_paths *paths,
                        size_t room);

/* Add an object, unless its kind has no paths. */
int check_paths_add(struct check *check, struct check_paths *paths,
                    enum shale_object object, uint64_t number);
void check_paths_free(struct check *check, struct check_paths *paths);

/*
 * Find out the paths of PATHS and of what the config wants, if FIND is true,
 * and answer the config, with TEXT as memory.
 */
int check_paths_find(struct check *check, struct check_paths *paths, bool find,
                     struct check_text *text);

/* The path of an object in words, in TEXT; NULL if it is not known. */
const char *check_paths_text(const struct check_paths *paths,
                             enum shale_object object, uint64_t number,
                             struct check_text *text);

#endif /* CHECK_STATE_H */
