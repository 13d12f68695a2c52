/*
 * virtio_mmio.c - virtio devices whose registers are at a fixed place
 *
 * VIRTIO 1.2, 4.2. QEMU fills the places from the last one down, so disks are
 * looked for in that order, which is the command line's. Its devices speak
 * version 1 of the registers, of before the standard, unless told otherwise:
 * -global virtio-mmio.force-legacy=false.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "riscv64/virt.h"
#include "virtio.h"

/* 4.2.2: registers. */
#define REG_MAGIC         0x000u
#define REG_VERSION       0x004u
#define REG_DEVICE        0x008u
#define REG_OFFERED       0x010u
#define REG_OFFERED_WORD  0x014u
#define REG_TAKEN         0x020u
#define REG_TAKEN_WORD    0x024u
#define REG_QUEUE         0x030u
#define REG_QUEUE_MAX     0x034u
#define REG_QUEUE_SIZE    0x038u
#define REG_QUEUE_READY   0x044u
#define REG_NOTIFY        0x050u
#define REG_INTERRUPT     0x060u
#define REG_INTERRUPT_ACK 0x064u
#define REG_STATUS        0x070u
#define REG_QUEUE_DESC    0x080u
#define REG_QUEUE_AVAIL   0x090u
#define REG_QUEUE_USED    0x0a0u
#define REG_CONFIG        0x100u

#define MAGIC             0x74726976u   /* "virt" */
#define VERSION           2u

struct virtio_mmio {
    struct virtio base;
    uintptr_t at;
};

static uintptr_t at_of(struct virtio *dev)
{
    return ((struct virtio_mmio *)dev)->at;
}

static uint32_t offered(struct virtio *dev, unsigned word)
{
    mmio_write32(at_of(dev) + REG_OFFERED_WORD, word);
    return mmio_read32(at_of(dev) + REG_OFFERED);
}

static void take(struct virtio *dev, unsigned word, uint32_t bits)
{
    mmio_write32(at_of(dev) + REG_TAKEN_WORD, word);
    mmio_write32(at_of(dev) + REG_TAKEN, bits);
}

static uint8_t status(struct virtio *dev)
{
    return (uint8_t)mmio_read32(at_of(dev) + REG_STATUS);
}

static void set_status(struct virtio *dev, uint8_t value)
{
    mmio_write32(at_of(dev) + REG_STATUS, value);
}

static int set_queue(struct virtio *dev, struct virtqueue *queue)
{
    uintptr_t at = at_of(dev);

    mmio_write32(at + REG_QUEUE, 0);
    if (mmio_read32(at + REG_QUEUE_MAX) < VIRTQ_SIZE)
        return SHALE_ENOTSUP;
    mmio_write32(at + REG_QUEUE_SIZE, VIRTQ_SIZE);
    mmio_write64(at + REG_QUEUE_DESC, (uintptr_t)queue->desc);
    mmio_write64(at + REG_QUEUE_AVAIL, (uintptr_t)&queue->avail);
    mmio_write64(at + REG_QUEUE_USED, (uintptr_t)&queue->used);
    mmio_write32(at + REG_QUEUE_READY, 1);
    return 0;
}

static void notify(struct virtio *dev)
{
    mmio_write32(at_of(dev) + REG_NOTIFY, 0);
}

static uint32_t interrupted(struct virtio *dev)
{
    uint32_t why = mmio_read32(at_of(dev) + REG_INTERRUPT);

    mmio_write32(at_of(dev) + REG_INTERRUPT_ACK, why);
    return why;
}

static uint32_t config(struct virtio *dev, unsigned offset)
{
    return mmio_read32(at_of(dev) + REG_CONFIG + offset);
}

static const struct virtio_ops virtio_mmio_ops = {
    .offered = offered,
    .take = take,
    .status = status,
    .set_status = set_status,
    .set_queue = set_queue,
    .notify = notify,
    .interrupted = interrupted,
    .config = config,
};

void virtio_mmio_find(void)
{
    for (unsigned n = VIRTIO_MAX; n-- > 0;) {
        uintptr_t at = VIRTIO_BASE + VIRTIO_STEP * n;
        struct virtio_mmio *dev;

        if (mmio_read32(at + REG_MAGIC) != MAGIC ||
            mmio_read32(at + REG_DEVICE) != VIRTIO_ID_BLOCK)
            continue;
        if (mmio_read32(at + REG_VERSION) != VERSION) {
            print("virtio: a disk of before the standard, left alone\n");
            continue;
        }
        dev = shale_zalloc(heap, sizeof *dev);
        if (!dev)
            panic("no memory for a device");
        dev->base.ops = &virtio_mmio_ops;
        dev->base.irq = VIRTIO_IRQ + n;
        dev->at = at;
        virtio_blk_found(&dev->base);
    }
}
