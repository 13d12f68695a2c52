/*
 * kill_run.c - the daemon is killed under load, and what is left is judged
 *
 *     kill_run SHALE SHAPE SEED COUNT
 *
 * Mounts a volume with the command SHALE, works on it as model_run does,
 * and kills the daemon's processes (SIGKILL) at a random moment; COUNT times.
 * The image is judged like one after a power cut: what was synced is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history.h"
#include "model/gen.h"
#include "model/run.h"
#include "shape.h"

enum { OPERATIONS = 4000, PATH_ROOM = 1024 };

static const char *shale;
static char folder[PATH_ROOM - 8], image_path[PATH_ROOM], dir[PATH_ROOM];

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---------------------------------------------------------- the daemon */

/* Kill the process whose id is in IMAGE.pid, and its worker. */
static void kill_daemon(void)
{
    char path[PATH_ROOM + 64];
    long pid = 0, worker = 0;
    FILE *from;

    snprintf(path, sizeof path, "%s.pid", image_path);
    from = fopen(path, "r");
    if (!from || fscanf(from, "%ld", &pid) != 1 || pid <= 1)
        die(path);
    fclose(from);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
    from = fopen(path, "r");
    if (from) {
        if (fscanf(from, "%ld", &worker) != 1)
            worker = 0;
        fclose(from);
    }
    if (worker > 1)
        kill((pid_t)worker, SIGKILL);
    kill((pid_t)pid, SIGKILL);
}

/* Wait until nobody holds the image any more: dying takes its time. */
static void wait_for_image(void)
{
    int fd = open(image_path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        die(image_path);
    close(fd);
}

/* In a process of its own, after a while. */
static pid_t kill_later(struct rng *rng)
{
    unsigned wait_us = (unsigned)rng_below(rng, 400000);
    pid_t child = fork();

    if (child < 0)
        die("fork");
    if (child == 0) {
        usleep(wait_us);
        kill_daemon();
        _exit(0);
    }
    return child;
}

/* ------------------------------------------------------------- one kill */

/* Does OP reach the daemon? A socket's fsync, for one, does not. */
static bool is_flush(const struct run *run, const struct op *op)
{
    struct node *node;

    if (op->kind != OP_FSYNC)
        return op->kind == OP_SYNC;
    return model_walk(&run->model, op->path, &node) == 0 &&
           (node->type == SHALE_TYPE_FILE || node->type == SHALE_TYPE_DIR);
}

/*
 * Is the volume still mounted? Who supervises the daemon may take the mount
 * away before dying as well: then operations reach the folder below, and may
 * succeed there.
 */
static bool is_mounted(void)
{
    struct stat outer, inner;

    if (stat(folder, &outer) != 0)
        die(folder);
    return stat(dir, &inner) == 0 && inner.st_dev != outer.st_dev;
}

/* What OP should have done may have happened, in part, or all of it. */
static void note_cut(struct run *run, struct history *history,
                     const struct op *op)
{
    history_note(history, &run->model, op, false);
    if (model_op(&run->model, op, false, 0) >= 0)
        model_op(&run->model, op, true, op->b);
    history_note(history, &run->model, op, false);
}

/* Do OP. Is the daemon alive, as far as we can see? */
static bool step(struct run *run, struct history *history, const struct op *op)
{
    bool flush = is_flush(run, op);

    if (!run_op(run, op)) {
        note_cut(run, history, op);
        return false;
    }
    /* The kernel makes several requests of a write, and answered the first. */
    if (run->rest.b > 0) {
        const struct op rest = run->rest;

        note_cut(run, history, &rest);
        return false;
    }
    if (!is_mounted()) {
        history_note(history, &run->model, op, false);
        return false;
    }
    history_note(history, &run->model, op, flush);
    return true;
}

/* Work until the daemon is gone. Returns how many operations are noted. */
static size_t work(struct run *run, struct history *history, struct gen *gen)
{
    FILE *log = getenv("KILL_LOG") ? fopen(getenv("KILL_LOG"), "w") : NULL;
    bool alive = true;

    history_init(history, &run->model);
    history->in_steps = run->shape->in_steps;
    history->in_parts = true;   /* the kernel makes several requests of one */
    while (alive && history->count <= OPERATIONS) {
        struct op op = gen_next(gen, &run->model);

        while (op.kind == OP_SHRINK || op.kind == OP_WRITEBACK) {
            op_free(&op);
            op = gen_next(gen, &run->model);
        }
        if (log)
            op_print(&op, log);
        alive = step(run, history, &op);
        op_free(&op);
    }
    if (log)
        fclose(log);
    return history->count - 1;
}

/* The image, judged. */
static bool judge(const struct shape *shape, struct history *history,
                  size_t done)
{
    struct found found = { .kind = shape->kind };
    struct stat st;
    int fd = open(image_path, O_RDONLY | O_CLOEXEC);
    void *bytes;
    bool good;

    if (fd < 0 || fstat(fd, &st) != 0)
        die(image_path);
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        die("mmap");
    found_look(&found, bytes, (uint64_t)st.st_size);
    good = history_judge(history, &found, done);
    if (!good)
        fprintf(stderr, "after %zu operations: %s\n", done, history->why);
    if (good) {
        char said[4096];

        good = shape->kind->repair(image_path, &found, said, sizeof said);
        if (!good)
            fprintf(stderr, "%s: %s\n", shape->kind->needs, said);
    }
    found_free(&found);
    munmap(bytes, (size_t)st.st_size);
    close(fd);
    return good;
}

static bool one_kill(const struct shape *shape, uint64_t seed)
{
    struct gen gen = { .rng = { seed }, .stamp = 1, .file_max = 9000,
                       .exact_case = true, .no_whole = true, .syncs = 60 };
    struct history history;
    struct image image;
    struct backend *backend;
    struct run run;
    size_t done;
    pid_t killer;
    bool good;
    int fd = open(image_path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    shape_make(&image, shape);
    if (fd < 0 || write(fd, image.bytes, image.size) != (ssize_t)image.size)
        die(image_path);
    close(fd);
    backend = backend_posix(shale, image_path, dir, NULL);
    if (!run_init(&run, backend, shape)) {
        fprintf(stderr, "%s\n", run.why);
        exit(2);
    }
    run.model.posix = true;
    killer = kill_later(&gen.rng);
    done = work(&run, &history, &gen);
    waitpid(killer, NULL, 0);
    if (umount2(dir, MNT_DETACH) != 0 && errno != EINVAL)
        die("umount");
    wait_for_image();
    good = judge(shape, &history, done);
    if (!good)
        fprintf(stderr, "FAILED: kill_run SHALE %s %llu 1 (%s)\n",
                shape->name, (unsigned long long)seed, run.why);
    else
        printf("%s: killed after %zu operations\n", shape->name, done);
    history_fini(&history);
    run_fini(&run);
    backend_posix_free(backend);
    image_free(&image);
    return good;
}

int main(int argc, char **argv)
{
    const struct shape *shape = argc == 5 ? shape_named(argv[2]) : NULL;
    bool good = true;

    if (!shape) {
        fputs("usage: kill_run SHALE SHAPE SEED COUNT\n", stderr);
        return 2;
    }
    shale = argv[1];
    if (snprintf(folder, sizeof folder, "%s/shale-kill.XXXXXX",
                 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") >=
            (int)sizeof folder ||
        !mkdtemp(folder))
        die(folder);
    snprintf(image_path, sizeof image_path, "%s/image", folder);
    snprintf(dir, sizeof dir, "%s/dir", folder);
    if (mkdir(dir, 0700) != 0)
        die(dir);
    for (unsigned long i = 0; i < strtoul(argv[4], NULL, 0) && good; i++)
        good = one_kill(shape, strtoull(argv[3], NULL, 0) + i);
    if (good) {
        char pid[PATH_ROOM + 8];

        snprintf(pid, sizeof pid, "%s.pid", image_path);
        unlink(pid);
        unlink(image_path);
        rmdir(dir);
        rmdir(folder);
    }
    return good ? 0 : 1;
}
