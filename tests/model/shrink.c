/*
 * shrink.c - fewer operations that still fail
 *
 * Pieces are left out, halves first, then ever smaller ones; then numbers are
 * made smaller. Whatever still fails, and in the same
 * way, is kept.
 */
#include "shrink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_SECONDS = 600 };

int run_apart(shrink_run *run, void *context, const struct ops *ops,
              bool quiet)
{
    pid_t child;
    int status;

    fflush(stdout);
    fflush(stderr);
    child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        if (quiet) {
            int null = open("/dev/null", O_WRONLY);

            dup2(null, 1);
            dup2(null, 2);
            alarm(TRIAL_SECONDS);
        }
        status = run(context, ops);
        fflush(stdout);
        _exit(status);
    }
    if (waitpid(child, &status, 0) != child)
        abort();
    if (!quiet && WIFSIGNALED(status))
        fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct shrinking {
    shrink_run *run;
    void *context;
    int how;                    /* what it returns if it fails as it should */
};

static bool fails(const struct shrinking *s, const struct ops *ops)
{
    return run_apart(s->run, s->context, ops, true) == s->how;
}

/* Does it still fail without the COUNT operations from FIRST on? */
static bool fails_without(const struct shrinking *s, const struct ops *ops,
                          size_t first, size_t count)
{
    struct ops rest = { .list = need(ops->count * sizeof *ops->list) };
    bool failed;

    for (size_t i = 0; i < ops->count; i++)
        if (i < first || i >= first + count)
            rest.list[rest.count++] = ops->list[i];
    failed = fails(s, &rest);
    free(rest.list);
    return failed;
}

static void drop(struct ops *ops, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        op_free(&ops->list[i]);
    memmove(ops->list + first, ops->list + first + count,
            (ops->count - first - count) * sizeof *ops->list);
    ops->count -= count;
}

static bool drop_pieces(const struct shrinking *s, struct ops *ops,
                        size_t piece)
{
    bool any = false;

    /* From the end: what comes late depends on what comes early. */
    for (size_t end = ops->count; end > 0;) {
        size_t count = piece < end ? piece : end;

        if (fails_without(s, ops, end - count, count)) {
            drop(ops, end - count, count);
            any = true;
        }
        end -= count;
    }
    return any;
}

static void shrink_number(const struct shrinking *s, struct ops *ops,
                          uint64_t *number)
{
    while (*number > 0) {
        uint64_t old = *number;

        *number = old < 8 ? 0 : old / 2;
        if (!fails(s, ops)) {
            *number = old;
            return;
        }
    }
}

void shrink(struct ops *ops, shrink_run *run, void *context)
{
    struct shrinking s = { run, context, 0 };
    size_t piece = ops->count / 2;
    bool any;

    s.how = run_apart(run, context, ops, true);
    if (s.how == 0) {
        fputs("  it does not fail again\n", stderr);
        return;
    }

    do {
        piece = piece > 1 ? piece : 1;
        any = drop_pieces(&s, ops, piece);
        fprintf(stderr, "  %zu operations\n", ops->count);
    } while (piece > 1 ? (piece /= 2, true) : any);
    for (size_t i = 0; i < ops->count; i++) {
        shrink_number(&s, ops, &ops->list[i].a);
        shrink_number(&s, ops, &ops->list[i].b);
    }
}
