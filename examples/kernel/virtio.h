/*
 * virtio.h - a virtio device, whatever bus it is on
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, OASIS, July 2022; the numbers of
 * sections in the files that include this are that document's. A bus offers
 * the same few registers each in its own way (struct virtio_ops); virtio.c
 * brings a device to life by them, and a driver such as virtio_blk.c then talks
 * to it through a virtqueue.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdint.h>

struct virtio;

#define VIRTIO_ID_BLOCK 2u      /* 5: device types */

/* 2.1: what the driver has come to, a bit each. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER      0x02u
#define VIRTIO_STATUS_DRIVER_OK   0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_FAILED      0x80u

#define VIRTIO_F_VERSION_1 32u  /* 6: as a bit's number */

/*
 * 2.7.5: a piece of memory that the device is to read or, with WRITE, to
 * write. The numbers here are little-endian, as both machines are.
 */
struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

#define VIRTQ_DESC_NEXT  1u
#define VIRTQ_DESC_WRITE 2u

/* So many descriptors; and 2.7.6, what the driver has made available. */
#define VIRTQ_SIZE 128u

struct virtq_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[VIRTQ_SIZE];
    uint16_t used_event;
};

#define VIRTQ_AVAIL_NO_INTERRUPT 1u

/* 2.7.8: what the device has used. */
struct virtq_used {
    uint16_t flags;
    uint16_t idx;
    struct {
        uint32_t id;            /* a chain's first descriptor */
        uint32_t len;
    } ring[VIRTQ_SIZE];
    uint16_t avail_event;
};

/* 2.7: the three parts, which only the device's own rules place. */
struct virtqueue {
    _Alignas(16) struct virtq_desc desc[VIRTQ_SIZE];
    _Alignas(2) struct virtq_avail avail;
    _Alignas(4) struct virtq_used used;
    uint16_t seen;              /* of used.idx, as far as it was looked at */
};

/* What a bus does for its devices. */
struct virtio_ops {
    /* 2.2: 32 of the bits that the device offers / that the driver takes. */
    uint32_t (*offered)(struct virtio *dev, unsigned word);
    void (*take)(struct virtio *dev, unsigned word, uint32_t bits);

    uint8_t (*status)(struct virtio *dev);
    void (*set_status)(struct virtio *dev, uint8_t status);     /* 0: reset */

    /* Queue 0 is QUEUE. SHALE_ENOTSUP if the device's is smaller. */
    int (*set_queue)(struct virtio *dev, struct virtqueue *queue);

    /* Queue 0 has something new. */
    void (*notify)(struct virtio *dev);

    /* Did the device interrupt? Takes the interrupt from it. */
    uint32_t (*interrupted)(struct virtio *dev);

    /* 2.5: 32 bits of the device's own configuration, aligned. */
    uint32_t (*config)(struct virtio *dev, unsigned offset);
};

/* Embed it as the first member of the bus's own struct. */
struct virtio {
    const struct virtio_ops *ops;
    unsigned irq;
};

/*
 * Start DEV with QUEUE and those of the features WANTED that it offers, a bit
 * each, and store these in *HAS. SHALE_ENOTSUP, and the device is marked as
 * given up, if they do not agree; version 1 of the protocol is a must.
 */
int virtio_start(struct virtio *dev, struct virtqueue *queue, uint64_t wanted,
                 uint64_t *has);

/* From here on the device works. */
void virtio_go(struct virtio *dev);

/* A block device has been found: make it a disk. */
void virtio_blk_found(struct virtio *dev);

#endif /* VIRTIO_H */
