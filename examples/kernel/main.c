/*
 * main.c - from the first C function to the last
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"

_Noreturn void poweroff(int status)
{
    print("power off, status %d\n", status);
    interrupts_off();
    machine_poweroff(status);
    for (;;)
        continue;               /* it may take a moment */
}

_Noreturn void panic(const char *what)
{
    static bool again;

    interrupts_off();
    if (!again) {
        again = true;
        console_seize();
        print("\npanic in thread %s: %s; status %d\n", thread_name(), what,
              PANIC_STATUS);
    }
    machine_poweroff(PANIC_STATUS);
    for (;;)
        continue;
}

/* What was used at most. */
static void report(void)
{
    print("heap: %zu of %zu KiB lent at most; stacks: %zu of %u bytes\n",
          heap_peak() >> 10, heap_size() >> 10, thread_stack_peak(),
          THREAD_STACK_SIZE);
    print("requests under way at once: %u at most\n", disk_requests_peak);
}

/* The thread that everything else is started by. */
static void work(void *arg)
{
    int status;

    (void)arg;
    serial_start_interrupts();
    machine_find_disks();
    volumes_mount();
    status = shell();
    if (volumes_unmount() > 0 && status == 0)
        status = 1;
    report();
    poweroff(status);
}

_Noreturn void kernel_start(void)
{
    serial_init();
    print("Shale %s in a kernel for %s\n", SHALE_VERSION, ARCH_NAME);
    clock_init();
    heap_init();
    machine_init();
    thread_init();
    if (!thread_start("main", work, NULL))
        panic("no room for the first thread");
    thread_idle();
}
