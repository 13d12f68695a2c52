/*
 * tools.h - what the verbs of the shale command share
 *
 * A verb is one struct command, in a file of its own: its name, its options
 * and its help in one table, from which the parser, `--help` and `shale help`
 * are made, so that they cannot disagree. The rest of this header is what most
 * verbs do alike: open the image, say what went wrong, print a name safely.
 *
 * Exit status: 0, 1 if some file failed, 2 for wrong usage or an image that
 * cannot be opened.
 */
#ifndef SHALE_TOOLS_H
#define SHALE_TOOLS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shale/host.h"

enum {
    STATUS_OK,
    STATUS_FAILED,              /* some file could not be read or written */
    STATUS_USAGE,               /* wrong usage, or no volume to work on */
};

/* ----------------------------------------------------------- commands */

/* One option of a verb. */
struct command_option {
    int letter;                 /* 'l'; OPTION_LONG and up: no short form */
    const char *name;           /* "long", or NULL: no long form */
    const char *arg;            /* "N" if it takes an argument */
    const char *help;           /* one line */
};

#define OPTION_LONG 256

struct command {
    const char *name;
    int (*run)(int argc, char **argv);      /* argv[0] is "shale VERB" */
    const char *operands;       /* "IMAGE[:PATH] [PATH...]" */
    const char *summary;        /* half a line */
    const char *details;        /* more lines for --help, or NULL */
    const struct command_option *options;   /* ends with letter 0; or NULL */
    bool image;                 /* takes the options that choose a volume */
    bool own_help;              /* parses all of its options by itself */
};

extern const struct command command_info, command_ls, command_tree,
    command_cat, command_stat, command_cp, command_put, command_mkdir,
    command_rm, command_mv, command_ln, command_mknod, command_touch,
    command_chmod, command_chown, command_attr, command_label, command_mkfs,
    command_extents, command_check, command_map, command_version, command_help;

/* In handoff.c; a build without FUSE has others. */
int cmd_mount(int argc, char **argv);
int cmd_umount(int argc, char **argv);

/* The command called NAME; NULL if there is none. */
const struct command *command_find(const char *name);

/* All commands, then NULL. */
extern const struct command *const commands[];

/* Print COMMAND's help, or the list of commands, to stdout. */
void help_command(const struct command *command);
void help_overview(FILE *to);

/* ------------------------------------------------------------ options */

#define OPTIONS_MAX 40          /* of one command, the common ones included */
#define OPTIONS_END (-1)        /* from options_next(): no more options */
#define OPTIONS_STOP (-2)       /* from options_next(): exit with .status */

/* A command line on its way through getopt_long(3). */
struct options {
    const struct command *command;
    int argc;
    char **argv;
    int status;                 /* with OPTIONS_STOP: the exit status */

    /* What the common options said. */
    struct shale_image_config image;
    char driver_options[512];   /* every -o, joined */
    bool quiet;

    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 2];
};

void options_init(struct options *options, const struct command *command,
                  int argc, char **argv);

/*
 * The letter of the next option that is the command's own, with its argument
 * in optarg; common options are dealt with on the way.
 */
int options_next(struct options *options);

/* How many operands are left, and where. After OPTIONS_END. */
int options_operands(const struct options *options, char ***operands);

/* Complain about the usage, FORMAT as for printf; returns STATUS_USAGE. */
int options_complain(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last complaint, or NULL. */
const char *options_complaint(void);

/* Does COMMAND have an option LETTER of its own? */
bool options_has(const struct command *command, int letter);

/* The options that every command with an image takes. */
extern const struct command_option options_common[];

/*
 * A number of bytes: decimal or 0x, then nothing, K, M, G, T (powers of 1024)
 * or s (sectors of 512). False if TEXT is not one, or wraps.
 */
bool options_size(const char *text, uint64_t *out);

/* A number from MIN to MAX. */
bool options_number(const char *text, uint64_t min, uint64_t max,
                    uint64_t *out);

/* "sb=N" among the filesystem's options, N in KiB: the byte; 0: it is not. */
uint64_t options_superblock(const struct options *options);

/* ------------------------------------------------------------- volumes */

/* An image, its mounted volume, and the paths to work on. */
struct volume {
    struct shale_log log;       /* prints warnings */
    char *name;                 /* the image's, as given */
    const char **paths;         /* inside the volume; at least one */
    int path_count;
    struct shale_image *image;
    struct shale_fs *fs;
    bool quiet;
    bool muted;                 /* failures are neither told nor noted */
    int status;                 /* so far */
    char warning[SHALE_WHY_MAX];        /* the last one of the volume, or "" */
};

/*
 * Take the COUNT operands at OPERANDS, IMAGE[:PATH] [PATH...], and mount what
 * the options chose. No path at all means DEFAULT_PATH (NULL: an error).
 * Returns STATUS_OK, or another status after having said why.
 */
int volume_open(struct volume *vol, const struct options *options,
                char **operands, int count, const char *default_path);

/*
 * The same to change the volume: nobody else may have the image open. A volume
 * that is read-only is an error.
 */
int volume_open_write(struct volume *vol, const struct options *options,
                      char **operands, int count, const char *default_path);

/* Is OPERAND an image and a path in it, IMAGE:PATH, by what files there are? */
bool volume_names_inside(const char *operand);

/* Does PATH end in '/', so that only a directory can be meant? */
bool path_wants_dir(const char *path);

/* VOL is the image NAME, a path and nothing more, which is not open yet. */
void volume_init(struct volume *vol, const struct options *options,
                 const char *name);

/* As volume_open(), but take apart the operands only. */
int volume_parse(struct volume *vol, const struct options *options,
                 char **operands, int count, const char *default_path);

/*
 * Mount what volume_parse() has found to be meant. 0, or an error, which has
 * not been told: WHY has it in words, or "".
 */
int volume_mount(struct volume *vol, const struct options *options,
                 char why[SHALE_WHY_MAX]);

/*
 * Unmount, which writes all that has changed and marks the volume clean; free
 * all, and return the status of it all.
 */
int volume_close(struct volume *vol);

/*
 * Say that PATH failed with ERR, with the fault that the volume told of, and
 * note STATUS_FAILED. PATH may be NULL.
 */
void volume_fail(struct volume *vol, const char *path, int err);

/* The same of PATH as the name of something new. */
void volume_fail_new(struct volume *vol, const char *path, int err);

/* Store a name that nothing has in DIR, for what is to replace something. */
#define VOLUME_SPARE_NAME 24
int volume_spare_name(struct shale_vnode *dir, char name[VOLUME_SPARE_NAME]);

/* The same in words of one's own. */
void volume_fail_text(struct volume *vol, const char *path, const char *text);

/* As shale_walk() from the root, having said what failed: NULL then. */
struct shale_vnode *volume_walk(struct volume *vol, const char *path,
                                unsigned flags);

/* As shale_walk_parent(), having said what failed: NULL then. */
struct shale_vnode *volume_parent(struct volume *vol, const char *path,
                                  const char **name, size_t *len);

/*
 * The target of the symlink numbered INO, in BUF of SHALE_PATH_MAX bytes.
 * Returns its length, or an error, which has not been reported.
 */
int64_t volume_readlink(struct volume *vol, uint64_t ino, char *buf);

/*
 * The names of VN's extended attributes, terminated by NUL, one after the
 * other, in *OUT, to be freed. Returns their length, or an error.
 */
int64_t volume_xattr_names(struct shale_vnode *vn, char **out);

/* The value of attribute NAME, likewise. */
int64_t volume_xattr_value(struct shale_vnode *vn, const char *name,
                           char **out);

/* ------------------------------------------------------------ messages */

/* "shale: ...", on a line of its own on stderr, above any progress bar. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Could something not be written to stdout? To be asked right after writing:
 * the reason, which finish_output() tells, is errno's then.
 */
bool output_failed(void);

/* Flush stdout. False if something could not be written to it, as above. */
bool output_flush(void);

/* Flush stdout; STATUS, or STATUS_FAILED (having said so) if that fails. */
int finish_output(int status);

/* PTR, if it is not NULL; else there is no memory, which ends the program. */
void *memory_or_end(void *ptr);

/* malloc, realloc and strdup that end the program if there is no memory. */
void *xmalloc(size_t size);
void *xrealloc(void *ptr, size_t count, size_t size);
char *xstrdup(const char *text);

/* ------------------------------------------------------------ printing */

/* Escape what could upset a terminal; set at start if stdout is one. */
extern bool print_escape;

/* Print a name or a path, LEN bytes, escaped if print_escape says so. */
void print_name(FILE *to, const char *name, size_t len);

/* NAME, LEN bytes, escaped, for a message; to be freed. */
char *print_escaped(const char *name, size_t len);

/* "drwxr-xr-x" */
#define PRINT_MODE_MAX 11
void print_mode(uint32_t mode, char out[PRINT_MODE_MAX]);

/* "directory", "regular file" ... */
const char *print_type(enum shale_type type);

/* The word for it in JSON: "dir", "file", "symlink" ... */
const char *print_type_key(enum shale_type type);
const char *print_extent_key(enum shale_extent_kind kind);

/* "1.5M", as `ls -h` has it; "1.5 MiB". Both fit in PRINT_SIZE_MAX. */
#define PRINT_SIZE_MAX 32
void print_size_short(uint64_t bytes, char out[PRINT_SIZE_MAX]);
void print_size_long(uint64_t bytes, char out[PRINT_SIZE_MAX]);

/* Local time, "2024-05-06 07:08", or in full with nanoseconds and zone. */
#define PRINT_TIME_MAX 64
void print_time_short(struct shale_time time, char out[PRINT_TIME_MAX]);
void print_time_full(struct shale_time time, char out[PRINT_TIME_MAX]);

/* "2024-05-06T07:08:09.000000001Z" */
void print_time_iso(struct shale_time time, char out[PRINT_TIME_MAX]);

#endif /* SHALE_TOOLS_H */
