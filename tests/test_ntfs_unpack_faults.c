/*
 * test_ntfs_unpack_faults.c - everything that can fail while data is unpacked
 */
#include "readfaults.h"
#include "suite.h"

static const struct readfaults_plan plan = {
    .name = "ntfs/unpack_faults", .golden = "ntfs-packed", .files = 15,
    .options = "streams_interface=none",
    .memory = { 512 << 10, 768 << 10, READFAULTS_MEMORY },
    .all = 40, .step = 31,
};

Suite *suite(void)
{
    return readfaults_suite(&plan);
}
