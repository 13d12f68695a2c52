/*
 * xattr.c - extended attributes, in the inode and in a block of their own
 *
 * Both places have the same list: entries with names, one after the other up
 * to four zero bytes, and values that the entries point to.
 *
 *     inode   ... fields | magic | entries ... 0    ... values |
 *     block   header             | entries ... 0    ... values |
 *
 * A value's offset counts from the first entry in an inode, but from the start
 * of the block in a block. Names come without their prefix, of which the entry
 * has the number.
 */
#include "memfn.h"
#include "xattr.h"

#define PREFIX(text) { text, sizeof text - 1 }
#define PREFIX_MAX   24u        /* bytes of the longest */

/* By number; numbers left out are nobody's. */
static const struct ext2_xattr_prefix prefixes[] = {
    [EXT2_XATTR_USER] = PREFIX("user."),
    [EXT2_XATTR_ACL_ACCESS] = PREFIX("system.posix_acl_access"),
    [EXT2_XATTR_ACL_DEFAULT] = PREFIX("system.posix_acl_default"),
    [EXT2_XATTR_TRUSTED] = PREFIX("trusted."),
    [EXT2_XATTR_SECURITY] = PREFIX("security."),
    [EXT2_XATTR_SYSTEM] = PREFIX("system."),
    [EXT2_XATTR_RICHACL] = PREFIX("system.richacl"),
};

static int bad_list(const struct ext2_vnode *vn, const char *wrong, uint64_t at)
{
    return shale_corrupt_inode(vn->base.fs, wrong, at, vn->base.ino);
}

/* The prefix numbered INDEX; NULL if nobody knows it. */
static const struct ext2_xattr_prefix *prefix_find(unsigned index)
{
    if (index >= sizeof prefixes / sizeof prefixes[0] || !prefixes[index].text)
        return NULL;
    return &prefixes[index];
}

/* Can what PREFIX begins and LEN bytes at NAME end be the name of anything? */
static bool name_is_sound(const struct ext2_xattr_prefix *prefix,
                          const uint8_t *name, size_t len)
{
    bool is_whole = prefix->text[prefix->len - 1] != '.';

    if (is_whole != (len == 0))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\0')
            return false;
    }
    return true;
}

int ext2_xattr_next(const struct ext2_vnode *vn, struct ext2_xattr_list *list,
                    struct ext2_xattr *out)
{
    struct span s = list->entries;
    const struct ext2_disk_xattr_entry *raw;
    const uint8_t *name;
    uint32_t size, offset;

    out->at = list->at + (uint64_t)(s.at - list->values.at);
    if (s.left < sizeof(le32))
        return bad_list(vn, "ext2: attributes have no end", out->at);
    if (le32_get(*(const le32 *)s.at) == 0)
        return 0;

    raw = (const struct ext2_disk_xattr_entry *)span_take(&s, sizeof *raw);
    name = raw ? span_take(&s, (raw->name_len + 3u) & ~3u) : NULL;
    if (!name)
        return bad_list(vn, "ext2: attribute's name leaves its place", out->at);
    list->entries = s;

    size = le32_get(raw->value_size);
    offset = le16_get(raw->value_offset);
    out->elsewhere = le32_get(raw->value_inode) != 0;
    if (out->elsewhere || size == 0)
        size = offset = 0;
    if (offset > list->values.left || size > list->values.left - offset)
        return bad_list(vn, "ext2: attribute's value leaves its place",
                        out->at);

    out->raw = raw;
    out->value.at = list->values.at + offset;
    out->value.left = size;
    out->index = raw->name_index;
    out->name = name;
    out->name_len = raw->name_len;
    out->prefix = prefix_find(out->index);
    if (out->prefix && !name_is_sound(out->prefix, name, out->name_len))
        out->prefix = NULL;
    return 1;
}

int ext2_xattr_body(const struct ext2_vnode *vn, struct ext2_xattr_list *list)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    size_t offset;
    struct span body;
    const le32 *magic;
    int err;

    *list = (struct ext2_xattr_list){ .buf = NULL };
    if (vn->inode.body >= vol->super.inode_size)
        return 0;
    err = ext2_inode_get(vol, vn->base.ino, &list->buf, &offset);
    if (err)
        return err;
    body.at = list->buf->data + offset + vn->inode.body;
    body.left = vol->super.inode_size - vn->inode.body;
    magic = (const le32 *)span_take(&body, sizeof *magic);
    if (!magic || le32_get(*magic) != EXT2_XATTR_MAGIC) {
        shale_buf_put(list->buf);
        list->buf = NULL;
        return 0;
    }
    list->entries = body;
    list->values = body;
    list->at = vn->inode.at + vn->inode.body + sizeof *magic;
    return 0;
}

int ext2_xattr_block(const struct ext2_vnode *vn, struct ext2_xattr_list *list)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t block = vn->inode.acl_block;
    const struct ext2_disk_xattr_header *header;
    int err;

    *list = (struct ext2_xattr_list){ .buf = NULL };
    if (block == 0)
        return 0;
    if (!ext2_block_usable(vol, block))
        return bad_list(vn, "ext2: attribute block off volume", vn->inode.at);
    err = shale_buf_get(vol->fs->cache, block, &list->buf);
    if (err)
        return err;

    list->at = ext2_block_at(vol, block);
    list->values.at = list->buf->data;
    list->values.left = vol->super.block_size;
    list->entries = list->values;
    header = (const struct ext2_disk_xattr_header *)
        span_take(&list->entries, sizeof *header);
    if (le32_get(header->magic) != EXT2_XATTR_MAGIC ||
        le32_get(header->blocks) != 1) {
        shale_buf_put(list->buf);
        list->buf = NULL;
        return bad_list(vn, "ext2: bad attribute block", list->at);
    }
    return 0;
}

typedef int open_fn(const struct ext2_vnode *vn, struct ext2_xattr_list *list);

/*
 * Call EACH for every attribute of VN whose name means something, those in the
 * inode first. Stops as soon as it answers other than 0, with that.
 */
static int64_t attributes_each(const struct ext2_vnode *vn,
                               int64_t (*each)(void *context,
                                               const struct ext2_vnode *vn,
                                               const struct ext2_xattr *a),
                               void *context)
{
    static open_fn *const open[] = {
        ext2_xattr_body, ext2_xattr_block,
    };

    for (unsigned i = 0; i < 2; i++) {
        struct ext2_xattr attribute = { .name = NULL };
        struct ext2_xattr_list list;
        int64_t answer = 0;
        int more = open[i](vn, &list);

        if (more)
            return more;
        if (!list.buf)
            continue;
        do {
            more = ext2_xattr_next(vn, &list, &attribute);
            if (more > 0 && attribute.prefix)
                answer = each(context, vn, &attribute);
        } while (more > 0 && answer == 0);
        shale_buf_put(list.buf);
        if (answer != 0 || more < 0)
            return answer != 0 ? answer : more;
    }
    return 0;
}

int ext2_xattr_name(const char *full, struct ext2_xattr_name *out)
{
    size_t len = 0;

    while (full[len] != '\0')
        len++;
    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const struct ext2_xattr_prefix *prefix = &prefixes[i];

        if (!prefix->text || len < prefix->len ||
            memcmp(full, prefix->text, prefix->len) != 0)
            continue;
        out->index = i;
        out->text = (const uint8_t *)full + prefix->len;
        out->len = len - prefix->len;
        if (prefix->text[prefix->len - 1] == '.' || out->len == 0)
            return 0;
    }
    return SHALE_ENOTSUP;
}

/* ------------------------------------------------------------------ list */

struct list_job {
    int (*emit)(void *context, const char *name, size_t len);
    void *context;
};

static int64_t emit_name(void *context, const struct ext2_vnode *vn,
                         const struct ext2_xattr *a)
{
    struct list_job *job = context;
    char name[PREFIX_MAX + UINT8_MAX];

    (void)vn;
    memcpy(name, a->prefix->text, a->prefix->len);
    memcpy(name + a->prefix->len, a->name, a->name_len);
    return job->emit(job->context, name, a->prefix->len + a->name_len);
}

int ext2_xattr_list(struct ext2_vnode *vn,
                    int (*emit)(void *context, const char *name, size_t len),
                    void *context)
{
    struct list_job job = { emit, context };

    return (int)attributes_each(vn, emit_name, &job);
}

/* ------------------------------------------------------------------- get */

struct get_job {
    const char *name;
    size_t len;
    uint8_t *buf;
    size_t size;
    int64_t length;             /* of the value, once found */
};

static int64_t value_copy(const struct ext2_vnode *vn,
                          const struct ext2_xattr *a, struct get_job *job)
{
    int64_t length;

    if (a->elsewhere)
        return shale_refuse(vn->base.fs,
                            "ext2: attribute's value is in an inode of its own",
                            "ea_inode", a->at);
    if (a->index == EXT2_XATTR_ACL_ACCESS ||
        a->index == EXT2_XATTR_ACL_DEFAULT) {
        length = ext2_acl_convert(a->value, job->buf, job->size);
        if (length == SHALE_ECORRUPT)
            return bad_list(vn, "ext2: bad access control list", a->at);
        return length;
    }
    if (job->size > 0 && a->value.left > job->size)
        return SHALE_ERANGE;
    if (job->size > 0)
        memcpy(job->buf, a->value.at, a->value.left);
    return (int64_t)a->value.left;
}

/* Returns 1 when the attribute was found and copied. */
static int64_t get_if_named(void *context, const struct ext2_vnode *vn,
                            const struct ext2_xattr *a)
{
    struct get_job *job = context;
    int64_t length;

    if (job->len != a->prefix->len + a->name_len ||
        memcmp(job->name, a->prefix->text, a->prefix->len) != 0 ||
        memcmp(job->name + a->prefix->len, a->name, a->name_len) != 0)
        return 0;
    length = value_copy(vn, a, job);
    if (length < 0)
        return length;
    job->length = length;
    return 1;
}

int64_t ext2_xattr_get(struct ext2_vnode *vn, const char *name, void *buf,
                       size_t size)
{
    struct get_job job = { .name = name, .buf = buf, .size = size };
    struct ext2_xattr_name parts;
    int64_t found;
    int err;

    while (name[job.len] != '\0')
        job.len++;
    found = attributes_each(vn, get_if_named, &job);
    if (found != 0)
        return found < 0 ? found : job.length;

    /* As on Linux: what is never there is another matter. */
    err = ext2_xattr_name(name, &parts);
    if (err)
        return err;
    switch (parts.index) {
    case EXT2_XATTR_ACL_ACCESS:
    case EXT2_XATTR_ACL_DEFAULT:
        return SHALE_ENODATA;
    case EXT2_XATTR_USER:
    case EXT2_XATTR_TRUSTED:
    case EXT2_XATTR_SECURITY:
        return parts.len > 0 ? SHALE_ENODATA : SHALE_EINVAL;
    default:
        return SHALE_ENOTSUP;
    }
}
