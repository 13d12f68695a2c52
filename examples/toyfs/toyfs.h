/*
 * toyfs.h - a filesystem small enough to be read in one sitting
 *
 * An archive of files and directories that is only read. All integers are
 * little-endian and of 32 bits.
 *
 *     | head | record 0 | record 1 | ...            | data ...
 *     0      64         128         64 * (count + 1)
 *
 *     head     "toyfs 1\n", number of records; zeros up to byte 64
 *     record   parent, type, where the data begins, its bytes, name
 *
 * Record 0 is the root directory. A record's parent comes before it, so that no
 * directory is within itself. Names end with a NUL. A volume is whole blocks of
 * 512 bytes.
 */
#ifndef TOYFS_H
#define TOYFS_H

#include "shale/fs.h"

#define TOYFS_MAGIC "toyfs 1\n"         /* 8 bytes */
#define TOYFS_RECORD 64u                /* bytes of a record, and of the head */
#define TOYFS_NAME 47u                  /* bytes of a name, without its NUL */

enum { TOYFS_DIR = 1, TOYFS_FILE = 2 };

/* The driver, to be named in struct shale_config. */
extern const struct shale_fs_ops toyfs;

#endif /* TOYFS_H */
