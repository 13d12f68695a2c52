/*
 * pc.h - what the files for a PC offer each other
 */
#ifndef X86_64_PC_H
#define X86_64_PC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Exceptions and interrupts (trap.c). The first 32 vectors are the processor's
 * own. Of interrupts 0 to 15 each is an input of the 8259s; the others are
 * messages.
 */
#define IRQ_VECTOR      32u     /* that of interrupt 0 */
#define IRQ_MESSAGE     16u
#define SPURIOUS_VECTOR 63u     /* the last: an interrupt that went away */
#define VECTORS         64u

void trap_init(void);

/* What a device is to write, and where, to interrupt (apic.c). */
struct message {
    unsigned irq;               /* what it is then called */
    uint64_t address;
    uint32_t data;
};

void apic_init(void);

/* The end of an interrupt that was a message. */
void apic_end(void);

/* One that nobody has yet; false if there are none, or no more. */
bool message_take(struct message *out);

/* A function of a device on the PCI bus (pci.c). */
struct pci {
    uint8_t bus, device, function;
};

uint8_t pci_read8(struct pci pci, unsigned offset);
uint16_t pci_read16(struct pci pci, unsigned offset);
uint32_t pci_read32(struct pci pci, unsigned offset);
void pci_write16(struct pci pci, unsigned offset, uint16_t value);
void pci_write32(struct pci pci, unsigned offset, uint32_t value);

#define PCI_VENDOR    0x00u
#define PCI_DEVICE    0x02u
#define PCI_COMMAND   0x04u
#define PCI_STATUS    0x06u
#define PCI_HEADER    0x0eu
#define PCI_BAR0      0x10u
#define PCI_SUBSYSTEM 0x2eu
#define PCI_CAP       0x34u     /* where the first capability is */
#define PCI_INT_LINE  0x3cu     /* the interrupt controller's input */

#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_STATUS_CAPS    0x0010u

/*
 * The first address of memory region BAR, which the firmware has chosen; 0 if
 * that is not below 4 GiB, or is none of memory.
 */
uintptr_t pci_memory(struct pci pci, unsigned bar);

/* Where PCI's Nth capability ID is, counted from 0; 0: nowhere. */
unsigned pci_capability(struct pci pci, uint8_t id, unsigned n);

/*
 * Have PCI interrupt by messages, all of them the same, and store the
 * interrupt's number in *IRQ. False if it cannot: it is as it was.
 */
bool pci_use_message(struct pci pci, unsigned *irq);

/* Call FOUND for every function there is on bus 0. */
void pci_each(void (*found)(struct pci pci));

/* A virtio block device, if PCI is one (virtio_pci.c). */
void virtio_pci_found(struct pci pci);

/* The disks of the two old IDE channels (ide.c). */
void ide_find(void);

#endif /* X86_64_PC_H */
