/*
 * trap.S - where exceptions and interrupts arrive, and switching stacks
 *
 * The registers that C does not preserve go on the stack of whoever was
 * interrupted, and so do mepc and mstatus, since trap() may come back only
 * after other threads have run and were interrupted themselves (RISC-V
 * Privileged Architecture, 3.1.6.1 and 3.1.14).
 */
        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        csrw    mscratch, t0
        csrr    t0, mcause
        bgez    t0, exception
        csrr    t0, mscratch
        addi    sp, sp, -144
        sd      ra, 0(sp)
        sd      t0, 8(sp)
        sd      t1, 16(sp)
        sd      t2, 24(sp)
        sd      t3, 32(sp)
        sd      t4, 40(sp)
        sd      t5, 48(sp)
        sd      t6, 56(sp)
        sd      a0, 64(sp)
        sd      a1, 72(sp)
        sd      a2, 80(sp)
        sd      a3, 88(sp)
        sd      a4, 96(sp)
        sd      a5, 104(sp)
        sd      a6, 112(sp)
        sd      a7, 120(sp)
        csrr    t0, mepc
        csrr    t1, mstatus
        sd      t0, 128(sp)
        sd      t1, 136(sp)
        csrr    a0, mcause
        call    trap
        ld      t0, 128(sp)
        ld      t1, 136(sp)
        csrw    mepc, t0
        csrw    mstatus, t1
        ld      ra, 0(sp)
        ld      t0, 8(sp)
        ld      t1, 16(sp)
        ld      t2, 24(sp)
        ld      t3, 32(sp)
        ld      t4, 40(sp)
        ld      t5, 48(sp)
        ld      t6, 56(sp)
        ld      a0, 64(sp)
        ld      a1, 72(sp)
        ld      a2, 80(sp)
        ld      a3, 88(sp)
        ld      a4, 96(sp)
        ld      a5, 104(sp)
        ld      a6, 112(sp)
        ld      a7, 120(sp)
        addi    sp, sp, 144
        mret

/*
 * An exception is the end, and is told on a stack that is there for it alone:
 * the one that was in use may be what is wrong.
 */
exception:
        csrr    a0, mcause
        csrr    a1, mepc
        csrr    a2, mtval
        mv      a3, sp
        la      sp, exception_stack_top
        call    trap_exception

        .bss
        .balign 16
        .fill   4096
exception_stack_top:
        .text

/* void context_switch(void **save, void *load); see context_make() */
        .globl  context_switch
context_switch:
        addi    sp, sp, -112
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        sd      s5, 48(sp)
        sd      s6, 56(sp)
        sd      s7, 64(sp)
        sd      s8, 72(sp)
        sd      s9, 80(sp)
        sd      s10, 88(sp)
        sd      s11, 96(sp)
        sd      sp, 0(a0)
        mv      sp, a1
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        ld      s5, 48(sp)
        ld      s6, 56(sp)
        ld      s7, 64(sp)
        ld      s8, 72(sp)
        ld      s9, 80(sp)
        ld      s10, 88(sp)
        ld      s11, 96(sp)
        addi    sp, sp, 112
        ret

        .section .note.GNU-stack, "", @progbits
