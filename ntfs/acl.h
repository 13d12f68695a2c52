/*
 * acl.h - lists of access: acl.c has them as bytes, rights.c what they come to
 */
#ifndef NTFS_ACL_H
#define NTFS_ACL_H

#include "meta.h"

/* A list of entries (ACEs), all of them checked, and how far it was walked. */
struct ntfs_acl {
    const uint8_t *bytes;       /* the descriptor's */
    size_t at, end;
    unsigned left;              /* entries */
};

/* One that allows or denies. */
struct ntfs_ace {
    bool denies;                /* ... the rights, which else it allows */
    bool inherit_only;          /* for what will be made in the directory */
    uint32_t mask;
    const uint8_t *sid;
};

bool ntfs_ace_next(struct ntfs_acl *list, struct ntfs_ace *out);

/* Whose a file is that OWNER has, by what LIST says besides. Of the SIDs here
   any may be NULL. */
const uint8_t *ntfs_rights_owner(struct ntfs_acl list, const uint8_t *owner);

/* The permissions that LIST gives OWNER, GROUP and others; see rights.c. */
uint32_t ntfs_rights_mode(const struct ntfs_sids *sids, struct ntfs_acl list,
                          const uint8_t *owner, const uint8_t *group);

#endif /* NTFS_ACL_H */
