/*
 * machine.c - a PC: its timer, its clocks, and how to switch it off
 *
 * The 8254 ticks, and measures how fast the processor's time stamp counter
 * runs (Intel 8254 data sheet, 231164). The MC146818 has the time of day
 * (Motorola data sheet, 1988). Switching off is asking for the ACPI state S5,
 * at the port where QEMU's PIIX4 has it, which ends QEMU with 0. A status goes
 * through its device isa-debug-exit, if it is there, which ends QEMU with twice
 * what it is told, and one: it is told one more, so that 0, the end of a
 * machine that resets itself, and 1, that of a QEMU that cannot start, are
 * neither.
 */
#include "machine.h"
#include "arch.h"
#include "kernel.h"
#include "x86_64/pc.h"

#define PIT_HZ        1193182u
#define PIT_CHANNEL_0 0x40u
#define PIT_CHANNEL_2 0x42u
#define PIT_COMMAND   0x43u
#define PIT_RATE      0x34u     /* channel 0, both bytes, mode 2 */
#define PIT_ONE_SHOT  0xb0u     /* channel 2, both bytes, mode 0 */
#define PORT_B        0x61u     /* channel 2's gate and output */
#define PORT_B_GATE   0x01u
#define PORT_B_SPEAK  0x02u
#define PORT_B_OUT    0x20u

#define RTC_INDEX   0x70u
#define RTC_DATA    0x71u
#define RTC_A       0x0au
#define RTC_A_BUSY  0x80u       /* the time changes in a moment */
#define RTC_B       0x0bu
#define RTC_B_BYTES 0x04u       /* numbers are binary, not BCD */

#define EXIT_PORT   0xf4u       /* -device isa-debug-exit,iobase=0xf4 */
#define PM1_CONTROL 0x604u
#define PM1_S5      0x2000u     /* SLP_EN, SLP_TYP 0 */

/* Cycles from before channel 2 begins to count COUNTS to after it has. */
static uint64_t cycles_of(uint32_t counts)
{
    uint64_t start = cycles();

    out8(PIT_COMMAND, PIT_ONE_SHOT);
    out8(PIT_CHANNEL_2, (uint8_t)counts);
    out8(PIT_CHANNEL_2, (uint8_t)(counts >> 8));
    while (!(in8(PORT_B) & PORT_B_OUT))
        continue;
    return cycles() - start;
}

/*
 * The least of a few tries: an emulated processor may be stopped at any moment,
 * which makes a try too long, and none too short.
 */
uint64_t machine_cycles_hz(void)
{
    uint64_t least = UINT64_MAX;

    out8(PORT_B, (uint8_t)((in8(PORT_B) & ~PORT_B_SPEAK) | PORT_B_GATE));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t one = cycles_of(PIT_HZ / 100);

        least = one < least ? one : least;
    }
    return least * 100;
}

static void timer_init(void)
{
    uint32_t counts = PIT_HZ / TICK_HZ;

    out8(PIT_COMMAND, PIT_RATE);
    out8(PIT_CHANNEL_0, (uint8_t)counts);
    out8(PIT_CHANNEL_0, (uint8_t)(counts >> 8));
}

/* ------------------------------------------------------- the time of day */

static uint8_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static unsigned rtc_number(uint8_t index)
{
    unsigned value = rtc_read(index);

    return rtc_read(RTC_B) & RTC_B_BYTES ? value
                                         : (value >> 4) * 10 + (value & 15);
}

/* Days from 1970 to the first of March of YEAR, and on to MONTH and DAY. */
static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned years = month > 2 ? year : year - 1;       /* begin in March */
    unsigned months = month > 2 ? month - 3 : month + 9;
    unsigned leap = years / 4 - years / 100 + years / 400;

    return (int64_t)years * 365 + leap + (153 * months + 2) / 5 + day - 719469;
}

int64_t machine_time_of_day(void)
{
    int64_t time, again = -1;

    /* Read until it is the same twice: then it did not change meanwhile. */
    do {
        time = again;
        while (rtc_read(RTC_A) & RTC_A_BUSY)
            continue;
        again = days_since_1970(2000 + rtc_number(9), rtc_number(8),
                                rtc_number(7));
        again = again * 86400 + rtc_number(4) * 3600 + rtc_number(2) * 60 +
                rtc_number(0);
    } while (again != time);
    return time;
}

/* ---------------------------------------------------------------- guards */

#define PAGE_HERE  0x03u        /* present, writable */
#define PAGE_LARGE 0x80u
#define TABLES     4u           /* a guard in another 2 MiB takes one */

extern uint64_t page_directories[];

/* Large pages become small ones where there is a guard among them. */
static void guard(uintptr_t at)
{
    static _Alignas(4096) uint64_t tables[TABLES][512];
    static unsigned used;
    uint64_t *entry = &page_directories[at >> 21], *table;

    if (*entry & PAGE_LARGE) {
        if (used == TABLES)
            panic("too many guards");
        for (size_t i = 0; i < 512; i++)
            tables[used][i] = (at >> 21 << 21) + (i << 12) + PAGE_HERE;
        *entry = (uintptr_t)tables[used++] + PAGE_HERE;
    }
    table = (uint64_t *)(uintptr_t)(*entry & ~UINT64_C(0xfff));
    table[at >> 12 & 511] = 0;
}

void machine_guard(const void *const *pages, size_t count)
{
    uint64_t root;

    for (size_t i = 0; i < count; i++)
        guard((uintptr_t)pages[i]);
    /* What the processor remembers of the tables goes when they are loaded. */
    __asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=&r"(root)
                     : : "memory");
}

/* ------------------------------------------------------------ on and off */

void machine_init(void)
{
    trap_init();
    timer_init();
}

void machine_find_disks(void)
{
    pci_each(virtio_pci_found);
    ide_find();
}

void machine_poweroff(int status)
{
    out8(EXIT_PORT, (uint8_t)(status + 1));
    out16(PM1_CONTROL, PM1_S5);
}
