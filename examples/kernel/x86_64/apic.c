/*
 * apic.c - interrupts that are messages
 *
 * A device that can (PCI Local Bus 3.0, 6.8) interrupts by writing a number to
 * the processor's local APIC (AMD64 Architecture Programmer's Manual, volume 2,
 * chapter 16). So each has a vector of its own, where those that are wired to
 * the 8259s share a few inputs; and nobody has to ask the device whether it was
 * the one. The timer and the console stay on the 8259s, whose interrupts the
 * APIC passes on, as they come in at its LINT0.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "mmio.h"
#include "x86_64/pc.h"

#define CPUID_APIC      0x200u  /* leaf 1, EDX */
#define MSR_APIC_BASE   0x1bu
#define BASE_ENABLE     0x800u
#define BASE_X2APIC     0x400u  /* its registers are not in memory */

/* Registers. */
#define APIC_ID         0x20u
#define APIC_TPR        0x80u   /* vectors of a lower class have to wait */
#define APIC_EOI        0xb0u
#define APIC_SPURIOUS   0xf0u
#define APIC_LINT0      0x350u

#define SPURIOUS_ENABLE 0x100u  /* the APIC works */
#define LVT_EXTERNAL    0x700u  /* an 8259 is there: ask it for the vector */

static uintptr_t base;          /* 0: there are no messages */
static unsigned taken;          /* how many interrupts are somebody's */

static uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static bool has_apic(void)
{
    uint32_t leaf = 1, b, c = 0, d;

    __asm__("cpuid" : "+a"(leaf), "=b"(b), "+c"(c), "=d"(d));
    return d & CPUID_APIC;
}

void apic_init(void)
{
    uint64_t where = has_apic() ? read_msr(MSR_APIC_BASE) : 0;

    if (!(where & BASE_ENABLE) || where & BASE_X2APIC || where >> 32 != 0)
        return;                 /* the 8259s do for everything */
    base = (uintptr_t)(where & ~UINT64_C(0xfff));
    mmio_write32(base + APIC_TPR, 0);
    mmio_write32(base + APIC_LINT0, LVT_EXTERNAL);
    mmio_write32(base + APIC_SPURIOUS, SPURIOUS_ENABLE | SPURIOUS_VECTOR);
}

void apic_end(void)
{
    mmio_write32(base + APIC_EOI, 0);
}

/*
 * Fixed, an edge, to this processor (Intel Software Developer's Manual, volume
 * 3, "Message Signalled Interrupts").
 */
bool message_take(struct message *out)
{
    if (!base || IRQ_MESSAGE + taken >= SPURIOUS_VECTOR - IRQ_VECTOR)
        return false;
    out->irq = IRQ_MESSAGE + taken++;
    out->address = UINT64_C(0xfee00000) |
                   mmio_read32(base + APIC_ID) >> 24 << 12;
    out->data = IRQ_VECTOR + out->irq;
    return true;
}
