/*
 * err.c - errors in words
 */
#include "shale/err.h"

const char *shale_strerror(int err)
{
    if (err >= 0)
        return "no error";

    switch ((enum shale_err)err) {
    case SHALE_EPERM:        return "operation not permitted";
    case SHALE_ENOENT:       return "no such file or directory";
    case SHALE_EINTR:        return "interrupted";
    case SHALE_EIO:          return "input/output error";
    case SHALE_ENXIO:        return "no data past this offset";
    case SHALE_EAGAIN:       return "in use by another program";
    case SHALE_ENOMEM:       return "out of memory";
    case SHALE_EACCES:       return "permission denied";
    case SHALE_EBUSY:        return "still in use";
    case SHALE_EEXIST:       return "file exists";
    case SHALE_ENODEV:       return "no known filesystem";
    case SHALE_ENOTDIR:      return "not a directory";
    case SHALE_EISDIR:       return "is a directory";
    case SHALE_EINVAL:       return "invalid argument";
    case SHALE_EFBIG:        return "file too large";
    case SHALE_ENOSPC:       return "no space left on the volume";
    case SHALE_EROFS:        return "read-only volume";
    case SHALE_EMLINK:       return "too many links";
    case SHALE_ERANGE:       return "buffer too small";
    case SHALE_ENAMETOOLONG: return "name too long";
    case SHALE_ENOTEMPTY:    return "directory not empty";
    case SHALE_ELOOP:        return "too many symbolic links";
    case SHALE_ENODATA:      return "no such attribute";
    case SHALE_EOVERFLOW:    return "value too large";
    case SHALE_ENOTSUP:      return "not supported";
    case SHALE_ESTALE:       return "stale inode number";
    case SHALE_ECORRUPT:     return "the volume is corrupt";
    }
    return "unknown error";
}
