/*
 * boot.S - from the loader's first instruction to C, in 64 bits
 *
 * QEMU loads an ELF file and, having found in it the note below, enters it as
 * the PVH boot ABI says (Xen, docs/misc/pvh.pandoc): 32-bit protected mode,
 * flat segments, no paging, interrupts off. Long mode then takes page tables,
 * EFER.LME, paging and a far jump to a 64-bit segment (AMD64 Architecture
 * Programmer's Manual, volume 2, 14.6).
 */
        .section .note.pvh, "a", @note
        .balign 4
        .long   4                       /* of the name */
        .long   8                       /* of the value */
        .long   18                      /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   start

        .section .text.start, "ax", @progbits
        .code32
        .globl  start
start:
        cli
        cld
        movl    $boot_stack_top, %esp
        movl    $page_map, %eax
        movl    %eax, %cr3
        movl    %cr4, %eax
        orl     $0x20, %eax             /* CR4.PAE */
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx       /* EFER */
        rdmsr
        orl     $0x100, %eax            /* LME */
        wrmsr
        movl    %cr0, %eax
        orl     $0x80010001, %eax       /* PG, WP, PE */
        movl    %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $0x08, $start64

        .code64
start64:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        xorl    %ebp, %ebp
        call    kernel_start            /* the stack was aligned to 16 */

/*
 * One flat segment for code, one for data (volume 2, 4.8), and room for the
 * descriptor of the task state, which trap_init() fills in.
 */
        .data
        .balign 8
        .globl  gdt_task
gdt:
        .quad   0
        .quad   0x00af9b000000ffff      /* 0x08: code, 64 bits */
        .quad   0x00cf93000000ffff      /* 0x10: data */
gdt_task:
        .quad   0, 0                    /* 0x18 */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

/*
 * The first 4 GiB, where each address is its own, in pages of 2 MiB (volume 2,
 * 5.3): memory, and below its top the devices. 3: present, writable; 0x80: a
 * large page. See machine_guard() for those that are cut smaller.
 */
        .data
        .balign 4096
page_map:
        .quad   page_pointers + 3
        .fill   511, 8, 0
page_pointers:
        .quad   page_directories + 0x0003
        .quad   page_directories + 0x1003
        .quad   page_directories + 0x2003
        .quad   page_directories + 0x3003
        .fill   508, 8, 0
        .globl  page_directories
page_directories:
        .set    page, 0
        .rept   2048
        .quad   page + 0x83
        .set    page, page + 0x200000
        .endr

        .bss
        .balign 4096
        .globl  boot_stack_guard
boot_stack_guard:
        .fill   4096
        .fill   16384
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
