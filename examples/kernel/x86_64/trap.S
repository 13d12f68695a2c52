/*
 * trap.S - where exceptions and interrupts arrive, and switching stacks
 *
 * The processor pushes where it was, and for some exceptions an error code
 * (AMD64 Architecture Programmer's Manual, volume 2, 8.2 and 8.9). A stub of 16
 * bytes for each vector makes that the same for all and adds the vector's
 * number; the rest is common, and builds the struct trap of trap.c.
 */
        .text
        .balign 16
        .globl  trap_stubs
trap_stubs:
        .set    vector, 0
        .rept   64
        .balign 16
        .if     (0x60227d00 >> vector) & 1 == 0 || vector >= 32
        pushq   $0                      /* where others have an error code */
        .endif
        pushq   $vector
        jmp     trap_common
        .set    vector, vector + 1
        .endr

trap_common:
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rbx
        pushq   %rbp
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        cld
        movq    %rsp, %rdi              /* 22 words on a stack aligned to 16 */
        call    trap
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        addq    $16, %rsp               /* the number and the error code */
        iretq

/* void context_switch(void **save, void *load); see context_make() */
        .globl  context_switch
context_switch:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret

        .section .note.GNU-stack, "", @progbits
