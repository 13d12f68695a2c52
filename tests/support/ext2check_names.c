/*
 * ext2check_names.c - the directories of an ext2 volume
 *
 * They are taken in the order in which they are found, so the list of entries
 * is the queue of directories too. The index of a directory is e2fsck's to look
 * at: here it is records that are not in use.
 */
#include "ext2check_own.h"

#include <stdlib.h>
#include <string.h>

enum { DUPLICATES_MAX = 300 };    /* names that are compared with each other */

/* What a directory's record says, as enum shale_type has it. */
static const enum shale_type record_types[8] = {
    SHALE_TYPE_UNKNOWN, SHALE_TYPE_FILE, SHALE_TYPE_DIR, SHALE_TYPE_CHAR,
    SHALE_TYPE_BLOCK, SHALE_TYPE_FIFO, SHALE_TYPE_SOCKET, SHALE_TYPE_SYMLINK,
};

/* Names are kept as offsets until all are known: the text moves. */
static size_t keep_text(struct ext2check *check, const void *name, size_t len)
{
    size_t at = check->text_len;

    if (at + len + 1 > check->text_room) {
        check->text_room = (at + len + 1) * 2 + 4096;
        check->text = realloc(check->text, check->text_room);
        if (!check->text)
            abort();
    }
    memcpy(check->text + at, name, len);
    check->text[at + len] = '\0';
    check->text_len = at + len + 1;
    return at;
}

static void add_entry(struct found *found, size_t dir, uint32_t ino,
                      const void *name, size_t len)
{
    struct ext2check *check = found->own;
    struct found_entry *entry = found_add(found);
    const uint8_t *raw = check->inodes[ino].raw;

    entry->parent = dir;
    entry->ino = ino;
    entry->mode = get16(raw);
    entry->uid = get16(raw + 2) | (uint32_t)get16(raw + 120) << 16;
    entry->gid = get16(raw + 24) | (uint32_t)get16(raw + 122) << 16;
    entry->type = type_of(entry->mode);
    if (entry->type == SHALE_TYPE_FILE || entry->type == SHALE_TYPE_SYMLINK)
        entry->size = check->inodes[ino].size;
    entry->place = keep_text(check, name, len);
}

/* A record of DIR that is in use, the NUMBERth of them. */
static void take_record(struct found *found, size_t dir, const uint8_t *record,
                        unsigned number)
{
    struct ext2check *check = found->own;
    uint32_t ino = get32(record), self = (uint32_t)found->entries[dir].ino;
    uint8_t len = record[6], type = record[7];
    const uint8_t *name = record + 8;
    struct ext2check_inode *inode;
    bool dots = number < 2;

    if (ino > check->inode_count || (ino < check->first_ino &&
                                     ino != ROOT_INO)) {
        fault(found, FOUND_BAD, "'%.*s' in directory %u is inode %u", len,
              (const char *)name, self, ino);
        return;
    }
    if (!check->inodes[ino].used) {
        fault(found, dots ? FOUND_BAD : FOUND_STEPS, "'%.*s' in directory %u "
              "is inode %u, which is not in use", len, (const char *)name,
              self, ino);
        return;
    }
    inode = &check->inodes[ino];
    inode->names++;
    if ((check->incompat & INCOMPAT_FILETYPE) &&
        (type > 7 || record_types[type] != type_of(get16(inode->raw))))
        fault(found, FOUND_BAD, "'%.*s' in directory %u is not of type %u",
              len, (const char *)name, self, type);
    if (dots) {
        if (len != number + 1 || memcmp(name, "..", len) != 0 ||
            ino != (number == 0 ? self : inode == &check->inodes[ROOT_INO] &&
                    self == ROOT_INO ? ROOT_INO : check->inodes[self].parent))
            fault(found, number == 1 ? FOUND_RENAMED : FOUND_BAD,
                  "directory %u: '%.*s' is inode %u", self, len,
                  (const char *)name, ino);
        return;
    }
    if (type_of(get16(inode->raw)) == SHALE_TYPE_DIR) {
        if (inode->parent != 0 || ino == ROOT_INO) {
            fault(found, FOUND_RENAMED, "directory %u is in directories %u and "
                  "%u", ino, inode->parent, self);
            return;
        }
        inode->parent = self;
    }
    if (memchr(name, '/', len) || memchr(name, '\0', len) ||
        (len < 3 && memcmp(name, "..", len) == 0))
        fault(found, FOUND_BAD, "directory %u has a name that is none", self);
    add_entry(found, dir, ino, name, len);
}

static void take_dir(struct found *found, size_t dir)
{
    struct ext2check *check = found->own;
    uint32_t self = (uint32_t)found->entries[dir].ino;
    const struct ext2check_inode *inode = &check->inodes[self];
    size_t first = found->count;
    unsigned number = 0;

    for (uint64_t i = 0; i < inode->size / check->block_size; i++) {
        uint32_t block = ext2check_map(check, inode->raw, i);
        const uint8_t *bytes = block_at(check, block);

        for (uint32_t at = 0; block != 0 && at < check->block_size;) {
            uint32_t len = get16(bytes + at + 4);
            uint32_t needed = 8 + (uint32_t)bytes[at + 6];

            if (check->block_size == 65536 && (len == 0 || len == 65535))
                len = 65536;    /* which has no 16 bits */
            if (len % 4 != 0 || len < 12 || len > check->block_size - at ||
                (get32(bytes + at) != 0 && needed > len)) {
                fault(found, FOUND_BAD, "directory %u, block %u, byte %u: a "
                      "record of %u bytes", self, (unsigned)i, at, len);
                break;
            }
            if (get32(bytes + at) != 0 && bytes[at + 6] == 0)
                fault(found, FOUND_BAD, "directory %u has an empty name",
                      self);
            else if (get32(bytes + at) != 0)
                take_record(found, dir, bytes + at, number++);
            at += len;
        }
    }
    if (number < 2)
        fault(found, FOUND_BAD, "directory %u has no '..'", self);
    for (size_t i = first; i < found->count && i - first < DUPLICATES_MAX; i++)
        for (size_t k = first; k < i; k++)
            if (strcmp(check->text + found->entries[i].place,
                       check->text + found->entries[k].place) == 0)
                fault(found, FOUND_BAD, "directory %u has '%s' twice", self,
                      check->text + found->entries[i].place);
}

static void take_tree(struct found *found)
{
    struct ext2check *check = found->own;

    check->text_len = 0;
    if (!check->inodes[ROOT_INO].used ||
        type_of(get16(check->inodes[ROOT_INO].raw)) != SHALE_TYPE_DIR) {
        fault(found, FOUND_BAD, "there is no root");
        return;
    }
    add_entry(found, 0, ROOT_INO, "", 0);
    for (size_t i = 0; i < found->count; i++)
        if (found->entries[i].type == SHALE_TYPE_DIR)
            take_dir(found, i);
    for (size_t i = 0; i < found->count; i++)
        found->entries[i].name = check->text + found->entries[i].place;
}

static void check_links(struct found *found)
{
    struct ext2check *check = found->own;

    for (uint32_t ino = ROOT_INO; ino <= check->inode_count; ino++) {
        const struct ext2check_inode *inode = &check->inodes[ino];
        uint32_t links = get16(inode->raw + 26);

        if ((ino > ROOT_INO && ino < check->first_ino) || !inode->used)
            continue;
        if (inode->names == 0 && links > 0)
            fault(found, type_of(get16(inode->raw)) == SHALE_TYPE_DIR
                         ? FOUND_RENAMED : FOUND_BAD,
                  "inode %u has no name", ino);
        else if (inode->names != links)
            fault(found, FOUND_STEPS, "inode %u has %u names, not %u", ino,
                  inode->names, links);
        if (type_of(get16(inode->raw)) == SHALE_TYPE_DIR && links > 0 &&
            ino != ROOT_INO && inode->parent == 0)
            fault(found, FOUND_RENAMED, "directory %u is in none", ino);
    }
}

void ext2check_names(struct found *found)
{
    take_tree(found);
    check_links(found);
}
