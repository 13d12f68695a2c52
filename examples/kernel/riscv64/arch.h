/*
 * arch.h - the instructions that are RISC-V's own; see machine.h
 *
 * The kernel stays in machine mode, where it is started; there is no firmware
 * below it (RISC-V Privileged Architecture, 20211203, chapter 3).
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmio.h"

#define ARCH_NAME "riscv64"

/* Where QEMU's machine `virt` has its devices. */
#define TEST_BASE   UINT64_C(0x00100000)
#define RTC_BASE    UINT64_C(0x00101000)
#define CLINT_BASE  UINT64_C(0x02000000)
#define PLIC_BASE   UINT64_C(0x0c000000)
#define UART_BASE   UINT64_C(0x10000000)
#define UART_IRQ    10u
#define VIRTIO_BASE UINT64_C(0x10001000)
#define VIRTIO_STEP UINT64_C(0x00001000)
#define VIRTIO_IRQ  1u          /* of the first */
#define VIRTIO_MAX  8u

#define CLINT_MTIMECMP 0x4000u  /* of hart 0 */
#define CLINT_MTIME    0xbff8u

#define MSTATUS_MIE 0x08u

static inline bool interrupts_off(void)
{
    uint64_t status;

    __asm__ volatile("csrrci %0, mstatus, %1"
                     : "=r"(status) : "i"(MSTATUS_MIE) : "memory");
    return status & MSTATUS_MIE;
}

static inline void interrupts_restore(bool on)
{
    if (on)
        __asm__ volatile("csrsi mstatus, %0" : : "i"(MSTATUS_MIE) : "memory");
}

/* wfi ends also for an interrupt that is off; so none is missed. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("wfi" : : : "memory");
    interrupts_restore(true);
}

static inline void device_barrier(void)
{
    __asm__ volatile("fence iorw, iorw" : : : "memory");
}

static inline uint64_t cycles(void)
{
    return *(volatile uint64_t *)(CLINT_BASE + CLINT_MTIME);
}

static inline uint8_t uart_in(unsigned reg)
{
    return mmio_read8(UART_BASE + reg);
}

static inline void uart_out(unsigned reg, uint8_t value)
{
    mmio_write8(UART_BASE + reg, value);
}

/* The address to return to, and s0 to s11: all that a call preserves. */
static inline void *context_make(void *top, void (*entry)(void))
{
    uint64_t *stack = (uint64_t *)top - 14;

    for (unsigned i = 0; i < 14; i++)
        stack[i] = 0;
    stack[0] = (uintptr_t)entry;
    return stack;
}

#endif /* ARCH_H */
