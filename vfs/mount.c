/*
 * mount.c - volumes: which driver knows one, from mount to unmount
 */
#include "assert.h"
#include "decoded.h"
#include "memfn.h"
#include "profile.h"
#include "vfs.h"

#define HEAD_SIZE 4096u         /* what probes look at, bytes */

/* ------------------------------------------------------------- helpers */

static size_t string_len(const char *s)
{
    size_t len = 0;

    while (s[len])
        len++;
    return len;
}

static bool string_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

int vfs_lock_create(const struct shale_lock_ops *locks, struct shale_mem *mem,
                    void **out)
{
    void *lock;
    int err;

    *out = NULL;
    if (!locks)
        return 0;
    lock = shale_alloc(mem, locks->size);
    if (!lock)
        return SHALE_ENOMEM;
    err = locks->init(lock);
    if (err) {
        shale_free(mem, lock, locks->size);
        return err;
    }
    *out = lock;
    return 0;
}

void vfs_lock_destroy(const struct shale_lock_ops *locks,
                      struct shale_mem *mem, void *lock)
{
    if (!lock)
        return;
    locks->fini(lock);
    shale_free(mem, lock, locks->size);
}

/* -------------------------------------------------- choosing a driver */

int shale_probe(struct shale_bdev *dev, struct shale_mem *mem,
                const struct shale_fs_ops *const *drivers,
                const struct shale_fs_ops **out)
{
    size_t len = dev->size < HEAD_SIZE ? (size_t)dev->size : HEAD_SIZE;
    uint8_t *head = shale_alloc(mem, HEAD_SIZE);
    int err;

    if (!head)
        return SHALE_ENOMEM;

    err = shale_bdev_read_bytes(dev, mem, 0, head, len);
    if (!err) {
        while (*drivers && !(*drivers)->probe(head, len))
            drivers++;
        if (*drivers)
            *out = *drivers;
        else
            err = SHALE_ENODEV;
    }
    shale_free(mem, head, HEAD_SIZE);
    return err;
}

static int driver_by_name(const struct shale_fs_ops *const *drivers,
                          const char *name, const struct shale_fs_ops **out)
{
    for (; *drivers; drivers++) {
        if (string_equal((*drivers)->name, name)) {
            *out = *drivers;
            return 0;
        }
    }
    return SHALE_ENODEV;
}

const char *shale_driver_name(const struct shale_fs_ops *driver)
{
    return driver->name;
}

bool shale_driver_writes(const struct shale_fs_ops *driver)
{
    return driver->create != NULL;
}

/* ------------------------------------------------------ mount, unmount */

/* Keep a copy of OPTIONS, all of which the driver has to know. */
static int options_init(struct shale_fs_state *state, const char *options)
{
    struct shale_fs *fs = &state->fs;
    const char *unknown;
    size_t len;

    if (!options)
        options = "";
    state->options_size = string_len(options) + 1;
    state->options = shale_alloc(fs->mem, state->options_size);
    if (!state->options)
        return SHALE_ENOMEM;
    memcpy(state->options, options, state->options_size);
    fs->options = state->options;

    unknown = option_unknown(fs->ops, fs->options, &len);
    if (unknown) {
        struct shale_event event = {
            .level = SHALE_LOG_ERROR, .err = SHALE_EINVAL,
            .what = "vfs: the driver has no such option",
            .detail = unknown, .at = SHALE_NOWHERE,
        };

        state->options[(size_t)(unknown - state->options) + len] = '\0';
        fault_event(fs, &event);
        shale_free(fs->mem, state->options, state->options_size);
        return SHALE_EINVAL;
    }
    return 0;
}

int shale_fs_set_blocks(struct shale_fs *fs, uint32_t block_size,
                        uint64_t count)
{
    const struct shale_cache_config config = {
        .dev = fs->dev, .mem = fs->mem, .locks = fs->state->locks,
        .log = fs->state->log, .block_size = block_size, .block_count = count,
        .budget = fs->state->cache_bytes,
    };

    int err;

    SHALE_ASSERT(!fs->cache);
    err = shale_cache_create(&config, &fs->cache);
    if (PROFILE_WRITES && !err && !fs->read_only)
        err = shale_tx_create(fs->cache, fs->mem, &fs->tx);
    if (err == SHALE_ENOTSUP) {
        shale_warn(fs, "vfs: the device's blocks are larger than the volume's: "
                   "read-only", NULL, SHALE_NOWHERE);
        fs->read_only = true;
        err = 0;
    }
    return err;
}

static void tx_destroy(struct shale_fs *fs)
{
    if (PROFILE_WRITES)
        shale_tx_destroy(fs->tx);
    fs->tx = NULL;
}

static void cache_destroy(struct shale_fs *fs)
{
    size_t pinned;

    tx_destroy(fs);
    pinned = fs->cache ? shale_cache_destroy(fs->cache) : 0;

    SHALE_ASSERT(pinned == 0);
    (void)pinned;
}

static int root_load(struct shale_fs_state *state)
{
    struct shale_fs *fs = &state->fs;
    struct shale_vnode *root;
    int err = shale_vnode_get(fs, fs->root_ino, &root);

    if (err == SHALE_ESTALE)
        return shale_corrupt_inode(fs, "vfs: no root directory",
                                   SHALE_NOWHERE, fs->root_ino);
    if (err)
        return err;
    if (root->type != SHALE_TYPE_DIR) {
        shale_vnode_put(root);
        return shale_corrupt_inode(fs, "vfs: the root is not a directory",
                                   SHALE_NOWHERE, fs->root_ino);
    }
    state->root = root;
    return 0;
}

/* Mount by STATE, whose fs has its driver, device and memory set. */
static int volume_init(struct shale_fs_state *state,
                       const struct shale_config *config)
{
    struct shale_fs *fs = &state->fs;
    size_t vnode_max = config->vnode_max ? config->vnode_max : VFS_VNODE_MAX;
    size_t decoded = config->decoded_bytes ? config->decoded_bytes
                                           : DECODED_BYTES;
    int err;

    err = options_init(state, config->options);
    if (err)
        return err;

    err = vfs_lock_create(state->locks, fs->mem, &state->volume_lock);
    if (err)
        goto free_options;

    err = vfs_lock_create(state->locks, fs->mem, &state->batch_lock);
    if (err)
        goto destroy_lock;

    err = vnode_table_create(fs, vnode_max);
    if (err)
        goto destroy_batch_lock;

    err = decoded_create(fs, decoded);
    if (err)
        goto destroy_cache;

    err = fs->ops->mount(fs);
    if (err)
        goto destroy_cache;
    if (fs->read_only)
        tx_destroy(fs);         /* the driver has thought better of it */

    err = root_load(state);
    if (err)
        goto unmount;
    if (PROFILE_WRITES && fs->unfinished && !fs->read_only &&
        fs->ops->recover)
        change_recover(fs);
    return 0;

unmount:
    vnode_drop_unused(fs);
    fs->ops->unmount(fs);
destroy_cache:
    vnode_table_destroy(fs);
    cache_destroy(fs);
    decoded_destroy(fs);
destroy_batch_lock:
    vfs_lock_destroy(state->locks, fs->mem, state->batch_lock);
destroy_lock:
    vfs_lock_destroy(state->locks, fs->mem, state->volume_lock);
free_options:
    shale_free(fs->mem, state->options, state->options_size);
    return err;
}

int shale_mount(const struct shale_config *config, struct shale_fs **out)
{
    const struct shale_fs_ops *driver;
    struct shale_fs_state *state;
    int err;

    if (!config->mem)
        return SHALE_ENOMEM;    /* shale_mem_create() found too little */
    if (config->type)
        err = driver_by_name(config->drivers, config->type, &driver);
    else
        err = shale_probe(config->dev, config->mem, config->drivers, &driver);
    if (err)
        return err;

    state = shale_zalloc(config->mem, sizeof *state);
    if (!state)
        return SHALE_ENOMEM;
    state->locks = config->locks;
    state->log = config->log;
    state->cache_bytes =
        config->cache_bytes ? config->cache_bytes : VFS_CACHE_BYTES;
    state->fs.state = state;
    state->fs.ops = driver;
    state->fs.dev = config->dev;
    state->fs.mem = config->mem;
    state->fs.clock = config->clock;
    state->fs.codepages = config->codepages;
    state->fs.ntfs_extras = config->ntfs_extras;
    state->fs.traits = driver->traits;
    state->fs.read_only = config->read_only || !shale_driver_writes(driver) ||
                          !config->dev->ops->write;
    state->errors_continue = config->errors_continue;

    err = volume_init(state, config);
    if (err) {
        shale_free(config->mem, state, sizeof *state);
        return err;
    }
    *out = &state->fs;
    return 0;
}

int shale_unmount(struct shale_fs *fs)
{
    struct shale_fs_state *state = fs->state;
    struct shale_mem *mem = fs->mem;
    int err;

    /* An open file holds a reference too. */
    if (!vnode_only_root_used(fs, state->root))
        return SHALE_EBUSY;

    vnode_forget_all(fs);
    shale_vnode_put(state->root);
    err = shale_sync(fs);

    /* What could not be settled even now is let go of. */
    fs->read_only = true;
    settle(fs);
    vnode_drop_unused(fs);
    fs->ops->unmount(fs);
    vnode_table_destroy(fs);
    cache_destroy(fs);
    decoded_destroy(fs);
    vfs_lock_destroy(state->locks, mem, state->batch_lock);
    vfs_lock_destroy(state->locks, mem, state->volume_lock);
    shale_free(mem, state->options, state->options_size);
    shale_free(mem, state, sizeof *state);
    return err;
}
