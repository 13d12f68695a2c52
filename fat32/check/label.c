/*
 * label.c - the volume's label
 *
 * It is kept twice: as an entry of the root, which is what Windows shows, and
 * in the boot sector, where "NO NAME" stands for none. (FAT spec 1.03,
 * "BS_VolLab")
 */
#include "fat32/check/check.h"
#include "fat32/name.h"
#include "memfn.h"

#define LABEL_LEN 11u

static bool is_never(uint8_t byte)
{
    return byte < 0x20 || fat_is_one_of(byte, "\"*+,./:;<=>?[\\]|");
}

/* May a label be so? Spaces are its end, and no beginning. */
static bool is_legal(const uint8_t label[11])
{
    if (label[0] == ' ')
        return false;
    for (size_t i = label[0] == FAT_NAME_E5 ? 1 : 0; i < LABEL_LEN; i++)
        if (is_never(label[i]))
            return false;
    return true;
}

static bool is_same(const uint8_t in_root[11], const uint8_t in_boot[11])
{
    uint8_t first = in_root[0] == FAT_NAME_E5 ? FAT_NAME_FREE : in_root[0];

    return (first == in_boot[0] || in_root[0] == in_boot[0]) &&
           memcmp(in_root + 1, in_boot + 1, LABEL_LEN - 1) == 0;
}

void fat_check_labels(struct fat_check *v)
{
    const uint8_t *boot = v->boot.label;
    uint64_t boot_at = v->boot.at + v->boot.ext_at +
                       offsetof(struct fat_disk_ext, label);
    bool none = memcmp(boot, "NO NAME    ", LABEL_LEN) == 0;
    const char *text = (const char *)v->label;

    if (v->label_at != 0 && !is_legal(v->label))
        FAT_TELL(v, LABEL_BAD, v->label_at, .name = text, .len = LABEL_LEN);
    if (!v->boot.has_label)
        return;
    if (v->label_at == 0) {
        if (none || (v->root_unread && is_legal(boot)))
            return;
        text = (const char *)boot;
        if (is_legal(boot))
            FAT_TELL(v, LABEL_ALONE, boot_at, .name = text, .len = LABEL_LEN);
        else
            FAT_TELL(v, LABEL_BOOT_BAD, boot_at, .name = text,
                     .len = LABEL_LEN);
    } else if (!is_same(v->label, boot)) {
        FAT_TELL(v, LABEL_DIFFERS, boot_at, .name = text, .len = LABEL_LEN);
    }
}
