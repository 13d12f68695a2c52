/*
 * test_faults.c - everything that can fail while an ext2 volume is read
 */
#include "readfaults.h"
#include "suite.h"

static const struct readfaults_plan plan = {
    .name = "faults", .golden = "ext2-small", .files = 40,
    .memory = { 128 << 10, 160 << 10, 256 << 10 }, .step = 1,
};

Suite *suite(void)
{
    return readfaults_suite(&plan);
}
