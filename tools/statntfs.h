/*
 * statntfs.h - what `shale stat` shows of a file on NTFS besides
 */
#ifndef SHALE_TOOLS_STATNTFS_H
#define SHALE_TOOLS_STATNTFS_H

#include "jsonout.h"
#include "tools.h"

/* Print what is special of VN, as lines; nothing if it is not on NTFS. */
void statntfs_print(struct shale_vnode *vn);

/* The same as the key "ntfs" of OBJECT. */
void statntfs_json(struct shale_vnode *vn, struct json *object);

#endif /* SHALE_TOOLS_STATNTFS_H */
