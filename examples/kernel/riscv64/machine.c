/*
 * machine.c - QEMU's machine `virt`: its timer, its clock, its switch
 *
 * mtime counts at 10 MHz, and interrupts when it has come to mtimecmp (RISC-V
 * Privileged Architecture, 3.2.1). The clock is Google's Goldfish RTC:
 * nanoseconds since 1970. SiFive's test device ends QEMU with a status.
 */
#include "machine.h"
#include "arch.h"
#include "kernel.h"
#include "riscv64/virt.h"

#define MTIME_HZ   UINT64_C(10000000)

#define RTC_LOW    0x00u        /* reading it holds what RTC_HIGH says */
#define RTC_HIGH   0x04u

#define TEST_PASS  0x5555u
#define TEST_FAIL  0x3333u      /* with the status above it */

uint64_t machine_cycles_hz(void)
{
    return MTIME_HZ;
}

void timer_next(void)
{
    uint64_t next = cycles() + MTIME_HZ / TICK_HZ;

    *(volatile uint64_t *)(CLINT_BASE + CLINT_MTIMECMP) = next;
}

int64_t machine_time_of_day(void)
{
    uint64_t low = mmio_read32(RTC_BASE + RTC_LOW);
    uint64_t high = mmio_read32(RTC_BASE + RTC_HIGH);

    return (int64_t)((high << 32 | low) / 1000000000);
}

/*
 * Physical memory protection (3.7): an entry is a page that nothing is allowed
 * with, and that is locked, or machine mode would not be held to it. Which of
 * the registers is meant is part of the instruction.
 */
#define PMP_NAPOT  0x18u        /* its size is in the address' low bits */
#define PMP_LOCKED 0x80u

static void pmp_set(unsigned entry, uint64_t address)
{
    switch (entry) {
#define ENTRY(n)                                                               \
    case n:                                                                    \
        __asm__ volatile("csrw pmpaddr" #n ", %0" : : "r"(address));           \
        break
        ENTRY(0); ENTRY(1); ENTRY(2); ENTRY(3);
        ENTRY(4); ENTRY(5); ENTRY(6); ENTRY(7);
        ENTRY(8); ENTRY(9); ENTRY(10); ENTRY(11);
        ENTRY(12); ENTRY(13); ENTRY(14); ENTRY(15);
#undef ENTRY
    }
}

/* What is locked is not written again: all registers' entries go together. */
void machine_guard(const void *const *pages, size_t count)
{
    uint64_t config[GUARDS_MAX / 8] = { 0 };

    for (unsigned i = 0; i < count && i < GUARDS_MAX; i++) {
        pmp_set(i, (uintptr_t)pages[i] >> 2 | (GUARD_SIZE / 8 - 1));
        config[i / 8] |= (uint64_t)(PMP_NAPOT | PMP_LOCKED) << i % 8 * 8;
    }
    __asm__ volatile("csrw pmpcfg0, %0; csrw pmpcfg2, %1; sfence.vma"
                     : : "r"(config[0]), "r"(config[1]) : "memory");
}

void machine_init(void)
{
    trap_init();
}

void machine_find_disks(void)
{
    virtio_mmio_find();
}

void machine_poweroff(int status)
{
    mmio_write32(TEST_BASE, status == 0 ? TEST_PASS
                                        : TEST_FAIL | (uint32_t)status << 16);
}
