/*
 * shell.h - what the shell's commands have in common
 *
 * A command is a row of a table. It says itself what went wrong, once and with
 * the name of what it was about, and answers 0 or the error.
 */
#ifndef SHELL_H
#define SHELL_H

#include "kernel.h"

struct command {
    const char *name;           /* NULL: the table's end */
    const char *arguments;      /* for help */
    const char *what;
    unsigned least, most;       /* how many arguments it takes */
    int (*run)(char **words, unsigned count);   /* words[0] is its name */
};

extern const struct command look_commands[];    /* cmd_look.c */
extern const struct command change_commands[];  /* cmd_change.c */
extern const struct command system_commands[];  /* cmd_system.c */

/* Those of a kernel that is built to be tested; see SHALE_KERNEL_MORE. */
extern const struct command test_commands[] __attribute__((weak));

#define SHELL_BUFFER ((size_t)64 << 10)

/* Bytes to read into, of SHELL_BUFFER; NULL, having said so. */
void *shell_buffer(void);
void shell_buffer_free(void *buffer);

/* Say that ERR came of NAME, unless ERR is 0. Answers ERR. */
int shell_tell(const char *name, int err);

/*
 * The volume called NAME, by its disk or its kind, with a colon or without:
 * "vda", "ext2:". The second wants it to be mounted. NULL, having said so.
 */
struct volume *shell_volume(const char *name);
struct volume *shell_mounted(const char *name);

/*
 * The mounted volume that PATH names, and the rest of it, "/" if there is none.
 * NULL, having said so.
 */
struct shale_fs *shell_fs(const char *path, const char **rest);

/* The file at PATH, with a reference, or an error that has been told. */
int shell_find(const char *path, struct shale_vnode **out);

/* ------------------------------------------------------ trees (walk.c) */

#define WALK_DEPTH 32u

/*
 * One way through all that is below a directory. It takes no recursion: the
 * directories on the way are open, WALK_DEPTH of them at most.
 */
struct walk {
    struct shale_fs *fs;
    struct {
        struct shale_file *dir;
        size_t len;             /* of its path */
    } levels[WALK_DEPTH];
    unsigned depth;             /* how many are open */
    bool enter;                 /* the entry is a directory to go into */
    struct shale_entry entry;   /* the one that was found last */
    char path[SHALE_PATH_MAX];  /* ... with the whole way to it */
};

enum walk_step {
    WALK_END,
    WALK_FOUND,                 /* an entry, before what is in it */
    WALK_LEFT,                  /* a directory, after all that was in it; its
                                   path is there, its entry is not */
};

/* Start at PATH of FS. 0 or an error. */
int walk_start(struct shale_fs *fs, const char *path, struct walk **out);

/* The next step, or an error: then the walk is over. */
int walk_next(struct walk *walk);

/* Free it, at its end or before. WALK may be NULL. */
void walk_end(struct walk *walk);

#endif /* SHELL_H */
