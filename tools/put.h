/*
 * put.h - copying into a volume: what put, cp and mkfs -d share
 *
 * The host's trees are walked by fts(3), in the order of the names' bytes, so
 * that equal trees make equal volumes. What a volume cannot have (a name, a
 * kind of file, a size) is told and left out, and the rest goes on.
 */
#ifndef SHALE_TOOLS_PUT_H
#define SHALE_TOOLS_PUT_H

#include <fts.h>
#include <sys/stat.h>

#include "inomap.h"
#include "owner.h"
#include "tools.h"

/* A file with several names, once the first of them has been copied. */
struct put_link {
    dev_t dev;
    ino_t ino;
    uint64_t copy;              /* its number in the volume */
    size_t next;                /* 1 + index of the next of that ino; 0: none */
};

struct put {
    struct volume *vol;
    bool recurse;
    bool dereference;           /* copy what symlinks lead to */
    bool no_clobber;            /* leave alone what is there */
    bool verbose;
    bool progress;
    bool all_or_none;           /* the first that finds no space is the last */
    const uint32_t *owner;      /* uid and gid of all files, each of which may
                                   be OWNER_KEEP; NULL: as on the host */

    uint64_t done, failed;      /* files and directories */
    bool full;                  /* there was no space for something */
    bool stop;                  /* the volume takes no more, or ^C */

    /* The file in hand. */
    const char *from;           /* on the host */
    char *to;                   /* in the volume */

    char *buf;                  /* PUT_CHUNK bytes */
    uint32_t hole_unit;         /* bytes; such, aligned, that are all zero
                                   become holes, wherever the host has some;
                                   0: as the host has them */
    dev_t image_dev;            /* which file the image itself is */
    ino_t image_ino;
    struct inomap made;         /* numbers of files made by this run */
    struct inomap links_of;     /* ino to 1 + index in .links */
    struct put_link *links;
    size_t link_count;
    bool said_no_xattrs;
};

#define PUT_CHUNK (1u << 20)

/* Units of 512 << 0 to 512 << (PUT_UNITS - 1) bytes. */
#define PUT_UNITS 10u

/* How much there is to copy. */
struct put_size {
    uint64_t bytes;             /* of files, by all of their names */
    uint64_t names;             /* files and directories, likewise */
    uint64_t files;             /* the same, each once */
    uint64_t units[PUT_UNITS];  /* of 512 << i bytes that these take at least,
                                   where files have holes */
};

/* The rest of PUT is zero or set already. */
void put_init(struct put *put, struct volume *vol);

/*
 * Copy the COUNT files and trees at SOURCES to DEST in the volume, a directory
 * or a new name; "-" is standard input, which needs a name. All errors are told
 * and noted in the volume's status.
 */
void put_sources(struct put *put, char **sources, int count, const char *dest);

/* Copy what is in directory SOURCE, of that SIZE, into the volume's root. */
void put_contents(struct put *put, const char *source,
                  const struct put_size *size);

/* Say how many were left out, if any; free all. */
void put_fini(struct put *put);

/*
 * Has the user, or the system, asked us to stop? The second time the signal
 * ends the program at once.
 */
bool put_interrupted(void);

/* ------------------------------------------------------- putmeasure.c */

/* The walk over SOURCE; NULL: told why not. */
FTS *put_walk(const struct put *put, const char *source);

/* How much there is in the COUNT files and trees at SOURCES: metadata only. */
void put_measure(const struct put *put, char **sources, int count,
                 struct put_size *out);

/* ---------------------------------------------------------- putdata.c */

/* Copy FD, which is as ST says, to FILE, which is empty. */
bool put_data(struct put *put, int fd, struct shale_vnode *file,
              const struct stat *st);

/* The same of what cannot be sought in. */
bool put_stream(struct put *put, int fd, struct shale_vnode *file);

/* ---------------------------------------------------------- putfile.c */

/* Say that the file in hand failed: with an error of the volume's, ... */
void put_fail(struct put *put, int err);
/* ... in words, ... */
void put_fail_text(struct put *put, const char *text);
/* ... or with an errno value, for what the host could not do. */
void put_fail_host(struct put *put, int error);

/*
 * Make directory NAME in DIR, or find it; *OUT gets a reference. False if that
 * failed, which has been told.
 */
bool put_dir(struct put *put, struct shale_vnode *dir, const char *name,
             const struct stat *st, struct shale_vnode **out);

/* Copy the file, link or device at ACCESS to NAME in DIR. */
void put_file(struct put *put, struct shale_vnode *dir, const char *name,
              const char *access, const struct stat *st);

/* Copy standard input to the file NAME in DIR, at PATH in the volume. */
void put_stdin(struct put *put, struct shale_vnode *dir, const char *name,
               const char *path);

/* ---------------------------------------------------------- putattr.c */

/* The owner that the copy of a file with ST is to have. */
uint32_t put_uid(const struct put *put, const struct stat *st);
uint32_t put_gid(const struct put *put, const struct stat *st);

/*
 * Give VN the times of ST and, as far as the volume has such, owner, mode, and
 * the extended attributes of the file in hand.
 */
void put_attr(struct put *put, struct shale_vnode *vn, const struct stat *st);

/* ---------------------------------------------------------- putlink.c */

/* Note that VN is the copy of the file with ST, which may have more names. */
void put_link_note(struct put *put, const struct stat *st,
                   const struct shale_vnode *vn);

/*
 * The copy of the file with ST, if one of its other names has been copied, with
 * a reference; else NULL.
 */
struct shale_vnode *put_link_find(struct put *put, const struct stat *st);

#endif /* SHALE_TOOLS_PUT_H */
