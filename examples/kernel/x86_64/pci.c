/*
 * pci.c - the PCI bus, by the two ports of configuration mechanism #1
 *
 * PCI Local Bus Specification 3.0, 3.2.2.3.2 and chapter 6.
 */
#include "arch.h"
#include "kernel.h"
#include "x86_64/pc.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define CONFIG_ENABLE  0x80000000u

#define BAR_IO     0x01u
#define BAR_TYPE   0x06u
#define BAR_64     0x04u
#define BAR_FLAGS  0x0fu
#define MANY       0x80u        /* of the header: more than function 0 */

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
