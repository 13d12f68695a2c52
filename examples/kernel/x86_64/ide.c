/*
 * ide.c - the disks of a PC's two IDE channels, by programmed I/O
 *
 * ATA/ATAPI-6 (T13/1410D): the registers in 7, the commands in 8, the protocols
 * in 9. Each channel has two drives and does one command at a time; the
 * processor moves every word. The drive is watched by looking at its status,
 * with its interrupts off.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "x86_64/pc.h"

/* The command block's registers; then the control block's. */
#define REG_DATA    0u
#define REG_COUNT   2u
#define REG_LBA_0   3u
#define REG_LBA_8   4u
#define REG_LBA_16  5u
#define REG_DEVICE  6u
#define REG_STATUS  7u          /* the command, when written */

#define STATUS_ERR  0x01u
#define STATUS_DRQ  0x08u
#define STATUS_DF   0x20u
#define STATUS_DRDY 0x40u
#define STATUS_BSY  0x80u

#define DEVICE_LBA    0x40u
#define DEVICE_SECOND 0x10u
#define CONTROL_NIEN  0x02u     /* no interrupts */

#define CMD_READ_EXT  0x24u
#define CMD_WRITE_EXT 0x34u
#define CMD_FLUSH_EXT 0xeau
#define CMD_IDENTIFY  0xecu

/* Words of IDENTIFY DEVICE (8.15). */
#define ID_WORDS      256u
#define ID_COMMANDS   83u       /* 0x0400: 48-bit addresses */
#define ID_SECTORS    100u      /* four words */

#define SECTOR        512u
#define SECTORS_MAX   256u      /* a command; 65,536 would hold others up */
#define PATIENCE      (UINT64_C(60) * 1000000000)       /* ns */

struct channel {
    unsigned command, control;  /* ports */
    struct lock lock;           /* held from a command's start to its end */
};

struct ide {
    struct shale_bdev base;
    struct channel *channel;
    uint8_t device;             /* which of the channel's two */
};

static struct channel channels[] = {
    { .command = 0x1f0, .control = 0x3f6 },
    { .command = 0x170, .control = 0x376 },
};

/* ------------------------------------------- a command, with the lock */

/* Wait until the drive is not busy, and WANT of its status is set. */
static int await(const struct channel *channel, uint8_t want)
{
    uint64_t until = clock_ns() + PATIENCE;

    for (unsigned tries = 1;; tries++) {
        uint8_t status = in8(channel->control);

        if (!(status & STATUS_BSY)) {
            if (status & (STATUS_ERR | STATUS_DF))
                return SHALE_EIO;
            if ((status & want) == want)
                return 0;
        }
        if (clock_ns() >= until)
            return SHALE_EIO;
        if (tries % 64 == 0)
            thread_yield();
    }
}

/* 7.2: the status means something 400 ns after a change; four reads take it. */
static void settle(const struct channel *channel)
{
    for (unsigned i = 0; i < 4; i++)
        in8(channel->control);
}

static void select(const struct channel *channel, uint8_t device)
{
    out8(channel->command + REG_DEVICE, device);
    settle(channel);
}

/* Begin COMMAND on the drive, for COUNT sectors from LBA on. */
static int begin(const struct ide *ide, uint8_t command, uint64_t lba,
                 uint32_t count)
{
    const struct channel *channel = ide->channel;
    unsigned base = channel->command;
    int err;

    select(channel, ide->device | DEVICE_LBA);
    err = await(channel, STATUS_DRDY);
    if (err)
        return err;

    /* 48-bit addressing (6.2): each register takes two bytes, high one first.*/
    out8(base + REG_COUNT, (uint8_t)(count >> 8));
    out8(base + REG_LBA_0, (uint8_t)(lba >> 24));
    out8(base + REG_LBA_8, (uint8_t)(lba >> 32));
    out8(base + REG_LBA_16, (uint8_t)(lba >> 40));
    out8(base + REG_COUNT, (uint8_t)count);
    out8(base + REG_LBA_0, (uint8_t)lba);
    out8(base + REG_LBA_8, (uint8_t)(lba >> 8));
    out8(base + REG_LBA_16, (uint8_t)(lba >> 16));
    out8(base + REG_STATUS, command);
    settle(channel);
    return 0;
}

/* 9.5 and 9.6: the drive says when it has, or wants, each next sector. */
static int read_sectors(struct ide *ide, uint64_t lba, unsigned char *to,
                        uint32_t count)
{
    int err = begin(ide, CMD_READ_EXT, lba, count);

    for (; !err && count > 0; count--, to += SECTOR) {
        err = await(ide->channel, STATUS_DRQ);
        if (!err)
            in16_many(ide->channel->command + REG_DATA, to, SECTOR / 2);
    }
    return err;
}

static int write_sectors(struct ide *ide, uint64_t lba,
                         const unsigned char *from, uint32_t count)
{
    int err = begin(ide, CMD_WRITE_EXT, lba, count);

    for (; !err && count > 0; count--, from += SECTOR) {
        err = await(ide->channel, STATUS_DRQ);
        if (!err)
            out16_many(ide->channel->command + REG_DATA, from, SECTOR / 2);
    }
    settle(ide->channel);
    return err ? err : await(ide->channel, STATUS_DRDY);
}

/* ------------------------------------------------------ the device's calls */

static int ide_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                    size_t len)
{
    struct ide *ide = (struct ide *)dev;
    uint64_t lba = offset / SECTOR;
    unsigned char *to = buf;
    int err = 0;

    for (size_t left = len / SECTOR; !err && left > 0;) {
        uint32_t count = left < SECTORS_MAX ? (uint32_t)left : SECTORS_MAX;

        lock_exclusive(&ide->channel->lock);
        err = read_sectors(ide, lba, to, count);
        lock_release(&ide->channel->lock);
        lba += count;
        to += count * SECTOR;
        left -= count;
    }
    return err;
}

static int ide_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                     size_t len)
{
    struct ide *ide = (struct ide *)dev;
    uint64_t lba = offset / SECTOR;
    const unsigned char *from = buf;
    int err = 0;

    for (size_t left = len / SECTOR; !err && left > 0;) {
        uint32_t count = left < SECTORS_MAX ? (uint32_t)left : SECTORS_MAX;

        lock_exclusive(&ide->channel->lock);
        err = write_sectors(ide, lba, from, count);
        lock_release(&ide->channel->lock);
        lba += count;
        from += count * SECTOR;
        left -= count;
    }
    return err;
}

static int ide_flush(struct shale_bdev *dev)
{
    struct ide *ide = (struct ide *)dev;
    int err;

    lock_exclusive(&ide->channel->lock);
    err = begin(ide, CMD_FLUSH_EXT, 0, 0);
    if (!err)
        err = await(ide->channel, STATUS_DRDY);
    lock_release(&ide->channel->lock);
    return err;
}

static const struct shale_bdev_ops ide_ops = {
    .read = ide_read,
    .write = ide_write,
    .flush = ide_flush,
};

/* ---------------------------------------------------------------- finding */

/*
 * What IDENTIFY DEVICE says of DEVICE. False if there is no disk: then the
 * status stays 0, or is all ones without a channel; a CD-ROM aborts (9.12).
 */
static bool identify(const struct channel *channel, uint8_t device,
                     uint16_t id[ID_WORDS])
{
    uint8_t status;

    select(channel, device);
    out8(channel->control, CONTROL_NIEN);
    out8(channel->command + REG_STATUS, CMD_IDENTIFY);
    settle(channel);
    status = in8(channel->control);
    if (status == 0 || status == 0xff || await(channel, STATUS_DRQ))
        return false;
    in16_many(channel->command + REG_DATA, id, ID_WORDS);
    return true;
}

static void find_drive(struct channel *channel, uint8_t device)
{
    uint16_t id[ID_WORDS];
    uint64_t sectors = 0;
    struct ide *ide;

    if (!identify(channel, device, id) || !(id[ID_COMMANDS] & 0x0400))
        return;
    for (unsigned i = 0; i < 4; i++)
        sectors |= (uint64_t)id[ID_SECTORS + i] << 16 * i;

    ide = shale_zalloc(heap, sizeof *ide);
    if (!ide)
        panic("no memory for a disk");
    ide->base = (struct shale_bdev){
        .ops = &ide_ops, .size = sectors * SECTOR, .block_size = SECTOR,
        .fd = -1,
    };
    ide->channel = channel;
    ide->device = device;
    disk_add("hd", "IDE", &ide->base);
}

void ide_find(void)
{
    for (size_t i = 0; i < countof(channels); i++) {
        find_drive(&channels[i], 0);
        find_drive(&channels[i], DEVICE_SECOND);
    }
}
