/*
 * trap.c - exceptions, the timer, and interrupts through the PLIC
 *
 * RISC-V Privileged Architecture, 20211203, 3.1.15 for the causes; RISC-V
 * Platform-Level Interrupt Controller Specification 1.0.0 for the PLIC, of
 * which context 0 is hart 0 in machine mode. An interrupt is claimed, handled,
 * and completed.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "riscv64/virt.h"

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
#define CAUSE_TIMER     7u
#define CAUSE_EXTERNAL  11u

#define PLIC_PRIORITY   0x000000u       /* 4 bytes for each source */
#define PLIC_ENABLE     0x002000u       /* a bit for each source */
#define PLIC_THRESHOLD  0x200000u
#define PLIC_CLAIM      0x200004u

void trap(uint64_t cause);
_Noreturn void trap_exception(uint64_t cause, uint64_t epc, uint64_t value,
                              uint64_t stack);

void machine_unmask(unsigned irq)
{
    uintptr_t enable = PLIC_BASE + PLIC_ENABLE + irq / 32 * 4;

    mmio_write32(PLIC_BASE + PLIC_PRIORITY + 4 * irq, 1);
    mmio_write32(enable, mmio_read32(enable) | 1u << irq % 32);
}

static void external(void)
{
    uint32_t irq;

    while ((irq = mmio_read32(PLIC_BASE + PLIC_CLAIM)) != 0) {
        interrupt_run(irq);
        mmio_write32(PLIC_BASE + PLIC_CLAIM, irq);
    }
}

/* From trap.S: which interrupt. */
void trap(uint64_t cause)
{
    switch (cause) {
    case CAUSE_INTERRUPT | CAUSE_TIMER:
        timer_next();
        thread_tick();
        break;
    case CAUSE_INTERRUPT | CAUSE_EXTERNAL:
        external();
        break;
    default:
        panic("an interrupt that nobody enabled");
    }
    thread_preempt();
}

/* ... and what happened, where, on what address or so. */
_Noreturn void trap_exception(uint64_t cause, uint64_t epc, uint64_t value,
                              uint64_t stack)
{
    console_seize();
    print("\nexception %lu, at %lx, value %lx, stack %lx\n", cause, epc,
          value, stack);
    panic(thread_is_guard(value) ? "its stack is too small" : "exception");
}

void trap_init(void)
{
    mmio_write32(PLIC_BASE + PLIC_THRESHOLD, 0);
    timer_next();
    __asm__ volatile("csrw mie, %0"
                     : : "r"(UINT64_C(1) << CAUSE_TIMER |
                             UINT64_C(1) << CAUSE_EXTERNAL));
}
