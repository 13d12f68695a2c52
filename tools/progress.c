/*
 * progress.c - how far a copy or a check is, on a terminal
 *
 * One line on stderr, rewritten in place:
 *
 *     [#########           ]  45%  1.2 GiB of 2.7 GiB  410 MiB/s  0:03
 *     [#########           ]  45%  3 of 6: directories
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "terminal.h"
#include "tools.h"

#define BAR_CELLS 20
#define REDRAW_NS 100000000     /* a tenth of a second */
#define PATIENCE_NS 300000000   /* what ends before needs no bar */

/* One bar a program: there is one terminal. */
static struct {
    bool active, visible;
    uint64_t total, done;       /* bytes */
    uint64_t files, files_done;
    int64_t started, drawn;     /* ns on the monotonic clock */
} bar;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * "[#########           ]  45%  TEXT", in one line, or it could not be
 * rewritten: a narrow terminal gets no bar, and of TEXT what fits.
 */
static void draw_line(double part, const char *text)
{
    size_t width = terminal_width(STDERR_FILENO) - 1;
    char cells[BAR_CELLS + 1];
    char line[BAR_CELLS + 100];

    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < (int)(part * BAR_CELLS) ? '#' : ' ';
    cells[BAR_CELLS] = '\0';
    snprintf(line, sizeof line, "[%s] %3d%%  %s", cells, (int)(part * 100),
             text);
    fprintf(stderr, "\r%.*s\033[K", (int)width,
            strlen(line) <= width ? line : line + BAR_CELLS + 3);
    fflush(stderr);
}

static void draw(int64_t now)
{
    double part = bar.total ? (double)bar.done / (double)bar.total : 1.0;
    double seconds = (double)(now - bar.started) / 1e9;
    double rate = seconds > 0 ? (double)bar.done / seconds : 0;
    char done[PRINT_SIZE_MAX], total[PRINT_SIZE_MAX], speed[PRINT_SIZE_MAX];
    char text[4 * PRINT_SIZE_MAX];
    unsigned left;

    if (part > 1)               /* files may be shorter or longer than told */
        part = 1;
    left = rate > 0 && bar.total > bar.done
        ? (unsigned)((double)(bar.total - bar.done) / rate) : 0;
    print_size_long(bar.done, done);
    print_size_long(bar.total, total);
    print_size_long((uint64_t)rate, speed);
    snprintf(text, sizeof text, "%s of %s  %s/s  %u:%02u", done, total, speed,
             left / 60, left % 60);
    draw_line(part, text);
    bar.visible = true;
    bar.drawn = now;
}

void progress_start(uint64_t total, uint64_t files)
{
    bar.active = true;
    bar.visible = false;
    bar.total = total;
    bar.files = files;
    bar.done = bar.files_done = 0;
    bar.started = now_ns();
    draw(bar.started);
}

static void update(void)
{
    int64_t now = now_ns();

    if (now - bar.drawn >= REDRAW_NS)
        draw(now);
}

void progress_bytes(uint64_t bytes)
{
    if (!bar.active)
        return;
    bar.done += bytes;
    update();
}

void progress_file(void)
{
    if (!bar.active)
        return;
    bar.files_done++;
    update();
}

void progress_phase(unsigned phase, unsigned phases, const char *what,
                    uint64_t done, uint64_t total)
{
    double part = total ? (double)done / (double)total : 0;
    int64_t now = now_ns();
    char text[80];

    if (phase == 1 && done == 0)
        bar.started = now;
    if (now - bar.started < PATIENCE_NS || now - bar.drawn < REDRAW_NS)
        return;
    if (part > 1)
        part = 1;
    snprintf(text, sizeof text, "%u of %u: %s", phase, phases, what);
    draw_line(phases ? ((double)(phase - 1) + part) / (double)phases : 0,
              text);
    bar.visible = true;
    bar.drawn = now;
}

void progress_hide(void)
{
    if (!bar.visible)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar.visible = false;
}

void progress_end(void)
{
    if (!bar.active)
        return;
    bar.total = bar.done;       /* the sum was an estimate */
    draw(now_ns());
    fprintf(stderr, "\r\033[K%ju of %ju files copied\n",
            (uintmax_t)bar.files_done, (uintmax_t)bar.files);
    bar.active = bar.visible = false;
}
