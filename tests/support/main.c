/*
 * main.c - runs the one suite that a test program defines
 */
#include <check.h>
#include <stdlib.h>

#include "suite.h"

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
