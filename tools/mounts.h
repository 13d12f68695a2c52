/*
 * mounts.h - the verbs of shale-mount; exit statuses are mount(8)'s
 */
#ifndef SHALE_TOOLS_MOUNTS_H
#define SHALE_TOOLS_MOUNTS_H

int mount_main(int argc, char **argv);
int umount_main(int argc, char **argv);

#endif /* SHALE_TOOLS_MOUNTS_H */
