/*
 * virt.h - what the files for the machine `virt` offer each other
 */
#ifndef RISCV64_VIRT_H
#define RISCV64_VIRT_H

/* Exceptions and the interrupt controller (trap.c). */
void trap_init(void);

/* The timer's next tick (machine.c). */
void timer_next(void);

/* The virtio block devices there are (virtio_mmio.c). */
void virtio_mmio_find(void);

#endif /* RISCV64_VIRT_H */
