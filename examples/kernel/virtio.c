/*
 * virtio.c - how a driver and a device come to terms
 */
#include "virtio.h"
#include "kernel.h"

/* 3.1.1, step by step, up to where the driver looks at the configuration. */
int virtio_start(struct virtio *dev, struct virtqueue *queue, uint64_t wanted,
                 uint64_t *has)
{
    const struct virtio_ops *ops = dev->ops;
    uint64_t version_1 = UINT64_C(1) << VIRTIO_F_VERSION_1;
    uint64_t features;
    int err = 0;

    ops->set_status(dev, 0);
    while (ops->status(dev) != 0)
        continue;               /* 4.1.4.3.2: until the reset is through */
    ops->set_status(dev, VIRTIO_STATUS_ACKNOWLEDGE);
    ops->set_status(dev, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);

    features = ops->offered(dev, 0) | (uint64_t)ops->offered(dev, 1) << 32;
    features &= wanted | version_1;
    ops->take(dev, 0, (uint32_t)features);
    ops->take(dev, 1, (uint32_t)(features >> 32));
    ops->set_status(dev, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                             VIRTIO_STATUS_FEATURES_OK);

    if (!(features & version_1) ||
        !(ops->status(dev) & VIRTIO_STATUS_FEATURES_OK))
        err = SHALE_ENOTSUP;
    if (!err)
        err = ops->set_queue(dev, queue);
    if (err) {
        ops->set_status(dev, VIRTIO_STATUS_FAILED);
        return err;
    }
    *has = features;
    return 0;
}

void virtio_go(struct virtio *dev)
{
    dev->ops->set_status(dev, VIRTIO_STATUS_ACKNOWLEDGE |
                                  VIRTIO_STATUS_DRIVER |
                                  VIRTIO_STATUS_FEATURES_OK |
                                  VIRTIO_STATUS_DRIVER_OK);
}
