/*
 * interrupt.c - who handles which interrupt
 */
#include "kernel.h"
#include "machine.h"

static struct {
    unsigned irq;
    void (*handler)(void *arg);
    void *arg;
} handlers[2 * DISK_MAX];
static size_t handler_count;

int interrupt_add(unsigned irq, void (*handler)(void *arg), void *arg)
{
    if (handler_count == countof(handlers))
        return SHALE_ENOMEM;
    handlers[handler_count].irq = irq;
    handlers[handler_count].handler = handler;
    handlers[handler_count].arg = arg;
    handler_count++;
    machine_unmask(irq);
    return 0;
}

void interrupt_run(unsigned irq)
{
    for (size_t i = 0; i < handler_count; i++)
        if (handlers[i].irq == irq)
            handlers[i].handler(handlers[i].arg);
}
