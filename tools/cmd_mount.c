/*
 * cmd_mount.c - shale mount, and the same as mount(8)'s helper
 *
 * mount(8) runs `mount.fuse.shale IMAGE DIR -o LIST` with flags of its own,
 * two of which mean something else than in our own command: -f is "fake" there
 * and -s "sloppy".
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/daemon.h"
#include "mounts.h"
#include "optionerr.h"
#include "tools.h"

static const char usage[] =
    "Usage: shale mount [OPTION...] IMAGE DIR\n"
    "Mount the volume in IMAGE on the directory DIR: to be written to if the\n"
    "image and its format allow that, else read-only.\n"
    "\n"
    "  -o LIST           mount options, separated by commas; see below\n"
    "  -p, --part N      the volume is in partition N\n"
    "      --offset N    the volume starts at byte N (or N with K, M, G, or s\n"
    "                    for sectors of 512 bytes)\n"
    "  -t, --type TYPE   the volume's format, instead of guessing it\n"
    "  -f, --foreground  stay in the foreground\n"
    "  -d, --debug       that, and print every request\n"
    "  -s, --single      serve with a single thread\n"
    "      --pid-file F  write the daemon's process id to F while it runs\n"
    "      --ready-fd N  write a newline to descriptor N once mounted\n"
    "  -h, --help        print this\n"
    "\n"
    "Mount options:\n"
    "  part=N, img_offset=N, img_sizelimit=N    where the volume is; also\n"
    "                    offset= and sizelimit=, which fstab cannot pass on\n"
    "  type=TYPE         as --type\n"
    "  ro, rw            read-only; or fail if it cannot be written to\n"
    "  errors=remount-ro, errors=continue   after a write error: turn\n"
    "                    read-only (the default), or go on\n"
    "  sync, dirsync     write each change, each change of names, at once\n"
    "  flush             write changes as soon as they pause, not within 5 s\n"
    "  cache=SIZE        take SIZE of memory for the volume, 1M to 64G, and\n"
    "                    never more; see shale(1)\n"
    "  writeback_cache   let the kernel put off writes: many small ones are\n"
    "                    faster, and errors come late\n"
    "  allow_other       let other users in; the kernel then checks "
    "permissions\n"
    "  default_permissions   check permissions for yourself, too, if you are\n"
    "                    not root; so it is where ext2 is written to\n"
    "  uid=N, gid=N      show all files as owned by user N, group N, and\n"
    "                    make new ones theirs\n"
    "  fakeroot          ext2: nobody checks permissions, owners can be given\n"
    "                    away; new files are yours, or as uid=, gid= say\n"
    "  resuid=N, resgid=N    ext2: who besides root may use reserved blocks\n"
    "  relatime, strictatime, noatime   ext2: note when files were read if\n"
    "                    that is news (the default), always, never\n"
    "  minixdf           ext2: df counts all blocks\n"
    "  norecovery        ext2, with ro: do without what only the journal has\n"
    "  umask=M, fmask=M, dmask=M   show permissions 0777 without M on all,\n"
    "                    on files, on directories; FAT: yours, umask=022\n"
    "  quiet             FAT: no error where an owner cannot be changed\n"
    "  codepage=N, shortname=MODE, tz=UTC, time_offset=MINUTES, showexec,\n"
    "  rodir, sys_immutable, dos1xfloppy ...    FAT: as for Linux's vfat\n"
    "  permissions, usermapping=FILE   NTFS: owners and modes by the files'\n"
    "                    descriptors; else all is yours, 0777\n"
    "  streams_interface=none|xattr|windows   NTFS: streams not at all, as\n"
    "                    attributes user.NAME (the default), as FILE:NAME\n"
    "  show_sys_files, hide_hid_files, hide_dot_files, case_sensitive,\n"
    "  efs_raw, recover, mft=N, cluster=N    NTFS: see shale(1)\n"
    "  sb=N              ext2: read the backup superblock at N KiB\n"
    "  nosuid, nodev, noexec, suid, dev, exec ...       as mount(8)\n"
    "  fsname=, subtype=, max_read=, max_readahead=, max_threads=,\n"
    "  entry_timeout=, attr_timeout=, negative_timeout= ...      as FUSE\n"
    "\n"
    "To unmount: shale umount DIR. Exit status: 0 mounted; 1 wrong usage, no\n"
    "permission; 2 the system failed; 32 the image or DIR would not do.\n";

enum { LONG_OFFSET = 256, LONG_PID_FILE, LONG_READY_FD };

static const struct option longs[] = {
    { "part", required_argument, NULL, 'p' },
    { "offset", required_argument, NULL, LONG_OFFSET },
    { "type", required_argument, NULL, 't' },
    { "foreground", no_argument, NULL, 'f' },
    { "debug", no_argument, NULL, 'd' },
    { "single", no_argument, NULL, 's' },
    { "pid-file", required_argument, NULL, LONG_PID_FILE },
    { "ready-fd", required_argument, NULL, LONG_READY_FD },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* As -o NAME=VALUE. */
static int set(struct mount_options *options, const char *name,
               const char *value)
{
    char why[SHALE_WHY_MAX], word[256];
    int status;

    snprintf(word, sizeof word, "%s=%s", name, value);
    status = mount_options_parse(options, word, why);
    if (status)
        complain(NULL, "%s", why);
    return status;
}

static int set_list(struct mount_options *options, const char *list)
{
    char why[SHALE_WHY_MAX];
    int status = mount_options_parse(options, list, why);

    if (status)
        complain(NULL, "%s", why);
    return status;
}

static int set_ready_fd(struct mount_options *options, const char *value)
{
    char *end;
    long fd = strtol(value, &end, 10);

    if (end == value || *end || fd < 0 || fd > 65535) {
        complain(NULL, "--ready-fd %s: not a descriptor", value);
        return MOUNT_USAGE;
    }
    /* Or the number would soon be that of a descriptor of our own. */
    if (fcntl((int)fd, F_GETFD) < 0) {
        complain(NULL, "--ready-fd %s: that descriptor is not open", value);
        return MOUNT_USAGE;
    }
    options->ready_fd = (int)fd;
    return MOUNT_OK;
}

/* HELPER: with mount(8)'s meaning of the flags. */
static int take(struct mount_options *options, int letter, bool helper)
{
    switch (letter) {
    case 'o':
        return set_list(options, optarg);
    case 'p':
        return set(options, "part", optarg);
    case LONG_OFFSET:
        return set(options, "offset", optarg);
    case 't':
        return set(options, "type", optarg);
    case 'f':
        if (helper)
            options->fake = true;
        else
            options->foreground = true;
        return MOUNT_OK;
    case 'd':
        options->debug = true;
        return MOUNT_OK;
    case 's':
        options->single = !helper;
        return MOUNT_OK;
    case LONG_PID_FILE:
        options->pid_file = optarg;
        return MOUNT_OK;
    case LONG_READY_FD:
        return set_ready_fd(options, optarg);
    case 'n':                   /* no mtab: there is none */
    case 'v':
    case 'w':
    case 'r':
    case 'N':                   /* a namespace, which mount(8) has entered */
    default:
        return MOUNT_OK;
    }
}

/* Was this started by mount(8), under a name like mount.shale? */
static bool is_helper(const char *program)
{
    const char *slash = strrchr(program, '/');

    return strncmp(slash ? slash + 1 : program, "mount.", 6) == 0;
}

/* Returns an exit status; *HELP: print help and do no more. */
static int parse(struct mount_options *options, int argc, char **argv,
                 bool *help)
{
    bool helper = is_helper(argv[0]);
    char why[SHALE_WHY_MAX];
    int letter, status;

    optind = 1;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":o:p:t:fdsnvwrN:h", longs,
                                 NULL)) >= 0) {
        if (letter == '?' || letter == ':') {
            optionerr(argv, longs, letter, why);
            complain(NULL, "%s; see shale mount --help", why);
            return MOUNT_USAGE;
        }
        *help = letter == 'h';
        status = *help ? MOUNT_OK : take(options, letter, helper);
        if (status || *help)
            return status;
    }
    if (argc - optind != 2) {
        complain(NULL, "%s; see shale mount --help",
                 argc - optind < 2 ? "mount what, and where?"
                                   : "more than an image and a directory");
        return MOUNT_USAGE;
    }
    options->image = argv[optind];
    options->dir = argv[optind + 1];
    options->foreground = options->foreground || options->debug;
    options->helper = helper;
    status = mount_options_finish(options, why);
    if (status)
        complain(NULL, "%s", why);
    return status;
}

int mount_main(int argc, char **argv)
{
    struct mount_options options;
    bool help = false;
    int status;

    mount_options_init(&options);
    status = parse(&options, argc, argv, &help);
    if (help) {
        fputs(usage, stdout);
        status = finish_output(MOUNT_OK);
    } else if (status == MOUNT_OK) {
        status = daemon_run(&options);
    }
    mount_options_fini(&options);
    return status;
}
