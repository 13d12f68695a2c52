/*
 * node.c - a file by its record: its attributes, and its vnode
 *
 * One walk over the attributes of a record finds nearly all that is to be told
 * of its file. peek() stops there, and allocates nothing but the record; load()
 * opens the data, or the index, on the way.
 *
 * A vnode's number is that of the record in the MFT, and more in the bits
 * above, which records have no use for:
 *
 *     bits 0-47    the record
 *     bits 48-61   the file's Nth stream with a name, from 1 on, in the order
 *                  of the walk; 0: the file itself
 *     bit 62       the record is not in use: a file that was deleted
 *
 * A number does not say which use of the record is meant. That is the vnode's
 * generation, the record's sequence number, which lookup() compares.
 *
 * What is damaged is reported, and the rest is shown: an attribute that breaks
 * a rule counts as one that is not there. Two things a file cannot do without:
 * $STANDARD_INFORMATION, as a sign that the record is one, and the size of its
 * data. Data that is not where it should be is an error when it is read; a size
 * that is there, but is not true, would be a silent one.
 */
#include "extras.h"
#include "memfn.h"

/* NTFS counts units of 100 ns from 1601; these are seconds. */
#define UNITS_OF_SECOND INT64_C(10000000)
#define SECONDS_TO_1970 INT64_C(11644473600)

#define STANDARD_SIZE 48u               /* of NTFS 1.2 */
#define SECURITY_ID_END 56u             /* of $STANDARD_INFORMATION */
#define FILE_NAME_SIZE sizeof(struct ntfs_disk_name)

/* So many damaged attributes are no longer a file. */
#define DAMAGED_MAX 8u

/* What stat() tells as the best size of a request, as all drivers do here. */
#define BLOCK_SIZE 4096u

static const uint16_t index_name[] = { '$', 'I', '3', '0' };

const uint16_t ntfs_wof_name[NTFS_WOF_NAME_UNITS] = {
    'W', 'o', 'f', 'C', 'o', 'm', 'p', 'r', 'e', 's', 's', 'e', 'd',
    'D', 'a', 't', 'a',
};

struct shale_time ntfs_time(uint64_t units)
{
    /* Windows' own limit is 2^63; what is above it is before 1601. */
    int64_t signed_units = (int64_t)units;
    int64_t sec = signed_units / UNITS_OF_SECOND;
    int64_t rest = signed_units % UNITS_OF_SECOND;

    if (rest < 0) {
        rest += UNITS_OF_SECOND;
        sec--;
    }
    return (struct shale_time){
        .sec = sec - SECONDS_TO_1970, .nsec = (uint32_t)rest * 100,
    };
}

bool ntfs_is_damage(const struct ntfs_volume *vol, int err)
{
    return err == SHALE_ECORRUPT ||
           (err == SHALE_EIO && vol->options.recover);
}

/* -------------------------------------------------------------- the walk */

/* What is gathered on the way. */
struct gathering {
    struct ntfs_volume *vol;
    const struct ntfs_record *base;
    struct ntfs_info *info;
    struct ntfs_stream *data;   /* to be opened, the unnamed one; or NULL */
    bool has_data;
    bool cut;                   /* a piece of it was bad, which ends it */
    uint64_t packed;            /* bytes that WOF's stream takes */
    unsigned damaged;           /* attributes */
    int missing;                /* the error of one that may be the data; 0 */
};

static int broken(const struct gathering *g, const char *what, uint64_t at)
{
    return shale_corrupt_inode(g->vol->fs, what, at, g->base->number);
}

static int take_standard(struct gathering *g, const struct ntfs_attr *attr)
{
    struct ntfs_info *info = g->info;
    struct ntfs_disk_standard disk;

    if (!attr->resident || attr->value_length < STANDARD_SIZE)
        return broken(g, "ntfs: $STANDARD_INFORMATION is too short", attr->at);
    memcpy(&disk, attr->value, STANDARD_SIZE);
    info->created = ntfs_time(le64_get(disk.created));
    info->modified = ntfs_time(le64_get(disk.modified));
    info->changed = ntfs_time(le64_get(disk.changed));
    info->accessed = ntfs_time(le64_get(disk.accessed));
    info->flags = le32_get(disk.flags);
    info->case_sensitive = info->is_directory &&
                           le32_get(disk.max_versions) == 0 &&
                           le32_get(disk.version) == 1;
    if (attr->value_length >= SECURITY_ID_END)
        info->security_id = le32_load(
            attr->value + offsetof(struct ntfs_disk_standard, security_id));
    return 0;
}

static int take_name(struct gathering *g, const struct ntfs_attr *attr)
{
    bool is_sound = attr->resident && attr->value_length >= FILE_NAME_SIZE;

    /* A name is a link, whether it can be read or not. */
    if (!is_sound ||
        attr->value[offsetof(struct ntfs_disk_name, space)] != NTFS_DOS)
        g->info->links++;
    return is_sound ? 0 : broken(g, "ntfs: $FILE_NAME is too short", attr->at);
}

/* Bytes that the attribute of which ATTR is the first piece takes: resident
   ones are aligned to 8, as they are in the record. */
static uint64_t taken_by(const struct ntfs_attr *attr)
{
    if (attr->resident)
        return (attr->value_length + UINT64_C(7)) & ~UINT64_C(7);
    return attr->unit_shift != 0 ? attr->compressed : attr->allocated;
}

static uint64_t size_of(const struct ntfs_attr *attr)
{
    return attr->resident ? attr->value_length : attr->size;
}

/* The first piece of the unnamed data. */
static int begin_data(struct gathering *g, const struct ntfs_attr *attr)
{
    struct ntfs_info *info = g->info;
    int err = 0;

    if (g->has_data) {
        info->data_lost = true;         /* which of them? */
        if (info->size < size_of(attr) && size_of(attr) <= INT64_MAX)
            info->size = size_of(attr); /* nobody is to read nothing */
        return broken(g, "ntfs: a file has its data twice", attr->at);
    }
    if (size_of(attr) > INT64_MAX)
        return broken(g, "ntfs: an attribute is larger than any can be",
                      attr->at);
    g->has_data = true;
    info->size = size_of(attr);
    info->allocated = taken_by(attr);
    if (g->vol->options.efs_raw && (attr->flags & NTFS_ATTR_ENCRYPTED) &&
        !attr->resident)
        info->size = g->vol->extras.streams->efs_size(g->vol, info->size);
    if (g->data)
        err = ntfs_stream_begin(g->vol, g->data, attr);
    if (err)
        info->data_lost = true;
    return err;
}

/* A piece of the unnamed data. */
static int take_data(struct gathering *g, const struct ntfs_attr *attr,
                     bool first)
{
    int err;

    if (first)
        return begin_data(g, attr);
    if (!g->has_data)
        return broken(g, "ntfs: the beginning of the data is not there",
                      attr->at);
    if (!g->data || g->cut || g->info->data_lost)
        return 0;
    err = ntfs_stream_add(g->vol, g->data, attr);
    if (err)
        g->cut = true;
    return err;
}

static int take_attr(struct gathering *g, const struct ntfs_attr *attr)
{
    bool first = attr->resident || attr->first_vcn == 0;

    switch (attr->type) {
    case NTFS_STANDARD_INFORMATION:
        return take_standard(g, attr);
    case NTFS_FILE_NAME:
        return take_name(g, attr);
    case NTFS_DATA:
        if (attr->name_length == 0)
            return take_data(g, attr, first);
        if (first && ntfs_attr_is(attr, NTFS_DATA, ntfs_wof_name,
                                  NTFS_WOF_NAME_UNITS))
            g->packed = taken_by(attr);
        return 0;
    case NTFS_INDEX_ALLOCATION:
        if (first && g->info->is_directory &&
            ntfs_attr_is(attr, NTFS_INDEX_ALLOCATION, index_name, 4)) {
            g->info->size = size_of(attr);
            g->info->allocated = taken_by(attr);
        }
        return 0;
    default:
        return 0;
    }
}

/*
 * An attribute of TYPE could not be read, or, with TYPE 0, nobody knows which.
 * Returns ERR if the file cannot do without it.
 */
static int do_without(struct gathering *g, uint32_t type, int err)
{
    if (!ntfs_is_damage(g->vol, err) || ++g->damaged > DAMAGED_MAX ||
        type == NTFS_STANDARD_INFORMATION)
        return err;
    if (type == 0)
        g->info->reparse_lost = true;
    if ((type == 0 || type == NTFS_DATA) && !g->missing)
        g->missing = err;
    return 0;
}

/* Take all attributes of the file. */
static int walk_all(struct gathering *g)
{
    struct ntfs_walk *walk = &g->base->room->walk;
    const struct ntfs_attr *attr = &walk->attr;
    int found, err = ntfs_walk_begin(g->vol, g->base, 0, walk);

    if (err)
        return err;
    while (!err && (found = ntfs_walk_next(walk)) != 0) {
        err = found < 0 ? found : take_attr(g, attr);
        if (!err)
            g->info->has |= NTFS_HAS(attr->type);
        else
            err = do_without(g, found < 0 ? 0 : attr->type, err);
    }
    ntfs_walk_end(walk);
    if (g->damaged > 0 && g->info->links == 0)
        g->info->links = 1;     /* something led here */
    return !err && !g->has_data && !g->info->is_directory ? g->missing : err;
}

/* What the attributes of BASE's file say; the rest as in info_load(). */
APART static int gather(struct ntfs_volume *vol,
                        const struct ntfs_record *base,
                        struct ntfs_stream *data, struct ntfs_info *info)
{
    struct gathering g = {
        .vol = vol, .base = base, .info = info, .data = data,
    };
    int err;

    info->number = base->number;
    info->sequence = base->sequence;
    info->is_directory = base->flags & NTFS_RECORD_DIRECTORY;
    if (info->is_directory)
        g.data = NULL;          /* it may have data too; nobody can read it */
    err = walk_all(&g);
    if (err)
        return err;
    if (!(info->has & NTFS_HAS(NTFS_STANDARD_INFORMATION)))
        return broken(&g, "ntfs: a file without $STANDARD_INFORMATION",
                      base->at);
    info->allocated += g.packed;
    if (g.data && g.has_data && !info->data_lost && !g.cut)
        ntfs_stream_end(vol, data);     /* reported; read as far as it goes */
    /* $Quota and its like have indexes that are no directory, and no data. */
    info->is_view = (base->flags & NTFS_RECORD_VIEW) && !g.has_data &&
                    base->number >= NTFS_FIRST_USER;
    return 0;
}

/*
 * Gather what is known of BASE's file in *INFO, which is zero. Unless it is
 * NULL, open its unnamed data in *DATA, likewise zero, which is to be closed
 * whatever this returns.
 */
static int info_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                     struct ntfs_stream *data, struct ntfs_info *info)
{
    int err = gather(vol, base, data, info);

    if (!err)
        err = ntfs_special_load(vol, base, info);
    if (info->is_view)
        info->mode = 0;
    return err;
}

/* ------------------------------------------------------------ by number */

/* The record that INO means: one in use, or if INO says so, one that is not. */
static int record_of(struct ntfs_volume *vol, uint64_t ino,
                     struct ntfs_record **out)
{
    bool deleted = ino & NTFS_INO_DELETED;
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, NTFS_INO_RECORD(ino), &record);

    if (err && err != SHALE_ENOMEM && ino == NTFS_ROOT)
        return vol->options.recover ?
            vol->extras.recovery->root_make(vol, out) :
            shale_fail(vol->fs, err == SHALE_ESTALE ? SHALE_ECORRUPT : err,
                       "ntfs: the root directory's record is lost",
                       "the option recover shows what is in it",
                       SHALE_NOWHERE);
    if (err)
        return err;
    if (deleted == (bool)(record->flags & NTFS_RECORD_IN_USE) ||
        record->base != 0) {
        ntfs_record_put(vol, record);
        return SHALE_ESTALE;
    }
    *out = record;
    return 0;
}

/* Open in *DATA the stream that INO means, and make *INFO that of it. DATA may
   be NULL. */
static int stream_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                       uint64_t ino, struct ntfs_info *info,
                       struct ntfs_stream *data)
{
    const struct ntfs_streams_ops *streams = vol->extras.streams;

    return streams ? streams->stream_load(vol, base, NTFS_INO_STREAM(ino),
                                          info, data) : SHALE_ESTALE;
}

/* A mode's bits for each enum shale_type. */
static uint32_t type_bits(enum shale_type type)
{
    static const uint32_t bits[] = {
        [SHALE_TYPE_FILE] = SHALE_S_IFREG,
        [SHALE_TYPE_DIR] = SHALE_S_IFDIR,
        [SHALE_TYPE_SYMLINK] = SHALE_S_IFLNK,
        [SHALE_TYPE_CHAR] = SHALE_S_IFCHR,
        [SHALE_TYPE_BLOCK] = SHALE_S_IFBLK,
        [SHALE_TYPE_FIFO] = SHALE_S_IFIFO,
        [SHALE_TYPE_SOCKET] = SHALE_S_IFSOCK,
    };

    return bits[type];
}

static void attr_fill(uint64_t ino, const struct ntfs_info *info,
                      struct shale_attr *out)
{
    *out = (struct shale_attr){
        .ino = ino,
        .size = info->type == SHALE_TYPE_SYMLINK ? info->symlink_length
                                                 : info->size,
        .allocated = info->allocated,
        .mode = (info->mode & 07777) | type_bits(info->type),
        .uid = info->uid,
        .gid = info->gid,
        .links = info->links,
        .rdev_major = info->rdev_major,
        .rdev_minor = info->rdev_minor,
        .generation = info->sequence,
        .flags = info->flags,
        .block_size = BLOCK_SIZE,
        .atime = info->accessed,
        .mtime = info->modified,
        .ctime = info->changed,
        .btime = info->created,
    };
}

int ntfs_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out)
{
    struct ntfs_volume *vol = ntfs_volume_of(fs);
    struct ntfs_record *record;
    struct ntfs_info *info;
    int err = record_of(vol, ino, &record);

    if (err)
        return err;
    info = &record->room->info;
    memset(info, 0, sizeof *info);
    err = info_load(vol, record, NULL, info);
    if (!err && NTFS_INO_STREAM(ino) != 0)
        err = stream_load(vol, record, ino, info, NULL);
    if (!err)
        attr_fill(ino, info, out);
    ntfs_record_put(vol, record);
    return err;
}

int ntfs_getattr(struct shale_vnode *base, struct shale_attr *out)
{
    const struct ntfs_vnode *vn = (const struct ntfs_vnode *)base;

    attr_fill(base->ino, &vn->info, out);
    return 0;
}

/* ----------------------------------------------------------- load, evict */

/* All that VN needs of RECORD. On error, evict() frees what is there. */
static int vnode_fill(struct ntfs_volume *vol, const struct ntfs_record *record,
                      struct ntfs_vnode *vn)
{
    bool is_stream = NTFS_INO_STREAM(vn->base.ino) != 0;
    int err = info_load(vol, record, is_stream ? NULL : &vn->data, &vn->info);

    if (!err && is_stream)
        err = stream_load(vol, record, vn->base.ino, &vn->info, &vn->data);
    else if (!err && vn->info.is_directory && vn->info.type == SHALE_TYPE_DIR)
        err = ntfs_index_load(vol, record, &vn->index);
    else if (!err && vn->info.reparse_tag == NTFS_TAG_WOF &&
             vn->info.type == SHALE_TYPE_FILE && vol->extras.packed)
        err = vol->extras.packed->wof_load(vol, record, vn);
    if (err)
        return err;
    ntfs_layout_set(vn);
    return vn->layout == NTFS_LAYOUT_UNITS
               ? ntfs_lately_create(vol, &vn->data, &vn->lately) : 0;
}

int ntfs_load(struct shale_vnode *base)
{
    struct ntfs_volume *vol = ntfs_volume_of(base->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)base;
    struct ntfs_record *record;
    int err = record_of(vol, base->ino, &record);

    if (err)
        return err;
    err = vnode_fill(vol, record, vn);
    ntfs_record_put(vol, record);
    if (err) {
        ntfs_evict(base);
        return err;
    }
    base->type = vn->info.type;
    base->size = vn->info.size;
    base->links = vn->info.links;
    base->generation = vn->info.sequence;
    return 0;
}

void ntfs_evict(struct shale_vnode *base)
{
    struct ntfs_volume *vol = ntfs_volume_of(base->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)base;

    ntfs_stream_close(vol, &vn->data);
    if (vn->index)
        ntfs_index_free(vol, vn->index);
    if (vn->wof)
        vol->extras.packed->wof_free(vol, vn->wof);
    ntfs_lately_free(vol, vn->lately);
    vn->index = NULL;
    vn->wof = NULL;
    vn->lately = NULL;
}
