/*
 * log.c - errors of the command line, and messages of a running daemon
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "fuse/daemon.h"
#include "tools/escape.h"

/* A damaged image has something to say for every file that is touched. */
enum { LOG_BURST = 20, LOG_SECONDS = 10 };

/* A line, with a path as its subject; and as it is shown. */
enum { LINE = 4 * SHALE_WHY_MAX, SHOWN = 4 * LINE + 1 };

/*
 * "SUBJECT: TEXT" in OUT. There are names in it, of files and by those who have
 * made the image, which are not to move anybody's cursor, nor to look like
 * lines of their own.
 */
static char *compose(const char *subject, const char *text, char out[SHOWN])
{
    char line[LINE];

    snprintf(line, sizeof line, "%s%s%s", subject ? subject : "",
             subject ? ": " : "", text);
    escape_message(line, strlen(line), out);
    return out;
}

void complain(const char *subject, const char *format, ...)
{
    char text[2 * SHALE_WHY_MAX], shown[SHOWN];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "shale: %s\n", compose(subject, text, shown));
}

/* ---------------------------------------------------------- rate limit */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static time_t gate_start;       /* of the current interval */
static unsigned gate_passed;    /* lines in it */
static uint64_t gate_dropped;   /* since the last line told */

/* May one more line pass? *DROPPED is how many did not, since the last. */
static bool gate_pass(uint64_t *dropped)
{
    struct timespec now;
    bool pass;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&gate_lock);
    if (now.tv_sec - gate_start >= LOG_SECONDS) {
        gate_start = now.tv_sec;
        gate_passed = 0;
    }
    pass = gate_passed < LOG_BURST;
    if (pass) {
        gate_passed++;
        *dropped = gate_dropped;
        gate_dropped = 0;
    } else {
        gate_dropped++;
    }
    pthread_mutex_unlock(&gate_lock);
    return pass;
}

/* ------------------------------------------------------------- messages */

static void emit(struct daemon_log *log, enum shale_level level,
                 const char *text)
{
    char message[SHALE_WHY_MAX + 1];

    if (log->report_fd < 0) {
        complain(log->subject, "%s", text);
        return;
    }
    snprintf(message, sizeof message, "%c%s", (char)('0' + (int)level), text);
    report_send(log->report_fd, REPORT_LOG, message);
}

void log_text(struct daemon_log *log, enum shale_level level, const char *text)
{
    uint64_t dropped = 0;
    char line[64];

    if (!gate_pass(&dropped))
        return;
    if (dropped > 0) {
        snprintf(line, sizeof line, "%" PRIu64 " more messages suppressed",
                 dropped);
        emit(log, SHALE_LOG_WARNING, line);
    }
    emit(log, level, text);
}

void log_hold(struct daemon_log *log, const char *text)
{
    size_t used = strlen(log->held), len;
    char shown[SHOWN];

    compose(NULL, text, shown);         /* in one line */
    len = strlen(shown);
    if (used + len + 2 > sizeof log->held)
        return;
    memcpy(log->held + used, shown, len);
    memcpy(log->held + used + len, "\n", 2);
}

const char *log_last(struct daemon_log *log)
{
    size_t used = strlen(log->held);
    const char *last;

    if (used == 0)
        return "";
    log->held[used - 1] = '\0';
    last = strrchr(log->held, '\n');
    return last ? last + 1 : log->held;
}

void log_drop(struct daemon_log *log)
{
    log->held[0] = '\0';
}

static void log_event(struct shale_log *base, const struct shale_event *event)
{
    struct daemon_log *log = (struct daemon_log *)base;
    char text[SHALE_WHY_MAX];

    if (log->starting && event->level == SHALE_LOG_ERROR)
        return;
    shale_event_text(event, 0, text, sizeof text);
    if (log->starting)
        log_hold(log, text);
    else
        log_text(log, event->level, text);
}

void log_release(struct daemon_log *log)
{
    char *rest = log->held;

    log->starting = false;
    while (*rest)
        log_text(log, SHALE_LOG_WARNING, strsep(&rest, "\n"));
    log_drop(log);
}

void log_init(struct daemon_log *log, const char *subject, int report_fd)
{
    *log = (struct daemon_log){
        .base.event = log_event,
        .subject = subject,
        .report_fd = report_fd,
        .starting = true,
    };
}

void log_syslog(enum shale_level level, const char *subject, const char *text)
{
    static const int priorities[] = {
        [SHALE_LOG_ERROR] = LOG_ERR,
        [SHALE_LOG_WARNING] = LOG_WARNING,
        [SHALE_LOG_INFO] = LOG_INFO,
    };

    char shown[SHOWN];

    syslog(LOG_DAEMON | priorities[level], "%s",
           compose(subject, text, shown));
}
