/*
 * boot.S - from the first instruction to C, in machine mode
 *
 * QEMU's machine `virt`, without firmware (-bios none), loads the ELF file and
 * enters it at 0x80000000 on every hart. All but hart 0 wait for ever.
 */
        .section .text.start, "ax", @progbits
        .globl  start
start:
        csrw    mie, zero
        csrr    t0, mhartid
        bnez    t0, others
        la      t0, trap_entry
        csrw    mtvec, t0               /* mode 0: one address for all traps */
        la      sp, boot_stack_top
        call    kernel_start
others:
        wfi
        j       others

        .bss
        .balign 4096
        .globl  boot_stack_guard
boot_stack_guard:
        .fill   4096
        .fill   16384
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
