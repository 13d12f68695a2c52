/*
 * nodes.c - names, and what the kernel knows by them
 *
 * A node's number is its inode number, so a request carries all that is needed
 * to find its vnode, and nothing has to be kept between two requests: what is
 * in memory is the core's bounded cache. On a read-only mount FORGET is free.
 *
 * Where there are changes, a file can lose its name, or get another number's
 * place, while the kernel still uses it. So there each answer that makes a node
 * known is counted (known.h), and a file that its number alone does not lead to
 * stays in memory until as many have been forgotten. OPEN and RELEASE are not
 * needed for that: a node in use is not forgotten.
 *
 * The kernel may keep every name for ever, as nothing else changes the image.
 * But it compares names byte by byte, and a format that folds case finds a file
 * by many of them, of which an UNLINK names one. So for these formats
 *
 * (1) that a name is not there, the kernel may not remember: creating "A" makes
 *     "a" appear;
 * (2) it is noted by which name a node was made known (a hash of it), or that
 *     there were several;
 * (3) before an answer that takes a name away from one with several, the kernel
 *     is told to look up all its names anew (drop_names()). That is rare.
 *
 * A kernel that does not understand (3), before 6.16, may keep names for a
 * second only.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/fuse.h>

#include "fuse/ops.h"

/* -------------------------------------------------------- several names */

static bool is_dots(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* What NAME, LEN bytes, in DIR is noted as: FNV-1a, its halves added. */
static uint32_t name_word(const struct service *service,
                          const struct shale_vnode *dir, const char *name,
                          size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u ^ shale_vnode_ino(dir);
    uint32_t word;

    if (!has_trait(service, SHALE_TRAIT_FOLDS_CASE) || is_dots(name, len))
        return KNOWN_NO_NAME;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
    word = (uint32_t)(hash ^ hash >> 32);
    return word == KNOWN_NO_NAME || word == KNOWN_SEVERAL ? 1 : word;
}

bool other_names(const struct service *service, struct shale_vnode *dir,
                 const char *name, const struct shale_vnode *vn)
{
    uint32_t word;

    if (!vn || !has_trait(service, SHALE_TRAIT_FOLDS_CASE))
        return false;
    word = known_name(service->known, shale_vnode_ino(vn));
    return word != KNOWN_NO_NAME &&
           word != name_word(service, dir, name, strlen(name));
}

void drop_names(void)
{
    serve_notify(SERVE_NOTIFY_INC_EPOCH);
}

void rename_node(const struct service *service, struct shale_vnode *dir,
                 const char *name, struct shale_vnode *vn)
{
    known_rename(service->known, shale_vnode_ino(vn),
                 name_word(service, dir, name, strlen(name)));
}

/* ------------------------------------------------- known and forgotten */

/* Not the root, which the kernel knows before it has asked. */
static void forget(const struct service *service, fuse_ino_t node,
                   uint64_t count)
{
    if (node != FUSE_ROOT_ID)
        known_drop(service->known, convert_node(service->root_ino, node),
                   count);
}

/* The kernel learns that NAME, LEN bytes, in DIR is NODE. */
static void remember(const struct service *service, struct shale_vnode *dir,
                     const char *name, size_t len, fuse_ino_t node)
{
    if (node != FUSE_ROOT_ID)
        known_add(service->known, convert_node(service->root_ino, node),
                  name_word(service, dir, name, len));
}

bool node_gone(void *context, uint64_t ino)
{
    const struct service *service = context;

    return drop_attr(service, convert_node(service->root_ino, ino)) == -ENOENT;
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
    remember(service, dir, name, strlen(name), entry.ino);
    known_settle(service->known, vn);
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

/*
 * Answer with attributes alone: no vnode is made. The kernel keeps changes of
 * DIR away until it has the answer, so that nothing happens to the file.
 */
static int lookup_attr(fuse_req_t req, struct shale_vnode *dir,
                       const char *name)
{
    const struct service *service = service_of(req);
    struct fuse_entry_param entry = { .ino = 0 };
    struct shale_attr attr;
    int err = shale_lookup_attr(dir, name, strlen(name), &attr);

    if (err)
        return err;
    convert_entry(service, &attr, &entry);
    remember(service, dir, name, strlen(name), entry.ino);
    if (fuse_reply_entry(req, &entry) < 0)
        forget(service, entry.ino, 1);
    return 0;
}

/* Answer with a node that may have to be held: to NFS, of any file. */
static int lookup_node(fuse_req_t req, struct shale_vnode *dir,
                       const char *name)
{
    struct shale_vnode *vn;
    int err = 0;

    if (is_dots(name, strlen(name)))
        known_by_handle(service_of(req)->known);
    if (strcmp(name, ".") == 0)
        shale_vnode_ref(vn = dir);      /* which need not be a directory */
    else
        err = shale_lookup(dir, name, strlen(name), &vn);
    if (err)
        return err;
    reply_node(req, dir, name, vn, NULL);
    shale_vnode_put(vn);
    return 0;
}

/* Can a file that has a name be one that has to be held? */
static bool names_move(const struct service *service)
{
    return service->known && has_trait(service, SHALE_TRAIT_NO_HANDLES);
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
    err = names_move(service) || is_dots(name, strlen(name))
              ? lookup_node(req, dir, name)
              : lookup_attr(req, dir, name);
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
        struct shale_vnode *vn = NULL;

        if (node == 0)
            continue;
        if (names_move(service) && vnode_of(service, node, &vn)) {
            entry->entry_out.nodeid = 0;
            continue;
        }
        remember(service, dir, entry->dirent.name, entry->dirent.namelen,
                 node);
        if (vn)
            known_settle(service->known, vn);
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
    bool counted = plus && list.service->known;
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
