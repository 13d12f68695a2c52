#!/usr/bin/env python3
"""view.py - all that a mounted NTFS volume shows of its files, for diff

    view.py [-l] [-o] DIR

Lines for each file, which begin with its path: type and permissions, owner,
link count (not of directories), size (not of directories), times to 100 ns,
data as SHA-256 or where a link leads, and each extended attribute, those that
are not listed included. A link inside the volume is shown by where it ends,
since one driver says it from the mount point and another from the link on.
With -l data, and where links lead, are left out; with -o what drivers may see
in their own way: owners and permissions.
"""
import ctypes
import errno
import hashlib
import os
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PIECE, LARGE = 1 << 20, 64 << 20        # of larger files there are samples
UNLISTED = ["attrib", "attrib_be", "times", "times_be", "crtime", "crtime_be",
            "acl", "reparse_data", "object_id", "dos_name", "efsinfo", "ea"]


def getxattr(path, name):
    """Asked with room for anything: some drivers answer too little with EIO."""
    room = ctypes.create_string_buffer(1 << 17)
    got = LIBC.lgetxattr(path, name, room, len(room))
    if got < 0:
        return errno.errorcode[ctypes.get_errno()]
    value = room.raw[:got]
    return value.hex() if got <= 40 else hashlib.sha256(value).hexdigest()


def xattrs(path):
    try:
        names = [os.fsencode(name)
                 for name in os.listxattr(path, follow_symlinks=False)]
    except OSError as why:
        names = []
        # Without them ntfs-3g answers what errno was left by something else.
        if why.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENODATA,
                             errno.EINVAL):
            return ["listxattr:" + errno.errorcode[why.errno]]
    names += [b"system.ntfs_" + name.encode() for name in UNLISTED]
    seen = []
    for name in names:
        value = getxattr(path, name)
        if value not in ("ENODATA", "EPERM", "EMLINK", "EOPNOTSUPP"):
            seen.append(shown(name) + "=" + value)
    return sorted(seen)


def shown(name):
    return name.decode("utf-8", "backslashreplace").translate(
        {ord("\n"): "\\n", ord("\t"): "\\t"})


def leads_to(top, path):
    target = os.readlink(path)
    end = os.path.realpath(path)
    if end.startswith(top + b"/") and os.path.lexists(end):
        return shown(end[len(top):])
    return shown(target)


def data_of(top, path, mode):
    try:
        if stat.S_ISLNK(mode):
            return "-> " + leads_to(top, path)
        if not stat.S_ISREG(mode):
            return "-"
        whole = hashlib.sha256()
        with open(path, "rb", 0) as file:
            size = os.fstat(file.fileno()).st_size
            step = PIECE if size <= LARGE else LARGE // 2
            for at in [*range(0, size, step), max(0, size - PIECE)]:
                whole.update(os.pread(file.fileno(), PIECE, at))
        return whole.hexdigest()
    except OSError as why:
        return errno.errorcode[why.errno]


def fields_of(top, path, flags):
    try:
        st = os.lstat(path)
    except OSError as why:
        return ["lstat=" + errno.errorcode[why.errno]]
    mode = "%o" % stat.S_IFMT(st.st_mode) if "o" in flags else \
        "%o %d:%d" % (st.st_mode, st.st_uid, st.st_gid)
    is_dir = stat.S_ISDIR(st.st_mode)
    is_link = stat.S_ISLNK(st.st_mode)
    times = [str(t // 100) for t in (st.st_mtime_ns, st.st_atime_ns,
                                     st.st_ctime_ns)]
    return ["mode=" + mode,
            "links=" + ("-" if is_dir else str(st.st_nlink)),
            "size=" + ("-" if is_dir or is_link else str(st.st_size)),
            "device=%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)),
            "mtime,atime,ctime=" + ",".join(times),
            "data=" + ("-" if "l" in flags
                       else data_of(top, path, st.st_mode)), *xattrs(path)]


def main():
    flags = "".join(arg[1:] for arg in sys.argv[1:-1])
    top = os.path.realpath(os.fsencode(sys.argv[-1]))
    found = [top]
    for folder, folders, files in os.walk(top):
        folders.sort()
        found += [os.path.join(folder, name) for name in folders + files]
    for path in sorted(found):
        name = shown(path[len(top):]) or "/"
        for field in fields_of(top, path, flags):
            print(name, field, sep="\t")


main()
