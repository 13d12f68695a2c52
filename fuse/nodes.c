/*
 * nodes.c - names, and what the kernel knows by them
 *
 * A node's number is its inode number, so a request carries all that is needed
 * to find its vnode. On a read-only mount nothing has to be kept between two
 * requests: FORGET is free, and what is in memory is the core's bounded cache.
 *
 * Where there are changes, a file can lose its name, or get another number's
 * place, while the kernel still uses it. So there each answer that makes a node
 * known is counted at its vnode (shale_vnode_remember()), which stays in memory
 * until as many have been forgotten. OPEN and RELEASE are not needed for that:
 * a node in use is not forgotten.
 *
 * The kernel may keep every name for ever, as nothing else changes the image.
 * But it compares names byte by byte, and a format that folds case finds a file
 * by many of them, of which an UNLINK names one. So for these formats
 *
 * (1) that a name is not there, the kernel may not remember: creating "A" makes
 *     "a" appear;
 * (2) a vnode notes by which name it was made known (a hash of it, in the
 *     host's word), or that there were several;
 * (3) before an answer that takes a name away from one with several, the kernel
 *     is told to look up all its names anew (drop_names()). That is rare.
 *
 * A kernel that does not understand (3), before 6.16, may keep names for a
 * second only.
 */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/fuse.h>

#include "fuse/ops.h"

/* -------------------------------------------------------- several names */

#define NAMES_NONE 0u
#define NAMES_SEVERAL UINT64_MAX

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

/* The host's word for one name, LEN bytes, in DIR: FNV-1a. */
static uint64_t name_word(const struct shale_vnode *dir, const char *name,
                          size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u ^ shale_vnode_ino(dir);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
    return hash == NAMES_NONE || hash == NAMES_SEVERAL ? 1 : hash;
}

static bool is_dots(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The kernel learns that NAME in DIR is VN. */
static void note_name(const struct service *service, struct shale_vnode *dir,
                      const char *name, size_t len, struct shale_vnode *vn)
{
    uint64_t *word = shale_vnode_host(vn);
    uint64_t this;

    if (!has_trait(service, SHALE_TRAIT_FOLDS_CASE) || is_dots(name, len))
        return;
    this = name_word(dir, name, len);
    pthread_mutex_lock(&names_lock);
    if (*word == NAMES_NONE)
        *word = this;
    else if (*word != this)
        *word = NAMES_SEVERAL;
    pthread_mutex_unlock(&names_lock);
}

bool other_names(const struct service *service, struct shale_vnode *dir,
                 const char *name)
{
    size_t len = strlen(name);
    struct shale_vnode *vn;
    uint64_t word;

    if (!has_trait(service, SHALE_TRAIT_FOLDS_CASE) ||
        shale_lookup(dir, name, len, &vn))
        return false;
    pthread_mutex_lock(&names_lock);
    word = *shale_vnode_host(vn);
    pthread_mutex_unlock(&names_lock);
    shale_vnode_put(vn);
    return word != NAMES_NONE && word != name_word(dir, name, len);
}

void drop_names(void)
{
    serve_notify(SERVE_NOTIFY_INC_EPOCH);
}

void rename_node(const struct service *service, struct shale_vnode *dir,
                 const char *name, struct shale_vnode *vn)
{
    if (!has_trait(service, SHALE_TRAIT_FOLDS_CASE))
        return;
    pthread_mutex_lock(&names_lock);
    *shale_vnode_host(vn) = name_word(dir, name, strlen(name));
    pthread_mutex_unlock(&names_lock);
}

/* ------------------------------------------------- known and forgotten */

/* Not the root, which the kernel knows before it has asked. */
static void forget(const struct service *service, fuse_ino_t node,
                   uint64_t count)
{
    if (service->writable && node != FUSE_ROOT_ID)
        shale_vnode_forget(service->fs, convert_node(service->root_ino, node),
                           count);
}

static void remember(const struct service *service, fuse_ino_t node,
                     struct shale_vnode *vn)
{
    if (service->writable && node != FUSE_ROOT_ID)
        shale_vnode_remember(vn);
}

/* A file that had lost its name goes with its last reference. */
void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count)
{
    struct service *service = service_of(req);

    forget(service, node, count);
    changed(service, 0);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count,
                     struct fuse_forget_data *forgets)
{
    struct service *service = service_of(req);

    for (size_t i = 0; i < count; i++)
        forget(service, forgets[i].ino, forgets[i].nlookup);
    changed(service, 0);
    fuse_reply_none(req);
}

void reply_node(fuse_req_t req, struct shale_vnode *dir, const char *name,
                struct shale_vnode *vn, const struct fuse_file_info *file)
{
    const struct service *service = service_of(req);
    struct fuse_entry_param entry = { .ino = 0 };
    struct shale_attr attr;
    int err = shale_getattr(vn, &attr);

    if (err) {
        reply_error(req, err);
        return;
    }
    convert_entry(service, &attr, &entry);
    note_name(service, dir, name, strlen(name), vn);
    remember(service, entry.ino, vn);
    /* Who asked may have been killed: then the kernel knows of no node. */
    if ((file ? fuse_reply_create(req, &entry, file)
              : fuse_reply_entry(req, &entry)) < 0)
        forget(service, entry.ino, 1);
}

/* --------------------------------------------------------------- lookup */

/* Node 0: there is none, and the kernel may remember that. */
static void reply_absent(fuse_req_t req, const struct service *service)
{
    const struct fuse_entry_param entry = {
        .entry_timeout = service->absent_timeout,
    };

    if (entry.entry_timeout > 0)
        fuse_reply_entry(req, &entry);
    else
        reply_error(req, SHALE_ENOENT);
}

/* Answer with attributes alone: nothing is kept in memory. */
static int lookup_unknown(fuse_req_t req, struct shale_vnode *dir,
                          const char *name)
{
    const struct service *service = service_of(req);
    struct fuse_entry_param entry = { .ino = 0 };
    struct shale_attr attr;
    int err;

    if (strcmp(name, ".") == 0)     /* NFS asks so for files, too */
        err = shale_getattr(dir, &attr);
    else
        err = shale_lookup_attr(dir, name, strlen(name), &attr);
    if (err)
        return err;
    convert_entry(service, &attr, &entry);
    fuse_reply_entry(req, &entry);
    return 0;
}

/* Answer with a node that is counted. */
static int lookup_known(fuse_req_t req, struct shale_vnode *dir,
                        const char *name)
{
    struct shale_vnode *vn;
    int err = 0;

    if (strcmp(name, ".") == 0)
        shale_vnode_ref(vn = dir);
    else
        err = shale_lookup(dir, name, strlen(name), &vn);
    if (err)
        return err;
    reply_node(req, dir, name, vn, NULL);
    shale_vnode_put(vn);
    return 0;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct service *service = service_of(req);
    struct shale_vnode *dir;
    int err = vnode_of(service, parent, &dir);

    if (err) {
        reply_error(req, err);
        return;
    }
    err = service->writable ? lookup_known(req, dir, name)
                            : lookup_unknown(req, dir, name);
    shale_vnode_put(dir);
    if (err == SHALE_ENOENT)
        reply_absent(req, service);
    else if (err)
        reply_error(req, err);
}

/* --------------------------------------------------------- directories */

/* A listing on its way into the reply's buffer. */
struct listing {
    fuse_req_t req;
    const struct service *service;
    bool plus;                  /* with attributes */
    char *buf;
    size_t used, size;          /* bytes */
};

static int emit_entry(void *context, const struct shale_dirent *entry)
{
    struct listing *list = context;
    struct fuse_entry_param param = { .ino = 0 };
    char name[SHALE_NAME_MAX + 1];
    char *at = list->buf + list->used;
    size_t left = list->size - list->used;
    size_t took;

    memcpy(name, entry->name, entry->len);
    name[entry->len] = '\0';

    if (entry->attr && list->plus)
        convert_entry(list->service, entry->attr, &param);
    /* What has no attributes goes without a node: to be looked up if needed. */
    if (!entry->attr || is_dots(name, entry->len))
        param.ino = 0;
    param.attr.st_ino = convert_ino(entry->ino);
    if (!entry->attr || !list->plus)
        param.attr.st_mode = convert_type(entry->type);

    took = list->plus
               ? fuse_add_direntry_plus(list->req, at, left, name, &param,
                                        (off_t)entry->next)
               : fuse_add_direntry(list->req, at, left, name, &param.attr,
                                   (off_t)entry->next);
    if (took > left)
        return 1;               /* full */
    list->used += took;
    return 0;
}

/* The entry at byte *AT of LIST, and the next one's place; NULL at the end. */
static struct fuse_direntplus *next_entry(const struct listing *list,
                                          size_t *at)
{
    struct fuse_direntplus *entry;

    if (*at >= list->used)
        return NULL;
    entry = (void *)(list->buf + *at);
    *at += FUSE_DIRENTPLUS_SIZE(entry);
    return entry;
}

/*
 * Count the nodes that LIST, a listing of DIR, makes known. While it was made
 * the volume was locked, so that comes afterwards; the kernel keeps changes of
 * DIR away until it has the answer.
 */
static void remember_entries(const struct listing *list,
                             struct shale_vnode *dir)
{
    const struct service *service = list->service;
    struct fuse_direntplus *entry;
    size_t at = 0;

    while ((entry = next_entry(list, &at))) {
        fuse_ino_t node = entry->entry_out.nodeid;
        struct shale_vnode *vn;

        if (node == 0)
            continue;
        if (vnode_of(service, node, &vn)) {
            entry->entry_out.nodeid = 0;
            continue;
        }
        note_name(service, dir, entry->dirent.name, entry->dirent.namelen, vn);
        remember(service, node, vn);
        shale_vnode_put(vn);
    }
}

static void forget_entries(const struct listing *list)
{
    struct fuse_direntplus *entry;
    size_t at = 0;

    while ((entry = next_entry(list, &at)))
        if (entry->entry_out.nodeid != 0)
            forget(list->service, entry->entry_out.nodeid, 1);
}

static void list_dir(fuse_req_t req, fuse_ino_t node, size_t size,
                     off_t offset, bool plus)
{
    struct listing list = {
        .req = req,
        .service = service_of(req),
        .plus = plus,
        .buf = serve_scratch(),
        .size = size < SERVE_SCRATCH ? size : SERVE_SCRATCH,
    };
    bool counted = plus && list.service->writable;
    struct shale_vnode *dir;
    int err = vnode_of(list.service, node, &dir);

    if (!err) {
        err = shale_iterate(dir, (uint64_t)offset,
                            plus ? SHALE_ITERATE_ATTR : 0, emit_entry, &list);
        if (counted)
            remember_entries(&list, dir);
        if (offset == 0)
            note_read(service_of(req), dir);
        shale_vnode_put(dir);
    }
    /* What came before an error is good; the next request will meet it. */
    if (err < 0 && list.used == 0)
        reply_error(req, err);
    else if (fuse_reply_buf(req, list.buf, list.used) < 0 && counted)
        forget_entries(&list);
}

void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                struct fuse_file_info *file)
{
    (void)file;
    list_dir(req, node, size, offset, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                    struct fuse_file_info *file)
{
    (void)file;
    list_dir(req, node, size, offset, true);
}
