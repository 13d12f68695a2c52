/*
 * console.c - the serial line, as a console
 *
 * The port is a 16550 on both machines (National Semiconductor, PC16550D data
 * sheet, June 1995, chapter 8); where its registers are is the machine's.
 * Writing waits for the port to take each byte: it is how a panic is told, too.
 * Reading sleeps until the port interrupts: the handler turns that off again,
 * and leaves the bytes in the port for whoever asked.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"

#define UART_DATA 0u            /* RBR when read, THR when written */
#define UART_IER  1u            /* which interrupts are enabled */
#define UART_LCR  3u
#define UART_MCR  4u
#define UART_LSR  5u

#define IER_RECEIVED   0x01u
#define LCR_8N1        0x03u
#define MCR_READY      0x0bu    /* DTR, RTS, and OUT2, a PC's interrupt gate */
#define LSR_DATA_READY 0x01u
#define LSR_THR_EMPTY  0x20u

static struct spinlock console_lock;
static struct waiters input_waiters;

static void put(char c)
{
    while (!(uart_in(UART_LSR) & LSR_THR_EMPTY))
        continue;
    uart_out(UART_DATA, (uint8_t)c);
}

/* CONTEXT is not used: there is one console, and its lock is held. */
static void emit(void *context, char c)
{
    (void)context;
    if (c == '\n')
        put('\r');
    put(c);
}

void console_write(const char *text, size_t len)
{
    spin_lock(&console_lock);
    while (len-- > 0)
        emit(NULL, *text++);
    spin_unlock(&console_lock);
}

void print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    spin_lock(&console_lock);
    text_vformat(emit, NULL, format, args);
    spin_unlock(&console_lock);
    va_end(args);
}

void console_seize(void)
{
    atomic_store(&console_lock.held, 0);
}

/* --------------------------------------------------------------- reading */

static void received(void *arg)
{
    (void)arg;
    spin_lock(&console_lock);
    if (uart_in(UART_LSR) & LSR_DATA_READY) {
        uart_out(UART_IER, 0);
        wake_one(&input_waiters);
    }
    spin_unlock(&console_lock);
}

char console_getc(void)
{
    char c;

    spin_lock(&console_lock);
    while (!(uart_in(UART_LSR) & LSR_DATA_READY)) {
        uart_out(UART_IER, IER_RECEIVED);
        wait_on(&input_waiters, &console_lock);
    }
    c = (char)uart_in(UART_DATA);
    spin_unlock(&console_lock);
    return c;
}

size_t console_line(char *out, size_t size)
{
    size_t len = 0;
    char c;

    while ((c = console_getc()) != '\n' && c != '\r') {
        if (c == '\b' || c == '\x7f') {
            if (len > 0) {
                len--;
                console_write("\b \b", 3);
            }
        } else if (len + 1 < size) {
            out[len++] = c;
            console_write(&c, 1);
        }
    }
    out[len] = '\0';
    console_write("\n", 1);
    return len;
}

/* The FIFOs stay as they are: turning them on drops what has been typed. */
void serial_init(void)
{
    uart_out(UART_IER, 0);
    uart_out(UART_LCR, LCR_8N1);
    uart_out(UART_MCR, MCR_READY);
}

void serial_start_interrupts(void)
{
    if (interrupt_add(UART_IRQ, received, NULL))
        panic("no room for the console's interrupt");
}

/* ------------------------------------------------------ a volume's events */

static const char *const levels[] = {
    [SHALE_LOG_ERROR] = "error",
    [SHALE_LOG_WARNING] = "warning",
    [SHALE_LOG_INFO] = "note",
};

static void log_event(struct shale_log *log, const struct shale_event *event)
{
    char where[64] = "";
    size_t len = 0;

    (void)log;
    if (event->at != SHALE_NOWHERE)
        len = text_format(where, sizeof where, ", byte %lu", event->at);
    if (event->ino != 0)
        text_format(where + len, sizeof where - len, ", inode %lu",
                    event->ino);
    print("%s: %s%s%s%s%s%s\n", levels[event->level], event->what,
          event->detail ? ": " : "", event->detail ? event->detail : "",
          event->err ? ": " : "", event->err ? shale_strerror(event->err) : "",
          where);
}

struct shale_log console_log = { .event = log_event };
