/*
 * clock.c - how long it has been, and what time it is
 *
 * A counter of the processor's says how long the kernel has run; the battery's
 * clock is asked once, when it starts.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"

#define SECOND UINT64_C(1000000000)

static uint64_t cycles_at_start, cycles_hz;
static int64_t started;         /* seconds since 1970 */

uint64_t clock_ns(void)
{
    uint64_t passed = cycles() - cycles_at_start;

    return passed / cycles_hz * SECOND +
           passed % cycles_hz * SECOND / cycles_hz;
}

static void now(struct shale_clock *clock, struct shale_time *out)
{
    uint64_t ns = clock_ns();

    (void)clock;
    out->sec = started + (int64_t)(ns / SECOND);
    out->nsec = (uint32_t)(ns % SECOND);
}

struct shale_clock kernel_clock = { .now = now };

void clock_init(void)
{
    cycles_hz = machine_cycles_hz();
    cycles_at_start = cycles();
    started = machine_time_of_day();
}
