/*
 * arch.h - the instructions that are x86-64's own; see machine.h
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCH_NAME "x86-64"
#define UART_BASE 0x3f8u        /* COM1 */
#define UART_IRQ  4u

static inline void out8(unsigned port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"((uint16_t)port));
}

static inline void out16(unsigned port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"((uint16_t)port));
}

static inline void out32(unsigned port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"((uint16_t)port));
}

static inline uint8_t in8(unsigned port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((uint16_t)port));
    return value;
}

static inline uint32_t in32(unsigned port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)port));
    return value;
}

/* COUNT 16-bit words from PORT to memory, or from memory to PORT. */
static inline void in16_many(unsigned port, void *to, size_t count)
{
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count)
                     : "d"((uint16_t)port) : "memory");
}

static inline void out16_many(unsigned port, const void *from, size_t count)
{
    __asm__ volatile("rep outsw" : "+S"(from), "+c"(count)
                     : "d"((uint16_t)port) : "memory");
}

static inline bool interrupts_off(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags & 0x200;       /* RFLAGS.IF */
}

static inline void interrupts_restore(bool on)
{
    if (on)
        __asm__ volatile("sti" : : : "memory");
}

/* No interrupt comes between the two: sti waits for one more instruction. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

static inline void device_barrier(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

static inline uint64_t cycles(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline uint8_t uart_in(unsigned reg)
{
    return in8(UART_BASE + reg);
}

static inline void uart_out(unsigned reg, uint8_t value)
{
    out8(UART_BASE + reg, value);
}

/*
 * Six registers to restore, the address to return to, and one for ENTRY to
 * return to, which it never does: at its first instruction the stack is as
 * after a call (System V ABI for AMD64, 3.2.2).
 */
static inline void *context_make(void *top, void (*entry)(void))
{
    uint64_t *stack = (uint64_t *)top - 8;

    for (unsigned i = 0; i < 8; i++)
        stack[i] = 0;
    stack[6] = (uintptr_t)entry;
    return stack;
}

#endif /* ARCH_H */
