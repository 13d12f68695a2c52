/*
 * test_ntfs_faults.c - everything that can fail while an NTFS volume is read
 */
#include "readfaults.h"
#include "suite.h"

static const struct readfaults_plan plan = {
    .name = "ntfs/faults", .golden = "ntfs-small", .files = 40,
    .options = "permissions,show_sys_files",
    .memory = { 512 << 10, 768 << 10, READFAULTS_MEMORY },
    .all = 100, .step = 7,
};

Suite *suite(void)
{
    return readfaults_suite(&plan);
}
