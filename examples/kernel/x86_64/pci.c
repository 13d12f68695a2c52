/*
 * pci.c - the PCI bus, by the two ports of configuration mechanism #1
 *
 * PCI Local Bus Specification 3.0, 3.2.2.3.2 and chapter 6; its section 6.8.2
 * has the table of messages, MSI-X.
 */
#include "arch.h"
#include "kernel.h"
#include "mmio.h"
#include "x86_64/pc.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define CONFIG_ENABLE  0x80000000u

#define BAR_IO     0x01u
#define BAR_TYPE   0x06u
#define BAR_64     0x04u
#define BAR_FLAGS  0x0fu
#define MANY       0x80u        /* of the header: more than function 0 */

#define CAP_NEXT   1u
#define CAP_MSIX   0x11u
#define MSIX_CONTROL   2u
#define MSIX_TABLE     4u       /* where it is; the lowest bits: which region */
#define MSIX_REGION    7u
#define MSIX_ENABLE    0x8000u

/* An entry of the table; there is one at least. */
#define ENTRY_ADDRESS  0u
#define ENTRY_DATA     8u
#define ENTRY_MASK     12u

static void select(struct pci pci, unsigned offset)
{
    out32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)pci.bus << 16 |
                              (uint32_t)pci.device << 11 |
                              (uint32_t)pci.function << 8 | (offset & 0xfcu));
}

uint32_t pci_read32(struct pci pci, unsigned offset)
{
    select(pci, offset);
    return in32(CONFIG_DATA);
}

uint16_t pci_read16(struct pci pci, unsigned offset)
{
    return (uint16_t)(pci_read32(pci, offset) >> 8 * (offset & 2));
}

uint8_t pci_read8(struct pci pci, unsigned offset)
{
    return (uint8_t)(pci_read32(pci, offset) >> 8 * (offset & 3));
}

void pci_write32(struct pci pci, unsigned offset, uint32_t value)
{
    select(pci, offset);
    out32(CONFIG_DATA, value);
}

void pci_write16(struct pci pci, unsigned offset, uint16_t value)
{
    select(pci, offset);
    out16(CONFIG_DATA + (offset & 2), value);
}

uintptr_t pci_memory(struct pci pci, unsigned bar)
{
    uint32_t low = pci_read32(pci, PCI_BAR0 + 4 * bar);

    if (low & BAR_IO)
        return 0;
    if ((low & BAR_TYPE) == BAR_64 &&
        pci_read32(pci, PCI_BAR0 + 4 * bar + 4) != 0)
        return 0;
    return low & ~BAR_FLAGS;
}

/* They are behind the header, where there is room for 48, in whatever order. */
unsigned pci_capability(struct pci pci, uint8_t id, unsigned n)
{
    unsigned at = 0;

    if (pci_read16(pci, PCI_STATUS) & PCI_STATUS_CAPS)
        at = pci_read8(pci, PCI_CAP) & 0xfcu;
    for (unsigned i = 0; at >= 0x40 && i < 48; i++) {
        if (pci_read8(pci, at) == id && n-- == 0)
            return at;
        at = pci_read8(pci, at + CAP_NEXT) & 0xfcu;
    }
    return 0;
}

bool pci_use_message(struct pci pci, unsigned *irq)
{
    unsigned at = pci_capability(pci, CAP_MSIX, 0);
    struct message message;
    uintptr_t entry;
    uint32_t table;

    if (at == 0)
        return false;
    table = pci_read32(pci, at + MSIX_TABLE);
    entry = table % 8 < 6 ? pci_memory(pci, table & MSIX_REGION) : 0;
    if (entry == 0 || !message_take(&message))
        return false;
    entry += table & ~MSIX_REGION;
    mmio_write64(entry + ENTRY_ADDRESS, message.address);
    mmio_write32(entry + ENTRY_DATA, message.data);
    mmio_write32(entry + ENTRY_MASK, 0);
    pci_write16(pci, at + MSIX_CONTROL, MSIX_ENABLE);
    *irq = message.irq;
    return true;
}

void pci_each(void (*found)(struct pci pci))
{
    for (uint8_t device = 0; device < 32; device++) {
        struct pci pci = { .device = device };
        uint8_t functions;

        functions = pci_read8(pci, PCI_HEADER) & MANY ? 8 : 1;
        for (; pci.function < functions; pci.function++)
            if (pci_read16(pci, PCI_VENDOR) != 0xffff)
                found(pci);
    }
}
