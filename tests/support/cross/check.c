/*
 * check.c - as much of the Check library as the tests use
 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TESTS_MAX = 128, FIXTURES_MAX = 4 };

struct test {
    const char *name;
    cross_test *run;
    int from, to;
};

struct fixture {
    cross_fixture *setup, *teardown;
    int checked;
};

struct TCase {
    TCase *next;
    const char *name;
    struct test tests[TESTS_MAX];
    int test_count;
    struct fixture fixtures[FIXTURES_MAX];
    int fixture_count;
};

struct Suite {
    const char *name;
    TCase *first, **end;
};

struct SRunner {
    Suite *suite;
    int run, failed;
};

static void *must(void *ptr)
{
    if (!ptr)
        abort();
    return ptr;
}

Suite *suite_create(const char *name)
{
    Suite *suite = must(calloc(1, sizeof *suite));

    suite->name = name;
    suite->end = &suite->first;
    return suite;
}

TCase *tcase_create(const char *name)
{
    TCase *tcase = must(calloc(1, sizeof *tcase));

    tcase->name = name;
    return tcase;
}

void suite_add_tcase(Suite *suite, TCase *tcase)
{
    *suite->end = tcase;
    suite->end = &tcase->next;
}

void cross_add(TCase *tcase, const char *name, cross_test *test, int from,
               int to)
{
    if (tcase->test_count == TESTS_MAX)
        abort();
    tcase->tests[tcase->test_count++] = (struct test){ name, test, from, to };
}

void cross_add_fixture(TCase *tcase, cross_fixture *setup,
                       cross_fixture *teardown, int checked)
{
    if (tcase->fixture_count == FIXTURES_MAX)
        abort();
    tcase->fixtures[tcase->fixture_count++] =
        (struct fixture){ setup, teardown, checked };
}

void tcase_set_timeout(TCase *tcase, double seconds)
{
    /* An emulator's time is nobody's; whoever runs the program bounds it. */
    (void)tcase;
    (void)seconds;
}

SRunner *srunner_create(Suite *suite)
{
    SRunner *runner = must(calloc(1, sizeof *runner));

    runner->suite = suite;
    return runner;
}

static void set_up(const TCase *tcase, int checked)
{
    for (int i = 0; i < tcase->fixture_count; i++)
        if (tcase->fixtures[i].checked == checked && tcase->fixtures[i].setup)
            tcase->fixtures[i].setup();
}

static void tear_down(const TCase *tcase, int checked)
{
    for (int i = tcase->fixture_count - 1; i >= 0; i--)
        if (tcase->fixtures[i].checked == checked &&
            tcase->fixtures[i].teardown)
            tcase->fixtures[i].teardown();
}

static void run_one(SRunner *runner, const TCase *tcase,
                    const struct test *test, int i)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        set_up(tcase, 1);
        test->run(i);
        tear_down(tcase, 1);
        exit(0);
    }
    waitpid(child, &status, 0);
    runner->run++;
    if (status != 0) {
        runner->failed++;
        printf("%s:%s:%d: failed (status %#x)\n", tcase->name, test->name, i,
               (unsigned)status);
    }
}

void srunner_run_all(SRunner *runner, enum print_output output)
{
    (void)output;
    for (TCase *tcase = runner->suite->first; tcase; tcase = tcase->next) {
        set_up(tcase, 0);
        for (int t = 0; t < tcase->test_count; t++)
            for (int i = tcase->tests[t].from; i < tcase->tests[t].to; i++)
                run_one(runner, tcase, &tcase->tests[t], i);
        tear_down(tcase, 0);
    }
    printf("%s: %d checks, %d failed\n", runner->suite->name, runner->run,
           runner->failed);
}

int srunner_ntests_failed(SRunner *runner)
{
    return runner->failed;
}

void srunner_free(SRunner *runner)
{
    TCase *tcase = runner->suite->first, *next;

    for (; tcase; tcase = next) {
        next = tcase->next;
        free(tcase);
    }
    free(runner->suite);
    free(runner);
}

void cross_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    printf("%s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(NULL);
    _exit(1);
}
