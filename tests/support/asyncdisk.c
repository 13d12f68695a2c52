/*
 * asyncdisk.c - a device that works on several requests at once, to test with
 */
#include "asyncdisk.h"

#include <stdlib.h>
#include <time.h>

#include "shale/queue.h"

static struct async_disk *disk_of(struct shale_bdev *dev)
{
    return (struct async_disk *)dev;
}

static unsigned random_below(struct async_disk *disk, unsigned end)
{
    disk->random = disk->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((disk->random >> 33) % end);
}

/* Take one of those that wait, any of them. With the lock. */
static struct shale_bdev_request *pick(struct async_disk *disk)
{
    unsigned i = random_below(disk, disk->waiting_count);
    struct shale_bdev_request *request = disk->waiting[i];

    disk->overtaken += i;
    disk->waiting_count--;
    for (; i < disk->waiting_count; i++)
        disk->waiting[i] = disk->waiting[i + 1];
    return request;
}

static int do_request(struct async_disk *disk,
                      const struct shale_bdev_request *request)
{
    return request->write
               ? shale_bdev_write(disk->lower, request->offset, request->buf,
                                  request->len)
               : shale_bdev_read(disk->lower, request->offset, request->buf,
                                 request->len);
}

/* ---------------------------------------------------------------- threads */

static void pause_for(unsigned microseconds)
{
    const struct timespec time = { 0, (long)microseconds * 1000 };

    nanosleep(&time, NULL);
}

static void *thread_main(void *arg)
{
    struct async_disk *disk = arg;

    pthread_mutex_lock(&disk->lock);
    while (!disk->stop) {
        struct shale_bdev_request *request;
        unsigned long_pause;
        int err;

        if (disk->waiting_count == 0) {
            pthread_cond_wait(&disk->changed, &disk->lock);
            continue;
        }
        request = pick(disk);
        long_pause = random_below(disk, 8) == 0;
        disk->working++;
        pthread_mutex_unlock(&disk->lock);

        if (long_pause)
            pause_for(50);
        err = do_request(disk, request);

        pthread_mutex_lock(&disk->lock);
        disk->working--;
        shale_bdev_complete(request, err);
        pthread_cond_broadcast(&disk->changed);
    }
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

/* ----------------------------------------------------------- the device */

static size_t disk_submit(struct shale_bdev *dev,
                          struct shale_bdev_request *const *requests,
                          size_t count)
{
    struct async_disk *disk = disk_of(dev);
    size_t taken = 0;
    unsigned under_way;

    pthread_mutex_lock(&disk->lock);
    while (taken < count &&
           disk->waiting_count + disk->working < disk->room)
        disk->waiting[disk->waiting_count++] = requests[taken++];
    disk->taken += taken;
    under_way = disk->waiting_count + disk->working;
    if (under_way > disk->most)
        disk->most = under_way;

    /* An interrupt may come at once. */
    if (disk->thread_count == 0 && disk->waiting_count > 0 &&
        random_below(disk, 4) == 0) {
        struct shale_bdev_request *request = pick(disk);

        shale_bdev_complete(request, do_request(disk, request));
    }
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
    return taken;
}

static void disk_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    struct async_disk *disk = disk_of(dev);

    pthread_mutex_lock(&disk->lock);
    while (shale_queue_is_empty(done)) {
        if (disk->thread_count == 0) {
            struct shale_bdev_request *request = pick(disk);

            shale_bdev_complete(request, do_request(disk, request));
        } else {
            pthread_cond_wait(&disk->changed, &disk->lock);
        }
    }
    pthread_mutex_unlock(&disk->lock);
}

static int disk_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                     size_t len)
{
    return shale_bdev_read(disk_of(dev)->lower, offset, buf, len);
}

static int disk_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                      size_t len)
{
    return shale_bdev_write(disk_of(dev)->lower, offset, buf, len);
}

static int disk_flush(struct shale_bdev *dev)
{
    return shale_bdev_flush(disk_of(dev)->lower);
}

static int disk_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    return shale_bdev_discard(disk_of(dev)->lower, offset, len);
}

static const struct shale_bdev_ops disk_ops = {
    .read    = disk_read,
    .write   = disk_write,
    .flush   = disk_flush,
    .discard = disk_discard,
    .submit  = disk_submit,
    .wait    = disk_wait,
};

static const struct shale_bdev_ops disk_read_only_ops = {
    .read   = disk_read,
    .submit = disk_submit,
    .wait   = disk_wait,
};

void async_disk_init(struct async_disk *disk, struct shale_bdev *lower,
                     unsigned room, unsigned threads, uint64_t seed)
{
    *disk = (struct async_disk){
        .base = {
            .ops = lower->ops->write ? &disk_ops : &disk_read_only_ops,
            .size = lower->size,
            .block_size = lower->block_size,
            .fd = -1,
            .at_once = room,
        },
        .lower = lower,
        .room = room,
        .thread_count = threads,
        .random = seed,
    };
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->changed, NULL);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&disk->threads[i], NULL, thread_main, disk))
            abort();
}

struct shale_bdev *async_disk_if_asked(struct async_disk *disk,
                                       struct shale_bdev *lower)
{
    const char *room = getenv("SHALE_TEST_ASYNC");

    *disk = (struct async_disk){ .room = 0 };
    if (!room)
        return lower;
    async_disk_init(disk, lower, (unsigned)atoi(room), 0, 1);
    return &disk->base;
}

void async_disk_fini(struct async_disk *disk)
{
    if (disk->room == 0)
        return;
    pthread_mutex_lock(&disk->lock);
    disk->stop = true;
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
    for (unsigned i = 0; i < disk->thread_count; i++)
        pthread_join(disk->threads[i], NULL);
    pthread_cond_destroy(&disk->changed);
    pthread_mutex_destroy(&disk->lock);
}
