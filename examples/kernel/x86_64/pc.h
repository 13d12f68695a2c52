/*
 * pc.h - what the files for a PC offer each other
 */
#ifndef X86_64_PC_H
#define X86_64_PC_H

#include <stdbool.h>
#include <stdint.h>

/* Exceptions and interrupt controllers (trap.c). */
void trap_init(void);

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
#define PCI_CAP       0x34u     /* the first capability */
#define PCI_INT_LINE  0x3cu     /* the interrupt controller's input */

#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_NO_INT 0x0400u
#define PCI_STATUS_CAPS    0x0010u

/*
 * The first address of memory region BAR, which the firmware has chosen; 0 if
 * that is not below 4 GiB, or is none of memory.
 */
uintptr_t pci_memory(struct pci pci, unsigned bar);

/* Call FOUND for every function there is on bus 0. */
void pci_each(void (*found)(struct pci pci));

/* A virtio block device, if PCI is one (virtio_pci.c). */
void virtio_pci_found(struct pci pci);

/* The disks of the two old IDE channels (ide.c). */
void ide_find(void);

#endif /* X86_64_PC_H */
