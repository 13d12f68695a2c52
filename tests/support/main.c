/*
 * main.c - runs the one suite that a test program defines
 */
#include <check.h>
#include <stdlib.h>

#include "suite.h"

int main(void)
{
    SRunner *runner;
    int failed;

    /* Four seconds, unless a test says more: that is for a machine with
       nothing else to do. CTest sees to it that a test ends at all. */
    setenv("CK_TIMEOUT_MULTIPLIER", "100", 0);
    runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
