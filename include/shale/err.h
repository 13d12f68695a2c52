/*
 * err.h - what can go wrong
 *
 * Every call answers 0 (or a count) or one of these. They are already negative
 * and carry Linux's errno values, so a FUSE daemon replies with -err as it is
 * and there is no minus to forget.
 */
#ifndef SHALE_ERR_H
#define SHALE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

enum shale_err {
    SHALE_EPERM        = -1,
    SHALE_ENOENT       = -2,    /* no such entry */
    SHALE_EINTR        = -4,    /* the caller's sink asked to stop */
    SHALE_EIO          = -5,    /* the device failed, or ended too early */
    SHALE_ENXIO        = -6,    /* no data past this offset (seek) */
    SHALE_EAGAIN       = -11,   /* somebody else holds the image's lock */
    SHALE_ENOMEM       = -12,   /* the allocator refused */
    SHALE_EACCES       = -13,
    SHALE_EBUSY        = -16,   /* still in use: files open at unmount */
    SHALE_EEXIST       = -17,
    SHALE_ENODEV       = -19,   /* no driver knows this volume */
    SHALE_ENOTDIR      = -20,
    SHALE_EISDIR       = -21,
    SHALE_EINVAL       = -22,   /* the caller passed nonsense */
    SHALE_EFBIG        = -27,
    SHALE_ENOSPC       = -28,
    SHALE_EROFS        = -30,
    SHALE_EMLINK       = -31,   /* a file can have no more names */
    SHALE_ERANGE       = -34,   /* the caller's buffer is too small */
    SHALE_ENAMETOOLONG = -36,
    SHALE_ENOTEMPTY    = -39,
    SHALE_ELOOP        = -40,   /* too many symlinks on the way */
    SHALE_ENODATA      = -61,   /* no such extended attribute */
    SHALE_EOVERFLOW    = -75,
    SHALE_ENOTSUP      = -95,   /* sound volume, feature we do not speak */
    SHALE_ESTALE       = -116,  /* that inode number is not in use (any more) */
    SHALE_ECORRUPT     = -117,  /* the volume lies; EUCLEAN on Linux */
};

/*
 * A short English phrase for ERR, such as "no such file or directory". Static
 * storage; never NULL, whatever ERR is.
 */
const char *shale_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_ERR_H */
