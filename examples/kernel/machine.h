/*
 * machine.h - what a machine does for the rest of the kernel
 *
 * Each machine's folder implements these, and has an arch.h with the handful of
 * instructions that are its own:
 *
 *   bool interrupts_off(void)          turn them off; were they on?
 *   void interrupts_restore(bool on)   turn them on again if they were
 *   void wait_for_interrupt(void)      they are off: sleep until one is there,
 *                                      take it, return with them on
 *   void device_barrier(void)          what was done in memory and to devices
 *                                      before it is done, for all of them,
 *                                      before what comes after it
 *   uint8_t uart_in(unsigned reg)      the serial port's registers
 *   void uart_out(unsigned reg, uint8_t value)
 *   UART_IRQ                           and its interrupt
 *   uint64_t cycles(void)              a counter that only grows
 *   void *context_make(void *top, void (*entry)(void))
 *                                      a new thread's stack, as
 *                                      context_switch() leaves one
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ticks of the timer in a second; each may switch threads. */
#define TICK_HZ 100u

/* What an interrupt or a thread's ENTRY finds is set up here, once. */
void machine_init(void);

/* Find the machine's disks, in their order, and disk_add() them. */
void machine_find_disks(void);

/* How often cycles() counts in a second. */
uint64_t machine_cycles_hz(void);

/* The time of day, from the battery's clock: seconds since 1970, UTC. */
int64_t machine_time_of_day(void);

/* Let interrupt IRQ come through. */
void machine_unmask(unsigned irq);

/*
 * From now on who comes to one of the COUNT pages at PAGES, up to GUARDS_MAX,
 * gets an exception. Once.
 */
void machine_guard(const void *const *pages, size_t count);
#define GUARD_SIZE 4096u
#define GUARDS_MAX 16u

/* As poweroff(); returns if it cannot. */
void machine_poweroff(int status);

/*
 * Save the registers that a call preserves on this stack, and the stack in
 * *SAVE; go on with those on stack LOAD. Returns when somebody goes on with
 * what was saved.
 */
void context_switch(void **save, void *load);

/* ------------------------------------------- interrupts (interrupt.c) */

/*
 * Call HANDLER(ARG) whenever interrupt IRQ comes. Several devices may have the
 * same; each handler finds out whether its own is meant. SHALE_ENOMEM if there
 * are too many.
 */
int interrupt_add(unsigned irq, void (*handler)(void *arg), void *arg);

/* For the machine's trap handler: an interrupt has come, with others off. */
void interrupt_run(unsigned irq);

/* ... the timer's; and the last thing to do before an interrupt returns. */
void thread_tick(void);
void thread_preempt(void);

/* -------------------------------------------------- setting up (main.c) */

/* Where each machine's first instructions lead, on the boot stack. */
_Noreturn void kernel_start(void);

void serial_init(void);
void serial_start_interrupts(void);
void clock_init(void);
void heap_init(void);
void thread_init(void);

/* Is ADDRESS one that only a stack that is too small comes to? */
bool thread_is_guard(uintptr_t address);

/* The page below the boot stack. */
extern unsigned char boot_stack_guard[];

/* Turn the boot stack into what runs when no thread can. */
_Noreturn void thread_idle(void);

#endif /* MACHINE_H */
