/*
 * trap.c - exceptions, and interrupts: a PC's two 8259s, and messages
 *
 * The second interrupt controller hangs at input 2 of the first. Their 16
 * inputs become vectors 32 to 47, behind the processor's exceptions. A PCI
 * device's interrupt arrives at the input that the firmware wrote into its
 * configuration space (8259A data sheet, Intel 231468; PCI Local Bus 3.0,
 * 6.2.4), unless it sends a message, to one of the vectors from 48 on (apic.c).
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "x86_64/pc.h"

#define IRQ_TIMER   0u
#define IRQ_CASCADE 2u

#define PIC1 0x20u
#define PIC2 0xa0u
#define PIC_COMMAND 0u
#define PIC_DATA    1u          /* the mask, and the later words of ICW */
#define ICW1_INIT   0x11u       /* three more words follow */
#define ICW4_8086   0x01u
#define OCW2_EOI    0x20u
#define OCW3_ISR    0x0bu       /* what is next read: inputs in service */

/* As trap.S leaves it on the stack. */
struct trap {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* An interrupt gate (AMD64 APM, volume 2, 4.8.4). */
struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint16_t flags;             /* the lowest bits: which stack of task.ist */
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};

/* The task state (12.2.5). Stack 1 is for exceptions: see set_gate(). */
static struct {
    uint32_t fields[26];
} task;

#define TASK_IST1     9u        /* which of the fields: its lower half */
#define TASK_IO_MAP   25u       /* the upper half is where it begins */
#define TASK_SELECTOR 0x18u

extern const unsigned char trap_stubs[];
extern uint64_t gdt_task[2];
void trap(const struct trap *trap);

static struct gate gates[VECTORS];
static _Alignas(16) unsigned char exception_stack[4096];

void machine_unmask(unsigned irq)
{
    unsigned port = (irq < 8 ? PIC1 : PIC2) + PIC_DATA;

    if (irq < IRQ_MESSAGE)
        out8(port, (uint8_t)(in8(port) & ~(1u << irq % 8)));
}

/*
 * Is IRQ really there? The lowest input of a controller also stands for one
 * that went away before it was asked for. Then only the other has been told.
 */
static bool is_spurious(unsigned irq)
{
    unsigned pic = irq < 8 ? PIC1 : PIC2;

    if (irq % 8 != 7)
        return false;
    out8(pic + PIC_COMMAND, OCW3_ISR);
    if (in8(pic + PIC_COMMAND) & 0x80)
        return false;
    if (pic == PIC2)
        out8(PIC1 + PIC_COMMAND, OCW2_EOI);
    return true;
}

static void message(unsigned irq)
{
    interrupt_run(irq);
    apic_end();
    thread_preempt();
}

static void interrupt(unsigned irq)
{
    if (is_spurious(irq))
        return;
    if (irq == IRQ_TIMER)
        thread_tick();
    else
        interrupt_run(irq);
    if (irq >= 8)
        out8(PIC2 + PIC_COMMAND, OCW2_EOI);
    out8(PIC1 + PIC_COMMAND, OCW2_EOI);
    thread_preempt();
}

void trap(const struct trap *trap)
{
    uint64_t address;

    if (trap->vector == SPURIOUS_VECTOR)
        return;                 /* it is nobody's, and the APIC is not told */
    if (trap->vector >= IRQ_VECTOR + IRQ_MESSAGE) {
        message((unsigned)trap->vector - IRQ_VECTOR);
        return;
    }
    if (trap->vector >= IRQ_VECTOR) {
        interrupt((unsigned)trap->vector - IRQ_VECTOR);
        return;
    }
    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    console_seize();
    print("\nexception %lu, error %lx, at %lx, address %lx, stack %lx\n",
          trap->vector, trap->error, trap->rip, address, trap->rsp);
    panic(thread_is_guard(address) ? "its stack is too small" : "exception");
}

/*
 * An exception is the end, and is told on a stack that is there for it alone:
 * the one that was in use may be what is wrong.
 */
static void set_gate(unsigned vector)
{
    uintptr_t stub = (uintptr_t)trap_stubs + 16 * vector;
    unsigned stack = vector < IRQ_VECTOR ? 1 : 0;

    gates[vector] = (struct gate){
        .offset_0 = (uint16_t)stub,
        .selector = 0x08,
                                /* present, an interrupt gate: they go off */
        .flags = (uint16_t)(0x8e00 | stack),
        .offset_16 = (uint16_t)(stub >> 16),
        .offset_32 = (uint32_t)(stub >> 32),
    };
}

static void task_init(void)
{
    uint64_t top = (uintptr_t)(exception_stack + sizeof exception_stack);
    uint64_t base = (uintptr_t)&task, limit = sizeof task - 1;

    task.fields[TASK_IST1] = (uint32_t)top;
    task.fields[TASK_IST1 + 1] = (uint32_t)(top >> 32);
    task.fields[TASK_IO_MAP] = (uint32_t)sizeof task << 16;     /* none */

    /* 4.8.3: its address here and there, present, a task that is free. */
    gdt_task[0] = limit | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                  (base >> 24 & 0xff) << 56;
    gdt_task[1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(TASK_SELECTOR) : "memory");
}

static void pic_init(unsigned pic, unsigned vector, uint8_t wiring)
{
    out8(pic + PIC_COMMAND, ICW1_INIT);
    out8(pic + PIC_DATA, (uint8_t)vector);
    out8(pic + PIC_DATA, wiring);
    out8(pic + PIC_DATA, ICW4_8086);
    out8(pic + PIC_DATA, 0xff); /* all masked */
}

void trap_init(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idt = { sizeof gates - 1, (uintptr_t)gates };

    task_init();
    for (unsigned vector = 0; vector < VECTORS; vector++)
        set_gate(vector);
    __asm__ volatile("lidt %0" : : "m"(idt));
    pic_init(PIC1, IRQ_VECTOR, 1u << IRQ_CASCADE);
    pic_init(PIC2, IRQ_VECTOR + 8, IRQ_CASCADE);
    machine_unmask(IRQ_CASCADE);
    machine_unmask(IRQ_TIMER);
    apic_init();
}
