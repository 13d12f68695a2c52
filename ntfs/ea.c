/*
 * ea.c - extended attributes, as OS/2 had them, and what WSL keeps there
 *
 * The attribute $EA holds them all, one behind the other ([MS-FSCC] 2.4.16,
 * FILE_FULL_EA_INFORMATION, but for the first field, which on the volume is
 * never 0):
 *
 *     | next 4 | flags 1 | name 1 | value 2 | name, NUL | value | to 4 |
 *
 * The Windows Subsystem for Linux keeps owner, group, mode and device number of
 * a file in those called $LXUID, $LXGID, $LXMOD and $LXDEV, and its extended
 * attributes, "user.x", as "LX.user.x". NTFS makes such names upper case, and
 * an EA cannot be empty, so their values begin with "lxea". (Microsoft's "File
 * permissions for WSL" and FILE_STAT_LX_INFORMATION; the documentation of
 * wslattr.)
 */
#include "memfn.h"
#include "meta.h"
#include "shale/shale.h"

#define HEAD_SIZE 8u
#define BYTES_MAX 0x10000u      /* by $AttrDef */

static const char prefix[] = "LX.";
static const char mark[] = "lxea";

#define PREFIX_LENGTH (sizeof prefix - 1)
#define MARK_LENGTH (sizeof mark - 1)

int ntfs_eas_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                 struct ntfs_value *out)
{
    return ntfs_value_get(vol, base, NTFS_EA, NULL, 0, BYTES_MAX, out);
}

int ntfs_ea_next(const struct ntfs_value *eas, size_t *offset,
                 struct ntfs_ea *out)
{
    size_t left = eas->length - *offset, need, next;
    const uint8_t *at;

    if (left == 0)
        return 0;
    if (left < HEAD_SIZE)
        return SHALE_ECORRUPT;
    at = eas->bytes + *offset;
    next = le32_load(at);
    out->name_length = at[5];
    out->value_length = le16_load(at + 6);
    need = HEAD_SIZE + out->name_length + 1 + (size_t)out->value_length;
    if (next == 0)
        next = left;            /* as Windows' calls have it in the last */
    if (next > left || need > next)
        return SHALE_ECORRUPT;
    out->name = at + HEAD_SIZE;
    out->value = out->name + out->name_length + 1;
    *offset += next;
    return 1;
}

/* The same, with a report. */
static int next_of(struct ntfs_volume *vol, const struct ntfs_record *base,
                   const struct ntfs_value *eas, size_t *offset,
                   struct ntfs_ea *out)
{
    int more = ntfs_ea_next(eas, offset, out);

    if (more >= 0)
        return more;
    return shale_corrupt_inode(vol->fs,
                               "ntfs: extended attribute past the others' end",
                               eas->at, base->number);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Do the first LEN bytes of two names agree, but for their case? */
static bool same_text(const uint8_t *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (upper((char)a[i]) != upper(b[i]))
            return false;
    return true;
}

static bool is_called(const struct ntfs_ea *ea, const char *name, size_t len)
{
    return ea->name_length == len && same_text(ea->name, name, len);
}

/* ------------------------------------------------------ owner and mode */

static void wsl_take(struct ntfs_wsl *wsl, const struct ntfs_ea *ea)
{
    if (ea->value_length == 4 && is_called(ea, "$LXUID", 6)) {
        wsl->has_uid = true;
        wsl->uid = le32_load(ea->value);
    } else if (ea->value_length == 4 && is_called(ea, "$LXGID", 6)) {
        wsl->has_gid = true;
        wsl->gid = le32_load(ea->value);
    } else if (ea->value_length == 4 && is_called(ea, "$LXMOD", 6)) {
        wsl->has_mode = true;
        wsl->mode = le32_load(ea->value);
    } else if (ea->value_length == 8 && is_called(ea, "$LXDEV", 6)) {
        wsl->has_device = true;
        wsl->rdev_major = le32_load(ea->value);
        wsl->rdev_minor = le32_load(ea->value + 4);
    }
}

int ntfs_wsl_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                 struct ntfs_wsl *out)
{
    struct ntfs_value eas;
    struct ntfs_ea ea = { 0 };
    size_t offset = 0;
    int err = ntfs_eas_get(vol, base, &eas);

    *out = (struct ntfs_wsl){ .has_uid = false };
    if (err <= 0)
        return err;
    while ((err = next_of(vol, base, &eas, &offset, &ea)) > 0)
        wsl_take(out, &ea);
    ntfs_value_put(vol, &eas);
    return err;
}

/* -------------------------------------------------- Linux's attributes */

/* Is EA one of Linux's? Only what users, and not the kernel, gave it. */
static bool is_linux(const struct ntfs_ea *ea)
{
    static const char *const spaces[] = { "user.", "trusted.", "security." };
    const uint8_t *rest = ea->name + PREFIX_LENGTH;
    size_t left;

    if (ea->name_length <= PREFIX_LENGTH ||
        !same_text(ea->name, prefix, PREFIX_LENGTH))
        return false;
    left = ea->name_length - PREFIX_LENGTH;
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        size_t len = 0;

        while (spaces[i][len])
            len++;
        if (left > len && same_text(rest, spaces[i], len))
            return true;
    }
    return false;
}

int64_t ntfs_wsl_getxattr(struct ntfs_volume *vol,
                          const struct ntfs_record *base, const char *name,
                          void *buf, size_t size)
{
    struct ntfs_value eas;
    struct ntfs_ea ea = { 0 };
    size_t offset = 0, len = 0;
    int64_t answer = SHALE_ENODATA;
    int err = ntfs_eas_get(vol, base, &eas);

    if (err <= 0)
        return err ? err : answer;
    while (name[len])
        len++;
    while ((err = next_of(vol, base, &eas, &offset, &ea)) > 0) {
        size_t skip = 0;

        if (!is_linux(&ea) || ea.name_length != PREFIX_LENGTH + len ||
            !same_text(ea.name + PREFIX_LENGTH, name, len))
            continue;
        if (ea.value_length >= MARK_LENGTH &&
            memcmp(ea.value, mark, MARK_LENGTH) == 0)
            skip = MARK_LENGTH;
        answer = ntfs_answer(ea.value + skip, ea.value_length - skip, buf,
                             size);
        break;
    }
    ntfs_value_put(vol, &eas);
    return err < 0 ? err : answer;
}

/* NAME as Linux has it: in lower case, if all of it is in upper case. */
static size_t linux_name(const struct ntfs_ea *ea, char *out)
{
    size_t len = ea->name_length - PREFIX_LENGTH;
    bool as_it_is = false;

    for (size_t i = 0; i < len; i++) {
        out[i] = (char)ea->name[PREFIX_LENGTH + i];
        as_it_is |= out[i] >= 'a' && out[i] <= 'z';
    }
    for (size_t i = 0; i < len && !as_it_is; i++)
        out[i] = lower(out[i]);
    return len;
}

/*
 * Those called NAME are hidden by taking the first letter off what makes them
 * Linux's. One pass for each name, and nothing to remember.
 */
void ntfs_wsl_hide(struct ntfs_value *eas, const char *name, size_t len)
{
    char own[UINT8_MAX];
    struct ntfs_ea ea = { 0 };
    size_t offset = 0;

    while (ntfs_ea_next(eas, &offset, &ea) > 0)
        if (ea.name_length == PREFIX_LENGTH + len && is_linux(&ea) &&
            linux_name(&ea, own) == len && memcmp(own, name, len) == 0)
            eas->bytes[ea.name - eas->bytes] = '\0';
}

int ntfs_wsl_list(const struct ntfs_value *eas,
                  int (*emit)(void *context, const char *name, size_t len),
                  void *context)
{
    char name[UINT8_MAX];
    struct ntfs_ea ea = { 0 };
    size_t offset = 0;
    int stop = 0;

    while (!stop && ntfs_ea_next(eas, &offset, &ea) > 0)
        if (is_linux(&ea))
            stop = emit(context, name, linux_name(&ea, name));
    return stop;
}
