/*
 * secure.c - where the security descriptor of a file is
 *
 * Since NTFS 3.0 files that are protected alike share one descriptor. The file
 * has an id, the index $SII of the record $Secure leads from that to a place in
 * its stream $SDS, and there the descriptor is behind a head that says the same
 * again:
 *
 *     $SII   id -> hash, id, place in $SDS, length
 *     $SDS   | hash, id, place, length | descriptor | to the next 16 | ...
 *
 * Every 256 KiB of $SDS are there twice in a row, so what is bad in the first
 * may be good in the second. Files of older volumes, and those that ntfs-3g
 * makes without its option `permissions`, have a $SECURITY_DESCRIPTOR of their
 * own instead; a few of the system's have neither.
 *
 * Many files share few descriptors: what one says is kept by its id, in two
 * words that a reader checks against each other, so nobody waits for a lock.
 *
 * (libfsntfs, "NTFS documentation", "$Secure"; the Linux-NTFS documentation,
 * "$Secure"; and images.)
 */
#include "extras.h"
#include "memfn.h"
#include "pair.h"

#define COPY_AFTER 0x40000u             /* where $SDS has it again */
#define LENGTH_MAX 0x40000u             /* of one, with its head */
#define MAPPING_MAX 65536u              /* of a mapping on the volume */
#define KEPT_SHIFT 12                   /* 4,096 descriptors' rights */
#define KEPT_SLOTS (1u << KEPT_SHIFT)
#define KEPT_TAG 0xfffffu

/* Before each descriptor in $SDS, and what $SII has for it. */
struct sds_head {
    le32 hash, id;
    le64 at;                    /* of this head, in $SDS */
    le32 length;                /* with this head */
};

_Static_assert(sizeof(struct sds_head) == 20, "head of a descriptor");

/* An entry of $SII: the key is the id, and what it leads to is the head. */
struct sii_entry {
    struct ntfs_disk_entry entry;
    le32 id;
    struct sds_head head;
};

#define DATA_OFFSET 20u         /* of the head, as the entry has to say */

_Static_assert(offsetof(struct sii_entry, head) == DATA_OFFSET, "$SII entry");

/*
 * The rights of one descriptor. Both words tell whose they are, so that halves
 * of two do not pass for one; ids of 2^32 - 4096 and above are not kept.
 *
 *     who   id | uid           may   gid | the id's upper 20 bits + 1 | mode
 *           32   32                  32    20                          12
 */
struct kept {
    struct pair who, may;
};

struct ntfs_security {
    struct ntfs_index *sii;     /* NULL: there is none, or it is damaged */
    int failed;                 /* ... or could not be read: SHALE_EIO */
    struct ntfs_stream sds;     /* open if sii is */
    struct ntfs_sids *sids;     /* these two where descriptors are asked */
    struct kept *kept;
};

/*
 * What ntfs-3g shows for a file that has none: owner and group Administrators,
 * who may all, but as owner and group as little as all others.
 */
static const uint8_t none[] = {
    0x01, 0x00, 0x04, 0x90, 0x8c, 0x00, 0x00, 0x00, 0x9c, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x78, 0x00, 0x05, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x18, 0x00, 0x98, 0x01, 0x1f, 0x00, 0x01, 0x02, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
    0x00, 0x04, 0x18, 0x00, 0x88, 0x00, 0x12, 0x00, 0x01, 0x02, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
    0x00, 0x04, 0x14, 0x00, 0x88, 0x00, 0x12, 0x00, 0x01, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x18, 0x00, 0xbf, 0x01, 0x1f, 0x00, 0x01, 0x02, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
    0x00, 0x04, 0x14, 0x00, 0xbf, 0x01, 0x1f, 0x00, 0x01, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00,
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00,
    0x20, 0x02, 0x00, 0x00,
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00,
    0x20, 0x02, 0x00, 0x00,
};

_Static_assert(sizeof none == 172, "the descriptor of what has none");

static const uint16_t sii_name[] = { '$', 'S', 'I', 'I' };
static const uint16_t sds_name[] = { '$', 'S', 'D', 'S' };

/* ------------------------------------------------------------- at mount */

/* Open $Secure's index and stream, if this volume has them. */
static int secure_open(struct ntfs_volume *vol, struct ntfs_security *sec)
{
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, NTFS_SECURE, &record), found;

    if (err)
        return err;
    found = ntfs_stream_open(vol, record, NTFS_DATA, sds_name, 4, &sec->sds);
    err = found < 0 ? found : 0;
    if (found > 0) {
        err = ntfs_stream_is_plain(&sec->sds)
                  ? ntfs_index_load_named(vol, record, sii_name, 4, &sec->sii)
                  : shale_corrupt_inode(vol->fs, "ntfs: $Secure:$SDS that is "
                                        "compressed or encrypted", sec->sds.at,
                                        NTFS_SECURE);
        if (err) {
            sec->sii = NULL;
            ntfs_stream_close(vol, &sec->sds);
        }
    }
    ntfs_record_put(vol, record);
    return err;
}

/*
 * The whole text of file NUMBER, to be put. Where there is none, or none that
 * can be a mapping, it has no bytes; *WRONG says why.
 */
static int text_load(struct ntfs_volume *vol, uint64_t number,
                     struct ntfs_value *out, const char **wrong)
{
    struct ntfs_stream stream;
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, number, &record), found;

    if (err)
        return err;
    found = ntfs_stream_open(vol, record, NTFS_DATA, NULL, 0, &stream);
    ntfs_record_put(vol, record);
    if (found <= 0)
        return found;
    if (stream.size > MAPPING_MAX)
        *wrong = "it is longer than 64 KiB";
    else if (!ntfs_stream_is_plain(&stream))
        *wrong = "it is compressed or encrypted";
    if (!*wrong)
        return ntfs_value_take(vol, &stream, MAPPING_MAX, out);
    ntfs_stream_close(vol, &stream);
    return 0;
}

/* The mapping that the volume itself has, where ntfs-3g looks for one, in *OUT;
   NULL if there is none that can be used. */
static int sids_of_volume(struct ntfs_volume *vol, struct ntfs_sids **out)
{
    static const char path[] = ".NTFS-3G\\UserMapping";
    uint8_t units[2 * (sizeof path - 1)] = { 0 };
    struct ntfs_value text = { .bytes = NULL };
    uint64_t number = NTFS_ROOT;
    const char *wrong = NULL;
    int err;

    for (size_t i = 0; i < sizeof path - 1; i++)
        units[2 * i] = (uint8_t)path[i];
    err = ntfs_path_find(vol, units, sizeof path - 1, &number);
    if (err > 0)
        err = text_load(vol, number, &text, &wrong);
    if (!err && text.bytes)
        err = ntfs_sids_load(vol->fs->mem, (const char *)text.bytes,
                             text.length, out);
    ntfs_value_put(vol, &text);
    if (err == SHALE_EINVAL)
        wrong = "its lines have to be uid:gid:SID";
    if (wrong)
        shale_warn(vol->fs, "ntfs: /.NTFS-3G/UserMapping is not used", wrong,
                   SHALE_NOWHERE);
    return err == SHALE_ENOMEM ? err : 0;
}

/* Who is who: by the option, or the volume's own word, which asks for
   permissions by itself; else, if these are asked for, the usual. */
static int sids_open(struct ntfs_volume *vol, struct ntfs_sids **out)
{
    struct ntfs_options *options = &vol->options;
    int err;

    if (options->mapping) {
        err = ntfs_sids_load(vol->fs->mem, options->mapping,
                             options->mapping_length, out);
        if (err == SHALE_EINVAL)
            shale_fail(vol->fs, err, "ntfs: option usermapping",
                       "entries have to be uid:gid:SID", SHALE_NOWHERE);
        return err;
    }
    err = sids_of_volume(vol, out);
    if (!err && *out)
        options->permissions = true;
    else if (!err && options->permissions)
        err = ntfs_sids_load(vol->fs->mem, NULL, 0, out);
    return err;
}

static void security_fini(struct ntfs_volume *vol)
{
    struct ntfs_security *sec = vol->security;

    if (!sec)
        return;
    shale_free(vol->fs->mem, sec->kept, KEPT_SLOTS * sizeof *sec->kept);
    ntfs_sids_free(vol->fs->mem, sec->sids);
    if (sec->sii) {
        ntfs_index_free(vol, sec->sii);
        ntfs_stream_close(vol, &sec->sds);
    }
    shale_free(vol->fs->mem, sec, sizeof *sec);
    vol->security = NULL;
}

static int security_init(struct ntfs_volume *vol)
{
    struct ntfs_security *sec = shale_zalloc(vol->fs->mem, sizeof *sec);
    int err;

    if (!sec)
        return SHALE_ENOMEM;
    vol->security = sec;

    /* Nothing of $Secure is needed to read files, so it may be damaged. */
    err = secure_open(vol, sec);
    if (err == SHALE_EIO)
        sec->failed = err;
    if (err != SHALE_ENOMEM)
        err = sids_open(vol, &sec->sids);
    if (!err && sec->sids) {
        sec->kept = shale_alloc_array(vol->fs->mem, KEPT_SLOTS,
                                      sizeof *sec->kept);
        if (!sec->kept)
            err = SHALE_ENOMEM;
    }
    if (err)
        security_fini(vol);
    return err;
}

/* --------------------------------------------------- the shared ones */

static int by_id(const void *sought, const uint8_t *key, size_t len)
{
    uint32_t id = *(const uint32_t *)sought, other;

    if (len < 4)
        return 1;
    other = le32_load(key);
    return id < other ? -1 : id > other;
}

/* What $SII has for ID, which is INO's: the head as it should be in $SDS. */
static int sii_find(struct ntfs_volume *vol, uint32_t id, uint64_t ino,
                    struct sds_head *out)
{
    struct ntfs_security *sec = vol->security;
    struct sii_entry entry;
    uint32_t length;
    int64_t found;

    if (!sec->sii && sec->failed)
        return sec->failed;
    if (!sec->sii)
        return shale_corrupt_inode(vol->fs, "ntfs: $Secure cannot be read",
                                   SHALE_NOWHERE, ino);
    found = ntfs_index_find(vol, sec->sii, by_id, &id, &entry, sizeof entry);
    if (found < 0)
        return (int)found;
    if (found == 0)
        return shale_corrupt_inode(vol->fs,
                                   "ntfs: security id that $Secure lacks",
                                   SHALE_NOWHERE, ino);
    length = le32_get(entry.head.length);
    if (found < (int64_t)sizeof entry ||
        (le64_get(entry.entry.reference) & 0xffff) != DATA_OFFSET ||
        le32_get(entry.head.id) != id || length <= sizeof entry.head ||
        length > LENGTH_MAX)
        return shale_corrupt_inode(vol->fs, "ntfs: bad entry of $Secure:$SII",
                                   SHALE_NOWHERE, ino);
    *out = entry.head;
    return 0;
}

/* Load the descriptor that is at AT of $SDS, if it is the one of HEAD: 1, with
   *OUT to be put, or 0. */
static int sds_load(struct ntfs_volume *vol, const struct sds_head *head,
                    uint64_t at, struct ntfs_value *out)
{
    const struct ntfs_stream *sds = &vol->security->sds;
    uint32_t length = le32_get(head->length);
    struct sds_head there;
    int err;

    if (at > sds->size || length > sds->size - at)
        return 0;
    err = ntfs_stream_read(vol, sds, at, &there, sizeof there);
    if (err)
        return err;
    if (le32_get(there.id) != le32_get(head->id) ||
        le32_get(there.length) != length)
        return 0;
    out->at = sds->at;
    out->length = length - sizeof there;
    out->bytes = shale_alloc(vol->fs->mem, out->length);
    if (!out->bytes)
        return SHALE_ENOMEM;
    err = ntfs_stream_read(vol, sds, at + sizeof there, out->bytes,
                           out->length);
    if (err)
        ntfs_value_put(vol, out);
    return err ? err : 1;
}

/* The descriptor that INO has by ID, from either copy. */
static int shared_load(struct ntfs_volume *vol, uint32_t id, uint64_t ino,
                       struct ntfs_value *out)
{
    struct sds_head head;
    int found = sii_find(vol, id, ino, &head);

    if (found)
        return found;
    found = sds_load(vol, &head, le64_get(head.at), out);
    if (found == 0 || found == SHALE_ECORRUPT || found == SHALE_EIO)
        found = sds_load(vol, &head, le64_get(head.at) + COPY_AFTER, out);
    if (found < 0)
        return found;
    return found > 0 ? 0 :
        shale_corrupt_inode(vol->fs, "ntfs: $Secure:$SDS lacks a descriptor",
                            SHALE_NOWHERE, ino);
}

/* -------------------------------------------------------- of any file */

/* The one of a file that has none. */
static int none_load(struct ntfs_volume *vol, struct ntfs_value *out)
{
    out->bytes = shale_alloc(vol->fs->mem, sizeof none);
    if (!out->bytes)
        return SHALE_ENOMEM;
    out->length = sizeof none;
    memcpy(out->bytes, none, sizeof none);
    return 0;
}

/* The descriptor of BASE's file, whose security id is ID, in *OUT, to be
   put. */
static int descriptor_load(struct ntfs_volume *vol,
                           const struct ntfs_record *base, uint32_t id,
                           struct ntfs_value *out)
{
    int found;

    *out = (struct ntfs_value){ .bytes = NULL };
    if (id != 0)
        return shared_load(vol, id, base->number, out);
    found = ntfs_value_get(vol, base, NTFS_SECURITY_DESCRIPTOR, NULL, 0,
                           LENGTH_MAX, out);
    if (found < 0)
        return found;
    if (found == 0)
        return none_load(vol, out);
    return out->length > 0 ? 0 :
        shale_corrupt_inode(vol->fs, "ntfs: security descriptor of no length",
                            out->at, base->number);
}

static int64_t descriptor_get(struct ntfs_volume *vol,
                              const struct ntfs_record *base, void *buf,
                              size_t size)
{
    struct ntfs_disk_standard standard;
    struct ntfs_value value;
    int64_t answer;
    int err = ntfs_standard_get(vol, base, &standard);

    if (!err)
        err = descriptor_load(vol, base, le32_get(standard.security_id),
                              &value);
    if (err)
        return err;
    answer = ntfs_answer(value.bytes, value.length, buf, size);
    ntfs_value_put(vol, &value);
    return answer;
}

/* ------------------------------------------------------------- rights */

static struct kept *slot_of(const struct ntfs_security *sec, uint32_t id)
{
    return &sec->kept[id & (KEPT_SLOTS - 1)];
}

static bool kept_get(const struct ntfs_security *sec, uint32_t id,
                     struct ntfs_rights *out)
{
    const struct kept *slot = slot_of(sec, id);
    uint64_t who = pair_get(&slot->who);
    uint64_t may = pair_get(&slot->may);

    if (who >> 32 != id || (may >> 12 & KEPT_TAG) != (id >> KEPT_SHIFT) + 1)
        return false;
    out->uid = (uint32_t)who;
    out->gid = (uint32_t)(may >> 32);
    out->mode = (uint32_t)(may & 0xfff);
    return true;
}

static void kept_put(const struct ntfs_security *sec, uint32_t id,
                     const struct ntfs_rights *rights)
{
    struct kept *slot = slot_of(sec, id);

    if (id >> KEPT_SHIFT >= KEPT_TAG)
        return;
    pair_set(&slot->who, (uint64_t)id << 32 | rights->uid);
    pair_set(&slot->may, (uint64_t)rights->gid << 32 |
             ((uint64_t)(id >> KEPT_SHIFT) + 1) << 12 | rights->mode);
}

/* What the descriptor of BASE's file says, whose security id is ID. */
static int rights_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                       uint32_t id, struct ntfs_rights *out)
{
    struct ntfs_value value;
    const char *wrong;
    size_t at;
    int err = descriptor_load(vol, base, id, &value);

    if (err)
        return err;
    wrong = ntfs_acl_decode(vol->security->sids, value.bytes, value.length,
                            out, &at);
    ntfs_value_put(vol, &value);
    return wrong ? shale_corrupt_inode(vol->fs, wrong, base->at, base->number)
                 : 0;
}

/* Owner, group and permissions by the descriptor of INFO's file. Only where
   the mount options ask for it. */
static int rights_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                      const struct ntfs_info *info, struct ntfs_rights *out)
{
    uint32_t id = info->security_id;
    int err;

    if (kept_get(vol->security, id, out))
        return 0;
    err = rights_load(vol, base, id, out);
    if (err && ntfs_is_damage(vol, err))
        *out = (struct ntfs_rights){    /* as special.c has it */
            .uid = vol->options.uid, .gid = vol->options.gid, .mode = 0700,
        };
    else if (err)
        return err;
    if (id != 0)
        kept_put(vol->security, id, out);
    return err;
}

/* ------------------------------------------------------------- the extra */

static const struct ntfs_owners_ops owners = {
    .owners_options = ntfs_owners_options,
    .owners_init    = security_init,
    .owners_fini    = security_fini,
    .rights         = rights_get,
    .descriptor     = descriptor_get,
};

static void owners_add(struct ntfs_extras *to)
{
    to->owners = &owners;
}

const struct shale_ntfs_extra shale_ntfs_owners = { owners_add };
