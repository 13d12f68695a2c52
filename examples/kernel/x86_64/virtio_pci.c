/*
 * virtio_pci.c - virtio devices on the PCI bus
 *
 * VIRTIO 1.2, 4.1. The device's capabilities say in which memory region, and
 * where in it, each group of registers is. A transitional device, of the range
 * of identities that came first, has them as well.
 */
#include "kernel.h"
#include "machine.h"
#include "mmio.h"
#include "virtio.h"
#include "x86_64/pc.h"

#define VIRTIO_VENDOR        0x1af4u
#define TRANSITIONAL_FIRST   0x1000u    /* the type is in the subsystem */
#define MODERN_FIRST         0x1040u    /* the type is the rest */
#define MODERN_LAST          0x107fu

#define PCI_CAP_VENDOR       0x09u

/* 4.1.4: one capability, and the kinds of groups. */
#define CAP_TYPE             3u
#define CAP_BAR              4u
#define CAP_OFFSET           8u
#define CAP_NOTIFY_FACTOR    16u
#define CAP_COMMON           1u
#define CAP_NOTIFY           2u
#define CAP_ISR              3u
#define CAP_DEVICE           4u

/* 4.1.4.3: the common group. */
#define COMMON_OFFERED_WORD  0x00u
#define COMMON_OFFERED       0x04u
#define COMMON_TAKEN_WORD    0x08u
#define COMMON_TAKEN         0x0cu
#define COMMON_STATUS        0x14u
#define COMMON_QUEUE         0x16u
#define COMMON_QUEUE_SIZE    0x18u
#define COMMON_QUEUE_VECTOR  0x1au
#define COMMON_QUEUE_ENABLE  0x1cu
#define COMMON_QUEUE_NOTIFY  0x1eu
#define COMMON_QUEUE_DESC    0x20u
#define COMMON_QUEUE_AVAIL   0x28u
#define COMMON_QUEUE_USED    0x30u

struct virtio_pci {
    struct virtio base;
    uintptr_t common, notify, isr, device;      /* 0: not found */
    uint32_t notify_factor;
    bool is_modern;             /* it has such groups at all */
    bool messages;              /* it interrupts by these, and by no line */
};

static uintptr_t common_of(struct virtio *dev)
{
    return ((struct virtio_pci *)dev)->common;
}

static uint32_t offered(struct virtio *dev, unsigned word)
{
    mmio_write32(common_of(dev) + COMMON_OFFERED_WORD, word);
    return mmio_read32(common_of(dev) + COMMON_OFFERED);
}

static void take(struct virtio *dev, unsigned word, uint32_t bits)
{
    mmio_write32(common_of(dev) + COMMON_TAKEN_WORD, word);
    mmio_write32(common_of(dev) + COMMON_TAKEN, bits);
}

static uint8_t status(struct virtio *dev)
{
    return mmio_read8(common_of(dev) + COMMON_STATUS);
}

static void set_status(struct virtio *dev, uint8_t value)
{
    mmio_write8(common_of(dev) + COMMON_STATUS, value);
}

static int set_queue(struct virtio *dev, struct virtqueue *queue)
{
    struct virtio_pci *pci = (struct virtio_pci *)dev;
    uintptr_t common = pci->common;

    mmio_write16(common + COMMON_QUEUE, 0);
    if (mmio_read16(common + COMMON_QUEUE_SIZE) < VIRTQ_SIZE)
        return SHALE_ENOTSUP;
    mmio_write16(common + COMMON_QUEUE_SIZE, VIRTQ_SIZE);
    if (pci->messages) {        /* 4.1.5.1.2: the queue's is the first */
        mmio_write16(common + COMMON_QUEUE_VECTOR, 0);
        if (mmio_read16(common + COMMON_QUEUE_VECTOR) != 0)
            return SHALE_ENOTSUP;
    }
    mmio_write64(common + COMMON_QUEUE_DESC, (uintptr_t)queue->desc);
    mmio_write64(common + COMMON_QUEUE_AVAIL, (uintptr_t)&queue->avail);
    mmio_write64(common + COMMON_QUEUE_USED, (uintptr_t)&queue->used);
    mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
    pci->notify += mmio_read16(common + COMMON_QUEUE_NOTIFY) *
                   (uintptr_t)pci->notify_factor;       /* 4.1.4.4 */
    return 0;
}

static void notify(struct virtio *dev)
{
    mmio_write16(((struct virtio_pci *)dev)->notify, 0);
}

/* 4.1.4.5: reading takes it from the device. A message is nobody else's. */
static uint32_t interrupted(struct virtio *dev)
{
    const struct virtio_pci *pci = (struct virtio_pci *)dev;

    return pci->messages ? 1 : mmio_read8(pci->isr);
}

static uint32_t config(struct virtio *dev, unsigned offset)
{
    return mmio_read32(((struct virtio_pci *)dev)->device + offset);
}

static const struct virtio_ops virtio_pci_ops = {
    .offered = offered,
    .take = take,
    .status = status,
    .set_status = set_status,
    .set_queue = set_queue,
    .notify = notify,
    .interrupted = interrupted,
    .config = config,
};

/* ------------------------------------------------------------- finding */

/* Note where the group of registers is that the capability at AT is about. */
static void take_capability(struct virtio_pci *dev, struct pci pci,
                            unsigned at)
{
    uintptr_t start = pci_memory(pci, pci_read8(pci, at + CAP_BAR) % 6u);

    dev->is_modern = true;
    if (start == 0)
        return;
    start += pci_read32(pci, at + CAP_OFFSET);
    switch (pci_read8(pci, at + CAP_TYPE)) {
    case CAP_COMMON:
        dev->common = start;
        break;
    case CAP_NOTIFY:
        dev->notify = start;
        dev->notify_factor = pci_read32(pci, at + CAP_NOTIFY_FACTOR);
        break;
    case CAP_ISR:
        dev->isr = start;
        break;
    case CAP_DEVICE:
        dev->device = start;
        break;
    }
}

/* 4.1.2.1: the device's type; 0 if it is no virtio device. */
static unsigned type_of(struct pci pci)
{
    uint16_t id = pci_read16(pci, PCI_DEVICE);

    if (pci_read16(pci, PCI_VENDOR) != VIRTIO_VENDOR)
        return 0;
    if (id >= TRANSITIONAL_FIRST && id < MODERN_FIRST)
        return pci_read16(pci, PCI_SUBSYSTEM);
    return id >= MODERN_FIRST && id <= MODERN_LAST ? id - MODERN_FIRST : 0;
}

void virtio_pci_found(struct pci pci)
{
    struct virtio_pci *dev;
    unsigned at;

    if (type_of(pci) != VIRTIO_ID_BLOCK)
        return;
    dev = shale_zalloc(heap, sizeof *dev);
    if (!dev)
        panic("no memory for a device");
    dev->base.ops = &virtio_pci_ops;
    pci_write16(pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned n = 0;
         (at = pci_capability(pci, PCI_CAP_VENDOR, n)) != 0; n++)
        take_capability(dev, pci, at);

    if (dev->common && dev->notify && dev->isr && dev->device) {
        dev->messages = pci_use_message(pci, &dev->base.irq);
        if (!dev->messages)
            dev->base.irq = pci_read8(pci, PCI_INT_LINE);
        print("virtio: a disk that interrupts by %s %u\n",
              dev->messages ? "message" : "line", dev->base.irq);
        virtio_blk_found(&dev->base);
        return;
    }
    print("virtio: a disk %s, left alone\n",
          dev->is_modern ? "whose registers are not all below 4 GiB"
                         : "of before the standard");
    shale_free(heap, dev, sizeof *dev);
}
